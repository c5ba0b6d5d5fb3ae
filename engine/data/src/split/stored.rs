//! The part of each row of a stored table, within a memory limit.

use super::{Part, RowWise, SplitMethod, SplitSpec, Task};
use crate::{
    memory::Memory,
    stored_table::StoredTable,
    target::{TargetCount, TargetInfo, class_label},
    words,
};
use std::collections::{BTreeMap, HashMap};
use trainyard_infer::frame::{MISSING, Values};
use trainyard_types::{Code, Problem};

/// What dividing takes for each row besides its columns, bytes: row numbers in order, twice; for groups also the groups.
const A_ROW: u64 = 24;
const A_GROUPED_ROW: u64 = 96;

/// A table's parts.
#[derive(Debug)]
pub struct Divided {
    pub parts: Vec<Option<Part>>,
    /// What the target is.
    pub info: TargetInfo,
    /// A train row of each class; none for a regression.
    pub of_classes: Vec<usize>,
    /// Of the three parts.
    pub rows: [u64; 3],
    /// What is to be known of it.
    pub notes: Vec<String>,
}

/// Divides a stored table by the target's task, or `wanted` where a person gave it. `kept` is the part of each row where a
/// stored split says so. Where the columns that decide do not fit the memory, each row's part is told of that row alone
/// ([`RowWise`]); elsewhere the parts are those of [`super::split`].
///
/// # Errors
/// As [`super::split`] and [`crate::target::target_info`]; the limit is too low for groups, or for an order of time.
pub fn divide(
    table: &StoredTable,
    spec: &SplitSpec,
    (target, wanted): (&str, Option<Task>),
    kept: Option<Vec<Option<Part>>>,
    memory: Memory,
) -> Result<Divided, Problem> {
    let (info, usable) = outcomes(table, target, wanted)?;
    let mut notes = Vec::new();
    let made_whole = match kept {
        Some(parts) => Some(parts),
        None => whole(table, spec, target, info.task, &usable, memory)?,
    };
    let (mut parts, by_row) = match made_whole {
        Some(parts) => (parts, None),
        None => {
            let Some(by_row) = RowWise::new(spec, target, info.task)? else { return Err(too_large(table, memory)) };
            if matches!(spec.method, SplitMethod::Random) {
                notes.push(
                    "Each row's part is drawn on its own: the shares are met as nearly as chance allows.".to_owned(),
                );
            }
            let mut parts = Vec::with_capacity(table.rows());
            table.each_block(&deciding(spec, target), |first, block| {
                parts.extend(by_row.parts(&block, first, &usable[first..first + block.rows])?);
                Ok(())
            })?;
            (parts, Some(by_row))
        }
    };
    parts.iter_mut().zip(&usable).filter(|(_, usable)| !**usable).for_each(|(part, _)| *part = None);
    let with_target = usable.iter().filter(|usable| **usable).count() as u64;
    drop(usable);
    let of_classes = of_classes(table, target, info.task, &parts)?;
    let mut rows = [0; 3];
    parts.iter().flatten().for_each(|part| rows[*part as usize] += 1);
    if let Some(by_row) = by_row {
        by_row.check(rows, of_classes.len())?;
    }
    let unused = with_target - rows.iter().sum::<u64>();
    if unused > 0 {
        notes.push(format!(
            "{} rows are in no part: what decides has no value there, or the split leaves them out.",
            words::count(unused)
        ));
    }
    Ok(Divided { parts, info, of_classes, rows, notes })
}

fn too_large(table: &StoredTable, memory: Memory) -> Problem {
    Problem::new(
        Code::TooLarge,
        format!(
            "Dividing {} rows by groups, or in order of time, takes more than {memory} of memory. Raise the memory limit for \
             training, keep the parts in a column, or use a random split.",
            words::count(table.rows() as u64)
        ),
    )
}

/// The target and the columns that decide.
fn deciding(spec: &SplitSpec, target: &str) -> Vec<String> {
    let mut columns = vec![target.to_owned()];
    columns.extend(spec.columns().into_iter().filter(|name| *name != target).map(str::to_owned));
    columns
}

