//! Numbers as normal scores by the quantiles of the train rows, so that neither skew nor values far out count.

use crate::{error::LoadError, math::normal_quantile, tensors::TensorBag};
use std::vec::IntoIter;

/// Train rows for each quantile, and the least and the most of them.
const ROWS_PER_QUANTILE: usize = 30;
const QUANTILES: (usize, usize) = (10, 1_000);
/// Shares nearer to 0 and 1 than this are held: the scores lie within ±5.2.
const LEAST_SHARE: f64 = 1e-7;
/// Where the outermost stretch of the transform, which is no line, is divided.
const TAIL: [f64; 4] = [1.0 / 64.0, 1.0 / 16.0, 0.25, 0.5];
/// Knots nearer together than this are one.
const NEAR: f32 = 1e-9;

/// A line through knots, level outside.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalScores {
    /// Increasing; two or more.
    knots: Vec<f32>,
    /// The score at each knot; none is below the one before.
    scores: Vec<f32>,
    /// The line's slope from each knot to the next.
    slopes: Vec<f32>,
}

impl NormalScores {
    /// Numbers farther out than this are to be held there before they are fitted on or scored.
    pub const FARTHEST: f64 = 1e8;

    /// Fits on a column's values in the train rows: finite, sorted, one or more. Scores follow scikit-learn's
    /// `QuantileTransformer(output_distribution="normal")` with one quantile for each 30 rows, 10 to 1,000; equal quantiles get
    /// their middle, and between quantiles the score itself is a line.
    ///
    /// # Panics
    /// If there is no value.
    pub fn fit(sorted: &[f32]) -> Self {
        let count = (sorted.len() / ROWS_PER_QUANTILE).clamp(QUANTILES.0, QUANTILES.1).min(sorted.len()).max(2);
        let mut shares = middles(sorted, count);
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
        Self { knots, scores, slopes }
    }

    /// # Errors
    /// The numbers are no such line.
    pub fn new(knots: Vec<f32>, scores: Vec<f32>) -> Result<Self, LoadError> {
        let sorted = scores.windows(2).all(|pair| pair[0] <= pair[1]);
        if !rising(&knots, NEAR) || scores.len() != knots.len() || !sorted || !scores.iter().all(held) {
            return Err(LoadError::part("a number's quantiles are not in order"));
        }
        let slopes = slopes(&knots, &scores);
        Ok(Self { knots, scores, slopes })
    }

    pub fn knots(&self) -> &[f32] {
        &self.knots
    }
    /// The score at each knot.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// The number's score, within ±5.2 as fitted.
    #[inline]
    pub fn at(&self, value: f32) -> f32 {
        let value = value.clamp(self.knots[0], self.knots[self.knots.len() - 1]);
        let at = self.knots.partition_point(|knot| *knot <= value).clamp(1, self.slopes.len()) - 1;
        self.scores[at] + (value - self.knots[at]) * self.slopes[at]
    }

    /// Puts several numbers' knots and scores into a bag, one number's after the other; the arrays' names begin with `prefix`.
    pub(crate) fn store<'a>(all: impl Iterator<Item = &'a Self>, prefix: &str, bag: &mut TensorBag) {
        let (mut knots, mut scores) = (Vec::new(), Vec::new());
        for own in all {
            knots.extend_from_slice(&own.knots);
            scores.extend_from_slice(&own.scores);
        }
        bag.put(&format!("{prefix}knots"), &[knots.len()], knots);
        bag.put(&format!("{prefix}scores"), &[scores.len()], scores);
    }

    /// Takes them out again. `counts`: knots of each number.
    pub(crate) fn restore(
        counts: impl Iterator<Item = u32>,
        prefix: &str,
        bag: &mut TensorBag,
    ) -> Result<Vec<Self>, LoadError> {
        let (_, knots) = bag.take::<f32>(&format!("{prefix}knots"))?;
        let (_, scores) = bag.take::<f32>(&format!("{prefix}scores"))?;
        let (mut knots, mut scores) = (knots.into_iter(), scores.into_iter());
        let wrong = || LoadError::part("the numbers' quantiles do not fit together");
        let mut all = Vec::new();
        for count in counts {
            let count = count as usize;
            let part = |list: &mut IntoIter<f32>| list.by_ref().take(count).collect::<Vec<f32>>();
            let own = Self::new(part(&mut knots), part(&mut scores))?;
            if own.knots.len() != count {
                return Err(wrong());
            }
            all.push(own);
        }
        if knots.len() + scores.len() > 0 { Err(wrong()) } else { Ok(all) }
    }
}

