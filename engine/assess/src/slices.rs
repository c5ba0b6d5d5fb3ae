//! How a model does on groups of rows: metrics by group of each column, and a search for groups where it is weak.

#[cfg(test)]
mod tests;
mod weak;

use crate::groups::{Cuts, grouped, wilson};
use trainyard_infer::{Column, Frame, Predictions, Target, Values, decision::called};
use trainyard_types::{
    Timestamp,
    dataset::ColumnType,
    slices::{SliceColumn, SliceFigure, SliceGroup, SliceReport},
};

/// Groups of a column; the rest of the categories is one group.
const GROUPS: usize = 12;
/// Rows below which a category belongs to the rest.
const FEWEST: usize = 10;
/// Numbers of more than 8 different values are cut at their quartiles.
const CUTS: Cuts = Cuts { categories: GROUPS, values: 8, quantiles: 4 };
/// Columns that are looked at.
const COLUMNS: usize = 60;
/// The 97.5 % quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Rows with outcomes and what a model said of them.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Every column that groups may be made of, whether or not the model sees it.
    pub columns: &'a Frame,
    /// Which columns come first.
    pub protected: &'a [String],
    /// Which columns the model sees.
    pub features: &'a [String],
    pub target: &'a Target,
    pub predictions: &'a Predictions,
    /// That decides between two classes.
    pub threshold: Option<f64>,
}

/// Metrics of each column's groups, and the weak slices. At most 60 columns; columns that have no two groups are left out.
///
/// # Panics
/// If outcomes and predictions are of different kinds or lengths.
pub fn report(judged: &Judged<'_>) -> SliceReport {
    let outcomes = Outcomes::new(judged);
    let mut order: Vec<&Column> = judged.columns.columns.iter().collect();
    // Stable: the table's order within both.
    order.sort_by_key(|column| !judged.protected.contains(&column.name));
    let cut: Vec<(&Column, Groups)> =
        order.into_iter().filter_map(|column| Some((column, Groups::new(column)?))).take(COLUMNS).collect();
    let columns = cut.iter().map(|(column, groups)| SliceColumn {
        column: column.name.clone(),
        protected: judged.protected.contains(&column.name),
        feature: judged.features.contains(&column.name),
        groups: (groups.names.iter().enumerate())
            .map(|(at, name)| {
                let rows: Vec<usize> = (0..groups.of.len()).filter(|&row| groups.of[row] == at).collect();
                SliceGroup { group: name.clone(), rows: rows.len() as u64, figures: outcomes.figures(&rows) }
            })
            .collect(),
    });
    SliceReport { rows: judged.target.len() as u64, columns: columns.collect(), weak: weak::search(&cut, &outcomes) }
}

/// Each row's group of one column.
struct Groups {
    of: Vec<usize>,
    names: Vec<String>,
    /// The group of what is too rare for one of its own.
    rest: Option<usize>,
}

impl Groups {
    /// `None` where there are no two groups, or no group has rows enough.
    fn new(column: &Column) -> Option<Self> {
        let (of, names) = grouped(column, CUTS, |value| shown(column.kind, value));
        let mut counts = vec![0usize; names.len()];
        of.iter().for_each(|&group| counts[group] += 1);
        let mut order: Vec<usize> = (0..names.len()).filter(|&group| counts[group] > 0).collect();
        let category = matches!(column.values, Values::Categories { .. });
        if category {
            order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| names[a].cmp(&names[b])));
            order.retain(|&group| counts[group] >= FEWEST);
            order.truncate(GROUPS);
        }
        let mut place = vec![order.len(); names.len()];
        order.iter().enumerate().for_each(|(at, &group)| place[group] = at);
        let of: Vec<usize> = of.into_iter().map(|group| place[group]).collect();
        let rest = of.contains(&order.len()).then_some(order.len());
        let mut kept: Vec<String> = order.iter().map(|&group| names[group].clone()).collect();
        kept.extend(rest.map(|_| "other".to_owned()));
        (!order.is_empty() && kept.len() > 1).then_some(Self { of, names: kept, rest })
    }
}

