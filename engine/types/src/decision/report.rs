//! What was learned about decisions, and how it does on the test rows.

use super::{CalibrationChoice, ThresholdRule};
use serde::{Deserialize, Serialize};

/// Equal-width bins that the expected calibration error is taken over.
pub const CALIBRATION_BINS: usize = 15;

/// What was learned about decisions, and how it does on the test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct DecisionReport {
    /// Rows that calibration, threshold and intervals were learned on.
    pub rows: u64,
    /// Whether those rows had no part in fitting and choosing. Otherwise they are the validation rows, which decided when to
    /// stop and which model to keep.
    pub own_rows: bool,
    /// The same in words, with what it means.
    pub words: String,
    pub calibration: Option<CalibrationReport>,
    pub threshold: Option<ThresholdReport>,
    pub intervals: Option<IntervalReport>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct CalibrationReport {
    pub asked: CalibrationChoice,
    pub used: CalibrationChoice,
    /// Mean log loss of each method, cross-validated; empty where one was asked for by name.
    pub tried: Vec<CalibrationTry>,
    /// On the test rows.
    pub before: CalibrationScores,
    pub after: CalibrationScores,
    pub sentence: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct CalibrationTry {
    pub method: CalibrationChoice,
    pub log_loss: f64,
}

/// How far probabilities are from what comes true.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct CalibrationScores {
    /// Expected calibration error over 15 bins of equal width: of the positive class's probability, or of the most probable
    /// class's.
    pub ece: f64,
    /// Mean squared error of the probabilities, added up over several classes.
    pub brier: f64,
    pub log_loss: f64,
}

/// The threshold of two classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ThresholdReport {
    pub rule: ThresholdRule,
    /// The class that is called from the threshold on.
    pub positive: String,
    pub negative: String,
    /// 0 to 1.
    pub threshold: f64,
    pub sentence: String,
    /// What the test rows say at thresholds from 0 to 1, ascending; the chosen one is among them.
    pub test: Vec<ThresholdPoint>,
}

/// Test rows by what they are and what they are called at a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ThresholdPoint {
    pub threshold: f64,
    pub true_positives: u64,
    pub false_positives: u64,
    pub true_negatives: u64,
    pub false_negatives: u64,
}

/// What follows from a [`ThresholdPoint`]. A share of nothing is 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ThresholdFigures {
    pub point: ThresholdPoint,
    pub accuracy: f64,
    pub balanced_accuracy: f64,
    pub f1: f64,
    pub precision: f64,
    pub recall: f64,
    pub false_positive_rate: f64,
    /// Share of rows that are called positive.
    pub called: f64,
    pub mcc: f64,
    /// Mean cost a row, where the rule has costs.
    pub cost: Option<f64>,
}

impl ThresholdPoint {
    pub fn rows(&self) -> u64 {
        self.true_positives + self.false_positives + self.true_negatives + self.false_negatives
    }

    /// The measures at this threshold.
    pub fn figures(self, rule: &ThresholdRule) -> ThresholdFigures {
        let ThresholdPoint {
            true_positives: tp, false_positives: fp, true_negatives: tn, false_negatives: fn_, ..
        } = self;
        let share = |part: u64, whole: u64| if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
        let (recall, specificity) = (share(tp, tp + fn_), share(tn, tn + fp));
        let recalls: Vec<f64> = [(recall, tp + fn_), (specificity, tn + fp)]
            .into_iter()
            .filter(|(_, rows)| *rows > 0)
            .map(|(recall, _)| recall)
            .collect();
        let product = (tp + fp) as f64 * (tp + fn_) as f64 * (tn + fp) as f64 * (tn + fn_) as f64;
        let cost = match rule {
            ThresholdRule::Cost { false_positive, false_negative } => {
                Some((fp as f64 * false_positive + fn_ as f64 * false_negative) / self.rows().max(1) as f64)
            }
            _ => None,
        };
        ThresholdFigures {
            point: self,
            accuracy: share(tp + tn, self.rows()),
            balanced_accuracy: recalls.iter().sum::<f64>() / recalls.len().max(1) as f64,
            f1: share(2 * tp, 2 * tp + fp + fn_),
            precision: share(tp, tp + fp),
            recall,
            false_positive_rate: share(fp, tn + fp),
            called: share(tp + fp, self.rows()),
            mcc: if product > 0.0 { (tp as f64 * tn as f64 - fp as f64 * fn_ as f64) / product.sqrt() } else { 0.0 },
            cost,
        }
    }
}

impl ThresholdFigures {
    /// What the rule looks at, such that more is better; below any value where the rule forbids the threshold.
    pub fn value(&self, rule: &ThresholdRule) -> f64 {
        match rule {
            ThresholdRule::Half | ThresholdRule::Accuracy => self.accuracy,
            ThresholdRule::F1 => self.f1,
            ThresholdRule::BalancedAccuracy => self.balanced_accuracy,
            ThresholdRule::Youden => self.recall - self.false_positive_rate,
            ThresholdRule::Mcc => self.mcc,
            ThresholdRule::PrecisionAtRecall { recall } if self.recall >= *recall => self.precision,
            ThresholdRule::RecallAtPrecision { precision } if self.precision >= *precision => self.recall,
            ThresholdRule::PrecisionAtRecall { .. } | ThresholdRule::RecallAtPrecision { .. } => f64::NEG_INFINITY,
            ThresholdRule::Cost { .. } => -self.cost.unwrap_or(f64::INFINITY),
        }
    }
}

impl ThresholdReport {
    /// The stored point whose threshold is nearest.
    pub fn at(&self, threshold: f64) -> Option<ThresholdFigures> {
        let apart = |point: &&ThresholdPoint| (point.threshold - threshold).abs();
        let nearest = self.test.iter().min_by(|a, b| apart(a).total_cmp(&apart(b)))?;
        Some(nearest.figures(&self.rule))
    }
}

/// Conformal intervals or sets on the test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct IntervalReport {
    /// The share that was asked for.
    pub level: f64,
    /// `absolute`, `lac` or `aps`.
    pub method: String,
    /// Of the scores; for a regression the half width, in the target's unit.
    pub quantile: f64,
    /// Share of test rows whose truth is held, with its 95 % interval (Wilson).
    pub coverage: f64,
    pub low: f64,
    pub high: f64,
    /// Mean width in the target's unit, or mean number of classes.
    pub size: f64,
    /// Test rows by the number of classes in their set, from 1; empty for a regression.
    pub sizes: Vec<u64>,
    pub sentence: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn figures_as_scikit_learn() {
        // scikit-learn 1.9.1 on y = [1]*40 + [0]*60 with 30 of the 40 and 12 of the 60 called: accuracy_score .78,
        // balanced_accuracy_score .775, f1_score .731707, precision_score .714286, matthews_corrcoef .545921.
        let point = ThresholdPoint {
            threshold: 0.4,
            true_positives: 30,
            false_positives: 12,
            true_negatives: 48,
            false_negatives: 10,
        };
        let figures = point.figures(&ThresholdRule::Cost { false_positive: 2.0, false_negative: 5.0 });
        for (found, expected) in [
            (figures.accuracy, 0.78),
            (figures.balanced_accuracy, 0.775),
            (figures.f1, 0.731_707),
            (figures.precision, 0.714_286),
            (figures.recall, 0.75),
            (figures.false_positive_rate, 0.2),
            (figures.mcc, 0.545_921),
            (figures.cost.unwrap(), 0.74),
        ] {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }
}
