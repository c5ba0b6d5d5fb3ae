//! TabM-mini's forward pass (Gorishniy, Kotelnikov and Babenko 2025, arXiv 2410.24210): one trunk that several members share,
//! each with its own scale of the input and its own last layer. Numbers come in as piecewise-linear embeddings.

use super::{Head, Layer, Pieces, realmlp::sum_of_products};
use crate::{
    error::{LoadError, PredictError},
    frame::Frame,
    parallel,
    preprocess::{Encoded, Encoder},
    product::{Finish, Packed},
    target::Predictions,
    tensors::{Stored, TensorBag},
};
use pulp::{Simd, WithSimd};
use serde::{Deserialize, Serialize};

/// Rows times members that go through the trunk together: their activations stay in the second-level cache.
const TOGETHER: usize = 96;
/// A batch is filled up with rows of zeros to a multiple of this, which the product takes at once: a row alone is one for
/// each member, and they need the weights once.
const FILLED: usize = 12;
/// Weights of a member that are as much work as a row's way through a tree.
const WEIGHTS_PER_UNIT: usize = 4_000;
/// Most bins of a number, and most numbers of an embedding, that a file may say.
const MOST: usize = 1 << 14;

/// The numbers of a TabM. The trunk's input is: for each number its embedding, the other dense columns as they are, and an
/// embedding row for each embedded column.
#[derive(Clone, Debug, PartialEq)]
pub struct TabMWeights {
    /// Dense columns.
    pub dense: usize,
    /// The dense columns that are embedded, increasing.
    pub numbers: Vec<usize>,
    /// How each of them is embedded.
    pub pieces: Vec<Pieces>,
    /// Numbers of an embedding.
    pub embedding: usize,
    /// Most bins of a number.
    pub bins: usize,
    /// `numbers x bins x embedding`: what each bin adds once it is passed; 0 behind a number's last bin.
    pub steps: Vec<f32>,
    /// `numbers x embedding`: times the score.
    pub slope: Vec<f32>,
    /// `numbers x embedding`.
    pub offset: Vec<f32>,
    /// A table for each embedded column, `rows x embedding`.
    pub tables: Vec<Vec<f32>>,
    pub members: usize,
    /// `members x inputs`.
    pub scales: Vec<f32>,
    /// The trunk: each layer is followed by max(z, 0). Their `alpha` is empty.
    pub layers: Vec<Layer>,
    /// `members x outputs x width`: each member's last layer.
    pub heads: Vec<f32>,
    /// `members x outputs`.
    pub head_bias: Vec<f32>,
}

/// A TabM, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct TabMNet {
    weights: TabMWeights,
    packed: Vec<Packed>,
    /// `numbers x bins x embedding`: the offset and the steps of all bins below.
    before: Vec<f32>,
    /// The dense columns that are not embedded.
    plain: Vec<usize>,
}

/// A TabM with its encoder and what its outputs mean.
#[derive(Clone, Debug, PartialEq)]
pub struct TabMModel {
    encoder: Encoder,
    net: TabMNet,
    head: Head,
}

impl TabMWeights {
    /// Width of the trunk's input.
    pub fn inputs(&self) -> usize {
        let embedded = self.numbers.len() + self.tables.len();
        self.dense - self.numbers.len() + embedded * self.embedding
    }

    /// Outputs of each member.
    pub fn outputs(&self) -> usize {
        self.head_bias.len() / self.members.max(1)
    }

    fn arrays(&self) -> impl Iterator<Item = &Vec<f32>> {
        let layers = self.layers.iter().flat_map(|layer| [&layer.weight, &layer.bias]);
        [&self.steps, &self.slope, &self.offset, &self.scales, &self.heads, &self.head_bias]
            .into_iter()
            .chain(&self.tables)
            .chain(layers)
    }
}

/// What stands before each bin: the offset and the steps of all bins below. `steps` is `numbers x bins x embedding`.
pub fn bin_starts(steps: &[f32], offset: &[f32], bins: usize, embedding: usize) -> Vec<f32> {
    let mut before = Vec::with_capacity(steps.len());
    for (steps, offset) in steps.chunks_exact((bins * embedding).max(1)).zip(offset.chunks_exact(embedding.max(1))) {
        let mut sum = offset.to_vec();
        for step in steps.chunks_exact(embedding) {
            before.extend_from_slice(&sum);
            sum.iter_mut().zip(step).for_each(|(sum, step)| *sum += step);
        }
    }
    before
}

