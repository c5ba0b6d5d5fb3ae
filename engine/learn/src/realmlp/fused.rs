//! RealMLP's training step on the CPU: matrix products are burn's (flex), all between them is done in few fused loops, and
//! the gradient is written out. Several times as fast as the same step on an autodiff graph, with which a test compares it.
//!
//! A batch is always cut into the same two halves, whose gradients are summed, so that two threads give the same bits as
//! one.

mod backward;
mod forward;

use super::recipe::{DEPTH, LABEL_SMOOTHING, Layout};
use crate::net::{
    Part,
    cpu::{Gradient, Held, Pools, numbers, whole},
    engine::{Clock, Engine, Failure, State},
};
use burn::tensor::{Tensor, TensorData};
use std::{ops::Range, sync::Arc};

/// Rows are padded to a multiple of this, the lanes of the widest vector register.
const LANES: usize = 16;
/// Rows that are scored together.
const SCORED: usize = 256;

/// The engine; see the module.
pub struct Fused {
    layout: Arc<Layout>,
    train: Arc<Part>,
    valid: Arc<Part>,
    held: Held,
    loss: f64,
    losses: u64,
    pools: Pools,
}

impl Fused {
    /// # Errors
    /// If no thread can be started.
    pub fn new(layout: Arc<Layout>, train: Arc<Part>, valid: Arc<Part>, theta: &[f32]) -> Result<Self, Failure> {
        let held = Held::start(theta, &layout.weights);
        Ok(Self { held, loss: 0.0, losses: 0, pools: Pools::new()?, layout, train, valid })
    }

    /// The loss (mean over the rows) and its gradient.
    fn gradient(&self, rows: &[u32], clock: &Clock) -> Result<[Gradient; 2], Failure> {
        let (a, b) = rows.split_at(rows.len() / 2);
        let share = 1.0 / rows.len() as f32;
        let half = |rows: &[u32], first: usize| {
            let trace = self.forward(&self.train, rows, first, clock);
            self.backward(&self.train, rows, trace, share, clock)
        };
        match self.pools.both(|| half(a, 0), || half(b, a.len())) {
            (a, Some(b)) => Ok([a, b]),
            _ => Err(Failure::Device("a training thread ended early".into())),
        }
    }
}

impl Engine for Fused {
    fn step(&mut self, rows: &[u32], clock: &Clock) -> Result<(), Failure> {
        let halves = self.gradient(rows, clock)?;
        let loss = halves[0].loss + halves[1].loss;
        if !loss.is_finite() {
            return Err(Failure::NotFinite);
        }
        self.loss += loss;
        self.losses += 1;
        let layout = Arc::clone(&self.layout);
        let small = layout.segments().filter(|segment| segment.start < layout.small);
        self.held.update(small, &layout.weights, halves, clock, 1.0);
        Ok(())
    }

    fn whole_gradient(&self, rows: &[u32], clock: &Clock) -> Result<(f64, Vec<f32>), Failure> {
        Ok(whole(self.gradient(rows, clock)?))
    }

    fn mean_loss(&mut self) -> Result<f64, Failure> {
        let mean = self.loss / self.losses.max(1) as f64;
        (self.loss, self.losses) = (0.0, 0);
        Ok(mean)
    }

    fn outputs(&mut self, valid: bool, rows: Range<usize>) -> Result<Vec<f32>, Failure> {
        let part = if valid { &self.valid } else { &self.train };
        let rows: Vec<u32> = rows.map(|row| row as u32).collect();
        let score = |rows: &[u32]| {
            let mut all = Vec::with_capacity(rows.len() * self.layout.outputs);
            for block in rows.chunks(SCORED) {
                let mut trace = self.forward(part, block, 0, &Clock::still());
                all.extend_from_slice(&numbers(&mut trace.outputs)[..block.len() * self.layout.outputs]);
            }
            all
        };
        let (a, b) = rows.split_at(rows.len() / 2);
        let (mut first, second) = self.pools.both(|| score(a), || score(b));
        first.extend(second.ok_or_else(|| Failure::Device("a scoring thread ended early".into()))?);
        Ok(first)
    }

    fn replace_train(&mut self, part: Arc<Part>) {
        self.train = part;
    }

    fn state(&self) -> Result<State, Failure> {
        Ok(self.held.state())
    }

    fn restore(&mut self, state: State) {
        self.held = Held::new(state, &self.layout.weights);
        (self.loss, self.losses) = (0.0, 0);
    }
}

/// What the backward pass needs of the forward pass. Rows are padded to a multiple of [`LANES`].
pub(super) struct Trace {
    /// Padded rows.
    rows: usize,
    /// Place of the first row in the whole batch, for dropout.
    first: usize,
    /// Dense columns, `dense x rows`.
    columns: Vec<f32>,
    /// The first layer's input before its scale, `inputs x rows`.
    input: Vec<f32>,
    /// The same scaled.
    scaled: Tensor<2>,
    /// Each hidden layer's pre-activation, `rows x HIDDEN`.
    before: Vec<TensorData>,
    /// And its activation after dropout.
    after: Vec<Tensor<2>>,
    /// `rows x outputs`.
    outputs: TensorData,
}

/// Number of layers.
const LAYERS: usize = DEPTH + 1;
