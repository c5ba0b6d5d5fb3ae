//! Checks of data: what is expected of a table, and what was found.

use crate::{
    CheckRunId, DatasetVersionId, Timestamp,
    dataset::{ColumnType, Severity},
};
use serde::{Deserialize, Serialize};

/// Expectations that are checked together: a document that people write, in YAML or in a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Suite {
    pub name: String,
    pub checks: Vec<Check>,
}

/// One expectation, for which rows it holds, how strictly, and how bad a failure is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub expectation: Expectation,
    /// Share of the values that must pass, 0 to 1; for expectations of single rows ([`Expectation::is_row_wise`]) only.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub mostly: f64,
    /// Only the rows that meet this: comparisons `column op literal` (`=`, `!=`, `<`, `<=`, `>`, `>=`), `column is null`,
    /// `column is not null` and `column in (a, b)`, joined by `and`, `or`, `not` and brackets. Texts and times stand in
    /// single quotes, names that are no plain words in backquotes: ``age >= 18 and `home owner` != 'no'``.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    #[serde(default = "warning")]
    pub severity: Severity,
    /// Why the expectation stands, for readers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

impl Check {
    /// All rows, every value, a warning where it fails.
    pub fn new(expectation: Expectation) -> Self {
        Self { expectation, mostly: 1.0, filter: None, severity: Severity::Warning, description: String::new() }
    }
}

fn all() -> f64 {
    1.0
}
fn is_all(mostly: &f64) -> bool {
    *mostly == 1.0
}
fn warning() -> Severity {
    Severity::Warning
}
fn is_false(value: &bool) -> bool {
    !*value
}
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// A value as a person writes it. Times are texts; `now` is the time of the check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Scalar {
    Boolean(bool),
    Number(f64),
    Text(String),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scalar::Boolean(value) => value.fmt(f),
            Scalar::Number(value) => value.fmt(f),
            Scalar::Text(text) => f.write_str(text),
        }
    }
}

