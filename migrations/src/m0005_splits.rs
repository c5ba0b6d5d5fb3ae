//! Stored splits of versions, and which run uses which.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut version = ForeignKey::create()
            .from("splits", "dataset_version_id")
            .to("dataset_versions", "id")
            .on_delete(ForeignKeyAction::Restrict)
            .to_owned();
        manager
            .create_table(
                Table::create()
                    .table("splits")
                    .col(text("id").primary_key())
                    .col(text("dataset_version_id"))
                    .col(text("name"))
                    .col(text("plan"))
                    .col(text("summary"))
                    .col(text("hash"))
                    .col(big_integer("created_at"))
                    .col(text("created_by"))
                    .foreign_key(&mut version)
                    .to_owned(),
            )
            .await?;
        let name = Index::create()
            .name("splits_name")
            .table("splits")
            .col("dataset_version_id")
            .col("name")
            .unique()
            .to_owned();
        manager.create_index(name).await?;
        manager.alter_table(Table::alter().table("runs").add_column(text_null("split_id")).to_owned()).await?;
        let used = Index::create().name("runs_split").table("runs").col("split_id").to_owned();
        manager.create_index(used).await
    }
}
