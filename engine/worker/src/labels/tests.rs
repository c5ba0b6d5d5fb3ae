#![allow(clippy::unwrap_used)]

use super::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::HashSet;
use trainyard_infer::Values;
use trainyard_types::job::JobEvent;

struct Ears {
    cancel: bool,
    fractions: Vec<f64>,
}

fn ears() -> Ears {
    Ears { cancel: false, fractions: Vec::new() }
}

impl Sink for Ears {
    fn event(&mut self, event: JobEvent) {
        if let JobEvent::Progress(progress) = event {
            self.fractions.push(progress.fraction);
        }
    }
    fn cancelled(&mut self) -> bool {
        self.cancel
    }
}

fn numbers(name: &str, kind: ColumnType, values: Vec<f64>) -> Column {
    Column { name: name.into(), kind, values: Values::Numbers(values) }
}

/// Two numbers say which of three classes a row is; every twentieth label is another one. `place` groups ten rows each.
fn planted(rows: usize) -> (Frame, HashSet<u64>) {
    let mut random = StdRng::seed_from_u64(3);
    let points: Vec<[f64; 2]> = (0..rows).map(|_| [random.random(), random.random()]).collect();
    let truth = |n: &[f64; 2]| if n[0] + n[1] < 0.8 { 0 } else { 1 + u32::from(n[0] > n[1]) };
    let mut codes: Vec<u32> = points.iter().map(truth).collect();
    let wrong: HashSet<u64> = (0..rows).step_by(20).map(|row| row as u64 + 1).collect();
    for row in (0..rows).step_by(20) {
        codes[row] = (codes[row] + 1 + random.random_range(0..2)) % 3;
    }
    let levels = ["low", "right", "up"].map(String::from).to_vec();
    let label = Column { name: "label".into(), kind: ColumnType::Text, values: Values::Categories { codes, levels } };
    let columns = vec![
        numbers("idle", ColumnType::Float, (0..rows).map(|_| random.random()).collect()),
        numbers("x", ColumnType::Float, points.iter().map(|n| n[0]).collect()),
        numbers("y", ColumnType::Float, points.iter().map(|n| n[1]).collect()),
        numbers("place", ColumnType::Integer, (0..rows).map(|row| (row / 10) as f64).collect()),
        label,
    ];
    (Frame { columns, rows }, wrong)
}

/// Recall and precision of what was found against the planted rows.
fn hits(result: &LabelResult, wrong: &HashSet<u64>) -> (f64, f64) {
    let hits = result.findings.iter().filter(|found| wrong.contains(&found.row)).count() as f64;
    (hits / wrong.len() as f64, hits / result.findings.len() as f64)
}

#[test]
fn planted_errors_are_found_by_trees_and_with_groups() {
    let (frame, wrong) = planted(2_000);
    let plain = LabelSettings { drop: vec!["place".into()], ..LabelSettings::for_target("label") };
    let grouped = LabelSettings { groups: Some("place".into()), ..LabelSettings::for_target("label") };
    for settings in [plain, grouped] {
        let mut heard = ears();
        let result = review(&frame, &settings, &mut heard).unwrap();
        let (recall, precision) = hits(&result, &wrong);
        let summary = &result.summary;
        eprintln!("recall {recall:.3}, precision {precision:.3}, noise {:.4}: {}", summary.noise, summary.sentence);
        assert!(recall > 0.85 && precision > 0.6, "{recall} {precision}");
        assert!((summary.noise - 0.05).abs() < 0.03, "{}", summary.noise);
        assert_eq!((summary.rows, summary.unused, summary.found), (2_000, 0, result.findings.len() as u64));
        assert_eq!(summary.pairs.iter().map(|pair| pair.found).sum::<u64>(), summary.found);
        assert!((summary.joint.iter().sum::<f64>() - 2_000.0).abs() < 1e-6);
        let mut best = summary.columns[..2].to_vec();
        best.sort();
        assert_eq!(best, ["x", "y"]);
        assert!(!summary.columns.contains(&"place".to_owned()));
        assert!(result.findings.windows(2).all(|pair| pair[0].score <= pair[1].score));
        assert!(heard.fractions.len() >= 5 && heard.fractions.windows(2).all(|pair| pair[0] <= pair[1]));
        let again = review(&frame, &settings, &mut ears()).unwrap();
        assert_eq!(again.findings, result.findings);
    }
}

#[test]
fn the_list_is_cut_and_all_are_counted() {
    let (frame, _) = planted(1_000);
    let settings = LabelSettings { most: 10, order: LabelOrder::SelfConfidence, ..LabelSettings::for_target("label") };
    let result = review(&frame, &settings, &mut ears()).unwrap();
    assert!(result.findings.len() == 10 && result.summary.kept == 10 && result.summary.found > 20);
    assert!(result.findings.iter().all(|found| Some(found.score) == found.given_probability));
    assert!(result.summary.method.contains("self-confidence"), "{}", result.summary.method);
}

