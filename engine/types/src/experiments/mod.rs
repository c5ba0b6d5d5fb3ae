//! The table of runs and the comparison of a few: which values a run has, how they are named, filtered and shown.

pub mod filter;
mod lexer;
pub mod table;
pub mod views;

pub use filter::{Clause, Filter, Order, Test};
pub use table::*;
pub use views::*;

use lexer::{Lexer, Token};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// The longest key of a metric, parameter or tag, characters.
pub const LONGEST_KEY: usize = 250;
/// The longest value of a parameter or tag, characters; what is longer is cut.
pub const LONGEST_VALUE: usize = 2_000;

/// What every run has by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    Id,
    Name,
    State,
    Dataset,
    Version,
    Target,
    Task,
    Family,
    Model,
    Score,
    Verdict,
    Device,
    Seconds,
    CreatedBy,
    Created,
    /// The validation curve as a small drawing: a column, and nothing to filter or sort by.
    Curve,
    /// All tags: a column, and nothing to filter or sort by.
    Tags,
}

impl Attribute {
    pub const ALL: [Attribute; 17] = [
        Attribute::State,
        Attribute::Name,
        Attribute::Dataset,
        Attribute::Version,
        Attribute::Target,
        Attribute::Task,
        Attribute::Family,
        Attribute::Model,
        Attribute::Score,
        Attribute::Curve,
        Attribute::Verdict,
        Attribute::Device,
        Attribute::Seconds,
        Attribute::Tags,
        Attribute::CreatedBy,
        Attribute::Created,
        Attribute::Id,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Attribute::Id => "id",
            Attribute::Name => "name",
            Attribute::State => "state",
            Attribute::Dataset => "dataset",
            Attribute::Version => "version",
            Attribute::Target => "target",
            Attribute::Task => "task",
            Attribute::Family => "family",
            Attribute::Model => "model",
            Attribute::Score => "score",
            Attribute::Verdict => "verdict",
            Attribute::Device => "device",
            Attribute::Seconds => "seconds",
            Attribute::CreatedBy => "created_by",
            Attribute::Created => "created",
            Attribute::Curve => "curve",
            Attribute::Tags => "tags",
        }
    }

    /// As a column's head has it.
    pub fn title(self) -> &'static str {
        match self {
            Attribute::Id => "Id",
            Attribute::Name => "Name",
            Attribute::State => "State",
            Attribute::Dataset => "Data set",
            Attribute::Version => "Version",
            Attribute::Target => "Target",
            Attribute::Task => "Task",
            Attribute::Family => "Asked for",
            Attribute::Model => "Model",
            Attribute::Score => "Test score",
            Attribute::Verdict => "Verdict",
            Attribute::Device => "Device",
            Attribute::Seconds => "Took",
            Attribute::CreatedBy => "By",
            Attribute::Created => "When",
            Attribute::Curve => "Validation curve",
            Attribute::Tags => "Tags",
        }
    }

    /// Whether it is a number, an instant among them.
    pub fn is_number(self) -> bool {
        matches!(self, Attribute::Version | Attribute::Score | Attribute::Seconds | Attribute::Created)
    }

    /// Whether runs can be filtered and sorted by it.
    pub fn is_value(self) -> bool {
        !matches!(self, Attribute::Curve | Attribute::Tags)
    }
}

impl FromStr for Attribute {
    type Err = String;
    /// Takes MLflow's names besides: `run_name`, `status`, `start_time`, `user_id`, `run_id`.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = match text {
            "run_name" => "name",
            "status" => "state",
            "start_time" => "created",
            "user_id" => "created_by",
            "run_id" => "id",
            name => name,
        };
        Attribute::ALL.into_iter().find(|attribute| attribute.as_str() == name).ok_or_else(|| {
            let known: Vec<_> = Attribute::ALL.iter().map(|a| a.as_str()).collect();
            let short: String = text.chars().take(40).collect();
            format!(
                "A run has no '{short}'. Write metrics.NAME, params.NAME, tags.NAME or one of {}.",
                known.join(", ")
            )
        })
    }
}

/// Which value of a metric that was measured more than once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pick {
    #[default]
    Last,
    Min,
    Max,
    /// The least or the most, as the metric's direction has it.
    Best,
}

impl Pick {
    pub const ALL: [Pick; 4] = [Pick::Last, Pick::Min, Pick::Max, Pick::Best];

    pub fn as_str(self) -> &'static str {
        match self {
            Pick::Last => "last",
            Pick::Min => "min",
            Pick::Max => "max",
            Pick::Best => "best",
        }
    }
}

