//! Likely label errors: every row is judged by a model that was fitted without it.

use crate::{Sink, TrainError};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use trainyard_assess::labels::label_quality;
use trainyard_data::target;
use trainyard_infer::{Frame, Predictions, Target};
use trainyard_learn::{FitOptions, Observer, TrainData, trees};
use trainyard_types::{
    Problem,
    checks::{LabelError, LabelReport, MAX_LABEL_ERRORS},
    job::{JobEvent, Progress},
    run::{DeviceChoice, MetricPoint, Task},
};

/// Every row is predicted by the model of one of these.
pub const FOLDS: usize = 5;
/// Rows of a class at least: each fold needs some in each of the three parts.
const FEWEST: u64 = 3 * FOLDS as u64;
/// Seconds that one fold's fit may take.
const BUDGET: f64 = 20.0;

/// Finds likely wrong labels of the column `target`. Boosted trees are fitted five times, each on three fifths of the rows
/// (stratified), with one fifth to decide their number, and asked about the fifth that they have not seen; confident learning
/// ([`trainyard_assess::labels`]) then compares. Rows without a label are left out. The same rows and seed give the same
/// report.
///
/// # Errors
/// [`TrainError::Cancelled`]; the column is no class (a regression has no labels), a class has fewer than 15 rows, or a
/// column to leave out is not there.
pub fn label_errors(
    data: &Frame,
    target: &str,
    drop: &[String],
    seed: u64,
    sink: &mut dyn Sink,
) -> Result<LabelReport, TrainError> {
    let column = data.column(target).ok_or_else(|| {
        Problem::field("target", format!("There is no column `{target}`. Name the column that holds the labels."))
    })?;
    if let Some(absent) = drop.iter().find(|name| data.column(name).is_none()) {
        return Err(Problem::field("drop", format!("There is no column `{absent}` to leave out.")).into());
    }
    let info = target::target_info(column, None)?;
    if info.task == Task::Regression {
        let message = format!(
            "`{target}` holds numbers, not labels of classes. Likely label errors are found among classes only."
        );
        return Err(Problem::field("target", message).into());
    }
    if let Some((label, rows)) = info.classes.iter().find(|(_, rows)| *rows < FEWEST) {
        let message = format!(
            "The class `{label}` has {rows} rows; {FEWEST} are needed. Add rows, or join it with another class."
        );
        return Err(Problem::field("target", message).into());
    }
    let classes: Vec<String> = info.classes.into_iter().map(|(label, _)| label).collect();
    let (Target::Classes(labels), usable) = target::encode(column, info.task, &classes)? else {
        return Err(Problem::internal("The labels could not be read as classes.").into());
    };
    let rows: Vec<usize> = (0..data.rows).filter(|&row| usable[row]).collect();
    let labels: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
    let features = Frame {
        columns: data
            .columns
            .iter()
            .filter(|column| column.name != target && !drop.contains(&column.name))
            .cloned()
            .collect(),
        rows: data.rows,
    }
    .take(&rows);
    if features.columns.is_empty() {
        return Err(Problem::field("drop", "No column is left to judge the labels by.").into());
    }
    let probabilities = out_of_fold(&features, &labels, &classes, target, info.task, seed, sink)?;
    let quality = label_quality(&labels, &probabilities, classes.len());
    let errors = quality.suspects.iter().take(MAX_LABEL_ERRORS).map(|suspect| LabelError {
        row: rows[suspect.row] as u64 + 1,
        given: classes[suspect.given as usize].clone(),
        likely: classes[suspect.likely as usize].clone(),
        given_probability: suspect.given_probability,
        likely_probability: suspect.likely_probability,
    });
    Ok(LabelReport {
        target: target.to_owned(),
        rows: rows.len() as u64,
        noise: quality.noise(),
        found: quality.suspects.len() as u64,
        errors: errors.collect(),
    })
}

/// `rows x classes`, row-major.
fn out_of_fold(
    features: &Frame,
    labels: &[u32],
    classes: &[String],
    target: &str,
    task: Task,
    seed: u64,
    sink: &mut dyn Sink,
) -> Result<Vec<f32>, TrainError> {
    let folds = folds(labels, classes.len(), seed);
    let all = Target::Classes(labels.to_vec());
    let mut probabilities = vec![0.0; labels.len() * classes.len()];
    for fold in 0..FOLDS {
        let rows = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..labels.len()).filter(|&row| wanted(folds[row])).collect()
        };
        let beside = (fold + 1) % FOLDS;
        let (train, valid, held_out) =
            (rows(&|of| of != fold && of != beside), rows(&|of| of == beside), rows(&|of| of == fold));
        let (train_frame, valid_frame) = (features.take(&train), features.take(&valid));
        let (train_target, valid_target) = (all.take(&train), all.take(&valid));
        let data = TrainData {
            train: &train_frame,
            train_target: &train_target,
            valid: &valid_frame,
            valid_target: &valid_target,
            task,
            classes,
            target_name: target,
        };
        let options = FitOptions { seed, epochs: None, budget_seconds: BUDGET, device: DeviceChoice::Cpu };
        let fitted = trees::fit(&data, &options, None, &mut Ear { sink: &mut *sink, fold })?;
        let Predictions::Probabilities { values, .. } = fitted.model.predict(&features.take(&held_out))? else {
            return Err(Problem::internal("The model gave no probabilities.").into());
        };
        for (answer, row) in values.chunks_exact(classes.len()).zip(held_out) {
            probabilities[row * classes.len()..][..classes.len()].copy_from_slice(answer);
        }
    }
    Ok(probabilities)
}

