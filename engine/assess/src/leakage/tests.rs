use super::*;
use rand::RngExt;
use trainyard_types::dataset::ColumnType;
use trainyard_types::run::SplitMethod;

/// Columns by name; texts by code.
struct Table {
    frame: Frame,
    outcome: Target,
    classes: Vec<String>,
}

impl Table {
    /// `x` and `noise` of 1,000 rows, and a target that `x` decides in part.
    fn new(classes: bool) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(9);
        let mut uniform = || (0..1_000).map(|_| random.random::<f64>()).collect::<Vec<f64>>();
        let (x, noise, blur) = (uniform(), uniform(), uniform());
        let y: Vec<f64> = x.iter().zip(&blur).map(|(x, blur)| x + 1.5 * blur).collect();
        let outcome = match classes {
            true => Target::Classes(y.iter().map(|y| u32::from(*y > 1.25)).collect()),
            false => Target::Values(y),
        };
        let frame = Frame { columns: vec![number("x", x), number("noise", noise)], rows: 1_000 };
        Self { frame, outcome, classes: vec!["no".into(), "yes".into()] }
    }

    fn with(mut self, column: Column) -> Self {
        self.frame.columns.push(column);
        self
    }

    fn values(&self) -> Vec<f64> {
        match &self.outcome {
            Target::Values(values) => values.clone(),
            Target::Classes(classes) => classes.iter().map(|class| f64::from(*class)).collect(),
        }
    }

    fn report(&self, method: SplitMethod) -> LeakageReport {
        let rows: Vec<usize> = (0..1_000).collect();
        report(&Setup {
            frame: &self.frame,
            target: "y",
            outcome: &self.outcome,
            classes: &self.classes,
            train: &rows[..700],
            test: &rows[700..],
            split: &SplitSpec { method, ..SplitSpec::default() },
            drop: &[],
        })
    }

    fn found(&self) -> Vec<(FindingKind, Severity, Vec<String>)> {
        let findings = self.report(SplitMethod::Random).findings;
        findings.into_iter().map(|finding| (finding.kind, finding.severity, finding.columns)).collect()
    }
}

fn number(name: &str, values: Vec<f64>) -> Column {
    Column { name: name.into(), kind: ColumnType::Float, values: Values::Numbers(values) }
}

fn text(name: &str, codes: impl Iterator<Item = u32>) -> Column {
    let codes: Vec<u32> = codes.collect();
    let levels = (0..=codes.iter().copied().max().unwrap_or(0)).map(|code| format!("v{code}")).collect();
    Column { name: name.into(), kind: ColumnType::Text, values: Values::Categories { codes, levels } }
}

#[test]
fn a_clean_table_has_no_findings() {
    for classes in [false, true] {
        assert_eq!(Table::new(classes).found(), []);
    }
}

/// A clean table of one of five shapes: numbers, with gaps, with texts, three classes of which one is rare, few rows.
fn clean(shape: u64, seed: u64) -> LeakageReport {
    let rows = if shape == 4 { 150 } else { 1_200 };
    let mut random = ChaCha8Rng::seed_from_u64(1_000 * shape + seed);
    let mut uniform = || (0..rows).map(|_| random.random::<f64>()).collect::<Vec<f64>>();
    let (a, b, c, blur) = (uniform(), uniform(), uniform(), uniform());
    let y: Vec<f64> = (0..rows).map(|row| a[row] + b[row] * b[row] + 2.0 * blur[row]).collect();
    let skewed: Vec<f64> = c.iter().map(|c| (-4.0 * c.ln()).floor()).collect();
    let holes = |share: f64| a.iter().zip(&c).map(|(a, c)| if *c < share { f64::NAN } else { *a }).collect();
    let city = text("city", c.iter().map(|c| (c * c * 30.0) as u32));
    let mut columns = vec![number("a", a.clone()), number("b", b.clone()), number("skewed", skewed)];
    match shape {
        1 => columns.push(number("holes", holes(0.4))),
        2 | 4 => columns.push(city),
        _ => {}
    }
    if shape == 1 {
        // The whole column would say the same as the one with holes.
        columns.remove(0);
    }
    let (outcome, classes): (Target, Vec<String>) = match shape {
        2 | 4 => (Target::Classes(y.iter().map(|y| u32::from(*y > 1.8)).collect()), vec!["no".into(), "yes".into()]),
        3 => {
            let code = |y: &f64| u32::from(*y > 1.5) + u32::from(*y > 2.9);
            (Target::Classes(y.iter().map(code).collect()), vec!["x".into(), "y".into(), "rare".into()])
        }
        _ => (Target::Values(y), Vec::new()),
    };
    let all: Vec<usize> = (0..rows).collect();
    report(&Setup {
        frame: &Frame { columns, rows },
        target: "y",
        outcome: &outcome,
        classes: &classes,
        train: &all[..rows * 3 / 5],
        test: &all[rows * 4 / 5..],
        split: &SplitSpec::default(),
        drop: &[],
    })
}

