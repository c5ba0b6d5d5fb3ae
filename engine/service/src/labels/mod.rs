//! Reviews of labels: asked for, watched, decided about row by row, and made a corrected version of.

mod correct;
pub mod work;

pub use correct::correct;
pub(crate) use correct::decided_meanwhile;

use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
    blocking::blocking,
    datasets::{no_dataset, no_version, source_file},
};
use std::collections::{BTreeMap, HashSet};
use trainyard_data::{
    frame, relabel, rows,
    target::{TargetInfo, target_info},
};
use trainyard_infer::Column;
use trainyard_store::{
    self as store, audit, datasets::VersionSource, fresh_id, jobs::Cancel, labels::NewLabelReview, now,
};
use trainyard_types::{
    Action, DatasetId, DatasetVersionId, LabelReviewId, Page, PageQuery, Problem, Slug,
    catalog::ColumnFlag,
    dataset::ColumnType,
    job::JobState,
    labels::{
        DecideLabels, LabelDecision, LabelFilter, LabelFinding, LabelReviewView, LabelSettings, MOST_AT_ONCE, UNDECIDED,
    },
    run::Task,
    words::counted,
};

/// Reviews that a list holds at most.
const LISTED: u64 = 50;
/// Columns whose values stand beside a finding.
const SHOWN: usize = 4;
/// Rows that an audit event names.
const NAMED: usize = 20;
/// Rows of a class for each fold: some are needed in each of the three parts.
const OF_A_CLASS: u64 = 3;
/// Rows with a number for each fold.
const NUMBERS: u64 = 20;

/// What the labels are, where they can be judged in so many folds.
///
/// # Errors
/// For the field `target`: it can't be one, a class has fewer than three rows a fold, or there are fewer than 20 numbers a
/// fold.
pub fn judgeable(column: &Column, folds: u32) -> Result<TargetInfo, Problem> {
    let info = target_info(column, None)?;
    let fewest = OF_A_CLASS * u64::from(folds);
    if let Some((label, rows)) = info.classes.iter().find(|(_, rows)| *rows < fewest) {
        let message = format!(
            "The class `{label}` has {}; {fewest} are needed. Add rows, or join it with another class.",
            counted(*rows, "row", "rows")
        );
        return Err(Problem::field("target", message));
    }
    let fewest = NUMBERS * u64::from(folds);
    let known = match &column.values {
        trainyard_infer::Values::Numbers(numbers) => numbers.iter().filter(|number| number.is_finite()).count() as u64,
        trainyard_infer::Values::Categories { .. } => u64::MAX,
    };
    if info.task == Task::Regression && known < fewest {
        let message = format!(
            "`{}` has {}; {fewest} are needed to judge them in {folds} folds. Add rows, or use fewer folds.",
            column.name,
            counted(known, "value", "values")
        );
        return Err(Problem::field("target", message));
    }
    Ok(info)
}

/// Asks for a review of a version's labels; it waits in the queue. Columns flagged as identifiers are left out.
///
/// # Errors
/// There is no such version for the caller, the caller may not write, the settings don't fit the version, or its rows were
/// deleted.
pub async fn start(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    version: DatasetVersionId,
    mut settings: LabelSettings,
) -> Result<LabelReviewView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    settings.validate()?;
    let source = store::datasets::source(ctx.store().db(), scope.project, version).await?.ok_or_else(no_version)?;
    fits(&source, &settings)?;
    let path = source_file(ctx, &source)?;
    let (target, folds) = (settings.target.clone(), settings.folds);
    blocking(move || {
        let frame = frame::load(&path, Some(std::slice::from_ref(&target)))?;
        frame.columns.first().map_or(Ok(()), |column| judgeable(column, folds).map(drop))
    })
    .await??;
    let identifiers = source
        .details
        .flagged(ColumnFlag::Identifier)
        .filter(|name| *name != settings.target && source.profile.columns.iter().any(|column| column.name == **name));
    let identifiers: Vec<String> = identifiers.map(str::to_owned).collect();
    settings.drop.extend(identifiers);
    settings.drop.sort();
    settings.drop.dedup();
    let id = LabelReviewId(fresh_id());
    let tx = ctx.store().begin().await?;
    let new = NewLabelReview {
        id,
        project: scope.project,
        version,
        settings: &settings,
        created_at: now(),
        created_by: &actor.name,
    };
    store::labels::enqueue(&tx, new).await?;
    let summary = format!(
        "Asked for a review of the labels `{}` of version {} of '{}'.",
        settings.target, source.number, source.dataset_name
    );
    let event = actor.event("label_review.start", format!("label_review/{id}"), summary).in_project(&scope.slug);
    audit::append(&tx, event.after(&settings)).await?;
    tx.commit().await?;
    ctx.wake().notify_one();
    found(ctx, &scope, id).await
}

