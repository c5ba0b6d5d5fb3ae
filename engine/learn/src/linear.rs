//! Logistic and linear regression with an L2 penalty, as scikit-learn's `LogisticRegression(C=1)` and `Ridge(alpha=1)` unless
//! `linear.l2` says otherwise, fitted on all rows at once: burn's matrix products on the chosen device, L-BFGS on the host.
//!
//! Another loss stands in the same sum, the penalty being half of `linear.l2` times the squared weights: of numbers the loss of
//! the standardised target ([`crate::goal`] says how the absolute error and the pinball loss are rounded off at 0), for Poisson
//! half of the deviance with a log link, the target being divided by its mean; that is `PoissonRegressor` with an alpha of
//! `linear.l2` times the mean over the rows.

use crate::{
    FitError, FitOptions, Fitted, Observer, TrainData, device,
    goal::{Goal, NumberLoss, focus},
    lbfgs::{self, Ended},
    net::{Truth, ground, truth},
};
use burn::tensor::{Device, Tensor, TensorData};
use std::time::{Duration, Instant};
use trainyard_infer::{
    Predictor, Target, math,
    net::{Head, LinearModel},
    preprocess::{Encoded, Recipe},
};
use trainyard_types::{Problem, run::MetricPoint};

/// Iterations at most, unless `epochs` says otherwise. Each takes about one pass over the rows.
const ITERATIONS: u32 = 300;
/// Largest gradient entry (of the mean loss) that counts as none.
const TOLERANCE: f64 = 1e-5;

/// Fits the linear model. `epochs` limits the iterations; a fit takes seconds, so that it keeps no checkpoints and begins
/// anew when resumed.
///
/// # Errors
/// [`FitError::Cancelled`], or a problem that says what to do.
pub fn fit(
    data: &TrainData<'_>,
    options: &FitOptions,
    _resume: Option<&[u8]>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let started = Instant::now();
    observer.progress(0.0, "Preparing columns", None);
    let chosen = device::choose(options.device)?;
    let quantile = options.set("linear.quantile").is_some_and(|set| set != 0.0);
    let encoder = ground::encoder(data, Recipe::Linear, quantile)?;
    if encoder.width() == 0 {
        return Err(Problem::invalid("No column says anything about the target: all are constant or only identify rows. Keep at least one feature.").into());
    }
    // One thread: the same products in the same order, whatever the machine.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(|error| Problem::internal(format!("No thread could be started: {error}")))?;
    let goal = Goal::new(data)?;
    let encode = |frame| encoder.encode(frame).map_err(Problem::from);
    let weights = data.weights.map(|weights| weights.train);
    let train = Rows::new(encode(data.train)?, data.train_target, weights, goal, &chosen.device);
    let valid = Rows::new(encode(data.valid)?, data.valid_target, None, goal, &chosen.device);
    let mut x = vec![0.0f64; (train.width + 1) * train.outputs];
    let penalty = options.set("linear.l2").unwrap_or(1.0);
    let limit = options.epochs.unwrap_or(ITERATIONS).max(1);
    let mut told = (Instant::now(), 0usize);
    let mut iterations = 0usize;
    let mut cancelled = false;
    let (metric, unit) = (goal.metric(), goal.unit());
    let report = |iteration: usize, x: &[f64], observer: &mut dyn Observer| {
        let point = |key: &str, part: &str, value: f64| MetricPoint {
            key: key.into(),
            part: part.into(),
            step: iteration as u64,
            value,
        };
        let [train, valid] = [&train, &valid].map(|rows| pool.install(|| rows.score(x)));
        observer.metrics(&[
            point("loss", "train", train.0),
            point("loss", "valid", valid.0),
            point(metric, "train", train.1 * unit),
            point(metric, "valid", valid.1 * unit),
        ]);
    };
    let begun = Instant::now();
    let ended = lbfgs::minimise(
        &mut x,
        limit as usize,
        TOLERANCE,
        |x, gradient| pool.install(|| train.gradient(x, gradient, penalty)),
        |iteration, x, _| {
            iterations = iteration;
            cancelled = observer.cancelled();
            let due = told.0.elapsed() > Duration::from_millis(250);
            if due || iteration <= 3 || iteration >= told.1 + 10 {
                report(iteration, x, observer);
                let speed = (iteration * train.rows) as f64 / begun.elapsed().as_secs_f64();
                observer.progress(
                    iteration as f64 / f64::from(limit),
                    &format!("Iteration {iteration} of at most {limit}"),
                    Some(speed),
                );
                told = (Instant::now(), iteration);
            }
            !cancelled
        },
    );
    if cancelled {
        return Err(FitError::Cancelled);
    }
    if told.1 != iterations {
        report(iterations, &x, observer);
    }
    let diverged = || {
        Problem::invalid(
            "The linear model's loss is not a finite number. Look for extreme values in the columns and in the target, and rescale them.",
        )
    };
    if ended == Ended::NotFinite {
        return Err(diverged().into());
    }
    let words = if ended == Ended::Converged { "converged" } else { "stopped at the limit" };
    observer.log(&format!("The linear model {words} after {iterations} iterations."));
    let rows_per_second = (iterations * train.rows) as f64 / begun.elapsed().as_secs_f64().max(1e-9);
    let (weights, bias) = train.split(&x, goal.head);
    let numbers = if quantile { "as normal scores by their quantiles" } else { "standardised" };
    let parameters = [
        ("model", name(goal).to_owned()),
        ("optimiser", format!("L-BFGS on all rows, {words} after {iterations} iterations")),
        ("penalty", format!("L2, strength {penalty} (alpha = {penalty}, C = {})", 1.0 / penalty)),
        ("preprocessing", format!("{} columns: numbers {numbers}, one a category level", encoder.width())),
        ("device", chosen.name),
    ];
    let model = LinearModel::new(encoder, goal.head, weights, bias).map_err(|_| diverged())?;
    Ok(Fitted {
        unseen: None,
        model: data.model(Predictor::Linear(model)),
        epochs: iterations as u64,
        rows_per_second,
        seconds: started.elapsed().as_secs_f64(),
        parameters: parameters.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    })
}

