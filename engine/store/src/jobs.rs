//! The job queue. A worker holds a job by a lease; its attempt number fences off writers that lost it.

use crate::{
    Store, StoreError, Tx,
    entity::{job, run, worker},
    inbox::{self, To},
    logs, metrics, parse,
    query::unsigned,
    runs, to_json,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, UpdateMany,
    sea_query::{Alias, Expr, Func, LockBehavior, LockType, Order, Query},
};
use trainyard_types::{
    Code, JobId, Problem, ProjectId, RunId, Timestamp, WorkerId,
    inbox::Notice,
    job::{JobState, LogLevel, Progress},
    run::MetricPoint,
};

/// How often a job is started before its worker's death counts as its own failure.
pub const MAX_ATTEMPTS: i32 = 3;

/// A worker's hold on a job. Every write that comes of the job names it and is refused once the job is with another
/// attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    pub job: JobId,
    pub run: RunId,
    pub worker: WorkerId,
    /// The fencing token: grows with each claim.
    pub attempt: i32,
}

/// What a job reported since the last time.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub progress: Option<Progress>,
    /// The device that it trains on, and why.
    pub device: Option<(String, String)>,
    pub points: Vec<MetricPoint>,
    pub log: Vec<(Timestamp, LogLevel, String)>,
}

/// What people want of a job that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    GoOn,
    /// It is to be given up, to go on later from its last checkpoint.
    Pause,
    Cancel,
}

/// What came of asking a run to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It had not started and is cancelled.
    Done,
    /// Its worker will hear of it with the next heartbeat.
    Requested,
    /// It had ended before.
    TooLate,
}

/// What the reaper did with jobs whose workers went silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    pub requeued: u64,
    pub failed: u64,
    pub cancelled: u64,
}

/// Puts a run's job at the queue's end.
///
/// # Errors
/// The database failed.
pub async fn enqueue(tx: &Tx, id: JobId, project: ProjectId, run: RunId, at: Timestamp) -> Result<(), StoreError> {
    job::ActiveModel {
        id: Set(id.to_string()),
        project_id: Set(project.to_string()),
        run_id: Set(run.to_string()),
        state: Set(JobState::Queued.as_str().to_owned()),
        attempt: Set(0),
        max_attempts: Set(MAX_ATTEMPTS),
        cancel_requested: Set(false),
        paused: Set(false),
        metric_seq: Set(0),
        log_seq: Set(0),
        queued_at: Set(at.0),
        worker_id: Set(None),
        lease_until: Set(None),
        progress: Set(None),
        reason: Set(None),
        started_at: Set(None),
        ended_at: Set(None),
    }
    .insert(&**tx)
    .await?;
    Ok(())
}

/// Takes the job that has waited longest, in one statement, so that no two workers ever take the same one. The lease
/// ends at `until` unless a heartbeat extends it.
///
/// # Errors
/// The database failed.
pub async fn claim(
    store: &Store,
    worker: WorkerId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    // An idle worker asks often: a look without the write lock costs others nothing.
    let waiting = job::Entity::find()
        .select_only()
        .column(job::Column::Id)
        .filter(job::Column::State.eq(JobState::Queued.as_str()))
        .filter(job::Column::Paused.eq(false))
        .limit(1)
        .into_tuple::<String>()
        .one(store.db())
        .await?;
    if waiting.is_none() {
        return Ok(None);
    }
    let mut next = Query::select();
    next.column(job::Column::Id)
        .from(job::Entity)
        .and_where(Expr::col(job::Column::State).eq(JobState::Queued.as_str()))
        .and_where(Expr::col(job::Column::Paused).eq(false))
        .order_by(job::Column::QueuedAt, Order::Asc)
        .order_by(job::Column::Id, Order::Asc)
        .limit(1);
    if store.is_postgres() {
        next.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let tx = store.begin().await?;
    let claimed = job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(JobState::Running.as_str()))
        .col_expr(job::Column::Attempt, Expr::col(job::Column::Attempt).add(1))
        .col_expr(job::Column::WorkerId, Expr::value(worker.to_string()))
        .col_expr(job::Column::LeaseUntil, Expr::value(until.0))
        .col_expr(
            job::Column::StartedAt,
            Expr::expr(Func::coalesce([Expr::col(job::Column::StartedAt), Expr::value(now.0)])),
        )
        .filter(Expr::col(job::Column::Id).in_subquery(next))
        .exec_with_returning(&*tx)
        .await?
        .pop();
    tx.commit().await?;
    claimed
        .map(|model| {
            Ok(Lease {
                job: parse("jobs.id", &model.id)?,
                run: parse("jobs.run_id", &model.run_id)?,
                worker,
                attempt: model.attempt,
            })
        })
        .transpose()
}

