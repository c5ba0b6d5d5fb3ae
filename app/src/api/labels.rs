//! Server functions of reviews of labels.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_types::{
    DatasetId, DatasetVersionId, LabelReviewId, Page, PageQuery,
    labels::{DecideLabels, LabelFilter, LabelFinding, LabelReviewView, LabelSettings},
};

/// The reviews of a data set, as its tab shows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelsShown {
    /// Of all versions, newest first.
    pub reviews: Vec<LabelReviewView>,
    /// The one that was asked for, or the version's newest.
    pub open: Option<LabelReviewView>,
    /// Its findings, for those who may look at rows.
    pub findings: Option<Page<LabelFinding>>,
}

#[server(prefix = "/api/fn", endpoint = "dataset_labels", input = Json, output = Json)]
pub async fn dataset_labels(
    project: String,
    dataset: DatasetId,
    version: DatasetVersionId,
    review: Option<LabelReviewId>,
    query: PageQuery,
    filter: LabelFilter,
) -> Result<LabelsShown, AppError> {
    use trainyard_service::labels;
    let (ctx, actor, project) = super::in_project(&project)?;
    let reviews = super::done(labels::list(&ctx, &actor, &project, dataset, None).await)?;
    let wanted = |view: &&LabelReviewView| review.map_or(view.version == version, |review| view.id == review);
    let open = reviews.iter().find(wanted).cloned();
    let findings = match &open {
        Some(open) if open.summary.is_some() => {
            labels::findings(&ctx, &actor, &project, open.id, &query, &filter).await.ok()
        }
        _ => None,
    };
    Ok(LabelsShown { reviews, open, findings })
}

/// The newest review of a version that went well.
#[server(prefix = "/api/fn", endpoint = "label_standing", input = Json, output = Json)]
pub async fn label_standing(
    project: String,
    dataset: DatasetId,
    version: DatasetVersionId,
) -> Result<Option<LabelReviewView>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let reviews = super::done(trainyard_service::labels::list(&ctx, &actor, &project, dataset, Some(version)).await)?;
    Ok(reviews.into_iter().find(|review| review.summary.is_some()))
}

#[server(prefix = "/api/fn", endpoint = "start_label_review", input = Json, output = Json)]
pub async fn start_label_review(
    project: String,
    version: DatasetVersionId,
    settings: LabelSettings,
) -> Result<LabelReviewView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::labels::start(&ctx, &actor, &project, version, settings).await)
}

#[server(prefix = "/api/fn", endpoint = "stop_label_review", input = Json, output = Json)]
pub async fn stop_label_review(project: String, review: LabelReviewId) -> Result<(), AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::labels::cancel(&ctx, &actor, &project, review).await.map(drop))
}

#[server(prefix = "/api/fn", endpoint = "keep_label_decision", input = Json, output = Json)]
pub async fn keep_label_decision(project: String, review: LabelReviewId, input: DecideLabels) -> Result<(), AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::labels::decide(&ctx, &actor, &project, review, input).await.map(drop))
}

/// Makes the corrected version and gives its id.
#[server(prefix = "/api/fn", endpoint = "correct_labels", input = Json, output = Json)]
pub async fn correct_labels(project: String, review: LabelReviewId) -> Result<DatasetVersionId, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::labels::correct(&ctx, &actor, &project, review).await.map(|made| made.summary.id))
}
