//! Partitions of a pipeline: how each one's last run stands, and runs of many of them.

use super::{
    find,
    runs::{Asked, insert},
    values,
};
use crate::{Actor, Ctx, authorise};
use std::collections::BTreeMap;
use trainyard_store::{self as store, audit, now};
use trainyard_types::{
    Action, Page, PageQuery, PipelineId, Problem, Slug,
    pipeline::{
        Backfill, PartitionPage, PartitionRun, PartitionView, Partitions, PipelineRunState, PipelineRunSummary,
    },
};

/// Partitions of one backfill at most.
const MOST: usize = 500;

fn no_partitions() -> Problem {
    Problem::conflict("The pipeline has no partitions to fill.")
}

fn state(last: Option<&PartitionRun>) -> &'static str {
    last.map_or("never", |last| last.state.as_str())
}

/// A page of the pipeline's partitions with the state of each one's last run. `state` asks for those in one state: that of
/// a run, or `never`.
///
/// # Errors
/// There is no such pipeline for the caller, or it has no partitions.
pub async fn list(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: PipelineId,
    query: &PageQuery,
) -> Result<PartitionPage, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let kept = find(ctx, &scope, id).await?;
    let partitions = kept.document.partitions.as_ref().ok_or_else(no_partitions)?;
    let last = store::pipelines::runs::last_by_partition(ctx.store().db(), id).await?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut found: Vec<String> = ctx.pipelines()?.partitions(partitions, now());
    for name in &found {
        *counts.entry(state(last.get(name)).to_owned()).or_default() += 1;
    }
    found.retain(|name| {
        name.contains(query.q.trim()) && (query.state.is_empty() || state(last.get(name)) == query.state)
    });
    let total = found.len() as u64;
    let (offset, limit) = (query.offset(), query.limit());
    let items = found
        .into_iter()
        .skip(usize::try_from(offset).unwrap_or(usize::MAX))
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .map(|name| PartitionView { last: last.get(&name).cloned(), name })
        .collect();
    let concurrency = kept.document.concurrency.unwrap_or(1);
    Ok(PartitionPage { page: Page::new(items, total, query), counts, concurrency })
}

/// Queues a run of each of some partitions.
///
/// # Errors
/// There is no such pipeline for the caller, it has no partitions, a partition is none, or the caller may not write.
pub async fn backfill(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: PipelineId,
    input: Backfill,
) -> Result<Vec<PipelineRunSummary>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let kept = find(ctx, &scope, id).await?;
    let partitions = kept.document.partitions.as_ref().ok_or_else(no_partitions)?;
    let names = asked_for(ctx, id, partitions, &input).await?;
    let tx = ctx.store().begin().await?;
    for name in &names {
        let values = values(ctx, &kept.document, input.parameters.clone(), Some(name))?;
        let asked = Asked {
            partition: Some(name),
            cause: "backfill".into(),
            occasion: None,
            depth: 0,
            values: &values,
            no_cache: false,
        };
        insert(&tx, &actor.name, &kept, &asked).await?;
    }
    let runs = if names.len() == 1 { "run" } else { "runs" };
    let (first, last) = (names.first().map_or("", String::as_str), names.last().map_or("", String::as_str));
    let summary =
        format!("Asked for {} {runs} of pipeline '{}', from {first} to {last}.", names.len(), kept.document.name);
    let event = actor.event("pipeline.backfill", format!("pipeline/{id}"), summary).in_project(&scope.slug);
    audit::append(&tx, event.after(&input)).await?;
    tx.commit().await?;
    ctx.wake().notify_one();
    Ok(store::pipelines::runs::list(ctx.store().db(), id, names.len() as u64).await?)
}

async fn asked_for(
    ctx: &Ctx,
    id: PipelineId,
    partitions: &Partitions,
    input: &Backfill,
) -> Result<Vec<String>, Problem> {
    let engine = ctx.pipelines()?;
    let names = match (&input.first, &input.last, input.partitions.as_slice(), input.failed) {
        (Some(first), Some(last), [], false) => engine.range(partitions, first, last)?,
        (None, None, [], true) => {
            let last = store::pipelines::runs::last_by_partition(ctx.store().db(), id).await?;
            let bad = [PipelineRunState::Failed, PipelineRunState::Cancelled];
            let mut names = engine.partitions(partitions, now());
            names.retain(|name| last.get(name).is_some_and(|last| bad.contains(&last.state)));
            names
        }
        (None, None, [_, ..], false) => {
            let mut names: Vec<String> = Vec::new();
            for name in &input.partitions {
                engine.partition(partitions, name)?;
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
            names
        }
        _ => {
            let message = "Say which partitions: 'first' and 'last', or 'partitions', or 'failed'.";
            return Err(Problem::field("partitions", message));
        }
    };
    match names.len() {
        0 => Err(Problem::conflict("No partition's last run failed or was cancelled.")),
        n if n > MOST => Err(Problem::invalid(format!("These are {n} partitions; {MOST} can be asked for at once."))),
        _ => Ok(names),
    }
}
