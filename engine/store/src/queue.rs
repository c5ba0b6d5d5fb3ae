//! The queue as people see it: positions and waiting times.

use crate::{
    StoreError,
    entity::{job, worker},
    from_json, parse,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, HashMap},
};
use trainyard_types::{
    Timestamp,
    job::{JobState, JobView, Progress},
};

/// A worker that was not seen for this long is not counted on, milliseconds.
pub const WORKER_SILENT_AFTER: i64 = 60_000;
/// Runs whose durations are taken as a guide.
const RECENT: u64 = 20;
/// What a job is taken to need while none has ended yet, seconds.
const UNKNOWN_DURATION: f64 = 60.0;

/// All waiting jobs with their places and the seconds until each is likely to start.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    places: HashMap<String, (u64, Option<f64>)>,
    /// Seconds that a job takes: the median of recent ones.
    pub typical_seconds: f64,
}

impl Queue {
    /// Number of waiting jobs.
    pub fn len(&self) -> u64 {
        self.places.len() as u64
    }
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// Seconds as they order in a heap; never NaN.
#[derive(PartialEq)]
struct Seconds(f64);
impl Eq for Seconds {}
impl PartialOrd for Seconds {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Seconds {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Reads the queue. Waiting times follow from the running jobs' own estimates, the median duration of the last 20 jobs
/// that went well, and the slots of the workers seen in the last minute; without a worker there are none.
///
/// # Errors
/// The database failed.
pub async fn read(db: &impl ConnectionTrait, now: Timestamp) -> Result<Queue, StoreError> {
    let waiting: Vec<String> = job::Entity::find()
        .select_only()
        .column(job::Column::Id)
        .filter(job::Column::State.eq(JobState::Queued.as_str()))
        .filter(job::Column::Paused.eq(false))
        .order_by_asc(job::Column::QueuedAt)
        .order_by_asc(job::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let typical_seconds = typical_seconds(db).await?;
    if waiting.is_empty() {
        return Ok(Queue { places: HashMap::new(), typical_seconds });
    }
    let slots: Vec<i32> = worker::Entity::find()
        .select_only()
        .column(worker::Column::Slots)
        .filter(worker::Column::LastSeen.gte(now.0 - WORKER_SILENT_AFTER))
        .into_tuple()
        .all(db)
        .await?;
    let slots: usize = slots.iter().map(|n| usize::try_from(*n).unwrap_or(0)).sum();
    let running: Vec<(Option<String>, Option<i64>)> = job::Entity::find()
        .select_only()
        .columns([job::Column::Progress, job::Column::StartedAt])
        .filter(job::Column::State.eq(JobState::Running.as_str()))
        .into_tuple()
        .all(db)
        .await?;
    let left = running.iter().map(|(progress, started)| {
        let progress = progress.as_deref().and_then(|text| serde_json::from_str::<Progress>(text).ok());
        let elapsed = started.map_or(0.0, |at| now.seconds_since(Timestamp(at)));
        // Without an estimate of its own, a job past the typical time is about to end.
        progress.and_then(|p| p.eta_seconds).unwrap_or((typical_seconds - elapsed).max(1.0)).max(0.0)
    });
    let starts = starts(left, slots, typical_seconds, waiting.len());
    let places = waiting
        .into_iter()
        .enumerate()
        .map(|(index, id)| (id, (index as u64 + 1, starts.get(index).copied())))
        .collect();
    Ok(Queue { places, typical_seconds })
}

/// Seconds until each of `waiting` jobs starts, in order: each takes the slot that is free first.
fn starts(left: impl Iterator<Item = f64>, slots: usize, typical: f64, waiting: usize) -> Vec<f64> {
    if slots == 0 {
        return Vec::new();
    }
    let mut busy: Vec<f64> = left.collect();
    busy.sort_by(f64::total_cmp);
    busy.truncate(slots);
    busy.resize(slots, 0.0);
    let mut free: BinaryHeap<Reverse<Seconds>> = busy.into_iter().map(|s| Reverse(Seconds(s))).collect();
    (0..waiting)
        .map_while(|_| {
            let Reverse(Seconds(at)) = free.pop()?;
            free.push(Reverse(Seconds(at + typical)));
            Some(at)
        })
        .collect()
}

/// Median duration of the last jobs that went well, seconds.
async fn typical_seconds(db: &impl ConnectionTrait) -> Result<f64, StoreError> {
    let recent: Vec<(Option<i64>, Option<i64>)> = job::Entity::find()
        .select_only()
        .columns([job::Column::StartedAt, job::Column::EndedAt])
        .filter(job::Column::State.eq(JobState::Succeeded.as_str()))
        .order_by_desc(job::Column::EndedAt)
        .limit(RECENT)
        .into_tuple()
        .all(db)
        .await?;
    let mut seconds: Vec<f64> = recent
        .into_iter()
        .filter_map(|(start, end)| Some(Timestamp(end?).seconds_since(Timestamp(start?)).max(0.0)))
        .collect();
    seconds.sort_by(f64::total_cmp);
    Ok(match seconds.len() {
        0 => UNKNOWN_DURATION,
        n if n % 2 == 1 => seconds[n / 2],
        n => (seconds[n / 2 - 1] + seconds[n / 2]) / 2.0,
    })
}

/// A job as pages show it.
///
/// # Errors
/// [`StoreError::Corrupt`] where a column holds what the program never writes.
pub(crate) fn job_view(model: job::Model, queue: &Queue) -> Result<JobView, StoreError> {
    let place = queue.places.get(&model.id).copied();
    Ok(JobView {
        id: parse("jobs.id", &model.id)?,
        state: parse("jobs.state", &model.state)?,
        // A job that waits for its first try is shown as the first.
        attempt: model.attempt.max(1),
        max_attempts: model.max_attempts,
        queue_position: place.map(|(position, _)| position),
        queue_eta_seconds: place.and_then(|(_, eta)| eta),
        cancel_requested: model.cancel_requested,
        paused: model.paused,
        progress: model.progress.as_deref().map(|text| from_json("jobs.progress", text)).transpose()?,
        worker: model.worker_id.as_deref().map(|id| parse("jobs.worker_id", id)).transpose()?,
        queued_at: Timestamp(model.queued_at),
        started_at: model.started_at.map(Timestamp),
        ended_at: model.ended_at.map(Timestamp),
        reason: model.reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_jobs_take_the_slot_that_is_free_first() {
        // Two slots, busy for 10 and 40 more seconds; a job takes 25.
        assert_eq!(starts([40.0, 10.0].into_iter(), 2, 25.0, 4), [10.0, 35.0, 40.0, 60.0]);
        // One of two slots is free.
        assert_eq!(starts([30.0].into_iter(), 2, 60.0, 2), [0.0, 30.0]);
        assert!(starts([].into_iter(), 0, 60.0, 3).is_empty());
    }
}