/// Rows of the job only while the lease is good.
fn held(lease: &Lease) -> Condition {
    Condition::all()
        .add(job::Column::Id.eq(lease.job.to_string()))
        .add(job::Column::Attempt.eq(lease.attempt))
        .add(job::Column::State.eq(JobState::Running.as_str()))
        .add(job::Column::WorkerId.eq(lease.worker.to_string()))
}

/// Extends the lease to `until` and says whether the job is to stop; `None` where the lease is lost. The worker counts as
/// seen either way.
///
/// # Errors
/// The database failed.
pub async fn heartbeat(
    store: &Store,
    lease: &Lease,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Wish>, StoreError> {
    let tx = store.begin().await?;
    worker::Entity::update_many()
        .col_expr(worker::Column::LastSeen, Expr::value(now.0))
        .filter(worker::Column::Id.eq(lease.worker.to_string()))
        .exec(&*tx)
        .await?;
    let updated = job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(until.0))
        .filter(held(lease))
        .exec_with_returning(&*tx)
        .await?
        .pop();
    tx.commit().await?;
    Ok(updated.map(|model| match (model.cancel_requested, model.paused) {
        (true, _) => Wish::Cancel,
        (false, true) => Wish::Pause,
        (false, false) => Wish::GoOn,
    }))
}

/// Writes what a job reported; `false`, and nothing written, where the lease is lost. Values that are no numbers are
/// left out: neither store nor JSON can hold them.
///
/// # Errors
/// The database failed; nothing was written.
pub async fn record(store: &Store, lease: &Lease, batch: &Batch) -> Result<bool, StoreError> {
    let points = metrics::writable(&batch.points);
    let (points_count, log_count) = (count_i64(points.len()), count_i64(batch.log.len()));
    let tx = store.begin().await?;
    let mut update = job::Entity::update_many()
        .col_expr(job::Column::MetricSeq, Expr::col(job::Column::MetricSeq).add(points_count))
        .col_expr(job::Column::LogSeq, Expr::col(job::Column::LogSeq).add(log_count));
    if let Some(progress) = &batch.progress {
        update = update.col_expr(job::Column::Progress, Expr::value(to_json(progress)?));
    }
    // The UPDATE locks the row: what follows is in the order of the numbers that it hands out.
    let Some(model) = update.filter(held(lease)).exec_with_returning(&*tx).await?.pop() else {
        return Ok(false);
    };
    if let Some((device, reason)) = &batch.device {
        run::Entity::update_many()
            .col_expr(run::Column::Device, Expr::value(device.clone()))
            .col_expr(run::Column::DeviceReason, Expr::value(reason.clone()))
            .filter(run::Column::Id.eq(lease.run.to_string()))
            .exec(&*tx)
            .await?;
    }
    metrics::write(&tx, lease.run, &points, model.metric_seq - points_count).await?;
    logs::write(&tx, lease.run, &batch.log, model.log_seq - log_count).await?;
    tx.commit().await?;
    Ok(true)
}

/// When the job's first attempt began.
///
/// # Errors
/// The database failed.
pub async fn started(db: &impl ConnectionTrait, id: JobId) -> Result<Option<Timestamp>, StoreError> {
    Ok(job::Entity::find_by_id(id.to_string()).one(db).await?.and_then(|model| model.started_at).map(Timestamp))
}

/// Ends a job within the caller's transaction; `false`, and nothing changed, where the lease is lost.
///
/// # Errors
/// The database failed.
pub async fn end(
    tx: &Tx,
    lease: &Lease,
    state: JobState,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut update = ended(state, reason, now);
    if state == JobState::Succeeded {
        update = update.col_expr(job::Column::Progress, Expr::value(None::<String>));
    }
    let done = update.filter(held(lease)).exec(&**tx).await?;
    // What a run that goes well found out is kept with its result.
    if done.rows_affected > 0 && state != JobState::Succeeded {
        runs::values::keep_outcome(tx, lease.run, None).await?;
    }
    Ok(done.rows_affected > 0)
}

