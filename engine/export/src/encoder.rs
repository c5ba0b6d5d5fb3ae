//! The preprocessing of nets and linear models.

use crate::{
    columns::Columns,
    graph::{Builder, Value},
    normal_scores::normal_scores,
    proto::Type,
};
use std::collections::BTreeMap;
use trainyard_infer::{
    datetime,
    normal_scores::NormalScores,
    preprocess::{Encoder, Reads, Says},
};
use trainyard_types::Problem;

/// What the encoder's columns become.
pub struct Encoded {
    /// `rows x width`, floats. There is none where every column is embedded.
    pub dense: Option<Value>,
    /// `rows x embedded`, indices into one table of all levels, one column's after the other.
    pub places: Option<Value>,
}

/// Values side by side, and which of the encoder's outputs each is.
#[derive(Default)]
struct Parts {
    values: Vec<Value>,
    outputs: Vec<Option<usize>>,
}

impl Parts {
    fn push(&mut self, value: Value, outputs: impl IntoIterator<Item = Option<usize>>) {
        self.values.push(value);
        self.outputs.extend(outputs);
    }
}

pub fn encode(columns: &mut Columns, encoder: &Encoder) -> Result<Encoded, Problem> {
    let mut parts = Parts::default();
    numbers(columns, encoder, &mut parts)?;
    instants(columns, encoder, &mut parts)?;
    let codes = categories(columns, encoder, &mut parts)?;
    let dense = if parts.values.is_empty() { None } else { Some(standardise(columns, encoder, &parts)) };
    Ok(Encoded { dense, places: places(columns, encoder, &codes) })
}

/// The encoder's columns of one kind.
fn of_kind(encoder: &Encoder, kind: impl Fn(&Reads) -> bool) -> Vec<usize> {
    (0..encoder.columns().len()).filter(|&column| kind(&encoder.columns()[column].reads)).collect()
}

fn names<'e>(encoder: &'e Encoder, columns: &[usize]) -> Vec<&'e str> {
    columns.iter().map(|&column| encoder.columns()[column].name.as_str()).collect()
}

/// Which output says that of a column.
fn output(encoder: &Encoder, column: usize, says: Says) -> Option<usize> {
    encoder.outputs().iter().position(|output| output.column == column && output.says == says)
}

fn numbers(columns: &mut Columns, encoder: &Encoder, parts: &mut Parts) -> Result<(), Problem> {
    let read = of_kind(encoder, |reads| *reads == Reads::Number);
    if read.is_empty() {
        return Ok(());
    }
    let numbers = columns.numbers(&names(encoder, &read))?;
    let graph = &mut columns.graph;
    let imputed: Vec<f64> = read.iter().map(|&column| encoder.imputed()[column]).collect();
    let imputed = graph.doubles(&[1, read.len()], &imputed);
    let values = graph.op("Where", &[&numbers.known, &numbers.values, &imputed]);
    parts.push(values, read.iter().map(|&column| output(encoder, column, Says::Value)));
    missing(columns, encoder, &read, &numbers.known, parts);
    Ok(())
}

/// Says where columns are missing, if an output does.
fn missing(columns: &mut Columns, encoder: &Encoder, read: &[usize], known: &str, parts: &mut Parts) {
    let said: Vec<Option<usize>> = read.iter().map(|&column| output(encoder, column, Says::Missing)).collect();
    if said.iter().any(Option::is_some) {
        let unknown = columns.graph.op("Not", &[known]);
        let unknown = columns.graph.cast(&unknown, Type::Double);
        parts.push(unknown, said);
    }
}

fn instants(columns: &mut Columns, encoder: &Encoder, parts: &mut Parts) -> Result<(), Problem> {
    let read = of_kind(encoder, |reads| *reads == Reads::Datetime);
    if read.is_empty() {
        return Ok(());
    }
    let mut instants = columns.instants(&names(encoder, &read))?;
    for part in 0..datetime::PARTS.len() {
        let said =
            |says: Says| -> Vec<Option<usize>> { read.iter().map(|&column| output(encoder, column, says)).collect() };
        let plain = said(Says::Part(part));
        let waves = [true, false].map(|sine| (sine, said(Says::Wave { part, sine })));
        if plain.iter().chain(waves.iter().flat_map(|(_, wave)| wave)).all(Option::is_none) {
            continue;
        }
        let graph = &mut columns.graph;
        let value = instants.part(graph, part);
        let imputed: Vec<f64> = read.iter().map(|&column| datetime::parts(encoder.imputed()[column])[part]).collect();
        let imputed = graph.doubles(&[1, read.len()], &imputed);
        let value = graph.op("Where", &[&instants.known, &value, &imputed]);
        let turn = datetime::period(part).map(|period| std::f64::consts::TAU / period);
        for (sine, wave) in waves.into_iter().filter(|(_, wave)| wave.iter().any(Option::is_some)) {
            let angle = graph.with("Mul", &value, turn.unwrap_or(0.0));
            parts.push(graph.op(if sine { "Sin" } else { "Cos" }, &[&angle]), wave);
        }
        parts.push(value, plain);
    }
    missing(columns, encoder, &read, &instants.known, parts);
    Ok(())
}

