//! Comments of a document that a person wrote, carried into the document as it is printed after a form changed it.

use super::{MAX_BYTES, parse};
use std::collections::HashMap;

/// Where a line stands: keys, and items of lists by their `id`, their `name`, what they say, or their place.
type Path = Vec<String>;

/// `printed` with the comments of `written`: each above or behind the line that says of the same thing, or above the item that it
/// was in. Comments of what is gone go with it, and those at the end stay there. Where the two would then not mean the same,
/// `printed` as it is.
pub fn carry(written: &str, printed: &str) -> String {
    if written.len() > MAX_BYTES || !written.contains('#') {
        return printed.to_owned();
    }
    let carried = placed(written, printed);
    let value = |text: &str| parse::<serde_json::Value>(text).ok();
    match (value(&carried), value(printed)) {
        (Some(a), Some(b)) if a == b => carried,
        _ => printed.to_owned(),
    }
}

fn placed(written: &str, printed: &str) -> String {
    let known: Vec<Path> = lines(printed).into_iter().flat_map(|line| line.paths).collect();
    let mut above: HashMap<Path, Vec<&str>> = HashMap::new();
    let mut behind: HashMap<Path, &str> = HashMap::new();
    let mut waiting: Vec<&str> = Vec::new();
    for line in lines(written) {
        let Some(last) = line.paths.last() else {
            waiting.extend(line.comment);
            continue;
        };
        // A setting that the form leaves out: its comment stands above the item.
        let mut path = line.paths.iter().find(|path| known.contains(path)).cloned();
        if path.is_none() {
            let parent = &last[..last.len() - 1];
            path = parent.last().filter(|segment| segment.starts_with('#')).map(|_| parent.to_vec());
        }
        let waited = std::mem::take(&mut waiting);
        let Some(path) = path.filter(|path| known.contains(path)) else { continue };
        match line.comment {
            Some(comment) if line.paths.contains(&path) => {
                behind.insert(path.clone(), comment);
                above.entry(path).or_default().extend(waited);
            }
            comment => above.entry(path).or_default().extend(waited.into_iter().chain(comment)),
        }
    }
    let mut all = String::with_capacity(written.len() + printed.len());
    for line in lines(printed) {
        let indent = " ".repeat(line.indent);
        for comment in line.paths.iter().filter_map(|path| above.remove(path)).flatten() {
            all.push_str(&format!("{indent}{comment}\n"));
        }
        all.push_str(line.text);
        if let Some(comment) = line.paths.iter().find_map(|path| behind.remove(path)) {
            all.push_str(&format!("  {comment}"));
        }
        all.push('\n');
    }
    for comment in waiting {
        all.push_str(&format!("{comment}\n"));
    }
    all
}

struct Line<'a> {
    text: &'a str,
    indent: usize,
    /// Of an item that begins with a key, the item's and the key's; of what says nothing new, none.
    paths: Vec<Path>,
    /// From its `#` on.
    comment: Option<&'a str>,
}

/// A key, or an item of a list, whose lines are further in.
struct Open {
    indent: usize,
    segment: String,
    item: bool,
    /// Items so far.
    items: usize,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let all: Vec<&str> = text.lines().collect();
    let mut open: Vec<Open> = Vec::new();
    let mut found = Vec::with_capacity(all.len());
    // Lines further in than this belong to a block of text.
    let mut block: Option<usize> = None;
    for (at, &text) in all.iter().enumerate() {
        let body = text.trim_start();
        let indent = text.len() - body.len();
        if block.is_some_and(|block| body.is_empty() || indent > block) {
            found.push(Line { text, indent, paths: Vec::new(), comment: None });
            continue;
        }
        block = None;
        let (said, comment) = divided(body);
        let mut line = Line { text, indent, paths: Vec::new(), comment };
        if said.is_empty() {
            found.push(line);
            continue;
        }
        let (mut place, mut said) = (indent, said);
        while let Some(item) = said.strip_prefix("- ").or_else(|| (said == "-").then_some("")) {
            open.retain(|open| open.indent < place || (open.indent == place && !open.item));
            let number = open.last_mut().map_or(0, |parent| {
                parent.items += 1;
                parent.items
            });
            let segment = format!("#{}", named(&all[at..], place, item).unwrap_or_else(|| number.to_string()));
            open.push(Open { indent: place, segment, item: true, items: 0 });
            line.paths.push(path(&open));
            let inner = item.trim_start();
            place += said.len() - inner.len();
            said = inner;
        }
        if let Some((key, value)) = keyed(said) {
            open.retain(|open| open.indent < place);
            open.push(Open { indent: place, segment: key.to_owned(), item: false, items: 0 });
            line.paths.push(path(&open));
            said = value;
        }
        if said.starts_with(['|', '>']) {
            block = Some(open.last().map_or(indent, |open| open.indent));
        }
        found.push(line);
    }
    found
}

