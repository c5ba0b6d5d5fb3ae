//! The running job: its phases, its voice and its checkpoints.

use super::{Sink, TrainError, checkpoint, fits, prepare::Prepared, progress::Tracker};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use trainyard_types::{
    job::{JobEvent, LogLevel, Progress},
    run::{Family, MetricPoint, TrainSettings},
};

/// Least time between two progress events of the same stage.
const PROGRESS_EVERY: Duration = Duration::from_millis(150);
/// What a net may take where nothing is said, seconds.
pub const DEFAULT_BUDGET: f64 = 60.0;

/// The phases of a job, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Load,
    Linear,
    Trees,
    Boosting,
    Forest,
    RealMlp,
    TabM,
    FtTransformer,
    LearningCurve,
    Evaluate,
    Importance,
    Write,
}

impl Phase {
    const COUNT: usize = 12;

    pub fn of(family: Family) -> Phase {
        match family {
            Family::Trees => Phase::Trees,
            Family::Boosting => Phase::Boosting,
            Family::Forest => Phase::Forest,
            Family::RealMlp => Phase::RealMlp,
            Family::TabM => Phase::TabM,
            Family::FtTransformer => Phase::FtTransformer,
            Family::Linear | Family::Auto | Family::Blend => Phase::Linear,
        }
    }
}

pub struct Job<'a> {
    sink: &'a mut dyn Sink,
    pub folder: PathBuf,
    fingerprint: String,
    tracker: Tracker,
    start: Instant,
    stage: String,
    rows_per_second: Option<f64>,
    last_progress: Option<Instant>,
    last_checkpoint: Option<Instant>,
    checkpoint_every: Duration,
    /// A checkpoint was written since the job is to pause.
    paused_whole: bool,
}

impl<'a> Job<'a> {
    pub fn new(sink: &'a mut dyn Sink, folder: &Path, fingerprint: String, checkpoint_every: Duration) -> Self {
        // Until the rows are known, what a job of the default budget takes.
        let estimates = vec![1.0, 2.0, 5.0, 1.0, 0.0, DEFAULT_BUDGET, 0.0, 0.0, 4.0, 2.0, 3.0, 0.5];
        debug_assert_eq!(estimates.len(), Phase::COUNT);
        Self {
            sink,
            folder: folder.to_owned(),
            fingerprint,
            tracker: Tracker::new(estimates),
            start: Instant::now(),
            stage: String::new(),
            rows_per_second: None,
            last_progress: None,
            last_checkpoint: None,
            checkpoint_every,
            paused_whole: false,
        }
    }

    /// Estimates the phases from the number of train rows and columns: rough figures from two cores, corrected as soon as a
    /// phase runs.
    pub fn plan(&mut self, prepared: &Prepared, settings: &TrainSettings) {
        let rows = prepared.rows();
        let seen = prepared.rows_of(Family::RealMlp).train;
        let cells = (rows.train * prepared.train.frame.columns.len() as u64) as f64;
        let outputs = prepared.classes.len().max(2) as f64 - 1.0;
        let trees = 0.5 + cells * 2e-5 * outputs.min(10.0);
        let linear = 0.5 + cells * 4e-6;
        let net = match settings.epochs {
            Some(epochs) => f64::from(epochs) * seen as f64 / 60_000.0 + 1.0,
            None => settings.budget_seconds.unwrap_or(DEFAULT_BUDGET),
        };
        let budget = settings.budget_seconds.unwrap_or(DEFAULT_BUDGET);
        let forest = (0.5 + cells * 4e-5).min(if settings.family == Family::Auto { budget / 4.0 } else { budget });
        let wanted = fits::wanted(settings, rows.train as usize);
        let wanted = |family: Family| wanted.contains(&family);
        let boosting = 0.3 + cells * 4e-6 * outputs;
        let curve = match settings.family {
            Family::Linear => 0.75 * linear,
            Family::RealMlp | Family::TabM | Family::FtTransformer => 1.75 * boosting,
            Family::Forest => 0.75 * forest,
            Family::Trees => 0.75 * trees,
            Family::Boosting | Family::Auto | Family::Blend => 0.75 * boosting,
        };
        // TabM ends by itself, on most tables after some fifty epochs; a row costs ten times as much as RealMLP's.
        let tabm = match settings.epochs {
            Some(epochs) => f64::from(epochs.min(50)) * seen as f64 / 10_000.0 + 1.0,
            None => net.min(seen as f64 / 200.0 + 1.0),
        };
        let columns = prepared.train.frame.columns.len() as f64;
        // FT-Transformer ends by itself as well; what a row costs grows with the square of the columns. To answer a row costs a
        // fifteenth.
        let transformer = settings.family == Family::FtTransformer;
        let row = columns * (1.0 + columns / 100.0) / 15_000.0;
        let ft_transformer = match settings.epochs {
            Some(epochs) => f64::from(epochs.min(50)) * rows.train as f64 * row + 1.0,
            None => net.min(50.0 * rows.train as f64 * row + 1.0),
        };
        let predicted = if transformer { row / 15.0 } else { 4e-6 };
        let shuffled = columns * (rows.valid.min(4000) as f64) * 5.0;
        let shuffled = if transformer { shuffled.min(120_000.0) } else { shuffled };
        for (phase, seconds) in [
            (Phase::Linear, linear),
            (Phase::Trees, if wanted(Family::Trees) { trees } else { 0.0 }),
            (Phase::Boosting, if wanted(Family::Boosting) { boosting } else { 0.0 }),
            (Phase::Forest, if wanted(Family::Forest) { forest } else { 0.0 }),
            (Phase::RealMlp, if wanted(Family::RealMlp) { net } else { 0.0 }),
            (Phase::TabM, if wanted(Family::TabM) { tabm } else { 0.0 }),
            (Phase::FtTransformer, if wanted(Family::FtTransformer) { ft_transformer } else { 0.0 }),
            (Phase::LearningCurve, curve),
            (Phase::Evaluate, 0.5 + (rows.train + rows.valid + rows.test) as f64 * predicted.max(1.5e-5)),
            (Phase::Importance, shuffled * predicted),
        ] {
            self.estimate(phase, seconds);
        }
    }

