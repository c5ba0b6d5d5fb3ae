//! Pipelines: kinds of steps, their runner, its cache, previews and schedules. DataFusion lives here and nowhere else.
//!
//! A document is read by [`parse`] and checked by [`check`]; [`run()`] runs it on tables that are Parquet files, and
//! [`preview::step`] does so on the first rows only. What each kind of step is, its registration says: [`Registry`].

pub mod cache;
pub mod form;
pub mod kind;
pub mod kinds;
pub mod lineage;
pub mod partitions;
mod places;
pub mod preview;
pub mod run;
pub mod schedule;
pub mod schema;
pub mod session;

pub use kind::{Registry, StepContext, StepKind};
pub use kinds::registry;
pub use run::{Listener, Outcome, Run, run};

use std::collections::BTreeMap;
use trainyard_types::{
    FieldProblem, Problem,
    pipeline::{Pipeline, Values, check as check_words, resolve},
};

/// Reads a document, YAML or JSON.
///
/// # Errors
/// It can't be read; the message has line and column.
pub fn parse(text: &str) -> Result<Pipeline, Problem> {
    trainyard_data::yaml::parse(text)
}

/// Reads a document and checks it: [`parse`] and [`check`], with the line of each fault.
///
/// # Errors
/// As [`parse`] and [`check`].
pub fn read(text: &str, registry: &Registry) -> Result<Pipeline, Problem> {
    let document = parse(text)?;
    check(&document, registry).map_err(|problem| places::locate(problem, text))?;
    Ok(document)
}

/// Writes a document as YAML.
///
/// # Errors
/// It has no form in YAML.
pub fn print(pipeline: &Pipeline) -> Result<String, Problem> {
    trainyard_data::yaml::print(pipeline)
}

/// Everything that can be told of a document without data: names, circles, kinds of steps, their inputs and settings, the
/// schedule, the partitions.
///
/// # Errors
/// All faults at once, each as a field that names its step.
pub fn check(pipeline: &Pipeline, registry: &Registry) -> Result<(), Problem> {
    check_words(pipeline)?;
    let mut faults: Vec<FieldProblem> = Vec::new();
    let mut fault = |field: String, message: String| faults.push(FieldProblem { field, message });
    if let Some(schedule) = &pipeline.schedule
        && let Err(problem) = schedule::Times::of(schedule)
    {
        fault("schedule".into(), problem.message);
    }
    if let Some(partitions) = &pipeline.partitions
        && let Err(problem) = partitions::check(partitions)
    {
        fault("partitions".into(), problem.message);
    }
    // Settings may hang on parameters: they are checked with the defaults, or with nothing filled in where one lacks.
    let mut values: Values = resolve(pipeline, &BTreeMap::new()).unwrap_or_default();
    let lacking = values.len() < pipeline.parameters.len() || pipeline.partitions.is_some();
    if pipeline.partitions.is_some() {
        for name in ["partition", "partition_start", "partition_end"] {
            values.insert(name.into(), "2000-01-01".into());
        }
    }
    for step in &pipeline.steps {
        let field = format!("steps.{}", step.id);
        let Some(kind) = registry.get(&step.kind) else {
            let known: Vec<&str> = registry.names().collect();
            let kind: String = step.kind.chars().take(60).collect();
            let message = format!("Step '{}': there is no type '{kind}'. There are {}.", step.id, known.join(", "));
            fault(format!("{field}.type"), message);
            continue;
        };
        let (least, most) = kind.about().inputs;
        let given = step.input.len() as u32;
        if given < least || given > most {
            let wanted = match (least, most) {
                (0, 0) => "nothing".to_owned(),
                (1, 1) => "one step's table".to_owned(),
                (a, b) if a == b => format!("{a} tables"),
                (a, b) => format!("{a} to {b} tables"),
            };
            fault(
                format!("{field}.input"),
                format!("Step '{}' of type '{}' takes {wanted} by 'input', not {given}.", step.id, step.kind),
            );
        }
        if let Err(problem) = run::fits(kind.as_ref(), step, &values) {
            // What hangs on a value that is not known yet is checked when it is.
            let open = lacking && step.with.values().any(|value| value.to_string().contains("${"));
            if !open {
                let said = problem.fields.first().map(|fault| fault.field.clone());
                let at = said.or_else(|| form::guilty(kind.as_ref(), &problem.message));
                let field = at.map_or_else(|| field.clone(), |at| format!("{field}.{at}"));
                fault(field, format!("Step '{}': {}", step.id, problem.message));
            }
        }
    }
    let Some(first) = faults.first() else { return Ok(()) };
    let mut problem = Problem::invalid(match faults.len() {
        1 => first.message.clone(),
        n => format!("{} ({} more faults.)", first.message, n - 1),
    });
    problem.fields = faults;
    Err(problem)
}
