//! Columns into a Parquet file: encoded in parallel, hashed while written, the same bytes for the same rows.

mod temporary;

use crate::{
    convert::arrow_type,
    limits::GROUP_ROWS,
    memory::Memory,
    parallel,
    profile::{ColumnStats, TableStats},
    words,
};
use arrow_array::{Array, ArrayRef, cast::AsArray, types::Float64Type};
use arrow_schema::{Field, Schema};
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves},
    },
    basic::{Compression, Encoding, ZstdLevel},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
        writer::SerializedFileWriter,
    },
    schema::types::ColumnPath,
};
use std::{
    collections::HashSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use temporary::{Hashing, Temporary};
use trainyard_types::{
    Problem,
    dataset::{ColumnSchema, ColumnType, Profile},
};

/// Memory of rows that wait for being encoded, about.
const WAITING_BYTES: usize = 4 << 20;

/// Writes a table of the five column types.
pub(crate) struct TableWriter {
    /// Begun with the first rows.
    open: Option<Open>,
    out: Option<Hashing>,
    schema: Vec<ColumnSchema>,
    fields: Vec<Arc<Field>>,
    group: Vec<ArrowColumnWriter>,
    group_rows: usize,
    groups: usize,
    group_bytes: usize,
    /// Rows that are not encoded yet: few at a time would keep the threads waiting for each other.
    waiting: Vec<Vec<ArrayRef>>,
    waiting_rows: usize,
    waiting_bytes: usize,
    dest: PathBuf,
    temporary: Temporary,
}

struct Open {
    file: SerializedFileWriter<Hashing>,
    factory: ArrowRowGroupWriterFactory,
}

/// What was written.
pub(crate) struct Written {
    pub bytes: u64,
    /// blake3, hex.
    pub hash: String,
}

impl TableWriter {
    pub(crate) fn create(dest: &Path, schema: &[ColumnSchema], memory: Memory) -> Result<Self, Problem> {
        if let Some(folder) = dest.parent() {
            fs::create_dir_all(folder).map_err(|error| words::cannot_write(&error))?;
        }
        let (temporary, file) = Temporary::create(dest).map_err(|error| words::cannot_write(&error))?;
        let fields: Vec<Arc<Field>> =
            schema.iter().map(|column| Arc::new(Field::new(&column.name, arrow_type(column.kind), true))).collect();
        let out = Hashing::new(file);
        Ok(Self {
            open: None,
            out: Some(out),
            schema: schema.to_vec(),
            fields,
            group: Vec::new(),
            group_rows: 0,
            groups: 0,
            group_bytes: memory.group_bytes(),
            waiting: Vec::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            dest: dest.to_owned(),
            temporary,
        })
    }

    /// Begins the file, its encodings chosen by the first rows.
    fn open(&mut self, first: &[ArrayRef]) -> Result<&mut Open, Problem> {
        if let Some(out) = self.out.take() {
            let mut properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(failed)?))
                // The library's version is no part of the content: it would change the hash.
                .set_created_by("trainyard".into())
                .set_writer_version(WriterVersion::PARQUET_1_0)
                .set_statistics_enabled(EnabledStatistics::Chunk)
                .set_max_row_group_row_count(None);
            for (i, column) in self.schema.iter().enumerate() {
                if let Some(encoding) = first.get(i).and_then(|array| plain_encoding(column.kind, array)) {
                    let path = ColumnPath::new(vec![column.name.clone()]);
                    properties = properties
                        .set_column_dictionary_enabled(path.clone(), false)
                        .set_column_encoding(path, encoding);
                }
            }
            let options = ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
            let schema = Arc::new(Schema::new(self.fields.clone()));
            let (file, factory) = ArrowWriter::try_new_with_options(out, schema, options)
                .and_then(ArrowWriter::into_serialized_writer)
                .map_err(failed)?;
            self.open = Some(Open { file, factory });
        }
        self.open.as_mut().ok_or_else(|| Problem::internal("The table could not be stored: its file is not open."))
    }

    /// Writes rows and adds them to the statistics, which are the same (or none) all along.
    pub(crate) fn write(
        &mut self,
        arrays: &[ArrayRef],
        rows: usize,
        mut stats: Option<&mut TableStats>,
    ) -> Result<(), Problem> {
        // Groups are of one size however the rows come, so that the same table makes the same groups.
        let mut start = 0;
        while start < rows {
            let take = (rows - start).min(GROUP_ROWS - self.group_rows - self.waiting_rows);
            let part: Vec<ArrayRef> = arrays.iter().map(|array| array.slice(start, take)).collect();
            self.waiting_bytes += part.iter().map(|array| array.get_array_memory_size()).sum::<usize>();
            self.waiting_rows += take;
            self.waiting.push(part);
            start += take;
            if self.waiting_bytes >= WAITING_BYTES || self.group_rows + self.waiting_rows >= GROUP_ROWS {
                self.flush(stats.as_deref_mut())?;
            }
        }
        Ok(())
    }

    /// Encodes the rows that wait and adds them to the statistics, column by column in parallel.
    fn flush(&mut self, stats: Option<&mut TableStats>) -> Result<(), Problem> {
        let parts = std::mem::take(&mut self.waiting);
        let rows = std::mem::take(&mut self.waiting_rows);
        self.waiting_bytes = 0;
        let Some(first) = parts.first() else { return Ok(()) };
        if self.group.is_empty() {
            let groups = self.groups;
            self.group = self.open(first)?.factory.create_column_writers(groups).map_err(failed)?;
        }
        struct Item<'a> {
            writer: &'a mut ArrowColumnWriter,
            stats: Option<&'a mut ColumnStats>,
            outcome: Result<(), ParquetError>,
        }
        let (columns, row_hashes) = match stats {
            Some(stats) => (stats.columns.iter_mut().map(Some).collect(), Some(&mut stats.rows)),
            None => (first.iter().map(|_| None).collect::<Vec<_>>(), None),
        };
        let mut items: Vec<Item<'_>> =
            self.group.iter_mut().zip(columns).map(|(writer, stats)| Item { writer, stats, outcome: Ok(()) }).collect();
        let fields = &self.fields;
        let hashes = parallel::each(&mut items, Vec::new, |hashes, i, item| {
            if item.stats.is_some() {
                hashes.resize(rows, 0);
            }
            let mut start = 0;
            for part in &parts {
                let array = &part[i];
                if let Some(stats) = &mut item.stats {
                    stats.add(array, &mut hashes[start..start + array.len()]);
                    start += array.len();
                }
                let written = compute_leaves(&fields[i], array)
                    .and_then(|leaves| leaves.iter().try_for_each(|leaf| item.writer.write(leaf)));
                if written.is_err() {
                    item.outcome = written;
                    return;
                }
            }
        });
        items.into_iter().try_for_each(|item| item.outcome).map_err(failed)?;
        if let Some(row_hashes) = row_hashes {
            row_hashes.add(hashes)?;
        }
        self.group_rows += rows;
        let held: usize = self.group.iter().map(ArrowColumnWriter::memory_size).sum();
        if self.group_rows >= GROUP_ROWS || held >= self.group_bytes { self.close_group() } else { Ok(()) }
    }

    fn close_group(&mut self) -> Result<(), Problem> {
        let mut columns: Vec<(Option<ArrowColumnWriter>, Option<_>)> =
            self.group.drain(..).map(|writer| (Some(writer), None)).collect();
        // Closing compresses the last pages.
        parallel::each(
            &mut columns,
            || (),
            |(), _, (writer, chunk)| *chunk = writer.take().map(ArrowColumnWriter::close),
        );
        let mut group = self.open(&[])?.file.next_row_group().map_err(failed)?;
        for (_, chunk) in columns {
            if let Some(chunk) = chunk {
                chunk.and_then(|chunk| chunk.append_to_row_group(&mut group)).map_err(failed)?;
            }
        }
        group.close().map_err(failed)?;
        self.groups += 1;
        self.group_rows = 0;
        Ok(())
    }

    /// Completes the file and puts it in its place; until then nothing stands there.
    pub(crate) fn finish(mut self) -> Result<Written, Problem> {
        self.flush(None)?;
        Ok(self.complete(|| Ok(()))?.0)
    }

    /// As [`TableWriter::finish`], and what the statistics say.
    pub(crate) fn finish_with(mut self, mut stats: TableStats) -> Result<(Written, Profile), Problem> {
        self.flush(Some(&mut stats))?;
        self.complete(|| stats.finish())
    }

    /// Other work goes on while the disk takes the file.
    fn complete<T: Send>(
        mut self,
        beside: impl FnOnce() -> Result<T, Problem> + Send,
    ) -> Result<(Written, T), Problem> {
        if !self.group.is_empty() {
            self.close_group()?;
        }
        let (written, other) = parallel::both(|| self.sync(), beside);
        let (written, other) = (written?, other?);
        fs::rename(&self.temporary.path, &self.dest).map_err(|error| words::cannot_write(&error))?;
        self.temporary.kept = true;
        Ok((written, other))
    }

    fn sync(&mut self) -> Result<Written, Problem> {
        let file = &mut self.open(&[])?.file;
        file.finish().map_err(failed)?;
        let out = file.inner_mut();
        out.flush().and_then(|()| out.sync()).map_err(|error| words::cannot_write(&error))?;
        Ok(Written { bytes: out.bytes(), hash: out.hash() })
    }
}

/// How values are written that a dictionary would only make longer; `None` says with a dictionary, or as always. Whole
/// numbers and instants are small as differences; of floats and texts the first rows tell whether they repeat.
fn plain_encoding(kind: ColumnType, first: &ArrayRef) -> Option<Encoding> {
    let present = first.len() - first.null_count();
    match kind {
        ColumnType::Integer | ColumnType::Datetime => Some(Encoding::DELTA_BINARY_PACKED),
        ColumnType::Float => {
            let values = first.as_primitive::<Float64Type>();
            let different: HashSet<u64> = values.iter().flatten().map(f64::to_bits).collect();
            (different.len() * 8 > present).then_some(Encoding::BYTE_STREAM_SPLIT)
        }
        ColumnType::Text => {
            let different: HashSet<&str> = first.as_string::<i32>().iter().flatten().collect();
            (different.len() * 4 > present * 3).then_some(Encoding::PLAIN)
        }
        ColumnType::Boolean => None,
    }
}

fn failed(error: ParquetError) -> Problem {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => words::cannot_write(&error),
            Err(other) => Problem::internal(format!("The table could not be stored: {other}.")),
        },
        other => Problem::internal(format!("The table could not be stored: {other}.")),
    }
}
