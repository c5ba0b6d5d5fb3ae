//! The process of a review of labels: what it says goes to its review.

use super::running::{Task, insist};
use std::path::Path;
use trainyard_service::{
    Ctx,
    jobs::{LeaseError, Wish},
    labels::work::{self, ClaimedReview},
};
use trainyard_types::{
    Problem,
    job::{JobEvent, JobState, Progress},
    labels::LabelResult,
};

/// What the last line of a process said.
enum Said {
    Found(Box<LabelResult>),
    Failed(Problem),
}

pub(super) struct Reviewing {
    claimed: ClaimedReview,
    progress: Option<Progress>,
    said: Option<Said>,
}

impl Reviewing {
    pub(super) fn new(claimed: ClaimedReview) -> Self {
        Self { claimed, progress: None, said: None }
    }

    async fn end(&self, ctx: &Ctx, state: JobState, problem: Option<&Problem>) -> bool {
        insist(|| work::end(ctx, &self.claimed.lease, state, problem)).await
    }
}

impl Task for Reviewing {
    const LEASE: i64 = work::LEASE;

    fn name(&self) -> String {
        format!("review of labels {}, attempt {}", self.claimed.lease.review, self.claimed.lease.attempt)
    }

    fn spec(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(&self.claimed.spec)
    }

    fn hear(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(JobEvent::Progress(progress)) => self.progress = Some(progress),
            Ok(JobEvent::Reviewed { result }) => self.said = Some(Said::Found(result)),
            Ok(JobEvent::Failed { problem }) => self.said = Some(Said::Failed(problem)),
            Ok(_) => {}
            // A library that prints.
            Err(_) => tracing::debug!(line, "a line of a review's process"),
        }
    }

    fn has_ended(&self) -> bool {
        self.said.is_some()
    }

    async fn report(&mut self, ctx: &Ctx) -> Result<(), LeaseError> {
        if let Some(progress) = &self.progress {
            work::record(ctx, &self.claimed.lease, progress).await?;
            self.progress = None;
        }
        Ok(())
    }

    async fn beat(&self, ctx: &Ctx) -> Result<Wish, LeaseError> {
        let stop = work::heartbeat(ctx, &self.claimed.lease).await?;
        Ok(if stop { Wish::Cancel } else { Wish::GoOn })
    }

    async fn finish(&mut self, ctx: &Ctx, _: &Path) -> bool {
        match self.said.take() {
            Some(Said::Found(result)) => insist(|| work::finish(ctx, &self.claimed.lease, &result)).await,
            Some(Said::Failed(problem)) => self.end(ctx, JobState::Failed, Some(&problem)).await,
            None => true,
        }
    }

    async fn cancelled(&mut self, ctx: &Ctx) -> bool {
        self.end(ctx, JobState::Cancelled, None).await
    }

    async fn fail(&mut self, ctx: &Ctx, problem: &Problem) -> bool {
        self.end(ctx, JobState::Failed, Some(problem)).await
    }

    async fn requeue(&mut self, ctx: &Ctx, _paused: bool) -> bool {
        self.end(ctx, JobState::Queued, None).await
    }
}
