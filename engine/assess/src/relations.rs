//! Correlations, gaps that come together, values far out.

use crate::association;
use std::{cmp::Ordering, collections::HashMap};
use trainyard_infer::frame::{Column, Frame, MISSING, Values};
use trainyard_types::{
    dataset::ColumnType,
    relations::{Measure, MissingPattern, Outliers, Pair, Relations},
};

/// Columns of a matrix at most.
const WIDEST: usize = 60;
/// Categories with more different values say nothing by Cramér's V.
const MOST_LEVELS: usize = 100;
const PAIRS: usize = 30;
/// Weaker pairs are not listed.
const WEAKEST: f64 = 0.1;
const PATTERNS: usize = 12;
/// Times the interquartile range.
const FAR_OUT: f64 = 3.0;

/// Looks at a sample of a table of `rows` rows. Times are left out: they go with everything that grows.
pub fn relations(sample: &Frame, rows: u64) -> Relations {
    let numbers: Vec<(&str, &[f64])> = sample
        .columns
        .iter()
        .filter(|column| column.kind != ColumnType::Datetime)
        .filter_map(|column| match &column.values {
            Values::Numbers(values) => Some((column.name.as_str(), values.as_slice())),
            Values::Categories { .. } => None,
        })
        .collect();
    let categories: Vec<Categories<'_>> = sample.columns.iter().filter_map(Categories::of).take(WIDEST).collect();
    let ranks: Vec<Vec<f64>> = numbers.iter().take(WIDEST).map(|(_, values)| ranks(values)).collect();
    let of = |values: &dyn Fn(usize) -> Vec<f64>| {
        let columns: Vec<Vec<f64>> = (0..ranks.len()).map(values).collect();
        matrix(columns.len(), |i, j| pearson(&columns[i], &columns[j]))
    };
    let mut relations = Relations {
        sample: sample.rows as u64,
        rows,
        pearson: of(&|i| numbers[i].1.to_vec()),
        // Ranks over all known values serve where few are missing; otherwise the pair's own are taken.
        spearman: matrix(ranks.len(), |i, j| {
            let complete = numbers[i].1.iter().zip(numbers[j].1).all(|(a, b)| a.is_nan() == b.is_nan());
            if complete { pearson(&ranks[i], &ranks[j]) } else { spearman(numbers[i].1, numbers[j].1) }
        }),
        numbers: numbers.iter().take(WIDEST).map(|(name, _)| (*name).to_owned()).collect(),
        cramers_v: matrix(categories.len(), |i, j| cramers_v(&categories[i], &categories[j])),
        categories: categories.iter().map(|column| column.name.to_owned()).collect(),
        strongest: Vec::new(),
        missing: missing(sample),
        outliers: outliers(&numbers),
    };
    let mixed = numbers.iter().take(WIDEST).flat_map(|(number, values)| {
        categories.iter().filter_map(move |column| {
            let rows = column
                .codes
                .iter()
                .zip(*values)
                .map(|(&code, &value)| ((code != MISSING).then_some(code as usize), value));
            let value = association::correlation_ratio(rows, column.levels)?.strength;
            let (a, b) = ((*number).to_owned(), column.name.to_owned());
            Some(Pair { a, b, measure: Measure::CorrelationRatio, value })
        })
    });
    relations.strongest = strongest(&relations, mixed.collect());
    relations
}

fn matrix(size: usize, value: impl Fn(usize, usize) -> Option<f64>) -> Vec<Vec<Option<f64>>> {
    let mut out = vec![vec![Some(1.0); size]; size];
    for (i, j) in (0..size).flat_map(|i| (0..i).map(move |j| (i, j))) {
        let value = value(i, j);
        (out[i][j], out[j][i]) = (value, value);
    }
    out
}

