//! Which runs: conditions that all have to hold, in the words of MLflow's `search_runs`:
//! `metrics.roc_auc > 0.8 and params.family = 'trees' and tags.stage != 'draft'`.

use super::{
    Field,
    lexer::{self, Lexer, Token},
};
use crate::{Timestamp, time::days_from_civil};
use std::{fmt, str::FromStr};

/// Conditions of one filter at most.
pub const MOST_CLAUSES: usize = 20;
/// Times that `%` may stand in one pattern: matching takes the longer the more there are.
pub const MOST_WILDCARDS: usize = 10;
/// Values of one `in (…)` at most.
pub const MOST_VALUES: usize = 100;

/// Conditions that all have to hold; none: all runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub clauses: Vec<Clause>,
}

/// One condition. A run that lacks the value fulfils none but `is null`.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    pub field: Field,
    pub test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Order {
    pub const ALL: [Order; 6] =
        [Order::Equal, Order::NotEqual, Order::Less, Order::AtMost, Order::More, Order::AtLeast];

    pub fn as_str(self) -> &'static str {
        match self {
            Order::Equal => "=",
            Order::NotEqual => "!=",
            Order::Less => "<",
            Order::AtMost => "<=",
            Order::More => ">",
            Order::AtLeast => ">=",
        }
    }
}

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Against a number.
    Number(Order, f64),
    /// The text, or any other.
    Text {
        not: bool,
        value: String,
    },
    /// A pattern with `%` for any characters and `_` for one.
    Like {
        any_case: bool,
        pattern: String,
    },
    OneOf {
        not: bool,
        values: Vec<String>,
    },
    /// `is null` or, with `not`, `is not null`.
    Missing {
        not: bool,
    },
}

impl Filter {
    /// The filter without the condition at `index`.
    #[must_use]
    pub fn without(&self, index: usize) -> Self {
        let mut clauses = self.clauses.clone();
        if index < clauses.len() {
            clauses.remove(index);
        }
        Self { clauses }
    }

    /// The filter with one more condition, unless it has it already.
    #[must_use]
    pub fn with(&self, clause: Clause) -> Self {
        let mut clauses = self.clauses.clone();
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
        Self { clauses }
    }
}

impl Clause {
    fn read(lexer: &mut Lexer) -> Result<Self, String> {
        let field = Field::read(lexer)?;
        if !field.is_value() {
            return Err(format!("Runs can't be filtered by {field}. Name one value, such as tags.stage."));
        }
        if lexer.take("is") {
            let not = lexer.take("not");
            if !lexer.take("null") {
                return Err(format!("After '{field} is' write null or not null."));
            }
            return Ok(Self { field, test: Test::Missing { not } });
        }
        let not = lexer.take("not");
        if lexer.take("in") {
            let values = read_list(lexer, &field)?;
            return Ok(Self { field, test: Test::OneOf { not, values } });
        }
        if not {
            return Err(format!("After '{field} not' write in ('…', '…')."));
        }
        for (word, any_case) in [("like", false), ("ilike", true)] {
            if lexer.take(word) {
                let pattern = read_text(lexer, &field)?;
                if is_number(&field) {
                    return Err(format!("{field} is a number: compare it with =, !=, <, <=, > or >=."));
                }
                if pattern.matches('%').count() > MOST_WILDCARDS {
                    return Err(format!("Use % at most {MOST_WILDCARDS} times in a pattern."));
                }
                return Ok(Self { field, test: Test::Like { any_case, pattern } });
            }
        }
        let sign = match lexer.bump() {
            Some(Token::Compare(sign)) => sign,
            Some(other) => {
                return Err(format!(
                    "After {field} write =, !=, <, <=, >, >=, like, ilike, in or is null, not {other}."
                ));
            }
            None => return Err(format!("What shall {field} be? Write for example {field} = 1.")),
        };
        let order = Order::ALL.into_iter().find(|order| order.as_str() == sign).unwrap_or(Order::Equal);
        let test = read_compared(lexer, &field, order)?;
        Ok(Self { field, test })
    }
}

/// Metrics and some attributes are numbers; parameters are compared as what stands there.
fn is_number(field: &Field) -> bool {
    match field {
        Field::Attribute(attribute) => attribute.is_number(),
        Field::Metric { .. } => true,
        Field::Param { .. } | Field::Tag { .. } => false,
    }
}

