//! Metrics by scikit-learn's names and definitions.

use crate::scorer::Scorer;
use trainyard_infer::{Predictions, Target};
use trainyard_types::{
    evaluation::Metrics,
    loss::{Aim, Loss},
    run::Task,
};

/// All metrics of the task and the loss, over rows of equal weight. Classes are decided by the greatest probability (the first
/// where several are). A metric that the rows leave undefined is left out: no rows, `roc_auc` with one class only, `r2` of one
/// row. Definitions, as scikit-learn's unless said:
///
/// - binary, positive being class 1: `accuracy`, `balanced_accuracy`, `f1`, `precision`, `recall` (0 where nothing is
///   predicted or there), `mcc`, `roc_auc` (ties count half), `average_precision`, `brier_score`, `log_loss`
///   (probabilities clipped to f32's epsilon, as scikit-learn does for float32);
/// - multiclass: `accuracy`, `balanced_accuracy` (over the classes that occur), `f1_macro` (over the classes that occur or
///   are predicted), `log_loss`, `roc_auc_ovr` (mean over the classes that have rows in and out);
/// - regression: `rmse`, `mae`, `r2`, `mape` (a share, not percent; denominators of at least f64's epsilon),
///   `median_absolute_error`; of a model that learns a quantile `mean_pinball_loss` of it; of one that learns Poisson's
///   deviance `mean_poisson_deviance`, which is not defined where a target is below 0 or an answer not above 0.
///
/// # Panics
/// If target and predictions are of different kinds or lengths.
pub fn score(aim: impl Into<Aim>, target: &Target, predictions: &Predictions) -> Metrics {
    score_at(aim, target, predictions, None)
}

/// As [`score`]; with a threshold, rows whose probability of class 1 is at least that are called class 1 of two.
///
/// # Panics
/// As [`score`].
pub fn score_at(aim: impl Into<Aim>, target: &Target, predictions: &Predictions, threshold: Option<f64>) -> Metrics {
    let scorer = Scorer::new(aim, target, predictions, threshold);
    let values = scorer.values(&vec![1; scorer.rows()]);
    scorer
        .names()
        .iter()
        .zip(values)
        .filter(|(_, value)| value.is_finite())
        .map(|(name, value)| ((*name).to_owned(), value))
        .collect()
}

/// The metric that decides between models; NaN where the rows leave it undefined.
///
/// # Panics
/// As [`score`].
pub fn primary(aim: impl Into<Aim>, target: &Target, predictions: &Predictions) -> f64 {
    let aim = aim.into();
    score(aim, target, predictions).get(aim.primary_metric()).copied().unwrap_or(f64::NAN)
}

/// The metrics' names, the primary one first.
pub fn names(aim: impl Into<Aim>) -> &'static [&'static str] {
    let Aim { task, loss } = aim.into();
    match task {
        Task::Binary => &[
            "roc_auc",
            "accuracy",
            "balanced_accuracy",
            "f1",
            "precision",
            "recall",
            "average_precision",
            "log_loss",
            "brier_score",
            "mcc",
        ],
        Task::Multiclass => &["accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc_ovr"],
        Task::Regression if loss == Some(Loss::Absolute) => &["mae", "rmse", "r2", "mape", "median_absolute_error"],
        Task::Regression if matches!(loss, Some(Loss::Quantile(_))) => {
            &["mean_pinball_loss", "mae", "rmse", "r2", "mape", "median_absolute_error"]
        }
        Task::Regression if loss == Some(Loss::Poisson) => {
            &["mean_poisson_deviance", "rmse", "mae", "r2", "mape", "median_absolute_error"]
        }
        Task::Regression => &["rmse", "mae", "r2", "mape", "median_absolute_error"],
    }
}

/// Whether more is better. All but errors and losses are.
pub fn higher_is_better(name: &str) -> bool {
    !matches!(
        name,
        "log_loss"
            | "loss"
            | "brier_score"
            | "rmse"
            | "mae"
            | "mape"
            | "median_absolute_error"
            | "mean_pinball_loss"
            | "mean_poisson_deviance"
    )
}

/// The value such that more is better.
pub fn oriented(name: &str, value: f64) -> f64 {
    if higher_is_better(name) { value } else { -value }
}

/// Whether `left` is better than `right`; false where either is NaN.
pub fn is_better(name: &str, left: f64, right: f64) -> bool {
    oriented(name, left) > oriented(name, right)
}

/// A metric's name as a sentence has it.
pub fn title(name: &str) -> &str {
    match name {
        "roc_auc" => "ROC AUC",
        "roc_auc_ovr" => "ROC AUC (one against the rest)",
        "accuracy" => "accuracy",
        "balanced_accuracy" => "balanced accuracy",
        "f1" => "F1",
        "f1_macro" => "macro F1",
        "average_precision" => "average precision",
        "log_loss" => "log loss",
        "brier_score" => "Brier score",
        "mcc" => "Matthews correlation",
        "rmse" => "RMSE",
        "mae" => "mean absolute error",
        "r2" => "R²",
        "mape" => "mean absolute percentage error",
        "median_absolute_error" => "median absolute error",
        "mean_pinball_loss" => "mean pinball loss",
        "mean_poisson_deviance" => "mean Poisson deviance",
        other => other,
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
