//! What runs that went well took: time and memory.

use crate::{
    StoreError,
    entity::{run, run_metric},
    from_json,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Deserialize;
use std::collections::HashMap;
use trainyard_types::{
    evaluation::PartRows,
    run::{Family, TrainSettings},
};

/// A run that went well, and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    pub settings: TrainSettings,
    pub rows: PartRows,
    /// Columns that it learned from.
    pub features: u32,
    /// Wall time of the whole job.
    pub seconds: f64,
    /// The most memory that its process was seen to hold; unknown for jobs of a few seconds.
    pub peak_mib: Option<f64>,
}

/// The part of a run's result that is needed here; its charts are skipped.
#[derive(Deserialize)]
struct Took {
    rows: PartRows,
    seconds: f64,
    signature: Inputs,
}

#[derive(Deserialize)]
struct Inputs {
    inputs: Vec<serde::de::IgnoredAny>,
}

/// The last `limit` runs of any project that asked for this family and went well, newest first.
///
/// # Errors
/// The database failed.
pub async fn recent(db: &impl ConnectionTrait, family: Family, limit: u64) -> Result<Vec<Timing>, StoreError> {
    use run::Column;
    let runs: Vec<(String, String, String)> = run::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Settings, Column::Result])
        .filter(Column::Family.eq(family.as_str()))
        .filter(Column::Result.is_not_null())
        .order_by_desc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    let peaks: Vec<(String, f64)> = run_metric::Entity::find()
        .select_only()
        .column(run_metric::Column::RunId)
        .expr(run_metric::Column::Value.max())
        .filter(run_metric::Column::RunId.is_in(runs.iter().map(|(id, ..)| id.clone())))
        .filter(run_metric::Column::Key.eq("system/memory_mib"))
        .group_by(run_metric::Column::RunId)
        .into_tuple()
        .all(db)
        .await?;
    let peaks: HashMap<String, f64> = peaks.into_iter().collect();
    runs.into_iter()
        .map(|(id, settings, result)| {
            let Took { rows, seconds, signature } = from_json("runs.result", &result)?;
            Ok(Timing {
                settings: from_json("runs.settings", &settings)?,
                rows,
                features: u32::try_from(signature.inputs.len()).unwrap_or(u32::MAX),
                seconds,
                peak_mib: peaks.get(&id).copied(),
            })
        })
        .collect()
}