/// The columns that the settings name are there.
fn fits(source: &VersionSource, settings: &LabelSettings) -> Result<(), Problem> {
    let kind = |name: &str| source.profile.columns.iter().find(|column| column.name == name).map(|column| column.kind);
    let absent =
        |field: &str, name: &str| Problem::field(field, format!("There is no column `{name}`. Choose another."));
    match kind(&settings.target) {
        None => return Err(absent("target", &settings.target)),
        Some(ColumnType::Datetime) => {
            let message = format!("`{}` is a date or time, no label. Choose another column.", settings.target);
            return Err(Problem::field("target", message));
        }
        Some(_) => {}
    }
    if let Some(groups) = settings.groups.as_deref().filter(|name| kind(name).is_none()) {
        return Err(absent("groups", groups));
    }
    match settings.drop.iter().find(|name| kind(name).is_none()) {
        Some(unknown) => Err(absent("drop", unknown)),
        None => Ok(()),
    }
}

/// The reviews of a data set's versions, newest first, 50 at most; of one version only where it is given.
///
/// # Errors
/// There is no such data set for the caller.
pub async fn list(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    dataset: DatasetId,
    version: Option<DatasetVersionId>,
) -> Result<Vec<LabelReviewView>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    store::datasets::view(db, scope.project, dataset).await?.ok_or_else(no_dataset)?;
    Ok(store::labels::list(db, scope.project, dataset, version, LISTED).await?)
}

/// One review, but for its findings.
///
/// # Errors
/// There is none for the caller.
pub async fn view(ctx: &Ctx, actor: &Actor, project: &Slug, id: LabelReviewId) -> Result<LabelReviewView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    found(ctx, &scope, id).await
}

async fn found(ctx: &Ctx, scope: &Scope, id: LabelReviewId) -> Result<LabelReviewView, Problem> {
    store::labels::view(ctx.store().db(), scope.project, id).await?.ok_or_else(no_review)
}

/// Stops a review: at once where it waits, otherwise its worker stops it within seconds.
///
/// # Errors
/// There is none for the caller, the caller may not write, or it has ended.
pub async fn cancel(ctx: &Ctx, actor: &Actor, project: &Slug, id: LabelReviewId) -> Result<LabelReviewView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let before = found(ctx, &scope, id).await?;
    let tx = ctx.store().begin().await?;
    if store::labels::request_cancel(&tx, id, now()).await? == Cancel::TooLate {
        return Err(Problem::conflict("This review has ended; there is nothing to cancel."));
    }
    let summary = format!(
        "Asked to stop: review of the labels `{}` of version {} of '{}'.",
        before.settings.target, before.number, before.dataset_name
    );
    let event = actor.event("label_review.cancel", format!("label_review/{id}"), summary);
    audit::append(&tx, event.in_project(&scope.slug)).await?;
    tx.commit().await?;
    found(ctx, &scope, id).await
}

/// Findings of a review, the most suspicious first, with their rows' values in the four columns that matter most. Sorts by
/// `rank`, `row`, `score`; `state` is a decision or `undecided`.
///
/// # Errors
/// There is no such review for the caller, the caller may not look at rows, or there is no such decision.
pub async fn findings(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: LabelReviewId,
    query: &PageQuery,
    filter: &LabelFilter,
) -> Result<Page<LabelFinding>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::ReadRows).await?;
    let review = found(ctx, &scope, id).await?;
    if !query.state.is_empty() && query.state != UNDECIDED {
        query.state.parse::<LabelDecision>().map_err(|error| Problem::field("state", error))?;
    }
    let mut page = store::labels::findings(ctx.store(), id, query, filter).await?;
    let columns: Vec<String> =
        review.summary.map_or_else(Vec::new, |summary| summary.columns.into_iter().take(SHOWN).collect());
    let source = store::datasets::source(ctx.store().db(), scope.project, review.version).await?;
    if let Some(source) = source.filter(|source| source.deleted.is_none())
        && !page.items.is_empty()
    {
        let path = source_file(ctx, &source)?;
        let mut wanted: Vec<u64> = page.items.iter().map(|item| item.row.saturating_sub(1)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let (names, at) = (columns.clone(), wanted.clone());
        let values = blocking(move || rows::pick(&path, &names, &at)).await??;
        for item in &mut page.items {
            if let Ok(at) = wanted.binary_search(&item.row.saturating_sub(1)) {
                item.values = columns.iter().cloned().zip(values[at].iter().cloned()).collect::<BTreeMap<_, _>>();
            }
        }
    }
    Ok(page)
}