/// The range of one quantile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuantileRange {
    /// 0 to 1.
    pub quantile: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// A distribution to compare with: values or bins with their weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Categories; empty for numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Scalar>,
    /// Edges of the bins in rising order, one more than weights; empty for categories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bins: Vec<f64>,
    /// Shares of the values or bins; they sum to 1.
    pub weights: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutlierMethod {
    /// Beyond the quartiles by more than `multiplier` interquartile ranges.
    #[default]
    Iqr,
    /// Further from the mean than `multiplier` standard deviations.
    Std,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MatchOn {
    #[default]
    Any,
    All,
}

macro_rules! expectations {
    ($(
        $(#[$doc:meta])*
        $name:ident = $tag:literal { $( $(#[$attr:meta])* $field:ident : $kind:ty ),* $(,)? } $about:literal;
    )*) => {
        /// What is expected, under Great Expectations' names without `expect_` and `column_values_`. Missing values are
        /// left out of every expectation but those about missing values. Bounds are inclusive unless `strict`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
        #[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
        pub enum Expectation {$(
            $(#[$doc])*
            #[serde(rename = $tag)]
            $name { $( $(#[$attr])* $field: $kind ),* },
        )*}

        impl Expectation {
            /// Every type with a short description, in the order of the documentation.
            pub const TYPES: &'static [(&'static str, &'static str)] = &[$(($tag, $about)),*];

            /// The settings of each type, in the order of [`Expectation::TYPES`]: name and Rust type, for forms.
            pub const FIELDS: &'static [&'static [(&'static str, &'static str)]] =
                &[$(&[$((stringify!($field), stringify!($kind))),*]),*];

            /// The name of its type: `be_between`.
            pub fn type_name(&self) -> &'static str {
                match self { $(Expectation::$name { .. } => $tag),* }
            }
        }
    };
}

expectations! {
    /// Every row has a value.
    NotBeNull = "not_be_null" { column: String } "Has a value in every row";
    /// No row has a value.
    BeNull = "be_null" { column: String } "Has no value in any row";
    /// No value occurs twice; all rows of a repeated value fail.
    BeUnique = "be_unique" { column: String } "No value occurs twice";
    BeInSet = "be_in_set" { column: String, values: Vec<Scalar> } "Is one of these values";
    NotBeInSet = "not_be_in_set" { column: String, values: Vec<Scalar> } "Is none of these values";
    /// Numbers, and times where the bounds are texts such as `2024-01-31` or `now`.
    BeBetween = "be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<Scalar>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<Scalar>,
        #[serde(default, skip_serializing_if = "is_false")] strict: bool,
    } "Lies within bounds";
    /// Texts in which the expression is found; anchor it with `^` and `$` to cover the whole text.
    MatchRegex = "match_regex" { column: String, regex: String } "Matches a regular expression";
    NotMatchRegex = "not_match_regex" { column: String, regex: String } "Does not match a regular expression";
    MatchRegexList = "match_regex_list" {
        column: String,
        regexes: Vec<String>,
        #[serde(default)] match_on: MatchOn,
    } "Matches any or all of several regular expressions";
    /// Texts that the format reads as a whole, such as `%Y-%m-%d`.
    MatchStrftimeFormat = "match_strftime_format" { column: String, format: String } "Is a time in this format";
    /// Characters of a text.
    ValueLengthsToBeBetween = "value_lengths_to_be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<f64>,
    } "Number of characters lies within bounds";
    /// Each value is at least the one before (greater where `strict`).
    BeIncreasing = "be_increasing" {
        column: String,
        #[serde(default, skip_serializing_if = "is_false")] strict: bool,
    } "Never falls from row to row";
    /// Each value is at most the one before (less where `strict`).
    BeDecreasing = "be_decreasing" {
        column: String,
        #[serde(default, skip_serializing_if = "is_false")] strict: bool,
    } "Never rises from row to row";
    BeOfType = "be_of_type" { column: String, kind: ColumnType } "Is of this type";
    BeInTypeList = "be_in_type_list" { column: String, kinds: Vec<ColumnType> } "Is of one of these types";
    /// (value - mean) / sample standard deviation, or its absolute value where `double_sided`.
    ValueZScoresToBeLessThan = "value_z_scores_to_be_less_than" {
        column: String,
        threshold: f64,
        #[serde(default, skip_serializing_if = "is_false")] double_sided: bool,
    } "z-score stays below a threshold";
    NotBeOutliers = "not_be_outliers" {
        column: String,
        #[serde(default)] method: OutlierMethod,
        multiplier: f64,
    } "Is no outlier";
    DistinctValuesToBeInSet = "distinct_values_to_be_in_set" { column: String, values: Vec<Scalar> }
        "All different values are of this set";
    DistinctValuesToContainSet = "distinct_values_to_contain_set" { column: String, values: Vec<Scalar> }
        "The different values contain this set";
    DistinctValuesToEqualSet = "distinct_values_to_equal_set" { column: String, values: Vec<Scalar> }
        "The different values are exactly this set";
    MinToBeBetween = "min_to_be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<Scalar>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<Scalar>,
    } "The least value lies within bounds";
    MaxToBeBetween = "max_to_be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<Scalar>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<Scalar>,
    } "The greatest value lies within bounds";
    MeanToBeBetween = "mean_to_be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<Scalar>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<Scalar>,
    } "The mean lies within bounds";
    MedianToBeBetween = "median_to_be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<Scalar>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<Scalar>,
    } "The median lies within bounds";
    /// The sample standard deviation (n - 1).
    StdevToBeBetween = "stdev_to_be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<f64>,
    } "The standard deviation lies within bounds";
    SumToBeBetween = "sum_to_be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<f64>,
    } "The sum lies within bounds";
    /// Quantiles by linear interpolation, as NumPy's default.
    QuantileValuesToBeBetween = "quantile_values_to_be_between" { column: String, quantiles: Vec<QuantileRange> }
        "Quantiles lie within bounds";
    UniqueValueCountToBeBetween = "unique_value_count_to_be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<f64>,
    } "The number of different values lies within bounds";
    /// Different values over present values.
    ProportionOfUniqueValuesToBeBetween = "proportion_of_unique_values_to_be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<f64>,
    } "The share of different values lies within bounds";
    ProportionOfNonNullValuesToBeBetween = "proportion_of_non_null_values_to_be_between" {
        column: String,
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<f64>,
    } "The share of rows with a value lies within bounds";
    /// Sum of observed x ln(observed / expected). A value outside of the partition makes it infinite unless
    /// `tail_weight_holdout` sets some of the expected weight aside for such values.
    KlDivergenceToBeLessThan = "kl_divergence_to_be_less_than" {
        column: String,
        partition: Partition,
        threshold: f64,
        #[serde(default, skip_serializing_if = "is_zero")] tail_weight_holdout: f64,
    } "The distribution is near to a given one (Kullback-Leibler)";
    /// Share of 1,000 bootstrap samples whose Kolmogorov-Smirnov test against the partition has a p-value of at least
    /// `p`; it must be above `p`. Samples have `bootstrap_sample_size` rows, twice the bins unless given.
    BootstrappedKsTestPValueToBeGreaterThan = "bootstrapped_ks_test_p_value_to_be_greater_than" {
        column: String,
        partition: Partition,
        p: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")] bootstrap_sample_size: Option<u32>,
    } "The distribution is near to a given one (Kolmogorov-Smirnov)";
    ChisquareTestPValueToBeGreaterThan = "chisquare_test_p_value_to_be_greater_than" {
        column: String,
        partition: Partition,
        p: f64,
        #[serde(default, skip_serializing_if = "is_zero")] tail_weight_holdout: f64,
    } "The shares of the values are as given (chi-square)";
    PairValuesAGreaterThanB = "pair_values_a_greater_than_b" {
        column_a: String,
        column_b: String,
        #[serde(default, skip_serializing_if = "is_false")] or_equal: bool,
    } "One column is greater than another in every row";
    PairValuesToBeEqual = "pair_values_to_be_equal" { column_a: String, column_b: String }
        "Two columns are equal in every row";
    /// Cramér's phi of the two columns' table of counts, without Yates' correction. Numbers of more than 20 different
    /// values are put into ten bins of equal counts.
    PairCramersPhiToBeLessThan = "pair_cramers_phi_to_be_less_than" {
        column_a: String,
        column_b: String,
        threshold: f64,
    } "Two columns are not associated (Cramér's phi)";
    /// No combination of the columns' values occurs twice; rows in which all of them are missing are left out.
    CompoundColumnsToBeUnique = "compound_columns_to_be_unique" { columns: Vec<String> }
        "No combination of values occurs twice";
    TableRowCountToBeBetween = "table_row_count_to_be_between" {
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<f64>,
    } "The number of rows lies within bounds";
    TableColumnCountToBeBetween = "table_column_count_to_be_between" {
        #[serde(default, skip_serializing_if = "Option::is_none")] min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")] max: Option<f64>,
    } "The number of columns lies within bounds";
    /// The table has these columns, and no others unless `allow_more`.
    TableColumnsToMatchSet = "table_columns_to_match_set" {
        columns: Vec<String>,
        #[serde(default, skip_serializing_if = "is_false")] allow_more: bool,
    } "The table has these columns";
    TableColumnsToMatchOrderedList = "table_columns_to_match_ordered_list" { columns: Vec<String> }
        "The table has these columns in this order";
}

