//! A pipeline's partitions: how each one's last run stands, and runs of many of them.

use super::run_badge;
use crate::wire::Resource;
use crate::{
    AppError,
    api::pipelines::fill_partitions,
    components::*,
    format::{count, counted, duration},
    hooks::may,
};
use leptos::prelude::*;
use leptos_router::components::A;
use std::collections::BTreeSet;
use trainyard_types::{
    Action as Doing, PipelineId,
    pipeline::{Backfill, PartitionPage, PartitionView},
};

/// States to filter by, as addresses have them.
const STATES: [(&str, &str); 7] = [
    ("never", "Never run"),
    ("queued", "Queued"),
    ("running", "Running"),
    ("waiting", "Waiting"),
    ("succeeded", "Done"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
];

/// The tab; its page of partitions is loaded at the top of the pipeline's page.
#[component]
pub(super) fn PartitionsTab(
    project: String,
    id: PipelineId,
    page: Resource<Result<Option<PartitionPage>, AppError>>,
) -> impl IntoView {
    let chosen = RwSignal::new(BTreeSet::<String>::new());
    let project = StoredValue::new(project);
    let toasts = use_toasts();
    let fill = Action::new(move |input: &Backfill| fill_partitions(project.get_value(), id, input.clone()));
    Effect::new(move |_| match fill.value().get() {
        Some(Ok(runs)) => {
            toasts.say(format!("{} asked for.", counted(runs.len() as u64, "run", "runs")));
            chosen.set(BTreeSet::new());
            page.refetch();
        }
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    watch(page);
    view! {
        <Load resource=page lines=10 view=move |page| match page {
            Some(page) => view! { <Shown project=project.get_value() page chosen fill/> }.into_any(),
            None => ().into_any(),
        }/>
    }
}

/// Looks again every two seconds while something runs.
fn watch(page: Resource<Result<Option<PartitionPage>, AppError>>) {
    Effect::new(move |_| {
        let again = move || {
            let open = page.with_untracked(|page| match page {
                Some(Ok(Some(page))) => ["queued", "running"].iter().any(|state| page.counts.contains_key(*state)),
                _ => false,
            });
            if open {
                page.refetch();
            }
        };
        let handle = set_interval_with_handle(again, std::time::Duration::from_secs(2));
        on_cleanup(move || {
            if let Ok(handle) = handle {
                handle.clear();
            }
        });
    });
}

/// "3 runs, 2 at a time".
fn in_words(runs: usize, concurrency: u32) -> String {
    let at_once = if concurrency == 1 { "one at a time".to_owned() } else { format!("{concurrency} at a time") };
    format!("{}, {at_once}", counted(runs as u64, "run", "runs"))
}

type Fill = Action<Backfill, Result<Vec<trainyard_types::pipeline::PipelineRunSummary>, AppError>>;

#[component]
fn Shown(project: String, page: PartitionPage, chosen: RwSignal<BTreeSet<String>>, fill: Fill) -> impl IntoView {
    let PartitionPage { page, counts, concurrency } = page;
    let total: u64 = counts.values().sum();
    let mut states = vec![(String::new(), format!("All {}", count(total)))];
    states.extend(
        STATES
            .iter()
            .filter_map(|(key, title)| counts.get(*key).map(|n| ((*key).to_owned(), format!("{title} {}", count(*n))))),
    );
    let writes = may(Doing::Write);
    let names: Vec<String> = page.items.iter().map(|item| item.name.clone()).collect();
    let bad = ["failed", "cancelled"].iter().filter_map(|state| counts.get(*state)).sum::<u64>();
    let rows = page.items.into_iter().map(|item| row(item, &project, chosen, writes)).collect_view();
    let mut columns = vec![
        Column::text("Partition"),
        Column::text("Last run"),
        Column::text("State"),
        Column::text("Asked for"),
        Column::number("Time"),
    ];
    if writes {
        columns.insert(0, Column::text("Choose"));
    }
    let tools = writes.then(|| view! { <Tools names chosen fill concurrency bad/> });
    view! {
        <ListTools search="Search partitions" states/>
        {tools}
        <DataTable caption="Partitions" columns>{rows}</DataTable>
        <Pager total=page.total page=page.page per_page=page.per_page noun="partitions"/>
    }
}

/// Chooses, and runs what is chosen.
#[component]
fn Tools(
    names: Vec<String>,
    chosen: RwSignal<BTreeSet<String>>,
    fill: Fill,
    concurrency: u32,
    bad: u64,
) -> impl IntoView {
    let options: Vec<(String, String)> = names.iter().map(|name| (name.clone(), name.clone())).collect();
    let (first, last) = (names.first().cloned().unwrap_or_default(), names.last().cloned().unwrap_or_default());
    let ends = RwSignal::new((first.clone(), last.clone()));
    let names = StoredValue::new(names);
    let range = move |()| {
        let (from, to) = ends.get_untracked();
        names.with_value(|names| {
            let place = |name: &String| names.iter().position(|other| other == name).unwrap_or(0);
            let (a, b) = (place(&from).min(place(&to)), place(&from).max(place(&to)));
            chosen.update(|chosen| chosen.extend(names.iter().skip(a).take(b + 1 - a).cloned()));
        });
    };
    let run = move |()| {
        let partitions = chosen.get_untracked().into_iter().collect();
        fill.dispatch(Backfill { partitions, ..Backfill::default() });
    };
    let retry = move |()| {
        fill.dispatch(Backfill { failed: true, ..Backfill::default() });
    };
    let none = Signal::derive(move || chosen.with(BTreeSet::is_empty) || fill.pending().get());
    let words = move || match chosen.with(BTreeSet::len) {
        0 => "Choose partitions in the table, or a range.".to_owned(),
        n => format!("{} chosen: {}.", counted(n as u64, "partition", "partitions"), in_words(n, concurrency)),
    };
    let again = format!("Run {} that did not go well again", counted(bad, "partition", "partitions"));
    view! {
        <div class="partition-tools">
            <div class="form-row">
                <SelectField name="from" id="partition-from" label="From" options=options.clone() value=first on_value=Callback::new(move |name| ends.update(|ends| ends.0 = name))/>
                <SelectField name="to" id="partition-to" label="To" options value=last on_value=Callback::new(move |name| ends.update(|ends| ends.1 = name))/>
                <Button label="Choose this range".to_owned() on_press=range/>
            </div>
            <div class="button-row">
                <Button label="Run these partitions".to_owned() kind=ButtonKind::Primary glyph=Glyph::Play disabled=none on_press=run/>
                <Button label="Choose none".to_owned() disabled=none on_press=move |()| chosen.set(BTreeSet::new())/>
                {(bad > 0).then(|| view! { <Button label=again disabled=fill.pending() on_press=retry/> })}
                <span class="muted" role="status">{words}</span>
            </div>
        </div>
    }
}

fn row(item: PartitionView, project: &str, chosen: RwSignal<BTreeSet<String>>, writes: bool) -> AnyView {
    let name = item.name.clone();
    let tick = writes.then(|| {
        let (of, this) = (item.name.clone(), item.name.clone());
        let checked = move || chosen.with(|chosen| chosen.contains(&of));
        let change = move |ev| {
            let on = event_target_checked(&ev);
            chosen.update(|chosen| {
                if on { chosen.insert(this.clone()) } else { chosen.remove(&this) };
            });
        };
        let label = format!("Choose {}", item.name);
        view! { <Cell label="Choose"><input type="checkbox" aria-label=label prop:checked=checked on:change=change/></Cell> }
    });
    let cells = match item.last {
        None => view! {
            <Cell label="Last run"><span class="muted">"–"</span></Cell>
            <Cell label="State"><Badge glyph=Glyph::Clock text="Never run"/></Cell>
            <Cell label="Asked for"><span class="muted">"–"</span></Cell>
            <Cell label="Time" numeric=true>"–"</Cell>
        }
        .into_any(),
        Some(last) => {
            let href = format!("/p/{project}/pipeline-runs/{}", last.run);
            let time = last.ended_at.map_or("–".to_owned(), |end| duration(end.seconds_since(last.created_at)));
            view! {
                <Cell label="Last run"><A href=href>{format!("#{}", last.number)}</A></Cell>
                <Cell label="State">{run_badge(last.state)}</Cell>
                <Cell label="Asked for"><RelativeTime at=last.created_at/></Cell>
                <Cell label="Time" numeric=true>{time}</Cell>
            }
            .into_any()
        }
    };
    view! { <Row>{tick}<Cell label="Partition" main=true>{name}</Cell>{cells}</Row> }.into_any()
}
