//! Registered models.

use crate::components::*;
use leptos::prelude::*;

/// Registered models.
#[component]
pub fn ModelsPage() -> impl IntoView {
    view! { <PageHead title="Models"/> }
}