/// Two classes on either side of a line, for which a linear model is right.
#[test]
fn planted_errors_are_found_by_a_linear_model() {
    let (mut frame, _) = planted(1_500);
    let (Values::Numbers(x), Values::Numbers(y)) = (&frame.columns[1].values, &frame.columns[2].values) else {
        panic!()
    };
    let mut codes: Vec<u32> = x.iter().zip(y).map(|(x, y)| u32::from(x + 2.0 * y > 1.5)).collect();
    let wrong: HashSet<u64> = (0..1_500).step_by(25).map(|row| row as u64 + 1).collect();
    (0..1_500).step_by(25).for_each(|row| codes[row] = 1 - codes[row]);
    frame.columns[4].values = Values::Categories { codes, levels: vec!["no".into(), "yes".into()] };
    let settings =
        LabelSettings { family: Family::Linear, drop: vec!["place".into()], ..LabelSettings::for_target("label") };
    let result = review(&frame, &settings, &mut ears()).unwrap();
    let (recall, precision) = hits(&result, &wrong);
    eprintln!("recall {recall:.3}, precision {precision:.3}: {}", result.summary.sentence);
    assert!(recall > 0.85 && precision > 0.6, "{recall} {precision}");
}

#[test]
fn planted_wrong_numbers_are_found() {
    let (mut frame, _) = planted(2_000);
    let (Values::Numbers(x), Values::Numbers(y)) = (&frame.columns[1].values, &frame.columns[2].values) else {
        panic!()
    };
    let mut random = StdRng::seed_from_u64(5);
    // Long tails: a sum of two scales.
    let mut values: Vec<f64> = x
        .iter()
        .zip(y)
        .map(|(x, y)| {
            100.0 * x
                + 50.0 * y
                + (random.random::<f64>() - 0.5) * if random.random::<f64>() < 0.1 { 30.0 } else { 6.0 }
        })
        .collect();
    let wrong: HashSet<u64> = (0..2_000).step_by(40).map(|row| row as u64 + 1).collect();
    (0..2_000).step_by(40).for_each(|row| values[row] += if row % 80 == 0 { 90.0 } else { -90.0 });
    frame.columns[4] = numbers("price", ColumnType::Float, values);
    let settings = LabelSettings { drop: vec!["place".into()], ..LabelSettings::for_target("price") };
    let result = review(&frame, &settings, &mut ears()).unwrap();
    let (recall, precision) = hits(&result, &wrong);
    eprintln!("recall {recall:.3}, precision {precision:.3}: {}", result.summary.sentence);
    assert!(recall > 0.9 && precision > 0.9, "{recall} {precision}");
    let first = &result.findings[0];
    let expected: f64 = first.suggested.parse().unwrap();
    let given: f64 = first.given.parse().unwrap();
    assert!((given - expected).abs() > 60.0 && first.score.abs() > residuals::FAR && first.given_probability.is_none());
    assert!(result.summary.pairs.is_empty() && result.summary.joint.is_empty());
    // A column of whole numbers gets whole suggestions.
    assert_eq!(suggestion(12.6, ColumnType::Integer), "13");
    assert_eq!(
        (suggestion(1234.56789, ColumnType::Float), suggestion(0.0, ColumnType::Float)),
        ("1234.57".into(), "0".into())
    );
}

#[test]
fn the_command_line_reports_the_same() {
    let (frame, wrong) = planted(2_000);
    let report = label_errors(&frame, "label", &["place".into()], 0, &mut ears()).unwrap();
    let hits = report.errors.iter().filter(|error| wrong.contains(&error.row)).count() as f64;
    let (recall, precision) = (hits / wrong.len() as f64, hits / report.found as f64);
    assert!(recall > 0.85 && precision > 0.6, "{recall} {precision}");
}

#[test]
fn what_can_not_be_judged_is_refused() {
    let (frame, _) = planted(200);
    let refused = |target: &str, drop: &[&str]| {
        let drop: Vec<String> = drop.iter().map(|name| (*name).to_owned()).collect();
        match label_errors(&frame, target, &drop, 0, &mut ears()) {
            Err(TrainError::Problem(problem)) => problem.message,
            other => panic!("{other:?}"),
        }
    };
    assert!(refused("z", &[]).contains("no column `z`"));
    assert!(refused("x", &[]).contains("not labels"));
    assert!(refused("label", &["z"]).contains("`z`"));
    assert!(refused("label", &["idle", "x", "y", "place"]).contains("No column is left"));
    let (few, _) = planted(30);
    assert!(matches!(label_errors(&few, "label", &[], 0, &mut ears()), Err(TrainError::Problem(_))));
    let mut cancelled = Ears { cancel: true, ..ears() };
    assert_eq!(label_errors(&frame, "label", &[], 0, &mut cancelled), Err(TrainError::Cancelled));
    // Three groups make no five folds.
    let mut frame = frame;
    frame.columns[3] = numbers("place", ColumnType::Integer, (0..200).map(|row| f64::from(row % 3)).collect());
    let settings = LabelSettings { groups: Some("place".into()), ..LabelSettings::for_target("label") };
    let Err(TrainError::Problem(problem)) = review(&frame, &settings, &mut ears()) else { panic!() };
    assert_eq!(problem.fields[0].field, "groups");
}
