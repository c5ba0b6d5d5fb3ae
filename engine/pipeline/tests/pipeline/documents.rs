//! What is said of a document before anything runs.

use super::Bench;
use serde_json::Value;
use trainyard_pipeline::{form, parse, print};
use trainyard_types::pipeline::FieldForm;

const WHOLE: &str = "\
name: adult
description: all there is
parameters:
  country: {type: text, default: all, choices: [all, CH]}
  rows: {type: integer, default: 100}
concurrency: 2
schedule: {cron: 30 6 * * *, timezone: Europe/Zurich, catch_up: all}
triggers:
  - {on: dataset, dataset: people}
  - {on: webhook}
  - {on: pipeline, pipeline: other}
partitions: {by: day, start: 2026-01-31}
steps:
  - id: people
    type: source
    dataset: people
  - id: some
    type: sample
    input: people
    rows: ${rows}
  - id: picked
    type: filter
    input: some
    where: country = ${country} AND day >= ${partition_start}
    retry: {max_retries: 2, delay: 0.5, backoff: exponential, jitter: 0.1}
    timeout_seconds: 60
    cache: false
  - id: parts
    type: split
    input: [picked]
  - id: wait
    type: approval
    after: [parts]
  - id: out
    type: write_out
    input: parts.test
    after: [wait]
    dataset: held-out
";

#[test]
fn a_document_survives_being_written_and_read() {
    let bench = Bench::new(&[]);
    let document = trainyard_pipeline::read(WHOLE, &bench.registry).unwrap();
    let text = print(&document).unwrap();
    assert_eq!(parse(&text).unwrap(), document);
    assert_eq!(print(&parse(&text).unwrap()).unwrap(), text);
    let json = serde_json::to_string(&document).unwrap();
    assert_eq!(parse(&json).unwrap(), document);
    // By way of the form: what it is handed, and what it hands back.
    let value = serde_json::to_value(&document).unwrap();
    let back = form::document(&value).unwrap();
    assert_eq!(back, document);
    assert_eq!(print(&back).unwrap(), text);
    // Each setting is shown by its own control, but for the number that a parameter fills: that is a text there.
    let kinds = bench.registry.views();
    for step in &document.steps {
        let kind = kinds.iter().find(|kind| kind.kind == step.kind).unwrap();
        for (name, value) in &step.with {
            let field = kind.fields.iter().find(|field| field.name == *name).unwrap();
            assert!(field.form.shows(value), "{}.{name}", step.id);
        }
    }
    for field in form::head() {
        assert!(value.get(&field.name).is_none_or(|value| field.form.shows(value)), "{}", field.name);
    }
}

#[test]
fn each_fault_is_one_sentence_with_its_line() {
    let bench = Bench::new(&[]);
    for (steps, words) in [
        (
            "  - {id: a, type: sauce, file: a.csv}\n",
            "Line 3: Step 'a': there is no type 'sauce'. There are aggregate, approval,",
        ),
        (
            "  - {id: a, type: source, file: a.csv}\n  - id: b\n    type: select\n    input: a\n    colums: [x]\n",
            "Line 7: Step 'b': unknown field `colums`",
        ),
        (
            "  - {id: a, type: filter, input: b, where: x > 1}\n  - {id: b, type: filter, input: a, where: x > 1}\n",
            "Line 3: Step 'a' needs its own result",
        ),
        ("  - {id: a, type: filter, input: b, where: x > 1}\n", "Line 3: Step 'a' takes from 'b', which is no step."),
        ("  - {id: a, type: source, file: ../a.csv}\n", "Line 3: Step 'a': '../a.csv' leads out of the folder"),
        ("  - {id: a, type: source, file: /etc/passwd}\n", "leads out of the folder"),
        ("  - {id: a, type: source}\n", "Say either 'file' or 'dataset'."),
        (
            "  - {id: a, type: select, columns: [x]}\n",
            "Step 'a' of type 'select' takes one step's table by 'input', not 0.",
        ),
        ("  - {id: a, type: source, file: a.csv}\n  - {id: a, type: source, file: b.csv}\n", "2 steps are named 'a'"),
        ("  - {id: A, type: source, file: a.csv}\n", "'A' can't name a step"),
        ("  - {id: a, type: source, file: '${x}.csv'}\n", "${x}"),
        ("  - {type: source, file: a.csv}\n", "id"),
        ("  - id: a\n    type: [", "line"),
    ] {
        let fault = bench.read(steps).unwrap_err().message;
        assert!(fault.contains(words) && fault.lines().count() == 1, "{steps}: {fault}");
    }
    let head = |text: &str| trainyard_pipeline::read(text, &bench.registry).unwrap_err().message;
    let steps = "steps:\n  - {id: a, type: source, file: a.csv}\n";
    assert!(head(&format!("name: p\nstep: []\n{steps}")).contains("line 2"));
    assert!(head(&format!("name: p\nschedule: {{cron: often}}\n{steps}")).contains("'often' is no schedule"));
    assert!(head(&format!("name: p\nschedule: {{cron: 0 0 * * *, timezone: Mars}}\n{steps}")).contains("no time zone"));
    assert!(head(&format!("name: p\npartitions: {{by: day, start: now}}\n{steps}")).contains("is no date"));
    assert!(head("name: p\nsteps: []\n").contains("no steps"));
}

