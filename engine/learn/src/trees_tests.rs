#![allow(clippy::unwrap_used)]

use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use trainyard_infer::{Column, MISSING, Model, Predictions, Values};
use trainyard_types::{dataset::ColumnType, loss::Loss, run::DeviceChoice};

/// Hears nothing, and stops where it was told to.
#[derive(Default)]
struct Quiet {
    cancel: bool,
    points: Vec<MetricPoint>,
}

impl Observer for Quiet {
    fn progress(&mut self, fraction: f64, _stage: &str, _rows: Option<f64>) {
        assert!((0.0..=1.0).contains(&fraction));
    }
    fn metrics(&mut self, points: &[MetricPoint]) {
        self.points.extend_from_slice(points);
    }
    fn log(&mut self, _line: &str) {}
    fn cancelled(&mut self) -> bool {
        self.cancel
    }
    fn checkpoint(&mut self, _step: u64, _bytes: &dyn Fn() -> Vec<u8>) {}
}

/// Numbers with gaps, categories with gaps, an instant, a constant; and a score that depends on them.
fn rows(count: usize, seed: u64, categories: bool) -> (Frame, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut number = |share: f64| -> Vec<f64> {
        (0..count)
            .map(|_| if rng.random::<f64>() < share { f64::NAN } else { (rng.random::<f64>() * 400.0).round() / 100.0 })
            .collect()
    };
    let (a, b, c) = (number(0.0), number(0.1), number(0.3));
    let codes: Vec<u32> =
        (0..count).map(|_| if rng.random::<f64>() < 0.05 { MISSING } else { rng.random_range(0..12) }).collect();
    let at: Vec<f64> = (0..count).map(|_| (rng.random::<f64>() * 1e12).round()).collect();
    let score = (0..count)
        .map(|row| {
            let effect = if codes[row] == MISSING { 0.5 } else { f64::from(codes[row] * 7 % 5) - 2.0 };
            let gap = if c[row].is_nan() { 1.0 } else { c[row] * 0.3 };
            let b = if b[row].is_nan() { 0.0 } else { (b[row] * 2.0).sin() };
            (a[row] - 2.0) * b + if categories { effect } else { 0.0 } + gap + rng.random::<f64>() * 0.5
        })
        .collect();
    let numbers = |name: &str, kind, values| Column { name: String::from(name), kind, values: Values::Numbers(values) };
    let mut columns = vec![
        numbers("a", ColumnType::Float, a),
        numbers("b", ColumnType::Float, b),
        numbers("constant", ColumnType::Integer, vec![7.0; count]),
        numbers("c", ColumnType::Float, c),
    ];
    if categories {
        let levels = (0..12).map(|level| format!("level {level}")).collect();
        columns.push(Column {
            name: "city".into(),
            kind: ColumnType::Text,
            values: Values::Categories { codes, levels },
        });
        columns.push(numbers("at", ColumnType::Datetime, at));
    }
    (Frame { columns, rows: count }, score)
}

fn target(task: Task, score: &[f64], classes: usize) -> Target {
    match task {
        Task::Regression => Target::Values(score.to_vec()),
        _ => Target::Classes(
            score
                .iter()
                .map(|s| ((s + 3.0).max(0.0) / 7.0 * classes as f64).min(classes as f64 - 1.0) as u32)
                .collect(),
        ),
    }
}

fn options() -> FitOptions {
    FitOptions {
        seed: 5,
        epochs: None,
        budget_seconds: 1.0,
        device: DeviceChoice::Cpu,
        parameters: Default::default(),
        monotone: Default::default(),
        memory: None,
    }
}

struct Case {
    task: Task,
    loss: Option<Loss>,
    classes: Vec<String>,
    train: (Frame, Target),
    valid: (Frame, Target),
}

impl Case {
    fn new(task: Task, classes: usize, count: usize, categories: bool) -> Self {
        let part = |count, seed| {
            let (frame, score) = rows(count, seed, categories);
            let target = target(task, &score, classes);
            (frame, target)
        };
        let classes = if task == Task::Regression {
            Vec::new()
        } else {
            (0..classes).map(|class| format!("class {class}")).collect()
        };
        Self { task, loss: None, classes, train: part(count, 1), valid: part(400, 2) }
    }

