//! A stored table with some values of one column replaced and some rows left out: what correcting labels makes.

use crate::{
    block::{Cells, Stop},
    cell::Missing,
    convert::{Reading, parse},
    ingest::Ingested,
    memory::Memory,
    parquet_source::{ParquetFile, ParquetSource, guarded},
    profile::{TableStats, folder_of, stored_schema},
    words,
    write::TableWriter,
};
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_select::{filter::filter, interleave::interleave};
use std::{collections::BTreeMap, path::Path};
use trainyard_types::{
    Problem,
    dataset::{BadRowReport, ColumnType},
};

/// What becomes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The column's value is read from this text, as the column's type.
    Set(String),
    LeaveOut,
}

/// Whether a text can be read as the type of a column; the empty one can't.
///
/// # Errors
/// In words, for the field `label`.
pub fn fits(text: &str, kind: ColumnType) -> Result<(), Problem> {
    let read = parse(1, |_| text.trim(), kind, &reading());
    if read.bad.is_empty() && read.array.null_count() == 0 {
        return Ok(());
    }
    let kind = match kind {
        ColumnType::Integer => "a whole number",
        ColumnType::Float => "a number",
        ColumnType::Boolean => "true or false",
        ColumnType::Text => "a text",
        ColumnType::Datetime => "a date or time",
    };
    Err(Problem::field("label", format!("`{}` can't be the label: the column holds {kind}.", words::clip(text))))
}

fn reading() -> Reading {
    Reading { missing: Missing::new(&[]), decimal_comma: false }
}

/// Writes a table that [`crate::ingest()`] stored to `dest_parquet` with the changes made, by row from 1, and a profile of
/// what is left.
///
/// # Errors
/// There is no such column or row, a value does not fit the column, no row is left, a file can't be read, or the disk is
/// full.
pub fn relabel(
    parquet: &Path,
    column: &str,
    changes: &BTreeMap<u64, Change>,
    dest_parquet: &Path,
    memory: Memory,
) -> Result<Ingested, Problem> {
    let file = ParquetFile::open(parquet)?;
    let schema = stored_schema(&file)?;
    let Some(at) = schema.iter().position(|known| known.name == column) else {
        return Err(Problem::invalid(format!("There is no column `{}`.", words::clip(column))));
    };
    let last = changes.last_key_value().map_or(1, |(row, _)| *row);
    if changes.contains_key(&0) || last > file.rows() {
        return Err(Problem::invalid(format!("There is no row {last}: the table has {}.", words::count(file.rows()))));
    }
    let texts: Vec<&str> = changes
        .values()
        .filter_map(|change| if let Change::Set(text) = change { Some(text.trim()) } else { None })
        .collect();
    for text in &texts {
        fits(text, schema[at].kind)?;
    }
    let values = parse(texts.len(), |row| texts[row], schema[at].kind, &reading()).array;
    let mut stats = TableStats::new(&schema, memory, folder_of(dest_parquet));
    let mut writer = TableWriter::create(dest_parquet, &schema, memory)?;
    let mut source = ParquetSource::new(&file, &(0..schema.len()).collect::<Vec<_>>())?;
    let (mut first, mut used, mut rows) = (1_u64, 0, 0_u64);
    while let Some(block) = source.next_block().map_err(|stop: Stop| Problem::from(stop))? {
        let Cells::Arrow(arrays) = &block.cells else { continue };
        let here: Vec<(usize, &Change)> = changes
            .range(first..first + block.rows as u64)
            .map(|(row, change)| ((row - first) as usize, change))
            .collect();
        let (arrays, left) = guarded(|| changed(arrays, at, block.rows, &here, &values, &mut used))?;
        guarded(|| writer.write(&arrays, left, Some(&mut stats)))?;
        first += block.rows as u64;
        rows += left as u64;
    }
    if rows == 0 {
        return Err(Problem::invalid("No row would be left. Leave out fewer rows."));
    }
    let (written, profile) = writer.finish_with(stats)?;
    Ok(Ingested { rows, bytes: written.bytes, hash: written.hash, profile, bad_rows: BadRowReport::default() })
}

