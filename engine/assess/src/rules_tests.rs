#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::json;

fn curve(key: &str, part: &str, values: &[f64]) -> MetricSeries {
    let steps = (1..=values.len() as u64).collect();
    MetricSeries { key: key.into(), part: part.into(), steps, values: values.to_vec() }
}

fn standing(found: &[RuleView], rule: &str) -> Standing {
    found.iter().find(|known| known.rule == rule).unwrap().standing
}

fn words<'a>(found: &'a [RuleView], rule: &str) -> &'a str {
    &found.iter().find(|known| known.rule == rule).unwrap().words
}

fn result(train: f64, test: f64, dummy: f64, importance: &[f64]) -> RunResult {
    let importance: Vec<_> = importance
        .iter()
        .enumerate()
        .map(|(i, mean)| json!({ "column": format!("c{i}"), "mean": mean, "std": 0.0 }))
        .collect();
    serde_json::from_value(json!({
        "task": "binary", "family": "trees", "device": "CPU", "device_reason": "",
        "rows": { "train": 60, "valid": 20, "test": 20 }, "seconds": 1.0, "epochs": 3, "rows_per_second": 10.0,
        "metrics": { "train": { "roc_auc": train }, "valid": { "roc_auc": test }, "test": { "roc_auc": test } },
        "test": [],
        "verdict": {
            "fit": "good", "sentence": "", "rule": "", "advice": "", "metric": "roc_auc", "train": train, "valid": test,
            "gap": 0.0, "gap_low": 0.0, "gap_high": 0.0, "dummy": dummy, "linear": dummy, "learning_curve": []
        },
        "candidates": [], "importance": importance, "charts": [],
        "signature": { "inputs": [], "target": "y", "task": "binary", "classes": ["no", "yes"] },
        "parameters": {}, "libraries": {}, "model_file": "m", "model_hash": "h"
    }))
    .unwrap()
}

#[test]
fn nothing_is_known_before_the_first_step() {
    let found = rules(&[], None);
    assert!(found.len() == 7 && found.iter().all(|rule| rule.standing == Standing::Unknown), "{found:?}");
}

#[test]
fn losses_apart_and_training_past_the_best_are_found() {
    let train: Vec<f64> = (0..30).map(|i| 0.9_f64.powi(i)).collect();
    let valid: Vec<f64> = train.iter().enumerate().map(|(i, v)| if i < 5 { *v * 1.05 } else { 1.0 }).collect();
    let found = rules(&[curve("loss", "train", &train), curve("loss", "valid", &valid)], None);
    // The best validation loss is at step 5, 5 % above the train loss there.
    assert_eq!(standing(&found, "overfit"), Standing::Fine);
    assert!(words(&found, "overfit").contains("At its best step, 5,") && words(&found, "overfit").contains("5.0 %"));
    assert_eq!(standing(&found, "overtraining"), Standing::Found);
    assert!(words(&found, "overtraining").starts_with("25 recorded steps"), "{}", words(&found, "overtraining"));
    assert_eq!(standing(&found, "loss_not_decreasing"), Standing::Fine);
    assert_eq!(found[0].rule, "overtraining", "what was found comes first");

    let apart: Vec<f64> = train.iter().map(|v| v * 1.2).collect();
    let found = rules(&[curve("loss", "train", &train), curve("loss", "valid", &apart)], None);
    assert_eq!((standing(&found, "overfit"), standing(&found, "overtraining")), (Standing::Found, Standing::Fine));
}

#[test]
fn a_flat_loss_is_found() {
    let found = rules(&[curve("realmlp/loss", "train", &[0.5; 25]), curve("realmlp/loss", "valid", &[0.5; 25])], None);
    assert_eq!(standing(&found, "loss_not_decreasing"), Standing::Found);
    assert!(words(&found, "loss_not_decreasing").contains("15 of 15 stretches"));
}

#[test]
fn the_kept_familys_loss_is_looked_at() {
    let falling: Vec<f64> = (0..20).map(|i| 1.0 / f64::from(i + 1)).collect();
    let curves = [curve("linear/loss", "train", &[0.5; 25]), curve("trees/loss", "train", &falling)];
    let found = rules(&curves, Some(&result(0.9, 0.88, 0.5, &[1.0])));
    assert_eq!(standing(&found, "loss_not_decreasing"), Standing::Fine);
}

#[test]
fn growing_memory_is_found() {
    let steady = curve("system/memory_mib", "process", &[100.0; 12]);
    let growing: Vec<f64> = (0..12).map(|i| 100.0 + 20.0 * f64::from(i)).collect();
    assert_eq!(standing(&rules(&[steady], None), "memory_increase"), Standing::Fine);
    let growing = curve("system/memory_mib", "process", &growing);
    assert_eq!(standing(&rules(&[growing], None), "memory_increase"), Standing::Found);
}

#[test]
fn the_result_is_judged_by_its_bounds() {
    // 0.9 to 0.85 loses 5.6 %; from guessing at 0.5 it goes 0.35 / 0.5 of the way.
    let good = rules(&[], Some(&result(0.9, 0.85, 0.5, &[0.2, 0.2, 0.2, 0.2, 0.2])));
    assert_eq!(standing(&good, "train_test_performance"), Standing::Fine);
    assert!(words(&good, "train_test_performance").contains("5.6 % of it lost"));
    assert_eq!(standing(&good, "simple_model_comparison"), Standing::Fine);
    assert!(words(&good, "simple_model_comparison").contains("70.0 %"));
    assert_eq!(standing(&good, "feature_importance_overweight"), Standing::Fine);
    assert!(words(&good, "feature_importance_overweight").contains("60.0 %"));
    let poor = rules(&[], Some(&result(0.9, 0.52, 0.5, &[0.5, 0.2, 0.2, 0.05, 0.05])));
    assert_eq!(standing(&poor, "train_test_performance"), Standing::Found);
    assert_eq!(standing(&poor, "simple_model_comparison"), Standing::Found);
    assert_eq!(standing(&poor, "feature_importance_overweight"), Standing::Found);
}
