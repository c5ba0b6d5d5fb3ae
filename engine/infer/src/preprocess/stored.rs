//! An [`Encoder`] in a model file.

use super::{Encoder, Output, Reads, Says, Source};
use crate::{
    datetime,
    error::LoadError,
    normal_scores::NormalScores,
    tensors::{Stored, TensorBag},
};
use serde::{Deserialize, Serialize};

/// Where there are normal scores: of each output how many knots it has, and what the names of the knots' and the scores' arrays
/// begin with.
const KNOT_COUNTS: &str = "encoder.knot_counts";
const PREFIX: &str = "encoder.";

#[derive(Serialize, Deserialize)]
struct Header {
    columns: Vec<Source>,
    outputs: Vec<Output>,
    embedded: Vec<usize>,
    smooth_clip: bool,
}

impl Stored for Encoder {
    fn store(&self, bag: &mut TensorBag) -> Result<serde_json::Value, LoadError> {
        bag.put("encoder.imputed", &[self.imputed.len()], self.imputed.clone());
        bag.put("encoder.center", &[self.center.len()], self.center.clone());
        bag.put("encoder.scale", &[self.scale.len()], self.scale.clone());
        if self.has_normal_scores() {
            let counts = self.scores.iter().map(|scores| scores.as_ref().map_or(0, |own| own.knots().len() as u32));
            bag.put(KNOT_COUNTS, &[self.scores.len()], counts.collect());
            NormalScores::store(self.scores.iter().flatten(), PREFIX, bag);
        }
        Ok(serde_json::to_value(Header {
            columns: self.columns.clone(),
            outputs: self.outputs.clone(),
            embedded: self.embedded.clone(),
            smooth_clip: self.smooth_clip,
        })?)
    }

    fn restore(header: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let Header { columns, outputs, embedded, smooth_clip } = serde_json::from_value(header)?;
        let imputed = bag.take_shaped::<f64>("encoder.imputed", &[columns.len()])?;
        let center = bag.take_shaped::<f64>("encoder.center", &[outputs.len()])?;
        let scale = bag.take_shaped::<f64>("encoder.scale", &[outputs.len()])?;
        let fits = |output: &Output| {
            columns.get(output.column).is_some_and(|source| match (&source.reads, output.says) {
                (Reads::Number, says) => matches!(says, Says::Value | Says::Missing),
                (Reads::Datetime, Says::Part(part)) => part < datetime::PARTS.len(),
                (Reads::Datetime, Says::Wave { part, .. }) => datetime::period(part).is_some(),
                (Reads::Datetime, says) => says == Says::Missing,
                (Reads::Category(levels), Says::Level(level)) => (level as usize) < levels.len(),
                (Reads::Category(levels), Says::Sign) => levels.len() == 2,
                (Reads::Category(_), says) => says == Says::Missing,
            })
        };
        if !outputs.iter().all(fits) {
            return Err(LoadError::part("an encoded column does not fit its source"));
        }
        let category =
            |&column: &usize| columns.get(column).is_some_and(|source| matches!(source.reads, Reads::Category(_)));
        if !embedded.iter().all(category) {
            return Err(LoadError::part("an embedded column is no category"));
        }
        if !columns.iter().all(|source| source.levels().is_sorted()) {
            return Err(LoadError::part("a column's categories are not sorted"));
        }
        if !imputed.iter().chain(&center).chain(&scale).all(|v| v.is_finite()) {
            return Err(LoadError::part("the encoder holds numbers that are not finite"));
        }
        let scores = restore_scores(&outputs, bag)?;
        Ok(Self { columns, outputs, embedded, imputed, center, scale, smooth_clip, scores })
    }
}

/// The normal scores of each output; files without any have no such arrays.
fn restore_scores(outputs: &[Output], bag: &mut TensorBag) -> Result<Vec<Option<NormalScores>>, LoadError> {
    if !bag.names().any(|name| name == KNOT_COUNTS) {
        return Ok(vec![None; outputs.len()]);
    }
    let counts = bag.take_shaped::<u32>(KNOT_COUNTS, &[outputs.len()])?;
    if counts.iter().zip(outputs).any(|(count, output)| *count > 0 && output.says != Says::Value) {
        return Err(LoadError::part("a normal score is of no number"));
    }
    let own = NormalScores::restore(counts.iter().copied().filter(|count| *count > 0), PREFIX, bag)?;
    let mut own = own.into_iter();
    Ok(counts.iter().map(|count| if *count > 0 { own.next() } else { None }).collect())
}
