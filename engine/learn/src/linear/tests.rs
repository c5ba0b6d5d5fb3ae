#![allow(clippy::unwrap_used)]
use super::*;
use crate::Weights;
use crate::tests::{Recorder, data, numbers, options, table};
use trainyard_infer::{Frame, Predictions};
use trainyard_types::{loss::Loss, run::Task};

fn fitted(task: Task, classes: usize) -> (Fitted, Predictions, Recorder) {
    weighted(task, classes, &|_| None)
}

/// Fitted with the weights that are made of the outcomes.
fn weighted(
    task: Task,
    classes: usize,
    weights: &dyn Fn(&Target) -> Option<Vec<f64>>,
) -> (Fitted, Predictions, Recorder) {
    let (train, target) = table(task, 400, 1);
    let weights = weights(&target);
    let weights = weights.as_deref().map(|all| Weights { train: all, valid: all });
    let classes: Vec<String> = (0..classes).map(|i| i.to_string()).collect();
    let mut recorder = Recorder::default();
    let data = TrainData { weights, ..data(&train, &target, &train, &target, task, &classes) };
    let fitted = fit(&data, &FitOptions { epochs: None, ..options() }, None, &mut recorder).unwrap();
    let predictions = fitted.model.predict(&train).unwrap();
    (fitted, predictions, recorder)
}

/// The reference: scikit-learn 1.9.1 on the same table, numbers imputed with the median and standardised, each category
/// level and each column's gaps a 0/1 column (28 columns).
#[test]
fn two_classes_as_scikit_learn() {
    // LogisticRegression(C=1, tol=1e-10, max_iter=100000).fit(X, y).predict_proba(X)[:4, 1]
    let (_, predictions, recorder) = fitted(Task::Binary, 2);
    let Predictions::Probabilities { classes: 2, values } = predictions else { panic!() };
    for (found, expected) in values.chunks(2).zip([0.883_591_53, 0.702_151_86, 0.206_656_74, 0.625_019_26]) {
        assert!((found[1] - expected).abs() < 2e-3, "{found:?} is not {expected}");
    }
    assert!(recorder.points.iter().any(|p| p.key == "accuracy" && p.part == "valid"));
}

#[test]
fn three_classes_as_scikit_learn() {
    // LogisticRegression(C=1, tol=1e-10, max_iter=100000).fit(X, y).predict_proba(X)[:3]
    let (_, predictions, _) = fitted(Task::Multiclass, 3);
    let Predictions::Probabilities { classes: 3, values } = predictions else { panic!() };
    let expected = [
        0.035_791_2,
        0.161_034_43,
        0.803_174_4,
        0.177_259_32,
        0.280_057_46,
        0.542_683_22,
        0.635_690_56,
        0.242_702_85,
        0.121_606_59,
    ];
    for (found, expected) in values.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-3, "{found} is not {expected}");
    }
}

#[test]
fn a_number_as_scikit_learn() {
    // y standardised; Ridge(alpha=1).fit(X, y).predict(X)[:4], in the target's unit
    let (_, predictions, _) = fitted(Task::Regression, 0);
    let Predictions::Values(values) = predictions else { panic!() };
    for (found, expected) in values.iter().zip([1_141.985, 1_068.182, 998.842, 1_056.050]) {
        assert!((found - expected).abs() < 0.3, "{found} is not {expected}");
    }
}

/// The reference with QuantileTransformer(output_distribution="normal", n_quantiles=13, subsample=10**9) in place of
/// standardising: a quantile for each 30 rows. Between two of them scikit-learn's score is no line.
#[test]
fn numbers_by_quantiles_as_scikit_learn() {
    let (train, target) = table(Task::Regression, 400, 1);
    let parameters = [("linear.quantile".to_owned(), 1.0)].into();
    let options = FitOptions { epochs: None, parameters, ..options() };
    let data = data(&train, &target, &train, &target, Task::Regression, &[]);
    let fitted = fit(&data, &options, None, &mut Recorder::default()).unwrap();
    let Predictions::Values(values) = fitted.model.predict(&train).unwrap() else { panic!() };
    for (found, expected) in values.iter().zip([1_144.950, 1_069.211, 995.030, 1_050.399]) {
        assert!((found - expected).abs() < 1.0, "{found} is not {expected}");
    }
}

