//! RealMLP's training step as burn tensors with autodiff, on any device. Data and parameters stay on the device; the host
//! sends row numbers and reads one loss an epoch. Nets that train side by side are a dimension of every tensor. Sides of
//! matrix products are padded with zeros to a multiple of [`SIDE`](crate::net::tensors::SIDE).

use super::recipe::{FREQUENCIES, Layout, MIXED};
use crate::net::{
    Part, Segment,
    cpu::EPSILON,
    engine::{Clock, Engine, Failure, State},
    tensors::{Losses, ResidentTarget, TOGETHER, floats, integers, padded, product, read, scalar, spans},
};
use burn::tensor::{Device, Distribution, Int, Tensor, activation};
use std::{ops::Range, sync::Arc};
use trainyard_infer::net::Activation;

/// Rows of all members that are scored together.
const SCORED: usize = 4_096;

/// The engine; see the module.
pub struct Graph {
    layout: Arc<Layout>,
    device: Device,
    train: Resident,
    valid: Resident,
    /// The members' parameters, one after the other, and Adam's moments.
    theta: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
    /// The learning rate's factor of each parameter, and its square where weight decay counts, else 0.
    rates: Tensor<1>,
    decays: Tensor<1>,
    steps: u64,
    losses: Losses,
    /// Rows of all members that go through the graph at once.
    pub(super) together: usize,
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

/// The parameters as leaves of one step's graph, in the layout's order, `members x rows x columns` each.
struct Leaves {
    all: Vec<Tensor<3>>,
    tables: usize,
    depth: usize,
}

impl Leaves {
    fn new(layout: &Layout, theta: &Tensor<1>, tracked: bool) -> Self {
        let members = layout.config.members;
        let theta = theta.clone().reshape([members, layout.total]);
        let leaf = |segment: &Segment| {
            if segment.range().is_empty() {
                // A tensor without numbers is more than some drivers can take.
                return Tensor::zeros([1, 1, 1], &theta.device());
            }
            let part = theta.clone().slice([0..members, segment.range()]);
            let part = part.reshape([members, segment.rows, segment.columns]);
            if tracked { part.autodiff().require_grad() } else { part }
        };
        Self { all: layout.segments().map(leaf).collect(), tables: layout.tables.len(), depth: layout.depth() }
    }
    /// The four that belong to cosines: frequencies, phases, mix and its bias.
    fn waves(&self, index: usize) -> Tensor<3> {
        self.all[index].clone()
    }
    fn table(&self, index: usize) -> Tensor<3> {
        self.all[4 + index].clone()
    }
    fn scale(&self) -> Tensor<3> {
        self.all[4 + self.tables].clone()
    }
    fn bias(&self, layer: usize) -> Tensor<3> {
        self.all[5 + self.tables + layer].clone()
    }
    fn alpha(&self, layer: usize) -> Tensor<3> {
        self.all[6 + self.tables + self.depth + layer].clone()
    }
    fn weight(&self, layer: usize) -> Tensor<3> {
        self.all[6 + self.tables + 2 * self.depth + layer].clone()
    }

    /// The loss's gradient in the flat vector's order; segments without numbers have none.
    ///
    /// # Errors
    /// A leaf takes no part in the loss.
    fn gradient(&self, layout: &Layout, loss: &Tensor<1>) -> Result<Tensor<1>, Failure> {
        let mut gradients = loss.backward();
        let parts: Option<Vec<Tensor<2>>> = layout
            .segments()
            .zip(&self.all)
            .filter(|(segment, _)| !segment.range().is_empty())
            .map(|(_, leaf)| {
                let [members, rows, columns] = leaf.dims();
                leaf.grad_remove(&mut gradients).map(|gradient| gradient.reshape([members, rows * columns]))
            })
            .collect();
        let parts = parts.ok_or_else(|| Failure::Device("a parameter got no gradient".into()))?;
        Ok(Tensor::cat(parts, 1).reshape([-1]))
    }
}

impl Graph {
    /// `theta`: the members' parameters, one after the other.
    pub fn new(layout: Arc<Layout>, train: &Part, valid: &Part, theta: &[f32], device: Device) -> Self {
        let members = layout.config.members;
        let each = |value: &dyn Fn(&Segment) -> f64| {
            let values =
                layout.segments().flat_map(|segment| std::iter::repeat_n(value(segment) as f32, segment.range().len()));
            floats(values.collect::<Vec<f32>>().repeat(members), &device)
        };
        Self {
            train: Resident::new(train, &device),
            valid: Resident::new(valid, &device),
            theta: floats(theta.to_vec(), &device),
            first: Tensor::zeros([theta.len()], &device),
            second: Tensor::zeros([theta.len()], &device),
            rates: each(&|segment| segment.rate),
            decays: each(&|segment| {
                if segment.decays { segment.rate.powi(2) } else { 0.0 }
            }),
            steps: 0,
            losses: Losses::default(),
            together: TOGETHER,
            layout,
            device,
        }
    }

