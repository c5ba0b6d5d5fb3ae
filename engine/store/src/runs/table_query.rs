//! Filter and order of the runs table, as parts of a query.

use super::entries::Kind;
use crate::{
    entity::{dataset, dataset_version, job, run, run_value},
    query::order_nulls_last,
};
use sea_orm::{
    ExprTrait,
    sea_query::{
        Expr, Func, JoinType, LikeExpr, NullOrdering, Order as Direction, Query, SelectStatement,
        extension::sqlite::SqliteExpr,
    },
};
use trainyard_types::experiments::{Attribute, Field, Filter, Order, Pick, Test, higher_is_better};

/// The joined row that decides the order.
const SORTED: &str = "sorted";

/// Joins what the attributes in use stand in.
pub(super) fn join(select: &mut SelectStatement, fields: &[&Field], words: bool, state: bool) {
    let uses = |wanted: Attribute| fields.iter().any(|field| **field == Field::Attribute(wanted));
    if state || uses(Attribute::State) {
        select.join(
            JoinType::InnerJoin,
            job::Entity,
            Expr::col((job::Entity, job::Column::RunId)).equals((run::Entity, run::Column::Id)),
        );
    }
    if words || uses(Attribute::Dataset) {
        select.join(
            JoinType::InnerJoin,
            dataset::Entity,
            Expr::col((dataset::Entity, dataset::Column::Id)).equals((run::Entity, run::Column::DatasetId)),
        );
    }
    if uses(Attribute::Version) {
        select.join(
            JoinType::InnerJoin,
            dataset_version::Entity,
            Expr::col((dataset_version::Entity, dataset_version::Column::Id))
                .equals((run::Entity, run::Column::DatasetVersionId)),
        );
    }
}

/// Where an attribute stands.
fn column(attribute: Attribute) -> Expr {
    let of_run = |column: run::Column| Expr::col((run::Entity, column));
    match attribute {
        Attribute::Name => of_run(run::Column::Name),
        Attribute::State => Expr::col((job::Entity, job::Column::State)),
        Attribute::Dataset => Expr::col((dataset::Entity, dataset::Column::Name)),
        Attribute::Version => Expr::col((dataset_version::Entity, dataset_version::Column::Number)),
        Attribute::Target => of_run(run::Column::Target),
        Attribute::Task => of_run(run::Column::Task),
        Attribute::Family => of_run(run::Column::Family),
        Attribute::Model => Expr::expr(Func::coalesce([of_run(run::Column::Trained), of_run(run::Column::Family)])),
        Attribute::Score => of_run(run::Column::Score),
        Attribute::Verdict => of_run(run::Column::Verdict),
        Attribute::Device => of_run(run::Column::Device),
        Attribute::Seconds => of_run(run::Column::Seconds),
        Attribute::CreatedBy => of_run(run::Column::CreatedBy),
        Attribute::Created => of_run(run::Column::CreatedAt),
        // The last two are no values; nobody filters or sorts by them.
        Attribute::Id | Attribute::Curve | Attribute::Tags => of_run(run::Column::Id),
    }
}

/// Adds the filter's conditions.
pub(super) fn narrow(select: &mut SelectStatement, filter: &Filter, postgres: bool) {
    for clause in &filter.clauses {
        let test = &clause.test;
        let condition = match &clause.field {
            Field::Attribute(attribute) => check(test, column(*attribute), column(*attribute), postgres),
            Field::Metric { key, pick } => {
                let number = picked(key, *pick, |column| Expr::col((run_value::Entity, column)));
                has(Kind::Metric, key, test, number, postgres)
            }
            Field::Param { key } => has(Kind::Param, key, test, of_value(run_value::Column::Number), postgres),
            Field::Tag { key } => has(Kind::Tag, key, test, of_value(run_value::Column::Number), postgres),
        };
        select.and_where(condition);
    }
}

fn of_value(column: run_value::Column) -> Expr {
    Expr::col((run_value::Entity, column))
}

/// Of a metric that was measured more than once, the value asked for.
fn picked(key: &str, pick: Pick, column: impl Fn(run_value::Column) -> Expr) -> Expr {
    use run_value::Column;
    let extreme = match (pick, higher_is_better(key)) {
        (Pick::Min, _) | (Pick::Best, Some(false)) => Column::Least,
        (Pick::Max, _) | (Pick::Best, Some(true)) => Column::Most,
        (Pick::Last, _) | (Pick::Best, None) => return column(Column::Number),
    };
    Expr::expr(Func::coalesce([column(extreme), column(Column::Number)]))
}

