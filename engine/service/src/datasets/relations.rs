//! How a version's columns hang together.

use super::{no_version, rows_file};
use crate::{Actor, Ctx, authorise, blocking::blocking};
use trainyard_data::frame;
use trainyard_store as store;
use trainyard_types::{Action, DatasetVersionId, Problem, Slug, relations::Relations};

/// Rows looked at: correlations are then known to about 0.014 (two standard errors).
pub const SAMPLE_ROWS: usize = 20_000;

/// Correlations, gaps and outliers on a sample of 20,000 rows.
///
/// # Errors
/// There is no such version for the caller; its rows were deleted.
pub async fn relations(ctx: &Ctx, actor: &Actor, project: &Slug, id: DatasetVersionId) -> Result<Relations, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let version = store::datasets::summary(ctx.store().db(), scope.project, id).await?.ok_or_else(no_version)?;
    let path = rows_file(ctx, &version)?;
    let memory = ctx.settings().memory;
    blocking(move || {
        let sample = frame::load_sample(&path, None, SAMPLE_ROWS, memory)?;
        Ok(trainyard_assess::relations::relations(&sample, version.rows))
    })
    .await?
}
