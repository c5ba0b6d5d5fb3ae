//! Server functions of sources outside: connections, fetches, and fetching a data set again.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_types::{
    ConnectionId, DatasetId, FetchId,
    dataset::CommitMode,
    source::{ConnectionTest, ConnectionView, DatasetSource, FetchView, NewConnection, SourceRules, SourceSpec},
};

/// What a project can fetch from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownSources {
    pub rules: SourceRules,
    pub connections: Vec<ConnectionView>,
}

#[server(prefix = "/api/fn", endpoint = "source_places", input = Json, output = Json)]
pub async fn source_places(project: String) -> Result<KnownSources, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let rules = super::done(trainyard_service::sources::rules(&ctx, &actor, &project).await)?;
    let connections = super::done(trainyard_service::sources::connections::list(&ctx, &actor, &project).await)?;
    Ok(KnownSources { rules, connections })
}

#[server(prefix = "/api/fn", endpoint = "connections", input = Json, output = Json)]
pub async fn all_connections(project: String) -> Result<Vec<ConnectionView>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::sources::connections::list(&ctx, &actor, &project).await)
}

/// Changes the connection that is named; without one, makes it.
#[server(prefix = "/api/fn", endpoint = "keep_connection", input = Json, output = Json)]
pub async fn keep_connection(
    project: String,
    id: Option<ConnectionId>,
    input: NewConnection,
) -> Result<ConnectionView, AppError> {
    use trainyard_service::sources::connections;
    use trainyard_types::source::EditConnection;
    let (ctx, actor, project) = super::in_project(&project)?;
    let NewConnection { name, settings, secret } = input;
    super::done(match id {
        None => connections::create(&ctx, &actor, &project, NewConnection { name, settings, secret }).await,
        Some(id) => connections::edit(&ctx, &actor, &project, id, EditConnection { name, settings, secret }).await,
    })
}

#[server(prefix = "/api/fn", endpoint = "drop_connection", input = Json, output = Json)]
pub async fn drop_connection(project: String, id: ConnectionId) -> Result<(), AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::sources::connections::remove(&ctx, &actor, &project, id).await)
}

#[server(prefix = "/api/fn", endpoint = "try_connection", input = Json, output = Json)]
pub async fn try_connection(project: String, id: ConnectionId) -> Result<ConnectionTest, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::sources::connections::test(&ctx, &actor, &project, id).await)
}

#[server(prefix = "/api/fn", endpoint = "begin_fetch", input = Json, output = Json)]
pub async fn begin_fetch(project: String, source: SourceSpec) -> Result<FetchView, AppError> {
    use trainyard_types::source::NewFetch;
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::sources::fetches::start(&ctx, &actor, &project, NewFetch { source }).await)
}

#[server(prefix = "/api/fn", endpoint = "fetch_state", input = Json, output = Json)]
pub async fn fetch_state(project: String, id: FetchId) -> Result<FetchView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::sources::fetches::view(&ctx, &actor, &project, id).await)
}

#[server(prefix = "/api/fn", endpoint = "stop_fetch", input = Json, output = Json)]
pub async fn stop_fetch(project: String, id: FetchId) -> Result<FetchView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::sources::fetches::cancel(&ctx, &actor, &project, id).await)
}

/// Where a data set was last fetched from; `None` where it was uploaded.
#[server(prefix = "/api/fn", endpoint = "dataset_origin", input = Json, output = Json)]
pub async fn dataset_origin(project: String, dataset: DatasetId) -> Result<Option<DatasetSource>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::sources::fetches::source_of(&ctx, &actor, &project, dataset).await)
}

#[server(prefix = "/api/fn", endpoint = "fetch_again", input = Json, output = Json)]
pub async fn fetch_again(project: String, dataset: DatasetId, mode: CommitMode) -> Result<FetchView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::sources::fetches::again(&ctx, &actor, &project, dataset, mode).await)
}
