//! What a model could know in training and can't know in use, found before anything is trained.
//!
//! Thresholds are those of Deepchecks 0.19.1's train-test suite: copies over 5 %, predictive power of 0.7 or a change of it
//! by 0.2, drift of 0.2 of a column, 0.15 of the target and 0.25 of all columns together, correlation of 0.9; new classes,
//! shared identifiers and overlapping times at all. What chance alone brings about in so few rows is left out, which
//! Deepchecks reports.

mod domain;
mod order;
mod parts;
pub(crate) mod power;
mod rows;
mod sums;

use crate::relations;
use rand::{
    SeedableRng,
    seq::{SliceRandom, index},
};
use rand_chacha::ChaCha8Rng;
use trainyard_infer::{
    Target,
    frame::{Column, Frame, Values},
};
use trainyard_types::{
    dataset::Severity,
    leakage::{Finding, FindingKind, Fix, LeakageReport},
    relations::{Measure, Pair, Relations},
    split::SplitSpec,
    words::count,
};

/// Rows of train and of test that scores are computed on.
const TRAIN_SAMPLE: usize = 8_000;
const TEST_SAMPLE: usize = 4_000;
/// Predictive power from which a column is suspicious, and from which it is all but the target.
const STRONG: f64 = 0.7;
const SAME: f64 = 0.9;
const CHANGE: f64 = 0.2;
/// Scores of fewer test rows vary by that much of themselves.
const LEAST_FOR_CHANGE: usize = 1_000;
/// Beyond what chance makes of an identifier's predictive power.
const TELLS: f64 = 0.1;
const CORRELATED: f64 = 0.9;
/// Columns that are scored.
const WIDEST: usize = 200;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    pub frame: &'a Frame,
    pub target: &'a str,
    /// The target of every row; those of rows in neither part don't matter.
    pub outcome: &'a Target,
    pub classes: &'a [String],
    pub train: &'a [usize],
    pub test: &'a [usize],
    pub split: &'a SplitSpec,
    /// Columns that are not learned from.
    pub drop: &'a [String],
}

/// Looks for leaks; the gravest first. Scores of columns are computed on samples of 8,000 train and 4,000 test rows,
/// copies and shared groups on all rows.
pub fn report(setup: &Setup<'_>) -> LeakageReport {
    let (train, test) = (sample(setup.train, TRAIN_SAMPLE), sample(setup.test, TEST_SAMPLE));
    let features: Vec<&Column> = features(setup);
    let mut findings = rows::find(setup, &features);
    findings.iter_mut().filter(|finding| finding.kind == FindingKind::Identifier).for_each(|finding| {
        if let Some(power) = told_by_identifier(setup, &finding.columns[0], &train) {
            *finding = identifier_proxy(setup.target, &finding.columns[0], power);
        }
    });
    let is_identifier =
        |finding: &&Finding| matches!(finding.kind, FindingKind::Identifier | FindingKind::IdentifierProxy);
    let identifiers: Vec<String> = findings.iter().filter(is_identifier).flat_map(|f| f.columns.clone()).collect();
    findings.extend(proxies(setup, &features, &train, &test, &identifiers));
    findings.extend(order::find(setup, &features));
    findings.extend(parts::differences(setup, &features, &train, &test, &identifiers));
    findings.extend(correlated(&features, &train));
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.score.total_cmp(&a.score)));
    LeakageReport {
        findings,
        target: setup.target.to_owned(),
        split: setup.split.in_words(),
        train_rows: train.len() as u64,
        test_rows: test.len() as u64,
        rows: setup.frame.rows as u64,
    }
}

/// Up to `most` of these rows, in their order; the same ones each time.
fn sample(rows: &[usize], most: usize) -> Vec<usize> {
    if rows.len() <= most {
        return rows.to_vec();
    }
    let mut chosen = index::sample(&mut ChaCha8Rng::seed_from_u64(7), rows.len(), most).into_vec();
    chosen.sort_unstable();
    chosen.into_iter().map(|i| rows[i]).collect()
}

