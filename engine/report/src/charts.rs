//! Every chart of a run, from its predictions on the test rows and its verdict.

use crate::{
    classification::{self, ClassCurve, thin},
    confusion, findings, regression, threshold,
    words::{number, quoted},
};
use trainyard_assess::{
    curves::{self, Bin, CurvePoint},
    metrics::{self, higher_is_better},
};
use trainyard_infer::{Predictions, Target, rows::top};
use trainyard_types::{
    decision::{CalibrationChoice, DecisionReport, ThresholdRule},
    evaluation::{Chart, Importance, Metrics, Verdict},
    run::{Family, Task},
};

/// Curves of at most this many classes are drawn: as many as there are colours.
const CURVES: usize = 8;
const CALIBRATION_BINS: usize = 10;
const REGRESSION_BINS: usize = 20;
/// Points of a drawn curve.
const POINTS: usize = 200;

/// What there is to draw.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    pub task: Task,
    /// Labels in the order of the probabilities; of two, the second is the true case. Empty for regression.
    pub classes: &'a [String],
    pub target_name: &'a str,
    /// The test rows' outcomes and what the model said, row by row.
    pub target: &'a Target,
    pub predictions: &'a Predictions,
    /// What it said before calibration; the same where there was none.
    pub uncalibrated: &'a Predictions,
    pub decision: &'a DecisionReport,
    /// The model's scores on the test rows.
    pub metrics: &'a Metrics,
    pub importance: &'a [Importance],
    pub verdict: &'a Verdict,
    /// What the fits of the verdict's learning curve are of.
    pub curve_family: Family,
}

/// The charts in the order in which a page shows them. A chart whose numbers do not exist (one class only among the test
/// rows, say) is left out.
pub fn charts(evidence: &Evidence<'_>) -> Vec<Chart> {
    let mut charts = match (evidence.target, evidence.predictions) {
        (Target::Classes(actual), Predictions::Probabilities { classes, values }) => {
            classified(evidence, actual, *classes, values)
        }
        (Target::Values(actual), Predictions::Values(predicted)) => regressed(evidence, actual, predicted),
        _ => Vec::new(),
    };
    let primary = evidence.verdict.metric.as_str();
    if !evidence.importance.is_empty() {
        charts.push(findings::importance(evidence.importance, primary, higher_is_better(primary)));
    }
    if evidence.verdict.learning_curve.len() > 1 {
        charts.push(findings::learning_curve(evidence.verdict, higher_is_better(primary), evidence.curve_family));
    }
    charts
}

