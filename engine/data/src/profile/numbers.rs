//! Numbers: moments, quantiles, histogram.

use super::ranked::Ranked;
use crate::{bounded::Reservoir, cell};
use trainyard_types::dataset::{ColumnProfile, ColumnType, NumericProfile, ValueCount};

/// Values counted one by one while there are no more different ones than this.
const FEW: usize = 20;
/// Bins of a histogram at most.
const BINS: usize = 20;

/// Values that are added up at a time. Where a table is cut into blocks makes no difference to the sums.
const SEGMENT: usize = 4096;
/// Sums are made in so many lanes, which the processor adds at the same time.
const LANES: usize = 8;

/// Numbers are kept as keys: whole numbers as they are, floats by [`key_of_float`], so that keys sort as numbers do.
pub(super) struct NumberStats {
    mean: f64,
    /// Sum of squared deviations from the mean.
    m2: f64,
    min: i64,
    max: i64,
    zeros: u64,
    negative: u64,
    /// Keys of a segment that is not complete.
    waiting: Vec<i64>,
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
    pub(super) fn new(capacity: usize, floats: bool) -> Self {
        Self {
            mean: 0.0,
            m2: 0.0,
            min: i64::MAX,
            max: i64::MIN,
            zeros: 0,
            negative: 0,
            waiting: Vec::with_capacity(SEGMENT),
            keys: Reservoir::new(capacity),
            few: Some(Vec::with_capacity(FEW + 1)),
            floats,
        }
    }

    fn number(&self, key: i64) -> f64 {
        if self.floats { float_of_key(key) } else { key as f64 }
    }

    /// Adds the keys of present values.
    pub(super) fn add(&mut self, mut keys: &[i64]) {
        while self.waiting.len() + keys.len() >= SEGMENT {
            let (now, later) = keys.split_at(SEGMENT - self.waiting.len());
            keys = later;
            if self.waiting.is_empty() {
                self.add_segment(now);
            } else {
                self.waiting.extend_from_slice(now);
                self.add_waiting();
            }
        }
        self.waiting.extend_from_slice(keys);
    }

    fn add_waiting(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        self.add_segment(&waiting);
        waiting.clear();
        self.waiting = waiting;
    }

    fn add_segment(&mut self, segment: &[i64]) {
        if segment.is_empty() {
            return;
        }
        let mut numbers = [0.0; SEGMENT];
        let numbers = &mut numbers[..segment.len()];
        if self.floats {
            numbers.iter_mut().zip(segment).for_each(|(number, &key)| *number = float_of_key(key));
        } else {
            numbers.iter_mut().zip(segment).for_each(|(number, &key)| *number = key as f64);
        }
        let n = segment.len() as f64;
        let mean = sum(numbers, |x| x) / n;
        let m2 = sum(numbers, |x| (x - mean) * (x - mean));
        let before = self.keys.seen as f64;
        let delta = mean - self.mean;
        self.mean += delta * n / (before + n);
        self.m2 += m2 + delta * delta * before * n / (before + n);
        for &key in segment {
            self.min = self.min.min(key);
            self.max = self.max.max(key);
            // Zero has the key 0 and negative numbers negative keys, for floats too.
            self.zeros += u64::from(key == 0);
            self.negative += u64::from(key < 0);
        }
        self.count_few(segment);
        self.keys.extend(segment);
    }

    fn count_few(&mut self, keys: &[i64]) {
        let Some(few) = &mut self.few else { return };
        for &key in keys {
            let known = few.len();
            match few.iter_mut().find(|(value, _)| *value == key) {
                Some((_, count)) => *count += 1,
                None if known < FEW => few.push((key, 1)),
                None => {
                    self.few = None;
                    return;
                }
            }
        }
    }

