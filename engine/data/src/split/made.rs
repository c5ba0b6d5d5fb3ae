//! A split made to be kept: its row sets as a small file whose hash names it.
//!
//! The file is one line `trainyard split 1`, one line of JSON (`{"rows":…,"divisions":["parts",…]}`), then for each
//! division two bits a row, four rows a byte, the first in the lowest bits: 0 train, 1 validation, 2 test, 3 none.

use super::{Part, Table, find, folds};
use crate::{frame, target, words};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};
use trainyard_infer::frame::{Column, Frame, MISSING, Values};
use trainyard_types::{
    Problem,
    run::Task,
    split::{DivisionSummary, PartSummary, SplitMethod, SplitPlan, SplitSummary},
};

const MAGIC: &[u8] = b"trainyard split 1\n";
/// Rows times divisions, at most: they are in memory while a split is made.
const MAX_CELLS: u64 = 1_000_000_000;

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

/// What a code of two bits stands for.
const PARTS: [Option<Part>; 4] = [Some(Part::Train), Some(Part::Valid), Some(Part::Test), None];

fn code(part: Option<Part>) -> u8 {
    part.map_or(3, |part| part as u8)
}

fn damaged() -> Problem {
    Problem::invalid("The file is no stored split, or it is damaged. Make the split again.")
}

fn unwritten(error: &io::Error) -> Problem {
    Problem::internal(format!("The split could not be written: {error}."))
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
    let rows: Vec<u32> = (0..frame.rows as u32).filter(|&row| usable(row as usize)).collect();
    let task = info.as_ref().map(|info| info.task);
    let table = Table { frame, target: target.zip(task), spec: &plan.spec };
    let made = MadeSplit { rows: frame.rows as u64, divisions: divide(&table, &rows, plan)? };
    let classes = info.map_or(Vec::new(), |info| info.classes.into_iter().map(|(label, _)| label).collect());
    let summary = made.summary(&table, task, classes)?;
    Ok((made, summary))
}

fn divide(table: &Table<'_>, rows: &[u32], plan: &SplitPlan) -> Result<Vec<Division>, Problem> {
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
    let learn: Vec<u32> = match by_time {
        // Rows that a gap keeps from the validation part may be in a fold, but none that lies too near to the test part.
        true => before_test(table, rows, parts)?,
        false => rows.iter().copied().filter(|&row| parts[row as usize] != Some(Part::Test)).collect(),
    };
    let held = if plan.inner_folds.is_some() { Part::Test } else { Part::Valid };
    for (i, parts) in folds::folds(table, &learn, k, held, "fold")?.into_iter().enumerate() {
        let name = format!("fold_{}", i + 1);
        divisions.push(Division { name: name.clone(), parts });
        let Some(inner) = plan.inner_folds else { continue };
        let parts = &divisions[divisions.len() - 1].parts;
        let train: Vec<u32> = learn.iter().copied().filter(|&row| parts[row as usize] == Some(Part::Train)).collect();
        let inner = folds::folds(table, &train, inner, Part::Valid, &name)
            .map_err(|problem| Problem::field("inner_folds", format!("Within fold {}: {}", i + 1, problem.message)))?;
        divisions.extend(
            inner.into_iter().enumerate().map(|(j, parts)| Division { name: format!("{name}_inner_{}", j + 1), parts }),
        );
    }
    Ok(divisions)
}

/// The rows older than the test part by the gap.
fn before_test(table: &Table<'_>, rows: &[u32], parts: &[Option<Part>]) -> Result<Vec<u32>, Problem> {
    let SplitMethod::Time { column } = &table.spec.method else { return Ok(Vec::new()) };
    let order = super::time::Order::of(rows, find(table.frame, column, "split")?, table.spec.gap)?;
    let start = order.rows.iter().position(|&row| parts[row as usize] == Some(Part::Test)).unwrap_or(order.rows.len());
    Ok(order.rows[..order.end_before(start)].to_vec())
}

