//! Steps that keep, drop and repeat rows.

use super::{
    columns::{ONE, expression},
    q,
};
use crate::{
    kind::{About, Ask, Made, Query, StepContext, StepKind, Stop, TABLE, Taken, read},
    session::Change,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, UInt32Array},
        compute::{cast, take_record_batch},
        datatypes::{DataType, Field, Schema},
    },
    prelude::DataFrame,
};
use futures::StreamExt;
use schemars::{JsonSchema, Schema as JsonSchemaValue, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};
use trainyard_types::{
    Problem,
    dataset::{ColumnSchema, ColumnType},
};

/// Keeps some rows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// An SQL condition over the input's columns: age >= 18 AND country = 'CH'.
    r#where: String,
}

impl Query for Filter {
    const ABOUT: About = About {
        kind: "filter",
        title: "Filter rows",
        help: "Keeps the rows for which an SQL condition holds.",
        group: "Rows",
        inputs: ONE,
        version: 1,
        sql: &["where"],
    };
    fn check(&self) -> Result<(), Problem> {
        expression(&self.r#where)
    }
    fn sql(self, inputs: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        Ok(format!("SELECT * FROM {} WHERE ({}\n)", q(&inputs[0].table), self.r#where))
    }
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Keep {
    #[default]
    First,
    Last,
}

/// Drops repeated rows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deduplicate {
    /// Rows are the same where these are; none: where all columns are.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    columns: Vec<String>,
    /// Which of them stays.
    #[serde(default)]
    keep: Keep,
    /// What decides which is first. Left out: the rows' order.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    order_by: Option<String>,
}

impl Query for Deduplicate {
    const ABOUT: About = About {
        kind: "deduplicate",
        title: "Remove duplicates",
        help: "Keeps one of the rows that agree in some columns, or in all.",
        group: "Rows",
        inputs: ONE,
        version: 1,
        sql: &[],
    };
    fn sql(self, inputs: &[Taken], _: &mut Ask<'_>) -> Result<String, Stop> {
        let input = &inputs[0];
        for name in self.columns.iter().chain(&self.order_by) {
            input.need(name)?;
        }
        let all: Vec<String> = input.columns.iter().map(|column| q(&column.name)).collect();
        let by = if self.columns.is_empty() { all.clone() } else { self.columns.iter().map(|name| q(name)).collect() };
        let way = if self.keep == Keep::First { "ASC" } else { "DESC" };
        let order = match &self.order_by {
            Some(name) => format!("{} {way}, \"__row\" {way}", q(name)),
            None => format!("\"__row\" {way}"),
        };
        let (all, by, table) = (all.join(", "), by.join(", "), q(&input.table));
        Ok(format!(
            "SELECT {all} FROM (SELECT *, row_number() OVER (PARTITION BY {by} ORDER BY {order}) AS \"__nth\" FROM \
             (SELECT *, row_number() OVER () AS \"__row\" FROM {table})) WHERE \"__nth\" = 1 ORDER BY \"__row\""
        ))
    }
}

/// Takes some rows by chance.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SampleSettings {
    /// How many.
    #[serde(default)]
    rows: Option<u64>,
    /// Or: which share, 0 to 1.
    #[serde(default)]
    fraction: Option<f64>,
    /// The same share of each of this column's values.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    by: Option<String>,
    #[serde(default)]
    seed: u64,
}

/// The kind `sample`.
pub struct Sample;

impl StepKind for Sample {
    fn about(&self) -> About {
        About {
            kind: "sample",
            title: "Sample",
            help: "Takes rows by chance, the same ones for the same seed, in their order.",
            group: "Rows",
            inputs: ONE,
            version: 1,
            sql: &[],
        }
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> JsonSchemaValue {
        generator.root_schema_for::<SampleSettings>()
    }
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
        let settings: SampleSettings = read(with)?;
        match (settings.rows, settings.fraction) {
            (Some(rows), None) if rows > 0 => Ok(()),
            (None, Some(share)) if share > 0.0 && share <= 1.0 => Ok(()),
            _ => Err(Problem::invalid("Say either 'rows', at least 1, or 'fraction', above 0 and up to 1.")),
        }
    }
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        self.check(step.with)?;
        let settings: SampleSettings = step.settings()?;
        let groups = groups(step, settings.by.as_deref())?;
        let total: usize = groups.rows.len();
        let share = match settings.rows {
            Some(rows) => (rows as f64 / total.max(1) as f64).min(1.0),
            None => settings.fraction.unwrap_or(1.0),
        };
        let mut times = vec![0_u32; total];
        for members in groups.members() {
            let wanted = (members.len() as f64 * share).round() as usize;
            for row in by_chance(&members, settings.seed).into_iter().take(wanted) {
                times[row] = 1;
            }
        }
        repeat(step, times, BTreeMap::new())
    }
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    /// Rows of the larger classes are left out by chance.
    Under,
    /// Rows of the smaller classes are repeated.
    Over,
    /// All rows stay; a column says how much each counts, 1 on average.
    Weights,
}

/// Evens out classes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RebalanceSettings {
    /// The column of classes.
    #[schemars(extend("x-names" = "columns"))]
    column: String,
    /// under, over or weights.
    method: Way,
    /// How many rows the smallest class (over) or the largest (under) has in the end, as a share of the other: 1 is even.
    #[serde(default = "one")]
    ratio: f64,
    #[serde(default)]
    seed: u64,
    /// The name of the column of weights.
    #[serde(default = "weight")]
    into: String,
}

