//! What perpetual minimises, and what decides how many of its rounds are kept.

use crate::{
    TrainData,
    goal::{HUBER, NumberLoss, deviance},
    scale::{level, mean_distance, rated, spread},
};
use perpetual::objective::Objective;
use trainyard_infer::{Predictions, Target, net::Head};
use trainyard_types::{Problem, loss::Loss};

/// How a number's target is measured while it is learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// By its distance from `centre`, as a part of `scale`.
    Distance { centre: f64, scale: f64 },
    /// As a part of its mean; the trees' sum is the logarithm of it. Answers are held within `low` and `high`.
    Rate { mean: f64, low: f64, high: f64 },
}

impl Unit {
    /// As it is.
    const PLAIN: Unit = Unit::Distance { centre: 0.0, scale: 1.0 };
}

/// What perpetual minimises, and in which unit.
///
/// # Errors
/// The target can't be learned by the loss.
pub fn choose(data: &TrainData<'_>) -> Result<(Objective, Unit), Problem> {
    let Target::Values(values) = data.train_target else { return Ok((Objective::LogLoss, Unit::PLAIN)) };
    let distance = |scale: f64| Unit::Distance { centre: level(values, 0.5), scale };
    Ok(match data.loss {
        Some(Loss::Absolute) => (Objective::AbsoluteLoss, distance(mean_distance(values))),
        Some(Loss::Quantile(share)) => {
            (Objective::QuantileLoss { quantile: Some(share) }, distance(mean_distance(values)))
        }
        Some(Loss::Huber) => (Objective::HuberLoss { delta: Some(HUBER) }, distance(spread(values))),
        Some(Loss::Poisson) => match rated(values)? {
            Head::Rate { mean, low, high } => (Objective::PoissonLoss, Unit::Rate { mean, low, high }),
            _ => return Err(Problem::internal("The target of counts has no mean.")),
        },
        Some(Loss::Squared | Loss::LogLoss | Loss::Focal(_)) | None => (Objective::SquaredLoss, Unit::PLAIN),
    })
}

/// The mean log loss, squared error or other loss of numbers, with the rows' weights.
pub fn loss(learned: Option<Loss>, target: &Target, predictions: &Predictions, weights: Option<&[f64]>) -> f64 {
    let losses: Vec<f64> = match (target, predictions) {
        (Target::Classes(truth), Predictions::Probabilities { classes, values }) => {
            let edge = f64::from(f32::EPSILON);
            let rows = values.chunks_exact((*classes).max(1)).zip(truth);
            rows.map(|(row, &class)| -f64::from(row[class as usize]).clamp(edge, 1.0 - edge).ln()).collect()
        }
        (Target::Values(truth), Predictions::Values(values)) => {
            let of = |truth: f64, value: f64| match learned {
                Some(Loss::Absolute) => NumberLoss::Absolute.error(value, truth),
                Some(Loss::Quantile(share)) => NumberLoss::Quantile { level: share as f32 }.error(value, truth),
                Some(Loss::Poisson) => deviance(value, truth),
                _ => (truth - value).powi(2),
            };
            truth.iter().zip(values).map(|(truth, value)| of(*truth, *value)).collect()
        }
        _ => return f64::INFINITY,
    };
    let Some(weights) = weights else { return losses.iter().sum::<f64>() / losses.len().max(1) as f64 };
    let total: f64 = weights.iter().sum();
    losses.iter().zip(weights).map(|(loss, weight)| loss * weight).sum::<f64>() / total.max(f64::MIN_POSITIVE)
}
