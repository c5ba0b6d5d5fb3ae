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
    rows: &[usize],
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
            let places = hash::positions(table, rows, path)?;
            let of: Vec<(usize, usize)> =
                places.into_iter().map(|(row, at)| (row, ((at * f64::from(k)) as usize).min(count - 1))).collect();
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
fn by_fold(table: &Table<'_>, of: &[(usize, usize)], k: usize, held: Part) -> Vec<Vec<Option<Part>>> {
    let mut divisions = vec![vec![None; table.frame.rows]; k];
    for (fold, division) in divisions.iter_mut().enumerate() {
        of.iter().for_each(|&(row, own)| division[row] = Some(if own == fold { held } else { Part::Train }));
    }
    divisions
}

/// Deals the shuffled rows of each stratum in turn, going on where the last one ended.
fn random(table: &Table<'_>, rows: &[usize], k: usize, path: &str) -> Result<Vec<(usize, usize)>, Problem> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed(table, path));
    let mut next = 0;
    let mut of = Vec::with_capacity(rows.len());
    for mut stratum in table.strata(rows)? {
        shuffle(&mut stratum, &mut rng);
        for row in stratum {
            of.push((row, next % k));
            next += 1;
        }
    }
    Ok(of)
}

fn windows(
    table: &Table<'_>,
    rows: &[usize],
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
        order.rows[..order.end_before(block[0])].iter().for_each(|&row| division[row] = Some(Part::Train));
        order.rows[block[0]..block[1].max(block[0])].iter().for_each(|&row| division[row] = Some(held));
        division
    });
    Ok(divisions.collect())
}

/// The names of the folds, in order, and each row with its fold. A row that is named `test` is in none.
pub(super) fn given(column: &Column, rows: &[usize]) -> (Vec<String>, Vec<(usize, usize)>) {
    let mut keys: Vec<(usize, u64)> = Vec::new();
    let mut names: Vec<(u64, String)> = Vec::new();
    match &column.values {
        Values::Numbers(numbers) => {
            let present = rows.iter().filter(|&&row| numbers[row].is_finite());
            keys.extend(present.map(|&row| (row, (numbers[row] + 0.0).to_bits())));
            let mut values: Vec<f64> = keys.iter().map(|(_, bits)| f64::from_bits(*bits)).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            names.extend(values.iter().map(|value| (value.to_bits(), crate::target::class_label(*value))));
        }
        Values::Categories { codes, levels } => {
            let is_test = |code: u32| super::part_named(&levels[code as usize]) == Some(Part::Test);
            let used = rows.iter().filter(|&&row| codes[row] != MISSING && !is_test(codes[row]));
            keys.extend(used.map(|&row| (row, u64::from(codes[row]))));
            let mut seen: Vec<u64> = keys.iter().map(|(_, code)| *code).collect();
            seen.sort_unstable();
            seen.dedup();
            names.extend(seen.iter().map(|&code| (code, levels[code as usize].clone())));
            names.sort_by(|a, b| a.1.cmp(&b.1));
        }
    }
    let index: std::collections::HashMap<u64, usize> =
        names.iter().enumerate().map(|(at, (key, _))| (*key, at)).collect();
    let of = keys.iter().filter_map(|(row, key)| Some((*row, *index.get(key)?))).collect();
    (names.into_iter().map(|(_, name)| name).collect(), of)
}

fn check(table: &Table<'_>, division: &[Option<Part>], held: Part, fold: usize, k: usize) -> Result<(), Problem> {
    let rows = |part| -> Vec<usize> { (0..division.len()).filter(|&row| division[row] == Some(part)).collect() };
    let (train, held) = (rows(Part::Train), rows(held));
    let refuse = |what: &str| {
        Err(Problem::field("folds", format!("Fold {} of {k} {what}. Use fewer folds, or another split.", fold + 1)))
    };
    if held.is_empty() {
        return refuse("would have no rows");
    }
    if train.is_empty() {
        return refuse("would have no rows to train on");
    }
    if let Some(target) = table.classes()
        && super::by_class(target, &train).len() < 2
    {
        return refuse("would train on rows of a single class");
    }
    Ok(())
}
