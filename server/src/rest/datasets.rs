//! Uploads and data sets.

use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Body, ErrorBody, Path, Query},
    list::{Format, list},
    state::AppState,
};
use axum::{
    Json,
    extract::{DefaultBodyLimit, Request, State},
    response::Response,
};
use http::StatusCode;
use serde::Deserialize;
use trainyard_service::{Ctx, datasets, lineage};
use trainyard_types::{
    DatasetId, DatasetVersionId, Page, PageQuery, Slug, UploadId,
    catalog::*,
    dataset::*,
    relations::{Relations, TargetRelation},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    // An upload streams to disk under the service's own limit.
    let uploads = OpenApiRouter::new().routes(routes!(create_upload)).layer(DefaultBodyLimit::disable());
    OpenApiRouter::new()
        .merge(uploads)
        .routes(routes!(get_upload, discard_upload))
        .routes(routes!(inspect_upload))
        .routes(routes!(commit_upload))
        .routes(routes!(list_datasets))
        .routes(routes!(get_dataset))
        .routes(routes!(list_dataset_versions))
        .routes(routes!(get_dataset_version))
        .routes(routes!(get_dataset_rows, delete_dataset_rows))
        .routes(routes!(get_dataset_details, put_dataset_details))
        .routes(routes!(get_dataset_lineage))
        .routes(routes!(get_version_diff))
        .routes(routes!(get_version_groups))
        .routes(routes!(get_version_relations))
        .routes(routes!(get_version_target_relation))
        .routes(routes!(get_version_sufficiency))
}

#[derive(Deserialize, utoipa::IntoParams)]
struct FileName {
    /// The file's name, with its extension.
    name: String,
}

/// Which rows.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(default)]
struct Window {
    /// Index of the first row, from 0.
    offset: u64,
    /// Rows at most, 1 to 500.
    limit: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self { offset: 0, limit: 50 }
    }
}

/// Sends a file (the raw bytes are the body); the answer says how it would be read.
#[utoipa::path(post, path = "/api/v1/projects/{project}/uploads", tag = "data",
    params(("project" = Slug, Path), FileName), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = UploadView), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn create_upload(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Query(FileName { name }): Query<FileName>,
    request: Request,
) -> Result<(StatusCode, Json<UploadView>), ApiError> {
    let body = request.into_body().into_data_stream();
    Ok((StatusCode::CREATED, Json(datasets::receive_upload(&ctx, &actor, &project, &name, body).await?)))
}

/// An upload that waits to be confirmed.
#[utoipa::path(get, path = "/api/v1/projects/{project}/uploads/{upload}", tag = "data",
    params(("project" = Slug, Path), ("upload" = UploadId, Path)),
    responses((status = 200, body = UploadView), (status = 404, body = ErrorBody)))]
async fn get_upload(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, upload)): Path<(Slug, UploadId)>,
) -> Answer<UploadView> {
    Ok(Json(datasets::upload_view(&ctx, &actor, &project, upload).await?))
}

/// Throws an upload away.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/uploads/{upload}", tag = "data",
    params(("project" = Slug, Path), ("upload" = UploadId, Path)), responses((status = 204)))]
async fn discard_upload(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, upload)): Path<(Slug, UploadId)>,
) -> Result<StatusCode, ApiError> {
    datasets::discard_upload(&ctx, &actor, &project, upload).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks into an upload again, read as said.
#[utoipa::path(post, path = "/api/v1/projects/{project}/uploads/{upload}/inspect", tag = "data",
    params(("project" = Slug, Path), ("upload" = UploadId, Path)), request_body = ReadOptions,
    responses((status = 200, body = UploadView), (status = 422, body = ErrorBody)))]
async fn inspect_upload(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, upload)): Path<(Slug, UploadId)>,
    Body(options): Body<ReadOptions>,
) -> Answer<UploadView> {
    Ok(Json(datasets::reinspect(&ctx, &actor, &project, upload, options).await?))
}

/// Makes a data set, or a further version of one, of an upload. Rows that can't be read are listed in `report`.
#[utoipa::path(post, path = "/api/v1/projects/{project}/uploads/{upload}/commit", tag = "data",
    params(("project" = Slug, Path), ("upload" = UploadId, Path)), request_body = CommitUpload,
    responses((status = 201, body = VersionView), (status = 422, body = ErrorBody)))]
async fn commit_upload(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, upload)): Path<(Slug, UploadId)>,
    Body(input): Body<CommitUpload>,
) -> Result<(StatusCode, Json<VersionView>), ApiError> {
    Ok((StatusCode::CREATED, Json(datasets::commit(&ctx, &actor, &project, upload, input).await?)))
}

/// The project's data sets.
#[utoipa::path(get, path = "/api/v1/projects/{project}/datasets", tag = "data",
    params(("project" = Slug, Path), PageQuery, Format), responses((status = 200, body = Page<DatasetView>)))]
async fn list_datasets(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(project): Path<Slug>,
    Query(query): Query<PageQuery>,
    Query(format): Query<Format>,
) -> Result<Response, ApiError> {
    list("datasets", &format, query, async |query| datasets::list(&ctx, &actor, &project, &query).await).await
}

/// One data set.
#[utoipa::path(get, path = "/api/v1/projects/{project}/datasets/{dataset}", tag = "data",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path)),
    responses((status = 200, body = DatasetView), (status = 404, body = ErrorBody)))]
async fn get_dataset(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
) -> Answer<DatasetView> {
    Ok(Json(datasets::view(&ctx, &actor, &project, dataset).await?))
}

