//! Columns whose growth may move the answer in one direction only.

use super::some;
use crate::components::*;
use leptos::prelude::*;
use trainyard_types::{Problem, dataset::ColumnProfile, monotone::Direction, run::TrainSettings};

/// What the folded part says: how many columns have a direction.
pub fn summary(settings: &TrainSettings) -> String {
    some(settings.monotone.len(), "column", "columns")
}

/// The columns that have a direction, and one more to choose.
#[component]
pub fn Directions(
    columns: Vec<ColumnProfile>,
    settings: RwSignal<TrainSettings>,
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let numbers: Vec<String> = columns.into_iter().filter(|c| c.kind.is_numeric()).map(|c| c.name).collect();
    let numbers = StoredValue::new(numbers);
    let chosen = Memo::new(move |_| settings.with(|s| s.monotone.clone()));
    let free = Memo::new(move |_| {
        settings.with(|s| {
            let is_free = |name: &String| *name != s.target && !s.drop.contains(name) && !s.monotone.contains_key(name);
            numbers.with_value(|all| all.iter().filter(|name| is_free(name)).cloned().collect::<Vec<String>>())
        })
    });
    let add = move |event| {
        let name = event_target_value(&event);
        if !name.is_empty() {
            settings.update(|s| {
                s.monotone.insert(name, Direction::Increasing);
            });
        }
    };
    let options = move || {
        let names = free.get().into_iter().map(|name| view! { <option value=name.clone()>{name.clone()}</option> });
        view! {
            <option value="" selected=true>"Choose a column"</option>
            {names.collect_view()}
        }
    };
    view! {
        <div class="stack">
            <p class="muted">
                "What you know for certain: that a larger income never makes a loan riskier, say. The answer then never moves the other way as the column grows and all others stay as they are. Of two classes it is the second one's probability. Boosted trees and random forests can keep it."
            </p>
            <ul class="form-list">
                {move || chosen.get().into_iter().map(|(column, direction)| item(column, direction, settings)).collect_view()}
            </ul>
            <Field id="f-monotone" name="monotone" label="Give a direction to" problem=problem>
                <select id="f-monotone" name="monotone" on:change=add aria-describedby="f-monotone-problem">{options}</select>
            </Field>
        </div>
    }
    .into_any()
}

fn item(column: String, direction: Direction, settings: RwSignal<TrainSettings>) -> impl IntoView {
    let (label, away) = (format!("As {column} grows"), format!("Take the direction off {column}"));
    let (turned, gone) = (column.clone(), column.clone());
    let turn = move |event| {
        if let Ok(direction) = event_target_value(&event).parse::<Direction>() {
            settings.update(|s| {
                s.monotone.insert(turned.clone(), direction);
            });
        }
    };
    let remove = move |_| {
        settings.update(|s| {
            s.monotone.remove(&gone);
        });
    };
    let ways = [(Direction::Increasing, "the answer never falls"), (Direction::Decreasing, "the answer never rises")]
        .into_iter()
        .map(|(way, words)| view! { <option value=way.as_str() selected=way == direction>{words}</option> })
        .collect_view();
    view! {
        <li class="form-item pair">
            <span>{column}</span>
            <select aria-label=label on:change=turn>{ways}</select>
            <button type="button" class="button quiet small" aria-label=away on:click=remove><Icon glyph=Glyph::Close/></button>
        </li>
    }
}
