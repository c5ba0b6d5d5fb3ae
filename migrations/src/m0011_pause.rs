//! Jobs that a person holds back.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut paused = boolean("paused");
        paused.default(false);
        manager.alter_table(Table::alter().table("jobs").add_column(paused).to_owned()).await
    }
}
