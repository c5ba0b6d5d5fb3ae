//! What changed between two versions.

use super::{no_version, rows_file};
use crate::{Actor, Ctx, authorise, blocking::blocking};
use std::{cmp::Reverse, path::Path};
use trainyard_assess::{drift, drift_test};
use trainyard_data::{compare::row_diff, frame};
use trainyard_store as store;
use trainyard_types::{
    Action, DatasetVersionId, Problem, Slug, Timestamp,
    catalog::{ColumnChange, ColumnDiff, ColumnSide, VersionDiff},
    dataset::{ColumnProfile, ColumnType, VersionView},
    words::{count, counted},
};

/// Compares two versions of one data set: rows, schema, and how far each column's distribution moved. Examples of rows are
/// left out for callers who may not see rows.
///
/// # Errors
/// A version isn't there for the caller, the two are of different data sets, or the rows of one were deleted.
pub async fn diff(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    before: DatasetVersionId,
    after: DatasetVersionId,
) -> Result<VersionDiff, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    let old = store::datasets::version(db, scope.project, before).await?.ok_or_else(no_version)?;
    let new = store::datasets::version(db, scope.project, after).await?.ok_or_else(no_version)?;
    if old.dataset != new.dataset {
        return Err(Problem::invalid("These are versions of two data sets. Choose two of the same."));
    }
    let (old_file, new_file) = (rows_file(ctx, &old.summary)?, rows_file(ctx, &new.summary)?);
    let mut diff = blocking(move || make(&old, &new, &old_file, &new_file)).await??;
    if !scope.role.allows(Action::ReadRows) {
        diff.rows.added_examples.clear();
        diff.rows.removed_examples.clear();
    }
    Ok(diff)
}

fn make(old: &VersionView, new: &VersionView, old_file: &Path, new_file: &Path) -> Result<VersionDiff, Problem> {
    let rows = row_diff(old_file, new_file)?;
    let mut columns = Vec::new();
    for profile in &new.profile.columns {
        match old.profile.columns.iter().find(|column| column.name == profile.name) {
            Some(before) if before.kind == profile.kind => {
                columns.push(compared(before, profile, old, new, old_file, new_file)?);
            }
            Some(before) => columns.push(ColumnDiff {
                name: profile.name.clone(),
                change: ColumnChange::Retyped,
                before: Some(side(before, old.summary.rows)),
                after: Some(side(profile, new.summary.rows)),
                shift: None,
                drift: None,
            }),
            None => columns.push(ColumnDiff {
                name: profile.name.clone(),
                change: ColumnChange::Added,
                before: None,
                after: Some(side(profile, new.summary.rows)),
                shift: None,
                drift: None,
            }),
        }
    }
    let gone = old.profile.columns.iter().filter(|c| !new.profile.columns.iter().any(|other| other.name == c.name));
    columns.extend(gone.map(|column| ColumnDiff {
        name: column.name.clone(),
        change: ColumnChange::Removed,
        before: Some(side(column, old.summary.rows)),
        after: None,
        shift: None,
        drift: None,
    }));
    let moved = |column: &ColumnDiff| column.shift.as_ref().map_or(0, |shift| (shift.psi * 1e9) as u64);
    columns.sort_by_key(|column| (column.change, Reverse(moved(column))));
    let mut diff = VersionDiff {
        before: old.summary.id,
        before_number: old.summary.number,
        after: new.summary.id,
        after_number: new.summary.number,
        rows,
        columns,
        sentence: String::new(),
    };
    diff.sentence = sentence(&diff);
    Ok(diff)
}

