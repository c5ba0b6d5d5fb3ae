//! The instance's own settings: a text by key.

use crate::{StoreError, entity::audit::setting};
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, sea_query::OnConflict};

/// # Errors
/// The database failed.
pub async fn get(db: &impl ConnectionTrait, key: &str) -> Result<Option<String>, StoreError> {
    Ok(setting::Entity::find_by_id(key).one(db).await?.map(|model| model.value))
}

/// # Errors
/// The database failed.
pub async fn set(db: &impl ConnectionTrait, key: &str, value: &str) -> Result<(), StoreError> {
    let model = setting::Model { key: key.to_owned(), value: value.to_owned() };
    let conflict = OnConflict::column(setting::Column::Key).update_column(setting::Column::Value).to_owned();
    setting::Entity::insert(model.into_active_model()).on_conflict(conflict).exec_without_returning(db).await?;
    Ok(())
}
