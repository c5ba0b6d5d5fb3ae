//! One tree: from a sample of the rows to its leaves, the most promising node first.

use super::{
    bins::{Binned, Outcome},
    split::{Found, Places, Rows, Split, purity},
};
use crate::{monotone::Bounds, net::random::Random};
use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    sync::atomic::{self, AtomicBool},
};
use trainyard_types::monotone::Direction;

/// How trees grow; words and meanings are scikit-learn's.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Features that a split looks at, 1 or more; further ones where none of them divides the rows.
    pub max_features: usize,
    pub min_samples_leaf: usize,
    pub max_depth: usize,
    /// The nodes with the greatest decrease of impurity are divided until there are so many leaves.
    pub max_leaf_nodes: usize,
    /// Whether a tree sees a sample of the rows drawn with replacement, or each row once.
    pub bootstrap: bool,
}

/// What all trees are grown from.
pub struct Ground<'a> {
    pub table: &'a Binned,
    pub outcome: &'a Outcome,
    pub weights: Option<&'a [f64]>,
    pub rules: &'a Rules,
    /// Of each feature.
    pub directions: &'a [Option<Direction>],
    pub seed: u64,
    /// Rows of which each tree notes whether they were in its sample.
    pub watched: &'a [u32],
}

/// A node; a leaf has no split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    pub split: Option<Split>,
    /// Of a split the left child, which the right one follows; of a leaf where its values begin in [`Tree::values`].
    pub at: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// The root first.
    pub nodes: Vec<Node>,
    /// The means of the leaves' rows: of the numbers, or each class's share.
    pub values: Vec<f32>,
    /// A bit for each watched row: whether it was in the sample.
    sampled: Vec<u64>,
}

impl Tree {
    /// Where the values of the row's leaf begin.
    pub fn leaf(&self, table: &Binned, row: usize) -> usize {
        let mut at = 0;
        loop {
            let node = self.nodes[at];
            let Some(split) = node.split else { return node.at as usize };
            let left = split.left(table.column(split.feature as usize)[row]);
            at = node.at as usize + usize::from(!left);
        }
    }

    /// Whether the watched row of that number was in the sample.
    pub fn saw(&self, watched: usize) -> bool {
        self.sampled[watched / 64] >> (watched % 64) & 1 == 1
    }
}

/// A node that can be divided: its rows, how deep it lies, and how.
struct Open {
    node: usize,
    from: usize,
    to: usize,
    depth: usize,
    found: Found,
    /// The weighted decrease of impurity.
    gain: f64,
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    /// The greater gain comes first, of equals the older node.
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain.total_cmp(&other.gain).then(other.node.cmp(&self.node))
    }
}

/// Grows trees one after the other in the same memory. A tree depends on the seed and its number only.
pub struct Grower<'a> {
    ground: &'a Ground<'a>,
    places: Places,
    /// What each row counts in the tree's sample.
    weights: Vec<f64>,
    /// The sample's rows, those of a node side by side.
    rows: Vec<u32>,
    spare: Vec<u32>,
    features: Vec<u32>,
    random: Random,
    tree: Tree,
    /// The means of each node that may stay a leaf.
    means: Vec<Vec<f64>>,
    open: BinaryHeap<Open>,
}

impl<'a> Grower<'a> {
    pub fn new(ground: &'a Ground<'a>) -> Self {
        Self {
            ground,
            places: Places::new(ground.outcome.width()),
            weights: Vec::new(),
            rows: Vec::new(),
            spare: Vec::new(),
            features: Vec::new(),
            random: Random::new(ground.seed, 0),
            tree: Tree::default(),
            means: Vec::new(),
            open: BinaryHeap::new(),
        }
    }

    /// The tree of that number; `None` where `stop` is set meanwhile.
    pub fn grow(&mut self, number: usize, stop: &AtomicBool) -> Option<Tree> {
        self.random = Random::new(self.ground.seed, number as u64);
        self.features = (0..self.ground.table.features() as u32).collect();
        (self.tree, self.means) = (Tree::default(), Vec::new());
        self.open.clear();
        self.sample();
        self.add(0, self.rows.len(), 0, Bounds::default());
        let mut leaves = 1;
        while leaves < self.ground.rules.max_leaf_nodes
            && let Some(Open { node, from, to, depth, found, .. }) = self.open.pop()
        {
            if stop.load(atomic::Ordering::Relaxed) {
                return None;
            }
            let middle = self.divide(found.split, from, to);
            let [left, right] = found.sides;
            self.tree.nodes[node] = Node { split: Some(found.split), at: self.tree.nodes.len() as u32 };
            self.means[node] = Vec::new();
            leaves += 1;
            self.add(from, middle, depth + 1, left);
            self.add(middle, to, depth + 1, right);
        }
        let mut tree = std::mem::take(&mut self.tree);
        for (node, means) in tree.nodes.iter_mut().zip(self.means.drain(..)).filter(|(node, _)| node.split.is_none()) {
            node.at = tree.values.len() as u32;
            tree.values.extend(means.into_iter().map(|mean| mean as f32));
        }
        Some(tree)
    }

