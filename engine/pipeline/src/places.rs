//! Where the faults of a document stand in its text.

use serde::{Deserialize, de::IgnoredAny};
use std::collections::HashMap;
use trainyard_data::yaml::{self, Spanned};
use trainyard_types::Problem;

/// The lines of a document's steps, from 1, by key.
#[derive(Deserialize)]
struct Document {
    steps: Vec<HashMap<Spanned<String>, Spanned<Id>>>,
}

/// The value of a key: only that of `id` is of use.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Other(IgnoredAny),
}

struct Keys {
    id: String,
    /// The line of the step's first key.
    line: u64,
    lines: HashMap<String, u64>,
}

impl Keys {
    fn of(step: HashMap<Spanned<String>, Spanned<Id>>) -> Option<Self> {
        let mut keys = Keys { id: String::new(), line: u64::MAX, lines: HashMap::new() };
        for (key, value) in step {
            let line = key.referenced.line();
            keys.line = keys.line.min(line);
            if let ("id", Id::Text(text)) = (key.value.as_str(), value.value) {
                keys.id = text;
            }
            keys.lines.insert(key.value, line);
        }
        (keys.line > 0 && keys.line < u64::MAX).then_some(keys)
    }
}

/// Puts the line of the step, or of the setting at fault, in front of each fault that names a step.
pub(crate) fn locate(mut problem: Problem, text: &str) -> Problem {
    let Ok(document) = yaml::parse::<Document>(text) else { return problem };
    let steps: Vec<Keys> = document.steps.into_iter().filter_map(Keys::of).collect();
    let first = problem.fields.first().map(|fault| fault.message.clone()).unwrap_or_default();
    for fault in &mut problem.fields {
        let Some(path) = fault.field.strip_prefix("steps.") else { continue };
        let (id, setting) = path.split_once('.').unwrap_or((path, ""));
        let Some(step) = steps.iter().find(|step| step.id == id) else { continue };
        let line = step.lines.get(setting).unwrap_or(&step.line);
        fault.message = format!("Line {line}: {}", fault.message);
    }
    if let Some(fault) = problem.fields.first()
        && let Some(rest) = problem.message.strip_prefix(&first)
    {
        problem.message = format!("{}{rest}", fault.message);
    }
    problem
}
