//! Reads a file as its options say and stores it as Parquet (zstd), with a profile made on the way.
//!
//! All cores read chunks of the text and convert them, while the columns of the chunks before are described and encoded,
//! column by column. Nothing depends on timing: the same file read the same way gives the same bytes. Memory stays within
//! [`Memory`], whatever the file's size.

use crate::{
    block::{Block, Buffers, note_bad},
    cell,
    convert::{self, Converted, Reading},
    inspect::too_many_rows,
    limits::{MAX_BAD_ROWS_LISTED, MAX_ROWS},
    memory::Memory,
    parallel,
    parquet_source::guarded,
    profile::{TableStats, folder_of},
    source::{Part, Source},
    words,
    write::{TableWriter, Written},
};
use arrow_array::{ArrayRef, BooleanArray};
use std::{ops::ControlFlow, path::Path};
use trainyard_types::{
    Problem,
    dataset::{BadRow, BadRowReport, BadRows, Profile, ReadFailure, ReadOptions},
};

/// A table that was stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingested {
    pub rows: u64,
    /// Size of the Parquet file.
    pub bytes: u64,
    /// blake3 of the Parquet file, hex.
    pub hash: String,
    pub profile: Profile,
    /// Rows left out, where bad rows are skipped.
    pub bad_rows: BadRowReport,
}

/// Reads `source` and writes it to `dest_parquet`, replacing what is there; on failure nothing changes there.
/// `progress` gets the share done, 0 to 1, and ends the work by answering `Break`.
///
/// # Errors
/// In words: the options don't fit the file, rows can't be read (all are counted, the first 20 listed with line, column
/// and value), no rows are left, a limit of [`crate::limits`] is passed, the disk is full, or the caller ended it.
pub fn ingest(
    source: &Path,
    options: &ReadOptions,
    bad: BadRows,
    dest_parquet: &Path,
    memory: Memory,
    progress: &mut dyn FnMut(f64) -> ControlFlow<()>,
) -> Result<Ingested, ReadFailure> {
    let mut report = BadRowReport::default();
    let mut stats = TableStats::new(&options.columns, memory, folder_of(dest_parquet));
    let filled = fill(source, options, bad, dest_parquet, memory, Some(&mut stats), &mut report, progress);
    match filled.and_then(|(writer, rows)| Ok((writer.finish_with(stats)?, rows))) {
        Ok(((Written { bytes, hash }, profile), rows)) => {
            let _ = progress(1.0);
            Ok(Ingested { rows, bytes, hash, profile, bad_rows: report })
        }
        Err(problem) => Err(ReadFailure { problem, report }),
    }
}

/// A table that was stored without a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub rows: u64,
    /// Size of the Parquet file.
    pub bytes: u64,
    /// blake3 of the Parquet file, hex.
    pub hash: String,
    /// Rows left out, where bad rows are skipped.
    pub bad_rows: BadRowReport,
}

/// As [`ingest()`], without a profile.
///
/// # Errors
/// As [`ingest()`].
pub fn store(
    source: &Path,
    options: &ReadOptions,
    bad: BadRows,
    dest_parquet: &Path,
    memory: Memory,
    progress: &mut dyn FnMut(f64) -> ControlFlow<()>,
) -> Result<Stored, ReadFailure> {
    let mut report = BadRowReport::default();
    let filled = fill(source, options, bad, dest_parquet, memory, None, &mut report, progress);
    match filled.and_then(|(writer, rows)| Ok((writer.finish()?, rows))) {
        Ok((Written { bytes, hash }, rows)) => {
            let _ = progress(1.0);
            Ok(Stored { rows, bytes, hash, bad_rows: report })
        }
        Err(problem) => Err(ReadFailure { problem, report }),
    }
}

/// Reads all rows into a writer, and into the statistics, if any. The answer is the writer with the number of its rows.
#[allow(clippy::too_many_arguments)]
fn fill(
    source: &Path,
    options: &ReadOptions,
    bad: BadRows,
    dest_parquet: &Path,
    memory: Memory,
    mut stats: Option<&mut TableStats>,
    report: &mut BadRowReport,
    progress: &mut dyn FnMut(f64) -> ControlFlow<()>,
) -> Result<(TableWriter, u64), Problem> {
    let mut rows = 0_u64;
    let opened = Source::open(source, options)?;
    let mut writer = Some(TableWriter::create(dest_parquet, &options.columns, memory)?);
    read_blocks(opened, options, report, &mut |table, report, fraction| {
        if progress(fraction * 0.98).is_break() {
            return Err(Problem::conflict("The import was cancelled. Nothing was stored."));
        }
        rows += table.rows as u64;
        if rows > MAX_ROWS {
            return Err(too_many_rows());
        }
        // Once rows are refused, the rest is read only to count them.
        if bad == BadRows::Refuse && report.count > 0 {
            writer = None;
        }
        let stats = stats.as_deref_mut();
        writer.as_mut().map_or(Ok(()), |writer| writer.write(&table.columns, table.rows, stats))
    })?;
    refuse(report, rows, bad)?;
    let writer = writer.ok_or_else(|| Problem::internal("The table was not stored."))?;
    Ok((writer, rows))
}

