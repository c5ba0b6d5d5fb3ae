//! A training between its epochs: how many there are, their batches, the best one, checkpoints.
//!
//! Where the train rows are streamed, each buffer counts as an epoch: it has its own rows, and all else is the same.

use super::{
    checkpoint::{Best, Checkpoint, Plan},
    engine::{Clock, Engine},
    feed::{Fed, Feed},
    random::Random,
    score::Scorer,
};
use crate::{FitError, FitOptions, Observer, TrainData};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
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

/// How fast epochs go.
struct Pace {
    begun: Instant,
    /// When progress was told last.
    told: Instant,
    /// Train rows seen since they began.
    rows: usize,
}

impl Pace {
    /// Train rows a second.
    fn rate(&self) -> f64 {
        self.rows as f64 / self.begun.elapsed().as_secs_f64().max(1e-9)
    }
}

/// A training between its epochs.
pub struct Training {
    pub course: Course,
    pub plan: Plan,
    pub best: Best,
    /// Train rows that the engine holds.
    rows: usize,
    /// Train rows of an epoch at most: the schedule goes by them.
    largest: usize,
    /// The buffer that the engine holds, by the number of those before it.
    held: Option<u32>,
    seed: u64,
    scorer: Scorer,
}

impl Training {
    /// `theta`: the parameters at the start.
    pub fn new(
        mut course: Course,
        options: &FitOptions,
        data: &TrainData<'_>,
        scorer: Scorer,
        theta: Vec<f32>,
    ) -> Self {
        let (rows, valid_rows) = (data.train_rows(), data.valid.rows);
        let buffers = data.stream.map_or(0, |stream| stream.buffers());
        let plan = Plan::new(course.family, options.seed, rows, valid_rows, theta.len());
        let plan = Plan { buffers, ..plan.with_settings(&options.parameters) };
        let best = Best { epoch: 0, score: f64::INFINITY, theta };
        let largest = data.stream.map_or(rows, |stream| stream.largest());
        course.batch = course.batch.min(largest);
        Self { course, plan, best, rows: data.train.rows, largest, held: None, seed: options.seed, scorer }
    }

    fn steps(&self, rows: usize) -> usize {
        let batch = self.course.batch.max(1);
        if self.course.rest { rows.div_ceil(batch) } else { rows / batch }.max(1)
    }

    fn steps_per_epoch(&self) -> usize {
        self.steps(self.largest)
    }

