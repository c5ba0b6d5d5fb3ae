#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    Weights,
    tests::{Recorder, data, numbers, options, spread},
};
use trainyard_infer::{Column, Frame, Model, Values};

fn names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("class {class}")).collect()
}

/// Four numbers, and a law of three of them with noise.
fn four(rows: usize, seed: u64) -> (Frame, Vec<f64>) {
    let x: Vec<Vec<f64>> = (0..4).map(|at| spread(rows, seed + 100 * at)).collect();
    let noise = spread(rows, seed + 900);
    let law =
        (0..rows).map(|row| (x[0][row] * 9.0).sin() + x[1][row] * 2.0 * x[2][row] + (noise[row] - 0.5) * 0.6).collect();
    let columns = x.into_iter().enumerate().map(|(at, values)| numbers(&format!("x{at}"), values)).collect();
    (Frame { columns, rows }, law)
}

fn two(law: &[f64]) -> Target {
    Target::Classes(law.iter().map(|value| u32::from(*value > 0.8)).collect())
}

fn three(law: &[f64]) -> Target {
    Target::Classes(law.iter().map(|value| u32::from(*value >= 0.2) + u32::from(*value >= 1.0)).collect())
}

/// Every seventh row lacks its first number.
fn with_gaps(mut frame: Frame) -> Frame {
    let Values::Numbers(values) = &mut frame.columns[0].values else { panic!() };
    values.iter_mut().enumerate().filter(|(row, _)| row % 7 == 3).for_each(|(_, value)| *value = f64::NAN);
    frame
}

fn rules() -> Rules {
    Rules {
        max_features: usize::MAX,
        min_samples_leaf: 1,
        max_depth: usize::MAX,
        max_leaf_nodes: usize::MAX,
        bootstrap: false,
    }
}

/// A forest by these rules, on so many threads.
fn grown(data: &TrainData<'_>, rules: &Rules, trees: usize, threads: usize, seed: u64) -> (TreesModel, Vec<Tree>) {
    let encoder = TreeEncoder::fit(data.train);
    let middle = centre(data);
    let learned = outcome(data, middle);
    let features = encoder.encode(data.train).unwrap();
    let weights = data.weights.map(|weights| weights.train);
    let table = Binned::new(&encoder, &features, data.train.rows, &learned, weights);
    let watched = out_of_bag::watched(data.train.rows, learned.width());
    let directions = vec![None; table.features()];
    let ground =
        Ground { table: &table, outcome: &learned, weights, rules, directions: &directions, seed, watched: &watched };
    let trees = workers::grow(&ground, trees, threads, &mut Recorder::default()).unwrap();
    let ensemble = convert(data, &table, &learned, &trees, middle).unwrap();
    (TreesModel::new(encoder, ensemble).unwrap(), trees)
}

/// The mean of the squared errors; of probabilities over rows and classes.
fn squared_error(target: &Target, predictions: &Predictions) -> f64 {
    let errors: Vec<f64> = match (target, predictions) {
        (Target::Values(truth), Predictions::Values(values)) => {
            truth.iter().zip(values).map(|(truth, value)| (truth - value).powi(2)).collect()
        }
        (Target::Classes(truth), Predictions::Probabilities { classes, values }) => values
            .iter()
            .enumerate()
            .map(|(at, p)| (f64::from(u8::from(truth[at / classes] as usize == at % classes)) - f64::from(*p)).powi(2))
            .collect(),
        _ => panic!("another kind of answer"),
    };
    errors.iter().sum::<f64>() / errors.len() as f64
}

