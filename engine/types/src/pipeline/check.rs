//! What is wrong with a document, whatever the kinds of its steps.

use super::{MAX_STEPS, Partitions, Pipeline, plan};
use crate::{FieldProblem, Problem};
use std::collections::{BTreeMap, BTreeSet};

/// Names that a run fills in where the document has partitions.
pub(super) const PARTITION_NAMES: [&str; 3] = ["partition", "partition_start", "partition_end"];

/// Finds every fault of a document that can be told without knowing its steps' kinds: names that clash or are not there,
/// circles, numbers out of range. Each names its step.
///
/// # Errors
/// All faults at once: the first as the message, each as a field (`steps.people`).
pub fn check(pipeline: &Pipeline) -> Result<(), Problem> {
    let mut faults = Vec::new();
    head(pipeline, &mut faults);
    steps(pipeline, &mut faults);
    if faults.is_empty() {
        for step in plan::circle(pipeline) {
            add(
                &mut faults,
                format!("steps.{step}"),
                format!("Step '{step}' needs its own result, by way of the steps that it takes. Take one link out."),
            );
        }
    }
    problem(faults)
}

/// The faults as one problem.
///
/// # Errors
/// Where there are any.
pub(super) fn problem(faults: Vec<FieldProblem>) -> Result<(), Problem> {
    let Some(first) = faults.first() else { return Ok(()) };
    let mut problem = Problem::invalid(match faults.len() {
        1 => first.message.clone(),
        n => format!("{} ({} more faults.)", first.message, n - 1),
    });
    problem.fields = faults;
    Err(problem)
}

fn add(faults: &mut Vec<FieldProblem>, field: impl Into<String>, message: String) {
    faults.push(FieldProblem { field: field.into(), message });
}

fn head(pipeline: &Pipeline, faults: &mut Vec<FieldProblem>) {
    if pipeline.concurrency.is_some_and(|n| !(1..=16).contains(&n)) {
        add(faults, "concurrency", "'concurrency' has to be 1 to 16.".into());
    }
    for (name, parameter) in &pipeline.parameters {
        let field = format!("parameters.{name}");
        if super::StepId::parse(name).is_err() {
            add(
                faults,
                &field,
                format!(
                    "'{}' can't name a parameter. Use up to 48 small letters, digits and underscores, a letter first.",
                    name.chars().take(60).collect::<String>()
                ),
            );
        } else if PARTITION_NAMES.contains(&name.as_str()) {
            add(faults, &field, format!("The parameter '{name}' is set by the partition. Choose another name."));
        }
        if let Err(message) = parameter.check(name) {
            add(faults, &field, message);
        }
    }
    if let Some(Partitions::List { values }) = &pipeline.partitions {
        let distinct: BTreeSet<&String> = values.iter().collect();
        if values.is_empty() || distinct.len() != values.len() || values.iter().any(String::is_empty) {
            add(faults, "partitions", "A list of partitions needs values, each once and none empty.".into());
        }
    }
}

fn steps(pipeline: &Pipeline, faults: &mut Vec<FieldProblem>) {
    if pipeline.steps.is_empty() {
        add(faults, "steps", "The pipeline has no steps. Begin with a step of type 'source'.".into());
    }
    if pipeline.steps.len() > MAX_STEPS {
        add(faults, "steps", format!("The pipeline has more than {MAX_STEPS} steps. Divide it into several."));
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for step in &pipeline.steps {
        *seen.entry(step.id.as_str()).or_default() += 1;
    }
    for (id, times) in &seen {
        if *times > 1 {
            add(faults, format!("steps.{id}"), format!("{times} steps are named '{id}'. Give each its own name."));
        }
    }
    for step in &pipeline.steps {
        let field = format!("steps.{}", step.id);
        for needed in step.needs() {
            if !seen.contains_key(needed.as_str()) {
                let known: Vec<&str> = seen.keys().copied().filter(|id| *id != step.id.as_str()).take(10).collect();
                let known = if known.is_empty() { "none besides".to_owned() } else { known.join(", ") };
                add(
                    faults,
                    format!("{field}.{}", if step.after.contains(needed) { "after" } else { "input" }),
                    format!("Step '{}' takes from '{needed}', which is no step. There are: {known}.", step.id),
                );
            }
        }
        let mut tables = BTreeSet::new();
        for input in &step.input {
            if !tables.insert(input.table()) {
                add(
                    faults,
                    format!("{field}.input"),
                    format!("Step '{}' takes '{input}' twice. Name it once.", step.id),
                );
            }
        }
        if step.timeout_seconds.is_some_and(|seconds| !(1..=604_800).contains(&seconds)) {
            add(
                faults,
                format!("{field}.timeout_seconds"),
                format!("Step '{}': 'timeout_seconds' has to be 1 to 604800, a week.", step.id),
            );
        }
        if let Some(retry) = &step.retry {
            let fits = (1..=10).contains(&retry.max_retries)
                && (0.0..=86_400.0).contains(&retry.delay)
                && (0.0..=1.0).contains(&retry.jitter);
            if !fits {
                let wanted = "'max_retries' 1 to 10, 'delay' 0 to 86400 seconds and 'jitter' 0 to 1";
                add(faults, format!("{field}.retry"), format!("Step '{}': 'retry' takes {wanted}.", step.id));
            }
        }
        let settings = step
            .with
            .iter()
            .flat_map(|(key, value)| super::parameter::mentioned(value).into_iter().map(move |name| (key, name)));
        for (key, name) in settings {
            let of_partition = pipeline.partitions.is_some() && PARTITION_NAMES.contains(&name.as_str());
            if !of_partition && !pipeline.parameters.contains_key(&name) {
                let message = if PARTITION_NAMES.contains(&name.as_str()) {
                    format!("Step '{}' uses ${{{name}}}, but the pipeline has no 'partitions'.", step.id)
                } else {
                    format!("Step '{}' uses ${{{name}}}, which is no parameter. Add it to 'parameters'.", step.id)
                };
                add(faults, format!("{field}.{key}"), message);
            }
        }
    }
}
