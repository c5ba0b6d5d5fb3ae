//! Steps that are declared here, so that documents can be checked anywhere, and done by whoever has a trainer.

use crate::kind::{About, Made, StepContext, StepKind, Stop, read};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, marker::PhantomData};
use trainyard_types::{
    Problem,
    decision::{CalibrationChoice, ClassWeight, DecisionSettings, SetMethod, ThresholdRule},
    hyper::{self, Hyperparameters},
    loss::Loss,
    monotone::{self, Direction},
    run::{DeviceChoice, Family, SplitMethod, SplitSpec, TrainSettings},
};

/// Settings of a declared kind.
pub trait Declare: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    const ABOUT: About;
    /// What other steps can take of it.
    const GIVES: &'static [&'static str];
    /// # Errors
    /// What is wrong with the settings by themselves.
    fn check(&self) -> Result<(), Problem>;
}

/// A [`Declare`] as a kind that can be checked and not run.
pub struct Declared<T>(PhantomData<fn() -> T>);

impl<T> Default for Declared<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Declare> StepKind for Declared<T> {
    fn about(&self) -> About {
        T::ABOUT
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.root_schema_for::<T>()
    }
    fn gives(&self) -> &'static [&'static str] {
        T::GIVES
    }
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
        read::<T>(with)?.check()
    }
    fn run(&self, _: &mut StepContext<'_>) -> Result<Made, Stop> {
        let kind = T::ABOUT.kind;
        Err(Problem::invalid(format!("Steps of type '{kind}' can't be done here, only in a run.")).into())
    }
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Families {
    #[default]
    Auto,
    Linear,
    RealMlp,
    TabM,
    FtTransformer,
    Trees,
    Boosting,
    Forest,
}

