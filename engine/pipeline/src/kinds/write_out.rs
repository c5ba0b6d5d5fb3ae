//! Where tables go.

use super::columns::ONE;
use crate::{
    kind::{About, Made, StepContext, StepKind, Stop, Taken, read, within},
    session::hash_file,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, RecordBatch},
        datatypes::{DataType, Float64Type, Int64Type, TimestampMillisecondType},
    },
    parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};
use trainyard_types::{Problem, ResourceName, Timestamp};

/// Writes a table out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// A file: .csv, .tsv, .jsonl or .parquet. On the command line only, relative to the document or to --out.
    #[serde(default)]
    #[schemars(extend("x-names" = "files"))]
    file: Option<String>,
    /// Or: a data set of the project, which gets a new version. On the server only.
    #[serde(default)]
    #[schemars(extend("x-names" = "datasets"))]
    dataset: Option<String>,
    /// For a data set that is made by it.
    #[serde(default)]
    #[expect(dead_code, reason = "read by the store's side of the step")]
    description: String,
}

impl Settings {
    fn dest(&self, step: &StepContext<'_>) -> Result<PathBuf, Problem> {
        let (Some(out), Some(file)) = (step.places.out.as_deref().or(step.places.base.as_deref()), &self.file) else {
            return Err(Problem::invalid("Files can't be written here: name a 'dataset' instead of a 'file'."));
        };
        within(file)?;
        Ok(out.join(file))
    }
}

/// The kind `write_out`.
pub struct WriteOut;

impl StepKind for WriteOut {
    fn about(&self) -> About {
        About {
            kind: "write_out",
            title: "Write out",
            help: "Makes a table a new version of a data set, or a file on the command line.",
            group: "Data",
            inputs: ONE,
            version: 1,
            sql: &[],
        }
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.root_schema_for::<Settings>()
    }
    fn gives(&self) -> &'static [&'static str] {
        &[]
    }
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
        let settings: Settings = read(with)?;
        match (&settings.file, &settings.dataset) {
            (Some(file), None) => {
                within(file)?;
                Format::of(Path::new(file)).map(drop)
            }
            // A parameter stands for a name that is not known yet.
            (None, Some(name)) if !name.contains("${") => {
                ResourceName::parse(name).map(drop).map_err(|message| Problem::field("dataset", message))
            }
            (None, Some(_)) => Ok(()),
            _ => Err(Problem::invalid("Say either 'file' or 'dataset'.")),
        }
    }
    fn cacheable(&self, with: &Map<String, Value>) -> bool {
        with.contains_key("file")
    }
    fn fingerprint(&self, step: &StepContext<'_>) -> Result<String, Problem> {
        let settings: Settings = read(step.with)?;
        Ok(settings.dest(step).map(|dest| dest.to_string_lossy().into_owned()).unwrap_or_default())
    }
    /// A file that was changed or removed since is written again.
    fn holds(&self, _: &StepContext<'_>, facts: &BTreeMap<String, Value>) -> bool {
        let (Some(file), Some(hash)) = (facts.get("file"), facts.get("hash")) else { return false };
        file.as_str().and_then(|file| hash_file(Path::new(file)).ok()).is_some_and(|(_, found)| *hash == found)
    }
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        let settings: Settings = step.settings()?;
        let input = step.input()?;
        let mut made = Made::default();
        made.facts.insert("rows".into(), input.rows.into());
        if let Some(dataset) = settings.dataset {
            if step.places.base.is_some() {
                return Err(Problem::invalid(
                    "Data sets can't be written without a server. Name a 'file', or run the pipeline on the server.",
                )
                .into());
            }
            made.facts.insert("dataset".into(), dataset.into());
            made.effect = true;
            return Ok(made);
        }
        let (Some(out), Some(file)) = (step.places.out.as_deref().or(step.places.base.as_deref()), settings.file)
        else {
            return Err(Problem::invalid("Files can't be written here: name a 'dataset' instead of a 'file'.").into());
        };
        within(&file)?;
        let dest = out.join(&file);
        write_file(input, &dest)?;
        step.log(format!("Wrote {} rows to {}.", input.rows.unwrap_or(0), dest.display()));
        made.facts.insert("hash".into(), hash_file(&dest)?.1.into());
        made.facts.insert("file".into(), dest.to_string_lossy().into_owned().into());
        Ok(made)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Delimited(u8),
    Lines,
    Parquet,
}

