//! Whether two columns go together: Cramér's phi of their table of counts.

use super::{
    columns::{Cells, figure, hashes, needs_numbers},
    counts::Counts,
    stats,
    stream::Batch,
    work::{Begin, Found, Next, Scope, Seen, Work},
};
use crate::{bounded::Reservoir, words::clip};
use arrow_array::{Array, cast::AsArray};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use trainyard_infer::frame::MISSING;
use trainyard_types::{Problem, checks::Expectation};

/// Numbers with more different values than this are put into bins before they are counted.
const MANY_VALUES: usize = 20;
const BINS: usize = 10;
/// A table of counts has at most this many different texts a side.
const MOST_LEVELS: usize = 2_000;

/// `None` where the expectation is another.
pub(super) fn begin(expectation: &Expectation, begin: &Begin<'_>) -> Option<Result<Box<dyn Work>, String>> {
    let Expectation::PairCramersPhiToBeLessThan { column_a, column_b, threshold } = expectation else { return None };
    let classes = || -> Result<Box<dyn Work>, String> {
        let sides = [Side::new(begin, column_a)?, Side::new(begin, column_b)?];
        Ok(Box::new(Classes { sides, threshold: *threshold }))
    };
    Some(classes())
}

/// First pass: the classes of both columns.
struct Classes {
    sides: [Side; 2],
    threshold: f64,
}

/// How a column's cells find their class, and how many of how many numbers decided where the bins are.
type Coded = (Coder, Option<(u64, u64)>);

struct Side {
    column: String,
    kind: Kind,
}

enum Kind {
    /// Each text, also of rows that don't count, in order of appearance, while there are not too many.
    Texts { codes: HashMap<String, u32>, all: Box<Counts>, hasher: RandomState },
    /// The different values, while there are few; and all, for bins.
    Numbers { few: Option<Vec<f64>>, values: Reservoir<f64> },
}

impl Side {
    fn new(begin: &Begin<'_>, column: &str) -> Result<Self, String> {
        let schema = begin.column(column)?;
        let kind = match needs_numbers(schema) {
            Ok(()) => Kind::Numbers { few: Some(Vec::new()), values: Reservoir::new(begin.numbers() / 2) },
            Err(_) => Kind::Texts {
                codes: HashMap::new(),
                all: Box::new(Counts::new(begin.room / 2, begin.folder)),
                hasher: RandomState::default(),
            },
        };
        Ok(Self { column: column.to_owned(), kind })
    }

    fn add(&mut self, cells: &Cells, scope: Scope<'_>) -> Result<(), Problem> {
        match &mut self.kind {
            Kind::Numbers { few, values } => {
                let numbers = cells.numbers()?;
                for value in scope.rows().map(|row| numbers[row]).filter(|value| !value.is_nan()) {
                    values.push(value);
                    if let Some(known) = few
                        && !known.contains(&value)
                    {
                        known.push(value);
                        if known.len() > MANY_VALUES {
                            *few = None;
                        }
                    }
                }
            }
            Kind::Texts { codes, all, hasher } => {
                let texts = cells.texts()?;
                let levels = texts.levels.as_string::<i32>();
                let hashes = hashes(texts.levels, hasher);
                let mut seen = vec![false; levels.len()];
                for &code in texts.codes.iter().filter(|&&code| code != MISSING) {
                    if std::mem::replace(&mut seen[code as usize], true) {
                        continue;
                    }
                    all.add(hashes[code as usize], 1)?;
                    let text = levels.value(code as usize);
                    if codes.len() <= MOST_LEVELS && !codes.contains_key(text) {
                        codes.insert(text.to_owned(), codes.len() as u32);
                    }
                }
            }
        }
        Ok(())
    }

