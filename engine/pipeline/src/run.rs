//! Runs a pipeline: each step as soon as what it needs is there, from the cache where nothing has changed.
//!
//! Waiting for a person, trying again from the step that failed and going on after a crash are the same thing: the
//! pipeline is run once more, and what is done is found in the cache.

use crate::{
    cache::{Cache, Kept},
    kind::{Made, Places, Registry, StepContext, StepKind, Stop, Taken},
    session::{Session, cannot_write, hash_file},
};
use serde_json::{Map, Value, json};
use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    fs,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;
use trainyard_data::Memory;
use trainyard_types::{
    Problem,
    job::LogLevel,
    pipeline::{
        Effect, EffectInput, Input, Output, Pipeline, PipelineEvent, PipelineRunState, Step, StepId, StepReport,
        StepState, Values, fill,
    },
};

/// Hears how a run goes, and stops it. Called by several threads.
pub trait Listener: Sync {
    fn event(&self, event: PipelineEvent);
    /// Asked often; `true` ends the run.
    fn cancelled(&self) -> bool;
}

/// What to run, and how.
pub struct Run<'a> {
    pub registry: &'a Registry,
    pub document: &'a Pipeline,
    /// Of all parameters, as `resolve` gives them.
    pub values: Values,
    pub places: Places,
    pub cache: Cache,
    /// For what does not fit the memory.
    pub spill: PathBuf,
    /// Bytes, for all steps together.
    pub memory_limit: u64,
    /// Of steps that train, together.
    pub training_memory: Memory,
    /// `false`: no result of another run is used.
    pub use_cache: bool,
    /// Names the run: what must not come from another run's results comes from those of the same name.
    pub name: String,
    pub approved: BTreeSet<StepId>,
    /// Steps whose effects are done.
    pub effects_done: BTreeSet<StepId>,
    /// In a preview: rows of each source at most.
    pub sample: Option<u64>,
    /// Only this step and what it needs.
    pub until: Option<&'a str>,
    /// Steps at the same time.
    pub parallel: usize,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub state: PipelineRunState,
    /// In the document's order.
    pub steps: Vec<StepReport>,
    /// The first step's that failed.
    pub problem: Option<Problem>,
}

struct Ended {
    at: usize,
    report: StepReport,
    effect: Option<Effect>,
}

