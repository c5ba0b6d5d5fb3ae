//! Trees held to directions: what goes left of a split on such a feature stays on one side of what goes right.
//!
//! perpetual keeps a direction by the means of its nodes; the folds whose leaves make a probability, and its linear correction,
//! are not looked at. A value that is on the wrong side is brought to the middle between the two sides, all others stay.

use perpetual::{node::Node, tree::core::Tree};
use std::collections::HashMap;
use trainyard_infer::{LoadError, ensemble::Ensemble};
use trainyard_types::monotone::Direction;

/// The coefficients without those that go against their feature's direction. A feature's scale is positive.
pub fn coefficients(all: &[f64], weight: f64, directions: &[Option<Direction>]) -> Vec<f64> {
    let held = |(coefficient, direction): (&f64, Option<Direction>)| match direction {
        Some(Direction::Increasing) if coefficient * weight < 0.0 => 0.0,
        Some(Direction::Decreasing) if coefficient * weight > 0.0 => 0.0,
        _ => *coefficient,
    };
    all.iter().zip(directions.iter().copied().chain(std::iter::repeat(None))).map(held).collect()
}

/// Adds the tree with leaves of `width` values, beginning with the first sum.
pub fn push(
    ensemble: &mut Ensemble,
    tree: &Tree,
    width: usize,
    directions: &[Option<Direction>],
    leaf: &dyn Fn(&Node, usize) -> Vec<f32>,
) -> Result<(), LoadError> {
    if directions.iter().all(Option::is_none) {
        return super::push(ensemble, tree, 0, width, leaf);
    }
    let all = tree.nodes.iter().filter(|(_, node)| node.is_leaf);
    let mut leaves: HashMap<usize, Vec<f32>> = all.map(|(number, node)| (*number, leaf(node, *number))).collect();
    let whole = (vec![f32::NEG_INFINITY; width], vec![f32::INFINITY; width]);
    let mut open = vec![(0, whole)];
    while let Some((number, (low, high))) = open.pop() {
        let Some(node) = tree.nodes.get(&number) else { continue };
        if node.is_leaf {
            for (value, (low, high)) in leaves.entry(number).or_default().iter_mut().zip(low.iter().zip(&high)) {
                *value = value.max(*low).min(*high);
            }
            continue;
        }
        let sides = [node.left_child, node.right_child];
        let Some(direction) = directions.get(node.split_feature).copied().flatten() else {
            open.extend(sides.map(|side| (side, (low.clone(), high.clone()))));
            continue;
        };
        // What is to stay below, and what above.
        let [lower, upper] = match direction {
            Direction::Increasing => sides,
            Direction::Decreasing => [sides[1], sides[0]],
        };
        let within = |value: f32, at: usize| value.max(low[at]).min(high[at]);
        let below = extreme(tree, &leaves, lower, width, f32::max);
        let above = extreme(tree, &leaves, upper, width, f32::min);
        let middle: Vec<f32> = (0..width).map(|at| within(below[at], at) / 2.0 + within(above[at], at) / 2.0).collect();
        open.push((lower, (low, middle.clone())));
        open.push((upper, (middle, high)));
    }
    super::push(ensemble, tree, 0, width, &|_, number| leaves.get(&number).cloned().unwrap_or_default())
}

/// The greatest or least value of each sum among the leaves below a node.
fn extreme(
    tree: &Tree,
    leaves: &HashMap<usize, Vec<f32>>,
    root: usize,
    width: usize,
    pick: impl Fn(f32, f32) -> f32,
) -> Vec<f32> {
    // NaN gives way to any number in `max` and `min`.
    let mut found = vec![f32::NAN; width];
    let mut open = vec![root];
    while let Some(number) = open.pop() {
        let Some(node) = tree.nodes.get(&number) else { continue };
        match leaves.get(&number) {
            Some(values) => found.iter_mut().zip(values).for_each(|(found, value)| *found = pick(*found, *value)),
            None => open.extend([node.left_child, node.right_child]),
        }
    }
    found
}
