#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    goal::Goal,
    net::{
        Part,
        checkpoint::{Best, Checkpoint, Plan},
        engine::{Clock, Engine, State},
        training::GRID,
    },
    tests::{Recorder, data, options, table},
};
use burn::tensor::Device;
use std::time::{Duration, Instant};
use trainyard_infer::{Frame, Predictions, Target};
use trainyard_types::{loss::Loss, run::Task};

/// A fitted start: layout, parts and parameters.
fn start(task: Task, rows: usize) -> (Arc<Layout>, Arc<Part>, Vec<f32>) {
    start_of(task, None, rows, Config::tuned(task.is_classification()))
}

fn learning(task: Task, loss: Option<Loss>, rows: usize) -> (Arc<Layout>, Arc<Part>, Vec<f32>) {
    start_of(task, loss, rows, Config::tuned(task.is_classification()))
}

fn start_of(task: Task, loss: Option<Loss>, rows: usize, config: Config) -> (Arc<Layout>, Arc<Part>, Vec<f32>) {
    let (frame, target) = table(task, rows, 1);
    let encoder = Encoder::fit(&frame, Recipe::RealMlp).unwrap();
    let classes: Vec<String> = (0..3).map(|i| i.to_string()).collect();
    let goal = Goal::new(&TrainData { loss, ..data(&frame, &target, &frame, &target, task, &classes) }).unwrap();
    let part = Part::new(&encoder, &frame, &target, goal, None).unwrap();
    let activation = if task.is_classification() { Activation::Selu } else { Activation::Mish };
    let tables = encoder.embedding_rows();
    let layout = Arc::new(Layout::new(encoder.width(), &tables, goal.head.outputs(), activation, config));
    let mut theta = init::initial(&layout, &part.encoded, 5);
    // Away from the special start where every activation share and scale is 1.
    for (index, value) in theta.iter_mut().enumerate() {
        *value *= 1.0 + 0.1 * ((index % 7) as f32 - 3.0) / 3.0;
    }
    (layout, part, theta)
}

/// Two layers of 32 neurons on the columns as they are.
fn plain(members: usize) -> Config {
    Config { layers: 2, width: 32, cosines: false, members, ..Config::tuned(true) }
}

/// The distance of two vectors and the second's length.
fn apart(found: &[f32], expected: &[f32]) -> (f32, f32) {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
    (found.iter().zip(expected).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt(), size)
}

/// Each segment of each member.
fn same_gradient(layout: &Layout, found: &[f32], expected: &[f32], words: &str) {
    assert_eq!(found.len(), layout.total * layout.config.members);
    for (member, (found, expected)) in
        found.chunks_exact(layout.total).zip(expected.chunks_exact(layout.total)).enumerate()
    {
        for (index, segment) in layout.segments().enumerate() {
            let (off, size) = apart(&found[segment.range()], &expected[segment.range()]);
            assert!(off <= 2e-3 * size + 1e-6, "{words}: segment {index} of member {member} is off by {off} of {size}");
        }
    }
}

fn both(layout: &Arc<Layout>, part: &Arc<Part>, theta: &[f32]) -> (Fused, Graph) {
    let fused = Fused::new(Arc::clone(layout), Arc::clone(part), Arc::clone(part), theta).unwrap();
    (fused, Graph::new(Arc::clone(layout), part, part, theta, Device::flex()))
}

/// Each member's rows in an order of its own.
fn batch(count: u32, members: usize) -> Vec<u32> {
    (0..members as u32).flat_map(|member| (0..count).map(move |row| (row * 7 + member * 13) % count)).collect()
}

#[test]
fn the_written_gradient_is_burn_s_autodiff() {
    let plain = [Task::Multiclass, Task::Regression].map(|task| (task, None));
    let numbers = [Loss::Absolute, Loss::Huber, Loss::Quantile(0.9), Loss::Poisson];
    let numbers = numbers.map(|loss| (Task::Regression, Some(loss)));
    let focal = [(Task::Multiclass, Some(Loss::Focal(2.0))), (Task::Binary, Some(Loss::Focal(0.5)))];
    let all = plain.into_iter().chain(numbers).chain(focal);
    for ((task, loss), weighted) in all.flat_map(|of| [(of, false), (of, true)]) {
        let (layout, mut part, theta) = learning(task, loss, 120);
        if weighted {
            let weights = (0..120).map(|row| if row % 3 == 0 { 2.0 } else { 0.5 }).collect();
            part = Arc::new(Part { weights: Some(weights), ..Part::clone(&part) });
        }
        let (fused, graph) = both(&layout, &part, &theta);
        let rows: Vec<u32> = (0..100).rev().collect();
        let (total, gradient) = fused.whole_gradient(&rows, &Clock::still()).unwrap();
        let (expected_total, expected) = graph.whole_gradient(&rows, &Clock::still()).unwrap();
        assert!(
            (total - expected_total).abs() < 1e-4 * expected_total.abs(),
            "{loss:?}: {total} is not {expected_total}"
        );
        same_gradient(&layout, &gradient, &expected, &format!("{task:?}, {loss:?}"));
    }
}

