//! Where a data set's versions are fetched from.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "dataset_sources")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub dataset_id: String,
    pub connection_id: Option<String>,
    /// JSON of `SourceSpec`.
    pub source: String,
    pub described: String,
    pub fetched_at: i64,
    pub fetched_by: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
