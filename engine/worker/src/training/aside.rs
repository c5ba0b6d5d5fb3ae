//! How much rows count while fitting, and which are set aside to decide on.

use super::prepare::{Rows, subset};
use trainyard_infer::{Column, Frame, Target, Values};
use trainyard_learn::weights::balanced;
use trainyard_types::{
    Problem,
    decision::{ClassWeight, DecisionSettings},
    run::TrainSettings,
};

/// Validation rows from which on some are set aside: fewer would be missed where models are chosen.
const ENOUGH: usize = 1_000;
/// Share of the validation rows that is set aside, and rows at most: more would say nothing new.
const SHARE: f64 = 1.0 / 3.0;
const MOST: f64 = 5_000.0;

/// How much rows count, 0 or more; those of the train rows have a mean of 1.
#[derive(Clone, Debug)]
pub struct Weights {
    pub train: Vec<f64>,
    pub valid: Vec<f64>,
    pub rule: Rule,
}

/// What a row counts.
#[derive(Clone, Debug)]
pub struct Rule {
    /// A column's number, multiplied by the rest.
    column: Option<String>,
    /// Of each class; empty: 1.
    each: Vec<f64>,
    /// Gives the train rows a mean of 1.
    factor: f64,
}

impl Rule {
    /// What these rows count, which stand in `data` in this order.
    ///
    /// # Errors
    /// As [`weights`].
    pub fn weigh(&self, data: &Frame, rows: impl Iterator<Item = usize>, target: &Target) -> Result<Vec<f64>, Problem> {
        let column = self.column.as_deref().map(|name| numbers(data, name)).transpose()?;
        let class = |at: usize| match target {
            Target::Classes(classes) if !self.each.is_empty() => self.each[classes[at] as usize],
            _ => 1.0,
        };
        let given = |row: usize| column.map_or(1.0, |numbers| numbers[row]);
        // A missing weight is none.
        let weight = |(at, row)| class(at) * Some(given(row)).filter(|w| w.is_finite()).unwrap_or(0.0) * self.factor;
        Ok(rows.enumerate().map(weight).collect())
    }
}

/// The weights that the settings ask for, of the table's rows that train and validate. Classes are balanced by the train rows'
/// counts; a column's weights multiply them.
///
/// # Errors
/// The column is not there, holds no numbers, or has one below 0; all rows of a part count nothing.
pub fn weights(
    data: &Frame,
    settings: &TrainSettings,
    classes: usize,
    train: (&[usize], &Rows),
    valid: (&[usize], &Rows),
) -> Result<Option<Weights>, Problem> {
    if settings.weight_column.as_ref() == Some(&settings.target) {
        return Err(Problem::field("weight_column", "The target can't be the rows' weight. Choose another column."));
    }
    let each = match settings.class_weight {
        ClassWeight::Balanced => balanced(&train.1.target, classes),
        ClassWeight::None => Vec::new(),
    };
    let mut rule = Rule { column: settings.weight_column.clone(), each, factor: 1.0 };
    if rule.column.is_none() && rule.each.is_empty() {
        return Ok(None);
    }
    let of = |(rows, part): (&[usize], &Rows)| rule.weigh(data, rows.iter().copied(), &part.target);
    let (mut train, mut valid) = (of(train)?, of(valid)?);
    let total: f64 = train.iter().sum();
    if total <= 0.0 || valid.iter().sum::<f64>() <= 0.0 {
        let name = settings.weight_column.as_deref().unwrap_or_default();
        return Err(Problem::field(
            "weight_column",
            format!(
                "All train rows or all validation rows count nothing by `{name}`. Choose another column, or another split."
            ),
        ));
    }
    rule.factor = train.len() as f64 / total;
    train.iter_mut().chain(&mut valid).for_each(|weight| *weight *= rule.factor);
    Ok(Some(Weights { train, valid, rule }))
}

fn numbers<'a>(data: &'a Frame, name: &str) -> Result<&'a [f64], Problem> {
    let wrong = |message: String| Err(Problem::field("weight_column", message));
    let Some(Column { values, .. }) = data.column(name) else {
        return wrong(format!("There is no column `{name}` to weigh rows by. Choose another one."));
    };
    let Values::Numbers(numbers) = values else {
        return wrong(format!("`{name}` holds no numbers, so that it can't weigh rows. Choose another column."));
    };
    match numbers.iter().position(|weight| *weight < 0.0) {
        Some(row) => wrong(format!("`{name}` is {} in row {}. Weights are 0 or more.", numbers[row], row + 1)),
        None => Ok(numbers),
    }
}

/// Which of the validation rows are set aside, by their places, ascending: a third of 1,000 or more, 5,000 at most, the same
/// share of each class; none of fewer, or where nothing is decided. The rest comes first.
pub fn divide(
    valid: &Rows,
    decision: &DecisionSettings,
    classification: bool,
    seed: u64,
) -> Option<(Vec<usize>, Vec<usize>)> {
    let rows = valid.target.len();
    if rows < ENOUGH || decision.is_nothing(classification) {
        return None;
    }
    let share = SHARE.min(MOST / rows as f64);
    let aside = subset(&valid.target, share, seed ^ 0x0A51_DE00);
    let mut kept = vec![true; rows];
    aside.iter().for_each(|&row| kept[row] = false);
    Some(((0..rows).filter(|&row| kept[row]).collect(), aside))
}

impl Rows {
    /// The rows at these places.
    pub fn take(&self, places: &[usize]) -> Rows {
        Rows { frame: self.frame.take(places), target: self.target.take(places) }
    }
}
