//! What every check does with the batches of a pass, and what it says at the end.

use super::{columns::Looks, stream::Batch};
use crate::words::{clip, count, percent};
use std::{collections::BTreeMap, path::Path};
use trainyard_types::{Problem, dataset::ColumnSchema};

/// Failing rows kept of a check.
pub(super) const SHOWN_ROWS: usize = 20;

/// A check in the making.
pub(super) trait Work: Send {
    /// # Errors
    /// The disk can't take what does not fit the memory.
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem>;

    /// After the last batch.
    ///
    /// # Errors
    /// The disk can't be read.
    fn finish(self: Box<Self>, seen: &Seen<'_>) -> Result<Next, Problem>;
}

pub(super) enum Next {
    Found(Found),
    /// It can't be answered, in words.
    Failed(String),
    /// Another pass is needed, which this counts.
    Again(Box<dyn Work>),
}

/// What checks are made from.
pub(super) struct Begin<'a> {
    pub schema: &'a [ColumnSchema],
    /// Milliseconds since 1970.
    pub now: i64,
    /// Bytes that one check may hold.
    pub room: usize,
    /// Where what does not fit goes.
    pub folder: &'a Path,
}

impl Begin<'_> {
    pub(super) fn column(&self, name: &str) -> Result<&ColumnSchema, String> {
        let found = self.schema.iter().find(|column| column.name == name);
        found.ok_or_else(|| format!("There is no column `{}`.", clip(name)))
    }

    /// Numbers that a check may hold.
    pub(super) fn numbers(&self) -> usize {
        (self.room / 8).max(1024)
    }
}

/// What a pass has shown.
pub(super) struct Seen<'a> {
    /// Rows that the filter let through.
    pub evaluated: u64,
    pub schema: &'a [ColumnSchema],
    /// By index in the schema.
    pub looks: &'a BTreeMap<usize, Looks>,
}

impl Seen<'_> {
    pub(super) fn looks(&self, name: &str) -> Result<&Looks, Problem> {
        let at = self.schema.iter().position(|column| column.name == name);
        at.and_then(|at| self.looks.get(&at)).ok_or_else(|| Problem::internal("A column was not read."))
    }
}

/// The rows of a batch that count.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub rows: usize,
    pub mask: Option<&'a [bool]>,
}

impl Scope<'_> {
    pub(super) fn rows(self) -> impl Iterator<Item = usize> {
        (0..self.rows).filter(move |&row| self.mask.is_none_or(|mask| mask[row]))
    }

    pub(super) fn count(self) -> u64 {
        self.mask.map_or(self.rows, |mask| mask.iter().filter(|kept| **kept).count()) as u64
    }
}

/// One row against an expectation of single rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Missing,
    Pass,
    Fail,
}

/// Rows counted by verdict.
#[derive(Default)]
pub(super) struct Tally {
    pub evaluated: u64,
    pub missing: u64,
    pub unexpected: u64,
    /// Indices of the first failing rows.
    pub first: Vec<usize>,
}

impl Tally {
    pub(super) fn add(&mut self, batch: &Batch<'_>, scope: Scope<'_>, mut verdict: impl FnMut(usize) -> Verdict) {
        for row in scope.rows() {
            self.evaluated += 1;
            match verdict(row) {
                Verdict::Pass => {}
                Verdict::Missing => self.missing += 1,
                Verdict::Fail => {
                    self.unexpected += 1;
                    if self.first.len() < SHOWN_ROWS {
                        self.first.push(batch.first + row);
                    }
                }
            }
        }
    }

    pub(super) fn judge(self, mostly: f64) -> Found {
        let present = self.evaluated - self.missing;
        let share = if present == 0 { 0.0 } else { self.unexpected as f64 / present as f64 };
        // A share of exactly `mostly` passes, whatever the rounding of the division.
        let passed = self.unexpected == 0 || (present - self.unexpected) as f64 >= mostly * present as f64 - 1e-9;
        let words = match (self.unexpected, present) {
            (_, 0) => "No row has a value to check.".to_owned(),
            (0, _) => format!("All {} values are as expected.", count(present)),
            (1, _) => format!("1 of {} values ({}) is not as expected.", count(present), percent(share)),
            (failing, _) => {
                format!("{} of {} values ({}) are not as expected.", count(failing), count(present), percent(share))
            }
        };
        let value = serde_json::json!({ "unexpected": self.unexpected, "share": share });
        let found = Found::new(passed, words, value, self.missing);
        Found { share, unexpected: self.unexpected, first: self.first, ..found }
    }
}

/// What an evaluation found, before it is put into words for the outside.
pub(super) struct Found {
    pub passed: bool,
    pub words: String,
    pub value: serde_json::Value,
    pub missing: u64,
    pub unexpected: u64,
    pub share: f64,
    /// Indices of the first failing rows.
    pub first: Vec<usize>,
    /// Values drawn at random that it is estimated from.
    pub sample: Option<u64>,
}

impl Found {
    pub(super) fn new(passed: bool, words: String, value: serde_json::Value, missing: u64) -> Self {
        Self { passed, words, value, missing, unexpected: 0, share: 0.0, first: Vec::new(), sample: None }
    }

    /// No row has a value: nothing contradicts the expectation.
    pub(super) fn nothing(seen: &Seen<'_>) -> Self {
        Found::new(true, "No row has a value to check.".into(), serde_json::Value::Null, seen.evaluated)
    }

    /// Says so where `what` is estimated from a sample of `of` values.
    pub(super) fn estimated(mut self, what: &str, sample: Option<u64>, of: u64) -> Self {
        if let Some(sample) = sample {
            let of = count(of);
            self.words.push_str(&format!(" {what} estimated from {} of {of} values, drawn at random.", count(sample)));
        }
        self.sample = sample;
        self
    }
}
