//! Checks of a stored table: a suite of expectations is run against its columns, or suggested from them.
//!
//! Names and meanings are Great Expectations' (version 1.24). A check that can't be evaluated, for its column is not there
//! or of another type, has failed and says why.
//!
//! A suite is evaluated in a stream: in each pass every column that is asked for is decoded once, a batch of rows at a
//! time, and each check counts what it needs. Some need two passes, such as outliers: first the fences, then the rows. What
//! checks hold is bounded by [`Memory`]: values that are counted or looked up go to the disk beyond it, as 64-bit hashes
//! (of 60 million different texts two are taken for the same with a chance of 1 in 10,000; numbers never), and quantiles
//! are estimated from a uniform sample, which the result says. Texts come as dictionaries, so that an expression is
//! matched once for each different text.

mod aggregates;
mod columns;
mod counts;
mod distributions;
mod filter;
mod mask;
mod phi;
mod row_wise;
mod sets;
mod stats;
mod stream;
mod suggest;
mod tables;
mod unique;
mod validate;
mod work;

pub use suggest::suggest;
pub use validate::validate;

use crate::{
    memory::Memory,
    parallel,
    parquet_source::{ParquetFile, guarded},
    profile::{folder_of, stored_schema},
    words::clip,
};
use columns::Looks;
use filter::Filter;
use mask::Mask;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};
use stream::{Batch, Table};
use trainyard_types::{
    Problem,
    checks::{Check, CheckResult, Expectation, FailingRow, Observed, Suite, SuiteResult},
};
use work::{Begin, Found, Next, Scope, Seen, Work};

/// Checks that run in the same passes at most, and those of them that hold values.
const TOGETHER: usize = 256;
const HOLDING: usize = 64;

/// Runs the suite against a table that [`crate::ingest()`] stored. Only the columns that the checks name are read.
///
/// # Errors
/// The suite is not valid (see [`validate()`]), the file can't be read, or the disk can't take what does not fit the memory.
pub fn run(parquet: &Path, suite: &Suite, memory: Memory) -> Result<SuiteResult, Problem> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    run_within(parquet, suite, now, memory.checks())
}

/// [`run`] where `now` in a bound is that many milliseconds since 1970, and checks hold `bytes` together.
fn run_within(parquet: &Path, suite: &Suite, now: i64, bytes: usize) -> Result<SuiteResult, Problem> {
    validate(suite)?;
    let file = ParquetFile::open(parquet)?;
    let schema = stored_schema(&file)?;
    let rows = file.rows();
    let table = Table { path: parquet, schema: &schema, file: guarded(|| file.with_dictionaries())? };
    let mut outcomes: Vec<Option<Outcome>> = suite.checks.iter().map(|_| None).collect();
    let mut waiting = Vec::new();
    for (index, check) in suite.checks.iter().enumerate() {
        let filter = check.filter.as_deref().map(Filter::parse).transpose()?;
        let mut names: Vec<String> = check.expectation.columns().into_iter().map(str::to_owned).collect();
        names.extend(filter.iter().flat_map(Filter::columns));
        let places: Result<Vec<usize>, &String> =
            names.iter().map(|name| schema.iter().position(|column| column.name == *name).ok_or(name)).collect();
        match places {
            Err(absent) => outcomes[index] = Some(Outcome::Failed(format!("There is no column `{}`.", clip(absent)))),
            Ok(columns) => match tables::evaluate(&check.expectation, &schema, rows) {
                Some(found) => outcomes[index] = Some(Outcome::Found(found, rows)),
                None => waiting.push(Waiting { index, check, filter, columns }),
            },
        }
    }
    // Neighbours read the same columns.
    waiting.sort_by(|a, b| a.columns.cmp(&b.columns));
    let mut looks = BTreeMap::new();
    while !waiting.is_empty() {
        let mut holding = 0;
        let most = waiting.iter().take(TOGETHER).take_while(|waiting| {
            holding += weight(&waiting.check.expectation);
            holding <= HOLDING
        });
        let now_and_later = waiting.split_off(most.count().max(1));
        let together = std::mem::replace(&mut waiting, now_and_later);
        let room = bytes / together.iter().map(|one| weight(&one.check.expectation)).sum::<usize>().max(1);
        let begin = Begin { schema: &schema, now, room, folder: folder_of(parquet) };
        run_together(&table, &begin, together, &mut outcomes, &mut looks)?;
    }
    let shown = failing_rows(&table, suite, &outcomes, &looks)?;
    let results = suite.checks.iter().zip(outcomes).map(|(check, outcome)| {
        let failed = || Outcome::Failed("It was not evaluated.".into());
        outcome.unwrap_or_else(failed).into_result(check, &schema, rows, &shown)
    });
    Ok(SuiteResult::new(suite.name.clone(), rows, results.collect()))
}

