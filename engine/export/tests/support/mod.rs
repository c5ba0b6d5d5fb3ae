//! Models of every family with rows that try them: missing values, unseen categories, ties with thresholds, extreme numbers,
//! instants before 1970.
#![allow(clippy::unwrap_used)]

use trainyard_infer::{
    Column, Frame, MISSING, Model, Predictor, Values,
    blend::Blend,
    dummy::DummyModel,
    ensemble::{Ensemble, Head as Sums, LinearCorrection, Rule, Source},
    net::{
        Activation, Block, FtTransformerModel, FtTransformerNet, FtTransformerWeights, Head, Layer, LinearModel, Norm,
        Pieces, RealMlpModel, RealMlpNet, RealMlpWeights, TabMModel, TabMNet, TabMWeights,
    },
    preprocess::{Encoder, Recipe, Says},
    signature,
    trees::{TreeEncoder, TreesModel},
};
use trainyard_types::{dataset::ColumnType, loss::Loss, model::Signature, run::Task};

/// Numbers that look random (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
    /// 0 to below 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// −½ to ½.
    fn spread(&mut self, count: usize, size: f32) -> Vec<f32> {
        (0..count).map(|_| (self.share() as f32 - 0.5) * size).collect()
    }
}

fn numbers(name: &str, kind: ColumnType, values: Vec<f64>) -> Column {
    Column { name: name.to_owned(), kind, values: Values::Numbers(values) }
}

fn texts(name: &str, kind: ColumnType, levels: &[&str], codes: Vec<u32>) -> Column {
    let levels = levels.iter().map(|level| (*level).to_owned()).collect();
    Column { name: name.to_owned(), kind, values: Values::Categories { codes, levels } }
}

const LETTERS: [&str; 20] =
    ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"];
const DAY: f64 = 86_400_000.0;

/// Columns of every kind; some names need care in a graph.
pub fn train(random: &mut Random, rows: usize) -> Frame {
    let mut column = |make: &mut dyn FnMut(&mut Random) -> f64| (0..rows).map(|_| make(random)).collect::<Vec<f64>>();
    let gap = |random: &mut Random, value: f64| if random.below(9) == 0 { f64::NAN } else { value };
    let x = column(&mut |r| {
        let value = r.share() * 8.0 - 3.0;
        gap(r, value)
    });
    let whole = column(&mut |r| r.below(12) as f64 - 3.0);
    let tiny = column(&mut |r| 1.0 + r.share() * 1e-9);
    let huge = column(&mut |r| (r.share() - 0.5) * 1e12);
    let at = column(&mut |r| {
        let value = (r.share() * 40_000.0 - 15_000.0) * DAY;
        gap(r, value.floor())
    });
    let until = column(&mut |r| (r.below(60_000) as f64 - 40_000.0) * DAY);
    let same = column(&mut |_| 7.0);
    let mut codes = |levels: usize, gaps: bool| -> Vec<u32> {
        (0..rows).map(|_| if gaps && random.below(8) == 0 { MISSING } else { random.below(levels) as u32 }).collect()
    };
    let columns = vec![
        numbers("value", ColumnType::Float, x),
        numbers("capital-gain", ColumnType::Integer, whole),
        numbers("größe", ColumnType::Float, tiny),
        numbers("huge", ColumnType::Float, huge),
        numbers("signed at", ColumnType::Datetime, at),
        numbers("until", ColumnType::Datetime, until),
        numbers("same", ColumnType::Float, same),
        texts("own", ColumnType::Boolean, &["true", "false"], codes(2, true)),
        texts("two", ColumnType::Text, &["yes", "no"], codes(2, false)),
        texts("few", ColumnType::Text, &["", "x", "y y", "ü", "constant_1"], codes(5, true)),
        texts("label", ColumnType::Text, &LETTERS, codes(20, true)),
    ];
    Frame { columns, rows }
}

