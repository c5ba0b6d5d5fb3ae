//! How much better a model could get: what rows that are alike in every column say of the noise in the target, and where the
//! learning curve leads.

use crate::{
    diagnosis::{figure, percent},
    metrics::{oriented, title},
};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};
use trainyard_infer::{Frame, MISSING, Target, Values};
use trainyard_types::evaluation::{Ceiling, CurveLimit, LearningPoint, Twins};

/// Rows with a twin that are needed to speak of them.
const LEAST_TWINS: usize = 30;
/// A curve whose last gain is more than this share of the one before has not begun to flatten: where it leads can't be told.
const STEEP: f64 = 0.9;

/// What is known of the best score that is possible; `None` where nothing is. `train`: the train rows with their targets;
/// `curve`: the metric after 25, 50 and 100 % of them.
///
/// # Panics
/// If the target is shorter than the frame.
pub fn ceiling(train: &Frame, target: &Target, metric: &str, curve: &[LearningPoint]) -> Option<Ceiling> {
    let twins = twins(train, target);
    let limit = limit(metric, curve);
    let sentences: Vec<String> = twins
        .iter()
        .map(|twins| twin_words(twins, matches!(target, Target::Classes(_))))
        .chain(limit.iter().map(|limit| limit_words(limit, metric, curve)))
        .collect();
    (!sentences.is_empty()).then_some(Ceiling { twins, limit, sentences })
}

/// Rows that are alike in every column but differ in the target tell its noise: no model can tell them apart.
///
/// Of classes, half the share of pairs that differ is a lower bound of the least possible error on those rows (Cover and Hart
/// 1967: the nearest neighbour errs at most twice as often as the best rule); of numbers it is the pooled standard deviation
/// within groups.
fn twins(frame: &Frame, target: &Target) -> Option<Twins> {
    if frame.columns.is_empty() {
        return None;
    }
    let mut groups: HashMap<u64, Vec<usize>> = HashMap::new();
    for (row, key) in keys(frame).into_iter().enumerate() {
        groups.entry(key).or_default().push(row);
    }
    groups.retain(|_, rows| rows.len() > 1);
    let rows: usize = groups.values().map(Vec::len).sum();
    if rows < LEAST_TWINS {
        return None;
    }
    // In the rows' order, so that sums are the same each time.
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_unstable();
    let floor = match target {
        Target::Classes(classes) => {
            let differing: f64 = groups.iter().map(|rows| differing(rows, classes) * rows.len() as f64).sum();
            differing / rows as f64 / 2.0
        }
        Target::Values(values) => {
            let squares: f64 = groups.iter().map(|rows| squares(rows, values)).sum();
            (squares / (rows - groups.len()) as f64).sqrt()
        }
    };
    Some(Twins { rows: rows as u64, share: rows as f64 / frame.rows as f64, floor })
}

/// A key for each row: the same for rows that are alike, and else hardly ever.
fn keys(frame: &Frame) -> Vec<u64> {
    let mut keys = vec![0u64; frame.rows];
    for column in &frame.columns {
        for (row, key) in keys.iter_mut().enumerate() {
            let mut hasher = DefaultHasher::new();
            key.hash(&mut hasher);
            match &column.values {
                Values::Numbers(numbers) if numbers[row].is_nan() => MISSING.hash(&mut hasher),
                // Zero has two signs.
                Values::Numbers(numbers) => (numbers[row] + 0.0).to_bits().hash(&mut hasher),
                Values::Categories { codes, .. } => codes[row].hash(&mut hasher),
            }
            *key = hasher.finish();
        }
    }
    keys
}

/// The share of a group's pairs that differ in class.
fn differing(rows: &[usize], classes: &[u32]) -> f64 {
    let mut counts: HashMap<u32, f64> = HashMap::new();
    rows.iter().for_each(|&row| *counts.entry(classes[row]).or_default() += 1.0);
    let rows = rows.len() as f64;
    let alike: f64 = counts.values().map(|count| count * (count - 1.0)).sum();
    1.0 - alike / (rows * (rows - 1.0))
}

/// The sum of squared distances from the group's mean.
fn squares(rows: &[usize], values: &[f64]) -> f64 {
    let mean = rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64;
    rows.iter().map(|&row| (values[row] - mean).powi(2)).sum()
}

/// Where a power law through the curve's three points leads: each doubling of the rows gains a fixed share of what the doubling
/// before gained (Cortes et al. 1993). `None` where the curve is not flattening.
fn limit(metric: &str, curve: &[LearningPoint]) -> Option<CurveLimit> {
    let [quarter, half, whole] = curve else { return None };
    let [quarter, half, whole] = [quarter, half, whole].map(|point| oriented(metric, point.valid));
    let (before, last) = (half - quarter, whole - half);
    let ratio = last / before;
    if !(before > 0.0 && last > 0.0 && ratio < STEEP) {
        return None;
    }
    let gain = last * ratio;
    // No metric that more is better of goes beyond 1, and no error below 0.
    let best = if oriented(metric, 1.0) > 0.0 { 1.0 } else { 0.0 };
    let held = |value: f64| oriented(metric, value.min(best));
    Some(CurveLimit { double: held(whole + gain), endless: held(whole + gain / (1.0 - ratio)) })
}