fn one() -> f64 {
    1.0
}
fn weight() -> String {
    "weight".into()
}

/// The kind `rebalance`.
pub struct Rebalance;

impl StepKind for Rebalance {
    fn about(&self) -> About {
        About {
            kind: "rebalance",
            title: "Rebalance classes",
            help: "Evens classes out by leaving rows out, repeating rows, or weights. Only for rows to train on.",
            group: "Rows",
            inputs: ONE,
            version: 1,
            sql: &[],
        }
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> JsonSchemaValue {
        generator.root_schema_for::<RebalanceSettings>()
    }
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
        let settings: RebalanceSettings = read(with)?;
        if settings.ratio > 0.0 && settings.ratio <= 1.0 {
            Ok(())
        } else {
            Err(Problem::invalid("'ratio' has to be above 0 and up to 1."))
        }
    }
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        self.check(step.with)?;
        let settings: RebalanceSettings = step.settings()?;
        let groups = groups(step, Some(&settings.column))?;
        let classes = groups.classes();
        if classes.len() < 2 {
            let message = format!("'{}' has fewer than two different values: nothing to even out.", settings.column);
            return Err(Problem::invalid(message).into());
        }
        let counts = classes.iter().map(|(name, rows)| (name.clone(), Value::from(rows.len())));
        let facts = BTreeMap::from([("classes".to_owned(), Value::Object(counts.collect()))]);
        let largest = classes.values().map(Vec::len).max().unwrap_or(0);
        let smallest = classes.values().map(Vec::len).min().unwrap_or(0);
        let mut times = vec![0_u32; groups.rows.len()];
        match settings.method {
            Way::Weights => {
                let present: usize = classes.values().map(Vec::len).sum();
                let mut weights: Vec<Option<f64>> = vec![None; groups.rows.len()];
                for rows in classes.values() {
                    // n / (k * n_c), scikit-learn's "balanced".
                    let weight = present as f64 / (classes.len() as f64 * rows.len() as f64);
                    rows.iter().for_each(|&row| weights[row] = Some(weight));
                }
                return append(step, &settings.into, ColumnType::Float, facts, move |from, count| {
                    Ok(Arc::new(Float64Array::from(weights[from..from + count].to_vec())) as ArrayRef)
                });
            }
            Way::Under => {
                let most = ((smallest as f64 / settings.ratio).round() as usize).max(1);
                for rows in classes.values() {
                    by_chance(rows, settings.seed).into_iter().take(most).for_each(|row| times[row] = 1);
                }
            }
            Way::Over => {
                let least = (largest as f64 * settings.ratio).round() as usize;
                for rows in classes.values() {
                    let (whole, rest) =
                        if rows.len() >= least { (1, 0) } else { (least / rows.len(), least % rows.len()) };
                    rows.iter().for_each(|&row| times[row] = u32::try_from(whole).unwrap_or(u32::MAX));
                    by_chance(rows, settings.seed).into_iter().take(rest).for_each(|row| times[row] += 1);
                }
            }
        }
        repeat(step, times, facts)
    }
}

/// To which group each row belongs; rows without a value to none.
struct Groups {
    rows: Vec<Option<u32>>,
    names: Vec<String>,
}

impl Groups {
    fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.names.len()];
        for (row, group) in self.rows.iter().enumerate() {
            if let Some(group) = group {
                members[*group as usize].push(row);
            }
        }
        members
    }
    fn classes(&self) -> BTreeMap<String, Vec<usize>> {
        self.names.iter().cloned().zip(self.members()).collect()
    }
}