/// The predictive power of an identifier, where it is more than that of the same one for targets dealt out anew. That the
/// rows are sorted by the target is no finding, as a random split does away with it; a number that says so is one.
fn told_by_identifier(setup: &Setup<'_>, name: &str, train: &[usize]) -> Option<f64> {
    let column = setup.frame.column(name)?;
    let power = power::score(&column.values, setup.outcome, train);
    if power < TELLS {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(23);
    let by_chance = (0..3)
        .map(|_| {
            let (mut dealt, mut order): (Vec<usize>, _) = ((0..setup.frame.rows).collect(), train.to_vec());
            order.shuffle(&mut random);
            train.iter().zip(order).for_each(|(&to, from)| dealt[to] = from);
            power::score(&column.values, &setup.outcome.take(&dealt), train)
        })
        .fold(0.0, f64::max);
    (power >= by_chance + TELLS).then_some(power)
}

fn identifier_proxy(target: &str, name: &str, power: f64) -> Finding {
    Finding {
        kind: FindingKind::IdentifierProxy,
        columns: vec![name.to_owned()],
        score: power,
        severity: if power >= STRONG { Severity::Critical } else { Severity::Warning },
        why: format!(
            "`{name}` only numbers the rows, and yet tells `{target}` with a predictive power score of {power:.2} of 1: the \
             numbers were given in an order that knows the answer."
        ),
        fix: Fix::DropColumns { columns: vec![name.to_owned()] },
    }
}

/// The columns that a model would see.
fn features<'a>(setup: &Setup<'a>) -> Vec<&'a Column> {
    let deciding = setup.split.never_features();
    let wanted = |column: &&Column| {
        let name = column.name.as_str();
        name != setup.target && !deciding.contains(&name) && !setup.drop.iter().any(|dropped| dropped == name)
    };
    setup.frame.columns.iter().filter(wanted).take(WIDEST).collect()
}

/// Columns that tell the target, alone or added up.
fn proxies(
    setup: &Setup<'_>,
    features: &[&Column],
    train: &[usize],
    test: &[usize],
    identifiers: &[String],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let summands = match setup.outcome {
        Target::Values(values) => sums::find(features, values, train),
        Target::Classes(_) => None,
    };
    let (summed, share) = summands.unwrap_or_default();
    if !summed.is_empty() {
        let names: Vec<String> = summed.iter().map(|name| (*name).to_owned()).collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let target = setup.target;
        let why = match quoted.as_slice() {
            [only] => format!(
                "{only} is `{target}` but for its scale: it explains {} of it. What is predicted is not known before it happened.",
                exact(share)
            ),
            several => format!(
                "{} add up to `{target}` with fixed weights: together they explain {} of it. They are parts of what is to be \
                 predicted and are not known before it.",
                several.join(" and "),
                exact(share)
            ),
        };
        findings.push(Finding {
            kind: FindingKind::TargetProxy,
            score: share,
            severity: Severity::Critical,
            why,
            fix: Fix::DropColumns { columns: names.clone() },
            columns: names,
        });
    }
    for column in features.iter().filter(|column| !identifiers.contains(&column.name)) {
        let name = &column.name;
        let in_train = power::score(&column.values, setup.outcome, train);
        if in_train >= STRONG && !summed.contains(&name.as_str()) {
            let severity = if in_train >= SAME { Severity::Critical } else { Severity::Warning };
            findings.push(Finding {
                kind: FindingKind::TargetProxy,
                columns: vec![name.clone()],
                score: in_train,
                severity,
                why: format!(
                    "`{name}` alone predicts `{}` with a predictive power score of {in_train:.2} of 1. Make sure that it is known \
                     before the prediction is needed, and is not written down after the fact.",
                    setup.target
                ),
                fix: Fix::DropColumns { columns: vec![name.clone()] },
            });
        }
        if test.len() >= LEAST_FOR_CHANGE {
            // On as many rows as there are to compare with: fewer rows make a weaker score.
            let in_train = power::score(&column.values, setup.outcome, &train[..train.len().min(test.len())]);
            let in_test = power::score(&column.values, setup.outcome, test);
            let change = (in_train - in_test).abs();
            if change >= CHANGE {
                findings.push(Finding {
                    kind: FindingKind::FeatureLabelChange,
                    columns: vec![name.clone()],
                    score: change,
                    severity: Severity::Warning,
                    why: format!(
                        "`{name}` tells `{}` with a power of {in_train:.2} in the train rows and {in_test:.2} in the test rows: what is \
                         learned of it does not hold there.",
                        setup.target
                    ),
                    fix: Fix::DropColumns { columns: vec![name.clone()] },
                });
            }
        }
    }
    findings
}

