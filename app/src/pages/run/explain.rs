//! What the model goes by.

use super::{Extra, RunContext};
use crate::{
    components::*,
    format::measure,
    pages::figure::{ChartFigure, metric_title},
};
use leptos::prelude::*;
use trainyard_types::evaluation::Importance;

/// Which columns the model goes by.
#[component]
pub fn Explain(context: RunContext) -> impl IntoView {
    let importance = context
        .run
        .with_value(|r| r.result.as_ref().map(|result| (result.importance.clone(), result.primary_metric())));
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
        <Load resource=context.more.extra lines=16 view=drawn/>
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
