//! Runs of pipelines: states, what a step's process says, and what pages show.

use super::{Pipeline, StepId, Values};
use crate::{
    DatasetVersionId, PipelineId, PipelineRunId, Problem, Timestamp,
    dataset::{ColumnSchema, RowsView},
    job::LogLevel,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok($name::$variant),)*
                    _ => Err(format!("'{text}' is no {}", stringify!($name))),
                }
            }
        }
    };
}

states! {
    /// Where a step stands.
    StepState {
        /// Not begun.
        Pending = "pending",
        Running = "running",
        Succeeded = "succeeded",
        /// Its result was there already: nothing that it depends on has changed.
        Cached = "cached",
        Failed = "failed",
        /// Something that it needs failed or was refused.
        Skipped = "skipped",
        /// A person has to approve.
        Waiting = "waiting",
        Cancelled = "cancelled",
    }
}

impl StepState {
    /// Its result can be used.
    pub fn is_done(self) -> bool {
        matches!(self, StepState::Succeeded | StepState::Cached)
    }
}

states! {
    /// Where a pipeline's run stands.
    PipelineRunState {
        Queued = "queued",
        Running = "running",
        /// All that can be done is done; a person has to approve.
        Waiting = "waiting",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl PipelineRunState {
    /// Nothing changes any more, unless it is retried.
    pub fn is_final(self) -> bool {
        matches!(self, PipelineRunState::Succeeded | PipelineRunState::Failed | PipelineRunState::Cancelled)
    }
}

/// Something that a step left: a table or a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Output {
    /// Empty for the main one; `train`, `model` …
    pub part: String,
    /// Relative to the cache.
    pub path: String,
    /// blake3, hex.
    pub hash: String,
    pub bytes: u64,
    /// Tables only.
    pub rows: Option<u64>,
    /// Tables only.
    pub columns: Vec<ColumnSchema>,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct StepReport {
    pub id: StepId,
    #[serde(rename = "type")]
    pub kind: String,
    pub state: StepState,
    /// Rows of all tables taken.
    pub rows_in: Option<u64>,
    /// Rows of the main table given.
    pub rows: Option<u64>,
    pub seconds: f64,
    pub cached: bool,
    /// 1 is the first.
    pub attempt: u32,
    pub outputs: Vec<Output>,
    /// What is worth knowing of it by name: metrics, counts.
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Object))]
    pub facts: BTreeMap<String, Value>,
    /// Which columns of which inputs each column comes from, where that is known: `column -> [input.column]`.
    pub lineage: BTreeMap<String, Vec<String>>,
    pub problem: Option<Problem>,
}

impl StepReport {
    /// Of a step that has not begun.
    pub fn pending(id: StepId, kind: String) -> Self {
        Self {
            id,
            kind,
            state: StepState::Pending,
            rows_in: None,
            rows: None,
            seconds: 0.0,
            cached: false,
            attempt: 0,
            outputs: Vec::new(),
            facts: BTreeMap::new(),
            lineage: BTreeMap::new(),
            problem: None,
        }
    }
}

/// What the store or a person has to do for a step, because the step's process can't: commit a data set version, register
/// a model, notify.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The kind of step.
    pub kind: String,
    /// The step's settings, parameters filled in.
    pub with: Value,
    /// Absolute paths of what the step took, by `step` or `step.part`.
    pub inputs: Vec<EffectInput>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectInput {
    pub name: String,
    pub path: String,
    pub rows: Option<u64>,
}

/// One line on the standard output of a pipeline's process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PipelineEvent {
    /// A try of a step began.
    Started {
        step: StepId,
        attempt: u32,
    },
    Log {
        step: StepId,
        level: LogLevel,
        line: String,
    },
    /// A step has ended, or waits for a person. With an effect, it is done once that is.
    Step {
        report: Box<StepReport>,
        effect: Option<Box<Effect>>,
    },
    /// The last line: how the run ended.
    Ended {
        state: PipelineRunState,
        problem: Option<Problem>,
    },
}

/// What a pipeline's process is to do, written to a file by the worker. Holds no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PipelineSpec {
    pub pipeline_run: PipelineRunId,
    pub attempt: i32,
    pub document: Pipeline,
    pub values: Values,
    /// Parquet files of the data sets that `source` steps name, by `name` or `name@version`.
    pub datasets: BTreeMap<String, String>,
    /// Approval steps that were approved.
    pub approved: Vec<StepId>,
    /// Effects that are done, by an earlier attempt of the run.
    pub effects_done: Vec<StepId>,
    pub use_cache: bool,
    pub cache: String,
    pub folder: String,
    /// Bytes.
    pub memory_limit: u64,
    /// Bytes that steps that train may take together. Left out: half of the machine's memory.
    #[serde(default)]
    pub training_memory: Option<u64>,
}

