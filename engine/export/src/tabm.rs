//! TabM: piecewise-linear embeddings of numbers, one trunk for all members, and a last layer of each.

use crate::{
    columns::Columns,
    encoder::{Encoded, encode},
    graph::{Given, Value},
    nets::{answer_of_mean, multiply},
    normal_scores::normal_scores,
};
use trainyard_infer::net::{Head, Pieces, TabMModel, TabMNet};
use trainyard_types::Problem;

/// Beyond every number that is compared.
const BEYOND: f32 = 3e38;

/// The mean of the members' answers: probabilities as floats, or values as doubles.
pub fn tabm(columns: &mut Columns, model: &TabMModel, int8: bool) -> Result<Value, Problem> {
    let encoded = encode(columns, model.encoder())?;
    let net = model.net();
    let weights = net.weights();
    let (members, outputs, inputs) = (weights.members, weights.outputs(), weights.inputs());
    let x = trunk_input(columns, net, &encoded);
    let graph = &mut columns.graph;
    let x = graph.reshape(&x, &[-1, 1, inputs as i64]);
    let scales = graph.floats(&[1, members, inputs], &weights.scales);
    let x = graph.op("Mul", &[&x, &scales]);
    let mut x = graph.reshape(&x, &[-1, inputs as i64]);
    let mut width = inputs;
    for layer in &weights.layers {
        let sum = multiply(columns, &x, &layer.weight, &layer.bias, int8);
        x = columns.graph.op("Relu", &[&sum]);
        width = layer.outputs;
    }
    // Members first, so that each has a matrix product of its own.
    let graph = &mut columns.graph;
    let x = graph.reshape(&x, &[-1, members as i64, width as i64]);
    let x = graph.op_with("Transpose", &[&x], vec![("perm", Given::Ints(vec![1, 0, 2]))]);
    let mut heads = vec![0.0; weights.heads.len()];
    for (at, head) in weights.heads.chunks_exact(width).enumerate() {
        let (member, output) = (at / outputs, at % outputs);
        for (input, value) in head.iter().enumerate() {
            heads[(member * width + input) * outputs + output] = *value;
        }
    }
    let heads = graph.floats(&[members, width, outputs], &heads);
    let bias = graph.floats(&[members, 1, outputs], &weights.head_bias);
    let product = graph.op("MatMul", &[&x, &heads]);
    let mut found = graph.op("Add", &[&product, &bias]);
    match model.head() {
        Head::Classes { .. } => found = graph.op_with("Softmax", &[&found], vec![("axis", Given::Int(2))]),
        Head::Rate { .. } => found = graph.op("Exp", &[&found]),
        Head::Value { .. } => {}
    }
    let sum = graph.sum(&found, 0);
    let count = graph.floats(&[1], &[members as f32]);
    let mean = graph.op("Div", &[&sum, &count]);
    Ok(answer_of_mean(columns, mean, model.head()))
}

/// The numbers' embeddings, the other dense columns, and the embedded columns' rows.
fn trunk_input(columns: &mut Columns, net: &TabMNet, encoded: &Encoded) -> Value {
    let weights = net.weights();
    let mut parts = Vec::new();
    if let Some(dense) = &encoded.dense {
        if !weights.numbers.is_empty() {
            let numbers = columns.graph.columns(dense, weights.dense, &weights.numbers);
            let lines: Vec<_> = weights.pieces.iter().map(Pieces::scores).collect();
            let scores = normal_scores(columns, &numbers, &lines);
            parts.push(embeddings(columns, &scores, net));
        }
        if !net.plain().is_empty() {
            parts.push(columns.graph.columns(dense, weights.dense, net.plain()));
        }
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

/// The numbers' embeddings, `rows x numbers * embedding`.
fn embeddings(columns: &mut Columns, scores: &str, net: &TabMNet) -> Value {
    let weights = net.weights();
    let (count, bins, wide) = (weights.numbers.len(), weights.bins, weights.embedding);
    let each = |value: &dyn Fn(&Pieces, usize) -> f32| -> Vec<f32> {
        let of = |pieces: &Pieces| -> Vec<f32> {
            (0..bins).map(|bin| if bin < pieces.bins() { value(pieces, bin) } else { 0.0 }).collect()
        };
        weights.pieces.iter().flat_map(of).collect()
    };
    let edges = each(&|pieces, bin| pieces.edges()[bin]);
    let inverse = each(&|pieces, bin| 1.0 / (pieces.edges()[bin + 1] - pieces.edges()[bin]));
    let least = each(&|_, bin| if bin == 0 { -BEYOND } else { 0.0 });
    let most = each(&|pieces, bin| if bin + 1 == pieces.bins() { BEYOND } else { 1.0 });
    let graph = &mut columns.graph;
    // Numbers first, so that each has a matrix product of its own.
    let turned = graph.op_with("Transpose", &[scores], vec![("perm", Given::Ints(vec![1, 0]))]);
    let turned = graph.reshape(&turned, &[count as i64, -1, 1]);
    let [edges, inverse, least, most] =
        [edges, inverse, least, most].map(|values| graph.floats(&[count, 1, bins], &values));
    let share = graph.op("Sub", &[&turned, &edges]);
    let share = graph.op("Mul", &[&share, &inverse]);
    let share = graph.op("Max", &[&share, &least]);
    let share = graph.op("Min", &[&share, &most]);
    let steps = graph.floats(&[count, bins, wide], &weights.steps);
    let [slope, offset] = [&weights.slope, &weights.offset].map(|values| graph.floats(&[count, 1, wide], values));
    let stepped = graph.op("MatMul", &[&share, &steps]);
    let sloped = graph.op("Mul", &[&turned, &slope]);
    let sum = graph.op("Add", &[&sloped, &offset]);
    let sum = graph.op("Add", &[&sum, &stepped]);
    let back = graph.op_with("Transpose", &[&sum], vec![("perm", Given::Ints(vec![1, 0, 2]))]);
    graph.reshape(&back, &[-1, (count * wide) as i64])
}
