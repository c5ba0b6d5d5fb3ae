#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    goal::{Goal, NumberLoss},
    net::{
        Truth,
        engine::{Clock, Engine},
    },
    tests::{Recorder, data, options, table},
};
use burn::tensor::Device;
use trainyard_infer::{
    Column, Frame, Model, Predictions, Target, Values,
    net::{Head, TabMNet},
};
use trainyard_types::{dataset::ColumnType, loss::Loss, run::Task};

const FEW: usize = 4;

/// A start: layout of few members, rows, parameters, and what the outputs mean.
fn start(task: Task, rows: usize) -> (Arc<Layout>, Arc<Rows>, Vec<f32>, Head) {
    learning(task, None, rows)
}

fn learning(task: Task, loss: Option<Loss>, rows: usize) -> (Arc<Layout>, Arc<Rows>, Vec<f32>, Head) {
    let (frame, target) = table(task, rows, 1);
    of(&frame, &target, task, loss)
}

fn of(frame: &Frame, target: &Target, task: Task, loss: Option<Loss>) -> (Arc<Layout>, Arc<Rows>, Vec<f32>, Head) {
    shaped(frame, target, (task, loss), Config { members: FEW, ..Config::default() })
}

fn shaped(
    frame: &Frame,
    target: &Target,
    (task, loss): (Task, Option<Loss>),
    config: Config,
) -> (Arc<Layout>, Arc<Rows>, Vec<f32>, Head) {
    let encoder = Encoder::fit(frame, Recipe::TabM).unwrap();
    let classes: Vec<String> = (0..3).map(|i| i.to_string()).collect();
    let goal = Goal::new(&TrainData { loss, ..data(frame, target, frame, target, task, &classes) }).unwrap();
    let head = goal.head;
    let part = Part::new(&encoder, frame, target, goal, None).unwrap();
    let columns = Columns::fit(&encoder, &part.encoded, config.bins);
    let rows = Arc::new(Rows::new(part, &columns));
    let layout = Arc::new(Layout::new(columns, &encoder.embedding_rows(), head.outputs(), config));
    let mut theta = init::initial(&layout, 5);
    // Away from the special start where the steps are 0; behind a number's last bin they stay so.
    for (index, pieces) in layout.columns.pieces.iter().enumerate() {
        let at = layout.steps.start + index * layout.bins * recipe::EMBEDDING;
        for (k, value) in theta[at..][..pieces.bins() * recipe::EMBEDDING].iter_mut().enumerate() {
            *value = 0.3 * ((k * 7 % 11) as f32 / 5.0 - 1.0);
        }
    }
    (layout, rows, theta, head)
}

/// The members' rows: each its own order.
fn batch(count: u32) -> Vec<u32> {
    (0..FEW as u32).flat_map(|member| (0..count).map(move |row| (row * 7 + member * 13) % count)).collect()
}

fn fused(layout: &Arc<Layout>, rows: &Arc<Rows>, theta: &[f32]) -> Fused {
    Fused::new(Arc::clone(layout), Arc::clone(rows), Arc::clone(rows), theta).unwrap()
}

#[test]
fn the_written_gradient_is_burn_s_autodiff() {
    let numbers = [Loss::Absolute, Loss::Huber, Loss::Quantile(0.9), Loss::Poisson];
    let numbers = numbers.map(|loss| (Task::Regression, Some(loss)));
    let others = [(Task::Multiclass, None), (Task::Regression, None), (Task::Multiclass, Some(Loss::Focal(2.0)))];
    for (task, learned) in others.into_iter().chain(numbers) {
        let (layout, rows, theta, _) = learning(task, learned, 120);
        let fused = fused(&layout, &rows, &theta);
        let graph = Graph::new(Arc::clone(&layout), &rows, &rows, &theta, Device::flex());
        let picked = batch(100);
        let (loss, gradient) = fused.whole_gradient(&picked, &Clock::still()).unwrap();
        let (expected_loss, expected) = graph.whole_gradient(&picked, &Clock::still()).unwrap();
        assert!((loss - expected_loss).abs() < 1e-4 * expected_loss.abs(), "{loss} is not {expected_loss}");
        assert_eq!((gradient.len(), expected.len()), (layout.total, layout.total));
        for (index, segment) in layout.segments().enumerate() {
            let (found, expected) = (&gradient[segment.range()], &expected[segment.range()]);
            let size = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
            let off = found.iter().zip(expected).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
            assert!(
                size > 0.0 && off <= 2e-3 * size + 1e-6,
                "{task:?}, {learned:?}: segment {index} is off by {off} of {size}"
            );
        }
    }
}

