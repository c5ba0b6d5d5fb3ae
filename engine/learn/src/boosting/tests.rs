#![allow(clippy::unwrap_used)]
use super::*;
use crate::tests::{Recorder, data, numbers, options, spread, table};
use trainyard_infer::{Column, Frame, Predictions, Values};
use trainyard_types::{dataset::ColumnType, loss::Loss, monotone::Direction, run::Task};

fn set(values: &[(&str, f64)]) -> FitOptions {
    let parameters = values.iter().map(|(key, value)| (format!("boosting.{key}"), *value)).collect();
    FitOptions { parameters, ..options() }
}

fn values(predictions: Predictions) -> Vec<f64> {
    match predictions {
        Predictions::Values(values) => values,
        Predictions::Probabilities { values, .. } => values.into_iter().map(f64::from).collect(),
    }
}

/// Eight rows, one tree of two leaves, the whole way: by hand the split is between 4 and 5, where leaves have the means 2 and 9.
#[test]
fn one_tree_is_what_one_makes_by_hand() {
    let x = Frame { columns: vec![numbers("x", (1..=8).map(f64::from).collect())], rows: 8 };
    let y = Target::Values(vec![1.0, 3.0, 2.0, 2.0, 8.0, 10.0, 9.0, 9.0]);
    let options = set(&[
        ("learning_rate", 1.0),
        ("num_leaves", 2.0),
        ("min_child_samples", 1.0),
        ("n_estimators", 1.0),
        ("colsample_bytree", 1.0),
    ]);
    let all = data(&x, &y, &x, &y, Task::Regression, &[]);
    let fitted = fit(&all, &options, None, &mut Recorder::default()).unwrap();
    let rows = Frame { columns: vec![numbers("x", vec![1.0, 4.4, 4.6, 8.0, f64::NAN])], rows: 5 };
    let found = values(fitted.model.predict(&rows).unwrap());
    for (found, expected) in found.iter().zip([2.0, 2.0, 9.0, 9.0, 2.0]) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
}

/// scikit-learn's and LightGBM's leaf: −G / (H + λ) times the learning rate, from the log odds of the whole.
#[test]
fn a_leaf_of_classes_is_a_newton_step() {
    let x = Frame { columns: vec![numbers("x", (0..8).map(f64::from).collect())], rows: 8 };
    let y = Target::Classes(vec![0, 0, 0, 1, 1, 1, 1, 1]);
    let options = set(&[
        ("learning_rate", 0.5),
        ("num_leaves", 2.0),
        ("min_child_samples", 1.0),
        ("n_estimators", 1.0),
        ("reg_lambda", 1.0),
        ("colsample_bytree", 1.0),
    ]);
    let classes = ["a".to_owned(), "b".to_owned()];
    let fitted = fit(&data(&x, &y, &x, &y, Task::Binary, &classes), &options, None, &mut Recorder::default()).unwrap();
    let found = values(fitted.model.predict(&x).unwrap());
    let p: f64 = 5.0 / 8.0;
    let odds = (p / (1.0 - p)).ln();
    let step = |slope: f64, rows: f64| -slope / (rows * p * (1.0 - p) + 1.0) * 0.5;
    let sigmoid = |score: f64| 1.0 / (1.0 + (-score).exp());
    let (left, right) = (sigmoid(odds + step(3.0 * p, 3.0)), sigmoid(odds + step(5.0 * (p - 1.0), 5.0)));
    for row in 0..8 {
        let expected = if row < 3 { left } else { right };
        assert!((found[row * 2 + 1] - expected).abs() < 1e-6, "row {row}: {} is not {expected}", found[row * 2 + 1]);
    }
}

