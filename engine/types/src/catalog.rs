//! What an organisation says of a data set besides its rows: who answers for it, on what ground it is kept and for how
//! long, what each column means; and how versions and what was made of them hang together.

use crate::{DatasetVersionId, Timestamp, dataset::ColumnType};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest description of a data set or a column, characters.
pub const MAX_DESCRIPTION: usize = 2_000;
/// Longest time that rows may be asked to be kept, days.
pub const MAX_RETENTION_DAYS: u32 = 36_500;

/// The ground on which personal data is processed: GDPR Art. 6(1)(a) to (f), or none is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LegalBasis {
    NoPersonalData,
    Consent,
    Contract,
    LegalObligation,
    VitalInterests,
    PublicTask,
    LegitimateInterests,
}

impl LegalBasis {
    pub const ALL: [LegalBasis; 7] = [
        LegalBasis::NoPersonalData,
        LegalBasis::Consent,
        LegalBasis::Contract,
        LegalBasis::LegalObligation,
        LegalBasis::VitalInterests,
        LegalBasis::PublicTask,
        LegalBasis::LegitimateInterests,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            LegalBasis::NoPersonalData => "no_personal_data",
            LegalBasis::Consent => "consent",
            LegalBasis::Contract => "contract",
            LegalBasis::LegalObligation => "legal_obligation",
            LegalBasis::VitalInterests => "vital_interests",
            LegalBasis::PublicTask => "public_task",
            LegalBasis::LegitimateInterests => "legitimate_interests",
        }
    }

    /// As a page names it.
    pub fn title(self) -> &'static str {
        match self {
            LegalBasis::NoPersonalData => "No personal data",
            LegalBasis::Consent => "Consent (GDPR 6(1)(a))",
            LegalBasis::Contract => "Contract (GDPR 6(1)(b))",
            LegalBasis::LegalObligation => "Legal obligation (GDPR 6(1)(c))",
            LegalBasis::VitalInterests => "Vital interests (GDPR 6(1)(d))",
            LegalBasis::PublicTask => "Public task (GDPR 6(1)(e))",
            LegalBasis::LegitimateInterests => "Legitimate interests (GDPR 6(1)(f))",
        }
    }
}

/// What part a column plays, whatever the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ColumnFlag {
    /// What is to be predicted; one column at most.
    Target,
    /// A protected attribute: groups that a model must not disadvantage.
    Protected,
    /// Says something of a person.
    Personal,
    /// Names a row or a thing; never a feature.
    Identifier,
    /// When the row came about; one column at most.
    Time,
    /// Rows with the same value belong together and must not be divided between train and test; one column at most.
    Group,
}

impl ColumnFlag {
    pub const ALL: [ColumnFlag; 6] = [
        ColumnFlag::Target,
        ColumnFlag::Protected,
        ColumnFlag::Personal,
        ColumnFlag::Identifier,
        ColumnFlag::Time,
        ColumnFlag::Group,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ColumnFlag::Target => "target",
            ColumnFlag::Protected => "protected",
            ColumnFlag::Personal => "personal",
            ColumnFlag::Identifier => "identifier",
            ColumnFlag::Time => "time",
            ColumnFlag::Group => "group",
        }
    }

    /// As a page names it.
    pub fn title(self) -> &'static str {
        match self {
            ColumnFlag::Target => "Target",
            ColumnFlag::Protected => "Protected attribute",
            ColumnFlag::Personal => "Personal data",
            ColumnFlag::Identifier => "Identifier",
            ColumnFlag::Time => "Time",
            ColumnFlag::Group => "Group",
        }
    }

    /// Whether at most one column can have it.
    pub fn is_single(self) -> bool {
        matches!(self, ColumnFlag::Target | ColumnFlag::Time | ColumnFlag::Group)
    }
}

/// What is said of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ColumnNotes {
    /// At most 2,000 characters.
    pub description: String,
    pub flags: Vec<ColumnFlag>,
}

