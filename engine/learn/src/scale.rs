//! The target as nets and linear models learn it.

use trainyard_assess::bootstrap::quantile;
use trainyard_infer::net::Head;
use trainyard_types::Problem;

/// Rates are held above this part of the mean: a rate of 0 has no logarithm.
const LEAST_RATE: f64 = 1e-6;
/// A normal distribution's standard deviation over its median absolute deviation.
const NORMAL: f64 = 1.4826;

/// A regression's head: the target is learned standardised, and predicted within the train rows' range.
///
/// # Errors
/// If there is no row, or a target is not finite.
pub(crate) fn standardised(values: &[f64]) -> Result<Head, Problem> {
    if values.is_empty() {
        return Err(nothing());
    }
    let count = values.len() as f64;
    let mean = values.iter().map(|v| v / count).sum::<f64>();
    let deviation = values.iter().map(|v| (v - mean).powi(2) / count).sum::<f64>().sqrt();
    if !mean.is_finite() || !deviation.is_finite() {
        return Err(Problem::invalid(
            "The target holds values that are infinite or too large to compute with. Remove or rescale them.",
        ));
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Ok(Head::Value { mean, scale: if deviation > 0.0 { deviation } else { 1.0 }, low, high })
}

/// The head of counts and rates: the target is learned as a part of its mean, and predicted within a millionth of the mean and
/// the train rows' greatest.
///
/// # Errors
/// If there is no row, a target is below 0 or not finite, or all are 0.
pub(crate) fn rated(values: &[f64]) -> Result<Head, Problem> {
    if values.is_empty() {
        return Err(nothing());
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    trainyard_types::loss::Loss::Poisson.check_least(least)?;
    let mean = values.iter().map(|v| v / values.len() as f64).sum::<f64>();
    if !mean.is_finite() || mean <= 0.0 {
        return Err(Problem::field(
            "loss",
            "Poisson's deviance needs finite targets of which some are above 0. Choose another loss, or other rows.",
        ));
    }
    let high = values.iter().copied().fold(0.0, f64::max);
    Ok(Head::Rate { mean, low: mean * LEAST_RATE, high })
}

/// The standard deviation as told by the median absolute deviation, which wild rows do not move; where half of the values are the
/// same, the plain one. Above 0.
pub(crate) fn spread(values: &[f64]) -> f64 {
    let centre = level(values, 0.5);
    let robust = NORMAL * level(&values.iter().map(|v| (v - centre).abs()).collect::<Vec<f64>>(), 0.5);
    if robust > 0.0 {
        return robust;
    }
    let plain = (values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / values.len().max(1) as f64).sqrt();
    if plain > 0.0 { plain } else { 1.0 }
}

/// The mean distance from the median. Above 0.
pub(crate) fn mean_distance(values: &[f64]) -> f64 {
    let centre = level(values, 0.5);
    let mean = values.iter().map(|v| (v - centre).abs()).sum::<f64>() / values.len().max(1) as f64;
    if mean > 0.0 && mean.is_finite() { mean } else { 1.0 }
}

/// A quantile as NumPy's default has it; 0 without values.
pub(crate) fn level(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile(&sorted, share).unwrap_or(0.0)
}

fn nothing() -> Problem {
    Problem::invalid("There is no row to train on. Choose another split, or fill in the target.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn wild_values_do_not_move_the_spread() {
        // scipy.stats.median_abs_deviation(range(9), scale=1/1.4826) is 2·1.4826.
        let mut values: Vec<f64> = (0..9).map(f64::from).collect();
        assert!((spread(&values) - 2.0 * NORMAL).abs() < 1e-12);
        values[8] = 1e9;
        assert!((spread(&values) - 2.0 * NORMAL).abs() < 1e-12);
        assert!(spread(&[0.0, 0.0, 0.0, 8.0]) == 4.0 && spread(&[1.0, 1.0]) == 1.0);
        assert_eq!((mean_distance(&[0.0, 1.0, 5.0]), mean_distance(&[2.0])), (5.0 / 3.0, 1.0));
    }

    #[test]
    fn rates_are_parts_of_the_mean() {
        assert_eq!(rated(&[0.0, 1.0, 5.0]).unwrap(), Head::Rate { mean: 2.0, low: 2e-6, high: 5.0 });
        for wrong in [&[-1.0, 2.0][..], &[0.0, 0.0], &[], &[f64::INFINITY]] {
            assert!(rated(wrong).is_err(), "{wrong:?}");
        }
    }
}
