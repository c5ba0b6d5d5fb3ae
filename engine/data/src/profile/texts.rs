//! Texts: how many different ones, and the most frequent.

use crate::{
    cell::{Look, look},
    limits::MAX_DISTINCT,
    words,
};
use foldhash::fast::RandomState;
use std::{
    cmp::Reverse,
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};
use trainyard_types::dataset::{ColumnProfile, ValueCount};

/// Most frequent values shown.
const TOP: usize = 20;

struct Entry {
    count: u64,
    /// Where the text stands; `u32::MAX` if there was no room for it.
    start: u32,
    length: u32,
}

/// Hashes are spread evenly as they are.
#[derive(Clone, Copy, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = self.0.rotate_left(8) ^ u64::from(byte));
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Counts texts by their hash. Hashes are seeded anew in each process, so that nobody can prepare collisions.
pub(super) struct TextStats {
    hasher: RandomState,
    /// From hash to index in `entries`.
    index: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    entries: Vec<Entry>,
    texts: String,
    most_entries: usize,
    most_bytes: usize,
}

impl TextStats {
    pub(super) fn new(most_entries: usize, most_bytes: usize) -> Self {
        Self {
            index: HashMap::default(),
            hasher: RandomState::default(),
            entries: Vec::new(),
            texts: String::new(),
            most_entries: most_entries.clamp(1000, MAX_DISTINCT),
            most_bytes: most_bytes.clamp(64 << 10, 64 << 20),
        }
    }

    pub(super) fn hasher(&self) -> &RandomState {
        &self.hasher
    }

    /// Adds a text that occurs `times`.
    pub(super) fn add(&mut self, text: &str, hash: u64, times: u64) {
        if let Some(&entry) = self.index.get(&hash) {
            self.entries[entry as usize].count += times;
            return;
        }
        if self.entries.len() >= self.most_entries {
            return;
        }
        let (start, length) = if self.texts.len() + text.len() <= self.most_bytes {
            let start = self.texts.len() as u32;
            self.texts.push_str(text);
            (start, text.len() as u32)
        } else {
            (u32::MAX, 0)
        };
        self.index.insert(hash, self.entries.len() as u32);
        self.entries.push(Entry { count: times, start, length });
    }

    fn text(&self, entry: &Entry) -> Option<&str> {
        (entry.start != u32::MAX).then(|| &self.texts[entry.start as usize..(entry.start + entry.length) as usize])
    }

    /// Fills the profile in; the answer is the share of the values, 0 to 1, that look like numbers.
    pub(super) fn finish(&mut self, profile: &mut ColumnProfile) -> f64 {
        profile.distinct = self.entries.len() as u64;
        let (mut known, mut numbers) = (0, 0);
        let mut order: Vec<(Reverse<u64>, &str)> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let Some(text) = self.text(entry) else { continue };
            known += entry.count;
            if matches!(look(text, false), Look::Integer | Look::Float) {
                numbers += entry.count;
            }
            order.push((Reverse(entry.count), text));
        }
        if order.len() > TOP {
            order.select_nth_unstable(TOP);
            order.truncate(TOP);
        }
        order.sort_unstable();
        profile.top =
            order.into_iter().map(|(Reverse(count), text)| ValueCount { value: words::clip(text), count }).collect();
        if known == 0 { 0.0 } else { numbers as f64 / known as f64 }
    }
}