    /// Draws the tree's rows. Those that count nothing are left out.
    fn sample(&mut self) {
        let rows = self.ground.table.rows;
        self.weights.clear();
        if self.ground.rules.bootstrap {
            self.weights.resize(rows, 0.0);
            (0..rows).for_each(|_| self.weights[self.random.below(rows)] += 1.0);
        } else {
            self.weights.resize(rows, 1.0);
        }
        self.tree.sampled = vec![0; self.ground.watched.len().div_ceil(64)];
        for (place, &row) in self.ground.watched.iter().enumerate() {
            self.tree.sampled[place / 64] |= u64::from(self.weights[row as usize] > 0.0) << (place % 64);
        }
        if let Some(weights) = self.ground.weights {
            self.weights.iter_mut().zip(weights).for_each(|(count, weight)| *count *= weight);
        }
        self.rows.clear();
        self.rows.extend((0..rows as u32).filter(|&row| self.weights[row as usize] > 0.0));
    }

    /// Adds a node with these rows as a leaf, and notes how it could be divided.
    fn add(&mut self, from: usize, to: usize, depth: usize, bounds: Bounds) {
        let node = self.tree.nodes.len();
        self.tree.nodes.push(Node { split: None, at: 0 });
        let (outcome, rules) = (self.ground.outcome, self.ground.rules);
        let rows = &self.rows[from..to];
        let mut sums = vec![0.0; outcome.width()];
        let mut total = 0.0;
        for &row in rows {
            total += self.weights[row as usize];
            outcome.add(row as usize, self.weights[row as usize], &mut sums);
        }
        // Without a row that counts (all weights of a sample may be 0) every class is as likely; numbers are 0, the mean.
        let mean = |sum: &f64| match outcome {
            _ if total > 0.0 => sum / total,
            Outcome::Numbers(_) => 0.0,
            Outcome::Classes(_, count) => 1.0 / *count as f64,
        };
        let mut means: Vec<f64> = sums.iter().map(mean).collect();
        if let [only] = means.as_mut_slice() {
            *only = only.max(bounds.low).min(bounds.high);
        }
        self.means.push(means);
        let pure = rows.windows(2).all(|pair| outcome.alike(pair[0] as usize, pair[1] as usize));
        if pure || depth >= rules.max_depth || rows.len() < 2 * rules.min_samples_leaf {
            return;
        }
        let seen =
            Rows { rows, weights: &self.weights, total, sums: &sums, bounds, min_samples_leaf: rules.min_samples_leaf };
        let mut best: Option<Found> = None;
        for place in 0..self.features.len() {
            if place >= rules.max_features && best.is_some() {
                break;
            }
            let other = place + self.random.below(self.features.len() - place);
            self.features.swap(place, other);
            let feature = self.features[place] as usize;
            let (bins, last) = (self.ground.table.column(feature), self.ground.table.cuts[feature].last());
            let direction = self.ground.directions.get(feature).copied().flatten();
            let found = self.places.best(feature as u32, bins, last, direction, &seen, outcome);
            if let Some(found) = found
                && best.is_none_or(|best| found.purity > best.purity)
            {
                best = Some(found);
            }
        }
        if let Some(found) = best {
            let gain = found.purity - purity(sums.iter().copied(), total);
            self.open.push(Open { node, from, to, depth, found, gain });
        }
    }

    /// Puts the rows that go left before the others, each side in its order, and says where the right side begins.
    fn divide(&mut self, split: Split, from: usize, to: usize) -> usize {
        let bins = self.ground.table.column(split.feature as usize);
        self.spare.clear();
        let mut end = from;
        for at in from..to {
            let row = self.rows[at];
            if split.left(bins[row as usize]) {
                self.rows[end] = row;
                end += 1;
            } else {
                self.spare.push(row);
            }
        }
        self.rows[end..to].copy_from_slice(&self.spare);
        end
    }
}
