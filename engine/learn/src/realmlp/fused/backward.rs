//! The gradient of a batch.

use super::{Drop, Fused, Gradient, LANES, LAYERS, Trace, loss, numbers};
use crate::realmlp::{
    engine::Clock,
    recipe::{DEPTH, EMBEDDING, FREQUENCIES, MIXED, Part},
};
use burn::tensor::{Device, Tensor, TensorData};
use std::f32::consts::TAU;
use trainyard_infer::{
    math::{cos_turns, mish_slope, selu_slope, vectorised},
    net::Activation,
};

impl Fused {
    /// The loss (times `share`) and its gradient in every parameter.
    pub(super) fn backward(&self, part: &Part, rows: &[u32], mut trace: Trace, share: f32, clock: &Clock) -> Gradient {
        let layout = &self.layout;
        let mut small = vec![0.0f32; layout.small];
        let mut weights: Vec<TensorData> = Vec::with_capacity(LAYERS);
        let mut outputs = trace.outputs;
        let total = loss(numbers(&mut outputs), layout.outputs, &part.target, rows, share);
        // From here on `slope` is the loss's gradient in the layer's matrix product, before the tangent factor.
        let bias = &mut small[layout.biases[DEPTH].range()];
        for row in numbers(&mut outputs).chunks_exact_mut(layout.outputs) {
            for (z, bias) in row.iter_mut().zip(bias.iter_mut()) {
                *bias += *z;
                *z *= layout.tangent(DEPTH);
            }
        }
        let mut slope: Tensor<2> = Tensor::from_data(outputs, &Device::flex());
        for layer in (0..DEPTH).rev() {
            let after = trace.after.swap_remove(layer);
            weights.push(after.transpose().matmul(slope.clone()).into_data());
            let mut data = slope.matmul(self.weights[layer + 1].clone().transpose()).into_data();
            let mut before = trace.before.swap_remove(layer);
            let alpha = &self.small[layout.alphas[layer].range()];
            let mut sums = Sums { bias: vec![0.0; alpha.len()], alpha: vec![0.0; alpha.len()] };
            let drop = Drop::new(clock, layer);
            let offset = (trace.first * alpha.len()) as u32;
            let (d, z, tangent) = (numbers(&mut data), numbers(&mut before), layout.tangent(layer));
            vectorised(|| match layout.activation {
                Activation::Selu => deactivate(d, z, tangent, alpha, &mut sums, drop, offset, selu_slope),
                Activation::Mish => deactivate(d, z, tangent, alpha, &mut sums, drop, offset, mish_slope),
            });
            small[layout.biases[layer].range()].copy_from_slice(&sums.bias);
            small[layout.alphas[layer].range()].copy_from_slice(&sums.alpha);
            slope = Tensor::from_data(data, &Device::flex());
        }
        weights.push(trace.scaled.matmul(slope.clone()).into_data());
        weights.reverse();
        let mut inputs = self.weights[0].clone().matmul(slope.transpose()).into_data();
        let d = numbers(&mut inputs);
        self.scale_gradient(d, &trace.input, trace.rows, &mut small);
        vectorised(|| {
            let columns = trace.columns.chunks_exact(trace.rows);
            for (feature, (x, d)) in columns.zip(d.chunks_exact(MIXED * trace.rows)).enumerate() {
                self.cosine_gradient(feature, x, d, &mut small);
            }
        });
        self.table_gradient(part, rows, &d[layout.dense * (MIXED + 1) * trace.rows..], trace.rows, &mut small);
        Gradient { small, weights, loss: total }
    }

    /// Turns `d`, the gradient in the scaled input (`inputs x padded`), into that in the input.
    fn scale_gradient(&self, d: &mut [f32], input: &[f32], padded: usize, small: &mut [f32]) {
        let scales = &self.small[self.layout.scale.range()];
        vectorised(|| {
            let lines = d.chunks_exact_mut(padded).zip(input.chunks_exact(padded)).zip(scales);
            for (((d, input), scale), sum) in lines.zip(&mut small[self.layout.scale.range()]) {
                let mut lanes = [0.0f32; LANES];
                for (d, input) in d.as_chunks_mut::<LANES>().0.iter_mut().zip(input.as_chunks::<LANES>().0) {
                    for lane in 0..LANES {
                        lanes[lane] += d[lane] * input[lane];
                        d[lane] *= scale;
                    }
                }
                *sum = add(lanes);
            }
        });
    }

