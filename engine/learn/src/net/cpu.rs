//! Parts of the fused steps on the CPU: two threads, parameters with Adam, dropout and the loss.

use super::{
    Part, Segment, Truth,
    engine::{Clock, Failure, State},
    random,
    tensors::to_vec,
};
use crate::goal::{NumberLoss, focus};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::{ThreadPool, ThreadPoolBuilder};
use trainyard_infer::math::{Loops, vectorised};

/// Adam's least divisor.
pub const EPSILON: f32 = 1e-8;

/// One thread for each half of a batch. A pool of a single thread keeps burn's matrix products on that thread.
pub struct Pools {
    own: ThreadPool,
    other: Option<ThreadPool>,
}

impl Pools {
    /// # Errors
    /// No thread can be started.
    pub fn new() -> Result<Self, Failure> {
        let pool =
            || ThreadPoolBuilder::new().num_threads(1).build().map_err(|error| Failure::Device(error.to_string()));
        let alone = std::env::var("RAYON_NUM_THREADS").is_ok_and(|threads| threads == "1");
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self { own: pool()?, other: if alone || cores < 2 { None } else { Some(pool()?) } })
    }

    /// Does both; at the same time where there are two threads.
    pub fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, Option<B>) {
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

/// A gradient, or a half's share of it.
pub struct Gradient {
    pub small: Vec<f32>,
    pub weights: Vec<TensorData>,
    pub loss: f64,
}

impl Gradient {
    /// Adds the share of further rows.
    pub fn add(&mut self, mut other: Self) {
        self.loss += other.loss;
        let sum = |to: &mut [f32], from: &[f32]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        sum(&mut self.small, &other.small);
        for (to, from) in self.weights.iter_mut().zip(&mut other.weights) {
            sum(numbers(to), numbers(from));
        }
    }
}

/// A tensor on the CPU of a row-major matrix; takes the buffer over.
pub fn matrix(values: Vec<f32>, rows: usize, columns: usize) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, [rows, columns]), &Device::flex())
}

/// The numbers of a tensor, to be changed in place: no copy where the tensor has no other owner.
pub fn numbers(data: &mut TensorData) -> &mut [f32] {
    data.as_mut_slice::<f32>().unwrap_or(&mut [])
}

/// The whole gradient in the flat vector's order, and the loss.
pub fn whole([mut a, mut b]: [Gradient; 2]) -> (f64, Vec<f32>) {
    let mut all: Vec<f32> = a.small.iter().zip(&b.small).map(|(a, b)| a + b).collect();
    for (a, b) in a.weights.iter_mut().zip(&mut b.weights) {
        all.extend(numbers(a).iter().zip(numbers(b).iter()).map(|(a, b)| *a + *b));
    }
    (a.loss + b.loss, all)
}

/// What is learned, with Adam's moments.
pub struct Held {
    /// All parameters but the layers' weights, which stand in `weights`.
    pub small: Vec<f32>,
    pub weights: Vec<Tensor<2>>,
    first: Vec<f32>,
    second: Vec<f32>,
    steps: u64,
}

impl Held {
    /// `weights`: the segments of the layers' weights, which are the flat vector's last.
    pub fn new(state: State, weights: &[Segment]) -> Self {
        let small = weights.first().map_or(state.theta.len(), |segment| segment.start);
        let weight = |segment: &Segment| matrix(state.theta[segment.range()].to_vec(), segment.rows, segment.columns);
        Self {
            small: state.theta[..small].to_vec(),
            weights: weights.iter().map(weight).collect(),
            first: state.first,
            second: state.second,
            steps: state.steps,
        }
    }

    /// Before the first step.
    pub fn start(theta: &[f32], weights: &[Segment]) -> Self {
        let zeros = vec![0.0; theta.len()];
        Self::new(State { theta: theta.to_vec(), first: zeros.clone(), second: zeros, steps: 0 }, weights)
    }

    pub fn state(&self) -> State {
        let mut theta = self.small.clone();
        for weight in &self.weights {
            theta.extend(to_vec(weight.clone()));
        }
        State { theta, first: self.first.clone(), second: self.second.clone(), steps: self.steps }
    }

    /// Adam with decoupled weight decay, for every parameter. `small` and `weights` are the segments; the gradient, the sum of
    /// the halves, is multiplied by `clip`.
    pub fn update<'a>(
        &mut self,
        small: impl Iterator<Item = &'a Segment>,
        weights: &[Segment],
        [mut a, mut b]: [Gradient; 2],
        clock: &Clock,
        clip: f32,
    ) {
        self.steps += 1;
        for segment in small {
            let range = segment.range();
            let (first, second) = (&mut self.first[range.clone()], &mut self.second[range.clone()]);
            vectorised(Adam {
                rule: clock.rule(segment, self.steps, clip),
                theta: &mut self.small[range.clone()],
                first,
                second,
                a: &a.small[range.clone()],
                b: &b.small[range],
            });
        }
        for (index, segment) in weights.iter().enumerate() {
            let range = segment.range();
            let (first, second) = (&mut self.first[range.clone()], &mut self.second[range]);
            let rule = clock.rule(segment, self.steps, clip);
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
    pub beta1: f32,
    pub beta2: f32,
    /// Factor of the gradient.
    pub clip: f32,
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
        let rule = self.rule;
        let (beta1, beta2) = (rule.beta1, rule.beta2);
        for ((((p, m), v), a), b) in self.theta.iter_mut().zip(self.first).zip(self.second).zip(self.a).zip(self.b) {
            let g = (a + b) * rule.clip;
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            *p = *p * rule.shrink - rule.rate * *m / ((*v * rule.second_unbias).sqrt() + EPSILON);
        }
    }
}

