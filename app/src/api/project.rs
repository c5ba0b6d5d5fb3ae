//! Projects: their list, their home page, what runs in them, and the demo.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use trainyard_types::{
    Page, PageQuery,
    account::{ProjectView, WorkspaceView},
    home::{HomeView, TopBarView},
    job::WorkerView,
};

/// What the project's home page shows, and the workers (none for those who may not see them). The browser remembers the project as the one to start with.
#[server(prefix = "/api/fn", endpoint = "home", output = Json)]
pub async fn home(project: String) -> Result<(HomeView, Vec<WorkerView>), AppError> {
    let (ctx, actor, slug) = super::in_project(&project)?;
    let view = super::done(trainyard_service::home::view(&ctx, &actor, &slug).await)?;
    let cookie = format!("project={slug}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
    if let (Some(response), Ok(value)) =
        (use_context::<leptos_axum::ResponseOptions>(), http::HeaderValue::from_str(&cookie))
    {
        response.append_header(http::header::SET_COOKIE, value);
    }
    let workers = trainyard_service::workers::list(&ctx, &actor).await.unwrap_or_default();
    Ok((view, workers))
}

/// The project to start with: the one looked at last, or the first; `None` where the person sees none.
#[server(prefix = "/api/fn", endpoint = "start", output = Json)]
pub async fn start() -> Result<Option<String>, AppError> {
    let (ctx, actor) = super::caller()?;
    let me = super::done(trainyard_service::accounts::me(&ctx, &actor).await)?;
    let last = use_context::<http::request::Parts>().and_then(|p| crate::session::cookie(&p.headers, "project"));
    let known = last.filter(|slug| me.projects.iter().any(|p| &p.slug == slug));
    Ok(known.or_else(|| me.projects.first().map(|p| p.slug.clone())))
}

/// What the top bar shows: unread messages, and what runs and waits in the project, where the address names one.
#[server(prefix = "/api/fn", endpoint = "top_bar", output = Json)]
pub async fn top_bar(#[server(default)] project: Option<String>) -> Result<TopBarView, AppError> {
    let (ctx, actor) = super::caller()?;
    let activity = match project.as_deref().map(super::in_project).transpose()? {
        // A project that is not the caller's has a page that says so; the inbox goes on.
        Some((ctx, actor, slug)) => trainyard_service::runs::activity(&ctx, &actor, &slug).await.ok(),
        None => None,
    };
    Ok(TopBarView { activity, unread: super::done(trainyard_service::inbox::unread(&ctx, &actor).await)? })
}

/// Makes the demo project, or finds it, and goes there.
#[server(prefix = "/api/fn", endpoint = "load_demo", output = Json)]
pub async fn load_demo() -> Result<(), AppError> {
    let (ctx, actor) = super::caller()?;
    let project = super::done(trainyard_service::demo::load(&ctx, &actor).await)?;
    leptos_axum::redirect(&format!("/p/{}", project.slug));
    Ok(())
}

/// The projects that the caller sees.
#[server(prefix = "/api/fn", endpoint = "projects", output = Json)]
pub async fn list_projects(query: PageQuery) -> Result<Page<ProjectView>, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::projects::list(&ctx, &actor, &query).await)
}

/// Makes a project and goes there.
#[server(prefix = "/api/fn", endpoint = "create_project", output = Json)]
pub async fn create_project(
    name: String,
    #[server(default)] slug: String,
    #[server(default)] description: String,
    #[server(default)] workspace: String,
) -> Result<(), AppError> {
    use trainyard_types::{ResourceName, Slug, account::NewProject};
    let (ctx, actor) = super::caller()?;
    let optional = |field: &str, text: String| {
        if text.trim().is_empty() { Ok(None) } else { super::word(field, Slug::parse(text)).map(Some) }
    };
    let input = NewProject {
        name: super::word("name", ResourceName::parse(name))?,
        description,
        slug: optional("slug", slug)?,
        workspace: optional("workspace", workspace)?,
    };
    let project = super::done(trainyard_service::projects::create(&ctx, &actor, input).await)?;
    leptos_axum::redirect(&format!("/p/{}", project.slug));
    Ok(())
}

/// The workspaces that the caller has a role in.
#[server(prefix = "/api/fn", endpoint = "workspaces", output = Json)]
pub async fn list_workspaces() -> Result<Vec<WorkspaceView>, AppError> {
    let (ctx, actor) = super::caller()?;
    super::done(trainyard_service::projects::list_workspaces(&ctx, &actor).await)
}
