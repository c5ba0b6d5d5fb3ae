//! TabM's training step as burn tensors with autodiff, on any device: the definition that the fused step is held against. Data
//! and parameters stay on the device; the host sends row numbers and reads one loss an epoch. Sides of matrix products that are
//! not an embedding's are padded with zeros to a multiple of [`SIDE`](crate::net::tensors::SIDE).

use super::recipe::{EMBEDDING, LONGEST, Layout, Rows};
use crate::net::{
    Part, Segment,
    cpu::EPSILON,
    engine::{Clock, Engine, Failure, State},
    tensors::{
        Losses, ResidentTarget, TOGETHER, floats, gradient, integers, padded, product, read, scalar, spans, widen,
    },
};
use burn::tensor::{Device, Distribution, Int, Tensor, activation};
use std::{ops::Range, sync::Arc};
use trainyard_infer::net::Pieces;

/// Rows that are scored together.
const SCORED: usize = 1_024;

/// The engine; see the module.
pub struct Graph {
    layout: Arc<Layout>,
    device: Device,
    train: Resident,
    valid: Resident,
    bins: Option<Bins>,
    theta: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
    /// 1 where weight decay counts, else 0.
    decays: Tensor<1>,
    steps: u64,
    losses: Losses,
    /// Rows of all members that go through the graph at once.
    pub(super) together: usize,
}

/// A part on the device; what it has no column of is missing.
struct Resident {
    /// `rows x numbers`.
    scores: Option<Tensor<2>>,
    /// `rows x plain`.
    plain: Option<Tensor<2>>,
    codes: Option<Tensor<2, Int>>,
    target: ResidentTarget,
}

/// The numbers' bins, `numbers x 1 x bins` each; where a number has fewer, all are 0.
struct Bins {
    low: Tensor<3>,
    inverse: Tensor<3>,
    /// 1 for each number's first bin, and for its last.
    first: Tensor<3>,
    last: Tensor<3>,
}

/// A matrix on the device; `None` where it has no column.
fn table(values: &[f32], columns: usize, device: &Device) -> Option<Tensor<2>> {
    (columns > 0).then(|| floats(values.to_vec(), device).reshape([values.len() / columns, columns]))
}

fn track<const D: usize>(tensor: Tensor<D>, tracked: bool) -> Tensor<D> {
    if tracked { tensor.autodiff() } else { tensor }
}

impl Resident {
    fn new(rows: &Rows, layout: &Layout, device: &Device) -> Self {
        let encoded = &rows.part.encoded;
        let codes =
            (encoded.embedded > 0).then(|| integers(&encoded.codes, device).reshape([encoded.rows, encoded.embedded]));
        Self {
            scores: table(&rows.scores, layout.columns.numbers.len(), device),
            plain: table(&rows.plain, layout.columns.plain.len(), device),
            codes,
            target: ResidentTarget::new(&rows.part, device),
        }
    }
}

impl Bins {
    fn new(layout: &Layout, device: &Device) -> Self {
        let (count, most) = (layout.columns.numbers.len(), layout.bins);
        let each = |value: &dyn Fn(&Pieces, usize) -> f32| {
            let all = layout.columns.pieces.iter().flat_map(|pieces| {
                (0..most).map(move |bin| if bin < pieces.bins() { value(pieces, bin) } else { 0.0 })
            });
            floats(all.collect(), device).reshape([count, 1, most])
        };
        let yes = |yes: bool| if yes { 1.0 } else { 0.0 };
        Self {
            low: each(&|pieces, bin| pieces.edges()[bin]),
            inverse: each(&|pieces, bin| 1.0 / (pieces.edges()[bin + 1] - pieces.edges()[bin])),
            first: each(&|_, bin| yes(bin == 0)),
            last: each(&|pieces, bin| yes(bin + 1 == pieces.bins())),
        }
    }

    /// The piecewise-linear encoding of scores (`numbers x rows x 1`), `numbers x rows x bins`: how much of each bin lies below,
    /// held within 0 and 1 but for the first bin's lower and the last one's upper end.
    fn encode(&self, scores: Tensor<3>) -> Tensor<3> {
        let share = (scores - self.low.clone()) * self.inverse.clone();
        let under = activation::relu(-share.clone()) * self.first.clone();
        let over = activation::relu(share.clone() - 1.0) * self.last.clone();
        share.clamp(0.0, 1.0) - under + over
    }
}

