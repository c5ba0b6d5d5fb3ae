//! RealMLP's training step as burn tensors with autodiff, on any device. Data and parameters stay on the device; the host
//! sends row numbers and reads one loss an epoch. Sides of matrix products are padded with zeros to a multiple of
//! [`SIDE`](crate::net::tensors::SIDE).

use super::recipe::{DEPTH, FREQUENCIES, LABEL_SMOOTHING, Layout, MIXED};
use crate::net::{
    Part, Segment,
    cpu::EPSILON,
    engine::{Clock, Engine, Failure, State},
    tensors::{Losses, ResidentTarget, floats, gradient, integers, padded, read, scalar, widen},
};
use burn::tensor::{Device, Distribution, Int, Tensor, activation};
use std::{ops::Range, sync::Arc};
use trainyard_infer::net::Activation;

/// The engine; see the module.
pub struct Graph {
    layout: Arc<Layout>,
    device: Device,
    train: Resident,
    valid: Resident,
    theta: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
    /// The learning rate's factor of each parameter, and its square where weight decay counts, else 0.
    rates: Tensor<1>,
    decays: Tensor<1>,
    steps: u64,
    losses: Losses,
}

/// A part on the device.
struct Resident {
    dense: Tensor<2>,
    codes: Option<Tensor<2, Int>>,
    target: ResidentTarget,
}

impl Resident {
    fn new(part: &Part, device: &Device) -> Self {
        let encoded = &part.encoded;
        let dense = floats(encoded.dense.clone(), device).reshape([encoded.rows, encoded.width]);
        let codes =
            (encoded.embedded > 0).then(|| integers(&encoded.codes, device).reshape([encoded.rows, encoded.embedded]));
        Self { dense, codes, target: ResidentTarget::new(part, device) }
    }
}

/// The parameters as leaves of one step's graph, in the layout's order.
struct Leaves(Vec<Tensor<2>>);

impl Leaves {
    fn new(layout: &Layout, theta: &Tensor<1>, tracked: bool) -> Self {
        let leaf = |segment: &Segment| {
            let part = theta.clone().slice([segment.range()]).reshape([segment.rows, segment.columns]);
            if tracked { part.autodiff().require_grad() } else { part }
        };
        Self(layout.segments().map(leaf).collect())
    }
    /// The leaf at `index`, counting from the end of the four that belong to cosines.
    fn table(&self, index: usize) -> Tensor<2> {
        self.0[4 + index].clone()
    }
    fn after_tables(&self, tables: usize, index: usize) -> Tensor<2> {
        self.0[4 + tables + index].clone()
    }
}

impl Graph {
    /// # Errors
    /// If the device fails.
    pub fn new(layout: Arc<Layout>, train: &Part, valid: &Part, theta: &[f32], device: Device) -> Self {
        let each = |value: &dyn Fn(&Segment) -> f64| {
            let values =
                layout.segments().flat_map(|segment| std::iter::repeat_n(value(segment) as f32, segment.range().len()));
            floats(values.collect(), &device)
        };
        Self {
            train: Resident::new(train, &device),
            valid: Resident::new(valid, &device),
            theta: floats(theta.to_vec(), &device),
            first: Tensor::zeros([layout.total], &device),
            second: Tensor::zeros([layout.total], &device),
            rates: each(&|segment| segment.rate),
            decays: each(&|segment| {
                if segment.decays { segment.rate.powi(2) } else { 0.0 }
            }),
            steps: 0,
            losses: Losses::default(),
            layout,
            device,
        }
    }

    /// The net's outputs for rows given by number.
    fn forward(
        &self,
        part: &Resident,
        rows: &Tensor<1, Int>,
        leaves: &Leaves,
        tracked: bool,
        clock: &Clock,
    ) -> Tensor<2> {
        let layout = &self.layout;
        let track = |tensor: Tensor<2>| if tracked { tensor.autodiff() } else { tensor };
        let x = part.dense.clone().select(0, rows.clone());
        let [count, dense] = x.dims();
        let x = track(x);
        let mut columns = Vec::new();
        if dense > 0 {
            let cosines = (x.clone().reshape([count, dense, 1])
                * leaves.0[0].clone().reshape([1, dense, FREQUENCIES])
                * std::f32::consts::TAU
                + leaves.0[1].clone().reshape([1, dense, FREQUENCIES]))
            .cos();
            let mixed = cosines.reshape([count, dense, 1, FREQUENCIES])
                * leaves.0[2].clone().reshape([1, dense, MIXED, FREQUENCIES]);
            let mixed =
                mixed.sum_dim(3).reshape([count, dense, MIXED]) + leaves.0[3].clone().reshape([1, dense, MIXED]);
            columns.push(mixed.reshape([count, dense * MIXED]));
            columns.push(x);
        }
        if let Some(codes) = &part.codes {
            let codes = codes.clone().select(0, rows.clone());
            for index in 0..layout.tables.len() {
                let code = codes.clone().slice([0..count, index..index + 1]).reshape([count]);
                let code = if tracked { code.autodiff() } else { code };
                columns.push(leaves.table(index).select(0, code));
            }
        }
        let tables = layout.tables.len();
        let values = Tensor::cat(columns, 1) * leaves.after_tables(tables, 0);
        let mut values = widen(values, 1, tracked, &self.device);
        for layer in 0..=DEPTH {
            let weight = leaves.after_tables(tables, 1 + (DEPTH + 1) + DEPTH + layer);
            let bias = leaves.after_tables(tables, 1 + layer);
            let tangent = layout.tangent(layer);
            if layer == DEPTH {
                let z = values.matmul(widen(weight, 1, tracked, &self.device));
                return z.slice([0..count, 0..layout.outputs]) * tangent + bias;
            }
            let weight = if layer == 0 { widen(weight, 0, tracked, &self.device) } else { weight };
            let z = values.matmul(weight) * tangent + bias;
            let f = match layout.activation {
                Activation::Selu => activation::selu(z.clone()),
                Activation::Mish => activation::mish(z.clone()),
            };
            let alpha = leaves.after_tables(tables, 1 + (DEPTH + 1) + layer);
            values = z.clone() + (f - z) * alpha;
            if clock.dropout > 0.0 {
                let draw: Tensor<2> = Tensor::random(values.dims(), Distribution::Default, &self.device);
                let kept = draw.greater_equal_elem(clock.dropout).float() / (1.0 - clock.dropout);
                values = values * track(kept);
            }
        }
        values
    }

