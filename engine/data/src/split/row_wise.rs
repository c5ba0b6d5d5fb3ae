//! Parts of a table that does not fit the memory: told of each row alone, block by block; and rows drawn from them.

use super::{Part, Table, below, check_shares, find, given, hash, no_row, one_class};
use crate::bounded::mix;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use trainyard_infer::frame::Frame;
use trainyard_types::{
    Problem,
    run::{SplitMethod, SplitSpec, Task},
};

/// Divides rows that come block by block. A random split draws each row's part on its own, so that the shares, of rows and
/// of each class, are met as nearly as chance allows, where [`super::split`] meets them to the row. What a column or a hash
/// decides is the same as there.
#[derive(Clone, Copy, Debug)]
pub struct RowWise<'a> {
    spec: &'a SplitSpec,
    target: &'a str,
    task: Task,
}

impl<'a> RowWise<'a> {
    /// `None` where a row's part depends on other rows: groups, and the order of time.
    ///
    /// # Errors
    /// A share is out of range.
    pub fn new(spec: &'a SplitSpec, target: &'a str, task: Task) -> Result<Option<Self>, Problem> {
        match spec.method {
            SplitMethod::Group { .. } | SplitMethod::Time { .. } => return Ok(None),
            SplitMethod::Given { .. } => {}
            SplitMethod::Random | SplitMethod::Hash { .. } => check_shares(spec)?,
        }
        Ok(Some(Self { spec, target, task }))
    }

    /// The parts of a block's rows, the first of which is row `first` of the table; `usable` says which have a target.
    ///
    /// # Errors
    /// As [`super::split`], but for parts without rows.
    pub fn parts(&self, block: &Frame, first: usize, usable: &[bool]) -> Result<Vec<Option<Part>>, Problem> {
        let target = find(block, self.target, "target")?;
        let table = Table { frame: block, target: Some((target, self.task)), spec: self.spec };
        table.check()?;
        let rows: Vec<u32> = (0..block.rows as u32).filter(|&row| usable[row as usize]).collect();
        let mut parts = vec![None; block.rows];
        match &self.spec.method {
            SplitMethod::Given { column } => given(&rows, find(block, column, "split")?, &mut parts)?,
            SplitMethod::Hash { .. } => {
                hash::positions(&table, &rows, "part", |row, at| parts[row as usize] = Some(self.at(at)))?;
            }
            _ => {
                let seed = mix(self.spec.seed);
                for row in rows {
                    // 53 bits, as many as a float holds.
                    let bits = mix(seed ^ (first as u64 + u64::from(row))) >> 11;
                    parts[row as usize] = Some(self.at(bits as f64 / (1_u64 << 53) as f64));
                }
            }
        }
        Ok(parts)
    }

    /// The part at a place in 0 up to 1.
    fn at(&self, place: f64) -> Part {
        match place {
            at if at < self.spec.test => Part::Test,
            at if at < self.spec.test + self.spec.valid => Part::Valid,
            _ => Part::Train,
        }
    }

    /// Whether all blocks together can be trained on. `rows`: of the three parts; `classes`: that the train rows have.
    ///
    /// # Errors
    /// A part has no rows, or the train rows are of a single class.
    pub fn check(&self, rows: [u64; 3], classes: usize) -> Result<(), Problem> {
        for (part, count) in Part::ALL.into_iter().zip(rows) {
            if count == 0 && (part != Part::Test || self.spec.test > 0.0) {
                return Err(no_row(part, rows.iter().sum(), self.spec));
            }
        }
        if self.task.is_classification() && classes < 2 { Err(one_class(self.target)) } else { Ok(()) }
    }
}

