//! Training runs: what was asked for, and what is shown while it goes on.

use crate::split::UsedSplit;
pub use crate::split::{SplitMethod, SplitSpec};
use crate::{
    DatasetId, DatasetVersionId, Problem, ResourceName, RunId, Timestamp,
    decision::{ClassWeight, DecisionSettings},
    evaluation::{RunResult, TestMetric},
    hyper::Hyperparameters,
    job::{JobView, LogLevel},
    loss::{Aim, Loss},
    monotone::Direction,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Task {
    Binary,
    Multiclass,
    Regression,
}

impl Task {
    pub fn as_str(self) -> &'static str {
        match self {
            Task::Binary => "binary",
            Task::Multiclass => "multiclass",
            Task::Regression => "regression",
        }
    }
    pub fn is_classification(self) -> bool {
        self != Task::Regression
    }
    /// The metric that decides between models: `roc_auc`, `accuracy` or `rmse`. A loss may ask for another one, see [`Aim`].
    pub fn primary_metric(self) -> &'static str {
        match self {
            Task::Binary => "roc_auc",
            Task::Multiclass => "accuracy",
            Task::Regression => "rmse",
        }
    }
}

/// The family of model to train.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Trains a linear model, boosted trees of both kinds and RealMLP, on small data a random forest and TabM too, and keeps what
    /// is best on the validation rows: one of them, or a blend.
    #[default]
    Auto,
    /// Logistic or linear regression, with L2.
    Linear,
    /// RealMLP-TD, a neural network for tables.
    RealMlp,
    /// TabM, several neural networks that share most of their weights and answer together.
    TabM,
    /// FT-Transformer, a neural network in which columns look at each other; for small data. `auto` does not try it.
    FtTransformer,
    /// Gradient-boosted trees, as perpetual grows them.
    Trees,
    /// Gradient-boosted trees, grown leaf by leaf as LightGBM does.
    Boosting,
    /// Trees that are grown apart from each other, each on a sample of the rows, and averaged (Breiman 2001).
    Forest,
    /// Several of the others that answer together. An automatic run may end with it; it can't be asked for.
    Blend,
}

/// Most tokens of a row that FT-Transformer takes: one for each column, more for dates and numbers with gaps, and one of its
/// own. Time and memory grow with their square.
pub const MOST_TOKENS: usize = 200;

impl Family {
    /// Those that can be asked for.
    pub const ALL: [Family; 8] = [
        Family::Auto,
        Family::Linear,
        Family::RealMlp,
        Family::TabM,
        Family::FtTransformer,
        Family::Trees,
        Family::Boosting,
        Family::Forest,
    ];

    /// # Errors
    /// A sentence where it can't be asked for.
    pub fn check_asked(self) -> Result<(), Problem> {
        if self != Family::Blend {
            return Ok(());
        }
        let message = "A blend is made of what an automatic run tries. Choose 'auto'.";
        Err(Problem::field("family", message))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Family::Auto => "auto",
            Family::Linear => "linear",
            Family::RealMlp => "realmlp",
            Family::TabM => "tabm",
            Family::FtTransformer => "fttransformer",
            Family::Trees => "trees",
            Family::Boosting => "boosting",
            Family::Forest => "forest",
            Family::Blend => "blend",
        }
    }
    /// As a page names it.
    pub fn title(self) -> &'static str {
        match self {
            Family::Auto => "Automatic",
            Family::Linear => "Linear",
            Family::RealMlp => "RealMLP",
            Family::TabM => "TabM",
            Family::FtTransformer => "FT-Transformer",
            Family::Trees => "Boosted trees",
            Family::Boosting => "Leaf-wise boosting",
            Family::Forest => "Random forest",
            Family::Blend => "Blend",
        }
    }
    /// Whether it can be held to answers that move in one direction only as a column grows; see [`crate::monotone`].
    pub fn keeps_directions(self) -> bool {
        matches!(self, Family::Trees | Family::Boosting | Family::Forest)
    }

    /// Whether [`Family::Auto`] may try it.
    pub fn is_tried(self) -> bool {
        !matches!(self, Family::Auto | Family::FtTransformer | Family::Blend)
    }
}

impl std::str::FromStr for Family {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Family::ALL.into_iter().chain([Family::Blend]).find(|f| f.as_str() == text).ok_or_else(|| {
            format!("'{text}' is no model family. Use auto, linear, realmlp, tabm, fttransformer, trees, boosting or forest.")
        })
    }
}

