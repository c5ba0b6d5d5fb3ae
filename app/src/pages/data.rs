//! The project's data sets.

use crate::wire::resource;
use crate::{
    api::datasets::list_datasets,
    components::*,
    format::{bytes, count, encode},
    hooks::{may, use_page_query, use_project},
    pages::{dataset::checks::standing_badge, parts::DemoButton},
};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::{Action, Page, PageQuery, dataset::DatasetView};

/// The project's data sets.
#[component]
pub fn DataPage() -> impl IntoView {
    let project = use_project();
    let query = use_page_query();
    let list = resource(move || (project.get(), query.get()), |(project, query)| list_datasets(project, query));
    let upload = move || format!("/p/{}/data/upload", project.get());
    let connections = move || format!("/p/{}/data/connections", project.get());
    view! {
        <PageHead title="Data" state="Tables that models train on. Every change makes a new version; old ones stay as they were.">
            <LinkButton href=Signal::derive(connections) label="Connections"/>
            <LinkButton href=Signal::derive(upload) label="Add data" kind=ButtonKind::Primary glyph=Glyph::Upload/>
        </PageHead>
        <Load resource=list lines=10 view=move |page| listed(page, &query.get_untracked(), project.get_untracked()).into_any()/>
    }
}

fn listed(page: Page<DatasetView>, query: &PageQuery, project: String) -> AnyView {
    if page.total == 0 && query.q.is_empty() {
        return nothing_yet(project);
    }
    let download = format!("/api/v1/projects/{}/datasets", encode(&project));
    let (total, at, per_page) = (page.total, page.page, page.per_page);
    let rows = page.items.into_iter().map(|item| row(item, &project)).collect_view();
    let columns = vec![
        Column::text("Name").sorted("name"),
        Column::number("Rows").sorted("rows"),
        Column::number("Columns"),
        Column::number("Size").sorted("bytes"),
        Column::number("Version"),
        Column::text("Warnings"),
        Column::text("Checks"),
        Column::number("Runs"),
        Column::text("Owner"),
        Column::text("Changed"),
    ];
    view! {
        <ListTools search="Search data sets" download=download/>
        {if total == 0 {
            view! { <p class="muted">"No data set has that in its name."</p> }.into_any()
        } else {
            view! { <DataTable caption="Data sets" columns>{rows}</DataTable> }.into_any()
        }}
        <Pager total page=at per_page noun="data sets"/>
    }
    .into_any()
}

fn row(item: DatasetView, project: &str) -> AnyView {
    let href = format!("/p/{project}/data/{}", item.id);
    let runs = format!("/p/{project}/runs?q={}", encode(&item.name));
    let warnings = match item.latest.warnings {
        0 => view! { <span class="muted">"None"</span> }.into_any(),
        n => view! { <Badge tone=Tone::Warning glyph=Glyph::Warning text=count(u64::from(n))/> }.into_any(),
    };
    let checks = match item.latest.checks {
        None => view! { <span class="muted">"–"</span> }.into_any(),
        Some(standing) => standing_badge(standing),
    };
    view! {
        <Row>
            <Cell label="Name" main=true><A href=href>{item.name}</A></Cell>
            <Cell label="Rows" numeric=true>{count(item.latest.rows)}</Cell>
            <Cell label="Columns" numeric=true>{count(u64::from(item.latest.columns))}</Cell>
            <Cell label="Size" numeric=true>{bytes(item.latest.bytes)}</Cell>
            <Cell label="Version" numeric=true>{item.latest.number}</Cell>
            <Cell label="Warnings">{warnings}</Cell>
            <Cell label="Checks">{checks}</Cell>
            <Cell label="Runs" numeric=true>
                {if item.runs == 0 { view! { <span class="muted">"0"</span> }.into_any() } else { view! { <A href=runs>{count(item.runs)}</A> }.into_any() }}
            </Cell>
            <Cell label="Owner">{item.created_by}</Cell>
            <Cell label="Changed"><RelativeTime at=item.latest.created_at/></Cell>
        </Row>
    }
    .into_any()
}

fn nothing_yet(project: String) -> AnyView {
    if !may(Action::Write) {
        return view! { <EmptyState glyph=Glyph::Data title="No data yet" text="A member of this project can upload a table; it then appears here."/> }.into_any();
    }
    let href = format!("/p/{project}/data/upload");
    view! {
        <EmptyState glyph=Glyph::Data title="No data yet" text="Upload a table as CSV, TSV, JSON Lines or Parquet, or load the demo project with a loan data set and a first model.">
            <LinkButton href=href label="Add data" kind=ButtonKind::Primary glyph=Glyph::Upload/>
            <DemoButton/>
        </EmptyState>
    }
    .into_any()
}
