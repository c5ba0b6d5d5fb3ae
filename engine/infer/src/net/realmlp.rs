//! RealMLP-TD's forward pass (Holzmüller, Grinsztajn and Steinwart 2024, arXiv 2407.04491).

mod stored;

use super::{Activation, Head};
use crate::{
    error::{LoadError, PredictError},
    frame::Frame,
    math::{cos_turns, mish, selu},
    preprocess::{Encoded, Encoder},
    product::{Bias, Finish, Packed},
    target::Predictions,
};
use pulp::{Simd, WithSimd};

/// Rows that go through the net together: their activations stay in the second-level cache. A multiple of the rows that the
/// product takes at once.
const BLOCK: usize = 48;

/// One layer: `z = x · weight + bias`, then, but for the last, `z + alpha·(f(z) − z)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub inputs: usize,
    pub outputs: usize,
    /// `inputs x outputs`, row-major. The training's factor 1/√inputs (and, for the first layer, the input scale) is in it.
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    /// One number a neuron; empty for the last layer.
    pub alpha: Vec<f32>,
}

/// The numbers of a RealMLP. Its input is: for each dense column `mixed` numbers made of cosines, the dense columns
/// themselves, and an embedding row for each embedded column. Without cosines, `frequencies` and `mixed` are 0.
#[derive(Clone, Debug, PartialEq)]
pub struct RealMlpWeights {
    pub activation: Activation,
    /// Dense columns.
    pub dense: usize,
    /// Cosines of each dense column.
    pub frequencies: usize,
    /// Numbers that the cosines of a dense column become.
    pub mixed: usize,
    /// `dense x frequencies`: turns per unit.
    pub frequency: Vec<f32>,
    /// `dense x frequencies`: turns at 0.
    pub phase: Vec<f32>,
    /// `dense x mixed x frequencies`.
    pub mix: Vec<f32>,
    /// `dense x mixed`.
    pub mix_bias: Vec<f32>,
    /// Numbers of an embedding row.
    pub embedding: usize,
    /// A table for each embedded column, `rows x embedding`.
    pub tables: Vec<Vec<f32>>,
    pub layers: Vec<Layer>,
}

/// A RealMLP, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct RealMlpNet {
    weights: RealMlpWeights,
    packed: Vec<Packed>,
}

/// RealMLPs that answer together, mostly a single one, with their encoder and what their outputs mean.
#[derive(Clone, Debug, PartialEq)]
pub struct RealMlpModel {
    encoder: Encoder,
    nets: Vec<RealMlpNet>,
    head: Head,
}

impl RealMlpNet {
    /// # Errors
    /// If an array's length does not fit the others, or a number is not finite.
    pub fn new(weights: RealMlpWeights) -> Result<Self, LoadError> {
        let w = &weights;
        let wrong = |what: &str| Err(LoadError::part(format!("the net's {what} does not fit the rest")));
        let cosines = w.dense * w.frequencies;
        if w.frequency.len() != cosines || w.phase.len() != cosines {
            return wrong("frequencies");
        }
        if w.mix.len() != cosines * w.mixed || w.mix_bias.len() != w.dense * w.mixed {
            return wrong("mix of cosines");
        }
        if w.embedding == 0 || w.tables.iter().any(|table| table.is_empty() || table.len() % w.embedding != 0) {
            return wrong("embedding");
        }
        let mut width = weights.inputs();
        for (index, layer) in w.layers.iter().enumerate() {
            let alphas = if index + 1 == w.layers.len() { 0 } else { layer.outputs };
            let size = layer.inputs.checked_mul(layer.outputs);
            if width == 0
                || layer.inputs != width
                || size != Some(layer.weight.len())
                || layer.bias.len() != layer.outputs
                || layer.alpha.len() != alphas
            {
                return wrong(&format!("layer {index}"));
            }
            width = layer.outputs;
        }
        if w.layers.is_empty() || width == 0 {
            return wrong("depth");
        }
        if !weights.arrays().all(|array| array.iter().all(|v| v.is_finite())) {
            return Err(LoadError::part("the net holds numbers that are not finite"));
        }
        let packed =
            weights.layers.iter().map(|layer| Packed::new(&layer.weight, layer.inputs, layer.outputs)).collect();
        Ok(Self { weights, packed })
    }

