#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    frame::{Column, Frame, MISSING, Values},
    preprocess::{Encoder, Recipe},
    tensors::Stored,
};
use trainyard_types::dataset::ColumnType;

fn table() -> Frame {
    let cell = |i: usize, gap: usize| if i % gap == 3 { f64::NAN } else { (i * i % 41) as f64 };
    let numbers = |gap: usize| Values::Numbers((0..100).map(|i| cell(i, gap)).collect());
    let text = |levels: u32| Values::Categories {
        codes: (0..100).map(|i| if i % 9 == 4 { MISSING } else { i % levels }).collect(),
        levels: (0..levels).map(|i| format!("level {i}")).collect(),
    };
    let column = |name: &str, kind, values| Column { name: name.into(), kind, values };
    Frame {
        columns: vec![
            column("x", ColumnType::Float, numbers(7)),
            column("two", ColumnType::Text, text(2)),
            column("few", ColumnType::Text, text(4)),
            column("many", ColumnType::Text, text(40)),
        ],
        rows: 100,
    }
}

/// Numbers between −0.5 and 0.5 that look random.
fn spread(count: usize, salt: usize) -> Vec<f32> {
    (0..count).map(|i| (((i * 7919 + salt * 104_729) % 1000) as f32) / 1000.0 - 0.5).collect()
}

fn layer(inputs: usize, outputs: usize, salt: usize) -> Layer {
    let weight = spread(inputs * outputs, salt);
    Layer { inputs, outputs, weight, bias: spread(outputs, salt + 50), alpha: Vec::new() }
}

fn norm(width: usize, salt: usize) -> Norm {
    Norm { gain: spread(width, salt).iter().map(|v| v + 1.0).collect(), shift: spread(width, salt + 50) }
}

const WIDTH: usize = 12;
const HIDDEN: usize = 7;

fn block(first: bool, salt: usize) -> Block {
    Block {
        before: (!first).then(|| norm(WIDTH, salt)),
        query: layer(WIDTH, WIDTH, salt + 1),
        key: spread(WIDTH * WIDTH, salt + 2),
        value: layer(WIDTH, WIDTH, salt + 3),
        out: layer(WIDTH, WIDTH, salt + 4),
        between: norm(WIDTH, salt + 5),
        up: layer(WIDTH, HIDDEN, salt + 6),
        gate: layer(WIDTH, HIDDEN, salt + 7),
        down: layer(HIDDEN, WIDTH, salt + 8),
    }
}

fn model(head: Head, blocks: usize) -> FtTransformerModel {
    let encoder = Encoder::fit(&table(), Recipe::FtTransformer).unwrap();
    let rows = encoder.embedding_rows();
    assert_eq!((encoder.width(), rows.as_slice()), (3, [5, 41].as_slice()), "x, whether it is missing, two; few, many");
    let weights = FtTransformerWeights {
        dense: 3,
        width: WIDTH,
        heads: 3,
        hidden: HIDDEN,
        scale: spread(3 * WIDTH, 1),
        bias: spread(5 * WIDTH, 2),
        tables: rows.iter().map(|rows| spread(rows * WIDTH, 3 + rows)).collect(),
        cls: spread(WIDTH, 4),
        blocks: (0..blocks).map(|index| block(index == 0, 10 + 10 * index)).collect(),
        norm: norm(WIDTH, 5),
        head: layer(WIDTH, head.outputs(), 6),
    };
    FtTransformerModel::new(encoder, FtTransformerNet::new(weights).unwrap(), head).unwrap()
}

type Rows = Vec<Vec<f64>>;

fn by_norm(norm: &Norm, x: &[f64]) -> Vec<f64> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64;
    let of = |(at, v): (usize, &f64)| {
        (v - mean) / (variance + 1e-5).sqrt() * f64::from(norm.gain[at]) + f64::from(norm.shift[at])
    };
    x.iter().enumerate().map(of).collect()
}

fn times(x: &[f64], weight: &[f32], bias: &[f32]) -> Vec<f64> {
    let outputs = weight.len() / x.len();
    let sum = |o: usize| x.iter().enumerate().map(|(i, v)| v * f64::from(weight[i * outputs + o])).sum::<f64>();
    (0..outputs).map(|o| sum(o) + bias.get(o).map_or(0.0, |bias| f64::from(*bias))).collect()
}

/// Attention of all tokens to all, head by head.
fn by_attention(query: &[Vec<f64>], key: &[Vec<f64>], value: &[Vec<f64>], heads: usize) -> Rows {
    let each = query[0].len() / heads;
    let seen = |query: &Vec<f64>, at: usize| {
        let head = at / each * each..(at / each + 1) * each;
        let score = |key: &Vec<f64>| {
            let products = query[head.clone()].iter().zip(&key[head.clone()]).map(|(q, k)| q * k);
            (products.sum::<f64>() / (each as f64).sqrt()).exp()
        };
        let scores: Vec<f64> = key.iter().map(score).collect();
        scores.iter().zip(value).map(|(s, value)| s * value[at]).sum::<f64>() / scores.iter().sum::<f64>()
    };
    query.iter().map(|query| (0..query.len()).map(|at| seen(query, at)).collect()).collect()
}

fn plus(x: &[f64], more: &[f64]) -> Vec<f64> {
    x.iter().zip(more).map(|(x, more)| x + more).collect()
}

