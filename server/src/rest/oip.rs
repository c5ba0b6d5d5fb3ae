//! Open Inference Protocol, version 2 (<https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol>):
//! what KServe, Triton and their clients speak. Errors are `{"error": "text"}`.

use crate::web::{
    auth::Caller,
    errors::{Body, Path},
    state::AppState,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use trainyard_service::{Actor, Ctx, oip};
use trainyard_types::{Problem, Slug, model::*};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(server))
        .routes(routes!(metadata))
        .routes(routes!(metadata_of_version))
        .routes(routes!(model_ready))
        .routes(routes!(model_ready_in_version))
        .routes(routes!(infer))
        .routes(routes!(infer_version))
}

/// The protocol's error body.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OipError {
    error: String,
}

/// A problem in the protocol's words. It has no 422: a request that can't be accepted is a 400.
struct Refused(Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0.code.status() {
            422 => StatusCode::BAD_REQUEST,
            status => StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        (status, Json(OipError { error: self.0.message })).into_response()
    }
}

/// The server lives.
#[utoipa::path(get, path = "/v2/health/live", tag = "open inference protocol", security(()), responses((status = 200)))]
async fn live() -> Json<serde_json::Value> {
    Json(json!({ "live": true }))
}

/// The server can answer.
#[utoipa::path(get, path = "/v2/health/ready", tag = "open inference protocol", security(()),
    responses((status = 200), (status = 503)))]
async fn ready(State(ctx): State<Ctx>) -> Result<Json<serde_json::Value>, Refused> {
    ctx.store().ping().await.map_err(Problem::from)?;
    Ok(Json(json!({ "ready": true })))
}

/// The server's name and version.
#[utoipa::path(get, path = "/v2", tag = "open inference protocol", security(()), responses((status = 200)))]
async fn server() -> Json<serde_json::Value> {
    Json(json!({ "name": "trainyard", "version": crate::config::CODE_VERSION, "extensions": [] }))
}

/// The champion's inputs and outputs.
#[utoipa::path(get, path = "/v2/models/{model}", tag = "open inference protocol", params(("model" = Slug, Path)),
    responses((status = 200, body = OipMetadata), (status = 404, body = OipError)))]
async fn metadata(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(model): Path<Slug>,
) -> Result<Json<OipMetadata>, Refused> {
    Ok(Json(oip::metadata(&ctx, &actor, &model, None).await?))
}

/// A version's inputs and outputs.
#[utoipa::path(get, path = "/v2/models/{model}/versions/{version}", tag = "open inference protocol",
    params(("model" = Slug, Path), ("version" = i32, Path)),
    responses((status = 200, body = OipMetadata), (status = 404, body = OipError)))]
async fn metadata_of_version(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((model, version)): Path<(Slug, i32)>,
) -> Result<Json<OipMetadata>, Refused> {
    Ok(Json(oip::metadata(&ctx, &actor, &model, Some(version)).await?))
}

/// Whether the model's champion can answer.
#[utoipa::path(get, path = "/v2/models/{model}/ready", tag = "open inference protocol", params(("model" = Slug, Path)),
    responses((status = 200), (status = 404, body = OipError)))]
async fn model_ready(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(model): Path<Slug>,
) -> Result<Json<serde_json::Value>, Refused> {
    answer_ready(&ctx, &actor, &model, None).await
}

/// Whether the version can answer.
#[utoipa::path(get, path = "/v2/models/{model}/versions/{version}/ready", tag = "open inference protocol",
    params(("model" = Slug, Path), ("version" = i32, Path)), responses((status = 200), (status = 404, body = OipError)))]
async fn model_ready_in_version(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((model, version)): Path<(Slug, i32)>,
) -> Result<Json<serde_json::Value>, Refused> {
    answer_ready(&ctx, &actor, &model, Some(version)).await
}

async fn answer_ready(
    ctx: &Ctx,
    actor: &Actor,
    model: &Slug,
    version: Option<i32>,
) -> Result<Json<serde_json::Value>, Refused> {
    oip::ready(ctx, actor, model, version).await?;
    Ok(Json(json!({ "name": model, "ready": true })))
}

/// Predicts with the champion.
#[utoipa::path(post, path = "/v2/models/{model}/infer", tag = "open inference protocol", params(("model" = Slug, Path)),
    request_body = OipRequest,
    responses((status = 200, body = OipResponse), (status = 400, body = OipError), (status = 404, body = OipError)))]
async fn infer(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(model): Path<Slug>,
    Body(request): Body<OipRequest>,
) -> Result<Json<OipResponse>, Refused> {
    Ok(Json(oip::infer(&ctx, &actor, &model, None, request).await?))
}

/// Predicts with one version.
#[utoipa::path(post, path = "/v2/models/{model}/versions/{version}/infer", tag = "open inference protocol",
    params(("model" = Slug, Path), ("version" = i32, Path)), request_body = OipRequest,
    responses((status = 200, body = OipResponse), (status = 400, body = OipError), (status = 404, body = OipError)))]
async fn infer_version(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((model, version)): Path<(Slug, i32)>,
    Body(request): Body<OipRequest>,
) -> Result<Json<OipResponse>, Refused> {
    Ok(Json(oip::infer(&ctx, &actor, &model, Some(version), request).await?))
}
