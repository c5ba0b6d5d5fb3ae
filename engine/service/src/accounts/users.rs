//! Managing people: accounts, roles, lock-outs.

use super::{passwords, sign_in::gone};
use crate::{
    Actor, Ctx, authorise,
    projects::{named_workspace, workspace_view},
};
use trainyard_store::{Tx, accounts, audit, fresh_id, memberships, now, parse, projects::Workspace};
use trainyard_types::{
    Action, Code, Page, PageQuery, Password, Problem, Role, Timestamp, UserId, WorkspaceId,
    account::{NewUser, NewUserView, RoleView, SetRole, UserView},
};

/// Length of generated passwords, 5 bits a character.
const GENERATED: usize = 16;

/// People with their roles, by name.
///
/// # Errors
/// `Forbidden` for those who are admins nowhere.
pub async fn list_users(ctx: &Ctx, actor: &Actor, query: &PageQuery) -> Result<Page<UserView>, Problem> {
    authorise::anywhere(ctx, actor, Action::Administer).await?;
    let page = accounts::list(ctx.store(), query).await?;
    let ids: Vec<String> = page.items.iter().map(|user| user.id.clone()).collect();
    let mut roles = memberships::of_users(ctx.store().db(), &ids).await?;
    let (total, mut items) = (page.total, Vec::with_capacity(page.items.len()));
    for user in page.items {
        let held = roles.remove(&user.id).unwrap_or_default();
        items.push(user_view(user, held)?);
    }
    Ok(Page::new(items, total, query))
}

/// The person with this sign-in name, in any case.
///
/// # Errors
/// `Forbidden` for all but instance admins, `NotFound` where there is none.
pub async fn find_user(ctx: &Ctx, actor: &Actor, name: &str) -> Result<UserView, Problem> {
    authorise::instance_admin(actor)?;
    let unknown = || Problem::not_found(format!("There is no account '{name}'. Check the name."));
    let user = accounts::by_name(ctx.store().db(), name).await?.ok_or_else(unknown)?;
    let key = user.id.clone();
    let roles = memberships::of_users(ctx.store().db(), std::slice::from_ref(&key)).await?.remove(&key);
    user_view(user, roles.unwrap_or_default())
}

/// Makes an account with a role in one workspace. Without a password, one is generated, shown this once and to be
/// changed at the first sign-in.
///
/// # Errors
/// `Forbidden` for all but the workspace's admins, `Conflict` where the name is taken.
pub async fn create_user(ctx: &Ctx, actor: &Actor, input: NewUser) -> Result<NewUserView, Problem> {
    let workspace = named_workspace(ctx, actor, input.workspace.as_ref()).await?;
    let workspace_id: WorkspaceId = parse("workspaces.id", &workspace.id)?;
    authorise::workspace(ctx, actor, workspace_id, Action::Administer).await?;
    let (hash, generated) = first_password(ctx, input.password.as_ref()).await?;
    let id = UserId(fresh_id());
    let user = accounts::User {
        id: id.to_string(),
        name: input.name.to_string(),
        name_key: accounts::name_key(input.name.as_str()),
        display_name: input.display_name.to_string(),
        password_hash: hash,
        instance_admin: false,
        must_change_password: generated.is_some(),
        disabled: false,
        session_epoch: 0,
        created_at: now().0,
        last_sign_in: None,
    };
    let tx = ctx.store().begin().await?;
    let user = accounts::insert(&*tx, user).await.map_err(|error| {
        if !error.is_duplicate() {
            return Problem::from(error);
        }
        let mut problem = Problem::field("name", format!("The name '{}' is taken. Choose another.", input.name));
        problem.code = Code::Conflict;
        problem
    })?;
    memberships::set(&*tx, id, workspace_id, Some(input.role)).await?;
    let view = user_view(user, vec![(workspace.clone(), input.role)])?;
    let summary = format!("Made the account '{}' as {} in '{}'.", view.name, input.role, workspace.name);
    audit::append(&tx, actor.event("user.create", format!("user/{id}"), summary).after(&view)).await?;
    tx.commit().await?;
    Ok(NewUserView { user: view, generated_password: generated })
}

/// Gives a role in a workspace, or takes it away.
///
/// # Errors
/// `Forbidden` for all but the workspace's admins; `NotFound` for an unknown person.
pub async fn set_role(ctx: &Ctx, actor: &Actor, input: SetRole) -> Result<UserView, Problem> {
    authorise::workspace(ctx, actor, input.workspace, Action::Administer).await?;
    if input.user == actor.user && !actor.instance_admin && input.role != Some(Role::Admin) {
        return Err(Problem::conflict("You can't take your own admin role away. Ask another admin."));
    }
    let workspace = memberships::workspace_by_id(ctx.store().db(), input.workspace).await?;
    let workspace = workspace.ok_or_else(|| Problem::not_found("There is no such workspace."))?;
    let tx = ctx.store().begin().await?;
    let before = read_user(&tx, input.user).await?;
    memberships::set(&*tx, input.user, input.workspace, input.role).await?;
    let after = read_user(&tx, input.user).await?;
    let summary = match input.role {
        Some(role) => format!("'{}' is now {role} in '{}'.", after.name, workspace.name),
        None => format!("'{}' holds no role in '{}' any more.", after.name, workspace.name),
    };
    let event = actor.event("user.role.set", format!("user/{}", input.user), summary);
    audit::append(&tx, event.before(&before).after(&after)).await?;
    tx.commit().await?;
    Ok(after)
}

