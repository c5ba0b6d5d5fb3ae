//! How a model does on groups of rows.

use serde::{Deserialize, Serialize};

/// Metrics by group, and the groups where the model is weak; all on the test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SliceReport {
    /// Test rows.
    pub rows: u64,
    /// Protected attributes first, then in the table's order.
    pub columns: Vec<SliceColumn>,
    pub weak: WeakSlices,
}

/// The groups of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SliceColumn {
    pub column: String,
    /// Flagged as a protected attribute when the run was asked for.
    pub protected: bool,
    /// Whether the model sees it.
    pub feature: bool,
    pub groups: Vec<SliceGroup>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SliceGroup {
    /// A value, a range of numbers, `other` or `missing`.
    pub group: String,
    pub rows: u64,
    /// `accuracy`, `recall`, `false_positive_rate`, `called` and `log_loss`; or `mae` and `bias` (mean of predicted minus
    /// actual). Those that the group leaves undefined are left out.
    pub figures: Vec<SliceFigure>,
}

/// A value with its 95 % interval: Wilson's for shares, the normal one for means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SliceFigure {
    pub name: String,
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// What the search for weak slices found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct WeakSlices {
    /// Slices of one and of two conditions that were looked at.
    pub looked_at: u64,
    /// Rows that a slice needs.
    pub minimum: u64,
    /// What was compared: `log_loss` or `mae`.
    pub measure: String,
    /// The worst first.
    pub found: Vec<WeakSlice>,
    /// All of it in one sentence.
    pub sentence: String,
}

/// Rows that the model does worse on than on the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct WeakSlice {
    /// One or two.
    pub conditions: Vec<SliceCondition>,
    pub rows: u64,
    /// The measure's mean in the slice and on the other rows.
    pub value: f64,
    pub elsewhere: f64,
    /// Difference of the means over the pooled standard deviation.
    pub effect: f64,
    /// One-sided p-value of Welch's test, corrected for all slices that were looked at (Benjamini and Hochberg).
    pub p: f64,
    pub sentence: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SliceCondition {
    pub column: String,
    pub group: String,
}
