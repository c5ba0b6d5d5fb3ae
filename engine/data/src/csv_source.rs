//! Delimited text (RFC 4180, read leniently as the `csv` crate does), record by record, in bounded memory.
//!
//! A record ends at `\n`, `\r\n` or `\r` outside quotes; empty lines are skipped; a field may be quoted with `"`, which
//! is doubled inside; a quote in the middle of an unquoted field, and text after a closing quote, stand for themselves.
//! This reader decides what is meant; [`crate::chunks`] reads the usual faster and leaves the rest to it.

mod scan;

use crate::{
    block::{Block, Cells, Lines, Stop, TextCells, note_bad},
    chunks::Chunks,
    decode::{Meter, Window},
    limits::{MAX_FIELD_BYTES, MAX_RECORD_BYTES},
    words,
};
use memchr::memchr;
use scan::{Scan, scan};
use std::{
    io::{self, Read},
    iter,
};
use trainyard_types::{
    Code, Problem,
    dataset::{BadRow, BadRowReport},
};

/// Reads records one by one.
pub(crate) struct CsvSource<R> {
    window: Window<R>,
    delimiter: u8,
    /// The line (from 1) of the first unread byte.
    line: u64,
    started: bool,
    meter: Option<Meter>,
    columns: usize,
}

impl CsvSource<io::Empty> {
    /// A source over text from the given line on; `whole` where nothing of its last record is missing.
    pub(crate) fn within(text: Vec<u8>, delimiter: u8, line: u64, whole: bool) -> Self {
        let window = Window::over(text, whole, io::empty());
        Self { window, delimiter, line, started: true, meter: None, columns: 0 }
    }
}

impl<R: Read> CsvSource<R> {
    pub(crate) fn new(reader: R, delimiter: u8, meter: Option<Meter>) -> Self {
        Self { window: Window::new(reader), delimiter, line: 1, started: false, meter, columns: 0 }
    }

    /// How many fields a record of a block has to have.
    pub(crate) fn set_columns(&mut self, columns: usize) {
        self.columns = columns;
    }

    /// What is unread, cut into chunks.
    pub(crate) fn into_chunks(mut self) -> Result<Chunks<R>, Stop> {
        self.begin()?;
        let (unread, reader) = self.window.into_parts();
        Ok(Chunks::new(reader, unread, self.delimiter, self.columns.max(1), self.line, self.meter))
    }

    /// Passes a byte order mark.
    fn begin(&mut self) -> Result<(), Stop> {
        if !self.started {
            self.started = true;
            self.fill()?;
            if self.window.unread().starts_with(b"\xEF\xBB\xBF") {
                self.window.pass(3);
            }
        }
        Ok(())
    }

    /// Appends the next record's fields to `text` and their ends to `ends`; the answer is the line it begins on, or
    /// `None` at the end.
    fn record(&mut self, text: &mut Vec<u8>, ends: &mut Vec<u32>) -> Result<Option<u64>, Stop> {
        self.begin()?;
        self.skip_empty_lines()?;
        let (text_mark, ends_mark) = (text.len(), ends.len());
        loop {
            let all = self.window.unread();
            if all.is_empty() && self.window.finished() {
                return Ok(None);
            }
            // One byte more than a row may have says that it has too many, however much the window holds.
            let unread = &all[..all.len().min(MAX_RECORD_BYTES + 1)];
            let too_many = unread.len() > MAX_RECORD_BYTES;
            let finished = self.window.finished() && unread.len() == all.len();
            match scan(unread, finished, self.delimiter, text, ends) {
                Scan::FieldTooLong => return Err(self.too_long("value", MAX_FIELD_BYTES).into()),
                Scan::Record { used, lines } if used <= MAX_RECORD_BYTES => {
                    let line = self.line;
                    self.line += lines;
                    self.window.pass(used);
                    return Ok(Some(line));
                }
                Scan::Record { .. } => return Err(self.too_long("row", MAX_RECORD_BYTES).into()),
                Scan::Incomplete | Scan::Unclosed if too_many => {
                    return Err(self.too_long("row", MAX_RECORD_BYTES).into());
                }
                Scan::Incomplete => {
                    text.truncate(text_mark);
                    ends.truncate(ends_mark);
                    self.fill()?;
                }
                Scan::Unclosed => {
                    return Err(Problem::invalid(format!(
                        "A quote in the row that begins on line {} is never closed, so that the rest of the file would \
                         be one value. Close the quote, or write a quote inside a value twice.",
                        words::count(self.line)
                    ))
                    .into());
                }
            }
        }
    }

    fn too_long(&self, what: &str, limit: usize) -> Problem {
        Problem::new(
            Code::TooLarge,
            format!(
                "A {what} in the row that begins on line {} is larger than {} MiB, which is the limit. A quote that is \
                 never closed is the usual cause: check that line.",
                words::count(self.line),
                limit >> 20
            ),
        )
    }

