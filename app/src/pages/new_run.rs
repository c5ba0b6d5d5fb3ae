//! Decides what to train.

use crate::components::*;
use leptos::prelude::*;

/// Decides what to train.
#[component]
pub fn NewRunPage() -> impl IntoView {
    view! { <PageHead title="New run"/> }
}
