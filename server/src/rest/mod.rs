//! REST under `/api/v1` and the Open Inference Protocol under `/v2`. Handlers take the caller and the input, call one
//! function of the service and hand on its answer.

mod accounts;
mod audit;
mod checks;
mod datasets;
mod events;
mod experiments;
mod inbox;
mod labels;
mod models;
pub(crate) mod oip;
mod pipelines;
mod projects;
mod runs;
mod sources;
mod splits;

use crate::web::{described, errors::ErrorBody, state::AppState};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;
use std::sync::Arc;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Trainyard",
        description = "Errors are `{\"error\": {\"code\", \"message\", \"fields\"}}` with the code's status. Lists take \
                       `q`, `sort`, `state`, `page` and `per_page`, and `format=csv` for the whole list as a file."
    ),
    components(schemas(ErrorBody)),
    security(("token" = []), ("session" = [])),
    modifiers(&Schemes)
)]
struct Description;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let token =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API token, `ty_…`.")).build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let cookie = ApiKeyValue::with_description("trainyard", "The browser's session.");
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// All routes, and the description of them as JSON.
pub fn router() -> (Router<AppState>, Arc<str>) {
    let (router, mut openapi) = OpenApiRouter::with_openapi(Description::openapi())
        .merge(accounts::router())
        .merge(inbox::router())
        .merge(projects::router())
        .merge(datasets::router())
        .merge(sources::router())
        .merge(checks::router())
        .merge(splits::router())
        .merge(labels::router())
        .merge(pipelines::router())
        .merge(runs::router())
        .merge(experiments::router())
        .merge(models::router())
        .merge(oip::router())
        .merge(audit::router())
        .split_for_parts();
    crate::config::CODE_VERSION.clone_into(&mut openapi.info.version);
    let text = described(&openapi);
    (router.route("/api/v1/openapi.json", get(openapi_json)), text)
}

async fn openapi_json(State(state): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], state.web.openapi.to_string()).into_response()
}