/// Ends the job of a run that was done elsewhere, within the transaction that makes both.
///
/// # Errors
/// The database failed.
pub(crate) async fn done_elsewhere(tx: &Tx, run: RunId, now: Timestamp) -> Result<(), StoreError> {
    ended(JobState::Succeeded, None, now)
        .col_expr(job::Column::Attempt, Expr::value(1))
        .col_expr(job::Column::StartedAt, Expr::value(now.0))
        .filter(job::Column::RunId.eq(run.to_string()))
        .exec(&**tx)
        .await?;
    Ok(())
}

fn ended(state: JobState, reason: Option<&str>, now: Timestamp) -> UpdateMany<job::Entity> {
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(state.as_str()))
        .col_expr(job::Column::EndedAt, Expr::value(now.0))
        .col_expr(job::Column::LeaseUntil, Expr::value(None::<i64>))
        .col_expr(job::Column::Paused, Expr::value(false))
        .col_expr(job::Column::Reason, Expr::value(reason.map(str::to_owned)))
}

fn queued(reason: &str) -> UpdateMany<job::Entity> {
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(JobState::Queued.as_str()))
        .col_expr(job::Column::WorkerId, Expr::value(None::<String>))
        .col_expr(job::Column::LeaseUntil, Expr::value(None::<i64>))
        .col_expr(job::Column::Progress, Expr::value(None::<String>))
        .col_expr(job::Column::Reason, Expr::value(reason.to_owned()))
}

/// Hands a job back to the queue, to its old place, from a worker that stops in good order: the attempt does not count.
/// `false` where the lease is lost.
///
/// # Errors
/// The database failed.
pub async fn hand_back(store: &Store, lease: &Lease, reason: &str) -> Result<bool, StoreError> {
    let tx = store.begin().await?;
    let done = queued(reason)
        .col_expr(job::Column::MaxAttempts, Expr::col(job::Column::MaxAttempts).add(1))
        .filter(held(lease))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected > 0)
}

/// Asks a run's job to stop, within the caller's transaction. `None` where the run has no job.
///
/// # Errors
/// The database failed.
pub async fn request_cancel(tx: &Tx, run: RunId, reason: &str, now: Timestamp) -> Result<Option<Cancel>, StoreError> {
    let of_run = job::Column::RunId.eq(run.to_string());
    let cancelled = ended(JobState::Cancelled, Some(reason), now)
        .col_expr(job::Column::CancelRequested, Expr::value(true))
        .filter(of_run.clone())
        .filter(job::Column::State.eq(JobState::Queued.as_str()))
        .exec(&**tx)
        .await?;
    if cancelled.rows_affected > 0 {
        return Ok(Some(Cancel::Done));
    }
    let asked = job::Entity::update_many()
        .col_expr(job::Column::CancelRequested, Expr::value(true))
        .filter(of_run.clone())
        .filter(job::Column::State.eq(JobState::Running.as_str()))
        .exec(&**tx)
        .await?;
    if asked.rows_affected > 0 {
        return Ok(Some(Cancel::Requested));
    }
    let known = job::Entity::find().filter(of_run).one(&**tx).await?;
    Ok(known.map(|_| Cancel::TooLate))
}

