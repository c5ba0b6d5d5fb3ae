//! The steps of a pipeline that need a trainer.

use crate::training::{self, MODEL_FILE, Sink, TrainError};
use serde_json::{Map, Value, json};
use std::fs;
use trainyard_infer::Model;
use trainyard_pipeline::{
    Registry, StepContext, StepKind,
    kind::{About, Made, Stop, read},
    kinds,
};
use trainyard_types::{
    Problem,
    job::{JobEvent, LogLevel},
    run::TrainSpec,
};

use crate::headless::RESULT_FILE;

/// All kinds of steps, ready to be done.
pub fn registry() -> Registry {
    let mut registry = trainyard_pipeline::registry();
    registry.register(Train).register(Evaluate);
    registry
}

/// The declaration and the doing of a kind are two things; the first is the pipeline crate's.
macro_rules! declared {
    ($name:literal) => {
        fn about(&self) -> About {
            declaration($name).about()
        }
        fn schema(
            &self,
            generator: &mut trainyard_pipeline::schema::SchemaGenerator,
        ) -> trainyard_pipeline::schema::Schema {
            declaration($name).schema(generator)
        }
        fn gives(&self) -> &'static [&'static str] {
            declaration($name).gives()
        }
        fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
            declaration($name).check(with)
        }
    };
}

fn declaration(kind: &str) -> Box<dyn StepKind> {
    match kind {
        "train" => Box::new(kinds::Declared::<kinds::Train>::default()),
        _ => Box::new(kinds::Declared::<kinds::Evaluate>::default()),
    }
}

struct Train;

/// Hands what training says on to the step.
struct ToStep<'a, 'b> {
    step: &'a StepContext<'b>,
    stage: String,
}

impl Sink for ToStep<'_, '_> {
    fn event(&mut self, event: JobEvent) {
        match event {
            JobEvent::Log { level: LogLevel::Info, line } => self.step.log(line),
            JobEvent::Log { line, .. } => self.step.warn(line),
            // Each stage once: what follows the first digit counts.
            JobEvent::Progress(progress) => {
                let name =
                    |stage: &str| stage.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default().to_owned();
                let stage = name(&progress.stage);
                if stage != self.stage {
                    self.step.log(format!("{} ({:.0} % done).", progress.stage, progress.fraction * 100.0));
                    self.stage = stage;
                }
            }
            _ => {}
        }
    }
    fn cancelled(&mut self) -> bool {
        self.step.stop().is_some()
    }
}

impl StepKind for Train {
    declared!("train");

    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        let input = step.input()?;
        let made_column = input.facts.get("part_column").and_then(Value::as_str);
        let part_column = made_column.filter(|name| input.columns.iter().any(|column| column.name == *name));
        if let Some(column) = part_column {
            step.log(format!("Column '{column}' says which rows train, validate and test."));
        }
        let settings = read::<kinds::Train>(step.with)?.settings(part_column.map(str::to_owned));
        let spec = TrainSpec {
            data: input.path.to_string_lossy().into_owned(),
            test_data: None,
            split_file: None,
            memory_limit: Some(step.training_memory.bytes()),
            settings,
        };
        let mut sink = ToStep { step, stage: String::new() };
        let result = training::train(&spec, &step.folder, &mut sink).map_err(|error| match error {
            TrainError::Cancelled => step.stop().unwrap_or(Stop::Cancelled),
            TrainError::Problem(problem) => Stop::Problem(problem),
        })?;
        let settings = spec.settings;
        training::checkpoint::remove(&step.folder);
        let stored = json!({ "settings": settings, "result": result });
        let path = step.folder.join(RESULT_FILE);
        fs::write(&path, serde_json::to_vec(&stored).unwrap_or_default())
            .map_err(|error| Problem::internal(format!("The result could not be written: {error}.")))?;
        let mut made = Made::default();
        made.files.push(("model".into(), MODEL_FILE.into()));
        made.files.push(("result".into(), RESULT_FILE.into()));
        made.facts.insert("family".into(), result.family.as_str().into());
        made.facts.insert("task".into(), result.task.as_str().into());
        made.facts.insert("test".into(), json!(result.metrics.test));
        made.facts.insert("verdict".into(), result.verdict.sentence.into());
        if let Some(decision) = &result.decision {
            let sentences = [
                decision.calibration.as_ref().map(|found| found.sentence.as_str()),
                decision.threshold.as_ref().map(|found| found.sentence.as_str()),
                decision.intervals.as_ref().map(|found| found.sentence.as_str()),
            ];
            made.facts.insert("decision".into(), sentences.into_iter().flatten().collect::<Vec<_>>().join(" ").into());
        }
        Ok(made)
    }
}

struct Evaluate;

impl StepKind for Evaluate {
    declared!("evaluate");

    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        let settings: kinds::Evaluate = read(step.with)?;
        let [model, table] = step.inputs.as_slice() else {
            return Err(Problem::invalid("Name the model and the table, such as [train.model, parts.test].").into());
        };
        let bytes = fs::read(&model.path)
            .map_err(|error| Problem::invalid(format!("The model '{}' can't be read: {error}.", model.name)))?;
        if model.rows.is_some() || table.rows.is_none() {
            let message =
                "The first input has to be a model and the second a table, such as [train.model, parts.test].";
            return Err(Problem::invalid(message).into());
        }
        let model = Model::from_bytes(&bytes).map_err(Problem::from)?;
        let signature = model.signature().clone();
        table.need(&signature.target)?;
        let frame = trainyard_data::frame::load(&table.path, None)?;
        let Some(outcomes) = frame.column(&signature.target) else {
            return Err(Problem::internal("The target's column went missing.").into());
        };
        let (_, usable) = trainyard_data::target::encode(outcomes, signature.task, &signature.classes)?;
        let rows: Vec<usize> = (0..frame.rows).filter(|&row| usable[row]).collect();
        if rows.is_empty() {
            let message = format!("'{}' has no row with a known '{}'.", table.name, signature.target);
            return Err(Problem::invalid(message).into());
        }
        let frame = frame.take(&rows);
        let Some(outcomes) = frame.column(&signature.target) else {
            return Err(Problem::internal("The target's column went missing.").into());
        };
        let (target, _) = trainyard_data::target::encode(outcomes, signature.task, &signature.classes)?;
        let predictions = model.predict(&frame).map_err(Problem::from)?;
        let metrics =
            trainyard_assess::metrics::score_at(signature.aim(), &target, &predictions, model.decision.threshold);
        let shown: Vec<String> = metrics.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        step.log(format!("On {} rows: {}.", rows.len(), shown.join(", ")));
        let find = |name: &String| {
            metrics.get(name).copied().ok_or_else(|| {
                let known: Vec<&str> = metrics.keys().map(String::as_str).collect();
                Problem::invalid(format!("There is no metric '{name}' here. There are {}.", known.join(", ")))
            })
        };
        for (name, least) in &settings.minimum {
            let value = find(name)?;
            if value < *least {
                let message =
                    format!("The model is not good enough: {name} is {value:.4}, at least {least} is wanted.");
                return Err(Problem::invalid(message).into());
            }
        }
        for (name, most) in &settings.maximum {
            let value = find(name)?;
            if value > *most {
                let message = format!("The model is not good enough: {name} is {value:.4}, at most {most} is wanted.");
                return Err(Problem::invalid(message).into());
            }
        }
        let mut made = Made::default();
        made.facts.insert("rows".into(), rows.len().into());
        made.facts.insert("metrics".into(), json!(metrics));
        Ok(made)
    }
}
