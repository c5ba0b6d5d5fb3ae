//! Acting on several runs at once. Each run has an audit event of its own, all in one transaction.

use super::no_run;
use crate::{Actor, Ctx, authorise};
use trainyard_store::{
    self as store, Tx,
    audit::{self, NewEvent},
    jobs::Cancel,
    now,
};
use trainyard_types::{
    Action, Problem, ProjectId, Slug,
    experiments::{BulkAction, BulkReply, BulkRuns, BulkSkip, LONGEST_KEY, LONGEST_VALUE, MOST_AT_ONCE, RunTag},
    run::RunSummary,
};

/// Cancels, archives, restores or tags runs. A run that the action does not fit is skipped, with the reason.
///
/// # Errors
/// There is no such project, or one of the runs, for the caller; none or more than 500 are named; the tag can't be one.
pub async fn act(ctx: &Ctx, actor: &Actor, project: &Slug, input: BulkRuns) -> Result<BulkReply, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let BulkRuns { mut runs, action } = input;
    runs.sort();
    runs.dedup();
    if !(1..=MOST_AT_ONCE).contains(&runs.len()) {
        return Err(Problem::field("runs", format!("Choose 1 to {MOST_AT_ONCE} runs.")));
    }
    check(&action)?;
    let tx = ctx.store().begin().await?;
    let summaries = store::runs::table::summaries_of(&*tx, scope.project, &runs).await?;
    if summaries.len() < runs.len() {
        return Err(no_run());
    }
    let mut reply = BulkReply::default();
    let mut events: Vec<NewEvent> = Vec::new();
    for run in &summaries {
        match one(&tx, actor, scope.project, run, &action).await? {
            Ok((name, summary)) => {
                let event = actor.event(name, format!("run/{}", run.id), summary).in_project(&scope.slug);
                events.push(match &action {
                    BulkAction::Cancel => event,
                    action => event.after(action),
                });
            }
            Err(reason) => reply.skipped.push(BulkSkip { run: run.id, reason }),
        }
    }
    reply.done = events.len() as u64;
    for event in events {
        audit::append(&tx, event).await?;
    }
    tx.commit().await?;
    Ok(reply)
}

fn check(action: &BulkAction) -> Result<(), Problem> {
    let (BulkAction::Tag { key, .. } | BulkAction::Untag { key }) = action else { return Ok(()) };
    let length = key.chars().count();
    if key.trim().is_empty() || key.trim() != key || length > LONGEST_KEY || key.chars().any(char::is_control) {
        return Err(Problem::field(
            "key",
            format!("A tag's name has 1 to {LONGEST_KEY} characters, no control characters, and no space at its ends."),
        ));
    }
    match action {
        BulkAction::Tag { value, .. } if value.chars().count() > LONGEST_VALUE => {
            Err(Problem::field("value", format!("Use at most {LONGEST_VALUE} characters.")))
        }
        _ => Ok(()),
    }
}

/// What was done, as an event's name and a sentence, or why nothing was.
async fn one(
    tx: &Tx,
    actor: &Actor,
    project: ProjectId,
    run: &RunSummary,
    action: &BulkAction,
) -> Result<Result<(&'static str, String), String>, Problem> {
    let name = &run.name;
    Ok(match action {
        BulkAction::Cancel => {
            let reason = format!("Cancelled by {}.", actor.name);
            match store::jobs::request_cancel(tx, run.id, &reason, now()).await? {
                Some(Cancel::Done) => Ok(("run.cancel", format!("Cancelled run '{name}' before it started."))),
                Some(Cancel::Requested) => Ok(("run.cancel", format!("Asked run '{name}' to stop."))),
                Some(Cancel::TooLate) | None => Err(format!("'{name}' has ended; there is nothing to cancel.")),
            }
        }
        BulkAction::Archive if !run.job.state.is_final() => {
            Err(format!("'{name}' has not ended. Cancel it first, or wait."))
        }
        BulkAction::Archive => match store::runs::marks::archive(tx, project, run.id, Some(now())).await? {
            true => Ok(("run.archive", format!("Archived run '{name}'."))),
            false => Err(format!("'{name}' is archived already.")),
        },
        BulkAction::Restore => match store::runs::marks::archive(tx, project, run.id, None).await? {
            true => Ok(("run.restore", format!("Brought run '{name}' back from the archive."))),
            false => Err(format!("'{name}' is not archived.")),
        },
        BulkAction::Tag { key, value } => {
            let tag = RunTag { key: key.clone(), value: value.clone() };
            store::runs::values::tag(tx, project, run.id, &tag).await?;
            let words = if value.is_empty() { format!("'{key}'") } else { format!("'{key}' = '{value}'") };
            Ok(("run.tag", format!("Gave run '{name}' the tag {words}.")))
        }
        BulkAction::Untag { key } => match store::runs::values::untag(tx, run.id, key).await? {
            true => Ok(("run.untag", format!("Took the tag '{key}' from run '{name}'."))),
            false => Err(format!("'{name}' has no tag '{key}'.")),
        },
    })
}
