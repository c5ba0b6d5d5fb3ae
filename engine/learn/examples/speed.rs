//! How fast a RealMLP trains and predicts, for `cargo xtask bench speed`: prints one JSON object with `train` (rows a
//! second, scoring after each epoch included), `one_row` (µs, median), `batch` (rows a second in batches of 1,024) and `peak`
//! (operations on floats that one core gets through, thousand millions a second: what no net on it can pass).
//! `ROWS COLUMNS EPOCHS [KEY=VALUE...]` are its arguments; the last ones set hyperparameters.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use rand::{RngExt, SeedableRng};
use std::{hint::black_box, time::Instant};
use trainyard_infer::{Column, Frame, Target, Values};
use trainyard_learn::{FitOptions, Observer, TrainData, realmlp};
use trainyard_types::{
    dataset::ColumnType,
    hyper::{self, Hyperparameters},
    run::{DeviceChoice, Family, MetricPoint, Task},
};

struct Quiet;

impl Observer for Quiet {
    fn progress(&mut self, _: f64, _: &str, _: Option<f64>) {}
    fn metrics(&mut self, _: &[MetricPoint]) {}
    fn log(&mut self, _: &str) {}
    fn cancelled(&mut self) -> bool {
        false
    }
    fn checkpoint(&mut self, _: u64, _: &dyn Fn() -> Vec<u8>) {}
}

/// Uniform columns, and a class that the first three decide.
fn part(rows: usize, columns: usize, seed: u64) -> (Frame, Target) {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let data: Vec<Vec<f64>> = (0..columns).map(|_| (0..rows).map(|_| random.random::<f64>()).collect()).collect();
    let class = |row: usize| u32::from((6.0 * data[0][row]).sin() + data[1][row] * 2.0 > 1.0 + data[2][row]);
    let target = Target::Classes((0..rows).map(class).collect());
    let named = data.into_iter().enumerate().map(|(index, values)| Column {
        name: format!("x{index}"),
        kind: ColumnType::Float,
        values: Values::Numbers(values),
    });
    (Frame { columns: named.collect(), rows }, target)
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

/// Multiplies and adds in registers only, as many at a time as the core takes.
struct Peak;

impl pulp::WithSimd for Peak {
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) -> f64 {
        const STEPS: usize = 1_000_000;
        let (factor, more) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(0.001)));
        let mut sums = [simd.splat_f32s(1.0); 12];
        let operations = 2 * STEPS * sums.len() * S::F32_LANES;
        let mut seconds = f64::INFINITY;
        // No closures: only what is inlined here uses the wide instructions.
        for _ in 0..21 {
            let start = Instant::now();
            for _ in 0..STEPS {
                for sum in &mut sums {
                    *sum = simd.mul_add_e_f32s(factor, *sum, more);
                }
            }
            black_box(&sums);
            seconds = seconds.min(start.elapsed().as_secs_f64());
        }
        operations as f64 / seconds / 1e9
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().unwrap().parse::<usize>().unwrap();
    let (rows, columns, epochs) = (next(), next(), next());
    let set = |text: String| {
        let (key, value) = text.split_once('=').unwrap();
        (key.to_owned(), value.parse::<f64>().unwrap())
    };
    let parameters: Hyperparameters = arguments.map(set).collect();
    assert_eq!(hyper::problems(&parameters, Family::RealMlp), Vec::<String>::new());
    let (train, train_target) = part(rows, columns, 1);
    let (valid, valid_target) = part(1_024, columns, 2);
    let (one, _) = part(1, columns, 3);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = TrainData {
        train: &train,
        train_target: &train_target,
        valid: &valid,
        valid_target: &valid_target,
        task: Task::Binary,
        classes: &classes,
        target_name: "y",
        loss: None,
        weights: None,
        stream: None,
    };
    let options = FitOptions {
        seed: 1,
        epochs: Some(epochs as u32),
        budget_seconds: 600.0,
        device: DeviceChoice::Cpu,
        parameters,
        monotone: Default::default(),
        memory: None,
    };
    let fitted = realmlp::fit(&data, &options, None, &mut Quiet).unwrap();
    let one_row = median(5_000, || drop(black_box(fitted.model.predict(black_box(&one)).unwrap())));
    let batch = median(50, || drop(black_box(fitted.model.predict(black_box(&valid)).unwrap())));
    let answer = serde_json::json!({
        "train": fitted.rows_per_second, "one_row": one_row * 1e6, "batch": 1_024.0 / batch,
        "peak": pulp::Arch::new().dispatch(Peak),
    });
    println!("{answer}");
}