/// The outputs of a row, written as the paper's formulas, all tokens through all blocks, in f64.
fn by_hand(model: &FtTransformerModel, frame: &Frame, row: usize) -> Vec<f64> {
    let w = model.net().weights();
    let encoded = model.encoder().encode(frame).unwrap();
    let double = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
    let mut x: Rows = vec![double(&w.cls)];
    for column in 0..w.dense + w.tables.len() {
        let bias = double(&w.bias[column * WIDTH..][..WIDTH]);
        let of = if column < w.dense {
            let number = f64::from(encoded.dense[row * w.dense + column]);
            double(&w.scale[column * WIDTH..][..WIDTH]).iter().map(|scale| number * scale).collect()
        } else {
            let index = column - w.dense;
            double(&w.tables[index][encoded.codes[row * w.tables.len() + index] as usize * WIDTH..][..WIDTH])
        };
        x.push(plus(&of, &bias));
    }
    for block in &w.blocks {
        let normed: Rows = x.iter().map(|x| block.before.as_ref().map_or(x.clone(), |norm| by_norm(norm, x))).collect();
        let all = |layer: &Layer| normed.iter().map(|x| times(x, &layer.weight, &layer.bias)).collect::<Rows>();
        let keys: Rows = normed.iter().map(|x| times(x, &block.key, &[])).collect();
        let seen = by_attention(&all(&block.query), &keys, &all(&block.value), w.heads);
        for (x, seen) in x.iter_mut().zip(seen) {
            *x = plus(x, &times(&seen, &block.out.weight, &block.out.bias));
            let normed = by_norm(&block.between, x);
            let [up, gate] = [&block.up, &block.gate].map(|layer| times(&normed, &layer.weight, &layer.bias));
            let within: Vec<f64> = up.iter().zip(gate).map(|(up, gate)| up * gate.max(0.0)).collect();
            *x = plus(x, &times(&within, &block.down.weight, &block.down.bias));
        }
    }
    let last: Vec<f64> = by_norm(&w.norm, &x[0]).iter().map(|v| v.max(0.0)).collect();
    times(&last, &w.head.weight, &w.head.bias)
}

#[test]
fn forward_is_what_its_formulas_say() {
    for blocks in [1, 3] {
        let model = model(Head::Classes { classes: 3 }, blocks);
        let found = model.net().forward(&model.encoder().encode(&table()).unwrap());
        for (row, found) in found.chunks(3).enumerate() {
            for (found, expected) in found.iter().zip(by_hand(&model, &table(), row)) {
                let off = (f64::from(*found) - expected).abs();
                assert!(off < 1e-4 * (1.0 + expected.abs()), "{blocks} blocks: {found} is not {expected}");
            }
        }
    }
}

#[test]
fn an_answer_does_not_depend_on_the_batch() {
    let model = model(Head::Classes { classes: 2 }, 2);
    let encoded = |rows: &[usize]| model.encoder().encode(&table().take(rows)).unwrap();
    let all = model.net().forward(&encoded(&(0..70).collect::<Vec<_>>()));
    for row in 0..70 {
        assert_eq!(model.net().forward(&encoded(&[row])), all[row * 2..(row + 1) * 2]);
    }
    assert!(model.net().forward(&encoded(&[])).is_empty());
}

#[test]
fn values_are_in_the_target_s_unit() {
    let head = Head::Value { mean: 10.0, scale: 2.0, low: 8.0, high: 100.0 };
    let model = model(head, 2);
    let crate::Predictions::Values(values) = model.predict(&table()).unwrap() else { panic!() };
    for (row, value) in values.iter().enumerate() {
        let expected = (10.0 + 2.0 * by_hand(&model, &table(), row)[0]).clamp(8.0, 100.0);
        assert!((value - expected).abs() < 1e-3, "{value} is not {expected}");
    }
}

#[test]
fn stored_and_restored_it_is_the_same() {
    for head in [Head::Classes { classes: 2 }, Head::Value { mean: 0.1, scale: 0.2, low: -0.3, high: 0.7 }] {
        let model = model(head, 2);
        let mut bag = TensorBag::default();
        let header = model.store(&mut bag).unwrap();
        let mut left = bag.clone();
        assert_eq!(FtTransformerModel::restore(header.clone(), &mut left).unwrap(), model);
        assert!(left.is_empty());
        for (field, value) in [
            ("width", 0),
            ("width", 24),
            ("width", usize::MAX),
            ("heads", 0),
            ("heads", 5),
            ("heads", usize::MAX),
            ("hidden", 0),
            ("hidden", usize::MAX),
            ("blocks", 0),
            ("blocks", 3),
            ("blocks", usize::MAX),
        ] {
            let mut hostile = header.clone();
            hostile[field] = serde_json::json!(value);
            assert!(FtTransformerModel::restore(hostile, &mut bag.clone()).is_err(), "{field}: {value}");
        }
        let swap = |name: &str, shape: &[usize], values: Vec<f32>| {
            let mut bag = bag.clone();
            bag.put(name, shape, values);
            FtTransformerModel::restore(header.clone(), &mut bag).is_err()
        };
        assert!(swap("cls", &[WIDTH], vec![f32::NAN; WIDTH]));
        assert!(swap("block.1.key.weight", &[WIDTH, WIDTH], vec![f32::INFINITY; WIDTH * WIDTH]));
        assert!(swap("bias", &[4, WIDTH], vec![0.0; 4 * WIDTH]));
        assert!(swap("table.0", &[4, WIDTH], vec![0.0; 4 * WIDTH]));
        assert!(swap("block.1.before.gain", &[1], vec![0.0]));
    }
}

#[test]
fn numbers_beyond_all_bounds_do_not_panic() {
    let mut model = model(Head::Classes { classes: 2 }, 2);
    let mut weights = model.net().weights().clone();
    weights.scale = vec![f32::MAX; weights.scale.len()];
    weights.blocks[0].key = vec![f32::MAX; WIDTH * WIDTH];
    model = FtTransformerModel::new(model.encoder().clone(), FtTransformerNet::new(weights).unwrap(), model.head())
        .unwrap();
    model.predict(&table()).unwrap();
}
