//! Expectations that compare a column's different values with a set.

use super::{
    columns::{Members, OfLevels, hashes, needs_numbers},
    counts::Counts,
    stream::Batch,
    work::{Begin, Found, Next, Scope, Seen, Work},
};
use crate::words::{clip, count, counted, listed, listed_of};
use arrow_array::{Array, cast::AsArray};
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, HashMap};
use trainyard_infer::frame::MISSING;
use trainyard_types::{
    Problem,
    checks::{Expectation, Scalar},
};

/// Values listed of a set that is not as expected.
const LISTED: usize = 20;

/// None beyond the set (`within`), all of it there (`whole`).
struct Set {
    column: String,
    within: bool,
    whole: bool,
    wanted: Wanted,
    /// Values beyond the set.
    extra: Counts,
    missing: u64,
}

/// The set, and which of its values were seen.
enum Wanted {
    Texts {
        /// As they are written, with whether they were seen.
        values: Vec<(String, bool)>,
        places: HashMap<String, Vec<usize>>,
        answers: OfLevels,
        hasher: RandomState,
        /// The first values beyond the set, in order of their appearance.
        first: Vec<String>,
    },
    Numbers {
        /// Sorted.
        values: Vec<f64>,
        seen: Vec<bool>,
        /// The least values beyond the set, by [`order`].
        least: BTreeMap<u64, f64>,
    },
}

/// `None` where the expectation is none of these.
pub(super) fn begin(expectation: &Expectation, begin: &Begin<'_>) -> Option<Result<Box<dyn Work>, String>> {
    use Expectation::*;
    let (column, values, within, whole) = match expectation {
        DistinctValuesToBeInSet { column, values } => (column, values, true, false),
        DistinctValuesToContainSet { column, values } => (column, values, false, true),
        DistinctValuesToEqualSet { column, values } => (column, values, true, true),
        _ => return None,
    };
    let made = || -> Result<Box<dyn Work>, String> {
        let wanted = wanted(begin, column, values)?;
        let extra = Counts::new(begin.room, begin.folder);
        Ok(Box::new(Set { column: column.clone(), within, whole, wanted, extra, missing: 0 }))
    };
    Some(made())
}

fn wanted(begin: &Begin<'_>, column: &str, values: &[Scalar]) -> Result<Wanted, String> {
    let column = begin.column(column)?;
    if needs_numbers(column).is_ok()
        && let Members::Numbers(values) = Members::of(column, values, begin.now)?
    {
        return Ok(Wanted::Numbers { seen: vec![false; values.len()], values, least: BTreeMap::new() });
    }
    let values: Vec<(String, bool)> = values.iter().map(|value| (value.to_string(), false)).collect();
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    values.iter().enumerate().for_each(|(at, (value, _))| places.entry(value.clone()).or_default().push(at));
    let (answers, hasher) = (OfLevels::default(), RandomState::default());
    Ok(Wanted::Texts { values, places, answers, hasher, first: Vec::new() })
}

/// As [`f64::total_cmp`] orders.
fn order(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

impl Work for Set {
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem> {
        let cells = batch.cells(&self.column)?;
        match &mut self.wanted {
            Wanted::Texts { values, places, answers, hasher, first } => {
                let texts = cells.texts()?;
                let levels = texts.levels.as_string::<i32>();
                let is_wanted = answers.ask(texts.levels, |text| places.contains_key(text));
                let mut seen = vec![false; levels.len()];
                let mut hashed: Option<Vec<u64>> = None;
                for row in scope.rows() {
                    let code = texts.codes[row];
                    if code == MISSING {
                        self.missing += 1;
                        continue;
                    }
                    let code = code as usize;
                    if std::mem::replace(&mut seen[code], true) {
                        continue;
                    }
                    let text = levels.value(code);
                    if is_wanted[code] {
                        places.get(text).into_iter().flatten().for_each(|&at| values[at].1 = true);
                    } else {
                        if first.len() < LISTED && !first.iter().any(|known| known == text) {
                            first.push(text.to_owned());
                        }
                        if self.within {
                            self.extra.add(hashed.get_or_insert_with(|| hashes(texts.levels, hasher))[code], 1)?;
                        }
                    }
                }
            }
            Wanted::Numbers { values, seen, least } => {
                let numbers = cells.numbers()?;
                for value in scope.rows().map(|row| numbers[row]) {
                    if value.is_nan() {
                        self.missing += 1;
                        continue;
                    }
                    let value = value + 0.0;
                    match values.binary_search_by(|other| other.total_cmp(&value)) {
                        Ok(at) => seen[at] = true,
                        Err(_) => {
                            if self.within {
                                self.extra.add(value.to_bits(), 1)?;
                            }
                            let order = order(value);
                            if least.len() < LISTED || least.last_key_value().is_some_and(|(last, _)| order < *last) {
                                least.insert(order, value);
                                if least.len() > LISTED {
                                    least.pop_last();
                                }
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, seen: &Seen<'_>) -> Result<Next, Problem> {
        let looks = seen.looks(&self.column)?;
        let (extra, absent): (Vec<String>, Vec<String>) = match self.wanted {
            Wanted::Texts { values, first, .. } => {
                (first, values.into_iter().filter(|(_, seen)| !seen).map(|(value, _)| value).collect())
            }
            Wanted::Numbers { values, seen, least } => {
                // Of equal values the search finds any one.
                let mut absent: Vec<f64> = Vec::new();
                let mut at = 0;
                for same in values.chunk_by(|a, b| a.total_cmp(b).is_eq()) {
                    if !seen[at..at + same.len()].contains(&true) {
                        absent.extend(same);
                    }
                    at += same.len();
                }
                let extra = least.values().map(|value| looks.show_number(*value)).collect();
                (extra, absent.into_iter().map(|value| looks.show_number(value)).collect())
            }
        };
        let beyond = self.extra.distinct()?;
        let mut faults = Vec::new();
        if beyond > 0 {
            let what = counted(beyond, "value is", "values are");
            faults.push(format!("{what} not of the set: {}", listed_of(&extra, beyond)));
        }
        if self.whole && !absent.is_empty() {
            faults.push(format!(
                "{} of the set {} not there: {}",
                count(absent.len() as u64),
                if absent.len() == 1 { "is" } else { "are" },
                listed(&absent)
            ));
        }
        let passed = faults.is_empty();
        let words = if passed { "The different values are as expected.".to_owned() } else { faults.join("; ") + "." };
        let some = |values: &[String]| values.iter().take(LISTED).map(|value| clip(value)).collect::<Vec<_>>();
        let value = serde_json::json!({ "unexpected": some(&extra), "absent": some(&absent) });
        Ok(Next::Found(Found::new(passed, words, value, self.missing)))
    }
}