#[test]
fn trunks_of_other_shapes_and_batches_in_parts_have_the_same_gradient() {
    let (frame, target) = table(Task::Multiclass, 120, 1);
    for (layers, width) in [(1, 32), (3, 48)] {
        let config = Config { layers, width, members: FEW, bins: 7, ..Config::default() };
        let (layout, rows, theta, _) = shaped(&frame, &target, (Task::Multiclass, None), config);
        assert_eq!((layout.bins, layout.depth(), layout.width()), (7, layers, width));
        let graph = || Graph::new(Arc::clone(&layout), &rows, &rows, &theta, Device::flex());
        let (whole, mut parts, mut graph_parts) =
            (fused(&layout, &rows, &theta), fused(&layout, &rows, &theta), graph());
        (parts.together, graph_parts.together) = (17, 32 * FEW);
        let picked = batch(100);
        let (loss, expected) = whole.whole_gradient(&picked, &Clock::still()).unwrap();
        for engine in [&parts as &dyn Engine, &graph(), &graph_parts] {
            let (found_loss, found) = engine.whole_gradient(&picked, &Clock::still()).unwrap();
            assert!((found_loss / loss - 1.0).abs() < 1e-4, "{found_loss} is not {loss}");
            let size = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
            let off = found.iter().zip(&expected).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
            assert!(off <= 2e-3 * size, "{layers} x {width}: off by {off} of {size}");
        }
        // What is dropped does not depend on the parts.
        let clock = Clock { dropout: 0.3, ..Clock::still() };
        let (_, expected) = whole.whole_gradient(&picked, &clock).unwrap();
        let (_, found) = parts.whole_gradient(&picked, &clock).unwrap();
        let size = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
        assert!(off <= 1e-4 * size, "off by {off} of {size}");
        let mut fused = whole;
        let served = layout.net(&theta, &[0, 1, 2, 3]).unwrap().forward(&rows.part.encoded);
        for (a, b) in fused.outputs(true, 0..120).unwrap().iter().zip(&served) {
            assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{a} is not {b}");
        }
    }
}

#[test]
fn what_is_set_reaches_the_net() {
    let (train, target) = table(Task::Binary, 200, 1);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &target, &train, &target, Task::Binary, &classes);
    let set = [
        ("tabm.layers", 1.0),
        ("tabm.width", 32.0),
        ("tabm.members", 2.0),
        ("tabm.bins", 5.0),
        ("tabm.dropout", 0.0),
        ("tabm.learning_rate", 0.01),
        ("tabm.weight_decay", 0.0),
        ("tabm.batch_size", 50.0),
        ("tabm.patience", 3.0),
    ];
    assert!(trainyard_types::hyper::of(Family::TabM).map(|known| known.key).eq(set.map(|(key, _)| key)));
    let parameters = set.map(|(key, value)| (key.to_owned(), value)).into();
    let options = FitOptions { epochs: Some(1), parameters, ..options() };
    let expected = Config {
        layers: 1,
        width: 32,
        members: 2,
        bins: 5,
        dropout: 0.0,
        rate: 0.01,
        decay: 0.0,
        batch: Some(50),
        patience: 3,
    };
    assert_eq!(Config::new(&options), expected);
    assert_eq!(Config::new(&FitOptions { parameters: Default::default(), ..options.clone() }), Config::default());
    let fitted = fit(&data, &options, None, &mut Recorder::default()).unwrap();
    let Predictor::TabM(model) = &fitted.model.predictor else { panic!() };
    let weights = model.net().weights();
    assert_eq!((weights.layers.len(), weights.layers[0].outputs, weights.bins), (1, 32, 5));
    assert!(fitted.parameters["model"].starts_with("TabM-mini: 2 members, 1 shared layer of 32 neurons"));
    let again = Model::from_bytes(&bytes(&fitted)).unwrap();
    assert_eq!(again.predict(&train).unwrap(), fitted.model.predict(&train).unwrap());
}

