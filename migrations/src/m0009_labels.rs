//! Reviews of labels with their leases, and what they found.

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
                    .table("label_reviews")
                    .col(text("id").primary_key())
                    .col(text("project_id"))
                    .col(text("dataset_version_id"))
                    // JSON of `LabelSettings`.
                    .col(text("settings"))
                    .col(text("state"))
                    .col(boolean("cancel_requested"))
                    // Grows with each claim; together with the worker it fences off late writers.
                    .col(integer("attempt"))
                    // How often its worker died.
                    .col(integer("deaths"))
                    .col(text_null("worker_id"))
                    .col(big_integer_null("lease_until"))
                    .col(text_null("progress"))
                    .col(text_null("problem"))
                    // JSON of `LabelSummary`.
                    .col(text_null("summary"))
                    // Grows with each decision.
                    .col(integer("decision_seq"))
                    .col(text_null("applied_version_id"))
                    .col(big_integer_null("applied_at"))
                    .col(text_null("applied_by"))
                    .col(big_integer("created_at"))
                    .col(text("created_by"))
                    .col(big_integer_null("started_at"))
                    .col(big_integer_null("ended_at"))
                    .foreign_key(&mut refers("label_reviews", "project_id", "projects"))
                    .foreign_key(&mut refers("label_reviews", "dataset_version_id", "dataset_versions"))
                    .foreign_key(&mut refers("label_reviews", "applied_version_id", "dataset_versions"))
                    .to_owned(),
            )
            .await?;
        index(manager, "label_reviews_version", "label_reviews", &["dataset_version_id", "id"]).await?;
        index(manager, "label_reviews_queue", "label_reviews", &["state", "id"]).await?;
        manager
            .create_table(
                Table::create()
                    .table("label_findings")
                    .col(text("review_id"))
                    .col(integer("rank"))
                    .col(big_integer("row"))
                    .col(text("given"))
                    .col(text("suggested"))
                    .col(double_null("given_probability"))
                    .col(double_null("suggested_probability"))
                    .col(double("score"))
                    .col(text_null("decision"))
                    // What the label is set to.
                    .col(text_null("label"))
                    .col(big_integer_null("decided_at"))
                    .col(text_null("decided_by"))
                    .primary_key(Index::create().col("review_id").col("rank"))
                    .foreign_key(&mut refers("label_findings", "review_id", "label_reviews"))
                    .to_owned(),
            )
            .await?;
        index(manager, "label_findings_decision", "label_findings", &["review_id", "decision"]).await
    }
}

fn refers(from: &'static str, column: &'static str, table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(table, "id").on_delete(ForeignKeyAction::Restrict).to_owned()
}

async fn index(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}
