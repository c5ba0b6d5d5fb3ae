//! Stored splits of versions.

use super::same_dataset;
use crate::{
    StoreError, Tx,
    entity::{dataset, dataset_version, run, split},
    from_json, parse,
    query::{all, one, pick, pick_all, unsigned},
    to_json,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter,
    sea_query::{Expr, Func, JoinType, Order, Query, SelectStatement},
};
use trainyard_types::{
    DatasetId, DatasetVersionId, ProjectId, SplitId, Timestamp,
    split::{SplitPlan, SplitSummary, SplitView},
};

/// A split as it comes from making it.
#[derive(Clone, Debug)]
pub struct KeptSplit<'a> {
    pub id: SplitId,
    pub version: DatasetVersionId,
    pub name: &'a str,
    pub plan: &'a SplitPlan,
    pub summary: &'a SplitSummary,
    pub created_at: Timestamp,
    pub created_by: &'a str,
}

/// Keeps a split.
///
/// # Errors
/// The version has a split of that name ([`StoreError::is_duplicate`]), or the database failed.
pub async fn add(tx: &Tx, new: KeptSplit<'_>) -> Result<(), StoreError> {
    split::ActiveModel {
        id: Set(new.id.to_string()),
        dataset_version_id: Set(new.version.to_string()),
        name: Set(new.name.to_owned()),
        plan: Set(to_json(new.plan)?),
        summary: Set(to_json(new.summary)?),
        hash: Set(new.summary.hash.clone()),
        created_at: Set(new.created_at.0),
        created_by: Set(new.created_by.to_owned()),
    }
    .insert(&**tx)
    .await?;
    Ok(())
}

/// Forgets a split that no run uses. `false` where there is none.
///
/// # Errors
/// The database failed; a run that uses it came about meanwhile.
pub async fn remove(tx: &Tx, id: SplitId) -> Result<bool, StoreError> {
    let outcome = split::Entity::delete_many().filter(split::Column::Id.eq(id.to_string())).exec(&**tx).await?;
    Ok(outcome.rows_affected > 0)
}

/// Splits of a data set of the project, newest first.
///
/// # Errors
/// The database failed.
pub async fn list(
    db: &impl ConnectionTrait,
    project: ProjectId,
    dataset: DatasetId,
) -> Result<Vec<SplitView>, StoreError> {
    let mut select = views(project);
    select.and_where(dataset_version::Column::DatasetId.eq(dataset.to_string()));
    // Ids sort by time.
    select.order_by((split::Entity, split::Column::Id), Order::Desc);
    all::<Row>(db, &select).await?.into_iter().map(Row::view).collect()
}

/// One split in the project.
///
/// # Errors
/// The database failed.
pub async fn view(db: &impl ConnectionTrait, project: ProjectId, id: SplitId) -> Result<Option<SplitView>, StoreError> {
    let mut select = views(project);
    select.and_where(Expr::col((split::Entity, split::Column::Id)).eq(id.to_string()));
    one::<Row>(db, &select).await?.map(Row::view).transpose()
}

fn views(project: ProjectId) -> SelectStatement {
    let mut runs = Query::select();
    runs.expr(Func::count(Expr::cust("*")))
        .from(run::Entity)
        .and_where(Expr::col((run::Entity, run::Column::SplitId)).equals((split::Entity, split::Column::Id)));
    let version = Expr::col((dataset_version::Entity, dataset_version::Column::Id))
        .equals((split::Entity, split::Column::DatasetVersionId));
    let mut select = Query::select();
    select
        .from(split::Entity)
        .join(JoinType::InnerJoin, dataset_version::Entity, version)
        .join(JoinType::InnerJoin, dataset::Entity, same_dataset())
        .and_where(dataset::Column::ProjectId.eq(project.to_string()));
    pick_all(&mut select, split::Entity, "");
    let of_version = [dataset_version::Column::Number, dataset_version::Column::DatasetId];
    pick(&mut select, dataset_version::Entity, "", &of_version);
    select.expr_as(Expr::from(runs), "runs");
    select
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    dataset_version_id: String,
    dataset_id: String,
    number: i32,
    name: String,
    plan: String,
    summary: String,
    created_at: i64,
    created_by: String,
    runs: i64,
}

impl Row {
    fn view(self) -> Result<SplitView, StoreError> {
        Ok(SplitView {
            id: parse("splits.id", &self.id)?,
            name: self.name,
            dataset: parse("dataset_versions.dataset_id", &self.dataset_id)?,
            version: parse("splits.dataset_version_id", &self.dataset_version_id)?,
            number: self.number,
            plan: from_json("splits.plan", &self.plan)?,
            summary: from_json("splits.summary", &self.summary)?,
            created_at: Timestamp(self.created_at),
            created_by: self.created_by,
            runs: unsigned(self.runs),
        })
    }
}