#[test]
fn the_gradient_with_dropout_is_the_loss_s_slope() {
    let (layout, rows, theta, _) = start(Task::Multiclass, 120);
    let picked = batch(120);
    let clock = Clock { dropout: 0.3, ..layout.config.clock(1, 10) };
    let loss = |theta: &[f32]| fused(&layout, &rows, theta).whole_gradient(&picked, &clock).unwrap();
    let (_, gradient) = loss(&theta);
    for from in [0, layout.scale.start, layout.heads.start, layout.small] {
        // Along the gradient of some of the parameters.
        let direction: Vec<f32> = gradient.iter().enumerate().map(|(i, g)| if i >= from { *g } else { 0.0 }).collect();
        let slope: f64 = direction.iter().map(|g| f64::from(*g).powi(2)).sum();
        let step = 1e-2 / slope.sqrt();
        let moved = |sign: f64| -> Vec<f32> {
            theta.iter().zip(&direction).map(|(t, d)| t + (sign * step * f64::from(*d)) as f32).collect()
        };
        let found = (loss(&moved(1.0)).0 - loss(&moved(-1.0)).0) / (2.0 * step);
        assert!((found / slope - 1.0).abs() < 0.02, "from {from}: {found} is not {slope}");
    }
}

#[test]
fn both_engines_and_the_served_net_agree() {
    for task in [Task::Multiclass, Task::Regression] {
        let (layout, rows, theta, _) = start(task, 300);
        let count = rows.part.encoded.rows;
        let mut fused = fused(&layout, &rows, &theta);
        let mut graph = Graph::new(Arc::clone(&layout), &rows, &rows, &theta, Device::flex());
        let served = layout.net(&theta, &[0, 1, 2, 3]).unwrap().forward(&rows.part.encoded);
        for outputs in [fused.outputs(true, 0..count).unwrap(), graph.outputs(false, 0..count).unwrap()] {
            assert_eq!(outputs.len(), served.len());
            for (a, b) in outputs.iter().zip(&served) {
                assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{a} is not {b}");
            }
        }
        // A net of some members gives what they give.
        let some: TabMNet = layout.net(&theta, &[1, 3]).unwrap();
        let wide = layout.outputs;
        for (all, some) in served.chunks(FEW * wide).zip(some.forward(&rows.part.encoded).chunks(2 * wide)) {
            assert_eq!((&all[wide..2 * wide], &all[3 * wide..]), (&some[..wide], &some[wide..]));
        }
    }
}

#[test]
fn both_engines_take_the_same_steps() {
    let (layout, rows, theta, _) = start(Task::Regression, 128);
    let mut fused = fused(&layout, &rows, &theta);
    let mut graph = Graph::new(Arc::clone(&layout), &rows, &rows, &theta, Device::flex());
    for step in 1..4 {
        let clock = Clock { dropout: 0.0, ..layout.config.clock(1, step) };
        fused.step(&batch(128), &clock).unwrap();
        graph.step(&batch(128), &clock).unwrap();
    }
    assert!((fused.mean_loss().unwrap() / graph.mean_loss().unwrap() - 1.0).abs() < 1e-3);
    let (a, b) = (fused.state().unwrap(), graph.state().unwrap());
    // The moments hold the gradients as they were cut to length 1.
    for (a, b) in [(&a.first, &b.first), (&a.second, &b.second)] {
        let size = b.iter().map(|b| b * b).sum::<f32>().sqrt();
        let off = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
        assert!(size > 0.0 && off < 0.01 * size, "{off} of {size}");
    }
    let size = b.theta.iter().zip(&theta).map(|(b, t)| (b - t).powi(2)).sum::<f32>().sqrt();
    let off = a.theta.iter().zip(&b.theta).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
    // Adam's first steps are signs: entries whose gradient is near 0 may differ.
    assert!(off < 0.05 * size, "{off} of {size}");
}