/// A number as a group's name has it: whole, or three digits; an instant as its day.
fn shown(kind: ColumnType, value: f64) -> String {
    if kind == ColumnType::Datetime {
        return Timestamp(value as i64).to_iso().chars().take(10).collect();
    }
    if value == value.trunc() && value.abs() < 1e15 {
        return format!("{value}");
    }
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{value:.decimals$}")
}

/// What each row came to.
enum Outcomes {
    Classes {
        /// Whether the called class is the true one.
        right: Vec<bool>,
        /// Of two classes: whether the row is of the second, and called it.
        pair: Option<Vec<(bool, bool)>>,
        loss: Vec<f64>,
    },
    /// Predicted minus actual.
    Values { errors: Vec<f64> },
}

impl Outcomes {
    fn new(judged: &Judged<'_>) -> Self {
        match (judged.target, judged.predictions) {
            (Target::Classes(truth), Predictions::Probabilities { classes, values }) => {
                assert_eq!(truth.len() * classes, values.len(), "as many outcomes as predictions");
                let rows = || values.chunks_exact((*classes).max(1)).zip(truth);
                let said: Vec<usize> = rows().map(|(row, _)| called(row, judged.threshold)).collect();
                let edge = f64::from(f32::EPSILON);
                let loss = |(row, &class): (&[f32], &u32)| -f64::from(row[class as usize]).clamp(edge, 1.0).ln();
                Outcomes::Classes {
                    right: said.iter().zip(truth).map(|(&said, &truth)| said == truth as usize).collect(),
                    pair: (*classes == 2)
                        .then(|| said.iter().zip(truth).map(|(&said, &truth)| (truth == 1, said == 1)).collect()),
                    loss: rows().map(loss).collect(),
                }
            }
            (Target::Values(truth), Predictions::Values(values)) => {
                assert_eq!(truth.len(), values.len(), "as many outcomes as predictions");
                Outcomes::Values { errors: values.iter().zip(truth).map(|(value, truth)| value - truth).collect() }
            }
            _ => panic!("outcomes and predictions are of different kinds"),
        }
    }

    /// What a weak slice has more of.
    fn losses(&self) -> Vec<f64> {
        match self {
            Outcomes::Classes { loss, .. } => loss.clone(),
            Outcomes::Values { errors } => errors.iter().map(|error| error.abs()).collect(),
        }
    }

    fn figures(&self, rows: &[usize]) -> Vec<SliceFigure> {
        let mut figures = Vec::new();
        let mut share = |name: &str, hits: u64, of: u64| {
            if of > 0 {
                let (low, high) = wilson(hits, of);
                figures.push(SliceFigure { name: name.to_owned(), value: hits as f64 / of as f64, low, high });
            }
        };
        let count = |of: &dyn Fn(usize) -> bool| rows.iter().filter(|&&row| of(row)).count() as u64;
        match self {
            Outcomes::Classes { right, pair, loss } => {
                share("accuracy", count(&|row| right[row]), rows.len() as u64);
                if let Some(pair) = pair {
                    let positives = count(&|row| pair[row].0);
                    share("recall", count(&|row| pair[row].0 && pair[row].1), positives);
                    let negatives = rows.len() as u64 - positives;
                    share("false_positive_rate", count(&|row| !pair[row].0 && pair[row].1), negatives);
                    share("called", count(&|row| pair[row].1), rows.len() as u64);
                }
                figures.extend(mean("log_loss", rows.iter().map(|&row| loss[row]).collect()));
            }
            Outcomes::Values { errors } => {
                figures.extend(mean("mae", rows.iter().map(|&row| errors[row].abs()).collect()));
                figures.extend(mean("bias", rows.iter().map(|&row| errors[row]).collect()));
            }
        }
        figures
    }
}

/// A mean with its normal interval; with one row there is none.
fn mean(name: &str, values: Vec<f64>) -> Option<SliceFigure> {
    let rows = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let value = values.iter().sum::<f64>() / rows;
    let variance = values.iter().map(|v| (v - value).powi(2)).sum::<f64>() / (rows - 1.0);
    let half = Z * (variance / rows).sqrt();
    value.is_finite().then(|| SliceFigure { name: name.to_owned(), value, low: value - half, high: value + half })
}