fn groups(step: &StepContext<'_>, by: Option<&str>) -> Result<Groups, Stop> {
    let input = step.input()?;
    step.wait(step.session.register(&input.table, &input.path))?;
    let total = usize::try_from(input.rows.unwrap_or(0)).unwrap_or(usize::MAX);
    let Some(by) = by else {
        return Ok(Groups { rows: vec![Some(0); total], names: vec![String::new()] });
    };
    let column = input.need(by)?;
    let query = format!("SELECT CAST({} AS VARCHAR) FROM {}", q(&column.name), q(&input.table));
    let mut known: BTreeMap<String, u32> = BTreeMap::new();
    let mut rows = Vec::with_capacity(total);
    step.wait(async {
        let plan: DataFrame = step.session.query(&query).await?;
        let mut stream = plan.execute_stream().await.map_err(crate::session::fault)?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(crate::session::fault)?;
            let texts = cast(batch.column(0), &DataType::Utf8)
                .map_err(|error| Problem::internal(format!("The column could not be read: {error}.")))?;
            for text in texts.as_string::<i32>() {
                let next = known.len() as u32;
                rows.push(match text {
                    Some(text) if known.contains_key(text) => known.get(text).copied(),
                    Some(text) => {
                        known.insert(text.to_owned(), next);
                        Some(next)
                    }
                    None => None,
                });
            }
            if known.len() > 10_000 {
                return Err(Problem::invalid(format!(
                    "'{by}' has more than 10,000 different values, too many for groups. Choose another column."
                )));
            }
        }
        Ok(())
    })?;
    let mut names = vec![String::new(); known.len()];
    known.into_iter().for_each(|(name, at)| names[at as usize] = name);
    Ok(Groups { rows, names })
}

/// The rows in an order that the seed decides, the same whatever other rows there are (Steele's splitmix64 of the row's
/// number).
fn by_chance(rows: &[usize], seed: u64) -> Vec<usize> {
    let mix = |row: usize| {
        let mut z =
            (row as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed.wrapping_mul(0xD134_2543_DE82_EF95);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let mut keyed: Vec<(u64, usize)> = rows.iter().map(|&row| (mix(row), row)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, row)| row).collect()
}

/// The input's rows, each as often as said, in their order.
fn repeat(step: &StepContext<'_>, times: Vec<u32>, facts: BTreeMap<String, Value>) -> Result<Made, Stop> {
    let input = step.input()?;
    let plan = step.wait(step.session.table(&input.table))?;
    let change = Change {
        added: Vec::new(),
        of: Box::new(move |from, batch| {
            let rows = 0..batch.num_rows();
            let taken: Vec<u32> = rows
                .flat_map(|row| {
                    let times = times.get(from + row).copied().unwrap_or(0);
                    std::iter::repeat_n(row as u32, times as usize)
                })
                .collect();
            take_record_batch(&batch, &UInt32Array::from(taken))
                .map_err(|error| Problem::internal(format!("Rows could not be taken: {error}.")))
        }),
    };
    let written = step.wait(step.session.write(plan, &step.folder.join(TABLE), Some(change)))?;
    let mut made = Made::table(TABLE, written);
    made.facts = facts;
    made.lineage = same(input);
    Ok(made)
}

/// The input's rows with one more column, which `values` gives for a range of rows.
pub(super) fn append(
    step: &StepContext<'_>,
    name: &str,
    kind: ColumnType,
    facts: BTreeMap<String, Value>,
    mut values: impl FnMut(usize, usize) -> Result<ArrayRef, Problem> + Send + 'static,
) -> Result<Made, Stop> {
    let input = step.input()?;
    let kept: Vec<String> = input.columns.iter().filter(|c| c.name != name).map(|c| q(&c.name)).collect();
    let plan = step.wait(step.session.query(&format!("SELECT {} FROM {}", kept.join(", "), q(&input.table))))?;
    let change = Change {
        added: vec![ColumnSchema { name: name.to_owned(), kind }],
        of: Box::new(move |from, batch: RecordBatch| {
            let column = values(from, batch.num_rows())?;
            let mut fields: Vec<Arc<Field>> = batch.schema().fields().iter().cloned().collect();
            fields.push(Arc::new(Field::new("__new", column.data_type().clone(), true)));
            let mut columns = batch.columns().to_vec();
            columns.push(column);
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
                .map_err(|error| Problem::internal(format!("A column could not be added: {error}.")))
        }),
    };
    let written = step.wait(step.session.write(plan, &step.folder.join(TABLE), Some(change)))?;
    let mut made = Made::table(TABLE, written);
    made.facts = facts;
    made.lineage = same(input);
    Ok(made)
}

fn same(input: &Taken) -> BTreeMap<String, Vec<String>> {
    input.columns.iter().map(|c| (c.name.clone(), vec![format!("{}.{}", input.table, c.name)])).collect()
}
