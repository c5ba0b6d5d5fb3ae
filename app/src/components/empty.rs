//! What stands where there is nothing yet: the next step.

use super::{Glyph, Icon};
use leptos::prelude::*;

/// An empty state: what would be here, and the action that makes the first one (as children).
#[component]
pub fn EmptyState(
    #[prop(default = Glyph::Table)] glyph: Glyph,
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <section class="empty">
            <Icon glyph/>
            <h2>{title}</h2>
            <p>{text}</p>
            {children.map(|children| view! { <div class="button-row">{children()}</div> })}
        </section>
    }
}
