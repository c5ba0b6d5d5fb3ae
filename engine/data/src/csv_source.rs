//! Delimited text (RFC 4180, read leniently as the `csv` crate does) as blocks of cells, in bounded memory.
//!
//! A record ends at `\n`, `\r\n` or `\r` outside quotes; empty lines are skipped; a field may be quoted with `"`, which
//! is doubled inside; a quote in the middle of an unquoted field, and text after a closing quote, stand for themselves.

use crate::{
    block::{Block, Cells, Lines, Stop, TextCells, note_bad},
    decode::{Meter, Window},
    limits::{BLOCK_BYTES, BLOCK_CELLS, BLOCK_ROWS, MAX_FIELD_BYTES, MAX_RECORD_BYTES},
    words,
};
use memchr::{memchr, memchr_iter, memchr3};
use std::io::Read;
use trainyard_types::{
    Code, Problem,
    dataset::{BadRow, BadRowReport},
};

/// Reads records one by one, or blocks of them.
pub(crate) struct CsvSource<R> {
    window: Window<R>,
    delimiter: u8,
    /// The line (from 1) of the first unread byte.
    line: u64,
    started: bool,
    meter: Option<Meter>,
    columns: usize,
}

enum Scan {
    /// A record of `used` bytes that has `lines` line ends, its own included.
    Record {
        used: usize,
        lines: u64,
    },
    /// The record goes on behind the window.
    Incomplete,
    FieldTooLong,
    /// The text ends inside quotes.
    Unclosed,
}

impl<R: Read> CsvSource<R> {
    pub(crate) fn new(reader: R, delimiter: u8, meter: Option<Meter>) -> Self {
        Self { window: Window::new(reader), delimiter, line: 1, started: false, meter, columns: 0 }
    }

    /// How many fields a record of a block has to have.
    pub(crate) fn set_columns(&mut self, columns: usize) {
        self.columns = columns;
    }

