//! What workers do with reviews: claim, report, end. They act for Trainyard itself.

use super::no_review;
use crate::{
    Ctx,
    datasets::{no_version, source_file},
    jobs::LeaseError,
};
use std::path::PathBuf;
use trainyard_store::{self as store, labels as kept, now};
use trainyard_types::{
    LabelReviewId, Problem, Timestamp, WorkerId,
    job::{JobState, Progress},
    labels::{LabelResult, LabelSpec},
};

pub use crate::jobs::LEASE;
pub use trainyard_store::labels::LabelLease;

/// A review to be done.
#[derive(Clone, Debug)]
pub struct ClaimedReview {
    pub lease: LabelLease,
    pub spec: LabelSpec,
}

/// Takes the review that has waited longest, if any waits. One whose data are not there fails at once and the next one is
/// taken.
///
/// # Errors
/// The store failed.
pub async fn claim(ctx: &Ctx, worker: WorkerId) -> Result<Option<ClaimedReview>, Problem> {
    loop {
        let at = now();
        let claimed = kept::claim(ctx.store(), worker, at, Timestamp(at.0 + LEASE)).await?;
        let Some(lease) = claimed else { return Ok(None) };
        match prepare(ctx, &lease).await {
            Ok(spec) => return Ok(Some(ClaimedReview { lease, spec })),
            Err(problem) => match end(ctx, &lease, JobState::Failed, Some(&problem)).await {
                Ok(()) | Err(LeaseError::Lost) => {}
                Err(LeaseError::Problem(problem)) => return Err(problem),
            },
        }
    }
}

async fn prepare(ctx: &Ctx, lease: &LabelLease) -> Result<LabelSpec, Problem> {
    let db = ctx.store().db();
    let work = kept::work(db, lease.review).await?.ok_or_else(no_review)?;
    let source = store::datasets::source(db, work.project, work.version).await?.ok_or_else(no_version)?;
    let data = source_file(ctx, &source)?;
    let folder = folder(ctx, lease.review);
    tokio::fs::create_dir_all(&folder).await.map_err(|error| store::error::internal(&error))?;
    Ok(LabelSpec {
        label_review: lease.review,
        attempt: lease.attempt,
        data: data.to_string_lossy().into_owned(),
        settings: work.settings,
        folder: folder.to_string_lossy().into_owned(),
    })
}

/// The folder of a review's process.
fn folder(ctx: &Ctx, review: LabelReviewId) -> PathBuf {
    ctx.data_dir().join("jobs").join(review.to_string())
}

/// Extends the lease and hears whether the review is to stop.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the review.
pub async fn heartbeat(ctx: &Ctx, lease: &LabelLease) -> Result<bool, LeaseError> {
    kept::heartbeat(ctx.store(), lease, Timestamp(now().0 + LEASE)).await?.ok_or(LeaseError::Lost)
}

/// Notes how far a review is.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the review.
pub async fn record(ctx: &Ctx, lease: &LabelLease, progress: &Progress) -> Result<(), LeaseError> {
    held(kept::record(ctx.store(), lease, progress).await?)
}

/// Ends a review that went well.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the review.
pub async fn finish(ctx: &Ctx, lease: &LabelLease, result: &LabelResult) -> Result<(), LeaseError> {
    let tx = ctx.store().begin().await?;
    held(kept::finish(&tx, lease, result, now()).await?)?;
    Ok(tx.commit().await?)
}

/// Ends a review that failed or was cancelled, or hands it back to the queue.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the review.
pub async fn end(ctx: &Ctx, lease: &LabelLease, state: JobState, problem: Option<&Problem>) -> Result<(), LeaseError> {
    let tx = ctx.store().begin().await?;
    held(kept::end(&tx, lease, state, problem, now()).await?)?;
    tx.commit().await?;
    if !state.is_final() {
        ctx.wake().notify_one();
    }
    Ok(())
}

fn held(still: bool) -> Result<(), LeaseError> {
    if still { Ok(()) } else { Err(LeaseError::Lost) }
}

/// Deals with reviews of workers that fell silent, or of `worker`, which says that it was restarted.
///
/// # Errors
/// The store failed.
pub async fn reap(ctx: &Ctx, worker: Option<WorkerId>) -> Result<u64, Problem> {
    Ok(kept::reap(ctx.store(), worker, now()).await?)
}
