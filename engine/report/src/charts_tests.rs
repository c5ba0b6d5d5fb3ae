#![allow(clippy::unwrap_used)]

use super::*;
use trainyard_types::{
    decision::{CalibrationReport, ThresholdReport},
    evaluation::{Fit, LearningPoint},
};

/// Uniform in 0 to 1, the same every time (SplitMix64).
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn verdict(metric: &str, curve: [f64; 3], dummy: f64, linear: f64) -> Verdict {
    let shares = [0.25, 0.5, 1.0];
    Verdict {
        fit: Fit::Good,
        sentence: String::new(),
        rule: String::new(),
        advice: String::new(),
        metric: metric.into(),
        train: curve[2],
        valid: curve[2],
        gap: 0.0,
        gap_low: 0.0,
        gap_high: 0.0,
        dummy,
        linear,
        learning_curve: shares
            .iter()
            .zip(curve)
            .map(|(&share, valid)| LearningPoint { share, rows: (share * 29_305.0) as u64, valid })
            .collect(),
    }
}

fn undecided() -> DecisionReport {
    DecisionReport {
        rows: 0,
        own_rows: false,
        words: String::new(),
        calibration: None,
        threshold: None,
        intervals: None,
    }
}

fn columns(names: &[&str]) -> Vec<Importance> {
    names
        .iter()
        .enumerate()
        .map(|(i, name)| Importance { column: (*name).into(), mean: 0.06 / (1 + i * i) as f64 - 0.0004, std: 0.001 })
        .collect()
}

fn binary() -> Vec<Chart> {
    let mut random = noise(1);
    let (mut actual, mut values) = (Vec::new(), Vec::new());
    for _ in 0..4000 {
        let yes = random() < 0.24;
        let score = (random() + random() + if yes { 0.55 } else { -0.55 } - 0.2) / 2.2;
        let p = (1.0 / (1.0 + (-(score - 0.5) * 9.0).exp())) as f32;
        actual.push(u32::from(yes));
        values.extend([1.0 - p, p]);
    }
    let importance = columns(&[
        "capital_gain",
        "marital_status",
        "education_num",
        "age",
        "occupation",
        "hours_per_week",
        "capital_loss",
        "relationship_to_the_household",
        "workclass",
        "native_country",
        "sex",
        "race",
        "fnlwgt",
    ]);
    // Half as sure before it was calibrated; called from 35 % on.
    let raw = values.chunks(2).flat_map(|row| [0.25 + row[0] / 2.0, 0.25 + row[1] / 2.0]).collect();
    let (target, predictions) = (Target::Classes(actual), Predictions::Probabilities { classes: 2, values });
    let scores = trainyard_assess::calibration::scores(&target, &predictions);
    let decision = DecisionReport {
        calibration: Some(CalibrationReport {
            asked: CalibrationChoice::Auto,
            used: CalibrationChoice::Sigmoid,
            tried: Vec::new(),
            before: scores,
            after: scores,
            sentence: String::new(),
        }),
        threshold: Some(ThresholdReport {
            rule: ThresholdRule::F1,
            positive: ">50K".into(),
            negative: "<=50K".into(),
            threshold: 0.35,
            sentence: String::new(),
            test: trainyard_assess::threshold::curve(&target, &predictions, 0.35),
        }),
        ..undecided()
    };
    charts(&Evidence {
        task: Task::Binary,
        classes: &["<=50K".into(), ">50K".into()],
        target_name: "income",
        target: &target,
        uncalibrated: &Predictions::Probabilities { classes: 2, values: raw },
        decision: &decision,
        predictions: &predictions,
        metrics: &Metrics::new(),
        importance: &importance,
        verdict: &verdict("roc_auc", [0.9126, 0.9198, 0.9234], 0.5, 0.902),
        curve_family: Family::Trees,
    })
}

fn multiclass(classes: usize) -> Vec<Chart> {
    let mut random = noise(2);
    let names = ["Clay & loam", "Sand", "Gravel", "Peat", "Silt", "Chalk", "Rock", "Water", "Marsh", "Ice"];
    let labels: Vec<String> =
        (0..classes).map(|i| names.get(i).map_or(format!("Class {i}"), |n| (*n).to_owned())).collect();
    let (mut actual, mut values) = (Vec::new(), Vec::new());
    for _ in 0..3000 {
        let class = ((random() * random()) * classes as f64) as usize;
        let mut row: Vec<f64> =
            (0..classes).map(|c| random() * 2.5 + if c == class { 1.2 + c as f64 / 9.0 } else { 0.0 }).collect();
        let sum: f64 = row
            .iter_mut()
            .map(|v| {
                *v = (*v * 1.5).exp();
                *v
            })
            .sum();
        actual.push(class as u32);
        values.extend(row.iter().map(|v| (v / sum) as f32));
    }
    charts(&Evidence {
        task: Task::Multiclass,
        classes: &labels,
        target_name: "soil",
        target: &Target::Classes(actual),
        uncalibrated: &Predictions::Probabilities { classes, values: values.clone() },
        decision: &undecided(),
        predictions: &Predictions::Probabilities { classes, values },
        metrics: &Metrics::new(),
        importance: &columns(&["elevation", "slope"]),
        verdict: &verdict("accuracy", [0.61, 0.655, 0.70], 0.31, 0.52),
        curve_family: Family::Trees,
    })
}

