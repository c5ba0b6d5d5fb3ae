//! API tokens: opaque, `ty_` and 32 random characters, shown once and stored as a hash.

use super::{
    passwords,
    sign_in::{gone, token_hash},
};
use crate::{Actor, Ctx, Via, authorise};
use trainyard_store::{accounts, audit, fresh_id, now, parse, tokens};
use trainyard_types::{
    Page, PageQuery, Problem, Timestamp, TokenId, UserId,
    account::{NewToken, NewTokenView, TokenView},
};

/// Random characters of a token, 5 bits each.
const LENGTH: usize = 32;
/// Characters that stay visible: `ty_` and five.
const PREFIX: usize = 8;
const DAYS: u32 = 90;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// The caller's own tokens, newest first.
///
/// # Errors
/// The database failed, or the password has to be changed first.
pub async fn list_tokens(ctx: &Ctx, actor: &Actor, query: &PageQuery) -> Result<Page<TokenView>, Problem> {
    authorise::settled(actor)?;
    let page = tokens::of_user(ctx.store(), actor.user, query).await?;
    let (total, mut items) = (page.total, Vec::with_capacity(page.items.len()));
    for model in page.items {
        items.push(view(model)?);
    }
    Ok(Page::new(items, total, query))
}

/// Makes a token for the caller.
///
/// # Errors
/// `Forbidden` with a token (a stolen one could outlive its end), `Invalid` for a term outside 1 to 365 days.
pub async fn create_token(ctx: &Ctx, actor: &Actor, input: NewToken) -> Result<NewTokenView, Problem> {
    authorise::settled(actor)?;
    if matches!(actor.via, Via::Token(_)) {
        return Err(Problem::forbidden("A token can't make tokens. Sign in with your password to make one."));
    }
    make(ctx, actor, actor.user, &actor.name, input).await
}

/// Makes a token for the person with this sign-in name: the command line's way.
///
/// # Errors
/// `Forbidden` for all but instance admins, `NotFound` for an unknown or locked account.
pub async fn create_token_for(ctx: &Ctx, actor: &Actor, name: &str, input: NewToken) -> Result<NewTokenView, Problem> {
    authorise::instance_admin(actor)?;
    if actor.is_person() {
        return Err(Problem::forbidden("Tokens for others are made at the server's command line only."));
    }
    let user = accounts::by_name(ctx.store().db(), name).await?.filter(|user| !user.disabled).ok_or_else(|| {
        Problem::not_found(format!("There is no account '{name}' that may sign in. 'trainyard user add' makes one."))
    })?;
    make(ctx, actor, parse("users.id", &user.id)?, &user.name, input).await
}

async fn make(ctx: &Ctx, actor: &Actor, user: UserId, name: &str, input: NewToken) -> Result<NewTokenView, Problem> {
    let days = input.days.unwrap_or(DAYS);
    if !(1..=365).contains(&days) {
        return Err(Problem::field("days", "A token lasts 1 to 365 days."));
    }
    let token = format!("ty_{}", passwords::generate(LENGTH)?);
    let at = now().0;
    let model = tokens::ApiToken {
        id: fresh_id().to_string(),
        user_id: user.to_string(),
        name: input.name.to_string(),
        prefix: token[..PREFIX].to_owned(),
        token_hash: token_hash(&token),
        created_at: at,
        expires_at: at + i64::from(days) * DAY_MS,
        last_used: None,
    };
    let tx = ctx.store().begin().await?;
    let info = view(tokens::insert(&*tx, model).await?)?;
    let summary = format!("Made the API token '{}' ({}…) for '{name}', for {days} days.", info.name, info.prefix);
    audit::append(&tx, actor.event("token.create", format!("token/{}", info.id), summary).after(&info)).await?;
    tx.commit().await?;
    Ok(NewTokenView { token, info })
}

/// Ends one of the caller's tokens; instance admins end anyone's.
///
/// # Errors
/// `NotFound` for a token that isn't the caller's.
pub async fn revoke_token(ctx: &Ctx, actor: &Actor, id: TokenId) -> Result<(), Problem> {
    authorise::settled(actor)?;
    let unknown = || Problem::not_found("There is no such token.");
    let tx = ctx.store().begin().await?;
    let token = tokens::by_id(&*tx, id).await?.ok_or_else(unknown)?;
    if token.user_id != actor.user.to_string() && !actor.instance_admin {
        return Err(unknown());
    }
    let owner = accounts::by_id(&*tx, parse("api_tokens.user_id", &token.user_id)?).await?.ok_or_else(gone)?;
    let before = view(token)?;
    tokens::delete(&*tx, id).await?;
    let summary = format!("Ended the API token '{}' ({}…) of '{}'.", before.name, before.prefix, owner.name);
    audit::append(&tx, actor.event("token.revoke", format!("token/{id}"), summary).before(&before)).await?;
    tx.commit().await?;
    Ok(())
}

fn view(model: tokens::ApiToken) -> Result<TokenView, Problem> {
    Ok(TokenView {
        id: parse("api_tokens.id", &model.id)?,
        name: model.name,
        prefix: model.prefix,
        created_at: Timestamp(model.created_at),
        expires_at: Timestamp(model.expires_at),
        last_used: model.last_used.map(Timestamp),
    })
}
