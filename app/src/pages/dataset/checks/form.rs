//! One check as a form: its type, the settings that the type has, and how strict and grave it is.

use super::{draft::Draft, editor::Chosen};
use crate::components::*;
use leptos::prelude::*;
use trainyard_types::{
    Problem,
    checks::{Check, Expectation, Suite},
    dataset::{ColumnType, Severity},
};

/// Asks for a check. Where the columns are not known, their names are typed.
#[component]
pub fn CheckDialog(chosen: Chosen, suite: RwSignal<Suite>, columns: RwSignal<Vec<String>>) -> impl IntoView {
    view! {
        <Dialog open=chosen.open title="Check">
            {move || chosen.check.get().map(|check| view! { <Form check chosen suite columns/> })}
        </Dialog>
    }
}

#[component]
fn Form(check: Check, chosen: Chosen, suite: RwSignal<Suite>, columns: RwSignal<Vec<String>>) -> impl IntoView {
    let draft = RwSignal::new(Draft::of(&check));
    let kind = Memo::new(move |_| draft.with(|draft| draft.kind.clone()));
    let wrong = RwSignal::new(None::<Problem>);
    let problem = Signal::derive(move || wrong.get());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        event.stop_propagation();
        match draft.get_untracked().check() {
            Ok(check) => {
                suite.update(|suite| match chosen.at.get_untracked() {
                    Some(at) if at < suite.checks.len() => suite.checks[at] = check,
                    _ => suite.checks.push(check),
                });
                chosen.open.set(false);
            }
            Err(fault) => wrong.set(Some(fault)),
        }
    };
    let types = Expectation::TYPES.iter().map(|(name, about)| ((*name).to_owned(), (*about).to_owned())).collect();
    let start = draft.get_untracked();
    let retype = move |kind: String| {
        let column = columns.with_untracked(|columns| columns.first().cloned().unwrap_or_default());
        wrong.set(None);
        draft.update(|draft| draft.retype(&kind, &column));
    };
    let severities = [
        (Severity::Info, "info", "Worth knowing"),
        (Severity::Warning, "warning", "Warning"),
        (Severity::Critical, "critical", "Critical: blocks training"),
    ];
    let options = severities.iter().map(|(_, key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    let grave =
        severities.iter().find(|(severity, ..)| *severity == start.severity).map_or("warning", |(_, key, _)| key);
    let set_grave = move |key: String| {
        if let Some((severity, ..)) = severities.iter().find(|(_, name, _)| *name == key) {
            draft.update(|draft| draft.severity = *severity);
        }
    };
    let strict = move || {
        let row_wise = Expectation::blank(&kind.get(), "x").is_some_and(|blank| blank.is_row_wise());
        row_wise.then(|| view! {
            <TextField name="mostly" id="check-mostly" label="Share of rows that must pass" problem=problem value=draft.get_untracked().mostly
                hint="1 means every row." on_value=Callback::new(move |text| draft.update(|d| d.mostly = text))/>
        })
    };
    view! {
        <form class="stack" on:submit=submit>
            <SelectField name="type" id="check-type" label="What is expected" options=types value=start.kind.clone() on_value=Callback::new(retype)/>
            {move || {
                let kind = kind.get();
                Expectation::fields(&kind).iter().map(|(name, form)| field(name, form, draft, columns, problem)).collect_view()
            }}
            {strict}
            <TextField name="where" id="check-where" label="Only rows where" problem=problem value=start.filter.clone()
                hint="Such as: age >= 18 and status = 'open'. Empty: all rows." on_value=Callback::new(move |text| draft.update(|d| d.filter = text))/>
            <SelectField name="severity" id="check-severity" label="A failure is" options value=grave on_value=Callback::new(set_grave)/>
            <TextField name="description" id="check-why" label="Why it is expected" value=start.description.clone()
                on_value=Callback::new(move |text| draft.update(|d| d.description = text))/>
            {move || problem.get().filter(|p| p.fields.is_empty()).map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
            <div class="button-row end">
                <Button label="Keep it as it is".to_owned() on_press=move |()| chosen.open.set(false)/>
                <Submit label="Take it over"/>
            </div>
        </form>
    }
}

/// One setting, by the Rust type it has.
fn field(
    name: &'static str,
    form: &'static str,
    draft: RwSignal<Draft>,
    columns: RwSignal<Vec<String>>,
    problem: Signal<Option<Problem>>,
) -> AnyView {
    let id = format!("check-{name}");
    let value = draft.with_untracked(|draft| draft.fields.get(name).cloned().unwrap_or_default());
    let set = Callback::new(move |text: String| draft.update(|draft| _ = draft.fields.insert(name.to_owned(), text)));
    let label = label(name);
    let pick = |options: Vec<(String, String)>, value: String| {
        view! { <SelectField name id=id.clone() label=label.clone() options value problem=problem on_value=set/> }
            .into_any()
    };
    let same = |text: &str| (text.to_owned(), text.to_owned());
    match (name, form) {
        ("column" | "column_a" | "column_b", _) if columns.with_untracked(|columns| !columns.is_empty()) => {
            let mut options: Vec<_> = columns.with_untracked(|columns| columns.iter().map(|name| same(name)).collect());
            if !options.iter().any(|(key, _)| *key == value) {
                options.insert(0, same(&value));
            }
            pick(options, value)
        }
        (_, "bool") => {
            let on = Callback::new(move |on: bool| set.run(if on { "true" } else { "" }.to_owned()));
            view! { <CheckField name label checked=value == "true" on_value=on/> }.into_any()
        }
        (_, "ColumnType") => pick(ColumnType::ALL.iter().map(|kind| same(kind.as_str())).collect(), value),
        (_, "OutlierMethod") => pick(vec![same("iqr"), same("std")], value),
        (_, "MatchOn") => pick(vec![same("any"), same("all")], value),
        (_, "Vec<QuantileRange>") => {
            area(name, id, label, value, problem, set, "JSON: [{\"quantile\": 0.5, \"min\": 20, \"max\": 60}]")
        }
        (_, "Partition") => area(
            name,
            id,
            label,
            value,
            problem,
            set,
            "JSON: {\"values\": [\"a\", \"b\"], \"weights\": [0.3, 0.7]} or bins and weights.",
        ),
        (_, form) if form.starts_with("Vec") => {
            area(name, id, label, value, problem, set, "One a line. Double quotes make a text of a number.")
        }
        _ => view! { <TextField name id label value problem=problem on_value=set/> }.into_any(),
    }
}

fn area(
    name: &'static str,
    id: String,
    label: String,
    value: String,
    problem: Signal<Option<Problem>>,
    set: Callback<String>,
    hint: &'static str,
) -> AnyView {
    view! { <TextAreaField name id label value hint=hint rows=5 problem=problem on_value=set/> }.into_any()
}

/// A setting's name for people.
fn label(name: &str) -> String {
    match name {
        "min" => "At least".to_owned(),
        "max" => "At most".to_owned(),
        "strict" => "The bounds themselves fail".to_owned(),
        "p" => "Least p-value".to_owned(),
        "kind" => "Type".to_owned(),
        "kinds" => "Types".to_owned(),
        name => {
            let words = name.replace('_', " ");
            words[..1].to_uppercase() + &words[1..]
        }
    }
}
