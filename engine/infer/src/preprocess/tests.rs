#![allow(clippy::unwrap_used)]
use super::*;
use trainyard_types::dataset::ColumnType;

fn numbers(name: &str, values: &[f64]) -> Column {
    Column { name: name.into(), kind: ColumnType::Float, values: Values::Numbers(values.to_vec()) }
}

fn texts(name: &str, values: &[&str]) -> Column {
    let mut levels: Vec<String> = Vec::new();
    let codes = values
        .iter()
        .map(|value| match (value.is_empty(), levels.iter().position(|l| l == value)) {
            (true, _) => MISSING,
            (_, Some(at)) => at as u32,
            (_, None) => {
                levels.push((*value).to_owned());
                levels.len() as u32 - 1
            }
        })
        .collect();
    Column { name: name.into(), kind: ColumnType::Text, values: Values::Categories { codes, levels } }
}

fn frame(columns: Vec<Column>) -> Frame {
    let rows = match &columns[0].values {
        Values::Numbers(numbers) => numbers.len(),
        Values::Categories { codes, .. } => codes.len(),
    };
    Frame { columns, rows }
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} is not {expected:?}");
}

#[test]
fn realmlp_numbers_follow_the_paper() {
    // numpy 2: x = [0,1,2,3,10]; z = (x - 2) / (np.quantile(x, .75) - np.quantile(x, .25)); z / np.sqrt(1 + (z / 3)**2)
    let train = frame(vec![numbers("x", &[0.0, 1.0, 2.0, 3.0, 10.0]), numbers("same", &[7.0; 5])]);
    let encoder = Encoder::fit(&train, Recipe::RealMlp).unwrap();
    let encoded = encoder.encode(&train).unwrap();
    assert_eq!((encoded.width, encoded.embedded), (1, 0));
    close(&encoded.dense, &[-0.948_683_3, -0.493_197, 0.0, 0.493_197, 2.4]);
    // The constant column is not asked for.
    assert!(encoder.encode(&frame(vec![numbers("x", &[1.0])])).is_ok());
}

#[test]
fn missing_numbers_take_the_median_and_an_indicator() {
    let train = frame(vec![
        numbers("x", &[1.0, f64::NAN, 3.0, 5.0, f64::INFINITY]),
        numbers("full", &[1.0, 2.0, 3.0, 4.0, 5.0]),
    ]);
    let encoder = Encoder::fit(&train, Recipe::Linear).unwrap();
    assert_eq!(encoder.output_names(), ["x", "x is missing", "full"]);
    let encoded = encoder.encode(&train).unwrap();
    assert_eq!(encoded.dense[3 + 1], 1.0);
    assert_eq!(encoded.dense[3], encoded.dense[2 * 3], "the median is 3");
    // A column that had no gap in the train rows takes its median without a word.
    let gap = frame(vec![numbers("x", &[1.0]), numbers("full", &[f64::NAN])]);
    assert_eq!(encoder.encode(&gap).unwrap().dense[2], 0.0);
}

