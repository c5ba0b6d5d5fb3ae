//! A training job from its rows to its result: load, split, fit, judge, draw, write.

mod aside;
mod blend;
pub mod checkpoint;
mod decide;
mod fits;
mod job;
pub mod prepare;
pub mod progress;
mod result;
mod stream;

use fits::{Candidates, Chosen};
use job::{Job, Phase};
use prepare::Prepared;
use std::{path::Path, time::Duration};
use trainyard_data::{
    Memory, StoredTable,
    split::{MadeSplit, Part},
};
use trainyard_infer::{Frame, PredictError};
use trainyard_learn::FitError;
use trainyard_types::{
    Problem,
    evaluation::RunResult,
    job::{JobEvent, LogLevel},
    leakage::LeakageReport,
    run::{TrainSettings, TrainSpec},
};

/// The model's file in the job's folder.
pub const MODEL_FILE: &str = "model.safetensors";

/// Hears how a job goes, and stops it.
pub trait Sink {
    /// What has happened: device, progress, metrics, log lines, checkpoints. The outcome is returned, not sent.
    fn event(&mut self, event: JobEvent);
    /// Asked often; `true` ends the job with [`TrainError::Cancelled`].
    fn cancelled(&mut self) -> bool;
    /// Asked often; `true` ends the job likewise, but only where it can go on later: after a checkpoint, or between fits.
    fn pausing(&mut self) -> bool {
        false
    }
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    #[error("cancelled")]
    Cancelled,
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl From<FitError> for TrainError {
    fn from(error: FitError) -> Self {
        match error {
            FitError::Cancelled => TrainError::Cancelled,
            FitError::Problem(problem) => TrainError::Problem(problem),
        }
    }
}

impl From<PredictError> for TrainError {
    fn from(error: PredictError) -> Self {
        TrainError::Problem(error.into())
    }
}

/// Trains as `spec` says and leaves [`MODEL_FILE`] in `folder`, which must exist. A checkpoint that an interrupted call left
/// there is gone on from: on the CPU the result is the same, bit for bit. Linear models and trees are fitted again, which
/// takes seconds and is deterministic.
///
/// Where whole tables would take more memory than the spec allows, a sample of the rows is trained on, and nets see all train
/// rows in buffers.
///
/// # Errors
/// [`TrainError::Cancelled`] where the sink asked for it; otherwise what is wrong with the data or the settings, in words.
pub fn train(spec: &TrainSpec, folder: &Path, sink: &mut dyn Sink) -> Result<RunResult, TrainError> {
    let memory = spec.memory_limit.map_or_else(|| Ok(Memory::for_training()), Memory::new)?;
    let table = StoredTable::open(Path::new(&spec.data))?;
    let test = spec.test_data.as_ref().map(|path| StoredTable::open(Path::new(path))).transpose()?;
    let parts = match (&spec.split_file, &spec.settings.kept_split) {
        (Some(path), Some(kept)) => Some(MadeSplit::read_parts(Path::new(path), &kept.division, table.rows())?),
        _ => None,
    };
    if stream::whole(std::iter::once(&table).chain(&test))? > memory.bytes() {
        let line = format!("Dividing {} rows in a stream.", trainyard_types::words::count(table.rows() as u64));
        sink.event(JobEvent::Log { level: LogLevel::Info, line });
        let rooms = stream::Rooms::of(memory, &table)?;
        let (tables, settings) = stream::tables(table, test.as_ref(), parts, &spec.settings, memory, rooms)?;
        return train_frames(tables, &settings, folder, Options::default(), sink);
    }
    let data = table.load_all(None)?;
    let test = test.map(|test| test.load_all(None)).transpose()?;
    let tables = Tables { data, test, parts, streamed: None };
    train_frames(tables, &spec.settings, folder, Options::default(), sink)
}

/// What is trained on.
#[derive(Debug)]
pub struct Tables {
    pub data: Frame,
    /// The test part, where it is a table of its own; a fifth of `data` validates then.
    pub test: Option<Frame>,
    /// The part of each row of `data`, where a stored split says so; else the settings decide.
    pub parts: Option<Vec<Option<Part>>>,
    /// All train rows, where `data` is a sample of a table.
    pub streamed: Option<stream::Streamed>,
}

impl From<Frame> for Tables {
    fn from(data: Frame) -> Self {
        Self { data, test: None, parts: None, streamed: None }
    }
}

/// What a job may do besides its spec.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Least time between two checkpoints.
    pub checkpoint_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { checkpoint_every: Duration::from_secs(2) }
    }
}

