//! The caller's inbox.

use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Body, ErrorBody, Query},
    list::{Format, list},
    state::AppState,
};
use axum::{Json, extract::State, response::Response};
use trainyard_service::{Ctx, inbox};
use trainyard_types::{
    Page, PageQuery,
    inbox::{Mutes, NoticeView, ReadCount, ReadNotices},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_inbox))
        .routes(routes!(read_inbox))
        .routes(routes!(get_inbox_mutes, set_inbox_mutes))
}

/// The caller's messages, newest first. `state` takes `unread` and a kind.
#[utoipa::path(get, path = "/api/v1/inbox", tag = "account", params(PageQuery, Format),
    responses((status = 200, body = Page<NoticeView>)))]
async fn list_inbox(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(query): Query<PageQuery>,
    Query(format): Query<Format>,
) -> Result<Response, ApiError> {
    list("inbox", &format, query, async |query| inbox::list(&ctx, &actor, &query).await).await
}

/// Marks messages as read: those named, or all of them up to an instant.
#[utoipa::path(post, path = "/api/v1/inbox/read", tag = "account", request_body = ReadNotices,
    responses((status = 200, body = ReadCount), (status = 422, body = ErrorBody)))]
async fn read_inbox(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(input): Body<ReadNotices>,
) -> Answer<ReadCount> {
    Ok(Json(inbox::mark_read(&ctx, &actor, input).await?))
}

/// Kinds of messages that the caller does not want.
#[utoipa::path(get, path = "/api/v1/inbox/mutes", tag = "account", responses((status = 200, body = Mutes)))]
async fn get_inbox_mutes(State(ctx): State<Ctx>, Caller(actor): Caller) -> Answer<Mutes> {
    Ok(Json(inbox::mutes(&ctx, &actor).await?))
}

/// Puts other mutes in their place. What is muted when it happens never comes.
#[utoipa::path(put, path = "/api/v1/inbox/mutes", tag = "account", request_body = Mutes,
    responses((status = 200, body = Mutes), (status = 422, body = ErrorBody)))]
async fn set_inbox_mutes(State(ctx): State<Ctx>, Caller(actor): Caller, Body(input): Body<Mutes>) -> Answer<Mutes> {
    Ok(Json(inbox::set_mutes(&ctx, &actor, input).await?))
}
