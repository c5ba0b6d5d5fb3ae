//! What tract makes of an exported graph is what `infer` says.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use tract_onnx::prelude::*;
use trainyard_export::{Categories, Options, describe, onnx, quantised};
use trainyard_infer::{Frame, Model, Predictions, Predictor, Values, signature::is_categorical};
use trainyard_types::export::onnx_inputs;

/// Probabilities by their difference, values by their standard deviations.
const TOLERANCE: f64 = 1e-5;

/// The levels of each category input, as the file's metadata lists them.
fn levels(bytes: &[u8]) -> BTreeMap<String, Vec<String>> {
    let proto = tract_onnx::onnx().proto_model_for_read(&mut &bytes[..]).unwrap();
    let inputs = proto.metadata_props.iter().find(|entry| entry.key == "trainyard.inputs").unwrap();
    let inputs: serde_json::Value = serde_json::from_str(&inputs.value).unwrap();
    let list = |input: &serde_json::Value| {
        let levels = input["levels"].as_array().map(|levels| {
            levels.iter().map(|level| level.as_str().unwrap_or_default().to_owned()).collect::<Vec<String>>()
        });
        (input["column"].as_str().unwrap().to_owned(), levels.unwrap_or_default())
    };
    inputs.as_array().unwrap().iter().map(list).collect()
}

/// The text that stands for missing where the empty text is a category.
fn missing_word(levels: &[String]) -> String {
    if levels.iter().any(String::is_empty) { "<missing>".to_owned() } else { String::new() }
}

fn inputs(model: &Model, frame: &Frame, bytes: &[u8], categories: Categories) -> TVec<TValue> {
    let known = levels(bytes);
    let shape = [frame.rows, 1];
    model
        .signature
        .inputs
        .iter()
        .map(|input| {
            let column = frame.column(&input.name).unwrap();
            let tensor: Tensor = match &column.values {
                Values::Numbers(numbers) => tensor1(numbers),
                Values::Categories { codes, levels } => {
                    let known = &known[&input.name];
                    let text = |&code: &u32| levels.get(code as usize).cloned().unwrap_or_else(|| missing_word(known));
                    if categories == Categories::Texts {
                        tensor1(&codes.iter().map(text).collect::<Vec<String>>())
                    } else {
                        let code = |&code: &u32| match levels.get(code as usize) {
                            None => 0,
                            Some(level) => known.iter().position(|k| k == level).map_or(-7, |at| at as i64 + 1),
                        };
                        tensor1(&codes.iter().map(code).collect::<Vec<i64>>())
                    }
                }
            };
            tensor.into_shape(&shape).unwrap().into_tvalue()
        })
        .collect()
}

/// The standard deviation of a model's values on these rows; 1 for probabilities.
fn deviation(model: &Model, frame: &Frame) -> f64 {
    let Predictions::Values(values) = model.predict(frame).unwrap() else { return 1.0 };
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    if variance > 0.0 { variance.sqrt() } else { 1.0 }
}

