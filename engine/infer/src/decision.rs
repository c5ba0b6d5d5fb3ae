//! What is made of a predictor's answers: calibrated probabilities, the class that is called, and how sure the answer is.
//! Learned on validation rows after the fit and stored with the model.

mod calibration;
mod conformal;
#[cfg(test)]
mod tests;

pub use calibration::{Calibration, SigmoidCurve, Steps, logit};
pub use conformal::{Conformal, Score, aps, lac};

use crate::{
    error::LoadError,
    rows::top,
    tensors::{Stored, TensorBag},
};
use serde::{Deserialize, Serialize};
use trainyard_types::model::Signature;

/// The steps after the predictor. Empty: answers stay as they are, and the most probable class is called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Of a classification.
    pub calibration: Option<Calibration>,
    /// Of two classes: the second is called where its calibrated probability is at least this, 0 to 1.
    pub threshold: Option<f64>,
    pub conformal: Option<Conformal>,
}

impl Decision {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The class that is called for a row's (calibrated) probabilities: at the threshold, or the most probable one, the first
    /// where several are.
    pub fn class(&self, row: &[f32]) -> usize {
        called(row, self.threshold)
    }

    /// Whether everything fits the signature, so that a damaged or hostile file can't make prediction panic.
    pub(crate) fn check(&self, signature: &Signature) -> Result<(), LoadError> {
        let classes = signature.classes.len();
        let fits = self
            .calibration
            .as_ref()
            .is_none_or(|calibration| signature.task.is_classification() && calibration.fits(classes))
            && self.threshold.is_none_or(|threshold| classes == 2 && (0.0..=1.0).contains(&threshold))
            && self.conformal.as_ref().is_none_or(|conformal| conformal.fits(signature.task));
        fits.then_some(()).ok_or_else(|| LoadError::part("what follows the predictor does not fit its signature"))
    }
}

/// The class that is called for a row's probabilities. With a threshold and two classes: the second where its probability
/// is at least that, else the first. Otherwise the most probable one.
pub fn called(row: &[f32], threshold: Option<f64>) -> usize {
    match (threshold, row) {
        (Some(threshold), [_, positive]) => usize::from(f64::from(*positive) >= threshold),
        _ => top(row),
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    /// `temperature`, `sigmoid` or `isotonic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calibration: Option<String>,
    /// Curves of the calibration: 1, or one a class.
    #[serde(default)]
    curves: usize,
    #[serde(default)]
    threshold: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<Score>,
    /// Rows that the conformal quantile was taken of.
    #[serde(default)]
    rows: u64,
}

/// Numbers go into arrays, so that they come back exact.
impl Stored for Decision {
    fn store(&self, bag: &mut TensorBag) -> Result<serde_json::Value, LoadError> {
        let mut header = Header { calibration: None, curves: 0, threshold: false, score: None, rows: 0 };
        if let Some(calibration) = &self.calibration {
            header.calibration = Some(calibration.name().to_owned());
            header.curves = calibration.store(bag);
        }
        if let Some(threshold) = self.threshold {
            header.threshold = true;
            bag.put("decision.threshold", &[1], vec![threshold]);
        }
        if let Some(Conformal { level, score, quantile, rows }) = self.conformal {
            (header.score, header.rows) = (Some(score), rows);
            bag.put("decision.conformal", &[2], vec![level, quantile]);
        }
        Ok(serde_json::to_value(header)?)
    }

    fn restore(header: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let header: Header = serde_json::from_value(header)?;
        let calibration = header.calibration.map(|name| Calibration::restore(&name, header.curves, bag)).transpose()?;
        let threshold = match header.threshold {
            true => Some(bag.take_shaped::<f64>("decision.threshold", &[1])?[0]),
            false => None,
        };
        let conformal = match header.score {
            Some(score) => {
                let numbers = bag.take_shaped::<f64>("decision.conformal", &[2])?;
                Some(Conformal { level: numbers[0], score, quantile: numbers[1], rows: header.rows })
            }
            None => None,
        };
        Ok(Self { calibration, threshold, conformal })
    }
}
