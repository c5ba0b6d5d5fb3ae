//! Rows into train, validation and test.

use super::{columns::ONE, q, rows::append};
use crate::kind::{About, Made, StepContext, StepKind, Stop, read};
use datafusion::arrow::array::{ArrayRef, StringArray};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};
use trainyard_data::split::Part;
use trainyard_types::{
    Problem,
    dataset::ColumnType,
    split::{Gap, SplitMethod, SplitPlan, SplitSpec},
};

/// The column that says to which part a row belongs, unless the step names another.
pub const PART_COLUMN: &str = "split";

#[derive(Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Method {
    /// Shuffled; stratified by the target where it has classes.
    #[default]
    Random,
    /// The oldest rows train, the newest test.
    Time,
    /// Rows with the same key stay together.
    Group,
    /// By a hash of the key: a row's part stays when rows are added.
    Hash,
    /// A column says it.
    Given,
}

/// Divides rows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The column to predict: classes are divided by the same shares. May be left out.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    target: Option<String>,
    #[serde(default)]
    method: Method,
    /// time, group, hash, given: the column that decides.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    column: Option<String>,
    /// group, hash: further columns of the key.
    #[serde(default)]
    #[schemars(extend("x-names" = "columns"))]
    also: Vec<String>,
    /// Share of rows for validation.
    #[serde(default = "fifth")]
    valid: f64,
    /// Share of rows for test.
    #[serde(default = "fifth")]
    test: f64,
    #[serde(default)]
    seed: u64,
    /// time: rows left out before each later part.
    #[serde(default)]
    gap_rows: Option<u64>,
    /// time: seconds left out before each later part.
    #[serde(default)]
    gap_seconds: Option<f64>,
    /// The column that is made.
    #[serde(default = "part")]
    into: String,
    /// Rows in no part (without a target or key, or in a gap) are left out; false keeps them, their part missing.
    #[serde(default = "yes")]
    drop_unused: bool,
}

fn fifth() -> f64 {
    0.2
}
fn part() -> String {
    PART_COLUMN.into()
}
fn yes() -> bool {
    true
}

impl Settings {
    fn plan(&self) -> Result<SplitPlan, Problem> {
        let column = || {
            self.column
                .clone()
                .ok_or_else(|| Problem::invalid("Name the 'column' that decides, or use method 'random'."))
        };
        let method = match self.method {
            Method::Random => SplitMethod::Random,
            Method::Time => SplitMethod::Time { column: column()? },
            Method::Group => SplitMethod::Group { column: column()? },
            Method::Hash => SplitMethod::Hash { column: column()? },
            Method::Given => SplitMethod::Given { column: column()? },
        };
        let gap = match (self.gap_rows, self.gap_seconds) {
            (Some(_), Some(_)) => return Err(Problem::invalid("Say 'gap_rows' or 'gap_seconds', not both.")),
            (Some(rows), None) => Some(Gap::Rows(rows)),
            (None, Some(seconds)) => Some(Gap::Seconds(seconds)),
            (None, None) => None,
        };
        let (valid, test, seed, also) = (self.valid, self.test, self.seed, self.also.clone());
        let spec = SplitSpec { method, valid, test, seed, also, gap, bins: None };
        Ok(SplitPlan { spec, target: self.target.clone(), ..SplitPlan::default() })
    }
}

/// The kind `split`.
pub struct Split;

impl StepKind for Split {
    fn about(&self) -> About {
        About {
            kind: "split",
            title: "Split",
            help: "Divides rows into train, valid and test, as a column and as tables STEP.train, STEP.valid, STEP.test.",
            group: "Model",
            inputs: ONE,
            version: 1,
            sql: &[],
        }
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.root_schema_for::<Settings>()
    }
    fn gives(&self) -> &'static [&'static str] {
        &["", "train", "valid", "test"]
    }
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
        read::<Settings>(with)?.plan().map(drop)
    }
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        let settings: Settings = step.settings()?;
        let plan = settings.plan()?;
        let input = step.input()?.clone();
        step.wait(step.session.register(&input.table, &input.path))?;
        let (made, summary) = trainyard_data::split::make(&input.path, &plan)?;
        let divided = &summary.divisions[0];
        let counts: Map<String, Value> = ["train", "valid", "test"]
            .into_iter()
            .zip(divided.parts())
            .map(|(name, (_, part))| (name.to_owned(), part.rows.into()))
            .collect();
        step.log(format!(
            "{} train, {} valid, {} test rows: {}.",
            counts["train"],
            counts["valid"],
            counts["test"],
            plan.spec.in_words()
        ));
        let mut facts = BTreeMap::new();
        facts.insert("parts".to_owned(), Value::Object(counts));
        facts.insert("part_column".to_owned(), settings.into.clone().into());
        facts.insert("split_hash".to_owned(), summary.hash.into());
        let labelled = append(step, &settings.into, ColumnType::Text, facts, move |from, count| {
            let names = made.parts()[from..from + count].iter().map(|part| part.map(named));
            Ok(Arc::new(names.collect::<StringArray>()) as ArrayRef)
        })?;
        let (lineage, facts) = (labelled.lineage, labelled.facts);
        let whole = step.folder.join("labelled.parquet");
        std::fs::rename(step.folder.join(crate::kind::TABLE), &whole)
            .map_err(|error| crate::session::cannot_write(&whole, &error))?;
        step.wait(step.session.register("__labelled", &whole))?;
        let part = q(&settings.into);
        let mut made = Made { facts, lineage, ..Made::default() };
        let used = if settings.drop_unused { format!(" WHERE {part} IS NOT NULL") } else { String::new() };
        let mut tables =
            vec![(String::new(), crate::kind::TABLE.to_owned(), format!("SELECT * FROM \"__labelled\"{used}"))];
        for name in ["train", "valid", "test"] {
            let keep: Vec<String> =
                input.columns.iter().filter(|c| c.name != settings.into).map(|c| q(&c.name)).collect();
            let sql = format!("SELECT {} FROM \"__labelled\" WHERE {part} = '{name}'", keep.join(", "));
            tables.push((name.to_owned(), format!("{name}.parquet"), sql));
        }
        for (part, file, sql) in tables {
            let plan = step.wait(step.session.query(&sql))?;
            let written = step.wait(step.session.write(plan, &step.folder.join(&file), None))?;
            made.tables.push((part, file, written));
        }
        let _ = std::fs::remove_file(&whole);
        Ok(made)
    }
}

fn named(part: Part) -> &'static str {
    match part {
        Part::Train => "train",
        Part::Valid => "valid",
        Part::Test => "test",
    }
}