/// Where to train.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// A real GPU if there is one, otherwise the CPU.
    #[default]
    Auto,
    Cpu,
    /// Vulkan or fail; takes a software rasteriser too.
    Gpu,
}

/// Everything that decides a training run's result, besides the code and the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainSpec {
    /// Parquet file with the rows (train, valid and test, or train and valid if `test_data` is given).
    pub data: String,
    /// A separate test part.
    pub test_data: Option<String>,
    /// The file of the stored split that the settings name.
    #[serde(default)]
    pub split_file: Option<String>,
    /// Bytes that the job's process may take. Left out: half of the machine's memory.
    #[serde(default)]
    pub memory_limit: Option<u64>,
    pub settings: TrainSettings,
}

/// What a person decides about a run. All but the target has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct TrainSettings {
    pub target: String,
    /// Left out: inferred from the target.
    #[serde(default)]
    pub task: Option<Task>,
    /// Columns that are not to be features.
    #[serde(default)]
    pub drop: Vec<String>,
    /// Rows that equal an earlier one in the target and all columns that are not left out belong to no part.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distinct: bool,
    #[serde(default)]
    pub split: SplitSpec,
    /// A stored split of the version, which then decides; `split` says how it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_split: Option<UsedSplit>,
    #[serde(default)]
    pub family: Family,
    #[serde(default)]
    pub seed: u64,
    /// The nets' and the linear model's passes over the train rows; TabM and FT-Transformer may end earlier. Left out: what fits
    /// the time budget, 256 at most.
    #[serde(default)]
    pub epochs: Option<u32>,
    /// Seconds that a net may take, unless `epochs` is given; a forest has as many trees as fit. Left out: 60.
    #[serde(default)]
    pub budget_seconds: Option<f64>,
    #[serde(default)]
    pub device: DeviceChoice,
    /// Hyperparameters that are not left at their defaults, such as `trees.budget`; see [`crate::hyper`].
    #[serde(default, skip_serializing_if = "Hyperparameters::is_empty")]
    pub parameters: Hyperparameters,
    /// What fitting minimises: `squared` (the default), `absolute`, `huber`, `quantile=0.9` or `poisson` of numbers, `log_loss`
    /// (the default) or `focal=2` of classes. Left out: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Option<String>))]
    pub loss: Option<Loss>,
    /// How rows of the classes count while fitting.
    #[serde(default, skip_serializing_if = "is_default")]
    pub class_weight: ClassWeight,
    /// A column of numbers, 0 or more, that says how much each row counts while fitting; it is no feature. Rows without a
    /// number count nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_column: Option<String>,
    /// How probabilities become decisions, and how sure answers say they are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decision: DecisionSettings,
    /// Columns whose groups are looked at first when the model is judged. Left out: those flagged as protected attributes when
    /// the run is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protected: Vec<String>,
    /// Whether an automatic run is to keep a single model. Otherwise it may keep a blend of several, where that is better on the
    /// validation rows: more accurate, and slower to answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub single: bool,
    /// Columns of numbers whose growth may move the answer in one direction only, such as `{"income": "decreasing"}`: of two
    /// classes the second one's probability. Boosted trees and random forests keep it; `auto` leaves out the other families.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub monotone: BTreeMap<String, Direction>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl TrainSettings {
    /// The task where it was asked for: a loss of numbers asks for a regression, whatever the target looks like.
    pub fn asked_task(&self) -> Option<Task> {
        let numbers = self.loss.filter(|loss| !loss.is_of_classes());
        self.task.or(numbers.map(|_| Task::Regression))
    }

    /// What to say where the target is not of [`TrainSettings::asked_task`].
    pub fn refused(&self, problem: Problem) -> Problem {
        let by_loss = self.loss.filter(|loss| self.task.is_none() && !loss.is_of_classes());
        by_loss.and_then(|loss| loss.check_task(Task::Binary).err()).unwrap_or(problem)
    }

    pub fn for_target(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            task: None,
            drop: Vec::new(),
            distinct: false,
            split: SplitSpec::default(),
            kept_split: None,
            family: Family::Auto,
            seed: 0,
            epochs: None,
            budget_seconds: None,
            device: DeviceChoice::Auto,
            parameters: Hyperparameters::new(),
            loss: None,
            class_weight: ClassWeight::None,
            weight_column: None,
            decision: DecisionSettings::default(),
            protected: Vec::new(),
            single: false,
            monotone: BTreeMap::new(),
        }
    }

    /// What a model of this task and these settings is judged by.
    pub fn aim(&self, task: Task) -> Aim {
        Aim::new(task, self.loss)
    }
}

