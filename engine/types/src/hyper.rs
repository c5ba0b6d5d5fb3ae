//! The hyperparameters that a person may set, family by family. What is left out has the family's default, which is meant to
//! do without.

use crate::run::Family;
use std::collections::BTreeMap;

/// What is set: key (`trees.budget`) and value.
pub type Hyperparameters = BTreeMap<String, f64>;

/// How values of a hyperparameter lie between its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Linear,
    /// Powers: a step is a factor.
    Log,
    /// Whole numbers.
    Integer,
    /// Whole multiples of this number.
    Multiple(u32),
}

/// A hyperparameter: its key begins with its family's name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyperparameter {
    pub key: &'static str,
    pub family: Family,
    pub title: &'static str,
    /// What more of it does.
    pub help: &'static str,
    /// The least and the greatest value that is taken.
    pub low: f64,
    pub high: f64,
    pub scale: Scale,
    /// What is taken where nothing is set, in words.
    pub default: &'static str,
}

/// All of them, by family.
pub const ALL: &[Hyperparameter] = &[
    Hyperparameter {
        key: "linear.l2",
        family: Family::Linear,
        title: "L2 penalty",
        help: "More of it keeps weights smaller: less overfitting, more bias. scikit-learn's alpha, and 1 / C.",
        low: 1e-6,
        high: 1e6,
        scale: Scale::Log,
        default: "1",
    },
    Hyperparameter {
        key: "fttransformer.blocks",
        family: Family::FtTransformer,
        title: "Blocks",
        help: "Layers of attention: more find more tangled relations, take longer and overfit sooner. The paper has 3.",
        low: 1.0,
        high: 6.0,
        scale: Scale::Integer,
        default: "2",
    },
    Hyperparameter {
        key: "fttransformer.width",
        family: Family::FtTransformer,
        title: "Width",
        help: "Numbers that stand for a column: time grows with their square. The paper has 192.",
        low: 16.0,
        high: 256.0,
        scale: Scale::Multiple(8),
        default: "64",
    },
    Hyperparameter {
        key: "fttransformer.attention_dropout",
        family: Family::FtTransformer,
        title: "Dropout in attention",
        help: "The share of looks from column to column that each step leaves out: more regularises.",
        low: 0.0,
        high: 0.8,
        scale: Scale::Linear,
        default: "0.15",
    },
    Hyperparameter {
        key: "fttransformer.dropout",
        family: Family::FtTransformer,
        title: "Dropout behind attention",
        help: "The share of neurons that each step leaves out: more regularises.",
        low: 0.0,
        high: 0.8,
        scale: Scale::Linear,
        default: "0.05",
    },
    Hyperparameter {
        key: "fttransformer.learning_rate",
        family: Family::FtTransformer,
        title: "Learning rate",
        help: "How far each step goes: less needs more epochs and is steadier. The paper has 0.0001 for its wider net.",
        low: 1e-6,
        high: 0.1,
        scale: Scale::Log,
        default: "0.001",
    },
    Hyperparameter {
        key: "fttransformer.weight_decay",
        family: Family::FtTransformer,
        title: "Weight decay",
        help: "How much each step shrinks the weights of layers: more regularises.",
        low: 0.0,
        high: 1.0,
        scale: Scale::Linear,
        default: "0.00001",
    },
    Hyperparameter {
        key: "fttransformer.batch_size",
        family: Family::FtTransformer,
        title: "Rows of a step",
        help: "Fewer make more steps of an epoch, which are noisier.",
        low: 8.0,
        high: 4096.0,
        scale: Scale::Integer,
        default: "64 to 256, by the number of rows",
    },
    Hyperparameter {
        key: "fttransformer.patience",
        family: Family::FtTransformer,
        title: "Patience",
        help: "Training ends after so many epochs without a better score on the validation rows.",
        low: 1.0,
        high: 256.0,
        scale: Scale::Integer,
        default: "16",
    },
    Hyperparameter {
        key: "trees.budget",
        family: Family::Trees,
        title: "Budget",
        help: "How finely boosting steps: more takes longer and is often a little better; less regularises. Each step goes 10 to the power of minus this.",
        low: 0.1,
        high: 2.5,
        scale: Scale::Linear,
        default: "0.5 to 1.5, by the time budget",
    },
    Hyperparameter {
        key: "trees.max_rounds",
        family: Family::Trees,
        title: "Rounds at most",
        help: "Boosting ends after so many rounds; those after which the validation loss is least are kept.",
        low: 1.0,
        high: 5000.0,
        scale: Scale::Integer,
        default: "by the time budget, 2,000 at most",
    },
    Hyperparameter {
        key: "trees.max_bin",
        family: Family::Trees,
        title: "Bins of a column",
        help: "Thresholds that a tree may choose from: fewer is quicker and smoother.",
        low: 8.0,
        high: 1023.0,
        scale: Scale::Integer,
        default: "255",
    },
];