#[test]
fn nets_of_other_shapes_and_several_of_them_have_the_same_gradient() {
    let deep = Config { layers: 4, width: 48, members: 2, smoothing: 0.0, ..Config::tuned(true) };
    let one = Config { layers: 1, ..plain(1) };
    for (task, config) in [
        (Task::Multiclass, plain(1)),
        (Task::Regression, plain(1)),
        (Task::Multiclass, plain(2)),
        (Task::Multiclass, deep),
        (Task::Binary, one),
    ] {
        let words = format!("{task:?}, {config:?}");
        let (layout, part, theta) = start_of(task, None, 120, config.clone());
        assert_eq!(theta.len(), config.members * layout.total);
        let (mut fused, mut graph) = both(&layout, &part, &theta);
        let rows = batch(100, config.members);
        let (loss, gradient) = fused.whole_gradient(&rows, &Clock::still()).unwrap();
        let (expected_loss, expected) = graph.whole_gradient(&rows, &Clock::still()).unwrap();
        assert!((loss - expected_loss).abs() < 1e-4 * expected_loss.abs(), "{words}: {loss} is not {expected_loss}");
        same_gradient(&layout, &gradient, &expected, &words);
        // Each member's gradient is the one that it has alone.
        for member in 0..config.members {
            let alone = Arc::new(Layout::new(
                layout.dense,
                &layout.tables.iter().map(|table| table.rows).collect::<Vec<_>>(),
                layout.outputs,
                layout.activation,
                Config { members: 1, ..config.clone() },
            ));
            let own = &theta[member * layout.total..(member + 1) * layout.total];
            let (_, found) =
                both(&alone, &part, own).0.whole_gradient(&rows[member * 100..][..100], &Clock::still()).unwrap();
            assert_eq!(found, gradient[member * layout.total..(member + 1) * layout.total], "{words}");
        }
        let rows = part.encoded.rows;
        let nets = layout.nets(&theta).unwrap();
        let served: Vec<Vec<f32>> = nets.iter().map(|net| net.forward(&part.encoded)).collect();
        for outputs in [fused.outputs(true, 0..rows).unwrap(), graph.outputs(false, 0..rows).unwrap()] {
            assert_eq!(outputs.len(), rows * config.members * layout.outputs);
            for (index, found) in outputs.chunks_exact(layout.outputs).enumerate() {
                let (row, member) = (index / config.members, index % config.members);
                for (a, b) in found.iter().zip(&served[member][row * layout.outputs..]) {
                    assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{words}: {a} is not {b}");
                }
            }
        }
    }
}

#[test]
fn members_begin_apart_and_the_first_as_if_alone() {
    let (layout, part, _) = start_of(Task::Multiclass, None, 120, plain(3));
    let (alone, ..) = start_of(Task::Multiclass, None, 120, plain(1));
    let all = init::initial(&layout, &part.encoded, 5);
    let members: Vec<&[f32]> = all.chunks_exact(layout.total).collect();
    assert_eq!(members[0], init::initial(&alone, &part.encoded, 5));
    assert!(members[0] != members[1] && members[1] != members[2]);
}

#[test]
fn a_batch_in_parts_is_the_whole_batch() {
    for config in [plain(1), plain(2)] {
        let members = config.members;
        let (layout, part, theta) = start_of(Task::Multiclass, None, 120, config);
        let rows = batch(100, members);
        let dropping = Clock { dropout: 0.3, rate: 0.01, ..layout.config.clock(1, 10, 100) };
        let still = Clock { dropout: 0.0, ..dropping.clone() };
        let (mut whole, mut graph) = both(&layout, &part, &theta);
        let (mut parts, mut graph_parts) = both(&layout, &part, &theta);
        // 17 does not divide a half; the graph takes 32 rows of each member.
        (parts.together, graph_parts.together) = (17, 32 * members);
        for clock in [&still, &dropping] {
            let (loss, expected) = whole.whole_gradient(&rows, clock).unwrap();
            let (found_loss, found) = parts.whole_gradient(&rows, clock).unwrap();
            assert!((found_loss / loss - 1.0).abs() < 1e-5);
            same_gradient(&layout, &found, &expected, "fused");
        }
        let (loss, expected) = graph.whole_gradient(&rows, &still).unwrap();
        let (found_loss, found) = graph_parts.whole_gradient(&rows, &still).unwrap();
        assert!((found_loss / loss - 1.0).abs() < 1e-5);
        same_gradient(&layout, &found, &expected, "graph");
        for _ in 0..2 {
            let engines: [&mut dyn Engine; 4] = [&mut whole, &mut parts, &mut graph, &mut graph_parts];
            engines.into_iter().for_each(|engine| engine.step(&rows, &still).unwrap());
        }
        let expected = whole.state().unwrap();
        for state in [parts.state().unwrap(), graph.state().unwrap(), graph_parts.state().unwrap()] {
            let (off, size) = apart(&state.first, &expected.first);
            assert!(off < 0.02 * size && state.steps == 2, "{off} of {size}");
        }
    }
}

