//! A split made to be kept: its row sets as a small file whose hash names it.
//!
//! The file is one line `trainyard split 1`, one line of JSON (`{"rows":…,"divisions":["parts",…]}`), then for each
//! division two bits a row, four rows a byte, the first in the lowest bits: 0 train, 1 validation, 2 test, 3 none.

use super::{Part, Table, find, folds};
use crate::{frame, target, words};
use serde::{Deserialize, Serialize};
use std::path::Path;
use trainyard_infer::frame::{Column, Frame, MISSING, Values};
use trainyard_types::{
    Problem,
    run::Task,
    split::{DivisionSummary, PartSummary, SplitMethod, SplitPlan, SplitSummary},
};

const MAGIC: &[u8] = b"trainyard split 1\n";
/// Rows times divisions, at most: they are in memory while a split is made.
const MAX_CELLS: u64 = 2_000_000_000;

/// One way of dividing all rows of a table; `None` is a row that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    /// `parts`, `fold_1`, `fold_1_inner_1` …
    pub name: String,
    pub parts: Vec<Option<Part>>,
}

/// Divisions of a table: the three parts first, then folds. A fold of a plain k-fold is held out as validation, one that
/// has inner folds as test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeSplit {
    pub rows: u64,
    pub divisions: Vec<Division>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    rows: u64,
    divisions: Vec<String>,
}

/// Makes a split of a stored table. Only the columns that decide are read.
///
/// # Errors
/// As [`make_of`]; the file can't be read.
pub fn make(parquet: &Path, plan: &SplitPlan) -> Result<(MadeSplit, SplitSummary), Problem> {
    let mut columns: Vec<String> = plan.spec.columns().into_iter().map(str::to_owned).collect();
    columns.extend(plan.target.iter().filter(|target| !plan.spec.columns().contains(&target.as_str())).cloned());
    let table = if columns.is_empty() {
        Frame { columns: Vec::new(), rows: frame::row_count(parquet)? }
    } else {
        frame::load(parquet, Some(&columns))?
    };
    make_of(&table, plan)
}

/// Makes a split of a table in memory.
///
/// # Errors
/// In words: as [`super::split`], and a number of folds that does not fit, or too many of them for so many rows.
pub fn make_of(frame: &Frame, plan: &SplitPlan) -> Result<(MadeSplit, SplitSummary), Problem> {
    let outer = u64::from(plan.folds.unwrap_or(0));
    if plan.inner_folds.is_some() && outer == 0 {
        return Err(Problem::field("inner_folds", "Inner folds need outer ones. Say how many folds, too."));
    }
    let divisions = 1 + outer * (1 + u64::from(plan.inner_folds.unwrap_or(0)));
    if divisions.saturating_mul(frame.rows as u64) > MAX_CELLS {
        return Err(Problem::field(
            "folds",
            format!("{divisions} divisions of {} rows are too many. Use fewer folds.", words::count(frame.rows as u64)),
        ));
    }
    if plan.spec.test == 0.0 && outer == 0 {
        return Err(Problem::field("test", "Without folds a split needs test rows. Use a share such as 20 %."));
    }
    let target = plan.target.as_deref().map(|name| find(frame, name, "target")).transpose()?;
    let info = target.map(|column| target::target_info(column, plan.task)).transpose()?;
    let usable = |row: usize| match target.map(|column| &column.values) {
        None => true,
        Some(Values::Numbers(numbers)) => numbers[row].is_finite(),
        Some(Values::Categories { codes, .. }) => codes[row] != MISSING,
    };
    let rows: Vec<usize> = (0..frame.rows).filter(|&row| usable(row)).collect();
    let task = info.as_ref().map(|info| info.task);
    let table = Table { frame, target: target.zip(task), spec: &plan.spec };
    let made = MadeSplit { rows: frame.rows as u64, divisions: divide(&table, &rows, plan)? };
    let classes = info.map_or(Vec::new(), |info| info.classes.into_iter().map(|(label, _)| label).collect());
    let summary = made.summary(&table, task, classes)?;
    Ok((made, summary))
}

