//! Server functions of the runs table and of the comparison.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_types::{
    RunId, SavedViewId,
    experiments::{
        BulkReply, BulkRuns, ComparedCurve, Comparison, KnownColumns, MarkRun, NewSavedView, RunQuery, RunTable,
        SavedView,
    },
};

#[server(prefix = "/api/fn", endpoint = "read_run_table", input = Json, output = Json)]
pub async fn read_run_table(project: String, query: RunQuery) -> Result<RunTable, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::table(&ctx, &actor, &project, &query).await)
}

/// What can be a column of the table, by words in its name.
#[server(prefix = "/api/fn", endpoint = "run_columns", input = Json, output = Json)]
pub async fn run_columns(project: String, words: String) -> Result<KnownColumns, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::columns(&ctx, &actor, &project, &words).await)
}

#[server(prefix = "/api/fn", endpoint = "run_views", input = Json, output = Json)]
pub async fn run_views(project: String) -> Result<Vec<SavedView>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::list_views(&ctx, &actor, &project).await)
}

/// Keeps a view, or puts it in the place of the one named.
#[server(prefix = "/api/fn", endpoint = "keep_run_view", input = Json, output = Json)]
pub async fn keep_run_view(
    project: String,
    place: Option<SavedViewId>,
    view: NewSavedView,
) -> Result<SavedView, AppError> {
    use trainyard_service::runs;
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(match place {
        Some(id) => runs::change_view(&ctx, &actor, &project, id, view).await,
        None => runs::save_view(&ctx, &actor, &project, view).await,
    })
}

#[server(prefix = "/api/fn", endpoint = "delete_run_view", input = Json, output = Json)]
pub async fn delete_run_view(project: String, view: SavedViewId) -> Result<(), AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::delete_view(&ctx, &actor, &project, view).await)
}

#[server(prefix = "/api/fn", endpoint = "act_on_runs", input = Json, output = Json)]
pub async fn act_on_runs(project: String, input: BulkRuns) -> Result<BulkReply, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::act(&ctx, &actor, &project, input).await)
}

#[server(prefix = "/api/fn", endpoint = "set_run_marks", input = Json, output = Json)]
pub async fn set_run_marks(project: String, run: RunId, marks: MarkRun) -> Result<(), AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::mark(&ctx, &actor, &project, run, marks).await)
}

#[server(prefix = "/api/fn", endpoint = "compare_runs", input = Json, output = Json)]
pub async fn compare_runs(
    project: String,
    runs: Vec<RunId>,
    base: Option<RunId>,
    words: String,
) -> Result<Comparison, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::compare(&ctx, &actor, &project, &runs, base, &words).await)
}

/// The curves of one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CurvesShown {
    /// As a comparison names it: `valid.log_loss`; empty where no run has a curve.
    pub key: String,
    /// Those that can be chosen.
    pub keys: Vec<String>,
    pub curves: Vec<ComparedCurve>,
}

/// The curve named of each run, or the first that there is.
#[server(prefix = "/api/fn", endpoint = "compare_curves", input = Json, output = Json)]
pub async fn compare_curves(project: String, runs: Vec<RunId>, key: String) -> Result<CurvesShown, AppError> {
    use trainyard_service::runs as service;
    let (ctx, actor, project) = super::in_project(&project)?;
    let keys = super::done(service::compare(&ctx, &actor, &project, &runs, None, "").await)?.curves;
    let key = if key.is_empty() { keys.first().cloned().unwrap_or_default() } else { key };
    if key.is_empty() {
        return Ok(CurvesShown::default());
    }
    let curves = super::done(service::curves(&ctx, &actor, &project, &runs, &key).await)?;
    Ok(CurvesShown { key, keys, curves })
}
