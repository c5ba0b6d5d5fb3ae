//! Server functions of the runs pages.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_types::leakage::LeakageReport;
use trainyard_types::{
    DatasetVersionId, Page, PageQuery, RunId,
    decision::{DecisionReport, ThresholdFigures},
    evaluation::Chart,
    rules::RuleView,
    run::{LogLine, MetricSeries, NewRun, RunPlan, RunSummary, RunView, TrainSettings},
    seeds::SeedsView,
    slices::{SliceColumn, WeakSlices},
};

/// What the Evaluation tab shows besides one column's groups.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Evaluation {
    pub charts: Vec<Chart>,
    /// Without the threshold's points, which [`threshold_at`] looks up.
    pub decision: Option<DecisionReport>,
    /// Columns that have groups, and whether they are protected attributes.
    pub columns: Vec<(String, bool)>,
    pub weak: Option<WeakSlices>,
}

#[server(prefix = "/api/fn", endpoint = "list_runs", input = Json, output = Json)]
pub async fn list_runs(project: String, query: PageQuery) -> Result<Page<RunSummary>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::list(&ctx, &actor, &project, &query).await)
}

/// A run without its charts and what else [`run_evaluation`] loads where it is looked at.
#[server(prefix = "/api/fn", endpoint = "get_run", input = Json, output = Json)]
pub async fn get_run(project: String, run: RunId) -> Result<RunView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let mut view = super::done(trainyard_service::runs::view(&ctx, &actor, &project, run).await)?;
    if let Some(result) = &mut view.result {
        result.charts.clear();
        (result.decision, result.slices) = (None, None);
    }
    Ok(view)
}

#[server(prefix = "/api/fn", endpoint = "run_charts", input = Json, output = Json)]
pub async fn run_charts(project: String, run: RunId) -> Result<Vec<Chart>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let view = super::done(trainyard_service::runs::view(&ctx, &actor, &project, run).await)?;
    Ok(view.result.map(|result| result.charts).unwrap_or_default())
}

#[server(prefix = "/api/fn", endpoint = "run_evaluation", input = Json, output = Json)]
pub async fn run_evaluation(project: String, run: RunId) -> Result<Evaluation, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let view = super::done(trainyard_service::runs::view(&ctx, &actor, &project, run).await)?;
    let Some(mut result) = view.result else { return Ok(Evaluation::default()) };
    if let Some(threshold) = result.decision.as_mut().and_then(|decision| decision.threshold.as_mut()) {
        threshold.test.clear();
    }
    let (columns, weak) = match result.slices {
        Some(slices) => {
            (slices.columns.into_iter().map(|column| (column.column, column.protected)).collect(), Some(slices.weak))
        }
        None => (Vec::new(), None),
    };
    Ok(Evaluation { charts: result.charts, decision: result.decision, columns, weak })
}

/// What the test rows say at another threshold, or at the chosen one; nothing where the run has none.
#[server(prefix = "/api/fn", endpoint = "threshold_at", input = Json, output = Json)]
pub async fn threshold_at(project: String, run: RunId, at: Option<f64>) -> Result<Option<ThresholdFigures>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    match trainyard_service::runs::threshold(&ctx, &actor, &project, run, at).await {
        Err(problem) if problem.code == trainyard_types::Code::NotFound => Ok(None),
        answer => super::done(answer).map(Some),
    }
}

/// The groups of one column, or of the first where it is not named; none where the run has no groups.
#[server(prefix = "/api/fn", endpoint = "run_groups", input = Json, output = Json)]
pub async fn run_groups(project: String, run: RunId, column: String) -> Result<Option<SliceColumn>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let view = super::done(trainyard_service::runs::view(&ctx, &actor, &project, run).await)?;
    let columns = view.result.and_then(|result| result.slices).map(|slices| slices.columns).unwrap_or_default();
    let place = columns.iter().position(|known| known.column == column).unwrap_or(0);
    Ok(columns.into_iter().nth(place))
}

/// The run as the API gives it, as indented JSON, without the charts' drawings.
#[server(prefix = "/api/fn", endpoint = "run_raw", input = Json, output = Json)]
pub async fn run_raw(project: String, run: RunId) -> Result<String, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let mut view = super::done(trainyard_service::runs::view(&ctx, &actor, &project, run).await)?;
    for chart in view.result.iter_mut().flat_map(|result| &mut result.charts) {
        chart.svg = format!("({} characters)", chart.svg.len());
    }
    serde_json::to_string_pretty(&view).map_err(|error| {
        AppError(trainyard_types::Problem::internal(format!("The run can't be written as JSON: {error}.")))
    })
}

#[server(prefix = "/api/fn", endpoint = "run_metrics", input = Json, output = Json)]
pub async fn run_metrics(project: String, run: RunId) -> Result<Vec<MetricSeries>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::metrics(&ctx, &actor, &project, run).await)
}

/// The last log lines, 2,000 at most.
#[server(prefix = "/api/fn", endpoint = "run_log", input = Json, output = Json)]
pub async fn run_log(project: String, run: RunId) -> Result<Vec<LogLine>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::log(&ctx, &actor, &project, run, -1, 2_000, "").await)
}

#[server(prefix = "/api/fn", endpoint = "plan_run", input = Json, output = Json)]
pub async fn plan_run(
    project: String,
    version: DatasetVersionId,
    settings: TrainSettings,
) -> Result<RunPlan, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::plan(&ctx, &actor, &project, version, settings).await)
}

#[server(prefix = "/api/fn", endpoint = "create_run", input = Json, output = Json)]
pub async fn create_run(project: String, new: NewRun) -> Result<RunId, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    Ok(super::done(trainyard_service::runs::create(&ctx, &actor, &project, new).await)?.summary.id)
}

#[server(prefix = "/api/fn", endpoint = "cancel_run", input = Json, output = Json)]
pub async fn cancel_run(project: String, run: RunId) -> Result<(), AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::cancel(&ctx, &actor, &project, run).await)?;
    Ok(())
}

#[server(prefix = "/api/fn", endpoint = "retry_run", input = Json, output = Json)]
pub async fn retry_run(project: String, run: RunId) -> Result<RunId, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    Ok(super::done(trainyard_service::runs::retry(&ctx, &actor, &project, run).await)?.summary.id)
}

#[server(prefix = "/api/fn", endpoint = "find_leaks", input = Json, output = Json)]
pub async fn find_leaks(
    project: String,
    version: DatasetVersionId,
    settings: TrainSettings,
) -> Result<LeakageReport, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::leakage::of_version(&ctx, &actor, &project, version, settings).await)
}

#[server(prefix = "/api/fn", endpoint = "run_seeds", input = Json, output = Json)]
pub async fn run_seeds(project: String, run: RunId) -> Result<SeedsView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::seeds(&ctx, &actor, &project, run).await)
}

/// How many runs were queued.
#[server(prefix = "/api/fn", endpoint = "repeat_run", input = Json, output = Json)]
pub async fn repeat_run(project: String, run: RunId, more: u32) -> Result<usize, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    Ok(super::done(trainyard_service::runs::repeat(&ctx, &actor, &project, run, more).await)?.len())
}

#[server(prefix = "/api/fn", endpoint = "run_rules", input = Json, output = Json)]
pub async fn run_rules(project: String, run: RunId) -> Result<Vec<RuleView>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::rules(&ctx, &actor, &project, run).await)
}

#[server(prefix = "/api/fn", endpoint = "pause_run", input = Json, output = Json)]
pub async fn pause_run(project: String, run: RunId, paused: bool) -> Result<(), AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::pause(&ctx, &actor, &project, run, paused).await)?;
    Ok(())
}
