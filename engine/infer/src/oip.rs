//! Open Inference Protocol, version 2: its tensors in and out
//! (<https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol>).
//!
//! A request brings one tensor per column (shape `[n]` or `[n, 1]`, named like the column), or one tensor of shape
//! `[n, columns]` with the columns in the signature's order. `data` may be flat or nested; `null` is a missing value.

use crate::{
    frame::Frame,
    model::Model,
    rows::{Faults, notes},
    target::Predictions,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use trainyard_types::{
    Problem,
    dataset::ColumnType,
    model::{OipRequest, OipTensor, Signature},
};

/// What a model without intervals answers to who asks for them.
pub const NOT_SURE: &str =
    "The model was trained without intervals. Train it again with a share of rows that they are to hold, such as 0.9.";

/// The frame that a request describes, and what was out of the ordinary.
pub fn frame_from_request(signature: &Signature, request: &OipRequest) -> Result<(Frame, Vec<String>), Problem> {
    let columns = signature.inputs.len();
    if let [tensor] = request.inputs.as_slice()
        && tensor.shape.len() == 2
        && tensor.shape[1] == columns as i64
        && (columns > 1 || signature.inputs.iter().all(|input| input.name != tensor.name))
    {
        let values = flat(tensor)?;
        let rows = values.len() / columns.max(1);
        let mut faults = Faults::default();
        let columns = signature
            .inputs
            .iter()
            .enumerate()
            .map(|(at, input)| faults.column(input, values.iter().skip(at).step_by(columns).copied()))
            .collect();
        return finish(signature, faults, Frame { columns, rows }, Vec::new());
    }
    let missing: Vec<String> = signature
        .inputs
        .iter()
        .filter(|input| request.inputs.iter().all(|tensor| tensor.name != input.name))
        .map(|input| format!("'{}'", input.name))
        .collect();
    if !missing.is_empty() {
        return Err(Problem::invalid(format!(
            "The request has no input tensor for {}. Send one tensor per column, named like the column, or one of shape [n, {columns}].",
            missing.join(", ")
        )));
    }
    let mut faults = Faults::default();
    let mut read = Vec::with_capacity(columns);
    let mut rows = None;
    for input in &signature.inputs {
        let Some(tensor) = request.inputs.iter().find(|tensor| tensor.name == input.name) else { continue };
        let one_column = matches!(tensor.shape.as_slice(), [_] | [_, 1]);
        if !one_column {
            return Err(Problem::invalid(format!(
                "The tensor '{}' has shape {:?}; a column has [n] or [n, 1].",
                tensor.name, tensor.shape
            )));
        }
        let values = flat(tensor)?;
        match rows {
            Some(rows) if rows != values.len() => {
                return Err(Problem::invalid(format!(
                    "The tensor '{}' has {} rows, the ones before have {rows}.",
                    tensor.name,
                    values.len()
                )));
            }
            _ => rows = Some(values.len()),
        }
        read.push(faults.column(input, values.into_iter()));
    }
    let extra: Vec<String> = request
        .inputs
        .iter()
        .filter(|tensor| signature.inputs.iter().all(|input| input.name != tensor.name))
        .map(|tensor| format!("'{}'", tensor.name))
        .collect();
    let mut first = Vec::new();
    if !extra.is_empty() {
        first.push(format!("Not part of the model and ignored: {}.", extra.join(", ")));
    }
    finish(signature, faults, Frame { columns: read, rows: rows.unwrap_or(0) }, first)
}

fn finish(
    signature: &Signature,
    faults: Faults,
    frame: Frame,
    mut first: Vec<String>,
) -> Result<(Frame, Vec<String>), Problem> {
    faults.check()?;
    if frame.rows == 0 {
        return Err(Problem::invalid("The tensors hold no rows. Send at least one."));
    }
    first.extend(notes(signature, &frame));
    Ok((frame, first))
}

/// The tensor's values in row-major order, as many as its shape says, each of its data type.
fn flat(tensor: &OipTensor) -> Result<Vec<&Value>, Problem> {
    let name = &tensor.name;
    let mut values = Vec::new();
    gather(&tensor.data, 0, &mut values).ok_or_else(|| {
        Problem::invalid(format!("The data of tensor '{name}' is no array, or nested more than four deep."))
    })?;
    let expected =
        tensor.shape.iter().try_fold(1i64, |product, &size| if size < 0 { None } else { product.checked_mul(size) });
    if expected != i64::try_from(values.len()).ok() {
        return Err(Problem::invalid(format!(
            "The tensor '{name}' has shape {:?} but {} values.",
            tensor.shape,
            values.len()
        )));
    }
    for value in values.iter().filter(|value| !value.is_null()) {
        let sound = match tensor.datatype.as_str() {
            "BOOL" => value.is_boolean(),
            "BYTES" => value.is_string(),
            "FP16" | "FP32" | "FP64" => {
                value.is_number() || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("nan"))
            }
            "INT8" => integer_within(value, i8::MIN.into(), i8::MAX.into()),
            "INT16" => integer_within(value, i16::MIN.into(), i16::MAX.into()),
            "INT32" => integer_within(value, i32::MIN.into(), i32::MAX.into()),
            "INT64" => value.is_i64(),
            "UINT8" => integer_within(value, 0, u8::MAX.into()),
            "UINT16" => integer_within(value, 0, u16::MAX.into()),
            "UINT32" => integer_within(value, 0, u32::MAX.into()),
            "UINT64" => value.is_u64(),
            other => {
                return Err(Problem::invalid(format!(
                    "The tensor '{name}' has datatype '{other}'. Use BOOL, INT8 to INT64, UINT8 to UINT64, FP16, FP32, FP64 or BYTES."
                )));
            }
        };
        if !sound {
            return Err(Problem::invalid(format!("The tensor '{name}' says {} but holds {value}.", tensor.datatype)));
        }
    }
    Ok(values)
}

