//! Connections: kept with their secrets sealed, tried out, changed.

use super::secrets;
use crate::{Actor, Ctx, authorise};
use trainyard_sources::{Access, Secret};
use trainyard_store::{self as store, StoreError, audit, fresh_id, now, sources::connections::Stored};
use trainyard_types::{
    Action, ConnectionId, Problem, ProjectId, ResourceName, Slug,
    source::{ConnectionSettings, ConnectionTest, ConnectionView, EditConnection, NewConnection, SecretText},
};

/// The project's connections by name, without their secrets.
///
/// # Errors
/// There is no such project for the caller.
pub async fn list(ctx: &Ctx, actor: &Actor, project: &Slug) -> Result<Vec<ConnectionView>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    Ok(store::sources::connections::list(ctx.store().db(), scope.project).await?)
}

/// Keeps a connection.
///
/// # Errors
/// The caller may not write, a value is missing or too long, or the name is taken.
pub async fn create(ctx: &Ctx, actor: &Actor, project: &Slug, input: NewConnection) -> Result<ConnectionView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let NewConnection { name, settings, secret } = input;
    check(&settings)?;
    let id = ConnectionId(fresh_id());
    let sealed = given(&settings, secret)?.map(|text| secrets::seal(ctx, id, &text)).transpose()?;
    let tx = ctx.store().begin().await?;
    let row = (name.as_str(), &settings, sealed);
    store::sources::connections::create(&tx, scope.project, id, row, now(), &actor.name)
        .await
        .map_err(|error| taken(error, &name))?;
    let view = stored(&*tx, scope.project, id).await?.view;
    let words = format!("Made connection '{name}' to {} ({}).", settings.place(), settings.kind());
    let event = actor.event("connection.create", format!("connection/{id}"), words);
    audit::append(&tx, event.in_project(&scope.slug).after(&view.settings)).await?;
    tx.commit().await?;
    Ok(view)
}

/// Changes a connection. Its secret stays, unless another is given; where anything else than its name changes, it has to be
/// given again, so that nobody can have a password sent elsewhere that they do not know.
///
/// # Errors
/// As [`create`]; there is no such connection for the caller; the secret is missing.
pub async fn edit(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    id: ConnectionId,
    input: EditConnection,
) -> Result<ConnectionView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let EditConnection { name, settings, secret } = input;
    check(&settings)?;
    let tx = ctx.store().begin().await?;
    let before = stored(&*tx, scope.project, id).await?;
    let sealed = match given(&settings, secret)? {
        Some(text) => Some(secrets::seal(ctx, id, &text)?),
        None if settings == before.view.settings => before.secret,
        None if before.secret.is_none() => None,
        None => {
            return Err(Problem::field(
                "secret",
                "The connection leads elsewhere now: type its secret again, so that it is not sent to a place it was not \
                 meant for.",
            ));
        }
    };
    store::sources::connections::update(&tx, id, (name.as_str(), &settings, sealed))
        .await
        .map_err(|error| taken(error, &name))?;
    let view = stored(&*tx, scope.project, id).await?.view;
    let words = format!("Changed connection '{name}' to {}.", settings.place());
    let event = actor.event("connection.edit", format!("connection/{id}"), words).in_project(&scope.slug);
    audit::append(&tx, event.before(&before.view.settings).after(&view.settings)).await?;
    tx.commit().await?;
    Ok(view)
}

/// Forgets a connection and its secret. Data sets that came through it stay.
///
/// # Errors
/// There is none for the caller, or the caller may not write.
pub async fn remove(ctx: &Ctx, actor: &Actor, project: &Slug, id: ConnectionId) -> Result<(), Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let tx = ctx.store().begin().await?;
    let view = stored(&*tx, scope.project, id).await?.view;
    store::sources::connections::delete(&tx, id).await?;
    let words = format!("Removed connection '{}' to {}.", view.name, view.settings.place());
    let event = actor.event("connection.remove", format!("connection/{id}"), words);
    audit::append(&tx, event.in_project(&scope.slug).before(&view.settings)).await?;
    Ok(tx.commit().await?)
}

/// Tries a connection and looks what is there.
///
/// # Errors
/// In words, why it does not work.
pub async fn test(ctx: &Ctx, actor: &Actor, project: &Slug, id: ConnectionId) -> Result<ConnectionTest, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let (settings, secret) = usable(ctx, scope.project, id).await?;
    let access = Access { rules: &ctx.settings().sources, connection: Some(&settings), secret: secret.as_ref() };
    trainyard_sources::test(access).await
}

/// A connection with its secret opened.
pub(super) async fn usable(
    ctx: &Ctx,
    project: ProjectId,
    id: ConnectionId,
) -> Result<(ConnectionSettings, Option<Secret>), Problem> {
    let Stored { view, secret } = stored(ctx.store().db(), project, id).await?;
    let secret = secret.map(|sealed| secrets::open(ctx, id, &sealed)).transpose()?;
    Ok((view.settings, secret))
}

pub(super) async fn stored(
    db: &impl trainyard_store::ConnectionTrait,
    project: ProjectId,
    id: ConnectionId,
) -> Result<Stored, Problem> {
    store::sources::connections::get(db, project, id)
        .await?
        .ok_or_else(|| Problem::not_found("There is no such connection. Choose another one."))
}

fn taken(error: StoreError, name: &ResourceName) -> Problem {
    if error.is_duplicate() {
        return Problem::field("name", format!("There is a connection '{name}' already. Choose another name."));
    }
    error.into()
}

/// The secret where one was given and is of use.
fn given(settings: &ConnectionSettings, secret: Option<SecretText>) -> Result<Option<String>, Problem> {
    let Some(SecretText(text)) = secret.filter(|secret| !secret.0.is_empty()) else { return Ok(None) };
    if matches!(settings, ConnectionSettings::Sqlite { .. }) {
        return Err(Problem::field("secret", "A SQLite file has no password. Leave it empty."));
    }
    if text.len() > 4096 {
        return Err(Problem::field("secret", "Use at most 4,096 bytes."));
    }
    Ok(Some(text))
}

fn check(settings: &ConnectionSettings) -> Result<(), Problem> {
    let needed: &[(&'static str, &str)] = match settings {
        ConnectionSettings::S3 { bucket, .. } => &[("bucket", bucket)],
        ConnectionSettings::Postgres { host, database, user, .. } => {
            &[("host", host), ("database", database), ("user", user)]
        }
        ConnectionSettings::Sqlite { path } => &[("path", path)],
    };
    for (field, text) in needed {
        if text.trim().is_empty() {
            return Err(Problem::field(*field, "This has to be filled in."));
        }
    }
    let rest: &[&str] = match settings {
        ConnectionSettings::S3 { region, endpoint, access_key, .. } => {
            &[region, endpoint.as_deref().unwrap_or(""), access_key.as_deref().unwrap_or("")]
        }
        _ => &[],
    };
    if needed
        .iter()
        .map(|(_, text)| *text)
        .chain(rest.iter().copied())
        .any(|text| text.len() > 1024 || text.chars().any(char::is_control))
    {
        return Err(Problem::invalid("Use at most 1,024 characters in each field, and no control characters."));
    }
    Ok(())
}
