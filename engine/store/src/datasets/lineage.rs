//! What was made of a data set's versions.

use crate::{
    StoreError,
    entity::{job, model, model_version, run},
    query::{all, order},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, ExprTrait, FromQueryResult,
    sea_query::{Expr, JoinType, Query},
};
use trainyard_types::DatasetVersionId;

/// A run on a version.
#[derive(Clone, Debug, FromQueryResult)]
pub struct RunOf {
    pub id: String,
    pub version: String,
    pub name: String,
    pub state: String,
    /// JSON of the primary `TestMetric`, once there is one.
    pub score: Option<String>,
}

/// A model version that a run became.
#[derive(Clone, Debug, FromQueryResult)]
pub struct ModelOf {
    pub run: String,
    pub name: String,
    pub number: i32,
}

/// The newest runs on these versions, newest first, `limit` at most.
///
/// # Errors
/// The database failed.
pub async fn runs(
    db: &impl ConnectionTrait,
    versions: &[DatasetVersionId],
    limit: u64,
) -> Result<Vec<RunOf>, StoreError> {
    let mut select = Query::select();
    select
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
        .and_where(run::Column::DatasetVersionId.is_in(versions.iter().map(ToString::to_string)))
        .limit(limit);
    order(&mut select, run::Column::Id, true);
    all(db, &select).await
}

/// The model versions that these runs became.
///
/// # Errors
/// The database failed.
pub async fn models(db: &impl ConnectionTrait, runs: &[String]) -> Result<Vec<ModelOf>, StoreError> {
    let mut select = Query::select();
    select
        .expr_as(Expr::col((model_version::Entity, model_version::Column::RunId)), "run")
        .expr_as(Expr::col((model::Entity, model::Column::Name)), "name")
        .expr_as(Expr::col((model_version::Entity, model_version::Column::Number)), "number")
        .from(model_version::Entity)
        .join(
            JoinType::InnerJoin,
            model::Entity,
            Expr::col((model_version::Entity, model_version::Column::ModelId))
                .equals((model::Entity, model::Column::Id)),
        )
        .and_where(model_version::Column::RunId.is_in(runs.iter().map(String::as_str)));
    order(&mut select, model_version::Column::Id, false);
    all(db, &select).await
}
