//! Divides rows into train, validation and test, so that the test rows stay unseen.
//!
//! The same table, specification and seed give the same parts: the order is shuffled by ChaCha8 (Fisher and Yates, with
//! Lemire's unbiased bounded integers) and does not depend on any library's own shuffle.

mod folds;
mod group;
mod hash;
mod made;
mod row_wise;
mod stored;
mod time;

pub use made::{Division, MadeSplit, make, make_of};
pub use row_wise::{RowWise, drawn};
pub use stored::{Divided, divide};

use crate::words;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use trainyard_infer::frame::{Column, Frame, MISSING, Values};
use trainyard_types::{
    Problem,
    run::{SplitMethod, SplitSpec, Task},
};

/// What a row is used for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    Train,
    Valid,
    Test,
}

impl Part {
    const ALL: [Part; 3] = [Part::Train, Part::Valid, Part::Test];

    fn name(self) -> &'static str {
        match self {
            Part::Train => "training",
            Part::Valid => "validation",
            Part::Test => "test",
        }
    }
}

/// Divides the rows; `usable` says which have a target. `None` in the answer is a row that is not used: without a
/// target, or without a value in the column that decides.
///
/// - Random: shuffled; for classification each class is divided by the same shares, to the row, and every class has a
///   row to train on.
/// - Time: ordered by the column; the newest rows test. Rows of the same instant stay together, so that the shares are
///   met as nearly as that allows.
///   With a gap, the newest rows before a cut are in no part.
/// - Group: groups in random order, the largest first among those left out of balance, each goes to the part that lacks
///   most of its share, of rows and of each class. A missing group is no group: those rows are not used.
/// - Given: the column's `train`, `valid` (`validation`, `val`, `dev`) and `test`, upper or lower case.
/// - Hash: the key's hash decides, so that the shares are met as nearly as chance allows. Rows without a key are not used.
///
/// `spec.test` may be 0 where the test rows are a file of their own; then no row is [`Part::Test`].
///
/// # Errors
/// In words: a share out of range, an unknown or unfit column, a class with one row, a part without rows, training
/// rows of a single class.
pub fn split(
    frame: &Frame,
    spec: &SplitSpec,
    target: &str,
    task: Task,
    usable: &[bool],
) -> Result<Vec<Option<Part>>, Problem> {
    if usable.len() != frame.rows {
        return Err(Problem::internal(format!("{} rows were marked of {}.", usable.len(), frame.rows)));
    }
    let target = find(frame, target, "target")?;
    let table = Table { frame, target: Some((target, task)), spec };
    let rows: Vec<u32> = (0..frame.rows as u32).filter(|&row| usable[row as usize]).collect();
    table.parts(&rows)
}

/// What is divided, and how.
#[derive(Clone, Copy)]
struct Table<'a> {
    frame: &'a Frame,
    target: Option<(&'a Column, Task)>,
    spec: &'a SplitSpec,
}

impl<'a> Table<'a> {
    /// The three parts of these rows. Rows are numbered in 32 bits: tables of [`crate::limits::MAX_ROWS`] keep to them, in
    /// half the memory.
    fn parts(&self, rows: &[u32]) -> Result<Vec<Option<Part>>, Problem> {
        let spec = self.spec;
        self.check()?;
        if !matches!(spec.method, SplitMethod::Given { .. }) {
            check_shares(spec)?;
        }
        let mut parts = vec![None; self.frame.rows];
        match &spec.method {
            SplitMethod::Random => random(self.strata(rows)?, spec, &mut parts),
            SplitMethod::Time { column } => time::parts(rows, spec, find(self.frame, column, "split")?, &mut parts)?,
            SplitMethod::Group { .. } => group::parts(self, rows, &mut parts)?,
            SplitMethod::Given { column } => given(rows, find(self.frame, column, "split")?, &mut parts)?,
            SplitMethod::Hash { .. } => {
                hash::positions(self, rows, "part", |row, at| {
                    parts[row as usize] = Some(match at {
                        at if at < spec.test => Part::Test,
                        at if at < spec.test + spec.valid => Part::Valid,
                        _ => Part::Train,
                    });
                })?;
            }
        }
        self.check_parts(&parts)?;
        Ok(parts)
    }

