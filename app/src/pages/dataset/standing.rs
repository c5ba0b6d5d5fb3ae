//! Whether there is enough data, in all and of each protected group.

use crate::{
    api::datasets::Standing,
    components::*,
    format::{count, measure, percent},
};
use leptos::prelude::*;
use trainyard_types::catalog::{Enough, GroupTable};

/// What can be said of the version; nothing where no column is flagged.
pub fn shown(standing: Standing) -> AnyView {
    let verdict = standing.sufficiency.map(|sufficiency| {
        let tone = match sufficiency.verdict {
            Enough::TooFew => Tone::Critical,
            Enough::Barely => Tone::Warning,
            Enough::Enough => Tone::Ok,
        };
        let lines = sufficiency.sentences.into_iter().map(|text| view! { <p><Words text/></p> }).collect_view();
        view! { <Section title="Is it enough?"><Note tone>{lines}</Note></Section> }
    });
    let groups = (!standing.groups.is_empty()).then(|| {
        let tables = standing.groups.into_iter().map(table).collect_view();
        view! {
            <Section title="Protected groups" lead="Rows and base rates, with 95 % intervals. What differs here, a model learns.">
                {tables}
            </Section>
        }
    });
    view! { {verdict}{groups} }.into_any()
}

fn table(groups: GroupTable) -> AnyView {
    let is_class = groups.class.is_some();
    let figure = move |value: f64| if is_class { percent(value) } else { measure(value) };
    let rows = groups
        .groups
        .into_iter()
        .map(|group| {
            view! {
                <Row>
                    <Cell label="Group" main=true>{group.group}</Cell>
                    <Cell label="Rows" numeric=true>{count(group.rows)}</Cell>
                    <Cell label="Rate" numeric=true>{figure(group.rate)}</Cell>
                    <Cell label="Interval" numeric=true>{format!("{} to {}", figure(group.low), figure(group.high))}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Group"),
        Column::number("Rows"),
        Column::number(if is_class { "Base rate" } else { "Mean" }),
        Column::number("95 % interval"),
    ];
    view! {
        <h3><code>{groups.column.clone()}</code></h3>
        <p><Words text=groups.sentence/></p>
        <DataTable caption=format!("Groups of {}", groups.column) columns>{rows}</DataTable>
    }
    .into_any()
}
