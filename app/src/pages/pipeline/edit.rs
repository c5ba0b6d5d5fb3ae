//! Writing a document: as a form or as YAML, one document in two faces.

use super::{
    document::Kinds,
    drawing::drawing,
    form::{Draft, FormFace},
};
use crate::wire::resource;
use crate::{
    api::pipelines::{keep_pipeline, new_pipeline, turn_document},
    components::*,
    format::{counted, duration},
    hooks::{use_address, use_project, use_query_param, use_set_query},
};
use leptos::prelude::*;
use leptos_router::{components::A, hooks::use_navigate};
use trainyard_types::{
    Problem,
    pipeline::{DocumentForms, Pipeline, PipelineForm, PipelineView, SavePipeline, StepPreview, Template},
};

/// `/p/:project/pipelines/new`.
#[component]
pub fn NewPipelinePage() -> impl IntoView {
    let project = use_project();
    let template = use_query_param("template");
    let shown =
        resource(move || (project.get(), template.get()), |(project, template)| new_pipeline(project, template));
    let navigate = use_navigate();
    let saved = Callback::new(move |view: PipelineView| {
        let to = format!("/p/{}/pipelines/{}", project.get_untracked(), view.summary.id);
        navigate(&to, Default::default());
    });
    let address = use_address();
    view! {
        <PageHead title="New pipeline" state="Nothing is stored until you save."
            crumbs=vec![("Pipelines".to_owned(), format!("/p/{}/pipelines", project.get_untracked()))]/>
        <Load resource=shown lines=12 view=move |shown| match shown.begun {
            Some(forms) => view! { <Editor project=project.get_untracked() form=shown.form forms saved/> }.into_any(),
            None => templates(shown.templates, &|key: String| address(&[("template", Some(key))])),
        }/>
    }
}

/// What to begin with.
fn templates(all: Vec<Template>, href: &dyn Fn(String) -> String) -> AnyView {
    let cards = all
        .into_iter()
        .map(|template| {
            let href = href(template.key);
            view! { <li><A href=href attr:class="template"><strong>{template.title}</strong><span class="muted">{template.help}</span></A></li> }
        })
        .collect_view();
    view! {
        <Section title="What to begin with" lead="Each is filled with this project's newest data; everything can be changed.">
            <ul class="templates">{cards}</ul>
        </Section>
    }
    .into_any()
}

