//! Pipelines: the list, one with its document and runs, and a run as it goes.

mod document;
mod drawing;
mod edit;
mod form;
mod list;
mod one;
mod partitions;
mod run;

pub use edit::NewPipelinePage;
pub use list::PipelinesPage;
pub use one::PipelinePage;
pub use run::PipelineRunPage;

use crate::components::*;
use leptos::prelude::*;
use trainyard_types::pipeline::{PipelineRunState, StepState};

/// How a run's state looks.
fn run_badge(state: PipelineRunState) -> AnyView {
    let (tone, glyph, text) = match state {
        PipelineRunState::Queued => (Tone::Neutral, Glyph::Clock, "Queued"),
        PipelineRunState::Running => (Tone::Running, Glyph::Running, "Running"),
        PipelineRunState::Waiting => (Tone::Warning, Glyph::Person, "Waits for approval"),
        PipelineRunState::Succeeded => (Tone::Ok, Glyph::Check, "Done"),
        PipelineRunState::Failed => (Tone::Critical, Glyph::Cross, "Failed"),
        PipelineRunState::Cancelled => (Tone::Neutral, Glyph::Stop, "Cancelled"),
    };
    view! { <Badge tone glyph=glyph text/> }.into_any()
}

fn step_look(state: StepState) -> (Tone, Glyph, &'static str) {
    match state {
        StepState::Pending => (Tone::Neutral, Glyph::Clock, "Not begun"),
        StepState::Running => (Tone::Running, Glyph::Running, "Running"),
        StepState::Succeeded => (Tone::Ok, Glyph::Check, "Done"),
        StepState::Cached => (Tone::Ok, Glyph::Copy, "From the cache"),
        StepState::Failed => (Tone::Critical, Glyph::Cross, "Failed"),
        StepState::Skipped => (Tone::Neutral, Glyph::Stop, "Skipped"),
        StepState::Waiting => (Tone::Warning, Glyph::Person, "Waits for approval"),
        StepState::Cancelled => (Tone::Neutral, Glyph::Stop, "Cancelled"),
    }
}
