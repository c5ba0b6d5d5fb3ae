//! Expectations that single rows meet or miss.

use super::{
    Scope, Table, Tally,
    Verdict::{self, *},
    columns::{Cells, Members},
    keys, stats,
    validate::expression,
};
use crate::words::clip;
use chrono::format::{Parsed, StrftimeItems};
use std::cmp::Ordering;
use trainyard_infer::frame::{MISSING, Values};
use trainyard_types::{
    checks::{Expectation, MatchOn, OutlierMethod, Scalar},
    dataset::ColumnType,
};

/// Counts the rows in scope.
///
/// # Errors
/// In words, where the columns are not of a type that the expectation can be asked of.
pub(super) fn tally(expectation: &Expectation, table: &Table<'_>, scope: Scope<'_>) -> Result<Tally, String> {
    use Expectation::*;
    let verdict = |good: bool| if good { Pass } else { Fail };
    match expectation {
        NotBeNull { column } => {
            let cells = table.cells(column)?;
            Ok(Tally::of(scope, |row| verdict(!cells.is_missing(row))))
        }
        BeNull { column } => {
            let cells = table.cells(column)?;
            Ok(Tally::of(scope, |row| verdict(cells.is_missing(row))))
        }
        BeUnique { column } => {
            let cells = table.cells(column)?;
            let keys = keys::of(table, cells)?;
            let repeated = keys::repeated(&keys, scope, |row| !cells.is_missing(row));
            Ok(of_present(cells, scope, |row| repeated.is_empty() || !repeated.contains(&keys[row])))
        }
        CompoundColumnsToBeUnique { columns } => compound(table, columns, scope),
        BeInSet { column, values } => in_set(table, column, values, scope, true),
        NotBeInSet { column, values } => in_set(table, column, values, scope, false),
        BeBetween { column, min, max, strict } => {
            let cells = table.cells(column)?;
            let numbers = cells.numbers()?;
            let bound = |scalar: &Option<Scalar>, open: f64| {
                scalar.as_ref().map_or(Ok(open), |scalar| cells.number(scalar, table.now))
            };
            let (min, max) = (bound(min, f64::NEG_INFINITY)?, bound(max, f64::INFINITY)?);
            Ok(of_numbers(numbers, scope, |value| {
                if *strict { value > min && value < max } else { value >= min && value <= max }
            }))
        }
        MatchRegex { column, regex } => {
            let regex = expression(regex).map_err(|problem| problem.message)?;
            of_texts(table.cells(column)?, scope, |text| regex.is_match(text))
        }
        NotMatchRegex { column, regex } => {
            let regex = expression(regex).map_err(|problem| problem.message)?;
            of_texts(table.cells(column)?, scope, |text| !regex.is_match(text))
        }
        MatchRegexList { column, regexes, match_on } => {
            let regexes = regexes
                .iter()
                .map(|regex| expression(regex).map_err(|problem| problem.message))
                .collect::<Result<Vec<_>, String>>()?;
            of_texts(table.cells(column)?, scope, |text| match match_on {
                MatchOn::Any => regexes.iter().any(|regex| regex.is_match(text)),
                MatchOn::All => regexes.iter().all(|regex| regex.is_match(text)),
            })
        }
        MatchStrftimeFormat { column, format } => of_texts(table.cells(column)?, scope, |text| is_time(text, format)),
        ValueLengthsToBeBetween { column, min, max } => of_texts(table.cells(column)?, scope, |text| {
            let length = text.chars().count() as f64;
            min.is_none_or(|min| length >= min) && max.is_none_or(|max| length <= max)
        }),
        BeIncreasing { column, strict } => monotone(table, column, scope, *strict, Ordering::Greater),
        BeDecreasing { column, strict } => monotone(table, column, scope, *strict, Ordering::Less),
        ValueZScoresToBeLessThan { column, threshold, double_sided } => {
            let numbers = table.cells(column)?.numbers()?;
            let moments = stats::Moments::of(scope.rows().map(|row| numbers[row]));
            if moments.count > 1 && moments.std() == 0.0 {
                return Ok(of_numbers(numbers, scope, |_| true));
            }
            Ok(of_numbers(numbers, scope, |value| {
                let z = (value - moments.mean) / moments.std();
                z.is_nan() || if *double_sided { z.abs() < *threshold } else { z < *threshold }
            }))
        }
        NotBeOutliers { column, method, multiplier } => {
            let numbers = table.cells(column)?.numbers()?;
            let (low, high) = match method {
                OutlierMethod::Std => {
                    let moments = stats::Moments::of(scope.rows().map(|row| numbers[row]));
                    let reach = multiplier * moments.std();
                    (moments.mean - reach, moments.mean + reach)
                }
                OutlierMethod::Iqr => {
                    let mut present = stats::present(scope.rows().map(|row| numbers[row]));
                    let (q1, q3) = (stats::quantile(&mut present, 0.25), stats::quantile(&mut present, 0.75));
                    (q1 - multiplier * (q3 - q1), q3 + multiplier * (q3 - q1))
                }
            };
            // One value has no deviation: it is no outlier.
            Ok(of_numbers(numbers, scope, |value| !(value < low || value > high)))
        }
        PairValuesAGreaterThanB { column_a, column_b, or_equal } => {
            let (a, b) = (table.cells(column_a)?, table.cells(column_b)?);
            if (a.kind == ColumnType::Datetime) != (b.kind == ColumnType::Datetime) {
                return Err(format!("`{}` and `{}` can't be compared: one is a time.", clip(column_a), clip(column_b)));
            }
            let (x, y) = (a.numbers()?, b.numbers()?);
            Ok(Tally::of(scope, |row| match x[row].partial_cmp(&y[row]) {
                None => Missing,
                Some(order) => verdict(order == Ordering::Greater || (*or_equal && order == Ordering::Equal)),
            }))
        }
        PairValuesToBeEqual { column_a, column_b } => {
            let (a, b) = (table.cells(column_a)?, table.cells(column_b)?);
            let same = a.kind == b.kind || (a.kind.is_numeric() && b.kind.is_numeric());
            if !same {
                return Err(format!(
                    "`{}` is {} and `{}` is {}: they can't be equal.",
                    clip(column_a),
                    a.kind.as_str(),
                    clip(column_b),
                    b.kind.as_str()
                ));
            }
            Ok(Tally::of(scope, |row| match (a.is_missing(row), b.is_missing(row)) {
                (true, true) => Missing,
                (false, false) => verdict(equal(a, b, row)),
                _ => Fail,
            }))
        }
        other => Err(format!("{} is no expectation of single rows.", other.type_name())),
    }
}

