//! The processes that work the queue, for the admin's page.

use crate::{Actor, Ctx, authorise};
use trainyard_store::{self as store, now};
use trainyard_types::{Action, Problem, Timestamp, job::WorkerView};

/// Workers that were not seen for a day are not listed, milliseconds.
const FORGOTTEN_AFTER: i64 = 24 * 3600 * 1000;

/// Workers seen in the last day, the last seen first.
///
/// # Errors
/// `Forbidden` for all but admins of some workspace.
pub async fn list(ctx: &Ctx, actor: &Actor) -> Result<Vec<WorkerView>, Problem> {
    authorise::anywhere(ctx, actor, Action::Administer).await?;
    Ok(store::workers::list(ctx.store().db(), Timestamp(now().0 - FORGOTTEN_AFTER)).await?)
}
