//! Which columns are free text, and which of their n-grams say something about the target.

use super::{Gram, KEPT, PLACES, TextColumn, Texts, each_gram, place, read};
use crate::{
    frame::{Column, Frame, Values},
    target::Target,
};
use trainyard_types::dataset::ColumnType;

/// Words that a text has on average, at least; names and categories have fewer.
const WORDS: f64 = 3.0;
/// Different texts that a column has at least, or a quarter of its rows.
const DIFFERENT: usize = 1_000;
/// Rows below which nothing is called free text, and that an n-gram stands in at least.
const FEWEST_ROWS: usize = 40;
const FEWEST: u32 = 3;
/// Characters of an n-gram that are shown.
const SHOWN: usize = 40;

/// Whether a column's texts are sentences, not categories: three words or more on average, and hardly a text that comes twice.
pub fn is_free(column: &Column) -> bool {
    let Values::Categories { codes, levels } = &column.values else { return false };
    if column.kind != ColumnType::Text || codes.len() < FEWEST_ROWS {
        return false;
    }
    let mut counts = vec![0usize; levels.len()];
    for &code in codes {
        if let Some(count) = counts.get_mut(code as usize) {
            *count += 1;
        }
    }
    let present: usize = counts.iter().sum();
    let used = counts.iter().filter(|count| **count > 0).count();
    if used * 4 < present.max(1) && used < DIFFERENT || used < FEWEST_ROWS / 2 {
        return false;
    }
    let words = |text: &str| read(text).split_whitespace().count();
    let total: usize =
        levels.iter().zip(&counts).map(|(level, count)| if *count > 0 { words(level) * count } else { 0 }).sum();
    total as f64 >= WORDS * present as f64
}

impl Texts {
    /// Chooses up to 64 n-grams of each free text of the train rows: those that go most with the target, beyond what chance
    /// brings about among so many.
    pub fn fit(train: &Frame, target: &Target) -> Self {
        let free = train.columns.iter().filter(|column| is_free(column));
        Self(free.map(|column| fit(column, target)).collect())
    }
}

fn fit(column: &Column, target: &Target) -> TextColumn {
    let Values::Categories { codes, levels } = &column.values else {
        return TextColumn { name: column.name.clone(), grams: Vec::new() };
    };
    let tally = Tally::of(target);
    // Of each place: rows with it, and what of the target they have together.
    let wide = tally.width;
    let mut sums = vec![0.0f64; PLACES as usize * wide];
    let mut rows_with = vec![0u32; PLACES as usize];
    let mut by_level = vec![Vec::new(); levels.len()];
    codes.iter().enumerate().for_each(|(row, &code)| {
        if let Some(rows) = by_level.get_mut(code as usize) {
            rows.push(row);
        }
    });
    let mut seen: Vec<u32> = Vec::new();
    for (level, rows) in levels.iter().zip(&by_level).filter(|(_, rows)| !rows.is_empty()) {
        seen.clear();
        each_gram(read(level), |hash, _, _| seen.push(place(hash)));
        seen.sort_unstable();
        seen.dedup();
        for &place in &seen {
            rows_with[place as usize] += rows.len() as u32;
            let sums = &mut sums[place as usize * wide..][..wide];
            rows.iter().for_each(|&row| tally.add(row, sums));
        }
    }
    let candidates = rows_with.iter().filter(|&&rows| rows >= FEWEST).count();
    let least = tally.by_chance(candidates);
    let mut scored: Vec<(f64, u32)> = (0..PLACES as u32)
        .filter(|&place| rows_with[place as usize] >= FEWEST)
        .map(|place| (tally.score(f64::from(rows_with[place as usize]), &sums[place as usize * wide..][..wide]), place))
        .filter(|(score, _)| *score > least)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.truncate(KEPT);
    let mut kept: Vec<u32> = scored.into_iter().map(|(_, place)| place).collect();
    kept.sort_unstable();
    let words = words(&kept, levels, &by_level);
    let grams = kept.into_iter().zip(words).map(|(place, words)| Gram { place, words }).collect();
    TextColumn { name: column.name.clone(), grams }
}

