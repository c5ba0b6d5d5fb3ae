//! What the run takes of the machine: processor, memory, rows a second, by the seconds since it began.

use super::{RunContext, curves::Curves, series::of_system};
use crate::components::*;
use leptos::prelude::*;

#[component]
pub fn System(context: RunContext) -> impl IntoView {
    let live = context.live;
    let running = live.running();
    let used = Memo::new(move |_| live.series.with(|s| of_system(s, true)));
    let nothing = move || {
        used.with(Vec::is_empty).then(|| {
            let words = if running.get() {
                "The first figures come after four seconds of training."
            } else {
                "The job was over before it was looked at twice, which happens every two seconds, or ran on a system that does not tell."
            };
            view! { <p class="muted curves-none">{words}</p> }
        })
    };
    let device = move || {
        live.device.get().map(|(device, reason)| view! { <p>"Trains on " <strong>{device}</strong> ". " {reason}</p> })
    };
    view! {
        <Section title="What it takes of the machine" lead="The job's own process, looked at by its worker every two seconds.">
            {device}
            {nothing}
            <Curves series=used running/>
        </Section>
    }
    .into_any()
}
