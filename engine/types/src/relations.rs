//! How a table's columns hang together.

use crate::{catalog::GroupRow, dataset::ColumnType, run::Task};
use serde::{Deserialize, Serialize};

/// Correlations, rows that lack values together, values far out. Computed on a sample of the rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Relations {
    /// Rows looked at, and rows there are.
    pub sample: u64,
    pub rows: u64,
    /// Numeric columns, 60 at most, in the table's order: both matrices' rows and columns.
    pub numbers: Vec<String>,
    /// Pearson's r, -1 to 1, over the rows where both are known; `None` where one is constant.
    pub pearson: Vec<Vec<Option<f64>>>,
    /// Spearman's rank correlation, -1 to 1; ties take their average rank.
    pub spearman: Vec<Vec<Option<f64>>>,
    /// Columns of texts and booleans with 2 to 100 different values, 60 at most.
    pub categories: Vec<String>,
    /// Cramér's V with Bergsma's bias correction, 0 to 1.
    pub cramers_v: Vec<Vec<Option<f64>>>,
    /// The strongest pairs, strongest first, 30 at most.
    pub strongest: Vec<Pair>,
    /// Which columns lack a value together, the most frequent first, 12 at most.
    pub missing: Vec<MissingPattern>,
    /// Numeric columns with values far out, most first.
    pub outliers: Vec<Outliers>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    Pearson,
    Spearman,
    CramersV,
    /// Of a number and a category: the root of the share of variance between categories (Kelley, "An unbiased correlation
    /// ratio measure", 1935).
    CorrelationRatio,
}

impl Measure {
    /// As a sentence names it.
    pub fn title(self) -> &'static str {
        match self {
            Measure::Pearson => "Pearson's correlation",
            Measure::Spearman => "Spearman's rank correlation",
            Measure::CramersV => "Cramér's V",
            Measure::CorrelationRatio => "correlation ratio",
        }
    }
}

/// Two columns that go together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Pair {
    pub a: String,
    pub b: String,
    pub measure: Measure,
    /// -1 to 1, or 0 to 1 for Cramér's V and the correlation ratio.
    pub value: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct MissingPattern {
    /// Columns without a value; all others have one.
    pub columns: Vec<String>,
    /// Share of the sample's rows, 0 to 1.
    pub share: f64,
}

/// Values beyond three times the interquartile range from the nearer quartile: Tukey's "far out" (Tukey, "Exploratory
/// Data Analysis", 1977).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Outliers {
    pub column: String,
    /// Share of the known values, 0 to 1.
    pub share: f64,
    /// The fences.
    pub low: f64,
    pub high: f64,
}

/// What each column alone says of a target. Computed on a sample of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct TargetRelation {
    pub target: String,
    pub task: Task,
    /// The class whose share bins give: of two the second, of several the most frequent. `None`: they give the mean.
    pub class: Option<String>,
    /// Rows with a target that were looked at, and rows there are.
    pub sample: u64,
    pub rows: u64,
    /// The share of the class, or the mean, over the sample.
    pub overall: f64,
    /// The most telling first; 200 at most.
    pub columns: Vec<ColumnRelation>,
    /// The gist, for a person.
    pub sentence: String,
}

/// What one column alone says of the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ColumnRelation {
    pub column: String,
    pub kind: ColumnType,
    /// Predictive power score, 0 (no better than knowing nothing) to 1 (tells the target).
    pub power: f64,
    pub relation: RelationType,
    /// Share of the class, or mean, per bin of a number (eighths of the rows) or per category (the 12 most frequent); rows
    /// without a value are the bin `missing`.
    pub bins: Vec<GroupRow>,
    /// Whether it matters that a value is missing; `None` where all or none are.
    pub missing: Option<MissingRelation>,
    /// What to make of it.
    pub sentence: String,
}

/// How the target goes with a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RelationType {
    /// It grows with the column.
    Rising,
    /// It falls as the column grows.
    Falling,
    /// It changes with the column, but now rises and now falls.
    Curved,
    /// It differs between categories.
    ByCategory,
    /// Nothing that chance would not bring about.
    None,
}

impl RelationType {
    pub fn title(self) -> &'static str {
        match self {
            RelationType::Rising => "rises with it",
            RelationType::Falling => "falls with it",
            RelationType::Curved => "rises and falls",
            RelationType::ByCategory => "differs by category",
            RelationType::None => "none to be seen",
        }
    }
}

/// The target where a column's value is missing, and where it is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct MissingRelation {
    /// Share of rows without a value, 0 to 1.
    pub share: f64,
    /// Share of the class, or mean, of those rows and of the others.
    pub missing: f64,
    pub known: f64,
    /// Probability of such a difference by chance.
    pub p: f64,
    /// Whether chance would hardly do so: `p` under 0.001.
    pub telling: bool,
}
