//! The first start: a workspace, a project and an admin.

use super::passwords;
use crate::{Actor, Ctx, authorise::DEFAULT_WORKSPACE};
use trainyard_store::{accounts, audit, fresh_id, memberships, now, projects};
use trainyard_types::{Password, Problem};

/// How the first person gets in.
#[derive(Clone, Debug)]
pub struct FirstSignIn {
    /// The sign-in name.
    pub name: String,
    /// The generated password, to be shown once and changed at the first sign-in; `None` where one was given.
    pub password: Option<String>,
}

/// Makes the workspace "main", its project "default" and the account "admin", unless there are accounts already: then it
/// does nothing and answers `None`.
///
/// # Errors
/// The password given is too short, or the database failed.
pub async fn bootstrap(ctx: &Ctx, initial_password: Option<String>) -> Result<Option<FirstSignIn>, Problem> {
    if !memberships::nobody_yet(ctx.store().db()).await? {
        return Ok(None);
    }
    let given = initial_password.map(Password::parse).transpose().map_err(|message| {
        Problem::invalid(format!("The first password (TRAINYARD_ADMIN_PASSWORD) can't be used. {message}"))
    })?;
    let generated = if given.is_none() { Some(passwords::generate(16)?) } else { None };
    let secret = given.as_ref().map(Password::expose).or(generated.as_deref()).unwrap_or_default();
    let hash = passwords::hash(ctx, secret).await?;

    let tx = ctx.store().begin().await?;
    // Another process may have been first.
    if !memberships::nobody_yet(&*tx).await? {
        return Ok(None);
    }
    let at = now().0;
    let workspace = projects::Workspace {
        id: fresh_id().to_string(),
        slug: DEFAULT_WORKSPACE.to_owned(),
        name: "Main".to_owned(),
        created_at: at,
    };
    let workspace = match memberships::insert_workspace(&*tx, workspace).await {
        Ok(workspace) => workspace,
        Err(error) if error.is_duplicate() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let project = projects::Project {
        id: fresh_id().to_string(),
        workspace_id: workspace.id,
        slug: "default".to_owned(),
        name: "First project".to_owned(),
        description: String::new(),
        created_at: at,
        created_by: "system".to_owned(),
    };
    let project = projects::insert(&*tx, project).await?;
    let user = accounts::User {
        id: fresh_id().to_string(),
        name: "admin".to_owned(),
        name_key: accounts::name_key("admin"),
        display_name: "Administrator".to_owned(),
        password_hash: hash,
        instance_admin: true,
        must_change_password: generated.is_some(),
        disabled: false,
        session_epoch: 0,
        created_at: at,
        last_sign_in: None,
    };
    let user = accounts::insert(&*tx, user).await?;
    let summary = "First start: made the workspace 'Main', its project 'First project' and the account 'admin'.";
    let event = Actor::system().event("instance.create", format!("user/{}", user.id), summary);
    audit::append(&tx, event.after(&(&user.id, &user.name, &project.id))).await?;
    tx.commit().await?;
    Ok(Some(FirstSignIn { name: user.name, password: generated }))
}
