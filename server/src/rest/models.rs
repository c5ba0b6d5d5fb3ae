//! Registered models and predictions.

use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Body, ErrorBody, Path, Query},
    list::{Format, list},
    state::AppState,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;
use trainyard_service::{Ctx, demo, lineage, models, workers};
use trainyard_types::{
    Page, PageQuery, Slug, account::ProjectView, catalog::Lineage, export::ExportFormat, job::WorkerView, model::*,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_models, register_model))
        .routes(routes!(get_model))
        .routes(routes!(list_model_versions))
        .routes(routes!(get_model_lineage))
        .routes(routes!(move_champion))
        .routes(routes!(predict))
        .routes(routes!(predict_with_version))
        .routes(routes!(export))
        .routes(routes!(load_demo))
        .routes(routes!(list_workers))
}

/// The project's models.
#[utoipa::path(get, path = "/api/v1/projects/{project}/models", tag = "models",
    params(("project" = Slug, Path), PageQuery, Format), responses((status = 200, body = Page<ModelView>)))]
async fn list_models(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Query(query): Query<PageQuery>,
    Query(format): Query<Format>,
) -> Result<Response, ApiError> {
    list("models", &format, query, async |query| models::list(&ctx, &actor, &project, &query).await).await
}

/// Registers a run's model: as a new model, or as a further version of one. A model's first version is its champion.
#[utoipa::path(post, path = "/api/v1/projects/{project}/models", tag = "models", params(("project" = Slug, Path)),
    request_body = RegisterModel, responses((status = 201, body = ModelVersionView), (status = 409, body = ErrorBody)))]
async fn register_model(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Body(input): Body<RegisterModel>,
) -> Result<(StatusCode, Json<ModelVersionView>), ApiError> {
    Ok((StatusCode::CREATED, Json(models::register(&ctx, &actor, &project, input).await?)))
}

/// One model.
#[utoipa::path(get, path = "/api/v1/models/{model}", tag = "models", params(("model" = Slug, Path)),
    responses((status = 200, body = ModelView), (status = 404, body = ErrorBody)))]
async fn get_model(State(ctx): State<Ctx>, Caller(actor): Caller, Path(model): Path<Slug>) -> Answer<ModelView> {
    Ok(Json(models::view(&ctx, &actor, &model).await?))
}

/// A model's versions, newest first.
#[utoipa::path(get, path = "/api/v1/models/{model}/versions", tag = "models", params(("model" = Slug, Path)),
    responses((status = 200, body = Vec<ModelVersionView>)))]
async fn list_model_versions(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(model): Path<Slug>,
) -> Answer<Vec<ModelVersionView>> {
    Ok(Json(models::versions(&ctx, &actor, &model).await?))
}

/// Which data, pipeline and run made the versions.
#[utoipa::path(get, path = "/api/v1/models/{model}/lineage", tag = "models", params(("model" = Slug, Path)),
    responses((status = 200, body = Lineage)))]
async fn get_model_lineage(State(ctx): State<Ctx>, Caller(actor): Caller, Path(model): Path<Slug>) -> Answer<Lineage> {
    Ok(Json(lineage::of_model(&ctx, &actor, &model).await?))
}

/// Moves `champion`. For approvers.
#[utoipa::path(put, path = "/api/v1/models/{model}/aliases/champion", tag = "models", params(("model" = Slug, Path)),
    request_body = MoveAlias, responses((status = 200, body = ModelView), (status = 403, body = ErrorBody)))]
async fn move_champion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(model): Path<Slug>,
    Body(input): Body<MoveAlias>,
) -> Answer<ModelView> {
    Ok(Json(models::move_champion(&ctx, &actor, &model, input).await?))
}

/// Predicts rows with the champion.
#[utoipa::path(post, path = "/api/v1/models/{model}/predict", tag = "predictions", params(("model" = Slug, Path)),
    request_body = PredictRows,
    responses((status = 200, body = PredictionsView), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn predict(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(model): Path<Slug>,
    Body(input): Body<PredictRows>,
) -> Answer<PredictionsView> {
    Ok(Json(models::predict(&ctx, &actor, &model, None, input).await?))
}

/// Predicts rows with one version.
#[utoipa::path(post, path = "/api/v1/models/{model}/versions/{version}/predict", tag = "predictions",
    params(("model" = Slug, Path), ("version" = i32, Path)), request_body = PredictRows,
    responses((status = 200, body = PredictionsView), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn predict_with_version(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((model, version)): Path<(Slug, i32)>,
    Body(input): Body<PredictRows>,
) -> Answer<PredictionsView> {
    Ok(Json(models::predict(&ctx, &actor, &model, Some(version), input).await?))
}

/// Which file.
#[derive(Deserialize, utoipa::IntoParams)]
struct Wanted {
    /// `onnx`: the whole model as a graph. `safetensors`: the model file. `json`: what its arrays are and how they predict.
    #[param(inline)]
    format: ExportFormat,
}

/// A version as a file for other programs. For those who may see rows.
#[utoipa::path(get, path = "/api/v1/models/{model}/versions/{version}/export", tag = "models",
    params(("model" = Slug, Path), ("version" = i32, Path), Wanted),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn export(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((model, version)): Path<(Slug, i32)>,
    Query(Wanted { format }): Query<Wanted>,
) -> Result<Response, ApiError> {
    let models::Exported { name, bytes } = models::export(&ctx, &actor, &model, version, format).await?;
    let kind = if format == ExportFormat::Json { "application/json" } else { "application/octet-stream" };
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response())
}

/// Makes the demo project: synthetic loan applications and a run on them.
#[utoipa::path(post, path = "/api/v1/demo", tag = "projects", responses((status = 201, body = ProjectView)))]
async fn load_demo(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<(StatusCode, Json<ProjectView>), ApiError> {
    Ok((StatusCode::CREATED, Json(demo::load(&ctx, &actor).await?)))
}

/// The processes that work on jobs. For admins.
#[utoipa::path(get, path = "/api/v1/workers", tag = "people", responses((status = 200, body = Vec<WorkerView>)))]
async fn list_workers(State(ctx): State<Ctx>, Caller(actor): Caller) -> Answer<Vec<WorkerView>> {
    Ok(Json(workers::list(&ctx, &actor).await?))
}
