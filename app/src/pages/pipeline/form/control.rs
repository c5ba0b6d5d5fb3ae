//! One setting of any form: what a person sees and changes, for every form that the server describes. A control keeps its own
//! state and says each change as a whole value; none is a setting that is left out.

use super::checks::Checks;
use crate::{api::pipelines::read_setting, components::*};
use leptos::prelude::*;
use serde_json::{Map, Value, json};
use trainyard_types::{
    Problem,
    pipeline::{Choice, FieldForm, Names, StepField, Variant},
};

/// A name with its value, while it is edited.
type Pair = (String, Option<Value>);

/// What controls know of their surroundings.
#[derive(Clone, Copy)]
pub(super) struct Around {
    /// Columns that a setting may name.
    pub(super) columns: RwSignal<Vec<String>>,
    /// What is wrong, by setting.
    pub(super) faults: Signal<Option<Problem>>,
}

/// Says the new value.
type Say = Callback<Option<Value>>;

/// A setting's name for people: `order_by` is "Order by".
pub(super) fn label(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A default in words.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(on) => if *on { "yes" } else { "no" }.to_owned(),
        value => value.to_string(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Null => true,
        _ => false,
    }
}

/// Settings one below the other. `value` is the object that they are in.
pub(super) fn settings(
    fields: Vec<StepField>,
    value: &Value,
    within: &str,
    around: Around,
    set: Callback<(String, Option<Value>)>,
) -> AnyView {
    fields
        .into_iter()
        .map(|field| {
            let (name, held) = (field.name.clone(), value.get(&field.name).cloned());
            setting(field, held, within, around, Callback::new(move |new| set.run((name.clone(), new))))
        })
        .collect_view()
        .into_any()
}

/// One setting with its label, help and fault.
pub(super) fn setting(field: StepField, value: Option<Value>, within: &str, around: Around, set: Say) -> AnyView {
    let id = format!("{within}-{}", field.name);
    let needed = if field.required { " (needed)" } else { "" };
    let title = format!("{}{needed}", label(&field.name));
    let mut hint = field.help.clone();
    if let Some(default) =
        field.default.as_ref().filter(|default| !is_empty(default) && !matches!(field.form, FieldForm::Boolean))
    {
        hint = format!("{hint} Left out: {}.", plain(default)).trim().to_owned();
    }
    let shown = value.as_ref().is_none_or(|value| field.form.shows(value));
    if let (FieldForm::Boolean, true) = (&field.form, shown) {
        let default = field.default.as_ref().and_then(Value::as_bool).unwrap_or(false);
        let checked = value.as_ref().and_then(Value::as_bool).unwrap_or(default);
        let on = Callback::new(move |on: bool| set.run((on != default).then_some(json!(on))));
        return view! { <CheckField name=field.name label=title checked hint=hint on_value=on/> }.into_any();
    }
    let simple = matches!(
        field.form,
        FieldForm::Text | FieldForm::Sql | FieldForm::Number { .. } | FieldForm::Choice { .. } | FieldForm::Any
    );
    let form = if shown { field.form.clone() } else { FieldForm::Any };
    let told = Told { names: field.names, label: title.clone(), optional: !field.required };
    let inner = if shown { control(form, value, &id, told, around, set) } else { raw(value, &id, &title, set) };
    if simple || !shown {
        return view! { <Field id=id.clone() name=field.name label=title hint=hint problem=around.faults>{inner}</Field> }
            .into_any();
    }
    let (name, faults) = (field.name, around.faults);
    // `parameters.least` is told at `parameters`.
    let of = |name: &str, fault: &str| fault.split('.').next() == Some(name);
    let fault = move || {
        let found = faults.get().and_then(|p| p.fields.into_iter().find(|fault| of(&name, &fault.field)));
        found.map(|fault| view! { <p class="field-problem"><Icon glyph=Glyph::Warning/>{fault.message}</p> })
    };
    view! {
        <fieldset class="field composite">
            <legend class="field-label">{title}</legend>
            {(!hint.is_empty()).then(|| view! { <p class="field-hint">{hint}</p> })}
            {inner}
            {fault}
        </fieldset>
    }
    .into_any()
}

/// What a control is told besides its value.
#[derive(Clone)]
struct Told {
    names: Names,
    label: String,
    optional: bool,
}

