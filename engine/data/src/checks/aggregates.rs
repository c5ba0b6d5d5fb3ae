//! Expectations of one figure of a column.

use super::{
    columns::{Looks, figure, needs_numbers, number},
    counts::Counts,
    stats,
    stream::Batch,
    work::{Begin, Found, Next, Scope, Seen, Work},
};
use crate::{bounded::Reservoir, cell, words::counted};
use foldhash::fast::RandomState;
use trainyard_types::{
    Problem,
    checks::{Expectation, QuantileRange, Scalar},
    dataset::ColumnSchema,
};

type Bounds = (Option<f64>, Option<f64>);

/// One figure, and within which bounds it has to lie.
struct Figure {
    column: String,
    of: Of,
    bounds: Bounds,
    missing: u64,
}

/// What makes the figure.
enum Of {
    Least(f64),
    Greatest(f64),
    Mean(stats::Moments),
    Deviation(stats::Moments),
    Sum(stats::Sum),
    Median(Reservoir<f64>),
    /// How many different values there are, or their share of all.
    Distinct {
        counts: Box<Counts>,
        hasher: RandomState,
        share: bool,
    },
    Present,
}

/// # Errors
/// In words, where the column is not of a type that the expectation can be asked of.
pub(super) fn begin(expectation: &Expectation, begin: &Begin<'_>) -> Result<Box<dyn Work>, String> {
    use Expectation::*;
    let plain = |column: &str, of: Of, bounds: Bounds| Ok(Figure::begin(begin.column(column)?, of, bounds));
    let numeric = |column: &str, of: Of, bounds: Bounds| {
        needs_numbers(begin.column(column)?)?;
        plain(column, of, bounds)
    };
    // In the column's own unit, with bounds in it.
    let own = |column: &str, of: Of, min: &Option<Scalar>, max: &Option<Scalar>| {
        let schema = begin.column(column)?;
        needs_numbers(schema)?;
        let bound = |scalar: &Option<Scalar>| scalar.as_ref().map(|one| number(schema, one, begin.now)).transpose();
        plain(column, of, (bound(min)?, bound(max)?))
    };
    let distinct = |share| Of::Distinct {
        counts: Box::new(Counts::new(begin.room, begin.folder)),
        hasher: RandomState::default(),
        share,
    };
    match expectation {
        MinToBeBetween { column, min, max } => own(column, Of::Least(f64::NAN), min, max),
        MaxToBeBetween { column, min, max } => own(column, Of::Greatest(f64::NAN), min, max),
        MeanToBeBetween { column, min, max } => own(column, Of::Mean(stats::Moments::default()), min, max),
        MedianToBeBetween { column, min, max } => own(column, Of::Median(Reservoir::new(begin.numbers())), min, max),
        // The unit of a time's deviation is milliseconds, which is no time.
        StdevToBeBetween { column, min, max } => {
            numeric(column, Of::Deviation(stats::Moments::default()), (*min, *max))
        }
        SumToBeBetween { column, min, max } => numeric(column, Of::Sum(stats::Sum::default()), (*min, *max)),
        QuantileValuesToBeBetween { column, quantiles } => {
            needs_numbers(begin.column(column)?)?;
            let values = Reservoir::new(begin.numbers());
            Ok(Box::new(Quantiles { column: column.clone(), ranges: quantiles.clone(), values, missing: 0 }))
        }
        UniqueValueCountToBeBetween { column, min, max } => plain(column, distinct(false), (*min, *max)),
        ProportionOfUniqueValuesToBeBetween { column, min, max } => plain(column, distinct(true), (*min, *max)),
        ProportionOfNonNullValuesToBeBetween { column, min, max } => plain(column, Of::Present, (*min, *max)),
        other => Err(format!("{} can't be evaluated.", other.type_name())),
    }
}

impl Figure {
    fn begin(column: &ColumnSchema, of: Of, bounds: Bounds) -> Box<dyn Work> {
        Box::new(Figure { column: column.name.clone(), of, bounds, missing: 0 })
    }
}

impl Work for Figure {
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem> {
        let cells = batch.cells(&self.column)?;
        let mut present = 0;
        match &mut self.of {
            Of::Present => present = scope.rows().filter(|&row| !cells.is_missing(row)).count() as u64,
            Of::Distinct { counts, hasher, .. } => {
                let keys = cells.keys(hasher);
                for row in scope.rows().filter(|&row| !cells.is_missing(row)) {
                    present += 1;
                    counts.add(keys[row], 1)?;
                }
            }
            of => {
                let numbers = cells.numbers()?;
                for value in scope.rows().map(|row| numbers[row]).filter(|value| !value.is_nan()) {
                    present += 1;
                    match of {
                        Of::Least(least) if least.is_nan() || value.total_cmp(least).is_lt() => *least = value,
                        Of::Greatest(most) if most.is_nan() || value.total_cmp(most).is_ge() => *most = value,
                        Of::Mean(moments) | Of::Deviation(moments) => moments.push(value),
                        Of::Sum(sum) => sum.push(value),
                        Of::Median(values) => values.push(value),
                        _ => {}
                    }
                }
            }
        }
        self.missing += scope.count() - present;
        Ok(())
    }

