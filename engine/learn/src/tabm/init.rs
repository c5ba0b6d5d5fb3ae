//! The parameters at the start. Members differ by the scale of their inputs and by their last layers.

use super::recipe::{EMBEDDING, Layout};
use crate::net::random::Random;

/// The flat vector of parameters.
pub fn initial(layout: &Layout, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed, 1);
    let mut theta = vec![0.0f32; layout.total];
    let mut uniform = |values: &mut [f32], inputs: usize| {
        let bound = 1.0 / (inputs.max(1) as f64).sqrt();
        values.iter_mut().for_each(|value| *value = ((random.uniform() * 2.0 - 1.0) * bound) as f32);
    };
    // The steps begin at 0: an embedding begins as a line.
    for segment in [&layout.slope, &layout.offset].into_iter().chain(&layout.tables) {
        uniform(&mut theta[segment.range()], EMBEDDING);
    }
    for (weight, bias) in layout.weights.iter().zip(&layout.biases) {
        uniform(&mut theta[weight.range()], weight.rows);
        uniform(&mut theta[bias.range()], weight.rows);
    }
    uniform(&mut theta[layout.heads.range()], layout.width());
    uniform(&mut theta[layout.head_bias.range()], layout.width());
    scales(layout, &mut theta, seed);
    theta
}

/// One factor for each member and feature: normal, or a sign where there is no number.
fn scales(layout: &Layout, theta: &mut [f32], seed: u64) {
    let mut random = Random::new(seed, 2);
    let features = layout.features();
    let count = features.last().map_or(0, |last| last + 1);
    let signs = layout.columns.numbers.is_empty();
    for scale in theta[layout.scale.range()].chunks_exact_mut(features.len().max(1)) {
        let factors: Vec<f32> = (0..count)
            .map(|_| {
                let draw = random.normal();
                if signs { 1.0f32.copysign(draw) } else { draw }
            })
            .collect();
        scale.iter_mut().zip(&features).for_each(|(scale, feature)| *scale = factors[*feature]);
    }
}
