//! Kinds of steps. The list is open: whoever has a kind registers it, and neither the runner nor the form nor the schema
//! has to be changed.

use crate::session::{Session, Written};
use datafusion::common::ScalarValue;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use tokio::runtime::Handle;
use trainyard_data::Memory;
use trainyard_types::{
    FieldProblem, Problem,
    dataset::ColumnSchema,
    job::LogLevel,
    pipeline::{StepKindView, StepReport},
};

/// What a kind is.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// As in YAML.
    pub kind: &'static str,
    pub title: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Under which the form lists it.
    pub group: &'static str,
    /// Fewest and most inputs.
    pub inputs: (u32, u32),
    /// Grows when the same settings give another result: older results in the cache are then not used.
    pub version: u32,
    /// Settings whose texts are SQL.
    pub sql: &'static [&'static str],
}

/// A kind of step.
pub trait StepKind: Send + Sync {
    fn about(&self) -> About;
    /// The schema of its settings.
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;
    /// What other steps can take of it: empty for its table, else the part.
    fn gives(&self) -> &'static [&'static str] {
        &[""]
    }
    /// Whether the settings can be read, parameters aside.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem>;
    /// What besides its settings and its inputs decides the result: the content of a file that it reads.
    ///
    /// # Errors
    /// It can't be found out.
    fn fingerprint(&self, _step: &StepContext<'_>) -> Result<String, Problem> {
        Ok(String::new())
    }
    /// Whether results may be kept from run to run.
    fn cacheable(&self, _with: &Map<String, Value>) -> bool {
        true
    }
    /// Whether what an earlier run left outside the cache is still there, so that its result can stand.
    fn holds(&self, _step: &StepContext<'_>, _facts: &BTreeMap<String, Value>) -> bool {
        true
    }
    /// Does the step on the thread that calls it.
    ///
    /// # Errors
    /// Why there is no result.
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop>;
}

/// Why a step has no result.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    Cancelled,
    TimedOut,
    /// A person has to approve first.
    Waiting,
    Problem(Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Stop::Problem(problem)
    }
}

/// What a step made in its folder.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub tables: Vec<(String, String, Written)>,
    /// Files besides tables: part and name.
    pub files: Vec<(String, String)>,
    pub facts: BTreeMap<String, Value>,
    pub lineage: BTreeMap<String, Vec<String>>,
    /// The store or a person has to act before the step is done.
    pub effect: bool,
}

impl Made {
    /// One table.
    pub fn table(file: &str, written: Written) -> Self {
        Self { tables: vec![(String::new(), file.to_owned(), written)], ..Self::default() }
    }
}

/// A table or file that a step takes.
#[derive(Clone, Debug)]
pub struct Taken {
    /// As written: `people`, `parts.train`.
    pub name: String,
    /// In SQL: `people`, `parts_train`.
    pub table: String,
    pub path: PathBuf,
    pub hash: String,
    pub rows: Option<u64>,
    pub columns: Vec<ColumnSchema>,
    /// What the step that made it says of it.
    pub facts: BTreeMap<String, Value>,
}

impl Taken {
    /// The table's column of that name.
    ///
    /// # Errors
    /// There is none; the message lists those there are.
    pub fn need(&self, name: &str) -> Result<&ColumnSchema, Problem> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).take(20).collect();
            let more = if self.columns.len() > 20 { " …" } else { "" };
            Problem::invalid(format!(
                "'{}' has no column '{name}'. Its columns are {}{more}.",
                self.name,
                known.join(", ")
            ))
        })
    }
}

/// Where the files of a run lie.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// What relative paths of the document are relative to; `None` where files can't be named (on the server).
    pub base: Option<PathBuf>,
    /// Where `write_out` may write; `None` where it can't.
    pub out: Option<PathBuf>,
    /// Parquet files of data sets, by `name` or `name@version`.
    pub datasets: BTreeMap<String, PathBuf>,
}

/// All that a step may use.
pub struct StepContext<'a> {
    pub id: &'a str,
    /// Settings, with parameters filled in.
    pub with: &'a Map<String, Value>,
    pub inputs: Vec<Taken>,
    pub session: Session,
    /// For reading a file and describing a table.
    pub memory: Memory,
    /// For training; larger tables are trained in a stream.
    pub training_memory: Memory,
    /// An empty folder of its own, for its results.
    pub folder: PathBuf,
    pub places: &'a Places,
    /// In a preview: rows of each source at most.
    pub sample: Option<u64>,
    /// Whether a person has approved this step.
    pub approved: bool,
    pub(crate) runtime: Handle,
    pub(crate) deadline: Option<Instant>,
    pub(crate) cancelled: &'a (dyn Fn() -> bool + Sync),
    pub(crate) log: &'a (dyn Fn(LogLevel, String) + Sync),
}

