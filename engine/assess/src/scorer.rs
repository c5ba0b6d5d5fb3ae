//! Metrics of weighted rows, prepared so that each new set of weights costs one or two passes.

use crate::metrics::names;
use trainyard_infer::{Predictions, Target, decision::called, rows::top};
use trainyard_types::{
    loss::{Aim, Loss},
    run::Task,
};

/// Rows with everything that does not depend on the weights worked out.
pub(crate) struct Scorer {
    aim: Aim,
    rows: Rows,
}

enum Rows {
    /// In descending order of the positive class's probability.
    Binary {
        positive: Vec<bool>,
        predicted: Vec<bool>,
        loss: Vec<f64>,
        brier: Vec<f64>,
        ties: Vec<bool>,
    },
    Multiclass {
        classes: usize,
        truth: Vec<u32>,
        predicted: Vec<u32>,
        loss: Vec<f64>,
        rankings: Vec<Ranking>,
    },
    /// In ascending order of the absolute error.
    Regression {
        error: Vec<f64>,
        centred: Vec<f64>,
        relative: Vec<f64>,
        /// What the loss that is learned asks for: pinball losses or deviances; else nothing.
        own: Vec<f64>,
    },
}

/// The rows in descending order of one class's probability.
struct Ranking {
    order: Vec<u32>,
    /// Whether the row has the same probability as the one before.
    ties: Vec<bool>,
}

impl Ranking {
    fn new(scores: &[f32]) -> Self {
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
        let ties =
            (0..order.len()).map(|at| at > 0 && scores[order[at] as usize] == scores[order[at - 1] as usize]).collect();
        Self { order, ties }
    }
}

impl Scorer {
    /// With a threshold, that decides between two classes.
    pub(crate) fn new(aim: impl Into<Aim>, target: &Target, predictions: &Predictions, threshold: Option<f64>) -> Self {
        let aim = aim.into();
        assert_eq!(target.len(), predictions.rows(), "as many outcomes as predictions");
        let rows = match (target, predictions) {
            (Target::Classes(truth), Predictions::Probabilities { classes: 2, values }) if aim.task == Task::Binary => {
                binary(truth, values, threshold)
            }
            (Target::Classes(truth), Predictions::Probabilities { classes, values }) => {
                multiclass(truth, *classes, values)
            }
            (Target::Values(truth), Predictions::Values(values)) => regression(truth, values, aim.loss),
            _ => panic!("outcomes and predictions are of different kinds"),
        };
        Self { aim, rows }
    }

    pub(crate) fn rows(&self) -> usize {
        match &self.rows {
            Rows::Binary { positive, .. } => positive.len(),
            Rows::Multiclass { truth, .. } => truth.len(),
            Rows::Regression { error, .. } => error.len(),
        }
    }

    /// Passes over the rows that one call of [`Scorer::values`] takes, roughly.
    pub(crate) fn passes(&self) -> usize {
        match &self.rows {
            Rows::Multiclass { rankings, .. } => 1 + rankings.len(),
            _ => 1,
        }
    }

