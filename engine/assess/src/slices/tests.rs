#![allow(clippy::unwrap_used)]
use super::{
    weak::{benjamini_hochberg, welch},
    *,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn category(name: &str, codes: Vec<u32>, levels: &[&str]) -> Column {
    let levels = levels.iter().map(|level| (*level).to_owned()).collect();
    Column { name: name.into(), kind: ColumnType::Text, values: Values::Categories { codes, levels } }
}

fn number(name: &str, values: Vec<f64>) -> Column {
    Column { name: name.into(), kind: ColumnType::Float, values: Values::Numbers(values) }
}

/// 4,000 rows of a model that is right nine times in ten, but where `b` is over 0.75 and `c` is y it guesses (if planted).
fn table(planted: bool, seed: u64) -> (Frame, Target, Predictions) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let rows = 4_000;
    let (mut a, mut b, mut c, mut d) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut truth, mut values) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        a.push((random.random::<f64>() * 3.0) as u32);
        b.push(random.random::<f64>());
        c.push((random.random::<f64>() * 2.0) as u32);
        d.push(random.random::<f64>() * 100.0);
        let hard = planted && b.last().is_some_and(|b| *b > 0.75) && c.last() == Some(&1);
        let class = u32::from(random.random::<f64>() < 0.5);
        let right = random.random::<f64>() < if hard { 0.5 } else { 0.9 };
        let said = if right { class } else { 1 - class };
        let p = if said == 1 { 0.9f32 } else { 0.1 };
        truth.push(class);
        values.extend([1.0 - p, p]);
    }
    let columns =
        vec![category("a", a, &["u", "v", "w"]), number("b", b), category("c", c, &["x", "y"]), number("d", d)];
    (Frame { columns, rows }, Target::Classes(truth), Predictions::Probabilities { classes: 2, values })
}

fn judge(table: &(Frame, Target, Predictions), protected: &[String]) -> SliceReport {
    let features = ["a".to_owned(), "b".to_owned()];
    report(&Judged {
        columns: &table.0,
        protected,
        features: &features,
        target: &table.1,
        predictions: &table.2,
        threshold: None,
    })
}

#[test]
fn groups_have_metrics_and_protected_ones_come_first() {
    let report = judge(&table(false, 1), &["c".to_owned()]);
    let names: Vec<&str> = report.columns.iter().map(|c| c.column.as_str()).collect();
    assert_eq!(names, ["c", "a", "b", "d"]);
    assert!(report.columns[0].protected && !report.columns[0].feature && report.columns[1].feature);
    for column in &report.columns {
        assert_eq!(column.groups.iter().map(|group| group.rows).sum::<u64>(), 4_000, "{}", column.column);
    }
    let figures: Vec<&str> = report.columns[0].groups[0].figures.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(figures, ["accuracy", "recall", "false_positive_rate", "called", "log_loss"]);
    assert_eq!(report.columns[2].groups.len(), 4, "quartiles");
}

/// By hand: 12 rows of group p (9 right) and 12 of q (12 right). Wilson's interval of 9 in 12 is .4677 to .9111
/// (statsmodels 0.14 proportion_confint(9, 12, method="wilson")).
#[test]
fn figures_by_hand() {
    let codes: Vec<u32> = (0..24).map(|row| u32::from(row >= 12)).collect();
    let frame = Frame { columns: vec![category("g", codes, &["p", "q"])], rows: 24 };
    let truth: Vec<u32> = (0..24).map(|row| u32::from(row % 2 == 0)).collect();
    let said = |row: usize| if row < 3 { 1 - truth[row] } else { truth[row] };
    let values = (0..24).flat_map(|row| if said(row) == 1 { [0.2f32, 0.8] } else { [0.8, 0.2] }).collect();
    let report =
        judge(&(frame, Target::Classes(truth.clone()), Predictions::Probabilities { classes: 2, values }), &[]);
    let group = &report.columns[0].groups[0];
    let figure = |name: &str| group.figures.iter().find(|f| f.name == name).unwrap();
    assert_eq!((group.group.as_str(), group.rows, figure("accuracy").value), ("p", 12, 0.75));
    assert!((figure("accuracy").low - 0.4677).abs() < 1e-4 && (figure("accuracy").high - 0.9111).abs() < 1e-4);
    // Of the six positives two are missed (rows 0 and 2), of the six negatives one is called (row 1).
    assert!((figure("recall").value - 4.0 / 6.0).abs() < 1e-12);
    assert!((figure("false_positive_rate").value - 1.0 / 6.0).abs() < 1e-12);
    let loss = -(9.0 * 0.8f64.ln() + 3.0 * 0.2f64.ln()) / 12.0;
    assert!((figure("log_loss").value - loss).abs() < 1e-6);
}

