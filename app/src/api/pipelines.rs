//! Server functions of pipelines.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_types::{
    PipelineId, PipelineRunId,
    pipeline::{
        Decide, NewPipelineRun, Pipeline, PipelineRunSummary, PipelineRunUpdate, PipelineRunView, PipelineSummary,
        PipelineView, SavePipeline, StepId, StepKindView, StepPreview,
    },
};

/// A pipeline as its page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineShown {
    pub view: PipelineView,
    pub runs: Vec<PipelineRunSummary>,
    pub kinds: Vec<StepKindView>,
}

#[server(prefix = "/api/fn", endpoint = "pipelines", input = Json, output = Json)]
pub async fn all_pipelines(project: String) -> Result<Vec<PipelineSummary>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::list(&ctx, &actor, &project).await)
}

#[server(prefix = "/api/fn", endpoint = "step_kinds", input = Json, output = Json)]
pub async fn step_kinds(project: String) -> Result<Vec<StepKindView>, AppError> {
    let (ctx, ..) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::kinds(&ctx))
}

#[server(prefix = "/api/fn", endpoint = "pipeline", input = Json, output = Json)]
pub async fn one_pipeline(project: String, id: PipelineId) -> Result<PipelineShown, AppError> {
    use trainyard_service::pipelines;
    let (ctx, actor, project) = super::in_project(&project)?;
    let shown = async {
        let view = pipelines::view(&ctx, &actor, &project, id).await?;
        let runs = pipelines::runs::list(&ctx, &actor, &project, id).await?;
        Ok(PipelineShown { view, runs, kinds: pipelines::kinds(&ctx)? })
    };
    super::done(shown.await)
}

#[server(prefix = "/api/fn", endpoint = "read_pipeline", input = Json, output = Json)]
pub async fn read_document(project: String, text: String) -> Result<Pipeline, AppError> {
    let (ctx, ..) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::read(&ctx, &text).map(|(document, _)| document))
}

#[server(prefix = "/api/fn", endpoint = "keep_pipeline", input = Json, output = Json)]
pub async fn keep_pipeline(project: String, input: SavePipeline) -> Result<PipelineView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::save(&ctx, &actor, &project, input).await)
}

#[server(prefix = "/api/fn", endpoint = "preview_step", input = Json, output = Json)]
pub async fn preview_rows(project: String, text: String, step: String) -> Result<StepPreview, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let values = Default::default();
    super::done(trainyard_service::pipelines::preview(&ctx, &actor, &project, &text, &step, values, None).await)
}

#[server(prefix = "/api/fn", endpoint = "pause_pipeline", input = Json, output = Json)]
pub async fn pause_pipeline(project: String, id: PipelineId, paused: bool) -> Result<PipelineView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::pause(&ctx, &actor, &project, id, paused).await)
}

/// The path that starts the pipeline; shown once.
#[server(prefix = "/api/fn", endpoint = "make_webhook", input = Json, output = Json)]
pub async fn new_webhook(project: String, id: PipelineId) -> Result<String, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    let secret = trainyard_service::pipelines::starts::make_webhook(&ctx, &actor, &project, id).await;
    super::done(secret.map(|secret| format!("/api/v1/hooks/{secret}")))
}

#[server(prefix = "/api/fn", endpoint = "start_pipeline", input = Json, output = Json)]
pub async fn start_pipeline(
    project: String,
    id: PipelineId,
    input: NewPipelineRun,
) -> Result<PipelineRunView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::runs::start(&ctx, &actor, &project, id, input).await)
}

#[server(prefix = "/api/fn", endpoint = "pipeline_run", input = Json, output = Json)]
pub async fn one_pipeline_run(project: String, run: PipelineRunId) -> Result<PipelineRunUpdate, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::runs::update(&ctx, &actor, &project, run, 0).await)
}

#[server(prefix = "/api/fn", endpoint = "stop_pipeline_run", input = Json, output = Json)]
pub async fn stop_pipeline_run(project: String, run: PipelineRunId) -> Result<PipelineRunView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::runs::cancel(&ctx, &actor, &project, run).await)
}

#[server(prefix = "/api/fn", endpoint = "retry_pipeline_run", input = Json, output = Json)]
pub async fn retry_pipeline_run(project: String, run: PipelineRunId) -> Result<PipelineRunView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::runs::retry(&ctx, &actor, &project, run).await)
}

#[server(prefix = "/api/fn", endpoint = "decide_step", input = Json, output = Json)]
pub async fn decide_step(
    project: String,
    run: PipelineRunId,
    step: StepId,
    input: Decide,
) -> Result<PipelineRunView, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::runs::decide(&ctx, &actor, &project, run, &step, input).await)
}
