//! A project's home: three doors on the first visit, afterwards what runs, what failed and what is live.

use super::{frame::Activity, parts::DemoButton};
use crate::wire::resource;
use crate::{
    api::project,
    components::*,
    format,
    hooks::{may, moment, use_project},
};
use leptos::prelude::*;
use leptos_router::components::Redirect;
use trainyard_types::{
    Action, RunId,
    home::HomeView,
    job::{JobState, Progress, WorkerView},
    model::ModelView,
    run::RunSummary,
};

/// The project's slug, cheap to hand on.
type Slug = StoredValue<String>;

/// An address within the project.
fn at(slug: Slug, rest: &str) -> String {
    format!("/p/{}{rest}", slug.get_value())
}

/// `/`: goes on to the project looked at last. Who sees none gets a way to one.
#[component]
pub fn StartPage() -> impl IntoView {
    let start = resource(|| (), |()| project::start());
    view! {
        <Load resource=start lines=3 view=|slug| match slug {
            Some(slug) => view! { <Redirect path=format!("/p/{slug}")/> }.into_any(),
            None => view! { <NoProject/> }.into_any(),
        }/>
    }
}

#[component]
fn NoProject() -> impl IntoView {
    let admin = may(Action::Administer);
    view! {
        <PageHead title="Welcome to Trainyard" state="You see no project yet."/>
        {if admin {
            view! {
                <EmptyState glyph=Glyph::Home title="Begin with a project" text="A project holds data sets, runs and models. The demo project comes with data and a trained model.">
                    <DemoButton/>
                    <LinkButton href="/admin/projects" label="Make a project" kind=ButtonKind::Primary/>
                </EmptyState>
            }.into_any()
        } else {
            view! {
                <EmptyState glyph=Glyph::Home title="No project yet" text="Ask an admin for a role in a workspace: its projects appear here then. Meanwhile you can load the demo project, if your role allows it.">
                    <DemoButton/>
                </EmptyState>
            }.into_any()
        }}
    }
}

/// `/p/{project}`.
#[component]
pub fn HomePage() -> impl IntoView {
    let slug = use_project();
    let home = resource(
        move || slug.get(),
        |slug| async move {
            // One resource for the whole page: one made inside of another's view has no fixed place in the server's answer.
            let (home, workers) = project::home(slug.clone()).await?;
            Ok::<_, crate::AppError>((slug, home, workers))
        },
    );
    // When a job starts or ends, the page shows it: the counts come from what the top bar asks for anyway.
    let activity = use_context::<Activity>();
    Effect::new(move |before: Option<Option<(u64, u64)>>| {
        let before = before.flatten();
        let now = activity.and_then(|a| a.get()).map(|(_, a)| (a.running, a.queued));
        if before.is_some() && now.is_some() && now != before {
            home.refetch();
        }
        now.or(before)
    });
    view! { <Load resource=home lines=10 view=|(slug, home, workers)| view! { <Home slug=StoredValue::new(slug) home workers/> }.into_any()/> }
}

#[component]
fn Home(slug: Slug, home: HomeView, workers: Vec<WorkerView>) -> impl IntoView {
    let name = crate::hooks::use_me()
        .and_then(|me| me.projects.into_iter().find(|p| slug.with_value(|s| *s == p.slug)))
        .map_or_else(|| slug.get_value(), |p| p.name);
    let write = may(Action::Write);
    if home.first_visit {
        return view! {
            <PageHead title=name state="Nothing is here yet. Three ways to begin."/>
            <Doors slug write/>
        }
        .into_any();
    }
    let counts = home.counts;
    let failed: Vec<RunSummary> =
        home.last.iter().filter(|r| r.job.state == JobState::Failed).take(5).cloned().collect();
    let state = state_in_words(&home);
    view! {
        <PageHead title=name state>
            {write.then(|| view! {
                <LinkButton href=at(slug, "/data/upload") label="Add data" glyph=Glyph::Upload/>
                <LinkButton href=at(slug, "/runs/new") label="Train model" kind=ButtonKind::Primary glyph=Glyph::Play/>
            })}
        </PageHead>
        <Stats>
            <LinkedStat href=at(slug, "/data") label="Data sets" value=counts.datasets/>
            <LinkedStat href=at(slug, "/runs?state=running") label="Running" value=counts.running/>
            <LinkedStat href=at(slug, "/runs?state=queued") label="Queued" value=counts.queued/>
            <LinkedStat href=at(slug, "/runs?state=failed") label="Failed" value=counts.failed/>
            <LinkedStat href=at(slug, "/models") label="Models" value=counts.models/>
        </Stats>
        {(counts.models_without_champion > 0).then(|| view! {
            <Note tone=Tone::Warning>
                <p>{format::counted(counts.models_without_champion, "model has", "models have")}" no "<Term name="champion"/>": asking for predictions answers 404. "
                    <a href=at(slug, "/models")>"Choose a version"</a>"."</p>
            </Note>
        })}
        <Section title="Models" lead="What answers predictions now, and how good it was on test rows.">
            <ModelsTable slug models=home.models write/>
        </Section>
        <div class="columns">
            <Section title="Running and queued">
                <RunList slug runs=home.running nothing="Nothing runs now."/>
            </Section>
            <Section title="Last runs">
                <RunList slug runs=home.last nothing="No run has ended yet."/>
            </Section>
            {(!failed.is_empty()).then(|| view! {
                <Section title="Failures, with reason">
                    <RunList slug runs=failed nothing=""/>
                </Section>
            })}
            {may(Action::Administer).then(|| view! { <Devices queued=counts.queued workers/> })}
        </div>
    }
    .into_any()
}

