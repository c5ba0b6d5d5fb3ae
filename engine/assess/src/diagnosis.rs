//! The verdict on a fit: overfit, underfit, too little data or good, by stated rules.
//!
//! All scores are of the primary metric of the task and the loss, and turned so that more is better. With `dummy` the score of a
//! model that knows only the target's distribution, `skill = score - dummy`. The first rule that holds decides:
//!
//! 1. **Overfit**: the model loses more than a quarter of its train skill on validation rows, and the 95 % interval of
//!    that gap (train and validation rows bootstrapped apart) lies above 0.
//! 2. **Underfit**: (a) the 95 % interval of the validation score does not lie above the dummy; or (b) the model reaches
//!    less than a twentieth of what there is to gain over the dummy, on the train rows even; or (c) the linear baseline's
//!    validation skill is greater by more than a fiftieth.
//! 3. **Too little data**: (a) the validation score rose from 25 to 50 % and from 50 to 100 % of the train rows, the last
//!    step by more than a twentieth of the skill and by more than the validation score's standard error; or (b) the 95 %
//!    interval of the validation score reaches more than a quarter of the skill to either side, so that it says little.
//! 4. **Good** otherwise.
//!
//! The thresholds are ours; the gap's interval keeps small parts from being judged by chance.

use crate::{
    bootstrap::{interval, primary_samples},
    metrics::{oriented, primary, title},
};
use trainyard_infer::{Predictions, Target};
use trainyard_types::{
    evaluation::{Fit, LearningPoint, Verdict},
    loss::Aim,
    run::{Family, Task},
};

/// Resamples behind the gap's interval.
const RESAMPLES: usize = 1000;
const GAP_SHARE: f64 = 0.25;
const LEAST_GAIN: f64 = 0.05;
const LINEAR_MARGIN: f64 = 0.02;
const CURVE_SHARE: f64 = 0.05;
const WIDTH_SHARE: f64 = 0.25;

/// What the verdict is made of.
pub struct Input<'a> {
    pub aim: Aim,
    pub family: Family,
    pub train_target: &'a Target,
    /// The kept model's answers for the train rows, without dropout.
    pub train: &'a Predictions,
    pub valid_target: &'a Target,
    pub valid: &'a Predictions,
    /// The primary metric of the dummy and of the linear baseline on the validation rows.
    pub dummy: f64,
    pub linear: f64,
    /// Fits on 25, 50 and 100 % of the train rows, in that order; may be empty.
    pub learning_curve: Vec<LearningPoint>,
    pub seed: u64,
}

/// The numbers that the rules compare, turned so that more is better.
struct Numbers {
    metric: &'static str,
    train: f64,
    valid: f64,
    dummy: f64,
    linear: f64,
    /// What a perfect model scores.
    perfect: f64,
    gap: f64,
    gap_low: f64,
    gap_high: f64,
    valid_low: f64,
    valid_high: f64,
    standard_error: f64,
}

/// Decides by the module's rules and says why, with the numbers.
///
/// # Panics
/// If targets and predictions are of different kinds or lengths.
pub fn verdict(input: Input<'_>) -> Verdict {
    let numbers = numbers(&input);
    let (fit, sentence, rule, advice) = decide(&numbers, &input.learning_curve, input.family);
    Verdict {
        fit,
        sentence,
        rule,
        advice: advice.to_owned(),
        metric: numbers.metric.to_owned(),
        train: oriented(numbers.metric, numbers.train),
        valid: oriented(numbers.metric, numbers.valid),
        gap: numbers.gap,
        gap_low: numbers.gap_low,
        gap_high: numbers.gap_high,
        dummy: input.dummy,
        linear: input.linear,
        learning_curve: input.learning_curve,
    }
}

fn numbers(input: &Input<'_>) -> Numbers {
    let metric = input.aim.primary_metric();
    let turn = |value| oriented(metric, value);
    let train = turn(primary(input.aim, input.train_target, input.train));
    let valid = turn(primary(input.aim, input.valid_target, input.valid));
    let train_samples = primary_samples(input.aim, input.train_target, input.train, RESAMPLES, input.seed);
    let valid_samples =
        primary_samples(input.aim, input.valid_target, input.valid, RESAMPLES, input.seed.wrapping_add(1));
    let gaps = train_samples.iter().zip(&valid_samples).map(|(train, valid)| turn(*train) - turn(*valid)).collect();
    let gap = train - valid;
    let (gap_low, gap_high) = interval(gaps).unwrap_or((gap, gap));
    let valid_samples: Vec<f64> = valid_samples.into_iter().map(turn).filter(|value| value.is_finite()).collect();
    let mean = valid_samples.iter().sum::<f64>() / valid_samples.len().max(1) as f64;
    let spread: f64 = valid_samples.iter().map(|value| (value - mean).powi(2)).sum();
    let (valid_low, valid_high) = interval(valid_samples.clone()).unwrap_or((valid, valid));
    Numbers {
        metric,
        train,
        valid,
        dummy: turn(input.dummy),
        linear: turn(input.linear),
        perfect: if input.aim.task == Task::Regression { 0.0 } else { 1.0 },
        gap,
        gap_low,
        gap_high,
        valid_low,
        valid_high,
        standard_error: (spread / valid_samples.len().saturating_sub(1).max(1) as f64).sqrt(),
    }
}

