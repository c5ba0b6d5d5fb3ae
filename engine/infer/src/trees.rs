//! Trees as a model, boosted ones and forests: how columns become features, and the ensemble behind.

use crate::{
    datetime,
    ensemble::Ensemble,
    error::{LoadError, PredictError},
    frame::{Column, Frame, MISSING, Values},
    target::Predictions,
    tensors::{Stored, TensorBag},
};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use trainyard_types::dataset::ColumnType;

/// Categories of a column that keep a code of their own; rarer ones share one.
const MAX_LEVELS: usize = 254;
/// Rows that are encoded at a time.
const CHUNK: usize = 16_384;

/// How columns become features. Numbers stay as they are; NaN and infinities are missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreeEncoder {
    inputs: Vec<Input>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub column: String,
    #[serde(flatten)]
    pub encoding: Encoding,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "encoding", rename_all = "snake_case")]
pub enum Encoding {
    Number,
    /// The codes are the levels' places, most frequent first, counted from 1 without gaps: perpetual sorts train rows by
    /// bin numbers and others by codes, so that both have to be the same. Rarer levels have the code after the last if
    /// `other`; an unseen one gets it too, or is missing.
    Category {
        levels: Vec<String>,
        other: bool,
    },
    /// Parts of the instant that vary in the train rows (indices into [`datetime::PARTS`]).
    Instant {
        parts: Vec<usize>,
    },
}

impl TreeEncoder {
    /// Learns the encoding from the train rows. Columns that never vary are left out.
    pub fn fit(frame: &Frame) -> Self {
        Self {
            inputs: frame
                .columns
                .iter()
                .filter_map(|column| Some(Input { column: column.name.clone(), encoding: fit(column)? }))
                .collect(),
        }
    }

    /// How each column becomes features, in the features' order.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Number of features.
    pub fn width(&self) -> usize {
        self.inputs.iter().map(|input| input.encoding.width()).sum()
    }

    /// Features that hold category codes.
    pub fn categorical(&self) -> HashSet<usize> {
        let mut at = 0;
        let mut found = HashSet::new();
        for input in &self.inputs {
            if matches!(input.encoding, Encoding::Category { .. }) {
                found.insert(at);
            }
            at += input.encoding.width();
        }
        found
    }

    /// The features of all rows, one feature after the other.
    pub fn encode(&self, frame: &Frame) -> Result<Vec<f64>, PredictError> {
        let tables = self.tables(frame)?;
        let mut features = Vec::with_capacity(self.width() * frame.rows);
        for (input, (column, codes)) in self.inputs.iter().zip(&tables) {
            input.encoding.append(column, codes, 0..frame.rows, &mut features);
        }
        Ok(features)
    }

    /// Each input's column, and the code of each of the column's levels.
    fn tables<'f>(&self, frame: &'f Frame) -> Result<Vec<(&'f Column, Vec<f64>)>, PredictError> {
        let missing: Vec<String> = self
            .inputs
            .iter()
            .filter(|input| frame.column(&input.column).is_none())
            .map(|input| input.column.clone())
            .collect();
        if !missing.is_empty() {
            return Err(PredictError::MissingColumns(missing));
        }
        self.inputs
            .iter()
            .filter_map(|input| Some((input, frame.column(&input.column)?)))
            .map(|(input, column)| Ok((column, input.encoding.codes(column)?)))
            .collect()
    }
}

fn fit(column: &Column) -> Option<Encoding> {
    match &column.values {
        Values::Numbers(numbers) if column.kind == ColumnType::Datetime => {
            let rows: Vec<_> = numbers.iter().map(|&millis| datetime::parts(millis)).collect();
            let parts: Vec<usize> =
                (0..datetime::PARTS.len()).filter(|&part| varies(rows.iter().map(|row| row[part]))).collect();
            (!parts.is_empty()).then_some(Encoding::Instant { parts })
        }
        Values::Numbers(numbers) => varies(numbers.iter().copied()).then_some(Encoding::Number),
        Values::Categories { codes, levels } => {
            let mut counts = vec![0usize; levels.len()];
            let mut missing = 0;
            for &code in codes {
                match counts.get_mut(code as usize) {
                    Some(count) => *count += 1,
                    None => missing += 1,
                }
            }
            let mut order: Vec<usize> = (0..levels.len()).filter(|&level| counts[level] > 0).collect();
            if order.len() + usize::from(missing > 0) < 2 {
                return None;
            }
            order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| levels[a].cmp(&levels[b])));
            let seen = order.len();
            // A level of one row says nothing about the next row that has it.
            if seen > MAX_LEVELS {
                order.truncate(MAX_LEVELS);
                order.retain(|&level| counts[level] > 1);
            }
            if order.is_empty() {
                return None;
            }
            Some(Encoding::Category {
                other: order.len() < seen,
                levels: order.iter().map(|&level| levels[level].clone()).collect(),
            })
        }
    }
}

/// Whether there are two different values, missing being one.
fn varies(values: impl Iterator<Item = f64>) -> bool {
    let mut first: Option<f64> = None;
    for value in values {
        let value = if value.is_finite() { value } else { f64::NAN };
        match first {
            None => first = Some(value),
            Some(seen) if seen.is_nan() && value.is_nan() || seen == value => {}
            Some(_) => return true,
        }
    }
    false
}

impl Encoding {
    /// Number of features.
    pub fn width(&self) -> usize {
        match self {
            Encoding::Instant { parts } => parts.len(),
            _ => 1,
        }
    }

