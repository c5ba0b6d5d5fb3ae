//! Rows that follow each other in time or place, seen in a table without a column of times.

use super::{Setup, percent};
use trainyard_infer::{
    Target,
    frame::{Column, Values},
};
use trainyard_types::{
    dataset::{ColumnType, Severity},
    leakage::{Finding, FindingKind, Fix},
    run::SplitMethod,
};

/// How much like their predecessors' the targets must be: 0 as in a shuffled table, 1 the same.
const ALIKE: f64 = 0.3;
/// Of a sorted table the target changes its direction less often than this, or its class.
const TURNS: f64 = 0.01;
const LEAST_ROWS: usize = 500;

/// A table whose rows stand in an order that carries the target from row to row. A table that is merely sorted by its
/// target is none: a random split is fine for it.
pub(super) fn find(setup: &Setup<'_>, features: &[&Column]) -> Option<Finding> {
    let scattered = matches!(setup.split.method, SplitMethod::Random | SplitMethod::Hash { .. });
    // Where there are times, they are looked at.
    let timed = features.iter().any(|column| column.kind == ColumnType::Datetime);
    if !scattered || timed {
        return None;
    }
    let mut rows: Vec<usize> = setup.train.iter().chain(setup.test).copied().collect();
    rows.sort_unstable();
    if rows.len() < LEAST_ROWS {
        return None;
    }
    let (alike, turns) = match setup.outcome {
        Target::Classes(codes) => of_classes(codes, &rows, setup.classes.len()),
        Target::Values(values) => of_values(values, &rows),
    };
    if alike < ALIKE || turns < TURNS {
        return None;
    }
    let clock = features.iter().find(|column| goes_round(column, &rows));
    let target = setup.target;
    let (severity, lead) = match clock {
        Some(column) => (
            Severity::Warning,
            format!(
                "`{}` goes round from row to row, as a time of day does: the rows stand in order of time",
                column.name
            ),
        ),
        None => (Severity::Info, "The rows seem to stand in an order of time or place".to_owned()),
    };
    Some(Finding {
        kind: FindingKind::DateOverlap,
        columns: clock.map(|column| column.name.clone()).into_iter().collect(),
        score: alike,
        severity,
        why: format!(
            "{lead}, and `{target}` is {} like the row before. With a random split each test row lies between train rows that \
             resemble it, which rows of the future don't: judged so, a model looks better than it will be.",
            percent(alike)
        ),
        fix: Fix::Look { at: "Add a column with the time, and split by it".to_owned() },
    })
}

/// Cohen's kappa of each row's class with the one before, and how often the class changes.
fn of_classes(codes: &[u32], rows: &[usize], classes: usize) -> (f64, f64) {
    let mut counts = vec![0.0; classes];
    rows.iter().for_each(|&row| counts[codes[row] as usize] += 1.0 / rows.len() as f64);
    let by_chance: f64 = counts.iter().map(|share| share * share).sum();
    let same = rows.windows(2).filter(|pair| codes[pair[0]] == codes[pair[1]]).count();
    let same = same as f64 / (rows.len() - 1) as f64;
    if by_chance >= 1.0 { (0.0, 0.0) } else { ((same - by_chance) / (1.0 - by_chance), 1.0 - same) }
}

/// Rank correlation of each row's value with the one before, and how often values turn from rising to falling or back.
fn of_values(values: &[f64], rows: &[usize]) -> (f64, f64) {
    let of: Vec<f64> = rows.iter().map(|&row| values[row]).collect();
    let alike = crate::relations::spearman(&of[..of.len() - 1], &of[1..]).unwrap_or(0.0);
    let steps: Vec<f64> = of.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step != 0.0).collect();
    let turns = steps.windows(2).filter(|pair| (pair[0] > 0.0) != (pair[1] > 0.0)).count();
    (alike, turns as f64 / of.len() as f64)
}

/// Whether a number rises from row to row and falls back now and then, at least eight times.
fn goes_round(column: &Column, rows: &[usize]) -> bool {
    let Values::Numbers(numbers) = &column.values else { return false };
    let (mut up, mut down) = (0_usize, 0_usize);
    for pair in rows.windows(2) {
        match numbers[pair[1]] - numbers[pair[0]] {
            step if step > 0.0 => up += 1,
            step if step < 0.0 => down += 1,
            _ => {}
        }
    }
    down >= 8 && up as f64 >= 0.8 * rows.len() as f64
}