/// A hundred draws of five shapes, 20 each: what chance brings about is not reported.
#[test]
fn clean_tables_are_silent() {
    let mut alarms = Vec::new();
    for shape in 0..5 {
        for seed in 0..20 {
            let found = clean(shape, seed).findings;
            let grave = found.into_iter().filter(|finding| finding.severity > Severity::Info);
            alarms.extend(grave.map(|finding| (shape, seed, finding.kind, finding.why)));
        }
    }
    assert!(alarms.len() <= 1, "{alarms:#?}");
}

/// The kinds that a table with these columns has more than one without.
fn kinds_of(report: &LeakageReport) -> Vec<(FindingKind, Severity)> {
    report.findings.iter().map(|finding| (finding.kind, finding.severity)).collect()
}

#[test]
fn a_target_or_rows_of_another_kind_are_found() {
    use FindingKind::{FeatureDrift, LabelDrift, MultivariateDrift, NewLabels};
    use Severity::{Critical, Warning};
    let mut moved = Table::new(false);
    if let Target::Values(values) = &mut moved.outcome {
        values[700..].iter_mut().for_each(|value| *value += 0.5);
    }
    let found = moved.report(SplitMethod::Random);
    assert_eq!(kinds_of(&found), [(LabelDrift, Warning)]);
    assert_eq!(found.findings[0].fix, Fix::Stratify { bins: 10 });

    let mut shares = Table::new(true);
    if let Target::Classes(codes) = &mut shares.outcome {
        codes[700..].iter_mut().enumerate().for_each(|(at, code)| *code = u32::from(at % 10 > 0));
    }
    let found = shares.report(SplitMethod::Hash { column: "x".into() });
    assert!(kinds_of(&found).contains(&(LabelDrift, Warning)), "{found:?}");

    // Neither column moved alone, but in the test rows they go together.
    let mut joint = Table::new(true);
    let (a, b) = (joint.frame.columns[0].clone(), joint.frame.columns[1].clone());
    if let (Values::Numbers(a), Values::Numbers(b)) = (a.values, b.values) {
        let both: Vec<f64> = (0..1_000).map(|row| if row < 700 { b[row] } else { a[row] }).collect();
        joint.frame.columns = vec![number("a", a.iter().map(|a| (a * 4.0).floor()).collect()), number("b", both)];
    }
    let found = kinds_of(&joint.report(SplitMethod::Random));
    assert!(!found.iter().any(|(kind, _)| *kind == FeatureDrift), "{found:?}");
    assert!(found.contains(&(MultivariateDrift, Warning)), "{found:?}");

    let much = number(
        "much",
        (0..1_000).map(|row| f64::from(row * 37 % 1_000) + if row < 700 { 0.0 } else { 700.0 }).collect(),
    );
    let found = Table::new(true).with(much).report(SplitMethod::Random);
    let apart = found
        .findings
        .iter()
        .find(|finding| finding.kind == MultivariateDrift)
        .map(|f| (f.columns[0].as_str(), f.severity));
    assert_eq!(apart, Some(("much", Severity::Info)), "a column that moved is told once: {found:?}");
    let later = Table::new(true).with(number("at", (0..1_000).map(f64::from).collect()));
    let by_time = later.report(SplitMethod::Time { column: "at".into() });
    assert!(by_time.findings.iter().all(|finding| finding.severity == Severity::Info), "{by_time:?}");

    let mut fresh = Table::new(true);
    if let Target::Classes(codes) = &mut fresh.outcome {
        codes[990] = 2;
    }
    fresh.classes.push("maybe".into());
    assert_eq!(kinds_of(&fresh.report(SplitMethod::Random)), [(NewLabels, Critical)]);
}

