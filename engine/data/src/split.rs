//! Divides rows into train, validation and test, so that the test rows stay unseen.
//!
//! The same table, specification and seed give the same parts: the order is shuffled by ChaCha8 (Fisher and Yates, with
//! Lemire's unbiased bounded integers) and does not depend on any library's own shuffle.

use crate::words;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use trainyard_infer::frame::{Column, Frame, MISSING, Values};
use trainyard_types::{
    Problem,
    run::{SplitMethod, SplitSpec, Task},
};

/// What a row is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Train,
    Valid,
    Test,
}

impl Part {
    const ALL: [Part; 3] = [Part::Train, Part::Valid, Part::Test];

    fn name(self) -> &'static str {
        match self {
            Part::Train => "training",
            Part::Valid => "validation",
            Part::Test => "test",
        }
    }
}

/// Divides the rows; `usable` says which have a target. `None` in the answer is a row that is not used: without a
/// target, or without a value in the column that decides.
///
/// - Random: shuffled; for classification each class is divided by the same shares, to the row, and every class has a
///   row to train on.
/// - Time: ordered by the column; the newest rows test. Rows of the same instant stay together, so that the shares are
///   met as nearly as that allows.
/// - Group: groups in random order, the largest first among those left out of balance, each goes to the part that lacks
///   most of its share. A missing group is no group: those rows are not used.
/// - Given: the column's `train`, `valid` (`validation`, `val`, `dev`) and `test`, upper or lower case.
///
/// `spec.test` may be 0 where the test rows are a file of their own; then no row is [`Part::Test`].
///
/// # Errors
/// In words: a share out of range, an unknown or unfit column, a class with one row, a part without rows, training
/// rows of a single class.
pub fn split(
    frame: &Frame,
    spec: &SplitSpec,
    target: &str,
    task: Task,
    usable: &[bool],
) -> Result<Vec<Option<Part>>, Problem> {
    if usable.len() != frame.rows {
        return Err(Problem::internal(format!("{} rows were marked of {}.", usable.len(), frame.rows)));
    }
    let target = find(frame, target, "target")?;
    if spec.method.column() == Some(target.name.as_str()) {
        return Err(Problem::field("split", "The target can't decide the split too. Choose another column."));
    }
    if !matches!(spec.method, SplitMethod::Given { .. }) {
        check_shares(spec)?;
    }
    let rows: Vec<usize> = (0..frame.rows).filter(|&row| usable[row]).collect();
    let mut parts = vec![None; frame.rows];
    match &spec.method {
        SplitMethod::Random => random(&rows, spec, target, task, &mut parts)?,
        SplitMethod::Time { column } => by_time(&rows, spec, find(frame, column, "split")?, &mut parts)?,
        SplitMethod::Group { column } => by_group(&rows, spec, find(frame, column, "split")?, &mut parts)?,
        SplitMethod::Given { column } => given(&rows, find(frame, column, "split")?, &mut parts)?,
    }
    check_parts(&parts, spec, target, task)?;
    Ok(parts)
}

fn find<'a>(frame: &'a Frame, name: &str, field: &str) -> Result<&'a Column, Problem> {
    frame.column(name).ok_or_else(|| {
        let known: Vec<&String> = frame.columns.iter().map(|column| &column.name).collect();
        Problem::field(
            field,
            format!("There is no column `{}`. The columns are {}.", words::clip(name), words::listed(&known)),
        )
    })
}

fn check_shares(spec: &SplitSpec) -> Result<(), Problem> {
    let allowed = 0.01..=0.8;
    if !allowed.contains(&spec.valid) {
        return Err(Problem::field("valid", "The share of validation rows must be between 1 and 80 %. 20 % is usual."));
    }
    if spec.test != 0.0 && !allowed.contains(&spec.test) {
        return Err(Problem::field("test", "The share of test rows must be between 1 and 80 %. 20 % is usual."));
    }
    if spec.valid + spec.test > 0.9 + 1e-9 {
        return Err(Problem::field(
            "test",
            "Validation and test rows together can be 90 % at most, so that there is something to train on.",
        ));
    }
    Ok(())
}

/// How many of `n` go to validation and to test: rounded, and at least one each where there are three.
fn sizes(n: usize, spec: &SplitSpec) -> (usize, usize) {
    let share = |share: f64| if share == 0.0 { 0 } else { ((n as f64 * share).round() as usize).max(1) };
    (share(spec.valid), share(spec.test))
}

/// Puts `items` into an order that the generator decides.
fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(i as u64 + 1, rng) as usize);
    }
}

/// A whole number below `n`, all equally likely (D. Lemire, "Fast random integer generation in an interval", 2019).
pub(crate) fn below(n: u64, rng: &mut ChaCha8Rng) -> u64 {
    let mut product = u128::from(rng.next_u64()) * u128::from(n);
    if (product as u64) < n {
        let threshold = n.wrapping_neg() % n;
        while (product as u64) < threshold {
            product = u128::from(rng.next_u64()) * u128::from(n);
        }
    }
    (product >> 64) as u64
}