#[test]
fn tables_of_one_kind_of_column_train_too() {
    let (mut frame, target) = table(Task::Binary, 400, 3);
    let levels = (0..80).map(|level| format!("{level}")).collect();
    let values = Values::Categories { codes: (0..400).map(|row| row * 7 % 80).collect(), levels };
    frame.columns.push(Column { name: "many".into(), kind: ColumnType::Text, values });
    for picked in [0..2, 2..4, 3..5, 4..5] {
        let frame = Frame { columns: frame.columns[picked.clone()].to_vec(), rows: frame.rows };
        let (layout, rows, theta, _) = of(&frame, &target, Task::Binary, None);
        assert_eq!(layout.features().len(), layout.inputs());
        assert_eq!(layout.tables.len(), usize::from(picked.end == 5), "80 levels are embedded");
        let fused = fused(&layout, &rows, &theta);
        let graph = Graph::new(Arc::clone(&layout), &rows, &rows, &theta, Device::flex());
        let [(_, found), (_, expected)] =
            [&fused as &dyn Engine, &graph].map(|engine| engine.whole_gradient(&batch(64), &Clock::still()).unwrap());
        let size = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
        assert!(off <= 2e-3 * size, "{picked:?}: {off} of {size}");
    }
}

#[test]
fn a_feature_s_inputs_begin_with_one_scale() {
    let (layout, _, theta, _) = start(Task::Binary, 300);
    let features = layout.features();
    // Two numbers; whether the second is missing; three levels and twenty.
    assert_eq!(features.len(), 2 * 16 + 1 + 3 + 20);
    assert_eq!(features.last(), Some(&4));
    let scales = &theta[layout.scale.range()];
    for member in scales.chunks(features.len()) {
        for (input, feature) in features.iter().enumerate() {
            let first = features.iter().position(|other| other == feature).unwrap();
            assert_eq!(member[input], member[first]);
        }
        assert_ne!(member[0], member[16]);
    }
    assert_ne!(scales[0], scales[features.len()]);
    let mut next = 0;
    for segment in layout.segments() {
        assert_eq!(segment.start, next);
        next = segment.range().end;
    }
    assert_eq!(next, layout.total);
}

fn bytes(fitted: &Fitted) -> Vec<u8> {
    fitted.model.to_bytes().unwrap()
}

#[test]
fn the_same_spec_gives_the_same_bits_also_when_resumed() {
    let (train, train_target) = table(Task::Binary, 300, 1);
    let (valid, valid_target) = table(Task::Binary, 150, 2);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &train_target, &valid, &valid_target, Task::Binary, &classes);
    let options = FitOptions { epochs: Some(4), ..options() };
    let mut first = Recorder::default();
    let whole = fit(&data, &options, None, &mut first).unwrap();
    assert_eq!(bytes(&whole), bytes(&fit(&data, &options, None, &mut Recorder::default()).unwrap()));
    assert_eq!(first.checkpoints.len(), 4);
    for (_, checkpoint) in &first.checkpoints {
        let resumed = fit(&data, &options, Some(checkpoint), &mut Recorder::default()).unwrap();
        assert_eq!(bytes(&whole), bytes(&resumed));
    }
    let mut recorder = Recorder::default();
    let other = fit(&data, &FitOptions { seed: 8, ..options }, Some(&first.checkpoints[1].1), &mut recorder).unwrap();
    assert!(recorder.lines.iter().any(|line| line.contains("starts anew")));
    assert_ne!(bytes(&whole), bytes(&other));
}

