//! Boosted trees and forests as a `TreeEnsembleClassifier` over whole numbers.
//!
//! The operator compares floats, the model doubles. So the trees don't see the numbers themselves but their ranks, that is how
//! many of the column's thresholds are not above them: a rank is a small whole number, and `x < threshold` is
//! `rank <= place − ½`. Each question about a category becomes a feature of its own that is 0 where the answer is left.

use crate::{
    columns::Columns,
    graph::{Builder, Given, Value},
    proto::Type,
};
use trainyard_infer::{
    ensemble::{Ensemble, Head, LinearCorrection, Rule, Source},
    trees::{Encoding, TreeEncoder, TreesModel},
};
use trainyard_types::Problem;

/// Trees whose leaves are added up as floats; those sums are added up as doubles.
const GROUP: usize = 50;
/// Thresholds of a column that are compared all at once; more are compared in two steps.
const FLAT: usize = 32;

/// A question about a category: which codes go left, and whether missing does.
type Question = (Vec<bool>, bool);

/// What the trees ask.
struct Asked {
    /// Of each feature: its thresholds, ascending.
    thresholds: Vec<Vec<f64>>,
    /// Of each feature that holds categories: its questions.
    questions: Vec<Vec<Question>>,
}

/// Where each feature's rank or questions stand in the operator's input.
struct Places {
    ranks: Vec<Option<usize>>,
    questions: Vec<usize>,
}

pub fn trees(columns: &mut Columns, model: &TreesModel) -> Result<Value, Problem> {
    let (encoder, ensemble) = (model.encoder(), model.ensemble());
    let kinds = categories(encoder);
    let asked = ask(ensemble, &kinds)?;
    let features = Features::new(columns, encoder)?;
    let sums = if ensemble.trees() == 0 {
        let base = columns.graph.doubles(&[1, ensemble.base().len()], ensemble.base());
        columns.in_every_row(&base, ensemble.base().len())
    } else {
        let (input, places) = features.asked(columns, &asked);
        sums(columns, ensemble, &asked, &input, &places, &kinds)
    };
    Ok(answer(columns, ensemble, &sums, &features))
}

/// Of each feature, how many codes it has (missing and others among them), if it holds categories.
fn categories(encoder: &TreeEncoder) -> Vec<Option<usize>> {
    let of = |encoding: &Encoding| match encoding {
        Encoding::Category { levels, .. } => Some(levels.len() + 2),
        _ => None,
    };
    encoder.inputs().iter().flat_map(|input| vec![of(&input.encoding); input.encoding.width()]).collect()
}

/// Which codes (0 is missing and not asked here) a rule sends left.
fn lefts(rule: &Rule<'_>, codes: usize) -> Vec<bool> {
    let left = |code: usize| match rule {
        Rule::Below(threshold) => (code as f64) < *threshold,
        Rule::In(set) => set.get(code / 8).is_some_and(|byte| byte >> (code % 8) & 1 == 1),
    };
    (0..codes).map(|code| code > 0 && left(code)).collect()
}

fn ask(ensemble: &Ensemble, kinds: &[Option<usize>]) -> Result<Asked, Problem> {
    let mut asked = Asked { thresholds: vec![Vec::new(); kinds.len()], questions: vec![Vec::new(); kinds.len()] };
    for tree in 0..ensemble.trees() {
        for node in ensemble.tree(tree).nodes {
            let Source::Split { feature, rule, missing_left, .. } = node else { continue };
            match (kinds[feature], &rule) {
                (Some(codes), rule) => asked.questions[feature].push((lefts(rule, codes), missing_left)),
                (None, Rule::Below(threshold)) => asked.thresholds[feature].push(bound(*threshold)),
                (None, Rule::In(_)) => {
                    return Err(Problem::invalid(
                        "A tree asks a number for its category: such a model can't be exported.",
                    ));
                }
            }
        }
    }
    for thresholds in &mut asked.thresholds {
        thresholds.sort_by(f64::total_cmp);
        thresholds.dedup();
    }
    for questions in &mut asked.questions {
        questions.sort();
        questions.dedup();
    }
    Ok(asked)
}

/// No number is below a NaN and none is not: the walk goes left there, as below infinity.
fn bound(threshold: f64) -> f64 {
    if threshold.is_nan() { f64::INFINITY } else { threshold }
}

/// The features before any question: numbers as `rows x features` doubles and where they are known, categories as codes.
struct Features {
    numbers: Option<(Value, Value)>,
    /// Which feature each column of `numbers` is.
    numeric: Vec<usize>,
    codes: Vec<(usize, Value)>,
}