    pub(crate) fn names(&self) -> &'static [&'static str] {
        names(self.aim)
    }

    /// The metrics, in the order of [`Scorer::names`], where row `i` (in the scorer's own order) counts `weights[i]` times.
    /// NaN where undefined.
    pub(crate) fn values(&self, weights: &[u32]) -> Vec<f64> {
        match &self.rows {
            Rows::Binary { positive, predicted, loss, brier, ties } => {
                let mut cells = [0.0f64; 4];
                let (mut losses, mut squares) = (0.0, 0.0);
                for (row, &weight) in weights.iter().enumerate() {
                    let weight = f64::from(weight);
                    cells[usize::from(positive[row]) * 2 + usize::from(predicted[row])] += weight;
                    losses += weight * loss[row];
                    squares += weight * brier[row];
                }
                let [tn, fp, fn_, tp] = cells;
                let total = tn + fp + fn_ + tp;
                let (auc, precision) = ranked(weights.iter().zip(positive).zip(ties).map(|((&w, &p), &t)| (w, p, t)));
                let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
                let recalls = [(tn, tn + fp), (tp, tp + fn_)]
                    .into_iter()
                    .filter(|(_, whole)| *whole > 0.0)
                    .map(|(part, whole)| part / whole);
                let spread = (tp + fp) * (tp + fn_) * (tn + fp) * (tn + fn_);
                let mcc = if spread > 0.0 { (tp * tn - fp * fn_) / spread.sqrt() } else { 0.0 };
                vec![
                    auc,
                    (tp + tn) / total,
                    mean(recalls),
                    ratio(2.0 * tp, 2.0 * tp + fp + fn_),
                    ratio(tp, tp + fp),
                    ratio(tp, tp + fn_),
                    precision,
                    losses / total,
                    squares / total,
                    if total > 0.0 { mcc } else { f64::NAN },
                ]
            }
            Rows::Multiclass { classes, truth, predicted, loss, rankings } => {
                let (mut hits, mut wanted, mut given) =
                    (vec![0.0f64; *classes], vec![0.0f64; *classes], vec![0.0f64; *classes]);
                let mut losses = 0.0;
                for (row, &weight) in weights.iter().enumerate() {
                    let weight = f64::from(weight);
                    wanted[truth[row] as usize] += weight;
                    given[predicted[row] as usize] += weight;
                    if truth[row] == predicted[row] {
                        hits[truth[row] as usize] += weight;
                    }
                    losses += weight * loss[row];
                }
                let total: f64 = wanted.iter().sum();
                let recalls =
                    (0..*classes).filter(|&class| wanted[class] > 0.0).map(|class| hits[class] / wanted[class]);
                let f1 = (0..*classes)
                    .map(|class| (hits[class], wanted[class] + given[class]))
                    .filter(|(_, sum)| *sum > 0.0);
                let areas = rankings.iter().enumerate().map(|(class, ranking)| {
                    let rows = ranking.order.iter().zip(&ranking.ties);
                    ranked(rows.map(|(&row, &tie)| (weights[row as usize], truth[row as usize] as usize == class, tie)))
                        .0
                });
                vec![
                    hits.iter().sum::<f64>() / total,
                    mean(recalls),
                    mean(f1.map(|(hits, sum)| 2.0 * hits / sum)),
                    losses / total,
                    mean(areas.filter(|area| !area.is_nan())),
                ]
            }
            Rows::Regression { error, centred, relative, own } => {
                let (mut total, mut squares, mut absolute, mut shares, mut sum, mut spread) =
                    (0.0f64, 0.0, 0.0, 0.0, 0.0, 0.0);
                for (row, &weight) in weights.iter().enumerate() {
                    let weight = f64::from(weight);
                    total += weight;
                    squares += weight * error[row] * error[row];
                    absolute += weight * error[row];
                    shares += weight * relative[row];
                    sum += weight * centred[row];
                    spread += weight * centred[row] * centred[row];
                }
                let about_mean = spread - sum * sum / total;
                let r2 = if total < 2.0 {
                    f64::NAN
                } else if about_mean > 0.0 {
                    1.0 - squares / about_mean
                } else {
                    f64::from(squares == 0.0)
                };
                let own = || own.iter().zip(weights).map(|(own, &weight)| own * f64::from(weight)).sum::<f64>() / total;
                let of = |name: &&str| match *name {
                    "rmse" => (squares / total).sqrt(),
                    "mae" => absolute / total,
                    "r2" => r2,
                    "mape" => shares / total,
                    "median_absolute_error" => weighted_median(error, weights),
                    _ => own(),
                };
                self.names().iter().map(of).collect()
            }
        }
    }
}

fn binary(truth: &[u32], values: &[f32], threshold: Option<f64>) -> Rows {
    let scores: Vec<f32> = values.chunks_exact(2).map(|row| row[1]).collect();
    let Ranking { order, ties } = Ranking::new(&scores);
    let rows = || order.iter().map(|&row| row as usize);
    Rows::Binary {
        positive: rows().map(|row| truth[row] == 1).collect(),
        predicted: rows().map(|row| called(&values[row * 2..row * 2 + 2], threshold) == 1).collect(),
        loss: rows().map(|row| log_loss(values[row * 2 + truth[row].min(1) as usize])).collect(),
        brier: rows().map(|row| (f64::from(scores[row]) - f64::from(u8::from(truth[row] == 1))).powi(2)).collect(),
        ties,
    }
}

