//! Linear and logistic regression.

use super::Head;
use crate::{
    error::{LoadError, PredictError},
    frame::Frame,
    preprocess::Encoder,
    product::{Multiply, Packed},
    target::Predictions,
    tensors::{Stored, TensorBag},
};
use serde::{Deserialize, Serialize};

/// `outputs = encoded · weights + bias`, one output a class or one for a number.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearModel {
    encoder: Encoder,
    head: Head,
    /// `inputs x outputs`, row-major.
    weights: Vec<f32>,
    bias: Vec<f32>,
    packed: Packed,
}

impl LinearModel {
    /// `weights` is `encoder.width() x head.outputs()`, row-major; the encoder must not embed.
    ///
    /// # Errors
    /// If a length does not fit, or a number is not finite.
    pub fn new(encoder: Encoder, head: Head, weights: Vec<f32>, bias: Vec<f32>) -> Result<Self, LoadError> {
        let (inputs, outputs) = (encoder.width(), head.outputs());
        if inputs == 0
            || !encoder.embedding_rows().is_empty()
            || weights.len() != inputs * outputs
            || bias.len() != outputs
        {
            return Err(LoadError::part("the linear model's weights do not fit its columns"));
        }
        if !weights.iter().chain(&bias).all(|v| v.is_finite()) {
            return Err(LoadError::part("the linear model holds numbers that are not finite"));
        }
        let packed = Packed::new(&weights, inputs, outputs);
        Ok(Self { encoder, head, weights, bias, packed })
    }

    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    pub fn head(&self) -> Head {
        self.head
    }

    /// `inputs x outputs`, row-major; [`Encoder::output_names`] names the inputs.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    pub fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// # Errors
    /// As [`Encoder::encode`].
    pub fn predict(&self, frame: &Frame) -> Result<Predictions, PredictError> {
        let encoded = self.encoder.encode(frame)?;
        let mut outputs = vec![0.0; encoded.rows * self.head.outputs()];
        let product = Multiply { matrix: &self.packed, x: &encoded.dense, bias: &self.bias, out: &mut outputs };
        pulp::Arch::new().dispatch(product);
        Ok(self.head.predictions(outputs))
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    encoder: serde_json::Value,
    classes: Option<usize>,
}

impl Stored for LinearModel {
    fn store(&self, bag: &mut TensorBag) -> Result<serde_json::Value, LoadError> {
        let encoder = self.encoder.store(bag)?;
        bag.put("weights", &[self.encoder.width(), self.head.outputs()], self.weights.clone());
        bag.put("bias", &[self.head.outputs()], self.bias.clone());
        Ok(serde_json::to_value(Header { encoder, classes: self.head.store(bag) })?)
    }

    fn restore(header: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let Header { encoder, classes } = serde_json::from_value(header)?;
        let encoder = Encoder::restore(encoder, bag)?;
        let head = Head::restore(classes, bag)?;
        let weights = bag.take_shaped("weights", &[encoder.width(), head.outputs()])?;
        let bias = bag.take_shaped("bias", &[head.outputs()])?;
        Self::new(encoder, head, weights, bias)
    }
}
