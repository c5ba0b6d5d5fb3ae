#![allow(clippy::unwrap_used)]
use super::*;
use crate::{inspect, yaml};
use std::ops::ControlFlow;
use trainyard_types::{
    Problem,
    dataset::{BadRows, Profile, Severity},
};

struct Stored {
    _folder: tempfile::TempDir,
    parquet: std::path::PathBuf,
    profile: Profile,
}

fn stored(csv: &str) -> Stored {
    let folder = tempfile::tempdir().unwrap();
    let (file, parquet) = (folder.path().join("t.csv"), folder.path().join("t.parquet"));
    std::fs::write(&file, csv).unwrap();
    let options = inspect(&file, "t.csv").unwrap().options;
    let go_on = &mut |_| ControlFlow::Continue(());
    let done = crate::ingest(&file, &options, BadRows::Refuse, &parquet, crate::Memory::default(), go_on).unwrap();
    Stored { _folder: folder, parquet, profile: done.profile }
}

/// Ten rows. `n` is 1, 2, 4, 8, 16, 32 and four missing values; `m` is at least `n` but in the third row.
const TABLE: &str = "id,n,m,name,ok,day,code,same
1,1,1,Ann,true,2024-01-01,AB-1,7
2,2,5,Bob,false,2024-01-02,AB-2,7
3,4,3,Ann,true,2024-01-03,xx,7
4,8,9,,true,2024-01-04,CD-44,7
5,16,16,Eve,false,2024-01-05,,7
6,32,64,Bob,true,2024-01-06,EF-5,7
7,,1,Ann,true,2024-01-07,EF-6,7
8,,2,Zoë,true,2024-01-08,EF-7,7
8,,3,Ann,false,2024-01-09,EF-8,7
10,,4,Bob,true,2024-01-05,31/01/2024,7
";

fn check_of(yaml: &str) -> Check {
    yaml::parse(yaml).unwrap_or_else(|problem| panic!("{yaml}: {}", problem.message))
}

fn result_at(table: &Stored, yaml: &str, now: i64) -> Result<CheckResult, Problem> {
    let suite = Suite { name: "s".into(), checks: vec![check_of(yaml)] };
    run_within(&table.parquet, &suite, now, 1 << 30).map(|mut result| result.results.remove(0))
}

fn result(table: &Stored, expectation: &str) -> CheckResult {
    result_at(table, &format!("expectation: {{{expectation}}}"), 0).unwrap()
}

/// Passed, rows unexpected, rows missing.
fn rows(table: &Stored, expectation: &str) -> (bool, u64, u64) {
    let result = result(table, expectation);
    assert_eq!(result.failing.len() as u64, result.unexpected, "{expectation}");
    (result.passed, result.unexpected, result.missing)
}

