//! The search for weak slices (after Chung et al., "Slice Finder", ICDE 2019): all groups of one and of two columns, Welch's
//! test of their losses against the other rows', corrected for all of them.

use super::{Groups, Outcomes};
use statrs::distribution::{ContinuousCDF, StudentsT};
use trainyard_infer::Column;
use trainyard_types::{
    slices::{SliceCondition, WeakSlice, WeakSlices},
    words::{count, counted},
};

/// Rows that are searched; more are thinned evenly.
const ROWS: usize = 20_000;
/// Rows that a slice needs: so many, and this share.
const FEWEST: usize = 30;
const SHARE: f64 = 0.01;
/// Conditions that are combined; of more, those of most rows.
const CONDITIONS: usize = 200;
/// False discoveries among what is told (Benjamini and Hochberg 1995).
const RATE: f64 = 0.05;
/// Difference over pooled deviation below which a slice is not worth telling: Cohen's small effect (1988).
const EFFECT: f64 = 0.2;
/// How much worse than each of its conditions alone a slice of two is.
const WORSE: f64 = 1.1;
/// Slices that share more than this of their rows (of both together) are told once.
const SAME: f64 = 0.8;
const TOLD: usize = 10;

struct Slice {
    conditions: Vec<SliceCondition>,
    /// Where its conditions stand in the list.
    of: Vec<usize>,
    rows: Vec<u64>,
    count: usize,
    value: f64,
    elsewhere: f64,
    effect: f64,
    p: f64,
}

/// The losses of the rows that are searched.
struct Losses {
    values: Vec<f64>,
    sum: f64,
    squares: f64,
}

impl Losses {
    /// Count, sum and sum of squares of the rows of a set.
    fn of(&self, rows: &[u64]) -> (usize, f64, f64) {
        let (mut count, mut sum, mut squares) = (0, 0.0, 0.0);
        for (word, &bits) in rows.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                let loss = self.values[word * 64 + bits.trailing_zeros() as usize];
                count += 1;
                sum += loss;
                squares += loss * loss;
                bits &= bits - 1;
            }
        }
        (count, sum, squares)
    }

    /// Tests a set of rows against the others; `None` with too few rows in it or outside of it.
    fn test(&self, rows: Vec<u64>, conditions: Vec<SliceCondition>, of: Vec<usize>, minimum: usize) -> Option<Slice> {
        if ones(&rows) < minimum {
            return None;
        }
        let (count, sum, squares) = self.of(&rows);
        let others = self.values.len() - count;
        if others < 2 || count < 2 {
            return None;
        }
        let moments = |n: usize, sum: f64, squares: f64| {
            let n = n as f64;
            (sum / n, ((squares - sum * sum / n) / (n - 1.0)).max(0.0))
        };
        let (value, variance) = moments(count, sum, squares);
        let (elsewhere, other_variance) = moments(others, self.sum - sum, self.squares - squares);
        let p = welch((value, variance, count), (elsewhere, other_variance, others));
        let pooled = ((variance + other_variance) / 2.0).sqrt();
        let effect = if pooled > 0.0 { (value - elsewhere) / pooled } else { 0.0 };
        Some(Slice { conditions, of, rows, count, value, elsewhere, effect, p })
    }
}

/// The probability that means differ by as much or more by chance, one-sided (Welch 1947). Each side: mean, variance, rows.
pub(super) fn welch(a: (f64, f64, usize), b: (f64, f64, usize)) -> f64 {
    let (ea, eb) = (a.1 / a.2 as f64, b.1 / b.2 as f64);
    let error = ea + eb;
    if error <= 0.0 || !error.is_finite() {
        return 1.0;
    }
    let freedom = error * error / (ea * ea / (a.2 as f64 - 1.0) + eb * eb / (b.2 as f64 - 1.0));
    let t = (a.0 - b.0) / error.sqrt();
    StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |distribution| distribution.sf(t))
}

fn ones(rows: &[u64]) -> usize {
    rows.iter().map(|bits| bits.count_ones() as usize).sum()
}

/// Looks at all slices of one and of two conditions.
pub(super) fn search(columns: &[(&Column, Groups)], outcomes: &Outcomes) -> WeakSlices {
    let all = outcomes.losses();
    let stride = all.len().div_ceil(ROWS).max(1);
    let picked: Vec<usize> = (0..all.len()).step_by(stride).collect();
    let values: Vec<f64> = picked.iter().map(|&row| all[row]).collect();
    let (sum, squares) = (values.iter().sum(), values.iter().map(|v| v * v).sum());
    let losses = Losses { values, sum, squares };
    let minimum = FEWEST.max((losses.values.len() as f64 * SHARE).ceil() as usize);
    let (conditions, looked_at, slices) = slices(columns, &picked, &losses, minimum);
    let class = matches!(outcomes, Outcomes::Classes { .. });
    let found: Vec<WeakSlice> = told(slices, &conditions)
        .into_iter()
        .map(|(slice, p)| {
            let inside: Vec<bool> = (0..picked.len()).map(|at| slice.rows[at / 64] >> (at % 64) & 1 == 1).collect();
            let sentence = sentence(&slice, p, outcomes, &picked, &inside);
            let Slice { conditions, count, value, elsewhere, effect, .. } = slice;
            WeakSlice { conditions, rows: count as u64, value, elsewhere, effect, p, sentence }
        })
        .collect();
    let looks = counted(looked_at, "group", "groups");
    let sentence = match found.len() {
        _ if looked_at == 0 => format!("No group has {minimum} test rows or more, so that none could be looked at."),
        0 => format!("{looks} of {minimum} rows or more were looked at; the model is not clearly worse on any."),
        n => format!("{looks} of {minimum} rows or more were looked at; the model is clearly worse on {n} of them."),
    };
    let measure = if class { "log_loss" } else { "mae" };
    WeakSlices { looked_at, minimum: minimum as u64, measure: measure.to_owned(), found, sentence }
}

