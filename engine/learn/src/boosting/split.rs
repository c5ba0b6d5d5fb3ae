//! The best way to divide a leaf, looked for in its histogram.

use super::{
    Rules,
    histogram::{Layout, Sums},
    table::Kind,
};
use crate::monotone::Bounds;
use trainyard_types::monotone::Direction;

/// What goes left.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Bins up to this one.
    UpTo(u8),
    /// These, as bits.
    Among([u64; 4]),
}

/// How a leaf is divided.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    pub feature: usize,
    pub rule: Rule,
    pub missing_left: bool,
    /// How much less the loss is, by its slopes and curvatures.
    pub gain: f64,
    pub left: Side,
    pub right: Side,
}

/// A child.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Side {
    pub sums: Sums,
    /// What it adds to its rows' score, before the learning rate.
    pub output: f64,
    pub bounds: Bounds,
}

impl Split {
    pub fn is_left(&self, bin: u8) -> bool {
        if bin == super::table::MISSING {
            return self.missing_left;
        }
        match &self.rule {
            Rule::UpTo(last) => bin <= *last,
            Rule::Among(bits) => bits[usize::from(bin) / 64] >> (bin % 64) & 1 == 1,
        }
    }
}

/// What a leaf outputs for these sums.
pub fn output(sums: Sums, l2: f64, bounds: Bounds) -> f64 {
    (-sums.slope / (sums.curvature + l2).max(f64::MIN_POSITIVE)).max(bounds.low).min(bounds.high)
}

/// Twice the decrease of the loss by an output.
fn decrease(sums: Sums, output: f64, l2: f64) -> f64 {
    -(2.0 * sums.slope * output + (sums.curvature + l2) * output * output)
}

/// Looks for the best split of one leaf.
pub struct Search<'a> {
    pub rules: &'a Rules,
    pub kinds: &'a [Kind],
    pub directions: &'a [Option<Direction>],
    pub whole: Sums,
    pub bounds: Bounds,
    /// What the leaf itself gains.
    own: f64,
}

impl<'a> Search<'a> {
    pub fn new(
        rules: &'a Rules,
        kinds: &'a [Kind],
        directions: &'a [Option<Direction>],
        whole: Sums,
        bounds: Bounds,
    ) -> Self {
        let l2 = rules.reg_lambda;
        let own = decrease(whole, output(whole, l2, bounds), l2);
        Self { rules, kinds, directions, whole, bounds, own }
    }

    /// The best of all features; of equals the first.
    pub fn best(&self, layout: &Layout, histogram: &[Sums]) -> Option<Split> {
        let mut best: Option<Split> = None;
        for (place, &feature) in layout.features.iter().enumerate() {
            let (bins, missing) = layout.of(histogram, place);
            let found = match self.kinds[feature] {
                Kind::Number(_) => self.number(feature, bins, missing),
                Kind::Category(_) => self.category(feature, bins, missing),
            };
            if let Some(found) = found
                && best.as_ref().is_none_or(|best| found.gain > best.gain)
            {
                best = Some(found);
            }
        }
        best
    }

    fn is_heavy(&self, sums: Sums) -> bool {
        sums.rows >= self.rules.min_child_samples as f64 && sums.curvature >= self.rules.min_child_weight
    }

    /// The split into these two, if it is allowed and gains something.
    fn weigh(&self, left: Sums, l2: f64, direction: Option<Direction>) -> Option<(f64, Side, Side)> {
        let right = self.whole.without(left);
        if !self.is_heavy(left) || !self.is_heavy(right) {
            return None;
        }
        let [a, b] = [left, right].map(|sums| output(sums, l2, self.bounds));
        let wrong = match direction {
            None => false,
            Some(Direction::Increasing) => a > b,
            Some(Direction::Decreasing) => a < b,
        };
        if wrong {
            return None;
        }
        let [low, high] = self.bounds.divided(a, b, direction);
        let gain = decrease(left, a, l2) + decrease(right, b, l2) - self.own;
        let side = |sums, output, bounds| Side { sums, output, bounds };
        (gain > 1e-12 * self.own.abs().max(1e-12)).then(|| (gain, side(left, a, low), side(right, b, high)))
    }

