//! Runs that differ in their seed alone.

use crate::{
    StoreError,
    entity::{job, run},
    from_json, parse,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;
use trainyard_types::{ProjectId, RunId, job::JobState, run::TrainSettings, seeds::SeedRun};

/// Runs of the same version, target and family that are compared, newest first.
const MOST: u64 = 500;

/// The run with this id and those with the same settings but for the seed, oldest first.
///
/// # Errors
/// The database failed.
pub async fn siblings(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: RunId,
) -> Result<Option<Vec<SeedRun>>, StoreError> {
    use run::Column;
    let found = run::Entity::find_by_id(id.to_string()).filter(Column::ProjectId.eq(project.to_string()));
    let of = found
        .select_only()
        .columns([Column::DatasetVersionId, Column::Target, Column::Family, Column::Settings])
        .into_tuple::<(String, String, String, String)>()
        .one(db)
        .await?;
    let Some((version, target, family, settings)) = of else { return Ok(None) };
    let same = |settings: &str| -> Result<(TrainSettings, u64), StoreError> {
        let settings: TrainSettings = from_json("runs.settings", settings)?;
        let seed = settings.seed;
        Ok((TrainSettings { seed: 0, ..settings }, seed))
    };
    let (wanted, _) = same(&settings)?;
    let runs: Vec<(String, String, Option<f64>)> = run::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Settings, Column::Score])
        .filter(Column::ProjectId.eq(project.to_string()))
        .filter(Column::DatasetVersionId.eq(version))
        .filter(Column::Target.eq(target))
        .filter(Column::Family.eq(family))
        .order_by_desc(Column::Id)
        .limit(MOST)
        .into_tuple()
        .all(db)
        .await?;
    let mut kept = Vec::new();
    for (run, settings, score) in runs.into_iter().rev() {
        let (settings, seed) = same(&settings)?;
        if settings == wanted {
            kept.push((run, seed, score));
        }
    }
    let states: Vec<(String, String)> = job::Entity::find()
        .select_only()
        .columns([job::Column::RunId, job::Column::State])
        .filter(job::Column::RunId.is_in(kept.iter().map(|(run, ..)| run.clone())))
        .into_tuple()
        .all(db)
        .await?;
    let states: HashMap<String, String> = states.into_iter().collect();
    kept.into_iter()
        .filter_map(|(run, seed, score)| {
            let state = states.get(&run)?;
            Some((|| {
                let state: JobState = parse("jobs.state", state)?;
                Ok(SeedRun { run: parse("runs.id", &run)?, seed, state, score })
            })())
        })
        .collect::<Result<_, StoreError>>()
        .map(Some)
}
