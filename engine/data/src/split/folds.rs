//! Folds of rows, and folds within the training rows of a fold.

use super::{Part, Table, find, group, hash, shuffle, time::Order};
use crate::words;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use trainyard_infer::frame::{Column, MISSING, Values};
use trainyard_types::{
    Problem,
    split::{MAX_FOLDS, SplitMethod},
};

/// Divides `rows` in `k` folds. Of each fold, its rows are `held` and the others train; of a split by time, only older
/// rows train (an expanding window over `k + 1` blocks, the first of which is never held). `path` says which folds these
/// are, so that inner ones are drawn anew.
///
/// - Random: of each class, each fold has the same number of rows, to within one.
/// - Group, hash: as for parts, with equal shares.
/// - Given: the column's values name the folds; `k` has to be their number.
///
/// # Errors
/// `k` is out of range or does not fit; a fold, or what it trains on, has no rows or a single class.
pub(super) fn folds(
    table: &Table<'_>,
    rows: &[u32],
    k: u32,
    held: Part,
    path: &str,
) -> Result<Vec<Vec<Option<Part>>>, Problem> {
    if !(2..=MAX_FOLDS).contains(&k) {
        return Err(Problem::field("folds", format!("Use 2 to {MAX_FOLDS} folds, not {k}. 5 is usual.")));
    }
    let count = k as usize;
    let divisions = match &table.spec.method {
        SplitMethod::Time { column } => windows(table, rows, find(table.frame, column, "split")?, count, held)?,
        SplitMethod::Random => by_fold(table, &random(table, rows, count, path)?, count, held),
        SplitMethod::Group { .. } => {
            let shares = vec![1.0 / f64::from(k); count];
            by_fold(table, &group::allot(table, rows, &shares, seed(table, path))?, count, held)
        }
        SplitMethod::Hash { .. } => {
            let mut of = Vec::with_capacity(rows.len());
            hash::positions(table, rows, path, |row, at| of.push((row, ((at * f64::from(k)) as u32).min(k - 1))))?;
            by_fold(table, &of, count, held)
        }
        SplitMethod::Given { column } => {
            let (names, of) = given(find(table.frame, column, "split")?, rows);
            if names.len() != count {
                return Err(Problem::field(
                    "folds",
                    format!(
                        "`{}` names {} folds here, not {k}: {}. Ask for as many.",
                        words::clip(column),
                        names.len(),
                        words::listed(&names)
                    ),
                ));
            }
            by_fold(table, &of, count, held)
        }
    };
    for (fold, division) in divisions.iter().enumerate() {
        check(table, division, held, fold, count)?;
    }
    Ok(divisions)
}

/// A seed for these folds alone.
fn seed(table: &Table<'_>, path: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&table.spec.seed.to_le_bytes()).update(path.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// Each row with its fold, to one division a fold.
fn by_fold(table: &Table<'_>, of: &[(u32, u32)], k: usize, held: Part) -> Vec<Vec<Option<Part>>> {
    let mut divisions = vec![vec![None; table.frame.rows]; k];
    for (fold, division) in divisions.iter_mut().enumerate() {
        for &(row, own) in of {
            division[row as usize] = Some(if own as usize == fold { held } else { Part::Train });
        }
    }
    divisions
}

/// Deals the shuffled rows of each stratum in turn, going on where the last one ended.
fn random(table: &Table<'_>, rows: &[u32], k: usize, path: &str) -> Result<Vec<(u32, u32)>, Problem> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed(table, path));
    let mut next = 0;
    let mut of = Vec::with_capacity(rows.len());
    for mut stratum in table.strata(rows)? {
        shuffle(&mut stratum, &mut rng);
        for row in stratum {
            of.push((row, (next % k) as u32));
            next += 1;
        }
    }
    Ok(of)
}

fn windows(
    table: &Table<'_>,
    rows: &[u32],
    column: &Column,
    k: usize,
    held: Part,
) -> Result<Vec<Vec<Option<Part>>>, Problem> {
    let order = Order::of(rows, column, table.spec.gap)?;
    let n = order.rows.len();
    let cuts: Vec<usize> =
        (1..=k + 1).map(|block| if block > k { n } else { order.cut(block * n / (k + 1)) }).collect();
    let divisions = cuts.windows(2).map(|block| {
        let mut division = vec![None; table.frame.rows];
        order.rows[..order.end_before(block[0])].iter().for_each(|&row| division[row as usize] = Some(Part::Train));
        order.rows[block[0]..block[1].max(block[0])].iter().for_each(|&row| division[row as usize] = Some(held));
        division
    });
    Ok(divisions.collect())
}

/// The names of the folds, in order, and each row with its fold. A row that is named `test` is in none.
pub(super) fn given(column: &Column, rows: &[u32]) -> (Vec<String>, Vec<(u32, u32)>) {
    let mut keys: Vec<(u32, u64)> = Vec::new();
    let mut names: Vec<(u64, String)> = Vec::new();
    match &column.values {
        Values::Numbers(numbers) => {
            let present = rows.iter().filter(|&&row| numbers[row as usize].is_finite());
            keys.extend(present.map(|&row| (row, (numbers[row as usize] + 0.0).to_bits())));
            let mut values: Vec<f64> = keys.iter().map(|(_, bits)| f64::from_bits(*bits)).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            names.extend(values.iter().map(|value| (value.to_bits(), crate::target::class_label(*value))));
        }
        Values::Categories { codes, levels } => {
            let is_test = |code: u32| super::part_named(&levels[code as usize]) == Some(Part::Test);
            let used = rows.iter().map(|&row| (row, codes[row as usize]));
            let used = used.filter(|&(_, code)| code != MISSING && !is_test(code));
            keys.extend(used.map(|(row, code)| (row, u64::from(code))));
            let mut seen: Vec<u64> = keys.iter().map(|(_, code)| *code).collect();
            seen.sort_unstable();
            seen.dedup();
            names.extend(seen.iter().map(|&code| (code, levels[code as usize].clone())));
            names.sort_by(|a, b| a.1.cmp(&b.1));
        }
    }
    let index: std::collections::HashMap<u64, u32> =
        names.iter().enumerate().map(|(at, (key, _))| (*key, at as u32)).collect();
    let of = keys.iter().filter_map(|(row, key)| Some((*row, *index.get(key)?))).collect();
    (names.into_iter().map(|(_, name)| name).collect(), of)
}

fn check(table: &Table<'_>, division: &[Option<Part>], held: Part, fold: usize, k: usize) -> Result<(), Problem> {
    let refuse = |what: &str| {
        Err(Problem::field("folds", format!("Fold {} of {k} {what}. Use fewer folds, or another split.", fold + 1)))
    };
    if !division.contains(&Some(held)) {
        return refuse("would have no rows");
    }
    if !division.contains(&Some(Part::Train)) {
        return refuse("would have no rows to train on");
    }
    if let Some(target) = table.classes()
        && !super::has_two_classes(target, division)
    {
        return refuse("would train on rows of a single class");
    }
    Ok(())
}
