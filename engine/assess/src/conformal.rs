//! Split-conformal quantiles, and how often the truth is held (Vovk, Gammerman and Shafer 2005; Angelopoulos and Bates,
//! arXiv 2107.07511).

use crate::groups::wilson;
use trainyard_infer::{
    Predictions, Target,
    decision::{Conformal, Score, aps, lac},
};
use trainyard_types::{
    decision::{IntervalReport, SetMethod},
    words::count,
};

/// How far each row's answer was off: a regression's absolute residuals, or the sets' scores of the true classes.
///
/// # Panics
/// If target and predictions are of different kinds.
pub fn scores(target: &Target, predictions: &Predictions, sets: SetMethod) -> (Score, Vec<f64>) {
    match (target, predictions) {
        (Target::Values(truth), Predictions::Values(values)) => {
            (Score::Absolute, truth.iter().zip(values).map(|(truth, value)| (truth - value).abs()).collect())
        }
        (Target::Classes(truth), Predictions::Probabilities { classes, values }) => {
            let rows = values.chunks_exact((*classes).max(1)).zip(truth.iter().map(|&class| class as usize));
            match sets {
                SetMethod::Lac => (Score::Lac, rows.map(|(row, class)| lac(row, class)).collect()),
                SetMethod::Aps => (Score::Aps, rows.map(|(row, class)| aps(row, class)).collect()),
            }
        }
        _ => panic!("outcomes and predictions are of different kinds"),
    }
}

/// The ⌈(n + 1)·level⌉-th smallest of n scores: with rows like these, a new one's score is at most that with a probability of
/// `level` or more. `None` where there are too few rows to say so, see [`fewest`].
pub fn quantile(mut scores: Vec<f64>, level: f64) -> Option<f64> {
    let rank = rank(scores.len(), level);
    if rank > scores.len() || rank == 0 {
        return None;
    }
    scores.sort_unstable_by(f64::total_cmp);
    Some(scores[rank - 1])
}

fn rank(rows: usize, level: f64) -> usize {
    // Products such as 10 · 0.9 come out a little above the whole number.
    ((rows as f64 + 1.0) * level - 1e-9).ceil() as usize
}

/// Rows that a level needs: 9 for 90 %, 99 for 99 %.
pub fn fewest(level: f64) -> usize {
    (1..).find(|&rows| rank(rows, level) <= rows).unwrap_or(usize::MAX)
}

/// What is to be stored; `None` with too few rows.
///
/// # Panics
/// As [`scores`].
pub fn fit(target: &Target, predictions: &Predictions, level: f64, sets: SetMethod) -> Option<Conformal> {
    let (score, scores) = scores(target, predictions, sets);
    let rows = scores.len() as u64;
    let quantile = quantile(scores, level).filter(|quantile| quantile.is_finite())?;
    Some(Conformal { level, score, quantile, rows })
}

