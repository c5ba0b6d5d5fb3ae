//! Pages, components and server functions of the Trainyard web interface.
//!
//! Every page is rendered whole on the server (readable without WebAssembly) and taken over in the browser.
//! The crate builds twice: with `ssr` into the server, with `hydrate` into the WebAssembly module. It never
//! reaches a database, a model or a file by itself: server functions call [`trainyard_service`] and nothing else.
//!
//! # What the server provides
//!
//! Both for pages (`leptos_routes_with_context`) and for server functions (`handle_server_fns_with_context`, under
//! `/api/fn`) these values have to stand in the Leptos context:
//!
//! - `trainyard_service::Ctx`;
//! - [`RequestActor`], from the session, `None` when nobody is signed in;
//! - [`ClientAddress`], the caller's address;
//! - [`OpenApiJson`], the API's description.
//!
//! A `tower_sessions::Session` has to be in the request's extensions (its layer puts it there). The functions in
//! [`session`] keep and read what it holds; REST handlers use the same ones.

// A page's view is one deeply nested type.
#![recursion_limit = "512"]

#[cfg(not(erase_components))]
compile_error!(
    "this build lacks the flag that .cargo/config.toml sets. A RUSTFLAGS variable replaces that file's flags: unset it, or \
     add '--cfg erase_components' to it"
);

pub mod api;
pub mod app;
pub mod browser;
mod chunks;
pub mod components;
pub mod error;
pub mod format;
pub mod hooks;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod session;
pub mod wire;

pub use app::App;
#[cfg(feature = "ssr")]
pub use app::{error_page, shell};
pub use error::AppError;

/// Who makes the request: `None` when nobody is signed in. The server resolves it from the session before
/// rendering and before server functions.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug)]
pub struct RequestActor(pub Option<trainyard_service::Actor>);

/// The caller's network address, as audit events and the sign-in limit need it.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug)]
pub struct ClientAddress(pub String);

/// The API's OpenAPI description as JSON text; the page `/docs/api` is made of it.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug)]
pub struct OpenApiJson(pub std::sync::Arc<str>);