/// Every kind says what it is, and its settings can be filled in by a form and by an editor.
#[test]
fn every_kind_is_described() {
    let registry = Bench::new(&[]).registry;
    let kinds = registry.views();
    assert_eq!(kinds.len(), 25);
    for kind in &kinds {
        assert!(!kind.title.is_empty() && kind.help.ends_with('.') && !kind.group.is_empty(), "{}", kind.kind);
        for field in &kind.fields {
            let choice = matches!(field.form, FieldForm::Choice { .. });
            assert!(!field.help.is_empty() || choice || !field.required, "{}.{}", kind.kind, field.name);
        }
    }
    let filter = kinds.iter().find(|kind| kind.kind == "filter").unwrap();
    assert_eq!(filter.fields[0].form, FieldForm::Sql);
    let schema = trainyard_pipeline::schema::schema(&registry);
    let steps = schema["properties"]["steps"]["items"]["oneOf"].as_array().unwrap();
    assert_eq!(steps.len(), kinds.len());
    for step in steps {
        assert_eq!(step["additionalProperties"], false);
        let properties = step["properties"].as_object().unwrap();
        for name in step["required"].as_array().unwrap() {
            assert!(properties.contains_key(name.as_str().unwrap()), "{name} of {}", step["title"]);
        }
        assert!(properties["type"]["const"].is_string());
    }
}

/// The paths of all properties of a schema.
fn properties(schema: &Value, at: &str, found: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.push(format!("{at}.{name}"));
        properties(property, &format!("{at}.{name}"), found);
    }
    for variant in ["oneOf", "anyOf"].iter().filter_map(|key| schema[*key].as_array()).flatten() {
        properties(variant, at, found);
    }
    for inner in [&schema["items"], &schema["additionalProperties"]].into_iter().filter(|inner| inner.is_object()) {
        properties(inner, at, found);
    }
}

/// The paths of all that a form reaches.
fn reached(form: &FieldForm, at: &str, found: &mut Vec<String>) {
    let each = |fields: &[trainyard_types::pipeline::StepField], found: &mut Vec<String>| {
        for field in fields {
            found.push(format!("{at}.{}", field.name));
            reached(&field.form, &format!("{at}.{}", field.name), found);
        }
    };
    match form {
        FieldForm::List { of } | FieldForm::Map { of } => reached(of, at, found),
        FieldForm::OneOf { forms } => forms.iter().for_each(|form| reached(form, at, found)),
        FieldForm::Object { fields } => each(fields, found),
        FieldForm::Tagged { tag, variants } => {
            found.push(format!("{at}.{tag}"));
            variants.iter().for_each(|variant| each(&variant.fields, found));
        }
        _ => {}
    }
}

#[test]
fn the_form_reaches_every_property_of_every_kind() {
    let registry = Bench::new(&[]).registry;
    let generator = || {
        let settings = schemars::generate::SchemaSettings::draft2020_12();
        settings.with(|settings| settings.inline_subschemas = true).into_generator()
    };
    for (kind, view) in registry.iter().zip(registry.views()) {
        let (mut wanted, mut found) = (Vec::new(), Vec::new());
        properties(&kind.schema(&mut generator()).to_value(), &view.kind, &mut wanted);
        reached(&FieldForm::Object { fields: view.fields.clone() }, &view.kind, &mut found);
        let missing: Vec<&String> = wanted.iter().filter(|path| !found.contains(path)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        for field in &view.fields {
            assert!(field.form != FieldForm::Any, "{}.{} has no form", view.kind, field.name);
        }
    }
    let (mut wanted, mut found) = (Vec::new(), Vec::new());
    properties(&generator().root_schema_for::<trainyard_types::pipeline::Pipeline>().to_value(), "", &mut wanted);
    wanted.retain(|path| !path.starts_with(".steps"));
    reached(&FieldForm::Object { fields: form::head() }, "", &mut found);
    assert!(wanted.iter().all(|path| found.contains(path)), "{wanted:?} {found:?}");
    assert_eq!(form::common().len(), 3);
}

#[test]
fn what_the_form_can_not_read_is_told_at_its_field() {
    let fields = |value: Value| -> Vec<String> {
        let problem = form::document(&value).unwrap_err();
        problem.fields.into_iter().map(|fault| fault.field).collect()
    };
    let step = serde_json::json!({ "id": "a", "type": "source", "dataset": "x" });
    let document = |head: Value| {
        let mut whole = serde_json::json!({ "name": "p", "steps": [step] });
        whole.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
        whole
    };
    assert!(form::document(&document(serde_json::json!({}))).is_ok());
    assert_eq!(fields(document(serde_json::json!({ "name": "" }))), ["name"]);
    assert_eq!(
        fields(document(serde_json::json!({ "concurrency": "two", "schedule": { "timezone": "UTC" } }))),
        ["concurrency", "schedule"]
    );
    let steps = serde_json::json!([
        { "id": "A", "type": "source" }, { "id": "b", "type": "sql", "retry": { "max_retries": "x" } }, { "id": "c" }
    ]);
    assert_eq!(
        fields(document(serde_json::json!({ "steps": steps }))),
        ["steps.A.id", "steps.b.retry", "steps.c.type"]
    );
}

/// Faults of settings name the setting.
#[test]
fn faults_name_the_setting() {
    let registry = Bench::new(&[]).registry;
    for (step, field) in [
        ("type: filter\n    where: age >", "where"),
        ("type: select\n    columns: 1", "columns"),
        ("type: bin\n    column: age\n    edges: [2, 1]", "edges"),
        ("type: cast\n    columns: {age: number}", "columns"),
        ("type: filter", "where"),
        ("type: join\n    on: age", "input"),
        ("type: nothing", "type"),
    ] {
        let text =
            format!("name: p\nsteps:\n  - {{id: a, type: source, file: a.csv}}\n  - id: b\n    input: a\n    {step}\n");
        let problem = trainyard_pipeline::read(&text, &registry).unwrap_err();
        assert_eq!(problem.fields[0].field, format!("steps.b.{field}"), "{step}: {problem}");
    }
}
