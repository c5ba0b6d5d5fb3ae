//! A memory limit changes nothing but what is said to be estimated.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::{ingest, inspect, yaml};
use std::{fmt::Write, ops::ControlFlow, path::PathBuf};
use trainyard_types::dataset::BadRows;

const ROWS: usize = 40_000;

fn stored(folder: &Path) -> PathBuf {
    let mut csv = String::from("id,amount,grade,age,limit,name,city,plan,day,ok\n");
    for i in 0..ROWS {
        // 7919 and 31 have no factor in common with what they are divided by.
        let mixed = i * 7919 % ROWS;
        let id = if i % 9_000 == 8_999 { i - 5 } else { i };
        let amount = if i % 50 == 3 { String::new() } else { format!("{}.{:02}", mixed / 7, mixed % 100) };
        let name = if i % 97 == 0 { String::new() } else { format!("n{}", mixed * 31 % 25_000) };
        let city = ["Oslo", "Turin", "Lima", "Bern"][mixed % 4];
        writeln!(
            csv,
            "{id},{amount},{},{},{},{name},{city},p{},2024-01-{:02},{}",
            mixed % 12,
            18 + mixed % 60,
            20 + mixed % 61,
            mixed % 7,
            1 + i / 2_000,
            mixed.is_multiple_of(3)
        )
        .unwrap();
    }
    let (source, parquet) = (folder.join("t.csv"), folder.join("t.parquet"));
    std::fs::write(&source, csv).unwrap();
    let options = inspect(&source, "t.csv").unwrap().options;
    let go_on = &mut |_| ControlFlow::Continue(());
    ingest(&source, &options, BadRows::Refuse, &parquet, Memory::default(), go_on).unwrap();
    parquet
}

/// Every type, some of which fail, each with all rows and with some.
const EXPECTATIONS: &[&str] = &[
    "type: not_be_null, column: amount",
    "type: be_null, column: name",
    "type: be_unique, column: id",
    "type: be_unique, column: name",
    "type: be_unique, column: amount",
    "type: be_in_set, column: city, values: [Oslo, Lima]",
    "type: be_in_set, column: grade, values: [1, 2, 3]",
    "type: not_be_in_set, column: city, values: [Oslo]",
    "type: be_between, column: amount, min: 10, max: 5000",
    "type: be_between, column: day, max: '2024-01-15'",
    "type: match_regex, column: name, regex: '^n[0-9]+5$'",
    "type: not_match_regex, column: name, regex: '77'",
    "type: match_regex_list, column: name, regexes: ['^n1', '3$']",
    "type: match_strftime_format, column: name, format: 'n%Y'",
    "type: value_lengths_to_be_between, column: name, min: 3, max: 5",
    "type: be_increasing, column: id",
    "type: be_increasing, column: day, strict: true",
    "type: be_decreasing, column: amount",
    "type: be_of_type, column: age, kind: integer",
    "type: be_in_type_list, column: age, kinds: [float, text]",
    "type: value_z_scores_to_be_less_than, column: amount, threshold: 1.7",
    "type: not_be_outliers, column: age, method: std, multiplier: 1.5",
    "type: not_be_outliers, column: amount, multiplier: 0.4",
    "type: distinct_values_to_be_in_set, column: name, values: [n1, n2]",
    "type: distinct_values_to_be_in_set, column: amount, values: [1, 2]",
    "type: distinct_values_to_contain_set, column: city, values: [Oslo, Rome]",
    "type: distinct_values_to_equal_set, column: grade, values: [1, 2, 3, 99]",
    "type: min_to_be_between, column: amount, min: 1",
    "type: max_to_be_between, column: day, max: '2024-01-08'",
    "type: mean_to_be_between, column: amount, min: 1",
    "type: median_to_be_between, column: amount, min: 1",
    "type: stdev_to_be_between, column: amount, min: 1",
    "type: sum_to_be_between, column: amount, min: 1",
    "type: quantile_values_to_be_between, column: amount, quantiles: [{quantile: 0.1, max: 5}]",
    "type: unique_value_count_to_be_between, column: name, min: 1",
    "type: unique_value_count_to_be_between, column: amount, min: 1",
    "type: proportion_of_unique_values_to_be_between, column: name, min: 0.9",
    "type: proportion_of_non_null_values_to_be_between, column: amount, min: 0.99",
    "type: kl_divergence_to_be_less_than, column: name, threshold: 0.5, tail_weight_holdout: 0.9, \
     partition: {values: [n1, n2], weights: [0.5, 0.5]}",
    "type: kl_divergence_to_be_less_than, column: amount, threshold: 0.5, tail_weight_holdout: 0.1, \
     partition: {bins: [0, 1000, 5000], weights: [0.5, 0.5]}",
    "type: chisquare_test_p_value_to_be_greater_than, column: age, p: 0.05, tail_weight_holdout: 0.9, \
     partition: {values: [18, 19, 20], weights: [0.3, 0.3, 0.4]}",
    "type: bootstrapped_ks_test_p_value_to_be_greater_than, column: amount, p: 0.05, \
     partition: {bins: [0, 3000, 6000], weights: [0.5, 0.5]}",
    "type: pair_values_a_greater_than_b, column_a: limit, column_b: age",
    "type: pair_values_to_be_equal, column_a: limit, column_b: age",
    "type: pair_cramers_phi_to_be_less_than, column_a: city, column_b: plan, threshold: 0.1",
    "type: pair_cramers_phi_to_be_less_than, column_a: amount, column_b: ok, threshold: 0.1",
    "type: pair_cramers_phi_to_be_less_than, column_a: name, column_b: ok, threshold: 0.1",
    "type: compound_columns_to_be_unique, columns: [name, city, age]",
    "type: table_row_count_to_be_between, min: 1",
    "type: table_column_count_to_be_between, min: 1",
    "type: table_columns_to_match_set, columns: [id]",
    "type: table_columns_to_match_ordered_list, columns: [id]",
];

