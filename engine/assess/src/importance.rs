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
        let metrics = metrics::score(model.signature.task, &target, &model.predict(frame)?);
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
        let spread = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / repeats.saturating_sub(1).max(1) as f64;
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
