//! What is said of data sets, where versions come from, and that rows were deleted.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let datasets = [
            text("owner").default("").take(),
            // JSON of the other details: purpose, legal basis, columns.
            text("details").default("{}").take(),
            integer_null("retention_days"),
        ];
        for column in datasets {
            add(manager, "datasets", column).await?;
        }
        // Until somebody says otherwise, who made it answers for it.
        let owners = Query::update().table("datasets").value("owner", Expr::col("created_by")).to_owned();
        manager.execute(owners).await?;
        let versions = [
            integer_null("parent"),
            text("why").default("").take(),
            big_integer_null("deleted_at"),
            text_null("deleted_by"),
            text_null("deleted_why"),
        ];
        for column in versions {
            add(manager, "dataset_versions", column).await?;
        }
        // Deleting rows asks who else has the same content.
        let index = Index::create().name("dataset_versions_content").table("dataset_versions").col("hash").to_owned();
        manager.create_index(index).await
    }
}

/// SQLite adds one column at a time.
async fn add(manager: &SchemaManager<'_>, table: &'static str, column: impl IntoColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}
