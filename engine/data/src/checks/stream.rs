//! A stored table's columns, a batch of rows at a time; each column is decoded once a pass.

use super::columns::{Cells, Looks};
use crate::{
    limits::{BLOCK_BYTES, BLOCK_CELLS},
    parallel,
    parquet_source::{ParquetFile, guarded},
    words,
};
use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelection};
use std::{collections::BTreeMap, num::NonZero, path::Path, thread};
use trainyard_types::{Problem, dataset::ColumnSchema};

/// Rows of a batch at most.
const BATCH_ROWS: usize = 32_768;

/// A table whose footer has been read.
pub(super) struct Table<'a> {
    pub path: &'a Path,
    pub schema: &'a [ColumnSchema],
    /// Texts come as dictionaries.
    pub file: ParquetFile,
}

/// The same rows of several columns.
pub(super) struct Batch<'a> {
    /// How many rows come before.
    pub first: usize,
    pub rows: usize,
    columns: BTreeMap<&'a str, Cells>,
}

impl Batch<'_> {
    pub(super) fn cells(&self, name: &str) -> Result<&Cells, Problem> {
        self.columns
            .get(name)
            .ok_or_else(|| Problem::internal(format!("The column `{}` was not read.", words::clip(name))))
    }
}

/// Some columns that one thread decodes, with a handle of its own.
struct Lane {
    /// Indices into the table's schema, rising.
    columns: Vec<usize>,
    file: ParquetFile,
    /// Of one row group: texts of two would have to be brought under one dictionary.
    reader: Option<ParquetRecordBatchReader>,
    next: Result<Vec<Cells>, Problem>,
}

impl Lane {
    /// The next batch of a row group; nothing at its end.
    fn next(&mut self, group: usize, rows: usize) -> Result<Vec<Cells>, Problem> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => {
                let builder = self.file.builder(&self.columns)?.with_row_groups(vec![group]).with_batch_size(rows);
                none.insert(builder.build().map_err(words::damaged)?)
            }
        };
        let batch = reader.next().transpose().map_err(words::damaged)?;
        if batch.is_none() {
            self.reader = None;
        }
        Ok(batch.iter().flat_map(RecordBatch::columns).cloned().map(Cells::new).collect())
    }
}

impl Table<'_> {
    /// Hands each batch to `work`. The answer is how the columns' values look.
    ///
    /// # Errors
    /// The file can't be read, or as `work`.
    pub(super) fn each(
        &self,
        columns: &[usize],
        work: &mut dyn FnMut(&Batch<'_>) -> Result<(), Problem>,
    ) -> Result<BTreeMap<usize, Looks>, Problem> {
        let mut looks: BTreeMap<usize, Looks> =
            columns.iter().map(|&at| (at, Looks { kind: self.schema[at].kind, date_only: true })).collect();
        let (mut lanes, most) = self.lanes(columns)?;
        let mut first = 0;
        for (group, rows) in self.file.group_rows().enumerate() {
            let end = first + rows;
            while !lanes.is_empty() {
                parallel::each(&mut lanes, || (), |(), _, lane| lane.next = guarded(|| lane.next(group, most)));
                let mut batch = Batch { first, rows: 0, columns: BTreeMap::new() };
                for lane in &mut lanes {
                    let cells = std::mem::replace(&mut lane.next, Ok(Vec::new()))?;
                    let rows = cells.first().map_or(0, Cells::len);
                    if !batch.columns.is_empty() && rows != batch.rows {
                        return Err(words::damaged("rows are missing"));
                    }
                    batch.rows = rows;
                    for (&at, cells) in lane.columns.iter().zip(cells) {
                        if let Some(looks) = looks.get_mut(&at) {
                            looks.date_only &= cells.is_dates();
                        }
                        batch.columns.insert(&self.schema[at].name, cells);
                    }
                }
                if batch.rows == 0 {
                    break;
                }
                first += batch.rows;
                work(&batch)?;
            }
            // A file that ends early must not pass for a shorter table.
            if first != end && !lanes.is_empty() {
                return Err(words::damaged("rows are missing"));
            }
        }
        Ok(looks)
    }

    /// As many as there are cores, with about as much to decode each; and the rows of a batch.
    fn lanes(&self, columns: &[usize]) -> Result<(Vec<Lane>, usize), Problem> {
        let many = thread::available_parallelism().map_or(1, NonZero::get).min(columns.len()).min(16);
        let mut shares: Vec<(u64, Vec<usize>)> = vec![(0, Vec::new()); many];
        let mut sized: Vec<(u64, usize)> = columns.iter().map(|&at| (self.file.bytes_of(at), at)).collect();
        sized.sort_unstable_by(|a, b| b.cmp(a));
        let total: u64 = sized.iter().map(|(bytes, _)| bytes).sum();
        for (bytes, at) in sized {
            if let Some(least) = shares.iter_mut().min_by_key(|(bytes, _)| *bytes) {
                least.0 += bytes + 1;
                least.1.push(at);
            }
        }
        let a_row = total / self.file.rows().max(1) + 1;
        let rows =
            ((2 * BLOCK_BYTES as u64 / a_row) as usize).min(BLOCK_CELLS / columns.len().max(1)).clamp(64, BATCH_ROWS);
        let lane = |(_, mut columns): (u64, Vec<usize>)| {
            columns.sort_unstable();
            Ok(Lane { columns, file: self.file.reopen(self.path)?, reader: None, next: Ok(Vec::new()) })
        };
        Ok((shares.into_iter().map(lane).collect::<Result<_, Problem>>()?, rows))
    }

    /// The values of single rows (rising indices) of a column, for a person. Only the row groups that hold them are read.
    ///
    /// # Errors
    /// The file can't be read.
    pub(super) fn show(
        &self,
        column: usize,
        rows: &[usize],
        looks: &Looks,
    ) -> Result<BTreeMap<usize, Option<String>>, Problem> {
        let (mut groups, mut ranges, mut start, mut kept) = (Vec::new(), Vec::new(), 0, 0);
        for (group, many) in self.file.group_rows().enumerate() {
            let here = rows.partition_point(|&row| row < start)..rows.partition_point(|&row| row < start + many);
            if !here.is_empty() {
                groups.push(group);
                ranges.extend(rows[here].iter().map(|row| row - start + kept).map(|row| row..row + 1));
                kept += many;
            }
            start += many;
        }
        let selection = RowSelection::from_consecutive_ranges(ranges.into_iter(), kept);
        guarded(|| {
            let reader = self.file.reopen(self.path)?.builder(&[column])?;
            let reader =
                reader.with_row_groups(groups).with_row_selection(selection).build().map_err(words::damaged)?;
            let mut shown = Vec::with_capacity(rows.len());
            for batch in reader {
                let cells = Cells::new(batch.map_err(words::damaged)?.column(0).clone());
                shown.extend((0..cells.len()).map(|row| cells.show(row, looks)));
            }
            if shown.len() != rows.len() {
                return Err(words::damaged("rows are missing"));
            }
            Ok(rows.iter().copied().zip(shown).collect())
        })
    }
}
