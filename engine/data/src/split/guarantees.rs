//! What a split promises, held against many random tables and plans.
#![allow(clippy::unwrap_used)]
use super::{made::make_of, *};
use std::collections::{HashMap, HashSet};
use trainyard_types::{
    dataset::ColumnType,
    split::{Gap, SplitPlan},
};

/// A table of `n` rows: class `y`, number `v`, group `g` and its half `h`, time `t` (with ties), key `k`, fold name `f`.
fn table(seed: u64, n: usize) -> Frame {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |bound: u64, count: usize| -> Vec<u64> { (0..count).map(|_| below(bound, &mut rng)).collect() };
    let groups = 8 + n as u64 / 12;
    let (class, group, time) = (draw(10, n), draw(groups, n), draw(n as u64 * 2, n));
    let (half, fold, value) = (draw(2, n), draw(4, n), draw(1_000_000, n));
    let category = |name: &str, codes: Vec<u32>, levels: &[&str]| Column {
        name: name.into(),
        kind: ColumnType::Text,
        values: Values::Categories { codes, levels: levels.iter().map(|level| (*level).to_owned()).collect() },
    };
    let number =
        |name: &str, kind, values: Vec<f64>| Column { name: name.into(), kind, values: Values::Numbers(values) };
    let floats = |values: &[u64]| values.iter().map(|&value| value as f64).collect::<Vec<f64>>();
    let classes = class
        .iter()
        .enumerate()
        .map(|(i, &c)| if i < 24 { i as u32 % 3 } else { [0, 0, 0, 0, 0, 0, 1, 1, 1, 2][c as usize] });
    Frame {
        columns: vec![
            category("y", classes.collect(), &["no", "yes", "maybe"]),
            number("v", ColumnType::Float, floats(&value)),
            number("g", ColumnType::Integer, floats(&group)),
            category("h", half.iter().map(|&h| h as u32).collect(), &["left", "right"]),
            number("t", ColumnType::Datetime, time.iter().map(|&t| (t * 60_000) as f64).collect()),
            number("k", ColumnType::Integer, (0..n).map(|i| i as f64).collect()),
            category("f", fold.iter().map(|&f| f as u32).collect(), &["a", "b", "c", "test"]),
        ],
        rows: n,
    }
}

fn numbers<'a>(frame: &'a Frame, name: &str) -> &'a [f64] {
    match &frame.column(name).unwrap().values {
        Values::Numbers(numbers) => numbers,
        Values::Categories { .. } => panic!("{name} is text"),
    }
}

fn plan(method: SplitMethod, seed: u64) -> SplitPlan {
    let spec = SplitSpec { method, seed, ..SplitSpec::default() };
    SplitPlan { spec, target: Some("y".into()), ..SplitPlan::default() }
}

fn column(name: &str) -> String {
    name.into()
}

fn methods() -> [SplitMethod; 4] {
    [
        SplitMethod::Random,
        SplitMethod::Group { column: column("g") },
        SplitMethod::Time { column: column("t") },
        SplitMethod::Hash { column: column("k") },
    ]
}

fn rows(parts: &[Option<Part>], part: Part) -> Vec<usize> {
    (0..parts.len()).filter(|&row| parts[row] == Some(part)).collect()
}

/// Different sizes and seeds; each row has one part by construction, so that parts are disjoint.
fn cases() -> impl Iterator<Item = (u64, Frame)> {
    (0..12_u64).map(|seed| (seed, table(seed, 150 + 97 * seed as usize)))
}