    pub fn weights(&self) -> &RealMlpWeights {
        &self.weights
    }

    /// Outputs a row.
    pub fn outputs(&self) -> usize {
        self.weights.layers.last().map_or(0, |layer| layer.outputs)
    }

    /// The net's outputs, `rows x outputs`, row-major. An embedding index that the table lacks counts as missing.
    ///
    /// # Panics
    /// If `encoded` has other columns than the net.
    pub fn forward(&self, encoded: &Encoded) -> Vec<f32> {
        let w = &self.weights;
        assert_eq!((encoded.width, encoded.embedded), (w.dense, w.tables.len()), "the net's columns");
        let outputs = self.outputs();
        let mut result = vec![0.0; encoded.rows * outputs];
        let block = BLOCK.min(encoded.rows.max(1));
        let widest = w.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0).max(w.inputs());
        let (from, to) = (vec![0.0; block * widest], vec![0.0; block * widest]);
        pulp::Arch::new().dispatch(Forward { net: self, encoded, block, from, to, result: &mut result });
        result
    }
}

/// The forward pass, block by block; `from` and `to` hold a block's activations.
struct Forward<'a> {
    net: &'a RealMlpNet,
    encoded: &'a Encoded,
    block: usize,
    from: Vec<f32>,
    to: Vec<f32>,
    result: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { net, encoded, block, mut from, mut to, result } = self;
        let w = &net.weights;
        let (inputs, outputs) = (w.inputs(), net.outputs());
        for (index, result) in result.chunks_mut(block * outputs).enumerate() {
            let rows = result.len() / outputs;
            for row in 0..rows {
                w.input(encoded, index * block + row, &mut from[row * inputs..(row + 1) * inputs]);
            }
            for (layer, packed) in w.layers.iter().zip(&net.packed) {
                let out = &mut to[..rows * layer.outputs];
                let (x, bias, alpha) = (&from[..rows * layer.inputs], &layer.bias, &layer.alpha);
                match w.activation {
                    _ if alpha.is_empty() => packed.multiply(simd, x, out, &Bias(bias)),
                    Activation::Selu => packed.multiply(simd, x, out, &Selu { bias, alpha }),
                    Activation::Mish => packed.multiply(simd, x, out, &Mish { bias, alpha }),
                }
                std::mem::swap(&mut from, &mut to);
            }
            result.copy_from_slice(&from[..rows * outputs]);
        }
    }
}

/// Adds the bias to each sum, and makes `z + alpha·(f(z) − z)` of it.
macro_rules! activations {
    ($($name:ident: $f:ident),*) => {$(
        struct $name<'a> {
            bias: &'a [f32],
            alpha: &'a [f32],
        }

        impl Finish for $name<'_> {
            #[inline(always)]
            fn finish(&self, first: usize, sums: &mut [f32]) {
                for ((sum, bias), alpha) in sums.iter_mut().zip(&self.bias[first..]).zip(&self.alpha[first..]) {
                    let z = *sum + bias;
                    *sum = z + ($f(z) - z) * alpha;
                }
            }
        }
    )*};
}
activations! { Selu: selu, Mish: mish }

impl RealMlpWeights {
    /// Width of the first layer's input.
    pub fn inputs(&self) -> usize {
        self.dense * (self.mixed + 1) + self.tables.len() * self.embedding
    }

    fn arrays(&self) -> impl Iterator<Item = &Vec<f32>> {
        let layers = self.layers.iter().flat_map(|layer| [&layer.weight, &layer.bias, &layer.alpha]);
        [&self.frequency, &self.phase, &self.mix, &self.mix_bias].into_iter().chain(&self.tables).chain(layers)
    }

