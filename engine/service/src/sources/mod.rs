//! Sources outside: connections with their secrets, fetching, and fetching again.

pub mod connections;
pub mod fetches;
pub mod secrets;

pub use trainyard_sources::{Limits, Rules};

use crate::{Actor, Ctx, authorise};
use trainyard_store::{self as store, Tx, now};
use trainyard_types::{
    Action, DatasetId, DatasetVersionId, FetchId, Problem, ProjectId, Slug, Timestamp, UploadId,
    source::{FetchState, SourceRules, SourceSpec},
};

/// What the server may reach.
///
/// # Errors
/// There is no such project for the caller, or the caller may not write.
pub async fn rules(ctx: &Ctx, actor: &Actor, project: &Slug) -> Result<SourceRules, Problem> {
    authorise::project(ctx, actor, project, Action::Write).await?;
    let rules = &ctx.settings().sources;
    Ok(SourceRules { paths: rules.has_roots(), hosts: rules.hosts() })
}

/// The fetch that a version comes of.
pub(crate) struct Fetched {
    id: FetchId,
    from: FetchState,
    source: SourceSpec,
    described: String,
}

impl Fetched {
    /// The fetch behind an upload, if one is.
    pub(crate) async fn behind(ctx: &Ctx, project: ProjectId, upload: UploadId) -> Result<Option<Self>, Problem> {
        let id = FetchId(upload.0);
        let Some((source, view)) = store::sources::fetches::get(ctx.store().db(), project, id, now()).await? else {
            return Ok(None);
        };
        Ok(Some(Self { id, from: FetchState::Ready, source, described: view.source }))
    }

    /// Ends the fetch with its version and remembers the source for the next time.
    pub(crate) async fn keep(
        &self,
        tx: &Tx,
        dataset: DatasetId,
        version: DatasetVersionId,
        at: Timestamp,
        by: &str,
    ) -> Result<(), Problem> {
        let change = (self.from, FetchState::Done);
        let made = Some((dataset, version));
        if !store::sources::fetches::become_state(tx, self.id, change, "A version was made.", made, at).await? {
            return Err(Problem::conflict("The fetch was cancelled. Nothing was kept."));
        }
        store::sources::remember(tx, dataset, &self.source, &self.described, at, by).await?;
        Ok(())
    }
}
