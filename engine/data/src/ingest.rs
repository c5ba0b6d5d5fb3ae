//! Reads a file as its options say and stores it as Parquet (zstd), with a profile made on the way.
//!
//! One thread reads and divides the text into blocks of about 4 MiB, while the columns of the block before are
//! converted, described and encoded by all cores. Nothing depends on timing: the same file read the same way gives
//! the same bytes. Memory stays within [`Memory`], whatever the file's size.

use crate::{
    block::{Block, Stop, note_bad},
    cell,
    convert::{self, Converted, Reading},
    limits::{MAX_BAD_ROWS_LISTED, MAX_ROWS},
    memory::Memory,
    parallel,
    profile::{TableStats, folder_of},
    source::Source,
    words,
    write::TableWriter,
};
use arrow_array::{ArrayRef, BooleanArray};
use std::{ops::ControlFlow, path::Path, sync::mpsc, thread};
use trainyard_types::{
    Code, Problem,
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
    let mut stats = TableStats::new(&options.columns, memory, folder_of(dest_parquet));
    let mut report = BadRowReport::default();
    let mut rows = 0_u64;
    let written = (|| {
        let opened = Source::open(source, options)?;
        let mut writer = Some(TableWriter::create(dest_parquet, &options.columns, memory)?);
        read_blocks(opened, options, &mut report, &mut |table, report, fraction| {
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
            writer.as_mut().map_or(Ok(()), |writer| writer.write(&table.columns, table.rows, &mut stats))
        })?;
        refuse(&report, rows, bad)?;
        writer.map(TableWriter::finish).transpose()
    })();
    match written {
        Ok(Some(written)) => {
            let profile = match stats.finish() {
                Ok(profile) => profile,
                Err(problem) => return Err(ReadFailure { problem, report }),
            };
            let _ = progress(1.0);
            Ok(Ingested { rows, bytes: written.bytes, hash: written.hash, profile, bad_rows: report })
        }
        Ok(None) => Err(ReadFailure { problem: Problem::internal("The table was not stored."), report }),
        Err(problem) => Err(ReadFailure { problem, report }),
    }
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

fn too_many_rows() -> Problem {
    Problem::new(
        Code::TooLarge,
        format!(
            "The file has more than {} rows, which is the limit. Take a sample of the rows.",
            words::count(MAX_ROWS)
        ),
    )
}

/// The good rows of a block, as typed columns.
pub(crate) struct Table {
    pub rows: usize,
    pub columns: Vec<ArrayRef>,
}

/// Reads every block on a thread of its own, converts it, sorts out bad rows into the report, and hands the rest on with
/// the share of the file read.
pub(crate) fn read_blocks(
    mut source: Source,
    options: &ReadOptions,
    report: &mut BadRowReport,
    take: &mut dyn FnMut(Table, &BadRowReport, f64) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let reading = Reading::new(options);
    thread::scope(|scope| {
        // One block waits while another is converted.
        let (send, receive) = mpsc::sync_channel::<Result<Block, Stop>>(1);
        let reader = scope.spawn(move || {
            loop {
                let block = match source.next_block() {
                    Ok(Some(block)) => Ok(block),
                    Ok(None) => return,
                    Err(stop) => Err(stop),
                };
                let last = block.is_err();
                if send.send(block).is_err() || last {
                    return;
                }
            }
        });
        for block in &receive {
            let block = block?;
            let table = good_rows(&block, options, &reading, report)?;
            take(table, report, block.fraction)?;
        }
        // Dropping the receiver ends the reader; here it has ended already.
        reader.join().map_err(|_| words::damaged("reading it failed"))
    })
}

fn good_rows(
    block: &Block,
    options: &ReadOptions,
    reading: &Reading,
    report: &mut BadRowReport,
) -> Result<Table, Problem> {
    let mut converted: Vec<Option<Converted>> = options.columns.iter().map(|_| None).collect();
    parallel::each(
        &mut converted,
        || (),
        |(), i, out| {
            *out = Some(convert::column(block, i, options.columns[i].kind, reading));
        },
    );
    let converted: Vec<Converted> = converted.into_iter().flatten().collect();
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
            line: block.lines.of(row as usize),
            column: options.columns[i].name.clone(),
            value: converted[i].bad_values[at].clone(),
            reason: cell::not_a(options.columns[i].kind).into(),
        })
        .collect();
    let dropped = keep.iter().filter(|keep| !**keep).count();
    bad.extend(block.bad.first.iter().cloned());
    bad.sort_by_key(|row| row.line);
    let unlisted = dropped as u64 + block.bad.count - bad.len() as u64;
    bad.into_iter().for_each(|row| note_bad(report, || row));
    report.count += unlisted;
    let columns = converted.into_iter().map(|column| column.array);
    if dropped == 0 {
        return Ok(Table { rows: block.rows, columns: columns.collect() });
    }
    let mask = BooleanArray::from(keep);
    let columns = columns
        .map(|array| arrow_select::filter::filter(&array, &mask))
        .collect::<Result<_, _>>()
        .map_err(|error| Problem::internal(format!("Bad rows could not be left out: {error}.")))?;
    Ok(Table { rows: block.rows - dropped, columns })
}