    /// Appends the next record's fields to `text` and their ends to `ends`; the answer is the line it begins on, or
    /// `None` at the end.
    fn record(&mut self, text: &mut Vec<u8>, ends: &mut Vec<u32>) -> Result<Option<u64>, Stop> {
        if !self.started {
            self.started = true;
            self.fill()?;
            if self.window.unread().starts_with(b"\xEF\xBB\xBF") {
                self.window.pass(3);
            }
        }
        self.skip_empty_lines()?;
        let (text_mark, ends_mark) = (text.len(), ends.len());
        loop {
            let unread = self.window.unread();
            if unread.is_empty() && self.window.finished() {
                return Ok(None);
            }
            match scan(unread, self.window.finished(), self.delimiter, text, ends) {
                Scan::Record { used, lines } => {
                    let line = self.line;
                    self.line += lines;
                    self.window.pass(used);
                    return Ok(Some(line));
                }
                Scan::FieldTooLong => return Err(self.too_long("value", MAX_FIELD_BYTES).into()),
                Scan::Incomplete if unread.len() >= MAX_RECORD_BYTES => {
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
        let fields = ends.len();
        let cells = self.checked(text, ends, fields, &[line])?;
        Ok(Some((line, (0..fields).map(|i| cells.get(0, i).to_owned()).collect())))
    }

    /// The next block; `None` at the end.
    pub(crate) fn next_block(&mut self) -> Result<Option<Block>, Stop> {
        let columns = self.columns.max(1);
        let most = BLOCK_ROWS.min(BLOCK_CELLS / columns).max(1);
        let mut text = Vec::with_capacity(BLOCK_BYTES + (64 << 10));
        let mut ends = Vec::with_capacity(BLOCK_ROWS);
        let mut lines = Vec::new();
        let mut bad = BadRowReport::default();
        while lines.len() < most && text.len() < BLOCK_BYTES && bad.count < BLOCK_ROWS as u64 {
            let (text_mark, ends_mark) = (text.len(), ends.len());
            let Some(line) = self.record(&mut text, &mut ends)? else { break };
            let fields = ends.len() - ends_mark;
            if fields == columns {
                lines.push(line);
                continue;
            }
            let record = String::from_utf8_lossy(&text[text_mark..]).into_owned();
            // A line of nothing but white space is as good as an empty one.
            if fields != 1 || !record.trim().is_empty() {
                let delimiter = char::from(self.delimiter).to_string();
                note_bad(&mut bad, || BadRow {
                    line,
                    column: String::new(),
                    value: words::clip(&fields_of(&text, &ends, ends_mark, text_mark).join(&delimiter)),
                    reason: format!(
                        "has {} where the table has {columns}",
                        words::counted(fields as u64, "value", "values")
                    ),
                });
            }
            text.truncate(text_mark);
            ends.truncate(ends_mark);
        }
        if lines.is_empty() && bad.count == 0 && self.window.finished() && self.window.unread().is_empty() {
            return Ok(None);
        }
        let rows = lines.len();
        let cells = self.checked(text, ends, columns, &lines)?;
        let fraction = self.meter.as_ref().map_or(0.0, Meter::fraction);
        Ok(Some(Block { rows, lines: Lines::Each(lines), cells: Cells::Text(cells), bad, fraction }))
    }

    /// The cells, once they are known to be text without NUL.
    fn checked(&self, text: Vec<u8>, ends: Vec<u32>, columns: usize, lines: &[u64]) -> Result<TextCells, Stop> {
        let line_of = |cell: usize| words::count(lines.get(cell / columns.max(1)).copied().unwrap_or(self.line));
        if let Some(at) = memchr(0, &text) {
            let cell = ends.partition_point(|&end| end as usize <= at);
            return Err(Problem::invalid(format!(
                "Line {} holds a NUL byte, which no text file does. The file is damaged, or not a table of text.",
                line_of(cell)
            ))
            .into());
        }
        TextCells::new(text, ends, columns).map_err(|cell| not_utf8(&line_of(cell)))
    }
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

fn fields_of(text: &[u8], ends: &[u32], ends_mark: usize, text_mark: usize) -> Vec<String> {
    let mut start = text_mark;
    ends[ends_mark..]
        .iter()
        .take(80)
        .map(|&end| {
            let field = String::from_utf8_lossy(&text[start..end as usize]).into_owned();
            start = end as usize;
            field
        })
        .collect()
}

fn scan(input: &[u8], finished: bool, delimiter: u8, text: &mut Vec<u8>, ends: &mut Vec<u32>) -> Scan {
    let (mut at, mut lines) = (0, 0);
    loop {
        let field = text.len();
        if input.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let Some(i) = memchr(b'"', &input[at..]) else {
                    return if text.len() - field + input.len() - at > MAX_FIELD_BYTES {
                        Scan::FieldTooLong
                    } else if finished {
                        Scan::Unclosed
                    } else {
                        Scan::Incomplete
                    };
                };
                lines += line_ends(&input[at..at + i]);
                text.extend_from_slice(&input[at..at + i]);
                if text.len() - field > MAX_FIELD_BYTES {
                    return Scan::FieldTooLong;
                }
                at += i + 1;
                match input.get(at) {
                    Some(b'"') => {
                        text.push(b'"');
                        at += 1;
                    }
                    None if !finished => return Scan::Incomplete,
                    _ => break,
                }
            }
        }
        let Some(i) = memchr3(delimiter, b'\n', b'\r', &input[at..]) else {
            if text.len() - field + input.len() - at > MAX_FIELD_BYTES {
                return Scan::FieldTooLong;
            }
            if !finished {
                return Scan::Incomplete;
            }
            text.extend_from_slice(&input[at..]);
            ends.push(text.len() as u32);
            return Scan::Record { used: input.len(), lines };
        };
        text.extend_from_slice(&input[at..at + i]);
        if text.len() - field > MAX_FIELD_BYTES {
            return Scan::FieldTooLong;
        }
        ends.push(text.len() as u32);
        at += i;
        match (input[at], input.get(at + 1)) {
            (b'\r', None) if !finished => return Scan::Incomplete,
            (b'\r', Some(b'\n')) => return Scan::Record { used: at + 2, lines: lines + 1 },
            (b'\r' | b'\n', _) => return Scan::Record { used: at + 1, lines: lines + 1 },
            _ => at += 1,
        }
    }
}

/// Line ends inside quotes: `\n`, `\r\n` and lone `\r` each count once.
fn line_ends(bytes: &[u8]) -> u64 {
    let feeds = memchr_iter(b'\n', bytes).count();
    let returns = memchr_iter(b'\r', bytes).filter(|&i| bytes.get(i + 1) != Some(&b'\n')).count();
    (feeds + returns) as u64
}

#[cfg(test)]
mod tests;