impl Features {
    fn new(columns: &mut Columns, encoder: &TreeEncoder) -> Result<Self, Problem> {
        let mut at = 0;
        let (mut plain, mut instants, mut codes) = (Vec::new(), Vec::new(), Vec::new());
        for input in encoder.inputs() {
            match &input.encoding {
                Encoding::Number => plain.push((at, input.column.as_str())),
                Encoding::Instant { parts } => instants.push((at, input.column.as_str(), parts)),
                Encoding::Category { levels, other } => {
                    let unseen = if *other { levels.len() + 1 } else { 0 };
                    codes.push((at, columns.codes(&input.column, levels, unseen)?));
                }
            }
            at += input.encoding.width();
        }
        let (mut values, mut known, mut numeric) = (Vec::new(), Vec::new(), Vec::new());
        if !plain.is_empty() {
            let names: Vec<&str> = plain.iter().map(|(_, name)| *name).collect();
            let numbers = columns.numbers(&names)?;
            values.push(numbers.values);
            known.push(numbers.known);
            numeric.extend(plain.iter().map(|(at, _)| *at));
        }
        for (at, name, parts) in instants {
            let mut instant = columns.instants(&[name])?;
            for (place, &part) in parts.iter().enumerate() {
                values.push(instant.part(&mut columns.graph, part));
                known.push(instant.known.clone());
                numeric.push(at + place);
            }
        }
        let graph = &mut columns.graph;
        let numbers = if numeric.is_empty() { None } else { Some((graph.concat(&values), graph.concat(&known))) };
        Ok(Self { numbers, numeric, codes })
    }

    /// What the trees see, `rows x features` floats, and where each feature is in it.
    fn asked(&self, columns: &mut Columns, asked: &Asked) -> (Value, Places) {
        let count = asked.thresholds.len();
        let mut places = Places { ranks: vec![None; count], questions: vec![0; count] };
        let mut parts = Vec::new();
        let mut at = 0;
        if let Some((values, known)) = &self.numbers {
            // Where each column of the numbers comes to stand: those with many thresholds apart from the others.
            for few in [true, false] {
                let used: Vec<usize> = (0..self.numeric.len())
                    .filter(|&column| {
                        let count = asked.thresholds[self.numeric[column]].len();
                        count > 0 && (count <= FLAT) == few
                    })
                    .collect();
                if used.is_empty() {
                    continue;
                }
                let graph = &mut columns.graph;
                let [values, known] = [values, known].map(|value| graph.columns(value, self.numeric.len(), &used));
                let thresholds: Vec<&[f64]> =
                    used.iter().map(|&column| asked.thresholds[self.numeric[column]].as_slice()).collect();
                let ranks =
                    if few { flat(columns, &values, &thresholds) } else { stepped(columns, &values, &thresholds) };
                let graph = &mut columns.graph;
                let unknown = graph.floats(&[1], &[f32::NAN]);
                parts.push(graph.op("Where", &[&known, &ranks, &unknown]));
                for &column in &used {
                    places.ranks[self.numeric[column]] = Some(at);
                    at += 1;
                }
            }
        }
        for (feature, codes) in &self.codes {
            let questions = &asked.questions[*feature];
            if questions.is_empty() {
                continue;
            }
            let graph = &mut columns.graph;
            let codes_count = questions[0].0.len();
            let right = |code: usize| {
                questions.iter().map(move |(lefts, missing)| u8::from(!if code == 0 { *missing } else { lefts[code] }))
            };
            let table =
                graph.bytes(Type::Uint8, &[codes_count, questions.len()], (0..codes_count).flat_map(right).collect());
            let rows = graph.op("Gather", &[&table, codes]);
            let rows = graph.reshape(&rows, &[-1, questions.len() as i64]);
            parts.push(graph.cast(&rows, Type::Float));
            places.questions[*feature] = at;
            at += questions.len();
        }
        if parts.is_empty() {
            // Nothing but leaves.
            let zero = columns.graph.floats(&[1, 1], &[0.0]);
            parts.push(columns.in_every_row(&zero, 1));
        }
        (columns.graph.concat(&parts), places)
    }
}

