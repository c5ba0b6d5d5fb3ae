#![allow(clippy::unwrap_used)]
use super::*;
use crate::{Ingested, ingest, inspect};
use serde_json::{Value, json};
use std::{ops::ControlFlow, path::PathBuf};
use trainyard_types::dataset::{BadRows, Severity};

/// 2026-06-01T00:00:00Z.
const NOW: i64 = 1_780_272_000_000;

struct Stored {
    _folder: tempfile::TempDir,
    path: PathBuf,
    ingested: Ingested,
}

fn stored(csv: &str) -> Stored {
    let folder = tempfile::tempdir().unwrap();
    let (source, path) = (folder.path().join("t.csv"), folder.path().join("t.parquet"));
    std::fs::write(&source, csv).unwrap();
    let options = inspect(&source, "t.csv").unwrap().options;
    let ingested =
        ingest(&source, &options, BadRows::Refuse, &path, crate::Memory::default(), &mut |_| ControlFlow::Continue(()))
            .unwrap();
    Stored { _folder: folder, path, ingested }
}

/// Ten people; one without an age, one id twice.
fn people() -> Stored {
    stored(
        "id,age,city,plan,from,to,score,day\n\
         1,20,Oslo,a,1,2,1.0,2026-01-01\n\
         2,30,Oslo,a,2,2,2.0,2026-01-02\n\
         3,40,Turin,b,3,4,3.0,2026-01-03\n\
         4,,Turin,b,4,5,4.0,2026-01-04\n\
         5,50,Lima,a,5,4,5.0,2026-01-05\n\
         6,60,Lima,c,6,7,6.0,2026-01-06\n\
         7,25,oslo,a,7,8,7.0,2026-01-07\n\
         8,35,Oslo,b,8,9,8.0,2026-01-08\n\
         9,45,Oslo,b,9,10,9.0,2027-01-09\n\
         9,45,Turin,a,10,11,100.0,2026-01-10\n",
    )
}

fn one(table: &Stored, check: Value) -> CheckResult {
    let check: Check = serde_json::from_value(check).unwrap();
    let suite = Suite { name: "one".into(), checks: vec![check] };
    run_within(&table.path, &suite, NOW, 1 << 30).unwrap().results.remove(0)
}

fn passes(table: &Stored, expectation: Value) -> bool {
    one(table, json!({ "expectation": expectation })).passed
}