/// One tree of all rows, four levels deep with eight rows a leaf or more.
///
/// scikit-learn 1.9.1, numpy 2: DecisionTreeRegressor and DecisionTreeClassifier(max_depth=4, min_samples_leaf=8) on the same
/// rows; of two classes the squared error of the second one's probability, of three the mean over rows and classes. The first
/// column with gaps: np.nan in every row whose number modulo 7 is 3.
#[test]
fn a_tree_is_that_of_scikit_learn() {
    let rules = Rules { max_depth: 4, min_samples_leaf: 8, ..rules() };
    let (whole, law) = four(200, 11);
    let gaps = with_gaps(whole.clone());
    let cases: [(&Frame, [(usize, f64); 3]); 2] = [
        (&whole, [(13, 0.124_831_587_724), (9, 0.083_591_800_357), (12, 0.075_864_898_99)]),
        (&gaps, [(12, 0.190_725_570_984), (10, 0.096_176_328_502), (13, 0.103_949_133_987)]),
    ];
    for (frame, expected) in cases {
        let targets = [
            (Task::Regression, Target::Values(law.clone()), 0),
            (Task::Binary, two(&law), 2),
            (Task::Multiclass, three(&law), 3),
        ];
        for ((task, target, classes), (leaves, error)) in targets.into_iter().zip(expected) {
            let classes = names(classes);
            let data = data(frame, &target, frame, &target, task, &classes);
            let (model, trees) = grown(&data, &rules, 1, 1, 0);
            let found = trees[0].nodes.iter().filter(|node| node.split.is_none()).count();
            assert_eq!(found, leaves, "{task:?}");
            let off = squared_error(&target, &model.predict(frame).unwrap()) - error;
            assert!(off.abs() < 1e-6, "{task:?}: {off}");
        }
    }
    // The same regression without gaps, row by row.
    let target = Target::Values(law);
    let (model, _) = grown(&data(&whole, &target, &whole, &target, Task::Regression, &[]), &rules, 1, 1, 0);
    let Predictions::Values(values) = model.predict(&whole).unwrap() else { panic!() };
    for (row, expected) in
        [(0, 0.458_841_163), (1, -0.232_494_824), (10, 1.032_819_52), (50, 1.946_069_362), (199, -0.544_779_411)]
    {
        assert!((values[row] - expected).abs() < 1e-6, "row {row}: {} is not {expected}", values[row]);
    }
}

/// x = 1, 2, 3, 4 and missing; y = 0, 0, 12, 18 and 20, less their mean of 10. Below 2.5 and the gap right: 20²/2 + 20²/3 =
/// 333; below 3.5 it would be 18²/3 + 18²/2 = 270. Of the rest below 3.5 and the gap right: 2² + 18²/2 = 166; the gap left would
/// be 136, and the gap alone 150. Then 18 and the gap's 20 are told apart by the gap.
#[test]
fn a_tree_by_hand() {
    let frame = Frame { columns: vec![numbers("x", vec![1.0, 2.0, 3.0, 4.0, f64::NAN])], rows: 5 };
    let target = Target::Values(vec![0.0, 0.0, 12.0, 18.0, 20.0]);
    let (model, _) = grown(&data(&frame, &target, &frame, &target, Task::Regression, &[]), &rules(), 1, 1, 0);
    assert_eq!(model.ensemble().base(), [10.0]);
    let split = |source: &Source<'_>| match source {
        Source::Split { feature: 0, rule: Rule::Below(threshold), left, missing_left, .. } => {
            (*threshold, *left, *missing_left)
        }
        _ => panic!("no split on a number"),
    };
    let leaf = |source: &Source<'_>| match source {
        Source::Leaf(values) => values.clone(),
        Source::Split { .. } => panic!("no leaf"),
    };
    let nodes = model.ensemble().tree(0).nodes;
    assert_eq!(nodes.len(), 7);
    assert_eq!(split(&nodes[0]), (2.5, 1, false));
    assert_eq!(leaf(&nodes[1]), [-10.0]);
    assert_eq!(split(&nodes[2]), (3.5, 3, false));
    assert_eq!(leaf(&nodes[3]), [2.0]);
    assert_eq!(split(&nodes[4]), (f64::INFINITY, 5, false));
    assert_eq!((leaf(&nodes[5]), leaf(&nodes[6])), (vec![8.0], vec![10.0]));
    let odd = Frame { columns: vec![numbers("x", vec![f64::INFINITY, 1e300, -1e300])], rows: 3 };
    assert_eq!(model.predict(&odd).unwrap(), Predictions::Values(vec![20.0, 18.0, 0.0]));
}

