//! Several models in one graph.

use crate::{Options, answer, columns::Columns, graph::Value};
use std::collections::{BTreeMap, BTreeSet};
use trainyard_infer::{
    Predictor,
    blend::Blend,
    preprocess::Encoder,
    trees::{Encoding, TreeEncoder},
};
use trainyard_types::Problem;

/// The weighted mean of the models' answers. `classes`: whether these are floats; otherwise doubles.
pub fn blend(columns: &mut Columns, blend: &Blend, options: Options, classes: bool) -> Result<Value, Problem> {
    columns.share(levels(blend));
    let mut sum: Option<Value> = None;
    for (weight, part) in blend.parts() {
        let part = answer(columns, part, options, classes)?;
        let graph = &mut columns.graph;
        let weight = if classes { graph.floats(&[1], &[*weight as f32]) } else { graph.double(*weight) };
        let weighted = graph.op("Mul", &[&part, &weight]);
        sum = Some(match sum {
            Some(sum) => graph.op("Add", &[&sum, &weighted]),
            None => weighted,
        });
    }
    sum.ok_or_else(|| Problem::internal("A blend has no models."))
}

/// All categories of each column that any of the models knows, sorted: the models keep them in orders of their own.
fn levels(blend: &Blend) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, part) in blend.parts() {
        let known: Vec<(&String, &[String])> = match part {
            Predictor::RealMlp(net) => of_encoder(net.encoder()),
            Predictor::TabM(net) => of_encoder(net.encoder()),
            Predictor::FtTransformer(net) => of_encoder(net.encoder()),
            Predictor::Linear(linear) => of_encoder(linear.encoder()),
            Predictor::Trees(trees) | Predictor::Boosting(trees) | Predictor::Forest(trees) => {
                of_trees(trees.encoder())
            }
            Predictor::Blend(_) | Predictor::Dummy(_) => Vec::new(),
        };
        known
            .into_iter()
            .for_each(|(name, levels)| all.entry(name.clone()).or_default().extend(levels.iter().cloned()));
    }
    all.into_iter().map(|(name, levels)| (name, levels.into_iter().collect())).collect()
}

fn of_encoder(encoder: &Encoder) -> Vec<(&String, &[String])> {
    let columns = encoder.columns().iter().map(|source| (&source.name, source.levels()));
    columns.filter(|(_, levels)| !levels.is_empty()).collect()
}

fn of_trees(encoder: &TreeEncoder) -> Vec<(&String, &[String])> {
    let mut all = Vec::new();
    for input in encoder.inputs() {
        if let Encoding::Category { levels, .. } = &input.encoding {
            all.push((&input.column, levels.as_slice()));
        }
    }
    all
}