fn regression() -> Vec<Chart> {
    let mut random = noise(3);
    let (mut actual, mut predicted) = (Vec::new(), Vec::new());
    for _ in 0..4128 {
        let truth = 0.5 + 4.5 * random() * random();
        let error = (random() + random() + random() - 1.5) * (0.2 + 0.25 * truth);
        actual.push(truth);
        predicted.push(truth * 0.85 + 0.25 + error);
    }
    let metrics = Metrics::from([("r2".to_owned(), 0.832), ("median_absolute_error".to_owned(), 0.2143)]);
    charts(&Evidence {
        task: Task::Regression,
        classes: &[],
        target_name: "MedHouseVal",
        target: &Target::Values(actual),
        uncalibrated: &Predictions::Values(predicted.clone()),
        decision: &undecided(),
        predictions: &Predictions::Values(predicted),
        metrics: &metrics,
        importance: &columns(&[
            "Latitude",
            "Longitude",
            "MedInc",
            "AveOccup",
            "AveRooms",
            "HouseAge",
            "Population",
            "AveBedrms",
        ]),
        verdict: &verdict("rmse", [0.523, 0.481, 0.447], 1.154, 0.73),
        curve_family: Family::Trees,
    })
}

fn check(name: &str, charts: &[Chart], ids: &[&str]) {
    assert_eq!(charts.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ids);
    // Set to look at what is drawn.
    if let Some(folder) = std::env::var_os("TRAINYARD_TEST_CHARTS") {
        let folder = std::path::Path::new(&folder);
        for chart in charts {
            std::fs::write(folder.join(format!("{name}-{}.svg", chart.id)), &chart.svg).unwrap();
        }
        let words: Vec<_> = charts.iter().map(|c| format!("{}\n  {}\n", c.title, c.summary)).collect();
        std::fs::write(folder.join(format!("{name}.txt")), words.concat()).unwrap();
    }
    for chart in charts {
        let svg = &chart.svg;
        assert!(svg.contains("role=\"img\"") && svg.contains("<title>"), "{}", chart.id);
        assert!(!svg.contains("style=") && !svg.contains("<style") && !svg.contains("#FE"), "{}", chart.id);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", chart.id);
        assert!(svg.len() < 65_000, "{} has {} bytes", chart.id, svg.len());
        assert!(!chart.title.is_empty() && chart.summary.ends_with('.'), "{}: {}", chart.id, chart.summary);
        assert!((1..=200).contains(&chart.table.rows.len()), "{}", chart.id);
        assert!(chart.table.rows.iter().all(|row| row.len() == chart.table.columns.len()), "{}", chart.id);
    }
}

#[test]
fn every_task_has_its_charts() {
    let two = binary();
    check("binary", &two, &["roc", "pr", "calibration", "threshold", "confusion", "importance", "learning_curve"]);
    let summaries: Vec<&str> = two.iter().map(|chart| chart.summary.as_str()).collect();
    assert!(summaries[2].contains("Before calibration") && two[2].svg.contains("before calibration"), "{summaries:?}");
    assert!(two[4].title.contains("0.350") || summaries[4].contains("0.350"), "{} {summaries:?}", two[4].title);
    for classes in [5, 11, 24] {
        check(
            &format!("classes{classes}"),
            &multiclass(classes),
            &["roc", "pr", "calibration", "confusion", "importance", "learning_curve"],
        );
    }
    check("regression", &regression(), &["predicted_vs_actual", "residuals", "importance", "learning_curve"]);
}

#[test]
fn one_class_among_the_test_rows_has_no_curves() {
    let charts = charts(&Evidence {
        task: Task::Binary,
        classes: &["no".into(), "yes".into()],
        target_name: "y",
        target: &Target::Classes(vec![0; 4]),
        uncalibrated: &Predictions::Probabilities { classes: 2, values: vec![0.5; 8] },
        decision: &undecided(),
        predictions: &Predictions::Probabilities { classes: 2, values: vec![0.5; 8] },
        metrics: &Metrics::new(),
        importance: &[],
        verdict: &verdict("roc_auc", [0.5; 3], 0.5, 0.5),
        curve_family: Family::Trees,
    });
    assert!(charts.iter().all(|c| c.id != "roc" && c.id != "pr"), "{charts:?}");
}
