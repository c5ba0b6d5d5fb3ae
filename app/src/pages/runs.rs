//! The project's runs.

use crate::wire::resource;
use crate::{
    api::runs::list_runs,
    browser,
    components::*,
    format::{count, counted, duration, encode, eta, measure, run_series},
    hooks::{may, use_page_query, use_project},
    pages::{figure::metric_title, parts::DemoButton},
};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::{Action, Page, PageQuery, evaluation::TestMetric, job::JobState, run::RunSummary};

/// How many of the runs shown have not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Going {
    running: usize,
    queued: usize,
}

/// The project's runs. While one of those shown is queued or running, the table follows every two seconds.
#[component]
pub fn RunsPage() -> impl IntoView {
    let project = use_project();
    let query = use_page_query();
    let list = resource(move || (project.get(), query.get()), |(project, query)| list_runs(project, query));
    let shown = RwSignal::new(Going::default());
    Effect::new(move |_| {
        if shown.with(|s| s.running + s.queued > 0) {
            browser::every(2_000, move || list.refetch());
        }
    });
    let new = move || format!("/p/{}/runs/new", project.get());
    let tab = Signal::derive(move || match shown.with(|s| s.running) {
        0 => "Experiments".to_owned(),
        n => format!("({n} running) Experiments"),
    });
    view! {
        <PageHead
            title="Experiments"
            state="Every training run, with what it learned from and how good it is on rows it never saw."
            tab=tab
        >
            <LinkButton href=Signal::derive(new) label="New run" kind=ButtonKind::Primary glyph=Glyph::Plus/>
        </PageHead>
        <Load resource=list lines=10 view=move |page| listed(page, &query.get_untracked(), project.get_untracked(), shown)/>
    }
}

fn listed(page: Page<RunSummary>, query: &PageQuery, project: String, shown: RwSignal<Going>) -> AnyView {
    let count = |state: JobState| page.items.iter().filter(|run| run.job.state == state).count();
    let going = Going { running: count(JobState::Running), queued: count(JobState::Queued) };
    if shown.get_untracked() != going {
        shown.set(going);
    }
    if page.total == 0 && query.q.is_empty() && query.state.is_empty() {
        return nothing_yet(project);
    }
    let download = format!("/api/v1/projects/{}/runs", encode(&project));
    let (total, at, per_page) = (page.total, page.page, page.per_page);
    let rows = page.items.into_iter().map(|run| row(run, &project)).collect_view();
    let columns = vec![
        Column::text("State"),
        Column::text("Name").sorted("name"),
        Column::text("Data set").sorted("dataset"),
        Column::text("Target").sorted("target"),
        Column::text("Model").sorted("family"),
        Column::number("Test score").sorted("score").term("bootstrap_interval"),
        Column::text("Verdict").term("verdict"),
        Column::number("Took").sorted("seconds"),
        Column::text("By"),
        Column::text("When").sorted("created"),
    ];
    let states = [
        ("", "All"),
        ("running", "Running"),
        ("queued", "Queued"),
        ("succeeded", "Done"),
        ("failed", "Failed"),
        ("cancelled", "Cancelled"),
    ]
    .map(|(value, label)| (value.to_owned(), label.to_owned()))
    .to_vec();
    view! {
        <ListTools search="Search runs, data sets, targets" states download=download/>
        <p class="live-mark muted" role="status">
            {(going != Going::default()).then(|| view! { <span class="live-dot"></span>"Live, every 2 s" })}
        </p>
        {if total == 0 {
            view! { <p class="muted">"No run matches. Clear the search or choose another state."</p> }.into_any()
        } else {
            view! { <DataTable caption="Runs" columns>{rows}</DataTable> }.into_any()
        }}
        <Pager total page=at per_page noun="runs"/>
    }
    .into_any()
}

