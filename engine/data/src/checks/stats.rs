//! The statistics that expectations compare: numbers in, numbers out.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Count, mean and spread in one pass (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub count: u64,
    pub mean: f64,
    squares: f64,
}

impl Moments {
    /// NaN is left out.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut moments = Self::default();
        values.filter(|value| !value.is_nan()).for_each(|value| moments.push(value));
        moments
    }

    pub(super) fn push(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
    }

    /// Sample standard deviation (n - 1); NaN below two values.
    pub(super) fn std(&self) -> f64 {
        if self.count < 2 { f64::NAN } else { (self.squares / (self.count - 1) as f64).sqrt() }
    }
}

/// The values that are not missing.
pub(super) fn present(values: impl Iterator<Item = f64>) -> Vec<f64> {
    values.filter(|value| !value.is_nan()).collect()
}

/// A sum that loses nothing to rounding on the way (Neumaier 1974).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(super) fn push(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
    }

    pub(super) fn total(&self) -> f64 {
        // Beyond the largest number there is nothing to make good.
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

/// A quantile by linear interpolation, as NumPy's default. Reorders the values; NaN where there are none.
pub(super) fn quantile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let at = (values.len() - 1) as f64 * q.clamp(0.0, 1.0);
    let (_, &mut low, above) = values.select_nth_unstable_by(at.floor() as usize, f64::total_cmp);
    match above.iter().copied().min_by(f64::total_cmp) {
        Some(high) if at.fract() > 0.0 => low + (high - low) * at.fract(),
        _ => low,
    }
}

/// Sum of p ln(p / q) over the pairs, with 0 ln 0 = 0; infinite where q is 0 and p is not. Both are scaled to sum 1, as
/// `scipy.stats.entropy` does. Pairs of the same ratio may come as one, summed.
pub(super) fn kl_divergence(observed: &[f64], expected: &[f64]) -> f64 {
    let (p_sum, q_sum): (f64, f64) = (observed.iter().sum(), expected.iter().sum());
    observed
        .iter()
        .zip(expected)
        .map(|(p, q)| (p / p_sum, q / q_sum))
        .map(|(p, q)| if p == 0.0 { 0.0 } else { p * (p / q).ln() })
        .sum()
}

/// Probability of a chi-square value at least this large, as `scipy.stats.chi2.sf`.
pub(super) fn chi_square_sf(statistic: f64, degrees: f64) -> f64 {
    if statistic.is_infinite() {
        return 0.0;
    }
    ChiSquared::new(degrees).map_or(f64::NAN, |distribution| distribution.sf(statistic))
}

/// Pearson's chi-square test of counts against expected counts: the p-value with `categories` - 1 degrees of freedom.
/// Categories of the same count and expected count may come as one, summed.
pub(super) fn chi_square_p(observed: &[f64], expected: &[f64], categories: u64) -> f64 {
    let statistic: f64 = observed
        .iter()
        .zip(expected)
        .map(|(o, e)| {
            if *e > 0.0 {
                (o - e).powi(2) / e
            } else if *o > 0.0 {
                f64::INFINITY
            } else {
                0.0
            }
        })
        .sum();
    if categories < 2 { 1.0 } else { chi_square_sf(statistic, (categories - 1) as f64) }
}

/// Cramér's phi (V) of a table of counts, row-major, 0 to 1, without Yates' correction and without bias correction, as
/// `scipy.stats.contingency.association(method="cramer")`. Empty rows and columns don't count; 0 where fewer than two are left.
pub(super) fn cramers_phi(counts: &[u64], columns: usize) -> f64 {
    let rows = counts.len() / columns.max(1);
    let of_row: Vec<f64> = (0..rows).map(|r| counts[r * columns..][..columns].iter().sum::<u64>() as f64).collect();
    let of_column: Vec<f64> =
        (0..columns).map(|c| (0..rows).map(|r| counts[r * columns + c]).sum::<u64>() as f64).collect();
    let total: f64 = of_row.iter().sum();
    let used = |sums: &[f64]| sums.iter().filter(|sum| **sum > 0.0).count();
    let least = used(&of_row).min(used(&of_column));
    if least < 2 {
        return 0.0;
    }
    let mut statistic = 0.0;
    for (r, row) in of_row.iter().enumerate() {
        for (c, column) in of_column.iter().enumerate() {
            let expected = row * column / total;
            if expected > 0.0 {
                statistic += (counts[r * columns + c] as f64 - expected).powi(2) / expected;
            }
        }
    }
    (statistic / total / (least - 1) as f64).sqrt().min(1.0)
}

/// Probability that the two-sided Kolmogorov-Smirnov distance of `n` draws is at least `d` (Marsaglia, Tsang, Wang:
/// "Evaluating Kolmogorov's distribution", 2003). Takes time as (n d)³.
pub(super) fn ks_sf(n: usize, d: f64) -> f64 {
    if n == 0 || d <= 0.0 {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    let nf = n as f64;
    let k = (nf * d) as usize + 1;
    let m = 2 * k - 1;
    let h = k as f64 - nf * d;
    let mut matrix = vec![0.0; m * m];
    for i in 0..m {
        for j in 0..m {
            matrix[i * m + j] = if i + 1 >= j { 1.0 } else { 0.0 };
        }
    }
    for i in 0..m {
        matrix[i * m] -= h.powi(i as i32 + 1);
        matrix[(m - 1) * m + i] -= h.powi((m - i) as i32);
    }
    matrix[(m - 1) * m] += if 2.0 * h - 1.0 > 0.0 { (2.0 * h - 1.0).powi(m as i32) } else { 0.0 };
    for i in 0..m {
        for j in 0..=i {
            for g in 1..=(i + 1 - j) {
                matrix[i * m + j] /= g as f64;
            }
        }
    }
    let (power, mut exponent) = power(&matrix, m, n);
    let mut s = power[(k - 1) * m + k - 1];
    for i in 1..=n {
        s *= i as f64 / nf;
        if s < 1e-140 {
            s *= 1e140;
            exponent -= 140;
        }
    }
    (1.0 - s * 10f64.powi(exponent)).clamp(0.0, 1.0)
}

/// A matrix to the n-th power, and the decimal exponent that was taken out of it.
fn power(matrix: &[f64], m: usize, n: usize) -> (Vec<f64>, i32) {
    if n == 1 {
        return (matrix.to_vec(), 0);
    }
    let (half, exponent) = power(matrix, m, n / 2);
    let squared = product(&half, &half, m);
    let (mut result, mut exponent) =
        if n.is_multiple_of(2) { (squared, 2 * exponent) } else { (product(matrix, &squared, m), 2 * exponent) };
    if result[(m / 2) * m + m / 2] > 1e140 {
        result.iter_mut().for_each(|value| *value *= 1e-140);
        exponent += 140;
    }
    (result, exponent)
}

fn product(a: &[f64], b: &[f64], m: usize) -> Vec<f64> {
    let mut out = vec![0.0; m * m];
    for i in 0..m {
        for g in 0..m {
            let x = a[i * m + g];
            if x != 0.0 {
                for j in 0..m {
                    out[i * m + j] += x * b[g * m + j];
                }
            }
        }
    }
    out
}

/// The distance beyond which the p-value of `n` draws is below `p`.
pub(super) fn ks_critical(n: usize, p: f64) -> f64 {
    // Between nothing and what the asymptotic distribution gives, with room.
    let (mut low, mut high) = (0.0, (1.2 * (-0.5 * (p / 2.0).ln()).sqrt() / (n as f64).sqrt()).clamp(0.01, 1.0));
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if ks_sf(n, middle) >= p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}
