//! What a run would do, before it is asked for: task, rows, time, and what is wrong with the data.

use super::estimate::{RECENT, estimate};
use crate::{
    Ctx,
    blocking::blocking,
    checks::refusal,
    datasets::{source_file, splits},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use trainyard_data::{
    Memory, StoredTable, copies,
    memory::in_words,
    split::{Divided, Part, divide},
};
use trainyard_infer::Target;
use trainyard_store::{self as store, datasets::VersionSource, now};
use trainyard_types::{
    Problem, Timestamp,
    catalog::ColumnFlag,
    dataset::{ColumnType, DataWarning, Severity},
    hyper, monotone,
    run::{Family, MOST_TOKENS, RunPlan, SplitMethod, Task, TrainSettings},
};

/// Train rows below which a warning is due: intervals get wide and RealMLP seldom wins.
const FEW_ROWS: u64 = 200;
/// Train rows above which an FT-Transformer seldom gets through enough epochs.
const TRANSFORMER_ROWS: u64 = 10_000;
/// Share of the rarest class below which a warning is due.
const RARE_CLASS: f64 = 0.05;
/// A worker that was seen so lately is there to take the run, milliseconds.
const ALIVE: i64 = 60_000;

/// What the target column and the split say; see [`target_facts`].
struct TargetFacts {
    task: Task,
    summary: String,
    classes: Vec<(String, u64)>,
    missing: u64,
    /// Train, validation and test rows.
    parts: [u64; 3],
    /// The least target of a regression's rows that are used.
    least: Option<f64>,
    /// What is to be known of how it is trained.
    notes: Vec<String>,
}

/// Plans a run. What stands in its way comes as critical warnings, not as an error, so that the page can show it.
///
/// # Errors
/// The stored rows can't be read.
pub(super) async fn make(
    ctx: &Ctx,
    source: &VersionSource,
    settings: &TrainSettings,
    kept: Option<PathBuf>,
) -> Result<RunPlan, Problem> {
    let queue = store::queue::read(ctx.store().db(), now()).await?;
    let mut plan = RunPlan {
        task: settings.asked_task(),
        summary: "Choose the column to predict.".to_owned(),
        train_rows: 0,
        valid_rows: 0,
        test_rows: 0,
        features: 0,
        estimate: None,
        queued_before: queue.len(),
        warnings: Vec::new(),
    };
    if settings.target.is_empty() {
        return Ok(plan);
    }
    plan.warnings = check_settings(source, settings);
    plan.warnings.extend(refusal(source).map(|message| critical("dataset_version", "", message)));
    plan.features = u32::try_from(features(source, settings).len()).unwrap_or(u32::MAX);
    if plan.warnings.iter().any(|warning| warning.severity == Severity::Critical) {
        plan.summary = "This can't be trained yet.".to_owned();
        return Ok(plan);
    }
    let path = match source_file(ctx, source) {
        Ok(path) => path,
        Err(problem) if source.deleted.is_some() => {
            plan.summary = "This can't be trained.".to_owned();
            plan.warnings.push(critical("dataset_version", "", problem.message));
            return Ok(plan);
        }
        Err(problem) => return Err(problem),
    };
    let limit = ctx.settings().training_memory;
    let facts = {
        let settings = settings.clone();
        blocking(move || target_facts(&path, &settings, kept.as_deref(), limit)).await?
    };
    match facts {
        Ok(facts) => {
            plan.task = Some(facts.task);
            plan.summary = facts.summary.clone();
            [plan.train_rows, plan.valid_rows, plan.test_rows] = facts.parts;
            let past = store::timings::recent(ctx.store().db(), settings.family, RECENT).await?;
            let rows: u64 = facts.parts.iter().sum();
            let workers = store::workers::calibrations(ctx.store().db(), Timestamp(now().0 - ALIVE)).await?;
            plan.estimate = Some(estimate(settings, [plan.train_rows, rows], plan.features, &past, &workers, limit));
            plan.warnings.extend(check_target(settings, &facts));
            let notes = facts.notes.into_iter();
            plan.warnings.extend(notes.map(|note| warning(Severity::Info, "streamed", "", note)));
            if settings.family == Family::FtTransformer {
                plan.warnings.extend(check_transformer(plan.features, plan.train_rows));
            }
        }
        Err(problem) => {
            plan.summary = "This can't be trained yet.".to_owned();
            plan.warnings.push(critical("target", &settings.target, problem.message));
        }
    }
    plan.warnings.extend(profile_warnings(source, settings));
    plan.warnings.sort_by_key(|warning| std::cmp::Reverse(warning.severity));
    Ok(plan)
}

/// Reads the target and the column that decides the split, and splits for real: the counts are exact. A table that takes
/// more than `limit` is divided as its job will divide it.
fn target_facts(
    path: &Path,
    settings: &TrainSettings,
    kept: Option<&Path>,
    limit: Memory,
) -> Result<TargetFacts, Problem> {
    let table = StoredTable::open(path)?;
    let bytes = table.training_bytes()?.saturating_add(Memory::PROGRAM);
    if bytes > limit.bytes() {
        return streamed_facts(&table, bytes, settings, kept, limit);
    }
    let mut columns = vec![settings.target.clone()];
    columns.extend(settings.split.columns().into_iter().filter(|column| *column != settings.target).map(str::to_owned));
    // Copies are told by all columns.
    let frame = table.load_all((!settings.distinct).then_some(columns.as_slice()))?;
    let column = frame.column(&settings.target).ok_or_else(|| {
        Problem::field("target", format!("There is no column '{}' in this version.", settings.target))
    })?;
    let info = trainyard_data::target::target_info(column, settings.asked_task())
        .map_err(|problem| settings.refused(problem))?;
    let labels: Vec<String> = info.classes.iter().map(|(label, _)| label.clone()).collect();
    let (outcomes, mut usable) = trainyard_data::target::encode(column, info.task, &labels)?;
    if settings.distinct {
        trainyard_data::copies::leave_out(&frame, &settings.drop, &mut usable);
    }
    let parts = match kept {
        Some(file) => {
            let parts = splits::parts(file, settings, frame.rows)?;
            parts.into_iter().zip(&usable).map(|(part, usable)| part.filter(|_| *usable)).collect()
        }
        None => trainyard_data::split::split(&frame, &settings.split, &settings.target, info.task, &usable)?,
    };
    let least = match &outcomes {
        Target::Values(values) => {
            let used = values.iter().zip(&parts).filter(|(_, part)| part.is_some());
            used.map(|(value, _)| *value).reduce(f64::min)
        }
        Target::Classes(_) => None,
    };
    let count = |part: Part| parts.iter().filter(|row| **row == Some(part)).count() as u64;
    Ok(TargetFacts {
        task: info.task,
        summary: info.summary,
        classes: info.classes,
        missing: info.missing,
        parts: [count(Part::Train), count(Part::Valid), count(Part::Test)],
        least,
        notes: Vec::new(),
    })
}

/// As [`target_facts`], of a table that is trained in a stream.
fn streamed_facts(
    table: &StoredTable,
    bytes: u64,
    settings: &TrainSettings,
    kept: Option<&Path>,
    limit: Memory,
) -> Result<TargetFacts, Problem> {
    if settings.distinct {
        return Err(copies::too_many());
    }
    let kept = kept.map(|file| splits::parts(file, settings, table.rows())).transpose()?;
    let Divided { info, rows, .. } =
        divide(table, &settings.split, (settings.target.as_str(), settings.asked_task()), kept, limit)?;
    let note = format!(
        "The table would take about {} in memory, and the limit is {limit}: it is trained in a stream. RealMLP and TabM see all \
         train rows, the other families a sample of them; validation and test rows are drawn as well.",
        in_words(bytes)
    );
    Ok(TargetFacts {
        task: info.task,
        summary: info.summary,
        classes: info.classes,
        missing: info.missing,
        parts: rows,
        notes: vec![note],
        least: None,
    })
}

/// Columns that the model would see.
fn features<'a>(source: &'a VersionSource, settings: &TrainSettings) -> Vec<&'a str> {
    let by = settings.split.never_features();
    source
        .profile
        .columns
        .iter()
        .filter(|column| {
            let name = column.name.as_str();
            name != settings.target
                && !by.contains(&name)
                && settings.weight_column.as_deref() != Some(name)
                && !settings.drop.iter().any(|dropped| dropped == name)
                // Constant and empty columns are dropped by every family's preprocessing.
                && column.distinct > 1
        })
        .map(|column| column.name.as_str())
        .collect()
}