/// How the project stands, in one line.
fn state_in_words(home: &HomeView) -> String {
    let counts = &home.counts;
    let runs = match (counts.running, counts.queued) {
        (0, 0) => "Nothing runs".to_owned(),
        (running, 0) => format!("{} running", format::count(running)),
        (0, queued) => format!("{} queued", format::count(queued)),
        (running, queued) => format!("{} running, {} queued", format::count(running), format::count(queued)),
    };
    let last_failed = home.last.first().is_some_and(|r| r.job.state == JobState::Failed);
    let trouble = if last_failed { "; the last run failed" } else { "" };
    if counts.models == 0 {
        return format!("{runs}{trouble}. No model is registered yet.");
    }
    let with = counts.models.saturating_sub(counts.models_without_champion);
    let models = match (counts.models, with) {
        (1, 0) => "The one model has no champion".to_owned(),
        (1, _) => "The one model has a champion".to_owned(),
        (all, with) if all == with => format!("All {} models have a champion", format::count(all)),
        (all, with) => format!("{} of {} models have a champion", format::count(with), format::count(all)),
    };
    format!("{runs}{trouble}. {models}.")
}

#[component]
fn LinkedStat(href: String, label: &'static str, value: u64) -> impl IntoView {
    view! {
        <a class="stat" href=href>
            <span class="stat-label">{label}</span>
            <span class="stat-value">{format::count(value)}</span>
        </a>
    }
}

#[component]
fn Doors(slug: Slug, write: bool) -> impl IntoView {
    view! {
        <div class="doors">
            <section class="door">
                <Icon glyph=Glyph::Play/>
                <h2>"See it work"</h2>
                <p>"The demo project brings a synthetic set of loan applications, trains on it and registers the model. About a minute."</p>
                <DemoButton/>
            </section>
            <section class="door">
                <Icon glyph=Glyph::Upload/>
                <h2>"Bring your data"</h2>
                <p>"A CSV, TSV, JSON Lines or Parquet file, or a table of a database, with one row a case. You see how it was read before anything is kept."</p>
                {if write {
                    view! {
                        <div class="button-row">
                            <LinkButton href=at(slug, "/data/upload") label="Add data" kind=ButtonKind::Primary/>
                            <LinkButton href=at(slug, "/data/connections") label="Connect a source" kind=ButtonKind::Quiet/>
                        </div>
                    }.into_any()
                } else {
                    view! { <p class="muted">"Your role only reads. A member of the project uploads data."</p> }.into_any()
                }}
            </section>
            <section class="door">
                <Icon glyph=Glyph::Code/>
                <h2>"Use it from code"</h2>
                <p>"Everything here has a REST address. Make an API token, then call it from your own program."</p>
                <div class="button-row">
                    <LinkButton href="/settings#tokens" label="Make a token"/>
                    <LinkButton href="/docs/api" label="Read the API" kind=ButtonKind::Quiet/>
                </div>
            </section>
        </div>
    }
}

#[component]
fn RunList(slug: Slug, runs: Vec<RunSummary>, #[prop(into)] nothing: String) -> impl IntoView {
    if runs.is_empty() {
        return view! { <p class="muted">{nothing}</p> }.into_any();
    }
    view! {
        <ul class="run-list">
            {runs.into_iter().map(|run| view! { <RunItem slug run/> }).collect_view()}
        </ul>
    }
    .into_any()
}

