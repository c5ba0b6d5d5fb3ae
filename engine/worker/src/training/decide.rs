//! How the kept model decides: calibration, threshold and intervals, learned on validation rows and judged on the test rows.

use super::{TrainError, job::Job, prepare::Prepared};
use trainyard_assess::{calibration, conformal, threshold};
use trainyard_infer::{Model, Predictions, Target};
use trainyard_report::words;
use trainyard_types::{
    decision::{CalibrationChoice, CalibrationReport, CalibrationTry, DecisionReport, ThresholdReport, ThresholdRule},
    loss::Loss,
    run::{Task, TrainSettings},
    words::count,
};

/// What was learned, for the report.
pub struct Learned {
    used: CalibrationChoice,
    tried: Vec<CalibrationTry>,
}

/// Calibrates, chooses the threshold and takes the conformal quantile, on the rows that were set aside or else on all
/// validation rows, and puts them into the model.
///
/// # Errors
/// Cancelled, or the rows can't be predicted.
pub fn learn(
    job: &mut Job<'_>,
    prepared: &Prepared,
    settings: &TrainSettings,
    model: &mut Model,
) -> Result<Learned, TrainError> {
    job.check()?;
    let rows = prepared.deciding();
    let asked = &settings.decision;
    let raw = model.uncalibrated(&rows.frame)?;
    let mut learned = Learned { used: CalibrationChoice::None, tried: Vec::new() };
    // Each row as rows that were not calibrated on: sets are to hold new ones.
    let mut unseen = raw.clone();
    if prepared.task.is_classification() {
        let chosen = calibration::choose(asked.calibration, &rows.target, &raw, settings.seed);
        if chosen.used == CalibrationChoice::None
            && !matches!(asked.calibration, CalibrationChoice::None | CalibrationChoice::Auto)
        {
            job.warn("Nothing was calibrated: a class has fewer than ten rows to calibrate on.");
        }
        model.decision.calibration = chosen.calibration;
        (learned.used, learned.tried, unseen) = (chosen.used, chosen.tried, chosen.crossed);
    }
    if prepared.task == Task::Binary {
        let calibrated = model.calibrated(raw);
        model.decision.threshold = threshold::choose(&asked.threshold, &rows.target, &calibrated);
        if model.decision.threshold.is_none() && asked.threshold != ThresholdRule::Half {
            job.warn(format!("No threshold gives {}: the more probable class is called.", asked.threshold.in_words()));
        }
    } else if asked.threshold != ThresholdRule::Half {
        job.warn("A threshold is for two classes; there is none.");
    }
    if let Some(level) = asked.coverage {
        model.decision.conformal = conformal::fit(&rows.target, &unseen, level, asked.sets);
        if model.decision.conformal.is_none() {
            job.warn(format!(
                "There are no intervals: they need {} validation rows to hold {} of the truths.",
                conformal::fewest(level),
                words::percent(level)
            ));
        }
    }
    Ok(learned)
}

/// What was learned, in numbers and words. `raw` and `test` are the test rows' answers before and after calibration.
pub fn report(
    prepared: &Prepared,
    settings: &TrainSettings,
    model: &Model,
    learned: Learned,
    raw: &Predictions,
    test: &Predictions,
) -> DecisionReport {
    let target = &prepared.test.target;
    let rows = prepared.deciding().frame.rows as u64;
    let mut intervals = model.decision.conformal.as_ref().map(|found| conformal::judge(found, target, test));
    if let (Some(found), Some(words)) = (&mut intervals, around(settings.loss)) {
        found.sentence = format!("{} {words}", found.sentence);
    }
    DecisionReport {
        rows,
        own_rows: prepared.aside.is_some(),
        words: rows_in_words(rows, prepared.aside.is_some()),
        calibration: prepared.task.is_classification().then(|| calibrated(settings, learned, target, raw, test)),
        threshold: (prepared.task == Task::Binary).then(|| thresholds(prepared, settings, model, test)),
        intervals,
    }
}

