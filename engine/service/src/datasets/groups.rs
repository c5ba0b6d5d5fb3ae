//! Whether a version has enough rows, of all and of each protected group.

use super::{diff::shown, no_version, rows_file};
use crate::{Actor, Ctx, authorise, blocking::blocking};
use std::path::Path;
use trainyard_assess::groups::{self, Outcome};
use trainyard_data::{frame, target};
use trainyard_infer::frame::{Frame, Values};
use trainyard_store as store;
use trainyard_types::{
    Action, DatasetVersionId, Problem, Slug,
    catalog::{ColumnFlag, Enough, GroupTable, Sufficiency},
    dataset::VersionView,
    run::Task,
    words::counted,
};

/// Groups with fewer rows of the counted class than this can't be judged.
const FEW: f64 = 30.0;

/// Rows and base rates of each group of each protected column, against the column flagged as the target; empty where no
/// column has either flag.
///
/// # Errors
/// There is no such version for the caller; its rows were deleted; the target can't be one.
pub async fn groups(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: DatasetVersionId,
) -> Result<Vec<GroupTable>, Problem> {
    let version = open(ctx, actor, project, id).await?;
    let Some(target) = flagged(&version, ColumnFlag::Target).pop() else { return Ok(Vec::new()) };
    let protected = flagged(&version, ColumnFlag::Protected);
    if protected.is_empty() {
        return Ok(Vec::new());
    }
    let path = rows_file(ctx, &version.summary)?;
    blocking(move || protected.iter().map(|column| table(&path, column, &target)).collect()).await?
}

/// Whether there are enough rows to predict the column flagged as the target; `None` where no column is. A column that can't
/// be a target has too few rows, with the reason.
///
/// # Errors
/// There is no such version for the caller; its rows were deleted.
pub async fn sufficiency(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: DatasetVersionId,
) -> Result<Option<Sufficiency>, Problem> {
    let version = open(ctx, actor, project, id).await?;
    let Some(target) = flagged(&version, ColumnFlag::Target).pop() else { return Ok(None) };
    let path = rows_file(ctx, &version.summary)?;
    let left_out = flagged(&version, ColumnFlag::Identifier);
    let features = version
        .profile
        .columns
        .iter()
        .filter(|column| column.distinct > 1 && column.name != target && !left_out.contains(&column.name))
        .count();
    let info = blocking(move || {
        let frame = frame::load(&path, Some(std::slice::from_ref(&target)))?;
        Ok::<_, Problem>(target::infer_task(&frame.columns[0]))
    })
    .await??;
    Ok(Some(match info {
        Ok(info) => {
            let rows = version.summary.rows - info.missing;
            groups::sufficiency(info.task, rows, info.missing, &info.classes, features)
        }
        // Constant, all missing, of too many classes: no number of rows would be enough.
        Err(problem) => Sufficiency { verdict: Enough::TooFew, sentences: vec![problem.message] },
    }))
}

async fn open(ctx: &Ctx, actor: &Actor, project: &Slug, id: DatasetVersionId) -> Result<VersionView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    store::datasets::version(ctx.store().db(), scope.project, id).await?.ok_or_else(no_version)
}

/// The version's columns with a flag.
fn flagged(version: &VersionView, flag: ColumnFlag) -> Vec<String> {
    let there = |name: &&str| version.profile.columns.iter().any(|column| column.name == **name);
    version.details.flagged(flag).filter(there).map(str::to_owned).collect()
}

fn table(path: &Path, protected: &str, target: &str) -> Result<GroupTable, Problem> {
    let frame = frame::load(path, Some(&[protected.to_owned(), target.to_owned()]))?;
    let Frame { columns, .. } = &frame;
    let (attribute, outcome) = (&columns[0], &columns[1]);
    let info = target::infer_task(outcome)?;
    let show = |value: f64| shown(attribute.kind, value);
    let mut table = GroupTable {
        column: protected.to_owned(),
        target: target.to_owned(),
        class: None,
        groups: Vec::new(),
        sentence: String::new(),
    };
    match (&outcome.values, info.task) {
        (Values::Numbers(values), Task::Regression) => {
            table.groups = groups::by_group(attribute, &Outcome::Value(values), show);
        }
        _ => {
            // Of two classes the second is the one that models predict; of several the most frequent is counted.
            let counted = match info.task {
                Task::Binary => 1,
                _ => (0..info.classes.len()).max_by_key(|&i| info.classes[i].1).unwrap_or(0),
            };
            let labels: Vec<String> = info.classes.iter().map(|(label, _)| label.clone()).collect();
            let (encoded, usable) = target::encode(outcome, info.task, &labels)?;
            let trainyard_infer::target::Target::Classes(codes) = encoded else {
                return Err(Problem::internal("A class was expected."));
            };
            let hits: Vec<Option<bool>> =
                codes.iter().zip(&usable).map(|(&code, &usable)| usable.then_some(code as usize == counted)).collect();
            table.class = labels.get(counted).cloned();
            table.groups = groups::by_group(attribute, &Outcome::Class(&hits), show);
        }
    }
    table.sentence = sentence(&table);
    Ok(table)
}

fn sentence(table: &GroupTable) -> String {
    let Some(class) = &table.class else {
        let (Some(low), Some(high)) = (
            table.groups.iter().min_by(|a, b| a.rate.total_cmp(&b.rate)),
            table.groups.iter().max_by(|a, b| a.rate.total_cmp(&b.rate)),
        ) else {
            return "No rows.".to_owned();
        };
        return format!(
            "The mean of `{}` goes from {} for `{}` to {} for `{}`.",
            table.target,
            shown(trainyard_types::dataset::ColumnType::Float, low.rate),
            low.group,
            shown(trainyard_types::dataset::ColumnType::Float, high.rate),
            high.group
        );
    };
    let small: Vec<String> = table
        .groups
        .iter()
        .filter(|group| {
            let hits = group.rate * group.rows as f64;
            hits < FEW || group.rows as f64 - hits < FEW
        })
        .map(|group| format!("`{}` ({})", group.group, counted(group.rows, "row", "rows")))
        .collect();
    let large = || table.groups.iter().filter(|group| group.rows >= 100);
    let spread =
        match (large().min_by(|a, b| a.rate.total_cmp(&b.rate)), large().max_by(|a, b| a.rate.total_cmp(&b.rate))) {
            (Some(low), Some(high)) if low.group != high.group => format!(
                "`{}` is `{class}` in {:.1} % of the rows of `{}` and {:.1} % of `{}`: a model learns that difference.",
                table.target,
                low.rate * 100.0,
                low.group,
                high.rate * 100.0,
                high.group
            ),
            _ => format!("`{}` has no two groups of 100 rows or more to compare.", table.column),
        };
    match small.as_slice() {
        [] => spread,
        few => {
            let named = few.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
            let more = if few.len() > 4 { format!(" and {} more", few.len() - 4) } else { String::new() };
            format!("{spread} Too few rows to judge fairness for: {named}{more}.")
        }
    }
}
