//! The project's runs: a table whose columns, filter and order the person chooses.

mod bulk;
pub(crate) mod cells;
mod columns;
mod filters;
mod query;
mod table;
mod tools;
mod views;

pub use cells::position_words;

use crate::wire::resource;
use crate::{
    api::experiments::{read_run_table, run_columns, run_views},
    browser,
    components::*,
    format::{count, counted},
    hooks::{SignedIn, may, use_project},
    pages::parts::DemoButton,
};
use bulk::{Acts, BulkBar};
use leptos::prelude::*;
use query::{is_whole, use_run_query};
use tools::Tools;
use trainyard_types::{
    Action,
    account::Me,
    experiments::{RunQuery, RunTable},
    job::JobState,
};

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
    let query = use_run_query();
    let search = RwSignal::new(String::new());
    let list = resource(move || (project.get(), query.get()), |(project, query)| read_run_table(project, query));
    let known = resource(move || (project.get(), search.get()), |(project, words)| run_columns(project, words));
    let views = resource(move || project.get(), run_views);
    let shown = RwSignal::new(Going::default());
    Effect::new(move |_| {
        if shown.with(|s| s.running + s.queued > 0) {
            browser::every(2_000, move || list.refetch());
        }
    });
    let signed_in = use_context::<SignedIn>();
    let acts = Acts::new(project, Callback::new(move |()| list.refetch()));
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
        <Tools project query known search views/>
        <Load resource=list lines=10 view=move |table| listed(table, &query.get_untracked(), project.get_untracked(), shown, acts)/>
        // Apart from the table, which is drawn anew while runs go on: an open dialog stays.
        {signed_in.map(|signed_in| view! {
            <Load resource=signed_in.me lines=0 view=move |_: Me| view! { <BulkBar acts project query writes=may(Action::Write)/> }.into_any()/>
        })}
    }
}

fn listed(table: RunTable, query: &RunQuery, project: String, shown: RwSignal<Going>, acts: Acts) -> AnyView {
    let rows = || table.pinned.iter().chain(&table.page.items);
    let count = |state: JobState| rows().filter(|row| row.run.job.state == state).count();
    let going = Going { running: count(JobState::Running), queued: count(JobState::Queued) };
    if shown.get_untracked() != going {
        shown.set(going);
    }
    let (total, at, per_page) = (table.page.total, table.page.page, table.page.per_page);
    let none = rows().next().is_none();
    if none && total == 0 && is_whole(query) {
        return nothing_yet(project);
    }
    let archived = query.archived;
    view! {
        <p class="live-mark muted" role="status">
            {(going != Going::default()).then(|| view! { <span class="live-dot"></span>"Live, every 2 s" })}
        </p>
        {(total == 0 && !is_whole(query)).then(|| view! { <p class="muted">{if archived { "No run is archived, or none matches." } else { "No run matches. Clear the search, take a condition away or choose another state." }}</p> })}
        {(!none).then(|| table::table(table, query, &project, acts))}
        <Pager total page=at per_page noun="runs"/>
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
