//! Fitted encoders: raw columns in, the numbers that nets and linear models take out.

mod fit;
mod stored;

use crate::{
    datetime,
    error::PredictError,
    frame::{Column, Frame, MISSING, Values},
    normal_scores::NormalScores,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

pub use fit::Recipe;

/// Standardised values are held within this many standard deviations.
const LIMIT: f64 = 1e4;

/// Turns a frame into a dense matrix and embedding indices. Fitted on train rows only, and part of the model.
///
/// Numbers: a missing (or infinite) value becomes the train median; where the train rows had missing values, a column
/// says so. Datetimes become days since 1970, month, weekday, hour and day of the year, treated as numbers, and the sine and
/// cosine of those that come round, so that 23 o'clock lies beside midnight. Categories
/// become one column each, ±1 for two, or an index into a table; a value that the train rows did not have counts as
/// missing. Outputs that are constant in the train rows are dropped. Instead of being scaled, numbers may become normal scores
/// ([`Encoder::with_normal_scores`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Encoder {
    columns: Vec<Source>,
    outputs: Vec<Output>,
    /// Columns (indices into `columns`) that become an index into an embedding table.
    embedded: Vec<usize>,
    /// A column's value where it is missing; unused for categories.
    imputed: Vec<f64>,
    /// Subtracted from each output, before it is multiplied by `scale`.
    center: Vec<f64>,
    scale: Vec<f64>,
    /// Whether outputs go through x / √(1 + (x/3)²).
    smooth_clip: bool,
    /// The normal scores of each output that is one.
    scores: Vec<Option<NormalScores>>,
}

/// A column that the encoder reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub name: String,
    pub reads: Reads,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    Number,
    Datetime,
    /// The levels that the train rows had and that count, sorted.
    Category(Vec<String>),
}

/// One dense output: which column it comes from, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Index into [`Encoder::columns`].
    pub column: usize,
    pub says: Says,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// The number itself.
    Value,
    /// 1 where it is missing.
    Missing,
    /// An index into [`datetime::PARTS`].
    Part(usize),
    /// The sine or cosine of a part over its period: where on its circle the instant is.
    Wave { part: usize, sine: bool },
    /// 1 where the category is that level.
    Level(u32),
    /// −1 and 1 for the two levels, 0 where missing.
    Sign,
}

/// Rows as an [`Encoder`] gives them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    pub rows: usize,
    /// Number of dense columns.
    pub width: usize,
    /// `rows x width`, row-major; all finite.
    pub dense: Vec<f32>,
    /// Number of embedded columns.
    pub embedded: usize,
    /// `rows x embedded`, row-major; 0 is missing or unseen.
    pub codes: Vec<u32>,
}

/// A column of the frame at hand, as the encoder reads it.
enum View<'a> {
    Numbers(&'a [f64]),
    Parts(Vec<[f64; 6]>),
    /// Index into the encoder's levels, or [`MISSING`].
    Codes(Vec<u32>),
}

impl Encoder {
    /// Number of dense outputs.
    pub fn width(&self) -> usize {
        self.outputs.len()
    }

    /// Rows of each embedding table, the first of which stands for missing.
    pub fn embedding_rows(&self) -> Vec<usize> {
        self.embedded.iter().map(|&column| self.columns[column].levels().len() + 1).collect()
    }

    /// The columns that are read.
    pub fn columns(&self) -> &[Source] {
        &self.columns
    }

    /// What each dense output comes from, in their order.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The columns (indices into [`Encoder::columns`]) that become an index into an embedding table.
    pub fn embedded(&self) -> &[usize] {
        &self.embedded
    }

    /// Each column's value where it is missing; unused for categories.
    pub fn imputed(&self) -> &[f64] {
        &self.imputed
    }

    /// What is subtracted from each output and what it is multiplied by then.
    pub fn standardise(&self) -> (&[f64], &[f64]) {
        (&self.center, &self.scale)
    }

    /// Whether outputs go through x / √(1 + (x/3)²) with x within ±10⁹; otherwise they are held within ±10⁴. Normal scores are
    /// neither.
    pub fn smooth_clip(&self) -> bool {
        self.smooth_clip
    }