/// scikit-learn 1.9.1, RandomForestRegressor and RandomForestClassifier(100) on the same rows, eight seeds: RMSE 0.2061
/// (deviation 0.0011), out of bag 0.2083 (0.0010); ROC AUC 0.9674 (0.0008), out of bag 0.9746 (0.0013); accuracy 0.8488
/// (0.0037). Five deviations, and as much again for bins in place of all thresholds.
#[test]
fn a_forest_is_as_good_as_scikit_learn_s() {
    let (train, law) = four(1500, 21);
    let (valid, valid_law) = four(1000, 5021);
    let parameters = [("forest.trees".to_owned(), 100.0)].into();
    let options = FitOptions { parameters, ..options() };
    let cases = [
        (Task::Regression, Target::Values(law.clone()), Target::Values(valid_law.clone()), 0, 0.2061, 0.011),
        (Task::Binary, two(&law), two(&valid_law), 2, 0.9674, 0.008),
        (Task::Multiclass, three(&law), three(&valid_law), 3, 0.8488, 0.037),
    ];
    for (task, target, valid_target, classes, expected, tolerance) in cases {
        let classes = names(classes);
        let data = data(&train, &target, &valid, &valid_target, task, &classes);
        let mut recorder = Recorder::default();
        let fitted = fit(&data, &options, None, &mut recorder).unwrap();
        let score = metrics::primary(task, &valid_target, &fitted.model.predict(&valid).unwrap());
        assert!((score - expected).abs() < tolerance, "{task:?}: {score} is not {expected}");
        let told: f64 = fitted.parameters[&format!("oob_{}", task.primary_metric())].parse().unwrap();
        let bag = match task {
            Task::Regression => 0.2083,
            Task::Binary => 0.9746,
            Task::Multiclass => 0.8488,
        };
        assert!((told - bag).abs() < tolerance, "{task:?}: {told} is not {bag} out of bag");
        assert!(recorder.lines.iter().any(|line| line.contains("out-of-bag")), "{:?}", recorder.lines);
        let last = recorder.points.iter().rfind(|point| point.part == "valid" && point.key == task.primary_metric());
        let last = last.unwrap();
        assert_eq!(last.step, 100);
        assert!((last.value - score).abs() < 1e-6, "the curve ends at {} and not {score}", last.value);
    }
}

#[test]
fn trees_depend_on_seed_and_number_only() {
    let (frame, law) = four(300, 31);
    let target = three(&law);
    let classes = names(3);
    let data = data(&frame, &target, &frame, &target, Task::Multiclass, &classes);
    let rules = Rules { bootstrap: true, max_features: 2, ..rules() };
    let (_, one) = grown(&data, &rules, 12, 1, 5);
    let (_, many) = grown(&data, &rules, 12, 5, 5);
    let (_, fewer) = grown(&data, &rules, 7, 3, 5);
    assert!(one == many && one[..7] == fewer[..]);
    let (_, other) = grown(&data, &rules, 12, 1, 6);
    assert!(one != other && one[0] != one[1]);
}

/// A row that counts three times is as three rows, of numbers and of classes.
#[test]
fn weights_are_as_repeated_rows() {
    let (frame, law) = four(150, 41);
    let weights: Vec<f64> = (0..150).map(|row| f64::from(row % 4)).collect();
    let repeated: Vec<usize> = (0..150).flat_map(|row| vec![row; row % 4]).collect();
    let rules = Rules { max_depth: 4, ..rules() };
    for (task, target, classes) in [
        (Task::Regression, Target::Values(law.clone()), 0),
        (Task::Binary, two(&law), 2),
        (Task::Multiclass, three(&law), 3),
    ] {
        let classes = names(classes);
        let (more, more_target) = (frame.take(&repeated), target.take(&repeated));
        let given = Weights { train: &weights, valid: &weights };
        let weighted = TrainData { weights: Some(given), ..data(&frame, &target, &frame, &target, task, &classes) };
        let plain = data(&more, &more_target, &more, &more_target, task, &classes);
        let (weighted, plain) = (grown(&weighted, &rules, 1, 1, 0).0, grown(&plain, &rules, 1, 1, 0).0);
        // Rows that count nothing may lie between thresholds.
        let answers = |model: &TreesModel| match model.predict(&more).unwrap() {
            Predictions::Values(values) => values,
            Predictions::Probabilities { values, .. } => values.iter().map(|p| f64::from(*p)).collect(),
        };
        for (a, b) in answers(&weighted).iter().zip(answers(&plain)) {
            assert!((a - b).abs() < 1e-5, "{task:?}: {a} and {b}");
        }
    }
}