/// Whether the bad rows, or the lack of good ones, forbid going on.
pub(crate) fn refuse(report: &BadRowReport, rows: u64, bad: BadRows) -> Result<(), Problem> {
    let first = report.first.first().map(|row| {
        let line = words::count(row.line);
        match row.column.as_str() {
            "" => format!("line {line} {}", row.reason),
            column => format!("line {line}, column `{}`: `{}` {}", words::clip(column), row.value, row.reason),
        }
    });
    match first {
        Some(first) if bad == BadRows::Refuse => Err(Problem::invalid(format!(
            "{} of {} can't be read as described. The first: {first}. Correct the file or the column's type, or choose to \
             leave such rows out.",
            words::count(report.count),
            words::counted(report.count + rows, "row", "rows")
        ))),
        Some(first) if rows == 0 => Err(Problem::invalid(format!(
            "No row can be read as described. The first: {first}. Correct the columns' types."
        ))),
        None if rows == 0 => Err(Problem::invalid("The file has no rows. Choose a file with a header and rows.")),
        _ => Ok(()),
    }
}

/// The good rows of a block, as typed columns.
pub(crate) struct Table {
    pub rows: usize,
    pub columns: Vec<ArrayRef>,
}

/// Reads and converts every block on all cores, sorts out bad rows into the report, and hands the rest on in the file's
/// order, with the share of the file read.
pub(crate) fn read_blocks(
    mut source: Source,
    options: &ReadOptions,
    report: &mut BadRowReport,
    take: &mut dyn FnMut(Table, &BadRowReport, f64) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let reading = Reading::new(options);
    parallel::in_order(
        |memory| source.next_part(memory).map_err(Problem::from),
        Buffers::default,
        |memory, part: Part| {
            let (block, stop) = part.block();
            let fraction = block.fraction;
            let (table, bad) = guarded(|| good_rows(&block, options, &reading))?;
            *memory = block.into_buffers();
            Ok((table, bad, fraction, stop))
        },
        |(table, bad, fraction, stop)| {
            let unlisted = bad.count - bad.first.len() as u64;
            bad.first.into_iter().for_each(|row| note_bad(report, || row));
            report.count += unlisted;
            take(table, report, fraction)?;
            stop.map_or(Ok(()), |stop| Err(stop.problem))
        },
    )
}

fn good_rows(block: &Block, options: &ReadOptions, reading: &Reading) -> Result<(Table, BadRowReport), Problem> {
    let converted: Vec<Converted> =
        options.columns.iter().enumerate().map(|(i, column)| convert::column(block, i, column.kind, reading)).collect();
    let mut keep = vec![true; if converted.iter().any(|column| !column.bad.is_empty()) { block.rows } else { 0 }];
    // The first bad column of each of the first bad rows.
    let mut found: Vec<(u32, usize, usize)> = Vec::new();
    for (i, column) in converted.iter().enumerate() {
        column.bad.iter().for_each(|&row| keep[row as usize] = false);
        found.extend(column.bad.iter().take(column.bad_values.len()).enumerate().map(|(at, &row)| (row, i, at)));
    }
    found.sort_unstable();
    found.dedup_by_key(|bad| bad.0);
    let mut bad: Vec<BadRow> = found
        .into_iter()
        .take(MAX_BAD_ROWS_LISTED)
        .map(|(row, i, at)| BadRow {
            line: block.line(row as usize),
            column: options.columns[i].name.clone(),
            value: converted[i].bad_values[at].clone(),
            reason: cell::not_a(options.columns[i].kind).into(),
        })
        .collect();
    let dropped = keep.iter().filter(|keep| !**keep).count();
    bad.extend(block.bad.first.iter().cloned());
    bad.sort_by_key(|row| row.line);
    bad.truncate(MAX_BAD_ROWS_LISTED);
    let report = BadRowReport { count: dropped as u64 + block.bad.count, first: bad };
    let columns = converted.into_iter().map(|column| column.array);
    if dropped == 0 {
        return Ok((Table { rows: block.rows, columns: columns.collect() }, report));
    }
    let mask = BooleanArray::from(keep);
    let columns = columns
        .map(|array| arrow_select::filter::filter(&array, &mask))
        .collect::<Result<_, _>>()
        .map_err(|error| Problem::internal(format!("Bad rows could not be left out: {error}.")))?;
    Ok((Table { rows: block.rows - dropped, columns }, report))
}