fn multiclass(truth: &[u32], classes: usize, values: &[f32]) -> Rows {
    let rows = || values.chunks_exact(classes.max(1));
    assert!(truth.iter().all(|&class| (class as usize) < classes), "a class without a probability");
    Rows::Multiclass {
        classes,
        truth: truth.to_vec(),
        predicted: rows().map(|row| top(row) as u32).collect(),
        loss: rows().zip(truth).map(|(row, &class)| log_loss(row[class as usize])).collect(),
        rankings: (0..classes).map(|class| Ranking::new(&rows().map(|row| row[class]).collect::<Vec<_>>())).collect(),
    }
}

fn regression(truth: &[f64], values: &[f64], loss: Option<Loss>) -> Rows {
    let mut order: Vec<usize> = (0..truth.len()).collect();
    let error = |row: usize| (values[row] - truth[row]).abs();
    order.sort_by(|&a, &b| error(a).total_cmp(&error(b)));
    let centre = mean(truth.iter().copied());
    let own = |row: usize| match loss {
        Some(Loss::Quantile(level)) => Some(pinball(truth[row], values[row], level)),
        Some(Loss::Poisson) => Some(deviance(truth[row], values[row])),
        _ => None,
    };
    Rows::Regression {
        error: order.iter().map(|&row| error(row)).collect(),
        centred: order.iter().map(|&row| truth[row] - centre).collect(),
        relative: order.iter().map(|&row| error(row) / truth[row].abs().max(f64::EPSILON)).collect(),
        own: order.iter().filter_map(|&row| own(row)).collect(),
    }
}

/// The pinball loss of a quantile's prediction: an answer that is too low costs `level` of its error, one that is too high the
/// rest of it.
fn pinball(truth: f64, value: f64, level: f64) -> f64 {
    let error = truth - value;
    if error > 0.0 { level * error } else { (level - 1.0) * error }
}

/// Poisson's deviance of one row; NaN where it is not defined.
fn deviance(truth: f64, rate: f64) -> f64 {
    if truth < 0.0 || rate <= 0.0 {
        return f64::NAN;
    }
    let logarithm = if truth > 0.0 { truth * (truth / rate).ln() } else { 0.0 };
    2.0 * (logarithm - truth + rate)
}

fn log_loss(probability: f32) -> f64 {
    -f64::from(probability.clamp(f32::EPSILON, 1.0 - f32::EPSILON)).ln()
}

/// ROC AUC and average precision of rows in descending order of their score, as (weight, positive, same score as before).
/// Both NaN without a positive; the area also without a negative.
fn ranked(rows: impl Iterator<Item = (u32, bool, bool)>) -> (f64, f64) {
    let (mut above, mut below) = (0.0f64, 0.0f64);
    let (mut group_above, mut group_below) = (0.0f64, 0.0f64);
    let (mut pairs, mut precision) = (0.0f64, 0.0f64);
    let mut close = |above: &mut f64, below: &mut f64, group_above: &mut f64, group_below: &mut f64| {
        pairs += *group_below * (*above + *group_above / 2.0);
        *above += *group_above;
        *below += *group_below;
        if *group_above > 0.0 {
            precision += *group_above * *above / (*above + *below);
        }
        (*group_above, *group_below) = (0.0, 0.0);
    };
    for (weight, positive, tie) in rows {
        if !tie {
            close(&mut above, &mut below, &mut group_above, &mut group_below);
        }
        *(if positive { &mut group_above } else { &mut group_below }) += f64::from(weight);
    }
    close(&mut above, &mut below, &mut group_above, &mut group_below);
    // 0 / 0 is NaN where there is no positive (or no negative).
    (pairs / (above * below), precision / above)
}

/// The median of ascending values, the mean of the middle two where their number is even.
fn weighted_median(values: &[f64], weights: &[u32]) -> f64 {
    let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
    if total == 0 {
        return f64::NAN;
    }
    let (low, high) = ((total - 1) / 2, total / 2);
    let (mut seen, mut lower) = (0u64, None);
    for (&value, &weight) in values.iter().zip(weights) {
        seen += u64::from(weight);
        if lower.is_none() && seen > low {
            lower = Some(value);
        }
        if seen > high {
            return (lower.unwrap_or(value) + value) / 2.0;
        }
    }
    f64::NAN
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for value in values {
        sum += value;
        count += 1;
    }
    sum / count as f64
}
