//! What is kept of a column of any length within a bound: a uniform sample, or everything, on the disk where it does not
//! fit the memory.

use crate::words;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use trainyard_types::Problem;

/// Records are divided over so many parts by the highest bits of their first word; one part at a time is brought back.
const PARTS: usize = 128;
/// Bytes of a part that are written at once, at most.
const MOST_BUFFER: usize = 16 << 10;
/// The least that is held in memory, records.
const LEAST_HELD: usize = 1024;

/// MurmurHash3's 64-bit finaliser: every input bit changes about half of the output's, and no two inputs give the same.
pub(crate) fn mix(mut h: u64) -> u64 {
    h = h.wrapping_add(0x9e37_79b9_7f4a_7c15);
    h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

/// All values, in their order, while they fit; beyond that a uniform sample (Vitter's algorithm R, seeded).
pub(crate) struct Reservoir<T> {
    pub kept: Vec<T>,
    /// Values that came.
    pub seen: u64,
    most: usize,
}

impl<T> Reservoir<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self { kept: Vec::new(), seen: 0, most }
    }

    pub(crate) fn push(&mut self, value: T) {
        self.seen += 1;
        if self.kept.len() < self.most {
            self.kept.push(value);
        } else {
            // The n-th value takes a random place among n, if that is one of those kept.
            let place = ((u128::from(mix(self.seen)) * u128::from(self.seen)) >> 64) as usize;
            if let Some(slot) = self.kept.get_mut(place) {
                *slot = value;
            }
        }
    }

    /// As pushing one after the other.
    pub(crate) fn extend(&mut self, values: &[T])
    where
        T: Copy,
    {
        let room = (self.most - self.kept.len()).min(values.len());
        self.kept.extend_from_slice(&values[..room]);
        self.seen += room as u64;
        values[room..].iter().for_each(|&value| self.push(value));
    }

    /// How many values are kept, where these are not all.
    pub(crate) fn sample(&self) -> Option<u64> {
        let kept = self.kept.len() as u64;
        (kept != self.seen).then_some(kept)
    }
}

/// Records of `N` words, the first of which is spread evenly over all 64 bits (a hash, or made by [`mix`]).
pub(crate) struct Spill<const N: usize> {
    held: Vec<[u64; N]>,
    /// Held in memory at most.
    most: usize,
    folder: PathBuf,
    disk: Option<Disk>,
}

/// One file without a name, which goes with its handle: blocks of one part each.
struct Disk {
    file: File,
    end: u64,
    block: usize,
    parts: Vec<Part>,
}

#[derive(Default)]
struct Part {
    buffer: Vec<u8>,
    /// Where its blocks begin.
    blocks: Vec<u64>,
}

impl<const N: usize> Spill<N> {
    /// `folder` is where records go that do not fit.
    pub(crate) fn new(most: usize, folder: &Path) -> Self {
        Self { held: Vec::new(), most: most.max(LEAST_HELD), folder: folder.to_owned(), disk: None }
    }

    /// # Errors
    /// The disk can't be written.
    pub(crate) fn add(&mut self, records: impl Iterator<Item = [u64; N]>) -> Result<(), Problem> {
        if self.disk.is_none() {
            let (least, _) = records.size_hint();
            let needed = self.held.len() + least;
            if needed > self.held.capacity() {
                // Doubling a large list would pass the bound.
                let wanted = (2 * self.held.len()).min(self.most).max(needed);
                self.held.reserve_exact(wanted - self.held.len());
            }
            self.held.extend(records);
            if self.held.len() <= self.most {
                return Ok(());
            }
            let file = tempfile::tempfile_in(&self.folder).map_err(|error| words::cannot_write(&error))?;
            let record = N * 8;
            let block = (self.most * record / PARTS).clamp(256, MOST_BUFFER) / record * record;
            let parts = (0..PARTS).map(|_| Part::default()).collect();
            let disk = self.disk.insert(Disk { file, end: 0, block, parts });
            return disk.add(std::mem::take(&mut self.held).into_iter());
        }
        self.disk.as_mut().map_or(Ok(()), |disk| disk.add(records))
    }

