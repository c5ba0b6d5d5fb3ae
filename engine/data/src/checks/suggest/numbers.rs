//! Checks of numbers and times.

use super::{BEYOND, Way, Z, all_but_few, check, rounded, shares_of};
use crate::{cell, checks::stats};
use std::time::{SystemTime, UNIX_EPOCH};
use trainyard_infer::frame::Column;
use trainyard_types::{
    checks::{Check, Expectation, QuantileRange, Scalar},
    dataset::{ColumnType, Severity},
};

/// At most as many different numbers count as categories, where each is frequent.
const MOST_CATEGORIES: usize = 20;
/// Rows that decide a tail.
const TAIL_ROWS: usize = 100;
/// Mean excesses that the greatest value of another draw may lie beyond that of this one: 1 in e^12 for an exponential tail,
/// and more often for a heavier one.
const EXCESSES: f64 = 12.0;
const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

pub(super) fn of_numbers(column: &Column, numbers: &[f64]) -> Vec<Check> {
    let mut sorted = stats::present(numbers.iter().copied());
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let values = different(&sorted);
    let name = column.name.clone();
    if values.len() == 1 {
        let expectation = Expectation::BeInSet { column: name, values: vec![Scalar::Number(sorted[0])] };
        return vec![check(expectation, Severity::Info, "There was no other value.")];
    }
    let rarest = values.iter().map(|(_, count)| *count).min().unwrap_or(0);
    if values.len() <= MOST_CATEGORIES && rarest >= (n as u64 / 500).max(10) {
        let listed: Vec<(Scalar, u64)> = values.iter().map(|(value, count)| (Scalar::Number(*value), *count)).collect();
        let set = listed.iter().map(|(value, _)| value.clone()).collect();
        let mut checks = vec![check(
            Expectation::BeInSet { column: name.clone(), values: set },
            Severity::Critical,
            "There were no other values.",
        )];
        checks.extend(shares_of(&name, listed));
        return checks;
    }
    let whole = column.kind == ColumnType::Integer;
    let mut checks = ranges(&name, &sorted, whole);
    checks.push(quantiles(&name, &sorted));
    checks.extend(mean(&name, &sorted));
    let expectation = Expectation::UniqueValueCountToBeBetween { column: name, min: Some(2.0), max: None };
    checks.push(check(expectation, Severity::Warning, "A column of one value tells nothing."));
    checks
}

fn different(sorted: &[f64]) -> Vec<(f64, u64)> {
    sorted.chunk_by(|a, b| a == b).map(|same| (same[0] + 0.0, same.len() as u64)).collect()
}

/// What no value may be beyond, and where that is far beyond what was seen, what few values may be beyond.
fn ranges(name: &str, sorted: &[f64], whole: bool) -> Vec<Check> {
    let (seen_min, seen_max) = (sorted[0], sorted[sorted.len() - 1]);
    let upside_down: Vec<f64> = sorted.iter().rev().map(|value| -value).collect();
    let mut max = beyond(sorted);
    let mut min = -beyond(&upside_down);
    // What reaches zero and does not pass it has no sign: counts, sums, shares. Shares end at 1 and 100.
    if seen_min == 0.0 {
        min = 0.0;
    }
    if seen_max == 0.0 {
        max = 0.0;
    }
    for end in [1.0, 100.0] {
        if seen_min >= 0.0 && seen_max <= end && seen_max > 0.9 * end {
            max = max.min(end);
        }
    }
    let tidy = |value: f64, way: Way| match (whole, way) {
        (true, Way::Down) => rounded(value, way).floor(),
        (true, Way::Up) => rounded(value, way).ceil(),
        _ => rounded(value, way),
    };
    let (min, max) = (tidy(min, Way::Down), tidy(max, Way::Up));
    let between = |min: f64, max: f64| Expectation::BeBetween {
        column: name.to_owned(),
        min: Some(Scalar::Number(min)),
        max: Some(Scalar::Number(max)),
        strict: false,
    };
    let why = format!("Values went from {} to {}.", cell::show_float(seen_min), cell::show_float(seen_max));
    let mut checks = vec![check(between(min, max), Severity::Critical, &why)];
    let span = seen_max - seen_min;
    if (max - seen_max > 0.1 * span || seen_min - min > 0.1 * span) && BEYOND / (sorted.len() as f64) < 0.05 {
        checks.push(Check {
            mostly: all_but_few(sorted.len()),
            ..check(
                between(tidy(seen_min, Way::Down), tidy(seen_max, Way::Up)),
                Severity::Warning,
                "Few values may lie beyond those seen.",
            )
        });
    }
    checks
}