// Counted by hand from the table above.
#[test]
fn expectations_of_single_rows() {
    let table = stored(TABLE);
    for (expectation, expected) in [
        ("type: not_be_null, column: n", (false, 4, 0)),
        ("type: not_be_null, column: m", (true, 0, 0)),
        ("type: be_null, column: n", (false, 6, 0)),
        ("type: be_unique, column: id", (false, 2, 0)),
        ("type: be_unique, column: n", (true, 0, 4)),
        ("type: be_unique, column: name", (false, 7, 1)),
        ("type: be_in_set, column: name, values: [Ann, Bob]", (false, 2, 1)),
        ("type: be_in_set, column: same, values: [7, 8]", (true, 0, 0)),
        ("type: be_in_set, column: ok, values: [true]", (false, 3, 0)),
        ("type: be_in_set, column: day, values: ['2024-01-01']", (false, 9, 0)),
        ("type: not_be_in_set, column: name, values: [Eve]", (false, 1, 1)),
        ("type: be_between, column: n, min: 2, max: 16", (false, 2, 4)),
        ("type: be_between, column: n, min: 2, max: 16, strict: true", (false, 4, 4)),
        ("type: be_between, column: day, max: '2024-01-05'", (false, 4, 0)),
        ("type: match_regex, column: code, regex: '^[A-Z]{2}-[0-9]+$'", (false, 2, 1)),
        ("type: not_match_regex, column: code, regex: '^[A-Z]{2}-[0-9]+$'", (false, 7, 1)),
        ("type: match_regex_list, column: code, regexes: ['^AB', '^EF']", (false, 3, 1)),
        ("type: match_regex_list, column: code, regexes: ['^EF', '5$'], match_on: all", (false, 8, 1)),
        ("type: match_strftime_format, column: code, format: '%d/%m/%Y'", (false, 8, 1)),
        ("type: value_lengths_to_be_between, column: name, min: 3, max: 3", (true, 0, 1)),
        ("type: value_lengths_to_be_between, column: code, max: 4", (false, 2, 1)),
        ("type: be_increasing, column: n, strict: true", (true, 0, 4)),
        ("type: be_increasing, column: id", (true, 0, 0)),
        ("type: be_increasing, column: id, strict: true", (false, 1, 0)),
        ("type: be_increasing, column: day", (false, 1, 0)),
        ("type: be_decreasing, column: same", (true, 0, 0)),
        ("type: be_decreasing, column: n", (false, 5, 4)),
        // z of 1 … 32 is -.801, -.717, -.548, -.211, .464, 1.813 (NumPy 2.4.6, ddof=1).
        ("type: value_z_scores_to_be_less_than, column: n, threshold: 1.8", (false, 1, 4)),
        ("type: value_z_scores_to_be_less_than, column: n, threshold: 0.79, double_sided: true", (false, 2, 4)),
        // Quartiles 2.5 and 14 (NumPy): the fence is at 14 + 1.5 x 11.5 = 31.25.
        ("type: not_be_outliers, column: n, multiplier: 1.5", (false, 1, 4)),
        ("type: not_be_outliers, column: n, multiplier: 1.6", (true, 0, 4)),
        ("type: not_be_outliers, column: n, method: std, multiplier: 1.8", (false, 1, 4)),
        ("type: pair_values_a_greater_than_b, column_a: m, column_b: n", (false, 3, 4)),
        ("type: pair_values_a_greater_than_b, column_a: m, column_b: n, or_equal: true", (false, 1, 4)),
        // Rows in which only one is missing are not equal.
        ("type: pair_values_to_be_equal, column_a: m, column_b: n", (false, 8, 0)),
        ("type: compound_columns_to_be_unique, columns: [id, name]", (true, 0, 0)),
        ("type: compound_columns_to_be_unique, columns: [ok, name]", (false, 5, 0)),
    ] {
        assert_eq!(rows(&table, expectation), expected, "{expectation}");
    }
    let failing = result(&table, "type: be_between, column: n, max: 16").failing;
    assert_eq!(failing, [FailingRow { row: 6, values: vec![Some("32".into())] }]);
    let failing =
        result(&table, "type: pair_values_a_greater_than_b, column_a: m, column_b: n, or_equal: true").failing;
    assert_eq!(failing, [FailingRow { row: 3, values: vec![Some("3".into()), Some("4".into())] }]);
}

// (ok, name): true/Ann in rows 1, 3, 7; true/Bob in 6, 10; false/Bob, true/none, false/Eve, true/Zoë, false/Ann once.
#[test]
fn combinations_are_counted_with_what_is_missing() {
    let table = stored(TABLE);
    let found = result(&table, "type: compound_columns_to_be_unique, columns: [ok, name]");
    let rows: Vec<u64> = found.failing.iter().map(|row| row.row).collect();
    assert_eq!(rows, [1, 3, 6, 7, 10]);
}

#[test]
fn mostly_is_a_share_of_the_values_that_are_there() {
    let table = stored(TABLE);
    let at = |mostly: f64| {
        let yaml = format!("expectation: {{type: be_between, column: n, max: 16}}\nmostly: {mostly}");
        result_at(&table, &yaml, 0).unwrap()
    };
    // Five of six.
    assert!(at(0.83).passed && at(5.0 / 6.0).passed && !at(0.84).passed);
    assert!((at(1.0).unexpected_share - 1.0 / 6.0).abs() < 1e-12);
}

