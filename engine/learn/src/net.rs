//! What the families of nets share: how they are trained epoch by epoch, the step's parts that are the same, and scoring.

pub mod checkpoint;
pub mod cpu;
pub mod engine;
pub mod feed;
pub mod ground;
pub mod place;
pub mod random;
pub mod score;
pub mod tensors;
pub mod training;

use crate::goal::Goal;
use engine::Failure;
use std::{ops::Range, sync::Arc};
use trainyard_infer::{
    Frame, Target,
    net::Head,
    preprocess::{Encoded, Encoder},
};
use trainyard_types::Problem;

/// One array of parameters, a part of the flat vector of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    pub start: usize,
    pub rows: usize,
    pub columns: usize,
    /// Factor of the learning rate.
    pub rate: f64,
    /// Whether weight decay shrinks it.
    pub decays: bool,
}

impl Segment {
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.rows * self.columns
    }
}

/// The rows of a part with what is to be learned from them.
#[derive(Clone, Debug)]
pub struct Part {
    pub encoded: Encoded,
    pub target: Truth,
    /// What is to be learned of it.
    pub goal: Goal,
    /// How much each row counts; `None`: all alike.
    pub weights: Option<Vec<f32>>,
}

impl Part {
    /// # Errors
    /// The frame lacks a column of the encoder's.
    pub fn new(
        encoder: &Encoder,
        frame: &Frame,
        target: &Target,
        goal: Goal,
        weights: Option<&[f64]>,
    ) -> Result<Arc<Self>, Problem> {
        let weights = weights.map(|weights| weights.iter().map(|weight| *weight as f32).collect());
        Ok(Arc::new(Self { encoded: encoder.encode(frame)?, target: truth(target, goal.head), goal, weights }))
    }
}

/// The target as the loss takes it.
#[derive(Clone, Debug)]
pub enum Truth {
    Classes(Vec<u32>),
    /// Standardised, or as parts of their mean.
    Values(Vec<f32>),
}

/// Numbers in the units that they are learned in.
pub fn truth(target: &Target, head: Head) -> Truth {
    match (target, head) {
        (Target::Classes(classes), _) => Truth::Classes(classes.clone()),
        (Target::Values(values), Head::Value { mean, scale, .. }) => {
            Truth::Values(values.iter().map(|v| ((v - mean) / scale) as f32).collect())
        }
        (Target::Values(values), Head::Rate { mean, .. }) => {
            Truth::Values(values.iter().map(|v| (v / mean) as f32).collect())
        }
        (Target::Values(values), Head::Classes { .. }) => Truth::Values(values.iter().map(|v| *v as f32).collect()),
    }
}

/// No column varies.
fn nothing_to_learn() -> Problem {
    Problem::invalid(
        "No column says anything about the target: all are constant or only identify rows. Keep at least one feature.",
    )
}

pub fn diverged() -> Problem {
    Problem::invalid(
        "Training diverged: the loss is no longer a finite number. Look for extreme values in the columns and in the target \
         (for a target that spans several powers of ten, train on its logarithm), or choose another model family.",
    )
}

impl From<Failure> for crate::FitError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotFinite => diverged().into(),
            Failure::Device(why) => {
                Problem::internal(format!("The training device failed ({why}). Try again, or choose the device 'cpu'."))
                    .into()
            }
        }
    }
}