/// What the target says of the task, and which rows have one.
fn outcomes(table: &StoredTable, name: &str, wanted: Option<Task>) -> Result<(TargetInfo, Vec<bool>), Problem> {
    let Some(column) = table.schema().iter().find(|column| column.name == name) else {
        let known: Vec<&String> = table.schema().iter().map(|column| &column.name).collect();
        let message = format!("There is no column `{}`. The columns are {}.", words::clip(name), words::listed(&known));
        return Err(Problem::field("target", message));
    };
    let mut counted = TargetCount::new(name, column.kind);
    let mut usable = Vec::with_capacity(table.rows());
    table.each_block(&[name.to_owned()], |_, block| {
        for column in &block.columns {
            counted.add(&column.values);
            match &column.values {
                Values::Numbers(numbers) => usable.extend(numbers.iter().map(|number| number.is_finite())),
                Values::Categories { codes, .. } => usable.extend(codes.iter().map(|code| *code != MISSING)),
            }
        }
        Ok(())
    })?;
    Ok((counted.info(wanted)?, usable))
}

/// The parts as they are made in memory; `None` where what decides does not fit.
fn whole(
    table: &StoredTable,
    spec: &SplitSpec,
    target: &str,
    task: Task,
    usable: &[bool],
    memory: Memory,
) -> Result<Option<Vec<Option<Part>>>, Problem> {
    let columns = deciding(spec, target);
    let beside = if matches!(spec.method, SplitMethod::Group { .. }) { A_GROUPED_ROW } else { A_ROW };
    let needed = (table.bytes_a_row(Some(&columns))? + beside).saturating_mul(table.rows() as u64);
    if needed > memory.room() {
        return Ok(None);
    }
    super::split(&table.load_all(Some(&columns))?, spec, target, task, usable).map(Some)
}

/// The first train row of each class, so that a sample can have all of them; none for a regression.
fn of_classes(table: &StoredTable, target: &str, task: Task, parts: &[Option<Part>]) -> Result<Vec<usize>, Problem> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    if !task.is_classification() {
        return Ok(Vec::new());
    }
    table.each_block(&[target.to_owned()], |first, block| {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{ingest::store, inspect};
    use std::{fmt::Write, ops::ControlFlow};
    use trainyard_types::dataset::BadRows;

    #[test]
    fn a_stored_table_is_divided_as_one_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut csv = String::from("y,key\n");
        for row in 0..2_000 {
            let label = ["yes", "no", "no", ""][row * 7 % 4];
            writeln!(csv, "{label},{}", row % 90).unwrap();
        }
        let (source, parquet) = (folder.path().join("t.csv"), folder.path().join("t.parquet"));
        std::fs::write(&source, csv).unwrap();
        let options = inspect::inspect(&source, "t.csv").unwrap().options;
        let go_on = &mut |_| ControlFlow::Continue(());
        store(&source, &options, BadRows::Refuse, &parquet, Memory::default(), go_on).unwrap();
        let table = StoredTable::open(&parquet).unwrap();
        let frame = table.load_all(None).unwrap();
        let usable: Vec<bool> = (0..2_000).map(|row| row * 7 % 4 != 3).collect();
        for method in [SplitMethod::Random, SplitMethod::Group { column: "key".into() }] {
            let spec = SplitSpec { method, ..SplitSpec::default() };
            let found = divide(&table, &spec, ("y", None), None, Memory::default()).unwrap();
            let expected = super::super::split(&frame, &spec, "y", Task::Binary, &usable).unwrap();
            assert_eq!((&found.parts, found.info.task, found.info.missing), (&expected, Task::Binary, 500));
            let count = |part| expected.iter().filter(|own| **own == Some(part)).count() as u64;
            assert_eq!(found.rows, [count(Part::Train), count(Part::Valid), count(Part::Test)]);
            // The first train row of `no` and that of `yes`.
            let first = |odd: bool| {
                let is_yes = |row: &usize| (row * 7).is_multiple_of(4) == odd && usable[*row];
                (0..2_000).filter(is_yes).find(|row| expected[*row] == Some(Part::Train)).unwrap()
            };
            assert_eq!(found.of_classes, [first(false), first(true)]);
            // A stored split is taken as it is, but for rows without a target.
            let kept = vec![Some(Part::Train); 2_000];
            let found = divide(&table, &spec, ("y", None), Some(kept), Memory::default()).unwrap();
            assert_eq!((found.rows, found.notes.len()), ([1_500, 0, 0], 0));
        }
        assert!(divide(&table, &SplitSpec::default(), ("z", None), None, Memory::default()).is_err());
    }
}
