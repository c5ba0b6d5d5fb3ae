//! Expectations of one figure of a column.

use super::{
    Found, Scope, Table,
    columns::{Cells, Members, figure},
    keys, stats,
};
use crate::{
    cell,
    words::{clip, count, counted, listed},
};
use trainyard_infer::frame::{MISSING, Values};
use trainyard_types::checks::{Expectation, QuantileRange, Scalar};

/// Values listed of a set that is not as expected.
const LISTED: usize = 20;

pub(super) fn evaluate(expectation: &Expectation, table: &Table<'_>, scope: Scope<'_>) -> Result<Found, String> {
    use Expectation::*;
    match expectation {
        DistinctValuesToBeInSet { column, values } => set(table, column, values, scope, true, false),
        DistinctValuesToContainSet { column, values } => set(table, column, values, scope, false, true),
        DistinctValuesToEqualSet { column, values } => set(table, column, values, scope, true, true),
        MinToBeBetween { column, min, max } => of_values(table, column, "least value", (min, max), scope, |values| {
            values.iter().copied().min_by(f64::total_cmp)
        }),
        MaxToBeBetween { column, min, max } => {
            of_values(table, column, "greatest value", (min, max), scope, |values| {
                values.iter().copied().max_by(f64::total_cmp)
            })
        }
        MeanToBeBetween { column, min, max } => of_values(table, column, "mean", (min, max), scope, |values| {
            (!values.is_empty()).then(|| stats::Moments::of(values.iter().copied()).mean)
        }),
        MedianToBeBetween { column, min, max } => of_values(table, column, "median", (min, max), scope, |values| {
            (!values.is_empty()).then(|| stats::quantile(values, 0.5))
        }),
        StdevToBeBetween { column, min, max } => {
            let cells = table.cells(column)?;
            let (values, missing) = present(cells, scope)?;
            let std = stats::Moments::of(values.iter().copied()).std();
            // The unit of a time's deviation is milliseconds, which is no time.
            Ok(figure_between("standard deviation", std, (*min, *max), scope, missing, &figure))
        }
        SumToBeBetween { column, min, max } => {
            let cells = table.cells(column)?;
            let (values, missing) = present(cells, scope)?;
            Ok(figure_between("sum", values.iter().sum(), (*min, *max), scope, missing, &figure))
        }
        QuantileValuesToBeBetween { column, quantiles } => self::quantiles(table.cells(column)?, quantiles, scope),
        UniqueValueCountToBeBetween { column, min, max } => {
            let cells = table.cells(column)?;
            let distinct = keys::distinct(table, cells, scope)? as f64;
            Ok(figure_between(
                "number of different values",
                distinct,
                (*min, *max),
                scope,
                missing(cells, scope),
                &figure,
            ))
        }
        ProportionOfUniqueValuesToBeBetween { column, min, max } => {
            let cells = table.cells(column)?;
            let missing = missing(cells, scope);
            let present = (scope.count() - missing) as f64;
            let share = keys::distinct(table, cells, scope)? as f64 / present;
            Ok(figure_between("share of different values", share, (*min, *max), scope, missing, &figure))
        }
        ProportionOfNonNullValuesToBeBetween { column, min, max } => {
            let missing = missing(table.cells(column)?, scope);
            let share = (scope.count() - missing) as f64 / scope.count() as f64;
            Ok(figure_between("share of rows with a value", share, (*min, *max), scope, missing, &figure))
        }
        other => Err(format!("{} can't be evaluated.", other.type_name())),
    }
}

fn missing(cells: &Cells<'_>, scope: Scope<'_>) -> u64 {
    scope.rows().filter(|&row| cells.is_missing(row)).count() as u64
}

fn present(cells: &Cells<'_>, scope: Scope<'_>) -> Result<(Vec<f64>, u64), String> {
    let numbers = cells.numbers()?;
    let values = stats::present(scope.rows().map(|row| numbers[row]));
    let missing = scope.count() - values.len() as u64;
    Ok((values, missing))
}

/// A figure that has the column's own unit, with bounds in it.
fn of_values(
    table: &Table<'_>,
    column: &str,
    what: &str,
    bounds: (&Option<Scalar>, &Option<Scalar>),
    scope: Scope<'_>,
    take: impl FnOnce(&mut Vec<f64>) -> Option<f64>,
) -> Result<Found, String> {
    let cells = table.cells(column)?;
    let (mut values, missing) = present(cells, scope)?;
    let bound = |scalar: &Option<Scalar>| scalar.as_ref().map(|scalar| cells.number(scalar, table.now)).transpose();
    let bounds = (bound(bounds.0)?, bound(bounds.1)?);
    let value = take(&mut values).unwrap_or(f64::NAN);
    Ok(figure_between(what, value, bounds, scope, missing, &|value| cells.figure(value)))
}

