//! Pipelines and their runs.

use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Body, ErrorBody, Path, Query},
    state::AppState,
};
use axum::{
    Json,
    extract::{ConnectInfo, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use trainyard_service::{
    Ctx,
    pipelines::{self, partitions, runs, starts},
};
use trainyard_types::{PageQuery, PipelineId, PipelineRunId, Problem, Slug, pipeline::*};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_pipelines, save_pipeline))
        .routes(routes!(read_pipeline))
        .routes(routes!(preview_step))
        .routes(routes!(get_pipeline))
        .routes(routes!(get_pipeline_yaml))
        .routes(routes!(pause_pipeline))
        .routes(routes!(make_webhook))
        .routes(routes!(list_pipeline_runs, start_pipeline))
        .routes(routes!(backfill_pipeline))
        .routes(routes!(list_partitions))
        .routes(routes!(get_pipeline_run))
        .routes(routes!(get_pipeline_log))
        .routes(routes!(cancel_pipeline_run))
        .routes(routes!(retry_pipeline_run))
        .routes(routes!(decide_step))
        .routes(routes!(start_by_webhook))
        .routes(routes!(list_step_kinds))
        .routes(routes!(pipeline_schema))
}

/// The project's pipelines, by name.
#[utoipa::path(get, path = "/api/v1/projects/{project}/pipelines", tag = "pipelines",
    params(("project" = Slug, Path)), responses((status = 200, body = Vec<PipelineSummary>)))]
async fn list_pipelines(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
) -> Answer<Vec<PipelineSummary>> {
    Ok(Json(pipelines::list(&ctx, &actor, &project).await?))
}

/// Saves a document, YAML or JSON, as a new pipeline or as the next version of the one of its name.
#[utoipa::path(post, path = "/api/v1/projects/{project}/pipelines", tag = "pipelines",
    params(("project" = Slug, Path)), request_body = SavePipeline,
    responses((status = 200, body = PipelineView), (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn save_pipeline(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Body(input): Body<SavePipeline>,
) -> Answer<PipelineView> {
    Ok(Json(pipelines::save(&ctx, &actor, &project, input).await?))
}

/// A document as text.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct DocumentText {
    /// YAML or JSON.
    document: String,
}

/// A document in both its forms.
#[derive(Serialize, utoipa::ToSchema)]
struct DocumentRead {
    document: Pipeline,
    yaml: String,
}

/// Reads a document and checks it; nothing is stored. Faults come with their lines.
#[utoipa::path(post, path = "/api/v1/pipelines/read", tag = "pipelines", request_body = DocumentText,
    responses((status = 200, body = DocumentRead), (status = 422, body = ErrorBody)))]
async fn read_pipeline(
    State(ctx): State<Ctx>,
    Caller(_): Caller,
    Body(input): Body<DocumentText>,
) -> Answer<DocumentRead> {
    let (document, yaml) = pipelines::read(&ctx, &input.document)?;
    Ok(Json(DocumentRead { document, yaml }))
}

/// A step to be shown on the first rows.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PreviewStep {
    /// YAML or JSON.
    document: String,
    step: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Values,
    #[serde(default)]
    partition: Option<String>,
}

/// The first rows of a step, made from the first rows of each source.
#[utoipa::path(post, path = "/api/v1/projects/{project}/pipelines/preview", tag = "pipelines",
    params(("project" = Slug, Path)), request_body = PreviewStep,
    responses((status = 200, body = StepPreview), (status = 422, body = ErrorBody)))]
async fn preview_step(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Body(input): Body<PreviewStep>,
) -> Answer<StepPreview> {
    let PreviewStep { document, step, parameters, partition } = input;
    let shown = pipelines::preview(&ctx, &actor, &project, &document, &step, parameters, partition.as_deref()).await?;
    Ok(Json(shown))
}

/// A pipeline with its newest document.
#[utoipa::path(get, path = "/api/v1/projects/{project}/pipelines/{pipeline}", tag = "pipelines",
    params(("project" = Slug, Path), ("pipeline" = PipelineId, Path)),
    responses((status = 200, body = PipelineView), (status = 404, body = ErrorBody)))]
async fn get_pipeline(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, id)): Path<(Slug, PipelineId)>,
) -> Answer<PipelineView> {
    Ok(Json(pipelines::view(&ctx, &actor, &project, id).await?))
}

/// One version's document, as it was saved.
#[utoipa::path(get, path = "/api/v1/projects/{project}/pipelines/{pipeline}/versions/{number}", tag = "pipelines",
    params(("project" = Slug, Path), ("pipeline" = PipelineId, Path), ("number" = i32, Path)),
    responses((status = 200, body = String, content_type = "application/yaml"), (status = 404, body = ErrorBody)))]