/// Columns flagged as protected attributes.
pub(super) fn protected(source: &VersionSource, settings: &TrainSettings) -> Vec<String> {
    let there =
        |name: &&str| **name != settings.target && source.profile.columns.iter().any(|column| column.name == **name);
    source.details.flagged(ColumnFlag::Protected).filter(there).map(str::to_owned).collect()
}

/// What is wrong with how rows count and how decisions are made.
fn check_decision(source: &VersionSource, settings: &TrainSettings) -> Vec<DataWarning> {
    let mut warnings = Vec::new();
    if let Err(problem) = settings.decision.check() {
        let field = problem.fields.first().map_or("decision", |field| field.field.as_str());
        warnings.push(critical(field, "", problem.message.clone()));
    }
    let kind = |name: &str| source.profile.columns.iter().find(|column| column.name == name).map(|column| column.kind);
    if let Some(name) = &settings.weight_column {
        let message = match kind(name) {
            _ if *name == settings.target => Some(format!("'{name}' is the target; it can't be the rows' weight.")),
            None => Some(format!("There is no column '{name}' to weigh rows by. Choose another one.")),
            Some(kind) if !kind.is_numeric() => {
                Some(format!("'{name}' holds no numbers, so that it can't weigh rows."))
            }
            Some(_) => None,
        };
        warnings.extend(message.map(|message| critical("weight_column", name, message)));
    }
    for name in settings.protected.iter().filter(|name| kind(name).is_none()) {
        let message = format!("There is no column '{name}' to look at groups of. Take it off the list.");
        warnings.push(critical("protected", name, message));
    }
    warnings
}

