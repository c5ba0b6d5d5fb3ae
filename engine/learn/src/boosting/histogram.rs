//! Sums of slopes by bin.

use super::table::{Kind, MISSING, Table};
use rayon::prelude::*;

/// Rows times features from which on features are summed on all cores.
const WIDE: usize = 1 << 17;

/// Rows from which on a feature's bins are summed in a place of their own.
const MANY: usize = 512;

/// What the rows of a bin, or of a leaf, sum up to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    pub slope: f64,
    pub curvature: f64,
    pub rows: f64,
}

impl Sums {
    #[inline]
    pub fn add(&mut self, other: Sums) {
        self.slope += other.slope;
        self.curvature += other.curvature;
        self.rows += other.rows;
    }

    #[inline]
    pub fn without(self, other: Sums) -> Sums {
        Sums {
            slope: self.slope - other.slope,
            curvature: self.curvature - other.curvature,
            rows: self.rows - other.rows,
        }
    }
}

/// Where the bins of each of a tree's features stand in a histogram. The last one of each is that of what is missing.
#[derive(Debug)]
pub struct Layout {
    /// The features that the tree looks at, ascending.
    pub features: Vec<usize>,
    starts: Vec<usize>,
}

impl Layout {
    pub fn new(features: Vec<usize>, kinds: &[Kind]) -> Self {
        let mut starts = vec![0];
        for &feature in &features {
            starts.push(starts[starts.len() - 1] + kinds[feature].bins() + 1);
        }
        Self { features, starts }
    }

    pub fn len(&self) -> usize {
        self.starts[self.features.len()]
    }

    /// The feature's bins by its place among [`Layout::features`], and what is missing.
    pub fn of<'h>(&self, histogram: &'h [Sums], place: usize) -> (&'h [Sums], Sums) {
        let bins = &histogram[self.starts[place]..self.starts[place + 1]];
        (&bins[..bins.len() - 1], bins[bins.len() - 1])
    }

    /// Sums the rows up. `slopes`: slope and curvature, a row of the table each.
    pub fn fill(&self, table: &Table, rows: &[u32], slopes: &[[f32; 2]], histogram: &mut Vec<Sums>) {
        histogram.clear();
        histogram.resize(self.len(), Sums::default());
        let near: Vec<[f32; 2]> = rows.iter().map(|&row| slopes[row as usize]).collect();
        let mut parts = Vec::with_capacity(self.features.len());
        let mut rest = histogram.as_mut_slice();
        for (place, &feature) in self.features.iter().enumerate() {
            let (bins, after) = rest.split_at_mut(self.starts[place + 1] - self.starts[place]);
            parts.push((feature, bins));
            rest = after;
        }
        let sum = |(feature, bins): (usize, &mut [Sums])| {
            let (column, missing) = (table.column(feature), bins.len() - 1);
            if rows.len() >= MANY {
                // A byte is always a place in here, which saves a look at each row.
                let mut whole = [Sums::default(); 256];
                for (&row, [slope, curvature]) in rows.iter().zip(&near) {
                    let sums = &mut whole[usize::from(column[row as usize])];
                    sums.slope += f64::from(*slope);
                    sums.curvature += f64::from(*curvature);
                    sums.rows += 1.0;
                }
                bins[missing] = whole[usize::from(MISSING)];
                bins[..missing].copy_from_slice(&whole[..missing]);
                return;
            }
            for (&row, [slope, curvature]) in rows.iter().zip(&near) {
                let bin = column[row as usize];
                let place = if bin == MISSING { missing } else { usize::from(bin) };
                if let Some(sums) = bins.get_mut(place) {
                    sums.slope += f64::from(*slope);
                    sums.curvature += f64::from(*curvature);
                    sums.rows += 1.0;
                }
            }
        };
        if rows.len() * self.features.len() < WIDE {
            parts.into_iter().for_each(sum);
        } else {
            // Each feature is summed by one thread, row after row: the same sums on any number of them.
            parts.into_par_iter().for_each(sum);
        }
    }
}

/// Takes a child's histogram from its parent's, which leaves its sibling's.
pub fn subtract(parent: &mut [Sums], child: &[Sums]) {
    parent.iter_mut().zip(child).for_each(|(whole, part)| *whole = whole.without(*part));
}