fn random(
    rows: &[usize],
    spec: &SplitSpec,
    target: &Column,
    task: Task,
    parts: &mut [Option<Part>],
) -> Result<(), Problem> {
    let mut rng = ChaCha8Rng::seed_from_u64(spec.seed);
    if !task.is_classification() {
        let mut rows = rows.to_vec();
        shuffle(&mut rows, &mut rng);
        let (valid, test) = sizes(rows.len(), spec);
        deal(&rows, valid, test, parts);
        return Ok(());
    }
    // Classes in the order of their labels, which does not depend on the rows' order.
    let mut classes = by_class(target, rows);
    let single: Vec<&String> = classes.iter().filter(|(_, rows)| rows.len() == 1).map(|(label, _)| label).collect();
    if !single.is_empty() {
        return Err(Problem::field(
            "target",
            format!(
                "{} of `{}` with a single row can't be both trained on and tested: {}. Group or remove such classes.",
                words::counted(single.len() as u64, "class", "classes"),
                words::clip(&target.name),
                words::listed(&single)
            ),
        ));
    }
    // What rounding takes from one class it gives to the next, so that the totals are met to the row.
    let (mut valid_due, mut test_due) = (0.0, 0.0);
    for (_, rows) in &mut classes {
        shuffle(rows, &mut rng);
        let n = rows.len();
        valid_due += n as f64 * spec.valid;
        test_due += n as f64 * spec.test;
        let mut test = (test_due.round().max(0.0) as usize).min(n - 1);
        let mut valid = (valid_due.round().max(0.0) as usize).min(n - 1 - test);
        if n >= 3 {
            // A class that can be in every part is.
            if test == 0 && spec.test > 0.0 {
                test = 1;
                valid = valid.min(n - 2);
            }
            if valid == 0 {
                valid = 1;
                test = test.min(n - 2);
            }
        }
        valid_due -= valid as f64;
        test_due -= test as f64;
        deal(rows, valid, test, parts);
    }
    Ok(())
}

/// The first rows test, the next validate, the others train.
fn deal(rows: &[usize], valid: usize, test: usize, parts: &mut [Option<Part>]) {
    for (i, &row) in rows.iter().enumerate() {
        parts[row] = Some(match i {
            i if i < test => Part::Test,
            i if i < test + valid => Part::Valid,
            _ => Part::Train,
        });
    }
}

/// The rows of each class, by label.
fn by_class(column: &Column, rows: &[usize]) -> Vec<(String, Vec<usize>)> {
    let mut of_key: HashMap<u64, Vec<usize>> = HashMap::new();
    let label: Box<dyn Fn(u64) -> String> = match &column.values {
        Values::Numbers(numbers) => {
            rows.iter().for_each(|&row| of_key.entry((numbers[row] + 0.0).to_bits()).or_default().push(row));
            Box::new(|key| crate::target::class_label(f64::from_bits(key)))
        }
        Values::Categories { codes, levels } => {
            rows.iter().for_each(|&row| of_key.entry(u64::from(codes[row])).or_default().push(row));
            Box::new(|key| levels.get(key as usize).cloned().unwrap_or_default())
        }
    };
    let mut classes: Vec<(String, Vec<usize>)> = of_key.into_iter().map(|(key, rows)| (label(key), rows)).collect();
    classes.sort();
    classes
}

fn by_time(rows: &[usize], spec: &SplitSpec, column: &Column, parts: &mut [Option<Part>]) -> Result<(), Problem> {
    let Values::Numbers(times) = &column.values else {
        return Err(Problem::field(
            "split",
            format!(
                "`{}` is text, which has no order in time. Choose a date, a time or a number, or import the file again with \
                 that column as a date.",
                words::clip(&column.name)
            ),
        ));
    };
    let mut rows: Vec<usize> = rows.iter().copied().filter(|&row| times[row].is_finite()).collect();
    rows.sort_by(|&a, &b| times[a].total_cmp(&times[b]));
    let n = rows.len();
    let (valid, test) = sizes(n, spec);
    let cut = |at: usize| nearest_change(&rows, times, at);
    let test_from = if spec.test == 0.0 { n } else { cut(n.saturating_sub(test)) };
    let valid_from = cut(n.saturating_sub(test + valid)).min(test_from);
    for (i, &row) in rows.iter().enumerate() {
        parts[row] = Some(if i >= test_from {
            Part::Test
        } else if i >= valid_from {
            Part::Valid
        } else {
            Part::Train
        });
    }
    Ok(())
}

/// The place nearest to `at` where the time changes.
fn nearest_change(rows: &[usize], times: &[f64], at: usize) -> usize {
    let changes = |i: usize| i == 0 || i == rows.len() || times[rows[i - 1]] != times[rows[i]];
    (0..=rows.len())
        .flat_map(|distance| [at.checked_sub(distance), Some(at + distance).filter(|&i| i <= rows.len())])
        .flatten()
        .find(|&i| changes(i))
        .unwrap_or(at)
}

