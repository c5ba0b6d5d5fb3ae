#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::json;

fn pipeline(steps: Value) -> Pipeline {
    serde_json::from_value(json!({ "name": "p", "steps": steps })).unwrap()
}

fn faults(steps: Value) -> Vec<String> {
    check(&pipeline(steps)).err().map_or(Vec::new(), |p| p.fields.into_iter().map(|f| f.message).collect())
}

#[test]
fn a_document_comes_back_as_it_was() {
    let text = json!({
        "name": "adult",
        "parameters": { "country": { "type": "text", "default": "all", "choices": ["all", "CH"] } },
        "concurrency": 2,
        "schedule": { "cron": "30 6 * * *", "timezone": "Europe/Zurich", "catch_up": "all" },
        "triggers": [{ "on": "dataset", "dataset": "people" }, { "on": "webhook" }, { "on": "pipeline", "pipeline": "x" }],
        "partitions": { "by": "day", "start": "2026-01-31" },
        "steps": [
            { "id": "people", "type": "source", "file": "people.csv" },
            { "id": "joined", "type": "sql", "input": ["people", "parts.train"], "after": ["people"], "query": "SELECT 1",
              "retry": { "max_retries": 2, "delay": 0.5, "backoff": "exponential", "jitter": 0.1 },
              "timeout_seconds": 5, "cache": false },
            { "id": "parts", "type": "split", "input": "people", "valid": 0.25, "deep": { "a": [1, null, true] } }
        ]
    });
    let document: Pipeline = serde_json::from_value(text.clone()).unwrap();
    assert_eq!(serde_json::to_value(&document).unwrap(), text);
    check(&document).unwrap();
    assert_eq!(document.steps[1].input[1].table(), "parts_train");
}

#[test]
fn every_fault_names_its_step() {
    let circle = faults(json!([
        { "id": "a", "type": "sql", "input": "c" }, { "id": "b", "type": "sql", "input": "a" },
        { "id": "c", "type": "sql", "input": "b" }, { "id": "d", "type": "sql", "input": "c" }
    ]));
    assert_eq!(circle.len(), 3, "{circle:?}");
    assert!(circle[0].contains("'a'") && circle[1].contains("'b'") && circle[2].contains("'c'"));
    assert!(faults(json!([{ "id": "a", "type": "sql", "input": "a" }]))[0].contains("'a' needs its own result"));
    let unknown = faults(json!([{ "id": "a", "type": "sql", "input": "b" }]));
    assert!(unknown[0].contains("'a' takes from 'b'"), "{unknown:?}");
    let twice = faults(json!([{ "id": "a", "type": "source" }, { "id": "a", "type": "source" }]));
    assert!(twice[0].contains("2 steps are named 'a'"));
    let same = faults(json!([{ "id": "a", "type": "source" }, { "id": "b", "type": "sql", "input": ["a", "a"] }]));
    assert!(same[0].contains("Step 'b' takes 'a' twice"));
    let used = faults(json!([{ "id": "a", "type": "source", "file": "x-${day}.csv", "more": ["${partition}"] }]));
    assert!(used.iter().any(|fault| fault.contains("${day}") && fault.contains("'a'")), "{used:?}");
    assert!(used.iter().any(|fault| fault.contains("no 'partitions'")), "{used:?}");
    let numbers = faults(json!([{ "id": "a", "type": "x", "timeout_seconds": 0, "retry": { "max_retries": 11 } }]));
    assert!(numbers.iter().all(|fault| fault.contains("'a'")) && numbers.len() == 2, "{numbers:?}");
    assert!(faults(json!([]))[0].contains("no steps"));
}

#[test]
fn names_that_can_be_no_step_are_refused() {
    for bad in ["", "A", "1a", "a-b", "a b", "é", "a.b", &"a".repeat(49)] {
        assert!(StepId::parse(bad).is_err(), "{bad}");
    }
    for bad in ["a.", ".a", "a.b.c", "a..b"] {
        assert!(Input::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Input::parse("a.b").unwrap().to_string(), "a.b");
}

#[test]
fn steps_are_ordered_and_drawn_by_what_they_need() {
    let p = pipeline(json!([
        { "id": "d", "type": "x", "input": ["b", "c"] }, { "id": "a", "type": "x" },
        { "id": "b", "type": "x", "input": "a" }, { "id": "c", "type": "x", "after": ["a"] }
    ]));
    assert_eq!(order(&p), [1, 2, 3, 0]);
    assert_eq!(layers(&p), [vec![1], vec![2, 3], vec![0]]);
    assert_eq!(upstream(&p, "d").into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn parameters_are_checked_and_filled_in() {
    let mut p = pipeline(json!([{ "id": "a", "type": "x" }]));
    p.parameters = serde_json::from_value(json!({
        "n": { "type": "integer" }, "who": { "default": "O'Hara" }, "rate": { "type": "float", "default": 0.5 }
    }))
    .unwrap();
    assert!(resolve(&p, &Values::new()).unwrap_err().message.contains("'n' has no default"));
    let given = |value: Value| Values::from([("n".to_owned(), value)]);
    assert!(resolve(&p, &given(json!("7"))).unwrap_err().message.contains("a whole number"));
    let values = resolve(&p, &given(json!(7))).unwrap();
    let with = json!({ "rows": "${n}", "file": "x-${n}-${who}.csv", "where": "name = ${who} AND k < ${n}", "odd": "${", "no": "${x}" });
    let filled = fill(with.as_object().unwrap(), &values, &["where"]);
    assert_eq!(
        Value::Object(filled),
        json!({ "rows": 7, "file": "x-7-O'Hara.csv", "where": "name = 'O''Hara' AND k < 7", "odd": "${", "no": "${x}" })
    );
    assert!(resolve(&p, &Values::from([("m".to_owned(), json!(1))])).unwrap_err().message.contains("no parameter 'm'"));
}

#[test]
fn waits_grow_as_said() {
    let retry = |backoff| Retry { max_retries: 5, delay: 2.0, backoff, jitter: 0.5 };
    assert_eq!(retry(Backoff::None).wait(3, 0.5), 2.0);
    assert_eq!(retry(Backoff::Linear).wait(3, 0.5), 6.0);
    assert_eq!(retry(Backoff::Exponential).wait(3, 0.5), 8.0);
    assert_eq!(retry(Backoff::None).wait(1, 0.0), 1.0);
    assert_eq!(retry(Backoff::None).wait(1, 1.0), 3.0);
}
