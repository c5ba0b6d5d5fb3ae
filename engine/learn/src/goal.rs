//! What nets and linear models minimise, with its slope; what their outputs mean follows from it.

use crate::{
    TrainData,
    scale::{rated, spread, standardised},
};
use trainyard_infer::{Target, net::Head};
use trainyard_types::{Problem, loss::Loss};

/// Where the absolute error and the pinball loss have their kink, this far to either side stands the parabola that touches them
/// there, as in Huber's loss: L-BFGS and Adam need a slope. In standard deviations of the target.
pub const ROUNDED: f32 = 0.01;
/// Beyond this output, Poisson's rate goes on as a line, so that no step makes it infinite. `e^10` is 22,026 times the mean.
pub const STEEPEST: f32 = 10.0;
/// Huber's k: errors of so many standard deviations count by their size (Huber 1964, 95 % efficient where errors are normal).
pub const HUBER: f64 = 1.35;
/// Keeps the focal loss's power off 0.
pub const LEAST: f32 = 1e-6;

/// What the outputs mean, and what is minimised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    pub head: Head,
    /// Of classes: the focal loss's γ; 0 is the log loss.
    pub gamma: f32,
    /// Of a number.
    pub loss: NumberLoss,
}

/// The loss of a number, in the units that it is learned in: standardised, or for [`NumberLoss::Poisson`] as a part of the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NumberLoss {
    Squared,
    /// ½ error² up to `delta`, then `delta·(|error| − ½ delta)`.
    Huber {
        delta: f32,
    },
    Absolute,
    /// `level·|error|` where the answer is too low, `(1 − level)·|error|` where it is too high.
    Quantile {
        level: f32,
    },
    /// `e^output − truth·output`: half of Poisson's deviance but for what does not depend on the output.
    Poisson,
}

impl Goal {
    /// From the train rows' target.
    ///
    /// # Errors
    /// There is no row to learn from, or a target can't be learned.
    pub fn new(data: &TrainData<'_>) -> Result<Self, Problem> {
        let Target::Values(values) = data.train_target else {
            let gamma = if let Some(Loss::Focal(gamma)) = data.loss { gamma as f32 } else { 0.0 };
            let head = Head::Classes { classes: data.classes.len().max(2) };
            return Ok(Self { head, gamma, loss: NumberLoss::Squared });
        };
        if data.loss == Some(Loss::Poisson) {
            return Ok(Self { head: rated(values)?, gamma: 0.0, loss: NumberLoss::Poisson });
        }
        let head = standardised(values)?;
        let unit = Self { head, gamma: 0.0, loss: NumberLoss::Squared }.unit();
        let loss = match data.loss {
            Some(Loss::Absolute) => NumberLoss::Absolute,
            Some(Loss::Huber) => NumberLoss::Huber { delta: (HUBER * spread(values) / unit) as f32 },
            Some(Loss::Quantile(level)) => NumberLoss::Quantile { level: level as f32 },
            _ => NumberLoss::Squared,
        };
        Ok(Self { head, gamma: 0.0, loss })
    }

    /// The metric that is told after each epoch.
    pub fn metric(self) -> &'static str {
        match self.head {
            Head::Classes { .. } => "accuracy",
            Head::Value { .. } | Head::Rate { .. } => self.loss.metric(),
        }
    }

    /// What the metric of a number is multiplied by to be in the target's unit.
    pub fn unit(self) -> f64 {
        match self.head {
            Head::Classes { .. } => 1.0,
            Head::Value { scale, .. } => scale,
            Head::Rate { mean, .. } => mean,
        }
    }

    /// Between which outputs the served model's answers are held.
    pub fn bounds(self) -> (f64, f64) {
        match self.head {
            Head::Classes { .. } => (f64::NEG_INFINITY, f64::INFINITY),
            Head::Value { mean, scale, low, high } => ((low - mean) / scale, (high - mean) / scale),
            Head::Rate { mean, low, high } => ((low / mean).ln(), (high / mean).ln()),
        }
    }
}

impl NumberLoss {
    /// The loss of an output, and its slope in the output.
    #[inline(always)]
    pub fn at(self, output: f32, truth: f32) -> (f32, f32) {
        let error = output - truth;
        match self {
            NumberLoss::Squared => (error * error, 2.0 * error),
            NumberLoss::Huber { delta } => rounded(error, delta),
            NumberLoss::Absolute | NumberLoss::Quantile { .. } => {
                let (over, under) = self.sides();
                let side = if error > 0.0 { over } else { under };
                let (loss, slope) = rounded(error, ROUNDED);
                (side / ROUNDED * loss, side / ROUNDED * slope)
            }
            NumberLoss::Poisson => {
                let far = (output - STEEPEST).max(0.0);
                let rate = (output - far).exp();
                (rate * (1.0 + far) - truth * output, rate - truth)
            }
        }
    }

    /// What an error of 1 costs where the answer is too high, and where it is too low.
    pub fn sides(self) -> (f32, f32) {
        match self {
            NumberLoss::Quantile { level } => (1.0 - level, level),
            _ => (1.0, 1.0),
        }
    }

    /// The loss for a curve, in which a perfect answer has 0.
    pub fn shown(self, output: f64, truth: f64) -> f64 {
        match self {
            NumberLoss::Squared => (output - truth).powi(2),
            NumberLoss::Poisson => 0.5 * deviance(output.exp(), truth),
            _ => f64::from(self.at(output as f32, truth as f32).0),
        }
    }