// Figures of NumPy 2.4.6 on [1, 2, 4, 8, 16, 32].
#[test]
fn figures_of_columns() {
    let table = stored(TABLE);
    for (kind, value) in
        [("min", 1.0), ("max", 32.0), ("mean", 10.5), ("median", 6.0), ("stdev", 11.861703081766969), ("sum", 63.0)]
    {
        let at = |min: f64, max: f64| {
            result(&table, &format!("type: {kind}_to_be_between, column: n, min: {min}, max: {max}"))
        };
        let found = at(value - 1e-9, value + 1e-9);
        assert!(found.passed, "{kind}: {}", found.observed.words);
        assert!((found.observed.value.as_f64().unwrap() - value).abs() < 1e-12, "{kind}");
        assert!(!at(value + 1e-6, value + 1.0).passed && !at(value - 1.0, value - 1e-6).passed, "{kind}");
    }
    let quantiles = "type: quantile_values_to_be_between, column: n, quantiles: [{quantile: 0.05, min: 1.25, max: 1.25}, \
                     {quantile: 0.25, max: 2.5}, {quantile: 0.9, min: 24}]";
    assert!(result(&table, quantiles).passed, "{}", result(&table, quantiles).observed.words);
    let found = result(&table, "type: quantile_values_to_be_between, column: n, quantiles: [{quantile: 0.9, max: 23}]");
    assert_eq!(found.observed.words, "The 90 % quantile is 24; at most 23 is expected.");
    let found = result(&table, "type: max_to_be_between, column: day, max: '2024-01-08'");
    assert_eq!(found.observed.words, "The greatest value is 2024-01-09; at most 2024-01-08 is expected.");
    for (expectation, passed) in [
        ("type: unique_value_count_to_be_between, column: name, min: 4, max: 4", true),
        ("type: unique_value_count_to_be_between, column: id, min: 10", false),
        ("type: proportion_of_unique_values_to_be_between, column: id, min: 0.9, max: 0.9", true),
        ("type: proportion_of_non_null_values_to_be_between, column: n, min: 0.6, max: 0.6", true),
        ("type: proportion_of_non_null_values_to_be_between, column: n, min: 0.61", false),
        ("type: distinct_values_to_be_in_set, column: name, values: [Ann, Bob, Eve, Zoë, Max]", true),
        ("type: distinct_values_to_be_in_set, column: name, values: [Ann, Bob]", false),
        ("type: distinct_values_to_contain_set, column: name, values: [Ann, Bob]", true),
        ("type: distinct_values_to_contain_set, column: name, values: [Ann, Max]", false),
        ("type: distinct_values_to_equal_set, column: same, values: [7]", true),
        ("type: distinct_values_to_equal_set, column: n, values: [1, 2, 4, 8, 16]", false),
    ] {
        assert_eq!(result(&table, expectation).passed, passed, "{expectation}");
    }
}

#[test]
fn tables_and_types() {
    let table = stored(TABLE);
    let columns = "[id, n, m, name, ok, day, code, same]";
    for (expectation, passed) in [
        ("type: table_row_count_to_be_between, min: 10, max: 10".to_owned(), true),
        ("type: table_row_count_to_be_between, min: 11".to_owned(), false),
        ("type: table_column_count_to_be_between, max: 8".to_owned(), true),
        (format!("type: table_columns_to_match_set, columns: {columns}"), true),
        ("type: table_columns_to_match_set, columns: [n, id]".to_owned(), false),
        ("type: table_columns_to_match_set, columns: [n, id], allow_more: true".to_owned(), true),
        ("type: table_columns_to_match_set, columns: [n, other], allow_more: true".to_owned(), false),
        (format!("type: table_columns_to_match_ordered_list, columns: {columns}"), true),
        ("type: table_columns_to_match_ordered_list, columns: [n, id]".to_owned(), false),
        ("type: be_of_type, column: day, kind: datetime".to_owned(), true),
        ("type: be_of_type, column: n, kind: float".to_owned(), false),
        ("type: be_in_type_list, column: n, kinds: [float, integer]".to_owned(), true),
    ] {
        assert_eq!(result(&table, &expectation).passed, passed, "{expectation}");
    }
}