/// Decides about findings, or takes decisions back. All or none of them are decided.
///
/// # Errors
/// There is no such review for the caller, the caller may not write, a rank is none, the label does not fit the column, or
/// the decisions have become a version.
pub async fn decide(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: LabelReviewId,
    input: DecideLabels,
) -> Result<LabelReviewView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let review = found(ctx, &scope, id).await?;
    let ranks: HashSet<u32> = input.ranks.iter().copied().collect();
    if ranks.is_empty() || ranks.len() > MOST_AT_ONCE {
        return Err(Problem::field("ranks", format!("Choose 1 to {MOST_AT_ONCE} findings.")));
    }
    let label = label_of(ctx, &scope, &review, &input).await?;
    let ranks: Vec<u32> = ranks.into_iter().collect();
    let tx = ctx.store().begin().await?;
    let decision = input.decision.map(|decision| (decision, label.as_deref()));
    let decided = store::labels::decide(&tx, id, &ranks, decision, now(), &actor.name).await?.ok_or_else(|| {
        Problem::conflict(match review.state {
            JobState::Succeeded => {
                "A corrected version was made of these decisions, so they stand. Review that version."
            }
            _ => "This review has found nothing yet. Wait until it has ended.",
        })
    })?;
    if decided != ranks.len() as u64 {
        return Err(Problem::field("ranks", "There is no finding of one of these ranks. Load the list again."));
    }
    let about = store::labels::ranked(&*tx, id, &ranks).await?;
    let rows: Vec<String> = about.iter().take(NAMED).map(|finding| finding.row.to_string()).collect();
    let more = if about.len() > NAMED { " …" } else { "" };
    let verb = match input.decision {
        None => "Took back the decision on".to_owned(),
        Some(LabelDecision::Right) => "Found right".to_owned(),
        Some(LabelDecision::Suggestion) => "Took the suggestion for".to_owned(),
        Some(LabelDecision::Set) => format!("Set to `{}`", label.as_deref().unwrap_or_default()),
        Some(LabelDecision::LeaveOut) => "Left out".to_owned(),
    };
    let summary = format!(
        "{verb} {} of `{}` in version {} of '{}': row {}{more}.",
        counted(decided, "label", "labels"),
        review.settings.target,
        review.number,
        review.dataset_name,
        rows.join(", ")
    );
    let event = actor.event("label_review.decide", format!("label_review/{id}"), summary).in_project(&scope.slug);
    audit::append(&tx, event.after(&input)).await?;
    tx.commit().await?;
    found(ctx, &scope, id).await
}

/// The label that a decision sets, checked.
async fn label_of(
    ctx: &Ctx,
    scope: &Scope,
    review: &LabelReviewView,
    input: &DecideLabels,
) -> Result<Option<String>, Problem> {
    let label = input.label.as_deref().map(str::trim).unwrap_or_default();
    if input.decision != Some(LabelDecision::Set) {
        return match label {
            "" => Ok(None),
            _ => Err(Problem::field("label", "Only the decision `set` takes a label.")),
        };
    }
    let classes = review.summary.as_ref().map_or(&[][..], |summary| &summary.classes);
    if !classes.is_empty() {
        return match classes.iter().any(|class| class == label) {
            true => Ok(Some(label.to_owned())),
            false => Err(Problem::field("label", format!("`{label}` is none of the labels: {}.", classes.join(", ")))),
        };
    }
    let source = store::datasets::source(ctx.store().db(), scope.project, review.version).await?;
    let kind = source
        .and_then(|source| source.profile.columns.into_iter().find(|column| column.name == review.settings.target))
        .map_or(ColumnType::Float, |column| column.kind);
    relabel::fits(label, kind)?;
    Ok(Some(label.to_owned()))
}

pub(crate) fn no_review() -> Problem {
    Problem::not_found("There is no such review of labels in this project.")
}
