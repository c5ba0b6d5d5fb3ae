//! What makes a suite one that can be run.

use super::{distributions::MOST_BOOTSTRAP_ROWS, filter::Filter};
use crate::words::clip;
use chrono::format::{Item, StrftimeItems};
use regex::Regex;
use trainyard_types::{
    Code, FieldProblem, Problem,
    checks::{Check, Expectation, Partition, Suite},
};

/// Checks of a suite at most.
pub const MAX_CHECKS: usize = 2_000;
/// Compiled size of an expression at most, bytes.
const EXPRESSION_BYTES: usize = 1 << 20;

/// An expression that takes time in proportion to the text, whatever it is.
pub(super) fn expression(pattern: &str) -> Result<Regex, Problem> {
    regex::RegexBuilder::new(pattern).size_limit(EXPRESSION_BYTES).build().map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            other => other.to_string().lines().last().unwrap_or_default().trim().to_owned(),
        };
        Problem::field(
            "regex",
            format!("`{}` is no regular expression that can be used: {reason}. Look-around and back-references are not known.", clip(pattern)),
        )
    })
}

/// Looks at every check without any data.
///
/// # Errors
/// All faults, each with the field it is in (`checks[3].mostly`); the message is the first one's.
pub fn validate(suite: &Suite) -> Result<(), Problem> {
    let mut fields: Vec<FieldProblem> = Vec::new();
    let name = suite.name.trim();
    if name.is_empty() || name.chars().count() > 128 {
        fields.push(FieldProblem { field: "name".into(), message: "Name the suite in 1 to 128 characters.".into() });
    }
    if suite.checks.len() > MAX_CHECKS {
        let message = format!("The suite has {} checks; {MAX_CHECKS} are allowed.", suite.checks.len());
        fields.push(FieldProblem { field: "checks".into(), message });
    }
    for (index, check) in suite.checks.iter().take(MAX_CHECKS).enumerate() {
        if let Err(fault) = of_check(check) {
            let about = format!("Check {} ({})", index + 1, check.expectation.type_name());
            fields.push(FieldProblem {
                field: format!("checks[{index}].{}", fault.0),
                message: format!("{about}: {}", fault.1),
            });
        }
    }
    match fields.first() {
        None => Ok(()),
        Some(first) => Err(Problem { code: Code::Invalid, message: first.message.clone(), fields }),
    }
}