/// Whether there are two numbers or more, each above the one before by more than `least`, and all of them are held.
pub(crate) fn rising(list: &[f32], least: f32) -> bool {
    list.len() > 1 && list.windows(2).all(|pair| pair[1] - pair[0] > least) && list.iter().all(held)
}

/// No number whose differences and slopes overflow.
fn held(value: &f32) -> bool {
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
pub(crate) fn quantile(sorted: &[f32], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let [low, high] = [at.floor(), at.ceil()].map(|at| f64::from(sorted[at as usize]));
    low + (high - low) * at.fract()
}

fn slopes(knots: &[f32], scores: &[f32]) -> Vec<f32> {
    knots.windows(2).zip(scores.windows(2)).map(|(x, y)| (y[1] - y[0]) / (x[1] - x[0])).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn skewed_numbers_score_as_scikit_learn_says() {
        // Log-normal numbers, of which four lie a million away. scikit-learn 1.9.1:
        // z = [statistics.NormalDist().inv_cdf((i + 0.5) / 1200) for i in range(1200)]; x = np.exp(2 * np.array(z))
        // x[7::300] = 1e6
        // QuantileTransformer(output_distribution="normal", n_quantiles=40, subsample=10**9).fit(x[:, None]).transform(...)
        let number = |i: u32| match i % 300 {
            7 => 1e6,
            _ => (2.0 * normal_quantile((f64::from(i) + 0.5) / 1200.0)).exp() as f32,
        };
        let mut values: Vec<f32> = (0..1200).map(number).collect();
        values.sort_unstable_by(f32::total_cmp);
        let scores = NormalScores::fit(&values);
        for (value, expected) in [
            (-1.0, -5.1993),
            (0.01, -2.2803),
            (0.05, -1.5095),
            (0.2, -0.8091),
            (0.5, -0.3518),
            (1.0, -0.0061),
            (2.0, 0.3391),
            (5.0, 0.7916),
            (10.0, 1.1364),
            (20.0, 1.4625),
            (40.0, 1.7551),
            // Within the last of 40 quantiles the score is a line in five pieces.
            (1e5, 1.994),
            (5e5, 2.2316),
            (1e6, 5.1993),
            (1e9, 5.1993),
        ] {
            let found = scores.at(value);
            assert!((found - expected).abs() < 0.03, "{value}: {found} is not {expected}");
        }
    }

    #[test]
    fn a_line_is_refused_that_is_none() {
        let line = NormalScores::new(vec![0.0, 1.0, 3.0], vec![-1.0, 0.0, 1.0]).unwrap();
        assert_eq!([-9.0, 0.0, 0.5, 1.0, 2.0, 9.0].map(|value| line.at(value)), [-1.0, -1.0, -0.5, 0.0, 0.5, 1.0]);
        for (knots, scores) in [
            (vec![0.0, 0.0], vec![0.0, 1.0]),
            (vec![1.0, 0.0], vec![0.0, 1.0]),
            (vec![0.0, 1.0], vec![1.0, 0.0]),
            (vec![0.0, 1.0], vec![0.0]),
            (vec![0.0, 1.0], vec![0.0, f32::NAN]),
            (vec![f32::NAN, 1.0], vec![0.0, 1.0]),
            (vec![0.0, f32::INFINITY], vec![0.0, 1.0]),
            (vec![0.0, 1.0], vec![0.0, 1e9]),
            (vec![0.0], vec![0.0]),
            (Vec::new(), Vec::new()),
        ] {
            assert!(NormalScores::new(knots.clone(), scores.clone()).is_err(), "{knots:?}, {scores:?}");
        }
    }

    #[test]
    fn several_are_stored_one_after_the_other() {
        let line = |knots: &[f32], scores: &[f32]| NormalScores::new(knots.to_vec(), scores.to_vec()).unwrap();
        let all = [line(&[0.0, 1.0], &[-1.0, 1.0]), line(&[-2.0, 0.5, 4.0], &[-1.0, -0.5, 3.0])];
        let mut bag = TensorBag::default();
        NormalScores::store(all.iter(), "own.", &mut bag);
        let restore = |counts: &[u32]| NormalScores::restore(counts.iter().copied(), "own.", &mut bag.clone());
        assert_eq!(restore(&[2, 3]).unwrap(), all);
        let hostile: [&[u32]; 7] = [&[2, 2], &[2, 4], &[2], &[2, 3, 1], &[2, 3, 0], &[5], &[u32::MAX, 2]];
        for counts in hostile {
            assert!(restore(counts).is_err(), "{counts:?}");
        }
    }
}
