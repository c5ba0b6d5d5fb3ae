//! YAML documents that people write: check suites, pipelines.

mod comments;

pub use comments::carry;
use serde::{Serialize, de::DeserializeOwned};
pub use serde_saphyr::Spanned;
use trainyard_types::{Code, Problem};

/// Longer documents (bytes) are refused.
pub const MAX_BYTES: usize = 1 << 20;

/// Reads a document. Only `true` and `false` are booleans: a column may be called `n` or `no`. Aliases that would blow it up,
/// duplicate keys and anything past [`MAX_BYTES`] are refused.
///
/// # Errors
/// The text is no YAML or doesn't fit the type; the message has line and column.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    if text.len() > MAX_BYTES {
        return Err(Problem::new(Code::TooLarge, format!("The document is over {} KiB. Divide it.", MAX_BYTES >> 10)));
    }
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let message = error.to_string();
        let message = message.trim_end_matches('.');
        // What is wrong with the document as a whole begins where it begins.
        let place = if error.location().is_some() { "" } else { " (line 1)" };
        Problem::invalid(format!("The document can't be read: {message}{place}. Correct it there."))
    })
}

/// Writes a document that [`parse`] reads back.
///
/// # Errors
/// The value has no form in YAML, such as a map with a map for a key.
pub fn print<T: Serialize>(value: &T) -> Result<String, Problem> {
    serde_saphyr::to_string(value)
        .map_err(|error| Problem::internal(format!("The document can't be written: {error}.")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document {
        name: String,
        values: Vec<f64>,
        notes: BTreeMap<String, Option<String>>,
    }

    #[test]
    fn what_is_written_is_read_back() {
        let notes = [("a", "no"), ("b", "- x: \"y\"\n# z"), ("c", "012"), ("d", "1e3"), ("e", ""), ("f", "null")];
        let notes = notes.map(|(key, value)| (key.to_owned(), Some(value.to_owned())));
        let mut notes = BTreeMap::from(notes);
        notes.insert("g".into(), None);
        let document = Document { name: "yes".into(), values: vec![1.5, -2.0, 1e300], notes };
        assert_eq!(parse::<Document>(&print(&document).unwrap()).unwrap(), document);
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let fault = |text: &str| parse::<Document>(text).unwrap_err().message;
        assert!(
            fault("name: a\nvalues: [1]\nnotes: {}\nother: 1").contains("line 4"),
            "{}",
            fault("name: a\nother: 1")
        );
        assert!(fault("name: a\nvalues: x\nnotes: {}").contains("line 2"));
        assert!(fault("name: a\nname: b\nvalues: []\nnotes: {}").contains("name"));
        assert!(fault(&" ".repeat(MAX_BYTES + 1)).contains("1024 KiB"));
        let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
        for (before, name) in "abcdefgh".chars().zip("bcdefghi".chars()) {
            bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(",")));
        }
        assert!(parse::<BTreeMap<String, serde_json::Value>>(&bomb).is_err());
    }
}
