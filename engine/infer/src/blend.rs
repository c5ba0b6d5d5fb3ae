//! Several models that answer together: the weighted mean of their probabilities or values.

use crate::{
    error::{LoadError, PredictError},
    frame::Frame,
    predictor::{Kind, Predictor},
    target::Predictions,
    tensors::{Stored, TensorBag},
};
use serde::{Deserialize, Serialize};

/// Models of a blend at most.
const MOST: usize = 64;

/// The models with their weights, which are above 0 and sum up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Blend {
    parts: Vec<(f64, Predictor)>,
}

#[derive(Serialize, Deserialize)]
struct Part {
    weight: f64,
    predictor: Kind,
    body: serde_json::Value,
}

impl Blend {
    /// # Errors
    /// There are no models, or too many; one is a blend itself; a weight is not above 0, or they do not sum up to 1.
    pub fn new(parts: Vec<(f64, Predictor)>) -> Result<Self, LoadError> {
        let sum: f64 = parts.iter().map(|(weight, _)| weight).sum();
        let sound = |(weight, predictor): &(f64, Predictor)| *weight > 0.0 && !matches!(predictor, Predictor::Blend(_));
        if (1..=MOST).contains(&parts.len()) && parts.iter().all(sound) && (sum - 1.0).abs() < 1e-6 {
            Ok(Self { parts })
        } else {
            Err(LoadError::part("a blend's weights are no shares of one"))
        }
    }

    pub fn parts(&self) -> &[(f64, Predictor)] {
        &self.parts
    }

    /// # Errors
    /// The frame's columns are not those that were learned from, or the models answer different questions.
    pub fn predict(&self, frame: &Frame) -> Result<Predictions, PredictError> {
        let mut answers = self.parts.iter().map(|(weight, predictor)| Ok((*weight, predictor.predict(frame)?)));
        let (weight, mut mean) = answers.next().unwrap_or(Ok((0.0, Predictions::Values(Vec::new()))))?;
        scale(&mut mean, weight);
        for answer in answers {
            let (weight, answer) = answer?;
            add(&mut mean, weight, &answer)?;
        }
        Ok(mean)
    }
}

fn scale(predictions: &mut Predictions, weight: f64) {
    match predictions {
        Predictions::Probabilities { values, .. } => values.iter_mut().for_each(|value| *value *= weight as f32),
        Predictions::Values(values) => values.iter_mut().for_each(|value| *value *= weight),
    }
}

/// Adds answers times a weight.
fn add(mean: &mut Predictions, weight: f64, answer: &Predictions) -> Result<(), PredictError> {
    match (mean, answer) {
        (
            Predictions::Probabilities { classes, values },
            Predictions::Probabilities { classes: others, values: more },
        ) if classes == others && values.len() == more.len() => {
            values.iter_mut().zip(more).for_each(|(value, more)| *value += more * weight as f32);
            Ok(())
        }
        (Predictions::Values(values), Predictions::Values(more)) if values.len() == more.len() => {
            values.iter_mut().zip(more).for_each(|(value, more)| *value += more * weight);
            Ok(())
        }
        _ => Err(PredictError::Apart),
    }
}

/// The weighted mean of answers that were given already; `None` where they do not go together.
pub fn mean(answers: &[(f64, &Predictions)]) -> Option<Predictions> {
    let ((weight, first), rest) = answers.split_first()?;
    let mut mean = (*first).clone();
    scale(&mut mean, *weight);
    rest.iter().try_for_each(|(weight, answer)| add(&mut mean, *weight, answer)).ok()?;
    Some(mean)
}

impl Stored for Blend {
    fn store(&self, bag: &mut TensorBag) -> Result<serde_json::Value, LoadError> {
        let mut parts = Vec::new();
        for (at, (weight, predictor)) in self.parts.iter().enumerate() {
            let mut own = TensorBag::default();
            let (kind, body) = predictor.store(&mut own)?;
            bag.put_all(&format!("{at}/"), own);
            parts.push(Part { weight: *weight, predictor: kind, body });
        }
        Ok(serde_json::to_value(parts)?)
    }

    fn restore(header: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let stored: Vec<Part> = serde_json::from_value(header)?;
        let mut parts = Vec::new();
        for (at, Part { weight, predictor, body }) in stored.into_iter().enumerate().take(MOST + 1) {
            if predictor == Kind::Blend {
                return Err(LoadError::part("a blend is part of another one"));
            }
            let mut own = bag.take_all(&format!("{at}/"));
            parts.push((weight, Predictor::restore(predictor, body, &mut own)?));
            // What is left is a fault of the file, which is told by the whole bag.
            bag.put_all(&format!("{at}/"), own);
        }
        Self::new(parts)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::dummy::DummyModel;

    fn shares(weight: f64, of: [f32; 2]) -> (f64, Predictor) {
        (weight, Predictor::Dummy(DummyModel::Shares(of.to_vec())))
    }

    #[test]
    fn answers_are_the_weighted_mean() {
        let blend = Blend::new(vec![shares(0.75, [0.2, 0.8]), shares(0.25, [0.6, 0.4])]).unwrap();
        let frame = Frame { columns: Vec::new(), rows: 2 };
        let Predictions::Probabilities { classes: 2, values } = blend.predict(&frame).unwrap() else { unreachable!() };
        for (found, expected) in values.iter().zip([0.3f32, 0.7, 0.3, 0.7]) {
            assert!((found - expected).abs() < 1e-6);
        }
        let number = |weight, value| (weight, Predictor::Dummy(DummyModel::Mean(value)));
        let blend = Blend::new(vec![number(0.5, 1.0), number(0.5, 4.0)]).unwrap();
        assert_eq!(blend.predict(&frame).unwrap(), Predictions::Values(vec![2.5; 2]));
        let mixed = Blend::new(vec![number(0.5, 1.0), shares(0.5, [0.5, 0.5])]).unwrap();
        assert_eq!(mixed.predict(&frame), Err(PredictError::Apart));
    }

    #[test]
    fn hostile_blends_are_refused() {
        assert!(Blend::new(Vec::new()).is_err());
        for weights in [[0.5, 0.6], [1.0, 0.0], [1.5, -0.5], [f64::NAN, 1.0]] {
            assert!(Blend::new(weights.map(|weight| shares(weight, [0.5, 0.5])).to_vec()).is_err(), "{weights:?}");
        }
        let blend = Blend::new(vec![shares(0.5, [0.2, 0.8]), shares(0.5, [0.6, 0.4])]).unwrap();
        let mut bag = TensorBag::default();
        let header = blend.store(&mut bag).unwrap();
        assert_eq!(Blend::restore(header.clone(), &mut bag.clone()).unwrap(), blend);
        let mut nested = header.clone();
        nested[0]["predictor"] = serde_json::json!("blend");
        assert!(Blend::restore(nested, &mut bag.clone()).is_err());
        let mut light = header;
        light[1]["weight"] = serde_json::json!(0.1);
        assert!(Blend::restore(light, &mut bag).is_err());
    }
}
