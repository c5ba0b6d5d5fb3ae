//! How often models were asked.

use crate::{
    Store, StoreError,
    entity::{model_version, prediction_count},
    query::{all, pick, signed, unsigned},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult,
    sea_query::{Expr, JoinType, OnConflict, Query},
};
use std::collections::HashMap;
use trainyard_types::{ModelVersionId, Timestamp};

/// Adds to a version's counters.
///
/// # Errors
/// The database failed.
pub async fn add(store: &Store, counts: &[(ModelVersionId, u64, u64)], at: Timestamp) -> Result<(), StoreError> {
    use prediction_count::Column;
    let tx = store.begin().await?;
    for (version, answered, refused) in counts {
        let (answered, refused) = (signed(*answered), signed(*refused));
        let row = prediction_count::ActiveModel {
            model_version_id: Set(version.to_string()),
            answered: Set(answered),
            refused: Set(refused),
            last_at: Set(at.0),
        };
        let before = |column: Column| Expr::col((prediction_count::Entity, column));
        let add = OnConflict::column(Column::ModelVersionId)
            .value(Column::Answered, before(Column::Answered).add(answered))
            .value(Column::Refused, before(Column::Refused).add(refused))
            .value(Column::LastAt, Expr::value(at.0))
            .to_owned();
        prediction_count::Entity::insert(row).on_conflict(add).exec_without_returning(&*tx).await?;
    }
    tx.commit().await
}

#[derive(FromQueryResult)]
struct CountRow {
    model_id: String,
    answered: i64,
}

/// Rows predicted by all versions of each model.
pub(crate) async fn by_model(
    db: &impl ConnectionTrait,
    models: Vec<String>,
) -> Result<HashMap<String, u64>, StoreError> {
    if models.is_empty() {
        return Ok(HashMap::new());
    }
    let mut select = Query::select();
    select
        .from(prediction_count::Entity)
        .join(
            JoinType::InnerJoin,
            model_version::Entity,
            Expr::col((model_version::Entity, model_version::Column::Id))
                .equals((prediction_count::Entity, prediction_count::Column::ModelVersionId)),
        )
        .and_where(model_version::Column::ModelId.is_in(models));
    pick(&mut select, model_version::Entity, "", &[model_version::Column::ModelId]);
    pick(&mut select, prediction_count::Entity, "", &[prediction_count::Column::Answered]);
    let rows: Vec<CountRow> = all(db, &select).await?;
    let mut sums = HashMap::new();
    for row in rows {
        *sums.entry(row.model_id).or_insert(0) += unsigned(row.answered);
    }
    Ok(sums)
}
