//! Files that wait for their column types to be confirmed.

use crate::{
    StoreError, Tx,
    entity::upload,
    from_json, parse,
    query::{signed, unsigned},
    to_json,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use trainyard_types::{ProjectId, Timestamp, UploadId, dataset::UploadView};

/// Keeps an upload's description; the file itself lies in the uploads folder.
///
/// # Errors
/// The database failed.
pub async fn create(
    tx: &Tx,
    project: ProjectId,
    view: &UploadView,
    created_at: Timestamp,
    created_by: &str,
) -> Result<(), StoreError> {
    upload::ActiveModel {
        id: Set(view.id.to_string()),
        project_id: Set(project.to_string()),
        file_name: Set(view.file_name.clone()),
        bytes: Set(signed(view.bytes)),
        options: Set(to_json(&view.options)?),
        sample: Set(to_json(&view.sample)?),
        notes: Set(to_json(&view.notes)?),
        created_at: Set(created_at.0),
        created_by: Set(created_by.to_owned()),
    }
    .insert(&**tx)
    .await?;
    Ok(())
}

/// One upload of the project.
///
/// # Errors
/// The database failed.
pub async fn view(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: UploadId,
) -> Result<Option<UploadView>, StoreError> {
    let model = upload::Entity::find_by_id(id.to_string())
        .filter(upload::Column::ProjectId.eq(project.to_string()))
        .one(db)
        .await?;
    model
        .map(|model| {
            Ok(UploadView {
                id: parse("uploads.id", &model.id)?,
                file_name: model.file_name,
                bytes: unsigned(model.bytes),
                options: from_json("uploads.options", &model.options)?,
                sample: from_json("uploads.sample", &model.sample)?,
                notes: from_json("uploads.notes", &model.notes)?,
            })
        })
        .transpose()
}

/// Keeps corrected options and the sample that goes with them.
///
/// # Errors
/// The database failed.
pub async fn update(tx: &Tx, view: &UploadView) -> Result<(), StoreError> {
    upload::ActiveModel {
        id: Set(view.id.to_string()),
        options: Set(to_json(&view.options)?),
        sample: Set(to_json(&view.sample)?),
        notes: Set(to_json(&view.notes)?),
        ..Default::default()
    }
    .update(&**tx)
    .await?;
    Ok(())
}

/// Forgets an upload of the project; `false` where there was none.
///
/// # Errors
/// The database failed.
pub async fn delete(tx: &Tx, project: ProjectId, id: UploadId) -> Result<bool, StoreError> {
    let done = upload::Entity::delete_many()
        .filter(upload::Column::Id.eq(id.to_string()))
        .filter(upload::Column::ProjectId.eq(project.to_string()))
        .exec(&**tx)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Uploads of any project that were made before an instant, 100 at most.
///
/// # Errors
/// The database failed.
pub async fn older_than(
    db: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<Vec<(ProjectId, UploadId)>, StoreError> {
    let models: Vec<(String, String)> = upload::Entity::find()
        .select_only()
        .columns([upload::Column::ProjectId, upload::Column::Id])
        .filter(upload::Column::CreatedAt.lt(before.0))
        .order_by_asc(upload::Column::CreatedAt)
        .limit(100)
        .into_tuple()
        .all(db)
        .await?;
    models.iter().map(|(project, id)| Ok((parse("uploads.project_id", project)?, parse("uploads.id", id)?))).collect()
}
