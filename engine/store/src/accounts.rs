//! People.

use crate::{Store, StoreError, entity::accounts::user, like_pattern, now};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func, LikeExpr, SimpleExpr},
};
use trainyard_types::{Page, PageQuery, UserId};

pub use user::Model as User;

/// A name as it is compared: two people may not differ in case alone.
pub fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// # Errors
/// [`StoreError::Duplicate`] where the name is taken.
pub async fn insert(db: &impl ConnectionTrait, user: User) -> Result<User, StoreError> {
    Ok(user.into_active_model().insert(db).await?)
}

/// # Errors
/// The database failed.
pub async fn by_id(db: &impl ConnectionTrait, id: UserId) -> Result<Option<User>, StoreError> {
    Ok(user::Entity::find_by_id(id.to_string()).one(db).await?)
}

/// Finds a person by sign-in name, in any case.
///
/// # Errors
/// The database failed.
pub async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<User>, StoreError> {
    Ok(user::Entity::find().filter(user::Column::NameKey.eq(name_key(name))).one(db).await?)
}

/// # Errors
/// The database failed.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, StoreError> {
    Ok(user::Entity::find().count(db).await?)
}

/// Instance admins that can sign in.
///
/// # Errors
/// The database failed.
pub async fn count_active_admins(db: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let admins =
        user::Entity::find().filter(user::Column::InstanceAdmin.eq(true)).filter(user::Column::Disabled.eq(false));
    Ok(admins.count(db).await?)
}

/// People by name. `q` looks in both names, `state` takes `active` and `disabled`, `sort` takes `name`, `created_at`
/// and `last_sign_in`.
///
/// # Errors
/// The database failed.
pub async fn list(store: &Store, query: &PageQuery) -> Result<Page<User>, StoreError> {
    let mut select = user::Entity::find();
    if !query.q.trim().is_empty() {
        let pattern = like_pattern(query.q.trim());
        let like = |column: user::Column| -> SimpleExpr {
            Expr::expr(Func::lower(Expr::col((user::Entity, column)))).like(LikeExpr::new(pattern.clone()).escape('\\'))
        };
        select = select.filter(Condition::any().add(like(user::Column::Name)).add(like(user::Column::DisplayName)));
    }
    match query.state.as_str() {
        "active" => select = select.filter(user::Column::Disabled.eq(false)),
        "disabled" => select = select.filter(user::Column::Disabled.eq(true)),
        _ => {}
    }
    let total = select.clone().count(store.db()).await?;
    let select = match query.sort.as_str() {
        "-name" => select.order_by_desc(user::Column::NameKey),
        "created_at" => select.order_by_asc(user::Column::CreatedAt),
        "-created_at" => select.order_by_desc(user::Column::CreatedAt),
        "last_sign_in" => select.order_by_asc(user::Column::LastSignIn),
        "-last_sign_in" => select.order_by_desc(user::Column::LastSignIn),
        _ => select.order_by_asc(user::Column::NameKey),
    };
    let people =
        select.order_by_asc(user::Column::Id).offset(query.offset()).limit(query.limit()).all(store.db()).await?;
    Ok(Page::new(people, total, query))
}

async fn update(
    db: &impl ConnectionTrait,
    id: UserId,
    changes: Vec<(user::Column, SimpleExpr)>,
) -> Result<Option<User>, StoreError> {
    let mut update = user::Entity::update_many().filter(user::Column::Id.eq(id.to_string()));
    for (column, value) in changes {
        update = update.col_expr(column, value);
    }
    Ok(update.exec_with_returning(db).await?.pop())
}

fn next_epoch() -> (user::Column, SimpleExpr) {
    (user::Column::SessionEpoch, Expr::col(user::Column::SessionEpoch).add(1_i64))
}

/// Sets a new password and voids all sessions. `None`: there is no such person.
///
/// # Errors
/// The database failed.
pub async fn set_password(
    db: &impl ConnectionTrait,
    id: UserId,
    hash: &str,
    must_change: bool,
) -> Result<Option<User>, StoreError> {
    let changes = vec![
        (user::Column::PasswordHash, Expr::value(hash)),
        (user::Column::MustChangePassword, Expr::value(must_change)),
        next_epoch(),
    ];
    update(db, id, changes).await
}

/// Voids all sessions. `None`: there is no such person.
///
/// # Errors
/// The database failed.
pub async fn end_sessions(db: &impl ConnectionTrait, id: UserId) -> Result<Option<User>, StoreError> {
    update(db, id, vec![next_epoch()]).await
}

/// Locks a person out (all sessions become void) or lets them in again. `None`: there is no such person.
///
/// # Errors
/// The database failed.
pub async fn set_disabled(db: &impl ConnectionTrait, id: UserId, disabled: bool) -> Result<Option<User>, StoreError> {
    update(db, id, vec![(user::Column::Disabled, Expr::value(disabled)), next_epoch()]).await
}

/// Makes a person an admin of the whole instance, or ends that. `None`: there is no such person.
///
/// # Errors
/// The database failed.
pub async fn set_instance_admin(
    db: &impl ConnectionTrait,
    id: UserId,
    admin: bool,
) -> Result<Option<User>, StoreError> {
    update(db, id, vec![(user::Column::InstanceAdmin, Expr::value(admin))]).await
}

/// # Errors
/// The database failed.
pub async fn touch_sign_in(db: &impl ConnectionTrait, id: UserId) -> Result<Option<User>, StoreError> {
    update(db, id, vec![(user::Column::LastSignIn, Expr::value(now().0))]).await
}