impl TabMNet {
    /// # Errors
    /// If an array's length does not fit the others, or a number is not finite.
    pub fn new(weights: TabMWeights) -> Result<Self, LoadError> {
        let w = &weights;
        let wrong = |what: &str| Err(LoadError::part(format!("the net's {what} does not fit the rest")));
        let count = w.numbers.len();
        let rising = w.numbers.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || w.numbers.last().is_some_and(|last| *last >= w.dense) || w.pieces.len() != count {
            return wrong("list of numbers");
        }
        if w.embedding == 0 || w.embedding.max(w.bins) > MOST {
            return wrong("size");
        }
        if w.tables.iter().any(|table| table.is_empty() || table.len() % w.embedding != 0) {
            return wrong("embedding");
        }
        let lengths = [w.slope.len(), w.offset.len()];
        if lengths.iter().any(|length| *length != count * w.embedding)
            || count.checked_mul(w.bins).and_then(|bins| bins.checked_mul(w.embedding)) != Some(w.steps.len())
            || w.pieces.iter().any(|pieces| pieces.bins() > w.bins)
        {
            return wrong("embedding of numbers");
        }
        let outputs = w.outputs();
        let mut width = w.inputs();
        if w.members == 0
            || outputs == 0
            || w.head_bias.len() != w.members * outputs
            || w.members.checked_mul(width) != Some(w.scales.len())
        {
            return wrong("number of members");
        }
        for (index, layer) in w.layers.iter().enumerate() {
            let size = layer.inputs.checked_mul(layer.outputs);
            if width == 0
                || layer.inputs != width
                || size != Some(layer.weight.len())
                || layer.bias.len() != layer.outputs
                || !layer.alpha.is_empty()
            {
                return wrong(&format!("layer {index}"));
            }
            width = layer.outputs;
        }
        if width == 0 || w.head_bias.len().checked_mul(width) != Some(w.heads.len()) {
            return wrong("last layer");
        }
        if !weights.arrays().all(|array| array.iter().all(|v| v.is_finite())) {
            return Err(LoadError::part("the net holds numbers that are not finite"));
        }
        let packed =
            weights.layers.iter().map(|layer| Packed::new(&layer.weight, layer.inputs, layer.outputs)).collect();
        let before = bin_starts(&weights.steps, &weights.offset, weights.bins, weights.embedding);
        let plain = (0..weights.dense).filter(|column| weights.numbers.binary_search(column).is_err()).collect();
        Ok(Self { weights, packed, before, plain })
    }

    pub fn weights(&self) -> &TabMWeights {
        &self.weights
    }

    /// The dense columns that are not embedded.
    pub fn plain(&self) -> &[usize] {
        &self.plain
    }

    /// The members' outputs, `rows x members x outputs`. An embedding index that the table lacks counts as missing.
    ///
    /// # Panics
    /// If `encoded` has other columns than the net.
    pub fn forward(&self, encoded: &Encoded) -> Vec<f32> {
        let w = &self.weights;
        assert_eq!((encoded.width, encoded.embedded), (w.dense, w.tables.len()), "the net's columns");
        let wide = w.members * w.outputs();
        let mut result = vec![0.0; encoded.rows * wide];
        let block = (TOGETHER / w.members).max(1);
        let weights = w.layers.iter().map(|layer| layer.weight.len()).sum::<usize>();
        let effort = encoded.rows * w.members * (weights / WEIGHTS_PER_UNIT + 1);
        parallel::chunks(&mut result, block * wide, effort, |index, result| {
            pulp::Arch::new().dispatch(Forward { net: self, encoded, first: index * block, result });
        });
        result
    }