    /// One row of the first layer's input.
    #[inline(always)]
    fn input(&self, encoded: &Encoded, row: usize, out: &mut [f32]) {
        let (mixed, frequencies) = (self.mixed, self.frequencies);
        let dense = &encoded.dense[row * self.dense..(row + 1) * self.dense];
        let mut cosines = [0.0f32; 64];
        for (feature, &x) in dense.iter().enumerate() {
            let at = feature * frequencies;
            let out = &mut out[feature * mixed..(feature + 1) * mixed];
            out.copy_from_slice(&self.mix_bias[feature * mixed..(feature + 1) * mixed]);
            let mut first = 0;
            while first < frequencies {
                let count = cosines.len().min(frequencies - first);
                let span = at + first..at + first + count;
                for ((cosine, f), p) in cosines.iter_mut().zip(&self.frequency[span.clone()]).zip(&self.phase[span]) {
                    *cosine = cos_turns(x * f + p);
                }
                for (k, out) in out.iter_mut().enumerate() {
                    let mix = &self.mix[at * mixed + k * frequencies + first..][..count];
                    *out += sum_of_products(&cosines[..count], mix);
                }
                first += count;
            }
        }
        let (plain, embedded) = out[self.dense * mixed..].split_at_mut(self.dense);
        plain.copy_from_slice(dense);
        let codes = &encoded.codes[row * self.tables.len()..(row + 1) * self.tables.len()];
        for ((table, &code), out) in self.tables.iter().zip(codes).zip(embedded.chunks_exact_mut(self.embedding)) {
            let at = code as usize * self.embedding;
            out.copy_from_slice(table.get(at..at + self.embedding).unwrap_or(&table[..self.embedding]));
        }
    }
}

/// In sixteen partial sums, which one vector register holds.
#[inline(always)]
pub(super) fn sum_of_products(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [0.0f32; 16];
    for (a, b) in a.iter().zip(b) {
        for j in 0..16 {
            sums[j] += a[j] * b[j];
        }
    }
    for half in [8, 4, 2, 1] {
        for j in 0..half {
            sums[j] += sums[j + half];
        }
    }
    sums[0] + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

impl RealMlpModel {
    /// # Errors
    /// If there is no net, a net's columns are not the encoder's, or its outputs not the head's.
    pub fn new(encoder: Encoder, nets: Vec<RealMlpNet>, head: Head) -> Result<Self, LoadError> {
        let fits = |net: &RealMlpNet| {
            let tables = net.weights.tables.iter().map(|table| table.len() / net.weights.embedding);
            encoder.width() == net.weights.dense
                && tables.eq(encoder.embedding_rows())
                && net.outputs() == head.outputs()
        };
        let shape = |net: &RealMlpNet| {
            let w = &net.weights;
            let widths: Vec<usize> = w.layers.iter().map(|layer| layer.outputs).collect();
            (w.activation, w.frequencies, w.mixed, w.embedding, widths)
        };
        if nets.is_empty() || !nets.iter().all(fits) || nets.windows(2).any(|pair| shape(&pair[0]) != shape(&pair[1])) {
            return Err(LoadError::part("the net does not fit its columns"));
        }
        Ok(Self { encoder, nets, head })
    }

    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }
    /// One or more, of one shape.
    pub fn nets(&self) -> &[RealMlpNet] {
        &self.nets
    }
    pub fn head(&self) -> Head {
        self.head
    }

    /// The mean of the nets' values, or of their probabilities.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub fn predict(&self, frame: &Frame) -> Result<Predictions, PredictError> {
        let encoded = self.encoder.encode(frame)?;
        Ok(self.head.predictions(self.head.combined(self.nets.len(), self.outputs(&encoded))))
    }

    /// The nets' outputs, `rows x nets x outputs`.
    fn outputs(&self, encoded: &Encoded) -> Vec<f32> {
        if let [only] = &self.nets[..] {
            return only.forward(encoded);
        }
        let (count, wide) = (self.nets.len(), self.head.outputs());
        let mut all = vec![0.0; encoded.rows * count * wide];
        for (index, net) in self.nets.iter().enumerate() {
            let places = all.chunks_exact_mut(wide).skip(index).step_by(count);
            places.zip(net.forward(encoded).chunks_exact(wide)).for_each(|(to, from)| to.copy_from_slice(from));
        }
        all
    }
}
