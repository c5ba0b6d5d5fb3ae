//! Data sets, uploads, runs with their metrics and logs, the job queue, workers and models.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        data(manager).await?;
        runs(manager).await?;
        queue(manager).await?;
        models(manager).await
    }
}

/// `from` refers to the `id` of `table`; what others refer to can't be deleted.
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

async fn data(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("datasets")
                .col(text("id").primary_key())
                .col(text("project_id"))
                .col(text("name"))
                .col(text("description"))
                // The number of the newest version.
                .col(integer("latest"))
                .col(big_integer("created_at"))
                .col(text("created_by"))
                .foreign_key(&mut refers("datasets", "project_id", "projects"))
                .to_owned(),
        )
        .await?;
    index(manager, "datasets_name", "datasets", &["project_id", "name"], true).await?;
    manager
        .create_table(
            Table::create()
                .table("dataset_versions")
                .col(text("id").primary_key())
                .col(text("dataset_id"))
                .col(integer("number"))
                .col(big_integer("rows"))
                .col(integer("columns"))
                .col(big_integer("bytes"))
                .col(text("hash"))
                .col(text("source_name"))
                .col(integer("warnings"))
                .col(text("profile"))
                .col(text("bad_rows"))
                .col(text("read_options"))
                .col(big_integer("created_at"))
                .col(text("created_by"))
                .foreign_key(&mut refers("dataset_versions", "dataset_id", "datasets"))
                .to_owned(),
        )
        .await?;
    index(manager, "dataset_versions_number", "dataset_versions", &["dataset_id", "number"], true).await?;
    index(manager, "dataset_versions_hash", "dataset_versions", &["dataset_id", "hash"], true).await?;
    manager
        .create_table(
            Table::create()
                .table("uploads")
                .col(text("id").primary_key())
                .col(text("project_id"))
                .col(text("file_name"))
                .col(big_integer("bytes"))
                .col(text("options"))
                .col(text("sample"))
                .col(text("notes"))
                .col(big_integer("created_at"))
                .col(text("created_by"))
                .foreign_key(&mut refers("uploads", "project_id", "projects"))
                .to_owned(),
        )
        .await?;
    index(manager, "uploads_created", "uploads", &["created_at"], false).await
}

async fn runs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("runs")
                .col(text("id").primary_key())
                .col(text("project_id"))
                .col(text("dataset_id"))
                .col(text("dataset_version_id"))
                .col(text("name"))
                .col(text("target"))
                .col(text("family"))
                .col(text("settings"))
                .col(text("code_version"))
                // The model that the run becomes a version of when it succeeds.
                .col(text_null("register_as"))
                .col(big_integer("created_at"))
                .col(text("created_by"))
                // What the run found out; empty until then.
                .col(text_null("device"))
                .col(text_null("device_reason"))
                .col(text_null("task"))
                .col(text_null("trained"))
                .col(double_null("score"))
                .col(text_null("score_json"))
                .col(text_null("verdict"))
                .col(double_null("seconds"))
                .col(text_null("result"))
                .col(big_integer_null("model_bytes"))
                .col(text_null("problem"))
                .foreign_key(&mut refers("runs", "project_id", "projects"))
                .foreign_key(&mut refers("runs", "dataset_id", "datasets"))
                .foreign_key(&mut refers("runs", "dataset_version_id", "dataset_versions"))
                .to_owned(),
        )
        .await?;
    index(manager, "runs_newest", "runs", &["project_id", "created_at", "id"], false).await?;
    index(manager, "runs_dataset", "runs", &["dataset_id"], false).await?;
    manager
        .create_table(
            Table::create()
                .table("run_metrics")
                .col(text("run_id"))
                .col(text("key"))
                .col(text("part"))
                .col(big_integer("step"))
                .col(double("value"))
                // Grows with each point of the run that is written or overwritten: what a reader has not seen yet.
                .col(big_integer("seq"))
                .primary_key(Index::create().col("run_id").col("key").col("part").col("step"))
                .foreign_key(&mut refers("run_metrics", "run_id", "runs"))
                .to_owned(),
        )
        .await?;
    index(manager, "run_metrics_news", "run_metrics", &["run_id", "seq"], false).await?;
    manager
        .create_table(
            Table::create()
                .table("run_logs")
                .col(text("run_id"))
                .col(big_integer("seq"))
                .col(big_integer("at"))
                .col(text("level"))
                .col(text("line"))
                .primary_key(Index::create().col("run_id").col("seq"))
                .foreign_key(&mut refers("run_logs", "run_id", "runs"))
                .to_owned(),
        )
        .await
}

