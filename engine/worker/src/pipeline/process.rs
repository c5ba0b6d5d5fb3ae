//! The process of a pipeline's run: JSON lines of [`PipelineEvent`] on standard output.

use super::registry;
use crate::child::say;
use std::{
    path::PathBuf,
    process,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use trainyard_data::Memory;
use trainyard_pipeline::{Listener, Run, cache::Cache, kind::Places};
use trainyard_types::{
    Problem,
    pipeline::{PipelineEvent, PipelineRunState, PipelineSpec},
};

/// Results that were not used for so long go when a pipeline is run.
const KEEP: Duration = Duration::from_secs(30 * 86_400);

struct Lines<'a> {
    cancelled: &'a AtomicBool,
}

impl Listener for Lines<'_> {
    fn event(&self, event: PipelineEvent) {
        if say(&event).is_err() {
            // Nobody reads any more.
            process::exit(crate::child::exit::ORPHANED);
        }
    }
    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// Runs the order to its end and says how it ended.
pub(crate) fn run(spec: PipelineSpec, cancelled: &AtomicBool) -> PipelineEvent {
    let listener = Lines { cancelled };
    match outcome(spec, &listener) {
        Ok((state, problem)) => PipelineEvent::Ended { state, problem },
        Err(problem) => PipelineEvent::Ended { state: PipelineRunState::Failed, problem: Some(problem) },
    }
}

fn outcome(spec: PipelineSpec, listener: &Lines<'_>) -> Result<(PipelineRunState, Option<Problem>), Problem> {
    let cache = Cache::open(&PathBuf::from(&spec.cache))?;
    cache.prune(KEEP);
    let registry = registry();
    let datasets = spec.datasets.into_iter().map(|(name, path)| (name, PathBuf::from(path))).collect();
    let run = Run {
        registry: &registry,
        document: &spec.document,
        values: spec.values,
        // Neither reading nor writing files by name: there is no folder that would be the user's.
        places: Places { base: None, out: None, datasets },
        cache,
        spill: PathBuf::from(&spec.folder).join("spill"),
        memory_limit: spec.memory_limit,
        training_memory: spec.training_memory.map_or_else(|| Ok(Memory::for_training()), Memory::new)?,
        use_cache: spec.use_cache,
        name: spec.pipeline_run.to_string(),
        approved: spec.approved.into_iter().collect(),
        effects_done: spec.effects_done.into_iter().collect(),
        sample: None,
        until: None,
        parallel: std::thread::available_parallelism().map_or(2, usize::from).min(4),
    };
    let outcome = trainyard_pipeline::run(&run, listener)?;
    Ok((outcome.state, outcome.problem))
}