/// One value of a run, by name: `score`, `metrics.roc_auc`, `metrics.valid.loss:min`, `params.epochs`, `tags.stage`. A key
/// with other characters than letters, digits and `_ . - /` stands between backticks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    Attribute(Attribute),
    Metric { key: String, pick: Pick },
    Param { key: String },
    Tag { key: String },
}

impl Field {
    pub fn metric(key: impl Into<String>) -> Self {
        Field::Metric { key: key.into(), pick: Pick::Last }
    }
    pub fn param(key: impl Into<String>) -> Self {
        Field::Param { key: key.into() }
    }
    pub fn tag(key: impl Into<String>) -> Self {
        Field::Tag { key: key.into() }
    }

    /// As a column's head has it.
    pub fn title(&self) -> String {
        match self {
            Field::Attribute(attribute) => attribute.title().to_owned(),
            Field::Metric { key, pick: Pick::Last } => metric_title(key),
            Field::Metric { key, pick } => format!("{}, {}", metric_title(key), pick.as_str()),
            Field::Param { key } | Field::Tag { key } => key.clone(),
        }
    }

    /// Whether more is better; `None` where neither is, or it is no metric.
    pub fn higher_is_better(&self) -> Option<bool> {
        match self {
            Field::Metric { key, .. } => higher_is_better(key),
            _ => None,
        }
    }

    /// Whether runs can be filtered and sorted by it.
    pub fn is_value(&self) -> bool {
        !matches!(self, Field::Attribute(attribute) if !attribute.is_value())
    }

    /// Reads a list of fields as a column list has it, separated by commas.
    ///
    /// # Errors
    /// A sentence that says which name is none.
    pub fn list(text: &str) -> Result<Vec<Field>, String> {
        let mut lexer = Lexer::new(text)?;
        let mut fields = Vec::new();
        while lexer.peek().is_some() {
            let field = Field::read(&mut lexer)?;
            if !fields.contains(&field) {
                fields.push(field);
            }
            match lexer.bump() {
                None => break,
                Some(Token::Comma) => {}
                Some(other) => return Err(format!("Put a comma between two columns, where {other} stands.")),
            }
        }
        Ok(fields)
    }

    fn read(lexer: &mut Lexer) -> Result<Field, String> {
        let (head, rest) = match lexer.bump() {
            Some(Token::Word { text, quoted: false }) => match text.split_once('.') {
                Some((head, rest)) => (head.to_owned(), Some(rest.to_owned())),
                None => (text, None),
            },
            Some(other) => return Err(format!("A name has to stand where {other} stands, such as metrics.roc_auc.")),
            None => return Err("A name is missing at the end, such as metrics.roc_auc.".to_owned()),
        };
        // `metrics.` with the key between backticks behind it.
        let key = match rest {
            None => None,
            Some(rest) if rest.is_empty() => match lexer.bump() {
                Some(Token::Word { text, quoted: true } | Token::Text(text)) => Some(text),
                _ => return Err(format!("A name is missing after '{head}.'.")),
            },
            Some(rest) => Some(rest),
        };
        let Some(key) = key else { return Ok(Field::Attribute(head.parse()?)) };
        if key.is_empty() || key.chars().count() > LONGEST_KEY {
            return Err(format!("A key has 1 to {LONGEST_KEY} characters."));
        }
        match head.as_str() {
            "metric" | "metrics" => Ok(Field::Metric { key, pick: read_pick(lexer)? }),
            "param" | "params" | "parameter" | "parameters" => Ok(Field::Param { key }),
            "tag" | "tags" => Ok(Field::Tag { key }),
            "attribute" | "attributes" | "attr" | "run" => Ok(Field::Attribute(key.parse()?)),
            other => Err(format!("'{other}.' is nothing of a run. Write metrics., params., tags. or attributes.")),
        }
    }
}

fn read_pick(lexer: &mut Lexer) -> Result<Pick, String> {
    if lexer.peek() != Some(&Token::Colon) {
        return Ok(Pick::Last);
    }
    lexer.bump();
    let name = match lexer.bump() {
        Some(Token::Word { text, quoted: false }) => text,
        _ => String::new(),
    };
    Pick::ALL
        .into_iter()
        .find(|pick| pick.as_str() == name)
        .ok_or_else(|| "After ':' write last, min, max or best.".to_owned())
}

