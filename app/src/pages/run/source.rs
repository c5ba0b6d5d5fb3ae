//! Where the model comes from and went to; and the run as the API gives it.

use super::{Extra, RunContext};
use crate::{components::*, format::encode};
use leptos::prelude::*;
use leptos_router::components::A;

/// Data set version, run, model versions: each leads to its page.
#[component]
pub fn Lineage(context: RunContext) -> impl IntoView {
    let RunContext { project, run, .. } = context;
    let project = project.get_value();
    let run = run.get_value();
    let s = run.summary;
    let data = format!("/p/{project}/data/{}?version={}", s.dataset, run.dataset_version_id);
    let trained = run.result.as_ref().map(|r| r.model_hash.clone());
    let family = s.trained.unwrap_or(s.family).title();
    let models = run
        .registered
        .into_iter()
        .map(|r| {
            let href = format!("/p/{project}/models/{}", r.model);
            view! { <li><A href=href>{r.model.clone()}</A>{format!(" version {}", r.version)}</li> }
        })
        .collect::<Vec<_>>();
    let none = models.is_empty();
    view! {
        <ol class="lineage">
            <li>
                <h2><Icon glyph=Glyph::Data/>"Data set version"</h2>
                <p><A href=data>{format!("{} v{}", s.dataset_name, s.dataset_version)}</A></p>
                <Hash whole=run.dataset_hash/>
            </li>
            <li>
                <h2><Icon glyph=Glyph::Experiment/>"Run"</h2>
                <p>{s.name}</p>
                <p class="muted">{format!("{family}, target {}, code {}", s.target, run.code_version)}</p>
                {trained.map(|hash| view! { <Hash whole=hash/> })}
            </li>
            <li>
                <h2><Icon glyph=Glyph::Model/>"Model versions"</h2>
                {if none {
                    view! { <p class="muted">"None was registered from this run."</p> }.into_any()
                } else {
                    view! { <ul>{models}</ul> }.into_any()
                }}
            </li>
        </ol>
    }
    .into_any()
}

/// The run as JSON.
#[component]
pub fn Raw(context: RunContext) -> impl IntoView {
    let RunContext { project, run, more, .. } = context;
    let id = run.with_value(|r| r.summary.id);
    let address = format!("/api/v1/projects/{}/runs/{id}", encode(&project.get_value()));
    view! {
        <p class="muted lead">"The same as " <a href=address.clone() rel="external"><code>{address.clone()}</code></a> " answers, but for the drawings of charts."</p>
        <Load resource=more.extra lines=24 view=|extra: Extra| match extra {
            Extra::Raw(text) => view! { <CodeBlock code=text label="the run as JSON"/> }.into_any(),
            _ => ().into_any(),
        }/>
    }
}
