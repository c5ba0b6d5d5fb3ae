//! Expectations that compare a column's distribution with a given one.

use super::{
    columns::{Cells, figure, hashes, needs_numbers, number},
    counts::Counts,
    stats,
    stream::Batch,
    work::{Begin, Found, Next, Scope, Seen, Work},
};
use crate::{bounded::Reservoir, split::below, words::clip};
use arrow_array::{Array, cast::AsArray};
use foldhash::fast::RandomState;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, HashMap};
use trainyard_infer::frame::MISSING;
use trainyard_types::{
    Problem,
    checks::{Expectation, Partition},
};

const BOOTSTRAP_SAMPLES: usize = 1_000;
/// Rows of a bootstrap sample at most: the exact distribution takes time as the square root of its cube.
pub(super) const MOST_BOOTSTRAP_ROWS: u32 = 1_000;

/// `None` where the expectation is none of these.
pub(super) fn begin(expectation: &Expectation, begin: &Begin<'_>) -> Option<Result<Box<dyn Work>, String>> {
    use Expectation::*;
    let counted = |column: &str, partition: &Partition, holdout: f64, question: Question| {
        Counted::new(begin, column, partition, holdout, question).map(|work| Box::new(work) as Box<dyn Work>)
    };
    Some(match expectation {
        KlDivergenceToBeLessThan { column, partition, threshold, tail_weight_holdout } => {
            counted(column, partition, *tail_weight_holdout, Question::Divergence(*threshold))
        }
        ChisquareTestPValueToBeGreaterThan { column, partition, p, tail_weight_holdout } => {
            counted(column, partition, *tail_weight_holdout, Question::ChiSquare(*p))
        }
        BootstrappedKsTestPValueToBeGreaterThan { column, partition, p, bootstrap_sample_size } => {
            begin.column(column).and_then(needs_numbers).map(|()| {
                let values = Reservoir::new(begin.numbers());
                let (column, partition) = (column.clone(), partition.clone());
                Box::new(Bootstrap { column, partition, p: *p, size: *bootstrap_sample_size, values }) as Box<dyn Work>
            })
        }
        _ => return None,
    })
}

/// Counts by the partition's values or bins, and of what lies in none of them.
struct Counted {
    column: String,
    partition: Partition,
    holdout: f64,
    question: Question,
    /// One for each weight.
    counts: Vec<u64>,
    by: By,
    present: u64,
    missing: u64,
}

enum Question {
    /// Below this.
    Divergence(f64),
    /// Its p-value above this.
    ChiSquare(f64),
}

/// How a value finds its place.
enum By {
    /// With what lies below and above.
    Bins([u64; 2]),
    Numbers(HashMap<u64, usize>, Counts),
    Texts(HashMap<String, usize>, Counts, RandomState),
}

impl Counted {
    fn new(
        begin: &Begin<'_>,
        column: &str,
        partition: &Partition,
        holdout: f64,
        question: Question,
    ) -> Result<Self, String> {
        let column = begin.column(column)?;
        let others = Counts::new(begin.room, begin.folder);
        let values = partition.values.iter().enumerate();
        let by = match needs_numbers(column) {
            Ok(()) if !partition.bins.is_empty() => By::Bins([0; 2]),
            Err(_) if !partition.bins.is_empty() => {
                return Err(format!("`{}` is {}: bins need numbers.", clip(&column.name), column.kind.as_str()));
            }
            Ok(()) => {
                let place = |(at, value)| Ok(((number(column, value, begin.now)? + 0.0).to_bits(), at));
                let index = values.map(place).collect::<Result<_, String>>()?;
                By::Numbers(index, others)
            }
            Err(_) => {
                let index = values.map(|(at, value)| (value.to_string(), at)).collect();
                By::Texts(index, others, RandomState::default())
            }
        };
        let counts = vec![0; partition.weights.len()];
        let (column, partition) = (column.name.clone(), partition.clone());
        Ok(Self { column, partition, holdout, question, counts, by, present: 0, missing: 0 })
    }

    fn add(&mut self, cells: &Cells, scope: Scope<'_>) -> Result<u64, Problem> {
        let mut present = 0;
        let counts = &mut self.counts;
        match &mut self.by {
            By::Bins(tails) => {
                let (bins, last) = (&self.partition.bins, self.partition.bins.len() - 1);
                let numbers = cells.numbers()?;
                for value in scope.rows().map(|row| numbers[row]).filter(|value| !value.is_nan()) {
                    present += 1;
                    // As NumPy's histogram: the last bin has its upper edge, the others have not.
                    match bins.partition_point(|edge| *edge <= value) {
                        0 => tails[0] += 1,
                        n if n > last && value > bins[last] => tails[1] += 1,
                        n => counts[n.min(last) - 1] += 1,
                    }
                }
            }
            By::Numbers(index, others) => {
                let numbers = cells.numbers()?;
                for value in scope.rows().map(|row| numbers[row]).filter(|value| !value.is_nan()) {
                    present += 1;
                    let key = (value + 0.0).to_bits();
                    match index.get(&key) {
                        Some(&at) => counts[at] += 1,
                        None => others.add(key, 1)?,
                    }
                }
            }
            By::Texts(index, others, hasher) => {
                let texts = cells.texts()?;
                let levels = texts.levels.as_string::<i32>();
                let mut of_level = vec![0; levels.len()];
                for code in scope.rows().map(|row| texts.codes[row]).filter(|&code| code != MISSING) {
                    present += 1;
                    of_level[code as usize] += 1;
                }
                let hashes = hashes(texts.levels, hasher);
                for (code, count) in of_level.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                    match index.get(levels.value(code)) {
                        Some(&at) => counts[at] += count,
                        None => others.add(hashes[code], count)?,
                    }
                }
            }
        }
        Ok(present)
    }
}

