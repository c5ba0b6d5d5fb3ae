//! Fitting an [`Encoder`] on the train rows.

use super::{Encoder, Output, Reads, Says, Source, View, count_levels, hold};
use crate::{
    datetime,
    error::PredictError,
    frame::{Column, Frame, MISSING, Values},
    normal_scores::NormalScores,
};
use trainyard_types::dataset::ColumnType;

/// Which model the encoder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// RealMLP-TD (Holzmüller et al. 2024): two levels become ±1, up to eight one column each, more an embedding; all
    /// dense columns are centred at the median, divided by the interquartile range and clipped smoothly to ±3.
    RealMlp,
    /// TabM (Gorishniy et al. 2025): two levels become ±1, up to 64 one 0/1 column each, more an embedding; numbers are centred
    /// at the median and divided by the interquartile range, which [`crate::net::Pieces`] go on from.
    TabM,
    /// FT-Transformer (Gorishniy et al. 2021): two levels become ±1, more an embedding, so that a category is one token; numbers
    /// are prepared as RealMLP's.
    FtTransformer,
    /// Numbers are standardised, categories become one 0/1 column a level, the most frequent ones only.
    Linear,
}

/// RealMLP one-hot encodes up to 9 levels, the reserved "missing" among them.
const ONE_HOT_LEVELS: usize = 8;
/// All one-hot columns together; beyond, RealMLP embeds every category with more than two levels, and the linear model
/// keeps fewer levels of each.
const ONE_HOT_WIDTH: usize = 1_024;
/// TabM's one-hot columns: of one category, and together. They cost what a dense column does.
const TABM_ONE_HOT_LEVELS: usize = 64;
const TABM_ONE_HOT_WIDTH: usize = 256;
/// Levels of one embedding table; the most frequent are kept.
const EMBEDDING_LEVELS: usize = 4_096;
/// In a column of more levels than this, one that stands in a single row counts as missing: such a level can't be learned,
/// and the rows train what a new level is worth.
const RARE_LEVELS: usize = 64;
/// Levels that the linear model keeps of one column.
const LINEAR_LEVELS: usize = 64;
/// The parts of a datetime that become columns; the day of the month is left to the day of the year.
const PARTS: [usize; 5] = [0, 1, 3, 4, 5];

impl Encoder {
    /// Fits on the train rows. Every column of the frame is a feature.
    ///
    /// # Errors
    /// If the frame's columns are not as long as it says.
    pub fn fit(train: &Frame, recipe: Recipe) -> Result<Encoder, PredictError> {
        let categories = train.columns.iter().filter(|c| matches!(c.values, Values::Categories { .. })).count();
        let most_levels = match recipe {
            Recipe::RealMlp | Recipe::TabM | Recipe::FtTransformer => EMBEDDING_LEVELS,
            Recipe::Linear => (ONE_HOT_WIDTH / categories.max(1)).clamp(2, LINEAR_LEVELS),
        };
        let mut encoder = Encoder {
            columns: train.columns.iter().map(|column| source(column, most_levels)).collect(),
            outputs: Vec::new(),
            embedded: Vec::new(),
            imputed: train.columns.iter().map(|column| median(&column.values)).collect(),
            center: Vec::new(),
            scale: Vec::new(),
            smooth_clip: matches!(recipe, Recipe::RealMlp | Recipe::FtTransformer),
            scores: Vec::new(),
        };
        encoder.plan(recipe);
        let views = encoder.views(train)?;
        let candidates = std::mem::take(&mut encoder.outputs);
        for output in candidates {
            let mut values: Vec<f64> = encoder.raw(&views, output).collect();
            if let Some((center, scale)) = center_and_scale(&mut values, output.says, recipe) {
                encoder.outputs.push(output);
                encoder.center.push(center);
                encoder.scale.push(scale);
            }
        }
        let varies = |column: &usize| match &views[*column] {
            View::Codes(codes) => codes.windows(2).any(|pair| pair[0] != pair[1]),
            _ => false,
        };
        let embedded = encoder.embedded.iter().copied().filter(varies).collect();
        drop(views);
        encoder.embedded = embedded;
        encoder.scores = vec![None; encoder.outputs.len()];
        encoder.forget_unused();
        Ok(encoder)
    }

