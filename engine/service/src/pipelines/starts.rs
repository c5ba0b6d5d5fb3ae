//! What starts runs besides people: schedules, new versions, other pipelines, a secret address.

use super::{
    find,
    runs::{Asked, append_asked, enqueue, insert},
    values,
};
use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use trainyard_store::{self as store, Tx, audit, fresh_id, now, pipelines::Kept};
use trainyard_types::{
    Action, DatasetVersionId, PipelineId, PipelineRunId, Problem, ProjectId, Slug, Timestamp,
    pipeline::{Trigger, Values},
};

/// Runs that start each other end here: they go round in a circle.
const DEEPEST: i32 = 10;

/// Queues the runs of all ticks that are due. Any number of schedulers may call it at the same time: a tick is run once.
/// Answers how many runs were queued.
///
/// # Errors
/// The database failed.
pub async fn tick(ctx: &Ctx) -> Result<u64, Problem> {
    let at = now();
    let mut queued = 0;
    for kept in store::pipelines::due(ctx.store().db(), at).await? {
        match tick_one(ctx, &kept, at).await {
            Ok(runs) => queued += runs,
            // One pipeline's fault is not the others'.
            Err(problem) => tracing::warn!(%problem, pipeline = %kept.id, "a tick could not be run"),
        }
    }
    if queued > 0 {
        ctx.wake().notify_one();
    }
    Ok(queued)
}

async fn tick_one(ctx: &Ctx, kept: &Kept, at: Timestamp) -> Result<u64, Problem> {
    let (Some(schedule), Some(from)) = (&kept.document.schedule, kept.next_tick) else { return Ok(0) };
    let engine = ctx.pipelines()?;
    let (ticks, next) = engine.ticks(schedule, Timestamp(from.0 - 1), at)?;
    let scope = authorise::own_project(ctx.store().db(), kept.project).await?;
    let tx = ctx.store().begin().await?;
    if !store::pipelines::advance(&tx, kept.id, from, next).await? {
        return Ok(0);
    }
    let mut queued = 0;
    for tick in ticks {
        let parts: Vec<Option<String>> = match &kept.document.partitions {
            None => vec![None],
            Some(partitions) => engine.partitions_of(partitions, tick).into_iter().map(Some).collect(),
        };
        for part in parts {
            let values = values(ctx, &kept.document, Values::new(), part.as_deref())?;
            let occasion = format!("tick:{}:{}", tick.0, part.as_deref().unwrap_or_default());
            let asked = Asked {
                partition: part.as_deref(),
                cause: "schedule".into(),
                occasion: Some(occasion),
                depth: 0,
                values: &values,
                no_cache: false,
            };
            queued += u64::from(enqueue(&tx, &Actor::system(), &scope, kept, &asked).await?.is_some());
        }
    }
    tx.commit().await?;
    Ok(queued)
}

