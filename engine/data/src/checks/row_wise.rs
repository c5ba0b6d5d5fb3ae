//! Expectations that single rows meet or miss.

use super::{
    columns::{Cells, Members, OfLevels, needs_numbers, needs_texts, number},
    stats,
    stream::Batch,
    validate::expression,
    work::{
        Begin, Next, Scope, Seen, Tally,
        Verdict::{self, *},
        Work,
    },
};
use crate::{bounded::Reservoir, words::clip};
use arrow_array::cast::AsArray;
use chrono::format::{Parsed, StrftimeItems};
use std::cmp::Ordering;
use trainyard_infer::frame::MISSING;
use trainyard_types::{
    Problem,
    checks::{Expectation, MatchOn, OutlierMethod, Scalar},
    dataset::ColumnType,
};

/// Judges the rows of a batch.
type Judge = Box<dyn FnMut(&Batch<'_>, Scope<'_>, &mut Tally) -> Result<(), Problem> + Send>;

struct RowWise {
    judge: Judge,
    mostly: f64,
    tally: Tally,
    /// Values that the judge's bounds are estimated from, of so many.
    sample: Option<(u64, u64)>,
}

impl Work for RowWise {
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem> {
        (self.judge)(batch, scope, &mut self.tally)
    }

    fn finish(self: Box<Self>, _: &Seen<'_>) -> Result<Next, Problem> {
        let found = self.tally.judge(self.mostly);
        Ok(Next::Found(match self.sample {
            Some((sample, of)) => found.estimated("The fences are", Some(sample), of),
            None => found,
        }))
    }
}

/// # Errors
/// In words, where the columns are not of a type that the expectation can be asked of.
pub(super) fn begin(expectation: &Expectation, mostly: f64, begin: &Begin<'_>) -> Result<Box<dyn Work>, String> {
    use Expectation::*;
    let judge = match expectation {
        NotBeNull { column } => of_gaps(begin.column(column)?.name.clone(), false),
        BeNull { column } => of_gaps(begin.column(column)?.name.clone(), true),
        BeInSet { column, values } => in_set(begin, column, values, true)?,
        NotBeInSet { column, values } => in_set(begin, column, values, false)?,
        BeBetween { column, min, max, strict } => {
            let (column, strict) = (begin.column(column)?, *strict);
            needs_numbers(column)?;
            let bound = |scalar: &Option<Scalar>, open: f64| {
                scalar.as_ref().map_or(Ok(open), |scalar| number(column, scalar, begin.now))
            };
            let (min, max) = (bound(min, f64::NEG_INFINITY)?, bound(max, f64::INFINITY)?);
            of_numbers(column.name.clone(), move |value| {
                if strict { value > min && value < max } else { value >= min && value <= max }
            })
        }
        MatchRegex { column, regex } => {
            let regex = expression(regex).map_err(|problem| problem.message)?;
            of_texts(begin, column, move |text| regex.is_match(text))?
        }
        NotMatchRegex { column, regex } => {
            let regex = expression(regex).map_err(|problem| problem.message)?;
            of_texts(begin, column, move |text| !regex.is_match(text))?
        }
        MatchRegexList { column, regexes, match_on } => {
            let regexes = regexes
                .iter()
                .map(|regex| expression(regex).map_err(|problem| problem.message))
                .collect::<Result<Vec<_>, String>>()?;
            let match_on = *match_on;
            of_texts(begin, column, move |text| match match_on {
                MatchOn::Any => regexes.iter().any(|regex| regex.is_match(text)),
                MatchOn::All => regexes.iter().all(|regex| regex.is_match(text)),
            })?
        }
        MatchStrftimeFormat { column, format } => {
            let format = format.clone();
            of_texts(begin, column, move |text| is_time(text, &format))?
        }
        ValueLengthsToBeBetween { column, min, max } => {
            let (min, max) = (*min, *max);
            of_texts(begin, column, move |text| {
                let length = text.chars().count() as f64;
                min.is_none_or(|min| length >= min) && max.is_none_or(|max| length <= max)
            })?
        }
        BeIncreasing { column, strict } => monotone(begin, column, *strict, Ordering::Greater)?,
        BeDecreasing { column, strict } => monotone(begin, column, *strict, Ordering::Less)?,
        ValueZScoresToBeLessThan { column, threshold, double_sided } => {
            needs_numbers(begin.column(column)?)?;
            let bound = Bound::ZScore { threshold: *threshold, double_sided: *double_sided };
            return Ok(Box::new(FirstPass::new(column, bound, mostly, begin)));
        }
        NotBeOutliers { column, method, multiplier } => {
            needs_numbers(begin.column(column)?)?;
            let bound = Bound::Fences { method: *method, multiplier: *multiplier };
            return Ok(Box::new(FirstPass::new(column, bound, mostly, begin)));
        }
        PairValuesAGreaterThanB { column_a, column_b, or_equal } => {
            let (a, b, or_equal) = (begin.column(column_a)?, begin.column(column_b)?, *or_equal);
            if (a.kind == ColumnType::Datetime) != (b.kind == ColumnType::Datetime) {
                return Err(format!("`{}` and `{}` can't be compared: one is a time.", clip(column_a), clip(column_b)));
            }
            needs_numbers(a)?;
            needs_numbers(b)?;
            of_pairs(column_a, column_b, move |a, b, batch, scope, tally| {
                let (x, y) = (a.numbers()?, b.numbers()?);
                tally.add(batch, scope, |row| match x[row].partial_cmp(&y[row]) {
                    None => Missing,
                    Some(order) => verdict(order == Ordering::Greater || (or_equal && order == Ordering::Equal)),
                });
                Ok(())
            })
        }
        PairValuesToBeEqual { column_a, column_b } => {
            let (a, b) = (begin.column(column_a)?, begin.column(column_b)?);
            if a.kind != b.kind && !(a.kind.is_numeric() && b.kind.is_numeric()) {
                return Err(format!(
                    "`{}` is {} and `{}` is {}: they can't be equal.",
                    clip(column_a),
                    a.kind.as_str(),
                    clip(column_b),
                    b.kind.as_str()
                ));
            }
            of_pairs(column_a, column_b, |a, b, batch, scope, tally| {
                let equal = equal(a, b)?;
                tally.add(batch, scope, |row| match (a.is_missing(row), b.is_missing(row)) {
                    (true, true) => Missing,
                    (false, false) => verdict(equal(row)),
                    _ => Fail,
                });
                Ok(())
            })
        }
        other => return Err(format!("{} is no expectation of single rows.", other.type_name())),
    };
    Ok(Box::new(RowWise { judge, mostly, tally: Tally::default(), sample: None }))
}

