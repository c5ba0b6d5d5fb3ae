//! A fetch that goes on, has failed, or has made a version.

use crate::{
    AppError,
    api::sources::stop_fetch,
    components::*,
    format::{bytes, count},
    hooks::{use_project, use_set_query},
};
use leptos::prelude::*;
use trainyard_types::source::{FetchState, FetchView};

/// The fetch as it stands; the page asks again while it runs.
#[component]
pub fn Fetching(fetch: FetchView, reload: Callback<()>) -> impl IntoView {
    let project = use_project();
    let set_query = use_set_query();
    let id = fetch.id;
    let stop = Action::new(move |(): &()| stop_fetch(project.get_untracked(), id));
    let toasts = use_toasts();
    Effect::new(move |_| match stop.value().get() {
        Some(Err(AppError(problem))) => toasts.fail(problem.message),
        Some(Ok(_)) => reload.run(()),
        None => {}
    });
    let FetchView { source, state, message, total, rows, dataset, version, .. } = fetch;
    let name = source.clone();
    match state {
        FetchState::Running | FetchState::Ready => {
            let mut words = bytes(fetch.bytes);
            if let Some(total) = total {
                words = format!("{words} of {}", bytes(total));
            }
            if rows > 0 {
                words = format!("{} rows, {words}", count(rows));
            }
            let bar = match total {
                Some(total) if total > 0 => {
                    let fraction = fetch.bytes as f64 / total as f64;
                    view! { <ProgressBar fraction label="Fetching"/> }.into_any()
                }
                _ => view! { <progress aria-label="Fetching"></progress> }.into_any(),
            };
            view! {
                <div class="transfer" role="status">
                    <p class="transfer-name">{name}</p>
                    {bar}
                    <div class="transfer-foot">
                        <p class="muted">{format!("{message}: {words}")}</p>
                        <Button label="Cancel".to_owned() disabled=stop.pending() on_press=move |()| { stop.dispatch(()); }/>
                    </div>
                </div>
            }
            .into_any()
        }
        FetchState::Done => {
            let to = match (dataset, version) {
                (Some(dataset), Some(version)) => {
                    format!("/p/{}/data/{dataset}?version={version}", project.get_untracked())
                }
                _ => format!("/p/{}/data", project.get_untracked()),
            };
            view! {
                <Note tone=Tone::Ok>{format!("Fetched {name}. {message}")}</Note>
                <div class="button-row"><LinkButton href=to label="Open the version" kind=ButtonKind::Primary/></div>
            }
            .into_any()
        }
        FetchState::Failed | FetchState::Cancelled => {
            let tone = if state == FetchState::Failed { Tone::Critical } else { Tone::Warning };
            let back = move |()| set_query(&[("fetch", None)]);
            let again = dataset.map(|dataset| {
                let to = format!("/p/{}/data/{dataset}?tab=versions", project.get_untracked());
                view! { <LinkButton href=to label="Back to the data set"/> }
            });
            view! {
                <p class="transfer-name">{name}</p>
                <Note tone>{message}</Note>
                <div class="button-row">
                    {again}
                    <Button label="Choose another source".to_owned() on_press=back/>
                </div>
            }
            .into_any()
        }
    }
}
