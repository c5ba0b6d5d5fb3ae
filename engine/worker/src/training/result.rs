//! From the kept model to the run's result: scores, verdict, importance, charts and the model's file.

use super::{
    MODEL_FILE, TrainError, checkpoint,
    decide::{self, Learned},
    fits::{self, Curve},
    job::{Job, Phase},
    prepare::{Prepared, Rows},
};
use std::collections::BTreeMap;
use trainyard_assess::{
    bootstrap, ceiling, diagnosis, importance, metrics,
    slices::{self, Judged},
};
use trainyard_infer::{Model, Predictions};
use trainyard_learn::{Fitted, device::ChosenDevice};
use trainyard_report::{Evidence, charts};
use trainyard_types::{
    Problem,
    decision::{ClassWeight, DecisionReport},
    evaluation::{Candidate, Importance, Metrics, PartMetrics, RunResult, TestMetric, Verdict},
    leakage::LeakageReport,
    loss::Loss,
    monotone,
    run::{Family, TrainSettings},
};

const RESAMPLES: usize = 1000;
/// Rows and shuffles behind the permutation importance; fewer where there are very many columns.
const IMPORTANCE_ROWS: usize = 4000;
const IMPORTANCE_REPEATS: usize = 5;
const IMPORTANCE_FITS: usize = 1000;

/// Versions of the libraries that decide the numbers, as pinned in the workspace.
pub const LIBRARIES: [(&str, &str); 3] =
    [("trainyard", env!("CARGO_PKG_VERSION")), ("burn", "0.22.1"), ("perpetual", "3.0.0-rc.2")];

/// What the fits left.
pub struct Parts<'a> {
    pub prepared: &'a Prepared,
    pub settings: &'a TrainSettings,
    pub device: ChosenDevice,
    pub kept: Fitted,
    pub learned: Learned,
    pub candidates: Vec<Candidate>,
    pub dummy: f64,
    pub linear: f64,
    pub curve: Curve,
    pub leakage: Option<LeakageReport>,
}

