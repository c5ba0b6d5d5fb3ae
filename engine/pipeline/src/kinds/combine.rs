//! SQL, joins, aggregates and windows.

use super::{
    columns::{ONE, expression},
    q,
};
use crate::kind::{About, Ask, Query, Stop, Taken};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use trainyard_types::Problem;

/// A query over the inputs.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sql {
    /// One SELECT, also with WITH. Inputs are tables under their steps' names; parameters stand as ${name}, without quotes.
    query: String,
}

impl Query for Sql {
    const ABOUT: About = About {
        kind: "sql",
        title: "SQL query",
        help: "Asks the inputs by one SELECT.",
        group: "Data",
        inputs: (1, 32),
        version: 1,
        sql: &["query"],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.query.trim().is_empty() {
            return Err(Problem::invalid("The query is empty. Write one SELECT."));
        }
        Ok(())
    }
    fn sql(self, _: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        Ok(self.query)
    }
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    #[default]
    Inner,
    Left,
    Right,
    Full,
    /// Rows of the first that have a partner.
    Semi,
    /// Rows of the first that have none.
    Anti,
}

/// The same names on both sides, or pairs.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum On {
    One(String),
    Same(Vec<String>),
    Pairs(BTreeMap<String, String>),
}

/// Joins two tables.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The columns that have to be equal: a name, a list of names, or {first: second} where they differ.
    #[schemars(extend("x-names" = "columns"))]
    on: On,
    /// Which rows stay without a partner.
    #[serde(default)]
    how: How,
    /// What is put behind the second table's column where the first has one of the same name.
    #[serde(default = "right")]
    suffix: String,
}

fn right() -> String {
    "_right".into()
}

impl Query for Join {
    const ABOUT: About = About {
        kind: "join",
        title: "Join",
        help: "Puts the rows of two tables together where columns are equal.",
        group: "Data",
        inputs: (2, 2),
        version: 1,
        sql: &[],
    };
    fn check(&self) -> Result<(), Problem> {
        let empty = match &self.on {
            On::One(name) => name.is_empty(),
            On::Same(names) => names.is_empty(),
            On::Pairs(pairs) => pairs.is_empty(),
        };
        if empty { Err(Problem::invalid("Name the columns to join 'on'.")) } else { Ok(()) }
    }
    fn sql(self, inputs: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        let (left, right) = (&inputs[0], &inputs[1]);
        let pairs: Vec<(String, String)> = match self.on {
            On::One(name) => vec![(name.clone(), name)],
            On::Same(names) => names.into_iter().map(|name| (name.clone(), name)).collect(),
            On::Pairs(pairs) => pairs.into_iter().collect(),
        };
        for (a, b) in &pairs {
            let (a, b) = (left.need(a)?, right.need(b)?);
            if a.kind != b.kind && !(a.kind.is_numeric() && b.kind.is_numeric()) {
                return Err(Problem::invalid(format!(
                    "'{}' is {} in '{}' and '{}' {} in '{}'. Make them alike by a cast step before.",
                    a.name,
                    a.kind.as_str(),
                    left.name,
                    b.name,
                    b.kind.as_str(),
                    right.name
                ))
                .into());
            }
        }
        let condition: Vec<String> = pairs.iter().map(|(a, b)| format!("l.{} = r.{}", q(a), q(b))).collect();
        let mut all: Vec<String> = Vec::new();
        let mut names: BTreeSet<String> = BTreeSet::new();
        let both = matches!(self.how, How::Right | How::Full);
        for column in &left.columns {
            let pair = pairs.iter().find(|(a, b)| *a == column.name && a == b);
            let name = q(&column.name);
            all.push(match pair {
                // A key of a row that only the second table has.
                Some(_) if both => format!("COALESCE(l.{name}, r.{name}) AS {name}"),
                _ => format!("l.{name} AS {name}"),
            });
            names.insert(column.name.clone());
        }
        if !matches!(self.how, How::Semi | How::Anti) {
            for column in &right.columns {
                if pairs.iter().any(|(a, b)| a == b && *b == column.name) {
                    continue;
                }
                let mut name = column.name.clone();
                if names.contains(&name) {
                    name.push_str(&self.suffix);
                }
                if !names.insert(name.clone()) {
                    let message = format!("Two columns would be named '{name}'. Choose another 'suffix'.");
                    return Err(Problem::invalid(message).into());
                }
                all.push(format!("r.{} AS {}", q(&column.name), q(&name)));
            }
        }
        let how = match self.how {
            How::Inner => "INNER",
            How::Left => "LEFT",
            How::Right => "RIGHT",
            How::Full => "FULL",
            How::Semi => "LEFT SEMI",
            How::Anti => "LEFT ANTI",
        };
        Ok(format!(
            "SELECT {} FROM {} AS l {how} JOIN {} AS r ON {}",
            all.join(", "),
            q(&left.table),
            q(&right.table),
            condition.join(" AND ")
        ))
    }
}

