//! Server functions of stored splits.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use trainyard_types::{
    DatasetId, DatasetVersionId, SplitId,
    split::{NewSplit, SplitView},
};

#[server(prefix = "/api/fn", endpoint = "dataset_splits", input = Json, output = Json)]
pub async fn dataset_splits(project: String, dataset: DatasetId) -> Result<Vec<SplitView>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::splits::list(&ctx, &actor, &project, dataset).await)
}

#[server(prefix = "/api/fn", endpoint = "make_split", input = Json, output = Json)]
pub async fn make_split(project: String, version: DatasetVersionId, input: NewSplit) -> Result<SplitView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::splits::create(&ctx, &actor, &project, version, input).await)
}

#[server(prefix = "/api/fn", endpoint = "remove_split", input = Json, output = Json)]
pub async fn remove_split(project: String, split: SplitId) -> Result<(), AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::splits::remove(&ctx, &actor, &project, split).await)
}
