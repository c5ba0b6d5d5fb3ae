//! Any supported file straight into memory, for the command line.

use crate::{
    frame::ColumnBuilder,
    ingest::{read_blocks, refuse},
    inspect::inspect,
    parallel,
    source::Source,
};
use std::path::Path;
use trainyard_infer::frame::Frame;
use trainyard_types::{
    Problem,
    dataset::{BadRowReport, BadRows, ReadFailure, ReadOptions},
};

/// Inspects the file and reads it as found.
///
/// # Errors
/// As [`crate::inspect()`] and [`crate::ingest()`]; bad rows are refused.
pub fn read_file(path: &Path) -> Result<(ReadOptions, Frame), ReadFailure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let options = inspect(path, &name).map_err(failure)?.options;
    let frame = read_file_as(path, &options)?;
    Ok((options, frame))
}

/// Reads the file as the options say.
///
/// # Errors
/// As [`crate::ingest()`]; bad rows are refused.
pub fn read_file_as(path: &Path, options: &ReadOptions) -> Result<Frame, ReadFailure> {
    let source = Source::open(path, options).map_err(failure)?;
    let mut columns: Vec<ColumnBuilder> = options.columns.iter().map(|column| ColumnBuilder::new(column, 0)).collect();
    let mut report = BadRowReport::default();
    let mut rows = 0;
    let outcome = read_blocks(source, options, &mut report, &mut |table, _, _| {
        rows += table.rows;
        parallel::each(&mut columns, || (), |(), i, column| column.add(&table.columns[i]));
        Ok(())
    })
    .and_then(|()| refuse(&report, rows as u64, BadRows::Refuse));
    match outcome {
        Ok(()) => Ok(Frame { columns: columns.into_iter().map(ColumnBuilder::finish).collect(), rows }),
        Err(problem) => Err(ReadFailure { problem, report }),
    }
}

fn failure(problem: Problem) -> ReadFailure {
    ReadFailure { problem, report: BadRowReport::default() }
}