/// A figure that is not defined (no values) contradicts nothing.
fn figure_between(
    what: &str,
    value: f64,
    (min, max): (Option<f64>, Option<f64>),
    scope: Scope<'_>,
    missing: u64,
    show: &dyn Fn(f64) -> String,
) -> Found {
    let passed = value.is_nan() || (min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max));
    let words = if value.is_nan() {
        format!("The {what} is not defined: there are too few values.")
    } else {
        format!("The {what} is {}{}.", show(value), allowed(min, max, show))
    };
    let observed = if value.is_finite() { value.into() } else { serde_json::Value::Null };
    Found::new(passed, words, observed, scope.count(), missing)
}

pub(super) fn allowed(min: Option<f64>, max: Option<f64>, show: &dyn Fn(f64) -> String) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("; {} to {} is expected", show(min), show(max)),
        (Some(min), None) => format!("; at least {} is expected", show(min)),
        (None, Some(max)) => format!("; at most {} is expected", show(max)),
        (None, None) => String::new(),
    }
}

fn quantiles(cells: &Cells<'_>, ranges: &[QuantileRange], scope: Scope<'_>) -> Result<Found, String> {
    let (mut values, missing) = present(cells, scope)?;
    let (mut passed, mut said, mut observed) = (true, Vec::new(), Vec::new());
    for range in ranges {
        let value = stats::quantile(&mut values, range.quantile);
        observed.push(if value.is_finite() { value.into() } else { serde_json::Value::Null });
        let good =
            value.is_nan() || (range.min.is_none_or(|min| value >= min) && range.max.is_none_or(|max| value <= max));
        if !good {
            passed = false;
            said.push(format!(
                "the {} % quantile is {}{}",
                cell::show_float((range.quantile * 1e4).round() / 100.0),
                cells.figure(value),
                allowed(range.min, range.max, &|value| cells.figure(value))
            ));
        }
    }
    let words = if passed {
        format!("All {} lie within their bounds.", counted(ranges.len() as u64, "quantile", "quantiles"))
    } else {
        let text = said.join(", ");
        format!("{}{}.", text[..1].to_uppercase(), &text[1..])
    };
    Ok(Found::new(passed, words, observed.into(), scope.count(), missing))
}

/// Compares the different values with a set: none beyond it (`within`), all of it there (`whole`).
fn set(
    table: &Table<'_>,
    column: &str,
    values: &[Scalar],
    scope: Scope<'_>,
    within: bool,
    whole: bool,
) -> Result<Found, String> {
    let cells = table.cells(column)?;
    let missing = missing(cells, scope);
    let members = Members::of(cells, values, table.now)?;
    let (mut extra, mut absent): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    match (cells.values, &members) {
        (Values::Categories { codes, levels }, Members::Levels(in_set)) => {
            let mut seen = vec![false; levels.len()];
            scope.rows().filter(|&row| codes[row] != MISSING).for_each(|row| seen[codes[row] as usize] = true);
            extra = (0..levels.len()).filter(|&i| seen[i] && !in_set[i]).map(|i| levels[i].clone()).collect();
            let known: std::collections::HashSet<&str> =
                (0..levels.len()).filter(|&i| seen[i]).map(|i| levels[i].as_str()).collect();
            absent = values.iter().map(ToString::to_string).filter(|value| !known.contains(value.as_str())).collect();
        }
        (Values::Numbers(numbers), Members::Numbers(wanted)) => {
            let mut seen = stats::present(scope.rows().map(|row| numbers[row] + 0.0));
            seen.sort_unstable_by(f64::total_cmp);
            seen.dedup();
            let show = |value: f64| cells.show_number(value);
            extra = seen.iter().filter(|value| !Members::has_number(wanted, **value)).map(|v| show(*v)).collect();
            absent = wanted.iter().filter(|value| !Members::has_number(&seen, **value)).map(|v| show(*v)).collect();
        }
        _ => {}
    }
    let mut faults = Vec::new();
    if within && !extra.is_empty() {
        faults.push(format!(
            "{} not of the set: {}",
            counted(extra.len() as u64, "value is", "values are"),
            listed(&extra)
        ));
    }
    if whole && !absent.is_empty() {
        faults.push(format!(
            "{} of the set {} not there: {}",
            count(absent.len() as u64),
            if absent.len() == 1 { "is" } else { "are" },
            listed(&absent)
        ));
    }
    let passed = faults.is_empty();
    let words = if passed { "The different values are as expected.".to_owned() } else { faults.join("; ") + "." };
    let some = |values: Vec<String>| values.iter().take(LISTED).map(|value| clip(value)).collect::<Vec<_>>();
    let value = serde_json::json!({ "unexpected": some(extra), "absent": some(absent) });
    Ok(Found::new(passed, words, value, scope.count(), missing))
}
