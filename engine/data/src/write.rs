//! Columns into a Parquet file: encoded in parallel, hashed while written, the same bytes for the same rows.

use crate::{
    convert::arrow_type,
    limits::GROUP_ROWS,
    memory::Memory,
    parallel,
    profile::{ColumnStats, TableStats},
    words,
};
use arrow_array::ArrayRef;
use arrow_schema::{Field, Schema};
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves},
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
        writer::SerializedFileWriter,
    },
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use trainyard_types::{Problem, dataset::ColumnSchema};

/// A new file beside its destination, removed unless it is kept.
struct Temporary {
    path: PathBuf,
    kept: bool,
}

impl Temporary {
    fn create(dest: &Path) -> io::Result<(Self, File)> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = dest.file_name().unwrap_or_default().to_string_lossy();
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = dest.with_file_name(format!(".{name}.{}-{number}.part", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Self { path, kept: false }, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing better can be done where even removing fails; the name says that it is no whole file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Hashes and counts what passes through.
struct Hashing {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.file.write_all(buffer)?;
        self.hasher.update(buffer);
        self.bytes += buffer.len() as u64;
        Ok(buffer.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a table of the five column types.
pub(crate) struct TableWriter {
    file: SerializedFileWriter<Hashing>,
    factory: ArrowRowGroupWriterFactory,
    fields: Vec<Arc<Field>>,
    group: Vec<ArrowColumnWriter>,
    group_rows: usize,
    groups: usize,
    group_bytes: usize,
    dest: PathBuf,
    temporary: Temporary,
}

/// What [`TableWriter::finish`] wrote.
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
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(failed)?))
            // The library's version is no part of the content: it would change the hash.
            .set_created_by("trainyard".into())
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_max_row_group_row_count(None)
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let out = Hashing { file: BufWriter::with_capacity(1 << 20, file), hasher: blake3::Hasher::new(), bytes: 0 };
        let arrow_schema = Arc::new(Schema::new(fields.clone()));
        let (file, factory) = ArrowWriter::try_new_with_options(out, arrow_schema, options)
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(failed)?;
        Ok(Self {
            file,
            factory,
            fields,
            group: Vec::new(),
            group_rows: 0,
            groups: 0,
            group_bytes: memory.group_bytes(),
            dest: dest.to_owned(),
            temporary,
        })
    }

    /// Writes rows and adds them to the statistics, column by column in parallel.
    pub(crate) fn write(&mut self, arrays: &[ArrayRef], rows: usize, stats: &mut TableStats) -> Result<(), Problem> {
        if rows == 0 {
            return Ok(());
        }
        if self.group.is_empty() {
            self.group = self.factory.create_column_writers(self.groups).map_err(failed)?;
        }
        struct Item<'a> {
            writer: &'a mut ArrowColumnWriter,
            stats: &'a mut ColumnStats,
            outcome: Result<(), ParquetError>,
        }
        let mut items: Vec<Item<'_>> = self
            .group
            .iter_mut()
            .zip(&mut stats.columns)
            .map(|(writer, stats)| Item { writer, stats, outcome: Ok(()) })
            .collect();
        let fields = &self.fields;
        let hashes = parallel::each(
            &mut items,
            || vec![0; rows],
            |hashes, i, item| {
                item.stats.add(&arrays[i], hashes);
                item.outcome = compute_leaves(&fields[i], &arrays[i])
                    .and_then(|leaves| leaves.iter().try_for_each(|leaf| item.writer.write(leaf)));
            },
        );
        items.into_iter().try_for_each(|item| item.outcome).map_err(failed)?;
        stats.add_hashes(hashes, rows)?;
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
        let mut group = self.file.next_row_group().map_err(failed)?;
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
        if !self.group.is_empty() {
            self.close_group()?;
        }
        self.file.finish().map_err(failed)?;
        let out = self.file.inner_mut();
        let sync = |out: &mut Hashing| {
            out.flush()?;
            out.file.get_ref().sync_all()
        };
        sync(out).map_err(|error| words::cannot_write(&error))?;
        let written = Written { bytes: out.bytes, hash: out.hasher.finalize().to_hex().to_string() };
        fs::rename(&self.temporary.path, &self.dest).map_err(|error| words::cannot_write(&error))?;
        self.temporary.kept = true;
        Ok(written)
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
