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
    Multiples(u32),
    /// 1 for yes, 0 for no.
    Switch,
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
    of_family(
        Family::Linear,
        "linear.l2",
        "L2 penalty",
        "More of it keeps weights smaller: less overfitting, more bias. scikit-learn's alpha, and 1 / C.",
        [1e-6, 1e6],
        Scale::Log,
        "1",
    ),
    of_family(
        Family::Linear,
        "linear.quantile",
        "Numbers by quantiles",
        "Yes: a number goes in as the normal score of its quantile in the train rows, so that skew and values far out do no \
         harm. No: numbers are standardised. Dates are the same either way.",
        [0.0, 1.0],
        Scale::Switch,
        "0 (no)",
    ),
    of_family(
        Family::FtTransformer,
        "fttransformer.blocks",
        "Blocks",
        "Layers of attention: more find more tangled relations, take longer and overfit sooner. The paper has 3.",
        [1.0, 6.0],
        Scale::Integer,
        "2",
    ),
    of_family(
        Family::FtTransformer,
        "fttransformer.width",
        "Width",
        "Numbers that stand for a column: time grows with their square. The paper has 192.",
        [16.0, 256.0],
        Scale::Multiples(8),
        "64",
    ),
    of_family(
        Family::FtTransformer,
        "fttransformer.attention_dropout",
        "Dropout in attention",
        "The share of looks from column to column that each step leaves out: more regularises.",
        [0.0, 0.8],
        Scale::Linear,
        "0.15",
    ),
    of_family(
        Family::FtTransformer,
        "fttransformer.dropout",
        "Dropout behind attention",
        "The share of neurons that each step leaves out: more regularises.",
        [0.0, 0.8],
        Scale::Linear,
        "0.05",
    ),
    of_family(
        Family::FtTransformer,
        "fttransformer.learning_rate",
        "Learning rate",
        "How far each step goes: less needs more epochs and is steadier. The paper has 0.0001 for its wider net.",
        [1e-6, 0.1],
        Scale::Log,
        "0.001",
    ),
    of_family(
        Family::FtTransformer,
        "fttransformer.weight_decay",
        "Weight decay",
        "How much each step shrinks the weights of layers: more regularises.",
        [0.0, 1.0],
        Scale::Linear,
        "0.00001",
    ),
    of_family(
        Family::FtTransformer,
        "fttransformer.batch_size",
        "Rows of a step",
        "Fewer make more steps of an epoch, which are noisier.",
        [8.0, 4096.0],
        Scale::Integer,
        "64 to 256, by the number of rows",
    ),
    of_family(
        Family::FtTransformer,
        "fttransformer.patience",
        "Patience",
        "Training ends after so many epochs without a better score on the validation rows.",
        [1.0, 256.0],
        Scale::Integer,
        "16",
    ),
    of_family(
        Family::FtTransformer,
        "fttransformer.quantile",
        "Numbers by quantiles",
        "Yes: a number goes in as the normal score of its quantile in the train rows, so that skew does no harm. No: numbers are \
         scaled by their quartiles and clipped smoothly. Dates are the same either way.",
        [0.0, 1.0],
        Scale::Switch,
        "0 (no)",
    ),
    of_family(
        Family::Trees,
        "trees.budget",
        "Budget",
        "How finely boosting steps: more takes longer and is often a little better; less regularises. Each step goes 10 to the power of minus this.",
        [0.1, 2.5],
        Scale::Linear,
        "0.5 to 1.5, by the time budget",
    ),
    of_family(
        Family::Trees,
        "trees.max_rounds",
        "Rounds at most",
        "Boosting ends after so many rounds; those after which the validation loss is least are kept.",
        [1.0, 5000.0],
        Scale::Integer,
        "by the time budget, 2,000 at most",
    ),
    of_family(
        Family::Trees,
        "trees.max_bin",
        "Bins of a column",
        "Thresholds that a tree may choose from: fewer is quicker and smoother.",
        [8.0, 1023.0],
        Scale::Integer,
        "255",
    ),
    of_family(
        Family::RealMlp,
        "realmlp.layers",
        "Hidden layers",
        "More can say more, take longer and overfit sooner.",
        [1.0, 6.0],
        Scale::Integer,
        "3",
    ),
    of_family(
        Family::RealMlp,
        "realmlp.width",
        "Neurons of a layer",
        "More can say more; time and memory grow with the square. Multiples of 16 fill the processor's registers.",
        [16.0, 1024.0],
        Scale::Multiples(16),
        "256",
    ),
    of_family(
        Family::RealMlp,
        "realmlp.dropout",
        "Dropout",
        "Share of neurons that a step leaves out, so that none relies on another: less overfitting, slower learning.",
        [0.0, 0.9],
        Scale::Linear,
        "0.15",
    ),
    of_family(
        Family::RealMlp,
        "realmlp.learning_rate",
        "Learning rate",
        "The highest of the schedule: more goes further with each step, too much diverges.",
        [1e-4, 1.0],
        Scale::Log,
        "0.04 for classes, 0.2 for numbers",
    ),
    of_family(
        Family::RealMlp,
        "realmlp.weight_decay",
        "Weight decay",
        "How much each step shrinks the weights, times the learning rate: more of it overfits less.",
        [0.0, 0.2],
        Scale::Linear,
        "0.02",
    ),
    of_family(
        Family::RealMlp,
        "realmlp.label_smoothing",
        "Label smoothing",
        "Share of a class that counts as spread over all while learning: probabilities are less extreme. 0 where they matter \
         more than the class that is called. No effect on numbers.",
        [0.0, 0.5],
        Scale::Linear,
        "0.1",
    ),
    of_family(
        Family::RealMlp,
        "realmlp.batch_size",
        "Rows of a step",
        "More make a smoother step and fewer of them; large batches keep a GPU busy. No more than there are train rows.",
        [16.0, 8192.0],
        Scale::Integer,
        "64, 128 or 256, by the train rows",
    ),
    of_family(
        Family::RealMlp,
        "realmlp.embeddings",
        "Embeddings of numbers",
        "Yes: each column goes in with cosines of itself, whose frequencies are learned, as the recipe has it. No: columns go in \
         as they are, which is quicker.",
        [0.0, 1.0],
        Scale::Switch,
        "1 (yes)",
    ),
    of_family(
        Family::RealMlp,
        "realmlp.quantile",
        "Numbers by quantiles",
        "Yes: a number goes in as the normal score of its quantile in the train rows, so that skew does no harm. No: numbers are \
         scaled by their quartiles and clipped smoothly, as the recipe has it. Dates are the same either way.",
        [0.0, 1.0],
        Scale::Switch,
        "0 (no)",
    ),
    of_family(
        Family::RealMlp,
        "realmlp.members",
        "Nets together",
        "So many nets that begin differently and see the rows in another order; their mean answers. Better by a little, and so \
         many times the work.",
        [1.0, 16.0],
        Scale::Integer,
        "1",
    ),
    of_family(
        Family::TabM,
        "tabm.layers",
        "Hidden layers",
        "More can say more, take longer and overfit sooner.",
        [1.0, 6.0],
        Scale::Integer,
        "2",
    ),
    of_family(
        Family::TabM,
        "tabm.width",
        "Neurons of a layer",
        "More can say more; time and memory grow with the square. Multiples of 16 fill the processor's registers.",
        [16.0, 1024.0],
        Scale::Multiples(16),
        "256",
    ),
    of_family(
        Family::TabM,
        "tabm.members",
        "Members",
        "Nets that share nearly all weights and answer together; those that answer best together are kept.",
        [2.0, 64.0],
        Scale::Integer,
        "16",
    ),
    of_family(
        Family::TabM,
        "tabm.bins",
        "Bins of a number",
        "How finely a number's embedding may bend: more follows the data closer.",
        [2.0, 128.0],
        Scale::Integer,
        "48",
    ),
    of_family(
        Family::TabM,
        "tabm.dropout",
        "Dropout",
        "Share of neurons that a step leaves out, so that none relies on another: less overfitting, slower learning.",
        [0.0, 0.9],
        Scale::Linear,
        "0.1",
    ),
    of_family(
        Family::TabM,
        "tabm.learning_rate",
        "Learning rate",
        "More goes further with each step, too much diverges.",
        [1e-5, 0.1],
        Scale::Log,
        "0.002",
    ),
    of_family(
        Family::TabM,
        "tabm.weight_decay",
        "Weight decay",
        "How much each step shrinks the weights, times the learning rate: more of it overfits less.",
        [0.0, 0.2],
        Scale::Linear,
        "0.0003",
    ),
    of_family(
        Family::TabM,
        "tabm.batch_size",
        "Rows of a step",
        "Of each member. More make a smoother step and fewer of them; large batches keep a GPU busy. No more than there are \
         train rows.",
        [16.0, 8192.0],
        Scale::Integer,
        "64 to 1,024, by the train rows",
    ),
    of_family(
        Family::TabM,
        "tabm.patience",
        "Patience",
        "Training ends after so many epochs that brought nothing on the validation rows.",
        [1.0, 256.0],
        Scale::Integer,
        "16",
    ),
    of_family(
        Family::Boosting,
        "boosting.learning_rate",
        "Learning rate",
        "How far each round goes: smaller steps need more rounds and are often a little better.",
        [0.001, 1.0],
        Scale::Log,
        "0.05; up to 0.3 where the time budget allows few rounds",
    ),
    of_family(
        Family::Boosting,
        "boosting.num_leaves",
        "Leaves of a tree",
        "More leaves follow the data closer, and overfit sooner.",
        [2.0, 1024.0],
        Scale::Integer,
        "31",
    ),
    of_family(
        Family::Boosting,
        "boosting.min_child_samples",
        "Rows in a leaf at least",
        "More of them make smoother answers: less overfitting, more bias.",
        [1.0, 10000.0],
        Scale::Integer,
        "20",
    ),
    of_family(
        Family::Boosting,
        "boosting.n_estimators",
        "Rounds at most",
        "Boosting ends after so many rounds, or 100 after the best on the validation rows; the best are kept.",
        [1.0, 20000.0],
        Scale::Integer,
        "by the time budget, 5,000 at most",
    ),
    of_family(
        Family::Boosting,
        "boosting.colsample_bytree",
        "Share of columns a tree",
        "Each tree looks at so many columns, drawn by lot: fewer make the trees differ more.",
        [0.05, 1.0],
        Scale::Linear,
        "0.8",
    ),
    of_family(
        Family::Boosting,
        "boosting.subsample",
        "Share of rows a tree",
        "Each tree is grown on so many rows, drawn by lot.",
        [0.05, 1.0],
        Scale::Linear,
        "1",
    ),
    of_family(
        Family::Boosting,
        "boosting.reg_lambda",
        "L2 penalty",
        "More of it makes leaves more careful: less overfitting, more bias.",
        [0.0, 10000.0],
        Scale::Linear,
        "0",
    ),
    of_family(
        Family::Boosting,
        "boosting.max_bin",
        "Bins of a column",
        "Thresholds that a tree may choose from: fewer is quicker and smoother.",
        [4.0, 255.0],
        Scale::Integer,
        "255",
    ),
    of_family(
        Family::Forest,
        "forest.trees",
        "Trees",
        "More of them take longer and make a larger model; the answers settle, and don't overfit. scikit-learn's n_estimators.",
        [10.0, 2000.0],
        Scale::Integer,
        "by the time budget, 500 at most",
    ),
    of_family(
        Family::Forest,
        "forest.max_features",
        "Share of columns at a split",
        "Each split looks at so many columns, drawn by lot: fewer make the trees differ more, and each of them weaker.",
        [0.0, 1.0],
        Scale::Linear,
        "for classes the square root of their number, for numbers all",
    ),
    of_family(
        Family::Forest,
        "forest.min_samples_leaf",
        "Rows in a leaf at least",
        "More of them make smoother answers and smaller models: less overfitting, more bias.",
        [1.0, 1000.0],
        Scale::Integer,
        "1",
    ),
    of_family(
        Family::Forest,
        "forest.max_depth",
        "Depth at most",
        "Questions one after the other in a tree. Less regularises, and makes smaller models.",
        [1.0, 64.0],
        Scale::Integer,
        "as deep as the rows allow",
    ),
];