#[component]
fn RunItem(slug: Slug, run: RunSummary) -> impl IntoView {
    let score =
        run.score.map(|s| format!("{} {}", trainyard_types::glossary::title(&s.name), format::measure(s.value)));
    let waiting = run.job.queue_position.map(|n| match run.job.queue_eta_seconds {
        Some(seconds) => format!("number {n} in the queue, starts in about {}", format::duration(seconds)),
        None => format!("number {n} in the queue"),
    });
    let reason = run.job.reason.filter(|_| run.job.state == JobState::Failed);
    view! {
        <li class="run-item">
            <a href=at(slug, &format!("/runs/{}", run.id))>{run.name}</a>
            <JobBadge state=run.job.state/>
            <p class="muted small">
                {run.dataset_name}" v"{run.dataset_version}", target "{run.target}{score.map(|s| format!(", {s}"))}{waiting.map(|w| format!(", {w}"))}", "
                <RelativeTime at=run.job.ended_at.unwrap_or(run.created_at)/>
            </p>
            {reason.map(|reason| view! { <p class="small">{reason}</p> })}
            {(run.job.state == JobState::Running).then(|| view! { <LiveProgress run=run.id progress=run.job.progress/> })}
        </li>
    }
}

/// A running job's progress, renewed by what the top bar learns.
#[component]
fn LiveProgress(run: RunId, progress: Option<Progress>) -> impl IntoView {
    let activity = use_context::<Activity>();
    move || {
        let newest = activity
            .and_then(|a| a.get())
            .and_then(|(_, a)| a.jobs.into_iter().find(|j| j.run == run)?.progress)
            .or_else(|| progress.clone());
        newest.map(|progress| view! { <JobProgress progress/> })
    }
}

#[component]
fn ModelsTable(slug: Slug, models: Vec<ModelView>, write: bool) -> impl IntoView {
    if models.is_empty() {
        return view! {
            <EmptyState glyph=Glyph::Model title="No model is registered" text="A run's page registers its model, with one click, when the run is done.">
                {write.then(|| view! { <LinkButton href=at(slug, "/runs/new") label="Train model"/> })}
            </EmptyState>
        }
        .into_any();
    }
    let columns = vec![
        Column::text("Model"),
        Column::text("Champion").term("champion"),
        Column::number("Test score"),
        Column::text("Verdict").term("verdict"),
        Column::number("Predictions").term("prediction"),
        Column::text("Trained"),
        Column::text("Owner"),
    ];
    view! {
        <DataTable caption="Models of the project" columns>
            {models.into_iter().map(|model| {
                let latest = model.latest;
                let score = latest.test.first().map(|m| format!("{} {}", trainyard_types::glossary::title(&m.name), format::measure(m.value)));
                view! {
                    <Row>
                        <Cell label="Model" main=true><a href=at(slug, &format!("/models/{}", model.name))>{model.name.clone()}</a></Cell>
                        <Cell label="Champion">
                            {match model.champion {
                                Some(n) => view! { <Badge tone=Tone::Ok glyph=Glyph::Crown text=format!("Version {n}")/> }.into_any(),
                                None => view! { <Badge tone=Tone::Warning glyph=Glyph::Warning text="None"/> }.into_any(),
                            }}
                        </Cell>
                        <Cell label="Test score" numeric=true>{score.unwrap_or_else(|| "–".to_owned())}</Cell>
                        <Cell label="Verdict"><FitBadge fit=latest.verdict.fit/></Cell>
                        <Cell label="Predictions" numeric=true>{format::count(model.predictions)}</Cell>
                        <Cell label="Trained"><RelativeTime at=latest.created_at/></Cell>
                        <Cell label="Owner">{model.created_by}</Cell>
                    </Row>
                }
            }).collect_view()}
        </DataTable>
    }
    .into_any()
}

/// The queue and what works it.
#[component]
fn Devices(queued: u64, workers: Vec<WorkerView>) -> impl IntoView {
    let now = moment();
    let workers: Vec<_> = workers.into_iter().filter(|w| now.seconds_since(w.last_seen) < 60.0).collect();
    let none = workers.is_empty();
    let items = workers
        .into_iter()
        .map(|w| {
            let work =
                if w.running == 0 { "idle".to_owned() } else { format::counted(u64::from(w.running), "job", "jobs") };
            view! {
                <li class="run-item">
                    <span>{w.host}</span>
                    <span class="muted small">{work}</span>
                    <p class="muted small"><Term name="device" text="Device"/>" "{w.device}</p>
                </li>
            }
        })
        .collect_view();
    view! {
        <Section title="Queue and devices">
            {none.then(|| view! {
                <Note tone=Tone::Warning><p>"No worker is there: jobs wait. Start one with "<code>"trainyard worker"</code>", or the server without "<code>"--no-worker"</code>"."</p></Note>
            })}
            <p class="muted">{format::counted(queued, "job waits", "jobs wait")}" in this project."</p>
            <ul class="run-list">{items}</ul>
        </Section>
    }
    .into_any()
}
