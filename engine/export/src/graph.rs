//! Building a graph: values by name, each made once.

use crate::proto::{Attribute, Dimension, Extent, Graph, Kind, Node, Shape, Tensor, Type, TypeProto, ValueInfo};
use std::collections::HashSet;

/// The domain of the operators for classical models.
pub const ML: &str = "ai.onnx.ml";

/// The name of a value in the graph.
pub type Value = String;

/// What an attribute holds.
pub enum Given {
    Int(i64),
    Text(&'static str),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Texts(Vec<Vec<u8>>),
}

/// A graph that grows node by node. Names are numbered in the order of making, so that the same model gives the same bytes.
#[derive(Default)]
pub struct Builder {
    graph: Graph,
    /// Names of inputs and outputs, which no inner value may have.
    taken: HashSet<String>,
    made: usize,
}

impl Builder {
    pub fn new(name: &str, taken: impl IntoIterator<Item = String>) -> Self {
        let graph = Graph { name: name.to_owned(), ..Graph::default() };
        Self { graph, taken: taken.into_iter().collect(), made: 0 }
    }

    pub fn finish(self) -> Graph {
        self.graph
    }

    fn fresh(&mut self, what: &str) -> String {
        loop {
            self.made += 1;
            let name = format!("{}_{}", what.to_ascii_lowercase(), self.made);
            if !self.taken.contains(&name) {
                return name;
            }
        }
    }

    /// A tensor that the caller brings, `rows x 1`.
    pub fn input(&mut self, name: &str, kind: Type, words: String) {
        self.graph.input.push(info(name, kind, &[1], words));
    }

    /// Names a value as an output. `wide`: its shape after the rows.
    pub fn output(&mut self, value: &str, name: &str, kind: Type, wide: &[usize], words: &str) {
        self.push("Identity", &[value], name.to_owned(), Vec::new());
        self.graph.output.push(info(name, kind, wide, words.to_owned()));
    }

    fn push(&mut self, op: &str, inputs: &[&str], output: String, given: Vec<(&str, Given)>) {
        let attribute = given.into_iter().map(|(name, given)| attribute(name, given)).collect();
        let (domain, op) = match op.split_once(':') {
            Some((_, op)) => (ML, op),
            None => ("", op),
        };
        self.graph.node.push(Node {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            name: format!("node_{output}"),
            output: vec![output],
            op_type: op.to_owned(),
            attribute,
            domain: domain.to_owned(),
        });
    }

    /// A node of one output. `ml:` before the operator's name stands for the domain of classical models.
    pub fn op_with(&mut self, op: &str, inputs: &[&str], given: Vec<(&str, Given)>) -> Value {
        let output = self.fresh(op.trim_start_matches("ml:"));
        self.push(op, inputs, output.clone(), given);
        output
    }

    pub fn op(&mut self, op: &str, inputs: &[&str]) -> Value {
        self.op_with(op, inputs, Vec::new())
    }

    /// The second of a node's two outputs.
    pub fn second_of(&mut self, op: &str, inputs: &[&str], given: Vec<(&str, Given)>) -> Value {
        let first = self.op_with(op, inputs, given);
        let second = self.fresh(&first);
        if let Some(node) = self.graph.node.last_mut() {
            node.output.push(second.clone());
        }
        second
    }

    pub fn cast(&mut self, value: &str, to: Type) -> Value {
        self.op_with("Cast", &[value], vec![("to", Given::Int(to as i64))])
    }

    /// Side by side; one value stays as it is.
    ///
    /// # Panics
    /// If there is none.
    pub fn concat(&mut self, values: &[Value]) -> Value {
        assert!(!values.is_empty(), "something to put side by side");
        if let [one] = values {
            return one.clone();
        }
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.op_with("Concat", &values, vec![("axis", Given::Int(1))])
    }

    /// The columns of these numbers, in that order.
    pub fn columns(&mut self, value: &str, wide: usize, numbers: &[usize]) -> Value {
        if numbers.len() == wide && numbers.iter().enumerate().all(|(at, number)| at == *number) {
            return value.to_owned();
        }
        let numbers = self.ints(&[numbers.len()], numbers.iter().map(|&number| number as i64));
        self.op_with("Gather", &[value, &numbers], vec![("axis", Given::Int(1))])
    }

    /// Another shape; −1 stands for what is left.
    pub fn reshape(&mut self, value: &str, shape: &[i64]) -> Value {
        let shape = self.ints(&[shape.len()], shape.iter().copied());
        self.op("Reshape", &[value, &shape])
    }

    /// Adds up along an axis, which goes.
    pub fn sum(&mut self, value: &str, axis: i64) -> Value {
        let axes = self.ints(&[1], [axis].into_iter());
        self.op_with("ReduceSum", &[value, &axes], vec![("keepdims", Given::Int(0))])
    }

    fn constant(&mut self, kind: Type, shape: &[usize], raw_data: Vec<u8>) -> Value {
        let name = self.fresh("constant");
        let dims = shape.iter().map(|&extent| extent as i64).collect();
        self.graph.initializer.push(Tensor {
            dims,
            data_type: kind as i32,
            name: name.clone(),
            raw_data,
            string_data: Vec::new(),
        });
        name
    }

    pub fn floats(&mut self, shape: &[usize], values: &[f32]) -> Value {
        self.constant(Type::Float, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    pub fn doubles(&mut self, shape: &[usize], values: &[f64]) -> Value {
        self.constant(Type::Double, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// One number that fits any shape.
    pub fn double(&mut self, value: f64) -> Value {
        self.doubles(&[1], &[value])
    }

    pub fn ints(&mut self, shape: &[usize], values: impl Iterator<Item = i64>) -> Value {
        self.constant(Type::Int64, shape, values.flat_map(i64::to_le_bytes).collect())
    }

    pub fn bytes(&mut self, kind: Type, shape: &[usize], values: Vec<u8>) -> Value {
        self.constant(kind, shape, values)
    }

    pub fn texts(&mut self, values: &[String]) -> Value {
        let name = self.constant(Type::Text, &[values.len()], Vec::new());
        if let Some(tensor) = self.graph.initializer.last_mut() {
            tensor.string_data = values.iter().map(|text| text.clone().into_bytes()).collect();
        }
        name
    }
}

fn attribute(name: &str, given: Given) -> Attribute {
    let mut attribute = Attribute { name: name.to_owned(), ..Attribute::default() };
    let kind = match given {
        Given::Int(value) => {
            attribute.i = value;
            Kind::Int
        }
        Given::Text(text) => {
            attribute.s = text.as_bytes().to_vec();
            Kind::Text
        }
        Given::Ints(values) => {
            attribute.ints = values;
            Kind::Ints
        }
        Given::Floats(values) => {
            attribute.floats = values;
            Kind::Floats
        }
        Given::Texts(values) => {
            attribute.strings = values;
            Kind::Texts
        }
    };
    attribute.r#type = kind as i32;
    attribute
}

fn info(name: &str, kind: Type, wide: &[usize], doc_string: String) -> ValueInfo {
    let rows = Dimension { value: Some(Extent::Param("rows".to_owned())) };
    let wide = wide.iter().map(|&extent| Dimension { value: Some(Extent::Value(extent as i64)) });
    let shape = Some(Shape { dim: std::iter::once(rows).chain(wide).collect() });
    let tensor_type = Some(crate::proto::TensorType { elem_type: kind as i32, shape });
    ValueInfo { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }), doc_string }
}
