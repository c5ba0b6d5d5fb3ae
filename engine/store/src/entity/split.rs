//! A stored split of a version.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "splits")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub dataset_version_id: String,
    pub name: String,
    /// JSON of `SplitPlan`.
    pub plan: String,
    /// JSON of `SplitSummary`.
    pub summary: String,
    /// blake3 of the row sets: their artifact.
    pub hash: String,
    pub created_at: i64,
    pub created_by: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