    /// The target decides nothing, and what only some methods know is not asked of others.
    fn check(&self) -> Result<(), Problem> {
        let columns = self.spec.columns();
        if let Some((target, _)) = self.target
            && columns.contains(&target.name.as_str())
        {
            return Err(Problem::field("split", "The target can't decide the split too. Choose another column."));
        }
        if self.spec.gap.is_some() && !matches!(self.spec.method, SplitMethod::Time { .. }) {
            return Err(Problem::field(
                "gap",
                "Only a split by time can have a gap. Choose a column of dates or numbers to split by, or no gap.",
            ));
        }
        if !self.spec.also.is_empty() && columns.len() < 2 {
            return Err(Problem::field("split", "Only groups and key hashes take several columns. Name one."));
        }
        Ok(())
    }

    /// What the target's column is where the task is a classification.
    fn classes(&self) -> Option<&'a Column> {
        self.target.filter(|(_, task)| task.is_classification()).map(|(column, _)| column)
    }

    /// Rows that are divided by the same shares: those of a class, or of a bin of a numeric target; otherwise all.
    ///
    /// # Errors
    /// A class with a single row; bins that are too many, or of no numbers.
    fn strata(&self, rows: &[u32]) -> Result<Vec<Vec<u32>>, Problem> {
        if let Some(target) = self.classes() {
            if self.spec.bins.is_some() {
                return Err(Problem::field(
                    "bins",
                    "Bins are for numbers; classes have their share in each part anyway.",
                ));
            }
            // Classes in the order of their labels, which does not depend on the rows' order.
            let classes = by_class(target, rows);
            let single: Vec<&String> =
                classes.iter().filter(|(_, rows)| rows.len() == 1).map(|(label, _)| label).collect();
            if !single.is_empty() {
                return Err(Problem::field(
                    "target",
                    format!(
                        "{} of `{}` with a single row can't be both trained on and tested: {}. Group or remove such classes.",
                        words::counted(single.len() as u64, "class", "classes"),
                        words::clip(&target.name),
                        words::listed(&single)
                    ),
                ));
            }
            return Ok(classes.into_iter().map(|(_, rows)| rows).collect());
        }
        let Some(bins) = self.spec.bins else { return Ok(vec![rows.to_vec()]) };
        let Some((Column { values: Values::Numbers(numbers), .. }, _)) = self.target else {
            return Err(Problem::field("bins", "Bins need a target that holds numbers. Choose one, or no bins."));
        };
        by_bins(numbers, rows, bins)
    }

    fn check_parts(&self, parts: &[Option<Part>]) -> Result<(), Problem> {
        let used = parts.iter().flatten().count();
        for part in Part::ALL {
            if !parts.contains(&Some(part)) && (part != Part::Test || self.spec.test > 0.0) {
                return Err(no_row(part, used as u64, self.spec));
            }
            if part == Part::Train
                && let Some(target) = self.classes()
                && !has_two_classes(target, parts)
            {
                return Err(one_class(&target.name));
            }
        }
        Ok(())
    }
}

/// `used`: rows that can be used.
fn no_row(part: Part, used: u64, spec: &SplitSpec) -> Problem {
    Problem::field(
        "split",
        format!(
            "No row is left for {}: only {} can be used. {}",
            part.name(),
            words::counted(used, "row", "rows"),
            match spec.method {
                SplitMethod::Given { .. } => "Name some rows so in the column that decides.",
                SplitMethod::Time { .. } if spec.gap.is_some() =>
                    "Too many rows share the same time, or the gap is too long: make it shorter, or choose another column.",
                SplitMethod::Time { .. } =>
                    "Too many rows share the same time: choose another column or a random split.",
                _ => "Add rows or change the shares.",
            }
        ),
    )
}

