//! Pages and server functions: the app crate's, with what they need put in their context.

use super::{security, state::AppState};
use axum::Router;
use http::{HeaderValue, header, request::Parts};
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list};
use trainyard_app::{App, ClientAddress, OpenApiJson, RequestActor, shell};

/// Where the front end's files are, as the document's head names them.
pub fn options() -> LeptosOptions {
    LeptosOptions::builder().output_name("trainyard").site_pkg_dir("pkg").build()
}

/// All pages and all server functions.
pub fn routes(state: &AppState) -> Router<AppState> {
    let provide = {
        let (ctx, openapi) = (state.ctx.clone(), state.web.openapi.clone());
        move || {
            provide_context(ctx.clone());
            provide_context(OpenApiJson(openapi.clone()));
            let parts = use_context::<Parts>();
            let extensions = parts.as_ref().map(|parts| &parts.extensions);
            provide_context(extensions.and_then(|e| e.get::<RequestActor>().cloned()).unwrap_or(RequestActor(None)));
            let address = extensions.and_then(|e| e.get::<ClientAddress>().cloned());
            provide_context(address.unwrap_or_else(|| ClientAddress(String::new())));
            if let Some(chunks) = &*super::site::CHUNKS {
                provide_context(chunks.clone());
            }
            allow_scripts();
        }
    };
    let options = state.leptos.clone();
    Router::new().leptos_routes_with_context(state, generate_route_list(App), provide, move || shell(options.clone()))
}

/// Tells the browser which inline scripts are the page's own.
fn allow_scripts() {
    if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>())
        && let Ok(value) = HeaderValue::from_str(&security::policy(Some(&nonce)))
    {
        response.insert_header(header::CONTENT_SECURITY_POLICY, value);
    }
}
