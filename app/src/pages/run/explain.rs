//! What the server drew about the model: how it judges, and what it goes by.

use super::{Extra, RunContext};
use crate::{
    components::*,
    format::measure,
    pages::figure::{ChartFigure, metric_title},
};
use leptos::prelude::*;
use trainyard_types::evaluation::{Chart, Importance};

/// Charts on the test rows: how predictions compare with what is true.
#[component]
pub fn Evaluation(context: RunContext) -> impl IntoView {
    let drawn = |extra: Extra| {
        let Extra::Charts(charts) = extra else { return ().into_any() };
        let figures: Vec<Chart> = charts.into_iter().filter(|c| c.id != "importance").collect();
        if figures.is_empty() {
            return view! { <p class="muted">"This run has no charts."</p> }.into_any();
        }
        view! { <div class="figures">{figures.into_iter().map(|chart| view! { <ChartFigure chart/> }).collect_view()}</div> }.into_any()
    };
    view! {
        <p class="muted lead">"All on the test rows, which took no part in learning or choosing."</p>
        <Load resource=context.extra lines=20 view=drawn/>
    }
}

/// Which columns the model goes by.
#[component]
pub fn Explain(context: RunContext) -> impl IntoView {
    let importance = context
        .run
        .with_value(|r| r.result.as_ref().map(|result| (result.importance.clone(), result.task.primary_metric())));
    let drawn = |extra: Extra| {
        let Extra::Charts(charts) = extra else { return ().into_any() };
        let figure = charts.into_iter().find(|c| c.id == "importance");
        view! { <div class="figures one">{figure.map(|chart| view! { <ChartFigure chart/> })}</div> }.into_any()
    };
    view! {
        <p class="muted lead">
            <Term name="importance" text="Permutation importance"/>
            ": how much worse the score gets when one column's values are shuffled. It says what this model relies on, not what causes the target."
        </p>
        <Load resource=context.extra lines=16 view=drawn/>
        {importance.map(|(columns, metric)| table(columns, metric))}
    }
}

fn table(columns: Vec<Importance>, metric: &str) -> AnyView {
    let most = columns.iter().map(|c| c.mean).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let rows = columns
        .into_iter()
        .map(|c| {
            let share = (c.mean / most).clamp(0.0, 1.0);
            let words = if c.mean <= c.std { "no clear effect" } else { "clear" };
            view! {
                <Row>
                    <Cell label="Column" main=true><code>{c.column.clone()}</code></Cell>
                    <Cell label="Effect"><ShareBar share label=format!("{} of the strongest effect", crate::format::percent(share))/></Cell>
                    <Cell label="Worse by" numeric=true>{measure(c.mean)}</Cell>
                    <Cell label="Deviation" numeric=true>{format!("± {}", measure(c.std))}</Cell>
                    <Cell label="Note"><span class="muted">{words}</span></Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Column"),
        Column::text("Effect"),
        Column::number("Worse by"),
        Column::number("Deviation"),
        Column::text("Note"),
    ];
    let lead = format!("How much {} worsens, mean and standard deviation over the repeats.", metric_title(metric));
    view! { <Section title="Columns" lead=lead><DataTable caption="Permutation importance" columns>{rows}</DataTable></Section> }.into_any()
}
