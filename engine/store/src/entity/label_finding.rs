//! A row whose label is likely wrong, and what a person decided about it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "label_findings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub review_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub rank: i32,
    /// 1 for the table's first row.
    pub row: i64,
    pub given: String,
    pub suggested: String,
    pub given_probability: Option<f64>,
    pub suggested_probability: Option<f64>,
    pub score: f64,
    pub decision: Option<String>,
    /// What the label is set to.
    pub label: Option<String>,
    pub decided_at: Option<i64>,
    pub decided_by: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
