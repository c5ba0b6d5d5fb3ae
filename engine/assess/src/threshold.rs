//! The threshold of two classes: chosen on rows with outcomes, and what other rows say at any threshold.

use trainyard_infer::{Predictions, Target};
use trainyard_types::decision::{ThresholdPoint, ThresholdRule};

/// Thresholds 0, 0.01, … 1 that a curve has, besides the chosen one.
const POINTS: u32 = 100;

/// The threshold that the rule likes best on these rows: halfway between two neighbouring probabilities, of equals the one
/// nearest one half. `None` for [`ThresholdRule::Half`], where a class has no rows, and where the rule allows none.
///
/// # Panics
/// If target and predictions are not of two classes, or of different lengths.
pub fn choose(rule: &ThresholdRule, target: &Target, predictions: &Predictions) -> Option<f64> {
    let rows = Sorted::new(target, predictions);
    if *rule == ThresholdRule::Half || rows.hits == 0 || rows.hits == rows.scores.len() as u64 {
        return None;
    }
    let mut best: Option<(f64, f64)> = None;
    for threshold in rows.between() {
        let value = rows.at(threshold).figures(rule).value(rule);
        let better = value > f64::NEG_INFINITY
            && best.is_none_or(|(known, at)| {
                value > known + 1e-12 || (value >= known - 1e-12 && (threshold - 0.5).abs() < (at - 0.5).abs() - 1e-12)
            });
        if better {
            best = Some((value, threshold));
        }
    }
    best.map(|(_, threshold)| threshold)
}

/// What the rows are called at thresholds 0, 0.01, … 1 and at `chosen`, ascending.
///
/// # Panics
/// As [`choose`].
pub fn curve(target: &Target, predictions: &Predictions, chosen: f64) -> Vec<ThresholdPoint> {
    let rows = Sorted::new(target, predictions);
    let mut thresholds: Vec<f64> = (0..=POINTS).map(|at| f64::from(at) / f64::from(POINTS)).collect();
    thresholds.push(chosen);
    thresholds.sort_by(f64::total_cmp);
    thresholds.dedup();
    thresholds.into_iter().map(|threshold| rows.at(threshold)).collect()
}

/// Rows in ascending order of the second class's probability.
struct Sorted {
    scores: Vec<f64>,
    /// Rows of the second class among the first n.
    passed: Vec<u64>,
    hits: u64,
}

impl Sorted {
    fn new(target: &Target, predictions: &Predictions) -> Self {
        let (Target::Classes(truth), Predictions::Probabilities { classes: 2, values }) = (target, predictions) else {
            panic!("a threshold is of two classes");
        };
        assert_eq!(truth.len() * 2, values.len(), "as many outcomes as predictions");
        let mut rows: Vec<(f64, bool)> =
            values.chunks_exact(2).zip(truth).map(|(row, &class)| (f64::from(row[1]), class == 1)).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut hits = 0;
        let mut passed = vec![0];
        for (_, hit) in &rows {
            hits += u64::from(*hit);
            passed.push(hits);
        }
        Self { scores: rows.into_iter().map(|row| row.0).collect(), passed, hits }
    }

    /// Rows of this probability and above are called positive.
    fn at(&self, threshold: f64) -> ThresholdPoint {
        let below = self.scores.partition_point(|score| *score < threshold);
        let missed = self.passed[below];
        let (rows, below) = (self.scores.len() as u64, below as u64);
        ThresholdPoint {
            threshold,
            true_positives: self.hits - missed,
            false_positives: rows - below - (self.hits - missed),
            true_negatives: below - missed,
            false_negatives: missed,
        }
    }

