//! Workspaces and the projects in them.

use crate::{
    Actor, Ctx,
    authorise::{self, DEFAULT_WORKSPACE},
};
use std::collections::HashMap;
use trainyard_store::{StoreError, audit, fresh_id, memberships, now, parse, projects};
use trainyard_types::{
    Action, Page, PageQuery, Problem, Role, Slug, WorkspaceId,
    account::{NewProject, NewWorkspace, ProjectView, WorkspaceView},
};

/// Names that stand in addresses for something else.
const RESERVED: [&str; 3] = ["new", "api", "demo"];

/// The projects that the caller may see, by name.
///
/// # Errors
/// The database failed, or the password has to be changed first.
pub async fn list(ctx: &Ctx, actor: &Actor, query: &PageQuery) -> Result<Page<ProjectView>, Problem> {
    authorise::settled(actor)?;
    visible(ctx, actor, query).await
}

/// [`list`] without the guard: [`crate::accounts::me`] answers before the password is changed too.
pub(crate) async fn visible(ctx: &Ctx, actor: &Actor, query: &PageQuery) -> Result<Page<ProjectView>, Problem> {
    let roles = held(ctx, actor).await?;
    let ids: Option<Vec<String>> = roles.as_ref().map(|roles| roles.keys().cloned().collect());
    let page = projects::list(ctx.store(), ids.as_deref(), query).await?;
    let (total, mut items) = (page.total, Vec::with_capacity(page.items.len()));
    for (project, workspace) in page.items {
        let role = match &roles {
            None => Role::Admin,
            Some(roles) => roles.get(&workspace.id).copied().unwrap_or(Role::Viewer),
        };
        items.push(project_view(project, &workspace, role)?);
    }
    Ok(Page::new(items, total, query))
}

/// The caller's roles by workspace; `None` means `Admin` in all.
pub(crate) async fn held(ctx: &Ctx, actor: &Actor) -> Result<Option<HashMap<String, Role>>, Problem> {
    if actor.instance_admin {
        return Ok(None);
    }
    let user = actor.user.to_string();
    let roles = memberships::of_users(ctx.store().db(), std::slice::from_ref(&user)).await?.remove(&user);
    Ok(Some(roles.unwrap_or_default().into_iter().map(|(workspace, role)| (workspace.id, role)).collect()))
}

/// One project.
///
/// # Errors
/// `NotFound` where there is none that the caller may know of.
pub async fn view(ctx: &Ctx, actor: &Actor, slug: &Slug) -> Result<ProjectView, Problem> {
    let scope = authorise::project(ctx, actor, slug, Action::Read).await?;
    let found = projects::by_slug(ctx.store().db(), slug.as_str()).await?;
    let (project, workspace) =
        found.ok_or_else(|| Problem::not_found(format!("There is no project '{slug}' any more.")))?;
    project_view(project, &workspace, scope.role)
}

/// Makes a project.
///
/// # Errors
/// `Forbidden` for all but the workspace's admins, `Conflict` where the slug is taken.
pub async fn create(ctx: &Ctx, actor: &Actor, input: NewProject) -> Result<ProjectView, Problem> {
    let workspace = named_workspace(ctx, actor, input.workspace.as_ref()).await?;
    let id: WorkspaceId = parse("workspaces.id", &workspace.id)?;
    let role = authorise::workspace(ctx, actor, id, Action::Administer).await?;
    let slug = chosen_slug(input.slug, input.name.as_str())?;
    if RESERVED.contains(&slug.as_str()) && actor.is_person() {
        return Err(Problem::field("slug", format!("'{slug}' is reserved. Choose another address.")));
    }
    let model = projects::Project {
        id: fresh_id().to_string(),
        workspace_id: workspace.id.clone(),
        slug: slug.to_string(),
        name: input.name.to_string(),
        description: input.description.trim().chars().take(2000).collect(),
        created_at: now().0,
        created_by: actor.name.clone(),
    };
    let tx = ctx.store().begin().await?;
    let model = projects::insert(&*tx, model).await.map_err(|error| taken(error, &slug))?;
    let view = project_view(model, &workspace, role)?;
    let summary = format!("Made the project '{}' in the workspace '{}'.", view.name, workspace.name);
    let event = actor.event("project.create", format!("project/{}", view.id), summary);
    audit::append(&tx, event.in_project(slug.as_str()).after(&view)).await?;
    tx.commit().await?;
    Ok(view)
}

