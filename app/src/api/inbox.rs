//! Server functions of the inbox.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use trainyard_types::{
    Page, PageQuery,
    inbox::{Mutes, NoticeView, ReadCount, ReadNotices},
};

/// The caller's messages.
#[server(prefix = "/api/fn", endpoint = "inbox", output = Json)]
pub async fn list_inbox(query: PageQuery) -> Result<Page<NoticeView>, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::inbox::list(&ctx, &actor, &query).await)
}

/// Marks messages as read.
#[server(prefix = "/api/fn", endpoint = "read_inbox", input = Json, output = Json)]
pub async fn read_inbox(input: ReadNotices) -> Result<ReadCount, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::inbox::mark_read(&ctx, &actor, input).await)
}

/// Kinds of messages that the caller does not want.
#[server(prefix = "/api/fn", endpoint = "inbox_mutes", output = Json)]
pub async fn inbox_mutes() -> Result<Mutes, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::inbox::mutes(&ctx, &actor).await)
}

/// Says which kinds the caller does not want.
#[server(prefix = "/api/fn", endpoint = "mute_inbox", input = Json, output = Json)]
pub async fn mute_inbox(input: Mutes) -> Result<Mutes, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::inbox::set_mutes(&ctx, &actor, input).await)
}
