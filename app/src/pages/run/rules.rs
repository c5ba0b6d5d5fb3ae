//! What rules find in the run, what was found first.

use super::{Extra, RunContext};
use crate::{browser, components::*};
use leptos::prelude::*;
use trainyard_types::rules::{RuleView, Standing};

#[component]
pub fn Rules(context: RunContext) -> impl IntoView {
    let running = context.live.running();
    let extra = context.more.extra;
    Effect::new(move |_| {
        if running.get() {
            browser::every(5_000, move || extra.refetch());
        }
    });
    let drawn = |extra: Extra| match extra {
        Extra::Overview(_, rules) => shown(rules),
        _ => ().into_any(),
    };
    view! {
        <Section title="Rules" lead="Looked at while it trains and afterwards, each with its number and its bound.">
            <Load resource=context.more.extra lines=4 view=drawn/>
        </Section>
    }
    .into_any()
}

fn shown(rules: Vec<RuleView>) -> AnyView {
    let rows = rules
        .into_iter()
        .map(|rule| {
            let (tone, glyph, text) = match rule.standing {
                Standing::Found => (Tone::Warning, Glyph::Warning, "Look here"),
                Standing::Unknown => (Tone::Neutral, Glyph::Info, "Not known"),
                Standing::Fine => (Tone::Ok, Glyph::Check, "Fine"),
            };
            view! {
                <Row>
                    <Cell label="State"><Badge tone glyph text/></Cell>
                    <Cell label="Rule" main=true>{rule.title}</Cell>
                    <Cell label="What was seen">{rule.words}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![Column::text("State"), Column::text("Rule"), Column::text("What was seen")];
    view! { <DataTable caption="Rules" columns>{rows}</DataTable> }.into_any()
}
