//! RealMLP-TD's constants, schedules and parameters (Holzmüller, Grinsztajn and Steinwart 2024, arXiv 2407.04491; values
//! as in pytabkit 1.7.3).

use crate::{
    FitOptions,
    net::{Segment, engine::Clock, random},
};
use trainyard_infer::{
    LoadError,
    net::{Activation, Layer, RealMlpNet, RealMlpWeights},
};

/// Cosines of a dense column, and the numbers that they are mixed to.
pub const FREQUENCIES: usize = 16;
pub const MIXED: usize = 3;
/// Standard deviation of the cosines' frequencies at the start.
pub const FREQUENCY_SCALE: f32 = 0.1;
/// Numbers of an embedding row.
pub const EMBEDDING: usize = 8;
pub const BETAS: (f64, f64) = (0.9, 0.95);
/// The paper's number of epochs.
pub const EPOCHS: u32 = 256;

/// What may be set; see [`trainyard_types::hyper`] for the ranges.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Hidden layers.
    pub layers: usize,
    /// Neurons of a hidden layer.
    pub width: usize,
    /// Share of activations that dropout zeroes before its schedule ends.
    pub dropout: f64,
    /// Highest learning rate.
    pub rate: f64,
    pub decay: f64,
    /// Share of a class that is spread over all.
    pub smoothing: f32,
    /// Rows of a step; `None`: by the train rows.
    pub batch: Option<usize>,
    /// Whether dense columns go in with cosines of themselves.
    pub cosines: bool,
    /// Whether numbers go in as normal scores by their quantiles.
    pub quantile: bool,
    /// Nets that train side by side and answer together.
    pub members: usize,
}

impl Config {
    /// RealMLP-TD.
    pub fn tuned(classification: bool) -> Self {
        Self {
            layers: 3,
            width: 256,
            dropout: 0.15,
            rate: if classification { 0.04 } else { 0.2 },
            decay: 0.02,
            smoothing: 0.1,
            batch: None,
            cosines: true,
            quantile: false,
            members: 1,
        }
    }

    /// RealMLP-TD but for what is set.
    pub fn new(options: &FitOptions, classification: bool) -> Self {
        let tuned = Self::tuned(classification);
        let whole = |key: &str| options.set(key).map(|set| set as usize);
        Self {
            layers: whole("realmlp.layers").unwrap_or(tuned.layers),
            width: whole("realmlp.width").unwrap_or(tuned.width),
            dropout: options.set("realmlp.dropout").unwrap_or(tuned.dropout),
            rate: options.set("realmlp.learning_rate").unwrap_or(tuned.rate),
            decay: options.set("realmlp.weight_decay").unwrap_or(tuned.decay),
            smoothing: options.set("realmlp.label_smoothing").map_or(tuned.smoothing, |set| set as f32),
            batch: whole("realmlp.batch_size"),
            cosines: options.set("realmlp.embeddings").map_or(tuned.cosines, |set| set != 0.0),
            quantile: options.set("realmlp.quantile").map_or(tuned.quantile, |set| set != 0.0),
            members: whole("realmlp.members").unwrap_or(tuned.members),
        }
    }

    /// Rows of a step, of so many train rows.
    pub fn batch(&self, rows: usize) -> usize {
        self.batch.map_or_else(|| batch_size(rows), |batch| batch.min(rows))
    }

    /// Step `step` of `steps`.
    pub fn clock(&self, seed: u64, step: u64, steps: u64) -> Clock {
        let t = step as f64 / steps.max(1) as f64;
        Clock {
            dropout: self.dropout * flat_cos(t),
            rate: self.rate * coslog4(t),
            decay: self.decay * flat_cos(t),
            betas: BETAS,
            key: random::mix(seed ^ random::mix(step)),
        }
    }
}

/// A member's seed; the first one's is the training's own.
pub fn member_seed(seed: u64, member: usize) -> u64 {
    if member == 0 { seed } else { random::mix(seed ^ random::mix(0x6d65_6d62_6572 + member as u64)) }
}

/// Rows of a step: 256, fewer for small data (pytabkit's `batch_size="auto"`), so that an epoch has several steps.
pub fn batch_size(rows: usize) -> usize {
    let wanted = match rows {
        0..=1024 => 64,
        1025..=8192 => 128,
        _ => 256,
    };
    wanted.min(rows)
}

