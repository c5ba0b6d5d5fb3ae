//! Where columns of numbers are cut into bins.

/// Rows that thresholds are chosen from, evenly spread.
const SAMPLE: usize = 200_000;

/// Thresholds between different numbers: between all of them where they are few, otherwise so that bins hold about as many
/// rows each.
pub fn cuts(values: &[f64], most: usize) -> Vec<f64> {
    let stride = values.len().div_ceil(SAMPLE).max(1);
    let mut sorted: Vec<f64> = values.iter().copied().step_by(stride).filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut different = sorted.clone();
    // Minus zero is zero: `==` says so where the order does not.
    different.dedup_by(|a, b| a == b);
    let pairs: Vec<(f64, f64)> = if different.len() <= most {
        different.windows(2).map(|pair| (pair[0], pair[1])).collect()
    } else {
        let mut pairs: Vec<(f64, f64)> = (1..most)
            .filter_map(|at| {
                let high = sorted[sorted.len() * at / most];
                let before = different.partition_point(|&value| value < high);
                Some((*different.get(before.checked_sub(1)?)?, high))
            })
            .collect();
        pairs.dedup();
        pairs
    };
    pairs.into_iter().map(|(low, high)| between(low, high)).collect()
}

/// The middle, which no rounding brings down to `low`.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle > low && middle <= high { middle } else { high }
}
