//! Server functions: at most ten lines each. They take the [`Ctx`](trainyard_service::Ctx) and the
//! [`Actor`](trainyard_service::Actor) from the context, call one function of the service and hand on its answer.
//!
//! All stand under `/api/fn`. Form posts work without WebAssembly: then a refusal goes back to the form's page with
//! the problem in the address, which [`use_form_problem`](crate::hooks::use_form_problem) reads.

pub mod account;
pub mod admin;
pub mod checks;
pub mod datasets;
pub mod docs;
pub mod experiments;
pub mod inbox;
pub mod labels;
pub mod models;
pub mod pipelines;
pub mod project;
pub mod runs;
pub mod sources;
pub mod splits;

#[cfg(feature = "ssr")]
pub use server::*;

#[cfg(feature = "ssr")]
mod server {
    use crate::{AppError, ClientAddress, RequestActor};
    use leptos::prelude::*;
    use trainyard_service::{Actor, Ctx};
    use trainyard_types::{Code, Problem, Slug};

    /// The service's context.
    ///
    /// # Errors
    /// `Internal` where the server provides none: a fault in its set-up.
    pub fn ctx() -> Result<Ctx, AppError> {
        use_context::<Ctx>()
            .ok_or_else(|| Problem::internal("The server is not set up to answer pages. Its log says more.").into())
    }

    /// The caller, whether or not the password has to be changed first.
    ///
    /// # Errors
    /// `Unauthenticated` where nobody is signed in.
    pub fn anyone() -> Result<(Ctx, Actor), AppError> {
        let actor = use_context::<RequestActor>().and_then(|a| a.0);
        match actor {
            Some(actor) => Ok((ctx()?, actor)),
            None => done(Err(Problem::new(Code::Unauthenticated, "You are not signed in. Sign in, then try again."))),
        }
    }

    /// The caller. Refusing is the default: every server function but signing in and the password's change begins here.
    ///
    /// # Errors
    /// `Unauthenticated` where nobody is signed in, `Forbidden` while a generated password stands.
    pub fn caller() -> Result<(Ctx, Actor), AppError> {
        let (ctx, actor) = anyone()?;
        if actor.must_change_password {
            return done(Err(Problem::forbidden("Change your generated password first, at /change-password.")));
        }
        Ok((ctx, actor))
    }

    /// The caller and the project that the page names.
    ///
    /// # Errors
    /// As [`caller`]; `NotFound` where the text can't be a project's slug.
    pub fn in_project(project: &str) -> Result<(Ctx, Actor, Slug), AppError> {
        let (ctx, actor) = caller()?;
        let project =
            done(Slug::parse(project).map_err(|_| Problem::not_found(format!("There is no project '{project}'."))))?;
        Ok((ctx, actor, project))
    }

    /// A model's name out of an address.
    ///
    /// # Errors
    /// `NotFound` where the text can't be one.
    pub fn model_name(name: &str) -> Result<Slug, AppError> {
        done(Slug::parse(name).map_err(|_| Problem::not_found(format!("There is no model '{name}'."))))
    }

    /// The caller's network address, for the sign-in limit.
    pub fn address() -> String {
        use_context::<ClientAddress>().map_or_else(|| "unknown".to_owned(), |a| a.0)
    }

    /// The request's session.
    ///
    /// # Errors
    /// `Internal` where the session layer is missing.
    pub async fn session() -> Result<tower_sessions::Session, AppError> {
        leptos_axum::extract()
            .await
            .map_err(|error| Problem::internal(format!("The session can't be read: {error}")).into())
    }

    /// Hands on a service's answer, with the problem's own HTTP status. A plain form post keeps its redirect.
    ///
    /// # Errors
    /// The service's problem.
    pub fn done<T>(answer: Result<T, Problem>) -> Result<T, AppError> {
        answer.map_err(|problem| {
            if is_call() {
                set_status(problem.code);
            }
            AppError(problem)
        })
    }

    /// The text as one of the validated words of [`trainyard_types::name`], or the problem for its field.
    ///
    /// # Errors
    /// `Invalid` with the field's name.
    pub fn word<T>(field: &str, parsed: Result<T, String>) -> Result<T, AppError> {
        done(parsed.map_err(|message| Problem::field(field, message)))
    }

    /// A value out of a text such as an id, or the problem for its field.
    ///
    /// # Errors
    /// `Invalid` with the field's name.
    pub fn parsed<T: std::str::FromStr>(field: &str, text: &str) -> Result<T, AppError> {
        done(text.trim().parse().map_err(|_| {
            Problem::field(field, format!("'{text}' can't be read here. Load the page again and choose anew."))
        }))
    }

    /// Sets the status of the page or answer that is being made; one that leads elsewhere keeps its own.
    pub fn set_status(code: Code) {
        let Some(response) = use_context::<leptos_axum::ResponseOptions>() else { return };
        let leads_elsewhere = response.0.read().is_ok_and(|parts| parts.headers.contains_key(http::header::LOCATION));
        if let Ok(status) = http::StatusCode::from_u16(code.status())
            && !leads_elsewhere
        {
            response.set_status(status);
        }
    }

    /// Whether the request is a server function's call by script. A plain form post is none (its answer is a redirect),
    /// nor is a page (its status is set by [`ErrorPanel`](crate::components::ErrorPanel)).
    fn is_call() -> bool {
        let Some(parts) = use_context::<http::request::Parts>() else { return false };
        let accept = parts.headers.get(http::header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        parts.uri.path().starts_with("/api/fn/") && !accept.contains("text/html")
    }
}