/// Which columns can't have the direction that they are given.
fn check_directions(source: &VersionSource, settings: &TrainSettings) -> Option<DataWarning> {
    let features = features(source, settings);
    let kind = |name: &str| {
        let there = source.profile.columns.iter().find(|column| column.name == name)?;
        // One that never varies is left out by every family, and its direction is kept all the same.
        (features.contains(&name) || there.distinct <= 1).then_some(there.kind)
    };
    let task = settings.asked_task().map_or(Ok(()), |task| monotone::check_task(&settings.monotone, task));
    let all = monotone::check_family(&settings.monotone, settings.family).and(task);
    let problem = all.and_then(|()| monotone::check_columns(&settings.monotone, kind)).err()?;
    Some(critical("monotone", "", problem.message))
}

/// What can be seen to be wrong without reading rows.
fn check_settings(source: &VersionSource, settings: &TrainSettings) -> Vec<DataWarning> {
    let known: BTreeSet<&str> = source.profile.columns.iter().map(|column| column.name.as_str()).collect();
    let mut warnings = Vec::new();
    if !known.contains(settings.target.as_str()) {
        let message = format!("There is no column '{}' in this version. Choose another target.", settings.target);
        warnings.push(critical("target", &settings.target, message));
    }
    for name in &settings.drop {
        if !known.contains(name.as_str()) {
            let message = format!("There is no column '{name}' to leave out. Take it off the list.");
            warnings.push(critical("drop", name, message));
        }
        if *name == settings.target {
            let message = format!("'{name}' is the target; it can't be left out. Take it off the list.");
            warnings.push(critical("drop", name, message));
        }
    }
    let split = &settings.split;
    for column in split.columns() {
        if !known.contains(column) {
            let message = format!("There is no column '{column}' to split by. Choose another one.");
            warnings.push(critical("split", column, message));
        } else if column == settings.target {
            let message = format!("'{column}' is the target; the split can't follow it. Choose another column.");
            warnings.push(critical("split", column, message));
        }
        let kind = source.profile.columns.iter().find(|c| c.name == column).map(|c| c.kind);
        if matches!(split.method, SplitMethod::Time { .. })
            && kind.is_some_and(|kind| kind != ColumnType::Datetime && !kind.is_numeric())
        {
            let message = format!("'{column}' holds no dates or numbers, so that rows have no order in time.");
            warnings.push(critical("split", column, message));
        }
    }
    let share = 0.01..=0.8;
    let given = matches!(split.method, SplitMethod::Given { .. });
    if settings.kept_split.is_none()
        && !given
        && (!share.contains(&split.valid) || !share.contains(&split.test) || split.valid + split.test > 0.9)
    {
        let message = "Validation and test each take 0.01 to 0.8 of the rows, and leave train at least 0.1.".to_owned();
        warnings.push(critical("split", "", message));
    }
    if settings.epochs.is_some_and(|epochs| !(1..=10_000).contains(&epochs)) {
        warnings.push(critical("epochs", "", "Use 1 to 10,000 epochs.".to_owned()));
    }
    if settings.budget_seconds.is_some_and(|seconds| !(1.0..=86_400.0).contains(&seconds)) {
        warnings.push(critical("budget_seconds", "", "Use 1 to 86,400 seconds.".to_owned()));
    }
    warnings.extend(check_decision(source, settings));
    if let Err(problem) = settings.family.check_asked() {
        warnings.push(critical("family", "", problem.message));
    }
    warnings.extend(check_directions(source, settings));
    if let Some(Err(problem)) = settings.loss.map(|loss| loss.check_family(settings.family)) {
        warnings.push(critical("loss", "", problem.message));
    }
    for message in hyper::problems(&settings.parameters, settings.family) {
        warnings.push(critical("parameters", "", message));
    }
    if warnings.is_empty() && features(source, settings).is_empty() {
        let message = "No column is left to learn from. Leave fewer columns out.".to_owned();
        warnings.push(critical("features", "", message));
    }
    warnings
}

