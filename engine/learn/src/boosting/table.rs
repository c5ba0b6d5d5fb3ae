//! Rows as bins, a byte each.

use crate::cuts::cuts;
use trainyard_infer::trees::TreeEncoder;

/// The bin of a missing value; the others count from 0.
pub const MISSING: u8 = 255;

/// What the bins of a feature hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Ascending; bin `b` holds what is below cut `b` and not below the one before it.
    Number(Vec<f64>),
    /// So many categories; bin `b` holds the code `b + 1`.
    Category(usize),
}

impl Kind {
    /// Bins besides that of what is missing.
    pub fn bins(&self) -> usize {
        match self {
            Kind::Number(cuts) => cuts.len() + 1,
            Kind::Category(codes) => *codes,
        }
    }

    fn bin(&self, value: f64) -> u8 {
        match self {
            _ if value.is_nan() => MISSING,
            Kind::Number(cuts) => cuts.partition_point(|&cut| cut <= value) as u8,
            // Codes count from 1.
            Kind::Category(codes) => {
                if value as usize > *codes {
                    MISSING
                } else {
                    (value as usize - 1) as u8
                }
            }
        }
    }
}

/// A part's rows.
#[derive(Debug)]
pub struct Table {
    pub rows: usize,
    /// Feature after feature.
    bins: Vec<u8>,
}

impl Table {
    /// `features`: the encoder's of `rows` rows, one feature after the other.
    pub fn new(kinds: &[Kind], features: &[f64], rows: usize) -> Self {
        let columns = kinds.iter().zip(features.chunks_exact(rows.max(1)));
        Self { rows, bins: columns.flat_map(|(kind, values)| values.iter().map(|value| kind.bin(*value))).collect() }
    }

    /// The bins of a feature, a row each.
    pub fn column(&self, feature: usize) -> &[u8] {
        &self.bins[feature * self.rows..(feature + 1) * self.rows]
    }
}

/// The bins of each feature, by the train rows; `most` at most.
pub fn kinds(encoder: &TreeEncoder, features: &[f64], rows: usize, most: usize) -> Vec<Kind> {
    let categorical = encoder.categorical();
    let kind = |(feature, values): (usize, &[f64])| {
        if categorical.contains(&feature) {
            let greatest = values.iter().copied().filter(|code| !code.is_nan()).fold(0.0, f64::max);
            Kind::Category(greatest as usize)
        } else {
            Kind::Number(cuts(values, most))
        }
    };
    features.chunks_exact(rows.max(1)).enumerate().map(kind).collect()
}
