//! Training runs.

use super::events;
use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Body, ErrorBody, Path, Query},
    list::{Format, list},
    state::AppState,
};
use axum::{Json, extract::State, response::Response};
use http::StatusCode;
use serde::Deserialize;
use trainyard_service::{Ctx, home, leakage, runs};
use trainyard_types::{
    DatasetVersionId, Page, PageQuery, RunId, Slug,
    decision::ThresholdFigures,
    home::{ActivityView, HomeView},
    leakage::LeakageReport,
    rules::RuleView,
    run::*,
    seeds::{RepeatRun, SeedsView},
    slices::SliceReport,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_home))
        .routes(routes!(get_activity))
        .routes(routes!(plan_run))
        .routes(routes!(find_leaks))
        .routes(routes!(list_runs, create_run))
        .routes(routes!(get_run))
        .routes(routes!(get_run_metrics))
        .routes(routes!(get_run_log))
        .routes(routes!(get_run_threshold))
        .routes(routes!(get_run_slices))
        .routes(routes!(events::stream_run))
        .routes(routes!(cancel_run))
        .routes(routes!(retry_run))
        .routes(routes!(pause_run))
        .routes(routes!(resume_run))
        .routes(routes!(get_run_seeds, repeat_run))
        .routes(routes!(get_run_rules))
}

/// What a run would be.
#[derive(Deserialize, utoipa::ToSchema)]
struct PlanRun {
    dataset_version: DatasetVersionId,
    settings: TrainSettings,
}

/// Which log lines.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(default)]
struct LogQuery {
    /// Lines after the one with this number; below zero: the last ones.
    after: i64,
    /// Lines at most.
    limit: u64,
    /// Only lines with these words.
    q: String,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self { after: 0, limit: 500, q: String::new() }
    }
}

/// The project at a glance.
#[utoipa::path(get, path = "/api/v1/projects/{project}/home", tag = "projects", params(("project" = Slug, Path)),
    responses((status = 200, body = HomeView)))]
async fn get_home(State(ctx): State<Ctx>, Caller(actor): Caller, Path(project): Path<Slug>) -> Answer<HomeView> {
    Ok(Json(home::view(&ctx, &actor, &project).await?))
}

/// Jobs that run or wait.
#[utoipa::path(get, path = "/api/v1/projects/{project}/activity", tag = "projects", params(("project" = Slug, Path)),
    responses((status = 200, body = ActivityView)))]
async fn get_activity(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
) -> Answer<ActivityView> {
    Ok(Json(runs::activity(&ctx, &actor, &project).await?))
}

/// Says what a run would do, without training anything.
#[utoipa::path(post, path = "/api/v1/projects/{project}/runs/plan", tag = "runs", params(("project" = Slug, Path)),
    request_body = PlanRun, responses((status = 200, body = RunPlan), (status = 422, body = ErrorBody)))]
async fn plan_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Body(PlanRun { dataset_version, settings }): Body<PlanRun>,
) -> Answer<RunPlan> {
    Ok(Json(runs::plan(&ctx, &actor, &project, dataset_version, settings).await?))
}

/// The project's runs.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs", tag = "runs",
    params(("project" = Slug, Path), PageQuery, Format), responses((status = 200, body = Page<RunSummary>)))]
async fn list_runs(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Query(query): Query<PageQuery>,
    Query(format): Query<Format>,
) -> Result<Response, ApiError> {
    list("runs", &format, query, async |query| runs::list(&ctx, &actor, &project, &query).await).await
}

/// Asks for a run; it waits in the queue.
#[utoipa::path(post, path = "/api/v1/projects/{project}/runs", tag = "runs", params(("project" = Slug, Path)),
    request_body = NewRun, responses((status = 201, body = RunView), (status = 422, body = ErrorBody)))]
async fn create_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Body(input): Body<NewRun>,
) -> Result<(StatusCode, Json<RunView>), ApiError> {
    Ok((StatusCode::CREATED, Json(runs::create(&ctx, &actor, &project, input).await?)))
}

/// One run, with its result once it has ended.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/{run}", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)),
    responses((status = 200, body = RunView), (status = 404, body = ErrorBody)))]
async fn get_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
) -> Answer<RunView> {
    Ok(Json(runs::view(&ctx, &actor, &project, run).await?))
}

/// A run's curves.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/{run}/metrics", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)), responses((status = 200, body = Vec<MetricSeries>)))]
async fn get_run_metrics(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
) -> Answer<Vec<MetricSeries>> {
    Ok(Json(runs::metrics(&ctx, &actor, &project, run).await?))
}

