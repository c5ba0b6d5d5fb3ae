//! The table of runs with the columns that the caller chose.

use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
};
use trainyard_store::{self as store, runs::table::Wanted};
use trainyard_types::{
    Action, Page, Problem, RunId, Slug,
    experiments::{KnownColumns, RunColumn, RunQuery, RunRow, RunTable},
    job::JobState,
};

/// Columns that one search lists at most.
const LISTED: u64 = 200;

/// One page of the project's runs, with the values of the columns asked for. What the query leaves open has a default;
/// pins and the baseline are the caller's own.
///
/// # Errors
/// There is no such project for the caller; `filter`, `columns`, `sort` or `state` can't be read.
pub async fn table(ctx: &Ctx, actor: &Actor, project: &Slug, query: &RunQuery) -> Result<RunTable, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let (fields, filter, order) = (query.fields()?, query.conditions()?, query.order()?);
    let state = read_state(&query.state)?;
    let db = ctx.store().db();
    let marks = store::runs::marks::read(db, actor.user, scope.project).await?;
    let pinned = if query.pins { marks.pinned.as_slice() } else { &[] };
    let paging = query.paging();
    let wanted = Wanted {
        filter: &filter,
        words: &query.q,
        state,
        order: order.as_ref().map(|(field, down)| (field, *down)),
        archived: query.archived,
        without: pinned,
        limit: paging.limit(),
        offset: paging.offset(),
    };
    let (found, total) = store::runs::table::find(ctx.store(), scope.project, &wanted).await?;
    let mut ids: Vec<RunId> = pinned.to_vec();
    ids.extend(&found);
    let apart = marks.baseline.filter(|run| !ids.contains(run));
    ids.extend(apart);
    let mut rows: Vec<RunRow> = store::runs::table::rows(db, scope.project, &ids, &fields).await?;
    for row in &mut rows {
        row.pinned = marks.pinned.contains(&row.run.id);
        row.baseline = marks.baseline == Some(row.run.id);
    }
    let baseline = rows.iter().find(|row| row.baseline).cloned();
    rows.retain(|row| Some(row.run.id) != apart);
    let at = rows.iter().take_while(|row| pinned.contains(&row.run.id)).count();
    let items = rows.split_off(at);
    let columns = fields.into_iter().map(RunColumn::of).collect();
    Ok(RunTable { columns, baseline, pinned: rows, page: Page::new(items, total, &paging) })
}

/// A job's state by its name; none for an empty one.
pub(super) fn read_state(text: &str) -> Result<Option<JobState>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = JobState::ALL.map(JobState::as_str).join(", ");
    text.parse().map(Some).map_err(|error| Problem::field("state", format!("{error}. Use one of {known}.")))
}

/// Metrics, parameters and tags that runs of the project have, whose name holds the words; 200 at most.
///
/// # Errors
/// There is no such project for the caller.
pub async fn columns(ctx: &Ctx, actor: &Actor, project: &Slug, words: &str) -> Result<KnownColumns, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let (fields, total) = store::runs::table::known(ctx.store().db(), scope.project, words, LISTED).await?;
    Ok(KnownColumns { columns: fields.into_iter().map(RunColumn::of).collect(), total })
}

/// The caller's project, for acting on what the table shows.
pub(super) async fn acting(ctx: &Ctx, actor: &Actor, project: &Slug, action: Action) -> Result<Scope, Problem> {
    let scope = authorise::project(ctx, actor, project, action).await?;
    if !actor.is_person() {
        return Err(Problem::forbidden("Only a person has pins and views. Sign in first."));
    }
    Ok(scope)
}