#[test]
fn the_gradient_with_dropout_is_the_loss_s_slope() {
    let numbers = [Loss::Absolute, Loss::Huber, Loss::Quantile(0.9), Loss::Poisson];
    let numbers = numbers.map(|loss| (Task::Regression, Some(loss)));
    let classes = [(Task::Multiclass, None), (Task::Multiclass, Some(Loss::Focal(2.0)))];
    for (task, loss) in classes.into_iter().chain(numbers) {
        slope_of(task, loss);
    }
}

fn slope_of(task: Task, learned: Option<Loss>) {
    let (layout, part, theta) = learning(task, learned, 120);
    let rows: Vec<u32> = (0..120).collect();
    let clock = Clock { dropout: 0.3, ..layout.config.clock(1, 10, 100) };
    let loss = |theta: &[f32]| {
        Fused::new(Arc::clone(&layout), Arc::clone(&part), Arc::clone(&part), theta)
            .unwrap()
            .whole_gradient(&rows, &clock)
            .unwrap()
    };
    let (_, gradient) = loss(&theta);
    // Along the gradient of the weights, where the slope is largest.
    let direction: Vec<f32> =
        gradient.iter().enumerate().map(|(i, g)| if i >= layout.small { *g } else { 0.0 }).collect();
    let slope: f64 = direction.iter().map(|g| f64::from(*g).powi(2)).sum();
    // Where a loss has a kink, a long step passes some rows' kinks.
    let kinks = matches!(learned, Some(Loss::Absolute | Loss::Quantile(_)));
    let (length, bound) = if kinks { (2e-3, 0.05) } else { (1e-2, 0.02) };
    let step = length / slope.sqrt();
    let moved = |sign: f64| -> Vec<f32> {
        theta.iter().zip(&direction).map(|(t, d)| t + (sign * step * f64::from(*d)) as f32).collect()
    };
    let found = (loss(&moved(1.0)).0 - loss(&moved(-1.0)).0) / (2.0 * step);
    assert!((found / slope - 1.0).abs() < bound, "{learned:?}: {found} is not {slope}");
}

#[test]
fn both_engines_and_the_served_net_agree() {
    for task in [Task::Multiclass, Task::Regression] {
        let (layout, part, theta) = start(task, 300);
        let rows = part.encoded.rows;
        let mut fused = Fused::new(Arc::clone(&layout), Arc::clone(&part), Arc::clone(&part), &theta).unwrap();
        let mut graph = Graph::new(Arc::clone(&layout), &part, &part, &theta, Device::flex());
        let served = layout.nets(&theta).unwrap()[0].forward(&part.encoded);
        for outputs in [fused.outputs(true, 0..rows).unwrap(), graph.outputs(false, 0..rows).unwrap()] {
            assert_eq!(outputs.len(), served.len());
            for (a, b) in outputs.iter().zip(&served) {
                assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{a} is not {b}");
            }
        }
    }
}

#[test]
fn both_engines_take_the_same_steps() {
    let (layout, part, theta) = start(Task::Regression, 128);
    let mut fused = Fused::new(Arc::clone(&layout), Arc::clone(&part), Arc::clone(&part), &theta).unwrap();
    let mut graph = Graph::new(Arc::clone(&layout), &part, &part, &theta, Device::flex());
    let rows: Vec<u32> = (0..128).collect();
    for step in 1..4 {
        let clock = Clock { dropout: 0.0, rate: 0.01, ..layout.config.clock(1, step, 100) };
        fused.step(&rows, &clock).unwrap();
        graph.step(&rows, &clock).unwrap();
    }
    assert!((fused.mean_loss().unwrap() / graph.mean_loss().unwrap() - 1.0).abs() < 1e-3);
    let (a, b) = (fused.state().unwrap(), graph.state().unwrap());
    let size = b.theta.iter().zip(&theta).map(|(b, t)| (b - t).powi(2)).sum::<f32>().sqrt();
    let off = a.theta.iter().zip(&b.theta).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
    // Adam's first steps are signs: entries whose gradient is near 0 may differ.
    assert!(off < 0.03 * size, "{off} of {size}");
}