/// What a check holds, compared with others.
fn weight(expectation: &Expectation) -> usize {
    use Expectation::*;
    match expectation {
        BeUnique { .. } | CompoundColumnsToBeUnique { .. } | NotBeOutliers { .. } => 1,
        DistinctValuesToBeInSet { .. } | DistinctValuesToEqualSet { .. } => 1,
        MedianToBeBetween { .. } | QuantileValuesToBeBetween { .. } => 1,
        UniqueValueCountToBeBetween { .. } | ProportionOfUniqueValuesToBeBetween { .. } => 1,
        KlDivergenceToBeLessThan { .. } | ChisquareTestPValueToBeGreaterThan { .. } => 1,
        BootstrappedKsTestPValueToBeGreaterThan { .. } => 1,
        // A table of 2,000 by 2,000 counts.
        PairCramersPhiToBeLessThan { .. } => 16,
        _ => 0,
    }
}

/// A check before its turn.
struct Waiting<'a> {
    index: usize,
    check: &'a Check,
    filter: Option<Filter>,
    /// Those of the expectation, then those of the filter; indices into the schema.
    columns: Vec<usize>,
}

/// A check at work.
struct Running {
    index: usize,
    columns: Vec<usize>,
    /// Which of the filters it has.
    filter: Option<usize>,
    work: Option<Box<dyn Work>>,
    /// Rows that the filter let through.
    evaluated: u64,
    state: Result<Option<Next>, Problem>,
}

enum Outcome {
    /// With the rows evaluated.
    Found(Found, u64),
    /// It can't be evaluated, in words.
    Failed(String),
}

/// Runs checks in one pass, and those that need it in another.
fn run_together(
    table: &Table<'_>,
    begin: &Begin<'_>,
    together: Vec<Waiting<'_>>,
    outcomes: &mut [Option<Outcome>],
    looks: &mut BTreeMap<usize, Looks>,
) -> Result<(), Problem> {
    let (mut filters, mut running): (Vec<(Filter, Mask)>, Vec<Running>) = (Vec::new(), Vec::new());
    for Waiting { index, check, filter, columns } in together {
        let made = filter.map(|filter| match filters.iter().position(|(known, _)| *known == filter) {
            Some(at) => Ok(at),
            None => Mask::new(&filter, begin.schema, begin.now).map(|mask| {
                filters.push((filter, mask));
                filters.len() - 1
            }),
        });
        let work = made.transpose().and_then(|filter| Ok((filter, started(check, begin)?)));
        match work {
            Err(reason) => outcomes[index] = Some(Outcome::Failed(reason)),
            Ok((filter, work)) => {
                running.push(Running { index, columns, filter, work: Some(work), evaluated: 0, state: Ok(None) });
            }
        }
    }
    let mut masks: Vec<(Mask, Result<Vec<bool>, Problem>)> =
        filters.into_iter().map(|(_, mask)| (mask, Ok(Vec::new()))).collect();
    while !running.is_empty() {
        let columns: BTreeSet<usize> = running.iter().flat_map(|one| one.columns.iter().copied()).collect();
        let wanted: BTreeSet<usize> = running.iter().filter_map(|one| one.filter).collect();
        running.iter_mut().for_each(|one| one.evaluated = 0);
        let columns: Vec<usize> = columns.into_iter().collect();
        let seen = table.each(&columns, &mut |batch| {
            parallel::each(
                &mut masks,
                || (),
                |(), at, (mask, rows)| {
                    if wanted.contains(&at) {
                        *rows = mask.rows(batch);
                    }
                },
            );
            update(&mut running, batch, &masks)
        })?;
        looks.extend(seen);
        parallel::each(
            &mut running,
            || (),
            |(), _, one| {
                let seen = Seen { evaluated: one.evaluated, schema: begin.schema, looks };
                one.state = one.work.take().map(|work| work.finish(&seen)).transpose();
            },
        );
        for one in std::mem::take(&mut running) {
            match one.state? {
                Some(Next::Again(work)) => running.push(Running { work: Some(work), state: Ok(None), ..one }),
                Some(Next::Found(found)) => outcomes[one.index] = Some(Outcome::Found(found, one.evaluated)),
                Some(Next::Failed(reason)) => outcomes[one.index] = Some(Outcome::Failed(reason)),
                None => {}
            }
        }
    }
    Ok(())
}

