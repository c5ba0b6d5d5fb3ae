//! What boosting makes small: slopes and curvatures of the loss in each row's score.

use crate::{
    TrainData,
    goal::{Goal, HUBER, NumberLoss, deviance, focus},
    scale::{level, rated, spread},
};
use trainyard_infer::{Target, ensemble, net::Head};
use trainyard_types::{Problem, loss::Loss};

/// How much steeper a rate's loss is taken to be, so that steps stay short (LightGBM's `poisson_max_delta_step`).
const RATE_STEP: f64 = 0.7;
/// The least curvature of a class's loss.
const LEAST: f64 = 1e-16;

/// The loss and what a score means.
#[derive(Clone, Copy, Debug)]
pub enum Objective {
    /// Of two classes the log odds of the second one; of more one score a class. γ of the focal loss, 0 is the log loss.
    Classes { classes: usize, gamma: f32 },
    /// The number itself.
    Number(NumberLoss),
    /// The logarithm of the number, which is held within `low` and `high`.
    Rate { low: f64, high: f64 },
}

/// The rows of a part, as the loss takes them.
pub struct Outcomes<'a> {
    pub target: &'a Target,
    pub weights: Option<&'a [f64]>,
}

impl Outcomes<'_> {
    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }
}

impl Objective {
    /// # Errors
    /// The target can't be learned by the loss.
    pub fn new(data: &TrainData<'_>) -> Result<Self, Problem> {
        let Target::Values(values) = data.train_target else {
            let gamma = if let Some(Loss::Focal(gamma)) = data.loss { gamma as f32 } else { 0.0 };
            return Ok(Objective::Classes { classes: data.classes.len().max(2), gamma });
        };
        // Says as well what is wrong with the target.
        let goal = Goal::new(data)?;
        Ok(match (data.loss, goal.loss) {
            (Some(Loss::Poisson), _) => match rated(values)? {
                Head::Rate { low, high, .. } => Objective::Rate { low, high },
                _ => return Err(Problem::internal("The target of counts has no mean.")),
            },
            // In the target's own unit.
            (Some(Loss::Huber), _) => Objective::Number(NumberLoss::Huber { delta: (HUBER * spread(values)) as f32 }),
            (_, loss) => Objective::Number(loss),
        })
    }

    /// Scores of a row, and trees of a round.
    pub fn width(self) -> usize {
        match self {
            Objective::Classes { classes, .. } if classes > 2 => classes,
            _ => 1,
        }
    }

    pub fn head(self) -> ensemble::Head {
        match self {
            Objective::Classes { classes: 2, .. } => ensemble::Head::Binary,
            Objective::Classes { .. } => ensemble::Head::Softmax { temperature: 1.0 },
            Objective::Number(_) => ensemble::Head::Value { linear: None },
            Objective::Rate { low, high } => ensemble::Head::Rate { low, high },
        }
    }

    /// The scores that all rows begin with: those of the best constant.
    pub fn base(self, outcomes: &Outcomes<'_>) -> Vec<f64> {
        let rows = outcomes.target.len();
        let total: f64 = (0..rows).map(|row| outcomes.weight(row)).sum();
        match (self, outcomes.target) {
            (Objective::Classes { classes, .. }, Target::Classes(truth)) => {
                let mut shares = vec![0.0; classes];
                truth
                    .iter()
                    .enumerate()
                    .for_each(|(row, &class)| shares[class as usize] += outcomes.weight(row) / total);
                // A class without weight is possible all the same.
                let logs: Vec<f64> = shares.iter().map(|share| share.clamp(1e-6, 1.0 - 1e-6).ln()).collect();
                if classes > 2 { logs } else { vec![logs[1] - logs[0]] }
            }
            (Objective::Number(NumberLoss::Absolute | NumberLoss::Huber { .. }), Target::Values(values)) => {
                vec![level(values, 0.5)]
            }
            (Objective::Number(NumberLoss::Quantile { level: share }), Target::Values(values)) => {
                vec![level(values, f64::from(share))]
            }
            (_, Target::Values(values)) => {
                let mean =
                    values.iter().enumerate().map(|(row, value)| value * outcomes.weight(row) / total).sum::<f64>();
                vec![if matches!(self, Objective::Rate { .. }) { mean.max(f64::MIN_POSITIVE).ln() } else { mean }]
            }
            _ => vec![0.0; self.width()],
        }
    }

