//! Data sets: files come in as uploads, are confirmed, and become immutable versions.

mod append;
mod commit;
mod details;
mod diff;
mod groups;
mod relations;
mod retention;
pub mod splits;
mod upload;

pub(crate) use commit::{ByStep, Corrected, Written, correct, refresh, write_table};
pub use commit::{append_file, commit, import_file};
pub use details::{details, set_details};
pub use diff::diff;
pub use groups::{groups, sufficiency};
pub(crate) use relations::Looked;
pub use relations::{SAMPLE_ROWS, TARGET_ROWS, relations, target_of, target_relation};
pub use retention::{delete_rows, keep_to_retention};
pub use upload::{discard_upload, receive_upload, reinspect, upload_view};
pub(crate) use upload::{folder as uploads_folder, sweep as sweep_uploads};

use crate::{Actor, Ctx, authorise, blocking::blocking};
use std::path::PathBuf;
use trainyard_store::{self as store, datasets::VersionSource};
use trainyard_types::{
    Action, Code, DatasetId, DatasetVersionId, Page, PageQuery, Problem, Slug,
    catalog::Deletion,
    dataset::{DatasetView, RowsView, VersionSummary, VersionView},
};

/// Rows of one page of a preview.
const MAX_ROWS: u64 = 500;

/// The project's data sets with their newest versions. Sorts by `name`, `created`, `rows`, `bytes`.
///
/// # Errors
/// There is no such project for the caller.
pub async fn list(ctx: &Ctx, actor: &Actor, project: &Slug, query: &PageQuery) -> Result<Page<DatasetView>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    Ok(store::datasets::list(ctx.store(), scope.project, query).await?)
}

/// One data set.
///
/// # Errors
/// There is none for the caller.
pub async fn view(ctx: &Ctx, actor: &Actor, project: &Slug, id: DatasetId) -> Result<DatasetView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    store::datasets::view(ctx.store().db(), scope.project, id).await?.ok_or_else(no_dataset)
}

/// A data set's versions, newest first.
///
/// # Errors
/// There is no such data set for the caller.
pub async fn versions(ctx: &Ctx, actor: &Actor, project: &Slug, id: DatasetId) -> Result<Vec<VersionSummary>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    store::datasets::view(db, scope.project, id).await?.ok_or_else(no_dataset)?;
    Ok(store::datasets::versions(db, id).await?)
}

/// One version with schema, profile and what could not be read.
///
/// # Errors
/// There is none for the caller.
pub async fn version(ctx: &Ctx, actor: &Actor, project: &Slug, id: DatasetVersionId) -> Result<VersionView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    store::datasets::version(ctx.store().db(), scope.project, id).await?.ok_or_else(no_version)
}

/// Rows of a version from `offset`, 500 at most.
///
/// # Errors
/// There is no such version for the caller, or the caller may not look at rows.
pub async fn rows(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: DatasetVersionId,
    offset: u64,
    limit: u64,
) -> Result<RowsView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::ReadRows).await?;
    let version = store::datasets::summary(ctx.store().db(), scope.project, id).await?.ok_or_else(no_version)?;
    let path = rows_file(ctx, &version)?;
    blocking(move || trainyard_data::rows::rows(&path, offset, limit.clamp(1, MAX_ROWS))).await?
}

/// The stored rows of a version.
///
/// # Errors
/// They were deleted: by whom, when and why; or the file is missing.
fn rows_file(ctx: &Ctx, version: &VersionSummary) -> Result<PathBuf, Problem> {
    match &version.deleted {
        Some(deletion) => Err(rows_deleted(version.number, deletion)),
        None => Ok(ctx.artifacts().existing(&version.hash)?),
    }
}

/// As [`rows_file`], of what a run knows of a version.
///
/// # Errors
/// As there.
pub(crate) fn source_file(ctx: &Ctx, source: &VersionSource) -> Result<PathBuf, Problem> {
    match &source.deleted {
        Some(deletion) => Err(rows_deleted(source.number, deletion)),
        None => Ok(ctx.artifacts().existing(&source.hash)?),
    }
}

fn rows_deleted(number: i32, deletion: &Deletion) -> Problem {
    let day: String = deletion.at.to_iso().chars().take(10).collect();
    Problem::new(
        Code::Conflict,
        format!(
            "The rows of version {number} were deleted on {day} by {}: {} Choose another version.",
            deletion.by, deletion.reason
        ),
    )
}

pub(crate) fn no_dataset() -> Problem {
    Problem::not_found("There is no such data set in this project.")
}

pub(crate) fn no_version() -> Problem {
    Problem::not_found("There is no such version of a data set in this project.")
}
