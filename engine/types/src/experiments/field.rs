//! One value of a run, by name.

use super::{
    Attribute, LONGEST_KEY, higher_is_better,
    lexer::{self, Lexer, Token},
    metric_title,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

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

    pub(super) fn read(lexer: &mut Lexer) -> Result<Field, String> {
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
}
