//! The demo project.

use crate::web::{
    auth::Caller,
    errors::{Answer, ErrorBody},
    state::AppState,
};
use axum::{Json, extract::State};
use trainyard_service::{Ctx, demo};
use trainyard_types::account::ProjectView;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(load))
}

/// Makes the demo project: synthetic loan applications and a run whose model becomes a champion. Asking again only adds
/// what is missing.
#[utoipa::path(post, path = "/api/v1/demo", tag = "projects",
    responses((status = 200, body = ProjectView), (status = 403, body = ErrorBody)))]
async fn load(State(ctx): State<Ctx>, Caller(actor): Caller) -> Answer<ProjectView> {
    Ok(Json(demo::load(&ctx, &actor).await?))
}
