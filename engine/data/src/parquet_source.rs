//! Parquet from anywhere as blocks of arrays, and the Arrow types that a table takes from it.

use crate::{
    block::{Block, Cells, Lines, Stop},
    limits::{BLOCK_BYTES, BLOCK_CELLS, BLOCK_ROWS, MAX_ROWS},
    words,
};
use arrow_array::{ArrayRef, RecordBatchReader};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    },
};
use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};
use trainyard_types::{
    Code, Problem,
    dataset::{BadRowReport, ColumnType},
};

/// A Parquet file whose footer has been read.
pub(crate) struct ParquetFile {
    file: File,
    metadata: ArrowReaderMetadata,
}

/// Runs code that reads Parquet; a panic in the reader, which a damaged file can cause, becomes a problem.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(words::damaged("its contents contradict each other")))
}

impl ParquetFile {
    pub(crate) fn open(path: &Path) -> Result<Self, Problem> {
        let file = File::open(path).map_err(|error| words::cannot_read(path, &error))?;
        let metadata = guarded(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(words::damaged))?;
        let opened = Self { file, metadata };
        if opened.rows() > MAX_ROWS {
            return Err(Problem::new(
                Code::TooLarge,
                format!(
                    "The file has {} rows; the limit is {}. Take a sample of the rows.",
                    words::count(opened.rows()),
                    words::count(MAX_ROWS)
                ),
            ));
        }
        Ok(opened)
    }

    /// The same file with a handle of its own, for another thread: clones of a handle share its position.
    pub(crate) fn reopen(&self, path: &Path) -> Result<Self, Problem> {
        let file = File::open(path).map_err(|error| words::cannot_read(path, &error))?;
        Ok(Self { file, metadata: self.metadata.clone() })
    }

    pub(crate) fn rows(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows().max(0) as u64
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.metadata.schema()
    }

    /// The size of the row groups decoded, in bytes, as the file has it.
    fn decoded_bytes(&self) -> u64 {
        self.metadata.metadata().row_groups().iter().map(|group| group.total_byte_size().max(0) as u64).sum()
    }

    /// The size of a column decoded, in bytes, as the file has it.
    pub(crate) fn bytes_of(&self, column: usize) -> u64 {
        let groups = self.metadata.metadata().row_groups().iter();
        groups
            .filter_map(|group| group.columns().get(column))
            .map(|chunk| chunk.uncompressed_size().max(0) as u64)
            .sum()
    }

    /// Rows of each row group.
    pub(crate) fn group_rows(&self) -> impl Iterator<Item = usize> {
        self.metadata.metadata().row_groups().iter().map(|group| group.num_rows().max(0) as usize)
    }

    /// Rows a batch that keep one near the size of a block.
    pub(crate) fn batch_rows(&self) -> usize {
        let a_row = self.decoded_bytes() / self.rows().max(1) + 1;
        // Encoded cells can be far smaller than decoded ones, so that their number has a bound too.
        let most = (BLOCK_CELLS / self.schema().fields().len().max(1)).clamp(64, BLOCK_ROWS);
        ((BLOCK_BYTES as u64 * 2 / a_row) as usize).clamp(64, most)
    }

    /// Reads the given columns (by their index in the schema, in that order within each batch's sorted order).
    pub(crate) fn reader(&self, columns: &[usize]) -> Result<ParquetRecordBatchReader, Problem> {
        self.builder(columns)?.with_batch_size(self.batch_rows()).build().map_err(words::damaged)
    }

    /// A builder over the given columns. The reader's batches have them in the file's order.
    pub(crate) fn builder(&self, columns: &[usize]) -> Result<ParquetRecordBatchReaderBuilder<File>, Problem> {
        let file =
            self.file.try_clone().map_err(|error| Problem::internal(format!("The file can't be read: {error}.")))?;
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().copied());
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone()).with_projection(mask))
    }

    /// The same file, whose texts are read as dictionaries: codes and levels instead of a text a row.
    pub(crate) fn with_dictionaries(self) -> Result<Self, Problem> {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let fields: Vec<Field> = self
            .schema()
            .fields()
            .iter()
            .map(|field| match field.data_type() {
                DataType::Utf8 => Field::new(field.name(), dictionary.clone(), field.is_nullable()),
                _ => field.as_ref().clone(),
            })
            .collect();
        let options = ArrowReaderOptions::new().with_schema(Schema::new(fields).into());
        let metadata =
            ArrowReaderMetadata::try_new(self.metadata.metadata().clone(), options).map_err(words::damaged)?;
        Ok(Self { file: self.file, metadata })
    }
}

/// The type that a table reads an Arrow type as; `None` where it can't hold it.
pub(crate) fn kind_of(kind: &DataType) -> Option<ColumnType> {
    Some(match kind {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => ColumnType::Integer,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => ColumnType::Integer,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => ColumnType::Float,
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => {
            if *s <= 0 && i16::from(*p) - i16::from(*s) <= 18 {
                ColumnType::Integer
            } else {
                ColumnType::Float
            }
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => ColumnType::Text,
        DataType::Time32(_) | DataType::Time64(_) => ColumnType::Text,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => ColumnType::Datetime,
        DataType::Dictionary(_, values) => kind_of(values)?,
        _ => return None,
    })
}

/// A type's name for a person.
pub(crate) fn describe(kind: &DataType) -> String {
    match kind {
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _) | DataType::ListView(_) => {
            "a list".into()
        }
        DataType::LargeListView(_) => "a list".into(),
        DataType::Struct(_) => "a nested record".into(),
        DataType::Map(_, _) => "a map".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "binary".into()
        }
        DataType::Duration(_) | DataType::Interval(_) => "a duration".into(),
        other => format!("of type {other}"),
    }
}

/// Blocks of the chosen columns.
pub(crate) struct ParquetSource {
    reader: ParquetRecordBatchReader,
    /// Where each wanted column stands in the reader's batches.
    order: Vec<usize>,
    read: u64,
    total: u64,
}

impl ParquetSource {
    /// `columns` are indices into the file's schema, in the order that blocks have them.
    pub(crate) fn new(file: &ParquetFile, columns: &[usize]) -> Result<Self, Problem> {
        let reader = guarded(|| file.reader(columns))?;
        debug_assert_eq!(reader.schema().fields().len(), columns.len());
        let mut sorted = columns.to_vec();
        sorted.sort_unstable();
        let order = columns.iter().map(|column| sorted.partition_point(|other| other < column)).collect();
        Ok(Self { reader, order, read: 0, total: file.rows() })
    }

    /// The next block; `None` at the end.
    pub(crate) fn next_block(&mut self) -> Result<Option<Block>, Stop> {
        let batch = guarded(|| self.reader.next().transpose().map_err(words::damaged))?;
        let Some(batch) = batch else {
            if self.read != self.total {
                return Err(words::damaged(format!("it has {} of {} rows", self.read, self.total)).into());
            }
            return Ok(None);
        };
        let first = self.read + 1;
        self.read += batch.num_rows() as u64;
        let arrays: Vec<ArrayRef> = self.order.iter().map(|&i| batch.column(i).clone()).collect();
        Ok(Some(Block {
            rows: batch.num_rows(),
            lines: Lines::From(first),
            cells: Cells::Arrow(arrays),
            bad: BadRowReport::default(),
            fraction: self.read as f64 / self.total.max(1) as f64,
        }))
    }
}
