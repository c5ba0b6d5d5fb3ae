//! Runs: the cache, failures, tries, time limits, cancelling, approval.

use super::{Bench, Ear, With, files_below, one, report};
use serde_json::{Map, Value};
use std::sync::atomic::{AtomicU32, Ordering};
use trainyard_pipeline::{
    StepContext, StepKind,
    kind::{About, Made, Stop},
    schema::{Schema, SchemaGenerator},
};
use trainyard_types::{
    Problem,
    pipeline::{PipelineEvent, PipelineRunState, StepState},
};

const TABLE: &str = "k,v\n1,a\n2,b\n3,c\n";
const STEPS: &str = "  - {id: t, type: source, file: t.csv}
  - {id: big, type: filter, input: t, where: k >= 2}
  - {id: other, type: select, input: t, columns: [v]}
  - {id: twice, type: derive, input: big, columns: {d: k * 2}}
  - {id: out, type: write_out, input: twice, file: x.csv}
";

fn states(bench: &Bench, steps: &str) -> Vec<StepState> {
    let outcome = bench.run(steps);
    assert_eq!(outcome.state, PipelineRunState::Succeeded, "{:?}", outcome.problem);
    outcome.steps.iter().map(|step| step.state).collect()
}

use StepState::{Cached as C, Succeeded as S};

#[test]
fn what_has_not_changed_comes_from_the_cache() {
    let bench = Bench::new(&[("t.csv", TABLE)]);
    assert_eq!(states(&bench, STEPS), [S, S, S, S, S]);
    assert_eq!(states(&bench, STEPS), [C, C, C, C, C]);
    // A changed setting: the step itself and what depends on it.
    assert_eq!(states(&bench, &STEPS.replace("k >= 2", "k >= 3")), [C, S, C, S, S]);
    // Back again: all results are known; only the file is another one now.
    assert_eq!(states(&bench, STEPS), [C, C, C, C, S]);
    // Other words for the same rows: what comes after need not be done again.
    assert_eq!(states(&bench, &STEPS.replace("k >= 2", "k > 1")), [C, S, C, C, C]);
    // A file that was changed, or removed, is written anew.
    std::fs::write(bench.path("out/x.csv"), "spoilt").unwrap();
    assert_eq!(states(&bench, STEPS), [C, C, C, C, S]);
    assert_eq!(std::fs::read_to_string(bench.path("out/x.csv")).unwrap(), "k,v,d\n2,b,4\n3,c,6\n");
    // Other data.
    bench.write("t.csv", "k,v\n1,a\n2,b\n3,d\n");
    assert_eq!(states(&bench, STEPS), [S, S, S, S, S]);
    // The same file under a new modification time.
    bench.write("t.csv", "k,v\n1,a\n2,b\n3,d\n");
    assert_eq!(states(&bench, STEPS), [C, C, C, C, C]);
    assert_eq!(states(&bench, &STEPS.replace("where: k >= 2", "cache: false, where: k >= 2")), [C, S, C, C, C]);
}

#[test]
fn the_cache_can_be_switched_off_and_heals_itself() {
    let bench = Bench::new(&[("t.csv", TABLE)]);
    states(&bench, STEPS);
    let document = bench.read(STEPS).unwrap();
    let off = With { no_cache: true, name: "second", ..With::default() };
    let outcome = bench.run_with(&document, &off, &Ear::default());
    assert!(outcome.steps.iter().all(|step| step.state == S), "{:?}", outcome.steps);
    for file in files_below(&bench.path("cache")) {
        if file.extension().is_some_and(|end| end == "parquet") {
            std::fs::write(file, "torn").unwrap();
        }
    }
    assert_eq!(states(&bench, STEPS), [S, S, S, S, C]);
    assert!(bench.cache().prune(std::time::Duration::from_secs(3600)) == 0);
    assert!(bench.cache().prune(std::time::Duration::ZERO) > 0);
    assert_eq!(states(&bench, STEPS), [S, S, S, S, S]);
}

#[test]
fn a_failed_run_goes_on_from_the_step_that_failed() {
    let bench = Bench::new(&[("t.csv", TABLE)]);
    let bad = STEPS.replace("k * 2", "k * nope");
    let outcome = bench.run(&bad);
    assert_eq!(outcome.state, PipelineRunState::Failed);
    let found: Vec<StepState> = outcome.steps.iter().map(|step| step.state).collect();
    assert_eq!(found, [S, S, S, StepState::Failed, StepState::Skipped]);
    let message = outcome.problem.unwrap().message;
    assert!(message.starts_with("Step 'twice': ") && message.contains("nope"), "{message}");
    assert!(files_below(&bench.path("out")).is_empty());
    assert_eq!(states(&bench, STEPS), [C, C, C, S, S]);
}

