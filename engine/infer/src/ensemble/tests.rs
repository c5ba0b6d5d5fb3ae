#![allow(clippy::unwrap_used)]
use super::*;

/// Two trees over (number, category): by hand, so that every answer is known.
fn small() -> Ensemble {
    let mut ensemble = Ensemble::new(2, vec![10.0], Head::Value { linear: None });
    ensemble
        .push_tree(0, 1, 7, |number| match number {
            7 => Some(Source::Split { feature: 0, rule: Rule::Below(2.0), left: 1, right: 4, missing_left: false }),
            1 => Some(Source::Leaf(vec![1.0])),
            4 => Some(Source::Split {
                feature: 1,
                rule: Rule::In(&[0b1010, 0b1]),
                left: 5,
                right: 6,
                missing_left: true,
            }),
            5 => Some(Source::Leaf(vec![2.0])),
            6 => Some(Source::Leaf(vec![4.0])),
            _ => None,
        })
        .unwrap();
    ensemble.push_tree(0, 1, 0, |_| Some(Source::Leaf(vec![0.5]))).unwrap();
    ensemble
}

#[test]
fn walks_numbers_categories_and_missing_values() {
    let nan = f64::NAN;
    // (number, category) and what the first tree adds.
    let cases = [
        (1.9, 1.0, 1.0),
        (2.0, 1.0, 2.0),
        (5.0, 2.0, 4.0),
        (5.0, 3.0, 2.0),
        (5.0, 8.0, 2.0),
        (5.0, 99.0, 4.0),
        (nan, nan, 2.0),
        (nan, 0.0, 4.0),
        (f64::INFINITY, 1.0, 2.0),
    ];
    let columns: Vec<f64> = cases.iter().map(|case| case.0).chain(cases.iter().map(|case| case.1)).collect();
    let expected: Vec<f64> = cases.iter().map(|case| 10.5 + case.2).collect();
    assert_eq!(small().predict(&columns, cases.len()), expected);
    // One row at a time takes another way through the code.
    for (case, expected) in cases.iter().zip(&expected) {
        assert_eq!(small().predict(&[case.0, case.1], 1), [*expected]);
    }
}

#[test]
fn many_rows_equal_one_row_each() {
    let rows = 40_000;
    let columns: Vec<f64> = (0..2 * rows).map(|at| (at * 7 % 11) as f64 / 2.0).collect();
    let ensemble = {
        let mut many = small();
        for _ in 0..9 {
            many.push_tree(0, 1, 0, |_| Some(Source::Leaf(vec![0.25]))).unwrap();
        }
        many
    };
    let all = ensemble.predict(&columns, rows);
    for row in (0..rows).step_by(997) {
        assert_eq!(ensemble.predict(&[columns[row], columns[rows + row]], 1), [all[row]]);
    }
    let mut staged = Vec::new();
    ensemble.stages(&columns, rows, &[1, 11], |answers| staged.push(answers));
    assert_eq!(staged[1], all);
    let mut first = ensemble.clone();
    first.truncate(1);
    assert_eq!((first.trees(), first.check()), (1, Ok(())));
    assert_eq!(first.predict(&columns, rows), staged[0]);
}

#[test]
fn heads_answer_by_their_formulas() {
    let answer = |base: Vec<f64>, head| Ensemble::new(0, base, head).predict(&[], 1);
    assert_eq!(answer(vec![0.0, 0.0], Head::Binary), [0.5, 0.5]);
    assert_eq!(answer(vec![0.0], Head::Rate { low: 0.1, high: 4.0 }), [1.0]);
    assert_eq!(answer(vec![9.0], Head::Rate { low: 0.1, high: 4.0 }), [4.0]);
    let softmax = answer(vec![0.0, 2.0 * 3f64.ln()], Head::Softmax { temperature: 2.0 });
    assert!((softmax[1] - 0.75).abs() < 1e-12);
    let priors = vec![0.5, 0.25, 0.25];
    let coupled = answer(vec![0.0; 3], Head::OneVsRest { folds: 1, alpha: 0.25, beta: 0.5, priors });
    // Equal margins: weights of prior^-1/2, that is sqrt 2 : 2 : 2.
    assert!((coupled[0] - 2f64.sqrt() / (4.0 + 2f64.sqrt())).abs() < 1e-12, "{coupled:?}");
    assert_eq!(answer(vec![1.0, 3.0, 0.0], Head::Shares), [0.25, 0.75, 0.0]);
    assert_eq!(answer(vec![0.0, 0.0], Head::Shares), [0.5, 0.5]);
    assert_eq!(answer(vec![f64::NAN, 2.0], Head::Shares), [0.0, 1.0]);
}