/// A share that is all but whole.
fn exact(share: f64) -> String {
    if share > 0.999_995 { "all".to_owned() } else { format!("{:.2} %", share * 100.0) }
}

/// Pairs of columns that say the same.
fn correlated(features: &[&Column], train: &[usize]) -> Vec<Finding> {
    let rows: Vec<usize> = train.iter().copied().take(4_000).collect();
    let sampled = |column: &Column| Column {
        name: column.name.clone(),
        kind: column.kind,
        values: match &column.values {
            Values::Numbers(numbers) => Values::Numbers(rows.iter().map(|&row| numbers[row]).collect()),
            Values::Categories { codes, levels } => {
                Values::Categories { codes: rows.iter().map(|&row| codes[row]).collect(), levels: levels.clone() }
            }
        },
    };
    let frame = Frame { columns: features.iter().map(|column| sampled(column)).collect(), rows: rows.len() };
    let found = relations::relations(&frame, rows.len() as u64);
    let straight = linear(&found);
    let strong = found.strongest.into_iter().chain(straight).filter(|pair| pair.value.abs() >= CORRELATED);
    strong
        .map(|pair| Finding {
            kind: FindingKind::CorrelatedFeatures,
            score: pair.value.abs(),
            severity: Severity::Info,
            why: format!(
                "`{}` and `{}` say nearly the same ({} {:.2}). Importances are divided between them; one may do.",
                pair.a,
                pair.b,
                pair.measure.title(),
                pair.value
            ),
            fix: Fix::DropColumns { columns: vec![pair.b.clone()] },
            columns: vec![pair.a, pair.b],
        })
        .collect()
}

/// Pairs of numbers that lie on a line though their ranks don't follow each other so closely, as those with a few values
/// far out.
fn linear(found: &Relations) -> Vec<Pair> {
    let names = &found.numbers;
    let pairs = (0..names.len()).flat_map(|i| (0..i).map(move |j| (j, i)));
    pairs
        .filter(|&(i, j)| found.spearman[i][j].is_none_or(|value| value.abs() < CORRELATED))
        .filter_map(|(i, j)| {
            let (a, b) = (names[i].clone(), names[j].clone());
            found.pearson[i][j].map(|value| Pair { a, b, measure: Measure::Pearson, value })
        })
        .collect()
}

/// Four significant digits.
pub(crate) fn brief(value: f64) -> String {
    if value == 0.0 || !value.is_finite() || (value.fract() == 0.0 && value.abs() < 1e15) {
        return value.to_string();
    }
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{value:.digits$}")
}

fn percent(share: f64) -> String {
    if share < 0.001 { "Under 0.1 %".to_owned() } else { format!("{:.1} %", share * 100.0) }
}

/// A number of rows of all, in words.
fn of_all(part: usize, all: usize) -> String {
    format!("{} of {} ({:.1} %)", count(part as u64), count(all as u64), part as f64 / all.max(1) as f64 * 100.0)
}

#[cfg(test)]
mod tests;
