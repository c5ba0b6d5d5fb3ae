//! What a run found out.

use crate::{
    decision::DecisionReport,
    leakage::LeakageReport,
    model::Signature,
    run::{Family, Task},
    slices::SliceReport,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Metric values by scikit-learn's names: `accuracy`, `balanced_accuracy`, `f1`, `precision`, `recall`, `roc_auc`,
/// `average_precision`, `log_loss`, `brier_score`, `mcc` (binary); `accuracy`, `balanced_accuracy`, `f1_macro`, `log_loss`,
/// `roc_auc_ovr` (multiclass); `rmse`, `mae`, `r2`, `mape`, `median_absolute_error` (regression), and of models that learn
/// them `mean_pinball_loss`, `mean_poisson_deviance`.
pub type Metrics = BTreeMap<String, f64>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct TestMetric {
    pub name: String,
    pub value: f64,
    /// 95 % percentile bootstrap over the test rows.
    pub low: f64,
    pub high: f64,
    /// Whether more is better.
    pub higher_is_better: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PartRows {
    pub train: u64,
    pub valid: u64,
    pub test: u64,
}

/// The outcome of a training job, as stored with the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RunResult {
    pub task: Task,
    /// What was trained and kept.
    pub family: Family,
    pub device: String,
    pub device_reason: String,
    pub rows: PartRows,
    /// Wall time of the whole job.
    pub seconds: f64,
    /// Passes over the train rows (boosting rounds for trees) that the kept model saw.
    pub epochs: u64,
    /// Train rows seen a second while fitting the kept model.
    pub rows_per_second: f64,
    pub metrics: PartMetrics,
    /// The test metrics with intervals, the primary one first.
    pub test: Vec<TestMetric>,
    pub verdict: Verdict,
    /// Every family that was tried, best first, with the primary metric on the validation rows.
    pub candidates: Vec<Candidate>,
    /// Most important first.
    pub importance: Vec<Importance>,
    pub charts: Vec<Chart>,
    pub signature: Signature,
    /// What was set and what was derived, in words: learning rate, epochs, preprocessing.
    pub parameters: BTreeMap<String, String>,
    /// Versions of the libraries that decide the numbers.
    pub libraries: BTreeMap<String, String>,
    /// The model's file name in the job's folder, and its blake3.
    pub model_file: String,
    pub model_hash: String,
    /// What was found of leaks; none where it was not looked for.
    #[serde(default)]
    pub leakage: Option<LeakageReport>,
    /// Calibration, threshold and intervals; none in runs before these were learned.
    #[serde(default)]
    pub decision: Option<DecisionReport>,
    /// How the model does on groups of rows.
    #[serde(default)]
    pub slices: Option<SliceReport>,
    /// What is known of the best score that is possible.
    #[serde(default)]
    pub ceiling: Option<Ceiling>,
}

/// How much better a model of these columns could get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Ceiling {
    pub twins: Option<Twins>,
    pub limit: Option<CurveLimit>,
    /// All of it in words.
    pub sentences: Vec<String>,
}

/// Train rows that another one is alike in every column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Twins {
    pub rows: u64,
    /// Of all train rows.
    pub share: f64,
    /// On such rows, an error rate or an RMSE that no model goes below.
    pub floor: f64,
}

/// The primary metric on the validation rows where the learning curve goes on as it does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct CurveLimit {
    /// With twice the rows.
    pub double: f64,
    /// With any number of rows.
    pub endless: f64,
}

impl RunResult {
    /// The metric that decided between models.
    pub fn primary_metric(&self) -> &'static str {
        self.signature.aim().primary_metric()
    }
}

/// Metrics of the three parts, scored alike (no dropout, no label smoothing).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PartMetrics {
    pub train: Metrics,
    pub valid: Metrics,
    pub test: Metrics,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Candidate {
    pub family: Family,
    /// The primary metric's value on the validation rows.
    pub valid_score: f64,
    pub seconds: f64,
    pub kept: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    Good,
    Underfit,
    Overfit,
    TooLittleData,
}

impl Fit {
    pub fn as_str(self) -> &'static str {
        match self {
            Fit::Good => "good",
            Fit::Underfit => "underfit",
            Fit::Overfit => "overfit",
            Fit::TooLittleData => "too_little_data",
        }
    }
    pub fn title(self) -> &'static str {
        match self {
            Fit::Good => "Good fit",
            Fit::Underfit => "Underfit",
            Fit::Overfit => "Overfit",
            Fit::TooLittleData => "Too little data",
        }
    }
}

/// Over- or underfitting, in words, with the rule and the numbers behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Verdict {
    pub fit: Fit,
    /// One sentence with the deciding number.
    pub sentence: String,
    /// The rule that decided, in words.
    pub rule: String,
    /// What to try next.
    pub advice: String,
    pub metric: String,
    pub train: f64,
    pub valid: f64,
    /// How much worse validation is than train (never negative for "better"), with its 95 % interval.
    pub gap: f64,
    pub gap_low: f64,
    pub gap_high: f64,
    /// A model that knows only the target's distribution, on validation.
    pub dummy: f64,
    /// The linear baseline, on validation.
    pub linear: f64,
    /// Fits on 25, 50 and 100 % of the train rows, scored on validation.
    pub learning_curve: Vec<LearningPoint>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LearningPoint {
    /// Share of the train rows, 0 to 1.
    pub share: f64,
    pub rows: u64,
    pub valid: f64,
}

/// How much the primary metric on validation worsens when one column is shuffled (mean over the repeats).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Importance {
    pub column: String,
    pub mean: f64,
    /// Standard deviation over the repeats.
    pub std: f64,
}

/// A drawing with its words and its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Chart {
    /// `roc`, `pr`, `calibration`, `threshold`, `confusion`, `residuals`, `predicted_vs_actual`, `importance`, `learning_curve`.
    pub id: String,
    /// The finding: "The model ranks a true case higher in 92 of 100 pairs".
    pub title: String,
    /// One sentence for a reader who can't see it.
    pub summary: String,
    /// Inline SVG whose colours are CSS variables.
    pub svg: String,
    pub table: ChartTable,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ChartTable {
    pub columns: Vec<String>,
    /// Rows of text, 200 at most.
    pub rows: Vec<Vec<String>>,
}
