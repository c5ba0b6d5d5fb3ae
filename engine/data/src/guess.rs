//! What type a column of text is, judged by all its values.

use crate::{
    cell::{Look, look},
    convert::Reading,
    digits::Short,
    words,
};
use trainyard_types::dataset::ColumnType;

/// Counts what the values of a column look like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guess {
    pub present: u64,
    integers: u64,
    huge: u64,
    floats: u64,
    infinite: u64,
    booleans: u64,
    datetimes: u64,
    texts: u64,
    zero_led: u64,
    day_first: u64,
    decimal_commas: u64,
    /// Values that a token other than the empty text made missing.
    pub tokens: u64,
    first_text: Option<(u64, String)>,
}

impl Guess {
    /// Adds a trimmed value that stands on the line that is asked for where it matters.
    pub(crate) fn add(&mut self, text: &str, line: impl FnOnce() -> u64, reading: &Reading) {
        if reading.missing.is(text) {
            self.tokens += u64::from(!text.is_empty());
            return;
        }
        self.present += 1;
        match look(text, reading.decimal_comma) {
            Look::Integer => self.integers += 1,
            Look::HugeInteger => self.huge += 1,
            Look::Float => {
                self.floats += 1;
                self.decimal_commas += u64::from(reading.decimal_comma && text.contains(','));
            }
            Look::Infinite => self.infinite += 1,
            Look::Boolean => self.booleans += 1,
            Look::Datetime => self.datetimes += 1,
            Look::Text => {
                self.texts += 1;
                let bytes = text.as_bytes();
                if bytes[0] == b'0' && bytes.iter().all(u8::is_ascii_digit) {
                    self.zero_led += 1;
                } else if is_day_first(bytes) {
                    self.day_first += 1;
                } else if self.first_text.is_none() {
                    self.first_text = Some((line(), words::clip(text)));
                }
            }
        }
    }

    /// Adds a number that is not missing.
    #[inline]
    pub(crate) fn add_short(&mut self, number: Short) {
        self.present += 1;
        match number.integer() {
            Some(_) => self.integers += 1,
            None => self.floats += 1,
        }
    }

    /// Adds what was counted further down in the file.
    pub(crate) fn merge(&mut self, later: Self) {
        self.present += later.present;
        self.integers += later.integers;
        self.huge += later.huge;
        self.floats += later.floats;
        self.infinite += later.infinite;
        self.booleans += later.booleans;
        self.datetimes += later.datetimes;
        self.texts += later.texts;
        self.zero_led += later.zero_led;
        self.day_first += later.day_first;
        self.decimal_commas += later.decimal_commas;
        self.tokens += later.tokens;
        if self.first_text.is_none() {
            self.first_text = later.first_text;
        }
    }

    fn numbers(&self) -> u64 {
        self.integers + self.huge + self.floats + self.infinite
    }

    /// The type that all present values can be read as. Columns without values are text, and so are columns of whole
    /// numbers some of which exceed 64 bits, since as floats different ones would become equal.
    pub(crate) fn kind(&self) -> ColumnType {
        if self.present == 0 {
            ColumnType::Text
        } else if self.integers == self.present {
            ColumnType::Integer
        } else if self.numbers() == self.present && (self.floats > 0 || (self.huge == 0 && self.integers > 0)) {
            ColumnType::Float
        } else if self.booleans == self.present {
            ColumnType::Boolean
        } else if self.datetimes == self.present {
            ColumnType::Datetime
        } else {
            ColumnType::Text
        }
    }

