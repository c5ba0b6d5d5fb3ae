#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    goal::Goal,
    linear,
    net::{
        Part,
        engine::{Clock, Engine},
    },
    tests::{Recorder, data, numbers, options, spread, table},
};
use burn::tensor::Device;
use trainyard_infer::{Column, Frame, Model, Predictions, Target, Values, net::Head, preprocess::Encoder};
use trainyard_types::{dataset::ColumnType, hyper::Hyperparameters, run::Task};

/// Small enough for unoptimised builds.
fn small(set: &[(&str, f64)]) -> FitOptions {
    let own = |(key, value): &(&str, f64)| ((*key).to_owned(), *value);
    let mut parameters: Hyperparameters =
        [("fttransformer.width", 16.0), ("fttransformer.batch_size", 64.0)].iter().map(own).collect();
    parameters.extend(set.iter().map(own));
    FitOptions { parameters, ..options() }
}

struct Start {
    layout: Arc<Layout>,
    part: Arc<Part>,
    theta: Vec<f32>,
    head: Head,
}

impl Start {
    fn new(task: Task, rows: usize) -> Self {
        let (frame, target) = table(task, rows, 1);
        Self::of(&frame, &target, task)
    }

    fn of(frame: &Frame, target: &Target, task: Task) -> Self {
        let encoder = Encoder::fit(frame, Recipe::FtTransformer).unwrap();
        let classes: Vec<String> = (0..3).map(|i| i.to_string()).collect();
        let goal = Goal::new(&data(frame, target, frame, target, task, &classes)).unwrap();
        let head = goal.head;
        let part = Part::new(&encoder, frame, target, goal, None).unwrap();
        let settings = Settings::new(&small(&[]), frame.rows);
        let layout = Arc::new(Layout::new(encoder.width(), &encoder.embedding_rows(), head.outputs(), &settings));
        let mut theta = init::initial(&layout, 5);
        // Away from the special start of norms and of attention's biases.
        theta.iter_mut().enumerate().for_each(|(k, value)| *value += 0.1 * ((k * 7 % 11) as f32 / 5.0 - 1.0));
        Self { layout, part, theta, head }
    }

    fn halves(&self, theta: &[f32]) -> Halves {
        Halves::new(Arc::clone(&self.layout), &self.part, &self.part, theta).unwrap()
    }

    fn graph(&self) -> Graph {
        Graph::new(Arc::clone(&self.layout), &self.part, &self.part, &self.theta, Device::flex())
    }
}

fn length(values: impl Iterator<Item = f32>) -> f32 {
    values.map(|v| v * v).sum::<f32>().sqrt()
}

#[test]
fn both_engines_and_the_served_net_agree() {
    for task in [Task::Multiclass, Task::Regression] {
        let start = Start::new(task, 300);
        assert_eq!(start.layout.tokens(), 6, "[CLS], two numbers, whether one is missing, two categories");
        let served = start.layout.net(&start.theta).unwrap().forward(&start.part.encoded);
        assert_eq!(served.len(), 300 * start.head.outputs());
        let (mut halves, mut graph) = (start.halves(&start.theta), start.graph());
        for outputs in [halves.outputs(true, 0..300).unwrap(), graph.outputs(false, 0..300).unwrap()] {
            assert_eq!(outputs.len(), served.len());
            for (a, b) in outputs.iter().zip(&served) {
                assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{a} is not {b}");
            }
        }
        assert_eq!(halves.outputs(true, 20..53).unwrap(), halves.outputs(false, 20..53).unwrap());
    }
}

