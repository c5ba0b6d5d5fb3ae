//! Pipelines: documents, what starts them, their runs, and what workers do with those.

pub mod engine;
pub mod form;
pub mod partitions;
pub mod runs;
pub mod starts;
mod templates;
pub mod work;

pub use templates::templates;

use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
    blocking::blocking,
    checks, datasets,
};
use engine::PreviewOrder;
use std::path::PathBuf;
use trainyard_store::{self as store, ConnectionTrait, audit, fresh_id, now, pipelines::Kept, pipelines::Saved};
use trainyard_types::{
    Action, DatasetVersionId, FieldProblem, PipelineId, Problem, Slug,
    pipeline::{
        Pipeline, PipelineSummary, PipelineView, SavePipeline, StepId, StepKindView, StepPreview, Trigger, Values,
        fill, resolve, upstream,
    },
};

/// All pipelines of the project, by name.
///
/// # Errors
/// There is no such project for the caller.
pub async fn list(ctx: &Ctx, actor: &Actor, project: &Slug) -> Result<Vec<PipelineSummary>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    Ok(store::pipelines::list(ctx.store().db(), scope.project).await?)
}

/// One pipeline.
///
/// # Errors
/// There is none for the caller.
pub async fn view(ctx: &Ctx, actor: &Actor, project: &Slug, id: PipelineId) -> Result<PipelineView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let kept = find(ctx, &scope, id).await?;
    Ok(store::pipelines::view(ctx.store().db(), kept).await?)
}

/// An earlier version's document, as it was saved.
///
/// # Errors
/// There is none for the caller.
pub async fn version_yaml(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: PipelineId,
    number: i32,
) -> Result<String, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    find(ctx, &scope, id).await?;
    let found = store::pipelines::version(ctx.store().db(), id, number).await?;
    found.map(|(_, yaml)| yaml).ok_or_else(|| Problem::not_found(format!("The pipeline has no version {number}.")))
}

async fn find(ctx: &Ctx, scope: &Scope, id: PipelineId) -> Result<Kept, Problem> {
    store::pipelines::by_id(ctx.store().db(), scope.project, id).await?.ok_or_else(no_pipeline)
}

fn no_pipeline() -> Problem {
    Problem::not_found("There is no such pipeline in this project.")
}

/// The kinds of steps that documents can have.
///
/// # Errors
/// This process has no pipelines.
pub fn kinds(ctx: &Ctx) -> Result<Vec<StepKindView>, Problem> {
    Ok(ctx.pipelines()?.kinds())
}

/// The JSON schema of documents, for editors.
///
/// # Errors
/// This process has no pipelines.
pub fn schema(ctx: &Ctx) -> Result<serde_json::Value, Problem> {
    Ok(ctx.pipelines()?.schema())
}

/// A document in both its forms; nothing is stored.
///
/// # Errors
/// All faults at once, with their lines.
pub fn read(ctx: &Ctx, text: &str) -> Result<(Pipeline, String), Problem> {
    let engine = ctx.pipelines()?;
    let document = engine.read(text)?;
    served(&document)?;
    let yaml = engine.print(&document)?;
    Ok((document, yaml))
}

/// What only the server asks of a document: nothing in it needs a person or a file that is not there when it starts by
/// itself.
fn served(document: &Pipeline) -> Result<(), Problem> {
    let mut faults: Vec<FieldProblem> = Vec::new();
    for step in &document.steps {
        let file = ["file", "suite"].into_iter().find(|name| step.with.contains_key(*name));
        if let Some(name) = file {
            let message = format!(
                "Step '{}': '{name}' names a file, which only the command line can read and write. Here, use {}.",
                step.id,
                if name == "suite" { "'checks'" } else { "'dataset'" }
            );
            faults.push(FieldProblem { field: format!("steps.{}.{name}", step.id), message });
        }
    }
    let alone = document.schedule.is_some() || !document.triggers.is_empty();
    for (name, parameter) in &document.parameters {
        if alone && parameter.default.is_none() {
            let message =
                format!("The parameter '{name}' needs a default: the schedule and triggers can't be asked for it.");
            faults.push(FieldProblem { field: format!("parameters.{name}"), message });
        }
    }
    if document.partitions.is_some() && !document.triggers.is_empty() {
        let message = "Triggers can't say which partition is meant. Use a schedule, or leave the partitions out.";
        faults.push(FieldProblem { field: "triggers".into(), message: message.into() });
    }
    for trigger in &document.triggers {
        if matches!(trigger, Trigger::Pipeline { pipeline } if *pipeline == document.name.as_str()) {
            let message = "A pipeline can't be started by its own runs.".to_owned();
            faults.push(FieldProblem { field: "triggers".into(), message });
        }
    }
    let Some(first) = faults.first() else { return Ok(()) };
    Err(Problem { fields: faults.clone(), ..Problem::invalid(first.message.clone()) })
}

