#![allow(clippy::unwrap_used)]

#[path = "decision_tests.rs"]
mod decisions;
#[path = "loss_tests.rs"]
mod losses;
#[path = "stream_tests.rs"]
mod streams;

use super::*;
use trainyard_infer::{Column, MISSING, Model, Values};
use trainyard_types::{
    dataset::ColumnType,
    evaluation::Fit,
    monotone::Direction,
    run::{DeviceChoice, Family, SplitMethod, Task},
};

/// Uniform in 0 to 1, the same every time (SplitMix64).
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Two numbers, a category and an instant that decide the target, and one that does not.
fn table(rows: usize, target: Task) -> Frame {
    let mut random = noise(7);
    let mut columns: [Vec<f64>; 4] = Default::default();
    let (mut city, mut number, mut label) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..rows {
        let (a, b, idle) = (random() * 10.0, random() - 0.5, random());
        let place = (random() * 3.0) as u32;
        let signal = a + 8.0 * b + f64::from(place) * 2.0 + (random() - 0.5) * 2.0;
        columns[0].push(a);
        columns[1].push(if row % 50 == 3 { f64::NAN } else { b });
        columns[2].push(idle);
        columns[3].push(row as f64 * 3.6e6);
        city.push(if row % 70 == 5 { MISSING } else { place });
        number.push(signal);
        label.push(match target {
            Task::Binary => u32::from(signal > 7.0),
            _ => (signal > 4.0) as u32 + (signal > 9.0) as u32,
        });
    }
    let names = ["amount", "ratio", "idle", "at"];
    let mut all: Vec<Column> = names
        .iter()
        .zip(columns)
        .map(|(name, values)| Column {
            name: (*name).into(),
            kind: if *name == "at" { ColumnType::Datetime } else { ColumnType::Float },
            values: Values::Numbers(values),
        })
        .collect();
    let levels = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    all.push(Column {
        name: "city".into(),
        kind: ColumnType::Text,
        values: Values::Categories { codes: city, levels: levels(&["Ulm", "Bonn", "Kiel"]) },
    });
    all.push(Column {
        name: "y".into(),
        kind: if target == Task::Regression { ColumnType::Float } else { ColumnType::Text },
        values: match target {
            Task::Regression => Values::Numbers(number),
            _ => Values::Categories { codes: label, levels: levels(&["no", "yes", "maybe"]) },
        },
    });
    Frame { columns: all, rows }
}

#[derive(Default)]
struct Heard {
    events: Vec<JobEvent>,
    /// Cancel once this many checkpoints were written.
    cancel_after_checkpoints: Option<usize>,
}

