//! What a model could know in training and can't know in use: looked for before anything is trained.

use crate::{
    Actor, Ctx, authorise,
    blocking::blocking,
    datasets::{no_version, source_file, splits},
};
use trainyard_assess::leakage::{Setup, report};
use trainyard_data::{
    copies, frame,
    split::{self, Part},
    target,
};
use trainyard_infer::frame::Frame;
use trainyard_store as store;
use trainyard_types::{Action, DatasetVersionId, Problem, Slug, leakage::LeakageReport, run::TrainSettings};

/// Rows that are looked at, at most.
pub const SAMPLE_ROWS: usize = 40_000;

/// Looks for leaks in a version as a run with these settings would use it, on a sample of 40,000 rows,
/// fewer where they are very wide.
///
/// # Errors
/// There is no such version for the caller; its rows were deleted; the target or the split can't be used.
pub async fn of_version(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    version: DatasetVersionId,
    settings: TrainSettings,
) -> Result<LeakageReport, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let source = store::datasets::source(ctx.store().db(), scope.project, version).await?.ok_or_else(no_version)?;
    let path = source_file(ctx, &source)?;
    let (settings, kept) = splits::resolve(ctx, scope.project, version, settings).await?;
    let memory = ctx.settings().memory;
    blocking(move || {
        let frame = frame::load_sample(&path, None, SAMPLE_ROWS, memory)?;
        let parts = match kept {
            Some(file) => {
                let rows = usize::try_from(source.rows).unwrap_or(usize::MAX);
                let all = splits::parts(&file, &settings, rows)?;
                Some(frame::sampled_rows(rows, frame.rows).into_iter().map(|row| all[row]).collect::<Vec<_>>())
            }
            None => None,
        };
        Ok(LeakageReport { rows: source.rows, ..of_table(&frame, &settings, parts.as_deref())? })
    })
    .await?
}

/// Looks for leaks in a table divided as `parts` says, or where none are given as the settings do. Of the settings target,
/// task, split, columns left out and copies left out count.
///
/// # Errors
/// The target or the split can't be used.
pub fn of_table(
    frame: &Frame,
    settings: &TrainSettings,
    parts: Option<&[Option<Part>]>,
) -> Result<LeakageReport, Problem> {
    let TrainSettings { target, task, split: spec, drop, .. } = settings;
    // The weight of a row is no feature.
    let left_out: Vec<String> = drop.iter().chain(&settings.weight_column).cloned().collect();
    let column = frame
        .column(target)
        .ok_or_else(|| Problem::field("target", format!("There is no column `{target}`. Choose another target.")))?;
    if let Some(unknown) = drop.iter().find(|name| frame.column(name).is_none()) {
        return Err(Problem::field("drop", format!("There is no column `{unknown}` to leave out.")));
    }
    let info = target::target_info(column, *task)?;
    let classes: Vec<String> = info.classes.into_iter().map(|(label, _)| label).collect();
    let (outcome, mut usable) = target::encode(column, info.task, &classes)?;
    if settings.distinct {
        copies::leave_out(frame, drop, &mut usable);
    }
    let parts = match parts {
        Some(parts) => parts.iter().zip(&usable).map(|(part, usable)| part.filter(|_| *usable)).collect(),
        None => split::split(frame, spec, target, info.task, &usable)?,
    };
    let rows = |part: Part| (0..frame.rows).filter(|&row| parts[row] == Some(part)).collect::<Vec<usize>>();
    let (train, test) = (rows(Part::Train), rows(Part::Test));
    Ok(report(&Setup {
        frame,
        target,
        outcome: &outcome,
        classes: &classes,
        train: &train,
        test: &test,
        split: spec,
        drop: &left_out,
    }))
}
