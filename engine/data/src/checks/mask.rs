//! Filters made ready for a table's columns, and the rows of a batch that meet them.

use super::{
    columns::{Members, OfLevels, needs_numbers, number},
    filter::{Filter, Op},
    stream::Batch,
};
use crate::words::clip;
use std::cmp::Ordering;
use trainyard_infer::frame::MISSING;
use trainyard_types::{
    Problem,
    checks::Scalar,
    dataset::{ColumnSchema, ColumnType},
};

/// A filter whose literals are read as the columns' types say.
pub(super) enum Mask {
    And(Box<Mask>, Box<Mask>),
    Or(Box<Mask>, Box<Mask>),
    Not(Box<Mask>),
    IsNull(String),
    InNumbers(String, Vec<f64>),
    CompareNumber(String, Op, f64),
    /// Holds for the texts that the question says yes to.
    OfTexts(String, Box<dyn Fn(&str) -> bool + Send + Sync>, OfLevels),
}

impl Mask {
    /// # Errors
    /// In words, where a comparison does not fit its column.
    pub(super) fn new(filter: &Filter, schema: &[ColumnSchema], now: i64) -> Result<Self, String> {
        let column = |name: &str| {
            let found = schema.iter().find(|column| column.name == name);
            found.ok_or_else(|| format!("There is no column `{}`.", clip(name)))
        };
        let again = |filter: &Filter| Mask::new(filter, schema, now).map(Box::new);
        Ok(match filter {
            Filter::And(a, b) => {
                let b = again(b)?;
                Mask::And(again(a)?, b)
            }
            Filter::Or(a, b) => {
                let b = again(b)?;
                Mask::Or(again(a)?, b)
            }
            Filter::Not(inner) => Mask::Not(again(inner)?),
            Filter::IsNull { column: name } => Mask::IsNull(column(name)?.name.clone()),
            Filter::In { column: name, literals } => match Members::of(column(name)?, literals, now)? {
                Members::Numbers(numbers) => Mask::InNumbers(name.clone(), numbers),
                Members::Texts(texts) => {
                    Mask::OfTexts(name.clone(), Box::new(move |text| texts.contains(text)), OfLevels::default())
                }
            },
            Filter::Compare { column: name, op, literal } => {
                let (column, op) = (column(name)?, *op);
                if needs_numbers(column).is_ok() {
                    return Ok(Mask::CompareNumber(name.clone(), op, number(column, literal, now)?));
                }
                if column.kind == ColumnType::Boolean && !matches!(literal, Scalar::Boolean(_)) {
                    return Err(format!("`{}` is boolean: compare it with true or false.", clip(name)));
                }
                let bound = literal.to_string();
                let question = move |text: &str| op.holds(text.cmp(&bound));
                Mask::OfTexts(name.clone(), Box::new(question), OfLevels::default())
            }
        })
    }

    /// Which rows meet it.
    ///
    /// # Errors
    /// A column was not read.
    pub(super) fn rows(&mut self, batch: &Batch<'_>) -> Result<Vec<bool>, Problem> {
        Ok(self.holds(batch)?.into_iter().map(|holds| holds == Some(true)).collect())
    }

    fn holds(&mut self, batch: &Batch<'_>) -> Result<Vec<Option<bool>>, Problem> {
        let numbers = |name: &str, holds: &dyn Fn(f64) -> Option<bool>| {
            Ok(batch.cells(name)?.numbers()?.iter().map(|&value| holds(value)).collect())
        };
        match self {
            Mask::And(a, b) => both(a, b, batch, |a, b| match (a, b) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }),
            Mask::Or(a, b) => both(a, b, batch, |a, b| match (a, b) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }),
            Mask::Not(inner) => Ok(inner.holds(batch)?.into_iter().map(|holds| holds.map(|holds| !holds)).collect()),
            Mask::IsNull(name) => {
                let cells = batch.cells(name)?;
                Ok((0..batch.rows).map(|row| Some(cells.is_missing(row))).collect())
            }
            Mask::InNumbers(name, set) => {
                numbers(name, &|value| (!value.is_nan()).then(|| Members::has_number(set, value)))
            }
            Mask::CompareNumber(name, op, bound) => {
                numbers(name, &|value| value.partial_cmp(bound).map(|order: Ordering| op.holds(order)))
            }
            Mask::OfTexts(name, question, answers) => {
                let texts = batch.cells(name)?.texts()?;
                let answers = answers.ask(texts.levels, &**question);
                Ok(texts.codes.iter().map(|&code| (code != MISSING).then(|| answers[code as usize])).collect())
            }
        }
    }
}

fn both(
    a: &mut Mask,
    b: &mut Mask,
    batch: &Batch<'_>,
    join: fn(Option<bool>, Option<bool>) -> Option<bool>,
) -> Result<Vec<Option<bool>>, Problem> {
    let b = b.holds(batch)?;
    Ok(a.holds(batch)?.into_iter().zip(b).map(|(a, b)| join(a, b)).collect())
}