/// Pearson's correlation over the rows where both are known; `None` where fewer than 3 are, or one is constant.
pub fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let (mut n, mut mean_a, mut mean_b) = (0.0, 0.0, 0.0);
    let (mut saa, mut sbb, mut sab) = (0.0, 0.0, 0.0);
    for (&x, &y) in a.iter().zip(b) {
        if x.is_nan() || y.is_nan() {
            continue;
        }
        // Welford's updates: no cancellation far from zero.
        n += 1.0;
        let (dx, dy) = (x - mean_a, y - mean_b);
        mean_a += dx / n;
        mean_b += dy / n;
        saa += dx * (x - mean_a);
        sbb += dy * (y - mean_b);
        sab += dx * (y - mean_b);
    }
    if n < 3.0 || saa <= 0.0 || sbb <= 0.0 {
        return None;
    }
    Some((sab / (saa * sbb).sqrt()).clamp(-1.0, 1.0))
}

/// Spearman's correlation over the rows where both are known.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b): (Vec<f64>, Vec<f64>) =
        a.iter().zip(b).filter(|(x, y)| !x.is_nan() && !y.is_nan()).map(|(x, y)| (*x, *y)).unzip();
    pearson(&ranks(&a), &ranks(&b))
}

/// Ranks from 1, ties at their average; NaN stays NaN.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|&i| !values[i].is_nan()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![f64::NAN; values.len()];
    let mut start = 0;
    for tie in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + (tie.len() as f64 + 1.0) / 2.0;
        tie.iter().for_each(|&i| out[i] = rank);
        start += tie.len();
    }
    out
}

struct Categories<'a> {
    name: &'a str,
    codes: &'a [u32],
    levels: usize,
}

impl<'a> Categories<'a> {
    fn of(column: &'a Column) -> Option<Self> {
        let Values::Categories { codes, levels } = &column.values else { return None };
        let sound = (2..=MOST_LEVELS).contains(&levels.len());
        sound.then_some(Self { name: &column.name, codes, levels: levels.len() })
    }
}

/// Cramér's V with Bergsma's bias correction, over the rows where both are known.
fn cramers_v(a: &Categories<'_>, b: &Categories<'_>) -> Option<f64> {
    let mut table = vec![0_u64; a.levels * b.levels];
    for (&x, &y) in a.codes.iter().zip(b.codes) {
        if x != MISSING && y != MISSING {
            table[x as usize * b.levels + y as usize] += 1;
        }
    }
    association::cramers_v(&table, b.levels).map(|found| found.strength)
}

/// The strongest pairs of each kind; `pairs` are those of a number and a category.
fn strongest(relations: &Relations, mut pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.retain(|pair| pair.value >= WEAKEST);
    let mut collect = |names: &[String], values: &[Vec<Option<f64>>], measure: Measure| {
        for i in 0..names.len() {
            for j in 0..i {
                if let Some(value) = values[i][j].filter(|value| value.abs() >= WEAKEST) {
                    pairs.push(Pair { a: names[j].clone(), b: names[i].clone(), measure, value });
                }
            }
        }
    };
    collect(&relations.numbers, &relations.spearman, Measure::Spearman);
    collect(&relations.categories, &relations.cramers_v, Measure::CramersV);
    pairs.sort_by(|x, y| y.value.abs().partial_cmp(&x.value.abs()).unwrap_or(Ordering::Equal));
    pairs.truncate(PAIRS);
    pairs
}

fn missing(sample: &Frame) -> Vec<MissingPattern> {
    let lacks = |column: &Column, row: usize| match &column.values {
        Values::Numbers(values) => values[row].is_nan(),
        Values::Categories { codes, .. } => codes[row] == MISSING,
    };
    let gaps: Vec<usize> =
        (0..sample.columns.len()).filter(|&i| (0..sample.rows).any(|row| lacks(&sample.columns[i], row))).collect();
    let mut counts: HashMap<Vec<u32>, u64> = HashMap::new();
    for row in 0..sample.rows {
        let pattern: Vec<u32> = gaps.iter().filter(|&&i| lacks(&sample.columns[i], row)).map(|&i| i as u32).collect();
        if !pattern.is_empty() {
            *counts.entry(pattern).or_default() += 1;
        }
    }
    let mut patterns: Vec<(Vec<u32>, u64)> = counts.into_iter().collect();
    patterns.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    patterns
        .into_iter()
        .take(PATTERNS)
        .map(|(columns, count)| MissingPattern {
            columns: columns.into_iter().map(|i| sample.columns[i as usize].name.clone()).collect(),
            share: count as f64 / sample.rows as f64,
        })
        .collect()
}

