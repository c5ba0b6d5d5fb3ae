//! Random forests (Breiman 2001): trees that are grown apart from each other, each on a sample of the rows and of the columns
//! at every split, and averaged.

mod bins;
mod grow;
mod order;
mod out_of_bag;
mod split;
mod workers;

use crate::{
    FitError, FitOptions, Fitted, Observer, TrainData, monotone,
    trees::{self, problem, stages, thinned},
};
use bins::{Binned, Cuts, Outcome};
use grow::{Ground, Rules, Tree};
use std::{collections::BTreeMap, time::Instant};
use trainyard_assess::metrics;
use trainyard_infer::{
    Predictions, Predictor, Target,
    ensemble::{Ensemble, Head, Rule, Source},
    trees::{TreeEncoder, TreesModel},
};
use trainyard_types::run::{MetricPoint, Task};

/// What a forest may have by default: the most of them that fit the time budget. Few figures, so that budgets that are nearly
/// alike give the same forest.
const TREES: [usize; 10] = [10, 20, 30, 50, 75, 100, 150, 200, 300, 500];
/// Rows times columns looked at times levels of a tree that are got through in a second: rough, for two cores.
const CELLS_A_SECOND: f64 = 4e7;
/// What a model may take, bytes. Each tree has its part of it, and no more leaves than fit there.
const MODEL_BYTES: usize = 100_000_000;
/// Bytes of a leaf with the split that made it, besides the leaf's values; and of a split's set of categories.
const LEAF_BYTES: usize = 32;
const SET_BYTES: usize = 33;
/// Rows of each part that the curves are drawn from.
const CURVE_ROWS: usize = 5_000;
const CURVE_POINTS: usize = 20;

/// Fits a random forest. Splits are looked for among 255 bins of a column, missing values go to the side where impurity
/// decreases more, and categories stand in the order of their outcomes. `options.budget_seconds` limits the trees, by the
/// number of rows and columns and not by a clock, and neither the number of threads nor anything else of the machine changes
/// a tree: the same options give the same forest everywhere. A model stays under about 100 MB: trees divide the nodes where
/// that helps most until their part of it is full. `epochs`, `device` and `resume` change nothing.
///
/// # Errors
/// There are no train rows, or the observer cancels, which is asked between splits.
pub fn fit(
    data: &TrainData<'_>,
    options: &FitOptions,
    _resume: Option<&[u8]>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let start = Instant::now();
    let encoder = trees::encoder(data, observer)?;
    let plan = Plan::new(data, options, &encoder);
    observer.log(&format!(
        "Random forest: {} rows, {} features, {} of them at a split, {} trees of at most {} leaves",
        data.train.rows, plan.features, plan.rules.max_features, plan.trees, plan.rules.max_leaf_nodes
    ));
    let weights = data.weights.map(|weights| weights.train);
    let centre = centre(data);
    let outcome = outcome(data, centre);
    let (ensemble, unseen) = if plan.features == 0 {
        observer.log("No column varies: the model answers every row alike.");
        (constant(data, &outcome, weights, centre), None)
    } else {
        let features = encoder.encode(data.train).map_err(problem)?;
        let table = Binned::new(&encoder, &features, data.train.rows, &outcome, weights);
        drop(features);
        let watched = out_of_bag::watched(data.train.rows, outcome.width());
        let ground = Ground {
            table: &table,
            outcome: &outcome,
            weights,
            rules: &plan.rules,
            directions: &monotone::of_features(&encoder, &options.monotone),
            seed: options.seed,
            watched: &watched,
        };
        let trees = workers::grow(&ground, plan.trees, workers::threads(), observer)?;
        observer.progress(0.9, "asking trees about rows they did not see", None);
        let unseen = out_of_bag::ask(data, &ground, &trees, centre);
        (convert(data, &table, &outcome, &trees, centre).map_err(problem)?, unseen)
    };
    if observer.cancelled() {
        return Err(FitError::Cancelled);
    }
    let model = TreesModel::new(encoder, ensemble).map_err(problem)?;
    observer.progress(0.94, "scoring trees", None);
    observer.metrics(&curve(data, &model, centre)?);
    let seconds = start.elapsed().as_secs_f64();
    let (trees, nodes) = (model.ensemble().trees(), model.ensemble().nodes());
    let score = unseen.as_ref().and_then(|unseen| {
        let target = data.train_target.take(&unseen.rows);
        Some(metrics::primary(data.task, &target, &unseen.predictions)).filter(|score| score.is_finite())
    });
    let bag = score.map_or(String::new(), |score| format!(", out-of-bag {} {score:.4}", data.task.primary_metric()));
    observer.log(&format!("Random forest: {trees} trees, {nodes} nodes{bag}, {seconds:.1} s"));
    observer.progress(1.0, "forest fitted", None);
    Ok(Fitted {
        model: data.model(Predictor::Forest(model)),
        epochs: trees as u64,
        rows_per_second: data.train.rows as f64 * trees as f64 / seconds.max(1e-9),
        seconds,
        parameters: plan.parameters(trees, nodes, score, data.task),
        unseen,
    })
}