/// Runs the pipeline on the calling thread and others. The document must have passed [`crate::check`].
///
/// # Errors
/// The machine refuses: no threads, no folder. What goes wrong in a step stands in the outcome.
pub fn run(run: &Run<'_>, listener: &dyn Listener) -> Result<Outcome, Problem> {
    // One thread more than can be busy: somebody has to look at the clock.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(run.parallel.max(1) + 1)
        .enable_all()
        .thread_stack_size(8 << 20)
        .build()
        .map_err(|error| Problem::internal(format!("The runtime could not start: {error}.")))?;
    fs::create_dir_all(&run.spill).map_err(|error| cannot_write(&run.spill, &error))?;
    let document = run.document;
    let wanted: BTreeSet<&str> = match run.until {
        Some(id) => {
            let mut wanted = trainyard_types::pipeline::upstream(document, id);
            wanted.extend(document.step(id).map(|step| step.id.as_str()));
            wanted
        }
        None => document.steps.iter().map(|step| step.id.as_str()).collect(),
    };
    let mut steps: Vec<StepReport> =
        document.steps.iter().map(|step| StepReport::pending(step.id.clone(), step.kind.clone())).collect();
    let mut pending: Vec<usize> = trainyard_types::pipeline::order(document);
    pending.retain(|&i| wanted.contains(document.steps[i].id.as_str()));
    let mut running = 0;
    let (send, receive) = mpsc::channel::<Ended>();
    thread::scope(|scope| -> Result<(), Problem> {
        loop {
            let cancelled = listener.cancelled();
            let mut i = 0;
            while i < pending.len() {
                let at = pending[i];
                let state_of = |id: &StepId| {
                    steps.iter().find(|report| report.id == *id).map_or(StepState::Failed, |report| report.state)
                };
                let needs: Vec<StepState> = document.steps[at].needs().map(state_of).collect();
                if cancelled {
                    end(listener, &mut steps, at, StepState::Cancelled);
                } else if needs
                    .iter()
                    .any(|state| matches!(state, StepState::Failed | StepState::Skipped | StepState::Cancelled))
                {
                    end(listener, &mut steps, at, StepState::Skipped);
                } else if needs.iter().all(|state| state.is_done()) && running < run.parallel.max(1) {
                    steps[at].state = StepState::Running;
                    running += 1;
                    let taken: BTreeMap<String, StepReport> = document.steps[at]
                        .needs()
                        .filter_map(|id| steps.iter().find(|report| report.id == *id))
                        .map(|report| (report.id.to_string(), report.clone()))
                        .collect();
                    let (send, runtime) = (send.clone(), &runtime);
                    thread::Builder::new()
                        .name(document.steps[at].id.to_string())
                        .stack_size(16 << 20)
                        .spawn_scoped(scope, move || {
                            let (report, effect) = guarded(run, at, &taken, runtime, listener);
                            let _ = send.send(Ended { at, report, effect });
                        })
                        .map_err(|error| Problem::internal(format!("No thread for a step: {error}.")))?;
                } else {
                    i += 1;
                    continue;
                }
                pending.remove(i);
                // What was decided may decide others that stand before.
                i = 0;
            }
            if running == 0 {
                return Ok(());
            }
            if let Ok(ended) = receive.recv_timeout(Duration::from_millis(100)) {
                running -= 1;
                listener.event(PipelineEvent::Step {
                    report: Box::new(ended.report.clone()),
                    effect: ended.effect.map(Box::new),
                });
                steps[ended.at] = ended.report;
            }
        }
    })?;
    // A query that was given up may still count; nobody waits for it.
    runtime.shutdown_background();
    let problem = steps.iter().find_map(|step| step.problem.clone());
    let any = |state: StepState| steps.iter().any(|step| step.state == state);
    let state = if any(StepState::Cancelled) || (problem.is_none() && listener.cancelled() && !pending.is_empty()) {
        PipelineRunState::Cancelled
    } else if any(StepState::Failed) {
        PipelineRunState::Failed
    } else if any(StepState::Waiting) {
        PipelineRunState::Waiting
    } else {
        PipelineRunState::Succeeded
    };
    Ok(Outcome { state, steps, problem })
}

fn end(listener: &dyn Listener, steps: &mut [StepReport], at: usize, state: StepState) {
    steps[at].state = state;
    listener.event(PipelineEvent::Step { report: Box::new(steps[at].clone()), effect: None });
}

/// A step that panics fails; the others go on.
fn guarded(
    run: &Run<'_>,
    at: usize,
    needs: &BTreeMap<String, StepReport>,
    runtime: &Runtime,
    listener: &dyn Listener,
) -> (StepReport, Option<Effect>) {
    let step = &run.document.steps[at];
    let started = Instant::now();
    let done = panic::catch_unwind(AssertUnwindSafe(|| tries(run, step, needs, runtime, listener)));
    let (mut report, effect) = done.unwrap_or_else(|payload| {
        let mut report = StepReport::pending(step.id.clone(), step.kind.clone());
        let problem = Problem::internal(format!("an error in the program: {}. Please report it.", words(&*payload)));
        fail(&mut report, step, problem);
        (report, None)
    });
    report.seconds = started.elapsed().as_secs_f64();
    (report, effect)
}