#[test]
fn tables_of_each_task_are_learned_and_the_same_each_time() {
    for task in [Task::Binary, Task::Multiclass, Task::Regression] {
        let ((train, train_target), (valid, valid_target)) = (table(task, 600, 1), table(task, 300, 2));
        let classes: Vec<String> = (0..3).map(|i| i.to_string()).collect();
        let classes = if task == Task::Binary { &classes[..2] } else { &classes };
        let all = data(&train, &train_target, &valid, &valid_target, task, classes);
        let options = set(&[("n_estimators", 60.0), ("learning_rate", 0.1), ("subsample", 0.9)]);
        let run = || fit(&all, &options, None, &mut Recorder::default()).unwrap();
        let fitted = run();
        assert_eq!(fitted.model.to_bytes().unwrap(), run().model.to_bytes().unwrap(), "{task:?}");
        let score = |model: &trainyard_infer::Model| {
            trainyard_assess::metrics::primary(task, &valid_target, &model.predict(&valid).unwrap())
        };
        let dummy = crate::dummy::fit(&all, &options, None, &mut Recorder::default()).unwrap();
        let (own, base) = (score(&fitted.model), score(&dummy.model));
        let better = if task == Task::Regression { own < 0.8 * base } else { own > base + 0.1 };
        assert!(better, "{task:?}: {own} against {base}");
    }
}

/// Categories 0 to 19, of which every third has a high outcome: a set takes them in one split, and what is missing goes its way.
#[test]
fn categories_are_divided_by_sets() {
    // More than a hundred rows each, at which sets grow.
    let rows = 4_000;
    let codes: Vec<u32> =
        (0..rows as u32).map(|row| if row % 11 == 0 { trainyard_infer::MISSING } else { row % 20 }).collect();
    let high = |code: u32| code == trainyard_infer::MISSING || code.is_multiple_of(3);
    let y = Target::Values(codes.iter().map(|&code| if high(code) { 5.0 } else { 1.0 }).collect());
    let levels: Vec<String> = (0..20).map(|level| format!("level {level}")).collect();
    let column = |codes: Vec<u32>| Column {
        name: "c".into(),
        kind: ColumnType::Text,
        values: Values::Categories { codes, levels: levels.clone() },
    };
    let frame = Frame { columns: vec![column(codes.clone())], rows };
    let options = set(&[("learning_rate", 1.0), ("num_leaves", 2.0), ("n_estimators", 1.0)]);
    let all = data(&frame, &y, &frame, &y, Task::Regression, &[]);
    let fitted = fit(&all, &options, None, &mut Recorder::default()).unwrap();
    let found = values(fitted.model.predict(&frame).unwrap());
    for (code, found) in codes.iter().zip(found) {
        // LightGBM's smoothing of categories leaves some of the way.
        assert_eq!(found > 3.0, high(*code), "{code}: {found}");
    }
}

#[test]
fn a_missing_value_has_a_side_of_its_own() {
    let x: Vec<f64> = (0..400).map(|row| if row % 4 == 0 { f64::NAN } else { f64::from(row) }).collect();
    let y = Target::Values((0..400).map(|row| if row % 4 == 0 { 10.0 } else { f64::from(row) / 400.0 }).collect());
    let frame = Frame { columns: vec![numbers("x", x)], rows: 400 };
    let options = set(&[("n_estimators", 80.0), ("learning_rate", 0.2)]);
    let fitted = fit(&data(&frame, &y, &frame, &y, Task::Regression, &[]), &options, None, &mut Recorder::default());
    let found = values(fitted.unwrap().model.predict(&frame).unwrap());
    assert!((found[0] - 10.0).abs() < 0.2 && found[1] < 0.5 && (found[399] - 0.99).abs() < 0.3, "{:?}", &found[..4]);
}

#[test]
fn directions_are_kept() {
    let (up, noise) = (spread(800, 3), spread(800, 9));
    let y: Vec<f64> = up.iter().zip(&noise).map(|(x, e)| x + (x * 25.0).sin() * 0.5 + e).collect();
    let frame = Frame { columns: vec![numbers("up", up), numbers("noise", noise)], rows: 800 };
    let target = Target::Values(y);
    let mut options = set(&[("n_estimators", 60.0), ("learning_rate", 0.1), ("colsample_bytree", 1.0)]);
    let grid = Frame {
        columns: vec![
            numbers("up", (0..=200).map(|at| f64::from(at) / 200.0).collect()),
            numbers("noise", vec![0.3; 201]),
        ],
        rows: 201,
    };
    let falls = |options: &FitOptions| {
        let all = data(&frame, &target, &frame, &target, Task::Regression, &[]);
        let fitted = fit(&all, options, None, &mut Recorder::default()).unwrap();
        values(fitted.model.predict(&grid).unwrap()).windows(2).any(|pair| pair[1] < pair[0] - 1e-9)
    };
    assert!(falls(&options), "without a direction it follows the waves");
    options.monotone = [("up".to_owned(), Direction::Increasing)].into();
    assert!(!falls(&options));
}

