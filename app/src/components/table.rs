//! Tables that the server pages, sorts and filters. All their state stands in the address.

use super::{Glyph, Icon, Term};
use crate::{
    format,
    hooks::{use_address, use_page_query},
};
use leptos::prelude::*;

/// A column's head.
#[derive(Clone, Debug, Default)]
pub struct Column {
    pub title: &'static str,
    /// The server's name for it where it can be sorted by.
    pub sort: Option<&'static str>,
    /// Right-aligned, in tabular figures.
    pub numeric: bool,
    /// A glossary entry that explains it.
    pub term: Option<&'static str>,
}

impl Column {
    /// A column of text.
    pub fn text(title: &'static str) -> Self {
        Self { title, ..Self::default() }
    }
    /// A column of numbers.
    pub fn number(title: &'static str) -> Self {
        Self { title, numeric: true, ..Self::default() }
    }
    /// Can be sorted by, under this name.
    pub fn sorted(mut self, name: &'static str) -> Self {
        self.sort = Some(name);
        self
    }
    /// Explained by the glossary.
    pub fn term(mut self, name: &'static str) -> Self {
        self.term = Some(name);
        self
    }
}

/// A table with heads that sort through the address. The children are [`Row`]s. On a phone each row becomes a card.
#[component]
pub fn DataTable(
    /// What the table holds: for screen readers.
    #[prop(into)]
    caption: String,
    columns: Vec<Column>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table-wrap">
            <table class="table" role="table">
                <caption class="visually-hidden">{caption}</caption>
                <thead role="rowgroup">
                    <tr role="row">{columns.into_iter().map(|column| view! { <Head column/> }).collect_view()}</tr>
                </thead>
                <tbody role="rowgroup">{children()}</tbody>
            </table>
        </div>
    }
}

#[component]
fn Head(column: Column) -> impl IntoView {
    let class = if column.numeric { "num" } else { "" };
    let Some(sort) = column.sort else {
        let title = match column.term {
            Some(term) => view! { <Term name=term text=column.title/> }.into_any(),
            None => column.title.into_any(),
        };
        return view! { <th scope="col" role="columnheader" class=class>{title}</th> }.into_any();
    };
    let query = use_page_query();
    let address = use_address();
    let direction = move || {
        query.with(|q| match q.sort.strip_prefix('-') {
            Some(name) if name == sort => Some("descending"),
            None if q.sort == sort => Some("ascending"),
            _ => None,
        })
    };
    let href = move || {
        let next = if direction() == Some("descending") { sort.to_owned() } else { format!("-{sort}") };
        address(&[("sort", Some(next)), ("page", None)])
    };
    view! {
        <th scope="col" role="columnheader" class=class aria-sort=direction>
            <a class="sort" href=href data-noscroll="true">
                {column.title}
                {move || match direction() {
                    Some("ascending") => Some(view! { <Icon glyph=Glyph::ArrowUp/> }),
                    Some(_) => Some(view! { <Icon glyph=Glyph::ArrowDown/> }),
                    None => None,
                }}
            </a>
        </th>
    }
    .into_any()
}

/// A table's row; the children are [`Cell`]s.
#[component]
pub fn Row(children: Children) -> impl IntoView {
    view! { <tr role="row">{children()}</tr> }
}

/// A cell. `label` is its column's title: it stands before the value where rows are cards.
#[component]
pub fn Cell(
    #[prop(into)] label: String,
    #[prop(optional)] numeric: bool,
    /// The row's name: takes the card's first line.
    #[prop(optional)]
    main: bool,
    children: Children,
) -> impl IntoView {
    let class = match (numeric, main) {
        (true, _) => "num",
        (_, true) => "main",
        _ => "",
    };
    view! { <td role="cell" class=class data-label=label>{children()}</td> }
}

/// Pages of a list: which part is shown, and links to the ones beside it.
#[component]
pub fn Pager(total: u64, page: u64, per_page: u64, #[prop(into)] noun: String) -> impl IntoView {
    let address = use_address();
    let pages = total.div_ceil(per_page.max(1)).max(1);
    let first = if total == 0 { 0 } else { (page - 1).saturating_mul(per_page) + 1 };
    let last = (page.saturating_mul(per_page)).min(total);
    let link = move |to: u64, label: &'static str, enabled: bool| {
        if enabled {
            let href = move || address(&[("page", (to > 1).then(|| to.to_string()))]);
            view! { <a class="button small" href=href>{label}</a> }.into_any()
        } else {
            view! { <span class="button small" aria-disabled="true">{label}</span> }.into_any()
        }
    };
    view! {
        <nav class="pager" aria-label="Pages">
            <p class="muted">
                {if total == 0 {
                    format!("No {noun}")
                } else {
                    format!("{} to {} of {} {noun}", format::count(first), format::count(last), format::count(total))
                }}
            </p>
            {(pages > 1).then(|| view! {
                <div class="button-row">
                    {link(page.saturating_sub(1), "Previous", page > 1)}
                    {link(page + 1, "Next", page < pages)}
                </div>
            })}
        </nav>
    }
}

/// The row above a list: search, a filter by state, and downloads. A plain GET form, so that it works anywhere.
#[component]
pub fn ListTools(
    /// What the search looks in: "Search runs".
    #[prop(into)]
    search: String,
    /// Value and label of each state to filter by; the empty value stands for all.
    #[prop(optional)]
    states: Vec<(String, String)>,
    /// The REST address of the same list; `format=csv` and the query are added.
    #[prop(optional, into)]
    download: Option<String>,
) -> impl IntoView {
    let query = use_page_query();
    let address = use_address();
    let search_label = search.clone();
    let tab = crate::hooks::use_query_param("tab");
    let kept = move || {
        let q = query.get();
        view! {
            <input type="hidden" name="tab" value=tab.get() disabled=tab.get().is_empty()/>
            <input type="hidden" name="sort" value=q.sort.clone() disabled=q.sort.is_empty()/>
            <input type="hidden" name="state" value=q.state.clone() disabled=q.state.is_empty()/>
        }
    };
    let links = download.map(|base| {
        let href = move |kind: &str| {
            let q = query.get();
            format!(
                "{base}?format={kind}&q={}&sort={}&state={}&per_page=500",
                format::encode(&q.q),
                format::encode(&q.sort),
                format::encode(&q.state)
            )
        };
        let (csv, json) = (href.clone(), href);
        view! {
            <span class="downloads">
                <Icon glyph=Glyph::Download/>
                <a rel="external" download="" href=move || csv("csv")>"CSV"</a>
                <a rel="external" download="" href=move || json("json")>"JSON"</a>
            </span>
        }
    });
    view! {
        <div class="list-tools">
            <leptos_router::components::Form method="GET" action="" attr:class="search" attr:role="search">
                {kept}
                <Icon glyph=Glyph::Search/>
                <input type="search" name="q" aria-label=search_label placeholder=search prop:value=move || query.get().q value=query.get_untracked().q/>
            </leptos_router::components::Form>
            {(!states.is_empty()).then(|| view! {
                <div class="chips" role="group" aria-label="Filter by state">
                    {states.into_iter().map(|(value, label)| {
                        let this = value.clone();
                        let current = move || (query.with(|q| q.state == this)).then_some("true");
                        let href = move || address(&[("state", Some(value.clone())), ("page", None)]);
                        view! { <a class="chip" href=href aria-current=current data-noscroll="true">{label}</a> }
                    }).collect_view()}
                </div>
            })}
            {links}
        </div>
    }
}
