//! Messages to people. A message is sent within the transaction of what it tells of.

use crate::{
    Store, StoreError, Tx,
    accounts::name_key,
    entity::{
        accounts::{membership, project, user},
        inbox::{mute, notice, received},
    },
    fresh_id, parse,
    query::{all, count, holds, order},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, JoinType, Query, SelectStatement},
};
use trainyard_types::{
    Action, NoticeId, Page, PageQuery, ProjectId, Role, Timestamp, UserId,
    inbox::{Notice, NoticeKind, NoticeView},
};

/// Messages that one statement of a sweep deals with.
const SWEPT_AT_ONCE: u64 = 1_000;

/// Who a message is for.
#[derive(Clone, Copy, Debug)]
pub enum To<'a> {
    /// All whose role in the project's workspace allows this; instance admins where nobody holds such a role.
    Those(Action),
    /// The person of this sign-in name, who must be able to see the project.
    Person(&'a str),
}

/// Sends a message to those who have not muted its kind. Answers how many people that are.
///
/// # Errors
/// The database failed.
pub async fn send(tx: &Tx, project: ProjectId, message: &Notice, to: To<'_>, at: Timestamp) -> Result<u64, StoreError> {
    let role = || Expr::col((membership::Entity, membership::Column::Role));
    let admin = || Expr::col((user::Entity, user::Column::InstanceAdmin)).eq(true);
    let mut people = able(project);
    match to {
        To::Those(action) => {
            let roles = Role::ALL.into_iter().filter(|role| role.allows(action)).map(Role::as_str);
            let mut holders = people.clone();
            holders.and_where(role().is_in(roles));
            if count(&**tx, &holders).await? > 0 {
                people = holders;
            } else {
                people.and_where(admin());
            }
        }
        To::Person(name) => {
            people
                .and_where(Expr::col((user::Entity, user::Column::NameKey)).eq(name_key(name)))
                .and_where(role().is_not_null().or(admin()));
        }
    }
    let muted = Query::select()
        .expr(Expr::value(1))
        .from(mute::Entity)
        .and_where(Expr::col((mute::Entity, mute::Column::UserId)).equals((user::Entity, user::Column::Id)))
        .and_where(mute::Column::Kind.eq(message.kind.as_str()))
        .take();
    people.and_where(Expr::not_exists(muted));
    if count(&**tx, &people).await? == 0 {
        return Ok(0);
    }
    let id = fresh_id().to_string();
    notice::ActiveModel {
        id: Set(id.clone()),
        project_id: Set(project.to_string()),
        kind: Set(message.kind.as_str().to_owned()),
        title: Set(message.title.clone()),
        detail: Set(message.detail.clone()),
        path: Set(message.path.clone()),
        created_at: Set(at.0),
    }
    .insert(&**tx)
    .await?;
    people.expr(Expr::col((user::Entity, user::Column::Id))).expr(Expr::value(id));
    let insert = Query::insert()
        .into_table(received::Entity)
        .columns([received::Column::UserId, received::Column::NoticeId])
        .select_from(people)
        .map_err(|error| StoreError::Corrupt(error.to_string()))?
        .take();
    Ok(tx.execute(&insert).await?.rows_affected())
}

/// People who can sign in, with their roles in the project's workspace.
fn able(project: ProjectId) -> SelectStatement {
    Query::select()
        .from(user::Entity)
        .join(
            JoinType::InnerJoin,
            project::Entity,
            Expr::col((project::Entity, project::Column::Id)).eq(project.to_string()),
        )
        .join(
            JoinType::LeftJoin,
            membership::Entity,
            Expr::col((membership::Entity, membership::Column::UserId)).equals((user::Entity, user::Column::Id)).and(
                Expr::col((membership::Entity, membership::Column::WorkspaceId))
                    .equals((project::Entity, project::Column::WorkspaceId)),
            ),
        )
        .and_where(Expr::col((user::Entity, user::Column::Disabled)).eq(false))
        .take()
}

