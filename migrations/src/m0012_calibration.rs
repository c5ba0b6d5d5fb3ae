//! How fast workers train.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let add = |column: ColumnDef| Table::alter().table("workers").add_column(column).to_owned();
        manager.alter_table(add(text_null("calibration"))).await?;
        manager.alter_table(add(text_null("calibrated_by"))).await
    }
}
