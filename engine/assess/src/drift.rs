//! How far a column's distribution moved between two tables.

use crate::association::{self, Association};
use std::collections::HashMap;
use trainyard_infer::frame::{Column, MISSING, Values};
use trainyard_types::catalog::Shift;

/// Bins of a numeric column besides "missing".
const BINS: usize = 10;
/// Categories that are bins of their own; the rest count as `other`.
const CATEGORIES: usize = 20;
/// A share below this counts as this, so that an empty bin gives no infinite index.
const LEAST_SHARE: f64 = 1e-4;

/// Values with a smaller share count together where categories are compared.
const RARE: f64 = 0.01;

/// A shift with the counts behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub shift: Shift,
    /// Rows per bin of `shift.bins`.
    pub before: Vec<u64>,
    pub after: Vec<u64>,
}

/// Population stability index of counts over the same bins: the sum of (a − b) ln(a / b) over the bins' shares a and b,
/// each at least 0.0001. 0 where either side is empty. Source: Siddiqi, "Credit Risk Scorecards" (2006).
pub fn psi(before: &[u64], after: &[u64]) -> f64 {
    let (all_before, all_after) = (before.iter().sum::<u64>(), after.iter().sum::<u64>());
    if all_before == 0 || all_after == 0 {
        return 0.0;
    }
    let share = |count: u64, all: u64| (count as f64 / all as f64).max(LEAST_SHARE);
    before
        .iter()
        .zip(after)
        .map(|(&b, &a)| {
            let (b, a) = (share(b, all_before), share(a, all_after));
            (a - b) * (a / b).ln()
        })
        .sum()
}

/// The two-sample Kolmogorov-Smirnov statistic, 0 to 1: the greatest distance between the two empirical distribution
/// functions. Both samples must be sorted and free of NaN. 0 where either is empty.
pub fn ks(before: &[f64], after: &[f64]) -> f64 {
    let (mut i, mut j, mut most) = (0, 0, 0.0_f64);
    if before.is_empty() || after.is_empty() {
        return 0.0;
    }
    while i < before.len() && j < after.len() {
        let at = before[i].min(after[j]);
        while i < before.len() && before[i] <= at {
            i += 1;
        }
        while j < after.len() && after[j] <= at {
            j += 1;
        }
        most = most.max((i as f64 / before.len() as f64 - j as f64 / after.len() as f64).abs());
    }
    most
}

/// The two-sample Kolmogorov-Smirnov statistic that samples of `n` and `m` rows from one source exceed with probability
/// `alpha`: sqrt(-ln(alpha / 2) / 2 · (n + m) / (n m)) (Knuth, "The Art of Computer Programming", volume 2, 3.3.1).
pub fn ks_by_chance(n: usize, m: usize, alpha: f64) -> f64 {
    if n == 0 || m == 0 {
        return 1.0;
    }
    let (n, m) = (n as f64, m as f64);
    (-(alpha / 2.0).ln() / 2.0 * (n + m) / (n * m)).sqrt()
}

/// How far counts over the same values moved, as Deepchecks 0.19.1 has it: Cramér's V of the two samples with Bergsma's
/// correction, the larger sample scaled down to the smaller one's size, values under 1 % of `before` counted together.
/// `None` where either is empty or nothing is left to compare.
pub fn cramers_v(before: &[u64], after: &[u64]) -> Option<Association> {
    let (all_before, all_after) = (before.iter().sum::<u64>() as f64, after.iter().sum::<u64>() as f64);
    if all_before == 0.0 || all_after == 0.0 {
        return None;
    }
    let (mut kept, mut rest) = (Vec::new(), [0, 0]);
    for (&b, &a) in before.iter().zip(after) {
        if (b as f64) < RARE * all_before {
            rest = [rest[0] + b, rest[1] + a];
        } else {
            kept.push([b, a]);
        }
    }
    // What is rare on both sides together counts on neither.
    if rest[0] as f64 > RARE * all_before || rest[1] as f64 > RARE * all_after {
        kept.push(rest);
    }
    let sum = |side: usize| kept.iter().map(|pair| pair[side]).sum::<u64>() as f64;
    let size = sum(0).min(sum(1));
    let scaled = |side: usize| {
        let all = sum(side);
        kept.iter().map(move |pair| (pair[side] as f64 * size / all).round() as u64)
    };
    let table: Vec<u64> = scaled(0).chain(scaled(1)).collect();
    association::cramers_v(&table, kept.len())
}

