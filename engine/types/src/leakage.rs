//! What a model could know that it can't know when it is used, and what to do about it.

use crate::{
    dataset::Severity,
    run::TrainSettings,
    split::{Gap, SplitMethod},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Columns that tell the target, alone or added up.
    TargetProxy,
    /// Test rows that are copies of train rows.
    DuplicatesAcrossParts,
    /// Values of an identifier in train and in test.
    IndexLeakage,
    /// The same person, machine or case in train and in test.
    GroupLeakage,
    /// The same instants in train and in test.
    DateDuplicates,
    /// Test rows that are not newer than all train rows.
    DateOverlap,
    /// A column that names the row and says nothing else.
    Identifier,
    /// An identifier from which the target can be told.
    IdentifierProxy,
    /// A column that tells much more of the target in train than in test, or less.
    FeatureLabelChange,
    /// Values in test that no train row has.
    NewCategories,
    /// Classes in test that no train row has.
    NewLabels,
    /// A column with another distribution in test than in train.
    FeatureDrift,
    /// The target has another distribution in test than in train.
    LabelDrift,
    /// Train and test rows can be told apart by all columns together.
    MultivariateDrift,
    /// Two columns that say the same.
    CorrelatedFeatures,
}

impl FindingKind {
    /// As a page names it.
    pub fn title(self) -> &'static str {
        match self {
            FindingKind::TargetProxy => "Tells the target",
            FindingKind::DuplicatesAcrossParts => "Copies across parts",
            FindingKind::IndexLeakage => "Same identifier in train and test",
            FindingKind::GroupLeakage => "Same group in train and test",
            FindingKind::DateDuplicates => "Same times in train and test",
            FindingKind::DateOverlap => "Test is not newer than train",
            FindingKind::Identifier => "Identifier column",
            FindingKind::IdentifierProxy => "Identifier tells the target",
            FindingKind::FeatureLabelChange => "Relation to the target changes",
            FindingKind::NewCategories => "New values in test",
            FindingKind::NewLabels => "New classes in test",
            FindingKind::FeatureDrift => "Column differs between train and test",
            FindingKind::LabelDrift => "Target differs between train and test",
            FindingKind::MultivariateDrift => "Test rows look different",
            FindingKind::CorrelatedFeatures => "Columns that say the same",
        }
    }
}

/// What removes a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Fix {
    /// Don't learn from these.
    DropColumns { columns: Vec<String> },
    /// Keep the first of rows that are equal.
    RemoveDuplicates,
    /// Rows with the same values of these stay in one part.
    SplitByGroup { columns: Vec<String> },
    /// The oldest rows train, the newest test.
    SplitByTime { column: String },
    /// Shuffle, with every class in every part.
    SplitAtRandom,
    /// Shuffle, with the target's quantile bins in every part.
    Stratify { bins: u32 },
    /// Leave rows out between an earlier part and a later one.
    AddGap { column: String },
    /// Nothing that a setting could change: look at how the rows came about.
    Look { at: String },
}

impl Fix {
    /// What the button says.
    pub fn label(&self) -> String {
        match self {
            Fix::DropColumns { columns } if columns.len() == 1 => format!("Leave out {}", columns[0]),
            Fix::DropColumns { columns } => format!("Leave out {}", columns.join(" and ")),
            Fix::RemoveDuplicates => "Remove copies of rows".to_owned(),
            Fix::SplitByGroup { columns } => format!("Split by {}", columns.join(" and ")),
            Fix::SplitByTime { column } => format!("Split by time of {column}"),
            Fix::SplitAtRandom => "Split at random".to_owned(),
            Fix::Stratify { bins } => format!("Stratify by {bins} bins of the target"),
            Fix::AddGap { column } => format!("Leave a gap in {column}"),
            Fix::Look { at } => at.clone(),
        }
    }

