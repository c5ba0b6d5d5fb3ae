//! A stored table of which some rows at a time are brought into memory.

use crate::{
    frame::{self, Reading, bytes_a_row, chosen},
    parquet_source::{ParquetFile, guarded},
    profile::stored_schema,
    words,
};
use parquet::arrow::arrow_reader::RowSelection;
use std::{
    ops::Range,
    path::{Path, PathBuf},
};
use trainyard_infer::frame::Frame;
use trainyard_types::{Problem, dataset::ColumnSchema};

/// Rows that [`StoredTable::each_block`] hands out at a time, at least: whole row groups.
const BLOCK_ROWS: usize = 512 << 10;

/// How many times a row that is trained on is held, as it was read: with its copies among the chosen columns and in its part,
/// and with what a family makes of it (encoded, embedded, binned), at the worst moment of a job.
pub const COPIES: u64 = 6;

/// A stored table whose footer has been read.
pub struct StoredTable {
    path: PathBuf,
    file: ParquetFile,
    schema: Vec<ColumnSchema>,
    /// The first row of each row group, and the number of all rows.
    starts: Vec<usize>,
}

impl std::fmt::Debug for StoredTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredTable").field("path", &self.path).field("rows", &self.rows()).finish_non_exhaustive()
    }
}

impl StoredTable {
    /// # Errors
    /// If the file can't be read, or is not one that [`crate::ingest()`] wrote.
    pub fn open(parquet: &Path) -> Result<Self, Problem> {
        let file = ParquetFile::open(parquet)?;
        let schema = stored_schema(&file)?;
        let file = guarded(|| file.with_dictionaries())?;
        let mut starts = vec![0];
        for rows in file.group_rows() {
            starts.push(starts[starts.len() - 1] + rows);
        }
        if starts[starts.len() - 1] != file.rows() as usize {
            return Err(words::damaged("its row groups have another number of rows than it says"));
        }
        Ok(Self { path: parquet.to_owned(), file, schema, starts })
    }

    pub fn rows(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    pub fn schema(&self) -> &[ColumnSchema] {
        &self.schema
    }

    /// About what training on the whole table takes, bytes: `rows x bytes of a row x` [`COPIES`].
    ///
    /// # Errors
    /// Never: all columns are there.
    pub fn training_bytes(&self) -> Result<u64, Problem> {
        Ok(self.bytes_a_row(None)?.saturating_mul(COPIES).saturating_mul(self.rows() as u64))
    }

    /// All rows.
    ///
    /// # Errors
    /// As [`StoredTable::load`].
    pub fn load_all(&self, columns: Option<&[String]>) -> Result<Frame, Problem> {
        let places = chosen(&self.schema, columns)?;
        frame::load_rows(&self.path, &self.file, &self.schema, &places, &Reading::all(&self.file))
    }

    /// About what a row of these columns, or of all, takes in a [`Frame`], bytes: 8 for a number, 4 for a category, more for
    /// texts that do not repeat.
    ///
    /// # Errors
    /// There is no such column.
    pub fn bytes_a_row(&self, columns: Option<&[String]>) -> Result<u64, Problem> {
        let places = chosen(&self.schema, columns)?;
        Ok(places.into_iter().map(|place| bytes_a_row(&self.file, place, self.schema[place].kind)).sum())
    }

    /// The rows of these numbers, which rise. The whole file is decoded, in batches.
    ///
    /// # Errors
    /// There is no such column, or the file can't be read.
    pub fn load(&self, columns: Option<&[String]>, wanted: &[usize]) -> Result<Frame, Problem> {
        let places = chosen(&self.schema, columns)?;
        let reading = Reading { wanted: Some(wanted), ..Reading::all(&self.file) };
        frame::load_rows(&self.path, &self.file, &self.schema, &places, &reading)
    }

    /// The rows within these ranges that `keep` says, in rising order. The ranges rise and do not overlap; only pages that
    /// they touch are decoded.
    ///
    /// # Errors
    /// As [`StoredTable::load`].
    pub fn load_ranges(
        &self,
        columns: &[String],
        ranges: &[Range<usize>],
        keep: impl Fn(usize) -> bool,
    ) -> Result<Frame, Problem> {
        let places = chosen(&self.schema, Some(columns))?;
        let touched = |group: usize| {
            let (start, end) = (self.starts[group], self.starts[group + 1]);
            let next = ranges.partition_point(|range| range.end <= start);
            start < end && ranges.get(next).is_some_and(|range| range.start < end)
        };
        let groups: Vec<usize> = (0..self.starts.len() - 1).filter(|&group| touched(group)).collect();
        // A selection counts the rows of the groups that are read.
        let (mut selected, mut before) = (Vec::new(), 0);
        for &group in &groups {
            let (start, end) = (self.starts[group], self.starts[group + 1]);
            let first = ranges.partition_point(|range| range.end <= start);
            let within = ranges[first..].iter().take_while(|range| range.start < end);
            selected.extend(
                within.map(|range| before + range.start.max(start) - start..before + range.end.min(end) - start),
            );
            before += end - start;
        }
        let selection = RowSelection::from_consecutive_ranges(selected.into_iter(), before);
        let rows = ranges.iter().cloned().flatten().enumerate();
        let wanted: Vec<usize> = rows.filter(|(_, row)| keep(*row)).map(|(number, _)| number).collect();
        let decoded = ranges.iter().map(ExactSizeIterator::len).sum();
        let reading = Reading { some: Some((groups, selection)), decoded, wanted: Some(&wanted) };
        frame::load_rows(&self.path, &self.file, &self.schema, &places, &reading)
    }

    /// Hands out all rows of some columns block by block, each with the number of its first row.
    ///
    /// # Errors
    /// As [`StoredTable::load`], or as `take`.
    pub fn each_block(
        &self,
        columns: &[String],
        mut take: impl FnMut(usize, Frame) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut start = 0;
        for &end in &self.starts[1..] {
            if end > start && (end - start >= BLOCK_ROWS || end == self.rows()) {
                let range = start..end;
                take(start, self.load_ranges(columns, std::slice::from_ref(&range), |_| true)?)?;
                start = end;
            }
        }
        Ok(())
    }
}