impl Expectation {
    /// The columns that it reads, besides those of the filter; none for the table's own expectations.
    pub fn columns(&self) -> Vec<&str> {
        use Expectation::*;
        match self {
            NotBeNull { column }
            | BeNull { column }
            | BeUnique { column }
            | BeInSet { column, .. }
            | NotBeInSet { column, .. }
            | BeBetween { column, .. }
            | MatchRegex { column, .. }
            | NotMatchRegex { column, .. }
            | MatchRegexList { column, .. }
            | MatchStrftimeFormat { column, .. }
            | ValueLengthsToBeBetween { column, .. }
            | BeIncreasing { column, .. }
            | BeDecreasing { column, .. }
            | BeOfType { column, .. }
            | BeInTypeList { column, .. }
            | ValueZScoresToBeLessThan { column, .. }
            | NotBeOutliers { column, .. }
            | DistinctValuesToBeInSet { column, .. }
            | DistinctValuesToContainSet { column, .. }
            | DistinctValuesToEqualSet { column, .. }
            | MinToBeBetween { column, .. }
            | MaxToBeBetween { column, .. }
            | MeanToBeBetween { column, .. }
            | MedianToBeBetween { column, .. }
            | StdevToBeBetween { column, .. }
            | SumToBeBetween { column, .. }
            | QuantileValuesToBeBetween { column, .. }
            | UniqueValueCountToBeBetween { column, .. }
            | ProportionOfUniqueValuesToBeBetween { column, .. }
            | ProportionOfNonNullValuesToBeBetween { column, .. }
            | KlDivergenceToBeLessThan { column, .. }
            | BootstrappedKsTestPValueToBeGreaterThan { column, .. }
            | ChisquareTestPValueToBeGreaterThan { column, .. } => vec![column],
            PairValuesAGreaterThanB { column_a, column_b, .. }
            | PairValuesToBeEqual { column_a, column_b }
            | PairCramersPhiToBeLessThan { column_a, column_b, .. } => vec![column_a, column_b],
            CompoundColumnsToBeUnique { columns } => columns.iter().map(String::as_str).collect(),
            TableRowCountToBeBetween { .. }
            | TableColumnCountToBeBetween { .. }
            | TableColumnsToMatchSet { .. }
            | TableColumnsToMatchOrderedList { .. } => Vec::new(),
        }
    }

