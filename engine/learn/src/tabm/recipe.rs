//! TabM-mini's constants and parameters (Gorishniy, Kotelnikov and Babenko 2025, arXiv 2410.24210; values as in tabm 0.0.3
//! and rtdl_num_embeddings 0.0.12, but for fewer members and neurons).

use crate::{
    FitOptions,
    net::{Part, Segment, engine::Clock, random},
};
use std::sync::Arc;
use trainyard_infer::{
    LoadError,
    net::{BINS, Layer, Pieces, TabMNet, TabMWeights},
    preprocess::{Encoded, Encoder, Says},
};

/// Numbers of an embedding.
pub const EMBEDDING: usize = 16;
pub const BETAS: (f64, f64) = (0.9, 0.999);
/// A longer gradient is shortened to this.
pub const LONGEST: f64 = 1.0;
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

/// What may be set; see [`trainyard_types::hyper`] for the ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Hidden layers.
    pub layers: usize,
    /// Neurons of a hidden layer, a multiple of 16.
    pub width: usize,
    /// Nets that share the trunk.
    pub members: usize,
    /// Most bins of a number, up to 256.
    pub bins: usize,
    pub dropout: f64,
    pub rate: f64,
    pub decay: f64,
    /// Rows of a step, of each member; `None`: by the train rows.
    pub batch: Option<usize>,
    /// Epochs without a better validation score that end the training.
    pub patience: u32,
}

impl Default for Config {
    /// The recipe's, but for 16 members of the paper's 32 and 256 neurons of its 512, which a CPU trains in minutes.
    fn default() -> Self {
        Self {
            layers: 2,
            width: 256,
            members: 16,
            bins: BINS,
            dropout: 0.1,
            rate: 2e-3,
            decay: 3e-4,
            batch: None,
            patience: 16,
        }
    }
}

impl Config {
    /// The default but for what is set.
    pub fn new(options: &FitOptions) -> Self {
        let default = Self::default();
        let whole = |key: &str| options.set(key).map(|set| set as usize);
        Self {
            layers: whole("tabm.layers").unwrap_or(default.layers),
            width: whole("tabm.width").unwrap_or(default.width),
            members: whole("tabm.members").unwrap_or(default.members),
            bins: whole("tabm.bins").unwrap_or(default.bins),
            dropout: options.set("tabm.dropout").unwrap_or(default.dropout),
            rate: options.set("tabm.learning_rate").unwrap_or(default.rate),
            decay: options.set("tabm.weight_decay").unwrap_or(default.decay),
            batch: whole("tabm.batch_size"),
            patience: options.set("tabm.patience").map_or(default.patience, |set| set as u32),
        }
    }

    /// Rows of a step, of so many train rows.
    pub fn batch(&self, rows: usize) -> usize {
        self.batch.map_or_else(|| batch_size(rows), |batch| batch.min(rows))
    }

    /// Step `step`: there is no schedule.
    pub fn clock(&self, seed: u64, step: u64) -> Clock {
        let key = random::mix(seed ^ random::mix(step));
        Clock { dropout: self.dropout, rate: self.rate, decay: self.decay, betas: BETAS, key }
    }
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
    /// Fits the numbers' pieces, of up to so many bins, on the train rows.
    pub fn fit(encoder: &Encoder, train: &Encoded, bins: usize) -> Self {
        let is_number = |column: &usize| matches!(encoder.outputs()[*column].says, Says::Value | Says::Part(_));
        let (numbers, plain): (Vec<usize>, Vec<usize>) = (0..encoder.width()).partition(is_number);
        let values = |column: &usize| {
            let values: Vec<f32> = train.dense.iter().skip(*column).step_by(train.width).copied().collect();
            Pieces::with_bins(&values, bins)
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

/// A bin is told by a byte; no more than 128 can be asked for.
const _: () = assert!(BINS <= 256);

/// Where each parameter stands in the flat vector: first the small ones, then the trunk's weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub config: Config,
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
    /// `1 x width` for each hidden layer.
    pub biases: Vec<Segment>,
    /// `members * outputs x width`.
    pub heads: Segment,
    /// `members x outputs`.
    pub head_bias: Segment,
    /// `inputs x width` for each hidden layer.
    pub weights: Vec<Segment>,
    /// Where the weights begin.
    pub small: usize,
    pub total: usize,
}

impl Layout {
    pub fn new(columns: Columns, tables: &[usize], outputs: usize, config: Config) -> Self {
        let (members, depth, width) = (config.members, config.layers, config.width);
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
        let biases = (0..depth).map(|_| segment(1, width, false)).collect();
        let heads = segment(members * outputs, width, true);
        let head_bias = segment(members, outputs, false);
        let weights: Vec<Segment> =
            (0..depth).map(|layer| segment(if layer == 0 { inputs } else { width }, width, true)).collect();
        Self {
            config,
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

    /// Hidden layers.
    pub fn depth(&self) -> usize {
        self.weights.len()
    }

    /// Neurons of a hidden layer.
    pub fn width(&self) -> usize {
        self.heads.columns
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
