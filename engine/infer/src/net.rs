//! Forward passes of the nets: RealMLP, TabM, FT-Transformer and the linear model.

mod fttransformer;
mod linear;
mod pieces;
mod realmlp;
mod tabm;

use crate::{error::LoadError, target::Predictions, tensors::TensorBag};
use serde::{Deserialize, Serialize};

pub use fttransformer::{Block, FtTransformerModel, FtTransformerNet, FtTransformerWeights, NORM_EPSILON, Norm};
pub use linear::LinearModel;
pub use pieces::{BINS, Pieces, Place};
pub use realmlp::{Layer, RealMlpModel, RealMlpNet, RealMlpWeights};
pub use tabm::{TabMModel, TabMNet, TabMWeights, bin_starts};

/// The least mean probability of several members, so that its logarithm is a number.
const LEAST: f32 = 1e-30;

/// The nonlinearity of RealMLP's hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// For classification.
    Selu,
    /// For regression.
    Mish,
}

/// What a net's outputs mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// One logit a class; probabilities are their softmax.
    Classes { classes: usize },
    /// One number: the target minus `mean`, divided by `scale`, held within `low` and `high`.
    Value { mean: f64, scale: f64, low: f64, high: f64 },
    /// One number: the logarithm of the target over `mean`, for counts and rates; what it stands for is held within `low` and
    /// `high`.
    Rate { mean: f64, low: f64, high: f64 },
}

impl Head {
    /// Number of outputs of the net.
    pub fn outputs(&self) -> usize {
        match self {
            Head::Classes { classes } => *classes,
            Head::Value { .. } | Head::Rate { .. } => 1,
        }
    }

    /// The outputs of a single net that answers as `members` do together (`rows x members x outputs`): the mean of their
    /// values, or the logarithm of the mean of their probabilities or rates.
    pub fn combined(&self, members: usize, mut outputs: Vec<f32>) -> Vec<f32> {
        let wide = self.outputs();
        if members < 2 {
            return outputs;
        }
        // What is meant over the members: outputs as they are, or what they are the logarithm of.
        let logarithms = !matches!(self, Head::Value { .. });
        self.meant(&mut outputs);
        let mut together = Vec::with_capacity(outputs.len() / members);
        let mut sums = vec![0.0f32; wide];
        for row in outputs.chunks_exact(members * wide) {
            sums.fill(0.0);
            for member in row.chunks_exact(wide) {
                sums.iter_mut().zip(member).for_each(|(sum, value)| *sum += value);
            }
            let mean = sums.iter().map(|sum| sum / members as f32);
            together.extend(mean.map(|mean| if logarithms { mean.max(LEAST).ln() } else { mean }));
        }
        together
    }

    /// Makes outputs, row-major, what several members' mean is taken of: values, probabilities, or rates over the mean.
    pub fn meant(&self, outputs: &mut [f32]) {
        match *self {
            Head::Classes { classes } => crate::math::softmax(outputs, classes),
            Head::Value { .. } => {}
            Head::Rate { .. } => outputs.iter_mut().for_each(|y| *y = y.exp()),
        }
    }

    /// Makes predictions of the net's outputs, row-major.
    pub fn predictions(&self, mut outputs: Vec<f32>) -> Predictions {
        match *self {
            Head::Classes { classes } => {
                crate::math::softmax(&mut outputs, classes);
                Predictions::Probabilities { classes, values: outputs }
            }
            Head::Value { mean, scale, low, high } => Predictions::Values(
                outputs.into_iter().map(|y| (f64::from(y) * scale + mean).max(low).min(high)).collect(),
            ),
            Head::Rate { mean, low, high } => Predictions::Values(
                outputs.into_iter().map(|y| (f64::from(y).exp() * mean).max(low).min(high)).collect(),
            ),
        }
    }

    /// Numbers go into an array, so that they come back exact.
    fn store(&self, bag: &mut TensorBag) -> Option<usize> {
        match *self {
            Head::Classes { classes } => Some(classes),
            Head::Value { mean, scale, low, high } => {
                bag.put("head", &[4], vec![mean, scale, low, high]);
                None
            }
            Head::Rate { mean, low, high } => {
                bag.put("rate", &[3], vec![mean, low, high]);
                None
            }
        }
    }

    fn restore(classes: Option<usize>, bag: &mut TensorBag) -> Result<Self, LoadError> {
        if let Some(classes) = classes {
            if !(2..=1_000_000).contains(&classes) {
                return Err(LoadError::part(format!("a net of {classes} classes")));
            }
            return Ok(Head::Classes { classes });
        }
        if bag.names().any(|name| name == "rate") {
            let values = bag.take_shaped::<f64>("rate", &[3])?;
            return Ok(Head::Rate { mean: values[0], low: values[1], high: values[2] });
        }
        let values = bag.take_shaped::<f64>("head", &[4])?;
        Ok(Head::Value { mean: values[0], scale: values[1], low: values[2], high: values[3] })
    }
}

#[cfg(test)]
mod fttransformer_tests;
#[cfg(test)]
mod tabm_tests;
#[cfg(test)]
mod tests;
