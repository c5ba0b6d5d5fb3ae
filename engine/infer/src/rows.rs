//! JSON rows in, prediction views out.

use crate::{
    datetime,
    frame::{Column, Frame, Values},
    model::Model,
    signature::{MAX_CATEGORIES, categories, expected, is_categorical, number_as_text, shorten},
    target::Predictions,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use trainyard_types::{
    Code, FieldProblem, Problem,
    dataset::ColumnType,
    model::{InputColumn, PredictionView, Signature},
};

/// Faults that are listed before the rest is only counted.
const LISTED: usize = 20;

/// One value as a request gave it.
enum Cell {
    Missing,
    Number(f64),
    Text(String),
}

/// Reads rows (one JSON object each) as the frame that the signature's model takes, and says what was out of the ordinary.
///
/// - A column that a row lacks is an error that names it. Columns that the model does not know are ignored with a note.
/// - `null` and the text `"NaN"` in a number column are missing, with a note; the model handles missing values.
/// - A value of the wrong type is an error with row (from 1), column and value. A number is taken for text as it is written;
///   a text that says a number is not taken for a number.
/// - An unseen category is predicted as the model treats unknowns, with a note; so is a number outside the train range.
///
/// Datetimes are ISO 8601 texts or milliseconds since 1970.
pub fn frame_from_json(signature: &Signature, rows: &[Map<String, Value>]) -> Result<(Frame, Vec<String>), Problem> {
    if rows.is_empty() {
        return Err(Problem::field("rows", "There are no rows to predict. Send at least one."));
    }
    let absent: Vec<&InputColumn> =
        signature.inputs.iter().filter(|input| rows.iter().any(|row| !row.contains_key(&input.name))).collect();
    if !absent.is_empty() {
        return Err(absent_columns(&absent, rows));
    }
    let mut faults = Faults::default();
    let mut columns = Vec::with_capacity(signature.inputs.len());
    for input in &signature.inputs {
        columns.push(faults.column(input, rows.iter().map(|row| row.get(&input.name).unwrap_or(&Value::Null))));
    }
    faults.check()?;
    let frame = Frame { columns, rows: rows.len() };
    let mut notes = notes(signature, &frame);
    let known: BTreeSet<&str> =
        signature.inputs.iter().map(|input| input.name.as_str()).chain([signature.target.as_str()]).collect();
    let extra: BTreeSet<&str> =
        rows.iter().flat_map(|row| row.keys().map(String::as_str)).filter(|name| !known.contains(name)).collect();
    if !extra.is_empty() {
        let names = extra.iter().take(LISTED).map(|name| format!("'{}'", shorten(name))).collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "{} not part of the model and ignored: {names}.",
            counted(extra.len(), "column is", "columns are")
        ));
    }
    Ok((frame, notes))
}

fn absent_columns(absent: &[&InputColumn], rows: &[Map<String, Value>]) -> Problem {
    let fields: Vec<FieldProblem> = absent
        .iter()
        .map(|input| {
            let first = rows.iter().position(|row| !row.contains_key(&input.name)).unwrap_or(0);
            let message = format!(
                "Row {} has no '{}'. Send {}, or null where it is unknown.",
                first + 1,
                input.name,
                expected(input.kind)
            );
            FieldProblem { field: input.name.clone(), message }
        })
        .collect();
    let names = absent.iter().map(|input| format!("'{}'", input.name)).collect::<Vec<_>>().join(", ");
    let message = format!(
        "{} missing: {names}. Every row needs all of the model's columns; send null where a value is unknown.",
        counted(absent.len(), "column is", "columns are")
    );
    Problem { code: Code::Invalid, message, fields }
}

/// The value as the column takes it; `None` where it is of another type.
fn cell(kind: ColumnType, value: &Value) -> Option<Cell> {
    Some(match (kind, value) {
        (_, Value::Null) => Cell::Missing,
        (ColumnType::Text, Value::String(text)) => Cell::Text(text.clone()),
        (ColumnType::Text, Value::Number(number)) => number_as_text(number.as_f64()?).map_or(Cell::Missing, Cell::Text),
        (ColumnType::Text | ColumnType::Boolean, Value::Bool(flag)) => Cell::Text(flag.to_string()),
        (ColumnType::Boolean, Value::String(text)) if text == "true" || text == "false" => Cell::Text(text.clone()),
        (ColumnType::Datetime, Value::String(text)) => Cell::Number(datetime::parse(text)?),
        (ColumnType::Integer | ColumnType::Float | ColumnType::Datetime, Value::Number(number)) => {
            Cell::Number(number.as_f64()?)
        }
        (ColumnType::Integer | ColumnType::Float, Value::String(text)) if text.eq_ignore_ascii_case("nan") => {
            Cell::Missing
        }
        _ => return None,
    })
}

