//! Curves and tables behind the charts of a test set.

use crate::bootstrap::quantile;
use trainyard_infer::{Predictions, Target, decision::called};

/// Points that a curve keeps; between them it is straight enough.
const MAX_POINTS: usize = 400;

/// One threshold of a ROC or precision-recall curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    pub x: f64,
    pub y: f64,
    /// Rows of this probability and above count as positive; infinite at the start of a ROC curve.
    pub threshold: f64,
}

/// False positive rate (x) against true positive rate (y), from (0, 0) to (1, 1), for the second of two classes.
/// Empty where a class has no rows.
pub fn roc(target: &Target, predictions: &Predictions) -> Vec<CurvePoint> {
    let steps = steps(target, predictions);
    let Some(&(_, positives, negatives)) = steps.last().filter(|(_, above, below)| *above > 0.0 && *below > 0.0) else {
        return Vec::new();
    };
    let start = CurvePoint { x: 0.0, y: 0.0, threshold: f64::INFINITY };
    let rest = steps.iter().map(|&(threshold, above, below)| CurvePoint {
        x: below / negatives,
        y: above / positives,
        threshold,
    });
    thin(std::iter::once(start).chain(rest).collect())
}

/// Recall (x) against precision (y), from the highest threshold down, for the second of two classes. Empty where it has no
/// rows.
pub fn precision_recall(target: &Target, predictions: &Predictions) -> Vec<CurvePoint> {
    let steps = steps(target, predictions);
    let Some(&(_, positives, _)) = steps.last().filter(|(_, above, _)| *above > 0.0) else {
        return Vec::new();
    };
    thin(
        steps
            .iter()
            .map(|&(threshold, above, below)| CurvePoint {
                x: above / positives,
                y: above / (above + below),
                threshold,
            })
            .collect(),
    )
}

/// Each distinct probability, descending, with the positives and negatives at or above it.
fn steps(target: &Target, predictions: &Predictions) -> Vec<(f64, f64, f64)> {
    let (truth, scores) = binary(target, predictions);
    let mut rows: Vec<(f32, bool)> = scores.into_iter().zip(truth).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut above, mut below) = (0.0, 0.0);
    let mut steps: Vec<(f64, f64, f64)> = Vec::new();
    for (score, positive) in rows {
        *(if positive { &mut above } else { &mut below }) += 1.0;
        let step = (f64::from(score), above, below);
        match steps.last_mut().filter(|last| last.0 == step.0) {
            Some(last) => *last = step,
            None => steps.push(step),
        }
    }
    steps
}

/// Whether each row is of class 1, and that class's probability. Empty for anything but two classes.
fn binary(target: &Target, predictions: &Predictions) -> (Vec<bool>, Vec<f32>) {
    match (target, predictions) {
        (Target::Classes(truth), Predictions::Probabilities { classes: 2, values }) => {
            (truth.iter().map(|&class| class == 1).collect(), values.chunks_exact(2).map(|row| row[1]).collect())
        }
        _ => (Vec::new(), Vec::new()),
    }
}

/// Leaves out points that lie on the line between their neighbours, then keeps evenly spread ones.
fn thin(points: Vec<CurvePoint>) -> Vec<CurvePoint> {
    let mut kept: Vec<CurvePoint> = Vec::with_capacity(points.len());
    for (at, point) in points.iter().enumerate() {
        let straight = match (kept.last(), points.get(at + 1)) {
            (Some(before), Some(after)) => {
                let cross = (point.x - before.x) * (after.y - before.y) - (point.y - before.y) * (after.x - before.x);
                cross.abs() < 1e-12
            }
            _ => false,
        };
        if !straight {
            kept.push(*point);
        }
    }
    if kept.len() <= MAX_POINTS {
        return kept;
    }
    let last = kept.len() - 1;
    (0..MAX_POINTS).map(|at| kept[at * last / (MAX_POINTS - 1)]).collect()
}

/// Rows of similar predicted probability, or of similar predicted value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    pub rows: u64,
    /// Mean prediction.
    pub predicted: f64,
    /// Share of positives, or the mean outcome.
    pub actual: f64,
    /// 10 % and 90 % quantiles of the outcomes (0 or 1 for classes).
    pub low: f64,
    pub high: f64,
}

/// Predicted probability of class 1 against the share of rows that are, in bins of equal row count (rows of equal
/// probability stay together, so that there may be fewer bins than asked for).
pub fn calibration(target: &Target, predictions: &Predictions, bins: usize) -> Vec<Bin> {
    let (truth, scores) = binary(target, predictions);
    binned(
        scores
            .into_iter()
            .zip(truth)
            .map(|(score, positive)| (f64::from(score), f64::from(u8::from(positive))))
            .collect(),
        bins,
    )
}

/// Predicted against actual values in bins of equal row count. Empty for classes.
pub fn predicted_vs_actual(target: &Target, predictions: &Predictions, bins: usize) -> Vec<Bin> {
    match (target, predictions) {
        (Target::Values(truth), Predictions::Values(values)) => {
            binned(values.iter().copied().zip(truth.iter().copied()).collect(), bins)
        }
        _ => Vec::new(),
    }
}