/// What is said of a data set. It can be changed at any time, with an audit event; versions can't.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DatasetDetails {
    /// At most 2,000 characters.
    pub description: String,
    /// Who answers for it: a person or a team.
    pub owner: String,
    /// What it may be used for.
    pub purpose: String,
    pub legal_basis: Option<LegalBasis>,
    /// A version's rows are deleted when it is this many days old; left out: they are kept.
    pub retention_days: Option<u32>,
    /// By column name; columns without an entry have no notes.
    pub columns: BTreeMap<String, ColumnNotes>,
}

impl DatasetDetails {
    /// The columns with a flag, by name.
    pub fn flagged(&self, flag: ColumnFlag) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(move |(_, notes)| notes.flags.contains(&flag)).map(|(name, _)| name.as_str())
    }
}

/// That a version's rows were deleted. Hashes, schema and figures stay as the evidence that they were there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Deletion {
    pub at: Timestamp,
    pub by: String,
    pub reason: String,
}

/// Asks for a version's rows to be deleted for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct DeleteRows {
    /// Why; stands in the audit trail. 3 to 500 characters.
    pub reason: String,
}

/// What changed between two versions of a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct VersionDiff {
    pub before: DatasetVersionId,
    pub before_number: i32,
    pub after: DatasetVersionId,
    pub after_number: i32,
    pub rows: RowDiff,
    /// Columns of either version: changed ones first.
    pub columns: Vec<ColumnDiff>,
    /// The gist, for a person.
    pub sentence: String,
}

/// Rows compared as wholes, by the columns that both versions have with the same type. Order does not count; a row that
/// occurs twice counts twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RowDiff {
    pub before: u64,
    pub after: u64,
    /// False where there are too many rows to compare (64 million in both versions) or no column to compare by; the
    /// counts below are then 0.
    pub compared: bool,
    /// Rows in both.
    pub common: u64,
    pub added: u64,
    pub removed: u64,
    /// Columns that the examples show.
    pub columns: Vec<String>,
    /// The first rows that only the later version has, 10 at most; empty for those who may not see rows.
    pub added_examples: Vec<Vec<Option<String>>>,
    /// The first rows that only the earlier version has.
    pub removed_examples: Vec<Vec<Option<String>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ColumnChange {
    Removed,
    Added,
    /// Another type.
    Retyped,
    /// Same type, other values.
    Changed,
    /// The same values in the same order.
    Same,
}

/// One column in two versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ColumnDiff {
    pub name: String,
    pub change: ColumnChange,
    pub before: Option<ColumnSide>,
    pub after: Option<ColumnSide>,
    /// How far the distribution moved; `None` where the column is not in both with the same type.
    pub shift: Option<Shift>,
    /// Evidently's default rule; `None` as there, or where a side has no values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftTest>,
}

impl ColumnDiff {
    /// Points of a hundred by which the share of missing values must change to be told: drift looks at known values alone.
    const GAP: f64 = 0.05;

    /// The shares of missing values before and after, where they differ by five points or more.
    pub fn gap(&self) -> Option<(f64, f64)> {
        let (before, after) = (self.before.as_ref()?.missing, self.after.as_ref()?.missing);
        ((after - before).abs() >= Self::GAP).then_some((before, after))
    }
}

/// Whether a column drifted, by the rule that Evidently 0.7 applies by default; missing values don't count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct DriftTest {
    pub kind: DriftTestKind,
    /// A probability, 0 to 1, or a distance.
    pub score: f64,
    /// A probability below it, or a distance from it on, is drift.
    pub threshold: f64,
    pub drifted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DriftTestKind {
    /// z-test of two shares; a probability.
    Proportions,
    /// A probability.
    ChiSquared,
    /// A probability.
    KolmogorovSmirnov,
    /// A distance, 0 to 0.83.
    JensenShannon,
    /// A distance in standard deviations of the earlier values.
    Wasserstein,
}

impl DriftTest {
    /// The test and what came of it: "Wasserstein 0.21", "chi-squared p 0.012".
    pub fn in_words(&self) -> String {
        let name = match self.kind {
            DriftTestKind::Proportions => "z-test p",
            DriftTestKind::ChiSquared => "chi-squared p",
            DriftTestKind::KolmogorovSmirnov => "Kolmogorov-Smirnov p",
            DriftTestKind::JensenShannon => "Jensen-Shannon",
            DriftTestKind::Wasserstein => "Wasserstein",
        };
        format!("{name} {:.3}", self.score)
    }
}

