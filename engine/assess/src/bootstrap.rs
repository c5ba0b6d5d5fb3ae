//! 95 % percentile bootstrap intervals (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13).

use crate::{metrics::higher_is_better, scorer::Scorer};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::thread;
use trainyard_infer::{Predictions, Target};
use trainyard_types::{evaluation::TestMetric, loss::Aim};

/// Rows times resamples (times passes over the rows) that one call may take: about a second or two.
const WORK: usize = 200_000_000;
/// Resamples that are made even of very many rows.
const FEWEST: usize = 200;

/// Every metric of the task and the loss with its 95 % interval, the primary one first. Each resample draws as many rows as
/// there are, with replacement; the interval is from the 2.5 % to the 97.5 % quantile (linear interpolation). Metrics that the rows
/// leave undefined are left out; so are resamples that leave one undefined.
///
/// `resamples` (usually 1,000) is cut where rows x resamples would pass 200 million, but not below 200. The same seed gives
/// the same intervals on any number of cores. A `threshold` decides between two classes.
///
/// # Panics
/// If target and predictions are of different kinds or lengths.
pub fn intervals(
    aim: impl Into<Aim>,
    target: &Target,
    predictions: &Predictions,
    resamples: usize,
    seed: u64,
    threshold: Option<f64>,
) -> Vec<TestMetric> {
    let scorer = Scorer::new(aim, target, predictions, threshold);
    if scorer.rows() == 0 {
        return Vec::new();
    }
    let values = scorer.values(&vec![1; scorer.rows()]);
    let samples = resample(&scorer, resamples, seed);
    let names = scorer.names().iter().enumerate().filter(|(at, _)| values[*at].is_finite());
    names
        .map(|(at, name)| {
            let (low, high) =
                interval(samples.iter().map(|sample| sample[at]).collect()).unwrap_or((values[at], values[at]));
            TestMetric {
                name: (*name).to_owned(),
                value: values[at],
                low,
                high,
                higher_is_better: higher_is_better(name),
            }
        })
        .collect()
}

/// The primary metric of resamples of the rows, for differences between parts that are resampled apart.
///
/// # Panics
/// As [`intervals`].
pub fn primary_samples(
    aim: impl Into<Aim>,
    target: &Target,
    predictions: &Predictions,
    resamples: usize,
    seed: u64,
) -> Vec<f64> {
    let aim = aim.into();
    let scorer = Scorer::new(aim, target, predictions, None);
    if scorer.rows() == 0 {
        return Vec::new();
    }
    let primary = scorer.names().iter().position(|name| *name == aim.primary_metric()).unwrap_or(0);
    resample(&scorer, resamples, seed).into_iter().map(|sample| sample[primary]).collect()
}

/// The 2.5 % and 97.5 % quantiles of the defined values; `None` where there are none.
pub fn interval(mut values: Vec<f64>) -> Option<(f64, f64)> {
    values.retain(|value| value.is_finite());
    values.sort_unstable_by(f64::total_cmp);
    Some((quantile(&values, 0.025)?, quantile(&values, 0.975)?))
}

/// A quantile of ascending values with linear interpolation, as NumPy's default; `None` without values.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(low + (high - low) * at.fract())
}

/// The metrics of each resample.
fn resample(scorer: &Scorer, resamples: usize, seed: u64) -> Vec<Vec<f64>> {
    let rows = scorer.rows();
    let affordable = WORK / (rows * scorer.passes()).max(1);
    let resamples = resamples.min(affordable.max(FEWEST.min(resamples)));
    let mut samples = vec![Vec::new(); resamples];
    let threads = if rows * resamples < 500_000 { 1 } else { thread::available_parallelism().map_or(1, usize::from) };
    let share = resamples.div_ceil(threads).max(1);
    thread::scope(|scope| {
        for (part, samples) in samples.chunks_mut(share).enumerate() {
            scope.spawn(move || {
                let mut counts = vec![0u32; rows];
                for (at, sample) in samples.iter_mut().enumerate() {
                    // One stream of random numbers per resample, so that the number of threads does not matter.
                    let mut rng = ChaCha8Rng::seed_from_u64(seed);
                    rng.set_stream((part * share + at) as u64);
                    draw(&mut rng, &mut counts);
                    *sample = scorer.values(&counts);
                }
            });
        }
    });
    samples
}

/// How often each row is drawn when as many rows as there are are drawn with replacement.
fn draw(rng: &mut ChaCha8Rng, counts: &mut [u32]) {
    counts.fill(0);
    let rows = counts.len() as u64;
    // Multiply and shift (Lemire 2019); two draws per number, and a bias of rows / 2^32 at most.
    let mut left = counts.len();
    while left > 0 {
        let bits = rng.next_u64();
        counts[(((bits & 0xffff_ffff) * rows) >> 32) as usize] += 1;
        left -= 1;
        if left > 0 {
            counts[(((bits >> 32) * rows) >> 32) as usize] += 1;
            left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trainyard_types::run::Task;

    #[test]
    fn quantiles_are_numpys() {
        // NumPy 2.4: np.quantile([1, 2, 4, 8], [0.025, 0.5, 0.975])
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&sorted, 0.025), Some(1.075));
        assert_eq!(quantile(&sorted, 0.5), Some(3.0));
        assert!((quantile(&sorted, 0.975).unwrap() - 7.7).abs() < 1e-12);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn accuracy_interval_is_near_the_binomial_one() {
        // 400 rows, 300 right: the normal 95 % interval of a share of .75 is .75 -+ 1.96 * sqrt(.75 * .25 / 400) = .7076 to .7924.
        let truth: Vec<u32> = (0..400).map(|row| u32::from(row % 4 == 0)).collect();
        let values = (0..400).flat_map(|_| [0.9f32, 0.1]).collect();
        let predictions = Predictions::Probabilities { classes: 2, values };
        let metrics = intervals(Task::Binary, &Target::Classes(truth), &predictions, 1000, 7, None);
        assert_eq!(metrics[0].name, "roc_auc");
        let accuracy = metrics.iter().find(|metric| metric.name == "accuracy").unwrap();
        assert!((accuracy.low - 0.7076).abs() < 0.01 && (accuracy.high - 0.7924).abs() < 0.01, "{accuracy:?}");
    }

    #[test]
    fn same_seed_same_interval() {
        let target = Target::Values((0..50).map(f64::from).collect());
        let predictions = Predictions::Values((0..50).map(|row| f64::from(row) + f64::from(row % 5)).collect());
        let run = |seed| intervals(Task::Regression, &target, &predictions, 200, seed, None);
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
