//! A page of a stored table, and single rows of it.

use crate::{
    limits::MAX_PAGE_ROWS,
    normal,
    parquet_source::{ParquetFile, guarded},
    profile::stored_schema,
    words,
};
use arrow_array::Array;
use parquet::arrow::arrow_reader::RowSelection;
use std::path::Path;
use trainyard_types::{Problem, dataset::RowsView};

/// Characters of a value that a page shows.
const SHOWN_CHARS: usize = 1_000;

/// Up to `limit` rows (1,000 at most) from `offset` on, as text, in the table's order. Only the row groups that hold
/// them are decoded. Beyond the last row the page is empty. Texts are cut after 1,000 characters.
///
/// # Errors
/// If the file can't be read, or is not one that [`crate::ingest()`] wrote.
pub fn rows(parquet: &Path, offset: u64, limit: u64) -> Result<RowsView, Problem> {
    let file = ParquetFile::open(parquet)?;
    let columns = stored_schema(&file)?;
    let total = file.rows();
    let take = limit.min(MAX_PAGE_ROWS).min(total.saturating_sub(offset)) as usize;
    let mut rows: Vec<Vec<Option<String>>> = (0..take).map(|_| Vec::with_capacity(columns.len())).collect();
    if take > 0 {
        guarded(|| {
            let all: Vec<usize> = (0..columns.len()).collect();
            let reader = file
                .builder(&all)?
                .with_batch_size(take)
                .with_offset(usize::try_from(offset).map_err(|_| Problem::invalid("There is no such row."))?)
                .with_limit(take)
                .build()
                .map_err(words::damaged)?;
            let mut filled = 0;
            for batch in reader {
                let batch = batch.map_err(words::damaged)?;
                for array in batch.columns() {
                    let texts = normal::texts(array).map_err(words::damaged)?;
                    for row in 0..texts.len() {
                        rows[filled + row].push(texts.is_valid(row).then(|| shown(texts.value(row))));
                    }
                }
                filled += batch.num_rows();
            }
            if filled == take { Ok(()) } else { Err(words::damaged("rows are missing")) }
        })?;
    }
    Ok(RowsView { columns, rows, offset, total })
}

/// Single rows of a stored table, by index from 0 in rising order without repeats, as text; the given columns only, in the
/// given order. Only the row groups that hold them are decoded.
///
/// # Errors
/// As [`rows`]; there is no such column or row.
pub fn pick(parquet: &Path, columns: &[String], wanted: &[u64]) -> Result<Vec<Vec<Option<String>>>, Problem> {
    let file = ParquetFile::open(parquet)?;
    let schema = stored_schema(&file)?;
    let places = columns
        .iter()
        .map(|name| schema.iter().position(|column| column.name == *name))
        .collect::<Option<Vec<usize>>>()
        .ok_or_else(|| Problem::invalid("The table has no such column."))?;
    if wanted.last().is_some_and(|last| *last >= file.rows()) {
        return Err(Problem::invalid("The table has no such row."));
    }
    let mut picked: Vec<Vec<Option<String>>> = vec![Vec::with_capacity(columns.len()); wanted.len()];
    if wanted.is_empty() || columns.is_empty() {
        return Ok(picked);
    }
    guarded(|| {
        let total = usize::try_from(file.rows()).unwrap_or(usize::MAX);
        let ranges = wanted.iter().map(|row| *row as usize..*row as usize + 1);
        let reader = file
            .builder(&places)?
            .with_batch_size(wanted.len())
            .with_row_selection(RowSelection::from_consecutive_ranges(ranges, total))
            .build()
            .map_err(words::damaged)?;
        // A batch has the columns in the file's order.
        let mut sorted = places.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let mut filled = 0;
        for batch in reader {
            let batch = batch.map_err(words::damaged)?;
            for place in &places {
                let array = batch.column(sorted.partition_point(|other| other < place));
                let texts = normal::texts(array).map_err(words::damaged)?;
                for row in 0..texts.len() {
                    picked[filled + row].push(texts.is_valid(row).then(|| shown(texts.value(row))));
                }
            }
            filled += batch.num_rows();
        }
        if filled == wanted.len() { Ok(picked) } else { Err(words::damaged("rows are missing")) }
    })
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
