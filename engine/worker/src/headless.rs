//! Training, predicting and exporting from files, without a server: the same engine, for the command line.

use crate::training::{self, MODEL_FILE, Options, Sink, Tables, TrainError};
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use trainyard_data::{Memory, read_any::read_file};
use trainyard_infer::{Frame, Model, Predictions, oip::NOT_SURE};
use trainyard_types::{
    Problem,
    dataset::BadRows,
    evaluation::RunResult,
    job::{JobEvent, LogLevel},
    run::{TrainSettings, TrainSpec},
};

/// The result's file beside the model.
pub const RESULT_FILE: &str = "result.json";
/// Files are read into memory at once where a limit is this many times their size: packed columns with their copies take no
/// more.
const UNPACKED: u64 = 32;

/// Trains on a CSV, TSV, JSON Lines or Parquet file and leaves the model and `result.json` in `out`, which is made where it
/// is not there. With `test`, that file is the test part and a fifth of `data` validates. An interrupted call with the same
/// arguments is gone on from. `memory`: what training may take; larger tables are stored in `out` meanwhile, and trained on as
/// [`crate::train`] says.
///
/// # Errors
/// A file can't be read or written, or as [`crate::train`].
pub fn train(
    data: &Path,
    test: Option<&Path>,
    settings: &TrainSettings,
    out: &Path,
    memory: Memory,
    sink: &mut dyn Sink,
) -> Result<RunResult, TrainError> {
    fs::create_dir_all(out).map_err(|error| unwritable(out, &error))?;
    // What can't be found out is told by reading it.
    let size = |file: &Path| fs::metadata(file).map_or(0, |about| about.len());
    let bytes = size(data).saturating_add(test.map_or(0, size));
    let result = if bytes.saturating_mul(UNPACKED) > memory.bytes() {
        by_way_of_files(data, test, settings, out, memory, sink)?
    } else {
        let test = test.map(read).transpose()?;
        let tables = Tables { test, ..read(data)?.into() };
        training::train_frames(tables, settings, out, Options::default(), sink)?
    };
    let text = serde_json::to_vec_pretty(&result).map_err(|error| unwritable(out, &error.into()))?;
    training::checkpoint::replace(&out.join(RESULT_FILE), &text).map_err(|error| unwritable(out, &error))?;
    training::checkpoint::remove(out);
    Ok(result)
}

/// Trains on files that may be too large for the memory: stored in `out` as versions of data sets are, and removed again.
fn by_way_of_files(
    data: &Path,
    test: Option<&Path>,
    settings: &TrainSettings,
    out: &Path,
    memory: Memory,
    sink: &mut dyn Sink,
) -> Result<RunResult, TrainError> {
    let line = "Storing the rows, so that they can be read a part at a time.".to_owned();
    sink.event(JobEvent::Log { level: LogLevel::Info, line });
    let (rows, test_rows) = (out.join(".rows.parquet"), test.map(|_| out.join(".test.parquet")));
    let mut work = || -> Result<RunResult, TrainError> {
        store(data, &rows, memory)?;
        if let (Some(test), Some(place)) = (test, &test_rows) {
            store(test, place, memory)?;
        }
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let spec = TrainSpec {
            data: text(&rows),
            test_data: test_rows.as_deref().map(text),
            split_file: None,
            memory_limit: Some(memory.bytes()),
            settings: settings.clone(),
        };
        training::train(&spec, out, sink)
    };
    let outcome = work();
    for file in std::iter::once(&rows).chain(&test_rows) {
        // It may not have come about.
        let _ = fs::remove_file(file);
    }
    outcome
}

/// Stores a file of any supported kind.
fn store(file: &Path, parquet: &Path, memory: Memory) -> Result<(), Problem> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let options = trainyard_data::inspect(file, &name)?.options;
    let go_on = &mut |_| ControlFlow::Continue(());
    let stored = trainyard_data::store(file, &options, BadRows::Refuse, parquet, memory, go_on);
    stored.map(|_| ()).map_err(|failure| failure.problem)
}