/// What stands most often behind each of the places.
fn words(kept: &[u32], levels: &[String], by_level: &[Vec<usize>]) -> Vec<String> {
    let mut counts = vec![std::collections::BTreeMap::<String, usize>::new(); kept.len()];
    for (level, rows) in levels.iter().zip(by_level).filter(|(_, rows)| !rows.is_empty()) {
        let text = read(level);
        each_gram(text, |hash, _, span| {
            if let Ok(at) = kept.binary_search(&place(hash)) {
                let shown: String = text[span].to_lowercase().chars().take(SHOWN).collect();
                *counts[at].entry(shown).or_default() += rows.len();
            }
        });
    }
    let most = |counts: std::collections::BTreeMap<String, usize>| {
        counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0))).map_or_else(String::new, |(words, _)| words)
    };
    counts.into_iter().map(most).collect()
}

/// How much n-grams go with the target: Pearson's χ² of having it against the class, or for a number the squared standardised
/// difference of means, which is χ² with one degree of freedom where there is nothing to find.
struct Tally<'t> {
    target: &'t Target,
    /// Numbers that are summed for a place.
    width: usize,
    rows: f64,
    /// Rows of each class; or the target's mean and variance.
    whole: Vec<f64>,
}

impl<'t> Tally<'t> {
    fn of(target: &'t Target) -> Self {
        let rows = target.len() as f64;
        let whole = match target {
            Target::Classes(classes) => {
                let mut counts = vec![0.0; classes.iter().max().map_or(0, |&class| class as usize + 1)];
                classes.iter().for_each(|&class| counts[class as usize] += 1.0);
                counts
            }
            Target::Values(values) => {
                let mean = values.iter().map(|value| value / rows).sum::<f64>();
                vec![mean, values.iter().map(|value| (value - mean).powi(2) / rows).sum()]
            }
        };
        let width = match target {
            Target::Classes(_) => whole.len(),
            Target::Values(_) => 1,
        };
        Self { target, width, rows, whole }
    }

    fn add(&self, row: usize, sums: &mut [f64]) {
        match self.target {
            Target::Classes(classes) => sums[classes[row] as usize] += 1.0,
            Target::Values(values) => sums[0] += values[row] - self.whole[0],
        }
    }

    /// `with`: rows that have the n-gram.
    fn score(&self, with: f64, sums: &[f64]) -> f64 {
        let without = self.rows - with;
        if without < f64::from(FEWEST) {
            return 0.0;
        }
        match self.target {
            Target::Classes(_) => {
                let cell = |(found, class): (&f64, &f64)| {
                    let expected = with * class / self.rows;
                    let other = without * class / self.rows;
                    let off = (found - expected).powi(2);
                    if expected > 0.0 { off / expected + off / other } else { 0.0 }
                };
                sums.iter().zip(&self.whole).map(cell).sum()
            }
            Target::Values(_) if self.whole[1] > 0.0 => {
                // The mean of `with` rows out of all has the variance σ²/with · without/rows.
                let difference = sums[0] / with;
                difference.powi(2) / (self.whole[1] / with * without / self.rows)
            }
            Target::Values(_) => 0.0,
        }
    }

    /// What the greatest of so many scores seldom exceeds where nothing goes with the target: d + 2√(d·L) + 2L with d degrees of
    /// freedom and L = ln(20·candidates), so that it happens once in twenty times (Laurent and Massart 2000, lemma 1).
    fn by_chance(&self, candidates: usize) -> f64 {
        let degrees = match self.target {
            Target::Classes(_) => (self.width as f64 - 1.0).max(1.0),
            Target::Values(_) => 1.0,
        };
        let log = (20.0 * candidates.max(1) as f64).ln();
        degrees + 2.0 * (degrees * log).sqrt() + 2.0 * log
    }
}
