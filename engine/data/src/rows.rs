//! A page of a stored table.

use crate::{
    limits::MAX_PAGE_ROWS,
    normal,
    parquet_source::{ParquetFile, guarded},
    profile::stored_schema,
    words,
};
use arrow_array::Array;
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

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