fn twin_words(twins: &Twins, classes: bool) -> String {
    let head =
        format!("{} train rows ({}) have a twin that is alike in every column", twins.rows, percent(twins.share));
    match (classes, twins.floor > 0.0) {
        (_, false) => format!("{head}, and twins agree in the target: these columns show no noise in it."),
        (true, true) => format!(
            "{head}, and twins differ in the target in {} of pairs: on such rows no model of these columns errs in fewer than {}. \
             Only further columns or cleaner labels help there.",
            percent(twins.floor * 2.0),
            percent(twins.floor)
        ),
        (false, true) => format!(
            "{head}, and twins differ in the target by a standard deviation of {}: on such rows no model of these columns has a \
             lower RMSE. Only further columns or better measurements help there.",
            figure(twins.floor)
        ),
    }
}

fn limit_words(limit: &CurveLimit, metric: &str, curve: &[LearningPoint]) -> String {
    let (name, now) = (title(metric), curve.last().map_or(f64::NAN, |point| point.valid));
    format!(
        "By the learning curve, twice the rows would bring {name} from {} to about {}, and any number of rows of this kind hardly \
         beyond {}.",
        figure(now),
        figure(limit.double),
        figure(limit.endless)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trainyard_infer::Column;
    use trainyard_types::dataset::ColumnType;

    fn frame(values: Vec<f64>) -> Frame {
        let rows = values.len();
        let x = Column { name: "x".into(), kind: ColumnType::Float, values: Values::Numbers(values) };
        let codes = vec![MISSING; rows];
        let c = Column {
            name: "c".into(),
            kind: ColumnType::Text,
            values: Values::Categories { codes, levels: Vec::new() },
        };
        Frame { columns: vec![x, c], rows }
    }

    fn points(values: [f64; 3]) -> Vec<LearningPoint> {
        let point = |(share, valid): (f64, f64)| LearningPoint { share, rows: (share * 800.0) as u64, valid };
        [0.25, 0.5, 1.0].into_iter().zip(values).map(point).collect()
    }

    #[test]
    fn twins_tell_the_least_error() {
        // Twenty groups of four rows, one of them of the other class: of six pairs three differ. 40 rows stand alone.
        let rows = frame((0..120).map(|row| if row < 80 { f64::from(row / 4) } else { f64::from(row) }).collect());
        let classes = Target::Classes((0..120).map(|row| u32::from(row % 4 == 0)).collect());
        let found = ceiling(&rows, &classes, "accuracy", &[]).unwrap();
        let twins = found.twins.unwrap();
        assert_eq!((twins.rows, twins.floor), (80, 0.25));
        assert!((twins.share - 2.0 / 3.0).abs() < 1e-12);
        assert!(found.sentences[0].contains("differ in the target in 50 % of pairs"), "{}", found.sentences[0]);
        // Values 0, 1, 1, 0 in each group: the squares are 4 · ¼, with 3 degrees of freedom.
        let values = Target::Values((0..120).map(|row| f64::from(u8::from(row % 4 == 1 || row % 4 == 2))).collect());
        let floor = ceiling(&rows, &values, "rmse", &[]).unwrap().twins.unwrap().floor;
        assert!((floor - (1.0f64 / 3.0).sqrt()).abs() < 1e-12, "{floor}");
        let alike = Target::Classes((0..120).map(|row| u32::from(row < 60)).collect());
        let found = ceiling(&rows, &alike, "accuracy", &[]).unwrap();
        assert!(found.sentences[0].contains("twins agree"));
        assert_eq!(
            ceiling(&frame((0..200).map(f64::from).collect()), &Target::Classes(vec![0; 200]), "accuracy", &[]),
            None
        );
    }

    #[test]
    fn a_power_law_is_followed_to_its_end() {
        let rows = frame((0..100).map(f64::from).collect());
        let target = Target::Values((0..100).map(f64::from).collect());
        // 2 + 8·n^-½ at 4, 8 and 16 thousand, say; at 32: 2 + 8/√32.
        let law = |n: f64| 2.0 + 8.0 / n.sqrt();
        let limit =
            |curve: [f64; 3], metric: &str| ceiling(&rows, &target, metric, &points(curve)).and_then(|c| c.limit);
        let found = limit([law(4.0), law(8.0), law(16.0)], "rmse").unwrap();
        assert!((found.double - law(32.0)).abs() < 1e-12 && (found.endless - 2.0).abs() < 1e-12);
        let found = limit([0.70, 0.80, 0.85], "accuracy").unwrap();
        assert!((found.double - 0.875).abs() < 1e-12 && (found.endless - 0.9).abs() < 1e-12);
        // Past perfect, still rising, falling, equal.
        assert!((limit([0.80, 0.95, 0.999], "roc_auc").unwrap().endless - 1.0).abs() < 0.02);
        for curve in [[0.5, 0.6, 0.7], [0.7, 0.6, 0.65], [0.7, 0.8, 0.79], [0.8; 3]] {
            assert_eq!(limit(curve, "accuracy"), None);
        }
    }
}
