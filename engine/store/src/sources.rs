//! Sources outside: connections, fetches, and which data set comes from where.

pub mod connections;
pub mod fetches;

use crate::{
    StoreError, Tx,
    entity::dataset_source::{ActiveModel, Column, Entity},
    from_json, to_json,
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};
use trainyard_types::{
    DatasetId, Timestamp,
    source::{DatasetSource, SourceSpec},
};

/// Remembers where a data set was fetched from, for the next time.
///
/// # Errors
/// The database failed.
pub async fn remember(
    tx: &Tx,
    dataset: DatasetId,
    source: &SourceSpec,
    described: &str,
    at: Timestamp,
    by: &str,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        dataset_id: Set(dataset.to_string()),
        connection_id: Set(source.connection().map(|id| id.to_string())),
        source: Set(to_json(source)?),
        described: Set(described.to_owned()),
        fetched_at: Set(at.0),
        fetched_by: Set(by.to_owned()),
    };
    let all = [Column::ConnectionId, Column::Source, Column::Described, Column::FetchedAt, Column::FetchedBy];
    let replace = OnConflict::column(Column::DatasetId).update_columns(all).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Where a data set was last fetched from.
///
/// # Errors
/// The database failed.
pub async fn of_dataset(
    db: &impl ConnectionTrait,
    dataset: DatasetId,
) -> Result<Option<(SourceSpec, DatasetSource)>, StoreError> {
    let Some(model) = Entity::find_by_id(dataset.to_string()).one(db).await? else { return Ok(None) };
    let view = DatasetSource {
        source: model.described,
        fetched_at: Timestamp(model.fetched_at),
        fetched_by: model.fetched_by,
    };
    Ok(Some((from_json("dataset_sources.source", &model.source)?, view)))
}
