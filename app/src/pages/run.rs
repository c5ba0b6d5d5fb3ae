//! One run: live while it trains, then what it found out.

mod curves;
mod decision;
pub(super) mod draw;
mod explain;
mod groups;
mod head;
mod live;
mod log;
mod overview;
mod register;
mod rules;
pub(super) mod scale;
mod seeds;
pub(super) mod series;
mod source;
mod system;
mod verdict;

use crate::wire::{Resource, resource};
use crate::{
    AppError,
    api::runs::{
        Evaluation, get_run, run_charts, run_evaluation, run_groups, run_log, run_metrics, run_raw, run_rules,
        run_seeds, threshold_at,
    },
    components::*,
    hooks::{use_param, use_project, use_query_param},
    pages::parts::parse_id,
};
use leptos::prelude::*;
use live::Live;
use trainyard_types::{
    RunId,
    decision::ThresholdFigures,
    evaluation::Chart,
    rules::RuleView,
    run::{LogLine, MetricSeries, RunView},
    seeds::SeedsView,
    slices::SliceColumn,
};

type Loaded = (RunView, Vec<MetricSeries>);

async fn load(project: String, run: String) -> Result<Loaded, AppError> {
    let run: RunId = parse_id(&run, "run")?;
    let view = get_run(project.clone(), run).await?;
    let series = run_metrics(project, run).await?;
    Ok((view, series))
}

/// What one tab needs besides the run. Its resource is made outside of the page's view: one made inside has no fixed
/// place in the server's answer.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
enum Extra {
    Nothing,
    Evaluation(Box<Evaluation>),
    Charts(Vec<Chart>),
    Log(Vec<LogLine>),
    Raw(String),
    Overview(SeedsView, Vec<RuleView>),
}

type ExtraResource = Resource<Result<Extra, AppError>>;

async fn load_extra(project: String, run: String, tab: String) -> Result<Extra, AppError> {
    let run: RunId = parse_id(&run, "run")?;
    match tab.as_str() {
        "evaluation" => run_evaluation(project, run).await.map(|found| Extra::Evaluation(Box::new(found))),
        "explain" => run_charts(project, run).await.map(Extra::Charts),
        "log" => run_log(project, run).await.map(Extra::Log),
        "raw" => run_raw(project, run).await.map(Extra::Raw),
        "overview" => {
            let seeds = run_seeds(project.clone(), run).await?;
            Ok(Extra::Overview(seeds, run_rules(project, run).await?))
        }
        _ => Ok(Extra::Nothing),
    }
}

type FiguresResource = Resource<Result<Option<ThresholdFigures>, AppError>>;
type GroupsResource = Resource<Result<Option<SliceColumn>, AppError>>;

/// The figures at the address's threshold, or at the chosen one. Outside of their tab (`None`) there are none.
async fn load_figures(
    project: String,
    run: String,
    at: Option<Option<f64>>,
) -> Result<Option<ThresholdFigures>, AppError> {
    match at {
        Some(at) => threshold_at(project, parse_id(&run, "run")?, at).await,
        None => Ok(None),
    }
}

async fn load_groups(project: String, run: String, column: Option<String>) -> Result<Option<SliceColumn>, AppError> {
    match column {
        Some(column) => run_groups(project, parse_id(&run, "run")?, column).await,
        None => Ok(None),
    }
}

/// One run, live.
#[component]
pub fn RunPage() -> impl IntoView {
    let project = use_project();
    let run = use_param("run_id");
    let loaded = resource(move || (project.get(), run.get()), |(project, run)| load(project, run));
    let tab = use_tab("overview");
    let extra =
        resource(move || (project.get(), run.get(), tab.get()), |(project, run, tab)| load_extra(project, run, tab));
    let (threshold, column) = (use_query_param("threshold"), use_query_param("groups"));
    let judging = move || tab.get() == "evaluation";
    let at = move || judging().then(|| threshold.get().parse::<f64>().ok().filter(|at| (0.0..=1.0).contains(at)));
    let figures =
        resource(move || (project.get(), run.get(), at()), |(project, run, at)| load_figures(project, run, at));
    let groups = resource(
        move || (project.get(), run.get(), judging().then(|| column.get())),
        |(project, run, column)| load_groups(project, run, column),
    );
    let more = More { extra, figures, groups };
    view! {
        <Load resource=loaded lines=16 view=move |(run, series): Loaded| page(project.get_untracked(), run, series, loaded, more)/>
    }
}

/// What the parts of the page need.
#[derive(Clone, Copy)]
struct RunContext {
    project: StoredValue<String>,
    run: StoredValue<RunView>,
    live: Live,
    more: More,
}

/// What tabs need besides the run.
#[derive(Clone, Copy)]
struct More {
    extra: ExtraResource,
    figures: FiguresResource,
    groups: GroupsResource,
}

fn page(
    project: String,
    run: RunView,
    series: Vec<MetricSeries>,
    loaded: Resource<Result<Loaded, AppError>>,
    more: More,
) -> AnyView {
    let id = run.summary.id;
    let live = Live::new(&run, series);
    live::follow_in_browser(live, project.clone(), id, move || loaded.refetch());
    let tab = use_tab("overview");
    let context = RunContext { project: StoredValue::new(project), run: StoredValue::new(run), live, more };
    let done = context.run.with_value(|r| r.result.is_some());
    let mut tabs = vec![Tab::new("overview", "Overview")];
    if done {
        tabs.push(Tab::new("evaluation", "Evaluation"));
        tabs.push(Tab::new("explain", "Explain"));
    }
    tabs.extend([
        Tab::new("log", "Log"),
        Tab::new("system", "System"),
        Tab::new("lineage", "Lineage"),
        Tab::new("raw", "Raw"),
    ]);
    view! {
        <head::RunHead context reload=Callback::new(move |()| loaded.refetch())/>
        <Tabs label="Run" tabs/>
        {move || match tab.get().as_str() {
            "evaluation" if done => view! { <decision::Evaluation context/> }.into_any(),
            "explain" if done => view! { <explain::Explain context/> }.into_any(),
            "log" => view! { <log::Log context/> }.into_any(),
            "system" => view! { <system::System context/> }.into_any(),
            "lineage" => view! { <source::Lineage context/> }.into_any(),
            "raw" => view! { <source::Raw context/> }.into_any(),
            _ => view! { <overview::Overview context/> }.into_any(),
        }}
    }
    .into_any()
}
