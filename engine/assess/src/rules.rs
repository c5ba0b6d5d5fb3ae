//! Rules about a training's curves and result, live and afterwards. Those named after Amazon SageMaker Debugger's built-in
//! rules have its bounds (developer guide of 2023), those named after Deepchecks' have its conditions (0.19).

use crate::metrics::{higher_is_better, oriented, title};
use trainyard_types::{
    evaluation::{Metrics, RunResult},
    rules::{RuleView, Standing},
    run::{MetricSeries, Task},
};

/// Debugger's Overfit: how far the validation loss may lie above the train loss, as a share of it.
const OVERFIT_RATIO: f64 = 0.1;
/// Debugger's Overtraining: steps without a better validation loss.
const PATIENCE: usize = 10;
/// Debugger's LossNotDecreasing: the least fall of the train loss over so many steps.
const STEPS: usize = 10;
const LEAST_FALL: f64 = 0.001;
/// Debugger's FeatureImportanceOverweight: the share that the three strongest columns may have.
const TOP: usize = 3;
const TOP_SHARE: f64 = 0.8;
/// Debugger's GPUMemoryIncrease, for the process's own memory.
const MEMORY_RISE: f64 = 0.1;
/// Deepchecks' train test performance: how much of the score may be lost.
const DEGRADATION: f64 = 0.1;
/// Deepchecks' simple model comparison: the least gain over it, as a share of what there is to gain.
const LEAST_GAIN: f64 = 0.1;
/// Points of the memory's curve that a trend needs.
const TREND_POINTS: usize = 12;

/// Applies every rule. `curves` are the run's; `result` is there once it has ended.
pub fn rules(curves: &[MetricSeries], result: Option<&RunResult>) -> Vec<RuleView> {
    let family = result.map(|result| result.family.as_str().to_owned());
    let loss = |part: &str| loss(curves, family.as_deref(), part);
    let (train, valid) = (loss("train"), loss("valid"));
    let mut found = vec![
        overfit(train, valid),
        overtraining(valid),
        not_decreasing(train),
        memory(curves.iter().find(|curve| curve.key == "system/memory_mib")),
        overweight(result),
        degradation(result),
        gain(result),
    ];
    found.sort_by_key(|rule| rule.standing);
    found
}

/// The loss of the kept family; while it trains, of the family that reported last.
fn loss<'a>(curves: &'a [MetricSeries], family: Option<&str>, part: &str) -> Option<&'a MetricSeries> {
    let own = |curve: &&MetricSeries| curve.part == part && !curve.steps.is_empty();
    let named = |name: &str| curves.iter().filter(own).find(|curve| curve.key == name);
    match family {
        Some(family) => named(&format!("{family}/loss")).or_else(|| named("loss")),
        None => curves.iter().filter(own).rfind(|curve| curve.key == "loss" || curve.key.ends_with("/loss")),
    }
}

fn view(rule: &str, title: &str, standing: Option<bool>, words: String) -> RuleView {
    let standing = match standing {
        None => Standing::Unknown,
        Some(true) => Standing::Found,
        Some(false) => Standing::Fine,
    };
    RuleView { rule: rule.to_owned(), title: title.to_owned(), standing, words }
}

fn no_curve(rule: &str, title: &str) -> RuleView {
    view(rule, title, None, "There is no curve of the loss yet.".to_owned())
}

fn overfit(train: Option<&MetricSeries>, valid: Option<&MetricSeries>) -> RuleView {
    const NAME: (&str, &str) = ("overfit", "Loss apart");
    let (Some(train), Some(valid)) = (train, valid) else { return no_curve(NAME.0, NAME.1) };
    // The kept model is that of the best step, not of the last.
    let Some((step, valid)) = least(valid) else { return no_curve(NAME.0, NAME.1) };
    let Some(train) = train.steps.iter().position(|s| *s == step).map(|i| train.values[i]) else {
        return no_curve(NAME.0, NAME.1);
    };
    if train <= 0.0 {
        return view(NAME.0, NAME.1, None, format!("The train loss is {}; a share of it says nothing.", figure(train)));
    }
    let ratio = (valid - train) / train;
    let words = format!(
        "At its best step, {step}, the validation loss ({}) is {} {} the train loss ({}). Bound: {} above it.",
        figure(valid),
        share(ratio.abs()),
        if ratio < 0.0 { "below" } else { "above" },
        figure(train),
        share(OVERFIT_RATIO)
    );
    view(NAME.0, NAME.1, Some(ratio > OVERFIT_RATIO), words)
}

fn overtraining(valid: Option<&MetricSeries>) -> RuleView {
    const NAME: (&str, &str) = ("overtraining", "Trained past the best");
    let Some((valid, (step, best))) = valid.and_then(|valid| Some((valid, least(valid)?))) else {
        return no_curve(NAME.0, NAME.1);
    };
    let after = valid.steps.iter().filter(|s| **s > step).count();
    let words = match after {
        0 => format!("The validation loss is least at the last step ({}): more training may help.", figure(best)),
        n => format!(
            "{n} recorded steps after the least validation loss ({} at {step}). Bound: {PATIENCE}. The model of the best step is kept, so that this costs time only.",
            figure(best)
        ),
    };
    view(NAME.0, NAME.1, Some(after > PATIENCE), words)
}

