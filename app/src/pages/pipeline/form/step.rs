//! What can be said of one step, and its first rows.

use super::{
    Draft,
    control::{Around, settings},
    model,
};
use crate::{api::pipelines::preview_rows, components::*, pages::pipeline::edit::previewed};
use leptos::prelude::*;
use serde_json::Value;
use trainyard_types::{
    FieldProblem, Problem,
    pipeline::{Names, StepField, StepKindView},
};

/// Changes the step at `at`.
fn change(draft: Draft, at: usize, with: impl FnOnce(&mut Value)) {
    draft.document.update(|document| {
        if let Some(step) = document["steps"].get_mut(at) {
            with(step);
        }
    });
}

#[component]
pub(super) fn StepPanel(draft: Draft, at: usize) -> impl IntoView {
    let step = draft.document.with_untracked(|document| model::steps(document).get(at).cloned()).unwrap_or_default();
    let id = Memo::new(move |_| {
        draft
            .document
            .with(|document| model::steps(document).get(at).map(|s| model::id(s).to_owned()).unwrap_or_default())
    });
    let kind = draft.form.with_value(|form| form.kinds.iter().find(|kind| kind.kind == model::kind(&step)).cloned());
    let faults = draft.faults(move || format!("steps.{}", id.get()));
    let around = Around { columns: draft.columns, faults };
    let set = Callback::new(move |(name, new): (String, Option<Value>)| {
        change(draft, at, |step| model::set(step, &name, new))
    });
    let (title, help) = match &kind {
        Some(kind) => (kind.title.clone(), kind.help.clone()),
        None => (
            model::kind(&step).to_owned(),
            "There is no such kind of step. Remove it, or correct it in the YAML.".to_owned(),
        ),
    };
    let own = kind.as_ref().map_or(Vec::new(), |kind| fields(kind, &step));
    let known: Vec<String> = own.iter().map(|field| field.name.clone()).collect();
    // A fault that no field of the form shows.
    let rest = move || {
        let shown = |name: &str| {
            known.iter().any(|field| field == name) || ["id", "input", "retry", "timeout_seconds"].contains(&name)
        };
        let faults = faults.get().map_or(Vec::new(), |problem| problem.fields);
        let items: Vec<_> = faults
            .into_iter()
            .filter(|fault| !shown(&fault.field))
            .map(|fault| view! { <p>{fault.message}</p> })
            .collect();
        (!items.is_empty()).then(|| view! { <Note tone=Tone::Critical>{items}</Note> })
    };
    let common = draft.form.with_value(|form| form.step.clone());
    let takes = kind.as_ref().is_some_and(|kind| kind.inputs.1 > 0);
    let gives = kind.as_ref().is_some_and(|kind| kind.gives.iter().any(String::is_empty));
    view! {
        <div class="panel-head"><h2>{title}</h2><Doings draft at/></div>
        <p class="muted">{help}</p>
        {rest}
        <Name draft at/>
        {takes.then(|| kind.clone().map(|kind| view! { <Inputs draft at kind faults/> }))}
        {settings(own, &step, "step", around, set)}
        <details class="fold">
            <summary>"More: order, retries, time limit, cache"</summary>
            <div class="form-inner">
                <After draft at/>
                {settings(common, &step, "step", around, set)}
            </div>
        </details>
        {gives.then(|| view! { <Preview draft id/> })}
    }
}

/// The kind's settings. Files are for the command line: they are shown only where the document names one.
fn fields(kind: &StepKindView, step: &Value) -> Vec<StepField> {
    let shown = |field: &&StepField| field.names != Names::Files || step.get(&field.name).is_some();
    kind.fields.iter().filter(shown).cloned().collect()
}

/// What can be done with a step as a whole.
#[component]
fn Doings(draft: Draft, at: usize) -> impl IntoView {
    let last = move || draft.document.with(|document| at + 1 >= model::steps(document).len());
    let go = move |with: fn(&mut Value, usize) -> usize| {
        let to = draft.document.try_update(|document| with(document, at));
        draft.chosen.set(to);
    };
    let remove = move |()| {
        draft.document.update(|document| model::remove(document, at));
        let left = draft.document.with_untracked(|document| model::steps(document).len());
        draft.chosen.set((left > 0).then(|| at.min(left - 1)));
    };
    let text = Signal::derive(move || draft.document.with(|document| model::removal(document, at)));
    view! {
        <div class="button-row">
            <Button label="Move up".to_owned() kind=ButtonKind::Quiet disabled=Signal::stored(at == 0) on_press=move |()| go(|document, at| model::shift(document, at, false))/>
            <Button label="Move down".to_owned() kind=ButtonKind::Quiet disabled=Signal::derive(last) on_press=move |()| go(|document, at| model::shift(document, at, true))/>
            <Button label="Duplicate".to_owned() kind=ButtonKind::Quiet on_press=move |()| go(model::duplicate)/>
            <ConfirmButton label="Remove" title="Remove the step" text kind=ButtonKind::Quiet on_confirm=Callback::new(remove)/>
        </div>
    }
}