impl Families {
    fn family(self) -> Family {
        match self {
            Families::Auto => Family::Auto,
            Families::Linear => Family::Linear,
            Families::RealMlp => Family::RealMlp,
            Families::TabM => Family::TabM,
            Families::FtTransformer => Family::FtTransformer,
            Families::Trees => Family::Trees,
            Families::Boosting => Family::Boosting,
            Families::Forest => Family::Forest,
        }
    }
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Devices {
    #[default]
    Auto,
    Cpu,
    Gpu,
}

/// Trains a model.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// The column to predict.
    #[schemars(extend("x-names" = "columns"))]
    target: String,
    /// Columns that are not to be learnt from.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    drop: Vec<String>,
    /// auto trains several families and keeps the best, or a blend.
    #[serde(default)]
    family: Families,
    /// Keep a single model where several are tried.
    #[serde(default)]
    single: bool,
    #[serde(default)]
    seed: u64,
    /// Passes over the rows; left out: what fits the budget.
    #[serde(default)]
    epochs: Option<u32>,
    /// Seconds for the neural network or the random forest.
    #[serde(default)]
    budget_seconds: Option<f64>,
    #[serde(default)]
    device: Devices,
    /// What fitting minimises: squared, absolute, huber, quantile=0.9 or poisson of numbers, log_loss or focal=2 of classes. Left
    /// out: squared or log_loss.
    #[serde(default)]
    loss: Option<String>,
    /// Hyperparameters that are not to have their defaults, such as `trees.budget: 1`.
    #[serde(default)]
    parameters: Hyperparameters,
    /// The column that says train, valid or test. Left out: the one that a split step before has made, otherwise rows are
    /// divided at random, 60 / 20 / 20 %.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    split_column: Option<String>,
    /// balanced lets every class count alike while fitting, however rare.
    #[serde(default)]
    class_weight: Weighing,
    /// A column that says how much each row counts while fitting; it is no feature.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    weight_column: Option<String>,
    /// How probabilities are calibrated; auto takes what helps, if anything does.
    #[serde(default)]
    calibration: Calibrations,
    /// What the threshold of two classes is chosen by.
    #[serde(default)]
    threshold: Thresholds,
    /// For precision_at_recall and recall_at_precision: the least recall or precision.
    #[serde(default)]
    threshold_at_least: Option<f64>,
    /// For cost: what a false positive costs.
    #[serde(default = "one")]
    false_positive_cost: f64,
    /// For cost: what a false negative costs.
    #[serde(default = "one")]
    false_negative_cost: f64,
    /// The share of rows whose truth an interval or a set of classes is to hold; 0: none are made.
    #[serde(default = "coverage")]
    coverage: f64,
    /// Columns whose groups are judged first.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    protected: Vec<String>,
    /// Columns of numbers whose growth may move the answer in one direction only: {income: decreasing}. Trees and forests keep it.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    monotone: BTreeMap<String, Directions>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Directions {
    Increasing,
    Decreasing,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Weighing {
    #[default]
    None,
    Balanced,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Calibrations {
    None,
    #[default]
    Auto,
    Isotonic,
    Sigmoid,
    Temperature,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Thresholds {
    #[default]
    Half,
    Accuracy,
    F1,
    BalancedAccuracy,
    Youden,
    Mcc,
    PrecisionAtRecall,
    RecallAtPrecision,
    Cost,
}

fn one() -> f64 {
    1.0
}

fn coverage() -> f64 {
    0.9
}

impl Train {
    fn decision(&self) -> DecisionSettings {
        let least = self.threshold_at_least.unwrap_or(0.8);
        let threshold = match self.threshold {
            Thresholds::Half => ThresholdRule::Half,
            Thresholds::Accuracy => ThresholdRule::Accuracy,
            Thresholds::F1 => ThresholdRule::F1,
            Thresholds::BalancedAccuracy => ThresholdRule::BalancedAccuracy,
            Thresholds::Youden => ThresholdRule::Youden,
            Thresholds::Mcc => ThresholdRule::Mcc,
            Thresholds::PrecisionAtRecall => ThresholdRule::PrecisionAtRecall { recall: least },
            Thresholds::RecallAtPrecision => ThresholdRule::RecallAtPrecision { precision: least },
            Thresholds::Cost => ThresholdRule::Cost {
                false_positive: self.false_positive_cost,
                false_negative: self.false_negative_cost,
            },
        };
        DecisionSettings {
            calibration: match self.calibration {
                Calibrations::None => CalibrationChoice::None,
                Calibrations::Auto => CalibrationChoice::Auto,
                Calibrations::Isotonic => CalibrationChoice::Isotonic,
                Calibrations::Sigmoid => CalibrationChoice::Sigmoid,
                Calibrations::Temperature => CalibrationChoice::Temperature,
            },
            threshold,
            coverage: (self.coverage != 0.0).then_some(self.coverage),
            sets: SetMethod::Lac,
        }
    }

    fn monotone(&self) -> BTreeMap<String, Direction> {
        let of = |direction: &Directions| match direction {
            Directions::Increasing => Direction::Increasing,
            Directions::Decreasing => Direction::Decreasing,
        };
        self.monotone.iter().map(|(column, direction)| (column.clone(), of(direction))).collect()
    }

    /// The settings as training knows them; `part_column` is the column that a split step made.
    pub fn settings(self, part_column: Option<String>) -> TrainSettings {
        let (decision, monotone) = (self.decision(), self.monotone());
        let mut settings = TrainSettings::for_target(self.target);
        (settings.decision, settings.monotone) = (decision, monotone);
        settings.class_weight = match self.class_weight {
            Weighing::None => ClassWeight::None,
            Weighing::Balanced => ClassWeight::Balanced,
        };
        (settings.weight_column, settings.protected) = (self.weight_column, self.protected);
        settings.drop = self.drop;
        (settings.family, settings.single) = (self.family.family(), self.single);
        settings.device = match self.device {
            Devices::Auto => DeviceChoice::Auto,
            Devices::Cpu => DeviceChoice::Cpu,
            Devices::Gpu => DeviceChoice::Gpu,
        };
        (settings.seed, settings.epochs, settings.budget_seconds) = (self.seed, self.epochs, self.budget_seconds);
        settings.parameters = self.parameters;
        // A text that is none was refused when the document was read.
        settings.loss = self.loss.and_then(|text| text.parse().ok());
        settings.split = SplitSpec { seed: self.seed, ..SplitSpec::default() };
        if let Some(column) = self.split_column.or(part_column) {
            settings.split.method = SplitMethod::Given { column };
        }
        settings
    }
}

impl Declare for Train {
    const GIVES: &'static [&'static str] = &["model", "result"];
    const ABOUT: About = About {
        kind: "train",
        title: "Train",
        help: "Trains and judges a model; gives it as STEP.model and its result as STEP.result.",
        group: "Model",
        inputs: (1, 1),
        version: 3,
        sql: &[],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.target.is_empty() {
            return Err(Problem::invalid("Name the 'target' column."));
        }
        if let Some(message) = hyper::problems(&self.parameters, self.family.family()).into_iter().next() {
            return Err(Problem::invalid(message));
        }
        monotone::check_family(&self.monotone(), self.family.family())?;
        if let Some(text) = &self.loss {
            let loss = text.parse::<Loss>().map_err(Problem::invalid)?;
            loss.check_family(self.family.family())?;
        }
        if self.epochs == Some(0) || self.budget_seconds.is_some_and(|seconds| seconds <= 0.0) {
            return Err(Problem::invalid("'epochs' and 'budget_seconds' have to be above 0."));
        }
        self.decision().check()
    }
}

/// Judges a model on a table.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// Metrics that must be reached, otherwise the step fails: {roc_auc: 0.9, accuracy: 0.8}.
    #[serde(default)]
    pub minimum: BTreeMap<String, f64>,
    /// Metrics that must not be passed: {rmse: 2.5, log_loss: 0.4}.
    #[serde(default)]
    pub maximum: BTreeMap<String, f64>,
}

impl Declare for Evaluate {
    const GIVES: &'static [&'static str] = &[];
    const ABOUT: About = About {
        kind: "evaluate",
        title: "Evaluate",
        help: "Judges a model (first input, TRAIN.model) on a table with the outcomes (second), and stops where it is not good enough.",
        group: "Model",
        inputs: (2, 2),
        version: 1,
        sql: &[],
    };
    fn check(&self) -> Result<(), Problem> {
        Ok(())
    }
}