    /// The normal scores that an output becomes when it is centred, scaled and held within [`NormalScores::FARTHEST`]; `None`:
    /// it is none. One entry for each output.
    pub fn normal_scores(&self) -> &[Option<NormalScores>] {
        &self.scores
    }

    /// Whether any output is a normal score.
    pub fn has_normal_scores(&self) -> bool {
        self.scores.iter().any(Option::is_some)
    }

    /// What each dense output says: `age`, `age is missing`, `signed_at: weekday`, `purpose = car`.
    pub fn output_names(&self) -> Vec<String> {
        let name = |output: &Output| {
            let source = &self.columns[output.column];
            match output.says {
                Says::Value => source.name.clone(),
                Says::Missing => format!("{} is missing", source.name),
                Says::Part(part) => format!("{}: {}", source.name, datetime::PARTS[part].replace('_', " ")),
                Says::Wave { part, sine } => {
                    let wave = if sine { "sine" } else { "cosine" };
                    format!("{}: {wave} of {}", source.name, datetime::PARTS[part].replace('_', " "))
                }
                Says::Level(level) => {
                    format!("{} = {}", source.name, source.levels()[level as usize])
                }
                Says::Sign => format!("{} = {}", source.name, source.levels()[1]),
            }
        };
        self.outputs.iter().map(name).collect()
    }

    /// Encodes rows; columns are found by name, others are ignored.
    ///
    /// # Errors
    /// If a column is missing, holds categories where numbers are needed or the other way round, or is too short.
    pub fn encode(&self, frame: &Frame) -> Result<Encoded, PredictError> {
        let views = self.views(frame)?;
        let width = self.width();
        let mut dense = vec![0.0f32; frame.rows * width];
        for (index, output) in self.outputs.iter().enumerate() {
            let (center, scale, scores) = (self.center[index], self.scale[index], &self.scores[index]);
            let cells = dense.iter_mut().skip(index).step_by(width);
            for (cell, raw) in cells.zip(self.raw(&views, *output)) {
                let x = (raw - center) * scale;
                *cell = match scores {
                    Some(scores) => scores.at(hold(x)),
                    None if self.smooth_clip => smooth_clip(x),
                    None => x.clamp(-LIMIT, LIMIT) as f32,
                };
            }
        }
        let embedded = self.embedded.len();
        let mut codes = vec![0u32; frame.rows * embedded];
        for (index, &column) in self.embedded.iter().enumerate() {
            if let View::Codes(levels) = &views[column] {
                for (cell, &code) in codes.iter_mut().skip(index).step_by(embedded).zip(levels) {
                    // Missing is the highest code, so it wraps to 0.
                    *cell = code.wrapping_add(1);
                }
            }
        }
        Ok(Encoded { rows: frame.rows, width, dense, embedded, codes })
    }

    fn views<'a>(&self, frame: &'a Frame) -> Result<Vec<View<'a>>, PredictError> {
        let mut missing = Vec::new();
        let mut views = Vec::with_capacity(self.columns.len());
        for (index, source) in self.columns.iter().enumerate() {
            // Usually the frame has the train rows' order.
            let found =
                frame.columns.get(index).filter(|c| c.name == source.name).or_else(|| frame.column(&source.name));
            match found {
                Some(column) => views.push(source.view(column, frame.rows)?),
                None => missing.push(source.name.clone()),
            }
        }
        if missing.is_empty() { Ok(views) } else { Err(PredictError::MissingColumns(missing)) }
    }

    /// The output's value in each row, before centring and scaling.
    fn raw<'a>(&self, views: &'a [View<'_>], output: Output) -> Box<dyn Iterator<Item = f64> + 'a> {
        let imputed = self.imputed[output.column];
        let or_imputed = move |value: f64| if value.is_finite() { value } else { imputed };
        match (&views[output.column], output.says) {
            (View::Numbers(numbers), Says::Missing) => {
                Box::new(numbers.iter().map(|v| f64::from(u8::from(!v.is_finite()))))
            }
            (View::Numbers(numbers), _) => Box::new(numbers.iter().map(move |&v| or_imputed(v))),
            (View::Parts(parts), Says::Part(part)) => {
                // A missing instant has the parts of the imputed one.
                let imputed = datetime::parts(imputed)[part];
                Box::new(parts.iter().map(move |parts| if parts[part].is_finite() { parts[part] } else { imputed }))
            }
            (View::Parts(parts), Says::Wave { part, sine }) => {
                let imputed = datetime::parts(imputed)[part];
                let turn = std::f64::consts::TAU / datetime::period(part).unwrap_or(1.0);
                Box::new(parts.iter().map(move |parts| {
                    let angle = turn * if parts[part].is_finite() { parts[part] } else { imputed };
                    if sine { angle.sin() } else { angle.cos() }
                }))
            }
            (View::Parts(parts), _) => Box::new(parts.iter().map(|parts| f64::from(u8::from(!parts[0].is_finite())))),
            (View::Codes(codes), Says::Level(level)) => {
                Box::new(codes.iter().map(move |&c| f64::from(u8::from(c == level))))
            }
            (View::Codes(codes), Says::Missing) => Box::new(codes.iter().map(|&c| f64::from(u8::from(c == MISSING)))),
            (View::Codes(codes), _) => Box::new(codes.iter().map(|&c| match c {
                0 => -1.0,
                MISSING => 0.0,
                _ => 1.0,
            })),
        }
    }
}

