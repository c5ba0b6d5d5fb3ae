//! Training runs: planned, asked for, watched, stopped, tried again.

mod bulk;
mod compare;
mod decide;
mod estimate;
mod plan;
mod seeds;
mod table;
mod views;

pub use bulk::act;
pub use compare::{compare, curves};
pub use decide::{slices, threshold};
pub use seeds::{repeat, seeds};
pub use table::{columns, table};
pub use views::{change_view, delete_view, list_views, mark, save_view};

use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
    datasets::{no_version, splits},
};
use trainyard_store::{self as store, audit, fresh_id, jobs::Cancel, now};
use trainyard_types::{
    Action, Code, DatasetVersionId, FieldProblem, JobId, Page, PageQuery, Problem, ResourceName, RunId, Slug,
    dataset::Severity,
    home::{ActivityJob, ActivityView},
    job::JobState,
    rules::RuleView,
    run::{LogLine, MetricSeries, NewRun, RunCursor, RunPlan, RunSummary, RunUpdate, RunView, TrainSettings},
};

/// Points and log lines of one update at most; the rest comes with the next.
const UPDATE_POINTS: u64 = 5_000;
const UPDATE_LINES: u64 = 500;
/// Log lines of one answer at most.
const LOG_LINES: u64 = 2_000;
/// Jobs that the top bar and the home page list.
const LISTED: u64 = 10;

/// What a run with these settings would do. Nothing is stored; an empty target asks for the queue's state alone.
///
/// # Errors
/// There is no such version for the caller.
pub async fn plan(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    version: DatasetVersionId,
    settings: TrainSettings,
) -> Result<RunPlan, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let source = store::datasets::source(ctx.store().db(), scope.project, version).await?.ok_or_else(no_version)?;
    let (settings, kept) = splits::resolve(ctx, scope.project, version, settings).await?;
    plan::make(ctx, &source, &settings, kept).await
}

/// Queues a run. What the plan calls critical refuses it.
///
/// # Errors
/// There is no such version for the caller; the settings can't be trained.
pub async fn create(ctx: &Ctx, actor: &Actor, project: &Slug, input: NewRun) -> Result<RunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    queue(ctx, actor, &scope, input, None).await
}

/// Queues a run whose model is registered under a name when it succeeds.
pub(crate) async fn queue(
    ctx: &Ctx,
    actor: &Actor,
    scope: &Scope,
    input: NewRun,
    register_as: Option<String>,
) -> Result<RunView, Problem> {
    let source = store::datasets::source(ctx.store().db(), scope.project, input.dataset_version)
        .await?
        .ok_or_else(no_version)?;
    if input.settings.target.is_empty() {
        return Err(Problem::field("target", "Choose the column to predict."));
    }
    let (mut settings, kept) = splits::resolve(ctx, scope.project, input.dataset_version, input.settings).await?;
    let plan = plan::make(ctx, &source, &settings, kept).await?;
    let fields: Vec<FieldProblem> = plan
        .warnings
        .iter()
        .filter(|warning| warning.severity == Severity::Critical)
        .map(|warning| FieldProblem { field: warning.kind.clone(), message: warning.message.clone() })
        .collect();
    if let Some(first) = fields.first() {
        return Err(Problem { code: Code::Invalid, message: first.message.clone(), fields });
    }
    settings.task = plan.task;
    if settings.protected.is_empty() {
        settings.protected = plan::protected(&source, &settings);
    }
    let name = match input.name {
        Some(name) => name.to_string(),
        None => shortened(&format!("{} · {}", source.dataset_name, settings.family.title())),
    };
    let id = RunId(fresh_id());
    let tx = ctx.store().begin().await?;
    let row = store::runs::NewRun {
        id,
        job: JobId(fresh_id()),
        project: scope.project,
        dataset: source.dataset,
        dataset_version: input.dataset_version,
        name: name.clone(),
        settings: &settings,
        code_version: &ctx.settings().code_version,
        register_as,
        created_at: now(),
        created_by: actor.name.clone(),
    };
    store::runs::create(&tx, row).await?;
    let view = store::runs::view(&*tx, scope.project, id).await?.ok_or_else(no_run)?;
    let summary = format!(
        "Asked for run '{name}': {} from version {} of '{}'.",
        settings.target, source.number, source.dataset_name
    );
    let event = actor.event("run.create", format!("run/{id}"), summary).in_project(&scope.slug).after(&settings);
    audit::append(&tx, event).await?;
    tx.commit().await?;
    ctx.wake().notify_one();
    Ok(view)
}

