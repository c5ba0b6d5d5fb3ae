//! Rows that are in train and in test: copies, groups, instants.

use super::{Setup, of_all};
use foldhash::quality::FixedState;
use std::{
    collections::{HashMap, HashSet},
    hash::BuildHasher,
};
use trainyard_infer::{
    Target,
    frame::{Column, MISSING, Values},
};
use trainyard_types::{
    dataset::{ColumnType, Severity},
    leakage::{Finding, FindingKind, Fix},
    run::SplitMethod,
};

/// Share of the test rows that may be copies.
const COPIES: f64 = 0.05;
/// From here on the test figures are mostly memory.
const MANY_COPIES: f64 = 0.2;

pub(super) fn find(setup: &Setup<'_>, features: &[&Column]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = copies(setup, features).into_iter().collect();
    for column in features {
        findings.extend(identity(setup, column));
        if column.kind == ColumnType::Datetime {
            findings.extend(times(setup, column));
        }
    }
    findings
}

/// A value as bits, or as a text's code; `None` is missing.
fn key(column: &Column, row: usize) -> Option<u64> {
    match &column.values {
        Values::Numbers(numbers) => (!numbers[row].is_nan()).then(|| (numbers[row] + 0.0).to_bits()),
        Values::Categories { codes, .. } => (codes[row] != MISSING).then(|| u64::from(codes[row])),
    }
}

fn copies(setup: &Setup<'_>, features: &[&Column]) -> Option<Finding> {
    let hasher = FixedState::with_seed(11);
    let hash = |row: usize| {
        let outcome = match setup.outcome {
            Target::Values(values) => values[row].to_bits(),
            Target::Classes(classes) => u64::from(classes[row]),
        };
        features.iter().fold(hasher.hash_one(outcome), |sum, column| hasher.hash_one((sum, key(column, row))))
    };
    // One or two columns repeat by nature.
    if features.len() < 3 || setup.test.is_empty() {
        return None;
    }
    let known: HashSet<u64> = setup.train.iter().map(|&row| hash(row)).collect();
    let copied = setup.test.iter().filter(|&&row| known.contains(&hash(row))).count();
    let share = copied as f64 / setup.test.len() as f64;
    (share > COPIES).then(|| Finding {
        kind: FindingKind::DuplicatesAcrossParts,
        columns: Vec::new(),
        score: share,
        severity: if share > MANY_COPIES { Severity::Critical } else { Severity::Warning },
        why: format!(
            "{} test rows are exact copies of train rows, target included: a model that remembers them looks good without \
             having understood anything.",
            of_all(copied, setup.test.len())
        ),
        fix: Fix::RemoveDuplicates,
    })
}

/// Whether a column is called an identifier: `id`, `customer_id`, `uuid` …
fn is_named(name: &str) -> bool {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.into_iter().any(|word| ["id", "ids", "uuid", "guid", "key", "identifier"].contains(&word))
        || name.ends_with("Id")
        || name.ends_with("ID")
}

/// An identifier of rows says nothing; one of persons or things must not be in both parts.
fn identity(setup: &Setup<'_>, column: &Column) -> Vec<Finding> {
    let exact = matches!(column.kind, ColumnType::Integer | ColumnType::Text);
    if !exact || setup.train.len() + setup.test.len() < 50 {
        return Vec::new();
    }
    let name = &column.name;
    let mut rows = 0_usize;
    let mut known: HashSet<u64> = HashSet::new();
    for &row in setup.train {
        if let Some(key) = key(column, row) {
            rows += 1;
            known.insert(key);
        }
    }
    let distinct = known.len() as f64 / rows.max(1) as f64;
    let named = is_named(name);
    let shared = setup.test.iter().filter(|&&row| key(column, row).is_some_and(|key| known.contains(&key))).count();
    let unique = distinct > 0.99 && shared as f64 <= 0.01 * setup.test.len() as f64;
    let text = column.kind == ColumnType::Text;
    let counting = column.kind == ColumnType::Integer && unique && is_dense(column, setup);
    let mut findings = Vec::new();
    if unique && (named || text || counting) {
        findings.push(Finding {
            kind: FindingKind::Identifier,
            columns: vec![name.clone()],
            score: distinct,
            severity: Severity::Warning,
            why: format!(
                "`{name}` is different in nearly every row: a model can only learn it by heart, and what it learns so fails on \
                 new rows."
            ),
            fix: Fix::DropColumns { columns: vec![name.clone()] },
        });
    }
    // Rows with the same key may well go to different parts where no group or key decides.
    let together = matches!(setup.split.method, SplitMethod::Group { .. } | SplitMethod::Hash { .. });
    if !named || shared == 0 || known.len() < 20 || together {
        return findings;
    }
    let share = shared as f64 / setup.test.len().max(1) as f64;
    // Several rows of one customer, patient, machine …; or the same case once more.
    let (kind, severity, why) = if distinct < 0.95 {
        (
            FindingKind::GroupLeakage,
            Severity::Warning,
            format!(
                "{} test rows have a `{name}` that train rows have too: the model can recognise whom or what it has seen, \
                 which it can't with new ones.",
                of_all(shared, setup.test.len())
            ),
        )
    } else {
        (
            FindingKind::IndexLeakage,
            if share > 0.01 { Severity::Warning } else { Severity::Info },
            format!(
                "{} test rows have a `{name}` that a train row has too, though it is nearly unique: the same case stands in \
                 both parts.",
                of_all(shared, setup.test.len())
            ),
        )
    };
    let fix = Fix::SplitByGroup { columns: vec![name.clone()] };
    findings.push(Finding { kind, columns: vec![name.clone()], score: share, severity, why, fix });
    findings
}

