//! Calibration and the threshold, as the model applies them after its predictor.

use crate::{
    graph::{Builder, Given, Value},
    proto::Type,
};
use serde_json::{Value as Json, json};
use trainyard_infer::decision::{Calibration, Decision, Score, SigmoidCurve, Steps};

/// The precision of a 32-bit float at 1 and the smallest normal one, as the model holds probabilities before logarithms.
const EDGE: f64 = f32::EPSILON as f64;
const TINY: f64 = f32::MIN_POSITIVE as f64;

/// The probabilities as calibrated, `rows x classes` floats.
pub fn calibrated(graph: &mut Builder, answer: &str, classes: usize, calibration: &Calibration) -> Value {
    let p = graph.cast(answer, Type::Double);
    let p = match calibration {
        Calibration::Temperature(temperature) => {
            let p = graph.with("Max", &p, TINY);
            let logs = graph.op("Log", &[&p]);
            let logs = graph.with("Div", &logs, *temperature);
            let axes = vec![("axes", Given::Ints(vec![1])), ("keepdims", Given::Int(1))];
            let top = graph.op_with("ReduceMax", &[&logs], axes);
            let below = graph.op("Sub", &[&logs, &top]);
            let powers = graph.op("Exp", &[&below]);
            over_their_sum(graph, &powers, classes)
        }
        Calibration::Sigmoid(curves) => {
            let of = own(graph, &p, classes);
            let curved = sigmoid(graph, &of, curves);
            joined(graph, &curved, classes)
        }
        Calibration::Isotonic(curves) => {
            let of = own(graph, &p, classes);
            let parts: Vec<Value> = (curves.iter().enumerate())
                .map(|(at, steps)| {
                    let p = graph.columns(&of, curves.len(), &[at]);
                    isotonic(graph, &p, steps)
                })
                .collect();
            let curved = graph.concat(&parts);
            joined(graph, &curved, classes)
        }
    };
    graph.cast(&p, Type::Float)
}

/// The probabilities that have curves: of two classes the second's.
fn own(graph: &mut Builder, p: &str, classes: usize) -> Value {
    if classes == 2 { graph.columns(p, 2, &[1]) } else { p.to_owned() }
}

/// What the curves say as probabilities of all classes.
fn joined(graph: &mut Builder, curved: &str, classes: usize) -> Value {
    if classes != 2 {
        return over_their_sum(graph, curved, classes);
    }
    let one = graph.double(1.0);
    let other = graph.op("Sub", &[&one, curved]);
    graph.concat(&[other, curved.to_owned()])
}

fn over_their_sum(graph: &mut Builder, values: &str, classes: usize) -> Value {
    let axes = graph.ints(&[1], [1].into_iter());
    let total = graph.op_with("ReduceSum", &[values, &axes], vec![("keepdims", Given::Int(1))]);
    let share = graph.op("Div", &[values, &total]);
    let some = graph.with("Greater", &total, 0.0);
    let uniform = graph.double(1.0 / classes as f64);
    graph.op("Where", &[&some, &share, &uniform])
}

/// `1 / (1 + e^(slope·ln(p / (1 − p)) + offset))`
fn sigmoid(graph: &mut Builder, p: &str, curves: &[SigmoidCurve]) -> Value {
    let p = graph.with("Max", p, EDGE);
    let p = graph.with("Min", &p, 1.0 - EDGE);
    let one = graph.double(1.0);
    let rest = graph.op("Sub", &[&one, &p]);
    let odds = graph.op("Div", &[&p, &rest]);
    let z = graph.op("Log", &[&odds]);
    let list = |of: fn(&SigmoidCurve) -> f64| curves.iter().map(of).collect::<Vec<f64>>();
    let slopes = graph.doubles(&[1, curves.len()], &list(|curve| curve.slope));
    let offsets = graph.doubles(&[1, curves.len()], &list(|curve| curve.offset));
    let z = graph.op("Mul", &[&z, &slopes]);
    let z = graph.op("Add", &[&z, &offsets]);
    let power = graph.op("Exp", &[&z]);
    let power = graph.with("Add", &power, 1.0);
    let one = graph.double(1.0);
    graph.op("Div", &[&one, &power])
}

