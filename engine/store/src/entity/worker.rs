//! A process that claims jobs.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub host: String,
    pub device: String,
    pub slots: i32,
    pub started_at: i64,
    pub last_seen: i64,
    /// How fast it trains, as JSON, and the program's version that measured it.
    pub calibration: Option<String>,
    pub calibrated_by: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
