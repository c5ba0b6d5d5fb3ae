//! The loan applications have the bias and the drift that their documentation says.

use crate::{Folder, take_in};
use trainyard_data::{demo, frame, target};
use trainyard_infer::frame::{Frame, Values};
use trainyard_types::{dataset::ColumnType, run::Task};

fn category(frame: &Frame, name: &str, row: usize) -> String {
    match &frame.column(name).unwrap().values {
        Values::Categories { codes, levels } => levels[codes[row] as usize].clone(),
        Values::Numbers(_) => panic!("{name} is a number"),
    }
}

fn number(frame: &Frame, name: &str, row: usize) -> f64 {
    match &frame.column(name).unwrap().values {
        Values::Numbers(numbers) => numbers[row],
        Values::Categories { .. } => panic!("{name} is no number"),
    }
}

fn load(rows: usize, drifted: bool) -> Frame {
    let folder = Folder::new();
    let csv = folder.path("loans.csv");
    demo::write_loan_applications(&csv, rows, 42, drifted).unwrap();
    let dest = folder.path("loans.parquet");
    let (options, ingested) = take_in(&csv, &dest);
    assert_eq!(ingested.rows, rows as u64);
    let kinds: Vec<ColumnType> = options.columns.iter().map(|column| column.kind).collect();
    use ColumnType::*;
    assert_eq!(
        kinds,
        [
            Datetime, Integer, Text, Text, Integer, Integer, Text, Text, Integer, Integer, Float, Float, Integer,
            Integer, Boolean, Text
        ]
    );
    frame::load(&dest, None).unwrap()
}

/// Mean over the rows of the given columns' numbers.
fn mean(frame: &Frame, name: &str) -> f64 {
    let values: Vec<f64> = (0..frame.rows).map(|row| number(frame, name, row)).filter(|x| x.is_finite()).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn default_rate(frame: &Frame, keep: impl Fn(usize) -> bool) -> f64 {
    let rows: Vec<usize> = (0..frame.rows).filter(|&row| keep(row)).collect();
    rows.iter().filter(|&&row| category(frame, "defaulted", row) == "yes").count() as f64 / rows.len() as f64
}

#[test]
fn bias_and_drift_are_what_the_documentation_says() {
    let before = load(40_000, false);
    let info = target::infer_task(before.column("defaulted").unwrap()).unwrap();
    assert_eq!((info.task, info.classes[1].0.as_str()), (Task::Binary, "yes"));
    let rate = default_rate(&before, |_| true);
    assert!((0.15..0.30).contains(&rate), "{rate}");
    // The odds ratio at like circumstances, pooled over strata of the strongest ones (Mantel and Haenszel, 1959).
    let (mut above, mut below) = (0.0, 0.0);
    let stratum = |row: usize| {
        let debt = (number(&before, "debt_to_income", row) * 20.0) as u64;
        let late = number(&before, "late_payments", row).min(3.0) as u64;
        let previous = number(&before, "previous_loans", row).min(3.0) as u64;
        (debt * 4 + late) * 4 + previous
    };
    let mut cells = std::collections::BTreeMap::<u64, [f64; 4]>::new();
    for row in 0..before.rows {
        let woman = category(&before, "gender", row) == "female";
        let yes = category(&before, "defaulted", row) == "yes";
        cells.entry(stratum(row)).or_default()[usize::from(woman) * 2 + usize::from(yes)] += 1.0;
    }
    for [men_no, men_yes, women_no, women_yes] in cells.into_values() {
        let n = men_no + men_yes + women_no + women_yes;
        above += women_yes * men_no / n;
        below += women_no * men_yes / n;
    }
    let log_odds: f64 = (above / below).ln();
    assert!((log_odds - demo::BIAS_LOG_ODDS).abs() < 0.1, "{log_odds}");

    let after = load(40_000, true);
    let interest = mean(&after, "interest_rate") - mean(&before, "interest_rate");
    assert!((interest - demo::DRIFT_INTEREST_POINTS).abs() < 0.05, "{interest}");
    let income = mean(&after, "income") / mean(&before, "income");
    assert!((income - demo::DRIFT_INCOME_FACTOR).abs() < 0.02, "{income}");
    let amount = mean(&after, "loan_amount") / mean(&before, "loan_amount");
    assert!((amount - demo::DRIFT_AMOUNT_FACTOR).abs() < 0.02, "{amount}");
    let indebted = |frame: &Frame| default_rate(frame, |row| number(frame, "debt_to_income", row) > 0.4);
    assert!(indebted(&after) > indebted(&before) + 0.1, "{} {}", indebted(&before), indebted(&after));
}

#[test]
fn the_same_seed_gives_the_same_file() {
    let folder = Folder::new();
    let write = |name: &str, seed| {
        let path = folder.path(name);
        demo::write_loan_applications(&path, 500, seed, false).unwrap();
        std::fs::read_to_string(path).unwrap()
    };
    let first = write("a", 1);
    assert_eq!(first, write("b", 1));
    assert_ne!(first, write("c", 2));
    assert_eq!(first.lines().count(), 501);
    assert_eq!(first.lines().next().unwrap(), demo::COLUMNS.join(","));
    assert!(first.lines().nth(1).unwrap().starts_with("2024-01-01,"));
    assert!(first.lines().last().unwrap().starts_with("2024-12-3"));
}
