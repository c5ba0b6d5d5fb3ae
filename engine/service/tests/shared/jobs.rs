//! What a job process would say and leave behind, without the training.

use std::{collections::BTreeMap, path::PathBuf};
use trainyard_infer::{
    Model, Predictor,
    decision::{Conformal, Score},
    dummy::DummyModel,
    signature,
};
use trainyard_service::jobs::{Batch, Claimed};
use trainyard_types::{
    decision::*,
    evaluation::*,
    job::{LogLevel, Progress},
    run::{Family, MetricPoint, Task},
    slices::*,
};

/// A result and its model file, which answers with the shares of the classes `no` (25 %) and `yes`.
pub fn outcome(claimed: &Claimed) -> (RunResult, PathBuf) {
    let columns: Vec<String> = ["age", "income", "city"].map(String::from).to_vec();
    let frame = trainyard_data::frame::load(claimed.spec.train.data.as_ref(), Some(&columns))
        .or_else(|_| trainyard_data::frame::load(claimed.spec.train.data.as_ref(), None))
        .unwrap();
    let target = claimed.spec.train.settings.target.clone();
    let signature = signature::fit(&frame, &target, Task::Binary, &["no".to_owned(), "yes".to_owned()]);
    let mut model = Model::new(signature.clone(), Predictor::Dummy(DummyModel::Shares(vec![0.25, 0.75])));
    model.decision.conformal = Some(Conformal { level: 0.9, score: Score::Lac, quantile: 0.5, rows: 80 });
    let file = PathBuf::from(&claimed.spec.folder).join("model.safetensors");
    let bytes = model.to_bytes().unwrap();
    std::fs::write(&file, &bytes).unwrap();
    let verdict = Verdict {
        fit: Fit::Good,
        sentence: "Good.".into(),
        rule: "Rule.".into(),
        advice: "Nothing.".into(),
        metric: "roc_auc".into(),
        train: 0.9,
        valid: 0.9,
        gap: 0.0,
        gap_low: 0.0,
        gap_high: 0.0,
        dummy: 0.5,
        linear: 0.8,
        learning_curve: Vec::new(),
    };
    let result = RunResult {
        task: Task::Binary,
        family: Family::Trees,
        device: "CPU".into(),
        device_reason: "Trees train on the CPU.".into(),
        rows: PartRows { train: 240, valid: 80, test: 80 },
        seconds: 1.5,
        epochs: 40,
        rows_per_second: 1000.0,
        metrics: PartMetrics::default(),
        test: vec![TestMetric { name: "roc_auc".into(), value: 0.9, low: 0.8, high: 0.95, higher_is_better: true }],
        verdict,
        candidates: Vec::new(),
        importance: Vec::new(),
        charts: Vec::new(),
        signature,
        parameters: BTreeMap::new(),
        libraries: BTreeMap::new(),
        model_file: "model.safetensors".into(),
        model_hash: blake3::hash(&bytes).to_hex().to_string(),
        leakage: None,
        decision: Some(decision()),
        slices: Some(slices()),
        ceiling: None,
    };
    (result, file)
}

/// Ten test rows at three thresholds.
fn decision() -> DecisionReport {
    let point = |threshold, true_positives, false_positives| ThresholdPoint {
        threshold,
        true_positives,
        false_positives,
        true_negatives: 6 - false_positives,
        false_negatives: 4 - true_positives,
    };
    DecisionReport {
        rows: 80,
        own_rows: false,
        words: "Learned on the 80 validation rows.".into(),
        calibration: None,
        threshold: Some(ThresholdReport {
            rule: ThresholdRule::F1,
            positive: "yes".into(),
            negative: "no".into(),
            threshold: 0.4,
            sentence: "“yes” is called from 40 % on.".into(),
            test: vec![point(0.0, 4, 6), point(0.4, 3, 2), point(1.0, 0, 0)],
        }),
        intervals: None,
    }
}

fn slices() -> SliceReport {
    let accuracy = SliceFigure { name: "accuracy".into(), value: 0.8, low: 0.6, high: 0.9 };
    SliceReport {
        rows: 80,
        columns: vec![SliceColumn {
            column: "city".into(),
            protected: true,
            feature: true,
            groups: vec![SliceGroup { group: "Oslo".into(), rows: 40, figures: vec![accuracy] }],
        }],
        weak: WeakSlices { sentence: "None is weak.".into(), ..WeakSlices::default() },
    }
}

/// What a job says on its way.
pub fn report(step: u64) -> Batch {
    Batch {
        progress: Some(Progress {
            stage: format!("Round {step}"),
            fraction: 0.1,
            eta_seconds: Some(9.0),
            rows_per_second: None,
        }),
        device: Some(("CPU".into(), "No GPU was found.".into())),
        points: vec![MetricPoint { key: "loss".into(), part: "train".into(), step, value: 1.0 / step as f64 }],
        log: vec![(trainyard_store::now(), LogLevel::Info, format!("Round {step} done"))],
    }
}