/// The conditions' mean losses, how many slices were tested, and those.
fn slices(
    columns: &[(&Column, Groups)],
    picked: &[usize],
    losses: &Losses,
    minimum: usize,
) -> (Vec<f64>, u64, Vec<Slice>) {
    let words = picked.len().div_ceil(64);
    let mut singles: Vec<(usize, Slice)> = Vec::new();
    for (at, (column, groups)) in columns.iter().enumerate() {
        for (group, name) in groups.names.iter().enumerate().filter(|(group, _)| Some(*group) != groups.rest) {
            let mut rows = vec![0u64; words];
            for (place, &row) in picked.iter().enumerate() {
                if groups.of[row] == group {
                    rows[place / 64] |= 1 << (place % 64);
                }
            }
            let condition = SliceCondition { column: column.name.clone(), group: name.clone() };
            singles.extend(losses.test(rows, vec![condition], Vec::new(), minimum).map(|slice| (at, slice)));
        }
    }
    // What is combined must not depend on the losses: those would be looked at twice.
    singles.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(&b.0)));
    singles.truncate(CONDITIONS);
    let means: Vec<f64> = singles.iter().map(|(_, slice)| slice.value).collect();
    let mut pairs = Vec::new();
    for (i, (column, a)) in singles.iter().enumerate() {
        for (j, (other, b)) in singles.iter().enumerate().skip(i + 1) {
            if column == other {
                continue;
            }
            let rows: Vec<u64> = a.rows.iter().zip(&b.rows).map(|(a, b)| a & b).collect();
            let conditions = vec![a.conditions[0].clone(), b.conditions[0].clone()];
            pairs.extend(losses.test(rows, conditions, vec![i, j], minimum));
        }
    }
    let mut all: Vec<Slice> = singles.into_iter().map(|(_, slice)| slice).collect();
    all.extend(pairs);
    (means, all.len() as u64, all)
}

/// The slices worth telling with their corrected p-values, the greatest effect first.
fn told(slices: Vec<Slice>, means: &[f64]) -> Vec<(Slice, f64)> {
    let adjusted = benjamini_hochberg(&slices.iter().map(|slice| slice.p).collect::<Vec<f64>>());
    let mut found: Vec<(Slice, f64)> = slices
        .into_iter()
        .zip(adjusted)
        .filter(|(slice, p)| *p <= RATE && slice.effect >= EFFECT)
        .filter(|(slice, _)| slice.of.iter().all(|&condition| slice.value > WORSE * means[condition]))
        .collect();
    found.sort_by(|a, b| {
        b.0.effect.total_cmp(&a.0.effect).then_with(|| a.0.conditions.len().cmp(&b.0.conditions.len()))
    });
    let mut kept: Vec<(Slice, f64)> = Vec::new();
    for (slice, p) in found {
        let same = kept.iter().any(|(known, _)| {
            let both = known.rows.iter().zip(&slice.rows).map(|(a, b)| (a & b).count_ones() as usize).sum::<usize>();
            both as f64 > SAME * (known.count + slice.count - both) as f64
        });
        if !same && kept.len() < TOLD {
            kept.push((slice, p));
        }
    }
    kept
}

/// p-values corrected so that among those at or below a rate at most that share is expected to be false (Benjamini and
/// Hochberg 1995), as statsmodels' `multipletests(method="fdr_bh")`.
pub(super) fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 1.0f64;
    for (from_top, &at) in order.iter().enumerate() {
        let rank = (p.len() - from_top) as f64;
        least = least.min(p[at] * p.len() as f64 / rank);
        adjusted[at] = least;
    }
    adjusted
}

fn sentence(slice: &Slice, p: f64, outcomes: &Outcomes, picked: &[usize], inside: &[bool]) -> String {
    let where_: Vec<String> = slice.conditions.iter().map(|c| format!("`{}` is {}", c.column, c.group)).collect();
    let rows = counted(slice.count as u64, "row", "rows");
    let chance = if p < 0.001 { "p below 0.001".to_owned() } else { format!("p {p:.3}") };
    let figures = match outcomes {
        Outcomes::Classes { right, .. } => {
            let wrong = |want: bool| {
                let (mut wrong, mut all) = (0u64, 0u64);
                for (&row, _) in picked.iter().zip(inside).filter(|(_, inside)| **inside == want) {
                    all += 1;
                    wrong += u64::from(!right[row]);
                }
                wrong as f64 / all.max(1) as f64 * 100.0
            };
            format!("{:.1} % of {rows} are wrong, {:.1} % elsewhere", wrong(true), wrong(false))
        }
        Outcomes::Values { .. } => {
            let number = |value: f64| {
                if value.abs() >= 1000.0 { count(value.round() as u64) } else { format!("{value:.3}") }
            };
            format!("{rows} are off by {} on average, {} elsewhere", number(slice.value), number(slice.elsewhere))
        }
    };
    format!("Where {}: {figures} ({chance} after correction for all groups that were looked at).", where_.join(" and "))
}
