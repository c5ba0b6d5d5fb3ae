//! A suite read off a table: what further tables of the same kind must look like too.
//!
//! Bounds are set so that another draw of as many rows from the same source passes, as a rule all checks at once: what lies
//! beyond the rows seen is allowed for. The rules, with the chance `e` of a false alarm that each check is given (about 1 in
//! 10,000):
//! - A draw of n rows has k or more beyond the greatest of n others with probability 2^-k at most, whatever the
//!   distribution: observed ranges and relations hold for all but [`BEYOND`] rows (`mostly`).
//! - Quantiles of two draws differ by at most [`Z`] standard errors in rank, whatever the distribution.
//! - Values never seen have, together, about the share of those seen once (Good 1953).
//! - n times the Kullback-Leibler divergence of two draws over k values is near a chi-square of k - 1 degrees, bounded as
//!   by Laurent and Massart (2000).

mod numbers;
mod pairs;
mod patterns;
mod texts;

use crate::{
    frame,
    memory::Memory,
    words::{count, counted},
};
use std::path::Path;
use trainyard_infer::frame::{Column, Frame, MISSING, Values};
use trainyard_types::{
    Problem,
    checks::{Check, Expectation, Partition, Scalar, Suite},
    dataset::{ColumnProfile, ColumnType, Profile, Severity},
};

/// Rows that may lie beyond what was seen: 2^-16 is about 1 in 65,000.
const BEYOND: f64 = 16.0;
/// Standard errors that a figure may be off.
const Z: f64 = 5.0;
/// Fewer rows tell nothing but the columns and their types.
const FEW_ROWS: u64 = 30;
/// Divergences below this are no matter, however many rows there are.
const LEAST_DIVERGENCE: f64 = 0.03;

/// A table of more rows is suggested for from [`SAMPLE`] rows drawn at random, or as many as fit the memory.
const MOST_ROWS: u64 = 4_000_000;
const SAMPLE: usize = 1_000_000;

/// Suggests checks for tables like this one. `profile` is the table's own. The suite's name says where it is read off a
/// sample of the rows.
///
/// # Errors
/// If the file can't be read.
pub fn suggest(parquet: &Path, profile: &Profile, memory: Memory) -> Result<Suite, Problem> {
    let mut checks = of_table(profile);
    let mut ordered = Vec::new();
    let sample = match profile.rows > MOST_ROWS {
        true => Some(frame::load_sample(parquet, None, SAMPLE, memory)?),
        false => None,
    };
    let columns = |names: &[String]| match &sample {
        Some(sample) => Ok(Frame {
            columns: sample.columns.iter().filter(|column| names.contains(&column.name)).cloned().collect(),
            rows: sample.rows,
        }),
        None => frame::load_sample(parquet, Some(names), usize::MAX, memory),
    };
    for column in &profile.columns {
        let kind = column.kind;
        let expectation = match kind {
            // A draw of decimals may happen to be whole.
            ColumnType::Float => Expectation::BeInTypeList {
                column: column.name.clone(),
                kinds: vec![ColumnType::Float, ColumnType::Integer],
            },
            kind => Expectation::BeOfType { column: column.name.clone(), kind },
        };
        let present = profile.rows - column.missing.min(profile.rows);
        if present == 0 {
            continue;
        }
        checks.push(check(expectation, Severity::Critical, ""));
        if profile.rows < FEW_ROWS {
            continue;
        }
        checks.extend(of_missing(column, profile.rows));
        if present < FEW_ROWS {
            continue;
        }
        let loaded = columns(std::slice::from_ref(&column.name))?;
        let Some(values) = loaded.columns.first() else { continue };
        let unique = is_identifier(column, values, present);
        if unique {
            let why = "Every row has a value of its own.";
            let unique = check(Expectation::BeUnique { column: column.name.clone() }, Severity::Critical, why);
            // What is not called an identifier may be drawn at random from many values, so that two meet now and then.
            let exact = kind == ColumnType::Integer || is_named_identifier(&column.name);
            checks.push(Check { mostly: if exact { 1.0 } else { all_but_few(present as usize) }, ..unique });
        }
        match (&values.values, kind) {
            (Values::Numbers(numbers), ColumnType::Datetime) => checks.extend(numbers::of_times(values, numbers)),
            (Values::Numbers(numbers), _) if !unique => checks.extend(numbers::of_numbers(values, numbers)),
            (Values::Categories { codes, levels }, ColumnType::Boolean) => {
                checks.extend(shares(&column.name, codes, levels))
            }
            (Values::Categories { codes, levels }, _) => checks.extend(texts::of_texts(&column.name, codes, levels)),
            _ => {}
        }
        if matches!(values.values, Values::Numbers(_)) && !unique && ordered.len() < pairs::MOST_COLUMNS {
            ordered.push(column.name.clone());
        }
    }
    if profile.rows >= pairs::FEWEST_ROWS && ordered.len() > 1 {
        checks.extend(pairs::of_pairs(&columns(&ordered)?));
    }
    let name = match &sample {
        Some(sample) => format!("Suggested checks, from {} rows drawn at random", count(sample.rows as u64)),
        None => "Suggested checks".into(),
    };
    Ok(Suite { name, checks })
}

fn check(expectation: Expectation, severity: Severity, why: &str) -> Check {
    Check { severity, description: why.to_owned(), ..Check::new(expectation) }
}