/// Scores all three parts alike, judges, draws and writes.
///
/// # Errors
/// Cancelled, or the model can't be written.
pub fn finish(job: &mut Job<'_>, parts: Parts<'_>) -> Result<RunResult, TrainError> {
    let Parts { prepared, settings, device, kept, learned, candidates, dummy, linear, curve, leakage } = parts;
    let (task, aim, model) = (prepared.task, prepared.aim(), &kept.model);
    job.begin(Phase::Evaluate, "Scoring train, validation and test rows");
    let train = answers(model, &prepared.train)?;
    job.progress(0.4, "Scoring train, validation and test rows", None);
    let valid = answers(model, &prepared.valid)?;
    let raw = model.uncalibrated(&prepared.test.frame)?;
    let test = model.calibrated(raw.clone());
    job.check()?;
    let threshold = model.decision.threshold;
    let score =
        |rows: &Rows, predictions: &Predictions| numbers(metrics::score_at(aim, &rows.target, predictions, threshold));
    let metrics = PartMetrics {
        train: score(&prepared.train, &train),
        valid: score(&prepared.valid, &valid),
        test: score(&prepared.test, &test),
    };
    job.progress(0.6, "Resampling the test rows for intervals", None);
    let intervals = bootstrap::intervals(aim, &prepared.test.target, &test, RESAMPLES, settings.seed, threshold);
    let test_metrics: Vec<TestMetric> =
        intervals.into_iter().filter(|m| m.value.is_finite() && m.low.is_finite() && m.high.is_finite()).collect();
    if test_metrics.first().is_none_or(|m| m.name != aim.primary_metric()) {
        job.warn(format!(
            "{} is not defined on the test rows: they are all of one class.",
            trainyard_report::words::metric(aim.primary_metric())
        ));
    }
    job.progress(0.8, "Judging the fit", None);
    // What a forest says of rows that it learned by heart is no measure of anything.
    let unseen = kept
        .unseen
        .as_ref()
        .map(|unseen| (prepared.train.target.take(&unseen.rows), model.calibrated(unseen.predictions.clone())));
    let (train_target, train_answers) =
        unseen.as_ref().map_or((&prepared.train.target, &train), |(target, answers)| (target, answers));
    let mut verdict = diagnosis::verdict(diagnosis::Input {
        aim,
        family: kept.model.family,
        train_target,
        train: train_answers,
        valid_target: &prepared.valid.target,
        valid: &valid,
        dummy,
        linear,
        learning_curve: curve.points,
        seed: settings.seed,
    });
    if unseen.is_some() {
        verdict.rule.push_str(" Train rows count out of bag: each as the trees answer that did not learn from it.");
    }
    explain_curve(&mut verdict, curve.family, model.family);
    finite(&mut verdict);
    job.log(verdict.sentence.clone());
    let Rows { frame, target } = &prepared.train;
    let ceiling = ceiling::ceiling(frame, target, task.primary_metric(), &verdict.learning_curve);
    ceiling.iter().flat_map(|ceiling| &ceiling.sentences).for_each(|sentence| job.log(sentence.clone()));
    job.check()?;
    let decision = decide::report(prepared, settings, model, learned, &raw, &test);
    tell(job, &decision);
    job.progress(0.9, "Looking at groups of rows", None);
    let features: Vec<String> = model.signature.inputs.iter().map(|input| input.name.clone()).collect();
    let slices = slices::report(&Judged {
        columns: &prepared.test_columns,
        protected: &settings.protected,
        features: &features,
        target: &prepared.test.target,
        predictions: &test,
        threshold,
    });
    slices.weak.found.iter().take(3).for_each(|slice| job.log(slice.sentence.clone()));
    job.check()?;

    let importance = importances(job, prepared, settings, model)?;
    job.begin(Phase::Write, "Drawing the charts");
    let charts = charts(&Evidence {
        task,
        classes: &prepared.classes,
        target_name: &settings.target,
        target: &prepared.test.target,
        predictions: &test,
        uncalibrated: &raw,
        decision: &decision,
        metrics: &metrics.test,
        importance: &importance,
        verdict: &verdict,
        curve_family: curve.family,
    });
    job.progress(0.5, "Writing the model", None);
    let bytes = model.to_bytes().map_err(Problem::from)?;
    checkpoint::replace(&job.folder.join(MODEL_FILE), &bytes).map_err(|error| {
        Problem::internal(format!("The model could not be written: {error}. Free some disk space and retry the run."))
    })?;
    let (device, device_reason) = match fits::on_cpu(model.family) {
        Some(reason) => ("CPU".to_owned(), reason.to_owned()),
        None => (device.name, device.reason),
    };
    let mut parameters = kept.parameters.clone();
    parameters.insert("columns".into(), prepared.train.frame.columns.len().to_string());
    if let Some(stream) = &prepared.stream {
        parameters.extend(stream.parameters.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    }
    parameters.extend(weighing(settings).map(|words| ("row_weights".to_owned(), words)));
    if !settings.monotone.is_empty() {
        parameters.insert("directions".into(), monotone::in_words(&settings.monotone));
    }
    parameters.extend(minimised(settings, model.family).map(|words| ("minimised".to_owned(), words)));
    parameters.extend(fits::left_out(settings).map(|words| ("left_out".to_owned(), words)));
    let seconds = job.elapsed();
    job.log(format!("Done after {seconds:.1} s."));
    Ok(RunResult {
        task,
        family: model.family,
        device,
        device_reason,
        rows: prepared.rows_of(model.family),
        seconds,
        epochs: kept.epochs,
        rows_per_second: if kept.rows_per_second.is_finite() { kept.rows_per_second } else { 0.0 },
        metrics,
        test: test_metrics,
        verdict,
        candidates,
        importance,
        charts,
        signature: model.signature.clone(),
        parameters,
        libraries: LIBRARIES.into_iter().map(|(name, version)| (name.to_owned(), version.to_owned())).collect(),
        model_file: MODEL_FILE.to_owned(),
        model_hash: blake3::hash(&bytes).to_hex().to_string(),
        leakage,
        decision: Some(decision),
        slices: Some(slices),
        ceiling,
    })
}

/// What was decided, for the log.
fn tell(job: &mut Job<'_>, decision: &DecisionReport) {
    let sentences = [
        decision.calibration.as_ref().map(|found| &found.sentence),
        decision.threshold.as_ref().map(|found| &found.sentence),
        decision.intervals.as_ref().map(|found| &found.sentence),
    ];
    sentences.into_iter().flatten().for_each(|sentence| job.log(sentence.clone()));
}

fn answers(model: &Model, rows: &Rows) -> Result<Predictions, TrainError> {
    Ok(model.predict(&rows.frame)?)
}

/// How rows counted, for people.
fn weighing(settings: &TrainSettings) -> Option<String> {
    let classes = (settings.class_weight == ClassWeight::Balanced).then_some("classes balanced".to_owned());
    let column = settings.weight_column.as_ref().map(|name| format!("by the column {name}"));
    let words: Vec<String> = classes.into_iter().chain(column).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// What was minimised where that was asked for, for people.
fn minimised(settings: &TrainSettings, family: Family) -> Option<String> {
    let loss = settings.loss?;
    let kink = matches!(loss, Loss::Absolute | Loss::Quantile(_)) && family != Family::Trees;
    let rounded = if kink { ", rounded off within 0.01 standard deviations of the target" } else { "" };
    Some(format!("{}{rounded}", loss.in_words()))
}

/// Without those that the rows leave undefined: JSON can't say them.
fn numbers(metrics: Metrics) -> Metrics {
    metrics.into_iter().filter(|(_, value)| value.is_finite()).collect::<BTreeMap<_, _>>()
}

fn explain_curve(verdict: &mut Verdict, family: Family, kept: Family) {
    if verdict.learning_curve.is_empty() {
        verdict.rule.push_str(" There was no learning curve: too few rows for fits on 25 and 50 % of them.");
        return;
    }
    let of = match family {
        Family::Linear if kept == Family::Linear => "the linear model itself",
        Family::Boosting if kept == Family::Boosting => "leaf-wise boosting itself",
        Family::Boosting => "leaf-wise boosted trees",
        Family::Forest => "the random forest itself",
        Family::Linear => "a linear model",
        _ => "gradient-boosted trees",
    };
    verdict
        .rule
        .push_str(&format!(" The learning curve is that of {of}, fitted on 25, 50 and 100 % of the train rows."));
}

/// JSON can't say what is not a number.
fn finite(verdict: &mut Verdict) {
    let Verdict { train, valid, gap, gap_low, gap_high, dummy, linear, .. } = verdict;
    for value in [train, valid, gap, gap_low, gap_high, dummy, linear] {
        if !value.is_finite() {
            *value = 0.0;
        }
    }
}

/// Rows in which each column is shuffled, and how often. What an FT-Transformer's answer takes grows with the columns.
fn effort(family: Family, columns: usize) -> (usize, usize) {
    match family {
        Family::FtTransformer => ((60_000 / columns).clamp(300, 2_000), (100 / columns).clamp(1, IMPORTANCE_REPEATS)),
        _ => (IMPORTANCE_ROWS, (IMPORTANCE_FITS / columns).clamp(1, IMPORTANCE_REPEATS)),
    }
}

fn importances(
    job: &mut Job<'_>,
    prepared: &Prepared,
    settings: &TrainSettings,
    model: &Model,
) -> Result<Vec<Importance>, TrainError> {
    let columns = model.signature.inputs.len().max(1);
    let (rows, repeats) = effort(model.family, columns);
    job.begin(Phase::Importance, "Shuffling columns to see which matter");
    let mut done = 0;
    let mut stopped = false;
    let found = importance::permutation(
        model,
        &prepared.valid.frame,
        &prepared.valid.target,
        prepared.aim().primary_metric(),
        repeats,
        settings.seed,
        rows,
        &mut || {
            job.progress(done as f64 / columns as f64, "Shuffling columns to see which matter", None);
            done += 1;
            stopped = job.cancelled();
            stopped
        },
    )?;
    if stopped {
        return Err(TrainError::Cancelled);
    }
    Ok(found.into_iter().filter(|i| i.mean.is_finite() && i.std.is_finite()).collect())
}
