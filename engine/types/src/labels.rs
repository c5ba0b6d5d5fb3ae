//! Reviews of labels: rows whose label a model that did not see it doubts, and what people decided about them.

use crate::{
    DatasetId, DatasetVersionId, LabelReviewId, Problem, Timestamp,
    job::{JobState, Progress},
    run::{Family, Task},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fewest folds: one is judged, one chooses the model's size, the rest train.
pub const MIN_FOLDS: u32 = 3;
/// Most folds.
pub const MAX_FOLDS: u32 = 20;
/// Findings that a review keeps at most.
pub const MOST_FINDINGS: u32 = 10_000;
/// Findings that one decision covers at most.
pub const MOST_AT_ONCE: usize = 1_000;

/// What makes one label more suspicious than another. Both are label quality scores of cleanlab (Kuan and Mueller, "Model-
/// agnostic label quality scoring to detect real-world label errors", 2022).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LabelOrder {
    /// How far the given label's probability lies behind that of the most probable other one: (p - q + 1) / 2.
    #[default]
    NormalizedMargin,
    /// The given label's probability.
    SelfConfidence,
}

/// What a person decides about a review. All but the target has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LabelSettings {
    /// The column with the labels.
    pub target: String,
    /// Each row is judged by the model of one of so many folds, 3 to 20.
    #[serde(default = "five")]
    pub folds: u32,
    /// `trees` or `linear`.
    #[serde(default = "trees")]
    pub family: Family,
    /// Rows with the same value in this column stay in one fold; it is no feature.
    #[serde(default)]
    pub groups: Option<String>,
    /// Columns that labels are not judged by, besides those flagged as identifiers.
    #[serde(default)]
    pub drop: Vec<String>,
    /// Findings that are kept, the most suspicious first, 1 to 10,000. All are counted.
    #[serde(default = "thousand")]
    pub most: u32,
    #[serde(default)]
    pub order: LabelOrder,
    #[serde(default)]
    pub seed: u64,
}

fn five() -> u32 {
    5
}

fn trees() -> Family {
    Family::Trees
}

fn thousand() -> u32 {
    1_000
}

impl LabelSettings {
    /// The defaults for a target.
    pub fn for_target(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            folds: five(),
            family: trees(),
            groups: None,
            drop: Vec::new(),
            most: thousand(),
            order: LabelOrder::default(),
            seed: 0,
        }
    }

    /// # Errors
    /// The first field that is out of range.
    pub fn validate(&self) -> Result<(), Problem> {
        if !(MIN_FOLDS..=MAX_FOLDS).contains(&self.folds) {
            let message = format!("Use {MIN_FOLDS} to {MAX_FOLDS} folds, not {}. 5 is usual.", self.folds);
            return Err(Problem::field("folds", message));
        }
        if !matches!(self.family, Family::Trees | Family::Linear) {
            return Err(Problem::field("family", "Labels are judged by boosted trees or a linear model. Choose one."));
        }
        if !(1..=MOST_FINDINGS).contains(&self.most) {
            let message = format!("Keep 1 to {MOST_FINDINGS} findings, not {}.", self.most);
            return Err(Problem::field("most", message));
        }
        if self.groups.as_ref() == Some(&self.target) {
            return Err(Problem::field("groups", "The target can't group the rows. Choose another column, or none."));
        }
        Ok(())
    }
}

/// What the process of a review is to do. Holds no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabelSpec {
    pub label_review: LabelReviewId,
    pub attempt: i32,
    /// Parquet file with the rows.
    pub data: String,
    pub settings: LabelSettings,
    pub folder: String,
}

/// What a review found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelResult {
    pub summary: LabelSummary,
    /// The most suspicious first.
    pub findings: Vec<LabelFound>,
}

/// What a review found, as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LabelSummary {
    pub task: Task,
    /// Rows that were judged.
    pub rows: u64,
    /// Rows without a label, or without a group where rows are grouped.
    pub unused: u64,
    /// Share of wrong labels, 0 to 1. Classes: estimated from the confident joint; numbers: the share found.
    pub noise: f64,
    /// Likely wrong labels, of which `kept` are listed.
    pub found: u64,
    pub kept: u64,
    /// Empty for numbers.
    pub classes: Vec<String>,
    /// Classes: `classes x classes`, row-major; estimated number of rows labelled i that truly are j.
    pub joint: Vec<f64>,
    /// Classes: how many were found of each pair, the most first.
    pub pairs: Vec<LabelPair>,
    /// The columns that the labels were judged by, the most important first.
    pub columns: Vec<String>,
    /// How it was done, in words.
    pub method: String,
    pub sentence: String,
    pub seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LabelPair {
    pub given: String,
    pub suggested: String,
    pub found: u64,
}

/// A row whose label is likely wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelFound {
    /// 1 for the table's first row.
    pub row: u64,
    pub given: String,
    pub suggested: String,
    /// Classes: the model's probability of both, 0 to 1.
    pub given_probability: Option<f64>,
    pub suggested_probability: Option<f64>,
    /// Classes: the label quality score, 0 to 1, lower is more suspicious. Numbers: the robust z-score of the difference,
    /// whose size counts.
    pub score: f64,
}

/// What a person says of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LabelDecision {
    /// It is right.
    Right,
    /// It is wrong: the suggested one takes its place.
    Suggestion,
    /// It is wrong: another one takes its place.
    Set,
    /// The row is left out.
    LeaveOut,
}

