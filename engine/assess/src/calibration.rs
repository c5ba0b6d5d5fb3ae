//! Calibration of probabilities: fitted on rows that the model did not learn from, chosen by cross-validation, and measured.

mod fit;
#[cfg(test)]
mod tests;

pub use fit::{isotonic, sigmoid, temperature};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use trainyard_infer::{
    Predictions, Target,
    decision::{Calibration, logit},
    rows::top,
};
use trainyard_types::decision::{CALIBRATION_BINS, CalibrationChoice, CalibrationScores, CalibrationTry};

/// Parts of a cross-validation.
const FOLDS: usize = 5;
/// Rows of the rarest class below which nothing is chosen: a part would have none of it.
const FEWEST: usize = 2 * FOLDS;
/// Rows that the temperature needs.
const ROWS: usize = 50;
const METHODS: [CalibrationChoice; 3] =
    [CalibrationChoice::Temperature, CalibrationChoice::Sigmoid, CalibrationChoice::Isotonic];

/// What calibration came to.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub used: CalibrationChoice,
    pub calibration: Option<Calibration>,
    /// Mean log loss of each method that was compared, cross-validated; empty where none was.
    pub tried: Vec<CalibrationTry>,
    /// Each row's probabilities as curves fitted on the other folds' rows calibrate them, so that they can be judged by the
    /// same rows.
    pub crossed: Predictions,
}

/// Calibrates as asked, on rows of a classification. `Auto` takes the method of least log loss over five stratified folds
/// (drawn by the seed), and none unless its rows' losses are lower by more than the standard error of the difference. Where one
/// of several classes has under ten rows, only the temperature is fitted; where one of two has, or there are under 50 rows,
/// nothing is.
///
/// # Panics
/// If target and predictions are of different kinds or lengths.
pub fn choose(choice: CalibrationChoice, target: &Target, predictions: &Predictions, seed: u64) -> Chosen {
    let (truth, classes, values) = parts(target, predictions);
    let none = |tried| Chosen { used: CalibrationChoice::None, calibration: None, tried, crossed: predictions.clone() };
    let mut counts = vec![0usize; classes];
    truth.iter().for_each(|&class| counts[class as usize] += 1);
    let rare = counts.iter().any(|count| *count < FEWEST);
    let allowed = |method| !rare || (classes > 2 && truth.len() >= ROWS && method == CalibrationChoice::Temperature);
    let methods: Vec<CalibrationChoice> = METHODS.into_iter().filter(|method| allowed(*method)).collect();
    let asked = choice == CalibrationChoice::Auto || methods.contains(&choice);
    if !asked || methods.is_empty() {
        return none(Vec::new());
    }
    let folds = folds(truth, classes, seed);
    let with = |method| crossed(method, truth, classes, values, &folds);
    if choice != CalibrationChoice::Auto {
        return taken(choice, with(choice), Vec::new(), truth, classes, values);
    }
    let plain = losses(truth, classes, values);
    let mut tried = vec![CalibrationTry { method: CalibrationChoice::None, log_loss: mean(&plain) }];
    let mut best: Option<(CalibrationChoice, f64, Vec<f32>)> = None;
    for method in methods {
        let crossed = with(method);
        let losses = losses(truth, classes, &crossed);
        let loss = mean(&losses);
        tried.push(CalibrationTry { method, log_loss: loss });
        let gains: Vec<f64> = plain.iter().zip(&losses).map(|(before, after)| before - after).collect();
        let helps = mean(&gains) > standard_error(&gains);
        if helps && best.as_ref().is_none_or(|(_, least, _)| loss < *least) {
            best = Some((method, loss, crossed));
        }
    }
    match best {
        Some((method, _, crossed)) => taken(method, crossed, tried, truth, classes, values),
        None => none(tried),
    }
}

fn taken(
    method: CalibrationChoice,
    crossed: Vec<f32>,
    tried: Vec<CalibrationTry>,
    truth: &[u32],
    classes: usize,
    values: &[f32],
) -> Chosen {
    Chosen {
        used: method,
        calibration: fit(method, truth, classes, values),
        tried,
        crossed: Predictions::Probabilities { classes, values: crossed },
    }
}

