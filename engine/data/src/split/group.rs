//! Rows of the same key: found, and kept together.

use super::{Part, Table, by_class, find, shuffle};
use crate::words;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::{cmp::Reverse, collections::HashMap};
use trainyard_infer::frame::{Column, MISSING, Values};
use trainyard_types::Problem;

/// The columns that make the key.
pub(super) fn key_columns<'a>(table: &Table<'a>) -> Result<Vec<&'a Column>, Problem> {
    table.spec.columns().into_iter().map(|name| find(table.frame, name, "split")).collect()
}

/// The rows of each key, in order of first appearance. Rows that lack a part of theirs are left out.
pub(super) fn groups(columns: &[&Column], rows: &[usize]) -> Vec<Vec<usize>> {
    let mut group: Vec<(usize, u32)> = rows.iter().map(|&row| (row, 0)).collect();
    let mut count = 0;
    for column in columns {
        let mut known: HashMap<(u32, u64), u32> = HashMap::new();
        let refine = |(row, before): (usize, u32)| {
            let key = match &column.values {
                Values::Numbers(numbers) if numbers[row].is_finite() => (numbers[row] + 0.0).to_bits(),
                Values::Categories { codes, .. } if codes[row] != MISSING => u64::from(codes[row]),
                _ => return None,
            };
            let next = known.len() as u32;
            Some((row, *known.entry((before, key)).or_insert(next)))
        };
        group = group.into_iter().filter_map(refine).collect();
        count = known.len();
    }
    let mut groups = vec![Vec::new(); count];
    group.into_iter().for_each(|(row, of)| groups[of as usize].push(row));
    groups.retain(|rows| !rows.is_empty());
    groups
}

/// Gives each group to one of the places, so that each has its share of the rows, and of each class where there are
/// any, as nearly as whole groups allow; every place gets a group.
///
/// # Errors
/// There are fewer groups than places with a share.
pub(super) fn allot(
    table: &Table<'_>,
    rows: &[usize],
    shares: &[f64],
    seed: u64,
) -> Result<Vec<(usize, usize)>, Problem> {
    let mut groups = groups(&key_columns(table)?, rows);
    let places: Vec<usize> = (0..shares.len()).filter(|&place| shares[place] > 0.0).collect();
    if groups.len() < places.len() {
        return Err(Problem::field(
            "split",
            format!(
                "{} {} {} with rows to use, but each part needs one of its own. Choose another column or a random split.",
                words::listed(&table.spec.columns()),
                if table.spec.columns().len() == 1 { "has" } else { "have" },
                words::counted(groups.len() as u64, "group", "groups")
            ),
        ));
    }
    let class_of = class_of(table, rows);
    let classes = class_of.values().map(|class| class + 1).max().unwrap_or(0);
    let total: usize = groups.iter().map(Vec::len).sum();
    let mut totals = vec![0_usize; classes];
    groups.iter().flatten().filter_map(|row| class_of.get(row)).for_each(|&class| totals[class] += 1);
    shuffle(&mut groups, &mut ChaCha8Rng::seed_from_u64(seed));
    // Groups larger than the smallest part come first: placed late, they would upset the balance.
    let smallest = places.iter().map(|&place| shares[place]).fold(1.0, f64::min) * total as f64;
    groups.sort_by_key(|group| Reverse(if group.len() as f64 > smallest / 4.0 { group.len() } else { 0 }));

    let mut filled = vec![0_usize; shares.len()];
    let mut filled_class = vec![vec![0_usize; classes]; shares.len()];
    let mut members = vec![0_usize; shares.len()];
    let mut allotted = Vec::with_capacity(total);
    let left = groups.len();
    for (i, group) in groups.iter().enumerate() {
        let mut of_class = vec![0_usize; classes];
        group.iter().filter_map(|row| class_of.get(row)).for_each(|&class| of_class[class] += 1);
        // How much the squares of what is missing from the shares shrink, but for what all places have in common.
        let excess = |place: usize| {
            let part = |have: usize, add: usize, of: usize| {
                (have as f64 / of as f64 - shares[place]) * (add as f64 / of as f64)
            };
            let rows = part(filled[place], group.len(), total);
            let balance: f64 = (0..classes)
                .filter(|&class| totals[class] > 0)
                .map(|class| part(filled_class[place][class], of_class[class], totals[class]))
                .sum();
            rows * classes.max(1) as f64 + balance
        };
        let empty: Vec<usize> = places.iter().copied().filter(|&place| members[place] == 0).collect();
        let candidates = if empty.len() >= left - i { &empty } else { &places };
        let place =
            candidates.iter().copied().min_by(|&a, &b| excess(a).total_cmp(&excess(b)).then(a.cmp(&b))).unwrap_or(0);
        filled[place] += group.len();
        members[place] += 1;
        (0..classes).for_each(|class| filled_class[place][class] += of_class[class]);
        allotted.extend(group.iter().map(|&row| (row, place)));
    }
    Ok(allotted)
}

/// The class of each row, numbered; empty where the target has none.
fn class_of(table: &Table<'_>, rows: &[usize]) -> HashMap<usize, usize> {
    let Some(target) = table.classes() else { return HashMap::new() };
    let classes = by_class(target, rows);
    classes.iter().enumerate().flat_map(|(class, (_, rows))| rows.iter().map(move |&row| (row, class))).collect()
}

pub(super) fn parts(table: &Table<'_>, rows: &[usize], parts: &mut [Option<Part>]) -> Result<(), Problem> {
    let spec = table.spec;
    let shares = [1.0 - spec.valid - spec.test, spec.valid, spec.test];
    for (row, place) in allot(table, rows, &shares, spec.seed)? {
        parts[row] = Some(Part::ALL[place]);
    }
    Ok(())
}
