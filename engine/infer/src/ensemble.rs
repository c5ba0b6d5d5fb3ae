//! Tree ensembles laid out flat: 16 bytes a node, siblings side by side, leaves apart.

mod stored;
#[cfg(test)]
mod tests;

use crate::error::LoadError;
use serde::{Deserialize, Serialize};

/// A leaf; otherwise a split.
const LEAF: u32 = 1 << 31;
/// The upper half of a leaf's bits: a NaN's, so that no value is at least as great and a walk stays where it is.
const NAN: u64 = 0x7ff8_0000 << 32;
/// The split asks for membership in a set of categories.
const CATEGORY: u32 = 1 << 30;
/// Missing values go left.
const MISSING_LEFT: u32 = 1 << 29;
const INDEX: u32 = MISSING_LEFT - 1;
/// Rows that pass through one tree before the next, so that the tree stays in the cache.
const BLOCK: usize = 64;
/// Walks that go down side by side: each step waits for memory, and the others fill the wait.
const LANES: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    /// Split on a number: the threshold's bits, below it is left. On a category: where its set starts in `sets`
    /// (upper half) and how many bytes it has (lower half). Leaf: a NaN with the start of its values in `leaves` in the
    /// lower half.
    bits: u64,
    /// Split: the left child, the right one follows it. Leaf: itself.
    child: u32,
    /// The feature and the flags.
    feature: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Tree {
    root: u32,
    /// The first sum that the tree's leaves add to, and how many.
    offset: u32,
    width: u32,
}

/// How the sums become an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Head {
    /// Regression: the one sum, plus the linear correction if there is one.
    Value { linear: Option<LinearCorrection> },
    /// Counts and rates: e to the power of the one sum, held within `low` and `high`.
    Rate { low: f64, high: f64 },
    /// Two classes: the mean over all sums of their sigmoids is the second class's probability (each sum comes from one
    /// of perpetual's five folds).
    Binary,
    /// Several classes, `folds` sums each: the mean of the sigmoids gives `p`; `p / (1 - p)^alpha / prior^beta`,
    /// normalised, is the probability (perpetual's coupling of one-against-rest boosters).
    OneVsRest { folds: usize, alpha: f64, beta: f64, priors: Vec<f64> },
    /// Several classes, one sum each: softmax of the sums over `temperature`.
    Softmax { temperature: f64 },
    /// Two classes or more, one sum each, which are shares: their part of the total is the probability (random forests).
    Shares,
}

/// What perpetual adds to the trees on small numeric regressions: `weight * (intercept + coefficients . z)` with
/// `z = (x - mean) / scale`, 0 where x is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearCorrection {
    pub means: Vec<f64>,
    pub scales: Vec<f64>,
    pub coefficients: Vec<f64>,
    pub intercept: f64,
    pub weight: f64,
}

/// One node of a tree.
pub enum Source<'a> {
    Leaf(Vec<f32>),
    Split { feature: usize, rule: Rule<'a>, left: usize, right: usize, missing_left: bool },
}

/// What goes left.
pub enum Rule<'a> {
    Below(f64),
    /// Category `c` where bit `c % 8` of byte `c / 8` is set; bytes beyond the end are 0.
    In(&'a [u8]),
}

/// A tree as [`Ensemble::tree`] gives it.
pub struct PlainTree<'a> {
    /// The first sum that the leaves add to, and how many.
    pub offset: usize,
    pub width: usize,
    pub nodes: Vec<Source<'a>>,
}

/// Trees whose leaves add to a few sums, and what is made of the sums.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    features: usize,
    base: Vec<f64>,
    head: Head,
    trees: Vec<Tree>,
    nodes: Vec<Node>,
    leaves: Vec<f32>,
    sets: Vec<u8>,
}

impl Ensemble {
    /// No trees yet: every row's sums are `base`. The head decides how many sums there have to be.
    pub fn new(features: usize, base: Vec<f64>, head: Head) -> Self {
        Self { features, base, head, trees: Vec::new(), nodes: Vec::new(), leaves: Vec::new(), sets: Vec::new() }
    }