fn learned(task: Task, loss: Loss, classes: &[String]) -> (Fitted, Vec<f64>, Target) {
    let (train, target) = table(task, 400, 1);
    let data = TrainData { loss: Some(loss), ..data(&train, &target, &train, &target, task, classes) };
    let fitted = fit(&data, &FitOptions { epochs: None, ..options() }, None, &mut Recorder::default()).unwrap();
    let values = match fitted.model.predict(&train).unwrap() {
        Predictions::Values(values) => values,
        Predictions::Probabilities { values, .. } => values.into_iter().map(f64::from).collect(),
    };
    assert_eq!(fitted.model.signature.loss, Some(loss));
    (fitted, values, target)
}

/// scikit-learn 1.9.1, PoissonRegressor(alpha=y.mean()/400, tol=1e-12).fit(X, y).predict(X)[:4]. For the others SciPy 1.17.1,
/// `minimize` by BFGS in doubles, of the mean loss of the standardised target as [`crate::goal`] has it plus |w|²/800.
#[test]
fn other_losses_as_scikit_learn_and_scipy() {
    for (loss, expected, bound) in [
        (Loss::Poisson, [1_143.979, 1_067.604, 998.411, 1_053.915], 0.3),
        (Loss::Huber, [1_143.058, 1_068.773, 997.955, 1_056.579], 0.3),
        // Near the least of a loss of straight lines, several answers are nearly as good; the deviation is 96.
        (Loss::Absolute, [1_148.254, 1_049.354, 971.913, 1_072.240], 1.0),
        (Loss::Quantile(0.9), [1_240.792, 1_171.244, 1_107.213, 1_150.374], 1.0),
    ] {
        let (fitted, values, target) = learned(Task::Regression, loss, &[]);
        for (found, expected) in values.iter().zip(expected) {
            assert!((found - expected).abs() < bound, "{loss}: {found} is not {expected}");
        }
        assert!(fitted.parameters["model"].contains("regression") && values.iter().all(|value| *value > 0.0));
        let Target::Values(truth) = target else { panic!() };
        let below = truth.iter().zip(&values).filter(|(truth, value)| truth < value).count() as f64 / 400.0;
        // 0.87 with the penalty, which pulls towards the mean.
        assert!(loss != Loss::Quantile(0.9) || (0.84..0.92).contains(&below), "{below}");
    }
}

/// With γ near 0 the focal loss is the log loss; with γ 2 it is less sure.
#[test]
fn the_focal_loss_is_less_sure() {
    let classes = ["no".to_owned(), "yes".to_owned()];
    let of = |loss| learned(Task::Binary, loss, &classes).1;
    let (plain, near, far) = (of(Loss::LogLoss), of(Loss::Focal(1e-4)), of(Loss::Focal(2.0)));
    let sure = |values: &[f64]| values.iter().map(|p| (p - 0.5).abs()).sum::<f64>();
    assert!(plain.iter().zip(&near).all(|(a, b)| (a - b).abs() < 5e-3));
    assert!(sure(&far) < 0.9 * sure(&plain), "{} of {}", sure(&far), sure(&plain));
}

#[test]
fn targets_that_a_loss_can_not_have_are_refused() {
    let (train, _) = table(Task::Regression, 50, 1);
    let target = Target::Values((0..50).map(|i| f64::from(i) - 3.0).collect());
    let data = TrainData { loss: Some(Loss::Poisson), ..data(&train, &target, &train, &target, Task::Regression, &[]) };
    let Err(FitError::Problem(problem)) = fit(&data, &options(), None, &mut Recorder::default()) else { panic!() };
    assert!(problem.message.contains("-3") && problem.fields[0].field == "loss", "{}", problem.message);
}

fn balanced(target: &Target) -> Option<Vec<f64>> {
    let Target::Classes(outcomes) = target else { return None };
    let classes = outcomes.iter().max().map_or(0, |most| *most as usize + 1);
    let each = crate::weights::balanced(target, classes);
    Some(outcomes.iter().map(|&class| each[class as usize]).collect())
}

/// Every third row counts four times as much as the others, with a mean of 1.
fn thirds(_: &Target) -> Option<Vec<f64>> {
    let raw = |row: usize| if row.is_multiple_of(3) { 2.0 } else { 0.5 };
    let total: f64 = (0..400).map(raw).sum();
    Some((0..400).map(|row| raw(row) * 400.0 / total).collect())
}