/// Other rows for the same columns: half like the train rows, half with what they never had. `thresholds` are met exactly and
/// missed by the least that a double can tell.
pub fn trial(random: &mut Random, train: &Frame, rows: usize, thresholds: &[f64]) -> Frame {
    let hard = |random: &mut Random, kind: ColumnType| -> f64 {
        let step = random.below(3);
        let near = |value: f64| [value, value.next_up(), value.next_down()][step];
        let size = if random.below(2) == 0 { 1.0 } else { -1.0 };
        match random.below(8) {
            0 => f64::NAN,
            1 => size * f64::INFINITY,
            2 => size * f64::MAX,
            3 => size * 1e-300,
            4 if kind == ColumnType::Datetime => size * (36_525_000.0 * DAY + (random.below(5) as f64 - 2.0)),
            4 => size * 1e30,
            5 if kind == ColumnType::Datetime => {
                near((random.below(90_000) as f64 - 60_000.0) * DAY) - random.below(2) as f64
            }
            _ if thresholds.is_empty() => size * 0.0,
            _ => near(thresholds[random.below(thresholds.len())]),
        }
    };
    let columns = train
        .columns
        .iter()
        .map(|column| {
            let values = match &column.values {
                Values::Numbers(known) => Values::Numbers(
                    (0..rows)
                        .map(|_| {
                            if random.below(2) == 0 {
                                known[random.below(known.len())]
                            } else {
                                hard(random, column.kind)
                            }
                        })
                        .collect(),
                ),
                Values::Categories { levels, .. } => {
                    let mut levels = levels.clone();
                    levels.push("never seen".to_owned());
                    let codes = (0..rows)
                        .map(|_| if random.below(6) == 0 { MISSING } else { random.below(levels.len()) as u32 })
                        .collect();
                    Values::Categories { codes, levels }
                }
            };
            Column { name: column.name.clone(), kind: column.kind, values }
        })
        .collect();
    Frame { columns, rows }
}

/// Without numbers that a linear correction would make astronomic, beside which no difference could be seen.
fn hold(frame: &mut Frame) {
    for column in &mut frame.columns {
        if let Values::Numbers(numbers) = &mut column.values {
            numbers.iter_mut().filter(|number| number.abs() > 1e16).for_each(|number| *number = f64::NAN);
        }
    }
}

fn describe(train: &Frame, classes: usize) -> Signature {
    let task = match classes {
        0 => Task::Regression,
        2 => Task::Binary,
        _ => Task::Multiclass,
    };
    let classes: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
    signature::fit(train, "outcome", task, &classes)
}

fn head(classes: usize) -> Head {
    match classes {
        0 => Head::Value { mean: 1000.0, scale: 25.0, low: 900.0, high: f64::INFINITY },
        classes => Head::Classes { classes },
    }
}

/// So many nets that answer together, each with hidden layers of these widths; with cosines of the columns or without.
pub fn realmlp(
    random: &mut Random,
    train: &Frame,
    classes: usize,
    nets: usize,
    cosines: bool,
    widths: &[usize],
) -> Model {
    let encoder = Encoder::fit(train, Recipe::RealMlp).unwrap();
    let nets = (0..nets).map(|_| realmlp_net(random, &encoder, classes, cosines, widths)).collect();
    let model = RealMlpModel::new(encoder, nets, head(classes)).unwrap();
    Model::new(describe(train, classes), Predictor::RealMlp(model))
}

fn realmlp_net(random: &mut Random, encoder: &Encoder, classes: usize, cosines: bool, widths: &[usize]) -> RealMlpNet {
    let dense = encoder.width();
    let (frequencies, mixed, embedding) = if cosines { (16, 3, 4) } else { (0, 0, 4) };
    let tables: Vec<Vec<f32>> =
        encoder.embedding_rows().iter().map(|rows| random.spread(rows * embedding, 2.0)).collect();
    let mut weights = RealMlpWeights {
        activation: if classes == 0 { Activation::Mish } else { Activation::Selu },
        dense,
        frequencies,
        mixed,
        frequency: random.spread(dense * frequencies, 6.0),
        phase: random.spread(dense * frequencies, 2.0),
        mix: random.spread(dense * frequencies * mixed, 1.0),
        mix_bias: random.spread(dense * mixed, 0.5),
        embedding,
        tables,
        layers: Vec::new(),
    };
    let mut inputs = weights.inputs();
    for (index, &outputs) in widths.iter().chain([&head(classes).outputs()]).enumerate() {
        let last = index == widths.len();
        let size = 4.0 / (inputs as f32).sqrt();
        let weight = random.spread(inputs * outputs, size);
        let alpha = if last { Vec::new() } else { random.spread(outputs, 1.0).iter().map(|a| a + 0.9).collect() };
        weights.layers.push(Layer { inputs, outputs, weight, bias: random.spread(outputs, 0.5), alpha });
        inputs = outputs;
    }
    RealMlpNet::new(weights).unwrap()
}

