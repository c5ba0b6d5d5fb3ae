//! Columns as expectations see them, a batch of rows at a time, and values that people write in their terms.

use crate::{cell, words::clip};
use arrow_array::{
    Array, ArrayRef, StringArray,
    cast::AsArray,
    types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType},
};
use arrow_schema::DataType;
use foldhash::fast::RandomState;
use std::{
    collections::HashSet,
    hash::BuildHasher,
    sync::{Arc, LazyLock},
};
use trainyard_infer::frame::MISSING;
use trainyard_types::{
    Problem,
    checks::Scalar,
    dataset::{ColumnSchema, ColumnType},
};

/// What values of a column look like to a person.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    pub kind: ColumnType,
    /// Datetimes that are all midnight are shown as dates.
    pub date_only: bool,
}

impl Looks {
    /// A number of this column in full.
    pub(super) fn show_number(&self, value: f64) -> String {
        if self.kind == ColumnType::Datetime && value.is_finite() {
            cell::show_datetime(value as i64, self.date_only)
        } else {
            cell::show_float(value)
        }
    }

    /// A statistic of this column (a mean, a quantile) to a few digits.
    pub(super) fn figure(&self, value: f64) -> String {
        if self.kind == ColumnType::Datetime { self.show_number(value.round()) } else { figure(value) }
    }
}

/// A batch of a column.
pub(super) struct Cells {
    array: ArrayRef,
    values: Values,
}

enum Values {
    /// NaN is missing.
    Numbers(Vec<f64>),
    /// As indices into `levels`, which may hold ones that no row uses; [`MISSING`] is missing.
    Texts { codes: Vec<u32>, levels: ArrayRef },
}

impl Cells {
    /// Of an array of the five stored types, texts as dictionaries.
    pub(super) fn new(array: ArrayRef) -> Self {
        static BOOLEANS: LazyLock<ArrayRef> = LazyLock::new(|| Arc::new(StringArray::from(vec!["false", "true"])));
        let values = match array.data_type() {
            DataType::Int64 => {
                let values = array.as_primitive::<Int64Type>();
                Values::Numbers(values.iter().map(|v| v.map_or(f64::NAN, |v| v as f64)).collect())
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>();
                Values::Numbers(values.iter().map(|v| v.unwrap_or(f64::NAN)).collect())
            }
            DataType::Boolean => Values::Texts {
                codes: array.as_boolean().iter().map(|v| v.map_or(MISSING, u32::from)).collect(),
                levels: BOOLEANS.clone(),
            },
            DataType::Dictionary(..) => {
                let dictionary = array.as_dictionary::<Int32Type>();
                let levels = dictionary.values();
                let code = |key: i32| if levels.is_valid(key as usize) { key as u32 } else { MISSING };
                let codes = dictionary.keys().iter().map(|key| key.map_or(MISSING, code)).collect();
                Values::Texts { codes, levels: levels.clone() }
            }
            _ => {
                let values = array.as_primitive::<TimestampMillisecondType>();
                Values::Numbers(values.iter().map(|v| v.map_or(f64::NAN, |v| v as f64)).collect())
            }
        };
        Self { array, values }
    }

    pub(super) fn len(&self) -> usize {
        self.array.len()
    }

    /// NaN is missing.
    pub(super) fn numbers(&self) -> Result<&[f64], Problem> {
        match &self.values {
            Values::Numbers(numbers) => Ok(numbers),
            Values::Texts { .. } => Err(Problem::internal("Texts were taken for numbers.")),
        }
    }

    pub(super) fn texts(&self) -> Result<Texts<'_>, Problem> {
        match &self.values {
            Values::Texts { codes, levels } => Ok(Texts { codes, levels }),
            Values::Numbers(_) => Err(Problem::internal("Numbers were taken for texts.")),
        }
    }

    pub(super) fn is_missing(&self, row: usize) -> bool {
        match &self.values {
            Values::Numbers(numbers) => numbers[row].is_nan(),
            Values::Texts { codes, .. } => codes[row] == MISSING,
        }
    }

    /// The value for a person; `None` where it is missing.
    pub(super) fn show(&self, row: usize, looks: &Looks) -> Option<String> {
        match &self.values {
            Values::Numbers(numbers) => (!numbers[row].is_nan()).then(|| looks.show_number(numbers[row])),
            Values::Texts { codes, levels } => {
                (codes[row] != MISSING).then(|| levels.as_string::<i32>().value(codes[row] as usize).to_owned())
            }
        }
    }

    /// Whether all instants are midnight.
    pub(super) fn is_dates(&self) -> bool {
        match &self.values {
            Values::Numbers(numbers) => {
                numbers.iter().all(|value| value.is_nan() || value.rem_euclid(86_400_000.0) == 0.0)
            }
            Values::Texts { .. } => false,
        }
    }

    /// One key a row, equal where values are: numbers' own (also of whole ones that a float can't tell apart), texts' hashes.
    /// What it is where the value is missing means nothing.
    pub(super) fn keys(&self, hasher: &RandomState) -> Vec<u64> {
        match &self.values {
            Values::Texts { codes, levels } => {
                let hashes = hashes(levels, hasher);
                codes.iter().map(|&code| hashes.get(code as usize).copied().unwrap_or(0)).collect()
            }
            Values::Numbers(numbers) => match self.array.data_type() {
                DataType::Int64 => self.array.as_primitive::<Int64Type>().values().iter().map(|v| *v as u64).collect(),
                _ => numbers.iter().map(|value| (value + 0.0).to_bits()).collect(),
            },
        }
    }
}

