//! Signing in and out, the password's change, and who a session or a token stands for.

use super::passwords;
use crate::{Actor, Ctx, Via, authorise, projects::visible};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use trainyard_store::{accounts, audit, audit::hex, now, parse, tokens};
use trainyard_types::{
    Code, PageQuery, Problem, UserId,
    account::{ChangePassword, Me, SignIn},
};

/// What a browser's session holds: the person, and the epoch in which the session was made. A later epoch (after a new
/// password, or signing out everywhere) voids it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    pub user: UserId,
    pub epoch: i64,
}

/// Checks name and password.
///
/// # Errors
/// `Unauthenticated`, with the same words and after the same time, whether the name, the password or both were wrong or
/// the account is locked; `TooMany` after too many tries from this address or for this name.
pub async fn sign_in(ctx: &Ctx, input: SignIn, from: &str) -> Result<SignedIn, Problem> {
    let key: String = accounts::name_key(&input.name).chars().take(128).collect();
    ctx.limits().check(&key, from)?;
    let refused =
        || Problem::new(Code::Unauthenticated, "The name or the password is wrong. Check both and try again.");
    let Some(user) = accounts::by_name(ctx.store().db(), &key).await? else {
        passwords::pretend(ctx, &input.password).await?;
        tracing::warn!(from, "sign-in refused: unknown name");
        return Err(refused());
    };
    if !passwords::matches(ctx, &input.password, &user.password_hash).await? || user.disabled {
        tracing::warn!(from, user = %user.id, "sign-in refused");
        return Err(refused());
    }
    ctx.limits().succeeded(&key);
    let id: UserId = parse("users.id", &user.id)?;
    let actor = person(user, id, Via::Browser, from);
    let tx = ctx.store().begin().await?;
    // Read again within the transaction: a lock-out in between must win.
    let user = accounts::touch_sign_in(&*tx, id).await?.filter(|user| !user.disabled).ok_or_else(refused)?;
    let summary = format!("'{}' signed in.", user.name);
    audit::append(&tx, actor.event("session.start", format!("user/{id}"), summary)).await?;
    tx.commit().await?;
    Ok(SignedIn { user: id, epoch: user.session_epoch })
}

/// Writes down that a session was ended. The session itself is the web server's to remove.
///
/// # Errors
/// The database failed.
pub async fn sign_out(ctx: &Ctx, actor: &Actor) -> Result<(), Problem> {
    let tx = ctx.store().begin().await?;
    let summary = format!("'{}' signed out.", actor.name);
    audit::append(&tx, actor.event("session.end", format!("user/{}", actor.user), summary)).await?;
    tx.commit().await?;
    Ok(())
}

/// The person behind a session, or `None` where the session is void.
///
/// # Errors
/// The database failed.
pub async fn actor_for_user(ctx: &Ctx, session: SignedIn, from: &str) -> Result<Option<Actor>, Problem> {
    let user = accounts::by_id(ctx.store().db(), session.user).await?;
    let valid = user.filter(|user| !user.disabled && user.session_epoch == session.epoch);
    Ok(valid.map(|user| person(user, session.user, Via::Browser, from)))
}

/// The person behind an API token.
///
/// # Errors
/// `Unauthenticated` where the token is unknown, has expired, or its person is locked out.
pub async fn actor_for_token(ctx: &Ctx, token: &str, from: &str) -> Result<Actor, Problem> {
    let refused =
        || Problem::new(Code::Unauthenticated, "This API token is unknown or has expired. Make a new one in Settings.");
    let found = tokens::by_hash(ctx.store().db(), &token_hash(token)).await?;
    let found = found.filter(|token| token.expires_at > now().0).ok_or_else(refused)?;
    let id: UserId = parse("api_tokens.user_id", &found.user_id)?;
    let user = accounts::by_id(ctx.store().db(), id).await?.filter(|user| !user.disabled).ok_or_else(refused)?;
    tokens::touch(ctx.store().db(), &found).await?;
    let mut actor = person(user, id, Via::Token(found.prefix), from);
    // Whoever made the token was past that, or sat at the server's command line.
    actor.must_change_password = false;
    Ok(actor)
}

/// SHA-256, hex. A token is 160 random bits, so that a plain hash can't be reversed by trying.
pub(super) fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn person(user: accounts::User, id: UserId, via: Via, from: &str) -> Actor {
    Actor {
        user: id,
        name: user.name,
        via,
        from: from.to_owned(),
        instance_admin: user.instance_admin,
        must_change_password: user.must_change_password,
    }
}

/// The caller and the projects that the caller may see. Answers while the password has to be changed, too.
///
/// # Errors
/// The account is gone.
pub async fn me(ctx: &Ctx, actor: &Actor) -> Result<Me, Problem> {
    let user = account(ctx, actor).await?;
    let everything = PageQuery { per_page: 500, ..PageQuery::default() };
    Ok(Me {
        id: actor.user,
        name: user.name,
        display_name: user.display_name,
        instance_admin: user.instance_admin,
        must_change_password: actor.must_change_password,
        projects: visible(ctx, actor, &everything).await?.items,
    })
}

/// Sets a new password, which ends all sessions; the caller's own goes on with what this returns.
///
/// # Errors
/// `Invalid` where the current password is wrong or the new one is the same, `TooMany` after too many tries.
pub async fn change_password(ctx: &Ctx, actor: &Actor, input: ChangePassword) -> Result<SignedIn, Problem> {
    let user = account(ctx, actor).await?;
    ctx.limits().check(&user.name_key, &actor.from)?;
    if !passwords::matches(ctx, &input.current, &user.password_hash).await? {
        return Err(Problem::field("current", "This is not your current password."));
    }
    if input.current == input.new.expose() {
        return Err(Problem::field("new", "This is your current password. Choose another."));
    }
    ctx.limits().succeeded(&user.name_key);
    let hash = passwords::hash(ctx, input.new.expose()).await?;
    let tx = ctx.store().begin().await?;
    let user = accounts::set_password(&*tx, actor.user, &hash, false).await?.ok_or_else(gone)?;
    let summary = format!("'{}' changed the password; all other sessions ended.", user.name);
    audit::append(&tx, actor.event("user.password.change", format!("user/{}", actor.user), summary)).await?;
    tx.commit().await?;
    Ok(SignedIn { user: actor.user, epoch: user.session_epoch })
}

/// Ends all of the caller's sessions, this one too. API tokens stay.
///
/// # Errors
/// The account is gone.
pub async fn sign_out_everywhere(ctx: &Ctx, actor: &Actor) -> Result<(), Problem> {
    authorise::settled(actor)?;
    let tx = ctx.store().begin().await?;
    accounts::end_sessions(&*tx, actor.user).await?.ok_or_else(gone)?;
    let summary = format!("'{}' signed out everywhere.", actor.name);
    audit::append(&tx, actor.event("session.end_all", format!("user/{}", actor.user), summary)).await?;
    tx.commit().await?;
    Ok(())
}

async fn account(ctx: &Ctx, actor: &Actor) -> Result<accounts::User, Problem> {
    accounts::by_id(ctx.store().db(), actor.user).await?.ok_or_else(gone)
}

pub(super) fn gone() -> Problem {
    Problem::not_found("There is no such account.")
}
