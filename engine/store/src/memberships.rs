//! Who holds which role in which workspace.

use crate::{
    StoreError,
    entity::accounts::{membership, user, workspace},
    parse,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use std::collections::HashMap;
use trainyard_types::{Role, UserId, WorkspaceId};

/// The role that a person holds in a workspace, if any.
///
/// # Errors
/// The database failed.
pub async fn role(db: &impl ConnectionTrait, user: UserId, workspace: WorkspaceId) -> Result<Option<Role>, StoreError> {
    membership::Entity::find_by_id((user.to_string(), workspace.to_string()))
        .one(db)
        .await?
        .map(|model| parse("memberships.role", &model.role))
        .transpose()
}

/// All roles that the people given hold: person's id → workspace and role, by the workspace's name.
///
/// # Errors
/// The database failed.
pub async fn of_users(
    db: &impl ConnectionTrait,
    users: &[String],
) -> Result<HashMap<String, Vec<(workspace::Model, Role)>>, StoreError> {
    let held =
        membership::Entity::find().filter(membership::Column::UserId.is_in(users.iter().cloned())).all(db).await?;
    let workspaces: HashMap<String, workspace::Model> = workspace::Entity::find()
        .filter(workspace::Column::Id.is_in(held.iter().map(|m| m.workspace_id.clone())))
        .all(db)
        .await?
        .into_iter()
        .map(|model| (model.id.clone(), model))
        .collect();
    let mut roles: HashMap<String, Vec<(workspace::Model, Role)>> = HashMap::new();
    for model in held {
        if let Some(workspace) = workspaces.get(&model.workspace_id) {
            let role = parse("memberships.role", &model.role)?;
            roles.entry(model.user_id).or_default().push((workspace.clone(), role));
        }
    }
    for list in roles.values_mut() {
        list.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    }
    Ok(roles)
}

/// Gives a role, or takes it away.
///
/// # Errors
/// The database failed.
pub async fn set(
    db: &impl ConnectionTrait,
    user: UserId,
    workspace: WorkspaceId,
    role: Option<Role>,
) -> Result<(), StoreError> {
    let (user, workspace) = (user.to_string(), workspace.to_string());
    match role {
        None => {
            membership::Entity::delete_by_id((user, workspace)).exec(db).await?;
        }
        Some(role) => {
            let model = membership::Model { user_id: user, workspace_id: workspace, role: role.as_str().to_owned() };
            let conflict = OnConflict::columns([membership::Column::UserId, membership::Column::WorkspaceId])
                .update_column(membership::Column::Role)
                .to_owned();
            membership::Entity::insert(model.into_active_model())
                .on_conflict(conflict)
                .exec_without_returning(db)
                .await?;
        }
    }
    Ok(())
}

/// # Errors
/// The database failed.
pub async fn workspace_by_slug(db: &impl ConnectionTrait, slug: &str) -> Result<Option<workspace::Model>, StoreError> {
    Ok(workspace::Entity::find().filter(workspace::Column::Slug.eq(slug)).one(db).await?)
}

/// # Errors
/// The database failed.
pub async fn workspace_by_id(
    db: &impl ConnectionTrait,
    id: WorkspaceId,
) -> Result<Option<workspace::Model>, StoreError> {
    Ok(workspace::Entity::find_by_id(id.to_string()).one(db).await?)
}

/// All workspaces by name, 500 at most.
///
/// # Errors
/// The database failed.
pub async fn workspaces(db: &impl ConnectionTrait) -> Result<Vec<workspace::Model>, StoreError> {
    Ok(workspace::Entity::find().order_by_asc(workspace::Column::Name).limit(500).all(db).await?)
}

/// # Errors
/// [`StoreError::Duplicate`] where the slug is taken.
pub async fn insert_workspace(
    db: &impl ConnectionTrait,
    model: workspace::Model,
) -> Result<workspace::Model, StoreError> {
    Ok(model.into_active_model().insert(db).await?)
}

/// Whether there is anybody yet.
///
/// # Errors
/// The database failed.
pub async fn nobody_yet(db: &impl ConnectionTrait) -> Result<bool, StoreError> {
    Ok(user::Entity::find().limit(1).one(db).await?.is_none())
}