fn words(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

fn fail(report: &mut StepReport, step: &Step, mut problem: Problem) {
    problem.message = format!("Step '{}': {}", step.id, problem.message);
    report.state = StepState::Failed;
    report.problem = Some(problem);
}

fn tries(
    run: &Run<'_>,
    step: &Step,
    needs: &BTreeMap<String, StepReport>,
    runtime: &Runtime,
    listener: &dyn Listener,
) -> (StepReport, Option<Effect>) {
    let mut report = StepReport::pending(step.id.clone(), step.kind.clone());
    let log = |level: LogLevel, line: String| listener.event(PipelineEvent::Log { step: step.id.clone(), level, line });
    let most = 1 + step.retry.as_ref().map_or(0, |retry| retry.max_retries);
    for attempt in 1..=most {
        report.attempt = attempt;
        listener.event(PipelineEvent::Started { step: step.id.clone(), attempt });
        let stop = match once(run, step, needs, runtime, listener, &log, &mut report) {
            Ok(effect) => return (report, effect),
            Err(stop) => stop,
        };
        let problem = match stop {
            Stop::Cancelled => {
                report.state = StepState::Cancelled;
                return (report, None);
            }
            Stop::Waiting => {
                report.state = StepState::Waiting;
                return (report, None);
            }
            Stop::TimedOut => Problem::invalid(format!(
                "it took longer than its {} seconds. Raise 'timeout_seconds' or give it less to do.",
                step.timeout_seconds.unwrap_or_default()
            )),
            Stop::Problem(problem) => problem,
        };
        let Some(retry) = step.retry.as_ref().filter(|_| attempt < most) else {
            log(LogLevel::Error, problem.message.clone());
            fail(&mut report, step, problem);
            return (report, None);
        };
        let chance = f64::from(blake3::hash(format!("{}{attempt}", run.name).as_bytes()).as_bytes()[0]) / 255.0;
        let wait = retry.wait(attempt, chance);
        log(LogLevel::Warning, format!("{} Try {} of {most} follows in {wait:.1} s.", problem.message, attempt + 1));
        let until = Instant::now() + Duration::from_secs_f64(wait);
        while Instant::now() < until {
            if listener.cancelled() {
                report.state = StepState::Cancelled;
                return (report, None);
            }
            thread::sleep(Duration::from_millis(50).min(until.saturating_duration_since(Instant::now())));
        }
    }
    (report, None)
}

fn once(
    run: &Run<'_>,
    step: &Step,
    needs: &BTreeMap<String, StepReport>,
    runtime: &Runtime,
    listener: &dyn Listener,
    log: &(dyn Fn(LogLevel, String) + Sync),
    report: &mut StepReport,
) -> Result<Option<Effect>, Stop> {
    let kind = run
        .registry
        .get(&step.kind)
        .ok_or_else(|| Problem::invalid(format!("there is no type of step '{}'.", step.kind)))?;
    let about = kind.about();
    let with = fill(&step.with, &run.values, about.sql);
    let inputs: Vec<Taken> = step.input.iter().map(|input| taken(run, input, needs)).collect::<Result<_, Problem>>()?;
    report.rows_in = inputs.iter().map(|input| input.rows).sum();
    let aside = run.cache.aside()?;
    let share = run.memory_limit / run.parallel.max(1) as u64;
    let mut context = StepContext {
        id: step.id.as_str(),
        with: &with,
        inputs,
        session: Session::new(share, &run.spill)?,
        // Reading a file can do with no less.
        memory: Memory::new(share.max(Memory::LEAST))?,
        training_memory: run.training_memory.among(u32::try_from(run.parallel).unwrap_or(u32::MAX)),
        folder: aside.path().to_owned(),
        places: &run.places,
        sample: run.sample,
        approved: run.approved.contains(&step.id),
        runtime: runtime.handle().clone(),
        deadline: step.timeout_seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.into())),
        cancelled: &|| listener.cancelled(),
        log,
    };
    let own =
        if run.use_cache && step.cache && kind.cacheable(&with) { Value::Null } else { json!([run.name, step.id]) };
    let parts = json!([
        about.kind,
        about.version,
        with,
        sources(&context.inputs),
        kind.fingerprint(&context)?,
        run.sample,
        own
    ]);
    let key = Cache::key(&parts);
    if let Some(kept) = run.cache.get(&key).filter(|kept| kind.holds(&context, &kept.facts)) {
        report.cached = true;
        report.state = StepState::Cached;
        let effect = effect(run, step, &with, &context.inputs, &kept);
        describe(report, kept);
        return Ok(effect);
    }
    let made = kind.run(&mut context)?;
    if let Some(stop) = context.stop().filter(|stop| *stop == Stop::Cancelled) {
        return Err(stop);
    }
    let inputs = std::mem::take(&mut context.inputs);
    drop(context);
    let made = kept(made, aside.path())?;
    let kept = run.cache.put(&key, aside, made)?;
    report.state = StepState::Succeeded;
    let effect = effect(run, step, &with, &inputs, &kept);
    describe(report, kept);
    Ok(effect)
}