/// What is decided before the fit.
struct Plan {
    features: usize,
    trees: usize,
    rules: Rules,
}

impl Plan {
    fn new(data: &TrainData<'_>, options: &FitOptions, encoder: &TreeEncoder) -> Self {
        let features = encoder.width();
        // scikit-learn's defaults: max_features "sqrt" for classes, 1.0 for numbers.
        let looked_at = match options.set("forest.max_features") {
            Some(share) => (share * features as f64) as usize,
            None if data.task == Task::Regression => features,
            None => (features as f64).sqrt() as usize,
        };
        let max_features = looked_at.clamp(1, features.max(1));
        let least = options.set("forest.min_samples_leaf").map_or(1, |set| set as usize).max(1);
        let depth = options.set("forest.max_depth").map_or(usize::MAX, |set| set as usize);
        let rows = data.train.rows as f64;
        let levels = (rows / least as f64).log2().clamp(1.0, 64.0).min(depth as f64);
        let classes = data.classes.len() as f64;
        let seconds_a_tree = rows * max_features as f64 * levels * (1.0 + classes / 20.0) / CELLS_A_SECOND;
        let affordable = (options.budget_seconds.max(1.0) / seconds_a_tree.max(1e-9)) as usize;
        let by_budget = TREES.into_iter().rev().find(|&trees| trees <= affordable).unwrap_or(TREES[0]);
        let trees = options.set("forest.trees").map_or(by_budget, |set| set as usize).max(1);
        let set = if encoder.categorical().is_empty() { 0 } else { SET_BYTES };
        let leaf = LEAF_BYTES + set + 4 * data.classes.len().max(1);
        Self {
            features,
            trees,
            rules: Rules {
                max_features,
                min_samples_leaf: least,
                max_depth: depth,
                max_leaf_nodes: (MODEL_BYTES / trees / leaf).max(2),
                bootstrap: true,
            },
        }
    }

