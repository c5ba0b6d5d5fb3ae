//! Pipelines through the public functions of the crate. Tables are made here; the rows that steps should give are computed
//! by hand.
#![allow(clippy::unwrap_used)]

mod documents;
mod fuzz;
mod lineage;
mod rows;
mod runs;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tempfile::TempDir;
use trainyard_pipeline::{Listener, Outcome, Registry, Run, cache::Cache, kind::Places};
use trainyard_types::{
    Problem,
    pipeline::{Pipeline, PipelineEvent, StepReport, Values, resolve},
};

/// Hears all, and cancels when told.
#[derive(Default)]
struct Ear {
    events: Mutex<Vec<PipelineEvent>>,
    cancel: AtomicBool,
    /// The run is cancelled as soon as this step begins.
    cancel_at: Option<String>,
}

impl Ear {
    fn log(&self) -> Vec<String> {
        let line = |event: &PipelineEvent| match event {
            PipelineEvent::Log { line, .. } => Some(line.clone()),
            _ => None,
        };
        self.events.lock().unwrap().iter().filter_map(line).collect()
    }
}

impl Listener for Ear {
    fn event(&self, event: PipelineEvent) {
        if let PipelineEvent::Started { step, .. } = &event
            && self.cancel_at.as_deref() == Some(step.as_str())
        {
            self.cancel.store(true, Ordering::SeqCst);
        }
        self.events.lock().unwrap().push(event);
    }
    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }
}

/// A folder with files, and all that a run needs.
struct Bench {
    folder: TempDir,
    registry: Registry,
}

/// What a test may change of a run.
#[derive(Default)]
struct With<'a> {
    values: Values,
    approved: &'a [&'a str],
    name: &'a str,
    no_cache: bool,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap(), registry: trainyard_pipeline::registry() };
        files.iter().for_each(|(name, text)| bench.write(name, text));
        bench
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path("data")).unwrap();
        std::fs::write(self.path("data").join(name), text).unwrap();
    }
    fn cache(&self) -> Cache {
        Cache::open(&self.path("cache")).unwrap()
    }
    /// Reads a document of these steps.
    fn read(&self, steps: &str) -> Result<Pipeline, Problem> {
        trainyard_pipeline::read(&format!("name: p\nsteps:\n{steps}"), &self.registry)
    }
    fn run_with(&self, document: &Pipeline, with: &With<'_>, ear: &Ear) -> Outcome {
        let id = |id: &&str| trainyard_types::pipeline::StepId::parse(id).unwrap();
        let run = Run {
            registry: &self.registry,
            document,
            values: resolve(document, &with.values).unwrap(),
            places: Places { base: Some(self.path("data")), out: Some(self.path("out")), datasets: BTreeMap::new() },
            cache: self.cache(),
            spill: self.path("spill"),
            memory_limit: 256 << 20,
            training_memory: trainyard_data::Memory::default(),
            use_cache: !with.no_cache,
            name: if with.name.is_empty() { "run".into() } else { with.name.into() },
            approved: with.approved.iter().map(id).collect(),
            effects_done: BTreeSet::new(),
            sample: None,
            until: None,
            parallel: 2,
        };
        trainyard_pipeline::run(&run, ear).unwrap()
    }
    /// Runs these steps.
    fn run(&self, steps: &str) -> Outcome {
        self.run_with(&self.read(steps).unwrap(), &With::default(), &Ear::default())
    }
    /// Runs one step named `x` on the table `t` of `t.csv`, and gives its lines, the names first.
    fn step(&self, settings: &str) -> Vec<String> {
        let outcome = self.run(&one(settings));
        let step = report(&outcome, "x");
        assert!(step.state.is_done(), "{:?}", outcome.problem);
        self.lines(step, "")
    }
    /// What one step named `x` on the table `t` of `t.csv` says against it, before or while it runs.
    fn fault(&self, settings: &str) -> String {
        match self.read(&one(settings)) {
            Ok(document) => {
                let outcome = self.run_with(&document, &With::default(), &Ear::default());
                outcome.problem.map_or_else(|| panic!("{settings} should have failed"), |problem| problem.message)
            }
            Err(problem) => problem.message,
        }
    }
    /// A step's table as lines, the names first; missing values are dots.
    fn lines(&self, step: &StepReport, part: &str) -> Vec<String> {
        let output = step.outputs.iter().find(|output| output.part == part && output.rows.is_some()).unwrap();
        let view = trainyard_data::rows(&self.cache().path(output), 0, 500).unwrap();
        assert_eq!(output.rows, Some(view.total));
        let names: Vec<&str> = view.columns.iter().map(|column| column.name.as_str()).collect();
        let mut lines = vec![names.join(" ")];
        for row in view.rows {
            let row: Vec<String> = row.into_iter().map(|value| value.unwrap_or_else(|| ".".into())).collect();
            lines.push(row.join(" "));
        }
        lines
    }
}

fn one(settings: &str) -> String {
    let settings: String = settings.lines().map(|line| format!("    {line}\n")).collect();
    format!("  - {{id: t, type: source, file: t.csv}}\n  - id: x\n    input: t\n{settings}")
}

fn report<'a>(outcome: &'a Outcome, id: &str) -> &'a StepReport {
    outcome.steps.iter().find(|step| step.id.as_str() == id).unwrap()
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}
