//! The one place that decides who may do what. A role is held in a workspace; instance admins, and Trainyard itself,
//! hold `Admin` in all.

use crate::{Actor, Ctx};
use trainyard_store::{ConnectionTrait, memberships, parse, projects};
use trainyard_types::{Action, Code, Problem, ProjectId, Role, Slug, WorkspaceId};

/// The workspace that the first start makes. Its auditors audit the instance.
pub const DEFAULT_WORKSPACE: &str = "main";

/// A project that the caller may act in.
#[derive(Clone, Debug)]
pub struct Scope {
    pub project: ProjectId,
    pub slug: String,
    pub name: String,
    pub workspace: WorkspaceId,
    /// The caller's role here.
    pub role: Role,
}

/// Refuses a caller who has to change the password first.
///
/// # Errors
/// `Forbidden`.
pub fn settled(actor: &Actor) -> Result<(), Problem> {
    if actor.must_change_password {
        return Err(Problem::forbidden("Change your generated password first, at /change-password."));
    }
    Ok(())
}

/// Refuses all but instance admins.
///
/// # Errors
/// `Forbidden`.
pub fn instance_admin(actor: &Actor) -> Result<(), Problem> {
    settled(actor)?;
    if actor.instance_admin {
        return Ok(());
    }
    Err(Problem::forbidden("Only an admin of the whole instance may do this. Ask one."))
}

/// The caller's role in a workspace, if any.
///
/// # Errors
/// The database failed.
pub async fn role_in(ctx: &Ctx, actor: &Actor, workspace: WorkspaceId) -> Result<Option<Role>, Problem> {
    if actor.instance_admin {
        return Ok(Some(Role::Admin));
    }
    Ok(memberships::role(ctx.store().db(), actor.user, workspace).await?)
}

/// Checks that the caller may do `action` in a workspace and gives the caller's role.
///
/// # Errors
/// `NotFound` for a workspace that the caller holds no role in, `Forbidden` where the role doesn't suffice.
pub async fn workspace(ctx: &Ctx, actor: &Actor, workspace: WorkspaceId, action: Action) -> Result<Role, Problem> {
    settled(actor)?;
    let unknown = || Problem::not_found("There is no such workspace, or you hold no role in it.");
    let role = role_in(ctx, actor, workspace).await?.ok_or_else(unknown)?;
    allow(role, action)?;
    Ok(role)
}

/// Checks that the caller may do `action` in the project with this slug.
///
/// # Errors
/// `NotFound` for a project that isn't there or that the caller may not know of, `Forbidden` where the role doesn't
/// suffice.
pub async fn project(ctx: &Ctx, actor: &Actor, slug: &Slug, action: Action) -> Result<Scope, Problem> {
    settled(actor)?;
    let unknown = || Problem::not_found(format!("There is no project '{slug}', or you hold no role in its workspace."));
    let (project, _) = projects::by_slug(ctx.store().db(), slug.as_str()).await?.ok_or_else(unknown)?;
    scope(ctx, actor, project, action, unknown).await
}

/// As [`project`], by id.
///
/// # Errors
/// As there.
pub async fn project_by_id(ctx: &Ctx, actor: &Actor, id: ProjectId, action: Action) -> Result<Scope, Problem> {
    settled(actor)?;
    let unknown = || Problem::not_found("There is no such project, or you hold no role in its workspace.");
    let project = projects::by_id(ctx.store().db(), &id.to_string()).await?.ok_or_else(unknown)?;
    scope(ctx, actor, project, action, unknown).await
}

/// The project that Trainyard itself acts in, within a transaction.
///
/// # Errors
/// It is not there.
pub(crate) async fn own_project(db: &impl ConnectionTrait, id: ProjectId) -> Result<Scope, Problem> {
    let project = projects::by_id(db, &id.to_string()).await?;
    let project = project.ok_or_else(|| Problem::not_found("The project is gone."))?;
    let workspace = parse("projects.workspace_id", &project.workspace_id)?;
    Ok(Scope { project: id, slug: project.slug, name: project.name, workspace, role: Role::Admin })
}

async fn scope(
    ctx: &Ctx,
    actor: &Actor,
    project: projects::Project,
    action: Action,
    unknown: impl Fn() -> Problem,
) -> Result<Scope, Problem> {
    let workspace: WorkspaceId = parse("projects.workspace_id", &project.workspace_id)?;
    let role = role_in(ctx, actor, workspace).await?.ok_or_else(unknown)?;
    allow(role, action)?;
    let id = parse("projects.id", &project.id)?;
    Ok(Scope { project: id, slug: project.slug, name: project.name, workspace, role })
}

/// The workspaces in which the caller may do `action`; `None` means all.
///
/// # Errors
/// `Forbidden` where there is none.
pub async fn anywhere(ctx: &Ctx, actor: &Actor, action: Action) -> Result<Option<Vec<projects::Workspace>>, Problem> {
    settled(actor)?;
    if actor.instance_admin {
        return Ok(None);
    }
    let user = actor.user.to_string();
    let held = memberships::of_users(ctx.store().db(), std::slice::from_ref(&user)).await?.remove(&user);
    let allowed: Vec<_> =
        held.unwrap_or_default().into_iter().filter(|(_, role)| role.allows(action)).map(|(w, _)| w).collect();
    if allowed.is_empty() {
        return Err(Problem::forbidden(format!("Your role does not allow {}. Ask an admin.", words(action))));
    }
    Ok(Some(allowed))
}

fn allow(role: Role, action: Action) -> Result<(), Problem> {
    if role.allows(action) {
        return Ok(());
    }
    Err(Problem::new(
        Code::Forbidden,
        format!("Your role here is {role}, which does not allow {}. Ask an admin for another role.", words(action)),
    ))
}

fn words(action: Action) -> &'static str {
    match action {
        Action::Read => "reading",
        Action::ReadRows => "looking at rows",
        Action::ReadAudit => "reading the audit trail",
        Action::Write => "changing anything",
        Action::Predict => "asking for predictions",
        Action::Approve => "decisions that an approver takes",
        Action::Administer => "managing people and projects",
    }
}
