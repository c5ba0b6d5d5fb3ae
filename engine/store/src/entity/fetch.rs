//! One fetching of a source; while it runs and until it is confirmed, its file lies in the uploads folder under its id.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "fetches")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub project_id: String,
    /// JSON of `SourceSpec`.
    pub source: String,
    pub described: String,
    pub dataset_id: Option<String>,
    pub version_id: Option<String>,
    pub state: String,
    pub message: String,
    pub bytes: i64,
    pub total: Option<i64>,
    pub rows: i64,
    pub beat_at: i64,
    pub started_at: i64,
    pub started_by: String,
    pub ended_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
