//! The best split of some rows on one feature.

use super::bins::{MISSING, Outcome};
use crate::monotone::Bounds;
use trainyard_types::monotone::Direction;

/// Bins up to `bin` go left; missing values where they gained more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    pub feature: u32,
    pub bin: u8,
    pub missing_left: bool,
}

impl Split {
    pub fn left(&self, bin: u8) -> bool {
        if bin == MISSING { self.missing_left } else { bin <= self.bin }
    }
}

/// The rows of a node.
pub struct Rows<'a> {
    pub rows: &'a [u32],
    /// Of all rows, what each counts.
    pub weights: &'a [f64],
    /// Their weight and the sums of their outcomes.
    pub total: f64,
    pub sums: &'a [f64],
    pub bounds: Bounds,
    pub min_samples_leaf: usize,
}

/// A way to divide a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    pub split: Split,
    /// `Σ sums² / weight` of both sides: the greater, the purer they are. The weighted decrease of Gini's impurity, or of the
    /// variance, is what this is more than the same of the node.
    pub purity: f64,
    pub sides: [Bounds; 2],
}

/// `Σ sums² / weight`.
pub fn purity(sums: impl Iterator<Item = f64>, weight: f64) -> f64 {
    sums.map(|sum| sum * sum).sum::<f64>() / weight
}

/// What the rows in each bin add up to. Its memory is used for one feature after the other.
pub struct Places {
    width: usize,
    counts: Vec<usize>,
    totals: Vec<f64>,
    sums: Vec<f64>,
    /// Bins with rows.
    used: Vec<u8>,
    /// The sums to the left of a place.
    left: Vec<f64>,
}

/// One side of a split.
#[derive(Clone, Copy)]
struct Side {
    count: usize,
    total: f64,
}

impl Places {
    pub fn new(width: usize) -> Self {
        Self {
            width,
            counts: vec![0; 256],
            totals: vec![0.0; 256],
            sums: vec![0.0; 256 * width],
            used: Vec::with_capacity(256),
            left: vec![0.0; width],
        }
    }

    /// The best split on a feature whose bins are `bins`, the first of equals; `None` where none is allowed. `last` is the
    /// feature's last bin.
    pub fn best(
        &mut self,
        feature: u32,
        bins: &[u8],
        last: usize,
        direction: Option<Direction>,
        node: &Rows<'_>,
        outcome: &Outcome,
    ) -> Option<Found> {
        self.count(bins, node, outcome);
        let found = self.look(feature, last, direction, node);
        for &bin in &self.used {
            let at = usize::from(bin);
            (self.counts[at], self.totals[at]) = (0, 0.0);
            self.sums[at * self.width..(at + 1) * self.width].fill(0.0);
        }
        self.used.clear();
        found
    }

    fn count(&mut self, bins: &[u8], node: &Rows<'_>, outcome: &Outcome) {
        for &row in node.rows {
            let row = row as usize;
            let at = usize::from(bins[row]);
            if self.counts[at] == 0 {
                self.used.push(bins[row]);
            }
            self.counts[at] += 1;
            self.totals[at] += node.weights[row];
            outcome.add(row, node.weights[row], &mut self.sums[at * self.width..(at + 1) * self.width]);
        }
        self.used.sort_unstable();
    }

    fn look(&mut self, feature: u32, last: usize, direction: Option<Direction>, node: &Rows<'_>) -> Option<Found> {
        let gaps = self.used.last() == Some(&MISSING);
        let known = self.used.len() - usize::from(gaps);
        if self.used.len() < 2 {
            return None;
        }
        let mut best: Option<Found> = None;
        let mut left = Side { count: 0, total: 0.0 };
        self.left.fill(0.0);
        for place in 0..known {
            let at = usize::from(self.used[place]);
            left = Side { count: left.count + self.counts[at], total: left.total + self.totals[at] };
            let own = &self.sums[at * self.width..(at + 1) * self.width];
            self.left.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            // Between two bins with rows the place in the middle; after the last one missing values alone go right.
            let (bin, direction) = match self.used[..known].get(place + 1) {
                Some(next) => (((at + usize::from(*next) - 1) / 2) as u8, direction),
                None if gaps => (last as u8, None),
                None => break,
            };
            let ways: &[bool] = if !gaps || place + 1 == known { &[false] } else { &[false, true] };
            for &with_gaps in ways {
                let missing_left = if gaps { with_gaps } else { left.total > node.total - left.total };
                let split = Split { feature, bin, missing_left };
                let found = self.judge(split, left, gaps && with_gaps, direction, node);
                if let Some(found) = found
                    && best.is_none_or(|best| found.purity > best.purity)
                {
                    best = Some(found);
                }
            }
        }
        best
    }

    /// How pure the sides are, if the split is allowed. `gaps`: the missing values come to what is left so far.
    fn judge(
        &self,
        split: Split,
        left: Side,
        gaps: bool,
        direction: Option<Direction>,
        node: &Rows<'_>,
    ) -> Option<Found> {
        let at = usize::from(MISSING);
        let (count, total) = if gaps { (self.counts[at], self.totals[at]) } else { (0, 0.0) };
        let left = Side { count: left.count + count, total: left.total + total };
        let right = Side { count: node.rows.len() - left.count, total: node.total - left.total };
        let least = node.min_samples_leaf.max(1);
        if left.count < least || right.count < least || left.total <= 0.0 || right.total <= 0.0 {
            return None;
        }
        let missing = &self.sums[at * self.width..(at + 1) * self.width];
        let of_left = |class: usize| self.left[class] + if gaps { missing[class] } else { 0.0 };
        let of_right = |class: usize| node.sums[class] - of_left(class);
        let mut sides = [node.bounds; 2];
        if self.width == 1 {
            let (low, high) = (of_left(0) / left.total, of_right(0) / right.total);
            let ordered = match direction {
                None => true,
                Some(Direction::Increasing) => low <= high,
                Some(Direction::Decreasing) => low >= high,
            };
            if !ordered || !node.bounds.holds(low) || !node.bounds.holds(high) {
                return None;
            }
            sides = node.bounds.divided(low, high, direction);
        }
        let purity =
            purity((0..self.width).map(of_left), left.total) + purity((0..self.width).map(of_right), right.total);
        Some(Found { split, purity, sides })
    }
}
