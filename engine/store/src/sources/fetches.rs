//! Fetches. While one runs, the process that does it says every second that it lives.

use crate::{
    StoreError, Tx,
    entity::fetch::{ActiveModel, Column, Entity, Model},
    from_json, parse,
    query::{signed, unsigned},
    to_json,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use trainyard_types::{
    DatasetId, DatasetVersionId, FetchId, ProjectId, Timestamp, UploadId,
    source::{FetchState, FetchView, SourceSpec},
};

/// A process that was not heard of for so long has ended, milliseconds.
const SILENT: i64 = 60_000;

/// A fetch that begins.
#[derive(Clone, Debug)]
pub struct Begun<'a> {
    pub id: FetchId,
    pub project: ProjectId,
    pub source: &'a SourceSpec,
    /// In words, without secrets.
    pub described: &'a str,
    /// Fetched again.
    pub dataset: Option<DatasetId>,
    pub at: Timestamp,
    pub by: &'a str,
}

/// Inserts a fetch that runs.
///
/// # Errors
/// The database failed.
pub async fn begin(tx: &Tx, new: Begun<'_>) -> Result<(), StoreError> {
    ActiveModel {
        id: Set(new.id.to_string()),
        project_id: Set(new.project.to_string()),
        source: Set(to_json(new.source)?),
        described: Set(new.described.to_owned()),
        dataset_id: Set(new.dataset.map(|id| id.to_string())),
        version_id: Set(None),
        state: Set(FetchState::Running.to_string()),
        message: Set("Beginning".to_owned()),
        bytes: Set(0),
        total: Set(None),
        rows: Set(0),
        beat_at: Set(new.at.0),
        started_at: Set(new.at.0),
        started_by: Set(new.by.to_owned()),
        ended_at: Set(None),
    }
    .insert(&**tx)
    .await?;
    Ok(())
}

/// How far a fetch is.
#[derive(Clone, Debug, Default)]
pub struct Beat {
    pub message: String,
    pub bytes: u64,
    pub total: Option<u64>,
    pub rows: u64,
}

/// Says how far a fetch is; `false` where it no longer runs.
///
/// # Errors
/// The database failed.
pub async fn beat(db: &impl ConnectionTrait, id: FetchId, beat: &Beat, at: Timestamp) -> Result<bool, StoreError> {
    let done = Entity::update_many()
        .col_expr(Column::Message, Expr::value(beat.message.as_str()))
        .col_expr(Column::Bytes, Expr::value(signed(beat.bytes)))
        .col_expr(Column::Total, Expr::value(beat.total.map(signed)))
        .col_expr(Column::Rows, Expr::value(signed(beat.rows)))
        .col_expr(Column::BeatAt, Expr::value(at.0))
        .filter(Column::Id.eq(id.to_string()))
        .filter(Column::State.eq(FetchState::Running.as_str()))
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Moves a fetch from one state to another; `false` where it was in neither's way any more.
///
/// # Errors
/// The database failed.
pub async fn become_state(
    tx: &Tx,
    id: FetchId,
    (from, to): (FetchState, FetchState),
    message: &str,
    made: Option<(DatasetId, DatasetVersionId)>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let mut update = Entity::update_many()
        .col_expr(Column::State, Expr::value(to.as_str()))
        .col_expr(Column::Message, Expr::value(message))
        .col_expr(Column::EndedAt, Expr::value(at.0))
        .filter(Column::Id.eq(id.to_string()))
        .filter(Column::State.eq(from.as_str()));
    if let Some((dataset, version)) = made {
        update = update
            .col_expr(Column::DatasetId, Expr::value(dataset.to_string()))
            .col_expr(Column::VersionId, Expr::value(version.to_string()));
    }
    Ok(update.exec(&**tx).await?.rows_affected > 0)
}

/// One fetch of the project with its source.
///
/// # Errors
/// The database failed.
pub async fn get(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: FetchId,
    at: Timestamp,
) -> Result<Option<(SourceSpec, FetchView)>, StoreError> {
    let model = Entity::find_by_id(id.to_string()).filter(Column::ProjectId.eq(project.to_string())).one(db).await?;
    model.map(|model| Ok((from_json("fetches.source", &model.source)?, view(model, at)?))).transpose()
}

/// The project's newest fetches, newest first, 50 at most.
///
/// # Errors
/// The database failed.
pub async fn list(db: &impl ConnectionTrait, project: ProjectId, at: Timestamp) -> Result<Vec<FetchView>, StoreError> {
    let models = Entity::find()
        .filter(Column::ProjectId.eq(project.to_string()))
        .order_by_desc(Column::Id)
        .limit(50)
        .all(db)
        .await?;
    models.into_iter().map(|model| view(model, at)).collect()
}

/// How many run in the project.
///
/// # Errors
/// The database failed.
pub async fn running(db: &impl ConnectionTrait, project: ProjectId, at: Timestamp) -> Result<u64, StoreError> {
    let count = Entity::find()
        .filter(Column::ProjectId.eq(project.to_string()))
        .filter(Column::State.eq(FetchState::Running.as_str()))
        .filter(Column::BeatAt.gte(at.0 - SILENT))
        .count(db)
        .await?;
    Ok(count)
}

/// Fetches of any project whose process ended without a word, with their projects, 100 at most.
///
/// # Errors
/// The database failed.
pub async fn abandoned(db: &impl ConnectionTrait, at: Timestamp) -> Result<Vec<(ProjectId, FetchView)>, StoreError> {
    let models = Entity::find()
        .filter(Column::State.eq(FetchState::Running.as_str()))
        .filter(Column::BeatAt.lt(at.0 - SILENT))
        .limit(100)
        .all(db)
        .await?;
    models.into_iter().map(|model| Ok((parse("fetches.project_id", &model.project_id)?, view(model, at)?))).collect()
}

/// What is said of a fetch whose process ended.
pub const ABANDONED: &str = "The server that fetched it stopped. Nothing was kept; fetch again.";

fn view(model: Model, at: Timestamp) -> Result<FetchView, StoreError> {
    let mut state: FetchState = parse("fetches.state", &model.state)?;
    let id: FetchId = parse("fetches.id", &model.id)?;
    let mut message = model.message;
    if state == FetchState::Running && model.beat_at < at.0 - SILENT {
        state = FetchState::Failed;
        ABANDONED.clone_into(&mut message);
    }
    Ok(FetchView {
        id,
        source: model.described,
        state,
        message,
        bytes: unsigned(model.bytes),
        total: model.total.map(unsigned),
        rows: unsigned(model.rows),
        upload: (state == FetchState::Ready).then_some(UploadId(id.0)),
        dataset: model.dataset_id.map(|id| parse("fetches.dataset_id", &id)).transpose()?,
        version: model.version_id.map(|id| parse("fetches.version_id", &id)).transpose()?,
        started_at: Timestamp(model.started_at),
        ended_at: model.ended_at.map(Timestamp),
        started_by: model.started_by,
    })
}
