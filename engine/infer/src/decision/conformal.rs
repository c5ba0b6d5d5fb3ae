//! Split-conformal prediction: intervals and sets that hold the truth as often as asked (Vovk, Gammerman and Shafer 2005;
//! Angelopoulos and Bates, arXiv 2107.07511).

use serde::{Deserialize, Serialize};
use trainyard_types::run::Task;

/// How far an answer was off, the number that the quantile is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Score {
    /// A regression's absolute residual.
    Absolute,
    /// One minus the probability of the true class (Sadinle, Lei and Wasserman 2019).
    Lac,
    /// The probabilities of all classes down to the true one, added up (Romano, Sesia and Candès 2020, without the random
    /// part).
    Aps,
}

/// What is stored: the scores' quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conformal {
    /// Share of rows whose truth the answer is to hold, 0 to 1.
    pub level: f64,
    pub score: Score,
    /// The ⌈(rows + 1)·level⌉-th smallest score; in the target's unit for a regression.
    pub quantile: f64,
    /// Rows that it was taken of.
    pub rows: u64,
}

impl Conformal {
    pub(super) fn fits(&self, task: Task) -> bool {
        (task == Task::Regression) == (self.score == Score::Absolute)
            && self.quantile.is_finite()
            && self.level > 0.0
            && self.level < 1.0
    }

    /// The lower and the upper end around a predicted value.
    pub fn interval(&self, value: f64) -> (f64, f64) {
        (value - self.quantile, value + self.quantile)
    }

    /// The classes that the answer holds, the most probable first: all whose score is within the quantile, and the most
    /// probable one in any case, so that no answer is empty.
    pub fn set(&self, row: &[f32]) -> Vec<usize> {
        let order = ranked(row);
        let mut sum = 0.0;
        let mut kept = Vec::new();
        for (place, &class) in order.iter().enumerate() {
            let p = f64::from(row[class]);
            sum += p;
            let score = if self.score == Score::Aps { sum } else { 1.0 - p };
            if place > 0 && score > self.quantile {
                break;
            }
            kept.push(class);
        }
        kept
    }
}

/// The score of a row of class `class` by [`Score::Lac`].
pub fn lac(row: &[f32], class: usize) -> f64 {
    1.0 - f64::from(row[class])
}

/// The score of a row of class `class` by [`Score::Aps`].
pub fn aps(row: &[f32], class: usize) -> f64 {
    let mut sum = 0.0;
    for at in ranked(row) {
        sum += f64::from(row[at]);
        if at == class {
            break;
        }
    }
    sum
}

/// Classes by falling probability, the first of equals first.
fn ranked(row: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    order
}
