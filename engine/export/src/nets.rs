//! RealMLP and the linear model.

use crate::{
    columns::Columns,
    encoder::{Encoded, encode},
    graph::{Given, Value},
    proto::Type,
    quantise,
};
use trainyard_infer::net::{Activation, Head, LinearModel, RealMlpModel, RealMlpWeights};
use trainyard_types::Problem;

/// The nets' answer, the mean of theirs where there are several: probabilities as floats, or values as doubles.
pub fn realmlp(columns: &mut Columns, model: &RealMlpModel, int8: bool) -> Result<Value, Problem> {
    let encoded = encode(columns, model.encoder())?;
    let several = model.nets().len() > 1;
    let mut sum: Option<Value> = None;
    for net in model.nets() {
        let weights = net.weights();
        let mut x = first_layer_input(columns, weights, &encoded);
        for layer in &weights.layers {
            x = multiply(columns, &x, &layer.weight, &layer.bias, int8);
            if !layer.alpha.is_empty() {
                x = activate(columns, weights.activation, &x, &layer.alpha);
            }
        }
        // What is meant over the nets: probabilities, rates over their mean, or outputs.
        x = match model.head() {
            Head::Classes { .. } if several => answer(columns, &x, model.head()),
            Head::Rate { .. } if several => columns.graph.op("Exp", &[&x]),
            _ => x,
        };
        sum = Some(match sum {
            Some(sum) => columns.graph.op("Add", &[&sum, &x]),
            None => x,
        });
    }
    let sum = sum.ok_or_else(|| Problem::internal("The model has no net."))?;
    if !several {
        return Ok(answer(columns, &sum, model.head()));
    }
    let count = columns.graph.floats(&[1], &[model.nets().len() as f32]);
    let mean = columns.graph.op("Div", &[&sum, &count]);
    Ok(answer_of_mean(columns, mean, model.head()))
}

pub fn linear(columns: &mut Columns, model: &LinearModel, int8: bool) -> Result<Value, Problem> {
    let encoded = encode(columns, model.encoder())?;
    let x = encoded.dense.ok_or_else(|| Problem::internal("The linear model reads no column."))?;
    let x = multiply(columns, &x, model.weights(), model.bias(), int8);
    Ok(answer(columns, &x, model.head()))
}

/// Mixed cosines of the dense columns, the dense columns, and the embeddings.
fn first_layer_input(columns: &mut Columns, weights: &RealMlpWeights, encoded: &Encoded) -> Value {
    let graph = &mut columns.graph;
    let mut parts = Vec::new();
    if let Some(dense) = &encoded.dense {
        let (wide, mixed, frequencies) = (weights.dense, weights.mixed, weights.frequencies);
        if mixed > 0 && frequencies > 0 {
            // Columns first, so that each has a matrix product of its own.
            let turned = graph.op_with("Transpose", &[dense], vec![("perm", Given::Ints(vec![1, 0]))]);
            let turned = graph.reshape(&turned, &[wide as i64, -1, 1]);
            let [frequency, phase] =
                [&weights.frequency, &weights.phase].map(|values| graph.floats(&[wide, 1, frequencies], values));
            let turns = graph.op("Mul", &[&turned, &frequency]);
            let turns = graph.op("Add", &[&turns, &phase]);
            // Whole turns go first: a float has few digits left behind a large number.
            let whole = graph.op("Round", &[&turns]);
            let turns = graph.op("Sub", &[&turns, &whole]);
            let full = graph.floats(&[1], &[std::f32::consts::TAU]);
            let angle = graph.op("Mul", &[&turns, &full]);
            let cosines = graph.op("Cos", &[&angle]);
            let mut mix = vec![0.0; weights.mix.len()];
            for column in 0..wide {
                for (k, row) in weights.mix[column * mixed * frequencies..][..mixed * frequencies]
                    .chunks_exact(frequencies)
                    .enumerate()
                {
                    for (f, value) in row.iter().enumerate() {
                        mix[(column * frequencies + f) * mixed + k] = *value;
                    }
                }
            }
            let mix = graph.floats(&[wide, frequencies, mixed], &mix);
            let bias = graph.floats(&[wide, 1, mixed], &weights.mix_bias);
            let product = graph.op("MatMul", &[&cosines, &mix]);
            let product = graph.op("Add", &[&product, &bias]);
            let back = graph.op_with("Transpose", &[&product], vec![("perm", Given::Ints(vec![1, 0, 2]))]);
            parts.push(graph.reshape(&back, &[-1, (wide * mixed) as i64]));
        } else if mixed > 0 {
            let bias = weights.mix_bias.clone();
            let bias = graph.floats(&[1, wide * mixed], &bias);
            parts.push(columns.in_every_row(&bias, wide * mixed));
        }
        parts.push(dense.clone());
    }
    let graph = &mut columns.graph;
    if let Some(places) = &encoded.places {
        let rows: usize = weights.tables.iter().map(|table| table.len() / weights.embedding).sum();
        let table = graph.floats(&[rows, weights.embedding], &weights.tables.concat());
        let looked_up = graph.op("Gather", &[&table, places]);
        parts.push(graph.reshape(&looked_up, &[-1, (weights.tables.len() * weights.embedding) as i64]));
    }
    graph.concat(&parts)
}