/// The parameters as leaves of one step's graph, in the layout's order.
struct Leaves {
    all: Vec<Tensor<2>>,
    tables: usize,
}

impl Leaves {
    fn new(layout: &Layout, theta: &Tensor<1>, tracked: bool) -> Self {
        let leaf = |segment: &Segment| {
            let part = theta.clone().slice([segment.range()]).reshape([segment.rows, segment.columns]);
            if tracked { part.autodiff().require_grad() } else { part }
        };
        Self { all: layout.segments().map(leaf).collect(), tables: layout.tables.len() }
    }
    fn steps(&self) -> Tensor<2> {
        self.all[0].clone()
    }
    fn slope(&self) -> Tensor<2> {
        self.all[1].clone()
    }
    fn offset(&self) -> Tensor<2> {
        self.all[2].clone()
    }
    fn table(&self, index: usize) -> Tensor<2> {
        self.all[3 + index].clone()
    }
    /// Counted from the end of the tables on.
    fn rest(&self, index: usize) -> Tensor<2> {
        self.all[3 + self.tables + index].clone()
    }
}

impl Graph {
    pub fn new(layout: Arc<Layout>, train: &Rows, valid: &Rows, theta: &[f32], device: Device) -> Self {
        let decays = layout
            .segments()
            .flat_map(|segment| std::iter::repeat_n(if segment.decays { 1.0 } else { 0.0 }, segment.range().len()));
        Self {
            train: Resident::new(train, &layout, &device),
            valid: Resident::new(valid, &layout, &device),
            bins: (!layout.columns.numbers.is_empty()).then(|| Bins::new(&layout, &device)),
            theta: floats(theta.to_vec(), &device),
            first: Tensor::zeros([layout.total], &device),
            second: Tensor::zeros([layout.total], &device),
            decays: floats(decays.collect(), &device),
            steps: 0,
            losses: Losses::default(),
            together: TOGETHER,
            layout,
            device,
        }
    }

    /// The rows' input before the members' scales, `rows x inputs`.
    fn input(&self, part: &Resident, rows: &Tensor<1, Int>, leaves: &Leaves, tracked: bool) -> Tensor<2> {
        let [count] = rows.dims();
        let mut columns = Vec::new();
        if let (Some(scores), Some(bins)) = (&part.scores, &self.bins) {
            let numbers = self.layout.columns.numbers.len();
            let scores = scores.clone().select(0, rows.clone()).transpose().reshape([numbers, count, 1]);
            let encoded = widen(track(bins.encode(scores.clone()), tracked), 2, tracked, &self.device);
            let steps = leaves.steps().reshape([numbers, self.layout.bins, EMBEDDING]);
            let stepped = encoded.matmul(widen(steps, 1, tracked, &self.device));
            let sloped = track(scores, tracked) * leaves.slope().reshape([numbers, 1, EMBEDDING]);
            let embedded = stepped + sloped + leaves.offset().reshape([numbers, 1, EMBEDDING]);
            columns.push(embedded.swap_dims(0, 1).reshape([count, numbers * EMBEDDING]));
        }
        if let Some(plain) = &part.plain {
            columns.push(track(plain.clone().select(0, rows.clone()), tracked));
        }
        if let Some(codes) = &part.codes {
            let codes = codes.clone().select(0, rows.clone());
            for index in 0..self.layout.tables.len() {
                let code = codes.clone().slice([0..count, index..index + 1]).reshape([count]);
                let code = if tracked { code.autodiff() } else { code };
                columns.push(leaves.table(index).select(0, code));
            }
        }
        Tensor::cat(columns, 1)
    }

    /// The members' outputs, `members x rows x outputs`, of inputs that each has of its own (`members x rows x inputs`) or that
    /// all share (`1 x rows x inputs`).
    fn forward(&self, input: Tensor<3>, leaves: &Leaves, tracked: bool, clock: &Clock) -> Tensor<3> {
        let layout = &self.layout;
        let (members, outputs, depth, width) = (layout.members, layout.outputs, layout.depth(), layout.width());
        let [_, count, inputs] = input.dims();
        let scaled = input * leaves.rest(0).reshape([members, 1, inputs]);
        let mut values = scaled.reshape([members * count, inputs]);
        for layer in 0..depth {
            let sums = product(values, leaves.rest(1 + depth + 2 + layer), tracked, &self.device);
            values = activation::relu(sums + leaves.rest(1 + layer));
            if clock.dropout > 0.0 {
                let draw: Tensor<2> = Tensor::random(values.dims(), Distribution::Default, &self.device);
                let kept = draw.greater_equal_elem(clock.dropout).float() / (1.0 - clock.dropout);
                values = values * track(kept, tracked);
            }
        }
        let heads = leaves.rest(1 + depth).reshape([members, outputs, width]).swap_dims(1, 2);
        let answers = product(values.reshape([members, count, width]), heads, tracked, &self.device);
        answers + leaves.rest(2 + depth).reshape([members, 1, outputs])
    }

