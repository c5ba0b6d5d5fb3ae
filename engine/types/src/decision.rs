//! How a model's probabilities become decisions, and how sure it says it is: what is asked for, and what was found.

mod report;

pub use report::*;

use crate::Problem;
use serde::{Deserialize, Serialize};

/// How rows of the classes count while fitting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// Every row alike.
    #[default]
    None,
    /// Every class alike: a row of a class counts `rows / (classes x rows of the class)`, as scikit-learn's "balanced".
    Balanced,
}

/// How probabilities are calibrated on rows that the fit did not learn from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CalibrationChoice {
    None,
    /// The method whose cross-validated log loss is least; none unless that helps.
    #[default]
    Auto,
    /// A rising curve of steps.
    Isotonic,
    /// Platt's S-shaped curve.
    Sigmoid,
    /// One number that makes all answers more or less sure.
    Temperature,
}

impl CalibrationChoice {
    pub const ALL: [CalibrationChoice; 5] = [
        CalibrationChoice::None,
        CalibrationChoice::Auto,
        CalibrationChoice::Isotonic,
        CalibrationChoice::Sigmoid,
        CalibrationChoice::Temperature,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            CalibrationChoice::None => "none",
            CalibrationChoice::Auto => "auto",
            CalibrationChoice::Isotonic => "isotonic",
            CalibrationChoice::Sigmoid => "sigmoid",
            CalibrationChoice::Temperature => "temperature",
        }
    }
}

impl std::str::FromStr for CalibrationChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        CalibrationChoice::ALL.into_iter().find(|choice| choice.as_str() == text).ok_or_else(|| {
            format!("'{text}' is no way to calibrate. Use none, auto, isotonic, sigmoid or temperature.")
        })
    }
}

/// What puts a class into an answer's set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SetMethod {
    /// Its own probability: the smallest sets (least ambiguous set-valued classifiers).
    #[default]
    Lac,
    /// The probabilities down to it, added up: larger sets where a row is hard (adaptive prediction sets).
    Aps,
}

/// What the threshold of two classes is chosen by. The second class is the positive one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum ThresholdRule {
    /// The more probable class, as without a threshold.
    #[default]
    Half,
    Accuracy,
    F1,
    BalancedAccuracy,
    /// Recall minus false positive rate (Youden's J).
    Youden,
    /// Matthews correlation.
    Mcc,
    /// The best precision among thresholds that find at least this share of the positives.
    PrecisionAtRecall {
        recall: f64,
    },
    /// The best recall among thresholds where at least this share of alarms is right.
    RecallAtPrecision {
        precision: f64,
    },
    /// The least mean cost a row; only the ratio of the two matters.
    Cost {
        false_positive: f64,
        false_negative: f64,
    },
}