#[test]
fn two_halves_have_the_gradient_of_the_whole() {
    let start = Start::new(Task::Multiclass, 120);
    let (halves, graph) = (start.halves(&start.theta), start.graph());
    for count in [1u32, 2, 77] {
        let rows: Vec<u32> = (0..count).map(|row| row * 7 % 120).collect();
        let (loss, found) = halves.whole_gradient(&rows, &Clock::still()).unwrap();
        let (expected_loss, expected) = graph.whole_gradient(&rows, &Clock::still()).unwrap();
        assert!((loss / expected_loss - 1.0).abs() < 1e-4, "{loss} is not {expected_loss}");
        assert_eq!((found.len(), expected.len()), (start.layout.total, start.layout.total));
        let size = length(expected.iter().copied());
        let off = length(found.iter().zip(&expected).map(|(a, b)| a - b));
        assert!(size > 0.0 && off <= 1e-3 * size, "{off} of {size}");
    }
}

#[test]
fn the_gradient_with_dropout_is_the_loss_s_slope() {
    let start = Start::new(Task::Multiclass, 80);
    let layout = &start.layout;
    let rows: Vec<u32> = (0..80).collect();
    let clock = Clock { dropout: 0.3, rate: 1e-3, decay: 0.0, betas: (0.9, 0.999), key: 77 };
    let loss = |theta: &[f32]| start.halves(theta).whole_gradient(&rows, &clock).unwrap();
    let (_, gradient) = loss(&start.theta);
    let still = Clock { rate: 0.0, ..clock.clone() };
    assert_ne!(gradient, start.halves(&start.theta).whole_gradient(&rows, &still).unwrap().1, "dropout drops");
    let block = &layout.blocks[1];
    let groups = [
        vec![layout.scale, layout.dense_bias],
        vec![layout.table_rows, layout.table_bias, layout.cls],
        vec![block.query.weight, block.query.bias, block.key],
        vec![block.value.weight, block.out.weight, block.out.bias],
        vec![block.up.weight, block.gate.weight, block.down.weight],
        vec![block.before.unwrap().gain, block.between.shift, layout.norm.gain],
    ];
    for group in groups {
        // Along the gradient of some of the parameters.
        let mut direction = vec![0.0f32; layout.total];
        for segment in &group {
            let range = layout.segments[*segment].range();
            direction[range.clone()].copy_from_slice(&gradient[range]);
        }
        let slope = direction.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        assert!(slope > 0.0, "{group:?}");
        let step = 1e-2 / slope;
        let moved = |sign: f64| -> Vec<f32> {
            let moved = |(t, d): (&f32, &f32)| t + (sign * step * f64::from(*d)) as f32;
            start.theta.iter().zip(&direction).map(moved).collect()
        };
        let found = (loss(&moved(1.0)).0 - loss(&moved(-1.0)).0) / 2e-2;
        assert!((found - slope).abs() < 0.03 * slope + 1e-4, "{group:?}: {found} is not {slope}");
    }
}

#[test]
fn both_engines_take_the_same_steps() {
    let mut start = Start::new(Task::Regression, 64);
    start.layout = Arc::new(Layout { attention_dropout: 0.0, ..(*start.layout).clone() });
    let (mut halves, mut graph) = (start.halves(&start.theta), start.graph());
    // A decay that shows.
    let clock = Clock { dropout: 0.0, rate: 1e-3, decay: 10.0, betas: (0.9, 0.999), key: 1 };
    let rows: Vec<u32> = (0..64).collect();
    for _ in 0..3 {
        halves.step(&rows, &clock).unwrap();
        graph.step(&rows, &clock).unwrap();
    }
    assert!((halves.mean_loss().unwrap() / graph.mean_loss().unwrap() - 1.0).abs() < 1e-3);
    let (a, b) = (halves.state().unwrap(), graph.state().unwrap());
    assert_eq!((a.steps, b.steps), (3, 3));
    let size = length(b.theta.iter().zip(&start.theta).map(|(b, t)| b - t));
    let off = length(a.theta.iter().zip(&b.theta).map(|(a, b)| a - b));
    // Adam's first steps are signs: entries whose gradient is near 0 may differ.
    assert!(off < 0.05 * size, "{off} of {size}");
    // Norms are not decayed: in three steps of 0.001 they move by 0.003 at most, where decay would take 3 % off.
    let gain = start.layout.segments[start.layout.norm.gain].range();
    let moved = a.theta[gain.clone()].iter().zip(&start.theta[gain]).map(|(a, t)| (a - t).abs());
    assert!(moved.fold(0.0, f32::max) < 0.0035);
}

