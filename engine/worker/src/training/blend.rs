//! Whether several of an automatic run's models are better together: greedy selection with replacement on the validation rows
//! (Caruana, Niculescu-Mizil, Crew and Ksikes 2004).

use super::prepare::Prepared;
use trainyard_assess::metrics;
use trainyard_infer::{LoadError, Model, PredictError, Predictions, Predictor, Target, blend};
use trainyard_learn::{Fitted, Unseen};
use trainyard_types::loss::Aim;

/// Times that a model is added.
const ROUNDS: usize = 25;
/// Validation rows that are needed, and that decide at most.
const FEWEST_ROWS: usize = 200;
const MOST_ROWS: usize = 20_000;
/// How much smaller the error has to be than the best model's, as a share of it: less is not worth slower answers.
const LEAST_GAIN: f64 = 0.005;

/// The models' weights, by their places, and the primary metric of what they answer together.
pub struct Blended {
    pub weights: Vec<(usize, f64)>,
    pub score: f64,
}

/// Chooses weights. `answers`: of each model on the validation rows, the best model's first; `best`: its primary metric. `None`
/// where the best is hardly worse alone.
pub fn choose(aim: Aim, target: &Target, answers: &[Predictions], best: f64) -> Option<Blended> {
    if target.len() < FEWEST_ROWS || answers.len() < 2 {
        return None;
    }
    let stride = target.len().div_ceil(MOST_ROWS);
    let rows: Vec<usize> = (0..target.len()).step_by(stride).collect();
    let few: Vec<Predictions> = answers.iter().map(|answer| take(answer, &rows)).collect();
    let truth = target.take(&rows);
    let counts = greedy(aim, &truth, &few);
    let total: usize = counts.iter().sum();
    let of = |(at, &count): (usize, &usize)| (count > 0).then(|| (at, count as f64 / total as f64));
    let weights: Vec<(usize, f64)> = counts.iter().enumerate().filter_map(of).collect();
    if weights.len() < 2 {
        return None;
    }
    let parts: Vec<(f64, &Predictions)> = weights.iter().map(|&(at, weight)| (weight, &answers[at])).collect();
    let score = metrics::primary(aim, target, &blend::mean(&parts)?);
    let error = |score: f64| if metrics::higher_is_better(aim.primary_metric()) { 1.0 - score } else { score };
    (error(score) <= error(best) * (1.0 - LEAST_GAIN)).then_some(Blended { weights, score })
}

/// How often each model is taken, for the least loss on the way.
fn greedy(aim: Aim, truth: &Target, answers: &[Predictions]) -> Vec<usize> {
    let mut counts = vec![0; answers.len()];
    counts[0] = 1;
    let mut sum = answers[0].clone();
    let mut best = (loss(aim, truth, &sum), counts.clone());
    for taken in 2..=ROUNDS {
        let share = 1.0 / taken as f64;
        let tried = answers.iter().enumerate().filter_map(|(at, answer)| {
            let together = blend::mean(&[(1.0 - share, &sum), (share, answer)])?;
            Some((loss(aim, truth, &together), at, together))
        });
        // The first of equals.
        let Some((found, at, together)) = tried.reduce(|a, b| if b.0 < a.0 { b } else { a }) else { break };
        sum = together;
        counts[at] += 1;
        if found < best.0 {
            best = (found, counts.clone());
        }
    }
    best.1
}

/// The log loss of classes, which tells more than accuracy or ranks do; of numbers what they are judged by.
fn loss(aim: Aim, truth: &Target, answers: &Predictions) -> f64 {
    match (truth, answers) {
        (Target::Classes(truth), Predictions::Probabilities { classes, values }) => {
            let rows = values.chunks_exact(*classes).zip(truth);
            rows.map(|(row, &class)| -f64::from(row[class as usize].max(1e-15)).ln()).sum::<f64>() / truth.len() as f64
        }
        _ => metrics::primary(aim, truth, answers),
    }
}

fn take(answers: &Predictions, rows: &[usize]) -> Predictions {
    match answers {
        Predictions::Values(values) => Predictions::Values(rows.iter().map(|&row| values[row]).collect()),
        Predictions::Probabilities { classes, values } => Predictions::Probabilities {
            classes: *classes,
            values: rows.iter().flat_map(|&row| &values[row * classes..(row + 1) * classes]).copied().collect(),
        },
    }
}

/// Why models could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Model(#[from] LoadError),
    #[error(transparent)]
    Answers(#[from] PredictError),
}