#[test]
fn every_row_has_a_part_and_shares_are_kept() {
    for (seed, frame) in cases() {
        for method in methods() {
            let (made, summary) = make_of(&frame, &plan(method.clone(), seed)).unwrap();
            let n = frame.rows as f64;
            assert!(made.parts().iter().all(Option::is_some), "{method:?}");
            let largest = match &method {
                SplitMethod::Group { .. } => {
                    group::groups(&[frame.column("g").unwrap()], &(0..frame.rows as u32).collect::<Vec<_>>())
                        .iter()
                        .map(Vec::len)
                        .max()
                        .unwrap() as f64
                }
                // Five standard deviations of a binomial count.
                SplitMethod::Hash { .. } => 5.0 * (n * 0.2 * 0.8).sqrt(),
                SplitMethod::Time { .. } => 4.0,
                _ => 1.0,
            };
            for (part, share) in [(Part::Train, 0.6), (Part::Valid, 0.2), (Part::Test, 0.2)] {
                let count = rows(made.parts(), part).len() as f64;
                assert!((count - share * n).abs() <= largest + 1.0, "{method:?} {part:?}: {count} of {n}");
            }
            let counted = &summary.divisions[0];
            assert_eq!(counted.train.rows + counted.valid.rows + counted.test.rows, frame.rows as u64);
            assert_eq!(counted.test.classes.iter().sum::<u64>(), counted.test.rows);
        }
    }
}

#[test]
fn classes_and_bins_have_their_share_in_each_part() {
    for (seed, frame) in cases() {
        let (_, summary) = make_of(&frame, &plan(SplitMethod::Random, seed)).unwrap();
        let parts = &summary.divisions[0];
        for class in 0..3 {
            let total: u64 = parts.parts().iter().map(|(_, part)| part.classes[class]).sum();
            for (part, share) in [(&parts.train, 0.6), (&parts.valid, 0.2), (&parts.test, 0.2)] {
                // What is rounded in one class is made good in the next: at most two rows.
                let error = (part.classes[class] as f64 - share * total as f64).abs();
                assert!(error <= 2.0, "class {class}: {} of {total}", part.classes[class]);
            }
        }
        let mut binned = plan(SplitMethod::Random, seed);
        (binned.target, binned.spec.bins) = (Some("v".into()), Some(10));
        let (made, _) = make_of(&frame, &binned).unwrap();
        let values = numbers(&frame, "v");
        let mut order: Vec<usize> = (0..frame.rows).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        for tenth in order.chunks(frame.rows.div_ceil(10)) {
            let test = tenth.iter().filter(|&&row| made.parts()[row] == Some(Part::Test)).count() as f64;
            assert!((test - 0.2 * tenth.len() as f64).abs() <= 3.0, "{test} of {}", tenth.len());
        }
    }
}

#[test]
fn no_group_is_in_two_parts_or_folds() {
    for (seed, frame) in cases() {
        for also in [vec![], vec![column("h")]] {
            let mut plan = plan(SplitMethod::Group { column: column("g") }, seed);
            (plan.spec.also, plan.folds, plan.inner_folds) = (also.clone(), Some(3), Some(2));
            let (made, _) = make_of(&frame, &plan).unwrap();
            for division in &made.divisions {
                let mut part_of = HashMap::new();
                for (row, part) in division.parts.iter().enumerate() {
                    let half = match &frame.column("h").unwrap().values {
                        Values::Categories { codes, .. } if !also.is_empty() => codes[row],
                        _ => 0,
                    };
                    let key = (numbers(&frame, "g")[row].to_bits(), half);
                    assert_eq!(*part_of.entry(key).or_insert(*part), *part, "{}", division.name);
                }
            }
        }
    }
}

#[test]
fn class_shares_are_near_where_groups_allow() {
    let frame = table(5, 4000);
    let (_, summary) = make_of(&frame, &plan(SplitMethod::Group { column: column("g") }, 3)).unwrap();
    let parts = &summary.divisions[0];
    for class in 0..3 {
        let total: u64 = parts.parts().iter().map(|(_, part)| part.classes[class]).sum();
        let share = parts.test.classes[class] as f64 / total as f64;
        assert!((share - 0.2).abs() < 0.01, "class {class}: {share}");
    }
}

