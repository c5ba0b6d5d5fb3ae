//! API tokens. The database holds only a hash of each.

use crate::{Store, StoreError, entity::accounts::api_token, like_pattern, now};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func, LikeExpr},
};
use trainyard_types::{Page, PageQuery, TokenId, UserId};

pub use api_token::Model as ApiToken;

/// How old `last_used` may be before a use is written down again, in milliseconds.
const LAST_USED_STEP: i64 = 60_000;

/// # Errors
/// The database failed.
pub async fn insert(db: &impl ConnectionTrait, model: ApiToken) -> Result<ApiToken, StoreError> {
    Ok(model.into_active_model().insert(db).await?)
}

/// The token with this hash, expired or not.
///
/// # Errors
/// The database failed.
pub async fn by_hash(db: &impl ConnectionTrait, hash: &str) -> Result<Option<ApiToken>, StoreError> {
    Ok(api_token::Entity::find().filter(api_token::Column::TokenHash.eq(hash)).one(db).await?)
}

/// # Errors
/// The database failed.
pub async fn by_id(db: &impl ConnectionTrait, id: TokenId) -> Result<Option<ApiToken>, StoreError> {
    Ok(api_token::Entity::find_by_id(id.to_string()).one(db).await?)
}

/// A person's tokens, newest first. `q` looks in their names.
///
/// # Errors
/// The database failed.
pub async fn of_user(store: &Store, user: UserId, query: &PageQuery) -> Result<Page<ApiToken>, StoreError> {
    let mut select = api_token::Entity::find().filter(api_token::Column::UserId.eq(user.to_string()));
    if !query.q.trim().is_empty() {
        let name = Expr::expr(Func::lower(Expr::col((api_token::Entity, api_token::Column::Name))));
        select = select.filter(name.like(LikeExpr::new(like_pattern(query.q.trim())).escape('\\')));
    }
    let total = select.clone().count(store.db()).await?;
    let items = select
        .order_by_desc(api_token::Column::CreatedAt)
        .order_by_desc(api_token::Column::Id)
        .offset(query.offset())
        .limit(query.limit())
        .all(store.db())
        .await?;
    Ok(Page::new(items, total, query))
}

/// Removes a token; whether there was one.
///
/// # Errors
/// The database failed.
pub async fn delete(db: &impl ConnectionTrait, id: TokenId) -> Result<bool, StoreError> {
    Ok(api_token::Entity::delete_by_id(id.to_string()).exec(db).await?.rows_affected > 0)
}

/// Notes that the token was used, to the minute, so that a busy client doesn't write at every request.
///
/// # Errors
/// The database failed.
pub async fn touch(db: &impl ConnectionTrait, token: &ApiToken) -> Result<(), StoreError> {
    let now = now().0;
    if token.last_used.is_some_and(|used| now - used < LAST_USED_STEP) {
        return Ok(());
    }
    api_token::Entity::update_many()
        .col_expr(api_token::Column::LastUsed, Expr::value(now))
        .filter(api_token::Column::Id.eq(token.id.clone()))
        .exec(db)
        .await?;
    Ok(())
}
