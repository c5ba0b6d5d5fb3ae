//! How columns hang together: the strongest pairs, the matrices, gaps that come together, values far out.

use super::target;
use crate::{
    api::datasets::Related,
    components::*,
    format::{count, counted, escape, measure, percent},
};
use leptos::prelude::*;
use std::fmt::Write;
use trainyard_types::{dataset::Profile, relations::Relations};

/// Columns drawn in a matrix.
const DRAWN: usize = 30;
const SIDE: f64 = 22.0;
const LABEL: f64 = 150.0;

/// The tab's content.
pub fn shown(related: Related, profile: &Profile) -> AnyView {
    let Related { relations, target } = related;
    let basis = if relations.sample < relations.rows {
        format!("On {} of {} rows, spread evenly.", count(relations.sample), count(relations.rows))
    } else {
        format!("On all {}.", counted(relations.rows, "row", "rows"))
    };
    let numbers = (relations.numbers.len() > 1)
        .then(|| heat("Numbers: Spearman's rank correlation", &relations.numbers, &relations.spearman));
    let categories = (relations.categories.len() > 1)
        .then(|| heat("Categories: Cramér's V", &relations.categories, &relations.cramers_v));
    view! {
        {target::shown(target, profile)}
        <p class="muted">{basis}</p>
        {pairs(&relations)}
        <div class="heat-pair">{numbers}{categories}</div>
        {gaps(&relations)}
        {far(&relations)}
    }
    .into_any()
}

fn pairs(relations: &Relations) -> AnyView {
    if relations.strongest.is_empty() {
        return view! { <Note tone=Tone::Ok>"No two columns go together by 0.1 or more."</Note> }.into_any();
    }
    let rows = relations
        .strongest
        .iter()
        .take(12)
        .map(|pair| {
            let (a, b, value) = (pair.a.clone(), pair.b.clone(), pair.value);
            let by = pair.measure.title();
            let words = match value.abs() {
                v if v >= 0.9 => "nearly the same: one of them may do",
                v if v >= 0.7 => "strong",
                v if v >= 0.4 => "moderate",
                _ => "weak",
            };
            view! {
                <Row>
                    <Cell label="Column" main=true><code>{a}</code></Cell>
                    <Cell label="With"><code>{b}</code></Cell>
                    <Cell label="Value" numeric=true>{measure(value)}</Cell>
                    <Cell label="Measure">{by}</Cell>
                    <Cell label="In words">{words}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Column"),
        Column::text("With"),
        Column::number("Value"),
        Column::text("Measure"),
        Column::text("In words"),
    ];
    view! { <Section title="Strongest pairs"><DataTable caption="Strongest pairs" columns>{rows}</DataTable></Section> }
        .into_any()
}

/// A matrix as squares: blue where both rise together, orange where one falls, empty where nothing can be said. Every
/// square's number stands in its title.
fn heat(title: &'static str, names: &[String], values: &[Vec<Option<f64>>]) -> AnyView {
    let n = names.len().min(DRAWN);
    let (width, height) = (LABEL + SIDE * n as f64 + 4.0, SIDE * n as f64 + 4.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">",
        escape(title)
    );
    for i in 0..n {
        let y = SIDE * i as f64 + 2.0;
        let short: String = names[i].chars().take(20).collect();
        let _ = write!(
            svg,
            "<text class=\"heat-name\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LABEL - 8.0,
            y + 15.0,
            escape(&short)
        );
        for j in 0..n {
            let x = LABEL + SIDE * j as f64;
            let (class, strength, words) = match values[i][j] {
                Some(value) => (if value < 0.0 { "heat-down" } else { "heat-up" }, value.abs(), format!("{value:.2}")),
                None => ("heat-none", 0.0, "not defined".to_owned()),
            };
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{0}\" height=\"{0}\" fill-opacity=\"{strength:.2}\"><title>{1} and {2}: {words}</title></rect>",
                SIDE - 2.0,
                escape(&names[i]),
                escape(&names[j])
            );
        }
    }
    svg.push_str("</svg>");
    let more = (names.len() > n)
        .then(|| view! { <p class="muted">{format!("The first {n} of {} columns.", names.len())}</p> });
    view! {
        <section class="section">
            <h2>{title}</h2>
            <div class="heat" tabindex="0" role="region" aria-label=title inner_html=svg></div>
            {more}
        </section>
    }
    .into_any()
}

fn gaps(relations: &Relations) -> AnyView {
    if relations.missing.is_empty() {
        return view! { <Section title="Missing together"><Note tone=Tone::Ok>"No value is missing."</Note></Section> }
            .into_any();
    }
    let rows = relations
        .missing
        .iter()
        .map(|pattern| {
            let names = pattern.columns.iter().map(|name| view! { <code>{name.clone()}</code> " " }).collect_view();
            let share = percent(pattern.share);
            view! { <Row><Cell label="Missing" main=true>{names}</Cell><Cell label="Rows" numeric=true>{share}</Cell></Row> }
        })
        .collect_view();
    let columns = vec![Column::text("Without a value, all others with one"), Column::number("Rows")];
    view! {
        <Section title="Missing together" lead="Columns that lack values in the same rows often have one cause.">
            <DataTable caption="Missing together" columns>{rows}</DataTable>
        </Section>
    }
    .into_any()
}

fn far(relations: &Relations) -> AnyView {
    if relations.outliers.is_empty() {
        return ().into_any();
    }
    let rows = relations
        .outliers
        .iter()
        .map(|found| {
            let (name, share) = (found.column.clone(), percent(found.share));
            let fences = format!("{} to {}", measure(found.low), measure(found.high));
            view! {
                <Row>
                    <Cell label="Column" main=true><code>{name}</code></Cell>
                    <Cell label="Values" numeric=true>{share}</Cell>
                    <Cell label="Outside" numeric=true>{fences}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![Column::text("Column"), Column::number("Values"), Column::number("Outside")];
    view! {
        <Section title="Values far out" lead="Beyond three times the interquartile range from the quartiles. Look whether they are errors; trees don't mind them, linear models do.">
            <DataTable caption="Values far out" columns>{rows}</DataTable>
        </Section>
    }
    .into_any()
}