/// As people call it.
fn name(goal: Goal) -> &'static str {
    match (goal.head, goal.loss) {
        (Head::Classes { .. }, _) if goal.gamma > 0.0 => "Logistic regression by the focal loss",
        (Head::Classes { .. }, _) => "Logistic regression",
        (_, NumberLoss::Squared) => "Linear regression",
        (_, NumberLoss::Huber { .. }) => "Huber regression",
        (_, NumberLoss::Absolute) => "Median regression",
        (_, NumberLoss::Quantile { .. }) => "Quantile regression",
        (_, NumberLoss::Poisson) => "Poisson regression",
    }
}

/// Rows on the device with their target. The parameters are one vector: weights (`width x outputs`), then biases.
struct Rows {
    x: Tensor<2>,
    device: Device,
    rows: usize,
    width: usize,
    /// One for two classes and for a number, else one a class.
    outputs: usize,
    truth: Truth,
    goal: Goal,
    /// How much each row counts while fitting.
    weights: Option<Vec<f32>>,
}

impl Rows {
    fn new(encoded: Encoded, target: &Target, weights: Option<&[f64]>, goal: Goal, device: &Device) -> Self {
        let Encoded { rows, width, dense, .. } = encoded;
        let outputs = match goal.head.outputs() {
            2 => 1,
            outputs => outputs,
        };
        Self {
            x: Tensor::from_data(TensorData::new(dense, [rows, width]), device),
            device: device.clone(),
            rows,
            width,
            outputs,
            truth: truth(target, goal.head),
            goal,
            weights: weights.map(|weights| weights.iter().map(|weight| *weight as f32).collect()),
        }
    }

    fn weight(&self, row: usize) -> f32 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// The outputs of every row, `rows x outputs`.
    fn outputs(&self, parameters: &[f64]) -> TensorData {
        let (weights, biases) = parameters.split_at(self.width * self.outputs);
        let weights: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
        let weights: Tensor<2> = Tensor::from_data(TensorData::new(weights, [self.width, self.outputs]), &self.device);
        let mut outputs = self.x.clone().matmul(weights).into_data();
        if let Ok(values) = outputs.as_mut_slice::<f32>() {
            for row in values.chunks_exact_mut(self.outputs) {
                row.iter_mut().zip(biases).for_each(|(z, bias)| *z += *bias as f32);
            }
        }
        outputs
    }

    /// The mean loss plus the penalty, and its gradient.
    fn gradient(&self, parameters: &[f64], gradient: &mut [f64], penalty: f64) -> f64 {
        let mut outputs = self.outputs(parameters);
        let share = 1.0 / self.rows.max(1) as f64;
        let Ok(values) = outputs.as_mut_slice::<f32>() else {
            return f64::NAN;
        };
        let (mut loss, _) = self.losses(values, true);
        loss *= share;
        let (of_weights, of_biases) = gradient.split_at_mut(self.width * self.outputs);
        of_biases.fill(0.0);
        for row in values.chunks_exact_mut(self.outputs) {
            row.iter().zip(of_biases.iter_mut()).for_each(|(z, sum)| *sum += f64::from(*z) * share);
        }
        let residuals: Tensor<2> = Tensor::from_data(outputs, &self.device);
        let product = self.x.clone().transpose().matmul(residuals).into_data();
        let Ok(product) = product.as_slice::<f32>() else {
            return f64::NAN;
        };
        // scikit-learn's objective divided by the rows: a penalty of alpha·½·|w|² / rows.
        let penalty = penalty * share;
        for ((to, from), weight) in of_weights.iter_mut().zip(product).zip(parameters) {
            *to = f64::from(*from) * share + weight * penalty;
            loss += 0.5 * penalty * weight * weight;
        }
        loss
    }

