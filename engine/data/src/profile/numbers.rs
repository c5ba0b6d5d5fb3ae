//! Numbers: moments, quantiles, histogram.

use crate::{bounded::Reservoir, cell};
use trainyard_types::dataset::{ColumnProfile, ColumnType, NumericProfile, ValueCount};

/// Values counted one by one while there are no more different ones than this.
const FEW: usize = 20;
/// Bins of a histogram at most.
const BINS: usize = 20;

/// Numbers are kept as keys: whole numbers as they are, floats by [`key_of_float`], so that keys sort as numbers do.
pub(super) struct NumberStats {
    mean: f64,
    /// Sum of squared deviations from the mean.
    m2: f64,
    min: i64,
    max: i64,
    zeros: u64,
    negative: u64,
    keys: Reservoir<i64>,
    /// Counts of the different values, until there are too many.
    few: Option<Vec<(i64, u64)>>,
    floats: bool,
}

/// A finite float as an integer that sorts as the float does.
pub(super) fn key_of_float(value: f64) -> i64 {
    let bits = (value + 0.0).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn float_of_key(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)
}

impl NumberStats {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            mean: 0.0,
            m2: 0.0,
            min: i64::MAX,
            max: i64::MIN,
            zeros: 0,
            negative: 0,
            keys: Reservoir::new(capacity),
            few: Some(Vec::with_capacity(FEW + 1)),
            floats: false,
        }
    }

    fn number(&self, key: i64) -> f64 {
        if self.floats { float_of_key(key) } else { key as f64 }
    }

    /// Adds keys; `put` gets the row and the key of every present one.
    pub(super) fn add(
        &mut self,
        keys: impl Iterator<Item = Option<i64>> + Clone,
        floats: bool,
        put: &mut impl FnMut(usize, u64),
    ) {
        self.floats = floats;
        let (mut n, mut sum) = (0_u64, 0.0);
        for (row, key) in keys.clone().enumerate() {
            let Some(key) = key else { continue };
            put(row, key as u64);
            n += 1;
            sum += self.number(key);
            self.min = self.min.min(key);
            self.max = self.max.max(key);
            // Zero has the key 0 and negative numbers negative keys, for floats too.
            self.zeros += u64::from(key == 0);
            self.negative += u64::from(key < 0);
            self.count_few(key);
            self.keys.push(key);
        }
        if n == 0 {
            return;
        }
        let mean = sum / n as f64;
        let m2: f64 = keys.flatten().map(|key| (self.number(key) - mean).powi(2)).sum();
        let before = self.keys.seen - n;
        let delta = mean - self.mean;
        let total = self.keys.seen as f64;
        self.mean += delta * n as f64 / total;
        self.m2 += m2 + delta * delta * before as f64 * n as f64 / total;
    }

    fn count_few(&mut self, key: i64) {
        if let Some(few) = &mut self.few {
            let known = few.len();
            match few.iter_mut().find(|(value, _)| *value == key) {
                Some((_, count)) => *count += 1,
                None if known < FEW => few.push((key, 1)),
                None => self.few = None,
            }
        }
    }

    /// Fills the profile in; the answer is the skewness.
    pub(super) fn finish(&mut self, kind: ColumnType, profile: &mut ColumnProfile) -> f64 {
        let count = self.keys.seen;
        if count == 0 {
            return 0.0;
        }
        let sample = self.keys.sample();
        let mut keys = std::mem::take(&mut self.keys.kept);
        keys.sort_unstable();
        let show = |key: i64| match kind {
            ColumnType::Integer => key.to_string(),
            ColumnType::Datetime => cell::show_datetime(key, key.rem_euclid(86_400_000) == 0),
            _ => cell::show_float(float_of_key(key)),
        };
        profile.distinct = match &mut self.few {
            Some(few) => {
                few.sort_by_key(|&(key, count)| (std::cmp::Reverse(count), key));
                profile.top = few.iter().map(|&(key, count)| ValueCount { value: show(key), count }).collect();
                few.len() as u64
            }
            None => keys.chunk_by(|a, b| a == b).count() as u64,
        };
        let numbers: Vec<f64> = keys.iter().map(|&key| self.number(key)).collect();
        let (min, max) = (self.number(self.min), self.number(self.max));
        let std = if count > 1 { (self.m2 / (count - 1) as f64).sqrt() } else { 0.0 };
        profile.numeric = Some(NumericProfile {
            min,
            max,
            mean: self.mean,
            std,
            quantiles: [0.05, 0.25, 0.5, 0.75, 0.95].map(|q| quantile(&numbers, q)),
            zeros: self.zeros,
            negative: self.negative,
            histogram: histogram(&numbers, min, max, kind != ColumnType::Float, count),
            sample,
        });
        if std > 0.0 {
            numbers.iter().map(|x| ((x - self.mean) / std).powi(3)).sum::<f64>() / numbers.len() as f64
        } else {
            0.0
        }
    }
}

