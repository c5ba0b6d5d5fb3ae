//! Parameters: values that a run sets, and their places in the steps' settings.

use super::Pipeline;
use crate::{FieldProblem, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Values by parameter.
pub type Values = BTreeMap<String, Value>;

/// A value that a run may set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    #[serde(rename = "type", default)]
    pub kind: ParameterType,
    /// Left out: each run has to set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Option<Object>))]
    pub default: Option<Value>,
    /// The only values allowed, where not empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Vec<Object>))]
    pub choices: Vec<Value>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    #[default]
    Text,
    Integer,
    Float,
    Boolean,
}

impl ParameterType {
    /// Reads what a person wrote.
    ///
    /// # Errors
    /// A sentence that says what is wanted.
    pub fn read(self, text: &str) -> Result<Value, String> {
        let wanted = |what: &str| format!("'{}' is no {what}.", text.chars().take(60).collect::<String>());
        let text = text.trim();
        match self {
            ParameterType::Text => Ok(Value::from(text)),
            ParameterType::Integer => text.parse::<i64>().map(Value::from).map_err(|_| wanted("whole number")),
            ParameterType::Float => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::from(number)),
                _ => Err(wanted("number")),
            },
            ParameterType::Boolean => text.parse::<bool>().map(Value::from).map_err(|_| wanted("'true' or 'false'")),
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            ParameterType::Text => value.is_string(),
            ParameterType::Integer => value.is_i64(),
            ParameterType::Float => value.is_number(),
            ParameterType::Boolean => value.is_boolean(),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            ParameterType::Text => "a text",
            ParameterType::Integer => "a whole number",
            ParameterType::Float => "a number",
            ParameterType::Boolean => "true or false",
        }
    }
}

impl Parameter {
    pub(super) fn check(&self, name: &str) -> Result<(), String> {
        if let Some(choice) = self.choices.iter().find(|choice| !self.kind.fits(choice)) {
            return Err(format!("The parameter '{name}' can't be {choice}: it is {}.", self.kind.in_words()));
        }
        self.default.as_ref().map_or(Ok(()), |value| self.accept(name, value))
    }

    fn accept(&self, name: &str, value: &Value) -> Result<(), String> {
        if !self.kind.fits(value) {
            return Err(format!("The parameter '{name}' is {}, not {value}.", self.kind.in_words()));
        }
        if !self.choices.is_empty() && !self.choices.contains(value) {
            let choices: Vec<String> = self.choices.iter().take(10).map(Value::to_string).collect();
            return Err(format!("The parameter '{name}' can't be {value}. Use {}.", choices.join(", ")));
        }
        Ok(())
    }
}

/// The values of a run: those given, checked, and the defaults of the others. Those of the partition pass.
///
/// # Errors
/// One is unknown, lacks, or does not fit; all faults at once.
pub fn resolve(pipeline: &Pipeline, given: &Values) -> Result<Values, Problem> {
    let mut values = Values::new();
    let mut faults = Vec::new();
    let mut fault = |name: &str, message: String| {
        faults.push(FieldProblem { field: format!("parameters.{name}"), message });
    };
    for (name, value) in given {
        let of_partition = pipeline.partitions.is_some() && super::check::PARTITION_NAMES.contains(&name.as_str());
        match pipeline.parameters.get(name) {
            Some(parameter) => match parameter.accept(name, value) {
                Ok(()) => drop(values.insert(name.clone(), value.clone())),
                Err(message) => fault(name, message),
            },
            None if of_partition => drop(values.insert(name.clone(), value.clone())),
            None => {
                let known: Vec<&str> = pipeline.parameters.keys().map(String::as_str).take(10).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                fault(name, format!("There is no parameter '{name}'. There are: {known}."));
            }
        }
    }
    for (name, parameter) in &pipeline.parameters {
        match &parameter.default {
            _ if given.contains_key(name) => {}
            Some(value) => drop(values.insert(name.clone(), value.clone())),
            None => fault(name, format!("The parameter '{name}' has no default. Set it for the run.")),
        }
    }
    super::check::problem(faults)?;
    Ok(values)
}

/// The names used as `${name}`.
pub(super) fn mentioned(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => found.extend(pieces(text).filter_map(|piece| match piece {
                Piece::Name(name) => Some(name.to_owned()),
                Piece::Text(_) => None,
            })),
            Value::Array(values) => values.iter().for_each(|value| walk(value, found)),
            Value::Object(map) => map.values().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(value, &mut found);
    found
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

fn pieces(mut text: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        if let Some(rest) = text.strip_prefix("${")
            && let Some(end) = rest.find('}')
        {
            text = &rest[end + 1..];
            return Some(Piece::Name(&rest[..end]));
        }
        // At least one character: a lone "${" is text.
        let skip = text.chars().next().map_or(0, char::len_utf8);
        let end = text[skip..].find("${").map_or(text.len(), |at| at + skip);
        let (piece, rest) = text.split_at(end);
        text = rest;
        Some(Piece::Text(piece))
    })
}

/// Puts values into a step's settings. A text that is nothing but `${name}` becomes the value itself; within other texts it
/// becomes its text, or, in the settings named in `sql`, a literal of SQL: quoted where it is a text, so that a value is
/// never read as SQL.
pub fn fill(with: &Map<String, Value>, values: &Values, sql: &[&str]) -> Map<String, Value> {
    with.iter().map(|(key, value)| (key.clone(), fill_value(value, values, sql.contains(&key.as_str())))).collect()
}

fn fill_value(value: &Value, values: &Values, sql: bool) -> Value {
    match value {
        Value::String(text) => fill_text(text, values, sql),
        Value::Array(items) => items.iter().map(|item| fill_value(item, values, sql)).collect(),
        Value::Object(map) => map.iter().map(|(key, item)| (key.clone(), fill_value(item, values, sql))).collect(),
        other => other.clone(),
    }
}

fn fill_text(text: &str, values: &Values, sql: bool) -> Value {
    let parts: Vec<Piece<'_>> = pieces(text).collect();
    if let ([Piece::Name(name)], false) = (parts.as_slice(), sql)
        && let Some(value) = values.get(*name)
    {
        return value.clone();
    }
    let mut filled = String::with_capacity(text.len());
    for part in parts {
        match part {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => match values.get(name) {
                Some(Value::String(text)) if sql => {
                    filled.push('\'');
                    filled.push_str(&text.replace('\'', "''"));
                    filled.push('\'');
                }
                Some(Value::String(text)) => filled.push_str(text),
                Some(value) => filled.push_str(&value.to_string()),
                None => {
                    filled.push_str("${");
                    filled.push_str(name);
                    filled.push('}');
                }
            },
        }
    }
    Value::String(filled)
}