/// Asks for a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NewRun {
    /// Left out: made from the data set's name and the family.
    #[serde(default)]
    pub name: Option<ResourceName>,
    pub dataset_version: DatasetVersionId,
    pub settings: TrainSettings,
}

/// What a run is likely to take, each as a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Estimate {
    pub seconds_low: f64,
    pub seconds_high: f64,
    /// The most that the job's process holds at a time, MiB.
    pub memory_mib_low: f64,
    pub memory_mib_high: f64,
    /// Past runs of about this size on this server that the range comes from. 0: there are too few, and a rule stands in.
    pub from_runs: u32,
    /// Whether the rule was fitted to the workers by small fits on them; otherwise it is a rough one for two processor cores.
    #[serde(default)]
    pub calibrated: bool,
}

/// What the New run page says about a target before anything is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RunPlan {
    pub task: Option<Task>,
    /// One sentence: "Binary classification of `income`: 23.9 % are `>50K`."
    pub summary: String,
    pub train_rows: u64,
    pub valid_rows: u64,
    pub test_rows: u64,
    pub features: u32,
    /// What it will take; unknown while something forbids the run.
    pub estimate: Option<Estimate>,
    /// Jobs ahead in the queue.
    pub queued_before: u64,
    /// What is wrong or worth knowing; `Critical` blocks the run.
    pub warnings: Vec<crate::dataset::DataWarning>,
}

/// One row of the runs table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RunSummary {
    pub id: RunId,
    pub name: String,
    pub dataset: DatasetId,
    pub dataset_name: String,
    pub dataset_version: i32,
    pub target: String,
    pub task: Option<Task>,
    /// As asked for.
    pub family: Family,
    /// What was trained in the end (differs from `family` when that is `auto`).
    pub trained: Option<Family>,
    pub job: JobView,
    /// The primary metric on the test rows.
    pub score: Option<TestMetric>,
    /// `good`, `underfit`, `overfit`, `too_little_data`.
    pub verdict: Option<String>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub seconds: Option<f64>,
}

/// A run, whole, but for its metrics' history and its log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RunView {
    pub summary: RunSummary,
    pub settings: TrainSettings,
    pub dataset_version_id: DatasetVersionId,
    pub dataset_hash: String,
    pub code_version: String,
    /// Where it trains, once known, and why there.
    pub device: Option<String>,
    pub device_reason: Option<String>,
    pub result: Option<RunResult>,
    pub problem: Option<Problem>,
    /// Versions registered from this run: name and number.
    pub registered: Vec<RegisteredAs>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RegisteredAs {
    pub model: String,
    pub version: i32,
}

/// One value of a metric while training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct MetricPoint {
    /// `loss`, `accuracy`, `rmse` …; a family's name stands before it when several are trained: `realmlp/loss`. What the
    /// job's process uses: `system/cpu_cores`, `system/memory_mib`, `system/rows_per_second`.
    pub key: String,
    /// `train` or `valid`; `process` for `system/…`.
    pub part: String,
    /// Epochs done (boosting rounds for trees, trees for a forest); seconds since the job began for `system/…`.
    pub step: u64,
    pub value: f64,
}

/// A curve, thinned to at most 1,500 points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct MetricSeries {
    pub key: String,
    pub part: String,
    pub steps: Vec<u64>,
    pub values: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LogLine {
    /// 1 for the run's first line.
    pub seq: i64,
    pub at: Timestamp,
    pub level: LogLevel,
    pub line: String,
}

/// What the run page's stream sends, as the `data` of one server-sent event: what is new since the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RunUpdate {
    pub job: JobView,
    pub device: Option<String>,
    pub device_reason: Option<String>,
    pub points: Vec<MetricPoint>,
    pub log: Vec<LogLine>,
    /// The run has ended: the page loads the result and closes the stream.
    pub ended: bool,
}

/// How far a reader of a run's stream has read; the default is its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, utoipa::IntoParams))]
#[serde(default)]
pub struct RunCursor {
    /// Metric points seen.
    pub points: i64,
    /// `seq` of the last log line seen.
    pub log: i64,
}

impl std::fmt::Display for RunCursor {
    /// `points.log`: an event's id in the stream.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.points, self.log)
    }
}

impl std::str::FromStr for RunCursor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (points, log) = text.split_once('.')?;
            Some(Self { points: points.parse().ok()?, log: log.parse().ok()? })
        };
        parse().ok_or_else(|| format!("'{text}' is no position in a run's stream"))
    }
}
