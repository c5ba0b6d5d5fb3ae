//! RealMLP's training step on the CPU: matrix products are burn's (flex), all between them is done in few fused loops, and
//! the gradient is written out. Several times as fast as the same step on an autodiff graph, with which a test compares it.
//!
//! A batch is always cut into the same two halves, whose gradients are summed, so that two threads give the same bits as
//! one.

mod backward;
mod forward;

use super::{
    engine::{Clock, Engine, Failure, State},
    random,
    recipe::{BETA1, BETA2, DEPTH, EPSILON, LABEL_SMOOTHING, Layout, Part, Truth},
};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{ops::Range, sync::Arc};
use trainyard_infer::math::{Loops, vectorised};

/// Rows are padded to a multiple of this, the lanes of the widest vector register.
const LANES: usize = 16;
/// Rows that are scored together.
const SCORED: usize = 256;

/// The engine; see the module.
pub struct Fused {
    layout: Arc<Layout>,
    train: Arc<Part>,
    valid: Arc<Part>,
    /// All parameters but the layers' weights, which stand in `weights`.
    small: Vec<f32>,
    weights: Vec<Tensor<2>>,
    first: Vec<f32>,
    second: Vec<f32>,
    steps: u64,
    loss: f64,
    losses: u64,
    pools: Pools,
}

/// One thread for each half of a batch. A pool of a single thread keeps burn's matrix products on that thread.
struct Pools {
    own: ThreadPool,
    other: Option<ThreadPool>,
}

/// A gradient, or a half's share of it.
pub(super) struct Gradient {
    pub small: Vec<f32>,
    pub weights: Vec<TensorData>,
    pub loss: f64,
}

/// A tensor on the CPU of a row-major matrix; takes the buffer over.
pub fn matrix(values: Vec<f32>, rows: usize, columns: usize) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, [rows, columns]), &Device::flex())
}

/// The numbers of a tensor, to be changed in place: no copy where the tensor has no other owner.
fn numbers(data: &mut TensorData) -> &mut [f32] {
    data.as_mut_slice::<f32>().unwrap_or(&mut [])
}

impl Pools {
    fn new() -> Result<Self, Failure> {
        let pool =
            || ThreadPoolBuilder::new().num_threads(1).build().map_err(|error| Failure::Device(error.to_string()));
        let alone = std::env::var("RAYON_NUM_THREADS").is_ok_and(|threads| threads == "1");
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self { own: pool()?, other: if alone || cores < 2 { None } else { Some(pool()?) } })
    }

    /// Does both; at the same time where there are two threads.
    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, Option<B>) {
        let Some(other) = &self.other else {
            return self.own.install(|| (a(), Some(b())));
        };
        let mut second = None;
        let slot = &mut second;
        let first = other.in_place_scope(|scope| {
            scope.spawn(move |_| *slot = Some(b()));
            self.own.install(a)
        });
        (first, second)
    }
}

impl Fused {
    /// # Errors
    /// If no thread can be started.
    pub fn new(layout: Arc<Layout>, train: Arc<Part>, valid: Arc<Part>, theta: &[f32]) -> Result<Self, Failure> {
        let zeros = vec![0.0; layout.total];
        let state = State { theta: theta.to_vec(), first: zeros.clone(), second: zeros, steps: 0 };
        let mut engine = Self {
            small: Vec::new(),
            weights: Vec::new(),
            first: Vec::new(),
            second: Vec::new(),
            steps: 0,
            loss: 0.0,
            losses: 0,
            pools: Pools::new()?,
            layout,
            train,
            valid,
        };
        engine.restore(state);
        Ok(engine)
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

    /// The loss, and the whole gradient in the flat vector's order; for comparison with another engine.
    pub fn whole_gradient(&self, rows: &[u32], clock: &Clock) -> Result<(f64, Vec<f32>), Failure> {
        let [mut a, mut b] = self.gradient(rows, clock)?;
        let mut all: Vec<f32> = a.small.iter().zip(&b.small).map(|(a, b)| a + b).collect();
        for (a, b) in a.weights.iter_mut().zip(&mut b.weights) {
            all.extend(numbers(a).iter().zip(numbers(b).iter()).map(|(a, b)| *a + *b));
        }
        Ok((a.loss + b.loss, all))
    }

    /// Adam with decoupled weight decay, for every parameter.
    fn update(&mut self, [mut a, mut b]: [Gradient; 2], clock: &Clock) {
        self.steps += 1;
        let power = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let unbias = (1.0 - BETA1.powi(power), 1.0 - BETA2.powi(power));
        let layout = Arc::clone(&self.layout);
        for segment in layout.segments().filter(|segment| segment.start < layout.small) {
            let range = segment.range();
            let (first, second) = (&mut self.first[range.clone()], &mut self.second[range.clone()]);
            let rule = clock.rule(segment, unbias);
            vectorised(Adam {
                rule,
                theta: &mut self.small[range.clone()],
                first,
                second,
                a: &a.small[range.clone()],
                b: &b.small[range],
            });
        }
        for (index, segment) in layout.weights.iter().enumerate() {
            let range = segment.range();
            let (first, second) = (&mut self.first[range.clone()], &mut self.second[range]);
            let rule = clock.rule(segment, unbias);
            // The tensor has no other owner now, so that its buffer is handed out and back without a copy.
            let empty = matrix(Vec::new(), 0, segment.columns);
            let mut data = std::mem::replace(&mut self.weights[index], empty).into_data();
            let (a, b) = (numbers(&mut a.weights[index]), numbers(&mut b.weights[index]));
            vectorised(Adam { rule, theta: numbers(&mut data), first, second, a, b });
            self.weights[index] = Tensor::from_data(data, &Device::flex());
        }
    }
}

/// One step of Adam for one segment.
#[derive(Clone, Copy)]
pub struct Rule {
    pub shrink: f32,
    pub rate: f32,
    pub second_unbias: f32,
}

/// Applies a rule; the gradient is the sum of the halves' shares `a` and `b`.
struct Adam<'a> {
    rule: Rule,
    theta: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    a: &'a [f32],
    b: &'a [f32],
}

