//! Runs that differ in their seed alone, and runs that were scored on the same test rows.

use crate::{
    StoreError,
    entity::{job, run},
    from_json, parse,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;
use trainyard_types::{ProjectId, RunId, run::TrainSettings, seeds::SeedRun};

/// Runs of the same version and target that are compared, newest first.
const MOST: u64 = 500;

/// What the project's other runs say of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Siblings {
    /// The run itself and those with the same settings but for the seed, oldest first.
    pub seeds: Vec<SeedRun>,
    /// Runs that were scored on the same test rows.
    pub test_looks: u64,
}

/// Looks at the last 500 runs of the same version and target as the run with this id.
///
/// # Errors
/// The database failed.
pub async fn siblings(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: RunId,
) -> Result<Option<Siblings>, StoreError> {
    use run::Column;
    let found = run::Entity::find_by_id(id.to_string()).filter(Column::ProjectId.eq(project.to_string()));
    let of = found
        .select_only()
        .columns([Column::DatasetVersionId, Column::Target, Column::Settings])
        .into_tuple::<(String, String, String)>()
        .one(db)
        .await?;
    let Some((version, target, settings)) = of else { return Ok(None) };
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
        .order_by_desc(Column::Id)
        .limit(MOST)
        .into_tuple()
        .all(db)
        .await?;
    let (mut kept, mut test_looks) = (Vec::new(), 0);
    for (run, settings, score) in runs.into_iter().rev() {
        let (settings, seed) = same(&settings)?;
        test_looks += u64::from(score.is_some() && same_test_rows(&settings, &wanted));
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
    let seeds = kept.into_iter().filter_map(|(run, seed, score)| Some(seed_run(&run, seed, states.get(&run)?, score)));
    Ok(Some(Siblings { seeds: seeds.collect::<Result<_, StoreError>>()?, test_looks }))
}

fn seed_run(run: &str, seed: u64, state: &str, score: Option<f64>) -> Result<SeedRun, StoreError> {
    Ok(SeedRun { run: parse("runs.id", run)?, seed, state: parse("jobs.state", state)?, score })
}

/// Of one version and target, the split decides; leaving out copies changes which rows it divides.
fn same_test_rows(a: &TrainSettings, b: &TrainSettings) -> bool {
    let kept = |settings: &TrainSettings| settings.kept_split.as_ref().map(|kept| (kept.id, kept.division.clone()));
    a.distinct == b.distinct
        && match (kept(a), kept(b)) {
            (None, None) => a.split == b.split,
            (a, b) => a == b,
        }
}
