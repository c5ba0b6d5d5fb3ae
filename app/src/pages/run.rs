//! One run, live.

use crate::components::*;
use leptos::prelude::*;

/// One run, live.
#[component]
pub fn RunPage() -> impl IntoView {
    view! { <PageHead title="Run"/> }
}
