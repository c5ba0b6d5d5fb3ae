//! A run learns, chooses and judges by the loss that it is asked for.

use super::*;
use trainyard_types::{decision::CalibrationChoice, loss::Loss};

fn with(loss: Loss, family: Family) -> TrainSettings {
    TrainSettings { loss: Some(loss), ..settings(family) }
}

/// The table of numbers, without any below 0.
fn counts(rows: usize) -> Frame {
    let mut data = table(rows, Task::Regression);
    let Values::Numbers(values) = &mut data.columns[5].values else { panic!() };
    values.iter_mut().for_each(|value| *value = value.abs().round());
    data
}

fn train(data: Frame, settings: &TrainSettings) -> Result<(RunResult, Heard), TrainError> {
    let dir = tempfile::tempdir().unwrap();
    let mut heard = Heard::default();
    let result = train_frames(data, settings, dir.path(), EVERY_EPOCH, &mut heard)?;
    check_file(&result, dir.path());
    Ok((result, heard))
}

fn check_file(result: &RunResult, dir: &Path) {
    let model = Model::from_bytes(&std::fs::read(dir.join(&result.model_file)).unwrap()).unwrap();
    assert_eq!(model.signature, result.signature);
}

#[test]
fn the_loss_decides_what_a_run_is_judged_by() {
    for (loss, metric, words) in [
        (Loss::Huber, "rmse", "Huber"),
        (Loss::Absolute, "mae", "predicted median"),
        (Loss::Quantile(0.8), "mean_pinball_loss", "0.8 quantile"),
        (Loss::Poisson, "mean_poisson_deviance", "may begin below 0"),
    ] {
        let settings = TrainSettings { epochs: Some(60), ..with(loss, Family::Linear) };
        let (result, heard) = train(counts(900), &settings).unwrap();
        assert_eq!((result.primary_metric(), result.test[0].name.as_str()), (metric, metric));
        assert!(!result.test[0].higher_is_better && result.test[0].low <= result.test[0].value);
        assert_eq!((result.signature.loss, result.verdict.metric.as_str()), (Some(loss), metric));
        assert_eq!(result.candidates[0].valid_score, result.metrics.valid[metric]);
        // The dummy is at the loss's own best: a useful model is below it.
        assert!(result.verdict.valid < 0.9 * result.verdict.dummy, "{loss}: {}", result.verdict.sentence);
        assert!(result.parameters["minimised"].starts_with(&loss.in_words()));
        assert!(heard.events.iter().any(|event| matches!(event, JobEvent::Metrics { points }
            if points.iter().any(|point| point.key == metric && point.part == "valid"))));
        let intervals = result.decision.as_ref().unwrap().intervals.as_ref().unwrap();
        assert!(loss == Loss::Huber || intervals.sentence.contains(words), "{}", intervals.sentence);
        assert!((intervals.coverage - 0.9).abs() < 0.12, "{}", intervals.sentence);
    }
}

/// Few epochs: what matters is that each family takes the loss and answers in the target's unit.
#[test]
fn every_family_learns_counts() {
    for family in [Family::Trees, Family::RealMlp, Family::TabM] {
        let mut asked = with(Loss::Poisson, family);
        if family == Family::RealMlp {
            // Its schedule begins with wild steps.
            asked.epochs = Some(40);
        }
        let (result, heard) = train(counts(500), &asked).unwrap();
        assert_eq!(result.family, family);
        let score = result.metrics.valid["mean_poisson_deviance"];
        let bound = if family == Family::Trees { 1.0 } else { 1.5 };
        assert!(
            score < bound * result.verdict.dummy,
            "{family:?}: {score} of {}\n{}",
            result.verdict.dummy,
            heard.log()
        );
    }
}

#[test]
fn the_focal_loss_leaves_trees_out_and_is_calibrated() {
    let settings = TrainSettings { epochs: Some(1), ..with(Loss::Focal(2.0), Family::Auto) };
    let (result, heard) = train(table(600, Task::Binary), &settings).unwrap();
    assert!(result.candidates.iter().all(|candidate| candidate.family != Family::Trees), "{:?}", result.candidates);
    assert!(result.candidates.iter().any(|candidate| candidate.family == Family::Boosting), "{}", heard.log());
    assert!(result.parameters["left_out"].contains("gradient-boosted trees") && heard.log().contains("Left out"));
    assert_eq!(result.test[0].name, "roc_auc");
    let calibration = result.decision.as_ref().unwrap().calibration.as_ref().unwrap();
    assert_eq!(calibration.asked, CalibrationChoice::Auto);
    assert!(!calibration.tried.is_empty());
}

#[test]
fn losses_that_do_not_fit_are_refused_in_words() {
    for (loss, family, task, words) in [
        (Loss::Focal(2.0), Family::Trees, Task::Binary, "Boosted trees do not learn"),
        (Loss::Huber, Family::Linear, Task::Binary, "The target is a class"),
        (Loss::Focal(2.0), Family::Linear, Task::Regression, "The target is a number"),
        (Loss::Poisson, Family::Linear, Task::Regression, "counts and rates"),
    ] {
        let Err(TrainError::Problem(problem)) = train(table(300, task), &with(loss, family)) else { panic!("{loss}") };
        assert!(problem.message.contains(words) && problem.fields[0].field == "loss", "{}", problem.message);
    }
}

#[test]
fn settings_without_a_loss_are_as_they_were() {
    let old: TrainSettings = serde_json::from_str(r#"{"target": "y", "family": "linear"}"#).unwrap();
    assert_eq!(old.loss, None);
    assert!(!serde_json::to_string(&old).unwrap().contains("loss"));
    let new: TrainSettings = serde_json::from_str(r#"{"target": "y", "loss": "quantile=0.9"}"#).unwrap();
    assert_eq!(new.loss, Some(Loss::Quantile(0.9)));
    assert!(serde_json::from_str::<TrainSettings>(r#"{"target": "y", "loss": "hinge"}"#).is_err());
}
