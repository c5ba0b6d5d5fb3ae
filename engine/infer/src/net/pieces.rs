//! How TabM takes a number in: as its normal score by the quantiles of the train rows, and by its place among bins.

use crate::{
    error::LoadError,
    normal_scores::{NormalScores, quantile, rising},
    tensors::TensorBag,
};

/// Bins of a number; fewer where the train rows have few values (Gorishniy, Kotelnikov and Babenko 2025 use 48).
pub const BINS: usize = 48;
/// Edges nearer together than this are one.
const NEAR_EDGES: f32 = 1e-6;

/// A number's normal scores, and the bins that a score falls into.
#[derive(Clone, Debug, PartialEq)]
pub struct Pieces {
    scores: NormalScores,
    /// The bins' edges among the scores, increasing; two or more.
    edges: Vec<f32>,
    /// One over each bin's width.
    inverse: Vec<f32>,
}

/// Where a number lies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// Normal score, within ±5.2.
    pub score: f32,
    pub bin: usize,
    /// How much of the bin lies below it; below 0 and above 1 at the ends.
    pub share: f32,
}

impl Pieces {
    /// Fits on a column's values in the train rows. Scores are as [`NormalScores::fit`] says; edges are the 1/48 quantiles of
    /// the scores.
    pub fn fit(values: &[f32]) -> Self {
        Self::with_bins(values, BINS)
    }

    /// As [`Pieces::fit`], with up to so many bins.
    pub fn with_bins(values: &[f32], bins: usize) -> Self {
        let mut sorted: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        if sorted.is_empty() {
            sorted.push(0.0);
        }
        let scores = NormalScores::fit(&sorted);
        let scored: Vec<f32> = sorted.iter().map(|value| scores.at(*value)).collect();
        let mut edges: Vec<f32> = Vec::new();
        for bin in 0..=bins {
            let edge = quantile(&scored, bin as f64 / bins as f64) as f32;
            if edges.last().is_none_or(|last| edge - last > NEAR_EDGES) {
                edges.push(edge);
            }
        }
        if edges.len() < 2 {
            edges = vec![edges[0] - 1.0, edges[0] + 1.0];
        }
        let inverse = inverse(&edges);
        Self { scores, edges, inverse }
    }

    /// # Errors
    /// The edges are no such bins.
    pub fn new(scores: NormalScores, edges: Vec<f32>) -> Result<Self, LoadError> {
        if !rising(&edges, NEAR_EDGES) {
            return Err(LoadError::part("a number's bins are not in order"));
        }
        let inverse = inverse(&edges);
        Ok(Self { scores, edges, inverse })
    }

    pub fn scores(&self) -> &NormalScores {
        &self.scores
    }
    pub fn edges(&self) -> &[f32] {
        &self.edges
    }
    /// Number of bins, 1 or more.
    pub fn bins(&self) -> usize {
        self.inverse.len()
    }

    /// Where the number lies.
    #[inline]
    pub fn place(&self, value: f32) -> Place {
        let score = self.scores.at(value);
        let bin = self.edges.partition_point(|edge| *edge <= score).clamp(1, self.bins()) - 1;
        Place { score, bin, share: (score - self.edges[bin]) * self.inverse[bin] }
    }

    /// The piecewise-linear encoding itself, [`Pieces::bins`] numbers: 1 for each bin below, the share of the number's own, 0
    /// above.
    pub fn encoding(&self, value: f32) -> Vec<f32> {
        let place = self.place(value);
        let of = |bin: usize| match bin.cmp(&place.bin) {
            std::cmp::Ordering::Less => 1.0,
            std::cmp::Ordering::Equal => place.share,
            std::cmp::Ordering::Greater => 0.0,
        };
        (0..self.bins()).map(of).collect()
    }

    /// Puts several numbers' pieces into a bag, one after the other.
    pub(super) fn store(all: &[Self], bag: &mut TensorBag) {
        NormalScores::store(all.iter().map(Self::scores), "", bag);
        let edges: Vec<f32> = all.iter().flat_map(Self::edges).copied().collect();
        bag.put("edges", &[edges.len()], edges);
        let counts = |pieces: &Self| [pieces.scores.knots().len() as u32, pieces.edges.len() as u32];
        bag.put("pieces", &[all.len(), 2], all.iter().flat_map(counts).collect());
    }

    /// Takes them out again.
    pub(super) fn restore(bag: &mut TensorBag) -> Result<Vec<Self>, LoadError> {
        let (shape, counts) = bag.take::<u32>("pieces")?;
        let wrong = || LoadError::part("the numbers' bins do not fit together");
        if shape.len() != 2 || shape[1] != 2 {
            return Err(wrong());
        }
        let scores = NormalScores::restore(counts.iter().copied().step_by(2), "", bag)?;
        let (_, edges) = bag.take::<f32>("edges")?;
        let mut edges = edges.into_iter();
        let mut all = Vec::new();
        for (scores, pair) in scores.into_iter().zip(counts.chunks_exact(2)) {
            let bounds = pair[1] as usize;
            let pieces = Self::new(scores, edges.by_ref().take(bounds).collect())?;
            if pieces.edges.len() != bounds {
                return Err(wrong());
            }
            all.push(pieces);
        }
        if edges.next().is_some() { Err(wrong()) } else { Ok(all) }
    }
}

fn inverse(edges: &[f32]) -> Vec<f32> {
    edges.windows(2).map(|pair| 1.0 / (pair[1] - pair[0])).collect()
}