/// How many of a column's thresholds are not above each value, in one comparison with all. NaN has rank 0.
fn flat(columns: &mut Columns, values: &str, thresholds: &[&[f64]]) -> Value {
    let most = thresholds.iter().map(|list| list.len()).max().unwrap_or(0);
    let padded: Vec<f64> = thresholds.iter().flat_map(|list| padded(list, most)).collect();
    let graph = &mut columns.graph;
    let values = graph.reshape(values, &[-1, thresholds.len() as i64, 1]);
    let padded = graph.doubles(&[1, thresholds.len(), most], &padded);
    count(columns, &values, &padded)
}

fn padded(list: &[f64], most: usize) -> impl Iterator<Item = f64> {
    list.iter().copied().chain(std::iter::repeat_n(f64::INFINITY, most - list.len()))
}

/// Adds up `values >= bounds` along the last axis of three.
fn count(columns: &mut Columns, values: &str, bounds: &str) -> Value {
    let graph = &mut columns.graph;
    let reached = graph.op("GreaterOrEqual", &[values, bounds]);
    let reached = graph.cast(&reached, Type::Float);
    graph.sum(&reached, 2)
}

/// As [`flat`], in two steps: first which stretch of thresholds, then how many within it.
pub fn stepped(columns: &mut Columns, values: &str, thresholds: &[&[f64]]) -> Value {
    let most = thresholds.iter().map(|list| list.len()).max().unwrap_or(0);
    let stretch = (1..).find(|side| side * side >= most).unwrap_or(1);
    let stretches = most.div_ceil(stretch);
    // The last threshold of each stretch: as many of them as are reached, so many stretches are passed whole.
    let lists: Vec<Vec<f64>> = thresholds.iter().map(|list| padded(list, stretch * stretches).collect()).collect();
    let last: Vec<f64> =
        lists.iter().flat_map(|list| list.chunks_exact(stretch).map(|part| part[stretch - 1])).collect();
    // Behind the last stretch stands one that nothing reaches.
    let inner: Vec<f64> = lists.iter().flat_map(|list| padded(list, stretch * (stretches + 1))).collect();
    let starts = (0..thresholds.len()).map(|column| (column * (stretches + 1)) as i64);
    let wide = thresholds.len();
    let graph = &mut columns.graph;
    let values = graph.reshape(values, &[-1, wide as i64, 1]);
    let last = graph.doubles(&[1, wide, stretches], &last);
    let passed = count(columns, &values, &last);
    let graph = &mut columns.graph;
    let at = graph.cast(&passed, Type::Int64);
    let starts = graph.ints(&[1, wide], starts);
    let at = graph.op("Add", &[&at, &starts]);
    let inner = graph.doubles(&[wide * (stretches + 1), stretch], &inner);
    let inner = graph.op("Gather", &[&inner, &at]);
    let within = count(columns, &values, &inner);
    let graph = &mut columns.graph;
    let side = graph.floats(&[1], &[stretch as f32]);
    let before = graph.op("Mul", &[&passed, &side]);
    graph.op("Add", &[&before, &within])
}

/// The trees as the operator takes them: parallel lists, an entry a node, and an entry a leaf's value.
#[derive(Default)]
struct Lists {
    trees: Vec<i64>,
    nodes: Vec<i64>,
    features: Vec<i64>,
    modes: Vec<Vec<u8>>,
    values: Vec<f32>,
    lefts: Vec<i64>,
    rights: Vec<i64>,
    missing_left: Vec<i64>,
    leaf_trees: Vec<i64>,
    leaf_nodes: Vec<i64>,
    leaf_sums: Vec<i64>,
    leaf_values: Vec<f32>,
}

impl Lists {
    #[allow(clippy::too_many_arguments)] // One a list.
    fn push(
        &mut self,
        tree: usize,
        node: usize,
        feature: usize,
        mode: &str,
        value: f32,
        left: usize,
        right: usize,
        missing_left: bool,
    ) {
        self.trees.push(tree as i64);
        self.nodes.push(node as i64);
        self.features.push(feature as i64);
        self.modes.push(mode.as_bytes().to_vec());
        self.values.push(value);
        self.lefts.push(left as i64);
        self.rights.push(right as i64);
        self.missing_left.push(i64::from(missing_left));
    }
}

