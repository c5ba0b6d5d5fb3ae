//! The forward pass of a batch.

use super::{LANES, Net, Trace};
use crate::{
    net::{
        Part,
        cpu::{Drop, matrix, numbers},
        engine::Clock,
    },
    realmlp::recipe::{EMBEDDING, FREQUENCIES, MIXED},
};
use burn::tensor::{Tensor, TensorData};
use trainyard_infer::{
    math::{Loops, cos_turns, mish, selu, vectorised},
    net::Activation,
};

impl Net<'_> {
    /// Runs the rows through the net. `first` is the place of the first row in its batch.
    pub(super) fn forward(&self, part: &Part, rows: &[u32], first: usize, clock: &Clock) -> Trace {
        let padded = rows.len().next_multiple_of(LANES).max(LANES);
        let columns = self.gather(part, rows, padded);
        let mut input = vec![0.0f32; self.layout.inputs() * padded];
        self.embed(part, rows, padded, &columns, &mut input);
        let scale = &self.held.small[self.layout.scale.range()];
        let mut scaled = vec![0.0f32; input.len()];
        for ((to, from), scale) in scaled.chunks_exact_mut(padded).zip(input.chunks_exact(padded)).zip(scale) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from * scale);
        }
        let scaled = matrix(scaled, self.layout.inputs(), padded);
        let depth = self.layout.depth();
        let (mut before, mut after): (Vec<TensorData>, Vec<Tensor<2>>) =
            (Vec::with_capacity(depth), Vec::with_capacity(depth));
        for layer in 0..depth {
            let mut product = self.product(layer, &scaled, &after);
            let (tangent, bias) = (self.layout.tangent(layer), &self.held.small[self.layout.biases[layer].range()]);
            let alpha = &self.held.small[self.layout.alphas[layer].range()];
            let z = numbers(&mut product);
            let mut activated = vec![0.0f32; z.len()];
            let drop = Drop::new(clock, layer);
            let offset = (first * bias.len()) as u32;
            vectorised(Activate {
                activation: self.layout.activation,
                z,
                out: &mut activated,
                tangent,
                bias,
                alpha,
                drop,
                offset,
            });
            after.push(matrix(activated, padded, bias.len()));
            before.push(product);
        }
        let mut outputs = self.product(depth, &scaled, &after);
        let (tangent, bias) = (self.layout.tangent(depth), &self.held.small[self.layout.biases[depth].range()]);
        for row in numbers(&mut outputs).chunks_exact_mut(bias.len()) {
            row.iter_mut().zip(bias).for_each(|(z, bias)| *z = *z * tangent + bias);
        }
        Trace { rows: padded, first, columns, input, scaled, before, after, outputs }
    }

    /// A layer's matrix product, without tangent factor and bias.
    fn product(&self, layer: usize, scaled: &Tensor<2>, after: &[Tensor<2>]) -> TensorData {
        let from = after.last().map_or_else(|| scaled.clone().transpose(), Clone::clone);
        from.matmul(self.held.weights[layer].clone()).into_data()
    }

    /// The rows' dense columns, `dense x padded`.
    fn gather(&self, part: &Part, rows: &[u32], padded: usize) -> Vec<f32> {
        let width = self.layout.dense;
        let mut columns = vec![0.0f32; width * padded];
        for (place, &row) in rows.iter().enumerate() {
            let from = &part.encoded.dense[row as usize * width..][..width];
            columns[place..].iter_mut().step_by(padded).zip(from).for_each(|(to, from)| *to = *from);
        }
        columns
    }

    /// The first layer's input before its scale, `inputs x padded`.
    fn embed(&self, part: &Part, rows: &[u32], padded: usize, columns: &[f32], input: &mut [f32]) {
        let layout = self.layout;
        let (mixed, rest) = input.split_at_mut(layout.waves * MIXED * padded);
        let (plain, tables) = rest.split_at_mut(layout.dense * padded);
        plain.copy_from_slice(columns);
        vectorised(MixCosines { net: *self, columns, out: mixed, padded });
        let embedded = layout.tables.len();
        for (place, &row) in rows.iter().enumerate() {
            let codes = &part.encoded.codes[row as usize * embedded..][..embedded];
            for (index, (table, &code)) in layout.tables.iter().zip(codes).enumerate() {
                let from = &self.held.small[table.start + code as usize * EMBEDDING..][..EMBEDDING];
                let at = index * EMBEDDING * padded + place;
                tables[at..].iter_mut().step_by(padded).zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// Every dense column's cosines, mixed to three numbers a row.
struct MixCosines<'a> {
    net: Net<'a>,
    /// `dense x padded`.
    columns: &'a [f32],
    /// `waves x MIXED x padded`.
    out: &'a mut [f32],
    padded: usize,
}

impl Loops for MixCosines<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let columns = self.columns.chunks_exact(self.padded);
        for (feature, (x, out)) in columns.zip(self.out.chunks_exact_mut(MIXED * self.padded)).enumerate() {
            Self::feature(self.net, feature, x, out);
        }
    }
}

