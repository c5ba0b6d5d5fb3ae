//! Stored splits: which row of a version is in which part, made once and used by many runs.

use super::{no_dataset, no_version, source_file};
use crate::{Actor, Ctx, authorise, blocking::blocking};
use std::{
    fmt::Write as _,
    ops::Range,
    path::{Path, PathBuf},
};
use trainyard_data::split::{MadeSplit, Part, make};
use trainyard_store::{self as store, audit, datasets::splits::KeptSplit, fresh_id, now};
use trainyard_types::{
    Action, DatasetId, DatasetVersionId, Problem, ProjectId, Slug, SplitId,
    run::TrainSettings,
    split::{NewSplit, SplitView, UsedSplit},
};

/// Makes a split of a version and keeps it.
///
/// # Errors
/// There is no such version for the caller, the caller may not write, the plan does not fit the rows, the rows were deleted,
/// or the version has a split of that name.
pub async fn create(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    version: DatasetVersionId,
    input: NewSplit,
) -> Result<SplitView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let source = store::datasets::source(ctx.store().db(), scope.project, version).await?.ok_or_else(no_version)?;
    let path = source_file(ctx, &source)?;
    let NewSplit { name, plan } = input;
    let artifacts = ctx.artifacts().clone();
    let (plan, summary) = blocking(move || -> Result<_, Problem> {
        let (made, mut summary) = make(&path, &plan)?;
        summary.hash = artifacts.put_bytes(&made.to_bytes()?)?;
        Ok((plan, summary))
    })
    .await??;
    let id = SplitId(fresh_id());
    let tx = ctx.store().begin().await?;
    let kept = KeptSplit {
        id,
        version,
        name: name.as_str(),
        plan: &plan,
        summary: &summary,
        created_at: now(),
        created_by: &actor.name,
    };
    store::datasets::splits::add(&tx, kept).await.map_err(|error| {
        if error.is_duplicate() {
            Problem::field(
                "name",
                format!("Version {} has a split '{name}' already. Choose another name.", source.number),
            )
        } else {
            error.into()
        }
    })?;
    let view = store::datasets::splits::view(&*tx, scope.project, id).await?.ok_or_else(no_split)?;
    let words = format!(
        "Made split '{name}' of version {} of '{}' (blake3 {}): {}.",
        source.number,
        source.dataset_name,
        summary.hash,
        plan.spec.in_words()
    );
    let event = actor.event("split.create", format!("split/{id}"), words).in_project(&scope.slug).after(&view.plan);
    audit::append(&tx, event).await?;
    tx.commit().await?;
    Ok(view)
}

/// The stored splits of all versions, newest first.
///
/// # Errors
/// There is no such data set for the caller.
pub async fn list(ctx: &Ctx, actor: &Actor, project: &Slug, dataset: DatasetId) -> Result<Vec<SplitView>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    store::datasets::view(db, scope.project, dataset).await?.ok_or_else(no_dataset)?;
    Ok(store::datasets::splits::list(db, scope.project, dataset).await?)
}

/// One stored split.
///
/// # Errors
/// There is none for the caller.
pub async fn view(ctx: &Ctx, actor: &Actor, project: &Slug, id: SplitId) -> Result<SplitView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    store::datasets::splits::view(ctx.store().db(), scope.project, id).await?.ok_or_else(no_split)
}

/// Forgets a split that no run uses.
///
/// # Errors
/// There is none for the caller, the caller may not write, or runs use it.
pub async fn remove(ctx: &Ctx, actor: &Actor, project: &Slug, id: SplitId) -> Result<(), Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let tx = ctx.store().begin().await?;
    let view = store::datasets::splits::view(&*tx, scope.project, id).await?.ok_or_else(no_split)?;
    if view.runs > 0 {
        return Err(Problem::conflict(format!(
            "{} of this split: it stays as their evidence.",
            trainyard_types::words::counted(view.runs, "run makes use", "runs make use")
        )));
    }
    store::datasets::splits::remove(&tx, id).await?;
    let words = format!("Removed split '{}' of version {} (blake3 {}).", view.name, view.number, view.summary.hash);
    let event = actor.event("split.remove", format!("split/{id}"), words).in_project(&scope.slug).before(&view.plan);
    audit::append(&tx, event).await?;
    Ok(tx.commit().await?)
}

/// A division of a split as CSV: each row's number, from 1, and its part, which is empty for a row that is not used.
///
/// # Errors
/// There is no such split or division for the caller.
pub async fn rows(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: SplitId,
    division: &str,
) -> Result<PartsAsText, Problem> {
    let kept = view(ctx, actor, project, id).await?;
    let (path, division) = (ctx.artifacts().existing(&kept.summary.hash)?, division.to_owned());
    blocking(move || {
        let rows = usize::try_from(kept.summary.rows).unwrap_or(usize::MAX);
        Ok(PartsAsText { parts: MadeSplit::read_parts(&path, &division, rows)?, given: None })
    })
    .await?
}

/// A division as CSV, some thousand rows at a time: as one text it would take many times its memory.
pub struct PartsAsText {
    parts: Vec<Option<Part>>,
    /// Rows given so far; none before the header.
    given: Option<usize>,
}

impl Iterator for PartsAsText {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        const ROWS: usize = 16_384;
        let Some(given) = self.given else {
            self.given = Some(0);
            return Some("row,part\n".to_owned());
        };
        let rows: Range<usize> = given..self.parts.len().min(given + ROWS);
        self.given = Some(rows.end);
        let mut text = String::with_capacity(16 * rows.len());
        for row in rows {
            let part = match self.parts[row] {
                Some(Part::Train) => "train",
                Some(Part::Valid) => "valid",
                Some(Part::Test) => "test",
                None => "",
            };
            let _ = writeln!(text, "{},{part}", row + 1);
        }
        (!text.is_empty()).then_some(text)
    }
}

/// Settings with what the server knows of the split that they name, and its file; as they were where they name none.
///
/// # Errors
/// The version has no such split, or the split no such division.
pub(crate) async fn resolve(
    ctx: &Ctx,
    project: ProjectId,
    version: DatasetVersionId,
    mut settings: TrainSettings,
) -> Result<(TrainSettings, Option<PathBuf>), Problem> {
    let Some(UsedSplit { id, division, .. }) = settings.kept_split.take() else { return Ok((settings, None)) };
    let kept = store::datasets::splits::view(ctx.store().db(), project, id)
        .await?
        .filter(|kept| kept.version == version)
        .ok_or_else(|| {
            Problem::field("kept_split", "The version has no such split. Make one on the data set's Splits tab.")
        })?;
    if !kept.summary.divisions.iter().any(|known| known.name == division) {
        let names: Vec<&str> = kept.summary.divisions.iter().map(|known| known.name.as_str()).collect();
        let message = format!("Split '{}' has no '{division}'. It has {}.", kept.name, names.join(", "));
        return Err(Problem::field("kept_split", message));
    }
    let file = ctx.artifacts().existing(&kept.summary.hash)?;
    settings.split = kept.plan.spec;
    settings.kept_split = Some(UsedSplit { id, division, name: kept.name, hash: kept.summary.hash });
    Ok((settings, Some(file)))
}

/// The parts that the settings' split gives a table of `rows` rows.
pub(crate) fn parts(file: &Path, settings: &TrainSettings, rows: usize) -> Result<Vec<Option<Part>>, Problem> {
    let division = settings.kept_split.as_ref().map_or(trainyard_types::split::PARTS, |kept| &kept.division);
    MadeSplit::read_parts(file, division, rows)
}

fn no_split() -> Problem {
    Problem::not_found("There is no such split in this project.")
}
