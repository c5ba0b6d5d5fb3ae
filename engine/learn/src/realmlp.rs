//! RealMLP-TD: a multilayer perceptron with tuned defaults for tables (Holzmüller, Grinsztajn and Steinwart 2024,
//! arXiv 2407.04491). All schedules run on relative time, so that a training cut to a time budget is annealed all the same.

mod checkpoint;
mod engine;
mod fused;
mod graph;
mod init;
mod random;
mod recipe;
mod score;

use crate::{FitError, FitOptions, Fitted, Observer, TrainData, device};
use checkpoint::{Best, Checkpoint, Plan};
use engine::{Clock, Engine, Failure};
use fused::Fused;
use graph::Graph;
use random::Random;
use recipe::{EPOCHS, Layout, Part, Truth};
use score::Scorer;
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};
use trainyard_infer::{
    Model, Predictor, Target,
    net::{Activation, Head, RealMlpModel},
    preprocess::{Encoder, Recipe},
    signature,
};
use trainyard_types::{
    Code, Problem,
    run::{DeviceChoice, MetricPoint},
};

pub use recipe::{batch_size, coslog4, flat_cos};

/// Numbers of epochs that a time budget is rounded down to, so that two runs on one machine seldom differ.
const GRID: [u32; 15] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192];
/// How often progress is told.
const TELL: Duration = Duration::from_millis(250);

/// Fits a RealMLP. The kept weights are those of the last epoch with the best validation score (class error or RMSE).
///
/// On the CPU, the same data and options give the same weights bit for bit, also when the fit is resumed from any of its
/// checkpoints; without `epochs`, as long as the measured speed chooses the same number.
///
/// # Errors
/// [`FitError::Cancelled`], or a problem that says what to do.
pub fn fit(
    data: &TrainData<'_>,
    options: &FitOptions,
    resume: Option<&[u8]>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let started = Instant::now();
    observer.progress(0.0, "Preparing columns", None);
    let chosen = device::choose(options.device)?;
    let encoder = Encoder::fit(data.train, Recipe::RealMlp).map_err(Problem::from)?;
    if encoder.width() == 0 && encoder.embedding_rows().is_empty() {
        return Err(Problem::invalid("No column says anything about the target: all are constant or only identify rows. Keep at least one feature.").into());
    }
    let head = head(data)?;
    let part = |frame, target, weights: Option<&[f64]>| -> Result<Part, FitError> {
        Ok(Part {
            encoded: encoder.encode(frame).map_err(Problem::from)?,
            target: truth(target, head),
            weights: weights.map(|weights| weights.iter().map(|weight| *weight as f32).collect()),
        })
    };
    let train = Arc::new(part(data.train, data.train_target, data.weights.map(|weights| weights.train))?);
    let valid = Arc::new(part(data.valid, data.valid_target, data.weights.map(|weights| weights.valid))?);
    let activation = if data.task.is_classification() { Activation::Selu } else { Activation::Mish };
    let layout = Arc::new(Layout::new(encoder.width(), &encoder.embedding_rows(), head.outputs(), activation));
    let theta = init::initial(&layout, &train.encoded, options.seed);
    let fused = Fused::new(Arc::clone(&layout), Arc::clone(&train), Arc::clone(&valid), &theta);
    let fused = fused.map_err(problem)?;
    let (mut engine, place): (Box<dyn Engine>, String) = if chosen.is_cpu {
        (Box::new(fused), chosen.name)
    } else {
        let graph = Graph::new(Arc::clone(&layout), &train, &valid, &theta, chosen.device.clone());
        match check(&graph, &fused, train.encoded.rows) {
            Ok(()) => (Box::new(graph), chosen.name),
            Err(why) if options.device == DeviceChoice::Auto => {
                observer.log(&format!("{} is not used: {why}. Training on the CPU.", chosen.name));
                (Box::new(fused), "CPU (flex)".to_owned())
            }
            Err(why) => {
                let message = format!(
                    "{} can't be used: {why}. Update its driver, or choose the device 'auto' or 'cpu'.",
                    chosen.name
                );
                return Err(Problem::new(Code::Unavailable, message).into());
            }
        }
    };
    let mut training = Training {
        classification: data.task.is_classification(),
        rows: train.encoded.rows,
        batch: batch_size(train.encoded.rows),
        seed: options.seed,
        scorer: Scorer::new(head, &train, &valid),
        layout: Arc::clone(&layout),
        plan: Plan::new(0, options.seed, train.encoded.rows, valid.encoded.rows, layout.total),
        best: Best { epoch: 0, score: f64::INFINITY, theta },
    };
    training.start(engine.as_mut(), options, resume, started, observer)?;
    let speed = training.run(engine.as_mut(), observer)?;
    let net = layout.net(&training.best.theta).map_err(|_| diverged())?;
    let parameters = training.parameters(&encoder, &place);
    let fault = |error: trainyard_infer::LoadError| {
        Problem::internal(format!("The trained net does not fit its columns: {error}"))
    };
    let model = RealMlpModel::new(encoder, net, head).map_err(fault)?;
    Ok(Fitted {
        model: Model::new(
            signature::fit(data.train, data.target_name, data.task, data.classes),
            Predictor::RealMlp(model),
        ),
        epochs: u64::from(training.best.epoch),
        rows_per_second: speed,
        seconds: started.elapsed().as_secs_f64(),
        parameters,
    })
}

