//! Loaded models and counters of what they were asked, in memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use trainyard_infer::Model;
use trainyard_store::{Store, now, predictions};
use trainyard_types::{ModelId, ModelVersionId};

/// Models kept loaded; the one that was not asked for longest goes first.
const KEPT: usize = 32;
/// Counters are written this often.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// What answers predictions: at most 32 loaded models, and counts that are written every second.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    models: Mutex<HashMap<ModelVersionId, Loaded>>,
    clock: AtomicU64,
    counts: Mutex<HashMap<ModelVersionId, Count>>,
    flush_planned: AtomicBool,
}

#[derive(Debug)]
struct Loaded {
    model: Arc<Model>,
    used: u64,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    model: ModelId,
    answered: u64,
    refused: u64,
}

/// A panic while the lock was held leaves these maps whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Serving {
    /// The model, if it is loaded.
    pub(crate) fn get(&self, version: ModelVersionId) -> Option<Arc<Model>> {
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut models = lock(&self.models);
        let loaded = models.get_mut(&version)?;
        loaded.used = used;
        Some(Arc::clone(&loaded.model))
    }

    /// Keeps a loaded model.
    pub(crate) fn put(&self, version: ModelVersionId, model: Arc<Model>) {
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut models = lock(&self.models);
        models.insert(version, Loaded { model, used });
        if models.len() > KEPT
            && let Some(oldest) = models.iter().min_by_key(|(_, loaded)| loaded.used).map(|(id, _)| *id)
        {
            models.remove(&oldest);
        }
    }

    /// Counts rows answered and requests refused; written within a second.
    pub(crate) fn count(
        self: &Arc<Self>,
        store: &Store,
        model: ModelId,
        version: ModelVersionId,
        answered: u64,
        refused: u64,
    ) {
        {
            let mut counts = lock(&self.counts);
            let count = counts.entry(version).or_insert(Count { model, answered: 0, refused: 0 });
            count.answered += answered;
            count.refused += refused;
        }
        if !self.flush_planned.swap(true, Ordering::AcqRel) {
            let (serving, store) = (Arc::clone(self), store.clone());
            tokio::spawn(async move {
                tokio::time::sleep(FLUSH_EVERY).await;
                serving.flush(&store).await;
            });
        }
    }

    /// Writes what was counted; kept for the next time where the store fails.
    pub(crate) async fn flush(&self, store: &Store) {
        self.flush_planned.store(false, Ordering::Release);
        let taken = std::mem::take(&mut *lock(&self.counts));
        if taken.is_empty() {
            return;
        }
        let rows: Vec<_> = taken.iter().map(|(id, count)| (*id, count.answered, count.refused)).collect();
        if let Err(error) = predictions::add(store, &rows, now()).await {
            tracing::warn!(%error, "prediction counters could not be written; they are kept");
            let mut counts = lock(&self.counts);
            for (id, lost) in taken {
                let count = counts.entry(id).or_insert(Count { answered: 0, refused: 0, ..lost });
                count.answered += lost.answered;
                count.refused += lost.refused;
            }
        }
    }

    /// Rows answered by a model that are not written yet.
    pub(crate) fn unwritten(&self, model: ModelId) -> u64 {
        lock(&self.counts).values().filter(|count| count.model == model).map(|count| count.answered).sum()
    }
}