/// The sums, `rows x sums` doubles.
fn sums(
    columns: &mut Columns,
    ensemble: &Ensemble,
    asked: &Asked,
    input: &str,
    places: &Places,
    kinds: &[Option<usize>],
) -> Value {
    let wide = ensemble.base().len();
    // Three columns at least: for two the operator has rules of its own.
    let groups = ensemble.trees().div_ceil(GROUP).max(3usize.div_ceil(wide));
    let mut lists = Lists::default();
    for number in 0..ensemble.trees() {
        let tree = ensemble.tree(number);
        for (at, node) in tree.nodes.iter().enumerate() {
            match node {
                Source::Leaf(values) => {
                    lists.push(number, at, 0, "LEAF", 0.0, 0, 0, false);
                    for (place, value) in values.iter().enumerate() {
                        lists.leaf_trees.push(number as i64);
                        lists.leaf_nodes.push(at as i64);
                        lists.leaf_sums.push(((tree.offset + place) * groups + number / GROUP) as i64);
                        lists.leaf_values.push(*value);
                    }
                }
                Source::Split { feature, rule, left, right, missing_left } => {
                    let (place, value) = match (kinds[*feature], rule) {
                        (Some(codes), rule) => {
                            let question = (lefts(rule, codes), *missing_left);
                            let which = asked.questions[*feature].binary_search(&question).unwrap_or(0);
                            (places.questions[*feature] + which, 0.5)
                        }
                        (None, Rule::Below(threshold)) => {
                            let threshold = bound(*threshold);
                            let which = asked.thresholds[*feature].partition_point(|known| *known < threshold);
                            (places.ranks[*feature].unwrap_or(0), which as f32 + 0.5)
                        }
                        (None, Rule::In(_)) => (0, 0.0),
                    };
                    lists.push(number, at, place, "BRANCH_LEQ", value, *left, *right, *missing_left);
                }
            }
        }
    }
    let given = vec![
        ("nodes_treeids", Given::Ints(lists.trees)),
        ("nodes_nodeids", Given::Ints(lists.nodes)),
        ("nodes_featureids", Given::Ints(lists.features)),
        ("nodes_modes", Given::Texts(lists.modes)),
        ("nodes_values", Given::Floats(lists.values)),
        ("nodes_truenodeids", Given::Ints(lists.lefts)),
        ("nodes_falsenodeids", Given::Ints(lists.rights)),
        ("nodes_missing_value_tracks_true", Given::Ints(lists.missing_left)),
        ("class_treeids", Given::Ints(lists.leaf_trees)),
        ("class_nodeids", Given::Ints(lists.leaf_nodes)),
        ("class_ids", Given::Ints(lists.leaf_sums)),
        ("class_weights", Given::Floats(lists.leaf_values)),
        ("classlabels_int64s", Given::Ints((0..(wide * groups) as i64).collect())),
        ("post_transform", Given::Text("NONE")),
    ];
    let graph = &mut columns.graph;
    let scores = graph.second_of("ml:TreeEnsembleClassifier", &[input], given);
    let scores = graph.cast(&scores, Type::Double);
    let scores = graph.reshape(&scores, &[-1, wide as i64, groups as i64]);
    let sums = graph.sum(&scores, 2);
    let base = graph.doubles(&[1, wide], ensemble.base());
    graph.op("Add", &[&sums, &base])
}