    /// Single rows pass or fail: `mostly` applies and failing rows are shown.
    pub fn is_row_wise(&self) -> bool {
        use Expectation::*;
        matches!(
            self,
            NotBeNull { .. }
                | BeNull { .. }
                | BeUnique { .. }
                | BeInSet { .. }
                | NotBeInSet { .. }
                | BeBetween { .. }
                | MatchRegex { .. }
                | NotMatchRegex { .. }
                | MatchRegexList { .. }
                | MatchStrftimeFormat { .. }
                | ValueLengthsToBeBetween { .. }
                | BeIncreasing { .. }
                | BeDecreasing { .. }
                | ValueZScoresToBeLessThan { .. }
                | NotBeOutliers { .. }
                | PairValuesAGreaterThanB { .. }
                | PairValuesToBeEqual { .. }
                | CompoundColumnsToBeUnique { .. }
        )
    }

    /// What its type expects, in words: "Has a value in every row".
    pub fn about(&self) -> &'static str {
        let name = self.type_name();
        Self::TYPES.iter().find(|(tag, _)| *tag == name).map_or("", |(_, about)| about)
    }

    /// The settings of a type: name and Rust type; none where there is no such type.
    pub fn fields(type_name: &str) -> &'static [(&'static str, &'static str)] {
        let at = Self::TYPES.iter().position(|(tag, _)| *tag == type_name);
        at.and_then(|at| Self::FIELDS.get(at)).copied().unwrap_or_default()
    }

    /// A whole expectation of this type with placeholder settings, for a form; `None` where there is no such type.
    pub fn blank(type_name: &str, column: &str) -> Option<Expectation> {
        let column_a = column;
        // One object with every required field of any type: what a type does not have is left out.
        let fields = serde_json::json!({
            "column": column, "column_a": column_a, "column_b": column_a, "columns": [column], "values": [],
            "regex": "^.+$", "regexes": ["^.+$"], "format": "%Y-%m-%d", "kind": "text", "kinds": ["text"],
            "threshold": 3.0, "multiplier": 1.5, "quantiles": [{"quantile": 0.5}], "p": 0.05,
            "partition": {"weights": []},
        });
        let (_, needed) = REQUIRED.iter().find(|(name, _)| *name == type_name)?;
        let mut object = serde_json::Map::new();
        object.insert("type".into(), type_name.into());
        for field in *needed {
            object.insert((*field).to_owned(), fields.get(*field)?.clone());
        }
        serde_json::from_value(object.into()).ok()
    }
}

