//! Sentences that name columns and values.

use leptos::prelude::*;

/// A message of the engine: what stands between backticks, a column's name or a value, is set as code.
#[component]
pub fn Words(#[prop(into)] text: String) -> impl IntoView {
    text.split('`')
        .enumerate()
        .map(|(index, part)| match index % 2 {
            0 => part.to_owned().into_any(),
            _ => view! { <code>{part.to_owned()}</code> }.into_any(),
        })
        .collect_view()
}