    /// The embedding tables' share; `d` is their part of the input's gradient.
    fn table_gradient(&self, part: &Part, rows: &[u32], d: &[f32], padded: usize, small: &mut [f32]) {
        let tables = &self.layout.tables;
        for (place, &row) in rows.iter().enumerate() {
            let codes = &part.encoded.codes[row as usize * tables.len()..][..tables.len()];
            for (index, (table, &code)) in tables.iter().zip(codes).enumerate() {
                let to = &mut small[table.start + code as usize * EMBEDDING..][..EMBEDDING];
                let from = d[index * EMBEDDING * padded + place..].iter().step_by(padded);
                to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
            }
        }
    }

    /// One dense column's share: its frequencies and phases, and how its cosines are mixed. `d` is `MIXED x padded`.
    #[inline(always)]
    fn cosine_gradient(&self, feature: usize, x: &[f32], d: &[f32], small: &mut [f32]) {
        let layout = &self.layout;
        let (x, _) = x.as_chunks::<LANES>();
        let (d, _) = d.as_chunks::<LANES>();
        let (d0, rest) = d.split_at(x.len());
        let (d1, d2) = rest.split_at(x.len());
        for (sum, d) in small[layout.mix_bias.start + feature * MIXED..][..MIXED].iter_mut().zip([d0, d1, d2]) {
            let mut lanes = [0.0f32; LANES];
            for d in d {
                for lane in 0..LANES {
                    lanes[lane] += d[lane];
                }
            }
            *sum = add(lanes);
        }
        for k in 0..FREQUENCIES {
            let at = feature * FREQUENCIES + k;
            let (frequency, turns) = (self.small[layout.frequency.start + at], self.small[layout.phase.start + at] / TAU);
            let mix_at = [0, 1, 2].map(|o| layout.mix.start + (feature * MIXED + o) * FREQUENCIES + k);
            let mix = mix_at.map(|at| self.small[at]);
            let (mut m0, mut m1, mut m2) = ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
            let (mut sines, mut moment) = ([0.0f32; LANES], [0.0f32; LANES]);
            for (((x, d0), d1), d2) in x.iter().zip(d0).zip(d1).zip(d2) {
                for lane in 0..LANES {
                    let t = x[lane] * frequency + turns;
                    let cosine = cos_turns(t);
                    m0[lane] += cosine * d0[lane];
                    m1[lane] += cosine * d1[lane];
                    m2[lane] += cosine * d2[lane];
                    // The derivative of cos(2πt) is −2π·sin(2πt), and sin(2πt) = cos(2π(t − ¼)).
                    let s = cos_turns(t - 0.25) * (mix[0] * d0[lane] + mix[1] * d1[lane] + mix[2] * d2[lane]);
                    sines[lane] += s;
                    moment[lane] += s * x[lane];
                }
            }
            small[layout.frequency.start + at] = -TAU * add(moment);
            small[layout.phase.start + at] = -add(sines);
            for (at, lanes) in mix_at.into_iter().zip([m0, m1, m2]) {
                small[at] = add(lanes);
            }
        }
    }
}

/// Gradients that are sums over the rows.
struct Sums {
    bias: Vec<f32>,
    alpha: Vec<f32>,
}

/// Makes `d`, the gradient in the activation after dropout, that in the matrix product.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "one loop over everything that it reads")]
fn deactivate(d: &mut [f32], z: &[f32], tangent: f32, alpha: &[f32], sums: &mut Sums, drop: Option<Drop>, offset: u32, f: impl Fn(f32) -> (f32, f32)) {
    let width = alpha.len();
    for (index, (d, z)) in d.chunks_exact_mut(width).zip(z.chunks_exact(width)).enumerate() {
        if let Some(drop) = drop {
            let start = offset + (index * width) as u32;
            for (lane, d) in (0u32..).zip(d.iter_mut()) {
                *d *= drop.factor(start + lane);
            }
        }
        let neurons = d.iter_mut().zip(z).zip(alpha).zip(&mut sums.bias).zip(&mut sums.alpha);
        for ((((d, z), alpha), bias_sum), alpha_sum) in neurons {
            let (value, slope) = f(*z);
            *alpha_sum += *d * (value - z);
            let dz = *d * (1.0 + (slope - 1.0) * alpha);
            *bias_sum += dz;
            *d = dz * tangent;
        }
    }
}

/// The sum of the lanes.
#[inline(always)]
fn add(mut lanes: [f32; LANES]) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
    }
    lanes[0]
}
