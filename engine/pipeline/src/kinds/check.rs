//! A suite of checks as a gate.

use super::{columns::ONE, read::pass_on};
use crate::kind::{About, Made, StepContext, StepKind, Stop, TABLE, file_of, read, within};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};
use trainyard_types::{Problem, checks::Suite, dataset::Severity};

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Level {
    Info,
    #[default]
    Warning,
    Critical,
}

/// Checks a table.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The checks themselves, as a check suite has them: a list of
    /// {expectation: {type: not_be_null, column: age}, severity: critical}.
    #[serde(default)]
    #[schemars(extend("x-form" = "checks"))]
    checks: Option<Value>,
    /// Or: the file of a suite, relative to the document. On the command line only.
    #[serde(default)]
    #[schemars(extend("x-names" = "files"))]
    suite: Option<String>,
    /// A failed check of this severity, or a worse one, stops the pipeline. Left out: warning, which checks are unless they
    /// say otherwise.
    #[serde(default)]
    stop_at: Level,
}

/// The kind `check`.
pub struct Check;

fn inline(checks: &Value) -> Result<Suite, Problem> {
    let suite = serde_json::json!({ "name": "pipeline", "checks": checks });
    serde_json::from_value(suite).map_err(|error| Problem::invalid(format!("The checks can't be read: {error}.")))
}

impl Settings {
    fn suite(&self, step: &StepContext<'_>) -> Result<Suite, Problem> {
        match (&self.checks, &self.suite) {
            (Some(checks), None) => inline(checks),
            (None, Some(file)) => {
                let path = file_of(step.places.base.as_deref(), file)?;
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| Problem::not_found(format!("{} can't be read: {error}.", path.display())))?;
                trainyard_data::yaml::parse(&text)
            }
            _ => Err(Problem::invalid("Say either 'checks' or 'suite'.")),
        }
    }
}

impl StepKind for Check {
    fn about(&self) -> About {
        About {
            kind: "check",
            title: "Check",
            help: "Lets a table pass only where its checks hold.",
            group: "Data",
            inputs: ONE,
            version: 1,
            sql: &[],
        }
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.root_schema_for::<Settings>()
    }
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
        let settings: Settings = read(with)?;
        match (&settings.checks, &settings.suite) {
            (Some(checks), None) => inline(checks).map(drop),
            (None, Some(file)) => within(file),
            _ => Err(Problem::invalid("Say either 'checks' or 'suite'.")),
        }
    }
    fn fingerprint(&self, step: &StepContext<'_>) -> Result<String, Problem> {
        let settings: Settings = read(step.with)?;
        Ok(serde_json::to_string(&settings.suite(step)?).unwrap_or_default())
    }
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        let settings: Settings = step.settings()?;
        let input = step.input()?;
        let result = trainyard_data::checks::run(&input.path, &settings.suite(step)?, step.memory)?;
        let stop_at = match settings.stop_at {
            Level::Info => Severity::Info,
            Level::Warning => Severity::Warning,
            Level::Critical => Severity::Critical,
        };
        let mut bad = Vec::new();
        for failed in result.results.iter().filter(|result| !result.passed) {
            let columns = failed.check.expectation.columns().join(", ");
            let line = format!("{} of {columns}: {}", failed.check.expectation.type_name(), failed.observed.words);
            if failed.check.severity >= stop_at {
                bad.push(line.trim_end_matches('.').to_owned());
            }
            step.warn(line);
        }
        step.log(format!("{} of {} checks passed.", result.passed, result.results.len()));
        if let Some(first) = bad.first() {
            let more = if bad.len() > 1 { format!(", and {} more", bad.len() - 1) } else { String::new() };
            let message =
                format!("the data don't pass: {first}{more}. Correct the data, or the check where it is too strict.");
            return Err(Problem::invalid(message).into());
        }
        let mut made = Made::table(TABLE, pass_on(&input.path, &step.folder.join(TABLE))?);
        made.lineage =
            input.columns.iter().map(|c| (c.name.clone(), vec![format!("{}.{}", input.table, c.name)])).collect();
        made.facts.insert("passed".into(), result.passed.into());
        made.facts.insert("failed".into(), result.failed.into());
        Ok(made)
    }
}
