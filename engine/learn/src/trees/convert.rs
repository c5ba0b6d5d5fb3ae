//! perpetual's boosters as infer's flat ensemble, number for number, in the target's unit.

mod held;

use super::Unit;
use perpetual::{MultiOutputBooster, PerpetualBooster, node::Node, tree::core::Tree};
use trainyard_infer::{
    LoadError,
    ensemble::{Ensemble, Head, LinearCorrection, Rule, Source},
};
use trainyard_types::monotone::Direction;

/// Folds whose leaf values perpetual keeps apart for classification.
const FOLDS: usize = 5;

/// A booster of one output: regression by `predict`, or two classes by `predict_proba`. Held to the features' `directions`;
/// where there are none, number for number.
pub(super) fn single(
    booster: &PerpetualBooster,
    directions: &[Option<Direction>],
    unit: &Unit,
) -> Result<Ensemble, LoadError> {
    let features = directions.len();
    if !matches!(booster.cfg.objective, perpetual::objective::Objective::LogLoss) {
        let (base, scale, low, high) = match *unit {
            Unit::Rate { mean, low, high } => (booster.base_score + mean.ln(), 1.0, low, high),
            Unit::Distance { centre, scale } => (booster.base_score * scale + centre, scale, 0.0, 0.0),
        };
        // perpetual makes one for the squared error alone, whose target is measured as it is.
        let linear = booster.regression_head.as_ref().map(|head| LinearCorrection {
            means: head.feature_means.clone(),
            scales: head.feature_scales.clone(),
            coefficients: held::coefficients(&head.coefficients, head.blend_weight, directions),
            intercept: head.intercept,
            weight: head.blend_weight,
        });
        let rates = matches!(unit, Unit::Rate { .. });
        let head = if rates { Head::Rate { low, high } } else { Head::Value { linear } };
        let mut ensemble = Ensemble::new(features, vec![base], head);
        for tree in &booster.trees {
            held::push(&mut ensemble, tree, 1, directions, &|node, _| {
                vec![(f64::from(node.weight_value) * scale) as f32]
            })?;
        }
        return Ok(ensemble);
    }
    let mut ensemble = Ensemble::new(features, vec![booster.base_score; FOLDS], Head::Binary);
    for tree in &booster.trees {
        held::push(&mut ensemble, tree, FOLDS, directions, &folds)?;
    }
    Ok(ensemble)
}

/// One booster a class, by `predict_proba`.
pub(super) fn several(booster: &MultiOutputBooster, features: usize) -> Result<Ensemble, LoadError> {
    let classes = booster.boosters.len();
    let rounds = booster.boosters.iter().map(|booster| booster.trees.len()).max().unwrap_or(0);
    if !booster.native_multiclass {
        // `multiclass_probability_alpha` and `_beta` of booster/predict.rs, which are private.
        let alpha = match classes {
            3 => 0.25,
            4 | 5 => 0.5,
            _ => 0.0,
        };
        let head = Head::OneVsRest { folds: FOLDS, alpha, beta: 0.25, priors: booster.class_priors.clone() };
        let base = booster.boosters.iter().flat_map(|booster| [booster.base_score; FOLDS]).collect();
        let mut ensemble = Ensemble::new(features, base, head);
        // Round by round, so that the first trees are the first rounds of every class.
        for round in 0..rounds {
            for (class, booster) in booster.boosters.iter().enumerate() {
                if let Some(tree) = booster.trees.get(round) {
                    push(&mut ensemble, tree, class * FOLDS, FOLDS, &folds)?;
                }
            }
        }
        return Ok(ensemble);
    }
    // `native_multiclass_temperature` of booster/predict.rs.
    let temperature = match classes {
        0..=4 => 1.0,
        5 => 1.5,
        6..=8 => 2.0,
        _ => 1.75,
    };
    let base = booster.boosters.iter().map(|booster| booster.base_score).collect();
    let mut ensemble = Ensemble::new(features, base, Head::Softmax { temperature });
    for round in 0..rounds {
        let trees: Vec<&Tree> = booster.boosters.iter().filter_map(|booster| booster.trees.get(round)).collect();
        let Some((&first, rest)) = trees.split_first() else { continue };
        if trees.len() == classes && rest.iter().all(|tree| same_shape(first, tree)) {
            // The classes share the tree and differ in its leaves: one walk serves all.
            push(&mut ensemble, first, 0, classes, &|_, number| {
                trees.iter().map(|tree| tree.nodes.get(&number).map_or(f32::NAN, |node| node.weight_value)).collect()
            })?;
        } else {
            return Err(LoadError::part("the classes of one round have different trees"));
        }
    }
    Ok(ensemble)
}

fn folds(node: &Node, _number: usize) -> Vec<f32> {
    node.leaf_weights
        .unwrap_or_else(|| node.stats.as_ref().map_or([node.weight_value; FOLDS], |stats| stats.weights))
        .to_vec()
}

fn same_shape(left: &Tree, right: &Tree) -> bool {
    left.nodes.len() == right.nodes.len()
        && left.nodes.iter().all(|(number, a)| {
            right.nodes.get(number).is_some_and(|b| {
                a.is_leaf == b.is_leaf
                    && (a.is_leaf
                        || (a.split_feature, a.left_child, a.right_child, a.missing_node)
                            == (b.split_feature, b.left_child, b.right_child, b.missing_node)
                            && a.split_value.to_bits() == b.split_value.to_bits()
                            && a.left_cats == b.left_cats)
            })
        })
}

fn push(
    ensemble: &mut Ensemble,
    tree: &Tree,
    offset: usize,
    width: usize,
    leaf: &dyn Fn(&Node, usize) -> Vec<f32>,
) -> Result<(), LoadError> {
    ensemble.push_tree(offset, width, 0, |number| {
        let node = tree.nodes.get(&number)?;
        if node.is_leaf {
            return Some(Source::Leaf(leaf(node, number)));
        }
        // Boosters are set up without branches for missing values: those go left or right.
        if node.missing_node != node.left_child && node.missing_node != node.right_child {
            return None;
        }
        Some(Source::Split {
            feature: node.split_feature,
            rule: node.left_cats.as_deref().map_or(Rule::Below(node.split_value), Rule::In),
            left: node.left_child,
            right: node.right_child,
            missing_left: node.missing_node == node.left_child,
        })
    })
}
