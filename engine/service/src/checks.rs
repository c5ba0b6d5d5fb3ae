//! Checks of data sets: a suite each, which may be the contract of new versions; what it found; waivers.

use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
    blocking::blocking,
    datasets::{no_dataset, no_version, source_file},
};
use std::{path::PathBuf, time::Instant};
use trainyard_data::{checks, yaml};
use trainyard_store::{
    self as store, Tx, audit,
    datasets::{
        VersionSource,
        checks::{KeptSuite, NewCheckRun},
    },
    fresh_id, now,
};
use trainyard_types::{
    Action, CheckRunId, DatasetId, DatasetVersionId, Problem, Slug,
    checks::{
        CheckRunSummary, CheckRunView, CheckStanding, Observed, SaveSuite, Suite, SuiteDocument, SuiteResult,
        SuiteView, Waiver,
    },
    dataset::Severity,
};

/// Runs of checks that a history lists.
const LISTED: u64 = 100;

/// The suite of a data set; none where nobody made one.
///
/// # Errors
/// There is no such data set for the caller.
pub async fn suite(ctx: &Ctx, actor: &Actor, project: &Slug, dataset: DatasetId) -> Result<Option<SuiteView>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    store::datasets::view(db, scope.project, dataset).await?.ok_or_else(no_dataset)?;
    store::datasets::checks::suite(db, dataset).await?.map(shown).transpose()
}

fn shown(kept: KeptSuite) -> Result<SuiteView, Problem> {
    Ok(SuiteView {
        yaml: yaml::print(&kept.suite)?,
        suite: kept.suite,
        contract: kept.contract,
        saved_at: kept.saved_at,
        saved_by: kept.saved_by,
    })
}

/// A suite in both its forms, from the one that is given.
///
/// # Errors
/// It can't be read (with line and column), or is not valid (with the fields at fault).
pub fn document(suite: Option<Suite>, text: Option<&str>) -> Result<SuiteDocument, Problem> {
    let suite = match (suite, text) {
        (None, Some(text)) => yaml::parse(text)?,
        (Some(suite), None) => suite,
        _ => return Err(Problem::invalid("Give the suite either as `suite` or as `yaml`.")),
    };
    checks::validate(&suite)?;
    Ok(SuiteDocument { yaml: yaml::print(&suite)?, suite })
}

/// Checks read off a version, for further ones like it. Nothing is stored.
///
/// # Errors
/// There is no such version for the caller, the caller may not write, or its rows were deleted.
pub async fn suggest(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    version: DatasetVersionId,
) -> Result<SuiteDocument, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let source = store::datasets::source(ctx.store().db(), scope.project, version).await?.ok_or_else(no_version)?;
    let path = source_file(ctx, &source)?;
    let memory = ctx.settings().memory;
    let suite = blocking(move || checks::suggest(&path, &source.profile, memory)).await??;
    Ok(SuiteDocument { yaml: yaml::print(&suite)?, suite })
}

/// Puts a suite in place of a data set's.
///
/// # Errors
/// There is no such data set for the caller, the caller may not write, or as [`document`].
pub async fn save(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    dataset: DatasetId,
    input: SaveSuite,
) -> Result<SuiteView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let SuiteDocument { suite, .. } = document(input.suite, input.yaml.as_deref())?;
    let tx = ctx.store().begin().await?;
    let view = store::datasets::view(&*tx, scope.project, dataset).await?.ok_or_else(no_dataset)?;
    let before = store::datasets::checks::suite(&*tx, dataset).await?;
    // Who could drop the contract could let any version pass.
    if before.as_ref().is_some_and(|before| before.contract && (before.suite != suite || !input.contract))
        && !scope.role.allows(Action::Approve)
    {
        return Err(Problem::forbidden(
            "This suite is the data set's contract: only an approver or admin may change it. Ask one.",
        ));
    }
    let kept = KeptSuite { suite, contract: input.contract, saved_at: now(), saved_by: actor.name.clone() };
    store::datasets::checks::save_suite(&tx, dataset, &kept).await?;
    let summary = format!(
        "Saved {} checks of data set '{}'{}.",
        kept.suite.checks.len(),
        view.name,
        if kept.contract { " as its contract" } else { "" }
    );
    let mut event = actor.event("check.suite", format!("dataset/{dataset}"), summary).in_project(&scope.slug);
    if let Some(before) = &before {
        event = event.before(&before.suite);
    }
    audit::append(&tx, event.after(&kept.suite)).await?;
    tx.commit().await?;
    shown(kept)
}