/// The workspaces in which the caller holds a role, by name.
///
/// # Errors
/// The database failed, or the password has to be changed first.
pub async fn list_workspaces(ctx: &Ctx, actor: &Actor) -> Result<Vec<WorkspaceView>, Problem> {
    authorise::settled(actor)?;
    let roles = held(ctx, actor).await?;
    let all = memberships::workspaces(ctx.store().db()).await?;
    all.iter()
        .filter(|workspace| roles.as_ref().is_none_or(|roles| roles.contains_key(&workspace.id)))
        .map(workspace_view)
        .collect()
}

/// Makes a workspace.
///
/// # Errors
/// `Forbidden` for all but instance admins, `Conflict` where the slug is taken.
pub async fn create_workspace(ctx: &Ctx, actor: &Actor, input: NewWorkspace) -> Result<WorkspaceView, Problem> {
    authorise::instance_admin(actor)?;
    let slug = chosen_slug(input.slug, input.name.as_str())?;
    let model = projects::Workspace {
        id: fresh_id().to_string(),
        slug: slug.to_string(),
        name: input.name.to_string(),
        created_at: now().0,
    };
    let tx = ctx.store().begin().await?;
    let model = memberships::insert_workspace(&*tx, model).await.map_err(|error| taken(error, &slug))?;
    let view = workspace_view(&model)?;
    let summary = format!("Made the workspace '{}'.", view.name);
    audit::append(&tx, actor.event("workspace.create", format!("workspace/{}", view.id), summary).after(&view)).await?;
    tx.commit().await?;
    Ok(view)
}

/// The workspace asked for, or the default one.
pub(crate) async fn named_workspace(
    ctx: &Ctx,
    actor: &Actor,
    slug: Option<&Slug>,
) -> Result<projects::Workspace, Problem> {
    let slug = slug.map_or(DEFAULT_WORKSPACE, Slug::as_str);
    let unknown = || Problem::field("workspace", format!("There is no workspace '{slug}', or you hold no role in it."));
    let workspace = memberships::workspace_by_slug(ctx.store().db(), slug).await?.ok_or_else(unknown)?;
    let role = authorise::role_in(ctx, actor, parse("workspaces.id", &workspace.id)?).await?;
    role.map(|_| workspace).ok_or_else(unknown)
}

fn chosen_slug(given: Option<Slug>, name: &str) -> Result<Slug, Problem> {
    given
        .or_else(|| Slug::from_text(name))
        .ok_or_else(|| Problem::field("slug", "No address can be made of this name. Give one of a-z, 0-9 and '-'."))
}

fn taken(error: StoreError, slug: &Slug) -> Problem {
    if error.is_duplicate() {
        let mut problem = Problem::field("slug", format!("The address '{slug}' is taken. Choose another."));
        problem.code = trainyard_types::Code::Conflict;
        return problem;
    }
    error.into()
}

pub(crate) fn workspace_view(model: &projects::Workspace) -> Result<WorkspaceView, Problem> {
    Ok(WorkspaceView { id: parse("workspaces.id", &model.id)?, slug: model.slug.clone(), name: model.name.clone() })
}

fn project_view(
    project: projects::Project,
    workspace: &projects::Workspace,
    role: Role,
) -> Result<ProjectView, Problem> {
    Ok(ProjectView {
        id: parse("projects.id", &project.id)?,
        slug: project.slug,
        name: project.name,
        description: project.description,
        workspace: workspace_view(workspace)?,
        role,
    })
}
