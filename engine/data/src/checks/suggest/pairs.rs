//! Columns of which one is never below another.

use super::{all_but_few, check};
use trainyard_infer::frame::{Column, Frame, Values};
use trainyard_types::{
    checks::{Check, Expectation},
    dataset::{ColumnType, Severity},
};

/// Columns that are compared with each other.
pub(super) const MOST_COLUMNS: usize = 40;
/// Fewer rows leave too many to chance.
pub(super) const FEWEST_ROWS: u64 = 300;
/// Relations suggested at most.
const MOST_RELATIONS: usize = 50;
/// Share of the rows that would break the relation if the columns had nothing to do with each other: below this, their
/// ranges say the same.
const BY_CHANCE: f64 = 0.02;

pub(super) fn of_pairs(frame: &Frame) -> Vec<Check> {
    let mut checks = Vec::new();
    for (i, a) in frame.columns.iter().enumerate() {
        for b in &frame.columns[i + 1..] {
            let comparable = (a.kind == ColumnType::Datetime) == (b.kind == ColumnType::Datetime);
            if !comparable || checks.len() >= MOST_RELATIONS {
                continue;
            }
            checks.extend(relation(a, b).or_else(|| relation(b, a)));
        }
    }
    checks
}

/// `a` is at least `b` in every row that has both, and would not be by chance.
fn relation(a: &Column, b: &Column) -> Option<Check> {
    let (Values::Numbers(x), Values::Numbers(y)) = (&a.values, &b.values) else { return None };
    let (mut both, mut greater) = (0_usize, 0_usize);
    for (x, y) in x.iter().zip(y) {
        if x < y {
            return None;
        }
        both += usize::from(x >= y);
        greater += usize::from(x > y);
    }
    if (both as u64) < FEWEST_ROWS || greater == 0 {
        return None;
    }
    // Another row's value in place of its own.
    let half = x.len() / 2;
    let broken = (0..x.len()).filter(|&row| x[row] < y[(row + half) % y.len()]).count();
    if (broken as f64) < BY_CHANCE * both as f64 {
        return None;
    }
    let expectation =
        Expectation::PairValuesAGreaterThanB { column_a: a.name.clone(), column_b: b.name.clone(), or_equal: true };
    let why = "Never less in any row.";
    Some(Check { mostly: all_but_few(both), ..check(expectation, Severity::Warning, why) })
}
