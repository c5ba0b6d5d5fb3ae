#![allow(clippy::unwrap_used)]
use super::*;
use crate::{Model, Predictor, dummy::DummyModel};
use trainyard_types::run::Task;

fn steps() -> Steps {
    Steps { x: vec![0.1, 0.4, 0.8], y: vec![0.0, 0.5, 0.9] }
}

fn signature(classes: usize) -> Signature {
    Signature {
        inputs: Vec::new(),
        target: "y".into(),
        task: [Task::Regression, Task::Regression, Task::Binary, Task::Multiclass][classes],
        classes: (0..classes).map(|class| class.to_string()).collect(),
        loss: None,
    }
}

fn model(classes: usize, decision: Decision) -> Model {
    let predictor = match classes {
        0 => DummyModel::Mean(4.0),
        2 => DummyModel::Shares(vec![0.6, 0.4]),
        _ => DummyModel::Shares(vec![0.5, 0.3, 0.2]),
    };
    Model { decision, ..Model::new(signature(classes), Predictor::Dummy(predictor)) }
}

#[test]
fn curves_are_straight_between_points_and_level_beyond() {
    for (p, expected) in [(0.0, 0.0), (0.1, 0.0), (0.25, 0.25), (0.4, 0.5), (0.6, 0.7), (0.8, 0.9), (1.0, 0.9)] {
        assert!((steps().at(p) - expected).abs() < 1e-12, "{p}");
    }
    let same = SigmoidCurve { slope: -1.0, offset: 0.0 };
    assert!((same.at(0.3) - 0.3).abs() < 1e-12 && same.at(0.0) < 1e-6 && same.at(1.0) > 1.0 - 1e-6);
}

#[test]
fn rows_stay_probabilities() {
    // By hand: softmax(ln(.7, .2, .1) / 2) is the square roots over their sum.
    let mut row = [0.7f32, 0.2, 0.1];
    Calibration::Temperature(2.0).apply(3, &mut row);
    let roots = [0.7f64.sqrt(), 0.2f64.sqrt(), 0.1f64.sqrt()];
    for (found, root) in row.iter().zip(roots) {
        assert!((f64::from(*found) - root / roots.iter().sum::<f64>()).abs() < 1e-6);
    }
    // One curve of two classes; three curves of three, over their sum.
    let mut pair = [0.6f32, 0.4];
    Calibration::Isotonic(vec![steps()]).apply(2, &mut pair);
    assert_eq!(pair, [0.5, 0.5]);
    let mut three = [0.4f32, 0.4, 0.2];
    Calibration::Isotonic(vec![steps(), steps(), steps()]).apply(3, &mut three);
    let y = [0.5, 0.5, 0.5 / 3.0];
    for (found, y) in three.iter().zip(y) {
        assert!((f64::from(*found) - y / y_sum(&[0.5, 0.5, 0.5 / 3.0])).abs() < 1e-6);
    }
    // Where every curve says 0, the classes are equally probable.
    let mut none = [0.05f32, 0.05, 0.05];
    Calibration::Isotonic(vec![steps(), steps(), steps()]).apply(3, &mut none);
    assert!(none.iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-6));
}

fn y_sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

#[test]
fn the_class_is_called_at_the_threshold() {
    assert_eq!(called(&[0.75, 0.25], Some(0.25)), 1);
    assert_eq!((called(&[0.75, 0.25], Some(0.26)), called(&[0.75, 0.25], None)), (0, 0));
    // A tie without a threshold goes to the first, as everywhere.
    assert_eq!(called(&[0.5, 0.5], None), 0);
    assert_eq!(called(&[0.2, 0.5, 0.3], Some(0.1)), 1, "three classes have no threshold");
}

#[test]
fn sets_hold_what_is_within_the_quantile() {
    let with = |score, quantile| Conformal { level: 0.9, score, quantile, rows: 100 };
    let row = [0.2f32, 0.5, 0.3];
    assert_eq!(with(Score::Lac, 0.71).set(&row), [1, 2]);
    assert_eq!(with(Score::Lac, 0.1).set(&row), [1], "never empty");
    assert_eq!(with(Score::Aps, 0.81).set(&row), [1, 2]);
    assert_eq!(with(Score::Aps, 1.0 + 1e-6).set(&row), [1, 2, 0]);
    assert!((lac(&row, 2) - 0.7).abs() < 1e-6 && (aps(&row, 2) - 0.8).abs() < 1e-6);
    assert_eq!(with(Score::Absolute, 1.5).interval(4.0), (2.5, 5.5));
}

#[test]
fn comes_back_bit_for_bit() {
    let odd = 0.1 + 0.2;
    for (classes, calibration) in [
        (2, Calibration::Temperature(odd * 5.0)),
        (2, Calibration::Sigmoid(vec![SigmoidCurve { slope: -odd, offset: 1.0 / 3.0 }])),
        (3, Calibration::Isotonic(vec![steps(), Steps { x: vec![odd], y: vec![1.0 / 3.0] }, steps()])),
    ] {
        let conformal = Conformal { level: 0.9, score: Score::Aps, quantile: odd, rows: 77 };
        let threshold = (classes == 2).then_some(1.0 / 3.0);
        let model = model(classes, Decision { calibration: Some(calibration), threshold, conformal: Some(conformal) });
        let bytes = model.to_bytes().unwrap();
        assert_eq!(Model::from_bytes(&bytes).unwrap(), model);
        assert_eq!(bytes, model.to_bytes().unwrap());
    }
}

#[test]
fn files_without_it_are_of_the_first_format() {
    let bytes = model(2, Decision::default()).to_bytes().unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("\\\"format\\\":1") && !text.contains("decision"), "older programs read it");
    let bytes = model(2, Decision { threshold: Some(0.3), ..Decision::default() }).to_bytes().unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("\\\"format\\\":2"));
}

#[test]
fn what_does_not_fit_is_refused() {
    let conformal = |score, quantile| Some(Conformal { level: 0.9, score, quantile, rows: 9 });
    let falling = Steps { x: vec![0.1, 0.2], y: vec![0.5, 0.4] };
    for (classes, decision) in [
        (0, Decision { calibration: Some(Calibration::Temperature(1.0)), ..Decision::default() }),
        (2, Decision { calibration: Some(Calibration::Temperature(0.0)), ..Decision::default() }),
        (3, Decision { calibration: Some(Calibration::Isotonic(vec![steps()])), ..Decision::default() }),
        (2, Decision { calibration: Some(Calibration::Isotonic(vec![falling])), ..Decision::default() }),
        (2, Decision { calibration: Some(Calibration::Isotonic(vec![Steps::default()])), ..Decision::default() }),
        (3, Decision { threshold: Some(0.5), ..Decision::default() }),
        (2, Decision { threshold: Some(f64::NAN), ..Decision::default() }),
        (2, Decision { conformal: conformal(Score::Absolute, 1.0), ..Decision::default() }),
        (0, Decision { conformal: conformal(Score::Lac, 1.0), ..Decision::default() }),
        (0, Decision { conformal: conformal(Score::Absolute, f64::INFINITY), ..Decision::default() }),
    ] {
        let bytes = model(classes, decision.clone()).to_bytes().unwrap();
        assert!(matches!(Model::from_bytes(&bytes), Err(LoadError::Damaged(_))), "{decision:?}");
    }
}
