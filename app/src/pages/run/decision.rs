//! How the model judges the test rows: charts, probabilities, threshold, intervals, and groups of rows.

use super::{Extra, RunContext, groups::Groups};
use crate::{
    api::runs::Evaluation as Found,
    components::*,
    format::{count, measure, percent},
    hooks::{use_query_param, use_set_query},
    pages::figure::ChartFigure,
};
use leptos::prelude::*;
use trainyard_types::{
    decision::{
        CalibrationReport, CalibrationScores, DecisionReport, IntervalReport, ThresholdFigures, ThresholdReport,
        ThresholdRule,
    },
    evaluation::Chart,
};

/// Everything on the test rows.
#[component]
pub fn Evaluation(context: RunContext) -> impl IntoView {
    let drawn = move |extra: Extra| {
        let Extra::Evaluation(found) = extra else { return ().into_any() };
        let Found { charts, decision, columns, weak } = *found;
        let figures: Vec<Chart> = charts.into_iter().filter(|c| c.id != "importance").collect();
        let none = figures.is_empty().then(|| view! { <p class="muted">"This run has no charts."</p> });
        view! {
            {none}
            <div class="figures">{figures.into_iter().map(|chart| view! { <ChartFigure chart/> }).collect_view()}</div>
            {decision.map(|decision| decided(decision, context))}
            {weak.map(|weak| view! { <Groups columns weak resource=context.more.groups/> })}
        }
        .into_any()
    };
    view! {
        <p class="muted lead">"All on the test rows, which took no part in learning or choosing."</p>
        <Load resource=context.more.extra lines=20 view=drawn/>
    }
}

fn decided(decision: DecisionReport, context: RunContext) -> AnyView {
    let DecisionReport { words, calibration, threshold, intervals, .. } = decision;
    let learned = calibration.is_some() || threshold.is_some() || intervals.is_some();
    view! {
        {threshold.map(|found| view! { <Threshold found context/> })}
        {calibration.map(calibrated)}
        {intervals.map(sure)}
        {learned.then(|| view! { <p class="muted">{words}</p> })}
    }
    .into_any()
}

/// The chosen threshold, and what another one would do. Without script the form asks for the page anew.
#[component]
fn Threshold(found: ThresholdReport, context: RunContext) -> impl IntoView {
    let ThresholdReport { rule, positive, negative, threshold, sentence, .. } = found;
    let at = use_query_param("threshold");
    let set_query = use_set_query();
    let move_to = move |event| set_query(&[("threshold", Some(event_target_value(&event)))]);
    let shown = move || at.get().parse::<f64>().ok().filter(|at| (0.0..=1.0).contains(at)).unwrap_or(threshold);
    let names = StoredValue::new((positive, negative));
    let drawn = move |figures: Option<ThresholdFigures>| match figures {
        Some(figures) => names.with_value(|(positive, negative)| at_threshold(figures, &rule, positive, negative)),
        None => view! { <p class="muted">"The test rows say nothing about thresholds."</p> }.into_any(),
    };
    view! {
        <Section title="Threshold" id="threshold" lead=sentence>
            <form method="get" class="threshold-form">
                <input type="hidden" name="tab" value="evaluation"/>
                <label class="field-label" for="threshold-at">
                    <Term name="threshold" text="Threshold"/> " "
                    <output class="num">{move || format!("{:.2}", shown())}</output>
                </label>
                <input id="threshold-at" name="threshold" type="range" min="0" max="1" step="0.01"
                    value=move || shown().to_string() prop:value=move || shown().to_string() on:change=move_to/>
                <noscript><button class="button small">"Show"</button></noscript>
            </form>
            <Load resource=context.more.figures lines=6 view=drawn/>
        </Section>
    }
    .into_any()
}

