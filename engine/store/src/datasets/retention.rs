//! Deleting a version's rows, and the proof that they were there.

use super::same_dataset;
use crate::{
    StoreError, Tx,
    entity::{dataset, dataset_version, job, run},
    parse,
    query::{all, count},
    to_json,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter,
    sea_query::{Expr, JoinType, Query},
};
use trainyard_types::{
    DatasetVersionId, ProjectId, Timestamp,
    catalog::Deletion,
    dataset::{BadRowReport, Profile},
    job::JobState,
};

/// Milliseconds of a day.
const DAY: i64 = 24 * 3600 * 1000;

/// A version that has outlived its data set's retention.
#[derive(Clone, Debug)]
pub struct Due {
    pub project: ProjectId,
    pub version: DatasetVersionId,
    pub days: i32,
}

#[derive(FromQueryResult)]
struct DueRow {
    project_id: String,
    version: String,
    days: i32,
}

/// Versions older than their data set's retention, oldest first, `limit` at most.
///
/// # Errors
/// The database failed.
pub async fn due(db: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<Vec<Due>, StoreError> {
    let created = Expr::col((dataset_version::Entity, dataset_version::Column::CreatedAt));
    let days = Expr::col((dataset::Entity, dataset::Column::RetentionDays));
    // In 64 bits: a product of 32-bit integers would overflow.
    let kept = Expr::value(DAY).mul(days.clone());
    let mut select = Query::select();
    select
        .expr_as(Expr::col((dataset::Entity, dataset::Column::ProjectId)), "project_id")
        .expr_as(Expr::col((dataset_version::Entity, dataset_version::Column::Id)), "version")
        .expr_as(days.clone(), "days")
        .from(dataset_version::Entity)
        .join(JoinType::InnerJoin, dataset::Entity, same_dataset())
        .and_where(days.is_not_null())
        .and_where(dataset_version::Column::DeletedAt.is_null())
        .and_where(created.add(kept).lt(now.0))
        .order_by((dataset_version::Entity, dataset_version::Column::CreatedAt), sea_orm::Order::Asc)
        .limit(limit);
    let rows: Vec<DueRow> = all(db, &select).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Due {
                project: parse("datasets.project_id", &row.project_id)?,
                version: parse("dataset_versions.id", &row.version)?,
                days: row.days,
            })
        })
        .collect()
}

/// Notes that a version's rows are deleted, and puts what may still be told of them in place of the profile. Answers
/// whether they were still there.
///
/// # Errors
/// The database failed.
pub async fn mark_deleted(
    tx: &Tx,
    version: DatasetVersionId,
    deletion: &Deletion,
    profile: &Profile,
    bad_rows: &BadRowReport,
) -> Result<bool, StoreError> {
    let outcome = dataset_version::Entity::update_many()
        .col_expr(dataset_version::Column::DeletedAt, Expr::value(deletion.at.0))
        .col_expr(dataset_version::Column::DeletedBy, Expr::value(deletion.by.as_str()))
        .col_expr(dataset_version::Column::DeletedWhy, Expr::value(deletion.reason.as_str()))
        .col_expr(dataset_version::Column::Profile, Expr::value(to_json(profile)?))
        .col_expr(dataset_version::Column::BadRows, Expr::value(to_json(bad_rows)?))
        .filter(dataset_version::Column::Id.eq(version.to_string()))
        .filter(dataset_version::Column::DeletedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(outcome.rows_affected > 0)
}

/// How many jobs that have not ended need the version.
///
/// # Errors
/// The database failed.
pub async fn unfinished_jobs(db: &impl ConnectionTrait, version: DatasetVersionId) -> Result<u64, StoreError> {
    let open = JobState::ALL.into_iter().filter(|state| !state.is_final()).map(JobState::as_str);
    let mut select = Query::select();
    select
        .from(job::Entity)
        .join(
            JoinType::InnerJoin,
            run::Entity,
            Expr::col((run::Entity, run::Column::Id)).equals((job::Entity, job::Column::RunId)),
        )
        .and_where(run::Column::DatasetVersionId.eq(version.to_string()))
        .and_where(job::Column::State.is_in(open));
    count(db, &select).await
}

/// How many versions, of any data set, still have this content.
///
/// # Errors
/// The database failed.
pub async fn holders(db: &impl ConnectionTrait, hash: &str) -> Result<u64, StoreError> {
    let mut select = Query::select();
    select
        .from(dataset_version::Entity)
        .and_where(dataset_version::Column::Hash.eq(hash))
        .and_where(dataset_version::Column::DeletedAt.is_null());
    count(db, &select).await
}

/// Content of versions whose rows were deleted since `since`: what should be gone from the artifact store.
///
/// # Errors
/// The database failed.
pub async fn deleted_content(db: &impl ConnectionTrait, since: Timestamp) -> Result<Vec<String>, StoreError> {
    #[derive(FromQueryResult)]
    struct Row {
        hash: String,
    }
    let mut select = Query::select();
    select
        .expr_as(Expr::col(dataset_version::Column::Hash), "hash")
        .distinct()
        .from(dataset_version::Entity)
        .and_where(dataset_version::Column::DeletedAt.gte(since.0));
    let rows: Vec<Row> = all(db, &select).await?;
    Ok(rows.into_iter().map(|row| row.hash).collect())
}
