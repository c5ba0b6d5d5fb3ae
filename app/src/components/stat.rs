//! One number that matters, with its name and what it means.

use super::Term;
use leptos::prelude::*;

/// A tile: name (a glossary term where `term` names one), value, and a line below such as the interval.
#[component]
pub fn StatTile(
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<String>,
    #[prop(optional, into)] note: Option<String>,
    #[prop(optional, into)] term: Option<String>,
) -> impl IntoView {
    view! {
        <div class="stat">
            <p class="stat-label">
                {match term {
                    Some(term) => view! { <Term name=term text=label/> }.into_any(),
                    None => label.into_any(),
                }}
            </p>
            <p class="stat-value">{move || value.get()}</p>
            {note.map(|note| view! { <p class="stat-note">{note}</p> })}
        </div>
    }
}

/// Tiles side by side.
#[component]
pub fn Stats(children: Children) -> impl IntoView {
    view! { <div class="stats">{children()}</div> }
}