/// The result as the command line prints it; `model` is the model's folder.
pub fn summary(result: &RunResult, model: &Path) -> Value {
    json!({
        "task": result.task,
        "family": result.family,
        "loss": result.signature.loss,
        "device": result.device,
        "rows": result.rows,
        "streamed": result.parameters.get("streamed"),
        "rows_seen": result.parameters.get("rows_seen"),
        "seconds": result.seconds,
        "epochs": result.epochs,
        "metrics": { "train": result.metrics.train, "valid": result.metrics.valid, "test": result.metrics.test },
        "verdict": { "fit": result.verdict.fit, "sentence": result.verdict.sentence },
        "decision": result.decision.as_ref().map(|decision| json!({
            "rows": decision.rows,
            "own_rows": decision.own_rows,
            "calibration": decision.calibration,
            "threshold": decision.threshold.as_ref().map(|found| json!({ "rule": found.rule, "at": found.threshold })),
            "intervals": decision.intervals,
        })),
        "weak": result.slices.as_ref().map(|slices| {
            slices.weak.found.iter().map(|slice| slice.sentence.clone()).collect::<Vec<String>>()
        }),
        "model": model.to_string_lossy(),
    })
}

/// Predicts the rows of a file and writes CSV: a column `prediction`, and for classes one `probability_…` each. With
/// `intervals`, also `lower` and `upper`, or `set`: the classes that the truth is among, as a JSON list. `model` is a
/// folder that [`train`] wrote, or the model file itself. Returns the number of rows. Text that a spreadsheet would take for
/// a formula gets an apostrophe in front.
///
/// # Errors
/// The model or the data can't be read, don't belong together, or writing fails; the model knows no intervals.
pub fn predict(model: &Path, data: &Path, intervals: bool, out: &mut dyn Write) -> Result<u64, Problem> {
    let model = Model::from_bytes(&read_model(model)?)?;
    if intervals && model.decision.conformal.is_none() {
        return Err(Problem::invalid(NOT_SURE));
    }
    let frame = read(data)?;
    let predictions = model.predict(&frame)?;
    match write_csv(&model, &predictions, intervals, out) {
        // Who reads has seen enough: `… | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => return Err(Problem::internal(format!("The predictions could not be written: {error}."))),
        Ok(()) => {}
    }
    Ok(frame.rows as u64)
}

/// What [`export`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// The whole model as an ONNX graph, its categories as texts or as codes, its weights as 8-bit integers or floats.
    Onnx(trainyard_export::Options),
    /// The model file, and beside it its description as JSON.
    Safetensors,
}

/// Writes a model as a file for other programs. With `data`, the answers of a graph of 8-bit weights are compared with the
/// model's on those rows. Gives what was written, and the comparison.
///
/// # Errors
/// The model or the data can't be read, the model can't be said in that form, or the file can't be written.
pub fn export(model: &Path, what: Export, data: Option<&Path>, out: &Path) -> Result<Value, Problem> {
    let bytes = read_model(model)?;
    let model = Model::from_bytes(&bytes)?;
    let hash = blake3::hash(&bytes).to_hex();
    let write = |path: &Path, bytes: &[u8]| {
        training::checkpoint::replace(path, bytes).map_err(|error| unwritable(path, &error))
    };
    match what {
        Export::Safetensors => {
            let description = out.with_extension("json");
            let text = serde_json::to_vec_pretty(&trainyard_export::describe(&model, &hash)?)
                .map_err(|error| unwritable(&description, &error.into()))?;
            write(out, &bytes)?;
            write(&description, &text)?;
            Ok(json!({ "file": out, "description": description, "bytes": bytes.len() }))
        }
        Export::Onnx(options) => {
            let graph = trainyard_export::onnx(&model, &hash, options)?;
            let mut told = json!({ "file": out, "bytes": graph.len() });
            if options.int8 {
                let full = trainyard_export::onnx(&model, &hash, trainyard_export::Options { int8: false, ..options })?;
                told["bytes_float32"] = json!(full.len());
                if let Some(data) = data {
                    told["rounding"] = rounding(&model, &read(data)?)?;
                }
            }
            write(out, &graph)?;
            Ok(told)
        }
    }
}

