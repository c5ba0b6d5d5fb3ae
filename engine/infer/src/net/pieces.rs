//! How TabM takes a number in: as its normal score by the quantiles of the train rows, and by its place among bins.

use crate::{error::LoadError, math::normal_quantile, tensors::TensorBag};

/// Bins of a number; fewer where the train rows have few values (Gorishniy, Kotelnikov and Babenko 2025 use 48).
pub const BINS: usize = 48;
/// Train rows for each quantile, and the least and the most of them.
const ROWS_PER_QUANTILE: usize = 30;
const QUANTILES: (usize, usize) = (10, 1_000);
/// Shares nearer to 0 and 1 than this are held: the scores lie within ±5.2.
const LEAST_SHARE: f64 = 1e-7;
/// Where the outermost stretch of the transform, which is no line, is divided.
const TAIL: [f64; 4] = [1.0 / 64.0, 1.0 / 16.0, 0.25, 0.5];
/// Knots nearer together than this are one.
const NEAR: f32 = 1e-9;
/// So are edges.
const NEAR_EDGES: f32 = 1e-6;

/// The score's line through knots, and the bins that the score falls into.
#[derive(Clone, Debug, PartialEq)]
pub struct Pieces {
    /// Increasing; two or more.
    knots: Vec<f32>,
    /// The score at each knot.
    scores: Vec<f32>,
    /// The line's slope from each knot to the next.
    slopes: Vec<f32>,
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
    /// Fits on a column's values in the train rows. Scores follow scikit-learn's `QuantileTransformer(output_distribution =
    /// "normal")` with one quantile for each 30 rows, 10 to 1,000; equal quantiles get their middle, and between quantiles the
    /// score itself is a line. Edges are the 1/48 quantiles of the scores.
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
        let count = (sorted.len() / ROWS_PER_QUANTILE).clamp(QUANTILES.0, QUANTILES.1).min(sorted.len()).max(2);
        let mut shares = middles(&sorted, count);
        if let [only] = shares[..] {
            shares.push((only.0 + 1.0, only.1));
        }
        divide_tails(&mut shares);
        let (mut knots, mut scores): (Vec<f32>, Vec<f32>) = (Vec::new(), Vec::new());
        for (knot, share) in shares {
            let knot = knot as f32;
            if knots.last().is_none_or(|last| knot - last > NEAR) {
                knots.push(knot);
                scores.push(normal_quantile(share.clamp(LEAST_SHARE, 1.0 - LEAST_SHARE)) as f32);
            }
        }
        if knots.len() < 2 {
            knots.push(knots[0] + 1.0);
            scores.push(scores[0]);
        }
        let slopes = slopes(&knots, &scores);
        let score = |value: &f32| line(&knots, &scores, &slopes, *value);
        let scored: Vec<f32> = sorted.iter().map(score).collect();
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
        Self { knots, scores, slopes, edges, inverse }
    }

    /// # Errors
    /// The numbers are no such pieces.
    pub fn new(knots: Vec<f32>, scores: Vec<f32>, edges: Vec<f32>) -> Result<Self, LoadError> {
        let rising = |list: &[f32], least: f32| list.len() > 1 && list.windows(2).all(|pair| pair[1] - pair[0] > least);
        let all = knots.iter().chain(&scores).chain(&edges);
        if !rising(&knots, NEAR)
            || !rising(&edges, NEAR_EDGES)
            || scores.len() != knots.len()
            || !all.copied().all(held)
        {
            return Err(LoadError::part("a number's bins are not in order"));
        }
        let (slopes, inverse) = (slopes(&knots, &scores), inverse(&edges));
        Ok(Self { knots, scores, slopes, edges, inverse })
    }

    pub fn knots(&self) -> &[f32] {
        &self.knots
    }
    pub fn scores(&self) -> &[f32] {
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
        let score = line(&self.knots, &self.scores, &self.slopes, value);
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
        let flat = |of: &dyn Fn(&Self) -> &[f32]| all.iter().flat_map(of).copied().collect::<Vec<f32>>();
        for (name, values) in
            [("knots", flat(&Self::knots)), ("scores", flat(&Self::scores)), ("edges", flat(&Self::edges))]
        {
            bag.put(name, &[values.len()], values);
        }
        let counts = all.iter().flat_map(|pieces| [pieces.knots.len() as u32, pieces.edges.len() as u32]).collect();
        bag.put("pieces", &[all.len(), 2], counts);
    }

    /// Takes them out again.
    pub(super) fn restore(bag: &mut TensorBag) -> Result<Vec<Self>, LoadError> {
        let (shape, counts) = bag.take::<u32>("pieces")?;
        let [(_, knots), (_, scores), (_, edges)] =
            [bag.take::<f32>("knots")?, bag.take::<f32>("scores")?, bag.take::<f32>("edges")?];
        let wrong = || LoadError::part("the numbers' bins do not fit together");
        if shape.len() != 2 || shape[1] != 2 {
            return Err(wrong());
        }
        let (mut knots, mut scores, mut edges) = (knots.into_iter(), scores.into_iter(), edges.into_iter());
        let mut all = Vec::new();
        for pair in counts.chunks_exact(2) {
            let [many, bounds] = [pair[0] as usize, pair[1] as usize];
            let part = |list: &mut std::vec::IntoIter<f32>, count| list.by_ref().take(count).collect::<Vec<f32>>();
            let pieces = Self::new(part(&mut knots, many), part(&mut scores, many), part(&mut edges, bounds))?;
            if pieces.knots.len() != many || pieces.edges.len() != bounds {
                return Err(wrong());
            }
            all.push(pieces);
        }
        if knots.len() + scores.len() + edges.len() > 0 {
            return Err(wrong());
        }
        Ok(all)
    }
}

