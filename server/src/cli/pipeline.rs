//! `pipeline`: documents run, checked and looked into without a server.

use super::{Out, size};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Mutex,
    time::Duration,
};
use trainyard_data::Memory;
use trainyard_pipeline::{Listener, Outcome, Run, cache::Cache, kind::Places};
use trainyard_types::{
    Problem,
    job::LogLevel,
    pipeline::{Pipeline, PipelineEvent, PipelineRunState, StepId, StepReport, StepState, Values, resolve},
};
use trainyard_worker::pipeline::registry;

#[derive(Subcommand)]
pub(super) enum PipelineVerb {
    /// Run a pipeline; what has not changed since the last run comes from the cache
    #[command(after_help = "Example:\n  trainyard pipeline run adult.yaml --param country=CH --out results --json")]
    Run(RunArgs),
    /// Check a document without running it
    #[command(after_help = "Example:\n  trainyard pipeline validate adult.yaml")]
    Validate(DocumentArgs),
    /// Show the first rows of a step, made from the first rows of each source
    #[command(after_help = "Example:\n  trainyard pipeline preview adult.yaml --step joined")]
    Preview(PreviewArgs),
    /// Print the JSON schema of documents, for editors
    #[command(after_help = "Example:\n  trainyard pipeline schema > pipeline.schema.json")]
    Schema,
}

#[derive(Args)]
pub(super) struct DocumentArgs {
    /// YAML or JSON document; files that it names are relative to it
    #[arg(value_name = "FILE.yaml")]
    document: PathBuf,
}

#[derive(Args)]
struct ParameterArgs {
    /// Set a parameter; may be given several times
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// The partition to work on, where the pipeline has partitions
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Folder that files to read are named in [default: the document's folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder of the results that are kept from run to run [default: trainyard/pipelines in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    document: DocumentArgs,
    #[command(flatten)]
    parameters: ParameterArgs,
    /// Folder for written files and trained models [default: the document's folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Do every step anew
    #[arg(long)]
    no_cache: bool,
    /// Approve this step; may be given several times
    #[arg(long, value_name = "STEP")]
    approve: Vec<String>,
    /// Memory for queries, such as 512M or 2G; what needs more goes to the disk
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = memory)]
    memory_limit: u64,
    /// Memory for steps that train, together, such as 4G; larger tables are trained in a stream [default: half of the
    /// machine's memory]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    training_memory: Option<u64>,
    /// Steps at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
}

/// Memory that a query can work with.
fn memory(text: &str) -> Result<u64, String> {
    let size = size(text)?;
    if size >= 64 << 20 { Ok(size) } else { Err("At least 64M are needed.".into()) }
}

#[derive(Args)]
pub(super) struct PreviewArgs {
    #[command(flatten)]
    document: DocumentArgs,
    #[command(flatten)]
    parameters: ParameterArgs,
    /// The step to show
    #[arg(long, value_name = "ID")]
    step: String,
}

pub(super) fn pipeline(verb: PipelineVerb, out: Out) -> Result<ExitCode, Problem> {
    match verb {
        PipelineVerb::Run(args) => run(args, out),
        PipelineVerb::Validate(args) => {
            let document = read(&args.document)?;
            let answer = json!({ "valid": true, "name": document.name, "steps": document.steps.len() });
            out.show(&answer, || format!("'{}' is in order: {} steps.", document.name, document.steps.len()))
        }
        PipelineVerb::Preview(args) => preview(args, out),
        PipelineVerb::Schema => {
            let schema = trainyard_pipeline::schema::schema(&registry());
            out.show(&schema, || serde_json::to_string_pretty(&schema).unwrap_or_default())
        }
    }
}

fn read(path: &Path) -> Result<Pipeline, Problem> {
    let text = fs::read_to_string(path)
        .map_err(|error| Problem::not_found(format!("{} can't be read: {error}. Check the path.", path.display())))?;
    trainyard_pipeline::read(&text, &registry()).map_err(|mut problem| {
        for fault in problem.fields.iter().skip(1) {
            problem.message.push_str(&format!("\n  {}", fault.message));
        }
        problem
    })
}

