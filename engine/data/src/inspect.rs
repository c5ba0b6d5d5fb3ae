//! Looks at a file and proposes how to read it: format, encoding, delimiter, header, and the type of every column.
//!
//! The rules: a file's bytes decide over its name. Text is UTF-8 unless a byte order mark, the pattern of UTF-16, or
//! bytes that are no UTF-8 say otherwise; then the `chardetng` detector guesses (Latin-1 files come out as its
//! superset `windows-1252`). The types of text columns are judged by all rows, not by the first: a column is a number,
//! boolean (`true`, `false`) or date only if every present value is one. `0` and `1` are whole numbers and `yes` and
//! `no` are text. Whole numbers with leading zeros or a plus sign stay text. `NA`, `N/A`, `NaN`, `nan`, `null`,
//! `NULL`, `None`, `?` and the empty text mean missing. Columns of the same name are renamed, with a note.

mod other;
mod seen;

use crate::{
    block::{Block, Buffers, Cells, Stop},
    cell::DEFAULT_MISSING,
    convert::Reading,
    csv_source::CsvSource,
    decode, delimiter,
    guess::Guess,
    json_source::too_many_columns,
    limits::{MAX_COLUMNS, MAX_ROWS},
    names, normal,
    sniff::{self, Sniffed},
    source::{self, Part, Source},
    words,
};
use encoding_rs::{Encoding, UTF_8};
use other::{inspect_json, inspect_parquet};
use seen::Seen;
use std::path::Path;
use trainyard_types::{
    Code, Problem,
    dataset::{BadRowReport, ColumnSchema, FileFormat, ReadOptions},
};

/// Rows of the sample that [`inspect`] returns.
const SAMPLE_ROWS: usize = 50;

/// How a file would be read, and what it then looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    pub options: ReadOptions,
    /// The first 50 well-formed rows as text; `None` is missing.
    pub sample: Vec<Vec<Option<String>>>,
    /// Things worth knowing, in words: renamed columns, mixed types, columns left out …
    pub notes: Vec<String>,
    /// Rows with data, the badly formed ones left out. For Parquet as the file says.
    pub rows: u64,
}

/// Looks at the whole file. `file_name` is the name that the person knows it by; only its ending matters.
///
/// # Errors
/// In words, where the file is empty, no table, damaged, has no rows, or passes one of the [`crate::limits`].
pub fn inspect(path: &Path, file_name: &str) -> Result<Inspection, Problem> {
    let sniffed = sniff::sniff(path, file_name)?;
    match sniffed.format {
        FileFormat::Parquet => inspect_parquet(path),
        format => {
            let missing = DEFAULT_MISSING.map(String::from).to_vec();
            let guess = |encoding: &'static Encoding| match format {
                FileFormat::Csv => {
                    csv_layout(&sniffed, encoding, file_name, &missing).and_then(|layout| inspect_csv(path, &layout))
                }
                _ => inspect_json(path, encoding.name(), &missing),
            };
            let mut inspection = match guess(sniffed.encoding) {
                Err(stop) if stop.encoding => guess(sniff::legacy_of_file(path)?),
                outcome => outcome,
            }?;
            let encoding = &inspection.options.encoding;
            if *encoding != UTF_8.name().to_ascii_lowercase() {
                inspection.notes.insert(
                    0,
                    format!(
                        "The text is read as {encoding}. If letters look wrong in the sample, choose another encoding."
                    ),
                );
            }
            Ok(inspection)
        }
    }
}

/// Looks again after a person corrected format, delimiter, encoding, header or missing texts; the columns of `options`
/// are found anew, their types included.
///
/// # Errors
/// As [`inspect`], and where an option can't be.
pub fn reinspect(path: &Path, options: &ReadOptions) -> Result<Inspection, Problem> {
    sniff::sniff(path, "")?;
    match options.format {
        FileFormat::Parquet => inspect_parquet(path),
        FileFormat::JsonLines => Ok(inspect_json(path, &options.encoding, &options.missing)?),
        FileFormat::Csv => {
            let mut layout = options.clone();
            layout.columns.clear();
            Ok(inspect_csv(path, &layout)?)
        }
    }
}

