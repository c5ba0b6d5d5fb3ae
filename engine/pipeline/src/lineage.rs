//! Which columns of which tables a query's columns are computed from, as far as its plan says.

use datafusion::{
    common::{
        Column,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan},
};
use std::collections::{BTreeMap, BTreeSet};

/// Columns of tables: `people.age`.
type From = BTreeSet<String>;

/// The origin of each column of a plan, by name: `table.column`. A column that depends on no column has none. Columns that
/// only decide which rows are there are not counted.
pub fn of(plan: &LogicalPlan) -> BTreeMap<String, Vec<String>> {
    let origins = origins(plan);
    plan.schema()
        .fields()
        .iter()
        .zip(origins)
        .map(|(field, from)| (field.name().clone(), from.into_iter().collect()))
        .collect()
}

/// In the order of the plan's columns.
fn origins(plan: &LogicalPlan) -> Vec<From> {
    let width = plan.schema().fields().len();
    match plan {
        LogicalPlan::TableScan(scan) => plan
            .schema()
            .fields()
            .iter()
            .map(|field| From::from([format!("{}.{}", scan.table_name.table(), field.name())]))
            .collect(),
        LogicalPlan::Projection(projection) => of_expressions(&projection.expr, &projection.input),
        LogicalPlan::Aggregate(aggregate) => {
            let mut all = of_expressions(&aggregate.group_expr, &aggregate.input);
            all.extend(of_expressions(&aggregate.aggr_expr, &aggregate.input));
            all.resize(width, From::new());
            all
        }
        LogicalPlan::Window(window) => {
            let mut all = origins(&window.input);
            all.extend(of_expressions(&window.window_expr, &window.input));
            all
        }
        LogicalPlan::Union(union) => {
            let mut all = vec![From::new(); width];
            for input in &union.inputs {
                for (into, from) in all.iter_mut().zip(origins(input)) {
                    into.extend(from);
                }
            }
            all
        }
        LogicalPlan::Join(join) => {
            let mut all = origins(&join.left);
            all.extend(origins(&join.right));
            if all.len() == width {
                return all;
            }
            // A semi or anti join gives one side's columns, a mark join one more.
            let right = !join.left.schema().fields().is_empty()
                && plan.schema().fields().len() == join.right.schema().fields().len()
                && plan.schema().fields() == join.right.schema().fields();
            let mut side = origins(if right { &join.right } else { &join.left });
            side.resize(width, From::new());
            side
        }
        // Filters, orders, limits, aliases: the columns of the one input.
        other => match other.inputs().as_slice() {
            [input] if input.schema().fields().len() == width => origins(input),
            _ => vec![From::new(); width],
        },
    }
}

fn of_expressions(expressions: &[Expr], input: &LogicalPlan) -> Vec<From> {
    let inner = origins(input);
    expressions
        .iter()
        .map(|expression| {
            let (mut from, mut within) = (From::new(), From::new());
            let mut add = |column: &Column| {
                if let Some(at) = input.schema().maybe_index_of_column(column) {
                    from.extend(inner.get(at).into_iter().flatten().cloned());
                }
            };
            let _ = expression.apply(|part| {
                match part {
                    Expr::Column(column) => add(column),
                    Expr::ScalarSubquery(query) => {
                        within.extend(origins(&query.subquery).into_iter().flatten());
                        query.outer_ref_columns.iter().for_each(|outer| {
                            if let Expr::OuterReferenceColumn(_, column) = outer {
                                add(column);
                            }
                        });
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            });
            from.extend(within);
            from
        })
        .collect()
}