    /// Numbers that each row has to bring.
    pub fn features(&self) -> usize {
        self.features
    }
    /// Keeps the first `trees` trees only.
    pub fn truncate(&mut self, trees: usize) {
        let Some(end) = self.trees.get(trees).map(|tree| tree.root as usize) else { return };
        self.trees.truncate(trees);
        self.nodes.truncate(end);
        // Trees are added whole, so that leaves and sets lie in the trees' order too.
        let mut leaves = 0;
        let mut sets = 0;
        for tree in 0..self.trees.len() {
            let Tree { root, width, .. } = self.trees[tree];
            let end = self.trees.get(tree + 1).map_or(self.nodes.len(), |next| next.root as usize);
            for node in &self.nodes[root as usize..end] {
                if node.feature & LEAF != 0 {
                    leaves = leaves.max((node.bits & 0xffff_ffff) as usize + width as usize);
                } else if node.feature & CATEGORY != 0 {
                    sets = sets.max(((node.bits >> 32) + (node.bits & 0xffff_ffff)) as usize);
                }
            }
        }
        self.leaves.truncate(leaves);
        self.sets.truncate(sets);
    }

    pub fn trees(&self) -> usize {
        self.trees.len()
    }
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }
    /// The sums before the first tree.
    pub fn base(&self) -> &[f64] {
        &self.base
    }
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// A tree's nodes, the root first; children are named by their place in that list.
    ///
    /// # Panics
    /// If there is no tree of that number.
    pub fn tree(&self, number: usize) -> PlainTree<'_> {
        let Tree { root, offset, width } = self.trees[number];
        let end = self.trees.get(number + 1).map_or(self.nodes.len(), |next| next.root as usize);
        let plain = |node: &Node| {
            let (from, length) = ((node.bits >> 32) as usize, (node.bits & 0xffff_ffff) as usize);
            if node.feature & LEAF != 0 {
                return Source::Leaf(self.leaves[length..length + width as usize].to_vec());
            }
            let left = (node.child - root) as usize;
            Source::Split {
                feature: (node.feature & INDEX) as usize,
                rule: if node.feature & CATEGORY != 0 {
                    Rule::In(&self.sets[from..from + length])
                } else {
                    Rule::Below(f64::from_bits(node.bits))
                },
                left,
                right: left + 1,
                missing_left: node.feature & MISSING_LEFT != 0,
            }
        };
        let nodes = self.nodes[root as usize..end].iter().map(plain).collect();
        PlainTree { offset: offset as usize, width: width as usize, nodes }
    }

    /// Numbers that an answer has: 1 for regression, otherwise one a class.
    pub fn outputs(&self) -> usize {
        match &self.head {
            Head::Value { .. } | Head::Rate { .. } => 1,
            Head::Binary => 2,
            Head::OneVsRest { priors, .. } => priors.len(),
            Head::Softmax { .. } | Head::Shares => self.base.len(),
        }
    }

    /// Adds a tree whose leaves hold `width` values that go to the sums from `offset` on. `node` gives the source's nodes
    /// by their own numbers, beginning with `root`.
    pub fn push_tree<'a>(
        &mut self,
        offset: usize,
        width: usize,
        root: usize,
        node: impl Fn(usize) -> Option<Source<'a>>,
    ) -> Result<(), LoadError> {
        let broken = |what: &str| LoadError::part(format!("a tree {what}"));
        let start = self.nodes.len();
        if width == 0 || offset + width > self.base.len() {
            return Err(broken("adds to sums that are not there"));
        }
        self.trees.push(Tree { root: start as u32, offset: offset as u32, width: width as u32 });
        let blank = Node { bits: 0, child: 0, feature: 0 };
        self.nodes.push(blank);
        let mut open = std::collections::VecDeque::from([(start, root)]);
        while let Some((at, number)) = open.pop_front() {
            self.nodes[at] = match node(number).ok_or_else(|| broken("names a node that is not there"))? {
                Source::Leaf(values) => {
                    if values.len() != width {
                        return Err(broken("has a leaf of the wrong width"));
                    }
                    let bits = NAN | self.leaves.len() as u64;
                    self.leaves.extend(values);
                    Node { bits, child: at as u32, feature: LEAF | MISSING_LEFT }
                }
                Source::Split { feature, rule, left, right, missing_left } => {
                    let child = self.nodes.len();
                    if feature >= self.features || child + 2 > INDEX as usize {
                        return Err(broken("is too large or splits on an unknown feature"));
                    }
                    self.nodes.extend([blank; 2]);
                    open.extend([(child, left), (child + 1, right)]);
                    let missing = if missing_left { MISSING_LEFT } else { 0 };
                    let (bits, category) = match rule {
                        Rule::Below(threshold) => (threshold.to_bits(), 0),
                        Rule::In(set) => {
                            let from = self.sets.len() as u64;
                            self.sets.extend_from_slice(set);
                            (from << 32 | set.len() as u64, CATEGORY)
                        }
                    };
                    Node { bits, child: child as u32, feature: feature as u32 | missing | category }
                }
            };
        }
        Ok(())
    }

    /// The answers for `rows` rows whose features stand in `columns`, one after the other, each `rows` long. The result is
    /// row-major, [`Ensemble::outputs`] wide. Large batches use all cores.
    pub fn predict(&self, columns: &[f64], rows: usize) -> Vec<f64> {
        let outputs = self.outputs();
        let mut answers = vec![0.0; rows * outputs];
        crate::parallel::chunks(&mut answers, outputs * BLOCK, rows * self.trees.len(), |block, answers| {
            let features = self.row_major(columns, rows, block * BLOCK, answers.len() / outputs);
            let mut sums = self.start(answers.len() / outputs);
            self.boost(&self.trees, &features, &mut sums);
            self.answers(&features, &sums, answers);
        });
        answers
    }

    /// As [`Ensemble::predict`], after the first `counts[0]` trees, the first `counts[1]` and so on (ascending); `each` gets
    /// the answers one after the other.
    pub fn stages(&self, columns: &[f64], rows: usize, counts: &[usize], mut each: impl FnMut(Vec<f64>)) {
        let features = self.row_major(columns, rows, 0, rows);
        let mut sums = self.start(rows);
        let mut done = 0;
        for &count in counts {
            let count = count.clamp(done, self.trees.len());
            for first in (0..rows).step_by(BLOCK) {
                let block = first..rows.min(first + BLOCK);
                let (wide, features_wide) = (self.base.len(), self.features);
                let features = &features[block.start * features_wide..block.end * features_wide];
                self.boost(&self.trees[done..count], features, &mut sums[block.start * wide..block.end * wide]);
            }
            done = count;
            let mut answers = vec![0.0; rows * self.outputs()];
            self.answers(&features, &sums, &mut answers);
            each(answers);
        }
    }

    /// The features of `count` rows from `first` on, row after row.
    fn row_major(&self, columns: &[f64], rows: usize, first: usize, count: usize) -> Vec<f64> {
        let mut features = vec![0.0; count * self.features];
        for (feature, column) in columns.chunks_exact(rows.max(1)).enumerate().take(self.features) {
            for (row, value) in column[first..first + count].iter().enumerate() {
                features[row * self.features + feature] = *value;
            }
        }
        features
    }

    /// The sums of `rows` rows before the first tree.
    fn start(&self, rows: usize) -> Vec<f64> {
        self.base.iter().copied().cycle().take(rows * self.base.len()).collect()
    }

    /// Adds the trees' leaves to the sums of the rows.
    fn boost(&self, trees: &[Tree], features: &[f64], sums: &mut [f64]) {
        let wide = self.base.len();
        let rows = sums.len() / wide;
        let row = |row: usize| &features[row * self.features..(row + 1) * self.features];
        if rows < LANES {
            // Few rows: side by side go the trees.
            for at in 0..rows {
                let mut groups = trees.chunks_exact(LANES);
                for group in &mut groups {
                    let leaves = self.walk(std::array::from_fn(|lane| group[lane].root), [row(at); LANES]);
                    group.iter().zip(leaves).for_each(|(tree, leaf)| self.add(tree, leaf, &mut sums[at * wide..]));
                }
                for tree in groups.remainder() {
                    let [leaf] = self.walk([tree.root], [row(at)]);
                    self.add(tree, leaf, &mut sums[at * wide..]);
                }
            }
            return;
        }
        for tree in trees {
            for first in (0..rows).step_by(LANES) {
                // The last group goes back over rows that are done; those are left out when adding.
                let from = first.min(rows - LANES);
                let leaves = self.walk([tree.root; LANES], std::array::from_fn(|lane| row(from + lane)));
                for (lane, leaf) in leaves.into_iter().enumerate().skip(first - from) {
                    self.add(tree, leaf, &mut sums[(from + lane) * wide..]);
                }
            }
        }
    }

    fn answers(&self, features: &[f64], sums: &[f64], answers: &mut [f64]) {
        let wide = self.base.len();
        for (row, answer) in answers.chunks_exact_mut(self.outputs()).enumerate() {
            let features = &features[row * self.features..(row + 1) * self.features];
            self.answer(&sums[row * wide..(row + 1) * wide], features, answer);
        }
    }

    /// Adds a leaf's values to a row's sums.
    #[inline]
    fn add(&self, tree: &Tree, leaf: u32, sums: &mut [f64]) {
        let (offset, width, leaf) = (tree.offset as usize, tree.width as usize, leaf as usize);
        for (sum, value) in sums[offset..offset + width].iter_mut().zip(&self.leaves[leaf..leaf + width]) {
            *sum += f64::from(*value);
        }
    }

    /// Where the values of the leaves begin that the rows fall into, each from its own root.
    fn walk<const N: usize>(&self, mut at: [u32; N], rows: [&[f64]; N]) -> [u32; N] {
        loop {
            let mut moved = false;
            for lane in 0..N {
                let node = self.nodes[at[lane] as usize];
                let value = rows[lane].get((node.feature & INDEX) as usize).copied().unwrap_or(f64::NAN);
                let left = if node.feature & CATEGORY == 0 {
                    // `!(a >= b)` and not `a < b`: a leaf's NaN goes left, which is itself.
                    #[allow(clippy::neg_cmp_op_on_partial_ord)]
                    let below = !(value >= f64::from_bits(node.bits));
                    (!value.is_nan() & below) | (value.is_nan() & (node.feature & MISSING_LEFT != 0))
                } else if value.is_nan() {
                    node.feature & MISSING_LEFT != 0
                } else {
                    self.in_set(node.bits, value)
                };
                let next = node.child + u32::from(!left);
                moved |= next != at[lane];
                at[lane] = next;
            }
            if !moved {
                return at.map(|leaf| self.nodes[leaf as usize].bits as u32);
            }
        }
    }

    fn in_set(&self, bits: u64, value: f64) -> bool {
        let (from, length) = ((bits >> 32) as usize, (bits & 0xffff_ffff) as usize);
        let category = value as usize;
        category / 8 < length && self.sets[from + category / 8] >> (category % 8) & 1 == 1
    }

    fn answer(&self, sums: &[f64], features: &[f64], answer: &mut [f64]) {
        match &self.head {
            Head::Value { linear } => {
                answer[0] = sums[0] + linear.as_ref().map_or(0.0, |head| head.value(features));
            }
            Head::Rate { low, high } => answer[0] = sums[0].exp().max(*low).min(*high),
            Head::Binary => {
                let positive = mean_sigmoid(sums);
                answer[0] = 1.0 - positive;
                answer[1] = positive;
            }
            Head::OneVsRest { folds, alpha, beta, priors } => {
                for (class, value) in answer.iter_mut().enumerate() {
                    let p =
                        mean_sigmoid(&sums[class * folds..(class + 1) * folds]).clamp(f64::EPSILON, 1.0 - f64::EPSILON);
                    let prior = priors[class].clamp(f64::EPSILON, 1.0);
                    *value = p / (1.0 - p).powf(*alpha) / prior.powf(*beta);
                }
                let total: f64 = answer.iter().sum();
                let uniform = 1.0 / answer.len() as f64;
                answer
                    .iter_mut()
                    .for_each(|value| *value = if total <= f64::EPSILON { uniform } else { *value / total });
            }
            Head::Softmax { temperature } => {
                let top = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                for (value, sum) in answer.iter_mut().zip(sums) {
                    *value = ((sum - top) / temperature.max(f64::EPSILON)).exp();
                }
                let total: f64 = answer.iter().sum::<f64>().max(f64::EPSILON);
                answer.iter_mut().for_each(|value| *value /= total);
            }
            Head::Shares => {
                // `max` also makes 0 of what is no number.
                answer.iter_mut().zip(sums).for_each(|(value, sum)| *value = sum.max(0.0));
                let total: f64 = answer.iter().sum();
                let uniform = 1.0 / answer.len() as f64;
                answer
                    .iter_mut()
                    .for_each(|value| *value = if total <= f64::EPSILON { uniform } else { *value / total });
            }
        }
    }
}

impl LinearCorrection {
    fn value(&self, features: &[f64]) -> f64 {
        let mut sum = self.intercept;
        for (index, value) in features.iter().enumerate() {
            let z = if value.is_finite() { (value - self.means[index]) / self.scales[index] } else { 0.0 };
            sum += self.coefficients[index] * z;
        }
        self.weight * sum
    }
}

fn mean_sigmoid(sums: &[f64]) -> f64 {
    sums.iter().map(|sum| 1.0 / (1.0 + (-sum).exp())).sum::<f64>() / sums.len() as f64
}
