//! Expectations that compare a column's distribution with a given one, or two columns with each other.

use super::{
    Found, Scope, Table,
    columns::{Cells, figure},
    stats,
};
use crate::{split::below, words::clip};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use trainyard_infer::frame::{MISSING, Values};
use trainyard_types::checks::{Expectation, Partition};

const BOOTSTRAP_SAMPLES: usize = 1_000;
/// Rows of a bootstrap sample at most: the exact distribution takes time as the square root of its cube.
pub(super) const MOST_BOOTSTRAP_ROWS: u32 = 1_000;
/// Numbers with more different values than this are put into bins before they are counted.
const MANY_VALUES: usize = 20;
const BINS: usize = 10;
/// A table of counts has at most this many different texts a side.
const MOST_LEVELS: usize = 2_000;

/// `None` where the expectation is none of these.
pub(super) fn evaluate(
    expectation: &Expectation,
    table: &Table<'_>,
    scope: Scope<'_>,
) -> Option<Result<Found, String>> {
    use Expectation::*;
    Some(match expectation {
        KlDivergenceToBeLessThan { column, partition, threshold, tail_weight_holdout } => {
            kl(table, column, partition, *threshold, *tail_weight_holdout, scope)
        }
        ChisquareTestPValueToBeGreaterThan { column, partition, p, tail_weight_holdout } => {
            chi_square(table, column, partition, *p, *tail_weight_holdout, scope)
        }
        BootstrappedKsTestPValueToBeGreaterThan { column, partition, p, bootstrap_sample_size } => {
            ks(table, column, partition, *p, *bootstrap_sample_size, scope)
        }
        PairCramersPhiToBeLessThan { column_a, column_b, threshold } => {
            cramers_phi(table, [column_a, column_b], *threshold, scope)
        }
        _ => return None,
    })
}

/// Counts by the partition's values or bins, then what lies in none of them.
struct Counted {
    /// One for each weight.
    counts: Vec<f64>,
    /// Values that no category or bin has: each its own (categories), or below and above (bins).
    others: Vec<f64>,
    present: u64,
    missing: u64,
}

fn counted(table: &Table<'_>, cells: &Cells<'_>, partition: &Partition, scope: Scope<'_>) -> Result<Counted, String> {
    let mut counts = vec![0.0; partition.weights.len()];
    let (mut present, mut missing) = (0, 0);
    let others = match cells.values {
        Values::Numbers(numbers) if !partition.bins.is_empty() => {
            let (bins, last) = (&partition.bins, partition.bins.len() - 1);
            let mut tails = vec![0.0; 2];
            for row in scope.rows() {
                let value = numbers[row];
                if value.is_nan() {
                    missing += 1;
                    continue;
                }
                present += 1;
                // As NumPy's histogram: the last bin has its upper edge, the others have not.
                match bins.partition_point(|edge| *edge <= value) {
                    0 => tails[0] += 1.0,
                    n if n > last && value > bins[last] => tails[1] += 1.0,
                    n => counts[n.min(last) - 1] += 1.0,
                }
            }
            tails
        }
        _ if !partition.bins.is_empty() => {
            return Err(format!("`{}` is {}: bins need numbers.", clip(cells.name), cells.kind.as_str()));
        }
        Values::Numbers(numbers) => {
            let mut index: HashMap<u64, usize> = HashMap::new();
            for (i, value) in partition.values.iter().enumerate() {
                index.insert((cells.number(value, table.now)? + 0.0).to_bits(), i);
            }
            let mut others: HashMap<u64, f64> = HashMap::new();
            for row in scope.rows() {
                if numbers[row].is_nan() {
                    missing += 1;
                    continue;
                }
                present += 1;
                let key = (numbers[row] + 0.0).to_bits();
                match index.get(&key) {
                    Some(&i) => counts[i] += 1.0,
                    None => *others.entry(key).or_default() += 1.0,
                }
            }
            others.into_values().collect()
        }
        Values::Categories { codes, levels } => {
            let mut by_level = vec![0.0; levels.len()];
            for row in scope.rows() {
                match codes[row] {
                    MISSING => missing += 1,
                    code => {
                        present += 1;
                        by_level[code as usize] += 1.0;
                    }
                }
            }
            let texts: HashMap<String, usize> =
                partition.values.iter().enumerate().map(|(i, value)| (value.to_string(), i)).collect();
            let mut others = Vec::new();
            for (level, count) in levels.iter().zip(by_level).filter(|(_, count)| *count > 0.0) {
                match texts.get(level) {
                    Some(&i) => counts[i] += count,
                    None => others.push(count),
                }
            }
            others
        }
    };
    Ok(Counted { counts, others, present, missing })
}

