//! FT-Transformer's constants and parameters (Gorishniy, Rubachev, Khrulkov and Babenko 2021, arXiv 2106.11959; values as in
//! rtdl_revisiting_models 0.0.2, but for fewer and narrower blocks).

use crate::{
    FitOptions,
    net::{Segment, engine::Clock, random},
};
use trainyard_infer::{
    LoadError,
    net::{Block, FtTransformerNet, FtTransformerWeights, Layer, Norm},
};

/// Heads of attention.
pub const HEADS: usize = 8;
/// Blocks and numbers of a token where nothing is set; the paper has 3 and 192, which take a CPU some ten times as long.
const BLOCKS: f64 = 2.0;
const WIDTH: f64 = 64.0;
/// As the paper's package has them for two blocks.
const ATTENTION_DROPOUT: f64 = 0.15;
const DROPOUT: f64 = 0.05;
/// The paper has 0.0001 for its wider tokens and many more steps.
const RATE: f64 = 1e-3;
const WEIGHT_DECAY: f64 = 1e-5;
const BETAS: (f64, f64) = (0.9, 0.999);
/// Epochs without a better validation score that end the training.
const PATIENCE: f64 = 16.0;
/// Most epochs; the recipe knows no end but patience.
pub const EPOCHS: u32 = 256;

/// What is set, and the recipe's defaults for the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub blocks: usize,
    pub width: usize,
    pub attention_dropout: f64,
    /// Within the feed-forward nets.
    pub dropout: f64,
    pub rate: f64,
    pub decay: f64,
    pub batch: usize,
    pub patience: u32,
    /// Whether numbers go in as normal scores by their quantiles.
    pub quantile: bool,
}

impl Settings {
    /// `rows`: train rows.
    pub fn new(options: &FitOptions, rows: usize) -> Self {
        let set = |key: &str, default: f64| options.set(key).unwrap_or(default);
        Self {
            blocks: set("fttransformer.blocks", BLOCKS) as usize,
            width: set("fttransformer.width", WIDTH) as usize,
            attention_dropout: set("fttransformer.attention_dropout", ATTENTION_DROPOUT),
            dropout: set("fttransformer.dropout", DROPOUT),
            rate: set("fttransformer.learning_rate", RATE),
            decay: set("fttransformer.weight_decay", WEIGHT_DECAY),
            batch: set("fttransformer.batch_size", batch_size(rows) as f64) as usize,
            patience: set("fttransformer.patience", PATIENCE) as u32,
            quantile: set("fttransformer.quantile", 0.0) != 0.0,
        }
    }

    /// Step `step`: there is no schedule.
    pub fn clock(&self, seed: u64, step: u64) -> Clock {
        let key = random::mix(seed ^ random::mix(step));
        Clock { dropout: self.dropout, rate: self.rate, decay: self.decay, betas: BETAS, key }
    }
}

/// Rows of a step. The recipe takes 256; small data get several steps an epoch.
fn batch_size(rows: usize) -> usize {
    match rows {
        0..=1_024 => 64,
        1_025..=8_192 => 128,
        _ => 256,
    }
}

/// A layer's segments, by their places in [`Layout::segments`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerAt {
    pub weight: usize,
    pub bias: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormAt {
    pub gain: usize,
    pub shift: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BlockAt {
    /// Before attention; the first block has none.
    pub before: Option<NormAt>,
    pub query: LayerAt,
    pub key: usize,
    pub value: LayerAt,
    pub out: LayerAt,
    /// Before the feed-forward net.
    pub between: NormAt,
    pub up: LayerAt,
    pub gate: LayerAt,
    pub down: LayerAt,
}

/// Where each parameter stands in the flat vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Dense columns.
    pub dense: usize,
    /// Rows of each embedded column's table.
    pub tables: Vec<usize>,
    pub outputs: usize,
    pub width: usize,
    /// Numbers within a feed-forward net: 4/3 of the width.
    pub hidden: usize,
    pub attention_dropout: f64,
    /// `dense x width` each: times the column's number, and added.
    pub scale: usize,
    pub dense_bias: usize,
    /// All tables' rows, one table's after the other, `rows x width`.
    pub table_rows: usize,
    /// `tables x width`.
    pub table_bias: usize,
    /// `1 x width`.
    pub cls: usize,
    pub blocks: Vec<BlockAt>,
    /// Before the last layer.
    pub norm: NormAt,
    pub head: LayerAt,
    /// Every segment, in the flat vector's order.
    pub segments: Vec<Segment>,
    pub total: usize,
}

