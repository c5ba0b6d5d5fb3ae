//! What workers do with jobs: claim, report, end. They act for Trainyard itself, not for a person.

use crate::{Actor, Ctx, models};
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::sync::Notify;
use trainyard_store::{self as store, StoreError, fresh_id, inbox::To, now, runs::Work};
use trainyard_types::{
    JobId, Problem, Timestamp, WorkerId,
    evaluation::RunResult,
    inbox::Notice,
    job::{Calibration, JobSpec, JobState},
    run::TrainSpec,
};

pub use trainyard_store::jobs::{Batch, Lease, Reaped, Wish};

/// A worker has to send a heartbeat within this time or loses its jobs, milliseconds. It should send one every 5 s.
pub const LEASE: i64 = 30_000;

/// Who asks for jobs.
#[derive(Clone, Debug)]
pub struct NewWorker {
    /// The id that it had before a restart. `None`: it gets one, and should keep it.
    pub id: Option<WorkerId>,
    pub host: String,
    /// The device that its jobs run on, in words.
    pub device: String,
    /// Jobs that it runs at the same time.
    pub slots: u32,
}

/// A job to be done.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub lease: Lease,
    /// What the job process is to do. Its folder exists; after a worker's death it holds the checkpoint.
    pub spec: JobSpec,
    /// When its first attempt began.
    pub started: Timestamp,
}

/// Why a report was not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another attempt has the job, or it has ended: stop its process and drop what it says.
    #[error("the lease on the job is lost")]
    Lost,
    /// The store failed; trying again may help.
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl From<StoreError> for LeaseError {
    fn from(error: StoreError) -> Self {
        LeaseError::Problem(error.into())
    }
}

/// Notified whenever this process queues a job; other processes' jobs are found by asking every half second.
pub fn wake(ctx: &Ctx) -> &Notify {
    ctx.wake()
}

/// Makes a worker known.
///
/// # Errors
/// The store failed.
pub async fn register_worker(ctx: &Ctx, new: &NewWorker) -> Result<WorkerId, Problem> {
    let id = new.id.unwrap_or_else(|| WorkerId(fresh_id()));
    let worker = store::workers::NewWorker { id, host: new.host.clone(), device: new.device.clone(), slots: new.slots };
    store::workers::register(ctx.store(), &worker, now()).await?;
    Ok(id)
}

/// Notes that a worker is alive while it has no job; every 10 s or so.
///
/// # Errors
/// The store failed.
pub async fn worker_seen(ctx: &Ctx, worker: WorkerId) -> Result<(), Problem> {
    Ok(store::workers::seen(ctx.store(), worker, now()).await?)
}

/// Whether it is known how fast the worker trains with this version of the program.
///
/// # Errors
/// The store failed.
pub async fn is_calibrated(ctx: &Ctx, worker: WorkerId) -> Result<bool, Problem> {
    Ok(store::workers::is_calibrated(ctx.store().db(), worker, env!("CARGO_PKG_VERSION")).await?)
}

/// Notes how fast the worker trains.
///
/// # Errors
/// The store failed.
pub async fn calibrated(ctx: &Ctx, worker: WorkerId, measured: &Calibration) -> Result<(), Problem> {
    Ok(store::workers::calibrated(ctx.store(), worker, measured, env!("CARGO_PKG_VERSION")).await?)
}

/// Gives up all jobs that a worker held when it died, as it says itself when it starts again: they are queued anew within
/// their attempts.
///
/// # Errors
/// The store failed.
pub async fn release_held_by(ctx: &Ctx, worker: WorkerId) -> Result<Reaped, Problem> {
    let reaped = store::jobs::release_held_by(ctx.store(), worker, now()).await?;
    notify(ctx, reaped);
    Ok(reaped)
}

/// Gives up the jobs of workers that fell silent. Every worker calls it every 10 s or so.
///
/// # Errors
/// The store failed.
pub async fn reap(ctx: &Ctx) -> Result<Reaped, Problem> {
    let reaped = store::jobs::reap(ctx.store(), now()).await?;
    notify(ctx, reaped);
    Ok(reaped)
}

fn notify(ctx: &Ctx, reaped: Reaped) {
    if reaped.requeued > 0 {
        ctx.wake().notify_one();
    }
}

/// The folder of a job: its spec, checkpoints and results.
pub fn folder(ctx: &Ctx, job: JobId) -> PathBuf {
    ctx.data_dir().join("jobs").join(job.to_string())
}

/// Takes the job that has waited longest, if any waits. A job whose data are not there fails at once and the next one is
/// taken.
///
/// # Errors
/// The store failed.
pub async fn claim(ctx: &Ctx, worker: WorkerId) -> Result<Option<Claimed>, Problem> {
    loop {
        let at = now();
        let Some(lease) = store::jobs::claim(ctx.store(), worker, at, Timestamp(at.0 + LEASE)).await? else {
            return Ok(None);
        };
        match prepare(ctx, &lease).await {
            Ok(spec) => {
                let started = store::jobs::started(ctx.store().db(), lease.job).await?.unwrap_or(at);
                return Ok(Some(Claimed { lease, spec, started }));
            }
            Err(problem) => match fail(ctx, &lease, &problem).await {
                Ok(()) | Err(LeaseError::Lost) => {}
                Err(LeaseError::Problem(problem)) => return Err(problem),
            },
        }
    }
}

