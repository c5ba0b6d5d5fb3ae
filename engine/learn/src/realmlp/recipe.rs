//! RealMLP-TD's constants, schedules and parameters (Holzmüller, Grinsztajn and Steinwart 2024, arXiv 2407.04491; values
//! as in pytabkit 1.7.3).

use crate::net::{Segment, engine::Clock, random};
use trainyard_infer::{
    LoadError,
    net::{Activation, Layer, RealMlpNet, RealMlpWeights},
};

/// Neurons of a hidden layer.
pub const HIDDEN: usize = 256;
/// Hidden layers.
pub const DEPTH: usize = 3;
/// Cosines of a dense column, and the numbers that they are mixed to.
pub const FREQUENCIES: usize = 16;
pub const MIXED: usize = 3;
/// Standard deviation of the cosines' frequencies at the start.
pub const FREQUENCY_SCALE: f32 = 0.1;
/// Numbers of an embedding row.
pub const EMBEDDING: usize = 8;
/// Share of activations that dropout zeroes before its schedule ends.
pub const DROPOUT: f64 = 0.15;
pub const LABEL_SMOOTHING: f32 = 0.1;
pub const WEIGHT_DECAY: f64 = 0.02;
pub const BETAS: (f64, f64) = (0.9, 0.95);
/// The paper's number of epochs.
pub const EPOCHS: u32 = 256;

/// Highest learning rate.
pub fn learning_rate(classification: bool) -> f64 {
    if classification { 0.04 } else { 0.2 }
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

/// Step `step` of `steps`.
pub fn clock(classification: bool, seed: u64, step: u64, steps: u64) -> Clock {
    let t = step as f64 / steps.max(1) as f64;
    Clock {
        dropout: DROPOUT * flat_cos(t),
        rate: learning_rate(classification) * coslog4(t),
        decay: WEIGHT_DECAY * flat_cos(t),
        betas: BETAS,
        key: random::mix(seed ^ random::mix(step)),
    }
}

/// Where each parameter stands in the flat vector: first the small ones, then the layers' weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub activation: Activation,
    pub dense: usize,
    pub outputs: usize,
    /// `dense x FREQUENCIES`; turns per unit.
    pub frequency: Segment,
    /// `dense x FREQUENCIES`; radians.
    pub phase: Segment,
    /// `dense x (MIXED * FREQUENCIES)`.
    pub mix: Segment,
    /// `dense x MIXED`.
    pub mix_bias: Segment,
    /// `rows x EMBEDDING` for each embedded column.
    pub tables: Vec<Segment>,
    /// `1 x inputs`.
    pub scale: Segment,
    /// `1 x outputs` for each layer.
    pub biases: Vec<Segment>,
    /// `1 x HIDDEN` for each hidden layer.
    pub alphas: Vec<Segment>,
    /// `inputs x outputs` for each layer, before the factor 1/√inputs.
    pub weights: Vec<Segment>,
    /// Where the layers' weights begin.
    pub small: usize,
    pub total: usize,
}

impl Layout {
    pub fn new(dense: usize, tables: &[usize], outputs: usize, activation: Activation) -> Self {
        let mut next = 0;
        let mut segment = |rows: usize, columns: usize, rate: f64, decays: bool| {
            let start = next;
            next += rows * columns;
            Segment { start, rows, columns, rate, decays }
        };
        let frequency = segment(dense, FREQUENCIES, 0.1, true);
        let phase = segment(dense, FREQUENCIES, 0.1, false);
        let mix = segment(dense, MIXED * FREQUENCIES, 0.1, true);
        let mix_bias = segment(dense, MIXED, 0.1, false);
        let tables: Vec<Segment> = tables.iter().map(|&rows| segment(rows, EMBEDDING, 1.0, true)).collect();
        let inputs = dense * (MIXED + 1) + tables.len() * EMBEDDING;
        let scale = segment(1, inputs, 6.0, true);
        let widths: Vec<usize> = std::iter::once(inputs).chain([HIDDEN; DEPTH]).chain([outputs]).collect();
        let biases = widths[1..].iter().map(|&width| segment(1, width, 0.1, false)).collect();
        let alphas = (0..DEPTH).map(|_| segment(1, HIDDEN, 0.1, true)).collect();
        let weights: Vec<Segment> = widths.windows(2).map(|pair| segment(pair[0], pair[1], 1.0, true)).collect();
        let small = weights[0].start;
        Self {
            activation,
            dense,
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

    /// The net that predicts with these parameters: the tangent factors and the input scale go into the weights.
    ///
    /// # Errors
    /// If a parameter is not finite.
    pub fn net(&self, theta: &[f32]) -> Result<RealMlpNet, LoadError> {
        let copy = |segment: &Segment| theta[segment.range()].to_vec();
        let scale = &theta[self.scale.range()];
        let layers = (0..=DEPTH).map(|index| {
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
            frequencies: FREQUENCIES,
            mixed: MIXED,
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
        let layout = Layout::new(5, &[11, 30], 3, Activation::Selu);
        let mut next = 0;
        for segment in layout.segments() {
            assert_eq!(segment.start, next);
            next = segment.range().end;
        }
        assert_eq!(next, layout.total);
        assert_eq!(layout.inputs(), 5 * 4 + 16);
    }
}
