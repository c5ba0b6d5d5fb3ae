#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    frame::{Column, Frame, Values},
    preprocess::{Encoder, Recipe},
    tensors::Stored,
};
use trainyard_types::dataset::ColumnType;

fn train() -> Frame {
    let numbers = Values::Numbers((0..40).map(|i| f64::from(i % 7) - 1.5).collect());
    let codes: Vec<u32> = (0..40).map(|i| i % 10).collect();
    let levels = (0..10).map(|i| format!("level {i}")).collect();
    Frame {
        columns: vec![
            Column { name: "x".into(), kind: ColumnType::Float, values: numbers },
            Column { name: "c".into(), kind: ColumnType::Text, values: Values::Categories { codes, levels } },
        ],
        rows: 40,
    }
}

/// Numbers between −0.5 and 0.5 that look random.
fn spread(count: usize, salt: usize) -> Vec<f32> {
    (0..count).map(|i| (((i * 7919 + salt * 104_729) % 1000) as f32) / 1000.0 - 0.5).collect()
}

fn net(head: Head, salt: usize) -> RealMlpNet {
    let layer = |inputs, outputs, salt, last| Layer {
        inputs,
        outputs,
        weight: spread(inputs * outputs, salt),
        bias: spread(outputs, salt + 1),
        alpha: if last { Vec::new() } else { spread(outputs, salt + 2) },
    };
    let weights = RealMlpWeights {
        activation: Activation::Mish,
        dense: 1,
        frequencies: 16,
        mixed: 3,
        frequency: spread(16, salt + 1),
        phase: spread(16, salt + 2),
        mix: spread(48, salt + 3),
        mix_bias: spread(3, salt + 4),
        embedding: 8,
        tables: vec![spread(88, salt + 5)],
        layers: vec![
            layer(12, 40, salt + 6, false),
            layer(40, 20, salt + 7, false),
            layer(20, head.outputs(), salt + 8, true),
        ],
    };
    RealMlpNet::new(weights).unwrap()
}

fn together(head: Head, members: usize) -> RealMlpModel {
    let encoder = Encoder::fit(&train(), Recipe::RealMlp).unwrap();
    RealMlpModel::new(encoder, (0..members).map(|member| net(head, 50 * member)).collect(), head).unwrap()
}

fn model(head: Head) -> RealMlpModel {
    together(head, 1)
}

/// One hidden layer on the columns as they are; the category keeps its table.
fn plain(head: Head) -> RealMlpModel {
    let mut weights = net(head, 0).weights().clone();
    (weights.frequencies, weights.mixed) = (0, 0);
    for list in [&mut weights.frequency, &mut weights.phase, &mut weights.mix, &mut weights.mix_bias] {
        list.clear();
    }
    let layer = |inputs, outputs, alpha| Layer {
        inputs,
        outputs,
        weight: spread(inputs * outputs, 21),
        bias: spread(outputs, 22),
        alpha,
    };
    weights.layers = vec![layer(9, 16, spread(16, 23)), layer(16, head.outputs(), Vec::new())];
    let encoder = Encoder::fit(&train(), Recipe::RealMlp).unwrap();
    RealMlpModel::new(encoder, vec![RealMlpNet::new(weights).unwrap()], head).unwrap()
}

/// The same net, written as its formulas, in f64.
fn by_hand(model: &RealMlpModel, frame: &Frame) -> Vec<f64> {
    let w = model.nets()[0].weights();
    let encoded = model.encoder().encode(frame).unwrap();
    let mut all = Vec::new();
    for row in 0..encoded.rows {
        let x = f64::from(encoded.dense[row]);
        let cosines: Vec<f64> = (0..w.frequencies)
            .map(|k| ((x * f64::from(w.frequency[k]) + f64::from(w.phase[k])) * std::f64::consts::TAU).cos())
            .collect();
        let mut values: Vec<f64> = (0..w.mixed)
            .map(|o| {
                f64::from(w.mix_bias[o])
                    + (0..w.frequencies).map(|k| cosines[k] * f64::from(w.mix[o * 16 + k])).sum::<f64>()
            })
            .collect();
        values.push(x);
        let code = encoded.codes[row] as usize;
        values.extend(w.tables[0][code * 8..code * 8 + 8].iter().map(|&v| f64::from(v)));
        for layer in &w.layers {
            values = (0..layer.outputs)
                .map(|o| {
                    let z = f64::from(layer.bias[o])
                        + values
                            .iter()
                            .enumerate()
                            .map(|(i, v)| v * f64::from(layer.weight[i * layer.outputs + o]))
                            .sum::<f64>();
                    let f = z * (1.0 + z.exp()).ln().tanh();
                    layer.alpha.get(o).map_or(z, |&alpha| z + (f - z) * f64::from(alpha))
                })
                .collect();
        }
        all.extend(values);
    }
    all
}

#[test]
fn forward_is_what_its_formulas_say() {
    let head = Head::Classes { classes: 3 };
    for model in [model(head), plain(head)] {
        for rows in [1, 2, 5, 40] {
            let frame = train().take(&(0..rows).collect::<Vec<_>>());
            let outputs = model.nets()[0].forward(&model.encoder().encode(&frame).unwrap());
            let expected = by_hand(&model, &frame);
            assert_eq!(outputs.len(), expected.len());
            for (found, expected) in outputs.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} is not {expected}");
            }
        }
    }
}

