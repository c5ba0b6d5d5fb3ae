//! Who makes a request. Handlers take a [`Caller`], which refuses by default.

use super::{errors::ApiError, state::AppState};
use crate::rest::oip::Refused;
use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, Method, header::AUTHORIZATION, request::Parts};
use std::net::SocketAddr;
use tower_sessions::Session;
use trainyard_app::{ClientAddress, RequestActor};
use trainyard_service::{Actor, accounts};
use trainyard_types::{Code, Problem};

/// The signed-in caller of a REST handler.
#[derive(Clone, Debug)]
pub struct Caller(pub Actor);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let actor = parts.extensions.get::<RequestActor>().and_then(|request| request.0.clone());
        actor.map(Self).ok_or_else(|| {
            let text = "You are not signed in. Send an API token ('Authorization: Bearer ty_…') or sign in first.";
            Problem::new(Code::Unauthenticated, text).into()
        })
    }
}

/// The caller's address.
#[derive(Clone, Debug)]
pub struct From(pub String);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(parts.extensions.get::<ClientAddress>().map(|a| a.0.clone()).unwrap_or_default()))
    }
}

/// An API token in the request's headers, and only that: a token never mixes with a cookie.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Finds out who is calling and keeps it with the request. A wrong token is refused at once; with no token and no session
/// the request goes on as nobody's. Pages are for people who signed in: others are led to the sign-in page, and whoever has
/// to change the password to that page.
pub async fn resolve(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let from = address(&request, state.web.trust_proxy);
    let actor = match bearer(request.headers()) {
        Some(token) => accounts::actor_for_token(&state.ctx, token, &from).await.map(Some),
        None => match request.extensions().get::<Session>().cloned() {
            Some(session) => trainyard_app::session::actor(&session, &state.ctx, &from).await,
            None => Ok(None),
        },
    };
    let actor = match actor {
        Ok(actor) => actor,
        Err(problem) if request.uri().path().starts_with("/v2/") => return Refused::from(problem).into_response(),
        Err(problem) => return ApiError::from(problem).into_response(),
    };
    match &actor {
        Some(actor) if actor.must_change_password && is_page(&request) => {
            return Redirect::to("/change-password").into_response();
        }
        None if is_page(&request) => return Redirect::to(&sign_in_address(&request)).into_response(),
        _ => {}
    }
    if let Some(actor) = &actor {
        tracing::Span::current().record("user", actor.name.as_str());
    }
    request.extensions_mut().insert(RequestActor(actor));
    request.extensions_mut().insert(ClientAddress(from));
    next.run(request).await
}

/// Pages that nobody sees before signing in and changing a generated password.
fn is_page(request: &Request) -> bool {
    let path = request.uri().path();
    let free = ["/change-password", "/sign-in", "/health", "/v2"].contains(&path)
        || ["/api/", "/pkg/", "/v2/"].iter().any(|prefix| path.starts_with(prefix));
    matches!(*request.method(), Method::GET | Method::HEAD) && !free
}

/// The sign-in page, which leads back to the page asked for.
fn sign_in_address(request: &Request) -> String {
    let asked = request.uri().path_and_query().map_or("/", |asked| asked.as_str());
    asked.bytes().fold("/sign-in?next=".to_owned(), |mut address, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => address.push(char::from(byte)),
            _ => address.push_str(&format!("%{byte:02X}")),
        }
        address
    })
}

/// The caller's address: the connection's, or, behind a proxy that is trusted, the last one that the proxy added.
fn address(request: &Request, trust_proxy: bool) -> String {
    let forwarded = || {
        let header = request.headers().get("x-forwarded-for")?.to_str().ok()?;
        header.rsplit(',').next()?.trim().parse::<std::net::IpAddr>().ok()
    };
    let direct = || request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let found = if trust_proxy { forwarded().or_else(direct) } else { direct() };
    found.map(|ip| ip.to_canonical().to_string()).unwrap_or_default()
}