#[test]
fn an_identifier_that_knows_the_answer_is_found() {
    use FindingKind::{Identifier, IdentifierProxy, IndexLeakage};
    use Severity::{Critical, Warning};
    // Numbers dealt out at random, and numbers given class by class.
    let integer = |name: &str, values: Vec<f64>| Column { kind: ColumnType::Integer, ..number(name, values) };
    let dealt = integer("number", (0..1_000).map(|row| f64::from(row * 37 % 1_000)).collect());
    assert_eq!(kinds_of(&Table::new(true).with(dealt).report(SplitMethod::Random)), [(Identifier, Warning)]);
    let table = Table::new(true);
    let values = table.values();
    let mut order: Vec<usize> = (0..1_000).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut numbers = vec![0.0; 1_000];
    order.iter().enumerate().for_each(|(at, &row)| numbers[row] = at as f64);
    let found = table.with(integer("number", numbers)).report(SplitMethod::Random);
    assert_eq!(kinds_of(&found), [(IdentifierProxy, Critical)]);

    // The same case twice, once in each part.
    let twice = text("case_id", (0..1_000).map(|row| if row >= 980 { row - 900 } else { row }));
    let found = kinds_of(&Table::new(true).with(twice).report(SplitMethod::Random));
    assert!(found.contains(&(IndexLeakage, Warning)), "{found:?}");
}

/// A series without times: each value is near the one before. Shuffled or sorted by the target it is none.
#[test]
fn rows_in_order_of_time_are_found() {
    let mut random = ChaCha8Rng::seed_from_u64(31);
    let mut level = 0.0;
    let series: Vec<f64> = (0..1_000)
        .map(|_| {
            level = 0.95 * level + random.random::<f64>() - 0.5;
            level
        })
        .collect();
    let spread = |outcome: Vec<f64>, clock: bool| {
        let mut table = Table::new(false);
        table.outcome = Target::Values(outcome);
        if clock {
            table = table.with(number("hour", (0..1_000).map(|row| f64::from(row % 24)).collect()));
        }
        let (train, test): (Vec<usize>, Vec<usize>) = (0..1_000).partition(|row| row % 5 > 0);
        let found = report(&Setup {
            frame: &table.frame,
            target: "y",
            outcome: &table.outcome,
            classes: &[],
            train: &train,
            test: &test,
            split: &SplitSpec::default(),
            drop: &[],
        });
        kinds_of(&found)
    };
    assert_eq!(spread(series.clone(), true), [(FindingKind::DateOverlap, Severity::Warning)]);
    assert_eq!(spread(series.clone(), false), [(FindingKind::DateOverlap, Severity::Info)]);
    let mut sorted = series.clone();
    sorted.sort_by(f64::total_cmp);
    assert_eq!(spread(sorted, false), []);
    let shuffled: Vec<f64> = (0..1_000).map(|row| series[row * 37 % 1_000]).collect();
    assert_eq!(spread(shuffled, true), []);
}

#[test]
fn spellings_and_pairs_are_named() {
    let paris = Column {
        values: Values::Categories {
            codes: (0..1_000).map(|row| if row > 990 { 2 } else { row % 2 }).collect(),
            levels: ["Paris", "Rome", "paris "].map(str::to_owned).to_vec(),
        },
        ..text("city", 0..1)
    };
    let found = Table::new(true).with(paris).report(SplitMethod::Random).findings;
    assert!(found[0].why.contains("`paris ` may be `Paris` written otherwise"), "{}", found[0].why);

    // A number that a text stands for, and one that follows another but for a few values.
    let table = Table::new(true);
    let Values::Numbers(x) = table.frame.columns[0].values.clone() else { return };
    let band = text("band", x.iter().map(|x| (x * 9.0) as u32));
    let far: Vec<f64> = (0..1_000).map(|row| if row % 100 == 0 { 1e3 + row as f64 } else { x[row] }).collect();
    let near: Vec<f64> = (0..1_000)
        .map(|row| if row % 100 == 0 { 1e3 + f64::from(row) } else { f64::from(row * 37 % 1_000) / 1e3 })
        .collect();
    let found =
        table.with(band).with(number("far", far)).with(number("near", near)).report(SplitMethod::Random).findings;
    let pairs: Vec<(String, &str)> = found
        .iter()
        .filter(|f| f.kind == FindingKind::CorrelatedFeatures)
        .map(|f| {
            let measure = ["correlation ratio", "Pearson", "Spearman"].into_iter().find(|name| f.why.contains(name));
            (f.columns.join("+"), measure.unwrap_or_default())
        })
        .collect();
    assert!(pairs.contains(&("x+band".into(), "correlation ratio")), "{pairs:?}");
    assert!(pairs.contains(&("far+near".into(), "Pearson")), "{pairs:?}");
    assert!(pairs.contains(&("x+far".into(), "Spearman")), "{pairs:?}");
}

