//! Server functions of the runs pages.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use trainyard_types::leakage::LeakageReport;
use trainyard_types::{
    DatasetVersionId, Page, PageQuery, RunId,
    evaluation::Chart,
    rules::RuleView,
    run::{LogLine, MetricSeries, NewRun, RunPlan, RunSummary, RunView, TrainSettings},
    seeds::SeedsView,
};

#[server(prefix = "/api/fn", endpoint = "list_runs", input = Json, output = Json)]
pub async fn list_runs(project: String, query: PageQuery) -> Result<Page<RunSummary>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::runs::list(&ctx, &actor, &project, &query).await)
}

/// A run without its charts, which [`run_charts`] loads where they are looked at.
#[server(prefix = "/api/fn", endpoint = "get_run", input = Json, output = Json)]
pub async fn get_run(project: String, run: RunId) -> Result<RunView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let mut view = super::done(trainyard_service::runs::view(&ctx, &actor, &project, run).await)?;
    if let Some(result) = &mut view.result {
        result.charts.clear();
    }
    Ok(view)
}

#[server(prefix = "/api/fn", endpoint = "run_charts", input = Json, output = Json)]
pub async fn run_charts(project: String, run: RunId) -> Result<Vec<Chart>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let view = super::done(trainyard_service::runs::view(&ctx, &actor, &project, run).await)?;
    Ok(view.result.map(|result| result.charts).unwrap_or_default())
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