    fn finish(self: Box<Self>, seen: &Seen<'_>) -> Result<Next, Problem> {
        let Figure { column, of, bounds, missing } = *self;
        let looks = seen.looks(&column)?;
        let (own, plain) = (|value| looks.figure(value), figure);
        let present = (seen.evaluated - missing) as f64;
        let mut sample = None;
        let (what, value, show): (&str, f64, &dyn Fn(f64) -> String) = match of {
            Of::Least(value) => ("least value", value, &own),
            Of::Greatest(value) => ("greatest value", value, &own),
            Of::Mean(moments) if moments.count == 0 => ("mean", f64::NAN, &own),
            Of::Mean(moments) => ("mean", moments.mean, &own),
            Of::Deviation(moments) => ("standard deviation", moments.std(), &plain),
            Of::Sum(sum) => ("sum", sum.total(), &plain),
            Of::Median(mut values) => {
                sample = values.sample();
                ("median", stats::quantile(&mut values.kept, 0.5), &own)
            }
            Of::Distinct { counts, share: false, .. } => {
                ("number of different values", counts.distinct()? as f64, &plain)
            }
            Of::Distinct { counts, .. } => ("share of different values", counts.distinct()? as f64 / present, &plain),
            Of::Present => ("share of rows with a value", present / seen.evaluated as f64, &plain),
        };
        let found = figure_between(what, value, bounds, missing, show);
        Ok(Next::Found(found.estimated("It is", sample, present as u64)))
    }
}

/// A figure that is not defined (no values) contradicts nothing.
fn figure_between(what: &str, value: f64, (min, max): Bounds, missing: u64, show: &dyn Fn(f64) -> String) -> Found {
    let passed = value.is_nan() || (min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max));
    let words = if value.is_nan() {
        format!("The {what} is not defined: there are too few values.")
    } else {
        format!("The {what} is {}{}.", show(value), allowed(min, max, show))
    };
    let observed = if value.is_finite() { value.into() } else { serde_json::Value::Null };
    Found::new(passed, words, observed, missing)
}

pub(super) fn allowed(min: Option<f64>, max: Option<f64>, show: &dyn Fn(f64) -> String) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("; {} to {} is expected", show(min), show(max)),
        (Some(min), None) => format!("; at least {} is expected", show(min)),
        (None, Some(max)) => format!("; at most {} is expected", show(max)),
        (None, None) => String::new(),
    }
}

struct Quantiles {
    column: String,
    ranges: Vec<QuantileRange>,
    values: Reservoir<f64>,
    missing: u64,
}

impl Work for Quantiles {
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem> {
        let numbers = batch.cells(&self.column)?.numbers()?;
        let before = self.values.seen;
        scope.rows().map(|row| numbers[row]).filter(|value| !value.is_nan()).for_each(|value| self.values.push(value));
        self.missing += scope.count() - (self.values.seen - before);
        Ok(())
    }

    fn finish(mut self: Box<Self>, seen: &Seen<'_>) -> Result<Next, Problem> {
        let looks: &Looks = seen.looks(&self.column)?;
        let sample = self.values.sample();
        let (mut passed, mut said, mut observed) = (true, Vec::new(), Vec::new());
        for range in &self.ranges {
            let value = stats::quantile(&mut self.values.kept, range.quantile);
            observed.push(if value.is_finite() { value.into() } else { serde_json::Value::Null });
            let good = value.is_nan()
                || (range.min.is_none_or(|min| value >= min) && range.max.is_none_or(|max| value <= max));
            if !good {
                passed = false;
                said.push(format!(
                    "the {} % quantile is {}{}",
                    cell::show_float((range.quantile * 1e4).round() / 100.0),
                    looks.figure(value),
                    allowed(range.min, range.max, &|value| looks.figure(value))
                ));
            }
        }
        let words = if passed {
            format!("All {} lie within their bounds.", counted(self.ranges.len() as u64, "quantile", "quantiles"))
        } else {
            let text = said.join(", ");
            format!("{}{}.", text[..1].to_uppercase(), &text[1..])
        };
        let found = Found::new(passed, words, observed.into(), self.missing);
        Ok(Next::Found(found.estimated("They are", sample, self.values.seen)))
    }
}
