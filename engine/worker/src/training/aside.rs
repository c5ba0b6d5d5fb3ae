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
    let column = settings.weight_column.as_deref().map(|name| numbers(data, name)).transpose()?;
    let each = match settings.class_weight {
        ClassWeight::Balanced => balanced(&train.1.target, classes),
        ClassWeight::None => Vec::new(),
    };
    if column.is_none() && each.is_empty() {
        return Ok(None);
    }
    let of = |(rows, part): (&[usize], &Rows)| -> Vec<f64> {
        let class = |at: usize| match &part.target {
            Target::Classes(classes) if !each.is_empty() => each[classes[at] as usize],
            _ => 1.0,
        };
        let given = |row: usize| column.map_or(1.0, |numbers| numbers[row]);
        // A missing weight is none.
        rows.iter()
            .enumerate()
            .map(|(at, &row)| class(at) * Some(given(row)).filter(|w| w.is_finite()).unwrap_or(0.0))
            .collect()
    };
    let (mut train, mut valid) = (of(train), of(valid));
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
    let factor = train.len() as f64 / total;
    train.iter_mut().chain(&mut valid).for_each(|weight| *weight *= factor);
    Ok(Some(Weights { train, valid }))
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
