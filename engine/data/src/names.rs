//! Column names: made unique, never empty, of bounded length.

use crate::{limits::MAX_NAME_CHARS, words};
use std::collections::HashSet;

/// Cleans the names as read from a file: trimmed, control characters as spaces, empty ones called `column_N` (from 1),
/// repeated ones given a number (`x`, `x_2`). Says in `notes` what it changed.
pub(crate) fn clean(raw: &[String], notes: &mut Vec<String>) -> Vec<String> {
    let mut used: HashSet<String> = HashSet::with_capacity(raw.len());
    let mut renamed = Vec::new();
    let mut unnamed = 0_u64;
    let mut cut = 0_u64;
    let wanted: Vec<String> = raw
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let mut name: String =
                name.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned();
            if name.chars().count() > MAX_NAME_CHARS {
                name = name.chars().take(MAX_NAME_CHARS).collect();
                cut += 1;
            }
            if name.is_empty() {
                unnamed += 1;
                name = format!("column_{}", i + 1);
            }
            name
        })
        .collect();
    let all: HashSet<&str> = wanted.iter().map(String::as_str).collect();
    let mut names = Vec::with_capacity(raw.len());
    for name in &wanted {
        if used.insert(name.clone()) {
            names.push(name.clone());
            continue;
        }
        let mut number = 2_u64;
        let unique = loop {
            let candidate = format!("{name}_{number}");
            if !all.contains(candidate.as_str()) && used.insert(candidate.clone()) {
                break candidate;
            }
            number += 1;
        };
        renamed.push(unique.clone());
        names.push(unique);
    }
    if !renamed.is_empty() {
        notes.push(format!(
            "Some columns share a name. The later ones were renamed: {}. Check that they are not the same data twice.",
            words::listed(&renamed)
        ));
    }
    if unnamed > 0 {
        notes.push(format!(
            "{} without a name in the header got one of the form `column_N`.",
            words::counted(unnamed, "column", "columns")
        ));
    }
    if cut > 0 {
        notes
            .push(format!("{} longer than {MAX_NAME_CHARS} characters was cut.", words::counted(cut, "name", "names")));
    }
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn repeated_and_empty_names_become_unique() {
        let mut notes = Vec::new();
        let raw: Vec<String> = ["a", " a ", "", "a_2", "a", "\n"].map(String::from).to_vec();
        let names = clean(&raw, &mut notes);
        assert_eq!(names, ["a", "a_3", "column_3", "a_2", "a_4", "column_6"]);
        assert_eq!(notes.len(), 2);
        assert!(notes[0].contains("`a_3` and `a_4`"), "{}", notes[0]);
    }
}