// By hand: shares of Ann .4/.9, Bob 3/9, Eve and Zoë 1/9 each; KL and p-values by scipy.stats 1.17.1 on these counts.
#[test]
fn distributions() {
    let table = stored(TABLE);
    let partition = "partition: {values: [Ann, Bob, Eve, Zoë], weights: [0.25, 0.25, 0.25, 0.25]}";
    let found =
        result(&table, &format!("type: kl_divergence_to_be_less_than, column: name, {partition}, threshold: 0.2"));
    // entropy([4,3,1,1], [1,1,1,1]) = 0.17130…: ln 4 - H.
    let expected =
        4_f64.ln() + [4.0, 3.0, 1.0, 1.0].iter().map(|count: &f64| count / 9.0 * (count / 9.0).ln()).sum::<f64>();
    assert!(found.passed && (found.observed.value["divergence"].as_f64().unwrap() - expected).abs() < 1e-12);
    let short = "partition: {values: [Ann, Bob, Eve], weights: [0.5, 0.25, 0.25]}";
    let infinite = format!("type: kl_divergence_to_be_less_than, column: name, {short}, threshold: 5");
    assert!(!result(&table, &infinite).passed);
    assert!(result(&table, &format!("{infinite}, tail_weight_holdout: 0.1")).passed);
    // chi-square 3.0 at 3 degrees: (1.75² + .75² + 2 x 1.25²) / 2.25; chi2.sf(3, 3) = 0.3916251762710877.
    let p = |p: f64| {
        result(&table, &format!("type: chisquare_test_p_value_to_be_greater_than, column: name, {partition}, p: {p}"))
    };
    assert!(p(0.3916).passed && !p(0.3917).passed);
    let bins = "partition: {bins: [0, 2, 40], weights: [0.2, 0.8]}";
    let kl = result(&table, &format!("type: kl_divergence_to_be_less_than, column: n, {bins}, threshold: 0.01"));
    // One of six below 2: the bin has its lower edge only. entropy([1, 5], [.2, .8]) = 0.003630…
    let expected = (1.0 / 6.0) * (1.0_f64 / 1.2).ln() + (5.0 / 6.0) * (5.0_f64 / 4.8).ln();
    assert!((kl.observed.value["divergence"].as_f64().unwrap() - expected).abs() < 1e-12);
    let phi = |threshold: f64| {
        result(
            &table,
            &format!("type: pair_cramers_phi_to_be_less_than, column_a: ok, column_b: same, threshold: {threshold}"),
        )
    };
    assert!(phi(0.1).passed);
}

#[test]
fn the_bootstrapped_test_tells_a_uniform_from_a_square() {
    let csv = |power: i32| {
        let lines: Vec<String> = (0..500).map(|i| format!("{}", (f64::from(i) / 500.0).powi(power))).collect();
        format!("x\n{}\n", lines.join("\n"))
    };
    let check = "type: bootstrapped_ks_test_p_value_to_be_greater_than, column: x, p: 0.05, bootstrap_sample_size: 100, \
                 partition: {bins: [0, 0.25, 0.5, 0.75, 1], weights: [0.25, 0.25, 0.25, 0.25]}";
    // 95 % of uniform samples have a p-value of 0.05 or more.
    let even = result(&stored(&csv(1)), check);
    assert!(even.passed && (even.observed.value["p"].as_f64().unwrap() - 0.95).abs() < 0.03, "{:?}", even.observed);
    assert!(!result(&stored(&csv(2)), check).passed);
}

// scipy 1.17.1: kstwo.sf(d, n), kstwo.isf, chi2.sf, chisquare, entropy, contingency.association(method="cramer").
#[test]
fn statistics_match_scipy() {
    for (n, d, p) in [
        (10, 0.3, 0.27053557479999946),
        (40, 0.2, 0.07048187616884194),
        (100, 0.12, 0.10330374901819939),
        (200, 0.15, 0.0002154191244887308),
        (500, 0.05, 0.15866260223815387),
        (5, 0.9, 1.9999999999999978e-05),
    ] {
        // SciPy approximates where n is above 140 (Simard and L'Ecuyer 2011).
        let near = if n > 140 { 2e-6 } else { 1e-12 };
        assert!((stats::ks_sf(n, d) - p).abs() < near, "{n} {d}: {}", stats::ks_sf(n, d));
    }
    assert!((stats::ks_critical(40, 0.05) - 0.2101151737229868).abs() < 1e-8);
    assert!((stats::ks_critical(400, 0.001) - 0.09698239240689084).abs() < 1e-5);
    assert!((stats::chi_square_sf(10.0, 3.0) - 0.01856613546304325).abs() < 1e-12);
    assert!((stats::chi_square_p(&[30.0, 50.0, 20.0], &[25.0, 50.0, 25.0], 3) - 0.36787944117144245).abs() < 1e-12);
    let kl = stats::kl_divergence(&[30.0, 50.0, 20.0], &[0.25, 0.5, 0.25]);
    assert!((kl - 0.010067756775344432).abs() < 1e-14);
    assert!((stats::cramers_phi(&[10, 20, 30, 25, 15, 5], 3) - 0.4714045207910317).abs() < 1e-12);
    assert!((stats::cramers_phi(&[12, 5, 3, 20], 2) - 0.5875955600576713).abs() < 1e-12);
}

