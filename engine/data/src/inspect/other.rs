//! The formats that carry their columns' names: JSON Lines and Parquet.

use super::{Inspection, SAMPLE_ROWS, Seen, columns, no_rows, note_bad_rows, sample_rows};
use crate::{
    block::Stop,
    convert::Reading,
    decode,
    json_source::{JsonSource, too_many_columns},
    limits::MAX_COLUMNS,
    parquet_source::{ParquetFile, ParquetSource, describe, guarded, kind_of},
    source::{Part, parquet_columns},
    words,
};
use std::path::Path;
use trainyard_types::{
    Problem,
    dataset::{ColumnSchema, ColumnType, FileFormat, ReadOptions},
};

/// Finds the columns and their types by reading the whole file.
pub(super) fn inspect_json(path: &Path, encoding: &str, missing: &[String]) -> Result<Inspection, Stop> {
    let mut options = ReadOptions {
        format: FileFormat::JsonLines,
        delimiter: ',',
        encoding: encoding.to_ascii_lowercase(),
        has_header: true,
        missing: missing.to_vec(),
        columns: Vec::new(),
    };
    let reading = Reading::new(&options);
    let (reader, meter) = decode::open(path, encoding)?;
    let mut source = JsonSource::new(reader, &[], Some(meter));
    let seen = Seen::of(|_| Ok(source.next_block()?.map(Part::Block)), &reading)?;
    if seen.rows == 0 {
        return Err(no_rows(&seen.bad).into());
    }
    let names = source.names().to_vec();
    if names.is_empty() {
        return Err(Problem::invalid("The objects have no keys, so that there are no columns.").into());
    }
    let mut notes = Vec::new();
    note_bad_rows(&seen.bad, seen.rows, &mut notes);
    let nested: Vec<&String> =
        names.iter().zip(source.nested()).filter(|(_, nested)| **nested).map(|(name, _)| name).collect();
    if !nested.is_empty() {
        notes.push(format!(
            "There are objects or lists in {}, kept as JSON text. To use what is inside, write it as keys of its own.",
            words::listed(&nested)
        ));
    }
    if source.odd_keys() {
        notes.push("Keys that are empty, longer than 200 characters or hold control characters are left out.".into());
    }
    let Seen { guesses, sample, rows, .. } = seen.of_width(names.len());
    options.columns = columns(names, &guesses, &mut notes);
    Ok(Inspection { options, sample, notes, rows })
}

/// The columns as the file has them, without those that a table can't hold.
pub(super) fn inspect_parquet(path: &Path) -> Result<Inspection, Problem> {
    let file = ParquetFile::open(path)?;
    let mut notes = Vec::new();
    let fields = file.schema().fields().clone();
    if fields.len() > MAX_COLUMNS {
        return Err(too_many_columns(Some(fields.len())));
    }
    let (usable, names) = parquet_columns(&file, &mut notes);
    let left_out: Vec<String> = fields
        .iter()
        .filter(|field| kind_of(field.data_type()).is_none())
        .map(|field| format!("{} ({})", field.name(), describe(field.data_type())))
        .collect();
    if usable.is_empty() {
        return Err(Problem::invalid(format!(
            "The Parquet file has no column that a table can hold: {}. Write numbers, texts, booleans, dates or times.",
            if left_out.is_empty() { "it has none at all".to_owned() } else { words::listed(&left_out) }
        )));
    }
    if !left_out.is_empty() {
        notes.push(format!("Left out, because a table of plain values can't hold them: {}.", words::listed(&left_out)));
    }
    if file.rows() == 0 {
        return Err(Problem::invalid("The Parquet file has columns but no rows. Add rows, then try again."));
    }
    let columns: Vec<ColumnSchema> = names
        .into_iter()
        .zip(&usable)
        .map(|(name, &i)| ColumnSchema { name, kind: kind_of(fields[i].data_type()).unwrap_or(ColumnType::Text) })
        .collect();
    let options = ReadOptions {
        format: FileFormat::Parquet,
        delimiter: ',',
        encoding: "utf-8".into(),
        has_header: true,
        missing: Vec::new(),
        columns,
    };
    let reading = Reading::new(&options);
    let mut source = ParquetSource::new(&file, &usable)?;
    let mut sample = Vec::new();
    if let Some(block) = source.next_block()? {
        guarded(|| sample_rows(&block, usable.len(), &reading, SAMPLE_ROWS, &mut sample))?;
    }
    Ok(Inspection { options, sample, notes, rows: file.rows() })
}
