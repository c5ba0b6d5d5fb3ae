//! The project's pipelines.

use super::run_badge;
use crate::wire::resource;
use crate::{api::pipelines::all_pipelines, components::*, hooks::use_project};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::pipeline::PipelineSummary;

/// `/p/:project/pipelines`.
#[component]
pub fn PipelinesPage() -> impl IntoView {
    let project = use_project();
    let list = resource(move || project.get(), all_pipelines);
    let new = move || format!("/p/{}/pipelines/new", project.get());
    view! {
        <PageHead title="Pipelines" state="Steps that make data ready and models of it, in a versioned document. They run by hand, by schedule, or when something happens.">
            <LinkButton href=Signal::derive(new) label="New pipeline" kind=ButtonKind::Primary glyph=Glyph::Plus/>
        </PageHead>
        <Load resource=list lines=8 view=move |list| listed(list, &project.get_untracked())/>
    }
}

fn listed(list: Vec<PipelineSummary>, project: &str) -> AnyView {
    if list.is_empty() {
        return view! { <EmptyState glyph=Glyph::Link title="No pipelines yet" text="A pipeline joins, cleans, checks and splits tables, trains on them, and is run again whenever that is due."/> }.into_any();
    }
    let rows = list
        .into_iter()
        .map(|item| {
            let href = format!("/p/{project}/pipelines/{}", item.id);
            let next = match (item.paused, item.next_tick) {
                (true, _) => view! { <Badge glyph=Glyph::Stop text="Paused"/> }.into_any(),
                (false, Some(at)) => {
                    view! { <time datetime=at.to_iso()>{crate::format::instant(at)}</time> }.into_any()
                }
                (false, None) => view! { <span class="muted">"No schedule"</span> }.into_any(),
            };
            let last = match item.last_run {
                None => view! { <span class="muted">"Never"</span> }.into_any(),
                Some(run) => {
                    let href = format!("/p/{project}/pipeline-runs/{}", run.id);
                    view! { <A href=href>{format!("#{}", run.number)}</A>" "{run_badge(run.state)} }.into_any()
                }
            };
            view! {
                <Row>
                    <Cell label="Name" main=true><A href=href>{item.name}</A></Cell>
                    <Cell label="Description">{item.description}</Cell>
                    <Cell label="Steps" numeric=true>{item.steps}</Cell>
                    <Cell label="Version" numeric=true>{item.version}</Cell>
                    <Cell label="Last run">{last}</Cell>
                    <Cell label="Next run">{next}</Cell>
                    <Cell label="Changed"><RelativeTime at=item.updated_at/>" by "{item.updated_by}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Name"),
        Column::text("Description"),
        Column::number("Steps"),
        Column::number("Version"),
        Column::text("Last run"),
        Column::text("Next run"),
        Column::text("Changed"),
    ];
    view! { <DataTable caption="Pipelines" columns>{rows}</DataTable> }.into_any()
}
