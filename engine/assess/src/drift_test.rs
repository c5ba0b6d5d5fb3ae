//! Whether a column drifted, by the rule that Evidently 0.7 applies by default.
//!
//! Missing values don't count; their share is to be looked at apart. With up to 1,000 earlier values a test decides at 5 %:
//! of two proportions for two different values, chi-squared for categories and for numbers with up to five, otherwise
//! Kolmogorov-Smirnov. With more values a distance of 0.1 decides: Jensen-Shannon's for categories and numbers with up to
//! five different values, otherwise Wasserstein's in standard deviations of the earlier values.
//! Source: evidently 0.7.23, `legacy/calculations/stattests`.

use crate::drift;
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};
use std::collections::BTreeMap;
use trainyard_infer::frame::{Column, MISSING, Values};
use trainyard_types::catalog::{DriftTest, DriftTestKind};

/// Up to so many earlier values tests decide.
const FEW_ROWS: usize = 1_000;
/// A number with up to so many different values is compared value by value.
const FEW_VALUES: usize = 5;
const SIGNIFICANT: f64 = 0.05;
const FAR: f64 = 0.1;

/// `None` where one side has no values, or one holds numbers and the other texts.
pub fn evidently(before: &Column, after: &Column) -> Option<DriftTest> {
    let (kind, score) = match (&before.values, &after.values) {
        (Values::Numbers(before), Values::Numbers(after)) => {
            let known = |values: &[f64]| {
                let mut known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
                known.sort_unstable_by(f64::total_cmp);
                known
            };
            let (old, new) = (known(before), known(after));
            let mut counts: BTreeMap<u64, [u64; 2]> = BTreeMap::new();
            for (side, values) in [&old, &new].into_iter().enumerate() {
                for value in values {
                    counts.entry((value + 0.0).to_bits()).or_default()[side] += 1;
                    if counts.len() > FEW_VALUES {
                        break;
                    }
                }
            }
            if old.is_empty() || new.is_empty() {
                return None;
            }
            match counts.len() {
                n if n <= FEW_VALUES => by_counts(&counts.into_values().collect::<Vec<_>>(), old.len()),
                _ if old.len() <= FEW_ROWS => (DriftTestKind::KolmogorovSmirnov, ks_p(&old, &new)),
                _ => (DriftTestKind::Wasserstein, wasserstein(&old, &new)),
            }
        }
        (
            Values::Categories { codes: before, levels: before_levels },
            Values::Categories { codes: after, levels: after_levels },
        ) => {
            let mut counts: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
            for (side, codes, levels) in [(0, before, before_levels), (1, after, after_levels)] {
                codes
                    .iter()
                    .filter(|code| **code != MISSING)
                    .for_each(|&code| counts.entry(levels[code as usize].as_str()).or_default()[side] += 1);
            }
            let counts: Vec<[u64; 2]> = counts.into_values().collect();
            let [old, new] = sums(&counts);
            if old == 0.0 || new == 0.0 {
                return None;
            }
            by_counts(&counts, old as usize)
        }
        _ => return None,
    };
    let by_p = !matches!(kind, DriftTestKind::JensenShannon | DriftTestKind::Wasserstein);
    let threshold = if by_p { SIGNIFICANT } else { FAR };
    Some(DriftTest { kind, score, threshold, drifted: if by_p { score < threshold } else { score >= threshold } })
}

fn sums(counts: &[[u64; 2]]) -> [f64; 2] {
    counts.iter().fold([0.0; 2], |sum, [a, b]| [sum[0] + *a as f64, sum[1] + *b as f64])
}

/// Earlier and later counts of each value.
fn by_counts(counts: &[[u64; 2]], rows: usize) -> (DriftTestKind, f64) {
    match counts.len() {
        _ if rows > FEW_ROWS => (DriftTestKind::JensenShannon, jensen_shannon(counts)),
        n if n <= 2 => (DriftTestKind::Proportions, proportions_p(counts)),
        _ => (DriftTestKind::ChiSquared, chi_squared_p(counts)),
    }
}

/// Two-sided z-test of the share of the first value, with the pooled variance.
fn proportions_p(counts: &[[u64; 2]]) -> f64 {
    let [n, m] = sums(counts);
    let first = counts.first().copied().unwrap_or_default();
    let (p, q) = (first[0] as f64 / n, first[1] as f64 / m);
    let pooled = (p * n + q * m) / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    if error == 0.0 { 1.0 } else { 2.0 * Normal::standard().sf((p - q).abs() / error) }
}

/// Chi-squared test of the later counts against the earlier ones scaled to their number.
fn chi_squared_p(counts: &[[u64; 2]]) -> f64 {
    let [n, m] = sums(counts);
    let statistic: f64 = counts
        .iter()
        .map(|[old, new]| {
            let expected = *old as f64 * m / n;
            (*new as f64 - expected).powi(2) / expected
        })
        .sum();
    if statistic.is_infinite() {
        return 0.0;
    }
    ChiSquared::new(counts.len() as f64 - 1.0).map_or(1.0, |law| law.sf(statistic))
}

