//! Weights as 8-bit integers, one scale for each output of a layer.

use trainyard_infer::{
    LoadError, Model, Predictor,
    blend::Blend,
    net::{FtTransformerModel, FtTransformerNet, LinearModel, RealMlpModel, RealMlpNet, TabMModel, TabMNet},
};
use trainyard_types::Problem;

/// A row-major matrix of `outputs` columns as integers from −127 to 127 and a scale for each column: the nearest multiples of
/// a 127th of the column's greatest magnitude.
pub fn columns(weight: &[f32], outputs: usize) -> (Vec<i8>, Vec<f32>) {
    let mut scales = vec![0.0f32; outputs];
    for row in weight.chunks_exact(outputs) {
        scales.iter_mut().zip(row).for_each(|(scale, value)| *scale = scale.max(value.abs()));
    }
    for scale in &mut scales {
        *scale = (*scale / 127.0).max(f32::MIN_POSITIVE);
    }
    let nearest = |(value, scale): (&f32, &f32)| (value / scale).round().clamp(-127.0, 127.0) as i8;
    let numbers = weight.chunks_exact(outputs).flat_map(|row| row.iter().zip(&scales).map(nearest)).collect();
    (numbers, scales)
}

fn rounded(weight: &[f32], outputs: usize) -> Vec<f32> {
    let (numbers, scales) = columns(weight, outputs);
    numbers.iter().zip(scales.iter().cycle()).map(|(number, scale)| f32::from(*number) * scale).collect()
}

/// The model whose answers the quantised file gives: each layer's weights are rounded, everything else is as it was.
///
/// # Errors
/// The model has no weights that could be rounded.
pub fn quantised(model: &Model) -> Result<Model, Problem> {
    let predictor = match &model.predictor {
        Predictor::RealMlp(net) => {
            let smaller = |net: &RealMlpNet| -> Result<RealMlpNet, LoadError> {
                let mut weights = net.weights().clone();
                for layer in &mut weights.layers {
                    layer.weight = rounded(&layer.weight, layer.outputs);
                }
                RealMlpNet::new(weights)
            };
            let nets = net.nets().iter().map(smaller).collect::<Result<Vec<_>, _>>()?;
            Predictor::RealMlp(RealMlpModel::new(net.encoder().clone(), nets, net.head())?)
        }
        Predictor::TabM(net) => {
            let mut weights = net.net().weights().clone();
            for layer in &mut weights.layers {
                layer.weight = rounded(&layer.weight, layer.outputs);
            }
            Predictor::TabM(TabMModel::new(net.encoder().clone(), TabMNet::new(weights)?, net.head())?)
        }
        Predictor::FtTransformer(net) => {
            let mut weights = net.net().weights().clone();
            for block in &mut weights.blocks {
                block.key = rounded(&block.key, weights.width);
                let layers = [&mut block.query, &mut block.value, &mut block.out];
                for layer in layers.into_iter().chain([&mut block.up, &mut block.gate, &mut block.down]) {
                    layer.weight = rounded(&layer.weight, layer.outputs);
                }
            }
            let rebuilt = FtTransformerNet::new(weights)?;
            Predictor::FtTransformer(FtTransformerModel::new(net.encoder().clone(), rebuilt, net.head())?)
        }
        Predictor::Linear(linear) => Predictor::Linear(LinearModel::new(
            linear.encoder().clone(),
            linear.head(),
            rounded(linear.weights(), linear.bias().len()),
            linear.bias().to_vec(),
        )?),
        Predictor::Blend(blend) => {
            let smaller = |(weight, part): &(f64, Predictor)| match part {
                // What has no weights stays as it is.
                Predictor::Trees(_) | Predictor::Boosting(_) | Predictor::Forest(_) => {
                    Ok((*weight, part.clone(), false))
                }
                _ => quantised(&Model { predictor: part.clone(), ..model.clone() })
                    .map(|model| (*weight, model.predictor, true)),
            };
            let parts = blend.parts().iter().map(smaller).collect::<Result<Vec<_>, Problem>>()?;
            if !parts.iter().any(|(.., smaller)| *smaller) {
                return Err(nothing("The blend's trees have no weights"));
            }
            Predictor::Blend(Blend::new(parts.into_iter().map(|(weight, part, _)| (weight, part)).collect())?)
        }
        Predictor::Trees(_) | Predictor::Boosting(_) => return Err(nothing("Boosted trees have no weights")),
        Predictor::Forest(_) => return Err(nothing("A random forest has no weights")),
        Predictor::Dummy(_) => return Err(nothing("The baseline has no weights")),
    };
    Ok(Model { predictor, ..model.clone() })
}

fn nothing(what: &str) -> Problem {
    Problem::field("quantize", format!("{what} that could be stored in 8 bits. Export without quantising."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_127ths_of_the_greatest() {
        let (numbers, scales) = columns(&[1.27, 0.0, -0.5, 0.0, 0.013, 0.0], 2);
        assert_eq!(numbers, [127, 0, -50, 0, 1, 0]);
        assert!((scales[0] - 0.01).abs() < 1e-8 && scales[1] > 0.0);
        assert!((rounded(&[1.27, -0.5, 0.013], 1)[2] - 0.01).abs() < 1e-8);
    }
}