    /// Slope and curvature of each row's loss in each score. Scores and slopes stand one score after the other, `rows` each.
    pub fn slopes(self, outcomes: &Outcomes<'_>, scores: &[f64], slopes: &mut [[f32; 2]]) {
        let rows = outcomes.target.len();
        match (self, outcomes.target) {
            (Objective::Classes { classes: 2, gamma }, Target::Classes(truth)) => {
                for (row, (&class, slope)) in truth.iter().zip(slopes).enumerate() {
                    let p = 1.0 / (1.0 + (-scores[row]).exp());
                    let own = if class == 1 { p } else { 1.0 - p };
                    let weight = outcomes.weight(row) * focused(own, gamma);
                    let error = if class == 1 { p - 1.0 } else { p };
                    *slope = [(error * weight) as f32, ((p * (1.0 - p)).max(LEAST) * weight) as f32];
                }
            }
            (Objective::Classes { classes, gamma }, Target::Classes(truth)) => {
                // Friedman's factor: the scores of a row share a degree of freedom.
                let factor = classes as f64 / (classes as f64 - 1.0);
                let mut shares = vec![0.0; classes];
                for (row, &class) in truth.iter().enumerate() {
                    softmax(scores, rows, row, &mut shares);
                    let weight = outcomes.weight(row) * focused(shares[class as usize], gamma);
                    for (other, &p) in shares.iter().enumerate() {
                        let error = if other == class as usize { p - 1.0 } else { p };
                        let curvature = factor * (p * (1.0 - p)).max(LEAST);
                        slopes[other * rows + row] = [(error * weight) as f32, (curvature * weight) as f32];
                    }
                }
            }
            (Objective::Rate { .. }, Target::Values(values)) => {
                for (row, (value, slope)) in values.iter().zip(slopes).enumerate() {
                    let (rate, weight) = (scores[row].exp(), outcomes.weight(row));
                    *slope = [((rate - value) * weight) as f32, (rate * RATE_STEP.exp() * weight) as f32];
                }
            }
            (Objective::Number(loss), Target::Values(values)) => {
                for (row, (value, slope)) in values.iter().zip(slopes).enumerate() {
                    let (error, weight) = (scores[row] - value, outcomes.weight(row));
                    let (over, under) = loss.sides();
                    let of = match loss {
                        NumberLoss::Huber { delta } => error.clamp(-f64::from(delta), f64::from(delta)),
                        NumberLoss::Absolute | NumberLoss::Quantile { .. } => {
                            if error > 0.0 {
                                f64::from(over)
                            } else {
                                -f64::from(under)
                            }
                        }
                        _ => error,
                    };
                    *slope = [(of * weight) as f32, weight as f32];
                }
            }
            _ => {}
        }
    }

    /// Where the loss has a kink: the quantile of its rows' errors that a leaf outputs instead of a step by slopes.
    pub fn renewed(self) -> Option<f64> {
        match self {
            Objective::Number(NumberLoss::Absolute) => Some(0.5),
            Objective::Number(NumberLoss::Quantile { level }) => Some(f64::from(level)),
            _ => None,
        }
    }

    /// The mean loss by the rows' weights: the log loss (focal), half the squared error and so on.
    pub fn loss(self, outcomes: &Outcomes<'_>, scores: &[f64]) -> f64 {
        let rows = outcomes.target.len();
        let (mut sum, mut total) = (0.0, 0.0);
        let mut shares = vec![0.0; self.width()];
        for row in 0..rows {
            let weight = outcomes.weight(row);
            total += weight;
            sum += weight
                * match (self, outcomes.target) {
                    (Objective::Classes { classes: 2, gamma }, Target::Classes(truth)) => {
                        let odds = if truth[row] == 1 { -scores[row] } else { scores[row] };
                        // ln(1 + e^odds), without overflow.
                        let log_p = -(odds.max(0.0) + (-odds.abs()).exp().ln_1p());
                        f64::from(focus(log_p as f32, gamma).0)
                    }
                    (Objective::Classes { gamma, .. }, Target::Classes(truth)) => {
                        softmax(scores, rows, row, &mut shares);
                        f64::from(focus(shares[truth[row] as usize].max(1e-30).ln() as f32, gamma).0)
                    }
                    (Objective::Rate { .. }, Target::Values(values)) => deviance(scores[row].exp(), values[row]),
                    (Objective::Number(NumberLoss::Huber { delta }), Target::Values(values)) => {
                        let (error, delta) = ((scores[row] - values[row]).abs(), f64::from(delta));
                        let near = error.min(delta);
                        0.5 * near * near + delta * (error - near)
                    }
                    (Objective::Number(loss), Target::Values(values)) => loss.error(scores[row], values[row]),
                    _ => 0.0,
                };
        }
        sum / f64::max(total, f64::MIN_POSITIVE)
    }
}

/// What the focal loss multiplies slopes by where the true class has this probability.
fn focused(p: f64, gamma: f32) -> f64 {
    if gamma > 0.0 { f64::from(focus(p.max(1e-30).ln() as f32, gamma).1).max(1e-6) } else { 1.0 }
}

/// A row's probabilities.
fn softmax(scores: &[f64], rows: usize, row: usize, shares: &mut [f64]) {
    let of = |class: usize| scores[class * rows + row];
    let highest = (0..shares.len()).map(of).fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for (class, share) in shares.iter_mut().enumerate() {
        *share = (of(class) - highest).exp();
        total += *share;
    }
    shares.iter_mut().for_each(|share| *share /= total);
}
