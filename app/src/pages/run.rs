//! One run: live while it trains, then what it found out.

mod curves;
mod draw;
mod explain;
mod head;
mod live;
mod log;
mod overview;
mod register;
mod scale;
mod series;
mod source;
mod verdict;

pub use overview::split_words;

use crate::{
    AppError,
    api::runs::{get_run, run_metrics},
    components::*,
    hooks::{use_param, use_project},
    pages::parts::parse_id,
};
use leptos::prelude::*;
use live::Live;
use trainyard_types::{
    RunId,
    run::{MetricSeries, RunView},
};

type Loaded = (RunView, Vec<MetricSeries>);

async fn load(project: String, run: String) -> Result<Loaded, AppError> {
    let run: RunId = parse_id(&run, "run")?;
    let view = get_run(project.clone(), run).await?;
    let series = run_metrics(project, run).await?;
    Ok((view, series))
}

/// One run, live.
#[component]
pub fn RunPage() -> impl IntoView {
    let project = use_project();
    let run = use_param("run_id");
    let loaded = Resource::new(move || (project.get(), run.get()), |(project, run)| load(project, run));
    view! {
        <Load resource=loaded lines=16 view=move |(run, series): Loaded| page(project.get_untracked(), run, series, loaded)/>
    }
}

/// What the parts of the page need.
#[derive(Clone, Copy)]
struct RunContext {
    project: StoredValue<String>,
    run: StoredValue<RunView>,
    live: Live,
}

fn page(project: String, run: RunView, series: Vec<MetricSeries>, loaded: Resource<Result<Loaded, AppError>>) -> AnyView {
    let id = run.summary.id;
    let live = Live::new(&run, series);
    live::follow_in_browser(live, project.clone(), id, move || loaded.refetch());
    let tab = use_tab("overview");
    let context = RunContext { project: StoredValue::new(project), run: StoredValue::new(run), live };
    let done = context.run.with_value(|r| r.result.is_some());
    let mut tabs = vec![Tab::new("overview", "Overview")];
    if done {
        tabs.push(Tab::new("evaluation", "Evaluation"));
        tabs.push(Tab::new("explain", "Explain"));
    }
    tabs.extend([Tab::new("log", "Log"), Tab::new("lineage", "Lineage"), Tab::new("raw", "Raw")]);
    view! {
        <head::RunHead context reload=Callback::new(move |()| loaded.refetch())/>
        <Tabs label="Run" tabs/>
        {move || match tab.get().as_str() {
            "evaluation" if done => view! { <explain::Evaluation context/> }.into_any(),
            "explain" if done => view! { <explain::Explain context/> }.into_any(),
            "log" => view! { <log::Log context/> }.into_any(),
            "lineage" => view! { <source::Lineage context/> }.into_any(),
            "raw" => view! { <source::Raw context/> }.into_any(),
            _ => view! { <overview::Overview context/> }.into_any(),
        }}
    }
    .into_any()
}