/// Compares a column with its later self; `None` where one holds numbers and the other texts. The bins of numbers are the
/// deciles of the earlier one, those of texts its 20 most frequent values; `show` writes a bin's bound.
pub fn measure(before: &Column, after: &Column, show: impl Fn(f64) -> String) -> Option<Measured> {
    match (&before.values, &after.values) {
        (Values::Numbers(before), Values::Numbers(after)) => Some(numbers(before, after, show)),
        (
            Values::Categories { codes: before, levels: before_levels },
            Values::Categories { codes: after, levels: after_levels },
        ) => Some(categories((before, before_levels), (after, after_levels))),
        _ => None,
    }
}

/// Without the last bin, "missing".
fn psi_of_known(before: &[u64], after: &[u64]) -> f64 {
    psi(&before[..before.len() - 1], &after[..after.len() - 1])
}

fn numbers(before: &[f64], after: &[f64], show: impl Fn(f64) -> String) -> Measured {
    let known = |values: &[f64]| {
        let mut known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        known.sort_unstable_by(f64::total_cmp);
        known
    };
    let (old, new) = (known(before), known(after));
    // A side without values gives no bounds: then the other's serve.
    let reference = if old.is_empty() { &new } else { &old };
    let mut bounds: Vec<f64> = match reference.last() {
        Some(_) => (1..BINS).map(|k| reference[(k * reference.len() / BINS).min(reference.len() - 1)]).collect(),
        None => Vec::new(),
    };
    bounds.dedup();
    // A bin has the values up to and with its bound.
    let count = |values: &[f64], all: usize| {
        let mut counts: Vec<u64> = Vec::with_capacity(bounds.len() + 2);
        let mut from = 0;
        for bound in &bounds {
            let to = values.partition_point(|value| value <= bound);
            counts.push((to - from) as u64);
            from = to;
        }
        counts.push((values.len() - from) as u64);
        counts.push((all - values.len()) as u64);
        counts
    };
    let (before, after) = (count(&old, before.len()), count(&new, after.len()));
    let mut bins: Vec<String> = bounds.iter().map(|bound| format!("up to {}", show(*bound))).collect();
    bins.push(bounds.last().map_or_else(|| "all".to_owned(), |bound| format!("over {}", show(*bound))));
    bins.push("missing".to_owned());
    let shift = Shift { psi: psi_of_known(&before, &after), ks: Some(ks(&old, &new)), bins };
    Measured { shift, before, after }
}

