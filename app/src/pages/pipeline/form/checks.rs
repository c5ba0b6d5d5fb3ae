//! Checks of a step, with the same dialog as a data set's.

use super::control::Around;
use crate::{
    components::*,
    pages::dataset::checks::{CheckDialog, Chosen, item},
};
use leptos::prelude::*;
use serde_json::Value;
use trainyard_types::checks::{Check, Expectation, Suite};

/// A list of checks as a setting.
#[component]
pub(super) fn Checks(value: Option<Value>, around: Around, set: Callback<Option<Value>>) -> impl IntoView {
    let checks: Vec<Check> = value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let suite = RwSignal::new(Suite { name: String::new(), checks });
    let chosen = Chosen::default();
    Effect::new(move |before: Option<Suite>| {
        let now = suite.get();
        if before.is_some_and(|before| before != now) {
            set.run(serde_json::to_value(&now.checks).ok().filter(|_| !now.checks.is_empty()));
        }
        now
    });
    let columns = around.columns;
    let add = move |()| {
        let first = columns.with_untracked(|columns| columns.first().cloned().unwrap_or_default());
        chosen.check.set(Expectation::blank("not_be_null", &first).map(Check::new));
        chosen.at.set(None);
        chosen.open.set(true);
    };
    view! {
        <ul class="check-list">
            {move || suite.with(|kept| kept.checks.iter().enumerate().map(|(at, check)| item(at, check, suite, chosen)).collect_view())}
        </ul>
        <div class="button-row"><Button label="Add a check".to_owned() glyph=Glyph::Plus on_press=add/></div>
        <CheckDialog chosen suite columns/>
    }
}
