//! FT-Transformer: a token for each column, blocks of attention, and a last layer of `[CLS]`.

use crate::{
    columns::Columns,
    encoder::{Encoded, encode},
    graph::{Given, Value},
    nets::{answer, multiply},
};
use trainyard_infer::net::{Block, FtTransformerModel, FtTransformerWeights, Layer, NORM_EPSILON, Norm};
use trainyard_types::Problem;

/// The net's answer: probabilities as floats, or values as doubles.
pub fn fttransformer(columns: &mut Columns, model: &FtTransformerModel, int8: bool) -> Result<Value, Problem> {
    let encoded = encode(columns, model.encoder())?;
    let weights = model.net().weights();
    let mut x = tokens(columns, weights, &encoded);
    let mut shape = Shape { tokens: weights.tokens(), width: weights.width, heads: weights.heads, int8 };
    for (index, block) in weights.blocks.iter().enumerate() {
        let asked = if index + 1 == weights.blocks.len() { 1 } else { shape.tokens };
        x = attended(columns, &x, block, asked, shape);
        shape.tokens = asked;
    }
    let x = norm(columns, &x, &weights.norm);
    let x = columns.graph.op("Relu", &[&x]);
    let x = multiply(columns, &x, &weights.head.weight, &weights.head.bias, false);
    Ok(answer(columns, &x, model.head()))
}

/// What a block's values are like.
#[derive(Clone, Copy)]
struct Shape {
    tokens: usize,
    width: usize,
    heads: usize,
    int8: bool,
}

/// All rows' tokens, one below the other, `rows · tokens x width`.
fn tokens(columns: &mut Columns, weights: &FtTransformerWeights, encoded: &Encoded) -> Value {
    let (dense, tables, width) = (weights.dense, weights.tables.len(), weights.width);
    let cls = columns.graph.floats(&[1, width], &weights.cls);
    let cls = columns.in_every_row(&cls, width);
    let graph = &mut columns.graph;
    let mut parts = vec![graph.reshape(&cls, &[-1, 1, width as i64])];
    let (dense_bias, table_bias) = weights.bias.split_at(dense * width);
    if let Some(numbers) = &encoded.dense {
        let numbers = graph.reshape(numbers, &[-1, dense as i64, 1]);
        let [scale, bias] = [&weights.scale[..], dense_bias].map(|values| graph.floats(&[1, dense, width], values));
        let scaled = graph.op("Mul", &[&numbers, &scale]);
        parts.push(graph.op("Add", &[&scaled, &bias]));
    }
    if let Some(places) = &encoded.places {
        let rows: usize = weights.tables.iter().map(|table| table.len() / width).sum();
        let table = graph.floats(&[rows, width], &weights.tables.concat());
        let found = graph.op("Gather", &[&table, places]);
        let bias = graph.floats(&[1, tables, width], table_bias);
        parts.push(graph.op("Add", &[&found, &bias]));
    }
    let all = graph.concat(&parts);
    graph.reshape(&all, &[-1, width as i64])
}

/// A block. `x` is `rows · tokens x width`; so is the answer, with `asked` tokens a row: all, or `[CLS]` alone.
fn attended(columns: &mut Columns, x: &str, block: &Block, asked: usize, shape: Shape) -> Value {
    let Shape { tokens, width, heads, int8 } = shape;
    let layer = |columns: &mut Columns, x: &str, layer: &Layer| multiply(columns, x, &layer.weight, &layer.bias, int8);
    let each = width / heads;
    let normed = match &block.before {
        Some(before) => norm(columns, x, before),
        None => x.to_owned(),
    };
    let first = |columns: &mut Columns, x: &str| {
        if asked == tokens {
            return x.to_owned();
        }
        let graph = &mut columns.graph;
        let rows = graph.reshape(x, &[-1, tokens as i64, width as i64]);
        let first = graph.columns(&rows, tokens, &[0]);
        graph.reshape(&first, &[-1, width as i64])
    };
    // Heads before tokens, so that each head has matrix products of its own; keys are turned.
    let split = |columns: &mut Columns, x: &str, tokens: usize, order: [i64; 4]| {
        let parts = columns.graph.reshape(x, &[-1, tokens as i64, heads as i64, each as i64]);
        columns.graph.op_with("Transpose", &[&parts], vec![("perm", Given::Ints(order.to_vec()))])
    };
    let asking = first(columns, &normed);
    let query = layer(columns, &asking, &block.query);
    let query = split(columns, &query, asked, [0, 2, 1, 3]);
    let key = multiply(columns, &normed, &block.key, &vec![0.0; width], int8);
    let key = split(columns, &key, tokens, [0, 2, 3, 1]);
    let value = layer(columns, &normed, &block.value);
    let value = split(columns, &value, tokens, [0, 2, 1, 3]);
    let graph = &mut columns.graph;
    let scores = graph.op("MatMul", &[&query, &key]);
    let root = graph.floats(&[1], &[(each as f32).sqrt()]);
    let scores = graph.op("Div", &[&scores, &root]);
    let shares = graph.op_with("Softmax", &[&scores], vec![("axis", Given::Int(3))]);
    let seen = graph.op("MatMul", &[&shares, &value]);
    let seen = graph.op_with("Transpose", &[&seen], vec![("perm", Given::Ints(vec![0, 2, 1, 3]))]);
    let seen = graph.reshape(&seen, &[-1, width as i64]);
    let more = layer(columns, &seen, &block.out);
    let x = first(columns, x);
    let x = columns.graph.op("Add", &[&x, &more]);
    let normed = norm(columns, &x, &block.between);
    let up = layer(columns, &normed, &block.up);
    let gate = layer(columns, &normed, &block.gate);
    let gate = columns.graph.op("Relu", &[&gate]);
    let within = columns.graph.op("Mul", &[&up, &gate]);
    let more = layer(columns, &within, &block.down);
    columns.graph.op("Add", &[&x, &more])
}

/// The layer norm of each row, by operators that every runtime has.
fn norm(columns: &mut Columns, x: &str, norm: &Norm) -> Value {
    let graph = &mut columns.graph;
    let width = norm.gain.len();
    let count = graph.floats(&[1], &[width as f32]);
    let axes = graph.ints(&[1], [1].into_iter());
    let keep = || vec![("keepdims", Given::Int(1))];
    let sum = graph.op_with("ReduceSum", &[x, &axes], keep());
    let mean = graph.op("Div", &[&sum, &count]);
    let centred = graph.op("Sub", &[x, &mean]);
    let squares = graph.op("Mul", &[&centred, &centred]);
    let sum = graph.op_with("ReduceSum", &[&squares, &axes], keep());
    let variance = graph.op("Div", &[&sum, &count]);
    let least = graph.floats(&[1], &[NORM_EPSILON]);
    let variance = graph.op("Add", &[&variance, &least]);
    let deviation = graph.op("Sqrt", &[&variance]);
    let unit = graph.op("Div", &[&centred, &deviation]);
    let [gain, shift] = [&norm.gain, &norm.shift].map(|values| graph.floats(&[1, width], values));
    let scaled = graph.op("Mul", &[&unit, &gain]);
    graph.op("Add", &[&scaled, &shift])
}