/// Fails or takes its time, as its settings say.
struct Trouble(AtomicU32);

impl StepKind for Trouble {
    fn about(&self) -> About {
        About { kind: "trouble", title: "Trouble", help: "Fails.", group: "Test", inputs: (1, 1), version: 1, sql: &[] }
    }
    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
    fn check(&self, _: &Map<String, Value>) -> Result<(), Problem> {
        Ok(())
    }
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        let word = step.with["word"].as_str().unwrap_or_default().to_owned();
        std::fs::write(step.folder.join("half.parquet"), "half a table").unwrap();
        match word.as_str() {
            "panic" => panic!("at the worst time"),
            "forever" => loop {
                if let Some(stop) = step.stop() {
                    return Err(stop);
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            },
            "never" => step.wait(std::future::pending()),
            _ if self.0.fetch_add(1, Ordering::SeqCst) < 2 => Err(Problem::invalid("not yet.").into()),
            _ => Ok(Made::default()),
        }
    }
}

fn troubled() -> Bench {
    let mut bench = Bench::new(&[("t.csv", TABLE)]);
    bench.registry.register(Trouble(AtomicU32::new(0)));
    bench
}

#[test]
fn a_step_is_tried_again_as_often_as_said() {
    let bench = troubled();
    let document = bench.read(&one("type: trouble\nword: later\nretry: {max_retries: 3, delay: 0}")).unwrap();
    let ear = Ear::default();
    let outcome = bench.run_with(&document, &With::default(), &ear);
    assert_eq!((outcome.state, report(&outcome, "x").attempt), (PipelineRunState::Succeeded, 3));
    assert_eq!(ear.log().iter().filter(|line| line.contains("not yet. Try")).count(), 2, "{:?}", ear.log());
    let bench = troubled();
    let outcome = bench.run(&one("type: trouble\nword: later\nretry: {max_retries: 1, delay: 0}"));
    assert_eq!((outcome.state, report(&outcome, "x").attempt), (PipelineRunState::Failed, 2));
}

#[test]
fn time_limits_panics_and_cancelling_leave_nothing_half_made() {
    let whole = |bench: &Bench| {
        let half = files_below(&bench.path("cache")).into_iter().any(|file| file.ends_with("half.parquet"));
        assert!(!half, "{:?}", files_below(&bench.path("cache")));
    };
    for word in ["forever", "never"] {
        let bench = troubled();
        let outcome = bench.run(&one(&format!("type: trouble\nword: {word}\ntimeout_seconds: 1")));
        assert!(outcome.problem.unwrap().message.contains("longer than its 1 seconds"));
        whole(&bench);
        let document = bench.read(&one(&format!("type: trouble\nword: {word}"))).unwrap();
        let ear = Ear { cancel_at: Some("x".into()), ..Ear::default() };
        let outcome = bench.run_with(&document, &With::default(), &ear);
        assert_eq!((outcome.state, report(&outcome, "x").state), (PipelineRunState::Cancelled, StepState::Cancelled));
        whole(&bench);
    }
    // A query that counts without a pause can't be stopped, but is not waited for either.
    let endless = "type: sql\nquery: >-\n  SELECT count(*) AS n FROM generate_series(1, 300000) a \
                   JOIN generate_series(1, 300000) b ON a.value * b.value % 7 > 3\ntimeout_seconds: 1";
    let bench = troubled();
    let outcome = bench.run(&one(endless));
    let message = outcome.problem.unwrap().message;
    assert!(message.contains("longer than its 1 seconds"), "{message}");
    whole(&bench);
    let bench = troubled();
    let outcome = bench.run(&one("type: trouble\nword: panic"));
    assert!(outcome.problem.unwrap().message.contains("an error in the program: at the worst time"));
    whole(&bench);
}

#[test]
fn a_write_that_fails_leaves_the_file_that_was_there() {
    let bench = Bench::new(&[("t.csv", TABLE)]);
    states(&bench, STEPS);
    let before = std::fs::read(bench.path("out/x.csv")).unwrap();
    // The gate fails after rows have been made: nothing is written.
    let gated = "  - {id: t, type: source, file: t.csv}
  - {id: gate, type: check, input: t, checks: [{expectation: {type: be_between, column: k, min: 2}}]}
  - {id: out, type: write_out, input: gate, file: x.csv}
";
    assert_eq!(bench.run(gated).state, PipelineRunState::Failed);
    assert_eq!(std::fs::read(bench.path("out/x.csv")).unwrap(), before);
    // A folder stands where the file should go.
    std::fs::create_dir_all(bench.path("out/y.csv")).unwrap();
    let outcome = bench.run(&one("type: write_out\nfile: y.csv"));
    assert!(outcome.problem.unwrap().message.contains("y.csv can't be written"));
    let left: Vec<_> = files_below(&bench.path("out"));
    assert_eq!(left, [bench.path("out/x.csv")]);
    // A query that fails in the middle of the rows.
    let outcome = bench.run(&one("type: derive\ncolumns: {d: 10 / (k - 3)}"));
    let message = outcome.problem.unwrap().message;
    assert!(message.contains("Divide by zero"), "{message}");
    assert!(files_below(&bench.path("cache")).iter().all(|file| !file.to_string_lossy().contains(".new-")));
}