fn divide(table: &Table<'_>, rows: &[usize], plan: &SplitPlan) -> Result<Vec<Division>, Problem> {
    let parts = match (&plan.spec.method, plan.folds) {
        (SplitMethod::Given { column }, Some(_)) => {
            table.check()?;
            parts_of_named_folds(table, rows, find(table.frame, column, "split")?)?
        }
        _ => table.parts(rows)?,
    };
    let mut divisions = vec![Division { name: "parts".to_owned(), parts }];
    let Some(k) = plan.folds else { return Ok(divisions) };
    let parts = &divisions[0].parts;
    let by_time = matches!(table.spec.method, SplitMethod::Time { .. });
    let learn: Vec<usize> = match by_time {
        // Rows that a gap keeps from the validation part may be in a fold, but none that lies too near to the test part.
        true => before_test(table, rows, parts)?,
        false => rows.iter().copied().filter(|&row| parts[row] != Some(Part::Test)).collect(),
    };
    let held = if plan.inner_folds.is_some() { Part::Test } else { Part::Valid };
    for (i, parts) in folds::folds(table, &learn, k, held, "fold")?.into_iter().enumerate() {
        let name = format!("fold_{}", i + 1);
        let train: Vec<usize> = learn.iter().copied().filter(|&row| parts[row] == Some(Part::Train)).collect();
        divisions.push(Division { name: name.clone(), parts });
        let Some(inner) = plan.inner_folds else { continue };
        let inner = folds::folds(table, &train, inner, Part::Valid, &name)
            .map_err(|problem| Problem::field("inner_folds", format!("Within fold {}: {}", i + 1, problem.message)))?;
        divisions.extend(
            inner.into_iter().enumerate().map(|(j, parts)| Division { name: format!("{name}_inner_{}", j + 1), parts }),
        );
    }
    Ok(divisions)
}

/// The rows older than the test part by the gap.
fn before_test(table: &Table<'_>, rows: &[usize], parts: &[Option<Part>]) -> Result<Vec<usize>, Problem> {
    let SplitMethod::Time { column } = &table.spec.method else { return Ok(Vec::new()) };
    let order = super::time::Order::of(rows, find(table.frame, column, "split")?, table.spec.gap)?;
    let start = order.rows.iter().position(|&row| parts[row] == Some(Part::Test)).unwrap_or(order.rows.len());
    Ok(order.rows[..order.end_before(start)].to_vec())
}

/// Where a column names folds: the first validates, the others train, and rows that are named `test` test.
fn parts_of_named_folds(table: &Table<'_>, rows: &[usize], column: &Column) -> Result<Vec<Option<Part>>, Problem> {
    let (_, of) = folds::given(column, rows);
    let mut parts = vec![None; table.frame.rows];
    of.iter().for_each(|&(row, fold)| parts[row] = Some(if fold == 0 { Part::Valid } else { Part::Train }));
    if let Values::Categories { codes, levels } = &column.values {
        let named =
            |row: usize| codes[row] != MISSING && super::part_named(&levels[codes[row] as usize]) == Some(Part::Test);
        rows.iter().filter(|&&row| named(row)).for_each(|&row| parts[row] = Some(Part::Test));
    }
    Ok(parts)
}

impl MadeSplit {
    /// The three parts.
    pub fn parts(&self) -> &[Option<Part>] {
        self.divisions.first().map_or(&[], |division| &division.parts)
    }

    /// The division of that name.
    pub fn division(&self, name: &str) -> Option<&Division> {
        self.divisions.iter().find(|division| division.name == name)
    }

