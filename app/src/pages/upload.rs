//! Uploads or fetches a file and shows how it was read before it is kept.

mod elsewhere;
mod fetching;
mod review;
mod transfer;

use crate::wire::resource;
use crate::{
    AppError,
    api::{
        datasets::get_upload,
        sources::{KnownSources, fetch_state, source_places},
    },
    components::*,
    format::{self, bytes},
    hooks::{use_project, use_query_param, use_set_query},
    pages::parts::parse_id,
};
use elsewhere::{Draft, Elsewhere};
use fetching::Fetching;
use leptos::{html, prelude::*};
use review::Review;
use serde::{Deserialize, Serialize};
use trainyard_types::{
    dataset::UploadView,
    source::{FetchState, FetchView},
};
use transfer::{Sender, Sent, Transfer};

/// How far it is.
#[derive(Clone, Serialize, Deserialize)]
enum Step {
    Choose(KnownSources),
    Fetch(FetchView),
    Review(UploadView),
}

async fn step(project: String, upload: String, fetch: String) -> Result<Step, AppError> {
    if !upload.is_empty() {
        return get_upload(project, parse_id(&upload, "upload")?).await.map(Step::Review);
    }
    if fetch.is_empty() {
        return source_places(project).await.map(Step::Choose);
    }
    let fetch = fetch_state(project.clone(), parse_id(&fetch, "fetch")?).await?;
    match fetch.upload {
        Some(upload) if fetch.state == FetchState::Ready => get_upload(project, upload).await.map(Step::Review),
        _ => Ok(Step::Fetch(fetch)),
    }
}

/// Uploads or fetches a file and shows how it was read before it is kept. The id of the upload or the fetch stands in
/// the address, so that a reload goes on with the same file.
#[component]
pub fn UploadPage() -> impl IntoView {
    let project = use_project();
    let upload = use_query_param("upload");
    let fetch = use_query_param("fetch");
    let waiting = resource(
        move || (project.get(), upload.get(), fetch.get()),
        |(project, upload, fetch)| step(project, upload, fetch),
    );
    let reload = Callback::new(move |()| waiting.refetch());
    Effect::new(move |_| {
        let again = move || {
            let runs = waiting.with_untracked(
                |step| matches!(step, Some(Ok(Step::Fetch(fetch))) if fetch.state == FetchState::Running),
            );
            if runs {
                waiting.refetch();
            }
        };
        let handle = set_interval_with_handle(again, std::time::Duration::from_secs(1));
        on_cleanup(move || {
            if let Ok(handle) = handle {
                handle.clear();
            }
        });
    });
    let draft = Draft::new();
    let data = move || vec![("Data".to_owned(), format!("/p/{}/data", project.get_untracked()))];
    let shown = move |step: Step| match step {
        Step::Choose(known) => view! { <Chooser/><Elsewhere known draft/> }.into_any(),
        Step::Fetch(fetch) => view! { <Fetching fetch reload/> }.into_any(),
        Step::Review(view) => view! { <Review view/> }.into_any(),
    };
    view! {
        <PageHead title="Add data" state="CSV, TSV, JSON Lines or Parquet, or tables of a database. You see how they are read before anything is kept." crumbs=data()/>
        <Load resource=waiting lines=8 view=shown/>
    }
}

/// Where a file is dropped or chosen, and how far its transfer is.
#[component]
fn Chooser() -> impl IntoView {
    let project = use_project();
    let set_query = use_set_query();
    let sender = Sender::new();
    let over = RwSignal::new(false);
    let input = NodeRef::<html::Input>::new();
    let arrived = StoredValue::new(move |view: UploadView| set_query(&[("upload", Some(view.id.to_string()))]));
    let take = move |file: Option<web_sys::File>| {
        if let Some(file) = file {
            sender.send(&project.get_untracked(), &file, move |view| arrived.with_value(|arrived| arrived(view)));
        }
    };
    let dropped = move |event: web_sys::DragEvent| {
        event.prevent_default();
        over.set(false);
        take(event.data_transfer().and_then(|data| data.files()).and_then(|files| files.get(0)));
    };
    let chosen = move |_| take(input.get_untracked().and_then(|input| input.files()).and_then(|files| files.get(0)));
    view! {
        {move || match sender.state.get() {
            Transfer::Sending(sent) => view! { <Going sent sender/> }.into_any(),
            Transfer::Reading(sent) => view! {
                <div class="transfer" role="status">
                    <p class="transfer-name">{sent.file_name}</p>
                    <progress aria-label="Reading the file"></progress>
                    <p class="muted">"All bytes have arrived. The server reads the file to find its columns and types."</p>
                </div>
            }.into_any(),
            Transfer::Idle | Transfer::Failed(_) => view! {
                <label
                    class="drop-zone"
                    class:over=move || over.get()
                    on:dragover=move |event: web_sys::DragEvent| { event.prevent_default(); over.set(true); }
                    on:dragleave=move |_| over.set(false)
                    on:drop=dropped
                >
                    <Icon glyph=Glyph::Upload/>
                    <strong>"Drop a file here, or choose one"</strong>
                    <span class="muted">"The first line of a CSV should name its columns. Delimiter, encoding and types are found by themselves."</span>
                    <input type="file" node_ref=input on:change=chosen
                        accept=".csv,.tsv,.txt,.json,.jsonl,.ndjson,.parquet,.pq" aria-label="File to upload"/>
                </label>
            }.into_any(),
        }}
        <div role="alert">
            {move || match sender.state.get() {
                Transfer::Failed(problem) => Some(view! { <Note tone=Tone::Critical>{problem.message}</Note> }),
                _ => None,
            }}
        </div>
        // A browser with script reads the inside as text, which hydration would trip over as elements.
        <noscript inner_html="<p>Uploading from this page needs JavaScript. The command line does it too: <code>trainyard dataset import --help</code></p>"></noscript>
    }
}

/// A transfer that goes on: bar, speed, time left, cancel.
#[component]
fn Going(sent: Sent, sender: Sender) -> impl IntoView {
    let mut words = format!("{} of {}", bytes(sent.bytes as u64), bytes(sent.total as u64));
    if let Some(speed) = sent.speed() {
        words.push_str(&format!(", {} a second", bytes(speed as u64)));
    }
    if let Some(left) = sent.seconds_left() {
        words.push_str(&format!(", {}", format::eta(left)));
    }
    let label = format!("Sending {}", sent.file_name);
    view! {
        <div class="transfer">
            <p class="transfer-name">{sent.file_name.clone()}</p>
            <ProgressBar fraction=sent.fraction() label/>
            <div class="transfer-foot">
                <p class="muted">{words}</p>
                <Button label="Cancel upload".to_owned() on_press=move |()| sender.cancel()/>
            </div>
        </div>
    }
}
