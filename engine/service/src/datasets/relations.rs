//! How a version's columns hang together, and what each says of a target.

use super::{diff::shown, no_version, rows_file};
use crate::{Actor, Ctx, authorise, blocking::blocking};
use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use trainyard_assess::target::{Aim, relation};
use trainyard_data::{frame, memory::Memory, target};
use trainyard_infer::frame::Frame;
use trainyard_store as store;
use trainyard_types::{
    Action, DatasetVersionId, Problem, Slug,
    catalog::ColumnFlag,
    relations::{Relations, TargetRelation},
};

/// Rows looked at: correlations are then known to about 0.014 (two standard errors).
pub const SAMPLE_ROWS: usize = 20_000;
/// Rows that the relation to a target is computed on; ppscore takes 5,000.
pub const TARGET_ROWS: usize = 10_000;
/// Answers kept of each kind.
const KEPT: usize = 32;

/// What was looked at lately. Versions never change, so that an answer holds for as long as there are rows.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    relations: Kept<Relations>,
    targets: Kept<TargetRelation>,
}

/// The last answers by the content's hash and the question, the newest last.
#[derive(Debug)]
struct Kept<T>(Mutex<VecDeque<(String, Arc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    fn get(&self, key: &str) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == key).map(|(_, answer)| T::clone(answer))
    }

    fn keep(&self, key: String, answer: &T) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((key, Arc::new(answer.clone())));
    }
}

/// Correlations, gaps and outliers on a sample of 20,000 rows.
///
/// # Errors
/// There is no such version for the caller; its rows were deleted.
pub async fn relations(ctx: &Ctx, actor: &Actor, project: &Slug, id: DatasetVersionId) -> Result<Relations, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let version = store::datasets::summary(ctx.store().db(), scope.project, id).await?.ok_or_else(no_version)?;
    let path = rows_file(ctx, &version)?;
    let kept = &ctx.looked().relations;
    if let Some(answer) = kept.get(&version.hash) {
        return Ok(answer);
    }
    let (rows, memory) = (version.rows, ctx.settings().memory);
    let answer = blocking(move || {
        let sample = frame::load_sample(&path, None, SAMPLE_ROWS, memory)?;
        Ok::<_, Problem>(trainyard_assess::relations::relations(&sample, rows))
    })
    .await??;
    kept.keep(version.hash, &answer);
    Ok(answer)
}

/// What each column alone says of the target, on a sample of 10,000 rows. `target` left out is the column flagged as such;
/// `None` where no column is.
///
/// # Errors
/// There is no such version for the caller; its rows were deleted; the target can't be one.
pub async fn target_relation(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: DatasetVersionId,
    target: Option<String>,
) -> Result<Option<TargetRelation>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let version = store::datasets::version(ctx.store().db(), scope.project, id).await?.ok_or_else(no_version)?;
    let there = |name: &&str| version.profile.columns.iter().any(|column| column.name == **name);
    let flagged = || version.details.flagged(ColumnFlag::Target).find(there).map(str::to_owned);
    let Some(target) = target.filter(|name| !name.is_empty()).or_else(flagged) else { return Ok(None) };
    let path = rows_file(ctx, &version.summary)?;
    let kept = &ctx.looked().targets;
    let key = format!("{} {target}", version.summary.hash);
    if let Some(answer) = kept.get(&key) {
        return Ok(Some(answer));
    }
    let rows = version.summary.rows;
    let memory = ctx.settings().memory;
    let answer = blocking(move || target_of(&path, &target, rows, memory)).await??;
    kept.keep(key, &answer);
    Ok(Some(answer))
}

/// As [`target_relation`], of a stored table of `rows` rows.
///
/// # Errors
/// As there.
pub fn target_of(parquet: &Path, name: &str, rows: u64, memory: Memory) -> Result<TargetRelation, Problem> {
    // The whole target tells its task and its classes, which a sample might not.
    let Frame { columns, .. } =
        frame::load(parquet, Some(&[name.to_owned()])).map_err(|problem| Problem::field("target", problem.message))?;
    let info = target::infer_task(&columns[0])?;
    let classes: Vec<String> = info.classes.into_iter().map(|(label, _)| label).collect();
    drop(columns);
    let sample = frame::load_sample(parquet, None, TARGET_ROWS, memory)?;
    let column = sample.column(name).ok_or_else(|| Problem::internal("The target was not read."))?;
    let (outcome, usable) = target::encode(column, info.task, &classes)?;
    let aim = Aim { name, task: info.task, outcome: &outcome, classes: &classes, usable: &usable, rows };
    Ok(relation(&sample, &aim, |column, value| shown(column.kind, value)))
}
