//! A block of rows on its way from a file into columns.

use crate::limits::MAX_BAD_ROWS_LISTED;
use arrow_array::ArrayRef;
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

/// Where the rows stand in the file.
#[derive(Debug)]
pub(crate) enum Lines {
    /// The line (from 1) that each row begins on.
    Each(Vec<u64>),
    /// The number (from 1) of the first row; the others follow.
    From(u64),
}

impl Lines {
    pub(crate) fn of(&self, row: usize) -> u64 {
        match self {
            Lines::Each(lines) => lines[row],
            Lines::From(first) => first + row as u64,
        }
    }
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
}

impl TextCells {
    /// Checks that the bytes are UTF-8 and that no cell cuts a character; otherwise the number of the cell at fault.
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
        Ok(Self { text, ends, columns })
    }

    /// The cell without white space around it; empty where it is missing.
    #[inline]
    pub(crate) fn get(&self, row: usize, column: usize) -> &str {
        let index = row * self.columns + column;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        let cell = &self.text[start..self.ends[index] as usize];
        match cell.as_bytes() {
            // Most cells need no trimming, and looking costs less than trimming.
            [first, .., last] if is_plain(*first) && is_plain(*last) => cell,
            [only] if is_plain(*only) => cell,
            _ => cell.trim(),
        }
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