/// What the target's values say.
fn check_target(settings: &TrainSettings, facts: &TargetFacts) -> Vec<DataWarning> {
    let mut warnings = Vec::new();
    if let Err(problem) = monotone::check_task(&settings.monotone, facts.task) {
        warnings.push(critical("monotone", "", problem.message));
    }
    if let Some(loss) = settings.loss {
        let fits =
            loss.check_task(facts.task).and_then(|()| facts.least.map_or(Ok(()), |least| loss.check_least(least)));
        warnings.extend(fits.err().map(|problem| critical("loss", &settings.target, problem.message)));
    }
    if facts.missing > 0 {
        let message = format!("{} rows have no '{}' and are left out.", facts.missing, settings.target);
        warnings.push(warning(Severity::Info, "missing", &settings.target, message));
    }
    if facts.parts[0] < FEW_ROWS {
        let message = format!(
            "Only {} rows to train on: the test figures will be uncertain. Bring {FEW_ROWS} or more if you can.",
            facts.parts[0]
        );
        warnings.push(warning(Severity::Warning, "few_rows", "", message));
    }
    if facts.task.is_classification() {
        let total: u64 = facts.classes.iter().map(|(_, count)| count).sum();
        if let Some((label, count)) = facts.classes.iter().min_by_key(|(_, count)| *count)
            && (*count as f64) < RARE_CLASS * total as f64
        {
            let message = format!(
                "'{label}' is rare: {count} of {total} rows. Accuracy alone will mislead; look at recall and average precision."
            );
            warnings.push(warning(Severity::Warning, "imbalance", &settings.target, message));
        }
    }
    warnings
}

/// What is too much for an FT-Transformer.
fn check_transformer(features: u32, train_rows: u64) -> Vec<DataWarning> {
    let most = MOST_TOKENS as u32 - 1;
    let mut warnings = Vec::new();
    if features > most {
        let message = format!(
            "FT-Transformer compares each column with each and takes {most} at most; these are {features}. Leave out {} or more, \
             or choose boosted trees. The run would end at once and say which columns go least with the target.",
            features - most
        );
        warnings.push(warning(Severity::Warning, "many_columns", "", message));
    }
    if train_rows > TRANSFORMER_ROWS {
        let message = format!(
            "FT-Transformer is slow: {train_rows} train rows see few epochs within the time budget. Give it more seconds, or \
             choose boosted trees or RealMLP, which go through more rows."
        );
        warnings.push(warning(Severity::Warning, "many_rows", "", message));
    }
    warnings
}

/// The profile's warnings about columns that the run would use, and about the whole table.
fn profile_warnings(source: &VersionSource, settings: &TrainSettings) -> Vec<DataWarning> {
    let used: BTreeSet<&str> = features(source, settings).into_iter().collect();
    source
        .profile
        .warnings
        .iter()
        // The target's balance is told by its own check, with the rows that are used.
        .filter(|warning| warning.column.is_empty() || used.contains(warning.column.as_str()))
        // A column that the profile finds critical can be left out; only the table as a whole can be past use.
        .map(|warning| {
            let severity =
                if warning.column.is_empty() { warning.severity } else { warning.severity.min(Severity::Warning) };
            DataWarning { severity, ..warning.clone() }
        })
        .collect()
}

fn warning(severity: Severity, kind: &str, column: &str, message: String) -> DataWarning {
    DataWarning { severity, kind: kind.to_owned(), column: column.to_owned(), message }
}

fn critical(kind: &str, column: &str, message: String) -> DataWarning {
    warning(Severity::Critical, kind, column, message)
}