fn list_of(names: Names) -> Option<&'static str> {
    match names {
        Names::Columns => Some("form-columns"),
        Names::Datasets => Some("form-datasets"),
        Names::Nothing | Names::Files => None,
    }
}

fn control(form: FieldForm, value: Option<Value>, id: &str, told: Told, around: Around, set: Say) -> AnyView {
    match form {
        FieldForm::Text => {
            let text = value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            let set = Callback::new(move |text: String| set.run((!text.is_empty()).then_some(Value::String(text))));
            line(text, id, &told, set)
        }
        FieldForm::Sql => {
            let text = value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            let set = move |ev| {
                let text = event_target_value(&ev);
                set.run((!text.trim().is_empty()).then_some(Value::String(text)));
            };
            let (id, label, described) = (id.to_owned(), told.label, format!("{id}-hint {id}-problem"));
            view! { <textarea id=id class="sql" rows=3 spellcheck="false" aria-label=label aria-describedby=described on:input=set>{text}</textarea> }
                .into_any()
        }
        FieldForm::Number { whole } => number(whole, value, id, &told, set),
        FieldForm::Boolean => {
            let choice = |value: &str, help: &str| Choice { value: value.into(), help: help.into() };
            let now = value.as_ref().and_then(Value::as_bool).map(|on| if on { "yes" } else { "no" });
            let set = Callback::new(move |text: Option<String>| set.run(text.map(|text| json!(text == "yes"))));
            choose(vec![choice("yes", ""), choice("no", "")], now.map(str::to_owned), id, &told, set)
        }
        FieldForm::Choice { choices } => {
            let now = value.as_ref().and_then(Value::as_str).map(str::to_owned);
            choose(choices, now, id, &told, Callback::new(move |text: Option<String>| set.run(text.map(Value::String))))
        }
        FieldForm::List { of } => list(*of, value, id, told, around, set),
        FieldForm::Map { of } => map(*of, value, id, told, around, set),
        FieldForm::Object { fields } => object(fields, None, value, id, told, around, set),
        FieldForm::Tagged { tag, variants } => object(Vec::new(), Some((tag, variants)), value, id, told, around, set),
        FieldForm::OneOf { forms } => one_of(forms, value, id, told, around, set),
        FieldForm::Checks => view! { <Checks value around set/> }.into_any(),
        FieldForm::Any => any(value, id, &told, set),
    }
}

fn line(text: String, id: &str, told: &Told, set: Callback<String>) -> AnyView {
    let (id, label, described) = (id.to_owned(), told.label.clone(), format!("{id}-hint {id}-problem"));
    view! {
        <input id=id type="text" value=text autocomplete="off" list=list_of(told.names) aria-label=label aria-describedby=described
            on:input=move |ev| set.run(event_target_value(&ev))/>
    }
    .into_any()
}

/// A number, or a parameter in its place. What is neither is kept as text: the server says so at the field.
fn number(whole: bool, value: Option<Value>, id: &str, told: &Told, set: Say) -> AnyView {
    let text = value.as_ref().map(plain).unwrap_or_default();
    let read = move |text: String| {
        let text = text.trim();
        let number = if whole { text.parse::<i64>().ok().map(Value::from) } else { None };
        let number = number.or_else(|| text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from));
        set.run((!text.is_empty()).then(|| number.unwrap_or_else(|| Value::String(text.to_owned()))));
    };
    line(text, id, told, Callback::new(read))
}

fn choose(choices: Vec<Choice>, now: Option<String>, id: &str, told: &Told, set: Callback<Option<String>>) -> AnyView {
    let (id, label, described) = (id.to_owned(), told.label.clone(), format!("{id}-hint {id}-problem"));
    let none = told.optional || now.is_none();
    let options = choices
        .into_iter()
        .map(|choice| {
            let selected = now.as_deref() == Some(choice.value.as_str());
            let text = if choice.help.is_empty() {
                choice.value.clone()
            } else {
                format!("{}: {}", choice.value, choice.help.trim_end_matches('.'))
            };
            view! { <option value=choice.value selected=selected>{text}</option> }
        })
        .collect_view();
    let first = none.then(|| view! { <option value="" selected=now.is_none()>{if told.optional { "As left out" } else { "Choose …" }}</option> });
    view! {
        <select id=id aria-label=label aria-describedby=described
            on:change=move |ev| set.run(Some(event_target_value(&ev)).filter(|text| !text.is_empty()))>
            {first}{options}
        </select>
    }
    .into_any()
}

