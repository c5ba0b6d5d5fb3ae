//! The parameters at the start, which depend on the train rows: each neuron's pre-activation has standard deviation 1, and
//! its bias puts its kink inside the data (RealMLP's `std` weights and `he+5` biases).

use super::recipe::{FREQUENCIES, FREQUENCY_SCALE, Layout, MIXED, member_seed};
use crate::net::{Segment, cpu::matrix, random::Random, tensors::to_vec};
use trainyard_infer::{math, net::Activation, preprocess::Encoded};

/// Rows that decide; more would not change much and take longer.
const SAMPLE: usize = 8_192;
/// Rows of which a bias is a mixture.
const MIXTURE: usize = 5;

/// The members' flat vectors of parameters, one after the other. Depends on the rows and the seed only.
pub fn initial(layout: &Layout, train: &Encoded, seed: u64) -> Vec<f32> {
    (0..layout.config.members).flat_map(|member| of_member(layout, train, member_seed(seed, member))).collect()
}

fn of_member(layout: &Layout, train: &Encoded, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed, 1);
    let mut theta = vec![0.0f32; layout.total];
    let mut fill = |theta: &mut Vec<f32>, segment: &Segment, draw: &mut dyn FnMut(&mut Random) -> f32| {
        theta[segment.range()].iter_mut().for_each(|value| *value = draw(&mut random));
    };
    fill(&mut theta, &layout.frequency, &mut |random| FREQUENCY_SCALE * random.normal());
    fill(&mut theta, &layout.phase, &mut |random| ((random.uniform() * 2.0 - 1.0) * std::f64::consts::PI) as f32);
    // PyTorch's linear layer: uniform within ±1/√inputs, and 1/√16 is ¼.
    let bound = 1.0 / (FREQUENCIES as f64).sqrt();
    fill(&mut theta, &layout.mix, &mut |random| ((random.uniform() * 2.0 - 1.0) * bound) as f32);
    fill(&mut theta, &layout.mix_bias, &mut |random| ((random.uniform() * 2.0 - 1.0) * bound) as f32);
    for table in &layout.tables {
        fill(&mut theta, table, &mut |random| random.normal());
    }
    theta[layout.scale.range()].fill(1.0);
    for alpha in &layout.alphas {
        theta[alpha.range()].fill(1.0);
    }
    for weight in &layout.weights {
        fill(&mut theta, weight, &mut |random| random.normal());
    }
    fit_layers(layout, &mut theta, train, seed);
    theta
}

/// Scales each layer's weights and sets its biases, the first layer first.
fn fit_layers(layout: &Layout, theta: &mut [f32], train: &Encoded, seed: u64) {
    let mut random = Random::new(seed, 2);
    let rows: Vec<u32> = if train.rows <= SAMPLE {
        (0..train.rows as u32).collect()
    } else {
        random.permutation(train.rows).into_iter().take(SAMPLE).collect()
    };
    let mut values = inputs(layout, theta, train, &rows);
    for layer in 0..=layout.depth() {
        let segment = &layout.weights[layer];
        let (inputs, outputs) = (segment.rows, segment.columns);
        let product =
            matrix(values, rows.len(), inputs).matmul(matrix(theta[segment.range()].to_vec(), inputs, outputs));
        let mut z = to_vec(product);
        let tangent = layout.tangent(layer);
        let factors: Vec<f32> = deviations(&z, outputs)
            .into_iter()
            .map(|d| if d > 1e-8 { (1.0 / (d * f64::from(tangent))) as f32 } else { 1.0 })
            .collect();
        scale_columns(&mut theta[segment.range()], &factors, 1.0);
        scale_columns(&mut z, &factors, tangent);
        let biases = mixtures(&z, outputs, &mut random);
        theta[layout.biases[layer].range()].copy_from_slice(&biases);
        if layer < layout.depth() {
            for row in z.chunks_exact_mut(outputs) {
                for (value, bias) in row.iter_mut().zip(&biases) {
                    // The activation's share is 1 at the start.
                    *value = match layout.activation {
                        Activation::Selu => math::selu(*value + bias),
                        Activation::Mish => math::mish(*value + bias),
                    };
                }
            }
        }
        values = z;
    }
}

/// The first layer's input, `rows x inputs`; the input scale is 1 at the start.
fn inputs(layout: &Layout, theta: &[f32], train: &Encoded, rows: &[u32]) -> Vec<f32> {
    let mut all = Vec::with_capacity(rows.len() * layout.inputs());
    for &row in rows {
        let dense = &train.dense[row as usize * train.width..][..train.width];
        for (feature, x) in dense.iter().enumerate().take(layout.waves) {
            let of = |segment: &Segment| &theta[segment.start + feature * segment.columns..][..segment.columns];
            let (frequency, phase, mix, bias) =
                (of(&layout.frequency), of(&layout.phase), of(&layout.mix), of(&layout.mix_bias));
            let mut cosines = [0.0; FREQUENCIES];
            for (k, cosine) in cosines.iter_mut().enumerate() {
                *cosine = math::cos_turns(x * frequency[k] + phase[k] / std::f32::consts::TAU);
            }
            all.extend(
                (0..MIXED)
                    .map(|o| bias[o] + cosines.iter().zip(&mix[o * FREQUENCIES..]).map(|(c, m)| c * m).sum::<f32>()),
            );
        }
        all.extend_from_slice(dense);
        let codes = &train.codes[row as usize * train.embedded..][..train.embedded];
        for (table, &code) in layout.tables.iter().zip(codes) {
            all.extend_from_slice(&theta[table.start + code as usize * table.columns..][..table.columns]);
        }
    }
    all
}

fn scale_columns(matrix: &mut [f32], factors: &[f32], common: f32) {
    for row in matrix.chunks_exact_mut(factors.len()) {
        row.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor * common);
    }
}

/// Standard deviation of each column.
fn deviations(values: &[f32], columns: usize) -> Vec<f64> {
    let rows = (values.len() / columns).max(1) as f64;
    let (mut sums, mut squares) = (vec![0.0f64; columns], vec![0.0f64; columns]);
    for row in values.chunks_exact(columns) {
        for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(row) {
            *sum += f64::from(*value);
            *square += f64::from(*value).powi(2);
        }
    }
    sums.iter().zip(squares).map(|(sum, square)| (square / rows - (sum / rows).powi(2)).max(0.0).sqrt()).collect()
}

/// For each neuron, minus a random convex mixture of its pre-activation in five random rows.
fn mixtures(z: &[f32], columns: usize, random: &mut Random) -> Vec<f32> {
    let rows = z.len() / columns;
    (0..columns)
        .map(|column| {
            let shares: Vec<f64> = (0..MIXTURE).map(|_| -(1.0 - random.uniform()).ln()).collect();
            let total: f64 = shares.iter().sum();
            let mixed: f64 = shares
                .iter()
                .map(|share| share / total.max(1e-12) * f64::from(z[random.below(rows) * columns + column]))
                .sum();
            -mixed as f32
        })
        .collect()
}
