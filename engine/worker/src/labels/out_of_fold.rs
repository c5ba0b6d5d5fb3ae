//! What models say of rows that they have not seen.

use crate::{Sink, TrainError, training::progress::Tracker};
use std::time::{Duration, Instant};
use trainyard_assess::importance;
use trainyard_infer::{Frame, Model, Predictions, Target};
use trainyard_learn::{FitOptions, Observer, TrainData};
use trainyard_types::{
    Problem,
    job::{JobEvent, Progress},
    labels::LabelSettings,
    run::{DeviceChoice, Family, MetricPoint, Task},
};

/// Seconds that one fold's fit may take.
const BUDGET: f64 = 20.0;
/// Rows and shuffles that say which columns matter most.
const IMPORTANCE_ROWS: usize = 1_000;
const IMPORTANCE_REPEATS: usize = 2;
/// Least time between two progress events.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Rows to be judged.
pub(super) struct Judged<'a> {
    pub features: &'a Frame,
    pub target: &'a Target,
    /// The fold of each row.
    pub folds: &'a [usize],
    pub classes: &'a [String],
    pub task: Task,
}

/// What the models said.
pub(super) struct Answers {
    /// Classes: `rows x classes`, row-major.
    pub probabilities: Vec<f32>,
    /// Numbers: what is expected of each row.
    pub values: Vec<f64>,
    /// All features, those first that the first fold's model relies on most.
    pub columns: Vec<String>,
}

/// Asks each fold's model about the fold's rows. Of the other folds, the next one decides the model's size.
pub(super) fn judge(judged: &Judged<'_>, settings: &LabelSettings, sink: &mut dyn Sink) -> Result<Answers, TrainError> {
    let count = judged.folds.len();
    let mut answers = Answers {
        probabilities: vec![0.0; count * judged.classes.len()],
        values: vec![0.0; if judged.classes.is_empty() { count } else { 0 }],
        columns: Vec::new(),
    };
    let folds = settings.folds as usize;
    let mut ear = Ear::new(sink, vec![expected_seconds(judged, settings); folds]);
    for fold in 0..folds {
        ear.begin(fold);
        let rows = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..count).filter(|&row| wanted(judged.folds[row])).collect()
        };
        let beside = (fold + 1) % folds;
        let (train, valid, held) =
            (rows(&|of| of != fold && of != beside), rows(&|of| of == beside), rows(&|of| of == fold));
        let model = fit(judged, settings, (&train, &valid), &mut ear)?;
        let (frame, target) = (judged.features.take(&held), judged.target.take(&held));
        match model.predict(&frame)? {
            Predictions::Probabilities { classes, values } => {
                for (answer, row) in values.chunks_exact(classes).zip(&held) {
                    answers.probabilities[row * classes..][..classes].copy_from_slice(answer);
                }
            }
            Predictions::Values(values) => {
                held.iter().zip(values).for_each(|(row, value)| answers.values[*row] = value)
            }
        }
        if fold == 0 {
            answers.columns = important(&model, &frame, &target, settings.seed, &mut ear)?;
        }
    }
    Ok(answers)
}

fn fit(
    judged: &Judged<'_>,
    settings: &LabelSettings,
    (train, valid): (&[usize], &[usize]),
    ear: &mut Ear<'_>,
) -> Result<Model, TrainError> {
    let (train_frame, valid_frame) = (judged.features.take(train), judged.features.take(valid));
    let (train_target, valid_target) = (judged.target.take(train), judged.target.take(valid));
    if let Target::Classes(labels) = &train_target
        && let Some(absent) = (0..judged.classes.len()).find(|class| !labels.contains(&(*class as u32)))
    {
        let message = format!(
            "All rows of class `{}` are in so few groups that a fold's model would not see one. Use fewer folds or another column, or join the class with another.",
            judged.classes[absent]
        );
        return Err(Problem::field("groups", message).into());
    }
    let data = TrainData {
        train: &train_frame,
        train_target: &train_target,
        valid: &valid_frame,
        valid_target: &valid_target,
        task: judged.task,
        classes: judged.classes,
        target_name: &settings.target,
        loss: None,
        weights: None,
        stream: None,
    };
    let options = FitOptions {
        seed: settings.seed,
        epochs: None,
        budget_seconds: BUDGET,
        device: DeviceChoice::Cpu,
        parameters: Default::default(),
        monotone: Default::default(),
        memory: None,
    };
    let family = if settings.family == Family::Linear { Family::Linear } else { Family::Trees };
    Ok(trainyard_learn::fit(family, &data, &options, None, ear)?.model)
}

