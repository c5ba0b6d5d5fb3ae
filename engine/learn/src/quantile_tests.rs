//! Numbers by their quantiles, in the families that may be told so.

#![allow(clippy::unwrap_used)]
use crate::{
    FitError, FitOptions, Fitted, Observer, TrainData, fttransformer, linear, realmlp,
    tests::{Recorder, data, numbers, options, spread, table},
};
use trainyard_infer::{Frame, Model, Predictions, Predictor, Target, math::normal_quantile, preprocess::Encoder};
use trainyard_types::run::Task;

type Fit = fn(&TrainData<'_>, &FitOptions, Option<&[u8]>, &mut dyn Observer) -> Result<Fitted, FitError>;

/// A family that takes the option under this key, and how it is fitted within a test's time.
struct Case {
    fit: Fit,
    key: &'static str,
    epochs: Option<u32>,
    set: &'static [(&'static str, f64)],
}

const CASES: [Case; 3] = [
    Case { fit: linear::fit, key: "linear.quantile", epochs: None, set: &[] },
    Case { fit: realmlp::fit, key: "realmlp.quantile", epochs: Some(12), set: &[] },
    Case {
        fit: fttransformer::fit,
        key: "fttransformer.quantile",
        epochs: Some(5),
        set: &[
            ("fttransformer.width", 16.0),
            ("fttransformer.batch_size", 64.0),
            ("fttransformer.learning_rate", 5e-3),
        ],
    },
];

fn with(epochs: Option<u32>, set: &[(&str, f64)]) -> FitOptions {
    let parameters = set.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
    FitOptions { epochs, parameters, ..options() }
}

/// A log-normal number, which stands a million too high in a few rows, and one beside it. The target is the first's logarithm
/// and a step of the second.
fn skewed(rows: usize, seed: u64) -> (Frame, Target) {
    let normal: Vec<f64> =
        spread(rows, seed).iter().map(|share| normal_quantile(share.clamp(1e-9, 1.0 - 1e-9))).collect();
    let second = spread(rows, seed + 100);
    let far = |row: usize| if row % 200 == 3 { 1e6 } else { 0.0 };
    let first = normal.iter().enumerate().map(|(row, z)| (3.0 * z).exp() + far(row)).collect();
    let target = normal.iter().zip(&second).map(|(z, b)| z + if *b > 0.5 { 0.5 } else { -0.5 }).collect();
    (Frame { columns: vec![numbers("first", first), numbers("second", second)], rows }, Target::Values(target))
}

fn rmse(model: &Model, frame: &Frame, target: &Target) -> f64 {
    let (Predictions::Values(values), Target::Values(truth)) = (model.predict(frame).unwrap(), target) else {
        panic!()
    };
    let squares: f64 = values.iter().zip(truth).map(|(a, b)| (a - b).powi(2)).sum();
    (squares / truth.len() as f64).sqrt()
}

fn encoder(model: &Model) -> &Encoder {
    match &model.predictor {
        Predictor::Linear(linear) => linear.encoder(),
        Predictor::RealMlp(net) => net.encoder(),
        Predictor::FtTransformer(net) => net.encoder(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn skew_and_values_far_out_do_less_harm() {
    let (train, train_target) = skewed(1_200, 1);
    let (valid, valid_target) = skewed(600, 2);
    let data = data(&train, &train_target, &valid, &valid_target, Task::Regression, &[]);
    for Case { fit, key, epochs, set } in CASES {
        let fitted = |set: &[(&str, f64)]| fit(&data, &with(epochs, set), None, &mut Recorder::default()).unwrap();
        let (scaled, scored) = (fitted(set), fitted(&[set, &[(key, 1.0)][..]].concat()));
        assert!(!encoder(&scaled.model).has_normal_scores() && encoder(&scored.model).has_normal_scores(), "{key}");
        let told = |fitted: &Fitted| fitted.parameters["preprocessing"].contains("normal scores");
        assert!(!told(&scaled) && told(&scored), "{key}: {:?}", scored.parameters);
        // The same formulas in NumPy and JAX have 0.47 and 0.96 standard deviations for the linear model, about 0.27 and 0.45 for
        // RealMLP, 0.25 and 0.36 for FT-Transformer.
        let [before, after] = [&scaled, &scored].map(|fitted| rmse(&fitted.model, &valid, &valid_target));
        assert!(after < 0.9 * before, "{key}: {after} by quantiles, {before} without");
        let again = Model::from_bytes(&scored.model.to_bytes().unwrap()).unwrap();
        assert_eq!(encoder(&again), encoder(&scored.model), "{key}");
        assert_eq!(again.predict(&valid).unwrap(), scored.model.predict(&valid).unwrap(), "{key}");
    }
}

#[test]
fn the_same_rows_give_the_same_bits() {
    let (train, train_target) = table(Task::Regression, 150, 1);
    let (valid, valid_target) = table(Task::Regression, 60, 2);
    let data = data(&train, &train_target, &valid, &valid_target, Task::Regression, &[]);
    for Case { fit, key, set, .. } in CASES {
        let bytes = |more: &[(&'static str, f64)]| {
            let options = with(Some(1), &[set, more].concat());
            fit(&data, &options, None, &mut Recorder::default()).unwrap().model.to_bytes().unwrap()
        };
        assert!(bytes(&[(key, 1.0)]) == bytes(&[(key, 1.0)]), "{key}");
        assert!(bytes(&[(key, 0.0)]) == bytes(&[]) && bytes(&[]) != bytes(&[(key, 1.0)]), "{key}");
    }
}