/// Runs the data set's suite on a version and keeps what it found. A quarantined version that no longer fails critically
/// is released.
///
/// # Errors
/// There is no such version for the caller, the caller may not write, there is no suite, or the rows were deleted.
pub async fn run(ctx: &Ctx, actor: &Actor, project: &Slug, version: DatasetVersionId) -> Result<CheckRunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let db = ctx.store().db();
    let source = store::datasets::source(db, scope.project, version).await?.ok_or_else(no_version)?;
    let kept = store::datasets::checks::suite(db, source.dataset).await?.ok_or_else(|| {
        Problem::conflict("This data set has no checks. Suggest some, or write a suite, then run it.")
    })?;
    let path = source_file(ctx, &source)?;
    let (result, seconds) = timed(ctx, path, kept.suite).await?;
    let tx = ctx.store().begin().await?;
    let id = CheckRunId(fresh_id());
    let new =
        NewCheckRun { id, version, at: now(), by: &actor.name, seconds, contract: kept.contract, result: &result };
    store::datasets::checks::add_run(&tx, new).await?;
    let mut summary = format!("Checked version {} of '{}': {}.", source.number, source.dataset_name, in_words(&result));
    if result.outcome != Some(Severity::Critical)
        && kept.contract
        && store::datasets::checks::release(&tx, source.dataset, version).await?
    {
        summary.push_str(" It meets the contract and is not quarantined any more.");
    }
    let event = actor.event("check.run", format!("dataset_version/{version}"), summary).in_project(&scope.slug);
    audit::append(&tx, event).await?;
    tx.commit().await?;
    found(ctx, &scope, id).await
}

async fn timed(ctx: &Ctx, path: PathBuf, suite: Suite) -> Result<(SuiteResult, f64), Problem> {
    let memory = ctx.settings().memory;
    blocking(move || {
        let start = Instant::now();
        checks::run(&path, &suite, memory).map(|result| (result, start.elapsed().as_secs_f64()))
    })
    .await?
}

fn in_words(result: &SuiteResult) -> String {
    match result.outcome {
        None => format!("all {} checks passed", result.passed),
        Some(severity) => {
            let worst = match severity {
                Severity::Info => "worth knowing",
                Severity::Warning => "a warning",
                Severity::Critical => "critical",
            };
            format!("{} of {} checks failed, the worst is {worst}", result.failed, result.results.len())
        }
    }
}

/// What the contract says of rows that are about to become a version.
pub(crate) struct Judged {
    result: SuiteResult,
    seconds: f64,
}

impl Judged {
    /// The version is kept, but not current.
    pub(crate) fn quarantined(&self) -> bool {
        self.result.outcome == Some(Severity::Critical)
    }

    /// For the audit event of the new version.
    pub(crate) fn in_words(&self) -> String {
        let end = if self.quarantined() { ": it is quarantined" } else { "" };
        format!("By the contract {}{end}.", in_words(&self.result))
    }

    /// Keeps what was found, in the transaction that makes the version.
    pub(crate) async fn keep(&self, tx: &Tx, actor: &Actor, version: DatasetVersionId) -> Result<(), Problem> {
        let new = NewCheckRun {
            id: CheckRunId(fresh_id()),
            version,
            at: now(),
            by: &actor.name,
            seconds: self.seconds,
            contract: true,
            result: &self.result,
        };
        Ok(store::datasets::checks::add_run(tx, new).await?)
    }
}

/// Runs the contract of a data set, where it has one, on stored rows.
///
/// # Errors
/// The database failed, or the rows can't be read.
pub(crate) async fn judge(ctx: &Ctx, dataset: DatasetId, rows: PathBuf) -> Result<Option<Judged>, Problem> {
    match store::datasets::checks::suite(ctx.store().db(), dataset).await? {
        Some(kept) if kept.contract => {
            let (result, seconds) = timed(ctx, rows, kept.suite).await?;
            Ok(Some(Judged { result, seconds }))
        }
        _ => Ok(None),
    }
}

