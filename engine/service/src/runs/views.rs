//! Saved views of the runs table, and what a person marks in it.

use super::{no_run, table::acting};
use crate::{Actor, Ctx, authorise::Scope};
use trainyard_store::{self as store, StoreError, audit, fresh_id, now};
use trainyard_types::{
    Action, Problem, RunId, SavedViewId, Slug,
    experiments::{MOST_PINNED, MOST_VIEWS, MarkRun, NewSavedView, RunQuery, SavedView},
};

/// The caller's own views and those that others share, by name.
///
/// # Errors
/// There is no such project for the caller.
pub async fn list_views(ctx: &Ctx, actor: &Actor, project: &Slug) -> Result<Vec<SavedView>, Problem> {
    let scope = crate::authorise::project(ctx, actor, project, Action::Read).await?;
    Ok(store::runs::views::list(ctx.store().db(), scope.project, actor.user).await?)
}

/// Keeps a view. Whoever may read may keep views of the own; sharing one changes what others see and needs a role that
/// may write.
///
/// # Errors
/// There is no such project for the caller; the settings can't be read; the caller has a view of that name, or 100 views.
pub async fn save_view(ctx: &Ctx, actor: &Actor, project: &Slug, new: NewSavedView) -> Result<SavedView, Problem> {
    let scope = acting(ctx, actor, project, needed(&new)).await?;
    check(&new)?;
    let db = ctx.store().db();
    if store::runs::views::count(db, scope.project, actor.user).await? >= MOST_VIEWS {
        return Err(Problem::conflict(format!("You keep {MOST_VIEWS} views here. Delete one first.")));
    }
    let id = SavedViewId(fresh_id());
    let tx = ctx.store().begin().await?;
    store::runs::views::insert(&tx, id, scope.project, actor.user, &new, now()).await.map_err(taken)?;
    let view = one(&*tx, actor, &scope, id).await?;
    let event =
        actor.event("run_view.create", format!("run_view/{id}"), format!("Saved the runs view '{}'.", new.name));
    audit::append(&tx, event.in_project(&scope.slug).after(&new)).await?;
    tx.commit().await?;
    Ok(view)
}

/// Puts another name, sharing or settings in a view's place.
///
/// # Errors
/// As [`save_view`]; there is no such view; it is somebody else's, and the caller is no admin.
pub async fn change_view(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: SavedViewId,
    new: NewSavedView,
) -> Result<SavedView, Problem> {
    let scope = acting(ctx, actor, project, needed(&new)).await?;
    check(&new)?;
    let tx = ctx.store().begin().await?;
    let before = own(&*tx, actor, &scope, id).await?;
    store::runs::views::update(&tx, id, &new, now()).await.map_err(taken)?;
    let view = one(&*tx, actor, &scope, id).await?;
    let event =
        actor.event("run_view.change", format!("run_view/{id}"), format!("Changed the runs view '{}'.", new.name));
    audit::append(&tx, event.in_project(&scope.slug).before(&before).after(&new)).await?;
    tx.commit().await?;
    Ok(view)
}

/// Deletes a view.
///
/// # Errors
/// There is no such view; it is somebody else's, and the caller is no admin.
pub async fn delete_view(ctx: &Ctx, actor: &Actor, project: &Slug, id: SavedViewId) -> Result<(), Problem> {
    let scope = acting(ctx, actor, project, Action::Read).await?;
    let tx = ctx.store().begin().await?;
    let view = own(&*tx, actor, &scope, id).await?;
    store::runs::views::delete(&tx, id).await?;
    let event =
        actor.event("run_view.delete", format!("run_view/{id}"), format!("Deleted the runs view '{}'.", view.name));
    audit::append(&tx, event.in_project(&scope.slug).before(&view)).await?;
    tx.commit().await?;
    Ok(())
}

fn needed(new: &NewSavedView) -> Action {
    if new.shared { Action::Write } else { Action::Read }
}

/// A view has to open.
fn check(new: &NewSavedView) -> Result<(), Problem> {
    let settings = new.settings.clone();
    let query = RunQuery {
        q: settings.q,
        sort: settings.sort,
        state: settings.state,
        filter: settings.filter,
        columns: settings.columns,
        ..RunQuery::default()
    };
    if query.q.chars().count() > 200 {
        return Err(Problem::field("q", "Search for at most 200 characters."));
    }
    query.fields()?;
    query.conditions()?;
    query.order()?;
    super::table::read_state(&query.state)?;
    Ok(())
}

fn taken(error: StoreError) -> Problem {
    if error.is_duplicate() {
        return Problem::field("name", "You have a view of this name. Choose another name, or change that view.");
    }
    error.into()
}

async fn one(
    db: &impl store::ConnectionTrait,
    actor: &Actor,
    scope: &Scope,
    id: SavedViewId,
) -> Result<SavedView, Problem> {
    let views = store::runs::views::list(db, scope.project, actor.user).await?;
    let gone = || Problem::not_found("There is no such view, or it is not shared with you.");
    views.into_iter().find(|view| view.id == id).ok_or_else(gone)
}

/// The view, if the caller may change it.
async fn own(
    db: &impl store::ConnectionTrait,
    actor: &Actor,
    scope: &Scope,
    id: SavedViewId,
) -> Result<SavedView, Problem> {
    let view = one(db, actor, scope, id).await?;
    if !view.mine && !scope.role.allows(Action::Administer) {
        return Err(Problem::forbidden(format!(
            "This view is {}'s. Save your own under another name, or ask an admin.",
            view.created_by
        )));
    }
    Ok(view)
}

/// Pins a run for the caller, or makes it the caller's baseline, or takes that back.
///
/// # Errors
/// There is no such run for the caller; 20 runs are pinned already.
pub async fn mark(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId, marks: MarkRun) -> Result<(), Problem> {
    let scope = acting(ctx, actor, project, Action::Read).await?;
    let tx = ctx.store().begin().await?;
    let known = store::runs::table::summaries_of(&*tx, scope.project, &[run]).await?;
    let name = known.first().map(|run| run.name.clone()).ok_or_else(no_run)?;
    let before = store::runs::marks::read(&*tx, actor.user, scope.project).await?;
    let was = (before.pinned.contains(&run), before.baseline == Some(run));
    let is = (marks.pinned.unwrap_or(was.0), marks.baseline.unwrap_or(was.1));
    if is == was {
        return Ok(());
    }
    if is.0 && !was.0 && before.pinned.len() >= MOST_PINNED {
        return Err(Problem::conflict(format!("You have pinned {MOST_PINNED} runs. Unpin one first.")));
    }
    store::runs::marks::set(&tx, actor.user, scope.project, run, is, now()).await?;
    let words = match (is, was) {
        ((true, _), (false, _)) => "Pinned",
        ((false, _), (true, _)) => "Unpinned",
        ((_, true), _) => "Took as baseline",
        _ => "Took back as baseline",
    };
    let event = actor.event("run.mark", format!("run/{run}"), format!("{words} run '{name}', for oneself."));
    audit::append(&tx, event.in_project(&scope.slug).before(&was).after(&is)).await?;
    tx.commit().await?;
    Ok(())
}