/// Holds a run's job back, or lets it go on, within the caller's transaction. `false` where it has ended, is being
/// cancelled, or is as it is asked to be.
///
/// # Errors
/// The database failed.
pub async fn pause(tx: &Tx, run: RunId, paused: bool, reason: Option<&str>) -> Result<bool, StoreError> {
    let done = job::Entity::update_many()
        .col_expr(job::Column::Paused, Expr::value(paused))
        .col_expr(job::Column::Reason, Expr::value(reason.map(str::to_owned)))
        .filter(job::Column::RunId.eq(run.to_string()))
        .filter(job::Column::State.is_in([JobState::Queued, JobState::Running].map(JobState::as_str)))
        .filter(job::Column::CancelRequested.eq(false))
        .filter(job::Column::Paused.eq(!paused))
        .exec(&**tx)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Deals with jobs whose lease ended before `now`: queued again from their checkpoint, or failed where they have used up
/// their attempts, or cancelled where that was asked for.
///
/// # Errors
/// The database failed; what was done before stands.
pub async fn reap(store: &Store, now: Timestamp) -> Result<Reaped, StoreError> {
    let expired =
        Condition::all().add(job::Column::State.eq(JobState::Running.as_str())).add(job::Column::LeaseUntil.lt(now.0));
    release(store, expired, "Its worker stopped answering", now).await
}

/// Deals likewise with all jobs that a worker holds, when it says itself that it died and started again.
///
/// # Errors
/// The database failed; what was done before stands.
pub async fn release_held_by(store: &Store, worker: WorkerId, now: Timestamp) -> Result<Reaped, StoreError> {
    let held = Condition::all()
        .add(job::Column::State.eq(JobState::Running.as_str()))
        .add(job::Column::WorkerId.eq(worker.to_string()));
    release(store, held, "Its worker was restarted", now).await
}

async fn release(store: &Store, which: Condition, cause: &str, now: Timestamp) -> Result<Reaped, StoreError> {
    let mut reaped = Reaped::default();
    let jobs = job::Entity::find()
        .filter(which.clone())
        .order_by_asc(job::Column::QueuedAt)
        .limit(500)
        .all(store.db())
        .await?;
    for model in jobs {
        let run: RunId = parse("jobs.run_id", &model.run_id)?;
        let tries = format!("attempt {} of {}", model.attempt, model.max_attempts);
        // Seen again in the UPDATE: the worker may have answered, or another reaper acted, since the SELECT.
        let same = which.clone().add(job::Column::Id.eq(model.id.clone())).add(job::Column::Attempt.eq(model.attempt));
        let tx = store.begin().await?;
        let (update, line, level) = if model.cancel_requested {
            let line = format!("{cause} after it was asked to stop: cancelled.");
            (ended(JobState::Cancelled, Some(&line), now), line, LogLevel::Warning)
        } else if model.attempt < model.max_attempts {
            let line = format!("{cause} ({tries}): queued again, to go on from its last checkpoint.");
            (queued(&line), line, LogLevel::Warning)
        } else {
            let line = format!(
                "{cause} ({tries}). It is not tried again: look at the worker's log and memory, then retry the run."
            );
            (ended(JobState::Failed, Some(&line), now), line, LogLevel::Error)
        };
        let updated = update
            .col_expr(job::Column::LogSeq, Expr::col(job::Column::LogSeq).add(1))
            .filter(same)
            .exec_with_returning(&*tx)
            .await?
            .pop();
        let Some(updated) = updated else { continue };
        logs::write(&tx, run, &[(now, level, line.clone())], updated.log_seq - 1).await?;
        let state: JobState = parse("jobs.state", &updated.state)?;
        if state.is_final() {
            runs::values::keep_outcome(&tx, run, None).await?;
        }
        match state {
            JobState::Failed => {
                set_problem(&tx, run, &Problem::new(Code::Unavailable, line), now).await?;
                reaped.failed += 1;
            }
            JobState::Cancelled => reaped.cancelled += 1,
            _ => reaped.requeued += 1,
        }
        tx.commit().await?;
    }
    Ok(reaped)
}

/// Keeps why a run has no result, and tells who started it.
///
/// # Errors
/// The database failed.
pub async fn set_problem(tx: &Tx, run: RunId, problem: &Problem, now: Timestamp) -> Result<(), StoreError> {
    let updated = run::Entity::update_many()
        .col_expr(run::Column::Problem, Expr::value(to_json(problem)?))
        .filter(run::Column::Id.eq(run.to_string()))
        .exec_with_returning(&**tx)
        .await?
        .pop();
    let Some(model) = updated else { return Ok(()) };
    let notice = Notice::training_failed(&model.name, &problem.message, run);
    let project = parse("runs.project_id", &model.project_id)?;
    inbox::send(tx, project, &notice, To::Person(&model.created_by), now).await?;
    Ok(())
}

fn count_i64(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// How many jobs are in each state, in one project or in all.
///
/// # Errors
/// The database failed.
pub async fn counts(db: &impl ConnectionTrait, project: Option<ProjectId>) -> Result<Vec<(JobState, u64)>, StoreError> {
    let mut select = Query::select();
    select
        .column(job::Column::State)
        .expr_as(Func::count(Expr::cust("*")), Alias::new("n"))
        .from(job::Entity)
        .group_by_col(job::Column::State);
    if let Some(project) = project {
        select.and_where(job::Column::ProjectId.eq(project.to_string()));
    }
    db.query_all(&select)
        .await?
        .iter()
        .map(|row| {
            let state: String = row.try_get("", "state")?;
            Ok((parse("jobs.state", &state)?, unsigned(row.try_get("", "n")?)))
        })
        .collect()
}
