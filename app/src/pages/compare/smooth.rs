//! A smoothed curve.

/// Exponential moving average of values in order: each is `weight` of what came before and the rest itself, corrected for
/// the start at zero, as TensorBoard's scalar charts and Adam's moments have it. `weight` is 0 (as it is) to below 1; values
/// that are no numbers stay, and count for nothing.
pub(super) fn smoothed(values: &[f64], weight: f64) -> Vec<f64> {
    let weight = weight.clamp(0.0, 0.999);
    let (mut sum, mut seen) = (0.0, 0);
    values
        .iter()
        .map(|value| {
            if !value.is_finite() {
                return *value;
            }
            sum = weight * sum + (1.0 - weight) * value;
            seen += 1;
            sum / (1.0 - weight.powi(seen))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_weighted_mean_of_what_came() {
        // By hand for a weight of one half: 4, (2·4 + 4·2)/6 …: each value weighs twice as much as the one before.
        let curve = smoothed(&[4.0, 1.0, 7.0], 0.5);
        let expected = [4.0, (4.0 + 2.0 * 1.0) / 3.0, (4.0 + 2.0 * 1.0 + 4.0 * 7.0) / 7.0];
        assert!(curve.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{curve:?}");
    }

    #[test]
    fn a_level_curve_stays_and_no_weight_changes_nothing() {
        assert!(smoothed(&[3.0; 50], 0.9).iter().all(|value| (value - 3.0).abs() < 1e-9));
        assert_eq!(smoothed(&[1.0, 5.0, 2.0], 0.0), [1.0, 5.0, 2.0]);
        let broken = smoothed(&[1.0, f64::NAN, 1.0], 0.5);
        assert!(broken[1].is_nan() && (broken[2] - 1.0).abs() < 1e-12);
    }
}