/// [`train`] on tables in memory.
///
/// # Errors
/// As [`train`].
pub fn train_frames(
    tables: impl Into<Tables>,
    settings: &TrainSettings,
    folder: &Path,
    options: Options,
    sink: &mut dyn Sink,
) -> Result<RunResult, TrainError> {
    let Tables { data, test, parts, streamed } = tables.into();
    let mut job = Job::new(sink, folder, fingerprint(&data, test.as_ref(), settings), options.checkpoint_every);
    job.begin(Phase::Load, "Dividing the rows");
    job.log(format!("{} rows, {} columns.", data.rows, data.columns.len()));
    let mut prepared = prepare::prepare(&data, test.as_ref(), parts.as_deref(), settings)?;
    if let Some(streamed) = streamed {
        streamed.join(&mut prepared, settings);
    }
    let leakage = leaks(&mut job, &data, parts.as_deref(), test.is_none(), settings);
    // The parts are copies: what they were taken from is not needed any more.
    drop((data, test, parts));
    job.check()?;
    describe(&mut job, &prepared);
    let device = fits::device(&mut job, settings)?;
    job.plan(&prepared, settings);

    let candidates = Candidates::fit(&mut job, &prepared, settings)?;
    let Chosen { mut kept, candidates, dummy, linear, scores } = candidates.choose(&mut job, &prepared, settings)?;
    let learned = decide::learn(&mut job, &prepared, settings, &mut kept.model)?;
    let curve = fits::learning_curve(&mut job, &prepared, settings, kept.model.family, &scores)?;
    result::finish(
        &mut job,
        result::Parts {
            prepared: &prepared,
            settings,
            device,
            kept,
            learned,
            candidates,
            dummy,
            linear,
            curve,
            leakage,
        },
    )
}

/// Looks for leaks where the test rows come out of the same table, and says what is grave. That it can't be looked for is no
/// reason not to train.
fn leaks(
    job: &mut Job<'_>,
    data: &Frame,
    parts: Option<&[Option<Part>]>,
    own_test: bool,
    settings: &TrainSettings,
) -> Option<LeakageReport> {
    if !own_test {
        return None;
    }
    match trainyard_service::leakage::of_table(data, settings, parts) {
        Ok(report) => {
            report.critical().for_each(|finding| job.warn(finding.why.clone()));
            Some(report)
        }
        Err(problem) => {
            job.warn(format!("Leaks could not be looked for: {problem}"));
            None
        }
    }
}

fn describe(job: &mut Job<'_>, prepared: &Prepared) {
    for note in &prepared.notes {
        job.log(note.clone());
    }
    let rows = prepared.rows();
    job.log(format!(
        "{} train, {} validation and {} test rows; {} columns to learn from.",
        rows.train,
        rows.valid,
        rows.test,
        prepared.train.frame.columns.len()
    ));
}

/// Says of which work a checkpoint is: the settings and the shape of the tables.
fn fingerprint(data: &Frame, test: Option<&Frame>, settings: &TrainSettings) -> String {
    let mut hasher = blake3::Hasher::new();
    // Settings are plain data: they always are JSON.
    hasher.update(&serde_json::to_vec(settings).unwrap_or_default());
    for frame in std::iter::once(data).chain(test) {
        hasher.update(&(frame.rows as u64).to_le_bytes());
        for column in &frame.columns {
            hasher.update(column.name.as_bytes());
            hasher.update(&[0]);
        }
    }
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
#[path = "training/tests.rs"]
mod tests;