pub fn tabm(random: &mut Random, train: &Frame, classes: usize, members: usize) -> Model {
    let encoder = Encoder::fit(train, Recipe::TabM).unwrap();
    let encoded = encoder.encode(train).unwrap();
    let (dense, embedding) = (encoder.width(), 4);
    let is_number = |at: &usize| matches!(encoder.outputs()[*at].says, Says::Value | Says::Part(_));
    let numbers: Vec<usize> = (0..dense).filter(is_number).collect();
    let of = |at: &usize| Pieces::fit(&encoded.dense.iter().skip(*at).step_by(dense).copied().collect::<Vec<f32>>());
    let pieces: Vec<Pieces> = numbers.iter().map(of).collect();
    let (count, bins) = (numbers.len(), pieces.iter().map(Pieces::bins).max().unwrap_or(1));
    let tables: Vec<Vec<f32>> =
        encoder.embedding_rows().iter().map(|rows| random.spread(rows * embedding, 2.0)).collect();
    let outputs = head(classes).outputs();
    let mut weights = TabMWeights {
        dense,
        numbers,
        pieces,
        embedding,
        bins,
        steps: random.spread(count * bins * embedding, 1.0),
        slope: random.spread(count * embedding, 1.0),
        offset: random.spread(count * embedding, 1.0),
        tables,
        members,
        scales: Vec::new(),
        layers: Vec::new(),
        heads: random.spread(members * outputs * 40, 0.5),
        head_bias: random.spread(members * outputs, 0.5),
    };
    weights.scales = random.spread(members * weights.inputs(), 3.0);
    let mut inputs = weights.inputs();
    for outputs in [48, 40] {
        let weight = random.spread(inputs * outputs, 4.0 / (inputs as f32).sqrt());
        weights.layers.push(Layer { inputs, outputs, weight, bias: random.spread(outputs, 0.5), alpha: Vec::new() });
        inputs = outputs;
    }
    let model = TabMModel::new(encoder, TabMNet::new(weights).unwrap(), head(classes)).unwrap();
    Model::new(describe(train, classes), Predictor::TabM(model))
}

/// A layer of random numbers.
fn layer(random: &mut Random, inputs: usize, outputs: usize) -> Layer {
    let weight = random.spread(inputs * outputs, 3.0 / (inputs as f32).sqrt());
    Layer { inputs, outputs, weight, bias: random.spread(outputs, 0.5), alpha: Vec::new() }
}

fn norm(random: &mut Random, width: usize) -> Norm {
    Norm { gain: random.spread(width, 0.8).iter().map(|v| v + 1.0).collect(), shift: random.spread(width, 0.5) }
}

pub fn fttransformer(random: &mut Random, train: &Frame, classes: usize, blocks: usize) -> Model {
    let encoder = Encoder::fit(train, Recipe::FtTransformer).unwrap();
    let (dense, width, heads, hidden) = (encoder.width(), 16, 4, 24);
    let tables: Vec<Vec<f32>> = encoder.embedding_rows().iter().map(|rows| random.spread(rows * width, 1.5)).collect();
    let block = |random: &mut Random, first: bool| Block {
        before: (!first).then(|| norm(random, width)),
        query: layer(random, width, width),
        key: random.spread(width * width, 3.0 / (width as f32).sqrt()),
        value: layer(random, width, width),
        out: layer(random, width, width),
        between: norm(random, width),
        up: layer(random, width, hidden),
        gate: layer(random, width, hidden),
        down: layer(random, hidden, width),
    };
    let weights = FtTransformerWeights {
        dense,
        width,
        heads,
        hidden,
        scale: random.spread(dense * width, 1.5),
        bias: random.spread((dense + tables.len()) * width, 1.5),
        tables,
        cls: random.spread(width, 1.5),
        blocks: (0..blocks).map(|index| block(random, index == 0)).collect(),
        norm: norm(random, width),
        head: layer(random, width, head(classes).outputs()),
    };
    let net = FtTransformerNet::new(weights).unwrap();
    let model = FtTransformerModel::new(encoder, net, head(classes)).unwrap();
    Model::new(describe(train, classes), Predictor::FtTransformer(model))
}

