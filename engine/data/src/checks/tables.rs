//! Expectations of the table and of its columns' types: answered from the file's footer.

use super::{aggregates::allowed, columns::figure, work::Found};
use crate::words::{count, counted, listed};
use trainyard_types::{
    checks::Expectation,
    dataset::{ColumnSchema, ColumnType},
};

/// `None` where values have to be read.
pub(super) fn evaluate(expectation: &Expectation, schema: &[ColumnSchema], rows: u64) -> Option<Found> {
    use Expectation::*;
    let found = |passed: bool, words: String, value: serde_json::Value| Some(Found::new(passed, words, value, 0));
    let between = |n: u64, min: &Option<f64>, max: &Option<f64>| {
        min.is_none_or(|min| n as f64 >= min) && max.is_none_or(|max| n as f64 <= max)
    };
    match expectation {
        TableRowCountToBeBetween { min, max } => found(
            between(rows, min, max),
            format!("The table has {}{}.", counted(rows, "row", "rows"), allowed(*min, *max, &figure)),
            rows.into(),
        ),
        TableColumnCountToBeBetween { min, max } => {
            let columns = schema.len() as u64;
            found(
                between(columns, min, max),
                format!("The table has {}{}.", counted(columns, "column", "columns"), allowed(*min, *max, &figure)),
                columns.into(),
            )
        }
        TableColumnsToMatchSet { columns, allow_more } => {
            let absent: Vec<&String> =
                columns.iter().filter(|name| !schema.iter().any(|column| column.name == **name)).collect();
            let extra: Vec<&String> = match allow_more {
                true => Vec::new(),
                false => schema.iter().map(|column| &column.name).filter(|name| !columns.contains(name)).collect(),
            };
            let mut words = Vec::new();
            if !absent.is_empty() {
                words.push(format!("{} missing: {}", columns_are(absent.len()), listed(&absent)));
            }
            if !extra.is_empty() {
                words.push(format!("{} not expected: {}", columns_are(extra.len()), listed(&extra)));
            }
            let passed = words.is_empty();
            let words = if passed { "The columns are as expected.".into() } else { words.join("; ") + "." };
            found(passed, words, serde_json::json!({ "missing": absent, "unexpected": extra }))
        }
        TableColumnsToMatchOrderedList { columns } => {
            let names: Vec<&String> = schema.iter().map(|column| &column.name).collect();
            let differs = (0..names.len().max(columns.len())).find(|&i| names.get(i).copied() != columns.get(i));
            let words = match differs {
                None => "The columns are as expected, in this order.".to_owned(),
                Some(i) => {
                    let quoted = |name: Option<&String>| name.map_or("nothing".to_owned(), |name| listed(&[name]));
                    format!(
                        "Column {} is {} where {} is expected.",
                        i + 1,
                        quoted(names.get(i).copied()),
                        quoted(columns.get(i))
                    )
                }
            };
            found(differs.is_none(), words, serde_json::json!(names))
        }
        BeOfType { column, kind } => of_type(column, &[*kind], schema),
        BeInTypeList { column, kinds } => of_type(column, kinds, schema),
        _ => None,
    }
}

fn columns_are(many: usize) -> String {
    if many == 1 { "1 column is".into() } else { format!("{} columns are", count(many as u64)) }
}

fn of_type(column: &str, wanted: &[ColumnType], schema: &[ColumnSchema]) -> Option<Found> {
    let kind = schema.iter().find(|known| known.name == column)?.kind;
    let names: Vec<&str> = wanted.iter().map(|kind| kind.as_str()).collect();
    let passed = wanted.contains(&kind);
    let words = match passed {
        true => format!("The column is {}.", kind.as_str()),
        false => format!("The column is {}; {} is expected.", kind.as_str(), names.join(" or ")),
    };
    Some(Found::new(passed, words, kind.as_str().into(), 0))
}
