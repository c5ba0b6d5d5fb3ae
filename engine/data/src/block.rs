//! A block of rows on its way from a file into columns.

use crate::{
    digits::{self, Short},
    limits::MAX_BAD_ROWS_LISTED,
};
use arrow_array::ArrayRef;
use memchr::memchr_iter;
use trainyard_types::{
    Problem,
    dataset::{BadRow, BadRowReport},
};

/// Rows in file order, with those left out that do not fit the table's shape.
#[derive(Debug)]
pub(crate) struct Block {
    pub rows: usize,
    pub lines: Lines,
    pub cells: Cells,
    /// Rows whose shape is wrong; none of them is in `cells`.
    pub bad: BadRowReport,
    /// Share of the file read when the block was complete, 0 to 1.
    pub fraction: f64,
}

impl Block {
    /// The line (from 1) that a row begins on.
    pub(crate) fn line(&self, row: usize) -> u64 {
        match (&self.lines, &self.cells) {
            (Lines::Each(lines), _) => lines[row],
            (Lines::Within(first), Cells::Text(cells)) => first + line_ends(cells.before(row)),
            (Lines::From(first) | Lines::Within(first), _) => first + row as u64,
        }
    }

    /// Its memory, for the next one.
    pub(crate) fn into_buffers(self) -> Buffers {
        match self.cells {
            Cells::Text(cells) => cells.into_buffers(),
            Cells::Arrow(_) => Buffers::default(),
        }
    }
}

/// Where the rows stand in the file.
#[derive(Debug)]
pub(crate) enum Lines {
    /// The line (from 1) that each row begins on.
    Each(Vec<u64>),
    /// The number (from 1) of the first row; the others follow.
    From(u64),
    /// The line of the text's beginning, where the cells' text is the file's with its line ends.
    Within(u64),
}

/// Line ends: `\n`, `\r\n` and lone `\r` each count once.
pub(crate) fn line_ends(bytes: &[u8]) -> u64 {
    let feeds = memchr_iter(b'\n', bytes).count();
    let returns = memchr_iter(b'\r', bytes).filter(|&i| bytes.get(i + 1) != Some(&b'\n')).count();
    (feeds + returns) as u64
}

#[derive(Debug)]
pub(crate) enum Cells {
    Text(TextCells),
    /// One array a column, `rows` long, of one of the types that `parquet_source` lets through.
    Arrow(Vec<ArrayRef>),
}

/// Cells as text, row after row.
#[derive(Debug)]
pub(crate) struct TextCells {
    text: String,
    /// Where each cell ends in `text`, `rows x columns`, row-major.
    ends: Vec<u32>,
    pub columns: usize,
    /// Bytes between a cell's end and the next one's beginning.
    gap: usize,
}

/// Memory that reading one block leaves to the next.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub text: Vec<u8>,
    pub ends: Vec<u32>,
}

impl TextCells {
    /// Cells one right after the other. Checks that the bytes are UTF-8 and that no cell cuts a character; otherwise the
    /// number of the cell at fault.
    pub(crate) fn new(bytes: Vec<u8>, ends: Vec<u32>, columns: usize) -> Result<Self, usize> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            ends.partition_point(|&end| end as usize <= at)
        })?;
        if !text.is_ascii()
            && let Some(cell) = ends.iter().position(|&end| !text.is_char_boundary(end as usize))
        {
            return Err(cell);
        }
        Ok(Self { text, ends, columns, gap: 0 })
    }

    /// Cells one right after the other, none of which cuts a character.
    pub(crate) fn joined(text: String, ends: Vec<u32>, columns: usize) -> Self {
        Self { text, ends, columns, gap: 0 }
    }

    /// Cells that an ASCII byte separates: a delimiter or a line feed.
    pub(crate) fn separated(text: String, ends: Vec<u32>, columns: usize) -> Self {
        Self { text, ends, columns, gap: 1 }
    }

    pub(crate) fn into_buffers(self) -> Buffers {
        Buffers { text: self.text.into_bytes(), ends: self.ends }
    }

    #[inline]
    fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] as usize + self.gap }
    }

    /// The text before a row.
    fn before(&self, row: usize) -> &[u8] {
        &self.text.as_bytes()[..self.start(row * self.columns)]
    }

    /// The cell where it is nothing but a short number.
    #[inline]
    pub(crate) fn short(&self, row: usize, column: usize) -> Option<Short> {
        let index = row * self.columns + column;
        digits::short(self.text.as_bytes(), self.start(index), self.ends[index] as usize)
    }

    /// The cell without white space around it; empty where it is missing.
    #[inline]
    pub(crate) fn get(&self, row: usize, column: usize) -> &str {
        let index = row * self.columns + column;
        trim(&self.text[self.start(index)..self.ends[index] as usize])
    }
}

/// As `str::trim`, quickly for what is common.
#[inline]
fn trim(cell: &str) -> &str {
    match cell.as_bytes() {
        // Most cells need no trimming, and looking costs less than trimming.
        [first, .., last] if is_plain(*first) && is_plain(*last) => cell,
        [only] if is_plain(*only) => cell,
        [] => cell,
        _ => trim_slowly(cell),
    }
}

#[inline(never)]
fn trim_slowly(cell: &str) -> &str {
    let ascii = cell.trim_matches([' ', '\r']);
    match ascii.as_bytes() {
        [first, .., last] if is_plain(*first) && is_plain(*last) => ascii,
        _ => ascii.trim(),
    }
}

fn is_plain(byte: u8) -> bool {
    byte > b' ' && byte < 0x7f
}

/// Adds a bad row: counts it, and lists it among the first.
pub(crate) fn note_bad(report: &mut BadRowReport, row: impl FnOnce() -> BadRow) {
    report.count += 1;
    if report.first.len() < MAX_BAD_ROWS_LISTED {
        report.first.push(row());
    }
}

/// Why reading ended before the file did.
#[derive(Debug)]
pub(crate) struct Stop {
    pub problem: Problem,
    /// The bytes are not what the encoding allows; another encoding may do.
    pub encoding: bool,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self { problem, encoding: false }
    }
}

impl From<Stop> for Problem {
    fn from(stop: Stop) -> Self {
        stop.problem
    }
}