/// The sum of the squares of `a + b`.
struct Squares<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl Loops for Squares<'_> {
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let mut total = 0.0f64;
        // Sums of a few thousand squares lose nothing that counts in 32 bits.
        for (a, b) in self.a.chunks(4_096).zip(self.b.chunks(4_096)) {
            let mut lanes = [0.0f32; 16];
            let (a, a_rest) = a.as_chunks::<16>();
            let (b, b_rest) = b.as_chunks::<16>();
            for (a, b) in a.iter().zip(b) {
                for lane in 0..16 {
                    let g = a[lane] + b[lane];
                    lanes[lane] += g * g;
                }
            }
            total += f64::from(lanes.iter().sum::<f32>());
            total += a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(a + b).powi(2)).sum::<f64>();
        }
        total
    }
}

/// The gradient's length.
pub fn norm([a, b]: &mut [Gradient; 2]) -> f64 {
    let mut total = vectorised(Squares { a: &a.small, b: &b.small });
    for (a, b) in a.weights.iter_mut().zip(&mut b.weights) {
        total += vectorised(Squares { a: numbers(a), b: numbers(b) });
    }
    total.sqrt()
}

/// Dropout of one layer in one step.
#[derive(Clone, Copy)]
pub struct Drop {
    key: u32,
    threshold: u32,
    pub kept: f32,
}

impl Drop {
    /// `None` where nothing is dropped.
    pub fn new(clock: &Clock, layer: usize) -> Option<Self> {
        let threshold = (clock.dropout * f64::from(1u32 << 24)) as u32;
        let key = random::mix(clock.key ^ (layer as u64 + 1)) as u32;
        (threshold > 0).then_some(Self { key, threshold, kept: (1.0 / (1.0 - clock.dropout)) as f32 })
    }

    /// Drops from numbers whose first has this index.
    #[inline(always)]
    pub fn apply(self, values: &mut [f32], first: u32) {
        for (index, value) in values.iter_mut().enumerate() {
            *value *= random::dropout(self.key, first.wrapping_add(index as u32), self.threshold, self.kept);
        }
    }
}

/// The loss of the outputs for a part's `rows` and its gradient in place of them; what is behind them gets 0. `share` is the
/// weight of a row, `smoothing` the share of a class that is spread over all; the focal loss spreads nothing.
pub fn loss(outputs: &mut [f32], classes: usize, part: &Part, rows: &[u32], share: f32, smoothing: f32) -> f64 {
    let weight = |row: u32| part.weights.as_ref().map_or(1.0, |weights| weights[row as usize]);
    let (used, padding) = outputs.split_at_mut(rows.len() * classes);
    padding.fill(0.0);
    let mut total = 0.0f64;
    match &part.target {
        Truth::Classes(truth) => {
            // Log-softmax by the row's highest logit; the smoothed target is (1 − ε) on the class plus ε / classes on all.
            let gamma = part.goal.gamma;
            let smoothing = if gamma > 0.0 { 0.0 } else { smoothing };
            let (low, high) = (smoothing / classes as f32, 1.0 - smoothing);
            for (row, logits) in rows.iter().zip(used.chunks_exact_mut(classes)) {
                let class = truth[*row as usize] as usize;
                let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f32 = logits.iter().map(|z| (z - highest).exp()).sum();
                let log_sum = highest + sum.ln();
                let plain: f32 = logits.iter().map(|z| log_sum - z).sum();
                let mut weight = weight(*row);
                if gamma > 0.0 {
                    let (loss, factor) = focus(logits[class] - log_sum, gamma);
                    total += f64::from(weight * loss);
                    weight *= factor;
                } else {
                    total += f64::from(weight * (high * (log_sum - logits[class]) + low * plain));
                }
                for (index, z) in logits.iter_mut().enumerate() {
                    let target = low + if index == class { high } else { 0.0 };
                    *z = ((*z - log_sum).exp() - target) * (share * weight);
                }
            }
        }
        Truth::Values(truth) if part.goal.loss != NumberLoss::Squared => {
            for (row, output) in rows.iter().zip(used) {
                let (loss, slope) = part.goal.loss.at(*output, truth[*row as usize]);
                let weight = weight(*row);
                total += f64::from(weight) * f64::from(loss);
                *output = slope * (share * weight);
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
