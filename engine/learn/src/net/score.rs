//! Loss and metric of the train and validation rows, scored alike: no dropout, no label smoothing.

use super::{
    Part, Truth,
    engine::{Engine, Failure},
};
use crate::goal::{Goal, focus};
use std::sync::Arc;
use trainyard_infer::net::Head;

/// Scores a training after each epoch.
pub struct Scorer {
    goal: Goal,
    train: Arc<Part>,
    valid: Arc<Part>,
    train_rows: usize,
    /// Train rows that are scored at most.
    most: usize,
    members: usize,
}

/// One epoch's scores. Loss is what is learned: the log loss or the focal loss, the standardised target's mean squared error or
/// another loss of it, half of Poisson's deviance.
pub struct Scores {
    pub train_loss: f64,
    pub valid_loss: f64,
    /// Accuracy, or a number's metric in the target's unit.
    pub train: f64,
    pub valid: f64,
    /// What decides: class error or a number's metric.
    pub valid_error: f64,
}

impl Scorer {
    /// `members` answer together. Of the train rows the first `train_rows` are scored: the split has shuffled them, or they
    /// are in time order.
    pub fn new(goal: Goal, members: usize, train: &Arc<Part>, valid: &Arc<Part>, train_rows: usize) -> Self {
        Self {
            goal,
            members,
            train_rows: train.encoded.rows.min(train_rows),
            most: train_rows,
            train: Arc::clone(train),
            valid: Arc::clone(valid),
        }
    }

    /// Scores these train rows from now on, which the engine has taken.
    pub fn replace_train(&mut self, part: Arc<Part>) {
        self.train_rows = self.most.min(part.encoded.rows);
        self.train = part;
    }

    /// The metric's name.
    pub fn metric(&self) -> &'static str {
        self.goal.metric()
    }

    /// Rows that [`Scorer::score`] runs.
    pub fn rows(&self) -> usize {
        self.train_rows + self.valid.encoded.rows
    }

    /// Runs some of them, for their time; how many.
    pub fn sample(&self, engine: &mut dyn Engine) -> Result<usize, Failure> {
        let rows = self.train_rows.min(1_024);
        engine.outputs(false, 0..rows)?;
        Ok(rows)
    }

    pub fn score(&self, engine: &mut dyn Engine) -> Result<Scores, Failure> {
        let mut outputs = |valid: bool, rows: usize| -> Result<Vec<f32>, Failure> {
            Ok(self.goal.head.combined(self.members, engine.outputs(valid, 0..rows)?))
        };
        let (train_loss, train) = evaluate(self.goal, &outputs(false, self.train_rows)?, &self.train.target);
        let outputs = outputs(true, self.valid.encoded.rows)?;
        let (valid_loss, valid) = evaluate(self.goal, &outputs, &self.valid.target);
        if !(train_loss.is_finite() && valid_loss.is_finite()) {
            return Err(Failure::NotFinite);
        }
        let valid_error = match &self.valid.weights {
            Some(weights) => weighted_error(self.goal, &outputs, &self.valid.target, weights),
            None if matches!(self.goal.head, Head::Classes { .. }) => 1.0 - valid,
            None => valid,
        };
        Ok(Scores { train_loss, valid_loss, train, valid, valid_error })
    }
}

/// The class error, or a number's metric in the units that it is learned in, where rows count by their weights.
fn weighted_error(goal: Goal, outputs: &[f32], truth: &Truth, weights: &[f32]) -> f64 {
    let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
    let sum = |errors: &mut dyn Iterator<Item = f64>| -> f64 {
        errors.zip(weights).map(|(error, weight)| error * f64::from(*weight)).sum::<f64>() / total
    };
    match (goal.head, truth) {
        (Head::Classes { classes }, Truth::Classes(truth)) => {
            let wrong = |(logits, &class): (&[f32], &u32)| {
                let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                f64::from(u8::from(logits.iter().position(|z| *z == highest) != Some(class as usize)))
            };
            sum(&mut outputs.chunks_exact(classes).zip(truth).map(wrong))
        }
        (Head::Value { .. } | Head::Rate { .. }, Truth::Values(truth)) => {
            let (low, high) = goal.bounds();
            let error = |(output, truth): (&f32, &f32)| {
                goal.loss.error(f64::from(*output).max(low).min(high), f64::from(*truth))
            };
            goal.loss.total(sum(&mut outputs.iter().zip(truth).map(error)))
        }
        _ => f64::NAN,
    }
}

/// Mean loss, and accuracy or a number's metric in the target's unit, of the net's outputs for the first rows of a part.
pub fn evaluate(goal: Goal, outputs: &[f32], truth: &Truth) -> (f64, f64) {
    match (goal.head, truth) {
        (Head::Value { .. } | Head::Rate { .. }, Truth::Values(truth)) => {
            let (low, high) = goal.bounds();
            let (mut loss, mut error) = (0.0f64, 0.0f64);
            for (output, truth) in outputs.iter().zip(truth) {
                let (output, truth) = (f64::from(*output), f64::from(*truth));
                loss += goal.loss.shown(output, truth);
                error += goal.loss.error(output.max(low).min(high), truth);
            }
            let rows = outputs.len().max(1) as f64;
            (loss / rows, goal.loss.total(error / rows) * goal.unit())
        }
        (Head::Classes { classes }, Truth::Classes(truth)) => {
            let (mut loss, mut right) = (0.0f64, 0u64);
            for (logits, &class) in outputs.chunks_exact(classes).zip(truth) {
                let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f32 = logits.iter().map(|z| (z - highest).exp()).sum();
                let own = logits[class as usize];
                loss += f64::from(focus(-(sum.ln() + highest - own), goal.gamma).0);
                // The first of equals, as an arg-max has it.
                let best = logits.iter().position(|z| *z == highest);
                right += u64::from(best == Some(class as usize));
            }
            let rows = (outputs.len() / classes).max(1) as f64;
            (loss / rows, right as f64 / rows)
        }
        _ => (f64::NAN, f64::NAN),
    }
}