/// At most as long as a name may be.
fn shortened(name: &str) -> String {
    name.chars().take(128).collect()
}

/// The project's runs. Sorts by `created`, `name`, `score`, `seconds`, `target`, `family`, `dataset`; `state` is a job's.
///
/// # Errors
/// There is no such project for the caller; `state` is none.
pub async fn list(ctx: &Ctx, actor: &Actor, project: &Slug, query: &PageQuery) -> Result<Page<RunSummary>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    table::read_state(&query.state)?;
    Ok(store::runs::list(ctx.store(), scope.project, query).await?)
}

/// One run, whole, but for its curves and its log.
///
/// # Errors
/// There is none for the caller.
pub async fn view(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId) -> Result<RunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    store::runs::view(ctx.store().db(), scope.project, run).await?.ok_or_else(no_run)
}

/// The run's curves, each thinned to 1,500 points.
///
/// # Errors
/// There is no such run for the caller.
pub async fn metrics(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId) -> Result<Vec<MetricSeries>, Problem> {
    readable(ctx, actor, project, run).await?;
    Ok(store::metrics::curves(ctx.store().db(), run).await?)
}

/// What rules find in the run: while it trains by its curves, afterwards by its result as well. What was found comes first.
///
/// # Errors
/// There is no such run for the caller.
pub async fn rules(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId) -> Result<Vec<RuleView>, Problem> {
    let result = view(ctx, actor, project, run).await?.result;
    let curves = store::metrics::curves(ctx.store().db(), run).await?;
    Ok(trainyard_assess::rules::rules(&curves, result.as_ref()))
}

/// Log lines after the one numbered `after` (below zero: the last ones), 2,000 at most; with words, only lines that hold
/// them in any case.
///
/// # Errors
/// There is no such run for the caller.
pub async fn log(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    run: RunId,
    after: i64,
    limit: u64,
    q: &str,
) -> Result<Vec<LogLine>, Problem> {
    readable(ctx, actor, project, run).await?;
    Ok(store::logs::read(ctx.store().db(), run, after, limit.clamp(1, LOG_LINES), q).await?)
}

/// What is new in a run since `cursor`, and where to go on. Once the run has ended and all is read, `ended` is set.
///
/// # Errors
/// There is no such run for the caller.
pub async fn updates(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    run: RunId,
    cursor: RunCursor,
) -> Result<(RunUpdate, RunCursor), Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    // The job first: what was written before it ended is seen below.
    let (job, device, device_reason) = store::runs::pulse(db, scope.project, run).await?.ok_or_else(no_run)?;
    let (points, last_point) = store::metrics::since(db, run, cursor.points, UPDATE_POINTS).await?;
    let log = store::logs::read(db, run, cursor.log.max(0), UPDATE_LINES, "").await?;
    let next = RunCursor { points: last_point, log: log.last().map_or(cursor.log, |line| line.seq) };
    let all = (points.len() as u64) < UPDATE_POINTS && (log.len() as u64) < UPDATE_LINES;
    let ended = job.state.is_final() && all;
    Ok((RunUpdate { job, device, device_reason, points, log, ended }, next))
}