fn of_table(profile: &Profile) -> Vec<Check> {
    let columns = profile.columns.iter().map(|column| column.name.clone()).collect();
    let mut checks =
        vec![check(Expectation::TableColumnsToMatchSet { columns, allow_more: false }, Severity::Critical, "")];
    if profile.rows >= FEW_ROWS {
        let rows = profile.rows as f64;
        let expectation =
            Expectation::TableRowCountToBeBetween { min: Some((rows * 0.75).floor()), max: Some((rows * 1.5).ceil()) };
        let why = format!(
            "There were {}: three quarters to one and a half times as many.",
            counted(profile.rows, "row", "rows")
        );
        checks.push(check(expectation, Severity::Warning, &why));
    }
    checks
}

fn of_missing(column: &ColumnProfile, rows: u64) -> Option<Check> {
    let name = column.name.clone();
    if column.missing == 0 {
        return Some(check(Expectation::NotBeNull { column: name }, Severity::Critical, "No value was missing."));
    }
    let n = rows as f64;
    let share = column.missing as f64 / n;
    let most = share + (Z * (2.0 * share * (1.0 - share) / n).sqrt() + BEYOND / n).max(0.01);
    let expectation = Expectation::ProportionOfNonNullValuesToBeBetween {
        column: name,
        min: Some(rounded((1.0 - most).max(0.0), Way::Down)),
        max: None,
    };
    let why = format!("{:.1} % were missing.", share * 100.0);
    (most < 1.0).then(|| check(expectation, Severity::Warning, &why))
}

/// Different in every row, and named or made like an identifier: measurements may be all different by chance.
fn is_identifier(column: &ColumnProfile, values: &Column, present: u64) -> bool {
    if column.distinct != present {
        return false;
    }
    match (&values.values, column.kind) {
        (Values::Numbers(_), ColumnType::Integer) => {
            let dense = column.numeric.as_ref().is_some_and(|n| n.max - n.min + 1.0 == present as f64);
            dense || is_named_identifier(&column.name)
        }
        (Values::Categories { levels, .. }, ColumnType::Text) => {
            is_named_identifier(&column.name) || patterns::of(levels).is_some_and(|pattern| pattern.contains("[0-9]"))
        }
        _ => false,
    }
}

fn is_named_identifier(name: &str) -> bool {
    // `customerId` and `customer_id` both end on the word `id`.
    let mut words: Vec<String> = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    const WORDS: [&str; 16] = [
        "id", "ids", "uid", "uuid", "guid", "key", "code", "number", "no", "nr", "num", "email", "iban", "ssn",
        "serial", "index",
    ];
    words.last().is_some_and(|word| WORDS.contains(&word.as_str()))
}

/// The shares of a column's values, for any small number of them.
fn shares(name: &str, codes: &[u32], levels: &[String]) -> Option<Check> {
    let mut counts = vec![0_u64; levels.len()];
    codes.iter().filter(|&&code| code != MISSING).for_each(|&code| counts[code as usize] += 1);
    let counted: Vec<(Scalar, u64)> = levels
        .iter()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|(level, count)| (Scalar::Text(level.clone()), count))
        .collect();
    shares_of(name, counted)
}

fn shares_of(name: &str, mut counted: Vec<(Scalar, u64)>) -> Option<Check> {
    if counted.len() < 2 {
        return None;
    }
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let n: u64 = counted.iter().map(|(_, count)| count).sum();
    let degrees = (counted.len() - 1) as f64;
    let level = 1e4_f64.ln();
    let chi = degrees + 2.0 * (degrees * level).sqrt() + 2.0 * level;
    let weights: Vec<f64> = counted.iter().map(|(_, count)| (*count as f64 / n as f64 * 1e6).round() / 1e6).collect();
    let expectation = Expectation::KlDivergenceToBeLessThan {
        column: name.to_owned(),
        partition: Partition {
            values: counted.into_iter().map(|(value, _)| value).collect(),
            bins: Vec::new(),
            weights,
        },
        threshold: rounded((chi / n as f64).max(LEAST_DIVERGENCE), Way::Up),
        tail_weight_holdout: rounded((1.0 / n as f64).clamp(1e-6, 0.01), Way::Up),
    };
    Some(check(expectation, Severity::Warning, "Each value keeps about its share."))
}

/// How much of a draw, at most, is values that were not seen before, given how many rows each value had.
fn unseen_share(counts: impl Iterator<Item = u64>) -> f64 {
    let (mut once, mut twice, mut n) = (0.0, 0.0, 0.0);
    for count in counts {
        n += count as f64;
        once += f64::from(u8::from(count == 1));
        twice += f64::from(u8::from(count == 2));
    }
    if once + twice == 0.0 {
        return 0.0;
    }
    // Good's estimate with its error, and the few rows that chance adds.
    (once + Z * (once + 2.0 * twice).sqrt() + BEYOND) / n
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Down,
    Up,
}

/// To four significant digits, away from what is allowed.
fn rounded(value: f64, way: Way) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let places = 3 - value.abs().log10().floor() as i32;
    if places <= 0 && value.abs() < 1e6 {
        return if way == Way::Down { value.floor() } else { value.ceil() };
    }
    // By text, so that the result has no tail of digits.
    let scaled = value * 10f64.powi(places);
    let scaled = if way == Way::Down { scaled.floor() } else { scaled.ceil() };
    format!("{scaled}e{}", -places).parse().unwrap_or(value)
}

/// The share that all but [`BEYOND`] of n rows are.
fn all_but_few(n: usize) -> f64 {
    rounded((1.0 - BEYOND / n as f64).max(0.5), Way::Down)
}

#[cfg(test)]
mod tests;
