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
pub(super) fn groups(columns: &[&Column], rows: &[u32]) -> Vec<Vec<u32>> {
    let mut group: Vec<(u32, u32)> = rows.iter().map(|&row| (row, 0)).collect();
    let mut count = 0;
    for column in columns {
        let mut known: HashMap<(u32, u64), u32> = HashMap::new();
        let refine = |(number, before): (u32, u32)| {
            let row = number as usize;
            let key = match &column.values {
                Values::Numbers(numbers) if numbers[row].is_finite() => (numbers[row] + 0.0).to_bits(),
                Values::Categories { codes, .. } if codes[row] != MISSING => u64::from(codes[row]),
                _ => return None,
            };
            let next = known.len() as u32;
            Some((number, *known.entry((before, key)).or_insert(next)))
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
pub(super) fn allot(table: &Table<'_>, rows: &[u32], shares: &[f64], seed: u64) -> Result<Vec<(u32, u32)>, Problem> {
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
    let (class_of, classes) = class_of(table, rows);
    let class_of = |row: &u32| class_of.get(*row as usize).map(|&class| class as usize);
    let total: usize = groups.iter().map(Vec::len).sum();
    let mut totals = vec![0_usize; classes];
    groups.iter().flatten().filter_map(class_of).for_each(|class| totals[class] += 1);
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
        group.iter().filter_map(class_of).for_each(|class| of_class[class] += 1);
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
        allotted.extend(group.iter().map(|&row| (row, place as u32)));
    }
    Ok(allotted)
}

/// The class of each of these rows, by the table's row, and how many classes there are; empty where the target has none.
fn class_of(table: &Table<'_>, rows: &[u32]) -> (Vec<u32>, usize) {
    let Some(target) = table.classes() else { return (Vec::new(), 0) };
    let classes = by_class(target, rows);
    let mut class_of = vec![0; table.frame.rows];
    for (class, (_, rows)) in classes.iter().enumerate() {
        rows.iter().for_each(|&row| class_of[row as usize] = class as u32);
    }
    (class_of, classes.len())
}

pub(super) fn parts(table: &Table<'_>, rows: &[u32], parts: &mut [Option<Part>]) -> Result<(), Problem> {
    let spec = table.spec;
    let shares = [1.0 - spec.valid - spec.test, spec.valid, spec.test];
    for (row, place) in allot(table, rows, &shares, spec.seed)? {
        parts[row as usize] = Some(Part::ALL[place as usize]);
    }
    Ok(())
}