/// A number, a yes or no, or a text; double quotes make a text of anything. What is more than that is YAML.
fn any(value: Option<Value>, id: &str, told: &Told, set: Say) -> AnyView {
    if value.as_ref().is_some_and(|value| value.is_array() || value.is_object()) {
        return raw(value, id, &told.label, set);
    }
    let text = match &value {
        Some(Value::String(text)) if scalar(text).is_none_or(|read| !read.is_string()) => format!("\"{text}\""),
        Some(value) => match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        },
        None => String::new(),
    };
    line(text, id, told, Callback::new(move |text: String| set.run(scalar(&text))))
}

fn scalar(text: &str) -> Option<Value> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Some(Value::String(inner.to_owned()));
    }
    match text {
        "" => None,
        "true" => Some(json!(true)),
        "false" => Some(json!(false)),
        text => {
            let whole = text.parse::<i64>().ok().map(Value::from);
            let number = whole.or_else(|| text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from));
            Some(number.unwrap_or_else(|| Value::String(text.to_owned())))
        }
    }
}

/// A value that the form can't show: as YAML, which the server reads.
fn raw(value: Option<Value>, id: &str, label: &str, set: Say) -> AnyView {
    let text = value.map(|value| serde_json::to_string_pretty(&value).unwrap_or_default()).unwrap_or_default();
    let read = Action::new(move |text: &String| read_setting(text.clone()));
    Effect::new(move |_| {
        if let Some(Ok(value)) = read.value().get() {
            set.run(Some(value).filter(|value| !value.is_null()));
        }
    });
    let problem = move || {
        problem_of(read.value().get())
            .map(|p| view! { <p class="field-problem"><Icon glyph=Glyph::Warning/>{p.message}</p> })
    };
    let (id, label, described) = (id.to_owned(), format!("{label}, as YAML"), format!("{id}-hint {id}-problem"));
    view! {
        <textarea id=id class="sql" rows=4 spellcheck="false" aria-label=label aria-describedby=described
            on:change=move |ev| { read.dispatch(event_target_value(&ev)); }>{text}</textarea>
        <p class="field-hint">"YAML or JSON, because this form has no other way to show it."</p>
        {problem}
    }
    .into_any()
}

/// The items of a list or map under their keys of this page.
type Rows<T> = RwSignal<Vec<(u32, T)>>;

fn next_key<T: Send + Sync + 'static>(rows: Rows<T>) -> u32 {
    rows.with_untracked(|rows| rows.iter().map(|(key, _)| key + 1).max().unwrap_or(0))
}

fn list(of: FieldForm, value: Option<Value>, id: &str, told: Told, around: Around, set: Say) -> AnyView {
    let items = value.and_then(|value| value.as_array().cloned()).unwrap_or_default();
    let rows: Rows<Option<Value>> = RwSignal::new((0..).zip(items.into_iter().map(Some)).collect());
    let say = move || {
        let items: Vec<Value> =
            rows.with_untracked(|rows| rows.iter().filter_map(|(_, value)| value.clone()).collect());
        set.run((!items.is_empty()).then_some(Value::Array(items)));
    };
    let (at, item) = (StoredValue::new((id.to_owned(), of)), told.label.clone());
    let inner = Told { label: item.clone(), optional: false, ..told };
    let show = move |(key, value): (u32, Option<Value>)| {
        let (id, of) = at.get_value();
        let change = Callback::new(move |new: Option<Value>| {
            rows.update(|rows| {
                rows.iter_mut().filter(|(other, _)| *other == key).for_each(|(_, value)| value.clone_from(&new))
            });
            say();
        });
        let control = control(of, value, &format!("{id}-{key}"), inner.clone(), around, change);
        let remove = move |_| {
            rows.update(|rows| rows.retain(|(other, _)| *other != key));
            say();
        };
        view! { <li class="form-item"><div class="form-item-value">{control}</div><button type="button" class="button quiet small" aria-label="Take this one out" on:click=remove><Icon glyph=Glyph::Close/></button></li> }
    };
    let add = move |()| {
        let key = next_key(rows);
        rows.update(|rows| rows.push((key, None)));
    };
    view! {
        <ul class="form-list">
            <For each=move || rows.get() key=|(key, _)| *key children=show/>
        </ul>
        <div class="button-row"><Button label=format!("Add to {}", item.trim_end_matches(" (needed)").to_lowercase()) glyph=Glyph::Plus on_press=add/></div>
    }
    .into_any()
}

