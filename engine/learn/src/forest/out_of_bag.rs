//! What the forest is worth on its own train rows, each asked of the trees whose sample it was not in.

use super::{
    grow::{Ground, Tree},
    shares, workers,
};
use crate::{TrainData, Unseen};
use std::thread;
use trainyard_infer::Predictions;
use trainyard_types::run::Task;

/// Rows that are asked, evenly spread, and numbers that their answers may take together.
const ROWS: usize = 50_000;
const NUMBERS: usize = 10_000_000;

/// The rows that are asked.
pub fn watched(rows: usize, width: usize) -> Vec<u32> {
    let most = ROWS.min(NUMBERS / width.max(1)).max(1);
    (0..rows as u32).step_by(rows.div_ceil(most).max(1)).collect()
}

/// The answers about the watched rows that some tree did not see; `None` where all trees saw all of them. Too good by a little
/// where there are categories: their order knows the outcomes of all rows.
pub fn ask(data: &TrainData<'_>, ground: &Ground<'_>, trees: &[Tree], centre: f64) -> Option<Unseen> {
    let mut answers: Vec<Option<Vec<f64>>> = vec![None; ground.watched.len()];
    let each = ground.watched.len().div_ceil(workers::threads()).max(1);
    thread::scope(|scope| {
        for (part, answers) in answers.chunks_mut(each).enumerate() {
            scope.spawn(move || {
                for (at, answer) in answers.iter_mut().enumerate() {
                    *answer = mean(data.task, ground, trees, part * each + at);
                }
            });
        }
    });
    let asked: Vec<usize> = (0..answers.len()).filter(|&at| answers[at].is_some()).collect();
    if asked.is_empty() {
        return None;
    }
    let rows: Vec<usize> = asked.iter().map(|&at| ground.watched[at] as usize).collect();
    let flat = answers.into_iter().flatten().flatten();
    let predictions = match data.task {
        Task::Regression => Predictions::Values(flat.map(|value| centre + value).collect()),
        _ => Predictions::Probabilities { classes: data.classes.len(), values: flat.map(|p| p as f32).collect() },
    };
    Some(Unseen { rows, predictions })
}

/// The mean answer of the trees that did not see the row.
fn mean(task: Task, ground: &Ground<'_>, trees: &[Tree], watched: usize) -> Option<Vec<f64>> {
    let row = ground.watched[watched] as usize;
    let width = ground.outcome.width();
    let mut sums: Option<Vec<f64>> = None;
    let mut count = 0.0;
    for tree in trees.iter().filter(|tree| !tree.saw(watched)) {
        let leaf = tree.leaf(ground.table, row);
        let answer = shares(task, &tree.values[leaf..leaf + width]);
        match &mut sums {
            Some(sums) => sums.iter_mut().zip(answer).for_each(|(sum, value)| *sum += value),
            None => sums = Some(answer),
        }
        count += 1.0;
    }
    sums.map(|sums| sums.into_iter().map(|sum| sum / count).collect())
}
