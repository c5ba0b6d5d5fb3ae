//! Tabs as links: the open one stands in the address, so that reloading and sending the link show the same.

use crate::hooks::{use_address, use_query_param};
use leptos::prelude::*;

/// One tab: its name in the address, its word, and a number beside it.
#[derive(Clone, Debug)]
pub struct Tab {
    pub key: &'static str,
    pub title: String,
    pub count: Option<u64>,
}

impl Tab {
    pub fn new(key: &'static str, title: impl Into<String>) -> Self {
        Self { key, title: title.into(), count: None }
    }
    /// With a number beside the word.
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }
}

/// The open tab: the address's `tab`, or the first.
pub fn use_tab(first: &'static str) -> Memo<String> {
    let tab = use_query_param("tab");
    Memo::new(move |_| Some(tab.get()).filter(|t| !t.is_empty()).unwrap_or_else(|| first.to_owned()))
}

/// The row of tabs. The first one is open where the address names none. Other query parameters that belong to the
/// old tab (`page`, `q`, `sort`, `state`) are dropped; the rest stay.
#[component]
pub fn Tabs(#[prop(into)] label: String, tabs: Vec<Tab>) -> impl IntoView {
    let first = tabs.first().map_or("", |t| t.key);
    let open = use_tab(first);
    let address = use_address();
    view! {
        <nav class="tabs" aria-label=label>
            {tabs.into_iter().map(|tab| {
                let key = tab.key;
                let href = move || {
                    address(&[
                        ("tab", (key != first).then(|| key.to_owned())),
                        ("page", None), ("q", None), ("sort", None), ("state", None), ("offset", None),
                    ])
                };
                let current = move || (open.get() == key).then_some("page");
                view! {
                    <a href=href aria-current=current data-noscroll="true">
                        {tab.title}
                        {tab.count.map(|n| view! { <span class="tab-count">{crate::format::count(n)}</span> })}
                    </a>
                }
            }).collect_view()}
        </nav>
    }
}
