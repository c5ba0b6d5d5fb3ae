//! One run of a suite on a version.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "check_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub dataset_version_id: String,
    pub at: i64,
    pub by: String,
    pub seconds: f64,
    pub contract: bool,
    pub standing: String,
    pub passed: i32,
    pub failed: i32,
    /// JSON of `SuiteResult`.
    pub result: String,
    pub waived_at: Option<i64>,
    pub waived_by: Option<String>,
    pub waived_why: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