/// What intervals lie around, where that is not the mean. They are as wide for every row (split conformal, absolute residuals):
/// coverage holds whatever the answer stands for.
fn around(loss: Option<Loss>) -> Option<String> {
    match loss? {
        Loss::Absolute => Some("Intervals lie around the predicted median.".to_owned()),
        Loss::Quantile(level) => Some(format!(
            "Intervals lie around the predicted {level} quantile and reach as far to either side of it, so that they are wider \
             than around the middle."
        )),
        Loss::Poisson => {
            Some("Intervals are as wide for small counts as for large ones, and may begin below 0.".to_owned())
        }
        Loss::Squared | Loss::Huber | Loss::LogLoss | Loss::Focal(_) => None,
    }
}

fn rows_in_words(rows: u64, own: bool) -> String {
    if own {
        format!(
            "Learned on {} validation rows that were set aside: they had no part in fitting and choosing the model, so that \
             what is promised holds for new rows like them.",
            count(rows)
        )
    } else {
        format!(
            "Learned on the {} validation rows. They also decided when to stop and which model to keep, so that the model does a \
             little better on them than on new rows: intervals may hold slightly less than promised. From 1,000 validation rows \
             on, a third is set aside for this alone.",
            count(rows)
        )
    }
}

fn calibrated(
    settings: &TrainSettings,
    learned: Learned,
    target: &Target,
    raw: &Predictions,
    test: &Predictions,
) -> CalibrationReport {
    let (before, after) = (calibration::scores(target, raw), calibration::scores(target, test));
    let Learned { used, tried } = learned;
    let ece = |value: f64| words::percent(value);
    let sentence = match used {
        CalibrationChoice::None if settings.decision.calibration == CalibrationChoice::None => format!(
            "Probabilities are as the model gives them; on the test rows they are off by {} on average.",
            ece(before.ece)
        ),
        CalibrationChoice::None if tried.is_empty() => format!(
            "Probabilities are as the model gives them: there are too few rows to calibrate on. On the test rows they are off by {} \
             on average.",
            ece(before.ece)
        ),
        CalibrationChoice::None => format!(
            "Probabilities are as the model gives them: no calibration made them clearly better on rows that it did not learn \
             from. On the test rows they are off by {} on average.",
            ece(before.ece)
        ),
        used => format!(
            "Calibrated by {}: on the test rows probabilities were off by {} on average before and are off by {} now.",
            method(used),
            ece(before.ece),
            ece(after.ece)
        ),
    };
    CalibrationReport { asked: settings.decision.calibration, used, tried, before, after, sentence }
}

fn method(used: CalibrationChoice) -> &'static str {
    match used {
        CalibrationChoice::Isotonic => "a rising curve of steps (isotonic regression)",
        CalibrationChoice::Sigmoid => "an S-shaped curve (Platt's)",
        CalibrationChoice::Temperature => "one temperature",
        CalibrationChoice::None | CalibrationChoice::Auto => "nothing",
    }
}

fn thresholds(prepared: &Prepared, settings: &TrainSettings, model: &Model, test: &Predictions) -> ThresholdReport {
    let rule = settings.decision.threshold;
    let label = |class: usize| prepared.classes.get(class).cloned().unwrap_or_default();
    let chosen = model.decision.threshold;
    let threshold = chosen.unwrap_or(0.5);
    let sentence = match chosen {
        Some(threshold) => format!(
            "{} is called where its probability is {} or more: on the rows that decided, that gives {}.",
            words::quoted(&label(1)),
            words::percent(threshold),
            rule.in_words()
        ),
        None => format!("{} is called where it is the more probable class.", words::quoted(&label(1))),
    };
    ThresholdReport {
        rule,
        positive: label(1),
        negative: label(0),
        threshold,
        sentence,
        test: threshold::curve(&prepared.test.target, test, threshold),
    }
}