fn verdict(good: bool) -> Verdict {
    if good { Pass } else { Fail }
}

fn of_gaps(column: String, wanted: bool) -> Judge {
    Box::new(move |batch, scope, tally| {
        let cells = batch.cells(&column)?;
        tally.add(batch, scope, |row| verdict(cells.is_missing(row) == wanted));
        Ok(())
    })
}

fn of_numbers(column: String, good: impl Fn(f64) -> bool + Send + 'static) -> Judge {
    Box::new(move |batch, scope, tally| {
        let numbers = batch.cells(&column)?.numbers()?;
        tally.add(batch, scope, |row| match numbers[row] {
            value if value.is_nan() => Missing,
            value => verdict(good(value)),
        });
        Ok(())
    })
}

/// Asks once for each different text.
fn of_texts(begin: &Begin<'_>, column: &str, good: impl Fn(&str) -> bool + Send + 'static) -> Result<Judge, String> {
    needs_texts(begin.column(column)?)?;
    let (column, mut answers) = (column.to_owned(), OfLevels::default());
    Ok(Box::new(move |batch, scope, tally| {
        let texts = batch.cells(&column)?.texts()?;
        let answers = answers.ask(texts.levels, &good);
        tally.add(batch, scope, |row| match texts.codes[row] {
            MISSING => Missing,
            code => verdict(answers[code as usize]),
        });
        Ok(())
    }))
}

fn of_pairs(
    a: &str,
    b: &str,
    mut judge: impl FnMut(&Cells, &Cells, &Batch<'_>, Scope<'_>, &mut Tally) -> Result<(), Problem> + Send + 'static,
) -> Judge {
    let (a, b) = (a.to_owned(), b.to_owned());
    Box::new(move |batch, scope, tally| judge(batch.cells(&a)?, batch.cells(&b)?, batch, scope, tally))
}

fn in_set(begin: &Begin<'_>, column: &str, values: &[Scalar], wanted: bool) -> Result<Judge, String> {
    match Members::of(begin.column(column)?, values, begin.now)? {
        Members::Texts(set) => of_texts(begin, column, move |text| set.contains(text) == wanted),
        Members::Numbers(set) => {
            Ok(of_numbers(column.to_owned(), move |value| Members::has_number(&set, value) == wanted))
        }
    }
}