fn read_compared(lexer: &mut Lexer, field: &Field, order: Order) -> Result<Test, String> {
    let token = lexer.bump().ok_or_else(|| format!("A value is missing after {field} {}.", order.as_str()))?;
    let number = match &token {
        Token::Word { text, quoted: false } => {
            Some(number(text).ok_or_else(|| format!("Put text between quotes: '{text}'."))?)
        }
        Token::Text(text) if matches!(field, Field::Attribute(super::Attribute::Created)) => {
            Some(instant(text).ok_or_else(|| format!("'{text}' is no date. Write it as '2026-11-23'."))?)
        }
        Token::Text(text) if is_number(field) => {
            return Err(format!("{field} is a number: write it without quotes, not '{text}'."));
        }
        Token::Text(_) => None,
        other => return Err(format!("A value has to stand where {other} stands.")),
    };
    match (number, token) {
        (Some(_), _) if matches!(field, Field::Attribute(a) if !a.is_number()) => {
            Err(format!("{field} is text: put the value between quotes."))
        }
        (Some(value), _) => Ok(Test::Number(order, value)),
        (None, Token::Text(value)) => match order {
            Order::Equal => Ok(Test::Text { not: false, value }),
            Order::NotEqual => Ok(Test::Text { not: true, value }),
            _ => Err(format!("Text is compared with =, !=, like or ilike. A number for {field} has no quotes.")),
        },
        (None, _) => Err(format!("A value is missing after {field}.")),
    }
}

fn read_text(lexer: &mut Lexer, field: &Field) -> Result<String, String> {
    match lexer.bump() {
        Some(Token::Text(text)) => Ok(text),
        _ => Err(format!("{field} needs a text between quotes here.")),
    }
}

fn read_list(lexer: &mut Lexer, field: &Field) -> Result<Vec<String>, String> {
    if is_number(field) {
        return Err(format!("{field} is a number: compare it with =, !=, <, <=, > or >=."));
    }
    let shape = || format!("Write {field} in ('…', '…').");
    if lexer.bump() != Some(Token::Open) {
        return Err(shape());
    }
    let mut values = Vec::new();
    loop {
        values.push(read_text(lexer, field)?);
        if values.len() > MOST_VALUES {
            return Err(format!("Name at most {MOST_VALUES} values in one list."));
        }
        match lexer.bump() {
            Some(Token::Comma) => {}
            Some(Token::Close) => return Ok(values),
            _ => return Err(shape()),
        }
    }
}

/// A finite number; Rust's words for others, `inf` and `nan`, are none.
fn number(text: &str) -> Option<f64> {
    let digits = text.trim_start_matches(['+', '-']);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Milliseconds of `2026-11-23`, at the day's beginning in UTC.
fn instant(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let days = days_from_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    Some((days * 86_400_000) as f64)
}

impl FromStr for Filter {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut lexer = Lexer::new(text)?;
        let mut clauses = Vec::new();
        while lexer.peek().is_some() {
            clauses.push(Clause::read(&mut lexer)?);
            if clauses.len() > MOST_CLAUSES {
                return Err(format!("Use at most {MOST_CLAUSES} conditions."));
            }
            if lexer.peek().is_none() {
                break;
            }
            if lexer.peek().is_some_and(|token| token.is("or")) {
                return Err("Conditions are joined by 'and' only.".to_owned());
            }
            if !lexer.take("and") {
                return Err("Put 'and' between two conditions.".to_owned());
            }
            if lexer.peek().is_none() {
                return Err("A condition is missing after 'and'.".to_owned());
            }
        }
        Ok(Self { clauses })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, clause) in self.clauses.iter().enumerate() {
            if index > 0 {
                f.write_str(" and ")?;
            }
            write!(f, "{clause}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = &self.field;
        match &self.test {
            Test::Number(order, value) if matches!(field, Field::Attribute(super::Attribute::Created)) => {
                let iso = Timestamp(*value as i64).to_iso();
                match iso.strip_suffix("T00:00:00Z") {
                    Some(day) => write!(f, "{field} {} '{day}'", order.as_str()),
                    None => write!(f, "{field} {} {value}", order.as_str()),
                }
            }
            Test::Number(order, value) => write!(f, "{field} {} {value}", order.as_str()),
            Test::Text { not, value } => {
                write!(f, "{field} {} {}", if *not { "!=" } else { "=" }, lexer::text(value))
            }
            Test::Like { any_case, pattern } => {
                write!(f, "{field} {} {}", if *any_case { "ilike" } else { "like" }, lexer::text(pattern))
            }
            Test::OneOf { not, values } => {
                let values: Vec<String> = values.iter().map(|value| lexer::text(value)).collect();
                write!(f, "{field} {}in ({})", if *not { "not " } else { "" }, values.join(", "))
            }
            Test::Missing { not } => write!(f, "{field} is {}null", if *not { "not " } else { "" }),
        }
    }
}

#[cfg(test)]
mod tests;