fn path(open: &[Open]) -> Path {
    open.iter().map(|open| open.segment.clone()).collect()
}

/// What a line says, and its comment.
fn divided(body: &str) -> (&str, Option<&str>) {
    let mut quote = None;
    let mut before = ' ';
    for (at, letter) in body.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if letter == '#' && before == ' ' => return (body[..at].trim_end(), Some(&body[at..])),
            None if matches!(letter, '"' | '\'') && " [{,:".contains(before) => quote = Some(letter),
            None => {}
        }
        before = if letter == '\t' { ' ' } else { letter };
    }
    (body.trim_end(), None)
}

/// A key and what stands behind it.
fn keyed(said: &str) -> Option<(&str, &str)> {
    if said.starts_with(['{', '[', '|', '>']) {
        return None;
    }
    if let Some(quote) = said.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        let (key, rest) = said[1..].split_once(quote)?;
        return Some((key, rest.strip_prefix(':')?.trim_start()));
    }
    match said.split_once(": ") {
        Some((key, value)) => Some((key, value.trim_start())),
        None => said.strip_suffix(':').map(|key| (key, "")),
    }
}

/// What tells an item of a list from the others: its `id` or `name`, or what it says where it is a word. `lines` begins with the
/// item's, whose dash stands at `place`.
fn named(lines: &[&str], place: usize, item: &str) -> Option<String> {
    let within = lines[1..].iter().take_while(|line| {
        let body = line.trim_start();
        body.is_empty() || line.len() - body.len() > place
    });
    // An item may be written within braces.
    let own = divided(item).0;
    let own = own.strip_prefix('{').map_or_else(|| vec![own], |inner| inner.trim_end_matches('}').split(',').collect());
    let more: Vec<&str> = within.map(|line| divided(line.trim()).0).collect();
    let keys = || own.iter().chain(&more).filter_map(|said| keyed(said.trim()));
    for wanted in ["id", "name"] {
        if let Some((_, value)) = keys().find(|(key, value)| *key == wanted && !value.is_empty()) {
            return Some(value.trim_matches(['"', '\'']).to_owned());
        }
    }
    let word = divided(item).0;
    (keyed(word).is_none() && !word.is_empty()).then(|| word.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = "\
# Owned by the risk team.
name: loans   # as in the contract

steps:
  # Two sources.
  - id: left
    type: source
    # Only what the contract allows.
    columns: [a, b]  # b since May
  - type: sql
    id: joined
    retries: 0 # the form leaves this out
    query: |
      select * # not a comment
      from left
  - id: gone
    # Goes with its step.
    type: filter
  # In one line.
  - {id: out, type: write_out, input: joined} # by hand
parameters:
  \"share: x\": 1 # quoted
# The end.
";

    #[test]
    fn comments_stay_with_what_they_speak_of() {
        let printed = "name: loans\nsteps:\n- id: joined\n  type: sql\n  query: |\n    select * # not a comment\n    from left\n- id: left\n  type: source\n  columns:\n  - a\n  - b\n- id: out\n  type: write_out\n  input: joined\nparameters:\n  'share: x': 1\n";
        let expected = "\
# Owned by the risk team.
name: loans  # as in the contract
steps:
# the form leaves this out
- id: joined
  type: sql
  query: |
    select * # not a comment
    from left
# Two sources.
- id: left
  type: source
  # Only what the contract allows.
  columns:  # b since May
  - a
  - b
# In one line.
- id: out  # by hand
  type: write_out
  input: joined
parameters:
  'share: x': 1  # quoted
# The end.
";
        assert_eq!(carry(WRITTEN, printed), expected);
        assert_eq!(carry(expected, printed), expected, "a second time changes nothing");
    }

    #[test]
    fn what_is_not_understood_leaves_the_print_alone() {
        let printed = "a: \"x # y\"\nb: |\n  # text\n  more\n";
        assert_eq!(carry("nothing here", printed), printed);
        for odd in
            ["a: 'x # y'\nb: # odd\n\t- z", "#", "- # a\n-\n  # b\n", "a: \"# open\nb: 'it''s # in'\n# c", ": # d\n"]
        {
            let carried = carry(odd, printed);
            let value = |text: &str| parse::<serde_json::Value>(text).ok();
            assert_eq!(value(&carried), value(printed), "{odd}");
        }
    }
}