impl Loops for Adam<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let (beta1, beta2, rule) = (BETA1 as f32, BETA2 as f32, self.rule);
        for ((((p, m), v), a), b) in self.theta.iter_mut().zip(self.first).zip(self.second).zip(self.a).zip(self.b) {
            let g = a + b;
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            *p = *p * rule.shrink - rule.rate * *m / ((*v * rule.second_unbias).sqrt() + EPSILON);
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
        self.update(halves, clock);
        Ok(())
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

    fn state(&self) -> Result<State, Failure> {
        let mut theta = self.small.clone();
        for weight in &self.weights {
            theta.extend(super::init::to_vec(weight.clone()));
        }
        Ok(State { theta, first: self.first.clone(), second: self.second.clone(), steps: self.steps })
    }

    fn restore(&mut self, state: State) {
        self.small = state.theta[..self.layout.small].to_vec();
        self.weights = self
            .layout
            .weights
            .iter()
            .map(|segment| matrix(state.theta[segment.range()].to_vec(), segment.rows, segment.columns))
            .collect();
        (self.first, self.second, self.steps) = (state.first, state.second, state.steps);
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

/// Dropout of one layer in one step.
#[derive(Clone, Copy)]
struct Drop {
    key: u32,
    threshold: u32,
    kept: f32,
}

impl Drop {
    /// `None` where nothing is dropped.
    fn new(clock: &Clock, layer: usize) -> Option<Self> {
        let threshold = (clock.dropout * f64::from(1u32 << 24)) as u32;
        let key = random::mix(clock.key ^ (layer as u64 + 1)) as u32;
        (threshold > 0).then_some(Self { key, threshold, kept: (1.0 / (1.0 - clock.dropout)) as f32 })
    }

    /// Drops from numbers whose first has this index.
    #[inline(always)]
    fn apply(self, values: &mut [f32], first: u32) {
        for (index, value) in values.iter_mut().enumerate() {
            *value *= random::dropout(self.key, first.wrapping_add(index as u32), self.threshold, self.kept);
        }
    }
}

/// The loss of `rows` outputs and its gradient in place of them; padding gets 0. `share` is 1 / batch size.
fn loss(outputs: &mut [f32], classes: usize, part: &Part, rows: &[u32], share: f32) -> f64 {
    let weight = |row: u32| part.weights.as_ref().map_or(1.0, |weights| weights[row as usize]);
    let (used, padding) = outputs.split_at_mut(rows.len() * classes);
    padding.fill(0.0);
    let mut total = 0.0f64;
    match &part.target {
        Truth::Classes(truth) => {
            // Log-softmax by the row's highest logit; the smoothed target is (1 − ε) on the class plus ε / classes on all.
            let (low, high) = (LABEL_SMOOTHING / classes as f32, 1.0 - LABEL_SMOOTHING);
            for (row, logits) in rows.iter().zip(used.chunks_exact_mut(classes)) {
                let class = truth[*row as usize] as usize;
                let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f32 = logits.iter().map(|z| (z - highest).exp()).sum();
                let log_sum = highest + sum.ln();
                let plain: f32 = logits.iter().map(|z| log_sum - z).sum();
                let weight = weight(*row);
                total += f64::from(weight * (high * (log_sum - logits[class]) + low * plain));
                for (index, z) in logits.iter_mut().enumerate() {
                    let target = low + if index == class { high } else { 0.0 };
                    *z = ((*z - log_sum).exp() - target) * (share * weight);
                }
            }
        }
        Truth::Values(truth) => {
            for (row, output) in rows.iter().zip(used) {
                let error = *output - truth[*row as usize];
                let weight = weight(*row);
                total += f64::from(weight) * f64::from(error).powi(2);
                *output = 2.0 * error * (share * weight);
            }
        }
    }
    total * f64::from(share)
}

/// Number of layers.
const LAYERS: usize = DEPTH + 1;