    /// What an epoch is called.
    fn unit(&self) -> &'static str {
        if self.plan.buffers > 0 { "Buffer" } else { "Epoch" }
    }

    /// Gives the engine a buffer's rows.
    fn take_up(&mut self, engine: &mut dyn Engine, visited: u32, fed: Fed) {
        self.rows = fed.part.encoded.rows;
        self.scorer.replace_train(Arc::clone(&fed.part));
        engine.replace_train(fed.part);
        self.held = Some(visited);
    }

    fn clock(&self, step: u64) -> Clock {
        (self.course.clock)(step, u64::from(self.plan.epochs) * self.steps_per_epoch() as u64)
    }

    /// The batches of an epoch, one after the other; in each the members' rows, the first member's first.
    fn batches(&self, mut random: Random) -> impl Iterator<Item = Vec<u32>> + use<> {
        let orders: Vec<Vec<u32>> = (0..self.course.members).map(|_| random.permutation(self.rows)).collect();
        let (batch, rows, steps) = (self.course.batch, self.rows, self.steps(self.rows));
        (0..steps).map(move |step| {
            let span = step * batch..((step + 1) * batch).min(rows);
            orders.iter().flat_map(|order| &order[span.clone()]).copied().collect()
        })
    }

    /// Takes up the checkpoint, or chooses the number of epochs. With `feed`, the train rows are a stream.
    ///
    /// # Errors
    /// Cancelled, or the engine fails, or no epoch is asked for; the stream can't be read.
    pub fn start(
        &mut self,
        engine: &mut dyn Engine,
        feed: Option<Feed<'_>>,
        options: &FitOptions,
        resume: Option<&[u8]>,
        started: Instant,
        observer: &mut dyn Observer,
    ) -> Result<(), FitError> {
        if let Some(bytes) = resume {
            match Checkpoint::from_bytes(bytes) {
                Ok(found) if Plan { epochs: 0, done: 0, ..found.plan.clone() } == self.plan => {
                    let unit = self.unit().to_lowercase();
                    observer.log(&format!("Resuming after {unit} {} of {}.", found.plan.done, found.plan.epochs));
                    self.plan = found.plan;
                    self.best = found.best;
                    engine.restore(found.state);
                    return Ok(());
                }
                Ok(_) => observer.log("The checkpoint belongs to other data or settings; training starts anew."),
                Err(error) => observer.log(&format!("The checkpoint can't be used; training starts anew. {error}")),
            }
        }
        // A pass is so many epochs.
        let pass = u32::try_from(self.plan.buffers.max(1)).unwrap_or(u32::MAX);
        self.plan.epochs = match options.epochs {
            Some(0) => return Err(Problem::field("epochs", "At least one epoch is needed.").into()),
            Some(epochs) => epochs.saturating_mul(pass),
            None => {
                let most = self.course.epochs.saturating_mul(pass);
                let reading = match feed {
                    Some(feed) => {
                        let fed = feed.buffer(0)?;
                        let took = fed.took.as_secs_f64();
                        self.take_up(engine, 0, fed);
                        took
                    }
                    None => 0.0,
                };
                // The next buffer is read beside the training, on the same cores.
                let epoch = self.measure(engine, most, observer)? + reading;
                let left = (options.budget_seconds - started.elapsed().as_secs_f64()).max(0.0);
                let fits = (left / epoch.max(1e-9)).min(f64::from(most)) as u32;
                let epochs = if fits >= most { most } else { on_grid(fits) };
                let (unit, took) = (self.unit().to_lowercase(), duration(epoch));
                let a = if unit == "epoch" { "An" } else { "A" };
                observer.log(&format!(
                    "{a} {unit} takes about {took}; {epochs} of the recipe's {most} {unit}s fit the {:.0} s budget.",
                    options.budget_seconds
                ));
                epochs
            }
        };
        Ok(())
    }

    /// Seconds that an epoch with its scoring takes, from a few steps whose effect is undone.
    fn measure(&mut self, engine: &mut dyn Engine, epochs: u32, observer: &mut dyn Observer) -> Result<f64, FitError> {
        observer.progress(0.0, "Measuring speed", None);
        let state = engine.state()?;
        self.plan.epochs = epochs;
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

    /// Runs the epochs that are left; train rows a second. While one buffer of `feed` trains, the next is read.
    ///
    /// # Errors
    /// Cancelled, or the engine fails, or the stream can't be read.
    pub fn run(
        &mut self,
        engine: &mut dyn Engine,
        feed: Option<Feed<'_>>,
        observer: &mut dyn Observer,
    ) -> Result<f64, FitError> {
        let first = self.plan.done;
        let mut pace = Pace { begun: Instant::now(), told: Instant::now(), rows: 0 };
        match feed {
            None => {
                while self.goes_on() {
                    self.epoch(engine, &mut pace, observer)?;
                }
            }
            Some(feed) => thread::scope(|scope| -> Result<(), FitError> {
                let mut ahead = None;
                while self.goes_on() {
                    let visited = self.plan.done;
                    if self.held != Some(visited) {
                        let fed = match ahead.take() {
                            Some(reading) => joined(reading)?,
                            None => feed.buffer(visited)?,
                        };
                        self.take_up(engine, visited, fed);
                    }
                    if visited + 1 < self.plan.epochs {
                        ahead = Some(scope.spawn(move || feed.buffer(visited + 1)));
                    }
                    self.epoch(engine, &mut pace, observer)?;
                }
                Ok(())
            })?,
        }
        if self.exhausted() && self.plan.done > first {
            let unit = self.unit().to_lowercase();
            observer.log(&format!(
                "Ended after {unit} {}: nothing was gained on the validation rows since {unit} {}.",
                self.plan.done, self.best.epoch
            ));
        }
        Ok(pace.rate())
    }

    fn goes_on(&self) -> bool {
        self.plan.done < self.plan.epochs && !self.exhausted()
    }

    /// One epoch on the rows that the engine holds.
    fn epoch(&mut self, engine: &mut dyn Engine, pace: &mut Pace, observer: &mut dyn Observer) -> Result<(), FitError> {
        let per_epoch = self.steps_per_epoch();
        let random = Random::new(self.seed, 0x1_0000 + u64::from(self.plan.done));
        for (index, rows) in self.batches(random).enumerate() {
            if observer.cancelled() {
                return Err(FitError::Cancelled);
            }
            let step = u64::from(self.plan.done) * per_epoch as u64 + index as u64;
            engine.step(&rows, &self.clock(step))?;
            pace.rows += rows.len() / self.course.members;
            if pace.told.elapsed() > TELL {
                pace.told = Instant::now();
                let fraction =
                    (f64::from(self.plan.done) + (index + 1) as f64 / per_epoch as f64) / f64::from(self.plan.epochs);
                let stage = format!("{} {} of {}", self.unit(), self.plan.done + 1, self.plan.epochs);
                observer.progress(fraction, &stage, Some(pace.rate()));
            }
        }
        engine.mean_loss()?;
        self.end_epoch(engine, observer)
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

/// The largest number of the grid that fits; beyond its end it goes on likewise.
fn on_grid(fits: u32) -> u32 {
    let halved = (0..u32::BITS).find(|&times| fits >> times <= GRID[GRID.len() - 1]).unwrap_or(0);
    GRID.into_iter().rfind(|&g| g <= fits >> halved).map_or(GRID[0], |g| g << halved)
}

/// What a thread has read.
fn joined(reading: thread::ScopedJoinHandle<'_, Result<Fed, Problem>>) -> Result<Fed, Problem> {
    match reading.join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn duration(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_goes_on() {
        for (fits, expected) in [
            (0, 1),
            (1, 1),
            (5, 4),
            (13, 12),
            (192, 192),
            (255, 192),
            (256, 256),
            (300, 256),
            (400, 384),
            (9_999, 8_192),
        ] {
            assert_eq!(on_grid(fits), expected);
        }
        assert!(on_grid(u32::MAX) > u32::MAX / 2);
    }
}
