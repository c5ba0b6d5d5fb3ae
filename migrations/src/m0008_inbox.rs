//! The inbox: messages, who they are for, and who does not want them. Also what runs of pipelines read and made.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        inbox(manager).await?;
        pipelines(manager).await
    }

    /// All or nothing, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// The words of a message stand once, in `notices`, and `inbox` has a narrow row for each person, made by one
/// `INSERT … SELECT` whatever their number. Read marks on messages for whole projects would write less, but every open
/// page asks for its person's unread count every few seconds: with rows of their own that is one range of an index, and
/// who was a member when it happened stays known. Measured in a debug build with 500 members: 18 ms for a message on SQLite
/// and 16 to 26 ms on PostgreSQL, 1 ms and 1 to 5 ms for a count.
async fn inbox(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("notices")
                .col(text("id").primary_key())
                .col(text("project_id"))
                .col(text("kind"))
                .col(text("title"))
                .col(text("detail"))
                // Within the project's pages.
                .col(text("path"))
                .col(big_integer("created_at"))
                .foreign_key(&mut refers("notices", "project_id", "projects"))
                .to_owned(),
        )
        .await?;
    manager.create_index(Index::create().name("notices_created").table("notices").col("created_at").to_owned()).await?;
    manager
        .create_table(
            Table::create()
                .table("inbox")
                .col(text("user_id"))
                .col(text("notice_id"))
                .col(big_integer_null("read_at"))
                .primary_key(Index::create().col("user_id").col("notice_id"))
                .foreign_key(&mut refers("inbox", "user_id", "users"))
                .foreign_key(&mut refers("inbox", "notice_id", "notices"))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(Index::create().name("inbox_unread").table("inbox").col("user_id").col("read_at").to_owned())
        .await?;
    manager.create_index(Index::create().name("inbox_notice").table("inbox").col("notice_id").to_owned()).await?;
    manager
        .create_table(
            Table::create()
                .table("inbox_mutes")
                .col(text("user_id"))
                .col(text("kind"))
                .primary_key(Index::create().col("user_id").col("kind"))
                .foreign_key(&mut refers("inbox_mutes", "user_id", "users"))
                .to_owned(),
        )
        .await
}

async fn pipelines(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("pipeline_links")
                .col(text("pipeline_run_id"))
                .col(text("step"))
                // `read` or `wrote` a data set version, `trained` a run.
                .col(text("relation"))
                .col(text("object_id"))
                .primary_key(Index::create().col("pipeline_run_id").col("step").col("relation").col("object_id"))
                .foreign_key(&mut refers("pipeline_links", "pipeline_run_id", "pipeline_runs"))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .name("pipeline_links_object")
                .table("pipeline_links")
                .col("object_id")
                .col("relation")
                .to_owned(),
        )
        .await?;
    // When the lines of a run's log were deleted for their age.
    manager
        .alter_table(Table::alter().table("pipeline_runs").add_column(big_integer_null("log_deleted_at")).to_owned())
        .await?;
    manager
        .create_index(
            Index::create()
                .name("pipeline_runs_log")
                .table("pipeline_runs")
                .col("log_deleted_at")
                .col("ended_at")
                .to_owned(),
        )
        .await
}

fn refers(from: &'static str, column: &'static str, table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(table, "id").on_delete(ForeignKeyAction::Restrict).to_owned()
}
