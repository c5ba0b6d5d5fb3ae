//! Runs of pipelines: asked for, watched, stopped, tried again, approved.

use super::{find, values};
use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
};
use trainyard_store::{
    self as store, Tx, audit, fresh_id, now,
    pipelines::{Kept, runs::NewRun},
};
use trainyard_types::{
    Action, Code, PipelineId, PipelineRunId, Problem, Slug,
    pipeline::{
        ApprovalView, Decide, NewPipelineRun, PipelineRunState, PipelineRunSummary, PipelineRunUpdate, PipelineRunView,
        StepId, StepLogLine, StepState, Values,
    },
};

/// Runs that a list holds at most.
const LISTED: u64 = 200;
/// Log lines of one answer at most.
const LOG_LINES: u64 = 2_000;

/// Queues a run of the newest version.
///
/// # Errors
/// There is no such pipeline for the caller, the caller may not write, or a parameter does not fit.
pub async fn start(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: PipelineId,
    input: NewPipelineRun,
) -> Result<PipelineRunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let kept = find(ctx, &scope, id).await?;
    let values = values(ctx, &kept.document, input.parameters, input.partition.as_deref())?;
    let asked = Asked {
        partition: input.partition.as_deref(),
        cause: "by hand".into(),
        occasion: None,
        depth: 0,
        values: &values,
        no_cache: input.no_cache,
    };
    let tx = ctx.store().begin().await?;
    let run = enqueue(&tx, actor, &scope, &kept, &asked).await?.ok_or_else(no_run)?;
    tx.commit().await?;
    ctx.wake().notify_one();
    store::pipelines::runs::view(ctx.store().db(), scope.project, run).await?.ok_or_else(no_run)
}

/// A run that somebody or something asks for.
pub(super) struct Asked<'a> {
    pub(super) partition: Option<&'a str>,
    pub(super) cause: String,
    pub(super) occasion: Option<String>,
    pub(super) depth: i32,
    pub(super) values: &'a Values,
    pub(super) no_cache: bool,
}

pub(super) async fn insert(
    tx: &Tx,
    by: &str,
    kept: &Kept,
    asked: &Asked<'_>,
) -> Result<Option<PipelineRunId>, Problem> {
    let id = PipelineRunId(fresh_id());
    let new = NewRun {
        id,
        partition: asked.partition,
        cause: asked.cause.clone(),
        occasion: asked.occasion.clone(),
        depth: asked.depth,
        values: asked.values,
        no_cache: asked.no_cache,
        at: now(),
        by,
    };
    Ok(store::pipelines::runs::enqueue(tx, kept.id, new).await?.then_some(id))
}

/// Queues a run with its audit event; none where the occasion has its run.
pub(super) async fn enqueue(
    tx: &Tx,
    actor: &Actor,
    scope: &Scope,
    kept: &Kept,
    asked: &Asked<'_>,
) -> Result<Option<PipelineRunId>, Problem> {
    let Some(id) = insert(tx, &actor.name, kept, asked).await? else { return Ok(None) };
    append_asked(tx, actor, scope, kept, asked, id).await?;
    Ok(Some(id))
}

pub(super) async fn append_asked(
    tx: &Tx,
    actor: &Actor,
    scope: &Scope,
    kept: &Kept,
    asked: &Asked<'_>,
    id: PipelineRunId,
) -> Result<(), Problem> {
    let partition = asked.partition.map(|name| format!(" for {name}")).unwrap_or_default();
    let summary = format!("Asked for a run of pipeline '{}'{partition}: {}.", kept.document.name, asked.cause);
    let event = actor.event("pipeline.run", format!("pipeline_run/{id}"), summary).in_project(&scope.slug);
    audit::append(tx, event.after(asked.values)).await?;
    Ok(())
}

/// The pipeline's last 200 runs, newest first.
///
/// # Errors
/// There is no such pipeline for the caller.
pub async fn list(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: PipelineId,
) -> Result<Vec<PipelineRunSummary>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    find(ctx, &scope, id).await?;
    Ok(store::pipelines::runs::list(ctx.store().db(), id, LISTED).await?)
}

/// One run, whole, but for its log.
///
/// # Errors
/// There is none for the caller.
pub async fn view(ctx: &Ctx, actor: &Actor, project: &Slug, run: PipelineRunId) -> Result<PipelineRunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    found(ctx, &scope, run).await
}

async fn found(ctx: &Ctx, scope: &Scope, run: PipelineRunId) -> Result<PipelineRunView, Problem> {
    store::pipelines::runs::view(ctx.store().db(), scope.project, run).await?.ok_or_else(no_run)
}

/// Log lines after the one numbered `after`, oldest first, 2,000 at most.
///
/// # Errors
/// There is no such run for the caller.
pub async fn log(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    run: PipelineRunId,
    after: i64,
) -> Result<Vec<StepLogLine>, Problem> {
    view(ctx, actor, project, run).await?;
    Ok(store::pipelines::logs::read(ctx.store().db(), run, after, LOG_LINES).await?)
}

