//! What a run found about decisions: other thresholds, and groups of rows.

use super::view;
use crate::{Actor, Ctx};
use trainyard_types::{Problem, RunId, Slug, decision::ThresholdFigures, evaluation::RunResult, slices::SliceReport};

/// What the test rows say at another threshold: at the nearest of those that the run stored; or at the chosen one.
///
/// # Errors
/// There is no such run for the caller; it has no result yet, or not of two classes; the threshold is not 0 to 1.
pub async fn threshold(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    run: RunId,
    at: Option<f64>,
) -> Result<ThresholdFigures, Problem> {
    if at.is_some_and(|at| !(0.0..=1.0).contains(&at)) {
        return Err(Problem::field("at", "A threshold is a number from 0 to 1, such as 0.5."));
    }
    let result = result(ctx, actor, project, run).await?;
    let report = result.decision.and_then(|decision| decision.threshold);
    report.and_then(|report| report.at(at.unwrap_or(report.threshold))).ok_or_else(|| {
        Problem::not_found("This run has no thresholds: those are of two classes, and of runs since they are learned.")
    })
}

/// How the model does on groups of the test rows.
///
/// # Errors
/// There is no such run for the caller; it has no result yet, or is from before groups were looked at.
pub async fn slices(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId) -> Result<SliceReport, Problem> {
    let result = result(ctx, actor, project, run).await?;
    result.slices.ok_or_else(|| Problem::not_found("Groups of rows were not looked at when this run was trained."))
}

async fn result(ctx: &Ctx, actor: &Actor, project: &Slug, run: RunId) -> Result<RunResult, Problem> {
    let view = view(ctx, actor, project, run).await?;
    view.result.ok_or_else(|| Problem::not_found("This run has no result."))
}
