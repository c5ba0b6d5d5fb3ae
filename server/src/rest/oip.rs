//! Open Inference Protocol, version 2 (<https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol>):
//! what KServe, Triton and their clients speak. Errors are `{"error": "text"}`.

use crate::web::{
    auth::Caller,
    errors::{ApiError, Body, Path},
    state::AppState,
};
use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use trainyard_service::{Actor, Ctx, oip};
use trainyard_types::{Problem, Slug, model::*};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(oip_live))
        .routes(routes!(oip_ready))
        .routes(routes!(oip_server))
        .routes(routes!(oip_metadata))
        .routes(routes!(oip_version_metadata))
        .routes(routes!(oip_model_ready))
        .routes(routes!(oip_version_ready))
        .routes(routes!(oip_infer))
        .routes(routes!(oip_version_infer))
}

/// The protocol's error body.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OipError {
    error: String,
}

/// A problem in the protocol's words. It has no 422: a request that can't be accepted is a 400.
pub(crate) struct Refused(Problem);

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

/// A part of the request whose refusal is in the protocol's words.
struct Asked<T>(T);

impl<S: Send + Sync, T: FromRequestParts<S, Rejection = ApiError>> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        T::from_request_parts(parts, state).await.map(Self).map_err(|error| Refused(error.into_problem()))
    }
}

/// As [`Asked`], for the body.
struct Sent<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Refused;
    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let body = Body::<T>::from_request(request, state).await;
        body.map(|Body(value)| Self(value)).map_err(|error| Refused(error.into_problem()))
    }
}

/// The server lives.
#[utoipa::path(get, path = "/v2/health/live", tag = "open inference protocol", security(()), responses((status = 200)))]
async fn oip_live() -> Json<serde_json::Value> {
    Json(json!({ "live": true }))
}

/// The server can answer.
#[utoipa::path(get, path = "/v2/health/ready", tag = "open inference protocol", security(()),
    responses((status = 200), (status = 503)))]
async fn oip_ready(State(ctx): State<Ctx>) -> Result<Json<serde_json::Value>, Refused> {
    ctx.store().ping().await.map_err(Problem::from)?;
    Ok(Json(json!({ "ready": true })))
}

/// The server's name and version.
#[utoipa::path(get, path = "/v2", tag = "open inference protocol", security(()), responses((status = 200)))]
async fn oip_server() -> Json<serde_json::Value> {
    Json(json!({ "name": "trainyard", "version": crate::config::CODE_VERSION, "extensions": [] }))
}

/// The champion's inputs and outputs.
#[utoipa::path(get, path = "/v2/models/{model}", tag = "open inference protocol", params(("model" = Slug, Path)),
    responses((status = 200, body = OipMetadata), (status = 404, body = OipError)))]
async fn oip_metadata(
    State(ctx): State<Ctx>,
    Asked(Caller(actor)): Asked<Caller>,
    Asked(Path(model)): Asked<Path<Slug>>,
) -> Result<Json<OipMetadata>, Refused> {
    Ok(Json(oip::metadata(&ctx, &actor, &model, None).await?))
}

/// A version's inputs and outputs.
#[utoipa::path(get, path = "/v2/models/{model}/versions/{version}", tag = "open inference protocol",
    params(("model" = Slug, Path), ("version" = i32, Path)),
    responses((status = 200, body = OipMetadata), (status = 404, body = OipError)))]
async fn oip_version_metadata(
    State(ctx): State<Ctx>,
    Asked(Caller(actor)): Asked<Caller>,
    Asked(Path((model, version))): Asked<Path<(Slug, i32)>>,
) -> Result<Json<OipMetadata>, Refused> {
    Ok(Json(oip::metadata(&ctx, &actor, &model, Some(version)).await?))
}

/// Whether the model's champion can answer.
#[utoipa::path(get, path = "/v2/models/{model}/ready", tag = "open inference protocol", params(("model" = Slug, Path)),
    responses((status = 200), (status = 404, body = OipError)))]
async fn oip_model_ready(
    State(ctx): State<Ctx>,
    Asked(Caller(actor)): Asked<Caller>,
    Asked(Path(model)): Asked<Path<Slug>>,
) -> Result<Json<serde_json::Value>, Refused> {
    answer_ready(&ctx, &actor, &model, None).await
}

/// Whether the version can answer.
#[utoipa::path(get, path = "/v2/models/{model}/versions/{version}/ready", tag = "open inference protocol",
    params(("model" = Slug, Path), ("version" = i32, Path)), responses((status = 200), (status = 404, body = OipError)))]
async fn oip_version_ready(
    State(ctx): State<Ctx>,
    Asked(Caller(actor)): Asked<Caller>,
    Asked(Path((model, version))): Asked<Path<(Slug, i32)>>,
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
async fn oip_infer(
    State(ctx): State<Ctx>,
    Asked(Caller(actor)): Asked<Caller>,
    Asked(Path(model)): Asked<Path<Slug>>,
    Sent(request): Sent<OipRequest>,
) -> Result<Json<OipResponse>, Refused> {
    Ok(Json(oip::infer(&ctx, &actor, &model, None, request).await?))
}

/// Predicts with one version.
#[utoipa::path(post, path = "/v2/models/{model}/versions/{version}/infer", tag = "open inference protocol",
    params(("model" = Slug, Path), ("version" = i32, Path)), request_body = OipRequest,
    responses((status = 200, body = OipResponse), (status = 400, body = OipError), (status = 404, body = OipError)))]
async fn oip_version_infer(
    State(ctx): State<Ctx>,
    Asked(Caller(actor)): Asked<Caller>,
    Asked(Path((model, version))): Asked<Path<(Slug, i32)>>,
    Sent(request): Sent<OipRequest>,
) -> Result<Json<OipResponse>, Refused> {
    Ok(Json(oip::infer(&ctx, &actor, &model, Some(version), request).await?))
}
