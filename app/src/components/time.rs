//! Instants, as people read them.

use crate::{format, hooks::use_now};
use leptos::prelude::*;
use trainyard_types::Timestamp;

/// "5 min ago", with the exact instant to read on pointing at it; it moves on while the page is open.
#[component]
pub fn RelativeTime(at: Timestamp) -> impl IntoView {
    let now = use_now();
    view! {
        <time datetime=at.to_iso() title=format::instant(at)>{move || format::ago(at, now.get())}</time>
    }
}

/// [`RelativeTime`], or other words where it has not happened.
#[component]
pub fn MaybeTime(
    at: Option<Timestamp>,
    #[prop(into, default = "never".to_owned())] otherwise: String,
) -> impl IntoView {
    match at {
        Some(at) => view! { <RelativeTime at/> }.into_any(),
        None => view! { <span class="muted">{otherwise}</span> }.into_any(),
    }
}
