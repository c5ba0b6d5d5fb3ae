//! Server functions of checks.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_types::{
    CheckRunId, DatasetId, DatasetVersionId,
    checks::{CheckRunSummary, CheckRunView, SaveSuite, Suite, SuiteDocument, SuiteView},
};

/// The checks of a data set, as its tab shows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecksShown {
    pub suite: Option<SuiteView>,
    /// The run that was asked for, or the version's latest.
    pub open: Option<CheckRunView>,
    /// Of all versions, newest first.
    pub history: Vec<CheckRunSummary>,
}

#[server(prefix = "/api/fn", endpoint = "dataset_checks", input = Json, output = Json)]
pub async fn dataset_checks(
    project: String,
    dataset: DatasetId,
    version: DatasetVersionId,
    run: Option<CheckRunId>,
) -> Result<ChecksShown, AppError> {
    use trainyard_service::checks;
    let (ctx, actor, project) = super::in_project(&project)?;
    let suite = super::done(checks::suite(&ctx, &actor, &project, dataset).await)?;
    let history = super::done(checks::history(&ctx, &actor, &project, dataset, None).await)?;
    let wanted = run.or_else(|| history.iter().find(|run| run.version == version).map(|run| run.id));
    let open = match wanted {
        Some(run) => Some(super::done(checks::view(&ctx, &actor, &project, run).await)?),
        None => None,
    };
    Ok(ChecksShown { suite, open, history })
}

#[server(prefix = "/api/fn", endpoint = "suggest_suite", input = Json, output = Json)]
pub async fn suggest_suite(project: String, version: DatasetVersionId) -> Result<SuiteDocument, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::checks::suggest(&ctx, &actor, &project, version).await)
}

/// A suite in both its forms; nothing is stored.
#[server(prefix = "/api/fn", endpoint = "convert_suite", input = Json, output = Json)]
pub async fn convert_suite(suite: Option<Suite>, yaml: Option<String>) -> Result<SuiteDocument, AppError> {
    super::caller()?;
    super::done(trainyard_service::checks::document(suite, yaml.as_deref()))
}

#[server(prefix = "/api/fn", endpoint = "keep_suite", input = Json, output = Json)]
pub async fn keep_suite(project: String, dataset: DatasetId, input: SaveSuite) -> Result<SuiteView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::checks::save(&ctx, &actor, &project, dataset, input).await)
}

#[server(prefix = "/api/fn", endpoint = "run_suite", input = Json, output = Json)]
pub async fn run_suite(project: String, version: DatasetVersionId) -> Result<CheckRunView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::checks::run(&ctx, &actor, &project, version).await)
}

#[server(prefix = "/api/fn", endpoint = "waive_failure", input = Json, output = Json)]
pub async fn waive_failure(project: String, run: CheckRunId, reason: String) -> Result<CheckRunView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::checks::waive(&ctx, &actor, &project, run, &reason).await)
}
