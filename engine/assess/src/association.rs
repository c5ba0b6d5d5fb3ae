//! How strongly two columns go together, and whether chance would do as much.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor};

/// A strength with what chance makes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Association {
    /// 0 to 1.
    pub strength: f64,
    /// The probability of as much or more between columns that have nothing to do with each other, 0 to 1.
    pub p: f64,
}

/// Cramér's V of a table of counts, `width` columns wide, with the bias correction of Bergsma ("A bias-correction for
/// Cramér's V and Tschuprow's T", 2013), and Pearson's chi-squared test without Yates's correction. Empty rows and
/// columns don't count; `None` where fewer than two of either are left.
pub fn cramers_v(table: &[u64], width: usize) -> Option<Association> {
    let rows: Vec<u64> = table.chunks(width).map(|row| row.iter().sum()).collect();
    let columns: Vec<u64> = (0..width).map(|j| table.iter().skip(j).step_by(width).sum()).collect();
    let n = rows.iter().sum::<u64>() as f64;
    let seen = |counts: &[u64]| counts.iter().filter(|count| **count > 0).count() as f64;
    let (r, k) = (seen(&rows), seen(&columns));
    if r < 2.0 || k < 2.0 || n < 3.0 {
        return None;
    }
    let mut chi2 = 0.0;
    for (i, &row) in rows.iter().enumerate() {
        for (j, &column) in columns.iter().enumerate() {
            let expected = row as f64 * column as f64 / n;
            if expected > 0.0 {
                chi2 += (table[i * width + j] as f64 - expected).powi(2) / expected;
            }
        }
    }
    let freedom = (r - 1.0) * (k - 1.0);
    let phi2 = (chi2 / n - freedom / (n - 1.0)).max(0.0);
    let (r, k) = (r - (r - 1.0).powi(2) / (n - 1.0), k - (k - 1.0).powi(2) / (n - 1.0));
    let least = (r - 1.0).min(k - 1.0);
    let p = ChiSquared::new(freedom).map_or(1.0, |law| law.sf(chi2));
    (least > 0.0).then(|| Association { strength: (phi2 / least).sqrt().min(1.0), p })
}

/// The correlation ratio of numbers to the groups that they fall into: the root of the share of variance between groups,
/// with Kelley's correction for their number ("An unbiased correlation ratio measure", 1935), and the F test of one-way
/// analysis of variance. A value without a group, or NaN, does not count; `None` with under two groups, no row more than
/// groups, or a constant value.
pub fn correlation_ratio(values: impl Iterator<Item = (Option<usize>, f64)>, groups: usize) -> Option<Association> {
    let mut sums = vec![(0.0, 0.0); groups];
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    // A first value near the others keeps sums of squares small far from zero.
    let mut origin = None;
    for (group, value) in values {
        let Some(group) = group.filter(|_| value.is_finite()) else { continue };
        let value = value - *origin.get_or_insert(value);
        sums[group].0 += 1.0;
        sums[group].1 += value;
        n += 1.0;
        let step = value - mean;
        mean += step / n;
        squares += step * (value - mean);
    }
    let k = sums.iter().filter(|(count, _)| *count > 0.0).count() as f64;
    if k < 2.0 || n <= k || squares <= 0.0 {
        return None;
    }
    let between: f64 =
        sums.iter().filter(|(count, _)| *count > 0.0).map(|(count, sum)| count * (sum / count - mean).powi(2)).sum();
    let share = (between / squares).min(1.0);
    let within = 1.0 - share;
    let p = if within <= 0.0 {
        0.0
    } else {
        let f = share / (k - 1.0) / (within / (n - k));
        FisherSnedecor::new(k - 1.0, n - k).map_or(1.0, |law| law.sf(f))
    };
    let corrected = (1.0 - within * (n - 1.0) / (n - k)).max(0.0);
    Some(Association { strength: corrected.sqrt(), p })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    /// SciPy 1.17.1: stats.chi2_contingency([[30, 10], [20, 40]], correction=False) has p = 4.455709e-05; V worked out by
    /// Bergsma's formula in Python.
    #[test]
    fn counts_as_scipy_has_them() {
        let found = cramers_v(&[30, 10, 20, 40], 2).unwrap();
        near(found.strength, 0.397_697_454_488);
        assert!((found.p / 4.455_709_060_402_491e-5 - 1.0).abs() < 1e-6, "{}", found.p);
        assert_eq!(cramers_v(&[10, 0, 20, 0], 2), None, "one column is left");
    }

    /// SciPy 1.17.1: stats.f_oneway([1, 2, 3, 4], [5, 4, 6, 8], [9, 11, 12, 9]) and the ratio by its formula in NumPy.
    #[test]
    fn ratios_as_scipy_has_them() {
        let groups = [[1.0, 2.0, 3.0, 4.0], [5.0, 4.0, 6.0, 8.0], [9.0, 11.0, 12.0, 9.0]];
        let rows = || groups.iter().enumerate().flat_map(|(g, values)| values.map(move |v| (Some(g), v)));
        let found = correlation_ratio(rows(), 3).unwrap();
        assert!((found.p - 1.667_967_968_466e-4).abs() < 1e-9, "{}", found.p);
        near(found.strength, 0.907_269_119_336_7);
        let told = groups.iter().enumerate().flat_map(|(g, values)| values.map(move |_| (Some(g), g as f64)));
        near(correlation_ratio(told, 3).unwrap().strength, 1.0);
        assert_eq!(correlation_ratio([(Some(0), 1.0), (Some(1), f64::NAN)].into_iter(), 2), None);
    }
}