pub fn linear(random: &mut Random, train: &Frame, classes: usize) -> Model {
    let encoder = Encoder::fit(train, Recipe::Linear).unwrap();
    let outputs = head(classes).outputs();
    let weights = random.spread(encoder.width() * outputs, 1.0);
    let model = LinearModel::new(encoder, head(classes), weights, random.spread(outputs, 0.5)).unwrap();
    Model::new(describe(train, classes), Predictor::Linear(model))
}

/// The model, to which numbers go in as normal scores.
fn scored(model: Model, train: &Frame) -> Model {
    let anew = |encoder: &Encoder| encoder.clone().with_normal_scores(train).unwrap();
    let predictor = match &model.predictor {
        Predictor::RealMlp(net) => {
            let encoder = anew(net.encoder());
            Predictor::RealMlp(RealMlpModel::new(encoder, net.nets().to_vec(), net.head()).unwrap())
        }
        Predictor::Linear(line) => {
            let (encoder, weights) = (anew(line.encoder()), line.weights().to_vec());
            Predictor::Linear(LinearModel::new(encoder, line.head(), weights, line.bias().to_vec()).unwrap())
        }
        _ => unreachable!(),
    };
    Model { predictor, ..model }
}

pub fn dummy(train: &Frame, classes: usize) -> Model {
    let predictor = match classes {
        0 => DummyModel::Mean(-12.5),
        2 => DummyModel::Shares(vec![0.75, 0.25]),
        _ => DummyModel::Shares((0..classes).map(|_| 1.0 / classes as f32).collect()),
    };
    Model::new(describe(train, classes), Predictor::Dummy(predictor))
}

/// Which answer the trees give.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Value,
    Rate,
    Corrected,
    Binary,
    OneVsRest,
    Softmax,
    /// A forest of two classes, and of three.
    Shares(usize),
}

/// A tree node before it is pushed.
enum Grown {
    Leaf(Vec<f32>),
    Below { feature: usize, threshold: f64, left: usize, missing_left: bool },
    In { feature: usize, set: Vec<u8>, left: usize, missing_left: bool },
}