#[test]
fn fit_learns_is_repeatable_and_survives_storage() {
    for task in [Task::Regression, Task::Binary, Task::Multiclass] {
        let (train, target) = crate::tests::table(task, 600, 3);
        let (valid, valid_target) = crate::tests::table(task, 300, 4_003);
        let classes = names(match task {
            Task::Regression => 0,
            Task::Binary => 2,
            Task::Multiclass => 3,
        });
        let data = data(&train, &target, &valid, &valid_target, task, &classes);
        let options = FitOptions { parameters: [("forest.trees".to_owned(), 40.0)].into(), ..options() };
        let fitted = fit(&data, &options, None, &mut Recorder::default()).unwrap();
        let again = fit(&data, &options, None, &mut Recorder::default()).unwrap();
        let bytes = fitted.model.to_bytes().unwrap();
        assert_eq!(bytes, again.model.to_bytes().unwrap());
        assert_eq!(Model::from_bytes(&bytes).unwrap(), fitted.model);
        assert_eq!(fitted.model.family, trainyard_types::run::Family::Forest);
        let scores = metrics::score(task, &valid_target, &fitted.model.predict(&valid).unwrap());
        let good = match task {
            Task::Regression => scores["r2"] > 0.7,
            Task::Binary => scores["roc_auc"] > 0.85,
            Task::Multiclass => scores["accuracy"] > 0.65,
        };
        assert!(good, "{task:?}: {scores:?}");
        // A row that has nothing the model knows.
        let mut odd = valid.take(&[0]);
        for column in &mut odd.columns {
            column.values = match column.values {
                Values::Numbers(_) => Values::Numbers(vec![f64::NEG_INFINITY]),
                Values::Categories { .. } => Values::Categories { codes: vec![0], levels: vec!["never seen".into()] },
            };
        }
        assert_eq!(fitted.model.predict(&odd).unwrap().rows(), 1);
    }
}

#[test]
fn cancelled_and_empty_fits_say_so() {
    let (frame, law) = four(200, 51);
    let target = two(&law);
    let classes = names(2);
    let all = data(&frame, &target, &frame, &target, Task::Binary, &classes);
    let mut recorder = Recorder { cancel_after: Some(0), ..Recorder::default() };
    assert!(matches!(fit(&all, &options(), None, &mut recorder), Err(FitError::Cancelled)));
    let flat = Frame { columns: vec![numbers("same", vec![7.0; 200])], rows: 200 };
    let fitted = fit(&TrainData { train: &flat, ..all }, &options(), None, &mut Recorder::default()).unwrap();
    let Predictions::Probabilities { values, .. } = fitted.model.predict(&flat).unwrap() else { panic!() };
    let Target::Classes(outcomes) = &target else { panic!() };
    let share = outcomes.iter().sum::<u32>() as f32 / 200.0;
    assert!((values[1] - share).abs() < 1e-6);
    let none = Frame { columns: frame.take(&[]).columns, rows: 0 };
    let nothing = fit(&TrainData { train: &none, ..all }, &options(), None, &mut Recorder::default());
    assert!(matches!(nothing, Err(FitError::Problem(_))));
}

