//! The table of runs and the comparison, as they are asked for and shown.

use super::{Attribute, Field, Filter};
use crate::{Page, PageQuery, Problem, RunId, run::RunSummary};
use serde::{Deserialize, Serialize};

/// Columns of a table at most.
pub const MOST_COLUMNS: usize = 40;
/// Runs that are compared at most.
pub const MOST_COMPARED: usize = 20;
/// Runs that one person pins in a project at most.
pub const MOST_PINNED: usize = 20;
/// Metrics that one comparison shows at most; a search finds the others.
pub const MOST_METRICS: usize = 200;

/// The columns of a person who has chosen none.
pub const DEFAULT_COLUMNS: [Attribute; 11] = [
    Attribute::State,
    Attribute::Name,
    Attribute::Dataset,
    Attribute::Target,
    Attribute::Model,
    Attribute::Score,
    Attribute::Curve,
    Attribute::Verdict,
    Attribute::Seconds,
    Attribute::CreatedBy,
    Attribute::Created,
];

/// Which runs, in which order, with which columns: all that the address of the table says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, utoipa::IntoParams))]
#[serde(default)]
pub struct RunQuery {
    /// Words to look for in names, data sets and targets.
    pub q: String,
    /// A value's name, `metrics.roc_auc`; a leading `-` sorts downwards. Empty: newest first.
    pub sort: String,
    /// Only runs in this state. Empty: all.
    pub state: String,
    /// Conditions as MLflow writes them: `metrics.roc_auc > 0.8 and params.family = 'trees'`.
    pub filter: String,
    /// Names of values, separated by commas. Empty: the usual ones.
    pub columns: String,
    /// The archived runs instead of the others.
    pub archived: bool,
    /// The caller's pinned runs come apart from the others, whatever the filter.
    pub pins: bool,
    /// 1 is the first page.
    pub page: u64,
    /// Runs on a page, 1 to 500.
    pub per_page: u64,
}

impl Default for RunQuery {
    fn default() -> Self {
        let PageQuery { q, sort, state, page, per_page } = PageQuery::default();
        Self {
            q,
            sort,
            state,
            filter: String::new(),
            columns: String::new(),
            archived: false,
            pins: false,
            page,
            per_page,
        }
    }
}

impl RunQuery {
    /// The part that every list knows.
    pub fn paging(&self) -> PageQuery {
        PageQuery {
            q: self.q.clone(),
            sort: self.sort.clone(),
            state: self.state.clone(),
            page: self.page,
            per_page: self.per_page,
        }
    }

    /// The columns asked for, or the usual ones.
    ///
    /// # Errors
    /// `Invalid` for `columns`: a name that is none, or more than [`MOST_COLUMNS`].
    pub fn fields(&self) -> Result<Vec<Field>, Problem> {
        let fields = Field::list(&self.columns).map_err(|message| Problem::field("columns", message))?;
        if fields.len() > MOST_COLUMNS {
            return Err(Problem::field("columns", format!("Choose at most {MOST_COLUMNS} columns.")));
        }
        if fields.is_empty() {
            return Ok(DEFAULT_COLUMNS.map(Field::Attribute).to_vec());
        }
        Ok(fields)
    }

    /// # Errors
    /// `Invalid` for `filter`, with a sentence that says what is wrong in it.
    pub fn conditions(&self) -> Result<Filter, Problem> {
        self.filter.parse().map_err(|message: String| Problem::field("filter", message))
    }

    /// What to sort by, and whether downwards; `None`: newest first.
    ///
    /// # Errors
    /// `Invalid` for `sort`.
    pub fn order(&self) -> Result<Option<(Field, bool)>, Problem> {
        let (name, down) = match self.sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (self.sort.as_str(), false),
        };
        if name.is_empty() {
            return Ok(None);
        }
        let field: Field = name.parse().map_err(|message: String| Problem::field("sort", message))?;
        if !field.is_value() {
            return Err(Problem::field("sort", format!("Runs can't be sorted by {field}.")));
        }
        Ok(Some((field, down)))
    }
}

/// One page of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RunTable {
    pub columns: Vec<RunColumn>,
    /// The run that the caller measures others against, also where the page does not show it.
    pub baseline: Option<RunRow>,
    /// The caller's pinned runs, where they were asked for; they are not on the page besides.
    pub pinned: Vec<RunRow>,
    pub page: Page<RunRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RunColumn {
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = String))]
    pub field: Field,
    pub title: String,
    /// Of a metric: whether more is better; left out where neither is.
    pub higher_is_better: Option<bool>,
}

impl RunColumn {
    pub fn of(field: Field) -> Self {
        Self { title: field.title(), higher_is_better: field.higher_is_better(), field }
    }
}

