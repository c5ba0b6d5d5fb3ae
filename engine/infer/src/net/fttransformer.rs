//! FT-Transformer (Gorishniy, Rubachev, Khrulkov and Babenko 2021, arXiv 2106.11959): each column is a token, attention lets the
//! tokens look at each other, and the answer is read from one more token, `[CLS]`.

mod forward;
mod stored;

use super::{Head, Layer};
use crate::{
    error::{LoadError, PredictError},
    frame::Frame,
    parallel,
    preprocess::{Encoded, Encoder},
    product::Packed,
    target::Predictions,
};
use forward::Forward;

/// Added to the variance that a layer norm divides by.
pub const NORM_EPSILON: f32 = 1e-5;
/// Tokens that go through a block together: their activations stay in the second-level cache.
const TOGETHER: usize = 96;
/// Products of a token that are as much work as a row's way through a tree.
const PRODUCTS_PER_UNIT: usize = 4_000;
/// Most numbers of a token, and most within a block, that a file may say.
const MOST: usize = 1 << 12;

/// The numbers of an FT-Transformer. Its tokens are `[CLS]`, one for each dense column and one for each embedded column.
#[derive(Clone, Debug, PartialEq)]
pub struct FtTransformerWeights {
    /// Dense columns.
    pub dense: usize,
    /// Numbers of a token.
    pub width: usize,
    /// Heads of attention; the width is a multiple of them.
    pub heads: usize,
    /// Numbers within a block's feed-forward net.
    pub hidden: usize,
    /// `dense x width`: times the column's number.
    pub scale: Vec<f32>,
    /// `dense + tables x width`: added to a column's token.
    pub bias: Vec<f32>,
    /// A table for each embedded column, `rows x width`.
    pub tables: Vec<Vec<f32>>,
    /// `width`.
    pub cls: Vec<f32>,
    pub blocks: Vec<Block>,
    /// Before the last layer.
    pub norm: Norm,
    /// `width` to the outputs, of `[CLS]` alone. Its `alpha` is empty, as is that of all layers here.
    pub head: Layer,
}

/// The layer norm: `(x − mean) / √(variance + 1e-5) · gain + shift` over the numbers of a token (Ba, Kiros and Hinton 2016).
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    pub gain: Vec<f32>,
    pub shift: Vec<f32>,
}

/// A block: `x + out(attention(norm(x)))`, then `x + down(up(norm(x)) · max(gate(norm(x)), 0))`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Before attention; the first block has none.
    pub before: Option<Norm>,
    pub query: Layer,
    /// `width x width`. A bias would add the same to all scores of a query, which the softmax takes out.
    pub key: Vec<f32>,
    pub value: Layer,
    pub out: Layer,
    /// Before the feed-forward net.
    pub between: Norm,
    pub up: Layer,
    pub gate: Layer,
    pub down: Layer,
}

/// An FT-Transformer, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct FtTransformerNet {
    weights: FtTransformerWeights,
    packed: Vec<PackedBlock>,
    head: Packed,
}

/// A block's matrices; those that take the same input stand side by side.
#[derive(Clone, Debug, PartialEq)]
struct PackedBlock {
    query: Packed,
    key_value: Packed,
    key_value_bias: Vec<f32>,
    out: Packed,
    up_gate: Packed,
    up_gate_bias: Vec<f32>,
    down: Packed,
}

/// An FT-Transformer with its encoder and what its outputs mean.
#[derive(Clone, Debug, PartialEq)]
pub struct FtTransformerModel {
    encoder: Encoder,
    net: FtTransformerNet,
    head: Head,
}

impl FtTransformerWeights {
    /// Tokens of a row, `[CLS]` among them.
    pub fn tokens(&self) -> usize {
        1 + self.dense + self.tables.len()
    }

    pub fn outputs(&self) -> usize {
        self.head.outputs
    }

    fn arrays(&self) -> impl Iterator<Item = &Vec<f32>> {
        let blocks = self.blocks.iter().flat_map(Block::arrays);
        [&self.scale, &self.bias, &self.cls, &self.norm.gain, &self.norm.shift, &self.head.weight, &self.head.bias]
            .into_iter()
            .chain(&self.tables)
            .chain(blocks)
    }
}

impl Norm {
    fn fits(&self, width: usize) -> bool {
        self.gain.len() == width && self.shift.len() == width
    }
}

impl Block {
    fn layers(&self) -> [&Layer; 6] {
        [&self.query, &self.value, &self.out, &self.up, &self.gate, &self.down]
    }

    fn arrays(&self) -> impl Iterator<Item = &Vec<f32>> {
        let norms = self.before.iter().chain([&self.between]).flat_map(|norm| [&norm.gain, &norm.shift]);
        let layers = self.layers().into_iter().flat_map(|layer| [&layer.weight, &layer.bias]);
        norms.chain(layers).chain([&self.key])
    }

    fn fits(&self, first: bool, width: usize, hidden: usize) -> bool {
        self.before.is_none() == first
            && self.before.iter().chain([&self.between]).all(|norm| norm.fits(width))
            && [&self.query, &self.value, &self.out].into_iter().all(|square| fits(square, width, width))
            && self.key.len() == width * width
            && [&self.up, &self.gate].into_iter().all(|wide| fits(wide, width, hidden))
            && fits(&self.down, hidden, width)
    }
}