/// What the greatest value of other draws stays below: the tail is taken for exponential, or for a power law where it is
/// heavier than that (the mean log excess is Hill's estimate).
fn beyond(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    let max = sorted[n - 1];
    let tail = &sorted[n - (n / 20).clamp(5, TAIL_ROWS).min(n)..];
    let start = tail[0];
    let mean = |excess: &dyn Fn(f64) -> f64| tail.iter().map(|value| excess(*value)).sum::<f64>() / tail.len() as f64;
    let linear = mean(&|value| value - start);
    let spread = mean(&|value| (value - start - linear).powi(2)).sqrt();
    // An exponential's excesses vary as much as their mean; rounding and ties may hide a tail altogether.
    let heavy = start > 0.0 && spread > 1.1 * linear;
    let reach = if heavy {
        max * ((EXCESSES * mean(&|value| (value / start).ln())).min(7.0).exp() - 1.0)
    } else {
        EXCESSES * linear
    };
    let steps = smallest_step(tail);
    max + reach.max(2.0 * steps)
}

fn smallest_step(tail: &[f64]) -> f64 {
    let least = tail.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0.0).fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 0.0 }
}

fn quantiles(name: &str, sorted: &[f64]) -> Check {
    let n = sorted.len() as f64;
    let at = |q: f64| stats::quantile(&mut sorted.to_vec(), q);
    let ranges = QUANTILES
        .into_iter()
        .map(|q| {
            let reach = (Z * (2.0 * q * (1.0 - q) / n).sqrt()).max(0.02);
            let (low, high) = (q - reach, q + reach);
            QuantileRange {
                quantile: q,
                min: (low > 0.0).then(|| rounded(at(low), Way::Down)),
                max: (high < 1.0).then(|| rounded(at(high), Way::Up)),
            }
        })
        .filter(|range| range.min.is_some() || range.max.is_some())
        .collect();
    let expectation = Expectation::QuantileValuesToBeBetween { column: name.to_owned(), quantiles: ranges };
    check(expectation, Severity::Warning, "The distribution keeps its place and width.")
}

/// The mean, unless single values decide it.
fn mean(name: &str, sorted: &[f64]) -> Option<Check> {
    let n = sorted.len() as f64;
    let moments = stats::Moments::of(sorted.iter().copied());
    let std = moments.std();
    let fourth = sorted.iter().map(|value| ((value - moments.mean) / std).powi(4)).sum::<f64>() / n;
    if fourth > 30.0 {
        return None;
    }
    let reach = (Z * std * (2.0 / n).sqrt()).max(0.05 * std);
    let expectation = Expectation::MeanToBeBetween {
        column: name.to_owned(),
        min: Some(Scalar::Number(rounded(moments.mean - reach, Way::Down))),
        max: Some(Scalar::Number(rounded(moments.mean + reach, Way::Up))),
    };
    Some(check(expectation, Severity::Warning, ""))
}

/// Times that have passed stay in the past, and none is far from those seen.
pub(super) fn of_times(column: &Column, numbers: &[f64]) -> Vec<Check> {
    let present = stats::present(numbers.iter().copied());
    let (min, max) =
        present.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(*value), max.max(*value)));
    let date_only = present.iter().all(|value| value.rem_euclid(86_400_000.0) == 0.0);
    let written = |millis: f64| Scalar::Text(cell::show_datetime(millis as i64, date_only));
    let day = 86_400_000.0;
    let span = (max - min).max(30.0 * day);
    // Whole days where all were.
    let span = if date_only { (span / day).ceil() * day } else { span };
    let between = |min: Option<Scalar>, max: Option<Scalar>| Expectation::BeBetween {
        column: column.name.clone(),
        min,
        max,
        strict: false,
    };
    let mut checks = Vec::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(f64::INFINITY, |since| since.as_millis() as f64);
    if max <= now {
        let why = "All times lay in the past.";
        checks.push(check(between(None, Some(Scalar::Text("now".into()))), Severity::Critical, why));
    }
    let why = "As long again before and after the times seen.";
    checks.push(check(between(Some(written(min - span)), Some(written(max + span))), Severity::Warning, why));
    checks
}
