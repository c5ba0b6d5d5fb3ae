//! Which columns the table has, and in which order.

use super::{query::written, tools::KnownResource};
use crate::{
    components::*,
    format::count,
    hooks::{use_address, use_set_query},
};
use leptos::prelude::*;
use trainyard_types::experiments::{Attribute, Field, KnownColumns, RunQuery};

/// The columns in their order, and a search for more.
#[component]
pub(super) fn Columns(query: Memo<RunQuery>, known: KnownResource, search: RwSignal<String>) -> impl IntoView {
    let address = use_address();
    let set_query = use_set_query();
    let chosen = Memo::new(move |_| query.with(|q| q.fields().unwrap_or_default()));
    let change = Callback::new(move |fields: Vec<Field>| {
        set_query(&[("columns", Some(written(&fields)))]);
    });
    let usual = move || address(&[("columns", None)]);
    let list = move || {
        let fields = chosen.get();
        let last = fields.len().saturating_sub(1);
        (0..fields.len())
            .map(|at| {
                let title = fields[at].title();
                let moved = |to: usize| {
                    let mut fields = fields.clone();
                    fields.swap(at, to.min(last));
                    fields
                };
                let (up, down) = (moved(at.saturating_sub(1)), moved(at + 1));
                let mut rest = fields.clone();
                rest.remove(at);
                let [before, after, away] =
                    ["Move before: ", "Move after: ", "Take away: "].map(|words| format!("{words}{title}"));
                view! {
                    <li>
                        <span>{title}</span>
                        <button type="button" class="button quiet small" aria-label=before disabled={at == 0} on:click=move |_| change.run(up.clone())><Icon glyph=Glyph::ArrowUp/></button>
                        <button type="button" class="button quiet small" aria-label=after disabled={at == last} on:click=move |_| change.run(down.clone())><Icon glyph=Glyph::ArrowDown/></button>
                        <button type="button" class="button quiet small" aria-label=away disabled={last == 0} on:click=move |_| change.run(rest.clone())><Icon glyph=Glyph::Close/></button>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <details class="take tool-take">
            <summary><Icon glyph=Glyph::Table/>"Columns " <span class="tab-count">{move || chosen.with(Vec::len)}</span></summary>
            <div class="take-body stack needs-script">
                <ol class="column-list">{list}</ol>
                <a href=usual data-noscroll="true">"The usual columns"</a>
                <input type="search" aria-label="Search metrics, parameters and tags" placeholder="Search metrics, parameters, tags" autocomplete="off"
                    prop:value=move || search.get() on:input=move |ev| search.set(event_target_value(&ev))/>
                <Load resource=known lines=4 view=move |known| offered(known, chosen, search, change)/>
            </div>
        </details>
    }
}

/// What can be added: the columns that all runs have, then what the search finds.
fn offered(
    known: KnownColumns,
    chosen: Memo<Vec<Field>>,
    search: RwSignal<String>,
    change: Callback<Vec<Field>>,
) -> AnyView {
    let found = known.columns.len() as u64;
    let more = (known.total > found).then(|| {
        let text = format!("{} of {} fit: search for the others.", count(found), count(known.total));
        view! { <p class="muted">{text}</p> }
    });
    let words = search.get_untracked().to_lowercase();
    let attributes = Attribute::ALL
        .into_iter()
        .filter(|attribute| attribute.title().to_lowercase().contains(&words))
        .map(Field::Attribute);
    let fields: Vec<Field> = attributes.chain(known.columns.into_iter().map(|column| column.field)).collect();
    let list = move || {
        let shown = chosen.get();
        fields
            .iter()
            .filter(|field| !shown.contains(field))
            .map(|field| {
                let mut with = shown.clone();
                with.push(field.clone());
                let (text, label) = (field.to_string(), format!("Show {field}"));
                view! {
                    <li><button type="button" class="button quiet small" aria-label=label on:click=move |_| change.run(with.clone())><Icon glyph=Glyph::Plus/>{text}</button></li>
                }
            })
            .collect_view()
    };
    view! { <ul class="column-list offered">{list}</ul>{more} }.into_any()
}
