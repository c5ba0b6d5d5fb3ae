//! What workers do with runs: claim, report, do what a step's process can't, end. They act for Trainyard itself.

use super::{
    cache, folder,
    runs::no_run,
    sources,
    starts::{Happened, happened},
};
use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
    datasets::{self, ByStep, Written},
    jobs::LeaseError,
    models,
};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use trainyard_store::{self as store, Tx, audit, inbox::To, now, pipelines::runs as kept};
use trainyard_types::{
    Action, Problem, ResourceName, Timestamp, WorkerId,
    evaluation::RunResult,
    inbox::Notice,
    pipeline::{Effect, Output, PipelineRunState, PipelineSpec, StepId, StepReport, StepState, WroteView},
    run::TrainSettings,
    words::counted,
};

pub use trainyard_store::pipelines::runs::{PipelineBatch, PipelineLease};

/// A worker has to send a heartbeat within this time or loses the run, milliseconds. Longer than a job's: storing a large
/// table is one act.
pub const LEASE: i64 = 120_000;
/// Milliseconds.
const DAY: i64 = 24 * 3600 * 1000;

/// A run to be done.
#[derive(Clone, Debug)]
pub struct ClaimedRun {
    pub lease: PipelineLease,
    pub spec: PipelineSpec,
}

/// Takes the run that has waited longest, if any may run. One whose data are not there fails at once and the next one is
/// taken.
///
/// # Errors
/// The store failed.
pub async fn claim(ctx: &Ctx, worker: WorkerId) -> Result<Option<ClaimedRun>, Problem> {
    loop {
        let at = now();
        let claimed = kept::claim(ctx.store(), worker, at, Timestamp(at.0 + LEASE)).await?;
        let Some(lease) = claimed else { return Ok(None) };
        match prepare(ctx, &lease).await {
            Ok(spec) => return Ok(Some(ClaimedRun { lease, spec })),
            Err(problem) => {
                let ended = end(ctx, &lease, PipelineRunState::Failed, Some(&problem), &PipelineBatch::default()).await;
                match ended {
                    Ok(()) | Err(LeaseError::Lost) => {}
                    Err(LeaseError::Problem(problem)) => return Err(problem),
                }
            }
        }
    }
}

async fn prepare(ctx: &Ctx, lease: &PipelineLease) -> Result<PipelineSpec, Problem> {
    let work = kept::work(ctx.store().db(), lease.run).await?.ok_or_else(no_run)?;
    let scope = authorise::own_project(ctx.store().db(), work.project).await?;
    let found = sources(ctx, &scope, &work.document, &work.values).await?;
    let tx = ctx.store().begin().await?;
    for source in &found {
        let known = kept::reads(&tx, lease, &source.step, source.version).await?;
        if !known {
            return Err(Problem::conflict("Another worker has the run."));
        }
    }
    tx.commit().await?;
    let own = folder(ctx).join("runs").join(lease.run.to_string());
    tokio::fs::create_dir_all(&own).await.map_err(|error| store::error::internal(&error))?;
    Ok(PipelineSpec {
        pipeline_run: lease.run,
        attempt: lease.attempt,
        document: work.document,
        values: work.values,
        datasets: found.into_iter().map(|found| (found.name, found.path.to_string_lossy().into_owned())).collect(),
        approved: work.approvals.iter().filter(|a| a.approved).map(|a| a.step.clone()).collect(),
        effects_done: work.effects,
        use_cache: !work.no_cache,
        cache: cache(ctx).to_string_lossy().into_owned(),
        folder: own.to_string_lossy().into_owned(),
        memory_limit: ctx.settings().memory.bytes(),
        training_memory: Some(ctx.settings().training_memory.bytes()),
    })
}

/// Extends the lease and hears whether the run is to stop.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the run.
pub async fn heartbeat(ctx: &Ctx, lease: &PipelineLease) -> Result<bool, LeaseError> {
    kept::heartbeat(ctx.store(), lease, Timestamp(now().0 + LEASE)).await?.ok_or(LeaseError::Lost)
}

/// Writes what a run's process reported.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the run; nothing is written then.
pub async fn record(ctx: &Ctx, lease: &PipelineLease, batch: &PipelineBatch) -> Result<(), LeaseError> {
    held(kept::record(ctx.store(), lease, batch).await?)
}

fn held(still: bool) -> Result<(), LeaseError> {
    if still { Ok(()) } else { Err(LeaseError::Lost) }
}

