#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    frame::{Column, Frame, MISSING, Values},
    normal_scores::NormalScores,
    preprocess::{Encoder, Recipe},
    tensors::Stored,
};
use trainyard_types::dataset::ColumnType;

fn close(found: &[f32], expected: &[f32], least: f32) {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < least), "{found:?} is not {expected:?}");
}

#[test]
fn the_encoding_is_what_the_paper_draws() {
    // A line from (0, −1) by (1, 0) to (3, 1), and the bins [−1, −0.5], [−0.5, 0.5], [0.5, 0.8].
    let of = |knots: Vec<f32>, scores: Vec<f32>, edges: Vec<f32>| -> Result<Pieces, LoadError> {
        Pieces::new(NormalScores::new(knots, scores)?, edges)
    };
    let pieces = of(vec![0.0, 1.0, 3.0], vec![-1.0, 0.0, 1.0], vec![-1.0, -0.5, 0.5, 0.8]).unwrap();
    let place = |value| pieces.place(value);
    assert_eq!(place(0.75), Place { score: -0.25, bin: 1, share: 0.25 });
    assert_eq!(place(2.0), Place { score: 0.5, bin: 2, share: 0.0 });
    close(&pieces.encoding(0.75), &[1.0, 0.25, 0.0], 1e-6);
    close(&pieces.encoding(0.25), &[0.5, 0.0, 0.0], 1e-6);
    close(&pieces.encoding(2.0), &[1.0, 1.0, 0.0], 1e-6);
    // The last bin goes on above its end, and so would the first below its own; the scores end with the knots.
    close(&pieces.encoding(3.0), &[1.0, 1.0, 0.5 / 0.3], 1e-5);
    close(&pieces.encoding(99.0), &[1.0, 1.0, 0.5 / 0.3], 1e-5);
    close(&pieces.encoding(-99.0), &[0.0, 0.0, 0.0], 1e-6);
    let narrow = of(vec![0.0, 1.0], vec![-1.0, 1.0], vec![-0.5, 0.0, 0.5]).unwrap();
    close(&narrow.encoding(0.0), &[-1.0, 0.0], 1e-6);
    for (knots, scores, edges) in [
        (vec![0.0, 0.0], vec![0.0, 1.0], vec![0.0, 1.0]),
        (vec![0.0, 1.0], vec![0.0], vec![0.0, 1.0]),
        (vec![0.0, 1.0], vec![0.0, f32::NAN], vec![0.0, 1.0]),
        (vec![0.0, f32::INFINITY], vec![0.0, 1.0], vec![0.0, 1.0]),
        (vec![0.0, 1.0], vec![0.0, 1.0], vec![1.0]),
        (Vec::new(), Vec::new(), Vec::new()),
    ] {
        assert!(of(knots, scores, edges).is_err());
    }
}

#[test]
fn scores_are_scikit_learn_s() {
    // scikit-learn 1.9.1: QuantileTransformer(output_distribution="normal", n_quantiles=20, subsample=10**9).fit(x), numpy's
    // quantiles of what it makes of x.
    let values: Vec<f32> = (0..600).map(|i| ((i * 7919) % 1009) as f32).map(|v| v * v / 1e5).collect();
    let pieces = Pieces::fit(&values);
    let expected = [
        (0.0, -5.1993),
        (0.05, -1.515),
        (0.3, -0.9568),
        (1.0, -0.4922),
        (2.5, -0.0158),
        (5.0, 0.5229),
        (8.0, 1.2063),
        (9.5, 1.8427),
        (11.0, 5.1993),
        (-1.0, -5.1993),
    ];
    for (value, score) in expected {
        let found = pieces.place(value).score;
        assert!((found - score).abs() < 0.03, "{value}: {found} is not {score}");
    }
    // Within the last of 20 quantiles, where the score bends most.
    assert!((pieces.place(10.1).score - 2.8678).abs() < 0.1);
    assert_eq!(pieces.bins(), BINS);
    assert_eq!(Pieces::with_bins(&values, 5).bins(), 5);
    close(&pieces.edges()[1..6], &[-2.368, -1.843, -1.5633, -1.4169, -1.2655], 0.1);
    // Equal values get the middle of their shares, and are one edge.
    let zeros: Vec<f32> = (0..1000).map(|i| if i < 800 { 0.0 } else { i as f32 }).collect();
    let pieces = Pieces::fit(&zeros);
    assert!((pieces.place(0.0).score + 0.2533).abs() < 0.05, "{}", pieces.place(0.0).score);
    assert!(pieces.bins() < 12, "{}", pieces.bins());
    // Whatever comes, there are numbers.
    for values in [vec![], vec![3.0], vec![1.0; 40], vec![0.0, 1e-30], vec![f32::NAN, 2.0], vec![-1e4, 1e4]] {
        let pieces = Pieces::fit(&values);
        let (knots, scores) = (pieces.scores().knots().to_vec(), pieces.scores().scores().to_vec());
        let again = Pieces::new(NormalScores::new(knots, scores).unwrap(), pieces.edges().to_vec());
        assert_eq!(again.unwrap(), pieces);
        for value in [-1e4, 0.0, 1e-30, 1.0, 1e4] {
            let place = pieces.place(value);
            assert!(place.score.is_finite() && place.share.is_finite() && place.bin < pieces.bins(), "{place:?}");
        }
    }
}

