//! A form made from the signature: one row in, a prediction out.

use super::row::{default_text, outside, range, to_json};
use crate::{
    api::models::predict,
    components::*,
    format::{measure, percent},
    hooks::may,
};
use leptos::prelude::*;
use std::collections::BTreeMap;
use trainyard_types::{
    Action as May, Problem,
    dataset::ColumnType,
    model::{InputColumn, ModelVersionView, PredictRows, PredictionView, PredictionsView, Signature},
};

/// Inputs that stand open; the ones after these are folded away with their defaults.
const OPEN_INPUTS: usize = 40;
/// Up to so many categories are a list to choose from; more are proposed while typing.
const MOST_CHOICES: usize = 30;

#[derive(Clone)]
struct Entry {
    input: InputColumn,
    text: RwSignal<String>,
    /// What is wrong with the text, from here or from the server.
    fault: RwSignal<Option<String>>,
}

#[component]
pub fn TryIt(model: String, version: ModelVersionView, champion: Option<i32>) -> impl IntoView {
    if !may(May::Predict) {
        return view! {
            <EmptyState glyph=Glyph::Shield title="Your role does not ask models" text="An auditor reads and does not predict. An admin can give you another role."/>
        }
        .into_any();
    }
    let number = version.number;
    let signature = version.signature;
    let entries: Vec<Entry> = signature
        .inputs
        .iter()
        .map(|input| Entry {
            input: input.clone(),
            text: RwSignal::new(default_text(input)),
            fault: RwSignal::new(None),
        })
        .collect();
    let kept = StoredValue::new(entries.clone());
    let model = StoredValue::new(model);
    let predict = Action::new(move |rows: &PredictRows| {
        let rows = rows.clone();
        // The form is made for this version: it is asked even if another has become champion meanwhile.
        async move { predict(model.get_value(), Some(number), rows).await }
    });
    Effect::new(move |_| {
        if let Some(Err(error)) = predict.value().get() {
            kept.with_value(|entries| mark(entries, &error.0));
        }
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(row) = kept.with_value(|entries| read(entries)) {
            predict.dispatch(PredictRows { rows: vec![row], intervals: true });
        }
    };
    let reset = move |()| {
        kept.with_value(|entries| {
            for entry in entries {
                entry.text.set(default_text(&entry.input));
                entry.fault.set(None);
            }
        });
    };
    let (first, rest) = entries.split_at(entries.len().min(OPEN_INPUTS));
    let folded = (!rest.is_empty()).then(|| {
        let words = format!("{} further columns, filled with their usual values", rest.len());
        view! { <details class="try-more"><summary>{words}</summary><div class="try-grid">{rest.iter().cloned().map(field).collect_view()}</div></details> }
    });
    let pending = predict.pending();
    let target = signature.target.clone();
    let order = StoredValue::new(signature);
    view! {
        <div class="try">
            <form class="try-form" on:submit=submit novalidate=true>
                <div class="try-grid">{first.iter().cloned().map(field).collect_view()}</div>
                {folded}
                <div class="button-row try-actions">
                    <Submit label="Predict" pending=pending/>
                    <Button label="Usual values".to_owned() on_press=reset/>
                </div>
            </form>
            <div class="try-answer" role="status" aria-label="Prediction">
                <h2>{format!("Predicted {target}")}</h2>
                {move || match predict.value().get() {
                    None => view! { <p class="muted">"Every field holds the median or most frequent value of the train rows. Change some and press Predict."</p> }.into_any(),
                    Some(Err(error)) => view! { <Note tone=Tone::Critical>{error.0.message}</Note> }.into_any(),
                    Some(Ok(answer)) => order.with_value(|s| self::answer(answer, s)),
                }}
                <p class="muted">
                    {format!("By version {number}")}
                    {match champion {
                        Some(c) if c == number => ", the champion.",
                        _ => ", which is not champion.",
                    }}
                </p>
            </div>
        </div>
    }
    .into_any()
}

/// The row, if every text can be read; otherwise the faults stand at their fields.
fn read(entries: &[Entry]) -> Option<serde_json::Map<String, serde_json::Value>> {
    let mut row = serde_json::Map::new();
    let mut good = true;
    for entry in entries {
        match entry.text.with_untracked(|text| to_json(&entry.input, text)) {
            Ok(value) => {
                entry.fault.set(None);
                row.insert(entry.input.name.clone(), value);
            }
            Err(message) => {
                entry.fault.set(Some(message));
                good = false;
            }
        }
    }
    good.then_some(row)
}

fn mark(entries: &[Entry], problem: &Problem) {
    for field in &problem.fields {
        if let Some(entry) = entries.iter().find(|e| e.input.name == field.field) {
            entry.fault.set(Some(field.message.clone()));
        }
    }
}

fn field(entry: Entry) -> AnyView {
    let Entry { input, text, fault } = entry;
    let id = format!("try-{}", input.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    let described = format!("{id}-hint");
    let hint = match input.kind {
        ColumnType::Integer | ColumnType::Float | ColumnType::Datetime => range(&input),
        ColumnType::Text if input.categories.len() > MOST_CHOICES => format!("{} known values", input.categories.len()),
        _ => String::new(),
    };
    let control = control(&input, &id, &described, text, fault);
    let name = input.name.clone();
    let kept = StoredValue::new(input);
    let below = move || match fault.get() {
        Some(message) => view! { <span class="field-problem"><Icon glyph=Glyph::Warning/>{message}</span> }.into_any(),
        None => match kept.with_value(|input| text.with(|text| outside(input, text))) {
            Some(words) => view! { <span class="try-outside">{words}</span> }.into_any(),
            None => hint.clone().into_any(),
        },
    };
    view! {
        <div class="field">
            <label class="field-label" for=id>{name}</label>
            {control}
            <p class="field-hint" id=described>{below}</p>
        </div>
    }
    .into_any()
}

fn control(
    input: &InputColumn,
    id: &str,
    described: &str,
    text: RwSignal<String>,
    fault: RwSignal<Option<String>>,
) -> AnyView {
    let (id, described) = (id.to_owned(), described.to_owned());
    let invalid = move || fault.get().map(|_| "true");
    let typed = move |event| {
        text.set(event_target_value(&event));
        fault.set(None);
    };
    let first = text.get_untracked();
    let choices: Option<Vec<String>> = match input.kind {
        ColumnType::Boolean => Some(vec!["true".into(), "false".into()]),
        ColumnType::Text if (1..=MOST_CHOICES).contains(&input.categories.len()) => Some(input.categories.clone()),
        _ => None,
    };
    if let Some(choices) = choices {
        let options = choices
            .into_iter()
            .map(|c| view! { <option value=c.clone() selected=c == first>{c.clone()}</option> })
            .collect_view();
        return view! {
            <select id=id aria-describedby=described aria-invalid=invalid prop:value=move || text.get() on:change=typed>
                {options}
                <option value="">"(missing)"</option>
            </select>
        }
        .into_any();
    }
    match input.kind {
        ColumnType::Integer | ColumnType::Float => {
            let step = if input.kind == ColumnType::Integer { "1" } else { "any" };
            view! {
                <input id=id type="number" step=step inputmode="decimal" autocomplete="off" value=first
                    aria-describedby=described aria-invalid=invalid prop:value=move || text.get() on:input=typed/>
            }
            .into_any()
        }
        ColumnType::Datetime => view! {
            <input id=id type="datetime-local" step="1" value=first
                aria-describedby=described aria-invalid=invalid prop:value=move || text.get() on:input=typed/>
        }
        .into_any(),
        _ if input.free_text => view! {
            <textarea id=id rows="3" aria-describedby=described aria-invalid=invalid
                prop:value=move || text.get() on:input=typed>{first}</textarea>
        }
        .into_any(),
        ColumnType::Text | ColumnType::Boolean => {
            let list = format!("{id}-values");
            let options = input.categories.iter().map(|c| view! { <option value=c.clone()></option> }).collect_view();
            view! {
                <input id=id type="text" list=list.clone() autocomplete="off" value=first
                    aria-describedby=described aria-invalid=invalid prop:value=move || text.get() on:input=typed/>
                <datalist id=list>{options}</datalist>
            }
            .into_any()
        }
    }
}

/// The prediction of the first row, with what was out of the ordinary.
fn answer(answer: PredictionsView, signature: &Signature) -> AnyView {
    let notes = answer.notes.into_iter().map(|note| view! { <Note tone=Tone::Warning>{note}</Note> }).collect_view();
    let level = answer.level;
    let shown = match answer.predictions.into_iter().next() {
        None => view! { <p class="muted">"The model gave no answer."</p> }.into_any(),
        Some(PredictionView::Value { value, lower, upper }) => {
            let within = level.zip(lower).zip(upper).map(|((level, lower), upper)| {
                let words = format!(": {} to {}", measure(lower), measure(upper));
                view! { <p class="try-sure"><Term name="prediction_interval" text=format!("{} interval", crate::format::level(level))/>{words}</p> }
            });
            view! { <p class="try-value">{measure(value)}</p>{within} }.into_any()
        }
        Some(PredictionView::Class { label, probabilities, set }) => {
            let among = level.filter(|_| !set.is_empty()).map(|level| {
                let words = format!(": {}", set.join(" or "));
                view! { <p class="try-sure"><Term name="prediction_set" text=format!("{} set", crate::format::level(level))/>{words}</p> }
            });
            let bars = ranked(&probabilities, &signature.classes)
                .into_iter()
                .map(|(class, share)| {
                    let chosen = class == label;
                    view! {
                        <tr class:chosen=chosen>
                            <th scope="row">{class.clone()}</th>
                            <td class="try-bar"><ShareBar share label=format!("{class}: {}", percent(share))/></td>
                            <td class="num">{percent(share)}</td>
                        </tr>
                    }
                })
                .collect_view();
            view! {
                <p class="try-value">{label.clone()}</p>
                {among}
                <table class="table compact try-classes">
                    <caption class="visually-hidden">"Probability of each class"</caption>
                    <tbody>{bars}</tbody>
                </table>
            }
            .into_any()
        }
    };
    view! { {shown}{notes} }.into_any()
}

/// The ten most probable classes, the most probable first.
fn ranked(probabilities: &BTreeMap<String, f64>, classes: &[String]) -> Vec<(String, f64)> {
    let mut all: Vec<(String, f64)> =
        classes.iter().filter_map(|c| Some((c.clone(), *probabilities.get(c)?))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(10);
    all
}
