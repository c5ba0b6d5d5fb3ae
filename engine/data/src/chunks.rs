//! Delimited text cut at ends of records, so that its parts can be read at the same time.
//!
//! [`crate::separators`] finds the cells of whatever is written as RFC 4180 says. A chunk with anything else in it (a quote
//! in the middle of a field, rows of another width, bytes that are no UTF-8) goes to [`CsvSource`], which decides what is
//! meant.

use crate::{
    block::{Block, Buffers, Cells, Lines, Stop, TextCells, line_ends},
    csv_source::CsvSource,
    decode::Meter,
    limits::{CHUNK_BYTES, MAX_FIELD_BYTES, MAX_RECORD_BYTES},
    separators::{Positions, each_64, hits, quoted},
};
use memchr::{memchr, memchr3, memrchr};
use std::io::{self, Read};
use trainyard_types::{Problem, dataset::BadRowReport};

/// Text on its way from a reader, in chunks of about [`CHUNK_BYTES`], more where the table is very wide.
pub(crate) struct Chunks<R> {
    reader: R,
    /// Read, but not yet part of a chunk.
    waiting: Vec<u8>,
    delimiter: u8,
    columns: usize,
    line: u64,
    meter: Option<Meter>,
    finished: bool,
    target: usize,
}

/// Whole records.
#[derive(Debug)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    delimiter: u8,
    columns: usize,
    /// The line (from 1) of the first byte.
    line: u64,
    line_ends: u64,
    /// The last record is complete; otherwise it is longer than any may be.
    whole: bool,
    fraction: f64,
}

impl<R: Read> Chunks<R> {
    pub(crate) fn new(
        reader: R,
        waiting: Vec<u8>,
        delimiter: u8,
        columns: usize,
        line: u64,
        meter: Option<Meter>,
    ) -> Self {
        // So many bytes that a chunk of a very wide table has more than a few rows.
        let target = CHUNK_BYTES.max(columns * 512);
        Self { reader, waiting, delimiter, columns, line, meter, finished: false, target }
    }

    /// The next chunk, in the memory given; `None` at the end.
    pub(crate) fn next(&mut self, memory: Buffers) -> Result<Option<Chunk>, Stop> {
        let Buffers { text: mut bytes, ends } = memory;
        let mut length = self.waiting.len();
        let mut room = self.target.max(length);
        bytes.resize(room.max(bytes.len()), 0);
        bytes[..length].copy_from_slice(&self.waiting);
        self.waiting.clear();
        loop {
            self.read(&mut bytes[..room], &mut length)?;
            let cut = if self.finished { Some(length) } else { cut(&bytes[..length], self.delimiter) };
            if length == 0 {
                return Ok(None);
            }
            let whole = cut.is_some();
            if whole || length > MAX_RECORD_BYTES {
                let cut = cut.unwrap_or(length);
                self.waiting.extend_from_slice(&bytes[cut..length]);
                bytes.truncate(cut);
                let line = self.line;
                let line_ends = line_ends(&bytes);
                self.line += line_ends;
                let fraction = self.meter.as_ref().map_or(0.0, Meter::fraction);
                let (delimiter, columns) = (self.delimiter, self.columns);
                return Ok(Some(Chunk { bytes, ends, delimiter, columns, line, line_ends, whole, fraction }));
            }
            room = (length * 2).min(MAX_RECORD_BYTES + 1);
            bytes.resize(room, 0);
        }
    }

    /// Fills the room, or reads to the end.
    fn read(&mut self, room: &mut [u8], length: &mut usize) -> Result<(), Problem> {
        while *length < room.len() && !self.finished {
            match self.reader.read(&mut room[*length..]) {
                Ok(0) => self.finished = true,
                Ok(n) => *length += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Problem::internal(format!("The file can't be read: {error}."))),
            }
        }
        Ok(())
    }

    /// Chunks of about so many bytes.
    #[cfg(test)]
    pub(crate) fn with_target(mut self, bytes: usize) -> Self {
        self.target = bytes;
        self
    }
}

/// Where the last record ends whose end is in the bytes, which begin with a record.
fn cut(bytes: &[u8], delimiter: u8) -> Option<usize> {
    if memchr(b'"', bytes).is_none() {
        if let Some(at) = memrchr(b'\n', bytes) {
            return Some(at + 1);
        }
        // What follows the last byte is not known: it may be the other half of a line end.
        return memrchr(b'\r', &bytes[..bytes.len().saturating_sub(1)]).map(|at| at + 1);
    }
    let mut last = None;
    let seen = quoted(bytes, delimiter, |start, _, feeds| {
        if feeds != 0 {
            last = Some(start + 64 - feeds.leading_zeros() as usize);
        }
    });
    if seen.well_formed && last.is_some() {
        return last;
    }
    let mut at = 0;
    while let Some(length) = record_end(&bytes[at..], delimiter) {
        at += length;
    }
    (at > 0).then_some(at)
}

/// How long the record (or empty line) is that the bytes begin with, as [`CsvSource`] sees it; `None` where its end is not
/// among them.
fn record_end(bytes: &[u8], delimiter: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            loop {
                at += memchr(b'"', &bytes[at..])? + 1;
                match bytes.get(at)? {
                    b'"' => at += 1,
                    _ => break,
                }
            }
        }
        at += memchr3(delimiter, b'\n', b'\r', &bytes[at..])? + 1;
        match (bytes[at - 1], bytes.get(at)) {
            // It may be the first half of a line end.
            (b'\r', None) => return None,
            (b'\r', Some(b'\n')) => return Some(at + 1),
            (b'\r' | b'\n', _) => return Some(at),
            _ => {}
        }
    }
}