/// The first well-formed rows as text, read with the given options; `None` is missing.
///
/// # Errors
/// Where the options don't fit the file, or it can't be read.
pub fn sample(path: &Path, options: &ReadOptions, rows: usize) -> Result<Vec<Vec<Option<String>>>, Problem> {
    let mut source = Source::open(path, options)?;
    let reading = Reading::new(options);
    let mut sample = Vec::new();
    while sample.len() < rows {
        let Some(part) = source.next_part(&mut Buffers::default())? else { break };
        let (block, stop) = part.block();
        sample_rows(&block, options.columns.len(), &reading, rows, &mut sample)?;
        match stop {
            Some(stop) if sample.len() < rows => return Err(stop.problem),
            _ => {}
        }
    }
    Ok(sample)
}

fn sample_rows(
    block: &Block,
    columns: usize,
    reading: &Reading,
    most: usize,
    sample: &mut Vec<Vec<Option<String>>>,
) -> Result<(), Problem> {
    let take = block.rows.min(most.saturating_sub(sample.len()));
    let from = sample.len();
    sample.extend((0..take).map(|_| vec![None; columns]));
    let present = |text: &str| (!reading.missing.is(text)).then(|| text.chars().take(500).collect::<String>());
    match &block.cells {
        Cells::Text(cells) => {
            for (row, out) in sample[from..].iter_mut().enumerate() {
                for (column, out) in out.iter_mut().enumerate().take(cells.columns) {
                    *out = present(cells.get(row, column));
                }
            }
        }
        Cells::Arrow(arrays) => {
            for (column, array) in arrays.iter().enumerate() {
                let texts = normal::texts(&array.slice(0, take)).map_err(words::damaged)?;
                for (row, text) in texts.iter().enumerate() {
                    sample[from + row][column] = text.and_then(|text| present(text.trim()));
                }
            }
        }
    }
    Ok(())
}

/// Everything about delimited text but its columns.
fn csv_layout(
    sniffed: &Sniffed,
    encoding: &'static Encoding,
    file_name: &str,
    missing: &[String],
) -> Result<ReadOptions, Stop> {
    let (text, _, _) = encoding.decode(&sniffed.prefix);
    let delimiter = delimiter::delimiter(text.as_bytes(), sniffed.whole, file_name);
    let mut options = ReadOptions {
        format: FileFormat::Csv,
        delimiter: char::from(delimiter),
        encoding: encoding.name().to_ascii_lowercase(),
        has_header: true,
        missing: missing.to_vec(),
        columns: Vec::new(),
    };
    let records = delimiter::records(text.as_bytes(), sniffed.whole, delimiter);
    options.has_header = delimiter::has_header(&records, &Reading::new(&options));
    Ok(options)
}

fn open_csv(path: &Path, layout: &ReadOptions) -> Result<CsvSource<Box<dyn std::io::Read + Send>>, Problem> {
    let (reader, meter) = decode::open(path, &layout.encoding)?;
    Ok(CsvSource::new(reader, source::delimiter(layout)?, Some(meter)))
}

/// Finds the columns and their types by reading the whole file.
fn inspect_csv(path: &Path, layout: &ReadOptions) -> Result<Inspection, Stop> {
    let mut options = layout.clone();
    let mut notes = Vec::new();
    let mut head = open_csv(path, layout)?;
    let mut records = Vec::new();
    while records.len() < 200
        && let Some((_, record)) = head.next_record()?
    {
        records.push(record);
    }
    let Some(first) = records.first() else {
        return Err(Problem::invalid("The file has no rows. Choose a file with a header and rows.").into());
    };
    let widest = records.iter().map(Vec::len).max().unwrap_or(0);
    if first.len() > MAX_COLUMNS {
        return Err(too_many_columns(Some(first.len())).into());
    }
    let body = &records[usize::from(options.has_header)..];
    if body.is_empty() {
        return Err(Problem::invalid("The file has a header but no rows. Add rows, then try again.").into());
    }
    let (fields, _) = delimiter::mode(&body.iter().map(Vec::len).collect::<Vec<_>>());
    let names = if options.has_header {
        header_names(first, fields, body, &options, &mut notes)?
    } else {
        notes.push("The first line looks like values, so the columns are named `column_1` and so on.".into());
        (1..=fields).map(|i| format!("column_{i}")).collect()
    };
    if names.len() > MAX_COLUMNS {
        return Err(too_many_columns(Some(names.len())).into());
    }
    if names.len() == 1 && widest < 2 {
        notes.push(
            "There is only one column. A model needs a target and at least one feature: if the file has more columns, \
             choose the right delimiter."
                .into(),
        );
    }

    let reading = Reading::new(&options);
    let mut source = open_csv(path, layout)?;
    if options.has_header {
        source.next_record()?;
    }
    source.set_columns(names.len());
    let mut chunks = source.into_chunks()?;
    let seen = Seen::of(|memory| Ok(chunks.next(std::mem::take(memory))?.map(Part::Text)), &reading)?;
    let Seen { guesses, sample, rows, bad } = seen.of_width(names.len());
    if rows == 0 {
        return Err(no_rows(&bad).into());
    }
    note_bad_rows(&bad, rows, &mut notes);
    options.columns = columns(names, &guesses, &mut notes);
    Ok(Inspection { options, sample, notes, rows })
}

