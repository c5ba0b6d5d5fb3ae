//! The common shape of texts as a regular expression.

use crate::checks::validate::expression;

/// Shapes that are known by name.
const KNOWN: [&str; 5] = [
    r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    r"^https?://\S+$",
    r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$",
    r"^[0-9a-fA-F]{32,64}$",
];
/// Fewer different texts may share a shape by chance.
const FEWEST: usize = 20;
/// Shapes that are told apart; texts of more have none in common.
const MOST_SHAPES: usize = 3;
/// Parts of a shape at most.
const MOST_PARTS: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Upper,
    Lower,
    Digit,
    /// A character that stands for itself.
    Literal(char),
}

/// A run of characters of one class, with the least and greatest length seen.
#[derive(Clone, Debug)]
struct Run {
    class: Class,
    min: usize,
    max: usize,
}

/// An expression that all texts match, where they have a shape with digits or signs in common; words and free text have none.
pub(super) fn of<S: AsRef<str>>(texts: &[S]) -> Option<String> {
    if texts.len() < FEWEST {
        return None;
    }
    for known in KNOWN {
        if expression(known).is_ok_and(|regex| texts.iter().all(|text| regex.is_match(text.as_ref()))) {
            return Some(known.to_owned());
        }
    }
    let mut shapes: Vec<(Vec<Run>, usize)> = Vec::new();
    for text in texts {
        let runs = runs(text.as_ref())?;
        let same =
            |known: &[Run]| known.len() == runs.len() && known.iter().zip(&runs).all(|(a, b)| a.class == b.class);
        match shapes.iter().position(|(known, _)| same(known)) {
            Some(at) => {
                let (known, count) = &mut shapes[at];
                *count += 1;
                for (known, run) in known.iter_mut().zip(&runs) {
                    known.min = known.min.min(run.min);
                    known.max = known.max.max(run.max);
                }
            }
            None if shapes.len() < MOST_SHAPES => shapes.push((runs, 1)),
            None => return None,
        }
    }
    // A shape met a few times has others beside it that were not met.
    if shapes.iter().any(|(_, count)| *count < FEWEST) {
        return None;
    }
    let telling =
        |run: &Run| matches!(run.class, Class::Digit | Class::Literal('-' | '/' | ':' | '.' | '_' | '@' | '+' | '#'));
    if !shapes.iter().all(|(shape, _)| shape.len() > 1 && shape.iter().any(telling)) {
        return None;
    }
    let mut parts: Vec<String> = shapes.iter().map(|(shape, _)| shape.iter().map(Run::written).collect()).collect();
    parts.sort_unstable();
    Some(if parts.len() == 1 { format!("^{}$", parts[0]) } else { format!("^(?:{})$", parts.join("|")) })
}

/// `None` for texts of many parts, and for those of letters beyond English, which no class here has.
fn runs(text: &str) -> Option<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for c in text.chars() {
        let class = match c {
            'A'..='Z' => Class::Upper,
            'a'..='z' => Class::Lower,
            '0'..='9' => Class::Digit,
            c if c.is_alphanumeric() || c.is_control() => return None,
            c => Class::Literal(c),
        };
        if let Some(last) = runs.last_mut().filter(|last| last.class == class) {
            (last.min, last.max) = (last.min + 1, last.max + 1);
        } else if runs.len() == MOST_PARTS {
            return None;
        } else {
            runs.push(Run { class, min: 1, max: 1 });
        }
    }
    Some(runs)
}

impl Run {
    fn written(&self) -> String {
        let class = match self.class {
            Class::Upper => "[A-Z]".to_owned(),
            Class::Lower => "[a-z]".to_owned(),
            Class::Digit => "[0-9]".to_owned(),
            Class::Literal(c) => regex::escape(&c.to_string()),
        };
        match (self.min, self.max) {
            (1, 1) => class,
            (min, max) if min == max => format!("{class}{{{min}}}"),
            // Where lengths vary, others are to be expected.
            _ => format!("{class}+"),
        }
    }
}