    pub fn estimate(&mut self, phase: Phase, seconds: f64) {
        self.tracker.estimate(phase as usize, seconds);
    }

    /// What is being done, in words.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// Seconds since the job's start.
    pub fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    pub fn begin(&mut self, phase: Phase, stage: &str) {
        self.rows_per_second = None;
        let now = self.elapsed();
        self.tracker.begin(phase as usize, now);
        self.progress(0.0, stage, None);
    }

    /// The current phase is this far, 0 to 1.
    pub fn progress(&mut self, fraction: f64, stage: &str, rows_per_second: Option<f64>) {
        self.tracker.advance(fraction);
        if let Some(rate) = rows_per_second.filter(|rate| rate.is_finite()) {
            self.rows_per_second = Some(rate);
        }
        let now = self.elapsed();
        let (fraction, eta_seconds) = (self.tracker.fraction(now), self.tracker.eta(now));
        if self.stage == stage && self.last_progress.is_some_and(|at| at.elapsed() < PROGRESS_EVERY) {
            return;
        }
        self.last_progress = Some(Instant::now());
        self.stage = stage.to_owned();
        let rows_per_second = self.rows_per_second;
        self.sink.event(JobEvent::Progress(Progress {
            stage: stage.to_owned(),
            fraction,
            eta_seconds,
            rows_per_second,
        }));
    }

    pub fn log(&mut self, line: impl Into<String>) {
        self.sink.event(JobEvent::Log { level: LogLevel::Info, line: line.into() });
    }

    pub fn warn(&mut self, line: impl Into<String>) {
        self.sink.event(JobEvent::Log { level: LogLevel::Warning, line: line.into() });
    }

    pub fn device(&mut self, device: String, reason: String) {
        self.sink.event(JobEvent::Device { device, reason });
    }

    /// Values that are no numbers are left out: JSON can't say them.
    pub fn metrics(&mut self, points: Vec<MetricPoint>) {
        let points: Vec<MetricPoint> = points.into_iter().filter(|point| point.value.is_finite()).collect();
        if !points.is_empty() {
            self.sink.event(JobEvent::Metrics { points });
        }
    }

    pub fn cancelled(&mut self) -> bool {
        self.sink.cancelled()
    }

    /// Whether a fit is to end here so that the job can go on later. `resumable`: it writes checkpoints, and is to end after
    /// the next one.
    pub fn pauses(&mut self, resumable: bool) -> bool {
        self.sink.pausing() && (!resumable || self.paused_whole)
    }

    /// # Errors
    /// The job is to stop, or to pause.
    pub fn check(&mut self) -> Result<(), TrainError> {
        if self.cancelled() || self.sink.pausing() { Err(TrainError::Cancelled) } else { Ok(()) }
    }

    /// Writes a checkpoint unless the last one is fresh. A disk that refuses it costs the way back, not the job.
    pub fn checkpoint(&mut self, family: Family, step: u64, bytes: &dyn Fn() -> Vec<u8>) {
        let pausing = self.sink.pausing();
        if !pausing && self.last_checkpoint.is_some_and(|at| at.elapsed() < self.checkpoint_every) {
            return;
        }
        let outcome = checkpoint::write(&self.folder, &self.fingerprint, family, step, &bytes());
        self.last_checkpoint = Some(Instant::now());
        self.paused_whole = pausing;
        match outcome {
            Ok(()) => self.sink.event(JobEvent::Checkpoint { step }),
            Err(error) => self.warn(format!("The checkpoint could not be written: {error}. Free some disk space.")),
        }
    }

    /// What an interrupted try left.
    pub fn resume(&self, family: Family) -> Option<checkpoint::Checkpoint> {
        checkpoint::read(&self.folder, &self.fingerprint).filter(|checkpoint| checkpoint.family == family)
    }
}
