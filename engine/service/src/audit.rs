//! Reading and checking the audit trail.

use crate::{
    Actor, Ctx,
    authorise::{self, DEFAULT_WORKSPACE},
};
use trainyard_store::{audit, projects};
use trainyard_types::{
    Action, Page, PageQuery, Problem,
    audit::{AuditEventView, ChainReport},
};

/// Events, newest first. Instance admins and auditors of the default workspace see all of them, others those of the
/// projects in whose workspaces they may read the trail.
///
/// # Errors
/// `Forbidden` without such a role.
pub async fn list(ctx: &Ctx, actor: &Actor, query: &PageQuery) -> Result<Page<AuditEventView>, Problem> {
    let slugs = match authorise::anywhere(ctx, actor, Action::ReadAudit).await? {
        None => None,
        Some(workspaces) if workspaces.iter().any(|w| w.slug == DEFAULT_WORKSPACE) => None,
        Some(workspaces) => {
            let ids: Vec<String> = workspaces.into_iter().map(|w| w.id).collect();
            Some(projects::slugs_in(ctx.store().db(), &ids).await?)
        }
    };
    Ok(audit::list(ctx.store(), slugs.as_deref(), query).await?)
}

/// Checks the whole chain, event by event.
///
/// # Errors
/// `Forbidden` without a role that may read the trail. A broken chain is no error but a report.
pub async fn verify(ctx: &Ctx, actor: &Actor) -> Result<ChainReport, Problem> {
    authorise::anywhere(ctx, actor, Action::ReadAudit).await?;
    Ok(audit::verify(ctx.store()).await?)
}