#[test]
fn tables_of_one_kind_of_column_train_too() {
    let (frame, target) = table(Task::Binary, 200, 3);
    for picked in [0..1, 0..2, 2..4, 3..4] {
        let frame = Frame { columns: frame.columns[picked.clone()].to_vec(), rows: frame.rows };
        let start = Start::of(&frame, &target, Task::Binary);
        let rows: Vec<u32> = (0..64).collect();
        let (loss, gradient) = start.halves(&start.theta).whole_gradient(&rows, &Clock::still()).unwrap();
        assert!(loss.is_finite() && gradient.len() == start.layout.total, "{picked:?}");
        let served = start.layout.net(&start.theta).unwrap().forward(&start.part.encoded);
        let trained = start.halves(&start.theta).outputs(false, 0..200).unwrap();
        assert!(served.iter().zip(&trained).all(|(a, b)| (a - b).abs() < 1e-4 * (1.0 + b.abs())), "{picked:?}");
    }
}

#[test]
fn segments_lie_one_after_the_other() {
    let start = Start::new(Task::Multiclass, 300);
    let layout = &start.layout;
    let mut next = 0;
    for segment in &layout.segments {
        assert_eq!(segment.start, next);
        next = segment.range().end;
    }
    assert_eq!(next, layout.total);
    assert!(layout.blocks[0].before.is_none() && layout.blocks[1].before.is_some());
    // The tables of 3 and 20 levels, each with a row for missing.
    assert_eq!(layout.tables, [4, 21]);
    assert_eq!(layout.places(&[0, 0, 3, 20]), [0, 4, 3, 24]);
    let decays = |segment: usize| layout.segments[segment].decays;
    let block = &layout.blocks[1];
    assert!([block.key, block.query.weight, block.down.weight, layout.head.weight].into_iter().all(decays));
    let free = [layout.scale, layout.table_rows, layout.cls, block.between.gain, block.query.bias, layout.head.bias];
    assert!(!free.into_iter().any(decays));
}

fn bytes(fitted: &Fitted) -> Vec<u8> {
    fitted.model.to_bytes().unwrap()
}

#[test]
fn the_same_spec_gives_the_same_bits_also_when_resumed() {
    let (train, train_target) = table(Task::Binary, 150, 1);
    let (valid, valid_target) = table(Task::Binary, 80, 2);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &train_target, &valid, &valid_target, Task::Binary, &classes);
    let options = FitOptions { epochs: Some(3), ..small(&[]) };
    let mut first = Recorder::default();
    let whole = fit(&data, &options, None, &mut first).unwrap();
    assert_eq!(bytes(&whole), bytes(&fit(&data, &options, None, &mut Recorder::default()).unwrap()));
    assert_eq!(first.checkpoints.len(), 3);
    for (_, checkpoint) in &first.checkpoints {
        let resumed = fit(&data, &options, Some(checkpoint), &mut Recorder::default()).unwrap();
        assert_eq!(bytes(&whole), bytes(&resumed));
    }
    let mut recorder = Recorder::default();
    let other = fit(&data, &FitOptions { seed: 8, ..options }, Some(&first.checkpoints[1].1), &mut recorder).unwrap();
    assert!(recorder.lines.iter().any(|line| line.contains("starts anew")));
    assert_ne!(bytes(&whole), bytes(&other));
}

/// Two numbers, and whether one of them alone is above a half.
fn exclusive(rows: usize, seed: u64) -> (Frame, Target) {
    let [a, b] = [0, 100].map(|more| spread(rows, seed + more));
    let truth = a.iter().zip(&b).map(|(a, b)| u32::from((*a > 0.5) != (*b > 0.5))).collect();
    (Frame { columns: vec![numbers("a", a), numbers("b", b)], rows }, Target::Classes(truth))
}

