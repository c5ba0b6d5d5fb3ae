//! The engine of the CPU: a batch is always divided into the same two halves, each with a graph of its own, whose gradients are
//! summed, so that two threads give the same bits as one.

use super::{
    graph::{Draws, Net},
    recipe::Layout,
};
use crate::net::{
    Part,
    cpu::{Gradient, Held, Pools, norm, whole},
    engine::{Clock, Engine, Failure, State},
    tensors::{floats, scalar, to_vec},
};
use burn::tensor::{Device, Tensor};
use std::{ops::Range, sync::Arc};

/// The engine; see the module.
pub struct Halves {
    net: Net,
    held: Held,
    loss: f64,
    losses: u64,
    pools: Pools,
}

impl Halves {
    /// # Errors
    /// If no thread can be started.
    pub fn new(layout: Arc<Layout>, train: &Part, valid: &Part, theta: &[f32]) -> Result<Self, Failure> {
        let net = Net::new(layout, train, valid, Device::flex(), Draws::Hashed);
        Ok(Self { net, held: Held::start(theta, &[]), loss: 0.0, losses: 0, pools: Pools::new()? })
    }

    fn theta(&self) -> Tensor<1> {
        floats(self.held.small.clone(), &self.net.device)
    }

    /// What each half adds to the batch's mean loss and its gradient.
    fn gradient(&self, rows: &[u32], clock: &Clock) -> Result<[Gradient; 2], Failure> {
        let half = |rows: &[u32], first: usize, of: usize| -> Result<Gradient, Failure> {
            let weights = Vec::new();
            if rows.is_empty() {
                return Ok(Gradient { small: vec![0.0; self.held.small.len()], weights, loss: 0.0 });
            }
            let (loss, gradient) = self.net.gradient(&self.theta(), rows, first, of, clock)?;
            Ok(Gradient { small: to_vec(gradient), weights, loss: f64::from(scalar(loss)?) })
        };
        let (a, b) = rows.split_at(rows.len().div_ceil(2));
        match self.pools.both(|| half(a, 0, rows.len()), || half(b, a.len(), rows.len())) {
            (a, Some(b)) => Ok([a?, b?]),
            _ => Err(Failure::Device("a training thread ended early".into())),
        }
    }
}

impl Engine for Halves {
    fn step(&mut self, rows: &[u32], clock: &Clock) -> Result<(), Failure> {
        let mut halves = self.gradient(rows, clock)?;
        let (loss, length) = (halves[0].loss + halves[1].loss, norm(&mut halves));
        if !loss.is_finite() || !length.is_finite() {
            return Err(Failure::NotFinite);
        }
        self.loss += loss;
        self.losses += 1;
        self.held.update(self.net.layout.segments.iter(), &[], halves, clock, 1.0);
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
        let middle = rows.start + rows.len() / 2;
        let score = |rows: Range<usize>| self.net.outputs(&self.theta(), valid, rows);
        let (first, second) = self.pools.both(|| score(rows.start..middle), || score(middle..rows.end));
        let mut all = first?;
        all.extend(second.ok_or_else(|| Failure::Device("a scoring thread ended early".into()))??);
        Ok(all)
    }

    fn replace_train(&mut self, part: Arc<Part>) {
        self.net.replace_train(&part);
    }

    fn state(&self) -> Result<State, Failure> {
        Ok(self.held.state())
    }

    fn restore(&mut self, state: State) {
        self.held = Held::new(state, &[]);
        (self.loss, self.losses) = (0.0, 0);
    }
}
