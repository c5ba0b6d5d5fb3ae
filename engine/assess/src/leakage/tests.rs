use super::*;
use rand::RngExt;

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
    assert_eq!(kinds(Table::new(true).with(drifted)), [(FeatureDrift, Warning)]);
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