/// Linear interpolation between the closest ranks of sorted numbers, NumPy's default.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let (below, share) = (position.floor() as usize, position.fract());
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    if share == 0.0 { low } else { low + (high - low) * share }
}

/// Counts in bins of equal width; whole numbers over a short range get a bin each. A sample is scaled up to `count`.
fn histogram(sorted: &[f64], min: f64, max: f64, whole: bool, count: u64) -> Vec<u64> {
    let range = max - min;
    let bins = if range == 0.0 {
        1
    } else if whole && range < BINS as f64 {
        range as usize + 1
    } else {
        BINS
    };
    let mut counts = vec![0_u64; bins];
    for value in sorted {
        // Halved, the largest range of floats is still finite.
        let share = if range == 0.0 { 0.0 } else { (value / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0) };
        counts[((share * bins as f64) as usize).min(bins - 1)] += 1;
    }
    let kept = sorted.len() as u64;
    if kept < count {
        for bin in &mut counts {
            *bin = (u128::from(*bin) * u128::from(count) / u128::from(kept)) as u64;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stats(values: &[f64], capacity: usize) -> ColumnProfile {
        let mut stats = NumberStats::new(capacity);
        for block in values.chunks(7) {
            stats.add(block.iter().map(|&value| Some(key_of_float(value))), true, &mut |_, _| {});
        }
        let mut profile = ColumnProfile {
            name: String::new(),
            kind: ColumnType::Float,
            hash: String::new(),
            missing: 0,
            distinct: 0,
            numeric: None,
            top: Vec::new(),
        };
        stats.finish(ColumnType::Float, &mut profile);
        profile
    }

    #[test]
    fn keys_sort_as_floats_do() {
        let floats = [f64::MIN, -1.5, -1e-300, 0.0, 1e-300, 1.5, f64::MAX];
        let keys: Vec<i64> = floats.iter().map(|&x| key_of_float(x)).collect();
        assert!(keys.is_sorted());
        assert!(keys.iter().zip(floats).all(|(&key, x)| float_of_key(key) == x));
        assert_eq!(key_of_float(-0.0), 0);
    }

    // NumPy 2.4.6: x = np.array([((i * 7919) % 1009) / 10 - 30 for i in range(1000)]);
    // x.mean(), x.std(ddof=1), np.quantile(x, [.05, .25, .5, .75, .95]), np.histogram(x, 20)[0]
    #[test]
    fn moments_and_quantiles_match_numpy() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from((i * 7919) % 1009) / 10.0 - 30.0).collect();
        let profile = stats(&values, 1 << 20);
        let numeric = profile.numeric.unwrap();
        assert_eq!(profile.distinct, 1000);
        assert!((numeric.mean - MEAN).abs() < 1e-12, "{}", numeric.mean);
        assert!((numeric.std - STD).abs() < 1e-12, "{}", numeric.std);
        for (got, want) in numeric.quantiles.iter().zip(QUANTILES) {
            assert!((got - want).abs() < 1e-9, "{got} {want}");
        }
        assert_eq!(numeric.histogram, HISTOGRAM);
    }
    const MEAN: f64 = 20.4678;
    const STD: f64 = 29.150_485_999_276_14;
    const QUANTILES: [f64; 5] = [-25.005, -4.725, 20.55, 45.625, 65.805];
    const HISTOGRAM: [u64; 20] = [51, 49, 51, 49, 49, 51, 49, 50, 50, 49, 51, 50, 50, 50, 50, 50, 50, 51, 49, 51];

    #[test]
    fn a_sample_estimates_quantiles_and_keeps_totals() {
        let values: Vec<f64> = (0..200_000).map(|i| f64::from((i * 7919_i64 % 200_003) as i32)).collect();
        let numeric = stats(&values, 4096).numeric.unwrap();
        assert!((numeric.quantiles[2] / 100_000.0 - 1.0).abs() < 0.05, "{:?}", numeric.quantiles);
        assert!((numeric.histogram.iter().sum::<u64>() as f64 / 200_000.0 - 1.0).abs() < 0.001);
        assert!((numeric.mean - values.iter().sum::<f64>() / 200_000.0).abs() < 1e-6);
    }

    #[test]
    fn few_values_are_counted_exactly_even_beyond_the_bound() {
        let values: Vec<f64> = (0..10_000).map(|i| f64::from(i % 3)).collect();
        let profile = stats(&values, 100);
        assert_eq!(profile.distinct, 3);
        assert_eq!(profile.top[0], ValueCount { value: "0".into(), count: 3334 });
        let extreme = stats(&[f64::MIN, f64::MAX], 100).numeric.unwrap();
        assert_eq!(extreme.histogram.iter().sum::<u64>(), 2);
    }
}
