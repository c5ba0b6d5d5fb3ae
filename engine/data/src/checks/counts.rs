//! How often each different value occurs, by 64-bit keys, on the disk where they do not fit the memory.

use crate::bounded::{Spill, mix};
use foldhash::fast::RandomState;
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};
use trainyard_types::Problem;

/// Bytes of an entry, with what a table of hashes leaves empty and needs while it grows.
const ENTRY: usize = 48;

pub(super) struct Counts {
    held: HashMap<u64, u64, RandomState>,
    most: usize,
    /// Keys, mixed, with their counts so far.
    away: Option<Spill<2>>,
    folder: PathBuf,
}

impl Counts {
    /// Holds `bytes` in memory; what does not fit goes to `folder`.
    pub(super) fn new(bytes: usize, folder: &Path) -> Self {
        Self { held: HashMap::default(), most: (bytes / ENTRY).max(1024), away: None, folder: folder.to_owned() }
    }

    /// # Errors
    /// The disk can't be written.
    pub(super) fn add(&mut self, key: u64, times: u64) -> Result<(), Problem> {
        if let Some(count) = self.held.get_mut(&key) {
            *count += times;
            return Ok(());
        }
        if self.held.len() >= self.most {
            self.put_away()?;
        }
        self.held.insert(key, times);
        Ok(())
    }

    fn put_away(&mut self) -> Result<(), Problem> {
        let away = self.away.get_or_insert_with(|| Spill::new(self.most / 8, &self.folder));
        away.add(self.held.drain().map(|(key, count)| [mix(key), count]))
    }

    /// How many different keys there were.
    ///
    /// # Errors
    /// The disk can't be read.
    pub(super) fn distinct(self) -> Result<u64, Problem> {
        Ok(self.by_count()?.values().sum())
    }

    /// How many keys occurred so often, for each number of occurrences.
    ///
    /// # Errors
    /// The disk can't be read.
    pub(super) fn by_count(mut self) -> Result<BTreeMap<u64, u64>, Problem> {
        let mut found: BTreeMap<u64, u64> = BTreeMap::new();
        if self.away.is_some() {
            self.put_away()?;
        }
        match self.away {
            None => self.held.into_values().for_each(|count| *found.entry(count).or_default() += 1),
            Some(away) => away.each_part(|records| {
                records.sort_unstable();
                for same in records.chunk_by(|a, b| a[0] == b[0]) {
                    *found.entry(same.iter().map(|record| record[1]).sum()).or_default() += 1;
                }
                Ok(())
            })?,
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn counts_are_the_same_in_memory_and_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in [0, 1 << 20] {
            let mut counts = Counts::new(bytes, folder.path());
            // 3,000 keys: the first thousand five times, the others four.
            (0..13_000_u64).for_each(|i| counts.add(i % 3_000, 1).unwrap());
            counts.add(7, 5).unwrap();
            assert_eq!(counts.away.is_some(), bytes == 0);
            assert_eq!(counts.by_count().unwrap(), [(4, 2_000), (5, 999), (10, 1)].into());
        }
    }
}
