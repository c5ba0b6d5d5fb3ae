//! The same run with other seeds: how much of a score is chance.

use super::{no_run, queue};
use crate::{Actor, Ctx, authorise};
use trainyard_store as store;
use trainyard_types::{
    Action, Problem, ResourceName, RunId, Slug,
    run::{NewRun, TrainSettings},
    seeds::{MOST_REPEATS, SeedsView},
};

/// The run and those that differ in their seed alone, with mean and standard deviation of their scores, and how often its
/// test rows were looked at.
///
/// # Errors
/// There is no such run for the caller.
pub async fn seeds(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId) -> Result<SeedsView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    let found = store::seeds::siblings(db, scope.project, run).await?.ok_or_else(no_run)?;
    let view = store::runs::view(db, scope.project, run).await?.ok_or_else(no_run)?;
    let metric = view.summary.task.map(|task| view.settings.aim(task).primary_metric().to_owned());
    Ok(SeedsView::new(metric, found.seeds, found.test_looks))
}

/// Queues the same run with `more` further seeds.
///
/// # Errors
/// There is no such run for the caller; `more` is not 1 to 20; the version can't be trained on any more.
pub async fn repeat(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId, more: u32) -> Result<Vec<RunId>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    if !(1..=MOST_REPEATS).contains(&more) {
        return Err(Problem::field("more", format!("Ask for 1 to {MOST_REPEATS} further seeds.")));
    }
    let db = ctx.store().db();
    let before = store::runs::view(db, scope.project, run).await?.ok_or_else(no_run)?;
    let known = store::seeds::siblings(db, scope.project, run).await?.ok_or_else(no_run)?;
    let mut made = Vec::new();
    for seed in SeedsView::new(None, known.seeds, known.test_looks).next(more) {
        let again = NewRun {
            name: ResourceName::parse(&before.summary.name).ok(),
            dataset_version: before.dataset_version_id,
            settings: TrainSettings { seed, ..before.settings.clone() },
        };
        made.push(queue(ctx, actor, &scope, again, None).await?.summary.id);
    }
    Ok(made)
}
