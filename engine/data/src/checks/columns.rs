//! A loaded column as expectations see it, and values that people write in its terms.

use crate::{cell, words::clip};
use trainyard_infer::frame::{Column, MISSING, Values};
use trainyard_types::{checks::Scalar, dataset::ColumnType};

/// A column with what many expectations ask of it.
pub(super) struct Cells<'a> {
    pub name: &'a str,
    pub kind: ColumnType,
    pub values: &'a Values,
    /// Datetimes that are all midnight are shown as dates.
    date_only: bool,
}

impl<'a> Cells<'a> {
    pub(super) fn new(column: &'a Column) -> Self {
        let date_only = match (&column.values, column.kind) {
            (Values::Numbers(numbers), ColumnType::Datetime) => {
                numbers.iter().all(|value| value.is_nan() || value.rem_euclid(86_400_000.0) == 0.0)
            }
            _ => false,
        };
        Self { name: &column.name, kind: column.kind, values: &column.values, date_only }
    }

    /// NaN is missing.
    pub(super) fn numbers(&self) -> Result<&'a [f64], String> {
        match self.values {
            Values::Numbers(numbers) => Ok(numbers),
            Values::Categories { .. } => {
                Err(format!("`{}` is {}, where numbers or times are needed.", clip(self.name), self.kind.as_str()))
            }
        }
    }

    /// Codes and levels.
    pub(super) fn texts(&self) -> Result<(&'a [u32], &'a [String]), String> {
        match self.values {
            Values::Categories { codes, levels } => Ok((codes, levels)),
            Values::Numbers(_) => {
                Err(format!("`{}` is {}, where text is needed.", clip(self.name), self.kind.as_str()))
            }
        }
    }

    pub(super) fn is_missing(&self, row: usize) -> bool {
        match self.values {
            Values::Numbers(numbers) => numbers[row].is_nan(),
            Values::Categories { codes, .. } => codes[row] == MISSING,
        }
    }

    /// The value for a person; `None` where it is missing.
    pub(super) fn show(&self, row: usize) -> Option<String> {
        match self.values {
            Values::Numbers(numbers) => (!numbers[row].is_nan()).then(|| self.show_number(numbers[row])),
            Values::Categories { codes, levels } => levels.get(codes[row] as usize).cloned(),
        }
    }

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

    /// A written value as a number of this column.
    pub(super) fn number(&self, scalar: &Scalar, now: i64) -> Result<f64, String> {
        let refuse =
            |what: &str| Err(format!("`{}` is {}, but '{scalar}' is no {what}.", clip(self.name), self.kind.as_str()));
        match (scalar, self.kind) {
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
                Err(format!("`{}` is {}: it has no order to compare by.", clip(self.name), self.kind.as_str()))
            }
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

/// The values of a written set, looked up by the column's values.
pub(super) enum Members {
    /// One for each level.
    Levels(Vec<bool>),
    /// Sorted by [`f64::total_cmp`].
    Numbers(Vec<f64>),
}

impl Members {
    pub(super) fn of(cells: &Cells<'_>, values: &[Scalar], now: i64) -> Result<Self, String> {
        match cells.values {
            Values::Categories { levels, .. } => {
                let texts: std::collections::HashSet<String> = values.iter().map(ToString::to_string).collect();
                Ok(Members::Levels(levels.iter().map(|level| texts.contains(level)).collect()))
            }
            Values::Numbers(_) => {
                let mut numbers =
                    values.iter().map(|value| cells.number(value, now)).collect::<Result<Vec<f64>, String>>()?;
                numbers.iter_mut().for_each(|value| *value += 0.0);
                numbers.sort_unstable_by(f64::total_cmp);
                Ok(Members::Numbers(numbers))
            }
        }
    }

    pub(super) fn has_number(numbers: &[f64], value: f64) -> bool {
        numbers.binary_search_by(|other| other.total_cmp(&(value + 0.0))).is_ok()
    }
}