fn column(input: &InputColumn, cells: impl Iterator<Item = Cell>) -> Column {
    let values = if is_categorical(input.kind) {
        categories(cells.map(|cell| match cell {
            Cell::Text(text) => Some(text),
            _ => None,
        }))
    } else {
        Values::Numbers(
            cells
                .map(|cell| match cell {
                    Cell::Number(number) => number,
                    _ => f64::NAN,
                })
                .collect(),
        )
    };
    Column { name: input.name.clone(), kind: input.kind, values }
}

/// Values of the wrong type, gathered while columns are read.
#[derive(Default)]
pub(crate) struct Faults {
    count: usize,
    fields: Vec<FieldProblem>,
}

impl Faults {
    /// Reads one column; values of the wrong type count as missing and are remembered.
    pub(crate) fn column<'v>(&mut self, input: &InputColumn, values: impl Iterator<Item = &'v Value>) -> Column {
        let cells = values.enumerate().map(|(row, value)| {
            cell(input.kind, value).unwrap_or_else(|| {
                self.add(row, input, &shorten(&value.to_string()));
                Cell::Missing
            })
        });
        column(input, cells)
    }

    fn add(&mut self, row: usize, input: &InputColumn, value: &str) {
        self.count += 1;
        if self.fields.len() < LISTED {
            let message = format!("Row {}, column '{}': {value} is not {}.", row + 1, input.name, one(input.kind));
            self.fields.push(FieldProblem { field: input.name.clone(), message });
        }
    }

    /// An error with the first faults, if there were any.
    pub(crate) fn check(self) -> Result<(), Problem> {
        let Some(first) = self.fields.first() else { return Ok(()) };
        let more = if self.count > 1 { format!(" {} more of this kind.", self.count - 1) } else { String::new() };
        Err(Problem {
            code: Code::Invalid,
            message: format!("{} Correct it, or send null.{more}", first.message),
            fields: self.fields,
        })
    }
}

fn one(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Integer | ColumnType::Float => "a number",
        ColumnType::Boolean => "true or false",
        ColumnType::Text => "a text",
        ColumnType::Datetime => "a date such as 2026-11-23 or 2026-11-23T17:20:31Z",
    }
}

/// What is out of the ordinary in rows that are to be predicted, one sentence per column and kind.
pub fn notes(signature: &Signature, frame: &Frame) -> Vec<String> {
    let mut notes = Vec::new();
    for input in &signature.inputs {
        let Some(column) = frame.column(&input.name) else { continue };
        let name = &input.name;
        let missing = match &column.values {
            Values::Numbers(numbers) => {
                let (low, high) = (input.min.unwrap_or(f64::NEG_INFINITY), input.max.unwrap_or(f64::INFINITY));
                let outside = numbers.iter().filter(|&&value| value < low || value > high).count();
                if outside > 0 {
                    let (low, high) = (shown(input.kind, low), shown(input.kind, high));
                    notes.push(format!(
                        "'{name}': {} outside {low} to {high}, the range the model learned from; the answer there is a guess.",
                        counted(outside, "value is", "values are")
                    ));
                }
                numbers.iter().filter(|value| value.is_nan()).count()
            }
            Values::Categories { codes, levels } => {
                // A full list may have left categories out, so that nothing can be said.
                let unseen: Vec<&String> = if !input.free_text && input.categories.len() < MAX_CATEGORIES {
                    levels.iter().filter(|level| !input.categories.contains(level)).collect()
                } else {
                    Vec::new()
                };
                if !unseen.is_empty() {
                    let list = unseen
                        .iter()
                        .take(5)
                        .map(|level| format!("'{}'", shorten(level)))
                        .collect::<Vec<_>>()
                        .join(", ");
                    let dots = if unseen.len() > 5 { " …" } else { "" };
                    notes.push(format!("'{name}': the model never saw {list}{dots}; it is treated as unknown."));
                }
                codes.iter().filter(|&&code| code as usize >= levels.len()).count()
            }
        };
        if missing > 0 {
            let learned = if input.had_missing {
                "as the model learned to"
            } else {
                "though the model learned from complete rows here"
            };
            notes.push(format!("'{name}': {} missing, handled {learned}.", counted(missing, "value is", "values are")));
        }
    }
    notes
}