/// A column on one side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ColumnSide {
    pub kind: ColumnType,
    /// Share of rows without a value, 0 to 1.
    pub missing: f64,
    pub distinct: u64,
    /// Numbers and times (milliseconds) only.
    pub mean: Option<f64>,
    /// Counts per bin of [`Shift::bins`]; empty without a shift.
    pub counts: Vec<u64>,
}

/// How far a distribution moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Shift {
    /// Population stability index over the bins but the last: the share of missing values is to be looked at apart.
    pub psi: f64,
    /// Two-sample Kolmogorov-Smirnov statistic, 0 to 1; numbers and times only.
    pub ks: Option<f64>,
    /// What the bins are: `up to 10`, `married`, `missing` …
    pub bins: Vec<String>,
}

impl Shift {
    /// The usual reading of a PSI: below 0.1 stable, to 0.25 moved, beyond much moved (Siddiqi, "Credit Risk Scorecards",
    /// 2006).
    pub fn words(&self) -> &'static str {
        match self.psi {
            psi if psi < 0.1 => "stable",
            psi if psi < 0.25 => "moved",
            _ => "much moved",
        }
    }
}

/// What hangs on a data set or a model: where versions came from and what was made of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Lineage {
    /// In the order of drawing: sources first.
    pub nodes: Vec<LineageNode>,
    /// Pairs of node ids.
    pub edges: Vec<LineageEdge>,
    /// Older versions and runs beyond the bound, which are not shown.
    pub left_out: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineageKind {
    /// A file, an address, or a version that a pipeline read.
    Source,
    /// A run of a pipeline that made a version or trained.
    Pipeline,
    Version,
    /// A run of a pipeline that read a version.
    Reader,
    /// A version of another data set that such a run made.
    Written,
    Run,
    Model,
    /// The address that answers with a model's version.
    Endpoint,
}

impl LineageKind {
    pub const ALL: [LineageKind; 8] = [
        LineageKind::Source,
        LineageKind::Pipeline,
        LineageKind::Version,
        LineageKind::Reader,
        LineageKind::Written,
        LineageKind::Run,
        LineageKind::Model,
        LineageKind::Endpoint,
    ];

    /// As the head of its column in a drawing.
    pub fn title(self) -> &'static str {
        match self {
            LineageKind::Source => "Sources",
            LineageKind::Pipeline => "Pipelines",
            LineageKind::Version => "Versions",
            LineageKind::Reader => "Pipelines that read them",
            LineageKind::Written => "Versions they wrote",
            LineageKind::Run => "Runs",
            LineageKind::Model => "Models",
            LineageKind::Endpoint => "Endpoints",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LineageNode {
    pub id: String,
    pub kind: LineageKind,
    pub title: String,
    /// A few words: rows, score, state.
    pub detail: String,
    /// A path within the project's pages, such as `runs/…`; empty where there is no page.
    pub path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LineageEdge {
    pub from: String,
    pub to: String,
}

/// How many rows each protected group has, and how often the favourable class occurs in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct GroupTable {
    /// The protected column.
    pub column: String,
    /// The target, and which of its values is counted; the mean is given where the target is a number.
    pub target: String,
    pub class: Option<String>,
    /// Largest first, ranges of a number in their order; 50 at most, the rest together as `other`.
    pub groups: Vec<GroupRow>,
    /// What to make of it.
    pub sentence: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct GroupRow {
    pub group: String,
    pub rows: u64,
    /// Share of the class, or the target's mean.
    pub rate: f64,
    /// 95 % interval of the share (Wilson, 1927) or of the mean (normal).
    pub low: f64,
    pub high: f64,
}

/// Whether there is enough data to learn from and to judge by, in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Sufficiency {
    pub verdict: Enough,
    /// Gravest first.
    pub sentences: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Enough {
    TooFew,
    Barely,
    Enough,
}