impl Heard {
    fn progress(&self) -> Vec<f64> {
        self.events.iter().filter_map(|e| if let JobEvent::Progress(p) = e { Some(p.fraction) } else { None }).collect()
    }
    fn checkpoints(&self) -> usize {
        self.events.iter().filter(|e| matches!(e, JobEvent::Checkpoint { .. })).count()
    }
    fn log(&self) -> String {
        self.events
            .iter()
            .filter_map(|e| if let JobEvent::Log { line, .. } = e { Some(line.as_str()) } else { None })
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl Sink for Heard {
    fn event(&mut self, event: JobEvent) {
        // Every line must survive the way to the worker.
        let text = serde_json::to_string(&event).unwrap();
        serde_json::from_str::<JobEvent>(&text).unwrap();
        self.events.push(event);
    }
    fn cancelled(&mut self) -> bool {
        self.cancel_after_checkpoints.is_some_and(|n| self.checkpoints() >= n)
    }
}

fn settings(family: Family) -> TrainSettings {
    let mut settings =
        TrainSettings { family, epochs: Some(6), device: DeviceChoice::Cpu, ..TrainSettings::for_target("y") };
    if family == Family::FtTransformer {
        // Small, because its graph is slow where it is not optimised.
        let small = [("fttransformer.width", 16.0), ("fttransformer.blocks", 1.0)];
        settings.parameters = small.map(|(key, value)| (key.to_owned(), value)).into();
    }
    settings
}

const EVERY_EPOCH: Options = Options { checkpoint_every: Duration::ZERO };

fn run(task: Task, family: Family) -> (RunResult, Heard, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut heard = Heard::default();
    let result = train_frames(table(900, task), &settings(family), dir.path(), EVERY_EPOCH, &mut heard).unwrap();
    (result, heard, dir)
}

fn check(result: &RunResult, heard: &Heard, dir: &Path) {
    let text = serde_json::to_string(result).unwrap();
    assert_eq!(&serde_json::from_str::<RunResult>(&text).unwrap(), result, "it survives the way to the store");
    let bytes = std::fs::read(dir.join(&result.model_file)).unwrap();
    assert_eq!(blake3::hash(&bytes).to_hex().as_str(), result.model_hash);
    let model = Model::from_bytes(&bytes).unwrap();
    assert_eq!(model.signature, result.signature);
    assert_eq!(model.family, result.family);
    assert_eq!(result.test[0].name, result.primary_metric());
    assert!(result.test.iter().all(|m| m.low <= m.value && m.value <= m.high), "{:?}", result.test);
    assert_eq!(result.verdict.learning_curve.len(), 3);
    assert!(
        result.charts.iter().any(|c| c.id == "learning_curve") && result.charts.iter().any(|c| c.id == "importance")
    );
    assert_eq!(result.rows.train + result.rows.valid + result.rows.test, 900);
    assert!(["amount", "ratio", "city"].contains(&result.importance[0].column.as_str()), "{:?}", result.importance);
    assert_eq!(result.candidates.iter().filter(|c| c.kept).count(), 1);
    let progress = heard.progress();
    assert!(progress.windows(2).all(|w| w[0] <= w[1]) && progress.len() > 5, "{progress:?}");
}

#[test]
fn each_task_is_trained_with_all_families() {
    for task in [Task::Binary, Task::Multiclass, Task::Regression] {
        let (result, heard, dir) = run(task, Family::Auto);
        assert_eq!(result.task, task);
        check(&result, &heard, dir.path());
        let single = result.candidates.iter().filter(|candidate| candidate.family != Family::Blend);
        assert_eq!(single.count(), 6, "{}", heard.log());
        let keys: std::collections::BTreeSet<String> = heard
            .events
            .iter()
            .filter_map(|e| if let JobEvent::Metrics { points } = e { Some(points) } else { None })
            .flatten()
            .map(|p| p.key.split('/').next().unwrap().to_owned())
            .collect();
        assert!(["boosting", "forest", "realmlp", "tabm", "trees"].iter().all(|key| keys.contains(*key)), "{keys:?}");
        assert_ne!(result.verdict.fit, Fit::Underfit, "{}", result.verdict.sentence);
        let score = result.metrics.test[task.primary_metric()];
        let good = match task {
            Task::Binary => score > 0.93,
            Task::Multiclass => score > 0.8,
            Task::Regression => score < 1.3,
        };
        assert!(good, "{task:?}: {score}\n{}", heard.log());
    }
}

#[test]
fn directions_are_kept_or_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let ask = |task, family, column: &str, heard: &mut Heard| {
        let mut settings = settings(family);
        settings.monotone = [(column.to_owned(), Direction::Decreasing)].into();
        train_frames(table(600, task), &settings, dir.path(), EVERY_EPOCH, heard)
    };
    for (task, family, column, words) in [
        (Task::Regression, Family::Linear, "amount", "Boosted trees and random forests can"),
        (Task::Multiclass, Family::Auto, "amount", "With three or more classes"),
        (Task::Binary, Family::Trees, "city", "holds no numbers"),
        (Task::Binary, Family::Trees, "at", "holds no numbers"),
        (Task::Binary, Family::Forest, "nothing", "no column that is learned from"),
    ] {
        match ask(task, family, column, &mut Heard::default()) {
            Err(TrainError::Problem(problem)) => assert!(problem.message.contains(words), "{}", problem.message),
            other => panic!("{family:?}, {column}: {:?}", other.map(|result| result.family)),
        }
    }
    let mut heard = Heard::default();
    let result = ask(Task::Regression, Family::Auto, "amount", &mut heard).unwrap();
    let single = result.candidates.iter().filter(|candidate| candidate.family != Family::Blend);
    assert_eq!(single.map(|one| one.family.keeps_directions()).collect::<Vec<_>>(), [true; 3], "{}", heard.log());
    assert!(heard.log().contains("can't keep them and are left out"), "{}", heard.log());
    assert_eq!(result.parameters["directions"], "amount decreasing");
    // The target grows with the amount: an answer that may only fall does not move with it at all.
    let model = Model::from_bytes(&std::fs::read(dir.path().join(MODEL_FILE)).unwrap()).unwrap();
    let mut rows = table(50, Task::Regression).take(&[7; 50]);
    rows.columns[0].values = Values::Numbers((0..50).map(|at| f64::from(at) / 5.0).collect());
    let trainyard_infer::Predictions::Values(values) = model.predict(&rows).unwrap() else { panic!() };
    assert!(values.windows(2).all(|pair| pair[1] <= pair[0] + 1e-6), "{values:?}");
}

/// A forest knows its train rows by heart: it is judged by what its trees say of rows that they did not see.
#[test]
fn a_forest_is_judged_out_of_bag() {
    let (result, heard, _dir) = run(Task::Binary, Family::Forest);
    assert!(result.verdict.rule.contains("out of bag"), "{}", result.verdict.rule);
    assert!(result.verdict.train < result.metrics.train["roc_auc"], "{:?}", result.verdict);
    assert!(heard.log().contains("out-of-bag roc_auc"), "{}", heard.log());
    assert_eq!((result.device.as_str(), result.candidates.len()), ("CPU", 1));
}

#[test]
fn the_same_spec_gives_the_same_model() {
    for family in [Family::Linear, Family::Trees, Family::Forest, Family::RealMlp, Family::TabM] {
        let (first, ..) = run(Task::Binary, family);
        let (second, ..) = run(Task::Binary, family);
        assert_eq!(first.model_hash, second.model_hash, "{family:?}");
        assert_eq!(first.metrics, second.metrics);
        assert_eq!(first.family, family);
    }
}

#[test]
fn an_interrupted_job_goes_on_to_the_same_model() {
    for family in [Family::RealMlp, Family::TabM, Family::FtTransformer] {
        goes_on_to_the_same_model(family);
    }
}

fn goes_on_to_the_same_model(family: Family) {
    let (whole, ..) = run(Task::Binary, family);
    let dir = tempfile::tempdir().unwrap();
    let mut heard = Heard { cancel_after_checkpoints: Some(3), ..Heard::default() };
    let train =
        |heard: &mut Heard| train_frames(table(900, Task::Binary), &settings(family), dir.path(), EVERY_EPOCH, heard);
    assert_eq!(train(&mut heard).unwrap_err(), TrainError::Cancelled);
    let mut heard = Heard::default();
    let resumed = train(&mut heard).unwrap();
    assert!(heard.log().contains("Going on from the checkpoint at epoch 3"), "{}", heard.log());
    assert!(heard.checkpoints() < 6, "{}", heard.checkpoints());
    assert_eq!(resumed.model_hash, whole.model_hash);
    assert_eq!(resumed.metrics, whole.metrics);
}

#[test]
fn a_separate_test_file_is_the_test_part() {
    let dir = tempfile::tempdir().unwrap();
    let mut heard = Heard::default();
    let settings = settings(Family::Linear);
    let test = table(200, Task::Binary);
    let result = train_frames(
        Tables { test: Some(test.clone()), ..table(500, Task::Binary).into() },
        &settings,
        dir.path(),
        EVERY_EPOCH,
        &mut heard,
    )
    .unwrap();
    assert_eq!((result.rows.train, result.rows.valid, result.rows.test), (400, 100, 200));

    let mut odd = test.clone();
    let Values::Categories { codes, .. } = &mut odd.columns[5].values else { panic!() };
    codes[10] = 2;
    codes[20] = 2;
    let error = train_frames(
        Tables { test: Some(odd), ..table(500, Task::Binary).into() },
        &settings,
        dir.path(),
        EVERY_EPOCH,
        &mut heard,
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("2 rows of the test part") && text.contains("`maybe` (2, first in row 11)"), "{text}");

    let mut short = test;
    short.columns.remove(0);
    let error = train_frames(
        Tables { test: Some(short), ..table(500, Task::Binary).into() },
        &settings,
        dir.path(),
        EVERY_EPOCH,
        &mut heard,
    )
    .unwrap_err();
    assert!(error.to_string().contains("`amount`"), "{error}");
}

#[test]
fn what_cannot_be_learned_is_said_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let try_with = |change: &dyn Fn(&mut TrainSettings), data: Frame| {
        let mut settings = settings(Family::Linear);
        change(&mut settings);
        train_frames(data, &settings, dir.path(), EVERY_EPOCH, &mut Heard::default()).unwrap_err().to_string()
    };
    let text = try_with(&|s| s.target = "z".into(), table(100, Task::Binary));
    assert!(text.contains("no column `z`") && text.contains("`amount`"), "{text}");
    let text = try_with(&|s| s.drop = vec!["nothing".into()], table(100, Task::Binary));
    assert!(text.contains("`nothing`"), "{text}");
    let all = ["amount", "ratio", "idle", "at", "city"].map(String::from).to_vec();
    let text = try_with(&|s| s.drop = all.clone(), table(100, Task::Binary));
    assert!(text.contains("No column is left"), "{text}");
    let text = try_with(&|s| s.task = Some(Task::Regression), table(100, Task::Binary));
    assert!(text.contains("holds texts"), "{text}");
    let text = try_with(&|s| s.task = Some(Task::Binary), table(100, Task::Multiclass));
    assert!(text.contains("3 different values"), "{text}");
    let mut constant = table(100, Task::Binary);
    constant.columns[5].values = Values::Categories { codes: vec![0; 100], levels: vec!["no".into()] };
    assert!(!try_with(&|_| {}, constant).is_empty());
    let text =
        try_with(&|s| s.split.method = SplitMethod::Group { column: "nowhere".into() }, table(100, Task::Binary));
    assert!(text.contains("nowhere"), "{text}");
}

