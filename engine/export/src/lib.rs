//! Models as files for other programs: an ONNX graph of the whole model with its preprocessing, and a description of the
//! model file from which anybody can write a predictor. No I/O.

mod blend;
mod columns;
mod decide;
mod describe;
mod encoder;
mod fttransformer;
mod graph;
mod nets;
mod normal_scores;
mod proto;
mod quantise;
mod tabm;
mod trees;

pub use columns::Categories;
pub use describe::describe;
pub use quantise::quantised;

use columns::Columns;
use graph::ML;
use prost::Message;
use proto::{Entry, OperatorSet, Type};
use serde_json::json;
use trainyard_infer::{Model, Predictor, dummy::DummyModel, signature::is_categorical};
use trainyard_types::{Problem, export::onnx_inputs};

/// Both onnxruntime and tract know all operators that are used as these versions say them.
const OPERATORS: i64 = 17;
const ML_OPERATORS: i64 = 3;
/// The file format's version that goes with them.
const FORMAT: i64 = 8;

/// How a graph is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub categories: Categories,
    /// Weights of layers as 8-bit integers.
    pub int8: bool,
}

/// The model as an ONNX file. `hash`: the blake3 hash of the model file, hex. The same model gives the same bytes.
///
/// Each column of the signature is an input, `rows x 1`: numbers as doubles with NaN for missing, instants as doubles
/// (milliseconds since 1970), categories as texts with an empty one for missing. Classification answers `probabilities`
/// (`rows x classes` floats, calibrated as the model's are) and `label` (`rows` texts, called at the model's threshold),
/// regression `value` (`rows x 1` doubles). Intervals and sets are not in the graph: `trainyard.intervals` in the metadata has
/// the number and the words to make them of its answers. Where an isotonic curve is steep, the last digit of a probability
/// counts for more.
///
/// # Errors
/// The model can't be said in ONNX, or has nothing that could be stored in 8 bits.
pub fn onnx(model: &Model, hash: &str, options: Options) -> Result<Vec<u8>, Problem> {
    if options.int8 {
        quantised(model)?;
    }
    if let Some(text) = model.texts.columns().first() {
        return Err(Problem::invalid(format!(
            "`{}` is free text, whose words ONNX has no operator to hash. Leave the column out and train again, or predict with \
             Trainyard.",
            text.name
        )));
    }
    let signature = model.signature();
    let mut columns = Columns::new(signature, options.categories);
    let answer = answer(&mut columns, &model.predictor, options, signature.task.is_classification())?;
    let graph = &mut columns.graph;
    if signature.task.is_classification() {
        let classes = signature.classes.len();
        let answer = match &model.decision.calibration {
            Some(calibration) => decide::calibrated(graph, &answer, classes, calibration),
            None => answer,
        };
        let top = decide::called(graph, &answer, model.decision.threshold);
        let labels = graph.texts(&signature.classes);
        let label = graph.op("Gather", &[&labels, &top]);
        graph.output(
            &answer,
            "probabilities",
            Type::Float,
            &[classes],
            "Of each class, in the order of trainyard.signature",
        );
        graph.output(&label, "label", Type::Text, &[], "The class that is called");
    } else {
        graph.output(&answer, "value", Type::Double, &[1], &format!("{} in its own unit", signature.target));
    }
    let props = metadata(model, hash, options, &columns)?;
    let file = proto::Model {
        ir_version: FORMAT,
        producer_name: "trainyard".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: format!("Predicts '{}' from raw columns, one row each. See trainyard.inputs.", signature.target),
        graph: Some(columns.graph.finish()),
        opset_import: [("", OPERATORS), (ML, ML_OPERATORS)]
            .map(|(domain, version)| OperatorSet { domain: domain.to_owned(), version })
            .to_vec(),
        metadata_props: props,
    };
    Ok(file.encode_to_vec())
}

/// Probabilities as floats, or values as doubles.
fn answer(
    columns: &mut Columns,
    predictor: &Predictor,
    options: Options,
    classes: bool,
) -> Result<graph::Value, Problem> {
    Ok(match predictor {
        Predictor::RealMlp(net) => nets::realmlp(columns, net, options.int8)?,
        Predictor::TabM(net) => tabm::tabm(columns, net, options.int8)?,
        Predictor::FtTransformer(net) => fttransformer::fttransformer(columns, net, options.int8)?,
        Predictor::Linear(linear) => nets::linear(columns, linear, options.int8)?,
        Predictor::Trees(trees) | Predictor::Boosting(trees) | Predictor::Forest(trees) => {
            trees::trees(columns, trees)?
        }
        Predictor::Dummy(dummy) => baseline(columns, dummy),
        Predictor::Blend(parts) => blend::blend(columns, parts, options, classes)?,
    })
}

/// The same answer for every row.
fn baseline(columns: &mut Columns, dummy: &DummyModel) -> graph::Value {
    let (value, wide) = match dummy {
        DummyModel::Shares(shares) => (columns.graph.floats(&[1, shares.len()], shares), shares.len()),
        DummyModel::Mean(value) | DummyModel::Constant(value) => (columns.graph.doubles(&[1, 1], &[*value]), 1),
    };
    columns.in_every_row(&value, wide)
}

fn metadata(model: &Model, hash: &str, options: Options, columns: &Columns) -> Result<Vec<Entry>, Problem> {
    let signature = model.signature();
    let inputs: Vec<_> = onnx_inputs(signature)
        .into_iter()
        .zip(&signature.inputs)
        .map(|(name, input)| {
            let mut entry = json!({ "name": name, "column": input.name, "kind": input.kind });
            if !is_categorical(input.kind) {
                entry["missing"] = json!("NaN");
            } else if let Some((levels, missing)) = columns.levels.get(&input.name) {
                entry["levels"] = json!(levels);
                entry["missing"] = if options.categories == Categories::Codes { json!(0) } else { json!(missing) };
            } else {
                entry["missing"] = if options.categories == Categories::Codes { json!(0) } else { json!("") };
            }
            entry
        })
        .collect();
    let text = |value: &serde_json::Value| value.to_string();
    let signature = serde_json::to_value(signature).map_err(|error| Problem::internal(error.to_string()))?;
    let mut entries = vec![
        ("trainyard.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("trainyard.model_hash", hash.to_owned()),
        ("trainyard.family", model.family.as_str().to_owned()),
        ("trainyard.weights", if options.int8 { "int8" } else { "float32" }.to_owned()),
        ("trainyard.inputs", text(&json!(inputs))),
        ("trainyard.signature", text(&signature)),
    ];
    if let Some(conformal) = decide::conformal(&model.decision) {
        entries.push(("trainyard.intervals", text(&conformal)));
    }
    Ok(entries.into_iter().map(|(key, value)| Entry { key: key.to_owned(), value }).collect())
}