    #[cfg(test)]
    pub(crate) fn is_on_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Hands out the records in parts; those with the same first word are in the same.
    ///
    /// # Errors
    /// The disk can't be read, or as `work`.
    pub(crate) fn each_part(self, mut work: impl FnMut(&mut [[u64; N]]) -> Result<(), Problem>) -> Result<(), Problem> {
        let Some(mut disk) = self.disk else {
            let mut held = self.held;
            return work(&mut held);
        };
        for part in std::mem::take(&mut disk.parts) {
            let mut records =
                disk.read_back(part).map_err(|error| words::damaged(format!("what was set aside: {error}")))?;
            work(&mut records)?;
        }
        Ok(())
    }
}

impl Disk {
    fn add<const N: usize>(&mut self, records: impl Iterator<Item = [u64; N]>) -> Result<(), Problem> {
        for record in records {
            let part = &mut self.parts[(record[0] >> (64 - PARTS.trailing_zeros())) as usize];
            record.iter().for_each(|word| part.buffer.extend_from_slice(&word.to_le_bytes()));
            if part.buffer.len() >= self.block {
                self.file.write_all(&part.buffer).map_err(|error| words::cannot_write(&error))?;
                part.blocks.push(self.end);
                self.end += part.buffer.len() as u64;
                part.buffer.clear();
            }
        }
        Ok(())
    }

    fn read_back<const N: usize>(&mut self, part: Part) -> std::io::Result<Vec<[u64; N]>> {
        let mut records = Vec::with_capacity((part.blocks.len() * self.block + part.buffer.len()) / (N * 8));
        let mut take = |bytes: &[u8]| {
            records.extend(bytes.chunks_exact(N * 8).map(|record| {
                let mut words = [0; N];
                for (word, bytes) in words.iter_mut().zip(record.as_chunks().0) {
                    *word = u64::from_le_bytes(*bytes);
                }
                words
            }));
        };
        let mut block = vec![0; self.block];
        for start in part.blocks {
            self.file.seek(SeekFrom::Start(start))?;
            self.file.read_exact(&mut block)?;
            take(&block);
        }
        take(&part.buffer);
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn copies(spill: Spill<2>) -> (u64, u64) {
        let (mut copies, mut sum) = (0, 0);
        spill
            .each_part(|records| {
                records.sort_unstable();
                copies += (records.len() - records.chunk_by(|a, b| a[0] == b[0]).count()) as u64;
                sum += records.iter().map(|record| record[1]).sum::<u64>();
                Ok(())
            })
            .unwrap();
        (copies, sum)
    }

    #[test]
    fn records_come_back_from_memory_and_from_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        // 50,000 records of 40,000 different first words.
        let records: Vec<[u64; 2]> = (0..50_000_u64).map(|i| [mix(i % 40_000), i]).collect();
        for most in [1 << 20, 2_000, 0] {
            let mut spill = Spill::new(most, folder.path());
            for block in records.chunks(999) {
                spill.add(block.iter().copied()).unwrap();
            }
            assert_eq!(spill.is_on_disk(), most < 50_000);
            assert_eq!(copies(spill), (10_000, 50_000 * 49_999 / 2));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
        let mut lost = Spill::new(1, &folder.path().join("none"));
        assert!(lost.add(records.into_iter()).is_err());
    }

    #[test]
    fn a_reservoir_is_whole_and_in_order_until_it_is_full() {
        let mut all = Reservoir::new(100);
        (0..50).for_each(|i| all.push(i));
        all.extend(&(50..100).collect::<Vec<i32>>());
        assert!(all.kept.is_sorted() && all.sample().is_none());
        (100..10_000).for_each(|i| all.push(i));
        assert_eq!((all.sample(), all.seen), (Some(100), 10_000));
        let mean = all.kept.iter().sum::<i32>() / 100;
        // Ten thousand, one standard error is 289.
        assert!((4_000..6_000).contains(&mean), "{mean}");
    }
}
