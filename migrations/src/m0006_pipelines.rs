//! Pipelines: documents with their versions, runs with their leases, logs.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        documents(manager).await?;
        runs(manager).await
    }
}

async fn documents(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("pipelines")
                .col(text("id").primary_key())
                .col(text("project_id"))
                .col(text("name"))
                // Number of the newest version, and its document.
                .col(integer("latest"))
                .col(text("document"))
                .col(text("yaml"))
                .col(boolean("paused"))
                // When the schedule ticks next; null without a schedule.
                .col(big_integer_null("next_tick"))
                // Whether anything but people and the schedule starts it.
                .col(boolean("triggered"))
                // SHA-256 of the secret in the address that starts it.
                .col(text_null("webhook"))
                // Runs so far.
                .col(integer("runs"))
                .col(big_integer("updated_at"))
                .col(text("updated_by"))
                .foreign_key(&mut refers("pipelines", "project_id", "projects"))
                .to_owned(),
        )
        .await?;
    index(manager, "pipelines_name", "pipelines", &["project_id", "name"], true).await?;
    index(manager, "pipelines_tick", "pipelines", &["next_tick"], false).await?;
    index(manager, "pipelines_webhook", "pipelines", &["webhook"], true).await?;
    manager
        .create_table(
            Table::create()
                .table("pipeline_versions")
                .col(text("pipeline_id"))
                .col(integer("number"))
                .col(text("document"))
                .col(text("yaml"))
                .col(text("reason"))
                .col(big_integer("created_at"))
                .col(text("created_by"))
                .primary_key(Index::create().col("pipeline_id").col("number"))
                .foreign_key(&mut refers("pipeline_versions", "pipeline_id", "pipelines"))
                .to_owned(),
        )
        .await
}

async fn runs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("pipeline_runs")
                .col(text("id").primary_key())
                .col(text("project_id"))
                .col(text("pipeline_id"))
                .col(integer("number"))
                .col(integer("version"))
                .col(text("state"))
                .col(text_null("part"))
                .col(text("cause"))
                // What must start one run only: a tick, a version, a run of another pipeline.
                .col(text_null("occasion"))
                // Runs that led to this one, one starting the next.
                .col(integer("depth"))
                .col(text("given"))
                .col(boolean("no_cache"))
                .col(text("steps"))
                .col(text("approvals"))
                .col(text("wrote"))
                .col(text("effects"))
                .col(text_null("problem"))
                .col(boolean("cancel_requested"))
                // Grows with each claim; together with the worker it fences off late writers.
                .col(integer("attempt"))
                // How often its worker died.
                .col(integer("deaths"))
                .col(text_null("worker_id"))
                .col(big_integer_null("lease_until"))
                .col(big_integer("log_seq"))
                .col(big_integer("created_at"))
                .col(text("created_by"))
                .col(big_integer("queued_at"))
                .col(big_integer_null("started_at"))
                .col(big_integer_null("ended_at"))
                .foreign_key(&mut refers("pipeline_runs", "pipeline_id", "pipelines"))
                .foreign_key(&mut refers("pipeline_runs", "project_id", "projects"))
                .to_owned(),
        )
        .await?;
    index(manager, "pipeline_runs_number", "pipeline_runs", &["pipeline_id", "number"], true).await?;
    index(manager, "pipeline_runs_occasion", "pipeline_runs", &["pipeline_id", "occasion"], true).await?;
    index(manager, "pipeline_runs_queue", "pipeline_runs", &["state", "queued_at", "id"], false).await?;
    manager
        .create_table(
            Table::create()
                .table("pipeline_logs")
                .col(text("run_id"))
                .col(big_integer("seq"))
                .col(big_integer("at"))
                .col(text("step"))
                .col(text("level"))
                .col(text("line"))
                .primary_key(Index::create().col("run_id").col("seq"))
                .foreign_key(&mut refers("pipeline_logs", "run_id", "pipeline_runs"))
                .to_owned(),
        )
        .await
}

fn refers(from: &'static str, column: &'static str, table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(table, "id").on_delete(ForeignKeyAction::Restrict).to_owned()
}

async fn index(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
    unique: bool,
) -> Result<(), DbErr> {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    if unique {
        index.unique();
    }
    manager.create_index(index).await
}
