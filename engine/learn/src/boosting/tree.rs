//! One tree, grown leaf by leaf: the leaf is divided next that gains most (Shi 2007; LightGBM, Ke et al. 2017).

use super::{
    Rules,
    histogram::{Layout, Sums, subtract},
    split::{Rule, Search, Split},
    table::{Kind, Table},
};
use crate::monotone::Bounds;
use trainyard_infer::{
    LoadError,
    ensemble::{self, Ensemble, Source},
};
use trainyard_types::monotone::Direction;

/// What all trees are grown from.
pub struct Ground<'a> {
    pub table: &'a Table,
    pub kinds: &'a [Kind],
    pub rules: &'a Rules,
    /// Of each feature.
    pub directions: &'a [Option<Direction>],
}

#[derive(Clone, Debug)]
pub enum Node {
    /// With the children's numbers.
    Split(Box<Split>, usize, usize),
    /// What it adds to a row's score.
    Leaf(f32),
}

/// A tree, the root first.
#[derive(Clone, Debug)]
pub struct Tree {
    pub nodes: Vec<Node>,
}

/// The rows of a leaf, those of a tree side by side.
struct Open {
    node: usize,
    from: usize,
    to: usize,
    output: f64,
    histogram: Vec<Sums>,
    split: Option<Split>,
}

/// A grown tree and which rows fell into each leaf.
pub struct Grown {
    pub tree: Tree,
    /// The node of a leaf, and where its rows stand in [`Grown::rows`].
    pub leaves: Vec<(usize, std::ops::Range<usize>)>,
    pub rows: Vec<u32>,
}

/// Grows a tree on these rows, by slopes and curvatures of the table's rows. Leaves hold outputs before the learning rate.
pub fn grow(ground: &Ground<'_>, layout: &Layout, mut rows: Vec<u32>, slopes: &[[f32; 2]]) -> Grown {
    let mut tree = Tree { nodes: vec![Node::Leaf(0.0)] };
    let mut whole = Sums::default();
    for &row in &rows {
        let [slope, curvature] = slopes[row as usize];
        whole.add(Sums { slope: f64::from(slope), curvature: f64::from(curvature), rows: 1.0 });
    }
    let mut histogram = Vec::new();
    layout.fill(ground.table, &rows, slopes, &mut histogram);
    let rules = ground.rules;
    let search = |whole: Sums, bounds: Bounds, histogram: &[Sums]| {
        Search::new(rules, ground.kinds, ground.directions, whole, bounds).best(layout, histogram)
    };
    let split = search(whole, Bounds::default(), &histogram);
    let output = super::split::output(whole, rules.reg_lambda, Bounds::default());
    let mut open = vec![Open { node: 0, from: 0, to: rows.len(), output, histogram, split }];
    let mut spare = Vec::new();
    while open.len() < rules.num_leaves {
        let gain = |leaf: &Open| leaf.split.as_ref().map_or(f64::NEG_INFINITY, |split| split.gain);
        // The first of equals.
        let Some(next) = (0..open.len()).reduce(|a, b| if gain(&open[b]) > gain(&open[a]) { b } else { a }) else {
            break;
        };
        let Some(split) = open[next].split.take() else { break };
        let Open { node, from, to, histogram: mut larger, .. } = open.swap_remove(next);
        let middle = from + divide(&split, ground.table, &mut rows[from..to], &mut spare);
        let left_is_smaller = middle - from <= to - middle;
        let mut smaller = Vec::new();
        let few = if left_is_smaller { from..middle } else { middle..to };
        layout.fill(ground.table, &rows[few], slopes, &mut smaller);
        subtract(&mut larger, &smaller);
        let (left_sums, right_sums) = if left_is_smaller { (smaller, larger) } else { (larger, smaller) };
        let first = tree.nodes.len();
        for (at, side, histogram, span) in
            [(first, split.left, left_sums, (from, middle)), (first + 1, split.right, right_sums, (middle, to))]
        {
            tree.nodes.push(Node::Leaf(0.0));
            let split = search(side.sums, side.bounds, &histogram);
            open.push(Open { node: at, from: span.0, to: span.1, output: side.output, histogram, split });
        }
        tree.nodes[node] = Node::Split(Box::new(split), first, first + 1);
    }
    let leaves = open
        .into_iter()
        .map(|leaf| {
            tree.nodes[leaf.node] = Node::Leaf(leaf.output as f32);
            (leaf.node, leaf.from..leaf.to)
        })
        .collect();
    Grown { tree, leaves, rows }
}

/// Puts the rows that go left first, each side in its order; how many those are.
fn divide(split: &Split, table: &Table, rows: &mut [u32], spare: &mut Vec<u32>) -> usize {
    let column = table.column(split.feature);
    spare.clear();
    let mut end = 0;
    for at in 0..rows.len() {
        let row = rows[at];
        if split.is_left(column[row as usize]) {
            rows[end] = row;
            end += 1;
        } else {
            spare.push(row);
        }
    }
    rows[end..].copy_from_slice(spare);
    end
}

impl Tree {
    /// What the tree adds to a row's score.
    pub fn score(&self, table: &Table, row: usize) -> f32 {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf(value) => return *value,
                Node::Split(split, left, right) => {
                    at = if split.is_left(table.column(split.feature)[row]) { *left } else { *right };
                }
            }
        }
    }

    /// Adds the tree to an ensemble, on the sum of that number.
    pub fn push(&self, ensemble: &mut Ensemble, sum: usize, kinds: &[Kind]) -> Result<(), LoadError> {
        let sets: Vec<Vec<u8>> = self.nodes.iter().map(set).collect();
        ensemble.push_tree(sum, 1, 0, |number| {
            Some(match self.nodes.get(number)? {
                Node::Leaf(value) => Source::Leaf(vec![*value]),
                Node::Split(split, left, right) => Source::Split {
                    feature: split.feature,
                    rule: match (&split.rule, &kinds[split.feature]) {
                        // Beyond the last cut stands what is missing, and nothing else.
                        (Rule::UpTo(bin), Kind::Number(cuts)) => {
                            ensemble::Rule::Below(cuts.get(usize::from(*bin)).copied().unwrap_or(f64::INFINITY))
                        }
                        _ => ensemble::Rule::In(&sets[number]),
                    },
                    left: *left,
                    right: *right,
                    missing_left: split.missing_left,
                },
            })
        })
    }
}

/// The codes that go left, as bits: bins count from 0, codes from 1.
fn set(node: &Node) -> Vec<u8> {
    let Node::Split(split, ..) = node else { return Vec::new() };
    let Rule::Among(bits) = &split.rule else { return Vec::new() };
    let mut bytes = vec![0u8; 33];
    for bin in (0..256).filter(|bin| bits[bin / 64] >> (bin % 64) & 1 == 1) {
        bytes[(bin + 1) / 8] |= 1 << ((bin + 1) % 8);
    }
    let last = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    bytes.truncate(last);
    bytes
}
