//! Figures by scikit-learn 1.9.1 with NumPy 2.4.6 on the same generated rows (200 rows, formulas as below; probabilities as
//! float32): `roc_auc_score`, `average_precision_score`, `log_loss` and so on with their defaults; the weighted ones with
//! `sample_weight = i * 7 % 4`.
#![allow(clippy::unwrap_used)]

use super::*;

const ROWS: usize = 200;

fn binary() -> (Vec<u32>, Vec<f32>) {
    let scores: Vec<f32> =
        (0..ROWS).map(|i| ((((i * 37 + 11) % 97) as f64 / 97.0) as f32 * 20.0).round() / 20.0).collect();
    let truth = |(i, &p): (usize, &f32)| u32::from((((i * 53 + 7) % 89) as f64) / 89.0 < 0.2 + 0.6 * f64::from(p));
    (scores.iter().enumerate().map(truth).collect(), scores)
}

fn two_classes(scores: &[f32]) -> Predictions {
    Predictions::Probabilities { classes: 2, values: scores.iter().flat_map(|&p| [1.0 - p, p]).collect() }
}

fn regression() -> (Vec<f64>, Vec<f64>) {
    let truth: Vec<f64> = (0..ROWS).map(|i| ((i * 31 + 5) % 101) as f64 / 10.0 - 2.0).collect();
    let values = truth.iter().enumerate().map(|(i, y)| y + (((i * 17 + 3) % 41) as f64 / 20.0 - 1.0)).collect();
    (truth, values)
}

/// Row `i` as often as `i * 7 % 4` says.
fn repeated() -> Vec<usize> {
    (0..ROWS).flat_map(|i| std::iter::repeat_n(i, i * 7 % 4)).collect()
}

fn check(found: &Metrics, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        let found = found[*name];
        assert!((found - value).abs() < 1e-6 * value.abs().max(1.0), "{name}: {found}, expected {value}");
    }
}

#[test]
fn binary_metrics_match_scikit_learn() {
    let (truth, scores) = binary();
    let found = score(Task::Binary, &Target::Classes(truth.clone()), &two_classes(&scores));
    assert_eq!(found.len(), 10);
    check(
        &found,
        &[
            ("roc_auc", 0.7261404561824729),
            ("accuracy", 0.67),
            ("balanced_accuracy", 0.669467787114846),
            ("f1", 0.65625),
            ("precision", 0.6702127659574468),
            ("recall", 0.6428571428571429),
            ("average_precision", 0.697364906654401),
            ("log_loss", 0.7819680571556091),
            ("brier_score", 0.22057499928697957),
            ("mcc", 0.3394793941930994),
        ],
    );
    let rows = repeated();
    let more = score(
        Task::Binary,
        &Target::Classes(truth).take(&rows),
        &two_classes(&rows.iter().map(|&row| scores[row]).collect::<Vec<_>>()),
    );
    check(
        &more,
        &[
            ("roc_auc", 0.7128629229469565),
            ("accuracy", 0.6566666666666666),
            ("balanced_accuracy", 0.656062424969988),
            ("f1", 0.6411149825783972),
            ("average_precision", 0.6829198219520388),
            ("log_loss", 0.8880961057792115),
            ("mcc", 0.3127582109361393),
        ],
    );
}

#[test]
fn multiclass_metrics_match_scikit_learn() {
    // The fourth class is predicted but never true. `roc_auc_ovr` is the mean of roc_auc_score over the first three.
    let parts: Vec<f64> =
        (0..ROWS).flat_map(|i| (0..4).map(move |k| ((i * (13 + 10 * k) + k * 5) % 83 + 1) as f64)).collect();
    let values: Vec<f32> = parts
        .chunks(4)
        .flat_map(|row| row.iter().map(|v| (v / row.iter().sum::<f64>()) as f32).collect::<Vec<_>>())
        .collect();
    let truth = (0..ROWS).map(|i| {
        let class = if i % 3 == 0 { trainyard_infer::rows::top(&values[i * 4..i * 4 + 4]) } else { (i * 29 + 3) % 4 };
        (if class == 3 { i % 3 } else { class }) as u32
    });
    let truth = Target::Classes(truth.collect());
    let found = score(Task::Multiclass, &truth, &Predictions::Probabilities { classes: 4, values });
    check(
        &found,
        &[
            ("accuracy", 0.39),
            ("balanced_accuracy", 0.3895121571177909),
            ("f1_macro", 0.33872367232444256),
            ("log_loss", 1.4490185976028442),
            ("roc_auc_ovr", 0.6088221459121724),
        ],
    );
}