fn integer_within(value: &Value, low: i64, high: i64) -> bool {
    value.as_i64().is_some_and(|value| (low..=high).contains(&value))
}

fn gather<'v>(data: &'v Value, depth: usize, values: &mut Vec<&'v Value>) -> Option<()> {
    for value in data.as_array().filter(|_| depth < 4)? {
        if value.is_array() {
            gather(value, depth + 1, values)?;
        } else {
            values.push(value);
        }
    }
    Some(())
}

/// The answer's tensors: `label` (BYTES, `[n]`) and `probabilities` (FP64, `[n, classes]`, the labels in its parameter
/// `classes` as JSON), or `prediction` (FP64, `[n]`). A request that names outputs gets those, in its order.
///
/// Of a model that knows how sure it is there are also `set` (BOOL, `[n, classes]`: whether the class is in the answer's set),
/// or `lower` and `upper` (FP64, `[n]`). They come only where they are named, or where the request's parameter `intervals` is
/// true.
pub fn outputs(model: &Model, predictions: &Predictions, request: &OipRequest) -> Result<Vec<OipTensor>, Problem> {
    let tensor = |name: &str, shape: Vec<i64>, datatype: &str, data: Value| OipTensor {
        name: name.to_owned(),
        shape,
        datatype: datatype.to_owned(),
        parameters: BTreeMap::new(),
        data,
    };
    let rows = predictions.rows() as i64;
    let conformal = model.decision.conformal;
    let mut sure = Vec::new();
    let mut all = match predictions {
        Predictions::Values(values) => {
            if let Some(conformal) = conformal {
                let (lower, upper): (Vec<f64>, Vec<f64>) = values.iter().map(|&v| conformal.interval(v)).unzip();
                sure.push(tensor("lower", vec![rows], "FP64", json!(lower)));
                sure.push(tensor("upper", vec![rows], "FP64", json!(upper)));
            }
            vec![tensor("prediction", vec![rows], "FP64", json!(values))]
        }
        Predictions::Probabilities { classes, values } => {
            let labels = &model.signature.classes;
            let chosen: Vec<&str> = values
                .chunks_exact((*classes).max(1))
                .map(|row| labels.get(model.decision.class(row)).map_or("", String::as_str))
                .collect();
            let numbers: Vec<f64> = values.iter().map(|&p| f64::from(p)).collect();
            let mut probabilities = tensor("probabilities", vec![rows, *classes as i64], "FP64", json!(numbers));
            let names = json!(json!(labels).to_string());
            probabilities.parameters.insert("classes".to_owned(), names.clone());
            if let Some(conformal) = conformal {
                let of = |row: &[f32]| {
                    let set = conformal.set(row);
                    (0..*classes).map(move |class| set.contains(&class)).collect::<Vec<bool>>()
                };
                let held: Vec<bool> = values.chunks_exact((*classes).max(1)).flat_map(of).collect();
                let mut set = tensor("set", vec![rows, *classes as i64], "BOOL", json!(held));
                set.parameters.insert("classes".to_owned(), names);
                sure.push(set);
            }
            vec![tensor("label", vec![rows], "BYTES", json!(chosen)), probabilities]
        }
    };
    if let Some(conformal) = conformal {
        sure.iter_mut().for_each(|tensor| {
            tensor.parameters.insert("level".to_owned(), json!(conformal.level));
        });
    }
    let asked = request.parameters.get("intervals").and_then(Value::as_bool).unwrap_or(false);
    if asked && sure.is_empty() {
        return Err(Problem::invalid(NOT_SURE));
    }
    if asked || !request.outputs.is_empty() {
        all.extend(sure);
    }
    if request.outputs.is_empty() {
        return Ok(all);
    }
    request
        .outputs
        .iter()
        .map(|wanted| {
            let name = wanted.get("name").and_then(Value::as_str).unwrap_or_default();
            all.iter().find(|tensor| tensor.name == name).cloned().ok_or_else(|| {
                let known = all.iter().map(|tensor| format!("'{}'", tensor.name)).collect::<Vec<_>>().join(" and ");
                Problem::invalid(format!("The model has no output '{name}'. It has {known}."))
            })
        })
        .collect()
}

