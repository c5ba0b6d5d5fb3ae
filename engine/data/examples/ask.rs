//! What a model answers for the rows of a file, and how fast, for `cargo xtask bench export`: prints one JSON object with the
//! rows as columns, the answers, `one_row` (µs, median) and `batch` (rows a second in batches of 1,024).
//!
//! `NAME MODEL DATA ROWS`

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use serde_json::{Map, Value, json};
use std::{fs, hint::black_box, path::Path, time::Instant};
use trainyard_data::read_any::read_file;
use trainyard_infer::{Frame, Model, Predictions, Values};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, model, data, rows] = arguments.as_slice() else { panic!("NAME MODEL DATA ROWS") };
    let model = Model::from_bytes(&fs::read(model).unwrap()).unwrap();
    let Ok((_, frame)) = read_file(Path::new(data)) else { panic!("{data} can't be read") };
    let most = rows.parse::<usize>().unwrap().min(frame.rows);
    let frame = only(&model, &frame.take(&(0..most).collect::<Vec<_>>()));
    let one = frame.take(&[0]);
    let batch = frame.take(&(0..1_024).map(|row| row % frame.rows).collect::<Vec<_>>());
    let one_row = median(5_000, || drop(black_box(model.predict(black_box(&one)).unwrap())));
    let batch = median(50, || drop(black_box(model.predict(black_box(&batch)).unwrap())));
    let expected = match model.predict(&frame).unwrap() {
        Predictions::Probabilities { classes, values } => json!({ "classes": classes, "values": values }),
        Predictions::Values(values) => json!({ "classes": 0, "values": values }),
    };
    let told = json!({
        "name": name, "columns": columns(&frame), "expected": expected, "one_row": one_row * 1e6, "batch": 1_024.0 / batch,
    });
    println!("{told}");
}

/// The model's columns alone, in its order.
fn only(model: &Model, frame: &Frame) -> Frame {
    let find = |name: &str| frame.column(name).cloned().unwrap();
    Frame { columns: model.signature().inputs.iter().map(|input| find(&input.name)).collect(), rows: frame.rows }
}

/// Numbers as texts, so that NaN comes through; `null` is a missing category.
fn columns(frame: &Frame) -> Map<String, Value> {
    let of = |values: &Values| match values {
        Values::Numbers(numbers) => json!({ "numbers": numbers.iter().map(f64::to_string).collect::<Vec<_>>() }),
        Values::Categories { codes, levels } => {
            json!({ "texts": codes.iter().map(|&code| levels.get(code as usize)).collect::<Vec<_>>() })
        }
    };
    frame.columns.iter().map(|column| (column.name.clone(), of(&column.values))).collect()
}

/// The median of `times` measurements of `work`, seconds.
fn median(times: usize, mut work: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..times)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[times / 2]
}
