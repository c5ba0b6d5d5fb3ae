//! People, workers and the audit trail.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use trainyard_types::{
    Page, PageQuery, UserId, WorkspaceId,
    account::{NewUserView, UserView},
    audit::{AuditEventView, ChainReport},
    job::WorkerView,
};

/// The accounts that the caller administers.
#[server(prefix = "/api/fn", endpoint = "users", output = Json)]
pub async fn list_users(query: PageQuery) -> Result<Page<UserView>, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::accounts::list_users(&ctx, &actor, &query).await)
}

/// Makes an account with a generated password, which the answer holds this once.
#[server(prefix = "/api/fn", endpoint = "create_user", output = Json)]
pub async fn create_user(
    name: String,
    display_name: String,
    role: String,
    workspace: String,
) -> Result<NewUserView, AppError> {
    use trainyard_types::{PersonName, Slug, UserName, account::NewUser};
    let (ctx, actor) = super::caller()?;
    let display = if display_name.trim().is_empty() { name.clone() } else { display_name };
    let input = NewUser {
        name: super::word("name", UserName::parse(name))?,
        display_name: super::word("display_name", PersonName::parse(display))?,
        role: super::parsed("role", &role)?,
        workspace: if workspace.is_empty() { None } else { Some(super::word("workspace", Slug::parse(workspace))?) },
        password: None,
    };
    super::done(trainyard_service::accounts::create_user(&ctx, &actor, input).await)
}

/// Gives a person a role in a workspace; an empty `role` takes it away.
#[server(prefix = "/api/fn", endpoint = "set_role", output = Json)]
pub async fn set_role(user: UserId, workspace: WorkspaceId, role: String) -> Result<(), AppError> {
    let (ctx, actor) = super::caller()?;
    let role = if role.is_empty() { None } else { Some(super::parsed("role", &role)?) };
    let input = trainyard_types::account::SetRole { user, workspace, role };
    super::done(trainyard_service::accounts::set_role(&ctx, &actor, input).await.map(|_| ()))
}

/// Shuts an account out, or lets it in again.
#[server(prefix = "/api/fn", endpoint = "set_disabled", output = Json)]
pub async fn set_disabled(user: UserId, disabled: bool) -> Result<(), AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::accounts::set_disabled(&ctx, &actor, user, disabled).await.map(|_| ()))
}

/// Gives an account a new generated password, which the answer holds this once; it has to be changed at the next sign-in.
#[server(prefix = "/api/fn", endpoint = "reset_password", output = Json)]
pub async fn reset_password(user: UserId) -> Result<NewUserView, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::accounts::reset_password(&ctx, &actor, user).await)
}

/// The processes that work the queue.
#[server(prefix = "/api/fn", endpoint = "workers", output = Json)]
pub async fn list_workers() -> Result<Vec<WorkerView>, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::workers::list(&ctx, &actor).await)
}

/// Audit events, newest first.
#[server(prefix = "/api/fn", endpoint = "audit", output = Json)]
pub async fn list_audit(query: PageQuery) -> Result<Page<AuditEventView>, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::audit::list(&ctx, &actor, &query).await)
}

/// Checks the audit chain from its first event to its last.
#[server(prefix = "/api/fn", endpoint = "verify_audit", output = Json)]
pub async fn verify_audit() -> Result<ChainReport, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::audit::verify(&ctx, &actor).await)
}