/// Random trees; their thresholds are values of the train rows, or stand between two. Gives the thresholds of numbers too.
pub fn trees(random: &mut Random, train: &Frame, kind: Kind, count: usize) -> (Model, Vec<f64>) {
    let encoder = TreeEncoder::fit(train);
    let features = encoder.encode(train).unwrap();
    let width = encoder.width();
    let (sums, classes, head) = match kind {
        Kind::Value => (1, 0, Sums::Value { linear: None }),
        Kind::Rate => (1, 0, Sums::Rate { low: 1e-3, high: 20.0 }),
        Kind::Corrected => {
            let mut list = |low: f64| (0..width).map(|_| low + random.share()).collect::<Vec<f64>>();
            let linear = LinearCorrection {
                means: list(-0.5),
                scales: list(1e3),
                coefficients: list(-0.5),
                intercept: 0.25,
                weight: 0.1,
            };
            (1, 0, Sums::Value { linear: Some(linear) })
        }
        Kind::Binary => (5, 2, Sums::Binary),
        Kind::OneVsRest => {
            let priors = vec![0.5, 0.2, 0.3];
            (6, 3, Sums::OneVsRest { folds: 2, alpha: 0.25, beta: 0.5, priors })
        }
        Kind::Softmax => (4, 4, Sums::Softmax { temperature: 1.5 }),
        Kind::Shares(classes) => (classes, classes, Sums::Shares),
    };
    let forest = matches!(kind, Kind::Shares(_));
    let base: Vec<f64> = (0..sums).map(|_| if forest { random.share() } else { random.share() - 0.5 }).collect();
    let mut ensemble = Ensemble::new(width, base, head);
    let categorical = encoder.categorical();
    let mut thresholds = Vec::new();
    for _ in 0..count {
        let leaf_width = match kind {
            Kind::Softmax if random.below(2) == 0 => 4,
            Kind::Shares(classes) => classes,
            _ => 1,
        };
        let offset = random.below(sums - leaf_width + 1);
        let mut grown = vec![Grown::Leaf(Vec::new())];
        let mut open = vec![(0, 0)];
        while let Some((at, depth)) = open.pop() {
            if depth > random.below(7) {
                let mut leaf = random.spread(leaf_width, 1.0);
                if forest {
                    leaf.iter_mut().for_each(|value| *value = value.abs());
                }
                grown[at] = Grown::Leaf(leaf);
                continue;
            }
            let (feature, missing_left, left) = (random.below(width), random.below(2) == 0, grown.len());
            grown[at] = if categorical.contains(&feature) {
                let set = (0..random.below(4)).map(|_| random.below(256) as u8).collect();
                Grown::In { feature, set, left, missing_left }
            } else {
                let mut pick = || features[feature * train.rows + random.below(train.rows)];
                let (a, b) = (pick(), pick());
                let a = if a.is_finite() { a } else { 0.5 };
                let threshold = if b.is_finite() && random.below(2) == 0 { (a + b) / 2.0 } else { a };
                thresholds.push(threshold);
                Grown::Below { feature, threshold, left, missing_left }
            };
            grown.extend([Grown::Leaf(Vec::new()), Grown::Leaf(Vec::new())]);
            open.extend([(left, depth + 1), (left + 1, depth + 1)]);
        }
        let node = |at: usize| {
            Some(match grown.get(at)? {
                Grown::Leaf(values) => Source::Leaf(values.clone()),
                Grown::Below { feature, threshold, left, missing_left } => Source::Split {
                    feature: *feature,
                    rule: Rule::Below(*threshold),
                    left: *left,
                    right: left + 1,
                    missing_left: *missing_left,
                },
                Grown::In { feature, set, left, missing_left } => Source::Split {
                    feature: *feature,
                    rule: Rule::In(set),
                    left: *left,
                    right: left + 1,
                    missing_left: *missing_left,
                },
            })
        };
        ensemble.push_tree(offset, leaf_width, 0, node).unwrap();
    }
    let model = TreesModel::new(encoder, ensemble).unwrap();
    let predictor = if forest { Predictor::Forest(model) } else { Predictor::Trees(model) };
    (Model::new(describe(train, classes), predictor), thresholds)
}

/// Models whose answers are rates, with rows to try them on.
pub fn rates(seed: u64, rows: usize) -> Vec<(String, Model, Frame)> {
    let mut random = Random(seed);
    let table = train(&mut random, 300);
    let head = Head::Rate { mean: 40.0, low: 4e-5, high: 60.0 };
    let nets = [
        realmlp(&mut random, &table, 0, 2, true, &[32, 16]),
        tabm(&mut random, &table, 0, 1),
        tabm(&mut random, &table, 0, 5),
        linear(&mut random, &table, 0),
    ];
    let powered = nets.map(|model| {
        let predictor = match model.predictor {
            Predictor::RealMlp(net) => {
                Predictor::RealMlp(RealMlpModel::new(net.encoder().clone(), net.nets().to_vec(), head).unwrap())
            }
            Predictor::TabM(net) => {
                Predictor::TabM(TabMModel::new(net.encoder().clone(), net.net().clone(), head).unwrap())
            }
            Predictor::Linear(line) => {
                let (weights, bias) = (line.weights().to_vec(), line.bias().to_vec());
                Predictor::Linear(LinearModel::new(line.encoder().clone(), head, weights, bias).unwrap())
            }
            other => other,
        };
        Model::new(Signature { loss: Some(Loss::Poisson), ..model.signature }, predictor)
    });
    let mut cases: Vec<(String, Model, Frame)> = Vec::new();
    for (at, model) in powered.into_iter().enumerate() {
        cases.push((format!("rates {at}"), model, trial(&mut random, &table, rows, &[])));
    }
    let (model, thresholds) = trees(&mut random, &table, Kind::Rate, 90);
    cases.push(("trees of rates".to_owned(), model, trial(&mut random, &table, rows, &thresholds)));
    cases
}