impl Work for Counted {
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem> {
        let present = self.add(batch.cells(&self.column)?, scope)?;
        self.present += present;
        self.missing += scope.count() - present;
        Ok(())
    }

    fn finish(self: Box<Self>, seen: &Seen<'_>) -> Result<Next, Problem> {
        let Counted { partition, holdout, question, counts, by, present, missing, .. } = *self;
        if present == 0 {
            return Ok(Next::Found(Found::nothing(seen)));
        }
        // What the partition does not have: each value for itself, or below and above the bins. Values of the same count
        // come together.
        let others: BTreeMap<u64, u64> = match by {
            By::Bins([below, above]) if below == above => [(below, 2)].into(),
            By::Bins([below, above]) => [(below, 1), (above, 1)].into(),
            By::Numbers(_, others) | By::Texts(_, others, _) => others.by_count()?,
        };
        let many: u64 = others.values().sum();
        let kept = if many == 0 { 1.0 } else { 1.0 - holdout };
        let share = holdout / many.max(1) as f64;
        let mut observed: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
        let mut expected: Vec<f64> = partition.weights.iter().map(|weight| weight * kept).collect();
        for (count, times) in others {
            observed.push((count * times) as f64);
            expected.push(share * times as f64);
        }
        Ok(Next::Found(match question {
            Question::Divergence(threshold) => {
                let divergence = stats::kl_divergence(&observed, &expected);
                let mut words =
                    format!("The divergence is {}; it must stay below {}.", figure(divergence), figure(threshold));
                if divergence.is_infinite() {
                    words.push_str(" There are values that the given distribution does not have.");
                }
                let value = serde_json::json!({ "divergence": finite(divergence) });
                Found::new(divergence < threshold, words, value, missing)
            }
            Question::ChiSquare(p) => {
                let total: f64 = expected.iter().sum();
                expected.iter_mut().for_each(|weight| *weight *= present as f64 / total);
                let found = stats::chi_square_p(&observed, &expected, partition.weights.len() as u64 + many);
                let words = format!("The p-value is {}; it must be above {}.", figure(found), figure(p));
                Found::new(found > p, words, serde_json::json!({ "p": found }), missing)
            }
        }))
    }
}

struct Bootstrap {
    column: String,
    partition: Partition,
    p: f64,
    size: Option<u32>,
    values: Reservoir<f64>,
}

impl Work for Bootstrap {
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem> {
        let numbers = batch.cells(&self.column)?.numbers()?;
        scope.rows().map(|row| numbers[row]).filter(|value| !value.is_nan()).for_each(|value| self.values.push(value));
        Ok(())
    }

    fn finish(self: Box<Self>, seen: &Seen<'_>) -> Result<Next, Problem> {
        let Bootstrap { partition, p, size, values, .. } = *self;
        let present = &values.kept;
        if present.is_empty() {
            return Ok(Next::Found(Found::nothing(seen)));
        }
        let size = size.unwrap_or(2 * partition.weights.len() as u32).clamp(1, MOST_BOOTSTRAP_ROWS) as usize;
        let total: f64 = partition.weights.iter().sum();
        let mut cumulated = vec![0.0];
        for weight in &partition.weights {
            cumulated.push(cumulated[cumulated.len() - 1] + weight / total);
        }
        let cdf = |value: f64| {
            let bins = &partition.bins;
            match bins.partition_point(|edge| *edge <= value) {
                0 => 0.0,
                n if n >= bins.len() => 1.0,
                n => {
                    let inside = (value - bins[n - 1]) / (bins[n] - bins[n - 1]);
                    cumulated[n - 1] + inside * (cumulated[n] - cumulated[n - 1])
                }
            }
        };
        // A sample's p-value is at least `p` where its distance is at most this.
        let critical = stats::ks_critical(size, p);
        // Seeded: the same data gives the same answer.
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let mut near = 0;
        let mut sample = vec![0.0; size];
        for _ in 0..BOOTSTRAP_SAMPLES {
            sample.iter_mut().for_each(|at| *at = cdf(present[below(present.len() as u64, &mut random) as usize]));
            sample.sort_unstable_by(f64::total_cmp);
            let distance = sample
                .iter()
                .enumerate()
                .map(|(i, at)| ((i + 1) as f64 / size as f64 - at).max(at - i as f64 / size as f64))
                .fold(0.0, f64::max);
            near += usize::from(distance <= critical);
        }
        let found = (1 + near) as f64 / (1 + BOOTSTRAP_SAMPLES) as f64;
        let words = format!(
            "{} of {BOOTSTRAP_SAMPLES} samples of {size} rows fit the given distribution: p-value {}; it must be above {}.",
            near,
            figure(found),
            figure(p)
        );
        let found = Found::new(found > p, words, serde_json::json!({ "p": found }), seen.evaluated - values.seen);
        Ok(Next::Found(found.estimated("It is", values.sample(), values.seen)))
    }
}

fn finite(value: f64) -> serde_json::Value {
    if value.is_finite() { value.into() } else { "infinite".into() }
}
