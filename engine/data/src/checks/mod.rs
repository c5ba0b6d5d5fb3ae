//! Checks of a stored table: a suite of expectations is run against its columns, or suggested from them.
//!
//! Names and meanings are Great Expectations' (version 1.24). A check that can't be evaluated, for its column is not there
//! or of another type, has failed and says why. Columns are loaded one group of checks at a time, groups in parallel; texts
//! come as dictionaries, so that an expression is matched once for each different text.

mod aggregates;
mod columns;
mod distributions;
mod filter;
mod keys;
mod row_wise;
mod stats;
mod suggest;
mod tables;
mod validate;

pub use suggest::suggest;
pub use validate::validate;

use crate::{
    frame, parallel,
    parquet_source::ParquetFile,
    profile::stored_schema,
    words::{clip, count, percent},
};
use columns::Cells;
use filter::Filter;
use std::{
    collections::BTreeMap,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};
use trainyard_types::{
    Problem,
    checks::{Check, CheckResult, Expectation, FailingRow, Observed, Suite, SuiteResult},
    dataset::ColumnSchema,
};

/// Failing rows kept of a check.
const SHOWN_ROWS: usize = 20;

/// Runs the suite against a table that [`crate::ingest()`] stored. Only the columns that the checks name are read.
///
/// # Errors
/// The suite is not valid (see [`validate()`]), or the file can't be read.
pub fn run(parquet: &Path, suite: &Suite) -> Result<SuiteResult, Problem> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    run_at(parquet, suite, now)
}

/// [`run`] where `now` in a bound is that many milliseconds since 1970.
pub(crate) fn run_at(parquet: &Path, suite: &Suite, now: i64) -> Result<SuiteResult, Problem> {
    validate(suite)?;
    let file = ParquetFile::open(parquet)?;
    let schema = stored_schema(&file)?;
    let rows = file.rows();
    let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
    let mut results: Vec<Option<CheckResult>> = vec![None; suite.checks.len()];
    for (index, check) in suite.checks.iter().enumerate() {
        let filter = check.filter.as_deref().map(Filter::parse).transpose()?;
        let mut wanted: Vec<String> = Vec::new();
        let own = check.expectation.columns();
        let of_filter = filter.iter().flat_map(Filter::columns);
        for name in own.into_iter().map(str::to_owned).chain(of_filter) {
            if !wanted.contains(&name) {
                wanted.push(name);
            }
        }
        let absent = wanted.iter().find(|name| !schema.iter().any(|column| column.name == **name));
        results[index] = match absent {
            Some(name) => Some(failed(check, rows, format!("There is no column `{}`.", clip(name)))),
            None => {
                tables::evaluate(&check.expectation, &schema, rows).map(|found| found.into_result(check, rows, &[]))
            }
        };
        if results[index].is_none() {
            groups.entry(wanted).or_default().checks.push((index, filter));
        }
    }
    let mut groups: Vec<(Vec<String>, Group)> = groups.into_iter().collect();
    parallel::each(
        &mut groups,
        || (),
        |(), _, (columns, group)| group.outcome = group.run(parquet, columns, &schema, suite, now),
    );
    for (_, group) in groups {
        for (index, result) in group.outcome? {
            results[index] = Some(result);
        }
    }
    Ok(SuiteResult::new(suite.name.clone(), rows, results.into_iter().flatten().collect()))
}

/// Checks that read the same columns.
struct Group {
    /// Index in the suite, and the filter.
    checks: Vec<(usize, Option<Filter>)>,
    outcome: Result<Vec<(usize, CheckResult)>, Problem>,
}

impl Default for Group {
    fn default() -> Self {
        Self { checks: Vec::new(), outcome: Ok(Vec::new()) }
    }
}

impl Group {
    fn run(
        &self,
        parquet: &Path,
        columns: &[String],
        schema: &[ColumnSchema],
        suite: &Suite,
        now: i64,
    ) -> Result<Vec<(usize, CheckResult)>, Problem> {
        let frame = frame::load(parquet, Some(columns))?;
        let rows = frame.rows as u64;
        let cells: Vec<Cells<'_>> = frame.columns.iter().map(Cells::new).collect();
        let table = Table { parquet, schema, cells: &cells, rows: frame.rows, now };
        Ok(self
            .checks
            .iter()
            .map(|(index, filter)| {
                let check = &suite.checks[*index];
                let mask = filter.as_ref().map(|filter| filter.mask(&table)).transpose();
                let found = mask.and_then(|mask| {
                    let scope = Scope { rows: table.rows, mask: mask.as_deref() };
                    evaluate(&check.expectation, check.mostly, &table, scope)
                });
                let result = match found {
                    Ok(found) => {
                        let shown: Vec<&Cells<'_>> =
                            check.expectation.columns().iter().filter_map(|name| table.cells(name).ok()).collect();
                        found.into_result(check, rows, &shown)
                    }
                    Err(reason) => failed(check, rows, reason),
                };
                (*index, result)
            })
            .collect())
    }
}

