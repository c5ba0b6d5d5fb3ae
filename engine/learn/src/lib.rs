//! Fitting: rows in, a [`trainyard_infer`] model out. Nets train with burn on the device chosen at run time, trees with
//! perpetual on the CPU.

pub mod device;
pub mod dummy;
mod family;
pub mod fttransformer;
mod lbfgs;
pub mod linear;
mod net;
pub mod realmlp;
mod scale;
pub mod tabm;
pub mod trees;
pub mod weights;

pub use family::fit;

use std::collections::BTreeMap;
use trainyard_infer::{Frame, Target};
use trainyard_types::{
    Problem,
    hyper::Hyperparameters,
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
    /// How much each row counts; `None`: all alike.
    pub weights: Option<Weights<'a>>,
}

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
    pub model: trainyard_infer::Model,
    /// Epochs (boosting rounds for trees) that the kept weights saw.
    pub epochs: u64,
    pub rows_per_second: f64,
    pub seconds: f64,
    /// What was set and derived, for people.
    pub parameters: BTreeMap<String, String>,
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
mod tests;
