//! The registry: names, versions, and which version is champion.

mod export;
mod predict;
pub mod serving;

pub use export::{Exported, export};
use predict::load;
pub use predict::predict;
pub(crate) use predict::{answer, resolve};

use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
};
use trainyard_store::{
    self as store, Tx, audit, fresh_id,
    lineage::Relation,
    models::{CHAMPION, Known, NewVersion},
    now,
    runs::Work,
};
use trainyard_types::{
    Action, Code, DatasetId, DatasetVersionId, JobId, ModelId, ModelVersionId, Page, PageQuery, PipelineRunId, Problem,
    RunId, Slug,
    evaluation::RunResult,
    job::JobState,
    model::{ModelVersionView, ModelView, MoveAlias, RegisterModel},
    pipeline::StepId,
    run::TrainSettings,
};

/// Registers a finished run's model: a new name makes a model whose first version is champion, a known name of the same
/// project gets a further version, which is not champion until an approver says so.
///
/// # Errors
/// There is no such run for the caller; it has no model; it is a version of that model already; another project has the
/// name.
pub async fn register(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    input: RegisterModel,
) -> Result<ModelVersionView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    if input.description.chars().count() > 2000 {
        return Err(Problem::field("description", "Use at most 2,000 characters."));
    }
    let outcome = store::runs::outcome(ctx.store().db(), scope.project, input.run).await?.ok_or_else(no_run)?;
    let Some(result) = outcome.result.filter(|_| outcome.state == JobState::Succeeded) else {
        let message = if outcome.state.is_final() {
            "This run ended without a model. Train again, then register that run."
        } else {
            "This run has not ended yet. Register it when it has."
        };
        return Err(Problem::conflict(message));
    };
    let new = Registration {
        run: input.run,
        run_name: &outcome.name,
        name: input.name.as_str(),
        description: input.description.trim(),
        result: &result,
        bytes: outcome.model_bytes,
    };
    let tx = ctx.store().begin().await?;
    let (model, number) = insert(&tx, actor, &scope, &new).await?;
    let view =
        store::models::version(&*tx, model, number).await?.ok_or_else(|| no_version(input.name.as_str(), number))?;
    append(&tx, actor, &scope.slug, &new, number).await?;
    tx.commit().await?;
    Ok(view)
}

struct Registration<'a> {
    run: RunId,
    run_name: &'a str,
    name: &'a str,
    description: &'a str,
    result: &'a RunResult,
    bytes: u64,
}

async fn insert(tx: &Tx, actor: &Actor, scope: &Scope, new: &Registration<'_>) -> Result<(ModelId, i32), Problem> {
    let at = now();
    let model = match store::models::by_name(&**tx, new.name).await? {
        Some(known) if known.project == scope.project => {
            if let Some(number) = store::models::from_run(&**tx, known.id, new.run).await? {
                return Err(Problem::conflict(format!(
                    "This run is registered as version {number} of '{}' already.",
                    new.name
                )));
            }
            known.id
        }
        Some(_) => return Err(name_taken(new.name)),
        None => {
            let id = ModelId(fresh_id());
            store::models::create(tx, id, scope.project, new.name, new.description, at, &actor.name)
                .await
                .map_err(|error| if error.is_duplicate() { name_taken(new.name) } else { error.into() })?;
            id
        }
    };
    let row = NewVersion {
        id: ModelVersionId(fresh_id()),
        model,
        run: new.run,
        result: new.result,
        bytes: new.bytes,
        created_at: at,
        created_by: &actor.name,
    };
    Ok((model, store::models::add_version(tx, row).await?))
}

async fn append(tx: &Tx, actor: &Actor, slug: &str, new: &Registration<'_>, number: i32) -> Result<(), Problem> {
    let first = if number == 1 { ", its first and so its champion" } else { "" };
    let summary = format!("Registered run '{}' as version {number} of '{}'{first}.", new.run_name, new.name);
    let event = actor
        .event("model.register", format!("model/{}", new.name), summary)
        .in_project(slug)
        .after(&(number, &new.result.model_hash));
    audit::append(tx, event).await?;
    Ok(())
}

/// Registers the model of a run that was to become one, within the transaction that ends the run. A name that another
/// project took meanwhile is no reason to lose the run: its page then offers to register it by hand.
pub(crate) async fn register_automatically(
    tx: &Tx,
    actor: &Actor,
    run: RunId,
    work: &Work,
    name: &str,
    result: &RunResult,
    bytes: u64,
) -> Result<(), Problem> {
    let scope = authorise::own_project(&**tx, work.project).await?;
    let new = Registration { run, run_name: &work.name, name, description: "", result, bytes };
    match insert(tx, actor, &scope, &new).await {
        Ok((_, number)) => append(tx, actor, &scope.slug, &new, number).await,
        Err(problem) if problem.code == Code::Conflict => {
            tracing::warn!(%run, name, %problem, "the run's model was not registered");
            Ok(())
        }
        Err(problem) => Err(problem),
    }
}

/// A model that a pipeline's step trained.
pub(crate) struct Finished<'a> {
    pub(crate) dataset: DatasetId,
    pub(crate) dataset_version: DatasetVersionId,
    /// Of the run that stands for the training.
    pub(crate) name: String,
    pub(crate) settings: &'a TrainSettings,
    pub(crate) result: &'a RunResult,
    pub(crate) bytes: u64,
    /// The pipeline's run and the step that registers it.
    pub(crate) by: (PipelineRunId, &'a StepId),
}