    /// Fills the profile in; the answer is the skewness.
    pub(super) fn finish(&mut self, kind: ColumnType, profile: &mut ColumnProfile) -> f64 {
        self.add_waiting();
        let count = self.keys.seen;
        if count == 0 {
            return 0.0;
        }
        // As unsigned numbers in the same order.
        let rank = |key: i64| key as u64 ^ 1 << 63;
        let key_of_rank = |rank: u64| (rank ^ 1 << 63) as i64;
        let sampled = self.keys.sample();
        let kept: Vec<u64> = std::mem::take(&mut self.keys.kept).into_iter().map(rank).collect();
        let last = kept.len() - 1;
        let mut ranked = Ranked::new(kept, rank(self.min), rank(self.max));
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
            None => ranked.different(),
        };
        let (min, max) = (self.number(self.min), self.number(self.max));
        let std = if count > 1 { (self.m2 / (count - 1) as f64).sqrt() } else { 0.0 };
        let mut histogram = Histogram::new(min, max, kind != ColumnType::Float);
        let mut cubes = 0.0;
        ranked.each(|rank, times| {
            let number = self.number(key_of_rank(rank));
            histogram.add(number, times);
            if std > 0.0 {
                let z = (number - self.mean) / std;
                cubes += z * z * z * times as f64;
            }
        });
        let at = |rank: usize| self.number(key_of_rank(ranked.at(rank)));
        profile.numeric = Some(NumericProfile {
            min,
            max,
            mean: self.mean,
            std,
            quantiles: [0.05, 0.25, 0.5, 0.75, 0.95].map(|q| quantile(last, at, q)),
            zeros: self.zeros,
            negative: self.negative,
            histogram: histogram.finish(sampled.map(|kept| (kept, count))),
            sample: sampled,
        });
        cubes / (last + 1) as f64
    }
}

/// A sum over numbers, in lanes.
fn sum(numbers: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let (lanes, rest) = numbers.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for lane in lanes {
        sums.iter_mut().zip(lane).for_each(|(sum, &x)| *sum += of(x));
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&x| of(x)).sum::<f64>()
}

/// Linear interpolation between the closest ranks, NumPy's default. `at` gives the number of a rank up to `last`.
fn quantile(last: usize, at: impl Fn(usize) -> f64, q: f64) -> f64 {
    let position = q * last as f64;
    let (below, share) = (position.floor() as usize, position.fract());
    let low = at(below);
    if share == 0.0 { low } else { low + (at((below + 1).min(last)) - low) * share }
}

/// Counts in bins of equal width; whole numbers over a short range get a bin each.
struct Histogram {
    min: f64,
    range: f64,
    counts: Vec<u64>,
}

impl Histogram {
    fn new(min: f64, max: f64, whole: bool) -> Self {
        let range = max - min;
        let bins = if range == 0.0 {
            1
        } else if whole && range < BINS as f64 {
            range as usize + 1
        } else {
            BINS
        };
        // Halved, the largest range of floats is still finite.
        Self { min: min / 2.0, range: max / 2.0 - min / 2.0, counts: vec![0; bins] }
    }

    #[inline]
    fn add(&mut self, number: f64, times: u64) {
        let share = if self.range == 0.0 { 0.0 } else { (number / 2.0 - self.min) / self.range };
        let bins = self.counts.len();
        self.counts[((share * bins as f64) as usize).min(bins - 1)] += times;
    }

    /// A sample is scaled up: so many were kept of so many.
    fn finish(mut self, sample: Option<(u64, u64)>) -> Vec<u64> {
        if let Some((kept, of)) = sample {
            for bin in &mut self.counts {
                *bin = (u128::from(*bin) * u128::from(of) / u128::from(kept)) as u64;
            }
        }
        self.counts
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stats(values: &[f64], capacity: usize) -> ColumnProfile {
        let small = stats_of_blocks(values, capacity, 7);
        // Where the values are cut makes no difference.
        for block in [SEGMENT - 1, SEGMENT, 3 * SEGMENT + 1] {
            assert_eq!(stats_of_blocks(values, capacity, block), small);
        }
        small
    }

    fn stats_of_blocks(values: &[f64], capacity: usize, block: usize) -> ColumnProfile {
        let mut stats = NumberStats::new(capacity, true);
        for block in values.chunks(block) {
            stats.add(&block.iter().map(|&value| key_of_float(value)).collect::<Vec<_>>());
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