/// The first rows of a step's table, made on a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct StepPreview {
    pub step: StepId,
    pub rows: RowsView,
    /// Rows of each source that were looked at, at most.
    pub sampled: u64,
    pub seconds: f64,
    pub lineage: BTreeMap<String, Vec<String>>,
    /// What the preview leaves out, in words.
    pub note: Option<String>,
}

/// One row of the list of pipelines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PipelineSummary {
    pub id: PipelineId,
    pub name: String,
    pub description: String,
    /// Number of the newest version of the document.
    pub version: i32,
    pub steps: u32,
    /// The schedule in the document's words: `30 6 * * *, Europe/Zurich`.
    pub schedule: Option<String>,
    pub next_tick: Option<Timestamp>,
    pub paused: bool,
    pub last_run: Option<PipelineRunSummary>,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

/// A pipeline with its newest document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PipelineView {
    pub summary: PipelineSummary,
    pub document: Pipeline,
    /// The same as YAML, as it was saved.
    pub yaml: String,
    pub versions: Vec<PipelineVersionView>,
    /// The address that starts it has been made.
    pub has_webhook: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PipelineVersionView {
    pub number: i32,
    /// Why it was changed.
    pub reason: String,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// Saves a document as a new pipeline or as a new version of the one of that name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SavePipeline {
    /// YAML or JSON. YAML is kept as it is written.
    pub document: String,
    /// YAML whose comments are kept where `document` is JSON; where it is empty, the newest version's.
    #[serde(default)]
    pub written: String,
    #[serde(default)]
    pub reason: String,
}

/// Asks for a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewPipelineRun {
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Object))]
    pub parameters: Values,
    /// One partition, where the pipeline has them.
    pub partition: Option<String>,
    /// `false`: every step is done anew.
    pub no_cache: bool,
}

/// Asks for a run of each of some partitions: from `first` to `last`, both included, or those named, or those whose last run
/// did not go well. One of the three; runs are queued in the order of the partitions, or as named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Backfill {
    pub first: Option<String>,
    pub last: Option<String>,
    pub partitions: Vec<String>,
    /// Those whose last run failed or was cancelled.
    pub failed: bool,
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Object))]
    pub parameters: Values,
}

/// A partition and how its last run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PartitionView {
    pub name: String,
    /// None: it has never run.
    pub last: Option<PartitionRun>,
}

/// The last run of a partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PartitionRun {
    pub run: PipelineRunId,
    pub number: i32,
    pub state: PipelineRunState,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// A page of a pipeline's partitions: times the newest first, names as they stand in the document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PartitionPage {
    pub page: crate::Page<PartitionView>,
    /// Partitions in each state: `never`, `failed` …; of all, whatever is asked for.
    pub counts: BTreeMap<String, u64>,
    /// Runs of the pipeline at the same time; further ones wait.
    pub concurrency: u32,
}

/// One row of the list of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PipelineRunSummary {
    pub id: PipelineRunId,
    pub pipeline: PipelineId,
    pub pipeline_name: String,
    /// The document's version.
    pub version: i32,
    /// Counts the pipeline's runs from 1.
    pub number: i32,
    pub state: PipelineRunState,
    pub partition: Option<String>,
    /// `by hand`, `schedule`, `dataset adult v3`, `webhook`, `pipeline clean #4`, `backfill`.
    pub cause: String,
    pub steps_done: u32,
    pub steps: u32,
    pub created_at: Timestamp,
    pub created_by: String,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// A run, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PipelineRunView {
    pub summary: PipelineRunSummary,
    pub document: Pipeline,
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Object))]
    pub values: Values,
    pub cancel_requested: bool,
    pub steps: Vec<StepReport>,
    pub approvals: Vec<ApprovalView>,
    /// Data set versions that the run wrote.
    pub wrote: Vec<WroteView>,
    pub problem: Option<Problem>,
    /// When its log was deleted for its age.
    pub log_deleted_at: Option<Timestamp>,
}

/// What a person decided at an approval step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ApprovalView {
    pub step: StepId,
    pub approved: bool,
    pub reason: String,
    pub decided_at: Timestamp,
    pub decided_by: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct WroteView {
    pub step: StepId,
    pub dataset: String,
    pub dataset_version: DatasetVersionId,
    pub number: i32,
}

/// A decision at an approval step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Decide {
    pub approve: bool,
    #[serde(default)]
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct StepLogLine {
    /// Grows within the run.
    pub seq: i64,
    pub at: Timestamp,
    pub step: StepId,
    pub level: LogLevel,
    pub line: String,
}

/// What the run page's stream sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PipelineRunUpdate {
    pub run: PipelineRunView,
    pub log: Vec<StepLogLine>,
}
