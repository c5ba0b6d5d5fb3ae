//! A pipeline with its newest document.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "pipelines")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub project_id: String,
    pub name: String,
    pub latest: i32,
    /// JSON of `Pipeline`.
    pub document: String,
    pub yaml: String,
    pub paused: bool,
    pub next_tick: Option<i64>,
    pub triggered: bool,
    pub webhook: Option<String>,
    pub runs: i32,
    pub updated_at: i64,
    pub updated_by: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
