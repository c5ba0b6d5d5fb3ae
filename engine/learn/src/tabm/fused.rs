//! TabM's training step on the CPU: matrix products are burn's (flex), all between them is done in few fused loops, and the
//! gradient is written out. A test compares it with the same step on an autodiff graph.
//!
//! The members are always divided into the same two halves, whose gradients are summed, so that two threads give the same bits
//! as one. One member's batch at a time goes through the net and back, so that its activations stay in the cache.

mod embed;
mod loops;

use super::recipe::{EMBEDDING, LONGEST, Layout, Rows};
use crate::net::{
    Part,
    cpu::{Drop, Gradient, Held, Pools, loss, matrix, norm, numbers, whole},
    engine::{Clock, Engine, Failure, State},
};
use burn::tensor::{Device, Tensor, TensorData};
use embed::{Embed, EmbedBack, settle};
use loops::{Answer, AnswerBack, Rectify, Unrectify, Unscale};
use std::{ops::Range, sync::Arc};
use trainyard_infer::{math::vectorised, net::bin_starts};

/// Rows that are scored together.
const SCORED: usize = 256;
/// Rows of a member that go forth and back together; the gradients of more are summed, so that memory stays bounded.
const TOGETHER: usize = 1_024;

/// The engine; see the module.
pub struct Fused {
    layout: Arc<Layout>,
    train: Arc<Rows>,
    valid: Arc<Rows>,
    held: Held,
    loss: f64,
    losses: u64,
    pools: Pools,
    pub(super) together: usize,
}

/// What a half of the members adds up.
struct Work {
    small: Vec<f32>,
    weights: Vec<Vec<f32>>,
    /// `numbers * bins x EMBEDDING`: the gradient in what stands before each bin.
    starts: Vec<f32>,
    loss: f64,
}

/// The trunk's activations: the inputs of its layers, and the last ones.
struct Trace {
    inputs: Vec<Tensor<2>>,
    last: TensorData,
}

impl Fused {
    /// # Errors
    /// If no thread can be started.
    pub fn new(layout: Arc<Layout>, train: Arc<Rows>, valid: Arc<Rows>, theta: &[f32]) -> Result<Self, Failure> {
        let held = Held::start(theta, &layout.weights);
        Ok(Self { held, loss: 0.0, losses: 0, pools: Pools::new()?, layout, train, valid, together: TOGETHER })
    }

    /// What stands before each bin, `numbers * bins x EMBEDDING`.
    fn starts(&self) -> Vec<f32> {
        let of = |range: Range<usize>| &self.held.small[range];
        let (steps, offset) = (of(self.layout.steps.range()), of(self.layout.offset.range()));
        bin_starts(steps, offset, self.layout.bins, EMBEDDING)
    }

    /// The loss (mean over the rows and members) and its gradient.
    fn gradient(&self, rows: &[u32], clock: &Clock) -> Result<[Gradient; 2], Failure> {
        let layout = &self.layout;
        let each = rows.len() / layout.members;
        let share = 1.0 / rows.len() as f32;
        let starts = self.starts();
        let half = |members: Range<usize>| {
            let mut work = Work {
                small: vec![0.0; layout.small],
                weights: layout.weights.iter().map(|segment| vec![0.0; segment.range().len()]).collect(),
                starts: vec![0.0; starts.len()],
                loss: 0.0,
            };
            for member in members {
                let mut first = member * each;
                for rows in rows[first..first + each].chunks(self.together) {
                    self.member((member, first), rows, &starts, share, clock, &mut work);
                    first += rows.len();
                }
            }
            settle(layout, &work.starts, &mut work.small);
            let shaped = work.weights.into_iter().zip(&layout.weights);
            let weights = shaped.map(|(values, segment)| TensorData::new(values, [segment.rows, segment.columns]));
            Gradient { small: work.small, weights: weights.collect(), loss: work.loss }
        };
        let middle = layout.members / 2;
        match self.pools.both(|| half(0..middle), || half(middle..layout.members)) {
            (a, Some(b)) => Ok([a, b]),
            _ => Err(Failure::Device("a training thread ended early".into())),
        }
    }

