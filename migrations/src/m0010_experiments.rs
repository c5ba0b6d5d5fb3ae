//! The table of runs: values to filter, sort and show, pins and baselines, saved views, the archive.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        values(manager).await?;
        manager
            .alter_table(Table::alter().table("runs").add_column(big_integer_null("archived_at")).to_owned())
            .await?;
        people(manager).await
    }

    /// All or nothing, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// A narrow row for each value of each run, so that sorting or filtering by any of them is one look into the primary key
/// for each run. Which keys there are stands apart: asking the rows themselves would read all of them. The rows of runs
/// from before this step are made at the start that follows, from what the runs say of themselves.
async fn values(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("run_values")
                .col(text("run_id"))
                // `metric`, `param`, `tag` or `curve`.
                .col(text("kind"))
                .col(text("key"))
                .col(double_null("number"))
                // Ends of the 95 % interval.
                .col(double_null("low"))
                .col(double_null("high"))
                // Over the steps of a curve.
                .col(double_null("least"))
                .col(double_null("most"))
                .col(text_null("words"))
                .primary_key(Index::create().col("run_id").col("kind").col("key"))
                .foreign_key(&mut refers("run_values", "run_id", "runs"))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("run_keys")
                .col(text("project_id"))
                .col(text("kind"))
                .col(text("key"))
                .primary_key(Index::create().col("project_id").col("kind").col("key"))
                .foreign_key(&mut refers("run_keys", "project_id", "projects"))
                .to_owned(),
        )
        .await
}

async fn people(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("run_marks")
                .col(text("user_id"))
                .col(text("project_id"))
                .col(text("run_id"))
                .col(boolean("pinned"))
                .col(boolean("baseline"))
                .col(big_integer("marked_at"))
                .primary_key(Index::create().col("user_id").col("project_id").col("run_id"))
                .foreign_key(&mut refers("run_marks", "user_id", "users"))
                .foreign_key(&mut refers("run_marks", "project_id", "projects"))
                .foreign_key(&mut refers("run_marks", "run_id", "runs"))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("saved_views")
                .col(text("id").primary_key())
                .col(text("project_id"))
                .col(text("user_id"))
                .col(text("name"))
                .col(boolean("shared"))
                // JSON of `ViewSettings`.
                .col(text("settings"))
                .col(big_integer("updated_at"))
                .foreign_key(&mut refers("saved_views", "project_id", "projects"))
                .foreign_key(&mut refers("saved_views", "user_id", "users"))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .name("saved_views_name")
                .table("saved_views")
                .col("project_id")
                .col("user_id")
                .col("name")
                .unique()
                .to_owned(),
        )
        .await
}

fn refers(from: &'static str, column: &'static str, table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(table, "id").on_delete(ForeignKeyAction::Restrict).to_owned()
}