#[test]
fn an_approval_is_waited_for() {
    let bench = Bench::new(&[("t.csv", TABLE)]);
    let document = bench
        .read(
            "  - {id: t, type: source, file: t.csv}
  - {id: ok, type: approval, input: t, message: Look at it.}
  - {id: out, type: write_out, input: t, after: [ok], file: x.csv}
",
        )
        .unwrap();
    let outcome = bench.run_with(&document, &With::default(), &Ear::default());
    assert_eq!(outcome.state, PipelineRunState::Waiting);
    assert_eq!(report(&outcome, "ok").state, StepState::Waiting);
    assert_eq!(report(&outcome, "out").state, StepState::Pending);
    assert!(files_below(&bench.path("out")).is_empty());
    let with = With { approved: &["ok"], ..With::default() };
    let outcome = bench.run_with(&document, &with, &Ear::default());
    assert_eq!(outcome.state, PipelineRunState::Succeeded);
    assert_eq!(report(&outcome, "t").state, C);
}

#[test]
fn parameters_reach_the_steps_as_values() {
    let bench = Bench::new(&[("t.csv", "k,v\n1,a\n2,O'Hara\n3,c\n")]);
    let text = "name: p
parameters: {who: {default: a}, least: {type: integer, default: 0}}
steps:
  - {id: t, type: source, file: t.csv}
  - {id: x, type: filter, input: t, where: 'v = ${who} AND k >= ${least}'}
";
    let document = trainyard_pipeline::read(text, &bench.registry).unwrap();
    let rows = |who: &str, least: i64| {
        let values = [("who".to_owned(), who.into()), ("least".to_owned(), least.into())].into();
        let outcome = bench.run_with(&document, &With { values, ..With::default() }, &Ear::default());
        bench.lines(report(&outcome, "x"), "")[1..].to_vec()
    };
    assert_eq!(rows("O'Hara", 1), ["2 O'Hara"]);
    assert_eq!(rows("x' OR 'a' = 'a", 1), Vec::<String>::new());
    assert_eq!(rows("a", 2), Vec::<String>::new());
}

#[test]
fn events_tell_the_whole_story_in_order() {
    let bench = Bench::new(&[("t.csv", TABLE)]);
    let ear = Ear::default();
    let outcome = bench.run_with(&bench.read(STEPS).unwrap(), &With::default(), &ear);
    let events = ear.events.into_inner().unwrap();
    for step in &outcome.steps {
        let begun = events.iter().position(|e| matches!(e, PipelineEvent::Started { step: id, .. } if *id == step.id));
        let ended = events.iter().position(|e| matches!(e, PipelineEvent::Step { report, .. } if report.id == step.id));
        assert!(begun.unwrap() < ended.unwrap());
    }
    let twice = report(&outcome, "twice");
    assert_eq!((twice.rows_in, twice.rows, twice.attempt), (Some(2), Some(2), 1));
    assert_eq!(report(&outcome, "big").rows_in, Some(3));
}

/// A preview shows any step within a moment, on the first rows.
#[test]
fn a_preview_shows_a_step_on_the_first_rows() {
    let text: String = (0..5_000).fold("k,v\n".into(), |text, k| format!("{text}{k},x\n"));
    let bench = Bench::new(&[("t.csv", &text)]);
    let document = bench.read(STEPS).unwrap();
    let places = || trainyard_pipeline::kind::Places { base: Some(bench.path("data")), ..Default::default() };
    let preview = |id: &str| {
        trainyard_pipeline::preview::step(
            &bench.registry,
            &document,
            id,
            Default::default(),
            places(),
            &bench.path("previews"),
            &bench.path("spill"),
        )
    };
    let shown = preview("twice").unwrap();
    assert_eq!((shown.rows.total, shown.rows.rows.len(), shown.sampled), (1_998, 50, 2_000));
    assert_eq!(shown.rows.rows[0], [Some("2".to_owned()), Some("x".into()), Some("4".into())]);
    assert_eq!(shown.lineage["d"], ["big.k"]);
    assert!(preview("nope").unwrap_err().message.contains("no step 'nope'"));
    assert!(preview("out").unwrap_err().message.contains("gives no table"));
    assert!(files_below(&bench.path("out")).is_empty(), "a preview writes nothing out");
}
