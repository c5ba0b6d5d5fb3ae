//! States as icon and word, with a colour besides.

use super::{Glyph, Icon};
use leptos::prelude::*;
use trainyard_types::{dataset::Severity, evaluation::Fit, job::JobState};

/// What a colour means. It never stands alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Neutral,
    Ok,
    Warning,
    Critical,
    Running,
    Accent,
}

impl Tone {
    /// The class that carries the colour.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Neutral => "tone-neutral",
            Tone::Ok => "tone-ok",
            Tone::Warning => "tone-warning",
            Tone::Critical => "tone-critical",
            Tone::Running => "tone-running",
            Tone::Accent => "tone-accent",
        }
    }
}

/// Icon and word in a small frame.
#[component]
pub fn Badge(
    #[prop(optional)] tone: Tone,
    #[prop(optional)] glyph: Option<Glyph>,
    #[prop(into)] text: String,
) -> impl IntoView {
    view! {
        <span class=format!("badge {}", tone.class())>
            {glyph.map(|glyph| view! { <Icon glyph/> })}
            <span>{text}</span>
        </span>
    }
}

/// How a job's state looks: tone, icon, word.
pub fn job_look(state: JobState) -> (Tone, Glyph, &'static str) {
    match state {
        JobState::Queued => (Tone::Neutral, Glyph::Clock, "Queued"),
        JobState::Running => (Tone::Running, Glyph::Running, "Running"),
        JobState::Succeeded => (Tone::Ok, Glyph::Check, "Done"),
        JobState::Failed => (Tone::Critical, Glyph::Cross, "Failed"),
        JobState::Cancelled => (Tone::Neutral, Glyph::Stop, "Cancelled"),
    }
}

/// A job's state.
#[component]
pub fn JobBadge(state: JobState) -> impl IntoView {
    let (tone, glyph, text) = job_look(state);
    view! { <Badge tone glyph=glyph text/> }
}

/// How a verdict looks: tone, icon, word.
pub fn fit_look(fit: Fit) -> (Tone, Glyph, &'static str) {
    match fit {
        Fit::Good => (Tone::Ok, Glyph::Check, fit.title()),
        Fit::Underfit | Fit::Overfit | Fit::TooLittleData => (Tone::Warning, Glyph::Warning, fit.title()),
    }
}

/// A verdict's word, from its name in views (`good`, `overfit` …); nothing for an unknown one.
pub fn fit_from_name(name: &str) -> Option<Fit> {
    [Fit::Good, Fit::Underfit, Fit::Overfit, Fit::TooLittleData].into_iter().find(|f| f.as_str() == name)
}

/// A verdict.
#[component]
pub fn FitBadge(fit: Fit) -> impl IntoView {
    let (tone, glyph, text) = fit_look(fit);
    view! { <Badge tone glyph=glyph text/> }
}

/// How grave a warning is.
#[component]
pub fn SeverityBadge(severity: Severity) -> impl IntoView {
    let (tone, glyph, text) = match severity {
        Severity::Info => (Tone::Neutral, Glyph::Info, "Note"),
        Severity::Warning => (Tone::Warning, Glyph::Warning, "Warning"),
        Severity::Critical => (Tone::Critical, Glyph::Cross, "Critical"),
    };
    view! { <Badge tone glyph=glyph text/> }
}

/// A paragraph with icon and colour: a warning, a hint, a success.
#[component]
pub fn Note(#[prop(optional)] tone: Tone, children: Children) -> impl IntoView {
    let glyph = match tone {
        Tone::Ok => Glyph::Check,
        Tone::Warning => Glyph::Warning,
        Tone::Critical => Glyph::Cross,
        _ => Glyph::Info,
    };
    view! {
        <div class=format!("note {}", tone.class())>
            <Icon glyph/>
            <div class="note-text">{children()}</div>
        </div>
    }
}
