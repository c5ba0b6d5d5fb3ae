//! Pipelines: documents with their versions. Their runs are in [`runs`].

pub mod logs;
pub mod runs;

use crate::{
    StoreError, Tx,
    entity::{pipeline, pipeline_version},
    from_json, parse, to_json,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use trainyard_types::{
    PipelineId, ProjectId, Timestamp,
    pipeline::{Pipeline, PipelineSummary, PipelineVersionView, PipelineView},
};

/// A pipeline as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    pub id: PipelineId,
    pub project: ProjectId,
    pub latest: i32,
    pub document: Pipeline,
    pub yaml: String,
    pub paused: bool,
    pub next_tick: Option<Timestamp>,
    pub has_webhook: bool,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

/// A document to be kept as the newest version.
#[derive(Clone, Debug)]
pub struct Saved<'a> {
    pub document: &'a Pipeline,
    pub yaml: &'a str,
    pub reason: &'a str,
    pub next_tick: Option<Timestamp>,
    pub at: Timestamp,
    pub by: &'a str,
}

fn kept(model: pipeline::Model) -> Result<Kept, StoreError> {
    Ok(Kept {
        id: parse("pipelines.id", &model.id)?,
        project: parse("pipelines.project_id", &model.project_id)?,
        latest: model.latest,
        document: from_json("pipelines.document", &model.document)?,
        yaml: model.yaml,
        paused: model.paused,
        next_tick: model.next_tick.map(Timestamp),
        has_webhook: model.webhook.is_some(),
        updated_at: Timestamp(model.updated_at),
        updated_by: model.updated_by,
    })
}

/// Makes a pipeline; its first version follows by [`save`].
///
/// # Errors
/// The project has one of that name ([`StoreError::is_duplicate`]), or the database failed.
pub async fn create(tx: &Tx, id: PipelineId, project: ProjectId, new: &Saved<'_>) -> Result<(), StoreError> {
    pipeline::ActiveModel {
        id: Set(id.to_string()),
        project_id: Set(project.to_string()),
        name: Set(new.document.name.to_string()),
        latest: Set(0),
        document: Set(to_json(new.document)?),
        yaml: Set(new.yaml.to_owned()),
        paused: Set(false),
        next_tick: Set(None),
        triggered: Set(false),
        webhook: Set(None),
        runs: Set(0),
        updated_at: Set(new.at.0),
        updated_by: Set(new.by.to_owned()),
    }
    .insert(&**tx)
    .await?;
    Ok(())
}

/// Keeps a document as the newest version and gives its number.
///
/// # Errors
/// The database failed.
pub async fn save(tx: &Tx, id: PipelineId, new: &Saved<'_>) -> Result<i32, StoreError> {
    let document = to_json(new.document)?;
    // The UPDATE locks the pipeline: versions are numbered one after the other.
    let model = pipeline::Entity::update_many()
        .col_expr(pipeline::Column::Latest, Expr::col(pipeline::Column::Latest).add(1))
        .col_expr(pipeline::Column::Document, Expr::value(document.clone()))
        .col_expr(pipeline::Column::Yaml, Expr::value(new.yaml))
        .col_expr(pipeline::Column::NextTick, Expr::value(new.next_tick.map(|tick| tick.0)))
        .col_expr(pipeline::Column::Triggered, Expr::value(!new.document.triggers.is_empty()))
        .col_expr(pipeline::Column::UpdatedAt, Expr::value(new.at.0))
        .col_expr(pipeline::Column::UpdatedBy, Expr::value(new.by))
        .filter(pipeline::Column::Id.eq(id.to_string()))
        .exec_with_returning(&**tx)
        .await?
        .pop()
        .ok_or_else(|| StoreError::Corrupt(format!("pipeline {id} is gone")))?;
    pipeline_version::ActiveModel {
        pipeline_id: Set(id.to_string()),
        number: Set(model.latest),
        document: Set(document),
        yaml: Set(new.yaml.to_owned()),
        reason: Set(new.reason.to_owned()),
        created_at: Set(new.at.0),
        created_by: Set(new.by.to_owned()),
    }
    .insert(&**tx)
    .await?;
    Ok(model.latest)
}

/// The project's pipeline of that name.
///
/// # Errors
/// The database failed.
pub async fn by_name(db: &impl ConnectionTrait, project: ProjectId, name: &str) -> Result<Option<Kept>, StoreError> {
    let model = pipeline::Entity::find()
        .filter(pipeline::Column::ProjectId.eq(project.to_string()))
        .filter(pipeline::Column::Name.eq(name))
        .one(db)
        .await?;
    model.map(kept).transpose()
}

/// The project's pipeline of that id.
///
/// # Errors
/// The database failed.
pub async fn by_id(db: &impl ConnectionTrait, project: ProjectId, id: PipelineId) -> Result<Option<Kept>, StoreError> {
    let model = pipeline::Entity::find_by_id(id.to_string())
        .filter(pipeline::Column::ProjectId.eq(project.to_string()))
        .one(db)
        .await?;
    model.map(kept).transpose()
}

