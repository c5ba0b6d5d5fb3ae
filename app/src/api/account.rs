//! Signing in and out, one's own password, tokens and looks.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use trainyard_types::{
    Page, PageQuery,
    account::{Me, NewTokenView, TokenView},
};

/// The signed-in person with the projects they see.
#[server(prefix = "/api/fn", endpoint = "me", output = Json)]
pub async fn fetch_me() -> Result<Me, AppError> {
    let (ctx, actor) = super::anyone()?;
    super::done(trainyard_service::accounts::me(&ctx, &actor).await)
}

/// Signs in and goes to `next`. The answer does not tell which of the two fields was wrong.
#[server(prefix = "/api/fn", endpoint = "sign_in", output = Json)]
pub async fn sign_in(name: String, password: String, #[server(default)] next: String) -> Result<(), AppError> {
    let ctx = super::ctx()?;
    let input = trainyard_types::account::SignIn { name, password };
    let signed_in = super::done(trainyard_service::accounts::sign_in(&ctx, input, &super::address()).await)?;
    super::done(crate::session::open(&super::session().await?, signed_in).await)?;
    leptos_axum::redirect(&crate::hooks::safe_next(&next));
    Ok(())
}

/// Ends this browser's session.
#[server(prefix = "/api/fn", endpoint = "sign_out", output = Json)]
pub async fn sign_out() -> Result<(), AppError> {
    if let Ok((ctx, actor)) = super::anyone() {
        super::done(trainyard_service::accounts::sign_out(&ctx, &actor).await)?;
    }
    super::done(crate::session::close(&super::session().await?).await)?;
    leptos_axum::redirect("/sign-in");
    Ok(())
}

/// Ends every session of the person, this one too.
#[server(prefix = "/api/fn", endpoint = "sign_out_everywhere", output = Json)]
pub async fn sign_out_everywhere() -> Result<(), AppError> {
    let (ctx, actor) = super::anyone()?;
    super::done(trainyard_service::accounts::sign_out_everywhere(&ctx, &actor).await)?;
    super::done(crate::session::close(&super::session().await?).await)?;
    leptos_axum::redirect("/sign-in");
    Ok(())
}

/// Changes the person's own password; their other sessions end.
#[server(prefix = "/api/fn", endpoint = "change_password", output = Json)]
pub async fn change_password(
    current: String,
    new: String,
    again: String,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    use trainyard_types::{Password, Problem, account::ChangePassword};
    let (ctx, actor) = super::anyone()?;
    if new != again {
        return super::done(Err(Problem::field("again", "The two new passwords differ. Type the same one twice.")));
    }
    let new = super::word("new", Password::parse(new))?;
    let input = ChangePassword { current, new };
    let signed_in = super::done(trainyard_service::accounts::change_password(&ctx, &actor, input).await)?;
    super::done(crate::session::open(&super::session().await?, signed_in).await)?;
    leptos_axum::redirect(&crate::hooks::safe_next(&next));
    Ok(())
}

/// The person's API tokens, without the secrets.
#[server(prefix = "/api/fn", endpoint = "tokens", output = Json)]
pub async fn list_tokens(query: PageQuery) -> Result<Page<TokenView>, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::accounts::list_tokens(&ctx, &actor, &query).await)
}

/// Makes a token; the answer holds its secret, this once.
#[server(prefix = "/api/fn", endpoint = "create_token", output = Json)]
pub async fn create_token(name: String, days: String) -> Result<NewTokenView, AppError> {
    use trainyard_types::{ResourceName, account::NewToken};
    let (ctx, actor) = super::caller()?;
    let name = super::word("name", ResourceName::parse(name))?;
    let days = if days.is_empty() { None } else { Some(super::parsed("days", &days)?) };
    super::done(trainyard_service::accounts::create_token(&ctx, &actor, NewToken { name, days }).await)
}

/// Makes a token worthless, at once.
#[server(prefix = "/api/fn", endpoint = "revoke_token", output = Json)]
pub async fn revoke_token(id: trainyard_types::TokenId) -> Result<(), AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::accounts::revoke_token(&ctx, &actor, id).await)
}

/// Remembers a matter of looks in a cookie: `theme` (`light`, `dark`, `system`) or `nav` (`folded`, `open`).
#[server(prefix = "/api/fn", endpoint = "set_look", output = Json)]
pub async fn set_look(name: String, value: String) -> Result<(), AppError> {
    let known =
        matches!((name.as_str(), value.as_str()), ("theme", "light" | "dark" | "system") | ("nav", "folded" | "open"));
    if !known {
        return super::done(Err(trainyard_types::Problem::field("value", "There is no such setting.")));
    }
    let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
    if let (Some(response), Ok(value)) =
        (use_context::<leptos_axum::ResponseOptions>(), http::HeaderValue::from_str(&cookie))
    {
        response.append_header(http::header::SET_COOKIE, value);
    }
    Ok(())
}