/// A block's columns with the changes made, and its rows. `values` holds what is set, of which `used` are.
fn changed(
    arrays: &[ArrayRef],
    at: usize,
    rows: usize,
    changes: &[(usize, &Change)],
    values: &ArrayRef,
    used: &mut usize,
) -> Result<(Vec<ArrayRef>, usize), Problem> {
    let failed = |error| Problem::internal(format!("The rows could not be changed: {error}."));
    let mut arrays = arrays.to_vec();
    let mut from: Vec<(usize, usize)> = (0..rows).map(|row| (0, row)).collect();
    let mut keep = vec![true; rows];
    for (row, change) in changes {
        match change {
            Change::Set(_) => {
                from[*row] = (1, *used);
                *used += 1;
            }
            Change::LeaveOut => keep[*row] = false,
        }
    }
    arrays[at] = interleave(&[arrays[at].as_ref(), values.as_ref()], &from).map_err(failed)?;
    let left = keep.iter().filter(|keep| **keep).count();
    if left == rows {
        return Ok((arrays, rows));
    }
    let mask = BooleanArray::from(keep);
    let arrays = arrays.iter().map(|array| filter(array, &mask)).collect::<Result<_, _>>().map_err(failed)?;
    Ok((arrays, left))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::ops::ControlFlow;
    use trainyard_types::dataset::BadRows;

    #[test]
    fn values_are_replaced_rows_left_out_and_all_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("a.csv");
        let rows: String = (1..=6).map(|n| format!("{n},t{n},{},2024-01-0{n}\n", n % 2 == 0)).collect();
        std::fs::write(&csv, format!("n,text,flag,day\n{rows}7,,,\n")).unwrap();
        let stored = folder.path().join("a.parquet");
        let options = crate::inspect(&csv, "a.csv").unwrap().options;
        let go_on = &mut |_| ControlFlow::Continue(());
        crate::ingest(&csv, &options, BadRows::Refuse, &stored, Memory::default(), go_on).unwrap();
        let dest = folder.path().join("b.parquet");
        let set = |text: &str| Change::Set(text.into());
        let apply = |column: &str, changes: &[(u64, Change)]| {
            relabel(&stored, column, &changes.iter().cloned().collect(), &dest, Memory::default())
        };
        let made = apply("text", &[(1, set(" new ")), (3, Change::LeaveOut), (7, set("last"))]).unwrap();
        assert_eq!((made.rows, made.profile.columns[1].distinct), (6, 6));
        let before = crate::rows(&stored, 0, 10).unwrap().rows;
        let after = crate::rows(&dest, 0, 10).unwrap().rows;
        assert_eq!(
            after.iter().map(|row| row[1].as_deref().unwrap()).collect::<Vec<_>>(),
            ["new", "t2", "t4", "t5", "t6", "last"]
        );
        assert_eq!((&after[1], &after[5][2..], &after[0][2..]), (&before[1], &before[6][2..], &before[0][2..]));
        assert_eq!(apply("n", &[(2, set("-9"))]).unwrap().profile.columns[0].numeric.as_ref().unwrap().min, -9.0);
        apply("flag", &[(2, set("false"))]).unwrap();

        let all: Vec<(u64, Change)> = (1..=7).map(|row| (row, Change::LeaveOut)).collect();
        for (column, changes, word) in [
            ("n", vec![(2, set("many"))], "whole number"),
            ("flag", vec![(2, set(""))], "true or false"),
            ("none", vec![], "no column"),
            ("n", vec![(8, Change::LeaveOut)], "no row 8"),
            ("n", all, "No row would be left"),
        ] {
            std::fs::remove_file(&dest).ok();
            let problem = apply(column, &changes).unwrap_err();
            assert!(problem.message.contains(word), "{}", problem.message);
            assert!(!dest.exists(), "nothing half-written");
        }
    }
}