fn of_present(cells: &Cells<'_>, scope: Scope<'_>, good: impl Fn(usize) -> bool) -> Tally {
    Tally::of(scope, |row| {
        if cells.is_missing(row) {
            Missing
        } else if good(row) {
            Pass
        } else {
            Fail
        }
    })
}

fn of_numbers(numbers: &[f64], scope: Scope<'_>, good: impl Fn(f64) -> bool) -> Tally {
    Tally::of(scope, |row| match numbers[row] {
        value if value.is_nan() => Missing,
        value if good(value) => Pass,
        _ => Fail,
    })
}

/// Asks once for each different text.
fn of_texts(cells: &Cells<'_>, scope: Scope<'_>, good: impl Fn(&str) -> bool) -> Result<Tally, String> {
    let (codes, levels) = cells.texts()?;
    let verdicts: Vec<Verdict> = levels.iter().map(|level| if good(level) { Pass } else { Fail }).collect();
    Ok(Tally::of(scope, |row| match codes[row] {
        MISSING => Missing,
        code => verdicts[code as usize],
    }))
}

fn in_set(table: &Table<'_>, column: &str, values: &[Scalar], scope: Scope<'_>, wanted: bool) -> Result<Tally, String> {
    let cells = table.cells(column)?;
    let members = Members::of(cells, values, table.now)?;
    match (&members, cells.values) {
        (Members::Levels(levels), Values::Categories { codes, .. }) => Ok(Tally::of(scope, |row| match codes[row] {
            MISSING => Missing,
            code if levels[code as usize] == wanted => Pass,
            _ => Fail,
        })),
        (Members::Numbers(set), Values::Numbers(numbers)) => {
            Ok(of_numbers(numbers, scope, |value| Members::has_number(set, value) == wanted))
        }
        _ => Err(format!("`{}` can't be compared with these values.", clip(column))),
    }
}

fn compound(table: &Table<'_>, columns: &[String], scope: Scope<'_>) -> Result<Tally, String> {
    let columns = columns
        .iter()
        .map(|name| {
            let cells = table.cells(name)?;
            Ok((keys::of(table, cells)?, cells))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let absent = |row: usize| columns.iter().all(|(_, cells)| cells.is_missing(row));
    let keys = keys::combined(&columns, table.rows);
    let repeated = keys::repeated(&keys, scope, |row| !absent(row));
    Ok(Tally::of(scope, |row| {
        if absent(row) {
            Missing
        } else if repeated.contains(&keys[row]) {
            Fail
        } else {
            Pass
        }
    }))
}

/// Compares each value with the last one before it that is not missing.
fn monotone(
    table: &Table<'_>,
    column: &str,
    scope: Scope<'_>,
    strict: bool,
    wanted: Ordering,
) -> Result<Tally, String> {
    let numbers = table.cells(column)?.numbers()?;
    let mut verdicts = vec![Missing; scope.rows];
    let mut before: Option<f64> = None;
    for row in scope.rows().filter(|&row| !numbers[row].is_nan()) {
        let order = before.map(|before| numbers[row].total_cmp(&before));
        let good = order.is_none_or(|order| order == wanted || (!strict && order == Ordering::Equal));
        verdicts[row] = if good { Pass } else { Fail };
        before = Some(numbers[row]);
    }
    Ok(Tally::of(scope, |row| verdicts[row]))
}

fn equal(a: &Cells<'_>, b: &Cells<'_>, row: usize) -> bool {
    match (a.values, b.values) {
        (Values::Numbers(a), Values::Numbers(b)) => a[row] == b[row],
        (Values::Categories { codes: a, levels: x }, Values::Categories { codes: b, levels: y }) => {
            x[a[row] as usize] == y[b[row] as usize]
        }
        _ => false,
    }
}

/// Whether the format reads the whole text, and what it read is a real date where it has one.
fn is_time(text: &str, format: &str) -> bool {
    let mut parsed = Parsed::new();
    if chrono::format::parse(&mut parsed, text, StrftimeItems::new(format)).is_err() {
        return false;
    }
    let dated = parsed.year().is_some() && parsed.month().is_some() && parsed.day().is_some();
    !dated || parsed.to_naive_date().is_ok()
}