fn table() -> Frame {
    let cell = |i: usize, gap: usize| if i % gap == 3 { f64::NAN } else { (i * i % 41) as f64 };
    let numbers = |gap: usize| Values::Numbers((0..200).map(|i| cell(i, gap)).collect());
    let text = |levels: u32| Values::Categories {
        codes: (0..200).map(|i| if i % 9 == 4 { MISSING } else { i % levels }).collect(),
        levels: (0..levels).map(|i| format!("level {i}")).collect(),
    };
    let column = |name: &str, kind, values| Column { name: name.into(), kind, values };
    Frame {
        columns: vec![
            column("x", ColumnType::Float, numbers(7)),
            column("few", ColumnType::Text, text(4)),
            column("y", ColumnType::Float, numbers(3)),
            column("many", ColumnType::Text, text(70)),
        ],
        rows: 200,
    }
}

/// Numbers between −0.5 and 0.5 that look random.
fn spread(count: usize, salt: usize) -> Vec<f32> {
    (0..count).map(|i| (((i * 7919 + salt * 104_729) % 1000) as f32) / 1000.0 - 0.5).collect()
}

fn model(head: Head, members: usize) -> TabMModel {
    let encoder = Encoder::fit(&table(), Recipe::TabM).unwrap();
    let encoded = encoder.encode(&table()).unwrap();
    let numbers: Vec<usize> = (0..encoder.width())
        .filter(|&at| matches!(encoder.outputs()[at].says, crate::preprocess::Says::Value))
        .collect();
    let of = |column: usize| encoded.dense.iter().skip(column).step_by(encoded.width).copied().collect::<Vec<f32>>();
    let pieces: Vec<Pieces> = numbers.iter().map(|&column| Pieces::fit(&of(column))).collect();
    let bins = pieces.iter().map(Pieces::bins).max().unwrap();
    let tables: Vec<Vec<f32>> = encoder.embedding_rows().iter().map(|rows| spread(rows * 8, 5)).collect();
    let mut weights = TabMWeights {
        dense: encoder.width(),
        steps: spread(2 * bins * 8, 1),
        slope: spread(16, 2),
        offset: spread(16, 3),
        numbers,
        pieces,
        embedding: 8,
        bins,
        tables,
        members,
        scales: Vec::new(),
        layers: Vec::new(),
        heads: spread(members * head.outputs() * 24, 6),
        head_bias: spread(members * head.outputs(), 7),
    };
    weights.scales = spread(members * weights.inputs(), 4).iter().map(|s| 3.0 * s).collect();
    let mut inputs = weights.inputs();
    for (salt, outputs) in [(8, 40), (9, 24)] {
        let (weight, bias) = (spread(inputs * outputs, salt), spread(outputs, salt + 5));
        weights.layers.push(Layer { inputs, outputs, weight, bias, alpha: Vec::new() });
        inputs = outputs;
    }
    TabMModel::new(encoder, TabMNet::new(weights).unwrap(), head).unwrap()
}

/// The members' outputs of a row, written as the formulas, in f64.
fn by_hand(model: &TabMModel, frame: &Frame, row: usize) -> Vec<f64> {
    let w = model.net().weights();
    let encoded = model.encoder().encode(frame).unwrap();
    let dense = &encoded.dense[row * w.dense..][..w.dense];
    let mut x = Vec::new();
    for (index, (column, pieces)) in w.numbers.iter().zip(&w.pieces).enumerate() {
        let (score, encoding) = (pieces.place(dense[*column]).score, pieces.encoding(dense[*column]));
        x.extend((0..8).map(|k| {
            let steps = encoding.iter().enumerate().map(|(bin, e)| e * w.steps[(index * w.bins + bin) * 8 + k]);
            f64::from(w.offset[index * 8 + k] + score * w.slope[index * 8 + k] + steps.sum::<f32>())
        }));
    }
    x.extend((0..w.dense).filter(|column| !w.numbers.contains(column)).map(|column| f64::from(dense[column])));
    let code = encoded.codes[row] as usize;
    x.extend(w.tables[0][code * 8..code * 8 + 8].iter().map(|&v| f64::from(v)));
    let mut all = Vec::new();
    for member in 0..w.members {
        let scales = &w.scales[member * x.len()..];
        let mut values: Vec<f64> = x.iter().zip(scales).map(|(x, s)| x * f64::from(*s)).collect();
        for layer in &w.layers {
            let weight = |i: usize, o: usize| f64::from(layer.weight[i * layer.outputs + o]);
            let sum = |o: usize| values.iter().enumerate().map(|(i, v)| v * weight(i, o)).sum::<f64>();
            values = (0..layer.outputs).map(|o| (sum(o) + f64::from(layer.bias[o])).max(0.0)).collect();
        }
        for o in member * w.outputs()..(member + 1) * w.outputs() {
            let head = &w.heads[o * 24..o * 24 + 24];
            let sum: f64 = values.iter().zip(head).map(|(v, h)| v * f64::from(*h)).sum();
            all.push(sum + f64::from(w.head_bias[o]));
        }
    }
    all
}