/// The document under the pencil, in the face that the address names: the form, or `yaml`.
#[component]
pub(super) fn Editor(
    project: String,
    form: PipelineForm,
    forms: DocumentForms,
    saved: Callback<PipelineView>,
) -> impl IntoView {
    let kinds = StoredValue::new(form.kinds.clone());
    let yaml = RwSignal::new(forms.yaml.clone());
    // What the YAML says: as long as the form has the same, the text stays as it was written.
    let same = StoredValue::new(forms.document.clone());
    let draft = Draft::new(project, form, &forms);
    let reason = RwSignal::new(String::new());
    let face = use_query_param("face");
    let as_yaml = Memo::new(move |_| face.get() == "yaml");
    let set_query = use_set_query();
    let toasts = use_toasts();
    let text = move || {
        if as_yaml.get_untracked() || same.with_value(|same| draft.document.with_untracked(|now| now == same)) {
            yaml.get_untracked()
        } else {
            draft.text()
        }
    };
    let turn = Action::new(move |to_yaml: &bool| {
        let (to_yaml, asked) = (*to_yaml, turn_document(draft.project.get_value(), text(), yaml.get_untracked()));
        async move { asked.await.map(|forms| (to_yaml, forms)) }
    });
    Effect::new(move |_| {
        if let Some(Ok((to_yaml, forms))) = turn.value().get() {
            yaml.set(forms.yaml.clone());
            same.set_value(forms.document.clone());
            draft.take(&forms);
            set_query(&[("face", to_yaml.then(|| "yaml".to_owned()))]);
        }
    });
    let save = Action::new(move |(): &()| {
        let input = SavePipeline { document: text(), written: yaml.get_untracked(), reason: reason.get_untracked() };
        keep_pipeline(draft.project.get_value(), input)
    });
    Effect::new(move |_| match save.value().get() {
        Some(Ok(view)) => {
            toasts.say(format!("Version {} saved.", view.summary.version));
            saved.run(view);
        }
        Some(Err(error)) if !error.0.fields.is_empty() => draft.problem.set(Some(error.0)),
        _ => {}
    });
    let check =
        Action::new(move |(): &()| turn_document(draft.project.get_value(), yaml.get_untracked(), String::new()));
    let faults = move || {
        let refused = [problem_of(save.value().get()), problem_of(turn.value().get()), problem_of(check.value().get())];
        let refused = refused.into_iter().flatten().next();
        let known = if as_yaml.get() { None } else { draft.problem.get() };
        refused.or(known).map(said)
    };
    let switch = move |to_yaml: bool, label: &'static str| {
        let pressed = move || if as_yaml.get() == to_yaml { "true" } else { "false" };
        let press = move |_| {
            if as_yaml.get_untracked() != to_yaml {
                save.value().set(None);
                check.value().set(None);
                turn.dispatch(to_yaml);
            }
        };
        view! { <button type="button" class="chip" aria-pressed=pressed disabled=move || turn.pending().get() on:click=press>{label}</button> }
    };
    view! {
        <div class="chips" role="group" aria-label="How the document is shown">{switch(false, "Form")}{switch(true, "YAML")}</div>
        {move || if as_yaml.get() {
            view! {
                <p class="muted">"YAML or JSON. The same file runs on the command line: trainyard pipeline run FILE.yaml, with files in place of data sets."</p>
                <div class="yaml-editor">
                    <TextAreaField name="document" id="pipeline-yaml" label="YAML" rows=24 value=yaml.get_untracked()
                        on_value=Callback::new(move |new| yaml.set(new))/>
                </div>
                <div class="button-row">
                    <Button label="Check and draw".to_owned() disabled=check.pending() on_press=move |()| { save.value().set(None); turn.value().set(None); check.dispatch(()); }/>
                </div>
                {move || check.value().get().and_then(Result::ok).map(checked)}
            }.into_any()
        } else {
            view! { <FormFace draft/> }.into_any()
        }}
        <div role="status">{faults}</div>
        <div class="save-row">
            <TextField name="reason" id="pipeline-reason" label="Why it changes" value=String::new()
                hint="Stands in the history of versions. May be left empty." on_value=Callback::new(move |new| reason.set(new))/>
            <div class="button-row">
                <Button label="Save".to_owned() kind=ButtonKind::Primary disabled=save.pending() on_press=move |()| { turn.value().set(None); save.dispatch(()); }/>
            </div>
        </div>
        {move || as_yaml.get().then(|| view! {
            <Section title="Kinds of steps" lead="What a step's 'type' can be, and what it wants to know."><Kinds kinds=kinds.get_value()/></Section>
        })}
    }
}

fn said(problem: Problem) -> AnyView {
    let more = (problem.fields.len() > 1).then(|| {
        let items = problem.fields.iter().map(|f| view! { <li>{f.message.clone()}</li> }).collect_view();
        view! { <ul>{items}</ul> }
    });
    view! { <Note tone=Tone::Critical><p>{problem.message}</p>{more}</Note> }.into_any()
}

/// A document that was checked: its faults, or its drawing.
fn checked(forms: DocumentForms) -> AnyView {
    match (forms.problem, serde_json::from_value::<Pipeline>(forms.document)) {
        (Some(problem), _) => said(problem),
        (None, Ok(document)) => {
            let words = format!("The document is in order: {}.", counted(document.steps.len() as u64, "step", "steps"));
            view! { <Note tone=Tone::Ok>{words}</Note>{drawing(&document, &[])} }.into_any()
        }
        (None, Err(_)) => ().into_any(),
    }
}

/// A step's first rows, and how long they took.
pub(super) fn previewed(preview: StepPreview) -> AnyView {
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
