//! How far a run's score moves with the seed alone.

use crate::{RunId, job::JobState};
use serde::{Deserialize, Serialize};

/// Runs asked for at once at most.
pub const MOST_REPEATS: u32 = 20;

/// A run that differs from the others in its seed alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SeedRun {
    pub run: RunId,
    pub seed: u64,
    pub state: JobState,
    /// The primary metric on the test rows, once it has ended.
    pub score: Option<f64>,
}

/// The run and those that differ in nothing but the seed: same version, columns, split, family and limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SeedsView {
    /// The primary metric, once one has ended.
    pub metric: Option<String>,
    /// By seed.
    pub runs: Vec<SeedRun>,
    /// Mean of the scores, one a seed; from two on.
    pub mean: Option<f64>,
    /// Their sample standard deviation (n - 1).
    pub std: Option<f64>,
    /// How often the test part was looked at: runs of the project, this one included, that were scored on the same test
    /// rows. Whoever chooses by them reports too good a score.
    pub test_looks: u64,
}

impl SeedsView {
    /// Several runs of one seed count once, the newest (the last) of them.
    pub fn new(metric: Option<String>, mut runs: Vec<SeedRun>, test_looks: u64) -> Self {
        runs.sort_by_key(|run| run.seed);
        let mut scores: Vec<(u64, f64)> = Vec::new();
        for run in &runs {
            let Some(score) = run.score.filter(|score| score.is_finite()) else { continue };
            match scores.last_mut() {
                Some(last) if last.0 == run.seed => last.1 = score,
                _ => scores.push((run.seed, score)),
            }
        }
        let n = scores.len() as f64;
        let mean = (scores.len() > 1).then(|| scores.iter().map(|(_, score)| score).sum::<f64>() / n);
        let std =
            mean.map(|mean| (scores.iter().map(|(_, score)| (score - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt());
        Self { metric, runs, mean, std, test_looks }
    }

    /// The seeds after the highest used so far, `more` of them.
    pub fn next(&self, more: u32) -> Vec<u64> {
        let from = self.runs.iter().map(|run| run.seed).max().map_or(0, |seed| seed.saturating_add(1));
        (0..u64::from(more)).map_while(|i| from.checked_add(i)).collect()
    }
}

/// Asks for the same run with other seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RepeatRun {
    /// How many more, 1 to 20.
    pub more: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, score: Option<f64>) -> SeedRun {
        SeedRun { run: RunId(uuid::Uuid::from_u128(u128::from(seed))), seed, state: JobState::Succeeded, score }
    }

    #[test]
    fn each_seed_counts_once() {
        let view = SeedsView::new(None, vec![run(2, Some(0.9)), run(0, Some(0.5)), run(0, Some(0.7)), run(1, None)], 3);
        assert_eq!(view.mean, Some(0.8));
        // Two values, 0.1 from their mean each: sqrt(0.02 / 1).
        assert!((view.std.unwrap_or_default() - 0.02_f64.sqrt()).abs() < 1e-12);
        assert_eq!(view.next(3), [3, 4, 5]);
        assert_eq!(SeedsView::new(None, vec![run(0, Some(0.5))], 1).mean, None, "one run says nothing of the spread");
        assert_eq!(SeedsView::new(None, vec![run(u64::MAX, None)], 0).next(2), [u64::MAX]);
    }
}
