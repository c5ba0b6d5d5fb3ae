//! A file that waits for its column types to be confirmed; it lies in the uploads folder under its id.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "uploads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub project_id: String,
    pub file_name: String,
    pub bytes: i64,
    /// JSON of `ReadOptions`.
    pub options: String,
    /// JSON of rows of texts.
    pub sample: String,
    /// JSON of a list of sentences.
    pub notes: String,
    pub created_at: i64,
    pub created_by: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
