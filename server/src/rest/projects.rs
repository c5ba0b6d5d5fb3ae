//! Workspaces and projects.

use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Body, ErrorBody, Path, Query},
    list::{Format, list},
    state::AppState,
};
use axum::{Json, extract::State, response::Response};
use http::StatusCode;
use trainyard_service::{Ctx, projects};
use trainyard_types::{Page, PageQuery, Slug, account::*};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_workspaces, create_workspace))
        .routes(routes!(list_projects, create_project))
        .routes(routes!(get_project))
}

/// The workspaces in which the caller holds a role.
#[utoipa::path(get, path = "/api/v1/workspaces", tag = "projects", responses((status = 200, body = Vec<WorkspaceView>)))]
async fn list_workspaces(State(ctx): State<Ctx>, Caller(actor): Caller) -> Answer<Vec<WorkspaceView>> {
    Ok(Json(projects::list_workspaces(&ctx, &actor).await?))
}

/// Makes a workspace. For instance admins.
#[utoipa::path(post, path = "/api/v1/workspaces", tag = "projects", request_body = NewWorkspace,
    responses((status = 201, body = WorkspaceView), (status = 409, body = ErrorBody)))]
async fn create_workspace(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(input): Body<NewWorkspace>,
) -> Result<(StatusCode, Json<WorkspaceView>), ApiError> {
    Ok((StatusCode::CREATED, Json(projects::create_workspace(&ctx, &actor, input).await?)))
}

/// The projects that the caller may see.
#[utoipa::path(get, path = "/api/v1/projects", tag = "projects", params(PageQuery, Format),
    responses((status = 200, body = Page<ProjectView>)))]
async fn list_projects(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(query): Query<PageQuery>,
    Query(format): Query<Format>,
) -> Result<Response, ApiError> {
    list("projects", &format, query, async |query| projects::list(&ctx, &actor, &query).await).await
}

/// Makes a project. For the workspace's admins.
#[utoipa::path(post, path = "/api/v1/projects", tag = "projects", request_body = NewProject,
    responses((status = 201, body = ProjectView), (status = 409, body = ErrorBody)))]
async fn create_project(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(input): Body<NewProject>,
) -> Result<(StatusCode, Json<ProjectView>), ApiError> {
    Ok((StatusCode::CREATED, Json(projects::create(&ctx, &actor, input).await?)))
}

/// One project.
#[utoipa::path(get, path = "/api/v1/projects/{project}", tag = "projects", params(("project" = Slug, Path)),
    responses((status = 200, body = ProjectView), (status = 404, body = ErrorBody)))]
async fn get_project(State(ctx): State<Ctx>, Caller(actor): Caller, Path(project): Path<Slug>) -> Answer<ProjectView> {
    Ok(Json(projects::view(&ctx, &actor, &project).await?))
}