fn values(document: &Pipeline, args: &ParameterArgs) -> Result<Values, Problem> {
    let mut given = Values::new();
    for text in &args.parameters {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Problem::field("param", format!("'{text}' sets nothing. Write it as --param NAME=VALUE."))
        })?;
        let kind = document.parameters.get(name).map(|parameter| parameter.kind).unwrap_or_default();
        let value = kind.read(value).map_err(|message| Problem::field(format!("param.{name}"), message))?;
        given.insert(name.to_owned(), value);
    }
    match (&document.partitions, &args.partition) {
        (Some(partitions), Some(name)) => given.extend(trainyard_pipeline::partitions::values(partitions, name)?),
        (None, Some(_)) => {
            return Err(Problem::field("partition", "The pipeline has no partitions. Leave --partition out."));
        }
        (Some(_), None) => {
            return Err(Problem::field("partition", "The pipeline works on one partition: name it with --partition."));
        }
        (None, None) => {}
    }
    resolve(document, &given)
}

fn cache_folder(args: &ParameterArgs) -> PathBuf {
    let user = || {
        let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or(home)
    };
    args.cache.clone().unwrap_or_else(|| user().unwrap_or_else(env::temp_dir).join("trainyard").join("pipelines"))
}

fn base(document: &Path, args: &ParameterArgs) -> PathBuf {
    if let Some(folder) = &args.data {
        return folder.clone();
    }
    folder(document)
}