    /// One row of the trunk's input, before the members' scales.
    #[inline(always)]
    fn input(&self, encoded: &Encoded, row: usize, out: &mut [f32]) {
        let w = &self.weights;
        let wide = w.embedding;
        let dense = &encoded.dense[row * w.dense..(row + 1) * w.dense];
        let (numbers, rest) = out.split_at_mut(w.numbers.len() * wide);
        for (index, (out, pieces)) in numbers.chunks_exact_mut(wide).zip(&w.pieces).enumerate() {
            let place = pieces.place(dense[w.numbers[index]]);
            let at = (index * w.bins + place.bin) * wide;
            let (before, step) = (&self.before[at..at + wide], &w.steps[at..at + wide]);
            let slope = &w.slope[index * wide..(index + 1) * wide];
            for (((out, before), step), slope) in out.iter_mut().zip(before).zip(step).zip(slope) {
                *out = before + place.share * step + place.score * slope;
            }
        }
        let (plain, embedded) = rest.split_at_mut(self.plain.len());
        plain.iter_mut().zip(&self.plain).for_each(|(out, column)| *out = dense[*column]);
        let codes = &encoded.codes[row * w.tables.len()..(row + 1) * w.tables.len()];
        for ((table, &code), out) in w.tables.iter().zip(codes).zip(embedded.chunks_exact_mut(wide)) {
            let at = code as usize * wide;
            out.copy_from_slice(table.get(at..at + wide).unwrap_or(&table[..wide]));
        }
    }
}

/// The forward pass of the rows from `first` on, as many as `result` holds.
struct Forward<'a> {
    net: &'a TabMNet,
    encoded: &'a Encoded,
    first: usize,
    result: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { net, encoded, first, result } = self;
        let w = &net.weights;
        let (inputs, outputs, members) = (w.inputs(), w.outputs(), w.members);
        let rows = result.len() / (members * outputs);
        let filled = (rows * members).next_multiple_of(FILLED);
        let widest = w.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0).max(inputs);
        let (mut from, mut to) = (vec![0.0f32; filled * widest], vec![0.0f32; filled * widest]);
        let mut input = vec![0.0f32; inputs];
        for row in 0..rows {
            net.input(encoded, first + row, &mut input);
            let scaled = from[row * members * inputs..(row + 1) * members * inputs].chunks_exact_mut(inputs);
            for (scaled, scale) in scaled.zip(w.scales.chunks_exact(inputs)) {
                scaled.iter_mut().zip(&input).zip(scale).for_each(|((to, x), scale)| *to = x * scale);
            }
        }
        let mut width = inputs;
        for (layer, packed) in w.layers.iter().zip(&net.packed) {
            let bias = Rectified(&layer.bias);
            packed.multiply(simd, &from[..filled * width], &mut to[..filled * layer.outputs], &bias);
            std::mem::swap(&mut from, &mut to);
            width = layer.outputs;
        }
        for (index, (out, x)) in result.chunks_exact_mut(outputs).zip(from.chunks_exact(width)).enumerate() {
            let member = index % members;
            let heads = w.heads[member * outputs * width..(member + 1) * outputs * width].chunks_exact(width);
            let bias = &w.head_bias[member * outputs..(member + 1) * outputs];
            for ((out, head), bias) in out.iter_mut().zip(heads).zip(bias) {
                *out = sum_of_products(x, head) + bias;
            }
        }
    }
}

/// Adds the bias to each sum, and holds it at 0 or above.
struct Rectified<'a>(&'a [f32]);

impl Finish for Rectified<'_> {
    #[inline(always)]
    fn finish(&self, first: usize, sums: &mut [f32]) {
        sums.iter_mut().zip(&self.0[first..]).for_each(|(sum, bias)| *sum = (*sum + bias).max(0.0));
    }
}