    fn data(&self) -> TrainData<'_> {
        TrainData {
            train: &self.train.0,
            train_target: &self.train.1,
            valid: &self.valid.0,
            valid_target: &self.valid.1,
            task: self.task,
            classes: &self.classes,
            target_name: "y",
            loss: self.loss,
            weights: None,
            stream: None,
        }
    }

    /// Our predictions against perpetual's own on train rows and on rows that it never saw.
    fn compare(&self) {
        let data = self.data();
        let encoder = TreeEncoder::fit(data.train);
        let plan = Plan::new(&data, &options(), &encoder).unwrap();
        let outcomes = outcomes(&data, &plan.unit);
        let booster = plan.fit(&encoder.encode(data.train).unwrap(), &outcomes, None, data.train.rows, 5).unwrap();
        assert!(booster.rounds() > 3, "{} rounds", booster.rounds());
        let model = TreesModel::new(encoder.clone(), booster.convert(&plan.directions, &plan.unit).unwrap()).unwrap();
        let (unseen, _) = rows(3000, 9, self.train.0.columns.len() > 4);
        for frame in [data.train, &unseen] {
            let features = encoder.encode(frame).unwrap();
            let matrix = Matrix::new(&features, frame.rows, plan.features);
            let ours = model.predict(frame).unwrap();
            let (ours, theirs): (Vec<f64>, Vec<f64>) = match (&booster, ours) {
                (Booster::Single(booster), Predictions::Values(values)) => {
                    let own = |value: f64| match plan.unit {
                        objective::Unit::Distance { centre, scale } => value * scale + centre,
                        objective::Unit::Rate { mean, low, high } => (value.exp() * mean).max(low).min(high),
                    };
                    (values, booster.predict(&matrix, false).into_iter().map(own).collect())
                }
                (Booster::Single(booster), Predictions::Probabilities { values, .. }) => (
                    values.chunks(2).map(|row| f64::from(row[1])).collect(),
                    booster.predict_proba(&matrix, false, false),
                ),
                (Booster::Several(booster), Predictions::Probabilities { values, .. }) => {
                    (values.iter().map(|&p| f64::from(p)).collect(), booster.predict_proba(&matrix, false))
                }
                _ => panic!("another kind of answer"),
            };
            assert_eq!(ours.len(), theirs.len());
            let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            // Leaves in the target's unit are rounded once more.
            let bound = if self.loss.is_some() { 1e-4 } else { 1e-6 };
            assert!(worst < bound, "{:?}, {:?}: off by {worst}", self.task, self.loss);
        }
    }
}

#[test]
fn regression_equals_perpetual() {
    Case::new(Task::Regression, 0, 3000, true).compare();
}

/// Few numeric rows get perpetual's linear head.
#[test]
fn small_regression_with_its_linear_head_equals_perpetual() {
    Case::new(Task::Regression, 0, 900, false).compare();
}

/// A case of counts, or of numbers far from 0 with a few wild ones among them.
fn learning(loss: Loss) -> Case {
    let mut case = Case::new(Task::Regression, 0, 900, false);
    case.loss = Some(loss);
    for target in [&mut case.train.1, &mut case.valid.1] {
        let Target::Values(values) = target else { panic!() };
        for (row, value) in values.iter_mut().enumerate() {
            *value = match loss {
                Loss::Poisson => (0.5 * *value).exp().round(),
                _ if row % 40 == 7 => 900.0,
                _ => *value + 50.0,
            };
        }
    }
    case
}

#[test]
fn other_losses_equal_perpetual() {
    for loss in [Loss::Absolute, Loss::Huber, Loss::Quantile(0.8), Loss::Poisson] {
        learning(loss).compare();
    }
}

