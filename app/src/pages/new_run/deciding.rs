//! How rows count, how probabilities become decisions, and how sure answers say they are.

use crate::{
    components::*,
    format::level,
    pages::split_fields::{Unread, number},
};
use leptos::prelude::*;
use trainyard_types::{
    Problem,
    dataset::ColumnProfile,
    decision::{CalibrationChoice, ClassWeight, SetMethod, ThresholdRule},
    run::TrainSettings,
};

/// All of it in a few words, for the folded part.
pub fn summary(settings: &TrainSettings) -> String {
    let calibration = match settings.decision.calibration {
        CalibrationChoice::None => "not calibrated",
        CalibrationChoice::Auto => "calibrated where that helps",
        _ => "calibrated",
    };
    let coverage = settings.decision.coverage.map(|share| format!("intervals of {}", level(share)));
    let threshold = (settings.decision.threshold != ThresholdRule::Half).then_some("a threshold of its own".to_owned());
    let weights = (settings.class_weight == ClassWeight::Balanced || settings.weight_column.is_some())
        .then_some("weighted rows".to_owned());
    let parts: Vec<String> =
        weights.into_iter().chain([calibration.to_owned()]).chain(threshold).chain(coverage).collect();
    parts.join(", ")
}

#[component]
pub fn Deciding(
    columns: Vec<ColumnProfile>,
    settings: RwSignal<TrainSettings>,
    unread: Unread,
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let first = settings.get_untracked();
    let balanced = Callback::new(move |on: bool| {
        settings.update(|s| s.class_weight = if on { ClassWeight::Balanced } else { ClassWeight::None });
    });
    let mut weights = vec![(String::new(), "Every row alike".to_owned())];
    weights.extend(
        columns.into_iter().filter(|c| c.kind.is_numeric()).map(|c| (c.name.clone(), format!("By {}", c.name))),
    );
    let weigh = Callback::new(move |name: String| {
        settings.update(|s| s.weight_column = Some(name).filter(|name| !name.is_empty()));
    });
    let calibrations = [
        ("auto", "The method that helps, if one does"),
        ("none", "None: as the model gives them"),
        ("sigmoid", "An S-shaped curve (Platt)"),
        ("isotonic", "A rising curve of steps (isotonic)"),
        ("temperature", "One number for all (temperature)"),
    ];
    let calibrate = Callback::new(move |text: String| {
        if let Ok(choice) = text.parse() {
            settings.update(|s| s.decision.calibration = choice);
        }
    });
    let set_methods = [("lac", "The smallest"), ("aps", "Larger where a row is hard")];
    let sets = Callback::new(move |text: String| {
        settings.update(|s| s.decision.sets = if text == "aps" { SetMethod::Aps } else { SetMethod::Lac });
    });
    let coverage = Callback::new(move |text: String| {
        if text.trim().is_empty() {
            unread.update(|u| u.retain(|(field, _)| *field != "coverage"));
            settings.update(|s| s.decision.coverage = None);
            return;
        }
        number(unread, "coverage", &text, "a percentage such as 90, or nothing", |share: f64| {
            settings.update(|s| s.decision.coverage = Some(share / 100.0));
        });
    });
    let options = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect()
    };
    let held = first.decision.coverage.map_or_else(String::new, |share| crate::format::plain(share * 100.0));
    let chosen_sets = if first.decision.sets == SetMethod::Aps { "aps" } else { "lac" };
    view! {
        <div class="stack">
            <CheckField name="class_weight" label="Let rare classes count as much as common ones" checked=first.class_weight == ClassWeight::Balanced
                hint="Finds more of a rare class, with more false alarms." on_value=balanced/>
            <div class="form-row">
                <SelectField name="weight_column" label="Rows count" options=weights value=first.weight_column.clone().unwrap_or_default()
                    problem=problem hint="A column of weights, 0 or more, is no feature." on_value=weigh/>
                <SelectField name="calibration" label="Calibrate probabilities by" options=options(&calibrations)
                    value=first.decision.calibration.as_str() hint="So that of cases given 80 %, about 80 % come true." on_value=calibrate/>
            </div>
            <ThresholdFields settings unread problem/>
            <div class="form-row">
                <TextField name="coverage" label="Intervals hold the truth on, %" kind="number" value=held problem=problem
                    hint="Each answer comes with a range or a set of classes. Empty: none." on_value=coverage/>
                <SelectField name="sets" label="Sets of classes" options=options(&set_methods) value=chosen_sets on_value=sets/>
            </div>
            <p class="muted">
                "All this is learned on validation rows. Where there are 1,000 or more, a third is set aside for it; of fewer, all serve twice, and intervals may hold slightly less than promised."
            </p>
        </div>
    }
    .into_any()
}