/// The one with this key.
pub fn find(key: &str) -> Option<&'static Hyperparameter> {
    ALL.iter().find(|known| known.key == key)
}

/// Those that a run of this family takes: its own, and for `auto` those of all families that it may try.
pub fn of(family: Family) -> impl Iterator<Item = &'static Hyperparameter> {
    ALL.iter().filter(move |known| known.belongs_to(family))
}

impl Hyperparameter {
    /// Whether the value can be taken; otherwise what can.
    ///
    /// # Errors
    /// A sentence that says the range.
    pub fn check(&self, value: f64) -> Result<(), String> {
        let fits = match self.scale {
            Scale::Linear | Scale::Log => true,
            Scale::Integer => value.fract() == 0.0,
            Scale::Multiple(of) => value % f64::from(of) == 0.0,
        };
        if fits && (self.low..=self.high).contains(&value) {
            return Ok(());
        }
        Err(format!("'{}' takes a {} from {} to {}.", self.key, self.kind(), self.low, self.high))
    }

    /// What its values are, in words: a number, a whole number, or a multiple of one.
    pub fn kind(&self) -> String {
        match self.scale {
            Scale::Linear | Scale::Log => "number".to_owned(),
            Scale::Integer => "whole number".to_owned(),
            Scale::Multiple(of) => format!("multiple of {of}"),
        }
    }

    /// Whether a run of this family takes it.
    fn belongs_to(&self, family: Family) -> bool {
        self.family == family || family == Family::Auto && self.family.is_tried()
    }
}

/// Everything that is wrong with what is set for a run of this family, one sentence each.
pub fn problems(set: &Hyperparameters, family: Family) -> Vec<String> {
    let known = || of(family).map(|known| known.key).collect::<Vec<_>>().join(", ");
    set.iter()
        .filter_map(|(key, value)| match find(key) {
            Some(found) if found.belongs_to(family) => found.check(*value).err(),
            Some(found) => {
                Some(format!("'{key}' belongs to the family {}, which this run does not train.", found.family.as_str()))
            }
            None => Some(format!("There is no hyperparameter '{key}'. Use {}.", known())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_of_their_family_and_unique() {
        for known in ALL {
            assert_eq!(
                known.key.split_once('.').map(|(family, _)| family),
                Some(known.family.as_str()),
                "{}",
                known.key
            );
            assert!(known.low < known.high && ALL.iter().filter(|other| other.key == known.key).count() == 1);
            assert!(known.scale != Scale::Log || known.low > 0.0);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let set = |key: &str, value: f64| Hyperparameters::from([(key.to_owned(), value)]);
        assert!(problems(&set("linear.l2", 0.1), Family::Auto).is_empty());
        assert!(problems(&set("linear.l2", 0.1), Family::Linear).is_empty());
        assert!(problems(&set("fttransformer.width", 64.0), Family::FtTransformer).is_empty());
        for (key, value, family, words) in [
            ("linear.l2", 0.0, Family::Linear, "from 0.000001 to 1000000"),
            ("linear.l2", f64::NAN, Family::Linear, "takes a number"),
            ("linear.l2", 1.0, Family::Trees, "does not train"),
            ("trees.max_rounds", 1.5, Family::Trees, "a whole number"),
            ("fttransformer.width", 60.0, Family::FtTransformer, "a multiple of 8 from 16 to 256"),
            ("fttransformer.blocks", 2.0, Family::Auto, "does not train"),
            ("trees.depth", 3.0, Family::Trees, "Use trees.budget, "),
        ] {
            let found = problems(&set(key, value), family);
            assert!(found.len() == 1 && found[0].contains(words), "{key}={value}: {found:?}");
        }
    }
}