/// The pipeline that the secret address with this hash starts.
///
/// # Errors
/// The database failed.
pub async fn by_webhook(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Kept>, StoreError> {
    let model = pipeline::Entity::find().filter(pipeline::Column::Webhook.eq(hash)).one(db).await?;
    model.map(kept).transpose()
}

/// Pipelines of a project that something besides people and the schedule starts, and that are not paused.
///
/// # Errors
/// The database failed.
pub async fn triggered(db: &impl ConnectionTrait, project: ProjectId) -> Result<Vec<Kept>, StoreError> {
    let models = pipeline::Entity::find()
        .filter(pipeline::Column::ProjectId.eq(project.to_string()))
        .filter(pipeline::Column::Triggered.eq(true))
        .filter(pipeline::Column::Paused.eq(false))
        .order_by_asc(pipeline::Column::Name)
        .all(db)
        .await?;
    models.into_iter().map(kept).collect()
}

/// Pipelines whose schedule ticked up to `now`, and that are not paused.
///
/// # Errors
/// The database failed.
pub async fn due(db: &impl ConnectionTrait, now: Timestamp) -> Result<Vec<Kept>, StoreError> {
    let models = pipeline::Entity::find()
        .filter(pipeline::Column::NextTick.lte(now.0))
        .filter(pipeline::Column::Paused.eq(false))
        .order_by_asc(pipeline::Column::NextTick)
        .limit(100)
        .all(db)
        .await?;
    models.into_iter().map(kept).collect()
}

/// Moves the next tick on. `false` where another scheduler, or a person, has moved it since.
///
/// # Errors
/// The database failed.
pub async fn advance(tx: &Tx, id: PipelineId, from: Timestamp, to: Option<Timestamp>) -> Result<bool, StoreError> {
    let outcome = pipeline::Entity::update_many()
        .col_expr(pipeline::Column::NextTick, Expr::value(to.map(|tick| tick.0)))
        .filter(pipeline::Column::Id.eq(id.to_string()))
        .filter(pipeline::Column::NextTick.eq(from.0))
        .filter(pipeline::Column::Paused.eq(false))
        .exec(&**tx)
        .await?;
    Ok(outcome.rows_affected > 0)
}

/// Pauses schedule and triggers, or lets them go on from `next_tick`.
///
/// # Errors
/// The database failed.
pub async fn pause(tx: &Tx, id: PipelineId, paused: bool, next_tick: Option<Timestamp>) -> Result<(), StoreError> {
    pipeline::Entity::update_many()
        .col_expr(pipeline::Column::Paused, Expr::value(paused))
        .col_expr(pipeline::Column::NextTick, Expr::value(next_tick.map(|tick| tick.0)))
        .filter(pipeline::Column::Id.eq(id.to_string()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Puts the hash of a new secret in place of the old one; none takes the address away.
///
/// # Errors
/// The database failed.
pub async fn set_webhook(tx: &Tx, id: PipelineId, hash: Option<&str>) -> Result<(), StoreError> {
    pipeline::Entity::update_many()
        .col_expr(pipeline::Column::Webhook, Expr::value(hash.map(str::to_owned)))
        .filter(pipeline::Column::Id.eq(id.to_string()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// All pipelines of a project with their last runs, by name.
///
/// # Errors
/// The database failed.
pub async fn list(db: &impl ConnectionTrait, project: ProjectId) -> Result<Vec<PipelineSummary>, StoreError> {
    let models = pipeline::Entity::find()
        .filter(pipeline::Column::ProjectId.eq(project.to_string()))
        .order_by_asc(pipeline::Column::Name)
        .all(db)
        .await?;
    let mut list = Vec::with_capacity(models.len());
    for model in models {
        list.push(summary(db, &kept(model)?).await?);
    }
    Ok(list)
}

async fn summary(db: &impl ConnectionTrait, kept: &Kept) -> Result<PipelineSummary, StoreError> {
    let document = &kept.document;
    Ok(PipelineSummary {
        id: kept.id,
        name: document.name.to_string(),
        description: document.description.clone(),
        version: kept.latest,
        steps: u32::try_from(document.steps.len()).unwrap_or(u32::MAX),
        schedule: document.schedule.as_ref().map(|schedule| format!("{}, {}", schedule.cron, schedule.timezone)),
        next_tick: kept.next_tick.filter(|_| !kept.paused),
        paused: kept.paused,
        last_run: runs::list(db, kept.id, 1).await?.pop(),
        updated_at: kept.updated_at,
        updated_by: kept.updated_by.clone(),
    })
}

/// A pipeline, whole.
///
/// # Errors
/// The database failed.
pub async fn view(db: &impl ConnectionTrait, kept: Kept) -> Result<PipelineView, StoreError> {
    let summary = summary(db, &kept).await?;
    let versions = pipeline_version::Entity::find()
        .filter(pipeline_version::Column::PipelineId.eq(kept.id.to_string()))
        .order_by_desc(pipeline_version::Column::Number)
        .limit(100)
        .all(db)
        .await?
        .into_iter()
        .map(|model| PipelineVersionView {
            number: model.number,
            reason: model.reason,
            created_at: Timestamp(model.created_at),
            created_by: model.created_by,
        })
        .collect();
    Ok(PipelineView { summary, document: kept.document, yaml: kept.yaml, versions, has_webhook: kept.has_webhook })
}

/// One version's document, and its YAML as it was saved.
///
/// # Errors
/// The database failed.
pub async fn version(
    db: &impl ConnectionTrait,
    id: PipelineId,
    number: i32,
) -> Result<Option<(Pipeline, String)>, StoreError> {
    let model = pipeline_version::Entity::find_by_id((id.to_string(), number)).one(db).await?;
    model.map(|model| Ok((from_json("pipeline_versions.document", &model.document)?, model.yaml))).transpose()
}
