//! Conditions as chips, and how one more is put together.

use super::{query::Kept, tools::KnownResource};
use crate::{
    components::*,
    hooks::{use_address, use_set_query},
};
use leptos::prelude::*;
use trainyard_types::experiments::{Attribute, Field, Filter, KnownColumns, RunQuery};

/// Words and signs of the comparisons.
const COMPARISONS: [(&str, &str); 9] = [
    ("=", "is"),
    ("!=", "is not"),
    (">", "is more than"),
    (">=", "is at least"),
    ("<", "is less than"),
    ("<=", "is at most"),
    ("ilike", "contains"),
    ("is null", "is missing"),
    ("is not null", "is there"),
];

/// The conditions in force; each chip takes its own away.
#[component]
pub(super) fn FilterChips(query: Memo<RunQuery>) -> impl IntoView {
    let address = use_address();
    let chips = move || {
        let filter: Filter = query.with(|q| q.filter.parse().ok())?;
        let chip = |index: usize| {
            let text = filter.clauses[index].to_string();
            let rest = filter.without(index).to_string();
            let href = move || address(&[("filter", Some(rest.clone())), ("page", None)]);
            let label = format!("Take away the condition {text}");
            view! {
                <a class="chip" aria-current="true" href=href aria-label=label data-noscroll="true">
                    {text}<Icon glyph=Glyph::Close/>
                </a>
            }
        };
        (!filter.clauses.is_empty()).then(|| {
            let chips = (0..filter.clauses.len()).map(chip).collect_view();
            view! { <div class="chips filter-chips" role="group" aria-label="Conditions">{chips}</div> }
        })
    };
    view! { {chips} }
}

/// One condition as the filter's language has it. Numbers need no quotes; what is no number is text.
fn condition(field: &str, comparison: &str, value: &str) -> Result<Filter, String> {
    let known: Field = field.parse()?;
    let number = value.trim().parse::<f64>().is_ok();
    let quoted = || format!("'{}'", value.replace('\'', "''"));
    let text = match (comparison, &known) {
        ("is null" | "is not null", _) => format!("{known} {comparison}"),
        ("ilike", _) => format!("{known} ilike '%{}%'", value.replace('\'', "''")),
        (_, Field::Metric { .. } | Field::Param { .. }) if number => format!("{known} {comparison} {}", value.trim()),
        (_, Field::Attribute(attribute)) if attribute.is_number() && number => {
            format!("{known} {comparison} {}", value.trim())
        }
        _ => format!("{known} {comparison} {}", quoted()),
    };
    text.parse()
}

/// A form that puts a condition together, and the whole filter as text.
#[component]
pub(super) fn AddFilter(query: Memo<RunQuery>, known: KnownResource) -> impl IntoView {
    let set_query = use_set_query();
    let (field, value) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let comparison = RwSignal::new("=".to_owned());
    let refused = RwSignal::new(None::<String>);
    let needs_value = move || comparison.with(|c| !c.ends_with("null"));
    let add = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let now: Filter = query.with_untracked(|q| q.filter.parse().unwrap_or_default());
        let made = condition(&field.get_untracked(), &comparison.get_untracked(), &value.get_untracked());
        match made {
            Ok(more) => {
                let filter = more.clauses.into_iter().fold(now, |filter, clause| filter.with(clause));
                refused.set(None);
                value.set(String::new());
                set_query(&[("filter", Some(filter.to_string())), ("page", None)]);
            }
            Err(message) => refused.set(Some(message)),
        }
    };
    let options = COMPARISONS.map(|(sign, words)| view! { <option value=sign>{words}</option> }).collect_view();
    view! {
        <details class="take tool-take">
            <summary><Icon glyph=Glyph::Filter/>"Filter"</summary>
            <div class="take-body stack">
                <form class="filter-form needs-script" on:submit=add>
                    <input type="text" list="run-fields" aria-label="Value of a run" placeholder="metrics.roc_auc" autocomplete="off" required=true
                        prop:value=move || field.get() on:input=move |ev| field.set(event_target_value(&ev))/>
                    <select aria-label="Comparison" on:change=move |ev| comparison.set(event_target_value(&ev))>{options}</select>
                    <input type="text" aria-label="Compared with" placeholder="0.8" autocomplete="off" disabled=move || !needs_value()
                        prop:value=move || value.get() on:input=move |ev| value.set(event_target_value(&ev))/>
                    <button type="submit" class="button primary">"Add condition"</button>
                </form>
                <p class="field-problem" role="status">
                    {move || refused.get().map(|text| view! { <Icon glyph=Glyph::Warning/>{text} })}
                </p>
                <leptos_router::components::Form method="GET" action="" attr:class="filter-text">
                    <Kept query without="filter"/>
                    <label class="field">
                        <span class="field-label">"The whole filter as text"</span>
                        <input type="text" name="filter" autocomplete="off" spellcheck="false" placeholder="metrics.roc_auc > 0.8 and params.family = 'trees'"
                            prop:value=move || query.get().filter value=query.get_untracked().filter/>
                    </label>
                    <button type="submit" class="button">"Apply"</button>
                </leptos_router::components::Form>
                <datalist id="run-fields">
                    <Load resource=known lines=1 view=move |known: KnownColumns| {
                        let attributes = Attribute::ALL.into_iter().filter(|a| a.is_value()).map(Field::Attribute);
                        let fields = known.columns.into_iter().map(|column| column.field);
                        attributes.chain(fields).map(|field| view! { <option value=field.to_string()></option> }).collect_view().into_any()
                    }/>
                </datalist>
            </div>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_put_together_as_a_person_means_them() {
        for (field, comparison, value, expected) in [
            ("metrics.roc_auc", ">", " 0.8", "metrics.roc_auc > 0.8"),
            ("params.epochs", "=", "64", "params.epochs = 64"),
            ("params.family", "!=", "trees", "params.family != 'trees'"),
            ("name", "ilike", "it's", "name ilike '%it''s%'"),
            ("name", "=", "12", "name = '12'"),
            ("created", ">=", "2026-11-01", "created >= '2026-11-01'"),
            ("tags.stage", "is null", "", "tags.stage is null"),
        ] {
            let made = condition(field, comparison, value).map(|filter| filter.to_string());
            assert_eq!(made.as_deref(), Ok(expected));
        }
        assert!(condition("metrics.roc_auc", ">", "much").is_err());
        assert!(condition("nothing", "=", "1").is_err());
    }
}
