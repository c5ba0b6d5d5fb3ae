//! Nets on train rows that come in buffers.

#![allow(clippy::unwrap_used)]
use crate::{
    FitError, FitOptions, Fitted, Observer, RowStream, StreamedRows, TrainData, realmlp, tabm,
    tests::{Recorder, data, options, table},
};
use trainyard_infer::{Column, Frame, Predictions, Target, Values};
use trainyard_types::{Problem, run::Task};

/// A table in memory, handed out in buffers of every n-th row; each pass begins with another one.
struct Dealt {
    frame: Frame,
    target: Target,
    weights: Option<Vec<f64>>,
    buffers: usize,
}

impl RowStream for Dealt {
    fn rows(&self) -> u64 {
        self.frame.rows as u64
    }
    fn buffers(&self) -> usize {
        self.buffers
    }
    fn largest(&self) -> usize {
        self.frame.rows.div_ceil(self.buffers)
    }
    fn seen(&self, buffers: u64) -> u64 {
        let rows = |buffer: u64| (buffer % self.buffers as u64..self.rows()).step_by(self.buffers).count() as u64;
        let each = self.buffers as u64;
        (0..buffers).map(|visited| rows(visited % each + visited / each)).sum()
    }
    fn read(&self, pass: u64, buffer: usize) -> Result<StreamedRows, Problem> {
        let first = (buffer + pass as usize) % self.buffers;
        let rows: Vec<usize> = (first..self.frame.rows).step_by(self.buffers).collect();
        let mut frame = self.frame.take(&rows);
        for Column { values, .. } in &mut frame.columns {
            if let Values::Categories { codes, levels } = values {
                // Levels of its own: in another order, and one that the sample does not have.
                levels.reverse();
                levels.insert(0, "new".to_owned());
                let last = levels.len() as u32 - 1;
                codes.iter_mut().filter(|code| **code <= last).for_each(|code| *code = last - *code);
            }
        }
        let weights = self.weights.as_ref().map(|weights| rows.iter().map(|&row| weights[row]).collect());
        Ok((frame, self.target.take(&rows), weights))
    }
}

type Fit = fn(&TrainData<'_>, &FitOptions, Option<&[u8]>, &mut dyn Observer) -> Result<Fitted, FitError>;

const FITS: [Fit; 2] = [realmlp::fit, tabm::fit];

fn bytes(fitted: &Fitted) -> Vec<u8> {
    fitted.model.to_bytes().unwrap()
}

#[test]
fn a_streamed_fit_gives_the_same_bits_also_when_resumed() {
    let (frame, target) = table(Task::Binary, 900, 1);
    let (valid, valid_target) = table(Task::Binary, 150, 2);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let sample: Vec<usize> = (0..900).step_by(3).collect();
    let (train, train_target) = (frame.take(&sample), target.take(&sample));
    let stream = Dealt { frame, target, weights: None, buffers: 4 };
    let data = TrainData {
        stream: Some(&stream),
        ..data(&train, &train_target, &valid, &valid_target, Task::Binary, &classes)
    };
    for fit in FITS {
        let options = FitOptions { epochs: Some(2), ..options() };
        let mut first = Recorder::default();
        let whole = fit(&data, &options, None, &mut first).unwrap();
        assert_eq!(first.checkpoints.len(), 8, "two passes of four buffers");
        assert_eq!(whole.parameters["rows_seen"], "900 of 900 train rows, 2.0 times");
        assert!((1..=2).contains(&whole.epochs));
        let middle = &first.checkpoints[4].1;
        let resumed = fit(&data, &options, Some(middle), &mut Recorder::default()).unwrap();
        assert_eq!(bytes(&whole), bytes(&resumed));
        // The same rows in other buffers are other work.
        let other = Dealt { frame: stream.frame.clone(), target: stream.target.clone(), weights: None, buffers: 3 };
        let data = TrainData { stream: Some(&other), ..data };
        let mut recorder = Recorder::default();
        fit(&data, &FitOptions { epochs: Some(1), ..options.clone() }, Some(middle), &mut recorder).unwrap();
        assert!(recorder.lines.iter().any(|line| line.contains("starts anew")));
    }
}

#[test]
fn a_streamed_fit_learns_about_as_much() {
    let (frame, target) = table(Task::Regression, 3_000, 1);
    let (valid, valid_target) = table(Task::Regression, 600, 2);
    let sample: Vec<usize> = (0..3_000).step_by(6).collect();
    let (train, train_target) = (frame.take(&sample), target.take(&sample));
    let options = FitOptions { epochs: Some(10), ..options() };
    let Target::Values(truth) = &valid_target else { panic!() };
    let rmse = |fitted: &Fitted| {
        let Predictions::Values(values) = fitted.model.predict(&valid).unwrap() else { panic!() };
        let squares: f64 = values.iter().zip(truth).map(|(a, b)| (a - b).powi(2)).sum();
        (squares / truth.len() as f64).sqrt()
    };
    let fit = |data: &TrainData<'_>| rmse(&realmlp::fit(data, &options, None, &mut Recorder::default()).unwrap());
    let whole = fit(&data(&frame, &target, &valid, &valid_target, Task::Regression, &[]));
    let few = data(&train, &train_target, &valid, &valid_target, Task::Regression, &[]);
    let alone = fit(&few);
    let stream = Dealt { frame: frame.clone(), target: target.clone(), weights: None, buffers: 5 };
    let streamed = fit(&TrainData { stream: Some(&stream), ..few });
    assert!(streamed < 1.3 * whole, "{streamed} in buffers, {whole} as a whole");
    assert!(streamed < 0.9 * alone, "{streamed} in buffers, {alone} on the sample alone");
}

#[test]
fn a_budget_may_end_within_the_first_pass() {
    let (frame, target) = table(Task::Binary, 2_000, 1);
    let (valid, valid_target) = table(Task::Binary, 100, 2);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let sample: Vec<usize> = (0..200).collect();
    let (train, train_target) = (frame.take(&sample), target.take(&sample));
    let weights = Some(vec![1.0; 2_000]);
    let stream = Dealt { frame, target, weights, buffers: 20 };
    let ones = (vec![1.0; 200], vec![1.0; 100]);
    let data = TrainData {
        stream: Some(&stream),
        weights: Some(crate::Weights { train: &ones.0, valid: &ones.1 }),
        ..data(&train, &train_target, &valid, &valid_target, Task::Binary, &classes)
    };
    let mut recorder = Recorder::default();
    let options = FitOptions { epochs: None, budget_seconds: 0.0, ..options() };
    let fitted = realmlp::fit(&data, &options, None, &mut recorder).unwrap();
    assert_eq!((fitted.epochs, recorder.checkpoints.len()), (1, 1));
    assert_eq!(fitted.parameters["rows_seen"], "100 of 2,000 train rows");
    assert!(recorder.lines.iter().any(|line| line.starts_with("A buffer takes about")), "{:?}", recorder.lines);
}
