//! What trains a RealMLP: on the CPU [`super::fused`], on a GPU [`super::graph`].

use super::{
    fused::Rule,
    random,
    recipe::{self, Segment},
};
use std::ops::Range;

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The loss is infinite or no number.
    NotFinite,
    /// The device or a thread gave up.
    Device(String),
}

/// Everything that changes while training.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub theta: Vec<f32>,
    /// Adam's moments.
    pub first: Vec<f32>,
    pub second: Vec<f32>,
    pub steps: u64,
}

/// Where in the schedule a step is.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// Share of activations to drop.
    pub dropout: f64,
    /// The learning rate of a segment with factor 1.
    pub rate: f64,
    pub decay: f64,
    /// Decides what is dropped.
    pub key: u64,
}

impl Clock {
    /// For step `step` of `steps`.
    pub fn new(classification: bool, seed: u64, step: u64, steps: u64) -> Self {
        let t = step as f64 / steps.max(1) as f64;
        Self {
            dropout: recipe::DROPOUT * recipe::flat_cos(t),
            rate: recipe::learning_rate(classification) * recipe::coslog4(t),
            decay: recipe::WEIGHT_DECAY * recipe::flat_cos(t),
            key: random::mix(seed ^ random::mix(step)),
        }
    }

    /// For scoring: no dropout.
    pub fn still() -> Self {
        Self { dropout: 0.0, rate: 0.0, decay: 0.0, key: 0 }
    }

    /// Adam's step for a segment; `unbias` is 1 − βᵗ of both moments.
    pub fn rule(&self, segment: &Segment, unbias: (f64, f64)) -> Rule {
        Rule {
            shrink: self.shrink(segment) as f32,
            rate: (self.rate * segment.rate / unbias.0) as f32,
            second_unbias: (1.0 / unbias.1) as f32,
        }
    }

    /// What weight decay multiplies by. The segment's factor counts twice, as in pytabkit.
    pub fn shrink(&self, segment: &Segment) -> f64 {
        if segment.decays { 1.0 - self.decay * self.rate * segment.rate.powi(2) } else { 1.0 }
    }
}

/// Holds the data and the parameters, and takes steps.
pub trait Engine {
    /// One step of Adam on the mean loss of these train rows.
    fn step(&mut self, rows: &[u32], clock: &Clock) -> Result<(), Failure>;
    /// The mean of the steps' losses since it was last asked for.
    fn mean_loss(&mut self) -> Result<f64, Failure>;
    /// The net's outputs for rows of the train or validation part, row-major, without dropout.
    fn outputs(&mut self, valid: bool, rows: Range<usize>) -> Result<Vec<f32>, Failure>;
    fn state(&self) -> Result<State, Failure>;
    fn restore(&mut self, state: State);
}