#[test]
fn balanced_classes_as_scikit_learn() {
    // LogisticRegression(C=1, tol=1e-10, max_iter=100000, class_weight="balanced").fit(X, y).predict_proba(X)
    let (_, predictions, _) = weighted(Task::Binary, 2, &balanced);
    let Predictions::Probabilities { classes: 2, values } = predictions else { panic!() };
    for (found, expected) in values.chunks(2).zip([0.880_023, 0.695_706, 0.203_426, 0.617_871]) {
        assert!((found[1] - expected).abs() < 2e-3, "{found:?} is not {expected}");
    }
    let (_, predictions, _) = weighted(Task::Multiclass, 3, &balanced);
    let Predictions::Probabilities { classes: 3, values } = predictions else { panic!() };
    let expected = [0.038_438_78, 0.173_895_86, 0.787_665_36, 0.185_292_88, 0.293_832_37, 0.520_874_75];
    for (found, expected) in values.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-3, "{found} is not {expected}");
    }
}

#[test]
fn weighted_rows_as_scikit_learn() {
    // The same with sample_weight 2 for every third row and 0.5 for the others, times 400 over their sum.
    let (_, predictions, _) = weighted(Task::Binary, 2, &thirds);
    let Predictions::Probabilities { classes: 2, values } = predictions else { panic!() };
    for (found, expected) in values.chunks(2).zip([0.826_774, 0.595_209, 0.231_361, 0.677_344]) {
        assert!((found[1] - expected).abs() < 2e-3, "{found:?} is not {expected}");
    }
    // Ridge(alpha=1).fit(X, y, sample_weight)
    let (_, predictions, _) = weighted(Task::Regression, 0, &thirds);
    let Predictions::Values(values) = predictions else { panic!() };
    for (found, expected) in values.iter().zip([1_132.368, 1_059.805, 1_006.931, 1_063.996]) {
        assert!((found - expected).abs() < 0.3, "{found} is not {expected}");
    }
}

/// Ridge on one standardised column that is the target itself has the weight n / (n + alpha).
#[test]
fn the_penalty_shrinks_as_the_formula_says() {
    let values: Vec<f64> = (0..400).map(f64::from).collect();
    let frame = Frame { columns: vec![numbers("x", values.clone())], rows: 400 };
    let target = Target::Values(values);
    let data = data(&frame, &target, &frame, &target, Task::Regression, &[]);
    for alpha in [1.0, 400.0, 1200.0] {
        let parameters = [("linear.l2".to_owned(), alpha)].into();
        let options = FitOptions { epochs: None, parameters, ..options() };
        let fitted = fit(&data, &options, None, &mut Recorder::default()).unwrap();
        let Predictions::Values(found) = fitted.model.predict(&frame).unwrap() else { panic!() };
        let weight = 400.0 / (400.0 + alpha);
        for (row, found) in found.iter().enumerate().step_by(57) {
            let expected = 199.5 + weight * (row as f64 - 199.5);
            assert!((found - expected).abs() < 0.2, "alpha {alpha}: {found} is not {expected}");
        }
    }
}

#[test]
fn the_same_rows_give_the_same_bits() {
    let (a, _, _) = fitted(Task::Multiclass, 3);
    let (b, _, _) = fitted(Task::Multiclass, 3);
    assert_eq!(a.model.to_bytes().unwrap(), b.model.to_bytes().unwrap());
}

#[test]
fn stops_when_cancelled_and_refuses_what_has_no_information() {
    let (train, target) = table(Task::Binary, 400, 1);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let mut recorder = Recorder { cancel_after: Some(2), ..Recorder::default() };
    let ended = fit(
        &data(&train, &target, &train, &target, Task::Binary, &classes),
        &FitOptions { epochs: None, ..options() },
        None,
        &mut recorder,
    );
    assert!(matches!(ended, Err(FitError::Cancelled)));
    let constant = Frame { columns: vec![numbers("x", vec![3.0; 400])], rows: 400 };
    let ended = fit(
        &data(&constant, &target, &constant, &target, Task::Binary, &classes),
        &options(),
        None,
        &mut Recorder::default(),
    );
    assert!(matches!(ended, Err(FitError::Problem(_))));
}