/// A model of every family and answer, with rows to try it on.
pub fn all(seed: u64, rows: usize) -> Vec<(String, Model, Frame)> {
    let (mut random, mut own) = (Random(seed), Random(seed + 1_000));
    let mut cases = Vec::new();
    let table = train(&mut random, 300);
    for classes in [0, 2, 3] {
        let mut add = |name: &str, model: Model, random: &mut Random| {
            let frame = trial(random, &table, rows, &[]);
            cases.push((format!("{name} {classes}"), model, frame));
        };
        let model = realmlp(&mut random, &table, classes, 1, true, &[48, 40]);
        add("realmlp", model, &mut random);
        let model = tabm(&mut random, &table, classes, 1 + classes);
        add("tabm", model, &mut random);
        let model = fttransformer(&mut own, &table, classes, 1 + classes.min(2));
        add("fttransformer", model, &mut own);
        let model = linear(&mut random, &table, classes);
        add("linear", model, &mut random);
        add("dummy", dummy(&table, classes), &mut random);
    }
    let mut numeric = table.clone();
    numeric.columns.truncate(4);
    let mut categorical = table.clone();
    categorical.columns.drain(..7);
    for table in [&numeric, &categorical] {
        let model = tabm(&mut random, table, 2, 6);
        let frame = trial(&mut random, table, rows, &[]);
        cases.push((format!("tabm of {} columns", table.columns.len()), model, frame));
        let model = fttransformer(&mut own, table, 2, 2);
        let frame = trial(&mut own, table, rows, &[]);
        cases.push((format!("fttransformer of {} columns", table.columns.len()), model, frame));
    }
    for (kind, count, table) in [
        (Kind::Value, 230, &table),
        (Kind::Corrected, 120, &numeric),
        (Kind::Corrected, 5, &table),
        (Kind::Binary, 150, &table),
        (Kind::OneVsRest, 60, &table),
        (Kind::Softmax, 90, &table),
        (Kind::Shares(2), 120, &table),
        (Kind::Shares(3), 60, &table),
        (Kind::Shares(2), 0, &numeric),
        (Kind::Binary, 40, &categorical),
        (Kind::Value, 3, &numeric),
        (Kind::Softmax, 0, &numeric),
        (Kind::Value, 0, &categorical),
    ] {
        let (model, thresholds) = trees(&mut random, table, kind, count);
        let mut frame = trial(&mut random, table, rows, &thresholds);
        if matches!(kind, Kind::Corrected) {
            hold(&mut frame);
        }
        cases.push((format!("trees {kind:?} {count} of {} columns", table.columns.len()), model, frame));
    }
    for (name, classes, nets, cosines) in [
        ("realmlp plain", 2, 1, false),
        ("realmlp plain", 0, 1, false),
        ("realmlp of two", 3, 2, true),
        ("realmlp of two", 0, 2, false),
    ] {
        let model = realmlp(&mut random, &table, classes, nets, cosines, &[32]);
        let frame = trial(&mut random, &table, rows, &[]);
        cases.push((format!("{name} {classes}"), model, frame));
    }
    for (classes, kind) in [(0, Kind::Value), (2, Kind::Binary), (3, Kind::OneVsRest)] {
        // Trees and nets keep the same categories in orders of their own.
        let (grown, thresholds) = trees(&mut random, &table, kind, 40);
        let Predictor::Trees(grown) = grown.predictor else { unreachable!() };
        let other = [realmlp(&mut random, &table, classes, 1, true, &[32]), linear(&mut random, &table, classes)];
        let others = other.into_iter().zip([0.25, 0.125]).map(|(model, weight)| (weight, model.predictor));
        let parts = others.chain([(0.625, Predictor::Boosting(grown))]).collect();
        let model = Model::new(describe(&table, classes), Predictor::Blend(Blend::new(parts).unwrap()));
        cases.push((format!("blend {classes}"), model, trial(&mut random, &table, rows, &thresholds)));
    }
    let mut own = Random(seed + 2_000);
    for classes in [0, 3] {
        for (name, model) in [
            ("realmlp", realmlp(&mut own, &table, classes, 1, true, &[32])),
            ("linear", linear(&mut own, &table, classes)),
        ] {
            let frame = trial(&mut own, &table, rows, &[]);
            cases.push((format!("{name} of scores {classes}"), scored(model, &table), frame));
        }
    }
    cases
}