#[test]
fn a_stored_split_decides_over_the_settings() {
    let data = table(90, Task::Binary);
    let of = |row: usize| [Some(Part::Train), Some(Part::Valid), Some(Part::Test), None][row % 4];
    let parts: Vec<_> = (0..data.rows).map(of).collect();
    let prepared = prepare::prepare(&data, None, Some(&parts), &settings(Family::Linear)).unwrap();
    let train: Vec<usize> = (0..data.rows).filter(|row| row % 4 == 0).collect();
    let features: Vec<&str> = prepared.train.frame.columns.iter().map(|c| c.name.as_str()).collect();
    let expected = data.take(&train);
    for name in features {
        assert_eq!(prepared.train.frame.column(name), expected.column(name), "{name}");
    }
    assert_eq!([prepared.valid.frame.rows, prepared.test.frame.rows], [23, 22]);
}

#[test]
fn a_split_column_is_no_feature_but_time_is() {
    let mut settings = settings(Family::Linear);
    settings.split.method = SplitMethod::Group { column: "city".into() };
    let data = table(300, Task::Regression);
    let prepared = prepare::prepare(&data, None, None, &settings).unwrap();
    assert!(prepared.train.frame.column("city").is_none());
    settings.split.method = SplitMethod::Time { column: "at".into() };
    let prepared = prepare::prepare(&data, None, None, &settings).unwrap();
    assert!(prepared.train.frame.column("at").is_some() && prepared.train.frame.column("y").is_none());
}

#[test]
fn a_subset_is_nested_and_keeps_every_class() {
    use trainyard_infer::Target;
    let target = Target::Classes((0..1000).map(|row| if row == 17 { 2 } else { u32::from(row % 4 == 0) }).collect());
    let quarter = prepare::subset(&target, 0.25, 1);
    let half = prepare::subset(&target, 0.5, 1);
    assert!(quarter.iter().all(|row| half.contains(row)));
    assert!(quarter.contains(&17));
    assert!((249..=252).contains(&quarter.len()) && (499..=502).contains(&half.len()));
    assert_eq!(quarter, prepare::subset(&target, 0.25, 1));
}

/// The versions that results name are those that the workspace pins.
#[test]
fn libraries_are_named_as_pinned() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let manifest = std::fs::read_to_string(Path::new(&folder).join("../../Cargo.toml")).unwrap();
    for (name, version) in &result::LIBRARIES[1..] {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap();
        assert!(line.contains(&format!("\"={version}\"")), "{line}");
    }
}