impl LabelDecision {
    pub const ALL: [LabelDecision; 4] =
        [LabelDecision::Right, LabelDecision::Suggestion, LabelDecision::Set, LabelDecision::LeaveOut];

    pub fn as_str(self) -> &'static str {
        match self {
            LabelDecision::Right => "right",
            LabelDecision::Suggestion => "suggestion",
            LabelDecision::Set => "set",
            LabelDecision::LeaveOut => "leave_out",
        }
    }

    /// As a page names it.
    pub fn title(self) -> &'static str {
        match self {
            LabelDecision::Right => "Label is right",
            LabelDecision::Suggestion => "Use suggestion",
            LabelDecision::Set => "Set to another",
            LabelDecision::LeaveOut => "Leave out",
        }
    }
}

impl std::str::FromStr for LabelDecision {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        LabelDecision::ALL
            .into_iter()
            .find(|decision| decision.as_str() == text)
            .ok_or_else(|| format!("'{text}' is no decision. Use right, suggestion, set or leave_out."))
    }
}

/// Decides about some findings at once, or takes decisions back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideLabels {
    /// The findings' ranks, 1,000 at most.
    pub ranks: Vec<u32>,
    /// Left out: they are undecided again.
    #[serde(default)]
    pub decision: Option<LabelDecision>,
    /// The label that takes the given one's place, where the decision is `set`.
    #[serde(default)]
    pub label: Option<String>,
}

/// How many findings were decided in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LabelDecisions {
    pub right: u64,
    pub suggestion: u64,
    pub set: u64,
    pub leave_out: u64,
}

impl LabelDecisions {
    pub fn total(self) -> u64 {
        self.right + self.changes()
    }
    /// Those that a corrected version differs by.
    pub fn changes(self) -> u64 {
        self.suggestion + self.set + self.leave_out
    }
    pub fn of(&mut self, decision: LabelDecision) -> &mut u64 {
        match decision {
            LabelDecision::Right => &mut self.right,
            LabelDecision::Suggestion => &mut self.suggestion,
            LabelDecision::Set => &mut self.set,
            LabelDecision::LeaveOut => &mut self.leave_out,
        }
    }
}

/// A review as pages show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LabelReviewView {
    pub id: LabelReviewId,
    pub dataset: DatasetId,
    pub dataset_name: String,
    pub version: DatasetVersionId,
    /// The version's number.
    pub number: i32,
    pub settings: LabelSettings,
    pub state: JobState,
    pub cancel_requested: bool,
    pub progress: Option<Progress>,
    /// Why it failed.
    pub problem: Option<Problem>,
    /// Once it went well.
    pub summary: Option<LabelSummary>,
    pub decided: LabelDecisions,
    /// The corrected version; decisions stand from then on.
    pub applied: Option<LabelsApplied>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl LabelReviewView {
    /// In a line: "212 likely label errors, 40 decided"; none before it went well.
    pub fn standing(&self) -> Option<String> {
        let summary = self.summary.as_ref()?;
        let found = crate::words::counted(summary.found, "likely label error", "likely label errors");
        Some(format!("{found}, {} decided", crate::words::count(self.decided.total())))
    }
}

/// That the decisions of a review became a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LabelsApplied {
    pub version: DatasetVersionId,
    pub number: i32,
    pub at: Timestamp,
    pub by: String,
}

/// One entry of a review's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LabelFinding {
    /// 1 is the most suspicious.
    pub rank: u32,
    /// 1 for the table's first row.
    pub row: u64,
    pub given: String,
    pub suggested: String,
    pub given_probability: Option<f64>,
    pub suggested_probability: Option<f64>,
    /// Classes: the label quality score, 0 to 1, lower is more suspicious. Numbers: the robust z-score of the difference.
    pub score: f64,
    pub decision: Option<LabelDecision>,
    /// What the label is set to.
    pub label: Option<String>,
    pub decided_at: Option<Timestamp>,
    pub decided_by: Option<String>,
    /// The row's values in the columns that matter most, by column.
    #[serde(default)]
    pub values: BTreeMap<String, Option<String>>,
}

/// Which findings a list is of, besides the page. Empty texts ask for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, utoipa::IntoParams))]
#[serde(default)]
pub struct LabelFilter {
    /// Only rows with this label.
    pub given: String,
    /// Only rows with this suggestion.
    pub suggested: String,
}

/// The decision that a list of findings is filtered by, besides those of [`LabelDecision`].
pub const UNDECIDED: &str = "undecided";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_have_defaults_and_bounds() {
        let settings: LabelSettings = serde_json::from_str(r#"{"target":"y"}"#).unwrap();
        assert_eq!(settings, LabelSettings::for_target("y"));
        settings.validate().unwrap();
        let refused = |change: &dyn Fn(&mut LabelSettings)| {
            let mut settings = LabelSettings::for_target("y");
            change(&mut settings);
            settings.validate().unwrap_err().fields[0].field.clone()
        };
        assert_eq!(refused(&|s| s.folds = 2), "folds");
        assert_eq!(refused(&|s| s.family = Family::Auto), "family");
        assert_eq!(refused(&|s| s.most = 0), "most");
        assert_eq!(refused(&|s| s.groups = Some("y".into())), "groups");
        assert!(serde_json::from_str::<LabelSettings>(r#"{"target":"y","fold":3}"#).is_err());
        for decision in LabelDecision::ALL {
            assert_eq!(decision.as_str().parse(), Ok(decision));
        }
    }
}