async fn get_pipeline_yaml(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, id, number)): Path<(Slug, PipelineId, i32)>,
) -> Result<Response, ApiError> {
    let yaml = pipelines::version_yaml(&ctx, &actor, &project, id, number).await?;
    Ok(([(header::CONTENT_TYPE, "application/yaml; charset=utf-8")], yaml).into_response())
}

/// Whether a pipeline starts by itself.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Pause {
    paused: bool,
}

/// Pauses the schedule and the triggers, or lets them go on.
#[utoipa::path(put, path = "/api/v1/projects/{project}/pipelines/{pipeline}/paused", tag = "pipelines",
    params(("project" = Slug, Path), ("pipeline" = PipelineId, Path)), request_body = Pause,
    responses((status = 200, body = PipelineView), (status = 403, body = ErrorBody)))]
async fn pause_pipeline(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, id)): Path<(Slug, PipelineId)>,
    Body(input): Body<Pause>,
) -> Answer<PipelineView> {
    Ok(Json(pipelines::pause(&ctx, &actor, &project, id, input.paused).await?))
}

/// The address that starts a pipeline.
#[derive(Serialize, utoipa::ToSchema)]
struct WebhookAddress {
    /// To be sent a POST, with parameters as JSON or nothing. It is shown this once; who has it can start the pipeline.
    path: String,
}

/// Makes a new secret address that starts the pipeline; an earlier one ends.
#[utoipa::path(post, path = "/api/v1/projects/{project}/pipelines/{pipeline}/webhook", tag = "pipelines",
    params(("project" = Slug, Path), ("pipeline" = PipelineId, Path)),
    responses((status = 200, body = WebhookAddress), (status = 409, body = ErrorBody)))]
async fn make_webhook(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, id)): Path<(Slug, PipelineId)>,
) -> Answer<WebhookAddress> {
    let secret = starts::make_webhook(&ctx, &actor, &project, id).await?;
    Ok(Json(WebhookAddress { path: format!("/api/v1/hooks/{secret}") }))
}

/// A run that was started.
#[derive(Serialize, utoipa::ToSchema)]
struct StartedRun {
    run: PipelineRunId,
}

/// Starts the pipeline that the secret address belongs to. The body may be parameters as a JSON object.
#[utoipa::path(post, path = "/api/v1/hooks/{secret}", tag = "pipelines", security(()),
    params(("secret" = String, Path)), request_body(content = Object, description = "Parameters; may be left out."),
    responses((status = 202, body = StartedRun), (status = 404, body = ErrorBody)))]
async fn start_by_webhook(
    State(ctx): State<Ctx>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Path(secret): Path<String>,
    body: bytes::Bytes,
) -> Result<Response, ApiError> {
    let given: Values = match body.is_empty() {
        true => Values::new(),
        false => serde_json::from_slice(&body)
            .map_err(|error| Problem::invalid(format!("The body is no JSON object of parameters: {error}.")))?,
    };
    let run = starts::webhook(&ctx, &from.ip().to_string(), &secret, given).await?;
    Ok((StatusCode::ACCEPTED, Json(StartedRun { run })).into_response())
}

/// The pipeline's last 200 runs, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{project}/pipelines/{pipeline}/runs", tag = "pipelines",
    params(("project" = Slug, Path), ("pipeline" = PipelineId, Path)),
    responses((status = 200, body = Vec<PipelineRunSummary>)))]
async fn list_pipeline_runs(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, id)): Path<(Slug, PipelineId)>,
) -> Answer<Vec<PipelineRunSummary>> {
    Ok(Json(runs::list(&ctx, &actor, &project, id).await?))
}

/// Queues a run of the newest version.
#[utoipa::path(post, path = "/api/v1/projects/{project}/pipelines/{pipeline}/runs", tag = "pipelines",
    params(("project" = Slug, Path), ("pipeline" = PipelineId, Path)), request_body = NewPipelineRun,
    responses((status = 201, body = PipelineRunView), (status = 422, body = ErrorBody)))]
async fn start_pipeline(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, id)): Path<(Slug, PipelineId)>,
    Body(input): Body<NewPipelineRun>,
) -> Result<(StatusCode, Json<PipelineRunView>), ApiError> {
    Ok((StatusCode::CREATED, Json(runs::start(&ctx, &actor, &project, id, input).await?)))
}

/// Queues a run of each of some partitions.
#[utoipa::path(post, path = "/api/v1/projects/{project}/pipelines/{pipeline}/backfill", tag = "pipelines",
    params(("project" = Slug, Path), ("pipeline" = PipelineId, Path)), request_body = Backfill,
    responses((status = 201, body = Vec<PipelineRunSummary>), (status = 422, body = ErrorBody)))]