impl ThresholdRule {
    /// The rule's name, as `by` has it.
    pub fn name(&self) -> &'static str {
        match self {
            ThresholdRule::Half => "half",
            ThresholdRule::Accuracy => "accuracy",
            ThresholdRule::F1 => "f1",
            ThresholdRule::BalancedAccuracy => "balanced_accuracy",
            ThresholdRule::Youden => "youden",
            ThresholdRule::Mcc => "mcc",
            ThresholdRule::PrecisionAtRecall { .. } => "precision_at_recall",
            ThresholdRule::RecallAtPrecision { .. } => "recall_at_precision",
            ThresholdRule::Cost { .. } => "cost",
        }
    }

    /// What is optimised, within a sentence.
    pub fn in_words(&self) -> String {
        match self {
            ThresholdRule::Half => "the more probable class".to_owned(),
            ThresholdRule::Accuracy => "the best accuracy".to_owned(),
            ThresholdRule::F1 => "the best F1".to_owned(),
            ThresholdRule::BalancedAccuracy => "the best balanced accuracy".to_owned(),
            ThresholdRule::Youden => "the greatest distance of recall from false alarms (Youden's J)".to_owned(),
            ThresholdRule::Mcc => "the best Matthews correlation".to_owned(),
            ThresholdRule::PrecisionAtRecall { recall } => {
                format!("the best precision where recall is at least {:.0} %", recall * 100.0)
            }
            ThresholdRule::RecallAtPrecision { precision } => {
                format!("the best recall where precision is at least {:.0} %", precision * 100.0)
            }
            ThresholdRule::Cost { false_positive, false_negative } => {
                format!("the least cost, a false positive being {false_positive} and a false negative {false_negative}")
            }
        }
    }

    /// # Errors
    /// A number is out of its range.
    pub fn check(&self) -> Result<(), Problem> {
        let share = |value: f64| value > 0.0 && value <= 1.0;
        let sound = match self {
            ThresholdRule::PrecisionAtRecall { recall } => share(*recall),
            ThresholdRule::RecallAtPrecision { precision } => share(*precision),
            ThresholdRule::Cost { false_positive, false_negative } => {
                let cost = |value: f64| value.is_finite() && value >= 0.0;
                if !cost(*false_positive) || !cost(*false_negative) || false_positive + false_negative <= 0.0 {
                    let message = "Costs are 0 or more, and one of them is above 0.";
                    return Err(Problem::field("threshold", message));
                }
                true
            }
            _ => true,
        };
        if sound {
            Ok(())
        } else {
            Err(Problem::field("threshold", "Recall and precision are shares above 0, up to 1."))
        }
    }
}

/// What is decided about decisions before training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DecisionSettings {
    /// Of a classification's probabilities.
    pub calibration: CalibrationChoice,
    /// Of two classes.
    pub threshold: ThresholdRule,
    /// The share of rows whose truth an interval or a set is to hold, 0.5 to 0.999; null: none are made.
    pub coverage: Option<f64>,
    /// Of classes.
    pub sets: SetMethod,
}

impl Default for DecisionSettings {
    fn default() -> Self {
        Self {
            calibration: CalibrationChoice::Auto,
            threshold: ThresholdRule::Half,
            coverage: Some(0.9),
            sets: SetMethod::Lac,
        }
    }
}

impl DecisionSettings {
    /// Whether nothing is asked for that takes rows beside the fit.
    pub fn is_nothing(&self, classification: bool) -> bool {
        let plain = self.calibration == CalibrationChoice::None && self.threshold == ThresholdRule::Half;
        self.coverage.is_none() && (plain || !classification)
    }

    /// # Errors
    /// A number is out of its range.
    pub fn check(&self) -> Result<(), Problem> {
        self.threshold.check()?;
        match self.coverage {
            Some(coverage) if !(0.5..=0.999).contains(&coverage) => Err(Problem::field(
                "coverage",
                "Intervals are to hold a share of 0.5 to 0.999 of the rows, such as 0.9.",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_have_plain_json() {
        let settings: DecisionSettings = serde_json::from_str(
            r#"{"threshold": {"by": "cost", "false_positive": 1, "false_negative": 5}, "coverage": null}"#,
        )
        .unwrap();
        assert_eq!(settings.threshold, ThresholdRule::Cost { false_positive: 1.0, false_negative: 5.0 });
        assert_eq!((settings.coverage, settings.calibration), (None, CalibrationChoice::Auto));
        let half: ThresholdRule = serde_json::from_str(r#"{"by": "half"}"#).unwrap();
        assert_eq!(half, ThresholdRule::Half);
        assert!(serde_json::from_str::<DecisionSettings>(r#"{"calibrate": "auto"}"#).is_err());
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let with =
            |threshold, coverage| DecisionSettings { threshold, coverage, ..DecisionSettings::default() }.check();
        assert!(with(ThresholdRule::F1, Some(0.9)).is_ok());
        assert!(with(ThresholdRule::F1, Some(1.0)).is_err());
        assert!(with(ThresholdRule::PrecisionAtRecall { recall: 0.0 }, None).is_err());
        assert!(with(ThresholdRule::Cost { false_positive: 0.0, false_negative: 0.0 }, None).is_err());
        assert!(with(ThresholdRule::Cost { false_positive: -1.0, false_negative: 2.0 }, None).is_err());
    }
}
