//! A person's inbox. What is sent, and to whom, stands with what causes it: within the same transaction.

use crate::{Actor, Ctx, Via, authorise, projects::held};
use trainyard_store::{self as store, audit, inbox::Which, now};
use trainyard_types::{
    Page, PageQuery, Problem, Timestamp,
    inbox::{Mutes, NoticeView, ReadCount, ReadNotices},
    words::counted,
};

/// How long messages stay once they are read: 90 days from when they came.
const KEPT: i64 = 90 * 24 * 3600 * 1000;
/// Messages named by one request at most.
const NAMED: usize = 500;

/// The caller's messages of projects that the caller may still see, newest first.
///
/// # Errors
/// The database failed, or the password has to be changed first.
pub async fn list(ctx: &Ctx, actor: &Actor, query: &PageQuery) -> Result<Page<NoticeView>, Problem> {
    authorise::settled(actor)?;
    let workspaces = visible(ctx, actor).await?;
    Ok(store::inbox::list(ctx.store(), actor.user, workspaces.as_deref(), query).await?)
}

/// How many of them the caller has not read.
///
/// # Errors
/// As [`list`].
pub async fn unread(ctx: &Ctx, actor: &Actor) -> Result<u64, Problem> {
    authorise::settled(actor)?;
    let workspaces = visible(ctx, actor).await?;
    Ok(store::inbox::unread(ctx.store().db(), actor.user, workspaces.as_deref()).await?)
}

/// Marks the caller's own messages as read. It is no audit event: like where a person scrolled to, it changes nothing for
/// anybody else.
///
/// # Errors
/// As [`list`]; more than 500 are named.
pub async fn mark_read(ctx: &Ctx, actor: &Actor, input: ReadNotices) -> Result<ReadCount, Problem> {
    authorise::settled(actor)?;
    if input.ids.as_ref().is_some_and(|ids| ids.len() > NAMED) {
        return Err(Problem::field("ids", format!("Name at most {NAMED} messages, or leave `ids` out for all.")));
    }
    let workspaces = visible(ctx, actor).await?;
    let which = Which { workspaces: workspaces.as_deref(), ids: input.ids.as_deref(), until: input.until };
    let read = store::inbox::mark_read(ctx.store().db(), actor.user, which, now()).await?;
    Ok(ReadCount { read })
}

/// The workspaces whose projects the caller sees; `None` means all.
async fn visible(ctx: &Ctx, actor: &Actor) -> Result<Option<Vec<String>>, Problem> {
    Ok(held(ctx, actor).await?.map(|roles| roles.into_keys().collect()))
}

/// Kinds of messages that the caller does not want.
///
/// # Errors
/// As [`list`].
pub async fn mutes(ctx: &Ctx, actor: &Actor) -> Result<Mutes, Problem> {
    authorise::settled(actor)?;
    Ok(Mutes { muted: store::inbox::mutes(ctx.store().db(), actor.user).await? })
}

/// Says which kinds of messages the caller does not want from now on.
///
/// # Errors
/// As [`list`]; `Forbidden` for callers without an account.
pub async fn set_mutes(ctx: &Ctx, actor: &Actor, input: Mutes) -> Result<Mutes, Problem> {
    authorise::settled(actor)?;
    if matches!(actor.via, Via::System | Via::Cli) {
        return Err(Problem::forbidden("Only a person has an inbox. Sign in first."));
    }
    let mut after = input;
    after.muted.sort();
    after.muted.dedup();
    let tx = ctx.store().begin().await?;
    let before = Mutes { muted: store::inbox::mutes(&*tx, actor.user).await? };
    store::inbox::set_mutes(&tx, actor.user, &after.muted).await?;
    let muted = counted(after.muted.len() as u64, "kind of message", "kinds of messages");
    let event = actor.event("inbox.mute", format!("user/{}", actor.user), format!("Muted {muted} in the own inbox."));
    audit::append(&tx, event.before(&before).after(&after)).await?;
    tx.commit().await?;
    Ok(after)
}

/// Removes messages that were read and are older than 90 days. Any worker may call it at any time.
///
/// # Errors
/// The database failed.
pub async fn sweep(ctx: &Ctx) -> Result<u64, Problem> {
    Ok(store::inbox::sweep(ctx.store().db(), Timestamp(now().0 - KEPT)).await?)
}