fn suite() -> Suite {
    let mut checks = Vec::new();
    for expectation in EXPECTATIONS {
        let check: Check = yaml::parse(&format!("expectation: {{{expectation}}}")).unwrap();
        if !check.expectation.type_name().starts_with("table_") {
            checks.push(Check {
                filter: Some("plan != 'p3' and (amount > 50 or city = 'Bern')".into()),
                ..check.clone()
            });
        }
        checks.push(check);
    }
    for (name, _) in Expectation::TYPES {
        assert!(checks.iter().any(|check| check.expectation.type_name() == *name), "{name}");
    }
    Suite { name: "every".into(), checks }
}

#[test]
fn a_tiny_limit_gives_what_a_large_one_does_unless_it_is_estimated() {
    let folder = tempfile::tempdir().unwrap();
    let (parquet, suite) = (stored(folder.path()), suite());
    let large = run_within(&parquet, &suite, 0, 1 << 30).unwrap();
    let tiny = run_within(&parquet, &suite, 0, 0).unwrap();
    let mut estimated = BTreeSet::new();
    for (large, tiny) in large.results.iter().zip(&tiny.results) {
        let name = large.check.expectation.type_name();
        assert_eq!(large.sample, None, "{name}");
        match tiny.sample {
            None => assert_eq!(large, tiny, "{name}"),
            Some(sample) => {
                estimated.insert(name);
                assert!((512..=1024).contains(&sample) && tiny.observed.words.contains("estimated from"), "{name}");
                assert_eq!((large.evaluated, large.missing), (tiny.evaluated, tiny.missing), "{name}");
            }
        }
    }
    let expected = [
        "bootstrapped_ks_test_p_value_to_be_greater_than",
        "median_to_be_between",
        "not_be_outliers",
        "pair_cramers_phi_to_be_less_than",
        "quantile_values_to_be_between",
    ];
    assert!(estimated.iter().eq(&expected), "{estimated:?}");
    let median = |result: &SuiteResult| {
        let of = |result: &&CheckResult| result.check.expectation.type_name() == "median_to_be_between";
        result.results.iter().rfind(of).unwrap().observed.value.as_f64().unwrap()
    };
    // Ranks of 1,024 draws have a standard error of 1.6 %.
    assert!((median(&tiny) / median(&large) - 1.0).abs() < 0.1, "{} {}", median(&tiny), median(&large));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside the table");
}

// Rows 8,999, 17,999, 26,999 and 35,999 (from 0) have the number of the row five before.
#[test]
fn repeated_values_far_apart_are_found_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let parquet = stored(folder.path());
    let check: Check = yaml::parse("expectation: {type: be_unique, column: id}").unwrap();
    let suite = Suite { name: "one".into(), checks: vec![check] };
    for bytes in [0, 1 << 30] {
        let found = run_within(&parquet, &suite, 0, bytes).unwrap().results.remove(0);
        let rows: Vec<u64> = found.failing.iter().map(|row| row.row).collect();
        assert_eq!(rows, [8_995, 9_000, 17_995, 18_000, 26_995, 27_000, 35_995, 36_000]);
        assert_eq!((found.unexpected, &found.failing[1].values), (8, &vec![Some("8994".to_owned())]));
    }
}
