//! `export`: a model as a file for other programs.

use super::Out;
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::{path::PathBuf, process::ExitCode};
use trainyard_export::{Categories, Options};
use trainyard_types::Problem;
use trainyard_worker::headless::{self, Export};

#[derive(Args)]
pub(super) struct ExportArgs {
    /// Folder that 'train' wrote, or a model file
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// What to write
    #[arg(long, value_enum)]
    format: Format,
    /// ONNX: store the layers' weights in 8 bits
    #[arg(long, value_enum)]
    quantize: Option<Quantize>,
    /// ONNX: how categories are given
    #[arg(long, value_enum, default_value = "texts")]
    categories: Given,
    /// With --quantize: rows with known outcomes, to compare the answers on
    #[arg(long, value_name = "FILE", requires = "quantize")]
    data: Option<PathBuf>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The whole model with its preprocessing: raw columns in, answers out
    Onnx,
    /// The model file, and beside it a description as JSON
    Safetensors,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Quantize {
    /// One scale for each output of a layer
    Int8,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Given {
    /// As texts; an empty one is missing
    Texts,
    /// As numbers by the lists in the file's metadata; 0 is missing
    Codes,
}

pub(super) fn export(args: ExportArgs, out: Out) -> Result<ExitCode, Problem> {
    let what = match (args.format, args.quantize, args.categories) {
        (Format::Onnx, quantize, categories) => Export::Onnx(Options {
            categories: if categories == Given::Codes { Categories::Codes } else { Categories::Texts },
            int8: quantize.is_some(),
        }),
        (Format::Safetensors, None, Given::Texts) => Export::Safetensors,
        _ => {
            let message =
                "The safetensors file is the model as it is. Use --quantize and --categories with --format onnx.";
            return Err(Problem::field("format", message));
        }
    };
    let told = headless::export(&args.model, what, args.data.as_deref(), &args.out)?;
    out.show(&told, || in_words(&told))
}

fn in_words(told: &Value) -> String {
    let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
    let mut words = format!("Wrote {}, {} bytes.", text("file"), told["bytes"]);
    if let Some(description) = told["description"].as_str() {
        words.push_str(&format!(" {description} says what its arrays are and how they predict."));
    }
    if let Some(full) = told["bytes_float32"].as_u64() {
        words.push_str(&format!(" With 32-bit weights it has {full} bytes."));
    }
    if let Some(rounding) = told["rounding"].as_object() {
        words.push_str(&format!(
            "\nOn {} rows the answer that changed most changed by {}.",
            rounding["rows"], rounding["largest_difference"]
        ));
        for (name, before) in rounding["float32"].as_object().into_iter().flatten() {
            let number =
                |value: &Value| value.as_f64().map_or_else(|| "none".to_owned(), |value| format!("{value:.5}"));
            words.push_str(&format!(
                "\n  {name}: {} before, {} after",
                number(before),
                number(&rounding["int8"][name])
            ));
        }
    }
    words
}