fn theta_of(fitted: &Fitted) -> Vec<u8> {
    fitted.model.to_bytes().unwrap()
}

#[test]
fn the_same_spec_gives_the_same_bits_also_when_resumed() {
    let (train, train_target) = table(Task::Binary, 700, 1);
    let (valid, valid_target) = table(Task::Binary, 200, 2);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &train_target, &valid, &valid_target, Task::Binary, &classes);
    let options = FitOptions { epochs: Some(4), ..options() };
    let mut first = Recorder::default();
    let whole = fit(&data, &options, None, &mut first).unwrap();
    assert_eq!(theta_of(&whole), theta_of(&fit(&data, &options, None, &mut Recorder::default()).unwrap()));
    assert_eq!(first.checkpoints.len(), 4);
    for (_, bytes) in &first.checkpoints {
        let resumed = fit(&data, &options, Some(bytes), &mut Recorder::default()).unwrap();
        assert_eq!(theta_of(&whole), theta_of(&resumed));
    }
    let other = fit(&data, &FitOptions { seed: 8, ..options.clone() }, None, &mut Recorder::default()).unwrap();
    assert_ne!(theta_of(&whole), theta_of(&other));
    // Another seed's checkpoint, or one that is cut short, is not taken up.
    let mut recorder = Recorder::default();
    fit(&data, &FitOptions { seed: 8, ..options.clone() }, Some(&first.checkpoints[1].1), &mut recorder).unwrap();
    assert!(recorder.lines.iter().any(|line| line.contains("starts anew")));
    let cut = &first.checkpoints[1].1[..1000];
    assert_eq!(theta_of(&whole), theta_of(&fit(&data, &options, Some(cut), &mut Recorder::default()).unwrap()));
}

#[test]
fn several_nets_resume_to_the_same_bits_and_are_stored() {
    let (train, train_target) = table(Task::Binary, 300, 1);
    let (valid, valid_target) = table(Task::Binary, 120, 2);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &train_target, &valid, &valid_target, Task::Binary, &classes);
    let with = |set: &[(&str, f64)]| {
        let parameters = set.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
        FitOptions { epochs: Some(3), parameters, ..options() }
    };
    let small = [("realmlp.layers", 2.0), ("realmlp.width", 32.0), ("realmlp.embeddings", 0.0)];
    let of = |members: f64| with(&[&small[..], &[("realmlp.members", members)][..]].concat());
    let mut first = Recorder::default();
    let whole = fit(&data, &of(2.0), None, &mut first).unwrap();
    for (_, bytes) in &first.checkpoints {
        let resumed = fit(&data, &of(2.0), Some(bytes), &mut Recorder::default()).unwrap();
        assert_eq!(theta_of(&whole), theta_of(&resumed));
    }
    let Predictor::RealMlp(model) = &whole.model.predictor else { panic!() };
    assert_eq!((model.nets().len(), model.nets()[0].weights().layers.len()), (2, 3));
    assert_eq!(model.nets()[0].weights().mixed, 0);
    assert!(whole.parameters["model"].starts_with("RealMLP: 2 layers of 32 neurons"), "{:?}", whole.parameters);
    assert!(whole.parameters["members"].starts_with("2 nets"));
    let again = trainyard_infer::Model::from_bytes(&theta_of(&whole)).unwrap();
    assert_eq!(again.predict(&valid).unwrap(), whole.model.predict(&valid).unwrap());
    // What was told of the epoch that was kept is what the nets answer together.
    let Predictions::Probabilities { values, .. } = whole.model.predict(&valid).unwrap() else { panic!() };
    let Target::Classes(truth) = &valid_target else { panic!() };
    let right = values.chunks(2).zip(truth).filter(|(p, class)| usize::from(p[1] > p[0]) == **class as usize).count();
    let told = first.points.iter().filter(|p| p.key == "accuracy" && p.part == "valid").map(|p| p.value);
    let told = told.fold(0.0, f64::max);
    assert!((told - right as f64 / truth.len() as f64).abs() < 1e-9, "told {told}, {right} are right");
    // Nor is a checkpoint taken up whose settings are others.
    for other in [of(3.0), with(&[&small[..], &[("realmlp.members", 2.0), ("realmlp.dropout", 0.0)][..]].concat())] {
        let mut recorder = Recorder::default();
        fit(&data, &other, Some(&first.checkpoints[0].1), &mut recorder).unwrap();
        assert!(recorder.lines.iter().any(|line| line.contains("starts anew")));
    }
}