impl Counted {
    /// Observed counts beside expected weights. `holdout` is shared by what the partition does not have.
    fn against(&self, partition: &Partition, holdout: f64) -> (Vec<f64>, Vec<f64>) {
        let kept = if self.others.is_empty() { 1.0 } else { 1.0 - holdout };
        let share = holdout / self.others.len().max(1) as f64;
        let observed = self.counts.iter().chain(&self.others).copied().collect();
        let expected =
            partition.weights.iter().map(|weight| weight * kept).chain(self.others.iter().map(|_| share)).collect();
        (observed, expected)
    }
}

fn kl(
    table: &Table<'_>,
    column: &str,
    partition: &Partition,
    threshold: f64,
    holdout: f64,
    scope: Scope<'_>,
) -> Result<Found, String> {
    let counted = counted(table, table.cells(column)?, partition, scope)?;
    if counted.present == 0 {
        return Ok(nothing(scope));
    }
    let (observed, expected) = counted.against(partition, holdout);
    let divergence = stats::kl_divergence(&observed, &expected);
    let mut words = format!("The divergence is {}; it must stay below {}.", figure(divergence), figure(threshold));
    if divergence.is_infinite() {
        words.push_str(" There are values that the given distribution does not have.");
    }
    let value = serde_json::json!({ "divergence": finite(divergence) });
    Ok(Found::new(divergence < threshold, words, value, scope.count(), counted.missing))
}

fn chi_square(
    table: &Table<'_>,
    column: &str,
    partition: &Partition,
    p: f64,
    holdout: f64,
    scope: Scope<'_>,
) -> Result<Found, String> {
    let counted = counted(table, table.cells(column)?, partition, scope)?;
    if counted.present == 0 {
        return Ok(nothing(scope));
    }
    let (observed, mut expected) = counted.against(partition, holdout);
    let total: f64 = expected.iter().sum();
    expected.iter_mut().for_each(|weight| *weight *= counted.present as f64 / total);
    let found = stats::chi_square_p(&observed, &expected);
    let words = format!("The p-value is {}; it must be above {}.", figure(found), figure(p));
    Ok(Found::new(found > p, words, serde_json::json!({ "p": found }), scope.count(), counted.missing))
}

fn ks(
    table: &Table<'_>,
    column: &str,
    partition: &Partition,
    p: f64,
    size: Option<u32>,
    scope: Scope<'_>,
) -> Result<Found, String> {
    let numbers = table.cells(column)?.numbers()?;
    let present = stats::present(scope.rows().map(|row| numbers[row]));
    if present.is_empty() {
        return Ok(nothing(scope));
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
    let missing = scope.count() - present.len() as u64;
    Ok(Found::new(found > p, words, serde_json::json!({ "p": found }), scope.count(), missing))
}

fn cramers_phi(table: &Table<'_>, names: [&String; 2], threshold: f64, scope: Scope<'_>) -> Result<Found, String> {
    let [(a, rows), (b, columns)] = [classes(table.cells(names[0])?, scope)?, classes(table.cells(names[1])?, scope)?];
    let mut counts = vec![0_u64; rows * columns];
    let mut missing = 0;
    for row in scope.rows() {
        match (a[row], b[row]) {
            (MISSING, _) | (_, MISSING) => missing += 1,
            (a, b) => counts[a as usize * columns + b as usize] += 1,
        }
    }
    let phi = stats::cramers_phi(&counts, columns);
    let words = format!("Cramér's phi is {}; it must stay below {}.", figure(phi), figure(threshold));
    Ok(Found::new(phi < threshold, words, serde_json::json!({ "phi": phi }), scope.count(), missing))
}

/// A class for each row, and how many classes there are.
fn classes(cells: &Cells<'_>, scope: Scope<'_>) -> Result<(Vec<u32>, usize), String> {
    let (codes, many) = match cells.values {
        Values::Categories { codes, levels } => (codes.clone(), levels.len()),
        Values::Numbers(numbers) => {
            let mut present = stats::present(scope.rows().map(|row| numbers[row]));
            present.sort_unstable_by(f64::total_cmp);
            let mut edges = present.clone();
            edges.dedup();
            if edges.len() > MANY_VALUES {
                edges = (1..BINS).map(|i| present[i * present.len() / BINS]).collect();
                edges.dedup();
            }
            let codes = numbers
                .iter()
                .map(|value| match value.is_nan() {
                    true => MISSING,
                    false => edges.partition_point(|edge| edge <= value) as u32,
                })
                .collect();
            (codes, edges.len() + 1)
        }
    };
    if many > MOST_LEVELS {
        return Err(format!("`{}` has {many} different texts, which are too many for a table.", clip(cells.name)));
    }
    Ok((codes, many))
}

/// No row has a value: nothing contradicts the expectation.
fn nothing(scope: Scope<'_>) -> Found {
    let rows = scope.count();
    Found::new(true, "No row has a value to check.".into(), serde_json::Value::Null, rows, rows)
}

fn finite(value: f64) -> serde_json::Value {
    if value.is_finite() { value.into() } else { "infinite".into() }
}