/// The model metadata answer: name, versions, platform, inputs and outputs with variable row count.
pub fn metadata(name: &str, versions: &[String], signature: &Signature) -> Value {
    let tensor = |name: &str, datatype: &str, shape: Value| json!({"name": name, "datatype": datatype, "shape": shape});
    let inputs: Vec<Value> =
        signature.inputs.iter().map(|input| tensor(&input.name, datatype(input.kind), json!([-1, 1]))).collect();
    let outputs = if signature.task.is_classification() {
        vec![
            tensor("label", "BYTES", json!([-1])),
            tensor("probabilities", "FP64", json!([-1, signature.classes.len()])),
        ]
    } else {
        vec![tensor("prediction", "FP64", json!([-1]))]
    };
    json!({"name": name, "versions": versions, "platform": "trainyard_safetensors", "inputs": inputs, "outputs": outputs})
}

/// The data type that a column is announced with; datetimes are ISO texts.
fn datatype(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Integer => "INT64",
        ColumnType::Float => "FP64",
        ColumnType::Boolean => "BOOL",
        ColumnType::Text | ColumnType::Datetime => "BYTES",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        Predictor,
        dummy::DummyModel,
        frame::{Column, Values},
        signature::{categories, fit},
    };
    use trainyard_types::run::Task;

    fn model() -> Model {
        let frame = Frame {
            columns: vec![
                Column { name: "age".into(), kind: ColumnType::Integer, values: Values::Numbers(vec![20.0, 40.0]) },
                Column {
                    name: "city".into(),
                    kind: ColumnType::Text,
                    values: categories(["a", "b"].into_iter().map(|c| Some(c.to_owned()))),
                },
            ],
            rows: 2,
        };
        let signature = fit(&frame, "y", Task::Binary, &["no".into(), "yes".into()]);
        Model::new(signature, Predictor::Dummy(DummyModel::Shares(vec![0.25, 0.75])))
    }

    fn request(value: Value) -> OipRequest {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn answers_a_request_by_columns() {
        let model = model();
        let request = request(json!({"inputs": [
            {"name": "age", "shape": [2, 1], "datatype": "INT64", "data": [[30], [null]]},
            {"name": "city", "shape": [2], "datatype": "BYTES", "data": ["a", "z"]},
        ], "outputs": [{"name": "label"}]}));
        let (frame, notes) = frame_from_request(&model.signature, &request).unwrap();
        assert_eq!(frame.rows, 2);
        assert_eq!(notes.len(), 2, "{notes:?}");
        let answer = outputs(&model, &model.predict(&frame).unwrap(), &request).unwrap();
        assert_eq!(answer.len(), 1);
        assert_eq!(answer[0].data, json!(["yes", "yes"]));
    }

    #[test]
    fn says_how_sure_it_is_where_asked() {
        use crate::decision::{Conformal, Score};
        let plain = model();
        let mut sure = model();
        sure.decision.conformal = Some(Conformal { level: 0.9, score: Score::Lac, quantile: 0.8, rows: 50 });
        sure.decision.threshold = Some(0.8);
        let ask = |model: &Model, more: Value| {
            let mut value = json!({"inputs": [
                {"name": "age", "shape": [1], "datatype": "INT64", "data": [30]},
                {"name": "city", "shape": [1], "datatype": "BYTES", "data": ["a"]},
            ]});
            value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let request = request(value);
            let (frame, _) = frame_from_request(&model.signature, &request).unwrap();
            outputs(model, &model.predict(&frame).unwrap(), &request)
        };
        let names = |tensors: &[OipTensor]| tensors.iter().map(|t| t.name.clone()).collect::<Vec<_>>();
        let answer = ask(&sure, json!({})).unwrap();
        assert_eq!(names(&answer), ["label", "probabilities"], "who does not ask sees no change");
        assert_eq!(answer[0].data, json!(["no"]), "0.75 is below the threshold");
        let answer = ask(&sure, json!({"parameters": {"intervals": true}})).unwrap();
        assert_eq!(names(&answer), ["label", "probabilities", "set"]);
        assert_eq!((answer[2].data.clone(), answer[2].parameters["level"].clone()), (json!([true, true]), json!(0.9)));
        let answer = ask(&sure, json!({"outputs": [{"name": "set"}]})).unwrap();
        assert_eq!(names(&answer), ["set"]);
        assert!(ask(&plain, json!({"parameters": {"intervals": true}})).unwrap_err().message.contains("without"));
        assert!(ask(&plain, json!({"outputs": [{"name": "set"}]})).unwrap_err().message.contains("no output 'set'"));
    }

    #[test]
    fn takes_one_matrix_and_refuses_what_does_not_fit() {
        let signature = model().signature;
        let read = |value| frame_from_request(&signature, &request(json!({"inputs": [value]})));
        let error = read(json!({"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.0]}))
            .map(|(frame, _)| frame.rows);
        assert_eq!(error.unwrap(), 1);
        for (bad, part) in [
            (json!({"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1.0, 2.0]}), "2 values"),
            (json!({"name": "x", "shape": [1, 2], "datatype": "INT8", "data": [1000, 2]}), "INT8"),
            (json!({"name": "x", "shape": [1, 2], "datatype": "COMPLEX", "data": [1, 2]}), "COMPLEX"),
            (json!({"name": "age", "shape": [1], "datatype": "FP32", "data": [1]}), "'city'"),
            (json!({"name": "x", "shape": [0, 2], "datatype": "FP32", "data": []}), "no rows"),
            (json!({"name": "x", "shape": [1, 2], "datatype": "BYTES", "data": ["q", "a"]}), "not a number"),
        ] {
            let message = read(bad).unwrap_err().message;
            assert!(message.contains(part), "{message}");
        }
    }
}