#[test]
fn time_goes_forward_and_gaps_are_empty() {
    // Enough rows for a gap within the smallest window.
    for (seed, frame) in cases().skip(4) {
        for gap in [None, Some(Gap::Rows(7)), Some(Gap::Seconds(600.0))] {
            let mut plan = plan(SplitMethod::Time { column: column("t") }, seed);
            (plan.spec.gap, plan.folds, plan.inner_folds) = (gap, Some(4), Some(2));
            let (made, _) = make_of(&frame, &plan).unwrap();
            let times = numbers(&frame, "t");
            for division in &made.divisions {
                let parts: Vec<Vec<usize>> = [Part::Train, Part::Valid, Part::Test]
                    .map(|part| rows(&division.parts, part))
                    .into_iter()
                    .filter(|rows| !rows.is_empty())
                    .collect();
                for pair in parts.windows(2) {
                    let newest = pair[0].iter().map(|&row| times[row]).fold(f64::MIN, f64::max);
                    let oldest = pair[1].iter().map(|&row| times[row]).fold(f64::MAX, f64::min);
                    assert!(newest < oldest, "{}", division.name);
                    match gap {
                        Some(Gap::Seconds(s)) => assert!(oldest - newest >= s * 1000.0, "{}", division.name),
                        Some(Gap::Rows(rows)) => {
                            let between = times.iter().filter(|&&time| time > newest && time < oldest).count();
                            let at_edge = times.iter().filter(|&&time| time == newest).count();
                            assert!((between + at_edge) as u64 > rows, "{}: {between}", division.name);
                        }
                        None => {}
                    }
                }
            }
        }
    }
}

#[test]
fn hashed_rows_stay_where_they_are_as_data_grows() {
    for (seed, frame) in cases() {
        let mut plan = plan(SplitMethod::Hash { column: column("k") }, seed);
        (plan.folds, plan.inner_folds) = (Some(3), Some(2));
        let some: Vec<usize> = (0..frame.rows * 2 / 3).collect();
        let (less, _) = make_of(&frame.take(&some), &plan).unwrap();
        let (more, _) = make_of(&frame, &plan).unwrap();
        for (less, more) in less.divisions.iter().zip(&more.divisions) {
            assert_eq!(less.parts, more.parts[..some.len()], "{}", less.name);
        }
        // Order does not matter either.
        let turned: Vec<usize> = (0..frame.rows).rev().collect();
        let (turned, _) = make_of(&frame.take(&turned), &plan).unwrap();
        assert!(turned.parts().iter().rev().eq(more.parts()));
        plan.spec.seed += 1;
        assert_ne!(make_of(&frame, &plan).unwrap().0.parts(), more.parts());
    }
}

#[test]
fn folds_hold_every_row_once_and_inner_folds_never_touch_the_outer_one() {
    for (seed, frame) in cases() {
        for method in methods() {
            for inner in [None, Some(2)] {
                let mut plan = plan(method.clone(), seed);
                (plan.folds, plan.inner_folds) = (Some(4), inner);
                let (made, _) = make_of(&frame, &plan).unwrap();
                let held = if inner.is_some() { Part::Test } else { Part::Valid };
                let test: HashSet<usize> = rows(made.parts(), Part::Test).into_iter().collect();
                let mut seen = HashSet::new();
                for fold in 1..=4 {
                    let outer = made.division(&format!("fold_{fold}")).unwrap();
                    let out = rows(&outer.parts, held);
                    assert!(out.iter().all(|&row| seen.insert(row) && !test.contains(&row)), "{method:?}");
                    assert!(rows(&outer.parts, Part::Train).iter().all(|row| !test.contains(row)), "{method:?}");
                    let mut inner_seen = HashSet::new();
                    for inner in 1..=inner.unwrap_or(0) {
                        let inner = made.division(&format!("fold_{fold}_inner_{inner}")).unwrap();
                        for row in 0..frame.rows {
                            assert!(inner.parts[row].is_none() || outer.parts[row] == Some(Part::Train), "{method:?}");
                        }
                        assert!(rows(&inner.parts, Part::Valid).into_iter().all(|row| inner_seen.insert(row)));
                    }
                }
                let first_block = matches!(method, SplitMethod::Time { .. });
                let learnt = frame.rows - test.len();
                assert!(first_block || seen.len() == learnt, "{method:?}: {} of {learnt}", seen.len());
                assert!(seen.len() >= learnt * 3 / 4, "{method:?}");
            }
        }
    }
}

