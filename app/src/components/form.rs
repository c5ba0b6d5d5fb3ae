//! Form fields: a real label, a hint, and the problem right below the input.

use super::{Glyph, Icon};
use leptos::prelude::*;
use trainyard_types::Problem;

/// The message of `problem` for one field.
fn message(problem: Option<Problem>, field: &str) -> Option<String> {
    problem.and_then(|p| p.fields.into_iter().find(|f| f.field == field).map(|f| f.message))
}

/// Everything around an input: label above, hint and problem below. The input itself is the child; it has to carry
/// the id `id` and, for screen readers, `aria-describedby` with `{id}-hint {id}-problem`.
#[component]
pub fn Field(
    #[prop(into)] id: String,
    /// The field's name in problems.
    #[prop(into)]
    name: String,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] problem: Signal<Option<Problem>>,
    children: Children,
) -> impl IntoView {
    let problem_id = format!("{id}-problem");
    let hint_id = format!("{id}-hint");
    view! {
        <div class="field">
            <label class="field-label" for=id>{label}</label>
            {children()}
            {hint.map(|hint| view! { <p class="field-hint" id=hint_id>{hint}</p> })}
            <p class="field-problem" id=problem_id>
                {move || message(problem.get(), &name).map(|text| view! { <Icon glyph=Glyph::Warning/>{text} })}
            </p>
        </div>
    }
}

/// One line of text. `kind` is the HTML input type.
#[component]
pub fn TextField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] placeholder: Option<String>,
    #[prop(optional)] required: bool,
    #[prop(default = "off")] autocomplete: &'static str,
    /// Where two forms of a page have a field of the same name.
    #[prop(optional, into)]
    id: Option<String>,
    #[prop(optional, into)] problem: Signal<Option<Problem>>,
    /// The value as the person types.
    #[prop(optional, into)]
    on_value: Option<Callback<String>>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| format!("f-{name}"));
    let described = format!("{id}-hint {id}-problem");
    let field = name.clone();
    let invalid = move || message(problem.get(), &field).map(|_| "true");
    let input = view! {
        <input id=id.clone() name=name.clone() type=kind value=value placeholder=placeholder required=required
            autocomplete=autocomplete aria-describedby=described aria-invalid=invalid
            on:input=move |ev| if let Some(on_value) = on_value { on_value.run(event_target_value(&ev)) }/>
    };
    wrap(id, name, label, hint, problem, input.into_any())
}

/// A choice of one out of a few. Options are value and label.
#[component]
pub fn SelectField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    options: Vec<(String, String)>,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] problem: Signal<Option<Problem>>,
    #[prop(optional, into)] on_value: Option<Callback<String>>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| format!("f-{name}"));
    let described = format!("{id}-hint {id}-problem");
    let input = view! {
        <select id=id.clone() name=name.clone() aria-describedby=described
            on:change=move |ev| if let Some(on_value) = on_value { on_value.run(event_target_value(&ev)) }>
            {options.into_iter().map(|(key, text)| {
                let selected = key == value;
                view! { <option value=key selected=selected>{text}</option> }
            }).collect_view()}
        </select>
    };
    wrap(id, name, label, hint, problem, input.into_any())
}

/// Several lines of text.
#[component]
pub fn TextAreaField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(default = 3)] rows: u32,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] problem: Signal<Option<Problem>>,
    #[prop(optional, into)] on_value: Option<Callback<String>>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| format!("f-{name}"));
    let described = format!("{id}-hint {id}-problem");
    let input = view! {
        <textarea id=id.clone() name=name.clone() rows=rows aria-describedby=described
            on:input=move |ev| if let Some(on_value) = on_value { on_value.run(event_target_value(&ev)) }>{value}</textarea>
    };
    wrap(id, name, label, hint, problem, input.into_any())
}

/// A yes or no. In plain form posts it sends `true`, or nothing.
#[component]
pub fn CheckField(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(optional)] checked: bool,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] on_value: Option<Callback<bool>>,
) -> impl IntoView {
    view! {
        <label class="check">
            <input type="checkbox" name=name value="true" checked=checked
                on:change=move |ev| if let Some(on_value) = on_value { on_value.run(event_target_checked(&ev)) }/>
            <span>
                {label}
                {hint.map(|hint| view! { <small class="field-hint">{hint}</small> })}
            </span>
        </label>
    }
}

fn wrap(
    id: String,
    name: String,
    label: String,
    hint: Option<String>,
    problem: Signal<Option<Problem>>,
    input: AnyView,
) -> AnyView {
    match hint {
        Some(hint) => view! { <Field id name label hint problem>{input}</Field> }.into_any(),
        None => view! { <Field id name label problem>{input}</Field> }.into_any(),
    }
}