#[test]
fn several_nets_answer_with_their_mean() {
    let alone = |head: Head, member: usize| {
        let encoder = Encoder::fit(&train(), Recipe::RealMlp).unwrap();
        RealMlpModel::new(encoder, vec![net(head, 50 * member)], head).unwrap().predict(&train()).unwrap()
    };
    let head = Head::Classes { classes: 3 };
    let Predictions::Probabilities { values, .. } = together(head, 3).predict(&train()).unwrap() else { panic!() };
    let of = |member| {
        let Predictions::Probabilities { values, .. } = alone(head, member) else { panic!() };
        values
    };
    let (a, b, c) = (of(0), of(1), of(2));
    assert!(a != b && b != c);
    for (index, value) in values.iter().enumerate() {
        assert!((value - (a[index] + b[index] + c[index]) / 3.0).abs() < 3e-6);
    }
    let head = Head::Value { mean: 1.0, scale: 2.0, low: -99.0, high: 99.0 };
    let Predictions::Values(values) = together(head, 2).predict(&train()).unwrap() else { panic!() };
    let (Predictions::Values(a), Predictions::Values(b)) = (alone(head, 0), alone(head, 1)) else { panic!() };
    assert!(values.iter().zip(a.iter().zip(b)).all(|(both, (a, b))| (both - (a + b) / 2.0).abs() < 1e-6));
    // Nets of different shapes are no model.
    let encoder = Encoder::fit(&train(), Recipe::RealMlp).unwrap();
    let mixed = vec![net(head, 0), plain(head).nets()[0].clone()];
    assert!(RealMlpModel::new(encoder.clone(), mixed, head).is_err());
    assert!(RealMlpModel::new(encoder, Vec::new(), head).is_err());
}

#[test]
fn an_answer_does_not_depend_on_the_batch() {
    let model = model(Head::Classes { classes: 3 });
    let encoded = |rows: &[usize]| model.encoder().encode(&train().take(rows)).unwrap();
    let all = model.nets()[0].forward(&encoded(&(0..40).collect::<Vec<_>>()));
    for row in 0..40 {
        assert_eq!(model.nets()[0].forward(&encoded(&[row])), all[row * 3..(row + 1) * 3]);
    }
}

#[test]
fn probabilities_sum_to_one_and_values_stay_in_range() {
    let Predictions::Probabilities { classes: 3, values } =
        model(Head::Classes { classes: 3 }).predict(&train()).unwrap()
    else {
        panic!()
    };
    assert!(values.chunks(3).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6 && row.iter().all(|p| *p >= 0.0)));
    let head = Head::Value { mean: 10.0, scale: 1000.0, low: 9.0, high: 11.0 };
    let Predictions::Values(values) = model(head).predict(&train()).unwrap() else { panic!() };
    assert!(values.iter().all(|v| (9.0..=11.0).contains(v)));
}

#[test]
fn a_rate_is_a_power_held_within_its_bounds() {
    let head = Head::Rate { mean: 2.0, low: 0.5, high: 8.0 };
    let Predictions::Values(values) = head.predictions(vec![0.0, 1.0, -9.0, 9.0, f32::INFINITY]) else { panic!() };
    assert_eq!([values[0], values[2], values[3], values[4]], [2.0, 0.5, 8.0, 8.0]);
    assert!((values[1] - 2.0 * 1f64.exp()).abs() < 1e-12);
    // Members' rates are meant, not their logarithms: (1 + 3) / 2.
    let together = head.combined(2, vec![0.0, 3f32.ln()]);
    assert!((together[0] - 2f32.ln()).abs() < 1e-6, "{together:?}");
}

#[test]
fn stored_and_restored_it_is_the_same() {
    let value = Head::Value { mean: 0.1, scale: 0.2, low: -0.3, high: 0.7 };
    for head in [Head::Classes { classes: 2 }, value, Head::Rate { mean: 0.1, low: 1e-7, high: 0.7 }] {
        for model in [model(head), together(head, 2), plain(head)] {
            let mut bag = TensorBag::default();
            let header = model.store(&mut bag).unwrap();
            // Files of a single net are as they were before there could be several.
            assert_eq!(header.get("members").is_some(), model.nets().len() > 1);
            assert_eq!(bag.names().any(|name| name == "frequency"), model.nets().len() == 1);
            let mut left = bag.clone();
            assert_eq!(RealMlpModel::restore(header.clone(), &mut left).unwrap(), model);
            assert!(left.is_empty());
            for (key, value) in
                [("layers", serde_json::json!([40, usize::MAX, 2])), ("members", serde_json::json!(usize::MAX))]
            {
                let mut hostile = header.clone();
                hostile[key] = value;
                assert!(RealMlpModel::restore(hostile, &mut bag.clone()).is_err());
            }
        }
    }
}

#[test]
fn a_linear_model_multiplies_and_adds() {
    let encoder = Encoder::fit(&train(), Recipe::Linear).unwrap();
    let width = encoder.width();
    let head = Head::Value { mean: 2.0, scale: 3.0, low: f64::NEG_INFINITY, high: f64::INFINITY };
    let model = LinearModel::new(encoder.clone(), head, spread(width, 1), vec![0.25]).unwrap();
    let Predictions::Values(values) = model.predict(&train()).unwrap() else { panic!() };
    let encoded = encoder.encode(&train()).unwrap();
    for (row, value) in encoded.dense.chunks(width).zip(values) {
        let expected: f32 = row.iter().zip(model.weights()).map(|(x, w)| x * w).sum::<f32>() + 0.25;
        assert!((value - (f64::from(expected) * 3.0 + 2.0)).abs() < 1e-4);
    }
    let mut bag = TensorBag::default();
    let header = model.store(&mut bag).unwrap();
    assert_eq!(LinearModel::restore(header, &mut bag).unwrap(), model);
    assert!(LinearModel::new(encoder, head, vec![f32::NAN; width], vec![0.0]).is_err());
}
