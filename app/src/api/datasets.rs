//! Server functions of the data pages.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_types::{
    DatasetId, DatasetVersionId, Page, PageQuery, UploadId,
    catalog::{DatasetDetails, GroupTable, Lineage, Sufficiency, VersionDiff},
    dataset::{CommitUpload, DatasetView, ReadFailure, ReadOptions, RowsView, UploadView, VersionSummary, VersionView},
    relations::{Relations, TargetRelation},
};

/// What became of a confirmed upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Committed {
    /// The version is stored.
    Stored { dataset: DatasetId, version: DatasetVersionId },
    /// Rows can't be read as typed; nothing was stored and the upload still waits.
    Refused(ReadFailure),
}

#[server(prefix = "/api/fn", endpoint = "list_datasets", input = Json, output = Json)]
pub async fn list_datasets(project: String, query: PageQuery) -> Result<Page<DatasetView>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::list(&ctx, &actor, &project, &query).await)
}

#[server(prefix = "/api/fn", endpoint = "get_dataset", input = Json, output = Json)]
pub async fn get_dataset(project: String, dataset: DatasetId) -> Result<DatasetView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::view(&ctx, &actor, &project, dataset).await)
}

/// All versions of a data set, newest first.
#[server(prefix = "/api/fn", endpoint = "dataset_versions", input = Json, output = Json)]
pub async fn dataset_versions(project: String, dataset: DatasetId) -> Result<Vec<VersionSummary>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::versions(&ctx, &actor, &project, dataset).await)
}

#[server(prefix = "/api/fn", endpoint = "dataset_version", input = Json, output = Json)]
pub async fn dataset_version(project: String, version: DatasetVersionId) -> Result<VersionView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::version(&ctx, &actor, &project, version).await)
}

#[server(prefix = "/api/fn", endpoint = "dataset_rows", input = Json, output = Json)]
pub async fn dataset_rows(
    project: String,
    version: DatasetVersionId,
    offset: u64,
    limit: u64,
) -> Result<RowsView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::rows(&ctx, &actor, &project, version, offset, limit.clamp(1, 200)).await)
}

#[server(prefix = "/api/fn", endpoint = "get_upload", input = Json, output = Json)]
pub async fn get_upload(project: String, upload: UploadId) -> Result<UploadView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::upload_view(&ctx, &actor, &project, upload).await)
}

/// Reads the first rows again, as corrected.
#[server(prefix = "/api/fn", endpoint = "reinspect_upload", input = Json, output = Json)]
pub async fn reinspect_upload(project: String, upload: UploadId, options: ReadOptions) -> Result<UploadView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::reinspect(&ctx, &actor, &project, upload, options).await)
}

#[server(prefix = "/api/fn", endpoint = "discard_upload", input = Json, output = Json)]
pub async fn discard_upload(project: String, upload: UploadId) -> Result<(), AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::discard_upload(&ctx, &actor, &project, upload).await)
}

#[server(prefix = "/api/fn", endpoint = "keep_upload", input = Json, output = Json)]
pub async fn keep_upload(project: String, upload: UploadId, commit: CommitUpload) -> Result<Committed, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    Ok(match trainyard_service::datasets::commit(&ctx, &actor, &project, upload, commit).await {
        Ok(version) => Committed::Stored { dataset: version.dataset, version: version.summary.id },
        Err(failure) => Committed::Refused(failure),
    })
}

/// Whether there is enough data, as a whole and for each protected group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub sufficiency: Option<Sufficiency>,
    pub groups: Vec<GroupTable>,
}

#[server(prefix = "/api/fn", endpoint = "version_standing", input = Json, output = Json)]
pub async fn version_standing(project: String, version: DatasetVersionId) -> Result<Standing, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let sufficiency = super::done(trainyard_service::datasets::sufficiency(&ctx, &actor, &project, version).await)?;
    let groups = super::done(trainyard_service::datasets::groups(&ctx, &actor, &project, version).await)?;
    Ok(Standing { sufficiency, groups })
}

#[server(prefix = "/api/fn", endpoint = "save_details", input = Json, output = Json)]
pub async fn save_details(
    project: String,
    dataset: DatasetId,
    details: DatasetDetails,
) -> Result<DatasetDetails, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::set_details(&ctx, &actor, &project, dataset, details).await)
}

#[server(prefix = "/api/fn", endpoint = "dataset_lineage", input = Json, output = Json)]
pub async fn dataset_lineage(project: String, dataset: DatasetId) -> Result<Lineage, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::lineage::of_dataset(&ctx, &actor, &project, dataset).await)
}

#[server(prefix = "/api/fn", endpoint = "compare_versions", input = Json, output = Json)]
pub async fn compare_versions(
    project: String,
    before: DatasetVersionId,
    after: DatasetVersionId,
) -> Result<VersionDiff, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::diff(&ctx, &actor, &project, before, after).await)
}

#[server(prefix = "/api/fn", endpoint = "delete_rows", input = Json, output = Json)]
pub async fn delete_rows(project: String, version: DatasetVersionId, reason: String) -> Result<(), AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::datasets::delete_rows(&ctx, &actor, &project, version, &reason).await.map(drop))
}

/// How columns hang together, and with a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Related {
    pub relations: Relations,
    /// `None` where no target was chosen and no column is flagged; refused where the column can't be a target.
    pub target: Result<Option<TargetRelation>, AppError>,
}

/// `target` may be empty: then it is the column that is flagged.
#[server(prefix = "/api/fn", endpoint = "version_relations", input = Json, output = Json)]
pub async fn version_relations(
    project: String,
    version: DatasetVersionId,
    target: String,
) -> Result<Related, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let relations = super::done(trainyard_service::datasets::relations(&ctx, &actor, &project, version).await)?;
    let target = trainyard_service::datasets::target_relation(&ctx, &actor, &project, version, Some(target)).await;
    Ok(Related { relations, target: super::done(target) })
}