/// The greatest difference between the graph's answers and those of `expected`, which is the model but for rounding.
fn difference(expected: &Model, model: &Model, frame: &Frame, options: Options) -> f64 {
    let bytes = onnx(model, "0", options).unwrap();
    let plan = tract_onnx::onnx().model_for_read(&mut &bytes[..]).unwrap();
    // Optimised, tract multiplies by reciprocals instead of dividing: a tie of a part of an instant with a threshold may break.
    let exact = matches!(
        model.predictor,
        Predictor::Trees(_) | Predictor::Boosting(_) | Predictor::Forest(_) | Predictor::Blend(_)
    );
    let plan = if exact { plan.into_typed() } else { plan.into_optimized() }.unwrap().into_runnable().unwrap();
    let outputs = plan.run(inputs(model, frame, &bytes, options.categories)).unwrap();
    match expected.predict(frame).unwrap() {
        Predictions::Probabilities { classes, values } => {
            assert_eq!(outputs[0].shape(), [frame.rows, classes]);
            let found = outputs[0].to_plain_array_view::<f32>().unwrap();
            let found: Vec<f32> = found.iter().copied().collect();
            let labels = outputs[1].to_plain_array_view::<String>().unwrap();
            for (label, row) in labels.iter().zip(found.chunks(classes)) {
                assert_eq!(*label, model.signature.classes[model.decision.class(row)]);
            }
            let apart = |(a, b): (&f32, &f32)| f64::from((a - b).abs());
            found.iter().zip(&values).map(apart).fold(0.0, f64::max)
        }
        Predictions::Values(values) => {
            assert_eq!(outputs[0].shape(), [frame.rows, 1]);
            let found = outputs[0].to_plain_array_view::<f64>().unwrap();
            found.iter().zip(&values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        }
    }
}

#[test]
fn the_graph_answers_as_the_model_does() {
    let mut worst = 0.0f64;
    for seed in 1..4 {
        for (name, model, frame) in support::all(seed, 400) {
            for categories in [Categories::Texts, Categories::Codes] {
                let apart =
                    difference(&model, &model, &frame, Options { categories, int8: false }) / deviation(&model, &frame);
                assert!(apart <= TOLERANCE, "{name}, seed {seed}, {categories:?}: {apart:e} apart");
                worst = worst.max(apart);
            }
        }
    }
    eprintln!("the greatest difference is {worst:e}");
}

/// Powers make the last digits of their exponents larger.
#[test]
fn rates_are_the_model_s() {
    for seed in 1..3 {
        for (name, model, frame) in support::rates(seed, 200) {
            let apart = difference(&model, &model, &frame, Options::default()) / deviation(&model, &frame);
            assert!(apart <= 10.0 * TOLERANCE, "{name}, seed {seed}: {apart:e} apart");
            let again = Model::from_bytes(&model.to_bytes().unwrap()).unwrap();
            assert_eq!(again.predict(&frame).unwrap(), model.predict(&frame).unwrap(), "{name}");
            let told = describe(&model, "0").unwrap().to_string();
            assert!(told.contains("low") && told.contains("e^"), "{name}: {told}");
        }
    }
}

/// Every way to calibrate with every family, and a threshold for two classes. Isotonic curves are of moderate steepness: the
/// graph's last digits are not the model's.
#[test]
fn calibrated_answers_are_the_model_s() {
    use trainyard_infer::decision::{Calibration, SigmoidCurve, Steps};
    let mut decided = 0;
    for (name, model, frame) in support::all(11, 120) {
        let classes = model.signature.classes.len();
        if classes < 2 {
            continue;
        }
        let curves = Calibration::curves(classes);
        let slope = |curve: usize| -0.5 - curve as f64 * 0.2;
        let sigmoid = |curve| SigmoidCurve { slope: slope(curve), offset: 0.3 };
        let steps = |curve| match curve {
            1 => Steps { x: vec![0.2], y: vec![0.4] },
            _ => Steps { x: vec![0.05, 0.3, 0.31, 0.9], y: vec![0.0, 0.2, 0.25, 1.0] },
        };
        for calibration in [
            Calibration::Temperature(1.7),
            Calibration::Sigmoid((0..curves).map(sigmoid).collect()),
            Calibration::Isotonic((0..curves).map(steps).collect()),
        ] {
            let mut model = model.clone();
            model.decision.calibration = Some(calibration);
            model.decision.threshold = (classes == 2).then_some(0.37);
            let apart = difference(&model, &model, &frame, Options::default());
            let plain = Model { decision: Default::default(), ..model.clone() };
            assert!(apart <= TOLERANCE, "{name}, {:?}: {apart:e} apart", model.decision.calibration);
            // Classes that are equally likely stay so at any temperature.
            let changed = model.predict(&frame).unwrap() != plain.predict(&frame).unwrap();
            assert!(changed || name.starts_with("dummy"), "{name}");
            decided += 1;
        }
    }
    assert!(decided >= 12, "{decided} models");
}

#[test]
fn one_row_is_answered_as_in_many() {
    for (name, model, frame) in support::all(9, 8) {
        for row in 0..frame.rows {
            let apart = difference(&model, &model, &frame.take(&[row]), Options::default()) / deviation(&model, &frame);
            assert!(apart <= TOLERANCE, "{name}, row {row}: {apart:e} apart");
        }
    }
}

#[test]
fn eight_bits_answer_as_the_rounded_model_does() {
    for (name, model, frame) in support::all(5, 200) {
        let Ok(rounded) = quantised(&model) else {
            assert!(onnx(&model, "0", Options { int8: true, ..Options::default() }).is_err());
            continue;
        };
        let [full, small] =
            [false, true].map(|int8| onnx(&model, "0", Options { int8, ..Options::default() }).unwrap());
        if ["realmlp", "tabm", "fttransformer"].iter().any(|family| name.starts_with(family)) {
            assert!(small.len() < full.len(), "{name}");
        }
        let int8 = Options { int8: true, ..Options::default() };
        let apart = difference(&rounded, &model, &frame, int8) / deviation(&rounded, &frame);
        assert!(apart <= TOLERANCE, "{name}: {apart:e} apart");
    }
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    for (name, model, _) in support::all(3, 1) {
        let read = || Model::from_bytes(&model.to_bytes().unwrap()).unwrap();
        let (one, other) = (read(), read());
        assert!(onnx(&one, "abc", Options::default()) == onnx(&other, "abc", Options::default()), "{name}");
        assert_eq!(describe(&one, "abc"), describe(&other, "abc"), "{name}");
    }
}

#[test]
fn normal_scores_are_described() {
    for (name, model, _) in support::all(3, 1) {
        let told = describe(&model, "0").unwrap();
        let scored = name.contains("of scores");
        assert_eq!(told["steps"].to_string().contains("encoder.knots"), scored, "{name}");
        if !scored {
            continue;
        }
        let entries = told["preparation"]["dense"].as_array().unwrap();
        let own = |entry: &&serde_json::Value| entry["says"] == "value";
        let knots: Vec<u64> = entries.iter().filter(own).map(|entry| entry["knots"].as_u64().unwrap()).collect();
        assert_eq!(knots.len(), 4, "{name}: the columns of numbers that vary");
        assert!(!entries.iter().any(|entry| !own(&entry) && entry.get("knots").is_some()), "{name}");
        let arrays = told["arrays"].as_array().unwrap();
        let shape = |name: &str| &arrays.iter().find(|array| array["name"] == name).unwrap()["shape"];
        let all = serde_json::json!([knots.iter().sum::<u64>()]);
        assert_eq!((shape("encoder.knots"), shape("encoder.scores")), (&all, &all), "{name}");
        assert_eq!(*shape("encoder.knot_counts"), serde_json::json!([entries.len()]), "{name}");
    }
}

#[test]
fn metadata_says_what_goes_in() {
    let (_, model, _) = support::all(3, 1).swap_remove(0);
    let bytes = onnx(&model, "abc", Options::default()).unwrap();
    let proto = tract_onnx::onnx().proto_model_for_read(&mut &bytes[..]).unwrap();
    let find = |key: &str| proto.metadata_props.iter().find(|entry| entry.key == key).unwrap().value.clone();
    assert_eq!(find("trainyard.model_hash"), "abc");
    let signature: trainyard_types::model::Signature = serde_json::from_str(&find("trainyard.signature")).unwrap();
    assert_eq!((signature.target, signature.task), (model.signature.target.clone(), model.signature.task));
    let names: Vec<String> = proto.graph.unwrap().input.into_iter().map(|input| input.name).collect();
    assert_eq!(names, onnx_inputs(&model.signature));
    assert!(names.contains(&"value_in".to_owned()) && names.contains(&"label_in".to_owned()));
    let listed = levels(&bytes);
    for input in model.signature.inputs.iter().filter(|input| is_categorical(input.kind)) {
        assert!(!listed[&input.name].is_empty(), "{}", input.name);
    }
}
