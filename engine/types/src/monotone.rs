//! Columns whose growth may move a model's answer in one direction only: what a person knows for certain, such as that a
//! larger income never makes a loan riskier.

use crate::{
    Problem,
    dataset::ColumnType,
    run::{Family, Task},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the answer goes as a column grows and all others stay as they are; it may stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Increasing,
    Decreasing,
}

/// Column and direction. Of two classes, the second one's probability is what grows or falls.
pub type Monotone = BTreeMap<String, Direction>;

/// Columns that may be given a direction.
pub const MOST: usize = 1_000;

impl Direction {
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Increasing => "increasing",
            Direction::Decreasing => "decreasing",
        }
    }
}

impl std::str::FromStr for Direction {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "increasing" => Ok(Direction::Increasing),
            "decreasing" => Ok(Direction::Decreasing),
            _ => Err(format!("'{text}' is no direction. Use increasing or decreasing.")),
        }
    }
}

/// `age increasing, price decreasing`.
pub fn in_words(monotone: &Monotone) -> String {
    let words: Vec<String> =
        monotone.iter().map(|(column, direction)| format!("{column} {}", direction.as_str())).collect();
    words.join(", ")
}

/// Whether a run of this family can be asked to keep directions; `auto` then leaves out the families that can't.
///
/// # Errors
/// A sentence that says which families can.
pub fn check_family(monotone: &Monotone, family: Family) -> Result<(), Problem> {
    let able = family == Family::Auto || family.keeps_directions();
    if monotone.is_empty() || able {
        return Ok(());
    }
    Err(Problem::field(
        "monotone",
        format!(
            "{} can't keep the answer moving in one direction only. Boosted trees and random forests can: choose one of them, or take the directions off.",
            family.title()
        ),
    ))
}

/// Whether the task has one number that a direction can be about.
///
/// # Errors
/// A sentence that says which tasks have.
pub fn check_task(monotone: &Monotone, task: Task) -> Result<(), Problem> {
    if monotone.is_empty() || task != Task::Multiclass {
        return Ok(());
    }
    Err(Problem::field(
        "monotone",
        "With three or more classes there is no one number that could grow or fall. Directions are for two classes and for numbers: take them off.",
    ))
}

/// Whether each column can have a direction. `kind` says what a feature's column holds, `None` where it is no feature.
///
/// # Errors
/// A sentence about the first column that can't.
pub fn check_columns(monotone: &Monotone, kind: impl Fn(&str) -> Option<ColumnType>) -> Result<(), Problem> {
    if monotone.len() > MOST {
        return Err(Problem::field("monotone", format!("At most {MOST} columns can have a direction.")));
    }
    for column in monotone.keys() {
        let message = match kind(column) {
            None => format!(
                "'{column}' is no column that is learned from, so that it can't have a direction. Take it off the list."
            ),
            Some(kind) if !kind.is_numeric() => {
                format!("'{column}' holds no numbers, so that it can't have a direction. Take it off the list.")
            }
            Some(_) => continue,
        };
        return Err(Problem::field("monotone", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_kept_is_refused_in_words() {
        let one = Monotone::from([("age".to_owned(), Direction::Increasing)]);
        for family in [Family::Auto, Family::Trees, Family::Boosting, Family::Forest] {
            assert!(check_family(&one, family).is_ok(), "{family:?}");
        }
        for family in [Family::Linear, Family::RealMlp, Family::TabM] {
            let words = check_family(&one, family).err().map(|problem| problem.message).unwrap_or_default();
            assert!(words.contains("Boosted trees and random forests can"), "{words}");
            assert!(check_family(&Monotone::new(), family).is_ok());
        }
        assert!(check_task(&one, Task::Multiclass).is_err() && check_task(&one, Task::Binary).is_ok());
        assert!(check_columns(&one, |_| Some(ColumnType::Integer)).is_ok());
        for kind in [None, Some(ColumnType::Text), Some(ColumnType::Datetime)] {
            assert!(check_columns(&one, |_| kind).is_err(), "{kind:?}");
        }
        assert_eq!(in_words(&one), "age increasing");
        assert_eq!("decreasing".parse(), Ok(Direction::Decreasing));
    }
}