fn categories(before: (&[u32], &[String]), after: (&[u32], &[String])) -> Measured {
    fn counts<'a>((codes, levels): (&[u32], &'a [String])) -> (HashMap<&'a str, u64>, u64) {
        let mut by_code = vec![0_u64; levels.len()];
        let mut missing = 0;
        for &code in codes {
            if code == MISSING { missing += 1 } else { by_code[code as usize] += 1 }
        }
        (levels.iter().map(String::as_str).zip(by_code).filter(|(_, count)| *count > 0).collect(), missing)
    }
    let ((old, old_missing), (new, new_missing)) = (counts(before), counts(after));
    let ranked = |counts: &HashMap<&str, u64>, skip: &[String]| {
        let mut ranked: Vec<(u64, String)> = counts
            .iter()
            .filter(|(level, _)| !skip.iter().any(|known| known == *level))
            .map(|(level, count)| (*count, (*level).to_owned()))
            .collect();
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        ranked.into_iter().map(|(_, level)| level).take(CATEGORIES).collect::<Vec<_>>()
    };
    // What is new is shown as such, not hidden in `other`.
    let mut bins = ranked(&old, &[]);
    let fresh: Vec<String> =
        ranked(&new, &bins).into_iter().filter(|level| !old.contains_key(level.as_str())).collect();
    bins.extend(fresh.into_iter().take(CATEGORIES / 2));
    let count = |counts: &HashMap<&str, u64>, missing: u64| {
        let mut out: Vec<u64> = bins.iter().map(|bin| counts.get(bin.as_str()).copied().unwrap_or(0)).collect();
        let rest = counts.values().sum::<u64>() - out.iter().sum::<u64>();
        out.extend([rest, missing]);
        out
    };
    let (before, after) = (count(&old, old_missing), count(&new, new_missing));
    bins.extend(["other".to_owned(), "missing".to_owned()]);
    Measured { shift: Shift { psi: psi_of_known(&before, &after), ks: None, bins }, before, after }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trainyard_types::dataset::ColumnType;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn psi_by_hand() {
        // (.3-.5)ln(.3/.5) + (.7-.5)ln(.7/.5) = .2 ln(5/3) + .2 ln(7/5)
        near(psi(&[50, 50], &[30, 70]), 0.2 * (5.0_f64 / 3.0).ln() + 0.2 * 1.4_f64.ln());
        near(psi(&[5, 5], &[500, 500]), 0.0);
        // An empty bin counts as .0001: (.0001-.5)ln(.0001/.5) + (1-.5)ln(1/.5).
        near(psi(&[1, 1], &[0, 2]), -0.4999 * (0.0002_f64).ln() + 0.5 * 2.0_f64.ln());
        near(psi(&[0, 0], &[1, 2]), 0.0);
    }

    #[test]
    fn ks_as_scipy_has_it() {
        // scipy 1.16 stats.ks_2samp([1, 2, 2, 3], [2, 3, 4, 5, 6]).statistic
        near(ks(&[1.0, 2.0, 2.0, 3.0], &[2.0, 3.0, 4.0, 5.0, 6.0]), 0.6);
        near(ks(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        near(ks(&[1.0, 2.0], &[1.0, 2.0]), 0.0);
        near(ks(&[], &[1.0]), 0.0);
    }

    /// Deepchecks 0.19.1, utils.distribution.drift.cramers_v(..., min_category_size_ratio=0.01): the same but for two
    /// values, where it takes Yates's correction (0.1967 instead of 0.2002).
    #[test]
    fn categories_move_as_deepchecks_has_it() {
        let v = |before: &[u64], after: &[u64]| cramers_v(before, after).unwrap().strength;
        near(v(&[400, 400, 200], &[100, 50, 250]), 0.443_332_896_869_060_5);
        near(v(&[500, 300, 195, 5], &[80, 60, 58, 2]), 0.097_219_182_067_717_94);
        near(v(&[3000, 800, 200], &[700, 250, 50]), 0.051_387_425_382_196_2);
        near(v(&[50, 50], &[50, 50]), 0.0);
        let two = v(&[700, 300], &[150, 150]);
        assert!((two - 0.196_683_717).abs() < 0.004, "{two}");
        assert_eq!(cramers_v(&[1, 2], &[0, 0]), None);
    }

    /// A classical table: sqrt(-ln(0.025) / 2) = 1.358 for 5 % (scipy.stats.kstwobign.ppf(0.95) = 1.3581).
    #[test]
    fn chance_is_wide_for_few_rows() {
        assert!((ks_by_chance(200, 200, 0.05) - 0.135_81).abs() < 1e-4);
        assert_eq!(ks_by_chance(0, 9, 0.05), 1.0);
    }

    #[test]
    fn what_is_new_and_what_is_missing_have_bins() {
        let column = |texts: &[&str]| {
            let levels: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
            let codes =
                texts.iter().map(|t| levels.iter().position(|l| l == t).map_or(MISSING, |i| i as u32)).collect();
            Column { name: "x".into(), kind: ColumnType::Text, values: Values::Categories { codes, levels } }
        };
        let moved = measure(&column(&["a", "a", "b", ""]), &column(&["a", "c", "c", "c"]), |_| String::new()).unwrap();
        assert_eq!(moved.shift.bins, ["a", "b", "c", "other", "missing"]);
        assert_eq!((moved.before, moved.after), (vec![2, 1, 0, 0, 1], vec![1, 0, 3, 0, 0]));

        let column =
            |values: Vec<f64>| Column { name: "x".into(), kind: ColumnType::Float, values: Values::Numbers(values) };
        let old = column((0..100).map(f64::from).collect());
        let same = measure(&old, &old, |bound| bound.to_string()).unwrap();
        assert_eq!((same.shift.psi, same.shift.ks), (0.0, Some(0.0)));
        assert_eq!(same.before.iter().sum::<u64>(), 100);
        assert_eq!(same.shift.bins.len(), 11);
        let gone = measure(&old, &column(vec![f64::NAN; 5]), |bound| bound.to_string()).unwrap();
        assert_eq!(gone.after.last(), Some(&5));
        assert_eq!((gone.shift.psi, gone.shift.words()), (0.0, "stable"), "that values are missing is told apart");
        let constant = measure(&column(vec![3.0; 4]), &column(vec![3.0, 4.0]), |bound| bound.to_string()).unwrap();
        assert_eq!(constant.shift.bins, ["up to 3", "over 3", "missing"]);
    }
}
