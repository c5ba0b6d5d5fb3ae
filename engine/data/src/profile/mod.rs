//! What a table looks like, column by column, in one pass over its rows.
//!
//! Means and deviations are merged block by block (Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm
//! for computing sample variances", 1979). Quantiles, histograms and counts of different values are exact while the
//! numbers kept fit their share of [`Memory`] (38 million over all columns by default); beyond it each column keeps a
//! uniform sample (Vitter's algorithm R, seeded), and quantiles and histograms are estimated from that, which the profile
//! says. Counts of different texts are exact to 1,000,000 a column and to their share of the memory. Duplicate rows are
//! found by 64-bit hashes of all rows, on the disk where they do not fit.

mod content;
mod numbers;
mod texts;
mod warnings;

use crate::{
    bounded::{Spill, mix},
    memory::Memory,
    parallel,
    parquet_source::{ParquetFile, ParquetSource, guarded, kind_of},
    words,
};
use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{Float64Type, Int64Type, TimestampMillisecondType},
};
use content::ContentHash;
use numbers::NumberStats;
use std::{hash::BuildHasher, path::Path};
use texts::TextStats;
use trainyard_types::{
    Problem,
    dataset::{ColumnProfile, ColumnSchema, ColumnType, Profile, ValueCount},
};

/// The profile of a table stored by [`crate::ingest()`].
///
/// # Errors
/// If the file can't be read, or is not one that this crate wrote.
pub fn profile(parquet: &Path, memory: Memory) -> Result<Profile, Problem> {
    let file = ParquetFile::open(parquet)?;
    let schema = stored_schema(&file)?;
    let all: Vec<usize> = (0..schema.len()).collect();
    let mut stats = TableStats::new(&schema, memory, folder_of(parquet));
    let mut source = ParquetSource::new(&file, &all)?;
    while let Some(block) = source.next_block()? {
        if let crate::block::Cells::Arrow(arrays) = &block.cells {
            guarded(|| stats.add(arrays, block.rows))?;
        }
    }
    stats.finish()
}

/// Where a file stands.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The columns of a stored table, which has only the types that [`crate::ingest()`] writes.
pub(crate) fn stored_schema(file: &ParquetFile) -> Result<Vec<ColumnSchema>, Problem> {
    file.schema()
        .fields()
        .iter()
        .map(|field| match kind_of(field.data_type()) {
            Some(kind) if crate::convert::arrow_type(kind) == *field.data_type() => {
                Ok(ColumnSchema { name: field.name().clone(), kind })
            }
            _ => Err(Problem::invalid(format!(
                "The column `{}` is {}, which no stored table has. Import the file first.",
                words::clip(field.name()),
                crate::parquet_source::describe(field.data_type())
            ))),
        })
        .collect()
}

/// Statistics of a whole table in the making.
pub(crate) struct TableStats {
    pub columns: Vec<ColumnStats>,
    /// Of all rows.
    hashes: Spill<1>,
    rows: u64,
}

impl TableStats {
    /// `spill` is the folder for what does not fit the memory.
    pub(crate) fn new(schema: &[ColumnSchema], memory: Memory, spill: &Path) -> Self {
        let count = |wanted: fn(ColumnType) -> bool| schema.iter().filter(|column| wanted(column.kind)).count().max(1);
        let texts = count(|kind| kind == ColumnType::Text);
        let numbers = count(|kind| kind.is_numeric() || kind == ColumnType::Datetime);
        let columns = schema
            .iter()
            .enumerate()
            .map(|(i, column)| ColumnStats {
                name: column.name.clone(),
                kind: column.kind,
                salt: mix(i as u64 + 1),
                missing: 0,
                content: ContentHash::new(column.kind),
                stats: match column.kind {
                    ColumnType::Text => {
                        Stats::Texts(TextStats::new(memory.texts() / texts, memory.text_bytes() / texts))
                    }
                    ColumnType::Boolean => Stats::Booleans([0; 2]),
                    _ => Stats::Numbers(NumberStats::new((memory.numbers() / numbers).max(4096))),
                },
            })
            .collect();
        Self { columns, hashes: Spill::new(memory.row_hashes(), spill), rows: 0 }
    }

    /// Adds rows, column by column in parallel.
    fn add(&mut self, arrays: &[ArrayRef], rows: usize) -> Result<(), Problem> {
        let partial =
            parallel::each(&mut self.columns, || vec![0; rows], |hashes, i, column| column.add(&arrays[i], hashes));
        self.add_hashes(partial, rows)
    }