#[test]
fn other_losses_are_learned() {
    let values = |loss| {
        let case = learning(loss);
        let mut observer = Quiet::default();
        let fitted = fit(&case.data(), &options(), None, &mut observer).unwrap();
        let Predictions::Values(values) = fitted.model.predict(&case.valid.0).unwrap() else { panic!() };
        let Target::Values(truth) = case.valid.1.clone() else { panic!() };
        let scores = metrics::score(case.data().aim(), &case.valid.1, &Predictions::Values(values.clone()));
        let primary = case.data().aim().primary_metric();
        let last = observer.points.iter().rfind(|point| point.key == primary && point.part == "valid").unwrap();
        assert_eq!(last.value, scores[primary], "{loss}");
        assert_eq!(fitted.model, Model::from_bytes(&fitted.model.to_bytes().unwrap()).unwrap());
        (values, truth, scores)
    };
    // The mean is 71: wild rows pull neither the median nor Huber's answer there.
    for loss in [Loss::Absolute, Loss::Huber] {
        let (values, truth, _) = values(loss);
        let mean = truth.iter().sum::<f64>() / truth.len() as f64;
        let own = values.iter().sum::<f64>() / values.len() as f64;
        assert!(mean > 65.0 && (48.0..60.0).contains(&own), "{loss}: {own}, mean {mean}");
    }
    let (values_of, truth, _) = values(Loss::Quantile(0.8));
    let below = truth.iter().zip(&values_of).filter(|(truth, value)| truth <= value).count() as f64 / 400.0;
    assert!((0.7..0.9).contains(&below), "{below}");
    let (values_of, truth, scores) = values(Loss::Poisson);
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let flat = truth.iter().map(|truth| crate::goal::deviance(mean, *truth)).sum::<f64>() / truth.len() as f64;
    assert!(values_of.iter().all(|value| *value > 0.0));
    assert!(scores["mean_poisson_deviance"] < 0.8 * flat, "{} of {flat}", scores["mean_poisson_deviance"]);
}

#[test]
fn the_focal_loss_is_refused_in_words() {
    let case = Case { loss: Some(Loss::Focal(2.0)), ..Case::new(Task::Binary, 2, 100, false) };
    let Err(FitError::Problem(problem)) = fit(&case.data(), &options(), None, &mut Quiet::default()) else { panic!() };
    assert!(problem.message.contains("Boosted trees do not learn"), "{}", problem.message);
}

#[test]
fn binary_equals_perpetual() {
    Case::new(Task::Binary, 2, 3000, true).compare();
}

#[test]
fn one_against_rest_equals_perpetual() {
    let case = Case::new(Task::Multiclass, 3, 1200, true);
    case.compare();
}

#[test]
fn shared_trees_equal_perpetual() {
    Case::new(Task::Multiclass, 7, 1500, false).compare();
}

#[test]
fn fit_learns_is_repeatable_and_survives_storage() {
    let case = Case::new(Task::Binary, 2, 2000, true);
    let mut observer = Quiet::default();
    let first = fit(&case.data(), &options(), None, &mut observer).unwrap();
    let again = fit(&case.data(), &options(), None, &mut Quiet::default()).unwrap();
    let bytes = first.model.to_bytes().unwrap();
    assert_eq!(bytes, again.model.to_bytes().unwrap());
    let restored = Model::from_bytes(&bytes).unwrap();
    assert_eq!(restored, first.model);
    let predictions = restored.predict(&case.valid.0).unwrap();
    let scores = metrics::score(Task::Binary, &case.valid.1, &predictions);
    assert!(scores["roc_auc"] > 0.9, "{scores:?}");
    let last = observer.points.iter().rfind(|point| point.key == "roc_auc" && point.part == "valid").unwrap();
    assert_eq!((last.step, last.value), (first.epochs, scores["roc_auc"]));
    // A row that has nothing the model knows.
    let odd = Frame {
        columns: case
            .valid
            .0
            .take(&[0])
            .columns
            .into_iter()
            .map(|mut column| {
                column.values = match column.values {
                    Values::Numbers(_) => Values::Numbers(vec![f64::INFINITY]),
                    Values::Categories { .. } => {
                        Values::Categories { codes: vec![0], levels: vec!["never seen".into()] }
                    }
                };
                column
            })
            .collect(),
        rows: 1,
    };
    let Predictions::Probabilities { values, .. } = restored.predict(&odd).unwrap() else { panic!() };
    assert!((values.iter().sum::<f32>() - 1.0).abs() < 1e-6);
}