/// The first height plus, for each stretch between two points, its rise times the share of it that `p` has passed.
fn isotonic(graph: &mut Builder, p: &str, steps: &Steps) -> Value {
    let stretches = steps.x.len() - 1;
    if stretches == 0 {
        let none = graph.with("Mul", p, 0.0);
        return graph.with("Add", &none, steps.y[0]);
    }
    let starts = graph.doubles(&[1, stretches], &steps.x[..stretches]);
    let widths: Vec<f64> = steps.x.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let rises: Vec<f64> = steps.y.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let widths = graph.doubles(&[1, stretches], &widths);
    let rises = graph.doubles(&[1, stretches], &rises);
    let passed = graph.op("Sub", &[p, &starts]);
    let passed = graph.op("Div", &[&passed, &widths]);
    let passed = graph.with("Max", &passed, 0.0);
    let passed = graph.with("Min", &passed, 1.0);
    let risen = graph.op("Mul", &[&passed, &rises]);
    let axes = graph.ints(&[1], [1].into_iter());
    let risen = graph.op_with("ReduceSum", &[&risen, &axes], vec![("keepdims", Given::Int(1))]);
    graph.with("Add", &risen, steps.y[0])
}

/// Each row's place among the labels: by the threshold, or the most probable class.
pub fn called(graph: &mut Builder, answer: &str, threshold: Option<f64>) -> Value {
    let Some(threshold) = threshold else {
        return graph.op_with("ArgMax", &[answer], vec![("axis", Given::Int(1)), ("keepdims", Given::Int(0))]);
    };
    let second = graph.columns(answer, 2, &[1]);
    let second = graph.cast(&second, Type::Double);
    let reached = graph.with("GreaterOrEqual", &second, threshold);
    let reached = graph.cast(&reached, Type::Int64);
    graph.reshape(&reached, &[-1])
}

/// The steps after the predictor, in words; the arrays stand in the model file.
pub fn steps(decision: &Decision) -> Vec<String> {
    let mut steps = Vec::new();
    if let Some(calibration) = &decision.calibration {
        steps.push(match calibration {
            Calibration::Temperature(_) => "Calibration, in doubles: probabilities = softmax(ln(probabilities) / t) with the \
                                            one number t of decision.temperature; each probability is held above 2^−126 before."
                .to_owned(),
            Calibration::Sigmoid(_) => format!(
                "Calibration, in doubles: z = ln(p / (1 − p)) with p held within 2^−23 and 1 − 2^−23, then \
                 1 / (1 + e^(a·z + b)). decision.sigmoid has a row [a, b] {CURVES}"
            ),
            Calibration::Isotonic(_) => format!(
                "Calibration, in doubles: decision.isotonic.N has a row [x, y] a point; p becomes y on the straight line between \
                 the two points whose x are around it, and the outermost y beyond. There is one N {CURVES}"
            ),
        });
    }
    if decision.threshold.is_some() {
        steps.push(
            "The second class is called where its probability is at least the number of decision.threshold, else the first."
                .to_owned(),
        );
    }
    if let Some(conformal) = &decision.conformal {
        let rule = match conformal.score {
            Score::Absolute => "The interval is value − q to value + q.",
            Score::Lac => "The set of a row has the most probable class and every class with 1 − p at most q.",
            Score::Aps => {
                "The set of a row has the most probable class and, going down by probability, every class with which the \
                 probabilities so far add up to at most q."
            }
        };
        steps.push(format!("decision.conformal is [share of rows that is to be held, q]. {rule}"));
    }
    steps
}

const CURVES: &str = "for the second of two classes, whose result is taken from 1 for the first; or one a class, whose results \
                      are divided by their sum (all are equal where that is 0).";

/// What the graph does not do: how sure an answer is has to be worked out from its answers.
pub fn conformal(decision: &Decision) -> Option<Json> {
    let conformal = decision.conformal?;
    let only = Decision { conformal: Some(conformal), ..Decision::default() };
    Some(json!({
        "level": conformal.level,
        "score": conformal.score,
        "quantile": conformal.quantile,
        "rows": conformal.rows,
        "words": format!("Not part of the graph. {}", steps(&only).join(" ")),
    }))
}
