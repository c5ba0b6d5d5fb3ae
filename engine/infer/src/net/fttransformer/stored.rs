//! The model's part of a file.

use super::{Block, FtTransformerModel, FtTransformerNet, FtTransformerWeights, Norm};
use crate::{
    error::LoadError,
    net::{Head, Layer},
    preprocess::Encoder,
    tensors::{Stored, TensorBag},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Header {
    encoder: serde_json::Value,
    classes: Option<usize>,
    width: usize,
    heads: usize,
    hidden: usize,
    blocks: usize,
}

impl Norm {
    fn store(&self, name: &str, bag: &mut TensorBag) {
        bag.put(&format!("{name}.gain"), &[self.gain.len()], self.gain.clone());
        bag.put(&format!("{name}.shift"), &[self.shift.len()], self.shift.clone());
    }

    fn restore(name: &str, width: usize, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let gain = bag.take_shaped(&format!("{name}.gain"), &[width])?;
        Ok(Self { gain, shift: bag.take_shaped(&format!("{name}.shift"), &[width])? })
    }
}

fn store(layer: &Layer, name: &str, bag: &mut TensorBag) {
    bag.put(&format!("{name}.weight"), &[layer.inputs, layer.outputs], layer.weight.clone());
    bag.put(&format!("{name}.bias"), &[layer.outputs], layer.bias.clone());
}

fn restore(name: &str, inputs: usize, outputs: usize, bag: &mut TensorBag) -> Result<Layer, LoadError> {
    let weight = bag.take_shaped(&format!("{name}.weight"), &[inputs, outputs])?;
    let bias = bag.take_shaped(&format!("{name}.bias"), &[outputs])?;
    Ok(Layer { inputs, outputs, weight, bias, alpha: Vec::new() })
}

impl Block {
    fn store(&self, name: &str, width: usize, bag: &mut TensorBag) {
        if let Some(norm) = &self.before {
            norm.store(&format!("{name}.before"), bag);
        }
        bag.put(&format!("{name}.key.weight"), &[width, width], self.key.clone());
        self.between.store(&format!("{name}.between"), bag);
        for (part, layer) in ["query", "value", "out", "up", "gate", "down"].into_iter().zip(self.layers()) {
            store(layer, &format!("{name}.{part}"), bag);
        }
    }

    fn restore(name: &str, first: bool, width: usize, hidden: usize, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let before = if first { None } else { Some(Norm::restore(&format!("{name}.before"), width, bag)?) };
        let key = bag.take_shaped(&format!("{name}.key.weight"), &[width, width])?;
        let between = Norm::restore(&format!("{name}.between"), width, bag)?;
        let mut layer = |part: &str, inputs, outputs| restore(&format!("{name}.{part}"), inputs, outputs, bag);
        Ok(Self {
            before,
            query: layer("query", width, width)?,
            key,
            value: layer("value", width, width)?,
            out: layer("out", width, width)?,
            between,
            up: layer("up", width, hidden)?,
            gate: layer("gate", width, hidden)?,
            down: layer("down", hidden, width)?,
        })
    }
}

impl Stored for FtTransformerModel {
    fn store(&self, bag: &mut TensorBag) -> Result<serde_json::Value, LoadError> {
        let encoder = self.encoder.store(bag)?;
        let w = &self.net.weights;
        let width = w.width;
        bag.put("scale", &[w.dense, width], w.scale.clone());
        bag.put("bias", &[w.dense + w.tables.len(), width], w.bias.clone());
        for (index, table) in w.tables.iter().enumerate() {
            bag.put(&format!("table.{index}"), &[table.len() / width, width], table.clone());
        }
        bag.put("cls", &[width], w.cls.clone());
        for (index, block) in w.blocks.iter().enumerate() {
            block.store(&format!("block.{index}"), width, bag);
        }
        w.norm.store("norm", bag);
        store(&w.head, "last", bag);
        Ok(serde_json::to_value(Header {
            encoder,
            classes: self.head.store(bag),
            width,
            heads: w.heads,
            hidden: w.hidden,
            blocks: w.blocks.len(),
        })?)
    }

    fn restore(header: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let Header { encoder, classes, width, heads, hidden, blocks } = serde_json::from_value(header)?;
        let encoder = Encoder::restore(encoder, bag)?;
        let head = Head::restore(classes, bag)?;
        let (dense, rows) = (encoder.width(), encoder.embedding_rows());
        let columns = dense + rows.len();
        let tables = rows
            .into_iter()
            .enumerate()
            .map(|(index, rows)| bag.take_shaped(&format!("table.{index}"), &[rows, width]))
            .collect::<Result<_, _>>()?;
        let mut weights = FtTransformerWeights {
            dense,
            width,
            heads,
            hidden,
            scale: bag.take_shaped("scale", &[dense, width])?,
            bias: bag.take_shaped("bias", &[columns, width])?,
            tables,
            cls: bag.take_shaped("cls", &[width])?,
            blocks: Vec::new(),
            norm: Norm::restore("norm", width, bag)?,
            head: restore("last", width, head.outputs(), bag)?,
        };
        for index in 0..blocks {
            weights.blocks.push(Block::restore(&format!("block.{index}"), index == 0, width, hidden, bag)?);
        }
        Self::new(encoder, FtTransformerNet::new(weights)?, head)
    }
}
