//! Values as keys that are equal exactly where the values are: also whole numbers that a float can't tell apart.

use super::{Scope, Table, columns::Cells};
use crate::{
    parquet_source::{ParquetFile, guarded},
    words,
};
use arrow_array::{Array, cast::AsArray, types::Int64Type};
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use trainyard_infer::frame::{MISSING, Values};
use trainyard_types::dataset::ColumnType;

/// Whole numbers beyond this are not all told apart by a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// One key a row; what it is where the value is missing means nothing.
pub(super) fn of(table: &Table<'_>, cells: &Cells<'_>) -> Result<Vec<u64>, String> {
    match cells.values {
        Values::Categories { codes, .. } => Ok(codes.iter().map(|&code| u64::from(code)).collect()),
        Values::Numbers(numbers) => {
            if cells.kind == ColumnType::Integer && numbers.iter().any(|value| value.abs() >= EXACT) {
                return integers(table, cells.name);
            }
            Ok(numbers.iter().map(|value| (value + 0.0).to_bits()).collect())
        }
    }
}

fn integers(table: &Table<'_>, name: &str) -> Result<Vec<u64>, String> {
    let index = table.schema.iter().position(|column| column.name == name).unwrap_or(0);
    guarded(|| {
        let file = ParquetFile::open(table.parquet)?;
        let mut keys = Vec::with_capacity(table.rows);
        for batch in file.builder(&[index])?.with_batch_size(32_768).build().map_err(words::damaged)? {
            let batch = batch.map_err(words::damaged)?;
            let array = batch.column(0).as_primitive::<Int64Type>();
            keys.extend((0..array.len()).map(|row| if array.is_valid(row) { array.value(row) as u64 } else { 0 }));
        }
        if keys.len() == table.rows { Ok(keys) } else { Err(words::damaged("rows are missing")) }
    })
    .map_err(|problem| problem.message)
}

/// Which keys occur more than once among the rows in scope for which `present` holds.
pub(super) fn repeated(keys: &[u64], scope: Scope<'_>, present: impl Fn(usize) -> bool) -> HashSet<u64, RandomState> {
    let mut sorted: Vec<u64> = scope.rows().filter(|&row| present(row)).map(|row| keys[row]).collect();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).map(|same| same[0]).collect()
}

/// How many different values the rows in scope have.
pub(super) fn distinct(table: &Table<'_>, cells: &Cells<'_>, scope: Scope<'_>) -> Result<u64, String> {
    if let Values::Categories { codes, levels } = cells.values {
        let mut seen = vec![false; levels.len()];
        scope.rows().filter(|&row| codes[row] != MISSING).for_each(|row| seen[codes[row] as usize] = true);
        return Ok(seen.iter().filter(|seen| **seen).count() as u64);
    }
    let keys = of(table, cells)?;
    let mut sorted: Vec<u64> = scope.rows().filter(|&row| !cells.is_missing(row)).map(|row| keys[row]).collect();
    sorted.sort_unstable();
    sorted.dedup();
    Ok(sorted.len() as u64)
}

/// Numbers the combinations of several columns' keys; a row's missing value is a value of its own here.
pub(super) fn combined(columns: &[(Vec<u64>, &Cells<'_>)], rows: usize) -> Vec<u64> {
    // Two columns at a time: equal pairs get the same number, so that no hash can make different rows equal.
    let mut numbers = vec![0_u64; rows];
    for (keys, cells) in columns {
        let mut known: HashMap<(u64, Option<u64>), u64, RandomState> = HashMap::default();
        for (row, number) in numbers.iter_mut().enumerate() {
            let pair = (*number, (!cells.is_missing(row)).then(|| keys[row]));
            let next = known.len() as u64;
            *number = *known.entry(pair).or_insert(next);
        }
    }
    numbers
}