    /// How a cell finds its class; in words where there are too many.
    fn finish(self) -> Result<Result<Coded, String>, Problem> {
        Ok(Ok(match self.kind {
            Kind::Texts { codes, all, .. } => {
                if codes.len() > MOST_LEVELS {
                    let many = all.distinct()?;
                    let name = clip(&self.column);
                    return Ok(Err(format!("`{name}` has {many} different texts, which are too many for a table.")));
                }
                (Coder::Texts(codes), None)
            }
            Kind::Numbers { few: Some(mut edges), .. } => {
                edges.sort_unstable_by(f64::total_cmp);
                (Coder::Edges(edges), None)
            }
            Kind::Numbers { few: None, mut values } => {
                let sample = values.sample().map(|sample| (sample, values.seen));
                let present = &mut values.kept;
                present.sort_unstable_by(f64::total_cmp);
                let mut edges: Vec<f64> = (1..BINS).map(|i| present[i * present.len() / BINS]).collect();
                edges.dedup();
                (Coder::Edges(edges), sample)
            }
        }))
    }
}

impl Work for Classes {
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem> {
        self.sides.iter_mut().try_for_each(|side| side.add(batch.cells(&side.column)?, scope))
    }

    fn finish(self: Box<Self>, _: &Seen<'_>) -> Result<Next, Problem> {
        let Classes { sides: [a, b], threshold } = *self;
        let columns = [a.column.clone(), b.column.clone()];
        let ((a, of_a), (b, of_b)) = match (a.finish()?, b.finish()?) {
            (Ok(a), Ok(b)) => (a, b),
            (Err(reason), _) | (_, Err(reason)) => return Ok(Next::Failed(reason)),
        };
        let counts = vec![0; a.classes() * b.classes()];
        let work = Table { columns, coders: [a, b], counts, missing: 0, threshold, sample: of_a.or(of_b) };
        Ok(Next::Again(Box::new(work)))
    }
}

enum Coder {
    Texts(HashMap<String, u32>),
    /// A number's class is how many edges are not above it.
    Edges(Vec<f64>),
}

impl Coder {
    fn classes(&self) -> usize {
        match self {
            Coder::Texts(codes) => codes.len(),
            Coder::Edges(edges) => edges.len() + 1,
        }
    }

    /// A class for each row.
    fn of(&self, cells: &Cells) -> Result<Vec<u32>, Problem> {
        Ok(match self {
            Coder::Texts(codes) => {
                let texts = cells.texts()?;
                let levels = texts.levels.as_string::<i32>();
                let of_level: Vec<u32> = levels
                    .iter()
                    .map(|level| level.and_then(|level| codes.get(level)).copied().unwrap_or(MISSING))
                    .collect();
                texts.codes.iter().map(|&code| of_level.get(code as usize).copied().unwrap_or(MISSING)).collect()
            }
            Coder::Edges(edges) => {
                let class = |value: f64| edges.partition_point(|edge| *edge <= value) as u32;
                cells.numbers()?.iter().map(|&value| if value.is_nan() { MISSING } else { class(value) }).collect()
            }
        })
    }
}

/// Second pass: the table of counts.
struct Table {
    columns: [String; 2],
    coders: [Coder; 2],
    /// Row by row.
    counts: Vec<u64>,
    missing: u64,
    threshold: f64,
    /// Values that bins are estimated from, of so many.
    sample: Option<(u64, u64)>,
}

impl Work for Table {
    fn update(&mut self, batch: &Batch<'_>, scope: Scope<'_>) -> Result<(), Problem> {
        let a = self.coders[0].of(batch.cells(&self.columns[0])?)?;
        let b = self.coders[1].of(batch.cells(&self.columns[1])?)?;
        let columns = self.coders[1].classes();
        for row in scope.rows() {
            match (a[row], b[row]) {
                (MISSING, _) | (_, MISSING) => self.missing += 1,
                (a, b) => self.counts[a as usize * columns + b as usize] += 1,
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Seen<'_>) -> Result<Next, Problem> {
        let phi = stats::cramers_phi(&self.counts, self.coders[1].classes());
        let words = format!("Cramér's phi is {}; it must stay below {}.", figure(phi), figure(self.threshold));
        let found = Found::new(phi < self.threshold, words, serde_json::json!({ "phi": phi }), self.missing);
        Ok(Next::Found(match self.sample {
            Some((sample, of)) => found.estimated("Bins are", Some(sample), of),
            None => found,
        }))
    }
}
