//! Connections. Secrets come and go sealed.

use crate::{
    StoreError, Tx,
    entity::{connection, dataset_source},
    from_json, parse, to_json,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, sea_query::Expr,
};
use trainyard_types::{
    ConnectionId, ProjectId, Timestamp,
    source::{ConnectionSettings, ConnectionView},
};

/// A connection and its sealed secret.
#[derive(Clone, Debug)]
pub struct Stored {
    pub view: ConnectionView,
    pub secret: Option<String>,
}

/// Inserts a connection.
///
/// # Errors
/// [`StoreError::Duplicate`] where the project has one of that name.
pub async fn create(
    tx: &Tx,
    project: ProjectId,
    id: ConnectionId,
    (name, settings, secret): (&str, &ConnectionSettings, Option<String>),
    at: Timestamp,
    by: &str,
) -> Result<(), StoreError> {
    connection::ActiveModel {
        id: Set(id.to_string()),
        project_id: Set(project.to_string()),
        name: Set(name.to_owned()),
        settings: Set(to_json(settings)?),
        secret: Set(secret),
        created_at: Set(at.0),
        created_by: Set(by.to_owned()),
    }
    .insert(&**tx)
    .await?;
    Ok(())
}

/// Overwrites name, settings and secret.
///
/// # Errors
/// [`StoreError::Duplicate`] where the project has another of that name.
pub async fn update(
    tx: &Tx,
    id: ConnectionId,
    (name, settings, secret): (&str, &ConnectionSettings, Option<String>),
) -> Result<(), StoreError> {
    connection::ActiveModel {
        id: Set(id.to_string()),
        name: Set(name.to_owned()),
        settings: Set(to_json(settings)?),
        secret: Set(secret),
        ..Default::default()
    }
    .update(&**tx)
    .await?;
    Ok(())
}

/// Forgets a connection.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &Tx, id: ConnectionId) -> Result<(), StoreError> {
    connection::Entity::delete_by_id(id.to_string()).exec(&**tx).await?;
    Ok(())
}

/// The project's connections by name.
///
/// # Errors
/// The database failed.
pub async fn list(db: &impl ConnectionTrait, project: ProjectId) -> Result<Vec<ConnectionView>, StoreError> {
    let models = connection::Entity::find()
        .filter(connection::Column::ProjectId.eq(project.to_string()))
        .order_by_asc(connection::Column::Name)
        .all(db)
        .await?;
    let mut views = Vec::with_capacity(models.len());
    for model in models {
        views.push(stored(db, model).await?.view);
    }
    Ok(views)
}

/// One connection of the project.
///
/// # Errors
/// The database failed.
pub async fn get(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: ConnectionId,
) -> Result<Option<Stored>, StoreError> {
    let model = connection::Entity::find_by_id(id.to_string())
        .filter(connection::Column::ProjectId.eq(project.to_string()))
        .one(db)
        .await?;
    match model {
        Some(model) => stored(db, model).await.map(Some),
        None => Ok(None),
    }
}

async fn stored(db: &impl ConnectionTrait, model: connection::Model) -> Result<Stored, StoreError> {
    let datasets = dataset_source::Entity::find()
        .filter(dataset_source::Column::ConnectionId.eq(model.id.as_str()))
        .count(db)
        .await?;
    let view = ConnectionView {
        id: parse("connections.id", &model.id)?,
        name: model.name,
        settings: from_json("connections.settings", &model.settings)?,
        has_secret: model.secret.is_some(),
        datasets,
        created_at: Timestamp(model.created_at),
        created_by: model.created_by,
    };
    Ok(Stored { view, secret: model.secret })
}

/// Every sealed secret of the instance with its connection.
///
/// # Errors
/// The database failed.
pub async fn sealed(db: &impl ConnectionTrait) -> Result<Vec<(ConnectionId, String)>, StoreError> {
    let models = connection::Entity::find().filter(connection::Column::Secret.is_not_null()).all(db).await?;
    models
        .into_iter()
        .filter_map(|model| Some((model.id, model.secret?)))
        .map(|(id, secret)| Ok((parse("connections.id", &id)?, secret)))
        .collect()
}

/// Overwrites a sealed secret that is still `before`; `false` where it was changed meanwhile.
///
/// # Errors
/// The database failed.
pub async fn reseal(tx: &Tx, id: ConnectionId, before: &str, after: &str) -> Result<bool, StoreError> {
    let done = connection::Entity::update_many()
        .col_expr(connection::Column::Secret, Expr::value(after))
        .filter(connection::Column::Id.eq(id.to_string()))
        .filter(connection::Column::Secret.eq(before))
        .exec(&**tx)
        .await?;
    Ok(done.rows_affected > 0)
}
