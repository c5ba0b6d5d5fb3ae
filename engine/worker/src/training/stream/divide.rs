//! The part of each row of a table that does not fit the memory.

use super::too_large;
use crate::training::prepare::{present, split_spec};
use std::collections::{BTreeMap, HashMap};
use trainyard_data::{
    Memory, Part, StoredTable,
    split::{self, RowWise},
    target::{TargetCount, TargetInfo, class_label},
};
use trainyard_infer::{MISSING, Values};
use trainyard_types::{
    Problem,
    run::{SplitMethod, SplitSpec, Task, TrainSettings},
    words::count,
};

/// What dividing takes for each row besides its columns, bytes: row numbers in order, twice; for groups also the groups.
const A_ROW: u64 = 24;
const A_GROUPED_ROW: u64 = 96;

/// A table's parts.
pub(super) struct Divided {
    pub parts: Vec<Option<Part>>,
    pub task: Task,
    /// What the target is, in words.
    pub summary: String,
    /// A train row of each class.
    pub of_classes: Vec<usize>,
    /// Of the three parts.
    pub rows: [u64; 3],
    pub notes: Vec<String>,
}

/// Divides as the settings say, or `kept` where a stored split is given. With `own_test` the test rows are a table of their
/// own. Where the columns that decide do not fit the memory, each row's part is told of that row alone.
///
/// # Errors
/// As dividing a table in memory; the limit is too low for groups, or for an order of time.
pub(super) fn divide(
    table: &StoredTable,
    own_test: bool,
    kept: Option<Vec<Option<Part>>>,
    settings: &TrainSettings,
    memory: Memory,
) -> Result<Divided, Problem> {
    let (TargetInfo { task, summary, .. }, usable) = target(table, settings)?;
    let spec = split_spec(settings, own_test);
    let mut notes = Vec::new();
    let by_row = RowWise::new(&spec, &settings.target, task)?;
    let mut parts = match kept {
        Some(parts) => parts,
        None => match made(table, &spec, settings, task, &usable, memory)? {
            Some(parts) => parts,
            None => {
                let Some(by_row) = by_row else {
                    let what = format!("the columns that divide {} rows", count(table.rows() as u64));
                    return Err(too_large(memory, &what));
                };
                if matches!(spec.method, SplitMethod::Random) {
                    notes.push(
                        "Each row's part is drawn on its own: the shares are met as nearly as chance allows."
                            .to_owned(),
                    );
                }
                let mut parts = Vec::with_capacity(table.rows());
                table.each_block(&deciding(&spec, settings), |first, block| {
                    parts.extend(by_row.parts(&block, first, &usable[first..first + block.rows])?);
                    Ok(())
                })?;
                parts
            }
        },
    };
    parts.iter_mut().zip(&usable).filter(|(_, usable)| !**usable).for_each(|(part, _)| *part = None);
    let with_target = usable.iter().filter(|usable| **usable).count() as u64;
    drop(usable);
    let of_classes = of_classes(table, settings, task, &parts)?;
    let mut rows = [0; 3];
    parts.iter().flatten().for_each(|part| rows[*part as usize] += 1);
    if let Some(by_row) = by_row {
        by_row.check(rows, of_classes.len())?;
    }
    let unused = with_target - rows.iter().sum::<u64>();
    if unused > 0 {
        notes.push(format!(
            "{} rows are in no part: what decides has no value there, or the split leaves them out.",
            count(unused)
        ));
    }
    Ok(Divided { parts, task, summary, of_classes, rows, notes })
}

/// The target and the columns that decide.
fn deciding(spec: &SplitSpec, settings: &TrainSettings) -> Vec<String> {
    let mut columns = vec![settings.target.clone()];
    columns.extend(spec.columns().into_iter().filter(|name| *name != settings.target).map(str::to_owned));
    columns
}

/// What the target says of the task, and which rows have one.
fn target(table: &StoredTable, settings: &TrainSettings) -> Result<(TargetInfo, Vec<bool>), Problem> {
    let name = &settings.target;
    let Some(column) = table.schema().iter().find(|column| column.name == *name) else {
        let known: Vec<String> = table.schema().iter().take(20).map(|column| format!("`{}`", column.name)).collect();
        let message = format!("The data set has no column `{name}`. Its columns are {}.", known.join(", "));
        return Err(Problem::field("target", message));
    };
    let mut counted = TargetCount::new(name, column.kind);
    let mut usable = Vec::with_capacity(table.rows());
    table.each_block(std::slice::from_ref(name), |_, block| {
        for column in &block.columns {
            counted.add(&column.values);
            usable.extend(present(&column.values));
        }
        Ok(())
    })?;
    Ok((counted.info(settings.task)?, usable))
}

/// The parts as they are made in memory; `None` where what decides does not fit.
fn made(
    table: &StoredTable,
    spec: &SplitSpec,
    settings: &TrainSettings,
    task: Task,
    usable: &[bool],
    memory: Memory,
) -> Result<Option<Vec<Option<Part>>>, Problem> {
    let columns = deciding(spec, settings);
    let beside = if matches!(spec.method, SplitMethod::Group { .. }) { A_GROUPED_ROW } else { A_ROW };
    let needed = (table.bytes_a_row(Some(&columns))? + beside).saturating_mul(table.rows() as u64);
    if needed > memory.room() {
        return Ok(None);
    }
    split::split(&table.load_all(Some(&columns))?, spec, &settings.target, task, usable).map(Some)
}

/// The first train row of each class, so that a sample can have all of them; none for a regression.
fn of_classes(
    table: &StoredTable,
    settings: &TrainSettings,
    task: Task,
    parts: &[Option<Part>],
) -> Result<Vec<usize>, Problem> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    if !task.is_classification() {
        return Ok(Vec::new());
    }
    table.each_block(std::slice::from_ref(&settings.target), |first, block| {
        let train = |row: &usize| parts[first + row] == Some(Part::Train);
        let mut firsts: HashMap<u64, usize> = HashMap::new();
        for column in &block.columns {
            for row in (0..block.rows).filter(train) {
                let key = match &column.values {
                    Values::Numbers(numbers) => (numbers[row] + 0.0).to_bits(),
                    Values::Categories { codes, .. } if codes[row] == MISSING => continue,
                    Values::Categories { codes, .. } => u64::from(codes[row]),
                };
                firsts.entry(key).or_insert(row);
            }
            for (key, row) in firsts.drain() {
                let label = match &column.values {
                    Values::Numbers(_) => class_label(f64::from_bits(key)),
                    Values::Categories { levels, .. } => levels.get(key as usize).cloned().unwrap_or_default(),
                };
                found.entry(label).or_insert(first + row);
            }
        }
        Ok(())
    })?;
    Ok(found.into_values().collect())
}
