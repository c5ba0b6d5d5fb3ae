//! One run of a pipeline.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "pipeline_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub project_id: String,
    pub pipeline_id: String,
    pub number: i32,
    pub version: i32,
    pub state: String,
    /// The partition.
    pub part: Option<String>,
    pub cause: String,
    /// What must start one run only.
    pub occasion: Option<String>,
    pub depth: i32,
    /// JSON of `Values`.
    pub given: String,
    pub no_cache: bool,
    /// JSON of `Vec<StepReport>`.
    pub steps: String,
    /// JSON of `Vec<ApprovalView>`.
    pub approvals: String,
    /// JSON of `Vec<WroteView>`.
    pub wrote: String,
    /// JSON of `Vec<StepId>`.
    pub effects: String,
    /// JSON of `Problem`.
    pub problem: Option<String>,
    pub cancel_requested: bool,
    /// Grows with each claim: the fencing token.
    pub attempt: i32,
    pub deaths: i32,
    pub worker_id: Option<String>,
    pub lease_until: Option<i64>,
    pub log_seq: i64,
    /// When its log was deleted for its age.
    pub log_deleted_at: Option<i64>,
    pub created_at: i64,
    pub created_by: String,
    pub queued_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
