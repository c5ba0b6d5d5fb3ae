//! Data sets: what was read, how, and what the columns look like.

use crate::{
    DatasetId, DatasetVersionId, Problem, ResourceName, Timestamp, UploadId,
    catalog::{DatasetDetails, Deletion},
    checks::CheckStanding,
};
use serde::{Deserialize, Serialize};

/// The type of a column, after reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// 64-bit signed.
    Integer,
    /// 64-bit IEEE float.
    Float,
    Boolean,
    /// UTF-8; also categories.
    Text,
    /// An instant in UTC, to the millisecond; dates are midnight.
    Datetime,
}

impl ColumnType {
    pub const ALL: [ColumnType; 5] =
        [ColumnType::Integer, ColumnType::Float, ColumnType::Boolean, ColumnType::Text, ColumnType::Datetime];

    pub fn as_str(self) -> &'static str {
        match self {
            ColumnType::Integer => "integer",
            ColumnType::Float => "float",
            ColumnType::Boolean => "boolean",
            ColumnType::Text => "text",
            ColumnType::Datetime => "datetime",
        }
    }
    pub fn is_numeric(self) -> bool {
        matches!(self, ColumnType::Integer | ColumnType::Float)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ColumnSchema {
    pub name: String,
    pub kind: ColumnType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Delimited text: CSV, TSV and their kin.
    Csv,
    /// One JSON object a line.
    JsonLines,
    Parquet,
}

/// How a file is to be read. Inferred first, then corrected by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ReadOptions {
    pub format: FileFormat,
    /// CSV only; one ASCII character.
    pub delimiter: char,
    /// A WHATWG label: `utf-8`, `utf-16le`, `utf-16be`, `windows-1252` …
    pub encoding: String,
    /// CSV only: the first line holds the names.
    pub has_header: bool,
    /// Texts that mean "missing", besides the empty one. Compared after trimming.
    pub missing: Vec<String>,
    /// The columns in file order, with the types to read them as.
    pub columns: Vec<ColumnSchema>,
}

/// An uploaded file that waits for confirmation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct UploadView {
    pub id: UploadId,
    pub file_name: String,
    pub bytes: u64,
    pub options: ReadOptions,
    /// The first rows as text, in file order; `None` is missing.
    pub sample: Vec<Vec<Option<String>>>,
    /// Things worth knowing before committing, in words.
    pub notes: Vec<String>,
}

/// Makes a data set (or a new version of the one with that name) of an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct CommitUpload {
    pub name: ResourceName,
    #[serde(default)]
    pub description: String,
    /// Left out: as inferred.
    #[serde(default)]
    pub options: Option<ReadOptions>,
    /// What to do with rows that can't be read as typed.
    #[serde(default)]
    pub bad_rows: BadRows,
    /// What becomes of the rows of the data set's newest version, if there is one.
    #[serde(default)]
    pub mode: CommitMode,
    /// Why this version is made, at most 500 characters.
    #[serde(default)]
    pub why: String,
}

/// What a new file is to the data set that has the name already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CommitMode {
    /// The next version holds the file's rows alone.
    #[default]
    Replace,
    /// The next version holds the newest version's rows and after them the file's, which must have the same columns.
    Append,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BadRows {
    /// Refuse the file and list them.
    #[default]
    Refuse,
    /// Leave them out and count them.
    Skip,
}

/// A row that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct BadRow {
    /// 1 for the file's first line.
    pub line: u64,
    /// Empty where the row as a whole is at fault.
    pub column: String,
    /// At most 80 characters of the value.
    pub value: String,
    pub reason: String,
}

/// How many rows could not be read, with the first 20 of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct BadRowReport {
    pub count: u64,
    pub first: Vec<BadRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct DatasetView {
    pub id: DatasetId,
    pub name: String,
    pub description: String,
    /// Who answers for it.
    pub owner: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub latest: VersionSummary,
    /// Runs that trained on any version.
    pub runs: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct VersionSummary {
    pub id: DatasetVersionId,
    /// 1, 2, 3 …
    pub number: i32,
    pub rows: u64,
    pub columns: u32,
    /// Size of the stored Parquet file.
    pub bytes: u64,
    /// blake3 of the stored Parquet file, hex.
    pub hash: String,
    pub source_name: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub warnings: u32,
    /// The number of the version that was the newest when this one was made, or that it was made of.
    pub parent: Option<i32>,
    /// Why it was made, where that was said.
    pub why: String,
    /// Set once the rows were deleted.
    pub deleted: Option<Deletion>,
    /// By its latest checks; none where it was never checked.
    pub checks: Option<CheckStanding>,
    /// It broke the data set's contract and is not current until an approver waives that or it passes.
    pub quarantined: bool,
}

/// One version with its schema and profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct VersionView {
    pub summary: VersionSummary,
    pub dataset: DatasetId,
    pub dataset_name: String,
    pub profile: Profile,
    pub bad_rows: BadRowReport,
    pub read_options: ReadOptions,
    /// What is said of the data set today.
    pub details: DatasetDetails,
}

/// What a data set looks like, column by column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Profile {
    pub rows: u64,
    /// Rows that are exact copies of an earlier row.
    pub duplicate_rows: u64,
    pub columns: Vec<ColumnProfile>,
    pub warnings: Vec<DataWarning>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ColumnProfile {
    pub name: String,
    pub kind: ColumnType,
    /// blake3 of the values in their order, hex: equal exactly where the column is.
    #[serde(default)]
    pub hash: String,
    /// Rows without a value.
    pub missing: u64,
    /// Different values; exact to 1,000,000, then a lower bound.
    pub distinct: u64,
    /// Integer, float and datetime columns (datetimes in milliseconds since 1970).
    pub numeric: Option<NumericProfile>,
    /// The most frequent values, most frequent first, 20 at most (text, boolean, and numbers with few values).
    pub top: Vec<ValueCount>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NumericProfile {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Sample standard deviation (n - 1).
    pub std: f64,
    /// 5, 25, 50, 75 and 95 % quantiles, linear interpolation as NumPy's default.
    pub quantiles: [f64; 5],
    pub zeros: u64,
    pub negative: u64,
    /// Equal-width bins from `min` to `max`, 20 at most.
    pub histogram: Vec<u64>,
    /// Values drawn at random that quantiles and histogram are estimated from; `None`: they stand on all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ValueCount {
    pub value: String,
    pub count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// One thing that a person should know about the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct DataWarning {
    pub severity: Severity,
    /// `constant`, `id_like`, `imbalance`, `mixed_types`, `missing`, `high_cardinality`, `duplicates`, `skewed`; of a run's plan
    /// also `streamed`.
    pub kind: String,
    /// Empty for the whole table.
    pub column: String,
    /// What it is, the number behind it, and what to do.
    pub message: String,
}

/// Some rows of a version, as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RowsView {
    pub columns: Vec<ColumnSchema>,
    /// Rows in the version's order; `None` is missing.
    pub rows: Vec<Vec<Option<String>>>,
    /// Index of the first row shown, from 0.
    pub offset: u64,
    pub total: u64,
}

/// Reading a file failed; `report` says where, if rows were at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFailure {
    pub problem: Problem,
    pub report: BadRowReport,
}

impl From<Problem> for ReadFailure {
    /// A failure that no single row is at fault for.
    fn from(problem: Problem) -> Self {
        Self { problem, report: BadRowReport::default() }
    }
}