fn decide(n: &Numbers, curve: &[LearningPoint], family: Family) -> (Fit, String, String, &'static str) {
    let name = title(n.metric);
    let show = |value: f64| figure(oriented(n.metric, value));
    let (train_skill, skill) = (n.train - n.dummy, n.valid - n.dummy);
    if n.gap > GAP_SHARE * train_skill && n.gap_low > 0.0 && train_skill > 0.0 {
        return (
            Fit::Overfit,
            format!(
                "Overfit: {name} is {} on the rows it learned from but {} on rows it did not see. It loses {} of its lead over \
                 the dummy ({}); the gap of {} is certain enough (95 % interval {} to {}).",
                show(n.train),
                show(n.valid),
                percent(n.gap / train_skill),
                show(n.dummy),
                figure(n.gap),
                figure(n.gap_low),
                figure(n.gap_high)
            ),
            format!(
                "More than {} of the lead over the dummy is lost from train to validation, and the gap's 95 % interval lies above 0.",
                percent(GAP_SHARE)
            ),
            "Use more rows, leave out columns that only identify rows, or try a simpler family. Trust the test metrics, not the \
             train metrics.",
        );
    }
    if n.valid_low <= n.dummy {
        return (
            Fit::Underfit,
            format!(
                "Underfit: {name} on validation is {} (95 % interval {}), not clearly better than the {} of a model that \
                 ignores every column.",
                show(n.valid),
                range(n),
                show(n.dummy)
            ),
            "The validation score's 95 % interval does not lie above the dummy's score.".to_owned(),
            "The columns may say little about the target. Check that the right target and columns are chosen, and add columns \
             that carry information.",
        );
    }
    let reachable = n.perfect - n.dummy;
    if reachable > 0.0 && train_skill < LEAST_GAIN * reachable {
        return (
            Fit::Underfit,
            format!(
                "Underfit: even on the rows it learned from, {name} is {}, which is only {} of the way from the dummy ({}) to a \
                 perfect model ({}).",
                show(n.train),
                percent(train_skill / reachable),
                show(n.dummy),
                show(n.perfect)
            ),
            format!("The train score gains less than {} of what there is to gain over the dummy.", percent(LEAST_GAIN)),
            "Train longer, try another family, or add columns that carry information about the target.",
        );
    }
    let linear_skill = n.linear - n.dummy;
    if family != Family::Linear && linear_skill > skill * (1.0 + LINEAR_MARGIN) {
        return (
            Fit::Underfit,
            format!(
                "Underfit: {name} on validation is {}, while a plain linear model reaches {}.",
                show(n.valid),
                show(n.linear)
            ),
            format!("The linear baseline's lead over the dummy is greater by more than {}.", percent(LINEAR_MARGIN)),
            "Use the linear family for this data, or give the model more epochs.",
        );
    }
    if let [quarter, half, whole] = curve {
        let turn = |point: &LearningPoint| oriented(n.metric, point.valid);
        let (first, last) = (turn(half) - turn(quarter), turn(whole) - turn(half));
        if first > 0.0 && last > CURVE_SHARE * skill && last > n.standard_error {
            return (
                Fit::TooLittleData,
                format!(
                    "Too little data: with {}, {} and {} train rows {name} on validation goes {}, {}, {}. The last doubling \
                     still brought {}, more than chance ({}).",
                    quarter.rows,
                    half.rows,
                    whole.rows,
                    figure(quarter.valid),
                    figure(half.valid),
                    figure(whole.valid),
                    figure(last),
                    figure(n.standard_error)
                ),
                format!(
                    "Doubling the train rows still improves the score by more than {} of the lead over the dummy and more than \
                     its standard error.",
                    percent(CURVE_SHARE)
                ),
                "More rows will help most. Collect them before tuning anything.",
            );
        }
    }
    let reach = (n.valid_high - n.valid).max(n.valid - n.valid_low);
    if reach > WIDTH_SHARE * skill {
        return (
            Fit::TooLittleData,
            format!(
                "Too little data to tell: {name} on validation is {}, but its 95 % interval ({}) is wide against the lead of {} \
                 over the dummy.",
                show(n.valid),
                range(n),
                figure(skill)
            ),
            format!(
                "The validation score's 95 % interval reaches more than {} of the lead over the dummy.",
                percent(WIDTH_SHARE)
            ),
            "Collect more rows: with so few, differences between models are mostly chance.",
        );
    }
    let against_linear = if linear_skill < skill { "better than" } else { "close to" };
    (
        Fit::Good,
        format!(
            "Good fit: {name} is {} on validation and {} on train, a gap of {} of the lead over the dummy ({}), and {against_linear} \
             the linear baseline ({}).",
            show(n.valid),
            show(n.train),
            percent((n.gap / train_skill).max(0.0)),
            show(n.dummy),
            show(n.linear)
        ),
        format!(
            "Clearly better than the dummy, not beaten by the linear baseline, loses at most {} of its lead from train to \
             validation (or the gap may be chance), and more rows would change little.",
            percent(GAP_SHARE)
        ),
        "Check the test metrics and the most important columns, then register it.",
    )
}

