//! The gradient of a batch.

use super::{LANES, Net, Trace};
use crate::{
    net::{
        Part,
        cpu::{Drop, Gradient, loss, numbers},
        engine::Clock,
    },
    realmlp::recipe::{EMBEDDING, FREQUENCIES, MIXED},
};
use burn::tensor::{Device, Tensor, TensorData};
use std::f32::consts::TAU;
use trainyard_infer::{
    math::{Loops, cos_turns, mish_slope, selu_slope, vectorised},
    net::Activation,
};

impl Net<'_> {
    /// The loss (times `share`) and its gradient in every parameter.
    pub(super) fn backward(&self, part: &Part, rows: &[u32], mut trace: Trace, share: f32, clock: &Clock) -> Gradient {
        let layout = self.layout;
        let depth = layout.depth();
        let mut small = vec![0.0f32; layout.small];
        let mut weights: Vec<TensorData> = Vec::with_capacity(depth + 1);
        let mut outputs = trace.outputs;
        let total = loss(numbers(&mut outputs), layout.outputs, part, rows, share, layout.config.smoothing);
        // From here on `slope` is the loss's gradient in the layer's matrix product, before the tangent factor.
        let bias = &mut small[layout.biases[depth].range()];
        for row in numbers(&mut outputs).chunks_exact_mut(layout.outputs) {
            for (z, bias) in row.iter_mut().zip(bias.iter_mut()) {
                *bias += *z;
                *z *= layout.tangent(depth);
            }
        }
        let mut slope: Tensor<2> = Tensor::from_data(outputs, &Device::flex());
        for layer in (0..depth).rev() {
            let after = trace.after.swap_remove(layer);
            weights.push(after.transpose().matmul(slope.clone()).into_data());
            let mut data = slope.matmul(self.held.weights[layer + 1].clone().transpose()).into_data();
            let mut before = trace.before.swap_remove(layer);
            let alpha = &self.held.small[layout.alphas[layer].range()];
            let (mut bias_sums, mut alpha_sums) = (vec![0.0; alpha.len()], vec![0.0; alpha.len()]);
            let drop = Drop::new(clock, layer);
            let offset = (trace.first * alpha.len()) as u32;
            let (d, z, tangent) = (numbers(&mut data), numbers(&mut before), layout.tangent(layer));
            vectorised(Deactivate {
                activation: layout.activation,
                d,
                z,
                tangent,
                alpha,
                bias_sums: &mut bias_sums,
                alpha_sums: &mut alpha_sums,
                drop,
                offset,
            });
            small[layout.biases[layer].range()].copy_from_slice(&bias_sums);
            small[layout.alphas[layer].range()].copy_from_slice(&alpha_sums);
            slope = Tensor::from_data(data, &Device::flex());
        }
        weights.push(trace.scaled.matmul(slope.clone()).into_data());
        weights.reverse();
        let mut inputs = self.held.weights[0].clone().matmul(slope.transpose()).into_data();
        let d = numbers(&mut inputs);
        vectorised(InputGradient {
            net: *self,
            d: &mut *d,
            input: &trace.input,
            columns: &trace.columns,
            padded: trace.rows,
            small: &mut small,
        });
        self.table_gradient(
            part,
            rows,
            &d[(layout.waves * MIXED + layout.dense) * trace.rows..],
            trace.rows,
            &mut small,
        );
        Gradient { small, weights, loss: total }
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
}

/// From the gradient in the scaled input to those in its scale, and in how dense columns become cosines and are mixed.
struct InputGradient<'a> {
    net: Net<'a>,
    /// `inputs x padded`: the gradient in the scaled input; becomes that in the input.
    d: &'a mut [f32],
    /// The input, `inputs x padded`.
    input: &'a [f32],
    /// The dense columns, `dense x padded`.
    columns: &'a [f32],
    padded: usize,
    small: &'a mut [f32],
}

impl Loops for InputGradient<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { net, d, input, columns, padded, small } = self;
        let scales = &net.held.small[net.layout.scale.range()];
        let lines = d.chunks_exact_mut(padded).zip(input.chunks_exact(padded)).zip(scales);
        for (((d, input), scale), sum) in lines.zip(&mut small[net.layout.scale.range()]) {
            let mut lanes = [0.0f32; LANES];
            for (d, input) in d.as_chunks_mut::<LANES>().0.iter_mut().zip(input.as_chunks::<LANES>().0) {
                for lane in 0..LANES {
                    lanes[lane] += d[lane] * input[lane];
                    d[lane] *= scale;
                }
            }
            *sum = add(lanes);
        }
        let mixed = &d[..net.layout.waves * MIXED * padded];
        for (feature, (x, d)) in columns.chunks_exact(padded).zip(mixed.chunks_exact(MIXED * padded)).enumerate() {
            Self::feature(net, feature, x, d, small);
        }
    }
}

impl InputGradient<'_> {
    /// One dense column's share: its frequencies and phases, and how its cosines are mixed. `d` is `MIXED x padded`.
    #[inline(always)]
    fn feature(net: Net<'_>, feature: usize, x: &[f32], d: &[f32], small: &mut [f32]) {
        let layout = net.layout;
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
            let (frequency, turns) =
                (net.held.small[layout.frequency.start + at], net.held.small[layout.phase.start + at] / TAU);
            let mix_at = [0, 1, 2].map(|o| layout.mix.start + (feature * MIXED + o) * FREQUENCIES + k);
            let mix = mix_at.map(|at| net.held.small[at]);
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

/// Makes `d`, the gradient in the activation after dropout, that in the matrix product.
struct Deactivate<'a> {
    activation: Activation,
    d: &'a mut [f32],
    /// The pre-activation.
    z: &'a [f32],
    tangent: f32,
    alpha: &'a [f32],
    bias_sums: &'a mut [f32],
    alpha_sums: &'a mut [f32],
    drop: Option<Drop>,
    /// Dropout's index of the first number.
    offset: u32,
}

impl Loops for Deactivate<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match self.activation {
            Activation::Selu => self.each(selu_slope),
            Activation::Mish => self.each(mish_slope),
        }
    }
}

impl Deactivate<'_> {
    #[inline(always)]
    fn each(self, f: impl Fn(f32) -> (f32, f32)) {
        let width = self.alpha.len();
        for (index, (d, z)) in self.d.chunks_exact_mut(width).zip(self.z.chunks_exact(width)).enumerate() {
            if let Some(drop) = self.drop {
                drop.apply(d, self.offset + (index * width) as u32);
            }
            let sums = self.bias_sums.iter_mut().zip(self.alpha_sums.iter_mut());
            for (((d, z), alpha), (bias_sum, alpha_sum)) in d.iter_mut().zip(z).zip(self.alpha).zip(sums) {
                let (value, slope) = f(*z);
                *alpha_sum += *d * (value - z);
                let dz = *d * (1.0 + (slope - 1.0) * alpha);
                *bias_sum += dz;
                *d = dz * self.tangent;
            }
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