#[test]
fn rows_fail_by_hand() {
    let table = people();
    // Expectation, rows without a value, rows that fail (numbered from 1).
    for (expectation, missing, rows) in [
        (json!({"type": "not_be_null", "column": "age"}), 0, vec![4]),
        (json!({"type": "be_null", "column": "age"}), 0, vec![1, 2, 3, 5, 6, 7, 8, 9, 10]),
        (json!({"type": "be_unique", "column": "id"}), 0, vec![9, 10]),
        (json!({"type": "be_in_set", "column": "city", "values": ["Oslo", "Turin", "Lima"]}), 0, vec![7]),
        (json!({"type": "not_be_in_set", "column": "city", "values": ["Lima"]}), 0, vec![5, 6]),
        (json!({"type": "be_in_set", "column": "age", "values": [20, 30, 40, 50, 60, 25, 35]}), 1, vec![9, 10]),
        (json!({"type": "be_between", "column": "age", "min": 25, "max": 50}), 1, vec![1, 6]),
        (json!({"type": "be_between", "column": "age", "min": 25, "max": 50, "strict": true}), 1, vec![1, 5, 6, 7]),
        (json!({"type": "be_between", "column": "day", "max": "now"}), 0, vec![9]),
        (json!({"type": "be_between", "column": "day", "min": "2026-01-03", "max": "2026-12-31"}), 0, vec![1, 2, 9]),
        (json!({"type": "match_regex", "column": "city", "regex": "^[A-Z]"}), 0, vec![7]),
        (json!({"type": "not_match_regex", "column": "city", "regex": "o$"}), 0, vec![1, 2, 7, 8, 9]),
        (json!({"type": "match_regex_list", "column": "city", "regexes": ["^O", "^T"]}), 0, vec![5, 6, 7]),
        (
            json!({"type": "match_regex_list", "column": "city", "regexes": ["^O", "o$"], "match_on": "all"}),
            0,
            vec![3, 4, 5, 6, 7, 10],
        ),
        (json!({"type": "value_lengths_to_be_between", "column": "city", "min": 5}), 0, vec![1, 2, 5, 6, 7, 8, 9]),
        (json!({"type": "be_increasing", "column": "id"}), 0, vec![]),
        (json!({"type": "be_increasing", "column": "id", "strict": true}), 0, vec![10]),
        (json!({"type": "be_decreasing", "column": "age"}), 1, vec![2, 3, 5, 6, 8, 9]),
        (json!({"type": "pair_values_a_greater_than_b", "column_a": "to", "column_b": "from"}), 0, vec![2, 5]),
        (
            json!({"type": "pair_values_a_greater_than_b", "column_a": "to", "column_b": "from", "or_equal": true}),
            0,
            vec![5],
        ),
        (json!({"type": "pair_values_to_be_equal", "column_a": "id", "column_b": "from"}), 0, vec![10]),
        (json!({"type": "compound_columns_to_be_unique", "columns": ["id", "age"]}), 0, vec![9, 10]),
        (json!({"type": "compound_columns_to_be_unique", "columns": ["id", "city"]}), 0, vec![]),
        // Mean 14.5, sample standard deviation 30.1634 (NumPy 2.3.5 np.std(x, ddof=1)): z of 100 is 2.83.
        (json!({"type": "value_z_scores_to_be_less_than", "column": "score", "threshold": 2.8}), 0, vec![10]),
        (json!({"type": "value_z_scores_to_be_less_than", "column": "score", "threshold": 2.9}), 0, vec![]),
        // Quartiles 3.25 and 7.75: beyond -3.5 and 14.5.
        (json!({"type": "not_be_outliers", "column": "score", "multiplier": 1.5}), 0, vec![10]),
        (json!({"type": "not_be_outliers", "column": "score", "method": "std", "multiplier": 3.0}), 0, vec![]),
    ] {
        let result = one(&table, json!({ "expectation": expectation }));
        let failing: Vec<u64> = result.failing.iter().map(|row| row.row).collect();
        assert_eq!((result.missing, &failing), (missing, &rows), "{expectation}: {}", result.observed.words);
        assert_eq!((result.passed, result.unexpected), (rows.is_empty(), rows.len() as u64), "{expectation}");
    }
}