    /// The sum of the losses, and of the hits or of the metric's errors. With `residuals`, the outputs become the loss's gradient,
    /// and losses count by the rows' weights.
    fn losses(&self, values: &mut [f32], residuals: bool) -> (f64, f64) {
        let (mut loss, mut score) = (0.0f64, 0.0f64);
        let weight = |row: usize| if residuals { self.weight(row) } else { 1.0 };
        match &self.truth {
            Truth::Values(truth) if self.goal.loss != NumberLoss::Squared => {
                let goal = self.goal.loss;
                for (row, (z, truth)) in values.iter_mut().zip(truth).enumerate() {
                    let (at, truth_at) = (f64::from(*z), f64::from(*truth));
                    let (_, slope) = goal.at(*z, *truth);
                    loss += f64::from(weight(row)) * goal.shown(at, truth_at);
                    score += goal.error(at, truth_at);
                    *z = slope * weight(row);
                }
            }
            Truth::Values(truth) => {
                for (row, (z, truth)) in values.iter_mut().zip(truth).enumerate() {
                    let error = *z - truth;
                    loss += 0.5 * f64::from(weight(row)) * f64::from(error).powi(2);
                    score += f64::from(error).powi(2);
                    *z = error * weight(row);
                }
            }
            Truth::Classes(truth) if self.outputs == 1 => {
                for (row, (z, class)) in values.iter_mut().zip(truth).enumerate() {
                    let y = if *class == 1 { 1.0 } else { 0.0 };
                    let small = math::exp(-z.abs());
                    let (value, factor) = focus(-(small.ln_1p() + z.max(0.0) - y * *z), self.goal.gamma);
                    loss += f64::from(weight(row)) * f64::from(value);
                    score += f64::from(u8::from((*z > 0.0) == (*class == 1)));
                    let p = if *z >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
                    if residuals {
                        *z = (p - y) * factor * weight(row);
                    }
                }
            }
            Truth::Classes(truth) => {
                let raw: Vec<f32> = truth
                    .iter()
                    .zip(values.chunks_exact(self.outputs))
                    .map(|(class, row)| row[*class as usize])
                    .collect();
                let rows = values.chunks_exact_mut(self.outputs).zip(truth).zip(raw).enumerate();
                for (at, ((row, class), own)) in rows {
                    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let sum: f32 = row.iter().map(|z| math::exp(z - highest)).sum();
                    let (value, factor) = focus(-(sum.ln() + highest - own), self.goal.gamma);
                    loss += f64::from(weight(at)) * f64::from(value);
                    score += f64::from(u8::from(row.iter().position(|z| *z == highest) == Some(*class as usize)));
                    if residuals {
                        row.iter_mut().for_each(|z| *z = math::exp(*z - highest) / sum);
                        row[*class as usize] -= 1.0;
                        row.iter_mut().for_each(|z| *z *= factor * weight(at));
                    }
                }
            }
        }
        (loss, score)
    }

    /// Mean loss without penalty (for a number, of the standardised target; for counts and rates, half of Poisson's deviance),
    /// and accuracy or a number's metric in the units that it is learned in.
    fn score(&self, parameters: &[f64]) -> (f64, f64) {
        let mut outputs = self.outputs(parameters);
        let Ok(values) = outputs.as_mut_slice::<f32>() else {
            return (f64::NAN, f64::NAN);
        };
        let (loss, score) = self.losses(values, false);
        let rows = self.rows.max(1) as f64;
        match self.truth {
            Truth::Values(_) => {
                let shown = if self.goal.loss == NumberLoss::Squared { score } else { loss };
                (shown / rows, self.goal.loss.total(score / rows))
            }
            Truth::Classes(_) => (loss / rows, score / rows),
        }
    }

    /// The model's weights and biases; with two classes, the first one's are 0.
    fn split(&self, parameters: &[f64], head: Head) -> (Vec<f32>, Vec<f32>) {
        let (weights, biases) = parameters.split_at(self.width * self.outputs);
        let widen = |values: &[f64]| -> Vec<f32> {
            let pair = head.outputs() != self.outputs;
            values.iter().flat_map(|&v| if pair { vec![0.0, v as f32] } else { vec![v as f32] }).collect()
        };
        (widen(weights), widen(biases))
    }
}

#[cfg(test)]
mod tests;
