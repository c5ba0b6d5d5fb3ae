//! From settings to a model that decides: what is stored, what is told, and that both say the same.

use super::*;
use crate::headless;
use trainyard_infer::{Predictions, decision::Score};
use trainyard_types::decision::{CalibrationChoice, ClassWeight, DecisionReport, SetMethod, ThresholdRule};

fn trained(data: Frame, settings: &TrainSettings) -> (RunResult, Heard, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut heard = Heard::default();
    let result = train_frames(data, settings, dir.path(), EVERY_EPOCH, &mut heard).unwrap();
    (result, heard, dir)
}

fn stored(result: &RunResult, dir: &tempfile::TempDir) -> Model {
    Model::from_bytes(&std::fs::read(dir.path().join(&result.model_file)).unwrap()).unwrap()
}

fn decision(result: &RunResult) -> &DecisionReport {
    result.decision.as_ref().unwrap()
}

#[test]
fn what_is_stored_is_what_is_told() {
    let mut settings = settings(Family::Linear);
    settings.decision.calibration = CalibrationChoice::Sigmoid;
    settings.decision.threshold = ThresholdRule::Cost { false_positive: 1.0, false_negative: 5.0 };
    let (result, heard, dir) = trained(table(6_000, Task::Binary), &settings);
    let model = stored(&result, &dir);
    let told = decision(&result);
    // A third of the 1,200 validation rows.
    assert!(told.own_rows && (398..=402).contains(&told.rows), "{}", told.rows);
    assert!(told.words.contains("set aside") && heard.log().contains("set aside"), "{}", told.words);
    assert_eq!(result.rows.train + result.rows.valid + result.rows.test, 6_000);
    let calibration = told.calibration.as_ref().unwrap();
    assert_eq!(calibration.used, CalibrationChoice::Sigmoid);
    // Added up in another order.
    assert!((calibration.after.log_loss - result.metrics.test["log_loss"]).abs() < 1e-9);
    assert_eq!(model.decision.calibration.as_ref().map(|c| c.name()), Some("sigmoid"));
    let threshold = told.threshold.as_ref().unwrap();
    assert_eq!(model.decision.threshold, Some(threshold.threshold));
    assert!(threshold.threshold < 0.4, "a missed case costs five times as much: {}", threshold.threshold);
    let figures = threshold.at(threshold.threshold).unwrap();
    for (name, value) in [("recall", figures.recall), ("precision", figures.precision), ("f1", figures.f1)] {
        assert!((result.metrics.test[name] - value).abs() < 1e-12, "{name}");
    }
    let intervals = told.intervals.as_ref().unwrap();
    let conformal = model.decision.conformal.unwrap();
    assert_eq!((conformal.score, conformal.quantile, intervals.level), (Score::Lac, intervals.quantile, 0.9));
    // 1,200 test rows and 400 that decided: a standard deviation of √(.09/401 + .09/1,200) is 1.7 points.
    assert!((intervals.coverage - 0.9).abs() < 0.07, "{}", intervals.sentence);
    assert!(result.charts.iter().any(|chart| chart.id == "threshold"));
}

#[test]
fn the_command_line_says_the_same() {
    let mut settings = settings(Family::Linear);
    settings.decision.threshold = ThresholdRule::F1;
    settings.decision.sets = SetMethod::Aps;
    let (result, _, dir) = trained(table(900, Task::Binary), &settings);
    let rows = dir.path().join("rows.csv");
    let lines =
        "amount,ratio,idle,at,city\n3.5,0.1,0.2,1970-01-02T00:00:00Z,Ulm\n9.5,0.4,0.9,1970-01-03T00:00:00Z,Kiel\n";
    std::fs::write(&rows, lines).unwrap();
    let predict = |intervals: bool| {
        let mut out = Vec::new();
        headless::predict(dir.path(), &rows, intervals, &mut out).map(|_| String::from_utf8(out).unwrap())
    };
    let model = stored(&result, &dir);
    let frame = trainyard_data::read_any::read_file(&rows).map(|(_, frame)| frame).map_err(|f| f.problem).unwrap();
    let Predictions::Probabilities { values, .. } = model.predict(&frame).unwrap() else { panic!() };
    let plain = predict(false).unwrap();
    assert!(plain.starts_with("prediction,probability_no,probability_yes\n"), "{plain}");
    let sure = predict(true).unwrap();
    assert!(sure.starts_with("prediction,probability_no,probability_yes,set\n"), "{sure}");
    for (line, row) in plain.lines().skip(1).zip(values.chunks(2)) {
        let called = ["no", "yes"][model.decision.class(row)];
        assert!(line.starts_with(&format!("{called},{}", row[0])), "{line}");
    }
    assert!(sure.lines().skip(1).all(|line| line.contains("\"[\"\"")), "{sure}");

    let mut without = settings.clone();
    without.decision.coverage = None;
    let (_, _, other) = trained(table(900, Task::Binary), &without);
    let error = headless::predict(other.path(), &rows, true, &mut Vec::new()).unwrap_err();
    assert!(error.message.contains("without intervals"), "{}", error.message);
}