/// Registers a model that a pipeline's step trained, with a run that tells how, within the caller's transaction. Answers the
/// version's number. The model file has to be in the artifact store.
///
/// # Errors
/// Another project has the name, or the database failed.
pub(crate) async fn register_finished(
    tx: &Tx,
    ctx: &Ctx,
    scope: &Scope,
    name: &str,
    done: &Finished<'_>,
) -> Result<i32, Problem> {
    let actor = Actor::system();
    let name = Slug::parse(name).map_err(|message| Problem::field("model", message))?;
    let run = RunId(fresh_id());
    let new = store::runs::NewRun {
        id: run,
        job: JobId(fresh_id()),
        project: scope.project,
        dataset: done.dataset,
        dataset_version: done.dataset_version,
        name: done.name.chars().take(128).collect(),
        settings: done.settings,
        code_version: &ctx.settings().code_version,
        register_as: None,
        created_at: now(),
        created_by: actor.name.clone(),
    };
    store::runs::create_finished(tx, new, done.result, done.bytes).await?;
    let (by, step) = done.by;
    store::lineage::link(tx, by, step, Relation::Trained, run.to_string()).await?;
    let new = Registration {
        run,
        run_name: &done.name,
        name: name.as_str(),
        description: "",
        result: done.result,
        bytes: done.bytes,
    };
    let (_, number) = insert(tx, &actor, scope, &new).await?;
    append(tx, &actor, &scope.slug, &new, number).await?;
    Ok(number)
}

/// The project's models, the last changed first. Sorts by `name`, `created`.
///
/// # Errors
/// There is no such project for the caller.
pub async fn list(ctx: &Ctx, actor: &Actor, project: &Slug, query: &PageQuery) -> Result<Page<ModelView>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    Ok(counted(ctx, store::models::list(ctx.store(), scope.project, query).await?))
}

/// With the predictions that are not written yet.
pub(crate) fn counted(ctx: &Ctx, page: Page<ModelView>) -> Page<ModelView> {
    page.map(|view| ModelView { predictions: view.predictions + ctx.serving().unwritten(view.id), ..view })
}

/// One model with its newest version.
///
/// # Errors
/// There is none of that name for the caller.
pub async fn view(ctx: &Ctx, actor: &Actor, name: &Slug) -> Result<ModelView, Problem> {
    let (known, _) = find(ctx, actor, name, Action::Read).await?;
    let view = store::models::view(ctx.store().db(), known.id).await?.ok_or_else(|| no_model(name.as_str()))?;
    Ok(ModelView { predictions: view.predictions + ctx.serving().unwritten(view.id), ..view })
}

/// A model's versions, newest first.
///
/// # Errors
/// There is no model of that name for the caller.
pub async fn versions(ctx: &Ctx, actor: &Actor, name: &Slug) -> Result<Vec<ModelVersionView>, Problem> {
    let (known, _) = find(ctx, actor, name, Action::Read).await?;
    Ok(store::models::versions(ctx.store().db(), known.id).await?)
}

/// Points `champion` to a version: the next prediction without a version comes from it.
///
/// # Errors
/// There is no such model or version for the caller; only approvers may.
pub async fn move_champion(ctx: &Ctx, actor: &Actor, name: &Slug, input: MoveAlias) -> Result<ModelView, Problem> {
    let (known, scope) = find(ctx, actor, name, Action::Approve).await?;
    let tx = ctx.store().begin().await?;
    let before = store::models::alias(&*tx, known.id, CHAMPION).await?;
    if store::models::served(&*tx, known.id, input.version).await?.is_none() {
        return Err(no_version(name.as_str(), input.version));
    }
    if before == Some(input.version) {
        return Err(Problem::conflict(format!("Version {} of '{name}' is champion already.", input.version)));
    }
    store::models::move_alias(&tx, known.id, CHAMPION, input.version, now(), &actor.name).await?;
    let view = store::models::view(&*tx, known.id).await?.ok_or_else(|| no_model(name.as_str()))?;
    let from = before.map_or_else(|| "no version".to_owned(), |number| format!("version {number}"));
    let why = input.reason.map(|reason| format!(" Reason: {reason}")).unwrap_or_default();
    let summary = format!("Moved champion of '{name}' from {from} to version {}.{why}", input.version);
    let event = actor
        .event("model.alias.move", format!("model/{name}"), summary)
        .in_project(&scope.slug)
        .before(&before)
        .after(&input.version);
    audit::append(&tx, event).await?;
    tx.commit().await?;
    Ok(view)
}

/// The model of that name, if the caller may know of it.
pub(crate) async fn find(ctx: &Ctx, actor: &Actor, name: &Slug, action: Action) -> Result<(Known, Scope), Problem> {
    authorise::settled(actor)?;
    let known =
        store::models::by_name(ctx.store().db(), name.as_str()).await?.ok_or_else(|| no_model(name.as_str()))?;
    match authorise::project_by_id(ctx, actor, known.project, action).await {
        Ok(scope) => Ok((known, scope)),
        Err(problem) if problem.code == Code::NotFound => Err(no_model(name.as_str())),
        Err(problem) => Err(problem),
    }
}

fn no_run() -> Problem {
    Problem::not_found("There is no such run in this project.")
}

fn no_model(name: &str) -> Problem {
    Problem::not_found(format!("There is no model '{name}', or you hold no role in its workspace."))
}

pub(crate) fn no_version(name: &str, number: i32) -> Problem {
    Problem::not_found(format!("The model '{name}' has no version {number}."))
}

fn name_taken(name: &str) -> Problem {
    let mut problem = Problem::field(
        "name",
        format!("The name '{name}' is taken; model names are unique in the whole instance. Choose another."),
    );
    problem.code = Code::Conflict;
    problem
}