    /// Everything that can be told apart: all positive, between neighbours, and all negative where 1 is no probability.
    fn between(&self) -> Vec<f64> {
        let mut thresholds = vec![0.0];
        thresholds
            .extend(self.scores.windows(2).filter(|pair| pair[0] < pair[1]).map(|pair| (pair[0] + pair[1]) / 2.0));
        if self.scores.last().is_some_and(|last| *last < 1.0) {
            thresholds.push(1.0);
        }
        thresholds
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rows(scores: &[f32], truth: &[u32]) -> (Target, Predictions) {
        let values = scores.iter().flat_map(|&p| [1.0 - p, p]).collect();
        (Target::Classes(truth.to_vec()), Predictions::Probabilities { classes: 2, values })
    }

    fn example() -> (Target, Predictions) {
        rows(&[0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.6, 0.7, 0.8, 0.9], &[0, 0, 0, 1, 0, 1, 0, 1, 1, 1])
    }

    /// By hand: of the ten rows five are positive. Sorted, they are n n n p n p n p p p.
    #[test]
    fn thresholds_by_hand() {
        let (target, predictions) = example();
        let chosen = |rule| choose(&rule, &target, &predictions).map(|threshold| (threshold * 1000.0).round() / 1000.0);
        // From .3 on all five are found among 7 called: F1 10/12 = .833; from .4 on 4 of 5 called: .8; from .7 on 3 of 3: .75.
        assert_eq!(chosen(ThresholdRule::F1), Some(0.25));
        // Youden: from .3 on 1 − 2/5 = .6; from .4 on 4/5 − 1/5 = .6; from .7 on 3/5. Nearest to one half is (.35 + .4)/2
        // = .375 against .65: .125 against .15.
        assert_eq!(chosen(ThresholdRule::Youden), Some(0.375));
        assert_eq!(chosen(ThresholdRule::BalancedAccuracy), Some(0.375));
        // Nothing wrong among alarms from .7 on; most of the positives where 80 % of alarms are right: from .4 on.
        assert_eq!(chosen(ThresholdRule::PrecisionAtRecall { recall: 0.6 }), Some(0.65));
        assert_eq!(chosen(ThresholdRule::RecallAtPrecision { precision: 0.8 }), Some(0.375));
        // A miss costs ten false alarms: all five have to be found. A false alarm costs ten misses: none may be given.
        let cost = |false_positive, false_negative| ThresholdRule::Cost { false_positive, false_negative };
        assert_eq!(chosen(cost(1.0, 10.0)), Some(0.25));
        assert_eq!(chosen(cost(10.0, 1.0)), Some(0.65));
        assert_eq!(chosen(ThresholdRule::Half), None);
    }

    #[test]
    fn points_count_every_row() {
        let (target, predictions) = example();
        let points = curve(&target, &predictions, 0.375);
        assert_eq!(points.len(), 102);
        assert!(points.iter().all(|point| point.rows() == 10));
        assert!(points.windows(2).all(|pair| pair[0].threshold < pair[1].threshold));
        let at = points.iter().find(|point| point.threshold == 0.375).unwrap();
        assert_eq!((at.true_positives, at.false_positives, at.true_negatives, at.false_negatives), (4, 1, 4, 1));
        assert_eq!((points[0].true_negatives, points[101].true_positives), (0, 0));
        // A point says what the model calls.
        for point in points {
            let Predictions::Probabilities { values, .. } = &predictions else { panic!() };
            let called = |row: &[f32]| trainyard_infer::decision::called(row, Some(point.threshold)) == 1;
            let positive = values.chunks_exact(2).filter(|row| called(row)).count() as u64;
            assert_eq!(point.true_positives + point.false_positives, positive, "{}", point.threshold);
        }
    }

    #[test]
    fn one_class_chooses_nothing() {
        let (target, predictions) = rows(&[0.1, 0.9], &[1, 1]);
        assert_eq!(choose(&ThresholdRule::F1, &target, &predictions), None);
        let (target, predictions) = rows(&[0.4, 0.6], &[1, 0]);
        assert_eq!(choose(&ThresholdRule::RecallAtPrecision { precision: 0.9 }, &target, &predictions), None);
    }

    /// Costs decide as the theory says where probabilities are right: the threshold is near c_fp / (c_fp + c_fn)
    /// (Elkan, "The foundations of cost-sensitive learning", 2001).
    #[test]
    fn costs_lead_to_elkan_s_threshold() {
        let scores: Vec<f32> = (0..4_000).map(|i| (i as f32 + 0.5) / 4_000.0).collect();
        // Of each 100 neighbours as many are positive as their probability says, spread evenly.
        let truth: Vec<u32> =
            (0..4_000u32).map(|i| u32::from(f64::from(i * 61 % 100) < f64::from(scores[i as usize]) * 100.0)).collect();
        let (target, predictions) = rows(&scores, &truth);
        for (false_positive, false_negative) in [(1.0, 1.0), (1.0, 4.0), (3.0, 1.0)] {
            let chosen =
                choose(&ThresholdRule::Cost { false_positive, false_negative }, &target, &predictions).unwrap();
            let theory = false_positive / (false_positive + false_negative);
            assert!((chosen - theory).abs() < 0.05, "{chosen} is not near {theory}");
        }
    }
}
