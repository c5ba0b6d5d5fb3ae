//! What trains a net: fused loops on the CPU, a graph with autodiff on a GPU.

use super::{Part, Segment, cpu::Rule};
use std::{ops::Range, sync::Arc};

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The loss is infinite or no number.
    NotFinite,
    /// The device or a thread gave up.
    Device(String),
}

/// Everything that changes while training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub theta: Vec<f32>,
    /// Adam's moments.
    pub first: Vec<f32>,
    pub second: Vec<f32>,
    pub steps: u64,
}

/// What a step does, by where in the schedule it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// Share of activations to drop.
    pub dropout: f64,
    /// The learning rate of a segment with factor 1.
    pub rate: f64,
    pub decay: f64,
    /// How much of Adam's moments stays.
    pub betas: (f64, f64),
    /// Decides what is dropped.
    pub key: u64,
}

impl Clock {
    /// For scoring: no dropout.
    pub fn still() -> Self {
        Self { dropout: 0.0, rate: 0.0, decay: 0.0, betas: (0.0, 0.0), key: 0 }
    }

    /// Adam's `steps`th step for a segment, counted from 1. The gradient is multiplied by `clip`.
    pub fn rule(&self, segment: &Segment, steps: u64, clip: f32) -> Rule {
        let unbias = self.unbias(steps);
        Rule {
            shrink: self.shrink(segment) as f32,
            rate: (self.rate * segment.rate / unbias.0) as f32,
            second_unbias: (1.0 / unbias.1) as f32,
            beta1: self.betas.0 as f32,
            beta2: self.betas.1 as f32,
            clip,
        }
    }

    /// 1 − βᵗ of both moments.
    pub fn unbias(&self, steps: u64) -> (f64, f64) {
        let power = i32::try_from(steps).unwrap_or(i32::MAX);
        (1.0 - self.betas.0.powi(power), 1.0 - self.betas.1.powi(power))
    }

    /// What weight decay multiplies by. The segment's factor counts twice, as in pytabkit.
    pub fn shrink(&self, segment: &Segment) -> f64 {
        if segment.decays { 1.0 - self.decay * self.rate * segment.rate.powi(2) } else { 1.0 }
    }
}

/// Holds the data and the parameters, and takes steps.
pub trait Engine {
    /// One step of Adam on the mean loss of these train rows: first those of the first member, then of the second, and so on.
    fn step(&mut self, rows: &[u32], clock: &Clock) -> Result<(), Failure>;
    /// The mean of the steps' losses since it was last asked for.
    fn mean_loss(&mut self) -> Result<f64, Failure>;
    /// The loss of such rows, the members' mean, and the gradient in the flat vector's order; for comparison with another engine.
    fn whole_gradient(&self, rows: &[u32], clock: &Clock) -> Result<(f64, Vec<f32>), Failure>;
    /// The outputs for rows of the train or validation part, `rows x members x outputs`, without dropout.
    fn outputs(&mut self, valid: bool, rows: Range<usize>) -> Result<Vec<f32>, Failure>;
    /// Takes other train rows in place of those at hand.
    fn replace_train(&mut self, part: Arc<Part>);
    fn state(&self) -> Result<State, Failure>;
    fn restore(&mut self, state: State);
}
