//! Delimited text cut at ends of records, so that its parts can be read at the same time.
//!
//! Separators are found 64 bytes at a time: comparing gives a bit a byte, and what is inside quotes is known by counting
//! quotes (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019). That reads whatever is written as RFC 4180
//! says. A chunk with anything else in it (a quote in the middle of a field, rows of another width, bytes that are no
//! UTF-8) goes to [`CsvSource`], which decides what is meant.

use crate::{
    block::{Block, Buffers, Cells, Lines, Stop, TextCells, line_ends},
    csv_source::CsvSource,
    decode::Meter,
    limits::{CHUNK_BYTES, MAX_FIELD_BYTES, MAX_RECORD_BYTES},
};
use memchr::{memchr, memchr3, memrchr};
use std::io::{self, Read};
use trainyard_types::{Problem, dataset::BadRowReport};

/// Text on its way from a reader, in chunks of about [`CHUNK_BYTES`].
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
        Self { reader, waiting, delimiter, columns, line, meter, finished: false, target: CHUNK_BYTES }
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
        // A longer chunk may have a longer field than is allowed.
        if self.bytes.len() > MAX_FIELD_BYTES || memchr(0, &self.bytes).is_some() || !self.separate() {
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
        if !self.rows_are_even(feeds) {
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

/// What [`quoted`] saw.
struct Seen {
    /// Quotes are only around fields or doubled in them, and carriage returns before line feeds or in quotes.
    well_formed: bool,
    /// The text does not end inside quotes.
    closed: bool,
    /// There are doubled quotes.
    doubled: bool,
}

/// Hands over where separators (delimiters and line feeds) stand outside quotes, and which of them are line feeds: the
/// number of the first of 64 bytes, and a bit a byte.
fn quoted(text: &[u8], delimiter: u8, mut put: impl FnMut(usize, u64, u64)) -> Seen {
    let (mut wrong, mut doubled) = (0, 0);
    // What the bytes before say of the next: it is in quotes; it may open quotes; it follows closed quotes, or a return.
    let (mut inside_before, mut may_open, mut after_quotes, mut after_return) = (0_u64, 1, 0, 0);
    each_64(text, |start, bytes, valid| {
        let quotes = hits(|byte| byte == b'"', bytes);
        let feeds = hits(|byte| byte == b'\n', bytes);
        let returns = hits(|byte| byte == b'\r', bytes);
        let delimiters = hits(|byte| byte == delimiter, bytes);
        // From each opening quote up to the byte before the closing one.
        let inside = running_parity(quotes) ^ inside_before;
        let (opening, closing) = (quotes & inside, quotes & !inside);
        let feeds = feeds & !inside & valid;
        let separators = delimiters & !inside & valid | feeds;
        wrong |= opening & !((separators | closing) << 1 | may_open);
        let follows_quotes = (closing << 1 | after_quotes) & valid;
        doubled |= follows_quotes & opening;
        wrong |= follows_quotes & !(separators | opening | returns);
        let returns = returns & !inside;
        wrong |= (returns << 1 | after_return) & valid & !feeds;
        inside_before = ((inside as i64) >> 63) as u64;
        may_open = (separators | closing) >> 63;
        after_quotes = closing >> 63;
        after_return = returns >> 63;
        put(start, separators, feeds);
    });
    Seen { well_formed: wrong == 0, closed: inside_before == 0, doubled: doubled != 0 }
}

/// A bit is set where an odd number of bits is set up to and with it.
fn running_parity(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32].into_iter().fold(bits, |sum, by| sum ^ (sum << by))
}

/// Calls `work` for each 64 bytes with the number of the first, and a bit for each byte that is there: the last ones are
/// filled up with zeros.
#[inline(always)]
fn each_64(text: &[u8], mut work: impl FnMut(usize, &[u8; 64], u64)) {
    let (whole, rest) = text.as_chunks::<64>();
    for (i, bytes) in whole.iter().enumerate() {
        work(i * 64, bytes, !0);
    }
    if !rest.is_empty() {
        let mut bytes = [0; 64];
        bytes[..rest.len()].copy_from_slice(rest);
        work(whole.len() * 64, &bytes, (1 << rest.len()) - 1);
    }
}

/// A bit for each byte that is wanted, the first byte's the lowest.
#[inline(always)]
fn hits(wanted: impl Fn(u8) -> bool, bytes: &[u8; 64]) -> u64 {
    let mut flags = [0_u8; 64];
    for (flag, &byte) in flags.iter_mut().zip(bytes) {
        *flag = u8::from(wanted(byte));
    }
    let (words, _) = flags.as_chunks::<8>();
    // The product's highest byte has the lowest bit of each byte.
    words.iter().enumerate().fold(0, |bits, (i, word)| {
        bits | (u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i)
    })
}

/// Collects the places of set bits, without a branch for each.
struct Positions<'a> {
    out: &'a mut Vec<u32>,
    length: usize,
}

impl<'a> Positions<'a> {
    fn new(out: &'a mut Vec<u32>) -> Self {
        Self { out, length: 0 }
    }

    #[inline(always)]
    fn add(&mut self, start: usize, mut bits: u64) {
        if self.length + 64 > self.out.len() {
            self.out.resize((self.out.len() * 2).max(1 << 14), 0);
        }
        let count = bits.count_ones() as usize;
        let out = &mut self.out[self.length..self.length + 64];
        let mut done = 0;
        for eight in out.as_chunks_mut::<8>().0 {
            if done >= count {
                break;
            }
            for place in eight {
                *place = start as u32 + bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
            }
            done += 8;
        }
        self.length += count;
    }

    fn finish(self) {
        self.out.truncate(self.length);
    }
}

#[cfg(test)]
mod tests;