const fn of_family(
    family: Family,
    key: &'static str,
    title: &'static str,
    help: &'static str,
    [low, high]: [f64; 2],
    scale: Scale,
    default: &'static str,
) -> Hyperparameter {
    Hyperparameter { key, family, title, help, low, high, scale, default }
}

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
            Scale::Integer | Scale::Switch => value.fract() == 0.0,
            Scale::Multiples(of) => value % f64::from(of) == 0.0,
        };
        if fits && (self.low..=self.high).contains(&value) {
            return Ok(());
        }
        Err(format!("'{}' takes {}.", self.key, self.range()))
    }

    /// What can be taken, in words: `a whole number from 1 to 6`.
    pub fn range(&self) -> String {
        let what = match self.scale {
            Scale::Linear | Scale::Log => "a number".to_owned(),
            Scale::Integer => "a whole number".to_owned(),
            Scale::Multiples(of) => format!("a multiple of {of}"),
            Scale::Switch => return "1 (yes) or 0 (no)".to_owned(),
        };
        format!("{what} from {} to {}", self.low, self.high)
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
            assert!([known.low, known.high].iter().all(|end| known.check(*end).is_ok()), "{}", known.key);
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
            ("realmlp.layers", 7.0, Family::RealMlp, "a whole number from 1 to 6"),
            ("realmlp.width", 40.0, Family::RealMlp, "a multiple of 16 from 16 to 1024"),
            ("realmlp.width", 0.0, Family::RealMlp, "a multiple of 16 from 16 to 1024"),
            ("realmlp.embeddings", 0.5, Family::Auto, "1 (yes) or 0 (no)"),
            ("linear.quantile", 2.0, Family::Auto, "1 (yes) or 0 (no)"),
            ("fttransformer.quantile", 1.0, Family::Linear, "does not train"),
            ("realmlp.dropout", 0.95, Family::RealMlp, "a number from 0 to 0.9"),
            ("tabm.members", 1.0, Family::TabM, "a whole number from 2 to 64"),
            ("tabm.width", f64::NAN, Family::TabM, "a multiple of 16"),
            ("tabm.bins", 8.0, Family::RealMlp, "does not train"),
        ] {
            let found = problems(&set(key, value), family);
            assert!(found.len() == 1 && found[0].contains(words), "{key}={value}: {found:?}");
        }
    }
}