    /// The metric's name.
    pub fn metric(self) -> &'static str {
        match self {
            NumberLoss::Squared | NumberLoss::Huber { .. } => "rmse",
            NumberLoss::Absolute => "mae",
            NumberLoss::Quantile { .. } => "mean_pinball_loss",
            NumberLoss::Poisson => "mean_poisson_deviance",
        }
    }

    /// A row's part of the metric.
    pub fn error(self, output: f64, truth: f64) -> f64 {
        match self {
            NumberLoss::Squared | NumberLoss::Huber { .. } => (output - truth).powi(2),
            NumberLoss::Absolute | NumberLoss::Quantile { .. } => {
                let (over, under) = self.sides();
                let error = output - truth;
                f64::from(if error > 0.0 { over } else { under }) * error.abs()
            }
            NumberLoss::Poisson => deviance(output.exp(), truth),
        }
    }

    /// The metric, of the mean of [`NumberLoss::error`].
    pub fn total(self, mean: f64) -> f64 {
        match self {
            NumberLoss::Squared | NumberLoss::Huber { .. } => mean.sqrt(),
            _ => mean,
        }
    }
}

/// Huber's loss and its slope.
#[inline(always)]
fn rounded(error: f32, delta: f32) -> (f32, f32) {
    let near = error.abs().min(delta);
    let far = error.abs() - near;
    (0.5 * near * near + delta * far, error.clamp(-delta, delta))
}

/// Poisson's deviance of one row.
pub fn deviance(rate: f64, truth: f64) -> f64 {
    let logarithm = if truth > 0.0 { truth * (truth / rate).ln() } else { 0.0 };
    2.0 * (logarithm - truth + rate)
}

/// The focal loss of a row whose true class has this logarithm of its probability p; and what the log loss's slopes in the
/// logits, `pⱼ − [j is true]`, are to be multiplied by: with `q = 1 − p` that is `q^γ − γ·p·ln p·q^(γ − 1)`.
#[inline(always)]
pub fn focus(log_p: f32, gamma: f32) -> (f32, f32) {
    if gamma <= 0.0 {
        return (-log_p, 1.0);
    }
    let p = log_p.exp();
    let q = 1.0 - p + LEAST;
    let power = q.powf(gamma);
    (-power * log_p, power - gamma * p * log_p * power / q)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSSES: [NumberLoss; 6] = [
        NumberLoss::Squared,
        NumberLoss::Huber { delta: 0.7 },
        NumberLoss::Absolute,
        NumberLoss::Quantile { level: 0.9 },
        NumberLoss::Quantile { level: 0.2 },
        NumberLoss::Poisson,
    ];

    #[test]
    fn slopes_are_those_of_the_losses() {
        for loss in LOSSES {
            for output in [-3.0f32, -0.4, 0.0, 0.3, 1.2, 2.5, 10.5] {
                for truth in [0.0f32, 0.25, 1.0, 4.0] {
                    let step = 1e-2f32;
                    // Away from the small parabola, whose curvature a step of this size can't see.
                    if (output - truth).abs() < 0.03 || (loss == NumberLoss::Poisson && output > 8.0) {
                        continue;
                    }
                    let of = |output: f32| f64::from(loss.at(output, truth).0);
                    let expected =
                        (of(output + step) - of(output - step)) / f64::from((output + step) - (output - step));
                    let found = f64::from(loss.at(output, truth).1);
                    assert!((found - expected).abs() < 2e-3 * (1.0 + expected.abs()), "{loss:?} at {output}, {truth}");
                }
            }
        }
        // A line beyond the steepest point.
        let (at, further) = (NumberLoss::Poisson.at(11.0, 2.0), NumberLoss::Poisson.at(12.0, 2.0));
        assert!(at.1 == further.1 && ((further.0 - at.0) / at.1 - 1.0).abs() < 1e-3);
        assert!(NumberLoss::Poisson.at(1e30, 2.0).0.is_finite());
    }

    #[test]
    fn focal_slopes_are_those_of_the_loss() {
        for gamma in [0.0f32, 0.5, 1.0, 2.0, 5.0] {
            for z in [-6.0f32, -1.0, 0.0, 0.7, 3.0, 9.0] {
                // Two classes: ln p = −ln(1 + e^−z), and p − 1 is the log loss's slope in z.
                let log_p = |z: f64| -(-z).exp().ln_1p();
                let of = |z: f64| f64::from(focus(log_p(z) as f32, gamma).0);
                let (z, step) = (f64::from(z), 1e-2);
                let expected = (of(z + step) - of(z - step)) / (2.0 * step);
                let found = f64::from(focus(log_p(z) as f32, gamma).1) * (log_p(z).exp() - 1.0);
                assert!((found - expected).abs() < 2e-3, "γ {gamma} at {z}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn metrics_are_what_the_losses_round_off() {
        assert_eq!(NumberLoss::Absolute.error(3.0, 1.0), 2.0);
        let quantile = NumberLoss::Quantile { level: 0.75 };
        assert_eq!((quantile.error(3.0, 1.0), quantile.error(1.0, 3.0)), (0.5, 1.5));
        // The parabola takes half of its width away.
        let (loss, slope) = quantile.at(1.0, 3.0);
        assert!((loss - 0.75 * (2.0 - 0.5 * ROUNDED)).abs() < 1e-6 && (slope + 0.75).abs() < 1e-6);
        // sklearn.metrics.mean_poisson_deviance([0], [2]) is 4; ([3], [3]) is 0; ([3], [1.5]) is 2 (3 ln 2 − 1.5).
        assert_eq!((deviance(2.0, 0.0), deviance(3.0, 3.0)), (4.0, 0.0));
        assert!((deviance(1.5, 3.0) - 2.0 * (3.0 * 2f64.ln() - 1.5)).abs() < 1e-12);
    }
}
