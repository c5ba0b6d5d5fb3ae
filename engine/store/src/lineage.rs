//! How versions, runs of pipelines, training runs and models hang together: what a drawing of them asks for.

use crate::{
    StoreError, Tx,
    entity::{
        dataset, dataset_version, job, model, model_alias, model_version, pipeline, pipeline_link, pipeline_run, run,
    },
    models::CHAMPION,
    query::{all, order, unsigned},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult,
    sea_query::{Expr, Func, JoinType, OnConflict, Query, SelectStatement},
};
use trainyard_types::{ModelId, PipelineRunId, pipeline::StepId};

/// What a step of a pipeline's run has to do with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It read this data set version.
    Read,
    /// It made this data set version.
    Wrote,
    /// It trained what this run tells of.
    Trained,
}

impl Relation {
    fn as_str(self) -> &'static str {
        match self {
            Relation::Read => "read",
            Relation::Wrote => "wrote",
            Relation::Trained => "trained",
        }
    }
}

/// A step of a run, with what it has to do with.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Link {
    pub pipeline_run: String,
    pub object: String,
}

/// Notes a link; once for each step and object.
///
/// # Errors
/// The database failed.
pub async fn link(
    tx: &Tx,
    run: PipelineRunId,
    step: &StepId,
    relation: Relation,
    object: String,
) -> Result<(), StoreError> {
    use pipeline_link::Column;
    let row = pipeline_link::ActiveModel {
        pipeline_run_id: Set(run.to_string()),
        step: Set(step.to_string()),
        relation: Set(relation.as_str().to_owned()),
        object_id: Set(object),
    };
    let known = OnConflict::columns([Column::PipelineRunId, Column::Step, Column::Relation, Column::ObjectId])
        .do_nothing()
        .to_owned();
    pipeline_link::Entity::insert(row).on_conflict(known).exec_without_returning(&**tx).await?;
    Ok(())
}

fn links(relation: Relation) -> SelectStatement {
    Query::select()
        .distinct()
        .expr_as(Expr::col(pipeline_link::Column::PipelineRunId), "pipeline_run")
        .expr_as(Expr::col(pipeline_link::Column::ObjectId), "object")
        .from(pipeline_link::Entity)
        .and_where(pipeline_link::Column::Relation.eq(relation.as_str()))
        .take()
}

/// What these runs of pipelines have such a relation to.
///
/// # Errors
/// The database failed.
pub async fn links_of(db: &impl ConnectionTrait, runs: &[String], relation: Relation) -> Result<Vec<Link>, StoreError> {
    let mut select = links(relation);
    select.and_where(pipeline_link::Column::PipelineRunId.is_in(runs.iter().map(String::as_str)));
    all(db, &select).await
}

/// Which runs of pipelines have such a relation to these, newest first, `limit` links at most.
///
/// # Errors
/// The database failed.
pub async fn links_to(
    db: &impl ConnectionTrait,
    objects: &[String],
    relation: Relation,
    limit: u64,
) -> Result<Vec<Link>, StoreError> {
    let mut select = links(relation);
    select.and_where(pipeline_link::Column::ObjectId.is_in(objects.iter().map(String::as_str))).limit(limit);
    order(&mut select, pipeline_link::Column::PipelineRunId, true);
    all(db, &select).await
}

/// How many runs of pipelines have such a relation to any of these.
///
/// # Errors
/// The database failed.
pub async fn count_to(db: &impl ConnectionTrait, objects: &[String], relation: Relation) -> Result<u64, StoreError> {
    let select = Query::select()
        .expr_as(Func::count_distinct(Expr::col(pipeline_link::Column::PipelineRunId)), "n")
        .from(pipeline_link::Entity)
        .and_where(pipeline_link::Column::Relation.eq(relation.as_str()))
        .and_where(pipeline_link::Column::ObjectId.is_in(objects.iter().map(String::as_str)))
        .take();
    let row = db.query_one(&select).await?;
    Ok(unsigned(row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0)))
}

/// A run of a pipeline.
#[derive(Clone, Debug, FromQueryResult)]
pub struct PipelineRunOf {
    pub id: String,
    pub pipeline: String,
    pub name: String,
    pub number: i32,
    /// Of the pipeline's document.
    pub version: i32,
    pub state: String,
}

/// These runs of pipelines, oldest first.
///
/// # Errors
/// The database failed.
pub async fn pipeline_runs(db: &impl ConnectionTrait, ids: &[String]) -> Result<Vec<PipelineRunOf>, StoreError> {
    let of_run = |column: pipeline_run::Column| Expr::col((pipeline_run::Entity, column));
    let mut select = Query::select();
    select
        .expr_as(of_run(pipeline_run::Column::Id), "id")
        .expr_as(of_run(pipeline_run::Column::PipelineId), "pipeline")
        .expr_as(Expr::col((pipeline::Entity, pipeline::Column::Name)), "name")
        .expr_as(of_run(pipeline_run::Column::Number), "number")
        .expr_as(of_run(pipeline_run::Column::Version), "version")
        .expr_as(of_run(pipeline_run::Column::State), "state")
        .from(pipeline_run::Entity)
        .join(
            JoinType::InnerJoin,
            pipeline::Entity,
            Expr::col((pipeline::Entity, pipeline::Column::Id))
                .equals((pipeline_run::Entity, pipeline_run::Column::PipelineId)),
        )
        .and_where(pipeline_run::Column::Id.is_in(ids.iter().map(String::as_str)));
    order(&mut select, pipeline_run::Column::Id, false);
    all(db, &select).await
}