/// What the head makes of the sums: probabilities as floats, or the value as doubles.
fn answer(columns: &mut Columns, ensemble: &Ensemble, sums: &str, features: &Features) -> Value {
    let probabilities = match ensemble.head() {
        Head::Value { linear: None } => return sums.to_owned(),
        Head::Value { linear: Some(linear) } => {
            let correction = correction(columns, linear, features);
            return columns.graph.op("Add", &[sums, &correction]);
        }
        Head::Rate { low, high } => {
            let graph = &mut columns.graph;
            let power = graph.op("Exp", &[sums]);
            let power = graph.with("Max", &power, *low);
            return graph.with("Min", &power, *high);
        }
        Head::Binary => {
            let graph = &mut columns.graph;
            let mean = mean_sigmoids(graph, sums, 1, ensemble.base().len());
            let one = graph.double(1.0);
            let other = graph.op("Sub", &[&one, &mean]);
            graph.concat(&[other, mean])
        }
        Head::OneVsRest { folds, alpha, beta, priors } => {
            let graph = &mut columns.graph;
            let classes = priors.len();
            let p = mean_sigmoids(graph, sums, classes, *folds);
            let p = graph.with("Max", &p, f64::EPSILON);
            let p = graph.with("Min", &p, 1.0 - f64::EPSILON);
            let one = graph.double(1.0);
            let rest = graph.op("Sub", &[&one, &p]);
            let power = graph.with("Pow", &rest, *alpha);
            let weight = graph.op("Div", &[&p, &power]);
            let priors: Vec<f64> = priors.iter().map(|prior| prior.clamp(f64::EPSILON, 1.0).powf(*beta)).collect();
            let priors = graph.doubles(&[1, classes], &priors);
            let weight = graph.op("Div", &[&weight, &priors]);
            let total = total(graph, &weight);
            let share = graph.op("Div", &[&weight, &total]);
            let some = graph.with("Greater", &total, f64::EPSILON);
            let uniform = graph.double(1.0 / classes as f64);
            graph.op("Where", &[&some, &share, &uniform])
        }
        Head::Softmax { temperature } => {
            let graph = &mut columns.graph;
            let axes = vec![("axes", Given::Ints(vec![1])), ("keepdims", Given::Int(1))];
            let top = graph.op_with("ReduceMax", &[sums], axes);
            let below = graph.op("Sub", &[sums, &top]);
            let scaled = graph.with("Div", &below, temperature.max(f64::EPSILON));
            let powers = graph.op("Exp", &[&scaled]);
            let total = total(graph, &powers);
            graph.op("Div", &[&powers, &total])
        }
        Head::Shares => {
            let graph = &mut columns.graph;
            let sums = graph.with("Max", sums, 0.0);
            let total = total(graph, &sums);
            let share = graph.op("Div", &[&sums, &total]);
            let some = graph.with("Greater", &total, f64::EPSILON);
            let uniform = graph.double(1.0 / ensemble.base().len() as f64);
            graph.op("Where", &[&some, &share, &uniform])
        }
    };
    columns.graph.cast(&probabilities, Type::Float)
}

/// The sums' sigmoids, of which `each` neighbours become their mean, `rows x groups`.
fn mean_sigmoids(graph: &mut Builder, sums: &str, groups: usize, each: usize) -> Value {
    let negative = graph.op("Neg", &[sums]);
    let power = graph.op("Exp", &[&negative]);
    let power = graph.with("Add", &power, 1.0);
    let one = graph.double(1.0);
    let p = graph.op("Div", &[&one, &power]);
    if each == 1 {
        return p;
    }
    let p = graph.reshape(&p, &[-1, groups as i64, each as i64]);
    let p = graph.sum(&p, 2);
    graph.with("Div", &p, each as f64)
}

/// Adds up each row, `rows x 1`.
fn total(graph: &mut Builder, value: &str) -> Value {
    let axes = graph.ints(&[1], [1].into_iter());
    graph.op_with("ReduceSum", &[value, &axes], vec![("keepdims", Given::Int(1))])
}

/// `weight · (intercept + coefficients · z)`, z being 0 where a feature is missing.
fn correction(columns: &mut Columns, linear: &LinearCorrection, features: &Features) -> Value {
    let mut parts = Vec::new();
    let mut order = Vec::new();
    if let Some((values, known)) = &features.numbers {
        let z = standardised(columns, linear, values, known, &features.numeric);
        parts.push(z);
        order.extend(&features.numeric);
    }
    for (feature, codes) in &features.codes {
        let graph = &mut columns.graph;
        let value = graph.cast(codes, Type::Double);
        let known = graph.with("Greater", &value, 0.5);
        parts.push(standardised(columns, linear, &value, &known, &[*feature]));
        order.push(*feature);
    }
    let graph = &mut columns.graph;
    let weight = linear.weight;
    if parts.is_empty() {
        return graph.doubles(&[1, 1], &[weight * linear.intercept]);
    }
    let z = graph.concat(&parts);
    let coefficients: Vec<f64> = order.iter().map(|&feature| linear.coefficients[feature]).collect();
    let coefficients = graph.doubles(&[1, order.len()], &coefficients);
    let products = graph.op("Mul", &[&z, &coefficients]);
    let sum = total(graph, &products);
    let sum = graph.with("Add", &sum, linear.intercept);
    graph.with("Mul", &sum, weight)
}

fn standardised(columns: &mut Columns, linear: &LinearCorrection, values: &str, known: &str, which: &[usize]) -> Value {
    let graph = &mut columns.graph;
    let [means, scales] = [&linear.means, &linear.scales]
        .map(|list| which.iter().map(|&feature| list[feature]).collect::<Vec<f64>>())
        .map(|list| graph.doubles(&[1, list.len()], &list));
    let z = graph.op("Sub", &[values, &means]);
    let z = graph.op("Div", &[&z, &scales]);
    let zero = graph.double(0.0);
    graph.op("Where", &[known, &z, &zero])
}
