//! Words, numbers and quoted texts of a filter or a list of columns.

use std::{borrow::Cow, fmt};

/// The longest text that is read, bytes.
pub const LONGEST: usize = 4_000;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// Letters, digits and `_ . - /`; anything between backticks.
    Word {
        text: String,
        quoted: bool,
    },
    /// Between single or double quotes; the quote within is doubled.
    Text(String),
    /// `=`, `!=`, `>`, `>=`, `<`, `<=`
    Compare(&'static str),
    Comma,
    Colon,
    Open,
    Close,
}

impl Token {
    /// Whether it is this word, in any case.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word { text, quoted: false } if text.eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word { text, .. } | Token::Text(text) => {
                let short: String = text.chars().take(40).collect();
                write!(f, "'{short}'")
            }
            Token::Compare(sign) => write!(f, "'{sign}'"),
            Token::Comma => f.write_str("','"),
            Token::Colon => f.write_str("':'"),
            Token::Open => f.write_str("'('"),
            Token::Close => f.write_str("')'"),
        }
    }
}

/// The tokens of a text, from first to last.
pub struct Lexer {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Lexer {
    /// # Errors
    /// A sentence on the first thing that is no token.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("This is longer than {LONGEST} characters. Make it shorter."));
        }
        let mut tokens = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            let token = match c {
                c if c.is_whitespace() => continue,
                ',' => Token::Comma,
                ':' => Token::Colon,
                '(' => Token::Open,
                ')' => Token::Close,
                '`' => Token::Word { text: quoted(&mut rest, '`')?, quoted: true },
                '\'' | '"' => Token::Text(quoted(&mut rest, c)?),
                '=' => {
                    // `==` says the same.
                    rest.next_if_eq(&'=');
                    Token::Compare("=")
                }
                '!' if rest.next_if_eq(&'=').is_some() => Token::Compare("!="),
                '>' if rest.next_if_eq(&'=').is_some() => Token::Compare(">="),
                '<' if rest.next_if_eq(&'=').is_some() => Token::Compare("<="),
                '<' if rest.next_if_eq(&'>').is_some() => Token::Compare("!="),
                '>' => Token::Compare(">"),
                '<' => Token::Compare("<"),
                c if plain(c) || c == '+' => {
                    let mut text = String::from(c);
                    loop {
                        // The sign of an exponent, `1e+5`, belongs to its number.
                        let exponent =
                            text.ends_with(['e', 'E']) && text.starts_with(|c: char| "+-.0123456789".contains(c));
                        match rest.next_if(|next| plain(*next) || (exponent && *next == '+')) {
                            Some(next) => text.push(next),
                            None => break,
                        }
                    }
                    Token::Word { text, quoted: false }
                }
                other => {
                    return Err(format!("'{}' has no meaning here. Put text between quotes.", other.escape_debug()));
                }
            };
            tokens.push(token);
        }
        Ok(Self { tokens: tokens.into_iter().peekable() })
    }

    pub fn peek(&mut self) -> Option<&Token> {
        self.tokens.peek()
    }

    pub fn bump(&mut self) -> Option<Token> {
        self.tokens.next()
    }

    /// Takes the next token where it is this word, in any case.
    pub fn take(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| token.is(word)).is_some()
    }
}

fn plain(c: char) -> bool {
    c.is_alphanumeric() || "_.-/".contains(c)
}

fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, quote: char) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match rest.next() {
            None => return Err(format!("A text begins with {quote} and does not end.")),
            Some(c) if c == quote => {
                if rest.next_if_eq(&quote).is_none() {
                    return Ok(text);
                }
                text.push(quote);
            }
            Some('\0') => return Err("Leave out the character with the number 0.".to_owned()),
            Some(c) => text.push(c),
        }
    }
}

/// A key as it is written: as it is, or between backticks.
pub fn word(key: &str) -> Cow<'_, str> {
    if !key.is_empty() && key.chars().all(plain) {
        Cow::Borrowed(key)
    } else {
        Cow::Owned(format!("`{}`", key.replace('`', "``")))
    }
}

/// A text between single quotes.
pub fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
