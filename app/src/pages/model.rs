//! One registered model.

use crate::components::*;
use leptos::prelude::*;

/// One registered model.
#[component]
pub fn ModelPage() -> impl IntoView {
    view! { <PageHead title="Model"/> }
}