    fn fill(&mut self) -> Result<(), Stop> {
        self.window.fill().map_err(|error| Problem::internal(format!("The file can't be read: {error}.")).into())
    }

    fn skip_empty_lines(&mut self) -> Result<(), Stop> {
        loop {
            let unread = self.window.unread();
            let (mut used, mut lines) = (0, 0);
            while let Some(&byte) = unread.get(used) {
                match byte {
                    b'\n' => lines += 1,
                    // The pair counts once, at its `\n`.
                    b'\r' if unread.get(used + 1) == Some(&b'\n') => {}
                    b'\r' if used + 1 == unread.len() && !self.window.finished() => break,
                    b'\r' => lines += 1,
                    _ => break,
                }
                used += 1;
            }
            let stopped_at_text = used < unread.len() && unread[used] != b'\r';
            self.line += lines;
            self.window.pass(used);
            if stopped_at_text || self.window.finished() {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// The next record with the line it begins on, whatever its number of fields; `None` at the end.
    pub(crate) fn next_record(&mut self) -> Result<Option<(u64, Vec<String>)>, Stop> {
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        let Some(line) = self.record(&mut text, &mut ends)? else { return Ok(None) };
        let text = checked(&text, &ends, line)?;
        let starts = iter::once(0).chain(ends.iter().copied());
        let fields = starts.zip(&ends).map(|(start, &end)| text[start as usize..end as usize].trim().to_owned());
        Ok(Some((line, fields.collect())))
    }

    /// All records left, as one block, up to what ends the reading early.
    pub(crate) fn rest(&mut self) -> (Block, Option<Stop>) {
        let columns = self.columns.max(1);
        let (mut text, mut ends, mut lines) = (String::new(), Vec::new(), Vec::new());
        let mut bad = BadRowReport::default();
        let (mut record, mut fields) = (Vec::new(), Vec::new());
        let stop = loop {
            record.clear();
            fields.clear();
            let line = match self.record(&mut record, &mut fields) {
                Ok(Some(line)) => line,
                Ok(None) => break None,
                Err(stop) => break Some(stop),
            };
            if fields.len() == columns {
                match checked(&record, &fields, line) {
                    Ok(valid) => {
                        let before = text.len() as u32;
                        text.push_str(valid);
                        ends.extend(fields.iter().map(|end| before + end));
                        lines.push(line);
                    }
                    Err(stop) => break Some(stop),
                }
                continue;
            }
            // A line of nothing but white space is as good as an empty one.
            if fields.len() != 1 || !String::from_utf8_lossy(&record).trim().is_empty() {
                let delimiter = char::from(self.delimiter).to_string();
                note_bad(&mut bad, || BadRow {
                    line,
                    column: String::new(),
                    value: words::clip(&lossy(&record, &fields).join(&delimiter)),
                    reason: format!(
                        "has {} where the table has {columns}",
                        words::counted(fields.len() as u64, "value", "values")
                    ),
                });
            }
        };
        let rows = lines.len();
        let cells = Cells::Text(TextCells::joined(text, ends, columns));
        (Block { rows, lines: Lines::Each(lines), cells, bad, fraction: 1.0 }, stop)
    }
}

/// A record's text, once each of its fields is known to be UTF-8 without NUL; otherwise what the first one is not.
fn checked<'a>(record: &'a [u8], ends: &[u32], line: u64) -> Result<&'a str, Stop> {
    if let Ok(text) = std::str::from_utf8(record)
        && memchr(0, record).is_none()
        && (text.is_ascii() || ends.iter().all(|&end| text.is_char_boundary(end as usize)))
    {
        return Ok(text);
    }
    let line = words::count(line);
    let starts = iter::once(0).chain(ends.iter().copied());
    let mut fields = starts.zip(ends).map(|(start, &end)| &record[start as usize..end as usize]);
    let faulty = fields.find(|field| memchr(0, field).is_some() || std::str::from_utf8(field).is_err());
    Err(match faulty {
        Some(field) if memchr(0, field).is_some() => Problem::invalid(format!(
            "Line {line} holds a NUL byte, which no text file does. The file is damaged, or not a table of text."
        ))
        .into(),
        _ => not_utf8(&line),
    })
}

/// The stop for bytes that are not UTF-8.
pub(crate) fn not_utf8(line: &str) -> Stop {
    Stop {
        problem: Problem::field(
            "encoding",
            format!(
                "Line {line} is not valid UTF-8. Choose the file's encoding, often windows-1252, or save the file as UTF-8."
            ),
        ),
        encoding: true,
    }
}

/// The first fields of a record that may be no text.
fn lossy(record: &[u8], ends: &[u32]) -> Vec<String> {
    let starts = iter::once(0).chain(ends.iter().copied());
    let fields = starts.zip(ends).map(|(start, &end)| &record[start as usize..end as usize]);
    fields.take(80).map(|field| String::from_utf8_lossy(field).into_owned()).collect()
}

#[cfg(test)]
mod tests;