/// The models as one. `parts` are not empty.
///
/// # Errors
/// They do not go together: a fault of the program.
pub fn together(prepared: &Prepared, parts: &[(f64, &Fitted)]) -> Result<Fitted, Failure> {
    let predictors = parts.iter().map(|(weight, fitted)| (*weight, fitted.model.predictor.clone())).collect();
    let first = parts[0].1;
    let model = Model {
        texts: first.model.texts.clone(),
        ..Model::new(first.model.signature.clone(), Predictor::Blend(blend::Blend::new(predictors)?))
    };
    let mut parameters: std::collections::BTreeMap<String, String> = parts
        .iter()
        .flat_map(|(_, fitted)| {
            let family = fitted.model.family.as_str();
            fitted.parameters.iter().map(move |(key, value)| (format!("{family}.{key}"), value.clone()))
        })
        .collect();
    let words = |(weight, fitted): &(f64, &Fitted)| {
        format!("{:.0} % {}", weight * 100.0, super::fits::name(fitted.model.family).trim_start_matches("the "))
    };
    parameters.insert("blend".to_owned(), parts.iter().map(words).collect::<Vec<_>>().join(", "));
    Ok(Fitted {
        model,
        epochs: parts.iter().map(|(_, fitted)| fitted.epochs).max().unwrap_or(0),
        rows_per_second: first.rows_per_second,
        seconds: parts.iter().map(|(_, fitted)| fitted.seconds).sum(),
        parameters,
        unseen: unseen(prepared, parts)?,
    })
}

/// A forest knows its train rows by heart: with it, the blend's answers are about rows that the forest did not learn from.
fn unseen(prepared: &Prepared, parts: &[(f64, &Fitted)]) -> Result<Option<Unseen>, Failure> {
    let Some(rows) = parts.iter().find_map(|(_, fitted)| fitted.unseen.as_ref()).map(|unseen| unseen.rows.clone())
    else {
        return Ok(None);
    };
    let frame = prepared.train.frame.take(&rows);
    let mut answers = Vec::new();
    for (weight, fitted) in parts {
        let answer = match &fitted.unseen {
            Some(unseen) => unseen.predictions.clone(),
            None => fitted.model.predict(&frame)?,
        };
        answers.push((*weight, answer));
    }
    let all: Vec<(f64, &Predictions)> = answers.iter().map(|(weight, answer)| (*weight, answer)).collect();
    Ok(blend::mean(&all).map(|predictions| Unseen { rows, predictions }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trainyard_types::run::Task;

    /// Two models whose errors go against each other, and one that is no help.
    fn three() -> (Target, Vec<Predictions>) {
        let truth: Vec<f64> = (0..400).map(f64::from).collect();
        let off = |by: &dyn Fn(usize) -> f64| {
            Predictions::Values(truth.iter().enumerate().map(|(row, value)| value + by(row)).collect())
        };
        let wave = |row: usize| if row.is_multiple_of(2) { 1.0 } else { -1.0 };
        let answers = vec![off(&wave), off(&|row| -1.5 * wave(row)), off(&|row| 30.0 + wave(row))];
        (Target::Values(truth.clone()), answers)
    }

    #[test]
    fn models_that_err_apart_are_blended() {
        let (truth, answers) = three();
        let aim = Aim::new(Task::Regression, None);
        let blended = choose(aim, &truth, &answers, 1.0).unwrap();
        // 0.6 and 0.4 take each other's errors away, which 15 and 10 of 25 are.
        assert_eq!(blended.weights.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1]);
        assert!((blended.weights[0].1 - 0.6).abs() < 0.03 && blended.score < 0.05, "{:?}", blended.weights);
        // What errs alike is left alone, and so is what hardly helps.
        let twice = vec![answers[0].clone(), answers[0].clone()];
        assert!(choose(aim, &truth, &twice, 1.0).is_none());
        assert!(choose(aim, &truth, &answers[..1], 1.0).is_none());
        assert!(choose(aim, &truth, &answers, 0.0).is_none());
    }

    #[test]
    fn classes_are_blended_by_the_log_loss() {
        let truth: Vec<u32> = (0..600).map(|row| u32::from(row % 3 == 0)).collect();
        // Each is sure and right on its half of the rows and knows nothing of the other half.
        let model = |half: usize| {
            let values = truth.iter().enumerate().flat_map(|(row, &class)| {
                let p = match (row % 2 == half, class) {
                    (false, _) => 0.4,
                    (true, 1) => 0.95,
                    (true, _) => 0.05,
                };
                [1.0 - p, p]
            });
            Predictions::Probabilities { classes: 2, values: values.collect() }
        };
        let aim = Aim::new(Task::Binary, None);
        let target = Target::Classes(truth.clone());
        let answers = [model(0), model(1)];
        let best = metrics::primary(aim, &target, &answers[0]);
        let blended = choose(aim, &target, &answers, best).unwrap();
        assert!(blended.score > best && blended.weights.len() == 2);
        assert!(blended.weights.iter().all(|(_, weight)| (weight - 0.5).abs() < 0.1));
    }
}