#[test]
fn figures_of_columns_by_hand() {
    let table = people();
    // Each holds with the bounds as given, and fails when the least is moved up past the figure.
    for (kind, figure) in [
        ("min_to_be_between", 20.0),
        ("max_to_be_between", 60.0),
        // 350 / 9
        ("mean_to_be_between", 38.888_888_888_888_886),
        ("median_to_be_between", 40.0),
        // NumPy 2.3.5: np.std([20, 30, 40, 50, 60, 25, 35, 45, 45], ddof=1)
        ("stdev_to_be_between", 12.692_955_176_439_846),
        ("sum_to_be_between", 350.0),
        ("unique_value_count_to_be_between", 8.0),
        ("proportion_of_unique_values_to_be_between", 8.0 / 9.0),
        ("proportion_of_non_null_values_to_be_between", 0.9),
    ] {
        let with = |min: f64, max: f64| json!({"type": kind, "column": "age", "min": min, "max": max});
        assert!(passes(&table, with(figure - 1e-9, figure + 1e-9)), "{kind}");
        assert!(!passes(&table, with(figure + 1e-6, figure + 1.0)), "{kind}");
        assert!(!passes(&table, with(figure - 1.0, figure - 1e-6)), "{kind}");
    }
    let quantile = |min: f64, max: f64| {
        json!({"type": "quantile_values_to_be_between", "column": "score",
               "quantiles": [{"quantile": 0.25, "min": min, "max": max}, {"quantile": 1.0, "max": 100}]})
    };
    assert!(passes(&table, quantile(3.25, 3.25)) && !passes(&table, quantile(3.26, 4.0)));
    for (expectation, holds) in [
        (json!({"type": "distinct_values_to_be_in_set", "column": "plan", "values": ["a", "b", "c", "d"]}), true),
        (json!({"type": "distinct_values_to_be_in_set", "column": "plan", "values": ["a", "b"]}), false),
        (json!({"type": "distinct_values_to_contain_set", "column": "plan", "values": ["a", "c"]}), true),
        (json!({"type": "distinct_values_to_contain_set", "column": "plan", "values": ["a", "d"]}), false),
        (json!({"type": "distinct_values_to_equal_set", "column": "plan", "values": ["c", "b", "a"]}), true),
        (json!({"type": "distinct_values_to_equal_set", "column": "plan", "values": ["a", "b", "c", "d"]}), false),
        (json!({"type": "be_of_type", "column": "age", "kind": "integer"}), true),
        (json!({"type": "be_of_type", "column": "age", "kind": "text"}), false),
        (json!({"type": "be_in_type_list", "column": "score", "kinds": ["float", "integer"]}), true),
        (json!({"type": "table_row_count_to_be_between", "min": 10, "max": 10}), true),
        (json!({"type": "table_row_count_to_be_between", "min": 11}), false),
        (json!({"type": "table_column_count_to_be_between", "max": 7}), false),
        (json!({"type": "table_columns_to_match_set", "columns": ["id", "age"]}), false),
        (json!({"type": "table_columns_to_match_set", "columns": ["id", "age"], "allow_more": true}), true),
        (
            json!({"type": "table_columns_to_match_ordered_list",
                   "columns": ["id", "age", "city", "plan", "from", "to", "score", "day"]}),
            true,
        ),
        (
            json!({"type": "table_columns_to_match_ordered_list",
                   "columns": ["age", "id", "city", "plan", "from", "to", "score", "day"]}),
            false,
        ),
        (json!({"type": "be_between", "column": "nobody", "min": 1}), false),
        (json!({"type": "be_between", "column": "city", "min": 1}), false),
    ] {
        assert_eq!(passes(&table, expectation.clone()), holds, "{expectation}");
    }
}

/// The figures are SciPy's and NumPy's; see each line.
#[test]
fn distributions_as_scipy_has_them() {
    let mut csv = String::from("kind,other,x\n");
    for i in 0..100 {
        let kind = if i < 50 {
            "a"
        } else if i < 80 {
            "b"
        } else {
            "c"
        };
        let other = if i % 4 == 0 { "u" } else { "v" };
        csv.push_str(&format!("{kind},{other},{}\n", i as f64 / 100.0));
    }
    let table = stored(&csv);
    let partition = json!({"values": ["a", "b", "c"], "weights": [0.4, 0.4, 0.2]});
    // scipy.stats.entropy([.5, .3, .2], [.4, .4, .2]) = 0.025267153921570557 (SciPy 1.16.3)
    let kl = |threshold: f64| json!({"type": "kl_divergence_to_be_less_than", "column": "kind", "partition": partition, "threshold": threshold});
    assert!(passes(&table, kl(0.025_268)) && !passes(&table, kl(0.025_267)));
    // scipy.stats.chisquare([50, 30, 20], [40, 40, 20]).pvalue = 0.0820849986238988 (SciPy 1.16.3)
    let chi = |p: f64| json!({"type": "chisquare_test_p_value_to_be_greater_than", "column": "kind", "partition": partition, "p": p});
    assert!(passes(&table, chi(0.0820)) && !passes(&table, chi(0.0821)));
    // Halves and quarters: the columns' table is [[13, 37], [7, 23], [5, 15]]; chi2 = 0.0711111 (scipy
    // chi2_contingency without correction), phi = sqrt(chi2 / 100) = 0.0266667.
    let phi = |threshold: f64| json!({"type": "pair_cramers_phi_to_be_less_than", "column_a": "kind", "column_b": "other", "threshold": threshold});
    assert!(passes(&table, phi(PHI + 1e-6)) && !passes(&table, phi(PHI - 1e-6)));
    let bins = |weights: [f64; 4]| {
        json!({"type": "bootstrapped_ks_test_p_value_to_be_greater_than", "column": "x", "p": 0.05, "bootstrap_sample_size": 40,
               "partition": {"bins": [0.0, 0.25, 0.5, 0.75, 1.0], "weights": weights}})
    };
    assert!(passes(&table, bins([0.25; 4])) && !passes(&table, bins([0.9, 0.1, 0.0, 0.0])));
}