/// Whether the GPU computes what the CPU does: drivers are known that compile some kernels wrongly, without an error.
fn check(graph: &Graph, fused: &Fused, rows: usize) -> Result<(), String> {
    let rows: Vec<u32> = (0..rows.min(64) as u32).collect();
    let words = |failure: Failure| match failure {
        Failure::NotFinite => "it computes numbers that are not finite".to_owned(),
        Failure::Device(why) => why,
    };
    let (_, expected) = fused.whole_gradient(&rows, &Clock::still()).map_err(words)?;
    let found = catch_unwind(AssertUnwindSafe(|| graph.whole_gradient(&rows, &Clock::still())));
    let (_, found) = found.map_err(|_| "its driver failed".to_owned())?.map_err(words)?;
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let size = square(&mut expected.iter().copied());
    let off = square(&mut found.iter().zip(&expected).map(|(a, b)| a - b));
    if found.len() == expected.len() && off <= 0.02 * size + 1e-6 {
        Ok(())
    } else {
        Err(format!("it computes wrong gradients (off by {:.0} %)", 100.0 * off / size.max(1e-9)))
    }
}

/// What the outputs mean: regression is learned standardised, and predicted within the train rows' range.
fn head(data: &TrainData<'_>) -> Result<Head, Problem> {
    match data.train_target {
        Target::Classes(_) => Ok(Head::Classes { classes: data.classes.len().max(2) }),
        Target::Values(values) => crate::scale::standardised(values),
    }
}

fn truth(target: &Target, head: Head) -> Truth {
    match (target, head) {
        (Target::Classes(classes), _) => Truth::Classes(classes.clone()),
        (Target::Values(values), Head::Value { mean, scale, .. }) => {
            Truth::Values(values.iter().map(|v| ((v - mean) / scale) as f32).collect())
        }
        (Target::Values(values), _) => Truth::Values(values.iter().map(|v| *v as f32).collect()),
    }
}

/// A training between its epochs.
struct Training {
    classification: bool,
    rows: usize,
    batch: usize,
    seed: u64,
    scorer: Scorer,
    layout: Arc<Layout>,
    plan: Plan,
    best: Best,
}

impl Training {
    fn steps_per_epoch(&self) -> usize {
        (self.rows / self.batch).max(1)
    }