    /// Adds the rows' hashes, which are the sums over the threads' columns.
    ///
    /// # Errors
    /// The disk can't take what does not fit the memory.
    pub(crate) fn add_hashes(&mut self, partial: Vec<Vec<u64>>, rows: usize) -> Result<(), Problem> {
        self.rows += rows as u64;
        let mut partial = partial.into_iter();
        let mut sum = partial.next().unwrap_or_default();
        for other in partial {
            sum.iter_mut().zip(other).for_each(|(sum, hash)| *sum = sum.wrapping_add(hash));
        }
        self.hashes.add(sum.into_iter().map(|hash| [hash]))
    }

    /// # Errors
    /// The disk can't be read.
    pub(crate) fn finish(self) -> Result<Profile, Problem> {
        let mut duplicate_rows = 0;
        self.hashes.each_part(|hashes| {
            hashes.sort_unstable();
            duplicate_rows += (hashes.len() - hashes.chunk_by(|a, b| a == b).count()) as u64;
            Ok(())
        })?;
        let mut done: Vec<(ColumnStats, Option<Described>)> =
            self.columns.into_iter().map(|column| (column, None)).collect();
        parallel::each(&mut done, || (), |(), _, (column, out)| *out = Some(column.finish()));
        let columns: Vec<Described> = done.into_iter().filter_map(|(_, out)| out).collect();
        let mut profile = Profile {
            rows: self.rows,
            duplicate_rows,
            warnings: Vec::new(),
            columns: Vec::with_capacity(columns.len()),
        };
        profile.warnings = warnings::of(&profile, &columns);
        profile.columns = columns.into_iter().map(|column| column.profile).collect();
        Ok(profile)
    }
}

/// A column's profile with what only the warnings need.
pub(crate) struct Described {
    pub profile: ColumnProfile,
    /// Share of a text column's values (where known) that look like numbers.
    pub number_like: f64,
    /// Third standardised moment, 0 where undefined.
    pub skewness: f64,
}

/// Statistics of a column in the making.
pub(crate) struct ColumnStats {
    name: String,
    kind: ColumnType,
    /// Tells columns apart in the rows' hashes.
    salt: u64,
    missing: u64,
    content: ContentHash,
    stats: Stats,
}

enum Stats {
    Numbers(NumberStats),
    Texts(TextStats),
    /// Counts of `false` and `true`.
    Booleans([u64; 2]),
}

impl ColumnStats {
    /// Adds the values, and to each row's hash the value's.
    pub(crate) fn add(&mut self, array: &ArrayRef, hashes: &mut [u64]) {
        self.missing += array.null_count() as u64;
        self.content.add(array, self.kind);
        let salt = self.salt;
        // Sums of mixed hashes do not depend on the columns' order, so that threads can share the work.
        let mut put = |row: usize, value: u64| hashes[row] = hashes[row].wrapping_add(mix(value ^ salt));
        match &mut self.stats {
            Stats::Numbers(numbers) => match self.kind {
                ColumnType::Float => {
                    let array = array.as_primitive::<Float64Type>();
                    numbers.add(array.iter().map(|value| value.map(numbers::key_of_float)), true, &mut put);
                }
                ColumnType::Integer => numbers.add(array.as_primitive::<Int64Type>().iter(), false, &mut put),
                _ => numbers.add(array.as_primitive::<TimestampMillisecondType>().iter(), false, &mut put),
            },
            Stats::Texts(texts) => {
                let hasher = texts.hasher().clone();
                for (row, text) in array.as_string::<i32>().iter().enumerate() {
                    if let Some(text) = text {
                        let hash = hasher.hash_one(text);
                        texts.add(text, hash);
                        put(row, hash);
                    }
                }
            }
            Stats::Booleans(counts) => {
                for (row, value) in array.as_boolean().iter().enumerate() {
                    if let Some(value) = value {
                        counts[usize::from(value)] += 1;
                        put(row, u64::from(value) + 1);
                    }
                }
            }
        }
    }

    fn finish(&mut self) -> Described {
        let mut profile = ColumnProfile {
            name: std::mem::take(&mut self.name),
            kind: self.kind,
            hash: self.content.finish(),
            missing: self.missing,
            distinct: 0,
            numeric: None,
            top: Vec::new(),
        };
        let (mut number_like, mut skewness) = (0.0, 0.0);
        match &mut self.stats {
            Stats::Numbers(numbers) => skewness = numbers.finish(self.kind, &mut profile),
            Stats::Texts(texts) => number_like = texts.finish(&mut profile),
            Stats::Booleans([no, yes]) => {
                let mut top: Vec<ValueCount> = [("false", *no), ("true", *yes)]
                    .into_iter()
                    .filter(|(_, count)| *count > 0)
                    .map(|(value, count)| ValueCount { value: value.into(), count })
                    .collect();
                top.sort_by_key(|value| std::cmp::Reverse(value.count));
                profile.distinct = top.len() as u64;
                profile.top = top;
            }
        }
        Described { profile, number_like, skewness }
    }
}
