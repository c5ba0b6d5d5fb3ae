//! Fitting: rows in, a [`trainyard_infer`] model out. Nets train with burn on the device chosen at run time, boosted trees of
//! both kinds and random forests on the CPU.

pub mod boosting;
mod cuts;
pub mod device;
pub mod dummy;
mod family;
pub mod forest;
pub mod fttransformer;
mod goal;
mod lbfgs;
pub mod linear;
mod monotone;
mod net;
pub mod realmlp;
mod scale;
pub mod tabm;
pub mod trees;
pub mod weights;

pub use family::fit;

use std::collections::BTreeMap;
use trainyard_infer::{Frame, Model, Predictions, Predictor, Target, signature};
use trainyard_types::{
    Problem,
    hyper::Hyperparameters,
    loss::{Aim, Loss},
    model::Signature,
    monotone::Monotone,
    run::{DeviceChoice, MetricPoint, Task},
};

/// The rows to fit on and the rows that decide when to stop. Frames hold features only, in the same column order.
#[derive(Clone, Copy)]
pub struct TrainData<'a> {
    pub train: &'a Frame,
    pub train_target: &'a Target,
    pub valid: &'a Frame,
    pub valid_target: &'a Target,
    pub task: Task,
    /// Labels of the classes that a [`Target::Classes`] counts; empty for regression.
    pub classes: &'a [String],
    pub target_name: &'a str,
    /// What is minimised; `None`: the squared error of numbers, the log loss of classes.
    pub loss: Option<Loss>,
    /// How much each row counts; `None`: all alike.
    pub weights: Option<Weights<'a>>,
    /// All train rows, where they are more than `train` holds, which is a sample of them then. Nets learn from all, in
    /// buffers; columns are prepared by the sample, and the other families are fitted on it.
    pub stream: Option<&'a dyn RowStream>,
}

impl TrainData<'_> {
    /// What the model is judged by.
    fn aim(&self) -> Aim {
        Aim::new(self.task, self.loss)
    }

    /// The model that takes these columns and gives this target.
    fn model(&self, predictor: Predictor) -> Model {
        let signature = signature::fit(self.train, self.target_name, self.task, self.classes);
        Model::new(Signature { loss: self.loss, ..signature }, predictor)
    }

    /// Train rows that a net learns from.
    pub fn train_rows(&self) -> usize {
        self.stream.map_or(self.train.rows, |stream| stream.rows() as usize)
    }
}

/// Train rows that do not fit the memory. A pass hands out each of them once, in so many buffers; the same pass and buffer
/// give the same rows. Frames have the train frame's columns, categories with levels of their own.
pub trait RowStream: Sync {
    /// Train rows in all, 1 or more.
    fn rows(&self) -> u64;
    /// Buffers of a pass, 1 or more.
    fn buffers(&self) -> usize;
    /// Rows of a buffer at most.
    fn largest(&self) -> usize;
    /// Rows of the first so many buffers, over all passes.
    fn seen(&self, buffers: u64) -> u64;
    /// The rows of a buffer, their outcomes and how much they count, on the scale of [`Weights::train`].
    ///
    /// # Errors
    /// They can't be read.
    fn read(&self, pass: u64, buffer: usize) -> Result<StreamedRows, Problem>;
}

/// Features, outcomes and weights.
pub type StreamedRows = (Frame, Target, Option<Vec<f64>>);

/// How much rows count, 0 or more, one number a row. Those of the train rows have a mean of 1: losses keep their scale.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    pub train: &'a [f64],
    /// They decide when to stop: what is kept is best by the weighted loss.
    pub valid: &'a [f64],
}

/// How to fit. The same options on the same rows give the same model, bit for bit, on the CPU.
#[derive(Clone, Debug)]
pub struct FitOptions {
    pub seed: u64,
    /// Passes over the train rows; `None`: what fits `budget_seconds`, 256 at most.
    pub epochs: Option<u32>,
    /// Seconds of wall time to aim for.
    pub budget_seconds: f64,
    pub device: DeviceChoice,
    /// What is not left at its default; see [`trainyard_types::hyper`].
    pub parameters: Hyperparameters,
    /// Columns of numbers whose growth may move the answer in one direction only. Trees and forests keep it, for numbers and for
    /// two classes; the others do not know of it.
    pub monotone: Monotone,
    /// Bytes that boosted trees may plan with beside the rows; `None`: 2 GB. What they plan decides how large a tree may grow.
    pub memory: Option<u64>,
}

impl FitOptions {
    /// The hyperparameter's value where it is set.
    pub fn set(&self, key: &str) -> Option<f64> {
        self.parameters.get(key).copied()
    }
}

/// Hears how fitting goes, and stops it.
pub trait Observer {
    /// `fraction` is 0 to 1 of this fit.
    fn progress(&mut self, fraction: f64, stage: &str, rows_per_second: Option<f64>);
    fn metrics(&mut self, points: &[MetricPoint]);
    fn log(&mut self, line: &str);
    /// Asked between steps; `true` ends the fit with [`FitError::Cancelled`].
    fn cancelled(&mut self) -> bool;
    /// Called at each epoch's end with the state to resume from; `bytes` makes it only when called.
    fn checkpoint(&mut self, step: u64, bytes: &dyn Fn() -> Vec<u8>);
}

/// A fitted model and how it came about.
pub struct Fitted {
    pub model: Model,
    /// Epochs (boosting rounds for trees, trees of a forest) that the kept weights saw.
    pub epochs: u64,
    pub rows_per_second: f64,
    pub seconds: f64,
    /// What was set and derived, for people.
    pub parameters: BTreeMap<String, String>,
    /// A forest's answers about train rows, as those of its trees give them that did not see the row: its answers about rows
    /// that it learned by heart say nothing.
    pub unseen: Option<Unseen>,
}

/// Answers about train rows that were not learned from.
pub struct Unseen {
    /// Indices of the rows.
    pub rows: Vec<usize>,
    pub predictions: Predictions,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    #[error("cancelled")]
    Cancelled,
    #[error(transparent)]
    Problem(#[from] Problem),
}

#[cfg(test)]
mod quantile_tests;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