/// Locks a person out, with all sessions and tokens, or lets them in again.
///
/// # Errors
/// `Forbidden` for all but instance admins; `Conflict` for oneself and for the last admin.
pub async fn set_disabled(ctx: &Ctx, actor: &Actor, user: UserId, disabled: bool) -> Result<UserView, Problem> {
    authorise::instance_admin(actor)?;
    if disabled && user == actor.user {
        return Err(Problem::conflict("You can't lock yourself out. Ask another admin."));
    }
    let tx = ctx.store().begin().await?;
    let before = read_user(&tx, user).await?;
    accounts::set_disabled(&*tx, user, disabled).await?.ok_or_else(gone)?;
    let after = read_user(&tx, user).await?;
    let (action, did) = if disabled { ("user.disable", "Locked out") } else { ("user.enable", "Let in again") };
    let event = actor.event(action, format!("user/{user}"), format!("{did} '{}'.", after.name));
    audit::append(&tx, event.before(&before).after(&after)).await?;
    keep_an_admin(&tx).await?;
    tx.commit().await?;
    Ok(after)
}

/// Makes a person an admin of the whole instance, or ends that.
///
/// # Errors
/// `Forbidden` for all but instance admins; `Conflict` for the last admin.
pub async fn set_instance_admin(ctx: &Ctx, actor: &Actor, user: UserId, admin: bool) -> Result<UserView, Problem> {
    authorise::instance_admin(actor)?;
    let tx = ctx.store().begin().await?;
    let before = read_user(&tx, user).await?;
    accounts::set_instance_admin(&*tx, user, admin).await?.ok_or_else(gone)?;
    let after = read_user(&tx, user).await?;
    let verb = if admin { "is now" } else { "is no longer" };
    let summary = format!("'{}' {verb} an admin of the whole instance.", after.name);
    let event = actor.event("user.instance_admin.set", format!("user/{user}"), summary);
    audit::append(&tx, event.before(&before).after(&after)).await?;
    keep_an_admin(&tx).await?;
    tx.commit().await?;
    Ok(after)
}

/// Gives a person a new password, generated and shown this once, and ends the person's sessions.
///
/// # Errors
/// `Forbidden` for all but instance admins.
pub async fn reset_password(ctx: &Ctx, actor: &Actor, user: UserId) -> Result<NewUserView, Problem> {
    authorise::instance_admin(actor)?;
    let (hash, generated) = first_password(ctx, None).await?;
    let tx = ctx.store().begin().await?;
    accounts::set_password(&*tx, user, &hash, true).await?.ok_or_else(gone)?;
    let view = read_user(&tx, user).await?;
    let summary = format!("Gave '{}' a new password, to be changed at the next sign-in.", view.name);
    audit::append(&tx, actor.event("user.password.reset", format!("user/{user}"), summary)).await?;
    tx.commit().await?;
    Ok(NewUserView { user: view, generated_password: generated })
}

/// The hash, and the password itself where it was generated.
async fn first_password(ctx: &Ctx, given: Option<&Password>) -> Result<(String, Option<String>), Problem> {
    match given {
        Some(password) => Ok((passwords::hash(ctx, password.expose()).await?, None)),
        None => {
            let generated = passwords::generate(GENERATED)?;
            Ok((passwords::hash(ctx, &generated).await?, Some(generated)))
        }
    }
}

/// Comes after the audit event: by then this transaction holds the chain's lock and sees what all earlier ones did, so
/// that two admins can't lock each other out at the same time.
async fn keep_an_admin(tx: &Tx) -> Result<(), Problem> {
    if accounts::count_active_admins(&**tx).await? == 0 {
        return Err(Problem::conflict("This is the last admin of the instance. Name another one first."));
    }
    Ok(())
}

async fn read_user(tx: &Tx, id: UserId) -> Result<UserView, Problem> {
    let user = accounts::by_id(&**tx, id).await?.ok_or_else(gone)?;
    let key = user.id.clone();
    let roles = memberships::of_users(&**tx, std::slice::from_ref(&key)).await?.remove(&key);
    user_view(user, roles.unwrap_or_default())
}

fn user_view(user: accounts::User, roles: Vec<(Workspace, Role)>) -> Result<UserView, Problem> {
    let mut held = Vec::with_capacity(roles.len());
    for (workspace, role) in roles {
        held.push(RoleView { workspace: workspace_view(&workspace)?, role });
    }
    Ok(UserView {
        id: parse("users.id", &user.id)?,
        name: user.name,
        display_name: user.display_name,
        instance_admin: user.instance_admin,
        disabled: user.disabled,
        created_at: Timestamp(user.created_at),
        last_sign_in: user.last_sign_in.map(Timestamp),
        roles: held,
    })
}
