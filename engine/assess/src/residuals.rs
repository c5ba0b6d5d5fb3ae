//! Likely wrong numbers: values that lie far from what a model that did not see them expects, measured by what is usual
//! among rows with a like expectation.
//!
//! The score is the modified z-score of Iglewicz and Hoaglin ("How to Detect and Handle Outliers", ASQC 1993): distance from
//! the median in units of the median absolute deviation times 1.4826, which is the standard deviation where the distances
//! are normal. Median and deviation are those of the rows whose predictions are nearest in rank, so that rows that are hard
//! to predict are not held to the measure of easy ones. cleanlab's `CleanLearning` for regression scores the same
//! out-of-fold differences, divided by an uncertainty from repeated fits.

/// A value further away than this is suspected. Iglewicz and Hoaglin flag 3.5; differences between values and predictions
/// have longer tails than the normal distribution, which would flag hundreds of honest rows in ten thousand.
pub const FAR: f64 = 6.0;
/// The usual standard deviation by the median absolute deviation.
const BY_DEVIATION: f64 = 1.4826;
/// Rows whose predictions are alike: at least so many, and at most a fiftieth of all.
const FEWEST: usize = 100;
const BLOCKS: usize = 50;
/// A block's spread counts as this share of the whole table's at least: where nearly all rows are predicted exactly, the
/// least difference would be far.
const LEAST_SPREAD: f64 = 0.25;

/// The score of each row: negative where the value is below what is expected. 0 for all where there is no spread.
///
/// # Panics
/// If the lengths differ.
pub fn scores(values: &[f64], predictions: &[f64]) -> Vec<f64> {
    assert_eq!(values.len(), predictions.len());
    let residuals: Vec<f64> = values.iter().zip(predictions).map(|(value, expected)| value - expected).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| predictions[*a].total_cmp(&predictions[*b]).then(a.cmp(b)));
    let of = |rows: &[usize]| spread(rows.iter().map(|row| residuals[*row]).collect());
    let (_, overall) = of(&order);
    let mut scores = vec![0.0; values.len()];
    let blocks = (values.len() / FEWEST).clamp(1, BLOCKS);
    for block in 0..blocks {
        let rows = &order[block * order.len() / blocks..(block + 1) * order.len() / blocks];
        let (middle, own) = of(rows);
        let spread = own.max(overall * LEAST_SPREAD);
        for row in rows.iter().filter(|_| spread > 0.0) {
            scores[*row] = (residuals[*row] - middle) / spread;
        }
    }
    scores
}

/// Median, and the scaled median absolute deviation from it; where more than half are alike, the mean deviation instead
/// (times 1.2533, as Iglewicz and Hoaglin).
fn spread(mut values: Vec<f64>) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let middle = median(&mut values);
    values.iter_mut().for_each(|value| *value = (*value - middle).abs());
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    match median(&mut values) {
        0.0 => (middle, mean * 1.2533),
        deviation => (middle, deviation * BY_DEVIATION),
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    // scipy 1.17.1: the median of these ten numbers is 2.55, stats.median_abs_deviation(x) * 1.4826 is 0.81543.
    #[test]
    fn a_single_block_gives_the_modified_z_score() {
        let values = [2.0, 3.1, 1.2, 2.8, 3.4, 2.3, 9.9, 1.9, 2.9, 2.1];
        let found = scores(&values, &[0.0; 10]);
        let deviation = spread(values.to_vec());
        assert!((deviation.0 - 2.55).abs() < 1e-12 && (deviation.1 - 0.81543).abs() < 1e-9, "{deviation:?}");
        assert!((found[6] - (9.9 - 2.55) / 0.81543).abs() < 1e-9);
    }

    #[test]
    fn rows_are_measured_by_their_like() {
        // The upper half is ten times as hard to predict: 8 is far in the lower half only.
        let wave = |row: usize| ((row * 7919) % 101) as f64 / 50.0 - 1.0;
        let predictions: Vec<f64> = (0..2_000).map(|row| row as f64).collect();
        let mut values: Vec<f64> =
            (0..2_000).map(|row| row as f64 + wave(row) * if row < 1_000 { 1.0 } else { 10.0 }).collect();
        values[500] += 8.0;
        values[1_500] += 8.0;
        let found = scores(&values, &predictions);
        assert!(found[500] > FAR && found[1_500] < FAR, "{} {}", found[500], found[1_500]);
        assert_eq!(found.iter().filter(|score| score.abs() > FAR).count(), 1);
        assert!(scores(&[1.0; 50], &[1.0; 50]).iter().all(|score| *score == 0.0));
        assert!(scores(&[], &[]).is_empty());
    }
}
