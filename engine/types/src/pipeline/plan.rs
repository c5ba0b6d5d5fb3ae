//! The order of the steps, and their places in the drawing.

use super::{Pipeline, Step, StepId};
use std::collections::{BTreeMap, BTreeSet};

/// Steps that can be drawn in one column: all they need lies in columns before.
pub type Layer = Vec<usize>;

/// Indices of the steps in an order in which each comes after all that it needs, otherwise as written; steps in a circle
/// are left out.
pub fn order(pipeline: &Pipeline) -> Vec<usize> {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut order = Vec::with_capacity(pipeline.steps.len());
    let mut waiting: Vec<usize> = (0..pipeline.steps.len()).collect();
    loop {
        let ready = |step: &Step, done: &BTreeSet<&str>| step.needs().all(|id| done.contains(id.as_str()));
        let Some(at) = waiting.iter().position(|&i| ready(&pipeline.steps[i], &done)) else { return order };
        let i = waiting.remove(at);
        done.insert(pipeline.steps[i].id.as_str());
        order.push(i);
    }
}

/// Steps that wait for themselves, directly or by way of others: those of the circles, not what hangs on them.
pub(super) fn circle(pipeline: &Pipeline) -> Vec<&StepId> {
    if order(pipeline).len() == pipeline.steps.len() {
        return Vec::new();
    }
    pipeline
        .steps
        .iter()
        .map(|step| &step.id)
        .filter(|id| upstream(pipeline, id.as_str()).contains(id.as_str()))
        .collect()
}

/// The ids of all steps that a step needs, directly or by way of others.
pub fn upstream<'a>(pipeline: &'a Pipeline, id: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = pipeline.step(id).into_iter().flat_map(Step::needs).map(StepId::as_str).collect();
    while let Some(id) = open.pop() {
        if let Some(step) = pipeline.step(id)
            && found.insert(step.id.as_str())
        {
            open.extend(step.needs().map(StepId::as_str));
        }
    }
    found
}

/// The steps by columns: each in the one after the last of what it needs, within a column near what it takes from, so that
/// lines cross seldom. Steps in a circle are left out.
pub fn layers(pipeline: &Pipeline) -> Vec<Layer> {
    let mut depth: BTreeMap<&str, usize> = BTreeMap::new();
    let mut layers: Vec<Layer> = Vec::new();
    for i in order(pipeline) {
        let step = &pipeline.steps[i];
        let at = step.needs().filter_map(|id| depth.get(id.as_str())).max().map_or(0, |depth| depth + 1);
        depth.insert(step.id.as_str(), at);
        if layers.len() <= at {
            layers.resize(at + 1, Vec::new());
        }
        layers[at].push(i);
    }
    let mut height: BTreeMap<&str, f64> = BTreeMap::new();
    for layer in &mut layers {
        let mut wanted: Vec<(f64, usize)> = layer
            .iter()
            .enumerate()
            .map(|(place, &i)| {
                let from: Vec<f64> =
                    pipeline.steps[i].needs().filter_map(|id| height.get(id.as_str()).copied()).collect();
                let mean = from.iter().sum::<f64>() / from.len().max(1) as f64;
                (if from.is_empty() { place as f64 } else { mean }, i)
            })
            .collect();
        wanted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let middle = (wanted.len() as f64 - 1.0) / 2.0;
        for (place, (_, i)) in wanted.iter().enumerate() {
            height.insert(pipeline.steps[*i].id.as_str(), place as f64 - middle);
        }
        *layer = wanted.into_iter().map(|(_, i)| i).collect();
    }
    layers
}