/// Ends a run, or lets it wait for a person. One that went well starts those that wait for it.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the run.
pub async fn end(
    ctx: &Ctx,
    lease: &PipelineLease,
    state: PipelineRunState,
    problem: Option<&Problem>,
    batch: &PipelineBatch,
) -> Result<(), LeaseError> {
    let work = kept::work(ctx.store().db(), lease.run).await?.ok_or_else(no_run)?;
    let tx = ctx.store().begin().await?;
    held(kept::end(&tx, lease, state, problem, batch, now()).await?)?;
    if state == PipelineRunState::Succeeded {
        let what = Happened::Succeeded { pipeline: work.document.name.as_str(), number: work.number, id: lease.run };
        happened(ctx, &tx, work.project, &what, Some((work.pipeline, work.depth))).await?;
    }
    tx.commit().await?;
    if state.is_final() {
        ctx.wake().notify_one();
    }
    Ok(())
}

/// Hands a run back to the queue, from a worker that stops in good order.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the run.
pub async fn requeue(ctx: &Ctx, lease: &PipelineLease) -> Result<(), LeaseError> {
    let tx = ctx.store().begin().await?;
    held(kept::requeue(&tx, lease.run, Some(lease)).await?)?;
    tx.commit().await?;
    Ok(())
}

/// Deals with runs of workers that fell silent, or of `worker`, which says that it was restarted.
///
/// # Errors
/// The store failed.
pub async fn reap(ctx: &Ctx, worker: Option<WorkerId>) -> Result<u64, Problem> {
    Ok(kept::reap(ctx.store(), worker, now()).await?)
}

/// Deletes the logs of runs that ended longer ago than the configuration keeps them. Answers of how many runs. Any worker
/// may call it at any time.
///
/// # Errors
/// The store failed.
pub async fn sweep_logs(ctx: &Ctx) -> Result<u64, Problem> {
    let at = now();
    let before = Timestamp(at.0 - i64::from(ctx.settings().log_retention_days) * DAY);
    Ok(store::pipelines::logs::sweep(ctx.store(), before, at).await?)
}

/// Does for a step what its process can't: writes a version, registers a model, tells people. Once done it is never done
/// again for the run. Answers a line for the step's log.
///
/// # Errors
/// [`LeaseError::Lost`] where another attempt has the run; what the act itself refuses.
pub async fn effect(
    ctx: &Ctx,
    lease: &PipelineLease,
    step: &StepId,
    effect: &Effect,
    reports: &[StepReport],
) -> Result<String, LeaseError> {
    let work = kept::work(ctx.store().db(), lease.run).await?.ok_or_else(no_run)?;
    if work.effects.contains(step) {
        return Ok("Was done before.".into());
    }
    // Before anything is written: the end of the act asks for the lease again.
    if heartbeat(ctx, lease).await? {
        return Err(Problem::conflict("The run was cancelled before this step wrote anything.").into());
    }
    let scope = authorise::own_project(ctx.store().db(), work.project).await?;
    let place = Place { ctx, lease, step, scope: &scope, work: &work, reports };
    match effect.kind.as_str() {
        "write_out" => place.write_out(effect).await,
        "register" => place.register(effect).await,
        "notify" => place.notify(effect).await,
        other => Err(Problem::internal(format!("Nobody knows what '{other}' is to do.")).into()),
    }
}

/// Where an effect takes place.
struct Place<'a> {
    ctx: &'a Ctx,
    lease: &'a PipelineLease,
    step: &'a StepId,
    scope: &'a Scope,
    work: &'a kept::Work,
    reports: &'a [StepReport],
}

#[derive(Deserialize)]
struct ToDataset {
    dataset: String,
}

#[derive(Deserialize)]
struct ToModel {
    model: String,
}

#[derive(Deserialize)]
struct ToPeople {
    message: String,
}

/// What a training step leaves beside the model.
#[derive(Deserialize)]
struct Trained {
    settings: TrainSettings,
    result: RunResult,
}

fn settings<T: for<'de> Deserialize<'de>>(effect: &Effect) -> Result<T, Problem> {
    serde_json::from_value(effect.with.clone())
        .map_err(|error| Problem::internal(format!("The step's settings can't be read: {error}.")))
}

fn input(effect: &Effect, at: usize) -> Result<&Path, Problem> {
    let input = effect.inputs.get(at);
    input.map(|input| Path::new(&input.path)).ok_or_else(|| Problem::internal("The step's input is gone."))
}

