//! Saved views of the runs table.

use crate::{
    StoreError, Tx,
    entity::{accounts::user, saved_view},
    from_json, parse,
    query::{all, pick_all},
    to_json,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    sea_query::{Expr, JoinType, Order, Query},
};
use trainyard_types::{
    ProjectId, SavedViewId, Timestamp, UserId,
    experiments::{NewSavedView, SavedView},
};

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    view: saved_view::Model,
    created_by: String,
}

/// The views of a project that a person sees: the own ones and those that are shared, by name.
///
/// # Errors
/// The database failed.
pub async fn list(db: &impl ConnectionTrait, project: ProjectId, person: UserId) -> Result<Vec<SavedView>, StoreError> {
    let mut select = Query::select();
    select
        .from(saved_view::Entity)
        .join(
            JoinType::InnerJoin,
            user::Entity,
            Expr::col((user::Entity, user::Column::Id)).equals((saved_view::Entity, saved_view::Column::UserId)),
        )
        .and_where(saved_view::Column::ProjectId.eq(project.to_string()))
        .cond_where(
            Condition::any()
                .add(saved_view::Column::UserId.eq(person.to_string()))
                .add(saved_view::Column::Shared.eq(true)),
        )
        .order_by((saved_view::Entity, saved_view::Column::Name), Order::Asc)
        .order_by((saved_view::Entity, saved_view::Column::Id), Order::Asc)
        .limit(500);
    pick_all(&mut select, saved_view::Entity, "");
    select.expr_as(Expr::col((user::Entity, user::Column::Name)), "created_by");
    let rows: Vec<Row> = all(db, &select).await?;
    rows.into_iter().map(|row| row.view(person)).collect()
}

impl Row {
    fn view(self, person: UserId) -> Result<SavedView, StoreError> {
        Ok(SavedView {
            id: parse("saved_views.id", &self.view.id)?,
            shared: self.view.shared,
            mine: self.view.user_id == person.to_string(),
            created_by: self.created_by,
            updated_at: Timestamp(self.view.updated_at),
            settings: from_json("saved_views.settings", &self.view.settings)?,
            name: self.view.name,
        })
    }
}

/// How many views the person has made in the project.
///
/// # Errors
/// The database failed.
pub async fn count(db: &impl ConnectionTrait, project: ProjectId, person: UserId) -> Result<u64, StoreError> {
    Ok(saved_view::Entity::find()
        .filter(saved_view::Column::ProjectId.eq(project.to_string()))
        .filter(saved_view::Column::UserId.eq(person.to_string()))
        .count(db)
        .await?)
}

/// Keeps a new view.
///
/// # Errors
/// [`StoreError::Duplicate`] where the person has one of that name.
pub async fn insert(
    tx: &Tx,
    id: SavedViewId,
    project: ProjectId,
    person: UserId,
    new: &NewSavedView,
    now: Timestamp,
) -> Result<(), StoreError> {
    saved_view::ActiveModel {
        id: Set(id.to_string()),
        project_id: Set(project.to_string()),
        user_id: Set(person.to_string()),
        name: Set(new.name.to_string()),
        shared: Set(new.shared),
        settings: Set(to_json(&new.settings)?),
        updated_at: Set(now.0),
    }
    .insert(&**tx)
    .await?;
    Ok(())
}

/// Puts other words in a view's place. `false` where there is none.
///
/// # Errors
/// [`StoreError::Duplicate`] where its person has another one of that name.
pub async fn update(tx: &Tx, id: SavedViewId, new: &NewSavedView, now: Timestamp) -> Result<bool, StoreError> {
    let done = saved_view::Entity::update_many()
        .col_expr(saved_view::Column::Name, Expr::value(new.name.to_string()))
        .col_expr(saved_view::Column::Shared, Expr::value(new.shared))
        .col_expr(saved_view::Column::Settings, Expr::value(to_json(&new.settings)?))
        .col_expr(saved_view::Column::UpdatedAt, Expr::value(now.0))
        .filter(saved_view::Column::Id.eq(id.to_string()))
        .exec(&**tx)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Takes a view away. `false` where there is none.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &Tx, id: SavedViewId) -> Result<bool, StoreError> {
    let done = saved_view::Entity::delete_many().filter(saved_view::Column::Id.eq(id.to_string())).exec(&**tx).await?;
    Ok(done.rows_affected > 0)
}