/// Whatever byte of a stored model is changed, reading it or predicting with it does not panic.
#[test]
fn damaged_trees_are_refused_or_harmless() {
    let case = Case::new(Task::Regression, 0, 300, true);
    let bytes = fit(&case.data(), &options(), None, &mut Quiet::default()).unwrap().model.to_bytes().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut refused = 0;
    for _ in 0..400 {
        let mut damaged = bytes.clone();
        let at = rng.random_range(0..damaged.len());
        damaged[at] ^= 1 << rng.random_range(0..8);
        match Model::from_bytes(&damaged) {
            Ok(model) => drop(model.predict(&case.valid.0)),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0);
}

#[test]
fn cancelled_and_empty_fits_say_so() {
    let case = Case::new(Task::Regression, 0, 300, true);
    let mut observer = Quiet { cancel: true, ..Quiet::default() };
    assert!(matches!(fit(&case.data(), &options(), None, &mut observer), Err(FitError::Cancelled)));
    let flat = Frame { columns: case.train.0.columns[2..3].to_vec(), rows: 300 };
    let data = TrainData { train: &flat, ..case.data() };
    let fitted = fit(&data, &options(), None, &mut Quiet::default()).unwrap();
    let Predictions::Values(values) = fitted.model.predict(&flat).unwrap() else { panic!() };
    assert!(values.iter().all(|value| *value == values[0]));
}

/// Few rows, and classes without any, still give a model whose answers are numbers (a learning curve's first fit may be so).
#[test]
fn few_rows_and_empty_classes_give_finite_answers() {
    for task in [Task::Binary, Task::Multiclass, Task::Regression] {
        for count in [1, 2, 5, 40] {
            let mut case = Case::new(task, if task == Task::Binary { 2 } else { 4 }, count, true);
            for empty in [false, true] {
                if let Target::Classes(classes) = &mut case.train.1
                    && empty
                {
                    classes.fill(1);
                }
                let fitted = fit(&case.data(), &options(), None, &mut Quiet::default()).unwrap();
                let finite = match fitted.model.predict(&case.valid.0).unwrap() {
                    Predictions::Values(values) => values.iter().all(|value| value.is_finite()),
                    Predictions::Probabilities { values, .. } => values.iter().all(|value| (0.0..=1.0).contains(value)),
                };
                assert!(finite, "{task:?}, {count} rows, empty classes: {empty}");
            }
        }
    }
}

/// Rows of a class that count nine times as much are expected more often, one against the rest and with shared trees alike.
#[test]
fn weighted_classes_are_expected_more_often() {
    for (task, classes) in [(Task::Binary, 2), (Task::Multiclass, 3), (Task::Multiclass, 7)] {
        let mut case = Case::new(task, classes, 1500, false);
        // Half of the classes are drawn by lot: weights move only what is uncertain.
        for target in [&mut case.train.1, &mut case.valid.1] {
            let Target::Classes(outcomes) = target else { panic!() };
            for (row, class) in outcomes.iter_mut().enumerate().filter(|(row, _)| row.is_multiple_of(2)) {
                *class = (row / 2 % classes) as u32;
            }
        }
        let Target::Classes(outcomes) = &case.train.1 else { panic!() };
        let heavy = |outcomes: &[u32]| -> Vec<f64> {
            let raw = |class: &u32| if *class == 1 { 9.0 } else { 1.0 };
            let total: f64 = outcomes.iter().map(raw).sum();
            outcomes.iter().map(|class| raw(class) * outcomes.len() as f64 / total).collect()
        };
        let Target::Classes(valid) = &case.valid.1 else { panic!() };
        let (train_weights, valid_weights) = (heavy(outcomes), heavy(valid));
        let weights = crate::Weights { train: &train_weights, valid: &valid_weights };
        let share = |weights| {
            let data = TrainData { weights, ..case.data() };
            let fitted = fit(&data, &options(), None, &mut Quiet::default()).unwrap();
            let Predictions::Probabilities { values, .. } = fitted.model.predict(&case.valid.0).unwrap() else {
                panic!()
            };
            let own = values.iter().skip(1).step_by(classes).map(|&p| f64::from(p));
            own.sum::<f64>() / case.valid.0.rows as f64
        };
        let (before, after) = (share(None), share(Some(weights)));
        assert!(after > before + 0.1, "{task:?} of {classes}: {after} is not well above {before}");
    }
}

#[test]
fn hyperparameters_reach_the_booster() {
    let case = Case::new(Task::Regression, 0, 600, false);
    let data = case.data();
    let encoder = TreeEncoder::fit(data.train);
    let set = [("trees.max_rounds", 3.0), ("trees.max_bin", 16.0), ("trees.budget", 0.3)];
    let parameters = set.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let plan = Plan::new(&data, &FitOptions { parameters, ..options() }, &encoder).unwrap();
    assert_eq!((plan.rounds, plan.max_bin, plan.budget), (3, 16, 0.3));
    let booster =
        plan.fit(&encoder.encode(data.train).unwrap(), &outcomes(&data, &plan.unit), None, data.train.rows, 5).unwrap();
    assert!(booster.rounds() <= 3, "{} rounds", booster.rounds());
}
