//! The train rows of a stored table in an order of chance, a buffer at a time.
//!
//! The rows are cut into blocks of neighbours. Each pass puts the blocks into another order and makes a buffer of several of
//! them, so that rows from different places meet, while reading stays a matter of whole pages.

use crate::{bounded::mix, split::Part, stored_table::StoredTable};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::ops::Range;
use trainyard_infer::frame::Frame;
use trainyard_types::Problem;

/// Blocks of a buffer.
const BLOCKS: usize = 16;

/// See the module. The same table, parts, size and seed give the same buffers.
#[derive(Debug)]
pub struct Shuffled {
    table: StoredTable,
    parts: Vec<Option<Part>>,
    /// Ranges of the table's rows, each with as many train rows but for the last one.
    blocks: Vec<Range<usize>>,
    block_rows: usize,
    rows: usize,
    buffers: usize,
    seed: u64,
}

impl Shuffled {
    /// `parts` has a part for each row; `buffer_rows`: train rows of a buffer at most, 1 or more.
    pub fn new(table: StoredTable, parts: Vec<Option<Part>>, buffer_rows: usize, seed: u64) -> Self {
        let block_rows = (buffer_rows / BLOCKS).max(1);
        let (mut blocks, mut start, mut rows) = (Vec::new(), 0, 0);
        for row in (0..parts.len()).filter(|row| parts[*row] == Some(Part::Train)) {
            if rows % block_rows == 0 {
                if rows > 0 {
                    blocks.push(start..row);
                }
                start = row;
            }
            rows += 1;
        }
        if rows > 0 {
            let last = parts.iter().rposition(|part| *part == Some(Part::Train)).unwrap_or(0);
            blocks.push(start..last + 1);
        }
        // The blocks are dealt evenly: no buffer is a remainder of few rows.
        let buffers = blocks.len().div_ceil((buffer_rows / block_rows).max(1));
        Self { table, parts, blocks, block_rows, rows, buffers, seed }
    }

    /// Train rows in all.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Buffers of a pass over all train rows; 0 where there are none.
    pub fn buffers(&self) -> usize {
        self.buffers
    }

    /// Train rows of a buffer at most.
    pub fn largest(&self) -> usize {
        (self.blocks.len().div_ceil(self.buffers.max(1)) * self.block_rows).min(self.rows)
    }

    /// The blocks in the order of a pass.
    fn order(&self, pass: u64) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.blocks.len() as u32).collect();
        crate::split::shuffle(&mut order, &mut ChaCha8Rng::seed_from_u64(mix(self.seed) ^ mix(pass)));
        order
    }

    /// Where the blocks of the first so many buffers end in their pass's order.
    fn end(&self, buffers: usize) -> usize {
        buffers * self.blocks.len() / self.buffers.max(1)
    }

    /// Train rows of the first so many buffers, over all passes.
    pub fn seen(&self, buffers: u64) -> u64 {
        let each = self.buffers.max(1) as u64;
        let (pass, rest) = (buffers / each, (buffers % each) as usize);
        let order = self.order(pass);
        let begun = &order[..self.end(rest)];
        let last = self.blocks.len().saturating_sub(1);
        let missing = if begun.contains(&(last as u32)) { self.blocks.len() * self.block_rows - self.rows } else { 0 };
        pass * self.rows as u64 + (begun.len() * self.block_rows - missing) as u64
    }

    /// The ranges of a buffer, rising.
    fn ranges(&self, pass: u64, buffer: usize) -> Vec<Range<usize>> {
        let mut numbers = self.order(pass)[self.end(buffer)..self.end(buffer + 1)].to_vec();
        numbers.sort_unstable();
        numbers.into_iter().map(|number| self.blocks[number as usize].clone()).collect()
    }

    /// The train rows of a buffer, in the table's order; `buffer` is below [`Shuffled::buffers`].
    ///
    /// # Errors
    /// There is no such column, or the file can't be read.
    pub fn read(&self, columns: &[String], pass: u64, buffer: usize) -> Result<Frame, Problem> {
        self.table.load_ranges(columns, &self.ranges(pass, buffer), |row| self.parts[row] == Some(Part::Train))
    }
}

#[cfg(test)]
#[path = "shuffled/tests.rs"]
mod tests;