#[test]
fn a_planted_weak_slice_is_found() {
    let report = judge(&table(true, 2), &[]);
    let worst = &report.weak.found[0];
    let columns: Vec<&str> = worst.conditions.iter().map(|c| c.column.as_str()).collect();
    assert!(columns.contains(&"b") && columns.contains(&"c"), "{worst:?}");
    assert!(
        worst.conditions.iter().any(|c| c.group == "y") && worst.conditions.iter().any(|c| c.group.starts_with("over"))
    );
    assert!(worst.p < 0.001 && worst.value > 2.0 * worst.elsewhere, "{worst:?}");
    assert!(worst.sentence.starts_with("Where `") && worst.sentence.contains("% elsewhere"), "{}", worst.sentence);
    // 4 + 3 + 2 + 4 conditions and their pairs of different columns: 3·4 + 3·2 + 3·4 + 4·2 + 4·4 + 2·4 = 62.
    assert_eq!(report.weak.looked_at, 13 + 62);
}

#[test]
fn chance_alone_is_seldom_told() {
    let told = (0..40).filter(|&seed| !judge(&table(false, 100 + seed), &[]).weak.found.is_empty()).count();
    assert!(told <= 4, "{told} of 40");
}

#[test]
fn numbers_have_weak_slices_too() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let codes: Vec<u32> = (0..600).map(|row| (row % 3) as u32).collect();
    let errors: Vec<f64> =
        codes.iter().map(|&c| (random.random::<f64>() - 0.5) * if c == 2 { 8.0 } else { 2.0 }).collect();
    let frame = Frame { columns: vec![category("g", codes, &["p", "q", "r"])], rows: 600 };
    let target = Target::Values(vec![10.0; 600]);
    let predictions = Predictions::Values(errors.iter().map(|error| 10.0 + error).collect());
    let report = judge(&(frame, target, predictions), &[]);
    assert_eq!(report.weak.measure, "mae");
    assert_eq!(report.weak.found.len(), 1);
    assert_eq!(report.weak.found[0].conditions[0].group, "r");
    let figures: Vec<&str> = report.columns[0].groups[0].figures.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(figures, ["mae", "bias"]);
}

#[test]
fn rare_categories_and_ids_make_no_groups() {
    let ids: Vec<String> = (0..100).map(|i| format!("id{i}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert!(Groups::new(&category("id", (0..100).collect(), &ids)).is_none());
    let codes = (0..100).map(|row| if row < 95 { row % 2 } else { 2 }).collect();
    let groups = Groups::new(&category("g", codes, &["p", "q", "r"])).unwrap();
    assert_eq!((groups.names.join(" "), groups.rest), ("p q other".to_owned(), Some(2)));
    assert!(Groups::new(&number("same", vec![1.0; 50])).is_none());
}

#[test]
fn tests_as_scipy_and_statsmodels() {
    // scipy 1.17.1: ttest_ind_from_stats(2.0, 1.5 ** .5, 40, 1.5, 2.5 ** .5, 60, equal_var=False, alternative="greater")
    // has the p-value 0.0393687.
    let p = welch((2.0, 1.5, 40), (1.5, 2.5, 60));
    assert!((p - 0.039_368_7).abs() < 1e-6, "{p}");
    // scipy 1.17.1: false_discovery_control([.01, .04, .03, .5]).
    let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.5]);
    for (found, expected) in adjusted.iter().zip([0.04, 0.053_333, 0.053_333, 0.5]) {
        assert!((found - expected).abs() < 1e-5, "{adjusted:?}");
    }
}