/// Sums rows up.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// One row for each combination of these columns' values; none: one row in all.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    by: Vec<String>,
    /// SQL aggregates by the name of the column that they make: {rows: count(*), mean_age: avg(age)}.
    columns: BTreeMap<String, String>,
}

impl Query for Aggregate {
    const ABOUT: About = About {
        kind: "aggregate",
        title: "Aggregate",
        help: "Counts, sums and averages rows by groups.",
        group: "Data",
        inputs: ONE,
        version: 1,
        sql: &["columns"],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.columns.is_empty() {
            return Err(Problem::invalid("Name a column to make, such as {rows: count(*)}."));
        }
        if let Some(name) = self.by.iter().find(|name| self.columns.contains_key(*name)) {
            return Err(Problem::invalid(format!("'{name}' is in 'by' already. Choose another name.")));
        }
        self.columns.values().try_for_each(|text| expression(text))
    }
    fn sql(self, inputs: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        for name in &self.by {
            input.need(name)?;
        }
        let by: Vec<String> = self.by.iter().map(|name| q(name)).collect();
        let mut all = by.clone();
        all.extend(self.columns.iter().map(|(name, made)| format!("{made} AS {}", q(name))));
        let group = if by.is_empty() { String::new() } else { format!(" GROUP BY {0} ORDER BY {0}", by.join(", ")) };
        Ok(format!("SELECT {} FROM {}{group}", all.join(", "), q(&input.table)))
    }
}

/// Computes columns over neighbouring rows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// SQL window functions or aggregates by the name of the column that they make: {last: lag(price), mean: avg(price)}.
    columns: BTreeMap<String, String>,
    /// Rows are neighbours only where these are equal.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    partition_by: Vec<String>,
    /// The order of the rows; a '-' in front turns it round.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    order_by: Vec<String>,
    /// Only this many rows before each and the row itself. Left out: all up to the row where there is an order.
    #[serde(default)]
    preceding: Option<u32>,
}

impl Query for Window {
    const ABOUT: About = About {
        kind: "window",
        title: "Window",
        help: "Computes columns over neighbouring rows: lags, running sums, moving averages, ranks.",
        group: "Columns",
        inputs: ONE,
        version: 1,
        sql: &["columns"],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.columns.is_empty() {
            return Err(Problem::invalid("Name a column to make, such as {last: lag(price)}."));
        }
        if self.preceding.is_some() && self.order_by.is_empty() {
            return Err(Problem::invalid("'preceding' needs 'order_by': without an order no row is before another."));
        }
        self.columns.values().try_for_each(|text| expression(text))
    }
    fn sql(self, inputs: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        let mut over: Vec<String> = Vec::new();
        if !self.partition_by.is_empty() {
            let names = self.partition_by.iter().map(|name| input.need(name).map(|column| q(&column.name)));
            over.push(format!("PARTITION BY {}", names.collect::<Result<Vec<_>, _>>()?.join(", ")));
        }
        if !self.order_by.is_empty() {
            let names = self.order_by.iter().map(|name| {
                let (name, way) = name.strip_prefix('-').map_or((name.as_str(), "ASC"), |name| (name, "DESC"));
                input.need(name).map(|column| format!("{} {way}", q(&column.name)))
            });
            over.push(format!("ORDER BY {}", names.collect::<Result<Vec<_>, _>>()?.join(", ")));
        }
        if let Some(rows) = self.preceding {
            over.push(format!("ROWS BETWEEN {rows} PRECEDING AND CURRENT ROW"));
        }
        let over = over.join(" ");
        let mut all: Vec<String> = input
            .columns
            .iter()
            .filter(|column| !self.columns.contains_key(&column.name))
            .map(|column| q(&column.name))
            .collect();
        all.extend(self.columns.iter().map(|(name, made)| format!("{made} OVER ({over}) AS {}", q(name))));
        Ok(format!("SELECT {} FROM {}", all.join(", "), q(&input.table)))
    }
}
