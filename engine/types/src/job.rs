//! The queue and the lines that pass between a worker and its job process.

use crate::{
    DatasetVersionId, JobId, Problem, RunId, Timestamp, WorkerId, evaluation::RunResult, labels::LabelResult,
    run::MetricPoint, run::TrainSpec,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl JobState {
    pub const ALL: [JobState; 5] =
        [JobState::Queued, JobState::Running, JobState::Succeeded, JobState::Failed, JobState::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Succeeded => "succeeded",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }
    /// Nothing changes any more.
    pub fn is_final(self) -> bool {
        matches!(self, JobState::Succeeded | JobState::Failed | JobState::Cancelled)
    }
    /// Whether the state may become `next`. A running job is queued again when its worker died.
    pub fn may_become(self, next: JobState) -> bool {
        use JobState::*;
        matches!(
            (self, next),
            (Queued, Running | Cancelled | Failed) | (Running, Succeeded | Failed | Cancelled | Queued)
        )
    }
}

impl std::str::FromStr for JobState {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        JobState::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| format!("'{text}' is no job state"))
    }
}

/// What the job process is to do, written to a file by the worker. Holds no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobSpec {
    pub job: JobId,
    pub run: RunId,
    pub attempt: i32,
    pub dataset_version: DatasetVersionId,
    pub train: TrainSpec,
    /// The job's own folder: checkpoints are read from and written to it, results are left in it.
    pub folder: String,
}

/// One line on the job process's standard output.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JobEvent {
    /// Training runs on this device, for this reason.
    Device {
        device: String,
        reason: String,
    },
    Progress(Progress),
    Metrics {
        points: Vec<MetricPoint>,
    },
    Log {
        level: LogLevel,
        line: String,
    },
    /// A checkpoint was written whole; the job can go on from it.
    Checkpoint {
        step: u64,
    },
    /// The last line of a job that went well. Files named in it lie in the job's folder.
    Done {
        result: Box<RunResult>,
    },
    /// The last line of a review of labels that went well.
    Reviewed {
        result: Box<LabelResult>,
    },
    /// The last line of a job that ended on a cancel command.
    Cancelled,
    /// The last line of a job that found it can't go on.
    Failed {
        problem: Problem,
    },
}

/// What small fits took on a worker; see the constants for their tables.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// A pass of RealMLP over [`Calibration::NET_ROWS`] rows.
    pub net_seconds: f64,
    /// Boosted trees as a run fits them, on [`Calibration::TREES_ROWS`] rows.
    pub trees_seconds: f64,
}

impl Calibration {
    pub const NET_ROWS: usize = 8_192;
    pub const TREES_ROWS: usize = 4_096;
    /// Columns of both, all numbers.
    pub const FEATURES: usize = 16;
}

/// One line on the job process's standard input. End of input means that the worker is gone: the process ends.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum JobCommand {
    Cancel,
    /// Write a checkpoint as soon as that can be done, and end.
    Pause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Info,
    Warning,
    Error,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Progress {
    /// What is being done, in words: "Training RealMLP, epoch 12 of 64".
    pub stage: String,
    /// 0 to 1 over the whole job.
    pub fraction: f64,
    /// Seconds left, once the estimate is steady.
    pub eta_seconds: Option<f64>,
    pub rows_per_second: Option<f64>,
}

/// A job as pages show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct JobView {
    pub id: JobId,
    pub state: JobState,
    /// 1 is the first try.
    pub attempt: i32,
    pub max_attempts: i32,
    /// 1 is next; `None` when not queued.
    pub queue_position: Option<u64>,
    /// Estimated from the running jobs' progress and the last runs' durations.
    pub queue_eta_seconds: Option<f64>,
    pub cancel_requested: bool,
    /// Held back by a person: while it is queued nobody starts it, while it runs it is about to be given up.
    pub paused: bool,
    pub progress: Option<Progress>,
    pub worker: Option<WorkerId>,
    pub queued_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Why it failed or was queued again.
    pub reason: Option<String>,
}

/// A process that works the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct WorkerView {
    pub id: WorkerId,
    pub host: String,
    pub device: String,
    pub started_at: Timestamp,
    pub last_seen: Timestamp,
    pub running: u32,
    /// Jobs that it runs at the same time.
    pub slots: u32,
}
