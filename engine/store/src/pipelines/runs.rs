//! Runs of pipelines. A worker holds a run by a lease; its attempt number fences off writers that lost it.

use super::logs;
use crate::{
    Store, StoreError, Tx,
    entity::{pipeline, pipeline_run},
    from_json,
    inbox::{self, To},
    jobs::MAX_ATTEMPTS,
    lineage::{self, Relation},
    parse, to_json,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, UpdateMany,
    sea_query::{Expr, Func, Query},
};
use std::collections::BTreeMap;
use trainyard_types::{
    Action, Code, DatasetVersionId, PipelineId, PipelineRunId, Problem, ProjectId, Timestamp, WorkerId,
    inbox::Notice,
    job::LogLevel,
    pipeline::{
        ApprovalView, PartitionRun, Pipeline, PipelineRunState, PipelineRunSummary, PipelineRunView, StepId,
        StepReport, StepState, Values, WroteView,
    },
};

/// Who is said to have asked for runs that started by themselves.
pub const SYSTEM: &str = "system";
/// Queued runs that a claim looks at: those before may wait for runs of the same pipeline.
const LOOKED_AT: u64 = 200;

/// A worker's hold on a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PipelineLease {
    pub run: PipelineRunId,
    pub worker: WorkerId,
    /// The fencing token: grows with each claim.
    pub attempt: i32,
}

/// A run that is asked for.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    pub id: PipelineRunId,
    pub partition: Option<&'a str>,
    pub cause: String,
    /// Of one occasion there is one run.
    pub occasion: Option<String>,
    pub depth: i32,
    pub values: &'a Values,
    pub no_cache: bool,
    pub at: Timestamp,
    pub by: &'a str,
}

/// A run as workers see it.
#[derive(Clone, Debug)]
pub struct Work {
    pub id: PipelineRunId,
    pub pipeline: PipelineId,
    pub project: ProjectId,
    pub number: i32,
    pub depth: i32,
    pub document: Pipeline,
    pub values: Values,
    pub no_cache: bool,
    pub steps: Vec<StepReport>,
    pub approvals: Vec<ApprovalView>,
    pub effects: Vec<StepId>,
    pub wrote: Vec<WroteView>,
}

/// What a run's process reported since the last time.
#[derive(Clone, Debug, Default)]
pub struct PipelineBatch {
    /// Of the steps that changed.
    pub steps: Vec<StepReport>,
    pub log: Vec<(Timestamp, StepId, LogLevel, String)>,
}

/// Puts a run at the queue's end; `false` where the occasion has its run already.
///
/// # Errors
/// The database failed.
pub async fn enqueue(tx: &Tx, pipeline: PipelineId, new: NewRun<'_>) -> Result<bool, StoreError> {
    // The UPDATE locks the pipeline: runs are numbered one after the other.
    let kept = pipeline::Entity::update_many()
        .col_expr(pipeline::Column::Runs, Expr::col(pipeline::Column::Runs).add(1))
        .filter(pipeline::Column::Id.eq(pipeline.to_string()))
        .exec_with_returning(&**tx)
        .await?
        .pop()
        .ok_or_else(|| StoreError::Corrupt(format!("pipeline {pipeline} is gone")))?;
    if let Some(occasion) = &new.occasion {
        let known = pipeline_run::Entity::find()
            .filter(pipeline_run::Column::PipelineId.eq(pipeline.to_string()))
            .filter(pipeline_run::Column::Occasion.eq(occasion.as_str()))
            .count(&**tx)
            .await?;
        if known > 0 {
            return Ok(false);
        }
    }
    let document: Pipeline = from_json("pipelines.document", &kept.document)?;
    let steps: Vec<StepReport> =
        document.steps.iter().map(|step| StepReport::pending(step.id.clone(), step.kind.clone())).collect();
    pipeline_run::ActiveModel {
        id: Set(new.id.to_string()),
        project_id: Set(kept.project_id),
        pipeline_id: Set(pipeline.to_string()),
        number: Set(kept.runs),
        version: Set(kept.latest),
        state: Set(PipelineRunState::Queued.as_str().to_owned()),
        part: Set(new.partition.map(str::to_owned)),
        cause: Set(new.cause),
        occasion: Set(new.occasion),
        depth: Set(new.depth),
        given: Set(to_json(new.values)?),
        no_cache: Set(new.no_cache),
        steps: Set(to_json(&steps)?),
        approvals: Set("[]".into()),
        wrote: Set("[]".into()),
        effects: Set("[]".into()),
        problem: Set(None),
        cancel_requested: Set(false),
        attempt: Set(0),
        deaths: Set(0),
        worker_id: Set(None),
        lease_until: Set(None),
        log_seq: Set(0),
        log_deleted_at: Set(None),
        created_at: Set(new.at.0),
        created_by: Set(new.by.to_owned()),
        queued_at: Set(new.at.0),
        started_at: Set(None),
        ended_at: Set(None),
    }
    .insert(&**tx)
    .await?;
    Ok(true)
}