/// The learning rate's factor at progress `t` in [0, 1]: four cosine waves, each twice as long as the one before.
pub fn coslog4(t: f64) -> f64 {
    0.5 * (1.0 - (std::f64::consts::TAU * (1.0 + 15.0 * t).log2()).cos())
}

/// The factor of dropout and weight decay: 1 for the first half, then a cosine to 0.
pub fn flat_cos(t: f64) -> f64 {
    if t < 0.5 { 1.0 } else { 0.5 * (1.0 + (std::f64::consts::PI * (2.0 * t - 1.0)).cos()) }
}

/// Where each parameter of a net stands in its flat vector: first the small ones, then the layers' weights. Several members'
/// vectors lie one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub config: Config,
    pub activation: Activation,
    pub dense: usize,
    /// Dense columns that go in with cosines of themselves: all of them or none.
    pub waves: usize,
    pub outputs: usize,
    /// `waves x FREQUENCIES`; turns per unit.
    pub frequency: Segment,
    /// `waves x FREQUENCIES`; radians.
    pub phase: Segment,
    /// `waves x (MIXED * FREQUENCIES)`.
    pub mix: Segment,
    /// `waves x MIXED`.
    pub mix_bias: Segment,
    /// `rows x EMBEDDING` for each embedded column.
    pub tables: Vec<Segment>,
    /// `1 x inputs`.
    pub scale: Segment,
    /// `1 x outputs` for each layer.
    pub biases: Vec<Segment>,
    /// `1 x width` for each hidden layer.
    pub alphas: Vec<Segment>,
    /// `inputs x outputs` for each layer, before the factor 1/√inputs.
    pub weights: Vec<Segment>,
    /// Where the layers' weights begin.
    pub small: usize,
    /// Parameters of a member.
    pub total: usize,
}

impl Layout {
    pub fn new(dense: usize, tables: &[usize], outputs: usize, activation: Activation, config: Config) -> Self {
        let mut next = 0;
        let mut segment = |rows: usize, columns: usize, rate: f64, decays: bool| {
            let start = next;
            next += rows * columns;
            Segment { start, rows, columns, rate, decays }
        };
        let waves = if config.cosines { dense } else { 0 };
        let frequency = segment(waves, FREQUENCIES, 0.1, true);
        let phase = segment(waves, FREQUENCIES, 0.1, false);
        let mix = segment(waves, MIXED * FREQUENCIES, 0.1, true);
        let mix_bias = segment(waves, MIXED, 0.1, false);
        let tables: Vec<Segment> = tables.iter().map(|&rows| segment(rows, EMBEDDING, 1.0, true)).collect();
        let inputs = waves * MIXED + dense + tables.len() * EMBEDDING;
        let scale = segment(1, inputs, 6.0, true);
        let hidden = std::iter::repeat_n(config.width, config.layers);
        let widths: Vec<usize> = std::iter::once(inputs).chain(hidden).chain([outputs]).collect();
        let biases = widths[1..].iter().map(|&width| segment(1, width, 0.1, false)).collect();
        let alphas = (0..config.layers).map(|_| segment(1, config.width, 0.1, true)).collect();
        let weights: Vec<Segment> = widths.windows(2).map(|pair| segment(pair[0], pair[1], 1.0, true)).collect();
        let small = weights[0].start;
        Self {
            config,
            activation,
            dense,
            waves,
            outputs,
            frequency,
            phase,
            mix,
            mix_bias,
            tables,
            scale,
            biases,
            alphas,
            weights,
            small,
            total: next,
        }
    }

    /// Width of the first layer's input.
    pub fn inputs(&self) -> usize {
        self.scale.columns
    }

    /// Hidden layers.
    pub fn depth(&self) -> usize {
        self.alphas.len()
    }

