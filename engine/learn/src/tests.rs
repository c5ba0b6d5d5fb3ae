//! What the families' tests share: small tables with a known law, and an observer that remembers.

#![allow(clippy::unwrap_used)]
use crate::{FitOptions, Observer, TrainData};
use trainyard_infer::{Column, Frame, MISSING, Target, Values};
use trainyard_types::{
    dataset::ColumnType,
    run::{DeviceChoice, MetricPoint, Task},
};

pub fn numbers(name: &str, values: Vec<f64>) -> Column {
    Column { name: name.into(), kind: ColumnType::Float, values: Values::Numbers(values) }
}

/// Numbers that look random, in [0, 1).
pub fn spread(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 53) as f64
        })
        .collect()
}

/// Two numbers (one with gaps), a category of 3 and one of 20 levels; the target depends on all but not on a line.
pub fn table(task: Task, rows: usize, seed: u64) -> (Frame, Target) {
    let (a, b, c, d) =
        (spread(rows, seed), spread(rows, seed + 100), spread(rows, seed + 200), spread(rows, seed + 300));
    let pick = |values: &[f64], levels: u32| -> Vec<u32> {
        values.iter().map(|v| if *v > 0.98 { MISSING } else { (v * f64::from(levels)) as u32 }).collect()
    };
    let (three, twenty) = (pick(&c, 3), pick(&d, 20));
    let law: Vec<f64> = (0..rows)
        .map(|i| {
            let level = if twenty[i] == MISSING { 0.0 } else { f64::from(twenty[i] % 4) * 0.3 };
            (a[i] * 9.0).sin() + if three[i] == 1 { b[i] } else { -b[i] } + level
        })
        .collect();
    let with_gaps = b.iter().enumerate().map(|(i, v)| if i % 31 == 7 { f64::NAN } else { *v }).collect();
    let category = |name: &str, codes: Vec<u32>, levels: u32| Column {
        name: name.into(),
        kind: ColumnType::Text,
        values: Values::Categories { codes, levels: (0..levels).map(|l| format!("{name}{l}")).collect() },
    };
    let columns =
        vec![numbers("a", a), numbers("b", with_gaps), category("three", three, 3), category("twenty", twenty, 20)];
    let target = match task {
        Task::Regression => Target::Values(law.iter().map(|v| v * 100.0 + 1_000.0).collect()),
        Task::Binary => Target::Classes(law.iter().map(|v| u32::from(*v > 0.4)).collect()),
        Task::Multiclass => Target::Classes(law.iter().map(|v| u32::from(*v > 0.0) + u32::from(*v > 0.8)).collect()),
    };
    (Frame { columns, rows }, target)
}

pub fn data<'a>(
    train: &'a Frame,
    train_target: &'a Target,
    valid: &'a Frame,
    valid_target: &'a Target,
    task: Task,
    classes: &'a [String],
) -> TrainData<'a> {
    TrainData {
        train,
        train_target,
        valid,
        valid_target,
        task,
        classes,
        target_name: "y",
        loss: None,
        weights: None,
        stream: None,
    }
}

pub fn options() -> FitOptions {
    FitOptions {
        seed: 7,
        epochs: Some(2),
        budget_seconds: 10.0,
        device: DeviceChoice::Cpu,
        parameters: Default::default(),
        monotone: Default::default(),
        memory: None,
    }
}

#[derive(Default)]
pub struct Recorder {
    pub points: Vec<MetricPoint>,
    pub lines: Vec<String>,
    pub checkpoints: Vec<(u64, Vec<u8>)>,
    pub cancel_after: Option<usize>,
    pub asked: usize,
}

impl Observer for Recorder {
    fn progress(&mut self, fraction: f64, _: &str, _: Option<f64>) {
        assert!((0.0..=1.0).contains(&fraction));
    }
    fn metrics(&mut self, points: &[MetricPoint]) {
        self.points.extend_from_slice(points);
    }
    fn log(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }
    fn cancelled(&mut self) -> bool {
        self.asked += 1;
        self.cancel_after.is_some_and(|after| self.asked > after)
    }
    fn checkpoint(&mut self, step: u64, bytes: &dyn Fn() -> Vec<u8>) {
        self.checkpoints.push((step, bytes()));
    }
}
