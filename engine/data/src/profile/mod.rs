//! What a table looks like, column by column, in one pass over its rows.
//!
//! Means and deviations are merged block by block (Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm
//! for computing sample variances", 1979). Quantiles, histograms and counts of different values are exact while the
//! numbers kept fit their share of [`Memory`] (38 million over all columns by default); beyond it each column keeps a
//! uniform sample (Vitter's algorithm R, seeded), and quantiles and histograms are estimated from that, which the profile
//! says. Counts of different texts are exact to 1,000,000 a column and to their share of the memory. Duplicate rows are
//! found by 64-bit hashes of all rows, on the disk where they do not fit.

mod content;
mod duplicates;
mod numbers;
mod ranked;
mod texts;
mod warnings;

use crate::{
    bounded::mix,
    memory::Memory,
    parallel,
    parquet_source::{ParquetFile, ParquetSource, guarded, kind_of},
    words,
};
use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType},
};
use content::ContentHash;
use duplicates::RowHashes;
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
    let file = file.with_dictionaries()?;
    let mut stats = TableStats::new(&schema, memory, folder_of(parquet));
    // Each thread decodes and describes columns of its own. A reader takes an open file, of which there are not many.
    let width = schema.len().div_ceil(MOST_READERS).max(1);
    let mut lanes = Vec::new();
    for (i, columns) in stats.columns.chunks_mut(width).enumerate() {
        let at: Vec<usize> = (i * width..i * width + columns.len()).collect();
        let source = ParquetSource::new(&file.reopen(parquet)?, &at)?;
        lanes.push(Lane { source, columns, rows: Ok(0) });
    }
    loop {
        let partial = parallel::each(&mut lanes, Vec::new, |hashes, _, lane| lane.rows = lane.add(hashes));
        let mut rows = None;
        for lane in &mut lanes {
            let here = std::mem::replace(&mut lane.rows, Ok(0))?;
            if *rows.get_or_insert(here) != here {
                return Err(words::damaged("its columns differ in length"));
            }
        }
        match rows {
            Some(rows) if rows > 0 => stats.rows.add(partial)?,
            _ => break,
        }
    }
    drop(lanes);
    stats.finish()
}

/// Readers of one file at most.
const MOST_READERS: usize = 64;

/// Some of the columns, on their way into their statistics.
struct Lane<'a> {
    source: ParquetSource,
    columns: &'a mut [ColumnStats],
    /// How many rows the last block had.
    rows: Result<usize, Problem>,
}