fn map(of: FieldForm, value: Option<Value>, id: &str, told: Told, around: Around, set: Say) -> AnyView {
    let items = value.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let rows: Rows<(String, Option<Value>)> =
        RwSignal::new((0..).zip(items.into_iter().map(|(name, value)| (name, Some(value)))).collect());
    let say = move || {
        let items: Map<String, Value> = rows.with_untracked(|rows| {
            let named = rows.iter().filter(|(_, (name, _))| !name.is_empty());
            named.filter_map(|(_, (name, value))| Some((name.clone(), value.clone()?))).collect()
        });
        set.run((!items.is_empty()).then_some(Value::Object(items)));
    };
    let twice = move || {
        rows.with(|rows| {
            let mut names: Vec<&str> =
                rows.iter().map(|(_, (name, _))| name.as_str()).filter(|n| !n.is_empty()).collect();
            names.sort_unstable();
            names
                .windows(2)
                .find(|pair| pair[0] == pair[1])
                .map(|pair| format!("'{}' is there twice: only the last one counts.", pair[0]))
        })
        .map(|text| view! { <p class="field-problem"><Icon glyph=Glyph::Warning/>{text}</p> })
    };
    let what = if told.names == Names::Columns { "Column" } else { "Name" };
    let key_told = Told { names: told.names, label: what.to_owned(), optional: false };
    let inner = Told { names: Names::Nothing, label: "Value".to_owned(), optional: false };
    let (at, item) = (StoredValue::new((id.to_owned(), of)), told.label);
    let show = move |(key, (name, value)): (u32, (String, Option<Value>))| {
        let (id, of) = at.get_value();
        let edit = move |change: &dyn Fn(&mut Pair)| {
            rows.update(|rows| rows.iter_mut().filter(|(other, _)| *other == key).for_each(|(_, row)| change(row)));
            say();
        };
        let named = Callback::new(move |new: String| edit(&|row| row.0.clone_from(&new)));
        let valued = Callback::new(move |new: Option<Value>| edit(&|row| row.1.clone_from(&new)));
        let name = line(name, &format!("{id}-{key}-name"), &key_told, named);
        let value = control(of, value, &format!("{id}-{key}"), inner.clone(), around, valued);
        let remove = move |_| {
            rows.update(|rows| rows.retain(|(other, _)| *other != key));
            say();
        };
        view! { <li class="form-item pair">{name}<div class="form-item-value">{value}</div><button type="button" class="button quiet small" aria-label="Take this one out" on:click=remove><Icon glyph=Glyph::Close/></button></li> }
    };
    let add = move |()| {
        let key = next_key(rows);
        rows.update(|rows| rows.push((key, (String::new(), None))));
    };
    view! {
        <ul class="form-list">
            <For each=move || rows.get() key=|(key, _)| *key children=show/>
        </ul>
        {twice}
        <div class="button-row"><Button label=format!("Add to {}", item.trim_end_matches(" (needed)").to_lowercase()) glyph=Glyph::Plus on_press=add/></div>
    }
    .into_any()
}

