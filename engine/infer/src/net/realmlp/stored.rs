//! RealMLPs to and from a model file.

use super::{Layer, RealMlpModel, RealMlpNet, RealMlpWeights};
use crate::{
    error::LoadError,
    net::{Activation, Head},
    preprocess::Encoder,
    tensors::{Stored, TensorBag},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Header {
    encoder: serde_json::Value,
    classes: Option<usize>,
    activation: Activation,
    frequencies: usize,
    mixed: usize,
    embedding: usize,
    /// Outputs of each layer.
    layers: Vec<usize>,
    /// Nets that answer together; not said where there is one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    members: usize,
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde gives a reference.
fn is_one(members: &usize) -> bool {
    *members == 1
}

/// What the names of a member's arrays begin with; nothing where there is one.
fn prefix(member: usize, members: usize) -> String {
    if members == 1 { String::new() } else { format!("member.{member}.") }
}

/// Most members that a file may say.
const MOST: usize = 1 << 10;

impl Header {
    /// Takes a member's net out of the bag.
    fn net(&self, dense: usize, rows: &[usize], prefix: &str, bag: &mut TensorBag) -> Result<RealMlpNet, LoadError> {
        let (frequencies, mixed, embedding) = (self.frequencies, self.mixed, self.embedding);
        let named = |name: &str| format!("{prefix}{name}");
        let tables = rows.iter().enumerate();
        let tables = tables
            .map(|(index, rows)| bag.take_shaped(&named(&format!("table.{index}")), &[*rows, embedding]))
            .collect::<Result<_, _>>()?;
        let mut weights = RealMlpWeights {
            activation: self.activation,
            dense,
            frequencies,
            mixed,
            frequency: bag.take_shaped(&named("frequency"), &[dense, frequencies])?,
            phase: bag.take_shaped(&named("phase"), &[dense, frequencies])?,
            mix: bag.take_shaped(&named("mix"), &[dense, mixed, frequencies])?,
            mix_bias: bag.take_shaped(&named("mix_bias"), &[dense, mixed])?,
            embedding,
            tables,
            layers: Vec::new(),
        };
        let mut inputs = weights.inputs();
        for (index, &outputs) in self.layers.iter().enumerate() {
            let weight = bag.take_shaped(&named(&format!("layer.{index}.weight")), &[inputs, outputs])?;
            let bias = bag.take_shaped(&named(&format!("layer.{index}.bias")), &[outputs])?;
            let (_, alpha) = bag.take(&named(&format!("layer.{index}.alpha")))?;
            weights.layers.push(Layer { inputs, outputs, weight, bias, alpha });
            inputs = outputs;
        }
        RealMlpNet::new(weights)
    }
}

impl Stored for RealMlpModel {
    fn store(&self, bag: &mut TensorBag) -> Result<serde_json::Value, LoadError> {
        let encoder = self.encoder.store(bag)?;
        let members = self.nets.len();
        for (member, net) in self.nets.iter().enumerate() {
            let w = &net.weights;
            let prefix = prefix(member, members);
            let mut put = |name: &str, shape: &[usize], values: &[f32]| {
                bag.put(&format!("{prefix}{name}"), shape, values.to_vec());
            };
            put("frequency", &[w.dense, w.frequencies], &w.frequency);
            put("phase", &[w.dense, w.frequencies], &w.phase);
            put("mix", &[w.dense, w.mixed, w.frequencies], &w.mix);
            put("mix_bias", &[w.dense, w.mixed], &w.mix_bias);
            for (index, table) in w.tables.iter().enumerate() {
                put(&format!("table.{index}"), &[table.len() / w.embedding, w.embedding], table);
            }
            for (index, layer) in w.layers.iter().enumerate() {
                put(&format!("layer.{index}.weight"), &[layer.inputs, layer.outputs], &layer.weight);
                put(&format!("layer.{index}.bias"), &[layer.outputs], &layer.bias);
                put(&format!("layer.{index}.alpha"), &[layer.alpha.len()], &layer.alpha);
            }
        }
        // All are of one shape.
        let w = &self.nets[0].weights;
        Ok(serde_json::to_value(Header {
            encoder,
            classes: self.head.store(bag),
            activation: w.activation,
            frequencies: w.frequencies,
            mixed: w.mixed,
            embedding: w.embedding,
            layers: w.layers.iter().map(|layer| layer.outputs).collect(),
            members,
        })?)
    }

    fn restore(header: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let mut header: Header = serde_json::from_value(header)?;
        if !(1..=MOST).contains(&header.members) {
            return Err(LoadError::part(format!("a model of {} nets", header.members)));
        }
        let encoder = Encoder::restore(header.encoder.take(), bag)?;
        let head = Head::restore(header.classes, bag)?;
        let (dense, rows) = (encoder.width(), encoder.embedding_rows());
        let nets = (0..header.members)
            .map(|member| header.net(dense, &rows, &prefix(member, header.members), bag))
            .collect::<Result<_, _>>()?;
        Self::new(encoder, nets, head)
    }
}