    /// Both ways for what is missing, where there is any; otherwise it goes where more rows go.
    fn number(&self, feature: usize, bins: &[Sums], missing: Sums) -> Option<Split> {
        let direction = self.directions.get(feature).copied().flatten();
        let (l2, least) = (self.rules.reg_lambda, self.rules.min_child_samples as f64);
        // Without directions on the way, what a split gains is known without its outputs.
        let free = direction.is_none() && self.bounds == Bounds::default();
        let mut best: Option<(f64, usize, bool, Sums)> = None;
        let ways: &[bool] = if missing.rows > 0.0 { &[false, true] } else { &[false] };
        for &missing_left in ways {
            let mut left = if missing_left { missing } else { Sums::default() };
            // Beyond the last bin there is something only where what is missing goes right.
            let last = if missing.rows > 0.0 && !missing_left { bins.len() } else { bins.len().saturating_sub(1) };
            for (bin, sums) in bins.iter().enumerate().take(last) {
                left.add(*sums);
                if left.rows < least {
                    continue;
                }
                let right = self.whole.without(left);
                if right.rows < least {
                    break;
                }
                let gain = if free {
                    let part = |sums: Sums| sums.slope * sums.slope / (sums.curvature + l2).max(f64::MIN_POSITIVE);
                    part(left) + part(right) - self.own
                } else {
                    self.weigh(left, l2, direction).map_or(f64::NEG_INFINITY, |(gain, ..)| gain)
                };
                if best.is_none_or(|(most, ..)| gain > most) && self.is_heavy(left) && self.is_heavy(right) {
                    best = Some((gain, bin, missing_left, left));
                }
            }
        }
        let (_, bin, missing_left, left) = best?;
        let (gain, left, right) = self.weigh(left, l2, direction)?;
        let missing_left = missing_left || missing.rows == 0.0 && left.sums.rows >= right.sums.rows;
        Some(Split { feature, rule: Rule::UpTo(bin as u8), missing_left, gain, left, right })
    }

    /// Categories in the order of their slopes, so many from either end; a few each against the others. What is missing is a
    /// category. LightGBM's rules and numbers (Ke et al. 2017; parameters `cat_smooth`, `cat_l2`, `max_cat_threshold`).
    fn category(&self, feature: usize, bins: &[Sums], missing: Sums) -> Option<Split> {
        let rules = self.rules;
        let present = |(bin, sums): (usize, Sums)| (sums.rows > 0.0).then_some((bin, sums));
        let all: Vec<(usize, Sums)> = bins.iter().copied().chain([missing]).enumerate().filter_map(present).collect();
        let mut best: Option<Split> = None;
        let mut consider = |set: &[(usize, Sums)], l2: f64| {
            let mut left = Sums::default();
            set.iter().for_each(|(_, sums)| left.add(*sums));
            let Some((gain, left, right)) = self.weigh(left, l2, None) else { return };
            if best.as_ref().is_none_or(|best| gain > best.gain) {
                let mut bits = [0u64; 4];
                let members = set.iter().filter(|(bin, _)| *bin < bins.len());
                members.for_each(|(bin, _)| bits[bin / 64] |= 1 << (bin % 64));
                let missing_left = set.iter().any(|(bin, _)| *bin == bins.len());
                best = Some(Split { feature, rule: Rule::Among(bits), missing_left, gain, left, right });
            }
        };
        if all.len() <= FEW_CATEGORIES {
            all.iter().for_each(|one| consider(std::slice::from_ref(one), rules.reg_lambda));
            return best;
        }
        let mut ordered: Vec<(usize, Sums)> = all.into_iter().filter(|(_, sums)| sums.rows >= CAT_SMOOTH).collect();
        let rank = |(_, sums): &(usize, Sums)| sums.slope / (sums.curvature + CAT_SMOOTH);
        ordered.sort_by(|a, b| rank(a).total_cmp(&rank(b)).then(a.0.cmp(&b.0)));
        let most = ordered.len().div_ceil(2).min(MAX_CAT_THRESHOLD);
        for _ in 0..2 {
            // Sets grow a hundred rows at a time: smaller steps fit noise.
            let mut since = 0.0;
            for end in 1..=most.min(ordered.len().saturating_sub(1)) {
                since += ordered[end - 1].1.rows;
                if since >= MIN_DATA_PER_GROUP {
                    since = 0.0;
                    consider(&ordered[..end], rules.reg_lambda + CAT_L2);
                }
            }
            ordered.reverse();
        }
        best
    }
}

/// LightGBM's numbers for categories.
const FEW_CATEGORIES: usize = 4;
const CAT_SMOOTH: f64 = 10.0;
const CAT_L2: f64 = 10.0;
const MAX_CAT_THRESHOLD: usize = 32;
const MIN_DATA_PER_GROUP: f64 = 100.0;
