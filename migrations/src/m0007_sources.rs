//! Sources outside: connections with their sealed secrets, fetches, and where data sets come from.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("connections")
                    .col(text("id").primary_key())
                    .col(text("project_id"))
                    .col(text("name"))
                    // JSON of `ConnectionSettings`.
                    .col(text("settings"))
                    // Password or key, encrypted under a key that is not in the database.
                    .col(text_null("secret"))
                    .col(big_integer("created_at"))
                    .col(text("created_by"))
                    .foreign_key(&mut refers("connections", "project_id", "projects"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("connections_name")
                    .table("connections")
                    .col("project_id")
                    .col("name")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("fetches")
                    .col(text("id").primary_key())
                    .col(text("project_id"))
                    // JSON of `SourceSpec`, and its words without secrets.
                    .col(text("source"))
                    .col(text("described"))
                    // The data set that is fetched again.
                    .col(text_null("dataset_id"))
                    .col(text_null("version_id"))
                    .col(text("state"))
                    .col(text("message"))
                    .col(big_integer("bytes"))
                    .col(big_integer_null("total"))
                    .col(big_integer("rows"))
                    // When the process that fetches last said that it lives.
                    .col(big_integer("beat_at"))
                    .col(big_integer("started_at"))
                    .col(text("started_by"))
                    .col(big_integer_null("ended_at"))
                    .foreign_key(&mut refers("fetches", "project_id", "projects"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("fetches_state").table("fetches").col("project_id").col("state").to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("dataset_sources")
                    .col(text("dataset_id").primary_key())
                    .col(text_null("connection_id"))
                    .col(text("source"))
                    .col(text("described"))
                    .col(big_integer("fetched_at"))
                    .col(text("fetched_by"))
                    .foreign_key(&mut refers("dataset_sources", "dataset_id", "datasets"))
                    .to_owned(),
            )
            .await
    }
}

fn refers(from: &'static str, column: &'static str, table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(table, "id").on_delete(ForeignKeyAction::Restrict).to_owned()
}
