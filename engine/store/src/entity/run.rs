//! One training run.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub project_id: String,
    pub dataset_id: String,
    pub dataset_version_id: String,
    pub name: String,
    pub target: String,
    pub family: String,
    /// JSON of `TrainSettings`.
    pub settings: String,
    /// The stored split that it uses.
    pub split_id: Option<String>,
    pub code_version: String,
    /// The model that the run becomes a version of when it succeeds.
    pub register_as: Option<String>,
    pub created_at: i64,
    pub created_by: String,
    pub device: Option<String>,
    pub device_reason: Option<String>,
    pub task: Option<String>,
    pub trained: Option<String>,
    pub score: Option<f64>,
    /// JSON of the primary `TestMetric`.
    pub score_json: Option<String>,
    pub verdict: Option<String>,
    pub seconds: Option<f64>,
    /// JSON of a `RunResult`.
    pub result: Option<String>,
    pub model_bytes: Option<i64>,
    /// JSON of a `Problem`.
    pub problem: Option<String>,
    /// Since then it stands in no list; it is never deleted.
    pub archived_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
