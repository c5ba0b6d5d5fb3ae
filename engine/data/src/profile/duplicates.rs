//! How many rows are copies of an earlier one: by 64-bit hashes, on the disk where they do not fit the memory.

use super::ranked::Ranked;
use crate::words;
use std::{
    fs::File,
    io::{BufReader, BufWriter, Read, Seek, Write},
    path::{Path, PathBuf},
};
use trainyard_types::Problem;

/// Files that hashes are divided into, by their highest bits; one at a time is brought back.
const PARTS: usize = 64;
const BUFFER: usize = 32 << 10;

/// The hashes of all rows so far.
pub(crate) struct RowHashes {
    rows: u64,
    held: Vec<u64>,
    /// Held in memory at most.
    most: usize,
    folder: PathBuf,
    /// What did not fit; the files have no name and go with their last handle.
    spilled: Option<Vec<BufWriter<File>>>,
}

impl RowHashes {
    /// `folder` is where hashes go that do not fit.
    pub(super) fn new(most: usize, folder: &Path) -> Self {
        Self { rows: 0, held: Vec::new(), most: most.max(1024), folder: folder.to_owned(), spilled: None }
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
        if self.spilled.is_none() && self.held.len() + hashes.len() <= self.most {
            self.held.append(&mut hashes);
            return Ok(());
        }
        let parts = match &mut self.spilled {
            Some(parts) => parts,
            none => {
                let file = || tempfile::tempfile_in(&self.folder).map(|file| BufWriter::with_capacity(BUFFER, file));
                let made: Result<Vec<_>, _> = (0..PARTS).map(|_| file()).collect();
                none.insert(made.map_err(|error| words::cannot_write(&error))?)
            }
        };
        for hash in std::mem::take(&mut self.held).into_iter().chain(hashes) {
            // 64 parts: the highest six bits.
            let part = &mut parts[(hash >> 58) as usize];
            part.write_all(&hash.to_le_bytes()).map_err(|error| words::cannot_write(&error))?;
        }
        Ok(())
    }

    /// Rows that are copies of an earlier one.
    ///
    /// # Errors
    /// The disk can't be read.
    pub(super) fn duplicates(self) -> Result<u64, Problem> {
        let Some(parts) = self.spilled else { return Ok(copies(self.held)) };
        let mut found = 0;
        for part in parts {
            let hashes = read_back(part).map_err(|error| words::damaged(format!("its rows' hashes: {error}")))?;
            found += copies(hashes);
        }
        Ok(found)
    }
}

fn read_back(part: BufWriter<File>) -> std::io::Result<Vec<u64>> {
    let mut file = part.into_inner()?;
    let length = file.stream_position()?;
    file.rewind()?;
    let mut hashes = Vec::with_capacity(usize::try_from(length / 8).unwrap_or(0));
    let mut from = BufReader::with_capacity(BUFFER, file);
    let mut word = [0; 8];
    for _ in 0..length / 8 {
        from.read_exact(&mut word)?;
        hashes.push(u64::from_le_bytes(word));
    }
    Ok(hashes)
}

fn copies(hashes: Vec<u64>) -> u64 {
    let all = hashes.len() as u64;
    // The disk's parts have their highest bits in common.
    let (least, most) = hashes.iter().fold((u64::MAX, 0), |(least, most), &hash| (least.min(hash), most.max(hash)));
    all - Ranked::new(hashes, least, most).different()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::mix;
    use super::*;

    #[test]
    fn copies_are_counted_alike_in_memory_and_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        // 50,000 rows of 40,000 different ones.
        let hashes: Vec<u64> = (0..50_000_u64).map(|i| mix(i % 40_000)).collect();
        for most in [1 << 20, 2_000] {
            let mut rows = RowHashes::new(most, folder.path());
            for block in hashes.chunks(999) {
                rows.add(vec![block.to_vec()]).unwrap();
            }
            assert_eq!(rows.spilled.is_some(), most < 50_000);
            assert_eq!(rows.duplicates().unwrap(), 10_000);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
        let mut lost = RowHashes::new(1, &folder.path().join("none"));
        assert!(lost.add(vec![hashes]).is_err());
    }
}
