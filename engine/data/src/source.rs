//! A file opened as its options say, whatever its format.

use crate::{
    block::{Block, Buffers, Stop},
    chunks::{Chunk, Chunks},
    csv_source::CsvSource,
    decode,
    json_source::JsonSource,
    limits::MAX_COLUMNS,
    names,
    parquet_source::{ParquetFile, ParquetSource, kind_of},
    words,
};
use std::{collections::HashSet, io::Read, path::Path};
use trainyard_types::{
    Problem,
    dataset::{FileFormat, ReadOptions},
};

/// A stream of blocks with the columns of the options.
pub(crate) enum Source {
    Csv(Chunks<Box<dyn Read + Send>>),
    Json(JsonSource<Box<dyn Read + Send>>),
    Parquet(Box<ParquetSource>),
}

impl Source {
    /// Opens the file. The options must fit it: as many columns, or for Parquet and JSON Lines columns by name.
    pub(crate) fn open(path: &Path, options: &ReadOptions) -> Result<Self, Problem> {
        check(options)?;
        match options.format {
            FileFormat::Csv => {
                let (reader, meter) = decode::open(path, &options.encoding)?;
                let mut source = CsvSource::new(reader, delimiter(options)?, Some(meter));
                if options.has_header {
                    let header = source.next_record()?.map_or(0, |(_, fields)| fields.len());
                    let wanted = options.columns.len();
                    if header != wanted && header + 1 != wanted {
                        return Err(Problem::invalid(format!(
                            "The file has {}, but {} were described. Look at the file again with the present delimiter and header.",
                            words::counted(header as u64, "column", "columns"),
                            words::count(wanted as u64)
                        )));
                    }
                }
                source.set_columns(options.columns.len());
                Ok(Source::Csv(source.into_chunks()?))
            }
            FileFormat::JsonLines => {
                let (reader, meter) = decode::open(path, &options.encoding)?;
                let names: Vec<String> = options.columns.iter().map(|column| column.name.clone()).collect();
                Ok(Source::Json(JsonSource::new(reader, &names, Some(meter))))
            }
            FileFormat::Parquet => {
                let file = ParquetFile::open(path)?;
                let (usable, names) = parquet_columns(&file, &mut Vec::new());
                let mut columns = Vec::with_capacity(options.columns.len());
                let mut absent = Vec::new();
                for (i, column) in options.columns.iter().enumerate() {
                    match names.iter().position(|name| *name == column.name) {
                        Some(at) => columns.push(usable[at]),
                        // As many columns as the file has: then one was renamed.
                        None if usable.len() == options.columns.len() => columns.push(usable[i]),
                        None => absent.push(column.name.as_str()),
                    }
                }
                if !absent.is_empty() {
                    return Err(Problem::invalid(format!("The file has no column {}.", words::listed(&absent))));
                }
                if columns.iter().collect::<HashSet<_>>().len() != columns.len() {
                    return Err(Problem::invalid("The columns described don't fit the file. Look at the file again."));
                }
                Ok(Source::Parquet(Box::new(ParquetSource::new(&file, &columns)?)))
            }
        }
    }

    /// The next part of the file, as far as one thread has to bring it; `None` at the end.
    pub(crate) fn next_part(&mut self, memory: &mut Buffers) -> Result<Option<Part>, Stop> {
        Ok(match self {
            Source::Csv(source) => source.next(std::mem::take(memory))?.map(Part::Text),
            Source::Json(source) => source.next_block()?.map(Part::Block),
            Source::Parquet(source) => source.next_block()?.map(Part::Block),
        })
    }
}

/// A part of a file, which any thread can make a block of.
pub(crate) enum Part {
    Text(Chunk),
    Block(Block),
}

impl Part {
    /// Its rows, up to what ends the reading early.
    pub(crate) fn block(self) -> (Block, Option<Stop>) {
        match self {
            Part::Text(chunk) => chunk.block(),
            Part::Block(block) => (block, None),
        }
    }
}

/// The file's columns that a table can hold: their indices in the schema, and their names made unique.
pub(crate) fn parquet_columns(file: &ParquetFile, notes: &mut Vec<String>) -> (Vec<usize>, Vec<String>) {
    let fields = file.schema().fields();
    let usable: Vec<usize> = (0..fields.len()).filter(|&i| kind_of(fields[i].data_type()).is_some()).collect();
    let raw: Vec<String> = usable.iter().map(|&i| fields[i].name().clone()).collect();
    let names = names::clean(&raw, notes);
    (usable, names)
}

/// The delimiter as a byte.
pub(crate) fn delimiter(options: &ReadOptions) -> Result<u8, Problem> {
    match u8::try_from(options.delimiter) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => Ok(byte),
        _ => Err(Problem::field(
            "delimiter",
            "The delimiter must be one ASCII character, and neither a quote nor a line end. Use a comma, semicolon, tab or bar.",
        )),
    }
}

fn check(options: &ReadOptions) -> Result<(), Problem> {
    if options.columns.is_empty() {
        return Err(Problem::field("columns", "No column is described. Look at the file first."));
    }
    if options.columns.len() > MAX_COLUMNS {
        return Err(crate::json_source::too_many_columns(Some(options.columns.len())));
    }
    let mut seen = HashSet::new();
    for column in &options.columns {
        if column.name.trim().is_empty() {
            return Err(Problem::field("columns", "A column has no name. Give each a name."));
        }
        if !seen.insert(column.name.as_str()) {
            return Err(Problem::field(
                "columns",
                format!("Two columns are named `{}`. Rename one.", words::clip(&column.name)),
            ));
        }
    }
    Ok(())
}
