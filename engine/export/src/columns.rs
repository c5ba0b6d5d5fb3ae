//! From raw columns to numbers: what is missing, which category it is, and the parts of instants.

use crate::{
    graph::{Builder, Given, Value},
    proto::Type,
};
use std::collections::BTreeMap;
use trainyard_infer::datetime::PARTS;
use trainyard_types::{
    Problem,
    dataset::ColumnType,
    export::{ONNX_OUTPUTS, onnx_inputs},
    model::Signature,
};

/// How categories come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Categories {
    /// As texts.
    #[default]
    Texts,
    /// As numbers from 1 on, by the lists in the file's metadata; 0 is missing, anything else unseen.
    Codes,
}

const DAY: f64 = 86_400_000.0;
/// Instants more days from 1970 than this are missing.
const FARTHEST: f64 = 36_525_000.0;

/// A graph with the signature's columns as its inputs.
pub struct Columns {
    pub graph: Builder,
    /// The graph's name of each column.
    inputs: BTreeMap<String, String>,
    categories: Categories,
    /// The levels of the category columns that the model reads, in the order of their codes, and the text that stands for
    /// missing.
    pub levels: BTreeMap<String, (Vec<String>, String)>,
    /// What is known of a column by all models that share the graph.
    shared: BTreeMap<String, Vec<String>>,
    /// The first input: it tells how many rows there are.
    first: Option<String>,
}

/// Numeric columns side by side.
pub struct Numbers {
    /// May be NaN or infinite.
    pub values: Value,
    /// Where they are finite.
    pub known: Value,
}

/// Instants side by side.
pub struct Instants {
    /// 0 where unknown.
    millis: Value,
    pub known: Value,
    /// Days since 1970 with fraction, and without.
    days: Value,
    day: Value,
    calendar: Option<Calendar>,
}

/// A date whose year begins in March, as in `civil_from_days` (same source).
struct Calendar {
    year_of_era: Value,
    day_of_year: Value,
    /// March is 0.
    month: Value,
    /// 1 in January and February.
    early: Value,
}

impl Columns {
    pub fn new(signature: &Signature, categories: Categories) -> Self {
        let names = onnx_inputs(signature);
        let taken = names.iter().cloned().chain(ONNX_OUTPUTS.map(str::to_owned));
        let mut graph = Builder::new(&format!("predicts {}", signature.target), taken);
        for (name, input) in names.iter().zip(&signature.inputs) {
            let (kind, words) = match input.kind {
                ColumnType::Integer | ColumnType::Float => (Type::Double, "a number; NaN is missing"),
                ColumnType::Datetime => (Type::Double, "milliseconds since 1970 in UTC; NaN is missing"),
                ColumnType::Boolean | ColumnType::Text if categories == Categories::Codes => {
                    (Type::Int64, "a code from 1 on, as listed in trainyard.inputs; 0 is missing")
                }
                ColumnType::Boolean => (Type::Text, "true or false; an empty text is missing"),
                ColumnType::Text => (Type::Text, "a text; an empty one is missing"),
            };
            graph.input(name, kind, format!("{}: {words}", input.name));
        }
        let first = names.first().cloned();
        let inputs = signature.inputs.iter().map(|input| input.name.clone()).zip(names).collect();
        Self { graph, inputs, categories, levels: BTreeMap::new(), shared: BTreeMap::new(), first }
    }

    fn input(&self, column: &str) -> Result<Value, Problem> {
        self.inputs.get(column).cloned().ok_or_else(|| {
            Problem::internal(format!("The model reads a column '{column}' that its signature does not name."))
        })
    }

    fn side_by_side(&mut self, columns: &[&str]) -> Result<Value, Problem> {
        let values = columns.iter().map(|column| self.input(column)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.graph.concat(&values))
    }

    /// Numeric columns, `rows x columns`.
    pub fn numbers(&mut self, columns: &[&str]) -> Result<Numbers, Problem> {
        let values = self.side_by_side(columns)?;
        let known = self.graph.within(&values, f64::MAX);
        Ok(Numbers { values, known })
    }