/// Runs of checks on a data set, newest first, 100 at most; of one version only where it is given.
///
/// # Errors
/// There is no such data set for the caller.
pub async fn history(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    dataset: DatasetId,
    version: Option<DatasetVersionId>,
) -> Result<Vec<CheckRunSummary>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    store::datasets::view(db, scope.project, dataset).await?.ok_or_else(no_dataset)?;
    Ok(store::datasets::checks::runs(db, scope.project, dataset, version, LISTED).await?)
}

/// One run of checks. Callers who may not look at rows get no failing rows and no single values.
///
/// # Errors
/// There is none for the caller.
pub async fn view(ctx: &Ctx, actor: &Actor, project: &Slug, id: CheckRunId) -> Result<CheckRunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    found(ctx, &scope, id).await
}

async fn found(ctx: &Ctx, scope: &Scope, id: CheckRunId) -> Result<CheckRunView, Problem> {
    let (_, mut view) =
        store::datasets::checks::run(ctx.store().db(), scope.project, id).await?.ok_or_else(no_check_run)?;
    if !scope.role.allows(Action::ReadRows) {
        for result in &mut view.result.results {
            result.failing.clear();
            if result.check.expectation.type_name().starts_with("distinct_values") && !result.passed {
                result.observed = Observed { words: "Some values are not as expected.".into(), ..Observed::default() };
            }
        }
    }
    Ok(view)
}

/// Lets a critical failure pass, for good and with a reason: the version may be trained on, and is released where the
/// contract quarantined it. Later runs of the checks are judged anew.
///
/// # Errors
/// There is no such run of checks for the caller, the caller is no approver, no reason is given, it is not the version's
/// latest, or it did not fail critically.
pub async fn waive(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: CheckRunId,
    reason: &str,
) -> Result<CheckRunView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Approve).await?;
    let reason = reason.trim();
    if !(3..=500).contains(&reason.chars().count()) {
        return Err(Problem::field("reason", "Say in 3 to 500 characters why; it stands in the audit trail."));
    }
    let tx = ctx.store().begin().await?;
    let (dataset, view) = store::datasets::checks::run(&*tx, scope.project, id).await?.ok_or_else(no_check_run)?;
    let version = view.summary.version;
    let newest = store::datasets::checks::runs(&*tx, scope.project, dataset, Some(version), 1).await?;
    if newest.first().is_some_and(|newest| newest.id != id) {
        return Err(Problem::conflict("The version was checked again since. Look at its latest checks."));
    }
    let waiver = Waiver { at: now(), by: actor.name.clone(), reason: reason.to_owned() };
    if !store::datasets::checks::waive(&tx, id, version, &waiver).await? {
        return Err(Problem::conflict("There is no critical failure to waive."));
    }
    let released = store::datasets::checks::release(&tx, dataset, version).await?;
    let summary = format!(
        "Waived the critical checks of version {}{}: {reason}",
        view.summary.number,
        if released { ", which is not quarantined any more" } else { "" }
    );
    let event = actor.event("check.waive", format!("dataset_version/{version}"), summary).in_project(&scope.slug);
    audit::append(&tx, event.after(&waiver)).await?;
    tx.commit().await?;
    found(ctx, &scope, id).await
}

/// Why a version may not be trained on, in a sentence that says who can help; none where it may.
pub(crate) fn refusal(source: &VersionSource) -> Option<String> {
    let critical = source.checks == Some(CheckStanding::Critical);
    (critical || source.quarantined).then(|| {
        format!(
            "Version {} of '{}' failed critical checks{}. An approver or admin can waive this, with a reason, on the data \
             set's Checks tab; or choose another version.",
            source.number,
            source.dataset_name,
            if source.quarantined { " of its contract and is quarantined" } else { "" }
        )
    })
}

fn no_check_run() -> Problem {
    Problem::not_found("There is no such run of checks in this project.")
}
