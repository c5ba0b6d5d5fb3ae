//! One immutable version of a data set; its rows lie in the artifact store under `hash`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "dataset_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub dataset_id: String,
    pub number: i32,
    pub rows: i64,
    pub columns: i32,
    pub bytes: i64,
    pub hash: String,
    pub source_name: String,
    pub warnings: i32,
    /// JSON of a `Profile`.
    pub profile: String,
    /// JSON of a `BadRowReport`.
    pub bad_rows: String,
    /// JSON of `ReadOptions`.
    pub read_options: String,
    pub created_at: i64,
    pub created_by: String,
    /// Number of the version before.
    pub parent: Option<i32>,
    pub why: String,
    pub deleted_at: Option<i64>,
    pub deleted_by: Option<String>,
    pub deleted_why: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
