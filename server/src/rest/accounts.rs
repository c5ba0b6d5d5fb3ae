//! Signing in and out, people, tokens.

use crate::web::{
    auth::{Caller, From},
    errors::{Answer, ApiError, Body, ErrorBody, Path, Query},
    list::{Format, list},
    state::AppState,
};
use axum::{Json, extract::State, response::Response};
use http::StatusCode;
use tower_sessions::Session;
use trainyard_app::session;
use trainyard_service::{Ctx, accounts};
use trainyard_types::{Page, PageQuery, TokenId, UserId, account::*};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(sign_out_everywhere))
        .routes(routes!(change_password))
        .routes(routes!(me))
        .routes(routes!(list_users, create_user))
        .routes(routes!(set_role))
        .routes(routes!(set_disabled))
        .routes(routes!(set_instance_admin))
        .routes(routes!(reset_password))
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(revoke_token))
}

/// Signs in; the answer sets the session's cookie.
#[utoipa::path(post, path = "/api/v1/sign-in", tag = "account", security(()), request_body = SignIn,
    responses((status = 200, body = Me), (status = 401, body = ErrorBody), (status = 429, body = ErrorBody)))]
async fn sign_in(State(ctx): State<Ctx>, From(from): From, session: Session, Body(input): Body<SignIn>) -> Answer<Me> {
    let signed_in = accounts::sign_in(&ctx, input, &from).await?;
    session::open(&session, signed_in).await?;
    let actor = accounts::actor_for_user(&ctx, signed_in, &from).await?.ok_or_else(gone)?;
    Ok(Json(accounts::me(&ctx, &actor).await?))
}

/// Ends this session.
#[utoipa::path(post, path = "/api/v1/sign-out", tag = "account", responses((status = 204)))]
async fn sign_out(State(ctx): State<Ctx>, Caller(actor): Caller, session: Session) -> Result<StatusCode, ApiError> {
    accounts::sign_out(&ctx, &actor).await?;
    session::close(&session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all of the caller's sessions, this one too.
#[utoipa::path(post, path = "/api/v1/sign-out-everywhere", tag = "account", responses((status = 204)))]
async fn sign_out_everywhere(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    session: Session,
) -> Result<StatusCode, ApiError> {
    accounts::sign_out_everywhere(&ctx, &actor).await?;
    session::close(&session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets a new password, which ends all other sessions.
#[utoipa::path(post, path = "/api/v1/change-password", tag = "account", request_body = ChangePassword,
    responses((status = 204), (status = 422, body = ErrorBody)))]
async fn change_password(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    session: Session,
    Body(input): Body<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    let signed_in = accounts::change_password(&ctx, &actor, input).await?;
    if actor.via == trainyard_service::Via::Browser {
        session::open(&session, signed_in).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The caller, with projects and roles.
#[utoipa::path(get, path = "/api/v1/me", tag = "account", responses((status = 200, body = Me)))]
async fn me(State(ctx): State<Ctx>, Caller(actor): Caller) -> Answer<Me> {
    Ok(Json(accounts::me(&ctx, &actor).await?))
}

/// People with their roles. For admins.
#[utoipa::path(get, path = "/api/v1/users", tag = "people", params(PageQuery, Format),
    responses((status = 200, body = Page<UserView>)))]
async fn list_users(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(query): Query<PageQuery>,
    Query(format): Query<Format>,
) -> Result<Response, ApiError> {
    list("people", &format, query, async |query| accounts::list_users(&ctx, &actor, &query).await).await
}

/// Makes an account. Without a password one is generated and answered, this once.
#[utoipa::path(post, path = "/api/v1/users", tag = "people", request_body = NewUser,
    responses((status = 201, body = NewUserView), (status = 409, body = ErrorBody)))]
async fn create_user(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(input): Body<NewUser>,
) -> Result<(StatusCode, Json<NewUserView>), ApiError> {
    Ok((StatusCode::CREATED, Json(accounts::create_user(&ctx, &actor, input).await?)))
}

/// Gives a role in a workspace, or takes it away (`role` null).
#[utoipa::path(put, path = "/api/v1/users/role", tag = "people", request_body = SetRole,
    responses((status = 200, body = UserView)))]
async fn set_role(State(ctx): State<Ctx>, Caller(actor): Caller, Body(input): Body<SetRole>) -> Answer<UserView> {
    Ok(Json(accounts::set_role(&ctx, &actor, input).await?))
}

/// Whether a switch is on.
#[derive(serde::Deserialize, utoipa::ToSchema)]
struct Switch {
    value: bool,
}

/// Locks a person out, or lets them in again. For instance admins.
#[utoipa::path(put, path = "/api/v1/users/{user}/disabled", tag = "people", request_body = Switch,
    params(("user" = UserId, Path)), responses((status = 200, body = UserView)))]
async fn set_disabled(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(user): Path<UserId>,
    Body(Switch { value }): Body<Switch>,
) -> Answer<UserView> {
    Ok(Json(accounts::set_disabled(&ctx, &actor, user, value).await?))
}

/// Makes a person an admin of the instance, or ends that. For instance admins.
#[utoipa::path(put, path = "/api/v1/users/{user}/instance-admin", tag = "people", request_body = Switch,
    params(("user" = UserId, Path)), responses((status = 200, body = UserView)))]
async fn set_instance_admin(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(user): Path<UserId>,
    Body(Switch { value }): Body<Switch>,
) -> Answer<UserView> {
    Ok(Json(accounts::set_instance_admin(&ctx, &actor, user, value).await?))
}

/// Gives a person a generated password, answered this once. For instance admins.
#[utoipa::path(post, path = "/api/v1/users/{user}/reset-password", tag = "people", params(("user" = UserId, Path)),
    responses((status = 200, body = NewUserView)))]
async fn reset_password(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(user): Path<UserId>,
) -> Answer<NewUserView> {
    Ok(Json(accounts::reset_password(&ctx, &actor, user).await?))
}

/// The caller's API tokens.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "account", params(PageQuery, Format),
    responses((status = 200, body = Page<TokenView>)))]
async fn list_tokens(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(query): Query<PageQuery>,
    Query(format): Query<Format>,
) -> Result<Response, ApiError> {
    list("tokens", &format, query, async |query| accounts::list_tokens(&ctx, &actor, &query).await).await
}

/// Makes an API token, answered this once.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "account", request_body = NewToken,
    responses((status = 201, body = NewTokenView)))]
async fn create_token(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(input): Body<NewToken>,
) -> Result<(StatusCode, Json<NewTokenView>), ApiError> {
    Ok((StatusCode::CREATED, Json(accounts::create_token(&ctx, &actor, input).await?)))
}

/// Ends an API token.
#[utoipa::path(delete, path = "/api/v1/tokens/{token}", tag = "account", params(("token" = TokenId, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
async fn revoke_token(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(token): Path<TokenId>,
) -> Result<StatusCode, ApiError> {
    accounts::revoke_token(&ctx, &actor, token).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn gone() -> trainyard_types::Problem {
    trainyard_types::Problem::conflict("The account was locked at this moment. Ask an admin.")
}
