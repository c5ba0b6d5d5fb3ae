//! What a step gives, on the first rows of each source.

use crate::{Listener, Registry, Run, cache::Cache, kind::Places, run};
use std::{collections::BTreeSet, path::Path, time::Instant};
use trainyard_data::Memory;
use trainyard_types::{
    Problem,
    pipeline::{Pipeline, PipelineEvent, StepPreview, Values},
};

/// Rows of each source that a preview looks at.
pub const SAMPLE: u64 = 2_000;
/// Rows shown at most.
pub const SHOWN: u64 = 50;
/// Kinds that take longer than a person waits.
const SLOW: [&str; 3] = ["train", "evaluate", "register"];

struct Silent;

impl Listener for Silent {
    fn event(&self, _: PipelineEvent) {}
    fn cancelled(&self) -> bool {
        false
    }
}

/// Runs the steps that `id` needs, and it, on the first [`SAMPLE`] rows of each source. `cache` keeps what was made, so that
/// the next preview makes only what has changed.
///
/// # Errors
/// There is no such step, it trains, or a step fails on the sample.
pub fn step(
    registry: &Registry,
    document: &Pipeline,
    id: &str,
    values: Values,
    places: Places,
    cache: &Path,
    spill: &Path,
) -> Result<StepPreview, Problem> {
    let started = Instant::now();
    let wanted = document
        .step(id)
        .ok_or_else(|| Problem::not_found(format!("There is no step '{id}'. Choose one of the document's steps.")))?;
    let mut all = trainyard_types::pipeline::upstream(document, id);
    all.insert(id);
    if let Some(slow) = document.steps.iter().find(|s| all.contains(s.id.as_str()) && SLOW.contains(&s.kind.as_str())) {
        return Err(Problem::invalid(format!(
            "The step '{}' is of type '{}', which a preview leaves out. Preview a step before it.",
            slow.id, slow.kind
        )));
    }
    let run_it = Run {
        registry,
        document,
        values,
        places,
        cache: Cache::open(cache)?,
        spill: spill.to_owned(),
        memory_limit: 512 << 20,
        // Nothing is trained in a preview.
        training_memory: Memory::default(),
        use_cache: true,
        name: "preview".into(),
        approved: BTreeSet::new(),
        effects_done: BTreeSet::new(),
        sample: Some(SAMPLE),
        until: Some(id),
        parallel: 2,
    };
    let outcome = run::run(&run_it, &Silent)?;
    if let Some(problem) = outcome.problem {
        return Err(problem);
    }
    let report = outcome
        .steps
        .into_iter()
        .find(|report| report.id == wanted.id && report.state.is_done())
        .ok_or_else(|| Problem::internal("The preview did not get to the step."))?;
    let Some(table) = report.outputs.iter().find(|output| output.rows.is_some()) else {
        return Err(Problem::invalid(format!("The step '{id}' gives no table. Preview a step before it.")));
    };
    let rows = trainyard_data::rows(&run_it.cache.path(table), 0, SHOWN)?;
    let several = all.len() > 2 && document.steps.iter().any(|s| all.contains(s.id.as_str()) && s.input.len() > 1);
    Ok(StepPreview {
        step: wanted.id.clone(),
        rows,
        sampled: SAMPLE,
        seconds: started.elapsed().as_secs_f64(),
        lineage: report.lineage,
        note: several
            .then(|| "Made of the first rows of each source: a join may find fewer partners than in a run.".to_owned()),
    })
}
