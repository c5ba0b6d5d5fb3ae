//! Free text as numbers: which words and pairs of words a text has, found by their hashes, and how long it is.

mod fit;

use crate::{
    error::LoadError,
    frame::{Column, Frame, MISSING, Values},
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use trainyard_types::dataset::ColumnType;

pub use fit::is_free;

/// Places that words are hashed to.
const PLACES: u64 = 1 << 16;
/// Words that are kept of one column.
pub const KEPT: usize = 64;
/// Characters of a text that are read.
const READ: usize = 10_000;

/// The columns of free text that a model learned from. Every family sees numbers in their stead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Texts(Vec<TextColumn>);

/// One column's n-grams, of one and two words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextColumn {
    pub name: String,
    /// In rising order of their places.
    pub grams: Vec<Gram>,
}

/// A place that words are hashed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gram {
    pub place: u32,
    /// The word, or the two, that most train rows had of those with this hash; for people.
    pub words: String,
}

impl Texts {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn columns(&self) -> &[TextColumn] {
        &self.0
    }

    /// The frame with each of these columns replaced by its numbers: for each n-gram 1 + ln(times), or 0 where the text does not
    /// have it; the number of words, and of characters (10,000 at most are read). A missing text has no words, and a missing
    /// length. Columns that the frame lacks, or that are no texts, stay out: who reads them says so.
    pub fn expand<'f>(&self, frame: Cow<'f, Frame>) -> Cow<'f, Frame> {
        if self.0.is_empty() {
            return frame;
        }
        let mut columns = Vec::with_capacity(frame.columns.len() + self.0.len() * (KEPT + 1));
        for column in &frame.columns {
            match (self.0.iter().find(|text| text.name == column.name), &column.values) {
                (Some(text), Values::Categories { codes, levels }) => columns.extend(text.numbers(codes, levels)),
                _ => columns.push(column.clone()),
            }
        }
        Cow::Owned(Frame { columns, rows: frame.rows })
    }

    /// # Errors
    /// A place twice or beyond all places, or a column twice.
    pub fn check(&self) -> Result<(), LoadError> {
        let names: std::collections::BTreeSet<&str> = self.0.iter().map(|text| text.name.as_str()).collect();
        let sound = |text: &TextColumn| {
            text.grams.len() <= KEPT
                && text.grams.windows(2).all(|pair| pair[0].place < pair[1].place)
                && text.grams.iter().all(|gram| u64::from(gram.place) < PLACES)
        };
        if names.len() == self.0.len() && self.0.iter().all(sound) {
            Ok(())
        } else {
            Err(LoadError::part("its free texts are not as a fit leaves them"))
        }
    }
}

impl TextColumn {
    fn numbers(&self, codes: &[u32], levels: &[String]) -> Vec<Column> {
        let width = self.grams.len();
        // Of each level, the n-grams, then words and characters.
        let mut of_level = vec![0.0f64; levels.len() * (width + 2)];
        let mut used = vec![false; levels.len()];
        for &code in codes {
            if let Some(used) = used.get_mut(code as usize) {
                *used = true;
            }
        }
        let rows = of_level.chunks_exact_mut(width + 2).zip(levels).zip(used);
        for ((numbers, level), _) in rows.filter(|(_, used)| *used) {
            let text = read(level);
            let mut words = 0;
            each_gram(text, |hash, pair, _| {
                words += usize::from(!pair);
                if let Ok(at) = self.grams.binary_search_by_key(&place(hash), |gram| gram.place) {
                    numbers[at] += 1.0;
                }
            });
            numbers[..width].iter_mut().filter(|times| **times > 0.0).for_each(|times| *times = 1.0 + times.ln());
            numbers[width] = words as f64;
            numbers[width + 1] = text.chars().count() as f64;
        }
        let column = |at: usize, said: String, missing: f64| {
            let value = |&code: &u32| {
                if code == MISSING {
                    missing
                } else {
                    of_level.get(code as usize * (width + 2) + at).copied().unwrap_or(missing)
                }
            };
            Column {
                name: format!("{}: {said}", self.name),
                kind: ColumnType::Float,
                values: Values::Numbers(codes.iter().map(value).collect()),
            }
        };
        // Two n-grams may be shown alike; their columns have to have different names.
        let grams = self.grams.iter().enumerate();
        let mut columns: Vec<Column> =
            grams.map(|(at, gram)| column(at, format!("“{}” #{}", gram.words, gram.place), 0.0)).collect();
        columns.push(column(width, "number of words".to_owned(), f64::NAN));
        columns.push(column(width + 1, "number of characters".to_owned(), f64::NAN));
        columns
    }
}

/// The part of a text that counts.
fn read(text: &str) -> &str {
    text.char_indices().nth(READ).map_or(text, |(end, _)| &text[..end])
}

fn place(hash: u64) -> u32 {
    // The upper bits of FNV are mixed worse: fold them in (as its authors advise).
    ((hash ^ (hash >> 32) ^ (hash >> 16)) % PLACES) as u32
}

/// Calls for each word (letters and digits, in lower case) and each pair of neighbours: hash, whether it is a pair, and where
/// in the text it stands.
fn each_gram(text: &str, mut call: impl FnMut(u64, bool, std::ops::Range<usize>)) {
    let mut before: Option<(u64, usize)> = None;
    let mut words = text.char_indices().peekable();
    while let Some((start, first)) = words.next() {
        if !first.is_alphanumeric() {
            continue;
        }
        let mut hash = Fnv::default();
        let mut end = start + first.len_utf8();
        hash.add(first);
        while let Some(&(at, letter)) = words.peek().filter(|(_, letter)| letter.is_alphanumeric() || *letter == '\'') {
            hash.add(letter);
            end = at + letter.len_utf8();
            words.next();
        }
        call(hash.0, false, start..end);
        if let Some((earlier, from)) = before {
            call(earlier.rotate_left(23) ^ hash.0, true, from..end);
        }
        before = Some((hash.0, start));
    }
}

/// FNV-1a of 64 bits (Fowler, Noll and Vo; public domain): the same on every machine, which a model file relies on.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, letter: char) {
        for lower in letter.to_lowercase() {
            for byte in u32::from(lower).to_le_bytes() {
                self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
}

#[cfg(test)]
mod tests;