impl Place<'_> {
    fn cause(&self) -> String {
        format!("pipeline {} #{}, step {}", self.work.document.name, self.work.number, self.step)
    }

    async fn version(&self, name: &str, table: &Path) -> Result<Written, Problem> {
        let name = ResourceName::parse(name).map_err(|error| Problem::field("dataset", error))?;
        let by = ByStep { pipeline: self.work.pipeline, run: self.lease.run, step: self.step, depth: self.work.depth };
        datasets::write_table(self.ctx, &Actor::system(), self.scope, name, table, &self.cause(), by).await
    }

    async fn done(&self, tx: &Tx, wrote: Option<WroteView>) -> Result<(), LeaseError> {
        held(kept::effect_done(tx, self.lease, self.step, wrote).await?)
    }

    async fn write_out(&self, effect: &Effect) -> Result<String, LeaseError> {
        let ToDataset { dataset } = settings(effect)?;
        let written = self.version(&dataset, input(effect, 0)?).await?;
        let wrote = WroteView {
            step: self.step.clone(),
            dataset: dataset.clone(),
            dataset_version: written.id,
            number: written.number,
        };
        let tx = self.ctx.store().begin().await?;
        self.done(&tx, Some(wrote)).await?;
        tx.commit().await?;
        if written.quarantined {
            let message = format!(
                "Version {} of '{dataset}' fails its contract and is quarantined: look at its checks.",
                written.number
            );
            return Err(Problem::conflict(message).into());
        }
        Ok(match written.new {
            true => format!("Wrote version {} of data set '{dataset}'.", written.number),
            false => {
                format!("Version {} of data set '{dataset}' has exactly these rows; nothing is new.", written.number)
            }
        })
    }

    /// A model's version belongs to a training run, and that to a version of a data set: the rows that the step trained on
    /// become one, named after the pipeline and the step.
    async fn register(&self, effect: &Effect) -> Result<String, LeaseError> {
        let ToModel { model } = settings(effect)?;
        let (model_file, result_file) = (input(effect, 0)?, input(effect, 1)?);
        let bytes = tokio::fs::read(result_file).await.map_err(|error| store::error::internal(&error))?;
        let Trained { settings, result } = serde_json::from_slice(&bytes).map_err(|_| {
            Problem::invalid("Name the model and its result as inputs, such as [train.model, train.result].")
        })?;
        let (trainer, rows) = self.trained_on()?;
        let name: String = format!("{}-{trainer}", self.work.document.name).chars().take(128).collect();
        let rows = self.version(&name, &rows).await?;
        let hash = self.ctx.artifacts().put(model_file).await?;
        if hash != result.model_hash {
            return Err(Problem::internal("The model is not the one that its result describes. Run anew.").into());
        }
        let size = tokio::fs::metadata(model_file).await.map_err(|error| store::error::internal(&error))?.len();
        let tx = self.ctx.store().begin().await?;
        self.done(&tx, None).await?;
        let finished = models::Finished {
            dataset: rows.dataset,
            dataset_version: rows.id,
            name: self.cause(),
            settings: &settings,
            result: &result,
            bytes: size,
            by: (self.lease.run, self.step),
        };
        let number = models::register_finished(&tx, self.ctx, self.scope, &model, &finished).await?;
        tx.commit().await?;
        Ok(format!("Registered version {number} of model '{model}'."))
    }

    /// The training step whose model is taken, and the table that it trained on.
    fn trained_on(&self) -> Result<(StepId, PathBuf), Problem> {
        let gone = || Problem::internal("The training step's table is gone. Run the pipeline anew.");
        let document = &self.work.document;
        let own = document.step(self.step.as_str()).ok_or_else(gone)?;
        let trainer = own.input.first().and_then(|input| document.step(input.step.as_str())).ok_or_else(gone)?;
        if trainer.kind != "train" {
            let message = "Only what a step of type 'train' gives can be registered: [train.model, train.result].";
            return Err(Problem::invalid(message));
        }
        let table = trainer.input.first().ok_or_else(gone)?;
        let report = self.reports.iter().find(|report| report.id == table.step).ok_or_else(gone)?;
        let output: &Output = report.outputs.iter().find(|output| output.part == table.part).ok_or_else(gone)?;
        Ok((trainer.id.clone(), cache(self.ctx).join(&output.path)))
    }

    async fn notify(&self, effect: &Effect) -> Result<String, LeaseError> {
        let ToPeople { message } = settings(effect)?;
        let message: String = message.trim().chars().take(500).collect();
        let tx = self.ctx.store().begin().await?;
        self.done(&tx, None).await?;
        let (name, number) = (self.work.document.name.as_str(), self.work.number);
        let notice = Notice::pipeline_message(&message, name, number, self.step, self.lease.run);
        let told = store::inbox::send(&tx, self.scope.project, &notice, To::Those(Action::Read), now()).await?;
        let event =
            Actor::system().event("pipeline.notify", format!("pipeline_run/{}", self.lease.run), message.clone());
        audit::append(&tx, event.in_project(&self.scope.slug)).await?;
        tx.commit().await?;
        Ok(format!("Told {}: {message}", counted(told, "person", "people")))
    }
}

/// A step whose effect was refused has failed.
pub fn effect_failed(report: &mut StepReport, problem: Problem) {
    report.state = StepState::Failed;
    report.problem = Some(Problem { message: format!("Step '{}': {}", report.id, problem.message), ..problem });
}