/// Where a column names folds: the first validates, the others train, and rows that are named `test` test.
fn parts_of_named_folds(table: &Table<'_>, rows: &[u32], column: &Column) -> Result<Vec<Option<Part>>, Problem> {
    let (_, of) = folds::given(column, rows);
    let mut parts = vec![None; table.frame.rows];
    of.iter().for_each(|&(row, fold)| parts[row as usize] = Some(if fold == 0 { Part::Valid } else { Part::Train }));
    if let Values::Categories { codes, levels } = &column.values {
        let named =
            |row: usize| codes[row] != MISSING && super::part_named(&levels[codes[row] as usize]) == Some(Part::Test);
        rows.iter().map(|&row| row as usize).filter(|&row| named(row)).for_each(|row| parts[row] = Some(Part::Test));
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

    /// The parts of one division as a file of [`MadeSplit::to_bytes`] has it; nothing else of the file is read.
    ///
    /// # Errors
    /// The file can't be read or is no split, it has no such division, or it is of a table of other than `rows` rows.
    pub fn read_parts(path: &Path, division: &str, rows: usize) -> Result<Vec<Option<Part>>, Problem> {
        let cannot = |error: io::Error| words::cannot_read(path, &error);
        let file = File::open(path).map_err(cannot)?;
        let length = file.metadata().map_err(cannot)?.len();
        let mut file = BufReader::with_capacity(1 << 20, file);
        let (mut magic, mut head) = (Vec::new(), Vec::new());
        let lines = file.read_until(b'\n', &mut magic).and_then(|_| file.read_until(b'\n', &mut head));
        lines.map_err(cannot)?;
        if magic != MAGIC {
            return Err(damaged());
        }
        let found: Head = serde_json::from_slice(&head).map_err(|_| damaged())?;
        let size = found.rows.div_ceil(4);
        let start = (magic.len() + head.len()) as u64;
        if size.checked_mul(found.divisions.len() as u64).and_then(|body| body.checked_add(start)) != Some(length) {
            return Err(damaged());
        }
        let Some(at) = found.divisions.iter().position(|name| name == division) else {
            let message = format!("The split has no '{division}'. It has {}.", found.divisions.join(", "));
            return Err(Problem::field("split", message));
        };
        if found.rows != rows as u64 {
            return Err(Problem::field(
                "split",
                format!(
                    "The split is of a table of {} rows, and this one has {rows}. Make it anew for this version.",
                    found.rows
                ),
            ));
        }
        file.seek(SeekFrom::Start(start + at as u64 * size)).map_err(cannot)?;
        let mut parts = Vec::with_capacity(rows);
        for byte in file.take(size).bytes() {
            let byte = byte.map_err(cannot)?;
            parts.extend((0..4.min(rows - parts.len())).map(|i| PARTS[usize::from(byte >> (2 * i) & 3)]));
        }
        if parts.len() == rows { Ok(parts) } else { Err(damaged()) }
    }

    /// # Errors
    /// It can't be written.
    fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let names = self.divisions.iter().map(|division| division.name.clone()).collect();
        let head = serde_json::to_vec(&Head { rows: self.rows, divisions: names })?;
        out.write_all(MAGIC)?;
        out.write_all(&head)?;
        out.write_all(b"\n")?;
        let mut bytes = Vec::with_capacity(64 << 10);
        for division in &self.divisions {
            for rows in division.parts.chunks(4 * bytes.capacity()) {
                bytes.clear();
                bytes.extend(
                    rows.chunks(4).map(|rows| {
                        rows.iter().enumerate().fold(0_u8, |byte, (i, part)| byte | code(*part) << (2 * i))
                    }),
                );
                out.write_all(&bytes)?;
            }
        }
        Ok(())
    }

    /// As the file holds it.
    ///
    /// # Errors
    /// Never, as far as is known.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes).map_err(|error| unwritten(&error))?;
        Ok(bytes)
    }

    /// blake3 of the file, hex.
    fn hash(&self) -> Result<String, Problem> {
        let mut hasher = blake3::Hasher::new();
        self.write_to(&mut hasher).map_err(|error| unwritten(&error))?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    fn summary(&self, table: &Table<'_>, task: Option<Task>, classes: Vec<String>) -> Result<SplitSummary, Problem> {
        let outcome = Outcome::of(table, &classes)?;
        let divisions = self.divisions.iter().map(|division| outcome.describe(division)).collect();
        Ok(SplitSummary { hash: self.hash()?, rows: self.rows, task, classes, divisions })
    }
}

const NO_CLASS: u8 = u8::MAX;

/// What a summary says of rows.
struct Outcome<'a> {
    classes: usize,
    /// Class of each row ([`NO_CLASS`] where it has none), where the task is a classification; a target has 100 at most.
    class_of: Vec<u8>,
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
        let mut class_of = Vec::new();
        if let Some((column, task)) = table.target.filter(|(_, task)| task.is_classification()) {
            let (outcomes, known) = target::encode(column, task, classes)?;
            if let trainyard_infer::Target::Classes(codes) = outcomes {
                let class = |code: u32, known| if known { u8::try_from(code).unwrap_or(NO_CLASS) } else { NO_CLASS };
                class_of = codes.into_iter().zip(known).map(|(code, known)| class(code, known)).collect();
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
            if let Some(count) = self.class_of.get(row).and_then(|&class| place.classes.get_mut(usize::from(class))) {
                *count += 1;
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