/// Gives each category column's codes.
fn categories(columns: &mut Columns, encoder: &Encoder, parts: &mut Parts) -> Result<BTreeMap<usize, Value>, Problem> {
    let read = of_kind(encoder, |reads| matches!(reads, Reads::Category(_)));
    let mut codes = BTreeMap::new();
    for &column in &read {
        let source = &encoder.columns()[column];
        codes.insert(column, columns.codes(&source.name, source.levels(), 0)?);
    }
    // The code that each 0/1 output asks for, and the outputs of signs.
    let mut asked = Vec::new();
    let mut signs = Vec::new();
    for (at, output) in encoder.outputs().iter().enumerate().filter(|(_, output)| codes.contains_key(&output.column)) {
        match output.says {
            Says::Level(level) => asked.push((at, output.column, i64::from(level) + 1)),
            Says::Missing => asked.push((at, output.column, 0)),
            _ => signs.push((at, output.column)),
        }
    }
    let graph = &mut columns.graph;
    if !asked.is_empty() {
        let mut used: Vec<usize> = asked.iter().map(|&(_, column, _)| column).collect();
        used.dedup();
        let values: Vec<Value> = used.iter().map(|column| codes[column].clone()).collect();
        let all = graph.concat(&values);
        let place = |column: usize| used.iter().position(|&used| used == column).unwrap_or(0);
        let wide = used.len();
        let places: Vec<usize> = asked.iter().map(|&(_, column, _)| place(column)).collect();
        let repeated = graph.columns(&all, wide, &places);
        let wanted = graph.ints(&[1, asked.len()], asked.iter().map(|&(_, _, code)| code));
        let equal = graph.op("Equal", &[&repeated, &wanted]);
        let equal = graph.cast(&equal, Type::Double);
        parts.push(equal, asked.iter().map(|&(at, _, _)| Some(at)));
    }
    if !signs.is_empty() {
        let values: Vec<Value> = signs.iter().map(|(_, column)| codes[column].clone()).collect();
        let all = graph.concat(&values);
        let table = graph.doubles(&[3], &[0.0, -1.0, 1.0]);
        let sign = graph.op("Gather", &[&table, &all]);
        parts.push(sign, signs.iter().map(|&(at, _)| Some(at)));
    }
    Ok(codes)
}

/// The outputs in their order, centred, scaled and clipped, or as normal scores.
fn standardise(columns: &mut Columns, encoder: &Encoder, parts: &Parts) -> Value {
    let graph = &mut columns.graph;
    let all = graph.concat(&parts.values);
    let order: Vec<usize> = (0..encoder.width())
        .map(|output| parts.outputs.iter().position(|at| *at == Some(output)).unwrap_or(0))
        .collect();
    let raw = graph.columns(&all, parts.outputs.len(), &order);
    let (center, scale) = encoder.standardise();
    let [center, scale] = [center, scale].map(|values| graph.doubles(&[1, values.len()], values));
    let x = graph.op("Sub", &[&raw, &center]);
    let z = graph.op("Mul", &[&x, &scale]);
    let mut x = hold(graph, &z, if encoder.smooth_clip() { 1e9 } else { 1e4 });
    if encoder.smooth_clip() {
        let third = graph.with("Div", &x, 3.0);
        let square = graph.op("Mul", &[&third, &third]);
        let square = graph.with("Add", &square, 1.0);
        let root = graph.op("Sqrt", &[&square]);
        x = graph.op("Div", &[&x, &root]);
    }
    let dense = graph.cast(&x, Type::Float);
    scored(columns, encoder, &z, dense)
}

/// No number farther from 0.
fn hold(graph: &mut Builder, value: &str, limit: f64) -> Value {
    let value = graph.with("Min", value, limit);
    graph.with("Max", &value, -limit)
}

/// The dense columns, of which those that are normal scores are made anew of what was centred and scaled only.
fn scored(columns: &mut Columns, encoder: &Encoder, z: &str, dense: Value) -> Value {
    let scores = encoder.normal_scores().iter().enumerate();
    let (outputs, lines): (Vec<usize>, Vec<&NormalScores>) =
        scores.filter_map(|(at, line)| Some((at, line.as_ref()?))).unzip();
    if lines.is_empty() {
        return dense;
    }
    let wide = encoder.width();
    let graph = &mut columns.graph;
    let numbers = graph.columns(z, wide, &outputs);
    let numbers = hold(graph, &numbers, NormalScores::FARTHEST);
    let numbers = graph.cast(&numbers, Type::Float);
    let scores = normal_scores(columns, &numbers, &lines);
    let mut order: Vec<usize> = (0..wide).collect();
    outputs.iter().enumerate().for_each(|(at, output)| order[*output] = wide + at);
    let graph = &mut columns.graph;
    let all = graph.concat(&[dense, scores]);
    graph.columns(&all, wide + outputs.len(), &order)
}

fn places(columns: &mut Columns, encoder: &Encoder, codes: &BTreeMap<usize, Value>) -> Option<Value> {
    let embedded: Vec<Value> = encoder.embedded().iter().map(|column| codes[column].clone()).collect();
    if embedded.is_empty() {
        return None;
    }
    let graph = &mut columns.graph;
    let all = graph.concat(&embedded);
    let starts: Vec<i64> = encoder
        .embedding_rows()
        .iter()
        .scan(0, |next, &rows| Some(std::mem::replace(next, *next + rows as i64)))
        .collect();
    let starts = graph.ints(&[1, starts.len()], starts.into_iter());
    Some(graph.op("Add", &[&all, &starts]))
}
