//! Where tables come from.

use crate::{
    kind::{About, Made, StepContext, StepKind, Stop, TABLE, file_of, read, within},
    session::{Written, hash_file},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use trainyard_types::{
    Problem,
    dataset::{BadRows, ColumnSchema, FileFormat},
};

/// Where a table comes from.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// A CSV, TSV, JSON Lines or Parquet file, relative to the document. On the command line only.
    #[serde(default)]
    #[schemars(extend("x-names" = "files"))]
    file: Option<String>,
    /// Or: a data set of the project, its newest version, or one of them as NAME@3. On the server only.
    #[serde(default)]
    #[schemars(extend("x-names" = "datasets"))]
    dataset: Option<String>,
    /// Rows that can't be read as typed: refuse the file, or skip and count them.
    #[serde(default)]
    bad_rows: Bad,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Bad {
    #[default]
    Refuse,
    Skip,
}

/// The kind `source`.
pub struct Source;

impl Settings {
    fn path(&self, step: &StepContext<'_>) -> Result<PathBuf, Problem> {
        match (&self.file, &self.dataset) {
            (Some(file), None) => file_of(step.places.base.as_deref(), file),
            (None, Some(name)) => step.places.datasets.get(name).cloned().ok_or_else(|| {
                Problem::not_found(format!(
                    "There is no data set '{name}' here. On the command line, name a file with 'file'; on the server, a \
                     data set of the project."
                ))
            }),
            _ => Err(one_of()),
        }
    }
}

fn one_of() -> Problem {
    Problem::invalid("Say either 'file' or 'dataset'.")
}

/// The data sets that a document's sources name.
pub fn dataset_of(with: &Map<String, Value>) -> Option<&str> {
    with.get("dataset").and_then(Value::as_str)
}

impl StepKind for Source {
    fn about(&self) -> About {
        About {
            kind: "source",
            title: "Source",
            help: "Reads a data set of the project, or a file on the command line.",
            group: "Data",
            inputs: (0, 0),
            version: 1,
            sql: &[],
        }
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.root_schema_for::<Settings>()
    }
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
        let settings: Settings = read(with)?;
        match (&settings.file, &settings.dataset) {
            (Some(file), None) => within(file),
            (None, Some(_)) => Ok(()),
            _ => Err(one_of()),
        }
    }
    fn fingerprint(&self, step: &StepContext<'_>) -> Result<String, Problem> {
        let settings: Settings = read(step.with)?;
        Ok(hash_file(&settings.path(step)?)?.1)
    }
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        let settings: Settings = step.settings()?;
        let path = settings.path(step)?;
        let dest = step.folder.join(TABLE);
        if settings.dataset.is_some() {
            return stored(step, &path, &dest);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let options = trainyard_data::inspect(&path, &name)?.options;
        let bad = match (settings.bad_rows, step.sample) {
            (Bad::Refuse, None) => BadRows::Refuse,
            _ => BadRows::Skip,
        };
        let head = match (step.sample, options.format) {
            (Some(rows), FileFormat::Csv | FileFormat::JsonLines) => Some(head_of(&path, rows)?),
            _ => None,
        };
        let read_from = head.as_ref().map_or(path.as_path(), tempfile::NamedTempFile::path);
        let mut go_on = |_| if step.stop().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let table =
            trainyard_data::store(read_from, &options, bad, &dest, step.memory, &mut go_on).map_err(|failure| {
                let mut problem = failure.problem;
                for row in failure.report.first.iter().take(3) {
                    let what =
                        format!(" Line {}, column '{}', value '{}': {}.", row.line, row.column, row.value, row.reason);
                    problem.message.push_str(&what);
                }
                step.stop().unwrap_or(Stop::Problem(problem))
            })?;
        if let (Some(rows), None) = (step.sample, head) {
            // Parquet: the file is read whole above and cut here.
            let all = step.folder.join("all.parquet");
            std::fs::rename(&dest, &all).map_err(|error| crate::session::cannot_write(&all, &error))?;
            step.wait(step.session.register("all", &all))?;
            let plan = step.wait(step.session.query(&format!("SELECT * FROM \"all\" LIMIT {rows}")))?;
            let written = step.wait(step.session.write(plan, &dest, None))?;
            let _ = std::fs::remove_file(&all);
            return Ok(Made::table(TABLE, written));
        }
        if table.bad_rows.count > 0 && step.sample.is_none() {
            step.warn(format!("{} rows could not be read and were left out.", table.bad_rows.count));
        }
        let columns: Vec<ColumnSchema> = options.columns;
        let written = Written { rows: table.rows, bytes: table.bytes, hash: table.hash, columns };
        let mut made = Made::table(TABLE, written);
        made.facts.insert("file".into(), name.into());
        if table.bad_rows.count > 0 {
            made.facts.insert("bad_rows".into(), table.bad_rows.count.into());
        }
        Ok(made)
    }
}

/// A version of a data set is Parquet already: it is linked, or copied where that can't be.
fn stored(step: &StepContext<'_>, path: &Path, dest: &Path) -> Result<Made, Stop> {
    if let Some(rows) = step.sample {
        step.wait(step.session.register("all", path))?;
        let plan = step.wait(step.session.query(&format!("SELECT * FROM \"all\" LIMIT {rows}")))?;
        return Ok(Made::table(TABLE, step.wait(step.session.write(plan, dest, None))?));
    }
    Ok(Made::table(TABLE, pass_on(path, dest)?))
}

/// Puts a stored table at `dest` too.
pub(super) fn pass_on(path: &Path, dest: &Path) -> Result<Written, Problem> {
    if std::fs::hard_link(path, dest).is_err() {
        std::fs::copy(path, dest).map_err(|error| crate::session::cannot_write(dest, &error))?;
    }
    let view = trainyard_data::rows(dest, 0, 0)?;
    let (bytes, hash) = hash_file(dest)?;
    Ok(Written { rows: view.total, bytes, hash, columns: view.columns })
}

/// A text file's first lines.
fn head_of(path: &Path, rows: u64) -> Result<tempfile::NamedTempFile, Problem> {
    let failed = |error: std::io::Error| Problem::invalid(format!("{} can't be read: {error}.", path.display()));
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut head = tempfile::NamedTempFile::new().map_err(failed)?;
    let (mut line, mut bytes) = (Vec::new(), 0_usize);
    for _ in 0..=rows {
        line.clear();
        bytes += file.read_until(b'\n', &mut line).map_err(failed)?;
        if line.is_empty() || bytes > 64 << 20 {
            break;
        }
        head.write_all(&line).map_err(failed)?;
    }
    head.flush().map_err(failed)?;
    Ok(head)
}
