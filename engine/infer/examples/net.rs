//! How fast a net of the given width and three hidden layers of 256 neurons answers: one row (µs, median) and batches of 1,024
//! (rows a second). `net COLUMNS`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{hint::black_box, time::Instant};
use trainyard_infer::{
    Column, Frame, Model, Predictor, Values,
    net::{Activation, Head, Layer, RealMlpModel, RealMlpNet, RealMlpWeights},
    preprocess::{Encoder, Recipe},
    signature,
};
use trainyard_types::{dataset::ColumnType, run::Task};

/// Numbers between −0.5 and 0.5 that look random.
fn spread(count: usize, salt: usize) -> Vec<f32> {
    (0..count).map(|i| (((i * 7919 + salt * 104_729) % 1000) as f32) / 1000.0 - 0.5).collect()
}

fn frame(columns: usize, rows: usize) -> Frame {
    let column = |index: usize| Column {
        name: format!("x{index}"),
        kind: ColumnType::Float,
        values: Values::Numbers(spread(rows, index).into_iter().map(f64::from).collect()),
    };
    Frame { columns: (0..columns).map(column).collect(), rows }
}

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

fn main() {
    let columns: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let table = frame(columns, 1_024);
    let encoder = Encoder::fit(&table, Recipe::RealMlp).unwrap();
    let mut weights = RealMlpWeights {
        activation: Activation::Selu,
        dense: encoder.width(),
        frequencies: 16,
        mixed: 3,
        frequency: spread(columns * 16, 1),
        phase: spread(columns * 16, 2),
        mix: spread(columns * 48, 3),
        mix_bias: spread(columns * 3, 4),
        embedding: 8,
        tables: Vec::new(),
        layers: Vec::new(),
    };
    let mut inputs = weights.inputs();
    for (salt, outputs) in [256, 256, 256, 2].into_iter().enumerate() {
        let weight = spread(inputs * outputs, salt).iter().map(|w| w / 8.0).collect();
        let alpha = if outputs == 2 { Vec::new() } else { spread(outputs, 7) };
        weights.layers.push(Layer { inputs, outputs, weight, bias: spread(outputs, 8), alpha });
        inputs = outputs;
    }
    let net =
        RealMlpModel::new(encoder, vec![RealMlpNet::new(weights).unwrap()], Head::Classes { classes: 2 }).unwrap();
    let signature = signature::fit(&table, "y", Task::Binary, &["no".to_owned(), "yes".to_owned()]);
    let model = Model::new(signature, Predictor::RealMlp(net));
    let one = table.take(&[3]);
    let one_row = median(20_000, || drop(black_box(model.predict(black_box(&one)).unwrap())));
    let batch = median(200, || drop(black_box(model.predict(black_box(&table)).unwrap())));
    println!("{columns} columns: one row {:.2} µs, batch {:.0} rows/s", one_row * 1e6, 1_024.0 / batch);
}
