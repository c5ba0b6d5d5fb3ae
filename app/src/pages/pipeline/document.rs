//! What documents are made of.

use crate::components::*;
use leptos::prelude::*;
use trainyard_types::pipeline::{FieldForm, Pipeline, StepKindView, StepReport};

/// All kinds of steps with their settings.
#[component]
pub(super) fn Kinds(kinds: Vec<StepKindView>) -> impl IntoView {
    kinds
        .into_iter()
        .map(|kind| {
            let takes = match kind.inputs {
                (0, 0) => "takes nothing".to_owned(),
                (1, 1) => "takes one table".to_owned(),
                (a, b) if a == b => format!("takes {a} inputs"),
                (a, b) => format!("takes {a} to {b} inputs"),
            };
            let fields = kind
                .fields
                .into_iter()
                .map(|field| {
                    let choices = match &field.form {
                        FieldForm::Choice { choices } => {
                            let all: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
                            Some(format!(" One of {}.", all.join(", ")))
                        }
                        _ => None,
                    };
                    view! {
                        <li><code>{field.name}</code>{field.required.then_some(" (needed)")}" "{field.help}{choices}</li>
                    }
                })
                .collect_view();
            view! {
                <details class="step-kind">
                    <summary><code>{kind.kind}</code>" "{kind.help}</summary>
                    <p class="muted">{format!("{}; {takes}.", kind.group)}</p>
                    <ul class="plain-list">{fields}</ul>
                </details>
            }
        })
        .collect_view()
}

/// The steps as a table, with what became of them where they were run.
pub(super) fn table(document: &Pipeline, reports: &[StepReport]) -> AnyView {
    let ran = !reports.is_empty();
    let rows = document
        .steps
        .iter()
        .map(|step| {
            let from: Vec<String> = step.input.iter().map(ToString::to_string).collect();
            let after: Vec<String> = step.after.iter().map(|id| format!("after {id}")).collect();
            let takes = [from, after].concat().join(", ");
            let report = reports.iter().find(|report| report.id == step.id);
            let state = report.map(|report| {
                let (tone, glyph, text) = super::step_look(report.state);
                let number = |rows: Option<u64>| rows.map_or("–".to_owned(), crate::format::count);
                let (rows_in, rows_out) =
                    (number(report.rows_in.filter(|_| !step.input.is_empty())), number(report.rows));
                let (time, tries) = (crate::format::duration(report.seconds), report.attempt);
                view! {
                    <Cell label="State"><Badge tone glyph=glyph text/></Cell>
                    <Cell label="Rows in" numeric=true>{rows_in}</Cell>
                    <Cell label="Rows out" numeric=true>{rows_out}</Cell>
                    <Cell label="Time" numeric=true>{time}</Cell>
                    <Cell label="Tries" numeric=true>{tries}</Cell>
                }
            });
            let (id, kind) = (step.id.to_string(), step.kind.clone());
            view! {
                <Row>
                    <Cell label="Step" main=true>{id}</Cell>
                    <Cell label="Type"><code>{kind}</code></Cell>
                    <Cell label="Takes">{takes}</Cell>
                    {state}
                </Row>
            }
        })
        .collect_view();
    let mut columns = vec![Column::text("Step"), Column::text("Type"), Column::text("Takes")];
    if ran {
        columns.extend([
            Column::text("State"),
            Column::number("Rows in"),
            Column::number("Rows out"),
            Column::number("Time"),
            Column::number("Tries"),
        ]);
    }
    view! { <DataTable caption="Steps" columns>{rows}</DataTable> }.into_any()
}
