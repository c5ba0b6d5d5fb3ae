#![allow(clippy::unwrap_used)]
use super::*;
use rand::{RngExt, SeedableRng};

/// 50 scores of two digits, several of them equal, and outcomes that rise with them.
fn two() -> (Vec<f64>, Vec<bool>) {
    let scores: Vec<f64> = (0..50u32)
        .map(|i| if i % 7 == 0 { 0.31f32 } else { ((i * 37 % 50 * 2 + 1) as f32) / 100.0 })
        .map(f64::from)
        .collect();
    let truth = scores.iter().enumerate().map(|(i, s)| ((i * 53 % 97) as f64) / 97.0 < s * s).collect();
    (scores, truth)
}

/// 60 rows of three classes, far too sure.
fn three() -> (Vec<u32>, Vec<f32>) {
    let mut values = Vec::new();
    let mut truth = Vec::new();
    for j in 0..60usize {
        let raw = [(j * 37 % 61 + 1) as f64 / 61.0, (j * 17 % 59 + 1) as f64 / 59.0, (j * 29 % 53 + 1) as f64 / 53.0];
        let raw = raw.map(|v| v.powi(3));
        let row = raw.map(|v| (v / raw.iter().sum::<f64>()) as f32);
        truth.push(if j * 11 % 5 < 3 { top(&row) as u32 } else { (j * 7 % 3) as u32 });
        values.extend(row);
    }
    (truth, values)
}

fn pairs(scores: &[f64]) -> Vec<f32> {
    scores.iter().flat_map(|&p| [1.0 - p as f32, p as f32]).collect()
}

#[test]
fn isotonic_as_scikit_learn() {
    // scikit-learn 1.9.1: IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(s, y).predict([...])
    let (scores, truth) = two();
    assert_eq!(truth.iter().filter(|hit| **hit).count(), 17);
    let curve = isotonic(&scores, &truth);
    for (p, expected) in [
        (0.05, 0.0),
        (0.31, 0.157_894_736_8),
        (0.4, 0.157_894_736_8),
        (0.555, 0.454_545_454_5),
        (0.62, 0.454_545_454_5),
        (0.75, 0.5),
        (0.9, 0.75),
        (0.99, 1.0),
    ] {
        assert!((curve.at(p) - expected).abs() < 1e-9, "{p}: {} is not {expected}", curve.at(p));
    }
}

#[test]
fn isotonic_by_hand() {
    // 0, 1, 0, 1: the two in the middle pool to one half.
    let curve = isotonic(&[0.1, 0.2, 0.3, 0.4], &[false, true, false, true]);
    assert_eq!((curve.x, curve.y), (vec![0.1, 0.2, 0.3, 0.4], vec![0.0, 0.5, 0.5, 1.0]));
    // All of one kind is one level.
    let curve = isotonic(&[0.1, 0.9], &[true, true]);
    assert_eq!((curve.at(0.0), curve.at(1.0)), (1.0, 1.0));
}

#[test]
fn sigmoid_as_scikit_learn() {
    // scikit-learn 1.9.1: _SigmoidCalibration().fit(log(s / (1 - s)), y) has a_ -0.6043981650662448, b_ 0.7595693727767285.
    let (scores, truth) = two();
    let curve = sigmoid(&scores.iter().map(|&s| logit(s)).collect::<Vec<f64>>(), &truth);
    assert!((curve.slope + 0.604_398_165).abs() < 1e-6, "{curve:?}");
    assert!((curve.offset - 0.759_569_373).abs() < 1e-6, "{curve:?}");
}

#[test]
fn sigmoid_holds_where_classes_are_apart() {
    // Without Platt's targets the slope would be infinite.
    let curve = sigmoid(&[-3.0, -2.0, 2.0, 3.0], &[false, false, true, true]);
    assert!(curve.slope.is_finite() && curve.slope < 0.0 && curve.slope > -5.0, "{curve:?}");
}

#[test]
fn temperature_as_scikit_learn() {
    // scikit-learn 1.9.1: _TemperatureScaling().fit(log(P), Y).beta_ 0.262928654; scipy's bounded minimum is at 3.8033132.
    let (truth, values) = three();
    let found = temperature(&truth, 3, &values);
    assert!((found - 3.803_313).abs() < 1e-3, "{found}");
}

