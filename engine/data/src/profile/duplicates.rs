//! How many rows are copies of an earlier one: by 64-bit hashes, on the disk where they do not fit the memory.

use super::ranked::Ranked;
use crate::bounded::Spill;
use std::path::Path;
use trainyard_types::Problem;

/// More hashes than this are sorted in their place, which takes no more memory.
const COPIED: usize = 4 << 20;

/// The hashes of all rows so far.
pub(crate) struct RowHashes {
    rows: u64,
    hashes: Spill<1>,
}

impl RowHashes {
    /// `folder` is where hashes go that do not fit.
    pub(super) fn new(most: usize, folder: &Path) -> Self {
        Self { rows: 0, hashes: Spill::new(most, folder) }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds the rows' hashes, which are the sums over the threads' columns.
    ///
    /// # Errors
    /// The disk can't take what does not fit the memory.
    pub(crate) fn add(&mut self, partial: Vec<Vec<u64>>) -> Result<(), Problem> {
        // A thread that found no column left has none.
        let mut partial = partial.into_iter().filter(|sums| !sums.is_empty());
        let mut hashes = partial.next().unwrap_or_default();
        for other in partial {
            hashes.iter_mut().zip(other).for_each(|(sum, hash)| *sum = sum.wrapping_add(hash));
        }
        self.rows += hashes.len() as u64;
        self.hashes.add(hashes.into_iter().map(|hash| [hash]))
    }

    /// Rows that are copies of an earlier one.
    ///
    /// # Errors
    /// The disk can't be read.
    pub(super) fn duplicates(self) -> Result<u64, Problem> {
        let mut found = 0;
        self.hashes.each_part(|hashes| {
            found += copies(hashes);
            Ok(())
        })?;
        Ok(found)
    }
}

fn copies(hashes: &mut [[u64; 1]]) -> u64 {
    let different = if hashes.len() > COPIED {
        hashes.sort_unstable();
        hashes.chunk_by(|a, b| a == b).count() as u64
    } else {
        // Those of a part on the disk have their highest bits in common.
        let least = hashes.iter().map(|&[hash]| hash).min().unwrap_or(0);
        let most = hashes.iter().map(|&[hash]| hash).max().unwrap_or(0);
        Ranked::new(hashes.iter().map(|&[hash]| hash).collect(), least, most).different()
    };
    hashes.len() as u64 - different
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::bounded::mix;

    #[test]
    fn copies_are_counted_alike_in_memory_and_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        // 50,000 rows of 40,000 different ones, in two threads' sums.
        let hashes: Vec<u64> = (0..50_000_u64).map(|i| mix(i % 40_000)).collect();
        for most in [1 << 20, 2_000] {
            let mut rows = RowHashes::new(most, folder.path());
            for block in hashes.chunks(999) {
                let halves = block.iter().map(|hash| hash.wrapping_sub(7)).collect();
                rows.add(vec![halves, Vec::new(), vec![7; block.len()]]).unwrap();
            }
            assert_eq!(rows.rows(), 50_000);
            assert_eq!(rows.hashes.is_on_disk(), most < 50_000);
            assert_eq!(rows.duplicates().unwrap(), 10_000);
        }
        let mut sorted: Vec<[u64; 1]> = (0..COPIED as u64 + 10).map(|i| [mix(i.min(COPIED as u64))]).collect();
        assert_eq!(copies(&mut sorted), 9);
        assert_eq!(copies(&mut []), 0);
    }
}
