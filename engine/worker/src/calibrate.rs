//! How fast a machine trains: small fits on a made-up table, for estimates before there are runs to go by.

use std::time::Instant;
use trainyard_infer::{Column, Frame, Target, Values};
use trainyard_learn::{FitError, FitOptions, Fitted, Observer, TrainData, fit};
use trainyard_types::{
    dataset::ColumnType,
    job::Calibration,
    run::{DeviceChoice, Family, MetricPoint, Task},
};

/// Passes of the net; the first ones warm up.
const PASSES: u32 = 4;

struct Nobody;

impl Observer for Nobody {
    fn progress(&mut self, _: f64, _: &str, _: Option<f64>) {}
    fn metrics(&mut self, _: &[MetricPoint]) {}
    fn log(&mut self, _: &str) {}
    fn cancelled(&mut self) -> bool {
        false
    }
    fn checkpoint(&mut self, _: u64, _: &dyn Fn() -> Vec<u8>) {}
}

/// Measures on the device that jobs without a wish train on.
///
/// # Errors
/// A fit failed.
pub fn measure() -> Result<Calibration, FitError> {
    let net = timed(Family::RealMlp, Calibration::NET_ROWS, Some(PASSES))?;
    let trees = Instant::now();
    timed(Family::Trees, Calibration::TREES_ROWS, None)?;
    Ok(Calibration {
        net_seconds: Calibration::NET_ROWS as f64 / net.rows_per_second.max(1.0),
        trees_seconds: trees.elapsed().as_secs_f64(),
    })
}

fn timed(family: Family, rows: usize, epochs: Option<u32>) -> Result<Fitted, FitError> {
    let (train, train_target) = table(rows, 0);
    let (valid, valid_target) = table(rows / 4, rows);
    let data = TrainData {
        train: &train,
        train_target: &train_target,
        valid: &valid,
        valid_target: &valid_target,
        task: Task::Binary,
        classes: &["no".to_owned(), "yes".to_owned()],
        target_name: "y",
        loss: None,
        weights: None,
        stream: None,
    };
    let options = FitOptions {
        seed: 0,
        epochs,
        budget_seconds: 10.0,
        device: DeviceChoice::Auto,
        parameters: Default::default(),
        monotone: Default::default(),
        memory: None,
    };
    fit(family, &data, &options, None, &mut Nobody)
}

/// Numbers of which three decide the class, with a tenth of it noise.
fn table(rows: usize, from: usize) -> (Frame, Target) {
    let draw = |row: usize, column: usize| {
        // SplitMix64's finaliser (Steele, Lea and Flood 2014).
        let mut x = ((row + from) as u64) << 16 | column as u64;
        x = (x.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    let column = |at: usize| Column {
        name: format!("x{at}"),
        kind: ColumnType::Float,
        values: Values::Numbers((0..rows).map(|row| draw(row, at)).collect()),
    };
    let class = |row: usize| {
        let right = draw(row, 0) + draw(row, 1) * draw(row, 2) > 0.75;
        u32::from(right != (draw(row, Calibration::FEATURES) < 0.1))
    };
    let columns = (0..Calibration::FEATURES).map(column).collect();
    (Frame { columns, rows }, Target::Classes((0..rows).map(class).collect()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_table_can_be_learned_but_for_its_noise() {
        let (train, target) = table(600, 0);
        let Target::Classes(classes) = &target else { unreachable!() };
        let share = classes.iter().sum::<u32>() as f64 / 600.0;
        assert!((0.3..0.7).contains(&share), "{share}");
        let fitted = timed(Family::Linear, 600, None).unwrap();
        let answers = fitted.model.predict(&train).unwrap();
        let accuracy = trainyard_assess::metrics::score(Task::Binary, &target, &answers)["accuracy"];
        assert!((0.75..0.95).contains(&accuracy), "{accuracy}");
    }
}
