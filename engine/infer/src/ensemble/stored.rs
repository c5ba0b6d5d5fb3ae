//! Ensembles to and from a model file.

use super::{CATEGORY, Ensemble, Head, INDEX, LEAF, MISSING_LEFT, NAN, Node, Tree};
use crate::{
    error::LoadError,
    tensors::{Stored, TensorBag},
};
use serde::{Deserialize, Serialize};

impl Ensemble {
    /// Everything that prediction relies on, so that a damaged or hostile file can't make it panic or loop.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let sums = self.base.len();
        let fits = match &self.head {
            Head::Value { linear } => {
                sums == 1
                    && linear.as_ref().is_none_or(|head| {
                        [&head.means, &head.scales, &head.coefficients].iter().all(|list| list.len() == self.features)
                    })
            }
            Head::Rate { .. } => sums == 1,
            Head::Binary => sums > 0,
            Head::OneVsRest { folds, priors, .. } => {
                *folds > 0 && priors.len() > 1 && folds.checked_mul(priors.len()) == Some(sums)
            }
            Head::Softmax { .. } | Head::Shares => sums > 1,
        };
        if !fits || self.features > INDEX as usize {
            return Err("the head does not fit the sums");
        }
        for (index, tree) in self.trees.iter().enumerate() {
            let end = self.trees.get(index + 1).map_or(self.nodes.len(), |next| next.root as usize);
            let width = tree.width as usize;
            let place = u64::from(tree.offset) + u64::from(tree.width);
            if tree.root as usize >= end || end > self.nodes.len() || place > sums as u64 || width == 0 {
                return Err("a tree is out of place");
            }
            for at in tree.root as usize..end {
                let node = self.nodes[at];
                let child = node.child as usize;
                let sound = if node.feature & LEAF != 0 {
                    child == at
                        && node.feature == LEAF | MISSING_LEFT
                        && node.bits & NAN == NAN
                        && (node.bits & 0xffff_ffff) + u64::from(tree.width) <= self.leaves.len() as u64
                } else {
                    let set_end = (node.bits >> 32) + (node.bits & 0xffff_ffff);
                    // Children stand behind their parent, so that no walk goes round in circles.
                    child > at
                        && child < end - 1
                        && ((node.feature & INDEX) as usize) < self.features
                        && (node.feature & CATEGORY == 0 || set_end <= self.sets.len() as u64)
                };
                if !sound {
                    return Err("a node points out of its tree");
                }
            }
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    features: usize,
    head: Head,
}

impl Stored for Ensemble {
    fn store(&self, bag: &mut TensorBag) -> Result<serde_json::Value, LoadError> {
        let nodes =
            self.nodes.iter().flat_map(|node| [node.bits as u32, (node.bits >> 32) as u32, node.child, node.feature]);
        bag.put("trees.nodes", &[self.nodes.len(), 4], nodes.collect());
        bag.put(
            "trees.roots",
            &[self.trees.len(), 3],
            self.trees.iter().flat_map(|t| [t.root, t.offset, t.width]).collect(),
        );
        bag.put("trees.leaves", &[self.leaves.len()], self.leaves.clone());
        bag.put("trees.sets", &[self.sets.len()], self.sets.clone());
        bag.put("trees.base", &[self.base.len()], self.base.clone());
        Ok(serde_json::to_value(Header { features: self.features, head: self.head.clone() })?)
    }

    /// Unchecked: [`crate::trees::TreesModel::new`] checks it together with its encoder.
    fn restore(header: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError> {
        let Header { features, head } = serde_json::from_value(header)?;
        let nodes: Vec<u32> = bag.take("trees.nodes")?.1;
        let trees: Vec<u32> = bag.take("trees.roots")?.1;
        let nodes = nodes
            .chunks_exact(4)
            .map(|word| Node { bits: u64::from(word[0]) | u64::from(word[1]) << 32, child: word[2], feature: word[3] })
            .collect();
        let trees = trees.chunks_exact(3).map(|word| Tree { root: word[0], offset: word[1], width: word[2] }).collect();
        Ok(Self {
            features,
            base: bag.take("trees.base")?.1,
            head,
            trees,
            nodes,
            leaves: bag.take("trees.leaves")?.1,
            sets: bag.take("trees.sets")?.1,
        })
    }
}