/// Whether the run has a value that passes; for `is null`, whether it has none.
fn has(kind: Kind, key: &str, test: &Test, number: Expr, postgres: bool) -> Expr {
    let mut values = Query::select();
    values
        .expr(Expr::value(1))
        .from(run_value::Entity)
        .and_where(of_value(run_value::Column::RunId).equals((run::Entity, run::Column::Id)))
        .and_where(of_value(run_value::Column::Kind).eq(kind.as_str()))
        .and_where(of_value(run_value::Column::Key).eq(key));
    match test {
        Test::Missing { not: false } => return Expr::not_exists(values),
        Test::Missing { not: true } => {}
        test => {
            values.and_where(check(test, of_value(run_value::Column::Words), number, postgres));
        }
    }
    Expr::exists(values)
}

fn check(test: &Test, words: Expr, number: Expr, postgres: bool) -> Expr {
    match test {
        Test::Number(order, value) => match order {
            Order::Equal => number.eq(*value),
            Order::NotEqual => number.ne(*value),
            Order::Less => number.lt(*value),
            Order::AtMost => number.lte(*value),
            Order::More => number.gt(*value),
            Order::AtLeast => number.gte(*value),
        },
        Test::Text { not: false, value } => words.eq(value.as_str()),
        Test::Text { not: true, value } => words.ne(value.as_str()),
        Test::Like { any_case: true, pattern } => Expr::expr(Func::lower(words)).like(like(&pattern.to_lowercase())),
        Test::Like { any_case: false, pattern } if postgres => words.like(like(pattern)),
        // SQLite's LIKE looks past the case.
        Test::Like { any_case: false, pattern } => words.glob(glob(pattern)),
        Test::OneOf { not: false, values } => words.is_in(values.iter().map(String::as_str)),
        Test::OneOf { not: true, values } => words.is_not_in(values.iter().map(String::as_str)),
        Test::Missing { not: false } => words.is_null(),
        Test::Missing { not: true } => words.is_not_null(),
    }
}

/// A backslash stands for itself.
fn like(pattern: &str) -> LikeExpr {
    LikeExpr::new(pattern.replace('\\', "\\\\")).escape('\\')
}

/// The same pattern as GLOB has it.
fn glob(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        match c {
            '%' => out.push('*'),
            '_' => out.push('?'),
            '*' | '?' | '[' => out.extend(['[', c, ']']),
            c => out.push(c),
        }
    }
    out
}

/// Adds the order; runs without a value come last either way.
pub(super) fn sort(select: &mut SelectStatement, field: &Field, down: bool) {
    let direction = || if down { Direction::Desc } else { Direction::Asc };
    let sorted = |column: run_value::Column| Expr::col((SORTED, column));
    let (kind, key) = match field {
        Field::Attribute(Attribute::Score) => return order_nulls_last(select, run::Column::Score, down),
        Field::Attribute(attribute) => {
            select.order_by_expr_with_nulls(column(*attribute), direction(), NullOrdering::Last);
            return;
        }
        Field::Metric { key, .. } => (Kind::Metric, key),
        Field::Param { key } => (Kind::Param, key),
        Field::Tag { key } => (Kind::Tag, key),
    };
    let same = sorted(run_value::Column::RunId)
        .equals((run::Entity, run::Column::Id))
        .and(sorted(run_value::Column::Kind).eq(kind.as_str()))
        .and(sorted(run_value::Column::Key).eq(key.as_str()));
    select.join_as(JoinType::LeftJoin, run_value::Entity, SORTED, same);
    let number = match field {
        Field::Metric { key, pick } => picked(key, *pick, sorted),
        _ => sorted(run_value::Column::Number),
    };
    select.order_by_expr_with_nulls(number, direction(), NullOrdering::Last);
    if kind != Kind::Metric {
        select.order_by_expr_with_nulls(sorted(run_value::Column::Words), direction(), NullOrdering::Last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_the_same_in_both_databases() {
        for (pattern, expected) in [("a%_b", "a*?b"), ("[x]*?", "[[]x][*][?]"), ("\\", "\\"), ("", "")] {
            assert_eq!(glob(pattern), expected);
        }
    }
}