/// What 8-bit weights change on these rows: the metrics before and after, and the answer that changed most (probabilities, or
/// values in the target's unit).
fn rounding(model: &Model, frame: &Frame) -> Result<Value, Problem> {
    let signature = model.signature();
    let outcomes = frame.column(&signature.target).ok_or_else(|| {
        Problem::field("data", format!("The file has no column '{}' to compare answers with.", signature.target))
    })?;
    let (_, usable) = trainyard_data::target::encode(outcomes, signature.task, &signature.classes)?;
    let rows: Vec<usize> = (0..frame.rows).filter(|&row| usable[row]).collect();
    if rows.is_empty() {
        return Err(Problem::field("data", format!("No row has a known '{}'.", signature.target)));
    }
    let frame = frame.take(&rows);
    let outcomes = frame.column(&signature.target).unwrap_or(outcomes);
    let (target, _) = trainyard_data::target::encode(outcomes, signature.task, &signature.classes)?;
    let (before, after) = (model.predict(&frame)?, trainyard_export::quantised(model)?.predict(&frame)?);
    let largest = match (&before, &after) {
        (Predictions::Probabilities { values: a, .. }, Predictions::Probabilities { values: b, .. }) => {
            a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
        }
        (Predictions::Values(a), Predictions::Values(b)) => {
            a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        }
        _ => 0.0,
    };
    let threshold = model.decision.threshold;
    let score =
        |answers: &Predictions| trainyard_assess::metrics::score_at(signature.aim(), &target, answers, threshold);
    let (before, after) = (score(&before), score(&after));
    Ok(json!({ "rows": rows.len(), "float32": before, "int8": after, "largest_difference": largest }))
}

/// The bytes of a model file, which may be named by its folder.
fn read_model(model: &Path) -> Result<Vec<u8>, Problem> {
    let path: PathBuf = if model.is_dir() { model.join(MODEL_FILE) } else { model.to_owned() };
    fs::read(&path).map_err(|error| {
        Problem::not_found(format!(
            "The model {} can't be read: {error}. Name the folder that 'trainyard train' wrote.",
            path.display()
        ))
    })
}

fn read(path: &Path) -> Result<Frame, Problem> {
    read_file(path).map(|(_, frame)| frame).map_err(|failure| failure.problem)
}

fn unwritable(path: &Path, error: &io::Error) -> Problem {
    Problem::internal(format!(
        "{} can't be written: {error}. Choose another folder, or free some space.",
        path.display()
    ))
}

fn write_csv(model: &Model, predictions: &Predictions, intervals: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let conformal = model.decision.conformal.filter(|_| intervals);
    match predictions {
        Predictions::Probabilities { classes, values } => {
            let labels: Vec<String> = model.signature.classes.iter().map(|label| cell(label)).collect();
            let head: Vec<String> =
                model.signature.classes.iter().map(|label| cell(&format!("probability_{label}"))).collect();
            writeln!(out, "prediction,{}{}", head.join(","), if conformal.is_some() { ",set" } else { "" })?;
            for row in values.chunks_exact((*classes).max(1)) {
                out.write_all(labels.get(model.decision.class(row)).map_or(&b""[..], |label| label.as_bytes()))?;
                for probability in row {
                    write!(out, ",{probability}")?;
                }
                if let Some(conformal) = conformal {
                    let set = conformal.set(row);
                    let set: Vec<&str> = set
                        .iter()
                        .filter_map(|&class| model.signature.classes.get(class))
                        .map(String::as_str)
                        .collect();
                    write!(out, ",{}", cell(&json!(set).to_string()))?;
                }
                out.write_all(b"\n")?;
            }
        }
        Predictions::Values(values) => {
            writeln!(out, "prediction{}", if conformal.is_some() { ",lower,upper" } else { "" })?;
            for &value in values {
                write!(out, "{value}")?;
                if let Some((lower, upper)) = conformal.map(|conformal| conformal.interval(value)) {
                    write!(out, ",{lower},{upper}")?;
                }
                out.write_all(b"\n")?;
            }
        }
    }
    out.flush()
}

/// A text as a CSV field that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.trim().parse::<f64>().is_err();
    let safe = if formula { format!("'{text}") } else { text.to_owned() };
    if safe.contains([',', '"', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_harmless() {
        for (text, field) in [
            ("plain", "plain"),
            (">50K", ">50K"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("-1", "-1"),
            ("-x", "'-x"),
            ("@a,b", "\"'@a,b\""),
        ] {
            assert_eq!(cell(text), field);
        }
    }
}
