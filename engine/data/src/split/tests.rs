//! Splits on small tables.
#![allow(clippy::unwrap_used)]
use super::*;
use trainyard_types::dataset::ColumnType;

fn texts(name: &str, values: impl Iterator<Item = String>) -> Column {
    let mut levels: Vec<String> = Vec::new();
    let codes = values
        .map(|value| {
            if value.is_empty() {
                return MISSING;
            }
            levels.iter().position(|level| *level == value).unwrap_or_else(|| {
                levels.push(value);
                levels.len() - 1
            }) as u32
        })
        .collect();
    Column { name: name.into(), kind: ColumnType::Text, values: Values::Categories { codes, levels } }
}
fn numbers(name: &str, values: Vec<f64>) -> Column {
    Column { name: name.into(), kind: ColumnType::Integer, values: Values::Numbers(values) }
}
fn frame(n: usize) -> Frame {
    Frame {
        columns: vec![
            texts("y", (0..n).map(|i| if i % 10 == 0 { "yes" } else { "no" }.to_owned())),
            numbers("t", (0..n).map(|i| ((i * 37) % n) as f64).collect()),
            texts("g", (0..n).map(|i| format!("g{}", (i * 7) % 25))),
            texts("p", (0..n).map(|i| ["Train", "validation", "test", "train", ""][i % 5].to_owned())),
            numbers("x", (0..n).map(|i| i as f64).collect()),
        ],
        rows: n,
    }
}
fn spec(method: SplitMethod) -> SplitSpec {
    SplitSpec { method, ..SplitSpec::default() }
}
fn count(parts: &[Option<Part>], part: Part) -> usize {
    parts.iter().filter(|p| **p == Some(part)).count()
}
fn column(name: &str) -> String {
    name.into()
}

#[test]
fn random_is_stratified_seeded_and_leaves_unusable_rows_out() {
    let frame = frame(1000);
    let mut usable = vec![true; 1000];
    usable[3] = false;
    let parts = split(&frame, &spec(SplitMethod::Random), "y", Task::Binary, &usable).unwrap();
    assert_eq!(parts[3], None);
    assert_eq!((count(&parts, Part::Valid), count(&parts, Part::Test)), (200, 200));
    let yes_in_test = (0..1000).filter(|&i| i % 10 == 0 && parts[i] == Some(Part::Test)).count();
    assert_eq!(yes_in_test, 20);
    assert_eq!(parts, split(&frame, &spec(SplitMethod::Random), "y", Task::Binary, &usable).unwrap());
    let other = SplitSpec { seed: 1, ..SplitSpec::default() };
    assert_ne!(parts, split(&frame, &other, "y", Task::Binary, &usable).unwrap());
    let none = SplitSpec { test: 0.0, ..SplitSpec::default() };
    let parts = split(&frame, &none, "x", Task::Regression, &usable).unwrap();
    assert_eq!((count(&parts, Part::Train), count(&parts, Part::Test)), (799, 0));
}

#[test]
fn time_keeps_order_and_instants_together() {
    let mut frame = frame(1000);
    let method = SplitMethod::Time { column: column("t") };
    let parts = split(&frame, &spec(method.clone()), "y", Task::Binary, &[true; 1000]).unwrap();
    let Values::Numbers(times) = frame.columns[1].values.clone() else { panic!() };
    let range = |part| {
        let times: Vec<f64> = (0..1000).filter(|&i| parts[i] == Some(part)).map(|i| times[i]).collect();
        (times.iter().copied().fold(f64::MAX, f64::min), times.iter().copied().fold(f64::MIN, f64::max))
    };
    assert_eq!(range(Part::Train), (0.0, 599.0));
    assert_eq!(range(Part::Valid), (600.0, 799.0));
    assert_eq!(range(Part::Test), (800.0, 999.0));
    // Instants of 300 rows each: cuts move to the nearest change.
    frame.columns[1] = numbers("t", (0..1000).map(|i| (i / 300) as f64).collect());
    let parts = split(&frame, &spec(method.clone()), "y", Task::Binary, &[true; 1000]).unwrap();
    assert_eq!(count(&parts, Part::Test), 100);
    assert_eq!(count(&parts, Part::Valid), 300);
    frame.columns[1] = numbers("t", vec![1.0; 1000]);
    let problem = split(&frame, &spec(method), "y", Task::Binary, &[true; 1000]).unwrap_err();
    assert!(problem.message.contains("same time"), "{}", problem.message);
}

#[test]
fn groups_stay_whole_and_near_their_shares() {
    let frame = frame(1000);
    let method = SplitMethod::Group { column: column("g") };
    let parts = split(&frame, &spec(method), "y", Task::Binary, &[true; 1000]).unwrap();
    let mut of_group: HashMap<usize, Part> = HashMap::new();
    for (i, part) in parts.iter().enumerate() {
        assert_eq!(*of_group.entry((i * 7) % 25).or_insert(part.unwrap()), part.unwrap());
    }
    assert_eq!((count(&parts, Part::Train), count(&parts, Part::Valid), count(&parts, Part::Test)), (600, 200, 200));
}

#[test]
fn a_given_column_decides() {
    let mut frame = frame(1000);
    let method = SplitMethod::Given { column: column("p") };
    let parts = split(&frame, &spec(method.clone()), "y", Task::Binary, &[true; 1000]).unwrap();
    assert_eq!(parts[..5], [Some(Part::Train), Some(Part::Valid), Some(Part::Test), Some(Part::Train), None]);
    frame.columns[3] = texts("p", (0..1000).map(|i| ["train", "oops"][i % 2].to_owned()));
    let problem = split(&frame, &spec(method), "y", Task::Binary, &[true; 1000]).unwrap_err();
    assert!(problem.message.contains("`oops`"), "{}", problem.message);
}

#[test]
fn what_cannot_be_divided_is_refused_in_words() {
    let mut frame = frame(20);
    let all = [true; 20];
    for (method, word) in [
        (SplitMethod::Time { column: column("nope") }, "no column `nope`"),
        (SplitMethod::Time { column: column("g") }, "text"),
        (SplitMethod::Group { column: column("y") }, "target"),
        (SplitMethod::Given { column: column("t") }, "numbers"),
    ] {
        let problem = split(&frame, &spec(method), "y", Task::Binary, &all).unwrap_err();
        assert!(problem.message.contains(word), "{}", problem.message);
    }
    let shares = SplitSpec { valid: 0.5, test: 0.5, ..SplitSpec::default() };
    assert!(split(&frame, &shares, "y", Task::Binary, &all).unwrap_err().message.contains("90 %"));
    frame.columns[0] = texts("y", (0..20).map(|i| if i == 0 { "rare" } else { "no" }.to_owned()));
    let problem = split(&frame, &spec(SplitMethod::Random), "y", Task::Binary, &all).unwrap_err();
    assert!(problem.message.contains("`rare`"), "{}", problem.message);
    let problem = split(&frame, &spec(SplitMethod::Random), "x", Task::Regression, &[false; 20]).unwrap_err();
    assert!(problem.message.contains("No row is left"), "{}", problem.message);
}