/// Whether the layer has these sides and all numbers for them.
fn fits(layer: &Layer, inputs: usize, outputs: usize) -> bool {
    (layer.inputs, layer.outputs) == (inputs, outputs)
        && inputs.checked_mul(outputs) == Some(layer.weight.len())
        && layer.bias.len() == outputs
        && layer.alpha.is_empty()
}

/// Two matrices of as many rows as one.
fn beside(a: &[f32], b: &[f32], rows: usize) -> Packed {
    let (wide, more) = (a.len() / rows, b.len() / rows);
    let both = a.chunks_exact(wide).zip(b.chunks_exact(more));
    let joined: Vec<f32> = both.flat_map(|(a, b)| a.iter().chain(b)).copied().collect();
    Packed::new(&joined, rows, wide + more)
}

impl PackedBlock {
    fn new(block: &Block, width: usize) -> Self {
        let packed = |layer: &Layer| Packed::new(&layer.weight, layer.inputs, layer.outputs);
        let mut key_value_bias = vec![0.0; width];
        key_value_bias.extend(&block.value.bias);
        Self {
            query: packed(&block.query),
            key_value: beside(&block.key, &block.value.weight, width),
            key_value_bias,
            out: packed(&block.out),
            up_gate: beside(&block.up.weight, &block.gate.weight, width),
            up_gate_bias: block.up.bias.iter().chain(&block.gate.bias).copied().collect(),
            down: packed(&block.down),
        }
    }
}

impl FtTransformerNet {
    /// # Errors
    /// If an array's length does not fit the others, or a number is not finite.
    pub fn new(weights: FtTransformerWeights) -> Result<Self, LoadError> {
        let w = &weights;
        let wrong = |what: &str| Err(LoadError::part(format!("the net's {what} does not fit the rest")));
        let width = w.width;
        if width == 0 || w.heads == 0 || !width.is_multiple_of(w.heads) || w.hidden == 0 || width.max(w.hidden) > MOST {
            return wrong("size");
        }
        if w.tables.iter().any(|table| table.is_empty() || !table.len().is_multiple_of(width)) {
            return wrong("embedding");
        }
        let columns = w.dense.saturating_add(w.tables.len());
        if columns == 0
            || w.dense.checked_mul(width) != Some(w.scale.len())
            || columns.checked_mul(width) != Some(w.bias.len())
            || w.cls.len() != width
        {
            return wrong("tokens");
        }
        if w.blocks.is_empty() {
            return wrong("depth");
        }
        if let Some(index) = w.blocks.iter().enumerate().position(|(at, block)| !block.fits(at == 0, width, w.hidden)) {
            return wrong(&format!("block {index}"));
        }
        if !w.norm.fits(width) || w.head.outputs == 0 || !fits(&w.head, width, w.head.outputs) {
            return wrong("last layer");
        }
        if !weights.arrays().all(|array| array.iter().all(|v| v.is_finite())) {
            return Err(LoadError::part("the net holds numbers that are not finite"));
        }
        let packed = weights.blocks.iter().map(|block| PackedBlock::new(block, width)).collect();
        let head = Packed::new(&weights.head.weight, width, weights.head.outputs);
        Ok(Self { weights, packed, head })
    }

    pub fn weights(&self) -> &FtTransformerWeights {
        &self.weights
    }

    /// The net's outputs, `rows x outputs`, row-major. An embedding index that the table lacks counts as missing.
    ///
    /// # Panics
    /// If `encoded` has other columns than the net.
    pub fn forward(&self, encoded: &Encoded) -> Vec<f32> {
        let w = &self.weights;
        assert_eq!((encoded.width, encoded.embedded), (w.dense, w.tables.len()), "the net's columns");
        let (outputs, tokens) = (w.outputs(), w.tokens());
        let mut result = vec![0.0; encoded.rows * outputs];
        let block = (TOGETHER / tokens).max(1);
        let products = w.blocks.len() * (4 * w.width + 3 * w.hidden + 2 * tokens) * w.width;
        let effort = encoded.rows.saturating_mul(tokens).saturating_mul(products / PRODUCTS_PER_UNIT + 1);
        parallel::chunks(&mut result, block * outputs, effort, |index, result| {
            pulp::Arch::new().dispatch(Forward { net: self, encoded, first: index * block, result });
        });
        result
    }
}

impl FtTransformerModel {
    /// # Errors
    /// If the net's columns are not the encoder's, or its outputs not the head's.
    pub fn new(encoder: Encoder, net: FtTransformerNet, head: Head) -> Result<Self, LoadError> {
        let w = &net.weights;
        let tables = w.tables.iter().map(|table| table.len() / w.width);
        if encoder.width() != w.dense || !tables.eq(encoder.embedding_rows()) || w.outputs() != head.outputs() {
            return Err(LoadError::part("the net does not fit its columns"));
        }
        Ok(Self { encoder, net, head })
    }

    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }
    pub fn net(&self) -> &FtTransformerNet {
        &self.net
    }
    pub fn head(&self) -> Head {
        self.head
    }

    /// # Errors
    /// As [`Encoder::encode`].
    pub fn predict(&self, frame: &Frame) -> Result<Predictions, PredictError> {
        let encoded = self.encoder.encode(frame)?;
        Ok(self.head.predictions(self.net.forward(&encoded)))
    }
}