#[test]
fn categories_by_their_number_of_levels() {
    let letters: Vec<String> = (0..20).map(|i| format!("l{}", i % 10)).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    let cycle = |levels: &[&'static str]| (0..20).map(|i| levels[i % levels.len()]).collect::<Vec<_>>();
    let train = frame(vec![
        texts("two", &cycle(&["b", "a", ""])),
        texts("three", &cycle(&["x", "y", "z", ""])),
        texts("ten", &letters),
    ]);
    let encoder = Encoder::fit(&train, Recipe::RealMlp).unwrap();
    assert_eq!(encoder.output_names(), ["two = b", "three = x", "three = y", "three = z"]);
    assert_eq!(encoder.embedding_rows(), [11]);
    // Unseen is missing: ±1 gives the same as an empty cell, one-hot is all zero, the embedding's row is 0.
    let seen = frame(vec![texts("two", &["new", ""]), texts("three", &["new", ""]), texts("ten", &["new", "l3"])]);
    let encoded = encoder.encode(&seen).unwrap();
    assert_eq!(encoded.dense[..4], encoded.dense[4..]);
    assert_eq!(encoded.codes, [0, 4]);
}

#[test]
fn a_million_names_are_bounded() {
    let names: Vec<String> = (0..9_000).map(|i| format!("n{}", i / 2)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let unique: Vec<String> = (0..9_000).map(|i| format!("u{i}")).collect();
    let unique: Vec<&str> = unique.iter().map(String::as_str).collect();
    let train = frame(vec![texts("names", &names), texts("unique", &unique)]);
    // A column of values that stand once each says nothing about new rows.
    assert_eq!(Encoder::fit(&train, Recipe::RealMlp).unwrap().embedding_rows(), [4_097]);
    assert!(Encoder::fit(&train, Recipe::Linear).unwrap().width() <= 65);
}

#[test]
fn instants_become_parts() {
    let day = 86_400_000.0;
    let values: Vec<f64> = (0..800).map(|i| f64::from(i) * day / 2.0).chain([f64::NAN]).collect();
    let column = Column { name: "at".into(), kind: ColumnType::Datetime, values: Values::Numbers(values) };
    let encoder = Encoder::fit(&frame(vec![column]), Recipe::RealMlp).unwrap();
    let names = encoder.output_names();
    assert_eq!(
        names[..6],
        ["at: days", "at: month", "at: weekday", "at: hour", "at: day of year", "at: sine of weekday"]
    );
    assert_eq!((names.len(), names.last().map(String::as_str)), (12, Some("at is missing")));
    // Noon and midnight have the same sine but for rounding, which says nothing.
    let values: Vec<f64> = (0..800).map(|i| f64::from(i) * day / 2.0).collect();
    let column = Column { name: "at".into(), kind: ColumnType::Datetime, values: Values::Numbers(values) };
    let names = Encoder::fit(&frame(vec![column]), Recipe::RealMlp).unwrap().output_names();
    assert!(names.contains(&"at: cosine of hour".into()) && !names.contains(&"at: sine of hour".into()));
}

#[test]
fn what_comes_round_meets_its_beginning() {
    let hour = 3_600_000.0;
    let at = |hours: &[f64]| Column {
        name: "at".into(),
        kind: ColumnType::Datetime,
        values: Values::Numbers(hours.iter().map(|h| h * hour).collect()),
    };
    let train: Vec<f64> = (0..24 * 400).map(f64::from).collect();
    let encoder = Encoder::fit(&frame(vec![at(&train)]), Recipe::Linear).unwrap();
    let place = |name: &str| encoder.output_names().iter().position(|found| found == name).unwrap();
    let waves = [place("at: sine of hour"), place("at: cosine of hour")];
    // Of whole days the sine has mean 0 and deviation √½: 23:59 lies where midnight does, six o'clock a quarter turn off.
    let encoded = encoder.encode(&frame(vec![at(&[0.0, 23.999, 6.0])])).unwrap();
    let row = |row: usize| waves.map(|wave| encoded.dense[row * encoded.width + wave]);
    let (midnight, before, six) = (row(0), row(1), row(2));
    let root = std::f32::consts::SQRT_2;
    for (found, expected) in midnight.into_iter().chain(before).chain(six).zip([0.0, root, 0.0, root, root, 0.0]) {
        assert!((found - expected).abs() < 1e-3, "{found} is not {expected}");
    }
}

#[test]
fn wrong_frames_are_refused_with_the_column() {
    let train = frame(vec![numbers("x", &[1.0, 2.0]), texts("c", &["a", "b"])]);
    let encoder = Encoder::fit(&train, Recipe::RealMlp).unwrap();
    let error = encoder.encode(&frame(vec![texts("c", &["a"])])).unwrap_err();
    assert_eq!(error, PredictError::MissingColumns(vec!["x".into()]));
    let error = encoder.encode(&frame(vec![texts("x", &["a"]), texts("c", &["a"])])).unwrap_err();
    assert!(matches!(error, PredictError::WrongType { column, .. } if column == "x"));
    let error = encoder.encode(&Frame { columns: train.columns.clone(), rows: 3 }).unwrap_err();
    assert!(matches!(error, PredictError::Ragged { .. }));
}

#[test]
fn extreme_values_stay_finite() {
    let train =
        frame(vec![numbers("x", &[-1e300, 0.0, 1.0, 2.0, 1e300]), numbers("y", &[1e-300, 2e-300, 3e-300, 0.0, 0.0])]);
    for recipe in [Recipe::RealMlp, Recipe::FtTransformer, Recipe::Linear] {
        let encoder = Encoder::fit(&train, recipe).unwrap();
        let test = frame(vec![numbers("x", &[f64::MAX, f64::MIN]), numbers("y", &[f64::MAX, -1e300])]);
        assert!(encoder.encode(&test).unwrap().dense.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn stored_and_restored_it_is_the_same() {
    let train = frame(vec![numbers("x", &[0.1, 0.2, f64::NAN]), texts("c", &["a", "b", "c"])]);
    let encoder = Encoder::fit(&train, Recipe::Linear).unwrap();
    let mut bag = TensorBag::default();
    let header = encoder.store(&mut bag).unwrap();
    assert_eq!(Encoder::restore(header.clone(), &mut bag.clone()).unwrap(), encoder);
    let mut hostile = header;
    hostile["outputs"][0]["column"] = 99.into();
    assert!(Encoder::restore(hostile, &mut bag).is_err());
}

#[test]
fn a_category_is_one_token() {
    let levels = ["a", "b", "c", "a"];
    let train = frame(vec![
        numbers("x", &[1.0, 2.0, 3.0, 4.0]),
        texts("three", &levels),
        texts("two", &["n", "y", "y", "n"]),
        texts("same", &["k", "k", "k", "k"]),
    ]);
    let encoder = Encoder::fit(&train, Recipe::FtTransformer).unwrap();
    assert_eq!(encoder.output_names(), ["x", "two = y"]);
    assert_eq!(encoder.embedding_rows(), [4]);
    let encoded = encoder.encode(&train).unwrap();
    assert_eq!(encoded.codes, [1, 2, 3, 1]);
    let signs: Vec<f32> = encoded.dense.iter().skip(1).step_by(2).copied().collect();
    let held = 1.0 / (10.0f32 / 9.0).sqrt();
    assert!(signs.iter().zip([-held, held, held, -held]).all(|(a, b)| (a - b).abs() < 1e-6), "{signs:?}");
}