/// How intervals or sets do on rows with outcomes.
///
/// # Panics
/// As [`scores`].
pub fn judge(conformal: &Conformal, target: &Target, predictions: &Predictions) -> IntervalReport {
    let (mut held, mut size) = (0u64, 0.0);
    let mut sizes = Vec::new();
    match (target, predictions) {
        (Target::Values(truth), Predictions::Values(values)) => {
            for (truth, value) in truth.iter().zip(values) {
                let (low, high) = conformal.interval(*value);
                held += u64::from((low..=high).contains(truth));
                size += high - low;
            }
        }
        (Target::Classes(truth), Predictions::Probabilities { classes, values }) => {
            sizes = vec![0u64; *classes];
            for (row, &class) in values.chunks_exact((*classes).max(1)).zip(truth) {
                let set = conformal.set(row);
                held += u64::from(set.contains(&(class as usize)));
                size += set.len() as f64;
                sizes[set.len() - 1] += 1;
            }
        }
        _ => panic!("outcomes and predictions are of different kinds"),
    }
    let rows = target.len() as u64;
    let coverage = held as f64 / rows.max(1) as f64;
    let (low, high) = wilson(held, rows);
    let size = size / rows.max(1) as f64;
    let method = match conformal.score {
        Score::Absolute => "absolute",
        Score::Lac => "lac",
        Score::Aps => "aps",
    };
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let verdict = if conformal.level > high {
        "That is fewer than promised by more than chance explains: rows that are asked may be unlike those learned from."
    } else if conformal.level < low {
        "That is more than promised: intervals are wider than they need be."
    } else {
        "That is what was promised, within chance."
    };
    let what = if conformal.score == Score::Absolute { "Intervals" } else { "Sets of classes" };
    let sentence = format!(
        "{what} made to hold {} of the truths hold {} of {} test rows (95 % interval {} to {}). {verdict}",
        percent(conformal.level),
        percent(coverage),
        count(rows),
        percent(low),
        percent(high)
    );
    IntervalReport {
        level: conformal.level,
        method: method.to_owned(),
        quantile: conformal.quantile,
        coverage,
        low,
        high,
        size,
        sizes,
        sentence,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_quantile_is_the_finite_sample_one() {
        // Angelopoulos and Bates: the ⌈(n + 1)(1 − α)⌉ / n quantile. n = 19, α = 0.1: the 18th of 1 to 19.
        let scores: Vec<f64> = (1..=19).rev().map(f64::from).collect();
        assert_eq!(quantile(scores.clone(), 0.9), Some(18.0));
        assert_eq!(quantile(scores.clone(), 0.95), Some(19.0));
        assert_eq!(quantile(scores, 0.96), None);
        assert_eq!((quantile(vec![1.0; 8], 0.9), quantile(vec![1.0; 9], 0.9)), (None, Some(1.0)));
        assert_eq!((fewest(0.9), fewest(0.99), fewest(0.5)), (9, 99, 1));
    }

    /// The number of rows held is beta-binomial: Beta(k, n + 1 − k) with k = ⌈(n + 1)(1 − α)⌉ (Vovk 2012). With n = 1,000 and
    /// 4,000 new rows its standard deviation is √(.09/1,001 + .09/4,000) = 1.06 points; 4 of them are allowed.
    #[test]
    fn intervals_hold_what_they_promise() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut draw = |rows: usize| -> (Target, Predictions) {
            let values: Vec<f64> = (0..rows).map(|_| random.random::<f64>() * 10.0).collect();
            let truth = values.iter().map(|v| v + (random.random::<f64>() - 0.5) * (1.0 + v)).collect();
            (Target::Values(truth), Predictions::Values(values))
        };
        let (target, predictions) = draw(1_000);
        let (new_target, new_predictions) = draw(4_000);
        for level in [0.8, 0.9, 0.95] {
            let conformal = fit(&target, &predictions, level, SetMethod::Lac).unwrap();
            let report = judge(&conformal, &new_target, &new_predictions);
            let deviation = (level * (1.0 - level) * (1.0 / 1_001.0 + 1.0 / 4_000.0)).sqrt();
            assert!((report.coverage - level).abs() < 4.0 * deviation, "{report:?}");
            assert!((report.size - 2.0 * conformal.quantile).abs() < 1e-9);
        }
    }

    #[test]
    fn sets_hold_what_they_promise() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let mut draw = |rows: usize| -> (Target, Predictions) {
            let (mut truth, mut values) = (Vec::new(), Vec::new());
            for _ in 0..rows {
                let raw: Vec<f64> = (0..4).map(|_| random.random::<f64>().powi(3) + 0.01).collect();
                let total: f64 = raw.iter().sum();
                let mut left = random.random::<f64>() * total;
                let class = raw.iter().position(|p| {
                    left -= p;
                    left <= 0.0
                });
                truth.push(class.unwrap_or(3) as u32);
                // A model that is too sure: coverage must hold all the same.
                let sure: Vec<f64> = raw.iter().map(|p| p * p).collect();
                values.extend(sure.iter().map(|p| (p / sure.iter().sum::<f64>()) as f32));
            }
            (Target::Classes(truth), Predictions::Probabilities { classes: 4, values })
        };
        let (target, predictions) = draw(1_000);
        let (new_target, new_predictions) = draw(4_000);
        for sets in [SetMethod::Lac, SetMethod::Aps] {
            let conformal = fit(&target, &predictions, 0.9, sets).unwrap();
            let report = judge(&conformal, &new_target, &new_predictions);
            // APS without the random part holds rather more.
            let above = if sets == SetMethod::Aps { 0.1 } else { 0.0424 };
            assert!((-0.0424..above).contains(&(report.coverage - 0.9)), "{report:?}");
            assert_eq!(report.sizes.iter().sum::<u64>(), 4_000);
            assert!((1.0..4.0).contains(&report.size), "{report:?}");
        }
    }

    /// MAPIE 1.6.0, SplitConformalRegressor(identity, confidence_level=[.8, .9], prefit=True).conformalize(x, y)
    /// .predict_interval(x): half of the widths, for x = 0 to 29 and y = x + (37·x mod 30)/10 − 1.2.
    #[test]
    fn half_widths_as_mapie() {
        let values: Vec<f64> = (0..30).map(f64::from).collect();
        let truth: Vec<f64> = (0..30).map(|i| f64::from(i) + f64::from((i * 37) % 30) / 10.0 - 1.2).collect();
        let fit =
            |level| fit(&Target::Values(truth.clone()), &Predictions::Values(values.clone()), level, SetMethod::Lac);
        for (level, expected) in [(0.8, 1.2), (0.9, 1.5)] {
            assert!((fit(level).unwrap().quantile - expected).abs() < 1e-9, "{level}");
        }
    }
}