fn by_group(rows: &[usize], spec: &SplitSpec, column: &Column, parts: &mut [Option<Part>]) -> Result<(), Problem> {
    let mut index: HashMap<u64, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for &row in rows {
        let key = match &column.values {
            Values::Numbers(numbers) if numbers[row].is_finite() => (numbers[row] + 0.0).to_bits(),
            Values::Categories { codes, .. } if codes[row] != MISSING => u64::from(codes[row]),
            _ => continue,
        };
        let group = *index.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(row);
    }
    let needed = if spec.test == 0.0 { 2 } else { 3 };
    if groups.len() < needed {
        return Err(Problem::field(
            "split",
            format!(
                "`{}` has {} with rows to use, but each part needs one of its own. Choose another column or a random split.",
                words::clip(&column.name),
                words::counted(groups.len() as u64, "group", "groups")
            ),
        ));
    }
    let total: usize = groups.iter().map(Vec::len).sum();
    let mut rng = ChaCha8Rng::seed_from_u64(spec.seed);
    shuffle(&mut groups, &mut rng);
    let shares = [1.0 - spec.valid - spec.test, spec.valid, spec.test];
    // Groups larger than the smallest part come first: placed late, they would upset the balance.
    let smallest = shares.iter().copied().filter(|&share| share > 0.0).fold(1.0, f64::min) * total as f64;
    groups.sort_by_key(|group| {
        if group.len() as f64 > smallest / 4.0 { std::cmp::Reverse(group.len()) } else { std::cmp::Reverse(0) }
    });
    let mut filled = [0_usize; 3];
    let mut members = [0_usize; 3];
    let left = groups.len();
    for (i, group) in groups.iter().enumerate() {
        let lack = |part: usize| shares[part] * total as f64 - filled[part] as f64;
        let empty: Vec<usize> = (0..3).filter(|&part| shares[part] > 0.0 && members[part] == 0).collect();
        let candidates: Vec<usize> =
            if empty.len() >= left - i { empty } else { (0..3).filter(|&part| shares[part] > 0.0).collect() };
        let part = candidates.into_iter().max_by(|&a, &b| lack(a).total_cmp(&lack(b)).then(b.cmp(&a))).unwrap_or(0);
        filled[part] += group.len();
        members[part] += 1;
        group.iter().for_each(|&row| parts[row] = Some(Part::ALL[part]));
    }
    Ok(())
}

fn given(rows: &[usize], column: &Column, parts: &mut [Option<Part>]) -> Result<(), Problem> {
    let name = words::clip(&column.name);
    let expected = "It has to hold `train`, `valid` (or `validation`) and `test`.";
    let Values::Categories { codes, levels } = &column.values else {
        return Err(Problem::field("split", format!("`{name}` holds numbers. {expected}")));
    };
    let of_level: Vec<Option<Part>> = levels
        .iter()
        .map(|level| match level.to_lowercase().as_str() {
            "train" | "training" => Some(Part::Train),
            "valid" | "validation" | "val" | "dev" => Some(Part::Valid),
            "test" | "testing" => Some(Part::Test),
            _ => None,
        })
        .collect();
    let mut unknown: Vec<&String> = Vec::new();
    for &row in rows.iter().filter(|&&row| codes[row] != MISSING) {
        let code = codes[row] as usize;
        parts[row] = of_level[code];
        if of_level[code].is_none() && !unknown.contains(&&levels[code]) {
            unknown.push(&levels[code]);
            if unknown.len() > 20 {
                break;
            }
        }
    }
    if !unknown.is_empty() {
        return Err(Problem::field("split", format!("`{name}` holds {}. {expected}", words::listed(&unknown))));
    }
    Ok(())
}

fn check_parts(parts: &[Option<Part>], spec: &SplitSpec, target: &Column, task: Task) -> Result<(), Problem> {
    let used = parts.iter().flatten().count();
    for part in Part::ALL {
        let rows: Vec<usize> = (0..parts.len()).filter(|&row| parts[row] == Some(part)).collect();
        if rows.is_empty() && (part != Part::Test || spec.test > 0.0) {
            return Err(Problem::field(
                "split",
                format!(
                    "No row is left for {}: only {} can be used. {}",
                    part.name(),
                    words::counted(used as u64, "row", "rows"),
                    match spec.method {
                        SplitMethod::Given { .. } => "Name some rows so in the column that decides.",
                        SplitMethod::Time { .. } =>
                            "Too many rows share the same time: choose another column or a random split.",
                        _ => "Add rows or change the shares.",
                    }
                ),
            ));
        }
        if part == Part::Train && task.is_classification() && by_class(target, &rows).len() < 2 {
            return Err(Problem::field(
                "split",
                format!(
                    "All training rows have the same `{}`, so that there is nothing to tell apart. Choose another split.",
                    words::clip(&target.name)
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