/// The validation interval in the metric's own direction.
fn range(n: &Numbers) -> String {
    let (a, b) = (oriented(n.metric, n.valid_low), oriented(n.metric, n.valid_high));
    format!("{} to {}", figure(a.min(b)), figure(a.max(b)))
}

/// Four significant digits for small numbers, none behind the point for great ones.
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    if size >= 1000.0 {
        format!("{value:.0}")
    } else if size >= 100.0 {
        format!("{value:.1}")
    } else if size >= 10.0 {
        format!("{value:.2}")
    } else if size >= 0.001 || size == 0.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.1e}")
    }
}

pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 10.0 && percent.fract() != 0.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn point(share: f64, valid: f64) -> LearningPoint {
        LearningPoint { share, rows: (share * 1000.0) as u64, valid }
    }

    /// Targets 0, 1, 2 … repeated, and predictions off by `error` in turn up and down.
    fn part(rows: usize, error: f64) -> (Target, Predictions) {
        let truth: Vec<f64> = (0..rows).map(|row| (row % 10) as f64).collect();
        // The error varies a little, so that there is something to resample.
        let values = truth.iter().enumerate().map(|(row, value)| {
            value + error * (0.8 + 0.4 * ((row / 2) % 2) as f64) * if row % 2 == 0 { 1.0 } else { -1.0 }
        });
        let values = values.collect();
        (Target::Values(truth), Predictions::Values(values))
    }

    fn judge(train_error: f64, valid_error: f64, rows: usize, linear: f64, curve: &[f64]) -> Verdict {
        let (train_target, train) = part(1000, train_error);
        let (valid_target, valid) = part(rows, valid_error);
        let learning_curve = curve.iter().zip([0.25, 0.5, 1.0]).map(|(&valid, share)| point(share, valid)).collect();
        verdict(Input {
            aim: Task::Regression.into(),
            family: Family::Trees,
            train_target: &train_target,
            train: &train,
            valid_target: &valid_target,
            valid: &valid,
            dummy: 2.87,
            linear,
            learning_curve,
            seed: 3,
        })
    }

    #[test]
    fn each_rule_decides_in_turn() {
        let good = judge(0.5, 0.55, 500, 1.0, &[0.6, 0.57, 0.55]);
        assert_eq!(good.fit, Fit::Good, "{}", good.sentence);
        assert!(good.gap > 0.0 && good.gap_low <= good.gap && good.gap <= good.gap_high);
        let over = judge(0.1, 1.2, 500, 1.5, &[1.5, 1.4, 1.3]);
        assert_eq!(over.fit, Fit::Overfit, "{}", over.sentence);
        assert!(over.sentence.contains("0.102") && over.sentence.contains("1.22"), "{}", over.sentence);
        let useless = judge(2.9, 3.0, 500, 3.0, &[]);
        assert_eq!(useless.fit, Fit::Underfit, "{}", useless.sentence);
        let beaten = judge(1.0, 1.0, 500, 0.5, &[]);
        assert_eq!(beaten.fit, Fit::Underfit, "{}", beaten.sentence);
        assert!(beaten.sentence.contains("linear"));
        let hungry = judge(0.5, 0.55, 500, 1.0, &[1.2, 0.9, 0.55]);
        assert_eq!(hungry.fit, Fit::TooLittleData, "{}", hungry.sentence);
        let poor = judge(2.75, 2.75, 5000, 2.8, &[]);
        assert_eq!(poor.fit, Fit::Underfit, "{}", poor.sentence);
        assert!(poor.sentence.contains("even on the rows"), "{}", poor.sentence);
    }

    #[test]
    fn few_rows_say_little() {
        // 12 validation rows: AUC 1 - 3/36, with an interval that reaches far.
        let scores = [0.1f32, 0.2, 0.3, 0.65, 0.35, 0.3, 0.6, 0.7, 0.5, 0.9, 0.8, 0.55];
        let truth = vec![0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
        let values = scores.iter().flat_map(|&p| [1.0 - p, p]).collect();
        let (target, predictions) = (Target::Classes(truth), Predictions::Probabilities { classes: 2, values });
        let verdict = verdict(Input {
            aim: Task::Binary.into(),
            family: Family::Trees,
            train_target: &target,
            train: &predictions,
            valid_target: &target,
            valid: &predictions,
            dummy: 0.5,
            linear: 0.8,
            learning_curve: Vec::new(),
            seed: 0,
        });
        assert_eq!(verdict.fit, Fit::TooLittleData, "{}", verdict.sentence);
        assert_eq!(verdict.gap, 0.0);
    }
}
