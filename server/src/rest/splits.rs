//! Stored splits of data set versions.

use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Body, ErrorBody, Path, Query},
    state::AppState,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use futures::stream;
use http::{StatusCode, header};
use serde::Deserialize;
use std::convert::Infallible;
use trainyard_service::{Ctx, datasets::splits};
use trainyard_types::{
    DatasetId, DatasetVersionId, Slug, SplitId,
    split::{NewSplit, PARTS, SplitView},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_splits))
        .routes(routes!(create_split))
        .routes(routes!(get_split, delete_split))
        .routes(routes!(split_rows))
}

/// The stored splits of a data set's versions, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{project}/datasets/{dataset}/splits", tag = "data",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path)),
    responses((status = 200, body = Vec<SplitView>), (status = 404, body = ErrorBody)))]
async fn list_splits(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
) -> Answer<Vec<SplitView>> {
    Ok(Json(splits::list(&ctx, &actor, &project, dataset).await?))
}

/// Divides a version and keeps which row is in which part. A run uses it by naming its id in `settings.kept_split`.
#[utoipa::path(post, path = "/api/v1/projects/{project}/dataset-versions/{version}/splits", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path)), request_body = NewSplit,
    responses((status = 201, body = SplitView), (status = 403, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn create_split(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
    Body(input): Body<NewSplit>,
) -> Result<(StatusCode, Json<SplitView>), ApiError> {
    Ok((StatusCode::CREATED, Json(splits::create(&ctx, &actor, &project, version, input).await?)))
}

/// One stored split.
#[utoipa::path(get, path = "/api/v1/projects/{project}/splits/{split}", tag = "data",
    params(("project" = Slug, Path), ("split" = SplitId, Path)),
    responses((status = 200, body = SplitView), (status = 404, body = ErrorBody)))]
async fn get_split(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, split)): Path<(Slug, SplitId)>,
) -> Answer<SplitView> {
    Ok(Json(splits::view(&ctx, &actor, &project, split).await?))
}

/// Forgets a split that no run uses.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/splits/{split}", tag = "data",
    params(("project" = Slug, Path), ("split" = SplitId, Path)),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn delete_split(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, split)): Path<(Slug, SplitId)>,
) -> Result<StatusCode, ApiError> {
    splits::remove(&ctx, &actor, &project, split).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which division.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(default)]
struct OfSplit {
    /// `parts`, or a fold: `fold_1` …
    division: String,
}

impl Default for OfSplit {
    fn default() -> Self {
        Self { division: PARTS.to_owned() }
    }
}

/// Each row's number, from 1, and its part, as CSV.
#[utoipa::path(get, path = "/api/v1/projects/{project}/splits/{split}/rows", tag = "data",
    params(("project" = Slug, Path), ("split" = SplitId, Path), OfSplit),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 404, body = ErrorBody)))]
async fn split_rows(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, split)): Path<(Slug, SplitId)>,
    Query(OfSplit { division }): Query<OfSplit>,
) -> Result<Response, ApiError> {
    let rows = splits::rows(&ctx, &actor, &project, split, &division).await?;
    let text = axum::body::Body::from_stream(stream::iter(rows.map(Ok::<_, Infallible>)));
    let head = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"split.csv\""),
    ];
    Ok((head, text).into_response())
}
