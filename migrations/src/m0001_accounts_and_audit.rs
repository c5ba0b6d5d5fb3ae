//! People, sessions, workspaces, projects, roles, API tokens, the audit chain and settings.

// The trait's method, as `async_trait` writes it, takes the elided lifetime only.
#![allow(elided_lifetimes_in_paths)]

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
enum Users {
    Table,
    Id,
    Name,
    /// The name in lower case: two people may not differ in case alone.
    NameKey,
    DisplayName,
    PasswordHash,
    InstanceAdmin,
    MustChangePassword,
    Disabled,
    /// A session made under another epoch is void.
    SessionEpoch,
    CreatedAt,
    LastSignIn,
}

#[derive(DeriveIden)]
enum Sessions {
    Table,
    /// SHA-256 of the id in the cookie, hex: a copy of the database opens no session.
    Id,
    Data,
    ExpiresAt,
}

#[derive(DeriveIden)]
enum Workspaces {
    Table,
    Id,
    Slug,
    Name,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Projects {
    Table,
    Id,
    WorkspaceId,
    Slug,
    Name,
    Description,
    CreatedAt,
    CreatedBy,
}

#[derive(DeriveIden)]
enum Memberships {
    Table,
    UserId,
    WorkspaceId,
    Role,
}

#[derive(DeriveIden)]
enum ApiTokens {
    Table,
    Id,
    UserId,
    Name,
    Prefix,
    /// SHA-256 of the token, hex.
    TokenHash,
    CreatedAt,
    ExpiresAt,
    LastUsed,
}

#[derive(DeriveIden)]
enum AuditEvents {
    Table,
    Seq,
    At,
    Actor,
    Via,
    FromAddress,
    Action,
    Subject,
    Project,
    Summary,
    Before,
    After,
    Previous,
    Hash,
}

#[derive(DeriveIden)]
enum AuditHead {
    Table,
    Id,
    Seq,
    Hash,
}

#[derive(DeriveIden)]
enum Settings {
    Table,
    Key,
    Value,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        accounts(manager).await?;
        workspaces(manager).await?;
        audit(manager).await
    }

    /// All or nothing, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn accounts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table(Users::Table)
                .col(text(Users::Id).primary_key())
                .col(text(Users::Name))
                .col(text_uniq(Users::NameKey))
                .col(text(Users::DisplayName))
                .col(text(Users::PasswordHash))
                .col(boolean(Users::InstanceAdmin))
                .col(boolean(Users::MustChangePassword))
                .col(boolean(Users::Disabled))
                .col(big_integer(Users::SessionEpoch))
                .col(big_integer(Users::CreatedAt))
                .col(big_integer_null(Users::LastSignIn))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table(Sessions::Table)
                .col(text(Sessions::Id).primary_key())
                .col(text(Sessions::Data))
                .col(big_integer(Sessions::ExpiresAt))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create().name("sessions_expiry").table(Sessions::Table).col(Sessions::ExpiresAt).to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table(ApiTokens::Table)
                .col(text(ApiTokens::Id).primary_key())
                .col(text(ApiTokens::UserId))
                .col(text(ApiTokens::Name))
                .col(text(ApiTokens::Prefix))
                .col(text_uniq(ApiTokens::TokenHash))
                .col(big_integer(ApiTokens::CreatedAt))
                .col(big_integer(ApiTokens::ExpiresAt))
                .col(big_integer_null(ApiTokens::LastUsed))
                .foreign_key(
                    ForeignKey::create()
                        .from(ApiTokens::Table, ApiTokens::UserId)
                        .to(Users::Table, Users::Id)
                        .on_delete(ForeignKeyAction::Restrict),
                )
                .to_owned(),
        )
        .await?;
    manager
        .create_index(Index::create().name("api_tokens_user").table(ApiTokens::Table).col(ApiTokens::UserId).to_owned())
        .await
}

async fn workspaces(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table(Workspaces::Table)
                .col(text(Workspaces::Id).primary_key())
                .col(text_uniq(Workspaces::Slug))
                .col(text(Workspaces::Name))
                .col(big_integer(Workspaces::CreatedAt))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table(Projects::Table)
                .col(text(Projects::Id).primary_key())
                .col(text(Projects::WorkspaceId))
                .col(text_uniq(Projects::Slug))
                .col(text(Projects::Name))
                .col(text(Projects::Description))
                .col(big_integer(Projects::CreatedAt))
                .col(text(Projects::CreatedBy))
                .foreign_key(
                    ForeignKey::create()
                        .from(Projects::Table, Projects::WorkspaceId)
                        .to(Workspaces::Table, Workspaces::Id)
                        .on_delete(ForeignKeyAction::Restrict),
                )
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table(Memberships::Table)
                .col(text(Memberships::UserId))
                .col(text(Memberships::WorkspaceId))
                .col(text(Memberships::Role))
                .primary_key(Index::create().col(Memberships::UserId).col(Memberships::WorkspaceId))
                .foreign_key(
                    ForeignKey::create()
                        .from(Memberships::Table, Memberships::UserId)
                        .to(Users::Table, Users::Id)
                        .on_delete(ForeignKeyAction::Restrict),
                )
                .foreign_key(
                    ForeignKey::create()
                        .from(Memberships::Table, Memberships::WorkspaceId)
                        .to(Workspaces::Table, Workspaces::Id)
                        .on_delete(ForeignKeyAction::Restrict),
                )
                .to_owned(),
        )
        .await
}

async fn audit(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table(AuditEvents::Table)
                .col(big_integer(AuditEvents::Seq).primary_key())
                .col(big_integer(AuditEvents::At))
                .col(text(AuditEvents::Actor))
                .col(text(AuditEvents::Via))
                .col(text(AuditEvents::FromAddress))
                .col(text(AuditEvents::Action))
                .col(text(AuditEvents::Subject))
                .col(text(AuditEvents::Project))
                .col(text(AuditEvents::Summary))
                .col(text(AuditEvents::Before))
                .col(text(AuditEvents::After))
                .col(text(AuditEvents::Previous))
                .col(text(AuditEvents::Hash))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table(AuditHead::Table)
                .col(integer(AuditHead::Id).primary_key())
                .col(big_integer(AuditHead::Seq))
                .col(text(AuditHead::Hash))
                .to_owned(),
        )
        .await?;
    // The one row that every writer of an event locks, so that the chain can't fork.
    let mut head = Query::insert();
    head.into_table(AuditHead::Table).columns([AuditHead::Id, AuditHead::Seq, AuditHead::Hash]).values_panic([
        1.into(),
        0_i64.into(),
        "0".repeat(64).into(),
    ]);
    manager.execute(head).await?;
    manager
        .create_table(
            Table::create()
                .table(Settings::Table)
                .col(text(Settings::Key).primary_key())
                .col(text(Settings::Value))
                .to_owned(),
        )
        .await
}