/// Stops a run: at once where it waits, otherwise its worker stops it within seconds. Asking twice is no error.
///
/// # Errors
/// There is no such run for the caller; it has ended.
pub async fn cancel(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId) -> Result<RunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let tx = ctx.store().begin().await?;
    let reason = format!("Cancelled by {}.", actor.name);
    let outcome = store::jobs::request_cancel(&tx, run, &reason, now()).await?;
    let view = store::runs::view(&*tx, scope.project, run).await?.ok_or_else(no_run)?;
    let summary = match outcome {
        None => return Err(no_run()),
        Some(Cancel::TooLate) => {
            return Err(Problem::conflict("This run has ended; there is nothing to cancel."));
        }
        Some(Cancel::Done) => format!("Cancelled run '{}' before it started.", view.summary.name),
        Some(Cancel::Requested) => format!("Asked run '{}' to stop.", view.summary.name),
    };
    let event = actor.event("run.cancel", format!("run/{run}"), summary);
    audit::append(&tx, event.in_project(&scope.slug)).await?;
    tx.commit().await?;
    Ok(view)
}

/// Holds a run back, or lets it go on: one that waits is not started, one that runs writes a checkpoint, gives its device up
/// and goes on from there when it is resumed.
///
/// # Errors
/// There is no such run for the caller; it has ended, or is as it is asked to be.
pub async fn pause(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId, paused: bool) -> Result<RunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let tx = ctx.store().begin().await?;
    let name = store::runs::view(&*tx, scope.project, run).await?.ok_or_else(no_run)?.summary.name;
    let reason = paused.then(|| format!("Paused by {}.", actor.name));
    if !store::jobs::pause(&tx, run, paused, reason.as_deref()).await? {
        return Err(Problem::conflict(match paused {
            true => "This run has ended, or is paused or being cancelled already.",
            false => "This run is not paused.",
        }));
    }
    let (action, summary) = match paused {
        true => ("run.pause", format!("Paused run '{name}'.")),
        false => ("run.resume", format!("Let run '{name}' go on.")),
    };
    let event = actor.event(action, format!("run/{run}"), summary);
    audit::append(&tx, event.in_project(&scope.slug)).await?;
    let view = store::runs::view(&*tx, scope.project, run).await?.ok_or_else(no_run)?;
    tx.commit().await?;
    ctx.wake().notify_one();
    Ok(view)
}

/// Asks for the same again, as a new run: a run that ended never changes.
///
/// # Errors
/// There is no such run for the caller; it has not ended.
pub async fn retry(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId) -> Result<RunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let db = ctx.store().db();
    let before = store::runs::view(db, scope.project, run).await?.ok_or_else(no_run)?;
    if !before.summary.job.state.is_final() {
        return Err(Problem::conflict("This run has not ended. Cancel it first, or wait."));
    }
    let register_as = match before.registered.is_empty() {
        true => store::runs::work(db, run).await?.and_then(|work| work.register_as),
        false => None,
    };
    let again = NewRun {
        name: ResourceName::parse(&before.summary.name).ok(),
        dataset_version: before.dataset_version_id,
        settings: before.settings,
    };
    queue(ctx, actor, &scope, again, register_as).await
}

/// What is going on in the project, for the top bar.
///
/// # Errors
/// There is no such project for the caller.
pub async fn activity(ctx: &Ctx, actor: &Actor, project: &Slug) -> Result<ActivityView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    let counts = store::jobs::counts(db, Some(scope.project)).await?;
    let of = |state| counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, n)| *n);
    let (running, queued) = (of(JobState::Running), of(JobState::Queued));
    let jobs = if running + queued == 0 {
        Vec::new()
    } else {
        store::runs::in_states(db, scope.project, &[JobState::Running, JobState::Queued], LISTED).await?
    };
    let jobs = jobs
        .into_iter()
        .map(|run| ActivityJob {
            job: run.job.id,
            run: run.id,
            name: run.name,
            state: run.job.state,
            progress: run.job.progress,
        })
        .collect();
    Ok(ActivityView { running, queued, jobs })
}

async fn readable(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId) -> Result<(), Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    store::runs::state(ctx.store().db(), scope.project, run).await?.ok_or_else(no_run)?;
    Ok(())
}

fn no_run() -> Problem {
    Problem::not_found("There is no such run in this project.")
}
