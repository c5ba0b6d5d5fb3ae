//! Every chart of a run, from its predictions on the test rows and its verdict.

use crate::{
    classification::{self, CalibrationBin, ClassCurve, thin},
    findings,
    numbers,
    regression::{self, Bin},
    words::quoted,
};
use trainyard_infer::{Predictions, Target};
use trainyard_types::{
    evaluation::{Chart, Importance, Metrics, Verdict},
    run::Task,
};

/// Curves of at most this many classes are drawn: as many as there are colours.
const CURVES: usize = 8;
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
    /// The model's scores on the test rows.
    pub metrics: &'a Metrics,
    pub importance: &'a [Importance],
    pub verdict: &'a Verdict,
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
    let higher_is_better = evidence.task != Task::Regression;
    if !evidence.importance.is_empty() {
        charts.push(findings::importance(evidence.importance, evidence.task.primary_metric(), higher_is_better));
    }
    if evidence.verdict.learning_curve.len() > 1 {
        charts.push(findings::learning_curve(evidence.verdict, higher_is_better));
    }
    charts
}

fn classified(evidence: &Evidence<'_>, actual: &[u32], classes: usize, values: &[f32]) -> Vec<Chart> {
    let rows = actual.len() as u64;
    let mut charts = Vec::new();
    let column = |class: usize| -> (Vec<bool>, Vec<f32>) {
        let truth = actual.iter().map(|&c| c as usize == class).collect();
        (truth, values.iter().skip(class).step_by(classes.max(1)).copied().collect())
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
        let (truth, scores) = column(class);
        let prevalence = counts[class] as f64 / rows.max(1) as f64;
        let (points, area) = numbers::roc(&truth, &scores);
        ranking.push(ClassCurve { label: label(class), points: thin(&points, POINTS), area, prevalence });
        let (points, area) = numbers::precision_recall(&truth, &scores);
        finding.push(ClassCurve { label: label(class), points: thin(&points, POINTS), area, prevalence });
    }
    if !ranking.is_empty() {
        let mean = ranking.iter().map(|c| c.area).sum::<f64>() / ranking.len() as f64;
        let headline = ["roc_auc", "roc_auc_ovr"].iter().find_map(|name| evidence.metrics.get(*name)).copied();
        charts.push(classification::roc(&ranking, headline.filter(|v| v.is_finite()).unwrap_or(mean), classes, rows));
        charts.push(classification::precision_recall(&finding, classes, rows));
    }

    // Of many classes it is the most probable one whose probability is checked.
    let (of, truth, scores) = if classes == 2 {
        let (truth, scores) = column(1);
        (quoted(&label(1)), truth, scores)
    } else {
        let best: Vec<usize> = (0..actual.len()).map(|row| argmax(&values[row * classes..(row + 1) * classes])).collect();
        let truth = best.iter().zip(actual).map(|(&b, &a)| b == a as usize).collect();
        let scores = best.iter().enumerate().map(|(row, &b)| values[row * classes + b]).collect();
        ("the class that was called".to_owned(), truth, scores)
    };
    let bins: Vec<CalibrationBin> = numbers::calibration(&truth, &scores);
    if bins.len() > 1 {
        charts.push(classification::calibration(&bins, &of, rows));
    }

    let rule = if classes == 2 { "at a threshold of 0.5" } else { "by the most probable class" };
    let mut matrix = vec![vec![0u64; classes]; classes];
    for (row, &class) in actual.iter().enumerate() {
        let called = argmax(&values[row * classes..(row + 1) * classes]);
        matrix[class as usize][called] += 1;
    }
    let labels: Vec<String> = (0..classes).map(label).collect();
    charts.push(classification::confusion(&matrix, &labels, rule));
    charts
}

fn argmax(row: &[f32]) -> usize {
    row.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &p)| if p > best.1 { (i, p) } else { best }).0
}

fn regressed(evidence: &Evidence<'_>, actual: &[f64], predicted: &[f64]) -> Vec<Chart> {
    let bins: Vec<Bin> = numbers::residual_bins(actual, predicted);
    if bins.is_empty() {
        return Vec::new();
    }
    let metric = |name: &str| evidence.metrics.get(name).copied().unwrap_or(f64::NAN);
    vec![
        regression::predicted_vs_actual(actual, predicted, &bins, metric("r2"), evidence.target_name),
        regression::residuals(&bins, metric("median_absolute_error"), evidence.target_name, actual.len() as u64),
    ]
}

#[cfg(test)]
#[path = "charts_tests.rs"]
mod tests;