fn folder(document: &Path) -> PathBuf {
    match document.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Results that were not used for so long go when a pipeline is run.
const KEEP: Duration = Duration::from_secs(30 * 86_400);

fn run(args: RunArgs, out: Out) -> Result<ExitCode, Problem> {
    let document = read(&args.document.document)?;
    let values = values(&document, &args.parameters)?;
    let cache = Cache::open(&cache_folder(&args.parameters))?;
    cache.prune(KEEP);
    let spill = tempfile::tempdir().map_err(|error| Problem::internal(format!("No temporary folder: {error}.")))?;
    let base = base(&args.document.document, &args.parameters);
    let written = args.out.clone().unwrap_or_else(|| folder(&args.document.document));
    let approved = args
        .approve
        .iter()
        .map(|id| {
            StepId::parse(id)
                .ok()
                .filter(|id| document.step(id.as_str()).is_some())
                .ok_or_else(|| Problem::field("approve", format!("There is no step '{id}' to approve.")))
        })
        .collect::<Result<_, _>>()?;
    let registry = registry();
    let run = Run {
        registry: &registry,
        document: &document,
        values,
        places: Places { base: Some(base), out: Some(written.clone()), datasets: BTreeMap::new() },
        cache: cache.clone(),
        spill: spill.path().to_owned(),
        memory_limit: args.memory_limit,
        training_memory: args.training_memory.map_or_else(|| Ok(Memory::for_training()), Memory::new)?,
        use_cache: !args.no_cache,
        name: unique(),
        approved,
        effects_done: Default::default(),
        sample: None,
        until: None,
        parallel: args.parallel.into(),
    };
    let terminal =
        Terminal { width: width(&document), quiet: out.json && !io::stderr().is_terminal(), line: Mutex::new(()) };
    let outcome = trainyard_pipeline::run(&run, &terminal)?;
    let outputs = models(&cache, &outcome, &written)?;
    let answer = answer(&outcome, &outputs);
    out.show(&answer, || in_words(&outcome, &outputs))?;
    if let Some(problem) = &outcome.problem {
        out.fault(problem);
    }
    Ok(if outcome.state == PipelineRunState::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A name that no other run has.
fn unique() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", std::process::id(), now.as_nanos())
}

/// Puts trained models beside the other results, each into a folder named as its step, as 'trainyard train' does.
fn models(cache: &Cache, outcome: &Outcome, out: &Path) -> Result<BTreeMap<String, String>, Problem> {
    let mut outputs = BTreeMap::new();
    for step in outcome.steps.iter().filter(|step| step.state.is_done()) {
        if let Some(file) = step.facts.get("file").and_then(Value::as_str).filter(|_| step.kind == "write_out") {
            outputs.insert(step.id.to_string(), file.to_owned());
        }
        if step.kind != "train" {
            continue;
        }
        let folder = out.join(step.id.as_str());
        let failed = |error: io::Error| Problem::internal(format!("{} can't be written: {error}.", folder.display()));
        fs::create_dir_all(&folder).map_err(failed)?;
        for output in &step.outputs {
            let from = cache.path(output);
            let name = from.file_name().unwrap_or_default();
            let part = folder.join(format!(".{}.part", name.to_string_lossy()));
            fs::copy(&from, &part).map_err(failed)?;
            fs::rename(&part, folder.join(name)).map_err(failed)?;
        }
        outputs.insert(step.id.to_string(), folder.to_string_lossy().into_owned());
    }
    Ok(outputs)
}

fn answer(outcome: &Outcome, outputs: &BTreeMap<String, String>) -> Value {
    let steps: Vec<Value> = outcome
        .steps
        .iter()
        .map(|step| {
            json!({
                "id": step.id,
                "type": step.kind,
                "state": step.state,
                "rows_in": step.rows_in,
                "rows": step.rows,
                "seconds": step.seconds,
                "cached": step.cached,
                "attempts": step.attempt,
                "columns": step.outputs.first().map(|output| &output.columns),
                "facts": step.facts,
                "lineage": step.lineage,
                "problem": step.problem,
            })
        })
        .collect();
    json!({ "state": outcome.state, "steps": steps, "outputs": outputs, "problem": outcome.problem })
}

fn width(document: &Pipeline) -> usize {
    document.steps.iter().map(|step| step.id.as_str().len()).max().unwrap_or(4)
}

fn in_words(outcome: &Outcome, outputs: &BTreeMap<String, String>) -> String {
    let cached = outcome.steps.iter().filter(|step| step.state == StepState::Cached).count();
    let done = outcome.steps.iter().filter(|step| step.state.is_done()).count();
    let mut text = format!(
        "{}: {done} of {} steps done, {cached} of them from the cache.",
        match outcome.state {
            PipelineRunState::Succeeded => "Succeeded",
            PipelineRunState::Waiting => "Waiting for approval",
            PipelineRunState::Cancelled => "Cancelled",
            _ => "Failed",
        },
        outcome.steps.len()
    );
    for step in outcome.steps.iter().filter(|step| step.state == StepState::Waiting) {
        text.push_str(&format!("\nStep '{0}' waits for approval: run again with --approve {0}.", step.id));
    }
    for (step, path) in outputs {
        text.push_str(&format!("\n{step}: {path}"));
    }
    text
}

fn preview(args: PreviewArgs, out: Out) -> Result<ExitCode, Problem> {
    let document = read(&args.document.document)?;
    let values = values(&document, &args.parameters)?;
    let spill = tempfile::tempdir().map_err(|error| Problem::internal(format!("No temporary folder: {error}.")))?;
    let places = Places { base: Some(base(&args.document.document, &args.parameters)), ..Places::default() };
    let cache = cache_folder(&args.parameters);
    let preview =
        trainyard_pipeline::preview::step(&registry(), &document, &args.step, values, places, &cache, spill.path())?;
    out.show(&preview, || {
        let mut lines = vec![preview.rows.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join("\t")];
        for row in preview.rows.rows.iter().take(20) {
            lines
                .push(row.iter().map(|value| value.as_deref().unwrap_or("").to_owned()).collect::<Vec<_>>().join("\t"));
        }
        lines.push(format!("{} rows from the first {} of each source.", preview.rows.total, preview.sampled));
        lines.extend(preview.note.clone());
        lines.join("\n")
    })
}

/// Says on standard error how the steps go.
struct Terminal {
    width: usize,
    quiet: bool,
    /// Lines of several threads don't mix.
    line: Mutex<()>,
}

impl Terminal {
    fn say(&self, text: &str) {
        let _held = self.line.lock();
        let _ = writeln!(io::stderr(), "{text}");
    }
}

impl Listener for Terminal {
    fn event(&self, event: PipelineEvent) {
        if self.quiet {
            return;
        }
        let width = self.width;
        match event {
            PipelineEvent::Started { step, attempt: 1 } => {
                self.say(&format!("{step:width$}  started", step = step.as_str()))
            }
            PipelineEvent::Started { step, attempt } => {
                self.say(&format!("{step:width$}  started, try {attempt}", step = step.as_str()));
            }
            PipelineEvent::Log { step, level, line } => {
                let mark = match level {
                    LogLevel::Info => "",
                    LogLevel::Warning => "warning: ",
                    LogLevel::Error => "error: ",
                };
                self.say(&format!("{step:width$}  | {mark}{line}", step = step.as_str()));
            }
            PipelineEvent::Step { report, .. } => self.say(&ended(&report, width)),
            PipelineEvent::Ended { .. } => {}
        }
    }
    fn cancelled(&self) -> bool {
        false
    }
}

fn ended(report: &StepReport, width: usize) -> String {
    let rows = match (report.rows_in, report.rows) {
        (Some(from), Some(to)) if from != to && from > 0 => format!(", {from} -> {to} rows"),
        (_, Some(rows)) => format!(", {rows} rows"),
        _ => String::new(),
    };
    let seconds = if matches!(report.state, StepState::Succeeded | StepState::Failed) {
        format!(", {:.2} s", report.seconds)
    } else {
        String::new()
    };
    format!("{:width$}  {}{rows}{seconds}", report.id.as_str(), report.state.as_str())
}