/// Saves a document: as a new pipeline, or as the next version of the one of its name.
///
/// # Errors
/// The document has faults, the caller may not write, or it is the newest version already.
pub async fn save(ctx: &Ctx, actor: &Actor, project: &Slug, input: SavePipeline) -> Result<PipelineView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let reason = input.reason.trim();
    if reason.chars().count() > 500 {
        return Err(Problem::field("reason", "Use at most 500 characters."));
    }
    let (document, printed) = read(ctx, &input.document)?;
    let at = now();
    let next_tick = match &document.schedule {
        Some(schedule) => ctx.pipelines()?.ticks(schedule, at, at)?.1,
        None => None,
    };
    let tx = ctx.store().begin().await?;
    let known = store::pipelines::by_name(&*tx, scope.project, document.name.as_str()).await?;
    // YAML is kept as it was written; JSON as YAML, with the comments that there were.
    let yaml = if input.document.trim_start().starts_with('{') {
        let newest = known.as_ref().map_or("", |known| known.yaml.as_str());
        let written = if input.written.is_empty() { newest } else { input.written.as_str() };
        ctx.pipelines()?.carry_comments(written, &printed)
    } else {
        input.document
    };
    let saved = Saved { document: &document, yaml: &yaml, reason, next_tick, at, by: &actor.name };
    let id = match &known {
        Some(known) if known.document == document && known.yaml == yaml => {
            return Err(Problem::conflict(format!("Version {} is exactly this document.", known.latest)));
        }
        Some(known) => known.id,
        None => {
            let id = PipelineId(fresh_id());
            store::pipelines::create(&tx, id, scope.project, &saved).await.map_err(|error| {
                if error.is_duplicate() {
                    Problem::conflict("Somebody else saved a pipeline of this name at the same time. Try again.")
                } else {
                    error.into()
                }
            })?;
            id
        }
    };
    let number = store::pipelines::save(&tx, id, &saved).await?;
    if known.as_ref().is_some_and(|known| known.paused) {
        store::pipelines::pause(&tx, id, true, None).await?;
    }
    let summary = format!("Saved version {number} of pipeline '{}': {} steps.", document.name, document.steps.len());
    let mut event = actor.event("pipeline.save", format!("pipeline/{id}"), summary).in_project(&scope.slug);
    if let Some(known) = &known {
        event = event.before(&known.document);
    }
    audit::append(&tx, event.after(&document)).await?;
    tx.commit().await?;
    view(ctx, actor, project, id).await
}

/// Pauses the schedule and the triggers, or lets them go on. Ticks in between are not made up for.
///
/// # Errors
/// There is no such pipeline for the caller, or the caller may not write.
pub async fn pause(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: PipelineId,
    paused: bool,
) -> Result<PipelineView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let kept = find(ctx, &scope, id).await?;
    let at = now();
    let next_tick = match &kept.document.schedule {
        Some(schedule) if !paused => ctx.pipelines()?.ticks(schedule, at, at)?.1,
        _ => None,
    };
    let tx = ctx.store().begin().await?;
    store::pipelines::pause(&tx, id, paused, next_tick).await?;
    let verb = if paused { "Paused" } else { "Resumed" };
    let summary = format!("{verb} the schedule and the triggers of pipeline '{}'.", kept.document.name);
    let action = if paused { "pipeline.pause" } else { "pipeline.resume" };
    audit::append(&tx, actor.event(action, format!("pipeline/{id}"), summary).in_project(&scope.slug)).await?;
    tx.commit().await?;
    view(ctx, actor, project, id).await
}