/// The features, those first that the model relies on most.
fn important(
    model: &Model,
    frame: &Frame,
    target: &Target,
    seed: u64,
    ear: &mut Ear<'_>,
) -> Result<Vec<String>, TrainError> {
    let mut stopped = false;
    let metric = model.signature.task.primary_metric();
    let found =
        importance::permutation(model, frame, target, metric, IMPORTANCE_REPEATS, seed, IMPORTANCE_ROWS, &mut || {
            stopped = ear.sink.cancelled();
            stopped
        })?;
    if stopped {
        return Err(TrainError::Cancelled);
    }
    let mut columns: Vec<String> = found.into_iter().map(|importance| importance.column).collect();
    let rest: Vec<String> =
        frame.columns.iter().map(|column| column.name.clone()).filter(|name| !columns.contains(name)).collect();
    columns.extend(rest);
    Ok(columns)
}

/// A rough figure for one fold, from two cores; corrected as soon as the first one runs.
fn expected_seconds(judged: &Judged<'_>, settings: &LabelSettings) -> f64 {
    let cells = (judged.features.rows * judged.features.columns.len()) as f64;
    let outputs = (judged.classes.len().max(2) - 1).min(10) as f64;
    match settings.family {
        Family::Linear => 0.5 + cells * 3e-6,
        _ => (0.5 + cells * 1.2e-5 * outputs).min(BUDGET),
    }
}

/// Passes on how far the folds are; what a fit says besides is of no interest.
struct Ear<'a> {
    sink: &'a mut dyn Sink,
    tracker: Tracker,
    folds: usize,
    fold: usize,
    start: Instant,
    told: Option<Instant>,
}

impl<'a> Ear<'a> {
    fn new(sink: &'a mut dyn Sink, estimates: Vec<f64>) -> Self {
        let folds = estimates.len();
        Self { sink, tracker: Tracker::new(estimates), folds, fold: 0, start: Instant::now(), told: None }
    }

    fn begin(&mut self, fold: usize) {
        self.fold = fold;
        let now = self.start.elapsed().as_secs_f64();
        if fold == 1 {
            // What the first fold took is the best guess for the others.
            (1..self.folds).for_each(|later| self.tracker.estimate(later, now));
        }
        self.tracker.begin(fold, now);
        self.told = None;
        self.progress(0.0, "", None);
    }
}

impl Observer for Ear<'_> {
    fn progress(&mut self, fraction: f64, _stage: &str, _rows_per_second: Option<f64>) {
        self.tracker.advance(fraction);
        let now = self.start.elapsed().as_secs_f64();
        let (fraction, eta_seconds) = (self.tracker.fraction(now), self.tracker.eta(now));
        if self.told.is_some_and(|at| at.elapsed() < PROGRESS_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        self.sink.event(JobEvent::Progress(Progress {
            stage: format!("Judging labels, part {} of {}", self.fold + 1, self.folds),
            fraction,
            eta_seconds,
            rows_per_second: None,
        }));
    }
    fn metrics(&mut self, _points: &[MetricPoint]) {}
    fn log(&mut self, _line: &str) {}
    fn cancelled(&mut self) -> bool {
        self.sink.cancelled()
    }
    fn checkpoint(&mut self, _step: u64, _bytes: &dyn Fn() -> Vec<u8>) {}
}
