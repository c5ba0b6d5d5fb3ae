//! The kinds of steps, to add one.

use super::{Draft, model};
use crate::components::*;
use leptos::prelude::*;
use trainyard_types::pipeline::StepKindView;

/// The order of the groups; others come after.
const GROUPS: [&str; 5] = ["Data", "Rows", "Columns", "Model", "People"];

#[component]
pub(super) fn AddStep(draft: Draft) -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <Button label="Add step".to_owned() glyph=Glyph::Plus on_press=move |()| open.set(true)/>
        <Dialog open title="Add a step">
            {move || groups(draft, open)}
        </Dialog>
    }
}

fn groups(draft: Draft, open: RwSignal<bool>) -> AnyView {
    let kinds = draft.form.with_value(|form| form.kinds.clone());
    let mut names: Vec<String> = kinds.iter().map(|kind| kind.group.clone()).collect();
    let place = |name: &String| GROUPS.iter().position(|group| group == name).unwrap_or(GROUPS.len());
    names.sort_by_key(place);
    names.dedup();
    names
        .into_iter()
        .map(|group| {
            let of_group = kinds.iter().filter(|kind| kind.group == group).cloned();
            let items = of_group.map(|kind| item(draft, open, kind)).collect_view();
            view! { <section class="kind-group"><h3>{group}</h3><ul class="kind-list">{items}</ul></section> }
        })
        .collect_view()
        .into_any()
}

fn item(draft: Draft, open: RwSignal<bool>, kind: StepKindView) -> AnyView {
    let (title, help) = (kind.title.clone(), kind.help.clone());
    let add = move |_| {
        let behind = draft.chosen.get_untracked();
        let at = draft
            .form
            .with_value(|form| draft.document.try_update(|document| model::add(document, &form.kinds, &kind, behind)));
        open.set(false);
        draft.chosen.set(at);
    };
    view! { <li><button type="button" class="kind-button" on:click=add><strong>{title}</strong><span class="muted">{help}</span></button></li> }
        .into_any()
}