impl Lane<'_> {
    /// Adds the next block, and its values to the rows' hashes. The answer is its rows, none at the end.
    fn add(&mut self, hashes: &mut Vec<u64>) -> Result<usize, Problem> {
        let Some(block) = self.source.next_block()? else { return Ok(0) };
        hashes.resize(block.rows, 0);
        if let crate::block::Cells::Arrow(arrays) = &block.cells {
            let columns = self.columns.iter_mut().zip(arrays);
            guarded(|| {
                columns.for_each(|(column, array)| column.add(array, hashes));
                Ok(())
            })?;
        }
        Ok(block.rows)
    }
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
    pub rows: RowHashes,
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
                    kind => {
                        let most = (memory.numbers() / numbers).max(4096);
                        Stats::Numbers(NumberStats::new(most, kind == ColumnType::Float))
                    }
                },
            })
            .collect();
        Self { columns, rows: RowHashes::new(memory.row_hashes(), spill) }
    }

    /// # Errors
    /// The disk can't be read.
    pub(crate) fn finish(self) -> Result<Profile, Problem> {
        let rows = self.rows.rows();
        enum Work {
            Rows(Option<RowHashes>, Result<u64, Problem>),
            Column(Box<ColumnStats>, Option<Described>),
        }
        let mut work = vec![Work::Rows(Some(self.rows), Ok(0))];
        work.extend(self.columns.into_iter().map(|column| Work::Column(Box::new(column), None)));
        parallel::each(
            &mut work,
            || (),
            |(), _, work| match work {
                Work::Rows(hashes, found) => *found = hashes.take().map_or(Ok(0), RowHashes::duplicates),
                Work::Column(column, out) => *out = Some(column.finish()),
            },
        );
        let mut duplicate_rows = 0;
        let mut columns = Vec::with_capacity(work.len());
        for work in work {
            match work {
                Work::Rows(_, found) => duplicate_rows = found?,
                Work::Column(_, out) => columns.extend(out),
            }
        }
        let mut profile =
            Profile { rows, duplicate_rows, warnings: Vec::new(), columns: Vec::with_capacity(columns.len()) };
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
    /// Adds the values, and to each row's hash the value's. Texts may come as dictionaries.
    pub(crate) fn add(&mut self, array: &ArrayRef, hashes: &mut [u64]) {
        self.missing += array.null_count() as u64;
        let salt = self.salt;
        // Sums of mixed hashes do not depend on the columns' order, so that threads can share the work.
        let put = |hash: &mut u64, value: u64| *hash = hash.wrapping_add(mix(value ^ salt));
        match &mut self.stats {
            Stats::Numbers(numbers) => {
                let integers;
                let values: &[i64] = match self.kind {
                    ColumnType::Float => {
                        let floats = array.as_primitive::<Float64Type>().values();
                        integers = floats.iter().map(|&value| numbers::key_of_float(value)).collect::<Vec<_>>();
                        &integers
                    }
                    ColumnType::Integer => array.as_primitive::<Int64Type>().values(),
                    _ => array.as_primitive::<TimestampMillisecondType>().values(),
                };
                for (start, end) in present(array) {
                    let hashes = hashes[start..end].iter_mut();
                    hashes.zip(&values[start..end]).for_each(|(hash, &key)| put(hash, key as u64));
                    numbers.add(&values[start..end]);
                }
            }
            Stats::Texts(texts) => match array.as_dictionary_opt::<Int32Type>() {
                Some(coded) => {
                    let levels = coded.values().as_string::<i32>();
                    let hasher = texts.hasher().clone();
                    let hash_of: Vec<u64> = (0..levels.len()).map(|i| hasher.hash_one(levels.value(i))).collect();
                    let mixed: Vec<u64> = hash_of.iter().map(|hash| mix(hash ^ salt)).collect();
                    let mut times = vec![0_u64; levels.len()];
                    let codes = coded.keys().values();
                    for (start, end) in present(array) {
                        for (hash, &code) in hashes[start..end].iter_mut().zip(&codes[start..end]) {
                            times[code as usize] += 1;
                            *hash = hash.wrapping_add(mixed[code as usize]);
                        }
                    }
                    for (level, times) in times.into_iter().enumerate().filter(|(_, times)| *times > 0) {
                        texts.add(levels.value(level), hash_of[level], times);
                    }
                }
                None => {
                    let array = array.as_string::<i32>();
                    let hasher = texts.hasher().clone();
                    for row in present(array).flat_map(|(start, end)| start..end) {
                        let hash = hasher.hash_one(array.value(row));
                        texts.add(array.value(row), hash, 1);
                        put(&mut hashes[row], hash);
                    }
                }
            },
            Stats::Booleans(counts) => {
                for (row, value) in array.as_boolean().iter().enumerate() {
                    if let Some(value) = value {
                        counts[usize::from(value)] += 1;
                        put(&mut hashes[row], u64::from(value) + 1);
                    }
                }
            }
        }
        self.content.add(array, self.kind);
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

/// Runs of present values: where each begins and ends.
fn present(array: &dyn Array) -> impl Iterator<Item = (usize, usize)> {
    let nulls = array.nulls();
    let all = nulls.is_none().then_some((0, array.len()));
    nulls.into_iter().flat_map(|nulls| nulls.valid_slices()).chain(all)
}
