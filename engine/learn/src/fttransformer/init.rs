//! The parameters at the start, as rtdl_revisiting_models 0.0.2 has them.

use super::recipe::Layout;
use crate::net::random::Random;

/// The flat vector of parameters: tokens, weights and the feed-forward nets' biases between ±1/√inputs, attention's biases 0,
/// norms as they are.
pub fn initial(layout: &Layout, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed, 1);
    let mut theta = vec![0.0f32; layout.total];
    let mut uniform = |segment: usize, inputs: usize| {
        let bound = 1.0 / (inputs.max(1) as f64).sqrt();
        let values = &mut theta[layout.segments[segment].range()];
        values.iter_mut().for_each(|value| *value = ((random.uniform() * 2.0 - 1.0) * bound) as f32);
    };
    let width = layout.width;
    for tokens in [layout.scale, layout.dense_bias, layout.table_rows, layout.table_bias, layout.cls] {
        uniform(tokens, width);
    }
    for block in &layout.blocks {
        for weight in [block.query.weight, block.key, block.value.weight, block.out.weight] {
            uniform(weight, width);
        }
        for (layer, inputs) in [(block.up, width), (block.gate, width), (block.down, layout.hidden)] {
            uniform(layer.weight, inputs);
            uniform(layer.bias, inputs);
        }
    }
    uniform(layout.head.weight, width);
    uniform(layout.head.bias, width);
    let norms = layout.blocks.iter().flat_map(|block| block.before.iter().chain([&block.between]));
    for norm in norms.chain([&layout.norm]) {
        theta[layout.segments[norm.gain].range()].fill(1.0);
    }
    theta
}
