//! Columns as bins, so that a split is looked for among 255 places: numbers by the quantiles of the train rows, categories in
//! an order that a tree can cut.

use super::order;
use crate::cuts::cuts;
use trainyard_infer::trees::TreeEncoder;

/// The bin of a missing value; the others count from 0.
pub const MISSING: u8 = 255;
/// Bins besides that one.
const MOST: usize = 255;

/// What is learned, a row each.
pub enum Outcome {
    /// A number; of two classes 0 or 1, for which the decrease of variance is half that of Gini's impurity.
    Numbers(Vec<f64>),
    /// One of so many classes.
    Classes(Vec<u32>, usize),
}

impl Outcome {
    /// Sums that say how the outcomes of some rows lie.
    pub fn width(&self) -> usize {
        match self {
            Outcome::Numbers(_) => 1,
            Outcome::Classes(_, count) => *count,
        }
    }

    /// Adds a row to sums, [`Outcome::width`] wide.
    #[inline]
    pub fn add(&self, row: usize, weight: f64, sums: &mut [f64]) {
        match self {
            Outcome::Numbers(values) => sums[0] += weight * values[row],
            Outcome::Classes(classes, _) => sums[classes[row] as usize] += weight,
        }
    }

    pub fn alike(&self, one: usize, other: usize) -> bool {
        match self {
            Outcome::Numbers(values) => values[one] == values[other],
            Outcome::Classes(classes, _) => classes[one] == classes[other],
        }
    }
}

/// What the bins of a feature hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Cuts {
    /// Ascending; bin `b` holds what is below cut `b` and not below the one before it.
    Numbers(Vec<f64>),
    /// The category's code in each bin: codes count from 1.
    Categories(Vec<u8>),
}

impl Cuts {
    /// The last bin, [`MISSING`] aside.
    pub fn last(&self) -> usize {
        match self {
            Cuts::Numbers(cuts) => cuts.len(),
            Cuts::Categories(codes) => codes.len().saturating_sub(1),
        }
    }

    /// What goes left where bins up to `bin` do: below which number.
    pub fn threshold(&self, bin: u8) -> f64 {
        match self {
            // Beyond the last cut: all numbers, and only what is missing may go right.
            Cuts::Numbers(cuts) => cuts.get(usize::from(bin)).copied().unwrap_or(f64::INFINITY),
            Cuts::Categories(_) => f64::INFINITY,
        }
    }

    /// The codes that go left where bins up to `bin` do, as bits.
    pub fn set(&self, bin: u8) -> Vec<u8> {
        let Cuts::Categories(codes) = self else { return Vec::new() };
        let left = &codes[..=usize::from(bin).min(codes.len() - 1)];
        let most = left.iter().copied().max().map_or(0, usize::from);
        let mut bits = vec![0u8; most / 8 + 1];
        left.iter().for_each(|&code| bits[usize::from(code) / 8] |= 1 << (code % 8));
        bits
    }
}

/// The train rows as bins.
pub struct Binned {
    pub rows: usize,
    /// Feature after feature.
    bins: Vec<u8>,
    pub cuts: Vec<Cuts>,
}

impl Binned {
    /// `features` are the encoder's of `rows` rows, one feature after the other. The order of categories follows the outcomes
    /// of all rows.
    pub fn new(
        encoder: &TreeEncoder,
        features: &[f64],
        rows: usize,
        outcome: &Outcome,
        weights: Option<&[f64]>,
    ) -> Self {
        let categorical = encoder.categorical();
        let mut bins = vec![0u8; features.len()];
        let columns = features.chunks_exact(rows.max(1)).zip(bins.chunks_exact_mut(rows.max(1)));
        let cuts = columns
            .enumerate()
            .map(|(feature, (values, bins))| {
                if categorical.contains(&feature) {
                    let codes = order::categories(values, outcome, weights);
                    let mut places = [MISSING; 256];
                    codes.iter().enumerate().for_each(|(bin, &code)| places[usize::from(code)] = bin as u8);
                    // NaN becomes code 0, which no category has.
                    bins.iter_mut().zip(values).for_each(|(bin, &code)| *bin = places[code as u8 as usize]);
                    Cuts::Categories(codes)
                } else {
                    let cuts = cuts(values, MOST);
                    let place = |value: f64| {
                        if value.is_nan() { MISSING } else { cuts.partition_point(|&cut| cut <= value) as u8 }
                    };
                    bins.iter_mut().zip(values).for_each(|(bin, &value)| *bin = place(value));
                    Cuts::Numbers(cuts)
                }
            })
            .collect();
        Self { rows, bins, cuts }
    }

    pub fn features(&self) -> usize {
        self.cuts.len()
    }

    /// The bins of a feature, a row each.
    pub fn column(&self, feature: usize) -> &[u8] {
        &self.bins[feature * self.rows..(feature + 1) * self.rows]
    }
}
