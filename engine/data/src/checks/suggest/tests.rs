//! How good the suggestions are: planted faults that they catch, and alarms that they raise without cause.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::{checks::run, ingest, inspect};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::ops::ControlFlow;
use trainyard_types::{checks::SuiteResult, dataset::BadRows};

/// A table of orders as rows of texts.
#[derive(Clone)]
struct Orders {
    names: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

const NAMES: [&str; 12] =
    ["id", "ordered_at", "age", "income", "balance", "city", "plan", "code", "email", "low", "high", "returned"];

impl Orders {
    /// A fresh draw of about as many rows.
    fn draw(seed: u64, rows: usize) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut unit = move || random.random::<f64>();
        let rows = (0..rows)
            .map(|row| {
                // The sum of twelve uniforms is close to normal.
                let mut normal = || (0..12).map(|_| unit()).sum::<f64>() - 6.0;
                let (a, b, c, d) = (normal(), normal(), normal(), normal());
                let (city, plan, code, gap, day) = (unit(), unit(), unit(), unit(), unit());
                let cities = ["Oslo", "Turin", "Lima", "Kyoto", "Accra", "Quito"];
                let low = 10.0 + 3.0 * c;
                vec![
                    format!("{}", 100_000 + row),
                    format!("2025-{:02}-{:02}", 1 + (day * 12.0) as u32, 1 + (code * 28.0) as u32),
                    if gap < 0.03 { String::new() } else { format!("{:.0}", (42.0 + 11.0 * a).clamp(18.0, 90.0)) },
                    format!("{:.2}", (10.3 + 0.4 * b).exp()),
                    format!("{:.2}", 500.0 + 120.0 * d),
                    cities[(city * city * 6.0) as usize].to_owned(),
                    ["basic", "plus", "pro"][(plan * 3.0) as usize].to_owned(),
                    format!("AB-{:05}", (code * 99_999.0) as u32),
                    // One account an order.
                    format!("user{}@example.org", 100_000 + (row as u64 * 7_919 + seed * 104_729) % 900_000),
                    format!("{low:.3}"),
                    format!("{:.3}", low + 0.5 + 4.0 * plan),
                    if day < 0.2 { "true" } else { "false" }.to_owned(),
                ]
            })
            .collect();
        Self { names: NAMES.to_vec(), rows }
    }

    fn column(&self, name: &str) -> usize {
        self.names.iter().position(|known| *known == name).unwrap()
    }

    /// Changes a share of a column's values.
    fn change(mut self, name: &str, share: f64, change: impl Fn(&str) -> String) -> Self {
        let column = self.column(name);
        let every = (1.0 / share).round() as usize;
        self.rows.iter_mut().step_by(every).for_each(|row| row[column] = change(&row[column]));
        self
    }

    fn stored(&self) -> (tempfile::TempDir, std::path::PathBuf, Profile) {
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = (folder.path().join("t.csv"), folder.path().join("t.parquet"));
        let mut text = self.names.join(",") + "\n";
        for row in &self.rows {
            text.push_str(&row.join(","));
            text.push('\n');
        }
        std::fs::write(&source, text).unwrap();
        let options = inspect(&source, "t.csv").unwrap().options;
        let stored = ingest(&source, &options, BadRows::Refuse, &path, crate::Memory::default(), &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
        (folder, path, stored.profile)
    }

    fn check(&self, suite: &Suite) -> SuiteResult {
        let (_folder, path, _) = self.stored();
        run(&path, suite, crate::Memory::default()).unwrap()
    }
}

/// A number out of a text, changed.
fn number(text: &str, change: impl Fn(f64) -> f64) -> String {
    text.parse::<f64>().map_or_else(|_| text.to_owned(), |value| format!("{:.2}", change(value)))
}

/// Twenty faults that real tables have.
fn faults(clean: &Orders) -> Vec<(&'static str, Orders)> {
    let table = || clean.clone();
    let mut swapped = table();
    for row in &mut swapped.rows {
        row.swap(3, 4);
    }
    let mut repeated = table();
    for row in 0..20 {
        repeated.rows[row][0] = repeated.rows[row + 100][0].clone();
    }
    let mut short = table();
    short.rows.truncate(clean.rows.len() / 2);
    let mut long = table();
    long.rows.extend(clean.rows.to_vec());
    for (row, values) in long.rows.iter_mut().enumerate() {
        values[0] = (100_000 + row).to_string();
    }
    let mut absent = table();
    absent.names.remove(4);
    absent.rows.iter_mut().for_each(|row| _ = row.remove(4));
    let mut extra = table();
    extra.names.push("debug");
    extra.rows.iter_mut().for_each(|row| row.push("1".to_owned()));
    vec![
        ("missing values", table().change("income", 0.05, |_| String::new())),
        ("out of range", table().change("age", 0.02, |_| "999".into())),
        ("new category", table().change("city", 0.02, |_| "Atlantis".into())),
        ("unit times 1,000", table().change("income", 1.0, |text| number(text, |value| value * 1000.0))),
        ("swapped columns", swapped),
        ("repeated ids", repeated),
        ("text in a number", table().change("balance", 0.01, |text| format!("{text} EUR"))),
        ("half of the table", short),
        ("constant column", table().change("plan", 1.0, |_| "basic".into())),
        ("shifted mean", table().change("balance", 1.0, |text| number(text, |value| value + 90.0))),
        ("negative values", table().change("income", 0.02, |text| number(text, |value| -value))),
        ("dates in the future", table().change("ordered_at", 0.02, |_| "2199-01-01".into())),
        ("case and spaces", table().change("city", 0.05, |text| text.to_uppercase())),
        ("broken format", table().change("code", 0.02, |text| text.replace('-', ""))),
        ("dates of another age", table().change("ordered_at", 0.05, |_| "1970-01-01".into())),
        ("twice the table", long),
        ("missing column", absent),
        ("further column", extra),
        ("broken order", table().change("high", 0.05, |_| "1.0".into())),
        ("encoding damage", table().change("email", 0.02, |text| text.replace("user", "usÃ©r"))),
    ]
}

#[test]
fn suggestions_catch_faults_and_seldom_cry_wolf() {
    let (mut caught, mut planted) = (0, 0);
    let mut alarms = Vec::new();
    for source in 0..3 {
        let clean = Orders::draw(source, 1_500);
        let (_folder, path, profile) = clean.stored();
        let suite = suggest(&path, &profile, crate::Memory::default()).unwrap();
        assert_eq!(run(&path, &suite, crate::Memory::default()).unwrap().outcome, None, "the table itself passes");
        for (name, faulty) in faults(&Orders::draw(1_000 + source, 1_500)) {
            planted += 1;
            match faulty.check(&suite).outcome {
                Some(_) => caught += 1,
                None => eprintln!("not caught: {name}"),
            }
        }
        for draw in 0..34 {
            let result = Orders::draw(10_000 + 100 * source + draw, 1_500).check(&suite);
            alarms.extend(
                result
                    .results
                    .into_iter()
                    .filter(|result| !result.passed)
                    .map(|result| {
                        format!(
                            "{} {:?}: {}",
                            result.check.expectation.type_name(),
                            result.check.expectation.columns(),
                            result.observed.words
                        )
                    })
                    .take(1),
            );
        }
    }
    // Asked for: 18 of 20 faults, one alarm in 100 clean tables.
    assert!(caught * 20 >= 18 * planted, "{caught} of {planted}");
    assert!(alarms.len() <= 1, "{alarms:#?}");
}
