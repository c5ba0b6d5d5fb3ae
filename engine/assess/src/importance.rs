//! Permutation importance (Breiman, "Random forests", Machine Learning 45, 2001, section 10; Fisher, Rudin & Dominici,
//! JMLR 20, 2019).

use crate::metrics;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use trainyard_infer::{Column, Frame, Model, PredictError, Target, Values};
use trainyard_types::evaluation::Importance;

/// How much `metric` worsens when one of the model's columns is shuffled: mean and sample standard deviation over the
/// repeats, most important first. Uses at most `max_rows` rows, drawn by the seed. Positive: the model relies on the
/// column. Columns that the model shares the information of are all small, because either stands in for the other.
///
/// `should_stop` is asked before each column; where it says so the columns done so far are returned.
#[allow(clippy::too_many_arguments)]
pub fn permutation(
    model: &Model,
    frame: &Frame,
    target: &Target,
    metric: &str,
    repeats: usize,
    seed: u64,
    max_rows: usize,
    should_stop: &mut dyn FnMut() -> bool,
) -> Result<Vec<Importance>, PredictError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut rows: Vec<usize> = (0..frame.rows).collect();
    if rows.len() > max_rows {
        rows.shuffle(&mut rng);
        rows.truncate(max_rows);
        rows.sort_unstable();
    }
    let target = target.take(&rows);
    let mut frame = frame.take(&rows);
    frame.columns.retain(|column| model.signature.inputs.iter().any(|input| input.name == column.name));
    let score = |frame: &Frame| -> Result<f64, PredictError> {
        let metrics = metrics::score(model.signature.aim(), &target, &model.predict(frame)?);
        Ok(metrics::oriented(metric, metrics.get(metric).copied().unwrap_or(f64::NAN)))
    };
    let whole = score(&frame)?;
    let mut found = Vec::with_capacity(frame.columns.len());
    for at in 0..frame.columns.len() {
        if should_stop() {
            break;
        }
        let original = frame.columns[at].clone();
        let mut losses = Vec::with_capacity(repeats);
        for _ in 0..repeats {
            let mut order: Vec<usize> = (0..frame.rows).collect();
            order.shuffle(&mut rng);
            frame.columns[at].values = reordered(&original, &order);
            losses.push(whole - score(&frame)?);
        }
        let mean = losses.iter().sum::<f64>() / repeats.max(1) as f64;
        let spread =
            losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / repeats.saturating_sub(1).max(1) as f64;
        frame.columns[at] = original;
        found.push(Importance { column: frame.columns[at].name.clone(), mean, std: spread.sqrt() });
    }
    found.retain(|importance| importance.mean.is_finite());
    found.sort_by(|a, b| b.mean.total_cmp(&a.mean).then_with(|| a.column.cmp(&b.column)));
    Ok(found)
}

fn reordered(column: &Column, order: &[usize]) -> Values {
    match &column.values {
        Values::Numbers(numbers) => Values::Numbers(order.iter().map(|&row| numbers[row]).collect()),
        Values::Categories { codes, levels } => {
            Values::Categories { codes: order.iter().map(|&row| codes[row]).collect(), levels: levels.clone() }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trainyard_infer::{
        Predictor,
        ensemble::{Ensemble, Head, Rule, Source},
        signature,
        trees::{TreeEncoder, TreesModel},
    };
    use trainyard_types::{dataset::ColumnType, run::Task};

    /// A model that looks at one of two columns.
    fn one_split() -> (Model, Frame, Target) {
        let column = |name: &str, values: Vec<f64>| Column {
            name: String::from(name),
            kind: ColumnType::Float,
            values: Values::Numbers(values),
        };
        let rows = 200;
        let used: Vec<f64> = (0..rows).map(|row| f64::from(row % 2)).collect();
        let unused = (0..rows).map(f64::from).collect();
        let frame =
            Frame { columns: vec![column("unused", unused), column("used", used.clone())], rows: rows as usize };
        let mut ensemble = Ensemble::new(2, vec![0.0], Head::Value { linear: None });
        let node = |number| match number {
            0 => Some(Source::Split { feature: 1, rule: Rule::Below(0.5), left: 1, right: 2, missing_left: true }),
            1 => Some(Source::Leaf(vec![0.0])),
            2 => Some(Source::Leaf(vec![1.0])),
            _ => None,
        };
        ensemble.push_tree(0, 1, 0, node).unwrap();
        let trees = TreesModel::new(TreeEncoder::fit(&frame), ensemble).unwrap();
        let model = Model::new(signature::fit(&frame, "y", Task::Regression, &[]), Predictor::Trees(trees));
        (model, frame, Target::Values(used))
    }

    #[test]
    fn only_the_used_column_matters() {
        let (model, frame, target) = one_split();
        let found = permutation(&model, &frame, &target, "rmse", 5, 1, 1000, &mut || false).unwrap();
        assert_eq!((found[0].column.as_str(), found[1].column.as_str()), ("used", "unused"));
        // Half of the shuffled rows are wrong by 1: RMSE sqrt(1/2).
        assert!((found[0].mean - 0.5f64.sqrt()).abs() < 0.05 && found[0].std > 0.0, "{found:?}");
        assert_eq!((found[1].mean, found[1].std), (0.0, 0.0));
        let again = permutation(&model, &frame, &target, "rmse", 5, 1, 1000, &mut || false).unwrap();
        assert_eq!(found, again);
        let stopped = permutation(&model, &frame, &target, "rmse", 5, 1, 50, &mut || true).unwrap();
        assert!(stopped.is_empty());
    }
}
