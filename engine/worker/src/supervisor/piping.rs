//! The process of a pipeline's run: its steps' states and lines go to the run, and what it can't do itself is done here.

use super::running::{Task, insist};
use std::path::Path;
use trainyard_service::{
    Ctx,
    jobs::{LeaseError, Wish},
    pipelines::work::{self, ClaimedRun, PipelineBatch},
};
use trainyard_store::now;
use trainyard_types::{
    Problem,
    job::LogLevel,
    pipeline::{Effect, PipelineEvent, PipelineRunState, StepId, StepReport, StepState},
};

pub(super) struct Piping {
    claimed: ClaimedRun,
    batch: PipelineBatch,
    /// All steps as they stand.
    reports: Vec<StepReport>,
    /// Steps that have ended, but for what is still to be done here.
    waiting: Vec<(StepReport, Effect)>,
    said: Option<(PipelineRunState, Option<Problem>)>,
    /// What went wrong here: the run has failed, whatever its process says.
    refused: Option<Problem>,
}

impl Piping {
    pub(super) fn new(claimed: ClaimedRun) -> Self {
        let steps = &claimed.spec.document.steps;
        let reports = steps.iter().map(|step| StepReport::pending(step.id.clone(), step.kind.clone())).collect();
        Self { claimed, batch: PipelineBatch::default(), reports, waiting: Vec::new(), said: None, refused: None }
    }

    fn log(&mut self, step: &StepId, level: LogLevel, line: impl Into<String>) {
        self.batch.log.push((now(), step.clone(), level, line.into()));
    }

    fn set(&mut self, report: StepReport) {
        if let Some(known) = self.reports.iter_mut().find(|known| known.id == report.id) {
            known.clone_from(&report);
        }
        self.batch.steps.retain(|known| known.id != report.id);
        self.batch.steps.push(report);
    }

    /// Does what steps wait for, in their order; nothing more once something was refused.
    async fn act(&mut self, ctx: &Ctx) -> Result<(), LeaseError> {
        while !self.waiting.is_empty() {
            let (mut report, effect) = self.waiting.remove(0);
            if self.refused.is_some() {
                report.state = StepState::Skipped;
                self.set(report);
                continue;
            }
            match work::effect(ctx, &self.claimed.lease, &report.id, &effect, &self.reports).await {
                Ok(line) => self.log(&report.id.clone(), LogLevel::Info, line),
                Err(LeaseError::Lost) => return Err(LeaseError::Lost),
                Err(LeaseError::Problem(problem)) => {
                    work::effect_failed(&mut report, problem);
                    self.refused.clone_from(&report.problem);
                    let line = self.refused.as_ref().map(|problem| problem.message.clone()).unwrap_or_default();
                    self.log(&report.id.clone(), LogLevel::Error, line);
                }
            }
            self.set(report);
        }
        Ok(())
    }

    async fn end(&mut self, ctx: &Ctx, state: PipelineRunState, problem: Option<&Problem>) -> bool {
        let (lease, batch) = (self.claimed.lease, std::mem::take(&mut self.batch));
        insist(|| work::end(ctx, &lease, state, problem, &batch)).await
    }
}

impl Task for Piping {
    const LEASE: i64 = work::LEASE;

    fn name(&self) -> String {
        format!("pipeline run {}, attempt {}", self.claimed.lease.run, self.claimed.lease.attempt)
    }

    fn spec(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(&self.claimed.spec)
    }

    fn hear(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(PipelineEvent::Started { step, attempt }) => {
                if let Some(mut report) = self.reports.iter().find(|report| report.id == step).cloned() {
                    report.state = StepState::Running;
                    report.attempt = attempt;
                    self.set(report);
                }
            }
            Ok(PipelineEvent::Log { step, level, line }) => self.log(&step, level, line),
            Ok(PipelineEvent::Step { report, effect: Some(effect) }) => self.waiting.push((*report, *effect)),
            Ok(PipelineEvent::Step { report, effect: None }) => self.set(*report),
            Ok(PipelineEvent::Ended { state, problem }) => self.said = Some((state, problem)),
            // A library that prints.
            Err(_) => tracing::debug!(line, "a line of a pipeline's process"),
        }
    }

    fn has_ended(&self) -> bool {
        self.said.as_ref().is_some_and(|(state, _)| *state != PipelineRunState::Cancelled) || self.refused.is_some()
    }

    async fn report(&mut self, ctx: &Ctx) -> Result<(), LeaseError> {
        self.act(ctx).await?;
        if !self.batch.steps.is_empty() || !self.batch.log.is_empty() {
            work::record(ctx, &self.claimed.lease, &self.batch).await?;
            self.batch = PipelineBatch::default();
        }
        Ok(())
    }

    async fn beat(&self, ctx: &Ctx) -> Result<Wish, LeaseError> {
        // A run that was refused has no reason to go on.
        let stop = work::heartbeat(ctx, &self.claimed.lease).await? || self.refused.is_some();
        Ok(if stop { Wish::Cancel } else { Wish::GoOn })
    }

    async fn finish(&mut self, ctx: &Ctx, _: &Path) -> bool {
        let (state, problem) = match (self.refused.take(), self.said.take()) {
            (Some(problem), _) => (PipelineRunState::Failed, Some(problem)),
            (None, Some(said)) => said,
            (None, None) => return true,
        };
        self.end(ctx, state, problem.as_ref()).await
    }

    async fn cancelled(&mut self, ctx: &Ctx) -> bool {
        self.end(ctx, PipelineRunState::Cancelled, None).await
    }

    async fn fail(&mut self, ctx: &Ctx, problem: &Problem) -> bool {
        self.end(ctx, PipelineRunState::Failed, Some(problem)).await
    }

    async fn requeue(&mut self, ctx: &Ctx, _paused: bool) -> bool {
        let lease = self.claimed.lease;
        insist(|| work::requeue(ctx, &lease)).await
    }
}
