//! Metrics side by side, with the best marked and how far the others are from the baseline.

use super::heads;
use crate::{
    components::*,
    format::{count, measure},
    hooks::{query_pairs, use_query_param},
    pages::runs::cells::delta,
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use trainyard_types::{
    experiments::{ComparedMetric, RunValue},
    run::RunSummary,
};

pub(super) fn section(runs: &[RunSummary], base: usize, metrics: &[ComparedMetric], total: u64) -> AnyView {
    let words = use_query_param("q");
    let head = heads(runs, "Metric");
    let rows = metrics.iter().map(|metric| row(metric, base)).collect_view();
    let shown = metrics.len() as u64;
    let more = (total > shown)
        .then(|| view! { <p class="muted">{format!("{} of {} metrics. Search for the others.", count(shown), count(total))}</p> });
    let none = metrics.is_empty().then(|| {
        let text = if words.get_untracked().is_empty() {
            "None of these runs has a metric yet."
        } else {
            "No metric fits the search."
        };
        view! { <p class="muted">{text}</p> }
    });
    let table = (!metrics.is_empty()).then(|| {
        view! {
            <div class="table-wrap" tabindex="0" role="region" aria-label="Metrics side by side">
                <table class="table">{head}<tbody>{rows}</tbody></table>
            </div>
        }
    });
    view! {
        <Section title="Metrics" lead="On the test rows first, with 95 % intervals. Two runs whose intervals overlap may be equally good.">
            <leptos_router::components::Form method="GET" action="" attr:class="search" attr:role="search">
                <Kept/>
                <Icon glyph=Glyph::Search/>
                <input type="search" name="q" aria-label="Search metrics" placeholder="Search metrics"
                    prop:value=move || words.get() value=words.get_untracked()/>
            </leptos_router::components::Form>
            {none}
            {table}
            {more}
        </Section>
    }
    .into_any()
}

fn row(metric: &ComparedMetric, base: usize) -> AnyView {
    let reference = metric.values.get(base).and_then(Option::as_ref).and_then(|value| value.number);
    let cells = metric
        .values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let against = reference.filter(|_| at != base);
            cell(value.as_ref(), against, metric.higher_is_better, metric.best.contains(&at))
        })
        .collect_view();
    let better = match metric.higher_is_better {
        Some(true) => " (more is better)",
        Some(false) => " (less is better)",
        None => "",
    };
    let (title, key) = (metric.title.clone(), metric.key.clone());
    view! { <tr><th scope="row"><span title=key>{title}</span><small class="muted">{better}</small></th>{cells}</tr> }
        .into_any()
}

fn cell(value: Option<&RunValue>, reference: Option<f64>, higher_is_better: Option<bool>, best: bool) -> AnyView {
    let Some((value, number)) = value.and_then(|value| Some((value, value.number?))) else {
        return view! { <td class="num muted">"–"</td> }.into_any();
    };
    let interval = value.low.zip(value.high).map(|(low, high)| format!("{} to {}", measure(low), measure(high)));
    view! {
        <td class="num">
            <span class="score">
                {best.then(|| view! { <Badge tone=Tone::Ok glyph=Glyph::Check text="best"/> " " })}
                {measure(number)}
                {delta(number, reference, higher_is_better)}
                {interval.map(|interval| view! { <small class="muted">{interval}</small> })}
            </span>
        </td>
    }
    .into_any()
}

/// Hidden fields that keep the rest of the address where the search sends its words.
#[component]
fn Kept() -> impl IntoView {
    let search = use_location().search;
    move || {
        let pairs = search.with(|search| query_pairs(search));
        pairs
            .into_iter()
            .filter(|(name, _)| name != "q")
            .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
            .collect_view()
    }
}