/// A version of any data set.
#[derive(Clone, Debug, FromQueryResult)]
pub struct VersionOf {
    pub id: String,
    pub dataset: String,
    pub name: String,
    pub number: i32,
    pub rows: i64,
    pub source: String,
    /// Number of the version before.
    pub parent: Option<i32>,
    pub deleted_at: Option<i64>,
}

/// These versions, oldest first.
///
/// # Errors
/// The database failed.
pub async fn versions(db: &impl ConnectionTrait, ids: &[String]) -> Result<Vec<VersionOf>, StoreError> {
    let of_version = |column: dataset_version::Column| Expr::col((dataset_version::Entity, column));
    let mut select = Query::select();
    select
        .expr_as(of_version(dataset_version::Column::Id), "id")
        .expr_as(of_version(dataset_version::Column::DatasetId), "dataset")
        .expr_as(Expr::col((dataset::Entity, dataset::Column::Name)), "name")
        .expr_as(of_version(dataset_version::Column::Number), "number")
        .expr_as(of_version(dataset_version::Column::Rows), "rows")
        .expr_as(of_version(dataset_version::Column::SourceName), "source")
        .expr_as(of_version(dataset_version::Column::Parent), "parent")
        .expr_as(of_version(dataset_version::Column::DeletedAt), "deleted_at")
        .from(dataset_version::Entity)
        .join(
            JoinType::InnerJoin,
            dataset::Entity,
            Expr::col((dataset::Entity, dataset::Column::Id))
                .equals((dataset_version::Entity, dataset_version::Column::DatasetId)),
        )
        .and_where(dataset_version::Column::Id.is_in(ids.iter().map(String::as_str)));
    order(&mut select, dataset_version::Column::Id, false);
    all(db, &select).await
}

/// A training run on a version.
#[derive(Clone, Debug, FromQueryResult)]
pub struct RunOf {
    pub id: String,
    pub version: String,
    pub name: String,
    pub state: String,
    /// JSON of the primary `TestMetric`, once there is one.
    pub score: Option<String>,
}

fn runs() -> SelectStatement {
    Query::select()
        .expr_as(Expr::col((run::Entity, run::Column::Id)), "id")
        .expr_as(Expr::col((run::Entity, run::Column::DatasetVersionId)), "version")
        .expr_as(Expr::col((run::Entity, run::Column::Name)), "name")
        .expr_as(Expr::col((run::Entity, run::Column::ScoreJson)), "score")
        .expr_as(Expr::col((job::Entity, job::Column::State)), "state")
        .from(run::Entity)
        .join(
            JoinType::InnerJoin,
            job::Entity,
            Expr::col((job::Entity, job::Column::RunId)).equals((run::Entity, run::Column::Id)),
        )
        .take()
}

/// The newest training runs on these versions, newest first, `limit` at most.
///
/// # Errors
/// The database failed.
pub async fn runs_on(db: &impl ConnectionTrait, versions: &[String], limit: u64) -> Result<Vec<RunOf>, StoreError> {
    let mut select = runs();
    select.and_where(run::Column::DatasetVersionId.is_in(versions.iter().map(String::as_str))).limit(limit);
    order(&mut select, run::Column::Id, true);
    all(db, &select).await
}

/// These training runs, newest first.
///
/// # Errors
/// The database failed.
pub async fn runs_of(db: &impl ConnectionTrait, ids: &[String]) -> Result<Vec<RunOf>, StoreError> {
    let mut select = runs();
    select.and_where(run::Column::Id.is_in(ids.iter().map(String::as_str)));
    order(&mut select, run::Column::Id, true);
    all(db, &select).await
}

/// A model version that a training run became.
#[derive(Clone, Debug, FromQueryResult)]
pub struct ModelOf {
    pub run: String,
    pub name: String,
    pub number: i32,
    /// The version that the model's address answers with.
    pub champion: Option<i32>,
}

fn model_versions() -> SelectStatement {
    Query::select()
        .expr_as(Expr::col((model_version::Entity, model_version::Column::RunId)), "run")
        .expr_as(Expr::col((model::Entity, model::Column::Name)), "name")
        .expr_as(Expr::col((model_version::Entity, model_version::Column::Number)), "number")
        .expr_as(Expr::col((model_alias::Entity, model_alias::Column::Number)), "champion")
        .from(model_version::Entity)
        .join(
            JoinType::InnerJoin,
            model::Entity,
            Expr::col((model_version::Entity, model_version::Column::ModelId))
                .equals((model::Entity, model::Column::Id)),
        )
        .join(
            JoinType::LeftJoin,
            model_alias::Entity,
            Expr::col((model_alias::Entity, model_alias::Column::ModelId))
                .equals((model::Entity, model::Column::Id))
                .and(model_alias::Column::Alias.eq(CHAMPION)),
        )
        .take()
}

/// The model versions that these training runs became, oldest first.
///
/// # Errors
/// The database failed.
pub async fn models(db: &impl ConnectionTrait, runs: &[String]) -> Result<Vec<ModelOf>, StoreError> {
    let mut select = model_versions();
    select.and_where(model_version::Column::RunId.is_in(runs.iter().map(String::as_str)));
    order(&mut select, model_version::Column::Id, false);
    all(db, &select).await
}

/// The newest versions of a model, newest first, `limit` at most.
///
/// # Errors
/// The database failed.
pub async fn versions_of_model(db: &impl ConnectionTrait, id: ModelId, limit: u64) -> Result<Vec<ModelOf>, StoreError> {
    let mut select = model_versions();
    select.and_where(Expr::col((model::Entity, model::Column::Id)).eq(id.to_string())).limit(limit);
    order(&mut select, model_version::Column::Number, true);
    all(db, &select).await
}