    /// The code of each of the column's levels; empty for numbers. Fails where the column holds the other kind of values.
    fn codes(&self, column: &Column) -> Result<Vec<f64>, PredictError> {
        let wrong = |expected, found: &str| PredictError::WrongType {
            column: column.name.clone(),
            expected,
            found: found.to_owned(),
        };
        match (self, &column.values) {
            (Encoding::Category { levels: known, other }, Values::Categories { levels, .. }) => {
                let unseen = if *other { known.len() as f64 + 1.0 } else { f64::NAN };
                // A search through the list is quicker than building a map, for the few levels of a short request.
                if levels.len() <= 4 {
                    return Ok(levels
                        .iter()
                        .map(|level| known.iter().position(|k| k == level).map_or(unseen, |at| at as f64 + 1.0))
                        .collect());
                }
                let places: HashMap<&str, f64> =
                    known.iter().enumerate().map(|(at, level)| (level.as_str(), at as f64 + 1.0)).collect();
                Ok(levels.iter().map(|level| places.get(level.as_str()).copied().unwrap_or(unseen)).collect())
            }
            (Encoding::Category { .. }, Values::Numbers(_)) => Err(wrong("text", "numbers")),
            (_, Values::Categories { .. }) => Err(wrong("numbers", "text")),
            _ => Ok(Vec::new()),
        }
    }

    fn append(&self, column: &Column, table: &[f64], rows: std::ops::Range<usize>, features: &mut Vec<f64>) {
        match (self, &column.values) {
            (Encoding::Instant { parts }, Values::Numbers(numbers)) => {
                let split: Vec<_> = numbers[rows].iter().map(|&millis| datetime::parts(millis)).collect();
                for &part in parts {
                    features.extend(split.iter().map(|row| row[part]));
                }
            }
            (_, Values::Numbers(numbers)) => {
                features.extend(numbers[rows].iter().map(|&value| if value.is_finite() { value } else { f64::NAN }));
            }
            (_, Values::Categories { codes, .. }) => {
                let code = |&code: &u32| {
                    if code == MISSING { f64::NAN } else { table.get(code as usize).copied().unwrap_or(f64::NAN) }
                };
                features.extend(codes[rows].iter().map(code));
            }
        }
    }
}

/// Trees with their encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct TreesModel {
    encoder: TreeEncoder,
    ensemble: Ensemble,
}

impl TreesModel {
    /// Fails where the two do not fit together.
    pub fn new(encoder: TreeEncoder, ensemble: Ensemble) -> Result<Self, LoadError> {
        let parts_known = encoder.inputs.iter().all(|input| match &input.encoding {
            Encoding::Instant { parts } => parts.iter().all(|&part| part < datetime::PARTS.len()),
            _ => true,
        });
        if !parts_known || encoder.width() != ensemble.features() {
            return Err(LoadError::part("the trees and their encoder do not fit together"));
        }
        ensemble.check().map_err(LoadError::part)?;
        Ok(Self { encoder, ensemble })
    }

    pub fn ensemble(&self) -> &Ensemble {
        &self.ensemble
    }
    pub fn encoder(&self) -> &TreeEncoder {
        &self.encoder
    }

    /// One answer a row: values for regression, probabilities otherwise. Columns are found by name.
    pub fn predict(&self, frame: &Frame) -> Result<Predictions, PredictError> {
        let tables = self.encoder.tables(frame)?;
        let mut answers = Vec::with_capacity(frame.rows * self.ensemble.outputs());
        let mut features = Vec::new();
        for start in (0..frame.rows).step_by(CHUNK) {
            let rows = start..frame.rows.min(start + CHUNK);
            features.clear();
            for (input, (column, codes)) in self.encoder.inputs.iter().zip(&tables) {
                input.encoding.append(column, codes, rows.clone(), &mut features);
            }
            answers.extend(self.ensemble.predict(&features, rows.len()));
        }
        Ok(self.predictions(answers))
    }

    /// The model as it was after the first `counts[0]` trees, the first `counts[1]` and so on (ascending).
    pub fn predict_stages(&self, frame: &Frame, counts: &[usize]) -> Result<Vec<Predictions>, PredictError> {
        let features = self.encoder.encode(frame)?;
        let mut stages = Vec::with_capacity(counts.len());
        self.ensemble.stages(&features, frame.rows, counts, |answers| stages.push(self.predictions(answers)));
        Ok(stages)
    }

    /// Keeps the first `trees` trees only.
    pub fn truncate(&mut self, trees: usize) {
        self.ensemble.truncate(trees);
    }

    fn predictions(&self, answers: Vec<f64>) -> Predictions {
        let classes = self.ensemble.outputs();
        if classes == 1 {
            Predictions::Values(answers)
        } else {
            Predictions::Probabilities { classes, values: answers.iter().map(|&p| p as f32).collect() }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    encoder: TreeEncoder,
    ensemble: serde_json::Value,
}

impl Stored for TreesModel {
    fn store(&self, bag: &mut TensorBag) -> Result<serde_json::Value, LoadError> {
        Ok(serde_json::to_value(Header { encoder: self.encoder.clone(), ensemble: self.ensemble.store(bag)? })?)
    }
    fn restore(header: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let Header { encoder, ensemble } = serde_json::from_value(header)?;
        TreesModel::new(encoder, Ensemble::restore(ensemble, bag)?)
    }
}