/// The hash of each level.
pub(super) fn hashes(levels: &ArrayRef, hasher: &RandomState) -> Vec<u64> {
    levels.as_string::<i32>().iter().map(|level| level.map_or(0, |level| hasher.hash_one(level))).collect()
}

/// Codes, [`MISSING`] among them, and what they stand for.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    pub codes: &'a [u32],
    pub levels: &'a ArrayRef,
}

/// What a question has for an answer on each level; asked anew only where the levels are others than in the batch before.
#[derive(Default)]
pub(super) struct OfLevels(Option<(ArrayRef, Vec<bool>)>);

impl OfLevels {
    pub(super) fn ask(&mut self, levels: &ArrayRef, question: impl Fn(&str) -> bool) -> &[bool] {
        let known = self.0.take().filter(|(known, _)| Arc::ptr_eq(known, levels));
        let (_, answers) = self.0.insert(known.unwrap_or_else(|| {
            let answers = levels.as_string::<i32>().iter().map(|level| level.is_some_and(&question)).collect();
            (levels.clone(), answers)
        }));
        answers
    }
}

/// # Errors
/// In words, where the column holds texts.
pub(super) fn needs_numbers(column: &ColumnSchema) -> Result<(), String> {
    match column.kind {
        ColumnType::Text | ColumnType::Boolean => {
            Err(format!("`{}` is {}, where numbers or times are needed.", clip(&column.name), column.kind.as_str()))
        }
        _ => Ok(()),
    }
}

/// # Errors
/// In words, where the column holds no texts.
pub(super) fn needs_texts(column: &ColumnSchema) -> Result<(), String> {
    match needs_numbers(column) {
        Ok(()) => Err(format!("`{}` is {}, where text is needed.", clip(&column.name), column.kind.as_str())),
        Err(_) => Ok(()),
    }
}

/// A written value as a number of this column.
///
/// # Errors
/// In words, where it is none.
pub(super) fn number(column: &ColumnSchema, scalar: &Scalar, now: i64) -> Result<f64, String> {
    let refuse =
        |what: &str| Err(format!("`{}` is {}, but '{scalar}' is no {what}.", clip(&column.name), column.kind.as_str()));
    match (scalar, column.kind) {
        (Scalar::Text(text), ColumnType::Datetime) if text == "now" => Ok(now as f64),
        (Scalar::Text(text), ColumnType::Datetime) => match cell::datetime(text.trim()) {
            Some(millis) => Ok(millis as f64),
            None => refuse("date or time like 2024-12-31"),
        },
        (Scalar::Number(value), ColumnType::Integer | ColumnType::Float) => Ok(*value),
        (Scalar::Text(text), ColumnType::Integer | ColumnType::Float) => match text.trim().parse() {
            Ok(value) => Ok(value),
            Err(_) => refuse("number"),
        },
        (_, ColumnType::Datetime) => refuse("date or time like 2024-12-31"),
        (_, ColumnType::Integer | ColumnType::Float) => refuse("number"),
        (_, ColumnType::Text | ColumnType::Boolean) => {
            Err(format!("`{}` is {}: it has no order to compare by.", clip(&column.name), column.kind.as_str()))
        }
    }
}

/// A number for a sentence: whole ones in full, others to five significant digits.
pub(super) fn figure(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "not defined".into() } else { "infinite".into() };
    }
    let magnitude = value.abs();
    if value.fract() == 0.0 && magnitude < 1e15 {
        return format!("{value}");
    }
    if (1e-4..1e9).contains(&magnitude) {
        let digits = (4 - magnitude.log10().floor() as i32).max(0) as usize;
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    } else {
        format!("{value:.4e}")
    }
}

/// The values of a written set.
pub(super) enum Members {
    Texts(HashSet<String>),
    /// Sorted by [`f64::total_cmp`].
    Numbers(Vec<f64>),
}

impl Members {
    /// # Errors
    /// In words, where a value is none of the column's type.
    pub(super) fn of(column: &ColumnSchema, values: &[Scalar], now: i64) -> Result<Self, String> {
        if needs_numbers(column).is_err() {
            return Ok(Members::Texts(values.iter().map(ToString::to_string).collect()));
        }
        let mut numbers =
            values.iter().map(|value| number(column, value, now)).collect::<Result<Vec<f64>, String>>()?;
        numbers.iter_mut().for_each(|value| *value += 0.0);
        numbers.sort_unstable_by(f64::total_cmp);
        Ok(Members::Numbers(numbers))
    }

    pub(super) fn has_number(numbers: &[f64], value: f64) -> bool {
        numbers.binary_search_by(|other| other.total_cmp(&(value + 0.0))).is_ok()
    }
}
