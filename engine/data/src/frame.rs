//! Stored tables into memory.

use crate::{
    memory::Memory,
    parallel,
    parquet_source::{ParquetFile, guarded},
    profile::stored_schema,
    words,
};
use arrow_array::{
    Array, ArrayRef, UInt32Array,
    cast::AsArray,
    types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType},
};
use arrow_schema::DataType;
use arrow_select::take::take;
use foldhash::fast::RandomState;
use parquet::arrow::arrow_reader::RowSelection;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{collections::HashMap, path::Path, sync::Arc};
use trainyard_infer::frame::{Column, Frame, MISSING, Values};
use trainyard_types::{
    Problem,
    dataset::{ColumnSchema, ColumnType},
};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 32_768;

/// Loads a stored table, or the given columns of it in the given order. Numbers and times take 8 bytes a row, texts
/// and booleans 4.
///
/// # Errors
/// If the file can't be read, is not one that [`crate::ingest()`] wrote, or lacks a column.
pub fn load(parquet: &Path, columns: Option<&[String]>) -> Result<Frame, Problem> {
    let file = ParquetFile::open(parquet)?;
    let schema = stored_schema(&file)?;
    let columns = chosen(&schema, columns)?;
    let file = guarded(|| file.with_dictionaries())?;
    load_rows(parquet, &file, &schema, &columns, &Reading::all(&file))
}

/// The places of the columns, or of all.
pub(crate) fn chosen(schema: &[ColumnSchema], columns: Option<&[String]>) -> Result<Vec<usize>, Problem> {
    let Some(names) = columns else { return Ok((0..schema.len()).collect()) };
    let place = |name: &String| {
        schema.iter().position(|column| column.name == *name).ok_or_else(|| {
            let known: Vec<&String> = schema.iter().map(|column| &column.name).collect();
            Problem::invalid(format!(
                "There is no column `{}`. The columns are {}.",
                words::clip(name),
                words::listed(&known)
            ))
        })
    };
    names.iter().map(place).collect()
}

/// Which of a file's rows are decoded, and which of those are kept.
pub(crate) struct Reading<'a> {
    /// Row groups and which of their rows; `None`: all.
    pub some: Option<(Vec<usize>, RowSelection)>,
    /// How many are decoded.
    pub decoded: usize,
    /// Those that are kept, by their number among the decoded ones, in rising order; `None`: all.
    pub wanted: Option<&'a [usize]>,
}

impl Reading<'_> {
    pub(crate) fn all(file: &ParquetFile) -> Self {
        Self { some: None, decoded: file.rows() as usize, wanted: None }
    }

    fn kept(&self) -> usize {
        self.wanted.map_or(self.decoded, <[usize]>::len)
    }
}

/// The rows of a file with dictionaries. Besides what is kept a batch a core is held at a time.
pub(crate) fn load_rows(
    parquet: &Path,
    file: &ParquetFile,
    schema: &[ColumnSchema],
    columns: &[usize],
    reading: &Reading<'_>,
) -> Result<Frame, Problem> {
    struct Item {
        index: usize,
        outcome: Result<Column, Problem>,
    }
    let mut items: Vec<Item> = columns
        .iter()
        .map(|&index| Item { index, outcome: Err(Problem::internal("The column was not read.")) })
        .collect();
    parallel::each(
        &mut items,
        || (),
        |(), _, item| {
            item.outcome = guarded(|| load_column(&file.reopen(parquet)?, item.index, &schema[item.index], reading));
        },
    );
    let columns = items.into_iter().map(|item| item.outcome).collect::<Result<Vec<_>, _>>()?;
    Ok(Frame { columns, rows: reading.kept() })
}

/// Rows of a stored table, as its footer says.
///
/// # Errors
/// If the file can't be read.
pub fn row_count(parquet: &Path) -> Result<usize, Problem> {
    Ok(ParquetFile::open(parquet)?.rows() as usize)
}

/// Loads the given columns of a stored table, or all, and up to `rows` rows, as many as fit a share of the memory, spread
/// evenly over the table by a fixed draw: the same table gives the same rows.
///
/// # Errors
/// As [`load`].
pub fn load_sample(parquet: &Path, columns: Option<&[String]>, rows: usize, memory: Memory) -> Result<Frame, Problem> {
    let file = ParquetFile::open(parquet)?;
    let schema = stored_schema(&file)?;
    let columns = chosen(&schema, columns)?;
    let all = file.rows() as usize;
    let a_row: u64 = columns.iter().map(|&at| bytes_a_row(&file, at, schema[at].kind)).sum();
    let rows = rows.min(memory.sample() / (a_row as usize).max(1)).max(1);
    let wanted = (all > rows).then(|| sampled_rows(all, rows));
    let file = guarded(|| file.with_dictionaries())?;
    load_rows(parquet, &file, &schema, &columns, &Reading { wanted: wanted.as_deref(), ..Reading::all(&file) })
}

/// About what a row of a column takes in memory. Texts that do not repeat are held twice while they are loaded.
pub(crate) fn bytes_a_row(file: &ParquetFile, column: usize, kind: ColumnType) -> u64 {
    match kind {
        ColumnType::Boolean => 4,
        ColumnType::Text => match file.bytes_of(column) / file.rows().max(1) {
            stored if stored > 4 => 2 * stored + 80,
            _ => 8,
        },
        _ => 8,
    }
}