/// No number whose differences and slopes overflow.
fn held(value: f32) -> bool {
    value.abs() < 1e9
}

/// `count` quantiles with their shares of the rows, equal ones as one with the middle of their shares.
fn middles(sorted: &[f32], count: usize) -> Vec<(f64, f64)> {
    let mut found: Vec<(f64, f64, f64)> = Vec::new();
    for index in 0..count {
        let share = index as f64 / (count - 1) as f64;
        let value = quantile(sorted, share);
        match found.last_mut() {
            Some((last, _, to)) if *last == value => *to = share,
            _ => found.push((value, share, share)),
        }
    }
    found.into_iter().map(|(value, from, to)| (value, (from + to) / 2.0)).collect()
}

/// Divides the first and the last stretch where they reach the ends, so that their scores bend as the normal quantile does.
fn divide_tails(shares: &mut Vec<(f64, f64)>) {
    let between = |a: (f64, f64), b: (f64, f64), t: f64| (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
    if let [.., before, last] = shares[..]
        && last.1 >= 1.0
    {
        let at = shares.len() - 1;
        drop(shares.splice(at..at, TAIL.iter().rev().map(|t| between(last, before, *t))));
    }
    if let [first, next, ..] = shares[..]
        && first.1 <= 0.0
    {
        drop(shares.splice(1..1, TAIL.iter().map(|t| between(first, next, *t))));
    }
}

/// The quantile of sorted values, with linear interpolation (numpy's default).
fn quantile(sorted: &[f32], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let [low, high] = [at.floor(), at.ceil()].map(|at| f64::from(sorted[at as usize]));
    low + (high - low) * at.fract()
}

fn slopes(knots: &[f32], scores: &[f32]) -> Vec<f32> {
    knots.windows(2).zip(scores.windows(2)).map(|(x, y)| (y[1] - y[0]) / (x[1] - x[0])).collect()
}

fn inverse(edges: &[f32]) -> Vec<f32> {
    edges.windows(2).map(|pair| 1.0 / (pair[1] - pair[0])).collect()
}

/// The line through the knots; level outside.
#[inline]
fn line(knots: &[f32], scores: &[f32], slopes: &[f32], value: f32) -> f32 {
    let value = value.clamp(knots[0], knots[knots.len() - 1]);
    let at = knots.partition_point(|knot| *knot <= value).clamp(1, slopes.len()) - 1;
    scores[at] + (value - knots[at]) * slopes[at]
}