    /// The mean loss of the rows, as a graph, and its leaves.
    fn graph(&self, rows: &[u32], clock: &Clock) -> (Tensor<1>, Leaves) {
        let count = rows.len();
        let rows = integers(&padded(rows), &self.device);
        let leaves = Leaves::new(&self.layout, &self.theta, true);
        let outputs = self.forward(&self.train, &rows, &leaves, true, clock);
        let outputs = outputs.slice([0..count, 0..self.layout.outputs]);
        let rows = rows.narrow(0, 0, count);
        let loss = self.train.target.loss(outputs, rows, LABEL_SMOOTHING);
        (loss, leaves)
    }

    /// The gradient in the flat vector's order, and the loss.
    fn gradient(&self, rows: &[u32], clock: &Clock) -> Result<(Tensor<1>, Tensor<1>), Failure> {
        let (loss, leaves) = self.graph(rows, clock);
        gradient(loss, &leaves.0)
    }
}

impl Engine for Graph {
    fn step(&mut self, rows: &[u32], clock: &Clock) -> Result<(), Failure> {
        if self.steps == 0 || clock.dropout > 0.0 {
            self.device.seed(clock.key);
        }
        let (loss, gradient) = self.gradient(rows, clock)?;
        self.losses.add(loss);
        self.steps += 1;
        let (unbias, (beta1, beta2)) = (clock.unbias(self.steps), clock.betas);
        self.first = self.first.clone() * beta1 + gradient.clone() * (1.0 - beta1);
        self.second = self.second.clone() * beta2 + gradient.powi_scalar(2) * (1.0 - beta2);
        let step = self.first.clone() / ((self.second.clone() / unbias.1).sqrt() + EPSILON)
            * self.rates.clone()
            * (clock.rate / unbias.0);
        let shrunk = self.theta.clone() * (self.decays.clone() * (-clock.decay * clock.rate) + 1.0);
        self.theta = shrunk - step;
        Ok(())
    }

    fn whole_gradient(&self, rows: &[u32], clock: &Clock) -> Result<(f64, Vec<f32>), Failure> {
        let (loss, gradient) = self.gradient(rows, clock)?;
        Ok((f64::from(scalar(loss)?), read(gradient)?))
    }

    fn mean_loss(&mut self) -> Result<f64, Failure> {
        self.losses.mean()
    }

    fn outputs(&mut self, valid: bool, rows: Range<usize>) -> Result<Vec<f32>, Failure> {
        let part = if valid { &self.valid } else { &self.train };
        let leaves = Leaves::new(&self.layout, &self.theta, false);
        let numbers: Vec<u32> = rows.map(|row| row as u32).collect();
        let mut all = Vec::with_capacity(numbers.len() * self.layout.outputs);
        for block in numbers.chunks(4_096) {
            let rows = integers(&padded(block), &self.device);
            let outputs = self.forward(part, &rows, &leaves, false, &Clock::still());
            all.extend(read(outputs)?.into_iter().take(block.len() * self.layout.outputs));
        }
        Ok(all)
    }

    fn replace_train(&mut self, part: Arc<Part>) {
        self.train = Resident::new(&part, &self.device);
    }

    fn state(&self) -> Result<State, Failure> {
        Ok(State {
            theta: read(self.theta.clone())?,
            first: read(self.first.clone())?,
            second: read(self.second.clone())?,
            steps: self.steps,
        })
    }

    fn restore(&mut self, state: State) {
        self.theta = floats(state.theta, &self.device);
        self.first = floats(state.first, &self.device);
        self.second = floats(state.second, &self.device);
        self.steps = state.steps;
        self.losses = Losses::default();
    }
}