/// Compares each value with the last one before it that is not missing.
fn monotone(begin: &Begin<'_>, column: &str, strict: bool, wanted: Ordering) -> Result<Judge, String> {
    needs_numbers(begin.column(column)?)?;
    let (column, mut before) = (column.to_owned(), None::<f64>);
    Ok(Box::new(move |batch, scope, tally| {
        let numbers = batch.cells(&column)?.numbers()?;
        tally.add(batch, scope, |row| {
            let value = numbers[row];
            if value.is_nan() {
                return Missing;
            }
            let order = before.map(|before| value.total_cmp(&before));
            before = Some(value);
            verdict(order.is_none_or(|order| order == wanted || (!strict && order == Ordering::Equal)))
        });
        Ok(())
    }))
}

/// Whether two columns of one type, or two of numbers, have the same value in a row where both have one.
fn equal<'a>(a: &'a Cells, b: &'a Cells) -> Result<Box<dyn Fn(usize) -> bool + 'a>, Problem> {
    if let (Ok(a), Ok(b)) = (a.numbers(), b.numbers()) {
        return Ok(Box::new(|row| a[row] == b[row]));
    }
    let (a, b) = (a.texts()?, b.texts()?);
    let (x, y) = (a.levels.as_string::<i32>(), b.levels.as_string::<i32>());
    Ok(Box::new(move |row| x.value(a.codes[row] as usize) == y.value(b.codes[row] as usize)))
}

/// Whether the format reads the whole text, and what it read is a real date where it has one.
fn is_time(text: &str, format: &str) -> bool {
    let mut parsed = Parsed::new();
    if chrono::format::parse(&mut parsed, text, StrftimeItems::new(format)).is_err() {
        return false;
    }
    let dated = parsed.year().is_some() && parsed.month().is_some() && parsed.day().is_some();
    !dated || parsed.to_naive_date().is_ok()
}

#[derive(Clone, Copy)]
enum Bound {
    ZScore { threshold: f64, double_sided: bool },
    Fences { method: OutlierMethod, multiplier: f64 },
}

/// The figures of a column that its rows are then held against.
struct FirstPass {
    column: String,
    bound: Bound,
    mostly: f64,
    moments: stats::Moments,
    /// For quartiles; empty where they are not asked for.
    values: Reservoir<f64>,
}

impl FirstPass {
    fn new(column: &str, bound: Bound, mostly: f64, begin: &Begin<'_>) -> Self {
        let values = Reservoir::new(begin.numbers());
        Self { column: column.to_owned(), bound, mostly, moments: stats::Moments::default(), values }
    }
}

impl Work for FirstPass {
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem> {
        let numbers = batch.cells(&self.column)?.numbers()?;
        let present = scope.rows().map(|row| numbers[row]).filter(|value| !value.is_nan());
        if matches!(self.bound, Bound::Fences { method: OutlierMethod::Iqr, .. }) {
            present.for_each(|value| self.values.push(value));
        } else {
            present.for_each(|value| self.moments.push(value));
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, _: &Seen<'_>) -> Result<Next, Problem> {
        let moments = self.moments;
        let sample = self.values.sample().map(|sample| (sample, self.values.seen));
        let column = std::mem::take(&mut self.column);
        let judge = match self.bound {
            Bound::ZScore { .. } if moments.count > 1 && moments.std() == 0.0 => of_numbers(column, |_| true),
            Bound::ZScore { threshold, double_sided } => of_numbers(column, move |value| {
                let z = (value - moments.mean) / moments.std();
                z.is_nan() || if double_sided { z.abs() < threshold } else { z < threshold }
            }),
            Bound::Fences { method, multiplier } => {
                let (low, high) = match method {
                    OutlierMethod::Std => {
                        let reach = multiplier * moments.std();
                        (moments.mean - reach, moments.mean + reach)
                    }
                    OutlierMethod::Iqr => {
                        let values = &mut self.values.kept;
                        let (q1, q3) = (stats::quantile(values, 0.25), stats::quantile(values, 0.75));
                        (q1 - multiplier * (q3 - q1), q3 + multiplier * (q3 - q1))
                    }
                };
                // One value has no deviation: it is no outlier.
                of_numbers(column, move |value| !(value < low || value > high))
            }
        };
        Ok(Next::Again(Box::new(RowWise { judge, mostly: self.mostly, tally: Tally::default(), sample })))
    }
}
