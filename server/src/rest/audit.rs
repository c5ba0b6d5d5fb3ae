//! The audit trail.

use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Query},
    list::{Format, list},
    state::AppState,
};
use axum::{Json, extract::State, response::Response};
use trainyard_service::{Ctx, audit};
use trainyard_types::{
    Page, PageQuery,
    audit::{AuditEventView, ChainReport},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_audit_events)).routes(routes!(verify_audit))
}

/// Events, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(PageQuery, Format),
    responses((status = 200, body = Page<AuditEventView>)))]
async fn list_audit_events(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(query): Query<PageQuery>,
    Query(format): Query<Format>,
) -> Result<Response, ApiError> {
    list("audit", &format, query, async |query| audit::list(&ctx, &actor, &query).await).await
}

/// Checks the chain from its first event to its last.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "audit", responses((status = 200, body = ChainReport)))]
async fn verify_audit(State(ctx): State<Ctx>, Caller(actor): Caller) -> Answer<ChainReport> {
    Ok(Json(audit::verify(&ctx, &actor).await?))
}