    /// Columns of instants, `rows x columns`.
    pub fn instants(&mut self, columns: &[&str]) -> Result<Instants, Problem> {
        let raw = self.side_by_side(columns)?;
        let graph = &mut self.graph;
        let raw_days = graph.with("Div", &raw, DAY);
        let known = graph.within(&raw_days, FARTHEST);
        let zero = graph.double(0.0);
        let millis = graph.op("Where", &[&known, &raw, &zero]);
        let days = graph.with("Div", &millis, DAY);
        let day = graph.op("Floor", &[&days]);
        // Some runtimes multiply by the reciprocal instead, which may make a midnight the day before: then the next one is reached.
        let next = graph.with("Add", &day, 1.0);
        let next = graph.with("Mul", &next, DAY);
        let late = graph.op("GreaterOrEqual", &[&millis, &next]);
        let late = graph.cast(&late, Type::Double);
        let day = graph.op("Add", &[&day, &late]);
        Ok(Instants { millis, known, days, day, calendar: None })
    }

    /// A category column as `rows x 1` codes: the levels' places from 1 on, 0 where missing, `unseen` for any other value.
    pub fn codes(&mut self, column: &str, levels: &[String], unseen: usize) -> Result<Value, Problem> {
        let input = self.input(column)?;
        let listed = self.shared.get(column).map_or_else(|| levels.to_vec(), Clone::clone);
        let missing = missing_word(&listed);
        let graph = &mut self.graph;
        if self.categories == Categories::Codes {
            // Anything but 0 to the last listed level's code is unseen.
            let own = |level: &String| levels.iter().position(|own| own == level).map_or(unseen, |at| at + 1) as i64;
            let codes: Vec<i64> = std::iter::once(0).chain(listed.iter().map(own)).chain([unseen as i64]).collect();
            let table = graph.ints(&[codes.len()], codes.iter().copied());
            let [zero, beyond] = [0, listed.len() as i64 + 1].map(|code| graph.ints(&[1], [code].into_iter()));
            self.levels.insert(column.to_owned(), (listed, missing));
            let negative = graph.op("Less", &[&input, &zero]);
            let large = graph.op("Less", &[&beyond, &input]);
            let outside = graph.op("Or", &[&negative, &large]);
            let inside = graph.op("Where", &[&outside, &beyond, &input]);
            return Ok(graph.op("Gather", &[&table, &inside]));
        }
        self.levels.insert(column.to_owned(), (listed, missing.clone()));
        let texts = levels.iter().chain([&missing]).map(|level| level.clone().into_bytes()).collect();
        let codes = (1..=levels.len() as i64).chain([0]).collect();
        let given = vec![
            ("cats_strings", Given::Texts(texts)),
            ("cats_int64s", Given::Ints(codes)),
            ("default_int64", Given::Int(unseen as i64)),
        ];
        Ok(graph.op_with("ml:CategoryMapper", &[&input], given))
    }

    /// Several models are to read the columns, each of which knows some of these categories.
    pub fn share(&mut self, levels: BTreeMap<String, Vec<String>>) {
        self.shared = levels;
    }

    /// The same numbers in every row.
    pub fn in_every_row(&mut self, value: &str, wide: usize) -> Value {
        let Some(first) = self.first.clone() else { return value.to_owned() };
        let graph = &mut self.graph;
        let shape = graph.op("Shape", &[&first]);
        let [zero, one] = [0, 1].map(|at| graph.ints(&[1], [at].into_iter()));
        let rows = graph.op("Slice", &[&shape, &zero, &one]);
        let wide = graph.ints(&[1], [wide as i64].into_iter());
        let shape = graph.op_with("Concat", &[&rows, &wide], vec![("axis", Given::Int(0))]);
        graph.op("Expand", &[value, &shape])
    }
}

/// The text that stands for a missing category: empty, but for a column that has the empty text as a category.
fn missing_word(levels: &[String]) -> String {
    let mut word = String::new();
    while levels.contains(&word) {
        word = if word.is_empty() { "<missing>".to_owned() } else { format!("{word}_") };
    }
    word
}

