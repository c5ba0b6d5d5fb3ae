//! Rows of a database into a Parquet file, batch by batch.

use crate::{Limits, Progress, Watch, cancelled, cannot_write, too_large};
use arrow_array::{
    ArrayRef, RecordBatch,
    builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder},
};
use arrow_schema::{Field, Schema};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use std::{fs::File, path::Path, sync::Arc};
use trainyard_data::arrow_type;
use trainyard_types::{
    Problem,
    dataset::{ColumnSchema, ColumnType},
};

/// Rows of a batch at most, and bytes of its texts.
const BATCH_ROWS: usize = 8_192;
const BATCH_BYTES: usize = 8 << 20;
/// A row group is closed when it holds this many bytes, so that the writer's memory has a bound.
const GROUP_BYTES: usize = 64 << 20;

/// One value on its way; `None` is missing.
pub(crate) enum Value<'a> {
    Missing,
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Text(&'a str),
    /// Milliseconds since 1970 in UTC.
    Datetime(i64),
}

enum Builder {
    Integer(Int64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Text(StringBuilder),
    Datetime(TimestampMillisecondBuilder),
}

impl Builder {
    fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Integer => Builder::Integer(Int64Builder::new()),
            ColumnType::Float => Builder::Float(Float64Builder::new()),
            ColumnType::Boolean => Builder::Boolean(BooleanBuilder::new()),
            ColumnType::Text => Builder::Text(StringBuilder::new()),
            ColumnType::Datetime => Builder::Datetime(TimestampMillisecondBuilder::new().with_timezone("UTC")),
        }
    }

    /// A value of another kind than the column's is missing: callers convert before.
    fn push(&mut self, value: &Value<'_>) {
        match (self, value) {
            (Builder::Integer(builder), Value::Integer(value)) => builder.append_value(*value),
            (Builder::Integer(builder), _) => builder.append_null(),
            (Builder::Float(builder), Value::Float(value)) if value.is_finite() => builder.append_value(*value),
            (Builder::Float(builder), _) => builder.append_null(),
            (Builder::Boolean(builder), Value::Boolean(value)) => builder.append_value(*value),
            (Builder::Boolean(builder), _) => builder.append_null(),
            (Builder::Text(builder), Value::Text(value)) => builder.append_value(value),
            (Builder::Text(builder), _) => builder.append_null(),
            (Builder::Datetime(builder), Value::Datetime(value)) => builder.append_value(*value),
            (Builder::Datetime(builder), _) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Integer(builder) => Arc::new(builder.finish()),
            Builder::Float(builder) => Arc::new(builder.finish()),
            Builder::Boolean(builder) => Arc::new(builder.finish()),
            Builder::Text(builder) => Arc::new(builder.finish()),
            Builder::Datetime(builder) => Arc::new(builder.finish()),
        }
    }
}

/// A Parquet file in the making. Memory is bounded by a batch and a row group, whatever the number of rows.
pub(crate) struct TableFile<'a> {
    schema: Arc<Schema>,
    builders: Vec<Builder>,
    writer: ArrowWriter<File>,
    limits: Limits,
    watch: Watch<'a>,
    batch_rows: usize,
    batch_bytes: usize,
    rows: u64,
    doing: String,
}

impl<'a> TableFile<'a> {
    pub(crate) fn create(
        dest: &Path,
        columns: &[ColumnSchema],
        doing: String,
        limits: Limits,
        watch: Watch<'a>,
    ) -> Result<Self, Problem> {
        let file = File::create_new(dest).map_err(|error| cannot_write(&error))?;
        let fields: Vec<Field> =
            columns.iter().map(|column| Field::new(&column.name, arrow_type(column.kind), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(failed)?))
            .build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(failed)?;
        let builders = columns.iter().map(|column| Builder::new(column.kind)).collect();
        Ok(Self { schema, builders, writer, limits, watch, batch_rows: 0, batch_bytes: 0, rows: 0, doing })
    }

    /// Adds a value to the column; every column gets one before [`TableFile::end_row`].
    pub(crate) fn push(&mut self, column: usize, value: &Value<'_>) {
        self.batch_bytes += match value {
            Value::Text(text) => text.len(),
            _ => 8,
        };
        if let Some(builder) = self.builders.get_mut(column) {
            builder.push(value);
        }
    }

    pub(crate) fn end_row(&mut self) -> Result<(), Problem> {
        self.batch_rows += 1;
        self.rows += 1;
        if self.batch_rows >= BATCH_ROWS || self.batch_bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Problem> {
        if self.batch_rows > 0 {
            let arrays = self.builders.iter_mut().map(Builder::finish).collect();
            let batch = RecordBatch::try_new(self.schema.clone(), arrays)
                .map_err(|error| Problem::internal(format!("The rows could not be stored: {error}.")))?;
            self.writer.write(&batch).map_err(failed)?;
            if self.writer.in_progress_size() >= GROUP_BYTES {
                self.writer.flush().map_err(failed)?;
            }
        }
        (self.batch_rows, self.batch_bytes) = (0, 0);
        let bytes = (self.writer.bytes_written() + self.writer.in_progress_size()) as u64;
        if bytes > self.limits.bytes {
            return Err(too_large(self.limits.bytes));
        }
        let progress = Progress { bytes, total: None, rows: self.rows, doing: self.doing.clone() };
        if (self.watch)(&progress).is_break() { Err(cancelled()) } else { Ok(()) }
    }

    /// Completes the file and gives its rows.
    pub(crate) fn finish(mut self) -> Result<u64, Problem> {
        self.flush()?;
        self.writer.close().map_err(failed)?;
        Ok(self.rows)
    }
}

fn failed(error: parquet::errors::ParquetError) -> Problem {
    match error {
        parquet::errors::ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => cannot_write(&error),
            Err(other) => Problem::internal(format!("The rows could not be stored: {other}.")),
        },
        other => Problem::internal(format!("The rows could not be stored: {other}.")),
    }
}
