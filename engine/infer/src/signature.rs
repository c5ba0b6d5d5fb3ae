//! What a model takes: learned from the train rows, and how other rows are brought into that form.

use crate::{
    datetime,
    error::PredictError,
    frame::{Column, Frame, MISSING, Values},
    text::is_free,
};
use std::borrow::Cow;
use trainyard_types::{
    dataset::ColumnType,
    model::{InputColumn, Signature},
    run::Task,
};

/// Categories that a signature lists.
pub const MAX_CATEGORIES: usize = 200;

/// Describes the features of the train rows: types, ranges, medians, categories.
pub fn fit(train: &Frame, target: &str, task: Task, classes: &[String]) -> Signature {
    Signature {
        inputs: train.columns.iter().map(input).collect(),
        target: target.to_owned(),
        task,
        classes: classes.to_vec(),
        loss: None,
    }
}

fn input(column: &Column) -> InputColumn {
    let mut input = InputColumn {
        name: column.name.clone(),
        kind: column.kind,
        min: None,
        max: None,
        median: None,
        categories: Vec::new(),
        free_text: is_free(column),
        had_missing: false,
    };
    match &column.values {
        Values::Numbers(numbers) => {
            let mut seen: Vec<f64> = numbers.iter().copied().filter(|value| value.is_finite()).collect();
            input.had_missing = seen.len() < numbers.len();
            seen.sort_unstable_by(f64::total_cmp);
            input.min = seen.first().copied();
            input.max = seen.last().copied();
            input.median = (!seen.is_empty()).then(|| (seen[(seen.len() - 1) / 2] + seen[seen.len() / 2]) / 2.0);
        }
        Values::Categories { codes, levels } => {
            let mut counts = vec![0usize; levels.len()];
            for &code in codes {
                match counts.get_mut(code as usize) {
                    Some(count) => *count += 1,
                    None => input.had_missing = true,
                }
            }
            if input.free_text {
                return input;
            }
            let mut order: Vec<usize> = (0..levels.len()).filter(|&level| counts[level] > 0).collect();
            order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| levels[a].cmp(&levels[b])));
            order.truncate(MAX_CATEGORIES);
            input.categories = order.into_iter().map(|level| levels[level].clone()).collect();
        }
    }
    input
}

/// Whether a column of this type holds categories rather than numbers.
pub fn is_categorical(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Text | ColumnType::Boolean)
}

/// The frame with exactly the signature's columns in the form that the model learned: numbers where it learned numbers,
/// categories where it learned categories. A file's types are guessed from its own rows, so that a column may come as the
/// other type; it is converted where every value allows it. Extra columns are ignored. Borrows where nothing has to change.
pub fn align<'f>(signature: &Signature, frame: &'f Frame) -> Result<Cow<'f, Frame>, PredictError> {
    let missing: Vec<String> = signature
        .inputs
        .iter()
        .filter(|input| frame.column(&input.name).is_none())
        .map(|input| input.name.clone())
        .collect();
    if !missing.is_empty() {
        return Err(PredictError::MissingColumns(missing));
    }
    let pairs: Vec<(&InputColumn, &Column)> =
        signature.inputs.iter().filter_map(|input| Some((input, frame.column(&input.name)?))).collect();
    for (_, column) in &pairs {
        let found = match &column.values {
            Values::Numbers(numbers) => numbers.len(),
            Values::Categories { codes, .. } => codes.len(),
        };
        if found != frame.rows {
            return Err(PredictError::Ragged { column: column.name.clone(), expected: frame.rows, found });
        }
    }
    if pairs.iter().all(|(input, column)| fits(input, column)) {
        return Ok(Cow::Borrowed(frame));
    }
    let columns = pairs.into_iter().map(|(input, column)| convert(input, column)).collect::<Result<_, _>>()?;
    Ok(Cow::Owned(Frame { columns, rows: frame.rows }))
}

fn fits(input: &InputColumn, column: &Column) -> bool {
    match &column.values {
        Values::Numbers(_) => {
            !is_categorical(input.kind) && (input.kind == ColumnType::Datetime) == (column.kind == ColumnType::Datetime)
        }
        Values::Categories { .. } => is_categorical(input.kind),
    }
}

