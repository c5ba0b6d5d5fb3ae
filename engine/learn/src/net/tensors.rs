//! Small helpers of the graphs: numbers onto the device and back.

use super::{Part, Truth, engine::Failure};
use crate::goal::{Goal, LEAST, NumberLoss, ROUNDED, STEEPEST};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use std::ops::Range;

/// Sides of matrix products are a multiple of this: it spares kernels for odd shapes, which some drivers compile wrongly
/// (seen on SwiftShader).
pub const SIDE: usize = 64;

/// Rows of all members that go through a graph at once, while it keeps what the way back needs; the gradients of more are
/// summed. The widest nets take some gigabytes of the device with it.
pub const TOGETHER: usize = 16_384;

/// `count` places, at most `most` (at least one) at a time.
pub fn spans(count: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let most = most.max(1);
    (0..count).step_by(most).map(move |first| first..(first + most).min(count))
}

/// A matrix product (of each member) whose inner and right side are padded.
pub fn product<const D: usize>(x: Tensor<D>, weight: Tensor<D>, tracked: bool, device: &Device) -> Tensor<D> {
    let wide = weight.dims()[D - 1];
    let weight = widen(widen(weight, D - 2, tracked, device), D - 1, tracked, device);
    let found = widen(x, D - 1, tracked, device).matmul(weight);
    if found.dims()[D - 1] == wide { found } else { found.narrow(D - 1, 0, wide) }
}

pub fn floats(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}

pub fn integers(values: &[u32], device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = values.iter().map(|&v| v as i32).collect();
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}

/// The rows, and the first one again up to a multiple of [`SIDE`].
pub fn padded(rows: &[u32]) -> Vec<u32> {
    let mut all = rows.to_vec();
    all.resize(rows.len().next_multiple_of(SIDE), rows.first().copied().unwrap_or(0));
    all
}

/// Appends zeros along a dimension up to a multiple of [`SIDE`].
pub fn widen<const D: usize>(tensor: Tensor<D>, dimension: usize, tracked: bool, device: &Device) -> Tensor<D> {
    let mut shape = tensor.dims();
    shape[dimension] = shape[dimension].next_multiple_of(SIDE) - shape[dimension];
    if shape[dimension] == 0 {
        return tensor;
    }
    let zeros = Tensor::zeros(shape, device);
    Tensor::cat(vec![tensor, if tracked { zeros.autodiff() } else { zeros }], dimension)
}

/// What is to be learned, on the device, and how much each row counts.
pub struct ResidentTarget {
    truth: ResidentTruth,
    goal: Goal,
    weights: Option<Tensor<1>>,
}

enum ResidentTruth {
    Classes(Tensor<1, Int>),
    Values(Tensor<1>),
}

impl ResidentTarget {
    pub fn new(part: &Part, device: &Device) -> Self {
        let truth = match &part.target {
            Truth::Classes(classes) => ResidentTruth::Classes(integers(classes, device)),
            Truth::Values(values) => ResidentTruth::Values(floats(values.clone(), device)),
        };
        Self { truth, goal: part.goal, weights: part.weights.as_ref().map(|weights| floats(weights.clone(), device)) }
    }

    /// The mean loss of outputs (`rows x outputs`, tracked) for the rows of these numbers; `smoothing` is the share of a class
    /// that is spread over all; the focal loss spreads nothing.
    pub fn loss(&self, outputs: Tensor<2>, rows: Tensor<1, Int>, smoothing: f32) -> Tensor<1> {
        let weights = self.weights.as_ref();
        let weights = weights.map(|weights| weights.clone().select(0, rows.clone()).reshape([-1, 1]).autodiff());
        let weighted = |losses: Tensor<2>| match weights {
            Some(weights) => losses * weights,
            None => losses,
        };
        match &self.truth {
            ResidentTruth::Classes(classes) => {
                let classes = classes.clone().select(0, rows).reshape([-1, 1]).autodiff();
                let logs = activation::log_softmax(outputs, 1);
                let gamma = self.goal.gamma;
                if gamma > 0.0 {
                    let right = logs.gather(1, classes);
                    // The power by way of its logarithm: what is raised is never 0.
                    let others = -right.clone().exp() + (1.0 + LEAST);
                    return -weighted(right * (others.log() * gamma).exp()).mean();
                }
                let plain = logs.clone().mean_dim(1);
                let right = logs.gather(1, classes);
                -weighted(right * (1.0 - smoothing) + plain * smoothing).mean()
            }
            ResidentTruth::Values(values) => {
                let target = values.clone().select(0, rows).reshape([-1, 1]).autodiff();
                weighted(number(self.goal.loss, outputs, target)).mean()
            }
        }
    }
}