/// Fits one method; `None` for `None` and `Auto`. `values` are rows of `classes` probabilities.
pub fn fit(method: CalibrationChoice, truth: &[u32], classes: usize, values: &[f32]) -> Option<Calibration> {
    // Of two classes the second has the one curve.
    let curves: Vec<usize> = if classes == 2 { vec![1] } else { (0..classes).collect() };
    let of = |class: usize| -> (Vec<f64>, Vec<bool>) {
        let scores = values.iter().skip(class).step_by(classes).map(|&p| f64::from(p)).collect();
        (scores, truth.iter().map(|&own| own as usize == class).collect())
    };
    match method {
        CalibrationChoice::None | CalibrationChoice::Auto => None,
        CalibrationChoice::Temperature => Some(Calibration::Temperature(temperature(truth, classes, values))),
        CalibrationChoice::Sigmoid => {
            let curve = |class: usize| {
                let (scores, truth) = of(class);
                sigmoid(&scores.into_iter().map(logit).collect::<Vec<f64>>(), &truth)
            };
            Some(Calibration::Sigmoid(curves.into_iter().map(curve).collect()))
        }
        CalibrationChoice::Isotonic => {
            let curve = |class: usize| {
                let (scores, truth) = of(class);
                isotonic(&scores, &truth)
            };
            Some(Calibration::Isotonic(curves.into_iter().map(curve).collect()))
        }
    }
}

/// Expected calibration error (Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017): rows in 15 bins of equal width, the
/// distance of mean probability and share that came true, weighted by rows. Of two classes by the second's probability, of
/// more by the most probable class's. With it the Brier score (Brier 1950; added up over several classes) and the log loss
/// (probabilities clipped to f32's epsilon).
///
/// # Panics
/// If target and predictions are of different kinds or lengths.
pub fn scores(target: &Target, predictions: &Predictions) -> CalibrationScores {
    let (truth, classes, values) = parts(target, predictions);
    let mut bins = [(0.0f64, 0.0f64, 0.0f64); CALIBRATION_BINS];
    let mut squares = 0.0;
    for (row, &class) in values.chunks_exact(classes).zip(truth) {
        let (p, hit) = if classes == 2 {
            (f64::from(row[1]), class == 1)
        } else {
            let called = top(row);
            (f64::from(row[called]), called == class as usize)
        };
        // Bins are open below and closed above, as in Guo et al.
        let at = ((p * CALIBRATION_BINS as f64).ceil() as usize).clamp(1, CALIBRATION_BINS) - 1;
        let bin = &mut bins[at];
        *bin = (bin.0 + 1.0, bin.1 + p, bin.2 + f64::from(u8::from(hit)));
        squares += if classes == 2 {
            (p - f64::from(u8::from(hit))).powi(2)
        } else {
            let off = |(k, p): (usize, &f32)| (f64::from(*p) - f64::from(u8::from(k == class as usize))).powi(2);
            row.iter().enumerate().map(off).sum()
        };
    }
    let rows = truth.len().max(1) as f64;
    CalibrationScores {
        ece: bins.iter().map(|(_, predicted, actual)| (predicted - actual).abs()).sum::<f64>() / rows,
        brier: squares / rows,
        log_loss: mean(&losses(truth, classes, values)),
    }
}

fn parts<'a>(target: &'a Target, predictions: &'a Predictions) -> (&'a [u32], usize, &'a [f32]) {
    match (target, predictions) {
        (Target::Classes(truth), Predictions::Probabilities { classes, values }) => {
            assert_eq!(truth.len() * classes, values.len(), "as many outcomes as predictions");
            (truth, *classes, values)
        }
        _ => panic!("calibration is of classes"),
    }
}

/// Each row's fold; each class is spread over all of them.
fn folds(truth: &[u32], classes: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed ^ 0xCA11_B8A7));
    let mut next = vec![0usize; classes];
    let mut folds = vec![0; truth.len()];
    for row in order {
        let place = &mut next[truth[row] as usize];
        folds[row] = *place % FOLDS;
        *place += 1;
    }
    folds
}

fn crossed(method: CalibrationChoice, truth: &[u32], classes: usize, values: &[f32], folds: &[usize]) -> Vec<f32> {
    let mut all = values.to_vec();
    for fold in 0..FOLDS {
        let others: Vec<usize> = (0..truth.len()).filter(|&row| folds[row] != fold).collect();
        let known: Vec<u32> = others.iter().map(|&row| truth[row]).collect();
        let given: Vec<f32> =
            others.iter().flat_map(|&row| &values[row * classes..(row + 1) * classes]).copied().collect();
        let Some(calibration) = fit(method, &known, classes, &given) else { continue };
        for row in (0..truth.len()).filter(|&row| folds[row] == fold) {
            calibration.apply(classes, &mut all[row * classes..(row + 1) * classes]);
        }
    }
    all
}

fn losses(truth: &[u32], classes: usize, values: &[f32]) -> Vec<f64> {
    let edge = f64::from(f32::EPSILON);
    let loss = |(row, &class): (&[f32], &u32)| -f64::from(row[class as usize]).clamp(edge, 1.0 - edge).ln();
    values.chunks_exact(classes).zip(truth).map(loss).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Of the mean.
fn standard_error(values: &[f64]) -> f64 {
    let (mean, count) = (mean(values), values.len() as f64);
    let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (spread / (count - 1.0).max(1.0) / count.max(1.0)).sqrt()
}