#[test]
fn learns_what_a_line_can_not() {
    let (train, train_target) = table(Task::Regression, 3_000, 1);
    let (valid, valid_target) = table(Task::Regression, 1_000, 2);
    let data = data(&train, &train_target, &valid, &valid_target, Task::Regression, &[]);
    let mut recorder = Recorder::default();
    let fitted = fit(&data, &FitOptions { epochs: Some(12), ..options() }, None, &mut recorder).unwrap();
    let Predictions::Values(values) = fitted.model.predict(&valid).unwrap() else { panic!() };
    let Target::Values(truth) = &valid_target else { panic!() };
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let rest =
        squares(&mut values.iter().zip(truth).map(|(a, b)| a - b)) / squares(&mut truth.iter().map(|b| b - mean));
    assert!(rest < 0.1, "{rest} of the variance is left");
    // What was told while training is what the model does.
    let told = recorder
        .points
        .iter()
        .filter(|p| p.key == "rmse" && p.part == "valid")
        .map(|p| p.value)
        .fold(f64::INFINITY, f64::min);
    let rmse = (squares(&mut values.iter().zip(truth).map(|(a, b)| a - b)) / truth.len() as f64).sqrt();
    assert!((told / rmse - 1.0).abs() < 1e-3, "told {told}, is {rmse}");
    assert_eq!(recorder.points.iter().filter(|p| p.key == "loss" && p.part == "train").count(), 12);
}

#[test]
fn a_budget_chooses_the_epochs() {
    let (train, target) = table(Task::Binary, 600, 1);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &target, &train, &target, Task::Binary, &classes);
    let mut recorder = Recorder::default();
    let started = Instant::now();
    let fitted =
        fit(&data, &FitOptions { epochs: None, budget_seconds: 2.0, ..options() }, None, &mut recorder).unwrap();
    let epochs: u32 = fitted.parameters["epochs"].parse().unwrap();
    assert!(epochs == EPOCHS || GRID.contains(&epochs));
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(recorder.lines.iter().any(|line| line.contains("budget")));
}

#[test]
fn stops_when_cancelled_and_says_what_is_wrong() {
    let (train, target) = table(Task::Binary, 300, 1);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let few = data(&train, &target, &train, &target, Task::Binary, &classes);
    let mut recorder = Recorder { cancel_after: Some(3), ..Recorder::default() };
    let ended = fit(&few, &FitOptions { epochs: Some(50), ..options() }, None, &mut recorder);
    assert!(matches!(ended, Err(FitError::Cancelled)));
    let infinite = Target::Values(vec![f64::MAX; 300]);
    let broken = data(&train, &infinite, &train, &infinite, Task::Regression, &[]);
    let Err(FitError::Problem(problem)) = fit(&broken, &options(), None, &mut Recorder::default()) else { panic!() };
    assert!(problem.message.contains("target"), "{}", problem.message);
    let constant = Frame { columns: vec![crate::tests::numbers("x", vec![1.0; 300])], rows: 300 };
    let useless = data(&constant, &target, &constant, &target, Task::Binary, &classes);
    assert!(matches!(fit(&useless, &options(), None, &mut Recorder::default()), Err(FitError::Problem(_))));
}

#[test]
fn checkpoints_of_anyone_are_refused_without_panic() {
    let bytes = Checkpoint {
        plan: Plan::new(Family::RealMlp, 1, 10, 5, 4),
        best: Best { epoch: 0, score: 1.0, theta: vec![0.0; 4] },
        state: State { theta: vec![1.0; 4], first: vec![0.0; 4], second: vec![0.0; 4], steps: 1 << 40 },
    }
    .to_bytes()
    .unwrap();
    let read = Checkpoint::from_bytes(&bytes).unwrap();
    assert_eq!(read.state.steps, 1 << 40);
    let set = [("realmlp.layers".to_owned(), 2.0), ("tabm.layers".to_owned(), 3.0)].into();
    assert_eq!(read.plan.clone().with_settings(&set).settings, "realmlp.layers=2");
    // Written before settings were: the same as with none set.
    assert!(!serde_json::to_string(&read.plan).unwrap().contains("settings"));
    for end in [0, 1, 8, 20, bytes.len() - 1] {
        assert!(Checkpoint::from_bytes(&bytes[..end]).is_err());
    }
}