/// Settings in a setting. Of several objects the tag's one is shown.
fn object(
    fields: Vec<StepField>,
    tagged: Option<(String, Vec<Variant>)>,
    value: Option<Value>,
    id: &str,
    told: Told,
    around: Around,
    set: Say,
) -> AnyView {
    let held = RwSignal::new(value.unwrap_or_else(|| json!({})));
    let open = RwSignal::new(!told.optional || held.with_untracked(|held| !is_empty(held)));
    let change = Callback::new(move |(name, new): (String, Option<Value>)| {
        held.update(|held| super::model::set(held, &name, new));
        set.run(Some(held.get_untracked()));
    });
    let stored = StoredValue::new((fields, tagged, id.to_owned()));
    let kind = Memo::new(move |_| {
        stored.with_value(|(_, tagged, _)| {
            let tag = tagged.as_ref().map(|(tag, _)| tag.clone())?;
            held.with(|held| held[&tag].as_str().map(str::to_owned))
        })
    });
    // A fault inside is told at the whole setting.
    let inside = Around { faults: Signal::stored(None), ..around };
    let body = move || {
        let (fields, tagged, id) = stored.get_value();
        let Some((tag, variants)) = tagged else {
            return held.with_untracked(|held| settings(fields, held, &id, inside, change));
        };
        let now = kind.get();
        let choices = variants.iter().map(|v| Choice { value: v.value.clone(), help: v.help.clone() }).collect();
        let told = Told { names: Names::Nothing, label: label(&tag), optional: false };
        let retag = Callback::new(move |new: Option<String>| {
            held.set(json!({}));
            change.run((tag.clone(), new.map(Value::String)));
        });
        let own = variants.into_iter().find(|variant| Some(&variant.value) == now.as_ref());
        let fields = own.map(|own| held.with_untracked(|held| settings(own.fields, held, &id, inside, change)));
        view! { {choose(choices, now, &format!("{id}-tag"), &told, retag)}{fields} }.into_any()
    };
    let optional = told.optional;
    let (begin, end) =
        (format!("Set {}", told.label.to_lowercase()), format!("Take {} out", told.label.to_lowercase()));
    view! {
        {move || if open.get() {
            let end = end.clone();
            view! {
                <div class="form-inner">{body()}</div>
                {optional.then(|| view! { <div class="button-row"><Button label=end kind=ButtonKind::Quiet on_press=move |()| { held.set(json!({})); set.run(None); open.set(false); }/></div> })}
            }.into_any()
        } else {
            let begin = begin.clone();
            view! { <div class="button-row"><Button label=begin glyph=Glyph::Plus on_press=move |()| { open.set(true); set.run(Some(held.get_untracked())); }/></div> }.into_any()
        }}
    }
    .into_any()
}

/// What a form of several is called.
fn shape(form: &FieldForm) -> String {
    match form {
        FieldForm::Text | FieldForm::Sql => "One text".to_owned(),
        FieldForm::Number { .. } => "A number".to_owned(),
        FieldForm::Boolean => "Yes or no".to_owned(),
        FieldForm::Choice { choices } => choices.iter().map(|c| c.value.as_str()).collect::<Vec<_>>().join(", "),
        FieldForm::List { .. } => "Several".to_owned(),
        FieldForm::Map { .. } => "Pairs".to_owned(),
        FieldForm::Object { fields } => {
            label(&fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", "))
        }
        FieldForm::Tagged { .. } | FieldForm::Checks => "Settings".to_owned(),
        FieldForm::OneOf { .. } | FieldForm::Any => "Anything".to_owned(),
    }
}

fn one_of(forms: Vec<FieldForm>, value: Option<Value>, id: &str, told: Told, around: Around, set: Say) -> AnyView {
    let first = value.as_ref().and_then(|value| forms.iter().position(|form| form.shows(value))).unwrap_or(0);
    let chosen = RwSignal::new(first);
    let held = StoredValue::new(value);
    let stored = StoredValue::new((forms, id.to_owned(), Told { optional: false, ..told }));
    let (all, id, inner) = stored.get_value();
    let choices = all
        .iter()
        .enumerate()
        .map(|(at, form)| {
            view! { <option value=at.to_string() selected=at == first>{shape(form)}</option> }
        })
        .collect_view();
    let pick = move |ev| {
        held.set_value(None);
        set.run(None);
        chosen.set(event_target_value(&ev).parse().unwrap_or(0));
    };
    let body = move || {
        let (forms, id, told) = stored.get_value();
        let at = chosen.get();
        let keep = Callback::new(move |new: Option<Value>| {
            held.set_value(new.clone());
            set.run(new);
        });
        forms.into_iter().nth(at).map(|form| control(form, held.get_value(), &id, told, around, keep))
    };
    let what = format!("How {} is said", inner.label.trim_end_matches(" (needed)").to_lowercase());
    view! {
        <div class="form-one-of">
            <select id=format!("{id}-shape") aria-label=what on:change=pick>{choices}</select>
            <div class="form-item-value">{body}</div>
        </div>
    }
    .into_any()
}
