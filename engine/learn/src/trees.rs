//! Gradient-boosted trees: fitted by perpetual, converted exactly into infer's flat ensemble.

mod convert;
mod objective;

use crate::{FitError, FitOptions, Fitted, Observer, TrainData, monotone, scale::level};
use objective::{Unit, loss};
use perpetual::{
    Matrix, MultiOutputBooster, PerpetualBooster,
    constraints::{Constraint, ConstraintMap},
    objective::Objective,
};
use std::{
    collections::{BTreeMap, HashSet},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use trainyard_assess::metrics;
use trainyard_infer::{
    Frame, Predictor, Target,
    ensemble::{Ensemble, Head},
    trees::{TreeEncoder, TreesModel},
};
use trainyard_types::{
    Problem,
    loss::Loss,
    monotone::Direction,
    run::{Family, MetricPoint, Task},
};

const MAX_BIN: u16 = 255;
/// Bytes that perpetual may plan with, beside the rows, where nothing limits it. A fixed figure, because what it plans decides
/// how large a tree may grow: with the machine's free memory the same spec would give another model another day.
const MEMORY: u64 = 2_000_000_000;
/// Features times rows (times trees a round) that boosting gets through in a second: 3 to 5 million, measured on two cores
/// with Adult, Diamonds, Bike Sharing.
const CELLS_A_SECOND: f64 = 4e6;
const MOST_ROUNDS: usize = 2_000;
/// Rows of each part that the curves are drawn from.
const CURVE_ROWS: usize = 5_000;
/// Rows of the validation part that decide how many rounds are kept.
const VALID_ROWS: usize = 20_000;
const CURVE_POINTS: usize = 24;

/// Fits boosted trees with perpetual, which decides by itself when to stop; of its rounds those are kept after which the
/// loss on the validation rows is least. `options.budget_seconds` sets the most rounds it may take (fewer and larger steps
/// where they would be few), from the number of rows and columns and not from a clock, so that the same options give the
/// same trees everywhere. `epochs`, `device` and `resume` change nothing: it runs on the CPU, and a resumed fit starts anew.
///
/// Numbers are learned by perpetual's own objectives. Those of the absolute error, the pinball loss and Huber's take steps of at
/// most 1, so that the target is measured by its mean distance from the median (for Huber's loss by its robust standard
/// deviation); Poisson's takes the target as a part of its mean, with a log link. The focal loss it does not have.
///
/// `options.monotone` is kept for numbers and for two classes: perpetual looks for splits that keep it, and each tree is then
/// held to it, because perpetual has no eye on what its folds say apart.
///
/// A cancelled fit returns at once; perpetual can't be stopped, so that its thread goes on until the process ends.
pub fn fit(
    data: &TrainData<'_>,
    options: &FitOptions,
    _resume: Option<&[u8]>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let start = Instant::now();
    if let Some(loss) = data.loss {
        loss.check_family(Family::Trees)?;
    }
    let encoder = encoder(data, observer)?;
    let plan = Plan::new(data, options, &encoder)?;
    observer.log(&format!(
        "Boosted trees: {} rows, {} features ({} categorical), at most {} rounds",
        data.train.rows,
        plan.features,
        plan.categorical.len(),
        plan.rounds
    ));
    let weights = data.weights.map(|weights| weights.train.to_vec());
    let (ensemble, boosted) = if plan.features == 0 {
        observer.log("No column varies: the model answers every row alike.");
        (constant(data)?, 0)
    } else {
        let features = encoder.encode(data.train).map_err(problem)?;
        let outcomes = outcomes(data, &plan.unit);
        let (rows, seed, task) = (data.train.rows, options.seed, plan.clone());
        let booster = run(
            move || task.fit(&features, &outcomes, weights.as_deref(), rows, seed),
            plan.expected_seconds,
            observer,
        )?;
        (booster.convert(&plan.directions, &plan.unit)?, booster.rounds())
    };
    if observer.cancelled() {
        return Err(FitError::Cancelled);
    }
    observer.progress(0.92, "choosing the number of rounds", None);
    let mut model = TreesModel::new(encoder, ensemble).map_err(problem)?;
    let rounds = best_rounds(data, &model, boosted)?;
    model.truncate(trees_after(&model, rounds, boosted));
    let seconds = start.elapsed().as_secs_f64();
    observer.progress(0.96, "scoring trees", None);
    observer.metrics(&curve(data, &model, rounds)?);
    let (trees, nodes) = (model.ensemble().trees(), model.ensemble().nodes());
    observer.log(&format!(
        "Boosted trees: kept {rounds} of {boosted} rounds by the validation loss, {trees} trees, {nodes} nodes, {seconds:.1} s"
    ));
    observer.progress(1.0, "trees fitted", None);
    Ok(Fitted {
        unseen: None,
        model: data.model(Predictor::Trees(model)),
        epochs: rounds as u64,
        rows_per_second: data.train.rows as f64 * boosted as f64 / seconds.max(1e-9),
        seconds,
        parameters: plan.parameters(boosted, rounds, trees, nodes),
    })
}

/// How the columns become features of trees, by the train rows.
///
/// # Errors
/// There are none.
pub(crate) fn encoder(data: &TrainData<'_>, observer: &mut dyn Observer) -> Result<TreeEncoder, FitError> {
    if data.train.rows == 0 {
        return Err(Problem::invalid("There are no train rows. Choose a split that leaves some for training.").into());
    }
    observer.progress(0.0, "encoding columns", None);
    Ok(TreeEncoder::fit(data.train))
}

/// What is decided before the fit.
#[derive(Clone)]
struct Plan {
    features: usize,
    categorical: HashSet<usize>,
    objective: Objective,
    unit: Unit,
    /// Columns of the outcome matrix.
    outputs: usize,
    budget: f32,
    max_bin: u16,
    rounds: usize,
    /// Bytes, beside the rows.
    memory: u64,
    /// Of each feature.
    directions: Vec<Option<Direction>>,
    expected_seconds: f64,
}

impl Plan {
    fn new(data: &TrainData<'_>, options: &FitOptions, encoder: &TreeEncoder) -> Result<Self, Problem> {
        let outputs = if data.task == Task::Multiclass { data.classes.len() } else { 1 };
        // perpetual tries a tree for each class a round, but for 8 of many.
        let trees_a_round = outputs.min(8);
        let cells = (data.train.rows * encoder.width().max(1) * trees_a_round) as f64;
        let seconds_a_round = cells / CELLS_A_SECOND;
        let affordable = (options.budget_seconds.max(1.0) / seconds_a_round.max(1e-9)) as usize;
        // The budget is perpetual's main setting: each step takes 10^-budget of the way, so that it needs some 250, 70, 40 or
        // 20 rounds. Measured, 1.0 against 1.5: Adult test accuracy .8667 and .8704, Diamonds RMSE 543.7 and 536.0.
        let (budget, fewest) = match affordable {
            400.. => (1.5, 400),
            100..400 => (1.0, 100),
            45..100 => (0.75, 45),
            _ => (0.5, 25),
        };
        let budget = options.set("trees.budget").map_or(budget, |set| set as f32);
        let rounds = options.set("trees.max_rounds").map_or(affordable.clamp(fewest, MOST_ROUNDS), |set| set as usize);
        let (objective, unit) = objective::choose(data)?;
        Ok(Self {
            features: encoder.width(),
            categorical: encoder.categorical(),
            objective,
            unit,
            outputs,
            budget,
            max_bin: options.set("trees.max_bin").map_or(MAX_BIN, |set| set as u16),
            rounds,
            memory: options.memory.unwrap_or(MEMORY),
            directions: monotone::of_features(encoder, &options.monotone),
            expected_seconds: (seconds_a_round * rounds.min(250) as f64).max(0.5),
        })
    }

    fn parameters(&self, boosted: usize, rounds: usize, trees: usize, nodes: usize) -> BTreeMap<String, String> {
        [
            ("library", "perpetual 3.0.0-rc.2".to_owned()),
            ("budget", self.budget.to_string()),
            ("max_bin", self.max_bin.to_string()),
            ("features", self.features.to_string()),
            ("categorical_features", self.categorical.len().to_string()),
            ("round_limit", self.rounds.to_string()),
            ("rounds", boosted.to_string()),
            ("rounds_kept", rounds.to_string()),
            ("trees", trees.to_string()),
            ("nodes", nodes.to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// The directions as perpetual takes them.
    fn constraints(&self) -> Option<ConstraintMap> {
        let of = |direction: &Direction| match direction {
            Direction::Increasing => Constraint::Positive,
            Direction::Decreasing => Constraint::Negative,
        };
        let features = self.directions.iter().enumerate();
        let map: ConstraintMap =
            features.filter_map(|(feature, direction)| Some((feature, of(direction.as_ref()?)))).collect();
        (!map.is_empty()).then_some(map)
    }

    /// Runs perpetual. `features` and `outcomes` are column after column.
    fn fit(
        &self,
        features: &[f64],
        outcomes: &[f64],
        weights: Option<&[f64]>,
        rows: usize,
        seed: u64,
    ) -> Result<Booster, String> {
        let matrix = Matrix::new(features, rows, self.features);
        let categorical = (!self.categorical.is_empty()).then(|| self.categorical.clone());
        // Room for the binned rows comes on top of the plan.
        let memory = (self.memory + (rows * self.features * 2 + rows * 24) as u64) as f32 / 1e9;
        if self.outputs == 1 {
            let mut booster = PerpetualBooster::default()
                .set_objective(self.objective.clone())
                .set_budget(self.budget)
                .set_max_bin(self.max_bin)
                .set_seed(seed)
                .set_categorical_features(categorical)
                .set_iteration_limit(Some(self.rounds))
                .set_memory_limit(Some(memory))
                .set_monotone_constraints(self.constraints());
            // perpetual would weigh classes by itself: they are weighed where that is asked for.
            booster.cfg.auto_class_weights = false;
            booster.fit(&matrix, outcomes, weights, None).map_err(|error| error.to_string())?;
            return Ok(Booster::Single(Box::new(booster)));
        }
        let mut booster = MultiOutputBooster::default()
            .set_n_boosters(self.outputs)
            .set_objective(self.objective.clone())
            .set_budget(self.budget)
            .set_max_bin(self.max_bin)
            .set_seed(seed)
            .set_categorical_features(categorical)
            .set_iteration_limit(Some(self.rounds))
            .set_memory_limit(Some(memory));
        booster
            .fit(&matrix, &Matrix::new(outcomes, rows, self.outputs), weights, None)
            .map_err(|error| error.to_string())?;
        Ok(Booster::Several(Box::new(booster)))
    }
}

/// What perpetual made.
enum Booster {
    Single(Box<PerpetualBooster>),
    Several(Box<MultiOutputBooster>),
}

impl Booster {
    /// `directions`: of each feature.
    fn convert(&self, directions: &[Option<Direction>], unit: &Unit) -> Result<Ensemble, FitError> {
        let ensemble = match self {
            Booster::Single(booster) => convert::single(booster, directions, unit),
            Booster::Several(booster) => convert::several(booster, directions.len()),
        };
        ensemble
            .map_err(|error| FitError::Problem(Problem::internal(format!("The trees could not be converted: {error}"))))
    }

    fn rounds(&self) -> usize {
        match self {
            Booster::Single(booster) => booster.trees.len(),
            Booster::Several(booster) => booster.boosters.iter().map(|booster| booster.trees.len()).max().unwrap_or(0),
        }
    }
}

/// Runs the fit on a thread of its own, so that progress is told and cancelling is quick. A panic inside becomes an error.
fn run(
    work: impl FnOnce() -> Result<Booster, String> + Send + 'static,
    expected_seconds: f64,
    observer: &mut dyn Observer,
) -> Result<Booster, FitError> {
    let failed = |why: &str| {
        FitError::Problem(Problem::internal(format!(
            "Boosted trees could not be fitted: {why}. Try another model family, or leave out unusual columns."
        )))
    };
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new()
        .name("boosted-trees".to_owned())
        .spawn(move || {
            // The receiver is gone where the fit was cancelled.
            let _ = sender.send(work());
        })
        .map_err(|error| failed(&error.to_string()))?;
    let start = Instant::now();
    loop {
        match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok(outcome) => return outcome.map_err(|why| failed(&why)),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if observer.cancelled() {
                    return Err(FitError::Cancelled);
                }
                // perpetual tells nothing while it runs: the fraction nears 0.9 as the expected time passes.
                let passed = start.elapsed().as_secs_f64() / expected_seconds;
                observer.progress(0.9 * (1.0 - (-1.5 * passed).exp()), "boosting trees", None);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let why = match thread.join() {
                    Err(panic) => panic
                        .downcast_ref::<String>()
                        .cloned()
                        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                        .unwrap_or_else(|| "the library stopped without a reason".to_owned()),
                    Ok(()) => "the library gave no answer".to_owned(),
                };
                return Err(failed(&why));
            }
        }
    }
}

/// The outcomes as perpetual takes them: the value in its unit, 0 or 1, or one column of 0 and 1 a class.
fn outcomes(data: &TrainData<'_>, unit: &Unit) -> Vec<f64> {
    match data.train_target {
        Target::Values(values) => match *unit {
            Unit::Distance { centre, scale } => values.iter().map(|value| (value - centre) / scale).collect(),
            Unit::Rate { mean, .. } => values.iter().map(|value| value / mean).collect(),
        },
        Target::Classes(classes) if data.task == Task::Binary => {
            classes.iter().map(|&class| f64::from(class)).collect()
        }
        Target::Classes(classes) => (0..data.classes.len() as u32)
            .flat_map(|class| classes.iter().map(move |&c| f64::from(u8::from(c == class))))
            .collect(),
    }
}

/// The ensemble without trees.
fn constant(data: &TrainData<'_>) -> Result<Ensemble, FitError> {
    let shares: Vec<f64> = match data.train_target {
        Target::Values(values) => {
            let value = match data.loss {
                Some(Loss::Absolute | Loss::Huber) => level(values, 0.5),
                Some(Loss::Quantile(share)) => level(values, share),
                _ => values.iter().sum::<f64>() / values.len() as f64,
            };
            return Ok(Ensemble::new(0, vec![value], Head::Value { linear: None }));
        }
        Target::Classes(outcomes) => (0..data.classes.len() as u32)
            .map(|class| {
                (outcomes.iter().filter(|&&c| c == class).count() as f64 / outcomes.len() as f64)
                    .clamp(1e-6, 1.0 - 1e-6)
            })
            .collect(),
    };
    Ok(match (data.task, shares.as_slice()) {
        (Task::Binary, [_, positive]) => Ensemble::new(0, vec![(positive / (1.0 - positive)).ln()], Head::Binary),
        _ => Ensemble::new(0, shares.iter().map(|share| share.ln()).collect(), Head::Softmax { temperature: 1.0 }),
    })
}

/// The metrics on train and validation rows after a growing number of rounds (each part thinned to 5,000 rows).
pub(crate) fn curve(data: &TrainData<'_>, model: &TreesModel, rounds: usize) -> Result<Vec<MetricPoint>, FitError> {
    let mut points = Vec::new();
    let primary = data.aim().primary_metric();
    let names: &[&str] = if data.task == Task::Regression { &[primary] } else { &["log_loss", primary] };
    let steps = stages(rounds, CURVE_POINTS);
    let counts: Vec<usize> = steps.iter().map(|&step| trees_after(model, step, rounds)).collect();
    for (part, frame, target) in [("train", data.train, data.train_target), ("valid", data.valid, data.valid_target)] {
        let (frame, target) = thinned(frame, target, CURVE_ROWS);
        if frame.rows == 0 {
            continue;
        }
        for (step, predictions) in steps.iter().zip(model.predict_stages(&frame, &counts).map_err(problem)?) {
            let scores = metrics::score(data.aim(), &target, &predictions);
            points.extend(names.iter().filter_map(|name| {
                Some(MetricPoint {
                    key: (*name).to_owned(),
                    part: part.to_owned(),
                    step: *step as u64,
                    value: *scores.get(*name)?,
                })
            }));
        }
    }
    points.sort_by_key(|point| point.step);
    Ok(points)
}

/// After how many rounds the loss on the validation rows is least (of 64 evenly spread counts where there are more rounds).
fn best_rounds(data: &TrainData<'_>, model: &TreesModel, rounds: usize) -> Result<usize, FitError> {
    let (frame, target) = thinned(data.valid, data.valid_target, VALID_ROWS);
    if frame.rows == 0 || rounds == 0 {
        return Ok(rounds);
    }
    let weights: Option<Vec<f64>> = data
        .weights
        .map(|weights| weights.valid.iter().copied().step_by(data.valid.rows.div_ceil(VALID_ROWS).max(1)).collect());
    let steps = stages(rounds, 64);
    let counts: Vec<usize> = steps.iter().map(|&step| trees_after(model, step, rounds)).collect();
    let mut best = (rounds, f64::INFINITY);
    for (&step, predictions) in steps.iter().zip(model.predict_stages(&frame, &counts).map_err(problem)?) {
        let loss = loss(data.loss, &target, &predictions, weights.as_deref());
        if loss < best.1 {
            best = (step, loss);
        }
    }
    Ok(best.0)
}

/// At most `count` round numbers from 1 to `rounds`, evenly spread, the last one included.
pub(crate) fn stages(rounds: usize, count: usize) -> Vec<usize> {
    let count = count.min(rounds);
    (1..=count).map(|at| rounds * at / count).collect()
}

/// How many of the model's trees the first `step` of `rounds` rounds made.
fn trees_after(model: &TreesModel, step: usize, rounds: usize) -> usize {
    model.ensemble().trees() * step / rounds.max(1)
}

pub(crate) fn problem(error: impl Into<Problem>) -> FitError {
    FitError::Problem(error.into())
}

/// Evenly spread rows, `most` at most.
pub(crate) fn thinned(frame: &Frame, target: &Target, most: usize) -> (Frame, Target) {
    let stride = frame.rows.div_ceil(most).max(1);
    let rows: Vec<usize> = (0..frame.rows).step_by(stride).collect();
    (frame.take(&rows), target.take(&rows))
}

#[cfg(test)]
#[path = "trees_tests.rs"]
mod tests;
