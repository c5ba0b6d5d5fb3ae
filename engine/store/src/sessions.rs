//! Browser sessions. The database holds only a hash of the id that is in the cookie.

use crate::{StoreError, audit::hex, entity::accounts::session, now};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::OnConflict};
use sha2::{Digest, Sha256};
use trainyard_types::Timestamp;

fn key(id: &str) -> String {
    hex(&Sha256::digest(id.as_bytes()))
}

/// Writes a new session.
///
/// # Errors
/// [`StoreError::Duplicate`] where the id is in use: draw another.
pub async fn create(db: &impl ConnectionTrait, id: &str, data: &str, expires: Timestamp) -> Result<(), StoreError> {
    let model = session::Model { id: key(id), data: data.to_owned(), expires_at: expires.0 };
    session::Entity::insert(model.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Writes a session, new or known.
///
/// # Errors
/// The database failed.
pub async fn save(db: &impl ConnectionTrait, id: &str, data: &str, expires: Timestamp) -> Result<(), StoreError> {
    let model = session::Model { id: key(id), data: data.to_owned(), expires_at: expires.0 };
    let conflict = OnConflict::column(session::Column::Id)
        .update_columns([session::Column::Data, session::Column::ExpiresAt])
        .to_owned();
    session::Entity::insert(model.into_active_model()).on_conflict(conflict).exec_without_returning(db).await?;
    Ok(())
}

/// The data of a session that hasn't expired, and when it will.
///
/// # Errors
/// The database failed.
pub async fn load(db: &impl ConnectionTrait, id: &str) -> Result<Option<(String, Timestamp)>, StoreError> {
    let found = session::Entity::find_by_id(key(id)).filter(session::Column::ExpiresAt.gt(now().0)).one(db).await?;
    Ok(found.map(|model| (model.data, Timestamp(model.expires_at))))
}

/// Removes a session; none there is no error.
///
/// # Errors
/// The database failed.
pub async fn delete(db: &impl ConnectionTrait, id: &str) -> Result<(), StoreError> {
    session::Entity::delete_by_id(key(id)).exec(db).await?;
    Ok(())
}

/// Removes all that have expired and says how many.
///
/// # Errors
/// The database failed.
pub async fn delete_expired(db: &impl ConnectionTrait) -> Result<u64, StoreError> {
    Ok(session::Entity::delete_many().filter(session::Column::ExpiresAt.lte(now().0)).exec(db).await?.rows_affected)
}
