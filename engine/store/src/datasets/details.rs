//! What is said of a data set besides its rows.

use crate::{StoreError, Tx, entity::dataset, from_json, to_json};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trainyard_types::{
    DatasetId, ProjectId,
    catalog::{ColumnNotes, DatasetDetails, LegalBasis},
};

/// The details that no query asks for, as they stand in one column.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Rest {
    purpose: String,
    legal_basis: Option<LegalBasis>,
    columns: BTreeMap<String, ColumnNotes>,
}

pub(super) fn of(model: &dataset::Model) -> Result<DatasetDetails, StoreError> {
    let rest: Rest = from_json("datasets.details", &model.details)?;
    Ok(DatasetDetails {
        description: model.description.clone(),
        owner: model.owner.clone(),
        purpose: rest.purpose,
        legal_basis: rest.legal_basis,
        retention_days: model.retention_days.and_then(|days| u32::try_from(days).ok()),
        columns: rest.columns,
    })
}

/// What is said of a data set of the project.
///
/// # Errors
/// The database failed.
pub async fn read(
    db: &impl ConnectionTrait,
    project: ProjectId,
    id: DatasetId,
) -> Result<Option<DatasetDetails>, StoreError> {
    let model = dataset::Entity::find_by_id(id.to_string())
        .filter(dataset::Column::ProjectId.eq(project.to_string()))
        .one(db)
        .await?;
    model.as_ref().map(of).transpose()
}

/// Puts other details in place of a data set's.
///
/// # Errors
/// The database failed.
pub async fn write(tx: &Tx, id: DatasetId, details: &DatasetDetails) -> Result<(), StoreError> {
    let rest =
        Rest { purpose: details.purpose.clone(), legal_basis: details.legal_basis, columns: details.columns.clone() };
    let days = details.retention_days.and_then(|days| i32::try_from(days).ok());
    dataset::Entity::update_many()
        .col_expr(dataset::Column::Description, Expr::value(details.description.as_str()))
        .col_expr(dataset::Column::Owner, Expr::value(details.owner.as_str()))
        .col_expr(dataset::Column::Details, Expr::value(to_json(&rest)?))
        .col_expr(dataset::Column::RetentionDays, Expr::value(days))
        .filter(dataset::Column::Id.eq(id.to_string()))
        .exec(&**tx)
        .await?;
    Ok(())
}