/// The step's name; what refers to it follows.
#[component]
fn Name(draft: Draft, at: usize) -> impl IntoView {
    let wrong = RwSignal::new(None::<Problem>);
    let value = draft
        .document
        .with_untracked(|document| model::steps(document).get(at).map(|s| model::id(s).to_owned()).unwrap_or_default());
    let rename = move |new: String| {
        let done = draft.document.try_update(|document| model::rename(document, at, new.trim()));
        wrong.set(match done {
            Some(Err(message)) => Some(Problem {
                fields: vec![FieldProblem { field: "id".into(), message: message.clone() }],
                ..Problem::invalid(message)
            }),
            _ => None,
        });
    };
    view! {
        <TextField name="id" id="step-id" label="Name" value problem=wrong hint="Other steps take from it by this name; they follow when it changes."
            on_value=Callback::new(rename)/>
    }
}

/// Which outputs of earlier steps the step takes, in order.
#[component]
fn Inputs(draft: Draft, at: usize, kind: StepKindView, faults: Signal<Option<Problem>>) -> impl IntoView {
    let (least, most) = (kind.inputs.0 as usize, kind.inputs.1 as usize);
    let now = Memo::new(move |_| {
        draft.document.with(|document| model::steps(document).get(at).map(model::inputs).unwrap_or_default())
    });
    let offered = Memo::new(move |_| {
        draft.form.with_value(|form| draft.document.with(|document| model::outputs(document, &form.kinds, at)))
    });
    let places = move || (0..(now.with(Vec::len) + 1).clamp(least.max(1), most.max(1))).collect::<Vec<_>>();
    let one = move |place: usize| {
        let pick = move |ev| {
            let chosen = event_target_value(&ev);
            let mut inputs = now.get_untracked();
            inputs.resize(inputs.len().max(place + 1), String::new());
            inputs[place] = chosen;
            inputs.retain(|input| !input.is_empty());
            change(draft, at, |step| model::set_inputs(step, inputs));
        };
        let options = move || {
            let current = now.with(|now| now.get(place).cloned().unwrap_or_default());
            let mut all = offered.get();
            if !current.is_empty() && !all.contains(&current) {
                all.push(current.clone());
            }
            let none = if place < least { "Choose …" } else { "None" };
            let mut options = vec![view! { <option value="" selected=current.is_empty()>{none}</option> }.into_any()];
            options.extend(all.into_iter().map(|name| {
                let selected = name == current;
                view! { <option value=name.clone() selected=selected>{name.clone()}</option> }.into_any()
            }));
            options
        };
        let id = format!("step-input-{place}");
        let label = if most == 1 { "Takes".to_owned() } else { format!("Takes, {}", place + 1) };
        view! {
            <div class="field">
                <label class="field-label" for=id.clone()>{label}</label>
                <select id=id aria-describedby="step-input-problem" prop:value=move || now.with(|now| now.get(place).cloned().unwrap_or_default()) on:change=pick>{options}</select>
            </div>
        }
    };
    let fault = move || {
        let found = faults.get().and_then(|p| p.fields.into_iter().find(|fault| fault.field == "input"));
        found.map(|fault| view! { <Icon glyph=Glyph::Warning/>{fault.message} })
    };
    view! {
        <div class="field">
            <div class="form-row"><For each=places key=|place| *place children=one/></div>
            <p class="field-problem" id="step-input-problem">{fault}</p>
        </div>
    }
}

/// What has to be done before, without taking anything of it.
#[component]
fn After(draft: Draft, at: usize) -> impl IntoView {
    let (others, waits) = draft.document.with_untracked(|document| {
        (model::before(document, at), model::steps(document).get(at).map(model::after).unwrap_or_default())
    });
    if others.is_empty() {
        return ().into_any();
    }
    let boxes = others
        .into_iter()
        .map(|id| {
            let checked = waits.contains(&id);
            let name = id.clone();
            let on = Callback::new(move |on: bool| {
                draft.document.update(|document| model::wait_for(document, at, &name, on))
            });
            view! { <CheckField name="after" label=id checked on_value=on/> }
        })
        .collect_view();
    view! { <fieldset class="field composite"><legend class="field-label">"Also waits for"</legend>{boxes}</fieldset> }
        .into_any()
}

/// The step's first rows, made from the first rows of each source.
#[component]
fn Preview(draft: Draft, id: Memo<String>) -> impl IntoView {
    let preview = Action::new(move |(): &()| preview_rows(draft.project.get_value(), draft.text(), id.get_untracked()));
    let shown = move || match preview.value().get() {
        Some(Ok(rows)) => previewed(rows),
        Some(Err(error)) => view! { <Note tone=Tone::Critical>{error.0.message}</Note> }.into_any(),
        None => ().into_any(),
    };
    let label = Signal::derive(move || if preview.pending().get() { "Preview …" } else { "Preview" }.to_owned());
    view! {
        <div class="button-row"><Button label glyph=Glyph::Table disabled=preview.pending() on_press=move |()| { preview.dispatch(()); }/></div>
        {shown}
    }
}