type Fault = (&'static str, String);

fn of_check(check: &Check) -> Result<(), Fault> {
    let fault = |field: &'static str, message: &str| Err((field, message.to_owned()));
    if !(0.0..=1.0).contains(&check.mostly) {
        return fault("mostly", "`mostly` is a share from 0 to 1.");
    }
    if check.mostly != 1.0 && !check.expectation.is_row_wise() {
        return fault("mostly", "`mostly` applies to expectations of single rows only. Leave it out.");
    }
    if check.description.chars().count() > 2000 {
        return fault("description", "Use at most 2,000 characters.");
    }
    if let Some(filter) = &check.filter {
        Filter::parse(filter).map_err(|problem| ("where", problem.message))?;
    }
    let is_table = check.expectation.type_name().starts_with("table_");
    if is_table && check.filter.is_some() {
        return fault("where", "A filter of rows does not apply to the table as a whole. Leave it out.");
    }
    if check.expectation.columns().iter().any(|column| column.is_empty()) {
        return fault("expectation.column", "Name the column.");
    }
    of_expectation(&check.expectation)
}

fn of_expectation(expectation: &Expectation) -> Result<(), Fault> {
    use Expectation::*;
    let fault = |field: &'static str, message: &str| Err((field, message.to_owned()));
    match expectation {
        BeInSet { values, .. }
        | NotBeInSet { values, .. }
        | DistinctValuesToBeInSet { values, .. }
        | DistinctValuesToContainSet { values, .. }
        | DistinctValuesToEqualSet { values, .. }
            if values.is_empty() =>
        {
            fault("expectation.values", "Name at least one value.")
        }
        BeBetween { min: None, max: None, .. }
        | MinToBeBetween { min: None, max: None, .. }
        | MaxToBeBetween { min: None, max: None, .. }
        | MeanToBeBetween { min: None, max: None, .. }
        | MedianToBeBetween { min: None, max: None, .. } => {
            fault("expectation.min", "Set a least or a greatest value.")
        }
        StdevToBeBetween { min, max, .. }
        | SumToBeBetween { min, max, .. }
        | ValueLengthsToBeBetween { min, max, .. }
        | UniqueValueCountToBeBetween { min, max, .. }
        | ProportionOfUniqueValuesToBeBetween { min, max, .. }
        | ProportionOfNonNullValuesToBeBetween { min, max, .. }
        | TableRowCountToBeBetween { min, max }
        | TableColumnCountToBeBetween { min, max } => bounds(*min, *max),
        QuantileValuesToBeBetween { quantiles, .. } => {
            if quantiles.is_empty() {
                return fault("expectation.quantiles", "Name at least one quantile.");
            }
            for range in quantiles {
                if !(0.0..=1.0).contains(&range.quantile) {
                    return fault("expectation.quantiles", "A quantile is a share from 0 to 1.");
                }
                bounds(range.min, range.max)?;
            }
            Ok(())
        }
        MatchRegex { regex, .. } | NotMatchRegex { regex, .. } => {
            expression(regex).map(|_| ()).map_err(|problem| ("expectation.regex", problem.message))
        }
        MatchRegexList { regexes, .. } => {
            if regexes.is_empty() || regexes.len() > 100 {
                return fault("expectation.regexes", "Name 1 to 100 expressions.");
            }
            regexes.iter().try_for_each(|regex| {
                expression(regex).map(|_| ()).map_err(|problem| ("expectation.regexes", problem.message))
            })
        }
        MatchStrftimeFormat { format, .. } => {
            if format.is_empty() || StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
                return fault("expectation.format", "This is no format of a time. Use one such as `%Y-%m-%d`.");
            }
            Ok(())
        }
        BeInTypeList { kinds, .. } if kinds.is_empty() => fault("expectation.kinds", "Name at least one type."),
        ValueZScoresToBeLessThan { threshold, .. } | PairCramersPhiToBeLessThan { threshold, .. } => {
            if threshold.is_finite() && *threshold > 0.0 {
                return Ok(());
            }
            fault("expectation.threshold", "The threshold is a number above 0.")
        }
        NotBeOutliers { multiplier, .. } if !(multiplier.is_finite() && *multiplier > 0.0) => {
            fault("expectation.multiplier", "The multiplier is a number above 0.")
        }
        KlDivergenceToBeLessThan { partition, threshold, tail_weight_holdout, .. } => {
            if !(threshold.is_finite() && *threshold > 0.0) {
                return fault("expectation.threshold", "The threshold is a number above 0.");
            }
            of_partition(partition)?;
            share("expectation.tail_weight_holdout", *tail_weight_holdout)
        }
        ChisquareTestPValueToBeGreaterThan { partition, p, tail_weight_holdout, .. } => {
            if partition.values.is_empty() {
                return fault("expectation.partition", "The test needs values with weights.");
            }
            of_partition(partition)?;
            share("expectation.p", *p)?;
            share("expectation.tail_weight_holdout", *tail_weight_holdout)
        }
        BootstrappedKsTestPValueToBeGreaterThan { partition, p, bootstrap_sample_size, .. } => {
            if partition.bins.is_empty() {
                return fault("expectation.partition", "The test needs bins with weights.");
            }
            of_partition(partition)?;
            if bootstrap_sample_size.is_some_and(|size| !(1..=MOST_BOOTSTRAP_ROWS).contains(&size)) {
                return Err((
                    "expectation.bootstrap_sample_size",
                    format!("A sample has 1 to {MOST_BOOTSTRAP_ROWS} rows."),
                ));
            }
            share("expectation.p", *p)
        }
        CompoundColumnsToBeUnique { columns } | TableColumnsToMatchSet { columns, .. } if columns.is_empty() => {
            fault("expectation.columns", "Name at least one column.")
        }
        _ => Ok(()),
    }
}

fn bounds(min: Option<f64>, max: Option<f64>) -> Result<(), Fault> {
    match (min, max) {
        (None, None) => Err(("expectation.min", "Set a least or a greatest value.".into())),
        (Some(min), Some(max)) if min > max => {
            Err(("expectation.max", "The greatest value is below the least one.".into()))
        }
        (min, max) if [min, max].into_iter().flatten().any(f64::is_nan) => {
            Err(("expectation.min", "A bound is a number.".into()))
        }
        _ => Ok(()),
    }
}

fn share(field: &'static str, value: f64) -> Result<(), Fault> {
    if (0.0..1.0).contains(&value) { Ok(()) } else { Err((field, "This is a share from 0 to below 1.".into())) }
}

fn of_partition(partition: &Partition) -> Result<(), Fault> {
    let refuse = |message: &str| Err(("expectation.partition", message.to_owned()));
    let Partition { values, bins, weights } = partition;
    let shape = match (values.is_empty(), bins.is_empty()) {
        (false, true) => values.len() == weights.len(),
        (true, false) => bins.len() == weights.len() + 1,
        _ => false,
    };
    if !shape {
        return refuse("A partition has values, or bins (one edge more than weights), and a weight for each.");
    }
    if weights.len() > 10_000 {
        return refuse("A partition has 10,000 weights at most.");
    }
    if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0)
        || (weights.iter().sum::<f64>() - 1.0).abs() > 0.01
    {
        return refuse("Weights are shares from 0 to 1 that sum to 1.");
    }
    if bins.windows(2).any(|pair| pair[0] >= pair[1]) || bins.iter().any(|edge| !edge.is_finite()) {
        return refuse("The edges of bins rise.");
    }
    Ok(())
}