/// The refusal of a table with too many rows.
pub(crate) fn too_many_rows() -> Problem {
    Problem::new(
        Code::TooLarge,
        format!(
            "The file has more than {} rows, which is the limit. Take a sample of the rows.",
            words::count(MAX_ROWS)
        ),
    )
}

fn header_names(
    first: &[String],
    fields: usize,
    body: &[Vec<String>],
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, Problem> {
    let mut raw = first.to_vec();
    if first.len() + 1 == fields && body.iter().all(|record| record.len() == fields) {
        // R's write.table leaves out the name of the row names.
        raw.insert(0, "row".into());
        notes.push("The header has one name less than the rows have values; the first column is named `row`.".into());
    } else if first.len() != fields {
        let found = words::counted(first.len() as u64, "value", "values");
        return Err(Problem::invalid(format!(
            "The first line has {found}, but most lines after it have {}. Remove lines above the header, or choose another \
             delimiter than `{}`.",
            words::count(fields as u64),
            if options.delimiter == '\t' { "tab".to_owned() } else { options.delimiter.to_string() }
        )));
    }
    Ok(names::clean(&raw, notes))
}

fn no_rows(bad: &BadRowReport) -> Problem {
    match bad.first.first() {
        Some(row) => Problem::invalid(format!(
            "None of the {} can be read. Line {} {}.",
            words::counted(bad.count, "row", "rows"),
            words::count(row.line),
            row.reason
        )),
        None => Problem::invalid("The file has no rows. Choose a file with a header and rows."),
    }
}

fn note_bad_rows(bad: &BadRowReport, rows: u64, notes: &mut Vec<String>) {
    if let Some(row) = bad.first.first() {
        notes.push(format!(
            "{} of {} can't be read. Line {} {}. Correct the file, or choose to leave such rows out.",
            words::count(bad.count),
            words::counted(bad.count + rows, "row", "rows"),
            words::count(row.line),
            row.reason
        ));
    }
}

/// The columns with their types, and the notes about them.
fn columns(names: Vec<String>, guesses: &[Guess], notes: &mut Vec<String>) -> Vec<ColumnSchema> {
    let read_as_missing: Vec<String> = names
        .iter()
        .zip(guesses)
        .filter(|(_, guess)| guess.tokens > 0)
        .map(|(name, guess)| format!("{name}: {}", words::count(guess.tokens)))
        .collect();
    if !read_as_missing.is_empty() {
        notes.push(format!("Texts such as `NA` or `?` are read as missing: {}.", words::listed(&read_as_missing)));
    }
    const NOTES: usize = 20;
    let found: Vec<String> = names.iter().zip(guesses).filter_map(|(name, guess)| guess.note(name)).collect();
    let more = found.len().saturating_sub(NOTES);
    notes.extend(found.into_iter().take(NOTES));
    if more > 0 {
        notes.push(format!(
            "{} more of this kind.",
            words::counted(more as u64, "column has a note", "columns have notes")
        ));
    }
    names.into_iter().zip(guesses).map(|(name, guess)| ColumnSchema { name, kind: guess.kind() }).collect()
}