async fn backfill_pipeline(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, id)): Path<(Slug, PipelineId)>,
    Body(input): Body<Backfill>,
) -> Result<(StatusCode, Json<Vec<PipelineRunSummary>>), ApiError> {
    Ok((StatusCode::CREATED, Json(partitions::backfill(&ctx, &actor, &project, id, input).await?)))
}

/// The pipeline's partitions with the state of each one's last run; `state` may also be `never`.
#[utoipa::path(get, path = "/api/v1/projects/{project}/pipelines/{pipeline}/partitions", tag = "pipelines",
    params(("project" = Slug, Path), ("pipeline" = PipelineId, Path), PageQuery),
    responses((status = 200, body = PartitionPage), (status = 409, body = ErrorBody)))]
async fn list_partitions(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, id)): Path<(Slug, PipelineId)>,
    Query(query): Query<PageQuery>,
) -> Answer<PartitionPage> {
    Ok(Json(partitions::list(&ctx, &actor, &project, id, &query).await?))
}

/// One run with its steps.
#[utoipa::path(get, path = "/api/v1/projects/{project}/pipeline-runs/{run}", tag = "pipelines",
    params(("project" = Slug, Path), ("run" = PipelineRunId, Path)),
    responses((status = 200, body = PipelineRunView), (status = 404, body = ErrorBody)))]
async fn get_pipeline_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, PipelineRunId)>,
) -> Answer<PipelineRunView> {
    Ok(Json(runs::view(&ctx, &actor, &project, run).await?))
}

/// From where a log is read.
#[derive(Deserialize, utoipa::IntoParams)]
struct After {
    /// Only lines after the one of this number.
    #[serde(default)]
    after: i64,
}

/// What the run's steps said, oldest first, 2,000 lines at most.
#[utoipa::path(get, path = "/api/v1/projects/{project}/pipeline-runs/{run}/log", tag = "pipelines",
    params(("project" = Slug, Path), ("run" = PipelineRunId, Path), After),
    responses((status = 200, body = Vec<StepLogLine>)))]
async fn get_pipeline_log(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, PipelineRunId)>,
    Query(After { after }): Query<After>,
) -> Answer<Vec<StepLogLine>> {
    Ok(Json(runs::log(&ctx, &actor, &project, run, after).await?))
}

/// Stops a run.
#[utoipa::path(post, path = "/api/v1/projects/{project}/pipeline-runs/{run}/cancel", tag = "pipelines",
    params(("project" = Slug, Path), ("run" = PipelineRunId, Path)),
    responses((status = 200, body = PipelineRunView), (status = 409, body = ErrorBody)))]
async fn cancel_pipeline_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, PipelineRunId)>,
) -> Answer<PipelineRunView> {
    Ok(Json(runs::cancel(&ctx, &actor, &project, run).await?))
}

/// Goes on with a run that failed or was cancelled; what is done stays done.
#[utoipa::path(post, path = "/api/v1/projects/{project}/pipeline-runs/{run}/retry", tag = "pipelines",
    params(("project" = Slug, Path), ("run" = PipelineRunId, Path)),
    responses((status = 200, body = PipelineRunView), (status = 409, body = ErrorBody)))]
async fn retry_pipeline_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, PipelineRunId)>,
) -> Answer<PipelineRunView> {
    Ok(Json(runs::retry(&ctx, &actor, &project, run).await?))
}

/// Approves or refuses at an approval step (approvers and admins).
#[utoipa::path(post, path = "/api/v1/projects/{project}/pipeline-runs/{run}/steps/{step}/decision", tag = "pipelines",
    params(("project" = Slug, Path), ("run" = PipelineRunId, Path), ("step" = String, Path)), request_body = Decide,
    responses((status = 200, body = PipelineRunView), (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn decide_step(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run, step)): Path<(Slug, PipelineRunId, String)>,
    Body(input): Body<Decide>,
) -> Answer<PipelineRunView> {
    let step = StepId::parse(&step).map_err(Problem::invalid)?;
    Ok(Json(runs::decide(&ctx, &actor, &project, run, &step, input).await?))
}

/// The kinds of steps that documents can have.
#[utoipa::path(get, path = "/api/v1/pipelines/kinds", tag = "pipelines",
    responses((status = 200, body = Vec<StepKindView>)))]
async fn list_step_kinds(State(ctx): State<Ctx>, Caller(_): Caller) -> Answer<Vec<StepKindView>> {
    Ok(Json(pipelines::kinds(&ctx)?))
}

/// The JSON schema of documents, for editors.
#[utoipa::path(get, path = "/api/v1/pipelines/schema", tag = "pipelines", responses((status = 200, body = Object)))]
async fn pipeline_schema(State(ctx): State<Ctx>, Caller(_): Caller) -> Answer<serde_json::Value> {
    Ok(Json(pipelines::schema(&ctx)?))
}
