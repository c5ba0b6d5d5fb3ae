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
    Hyperparameter {
        key: "forest.trees",
        family: Family::Forest,
        title: "Trees",
        help: "More of them take longer and make a larger model; the answers settle, and don't overfit. scikit-learn's n_estimators.",
        low: 10.0,
        high: 2000.0,
        scale: Scale::Integer,
        default: "by the time budget, 500 at most",
    },
    Hyperparameter {
        key: "forest.max_features",
        family: Family::Forest,
        title: "Share of columns at a split",
        help: "Each split looks at so many columns, drawn by lot: fewer make the trees differ more, and each of them weaker.",
        low: 0.0,
        high: 1.0,
        scale: Scale::Linear,
        default: "for classes the square root of their number, for numbers all",
    },
    Hyperparameter {
        key: "forest.min_samples_leaf",
        family: Family::Forest,
        title: "Rows in a leaf at least",
        help: "More of them make smoother answers and smaller models: less overfitting, more bias.",
        low: 1.0,
        high: 1000.0,
        scale: Scale::Integer,
        default: "1",
    },
    Hyperparameter {
        key: "forest.max_depth",
        family: Family::Forest,
        title: "Depth at most",
        help: "Questions one after the other in a tree. Less regularises, and makes smaller models.",
        low: 1.0,
        high: 64.0,
        scale: Scale::Integer,
        default: "as deep as the rows allow",
    },
];

/// The one with this key.
pub fn find(key: &str) -> Option<&'static Hyperparameter> {
    ALL.iter().find(|known| known.key == key)
}

/// Those that a run of this family takes: its own, and for `auto` all.
pub fn of(family: Family) -> impl Iterator<Item = &'static Hyperparameter> {
    ALL.iter().filter(move |known| family == Family::Auto || known.family == family)
}

impl Hyperparameter {
    /// Whether the value can be taken; otherwise what can.
    ///
    /// # Errors
    /// A sentence that says the range.
    pub fn check(&self, value: f64) -> Result<(), String> {
        let whole = self.scale != Scale::Integer || value.fract() == 0.0;
        if whole && (self.low..=self.high).contains(&value) {
            return Ok(());
        }
        let what = if self.scale == Scale::Integer { "a whole number" } else { "a number" };
        Err(format!("'{}' takes {what} from {} to {}.", self.key, self.low, self.high))
    }
}

/// Everything that is wrong with what is set for a run of this family, one sentence each.
pub fn problems(set: &Hyperparameters, family: Family) -> Vec<String> {
    let known = || of(family).map(|known| known.key).collect::<Vec<_>>().join(", ");
    set.iter()
        .filter_map(|(key, value)| match find(key) {
            Some(found) if family == Family::Auto || found.family == family => found.check(*value).err(),
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
        for (key, value, family, words) in [
            ("linear.l2", 0.0, Family::Linear, "from 0.000001 to 1000000"),
            ("linear.l2", f64::NAN, Family::Linear, "takes a number"),
            ("linear.l2", 1.0, Family::Trees, "does not train"),
            ("trees.max_rounds", 1.5, Family::Trees, "a whole number"),
            ("trees.depth", 3.0, Family::Trees, "Use trees.budget, "),
        ] {
            let found = problems(&set(key, value), family);
            assert!(found.len() == 1 && found[0].contains(words), "{key}={value}: {found:?}");
        }
    }
}