    /// What a person should know about the choice, if anything.
    pub(crate) fn note(&self, name: &str) -> Option<String> {
        let name = words::clip(name);
        let share = |n: u64| words::percent(n as f64 / self.present.max(1) as f64);
        match self.kind() {
            ColumnType::Float if self.infinite > 0 => Some(format!(
                "`{name}` holds {}, read as missing.",
                words::counted(self.infinite, "infinite value", "infinite values")
            )),
            ColumnType::Float if self.decimal_commas > 0 => {
                Some(format!("In `{name}` the comma is read as decimal sign."))
            }
            ColumnType::Text if self.present == 0 => {
                Some(format!("`{name}` has no values at all. It can be neither a target nor a feature."))
            }
            ColumnType::Text if self.huge > 0 && self.numbers() == self.present => Some(format!(
                "`{name}` holds whole numbers beyond 64 bits and is read as text, so that different ones stay different. \
                 Choose float if they are quantities."
            )),
            ColumnType::Text if self.zero_led > 0 && self.texts == self.zero_led => Some(format!(
                "`{name}` is read as text because {} with zeros, as postal codes do.",
                words::counted(self.zero_led, "value begins", "values begin")
            )),
            ColumnType::Text if self.day_first > 0 && self.texts == self.day_first => Some(format!(
                "`{name}` looks like dates with the day or month first, which is ambiguous, and is read as text. Write \
                 them as 2024-12-31 to have them read as dates."
            )),
            ColumnType::Text => {
                let (line, example) = self.first_text.as_ref()?;
                let others = [(self.numbers(), "numbers"), (self.datetimes, "dates"), (self.booleans, "true or false")];
                let (n, what) = others.into_iter().max_by_key(|other| other.0)?;
                (n * 10 >= self.present * 8).then(|| {
                    format!(
                        "`{name}` has mixed types: {} of its values are {what}, but {} not, the first `{example}` on line \
                         {}. It is read as text. If those mean \"missing\", add them to the missing texts; otherwise \
                         choose the type, and the rows are listed.",
                        share(n),
                        words::counted(self.present - n, "is", "are"),
                        words::count(*line)
                    )
                })
            }
            _ => None,
        }
    }
}

/// `31/12/2024`, `31.12.24` and the like.
fn is_day_first(bytes: &[u8]) -> bool {
    let Some(separator) = bytes.iter().copied().find(|byte| !byte.is_ascii_digit()) else { return false };
    if !matches!(separator, b'/' | b'.' | b'-') || !(6..=19).contains(&bytes.len()) {
        return false;
    }
    let date = bytes.split(|&byte| byte == b' ').next().unwrap_or(bytes);
    let parts: Vec<&[u8]> = date.split(|&byte| byte == separator).collect();
    parts.len() == 3
        && parts.iter().all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
        && parts[0].len() <= 2
        && parts[1].len() <= 2
        && matches!(parts[2].len(), 2 | 4)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cell::{DEFAULT_MISSING, Missing};

    fn guess(values: &[&str]) -> Guess {
        let reading = Reading { missing: Missing::new(&DEFAULT_MISSING.map(String::from)), decimal_comma: false };
        let mut guess = Guess::default();
        values.iter().enumerate().for_each(|(i, value)| guess.add(value, || i as u64 + 2, &reading));
        guess
    }

    #[test]
    fn types_follow_all_values() {
        for (values, kind) in [
            (&["1", "", "2", "NA"][..], ColumnType::Integer),
            (&["1", "2.5", "inf"], ColumnType::Float),
            (&["00123", "12345"], ColumnType::Text),
            (&["true", "False"], ColumnType::Boolean),
            (&["yes", "no"], ColumnType::Text),
            (&["2024-01-01", "2024-01-01 10:00"], ColumnType::Datetime),
            (&["", "?"], ColumnType::Text),
            (&["12345678901234567890", "1"], ColumnType::Text),
            (&["12345678901234567890", "1.5"], ColumnType::Float),
            (&["true", "1"], ColumnType::Text),
        ] {
            assert_eq!(guess(values).kind(), kind, "{values:?}");
        }
    }

    #[test]
    fn notes_say_what_was_odd() {
        let mixed = guess(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "abc"]).note("x").unwrap();
        assert!(mixed.contains("90.0 %") && mixed.contains("`abc` on line 11"), "{mixed}");
        assert!(guess(&["00123", "12345"]).note("zip").unwrap().contains("postal"));
        assert!(guess(&["31/12/2024", "01/02/2024"]).note("d").unwrap().contains("ambiguous"));
        assert!(guess(&["a", "b"]).note("t").is_none());
        assert!(guess(&["", ""]).note("t").unwrap().contains("no values"));
        assert!(guess(&["1.0", "inf"]).note("t").unwrap().contains("infinite"));
    }
}