    /// The mean loss of the members' rows, as a graph, and its leaves. `each`: some rows of each member.
    fn graph(&self, each: &[&[u32]], clock: &Clock) -> (Tensor<1>, Leaves) {
        let layout = &self.layout;
        let count = each.first().map_or(0, |rows| rows.len());
        let filled: Vec<u32> = each.iter().flat_map(|rows| padded(rows)).collect();
        let leaves = Leaves::new(layout, &self.theta, true);
        let input = self.input(&self.train, &integers(&filled, &self.device), &leaves, true);
        let input = input.reshape([layout.members, filled.len() / layout.members, layout.inputs()]);
        let outputs = self.forward(input, &leaves, true, clock).slice([0..layout.members, 0..count, 0..layout.outputs]);
        let outputs = outputs.reshape([layout.members * count, layout.outputs]);
        let rows = integers(&each.concat(), &self.device);
        let loss = self.train.target.loss(outputs, rows, 0.0);
        (loss, leaves)
    }

    /// The loss, and the gradient in the flat vector's order.
    fn gradient(&self, rows: &[u32], clock: &Clock) -> Result<(Tensor<1>, Tensor<1>), Failure> {
        let members = self.layout.members;
        let each = rows.len() / members;
        let mut sum: Option<(Tensor<1>, Tensor<1>)> = None;
        for span in spans(each, self.together / members) {
            let picked: Vec<&[u32]> = rows.chunks_exact(each).map(|rows| &rows[span.clone()]).collect();
            let (loss, leaves) = self.graph(&picked, clock);
            let share = span.len() as f64 / each as f64;
            let (loss, found) = gradient(loss * share, &leaves.all)?;
            sum = Some(match sum {
                Some((losses, gradients)) => (losses + loss, gradients + found),
                None => (loss, found),
            });
        }
        sum.ok_or_else(|| Failure::Device("a step without rows".into()))
    }
}

impl Engine for Graph {
    fn step(&mut self, rows: &[u32], clock: &Clock) -> Result<(), Failure> {
        self.device.seed(clock.key);
        let (loss, gradient) = self.gradient(rows, clock)?;
        self.losses.add(loss);
        // The gradient's length stays on the device.
        let length = gradient.clone().powi_scalar(2).sum().sqrt();
        let gradient = gradient * ((length + 1e-6).recip() * LONGEST).clamp_max(1.0);
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
        let (loss, gradient) = self.gradient(rows, clock)?;
        Ok((f64::from(scalar(loss)?), read(gradient)?))
    }

    fn mean_loss(&mut self) -> Result<f64, Failure> {
        self.losses.mean()
    }

    fn outputs(&mut self, valid: bool, rows: Range<usize>) -> Result<Vec<f32>, Failure> {
        let part = if valid { &self.valid } else { &self.train };
        let leaves = Leaves::new(&self.layout, &self.theta, false);
        let (members, outputs) = (self.layout.members, self.layout.outputs);
        let rows: Vec<u32> = rows.map(|row| row as u32).collect();
        let mut all = Vec::with_capacity(rows.len() * members * outputs);
        for block in rows.chunks(SCORED) {
            let filled = padded(block);
            let input = self.input(part, &integers(&filled, &self.device), &leaves, false);
            let input = input.reshape([1, filled.len(), self.layout.inputs()]);
            let found = self.forward(input, &leaves, false, &Clock::still());
            let found = found.slice([0..members, 0..block.len(), 0..outputs]);
            all.extend(read(found.swap_dims(0, 1))?);
        }
        Ok(all)
    }

    fn replace_train(&mut self, part: Arc<Part>) {
        self.train = Resident::new(&Rows::new(part, &self.layout.columns), &self.layout, &self.device);
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