fn binned(mut rows: Vec<(f64, f64)>, bins: usize) -> Vec<Bin> {
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut found = Vec::new();
    let mut start = 0;
    for bin in 1..=bins {
        let mut end = rows.len() * bin / bins;
        while end > start && end < rows.len() && rows[end].0 == rows[end - 1].0 {
            end += 1;
        }
        if end <= start {
            continue;
        }
        let part = &rows[start..end];
        let mut outcomes: Vec<f64> = part.iter().map(|row| row.1).collect();
        outcomes.sort_unstable_by(f64::total_cmp);
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / part.len() as f64;
        found.push(Bin {
            rows: part.len() as u64,
            predicted: mean(&mut part.iter().map(|row| row.0)),
            actual: mean(&mut outcomes.iter().copied()),
            low: quantile(&outcomes, 0.1).unwrap_or(f64::NAN),
            high: quantile(&outcomes, 0.9).unwrap_or(f64::NAN),
        });
        start = end;
    }
    found
}

/// Rows by true class (first index) and predicted class (second): the most probable one, or of two by the threshold. Empty for
/// regression.
pub fn confusion(target: &Target, predictions: &Predictions, threshold: Option<f64>) -> Vec<Vec<u64>> {
    match (target, predictions) {
        (Target::Classes(truth), Predictions::Probabilities { classes, values }) => {
            let mut counts = vec![vec![0; *classes]; *classes];
            for (&class, row) in truth.iter().zip(values.chunks_exact((*classes).max(1))) {
                counts[class as usize][called(row, threshold)] += 1;
            }
            counts
        }
        _ => Vec::new(),
    }
}

/// How errors (actual minus predicted) are spread.
#[derive(Clone, Debug, PartialEq)]
pub struct Residuals {
    pub mean: f64,
    /// Sample standard deviation (n - 1).
    pub std: f64,
    /// 5, 25, 50, 75 and 95 % quantiles.
    pub quantiles: [f64; 5],
    /// Equal-width bins from the 0.5 % to the 99.5 % quantile; the few rows beyond are in the outer bins.
    pub low: f64,
    pub high: f64,
    pub histogram: Vec<u64>,
}

/// The residuals of a regression; `None` for classes and without rows.
pub fn residuals(target: &Target, predictions: &Predictions, bins: usize) -> Option<Residuals> {
    let (Target::Values(truth), Predictions::Values(values)) = (target, predictions) else { return None };
    let mut errors: Vec<f64> = truth.iter().zip(values).map(|(truth, value)| truth - value).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let count = errors.len() as f64;
    let mean = errors.iter().sum::<f64>() / count;
    let (low, high) = (quantile(&errors, 0.005)?, quantile(&errors, 0.995)?);
    let mut histogram = vec![0; bins.max(1)];
    let last = histogram.len() - 1;
    for error in &errors {
        let share = if high > low { (error - low) / (high - low) } else { 0.0 };
        histogram[((share * bins as f64).max(0.0) as usize).min(last)] += 1;
    }
    let mut quantiles = [0.0; 5];
    for (place, share) in quantiles.iter_mut().zip([0.05, 0.25, 0.5, 0.75, 0.95]) {
        *place = quantile(&errors, share)?;
    }
    let spread = errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>();
    Some(Residuals { mean, std: (spread / (count - 1.0).max(1.0)).sqrt(), quantiles, low, high, histogram })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sample() -> (Target, Predictions) {
        let scores = [0.1f32, 0.4, 0.35, 0.8, 0.35];
        let values = scores.iter().flat_map(|&p| [1.0 - p, p]).collect();
        (Target::Classes(vec![0, 0, 1, 1, 1]), Predictions::Probabilities { classes: 2, values })
    }

    #[test]
    fn curves_match_scikit_learn() {
        let (target, predictions) = sample();
        // scikit-learn ROC: roc_curve([0, 0, 1, 1, 1], [.1, .4, .35, .8, .35], drop_intermediate=False)
        let points: Vec<_> = roc(&target, &predictions).iter().map(|point| (point.x, point.y)).collect();
        let third = 1.0 / 3.0;
        assert_eq!(points, [(0.0, 0.0), (0.0, third), (0.5, third), (0.5, 1.0), (1.0, 1.0)]);
        // precision_recall_curve: precision [.6, .75, .5, 1, 1], recall [1, 1, 1/3, 1/3, 0]
        let points: Vec<_> = precision_recall(&target, &predictions).iter().map(|point| (point.x, point.y)).collect();
        assert_eq!(points, [(third, 1.0), (third, 0.5), (1.0, 0.75), (1.0, 0.6)]);
    }

    #[test]
    fn tables_count_every_row() {
        let (target, predictions) = sample();
        assert_eq!(confusion(&target, &predictions, None), vec![vec![2, 0], vec![2, 1]]);
        assert_eq!(confusion(&target, &predictions, Some(f64::from(0.35f32))), vec![vec![1, 1], vec![0, 3]]);
        let bins = calibration(&target, &predictions, 10);
        assert_eq!(bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), [1, 2, 1, 1]);
        assert_eq!((bins[1].actual, bins[2].actual), (1.0, 0.0));
        let (truth, values) = (Target::Values(vec![1.0, 2.0, 3.0, 4.0]), Predictions::Values(vec![1.0, 1.0, 4.0, 4.0]));
        let spread = residuals(&truth, &values, 4).unwrap();
        assert_eq!((spread.mean, spread.histogram.iter().sum::<u64>()), (0.0, 4));
        assert_eq!(
            predicted_vs_actual(&truth, &values, 2).iter().map(|bin| bin.actual).collect::<Vec<_>>(),
            [1.5, 3.5]
        );
    }
}
