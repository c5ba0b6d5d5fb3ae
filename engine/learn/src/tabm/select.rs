//! Which members answer in the end: a few of them are often as good as all, or better.

use crate::{
    goal::Goal,
    net::{Truth, score::evaluate},
};
use trainyard_infer::net::Head;

/// Takes members one after the other, each time the one with which the validation rows' loss is least, and keeps them up to
/// the number that was best. `outputs` is `rows x members x outputs`. The numbers come in order; there is one or more.
pub fn greedy(goal: Goal, members: usize, outputs: &[f32], truth: &Truth) -> Vec<usize> {
    let head = goal.head;
    let wide = head.outputs();
    let rows = outputs.len() / (members * wide).max(1);
    // What is added up over the members: values, probabilities or rates.
    let mut values = outputs.to_vec();
    head.meant(&mut values);
    let mut sum = vec![0.0f32; rows * wide];
    let (mut taken, mut best): (Vec<usize>, (f64, usize)) = (Vec::new(), (f64::INFINITY, 0));
    while taken.len() < members {
        let count = (taken.len() + 1) as f32;
        let with = |member: usize| -> Vec<f32> {
            let added = values.chunks_exact(members * wide).flat_map(|row| &row[member * wide..][..wide]);
            sum.iter().zip(added).map(|(sum, value)| sum + value).collect()
        };
        let loss = |sums: &[f32]| {
            let mean = |sum: &f32| match head {
                Head::Classes { .. } | Head::Rate { .. } => (sum / count).max(f32::MIN_POSITIVE).ln(),
                Head::Value { .. } => sum / count,
            };
            evaluate(goal, &sums.iter().map(mean).collect::<Vec<f32>>(), truth).0
        };
        let tried = (0..members).filter(|member| !taken.contains(member)).map(|member| {
            let sums = with(member);
            (loss(&sums), member, sums)
        });
        // The first of equals.
        let Some((lost, member, sums)) = tried.min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        taken.push(member);
        sum = sums;
        // Of equals the more: chance has less of a say.
        if lost <= best.0 {
            best = (lost, taken.len());
        }
    }
    taken.truncate(best.1.max(1));
    taken.sort_unstable();
    taken
}