/// Whether whole numbers follow each other without many gaps, as row numbers do.
fn is_dense(column: &Column, setup: &Setup<'_>) -> bool {
    let Values::Numbers(numbers) = &column.values else { return false };
    let all = || setup.train.iter().chain(setup.test).map(|&row| numbers[row]).filter(|value| !value.is_nan());
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let rows = setup.frame.rows as f64;
    high - low < rows * 1.5
}

fn times(setup: &Setup<'_>, column: &Column) -> Option<Finding> {
    let Values::Numbers(numbers) = &column.values else { return None };
    let name = &column.name;
    let newest = setup.train.iter().map(|&row| numbers[row]).filter(|v| !v.is_nan()).fold(f64::NEG_INFINITY, f64::max);
    let older = setup.test.iter().filter(|&&row| numbers[row] <= newest).count();
    if older == 0 || setup.test.is_empty() {
        return None;
    }
    let share = older as f64 / setup.test.len() as f64;
    let by_time = matches!(setup.split.method, SplitMethod::Time { .. });
    Some(Finding {
        kind: if by_time { FindingKind::DateDuplicates } else { FindingKind::DateOverlap },
        columns: vec![name.clone()],
        score: share,
        severity: if by_time { Severity::Info } else { Severity::Warning },
        why: format!(
            "{} test rows are not newer by `{name}` than all train rows. In use a model meets only what comes after its \
             training; judged on the past it looks better than it will be.",
            of_all(older, setup.test.len())
        ),
        fix: match by_time {
            true => Fix::AddGap { column: name.clone() },
            false => Fix::SplitByTime { column: name.clone() },
        },
    })
}

/// Texts of test rows that no train row has.
pub(super) struct Unseen {
    /// Share of the test rows.
    pub share: f64,
    /// Whether rare values alone explain it: as many rows of the next ones are new as train rows have a value of their own,
    /// within three standard deviations (Good, "The population frequencies of species", 1953).
    pub by_chance: bool,
    /// Up to three of them, quoted.
    pub examples: String,
    /// One that differs from a text of the train rows in case and signs only, and that text.
    pub spelling: Option<(String, String)>,
}

pub(super) fn unseen(column: &Column, train: &[usize], test: &[usize]) -> Option<Unseen> {
    let Values::Categories { codes, levels } = &column.values else { return None };
    let mut counts = vec![0_u32; levels.len()];
    train.iter().filter(|&&row| codes[row] != MISSING).for_each(|&row| counts[codes[row] as usize] += 1);
    let seen: Vec<bool> = counts.iter().map(|count| *count > 0).collect();
    // Free text and identifiers are new in every row; that is told elsewhere.
    if seen.iter().filter(|seen| **seen).count() > train.len() / 2 {
        return None;
    }
    let fresh: Vec<u32> =
        test.iter().map(|&row| codes[row]).filter(|&code| code != MISSING && !seen[code as usize]).collect();
    if fresh.is_empty() {
        return None;
    }
    let mut different = fresh.clone();
    different.sort_unstable();
    different.dedup();
    let examples: Vec<String> = different.iter().take(3).map(|&code| format!("`{}`", levels[code as usize])).collect();
    let known: HashMap<String, &str> =
        levels.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(level, _)| (bare(level), level.as_str())).collect();
    let spelling = different.iter().find_map(|&code| {
        let level = &levels[code as usize];
        let bare = bare(level);
        (!bare.is_empty()).then(|| known.get(&bare)).flatten().map(|known| (level.clone(), (*known).to_owned()))
    });
    let alone = counts.iter().filter(|count| **count == 1).count() as f64;
    let expected = alone / train.len().max(1) as f64 * test.len() as f64;
    let by_chance = fresh.len() as f64 <= expected + 3.0 * (expected + 1.0).sqrt();
    Some(Unseen { share: fresh.len() as f64 / test.len() as f64, by_chance, examples: examples.join(", "), spelling })
}

/// Letters and digits alone, in lower case.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