/// A fold for each row; each class is spread evenly.
fn folds(labels: &[u32], classes: usize, seed: u64) -> Vec<usize> {
    let mut random = StdRng::seed_from_u64(seed ^ 0x1abe_15e0_f01d_5eed);
    let mut folds = vec![0; labels.len()];
    for class in 0..classes as u32 {
        let mut rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == class).collect();
        rows.shuffle(&mut random);
        // Classes begin at different folds, so that the folds are of one size over all.
        rows.into_iter().enumerate().for_each(|(i, row)| folds[row] = (i + class as usize) % FOLDS);
    }
    folds
}

/// Passes on how far the folds are; what a fit says besides is of no interest.
struct Ear<'a> {
    sink: &'a mut dyn Sink,
    fold: usize,
}

impl Observer for Ear<'_> {
    fn progress(&mut self, fraction: f64, _stage: &str, _rows_per_second: Option<f64>) {
        self.sink.event(JobEvent::Progress(Progress {
            stage: format!("Judging labels, part {} of {FOLDS}", self.fold + 1),
            fraction: (self.fold as f64 + fraction.clamp(0.0, 1.0)) / FOLDS as f64,
            eta_seconds: None,
            rows_per_second: None,
        }));
    }
    fn metrics(&mut self, _points: &[MetricPoint]) {}
    fn log(&mut self, _line: &str) {}
    fn cancelled(&mut self) -> bool {
        self.sink.cancelled()
    }
    fn checkpoint(&mut self, _step: u64, _bytes: &dyn Fn() -> Vec<u8>) {}
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rand::RngExt;
    use std::collections::HashSet;
    use trainyard_infer::{Column, Values};
    use trainyard_types::dataset::ColumnType;

    struct Silent(bool);
    impl Sink for Silent {
        fn event(&mut self, _event: JobEvent) {}
        fn cancelled(&mut self) -> bool {
            self.0
        }
    }

    /// Two numbers say which of three classes a row is; every twentieth label is another one.
    fn planted(rows: usize) -> (Frame, HashSet<u64>) {
        let mut random = StdRng::seed_from_u64(3);
        let numbers: Vec<[f64; 2]> = (0..rows).map(|_| [random.random(), random.random()]).collect();
        let truth = |n: &[f64; 2]| if n[0] + n[1] < 0.8 { 0 } else { 1 + u32::from(n[0] > n[1]) };
        let mut codes: Vec<u32> = numbers.iter().map(truth).collect();
        let wrong: HashSet<u64> = (0..rows).step_by(20).map(|row| row as u64 + 1).collect();
        for row in (0..rows).step_by(20) {
            codes[row] = (codes[row] + 1 + random.random_range(0..2)) % 3;
        }
        let column = |name: &str, at: usize| Column {
            name: name.into(),
            kind: ColumnType::Float,
            values: Values::Numbers(numbers.iter().map(|n| n[at]).collect()),
        };
        let levels = ["low", "right", "up"].map(String::from).to_vec();
        let label =
            Column { name: "label".into(), kind: ColumnType::Text, values: Values::Categories { codes, levels } };
        (Frame { columns: vec![column("x", 0), column("y", 1), label], rows }, wrong)
    }

    #[test]
    fn planted_errors_are_found() {
        let (frame, wrong) = planted(2_000);
        let report = label_errors(&frame, "label", &[], 0, &mut Silent(false)).unwrap();
        let hits = report.errors.iter().filter(|error| wrong.contains(&error.row)).count() as f64;
        let (recall, precision) = (hits / wrong.len() as f64, hits / report.found as f64);
        eprintln!("recall {recall:.3}, precision {precision:.3}, noise {:.4}", report.noise);
        assert!(recall > 0.85 && precision > 0.6, "{recall} {precision}");
        assert!((report.noise - 0.05).abs() < 0.03, "{}", report.noise);
        assert_eq!(label_errors(&frame, "label", &[], 0, &mut Silent(false)).unwrap(), report);
    }

    #[test]
    fn what_has_no_labels_is_refused() {
        let (frame, _) = planted(200);
        let refused = |target: &str, drop: &[&str]| {
            let drop: Vec<String> = drop.iter().map(|name| (*name).to_owned()).collect();
            match label_errors(&frame, target, &drop, 0, &mut Silent(false)) {
                Err(TrainError::Problem(problem)) => problem.message,
                other => panic!("{other:?}"),
            }
        };
        assert!(refused("z", &[]).contains("no column `z`"));
        assert!(refused("x", &[]).contains("not labels"));
        assert!(refused("label", &["z"]).contains("`z`"));
        assert!(refused("label", &["x", "y"]).contains("No column is left"));
        let (few, _) = planted(30);
        assert!(matches!(label_errors(&few, "label", &[], 0, &mut Silent(false)), Err(TrainError::Problem(_))));
        assert_eq!(label_errors(&frame, "label", &[], 0, &mut Silent(true)), Err(TrainError::Cancelled));
    }
}