    /// The first layer's input before its scale, `members x count x inputs`, for rows given by number, the first member's
    /// first.
    fn input(&self, part: &Resident, rows: &Tensor<1, Int>, leaves: &Leaves, tracked: bool) -> Tensor<3> {
        let (layout, members) = (&self.layout, self.layout.config.members);
        let [all] = rows.dims();
        let count = all / members;
        let mut columns = Vec::new();
        if layout.dense > 0 {
            let dense = layout.dense;
            let x = part.dense.clone().select(0, rows.clone()).reshape([members, count, dense]);
            let x = if tracked { x.autodiff() } else { x };
            if layout.waves > 0 {
                let cosines = (x.clone().reshape([members, count, dense, 1])
                    * leaves.waves(0).reshape([members, 1, dense, FREQUENCIES])
                    * std::f32::consts::TAU
                    + leaves.waves(1).reshape([members, 1, dense, FREQUENCIES]))
                .cos();
                let mixed = cosines.reshape([members, count, dense, 1, FREQUENCIES])
                    * leaves.waves(2).reshape([members, 1, dense, MIXED, FREQUENCIES]);
                let mixed = mixed.sum_dim(4).reshape([members, count, dense, MIXED])
                    + leaves.waves(3).reshape([members, 1, dense, MIXED]);
                columns.push(mixed.reshape([members, count, dense * MIXED]));
            }
            columns.push(x);
        }
        if let Some(codes) = &part.codes {
            let codes = codes.clone().select(0, rows.clone());
            for (index, table) in layout.tables.iter().enumerate() {
                // The members' tables as one; each member's codes point behind those of the members before.
                let code = codes.clone().slice([0..all, index..index + 1]).reshape([all]);
                let code = if members > 1 {
                    let starts: Vec<u32> = (0..all).map(|row| (row / count * table.rows) as u32).collect();
                    code + integers(&starts, &self.device)
                } else {
                    code
                };
                let code = if tracked { code.autodiff() } else { code };
                let tables = leaves.table(index).reshape([members * table.rows, table.columns]);
                columns.push(tables.select(0, code).reshape([members, count, table.columns]));
            }
        }
        Tensor::cat(columns, 2)
    }

    /// The nets' outputs, `members x count x outputs`, for rows given by number.
    fn forward(
        &self,
        part: &Resident,
        rows: &Tensor<1, Int>,
        leaves: &Leaves,
        tracked: bool,
        clock: &Clock,
    ) -> Tensor<3> {
        let layout = &self.layout;
        let mut values = self.input(part, rows, leaves, tracked) * leaves.scale();
        for layer in 0..layout.depth() {
            let z = product(values, leaves.weight(layer), tracked, &self.device);
            let z = z * layout.tangent(layer) + leaves.bias(layer);
            let f = match layout.activation {
                Activation::Selu => activation::selu(z.clone()),
                Activation::Mish => activation::mish(z.clone()),
            };
            values = z.clone() + (f - z) * leaves.alpha(layer);
            if clock.dropout > 0.0 {
                let draw: Tensor<3> = Tensor::random(values.dims(), Distribution::Default, &self.device);
                let kept = draw.greater_equal_elem(clock.dropout).float() / (1.0 - clock.dropout);
                values = values * if tracked { kept.autodiff() } else { kept };
            }
        }
        let last = layout.depth();
        product(values, leaves.weight(last), tracked, &self.device) * layout.tangent(last) + leaves.bias(last)
    }

    /// The members' mean loss and the gradient of each one's own, in the flat vector's order. `rows`: the first member's
    /// first.
    fn gradient(&self, rows: &[u32], clock: &Clock) -> Result<(Tensor<1>, Tensor<1>), Failure> {
        let (layout, members) = (&self.layout, self.layout.config.members);
        let each = rows.len() / members;
        let mut sum: Option<(Tensor<1>, Tensor<1>)> = None;
        for span in spans(each, self.together / members) {
            let count = span.len();
            let picked: Vec<&[u32]> = rows.chunks_exact(each).map(|rows| &rows[span.clone()]).collect();
            let filled: Vec<u32> = picked.iter().flat_map(|rows| padded(rows)).collect();
            let leaves = Leaves::new(layout, &self.theta, true);
            let outputs = self.forward(&self.train, &integers(&filled, &self.device), &leaves, true, clock);
            let outputs = outputs.slice([0..members, 0..count, 0..layout.outputs]);
            let outputs = outputs.reshape([members * count, layout.outputs]);
            let picked = integers(&picked.concat(), &self.device);
            // The mean over all rows of all members.
            let loss = self.train.target.loss(outputs, picked, layout.config.smoothing);
            let share = count as f64 / each as f64;
            let gradient = leaves.gradient(layout, &(loss.clone() * (share * members as f64)))?;
            let loss = loss.inner() * share;
            sum = Some(match sum {
                Some((losses, gradients)) => (losses + loss, gradients + gradient),
                None => (loss, gradient),
            });
        }
        sum.ok_or_else(|| Failure::Device("a step without rows".into()))
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
        let (members, outputs) = (self.layout.config.members, self.layout.outputs);
        let numbers: Vec<u32> = rows.map(|row| row as u32).collect();
        let mut all = Vec::with_capacity(numbers.len() * members * outputs);
        for block in numbers.chunks((SCORED / members).max(1)) {
            let rows = integers(&padded(block).repeat(members), &self.device);
            let found = self.forward(part, &rows, &leaves, false, &Clock::still());
            let found = found.slice([0..members, 0..block.len(), 0..outputs]);
            all.extend(read(found.swap_dims(0, 1))?);
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