impl Source {
    /// The levels of a category, sorted; empty for others.
    pub fn levels(&self) -> &[String] {
        match &self.reads {
            Reads::Category(levels) => levels,
            _ => &[],
        }
    }

    fn view<'a>(&self, column: &'a Column, rows: usize) -> Result<View<'a>, PredictError> {
        let found = match &column.values {
            Values::Numbers(numbers) => numbers.len(),
            Values::Categories { codes, .. } => codes.len(),
        };
        if found != rows {
            return Err(PredictError::Ragged { column: self.name.clone(), expected: rows, found });
        }
        let wrong = |expected, found: &str| PredictError::WrongType {
            column: self.name.clone(),
            expected,
            found: found.to_owned(),
        };
        match (&self.reads, &column.values) {
            (Reads::Number, Values::Numbers(numbers)) => Ok(View::Numbers(numbers)),
            (Reads::Datetime, Values::Numbers(numbers)) => {
                Ok(View::Parts(numbers.iter().map(|&v| datetime::parts(v)).collect()))
            }
            (Reads::Category(known), Values::Categories { codes, levels }) => {
                Ok(View::Codes(translate(known, codes, levels)))
            }
            (Reads::Category(_), Values::Numbers(_)) => Err(wrong("text", "numbers")),
            (Reads::Number, Values::Categories { .. }) => Err(wrong("numbers", "text")),
            (Reads::Datetime, Values::Categories { .. }) => Err(wrong("datetimes", "text")),
        }
    }
}

/// The frame's codes as indices into the sorted `known` levels; [`MISSING`] where unknown or out of range.
fn translate(known: &[String], codes: &[u32], levels: &[String]) -> Vec<u32> {
    let find = |level: &String| known.binary_search(level).map_or(MISSING, |at| at as u32);
    if codes.len() < levels.len() {
        let one = |&code: &u32| levels.get(code as usize).map_or(MISSING, find);
        return codes.iter().map(one).collect();
    }
    let map: Vec<u32> = levels.iter().map(find).collect();
    codes.iter().map(|&code| map.get(code as usize).copied().unwrap_or(MISSING)).collect()
}

/// What normal scores are made of.
fn hold(x: f64) -> f32 {
    x.clamp(-NormalScores::FARTHEST, NormalScores::FARTHEST) as f32
}

/// x / √(1 + (x/3)²): about x near 0, and within ±3.
fn smooth_clip(x: f64) -> f32 {
    let x = x.clamp(-1e9, 1e9);
    (x / (1.0 + (x / 3.0).powi(2)).sqrt()) as f32
}

/// Counts of each level of a category column, by name, in the rows at hand.
fn count_levels<'a>(codes: &[u32], levels: &'a [String]) -> HashMap<&'a str, u64> {
    let mut counts = vec![0u64; levels.len()];
    for &code in codes {
        if let Some(count) = counts.get_mut(code as usize) {
            *count += 1;
        }
    }
    let mut by_name = HashMap::new();
    for (level, count) in levels.iter().zip(counts) {
        if count > 0 {
            *by_name.entry(level.as_str()).or_insert(0) += count;
        }
    }
    by_name
}

#[cfg(test)]
mod tests;
