//! TabM-mini's constants and parameters (Gorishniy, Kotelnikov and Babenko 2025, arXiv 2410.24210; values as in tabm 0.0.3
//! and rtdl_num_embeddings 0.0.12, but for fewer members and neurons).

use crate::net::{Part, Segment, engine::Clock, random};
use std::sync::Arc;
use trainyard_infer::{
    LoadError,
    net::{BINS, Layer, Pieces, TabMNet, TabMWeights},
    preprocess::{Encoded, Encoder, Says},
};

/// Nets that share the trunk. The paper has 32, which takes a CPU twice as long.
pub const MEMBERS: usize = 16;
/// Neurons of a hidden layer; the paper has 512.
pub const HIDDEN: usize = 256;
/// Hidden layers.
pub const DEPTH: usize = 2;
/// Numbers of an embedding.
pub const EMBEDDING: usize = 16;
pub const DROPOUT: f64 = 0.1;
pub const RATE: f64 = 2e-3;
pub const WEIGHT_DECAY: f64 = 3e-4;
pub const BETAS: (f64, f64) = (0.9, 0.999);
/// A longer gradient is shortened to this.
pub const LONGEST: f64 = 1.0;
/// Epochs without a better validation score that end the training.
pub const PATIENCE: u32 = 16;
/// Most epochs; the recipe knows no end but patience.
pub const EPOCHS: u32 = 256;

/// Rows of a step, of each member. The recipe takes 256, and more for large data; small data get several steps an epoch.
pub fn batch_size(rows: usize) -> usize {
    match rows {
        0..40_000 => crate::realmlp::batch_size(rows),
        40_000..300_000 => 512,
        _ => 1_024,
    }
}

/// Step `step`: there is no schedule.
pub fn clock(seed: u64, step: u64) -> Clock {
    let key = random::mix(seed ^ random::mix(step));
    Clock { dropout: DROPOUT, rate: RATE, decay: WEIGHT_DECAY, betas: BETAS, key }
}

/// What a dense column is for the net.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    /// Dense columns that are embedded, and how.
    pub numbers: Vec<usize>,
    pub pieces: Vec<Pieces>,
    /// The others.
    pub plain: Vec<usize>,
    /// Of each plain one, which of the table's columns it comes from.
    pub sources: Vec<usize>,
    pub dense: usize,
}

impl Columns {
    /// Fits the numbers' pieces on the train rows.
    pub fn fit(encoder: &Encoder, train: &Encoded) -> Self {
        let is_number = |column: &usize| matches!(encoder.outputs()[*column].says, Says::Value | Says::Part(_));
        let (numbers, plain): (Vec<usize>, Vec<usize>) = (0..encoder.width()).partition(is_number);
        let values = |column: &usize| {
            let values: Vec<f32> = train.dense.iter().skip(*column).step_by(train.width).copied().collect();
            Pieces::fit(&values)
        };
        // A column that says where its source is missing is a feature of its own.
        let source = |column: &usize| {
            let output = encoder.outputs()[*column];
            2 * output.column + usize::from(output.says == Says::Missing)
        };
        Self {
            pieces: numbers.iter().map(values).collect(),
            sources: plain.iter().map(source).collect(),
            numbers,
            plain,
            dense: encoder.width(),
        }
    }

    /// Most bins of a number.
    pub fn bins(&self) -> usize {
        self.pieces.iter().map(Pieces::bins).max().unwrap_or(1)
    }
}

/// A part's rows as the net takes them in; what does not change while it learns is worked out once.
#[derive(Clone, Debug)]
pub struct Rows {
    pub part: Arc<Part>,
    /// `rows x numbers` each: normal score, bin, and share of the bin.
    pub scores: Vec<f32>,
    pub bins: Vec<u8>,
    pub shares: Vec<f32>,
    /// `rows x plain`.
    pub plain: Vec<f32>,
}

impl Rows {
    pub fn new(part: Arc<Part>, columns: &Columns) -> Self {
        let count = part.encoded.rows * columns.numbers.len();
        let (mut scores, mut bins, mut shares) =
            (Vec::with_capacity(count), Vec::with_capacity(count), Vec::with_capacity(count));
        let mut plain = Vec::with_capacity(part.encoded.rows * columns.plain.len());
        for row in part.encoded.dense.chunks_exact(columns.dense.max(1)) {
            for (column, pieces) in columns.numbers.iter().zip(&columns.pieces) {
                let place = pieces.place(row[*column]);
                scores.push(place.score);
                bins.push(place.bin as u8);
                shares.push(place.share);
            }
            plain.extend(columns.plain.iter().map(|column| row[*column]));
        }
        Self { part, scores, bins, shares, plain }
    }
}

/// A bin is told by a byte.
const _: () = assert!(BINS <= 256);

