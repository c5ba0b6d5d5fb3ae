//! Values, and combinations of values, of which none occurs twice.

use super::{
    stream::Batch,
    work::{Begin, Next, SHOWN_ROWS, Scope, Seen, Tally, Work},
};
use crate::bounded::{Spill, mix};
use foldhash::fast::RandomState;
use std::{collections::BinaryHeap, hash::BuildHasher};
use trainyard_types::{Problem, checks::Expectation};

/// All rows of a repeated value fail. Rows without any of the values are left out.
struct Unique {
    columns: Vec<String>,
    mostly: f64,
    hasher: RandomState,
    /// Mixed keys with their rows.
    keys: Spill<2>,
    tally: Tally,
}

/// `None` where the expectation is another.
pub(super) fn begin(expectation: &Expectation, mostly: f64, begin: &Begin<'_>) -> Option<Box<dyn Work>> {
    let columns = match expectation {
        Expectation::BeUnique { column } => vec![column.clone()],
        Expectation::CompoundColumnsToBeUnique { columns } => columns.clone(),
        _ => return None,
    };
    let (hasher, keys) = (RandomState::default(), Spill::new(begin.room / 16, begin.folder));
    Some(Box::new(Unique { columns, mostly, hasher, keys, tally: Tally::default() }))
}

impl Work for Unique {
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem> {
        let cells = self.columns.iter().map(|name| batch.cells(name)).collect::<Result<Vec<_>, _>>()?;
        let mut keys = cells.iter().map(|cells| cells.keys(&self.hasher));
        let mut whole = keys.next().unwrap_or_default();
        if cells.len() > 1 {
            // A missing value is a value of its own here.
            let own = |row: usize, key: u64, at: usize| (!cells[at].is_missing(row)).then_some(key);
            for (row, key) in whole.iter_mut().enumerate() {
                *key = self.hasher.hash_one(own(row, *key, 0));
            }
            for (at, keys) in keys.enumerate() {
                for (row, (whole, key)) in whole.iter_mut().zip(keys).enumerate() {
                    *whole = self.hasher.hash_one((*whole, own(row, key, at + 1)));
                }
            }
        }
        self.tally.evaluated += scope.count();
        let is_there = |row: &usize| cells.iter().any(|cells| !cells.is_missing(*row));
        let records: Vec<[u64; 2]> =
            scope.rows().filter(is_there).map(|row| [mix(whole[row]), (batch.first + row) as u64]).collect();
        self.tally.missing += scope.count() - records.len() as u64;
        self.keys.add(records.into_iter())
    }

    fn finish(self: Box<Self>, _: &Seen<'_>) -> Result<Next, Problem> {
        let Unique { keys, mut tally, mostly, .. } = *self;
        // The least rows are kept, the greatest of them on top.
        let mut first = BinaryHeap::new();
        keys.each_part(|records| {
            records.sort_unstable();
            for same in records.chunk_by(|a, b| a[0] == b[0]).filter(|same| same.len() > 1) {
                tally.unexpected += same.len() as u64;
                for record in same {
                    first.push(record[1] as usize);
                    if first.len() > SHOWN_ROWS {
                        first.pop();
                    }
                }
            }
            Ok(())
        })?;
        tally.first = first.into_sorted_vec();
        Ok(Next::Found(tally.judge(mostly)))
    }
}