impl StepContext<'_> {
    pub fn log(&self, line: impl Into<String>) {
        (self.log)(LogLevel::Info, line.into());
    }

    pub fn warn(&self, line: impl Into<String>) {
        (self.log)(LogLevel::Warning, line.into());
    }

    /// Whether the step has to end now.
    pub fn stop(&self) -> Option<Stop> {
        if (self.cancelled)() {
            Some(Stop::Cancelled)
        } else if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            Some(Stop::TimedOut)
        } else {
            None
        }
    }

    /// Waits for work that is asynchronous, and gives it up where the step has to end.
    ///
    /// # Errors
    /// As the work, or the step has to end.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Stop> {
        self.runtime.block_on(async {
            tokio::pin!(work);
            let mut tick = tokio::time::interval(std::time::Duration::from_millis(50));
            loop {
                tokio::select! {
                    done = &mut work => return done.map_err(Stop::Problem),
                    _ = tick.tick() => if let Some(stop) = self.stop() { return Err(stop) },
                }
            }
        })
    }

    /// The settings as a type.
    ///
    /// # Errors
    /// They don't fit.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        read(self.with)
    }

    /// The first input.
    ///
    /// # Errors
    /// There is none.
    pub fn input(&self) -> Result<&Taken, Problem> {
        self.inputs.first().ok_or_else(|| Problem::invalid("The step takes nothing. Name a step with 'input'."))
    }
}

/// A kind whose work is one query over its inputs.
pub trait Query: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    const ABOUT: About;
    /// What is wrong with the settings by themselves.
    ///
    /// # Errors
    /// In words.
    fn check(&self) -> Result<(), Problem> {
        Ok(())
    }
    /// The query; what the data have to be asked for it is asked by `ask`.
    ///
    /// # Errors
    /// The settings don't fit the inputs.
    fn sql(self, inputs: &[Taken], ask: &mut Ask<'_>) -> Result<String, Stop>;
}

/// Answers small queries over a step's inputs.
pub type Ask<'a> = dyn FnMut(&str) -> Result<Vec<Vec<ScalarValue>>, Stop> + 'a;

/// A [`Query`] as a kind.
pub struct Queried<T>(PhantomData<fn() -> T>);

impl<T> Default for Queried<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// The table's file in a step's folder.
pub const TABLE: &str = "table.parquet";

impl<T: Query> StepKind for Queried<T> {
    fn about(&self) -> About {
        T::ABOUT
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.root_schema_for::<T>()
    }
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
        read::<T>(with)?.check()
    }
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        let settings: T = step.settings()?;
        settings.check()?;
        for input in &step.inputs {
            step.wait(step.session.register(&input.table, &input.path))?;
        }
        let sql = settings.sql(&step.inputs, &mut |text: &str| step.wait(step.session.values(text)))?;
        let plan = step.wait(step.session.query(&sql))?;
        let lineage = crate::lineage::of(plan.logical_plan());
        let written = step.wait(step.session.write(plan, &step.folder.join(TABLE), None))?;
        let mut made = Made::table(TABLE, written);
        made.lineage = lineage;
        made.facts.insert("sql".into(), sql.into());
        Ok(made)
    }
}

/// Settings as a type; the message says what does not fit.
///
/// # Errors
/// They don't fit.
pub fn read<T: DeserializeOwned>(with: &Map<String, Value>) -> Result<T, Problem> {
    serde_json::from_value(Value::Object(with.clone())).map_err(|error| {
        let text = error.to_string();
        let mut problem = Problem::invalid(format!("{}.", text.trim_end_matches('.')));
        if let Some((field, _)) = crate::form::blame::<T>(with).filter(|(field, _)| !field.is_empty()) {
            problem.fields.push(FieldProblem { field, message: problem.message.clone() });
        }
        problem
    })
}

/// All kinds that can be used.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Arc<dyn StepKind>>,
}

impl Registry {
    /// Adds a kind; one of the same name is replaced.
    pub fn register(&mut self, kind: impl StepKind + 'static) -> &mut Self {
        self.kinds.insert(kind.about().kind, Arc::new(kind));
        self
    }

    pub fn get(&self, kind: &str) -> Option<&Arc<dyn StepKind>> {
        self.kinds.get(kind)
    }

    /// Names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.keys().copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn StepKind>> {
        self.kinds.values()
    }

    /// All kinds as the form shows them.
    pub fn views(&self) -> Vec<StepKindView> {
        self.iter().map(|kind| crate::form::view(kind.as_ref())).collect()
    }
}

/// A generator that writes every type where it is used.
pub(crate) fn inline() -> SchemaGenerator {
    SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator()
}

/// Reports of steps by name.
pub type Reports = BTreeMap<String, StepReport>;

/// Whether a file's name stays within the folder that it is relative to.
///
/// # Errors
/// It is absolute or leads out by `..`.
pub fn within(file: &str) -> Result<(), Problem> {
    use std::path::Component;
    let stays = Path::new(file).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if stays && !file.trim().is_empty() {
        return Ok(());
    }
    let shown: String = file.chars().take(120).collect();
    Err(Problem::invalid(format!(
        "'{shown}' leads out of the folder that files are named in. Name a file below the document's folder, or choose \
         another folder with --data (to read) and --out (to write)."
    )))
}

/// A path within the folder that the document may name files under.
///
/// # Errors
/// Files can't be named here, or this one leads out of the folder.
pub fn file_of(base: Option<&Path>, file: &str) -> Result<PathBuf, Problem> {
    let Some(base) = base else {
        return Err(Problem::invalid(
            "Files can't be read here: name a data set of the project with 'dataset' instead of 'file'.",
        ));
    };
    within(file)?;
    Ok(base.join(file))
}
