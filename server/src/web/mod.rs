//! The web server: layers around three groups of routes (pages with their server functions, REST, static files).

pub mod auth;
pub mod errors;
pub mod list;
pub mod pages;
pub mod security;
pub mod sessions;
pub mod site;
pub mod state;

use crate::{config::Config, rest};
use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use state::{AppState, WebOptions};
use std::sync::Arc;
use tokio::sync::watch;
use tower::ServiceBuilder;
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
};
use trainyard_service::Ctx;
use trainyard_types::Problem;

/// Bytes of a request's body, uploads aside (those stream to disk under their own limit).
const BODY_LIMIT: usize = 8 << 20;

/// The whole application. Open streams end when `stopping` turns true.
pub fn app(ctx: Ctx, config: &Config, stopping: watch::Receiver<bool>) -> Router {
    let (api, openapi) = rest::router();
    let web = WebOptions { https: config.https(), trust_proxy: config.trust_proxy, openapi, stopping };
    let state = AppState { ctx, leptos: pages::options(), web };
    let store = state.ctx.store().clone();
    let compression = CompressionLayer::new()
        .quality(CompressionLevel::Precise(4))
        .compress_when(DefaultPredicate::new().and(NotForContentType::const_new("application/wasm")));
    let layers = ServiceBuilder::new()
        .layer(from_fn(security::log))
        .layer(from_fn_with_state(state.clone(), security::headers))
        .layer(compression)
        .layer(from_fn(security::spare_tokens))
        .layer(security::csrf(config.public_url.as_deref()))
        .layer(sessions::layer(store, config.https()))
        .layer(from_fn_with_state(state.clone(), auth::resolve))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    Router::new()
        .merge(api)
        .route("/health", get(health))
        .route("/api/{*rest}", any(nothing_here))
        .route("/v2/{*rest}", any(nothing_here))
        .merge(pages::routes(&state))
        .layer(layers)
        // Outside the layers: needs no session, and is compressed already.
        .route("/pkg/{*name}", get(site::serve).layer(from_fn_with_state(state.clone(), security::headers)))
        .with_state(state)
}

/// `GET /health`: 200 where the server answers and its database too.
async fn health(State(state): State<AppState>) -> Response {
    match state.ctx.store().ping().await {
        Ok(()) => {
            axum::Json(serde_json::json!({ "status": "ok", "version": crate::config::CODE_VERSION })).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            let problem = Problem::new(trainyard_types::Code::Unavailable, "The database does not answer.");
            errors::ApiError::from(problem).into_response()
        }
    }
}

async fn nothing_here() -> errors::ApiError {
    Problem::not_found("There is nothing at this address. /docs/api lists what there is.").into()
}

/// The API's description as text, kept for pages and for `/api/v1/openapi.json`.
pub fn described(openapi: &utoipa::openapi::OpenApi) -> Arc<str> {
    serde_json::to_string(openapi).unwrap_or_default().into()
}