/// `x · weight + bias`; `weight` is `inputs x outputs`.
pub fn multiply(columns: &mut Columns, x: &str, weight: &[f32], bias: &[f32], int8: bool) -> Value {
    let graph = &mut columns.graph;
    let shape = [weight.len() / bias.len(), bias.len()];
    let weight = if int8 {
        let (numbers, scales) = quantise::columns(weight, bias.len());
        let numbers = graph.bytes(Type::Int8, &shape, numbers.into_iter().map(i8::cast_unsigned).collect());
        let scales = graph.floats(&[1, bias.len()], &scales);
        // Not DequantizeLinear: before such products onnxruntime rounds the rows to 8 bits as well, and answers differ by 1 to 5
        // hundredths of their standard deviation. These two nodes it works out once, when it loads the file.
        let numbers = graph.cast(&numbers, Type::Float);
        graph.op("Mul", &[&numbers, &scales])
    } else {
        graph.floats(&shape, weight)
    };
    let bias = graph.floats(&[bias.len()], bias);
    graph.op("Gemm", &[x, &weight, &bias])
}

/// `z + alpha·(f(z) − z)`.
fn activate(columns: &mut Columns, activation: Activation, z: &str, alpha: &[f32]) -> Value {
    let graph = &mut columns.graph;
    let f = match activation {
        // ONNX's own constants are the same floats.
        Activation::Selu => graph.op("Selu", &[z]),
        Activation::Mish => {
            let soft = graph.op("Softplus", &[z]);
            let tanh = graph.op("Tanh", &[&soft]);
            graph.op("Mul", &[z, &tanh])
        }
    };
    let alpha = graph.floats(&[1, alpha.len()], alpha);
    let step = graph.op("Sub", &[&f, z]);
    let step = graph.op("Mul", &[&step, &alpha]);
    graph.op("Add", &[z, &step])
}

/// The answer of several nets, of the mean of what each gives: probabilities, rates over their mean, or outputs.
pub fn answer_of_mean(columns: &mut Columns, mean: Value, head: Head) -> Value {
    match head {
        Head::Classes { .. } => mean,
        Head::Rate { mean: unit, low, high } => {
            let mean = columns.graph.cast(&mean, Type::Double);
            rate(columns, &mean, unit, low, high)
        }
        Head::Value { .. } => answer(columns, &mean, head),
    }
}

/// A rate of its part of the mean, in doubles.
fn rate(columns: &mut Columns, part: &str, mean: f64, low: f64, high: f64) -> Value {
    let graph = &mut columns.graph;
    let x = graph.with("Mul", part, mean);
    let x = graph.with("Max", &x, low);
    graph.with("Min", &x, high)
}

/// What the head makes of the outputs, `rows x outputs`.
pub fn answer(columns: &mut Columns, x: &str, head: Head) -> Value {
    let graph = &mut columns.graph;
    match head {
        Head::Classes { .. } => graph.op_with("Softmax", &[x], vec![("axis", Given::Int(1))]),
        Head::Value { mean, scale, low, high } => {
            let x = graph.cast(x, Type::Double);
            let x = graph.with("Mul", &x, scale);
            let x = graph.with("Add", &x, mean);
            let x = graph.with("Max", &x, low);
            graph.with("Min", &x, high)
        }
        Head::Rate { mean, low, high } => {
            let x = graph.cast(x, Type::Double);
            let x = graph.op("Exp", &[&x]);
            rate(columns, &x, mean, low, high)
        }
    }
}
