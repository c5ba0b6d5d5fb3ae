//! Many numbers in the order of their size, without sorting them all.

use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Values that a bucket has about, so that it fits a core's first cache.
const IN_BUCKET: usize = 512;
/// Buckets at most: more would miss the cache while they are filled.
const BUCKETS: usize = 4096;
/// Larger buckets are sorted, which takes no more memory.
const SORTED: usize = 1 << 16;

/// Numbers between a least and a greatest one, put into buckets by size; where the range is short, counted.
pub(super) enum Ranked {
    /// How often `least`, `least + 1` … occur.
    Counted { least: u64, counts: Vec<u32> },
    /// All numbers, bucket after bucket, and where each bucket begins (and the last one ends).
    Buckets { values: Vec<u64>, starts: Vec<usize> },
}

impl Ranked {
    /// `values` lie within `least` and `most`.
    pub(super) fn new(values: Vec<u64>, least: u64, most: u64) -> Self {
        let range = most.saturating_sub(least);
        if range < values.len() as u64 && values.len() < u32::MAX as usize {
            let mut counts = vec![0_u32; range as usize + 1];
            values.iter().for_each(|&value| counts[(value - least) as usize] += 1);
            return Self::Counted { least, counts };
        }
        let wanted = (values.len() / IN_BUCKET).clamp(1, BUCKETS).next_power_of_two();
        // So that the greatest one falls into the last bucket or one before it.
        let shift = (64 - range.leading_zeros()).saturating_sub(wanted.ilog2());
        let bucket = |value: u64| ((value - least) >> shift) as usize;
        if wanted == 1 || shift == 64 {
            let starts = vec![0, values.len()];
            return Self::Buckets { values, starts };
        }
        let mut starts = vec![0_usize; wanted + 1];
        values.iter().for_each(|&value| starts[bucket(value) + 1] += 1);
        (0..wanted).for_each(|i| starts[i + 1] += starts[i]);
        let mut next = starts.clone();
        let mut placed = vec![0; values.len()];
        for value in values {
            let place = &mut next[bucket(value)];
            placed[*place] = value;
            *place += 1;
        }
        Self::Buckets { values: placed, starts }
    }

    /// How many different numbers there are.
    pub(super) fn different(&mut self) -> u64 {
        match self {
            Self::Counted { counts, .. } => counts.iter().filter(|&&count| count > 0).count() as u64,
            Self::Buckets { values, starts } => {
                // Made anew each time, so that nobody can prepare collisions.
                let factor = RandomState::default().hash_one(0_u8) | 1;
                let mut table = Vec::new();
                let mut found = 0;
                let mut rest = values.as_mut_slice();
                for ends in starts.windows(2) {
                    let (bucket, others) = rest.split_at_mut(ends[1] - ends[0]);
                    found += different(bucket, &mut table, factor);
                    rest = others;
                }
                found
            }
        }
    }

    /// The number that `rank` others come before.
    pub(super) fn at(&self, rank: usize) -> u64 {
        match self {
            Self::Counted { least, counts } => {
                let mut before = 0;
                let place = counts.iter().position(|&count| {
                    before += count as usize;
                    before > rank
                });
                least + place.unwrap_or(0) as u64
            }
            Self::Buckets { values, starts } => {
                let bucket = starts.partition_point(|&start| start <= rank) - 1;
                let mut values = values[starts[bucket]..starts[bucket + 1]].to_vec();
                *values.select_nth_unstable(rank - starts[bucket]).1
            }
        }
    }

    /// Every number with how often it occurs; the same one may come again.
    pub(super) fn each(&self, mut take: impl FnMut(u64, u64)) {
        match self {
            Self::Counted { least, counts } => {
                for (i, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    take(least + i as u64, u64::from(count));
                }
            }
            Self::Buckets { values, .. } => values.iter().for_each(|&value| take(value, 1)),
        }
    }
}

/// How many different numbers there are, by a table in the memory given; `factor` is odd and spreads them.
fn different(values: &mut [u64], table: &mut Vec<u64>, factor: u64) -> u64 {
    if values.len() > SORTED {
        values.sort_unstable();
        return values.chunk_by(|a, b| a == b).count() as u64;
    }
    let bits = (values.len().max(2) * 2).next_power_of_two().ilog2();
    // What marks a free place is counted by itself.
    const FREE: u64 = u64::MAX;
    table.clear();
    table.resize(1 << bits, FREE);
    let (mut found, mut free_found) = (0, 0);
    for &value in &*values {
        if value == FREE {
            free_found = 1;
            continue;
        }
        let mut place = (value.wrapping_mul(factor) >> (64 - bits)) as usize;
        loop {
            let there = table[place];
            if there == value {
                break;
            }
            if there == FREE {
                table[place] = value;
                found += 1;
                break;
            }
            place = (place + 1) & (table.len() - 1);
        }
    }
    found + free_found
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    #[test]
    fn ranks_and_counts_are_those_of_sorted_numbers() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(6);
        for (shift, offset) in [(0, 0), (1, 0), (20, 5), (44, 1 << 40), (52, u64::MAX - 4096), (63, 0), (64, 9)] {
            for length in [1, 2, 100, 3_000, 70_000] {
                let values: Vec<u64> = (0..length)
                    .map(|_| offset + random.next_u64().checked_shr(shift).unwrap_or(0).min(u64::MAX - offset))
                    .collect();
                let mut sorted = values.clone();
                sorted.sort_unstable();
                let different = sorted.chunk_by(|a, b| a == b).count() as u64;
                let mut ranked = Ranked::new(values, sorted[0], sorted[length - 1]);
                assert_eq!(ranked.different(), different, "{shift} {length}");
                for rank in [0, length / 3, length / 2, length - 1] {
                    assert_eq!(ranked.at(rank), sorted[rank], "{shift} {length} {rank}");
                }
                let mut all = 0;
                ranked.each(|_, count| all += count);
                assert_eq!(all, length as u64);
            }
        }
    }
}