fn one_class(target: &str) -> Problem {
    Problem::field(
        "split",
        format!(
            "All training rows have the same `{}`, so that there is nothing to tell apart. Choose another split.",
            words::clip(target)
        ),
    )
}

fn find<'a>(frame: &'a Frame, name: &str, field: &str) -> Result<&'a Column, Problem> {
    frame.column(name).ok_or_else(|| {
        let known: Vec<&String> = frame.columns.iter().map(|column| &column.name).collect();
        Problem::field(
            field,
            format!("There is no column `{}`. The columns are {}.", words::clip(name), words::listed(&known)),
        )
    })
}

fn check_shares(spec: &SplitSpec) -> Result<(), Problem> {
    let allowed = 0.01..=0.8;
    if !allowed.contains(&spec.valid) {
        return Err(Problem::field("valid", "The share of validation rows must be between 1 and 80 %. 20 % is usual."));
    }
    if spec.test != 0.0 && !allowed.contains(&spec.test) {
        return Err(Problem::field("test", "The share of test rows must be between 1 and 80 %. 20 % is usual."));
    }
    if spec.valid + spec.test > 0.9 + 1e-9 {
        return Err(Problem::field(
            "test",
            "Validation and test rows together can be 90 % at most, so that there is something to train on.",
        ));
    }
    Ok(())
}

/// How many of `n` go to validation and to test: rounded, and at least one each where there are three.
fn sizes(n: usize, spec: &SplitSpec) -> (usize, usize) {
    let share = |share: f64| if share == 0.0 { 0 } else { ((n as f64 * share).round() as usize).max(1) };
    (share(spec.valid), share(spec.test))
}

/// Puts `items` into an order that the generator decides.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(i as u64 + 1, rng) as usize);
    }
}

/// A whole number below `n`, all equally likely (D. Lemire, "Fast random integer generation in an interval", 2019).
pub(crate) fn below(n: u64, rng: &mut ChaCha8Rng) -> u64 {
    let mut product = u128::from(rng.next_u64()) * u128::from(n);
    if (product as u64) < n {
        let threshold = n.wrapping_neg() % n;
        while (product as u64) < threshold {
            product = u128::from(rng.next_u64()) * u128::from(n);
        }
    }
    (product >> 64) as u64
}

/// Divides each stratum by the shares; every one with three rows is in every part. Of a single stratum the shares are
/// met to the row; what rounding takes from one it gives to the next.
fn random(mut strata: Vec<Vec<u32>>, spec: &SplitSpec, parts: &mut [Option<Part>]) {
    let mut rng = ChaCha8Rng::seed_from_u64(spec.seed);
    if let [rows] = strata.as_mut_slice() {
        shuffle(rows, &mut rng);
        let (valid, test) = sizes(rows.len(), spec);
        return deal(rows, valid, test, parts);
    }
    let (mut valid_due, mut test_due) = (0.0, 0.0);
    for rows in strata.iter_mut().filter(|rows| !rows.is_empty()) {
        shuffle(rows, &mut rng);
        let n = rows.len();
        valid_due += n as f64 * spec.valid;
        test_due += n as f64 * spec.test;
        let mut test = (test_due.round().max(0.0) as usize).min(n - 1);
        let mut valid = (valid_due.round().max(0.0) as usize).min(n - 1 - test);
        if n >= 3 {
            // A class that can be in every part is.
            if test == 0 && spec.test > 0.0 {
                test = 1;
                valid = valid.min(n - 2);
            }
            if valid == 0 {
                valid = 1;
                test = test.min(n - 2);
            }
        }
        valid_due -= valid as f64;
        test_due -= test as f64;
        deal(rows, valid, test, parts);
    }
}