#[test]
fn regression_metrics_match_scikit_learn() {
    let (truth, values) = regression();
    let found = score(Task::Regression, &Target::Values(truth.clone()), &Predictions::Values(values.clone()));
    check(
        &found,
        &[
            ("rmse", 0.5910372238700369),
            ("mae", 0.5115),
            ("r2", 0.959152159856223),
            ("mape", 39406496739492.234),
            ("median_absolute_error", 0.5),
        ],
    );
    let rows = repeated();
    let more = score(
        Task::Regression,
        &Target::Values(truth).take(&rows),
        &Predictions::Values(rows.iter().map(|&row| values[row]).collect()),
    );
    check(&more, &[("rmse", 0.5886425061104575), ("r2", 0.958742618967216), ("median_absolute_error", 0.55)]);
}

/// mean_pinball_loss(alpha) on the rows above; mean_poisson_deviance of counts `(31 i + 5) % 7` and rates
/// `0.5 + ((17 i + 3) % 41) / 10`.
#[test]
fn metrics_of_losses_match_scikit_learn() {
    let (truth, values) = regression();
    let rows = repeated();
    for (level, expected, weighted) in [(0.9, 0.25455, 0.2508), (0.25, 0.2565, 0.256)] {
        let aim = Aim::new(Task::Regression, Some(Loss::Quantile(level)));
        let of = |target: Target, values: Vec<f64>| score(aim, &target, &Predictions::Values(values));
        let found = of(Target::Values(truth.clone()), values.clone());
        check(&found, &[("mean_pinball_loss", expected), ("rmse", 0.5910372238700369), ("mae", 0.5115)]);
        let more = of(Target::Values(truth.clone()).take(&rows), rows.iter().map(|&row| values[row]).collect());
        check(&more, &[("mean_pinball_loss", weighted)]);
    }
    let counts: Vec<f64> = (0..ROWS).map(|i| ((i * 31 + 5) % 7) as f64).collect();
    let rates: Vec<f64> = (0..ROWS).map(|i| 0.5 + ((i * 17 + 3) % 41) as f64 / 10.0).collect();
    let aim = Aim::new(Task::Regression, Some(Loss::Poisson));
    let found = score(aim, &Target::Values(counts.clone()), &Predictions::Values(rates.clone()));
    check(&found, &[("mean_poisson_deviance", 2.6015061982456644)]);
    let more = score(
        aim,
        &Target::Values(counts).take(&rows),
        &Predictions::Values(rows.iter().map(|&row| rates[row]).collect()),
    );
    check(&more, &[("mean_poisson_deviance", 2.5667888987404965)]);
    let undefined = score(aim, &Target::Values(vec![1.0, 2.0]), &Predictions::Values(vec![0.0, 2.0]));
    assert!(!undefined.contains_key("mean_poisson_deviance") && undefined.contains_key("rmse"));
}

/// The primary metric comes first, has a name, and knows its direction.
#[test]
fn each_loss_is_judged_by_its_metric() {
    for loss in [None, Some(Loss::Huber), Some(Loss::Absolute), Some(Loss::Quantile(0.5)), Some(Loss::Poisson)] {
        let aim = Aim::new(Task::Regression, loss);
        let names = names(aim);
        assert_eq!(names[0], aim.primary_metric());
        assert!(names.len() >= 5 && !higher_is_better(names[0]) && is_better(names[0], 1.0, 2.0));
        assert_ne!(title(names[0]), names[0]);
    }
}

/// A row of weight 3 counts like three rows.
#[test]
fn weights_are_repeats() {
    let (truth, scores) = binary();
    let mut order: Vec<usize> = (0..ROWS).collect();
    // The scorer's own order: descending score.
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let weights: Vec<u32> = (0..ROWS as u32).map(|row| row * 5 % 4).collect();
    let rows: Vec<usize> =
        order.iter().zip(&weights).flat_map(|(&row, &weight)| std::iter::repeat_n(row, weight as usize)).collect();
    let target = Target::Classes(truth);
    let sorted = |rows: &[usize]| two_classes(&rows.iter().map(|&row| scores[row]).collect::<Vec<_>>());
    let weighted = Scorer::new(Task::Binary, &target.take(&order), &sorted(&order), None).values(&weights);
    let repeated = Scorer::new(Task::Binary, &target.take(&rows), &sorted(&rows), None).values(&vec![1; rows.len()]);
    for (left, right) in weighted.iter().zip(&repeated) {
        assert!((left - right).abs() < 1e-12, "{weighted:?} {repeated:?}");
    }
}

#[test]
fn undefined_metrics_are_left_out() {
    let one_class = score(Task::Binary, &Target::Classes(vec![0, 0]), &two_classes(&[0.2, 0.4]));
    assert!(!one_class.contains_key("roc_auc") && one_class["accuracy"] == 1.0 && one_class["f1"] == 0.0);
    assert!(score(Task::Regression, &Target::Values(vec![]), &Predictions::Values(vec![])).is_empty());
    assert!(score(Task::Regression, &Target::Values(vec![1.0]), &Predictions::Values(vec![1.0])).contains_key("rmse"));
    let flat = score(Task::Regression, &Target::Values(vec![1.0, 1.0]), &Predictions::Values(vec![1.0, 2.0]));
    assert_eq!(flat["r2"], 0.0);
}