fn shown(kind: ColumnType, value: f64) -> String {
    if kind == ColumnType::Datetime { trainyard_types::Timestamp(value as i64).to_iso() } else { value.to_string() }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The answers for people and programs: the class that is called with all probabilities, or the value; with `intervals` also
/// how sure that is, where the model knows.
pub fn prediction_views(model: &Model, predictions: &Predictions, intervals: bool) -> Vec<PredictionView> {
    let labels = &model.signature.classes;
    let label = |class: usize| labels.get(class).cloned().unwrap_or_default();
    let conformal = model.decision.conformal.filter(|_| intervals);
    match predictions {
        Predictions::Values(values) => values
            .iter()
            .map(|&value| {
                let (lower, upper) = conformal.map(|conformal| conformal.interval(value)).unzip();
                PredictionView::Value { value, lower, upper }
            })
            .collect(),
        Predictions::Probabilities { classes, values } => values
            .chunks_exact((*classes).max(1))
            .map(|row| PredictionView::Class {
                label: label(model.decision.class(row)),
                probabilities: labels.iter().cloned().zip(row.iter().map(|&p| f64::from(p))).collect(),
                set: conformal.map_or_else(Vec::new, |c| c.set(row).into_iter().map(label).collect()),
            })
            .collect(),
    }
}

/// The index of the greatest probability, the first where several are.
pub fn top(row: &[f32]) -> usize {
    row.iter().enumerate().fold(0, |best, (index, &value)| if value > row[best] { index } else { best })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{MISSING, signature};
    use serde_json::json;
    use trainyard_types::run::Task;

    fn signature() -> Signature {
        let column = |name: &str, kind, values| Column { name: String::from(name), kind, values };
        let text = |values: [&str; 3]| categories(values.into_iter().map(|v| Some(v.to_owned())));
        let frame = Frame {
            columns: vec![
                column("age", ColumnType::Integer, Values::Numbers(vec![20.0, 30.0, 40.0])),
                column("city", ColumnType::Text, text(["a", "b", "a"])),
                column("own", ColumnType::Boolean, text(["true", "false", "true"])),
                column("at", ColumnType::Datetime, Values::Numbers(vec![0.0, 86_400_000.0, f64::NAN])),
            ],
            rows: 3,
        };
        signature::fit(&frame, "y", Task::Regression, &[])
    }

    fn rows(value: Value) -> Vec<Map<String, Value>> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn reads_rows_and_says_what_is_odd() {
        let rows = rows(json!([
            {"age": 25, "city": "a", "own": true, "at": "1970-01-01T12:00:00Z"},
            {"age": null, "city": "z", "own": null, "at": null, "y": 1, "more": [1]},
            {"age": 99.5, "city": 7, "own": "false", "at": 1000},
        ]));
        let (frame, notes) = frame_from_json(&signature(), &rows).unwrap();
        let Values::Numbers(ages) = &frame.columns[0].values else { panic!() };
        assert!(ages[1].is_nan() && ages[2] == 99.5);
        let Values::Categories { codes, levels } = &frame.columns[2].values else { panic!() };
        assert_eq!((codes.as_slice(), levels.len()), ([0, MISSING, 1].as_slice(), 2));
        let Values::Numbers(at) = &frame.columns[3].values else { panic!() };
        assert_eq!((at[0], at[2]), (43_200_000.0, 1000.0));
        let all = notes.join("\n");
        for part in ["outside 20 to 40", "never saw 'z', '7'", "'own': 1 value is missing", "ignored: 'more'"] {
            assert!(all.contains(part), "{part} in\n{all}");
        }
    }

    #[test]
    fn faults_name_row_column_and_value() {
        let rows_of = |value| frame_from_json(&signature(), &rows(value)).unwrap_err();
        let missing = rows_of(json!([{"age": 1, "city": "a"}]));
        assert!(missing.message.contains("'own', 'at'"), "{}", missing.message);
        let wrong = rows_of(json!([
            {"age": 1, "city": "a", "own": true, "at": null},
            {"age": "old", "city": {"x": 1}, "own": 3, "at": "yesterday"},
        ]));
        assert_eq!(wrong.fields.len(), 4);
        assert!(wrong.message.contains("Row 2, column 'age': \"old\" is not a number"), "{}", wrong.message);
        assert!(rows_of(json!([])).message.contains("at least one"));
    }
}