#[test]
fn a_number_comes_with_an_interval() {
    let mut settings = settings(Family::Linear);
    settings.decision.coverage = Some(0.8);
    let (result, heard, dir) = trained(table(900, Task::Regression), &settings);
    let told = decision(&result);
    assert!(!told.own_rows && told.rows == 180, "{}", told.rows);
    assert!(told.words.contains("slightly less than promised"), "{}", told.words);
    assert!(told.calibration.is_none() && told.threshold.is_none());
    let intervals = told.intervals.as_ref().unwrap();
    assert!((intervals.size - 2.0 * intervals.quantile).abs() < 1e-9);
    // A standard deviation of √(.16/181 + .16/180) is 4.2 points.
    assert!((intervals.coverage - 0.8).abs() < 0.17, "{}", intervals.sentence);
    assert!(heard.log().contains(&intervals.sentence));
    assert_eq!(stored(&result, &dir).decision.conformal.map(|c| c.rows), Some(180));
}

#[test]
fn too_few_rows_have_no_interval() {
    let mut settings = settings(Family::Linear);
    settings.decision.coverage = Some(0.99);
    let (result, heard, _) = trained(table(300, Task::Regression), &settings);
    assert!(decision(&result).intervals.is_none());
    assert!(heard.log().contains("they need 99 validation rows"), "{}", heard.log());
}

#[test]
fn classes_and_rows_are_weighed() {
    let plain = settings(Family::Linear);
    let mut weighted = plain.clone();
    weighted.class_weight = ClassWeight::Balanced;
    weighted.weight_column = Some("idle".into());
    let data = table(600, Task::Binary);
    let prepared = prepare::prepare(&data, None, None, &weighted).unwrap();
    assert!(prepared.train.frame.column("idle").is_none());
    let weights = prepared.weights.as_ref().unwrap();
    assert_eq!((weights.train.len(), weights.valid.len()), (prepared.train.frame.rows, prepared.valid.frame.rows));
    let mean = weights.train.iter().sum::<f64>() / weights.train.len() as f64;
    assert!((mean - 1.0).abs() < 1e-9, "{mean}");
    let (result, ..) = trained(data.clone(), &weighted);
    assert_eq!(result.parameters["row_weights"], "classes balanced, by the column idle");
    let (other, ..) = trained(data.clone(), &plain);
    assert_ne!(result.model_hash, other.model_hash);

    let mut wrong = data;
    let Values::Numbers(idle) = &mut wrong.columns[2].values else { panic!() };
    idle[7] = -1.0;
    let error = prepare::prepare(&wrong, None, None, &weighted).unwrap_err();
    assert!(error.message.contains("`idle` is -1 in row 8"), "{}", error.message);
}

#[test]
fn groups_are_judged_with_protected_ones_first() {
    let mut settings = settings(Family::Linear);
    settings.drop = vec!["city".into()];
    settings.protected = vec!["city".into()];
    let (result, ..) = trained(table(900, Task::Binary), &settings);
    let slices = result.slices.unwrap();
    assert_eq!(slices.rows, result.rows.test);
    let first = &slices.columns[0];
    assert!(first.column == "city" && first.protected && !first.feature, "{first:?}");
    assert!(first.groups.iter().any(|group| group.group == "Kiel"));
    assert!(slices.weak.looked_at > 5 && !slices.weak.sentence.is_empty());
}

#[test]
fn settings_from_before_decisions_are_read() {
    let old = r#"{"target": "y", "task": null, "drop": [], "family": "linear", "seed": 0, "epochs": null,
        "budget_seconds": null, "device": "cpu"}"#;
    let settings: TrainSettings = serde_json::from_str(old).unwrap();
    assert_eq!(settings.decision.calibration, CalibrationChoice::Auto);
    assert_eq!(settings.class_weight, ClassWeight::None);
    // What is as usual is not written.
    assert!(!serde_json::to_string(&settings).unwrap().contains("decision"));
}