async fn queue(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("workers")
                .col(text("id").primary_key())
                .col(text("host"))
                .col(text("device"))
                .col(integer("slots"))
                .col(big_integer("started_at"))
                .col(big_integer("last_seen"))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("jobs")
                .col(text("id").primary_key())
                .col(text("project_id"))
                .col(text("run_id"))
                .col(text("state"))
                // Grows with each claim; together with the worker it fences off late writers.
                .col(integer("attempt"))
                .col(integer("max_attempts"))
                .col(text_null("worker_id"))
                .col(big_integer_null("lease_until"))
                .col(boolean("cancel_requested"))
                .col(text_null("progress"))
                .col(text_null("reason"))
                .col(big_integer("metric_seq"))
                .col(big_integer("log_seq"))
                .col(big_integer("queued_at"))
                .col(big_integer_null("started_at"))
                .col(big_integer_null("ended_at"))
                .foreign_key(&mut refers("jobs", "project_id", "projects"))
                .foreign_key(&mut refers("jobs", "run_id", "runs"))
                .to_owned(),
        )
        .await?;
    index(manager, "jobs_run", "jobs", &["run_id"], true).await?;
    index(manager, "jobs_queue", "jobs", &["state", "queued_at", "id"], false).await?;
    index(manager, "jobs_project", "jobs", &["project_id", "state", "queued_at"], false).await?;
    index(manager, "jobs_lease", "jobs", &["state", "lease_until"], false).await?;
    index(manager, "jobs_ended", "jobs", &["state", "ended_at"], false).await
}

async fn models(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("models")
                .col(text("id").primary_key())
                .col(text("project_id"))
                // Unique in the instance: it stands alone in the prediction addresses.
                .col(text_uniq("name"))
                .col(text("description"))
                .col(integer("latest"))
                .col(big_integer("created_at"))
                .col(text("created_by"))
                .foreign_key(&mut refers("models", "project_id", "projects"))
                .to_owned(),
        )
        .await?;
    index(manager, "models_project", "models", &["project_id", "name"], false).await?;
    manager
        .create_table(
            Table::create()
                .table("model_versions")
                .col(text("id").primary_key())
                .col(text("model_id"))
                .col(integer("number"))
                .col(text("run_id"))
                .col(text("family"))
                .col(text("task"))
                .col(text("signature"))
                .col(text("test"))
                .col(text("verdict"))
                .col(text("hash"))
                .col(big_integer("bytes"))
                .col(big_integer("created_at"))
                .col(text("created_by"))
                .foreign_key(&mut refers("model_versions", "model_id", "models"))
                .foreign_key(&mut refers("model_versions", "run_id", "runs"))
                .to_owned(),
        )
        .await?;
    index(manager, "model_versions_number", "model_versions", &["model_id", "number"], true).await?;
    index(manager, "model_versions_run", "model_versions", &["run_id", "model_id"], true).await?;
    manager
        .create_table(
            Table::create()
                .table("model_aliases")
                .col(text("model_id"))
                .col(text("alias"))
                .col(integer("number"))
                .col(big_integer("moved_at"))
                .col(text("moved_by"))
                .primary_key(Index::create().col("model_id").col("alias"))
                .foreign_key(&mut refers("model_aliases", "model_id", "models"))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("prediction_counts")
                .col(text("model_version_id").primary_key())
                .col(big_integer("answered"))
                .col(big_integer("refused"))
                .col(big_integer("last_at"))
                .foreign_key(&mut refers("prediction_counts", "model_version_id", "model_versions"))
                .to_owned(),
        )
        .await
}