#[test]
fn planted_leaks_are_found() {
    use FindingKind::*;
    use Severity::{Critical, Warning};
    let copy = Table::new(true);
    let copied: Vec<f64> = copy.values().iter().map(|value| 5.0 - 2.0 * value).collect();
    assert_eq!(copy.with(number("after", copied)).found(), [(TargetProxy, Critical, vec!["after".to_owned()])]);

    let parts = Table::new(false);
    let half: Vec<f64> = (0..1_000).map(|row| f64::from(row % 7) / 7.0).collect();
    let rest: Vec<f64> = parts.values().iter().zip(&half).map(|(y, half)| y - half).collect();
    let found = parts.with(number("half", half)).with(number("rest", rest)).found();
    assert_eq!(found[0], (TargetProxy, Critical, vec!["half".to_owned(), "rest".to_owned()]));

    let kinds =
        |table: Table| table.found().into_iter().map(|(kind, severity, _)| (kind, severity)).collect::<Vec<_>>();
    let id = || text("customer_id", (0..1_000).map(|row| row % 90));
    assert_eq!(kinds(Table::new(true).with(id())), [(GroupLeakage, Warning)]);
    let grouped = Table::new(true).with(id()).report(SplitMethod::Group { column: "customer_id".into() });
    assert!(grouped.findings.is_empty(), "{grouped:?}");
    assert_eq!(kinds(Table::new(true).with(text("code", 0..1_000))), [(Identifier, Warning)]);

    let mut at = number("at", (0..1_000).map(|row| f64::from(row * 37 % 1_000) * 60_000.0).collect());
    at.kind = ColumnType::Datetime;
    assert_eq!(kinds(Table::new(true).with(at)), [(DateOverlap, Warning)]);

    let fresh = text("shop", (0..1_000).map(|row| if row > 990 { 5 } else { row % 5 }));
    assert_eq!(kinds(Table::new(true).with(fresh)), [(NewCategories, Severity::Info)]);
    let drifted = number(
        "drifted",
        (0..1_000).map(|row| f64::from(row * 37 % 1_000) + if row < 700 { 0.0 } else { 500.0 }).collect(),
    );
    assert_eq!(kinds(Table::new(true).with(drifted)), [(FeatureDrift, Warning), (MultivariateDrift, Severity::Info)]);
    let same = Table::new(true);
    let Values::Numbers(x) = same.frame.columns[0].values.clone() else { return };
    let twin = number("twin", x.iter().map(|x| x * x).collect());
    assert_eq!(kinds(same.with(twin)), [(CorrelatedFeatures, Severity::Info)]);
}

#[test]
fn copies_of_train_rows_are_counted_with_their_target() {
    let mut table = Table::new(true).with(text("city", (0..1_000).map(|row| row % 3)));
    // Every second test row repeats the train row 700 before it.
    for row in (700..1_000).step_by(2) {
        for column in &mut table.frame.columns {
            match &mut column.values {
                Values::Numbers(values) => values[row] = values[row - 700],
                Values::Categories { codes, .. } => codes[row] = codes[row - 700],
            }
        }
        if let Target::Classes(classes) = &mut table.outcome {
            classes[row] = classes[row - 700];
        }
    }
    let found = table.report(SplitMethod::Random);
    assert_eq!((found.findings[0].kind, found.findings[0].score), (FindingKind::DuplicatesAcrossParts, 0.5));
    assert_eq!(found.findings[0].severity, Severity::Critical);
    assert!(found.caution().is_some_and(|caution| caution.contains("150 of 300 (50.0 %) test rows")));
}