    fn parameters(&self, trees: usize, nodes: usize, out_of_bag: Option<f64>, task: Task) -> BTreeMap<String, String> {
        let depth = match self.rules.max_depth {
            usize::MAX => "none".to_owned(),
            depth => depth.to_string(),
        };
        let score = out_of_bag.map(|score| (format!("oob_{}", task.primary_metric()), format!("{score:.4}")));
        [
            ("features", self.features.to_string()),
            ("max_features", self.rules.max_features.to_string()),
            ("min_samples_leaf", self.rules.min_samples_leaf.to_string()),
            ("max_depth", depth),
            ("max_leaf_nodes", self.rules.max_leaf_nodes.to_string()),
            ("trees", trees.to_string()),
            ("nodes", nodes.to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .chain(score)
        .collect()
    }
}

/// What numbers are learned less, so that none of their digits are lost: their mean. 0 for classes.
fn centre(data: &TrainData<'_>) -> f64 {
    match data.train_target {
        Target::Values(values) => values.iter().map(|value| value / values.len() as f64).sum(),
        Target::Classes(_) => 0.0,
    }
}

fn outcome(data: &TrainData<'_>, centre: f64) -> Outcome {
    match data.train_target {
        Target::Values(values) => Outcome::Numbers(values.iter().map(|value| value - centre).collect()),
        Target::Classes(classes) if data.classes.len() == 2 => {
            Outcome::Numbers(classes.iter().map(|&class| f64::from(class)).collect())
        }
        Target::Classes(classes) => Outcome::Classes(classes.clone(), data.classes.len()),
    }
}

/// A leaf's mean as shares of the classes; numbers stay as they are.
fn shares(task: Task, mean: &[f32]) -> Vec<f64> {
    match mean {
        [second] if task.is_classification() => vec![1.0 - f64::from(*second), f64::from(*second)],
        mean => mean.iter().map(|&mean| f64::from(mean)).collect(),
    }
}

/// The ensemble without trees.
fn constant(data: &TrainData<'_>, outcome: &Outcome, weights: Option<&[f64]>, centre: f64) -> Ensemble {
    let mut sums = vec![0.0; outcome.width()];
    let mut total = 0.0;
    for row in 0..data.train.rows {
        let weight = weights.map_or(1.0, |weights| weights[row]);
        total += weight;
        outcome.add(row, weight, &mut sums);
    }
    let mean: Vec<f32> = sums.iter().map(|sum| (sum / total.max(f64::MIN_POSITIVE)) as f32).collect();
    let base = shares(data.task, &mean);
    match data.task {
        Task::Regression => Ensemble::new(0, vec![centre + base[0]], Head::Value { linear: None }),
        _ => Ensemble::new(0, base, Head::Shares),
    }
}

/// The trees as infer's flat ensemble. A regression's leaves are divided by their number; of classes the head makes
/// probabilities of the sums of shares.
fn convert(
    data: &TrainData<'_>,
    table: &Binned,
    outcome: &Outcome,
    trees: &[Tree],
    centre: f64,
) -> Result<Ensemble, trainyard_infer::LoadError> {
    let regression = data.task == Task::Regression;
    let (width, base, head) = if regression {
        (1, vec![centre], Head::Value { linear: None })
    } else {
        (data.classes.len(), vec![0.0; data.classes.len()], Head::Shares)
    };
    let parts = if regression { trees.len() as f64 } else { 1.0 };
    let mut ensemble = Ensemble::new(table.features(), base, head);
    for tree in trees {
        // Sets of categories, which have to outlive the nodes that name them.
        let sets: Vec<Vec<u8>> = tree
            .nodes
            .iter()
            .map(|node| node.split.map_or(Vec::new(), |split| table.cuts[split.feature as usize].set(split.bin)))
            .collect();
        ensemble.push_tree(0, width, 0, |number| {
            let node = tree.nodes.get(number)?;
            let at = node.at as usize;
            let Some(split) = node.split else {
                let mean = tree.values.get(at..at + outcome.width())?;
                return Some(Source::Leaf(
                    shares(data.task, mean).into_iter().map(|share| (share / parts) as f32).collect(),
                ));
            };
            let cuts = &table.cuts[split.feature as usize];
            let rule = match cuts {
                Cuts::Numbers(_) => Rule::Below(cuts.threshold(split.bin)),
                Cuts::Categories(_) => Rule::In(&sets[number]),
            };
            let feature = split.feature as usize;
            Some(Source::Split { feature, rule, left: at, right: at + 1, missing_left: split.missing_left })
        })?;
    }
    Ok(ensemble)
}

/// The metrics on train and validation rows with a growing number of trees (each part thinned to 5,000 rows).
fn curve(data: &TrainData<'_>, model: &TreesModel, centre: f64) -> Result<Vec<MetricPoint>, FitError> {
    let mut points = Vec::new();
    let names: &[&str] =
        if data.task == Task::Regression { &["rmse"] } else { &["log_loss", data.task.primary_metric()] };
    let all = model.ensemble().trees();
    let steps = stages(all, CURVE_POINTS);
    for (part, frame, target) in [("train", data.train, data.train_target), ("valid", data.valid, data.valid_target)] {
        let (frame, target) = thinned(frame, target, CURVE_ROWS);
        if frame.rows == 0 {
            continue;
        }
        for (step, predictions) in steps.iter().zip(model.predict_stages(&frame, &steps).map_err(problem)?) {
            let predictions = match predictions {
                // The leaves are parts of the whole forest's mean.
                Predictions::Values(values) => {
                    let larger = all as f64 / *step as f64;
                    Predictions::Values(values.into_iter().map(|value| centre + (value - centre) * larger).collect())
                }
                shares => shares,
            };
            let scores = metrics::score(data.task, &target, &predictions);
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

#[cfg(test)]
mod tests;
