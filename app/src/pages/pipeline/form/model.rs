//! A document as the form changes it: JSON, which may be incomplete at any time. The server reads and checks it.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use trainyard_types::{
    ResourceName,
    pipeline::{Input, Pipeline, Step, StepId, StepKindView},
};

/// The steps, in the document's order.
pub(super) fn steps(document: &Value) -> &[Value] {
    document["steps"].as_array().map_or(&[], Vec::as_slice)
}

fn steps_mut(document: &mut Value) -> Option<&mut Vec<Value>> {
    if !document["steps"].is_array() {
        document["steps"] = json!([]);
    }
    document["steps"].as_array_mut()
}

pub(super) fn id(step: &Value) -> &str {
    step["id"].as_str().unwrap_or_default()
}

pub(super) fn kind(step: &Value) -> &str {
    step["type"].as_str().unwrap_or_default()
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// What the step takes, in order.
pub(super) fn inputs(step: &Value) -> Vec<String> {
    texts(&step["input"])
}

/// What has to be done before, besides.
pub(super) fn after(step: &Value) -> Vec<String> {
    texts(&step["after"])
}

/// Sets a key, or takes it out.
pub(super) fn set(object: &mut Value, key: &str, value: Option<Value>) {
    match (value, object.as_object_mut()) {
        (Some(value), Some(object)) => drop(object.insert(key.to_owned(), value)),
        (None, Some(object)) => drop(object.remove(key)),
        _ => {}
    }
}

pub(super) fn set_inputs(step: &mut Value, inputs: Vec<String>) {
    let value = match inputs.as_slice() {
        [] => None,
        [one] => Some(json!(one)),
        many => Some(json!(many)),
    };
    set(step, "input", value);
}

fn set_after(step: &mut Value, after: &[String]) {
    set(step, "after", (!after.is_empty()).then(|| json!(after)));
}

/// Takes the step `id` into what has to be done before the one at `at`, or out of it.
pub(super) fn wait_for(document: &mut Value, at: usize, id: &str, on: bool) {
    let Some(step) = steps_mut(document).and_then(|steps| steps.get_mut(at)) else { return };
    let mut all = after(step);
    all.retain(|other| other != id);
    if on {
        all.push(id.to_owned());
    }
    set_after(step, &all);
}

/// The step that an input names: `parts` of `parts.train`.
fn step_of(input: &str) -> &str {
    input.split_once('.').map_or(input, |(step, _)| step)
}

fn needs(step: &Value, wanted: &str) -> bool {
    inputs(step).iter().any(|input| step_of(input) == wanted) || after(step).iter().any(|other| other == wanted)
}

/// The steps that take from a step or wait for it.
pub(super) fn dependents(document: &Value, wanted: &str) -> Vec<String> {
    steps(document).iter().filter(|step| needs(step, wanted)).map(|step| id(step).to_owned()).collect()
}

/// The steps that come after the one at `at`, by any way, and itself.
fn downstream(document: &Value, at: usize) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = steps(document).get(at).map(|step| id(step).to_owned()).into_iter().collect();
    loop {
        let more: Vec<String> = steps(document)
            .iter()
            .filter(|step| !found.contains(id(step)) && found.iter().any(|known| needs(step, known)))
            .map(|step| id(step).to_owned())
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// The steps that the one at `at` may wait for.
pub(super) fn before(document: &Value, at: usize) -> Vec<String> {
    let later = downstream(document, at);
    steps(document).iter().map(id).filter(|id| !id.is_empty() && !later.contains(*id)).map(str::to_owned).collect()
}

/// All that the step at `at` may take: `people`, `parts.train`.
pub(super) fn outputs(document: &Value, kinds: &[StepKindView], at: usize) -> Vec<String> {
    let later = downstream(document, at);
    let earlier = steps(document).iter().filter(|step| !id(step).is_empty() && !later.contains(id(step)));
    earlier
        .flat_map(|step| {
            let gives = kinds.iter().find(|known| known.kind == kind(step)).map_or(&[][..], |known| &known.gives);
            gives.iter().map(|part| if part.is_empty() { id(step).to_owned() } else { format!("{}.{part}", id(step)) })
        })
        .collect()
}

/// A name like `wanted` that no step has.
fn free(document: &Value, wanted: &str) -> String {
    let base: String = wanted.chars().take(44).collect();
    let taken = |name: &str| steps(document).iter().any(|step| id(step) == name);
    if !taken(&base) {
        return base;
    }
    (2..).map(|n| format!("{base}_{n}")).find(|name| !taken(name)).unwrap_or(base)
}

/// Adds a step of a kind behind the one at `behind`, or at the end. It takes that one's table where it takes any. Answers its
/// place.
pub(super) fn add(document: &mut Value, kinds: &[StepKindView], wanted: &StepKindView, behind: Option<usize>) -> usize {
    let end = steps(document).len();
    let behind = behind.or(end.checked_sub(1));
    let mut step = json!({ "id": free(document, &wanted.kind), "type": wanted.kind });
    if wanted.inputs.1 > 0
        && let Some(from) = behind.and_then(|at| steps(document).get(at))
    {
        let gives = kinds.iter().find(|known| known.kind == kind(from)).map_or(&[][..], |known| &known.gives);
        // A step that takes several is given the first: which the others are, nobody can guess.
        let first = gives.first().map(|part| if part.is_empty() { String::new() } else { format!(".{part}") });
        match first {
            Some(part) if wanted.inputs.0 > 0 => set_inputs(&mut step, vec![format!("{}{part}", id(from))]),
            _ if wanted.inputs.0 == 0 => set_after(&mut step, &[id(from).to_owned()]),
            _ => {}
        }
    }
    let at = behind.map_or(0, |at| (at + 1).min(end));
    if let Some(steps) = steps_mut(document) {
        steps.insert(at, step);
    }
    at
}

/// Takes a step out. Who took its table takes what it took, where that is one table; other references go.
pub(super) fn remove(document: &mut Value, at: usize) {
    let Some(all) = steps_mut(document).filter(|steps| at < steps.len()) else { return };
    let gone = all.remove(at);
    let name = id(&gone).to_owned();
    let instead = match inputs(&gone).as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    };
    for step in all {
        let mut kept: Vec<String> = Vec::new();
        let old = inputs(step);
        for input in &old {
            let new = match (step_of(input) == name, &instead) {
                (false, _) => Some(input.clone()),
                (true, Some(instead)) if *input == name => Some(instead.clone()),
                _ => None,
            };
            kept.extend(new.filter(|new| !kept.contains(new)));
        }
        if kept != old {
            set_inputs(step, kept);
        }
        let waits: Vec<String> = after(step);
        let left: Vec<String> = waits.iter().filter(|other| **other != name).cloned().collect();
        if left.len() < waits.len() {
            set_after(step, &left);
        }
    }
}

/// What [`remove`] does to the others, in words.
pub(super) fn removal(document: &Value, at: usize) -> String {
    let Some(step) = steps(document).get(at) else { return String::new() };
    let name = id(step);
    let others = dependents(document, name);
    if others.is_empty() {
        return format!("Nothing depends on '{name}'.");
    }
    let list = others.iter().map(|other| format!("'{other}'")).collect::<Vec<_>>().join(", ");
    match inputs(step).as_slice() {
        [one] => format!("These depend on '{name}' and will take '{one}' where they take its table: {list}."),
        _ => format!("These depend on '{name}' and will need another input: {list}."),
    }
}

/// Puts a copy behind a step; answers its place.
pub(super) fn duplicate(document: &mut Value, at: usize) -> usize {
    let Some(mut copy) = steps(document).get(at).cloned() else { return at };
    copy["id"] = json!(free(document, id(&copy)));
    if let Some(steps) = steps_mut(document) {
        steps.insert(at + 1, copy);
    }
    at + 1
}

/// Moves a step up or down in the document; answers its place.
pub(super) fn shift(document: &mut Value, at: usize, down: bool) -> usize {
    let to = if down { at + 1 } else { at.saturating_sub(1) };
    match steps_mut(document) {
        Some(steps) if at < steps.len() && to < steps.len() => {
            steps.swap(at, to);
            to
        }
        _ => at,
    }
}

/// Gives a step another name, everywhere.
///
/// # Errors
/// The name can't be a step's, or another step has it.
pub(super) fn rename(document: &mut Value, at: usize, new: &str) -> Result<(), String> {
    StepId::parse(new)?;
    if steps(document).iter().enumerate().any(|(other, step)| other != at && id(step) == new) {
        return Err(format!("Another step is named '{new}'. Choose another name."));
    }
    let Some(all) = steps_mut(document) else { return Ok(()) };
    let Some(old) = all.get(at).map(|step| id(step).to_owned()) else { return Ok(()) };
    all[at]["id"] = json!(new);
    for step in all.iter_mut().filter(|step| needs(step, &old)) {
        let renamed = |input: &String| match input.strip_prefix(old.as_str()) {
            Some("") => new.to_owned(),
            Some(part) if part.starts_with('.') => format!("{new}{part}"),
            _ => input.clone(),
        };
        let taken = inputs(step);
        if taken.iter().any(|input| step_of(input) == old) {
            set_inputs(step, taken.iter().map(renamed).collect());
            // In a query the table has the step's name.
            if let ("sql", Some(query)) = (kind(step), step["query"].as_str()) {
                let mut query = query.to_owned();
                for input in taken.iter().filter(|input| step_of(input) == old) {
                    query = rename_table(&query, &input.replace('.', "_"), &renamed(input).replace('.', "_"));
                }
                step["query"] = json!(query);
            }
        }
        let waits = after(step);
        if waits.contains(&old) {
            set_after(step, &waits.iter().map(renamed).collect::<Vec<_>>());
        }
    }
    Ok(())
}

/// Renames a table in SQL where it stands after FROM or JOIN, or before a dot.
fn rename_table(sql: &str, old: &str, new: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    let mut quoted = false;
    while let Some(c) = rest.chars().next() {
        if c == '\'' {
            quoted = !quoted;
        }
        if quoted || !is_word(c) {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        let before = out.trim_end_matches(|c: char| c.is_whitespace() || c == '"');
        let last = before.rsplit(|c: char| !is_word(c)).next().unwrap_or_default().to_ascii_lowercase();
        let table = last == "from" || last == "join" || tail.trim_start_matches('"').starts_with('.');
        out.push_str(if word == old && table { new } else { word });
        rest = tail;
    }
    out
}

/// What can be drawn of it: names and what they need.
pub(super) fn drawn(document: &Value) -> Option<Pipeline> {
    let mut pipeline = Pipeline {
        name: ResourceName::parse("drawn").ok()?,
        description: String::new(),
        parameters: std::collections::BTreeMap::new(),
        concurrency: None,
        schedule: None,
        triggers: Vec::new(),
        partitions: None,
        steps: Vec::new(),
    };
    for step in steps(document) {
        let Ok(name) = StepId::parse(id(step)) else { continue };
        let mut drawn = Step::new(name, kind(step));
        drawn.input = inputs(step).iter().filter_map(|input| Input::parse(input).ok()).collect();
        drawn.after = after(step).iter().filter_map(|id| StepId::parse(id).ok()).collect();
        pipeline.steps.push(drawn);
    }
    Some(pipeline)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({ "name": "p", "steps": [
            { "id": "people", "type": "source" },
            { "id": "some", "type": "filter", "input": "people", "where": "people > 1" },
            { "id": "parts", "type": "split", "input": "some" },
            { "id": "both", "type": "sql", "input": ["people", "parts.train"], "after": ["some"],
              "query": "SELECT people.a, 'from people' FROM people JOIN parts_train ON people.id = parts_train.id" },
        ]})
    }

    #[test]
    fn references_follow_a_new_name() {
        let mut it = document();
        rename(&mut it, 0, "folk").unwrap();
        rename(&mut it, 2, "cut").unwrap();
        assert_eq!(it["steps"][1]["input"], "folk");
        assert_eq!(it["steps"][1]["where"], "people > 1", "a column may have the step's name");
        assert_eq!(it["steps"][3]["input"], json!(["folk", "cut.train"]));
        assert_eq!(
            it["steps"][3]["query"],
            "SELECT folk.a, 'from people' FROM folk JOIN cut_train ON folk.id = cut_train.id"
        );
        assert!(rename(&mut it, 0, "cut").unwrap_err().contains("Another step"));
        assert!(rename(&mut it, 0, "A b").is_err());
        rename(&mut it, 1, "few").unwrap();
        assert_eq!(it["steps"][3]["after"], json!(["few"]));
    }

    #[test]
    fn who_took_from_a_removed_step_takes_what_it_took() {
        let mut it = document();
        assert!(removal(&it, 1).contains("'parts', 'both'") && removal(&it, 1).contains("take 'people'"));
        remove(&mut it, 1);
        assert_eq!(it["steps"][1]["input"], "people");
        assert_eq!(it["steps"][2].get("after"), None);
        remove(&mut it, 1);
        assert_eq!(it["steps"][1]["input"], "people", "a part has no stand-in");
        assert_eq!(steps(&it).len(), 2);
    }

    #[test]
    fn what_can_be_taken_comes_from_before() {
        let kind = |name: &str, gives: &[&str], inputs| StepKindView {
            kind: name.into(),
            title: String::new(),
            help: String::new(),
            group: String::new(),
            inputs,
            gives: gives.iter().map(|part| (*part).to_owned()).collect(),
            fields: Vec::new(),
        };
        let kinds =
            [kind("source", &[""], (0, 0)), kind("filter", &[""], (1, 1)), kind("split", &["", "train"], (1, 1))];
        let mut it = document();
        assert_eq!(outputs(&it, &kinds, 3), ["people", "some", "parts", "parts.train"]);
        assert_eq!(outputs(&it, &kinds, 1), ["people"]);
        assert_eq!(before(&it, 2), ["people", "some"]);
        let at = add(&mut it, &kinds, &kinds[1], Some(2));
        assert_eq!((at, &it["steps"][3]), (3, &json!({ "id": "filter", "type": "filter", "input": "parts" })));
        assert_eq!(duplicate(&mut it, 3), 4);
        assert_eq!(it["steps"][4]["id"], "filter_2");
        assert_eq!((shift(&mut it, 4, false), shift(&mut it, 0, false)), (3, 0));
        assert_eq!(it["steps"][3]["id"], "filter_2");
        assert_eq!(drawn(&it).unwrap().steps.len(), 6);
    }
}