    /// As the file holds it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Problem> {
        let names = self.divisions.iter().map(|division| division.name.clone()).collect();
        let head = serde_json::to_vec(&Head { rows: self.rows, divisions: names })
            .map_err(|error| Problem::internal(format!("The split could not be written: {error}.")))?;
        let mut bytes = [MAGIC, &head, b"\n"].concat();
        for division in &self.divisions {
            bytes.extend(division.parts.chunks(4).map(|rows| {
                rows.iter().enumerate().fold(0_u8, |byte, (i, part)| {
                    let code = match part {
                        Some(Part::Train) => 0,
                        Some(Part::Valid) => 1,
                        Some(Part::Test) => 2,
                        None => 3,
                    };
                    byte | (code << (2 * i))
                })
            }));
        }
        Ok(bytes)
    }

    /// # Errors
    /// The bytes are no split.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Problem> {
        let damaged = || Problem::invalid("The file is no stored split, or it is damaged. Make the split again.");
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(damaged)?;
        let head: Head = serde_json::from_slice(&rest[..end]).map_err(|_| damaged())?;
        let body = &rest[end + 1..];
        let rows = usize::try_from(head.rows).map_err(|_| damaged())?;
        let size = rows.div_ceil(4);
        if size.checked_mul(head.divisions.len()) != Some(body.len()) || head.divisions.is_empty() {
            return Err(damaged());
        }
        let part = |code: u8| [Some(Part::Train), Some(Part::Valid), Some(Part::Test), None][usize::from(code & 3)];
        let divisions = head.divisions.into_iter().enumerate().map(|(i, name)| {
            let body = &body[i * size..][..size];
            Division { name, parts: (0..rows).map(|row| part(body[row / 4] >> (2 * (row % 4)))).collect() }
        });
        Ok(Self { rows: head.rows, divisions: divisions.collect() })
    }

    /// Writes the file that [`MadeSplit::read`] reads. Its blake3 is the split's hash.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write(&self, path: &Path) -> Result<(), Problem> {
        std::fs::write(path, self.to_bytes()?).map_err(|error| words::cannot_write(&error))
    }

    /// # Errors
    /// The file can't be read or is no split.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        Self::from_bytes(&std::fs::read(path).map_err(|error| words::cannot_read(path, &error))?)
    }

    /// blake3 of the file, hex.
    pub fn hash(&self) -> Result<String, Problem> {
        Ok(blake3::hash(&self.to_bytes()?).to_hex().to_string())
    }

    fn summary(&self, table: &Table<'_>, task: Option<Task>, classes: Vec<String>) -> Result<SplitSummary, Problem> {
        let outcome = Outcome::of(table, &classes)?;
        let divisions = self.divisions.iter().map(|division| outcome.describe(division)).collect();
        Ok(SplitSummary { hash: self.hash()?, rows: self.rows, task, classes, divisions })
    }
}

/// What a summary says of rows.
struct Outcome<'a> {
    classes: usize,
    /// Class of each row, where the task is a classification.
    class_of: Vec<Option<u32>>,
    /// The target's numbers, where the task is a regression.
    values: Option<&'a [f64]>,
    /// What a split in order of time goes by.
    times: Option<&'a [f64]>,
}

impl<'a> Outcome<'a> {
    fn of(table: &Table<'a>, classes: &[String]) -> Result<Self, Problem> {
        let numbers = |column: &'a Column| match &column.values {
            Values::Numbers(numbers) => Some(numbers.as_slice()),
            Values::Categories { .. } => None,
        };
        let mut class_of = vec![None; table.frame.rows];
        if let Some((column, task)) = table.target.filter(|(_, task)| task.is_classification()) {
            let (outcomes, known) = target::encode(column, task, classes)?;
            if let trainyard_infer::Target::Classes(codes) = outcomes {
                class_of = codes.into_iter().zip(known).map(|(code, known)| known.then_some(code)).collect();
            }
        }
        let times = match &table.spec.method {
            SplitMethod::Time { column } => table.frame.column(column).and_then(numbers),
            _ => None,
        };
        let values = table.target.filter(|(_, task)| !task.is_classification()).and_then(|(column, _)| numbers(column));
        Ok(Self { classes: classes.len(), class_of, values, times })
    }

    fn describe(&self, division: &Division) -> DivisionSummary {
        let mut summary = DivisionSummary { name: division.name.clone(), ..DivisionSummary::default() };
        let mut sums = [0.0; 3];
        for part in [&mut summary.train, &mut summary.valid, &mut summary.test] {
            part.classes = vec![0; self.classes];
        }
        for (row, part) in division.parts.iter().enumerate() {
            let (place, sum) = match part {
                None => {
                    summary.unused += 1;
                    continue;
                }
                Some(Part::Train) => (&mut summary.train, &mut sums[0]),
                Some(Part::Valid) => (&mut summary.valid, &mut sums[1]),
                Some(Part::Test) => (&mut summary.test, &mut sums[2]),
            };
            place.rows += 1;
            if let Some(class) = self.class_of[row] {
                place.classes[class as usize] += 1;
            }
            if let Some(values) = self.values {
                *sum += values[row];
            }
            if let Some(times) = self.times {
                let [low, high] = place.range.unwrap_or([times[row]; 2]);
                place.range = Some([low.min(times[row]), high.max(times[row])]);
            }
        }
        let parts: [&mut PartSummary; 3] = [&mut summary.train, &mut summary.valid, &mut summary.test];
        for (part, sum) in parts.into_iter().zip(sums) {
            part.mean = self.values.filter(|_| part.rows > 0).map(|_| sum / part.rows as f64);
        }
        summary
    }
}
