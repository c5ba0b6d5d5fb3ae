//! The history of a run's metrics as the page holds it: stored curves, with what the stream adds.

use std::collections::BTreeSet;
use trainyard_types::run::{MetricPoint, MetricSeries};

/// More points than this in one curve are thinned: a screen has no more pixels.
const MOST_POINTS: usize = 3_000;

/// Adds points to the curves. A point at or before a curve's last step is one that the page has already (streams send
/// again after they were cut), and is left out.
pub fn append(series: &mut Vec<MetricSeries>, points: &[MetricPoint]) {
    for point in points {
        let index = match series.iter().position(|s| s.key == point.key && s.part == point.part) {
            Some(index) => index,
            None => {
                series.push(MetricSeries {
                    key: point.key.clone(),
                    part: point.part.clone(),
                    steps: Vec::new(),
                    values: Vec::new(),
                });
                series.len() - 1
            }
        };
        let curve = &mut series[index];
        if curve.steps.last().is_some_and(|last| *last >= point.step) {
            continue;
        }
        curve.steps.push(point.step);
        curve.values.push(point.value);
        if curve.steps.len() > MOST_POINTS {
            thin(curve);
        }
    }
}

/// Leaves out every second point, but for the last.
fn thin(curve: &mut MetricSeries) {
    let last = curve.steps.len() - 1;
    let kept = |i: usize| i.is_multiple_of(2) || i == last;
    curve.steps = curve.steps.iter().enumerate().filter(|(i, _)| kept(*i)).map(|(_, s)| *s).collect();
    curve.values = curve.values.iter().enumerate().filter(|(i, _)| kept(*i)).map(|(_, v)| *v).collect();
}

/// The family of what the job's process uses.
pub const SYSTEM: &str = "system";

/// The curves of what the process uses, or all others.
pub fn of_system(series: &[MetricSeries], system: bool) -> Vec<MetricSeries> {
    series.iter().filter(|s| (split_key(&s.key).0 == SYSTEM) == system).cloned().collect()
}

/// The keys in the order in which charts stand: by family, losses first.
pub fn keys(series: &[MetricSeries]) -> Vec<String> {
    let keys: BTreeSet<&str> = series.iter().map(|s| s.key.as_str()).collect();
    let mut keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
    keys.sort_by_key(|key| {
        let (family, metric) = split_key(key);
        (family.to_owned(), !metric.contains("loss"), metric.to_owned())
    });
    keys
}

/// `realmlp/loss` is family and metric; a key without a family has an empty one.
pub fn split_key(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

/// The curves of one key, train before validation.
pub fn of_key(series: &[MetricSeries], key: &str) -> Vec<MetricSeries> {
    let mut parts: Vec<MetricSeries> = series.iter().filter(|s| s.key == key && !s.steps.is_empty()).cloned().collect();
    parts.sort_by(|a, b| a.part.cmp(&b.part));
    parts
}

/// Whether a lower value of the metric is the better one.
pub fn lower_is_better(metric: &str) -> bool {
    trainyard_types::experiments::higher_is_better(metric) == Some(false)
}

/// Step and value of a curve's best point.
pub fn best(curve: &MetricSeries) -> Option<(u64, f64)> {
    let lower = lower_is_better(split_key(&curve.key).1);
    curve
        .steps
        .iter()
        .copied()
        .zip(curve.values.iter().copied())
        .filter(|(_, v)| v.is_finite())
        .reduce(|a, b| if (lower && b.1 < a.1) || (!lower && b.1 > a.1) { b } else { a })
}

/// The curve's value at the step nearest to `step`.
pub fn nearest(curve: &MetricSeries, step: f64) -> Option<(u64, f64)> {
    let after = curve.steps.partition_point(|s| (*s as f64) < step);
    [after.checked_sub(1), Some(after)]
        .into_iter()
        .flatten()
        .filter_map(|i| Some((*curve.steps.get(i)?, *curve.values.get(i)?)))
        .min_by(|a, b| (a.0 as f64 - step).abs().total_cmp(&(b.0 as f64 - step).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(key: &str, part: &str, step: u64, value: f64) -> MetricPoint {
        MetricPoint { key: key.into(), part: part.into(), step, value }
    }

    #[test]
    fn points_sent_twice_are_taken_once() {
        let mut series = Vec::new();
        let points = [point("loss", "train", 1, 0.5), point("loss", "train", 2, 0.4)];
        append(&mut series, &points);
        append(&mut series, &points);
        append(&mut series, &[point("loss", "train", 3, 0.3), point("loss", "valid", 3, 0.6)]);
        assert_eq!(series.len(), 2);
        assert_eq!(series[0].steps, [1, 2, 3]);
    }

    #[test]
    fn a_long_curve_is_thinned_and_keeps_its_end() {
        let mut series = Vec::new();
        for step in 0..10_000 {
            append(&mut series, &[point("loss", "train", step, step as f64)]);
        }
        assert!(series[0].steps.len() <= MOST_POINTS);
        assert_eq!(series[0].steps.last(), Some(&9_999));
    }

    #[test]
    fn best_knows_the_direction_and_skips_what_is_no_number() {
        let curve = |key: &str| MetricSeries {
            key: key.into(),
            part: "valid".into(),
            steps: vec![1, 2, 3],
            values: vec![0.5, f64::NAN, 0.4],
        };
        assert_eq!(best(&curve("realmlp/loss")), Some((3, 0.4)));
        assert_eq!(best(&curve("accuracy")), Some((1, 0.5)));
        assert_eq!(nearest(&curve("loss"), 2.6), Some((3, 0.4)));
    }

    #[test]
    fn losses_stand_first_within_their_family() {
        let series: Vec<_> = ["trees/log_loss", "linear/roc_auc", "linear/loss"]
            .map(|key| MetricSeries { key: key.into(), part: "train".into(), steps: vec![], values: vec![] })
            .into();
        assert_eq!(keys(&series), ["linear/loss", "linear/roc_auc", "trees/log_loss"]);
    }
}