fn not_decreasing(train: Option<&MetricSeries>) -> RuleView {
    const NAME: (&str, &str) = ("loss_not_decreasing", "Loss does not fall");
    let Some(train) = train.filter(|train| train.values.len() > STEPS) else {
        return view(NAME.0, NAME.1, None, format!("It takes more than {STEPS} steps to tell."));
    };
    let windows = train.values.len() - STEPS;
    let flat = (0..windows).filter(|&i| {
        let (before, after) = (train.values[i], train.values[i + STEPS]);
        (before - after) < LEAST_FALL * before.abs()
    });
    let flat = flat.count();
    let words = format!(
        "The train loss fell by less than {} over {flat} of {windows} stretches of {STEPS} steps. Bound: half of them.",
        share(LEAST_FALL)
    );
    view(NAME.0, NAME.1, Some(2 * flat > windows), words)
}

fn memory(curve: Option<&MetricSeries>) -> RuleView {
    const NAME: (&str, &str) = ("memory_increase", "Memory grows");
    let Some(curve) = curve.filter(|curve| curve.values.len() >= TREND_POINTS) else {
        return view(NAME.0, NAME.1, None, "The job was too short to see a trend.".to_owned());
    };
    let third = curve.values.len() / 3;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (middle, last) = (mean(&curve.values[third..2 * third]), mean(&curve.values[2 * third..]));
    let rise = (last - middle) / middle.max(1.0);
    let words = format!(
        "The process held {} MiB in the middle third of its time and {} MiB in the last: {}. Bound: {}.",
        figure(middle),
        figure(last),
        share(rise),
        share(MEMORY_RISE)
    );
    view(NAME.0, NAME.1, Some(rise > MEMORY_RISE), words)
}

fn overweight(result: Option<&RunResult>) -> RuleView {
    const NAME: (&str, &str) = ("feature_importance_overweight", "Few columns decide");
    let Some(result) = result else { return after_the_end(NAME.0, NAME.1) };
    let mut all: Vec<(&str, f64)> = result.importance.iter().map(|i| (i.column.as_str(), i.mean.max(0.0))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let sum: f64 = all.iter().map(|(_, mean)| mean).sum();
    if all.len() <= TOP || sum <= 0.0 {
        let words = format!("It takes more than {TOP} columns with an effect to tell.");
        return view(NAME.0, NAME.1, None, words);
    }
    let top = all.iter().take(TOP).map(|(_, mean)| mean).sum::<f64>() / sum;
    let names: Vec<&str> = all.iter().take(TOP).map(|(name, _)| *name).collect();
    let words = format!(
        "{} have {} of all columns' importance together. Bound: {}. Make sure that they are known when a prediction is asked for.",
        names.join(", "),
        share(top),
        share(TOP_SHARE)
    );
    view(NAME.0, NAME.1, Some(top > TOP_SHARE), words)
}

/// How much of the train score is lost on the test rows. An error may be that much greater.
fn degradation(result: Option<&RunResult>) -> RuleView {
    const NAME: (&str, &str) = ("train_test_performance", "Worse on test rows");
    let Some(result) = result else { return after_the_end(NAME.0, NAME.1) };
    let metric = result.primary_metric();
    let of = |part: &Metrics| part.get(metric).copied();
    let (Some(train), Some(test)) = (of(&result.metrics.train), of(&result.metrics.test)) else {
        return view(NAME.0, NAME.1, None, format!("{} is not defined on one of the parts.", title(metric)));
    };
    let lost = (oriented(metric, train) - oriented(metric, test)) / train.abs().max(f64::MIN_POSITIVE);
    let words = format!(
        "{} is {} on train and {} on test rows: {} of it lost. Bound: {}.",
        title(metric),
        figure(train),
        figure(test),
        share(lost.max(0.0)),
        share(DEGRADATION)
    );
    view(NAME.0, NAME.1, Some(lost > DEGRADATION), words)
}

fn gain(result: Option<&RunResult>) -> RuleView {
    const NAME: (&str, &str) = ("simple_model_comparison", "Hardly better than guessing");
    let Some(result) = result else { return after_the_end(NAME.0, NAME.1) };
    let verdict = &result.verdict;
    let perfect = if result.task == Task::Regression || !higher_is_better(&verdict.metric) { 0.0 } else { 1.0 };
    let (score, dummy) = (oriented(&verdict.metric, verdict.valid), oriented(&verdict.metric, verdict.dummy));
    let there_is = perfect - dummy;
    if there_is <= 0.0 {
        return view(NAME.0, NAME.1, None, "Guessing is already perfect.".to_owned());
    }
    let gain = (score - dummy) / there_is;
    let words = format!(
        "The model goes {} of the way from guessing ({}) to perfect, on validation rows. Bound: at least {}.",
        share(gain),
        figure(verdict.dummy),
        share(LEAST_GAIN)
    );
    view(NAME.0, NAME.1, Some(gain < LEAST_GAIN), words)
}

fn after_the_end(rule: &str, title: &str) -> RuleView {
    view(rule, title, None, "Known once the run has ended.".to_owned())
}

/// Step and value of the least finite value; of equals the first.
fn least(curve: &MetricSeries) -> Option<(u64, f64)> {
    let pairs = curve.steps.iter().copied().zip(curve.values.iter().copied());
    pairs.filter(|(_, value)| value.is_finite()).reduce(|a, b| if b.1 < a.1 { b } else { a })
}

fn share(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

/// Three significant figures.
fn figure(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let decimals = (2.0 - value.abs().log10().floor()).clamp(0.0, 8.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