impl TabMModel {
    /// # Errors
    /// If the net's columns are not the encoder's, or its outputs not the head's.
    pub fn new(encoder: Encoder, net: TabMNet, head: Head) -> Result<Self, LoadError> {
        let w = &net.weights;
        let tables = w.tables.iter().map(|table| table.len() / w.embedding);
        if encoder.width() != w.dense || !tables.eq(encoder.embedding_rows()) || w.outputs() != head.outputs() {
            return Err(LoadError::part("the net does not fit its columns"));
        }
        Ok(Self { encoder, net, head })
    }

    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }
    pub fn net(&self) -> &TabMNet {
        &self.net
    }
    pub fn head(&self) -> Head {
        self.head
    }

    /// The mean of the members' values, or of their probabilities.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub fn predict(&self, frame: &Frame) -> Result<Predictions, PredictError> {
        let encoded = self.encoder.encode(frame)?;
        let outputs = self.net.forward(&encoded);
        Ok(self.head.predictions(self.head.combined(self.net.weights.members, outputs)))
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    encoder: serde_json::Value,
    classes: Option<usize>,
    numbers: Vec<usize>,
    embedding: usize,
    bins: usize,
    members: usize,
    /// Outputs of each layer of the trunk.
    layers: Vec<usize>,
}

impl Stored for TabMModel {
    fn store(&self, bag: &mut TensorBag) -> Result<serde_json::Value, LoadError> {
        let encoder = self.encoder.store(bag)?;
        let w = &self.net.weights;
        let (count, outputs) = (w.numbers.len(), w.outputs());
        let width = w.layers.last().map_or(w.inputs(), |layer| layer.outputs);
        Pieces::store(&w.pieces, bag);
        bag.put("steps", &[count, w.bins, w.embedding], w.steps.clone());
        bag.put("slope", &[count, w.embedding], w.slope.clone());
        bag.put("offset", &[count, w.embedding], w.offset.clone());
        for (index, table) in w.tables.iter().enumerate() {
            bag.put(&format!("table.{index}"), &[table.len() / w.embedding, w.embedding], table.clone());
        }
        bag.put("scales", &[w.members, w.inputs()], w.scales.clone());
        for (index, layer) in w.layers.iter().enumerate() {
            bag.put(&format!("layer.{index}.weight"), &[layer.inputs, layer.outputs], layer.weight.clone());
            bag.put(&format!("layer.{index}.bias"), &[layer.outputs], layer.bias.clone());
        }
        bag.put("heads", &[w.members, outputs, width], w.heads.clone());
        bag.put("head_bias", &[w.members, outputs], w.head_bias.clone());
        Ok(serde_json::to_value(Header {
            encoder,
            classes: self.head.store(bag),
            numbers: w.numbers.clone(),
            embedding: w.embedding,
            bins: w.bins,
            members: w.members,
            layers: w.layers.iter().map(|layer| layer.outputs).collect(),
        })?)
    }

    fn restore(header: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let Header { encoder, classes, numbers, embedding, bins, members, layers: widths } =
            serde_json::from_value(header)?;
        let encoder = Encoder::restore(encoder, bag)?;
        let head = Head::restore(classes, bag)?;
        let (count, dense) = (numbers.len(), encoder.width());
        if count > dense {
            return Err(LoadError::part("the net has more numbers than columns"));
        }
        let tables = encoder.embedding_rows().into_iter().enumerate();
        let tables: Vec<Vec<f32>> = tables
            .map(|(index, rows)| bag.take_shaped(&format!("table.{index}"), &[rows, embedding]))
            .collect::<Result<_, _>>()?;
        let (_, scales) = bag.take("scales")?;
        let mut weights = TabMWeights {
            dense,
            pieces: Pieces::restore(bag)?,
            embedding,
            bins,
            steps: bag.take_shaped("steps", &[count, bins, embedding])?,
            slope: bag.take_shaped("slope", &[count, embedding])?,
            offset: bag.take_shaped("offset", &[count, embedding])?,
            numbers,
            tables,
            members,
            scales,
            layers: Vec::new(),
            heads: Vec::new(),
            head_bias: bag.take_shaped("head_bias", &[members, head.outputs()])?,
        };
        let mut inputs = weights.inputs();
        for (index, &outputs) in widths.iter().enumerate() {
            let weight = bag.take_shaped(&format!("layer.{index}.weight"), &[inputs, outputs])?;
            let bias = bag.take_shaped(&format!("layer.{index}.bias"), &[outputs])?;
            weights.layers.push(Layer { inputs, outputs, weight, bias, alpha: Vec::new() });
            inputs = outputs;
        }
        weights.heads = bag.take_shaped("heads", &[members, head.outputs(), inputs])?;
        Self::new(encoder, TabMNet::new(weights)?, head)
    }
}
