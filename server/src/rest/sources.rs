//! Sources outside: connections, fetches, and fetching a data set again.

use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Body, ErrorBody, Path},
    state::AppState,
};
use axum::{Json, extract::State};
use http::StatusCode;
use trainyard_service::{
    Ctx,
    sources::{self, connections, fetches},
};
use trainyard_types::{
    ConnectionId, DatasetId, FetchId, Slug,
    source::{
        ConnectionTest, ConnectionView, DatasetSource, EditConnection, FetchView, NewConnection, NewFetch, Refresh,
        SourceRules,
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(source_rules))
        .routes(routes!(list_connections, create_connection))
        .routes(routes!(edit_connection, remove_connection))
        .routes(routes!(test_connection))
        .routes(routes!(list_fetches, start_fetch))
        .routes(routes!(get_fetch, cancel_fetch))
        .routes(routes!(dataset_source))
        .routes(routes!(refresh_dataset))
}

/// What the server may reach: whether files of its own, and which hosts.
#[utoipa::path(get, path = "/api/v1/projects/{project}/sources", tag = "sources",
    params(("project" = Slug, Path)), responses((status = 200, body = SourceRules)))]
async fn source_rules(State(ctx): State<Ctx>, Caller(actor): Caller, Path(project): Path<Slug>) -> Answer<SourceRules> {
    Ok(Json(sources::rules(&ctx, &actor, &project).await?))
}

/// The project's connections, without their secrets.
#[utoipa::path(get, path = "/api/v1/projects/{project}/connections", tag = "sources",
    params(("project" = Slug, Path)), responses((status = 200, body = Vec<ConnectionView>)))]
async fn list_connections(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
) -> Answer<Vec<ConnectionView>> {
    Ok(Json(connections::list(&ctx, &actor, &project).await?))
}

/// Keeps a connection; its secret is encrypted and never shown again.
#[utoipa::path(post, path = "/api/v1/projects/{project}/connections", tag = "sources",
    params(("project" = Slug, Path)), request_body = NewConnection,
    responses((status = 201, body = ConnectionView), (status = 403, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn create_connection(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Body(input): Body<NewConnection>,
) -> Result<(StatusCode, Json<ConnectionView>), ApiError> {
    Ok((StatusCode::CREATED, Json(connections::create(&ctx, &actor, &project, input).await?)))
}

/// Changes a connection. Where it leads elsewhere, its secret has to be given again.
#[utoipa::path(put, path = "/api/v1/projects/{project}/connections/{connection}", tag = "sources",
    params(("project" = Slug, Path), ("connection" = ConnectionId, Path)), request_body = EditConnection,
    responses((status = 200, body = ConnectionView), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn edit_connection(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, connection)): Path<(Slug, ConnectionId)>,
    Body(input): Body<EditConnection>,
) -> Answer<ConnectionView> {
    Ok(Json(connections::edit(&ctx, &actor, &project, connection, input).await?))
}

/// Forgets a connection and its secret. Data sets that came through it stay.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/connections/{connection}", tag = "sources",
    params(("project" = Slug, Path), ("connection" = ConnectionId, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
async fn remove_connection(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, connection)): Path<(Slug, ConnectionId)>,
) -> Result<StatusCode, ApiError> {
    connections::remove(&ctx, &actor, &project, connection).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries a connection and looks what is there.
#[utoipa::path(post, path = "/api/v1/projects/{project}/connections/{connection}/test", tag = "sources",
    params(("project" = Slug, Path), ("connection" = ConnectionId, Path)),
    responses((status = 200, body = ConnectionTest), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn test_connection(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, connection)): Path<(Slug, ConnectionId)>,
) -> Answer<ConnectionTest> {
    Ok(Json(connections::test(&ctx, &actor, &project, connection).await?))
}

/// The project's 50 newest fetches.
#[utoipa::path(get, path = "/api/v1/projects/{project}/fetches", tag = "sources",
    params(("project" = Slug, Path)), responses((status = 200, body = Vec<FetchView>)))]
async fn list_fetches(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
) -> Answer<Vec<FetchView>> {
    Ok(Json(fetches::list(&ctx, &actor, &project).await?))
}

/// Begins to fetch a source. In state `ready` it names an upload, which is committed like any other.
#[utoipa::path(post, path = "/api/v1/projects/{project}/fetches", tag = "sources",
    params(("project" = Slug, Path)), request_body = NewFetch,
    responses((status = 202, body = FetchView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn start_fetch(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Body(input): Body<NewFetch>,
) -> Result<(StatusCode, Json<FetchView>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(fetches::start(&ctx, &actor, &project, input).await?)))
}

/// One fetch: how far it is, what it made, or why it failed.
#[utoipa::path(get, path = "/api/v1/projects/{project}/fetches/{fetch}", tag = "sources",
    params(("project" = Slug, Path), ("fetch" = FetchId, Path)),
    responses((status = 200, body = FetchView), (status = 404, body = ErrorBody)))]
async fn get_fetch(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, fetch)): Path<(Slug, FetchId)>,
) -> Answer<FetchView> {
    Ok(Json(fetches::view(&ctx, &actor, &project, fetch).await?))
}

/// Cancels a fetch; what was fetched so far goes.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/fetches/{fetch}", tag = "sources",
    params(("project" = Slug, Path), ("fetch" = FetchId, Path)),
    responses((status = 200, body = FetchView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn cancel_fetch(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, fetch)): Path<(Slug, FetchId)>,
) -> Answer<FetchView> {
    Ok(Json(fetches::cancel(&ctx, &actor, &project, fetch).await?))
}

/// Where a data set was last fetched from; `null` where it was uploaded.
#[utoipa::path(get, path = "/api/v1/projects/{project}/datasets/{dataset}/source", tag = "sources",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path)),
    responses((status = 200, body = Option<DatasetSource>), (status = 404, body = ErrorBody)))]
async fn dataset_source(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
) -> Answer<Option<DatasetSource>> {
    Ok(Json(fetches::source_of(&ctx, &actor, &project, dataset).await?))
}

/// Fetches a data set's source again; the next version is made of it, read as the current one is.
#[utoipa::path(post, path = "/api/v1/projects/{project}/datasets/{dataset}/refresh", tag = "sources",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path)), request_body = Refresh,
    responses((status = 202, body = FetchView), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn refresh_dataset(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
    Body(input): Body<Refresh>,
) -> Result<(StatusCode, Json<FetchView>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(fetches::again(&ctx, &actor, &project, dataset, input.mode).await?)))
}