/// A run's log.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/{run}/log", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path), LogQuery), responses((status = 200, body = Vec<LogLine>)))]
async fn get_run_log(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
    Query(LogQuery { after, limit, q }): Query<LogQuery>,
) -> Answer<Vec<LogLine>> {
    Ok(Json(runs::log(&ctx, &actor, &project, run, after, limit, &q).await?))
}

/// Which threshold.
#[derive(Deserialize, utoipa::IntoParams)]
struct ThresholdQuery {
    /// 0 to 1; left out: the one that was chosen.
    at: Option<f64>,
}

/// What the test rows say at another threshold: at the nearest of those that the run stored.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/{run}/threshold", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path), ThresholdQuery),
    responses((status = 200, body = ThresholdFigures), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn get_run_threshold(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
    Query(ThresholdQuery { at }): Query<ThresholdQuery>,
) -> Answer<ThresholdFigures> {
    Ok(Json(runs::threshold(&ctx, &actor, &project, run, at).await?))
}

/// How the model does on groups of the test rows, and where it is weak.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/{run}/slices", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)),
    responses((status = 200, body = SliceReport), (status = 404, body = ErrorBody)))]
async fn get_run_slices(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
) -> Answer<SliceReport> {
    Ok(Json(runs::slices(&ctx, &actor, &project, run).await?))
}

/// Stops a run.
#[utoipa::path(post, path = "/api/v1/projects/{project}/runs/{run}/cancel", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)),
    responses((status = 200, body = RunView), (status = 409, body = ErrorBody)))]
async fn cancel_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
) -> Answer<RunView> {
    Ok(Json(runs::cancel(&ctx, &actor, &project, run).await?))
}

/// Asks for the same again, as a new run.
#[utoipa::path(post, path = "/api/v1/projects/{project}/runs/{run}/retry", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)),
    responses((status = 201, body = RunView), (status = 409, body = ErrorBody)))]
async fn retry_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
) -> Result<(StatusCode, Json<RunView>), ApiError> {
    Ok((StatusCode::CREATED, Json(runs::retry(&ctx, &actor, &project, run).await?)))
}

/// Looks for what a model could know that it can't know in use: columns that tell the target, copies across parts, shared
/// groups, times that overlap, drift.
#[utoipa::path(post, path = "/api/v1/projects/{project}/runs/leakage", tag = "runs", params(("project" = Slug, Path)),
    request_body = PlanRun, responses((status = 200, body = LeakageReport), (status = 422, body = ErrorBody)))]
async fn find_leaks(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Body(PlanRun { dataset_version, settings }): Body<PlanRun>,
) -> Answer<LeakageReport> {
    Ok(Json(leakage::of_version(&ctx, &actor, &project, dataset_version, settings).await?))
}

/// The runs that differ from this one in the seed alone, with mean and standard deviation of their scores.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/{run}/seeds", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)),
    responses((status = 200, body = SeedsView), (status = 404, body = ErrorBody)))]
async fn get_run_seeds(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
) -> Answer<SeedsView> {
    Ok(Json(runs::seeds(&ctx, &actor, &project, run).await?))
}

/// Asks for the same run with further seeds; answers the new runs.
#[utoipa::path(post, path = "/api/v1/projects/{project}/runs/{run}/seeds", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)), request_body = RepeatRun,
    responses((status = 201, body = Vec<RunId>), (status = 422, body = ErrorBody)))]
async fn repeat_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
    Body(RepeatRun { more }): Body<RepeatRun>,
) -> Result<(StatusCode, Json<Vec<RunId>>), ApiError> {
    Ok((StatusCode::CREATED, Json(runs::repeat(&ctx, &actor, &project, run, more).await?)))
}

/// What rules find in a run, live and afterwards; what was found comes first.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/{run}/rules", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)),
    responses((status = 200, body = Vec<RuleView>), (status = 404, body = ErrorBody)))]
async fn get_run_rules(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
) -> Answer<Vec<RuleView>> {
    Ok(Json(runs::rules(&ctx, &actor, &project, run).await?))
}

/// Holds a run back: it gives its device up, and goes on from its last checkpoint when it is resumed.
#[utoipa::path(post, path = "/api/v1/projects/{project}/runs/{run}/pause", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)),
    responses((status = 200, body = RunView), (status = 409, body = ErrorBody)))]
async fn pause_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
) -> Answer<RunView> {
    Ok(Json(runs::pause(&ctx, &actor, &project, run, true).await?))
}

/// Lets a run go on that was paused.
#[utoipa::path(post, path = "/api/v1/projects/{project}/runs/{run}/resume", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path)),
    responses((status = 200, body = RunView), (status = 409, body = ErrorBody)))]
async fn resume_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
) -> Answer<RunView> {
    Ok(Json(runs::pause(&ctx, &actor, &project, run, false).await?))
}
