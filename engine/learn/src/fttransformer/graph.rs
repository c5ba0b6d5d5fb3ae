//! FT-Transformer as burn tensors with autodiff, on any device, and the engine that trains it on a GPU. Data and parameters stay
//! on the device; the host sends row numbers and reads one loss an epoch.

use super::recipe::{BlockAt, HEADS, LayerAt, Layout, NormAt};
use crate::net::{
    Part, Segment,
    cpu::{Drop, EPSILON},
    engine::{Clock, Engine, Failure, State},
    tensors::{Losses, ResidentTarget, floats, gradient, integers, read, scalar},
};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData, activation};
use std::{ops::Range, sync::Arc};
use trainyard_infer::net::NORM_EPSILON;

/// Most rows, and most scores of a head of attention, that are worked out together: more would be gigabytes in wide tables.
const ROWS: usize = 256;
const SCORES: usize = 1 << 20;

/// Where it is drawn what is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draws {
    /// A hash of the step's key and the place in the batch, which is the same in every run: the CPU's.
    Hashed,
    /// The device's own generator, which each step seeds.
    Device,
}

/// The net with the rows it learns from, on a device.
pub struct Net {
    pub layout: Arc<Layout>,
    pub device: Device,
    train: Resident,
    valid: Resident,
    draws: Draws,
}

/// A part on the device; what it has no column of is missing.
struct Resident {
    dense: Option<Tensor<2>>,
    /// Rows of the tables, `rows x tables`.
    places: Option<Tensor<2, Int>>,
    target: ResidentTarget,
}

/// A part of a step's batch, for dropout.
struct Step<'a> {
    clock: &'a Clock,
    /// The place of its first row in the batch.
    first: usize,
    rows: usize,
}

/// The parameters as leaves of a graph, in the layout's order.
struct Leaves(Vec<Tensor<2>>);

impl Resident {
    fn new(part: &Part, layout: &Layout, device: &Device) -> Self {
        let encoded = &part.encoded;
        let rows = encoded.rows;
        let dense = || floats(encoded.dense.clone(), device).reshape([rows, encoded.width]);
        let places = || integers(&layout.places(&encoded.codes), device).reshape([rows, encoded.embedded]);
        Self {
            dense: (encoded.width > 0).then(dense),
            places: (encoded.embedded > 0).then(places),
            target: ResidentTarget::new(part, device),
        }
    }
}

impl Leaves {
    fn new(layout: &Layout, theta: &Tensor<1>, tracked: bool) -> Self {
        let leaf = |segment: &Segment| {
            let part = theta.clone().slice([segment.range()]).reshape([segment.rows, segment.columns]);
            if tracked { part.autodiff().require_grad() } else { part }
        };
        Self(layout.segments.iter().map(leaf).collect())
    }

    fn at(&self, segment: usize) -> Tensor<2> {
        self.0[segment].clone()
    }

    /// A segment `count x width` as `1 x count x width`, to be combined with every row's tokens.
    fn tokens(&self, segment: usize) -> Tensor<3> {
        let part = self.at(segment);
        let [count, width] = part.dims();
        part.reshape([1, count, width])
    }

    fn layer(&self, x: Tensor<2>, layer: LayerAt) -> Tensor<2> {
        x.matmul(self.at(layer.weight)) + self.at(layer.bias)
    }

    fn norm(&self, x: Tensor<2>, norm: NormAt) -> Tensor<2> {
        let centred = x.clone() - x.mean_dim(1);
        let variance = (centred.clone() * centred.clone()).mean_dim(1);
        centred / (variance + NORM_EPSILON).sqrt() * self.at(norm.gain) + self.at(norm.shift)
    }
}

fn track<const D: usize>(tensor: Tensor<D>, tracked: bool) -> Tensor<D> {
    if tracked { tensor.autodiff() } else { tensor }
}

/// `rows x tokens x width` as one row a token.
fn flat(x: Tensor<3>) -> Tensor<2> {
    let [rows, tokens, width] = x.dims();
    x.reshape([rows * tokens, width])
}

impl Net {
    pub fn new(layout: Arc<Layout>, train: &Part, valid: &Part, device: Device, draws: Draws) -> Self {
        Self {
            train: Resident::new(train, &layout, &device),
            valid: Resident::new(valid, &layout, &device),
            layout,
            device,
            draws,
        }
    }

    /// Rows that are worked out together.
    fn together(&self) -> usize {
        (SCORES / self.layout.tokens().pow(2)).clamp(1, ROWS)
    }

