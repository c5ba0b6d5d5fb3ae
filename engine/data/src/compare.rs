//! Which rows one stored table has and another has not.

use crate::{
    parallel,
    parquet_source::{ParquetFile, ParquetSource, guarded},
    profile::stored_schema,
    rows::rows,
};
use arrow_array::{
    ArrayRef,
    cast::AsArray,
    types::{Float64Type, Int64Type, TimestampMillisecondType},
};
use foldhash::quality::FixedState;
use std::{cmp::Ordering, collections::HashSet, hash::BuildHasher, path::Path};
use trainyard_types::{
    Problem,
    catalog::RowDiff,
    dataset::{ColumnSchema, ColumnType},
};

/// More rows than this in both tables together are not compared: each takes 16 bytes.
const MAX_ROWS: u64 = 64_000_000;
/// Rows shown of each side at most.
const EXAMPLES: usize = 10;

/// Compares two tables row by row, by the columns that both have with the same type, whatever the rows' order. Rows are
/// told apart by 64-bit hashes: among a million rows two different ones are taken for equal with a chance of 1 in 10
/// million.
///
/// # Errors
/// A file can't be read, or is not one that [`crate::ingest()`] wrote.
pub fn row_diff(before: &Path, after: &Path) -> Result<RowDiff, Problem> {
    let (old, new) = (ParquetFile::open(before)?, ParquetFile::open(after)?);
    let (old_schema, new_schema) = (stored_schema(&old)?, stored_schema(&new)?);
    let common: Vec<ColumnSchema> = old_schema.iter().filter(|column| new_schema.contains(column)).cloned().collect();
    let mut diff = RowDiff { before: old.rows(), after: new.rows(), ..RowDiff::default() };
    if common.is_empty() || diff.before + diff.after > MAX_ROWS {
        return Ok(diff);
    }
    let old_rows = hashes(&old, &old_schema, &common)?;
    let new_rows = hashes(&new, &new_schema, &common)?;
    let (old_sorted, new_sorted) = (sorted(&old_rows), sorted(&new_rows));
    diff.compared = true;
    diff.common = in_both(&old_sorted, &new_sorted);
    diff.added = diff.after - diff.common;
    diff.removed = diff.before - diff.common;
    diff.columns = common.iter().map(|column| column.name.clone()).collect();
    diff.added_examples = examples(after, &new_rows, &old_sorted, &new_schema, &common)?;
    diff.removed_examples = examples(before, &old_rows, &new_sorted, &old_schema, &common)?;
    Ok(diff)
}

fn sorted(hashes: &[u64]) -> Vec<u64> {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    sorted
}

/// The size of the intersection of two sorted multisets.
fn in_both(a: &[u64], b: &[u64]) -> u64 {
    let (mut i, mut j, mut both) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => (i, j, both) = (i + 1, j + 1, both + 1),
        }
    }
    both
}

/// A hash of each row.
fn hashes(file: &ParquetFile, schema: &[ColumnSchema], common: &[ColumnSchema]) -> Result<Vec<u64>, Problem> {
    let at: Vec<usize> = common.iter().filter_map(|column| schema.iter().position(|own| own == column)).collect();
    let mut source = ParquetSource::new(file, &at)?;
    let mut out = Vec::with_capacity(file.rows().min(MAX_ROWS) as usize);
    while let Some(block) = source.next_block()? {
        let crate::block::Cells::Arrow(arrays) = &block.cells else { continue };
        let mut items: Vec<(&ArrayRef, ColumnType)> =
            arrays.iter().zip(common.iter().map(|column| column.kind)).collect();
        // Sums do not depend on which thread took which column.
        let partial = guarded(|| {
            Ok(parallel::each(
                &mut items,
                || vec![0_u64; block.rows],
                |sums, i, (array, kind)| add(array, *kind, i as u64, sums),
            ))
        })?;
        let mut sums = vec![0_u64; block.rows];
        for part in partial {
            sums.iter_mut().zip(part).for_each(|(sum, hash)| *sum = sum.wrapping_add(hash));
        }
        out.append(&mut sums);
    }
    Ok(out)
}

/// Adds to each row's sum the hash of its value in one column.
fn add(array: &ArrayRef, kind: ColumnType, column: u64, sums: &mut [u64]) {
    let hasher = FixedState::with_seed(column);
    let mut put = |row: usize, value: Option<u64>| sums[row] = sums[row].wrapping_add(hasher.hash_one(value));
    match kind {
        ColumnType::Integer => {
            let values = array.as_primitive::<Int64Type>().iter();
            values.enumerate().for_each(|(row, value)| put(row, value.map(|v| v as u64)));
        }
        ColumnType::Float => {
            let values = array.as_primitive::<Float64Type>().iter();
            values.enumerate().for_each(|(row, value)| put(row, value.map(|v| (v + 0.0).to_bits())));
        }
        ColumnType::Datetime => {
            let values = array.as_primitive::<TimestampMillisecondType>().iter();
            values.enumerate().for_each(|(row, value)| put(row, value.map(|v| v as u64)));
        }
        ColumnType::Boolean => {
            array.as_boolean().iter().enumerate().for_each(|(row, value)| put(row, value.map(u64::from)));
        }
        ColumnType::Text => {
            let texts = array.as_string::<i32>().iter();
            texts.enumerate().for_each(|(row, text)| put(row, text.map(|text| hasher.hash_one(text))));
        }
    }
}

/// The first rows of a table that the other has not, or that it has fewer times.
fn examples(
    path: &Path,
    own: &[u64],
    other: &[u64],
    schema: &[ColumnSchema],
    common: &[ColumnSchema],
) -> Result<Vec<Vec<Option<String>>>, Problem> {
    let mut found: Vec<usize> =
        (0..own.len()).filter(|&row| other.binary_search(&own[row]).is_err()).take(EXAMPLES).collect();
    if found.is_empty() {
        found = surplus_copies(own, other);
    }
    let at: Vec<usize> = common.iter().filter_map(|column| schema.iter().position(|own| own == column)).collect();
    let mut out = Vec::with_capacity(found.len());
    for row in found {
        let page = rows(path, row as u64, 1)?;
        out.extend(page.rows.into_iter().map(|row| at.iter().map(|&i| row[i].clone()).collect::<Vec<_>>()));
    }
    Ok(out)
}

/// Rows that both tables have, but this one more often: the last copies of each.
fn surplus_copies(own: &[u64], other: &[u64]) -> Vec<usize> {
    let times =
        |sorted: &[u64], hash: u64| sorted.partition_point(|&h| h <= hash) - sorted.partition_point(|&h| h < hash);
    let mine = sorted(own);
    let surplus: HashSet<u64> = mine
        .chunk_by(|a, b| a == b)
        .filter(|copies| copies.len() > times(other, copies[0]))
        .map(|copies| copies[0])
        .take(EXAMPLES)
        .collect();
    let mut seen = HashSet::new();
    let mut found: Vec<usize> =
        (0..own.len()).rev().filter(|&row| surplus.contains(&own[row]) && seen.insert(own[row])).collect();
    found.sort_unstable();
    found
}
