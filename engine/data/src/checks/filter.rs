//! Which rows a check is about: a small language of comparisons, read here and never passed to anything else.
//!
//! ```text
//! filter     = part { "or" part }
//! part       = term { "and" term }
//! term       = "not" term | "(" filter ")" | column comparison
//! comparison = op literal | "is" [ "not" ] "null" | [ "not" ] "in" "(" literal { "," literal } ")"
//! op         = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
//! column     = word | `any name`
//! literal    = number | 'text' | "text" | true | false | now
//! ```
//! As in SQL, a missing value meets no comparison and no negated one either.

use crate::words::clip;
use std::cmp::Ordering;
use trainyard_types::{Problem, checks::Scalar};

/// Longer filters (bytes) and deeper brackets are refused.
const MAX_BYTES: usize = 10_000;
const MAX_DEPTH: usize = 50;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare { column: String, op: Op, literal: Scalar },
    IsNull { column: String },
    In { column: String, literals: Vec<Scalar> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Op {
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Op::Equal => order == Ordering::Equal,
            Op::Unequal => order != Ordering::Equal,
            Op::Less => order == Ordering::Less,
            Op::AtMost => order != Ordering::Greater,
            Op::Greater => order == Ordering::Greater,
            Op::AtLeast => order != Ordering::Less,
        }
    }
}

impl Filter {
    /// # Errors
    /// The text is no filter; the message says where.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let refuse = |at: usize, what: &str| {
            let at = text.get(..at).map_or(at, |before| before.chars().count()) + 1;
            Problem::field("where", format!("The filter `{}` can't be read at character {at}: {what}.", clip(text)))
        };
        if text.len() > MAX_BYTES {
            return Err(refuse(MAX_BYTES, "it is too long"));
        }
        let tokens = tokens(text).map_err(|(at, what)| refuse(at, &what))?;
        let mut reader = Reader { tokens: &tokens, at: 0, end: text.len() };
        let filter = reader.any(0).map_err(|(at, what)| refuse(at, &what))?;
        match reader.tokens.get(reader.at) {
            None => Ok(filter),
            Some((at, _)) => Err(refuse(*at, "`and`, `or` or the end is expected")),
        }
    }

    /// The columns that it names.
    pub(super) fn columns(&self) -> Vec<String> {
        match self {
            Filter::And(a, b) | Filter::Or(a, b) => [a.columns(), b.columns()].concat(),
            Filter::Not(inner) => inner.columns(),
            Filter::Compare { column, .. } | Filter::IsNull { column } | Filter::In { column, .. } => {
                vec![column.clone()]
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A word or number; keywords are told apart by where they stand.
    Word(String),
    Column(String),
    Text(String),
    Op(Op),
    Open,
    Close,
    Comma,
}

type Fault = (usize, String);

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let mut followed_by = |next: char| rest.next_if(|(_, c)| *c == next).is_some();
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '=' => {
                followed_by('=');
                Token::Op(Op::Equal)
            }
            '!' if followed_by('=') => Token::Op(Op::Unequal),
            '<' if followed_by('=') => Token::Op(Op::AtMost),
            '<' if followed_by('>') => Token::Op(Op::Unequal),
            '<' => Token::Op(Op::Less),
            '>' if followed_by('=') => Token::Op(Op::AtLeast),
            '>' => Token::Op(Op::Greater),
            '\'' | '"' | '`' => {
                // A doubled quote within stands for one.
                let mut inner = String::new();
                loop {
                    match rest.next() {
                        None => return Err((at, format!("the closing {c} is missing"))),
                        Some((_, found)) if found == c => {
                            if rest.next_if(|(_, next)| *next == c).is_none() {
                                break;
                            }
                            inner.push(c);
                        }
                        Some((_, found)) => inner.push(found),
                    }
                }
                if c == '`' { Token::Column(inner) } else { Token::Text(inner) }
            }
            c if c.is_alphanumeric() || "_-+.".contains(c) => {
                let mut word = String::from(c);
                while let Some((_, c)) = rest.next_if(|(_, c)| {
                    c.is_alphanumeric() || "_.-".contains(*c) || (*c == '+' && word.ends_with(['e', 'E']))
                }) {
                    word.push(c);
                }
                Token::Word(word)
            }
            other => return Err((at, format!("`{other}` is not known here"))),
        };
        tokens.push((at, token));
    }
    Ok(tokens)
}

