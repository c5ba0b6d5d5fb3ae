//! Checks of data sets.

use crate::web::{
    auth::Caller,
    errors::{Answer, Body, ErrorBody, Path, Query},
    state::AppState,
};
use axum::{Json, extract::State};
use serde::Deserialize;
use trainyard_service::{Ctx, checks};
use trainyard_types::{CheckRunId, DatasetId, DatasetVersionId, Slug, checks::*};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_check_suite, put_check_suite))
        .routes(routes!(list_check_runs))
        .routes(routes!(suggest_checks))
        .routes(routes!(run_checks))
        .routes(routes!(get_check_run))
        .routes(routes!(waive_checks))
}

/// The data set's suite of checks, as data and as YAML; null where there is none.
#[utoipa::path(get, path = "/api/v1/projects/{project}/datasets/{dataset}/checks", tag = "data",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path)),
    responses((status = 200, body = Option<SuiteView>), (status = 404, body = ErrorBody)))]
async fn get_check_suite(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
) -> Answer<Option<SuiteView>> {
    Ok(Json(checks::suite(&ctx, &actor, &project, dataset).await?))
}

/// Puts a suite in place of the data set's, given as data or as YAML. With `contract`, every new version is checked before
/// it becomes current.
#[utoipa::path(put, path = "/api/v1/projects/{project}/datasets/{dataset}/checks", tag = "data",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path)), request_body = SaveSuite,
    responses((status = 200, body = SuiteView), (status = 403, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn put_check_suite(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
    Body(input): Body<SaveSuite>,
) -> Answer<SuiteView> {
    Ok(Json(checks::save(&ctx, &actor, &project, dataset, input).await?))
}

/// Of which version.
#[derive(Deserialize, utoipa::IntoParams)]
struct OfVersion {
    /// Only runs on this version.
    version: Option<DatasetVersionId>,
}

/// Runs of checks on the data set's versions, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{project}/datasets/{dataset}/checks/runs", tag = "data",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path), OfVersion),
    responses((status = 200, body = Vec<CheckRunSummary>)))]
async fn list_check_runs(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
    Query(OfVersion { version }): Query<OfVersion>,
) -> Answer<Vec<CheckRunSummary>> {
    Ok(Json(checks::history(&ctx, &actor, &project, dataset, version).await?))
}

/// Checks read off a version, for further ones like it. Nothing is stored.
#[utoipa::path(get, path = "/api/v1/projects/{project}/dataset-versions/{version}/checks/suggested", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path)),
    responses((status = 200, body = SuiteDocument), (status = 403, body = ErrorBody)))]
async fn suggest_checks(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
) -> Answer<SuiteDocument> {
    Ok(Json(checks::suggest(&ctx, &actor, &project, version).await?))
}

/// Runs the data set's suite on a version.
#[utoipa::path(post, path = "/api/v1/projects/{project}/dataset-versions/{version}/checks", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path)),
    responses((status = 200, body = CheckRunView), (status = 409, body = ErrorBody)))]
async fn run_checks(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
) -> Answer<CheckRunView> {
    Ok(Json(checks::run(&ctx, &actor, &project, version).await?))
}

/// One run of checks, with failing rows where the caller may see rows.
#[utoipa::path(get, path = "/api/v1/projects/{project}/check-runs/{run}", tag = "data",
    params(("project" = Slug, Path), ("run" = CheckRunId, Path)),
    responses((status = 200, body = CheckRunView), (status = 404, body = ErrorBody)))]
async fn get_check_run(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, CheckRunId)>,
) -> Answer<CheckRunView> {
    Ok(Json(checks::view(&ctx, &actor, &project, run).await?))
}

/// Lets a critical failure pass, with a reason (approvers and admins).
#[utoipa::path(post, path = "/api/v1/projects/{project}/check-runs/{run}/waive", tag = "data",
    params(("project" = Slug, Path), ("run" = CheckRunId, Path)), request_body = WaiveChecks,
    responses((status = 200, body = CheckRunView), (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn waive_checks(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, CheckRunId)>,
    Body(input): Body<WaiveChecks>,
) -> Answer<CheckRunView> {
    Ok(Json(checks::waive(&ctx, &actor, &project, run, &input.reason).await?))
}
