//! What a model could know in training and can't know in use, found before anything is trained.
//!
//! Thresholds are those of Deepchecks 0.19.1's train-test suite: copies over 5 %, predictive power of 0.7 or a change of it
//! by 0.2, drift of 0.2, correlation of 0.9; new classes, shared identifiers and overlapping times at all.

mod power;
mod rows;
mod sums;

use crate::{drift, relations};
use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use trainyard_infer::{
    Target,
    frame::{Column, Frame, Values},
};
use trainyard_types::{
    dataset::{ColumnType, Severity},
    leakage::{Finding, FindingKind, Fix, LeakageReport},
    relations::Measure,
    run::SplitMethod,
    split::SplitSpec,
    words::{count, counted},
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
const DRIFT: f64 = 0.2;
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
    let sample = |rows: &[usize], most: usize| -> Vec<usize> {
        if rows.len() <= most {
            return rows.to_vec();
        }
        let mut chosen = index::sample(&mut ChaCha8Rng::seed_from_u64(7), rows.len(), most).into_vec();
        chosen.sort_unstable();
        chosen.into_iter().map(|i| rows[i]).collect()
    };
    let (train, test) = (sample(setup.train, TRAIN_SAMPLE), sample(setup.test, TEST_SAMPLE));
    let features: Vec<&Column> = features(setup);
    let mut findings = proxies(setup, &features, &train, &test);
    findings.extend(rows::find(setup, &features));
    findings.extend(differences(setup, &features, &train, &test));
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
fn proxies(setup: &Setup<'_>, features: &[&Column], train: &[usize], test: &[usize]) -> Vec<Finding> {
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
    for column in features {
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

/// What differs between train and test.
fn differences(setup: &Setup<'_>, features: &[&Column], train: &[usize], test: &[usize]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if train.is_empty() || test.is_empty() {
        return findings;
    }
    let by_time = matches!(setup.split.method, SplitMethod::Time { .. });
    for column in features.iter().filter(|column| column.kind != ColumnType::Datetime) {
        let name = &column.name;
        let score = moved(column, train, test);
        if score > DRIFT {
            findings.push(Finding {
                kind: FindingKind::FeatureDrift,
                columns: vec![name.clone()],
                score,
                severity: if by_time { Severity::Info } else { Severity::Warning },
                why: format!(
                    "`{name}` is distributed otherwise in the test rows (a distance of {score:.2} of 1). The test then judges \
                     rows that the model has not learned from, as it may be in use."
                ),
                fix: Fix::Look { at: format!("See how {name} came about in both parts") },
            });
        }
        if let Some((share, examples)) = rows::unseen(column, setup.train, setup.test) {
            findings.push(Finding {
                kind: FindingKind::NewCategories,
                columns: vec![name.clone()],
                score: share,
                severity: if share > 0.05 { Severity::Warning } else { Severity::Info },
                why: format!(
                    "{} of the test rows have a `{name}` that no train row has, such as {examples}: the model treats them as \
                     unknown.",
                    percent(share)
                ),
                fix: Fix::Look { at: format!("Group the rare values of {name}") },
            });
        }
    }
    if let Target::Classes(codes) = setup.outcome {
        let mut seen = vec![false; setup.classes.len()];
        setup.train.iter().for_each(|&row| seen[codes[row] as usize] = true);
        let fresh: Vec<usize> = setup.test.iter().copied().filter(|&row| !seen[codes[row] as usize]).collect();
        if let Some(&first) = fresh.first() {
            findings.push(Finding {
                kind: FindingKind::NewLabels,
                columns: vec![setup.target.to_owned()],
                score: fresh.len() as f64 / setup.test.len() as f64,
                severity: Severity::Critical,
                why: format!(
                    "{} of a class that no train row has, such as `{}`: no model can predict it.",
                    counted(fresh.len() as u64, "test row is", "test rows are"),
                    setup.classes[codes[first] as usize]
                ),
                fix: Fix::SplitAtRandom,
            });
        }
    }
    findings
}

/// How far a column's distribution moved, 0 to 1: Kolmogorov-Smirnov for numbers, half the sum of the shares' differences
/// for categories.
fn moved(column: &Column, train: &[usize], test: &[usize]) -> f64 {
    match &column.values {
        Values::Numbers(numbers) => {
            let known = |rows: &[usize]| {
                let mut known: Vec<f64> =
                    rows.iter().map(|&row| numbers[row]).filter(|value| !value.is_nan()).collect();
                known.sort_unstable_by(f64::total_cmp);
                known
            };
            drift::ks(&known(train), &known(test))
        }
        Values::Categories { codes, levels } => {
            let shares = |rows: &[usize]| {
                let mut shares = vec![0.0; levels.len() + 1];
                rows.iter().for_each(|&row| shares[(codes[row] as usize).min(levels.len())] += 1.0 / rows.len() as f64);
                shares
            };
            // Of many rare values every draw has others.
            if levels.len() > 100 {
                return 0.0;
            }
            shares(train).iter().zip(shares(test)).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0
        }
    }
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
    let strong = found.strongest.into_iter().filter(|pair| pair.value.abs() >= CORRELATED);
    strong
        .map(|pair| {
            let measure = match pair.measure {
                Measure::Spearman => "rank correlation",
                Measure::CramersV => "Cramér's V",
            };
            Finding {
                kind: FindingKind::CorrelatedFeatures,
                score: pair.value.abs(),
                severity: Severity::Info,
                why: format!(
                    "`{}` and `{}` say nearly the same ({measure} {:.2}). Importances are divided between them; one may do.",
                    pair.a, pair.b, pair.value
                ),
                fix: Fix::DropColumns { columns: vec![pair.b.clone()] },
                columns: vec![pair.a, pair.b],
            }
        })
        .collect()
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
