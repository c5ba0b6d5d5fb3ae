//! Writes generated models with rows and expected answers into a folder, for `xtask/src/bench/export.py` to ask onnxruntime.
//!
//! `cases FOLDER ROWS SEED`
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use std::fs;
use trainyard_export::{Options, describe, onnx, quantised};
use trainyard_infer::{Frame, Model, Predictions, Values};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rows, seed] = arguments.as_slice() else { panic!("cases FOLDER ROWS SEED") };
    fs::create_dir_all(folder).unwrap();
    let (seed, rows) = (seed.parse().unwrap(), rows.parse().unwrap());
    let cases = support::all(seed, rows).into_iter().chain(support::rates(seed, rows));
    for (at, (name, model, frame)) in cases.enumerate() {
        let stem = format!("{folder}/{seed}-{at}");
        fs::write(format!("{stem}.onnx"), onnx(&model, "0", Options::default()).unwrap()).unwrap();
        fs::write(format!("{stem}.json"), case(&name, &model, &frame).to_string()).unwrap();
        fs::write(format!("{stem}.safetensors"), model.to_bytes().unwrap()).unwrap();
        fs::write(format!("{stem}.description"), describe(&model, "0").unwrap().to_string()).unwrap();
        if let Ok(rounded) = quantised(&model) {
            let int8 = Options { int8: true, ..Options::default() };
            fs::write(format!("{stem}-int8.onnx"), onnx(&model, "0", int8).unwrap()).unwrap();
            fs::write(format!("{stem}-int8.json"), case(&format!("{name} int8"), &rounded, &frame).to_string())
                .unwrap();
        }
    }
}

/// Numbers as texts, so that NaN and infinities come through; `null` is a missing category.
fn case(name: &str, model: &Model, frame: &Frame) -> Value {
    let columns: serde_json::Map<String, Value> = frame
        .columns
        .iter()
        .map(|column| {
            let values = match &column.values {
                Values::Numbers(numbers) => {
                    json!({ "numbers": numbers.iter().map(f64::to_string).collect::<Vec<_>>() })
                }
                Values::Categories { codes, levels } => {
                    json!({ "texts": codes.iter().map(|&code| levels.get(code as usize)).collect::<Vec<_>>() })
                }
            };
            (column.name.clone(), values)
        })
        .collect();
    let expected = match model.predict(frame).unwrap() {
        Predictions::Probabilities { classes, values } => json!({ "classes": classes, "values": values }),
        Predictions::Values(values) => json!({ "classes": 0, "values": values }),
    };
    json!({ "name": name, "columns": columns, "expected": expected })
}