impl FromStr for Field {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match Field::list(text)?.as_slice() {
            [field] => Ok(field.clone()),
            [] => Err("A name is missing, such as metrics.roc_auc.".to_owned()),
            _ => Err("Name one value only.".to_owned()),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Attribute(attribute) => f.write_str(attribute.as_str()),
            Field::Metric { key, pick } => {
                write!(f, "metrics.{}", lexer::word(key))?;
                match pick {
                    Pick::Last => Ok(()),
                    pick => write!(f, ":{}", pick.as_str()),
                }
            }
            Field::Param { key } => write!(f, "params.{}", lexer::word(key)),
            Field::Tag { key } => write!(f, "tags.{}", lexer::word(key)),
        }
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A metric's key without its part, `valid.` or `train.`, and without the family before a slash: `roc_auc`.
pub fn metric_name(key: &str) -> &str {
    let key = split_part(key).1;
    key.rsplit_once('/').map_or(key, |(_, name)| name)
}

/// The part that a metric's key names and the rest: `("valid", "trees/loss")`. Without one it is of the test rows.
pub fn split_part(key: &str) -> (&str, &str) {
    match key.split_once('.') {
        Some((part @ ("train" | "valid"), rest)) => (part, rest),
        _ => ("", key),
    }
}

/// A metric as a page names it: "ROC AUC", "ROC AUC, validation", "Loss, validation (trees)".
pub fn metric_title(key: &str) -> String {
    let (part, rest) = split_part(key);
    let (family, name) = rest.rsplit_once('/').unwrap_or(("", rest));
    let mut title = crate::glossary::title(name);
    if let Some(first) = title.chars().next() {
        title = first.to_uppercase().chain(title.chars().skip(1)).collect();
    }
    match part {
        "valid" => title.push_str(", validation"),
        "train" => title.push_str(", train"),
        _ => {}
    }
    if !family.is_empty() {
        title.push_str(&format!(" ({family})"));
    }
    title
}

/// Whether more of the metric is better; `None` where the name does not tell, or neither is.
pub fn higher_is_better(key: &str) -> Option<bool> {
    let name = metric_name(key);
    const LOWER: [&str; 10] =
        ["rmse", "mae", "mse", "mape", "median_absolute_error", "brier_score", "error", "ece", "perplexity", "wer"];
    const HIGHER: [&str; 10] =
        ["accuracy", "precision", "recall", "r2", "mcc", "auc", "f1", "f1_macro", "kappa", "average_precision"];
    if LOWER.contains(&name) || ["loss", "_error", "_rmse", "_mae", "_mse"].iter().any(|end| name.ends_with(end)) {
        return Some(false);
    }
    let ends = ["accuracy", "_auc", "_auc_ovr", "_f1", "_precision", "_recall", "_r2"];
    (HIGHER.contains(&name) || ends.iter().any(|end| name.ends_with(end))).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_are_written() {
        for text in [
            "score",
            "metrics.roc_auc",
            "metrics.valid.realmlp/log_loss:min",
            "metrics.`a, b`:best",
            "params.`x``y`",
            "params.split.seed",
            "tags.stage",
            "tags.`ein Wort`",
            "params.größe",
        ] {
            let field: Field = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(field.to_string(), text);
        }
        assert_eq!("parameters.seed".parse(), Ok(Field::param("seed")));
        assert_eq!("attributes.run_name".parse(), Ok(Field::Attribute(Attribute::Name)));
        assert_eq!("metrics.'a b'".parse(), Ok(Field::metric("a b")));
        let list = Field::list("state, name,metrics.`a,b`, name").map(|f| f.len());
        assert_eq!(list, Ok(3), "each once");
        assert_eq!(Field::list(" "), Ok(Vec::new()));
        for bad in ["", "metrics.", "nothing", "metrics.a:mean", "a.b", "metrics.a params.b", "metrics.a,,", "`a`", "1"]
        {
            assert!(bad.parse::<Field>().is_err(), "{bad}");
        }
        assert!(format!("tags.{}", "x".repeat(251)).parse::<Field>().is_err());
    }

    #[test]
    fn metrics_know_their_direction_and_title() {
        for (key, better) in [
            ("roc_auc", Some(true)),
            ("valid.roc_auc_ovr", Some(true)),
            ("train.rmse", Some(false)),
            ("valid.trees/log_loss", Some(false)),
            ("valid.realmlp/loss", Some(false)),
            ("epochs", None),
        ] {
            assert_eq!(higher_is_better(key), better, "{key}");
        }
        assert_eq!(metric_title("valid.realmlp/roc_auc"), "ROC AUC, validation (realmlp)");
        assert_eq!(metric_title("my_metric"), "My metric");
    }
}