/// The rows of a table of `all` rows that [`load_sample`] loads, in rising order.
pub fn sampled_rows(all: usize, rows: usize) -> Vec<usize> {
    if all <= rows {
        return (0..all).collect();
    }
    // One row of each stretch of equal length, at a place drawn for it.
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let stretch = all as f64 / rows as f64;
    (0..rows).map(|i| (((i as f64 + random.random::<f64>()) * stretch) as usize).min(all - 1)).collect()
}

/// Only what is kept is held.
fn load_column(
    file: &ParquetFile,
    index: usize,
    schema: &ColumnSchema,
    reading: &Reading<'_>,
) -> Result<Column, Problem> {
    let mut column = ColumnBuilder::new(schema, reading.kept());
    let mut builder = file.builder(&[index])?.with_batch_size(BATCH_ROWS);
    if let Some((groups, selection)) = &reading.some {
        builder = builder.with_row_groups(groups.clone()).with_row_selection(selection.clone());
    }
    let reader = builder.build().map_err(words::damaged)?;
    let (mut first, mut rest) = (0, reading.wanted);
    for batch in reader {
        let batch = batch.map_err(words::damaged)?;
        let next = first + batch.num_rows();
        match &mut rest {
            None => column.add(batch.column(0)),
            Some(rest) => {
                let (here, after) = rest.split_at(rest.partition_point(|&row| row < next));
                *rest = after;
                if !here.is_empty() {
                    let places = UInt32Array::from_iter_values(here.iter().map(|row| (row - first) as u32));
                    column.add(&take(batch.column(0), &places, None).map_err(words::damaged)?);
                }
            }
        }
        first = next;
    }
    // A file that ends early must not pass for a shorter table.
    if first == reading.decoded { Ok(column.finish()) } else { Err(words::damaged("rows are missing")) }
}

/// Appends arrays of the five stored types, texts also as dictionaries, to a column in memory.
pub(crate) struct ColumnBuilder {
    name: String,
    kind: ColumnType,
    values: Values,
    /// Codes by level, while texts come in.
    codes: HashMap<Box<str>, u32, RandomState>,
    /// The dictionary seen last, and the code of each of its values as far as they occurred.
    last: Option<(ArrayRef, Vec<u32>)>,
}

impl ColumnBuilder {
    pub(crate) fn new(schema: &ColumnSchema, rows: usize) -> Self {
        // What a file claims is not believed beyond a size that is harmless.
        let rows = rows.min(1 << 24);
        let values = match schema.kind {
            ColumnType::Text | ColumnType::Boolean => {
                Values::Categories { codes: Vec::with_capacity(rows), levels: Vec::new() }
            }
            _ => Values::Numbers(Vec::with_capacity(rows)),
        };
        Self { name: schema.name.clone(), kind: schema.kind, values, codes: HashMap::default(), last: None }
    }

    pub(crate) fn add(&mut self, array: &ArrayRef) {
        match &mut self.values {
            Values::Numbers(numbers) => match array.data_type() {
                DataType::Int64 => {
                    numbers.extend(array.as_primitive::<Int64Type>().iter().map(|v| v.map_or(f64::NAN, |v| v as f64)));
                }
                DataType::Float64 => {
                    numbers.extend(array.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)));
                }
                _ => numbers.extend(
                    array.as_primitive::<TimestampMillisecondType>().iter().map(|v| v.map_or(f64::NAN, |v| v as f64)),
                ),
            },
            Values::Categories { codes, levels } => {
                let known = &mut self.codes;
                let mut code_of = |text: &str| {
                    if let Some(&code) = known.get(text) {
                        return code;
                    }
                    let code = levels.len() as u32;
                    levels.push(text.to_owned());
                    known.insert(text.into(), code);
                    code
                };
                match array.data_type() {
                    DataType::Boolean => codes.extend(
                        array
                            .as_boolean()
                            .iter()
                            .map(|v| v.map_or(MISSING, |v| code_of(if v { "true" } else { "false" }))),
                    ),
                    DataType::Utf8 => {
                        codes.extend(array.as_string::<i32>().iter().map(|v| v.map_or(MISSING, &mut code_of)));
                    }
                    _ => {
                        let dictionary = array.as_dictionary::<Int32Type>();
                        let texts = dictionary.values().as_string::<i32>();
                        let mut map = match self.last.take() {
                            Some((seen, map)) if Arc::ptr_eq(&seen, dictionary.values()) => map,
                            _ => vec![MISSING; texts.len()],
                        };
                        // Levels come in the order of the rows, not of the dictionary.
                        codes.extend(dictionary.keys().iter().map(|key| {
                            key.map_or(MISSING, |key| {
                                let code = &mut map[key as usize];
                                if *code == MISSING && texts.is_valid(key as usize) {
                                    *code = code_of(texts.value(key as usize));
                                }
                                *code
                            })
                        }));
                        self.last = Some((dictionary.values().clone(), map));
                    }
                }
            }
        }
    }

    pub(crate) fn finish(self) -> Column {
        Column { name: self.name, kind: self.kind, values: self.values }
    }
}
