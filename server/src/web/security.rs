//! Security headers, the request log, and what a panic becomes.

use super::{auth::bearer, errors::ApiError, state::AppState};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderName, HeaderValue, header};
use std::{panic::AssertUnwindSafe, time::Instant};
use tower_http::csrf::CsrfLayer;
use tracing::Instrument;
use trainyard_types::Problem;

/// The content security policy; `nonce` is what inline scripts of this very answer carry.
pub fn policy(nonce: Option<&str>) -> String {
    let nonce = nonce.map_or(String::new(), |nonce| format!(" 'nonce-{nonce}'"));
    format!(
        "default-src 'none'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self'"
    )
}

/// Sets the headers that every answer has; a page's own policy (with its nonce) stays.
pub async fn headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let asset = request.uri().path().starts_with("/pkg/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    );
    if state.web.https {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if !asset {
        // Pages and answers are a person's own: no cache keeps them.
        set(header::CACHE_CONTROL, "no-store");
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY)
        && let Ok(value) = HeaderValue::from_str(&policy(None))
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, value);
    }
    response
}

/// Refuses writes that another site's page sends with the browser's cookie, by `Sec-Fetch-Site` and `Origin`. Requests
/// with an API token pass: no browser adds one by itself.
pub fn csrf(public_url: Option<&str>) -> CsrfLayer<fn(tower_http::csrf::ProtectionError) -> Response> {
    let mut layer = CsrfLayer::new();
    if let Some(origin) = public_url.map(|url| url.trim_end_matches('/')) {
        match layer.clone().add_trusted_origin(origin) {
            Ok(trusting) => layer = trusting,
            Err(error) => tracing::warn!(%error, "public_url is no origin"),
        }
    }
    layer.with_rejection_response(cross_site as fn(_) -> _)
}

fn cross_site(_: tower_http::csrf::ProtectionError) -> Response {
    ApiError::from(Problem::forbidden(
        "This request came from another site's page, so nothing was done. Open Trainyard itself and try again.",
    ))
    .into_response()
}

/// Spares requests with an API token the check of [`csrf`], which judges by the headers that this removes.
pub async fn spare_tokens(mut request: Request, next: Next) -> Response {
    if bearer(request.headers()).is_some() {
        request.headers_mut().remove("sec-fetch-site");
        request.headers_mut().remove(header::ORIGIN);
    }
    next.run(request).await
}

/// Gives the request an id, logs its end in one line, and turns a panic into a 500 with that id.
pub async fn log(request: Request, next: Next) -> Response {
    let simple = trainyard_store::fresh_id().simple().to_string();
    let id = simple[simple.len() - 12..].to_owned();
    // The path only: a query may hold what a person typed.
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path = request.uri().path(), user = tracing::field::Empty);
    let began = Instant::now();
    let outcome = AssertUnwindSafe(next.run(request).instrument(span.clone())).catch_unwind().await;
    let _entered = span.enter();
    let mut response = outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        tracing::error!(panic = text, "the handler panicked");
        let said = format!("Something went wrong on the server. Its log says what, under {id}.");
        ApiError::from(Problem::internal(said)).into_response()
    });
    let (status, ms) = (response.status().as_u16(), began.elapsed().as_secs_f64() * 1000.0);
    if status >= 500 {
        tracing::error!(status, ms, "answered");
    } else {
        tracing::debug!(status, ms, "answered");
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
