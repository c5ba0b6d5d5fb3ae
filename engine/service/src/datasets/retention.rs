//! Deleting rows for good, and keeping the proof that they were there.

use super::no_version;
use crate::{Actor, Ctx, authorise, authorise::Scope, pipelines};
use trainyard_store::{
    self as store, audit,
    datasets::retention::{self as kept, Due},
    now,
};
use trainyard_types::{
    Action, Code, DatasetVersionId, Problem, Slug, Timestamp,
    catalog::{ColumnFlag, DatasetDetails, Deletion},
    dataset::{BadRowReport, Profile, VersionView},
};

/// Versions deleted by one look at what is due.
const AT_ONCE: u64 = 100;
/// Values that fewer rows have are forgotten with the rows: they could point to a person.
const FREQUENT: u64 = 10;
/// How far back files of deleted versions are looked for, should removing one have failed: 30 days.
const LOOK_BACK: i64 = 30 * 24 * 3600 * 1000;

/// Deletes a version's rows for good. Its number, hashes, schema and the figures that point to no person stay.
///
/// # Errors
/// There is no such version for the caller, its rows are gone already, a run that has not ended needs them, the caller is
/// no approver, or no reason is given.
pub async fn delete_rows(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: DatasetVersionId,
    reason: &str,
) -> Result<VersionView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Approve).await?;
    let reason = reason.trim();
    if !(3..=500).contains(&reason.chars().count()) {
        return Err(Problem::field("reason", "Say in 3 to 500 characters why; it stands in the audit trail."));
    }
    delete(ctx, actor, &scope, id, reason).await?;
    purge(ctx).await?;
    store::datasets::version(ctx.store().db(), scope.project, id).await?.ok_or_else(no_version)
}

/// Deletes the rows of versions that are older than their data set's retention, and files that an earlier deletion left.
/// Answers how many versions were dealt with. Any worker may call it at any time.
///
/// # Errors
/// The database failed.
pub async fn keep_to_retention(ctx: &Ctx) -> Result<u64, Problem> {
    let due = kept::due(ctx.store().db(), now(), AT_ONCE).await?;
    let mut done = 0;
    for Due { project, version, days } in due {
        let scope = authorise::own_project(ctx.store().db(), project).await?;
        let reason = format!("Kept for {days} days, as the data set's retention says.");
        match delete(ctx, &Actor::system(), &scope, version, &reason).await {
            Ok(()) => done += 1,
            // Another worker was faster, or a run still reads it: the next look deals with it.
            Err(problem) if problem.code == Code::Conflict => {}
            Err(problem) => return Err(problem),
        }
    }
    purge(ctx).await?;
    Ok(done)
}

async fn delete(ctx: &Ctx, actor: &Actor, scope: &Scope, id: DatasetVersionId, reason: &str) -> Result<(), Problem> {
    let tx = ctx.store().begin().await?;
    let version = store::datasets::version(&*tx, scope.project, id).await?.ok_or_else(no_version)?;
    if kept::unfinished_jobs(&*tx, id).await? > 0 {
        return Err(Problem::conflict("A run that has not ended needs these rows. Cancel it or wait for it."));
    }
    if store::labels::unfinished(&*tx, id).await? > 0 {
        return Err(Problem::conflict("A review of labels needs these rows. Cancel it or wait for it."));
    }
    let profile = anonymous(version.profile, &version.details);
    let bad_rows = BadRowReport { count: version.bad_rows.count, first: Vec::new() };
    let deletion = Deletion { at: now(), by: actor.name.clone(), reason: reason.to_owned() };
    if !kept::mark_deleted(&tx, id, &deletion, &profile, &bad_rows).await? {
        return Err(Problem::conflict("The rows of this version are deleted already."));
    }
    store::datasets::checks::forget_rows(&tx, id).await?;
    store::labels::forget_rows(&tx, id).await?;
    let summary = format!(
        "Deleted the {} rows of version {} of '{}' (blake3 {}): {reason}",
        version.summary.rows, version.summary.number, version.dataset_name, version.summary.hash
    );
    let event = actor.event("dataset.delete_rows", format!("dataset_version/{id}"), summary);
    audit::append(&tx, event.in_project(&scope.slug).before(&version.summary).after(&deletion)).await?;
    tx.commit().await?;
    pipelines::forget_results(ctx).await
}

/// Removes files that only deleted versions have. A transaction is held open meanwhile, so that no version of the same
/// content is stored between looking and removing.
async fn purge(ctx: &Ctx) -> Result<(), Problem> {
    let since = Timestamp(now().0 - LOOK_BACK);
    for hash in kept::deleted_content(ctx.store().db(), since).await? {
        if ctx.artifacts().existing(&hash).is_err() {
            continue;
        }
        let tx = ctx.store().begin().await?;
        audit::hold(&tx).await?;
        if kept::holders(&*tx, &hash).await? == 0 {
            ctx.artifacts().remove(&hash)?;
        }
        drop(tx);
    }
    Ok(())
}

/// What may still be told of deleted rows: nothing of single values in columns that name or describe persons, and no
/// value that few rows have.
fn anonymous(mut profile: Profile, details: &DatasetDetails) -> Profile {
    for column in &mut profile.columns {
        let flags = details.columns.get(&column.name).map(|notes| notes.flags.as_slice()).unwrap_or_default();
        let telling = flags
            .iter()
            .any(|flag| matches!(flag, ColumnFlag::Personal | ColumnFlag::Identifier | ColumnFlag::Protected));
        if telling {
            column.top.clear();
            column.numeric = None;
        }
        column.top.retain(|top| top.count >= FREQUENT);
    }
    profile.warnings.clear();
    profile
}
