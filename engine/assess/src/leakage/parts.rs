//! What differs between train and test: columns, the target, all columns together.

use super::{Setup, domain, percent, rows, sample};
use crate::drift;
use trainyard_infer::{
    Target,
    frame::{Column, Values},
};
use trainyard_types::{
    dataset::{ColumnType, Severity},
    leakage::{Finding, FindingKind, Fix},
    run::SplitMethod,
    words::counted,
};

/// Deepchecks' bounds: of a column, of the target, of all columns together.
const DRIFT: f64 = 0.2;
const LABEL_DRIFT: f64 = 0.15;
const TOLD_APART: f64 = 0.25;
/// Share of test rows with new values that is more than a note.
const MANY_NEW: f64 = 0.05;
/// Rows of each part that the classifier of parts sees.
const DOMAIN_SAMPLE: usize = 10_000;
/// What chance does more often than this is no finding, over all columns together.
const CHANCE: f64 = 0.001;
/// Standard deviations that a guessing classifier does not reach.
const FAR: f64 = 4.0;

/// What differs between train and test. `identifiers` and times are left out: they go on by nature.
pub(super) fn differences(
    setup: &Setup<'_>,
    features: &[&Column],
    train: &[usize],
    test: &[usize],
    identifiers: &[String],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if train.is_empty() || test.is_empty() {
        return findings;
    }
    let by_time = matches!(setup.split.method, SplitMethod::Time { .. });
    let severity = if by_time { Severity::Info } else { Severity::Warning };
    let alpha = CHANCE / features.len().max(1) as f64;
    let compared = |column: &&&Column| column.kind != ColumnType::Datetime && !identifiers.contains(&column.name);
    for column in features.iter().filter(compared) {
        let name = &column.name;
        if let Some((score, how)) = moved(column, train, test, alpha) {
            findings.push(Finding {
                kind: FindingKind::FeatureDrift,
                columns: vec![name.clone()],
                score,
                severity,
                why: format!(
                    "`{name}` is distributed otherwise in the test rows ({how}). The test then judges rows that the model has \
                     not learned from, as it may be in use."
                ),
                fix: Fix::Look { at: format!("See how {name} came about in both parts") },
            });
        }
        findings.extend(unseen(setup, column));
    }
    findings.extend(fresh_classes(setup));
    findings.extend(label_drift(setup));
    let columns: Vec<&Column> = features.iter().filter(compared).copied().collect();
    findings.extend(apart(setup, &columns).map(|mut found| {
        // A column that moved by itself is told already.
        let told = findings.iter().any(|f| f.kind == FindingKind::FeatureDrift && f.columns == found.columns[..1]);
        found.severity = if told { Severity::Info } else { severity };
        found
    }));
    findings
}

/// How far a column's distribution moved, 0 to 1, where it is over the bound and more than chance does, and in words:
/// Kolmogorov-Smirnov for numbers, Cramér's V for categories ("missing" being one), or the shares of missing numbers.
fn moved(column: &Column, train: &[usize], test: &[usize], alpha: f64) -> Option<(f64, String)> {
    match &column.values {
        Values::Numbers(numbers) => {
            let (before, after) = (known(numbers, train), known(numbers, test));
            let ks = drift::ks(&before, &after);
            if ks >= DRIFT && ks > drift::ks_by_chance(before.len(), after.len(), alpha) {
                return Some((ks, format!("a Kolmogorov-Smirnov distance of {ks:.2} of 1")));
            }
            let (gaps, later) = (gaps(before.len(), train.len()), gaps(after.len(), test.len()));
            let more = (later - gaps).abs();
            let enough = more > drift::ks_by_chance(train.len(), test.len(), alpha);
            (more >= DRIFT && enough)
                .then(|| (more, format!("{} are missing there, {} in the train rows", percent(later), percent(gaps))))
        }
        Values::Categories { codes, levels } => {
            let counts = |rows: &[usize]| {
                let mut counts = vec![0_u64; levels.len() + 1];
                rows.iter().for_each(|&row| counts[(codes[row] as usize).min(levels.len())] += 1);
                counts
            };
            let found = drift::cramers_v(&counts(train), &counts(test))?;
            let far = found.strength >= DRIFT && found.p < alpha;
            far.then(|| (found.strength, format!("Cramér's V {:.2} of 1", found.strength)))
        }
    }
}

fn gaps(known: usize, all: usize) -> f64 {
    1.0 - known as f64 / all.max(1) as f64
}

/// The known values of these rows, in order.
fn known(numbers: &[f64], rows: &[usize]) -> Vec<f64> {
    let mut known: Vec<f64> = rows.iter().map(|&row| numbers[row]).filter(|value| !value.is_nan()).collect();
    known.sort_unstable_by(f64::total_cmp);
    known
}

