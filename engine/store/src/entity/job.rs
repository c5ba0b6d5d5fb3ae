//! One unit of work in the queue.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub project_id: String,
    pub run_id: String,
    pub state: String,
    /// Grows with each claim: the fencing token.
    pub attempt: i32,
    pub max_attempts: i32,
    pub worker_id: Option<String>,
    /// Past this instant the worker counts as dead.
    pub lease_until: Option<i64>,
    pub cancel_requested: bool,
    /// A person holds it back: nobody claims it, and whoever has it gives it up.
    pub paused: bool,
    /// JSON of `Progress`.
    pub progress: Option<String>,
    pub reason: Option<String>,
    pub metric_seq: i64,
    pub log_seq: i64,
    pub queued_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