/// What happened that pipelines may wait for.
pub(crate) enum Happened<'a> {
    Version { dataset: &'a str, number: i32, id: DatasetVersionId },
    Succeeded { pipeline: &'a str, number: i32, id: PipelineRunId },
}

/// Queues runs of the pipelines that wait for it, within the caller's transaction, before its own audit event. `by` is the
/// pipeline whose run did it, and how many runs led to that one.
///
/// # Errors
/// The database failed.
pub(crate) async fn happened(
    ctx: &Ctx,
    tx: &Tx,
    project: ProjectId,
    what: &Happened<'_>,
    by: Option<(PipelineId, i32)>,
) -> Result<(), Problem> {
    let depth = by.map_or(0, |(_, depth)| depth + 1);
    let (cause, occasion) = match what {
        Happened::Version { dataset, number, id } => (format!("data set {dataset} v{number}"), format!("version:{id}")),
        Happened::Succeeded { pipeline, number, id } => {
            (format!("pipeline {pipeline} #{number}"), format!("pipeline:{id}"))
        }
    };
    let mut queued = Vec::new();
    for kept in store::pipelines::triggered(&**tx, project).await? {
        let wanted = kept.document.triggers.iter().any(|trigger| match (trigger, what) {
            (Trigger::Dataset { dataset }, Happened::Version { dataset: new, .. }) => dataset == new,
            (Trigger::Pipeline { pipeline }, Happened::Succeeded { pipeline: ended, .. }) => pipeline == ended,
            _ => false,
        });
        // What a pipeline writes does not start it again.
        if !wanted || by.is_some_and(|(pipeline, _)| pipeline == kept.id) {
            continue;
        }
        if depth > DEEPEST {
            tracing::warn!(pipeline = %kept.id, "pipelines start each other in a circle; this one is not started");
            continue;
        }
        let values = match values(ctx, &kept.document, Values::new(), None) {
            Ok(values) => values,
            Err(problem) => {
                tracing::warn!(%problem, pipeline = %kept.id, "a trigger could not start its pipeline");
                continue;
            }
        };
        let asked = asked(&cause, &occasion, depth, &values);
        if let Some(id) = insert(tx, &Actor::system().name, &kept, &asked).await? {
            queued.push((kept, values, id));
        }
    }
    // The chain's lock comes last: other transactions take a pipeline's first.
    for (kept, values, id) in queued {
        let scope = authorise::own_project(&**tx, project).await?;
        append_asked(tx, &Actor::system(), &scope, &kept, &asked(&cause, &occasion, depth, &values), id).await?;
    }
    Ok(())
}

fn asked<'a>(cause: &str, occasion: &str, depth: i32, values: &'a Values) -> Asked<'a> {
    Asked {
        partition: None,
        cause: cause.to_owned(),
        occasion: Some(occasion.to_owned()),
        depth,
        values,
        no_cache: false,
    }
}

/// Makes the secret of the address that starts the pipeline, in place of an earlier one. It is shown this once.
///
/// # Errors
/// There is no such pipeline for the caller, its document has no webhook trigger, or the caller may not write.
pub async fn make_webhook(ctx: &Ctx, actor: &Actor, project: &Slug, id: PipelineId) -> Result<String, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let kept = find(ctx, &scope, id).await?;
    if !kept.document.triggers.contains(&Trigger::Webhook) {
        return Err(Problem::conflict("Add 'on: webhook' to the document's triggers and save it first."));
    }
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| store::error::internal(&error))?;
    let secret = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let tx = ctx.store().begin().await?;
    store::pipelines::set_webhook(&tx, id, Some(&hashed(&secret))).await?;
    let summary = format!("Made a new address that starts pipeline '{}'.", kept.document.name);
    audit::append(&tx, actor.event("pipeline.webhook", format!("pipeline/{id}"), summary).in_project(&scope.slug))
        .await?;
    tx.commit().await?;
    Ok(secret)
}

fn hashed(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Starts the pipeline that the secret belongs to.
///
/// # Errors
/// The secret is none, the pipeline is paused or has no webhook trigger any more, or a parameter does not fit.
pub async fn webhook(ctx: &Ctx, from: &str, secret: &str, given: Values) -> Result<PipelineRunId, Problem> {
    let unknown = || Problem::not_found("This address starts no pipeline. Make a new one on the pipeline's page.");
    let kept = store::pipelines::by_webhook(ctx.store().db(), &hashed(secret)).await?.ok_or_else(unknown)?;
    if !kept.document.triggers.contains(&Trigger::Webhook) {
        return Err(unknown());
    }
    if kept.paused {
        return Err(Problem::conflict("The pipeline is paused. Resume it on its page."));
    }
    let scope: Scope = authorise::own_project(ctx.store().db(), kept.project).await?;
    let values = values(ctx, &kept.document, given, None)?;
    let asked = asked("webhook", &format!("webhook:{}", fresh_id()), 0, &values);
    let actor = Actor { from: from.to_owned(), ..Actor::system() };
    let tx = ctx.store().begin().await?;
    let run = enqueue(&tx, &actor, &scope, &kept, &asked).await?.ok_or_else(unknown)?;
    tx.commit().await?;
    ctx.wake().notify_one();
    Ok(run)
}