#[test]
fn scores_as_scikit_learn() {
    // scikit-learn 1.9.1: log_loss and brier_score_loss (scale_by_half=False for three classes); the calibration error with
    // numpy over 15 bins (lo, hi].
    let (scores_, truth) = two();
    let found = scores(
        &Target::Classes(truth.into_iter().map(u32::from).collect()),
        &Predictions::Probabilities { classes: 2, values: pairs(&scores_) },
    );
    assert!((found.log_loss - 0.618_535_6).abs() < 1e-6, "{found:?}");
    assert!((found.brier - 0.210_724_0).abs() < 1e-6, "{found:?}");
    assert!((found.ece - 0.220_400_0).abs() < 1e-6, "{found:?}");
    let (truth, values) = three();
    let found = scores(&Target::Classes(truth), &Predictions::Probabilities { classes: 3, values });
    assert!((found.log_loss - 1.327_111_5).abs() < 1e-6, "{found:?}");
    assert!((found.brier - 0.545_208_0).abs() < 1e-6, "{found:?}");
    assert!((found.ece - 0.225_901_1).abs() < 1e-6, "{found:?}");
}

/// Rows whose true log-odds the model multiplies.
fn overdone(rows: usize, times: f64, seed: u64) -> (Target, Predictions) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut truth, mut values) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let z = (random.random::<f64>() - 0.5) * 6.0;
        let p = |z: f64| 1.0 / (1.0 + (-z).exp());
        truth.push(u32::from(random.random::<f64>() < p(z)));
        let said = p(z * times) as f32;
        values.extend([1.0 - said, said]);
    }
    (Target::Classes(truth), Predictions::Probabilities { classes: 2, values })
}

#[test]
fn an_overconfident_model_becomes_honest() {
    let (target, predictions) = overdone(1_000, 3.0, 1);
    let (new_target, new) = overdone(4_000, 3.0, 2);
    let before = scores(&new_target, &new);
    for choice in CalibrationChoice::ALL {
        let chosen = choose(choice, &target, &predictions, 7);
        let Predictions::Probabilities { classes, mut values } = new.clone() else { panic!() };
        if let Some(calibration) = &chosen.calibration {
            calibration.apply(classes, &mut values);
        }
        let after = scores(&new_target, &Predictions::Probabilities { classes, values });
        if choice == CalibrationChoice::None {
            assert_eq!(after, before);
            continue;
        }
        assert_ne!(chosen.used, CalibrationChoice::None);
        assert!(after.ece < 0.5 * before.ece && after.log_loss < before.log_loss, "{choice:?}: {before:?}, {after:?}");
        assert_eq!(chosen.tried.len(), if choice == CalibrationChoice::Auto { 4 } else { 0 });
    }
}

#[test]
fn an_honest_model_is_left_alone() {
    let left = (0..10).filter(|&seed| {
        let (target, predictions) = overdone(600, 1.0, 100 + seed);
        choose(CalibrationChoice::Auto, &target, &predictions, seed).used == CalibrationChoice::None
    });
    assert!(left.count() >= 7);
    // Too few rows of a class say nothing.
    let few = Target::Classes((0..100).map(|row| u32::from(row < 9)).collect());
    let predictions = Predictions::Probabilities { classes: 2, values: [0.2, 0.8].repeat(100) };
    let chosen = choose(CalibrationChoice::Auto, &few, &predictions, 1);
    assert!(chosen.calibration.is_none() && chosen.tried.is_empty());
    // With three classes the temperature is fitted all the same, and nothing else.
    let target = Target::Classes((0..100).map(|row| if row < 9 { 2 } else { row % 2 }).collect());
    let predictions = Predictions::Probabilities { classes: 3, values: [0.98, 0.01, 0.01].repeat(100) };
    let chosen = choose(CalibrationChoice::Auto, &target, &predictions, 1);
    assert_eq!((chosen.used, chosen.tried.len()), (CalibrationChoice::Temperature, 2));
    assert!(choose(CalibrationChoice::Sigmoid, &target, &predictions, 1).calibration.is_none());
}