impl Format {
    fn of(path: &Path) -> Result<Self, Problem> {
        match path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_ascii_lowercase().as_str() {
            "csv" => Ok(Format::Delimited(b',')),
            "tsv" => Ok(Format::Delimited(b'\t')),
            "jsonl" | "ndjson" => Ok(Format::Lines),
            "parquet" => Ok(Format::Parquet),
            _ => Err(Problem::invalid(format!(
                "'{}' has no known ending. Use .csv, .tsv, .jsonl or .parquet.",
                path.display()
            ))),
        }
    }
}

/// Writes a table as the file's ending says; the file is put in its place whole.
///
/// # Errors
/// The ending is not known, or writing fails.
pub fn write_file(input: &Taken, dest: &Path) -> Result<(), Problem> {
    let format = Format::of(dest)?;
    let failed = |error: io::Error| crate::session::cannot_write(dest, &error);
    if let Some(folder) = dest.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let folder: PathBuf =
        dest.parent().filter(|f| !f.as_os_str().is_empty()).map_or(PathBuf::from("."), Path::to_owned);
    let mut temporary = tempfile::Builder::new().prefix(".part-").tempfile_in(folder).map_err(failed)?;
    if format == Format::Parquet {
        let mut from = File::open(&input.path).map_err(failed)?;
        io::copy(&mut from, temporary.as_file_mut()).map_err(failed)?;
    } else {
        rows(input, format, temporary.as_file_mut()).map_err(failed)?;
    }
    temporary.as_file().sync_all().map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        temporary.as_file().set_permissions(fs::Permissions::from_mode(0o644)).map_err(failed)?;
    }
    temporary.persist(dest).map_err(|error| failed(error.error))?;
    Ok(())
}

fn rows(input: &Taken, format: Format, file: &mut File) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let names: Vec<&str> = input.columns.iter().map(|column| column.name.as_str()).collect();
    if let Format::Delimited(by) = format {
        line(&mut out, names.iter().map(|name| Some((*name).to_owned())), by)?;
    }
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&input.path)?)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(io::Error::other)?;
    for batch in reader {
        let batch: RecordBatch = batch.map_err(io::Error::other)?;
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|array| value(array, row));
            match format {
                Format::Delimited(by) => line(
                    &mut out,
                    values.map(|value| match value {
                        Value::Null => None,
                        Value::String(text) => Some(text),
                        other => Some(other.to_string()),
                    }),
                    by,
                )?,
                _ => {
                    // A map would bring the columns into the order of the alphabet.
                    for (i, (name, value)) in names.iter().zip(values).enumerate() {
                        out.write_all(if i == 0 { b"{" } else { b"," })?;
                        serde_json::to_writer(&mut out, name)?;
                        out.write_all(b":")?;
                        serde_json::to_writer(&mut out, &value)?;
                    }
                    out.write_all(b"}\n")?;
                }
            }
        }
    }
    out.flush()
}

fn value(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        _ => {
            let ms = array.as_primitive::<TimestampMillisecondType>().value(row);
            let text = Timestamp(ms).to_iso();
            match ms.rem_euclid(1000) {
                0 => text.into(),
                rest => format!("{}.{rest:03}Z", text.trim_end_matches('Z')).into(),
            }
        }
    }
}

/// One line of fields; a text that would be read as missing or torn apart is quoted.
fn line(out: &mut impl Write, fields: impl Iterator<Item = Option<String>>, by: u8) -> io::Result<()> {
    for (i, field) in fields.enumerate() {
        if i > 0 {
            out.write_all(&[by])?;
        }
        let Some(field) = field else { continue };
        let torn = field.bytes().any(|b| b == by || matches!(b, b'"' | b'\n' | b'\r'));
        if field.is_empty() || torn || field.trim().len() != field.len() {
            write!(out, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            out.write_all(field.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}
