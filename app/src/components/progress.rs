//! How far something is.

use crate::format;
use leptos::prelude::*;
use trainyard_types::job::Progress;

/// A bar from 0 to 1 with its percentage in words.
#[component]
pub fn ProgressBar(#[prop(into)] fraction: Signal<f64>, #[prop(into)] label: String) -> impl IntoView {
    let percent = move || (fraction.get().clamp(0.0, 1.0) * 100.0).round();
    view! {
        <div class="progress-row">
            <progress max="100" value=percent aria-label=label></progress>
            <span class="num">{move || format!("{}\u{a0}%", percent())}</span>
        </div>
    }
}

/// A job's stage, bar and time left.
#[component]
pub fn JobProgress(progress: Progress) -> impl IntoView {
    let left = progress.eta_seconds.map(format::eta);
    view! {
        <div class="job-progress">
            <ProgressBar fraction=progress.fraction label=progress.stage.clone()/>
            <p class="muted">{progress.stage}{left.map(|left| format!(", {left}"))}</p>
        </div>
    }
}

/// A share from 0 to 1 as a thin bar in a table cell; the number stands beside it.
#[component]
pub fn ShareBar(share: f64, #[prop(into)] label: String) -> impl IntoView {
    let width = (share.clamp(0.0, 1.0) * 100.0).to_string();
    view! {
        <svg class="share-bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=label>
            <rect class="share-bar-back" width="100" height="6"></rect>
            <rect class="share-bar-fill" width=width height="6"></rect>
        </svg>
    }
}