/// A person's messages of projects in these workspaces (`None`: in all).
fn mine(user: UserId, workspaces: Option<&[String]>) -> SelectStatement {
    let mut select = Query::select();
    select
        .from(received::Entity)
        .join(
            JoinType::InnerJoin,
            notice::Entity,
            Expr::col((notice::Entity, notice::Column::Id)).equals((received::Entity, received::Column::NoticeId)),
        )
        .join(
            JoinType::InnerJoin,
            project::Entity,
            Expr::col((project::Entity, project::Column::Id)).equals((notice::Entity, notice::Column::ProjectId)),
        )
        .and_where(Expr::col((received::Entity, received::Column::UserId)).eq(user.to_string()));
    if let Some(ids) = workspaces {
        select.and_where(Expr::col((project::Entity, project::Column::WorkspaceId)).is_in(ids.iter().cloned()));
    }
    select
}

fn unread_only(select: &mut SelectStatement) {
    select.and_where(Expr::col((received::Entity, received::Column::ReadAt)).is_null());
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    kind: String,
    title: String,
    detail: String,
    path: String,
    created_at: i64,
    read_at: Option<i64>,
    project: String,
    project_name: String,
}

impl Row {
    fn view(self) -> Result<NoticeView, StoreError> {
        let kind: NoticeKind = parse("notices.kind", &self.kind)?;
        Ok(NoticeView {
            id: parse("notices.id", &self.id)?,
            kind,
            severity: kind.severity(),
            title: self.title,
            detail: self.detail,
            project: self.project,
            project_name: self.project_name,
            path: self.path,
            at: Timestamp(self.created_at),
            read_at: self.read_at.map(Timestamp),
        })
    }
}

/// A person's messages of projects in these workspaces (`None`: in all), newest first. `q` looks in title and detail,
/// `state` takes `unread` and a kind's name.
///
/// # Errors
/// The database failed.
pub async fn list(
    store: &Store,
    user: UserId,
    workspaces: Option<&[String]>,
    query: &PageQuery,
) -> Result<Page<NoticeView>, StoreError> {
    let mut select = mine(user, workspaces);
    if let Some(condition) = holds(&query.q, &[notice::Column::Title, notice::Column::Detail]) {
        select.cond_where(condition);
    }
    match query.state.as_str() {
        "" => {}
        "unread" => unread_only(&mut select),
        kind => {
            select.and_where(Expr::col((notice::Entity, notice::Column::Kind)).eq(kind));
        }
    }
    let total = count(store.db(), &select).await?;
    let column = |name: notice::Column| Expr::col((notice::Entity, name));
    select
        .expr_as(column(notice::Column::Id), "id")
        .expr_as(column(notice::Column::Kind), "kind")
        .expr_as(column(notice::Column::Title), "title")
        .expr_as(column(notice::Column::Detail), "detail")
        .expr_as(column(notice::Column::Path), "path")
        .expr_as(column(notice::Column::CreatedAt), "created_at")
        .expr_as(Expr::col((received::Entity, received::Column::ReadAt)), "read_at")
        .expr_as(Expr::col((project::Entity, project::Column::Slug)), "project")
        .expr_as(Expr::col((project::Entity, project::Column::Name)), "project_name")
        .limit(query.limit())
        .offset(query.offset());
    order(&mut select, received::Column::NoticeId, true);
    let rows: Vec<Row> = all(store.db(), &select).await?;
    let items = rows.into_iter().map(Row::view).collect::<Result<_, _>>()?;
    Ok(Page::new(items, total, query))
}

/// How many messages of projects in these workspaces (`None`: in all) a person has not read.
///
/// # Errors
/// The database failed.
pub async fn unread(db: &impl ConnectionTrait, user: UserId, workspaces: Option<&[String]>) -> Result<u64, StoreError> {
    let mut select = mine(user, workspaces);
    unread_only(&mut select);
    count(db, &select).await
}

/// Which messages are to be marked as read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Which<'a> {
    /// Of projects in these workspaces; `None`: in all.
    pub workspaces: Option<&'a [String]>,
    /// These; `None`: all.
    pub ids: Option<&'a [NoticeId]>,
    /// That came up to this instant.
    pub until: Option<Timestamp>,
}

