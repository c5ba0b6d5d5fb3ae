//! The rows above the table: search, states, filter, columns, views, downloads.

use super::{
    columns::Columns,
    filters::{AddFilter, FilterChips},
    query::{Kept, download},
    views::{Views, ViewsResource},
};
use crate::{AppError, browser, components::*, hooks::use_address, wire::Resource};
use leptos::prelude::*;
use trainyard_types::experiments::{KnownColumns, RunQuery};

pub(super) type KnownResource = Resource<Result<KnownColumns, AppError>>;

const STATES: [(&str, &str); 6] = [
    ("", "All"),
    ("running", "Running"),
    ("queued", "Queued"),
    ("succeeded", "Done"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
];

#[component]
pub(super) fn Tools(
    project: Memo<String>,
    query: Memo<RunQuery>,
    known: KnownResource,
    /// Words that columns are searched by.
    search: RwSignal<String>,
    views: ViewsResource,
) -> impl IntoView {
    let address = use_address();
    let chips = STATES
        .map(|(value, label)| {
            let current = move || (query.with(|q| q.state == value && !q.archived)).then_some("true");
            let href = move || address(&[("state", Some(value.to_owned())), ("archived", None), ("page", None)]);
            view! { <a class="chip" href=href aria-current=current data-noscroll="true">{label}</a> }
        })
        .collect_view();
    let in_archive = move || query.with(|q| q.archived).then_some("true");
    let archive = move || address(&[("state", None), ("archived", Some("true".to_owned())), ("page", None)]);
    let link = Signal::derive(move || format!("{}{}", browser::origin(), address(&[])));
    let file = move |format: &'static str| query.with(|q| project.with(|p| download(p, q, format)));
    view! {
        <div class="list-tools">
            <leptos_router::components::Form method="GET" action="" attr:class="search" attr:role="search">
                <Kept query without="q"/>
                <Icon glyph=Glyph::Search/>
                <input type="search" name="q" aria-label="Search runs, data sets, targets" placeholder="Search runs, data sets, targets"
                    prop:value=move || query.get().q value=query.get_untracked().q/>
            </leptos_router::components::Form>
            <div class="chips" role="group" aria-label="Filter by state">
                {chips}
                <a class="chip" href=archive aria-current=in_archive data-noscroll="true">"Archived"</a>
            </div>
            <span class="downloads">
                <CopyButton text=link label="Copy the link to this view"/>
                <Icon glyph=Glyph::Download/>
                <a rel="external" download="" href=move || file("csv")>"CSV"</a>
                <a rel="external" download="" href=move || file("json")>"JSON"</a>
            </span>
        </div>
        <div class="list-tools run-tools">
            <AddFilter query known/>
            <Columns query known search/>
            <Views project query views/>
            <FilterChips query/>
        </div>
    }
}