impl Chunk {
    /// The rows, up to what ends the reading early.
    pub(crate) fn block(mut self) -> (Block, Option<Stop>) {
        // A longer chunk may have a longer row than is allowed.
        if self.bytes.len() > MAX_RECORD_BYTES || memchr(0, &self.bytes).is_some() || !self.separate() {
            return self.record_by_record();
        }
        match String::from_utf8(self.bytes) {
            Ok(text) => {
                let rows = self.ends.len() / self.columns;
                let cells = Cells::Text(TextCells::separated(text, self.ends, self.columns));
                let (lines, bad) = (Lines::Within(self.line), BadRowReport::default());
                (Block { rows, lines, cells, bad, fraction: self.fraction }, None)
            }
            Err(error) => {
                self.bytes = error.into_bytes();
                self.record_by_record()
            }
        }
    }

    fn record_by_record(self) -> (Block, Option<Stop>) {
        let mut source = CsvSource::within(self.bytes, self.delimiter, self.line, self.whole);
        source.set_columns(self.columns);
        let (block, stop) = source.rest();
        (Block { fraction: self.fraction, ..block }, stop)
    }

    /// Finds the ends of all cells and takes quotes away; `false`, with the text as it was, where that is not for here.
    fn separate(&mut self) -> bool {
        let quotes = memchr(b'"', &self.bytes).is_some();
        let mut feeds = self.line_ends;
        let mut doubled = false;
        if quotes || memchr(b'\r', &self.bytes).is_some() {
            feeds = 0;
            let mut ends = Positions::new(&mut self.ends);
            let seen = quoted(&self.bytes, self.delimiter, |start, separators, line_feeds| {
                feeds += u64::from(line_feeds.count_ones());
                ends.add(start, separators);
            });
            ends.finish();
            if !seen.well_formed || !seen.closed {
                return false;
            }
            doubled = seen.doubled;
        } else {
            let mut ends = Positions::new(&mut self.ends);
            each_64(&self.bytes, |start, bytes, valid| {
                ends.add(start, hits(|byte| byte == self.delimiter || byte == b'\n', bytes) & valid);
            });
            ends.finish();
        }
        if self.ends.last().is_none_or(|&end| self.bytes[end as usize] != b'\n' || end as usize + 1 < self.bytes.len())
        {
            // The last line has no end.
            self.ends.push(self.bytes.len() as u32);
            feeds += 1;
        }
        if !self.rows_are_even(feeds) || !self.fields_fit() {
            return false;
        }
        if quotes {
            if std::str::from_utf8(&self.bytes).is_err() {
                return false;
            }
            self.unquote(doubled);
        }
        true
    }

    /// Whether there are as many rows as lines, each of as many cells as the table has columns.
    fn rows_are_even(&self, lines: u64) -> bool {
        let (ends, bytes) = (&self.ends, &self.bytes);
        if ends.len() as u64 != lines * self.columns as u64 {
            return false;
        }
        let last_in_row = ends.iter().skip(self.columns - 1).step_by(self.columns);
        if !last_in_row.clone().all(|&end| bytes.get(end as usize).is_none_or(|&byte| byte == b'\n')) {
            return false;
        }
        // Empty lines are no rows.
        let mut start = 0;
        self.columns > 1
            || last_in_row.clone().all(|&end| {
                let line = &bytes[start..end as usize];
                start = end as usize + 1;
                !line.iter().all(|&byte| byte == b'\r')
            })
    }

    /// Whether no field can be longer than is allowed.
    fn fields_fit(&self) -> bool {
        let mut start = 0;
        self.bytes.len() <= MAX_FIELD_BYTES
            || self.ends.iter().all(|&end| {
                let length = end as usize - start;
                start = end as usize + 1;
                length <= MAX_FIELD_BYTES
            })
    }

    /// Puts spaces in the place of quotes, which trimming takes away.
    fn unquote(&mut self, doubled: bool) {
        if !doubled {
            self.bytes.iter_mut().for_each(|byte| *byte = if *byte == b'"' { b' ' } else { *byte });
            return;
        }
        let mut start = 0;
        for &end in &self.ends {
            let cell = &mut self.bytes[start..end as usize];
            if cell.first() == Some(&b'"') {
                unquote(cell);
            }
            start = end as usize + 1;
        }
    }
}

/// The text of a quoted cell, followed by spaces.
fn unquote(cell: &mut [u8]) {
    let (mut from, mut to) = (1, 0);
    loop {
        let quote = memchr(b'"', &cell[from..]);
        let until = quote.map_or(cell.len(), |i| from + i);
        cell.copy_within(from..until, to);
        to += until - from;
        from = until + 1;
        // The first of two stands for itself; after the closing one there may be a carriage return.
        if quote.is_some() && cell.get(from) == Some(&b'"') {
            cell[to] = b'"';
            to += 1;
            from += 1;
        } else {
            cell[to..].fill(b' ');
            return;
        }
    }
}

#[cfg(test)]
mod tests;