/// Where each parameter stands in the flat vector: first the small ones, then the trunk's weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub columns: Columns,
    pub members: usize,
    pub outputs: usize,
    /// Most bins of a number.
    pub bins: usize,
    /// `numbers * bins x EMBEDDING`: what each bin adds once it is passed.
    pub steps: Segment,
    /// `numbers x EMBEDDING`: times the score.
    pub slope: Segment,
    /// `numbers x EMBEDDING`.
    pub offset: Segment,
    /// `rows x EMBEDDING` for each embedded column.
    pub tables: Vec<Segment>,
    /// `members x inputs`.
    pub scale: Segment,
    /// `1 x HIDDEN` for each hidden layer.
    pub biases: Vec<Segment>,
    /// `members * outputs x HIDDEN`.
    pub heads: Segment,
    /// `members x outputs`.
    pub head_bias: Segment,
    /// `inputs x HIDDEN` for each hidden layer.
    pub weights: Vec<Segment>,
    /// Where the weights begin.
    pub small: usize,
    pub total: usize,
}

impl Layout {
    pub fn new(columns: Columns, tables: &[usize], members: usize, outputs: usize) -> Self {
        let mut next = 0;
        let mut segment = |rows: usize, columns: usize, decays: bool| {
            let start = next;
            next += rows * columns;
            Segment { start, rows, columns, rate: 1.0, decays }
        };
        let (count, bins) = (columns.numbers.len(), columns.bins());
        let inputs = (count + tables.len()) * EMBEDDING + columns.plain.len();
        let steps = segment(count * bins, EMBEDDING, false);
        let slope = segment(count, EMBEDDING, false);
        let offset = segment(count, EMBEDDING, false);
        let tables = tables.iter().map(|&rows| segment(rows, EMBEDDING, false)).collect();
        let scale = segment(members, inputs, true);
        let biases = (0..DEPTH).map(|_| segment(1, HIDDEN, false)).collect();
        let heads = segment(members * outputs, HIDDEN, true);
        let head_bias = segment(members, outputs, false);
        let weights: Vec<Segment> =
            (0..DEPTH).map(|layer| segment(if layer == 0 { inputs } else { HIDDEN }, HIDDEN, true)).collect();
        Self {
            members,
            outputs,
            bins,
            steps,
            slope,
            offset,
            tables,
            scale,
            biases,
            heads,
            head_bias,
            small: weights[0].start,
            weights,
            total: next,
            columns,
        }
    }

    /// Width of the trunk's input.
    pub fn inputs(&self) -> usize {
        self.scale.columns
    }

    /// Where the plain columns begin in the input, and where the tables' embeddings.
    pub fn starts(&self) -> (usize, usize) {
        let plain = self.columns.numbers.len() * EMBEDDING;
        (plain, plain + self.columns.plain.len())
    }

    /// Which feature each input belongs to: all of an embedding, and all levels of a category, are one.
    pub fn features(&self) -> Vec<usize> {
        let count = self.columns.numbers.len();
        let mut features: Vec<usize> = (0..count * EMBEDDING).map(|input| input / EMBEDDING).collect();
        let mut next = count;
        for (index, source) in self.columns.sources.iter().enumerate() {
            if index > 0 && self.columns.sources[index - 1] != *source {
                next += 1;
            }
            features.push(next);
        }
        next += 1;
        features.extend((0..self.tables.len() * EMBEDDING).map(|input| next + input / EMBEDDING));
        features
    }

    /// Every segment, in the flat vector's order.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        [&self.steps, &self.slope, &self.offset]
            .into_iter()
            .chain(&self.tables)
            .chain(std::iter::once(&self.scale))
            .chain(&self.biases)
            .chain([&self.heads, &self.head_bias])
            .chain(&self.weights)
    }

    /// The net of the given members that predicts with these parameters.
    ///
    /// # Errors
    /// If a parameter is not finite.
    pub fn net(&self, theta: &[f32], members: &[usize]) -> Result<TabMNet, LoadError> {
        let copy = |segment: &Segment| theta[segment.range()].to_vec();
        let of = |segment: &Segment| -> Vec<f32> {
            let wide = segment.range().len() / self.members;
            members.iter().flat_map(|member| &theta[segment.start + member * wide..][..wide]).copied().collect()
        };
        let layer = |(weight, bias): (&Segment, &Segment)| Layer {
            inputs: weight.rows,
            outputs: weight.columns,
            weight: copy(weight),
            bias: copy(bias),
            alpha: Vec::new(),
        };
        TabMNet::new(TabMWeights {
            dense: self.columns.dense,
            numbers: self.columns.numbers.clone(),
            pieces: self.columns.pieces.clone(),
            embedding: EMBEDDING,
            bins: self.bins,
            steps: copy(&self.steps),
            slope: copy(&self.slope),
            offset: copy(&self.offset),
            tables: self.tables.iter().map(copy).collect(),
            members: members.len(),
            scales: of(&self.scale),
            layers: self.weights.iter().zip(&self.biases).map(layer).collect(),
            heads: of(&self.heads),
            head_bias: of(&self.head_bias),
        })
    }
}