#[test]
fn patience_ends_and_the_best_epoch_is_kept() {
    let (train, train_target) = table(Task::Binary, 120, 1);
    // What is to be learned is not there: the classes of other rows.
    let (valid, _) = table(Task::Binary, 100, 2);
    let (_, valid_target) = table(Task::Binary, 100, 9);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &train_target, &valid, &valid_target, Task::Binary, &classes);
    let mut recorder = Recorder::default();
    let fitted = fit(&data, &FitOptions { epochs: Some(120), ..options() }, None, &mut recorder).unwrap();
    let last = recorder.points.iter().map(|point| point.step).max().unwrap();
    assert_eq!(last, fitted.epochs + u64::from(Config::default().patience), "{:?}", recorder.lines);
    let accuracy: Vec<f64> =
        recorder.points.iter().filter(|p| p.key == "accuracy" && p.part == "valid").map(|p| p.value).collect();
    let best = accuracy.iter().copied().fold(0.0, f64::max);
    assert_eq!(accuracy.iter().position(|a| *a == best), Some(fitted.epochs as usize - 1));
    // A checkpoint of the end has nothing left to do.
    let resumed = fit(
        &data,
        &FitOptions { epochs: Some(120), ..options() },
        Some(&recorder.checkpoints.last().unwrap().1),
        &mut Recorder::default(),
    );
    assert_eq!(bytes(&resumed.unwrap()), bytes(&fitted));
}

#[test]
fn learns_what_a_line_can_not_and_answers_as_it_was_scored() {
    let (train, train_target) = table(Task::Regression, 2_000, 1);
    let (valid, valid_target) = table(Task::Regression, 600, 2);
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
    // All members were scored; those that were kept are no worse on these rows.
    let told = recorder
        .points
        .iter()
        .filter(|p| p.key == "rmse" && p.part == "valid")
        .map(|p| p.value)
        .fold(f64::INFINITY, f64::min);
    let rmse = (squares(&mut values.iter().zip(truth).map(|(a, b)| a - b)) / truth.len() as f64).sqrt();
    assert!(rmse <= told * 1.001 && rmse > told * 0.8, "told {told}, is {rmse}");
    let members: usize = fitted.parameters["members"].split(' ').next().unwrap().parse().unwrap();
    let Predictor::TabM(model) = &fitted.model.predictor else { panic!() };
    assert_eq!(model.net().weights().members, members);
    let again = Model::from_bytes(&bytes(&fitted)).unwrap();
    assert_eq!(again.predict(&valid).unwrap(), fitted.model.predict(&valid).unwrap());
}

#[test]
fn members_are_taken_while_they_help() {
    let goal = |head| Goal { head, gamma: 0.0, loss: NumberLoss::Squared };
    let head = goal(Head::Value { mean: 0.0, scale: 1.0, low: -9.0, high: 9.0 });
    let truth = Truth::Values(vec![0.0, 1.0, 2.0]);
    // Members 0 and 2 err to opposite sides, member 1 is the best alone and spoils both, member 3 is far off.
    let outputs = [
        [0.6, 0.3, -0.5, 7.0], //
        [1.6, 1.3, 0.5, 7.0],
        [2.6, 2.3, 1.5, 7.0],
    ];
    assert_eq!(select::greedy(head, 4, outputs.as_flattened(), &truth), [1, 2]);
    // Probabilities are meant, not logits: sure and wrong is worse than unsure.
    let head = goal(Head::Classes { classes: 2 });
    let outputs = [[0.0, 1.0, 9.0, 0.0], [1.0, 0.0, 0.0, 9.0]];
    let truth = Truth::Classes(vec![1, 0]);
    assert_eq!(select::greedy(head, 2, outputs.as_flattened(), &truth), [0]);
    // Alike: all of them.
    let outputs = [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]];
    assert_eq!(select::greedy(head, 2, outputs.as_flattened(), &truth), [0, 1]);
}

#[test]
fn stops_when_cancelled() {
    let (train, target) = table(Task::Binary, 300, 1);
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = data(&train, &target, &train, &target, Task::Binary, &classes);
    let mut recorder = Recorder { cancel_after: Some(3), ..Recorder::default() };
    let ended = fit(&data, &FitOptions { epochs: Some(50), ..options() }, None, &mut recorder);
    assert!(matches!(ended, Err(FitError::Cancelled)));
}