/// Marks a person's messages as read; those that were keep their instant. Answers how many became read.
///
/// # Errors
/// The database failed.
pub async fn mark_read(
    db: &impl ConnectionTrait,
    user: UserId,
    which: Which<'_>,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let mut about = Query::select();
    about
        .expr(Expr::value(1))
        .from(notice::Entity)
        .join(
            JoinType::InnerJoin,
            project::Entity,
            Expr::col((project::Entity, project::Column::Id)).equals((notice::Entity, notice::Column::ProjectId)),
        )
        .and_where(
            Expr::col((notice::Entity, notice::Column::Id)).equals((received::Entity, received::Column::NoticeId)),
        );
    if let Some(ids) = which.workspaces {
        about.and_where(Expr::col((project::Entity, project::Column::WorkspaceId)).is_in(ids.iter().cloned()));
    }
    if let Some(until) = which.until {
        about.and_where(Expr::col((notice::Entity, notice::Column::CreatedAt)).lte(until.0));
    }
    let mut update = received::Entity::update_many()
        .col_expr(received::Column::ReadAt, Expr::value(at.0))
        .filter(received::Column::UserId.eq(user.to_string()))
        .filter(received::Column::ReadAt.is_null())
        .filter(Expr::exists(about));
    if let Some(ids) = which.ids {
        update = update.filter(received::Column::NoticeId.is_in(ids.iter().map(ToString::to_string)));
    }
    Ok(update.exec(db).await?.rows_affected)
}

/// Kinds of messages that a person does not want.
///
/// # Errors
/// The database failed.
pub async fn mutes(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<NoticeKind>, StoreError> {
    let models = mute::Entity::find().filter(mute::Column::UserId.eq(user.to_string())).all(db).await?;
    let mut kinds: Vec<NoticeKind> =
        models.iter().map(|model| parse("inbox_mutes.kind", &model.kind)).collect::<Result<_, _>>()?;
    kinds.sort();
    Ok(kinds)
}

/// Puts other mutes in place of a person's. The kinds must differ.
///
/// # Errors
/// The database failed.
pub async fn set_mutes(tx: &Tx, user: UserId, kinds: &[NoticeKind]) -> Result<(), StoreError> {
    mute::Entity::delete_many().filter(mute::Column::UserId.eq(user.to_string())).exec(&**tx).await?;
    for kind in kinds {
        let model = mute::Model { user_id: user.to_string(), kind: kind.to_string() };
        mute::Entity::insert(model.into_active_model()).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// Removes what people have read of messages from before `before`, and messages that nobody has any more. Answers how many
/// rows of people went.
///
/// # Errors
/// The database failed; what was done before stands.
pub async fn sweep(db: &impl ConnectionTrait, before: Timestamp) -> Result<u64, StoreError> {
    let mut gone = 0;
    loop {
        let old: Vec<String> = received::Entity::find()
            .select_only()
            .column(received::Column::NoticeId)
            .distinct()
            .filter(received::Column::ReadAt.is_not_null())
            .filter(
                received::Column::NoticeId.in_subquery(
                    Query::select()
                        .column(notice::Column::Id)
                        .from(notice::Entity)
                        .and_where(notice::Column::CreatedAt.lt(before.0))
                        .take(),
                ),
            )
            .limit(SWEPT_AT_ONCE)
            .into_tuple()
            .all(db)
            .await?;
        if old.is_empty() {
            return Ok(gone);
        }
        let removed = received::Entity::delete_many()
            .filter(received::Column::NoticeId.is_in(old.iter().cloned()))
            .filter(received::Column::ReadAt.is_not_null())
            .exec(db)
            .await?;
        gone += removed.rows_affected;
        let kept = Query::select()
            .expr(Expr::value(1))
            .from(received::Entity)
            .and_where(
                Expr::col((received::Entity, received::Column::NoticeId)).equals((notice::Entity, notice::Column::Id)),
            )
            .take();
        notice::Entity::delete_many()
            .filter(notice::Column::Id.is_in(old))
            .filter(Expr::not_exists(kept))
            .exec(db)
            .await?;
    }
}
