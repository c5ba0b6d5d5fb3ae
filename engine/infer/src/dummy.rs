//! The baseline that looks at no feature: what any useful model has to beat.

use crate::{
    error::{LoadError, PredictError},
    frame::Frame,
    target::{Predictions, Target},
    tensors::{Stored, TensorBag},
};
use serde::{Deserialize, Serialize};

/// Answers every row alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DummyModel {
    /// The share of each class in the train rows (scikit-learn's `DummyClassifier(strategy="prior")`).
    Shares(Vec<f32>),
    /// The mean of the train rows (`DummyRegressor(strategy="mean")`).
    Mean(f64),
    /// Another number, at which what is to be learned is least: a quantile of the train rows (`strategy="quantile"`).
    Constant(f64),
}

impl DummyModel {
    /// Learns from the train rows' outcomes. `classes`: how many there are (ignored for regression). Without rows every
    /// class is as likely as the others and the mean is 0.
    pub fn fit(target: &Target, classes: usize) -> Self {
        match target {
            Target::Classes(outcomes) => {
                let mut counts = vec![0usize; classes];
                for &class in outcomes {
                    if let Some(count) = counts.get_mut(class as usize) {
                        *count += 1;
                    }
                }
                let total = counts.iter().sum::<usize>();
                let share = |&count: &usize| {
                    if total == 0 { 1.0 / classes as f32 } else { (count as f64 / total as f64) as f32 }
                };
                DummyModel::Shares(counts.iter().map(share).collect())
            }
            Target::Values(values) if values.is_empty() => DummyModel::Mean(0.0),
            Target::Values(values) => DummyModel::Mean(values.iter().sum::<f64>() / values.len() as f64),
        }
    }

    pub fn predict(&self, frame: &Frame) -> Result<Predictions, PredictError> {
        Ok(match self {
            DummyModel::Shares(shares) => {
                let values = shares.iter().copied().cycle().take(frame.rows * shares.len()).collect();
                Predictions::Probabilities { classes: shares.len(), values }
            }
            DummyModel::Mean(value) | DummyModel::Constant(value) => Predictions::Values(vec![*value; frame.rows]),
        })
    }

    /// Numbers that an answer has.
    pub fn outputs(&self) -> usize {
        match self {
            DummyModel::Shares(shares) => shares.len(),
            DummyModel::Mean(_) | DummyModel::Constant(_) => 1,
        }
    }
}

impl Stored for DummyModel {
    fn store(&self, _bag: &mut TensorBag) -> Result<serde_json::Value, LoadError> {
        Ok(serde_json::to_value(self)?)
    }
    fn restore(header: serde_json::Value, _bag: &mut TensorBag) -> Result<Self, LoadError> {
        Ok(serde_json::from_value(header)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn answers_with_shares_or_the_mean() {
        let frame = Frame { columns: Vec::new(), rows: 2 };
        let shares = DummyModel::fit(&Target::Classes(vec![0, 1, 1, 1]), 3);
        let expected = vec![0.25, 0.75, 0.0, 0.25, 0.75, 0.0];
        assert_eq!(shares.predict(&frame).unwrap(), Predictions::Probabilities { classes: 3, values: expected });
        let mean = DummyModel::fit(&Target::Values(vec![1.0, 2.0, 6.0]), 0);
        assert_eq!(mean.predict(&frame).unwrap(), Predictions::Values(vec![3.0, 3.0]));
    }
}