#[test]
fn filters_choose_rows() {
    let table = stored(TABLE);
    let evaluated = |filter: &str| {
        let yaml = format!("expectation: {{type: not_be_null, column: m}}\nwhere: \"{filter}\"");
        result_at(&table, &yaml, 1_704_499_200_000).map(|result| (result.evaluated, result.observed.words))
    };
    for (filter, rows) in [
        ("n >= 8", 3),
        ("n<8 and name='Ann'", 2),
        ("n < 8 or name = 'Bob'", 5),
        ("not n < 8", 3),
        ("not (n < 8 or n > 20) and ok", 0),
        ("ok = true", 7),
        ("name is null", 1),
        ("n is not null", 6),
        ("name in ('Ann', 'Eve')", 5),
        ("n not in (1, 2)", 4),
        ("`name` != 'Ann'", 5),
        ("day > '2024-01-05' AND day <= '2024-01-07'", 2),
        // 2024-01-06T00:00Z
        ("day = now", 1),
        ("n = -1.5e3", 0),
    ] {
        match evaluated(filter) {
            Ok((found, _)) => assert_eq!(found, rows, "{filter}"),
            Err(problem) => {
                assert_eq!((filter, problem.message.contains("character")), ("not (n < 8 or n > 20) and ok", true))
            }
        }
    }
    for (filter, place) in [
        ("n >", "character 4"),
        ("n > 3 n", "character 7"),
        ("(n > 3", "character 7"),
        ("name = Ann", "character 8"),
        ("name = 'Ann", "character 8"),
        ("n > 3; drop", "character 6"),
        ("ü = 1 & x", "character 7"),
        ("", "character 1"),
    ] {
        let message = evaluated(filter).unwrap_err().message;
        assert!(message.contains(place), "{filter}: {message}");
    }
    let deep = format!("{}n > 1{}", "(".repeat(3000), ")".repeat(3000));
    assert!(evaluated(&deep).unwrap_err().message.contains("too deep"));
    assert!(evaluated(&"not ".repeat(2000)).unwrap_err().message.contains("too deep"));
    assert!(evaluated("ok = 'true'").unwrap().1.contains("boolean"));
    assert!(evaluated("nn = 1").unwrap().1.contains("no column `nn`"));
}

#[test]
fn what_cannot_be_asked_fails_and_says_why() {
    let table = stored(TABLE);
    for (expectation, words) in [
        ("type: be_between, column: name, min: 1", "numbers or times are needed"),
        ("type: be_between, column: n, min: 'x'", "no number"),
        ("type: be_between, column: day, min: 5", "no date or time"),
        ("type: match_regex, column: n, regex: x", "where text is needed"),
        ("type: mean_to_be_between, column: absent, min: 1", "no column `absent`"),
        ("type: pair_values_a_greater_than_b, column_a: day, column_b: n", "one is a time"),
    ] {
        let found = result(&table, expectation);
        assert!(!found.passed && found.observed.words.contains(words), "{expectation}: {}", found.observed.words);
    }
}

#[test]
fn faults_of_a_suite_are_named() {
    let check = |yaml: &str| {
        let suite = Suite { name: "s".into(), checks: vec![check_of(yaml)] };
        validate(&suite).unwrap_err().fields.remove(0)
    };
    for (yaml, field) in [
        ("expectation: {type: not_be_null, column: a}\nmostly: 1.5", "checks[0].mostly"),
        ("expectation: {type: mean_to_be_between, column: a, min: 1}\nmostly: 0.5", "checks[0].mostly"),
        ("expectation: {type: not_be_null, column: a}\nwhere: '>'", "checks[0].where"),
        ("expectation: {type: match_regex, column: a, regex: '('}", "checks[0].expectation.regex"),
        ("expectation: {type: match_regex, column: a, regex: 'a{9999}{9999}'}", "checks[0].expectation.regex"),
        ("expectation: {type: match_strftime_format, column: a, format: '%Q'}", "checks[0].expectation.format"),
        ("expectation: {type: be_between, column: a}", "checks[0].expectation.min"),
        ("expectation: {type: sum_to_be_between, column: a, min: 3, max: 1}", "checks[0].expectation.max"),
        ("expectation: {type: be_in_set, column: a, values: []}", "checks[0].expectation.values"),
        ("expectation: {type: not_be_null, column: ''}", "checks[0].expectation.column"),
        (
            "expectation: {type: kl_divergence_to_be_less_than, column: a, threshold: 1, partition: {values: [a], weights: [2]}}",
            "checks[0].expectation.partition",
        ),
    ] {
        assert_eq!(check(yaml).field, field, "{yaml}");
    }
}