fn at_threshold(figures: ThresholdFigures, rule: &ThresholdRule, positive: &str, negative: &str) -> AnyView {
    let point = figures.point;
    let cost =
        figures.cost.map(|cost| view! { <StatTile label="Mean cost" value=measure(cost) note=rule.in_words()/> });
    let tile = |name: &'static str, label: &'static str, value: f64| {
        view! { <StatTile label=label value=measure(value) term=name/> }
    };
    let row = |label: &str, called: u64, not: u64| {
        let label = label.to_owned();
        view! {
            <Row>
                <Cell label="Is" main=true>{label}</Cell>
                <Cell label="Called" numeric=true>{count(called)}</Cell>
                <Cell label="Not called" numeric=true>{count(not)}</Cell>
            </Row>
        }
    };
    let words = format!(
        "At {:.3}, {} of {} test rows are called {positive}.",
        point.threshold,
        count(point.true_positives + point.false_positives),
        count(point.rows())
    );
    let is = row(positive, point.true_positives, point.false_negatives);
    let is_not = row(negative, point.false_positives, point.true_negatives);
    let columns = vec![Column::text("Is"), Column::number("Called"), Column::number("Not called")];
    view! {
        <p>{words}</p>
        <Stats>
            {cost}
            {tile("f1", "F1", figures.f1)}
            {tile("precision", "Precision", figures.precision)}
            {tile("recall", "Recall", figures.recall)}
            {tile("balanced_accuracy", "Balanced accuracy", figures.balanced_accuracy)}
            {tile("accuracy", "Accuracy", figures.accuracy)}
        </Stats>
        <DataTable caption="Test rows by what they are and what they are called" columns>
            {is}
            {is_not}
        </DataTable>
    }
    .into_any()
}

fn calibrated(found: CalibrationReport) -> AnyView {
    let CalibrationReport { used, tried, before, after, sentence, .. } = found;
    let line = |title: &'static str, scores: CalibrationScores| {
        view! {
            <Row>
                <Cell label="Probabilities" main=true>{title}</Cell>
                <Cell label="Calibration error" numeric=true>{percent(scores.ece)}</Cell>
                <Cell label="Brier score" numeric=true>{measure(scores.brier)}</Cell>
                <Cell label="Log loss" numeric=true>{measure(scores.log_loss)}</Cell>
            </Row>
        }
    };
    let changed = before != after;
    let tries = (!tried.is_empty()).then(|| {
        let words: Vec<String> =
            tried.iter().map(|t| format!("{} {}", t.method.as_str(), measure(t.log_loss))).collect();
        let words = format!(
            "Log loss by cross-validation on the rows that decided: {}. Taken: {}.",
            words.join(", "),
            used.as_str()
        );
        view! { <p class="muted">{words}</p> }
    });
    let columns = vec![
        Column::text("Probabilities"),
        Column::number("Calibration error").term("ece"),
        Column::number("Brier score").term("brier_score"),
        Column::number("Log loss").term("log_loss"),
    ];
    view! {
        <Section title="Probabilities" id="calibration" lead=sentence>
            <DataTable caption="Calibration on the test rows" columns>
                {changed.then(|| line("Before calibration", before))}
                {line(if changed { "Calibrated" } else { "As the model gives them" }, after)}
            </DataTable>
            {tries}
        </Section>
    }
    .into_any()
}

fn sure(found: IntervalReport) -> AnyView {
    let IntervalReport { level, method, quantile, coverage, low, high, size, sizes, sentence } = found;
    let (term, title) =
        if method == "absolute" { ("prediction_interval", "Intervals") } else { ("prediction_set", "Sets of classes") };
    let note = format!("95 %: {} to {}; promised: {}", percent(low), percent(high), crate::format::level(level));
    let sized = if method == "absolute" {
        view! { <StatTile label="Mean width" value=measure(size) note=format!("{} to either side", measure(quantile)) term=term/> }
            .into_any()
    } else {
        let all: u64 = sizes.iter().sum();
        let alone = sizes.first().map_or(0.0, |one| *one as f64 / all.max(1) as f64);
        view! {
            <StatTile label="Classes in a set" value=measure(size) note="mean over the test rows" term=term/>
            <StatTile label="One class only" value=percent(alone) note="of the test rows"/>
        }
        .into_any()
    };
    view! {
        <Section title=title id="intervals" lead=sentence>
            <Stats>
                <StatTile label="Truths held" value=percent(coverage) note=note term="coverage"/>
                {sized}
            </Stats>
        </Section>
    }
    .into_any()
}