fn row(run: RunSummary, project: &str) -> AnyView {
    let href = format!("/p/{project}/runs/{}", run.id);
    let data = format!("/p/{project}/data/{}", run.dataset);
    let family = match run.trained {
        Some(trained) if trained != run.family => {
            format!("{} ({})", trained.title(), run.family.title().to_lowercase())
        }
        Some(trained) => trained.title().to_owned(),
        None => run.family.title().to_owned(),
    };
    let verdict = run.verdict.as_deref().and_then(fit_from_name);
    let mark = format!("run-mark series-{}", run_series(&run.id));
    let state = state(&run);
    let score = run.score.as_ref().map(score);
    view! {
        <Row>
            <Cell label="State">{state}</Cell>
            <Cell label="Name" main=true>
                <svg class=mark viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" rx="2"></rect></svg>
                <A href=href>{run.name}</A>
            </Cell>
            <Cell label="Data set"><A href=data>{run.dataset_name}</A>{format!(" v{}", run.dataset_version)}</Cell>
            <Cell label="Target"><code>{run.target}</code></Cell>
            <Cell label="Model">{family}</Cell>
            <Cell label="Test score" numeric=true>{score}</Cell>
            <Cell label="Verdict">{verdict.map(|fit| view! { <FitBadge fit/> })}</Cell>
            <Cell label="Took" numeric=true>{run.seconds.map(duration)}</Cell>
            <Cell label="By">{run.created_by}</Cell>
            <Cell label="When"><RelativeTime at=run.created_at/></Cell>
        </Row>
    }
    .into_any()
}

/// The state's badge and, below it, how far the run is or where it stands in the queue.
fn state(run: &RunSummary) -> AnyView {
    let job = &run.job;
    let below = match (job.state, &job.progress, job.queue_position) {
        (JobState::Running, Some(progress), _) => {
            let left = progress.eta_seconds.map(eta).unwrap_or_default();
            let label = format!("Progress of {}", run.name);
            Some(view! {
                <progress class="row-progress" max="100" value=(progress.fraction * 100.0).round() aria-label=label></progress>
                <small class="muted">{left}</small>
            }
            .into_any())
        }
        (JobState::Queued, _, Some(position)) => {
            Some(view! { <small class="muted">{position_words(position)}</small> }.into_any())
        }
        _ => None,
    };
    view! { <div class="run-state"><JobBadge state=job.state/>{below}</div> }.into_any()
}

/// Where a job stands in the queue, in words.
pub fn position_words(position: u64) -> String {
    if position <= 1 { "next in the queue".to_owned() } else { format!("number {} in the queue", count(position)) }
}

/// The primary metric with its interval.
fn score(metric: &TestMetric) -> AnyView {
    let interval = format!("{} to {}", measure(metric.low), measure(metric.high));
    view! {
        <span class="score" title=format!("95 % interval {interval}")>
            {measure(metric.value)}
            <small class="muted">{metric_title(&metric.name)}<br/>{interval.clone()}</small>
        </span>
    }
    .into_any()
}

fn nothing_yet(project: String) -> AnyView {
    if !may(Action::Write) {
        return view! { <EmptyState glyph=Glyph::Experiment title="No runs yet" text="When a member of this project trains a model, the run appears here."/> }.into_any();
    }
    let new = format!("/p/{project}/runs/new");
    view! {
        <EmptyState glyph=Glyph::Experiment title="No runs yet" text="Choose a data set and the column to predict; the rest has defaults. Or load the demo project and watch its first run.">
            <LinkButton href=new label="Train model" kind=ButtonKind::Primary glyph=Glyph::Play/>
            <DemoButton/>
        </EmptyState>
    }
    .into_any()
}

/// How many rows the three parts have, in words.
pub fn rows_words(train: u64, valid: u64, test: u64) -> String {
    format!(
        "{} to learn from, {} to choose by, {} to judge by",
        count(train),
        count(valid),
        counted(test, "row", "rows")
    )
}