fn evaluate(expectation: &Expectation, mostly: f64, table: &Table<'_>, scope: Scope<'_>) -> Result<Found, String> {
    if expectation.is_row_wise() {
        let tally = row_wise::tally(expectation, table, scope)?;
        return Ok(tally.judge(mostly));
    }
    match distributions::evaluate(expectation, table, scope) {
        Some(found) => found,
        None => aggregates::evaluate(expectation, table, scope),
    }
}

/// The columns at hand.
struct Table<'a> {
    parquet: &'a Path,
    schema: &'a [ColumnSchema],
    cells: &'a [Cells<'a>],
    rows: usize,
    /// Milliseconds since 1970.
    now: i64,
}

impl Table<'_> {
    fn cells(&self, name: &str) -> Result<&Cells<'_>, String> {
        self.cells
            .iter()
            .find(|cells| cells.name == name)
            .ok_or_else(|| format!("There is no column `{}`.", clip(name)))
    }
}

/// The rows that count.
#[derive(Clone, Copy)]
struct Scope<'a> {
    rows: usize,
    mask: Option<&'a [bool]>,
}

impl Scope<'_> {
    fn rows(self) -> impl Iterator<Item = usize> {
        (0..self.rows).filter(move |&row| self.mask.is_none_or(|mask| mask[row]))
    }
    fn count(self) -> u64 {
        self.mask.map_or(self.rows, |mask| mask.iter().filter(|kept| **kept).count()) as u64
    }
}

/// One row against an expectation of single rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Missing,
    Pass,
    Fail,
}

/// Rows counted by verdict.
#[derive(Default)]
struct Tally {
    evaluated: u64,
    missing: u64,
    unexpected: u64,
    /// Indices of the first failing rows.
    first: Vec<usize>,
}

impl Tally {
    fn of(scope: Scope<'_>, verdict: impl Fn(usize) -> Verdict) -> Self {
        let mut tally = Tally::default();
        for row in scope.rows() {
            tally.evaluated += 1;
            match verdict(row) {
                Verdict::Pass => {}
                Verdict::Missing => tally.missing += 1,
                Verdict::Fail => {
                    tally.unexpected += 1;
                    if tally.first.len() < SHOWN_ROWS {
                        tally.first.push(row);
                    }
                }
            }
        }
        tally
    }

    fn judge(self, mostly: f64) -> Found {
        let present = self.evaluated - self.missing;
        let share = if present == 0 { 0.0 } else { self.unexpected as f64 / present as f64 };
        // A share of exactly `mostly` passes, whatever the rounding of the division.
        let passed = self.unexpected == 0 || (present - self.unexpected) as f64 >= mostly * present as f64 - 1e-9;
        let words = match (self.unexpected, present) {
            (_, 0) => "No row has a value to check.".to_owned(),
            (0, _) => format!("All {} values are as expected.", count(present)),
            (1, _) => format!("1 of {} values ({}) is not as expected.", count(present), percent(share)),
            (failing, _) => {
                format!("{} of {} values ({}) are not as expected.", count(failing), count(present), percent(share))
            }
        };
        let value = serde_json::json!({ "unexpected": self.unexpected, "share": share });
        Found { passed, words, value, missing: self.missing, share, evaluated: self.evaluated, tally: Some(self) }
    }
}

/// What an evaluation found, before it is put into words for the outside.
struct Found {
    passed: bool,
    words: String,
    value: serde_json::Value,
    evaluated: u64,
    missing: u64,
    share: f64,
    tally: Option<Tally>,
}

impl Found {
    fn new(passed: bool, words: String, value: serde_json::Value, evaluated: u64, missing: u64) -> Self {
        Self { passed, words, value, evaluated, missing, share: 0.0, tally: None }
    }

    fn into_result(self, check: &Check, rows: u64, shown: &[&Cells<'_>]) -> CheckResult {
        let tally = self.tally.unwrap_or_default();
        CheckResult {
            check: check.clone(),
            passed: self.passed,
            observed: Observed { words: self.words, value: self.value },
            evaluated: self.evaluated.min(rows),
            missing: self.missing,
            unexpected: tally.unexpected,
            unexpected_share: self.share,
            failing: tally
                .first
                .into_iter()
                .map(|row| FailingRow {
                    row: row as u64 + 1,
                    values: shown.iter().map(|cells| cells.show(row).map(|text| clip(&text))).collect(),
                })
                .collect(),
        }
    }
}

/// A check that could not be evaluated.
fn failed(check: &Check, rows: u64, reason: String) -> CheckResult {
    Found::new(false, reason, serde_json::Value::Null, rows, 0).into_result(check, rows, &[])
}

#[cfg(test)]
mod hand_tests;
#[cfg(test)]
mod tests;
