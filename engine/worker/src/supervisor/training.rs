//! A training job's process: what it says goes to its run.

use super::{
    running::{TRIES, Task, insist},
    usage::{Samples, Usage},
};
use std::{path::Path, time::Duration};
use tokio::time::sleep;
use trainyard_service::{
    Ctx,
    jobs::{self, Batch, Claimed, Lease, LeaseError, Wish},
};
use trainyard_store::now;
use trainyard_types::{
    Problem,
    evaluation::RunResult,
    job::{JobEvent, LogLevel},
};

/// What the last line of a process said.
enum Said {
    Done(Box<RunResult>),
    Failed(Problem),
}

pub(super) struct Training {
    claimed: Claimed,
    batch: Batch,
    said: Option<Said>,
    samples: Samples,
    rows_per_second: Option<f64>,
}

impl Training {
    pub(super) fn new(claimed: Claimed) -> Self {
        Self { claimed, batch: Batch::default(), said: None, samples: Samples::default(), rows_per_second: None }
    }
}

impl Task for Training {
    const LEASE: i64 = jobs::LEASE;

    fn name(&self) -> String {
        format!("job {}, attempt {}", self.claimed.lease.job, self.claimed.lease.attempt)
    }

    fn spec(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(&self.claimed.spec)
    }

    fn hear(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(JobEvent::Device { device, reason }) => self.batch.device = Some((device, reason)),
            Ok(JobEvent::Progress(progress)) => {
                self.rows_per_second = progress.rows_per_second;
                self.batch.progress = Some(progress);
            }
            Ok(JobEvent::Metrics { points }) => self.batch.points.extend(points),
            Ok(JobEvent::Log { level, line }) => self.batch.log.push((now(), level, line)),
            Ok(JobEvent::Checkpoint { .. } | JobEvent::Cancelled | JobEvent::Reviewed { .. }) => {}
            Ok(JobEvent::Done { result }) => self.said = Some(Said::Done(result)),
            Ok(JobEvent::Failed { problem }) => self.said = Some(Said::Failed(problem)),
            // A library that prints.
            Err(_) if !line.trim().is_empty() => self.batch.log.push((now(), LogLevel::Info, line.to_owned())),
            Err(_) => {}
        }
    }

    fn has_ended(&self) -> bool {
        self.said.is_some()
    }

    fn measured(&mut self, usage: Usage) {
        let second = now().seconds_since(self.claimed.started).max(0.0) as u64;
        self.batch.points.extend(self.samples.points(second, usage, self.rows_per_second));
    }

    async fn report(&mut self, ctx: &Ctx) -> Result<(), LeaseError> {
        let Batch { progress, device, points, log } = &self.batch;
        if progress.is_none() && device.is_none() && points.is_empty() && log.is_empty() {
            return Ok(());
        }
        jobs::record(ctx, &self.claimed.lease, &self.batch).await?;
        self.batch = Batch::default();
        Ok(())
    }

    async fn beat(&self, ctx: &Ctx) -> Result<Wish, LeaseError> {
        jobs::heartbeat(ctx, &self.claimed.lease).await
    }

    async fn finish(&mut self, ctx: &Ctx, folder: &Path) -> bool {
        let lease = self.claimed.lease;
        match self.said.take() {
            Some(Said::Done(result)) => finish(ctx, &lease, &result, folder).await,
            Some(Said::Failed(problem)) => insist(|| jobs::fail(ctx, &lease, &problem)).await,
            None => true,
        }
    }

    async fn cancelled(&mut self, ctx: &Ctx) -> bool {
        insist(|| jobs::cancelled(ctx, &self.claimed.lease)).await
    }

    async fn fail(&mut self, ctx: &Ctx, problem: &Problem) -> bool {
        self.batch.log.push((now(), LogLevel::Error, problem.message.clone()));
        let _ = self.report(ctx).await;
        insist(|| jobs::fail(ctx, &self.claimed.lease, problem)).await
    }

    async fn requeue(&mut self, ctx: &Ctx, paused: bool) -> bool {
        let reason = match paused {
            true => "Paused: it goes on from its last checkpoint when it is resumed.",
            false => "Its worker was stopped: queued again, to go on from its last checkpoint.",
        };
        insist(|| jobs::requeue(ctx, &self.claimed.lease, reason)).await
    }
}

/// Stores the model and ends the run; where that can't be done, says why.
async fn finish(ctx: &Ctx, lease: &Lease, result: &RunResult, folder: &Path) -> bool {
    // The process named the file: nothing but a plain name in its own folder.
    let name = Path::new(&result.model_file).file_name().unwrap_or_default();
    let file = folder.join(name);
    let mut wait = Duration::from_millis(200);
    for attempt in 1..=TRIES {
        match jobs::finish(ctx, lease, result, &file).await {
            Ok(()) => return false,
            Err(LeaseError::Lost) => return true,
            Err(LeaseError::Problem(problem)) if attempt == TRIES => {
                return insist(|| jobs::fail(ctx, lease, &problem)).await;
            }
            Err(LeaseError::Problem(problem)) => {
                tracing::warn!(%problem, job = %lease.job, "the result could not be stored yet")
            }
        }
        sleep(wait).await;
        wait *= 2;
    }
    true
}
