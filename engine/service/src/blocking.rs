//! Work that would hold up the async threads.

use trainyard_store::error::internal;
use trainyard_types::Problem;

/// Runs `work` on a thread that may block.
///
/// # Errors
/// It panicked; the log says where.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))
}