/// Takes the run that has waited longest among those whose pipelines may run once more. The lease ends at `until` unless a
/// heartbeat extends it.
///
/// # Errors
/// The database failed.
pub async fn claim(
    store: &Store,
    worker: WorkerId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<PipelineLease>, StoreError> {
    let waiting: Vec<(String, String)> = pipeline_run::Entity::find()
        .select_only()
        .columns([pipeline_run::Column::Id, pipeline_run::Column::PipelineId])
        .filter(pipeline_run::Column::State.eq(PipelineRunState::Queued.as_str()))
        .order_by_asc(pipeline_run::Column::QueuedAt)
        .order_by_asc(pipeline_run::Column::Id)
        .limit(LOOKED_AT)
        .into_tuple()
        .all(store.db())
        .await?;
    let mut full: Vec<String> = Vec::new();
    for (id, pipeline) in waiting {
        if full.contains(&pipeline) {
            continue;
        }
        let tx = store.begin().await?;
        // Locks the pipeline, so that no two workers count at the same time.
        let kept = pipeline::Entity::update_many()
            .col_expr(pipeline::Column::Runs, Expr::col(pipeline::Column::Runs))
            .filter(pipeline::Column::Id.eq(pipeline.as_str()))
            .exec_with_returning(&*tx)
            .await?
            .pop();
        let Some(kept) = kept else { continue };
        let document: Pipeline = from_json("pipelines.document", &kept.document)?;
        let running = pipeline_run::Entity::find()
            .filter(pipeline_run::Column::PipelineId.eq(pipeline.as_str()))
            .filter(pipeline_run::Column::State.eq(PipelineRunState::Running.as_str()))
            .count(&*tx)
            .await?;
        if running >= u64::from(document.concurrency.unwrap_or(1)) {
            full.push(pipeline);
            continue;
        }
        let claimed = pipeline_run::Entity::update_many()
            .col_expr(pipeline_run::Column::State, Expr::value(PipelineRunState::Running.as_str()))
            .col_expr(pipeline_run::Column::Attempt, Expr::col(pipeline_run::Column::Attempt).add(1))
            .col_expr(pipeline_run::Column::WorkerId, Expr::value(worker.to_string()))
            .col_expr(pipeline_run::Column::LeaseUntil, Expr::value(until.0))
            .col_expr(
                pipeline_run::Column::StartedAt,
                Expr::expr(Func::coalesce([Expr::col(pipeline_run::Column::StartedAt), Expr::value(now.0)])),
            )
            .filter(pipeline_run::Column::Id.eq(id))
            .filter(pipeline_run::Column::State.eq(PipelineRunState::Queued.as_str()))
            .exec_with_returning(&*tx)
            .await?
            .pop();
        tx.commit().await?;
        if let Some(model) = claimed {
            let run = parse("pipeline_runs.id", &model.id)?;
            return Ok(Some(PipelineLease { run, worker, attempt: model.attempt }));
        }
    }
    Ok(None)
}

/// Rows of the run only while the lease is good.
fn held(lease: &PipelineLease) -> Condition {
    Condition::all()
        .add(pipeline_run::Column::Id.eq(lease.run.to_string()))
        .add(pipeline_run::Column::Attempt.eq(lease.attempt))
        .add(pipeline_run::Column::State.eq(PipelineRunState::Running.as_str()))
        .add(pipeline_run::Column::WorkerId.eq(lease.worker.to_string()))
}

/// Extends the lease to `until` and says whether the run is to stop; `None` where the lease is lost.
///
/// # Errors
/// The database failed.
pub async fn heartbeat(store: &Store, lease: &PipelineLease, until: Timestamp) -> Result<Option<bool>, StoreError> {
    let tx = store.begin().await?;
    let updated = pipeline_run::Entity::update_many()
        .col_expr(pipeline_run::Column::LeaseUntil, Expr::value(until.0))
        .filter(held(lease))
        .exec_with_returning(&*tx)
        .await?
        .pop();
    tx.commit().await?;
    Ok(updated.map(|model| model.cancel_requested))
}

/// Writes what a run's process reported; `false`, and nothing written, where the lease is lost.
///
/// # Errors
/// The database failed; nothing was written.
pub async fn record(store: &Store, lease: &PipelineLease, batch: &PipelineBatch) -> Result<bool, StoreError> {
    let tx = store.begin().await?;
    let written = record_in(&tx, lease, batch).await?;
    if written {
        tx.commit().await?;
    }
    Ok(written)
}

async fn record_in(tx: &Tx, lease: &PipelineLease, batch: &PipelineBatch) -> Result<bool, StoreError> {
    let count = i64::try_from(batch.log.len()).unwrap_or(i64::MAX);
    // The UPDATE locks the row: what follows is in the order of the numbers that it hands out.
    let updated = pipeline_run::Entity::update_many()
        .col_expr(pipeline_run::Column::LogSeq, Expr::col(pipeline_run::Column::LogSeq).add(count))
        .filter(held(lease))
        .exec_with_returning(&**tx)
        .await?
        .pop();
    let Some(model) = updated else { return Ok(false) };
    if !batch.steps.is_empty() {
        let mut steps: Vec<StepReport> = from_json("pipeline_runs.steps", &model.steps)?;
        for report in &batch.steps {
            match steps.iter_mut().find(|known| known.id == report.id) {
                Some(known) => known.clone_from(report),
                None => steps.push(report.clone()),
            }
        }
        pipeline_run::Entity::update_many()
            .col_expr(pipeline_run::Column::Steps, Expr::value(to_json(&steps)?))
            .filter(held(lease))
            .exec(&**tx)
            .await?;
    }
    logs::write(tx, lease.run, &batch.log, model.log_seq - count).await?;
    Ok(true)
}

/// Notes within the caller's transaction what a step of a run reads; `false` where the lease is lost.
///
/// # Errors
/// The database failed.
pub async fn reads(
    tx: &Tx,
    lease: &PipelineLease,
    step: &StepId,
    version: DatasetVersionId,
) -> Result<bool, StoreError> {
    if pipeline_run::Entity::find().filter(held(lease)).count(&**tx).await? == 0 {
        return Ok(false);
    }
    lineage::link(tx, lease.run, step, Relation::Read, version.to_string()).await?;
    Ok(true)
}

/// Notes within the caller's transaction that a step's effect is done; `false` where the lease is lost.
///
/// # Errors
/// The database failed.
pub async fn effect_done(
    tx: &Tx,
    lease: &PipelineLease,
    step: &StepId,
    wrote: Option<WroteView>,
) -> Result<bool, StoreError> {
    let Some(model) = pipeline_run::Entity::find().filter(held(lease)).one(&**tx).await? else { return Ok(false) };
    let mut effects: Vec<StepId> = from_json("pipeline_runs.effects", &model.effects)?;
    let mut all: Vec<WroteView> = from_json("pipeline_runs.wrote", &model.wrote)?;
    effects.push(step.clone());
    all.extend(wrote);
    let outcome = pipeline_run::Entity::update_many()
        .col_expr(pipeline_run::Column::Effects, Expr::value(to_json(&effects)?))
        .col_expr(pipeline_run::Column::Wrote, Expr::value(to_json(&all)?))
        .filter(held(lease))
        .exec(&**tx)
        .await?;
    Ok(outcome.rows_affected > 0)
}

fn ended(state: PipelineRunState, problem: Option<String>, now: Timestamp) -> UpdateMany<pipeline_run::Entity> {
    let over = state.is_final().then_some(now.0);
    pipeline_run::Entity::update_many()
        .col_expr(pipeline_run::Column::State, Expr::value(state.as_str()))
        .col_expr(pipeline_run::Column::Problem, Expr::value(problem))
        .col_expr(pipeline_run::Column::EndedAt, Expr::value(over))
        .col_expr(pipeline_run::Column::LeaseUntil, Expr::value(None::<i64>))
        .col_expr(pipeline_run::Column::WorkerId, Expr::value(None::<String>))
}

/// Ends a run, or lets it wait for a person, within the caller's transaction; `false` where the lease is lost.
///
/// # Errors
/// The database failed.
pub async fn end(
    tx: &Tx,
    lease: &PipelineLease,
    state: PipelineRunState,
    problem: Option<&Problem>,
    batch: &PipelineBatch,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !record_in(tx, lease, batch).await? {
        return Ok(false);
    }
    let why = problem.map(to_json).transpose()?;
    let done = ended(state, why, now).filter(held(lease)).exec(&**tx).await?;
    settle(tx, lease.run).await?;
    match state {
        PipelineRunState::Failed => tell_failed(tx, lease.run, problem, now).await?,
        PipelineRunState::Waiting => tell_waiting(tx, lease.run, now).await?,
        _ => {}
    }
    Ok(done.rows_affected > 0)
}

/// Tells who started a run that it failed; of one that started by itself, who edited the pipeline last.
async fn tell_failed(tx: &Tx, run: PipelineRunId, problem: Option<&Problem>, now: Timestamp) -> Result<(), StoreError> {
    let Some((model, kept)) = with_pipeline(tx, run).await? else { return Ok(()) };
    let why = problem.map(|problem| problem.message.as_str()).unwrap_or_default();
    let notice = Notice::pipeline_failed(&kept.name, model.number, why, run);
    let project = parse("pipeline_runs.project_id", &model.project_id)?;
    let to = if model.created_by == SYSTEM { &kept.updated_by } else { &model.created_by };
    inbox::send(tx, project, &notice, To::Person(to), now).await?;
    Ok(())
}

/// Tells those who may approve what a run waits for.
async fn tell_waiting(tx: &Tx, run: PipelineRunId, now: Timestamp) -> Result<(), StoreError> {
    let Some((model, kept)) = with_pipeline(tx, run).await? else { return Ok(()) };
    let steps: Vec<StepReport> = from_json("pipeline_runs.steps", &model.steps)?;
    let pipeline = parse("pipeline_runs.pipeline_id", &model.pipeline_id)?;
    let document = super::version(&**tx, pipeline, model.version).await?.map(|(document, _)| document);
    let asked: Vec<(StepId, String)> = steps
        .into_iter()
        .filter(|step| step.state == StepState::Waiting)
        .map(|step| {
            let known = document.as_ref().and_then(|document| document.step(step.id.as_str()));
            let message = known.and_then(|known| known.with.get("message")).and_then(|message| message.as_str());
            (step.id, message.unwrap_or_default().to_owned())
        })
        .collect();
    let notice = Notice::approval_waiting(&kept.name, model.number, &asked, run);
    let project = parse("pipeline_runs.project_id", &model.project_id)?;
    inbox::send(tx, project, &notice, To::Those(Action::Approve), now).await?;
    Ok(())
}

async fn with_pipeline(
    tx: &Tx,
    run: PipelineRunId,
) -> Result<Option<(pipeline_run::Model, pipeline::Model)>, StoreError> {
    let Some(model) = pipeline_run::Entity::find_by_id(run.to_string()).one(&**tx).await? else { return Ok(None) };
    let kept = pipeline::Entity::find_by_id(model.pipeline_id.clone()).one(&**tx).await?;
    Ok(kept.map(|kept| (model, kept)))
}

/// Steps of a run that has ended do not run any more, whatever they said last.
async fn settle(tx: &Tx, run: PipelineRunId) -> Result<(), StoreError> {
    let Some(model) = pipeline_run::Entity::find_by_id(run.to_string()).one(&**tx).await? else { return Ok(()) };
    let state: PipelineRunState = parse("pipeline_runs.state", &model.state)?;
    if !state.is_final() {
        return Ok(());
    }
    let mut steps: Vec<StepReport> = from_json("pipeline_runs.steps", &model.steps)?;
    for step in &mut steps {
        if matches!(step.state, StepState::Running | StepState::Pending | StepState::Waiting) {
            step.state = match (state, step.state) {
                (PipelineRunState::Failed, StepState::Running) => StepState::Failed,
                (PipelineRunState::Failed, _) => StepState::Skipped,
                _ => StepState::Cancelled,
            };
        }
    }
    pipeline_run::Entity::update_many()
        .col_expr(pipeline_run::Column::Steps, Expr::value(to_json(&steps)?))
        .filter(pipeline_run::Column::Id.eq(run.to_string()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Puts a run that waits for a person, failed or was cancelled back into the queue, and one that runs where `lease` says
/// so. What is done is found in the cache. `false` where it is in none of these states.
///
/// # Errors
/// The database failed.
pub async fn requeue(tx: &Tx, run: PipelineRunId, lease: Option<&PipelineLease>) -> Result<bool, StoreError> {
    let which = match lease {
        Some(lease) => held(lease),
        None => {
            let states = [PipelineRunState::Waiting, PipelineRunState::Failed, PipelineRunState::Cancelled];
            Condition::all()
                .add(pipeline_run::Column::Id.eq(run.to_string()))
                .add(pipeline_run::Column::State.is_in(states.map(PipelineRunState::as_str)))
        }
    };
    let Some(model) = pipeline_run::Entity::find().filter(which.clone()).one(&**tx).await? else { return Ok(false) };
    let mut steps: Vec<StepReport> = from_json("pipeline_runs.steps", &model.steps)?;
    for step in &mut steps {
        if !step.state.is_done() {
            *step = StepReport::pending(step.id.clone(), step.kind.clone());
        }
    }
    let outcome = ended(PipelineRunState::Queued, None, Timestamp(0))
        .col_expr(pipeline_run::Column::CancelRequested, Expr::value(false))
        .col_expr(pipeline_run::Column::LogDeletedAt, Expr::value(None::<i64>))
        .col_expr(pipeline_run::Column::Steps, Expr::value(to_json(&steps)?))
        .filter(which)
        .exec(&**tx)
        .await?;
    Ok(outcome.rows_affected > 0)
}

/// Asks a run to stop, within the caller's transaction: at once where it waits. `false` where it had ended.
///
/// # Errors
/// The database failed.
pub async fn request_cancel(tx: &Tx, run: PipelineRunId, now: Timestamp) -> Result<bool, StoreError> {
    let idle = [PipelineRunState::Queued, PipelineRunState::Waiting].map(PipelineRunState::as_str);
    let cancelled = ended(PipelineRunState::Cancelled, None, now)
        .col_expr(pipeline_run::Column::CancelRequested, Expr::value(true))
        .filter(pipeline_run::Column::Id.eq(run.to_string()))
        .filter(pipeline_run::Column::State.is_in(idle))
        .exec(&**tx)
        .await?;
    if cancelled.rows_affected > 0 {
        settle(tx, run).await?;
        return Ok(true);
    }
    let asked = pipeline_run::Entity::update_many()
        .col_expr(pipeline_run::Column::CancelRequested, Expr::value(true))
        .filter(pipeline_run::Column::Id.eq(run.to_string()))
        .filter(pipeline_run::Column::State.eq(PipelineRunState::Running.as_str()))
        .exec(&**tx)
        .await?;
    Ok(asked.rows_affected > 0)
}

/// Keeps what a person decided.
///
/// # Errors
/// The database failed.
pub async fn set_approvals(tx: &Tx, run: PipelineRunId, approvals: &[ApprovalView]) -> Result<(), StoreError> {
    pipeline_run::Entity::update_many()
        .col_expr(pipeline_run::Column::Approvals, Expr::value(to_json(&approvals)?))
        .filter(pipeline_run::Column::Id.eq(run.to_string()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Fails a run that waits for a person.
///
/// # Errors
/// The database failed.
pub async fn refuse(tx: &Tx, run: PipelineRunId, problem: &Problem, now: Timestamp) -> Result<bool, StoreError> {
    let outcome = ended(PipelineRunState::Failed, Some(to_json(problem)?), now)
        .filter(pipeline_run::Column::Id.eq(run.to_string()))
        .filter(pipeline_run::Column::State.eq(PipelineRunState::Waiting.as_str()))
        .exec(&**tx)
        .await?;
    settle(tx, run).await?;
    if outcome.rows_affected > 0 {
        tell_failed(tx, run, Some(problem), now).await?;
    }
    Ok(outcome.rows_affected > 0)
}

/// Deals with runs whose lease ended before `now`, or that `worker` held when it died: queued again, cancelled where that
/// was asked for, failed where workers died of them too often. Answers how many.
///
/// # Errors
/// The database failed; what was done before stands.
pub async fn reap(store: &Store, worker: Option<WorkerId>, now: Timestamp) -> Result<u64, StoreError> {
    let which = Condition::all().add(pipeline_run::Column::State.eq(PipelineRunState::Running.as_str()));
    let which = match worker {
        Some(worker) => which.add(pipeline_run::Column::WorkerId.eq(worker.to_string())),
        None => which.add(pipeline_run::Column::LeaseUntil.lt(now.0)),
    };
    let mut done = 0;
    for model in pipeline_run::Entity::find().filter(which.clone()).limit(200).all(store.db()).await? {
        let run: PipelineRunId = parse("pipeline_runs.id", &model.id)?;
        let tx = store.begin().await?;
        let deaths = model.deaths + 1;
        let failed = (!model.cancel_requested && deaths >= MAX_ATTEMPTS).then(|| {
            Problem::new(
                Code::Unavailable,
                format!("Its worker died {deaths} times. Look at the worker's log and memory, then retry the run."),
            )
        });
        let update = match &failed {
            _ if model.cancel_requested => ended(PipelineRunState::Cancelled, None, now),
            None => ended(PipelineRunState::Queued, None, now),
            Some(problem) => ended(PipelineRunState::Failed, Some(to_json(problem)?), now),
        };
        let outcome = update
            .col_expr(pipeline_run::Column::Deaths, Expr::value(deaths))
            .filter(which.clone())
            .filter(pipeline_run::Column::Id.eq(model.id.as_str()))
            .filter(pipeline_run::Column::Attempt.eq(model.attempt))
            .exec(&*tx)
            .await?;
        settle(&tx, run).await?;
        if failed.is_some() && outcome.rows_affected > 0 {
            tell_failed(&tx, run, failed.as_ref(), now).await?;
        }
        tx.commit().await?;
        done += outcome.rows_affected;
    }
    Ok(done)
}

/// What a worker needs of a run.
///
/// # Errors
/// The database failed.
pub async fn work(db: &impl ConnectionTrait, id: PipelineRunId) -> Result<Option<Work>, StoreError> {
    let Some(model) = pipeline_run::Entity::find_by_id(id.to_string()).one(db).await? else { return Ok(None) };
    let pipeline: PipelineId = parse("pipeline_runs.pipeline_id", &model.pipeline_id)?;
    let (document, _) = super::version(db, pipeline, model.version)
        .await?
        .ok_or_else(|| StoreError::Corrupt(format!("the document of pipeline run {id} is gone")))?;
    Ok(Some(Work {
        id,
        pipeline,
        project: parse("pipeline_runs.project_id", &model.project_id)?,
        number: model.number,
        depth: model.depth,
        document,
        values: from_json("pipeline_runs.given", &model.given)?,
        no_cache: model.no_cache,
        steps: from_json("pipeline_runs.steps", &model.steps)?,
        approvals: from_json("pipeline_runs.approvals", &model.approvals)?,
        effects: from_json("pipeline_runs.effects", &model.effects)?,
        wrote: from_json("pipeline_runs.wrote", &model.wrote)?,
    }))
}

fn summary(model: &pipeline_run::Model, name: &str) -> Result<PipelineRunSummary, StoreError> {
    let steps: Vec<StepReport> = from_json("pipeline_runs.steps", &model.steps)?;
    Ok(PipelineRunSummary {
        id: parse("pipeline_runs.id", &model.id)?,
        pipeline: parse("pipeline_runs.pipeline_id", &model.pipeline_id)?,
        pipeline_name: name.to_owned(),
        version: model.version,
        number: model.number,
        state: parse("pipeline_runs.state", &model.state)?,
        partition: model.part.clone(),
        cause: model.cause.clone(),
        steps_done: u32::try_from(steps.iter().filter(|step| step.state.is_done()).count()).unwrap_or(u32::MAX),
        steps: u32::try_from(steps.len()).unwrap_or(u32::MAX),
        created_at: Timestamp(model.created_at),
        created_by: model.created_by.clone(),
        started_at: model.started_at.map(Timestamp),
        ended_at: model.ended_at.map(Timestamp),
    })
}

/// The last runs of a pipeline, newest first.
///
/// # Errors
/// The database failed.
pub async fn list(
    db: &impl ConnectionTrait,
    pipeline: PipelineId,
    limit: u64,
) -> Result<Vec<PipelineRunSummary>, StoreError> {
    let Some(kept) = pipeline::Entity::find_by_id(pipeline.to_string()).one(db).await? else { return Ok(Vec::new()) };
    let models = pipeline_run::Entity::find()
        .filter(pipeline_run::Column::PipelineId.eq(pipeline.to_string()))
        .order_by_desc(pipeline_run::Column::Number)
        .limit(limit)
        .all(db)
        .await?;
    models.iter().map(|model| summary(model, &kept.name)).collect()
}

/// The last run of each partition of a pipeline that has had one.
///
/// # Errors
/// The database failed.
pub async fn last_by_partition(
    db: &impl ConnectionTrait,
    pipeline: PipelineId,
) -> Result<BTreeMap<String, PartitionRun>, StoreError> {
    use pipeline_run::Column::{CreatedAt, EndedAt, Id, Number, Part, PipelineId, State};
    let newest = Query::select()
        .expr(Expr::col(Number).max())
        .from(pipeline_run::Entity)
        .and_where(PipelineId.eq(pipeline.to_string()))
        .and_where(Part.is_not_null())
        .group_by_col(Part)
        .to_owned();
    let rows: Vec<(String, String, i32, String, i64, Option<i64>)> = pipeline_run::Entity::find()
        .select_only()
        .columns([Part, Id, Number, State, CreatedAt, EndedAt])
        .filter(PipelineId.eq(pipeline.to_string()))
        .filter(Number.in_subquery(newest))
        .into_tuple()
        .all(db)
        .await?;
    rows.into_iter()
        .map(|(part, id, number, state, created_at, ended_at)| {
            let run = PartitionRun {
                run: parse("pipeline_runs.id", &id)?,
                number,
                state: parse("pipeline_runs.state", &state)?,
                created_at: Timestamp(created_at),
                ended_at: ended_at.map(Timestamp),
            };
            Ok((part, run))
        })
        .collect()
}

/// One run of the project, whole.
///
/// # Errors
/// The database failed.
pub async fn view(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: PipelineRunId,
) -> Result<Option<PipelineRunView>, StoreError> {
    let found = pipeline_run::Entity::find_by_id(id.to_string())
        .filter(pipeline_run::Column::ProjectId.eq(project.to_string()))
        .one(db)
        .await?;
    let Some(model) = found else { return Ok(None) };
    let Some(kept) = pipeline::Entity::find_by_id(model.pipeline_id.clone()).one(db).await? else { return Ok(None) };
    let summary = summary(&model, &kept.name)?;
    let Some((document, _)) = super::version(db, summary.pipeline, model.version).await? else { return Ok(None) };
    Ok(Some(PipelineRunView {
        summary,
        document,
        values: from_json("pipeline_runs.given", &model.given)?,
        cancel_requested: model.cancel_requested,
        steps: from_json("pipeline_runs.steps", &model.steps)?,
        approvals: from_json("pipeline_runs.approvals", &model.approvals)?,
        wrote: from_json("pipeline_runs.wrote", &model.wrote)?,
        problem: model.problem.as_deref().map(|text| from_json("pipeline_runs.problem", text)).transpose()?,
        log_deleted_at: model.log_deleted_at.filter(|_| model.log_seq > 0).map(Timestamp),
    }))
}