fn outliers(numbers: &[(&str, &[f64])]) -> Vec<Outliers> {
    let mut found: Vec<Outliers> = numbers
        .iter()
        .filter_map(|(name, values)| {
            let mut known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
            known.sort_unstable_by(f64::total_cmp);
            let quartile = |q: f64| {
                let at = q * (known.len() - 1) as f64;
                let (low, part) = (at.floor() as usize, at.fract());
                known[low] + (known[(low + 1).min(known.len() - 1)] - known[low]) * part
            };
            if known.len() < 20 {
                return None;
            }
            let (q1, q3) = (quartile(0.25), quartile(0.75));
            let reach = FAR_OUT * (q3 - q1);
            // Half the values or more are the same: then every other one would be far out.
            if reach <= 0.0 {
                return None;
            }
            let (low, high) = (q1 - reach, q3 + reach);
            let out = known.iter().filter(|value| **value < low || **value > high).count();
            let share = out as f64 / known.len() as f64;
            (out > 0).then(|| Outliers { column: (*name).to_owned(), share, low, high })
        })
        .collect();
    found.sort_by(|a, b| b.share.total_cmp(&a.share));
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn near(a: Option<f64>, b: f64) {
        assert!((a.unwrap() - b).abs() < 1e-9, "{a:?} is not {b}");
    }

    /// SciPy 1.16.3: stats.pearsonr(x, y), stats.spearmanr(x, y).
    #[test]
    fn correlations_as_scipy_has_them() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let y = [2.0, 1.0, 4.0, 3.0, 7.0, 8.0, 6.0, 5.0];
        near(pearson(&x, &y), 0.738095238095);
        near(spearman(&x, &y), 0.738095238095);
        let ties = [1.0, 1.0, 2.0, 2.0, 3.0, 30.0, 3.0, 4.0];
        near(pearson(&x, &ties), 0.343327521105);
        near(spearman(&x, &ties), 0.897117993192);
        let gaps = [1.0, f64::NAN, 2.0, 2.0, 3.0, 30.0, 3.0, 4.0];
        near(spearman(&x, &gaps), 0.854686736758);
        assert_eq!(pearson(&x, &[1.0; 8]), None);
    }

    /// Bergsma's formula worked out in Python with scipy.stats.chi2_contingency (SciPy 1.16.3, no Yates correction).
    #[test]
    fn cramers_v_is_corrected() {
        let a: Vec<u32> = [vec![0; 40], vec![1; 60]].concat();
        let b: Vec<u32> = [vec![0; 30], vec![1; 10], vec![0; 20], vec![1; 40]].concat();
        let of = |codes| Categories { name: "x", codes, levels: 2 };
        near(cramers_v(&of(&a), &of(&b)), 0.397697454488);
        assert!((cramers_v(&of(&a), &of(&a)).unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(cramers_v(&of(&a), &of(&[0; 100])), None);
    }

    #[test]
    fn gaps_and_far_values_are_found() {
        let numbers = |name: &str, values: Vec<f64>| Column {
            name: name.into(),
            kind: ColumnType::Float,
            values: Values::Numbers(values),
        };
        let mut a: Vec<f64> = (0..100).map(f64::from).collect();
        let mut b = a.clone();
        (a[3], b[3], a[7], b[50]) = (f64::NAN, f64::NAN, f64::NAN, 1e6);
        let found = relations(&Frame { columns: vec![numbers("a", a), numbers("b", b)], rows: 100 }, 100);
        let patterns: Vec<(usize, f64)> = found.missing.iter().map(|p| (p.columns.len(), p.share)).collect();
        assert_eq!(patterns, [(1, 0.01), (2, 0.01)]);
        assert_eq!(found.outliers.len(), 1);
        assert_eq!(found.outliers[0].column, "b");
        assert_eq!(found.strongest[0].measure, Measure::Spearman);
        assert!(found.strongest[0].value > 0.9);
    }
}
