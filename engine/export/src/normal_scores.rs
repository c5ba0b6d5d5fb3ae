//! Numbers as normal scores.

use crate::{columns::Columns, graph::Value, proto::Type, trees::stepped};
use trainyard_infer::normal_scores::NormalScores;

/// The normal scores of `numbers`, `rows x lines` floats: which stretch between two knots a number is in, and the line there.
pub fn normal_scores(columns: &mut Columns, numbers: &str, lines: &[&NormalScores]) -> Value {
    let count = lines.len();
    let ends = |last: bool| {
        let end = |line: &&NormalScores| if last { line.knots().last() } else { line.knots().first() }.copied();
        lines.iter().map(|line| end(line).unwrap_or(0.0)).collect::<Vec<f32>>()
    };
    // The first knot and the last are not asked for: what is beyond them is in the stretch beside them.
    let between = |line: &&NormalScores| -> Vec<f64> {
        let knots = line.knots();
        let inner: Vec<f64> = knots[1..knots.len() - 1].iter().map(|knot| f64::from(*knot)).collect();
        // A single stretch: nothing is passed.
        if inner.is_empty() { vec![f64::INFINITY] } else { inner }
    };
    let inner: Vec<Vec<f64>> = lines.iter().map(between).collect();
    let (mut starts, mut next) = (Vec::new(), 0i64);
    let (mut knots, mut scores, mut slopes) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        starts.push(next);
        for (x, y) in line.knots().windows(2).zip(line.scores().windows(2)) {
            knots.push(x[0]);
            scores.push(y[0]);
            slopes.push((y[1] - y[0]) / (x[1] - x[0]));
            next += 1;
        }
    }
    let graph = &mut columns.graph;
    let [low, high] = [false, true].map(|last| graph.floats(&[1, count], &ends(last)));
    let held = graph.op("Max", &[numbers, &low]);
    let held = graph.op("Min", &[&held, &high]);
    let doubles = graph.cast(&held, Type::Double);
    let inner: Vec<&[f64]> = inner.iter().map(Vec::as_slice).collect();
    let passed = stepped(columns, &doubles, &inner);
    let graph = &mut columns.graph;
    let at = graph.cast(&passed, Type::Int64);
    let starts = graph.ints(&[1, count], starts.into_iter());
    let at = graph.op("Add", &[&at, &starts]);
    let [knot, score, slope] = [&knots, &scores, &slopes].map(|list| {
        let list = graph.floats(&[list.len()], list);
        graph.op("Gather", &[&list, &at])
    });
    let beyond = graph.op("Sub", &[&held, &knot]);
    let risen = graph.op("Mul", &[&beyond, &slope]);
    graph.op("Add", &[&score, &risen])
}