#[test]
fn yaml_round_trips_and_typos_have_a_place() {
    let text = "name: Loans\nchecks:\n- expectation:\n    type: be_in_set\n    column: zip\n    values: ['012', 12, true, 'yes']\n  mostly: 0.99\n  where: age > 3\n  severity: critical\n- expectation:\n    type: not_be_null\n    column: age\n";
    let suite: Suite = yaml::parse(text).unwrap();
    use trainyard_types::checks::Scalar::*;
    let Expectation::BeInSet { values, .. } = &suite.checks[0].expectation else { panic!() };
    assert_eq!(*values, [Text("012".into()), Number(12.0), Boolean(true), Text("yes".into())]);
    assert_eq!((suite.checks[0].severity, suite.checks[1].severity), (Severity::Critical, Severity::Warning));
    assert_eq!(yaml::parse::<Suite>(&yaml::print(&suite).unwrap()).unwrap(), suite);
    let fault = |text: &str| yaml::parse::<Suite>(text).unwrap_err().message;
    let typo = text.replace("  mostly", "  mostyl");
    assert!(fault(&typo).contains("line 7") && fault(&typo).contains("mostyl"), "{}", fault(&typo));
    let typo = text.replace("    column: age", "    colunm: age");
    assert!(fault(&typo).contains("colunm") && fault(&typo).contains("line 1"), "{}", fault(&typo));
    let typo = text.replace("type: not_be_null", "type: not_null");
    assert!(fault(&typo).contains("not_null") && fault(&typo).contains("line 1"), "{}", fault(&typo));
}

// 2^60 and 2^60 + 1 are the same float.
#[test]
fn large_whole_numbers_are_told_apart() {
    let table = stored("id\n1152921504606846976\n1152921504606846977\n1152921504606846978\n1152921504606846978\n");
    let found = result(&table, "type: be_unique, column: id");
    assert_eq!(found.unexpected, 2);
    let count = result(&table, "type: unique_value_count_to_be_between, column: id, min: 3, max: 3");
    assert!(count.passed, "{}", count.observed.words);
}

#[test]
fn the_worst_failure_is_the_outcome() {
    let table = stored(TABLE);
    let suite = |severities: &[&str]| {
        let checks = severities
            .iter()
            .map(|severity| check_of(&format!("expectation: {{type: not_be_null, column: n}}\nseverity: {severity}")))
            .chain([check_of("expectation: {type: not_be_null, column: m}\nseverity: critical")])
            .collect();
        run(&table.parquet, &Suite { name: "s".into(), checks }, Memory::default()).unwrap()
    };
    assert_eq!(suite(&[]).outcome, None);
    assert_eq!(suite(&["info", "warning"]).outcome, Some(Severity::Warning));
    let worst = suite(&["critical", "info"]);
    assert_eq!((worst.outcome, worst.passed, worst.failed), (Some(Severity::Critical), 1, 2));
}

#[test]
fn a_table_passes_what_is_suggested_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("loans.csv");
    for (seed, rows) in [(1, 50), (2, 400), (3, 4000)] {
        crate::demo::write_loan_applications(&csv, rows, seed, false).unwrap();
        let table = stored(&std::fs::read_to_string(&csv).unwrap());
        let suite = suggest(&table.parquet, &table.profile, Memory::default()).unwrap();
        let result = run(&table.parquet, &suite, Memory::default()).unwrap();
        let failed: Vec<_> = result.results.iter().filter(|result| !result.passed).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        let again: Suite = yaml::parse(&yaml::print(&suite).unwrap()).unwrap();
        assert_eq!(again, suite);
    }
}