/// A column that both versions have with one type.
fn compared(
    before: &ColumnProfile,
    after: &ColumnProfile,
    old: &VersionView,
    new: &VersionView,
    old_file: &Path,
    new_file: &Path,
) -> Result<ColumnDiff, Problem> {
    let mut diff = ColumnDiff {
        name: after.name.clone(),
        change: ColumnChange::Same,
        before: Some(side(before, old.summary.rows)),
        after: Some(side(after, new.summary.rows)),
        shift: None,
        drift: None,
    };
    // Versions stored before columns had hashes are always looked into.
    if !before.hash.is_empty() && before.hash == after.hash {
        return Ok(diff);
    }
    let only = std::slice::from_ref(&after.name);
    let (old, new) = (frame::load(old_file, Some(only))?, frame::load(new_file, Some(only))?);
    let [old, new] = [&old.columns[0], &new.columns[0]];
    if old != new || !before.hash.is_empty() {
        diff.change = ColumnChange::Changed;
    }
    let show = |bound: f64| shown(after.kind, bound);
    diff.drift = drift_test::evidently(old, new);
    if let Some(measured) = drift::measure(old, new, show) {
        if let (Some(before), Some(after)) = (&mut diff.before, &mut diff.after) {
            before.counts = measured.before;
            after.counts = measured.after;
        }
        diff.shift = Some(measured.shift);
    }
    Ok(diff)
}

fn side(column: &ColumnProfile, rows: u64) -> ColumnSide {
    ColumnSide {
        kind: column.kind,
        missing: column.missing as f64 / rows.max(1) as f64,
        distinct: column.distinct,
        mean: column.numeric.as_ref().map(|numeric| numeric.mean),
        counts: Vec::new(),
    }
}

/// A bin's bound: four significant digits, or a date.
pub(super) fn shown(kind: ColumnType, bound: f64) -> String {
    if kind == ColumnType::Datetime {
        return Timestamp(bound as i64).to_iso().chars().take(10).collect();
    }
    if bound == 0.0 || (bound.fract() == 0.0 && bound.abs() < 1e15) {
        return format!("{bound:.0}");
    }
    let digits = (3 - bound.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{bound:.digits$}")
}

fn sentence(diff: &VersionDiff) -> String {
    let rows = &diff.rows;
    let number_of = |change: ColumnChange| diff.columns.iter().filter(|column| column.change == change).count();
    let mut parts = Vec::new();
    if rows.compared {
        parts.push(match (rows.added, rows.removed) {
            (0, 0) => format!("The {} rows are the same", count(rows.after)),
            (added, 0) => format!("{} came, none went", counted(added, "row", "rows")),
            (0, removed) => format!("{} went, none came", counted(removed, "row", "rows")),
            (added, removed) => format!("{} came and {} went", counted(added, "row", "rows"), count(removed)),
        });
    } else {
        parts.push(format!("{} became {}", counted(rows.before, "row", "rows"), count(rows.after)));
    }
    for (change, what) in
        [(ColumnChange::Added, "added"), (ColumnChange::Removed, "removed"), (ColumnChange::Retyped, "of another type")]
    {
        match number_of(change) {
            0 => {}
            1 => parts.push(format!("1 column {what}")),
            n => parts.push(format!("{n} columns {what}")),
        }
    }
    let moved: Vec<&str> = diff
        .columns
        .iter()
        .filter(|column| column.shift.as_ref().is_some_and(|shift| shift.psi >= 0.1))
        .map(|column| column.name.as_str())
        .collect();
    match moved.as_slice() {
        [] => parts.push("no column's distribution moved by a PSI of 0.1 or more".to_owned()),
        [first, rest @ ..] if rest.len() < 3 => {
            let names: Vec<String> = std::iter::once(first).chain(rest).map(|name| format!("`{name}`")).collect();
            parts.push(format!("the distribution of {} moved", names.join(", ")));
        }
        many => parts.push(format!("the distributions of {} columns moved, most of all `{}`", many.len(), many[0])),
    }
    let drifted = diff.columns.iter().filter(|column| column.drift.as_ref().is_some_and(|test| test.drifted)).count();
    if drifted > 0 {
        parts.push(format!("{} by Evidently's rule", counted(drifted as u64, "column drifted", "columns drifted")));
    }
    let gaps: Vec<String> = diff
        .columns
        .iter()
        .filter_map(|column| Some((&column.name, column.gap()?)))
        .take(3)
        .map(|(name, (before, after))| {
            format!("`{name}` is missing in {:.1} % of the rows, before in {:.1} %", after * 100.0, before * 100.0)
        })
        .collect();
    parts.extend(gaps);
    format!("{}.", parts.join("; "))
}
