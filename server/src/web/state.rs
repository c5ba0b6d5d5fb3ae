//! What every handler can reach.

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use std::sync::Arc;
use tokio::sync::watch;
use trainyard_service::Ctx;

/// Cheap to clone.
#[derive(Clone, Debug, FromRef)]
pub struct AppState {
    pub ctx: Ctx,
    pub leptos: LeptosOptions,
    pub web: WebOptions,
}

/// How the server is reached.
#[derive(Clone, Debug)]
pub struct WebOptions {
    /// Browsers use TLS: cookies are `Secure` and answers say to come back by TLS only.
    pub https: bool,
    /// The caller's address stands in `X-Forwarded-For`.
    pub trust_proxy: bool,
    /// The API's description, as JSON.
    pub openapi: Arc<str>,
    /// Turns true when the server is told to stop: open streams end then.
    pub stopping: watch::Receiver<bool>,
}
