//! From decisions to a version: labels replaced, rows left out, committed as any other version is.

use super::found;
use crate::{
    Actor, Ctx, authorise,
    datasets::{self, Corrected, no_version},
};
use std::collections::BTreeMap;
use trainyard_data::relabel::Change;
use trainyard_store as store;
use trainyard_types::{
    Action, LabelReviewId, Problem, Slug,
    dataset::VersionView,
    job::JobState,
    labels::{LabelDecision, LabelFinding, LabelReviewView},
    words::counted,
};

/// Makes a version of the reviewed one with the decisions carried out; the decisions stand from then on. The contract is run
/// as on any new version.
///
/// # Errors
/// There is no such review for the caller, the caller may not write, nothing was decided that changes a row, the decisions
/// have become a version already, a version has exactly these rows, or the reviewed rows were deleted.
pub async fn correct(ctx: &Ctx, actor: &Actor, project: &Slug, id: LabelReviewId) -> Result<VersionView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let review = found(ctx, &scope, id).await?;
    if review.state != JobState::Succeeded {
        return Err(Problem::conflict("This review has found nothing yet. Wait until it has ended."));
    }
    if let Some(applied) = &review.applied {
        let message = format!("Version {} was made of these decisions already, by {}.", applied.number, applied.by);
        return Err(Problem::conflict(message));
    }
    let db = ctx.store().db();
    let reviewed = store::datasets::version(db, scope.project, review.version).await?.ok_or_else(no_version)?;
    let (decided, seq) = store::labels::changes(db, id).await?;
    if decided.is_empty() {
        return Err(Problem::conflict(
            "No label was decided to be wrong, so nothing is to be corrected. Decide about some rows first.",
        ));
    }
    let changes: BTreeMap<u64, Change> = decided.into_iter().map(change).collect();
    let corrected = Corrected { review: id, seq, number: reviewed.summary.number };
    datasets::correct(ctx, actor, &scope, &reviewed, &review.settings.target, changes, &why(&review), corrected).await
}

fn change(finding: LabelFinding) -> (u64, Change) {
    let change = match finding.decision {
        Some(LabelDecision::LeaveOut) => Change::LeaveOut,
        Some(LabelDecision::Set) => Change::Set(finding.label.unwrap_or(finding.suggested)),
        _ => Change::Set(finding.suggested),
    };
    (finding.row, change)
}

fn why(review: &LabelReviewView) -> String {
    let (set, out) = (review.decided.suggestion + review.decided.set, review.decided.leave_out);
    let mut parts = Vec::new();
    if set > 0 {
        parts.push(format!("{} corrected", counted(set, "label", "labels")));
    }
    if out > 0 {
        parts.push(format!("{} left out", counted(out, "row", "rows")));
    }
    format!("Review of the labels `{}` of version {}: {}.", review.settings.target, review.number, parts.join(", "))
}

/// That somebody decided something while the corrected version was made, or made one before.
pub(crate) fn decided_meanwhile() -> Problem {
    Problem::conflict("Somebody decided about this review at the same time. Look at the decisions, then try again.")
}