/// A data set's versions, newest first.
#[utoipa::path(get, path = "/api/v1/projects/{project}/datasets/{dataset}/versions", tag = "data",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path)),
    responses((status = 200, body = Vec<VersionSummary>)))]
async fn list_dataset_versions(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
) -> Answer<Vec<VersionSummary>> {
    Ok(Json(datasets::versions(&ctx, &actor, &project, dataset).await?))
}

/// One version, with its profile.
#[utoipa::path(get, path = "/api/v1/projects/{project}/dataset-versions/{version}", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path)),
    responses((status = 200, body = VersionView), (status = 404, body = ErrorBody)))]
async fn get_dataset_version(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
) -> Answer<VersionView> {
    Ok(Json(datasets::version(&ctx, &actor, &project, version).await?))
}

/// Some rows of a version.
#[utoipa::path(get, path = "/api/v1/projects/{project}/dataset-versions/{version}/rows", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path), Window),
    responses((status = 200, body = RowsView)))]
async fn get_dataset_rows(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
    Query(Window { offset, limit }): Query<Window>,
) -> Answer<RowsView> {
    Ok(Json(datasets::rows(&ctx, &actor, &project, version, offset, limit.clamp(1, 500)).await?))
}

/// Deletes a version's rows for good; hashes, schema and figures stay as evidence.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/dataset-versions/{version}/rows", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path)), request_body = DeleteRows,
    responses((status = 200, body = VersionView), (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn delete_dataset_rows(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
    Body(input): Body<DeleteRows>,
) -> Answer<VersionView> {
    Ok(Json(datasets::delete_rows(&ctx, &actor, &project, version, &input.reason).await?))
}

/// Owner, purpose, legal basis, retention, and what the columns mean.
#[utoipa::path(get, path = "/api/v1/projects/{project}/datasets/{dataset}/details", tag = "data",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path)),
    responses((status = 200, body = DatasetDetails), (status = 404, body = ErrorBody)))]
async fn get_dataset_details(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
) -> Answer<DatasetDetails> {
    Ok(Json(datasets::details(&ctx, &actor, &project, dataset).await?))
}

/// Puts other details in place of a data set's.
#[utoipa::path(put, path = "/api/v1/projects/{project}/datasets/{dataset}/details", tag = "data",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path)), request_body = DatasetDetails,
    responses((status = 200, body = DatasetDetails), (status = 422, body = ErrorBody)))]
async fn put_dataset_details(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
    Body(input): Body<DatasetDetails>,
) -> Answer<DatasetDetails> {
    Ok(Json(datasets::set_details(&ctx, &actor, &project, dataset, input).await?))
}

/// Where the versions came from and what was made of them.
#[utoipa::path(get, path = "/api/v1/projects/{project}/datasets/{dataset}/lineage", tag = "data",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path)), responses((status = 200, body = Lineage)))]
async fn get_dataset_lineage(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
) -> Answer<Lineage> {
    Ok(Json(lineage::of_dataset(&ctx, &actor, &project, dataset).await?))
}

/// Against which version.
#[derive(Deserialize, utoipa::IntoParams)]
struct Against {
    /// The earlier version.
    before: DatasetVersionId,
}

/// What changed since an earlier version: rows, schema, distributions.
#[utoipa::path(get, path = "/api/v1/projects/{project}/dataset-versions/{version}/diff", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path), Against),
    responses((status = 200, body = VersionDiff), (status = 409, body = ErrorBody)))]
async fn get_version_diff(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
    Query(Against { before }): Query<Against>,
) -> Answer<VersionDiff> {
    Ok(Json(datasets::diff(&ctx, &actor, &project, before, version).await?))
}

/// Rows and base rates of each protected group.
#[utoipa::path(get, path = "/api/v1/projects/{project}/dataset-versions/{version}/groups", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path)),
    responses((status = 200, body = Vec<GroupTable>)))]
async fn get_version_groups(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
) -> Answer<Vec<GroupTable>> {
    Ok(Json(datasets::groups(&ctx, &actor, &project, version).await?))
}

/// Whether there are enough rows to predict the column flagged as the target; null where none is.
#[utoipa::path(get, path = "/api/v1/projects/{project}/dataset-versions/{version}/sufficiency", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path)),
    responses((status = 200, body = Option<Sufficiency>)))]
async fn get_version_sufficiency(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
) -> Answer<Option<Sufficiency>> {
    Ok(Json(datasets::sufficiency(&ctx, &actor, &project, version).await?))
}

/// Correlations, values missing together, values far out: on a sample of 20,000 rows.
#[utoipa::path(get, path = "/api/v1/projects/{project}/dataset-versions/{version}/relations", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path)),
    responses((status = 200, body = Relations)))]
async fn get_version_relations(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
) -> Answer<Relations> {
    Ok(Json(datasets::relations(&ctx, &actor, &project, version).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
struct OfTarget {
    /// The column; left out: the one that is flagged as the target.
    target: Option<String>,
}

/// What each column alone says of a target: predictive power, bins with the target's share or mean, missing values. On a
/// sample of 10,000 rows; null where no target is named and no column is flagged as one.
#[utoipa::path(get, path = "/api/v1/projects/{project}/dataset-versions/{version}/target-relation", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path), OfTarget),
    responses((status = 200, body = Option<TargetRelation>)))]
async fn get_version_target_relation(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
    Query(OfTarget { target }): Query<OfTarget>,
) -> Answer<Option<TargetRelation>> {
    Ok(Json(datasets::target_relation(&ctx, &actor, &project, version, target).await?))
}