impl Instants {
    /// One of [`PARTS`], `rows x columns`; of 1970 where the instant is unknown.
    pub fn part(&mut self, graph: &mut Builder, part: usize) -> Value {
        match PARTS[part] {
            "days" => self.days.clone(),
            "weekday" => {
                let shifted = graph.with("Add", &self.day, 3.0);
                graph.remainder(&shifted, 7.0)
            }
            "hour" => {
                let midnight = graph.with("Mul", &self.day, DAY);
                let since = graph.op("Sub", &[&self.millis, &midnight]);
                graph.with("Div", &since, 3_600_000.0)
            }
            "month" => {
                let Calendar { month, early, .. } = self.calendar(graph);
                let shifted = graph.with("Add", month, 3.0);
                let twelve = graph.with("Mul", early, 12.0);
                graph.op("Sub", &[&shifted, &twelve])
            }
            "day" => {
                let Calendar { month, day_of_year, .. } = self.calendar(graph);
                let scaled = graph.with("Mul", month, 153.0);
                let scaled = graph.with("Add", &scaled, 2.0);
                let first = graph.quotient(&scaled, 5.0);
                let day = graph.op("Sub", &[day_of_year, &first]);
                graph.with("Add", &day, 1.0)
            }
            _ => {
                // From March on: 59 days and the leap day before; January and February: from day 306 of the shifted year.
                let Calendar { year_of_era, day_of_year, early, .. } = self.calendar(graph);
                let fours = graph.remainder(year_of_era, 4.0);
                let hundreds = graph.remainder(year_of_era, 100.0);
                let [fours, hundreds, first] = [&fours, &hundreds, year_of_era].map(|value| graph.is_zero(value));
                let leap = graph.op("Sub", &[&fours, &hundreds]);
                let leap = graph.op("Add", &[&leap, &first]);
                let late = graph.with("Add", &leap, 60.0);
                let early_shift = graph.double(-305.0);
                let half = graph.double(0.5);
                let is_early = graph.op("Greater", &[early, &half]);
                let shift = graph.op("Where", &[&is_early, &early_shift, &late]);
                graph.op("Add", &[day_of_year, &shift])
            }
        }
    }

    fn calendar(&mut self, graph: &mut Builder) -> &Calendar {
        let day = &self.day;
        self.calendar.get_or_insert_with(|| {
            let shifted = graph.with("Add", day, 719_468.0);
            let of_era = graph.remainder(&shifted, 146_097.0);
            let [a, b, c] = [1460.0, 36_524.0, 146_096.0].map(|by| graph.quotient(&of_era, by));
            let years = graph.op("Sub", &[&of_era, &a]);
            let years = graph.op("Add", &[&years, &b]);
            let years = graph.op("Sub", &[&years, &c]);
            let year_of_era = graph.quotient(&years, 365.0);
            let [fours, hundreds] = [4.0, 100.0].map(|by| graph.quotient(&year_of_era, by));
            let before = graph.with("Mul", &year_of_era, 365.0);
            let before = graph.op("Add", &[&before, &fours]);
            let before = graph.op("Sub", &[&before, &hundreds]);
            let day_of_year = graph.op("Sub", &[&of_era, &before]);
            let five = graph.with("Mul", &day_of_year, 5.0);
            let five = graph.with("Add", &five, 2.0);
            let month = graph.quotient(&five, 153.0);
            let limit = graph.double(9.5);
            let early = graph.op("Greater", &[&month, &limit]);
            let early = graph.cast(&early, Type::Double);
            Calendar { year_of_era, day_of_year, month, early }
        })
    }
}

impl Builder {
    /// An operator with one number.
    pub fn with(&mut self, op: &str, value: &str, number: f64) -> Value {
        let number = self.double(number);
        self.op(op, &[value, &number])
    }

    /// Where |value| is at most `limit`; false for NaN.
    fn within(&mut self, value: &str, limit: f64) -> Value {
        let size = self.op("Abs", &[value]);
        self.with("LessOrEqual", &size, limit)
    }

    /// How often `by` goes into a whole number. The half keeps the quotient off the whole numbers, so that no way of dividing
    /// rounds it over one.
    fn quotient(&mut self, value: &str, by: f64) -> Value {
        let middle = self.with("Add", value, 0.5);
        let quotient = self.with("Div", &middle, by);
        self.op("Floor", &[&quotient])
    }

    /// What is left of a whole number, 0 or more.
    fn remainder(&mut self, value: &str, by: f64) -> Value {
        let quotient = self.quotient(value, by);
        let whole = self.with("Mul", &quotient, by);
        self.op("Sub", &[value, &whole])
    }

    /// 1 where a whole number is 0, else 0.
    fn is_zero(&mut self, value: &str) -> Value {
        let size = self.op("Abs", &[value]);
        let small = self.with("Less", &size, 0.5);
        self.cast(&small, Type::Double)
    }
}