    /// Every segment, in the flat vector's order.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        [&self.frequency, &self.phase, &self.mix, &self.mix_bias]
            .into_iter()
            .chain(&self.tables)
            .chain(std::iter::once(&self.scale))
            .chain(&self.biases)
            .chain(&self.alphas)
            .chain(&self.weights)
    }

    /// The factor 1/√inputs of a layer (neural tangent parametrisation).
    pub fn tangent(&self, layer: usize) -> f32 {
        1.0 / (self.weights[layer].rows as f32).sqrt()
    }

    /// The nets that predict with these parameters, one for each member.
    ///
    /// # Errors
    /// If a parameter is not finite.
    pub fn nets(&self, theta: &[f32]) -> Result<Vec<RealMlpNet>, LoadError> {
        theta.chunks_exact(self.total).map(|theta| self.net(theta)).collect()
    }

    /// The net that predicts with these parameters of a member: the tangent factors and the input scale go into the weights.
    ///
    /// # Errors
    /// If a parameter is not finite.
    pub fn net(&self, theta: &[f32]) -> Result<RealMlpNet, LoadError> {
        let copy = |segment: &Segment| theta[segment.range()].to_vec();
        let scale = &theta[self.scale.range()];
        let (frequencies, mixed) = if self.config.cosines { (FREQUENCIES, MIXED) } else { (0, 0) };
        let layers = (0..=self.depth()).map(|index| {
            let segment = &self.weights[index];
            let tangent = self.tangent(index);
            let mut weight = copy(segment);
            for (input, row) in weight.chunks_exact_mut(segment.columns).enumerate() {
                let factor = if index == 0 { tangent * scale[input] } else { tangent };
                row.iter_mut().for_each(|w| *w *= factor);
            }
            let alpha = self.alphas.get(index).map_or_else(Vec::new, copy);
            Layer { inputs: segment.rows, outputs: segment.columns, weight, bias: copy(&self.biases[index]), alpha }
        });
        RealMlpNet::new(RealMlpWeights {
            activation: self.activation,
            dense: self.dense,
            frequencies,
            mixed,
            frequency: copy(&self.frequency),
            phase: copy(&self.phase).into_iter().map(|radians| radians / std::f32::consts::TAU).collect(),
            mix: copy(&self.mix),
            mix_bias: copy(&self.mix_bias),
            embedding: EMBEDDING,
            tables: self.tables.iter().map(copy).collect(),
            layers: layers.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_follow_the_paper() {
        // pytabkit 1.7.3, scheduling.py: coslog4 is 0 at 0, 1/15, 3/15, 7/15 and 1, and 1 between on the log scale.
        for t in [0.0, 1.0 / 15.0, 3.0 / 15.0, 7.0 / 15.0, 1.0] {
            assert!(coslog4(t).abs() < 1e-12);
        }
        assert!((coslog4((2.0f64.powf(0.5) - 1.0) / 15.0) - 1.0).abs() < 1e-12);
        assert_eq!((flat_cos(0.0), flat_cos(0.49)), (1.0, 1.0));
        assert!((flat_cos(0.75) - 0.5).abs() < 1e-12 && flat_cos(1.0).abs() < 1e-12);
    }

    #[test]
    fn segments_fill_the_vector() {
        let plain = Config { layers: 2, width: 32, cosines: false, ..Config::tuned(true) };
        for (config, inputs) in [(Config::tuned(true), 5 * 4 + 16), (plain, 5 + 16)] {
            let layout = Layout::new(5, &[11, 30], 3, Activation::Selu, config);
            let mut next = 0;
            for segment in layout.segments() {
                assert_eq!(segment.start, next);
                next = segment.range().end;
            }
            assert_eq!(next, layout.total);
            assert_eq!(layout.inputs(), inputs);
        }
    }

    #[test]
    fn what_is_not_set_is_the_recipe_s() {
        let options = |set: &[(&str, f64)]| {
            let parameters = set.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
            FitOptions { parameters, ..crate::tests::options() }
        };
        for classification in [false, true] {
            assert_eq!(Config::new(&options(&[]), classification), Config::tuned(classification));
        }
        let set = [
            ("realmlp.layers", 2.0),
            ("realmlp.width", 32.0),
            ("realmlp.dropout", 0.0),
            ("realmlp.learning_rate", 0.01),
            ("realmlp.weight_decay", 0.1),
            ("realmlp.label_smoothing", 0.0),
            ("realmlp.batch_size", 512.0),
            ("realmlp.embeddings", 0.0),
            ("realmlp.quantile", 1.0),
            ("realmlp.members", 4.0),
        ];
        let known = trainyard_types::hyper::of(trainyard_types::run::Family::RealMlp).map(|known| known.key);
        assert!(known.eq(set.map(|(key, _)| key)), "each that is declared is read");
        let expected = Config {
            layers: 2,
            width: 32,
            dropout: 0.0,
            rate: 0.01,
            decay: 0.1,
            smoothing: 0.0,
            batch: Some(512),
            cosines: false,
            quantile: true,
            members: 4,
        };
        let found = Config::new(&options(&set), true);
        assert_eq!(found, expected);
        assert_eq!((found.batch(2_000), found.batch(100), Config::tuned(true).batch(2_000)), (512, 100, 128));
    }
}