    /// The same encoder, in which numbers become their normal scores by the quantiles of the train rows, in place of what the
    /// recipe makes of them. Parts of instants stay what they were, so that a trend goes on beyond the train rows.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub fn with_normal_scores(mut self, train: &Frame) -> Result<Encoder, PredictError> {
        let views = self.views(train)?;
        for index in 0..self.outputs.len() {
            let output = self.outputs[index];
            if output.says != Says::Value {
                continue;
            }
            let mut sorted: Vec<f64> = self.raw(&views, output).collect();
            // Scores are the same in any unit; in this one 32-bit floats tell the numbers apart.
            if let Some((center, scale)) = center_and_scale(&mut sorted, output.says, Recipe::TabM) {
                let held: Vec<f32> = sorted.iter().map(|value| hold((value - center) * scale)).collect();
                (self.center[index], self.scale[index]) = (center, scale);
                self.scores[index] = Some(NormalScores::fit(&held));
            }
        }
        Ok(self)
    }

    /// Lists every output that the columns could give.
    fn plan(&mut self, recipe: Recipe) {
        let (most, widest) = match recipe {
            Recipe::TabM => (TABM_ONE_HOT_LEVELS, TABM_ONE_HOT_WIDTH),
            Recipe::FtTransformer => (2, ONE_HOT_WIDTH),
            Recipe::RealMlp | Recipe::Linear => (ONE_HOT_LEVELS, ONE_HOT_WIDTH),
        };
        let one_hot = |source: &Source| match source.levels().len() {
            levels if (3..=most).contains(&levels) => levels,
            _ => 0,
        };
        let crowded = self.columns.iter().map(one_hot).sum::<usize>() > widest;
        for (column, source) in self.columns.iter_mut().enumerate() {
            let mut push = |says| self.outputs.push(Output { column, says });
            match &mut source.reads {
                Reads::Number => {
                    push(Says::Value);
                    push(Says::Missing);
                }
                Reads::Datetime => {
                    PARTS.into_iter().for_each(|part| push(Says::Part(part)));
                    for part in PARTS.into_iter().filter(|&part| datetime::period(part).is_some()) {
                        [true, false].into_iter().for_each(|sine| push(Says::Wave { part, sine }));
                    }
                    push(Says::Missing);
                }
                Reads::Category(levels) => match (recipe, levels.len()) {
                    (Recipe::RealMlp | Recipe::TabM | Recipe::FtTransformer, 2) => push(Says::Sign),
                    (Recipe::RealMlp | Recipe::TabM | Recipe::FtTransformer, count)
                        if count <= most && !(crowded && count > 2) =>
                    {
                        (0..count as u32).for_each(|level| push(Says::Level(level)));
                    }
                    (Recipe::RealMlp | Recipe::TabM | Recipe::FtTransformer, _) => self.embedded.push(column),
                    (Recipe::Linear, 2) => {
                        push(Says::Level(1));
                        push(Says::Missing);
                    }
                    (Recipe::Linear, count) => {
                        // A level that is left out shares the case of all zeros.
                        (0..count as u32).for_each(|level| push(Says::Level(level)));
                        push(Says::Missing);
                    }
                },
            }
        }
    }

    /// Drops the columns that nothing reads, so that prediction does not ask for them.
    fn forget_unused(&mut self) {
        let used = |column: usize| self.outputs.iter().any(|o| o.column == column) || self.embedded.contains(&column);
        let kept: Vec<usize> = (0..self.columns.len()).filter(|&column| used(column)).collect();
        let place = |column: usize| kept.binary_search(&column).unwrap_or(0);
        self.outputs.iter_mut().for_each(|output| output.column = place(output.column));
        self.embedded.iter_mut().for_each(|column| *column = place(*column));
        self.columns = kept.iter().map(|&column| self.columns[column].clone()).collect();
        self.imputed = kept.iter().map(|&column| self.imputed[column]).collect();
    }
}

fn source(column: &Column, most_levels: usize) -> Source {
    let reads = match &column.values {
        Values::Numbers(_) if column.kind == ColumnType::Datetime => Reads::Datetime,
        Values::Numbers(_) => Reads::Number,
        Values::Categories { codes, levels } => {
            let mut counted: Vec<(&str, u64)> = count_levels(codes, levels).into_iter().collect();
            if counted.len() > RARE_LEVELS {
                counted.retain(|&(_, count)| count > 1);
            }
            counted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            counted.truncate(most_levels);
            let mut kept: Vec<String> = counted.into_iter().map(|(level, _)| level.to_owned()).collect();
            kept.sort_unstable();
            Reads::Category(kept)
        }
    };
    Source { name: column.name.clone(), reads }
}

/// The median of the finite numbers; 0 where there is none.
fn median(values: &Values) -> f64 {
    match values {
        Values::Numbers(numbers) => {
            let mut finite: Vec<f64> = numbers.iter().copied().filter(|v| v.is_finite()).collect();
            finite.sort_unstable_by(f64::total_cmp);
            if finite.is_empty() { 0.0 } else { quantile(&finite, 0.5) }
        }
        Values::Categories { .. } => 0.0,
    }
}

/// What to subtract and to multiply by; `None` where all rows are alike (to the precision that f32 can show).
fn center_and_scale(values: &mut [f64], says: Says, recipe: Recipe) -> Option<(f64, f64)> {
    values.sort_unstable_by(f64::total_cmp);
    let (low, high) = (*values.first()?, *values.last()?);
    // Not a range that overflows, nor one that is only rounding.
    let range = high - low;
    // The sine of half turns is zero but for rounding.
    let least = if matches!(says, Says::Wave { .. }) { 1e-9 } else { 0.0 };
    if !range.is_finite() || range <= least || range <= low.abs().max(high.abs()) * 1e-12 {
        return None;
    }
    let (center, scale) = match (recipe, says) {
        (Recipe::TabM | Recipe::FtTransformer, Says::Level(_) | Says::Missing | Says::Sign) => (0.0, 1.0),
        (Recipe::RealMlp | Recipe::TabM | Recipe::FtTransformer, _) => {
            let spread = quantile(values, 0.75) - quantile(values, 0.25);
            (quantile(values, 0.5), if spread > 0.0 { 1.0 / spread } else { 2.0 / range })
        }
        (Recipe::Linear, Says::Level(_) | Says::Missing) => (0.0, 1.0),
        (Recipe::Linear, _) => {
            let count = values.len() as f64;
            let mean = values.iter().map(|v| v / count).sum::<f64>();
            let deviation = values.iter().map(|v| (v - mean).powi(2) / count).sum::<f64>().sqrt();
            (mean, 1.0 / deviation)
        }
    };
    (center.is_finite() && scale.is_finite() && scale > 0.0).then_some((center, scale))
}

/// The quantile of sorted values, with linear interpolation (numpy's default).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let low = sorted[at.floor() as usize];
    let high = sorted[at.ceil() as usize];
    low + (high - low) * at.fract()
}

/// `MISSING` must wrap to 0 when 1 is added: the embedding's row for missing.
const _: () = assert!(MISSING.wrapping_add(1) == 0);
