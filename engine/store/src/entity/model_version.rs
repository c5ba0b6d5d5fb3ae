//! One version of a registered model; its file lies in the artifact store under `hash`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "model_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub model_id: String,
    pub number: i32,
    pub run_id: String,
    pub family: String,
    pub task: String,
    /// JSON of a `Signature`.
    pub signature: String,
    /// JSON of a list of `TestMetric`.
    pub test: String,
    /// JSON of a `Verdict`.
    pub verdict: String,
    pub hash: String,
    pub bytes: i64,
    pub created_at: i64,
    pub created_by: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
