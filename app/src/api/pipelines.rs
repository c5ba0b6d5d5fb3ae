//! Server functions of pipelines.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use trainyard_types::{
    PageQuery, PipelineId, PipelineRunId,
    dataset::ColumnSchema,
    pipeline::{
        Backfill, Decide, DocumentForms, NewPipelineRun, PartitionPage, PipelineForm, PipelineRunSummary,
        PipelineRunUpdate, PipelineRunView, PipelineSummary, PipelineView, SavePipeline, StepId, StepPreview, Template,
    },
};

/// A pipeline as its page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineShown {
    pub view: PipelineView,
    pub runs: Vec<PipelineRunSummary>,
    pub form: PipelineForm,
    /// The document as the form and the text have it.
    pub forms: DocumentForms,
}

/// What a new pipeline begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewPipelineShown {
    pub form: PipelineForm,
    pub templates: Vec<Template>,
    /// The chosen template.
    pub begun: Option<DocumentForms>,
}

#[server(prefix = "/api/fn", endpoint = "pipelines", input = Json, output = Json)]
pub async fn all_pipelines(project: String) -> Result<Vec<PipelineSummary>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::list(&ctx, &actor, &project).await)
}

#[server(prefix = "/api/fn", endpoint = "new_pipeline", input = Json, output = Json)]
pub async fn new_pipeline(project: String, template: String) -> Result<NewPipelineShown, AppError> {
    use trainyard_service::pipelines;
    let (ctx, actor, project) = super::in_project(&project)?;
    let shown = async {
        let form = pipelines::form::form(&ctx, &actor, &project).await?;
        let templates = pipelines::templates(&ctx, &actor, &project).await?;
        let chosen = templates.iter().find(|known| known.key == template);
        let begun = chosen.map(|chosen| pipelines::form::both(&ctx, &chosen.document.to_string(), "")).transpose()?;
        Ok(NewPipelineShown { form, templates, begun })
    };
    super::done(shown.await)
}

#[server(prefix = "/api/fn", endpoint = "pipeline", input = Json, output = Json)]
pub async fn one_pipeline(project: String, id: PipelineId) -> Result<PipelineShown, AppError> {
    use trainyard_service::pipelines;
    let (ctx, actor, project) = super::in_project(&project)?;
    let shown = async {
        let view = pipelines::view(&ctx, &actor, &project, id).await?;
        let runs = pipelines::runs::list(&ctx, &actor, &project, id).await?;
        let form = pipelines::form::form(&ctx, &actor, &project).await?;
        let forms = pipelines::form::both(&ctx, &view.yaml, "")?;
        Ok(PipelineShown { view, runs, form, forms })
    };
    super::done(shown.await)
}

/// A document, YAML or JSON, as the form and the text have it. `written`: the YAML that a form's JSON comes from.
#[server(prefix = "/api/fn", endpoint = "turn_document", input = Json, output = Json)]
pub async fn turn_document(project: String, text: String, written: String) -> Result<DocumentForms, AppError> {
    let (ctx, ..) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::form::both(&ctx, &text, &written))
}

/// One setting that was written as YAML.
#[server(prefix = "/api/fn", endpoint = "read_setting", input = Json, output = Json)]
pub async fn read_setting(text: String) -> Result<serde_json::Value, AppError> {
    let (ctx, _) = super::caller()?;
    super::done(trainyard_service::pipelines::form::setting(&ctx, &text))
}

#[server(prefix = "/api/fn", endpoint = "step_columns", input = Json, output = Json)]
pub async fn step_columns(project: String, text: String, step: String) -> Result<Vec<ColumnSchema>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::form::columns(&ctx, &actor, &project, &text, &step).await)
}

#[server(prefix = "/api/fn", endpoint = "pipeline_partitions", input = Json, output = Json)]
pub async fn pipeline_partitions(project: String, id: PipelineId, query: PageQuery) -> Result<PartitionPage, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::partitions::list(&ctx, &actor, &project, id, &query).await)
}

#[server(prefix = "/api/fn", endpoint = "fill_partitions", input = Json, output = Json)]
pub async fn fill_partitions(
    project: String,
    id: PipelineId,
    input: Backfill,
) -> Result<Vec<PipelineRunSummary>, AppError> {
    let (ctx, actor, project) = super::in_project(&project)?;
    super::done(trainyard_service::pipelines::partitions::backfill(&ctx, &actor, &project, id, input).await)
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