/// See [`distributions_as_scipy_has_them`].
const PHI: f64 = 0.026666666666667;

#[test]
fn mostly_where_and_severity() {
    let table = people();
    let check = |mostly: f64| json!({"expectation": {"type": "not_be_null", "column": "age"}, "mostly": mostly});
    assert!(one(&table, check(0.9)).passed && !one(&table, check(0.91)).passed);
    let filtered = |filter: &str| {
        one(&table, json!({"expectation": {"type": "be_in_set", "column": "plan", "values": ["a"]}, "where": filter}))
    };
    for (filter, evaluated, unexpected) in [
        ("city = 'Oslo'", 4, 2),
        ("age >= 40 and city != 'Oslo'", 4, 2),
        ("city in ('Lima', 'oslo') or age is null", 4, 2),
        ("not (id < 9)", 2, 1),
        ("day > '2026-12-31'", 1, 1),
    ] {
        let found = filtered(filter);
        assert_eq!((found.evaluated, found.unexpected), (evaluated, unexpected), "{filter}: {}", found.observed.words);
    }
    let suite = |severities: [&str; 2]| {
        let failing =
            |severity: &str| json!({"expectation": {"type": "be_null", "column": "id"}, "severity": severity});
        let suite = json!({"name": "s", "checks": severities.map(failing)});
        run(&table.path, &serde_json::from_value(suite).unwrap(), Memory::default()).unwrap().outcome
    };
    assert_eq!(suite(["info", "critical"]), Some(Severity::Critical));
    assert_eq!(suite(["info", "info"]), Some(Severity::Info));
}

#[test]
fn suites_that_make_no_sense_are_refused_in_words() {
    let refused = |check: Value| {
        let suite: Suite = serde_json::from_value(json!({"name": "s", "checks": [check]})).unwrap();
        validate(&suite).unwrap_err()
    };
    for (check, field) in [
        (json!({"expectation": {"type": "not_be_null", "column": "a"}, "mostly": 1.5}), "checks[0].mostly"),
        (
            json!({"expectation": {"type": "sum_to_be_between", "column": "a", "min": 1}, "mostly": 0.5}),
            "checks[0].mostly",
        ),
        (json!({"expectation": {"type": "not_be_null", "column": "a"}, "where": "b = "}), "checks[0].where"),
        (
            json!({"expectation": {"type": "match_regex", "column": "a", "regex": "(?=x)"}}),
            "checks[0].expectation.regex",
        ),
        (
            json!({"expectation": {"type": "match_regex", "column": "a", "regex": "(a{1000}){1000}"}}),
            "checks[0].expectation.regex",
        ),
        (json!({"expectation": {"type": "be_between", "column": "a"}}), "checks[0].expectation.min"),
        (json!({"expectation": {"type": "be_in_set", "column": "a", "values": []}}), "checks[0].expectation.values"),
    ] {
        assert_eq!(refused(check.clone()).fields[0].field, field, "{check}");
    }
    let unknown =
        crate::yaml::parse::<Suite>("name: s\nchecks:\n- expectation:\n    type: not_be_null\n    colunm: a\n");
    assert!(unknown.unwrap_err().message.contains("colunm"));
}

#[test]
fn suites_survive_yaml() {
    let table = people();
    let suite = suggest(&table.path, &table.ingested.profile, Memory::default()).unwrap();
    let text = crate::yaml::print(&suite).unwrap();
    assert_eq!(crate::yaml::parse::<Suite>(&text).unwrap(), suite, "{text}");
    let every = Expectation::TYPES.iter().map(|(name, _)| Check::new(Expectation::blank(name, "a").unwrap()));
    let every = Suite { name: "every".into(), checks: every.collect() };
    assert_eq!(crate::yaml::parse::<Suite>(&crate::yaml::print(&every).unwrap()).unwrap(), every);
}
