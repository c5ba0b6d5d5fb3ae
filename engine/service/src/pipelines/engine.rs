//! What pipelines need of the program that runs their steps. The program brings it along: reading a document takes the
//! kinds of steps, and those take a query engine and a trainer.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt::Debug,
    path::{Path, PathBuf},
};
use trainyard_types::{
    Problem, Timestamp,
    pipeline::{Partitions, Pipeline, Schedule, ScheduleWords, StepField, StepKindView, StepPreview, Values},
};

/// A preview to be made.
#[derive(Clone, Debug)]
pub struct PreviewOrder {
    pub document: Pipeline,
    pub step: String,
    pub values: Values,
    /// Parquet files by `name` or `name@version`.
    pub datasets: BTreeMap<String, PathBuf>,
}

/// Reads documents and knows their words.
pub trait Engine: Debug + Send + Sync {
    /// # Errors
    /// The text is no document, or has faults; with lines.
    fn read(&self, text: &str) -> Result<Pipeline, Problem>;
    /// Reads a text without asking whether what it says makes sense.
    ///
    /// # Errors
    /// The text is no document; with the line.
    fn parse(&self, text: &str) -> Result<Pipeline, Problem>;
    /// Reads a document as a form has it, which may be incomplete.
    ///
    /// # Errors
    /// What can't be read, by field.
    fn of_form(&self, document: &Value) -> Result<Pipeline, Problem>;
    /// # Errors
    /// All faults of a document, by field.
    fn check(&self, document: &Pipeline) -> Result<(), Problem>;
    /// # Errors
    /// The document has no form in YAML.
    fn print(&self, document: &Pipeline) -> Result<String, Problem>;
    /// What was printed, with the comments of what a person wrote.
    fn carry_comments(&self, written: &str, printed: &str) -> String;
    /// # Errors
    /// The value has no form in YAML.
    fn print_value(&self, value: &Value) -> Result<String, Problem>;
    /// One setting that is written as YAML.
    ///
    /// # Errors
    /// The text is no YAML.
    fn setting(&self, text: &str) -> Result<Value, Problem>;
    /// What can be said of a pipeline as a whole, and of every step whatever its kind.
    fn fields(&self) -> (Vec<StepField>, Vec<StepField>);
    /// A schedule in words, with the ticks that come next.
    ///
    /// # Errors
    /// The schedule can't be read.
    fn words(&self, schedule: &Schedule, now: Timestamp) -> Result<ScheduleWords, Problem>;
    /// All kinds of steps.
    fn kinds(&self) -> Vec<StepKindView>;
    /// The JSON schema of documents.
    fn schema(&self) -> Value;
    /// Ticks after `last` up to `now` that are to be run, and the first one after `now`.
    ///
    /// # Errors
    /// The schedule can't be read.
    fn ticks(
        &self,
        schedule: &Schedule,
        last: Timestamp,
        now: Timestamp,
    ) -> Result<(Vec<Timestamp>, Option<Timestamp>), Problem>;
    /// The partitions that a tick is about.
    fn partitions_of(&self, partitions: &Partitions, tick: Timestamp) -> Vec<String>;
    /// All partitions that there are by now: times the newest first, names as they stand in the document.
    fn partitions(&self, partitions: &Partitions, now: Timestamp) -> Vec<String>;
    /// What a partition sets.
    ///
    /// # Errors
    /// There is no such partition.
    fn partition(&self, partitions: &Partitions, name: &str) -> Result<Values, Problem>;
    /// All partitions from one to another.
    ///
    /// # Errors
    /// One of them is none, or there are too many.
    fn range(&self, partitions: &Partitions, first: &str, last: &str) -> Result<Vec<String>, Problem>;
    /// The first rows of a step; takes its time.
    ///
    /// # Errors
    /// The step fails on the sample.
    fn preview(&self, order: &PreviewOrder, cache: &Path, spill: &Path) -> Result<StepPreview, Problem>;
}
