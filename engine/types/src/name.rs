//! Validated words: a value of these types has passed its check, in the browser or on the server alike.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema), schema(value_type = String))]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks and takes the text; the error is a sentence that says what is allowed.
            pub fn parse(text: impl AsRef<str>) -> Result<Self, String> {
                let text = text.as_ref().trim();
                $check(text)?;
                Ok(Self(text.to_owned()))
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

word!(
    /// What stands in an address: 1 to 64 of `a-z`, `0-9` and `-`, starting and ending with a letter or digit.
    Slug, check_slug
);
word!(
    /// The name of a data set, model, run or token: 1 to 128 characters, no control characters or slashes.
    ResourceName, check_resource_name
);
word!(
    /// The name that a person signs in with: 2 to 64 of letters, digits, `.`, `_`, `-`, `@` and `+`.
    UserName, check_user_name
);
word!(
    /// How a person is shown: 1 to 128 characters.
    PersonName, check_resource_name
);

fn check_slug(text: &str) -> Result<(), String> {
    let ok = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    ok.then_some(()).ok_or_else(|| "Use 1 to 64 of a-z, 0-9 and '-', with a letter or digit at both ends.".to_owned())
}

fn check_resource_name(text: &str) -> Result<(), String> {
    let count = text.chars().count();
    if count == 0 {
        return Err("Give it a name.".to_owned());
    }
    if count > 128 {
        return Err(format!("Use at most 128 characters; this has {count}."));
    }
    if text.chars().any(|c| c.is_control() || c == '/' || c == '\\') {
        return Err("Leave out slashes and control characters.".to_owned());
    }
    Ok(())
}

fn check_user_name(text: &str) -> Result<(), String> {
    let ok = (2..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@+".contains(&b));
    ok.then_some(()).ok_or_else(|| "Use 2 to 64 letters, digits, '.', '_', '-', '@' or '+'.".to_owned())
}

impl Slug {
    /// The nearest slug to any text: lower case, runs of other characters become one `-`. `None` where nothing is left.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut out = String::new();
        for c in text.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                out.push(c);
            } else if !out.ends_with('-') && !out.is_empty() {
                out.push('-');
            }
            if out.len() == 64 {
                break;
            }
        }
        Self::parse(out.trim_matches('-')).ok()
    }
}

/// A new password: 10 to 256 characters. Never shown by `Debug`.
#[derive(Clone, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema), schema(value_type = String))]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    pub fn parse(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        match text.chars().count() {
            10..=256 => Ok(Self(text)),
            n => Err(format!("Use 10 to 256 characters; this has {n}.")),
        }
    }
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_refuse_what_an_address_cannot_hold() {
        for bad in ["", "-a", "a-", "A", "a b", "ü", &"x".repeat(65)] {
            assert!(Slug::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Slug::from_text("Credit Risk / 2026!").map(|s| s.to_string()).as_deref(), Some("credit-risk-2026"));
        assert_eq!(Slug::from_text("!!!"), None);
    }

    #[test]
    fn names_refuse_paths_and_controls() {
        for bad in ["", "a/b", "a\\b", "a\nb", &"x".repeat(129)] {
            assert!(ResourceName::parse(bad).is_err(), "{bad}");
        }
        assert!(ResourceName::parse("Kreditanträge 2026").is_ok());
    }

    #[test]
    fn a_password_does_not_print_itself() {
        let password = Password::parse("correct horse").map(|p| format!("{p:?}"));
        assert_eq!(password.as_deref(), Ok("Password(…)"));
    }
}