/// Up to `most` rows of a part, in rising order, each with the same chance (selection sampling: Knuth, The Art of Computer
/// Programming 2, 3.4.2, algorithm S). The same parts and seed give the same rows.
pub fn drawn(parts: &[Option<Part>], part: Part, most: usize, seed: u64) -> Vec<usize> {
    let own = |row: &usize| parts[*row] == Some(part);
    let mut left = (0..parts.len()).filter(own).count() as u64;
    let mut wanted = left.min(most as u64);
    let mut random = ChaCha8Rng::seed_from_u64(mix(seed ^ part as u64));
    let mut rows = Vec::with_capacity(wanted as usize);
    for row in (0..parts.len()).filter(own) {
        if wanted == 0 {
            break;
        }
        if wanted == left || below(left, &mut random) < wanted {
            rows.push(row);
            wanted -= 1;
        }
        left -= 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trainyard_infer::frame::{Column, Values};
    use trainyard_types::dataset::ColumnType;

    fn table(rows: usize) -> Frame {
        let texts = |name: &str, of: fn(usize) -> u32, levels: &[&str]| Column {
            name: name.into(),
            kind: ColumnType::Text,
            values: Values::Categories {
                codes: (0..rows).map(of).collect(),
                levels: levels.iter().map(|level| (*level).to_owned()).collect(),
            },
        };
        let key = (0..rows).map(|row| (row % 300) as f64).collect();
        let columns = vec![
            Column { name: "key".into(), kind: ColumnType::Integer, values: Values::Numbers(key) },
            texts("y", |row| (row % 5 == 0) as u32, &["no", "yes"]),
            texts("part", |row| (row % 4).saturating_sub(1) as u32, &["train", "valid", "test"]),
        ];
        Frame { columns, rows }
    }

    fn blocks(table: &Frame, spec: &SplitSpec) -> Vec<Option<Part>> {
        let rows = RowWise::new(spec, "y", Task::Binary).unwrap().unwrap();
        let all: Vec<usize> = (0..table.rows).collect();
        let parts = all
            .chunks(777)
            .flat_map(|block| rows.parts(&table.take(block), block[0], &vec![true; block.len()]).unwrap());
        parts.collect()
    }

    #[test]
    fn blocks_have_the_parts_of_the_whole() {
        let table = table(6_000);
        for method in [SplitMethod::Given { column: "part".into() }, SplitMethod::Hash { column: "key".into() }] {
            let spec = SplitSpec { method, ..SplitSpec::default() };
            let whole = super::super::split(&table, &spec, "y", Task::Binary, &vec![true; 6_000]).unwrap();
            assert_eq!(blocks(&table, &spec), whole);
        }
    }

    #[test]
    fn a_random_row_falls_where_chance_says() {
        let spec = SplitSpec::default();
        let table = table(20_000);
        let parts = blocks(&table, &spec);
        assert_eq!(parts, blocks(&table, &spec));
        assert_ne!(parts, blocks(&table, &SplitSpec { seed: 1, ..SplitSpec::default() }));
        let count = |part| parts.iter().filter(|own| **own == Some(part)).count() as f64;
        // Of 20,000 rows, one standard error of a fifth is 57.
        assert!((count(Part::Valid) - 4_000.0).abs() < 250.0 && (count(Part::Test) - 4_000.0).abs() < 250.0);
        let rows = RowWise::new(&spec, "y", Task::Binary).unwrap().unwrap();
        assert!(rows.check([10, 5, 0], 2).unwrap_err().message.contains("test"));
        assert!(rows.check([10, 5, 5], 1).unwrap_err().message.contains("same `y`"));
        let spec = SplitSpec { method: SplitMethod::Time { column: "at".into() }, ..SplitSpec::default() };
        assert!(RowWise::new(&spec, "y", Task::Binary).unwrap().is_none());
    }

    #[test]
    fn rows_are_drawn_evenly() {
        let parts: Vec<Option<Part>> =
            (0..10_000).map(|row| if row % 2 == 0 { Some(Part::Train) } else { None }).collect();
        let rows = drawn(&parts, Part::Train, 1_000, 3);
        assert_eq!((rows.len(), rows.is_sorted()), (1_000, true));
        assert!(rows.iter().all(|row| row % 2 == 0));
        let mean = rows.iter().sum::<usize>() / 1_000;
        // One standard error is 91.
        assert!((4_600..5_400).contains(&mean), "{mean}");
        assert_eq!(rows, drawn(&parts, Part::Train, 1_000, 3));
        assert_eq!(drawn(&parts, Part::Train, 9_000, 3).len(), 5_000);
        assert!(drawn(&parts, Part::Test, 9, 3).is_empty());
    }
}
