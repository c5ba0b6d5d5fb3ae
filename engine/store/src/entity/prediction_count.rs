//! How often a model version was asked.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "prediction_counts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub model_version_id: String,
    /// Rows predicted.
    pub answered: i64,
    /// Requests refused because their rows did not fit the signature.
    pub refused: i64,
    pub last_at: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