/// The fields that a type can't do without.
const REQUIRED: &[(&str, &[&str])] = &[
    ("not_be_null", &["column"]),
    ("be_null", &["column"]),
    ("be_unique", &["column"]),
    ("be_in_set", &["column", "values"]),
    ("not_be_in_set", &["column", "values"]),
    ("be_between", &["column"]),
    ("match_regex", &["column", "regex"]),
    ("not_match_regex", &["column", "regex"]),
    ("match_regex_list", &["column", "regexes"]),
    ("match_strftime_format", &["column", "format"]),
    ("value_lengths_to_be_between", &["column"]),
    ("be_increasing", &["column"]),
    ("be_decreasing", &["column"]),
    ("be_of_type", &["column", "kind"]),
    ("be_in_type_list", &["column", "kinds"]),
    ("value_z_scores_to_be_less_than", &["column", "threshold"]),
    ("not_be_outliers", &["column", "multiplier"]),
    ("distinct_values_to_be_in_set", &["column", "values"]),
    ("distinct_values_to_contain_set", &["column", "values"]),
    ("distinct_values_to_equal_set", &["column", "values"]),
    ("min_to_be_between", &["column"]),
    ("max_to_be_between", &["column"]),
    ("mean_to_be_between", &["column"]),
    ("median_to_be_between", &["column"]),
    ("stdev_to_be_between", &["column"]),
    ("sum_to_be_between", &["column"]),
    ("quantile_values_to_be_between", &["column", "quantiles"]),
    ("unique_value_count_to_be_between", &["column"]),
    ("proportion_of_unique_values_to_be_between", &["column"]),
    ("proportion_of_non_null_values_to_be_between", &["column"]),
    ("kl_divergence_to_be_less_than", &["column", "partition", "threshold"]),
    ("bootstrapped_ks_test_p_value_to_be_greater_than", &["column", "partition", "p"]),
    ("chisquare_test_p_value_to_be_greater_than", &["column", "partition", "p"]),
    ("pair_values_a_greater_than_b", &["column_a", "column_b"]),
    ("pair_values_to_be_equal", &["column_a", "column_b"]),
    ("pair_cramers_phi_to_be_less_than", &["column_a", "column_b", "threshold"]),
    ("compound_columns_to_be_unique", &["columns"]),
    ("table_row_count_to_be_between", &[]),
    ("table_column_count_to_be_between", &[]),
    ("table_columns_to_match_set", &["columns"]),
    ("table_columns_to_match_ordered_list", &["columns"]),
];

/// What a suite found in a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SuiteResult {
    pub suite: String,
    /// The worst severity of the checks that failed; none where all passed.
    pub outcome: Option<Severity>,
    /// Rows of the table.
    pub rows: u64,
    pub passed: u32,
    pub failed: u32,
    /// In the suite's order.
    pub results: Vec<CheckResult>,
}

impl SuiteResult {
    pub fn new(suite: String, rows: u64, results: Vec<CheckResult>) -> Self {
        let failed = results.iter().filter(|result| !result.passed).count() as u32;
        let outcome = results.iter().filter(|result| !result.passed).map(|result| result.check.severity).max();
        Self { suite, outcome, rows, passed: results.len() as u32 - failed, failed, results }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct CheckResult {
    pub check: Check,
    pub passed: bool,
    pub observed: Observed,
    /// Rows that the filter let through.
    pub evaluated: u64,
    /// Of these, rows without a value (in any of the columns).
    pub missing: u64,
    /// Rows that failed; 0 for what is no expectation of single rows.
    pub unexpected: u64,
    /// Failing rows over rows with a value, 0 to 1.
    pub unexpected_share: f64,
    /// The first failing rows, 20 at most.
    pub failing: Vec<FailingRow>,
    /// Values drawn at random that a figure is estimated from, where all of them did not fit the memory limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Observed {
    /// One sentence.
    pub words: String,
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Object))]
    pub value: serde_json::Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct FailingRow {
    /// 1 for the table's first row.
    pub row: u64,
    /// The values of the check's columns, in their order; `None` is missing.
    pub values: Vec<Option<String>>,
}

/// How a version stands by its latest checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckStanding {
    Passed,
    /// The worst failure is no more than worth knowing.
    Info,
    Warning,
    /// Training on it is refused.
    Critical,
    /// A critical failure that an approver lets pass.
    Waived,
}

impl CheckStanding {
    pub const ALL: [CheckStanding; 5] = [
        CheckStanding::Passed,
        CheckStanding::Info,
        CheckStanding::Warning,
        CheckStanding::Critical,
        CheckStanding::Waived,
    ];