impl MixCosines<'_> {
    /// One dense column's cosines, mixed to three numbers a row: `out` is `MIXED x padded`.
    #[inline(always)]
    fn feature(net: Net<'_>, feature: usize, x: &[f32], out: &mut [f32]) {
        let layout = net.layout;
        let of = |start: usize, width: usize| &net.held.small[start + feature * width..][..width];
        let frequency = of(layout.frequency.start, FREQUENCIES);
        let phase = of(layout.phase.start, FREQUENCIES);
        let mix = of(layout.mix.start, MIXED * FREQUENCIES);
        let bias = of(layout.mix_bias.start, MIXED);
        let (out0, rest) = out.split_at_mut(x.len());
        let (out1, out2) = rest.split_at_mut(x.len());
        let out0 = out0.as_chunks_mut::<LANES>().0.iter_mut();
        let out1 = out1.as_chunks_mut::<LANES>().0.iter_mut();
        let out2 = out2.as_chunks_mut::<LANES>().0.iter_mut();
        for (((x, out0), out1), out2) in x.as_chunks::<LANES>().0.iter().zip(out0).zip(out1).zip(out2) {
            let (mut sum0, mut sum1, mut sum2) = ([bias[0]; LANES], [bias[1]; LANES], [bias[2]; LANES]);
            for k in 0..FREQUENCIES {
                let turns = phase[k] / std::f32::consts::TAU;
                let (mix0, mix1, mix2) = (mix[k], mix[FREQUENCIES + k], mix[2 * FREQUENCIES + k]);
                for lane in 0..LANES {
                    let cosine = cos_turns(x[lane] * frequency[k] + turns);
                    sum0[lane] += cosine * mix0;
                    sum1[lane] += cosine * mix1;
                    sum2[lane] += cosine * mix2;
                }
            }
            (*out0, *out1, *out2) = (sum0, sum1, sum2);
        }
    }
}

const _: () = assert!(MIXED == 3, "the loops above write three mixed numbers");

/// Makes `z`, a matrix product, the pre-activation, and `out` the activation after dropout.
struct Activate<'a> {
    activation: Activation,
    z: &'a mut [f32],
    out: &'a mut [f32],
    tangent: f32,
    bias: &'a [f32],
    alpha: &'a [f32],
    drop: Option<Drop>,
    /// Dropout's index of the first number.
    offset: u32,
}

impl Loops for Activate<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match self.activation {
            Activation::Selu => self.each(selu),
            Activation::Mish => self.each(mish),
        }
    }
}

impl Activate<'_> {
    #[inline(always)]
    fn each(self, f: impl Fn(f32) -> f32) {
        let width = self.bias.len();
        for (index, (z, out)) in self.z.chunks_exact_mut(width).zip(self.out.chunks_exact_mut(width)).enumerate() {
            for (((z, out), bias), alpha) in z.iter_mut().zip(out.iter_mut()).zip(self.bias).zip(self.alpha) {
                *z = *z * self.tangent + bias;
                *out = *z + (f(*z) - *z) * alpha;
            }
            if let Some(drop) = self.drop {
                drop.apply(out, self.offset + (index * width) as u32);
            }
        }
    }
}
