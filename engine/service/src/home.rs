//! A project at a glance.

use crate::{Actor, Ctx, authorise, models};
use trainyard_store as store;
use trainyard_types::{
    Action, PageQuery, Problem, Slug,
    home::{HomeCounts, HomeView},
    job::JobState,
};

/// Items of each list.
const LISTED: u64 = 10;

/// Running and last runs, models, counts. `first_visit` is set while there is neither data nor a model.
///
/// # Errors
/// There is no such project for the caller.
pub async fn view(ctx: &Ctx, actor: &Actor, project: &Slug) -> Result<HomeView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let (db, project) = (ctx.store().db(), scope.project);
    let jobs = store::jobs::counts(db, Some(project)).await?;
    let of = |state| jobs.iter().find(|(known, _)| *known == state).map_or(0, |(_, n)| *n);
    let newest = PageQuery { per_page: LISTED, ..PageQuery::default() };
    let datasets = store::datasets::total(db, project).await?;
    let (models, models_without_champion) = store::models::totals(db, project).await?;
    let counts = HomeCounts {
        datasets,
        runs: jobs.iter().map(|(_, n)| n).sum(),
        queued: of(JobState::Queued),
        running: of(JobState::Running),
        succeeded: of(JobState::Succeeded),
        failed: of(JobState::Failed),
        cancelled: of(JobState::Cancelled),
        models,
        models_without_champion,
    };
    let ended = [JobState::Succeeded, JobState::Failed, JobState::Cancelled];
    let going = [JobState::Running, JobState::Queued];
    Ok(HomeView {
        first_visit: datasets == 0 && models == 0 && counts.runs == 0,
        counts,
        running: store::runs::in_states(db, project, &going, LISTED).await?,
        last: store::runs::in_states(db, project, &ended, LISTED).await?,
        models: models::counted(ctx, store::models::list(ctx.store(), project, &newest).await?).items,
    })
}