fn convert(input: &InputColumn, column: &Column) -> Result<Column, PredictError> {
    if fits(input, column) {
        return Ok(column.clone());
    }
    let wrong =
        |found: String| PredictError::WrongType { column: input.name.clone(), expected: expected(input.kind), found };
    let values = match &column.values {
        Values::Numbers(numbers) if is_categorical(input.kind) => {
            if column.kind == ColumnType::Datetime && numbers.iter().any(|value| !value.is_nan()) {
                return Err(wrong("dates".to_owned()));
            }
            categories(numbers.iter().map(|&value| number_as_text(value)))
        }
        Values::Numbers(numbers) => {
            if numbers.iter().any(|value| !value.is_nan()) {
                return Err(wrong(expected(column.kind).to_owned()));
            }
            Values::Numbers(numbers.clone())
        }
        Values::Categories { codes, levels } => {
            let mut used = vec![false; levels.len()];
            codes.iter().filter(|&&code| code != MISSING).for_each(|&code| {
                if let Some(flag) = used.get_mut(code as usize) {
                    *flag = true;
                }
            });
            let numbers = levels
                .iter()
                .zip(used)
                .map(|(level, used)| match read(input.kind, level) {
                    _ if !used => Ok(f64::NAN),
                    Some(number) => Ok(number),
                    None => Err(wrong(format!("text such as '{}'", shorten(level)))),
                })
                .collect::<Result<Vec<f64>, _>>()?;
            Values::Numbers(codes.iter().map(|&code| numbers.get(code as usize).copied().unwrap_or(f64::NAN)).collect())
        }
    };
    Ok(Column { name: input.name.clone(), kind: input.kind, values })
}

/// A text as the number (or instant) that the model takes.
fn read(kind: ColumnType, text: &str) -> Option<f64> {
    if kind == ColumnType::Datetime {
        datetime::parse(text)
    } else {
        text.trim().parse().ok().filter(|value: &f64| value.is_finite())
    }
}

/// Builds categories with levels in order of first appearance; `None` is missing.
pub(crate) fn categories(values: impl Iterator<Item = Option<String>>) -> Values {
    let mut places = std::collections::HashMap::new();
    let mut levels: Vec<String> = Vec::new();
    let codes = values
        .map(|value| {
            let Some(value) = value else { return MISSING };
            *places.entry(value).or_insert_with_key(|value| {
                levels.push(value.clone());
                levels.len() as u32 - 1
            })
        })
        .collect();
    Values::Categories { codes, levels }
}

/// A number as the text that a file would hold: no decimal point where it is whole. `None` for NaN.
pub(crate) fn number_as_text(value: f64) -> Option<String> {
    (!value.is_nan()).then(|| value.to_string())
}

/// A type in words, as it stands in "Send …".
pub(crate) fn expected(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Integer | ColumnType::Float => "numbers",
        ColumnType::Boolean => "true or false",
        ColumnType::Text => "text",
        ColumnType::Datetime => "dates such as 2026-11-23 or 2026-11-23T17:20:31Z",
    }
}

/// At most 40 characters.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn frame() -> Frame {
        let numbers =
            |name: &str, kind, values| Column { name: String::from(name), kind, values: Values::Numbers(values) };
        Frame {
            columns: vec![
                numbers("age", ColumnType::Integer, vec![40.0, 20.0, f64::NAN, 30.0]),
                Column {
                    name: "city".into(),
                    kind: ColumnType::Text,
                    values: categories(["b", "a", "a", "b"].map(|c| Some(c.to_owned())).into_iter()),
                },
                numbers("at", ColumnType::Datetime, vec![0.0, 1.0, 2.0, 3.0]),
            ],
            rows: 4,
        }
    }

    #[test]
    fn describes_the_train_rows() {
        let signature = fit(&frame(), "y", Task::Regression, &[]);
        let age = &signature.inputs[0];
        assert_eq!((age.min, age.max, age.median, age.had_missing), (Some(20.0), Some(40.0), Some(30.0), true));
        assert_eq!(signature.inputs[1].categories, ["a", "b"]);
        assert!(!signature.inputs[1].had_missing);
    }

    #[test]
    fn aligns_what_a_file_guessed_otherwise() {
        let signature = fit(&frame(), "y", Task::Regression, &[]);
        let original = frame();
        assert!(matches!(align(&signature, &original).unwrap(), Cow::Borrowed(_)));
        let text = |values: [Option<&str>; 2]| categories(values.into_iter().map(|v| v.map(str::to_owned)));
        let column = |name: &str, kind, values| Column { name: String::from(name), kind, values };
        let mut other = Frame {
            columns: vec![
                column("at", ColumnType::Text, text([Some("1970-01-02"), None])),
                column("city", ColumnType::Integer, Values::Numbers(vec![7.0, 1.5])),
                column("age", ColumnType::Text, text([Some(" 41"), None])),
            ],
            rows: 2,
        };
        let aligned = align(&signature, &other).unwrap();
        let Values::Numbers(ages) = &aligned.column("age").unwrap().values else { panic!() };
        assert_eq!(ages[0], 41.0);
        assert!(ages[1].is_nan());
        assert_eq!(aligned.column("city").unwrap().values, text([Some("7"), Some("1.5")]));
        let Values::Numbers(instants) = &aligned.column("at").unwrap().values else { panic!() };
        assert_eq!(instants[0], 86_400_000.0);

        other.columns[2].values = text([Some("old"), None]);
        let error = align(&signature, &other).unwrap_err().to_string();
        assert!(error.contains("'age'") && error.contains("'old'"), "{error}");
        other.columns.remove(2);
        other.columns.remove(0);
        assert_eq!(
            align(&signature, &other).unwrap_err(),
            PredictError::MissingColumns(vec!["age".into(), "at".into()])
        );
    }
}
