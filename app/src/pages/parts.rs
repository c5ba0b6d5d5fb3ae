//! What several pages share and no component is.

use crate::{AppError, api::project::LoadDemo, components::*, hooks::use_form_problem};
use leptos::{form::ActionForm, prelude::*};
use std::str::FromStr;
use trainyard_types::Problem;

/// An id out of an address.
///
/// # Errors
/// `NotFound` where the text can't be one.
pub fn parse_id<T: FromStr>(text: &str, what: &str) -> Result<T, AppError> {
    text.parse().map_err(|_| {
        Problem::not_found(format!("'{text}' names no {what}. Check the address, or choose from the list.")).into()
    })
}

/// Loads the demo project in one click and goes there; a plain form, so that it needs no script.
#[component]
pub fn DemoButton() -> impl IntoView {
    let load = ServerAction::<LoadDemo>::new();
    let problem = use_form_problem(load);
    view! {
        <ActionForm action=load>
            <Submit label="Load the demo project" busy="Making the demo project …" kind=ButtonKind::Plain glyph=Glyph::Play pending=load.pending()/>
        </ActionForm>
        {move || problem.get().map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
    }
}