    /// The rows' tokens, `rows x tokens x width`.
    fn tokens(&self, part: &Resident, rows: &Tensor<1, Int>, leaves: &Leaves, tracked: bool) -> Tensor<3> {
        let layout = &*self.layout;
        let ([count], width) = (rows.dims(), layout.width);
        let zeros: Tensor<3> = Tensor::zeros([count, 1, width], &self.device);
        let mut tokens = vec![track(zeros, tracked) + leaves.tokens(layout.cls)];
        if let Some(dense) = &part.dense {
            let numbers: Tensor<3> = dense.clone().select(0, rows.clone()).reshape([count, layout.dense, 1]);
            let scaled = track(numbers, tracked) * leaves.tokens(layout.scale);
            tokens.push(scaled + leaves.tokens(layout.dense_bias));
        }
        if let Some(places) = &part.places {
            let embedded = layout.tables.len();
            let places: Tensor<1, Int> = places.clone().select(0, rows.clone()).reshape([count * embedded]);
            let places = if tracked { places.autodiff() } else { places };
            let found: Tensor<3> = leaves.at(layout.table_rows).select(0, places).reshape([count, embedded, width]);
            tokens.push(found + leaves.tokens(layout.table_bias));
        }
        Tensor::cat(tokens, 1)
    }

    /// Drops this share of numbers that belong to the step's rows in their order, and scales the others up.
    fn dropped<const D: usize>(&self, x: Tensor<D>, share: f64, layer: usize, step: Option<&Step<'_>>) -> Tensor<D> {
        // Without a learning rate a gradient is only compared.
        let Some(step) = step.filter(|step| share > 0.0 && step.clock.rate > 0.0) else { return x };
        let shape = x.dims();
        let factors: Tensor<D> = match self.draws {
            Draws::Hashed => {
                let count: usize = shape.iter().product();
                let mut factors = vec![1.0f32; count];
                let clock = Clock { dropout: share, ..step.clock.clone() };
                if let Some(drop) = Drop::new(&clock, layer) {
                    drop.apply(&mut factors, (step.first * (count / step.rows)) as u32);
                }
                Tensor::from_data(TensorData::new(factors, shape), &self.device)
            }
            Draws::Device => {
                let draw: Tensor<D> = Tensor::random(shape, Distribution::Default, &self.device);
                draw.greater_equal_elem(share).float() / (1.0 - share)
            }
        };
        x * factors.autodiff()
    }

    /// A block; the last one gives `[CLS]` alone, `rows x 1 x width`.
    fn block(&self, x: Tensor<3>, index: usize, leaves: &Leaves, step: Option<&Step<'_>>) -> Tensor<3> {
        let block: &BlockAt = &self.layout.blocks[index];
        let [rows, tokens, width] = x.dims();
        let each = width / HEADS;
        let asked = if index + 1 == self.layout.blocks.len() { 1 } else { tokens };
        let ask = |x: Tensor<3>| if asked < tokens { x.slice([0..rows, 0..asked, 0..width]) } else { x };
        let heads =
            |x: Tensor<2>, tokens: usize| -> Tensor<4> { x.reshape([rows, tokens, HEADS, each]).swap_dims(1, 2) };
        let normed: Tensor<3> = match block.before {
            Some(norm) => leaves.norm(flat(x.clone()), norm).reshape([rows, tokens, width]),
            None => x.clone(),
        };
        let query = heads(leaves.layer(flat(ask(normed.clone())), block.query), asked);
        let normed = flat(normed);
        let key = heads(normed.clone().matmul(leaves.at(block.key)), tokens);
        let value = heads(leaves.layer(normed, block.value), tokens);
        let scores = query.matmul(key.swap_dims(2, 3)) / (each as f64).sqrt();
        let shares = activation::softmax(scores, 3);
        let shares = self.dropped(shares, self.layout.attention_dropout, 2 * index, step);
        let seen: Tensor<2> = shares.matmul(value).swap_dims(1, 2).reshape([rows * asked, width]);
        let x = flat(ask(x)) + leaves.layer(seen, block.out);
        let normed = leaves.norm(x.clone(), block.between);
        let gate = activation::relu(leaves.layer(normed.clone(), block.gate));
        let within = leaves.layer(normed, block.up) * gate;
        let within = self.dropped(within, step.map_or(0.0, |step| step.clock.dropout), 2 * index + 1, step);
        let x = x + leaves.layer(within, block.down);
        x.reshape([rows, asked, width])
    }

    /// The outputs, `rows x outputs`. `step`: the gradient will be asked for.
    fn forward(&self, part: &Resident, rows: &Tensor<1, Int>, leaves: &Leaves, step: Option<&Step<'_>>) -> Tensor<2> {
        let mut x = self.tokens(part, rows, leaves, step.is_some());
        for index in 0..self.layout.blocks.len() {
            x = self.block(x, index, leaves, step);
        }
        leaves.layer(activation::relu(leaves.norm(flat(x), self.layout.norm)), self.layout.head)
    }

    /// Takes other train rows.
    pub fn replace_train(&mut self, part: &Part) {
        self.train = Resident::new(part, &self.layout, &self.device);
    }