#[test]
fn hyperparameters_budget_and_size_make_the_plan() {
    let (frame, law) = four(400, 61);
    let target = three(&law);
    let classes = names(3);
    let data = data(&frame, &target, &frame, &target, Task::Multiclass, &classes);
    let encoder = TreeEncoder::fit(&frame);
    let plan = |set: &[(&str, f64)], budget_seconds| {
        let parameters = set.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
        Plan::new(&data, &FitOptions { parameters, budget_seconds, ..options() }, &encoder)
    };
    let set = plan(
        &[
            ("forest.trees", 33.0),
            ("forest.max_features", 0.75),
            ("forest.min_samples_leaf", 4.0),
            ("forest.max_depth", 3.0),
        ],
        10.0,
    );
    let Rules { max_features, min_samples_leaf, max_depth, .. } = set.rules;
    assert_eq!((set.trees, max_features, min_samples_leaf, max_depth), (33, 3, 4, 3));
    let free = plan(&[], 60.0);
    assert_eq!((free.trees, free.rules.max_features), (500, 2), "few rows: all trees, the square root of the columns");
    assert_eq!(plan(&[("forest.max_features", 0.0)], 60.0).rules.max_features, 1);
    // Many classes make wide leaves: fewer of them.
    let classes = names(1000);
    let wide = TrainData { classes: &classes, ..data };
    let wide = Plan::new(&wide, &options(), &encoder);
    assert!(wide.trees * wide.rules.max_leaf_nodes * (LEAF_BYTES + 4000) <= MODEL_BYTES);
    let rules = Rules { max_leaf_nodes: 6, ..rules() };
    let (model, trees) = grown(&data, &rules, 1, 1, 0);
    assert_eq!((model.ensemble().nodes(), trees[0].nodes.len()), (11, 11), "six leaves and five splits");
}

#[test]
fn bins_lie_between_values_and_hold_about_as_many_rows() {
    assert_eq!(crate::cuts::cuts(&[3.0, 1.0, f64::NAN, 1.0, 2.0], 255), [1.5, 2.5]);
    let next = 1.0 + f64::EPSILON;
    assert_eq!(crate::cuts::cuts(&[next, 1.0], 255), [next]);
    assert_eq!(crate::cuts::cuts(&[-0.0, 0.0], 255), [0.0; 0]);
    let values = spread(20_000, 9);
    let cuts = crate::cuts::cuts(&values, 255);
    assert_eq!(cuts.len(), 254);
    let mut counts = vec![0usize; 255];
    values.iter().for_each(|value| counts[cuts.partition_point(|cut| cut <= value)] += 1);
    assert!(counts.iter().all(|count| (70..90).contains(count)), "{counts:?}");
}

#[test]
fn categories_stand_by_their_outcomes() {
    let codes = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, f64::NAN];
    let numbers = Outcome::Numbers(vec![5.0, 5.0, 1.0, 1.0, 3.0, 3.0, 9.0]);
    assert_eq!(order::categories(&codes, &numbers, None), [2, 3, 1]);
    let weights = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    // What counts nothing has a mean of 0.
    assert_eq!(order::categories(&codes, &numbers, Some(&weights)), [3, 2, 1]);
    // Only the first class, half and half, only the last: the share of the class that varies most grows.
    let classes = Outcome::Classes(vec![0, 0, 0, 2, 2, 2, 1], 3);
    assert_eq!(order::categories(&codes, &classes, None), [3, 2, 1]);
    let cuts = Cuts::Categories(vec![9, 2, 1]);
    assert_eq!((cuts.set(0), cuts.set(1), cuts.set(2)), (vec![0, 0b10], vec![0b100, 0b10], vec![0b110, 0b10]));
}

/// A category decides: the trees cut the order of its levels, and gaps go where they gain.
#[test]
fn categories_are_divided_by_sets() {
    let levels = ["a", "b", "c", "d"];
    let codes: Vec<u32> =
        (0..80).map(|row| row % 5).map(|code| if code == 4 { trainyard_infer::MISSING } else { code }).collect();
    let city = Column {
        name: "city".into(),
        kind: trainyard_types::dataset::ColumnType::Text,
        values: Values::Categories { codes: codes.clone(), levels: levels.map(str::to_owned).to_vec() },
    };
    let frame = Frame { columns: vec![city], rows: 80 };
    let target = Target::Values(codes.iter().map(|code| if code % 2 == 0 { 1.0 } else { 5.0 }).collect());
    let (model, trees) = grown(&data(&frame, &target, &frame, &target, Task::Regression, &[]), &rules(), 1, 1, 0);
    assert_eq!(trees[0].nodes.len(), 3, "one split tells the levels apart");
    let Predictions::Values(values) = model.predict(&frame).unwrap() else { panic!() };
    let Target::Values(truth) = &target else { panic!() };
    assert!(values.iter().zip(truth).all(|(value, truth)| (value - truth).abs() < 1e-6), "{values:?}");
}