    fn clock(&self, step: u64) -> Clock {
        Clock::new(self.classification, self.seed, step, u64::from(self.plan.epochs) * self.steps_per_epoch() as u64)
    }

    /// Takes up the checkpoint, or chooses the number of epochs.
    fn start(
        &mut self,
        engine: &mut dyn Engine,
        options: &FitOptions,
        resume: Option<&[u8]>,
        started: Instant,
        observer: &mut dyn Observer,
    ) -> Result<(), FitError> {
        if let Some(bytes) = resume {
            match Checkpoint::from_bytes(bytes) {
                Ok(found) if Plan { epochs: 0, done: 0, ..found.plan.clone() } == self.plan => {
                    observer.log(&format!("Resuming after epoch {} of {}.", found.plan.done, found.plan.epochs));
                    self.plan = found.plan;
                    self.best = found.best;
                    engine.restore(found.state);
                    return Ok(());
                }
                Ok(_) => observer.log("The checkpoint belongs to other data or settings; training starts anew."),
                Err(error) => observer.log(&format!("The checkpoint can't be used; training starts anew. {error}")),
            }
        }
        self.plan.epochs = match options.epochs {
            Some(0) => return Err(Problem::field("epochs", "At least one epoch is needed.").into()),
            Some(epochs) => epochs,
            None => {
                let epoch = self.measure(engine, observer)?;
                let left = (options.budget_seconds - started.elapsed().as_secs_f64()).max(0.0);
                let fits = (left / epoch.max(1e-9)).min(f64::from(EPOCHS)) as u32;
                let epochs =
                    if fits >= EPOCHS { EPOCHS } else { GRID.into_iter().rfind(|&g| g <= fits).unwrap_or(GRID[0]) };
                observer.log(&format!(
                    "An epoch takes about {}; {epochs} of the recipe's {EPOCHS} epochs fit the {:.0} s budget.",
                    duration(epoch),
                    options.budget_seconds
                ));
                epochs
            }
        };
        Ok(())
    }

    /// Seconds that an epoch with its scoring takes, from a few steps whose effect is undone.
    fn measure(&mut self, engine: &mut dyn Engine, observer: &mut dyn Observer) -> Result<f64, FitError> {
        observer.progress(0.0, "Measuring speed", None);
        let state = engine.state().map_err(problem)?;
        self.plan.epochs = EPOCHS;
        let order = Random::new(self.seed, 3).permutation(self.rows);
        let batches: Vec<&[u32]> = order.chunks_exact(self.batch).collect();
        let mut seconds = Vec::new();
        let begun = Instant::now();
        for (step, rows) in batches.iter().cycle().enumerate().take(24) {
            if observer.cancelled() {
                return Err(FitError::Cancelled);
            }
            let before = Instant::now();
            engine.step(rows, &self.clock(step as u64)).map_err(problem)?;
            // A GPU works behind: its time shows when the loss is read.
            engine.mean_loss().map_err(problem)?;
            seconds.push(before.elapsed().as_secs_f64());
            if begun.elapsed() > Duration::from_millis(1_500) && seconds.len() > 3 {
                break;
            }
        }
        // The first steps warm caches up, or compile kernels.
        seconds.sort_by(f64::total_cmp);
        let step = seconds[seconds.len() / 2];
        let before = Instant::now();
        let scored = self.scorer.sample(engine).map_err(problem)?;
        let score = before.elapsed().as_secs_f64() * self.scorer.rows() as f64 / scored.max(1) as f64;
        engine.restore(state);
        Ok(step * self.steps_per_epoch() as f64 + score)
    }