struct Reader<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    end: usize,
}

impl Reader<'_> {
    fn place(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |(at, _)| *at)
    }
    fn fault<T>(&self, what: &str) -> Result<T, Fault> {
        Err((self.place(), what.to_owned()))
    }
    fn next(&mut self) -> Option<&Token> {
        let token = self.tokens.get(self.at).map(|(_, token)| token);
        self.at += 1;
        token
    }
    fn takes(&mut self, wanted: &Token) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|(_, token)| token == wanted);
        self.at += usize::from(found);
        found
    }
    fn takes_word(&mut self, keyword: &str) -> bool {
        let found =
            matches!(self.tokens.get(self.at), Some((_, Token::Word(word))) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self, depth: usize) -> Result<Filter, Fault> {
        if depth > MAX_DEPTH {
            return self.fault("the brackets are too deep");
        }
        let mut filter = self.every(depth)?;
        while self.takes_word("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.every(depth)?));
        }
        Ok(filter)
    }

    fn every(&mut self, depth: usize) -> Result<Filter, Fault> {
        let mut filter = self.term(depth)?;
        while self.takes_word("and") {
            filter = Filter::And(Box::new(filter), Box::new(self.term(depth)?));
        }
        Ok(filter)
    }

    fn term(&mut self, depth: usize) -> Result<Filter, Fault> {
        if depth > MAX_DEPTH {
            return self.fault("the brackets are too deep");
        }
        if self.takes_word("not") {
            return Ok(Filter::Not(Box::new(self.term(depth + 1)?)));
        }
        if self.takes(&Token::Open) {
            let inner = self.any(depth + 1)?;
            return if self.takes(&Token::Close) { Ok(inner) } else { self.fault("`)` is expected") };
        }
        let column = match self.next() {
            Some(Token::Word(word)) | Some(Token::Column(word)) => word.clone(),
            _ => {
                self.at -= 1;
                return self.fault("a column is expected");
            }
        };
        self.comparison(column)
    }

    fn comparison(&mut self, column: String) -> Result<Filter, Fault> {
        let negate = |negated: bool, filter: Filter| if negated { Filter::Not(Box::new(filter)) } else { filter };
        if self.takes_word("is") {
            let negated = self.takes_word("not");
            return match self.takes_word("null") {
                true => Ok(negate(negated, Filter::IsNull { column })),
                false => self.fault("`null` is expected"),
            };
        }
        let negated = self.takes_word("not");
        if self.takes_word("in") {
            if !self.takes(&Token::Open) {
                return self.fault("`(` is expected");
            }
            let mut literals = vec![self.literal()?];
            while self.takes(&Token::Comma) {
                literals.push(self.literal()?);
            }
            return match self.takes(&Token::Close) {
                true => Ok(negate(negated, Filter::In { column, literals })),
                false => self.fault("`,` or `)` is expected"),
            };
        }
        match self.tokens.get(self.at) {
            Some((_, Token::Op(op))) if !negated => {
                self.at += 1;
                Ok(Filter::Compare { column, op: *op, literal: self.literal()? })
            }
            _ => self.fault("a comparison such as `= 'text'`, `>= 3`, `in (1, 2)` or `is null` is expected"),
        }
    }

    fn literal(&mut self) -> Result<Scalar, Fault> {
        let at = self.place();
        match self.next() {
            Some(Token::Text(text)) => Ok(Scalar::Text(text.clone())),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Ok(Scalar::Boolean(true)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => Ok(Scalar::Boolean(false)),
            Some(Token::Word(word)) if word == "now" => Ok(Scalar::Text(word.clone())),
            Some(Token::Word(word)) => match word.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Scalar::Number(value)),
                _ => Err((at, format!("`{word}` is no number; texts and times stand in single quotes"))),
            },
            _ => Err((at, "a number or a text in quotes is expected".to_owned())),
        }
    }
}
