//! One review of a version's labels.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "label_reviews")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub project_id: String,
    pub dataset_version_id: String,
    /// JSON of `LabelSettings`.
    pub settings: String,
    pub state: String,
    pub cancel_requested: bool,
    /// Grows with each claim: the fencing token.
    pub attempt: i32,
    pub deaths: i32,
    pub worker_id: Option<String>,
    pub lease_until: Option<i64>,
    /// JSON of `Progress`.
    pub progress: Option<String>,
    /// JSON of `Problem`.
    pub problem: Option<String>,
    /// JSON of `LabelSummary`.
    pub summary: Option<String>,
    /// Grows with each decision.
    pub decision_seq: i32,
    pub applied_version_id: Option<String>,
    pub applied_at: Option<i64>,
    pub applied_by: Option<String>,
    pub created_at: i64,
    pub created_by: String,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
