//! Writing a document: YAML on one side of the mind, the drawing on the other.

use super::{document::Kinds, drawing::drawing};
use crate::wire::resource;
use crate::{
    api::pipelines::{keep_pipeline, preview_rows, read_document, step_kinds},
    components::*,
    format::{counted, duration},
    hooks::use_project,
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use trainyard_types::{
    Problem,
    pipeline::{Pipeline, PipelineView, SavePipeline, StepPreview},
};

const EXAMPLE: &str = "name: my-pipeline
description: What it is for.
steps:
  - id: table
    type: source
    dataset: NAME-OF-A-DATA-SET
  - id: rows
    type: deduplicate
    input: table
  - id: out
    type: write_out
    input: rows
    dataset: my-clean-table
";

/// `/p/:project/pipelines/new`.
#[component]
pub fn NewPipelinePage() -> impl IntoView {
    let project = use_project();
    let kinds = resource(move || project.get(), step_kinds);
    let navigate = use_navigate();
    let saved = Callback::new(move |view: PipelineView| {
        let to = format!("/p/{}/pipelines/{}", project.get_untracked(), view.summary.id);
        navigate(&to, Default::default());
    });
    view! {
        <PageHead title="New pipeline" state="Write the steps; nothing is stored until you save."/>
        <Editor project=project.get_untracked() yaml=EXAMPLE.to_owned() saved/>
        <Section title="Kinds of steps" lead="What a step's 'type' can be, and what it wants to know.">
            <Load resource=kinds lines=8 view=move |kinds| view! { <Kinds kinds/> }.into_any()/>
        </Section>
    }
}

/// The document under the pencil.
#[component]
pub(super) fn Editor(project: String, yaml: String, saved: Callback<PipelineView>) -> impl IntoView {
    let text = RwSignal::new(yaml.clone());
    let reason = RwSignal::new(String::new());
    let step = RwSignal::new(String::new());
    let of = StoredValue::new(project);
    let toasts = use_toasts();
    let read = Action::new(move |(): &()| read_document(of.get_value(), text.get_untracked()));
    let save = Action::new(move |(): &()| {
        let input = SavePipeline { document: text.get_untracked(), reason: reason.get_untracked() };
        keep_pipeline(of.get_value(), input)
    });
    let preview = Action::new(move |(): &()| preview_rows(of.get_value(), text.get_untracked(), step.get_untracked()));
    Effect::new(move |_| {
        if let Some(Ok(view)) = save.value().get() {
            toasts.say(format!("Version {} saved.", view.summary.version));
            saved.run(view);
        }
    });
    let faults = move || {
        [problem_of(save.value().get()), problem_of(read.value().get()), problem_of(preview.value().get())]
            .into_iter()
            .flatten()
            .next()
            .map(said)
    };
    let drawn = move || match read.value().get() {
        Some(Ok(document)) => shown(&document),
        _ => ().into_any(),
    };
    let rows = move || match preview.value().get() {
        Some(Ok(rows)) => previewed(rows),
        _ => ().into_any(),
    };
    view! {
        <Section title="Document" lead="YAML or JSON. The same file runs on the command line: trainyard pipeline run FILE.yaml, with files in place of data sets.">
            <div class="yaml-editor">
                <TextAreaField name="document" id="pipeline-yaml" label="YAML" rows=24 value=yaml
                    on_value=Callback::new(move |new| text.set(new))/>
            </div>
            {faults}
            <TextField name="reason" id="pipeline-reason" label="Why it changes" value=String::new()
                hint="Stands in the history of versions. May be left empty." on_value=Callback::new(move |new| reason.set(new))/>
            <div class="button-row">
                <Button label="Save".to_owned() kind=ButtonKind::Primary disabled=save.pending() on_press=move |()| { save.dispatch(()); }/>
                <Button label="Check and draw".to_owned() disabled=read.pending() on_press=move |()| { save.value().set(None); preview.value().set(None); read.dispatch(()); }/>
            </div>
            {drawn}
        </Section>
        <Section title="Preview of a step" lead="Made from the first 2,000 rows of each source. Nothing is stored.">
            <TextField name="step" id="pipeline-step" label="Step" value=String::new()
                hint="Its id, as in the document." on_value=Callback::new(move |new: String| step.set(new.trim().to_owned()))/>
            <div class="button-row">
                <Button label="Show its first rows".to_owned() disabled=preview.pending() on_press=move |()| { preview.dispatch(()); }/>
            </div>
            {rows}
        </Section>
    }
}

fn said(problem: Problem) -> AnyView {
    let more = (problem.fields.len() > 1).then(|| {
        let items = problem.fields.iter().map(|f| view! { <li>{f.message.clone()}</li> }).collect_view();
        view! { <ul>{items}</ul> }
    });
    view! { <Note tone=Tone::Critical><p>{problem.message}</p>{more}</Note> }.into_any()
}

fn shown(document: &Pipeline) -> AnyView {
    let words = format!("The document is in order: {}.", counted(document.steps.len() as u64, "step", "steps"));
    view! { <Note tone=Tone::Ok>{words}</Note>{drawing(document, &[])} }.into_any()
}

fn previewed(preview: StepPreview) -> AnyView {
    let heads = preview.rows.columns.iter().map(|c| view! { <th scope="col">{c.name.clone()}</th> }).collect_view();
    let rows = preview
        .rows
        .rows
        .iter()
        .map(|row| {
            let cells = row
                .iter()
                .map(|value| match value {
                    Some(text) => view! { <td>{text.clone()}</td> }.into_any(),
                    None => view! { <td class="muted">"missing"</td> }.into_any(),
                })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    let words = format!(
        "{} from the first {} rows of each source, in {}.",
        counted(preview.rows.total, "row", "rows"),
        preview.sampled,
        duration(preview.seconds)
    );
    view! {
        <p class="muted">{words}" "{preview.note}</p>
        <div class="table-wrap" tabindex="0" role="region" aria-label="First rows">
            <table class="table rows"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>
        </div>
    }
    .into_any()
}