    /// Changes the settings of a run so; `false` where no setting can do it.
    pub fn apply(&self, settings: &mut TrainSettings) -> bool {
        match self {
            Fix::DropColumns { columns } => {
                let fresh =
                    columns.iter().filter(|column| !settings.drop.contains(column)).cloned().collect::<Vec<_>>();
                settings.drop.extend(fresh);
                return true;
            }
            Fix::RemoveDuplicates => {
                settings.distinct = true;
                return true;
            }
            Fix::SplitByGroup { columns } => {
                let Some((first, rest)) = columns.split_first() else { return false };
                settings.split.method = SplitMethod::Group { column: first.clone() };
                settings.split.also = rest.to_vec();
                settings.split.gap = None;
            }
            Fix::SplitByTime { column } => {
                settings.split.method = SplitMethod::Time { column: column.clone() };
                settings.split.also.clear();
            }
            Fix::SplitAtRandom | Fix::Stratify { .. } => {
                settings.split.method = SplitMethod::Random;
                settings.split.also.clear();
                settings.split.gap = None;
                if let Fix::Stratify { bins } = self {
                    settings.split.bins = Some(*bins);
                }
            }
            // Rows of the same second as the later part's first are left out of the earlier one.
            Fix::AddGap { .. } => settings.split.gap = Some(Gap::Seconds(1.0)),
            Fix::Look { .. } => return false,
        }
        // Another division than the stored one is asked for.
        settings.kept_split = None;
        true
    }
}

/// One thing that makes a test figure look better than the truth, or worse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Finding {
    pub kind: FindingKind,
    /// Empty for the rows as a whole.
    pub columns: Vec<String>,
    /// 0 to 1, more is worse; what it is of is said in `why`.
    pub score: f64,
    pub severity: Severity,
    /// What was found, with the number behind it, and why it matters.
    pub why: String,
    pub fix: Fix,
}

/// What was found before training; the gravest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LeakageReport {
    pub findings: Vec<Finding>,
    pub target: String,
    /// How rows were divided for it, in words.
    pub split: String,
    /// Train and test rows that were looked at, and of how many.
    pub train_rows: u64,
    pub test_rows: u64,
    pub rows: u64,
}

impl LeakageReport {
    pub fn critical(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Critical)
    }

    /// One sentence beside a verdict: what makes the figures doubtful. `None` where nothing critical was found.
    pub fn caution(&self) -> Option<String> {
        let first = self.critical().next()?;
        let more = self.critical().count() - 1;
        let rest = match more {
            0 => String::new(),
            1 => " One more critical leak was found.".to_owned(),
            n => format!(" {n} more critical leaks were found."),
        };
        Some(format!("Don't trust these figures yet. {}{rest}", first.why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SplitId, split::UsedSplit};

    #[test]
    fn a_fix_changes_the_settings_and_gives_up_a_stored_split() {
        let mut settings = TrainSettings::for_target("y");
        let id = SplitId(uuid::Uuid::nil());
        settings.kept_split =
            Some(UsedSplit { id, division: "parts".into(), name: "kept".into(), hash: String::new() });
        assert!(Fix::DropColumns { columns: vec!["a".into()] }.apply(&mut settings));
        assert!(Fix::DropColumns { columns: vec!["a".into()] }.apply(&mut settings));
        assert!(Fix::RemoveDuplicates.apply(&mut settings));
        assert!(settings.distinct && settings.drop == ["a"] && settings.kept_split.is_some());
        assert!(Fix::SplitByGroup { columns: vec!["g".into(), "h".into()] }.apply(&mut settings));
        assert_eq!(settings.split.columns(), ["g", "h"]);
        assert_eq!(settings.kept_split, None);
        assert!(Fix::Stratify { bins: 10 }.apply(&mut settings));
        assert_eq!((settings.split.columns().len(), settings.split.bins), (0, Some(10)));
        assert!(!Fix::Look { at: "it".into() }.apply(&mut settings));
    }
}