fn update(
    running: &mut [Running],
    batch: &Batch<'_>,
    masks: &[(Mask, Result<Vec<bool>, Problem>)],
) -> Result<(), Problem> {
    masks.iter().try_for_each(|(_, rows)| rows.as_ref().map(drop).map_err(Clone::clone))?;
    parallel::each(
        running,
        || (),
        |(), _, one| {
            let mask = one.filter.and_then(|at| masks[at].1.as_deref().ok());
            let scope = Scope { rows: batch.rows, mask };
            one.evaluated += scope.count();
            if let Some(Err(problem)) = one.work.as_mut().map(|work| work.update(batch, scope)) {
                one.state = Err(problem);
            }
        },
    );
    running.iter().try_for_each(|one| one.state.as_ref().map(drop).map_err(Clone::clone))
}

/// # Errors
/// In words, where the columns are not of a type that the expectation can be asked of.
fn started(check: &Check, begin: &Begin<'_>) -> Result<Box<dyn Work>, String> {
    let (expectation, mostly) = (&check.expectation, check.mostly);
    if let Some(work) = unique::begin(expectation, mostly, begin) {
        return Ok(work);
    }
    if expectation.is_row_wise() {
        return row_wise::begin(expectation, mostly, begin);
    }
    for begin_of in [distributions::begin, phi::begin, sets::begin] {
        if let Some(work) = begin_of(expectation, begin) {
            return work;
        }
    }
    aggregates::begin(expectation, begin)
}

/// The values of failing rows, by column and row.
type Shown = BTreeMap<usize, BTreeMap<usize, Option<String>>>;

fn failing_rows(
    table: &Table<'_>,
    suite: &Suite,
    outcomes: &[Option<Outcome>],
    looks: &BTreeMap<usize, Looks>,
) -> Result<Shown, Problem> {
    let mut wanted: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (check, outcome) in suite.checks.iter().zip(outcomes) {
        if let Some(Outcome::Found(found, _)) = outcome {
            for name in check.expectation.columns() {
                let at = table.schema.iter().position(|column| column.name == name);
                if let Some(at) = at {
                    wanted.entry(at).or_default().extend(&found.first);
                }
            }
        }
    }
    wanted.retain(|_, rows| !rows.is_empty());
    let show = |(column, rows): (usize, BTreeSet<usize>)| {
        let rows: Vec<usize> = rows.into_iter().collect();
        let looks = looks.get(&column).ok_or_else(|| Problem::internal("A column was not read."))?;
        Ok((column, table.show(column, &rows, looks)?))
    };
    wanted.into_iter().map(show).collect()
}

impl Outcome {
    fn into_result(
        self,
        check: &Check,
        schema: &[trainyard_types::dataset::ColumnSchema],
        rows: u64,
        shown: &Shown,
    ) -> CheckResult {
        let (found, evaluated) = match self {
            Outcome::Found(found, evaluated) => (found, evaluated),
            Outcome::Failed(reason) => (Found::new(false, reason, serde_json::Value::Null, 0), rows),
        };
        let columns: Vec<Option<&BTreeMap<usize, Option<String>>>> = check
            .expectation
            .columns()
            .into_iter()
            .map(|name| shown.get(&schema.iter().position(|column| column.name == name)?))
            .collect();
        let value = |row: usize| columns.iter().map(move |values| Some(clip(values.as_ref()?.get(&row)?.as_ref()?)));
        CheckResult {
            check: check.clone(),
            passed: found.passed,
            observed: Observed { words: found.words, value: found.value },
            evaluated,
            missing: found.missing,
            unexpected: found.unexpected,
            unexpected_share: found.share,
            failing: found
                .first
                .iter()
                .map(|&row| FailingRow { row: row as u64 + 1, values: value(row).collect() })
                .collect(),
            sample: found.sample,
        }
    }
}

#[cfg(test)]
mod hand_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod tests;
