//! What is said of a document before anything runs.

use super::Bench;
use trainyard_pipeline::{parse, print};

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
            assert!(
                !field.help.is_empty() || !field.choices.is_empty() || !field.required,
                "{}.{}",
                kind.kind,
                field.name
            );
        }
    }
    let filter = kinds.iter().find(|kind| kind.kind == "filter").unwrap();
    assert_eq!(filter.fields[0].kind, trainyard_types::pipeline::FieldKind::Sql);
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