/// The run as it stands with the log lines after `after`.
///
/// # Errors
/// There is no such run for the caller.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    run: PipelineRunId,
    after: i64,
) -> Result<PipelineRunUpdate, Problem> {
    // The run first: what was logged before it ended is seen below.
    let view = view(ctx, actor, project, run).await?;
    let log = store::pipelines::logs::read(ctx.store().db(), run, after, LOG_LINES).await?;
    Ok(PipelineRunUpdate { run: view, log })
}

/// Stops a run: at once where it waits, otherwise its worker stops it within seconds.
///
/// # Errors
/// There is no such run for the caller; it has ended.
pub async fn cancel(ctx: &Ctx, actor: &Actor, project: &Slug, run: PipelineRunId) -> Result<PipelineRunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let before = found(ctx, &scope, run).await?;
    let tx = ctx.store().begin().await?;
    if !store::pipelines::runs::request_cancel(&tx, run, now()).await? {
        return Err(Problem::conflict("This run has ended; there is nothing to cancel."));
    }
    append(&tx, actor, &scope, "pipeline.cancel", &before, "Asked to stop").await?;
    tx.commit().await?;
    found(ctx, &scope, run).await
}

/// Goes on with a run from the steps that failed or were not reached: what is done is found in the cache.
///
/// # Errors
/// There is no such run for the caller; it has not ended, or went well.
pub async fn retry(ctx: &Ctx, actor: &Actor, project: &Slug, run: PipelineRunId) -> Result<PipelineRunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let before = found(ctx, &scope, run).await?;
    if !matches!(before.summary.state, PipelineRunState::Failed | PipelineRunState::Cancelled) {
        return Err(Problem::conflict("Only a run that failed or was cancelled can go on. Start a new one."));
    }
    let tx = ctx.store().begin().await?;
    // A refusal is taken back by asking again.
    let kept: Vec<ApprovalView> = before.approvals.iter().filter(|approval| approval.approved).cloned().collect();
    store::pipelines::runs::set_approvals(&tx, run, &kept).await?;
    if !store::pipelines::runs::requeue(&tx, run, None).await? {
        return Err(Problem::conflict("Somebody else retried this run at the same time."));
    }
    append(&tx, actor, &scope, "pipeline.retry", &before, "Retried").await?;
    tx.commit().await?;
    ctx.wake().notify_one();
    found(ctx, &scope, run).await
}

/// Lets a run go on past an approval step, or ends it there.
///
/// # Errors
/// There is no such run for the caller, the caller is no approver, the step does not wait, or a refusal has no reason.
pub async fn decide(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    run: PipelineRunId,
    step: &StepId,
    input: Decide,
) -> Result<PipelineRunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Approve).await?;
    let reason = input.reason.trim().to_owned();
    if reason.chars().count() > 500 || (!input.approve && reason.chars().count() < 3) {
        return Err(Problem::field("reason", "Say in 3 to 500 characters why; it stands in the audit trail."));
    }
    let tx = ctx.store().begin().await?;
    let before = store::pipelines::runs::view(&*tx, scope.project, run).await?.ok_or_else(no_run)?;
    let waits = before.summary.state == PipelineRunState::Waiting
        && before.steps.iter().any(|report| report.id == *step && report.state == StepState::Waiting);
    if !waits {
        return Err(Problem::conflict(format!("Step '{step}' does not wait for an approval.")));
    }
    let decided = ApprovalView {
        step: step.clone(),
        approved: input.approve,
        reason: reason.clone(),
        decided_at: now(),
        decided_by: actor.name.clone(),
    };
    let mut all = before.approvals.clone();
    all.retain(|known| known.step != *step);
    all.push(decided.clone());
    store::pipelines::runs::set_approvals(&tx, run, &all).await?;
    let moved = if input.approve {
        store::pipelines::runs::requeue(&tx, run, None).await?
    } else {
        let message = format!("{} refused step '{step}': {reason}", actor.name);
        store::pipelines::runs::refuse(&tx, run, &Problem::new(Code::Forbidden, message), now()).await?
    };
    if !moved {
        return Err(Problem::conflict("Somebody else decided at the same time."));
    }
    let (action, verb) = if input.approve {
        ("pipeline.approve", format!("Approved step '{step}'"))
    } else {
        ("pipeline.refuse", format!("Refused step '{step}' ({reason})"))
    };
    append(&tx, actor, &scope, action, &before, &verb).await?;
    tx.commit().await?;
    ctx.wake().notify_one();
    found(ctx, &scope, run).await
}

async fn append(
    tx: &Tx,
    actor: &Actor,
    scope: &Scope,
    action: &str,
    run: &PipelineRunView,
    verb: &str,
) -> Result<(), Problem> {
    let summary = format!("{verb}: run {} of pipeline '{}'.", run.summary.number, run.summary.pipeline_name);
    let event = actor.event(action, format!("pipeline_run/{}", run.summary.id), summary);
    audit::append(tx, event.in_project(&scope.slug).before(&run.summary)).await?;
    Ok(())
}

pub(super) fn no_run() -> Problem {
    Problem::not_found("There is no such run of a pipeline in this project.")
}