/// The first rows of a step of a document that need not be saved, nor be in order but for what the step needs. Of partitions
/// the one named, else the oldest.
///
/// # Errors
/// The document has faults, the caller may not look at rows, or the step fails on the sample.
pub async fn preview(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    text: &str,
    step: &str,
    given: Values,
    partition: Option<&str>,
) -> Result<StepPreview, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::ReadRows).await?;
    let mut document = form::loose(ctx, text)?;
    // What is not needed for the step need not be in order yet.
    let needed = upstream(&document, step).into_iter().map(str::to_owned).collect::<Vec<_>>();
    document.steps.retain(|other| other.id.as_str() == step || needed.iter().any(|id| id == other.id.as_str()));
    (document.schedule, document.triggers) = (None, Vec::new());
    if document.step(step).is_some() {
        ctx.pipelines()?.check(&document)?;
        served(&document)?;
    }
    let first = match (&document.partitions, partition) {
        (Some(partitions), None) => ctx.pipelines()?.partitions(partitions, now()).into_iter().last(),
        _ => None,
    };
    let values = values(ctx, &document, given, partition.or(first.as_deref()))?;
    let datasets = sources(ctx, &scope, &document, &values).await?;
    let datasets = datasets.into_iter().map(|source| (source.name, source.path)).collect();
    let order = PreviewOrder { document, step: step.to_owned(), values, datasets };
    let (cache, spill) = (cache(ctx).join("previews"), folder(ctx).join("spill").join(fresh_id().to_string()));
    let engine = ctx.engine()?;
    blocking(move || {
        let made = engine.preview(&order, &cache, &spill);
        let _ = std::fs::remove_dir_all(&spill);
        made.map(|mut shown| {
            if let Some(first) = first {
                let note = format!("Of the partition {first}.");
                shown.note = Some(shown.note.map_or_else(|| note.clone(), |other| format!("{note} {other}")));
            }
            shown
        })
    })
    .await?
}

/// The values of a run: those given, those of the partition, defaults.
fn values(ctx: &Ctx, document: &Pipeline, mut given: Values, partition: Option<&str>) -> Result<Values, Problem> {
    match (&document.partitions, partition) {
        (Some(partitions), Some(name)) => given.extend(ctx.pipelines()?.partition(partitions, name)?),
        (Some(_), None) => {
            return Err(Problem::field("partition", "The pipeline works on one partition at a time: say which."));
        }
        (None, Some(_)) => return Err(Problem::field("partition", "The pipeline has no partitions.")),
        (None, None) => {}
    }
    resolve(document, &given)
}

/// A version that a step of type `source` reads.
struct Source {
    step: StepId,
    /// As the step names it: `name` or `name@version`.
    name: String,
    version: DatasetVersionId,
    path: PathBuf,
}

/// The versions that a document's sources name.
async fn sources(ctx: &Ctx, scope: &Scope, document: &Pipeline, values: &Values) -> Result<Vec<Source>, Problem> {
    let mut found = Vec::new();
    let trains = document.steps.iter().any(|step| step.kind == "train");
    for step in document.steps.iter().filter(|step| step.kind == "source") {
        let with = fill(&step.with, values, &[]);
        let Some(name) = with.get("dataset").and_then(|value| value.as_str()) else { continue };
        let at = |problem: Problem| Problem { message: format!("Step '{}': {}", step.id, problem.message), ..problem };
        let (version, path) = source(ctx, scope, name, trains).await.map_err(at)?;
        found.push(Source { step: step.id.clone(), name: name.to_owned(), version, path });
    }
    Ok(found)
}

async fn source(ctx: &Ctx, scope: &Scope, name: &str, trains: bool) -> Result<(DatasetVersionId, PathBuf), Problem> {
    let db = ctx.store().db();
    let (dataset, number) = match name.rsplit_once('@') {
        Some((dataset, number)) => {
            let number = number.trim_start_matches('v').parse::<i32>();
            let number = number.map_err(|_| Problem::invalid(format!("'{name}' names no version: write NAME@3.")))?;
            (dataset, Some(number))
        }
        None => (name, None),
    };
    let unknown =
        || Problem::not_found(format!("There is no data set '{name}' in this project. Look at its Data page."));
    let (id, version) = version_of(db, scope, dataset, number).await?.ok_or_else(unknown)?;
    if trains && let Some(refusal) = checks::refusal(&version) {
        return Err(Problem::conflict(refusal));
    }
    Ok((id, datasets::source_file(ctx, &version)?))
}

async fn version_of(
    db: &impl ConnectionTrait,
    scope: &Scope,
    dataset: &str,
    number: Option<i32>,
) -> Result<Option<(DatasetVersionId, store::datasets::VersionSource)>, Problem> {
    let Some(id) = store::datasets::by_name(db, scope.project, dataset).await? else { return Ok(None) };
    let Some(version) = store::datasets::numbered(db, id, number).await? else { return Ok(None) };
    Ok(store::datasets::source(db, scope.project, version).await?.map(|source| (version, source)))
}

/// Everything that pipelines keep on the disk.
fn folder(ctx: &Ctx) -> PathBuf {
    ctx.data_dir().join("pipelines")
}

/// Results of steps, by what they were made of.
fn cache(ctx: &Ctx) -> PathBuf {
    folder(ctx).join("cache")
}

/// Forgets all results of steps: copies of rows that were deleted may be among them.
pub(crate) async fn forget_results(ctx: &Ctx) -> Result<(), Problem> {
    match tokio::fs::remove_dir_all(cache(ctx)).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(store::error::internal(&error)),
        _ => Ok(()),
    }
}
