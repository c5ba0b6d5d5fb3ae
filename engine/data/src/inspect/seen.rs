//! What reading a whole file says about its columns, gathered by all cores.

use super::{SAMPLE_ROWS, sample_rows, too_many_rows};
use crate::{
    block::{Block, Buffers, Cells, Stop},
    convert::Reading,
    guess::Guess,
    limits::{MAX_BAD_ROWS_LISTED, MAX_ROWS},
    parallel,
    source::Part,
};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use trainyard_types::{Problem, dataset::BadRowReport};

/// What inspecting finds in rows.
#[derive(Default)]
pub(super) struct Seen {
    pub guesses: Vec<Guess>,
    /// The first rows.
    pub sample: Vec<Vec<Option<String>>>,
    pub rows: u64,
    pub bad: BadRowReport,
}

impl Seen {
    /// All parts of a file.
    pub(super) fn of(
        next: impl FnMut(&mut Buffers) -> Result<Option<Part>, Stop> + Send,
        reading: &Reading,
    ) -> Result<Self, Stop> {
        let mut seen = Seen::default();
        let sampled = AtomicUsize::new(0);
        parallel::in_order(
            next,
            Buffers::default,
            |memory, part| {
                let (block, stop) = part.block();
                let found = Self::in_block(&block, SAMPLE_ROWS.saturating_sub(sampled.load(Relaxed)), reading)?;
                *memory = block.into_buffers();
                Ok((found, stop))
            },
            |(later, stop)| {
                seen.add(later);
                sampled.store(seen.sample.len(), Relaxed);
                if seen.rows > MAX_ROWS {
                    return Err(too_many_rows().into());
                }
                stop.map_or(Ok(()), Err)
            },
        )?;
        Ok(seen)
    }

    fn in_block(block: &Block, sampled: usize, reading: &Reading) -> Result<Self, Problem> {
        let mut found = Seen { rows: block.rows as u64, bad: block.bad.clone(), ..Seen::default() };
        let columns = match &block.cells {
            Cells::Text(cells) => cells.columns,
            Cells::Arrow(arrays) => arrays.len(),
        };
        sample_rows(block, columns, reading, sampled, &mut found.sample)?;
        found.guesses.resize(columns, Guess::default());
        if let Cells::Text(cells) = &block.cells {
            for (column, guess) in found.guesses.iter_mut().enumerate() {
                for row in 0..block.rows {
                    match cells.short(row, column) {
                        Some(number) if reading.missing.no_numbers() => guess.add_short(number),
                        _ => guess.add(cells.get(row, column), || block.line(row), reading),
                    }
                }
            }
        }
        Ok(found)
    }

    /// Adds what is further down in the file.
    fn add(&mut self, later: Self) {
        self.guesses.resize(self.guesses.len().max(later.guesses.len()), Guess::default());
        self.guesses.iter_mut().zip(later.guesses).for_each(|(guess, later)| guess.merge(later));
        self.sample.extend(later.sample);
        self.sample.truncate(SAMPLE_ROWS);
        self.rows += later.rows;
        self.bad.count += later.bad.count;
        let room = MAX_BAD_ROWS_LISTED.saturating_sub(self.bad.first.len());
        self.bad.first.extend(later.bad.first.into_iter().take(room));
    }

    /// With so many columns, of which there may be no values.
    pub(super) fn of_width(mut self, columns: usize) -> Self {
        self.guesses.resize(columns, Guess::default());
        self.sample.iter_mut().for_each(|row| row.resize(columns, None));
        self
    }
}
