//! Steps that choose, name and compute columns.

use super::q;
use crate::kind::{About, Ask, Query, Stop, Taken};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use trainyard_types::Problem;

pub(super) const ONE: (u32, u32) = (1, 1);

/// Keeps some columns.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// The columns to keep, in this order.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    columns: Vec<String>,
    /// Or: the columns to leave out.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    drop: Vec<String>,
}

impl Query for Select {
    const ABOUT: About = About {
        kind: "select",
        title: "Select columns",
        help: "Keeps the named columns, or all but the named ones.",
        group: "Columns",
        inputs: ONE,
        version: 1,
        sql: &[],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.columns.is_empty() == self.drop.is_empty() {
            return Err(Problem::invalid("Name either the 'columns' to keep or those to 'drop'."));
        }
        Ok(())
    }
    fn sql(self, inputs: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        for name in self.columns.iter().chain(&self.drop) {
            input.need(name)?;
        }
        let keep: Vec<String> = if self.columns.is_empty() {
            input.columns.iter().map(|c| &c.name).filter(|name| !self.drop.contains(name)).map(|name| q(name)).collect()
        } else {
            self.columns.iter().map(|name| q(name)).collect()
        };
        if keep.is_empty() {
            return Err(Problem::invalid("No column would be left. Drop fewer.").into());
        }
        Ok(format!("SELECT {} FROM {}", keep.join(", "), q(&input.table)))
    }
}

/// Renames columns.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// New names by old ones.
    #[schemars(extend("x-names" = "columns"))]
    columns: BTreeMap<String, String>,
}

impl Query for Rename {
    const ABOUT: About = About {
        kind: "rename",
        title: "Rename columns",
        help: "Gives columns other names.",
        group: "Columns",
        inputs: ONE,
        version: 1,
        sql: &[],
    };
    fn sql(self, inputs: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        for name in self.columns.keys() {
            input.need(name)?;
        }
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for column in &input.columns {
            let name = self.columns.get(&column.name).unwrap_or(&column.name);
            if name.is_empty() || !seen.insert(name) {
                return Err(Problem::invalid(format!("Two columns would be named '{name}', or one nothing.")).into());
            }
            all.push(format!("{} AS {}", q(&column.name), q(name)));
        }
        Ok(format!("SELECT {} FROM {}", all.join(", "), q(&input.table)))
    }
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Type {
    Integer,
    Float,
    Boolean,
    Text,
    Datetime,
}

impl Type {
    fn sql(self) -> &'static str {
        match self {
            Type::Integer => "BIGINT",
            Type::Float => "DOUBLE",
            Type::Boolean => "BOOLEAN",
            Type::Text => "VARCHAR",
            Type::Datetime => "TIMESTAMP",
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OnError {
    #[default]
    Fail,
    Missing,
}

/// Changes the type of columns.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cast {
    /// New types (integer, float, boolean, text, datetime) by column.
    #[schemars(extend("x-names" = "columns"))]
    columns: BTreeMap<String, Type>,
    /// What a value becomes that has no form in the new type: the step fails, or it is missing.
    #[serde(default)]
    on_error: OnError,
}

impl Query for Cast {
    const ABOUT: About = About {
        kind: "cast",
        title: "Change types",
        help: "Reads columns as another type.",
        group: "Columns",
        inputs: ONE,
        version: 1,
        sql: &[],
    };
    fn sql(self, inputs: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        for name in self.columns.keys() {
            input.need(name)?;
        }
        let cast = if self.on_error == OnError::Fail { "CAST" } else { "TRY_CAST" };
        let all: Vec<String> = input
            .columns
            .iter()
            .map(|column| match self.columns.get(&column.name) {
                Some(kind) => format!("{cast}({} AS {}) AS {0}", q(&column.name), kind.sql()),
                None => q(&column.name),
            })
            .collect();
        Ok(format!("SELECT {} FROM {}", all.join(", "), q(&input.table)))
    }
}

/// Computes columns.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Derive {
    /// SQL expressions over the input's columns, by the name of the column that they make. A column of that name is
    /// replaced.
    #[schemars(extend("x-names" = "columns"))]
    columns: BTreeMap<String, String>,
}

impl Query for Derive {
    const ABOUT: About = About {
        kind: "derive",
        title: "Derive columns",
        help: "Computes columns by SQL expressions.",
        group: "Columns",
        inputs: ONE,
        version: 1,
        sql: &["columns"],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.columns.is_empty() {
            return Err(Problem::invalid("Name a column to derive, such as {total: price * quantity}."));
        }
        self.columns.values().try_for_each(|text| expression(text))
    }
    fn sql(self, inputs: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        let mut all: Vec<String> = input
            .columns
            .iter()
            .map(|column| match self.columns.get(&column.name) {
                Some(made) => format!("({made}\n) AS {}", q(&column.name)),
                None => q(&column.name),
            })
            .collect();
        for (name, made) in &self.columns {
            if input.columns.iter().all(|column| column.name != *name) {
                all.push(format!("({made}\n) AS {}", q(name)));
            }
        }
        Ok(format!("SELECT {} FROM {}", all.join(", "), q(&input.table)))
    }
}

/// Whether a text is one SQL expression.
///
/// # Errors
/// It is none, or goes on after one.
pub(super) fn expression(text: &str) -> Result<(), Problem> {
    datafusion::sql::parser::DFParser::parse_sql_into_expr(text)
        .map(drop)
        .map_err(|error| Problem::invalid(format!("'{text}' is no SQL expression: {}", crate::session::fault(error))))
}
