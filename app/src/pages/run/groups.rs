//! How the model does on groups of the test rows, and where it is weak.

use super::GroupsResource;
use crate::{
    components::*,
    format::{count, counted, measure, percent},
    hooks::{use_query_param, use_set_query},
    pages::figure::metric_title,
};
use leptos::prelude::*;
use trainyard_types::slices::{SliceColumn, SliceFigure, WeakSlices};

/// Rows below which a group is too small to say much.
const FEW: u64 = 30;

#[component]
pub fn Groups(columns: Vec<(String, bool)>, weak: WeakSlices, resource: GroupsResource) -> impl IntoView {
    let drawn = |column: Option<SliceColumn>| match column {
        Some(column) => table(column),
        None => view! { <p class="muted">"No column of the test rows has two groups."</p> }.into_any(),
    };
    let choice = (!columns.is_empty()).then(|| view! { <Choice columns/> });
    view! {
        <Section title="Groups" id="groups" lead="The same measures on the rows of one group at a time, with 95 % intervals.">
            {choice}
            <Load resource lines=6 view=drawn/>
        </Section>
        {weak_slices(weak)}
    }
    .into_any()
}

/// Which column's groups; the address keeps it.
#[component]
fn Choice(columns: Vec<(String, bool)>) -> impl IntoView {
    let chosen = use_query_param("groups").get_untracked();
    let set_query = use_set_query();
    let choose = move |event| set_query(&[("groups", Some(event_target_value(&event)))]);
    let options = columns
        .into_iter()
        .map(|(name, protected)| {
            let text = if protected { format!("{name} (protected)") } else { name.clone() };
            view! { <option value=name.clone() selected=name == chosen>{text}</option> }
        })
        .collect_view();
    view! {
        <form method="get" class="form-row">
            <input type="hidden" name="tab" value="evaluation"/>
            <Field id="f-groups" name="groups" label="Groups of">
                <select id="f-groups" name="groups" on:change=choose>{options}</select>
            </Field>
            <noscript><button class="button small">"Show"</button></noscript>
        </form>
    }
    .into_any()
}

fn table(column: SliceColumn) -> AnyView {
    let SliceColumn { column, protected, feature, groups } = column;
    let mut names: Vec<String> = Vec::new();
    for figure in groups.iter().flat_map(|group| &group.figures) {
        if !names.contains(&figure.name) {
            names.push(figure.name.clone());
        }
    }
    let mut heads = vec![
        view! { <th scope="col" role="columnheader">"Group"</th> }.into_any(),
        view! { <th scope="col" role="columnheader" class="num">"Rows"</th> }.into_any(),
    ];
    heads.extend(names.iter().map(|name| {
        let title = metric_title(name);
        view! { <th scope="col" role="columnheader" class="num"><Term name=name.clone() text=title/></th> }.into_any()
    }));
    let rows = groups
        .into_iter()
        .map(|group| {
            let few = group.rows < FEW;
            let cells = names
                .iter()
                .map(|name| {
                    let found = group.figures.iter().find(|figure| &figure.name == name);
                    let (value, interval) = found.map_or(("–".to_owned(), String::new()), in_words);
                    view! { <Cell label=metric_title(name) numeric=true>{value}<small class="muted block">{interval}</small></Cell> }
                })
                .collect_view();
            view! {
                <Row>
                    <Cell label="Group" main=true>
                        {group.group}
                        {few.then(|| view! { " " <Badge tone=Tone::Neutral text="few rows"/> })}
                    </Cell>
                    <Cell label="Rows" numeric=true>{count(group.rows)}</Cell>
                    {cells}
                </Row>
            }
        })
        .collect_view();
    let words = match (protected, feature) {
        (true, true) => "A protected attribute, which the model sees.",
        (true, false) => "A protected attribute, which the model does not see.",
        (false, true) => "The model sees this column.",
        (false, false) => "The model does not see this column.",
    };
    view! {
        <p class="muted">{words}</p>
        <div class="table-wrap" tabindex="0">
            <table class="table" role="table">
                <caption class="visually-hidden">{format!("Measures by group of {column}")}</caption>
                <thead role="rowgroup"><tr role="row">{heads}</tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The value, and its interval. Shares are percentages.
fn in_words(figure: &SliceFigure) -> (String, String) {
    let show = |value: f64| match figure.name.as_str() {
        "log_loss" | "mae" | "bias" => measure(value),
        _ => percent(value),
    };
    (show(figure.value), format!("{} to {}", show(figure.low), show(figure.high)))
}

fn weak_slices(weak: WeakSlices) -> AnyView {
    let some = !weak.found.is_empty();
    let list = weak
        .found
        .into_iter()
        .map(|slice| {
            let rows = counted(slice.rows, "row", "rows");
            view! { <li><Words text=slice.sentence/><small class="muted block">{rows}</small></li> }
        })
        .collect_view();
    view! {
        <Section title="Where it is weak" id="weak" lead=weak.sentence>
            {some.then(|| view! { <ul class="weak-slices">{list}</ul> })}
        </Section>
    }
    .into_any()
}