fn classified(evidence: &Evidence<'_>, actual: &[u32], classes: usize, values: &[f32]) -> Vec<Chart> {
    let rows = actual.len() as u64;
    let mut charts = Vec::new();
    // One class against the rest.
    let against_rest = |class: usize| -> (Target, Predictions) {
        two_way(actual.iter().map(|&c| c as usize == class), values.iter().skip(class).step_by(classes.max(1)).copied())
    };
    let label = |class: usize| evidence.classes.get(class).cloned().unwrap_or_default();
    // Of two classes the second is the true case; of more, the most frequent ones against the rest.
    let mut counts = vec![0u64; classes];
    for &class in actual {
        if let Some(count) = counts.get_mut(class as usize) {
            *count += 1;
        }
    }
    let mut chosen: Vec<usize> = if classes == 2 { vec![1] } else { (0..classes).collect() };
    chosen.retain(|&class| counts[class] > 0 && counts[class] < rows);
    chosen.sort_by_key(|&class| (std::cmp::Reverse(counts[class]), class));
    chosen.truncate(CURVES);
    chosen.sort_unstable();

    let (mut ranking, mut finding) = (Vec::new(), Vec::new());
    for &class in &chosen {
        let (target, predictions) = against_rest(class);
        let scores = metrics::score(Task::Binary, &target, &predictions);
        let curve = |points: &[CurvePoint], area: &str| {
            let points: Vec<(f64, f64)> = points.iter().map(|p| (p.x, p.y)).collect();
            ClassCurve {
                label: label(class),
                points: thin(&points, POINTS),
                area: scores.get(area).copied().unwrap_or(f64::NAN),
                prevalence: counts[class] as f64 / rows.max(1) as f64,
            }
        };
        ranking.push(curve(&curves::roc(&target, &predictions), "roc_auc"));
        let mut points = curves::precision_recall(&target, &predictions);
        // Once all true cases are found, what follows adds false alarms only.
        if let Some(all_found) = points.iter().position(|p| p.x >= 1.0) {
            points.truncate(all_found + 1);
        }
        finding.push(curve(&points, "average_precision"));
    }
    if !ranking.is_empty() {
        let mean = ranking.iter().map(|c| c.area).sum::<f64>() / ranking.len() as f64;
        let headline = ["roc_auc", "roc_auc_ovr"].iter().find_map(|name| evidence.metrics.get(*name)).copied();
        charts.push(classification::roc(&ranking, headline.filter(|v| v.is_finite()).unwrap_or(mean), classes, rows));
        charts.push(classification::precision_recall(&finding, classes, rows));
    }

    let bins = reliability(actual, classes, values);
    if bins.len() > 1 {
        let of = if classes == 2 { quoted(&label(1)) } else { "the most probable class".to_owned() };
        let calibrated =
            evidence.decision.calibration.as_ref().is_some_and(|found| found.used != CalibrationChoice::None);
        let before = match evidence.uncalibrated {
            Predictions::Probabilities { values, .. } if calibrated => Some(reliability(actual, classes, values)),
            _ => None,
        };
        charts.push(classification::calibration(&bins, before.as_deref(), &of, rows));
    }

    let chosen = evidence.decision.threshold.as_ref().filter(|found| found.rule != ThresholdRule::Half);
    let at = chosen.map(|found| found.threshold);
    let rule = match at {
        Some(threshold) => format!("at a threshold of {}", number(threshold)),
        None if classes == 2 => "at a threshold of 0.5".to_owned(),
        None => "by the most probable class".to_owned(),
    };
    if let Some(found) = &evidence.decision.threshold {
        charts.push(threshold::threshold(found));
    }
    let matrix = curves::confusion(evidence.target, evidence.predictions, at);
    let labels: Vec<String> = (0..classes).map(label).collect();
    charts.push(confusion::confusion(&matrix, &labels, &rule));
    charts
}

/// Predicted against observed shares: of two classes the second's, of more the most probable one's.
fn reliability(actual: &[u32], classes: usize, values: &[f32]) -> Vec<Bin> {
    let (target, predictions) = if classes == 2 {
        two_way(actual.iter().map(|&class| class == 1), values.iter().skip(1).step_by(2).copied())
    } else {
        let called: Vec<usize> = values.chunks_exact(classes.max(1)).map(top).collect();
        let right = called.iter().zip(actual).map(|(&called, &actual)| called == actual as usize);
        two_way(right, called.iter().enumerate().map(|(row, &class)| values[row * classes + class]))
    };
    curves::calibration(&target, &predictions, CALIBRATION_BINS)
}

/// Outcomes and probabilities as those of two classes.
fn two_way(truth: impl Iterator<Item = bool>, probabilities: impl Iterator<Item = f32>) -> (Target, Predictions) {
    let values = probabilities.flat_map(|p| [1.0 - p, p]).collect();
    (Target::Classes(truth.map(u32::from).collect()), Predictions::Probabilities { classes: 2, values })
}

fn regressed(evidence: &Evidence<'_>, actual: &[f64], predicted: &[f64]) -> Vec<Chart> {
    let left_over =
        Target::Values(actual.iter().zip(predicted).map(|(actual, predicted)| actual - predicted).collect());
    let outcomes = curves::predicted_vs_actual(evidence.target, evidence.predictions, REGRESSION_BINS);
    let residuals = curves::predicted_vs_actual(&left_over, evidence.predictions, REGRESSION_BINS);
    if outcomes.is_empty() {
        return Vec::new();
    }
    let metric = |name: &str| evidence.metrics.get(name).copied().unwrap_or(f64::NAN);
    vec![
        regression::predicted_vs_actual(actual, predicted, &outcomes, metric("r2"), evidence.target_name),
        regression::residuals(&residuals, metric("median_absolute_error"), evidence.target_name, actual.len() as u64),
    ]
}

#[cfg(test)]
#[path = "charts_tests.rs"]
mod tests;
