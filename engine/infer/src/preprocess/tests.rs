#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    math::normal_quantile,
    tensors::{Stored, TensorBag},
};
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
        for encoder in [encoder.clone().with_normal_scores(&train).unwrap(), encoder] {
            assert!(encoder.encode(&test).unwrap().dense.iter().all(|v| v.is_finite()));
        }
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
fn numbers_become_normal_scores() {
    // 999 normal quantiles as the powers of e that they are, a gap, and a value far out, which the quantiles before it hardly
    // notice.
    let mut values: Vec<f64> = (1..1000).map(|i| (3.0 * normal_quantile(f64::from(i) / 1000.0)).exp()).collect();
    values.extend([f64::NAN, 1e6]);
    let places: Vec<f64> = (0..1001).map(f64::from).collect();
    let levels: Vec<&str> = (0..1001).map(|i| ["a", "b", "c"][i % 3]).collect();
    let train = frame(vec![numbers("x", &values), texts("c", &levels), numbers("place", &places)]);
    for recipe in [Recipe::RealMlp, Recipe::FtTransformer, Recipe::Linear] {
        let scaled = Encoder::fit(&train, recipe).unwrap();
        let scored = scaled.clone().with_normal_scores(&train).unwrap();
        assert!(!scaled.has_normal_scores() && scored.has_normal_scores());
        assert_eq!(scored.output_names(), scaled.output_names());
        let (before, after) = (scaled.encode(&train).unwrap(), scored.encode(&train).unwrap());
        assert_eq!(before.codes, after.codes);
        let of = |encoded: &Encoded, name: &str| -> Vec<f32> {
            let at = scored.output_names().iter().position(|known| known == name).unwrap();
            encoded.dense.iter().skip(at).step_by(encoded.width).copied().collect()
        };
        for name in scored.output_names().iter().filter(|name| !["x", "place"].contains(&name.as_str())) {
            assert_eq!(of(&before, name), of(&after, name), "{name}");
        }
        let (x, place) = (of(&after, "x"), of(&after, "place"));
        // Between two of 33 quantiles the score is a line.
        for i in 40..950 {
            let expected = normal_quantile((i as f64 + 1.0) / 1000.0) as f32;
            assert!((x[i] - expected).abs() < 0.08, "{recipe:?}, row {i}: {} is not {expected}", x[i]);
            assert!((place[i] - expected).abs() < 0.08, "{recipe:?}, row {i}: {} is not {expected}", place[i]);
        }
        // The gap has the median's score; what is beyond the train rows has that of their ends.
        assert!(x[999].abs() < 0.01 && (x[1000] - 5.199).abs() < 0.001, "{} and {}", x[999], x[1000]);
        let beyond =
            frame(vec![numbers("x", &[-1.0, f64::MAX]), texts("c", &["a", ""]), numbers("place", &[-9e9, 9e9])]);
        let beyond = scored.encode(&beyond).unwrap();
        for name in ["x", "place"] {
            let ends = of(&beyond, name);
            assert!(
                ends.len() == 2 && (ends[0] + 5.199_337).abs() < 1e-5 && (ends[1] - 5.199_337).abs() < 1e-5,
                "{ends:?}"
            );
        }
    }
}

#[test]
fn only_numbers_are_scored() {
    let day = 86_400_000.0;
    let at = Values::Numbers((0..90).map(|i| f64::from(i) * 13.0 * day).collect());
    let train = frame(vec![
        Column { name: "at".into(), kind: ColumnType::Datetime, values: at },
        texts("c", &(0..90).map(|i| ["a", "b"][i % 2]).collect::<Vec<_>>()),
    ]);
    let encoder = Encoder::fit(&train, Recipe::Linear).unwrap();
    assert_eq!(encoder.clone().with_normal_scores(&train).unwrap(), encoder);
}

#[test]
fn normal_scores_are_stored_and_hostile_ones_refused() {
    let values: Vec<f64> = (0..200).map(|i| (f64::from(i % 50) / 5.0).exp()).collect();
    let levels: Vec<&str> = (0..200).map(|i| ["a", "b", "c"][i % 3]).collect();
    let train = frame(vec![texts("c", &levels), numbers("x", &values), numbers("y", &values)]);
    let scaled = Encoder::fit(&train, Recipe::Linear).unwrap();
    let mut plain = TensorBag::default();
    scaled.store(&mut plain).unwrap();
    assert!(!plain.names().any(|name| name.contains("knot")), "files without scores are as they were");
    let encoder = scaled.with_normal_scores(&train).unwrap();
    let mut bag = TensorBag::default();
    let header = encoder.store(&mut bag).unwrap();
    let mut left = bag.clone();
    assert_eq!(Encoder::restore(header.clone(), &mut left).unwrap(), encoder);
    assert!(left.is_empty());
    let (shape, counts) = bag.clone().take::<u32>("encoder.knot_counts").unwrap();
    assert_eq!((shape, &counts[..3]), (vec![5], &[0, 0, 0][..]));
    assert!(counts[3] > 2 && counts[3] == counts[4]);
    let (_, knots) = bag.clone().take::<f32>("encoder.knots").unwrap();
    let refused = |change: &dyn Fn(&mut TensorBag)| {
        let mut hostile = bag.clone();
        change(&mut hostile);
        assert!(Encoder::restore(header.clone(), &mut hostile).is_err());
    };
    // Of too few outputs, of a category's level, more than there are, fewer than there are.
    for counts in [
        vec![counts[3], counts[4]],
        vec![counts[3], 0, 0, 0, counts[4]],
        vec![0, 0, 0, counts[3], u32::MAX],
        vec![0, 0, 0, counts[3], 0],
        vec![0, 0, 0, counts[3], counts[4] - 1],
    ] {
        refused(&|bag: &mut TensorBag| bag.put("encoder.knot_counts", &[counts.len()], counts.clone()));
    }
    for (index, value) in [(0, f32::NAN), (1, f32::INFINITY), (0, knots[1]), (2, -1e30)] {
        refused(&|bag: &mut TensorBag| {
            let mut knots = knots.clone();
            knots[index] = value;
            bag.put("encoder.knots", &[knots.len()], knots);
        });
    }
    refused(&|bag: &mut TensorBag| bag.put("encoder.scores", &[knots.len()], vec![f32::NAN; knots.len()]));
    refused(&|bag: &mut TensorBag| {
        let falling = (0..knots.len()).map(|i| -(i as f32)).collect();
        bag.put("encoder.scores", &[knots.len()], falling);
    });
    refused(&|bag: &mut TensorBag| bag.put("encoder.scores", &[2], vec![0.0f32, 1.0]));
    refused(&|bag: &mut TensorBag| drop(bag.take::<f32>("encoder.scores")));
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
