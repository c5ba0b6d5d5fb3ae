//! Categories as numbers.

use super::{clean::in_sql, columns::ONE, q};
use crate::kind::{About, Ask, Query, Stop, Taken};
use datafusion::common::ScalarValue;
use schemars::JsonSchema;
use serde::Deserialize;
use trainyard_types::Problem;

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Method {
    /// A column of 0 and 1 for each value.
    OneHot,
    /// The value's place in the order.
    Ordinal,
    /// The target's mean over the rows with the value, each row by other rows than those of its fold.
    Target,
}

/// Turns categories into numbers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Encode {
    /// The columns.
    #[schemars(extend("x-names" = "columns"))]
    columns: Vec<String>,
    /// one_hot, ordinal or target.
    method: Method,
    /// one_hot: the most frequent values get a column, the others none. At most 1000.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 1000))]
    max_categories: u32,
    /// ordinal: the values in order. Left out: the order of their characters.
    #[serde(default)]
    order: Vec<String>,
    /// target: the column of 0 and 1, or of numbers.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    target: Option<String>,
    /// target: folds, 2 to 50.
    #[serde(default = "five")]
    #[schemars(range(min = 2, max = 50))]
    folds: u32,
    /// target: how many rows the mean over all rows counts for.
    #[serde(default = "ten")]
    smoothing: f64,
    /// Keep the column itself too.
    #[serde(default)]
    keep: bool,
}

fn fifty() -> u32 {
    50
}
fn five() -> u32 {
    5
}
fn ten() -> f64 {
    10.0
}

impl Query for Encode {
    const ABOUT: About = About {
        kind: "encode",
        title: "Encode categories",
        help: "Turns categories into numbers: one column a value, places in an order, or the target's mean out of fold.",
        group: "Columns",
        inputs: ONE,
        version: 1,
        sql: &[],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.columns.is_empty() {
            return Err(Problem::invalid("Name the 'columns' to encode."));
        }
        if !(1..=1000).contains(&self.max_categories) || !(2..=50).contains(&self.folds) {
            return Err(Problem::invalid("'max_categories' is 1 to 1000 and 'folds' 2 to 50."));
        }
        if !self.smoothing.is_finite() || self.smoothing < 0.0 {
            return Err(Problem::invalid("'smoothing' can't be negative."));
        }
        match (&self.target, self.method) {
            (None, Method::Target) => Err(Problem::invalid("The method 'target' needs the 'target' column.")),
            (Some(target), Method::Target) if self.columns.contains(target) => {
                Err(Problem::invalid("The target can't be encoded by itself."))
            }
            _ => Ok(()),
        }
    }
    fn sql(self, inputs: &[Taken], ask: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        let table = q(&input.table);
        let mut all: Vec<String> = Vec::new();
        for column in &input.columns {
            if self.keep || !self.columns.contains(&column.name) {
                all.push(q(&column.name));
            }
        }
        if let (Method::Target, Some(target)) = (self.method, &self.target) {
            return self.by_target(input, target, &table, all);
        }
        for name in &self.columns {
            input.need(name)?;
            let c = q(name);
            let values: Vec<ScalarValue> = if self.order.is_empty() {
                let (order, most) = match self.method {
                    Method::OneHot => (format!("count(*) DESC, {c}"), self.max_categories),
                    _ => (c.clone(), 100_000),
                };
                let found = ask(&format!(
                    "SELECT {c} FROM {table} WHERE {c} IS NOT NULL GROUP BY {c} ORDER BY {order} LIMIT {most}"
                ))?;
                found.into_iter().flatten().collect()
            } else {
                self.order.iter().map(|value| ScalarValue::from(value.as_str())).collect()
            };
            match self.method {
                Method::OneHot => all.extend(values.iter().map(|value| {
                    let name = format!("{name}_{value}");
                    format!("CASE WHEN {c} = {} THEN 1 ELSE 0 END AS {}", in_sql(value), q(&name))
                })),
                _ => {
                    let whens: Vec<String> = values
                        .iter()
                        .enumerate()
                        .map(|(i, value)| format!("WHEN {} THEN {i}", in_sql(value)))
                        .collect();
                    if whens.is_empty() {
                        return Err(Problem::invalid(format!("'{name}' has no value at all.")).into());
                    }
                    all.push(format!("CASE {c} {} END AS {}", whens.join(" "), q(&format!("{name}_code"))));
                }
            }
        }
        Ok(format!("SELECT {} FROM {table}", all.join(", ")))
    }
}

impl Encode {
    /// Each row's value comes from the rows of the other folds, so that no row's own target is in it.
    fn by_target(&self, input: &Taken, target: &str, table: &str, all: Vec<String>) -> Result<String, Stop> {
        let column = input.need(target)?;
        let boolean = column.kind == trainyard_types::dataset::ColumnType::Boolean;
        if !column.kind.is_numeric() && !boolean {
            let message = format!("The target '{target}' is {}. Make numbers of it first.", column.kind.as_str());
            return Err(Problem::invalid(message).into());
        }
        let mut made = all.clone();
        for name in &self.columns {
            input.need(name)?;
            let c = q(name);
            let sums = |what: &str| {
                format!(
                    "(COALESCE(sum({what}) OVER (PARTITION BY {c}), 0) - COALESCE(sum({what}) OVER (PARTITION BY {c}, \"__fold\"), 0))"
                )
            };
            let rest = |what: &str| format!("(sum({what}) OVER () - sum({what}) OVER (PARTITION BY \"__fold\"))");
            let prior = format!("{} / NULLIF({}, 0)", rest("\"__y\""), rest("\"__one\""));
            made.push(format!(
                "({} + {:?} * {prior}) / NULLIF({} + {1:?}, 0) AS {}",
                sums("\"__y\""),
                self.smoothing,
                sums("\"__one\""),
                q(&format!("{name}_target"))
            ));
        }
        let y = if boolean {
            format!("CASE WHEN {0} THEN 1.0 WHEN NOT {0} THEN 0.0 END", q(target))
        } else {
            format!("CAST({} AS DOUBLE)", q(target))
        };
        // Knuth's multiplicative hash spreads neighbours over the folds.
        Ok(format!(
            "SELECT {} FROM (SELECT *, ({}) AS \"__y\", CASE WHEN {} IS NULL THEN 0.0 ELSE 1.0 END AS \"__one\", \
             ((row_number() OVER () * 2654435761) % 4294967296) % {} AS \"__fold\", row_number() OVER () AS \"__row\" \
             FROM {table}) ORDER BY \"__row\"",
            made.join(", "),
            y,
            q(target),
            self.folds
        ))
    }
}
