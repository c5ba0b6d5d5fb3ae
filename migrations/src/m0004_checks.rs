//! Suites of checks, what they found, and which versions a contract keeps back.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The number of the newest version that is not quarantined; `latest` goes on counting all.
        add(manager, "datasets", integer("current").default(0).take()).await?;
        let current = Query::update().table("datasets").value("current", Expr::col("latest")).to_owned();
        manager.execute(current).await?;
        add(manager, "dataset_versions", boolean("quarantined").default(false).take()).await?;
        add(manager, "dataset_versions", text_null("checks")).await?;
        manager
            .create_table(
                Table::create()
                    .table("check_suites")
                    .col(text("dataset_id").primary_key())
                    .col(text("suite"))
                    .col(boolean("contract"))
                    .col(big_integer("saved_at"))
                    .col(text("saved_by"))
                    .foreign_key(&mut refers("check_suites", "dataset_id", "datasets"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("check_runs")
                    .col(text("id").primary_key())
                    .col(text("dataset_version_id"))
                    .col(big_integer("at"))
                    .col(text("by"))
                    .col(double("seconds"))
                    .col(boolean("contract"))
                    .col(text("standing"))
                    .col(integer("passed"))
                    .col(integer("failed"))
                    .col(text("result"))
                    .col(big_integer_null("waived_at"))
                    .col(text_null("waived_by"))
                    .col(text_null("waived_why"))
                    .foreign_key(&mut refers("check_runs", "dataset_version_id", "dataset_versions"))
                    .to_owned(),
            )
            .await?;
        let index = Index::create()
            .name("check_runs_version")
            .table("check_runs")
            .col("dataset_version_id")
            .col("id")
            .to_owned();
        manager.create_index(index).await
    }
}

fn refers(from: &'static str, column: &'static str, table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(table, "id").on_delete(ForeignKeyAction::Restrict).to_owned()
}

/// SQLite adds one column at a time.
async fn add(manager: &SchemaManager<'_>, table: &'static str, column: impl IntoColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}
