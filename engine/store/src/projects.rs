//! Projects within workspaces.

use crate::{
    Store, StoreError,
    entity::accounts::{project, workspace},
    like_pattern,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func, LikeExpr, SimpleExpr},
};
use std::collections::HashMap;
use trainyard_types::{Page, PageQuery};

pub use project::Model as Project;
pub use workspace::Model as Workspace;

/// # Errors
/// [`StoreError::Duplicate`] where the slug is taken.
pub async fn insert(db: &impl ConnectionTrait, model: Project) -> Result<Project, StoreError> {
    Ok(model.into_active_model().insert(db).await?)
}

/// # Errors
/// The database failed.
pub async fn by_slug(db: &impl ConnectionTrait, slug: &str) -> Result<Option<(Project, Workspace)>, StoreError> {
    let Some(project) = project::Entity::find().filter(project::Column::Slug.eq(slug)).one(db).await? else {
        return Ok(None);
    };
    let workspace = workspace::Entity::find_by_id(project.workspace_id.clone()).one(db).await?;
    Ok(workspace.map(|workspace| (project, workspace)))
}

/// The project with this id.
///
/// # Errors
/// The database failed.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Project>, StoreError> {
    Ok(project::Entity::find_by_id(id).one(db).await?)
}

/// Slugs of all projects in these workspaces.
///
/// # Errors
/// The database failed.
pub async fn slugs_in(db: &impl ConnectionTrait, workspaces: &[String]) -> Result<Vec<String>, StoreError> {
    Ok(project::Entity::find()
        .filter(project::Column::WorkspaceId.is_in(workspaces.iter().cloned()))
        .select_only()
        .column(project::Column::Slug)
        .into_tuple()
        .all(db)
        .await?)
}

/// Projects of the workspaces given (`None`: of all), by name. `q` looks in name, slug and description.
///
/// # Errors
/// The database failed.
pub async fn list(
    store: &Store,
    workspaces: Option<&[String]>,
    query: &PageQuery,
) -> Result<Page<(Project, Workspace)>, StoreError> {
    let db = store.db();
    let mut select = project::Entity::find();
    if let Some(ids) = workspaces {
        select = select.filter(project::Column::WorkspaceId.is_in(ids.iter().cloned()));
    }
    if !query.q.trim().is_empty() {
        let pattern = like_pattern(query.q.trim());
        let like = |column: project::Column| -> SimpleExpr {
            Expr::expr(Func::lower(Expr::col((project::Entity, column))))
                .like(LikeExpr::new(pattern.clone()).escape('\\'))
        };
        select = select.filter(
            Condition::any()
                .add(like(project::Column::Name))
                .add(like(project::Column::Slug))
                .add(like(project::Column::Description)),
        );
    }
    let total = select.clone().count(db).await?;
    let select = match query.sort.as_str() {
        "-name" => select.order_by_desc(project::Column::Name),
        "created_at" => select.order_by_asc(project::Column::CreatedAt),
        "-created_at" => select.order_by_desc(project::Column::CreatedAt),
        _ => select.order_by_asc(project::Column::Name),
    };
    let projects = select.order_by_asc(project::Column::Id).offset(query.offset()).limit(query.limit()).all(db).await?;
    let owners: HashMap<String, Workspace> = workspace::Entity::find()
        .filter(workspace::Column::Id.is_in(projects.iter().map(|p| p.workspace_id.clone())))
        .all(db)
        .await?
        .into_iter()
        .map(|model| (model.id.clone(), model))
        .collect();
    let items = projects
        .into_iter()
        .filter_map(|project| owners.get(&project.workspace_id).cloned().map(|owner| (project, owner)))
        .collect();
    Ok(Page::new(items, total, query))
}