#[test]
fn a_column_names_folds() {
    let frame = table(1, 600);
    let mut plan = plan(SplitMethod::Given { column: column("f") }, 0);
    (plan.folds, plan.inner_folds) = (Some(3), Some(2));
    let (made, _) = make_of(&frame, &plan).unwrap();
    assert_eq!(made.divisions.len(), 1 + 3 * 3);
    let Values::Categories { codes, .. } = &frame.column("f").unwrap().values else { panic!() };
    for (row, code) in codes.iter().enumerate() {
        assert_eq!(made.parts()[row] == Some(Part::Test), *code == 3);
        assert_eq!(made.division("fold_2").unwrap().parts[row] == Some(Part::Test), *code == 1);
    }
    plan.folds = Some(5);
    assert!(make_of(&frame, &plan).unwrap_err().message.contains("names 3 folds"));
}

#[test]
fn the_same_plan_gives_the_same_hash_and_the_file_reads_back() {
    for (seed, frame) in cases() {
        for method in methods() {
            let mut plan = plan(method, seed);
            (plan.folds, plan.inner_folds) = (Some(3), Some(2));
            let (made, summary) = make_of(&frame, &plan).unwrap();
            assert_eq!(make_of(&frame, &plan).unwrap().1, summary);
            let bytes = made.to_bytes().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("split");
            std::fs::write(&file, &bytes).unwrap();
            for division in &made.divisions {
                assert_eq!(MadeSplit::read_parts(&file, &division.name, frame.rows).unwrap(), division.parts);
            }
            assert!(MadeSplit::read_parts(&file, "fold_9", frame.rows).unwrap_err().message.contains("fold_1"));
            assert!(MadeSplit::read_parts(&file, "parts", frame.rows + 1).unwrap_err().message.contains("anew"));
            assert_eq!(summary.hash, blake3::hash(&bytes).to_hex().to_string());
            for cut in [0, 10, 30, bytes.len() - 1] {
                std::fs::write(&file, &bytes[..cut]).unwrap();
                assert!(MadeSplit::read_parts(&file, "parts", frame.rows).is_err());
            }
        }
    }
    let small = table(0, 150);
    let no_target = SplitPlan { target: None, ..plan(SplitMethod::Random, 0) };
    // Known since the format was made: a split of yesterday has to read and compare the same tomorrow.
    assert_eq!(
        make_of(&small, &no_target).unwrap().1.hash,
        "90c407d9a3c129349efafda0bc7bb003d8eac9cf36c1600ec61a11ffdba8f2de"
    );
}

#[test]
fn plans_that_cannot_be_kept_are_refused_in_words() {
    let frame = table(2, 300);
    let refused = |change: &dyn Fn(&mut SplitPlan), word: &str| {
        let mut plan = plan(SplitMethod::Random, 0);
        change(&mut plan);
        let message = make_of(&frame, &plan).unwrap_err().message;
        assert!(message.contains(word), "{message}");
    };
    refused(&|plan| plan.folds = Some(1), "2 to 20");
    refused(&|plan| plan.inner_folds = Some(3), "outer");
    refused(&|plan| plan.spec.gap = Some(Gap::Rows(3)), "by time");
    refused(&|plan| plan.spec.bins = Some(1), "classes");
    refused(&|plan| plan.spec.also = vec!["g".into()], "several");
    refused(&|plan| plan.spec.test = 0.0, "Without folds");
    refused(&|plan| (plan.target, plan.spec.bins) = (Some("v".into()), Some(1)), "bins");
    let time = |name: &str, gap| SplitSpec {
        method: SplitMethod::Time { column: name.into() },
        gap: Some(gap),
        ..SplitSpec::default()
    };
    refused(&|plan| plan.spec = time("k", Gap::Seconds(5.0)), "number of rows");
    refused(&|plan| plan.spec = time("t", Gap::Rows(290)), "shorter");
    refused(&|plan| (plan.spec.method, plan.folds) = (SplitMethod::Group { column: "h".into() }, None), "2 groups");
}