/// What the threshold of two classes is chosen by, with the numbers that the rule needs.
#[component]
fn ThresholdFields(
    settings: RwSignal<TrainSettings>,
    unread: Unread,
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let rules = [
        ("half", "The more probable class"),
        ("f1", "The best F1"),
        ("balanced_accuracy", "The best balanced accuracy"),
        ("accuracy", "The best accuracy"),
        ("youden", "The most found for the fewest false alarms (Youden)"),
        ("mcc", "The best Matthews correlation"),
        ("precision_at_recall", "The best precision at a recall"),
        ("recall_at_precision", "The best recall at a precision"),
        ("cost", "The least cost"),
    ]
    .map(|(value, label)| (value.to_owned(), label.to_owned()))
    .to_vec();
    let name = Memo::new(move |_| settings.with(|s| s.decision.threshold.name()));
    let choose = Callback::new(move |text: String| {
        unread.update(|u| u.retain(|(field, _)| *field != "threshold"));
        settings.update(|s| s.decision.threshold = rule(&text));
    });
    let share = Callback::new(move |text: String| {
        number(unread, "threshold", &text, "a percentage such as 80", |percent: f64| {
            settings.update(|s| match &mut s.decision.threshold {
                ThresholdRule::PrecisionAtRecall { recall: share }
                | ThresholdRule::RecallAtPrecision { precision: share } => *share = percent / 100.0,
                _ => {}
            });
        });
    });
    let cost = move |of_miss: bool| {
        Callback::new(move |text: String| {
            number(unread, "threshold", &text, "a number such as 5", |value: f64| {
                settings.update(|s| {
                    if let ThresholdRule::Cost { false_positive, false_negative } = &mut s.decision.threshold {
                        *(if of_miss { false_negative } else { false_positive }) = value;
                    }
                });
            });
        })
    };
    let numbers = move || {
        name.track();
        match settings.with_untracked(|s| s.decision.threshold) {
            ThresholdRule::PrecisionAtRecall { recall: least } | ThresholdRule::RecallAtPrecision { precision: least } => {
                view! { <TextField name="threshold_at_least" id="f-threshold-share" label="At least, %" kind="number" value=crate::format::plain(least * 100.0) problem=problem on_value=share/> }.into_any()
            }
            ThresholdRule::Cost { false_positive, false_negative } => view! {
                <TextField name="false_positive" label="A false alarm costs" kind="number" value=false_positive.to_string() on_value=cost(false)/>
                <TextField name="false_negative" label="A missed case costs" kind="number" value=false_negative.to_string() on_value=cost(true)/>
            }
            .into_any(),
            _ => ().into_any(),
        }
    };
    view! {
        <div class="form-row">
            <SelectField name="threshold" label="Of two classes, call by" options=rules value=name.get_untracked()
                problem=problem hint="Chosen on validation rows; the Evaluation tab shows every other threshold." on_value=choose/>
            {numbers}
        </div>
    }
    .into_any()
}

/// The rule of that name, with usual numbers.
fn rule(name: &str) -> ThresholdRule {
    match name {
        "accuracy" => ThresholdRule::Accuracy,
        "f1" => ThresholdRule::F1,
        "balanced_accuracy" => ThresholdRule::BalancedAccuracy,
        "youden" => ThresholdRule::Youden,
        "mcc" => ThresholdRule::Mcc,
        "precision_at_recall" => ThresholdRule::PrecisionAtRecall { recall: 0.8 },
        "recall_at_precision" => ThresholdRule::RecallAtPrecision { precision: 0.8 },
        "cost" => ThresholdRule::Cost { false_positive: 1.0, false_negative: 5.0 },
        _ => ThresholdRule::Half,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_that_leads_back() {
        for name in
            "half accuracy f1 balanced_accuracy youden mcc precision_at_recall recall_at_precision cost".split(' ')
        {
            assert_eq!(rule(name).name(), name);
        }
        let settings = TrainSettings::for_target("y");
        assert_eq!(summary(&settings), "calibrated where that helps, intervals of 90\u{a0}%");
    }
}
