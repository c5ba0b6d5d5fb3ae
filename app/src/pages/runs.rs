//! The project's runs.

use crate::components::*;
use leptos::prelude::*;

/// The project's runs.
#[component]
pub fn RunsPage() -> impl IntoView {
    view! { <PageHead title="Experiments"/> }
}