async fn prepare(ctx: &Ctx, lease: &Lease) -> Result<JobSpec, Problem> {
    let Work { dataset_version, dataset_hash, settings, .. } = work(ctx, lease).await?;
    let data = ctx.artifacts().existing(&dataset_hash)?;
    let split_file = match &settings.kept_split {
        Some(kept) => Some(ctx.artifacts().existing(&kept.hash)?.to_string_lossy().into_owned()),
        None => None,
    };
    let folder = folder(ctx, lease.job);
    tokio::fs::create_dir_all(&folder).await.map_err(|error| folder_failed(&folder, &error))?;
    Ok(JobSpec {
        job: lease.job,
        run: lease.run,
        attempt: lease.attempt,
        dataset_version,
        train: TrainSpec {
            data: data.to_string_lossy().into_owned(),
            test_data: None,
            split_file,
            memory_limit: Some(ctx.settings().training_memory.bytes()),
            settings,
        },
        folder: folder.to_string_lossy().into_owned(),
    })
}

async fn work(ctx: &Ctx, lease: &Lease) -> Result<Work, Problem> {
    let work = store::runs::work(ctx.store().db(), lease.run).await?;
    work.ok_or_else(|| store::error::internal(&format!("job {} is of no run", lease.job)))
}

fn folder_failed(folder: &Path, error: &io::Error) -> Problem {
    Problem::internal(format!(
        "The job's folder {} can't be made: {error}. Check the data folder's space and rights, then retry the run.",
        folder.display()
    ))
}

/// Extends the lease and hears what people want of the job. Also says that the worker is alive.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the job.
pub async fn heartbeat(ctx: &Ctx, lease: &Lease) -> Result<Wish, LeaseError> {
    let at = now();
    let wish = store::jobs::heartbeat(ctx.store(), lease, at, Timestamp(at.0 + LEASE)).await?;
    wish.ok_or(LeaseError::Lost)
}

/// Writes what a job reported: progress, device, metric points, log lines.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the job; nothing is written then.
pub async fn record(ctx: &Ctx, lease: &Lease, batch: &Batch) -> Result<(), LeaseError> {
    held(store::jobs::record(ctx.store(), lease, batch).await?)
}

fn held(still: bool) -> Result<(), LeaseError> {
    if still { Ok(()) } else { Err(LeaseError::Lost) }
}

/// Ends a job that went well: the model file goes to the artifact store, the result to the run, and a run that was to
/// become a model's version becomes one.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the job; the file is not the one that the result names.
pub async fn finish(ctx: &Ctx, lease: &Lease, result: &RunResult, model_file: &Path) -> Result<(), LeaseError> {
    let bytes = tokio::fs::metadata(model_file)
        .await
        .map_err(|error| Problem::internal(format!("The model file {} is missing: {error}.", model_file.display())))?
        .len();
    let hash = ctx.artifacts().put(model_file).await?;
    if hash != result.model_hash {
        return Err(Problem::internal(format!(
            "The model file changed after the job wrote it: blake3 {hash}, said to be {}. Retry the run.",
            result.model_hash
        ))
        .into());
    }
    let work = work(ctx, lease).await?;
    let tx = ctx.store().begin().await?;
    held(store::jobs::end(&tx, lease, JobState::Succeeded, None, now()).await?)?;
    store::runs::set_result(&tx, lease.run, result, bytes).await?;
    let notice = Notice::training_done(&work.name, result.test.first(), &result.verdict, lease.run);
    store::inbox::send(&tx, work.project, &notice, To::Person(&work.created_by), now()).await?;
    if let Some(name) = &work.register_as {
        models::register_automatically(&tx, &Actor::system(), lease.run, &work, name, result, bytes).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Ends a job that went wrong; the reason stands on the run's page.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the job.
pub async fn fail(ctx: &Ctx, lease: &Lease, problem: &Problem) -> Result<(), LeaseError> {
    let tx = ctx.store().begin().await?;
    held(store::jobs::end(&tx, lease, JobState::Failed, Some(&problem.message), now()).await?)?;
    store::jobs::set_problem(&tx, lease.run, problem, now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Ends a job that was asked to stop and did.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the job.
pub async fn cancelled(ctx: &Ctx, lease: &Lease) -> Result<(), LeaseError> {
    let tx = ctx.store().begin().await?;
    held(store::jobs::end(&tx, lease, JobState::Cancelled, Some("Cancelled while it ran."), now()).await?)?;
    tx.commit().await?;
    Ok(())
}

/// Hands a job back to its old place in the queue, from a worker that stops in good order: the attempt does not count.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the job.
pub async fn requeue(ctx: &Ctx, lease: &Lease, reason: &str) -> Result<(), LeaseError> {
    held(store::jobs::hand_back(ctx.store(), lease, reason).await?)?;
    ctx.wake().notify_one();
    Ok(())
}