fn unseen(setup: &Setup<'_>, column: &Column) -> Option<Finding> {
    let name = &column.name;
    let rows::Unseen { share, by_chance, examples, spelling } = rows::unseen(column, setup.train, setup.test)?;
    let respelt = spelling.map_or_else(String::new, |(fresh, known)| {
        format!(" `{fresh}` may be `{known}` written otherwise: bring them to one spelling.")
    });
    Some(Finding {
        kind: FindingKind::NewCategories,
        columns: vec![name.clone()],
        score: share,
        severity: if share > MANY_NEW && !by_chance { Severity::Warning } else { Severity::Info },
        why: format!(
            "{} of the test rows have a `{name}` that no train row has, such as {examples}: the model treats them as \
             unknown.{respelt}",
            percent(share)
        ),
        fix: Fix::Look { at: format!("Group the rare values of {name}") },
    })
}

fn fresh_classes(setup: &Setup<'_>) -> Option<Finding> {
    let Target::Classes(codes) = setup.outcome else { return None };
    let mut seen = vec![false; setup.classes.len()];
    setup.train.iter().for_each(|&row| seen[codes[row] as usize] = true);
    let fresh: Vec<usize> = setup.test.iter().copied().filter(|&row| !seen[codes[row] as usize]).collect();
    let first = *fresh.first()?;
    Some(Finding {
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
    })
}

/// Deepchecks' `LabelDrift`: Cramér's V of classes, Kolmogorov-Smirnov of numbers, on all rows.
fn label_drift(setup: &Setup<'_>) -> Option<Finding> {
    let (score, sure, how) = match setup.outcome {
        Target::Classes(codes) => {
            let counts = |rows: &[usize]| {
                let mut counts = vec![0_u64; setup.classes.len()];
                rows.iter().for_each(|&row| counts[codes[row] as usize] += 1);
                counts
            };
            let (before, after) = (counts(setup.train), counts(setup.test));
            let found = drift::cramers_v(&before, &after)?;
            let share = |counts: &[u64], all: usize, class: usize| counts[class] as f64 / all.max(1) as f64;
            let (train, test) = (setup.train.len(), setup.test.len());
            let change = |&class: &usize| (share(&after, test, class) - share(&before, train, class)).abs();
            let most = (0..setup.classes.len()).max_by(|a, b| change(a).total_cmp(&change(b)))?;
            let how = format!(
                "`{}` are {} of the train rows and {} of the test rows, Cramér's V {:.2} of 1",
                setup.classes[most],
                percent(share(&before, train, most)),
                percent(share(&after, test, most)),
                found.strength
            );
            (found.strength, found.p < CHANCE, how)
        }
        Target::Values(values) => {
            let (before, after) = (known(values, setup.train), known(values, setup.test));
            let ks = drift::ks(&before, &after);
            let middle = |sorted: &[f64]| sorted.get(sorted.len() / 2).map_or(f64::NAN, |value| *value);
            let how = format!(
                "the median is {} in the train rows and {} in the test rows, a Kolmogorov-Smirnov distance of {ks:.2} of 1",
                super::brief(middle(&before)),
                super::brief(middle(&after))
            );
            (ks, ks > drift::ks_by_chance(before.len(), after.len(), CHANCE), how)
        }
    };
    if score < LABEL_DRIFT || !sure {
        return None;
    }
    let number = matches!(setup.outcome, Target::Values(_));
    let fix = match setup.split.method {
        SplitMethod::Random if number && setup.split.bins.is_none() => Fix::Stratify { bins: 10 },
        SplitMethod::Time { .. } => Fix::Look { at: format!("See why {} changed over time", setup.target) },
        _ => Fix::SplitAtRandom,
    };
    Some(Finding {
        kind: FindingKind::LabelDrift,
        columns: vec![setup.target.to_owned()],
        score,
        severity: Severity::Warning,
        why: format!(
            "`{}` is distributed otherwise in the test rows: {how}. Figures on them say little about rows like those learned \
             from.",
            setup.target
        ),
        fix,
    })
}

fn apart(setup: &Setup<'_>, columns: &[&Column]) -> Option<Finding> {
    let n = setup.train.len().min(setup.test.len()).min(DOMAIN_SAMPLE);
    let found = domain::tell_apart(columns, &sample(setup.train, n), &sample(setup.test, n))?;
    let score = found.score();
    // The area of a guess has a variance of (2n + 1) / 12n² (Mann and Whitney, 1947).
    let chance = 2.0 * ((2 * n + 1) as f64 / (12 * n * n) as f64).sqrt();
    if score < TOLD_APART || score < FAR * chance {
        return None;
    }
    let names: Vec<String> = found.by.iter().take(3).map(|(at, _)| columns[*at].name.clone()).collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Some(Finding {
        kind: FindingKind::MultivariateDrift,
        columns: names,
        score,
        severity: Severity::Warning,
        why: format!(
            "Test rows can be told from train rows in {:.0} of 100 pairs, most of all by {}. The figures hold for rows like \
             the test rows, not for rows like those learned from.",
            found.auc * 100.0,
            quoted.join(", ")
        ),
        fix: Fix::Look { at: "See what sets the test rows apart".to_owned() },
    })
}