/// One run of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RunRow {
    pub run: RunSummary,
    /// One for each column; none where the run lacks it, or it stands in `run`.
    pub values: Vec<Option<RunValue>>,
    pub tags: Vec<RunTag>,
    /// The validation curve, where the column is shown.
    pub curve: Option<Sparkline>,
    pub pinned: bool,
    pub baseline: bool,
    pub archived: bool,
}

/// A metric's value, or a parameter's or tag's text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RunValue {
    pub number: Option<f64>,
    pub text: Option<String>,
    /// Ends of the 95 % interval, of a metric on the test rows.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// A label that a person gave a run: `stage` with the value `final`, or a word alone with an empty value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RunTag {
    pub key: String,
    pub value: String,
}

impl std::fmt::Display for RunTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.value.as_str() {
            "" => f.write_str(&self.key),
            value => write!(f, "{} = {value}", self.key),
        }
    }
}

/// A curve for a small drawing: at most [`Sparkline::POINTS`] values at even distances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Sparkline {
    /// The metric, such as `trees/roc_auc`.
    pub key: String,
    pub values: Vec<f64>,
}

impl Sparkline {
    pub const POINTS: usize = 40;

    /// Thins a curve; its first and last value stay.
    pub fn of(key: impl Into<String>, values: &[f64]) -> Self {
        let last = values.len().saturating_sub(1);
        let values = if values.len() <= Self::POINTS {
            values.to_vec()
        } else {
            (0..Self::POINTS).map(|i| values[i * last / (Self::POINTS - 1)]).collect()
        };
        Self { key: key.into(), values }
    }
}

/// Values that runs of the project have, for choosing columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct KnownColumns {
    pub columns: Vec<RunColumn>,
    /// How many fit the search in all.
    pub total: u64,
}

/// A few runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Comparison {
    /// As they were asked for.
    pub runs: Vec<RunSummary>,
    /// Place in `runs` of the one that the others are measured against.
    pub base: usize,
    /// Those that differ first, then by name.
    pub params: Vec<ComparedParam>,
    /// Of the test rows first, then validation, then train; [`MOST_METRICS`] at most.
    pub metrics: Vec<ComparedMetric>,
    /// How many metrics fit the search in all.
    pub metrics_total: u64,
    /// Names of the curves that at least one of the runs has, `valid.log_loss` whatever the family, validation's first.
    pub curves: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ComparedParam {
    pub key: String,
    /// One for each run; none where the run lacks it.
    pub values: Vec<Option<String>>,
    pub differs: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ComparedMetric {
    pub key: String,
    pub title: String,
    pub higher_is_better: Option<bool>,
    /// One for each run; none where the run lacks it.
    pub values: Vec<Option<RunValue>>,
    /// Places of the runs that are best; empty where fewer than two have it, or the direction is not known.
    pub best: Vec<usize>,
    pub differs: bool,
}

/// One run's curve of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ComparedCurve {
    pub run: RunId,
    pub name: String,
    /// Epochs, or rounds of boosting.
    pub steps: Vec<u64>,
    pub values: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_which_field_is_wrong() {
        let query = RunQuery {
            columns: "metrics.a, nothing".into(),
            filter: "x".into(),
            sort: "-curve".into(),
            ..RunQuery::default()
        };
        let field = |problem: Problem| problem.fields[0].field.clone();
        assert_eq!(query.fields().map_err(field), Err("columns".to_owned()));
        assert_eq!(query.conditions().map_err(field), Err("filter".to_owned()));
        assert_eq!(query.order().map_err(field), Err("sort".to_owned()));
        let usual = RunQuery { sort: "-metrics.a:min".into(), ..RunQuery::default() };
        assert_eq!(usual.fields().map(|f| f.len()), Ok(DEFAULT_COLUMNS.len()));
        let order = usual.order().ok().flatten();
        assert_eq!(order.map(|(field, down)| (field.to_string(), down)), Some(("metrics.a:min".to_owned(), true)));
        let many: Vec<String> = (0..=MOST_COLUMNS).map(|n| format!("metrics.m{n}")).collect();
        assert!(RunQuery { columns: many.join(","), ..RunQuery::default() }.fields().is_err());
    }

    #[test]
    fn a_sparkline_keeps_its_ends() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let spark = Sparkline::of("loss", &values);
        assert_eq!(spark.values.len(), Sparkline::POINTS);
        assert_eq!((spark.values[0], spark.values[Sparkline::POINTS - 1]), (0.0, 999.0));
        assert_eq!(Sparkline::of("loss", &[1.0]).values, [1.0]);
    }
}
