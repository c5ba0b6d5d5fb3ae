//! Small parts that queries are put together from.

use crate::{StoreError, like_pattern};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, IdenStatic, Iterable,
    sea_query::{Expr, Func, LikeExpr, NullOrdering, Order, SelectStatement},
};

/// Adds columns of an entity, each under its name with `prefix` before it.
pub(crate) fn pick<E: EntityTrait>(select: &mut SelectStatement, entity: E, prefix: &str, columns: &[E::Column]) {
    for column in columns {
        select.expr_as(Expr::col((entity, *column)), format!("{prefix}{}", column.as_str()));
    }
}

/// Adds all columns of an entity.
pub(crate) fn pick_all<E: EntityTrait>(select: &mut SelectStatement, entity: E, prefix: &str) {
    let columns: Vec<E::Column> = E::Column::iter().collect();
    pick(select, entity, prefix, &columns);
}

/// All rows of a query.
pub(crate) async fn all<T: FromQueryResult>(
    db: &impl ConnectionTrait,
    select: &SelectStatement,
) -> Result<Vec<T>, StoreError> {
    let rows = db.query_all(select).await?;
    Ok(rows.iter().map(|row| T::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// The first row of a query.
pub(crate) async fn one<T: FromQueryResult>(
    db: &impl ConnectionTrait,
    select: &SelectStatement,
) -> Result<Option<T>, StoreError> {
    let row = db.query_one(select).await?;
    Ok(row.map(|row| T::from_query_result(&row, "")).transpose()?)
}

/// How many rows a query without its columns, order and limits finds.
pub(crate) async fn count(db: &impl ConnectionTrait, select: &SelectStatement) -> Result<u64, StoreError> {
    let mut select = select.clone();
    select.clear_selects().clear_order_by().reset_limit().reset_offset();
    select.expr_as(Func::count(Expr::cust("*")), "n");
    let row = db.query_one(&select).await?;
    let n: i64 = row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0);
    Ok(unsigned(n))
}

/// Rows where one of the columns holds the words, in any case; all rows for empty words.
pub(crate) fn holds<C: ColumnTrait>(words: &str, columns: &[C]) -> Option<Condition> {
    let words = words.trim();
    if words.is_empty() {
        return None;
    }
    let pattern = like_pattern(words);
    let mut any = Condition::any();
    for column in columns {
        let lower = Expr::expr(Func::lower(Expr::col(column.as_column_ref())));
        any = any.add(lower.like(LikeExpr::new(pattern.clone()).escape('\\')));
    }
    Some(any)
}

/// Orders by a column that every row has a value in: an index on it serves.
pub(crate) fn order<C: ColumnTrait>(select: &mut SelectStatement, column: C, down: bool) {
    select.order_by(column.as_column_ref(), if down { Order::Desc } else { Order::Asc });
}

/// Orders by a column, with rows that lack a value last either way.
pub(crate) fn order_nulls_last<C: ColumnTrait>(select: &mut SelectStatement, column: C, down: bool) {
    let order = if down { Order::Desc } else { Order::Asc };
    select.order_by_with_nulls(column.as_column_ref(), order, NullOrdering::Last);
}

/// `-name` is `name` downwards.
pub(crate) fn direction(sort: &str) -> (&str, bool) {
    match sort.strip_prefix('-') {
        Some(name) => (name, true),
        None => (sort, false),
    }
}

/// A count from its column; nothing the program writes is negative.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A count for its column.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