/// Of an exponential's sample the mean is 1, the median ln 2, the 0.9 quantile ln 10.
#[test]
fn losses_have_their_own_best_answers() {
    let rows = 3_000;
    let x = Frame { columns: vec![numbers("x", spread(rows, 5))], rows };
    let y = Target::Values(spread(rows, 77).into_iter().map(|u| -(1.0 - u).max(1e-9).ln()).collect());
    let options =
        set(&[("n_estimators", 30.0), ("learning_rate", 0.1), ("num_leaves", 4.0), ("min_child_samples", 200.0)]);
    for (loss, expected) in [
        (None, 1.0),
        (Some(Loss::Absolute), 2.0f64.ln()),
        (Some(Loss::Quantile(0.9)), 10.0f64.ln()),
        (Some(Loss::Poisson), 1.0),
    ] {
        let all = TrainData { loss, ..data(&x, &y, &x, &y, Task::Regression, &[]) };
        let fitted = fit(&all, &options, None, &mut Recorder::default()).unwrap();
        let found = values(fitted.model.predict(&x).unwrap());
        let mean = found.iter().sum::<f64>() / rows as f64;
        assert!((mean / expected - 1.0).abs() < 0.12, "{loss:?}: {mean} is not about {expected}");
    }
}

#[test]
fn weights_count_as_repeated_rows_do() {
    // Numbers only, and bins between all values: categories are smoothed by how many rows there are.
    let frame = Frame { columns: vec![numbers("a", spread(200, 4)), numbers("b", spread(200, 5))], rows: 200 };
    let target = Target::Values(spread(200, 6).into_iter().zip(spread(200, 4)).map(|(e, a)| e + 3.0 * a).collect());
    let twice: Vec<usize> =
        (0..200).flat_map(|row| std::iter::repeat_n(row, if row % 3 == 0 { 3 } else { 1 })).collect();
    let (many, many_target) = (frame.take(&twice), target.take(&twice));
    let weights: Vec<f64> = (0..200).map(|row| if row % 3 == 0 { 3.0 } else { 1.0 }).collect();
    // So few rows in a leaf that their number does not matter.
    let options =
        set(&[("n_estimators", 20.0), ("learning_rate", 0.2), ("min_child_samples", 1.0), ("num_leaves", 6.0)]);
    let weighed = TrainData {
        weights: Some(crate::Weights { train: &weights, valid: &weights }),
        ..data(&frame, &target, &frame, &target, Task::Regression, &[])
    };
    let repeated = data(&many, &many_target, &many, &many_target, Task::Regression, &[]);
    let [a, b] = [weighed, repeated].map(|all| {
        let fitted = fit(&all, &options, None, &mut Recorder::default()).unwrap();
        values(fitted.model.predict(&frame).unwrap())
    });
    let apart = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let size = a.iter().map(|value| value.abs()).fold(0.0, f64::max);
    assert!(apart < 1e-4 * size, "{apart} of {size}");
}

#[test]
fn without_a_column_that_varies_every_row_is_answered_alike() {
    let frame = Frame { columns: vec![numbers("x", vec![1.0; 50])], rows: 50 };
    let target = Target::Values((0..50).map(f64::from).collect());
    let all = data(&frame, &target, &frame, &target, Task::Regression, &[]);
    let fitted = fit(&all, &options(), None, &mut Recorder::default()).unwrap();
    assert!(values(fitted.model.predict(&frame).unwrap()).iter().all(|value| (value - 24.5).abs() < 1e-9));
}