    /// What an outcome means before anybody waives it.
    pub fn of(outcome: Option<Severity>) -> Self {
        match outcome {
            None => CheckStanding::Passed,
            Some(Severity::Info) => CheckStanding::Info,
            Some(Severity::Warning) => CheckStanding::Warning,
            Some(Severity::Critical) => CheckStanding::Critical,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            CheckStanding::Passed => "passed",
            CheckStanding::Info => "info",
            CheckStanding::Warning => "warning",
            CheckStanding::Critical => "critical",
            CheckStanding::Waived => "waived",
        }
    }

    /// As a badge says it.
    pub fn title(self) -> &'static str {
        match self {
            CheckStanding::Passed => "Checks passed",
            CheckStanding::Info => "Checks: notes",
            CheckStanding::Warning => "Checks: warnings",
            CheckStanding::Critical => "Checks failed",
            CheckStanding::Waived => "Checks waived",
        }
    }
}

impl std::str::FromStr for CheckStanding {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        CheckStanding::ALL
            .into_iter()
            .find(|standing| standing.as_str() == text)
            .ok_or_else(|| format!("'{text}' is no standing of checks"))
    }
}

/// A suite in both its forms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SuiteDocument {
    pub suite: Suite,
    pub yaml: String,
}

/// The suite of a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SuiteView {
    pub suite: Suite,
    pub yaml: String,
    /// It is the data set's contract: every new version is checked before it becomes current.
    pub contract: bool,
    pub saved_at: Timestamp,
    pub saved_by: String,
}

/// Puts a suite in place of a data set's, given in one of its forms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SaveSuite {
    #[serde(default)]
    pub suite: Option<Suite>,
    #[serde(default)]
    pub yaml: Option<String>,
    pub contract: bool,
}

/// Why a critical failure may pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct WaiveChecks {
    pub reason: String,
}

/// Who let a critical failure pass, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Waiver {
    pub at: Timestamp,
    pub by: String,
    pub reason: String,
}

/// One run of a suite on a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct CheckRunSummary {
    pub id: CheckRunId,
    pub version: DatasetVersionId,
    /// The version's number.
    pub number: i32,
    pub at: Timestamp,
    pub by: String,
    pub seconds: f64,
    /// It ran as the contract of a new version.
    pub contract: bool,
    pub standing: CheckStanding,
    pub passed: u32,
    pub failed: u32,
    pub waiver: Option<Waiver>,
}

/// A run of a suite with what it found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct CheckRunView {
    pub summary: CheckRunSummary,
    pub result: SuiteResult,
}

/// What a model that did not see them says of a column's labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LabelReport {
    pub target: String,
    /// Rows with a label.
    pub rows: u64,
    /// Estimated share of wrong labels, 0 to 1.
    pub noise: f64,
    /// Likely errors found; `errors` has the first of them.
    pub found: u64,
    /// The most certain first, [`MAX_LABEL_ERRORS`] at most.
    pub errors: Vec<LabelError>,
}

/// Likely label errors that a report lists at most.
pub const MAX_LABEL_ERRORS: usize = 5_000;

/// A row whose label is likely wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct LabelError {
    /// 1 for the table's first row.
    pub row: u64,
    pub given: String,
    pub likely: String,
    /// Probabilities of the given and of the likely label, 0 to 1.
    pub given_probability: f64,
    pub likely_probability: f64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_type_has_a_blank_and_nothing_unknown_is_taken() {
        assert_eq!(Expectation::TYPES.len(), REQUIRED.len());
        for (name, _) in Expectation::TYPES {
            let blank = Expectation::blank(name, "a").unwrap_or_else(|| panic!("{name}"));
            assert_eq!(blank.type_name(), *name);
            let json = serde_json::to_value(Check::new(blank)).unwrap();
            let mut wrong = json.clone();
            wrong["expectation"]["colunm"] = "b".into();
            assert!(serde_json::from_value::<Check>(json).is_ok(), "{name}");
            assert!(serde_json::from_value::<Check>(wrong).is_err(), "{name}");
        }
        assert_eq!(Expectation::blank("be_fine", "a"), None);
    }
}