/// Each row's loss: [`NumberLoss::at`] in operations that autodiff knows.
fn number(loss: NumberLoss, outputs: Tensor<2>, target: Tensor<2>) -> Tensor<2> {
    // Huber's loss of sizes.
    let rounded = |size: Tensor<2>, delta: f32| {
        let far = activation::relu(size.clone() - delta);
        let near = size - far.clone();
        near.powi_scalar(2) * 0.5 + far * delta
    };
    match loss {
        NumberLoss::Squared => (outputs - target).powi_scalar(2),
        NumberLoss::Huber { delta } => {
            let error = outputs - target;
            rounded(activation::relu(error.clone()), delta) + rounded(activation::relu(-error), delta)
        }
        NumberLoss::Absolute | NumberLoss::Quantile { .. } => {
            let (over, under) = loss.sides();
            let error = outputs - target;
            rounded(activation::relu(error.clone()), ROUNDED) * (over / ROUNDED)
                + rounded(activation::relu(-error), ROUNDED) * (under / ROUNDED)
        }
        NumberLoss::Poisson => {
            let far = activation::relu(outputs.clone() - STEEPEST);
            let rate = (outputs.clone() - far.clone()).exp();
            rate * (far + 1.0) - target * outputs
        }
    }
}

/// The loss, and its gradient in the leaves, one after the other; leaves without numbers have none.
///
/// # Errors
/// A leaf takes no part in the loss.
pub fn gradient(loss: Tensor<1>, leaves: &[Tensor<2>]) -> Result<(Tensor<1>, Tensor<1>), Failure> {
    let mut gradients = loss.backward();
    let parts: Option<Vec<Tensor<1>>> = leaves
        .iter()
        .filter(|leaf| leaf.dims().iter().product::<usize>() > 0)
        .map(|leaf| leaf.grad_remove(&mut gradients).map(|gradient| gradient.reshape([-1])))
        .collect();
    let parts = parts.ok_or_else(|| Failure::Device("a parameter got no gradient".into()))?;
    Ok((loss.inner(), Tensor::cat(parts, 0)))
}

/// The steps' losses, which stay on the device until their mean is asked for.
#[derive(Default)]
pub struct Losses {
    sum: Option<Tensor<1>>,
    steps: u64,
}

impl Losses {
    pub fn add(&mut self, loss: Tensor<1>) {
        self.steps += 1;
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + loss,
            None => loss,
        });
    }

    /// The mean since it was last asked for; 0 where there was no step.
    ///
    /// # Errors
    /// It is no finite number, or the device fails.
    pub fn mean(&mut self) -> Result<f64, Failure> {
        let Self { sum: Some(sum), steps } = std::mem::take(self) else { return Ok(0.0) };
        let mean = f64::from(scalar(sum)?) / steps as f64;
        if mean.is_finite() { Ok(mean) } else { Err(Failure::NotFinite) }
    }
}

/// Reads a tensor of one number; what is not there is no number.
///
/// # Errors
/// The device fails.
pub fn scalar(tensor: Tensor<1>) -> Result<f32, Failure> {
    Ok(read(tensor)?.first().copied().unwrap_or(f32::NAN))
}

/// Reads a tensor from the device.
///
/// # Errors
/// The device fails.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Failure> {
    let data = tensor.try_into_data().map_err(|error| Failure::Device(format!("{error:?}")))?;
    data.as_slice::<f32>().map(<[f32]>::to_vec).map_err(|error| Failure::Device(error.to_string()))
}

/// Copies the numbers of a tensor that lies on the CPU.
pub fn to_vec<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data();
    data.as_slice::<f32>().map(<[f32]>::to_vec).unwrap_or_default()
}