#[test]
fn forward_is_what_its_formulas_say() {
    let model = model(Head::Classes { classes: 3 }, 5);
    assert_eq!(model.net().plain().len(), 1 + 4, "what is missing of x, and four levels");
    let found = model.net().forward(&model.encoder().encode(&table()).unwrap());
    for (row, found) in found.chunks(15).enumerate() {
        for (found, expected) in found.iter().zip(by_hand(&model, &table(), row)) {
            assert!((f64::from(*found) - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{found} is not {expected}");
        }
    }
}

#[test]
fn an_answer_does_not_depend_on_the_batch() {
    for members in [1, 7, 16] {
        let model = model(Head::Classes { classes: 3 }, members);
        let encoded = |rows: &[usize]| model.encoder().encode(&table().take(rows)).unwrap();
        let all = model.net().forward(&encoded(&(0..70).collect::<Vec<_>>()));
        for row in 0..70 {
            assert_eq!(model.net().forward(&encoded(&[row])), all[row * 3 * members..(row + 1) * 3 * members]);
        }
    }
}

#[test]
fn members_answer_with_the_mean_of_their_probabilities() {
    let head = Head::Classes { classes: 2 };
    let even = |p: f32| [0.0, (p / (1.0 - p)).ln()];
    let outputs = [even(0.9), even(0.5), even(0.2), even(0.2)].as_flattened().to_vec();
    let Predictions::Probabilities { values, .. } = head.predictions(head.combined(2, outputs)) else { panic!() };
    close(&values, &[0.3, 0.7, 0.8, 0.2], 1e-6);
    // Sure beyond what a float can tell: still numbers.
    let sure = head.combined(2, vec![0.0, 300.0, 0.0, 300.0]);
    assert!(sure.iter().all(|v| v.is_finite()));
    let head = Head::Value { mean: 10.0, scale: 2.0, low: 0.0, high: 100.0 };
    assert_eq!(head.predictions(head.combined(2, vec![1.0, 2.0])), Predictions::Values(vec![13.0]));
    let model = model(head, 3);
    let Predictions::Values(values) = model.predict(&table()).unwrap() else { panic!() };
    for (row, value) in values.iter().enumerate() {
        let mean = by_hand(&model, &table(), row).iter().sum::<f64>() / 3.0;
        assert!((value - (10.0 + 2.0 * mean).clamp(0.0, 100.0)).abs() < 1e-3);
    }
}

#[test]
fn stored_and_restored_it_is_the_same() {
    let value = Head::Value { mean: 0.1, scale: 0.2, low: -0.3, high: 0.7 };
    for head in [Head::Classes { classes: 2 }, value, Head::Rate { mean: 0.1, low: 1e-7, high: 0.7 }] {
        let model = model(head, 3);
        let mut bag = TensorBag::default();
        let header = model.store(&mut bag).unwrap();
        let mut left = bag.clone();
        assert_eq!(TabMModel::restore(header.clone(), &mut left).unwrap(), model);
        assert!(left.is_empty());
        for (field, value) in [
            ("layers", serde_json::json!([40, usize::MAX])),
            ("layers", serde_json::json!([])),
            ("members", serde_json::json!(0)),
            ("members", serde_json::json!(usize::MAX)),
            ("bins", serde_json::json!(usize::MAX)),
            ("embedding", serde_json::json!(0)),
            ("numbers", serde_json::json!([1, 0])),
            ("numbers", serde_json::json!([0, 1_000_000])),
            ("numbers", serde_json::json!([0])),
        ] {
            let mut hostile = header.clone();
            hostile[field] = value.clone();
            assert!(TabMModel::restore(hostile, &mut bag.clone()).is_err(), "{field}: {value}");
        }
        bag.put("pieces", &[2, 2], vec![u32::MAX, 2, 2, 2]);
        assert!(TabMModel::restore(header, &mut bag).is_err());
    }
}