#[test]
fn learns_what_a_line_can_not_and_answers_as_it_was_scored() {
    let (train, train_target) = exclusive(400, 1);
    let (valid, valid_target) = exclusive(300, 2);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &train_target, &valid, &valid_target, Task::Binary, &classes);
    let accuracy = |model: &Model| {
        let Predictions::Probabilities { values, .. } = model.predict(&valid).unwrap() else { panic!() };
        let Target::Classes(truth) = &valid_target else { panic!() };
        let right = values.chunks(2).zip(truth).filter(|(p, truth)| u32::from(p[1] > p[0]) == **truth).count();
        right as f64 / truth.len() as f64
    };
    let options = FitOptions { epochs: Some(14), ..small(&[("fttransformer.learning_rate", 5e-3)]) };
    let mut recorder = Recorder::default();
    let fitted = fit(&data, &options, None, &mut recorder).unwrap();
    let line = linear::fit(&data, &crate::tests::options(), None, &mut Recorder::default()).unwrap();
    let (found, line) = (accuracy(&fitted.model), accuracy(&line.model));
    assert!(found > 0.85 && line < 0.7, "{found}; a line: {line}");
    let told = recorder.points.iter().filter(|p| p.key == "accuracy" && p.part == "valid");
    assert!((told.map(|p| p.value).fold(0.0, f64::max) - found).abs() < 0.01);
    let again = Model::from_bytes(&bytes(&fitted)).unwrap();
    assert_eq!(again.predict(&valid).unwrap(), fitted.model.predict(&valid).unwrap());
    assert_eq!(again.family, Family::FtTransformer);
    assert_eq!((fitted.parameters["tokens"].as_str(), fitted.parameters["batch_size"].as_str()), ("3", "64"));
}

#[test]
fn patience_can_be_set() {
    let (train, train_target) = exclusive(60, 1);
    // What is to be learned is not there: the classes of other rows.
    let ((valid, _), (_, valid_target)) = (exclusive(60, 2), exclusive(60, 9));
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &train_target, &valid, &valid_target, Task::Binary, &classes);
    let options =
        FitOptions { epochs: Some(80), ..small(&[("fttransformer.patience", 2.0), ("fttransformer.blocks", 1.0)]) };
    let mut recorder = Recorder::default();
    let fitted = fit(&data, &options, None, &mut recorder).unwrap();
    let last = recorder.points.iter().map(|point| point.step).max().unwrap();
    assert_eq!(last, fitted.epochs + 2, "{:?}", recorder.lines);
}

#[test]
fn too_many_columns_are_refused_in_words() {
    let rows = 40;
    let mut columns: Vec<Column> = (0..210).map(|i| numbers(&format!("c{i}"), spread(rows, 10 + i))).collect();
    let levels = (0..5).map(|level| level.to_string()).collect();
    let values = Values::Categories { codes: (0..rows as u32).map(|row| row % 5).collect(), levels };
    columns.push(Column { name: "place".into(), kind: ColumnType::Text, values });
    let Values::Numbers(seventh) = &columns[7].values else { panic!() };
    let target = Target::Values(seventh.iter().map(|v| 3.0 * v).collect());
    let frame = Frame { columns, rows };
    let data = data(&frame, &target, &frame, &target, Task::Regression, &[]);
    let Err(FitError::Problem(problem)) = fit(&data, &small(&[]), None, &mut Recorder::default()) else { panic!() };
    assert!(problem.message.contains("212 tokens") && problem.message.contains("Leave out 12 columns"), "{problem}");
    assert!(!problem.message.contains("`c7`") && !problem.message.contains("`place`"), "{problem}");
    assert_eq!(problem.fields[0].field, "drop");
}

#[test]
fn stops_when_cancelled() {
    let (train, target) = exclusive(100, 1);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &target, &train, &target, Task::Binary, &classes);
    let mut recorder = Recorder { cancel_after: Some(3), ..Recorder::default() };
    let ended = fit(&data, &FitOptions { epochs: Some(50), ..small(&[]) }, None, &mut recorder);
    assert!(matches!(ended, Err(FitError::Cancelled)));
}
