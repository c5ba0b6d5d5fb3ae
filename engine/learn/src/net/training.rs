//! A training between its epochs: how many there are, their batches, the best one, checkpoints.

use super::{
    checkpoint::{Best, Checkpoint, Plan},
    engine::{Clock, Engine},
    random::Random,
    score::Scorer,
};
use crate::{FitError, FitOptions, Observer};
use std::time::{Duration, Instant};
use trainyard_types::{
    Problem,
    run::{Family, MetricPoint},
};

/// Numbers of epochs that a time budget is rounded down to, so that two runs on one machine seldom differ.
pub const GRID: [u32; 15] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192];
/// How often progress is told.
const TELL: Duration = Duration::from_millis(250);

/// What a family decides about its training.
pub struct Course {
    pub family: Family,
    /// Rows of a step, of each member.
    pub batch: usize,
    /// Nets that train side by side, each with its own order of the rows.
    pub members: usize,
    /// Whether the rows behind the last whole batch make a smaller one; otherwise they are left out of their epoch.
    pub rest: bool,
    /// Most epochs, where none are asked for.
    pub epochs: u32,
    /// So many epochs without a better score end it. Without it, the last of equal epochs is the best: later ones are annealed
    /// further.
    pub patience: Option<u32>,
    /// The clock of a step of so many.
    pub clock: Box<dyn Fn(u64, u64) -> Clock>,
}

/// A training between its epochs.
pub struct Training {
    pub course: Course,
    pub plan: Plan,
    pub best: Best,
    rows: usize,
    seed: u64,
    scorer: Scorer,
}

impl Training {
    /// `theta`: the parameters at the start.
    pub fn new(
        course: Course,
        options: &FitOptions,
        rows: usize,
        valid_rows: usize,
        scorer: Scorer,
        theta: Vec<f32>,
    ) -> Self {
        let plan =
            Plan::new(course.family, options.seed, rows, valid_rows, theta.len()).with_settings(&options.parameters);
        let best = Best { epoch: 0, score: f64::INFINITY, theta };
        Self { course, plan, best, rows, seed: options.seed, scorer }
    }

    fn steps_per_epoch(&self) -> usize {
        let batch = self.course.batch.max(1);
        if self.course.rest { self.rows.div_ceil(batch) } else { self.rows / batch }.max(1)
    }

    fn clock(&self, step: u64) -> Clock {
        (self.course.clock)(step, u64::from(self.plan.epochs) * self.steps_per_epoch() as u64)
    }

    /// The batches of an epoch, one after the other; in each the members' rows, the first member's first.
    fn batches(&self, mut random: Random) -> impl Iterator<Item = Vec<u32>> + use<> {
        let orders: Vec<Vec<u32>> = (0..self.course.members).map(|_| random.permutation(self.rows)).collect();
        let (batch, rows, steps) = (self.course.batch, self.rows, self.steps_per_epoch());
        (0..steps).map(move |step| {
            let span = step * batch..((step + 1) * batch).min(rows);
            orders.iter().flat_map(|order| &order[span.clone()]).copied().collect()
        })
    }

    /// Takes up the checkpoint, or chooses the number of epochs.
    ///
    /// # Errors
    /// Cancelled, or the engine fails, or no epoch is asked for.
    pub fn start(
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
                let most = self.course.epochs;
                let epoch = self.measure(engine, observer)?;
                let left = (options.budget_seconds - started.elapsed().as_secs_f64()).max(0.0);
                let fits = (left / epoch.max(1e-9)).min(f64::from(most)) as u32;
                let epochs =
                    if fits >= most { most } else { GRID.into_iter().rfind(|&g| g <= fits).unwrap_or(GRID[0]) };
                observer.log(&format!(
                    "An epoch takes about {}; {epochs} of the recipe's {most} epochs fit the {:.0} s budget.",
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
        let state = engine.state()?;
        self.plan.epochs = self.course.epochs;
        let batches: Vec<Vec<u32>> = self.batches(Random::new(self.seed, 3)).take(24).collect();
        let mut seconds = Vec::new();
        let begun = Instant::now();
        for (step, rows) in batches.iter().cycle().enumerate().take(24) {
            if observer.cancelled() {
                return Err(FitError::Cancelled);
            }
            let before = Instant::now();
            engine.step(rows, &self.clock(step as u64))?;
            // A GPU works behind: its time shows when the loss is read.
            engine.mean_loss()?;
            seconds.push(before.elapsed().as_secs_f64());
            if begun.elapsed() > Duration::from_millis(1_500) && seconds.len() > 3 {
                break;
            }
        }
        // The first steps warm caches up, or compile kernels.
        seconds.sort_by(f64::total_cmp);
        let step = seconds[seconds.len() / 2];
        let before = Instant::now();
        let scored = self.scorer.sample(engine)?;
        let score = before.elapsed().as_secs_f64() * self.scorer.rows() as f64 / scored.max(1) as f64;
        engine.restore(state);
        Ok(step * self.steps_per_epoch() as f64 + score)
    }

    /// Whether enough epochs brought nothing.
    fn exhausted(&self) -> bool {
        let idle = self.plan.done - self.best.epoch;
        self.best.epoch > 0 && self.course.patience.is_some_and(|patience| idle >= patience)
    }

    /// Runs the epochs that are left; train rows a second.
    ///
    /// # Errors
    /// Cancelled, or the engine fails.
    pub fn run(&mut self, engine: &mut dyn Engine, observer: &mut dyn Observer) -> Result<f64, FitError> {
        let (begun, first) = (Instant::now(), self.plan.done);
        let per_epoch = self.steps_per_epoch();
        let mut rows_seen = 0;
        let mut told = Instant::now();
        while self.plan.done < self.plan.epochs && !self.exhausted() {
            let random = Random::new(self.seed, 0x1_0000 + u64::from(self.plan.done));
            for (index, rows) in self.batches(random).enumerate() {
                if observer.cancelled() {
                    return Err(FitError::Cancelled);
                }
                let step = u64::from(self.plan.done) * per_epoch as u64 + index as u64;
                engine.step(&rows, &self.clock(step))?;
                rows_seen += rows.len() / self.course.members;
                if told.elapsed() > TELL {
                    told = Instant::now();
                    let fraction = (f64::from(self.plan.done) + (index + 1) as f64 / per_epoch as f64)
                        / f64::from(self.plan.epochs);
                    let stage = format!("Epoch {} of {}", self.plan.done + 1, self.plan.epochs);
                    observer.progress(fraction, &stage, Some(rows_seen as f64 / begun.elapsed().as_secs_f64()));
                }
            }
            engine.mean_loss()?;
            self.end_epoch(engine, observer)?;
        }
        if self.exhausted() && self.plan.done > first {
            observer.log(&format!(
                "Ended after epoch {}: nothing was gained on the validation rows since epoch {}.",
                self.plan.done, self.best.epoch
            ));
        }
        Ok(rows_seen as f64 / begun.elapsed().as_secs_f64().max(1e-9))
    }

    /// Scores, keeps what is best, tells, and offers a checkpoint.
    fn end_epoch(&mut self, engine: &mut dyn Engine, observer: &mut dyn Observer) -> Result<(), FitError> {
        let scores = self.scorer.score(engine)?;
        self.plan.done += 1;
        let equal = self.course.patience.is_none() && scores.valid_error == self.best.score;
        if scores.valid_error < self.best.score || equal || self.best.epoch == 0 {
            let theta = engine.state()?.theta;
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
        Ok(())
    }
}

fn duration(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}