/// The root of Jensen and Shannon's divergence with natural logarithms.
fn jensen_shannon(counts: &[[u64; 2]]) -> f64 {
    let [n, m] = sums(counts);
    let part = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).ln() } else { 0.0 };
    let divergence: f64 = counts
        .iter()
        .map(|[old, new]| {
            let (p, q) = (*old as f64 / n, *new as f64 / m);
            let middle = (p + q) / 2.0;
            (part(p, middle) + part(q, middle)) / 2.0
        })
        .sum();
    divergence.max(0.0).sqrt()
}

/// The area between the two distribution functions, over the earlier values' standard deviation (0.001 at least).
fn wasserstein(old: &[f64], new: &[f64]) -> f64 {
    let mut all: Vec<f64> = old.iter().chain(new).copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let (mut i, mut j, mut area) = (0, 0, 0.0);
    for pair in all.windows(2) {
        while i < old.len() && old[i] <= pair[0] {
            i += 1;
        }
        while j < new.len() && new[j] <= pair[0] {
            j += 1;
        }
        area += (i as f64 / old.len() as f64 - j as f64 / new.len() as f64).abs() * (pair[1] - pair[0]);
    }
    let mean = old.iter().sum::<f64>() / old.len() as f64;
    let variance = old.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / old.len() as f64;
    area / variance.sqrt().max(0.001)
}

/// The probability of such a distance by chance: Kolmogorov's law with Stephens's correction for few rows ("Use of the
/// Kolmogorov-Smirnov, Cramér-von Mises and related statistics without extensive tables", 1970); SciPy counts paths.
fn ks_p(old: &[f64], new: &[f64]) -> f64 {
    let (n, m) = (old.len() as f64, new.len() as f64);
    let root = (n * m / (n + m)).sqrt();
    let x = (root + 0.12 + 0.11 / root) * drift::ks(old, new);
    if x < 0.2 {
        return 1.0;
    }
    let term = |k: i32| (-1.0_f64).powi(k - 1) * (-2.0 * f64::from(k * k) * x * x).exp();
    (2.0 * (1..=100).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trainyard_types::dataset::ColumnType;

    fn near(a: f64, b: f64, by: f64) {
        assert!((a - b).abs() < by, "{a} is not {b}");
    }

    fn number(values: Vec<f64>) -> Column {
        Column { name: "x".into(), kind: ColumnType::Float, values: Values::Numbers(values) }
    }

    fn weyl(s: f64, n: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..n).map(|i| f((i as f64 * s.sqrt()) % 1.0)).collect()
    }

    /// SciPy 1.17.1 on i√2 mod 1 (1,500 values) and (i√3 mod 1)^1.2 (1,200), and on 300 values and (i√3 mod 1)^1.4 (200):
    /// stats.wasserstein_distance over numpy.std; stats.ks_2samp has p = 0.0360 by counting paths, 0.0350 asymptotically.
    #[test]
    fn numbers_as_scipy_has_them() {
        let found = evidently(&number(weyl(2.0, 1_500, |x| x)), &number(weyl(3.0, 1_200, |x| x.powf(1.2)))).unwrap();
        assert_eq!((found.kind, found.drifted), (DriftTestKind::Wasserstein, true));
        near(found.score, 0.155_304_243_901_274, 1e-9);
        let found = evidently(&number(weyl(2.0, 300, |x| x)), &number(weyl(3.0, 200, |x| x.powf(1.4)))).unwrap();
        assert_eq!((found.kind, found.drifted), (DriftTestKind::KolmogorovSmirnov, true));
        near(found.score, 0.036_05, 0.005);
        let few = evidently(&number(vec![1.0, 2.0, f64::NAN]), &number(vec![1.0, 1.0])).unwrap();
        assert_eq!(few.kind, DriftTestKind::Proportions);
        assert_eq!(evidently(&number(vec![f64::NAN]), &number(vec![1.0])), None);
    }

    /// SciPy 1.17.1: stats.chisquare([20, 25, 15], [30, 18, 12]), spatial.distance.jensenshannon of the shares; the z-test by
    /// its formula.
    #[test]
    fn counts_as_scipy_has_them() {
        let counts = |old: [u64; 3], new: [u64; 3]| [[old[0], new[0]], [old[1], new[1]], [old[2], new[2]]];
        near(chi_squared_p(&counts([50, 30, 20], [20, 25, 15])), 0.033_280_695_068, 1e-9);
        near(jensen_shannon(&counts([1_200, 500, 300], [400, 350, 250])), 0.143_424_961_656_8, 1e-9);
        near(proportions_p(&[[60, 35], [40, 45]]), 0.030_005_478_743_28, 1e-9);
        assert_eq!(chi_squared_p(&[[0, 3], [5, 5], [5, 5]]), 0.0, "a new value");
        let (kind, _) = by_counts(&counts([1_200, 500, 300], [400, 350, 250]), 2_000);
        assert_eq!(kind, DriftTestKind::JensenShannon);
    }
}