    /// What train rows add to the mean loss of a batch of `of` rows, in which they begin at `first`, and to its gradient in the
    /// flat vector's order.
    ///
    /// # Errors
    /// The device fails.
    pub fn gradient(
        &self,
        theta: &Tensor<1>,
        rows: &[u32],
        first: usize,
        of: usize,
        clock: &Clock,
    ) -> Result<(Tensor<1>, Tensor<1>), Failure> {
        let together = self.together();
        let mut sum: Option<(Tensor<1>, Tensor<1>)> = None;
        for (index, rows) in rows.chunks(together).enumerate() {
            let step = Step { clock, first: first + index * together, rows: rows.len() };
            let leaves = Leaves::new(&self.layout, theta, true);
            let numbers = integers(rows, &self.device);
            let outputs = self.forward(&self.train, &numbers, &leaves, Some(&step));
            let loss = self.train.target.loss(outputs, numbers, 0.0) * (rows.len() as f64 / of as f64);
            let (loss, part) = gradient(loss, &leaves.0)?;
            sum = Some(match sum {
                Some((losses, all)) => (losses + loss, all + part),
                None => (loss, part),
            });
        }
        sum.ok_or_else(|| Failure::Device("a batch has no rows".into()))
    }

    /// The outputs for rows of a part, `rows x outputs`, without dropout.
    ///
    /// # Errors
    /// The device fails.
    pub fn outputs(&self, theta: &Tensor<1>, valid: bool, rows: Range<usize>) -> Result<Vec<f32>, Failure> {
        let part = if valid { &self.valid } else { &self.train };
        let leaves = Leaves::new(&self.layout, theta, false);
        let rows: Vec<u32> = rows.map(|row| row as u32).collect();
        let mut all = Vec::with_capacity(rows.len() * self.layout.outputs);
        for rows in rows.chunks(self.together()) {
            all.extend(read(self.forward(part, &integers(rows, &self.device), &leaves, None))?);
        }
        Ok(all)
    }
}

/// The engine of a GPU.
pub struct Graph {
    net: Net,
    theta: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
    /// 1 where weight decay counts, else 0.
    decays: Tensor<1>,
    steps: u64,
    losses: Losses,
}

impl Graph {
    pub fn new(layout: Arc<Layout>, train: &Part, valid: &Part, theta: &[f32], device: Device) -> Self {
        let decays = layout
            .segments
            .iter()
            .flat_map(|segment| std::iter::repeat_n(if segment.decays { 1.0 } else { 0.0 }, segment.range().len()));
        Self {
            theta: floats(theta.to_vec(), &device),
            first: Tensor::zeros([layout.total], &device),
            second: Tensor::zeros([layout.total], &device),
            decays: floats(decays.collect(), &device),
            steps: 0,
            losses: Losses::default(),
            net: Net::new(layout, train, valid, device, Draws::Device),
        }
    }
}

impl Engine for Graph {
    fn step(&mut self, rows: &[u32], clock: &Clock) -> Result<(), Failure> {
        self.net.device.seed(clock.key);
        let (loss, gradient) = self.net.gradient(&self.theta, rows, 0, rows.len(), clock)?;
        self.losses.add(loss);
        self.steps += 1;
        let (unbias, (beta1, beta2)) = (clock.unbias(self.steps), clock.betas);
        self.first = self.first.clone() * beta1 + gradient.clone() * (1.0 - beta1);
        self.second = self.second.clone() * beta2 + gradient.powi_scalar(2) * (1.0 - beta2);
        let step = self.first.clone() / ((self.second.clone() / unbias.1).sqrt() + EPSILON) * (clock.rate / unbias.0);
        let shrunk = self.theta.clone() * (self.decays.clone() * (-clock.decay * clock.rate) + 1.0);
        self.theta = shrunk - step;
        Ok(())
    }

    fn whole_gradient(&self, rows: &[u32], clock: &Clock) -> Result<(f64, Vec<f32>), Failure> {
        let (loss, gradient) = self.net.gradient(&self.theta, rows, 0, rows.len(), clock)?;
        Ok((f64::from(scalar(loss)?), read(gradient)?))
    }

    fn mean_loss(&mut self) -> Result<f64, Failure> {
        self.losses.mean()
    }

    fn outputs(&mut self, valid: bool, rows: Range<usize>) -> Result<Vec<f32>, Failure> {
        self.net.outputs(&self.theta, valid, rows)
    }

    fn replace_train(&mut self, part: Arc<Part>) {
        self.net.replace_train(&part);
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
        let device = &self.net.device;
        self.theta = floats(state.theta, device);
        self.first = floats(state.first, device);
        self.second = floats(state.second, device);
        self.steps = state.steps;
        self.losses = Losses::default();
    }
}
