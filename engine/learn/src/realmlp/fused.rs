//! RealMLP's training step on the CPU: matrix products are burn's (flex), all between them is done in few fused loops, and
//! the gradient is written out. Several times as fast as the same step on an autodiff graph, with which a test compares it.
//!
//! A batch is always cut into the same two halves, whose gradients are summed, so that two threads give the same bits as
//! one. Where several nets train side by side, each thread has half of the nets instead; a net's step is the same.

mod backward;
mod forward;

use super::recipe::{Layout, member_seed};
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
/// Rows of a half that go forth and back together; the gradients of more are summed, so that memory stays bounded.
const TOGETHER: usize = 1_024;

/// The engine; see the module.
pub struct Fused {
    layout: Arc<Layout>,
    train: Arc<Part>,
    valid: Arc<Part>,
    /// One for each member.
    held: Vec<Held>,
    loss: f64,
    losses: u64,
    pools: Pools,
    pub(super) together: usize,
}

/// A member as it stands.
#[derive(Clone, Copy)]
struct Net<'a> {
    layout: &'a Layout,
    held: &'a Held,
}

impl Net<'_> {
    /// A half's share of the loss and of its gradient, `together` rows at a time. `first`: the place of its first row in
    /// the batch; `share`: the weight of a row.
    fn half(&self, part: &Part, rows: &[u32], first: usize, share: f32, clock: &Clock, together: usize) -> Gradient {
        let of = |rows: &[u32], first: usize| {
            let trace = self.forward(part, rows, first, clock);
            self.backward(part, rows, trace, share, clock)
        };
        let (begin, rest) = rows.split_at(together.min(rows.len()));
        let mut sum = of(begin, first);
        for (index, rows) in rest.chunks(together).enumerate() {
            sum.add(of(rows, first + (index + 1) * together));
        }
        sum
    }

    /// The same of the whole batch.
    fn halves(&self, part: &Part, rows: &[u32], clock: &Clock, together: usize) -> [Gradient; 2] {
        let (a, b) = rows.split_at(rows.len() / 2);
        let share = 1.0 / rows.len() as f32;
        [self.half(part, a, 0, share, clock, together), self.half(part, b, a.len(), share, clock, together)]
    }
}

/// The clock of a member's step: each drops other activations.
fn of_member(clock: &Clock, member: usize) -> Clock {
    Clock { key: member_seed(clock.key, member), ..clock.clone() }
}

/// Adam's step for a member; its loss.
fn update(layout: &Layout, held: &mut Held, halves: [Gradient; 2], clock: &Clock) -> Result<f64, Failure> {
    let loss = halves[0].loss + halves[1].loss;
    if !loss.is_finite() {
        return Err(Failure::NotFinite);
    }
    let small = layout.segments().filter(|segment| segment.start < layout.small);
    held.update(small, &layout.weights, halves, clock, 1.0);
    Ok(loss)
}

impl Fused {
    /// `theta`: the members' parameters, one after the other.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new(layout: Arc<Layout>, train: Arc<Part>, valid: Arc<Part>, theta: &[f32]) -> Result<Self, Failure> {
        let held = theta.chunks_exact(layout.total).map(|theta| Held::start(theta, &layout.weights)).collect();
        Ok(Self { held, loss: 0.0, losses: 0, pools: Pools::new()?, layout, train, valid, together: TOGETHER })
    }

    /// The loss (mean over the rows) of a member and its gradient, each half on a thread of its own.
    fn gradient(&self, held: &Held, rows: &[u32], clock: &Clock) -> Result<[Gradient; 2], Failure> {
        let net = Net { layout: &self.layout, held };
        let (a, b) = rows.split_at(rows.len() / 2);
        let share = 1.0 / rows.len() as f32;
        let half = |rows, first| net.half(&self.train, rows, first, share, clock, self.together);
        match self.pools.both(|| half(a, 0), || half(b, a.len())) {
            (a, Some(b)) => Ok([a, b]),
            _ => Err(Failure::Device("a training thread ended early".into())),
        }
    }

    /// A step of every member; the sum of their losses.
    fn steps(&mut self, rows: &[u32], clock: &Clock) -> Result<f64, Failure> {
        if let [only] = &self.held[..] {
            let halves = self.gradient(only, rows, clock)?;
            return update(&self.layout, &mut self.held[0], halves, clock);
        }
        let Self { layout, train, held, pools, together, .. } = self;
        let (layout, train, together) = (&**layout, &**train, *together);
        let each = rows.len() / held.len();
        let work = |held: &mut [Held], first: usize| -> Result<f64, Failure> {
            let mut loss = 0.0;
            for (index, held) in held.iter_mut().enumerate() {
                let member = first + index;
                let (rows, clock) = (&rows[member * each..(member + 1) * each], of_member(clock, member));
                let halves = Net { layout, held }.halves(train, rows, &clock, together);
                loss += update(layout, held, halves, &clock)?;
            }
            Ok(loss)
        };
        let middle = held.len() / 2;
        let (a, b) = held.split_at_mut(middle);
        match pools.both(|| work(a, 0), || work(b, middle)) {
            (a, Some(b)) => Ok(a? + b?),
            _ => Err(Failure::Device("a training thread ended early".into())),
        }
    }
}

