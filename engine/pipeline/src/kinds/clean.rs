//! Missing values, texts and bins.

use super::{columns::ONE, literal, q, text};
use crate::kind::{About, Ask, Query, Stop, Taken};
use datafusion::common::ScalarValue;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use trainyard_types::Problem;

/// How a column's gaps are filled.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Fill {
    /// The mean of the values there.
    Mean,
    /// The median of the values there.
    Median,
    /// The most frequent value; of several the first in order.
    Mode,
    /// The last value before, in the order of `order_by`.
    Forward,
    /// A given value.
    #[serde(untagged)]
    Constant { constant: Value },
}

/// Fills gaps.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FillMissing {
    /// By column: mean, median, mode, forward, or {constant: value}.
    #[schemars(extend("x-names" = "columns"))]
    columns: BTreeMap<String, Fill>,
    /// For 'forward': the column that orders the rows.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    order_by: Option<String>,
    /// For 'forward': values are taken only from rows where this column is equal.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    partition_by: Option<String>,
    /// Also make a column NAME_missing that says where there was a gap.
    #[serde(default)]
    indicator: bool,
}

impl Query for FillMissing {
    const ABOUT: About = About {
        kind: "fill_missing",
        title: "Fill missing values",
        help: "Puts the mean, median, most frequent, last or a given value where one is missing.",
        group: "Columns",
        inputs: ONE,
        version: 1,
        sql: &[],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.columns.is_empty() {
            return Err(Problem::invalid("Name a column to fill, such as {age: median}."));
        }
        for (name, fill) in &self.columns {
            match fill {
                Fill::Forward if self.order_by.is_none() => {
                    return Err(Problem::invalid(format!(
                        "'{name}' is filled forward, which needs 'order_by': the column that orders the rows."
                    )));
                }
                Fill::Constant { constant: Value::Null | Value::Array(_) | Value::Object(_) } => {
                    return Err(Problem::invalid(format!(
                        "The constant for '{name}' has to be a text, number or boolean."
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }
    fn sql(self, inputs: &[Taken], ask: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        let table = q(&input.table);
        let over = {
            let mut over = String::new();
            if let Some(name) = &self.partition_by {
                over.push_str(&format!("PARTITION BY {} ", q(&input.need(name)?.name)));
            }
            if let Some(name) = &self.order_by {
                over.push_str(&format!("ORDER BY {} ", q(&input.need(name)?.name)));
            }
            over
        };
        let mut fills: BTreeMap<&str, String> = BTreeMap::new();
        for (name, fill) in &self.columns {
            let column = input.need(name)?;
            let c = q(name);
            let numeric = |what: &str| {
                if column.kind.is_numeric() {
                    Ok(())
                } else {
                    Err(Problem::invalid(format!(
                        "'{name}' is {} and has no {what}. Use mode, forward or a constant.",
                        column.kind.as_str()
                    )))
                }
            };
            let value = match fill {
                Fill::Constant { constant } => literal(constant),
                Fill::Forward => format!(
                    "last_value({c}) IGNORE NULLS OVER ({over}ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
                ),
                Fill::Mean | Fill::Median => {
                    let function = if matches!(fill, Fill::Mean) { "avg" } else { "median" };
                    numeric(function)?;
                    let found = ask(&format!("SELECT {function}(CAST({c} AS DOUBLE)) FROM {table}"))?;
                    scalar(found, name)?
                }
                Fill::Mode => {
                    let most = format!(
                        "SELECT {c} FROM {table} WHERE {c} IS NOT NULL GROUP BY {c} ORDER BY count(*) DESC, {c} LIMIT 1"
                    );
                    scalar(ask(&most)?, name)?
                }
            };
            fills.insert(name, value);
        }
        let mut all: Vec<String> = input
            .columns
            .iter()
            .map(|column| match fills.get(column.name.as_str()) {
                // A mean of whole numbers makes a column of numbers with fractions.
                Some(value) => format!("COALESCE({}, {value}) AS {0}", q(&column.name)),
                None => q(&column.name),
            })
            .collect();
        if self.indicator {
            all.extend(fills.keys().map(|name| format!("{} IS NULL AS {}", q(name), q(&format!("{name}_missing")))));
        }
        Ok(format!("SELECT {} FROM {table}", all.join(", ")))
    }
}

/// The one value of an answer, in SQL.
fn scalar(rows: Vec<Vec<ScalarValue>>, column: &str) -> Result<String, Problem> {
    match rows.first().and_then(|row| row.first()) {
        Some(value) if !value.is_null() => Ok(in_sql(value)),
        _ => Err(Problem::invalid(format!(
            "'{column}' has no value at all, so that there is nothing to fill with. Give a constant or drop the column."
        ))),
    }
}

/// A value in SQL, of the type that it has.
pub(super) fn in_sql(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Utf8(Some(value)) | ScalarValue::Utf8View(Some(value)) | ScalarValue::LargeUtf8(Some(value)) => {
            text(value)
        }
        ScalarValue::Float64(Some(value)) if value.fract() == 0.0 && value.abs() < 1e15 => {
            format!("CAST({value:.1} AS DOUBLE)")
        }
        ScalarValue::Float64(Some(value)) => format!("CAST({} AS DOUBLE)", text(&format!("{value:e}"))),
        ScalarValue::TimestampMillisecond(Some(ms), _) => format!("to_timestamp_millis({ms})"),
        other => other.to_string(),
    }
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Case {
    #[default]
    Keep,
    Lower,
    Upper,
}

/// Tidies texts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextClean {
    /// The columns, all of them texts.
    #[schemars(extend("x-names" = "columns"))]
    columns: Vec<String>,
    /// Spaces at both ends go.
    #[serde(default = "yes")]
    trim: bool,
    /// Several spaces within become one.
    #[serde(default = "yes")]
    collapse_spaces: bool,
    /// Letters become small or capital.
    #[serde(default)]
    case: Case,
    /// What a regular expression finds is removed.
    #[serde(default)]
    remove: Option<String>,
    /// Texts that are replaced whole, after all else: {n/a: unknown}.
    #[serde(default)]
    replace: BTreeMap<String, String>,
    /// Texts that become missing, after all else; an empty one always does.
    #[serde(default)]
    missing: Vec<String>,
}

fn yes() -> bool {
    true
}

impl Query for TextClean {
    const ABOUT: About = About {
        kind: "text_clean",
        title: "Clean texts",
        help: "Trims, unifies and replaces texts.",
        group: "Columns",
        inputs: ONE,
        version: 1,
        sql: &[],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.columns.is_empty() { Err(Problem::invalid("Name the 'columns' to clean.")) } else { Ok(()) }
    }
    fn sql(self, inputs: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        for name in &self.columns {
            let column = input.need(name)?;
            if column.kind != trainyard_types::dataset::ColumnType::Text {
                let message = format!("'{name}' is {}, not text. Leave it out.", column.kind.as_str());
                return Err(Problem::invalid(message).into());
            }
        }
        let clean = |name: &str| {
            let mut made = q(name);
            if let Some(pattern) = &self.remove {
                made = format!("regexp_replace({made}, {}, '', 'g')", text(pattern));
            }
            if self.collapse_spaces {
                made = format!(r"regexp_replace({made}, '\s+', ' ', 'g')");
            }
            if self.trim {
                made = format!("trim({made})");
            }
            made = match self.case {
                Case::Keep => made,
                Case::Lower => format!("lower({made})"),
                Case::Upper => format!("upper({made})"),
            };
            if !self.replace.is_empty() {
                let whens: Vec<String> =
                    self.replace.iter().map(|(from, to)| format!("WHEN {} THEN {}", text(from), text(to))).collect();
                made = format!("CASE {made} {} ELSE {made} END", whens.join(" "));
            }
            let mut missing = vec!["''".to_owned()];
            missing.extend(self.missing.iter().map(|value| text(value)));
            format!("CASE WHEN {made} IN ({}) THEN NULL ELSE {made} END AS {}", missing.join(", "), q(name))
        };
        let all: Vec<String> = input
            .columns
            .iter()
            .map(|c| if self.columns.contains(&c.name) { clean(&c.name) } else { q(&c.name) })
            .collect();
        Ok(format!("SELECT {} FROM {}", all.join(", "), q(&input.table)))
    }
}

/// Divides a number's range into bins.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// The column, numbers.
    #[schemars(extend("x-names" = "columns"))]
    column: String,
    /// The column that is made. Left out: NAME_bin.
    #[serde(default)]
    into: Option<String>,
    /// Where bins meet; a value on an edge belongs to the bin above.
    #[serde(default)]
    edges: Vec<f64>,
    /// Or: this many bins of the same width.
    #[serde(default)]
    #[schemars(range(min = 2, max = 1000))]
    equal_width: Option<u32>,
    /// Or: this many bins of about the same number of rows.
    #[serde(default)]
    #[schemars(range(min = 2, max = 1000))]
    quantiles: Option<u32>,
    /// The bins' names, one more than edges. Left out: numbers from 0.
    #[serde(default)]
    labels: Vec<String>,
}

impl Query for Bin {
    const ABOUT: About = About {
        kind: "bin",
        title: "Bin",
        help: "Divides a number's range into bins.",
        group: "Columns",
        inputs: ONE,
        version: 1,
        sql: &[],
    };
    fn check(&self) -> Result<(), Problem> {
        let ways = [!self.edges.is_empty(), self.equal_width.is_some(), self.quantiles.is_some()];
        if ways.iter().filter(|way| **way).count() != 1 {
            return Err(Problem::invalid("Say one of 'edges', 'equal_width' and 'quantiles'."));
        }
        if !self.edges.is_sorted_by(|a, b| a < b) {
            return Err(Problem::invalid("'edges' have to rise."));
        }
        let bins = self.equal_width.or(self.quantiles).unwrap_or(self.edges.len() as u32 + 1);
        if !(2..=1000).contains(&bins) {
            return Err(Problem::invalid("There can be 2 to 1000 bins."));
        }
        if !self.labels.is_empty() && self.labels.len() != bins as usize {
            return Err(Problem::invalid(format!("There are {bins} bins and {} labels.", self.labels.len())));
        }
        Ok(())
    }
    fn sql(self, inputs: &[Taken], ask: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        let column = input.need(&self.column)?;
        if !column.kind.is_numeric() {
            let message = format!("'{}' is {}, not a number.", column.name, column.kind.as_str());
            return Err(Problem::invalid(message).into());
        }
        let (c, table) = (q(&self.column), q(&input.table));
        let mut edges = self.edges.clone();
        if let Some(bins) = self.equal_width {
            let range = ask(&format!("SELECT min(CAST({c} AS DOUBLE)), max(CAST({c} AS DOUBLE)) FROM {table}"))?;
            let (Some(low), Some(high)) = (number(&range, 0), number(&range, 1)) else {
                return Err(empty(&self.column));
            };
            edges = (1..bins).map(|i| low + (high - low) * f64::from(i) / f64::from(bins)).collect();
        }
        if let Some(bins) = self.quantiles {
            // Exact: the value that each bin begins with, so that bins have the same number of rows and runs agree.
            let ranks: Vec<String> =
                (1..bins).map(|i| format!("max(CASE WHEN r <= floor(n * {i}.0 / {bins}.0) + 1 THEN v END)")).collect();
            let found = ask(&format!(
                "SELECT {} FROM (SELECT CAST({c} AS DOUBLE) AS v, row_number() OVER (ORDER BY {c}) AS r, count(*) OVER () AS n \
                 FROM {table} WHERE {c} IS NOT NULL)",
                ranks.join(", ")
            ))?;
            edges = (0..bins as usize - 1).filter_map(|i| number(&found, i)).collect();
            if edges.is_empty() {
                return Err(empty(&self.column));
            }
        }
        let name = self.into.clone().unwrap_or_else(|| format!("{}_bin", self.column));
        let label = |i: usize| self.labels.get(i).map_or_else(|| i.to_string(), |label| text(label));
        let whens: Vec<String> =
            edges.iter().enumerate().map(|(i, edge)| format!("WHEN {c} < {edge:?} THEN {}", label(i))).collect();
        let made = format!(
            "CASE WHEN {c} IS NULL THEN NULL {} ELSE {} END AS {}",
            whens.join(" "),
            label(edges.len()),
            q(&name)
        );
        let mut all: Vec<String> = input.columns.iter().filter(|c| c.name != name).map(|c| q(&c.name)).collect();
        all.push(made);
        Ok(format!("SELECT {} FROM {table}", all.join(", ")))
    }
}

fn number(rows: &[Vec<ScalarValue>], at: usize) -> Option<f64> {
    match rows.first()?.get(at)? {
        ScalarValue::Float64(value) => value.filter(|value| value.is_finite()),
        _ => None,
    }
}

fn empty(column: &str) -> Stop {
    Problem::invalid(format!("'{column}' has no value at all, so that there is nothing to divide.")).into()
}