/// Rows by quantile bins of their value; equal values are in one bin.
fn by_bins(numbers: &[f64], rows: &[u32], bins: u32) -> Result<Vec<Vec<u32>>, Problem> {
    let n = rows.len();
    if !(2..=100).contains(&bins) || n < 3 * bins as usize {
        return Err(Problem::field(
            "bins",
            format!(
                "{} can't be divided in {bins} bins. Use 2 to 100, with three rows or more in each.",
                words::counted(n as u64, "row", "rows")
            ),
        ));
    }
    let mut sorted: Vec<f64> = rows.iter().map(|&row| numbers[row as usize]).collect();
    sorted.sort_by(f64::total_cmp);
    let mut edges: Vec<f64> = (1..bins as usize).map(|bin| sorted[bin * n / bins as usize]).collect();
    edges.dedup();
    let mut strata = vec![Vec::new(); edges.len() + 1];
    for &row in rows {
        strata[edges.partition_point(|edge| *edge <= numbers[row as usize])].push(row);
    }
    strata.retain(|rows| !rows.is_empty());
    Ok(strata)
}

/// The first rows test, the next validate, the others train.
fn deal(rows: &[u32], valid: usize, test: usize, parts: &mut [Option<Part>]) {
    for (i, &row) in rows.iter().enumerate() {
        parts[row as usize] = Some(match i {
            i if i < test => Part::Test,
            i if i < test + valid => Part::Valid,
            _ => Part::Train,
        });
    }
}

/// The rows of each class, by label.
fn by_class(column: &Column, rows: &[u32]) -> Vec<(String, Vec<u32>)> {
    let mut of_key: HashMap<u64, Vec<u32>> = HashMap::new();
    rows.iter().for_each(|&row| of_key.entry(class_key(column, row as usize)).or_default().push(row));
    let label: Box<dyn Fn(u64) -> String> = match &column.values {
        Values::Numbers(_) => Box::new(|key| crate::target::class_label(f64::from_bits(key))),
        Values::Categories { levels, .. } => Box::new(|key| levels.get(key as usize).cloned().unwrap_or_default()),
    };
    let mut classes: Vec<(String, Vec<u32>)> = of_key.into_iter().map(|(key, rows)| (label(key), rows)).collect();
    classes.sort();
    classes
}

/// Equal where the classes are.
fn class_key(column: &Column, row: usize) -> u64 {
    match &column.values {
        Values::Numbers(numbers) => (numbers[row] + 0.0).to_bits(),
        Values::Categories { codes, .. } => u64::from(codes[row]),
    }
}

/// Whether the rows to train on are of more than one class.
fn has_two_classes(column: &Column, parts: &[Option<Part>]) -> bool {
    let mut keys = (0..parts.len()).filter(|&row| parts[row] == Some(Part::Train)).map(|row| class_key(column, row));
    keys.next().is_some_and(|first| keys.any(|key| key != first))
}

/// What a column that decides calls a part, in any case.
fn part_named(level: &str) -> Option<Part> {
    match level.to_lowercase().as_str() {
        "train" | "training" => Some(Part::Train),
        "valid" | "validation" | "val" | "dev" => Some(Part::Valid),
        "test" | "testing" => Some(Part::Test),
        _ => None,
    }
}

fn given(rows: &[u32], column: &Column, parts: &mut [Option<Part>]) -> Result<(), Problem> {
    let name = words::clip(&column.name);
    let expected = "It has to hold `train`, `valid` (or `validation`) and `test`.";
    let Values::Categories { codes, levels } = &column.values else {
        return Err(Problem::field("split", format!("`{name}` holds numbers. {expected}")));
    };
    let of_level: Vec<Option<Part>> = levels.iter().map(|level| part_named(level)).collect();
    let mut unknown: Vec<&String> = Vec::new();
    for row in rows.iter().map(|&row| row as usize).filter(|&row| codes[row] != MISSING) {
        let code = codes[row] as usize;
        parts[row] = of_level[code];
        if of_level[code].is_none() && !unknown.contains(&&levels[code]) {
            unknown.push(&levels[code]);
            if unknown.len() > 20 {
                break;
            }
        }
    }
    if !unknown.is_empty() {
        return Err(Problem::field("split", format!("`{name}` holds {}. {expected}", words::listed(&unknown))));
    }
    Ok(())
}

#[cfg(test)]
mod guarantees;
#[cfg(test)]
mod tests;
