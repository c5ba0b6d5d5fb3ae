//! Reviews of labels.

use crate::web::{
    auth::Caller,
    errors::{Answer, ApiError, Body, ErrorBody, Path, Query},
    list::{Format, list},
    state::AppState,
};
use axum::{Json, extract::State, response::Response};
use http::StatusCode;
use serde::Deserialize;
use trainyard_service::{Ctx, labels};
use trainyard_types::{
    DatasetId, DatasetVersionId, LabelReviewId, Page, PageQuery, Slug,
    dataset::VersionView,
    labels::{DecideLabels, LabelFilter, LabelFinding, LabelReviewView, LabelSettings},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_label_reviews))
        .routes(routes!(start_label_review))
        .routes(routes!(get_label_review))
        .routes(routes!(cancel_label_review))
        .routes(routes!(list_label_findings))
        .routes(routes!(decide_labels))
        .routes(routes!(correct_labels))
}

/// Of which version.
#[derive(Deserialize, utoipa::IntoParams)]
struct OfVersion {
    /// Left out: of all.
    version: Option<DatasetVersionId>,
}

/// The reviews of a data set's versions, newest first, 50 at most.
#[utoipa::path(get, path = "/api/v1/projects/{project}/datasets/{dataset}/label-reviews", tag = "data",
    params(("project" = Slug, Path), ("dataset" = DatasetId, Path), OfVersion),
    responses((status = 200, body = Vec<LabelReviewView>), (status = 404, body = ErrorBody)))]
async fn list_label_reviews(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, dataset)): Path<(Slug, DatasetId)>,
    Query(OfVersion { version }): Query<OfVersion>,
) -> Answer<Vec<LabelReviewView>> {
    Ok(Json(labels::list(&ctx, &actor, &project, dataset, version).await?))
}

/// Has a version's labels judged by models that did not see them; it waits in the queue.
#[utoipa::path(post, path = "/api/v1/projects/{project}/dataset-versions/{version}/label-reviews", tag = "data",
    params(("project" = Slug, Path), ("version" = DatasetVersionId, Path)), request_body = LabelSettings,
    responses((status = 201, body = LabelReviewView), (status = 403, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn start_label_review(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, version)): Path<(Slug, DatasetVersionId)>,
    Body(settings): Body<LabelSettings>,
) -> Result<(StatusCode, Json<LabelReviewView>), ApiError> {
    Ok((StatusCode::CREATED, Json(labels::start(&ctx, &actor, &project, version, settings).await?)))
}

/// One review, with its summary once it has ended.
#[utoipa::path(get, path = "/api/v1/projects/{project}/label-reviews/{review}", tag = "data",
    params(("project" = Slug, Path), ("review" = LabelReviewId, Path)),
    responses((status = 200, body = LabelReviewView), (status = 404, body = ErrorBody)))]
async fn get_label_review(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, review)): Path<(Slug, LabelReviewId)>,
) -> Answer<LabelReviewView> {
    Ok(Json(labels::view(&ctx, &actor, &project, review).await?))
}

/// Stops a review.
#[utoipa::path(post, path = "/api/v1/projects/{project}/label-reviews/{review}/cancel", tag = "data",
    params(("project" = Slug, Path), ("review" = LabelReviewId, Path)),
    responses((status = 200, body = LabelReviewView), (status = 409, body = ErrorBody)))]
async fn cancel_label_review(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, review)): Path<(Slug, LabelReviewId)>,
) -> Answer<LabelReviewView> {
    Ok(Json(labels::cancel(&ctx, &actor, &project, review).await?))
}

/// The rows whose labels look wrong, the most suspicious first. `state` is a decision, or `undecided`.
#[utoipa::path(get, path = "/api/v1/projects/{project}/label-reviews/{review}/findings", tag = "data",
    params(("project" = Slug, Path), ("review" = LabelReviewId, Path), PageQuery, LabelFilter, Format),
    responses((status = 200, body = Page<LabelFinding>), (status = 403, body = ErrorBody)))]
async fn list_label_findings(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, review)): Path<(Slug, LabelReviewId)>,
    Query(query): Query<PageQuery>,
    Query(filter): Query<LabelFilter>,
    Query(format): Query<Format>,
) -> Result<Response, ApiError> {
    list("labels", &format, query, async |query| {
        labels::findings(&ctx, &actor, &project, review, &query, &filter).await
    })
    .await
}

/// Decides about findings: the label is right, takes the suggestion, is set to another, or the row is left out. Without a
/// decision they are undecided again.
#[utoipa::path(post, path = "/api/v1/projects/{project}/label-reviews/{review}/decisions", tag = "data",
    params(("project" = Slug, Path), ("review" = LabelReviewId, Path)), request_body = DecideLabels,
    responses((status = 200, body = LabelReviewView), (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
async fn decide_labels(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, review)): Path<(Slug, LabelReviewId)>,
    Body(input): Body<DecideLabels>,
) -> Answer<LabelReviewView> {
    Ok(Json(labels::decide(&ctx, &actor, &project, review, input).await?))
}

/// Makes a version of the reviewed one with the decisions carried out.
#[utoipa::path(post, path = "/api/v1/projects/{project}/label-reviews/{review}/correct", tag = "data",
    params(("project" = Slug, Path), ("review" = LabelReviewId, Path)),
    responses((status = 201, body = VersionView), (status = 409, body = ErrorBody)))]
async fn correct_labels(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((project, review)): Path<(Slug, LabelReviewId)>,
) -> Result<(StatusCode, Json<VersionView>), ApiError> {
    Ok((StatusCode::CREATED, Json(labels::correct(&ctx, &actor, &project, review).await?)))
}