    /// Runs the epochs that are left; train rows a second.
    fn run(&mut self, engine: &mut dyn Engine, observer: &mut dyn Observer) -> Result<f64, FitError> {
        let (begun, first) = (Instant::now(), self.plan.done);
        let per_epoch = self.steps_per_epoch();
        let seen = |done: u32, steps: usize| {
            (u64::from(done - first) * per_epoch as u64 + steps as u64) as f64 * self.batch as f64
        };
        let mut told = Instant::now();
        let batch = self.batch;
        while self.plan.done < self.plan.epochs {
            let order = Random::new(self.seed, 0x1_0000 + u64::from(self.plan.done)).permutation(self.rows);
            for (index, rows) in order.chunks_exact(batch).enumerate() {
                if observer.cancelled() {
                    return Err(FitError::Cancelled);
                }
                let step = u64::from(self.plan.done) * per_epoch as u64 + index as u64;
                engine.step(rows, &self.clock(step)).map_err(problem)?;
                if told.elapsed() > TELL {
                    told = Instant::now();
                    let fraction = (f64::from(self.plan.done) + (index + 1) as f64 / per_epoch as f64)
                        / f64::from(self.plan.epochs);
                    let stage = format!("Epoch {} of {}", self.plan.done + 1, self.plan.epochs);
                    observer.progress(
                        fraction,
                        &stage,
                        Some(seen(self.plan.done, index + 1) / begun.elapsed().as_secs_f64()),
                    );
                }
            }
            engine.mean_loss().map_err(problem)?;
            let scores = self.scorer.score(engine).map_err(problem)?;
            self.plan.done += 1;
            // The last of equals: later epochs are annealed further.
            if scores.valid_error <= self.best.score || self.best.epoch == 0 {
                let theta = engine.state().map_err(problem)?.theta;
                self.best = Best { epoch: self.plan.done, score: scores.valid_error, theta };
            }
            let point = |key: &str, part: &str, value| MetricPoint {
                key: key.into(),
                part: part.into(),
                step: u64::from(self.plan.done),
                value,
            };
            observer.metrics(&[
                point("loss", "train", scores.train_loss),
                point("loss", "valid", scores.valid_loss),
                point(self.scorer.metric(), "train", scores.train),
                point(self.scorer.metric(), "valid", scores.valid),
            ]);
            let bytes = || {
                let checkpoint = |state| Checkpoint { plan: self.plan.clone(), best: self.best.clone(), state };
                engine.state().ok().and_then(|state| checkpoint(state).to_bytes().ok()).unwrap_or_default()
            };
            observer.checkpoint(u64::from(self.plan.done), &bytes);
        }
        Ok(seen(self.plan.done, 0) / begun.elapsed().as_secs_f64().max(1e-9))
    }

    /// For people.
    fn parameters(&self, encoder: &Encoder, device: &str) -> BTreeMap<String, String> {
        let tables = encoder.embedding_rows().len();
        let columns = format!(
            "{} dense columns (median and IQR, smooth clip, cosine embeddings), {tables} embedded",
            encoder.width()
        );
        [
            ("model", "RealMLP-TD: 3 layers of 256 neurons, parametric activation, dropout 0.15".to_owned()),
            ("optimiser", "Adam (β 0.9, 0.95), weight decay 0.02, schedules coslog4 and flat_cos".to_owned()),
            ("learning_rate", recipe::learning_rate(self.classification).to_string()),
            ("batch_size", self.batch.to_string()),
            ("epochs", self.plan.epochs.to_string()),
            ("best_epoch", self.best.epoch.to_string()),
            ("parameters", self.layout.total.to_string()),
            ("preprocessing", columns),
            ("device", device.to_owned()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }
}

fn duration(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

fn diverged() -> Problem {
    Problem::invalid(
        "Training diverged: the loss is no longer a finite number. Look for extreme values in the columns and in the target \
         (for a target that spans several powers of ten, train on its logarithm), or choose another model family.",
    )
}

fn problem(failure: Failure) -> FitError {
    match failure {
        Failure::NotFinite => diverged().into(),
        Failure::Device(why) => {
            Problem::internal(format!("The training device failed ({why}). Try again, or choose the device 'cpu'."))
                .into()
        }
    }
}

#[cfg(test)]
mod tests;