fn sources(inputs: &[Taken]) -> Value {
    inputs.iter().map(|input| json!([input.table, input.hash])).collect()
}

fn taken(run: &Run<'_>, input: &Input, needs: &BTreeMap<String, StepReport>) -> Result<Taken, Problem> {
    let report = needs.get(input.step.as_str());
    let outputs = report.map_or(&[][..], |report| &report.outputs);
    let output = outputs.iter().find(|output| output.part == input.part).ok_or_else(|| {
        let parts: Vec<String> = outputs
            .iter()
            .map(|o| if o.part.is_empty() { input.step.to_string() } else { format!("{}.{}", input.step, o.part) })
            .collect();
        let there = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
        Problem::invalid(format!("there is no '{input}' to take: the step '{}' gives {there}.", input.step))
    })?;
    Ok(Taken {
        name: input.to_string(),
        table: input.table(),
        path: run.cache.path(output),
        hash: output.hash.clone(),
        rows: output.rows,
        columns: output.columns.clone(),
        facts: report.map(|report| report.facts.clone()).unwrap_or_default(),
    })
}

fn kept(made: Made, folder: &std::path::Path) -> Result<Kept, Problem> {
    let Made { tables, files, facts, lineage, effect } = made;
    let mut outputs: Vec<Output> = tables
        .into_iter()
        .map(|(part, path, written)| Output {
            part,
            path,
            hash: written.hash,
            bytes: written.bytes,
            rows: Some(written.rows),
            columns: written.columns,
        })
        .collect();
    for (part, path) in files {
        let (bytes, hash) = hash_file(&folder.join(&path))?;
        outputs.push(Output { part, path, hash, bytes, rows: None, columns: Vec::new() });
    }
    Ok(Kept { outputs, facts, lineage, effect })
}

fn describe(report: &mut StepReport, kept: Kept) {
    report.rows = kept.outputs.iter().find(|output| output.part.is_empty()).and_then(|output| output.rows);
    report.outputs = kept.outputs;
    report.facts = kept.facts;
    report.lineage = kept.lineage;
}

fn effect(run: &Run<'_>, step: &Step, with: &Map<String, Value>, inputs: &[Taken], kept: &Kept) -> Option<Effect> {
    if !kept.effect || run.effects_done.contains(&step.id) {
        return None;
    }
    let inputs = inputs
        .iter()
        .map(|input| EffectInput {
            name: input.name.clone(),
            path: input.path.to_string_lossy().into_owned(),
            rows: input.rows,
        })
        .collect();
    Some(Effect { kind: step.kind.clone(), with: Value::Object(with.clone()), inputs })
}

/// Whether a kind fits a step; used by [`crate::check`].
pub(crate) fn fits(kind: &dyn StepKind, step: &Step, values: &Values) -> Result<(), Problem> {
    let about = kind.about();
    kind.check(&fill(&step.with, values, about.sql))
}