    /// The rows' input before the members' scales, `rows x inputs`.
    fn input(&self, part: &Rows, rows: &[u32], starts: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0f32; rows.len() * self.layout.inputs()];
        vectorised(Embed { layout: &self.layout, small: &self.held.small, part, rows, starts, out: &mut out });
        out
    }

    /// A member's scale of the input.
    fn scale(&self, member: usize) -> &[f32] {
        let inputs = self.layout.inputs();
        &self.held.small[self.layout.scale.start + member * inputs..][..inputs]
    }

    /// Runs an input through the trunk. `first`: the place of its first row in the batch of all members, for dropout.
    fn trunk(&self, member: usize, input: &[f32], first: usize, clock: &Clock) -> Trace {
        let scale = self.scale(member);
        let mut scaled = Vec::with_capacity(input.len());
        for row in input.chunks_exact(scale.len()) {
            scaled.extend(row.iter().zip(scale).map(|(x, scale)| x * scale));
        }
        let rows = input.len() / scale.len();
        let mut inputs = vec![matrix(scaled, rows, scale.len())];
        loop {
            let layer = inputs.len() - 1;
            let mut z = inputs[layer].clone().matmul(self.held.weights[layer].clone()).into_data();
            let bias = &self.held.small[self.layout.biases[layer].range()];
            let (drop, offset) = (Drop::new(clock, layer), (first * self.layout.width()) as u32);
            vectorised(Rectify { z: numbers(&mut z), bias, drop, offset });
            if inputs.len() == self.layout.depth() {
                return Trace { inputs, last: z };
            }
            inputs.push(Tensor::from_data(z, &Device::flex()));
        }
    }

    /// A member's last layer, `outputs x width`, and its bias.
    fn head(&self, member: usize) -> (&[f32], &[f32]) {
        let outputs = self.layout.outputs;
        let of = |start: usize, wide: usize| &self.held.small[start + member * wide..][..wide];
        (of(self.layout.heads.start, outputs * self.layout.width()), of(self.layout.head_bias.start, outputs))
    }

    /// Rows of one member's batch, forth and back. `place`: the member, and the place of the first row in the batch of all.
    fn member(&self, place: (usize, usize), rows: &[u32], starts: &[f32], share: f32, clock: &Clock, work: &mut Work) {
        let layout = &*self.layout;
        let (member, first) = place;
        let (inputs, outputs, width) = (layout.inputs(), layout.outputs, layout.width());
        let mut input = self.input(&self.train, rows, starts);
        let Trace { inputs: mut before, mut last } = self.trunk(member, &input, first, clock);
        let (heads, bias) = self.head(member);
        let mut out = vec![0.0f32; rows.len() * outputs];
        vectorised(Answer { x: numbers(&mut last), heads, bias, out: &mut out });
        work.loss += loss(&mut out, outputs, &self.train.part, rows, share, 0.0);
        // From here on `out` is the loss's gradient in the outputs, and what was an activation becomes that in its sum.
        let bias = &mut work.small[layout.head_bias.start + member * outputs..][..outputs];
        for row in out.chunks_exact(outputs) {
            bias.iter_mut().zip(row).for_each(|(sum, d)| *sum += d);
        }
        let kept = Drop::new(clock, 0).map_or(1.0, |drop| drop.kept);
        let mut bias = vec![0.0f32; width];
        let head_sums = &mut work.small[layout.heads.start + member * outputs * width..][..outputs * width];
        vectorised(AnswerBack { x: numbers(&mut last), heads, d: &out, kept, head_sums, bias_sums: &mut bias });
        add(&mut work.small[layout.biases[layout.depth() - 1].range()], &bias);
        let mut slope: Tensor<2> = Tensor::from_data(last, &Device::flex());
        while let Some(x) = before.pop() {
            let layer = before.len();
            add(&mut work.weights[layer], numbers(&mut x.clone().transpose().matmul(slope.clone()).into_data()));
            let mut data = slope.matmul(self.held.weights[layer].clone().transpose()).into_data();
            let d = numbers(&mut data);
            if layer == 0 {
                let sums = &mut work.small[layout.scale.start + member * inputs..][..inputs];
                vectorised(Unscale { d: &mut *d, input: &input, scale: self.scale(member), sums });
                input.copy_from_slice(d);
                break;
            }
            let bias_sums = &mut work.small[layout.biases[layer - 1].range()];
            vectorised(Unrectify { d, x: numbers(&mut x.into_data()), kept, bias_sums });
            slope = Tensor::from_data(data, &Device::flex());
        }
        let (small, starts) = (&mut work.small, &mut work.starts);
        vectorised(EmbedBack { layout, part: &self.train, rows, d: &input, small, starts });
    }
}

/// Adds numbers to others.
fn add(sums: &mut [f32], values: &[f32]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

impl Engine for Fused {
    fn step(&mut self, rows: &[u32], clock: &Clock) -> Result<(), Failure> {
        let mut halves = self.gradient(rows, clock)?;
        let (loss, length) = (halves[0].loss + halves[1].loss, norm(&mut halves));
        if !loss.is_finite() || !length.is_finite() {
            return Err(Failure::NotFinite);
        }
        self.loss += loss;
        self.losses += 1;
        let layout = Arc::clone(&self.layout);
        let small = layout.segments().filter(|segment| segment.start < layout.small);
        self.held.update(small, &layout.weights, halves, clock, clip(length) as f32);
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
        let starts = self.starts();
        let (members, outputs) = (self.layout.members, self.layout.outputs);
        let score = |rows: &[u32]| {
            let mut all = Vec::with_capacity(rows.len() * members * outputs);
            for block in rows.chunks(SCORED) {
                let input = self.input(part, block, &starts);
                let mut found = vec![0.0f32; block.len() * members * outputs];
                for member in 0..members {
                    let mut last = self.trunk(member, &input, 0, &Clock::still()).last;
                    let (heads, bias) = self.head(member);
                    let mut out = vec![0.0f32; block.len() * outputs];
                    vectorised(Answer { x: numbers(&mut last), heads, bias, out: &mut out });
                    let places = found.chunks_exact_mut(outputs).skip(member).step_by(members);
                    places.zip(out.chunks_exact(outputs)).for_each(|(to, from)| to.copy_from_slice(from));
                }
                all.extend(found);
            }
            all
        };
        let (a, b) = rows.split_at(rows.len() / 2);
        let (mut first, second) = self.pools.both(|| score(a), || score(b));
        first.extend(second.ok_or_else(|| Failure::Device("a scoring thread ended early".into()))?);
        Ok(first)
    }

    fn replace_train(&mut self, part: Arc<Part>) {
        self.train = Arc::new(Rows::new(part, &self.layout.columns));
    }

    fn state(&self) -> Result<State, Failure> {
        Ok(self.held.state())
    }

    fn restore(&mut self, state: State) {
        self.held = Held::new(state, &self.layout.weights);
        (self.loss, self.losses) = (0.0, 0);
    }
}

/// What a gradient of this length is multiplied by.
fn clip(length: f64) -> f64 {
    (LONGEST / (length + 1e-6)).min(1.0)
}