impl Engine for Fused {
    fn step(&mut self, rows: &[u32], clock: &Clock) -> Result<(), Failure> {
        self.loss += self.steps(rows, clock)? / self.held.len() as f64;
        self.losses += 1;
        Ok(())
    }

    fn whole_gradient(&self, rows: &[u32], clock: &Clock) -> Result<(f64, Vec<f32>), Failure> {
        let (mut loss, mut all) = (0.0, Vec::new());
        let each = rows.len() / self.held.len();
        for (member, (held, rows)) in self.held.iter().zip(rows.chunks_exact(each)).enumerate() {
            let (own, gradient) = whole(self.gradient(held, rows, &of_member(clock, member))?);
            loss += own / self.held.len() as f64;
            all.extend(gradient);
        }
        Ok((loss, all))
    }

    fn mean_loss(&mut self) -> Result<f64, Failure> {
        let mean = self.loss / self.losses.max(1) as f64;
        (self.loss, self.losses) = (0.0, 0);
        Ok(mean)
    }

    fn outputs(&mut self, valid: bool, rows: Range<usize>) -> Result<Vec<f32>, Failure> {
        let part = if valid { &self.valid } else { &self.train };
        let rows: Vec<u32> = rows.map(|row| row as u32).collect();
        let (members, outputs) = (self.held.len(), self.layout.outputs);
        let score = |rows: &[u32]| {
            let mut all = vec![0.0f32; rows.len() * members * outputs];
            for (rows, all) in rows.chunks(SCORED).zip(all.chunks_mut(SCORED * members * outputs)) {
                for (member, held) in self.held.iter().enumerate() {
                    let net = Net { layout: &self.layout, held };
                    let mut trace = net.forward(part, rows, 0, &Clock::still());
                    let places = all.chunks_exact_mut(outputs).skip(member).step_by(members);
                    let found = numbers(&mut trace.outputs).chunks_exact(outputs);
                    places.zip(found).for_each(|(to, from)| to.copy_from_slice(from));
                }
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
        let mut states = self.held.iter().map(Held::state);
        let mut all = states.next().unwrap_or_default();
        for state in states {
            all.theta.extend(state.theta);
            all.first.extend(state.first);
            all.second.extend(state.second);
        }
        Ok(all)
    }

    fn restore(&mut self, state: State) {
        let parts = |values: &[f32]| values.chunks_exact(self.layout.total).map(<[f32]>::to_vec).collect::<Vec<_>>();
        let moments = parts(&state.first).into_iter().zip(parts(&state.second));
        self.held = parts(&state.theta)
            .into_iter()
            .zip(moments)
            .map(|(theta, (first, second))| {
                Held::new(State { theta, first, second, steps: state.steps }, &self.layout.weights)
            })
            .collect();
        (self.loss, self.losses) = (0.0, 0);
    }
}

/// What the backward pass needs of the forward pass. Rows are padded to a multiple of [`LANES`].
struct Trace {
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
    /// Each hidden layer's pre-activation, `rows x width`.
    before: Vec<TensorData>,
    /// And its activation after dropout.
    after: Vec<Tensor<2>>,
    /// `rows x outputs`.
    outputs: TensorData,
}
