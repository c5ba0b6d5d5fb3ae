//! The target as nets and linear models learn it.

use trainyard_infer::net::Head;
use trainyard_types::Problem;

/// A regression's head: the target is learned standardised, and predicted within the train rows' range.
///
/// # Errors
/// If there is no row, or a target is not finite.
pub(crate) fn standardised(values: &[f64]) -> Result<Head, Problem> {
    if values.is_empty() {
        return Err(Problem::invalid("There is no row to train on. Choose another split, or fill in the target."));
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