/// Segments, one after the other.
#[derive(Default)]
struct Builder {
    segments: Vec<Segment>,
    next: usize,
}

impl Builder {
    fn add(&mut self, rows: usize, columns: usize, decays: bool) -> usize {
        let start = self.next;
        self.next += rows * columns;
        self.segments.push(Segment { start, rows, columns, rate: 1.0, decays });
        self.segments.len() - 1
    }

    fn layer(&mut self, inputs: usize, outputs: usize) -> LayerAt {
        LayerAt { weight: self.add(inputs, outputs, true), bias: self.add(1, outputs, false) }
    }

    fn norm(&mut self, width: usize) -> NormAt {
        NormAt { gain: self.add(1, width, false), shift: self.add(1, width, false) }
    }
}

impl Layout {
    /// `tables`: rows of each embedded column's table. Tokens, norms and biases are not decayed.
    pub fn new(dense: usize, tables: &[usize], outputs: usize, settings: &Settings) -> Self {
        let (width, hidden) = (settings.width, settings.width * 4 / 3);
        let mut all = Builder::default();
        let scale = all.add(dense, width, false);
        let dense_bias = all.add(dense, width, false);
        let table_rows = all.add(tables.iter().sum(), width, false);
        let table_bias = all.add(tables.len(), width, false);
        let cls = all.add(1, width, false);
        let blocks = (0..settings.blocks)
            .map(|index| BlockAt {
                before: (index > 0).then(|| all.norm(width)),
                query: all.layer(width, width),
                key: all.add(width, width, true),
                value: all.layer(width, width),
                out: all.layer(width, width),
                between: all.norm(width),
                up: all.layer(width, hidden),
                gate: all.layer(width, hidden),
                down: all.layer(hidden, width),
            })
            .collect();
        let norm = all.norm(width);
        let head = all.layer(width, outputs);
        Self {
            dense,
            tables: tables.to_vec(),
            outputs,
            width,
            hidden,
            attention_dropout: settings.attention_dropout,
            scale,
            dense_bias,
            table_rows,
            table_bias,
            cls,
            blocks,
            norm,
            head,
            total: all.next,
            segments: all.segments,
        }
    }

    /// Tokens of a row, `[CLS]` among them.
    pub fn tokens(&self) -> usize {
        1 + self.dense + self.tables.len()
    }

    /// The places of the embedded columns' codes among all tables' rows, `rows x tables`.
    pub fn places(&self, codes: &[u32]) -> Vec<u32> {
        let starts = self.tables.iter().scan(0, |next, rows| Some(std::mem::replace(next, *next + *rows as u32)));
        let starts: Vec<u32> = starts.collect();
        codes.iter().zip(starts.iter().cycle()).map(|(code, start)| code + start).collect()
    }

    /// The net that predicts with these parameters.
    ///
    /// # Errors
    /// If a parameter is not finite.
    pub fn net(&self, theta: &[f32]) -> Result<FtTransformerNet, LoadError> {
        let copy = |segment: usize| theta[self.segments[segment].range()].to_vec();
        let norm = |norm: NormAt| Norm { gain: copy(norm.gain), shift: copy(norm.shift) };
        let layer = |layer: LayerAt| {
            let Segment { rows: inputs, columns: outputs, .. } = self.segments[layer.weight];
            Layer { inputs, outputs, weight: copy(layer.weight), bias: copy(layer.bias), alpha: Vec::new() }
        };
        let block = |block: &BlockAt| Block {
            before: block.before.map(norm),
            query: layer(block.query),
            key: copy(block.key),
            value: layer(block.value),
            out: layer(block.out),
            between: norm(block.between),
            up: layer(block.up),
            gate: layer(block.gate),
            down: layer(block.down),
        };
        let rows = copy(self.table_rows);
        let mut left = &rows[..];
        let mut table = |rows: &usize| {
            let (own, rest) = left.split_at(rows * self.width);
            left = rest;
            own.to_vec()
        };
        FtTransformerNet::new(FtTransformerWeights {
            dense: self.dense,
            width: self.width,
            heads: HEADS,
            hidden: self.hidden,
            scale: copy(self.scale),
            bias: [copy(self.dense_bias), copy(self.table_bias)].concat(),
            tables: self.tables.iter().map(&mut table).collect(),
            cls: copy(self.cls),
            blocks: self.blocks.iter().map(block).collect(),
            norm: norm(self.norm),
            head: layer(self.head),
        })
    }
}
