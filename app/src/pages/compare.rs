//! A few runs side by side: what differs between them, what came of it, and how they learned.

mod curves;
mod metrics;
mod parallel;
mod params;
mod plot;
mod smooth;

use crate::wire::resource;
use crate::{
    AppError,
    api::experiments::{CurvesShown, compare_curves, compare_runs},
    browser,
    components::*,
    format::{counted, run_series},
    hooks::{use_address, use_project, use_query_param},
    pages::parts::parse_id,
};
use leptos::prelude::*;
use trainyard_types::{
    RunId,
    experiments::{Comparison, MOST_COMPARED},
    run::RunSummary,
};

/// `/p/:project/runs/compare?runs=…`: besides the runs the address holds the one measured against (`base`), whether all
/// parameters are shown (`params`), words that narrow the metrics (`q`), and what the charts show.
#[component]
pub fn ComparePage() -> impl IntoView {
    let project = use_project();
    let [runs, base, words, key] = ["runs", "base", "q", "curve"].map(use_query_param);
    let compared = resource(
        move || (project.get(), runs.get(), base.get(), words.get()),
        |(project, runs, base, words)| async move {
            let base = if base.is_empty() { None } else { Some(parse_id(&base, "run")?) };
            compare_runs(project, read_runs(&runs)?, base, words).await
        },
    );
    let curves = resource(
        move || (project.get(), runs.get(), key.get()),
        |(project, runs, key)| async move { curves_of(project, &runs, key).await },
    );
    let title = move || match runs.with(|runs| runs.split(',').filter(|id| !id.is_empty()).count()) {
        0 => "Compare runs".to_owned(),
        n => format!("Compare {}", counted(n as u64, "run", "runs")),
    };
    let address = use_address();
    let link = Signal::derive(move || format!("{}{}", browser::origin(), address(&[])));
    let crumbs = vec![("Experiments".to_owned(), format!("/p/{}/runs", project.get_untracked()))];
    view! {
        <PageHead
            title=Signal::derive(title)
            state="Parameters that differ, metrics with the best marked, and the curves on one drawing. The address holds all of it: send it on."
            crumbs
        >
            <CopyButton text=link label="Copy the link to this comparison"/>
        </PageHead>
        <Load resource=compared lines=12 view=move |compared: Comparison| page(&project.get_untracked(), compared)/>
        <Load resource=curves lines=8 view=move |shown: CurvesShown| view! { <curves::Curves shown runs/> }.into_any()/>
    }
}

fn read_runs(text: &str) -> Result<Vec<RunId>, AppError> {
    text.split(',').filter(|id| !id.is_empty()).map(|id| parse_id(id, "run")).collect()
}

/// Too few runs are said once, by the tables.
async fn curves_of(project: String, runs: &str, key: String) -> Result<CurvesShown, AppError> {
    let runs = read_runs(runs)?;
    if !(2..=MOST_COMPARED).contains(&runs.len()) {
        return Ok(CurvesShown::default());
    }
    compare_curves(project, runs, key).await
}

fn page(project: &str, compared: Comparison) -> AnyView {
    let Comparison { runs, base, params, metrics, metrics_total, .. } = compared;
    view! {
        {which(project, &runs, base)}
        {params::section(&runs, &params)}
        {metrics::section(&runs, base, &metrics, metrics_total)}
        {parallel::section(&runs, &params, &metrics)}
    }
    .into_any()
}

/// The runs with their numbers, marks and what can be done with them here.
fn which(project: &str, runs: &[RunSummary], base: usize) -> AnyView {
    let address = use_address();
    let ids: Vec<String> = runs.iter().map(|run| run.id.to_string()).collect();
    let removable = runs.len() > 2;
    let entries = runs
        .iter()
        .enumerate()
        .map(|(at, run)| {
            let href = format!("/p/{project}/runs/{}", run.id);
            let id = ids[at].clone();
            let rest: Vec<String> = ids.iter().filter(|other| **other != id).cloned().collect();
            let rest = rest.join(",");
            let without = move || {
                let mut changes = vec![("runs", Some(rest.clone()))];
                // What is taken away can't be measured against.
                if at == base {
                    changes.push(("base", None));
                }
                address(&changes)
            };
            let against = move || address(&[("base", Some(id.clone()))]);
            let (measure, away) = (format!("Measure against it: {}", run.name), format!("Leave out {}", run.name));
            let fit = run.verdict.as_deref().and_then(fit_from_name);
            let (name, state, mark) = (run.name.clone(), run.job.state, mark(at, run));
            view! {
                <li>
                    {mark}
                    <leptos_router::components::A href=href>{name}</leptos_router::components::A>
                    <JobBadge state/>
                    {fit.map(|fit| view! { <FitBadge fit/> })}
                    {if at == base {
                        view! { <Badge tone=Tone::Accent glyph=Glyph::Flag text="Baseline"/> }.into_any()
                    } else {
                        view! { <a class="small" href=against aria-label=measure data-noscroll="true">"Measure against it"</a> }.into_any()
                    }}
                    {removable.then(|| view! { <a class="small" href=without aria-label=away data-noscroll="true">"Leave out"</a> })}
                </li>
            }
        })
        .collect_view();
    view! { <ol class="compared" aria-label="Runs compared">{entries}</ol> }.into_any()
}

/// A run's colour and its number in the comparison, which stands in every head and at every line.
fn mark(at: usize, run: &RunSummary) -> AnyView {
    let class = format!("run-number series-{}", run_series(&run.id));
    view! { <span class=class>{at + 1}</span> }.into_any()
}

/// The heads of a table with a column for each run.
fn heads(runs: &[RunSummary], first: &'static str) -> AnyView {
    let heads = runs
        .iter()
        .enumerate()
        .map(|(at, run)| view! { <th scope="col" class="num">{mark(at, run)}<span class="compared-name">{run.name.clone()}</span></th> })
        .collect_view();
    view! { <thead><tr><th scope="col">{first}</th>{heads}</tr></thead> }.into_any()
}
