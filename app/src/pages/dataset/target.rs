//! What each column alone says of a target: the strongest first, one of them in full. Target and open column stand in the
//! address.

use crate::{
    AppError,
    components::*,
    format::{count, counted, escape, measure, percent},
    hooks::{use_address, use_query_param, use_set_query},
};
use leptos::prelude::*;
use std::fmt::Write;
use trainyard_types::{
    catalog::GroupRow,
    dataset::Profile,
    relations::{ColumnRelation, TargetRelation},
};

/// Columns listed.
const LISTED: usize = 40;
const WIDTH: f64 = 640.0;
const BAR: f64 = 22.0;
const LABEL: f64 = 170.0;

/// The choice of a target, and what was found for it.
pub fn shown(found: Result<Option<TargetRelation>, AppError>, profile: &Profile) -> AnyView {
    let chosen = match &found {
        Ok(Some(relation)) => relation.target.clone(),
        _ => use_query_param("target").get_untracked(),
    };
    let names: Vec<String> = profile.columns.iter().map(|column| column.name.clone()).collect();
    let body = match found {
        Ok(Some(relation)) => view! { <Ranked relation/> }.into_any(),
        Ok(None) => view! {
            <p class="muted">"Choose the column that is to be predicted: each other column then shows how much it says of it by itself."</p>
        }
        .into_any(),
        Err(AppError(problem)) => view! { <Note tone=Tone::Critical>{problem.message}</Note> }.into_any(),
    };
    view! {
        <Section title="What tells the target">
            <TargetChoice names chosen/>
            {body}
        </Section>
    }
    .into_any()
}

/// A select; without script it is a form with a button.
#[component]
fn TargetChoice(names: Vec<String>, chosen: String) -> impl IntoView {
    let set = use_set_query();
    let version = use_query_param("version").get_untracked();
    let choose = move |event| set(&[("target", Some(event_target_value(&event))), ("relation", None)]);
    let options = names
        .into_iter()
        .map(|name| view! { <option value=name.clone() selected=name == chosen>{name.clone()}</option> })
        .collect_view();
    view! {
        <form method="get" class="target-choice">
            <input type="hidden" name="tab" value="relations"/>
            {(!version.is_empty()).then(|| view! { <input type="hidden" name="version" value=version.clone()/> })}
            <label for="f-relation-target">"Target"</label>
            <select id="f-relation-target" name="target" on:change=choose>
                <option value="" selected=chosen.is_empty()>"Choose a column"</option>
                {options}
            </select>
            <noscript><button class="button small">"Show"</button></noscript>
        </form>
    }
}

#[component]
fn Ranked(relation: TargetRelation) -> impl IntoView {
    let address = use_address();
    let open = use_query_param("relation");
    let basis = if relation.sample < relation.rows {
        format!("Computed on {} of {} rows.", count(relation.sample), count(relation.rows))
    } else {
        format!("Computed on all {}.", counted(relation.rows, "row", "rows"))
    };
    let more = relation.columns.len().saturating_sub(LISTED);
    let rest = (more > 0)
        .then(|| view! { <p class="muted">{format!("The {LISTED} most telling of {} columns.", more + LISTED)}</p> });
    let rows = relation
        .columns
        .iter()
        .take(LISTED)
        .map(|column| {
            let (name, power) = (column.column.clone(), column.power);
            let (to, here) = (name.clone(), name.clone());
            let href = move || address(&[("relation", Some(to.clone()))]);
            let current = move || open.with(|open| *open == here).then_some("true");
            let missing = match &column.missing {
                Some(missing) if missing.telling => {
                    view! { <Badge tone=Tone::Warning glyph=Glyph::Warning text=format!("tells, {} of rows", percent(missing.share))/> }
                        .into_any()
                }
                Some(missing) => format!("{} of rows", percent(missing.share)).into_any(),
                None => view! { <span class="muted">"none"</span> }.into_any(),
            };
            let (mini, target) = (mini(&column.bins), column.relation.title());
            view! {
                <Row>
                    <Cell label="Column" main=true><a href=href data-noscroll="true" aria-current=current><code>{name}</code></a></Cell>
                    <Cell label="Power" numeric=true><span class="power"><span inner_html=power_bar(power)></span>{format!("{power:.2}")}</span></Cell>
                    <Cell label="By bin"><span class="mini" inner_html=mini></span></Cell>
                    <Cell label="Target">{target}</Cell>
                    <Cell label="Missing">{missing}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Column"),
        Column::number("Predictive power").term("pps"),
        Column::text("By bin"),
        Column::text("The target"),
        Column::text("Missing values"),
    ];
    let caption = format!("Columns by predictive power for {}", relation.target);
    let sentence = relation.sentence.clone();
    let relation = StoredValue::new(relation);
    let panel = move || {
        let name = open.get();
        relation.with_value(|relation| {
            let first = relation.columns.first();
            let found = relation.columns.iter().find(|column| column.column == name).or(first)?;
            Some(panel(found, relation))
        })
    };
    view! {
        <p><Words text=sentence/></p>
        <p class="muted">{basis}</p>
        <DataTable caption columns>{rows}</DataTable>
        {rest}
        {panel}
    }
}

fn power_bar(power: f64) -> String {
    format!(
        "<svg class=\"share\" viewBox=\"0 0 80 8\" aria-hidden=\"true\"><rect class=\"share-all\" width=\"80\" height=\"8\" rx=\"2\"/><rect class=\"share-top\" width=\"{:.1}\" height=\"8\" rx=\"2\"/></svg>",
        (power * 80.0).clamp(0.0, 80.0)
    )
}

/// Where a bin's rate lies between the least and the greatest bound of all intervals, or zero.
fn scale(bins: &[GroupRow]) -> (f64, f64) {
    let low = bins.iter().map(|bin| bin.low).fold(0.0, f64::min);
    let high = bins.iter().map(|bin| bin.high).fold(0.0, f64::max);
    (low, if high > low { high } else { low + 1.0 })
}

/// The bins' rates as small bars from zero; their figures stand in the column's own table.
fn mini(bins: &[GroupRow]) -> String {
    let (low, high) = scale(bins);
    let at = |value: f64| 23.0 - (value - low) / (high - low) * 22.0;
    let slot = 96.0 / bins.len().max(8) as f64;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 96 24\" class=\"bars\" aria-hidden=\"true\" preserveAspectRatio=\"none\">",
    );
    for (i, bin) in bins.iter().enumerate() {
        let (top, foot) = (at(bin.rate.max(0.0)), at(bin.rate.min(0.0)));
        let _ = write!(
            svg,
            "<rect x=\"{:.2}\" y=\"{top:.2}\" width=\"{:.2}\" height=\"{:.2}\"/>",
            i as f64 * slot,
            slot - 1.0,
            (foot - top).max(0.5)
        );
    }
    let zero = at(0.0) + 0.5;
    let _ = write!(svg, "<line x1=\"0\" x2=\"96\" y1=\"{zero:.2}\" y2=\"{zero:.2}\"/></svg>");
    svg
}

/// One column in full: a sentence, the chart, and its figures as a table.
fn panel(found: &ColumnRelation, relation: &TargetRelation) -> AnyView {
    let what = match &relation.class {
        Some(class) => format!("Share of {class} in {} by {}", relation.target, found.column),
        None => format!("Mean of {} by {}", relation.target, found.column),
    };
    let is_class = relation.class.is_some();
    let figure = move |value: f64| if is_class { percent(value) } else { measure(value) };
    let rows = found
        .bins
        .iter()
        .map(|bin| {
            let (group, size, rate) = (bin.group.clone(), count(bin.rows), figure(bin.rate));
            let interval = format!("{} to {}", figure(bin.low), figure(bin.high));
            view! {
                <Row>
                    <Cell label="Bin" main=true>{group}</Cell>
                    <Cell label="Rows" numeric=true>{size}</Cell>
                    <Cell label="Target" numeric=true>{rate}</Cell>
                    <Cell label="Interval" numeric=true>{interval}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Bin"),
        Column::number("Rows"),
        Column::number(if is_class { "Share" } else { "Mean" }),
        Column::number("95 % interval"),
    ];
    let svg = chart(&what, found, relation.overall, &figure);
    let (label, sentence) = (format!("{what}, chart"), found.sentence.clone());
    let (name, title) = (what.clone(), what.clone());
    view! {
        <section class="relation-panel" aria-label=name>
            <h3>{title}</h3>
            <p><Words text=sentence/></p>
            <div class="heat" tabindex="0" role="region" aria-label=label inner_html=svg></div>
            <details>
                <summary>"As a table"</summary>
                <DataTable caption=what columns>{rows}</DataTable>
            </details>
        </section>
    }
    .into_any()
}

/// Horizontal bars with their intervals, and a line at the value over all rows.
fn chart(title: &str, found: &ColumnRelation, overall: f64, figure: &impl Fn(f64) -> String) -> String {
    let (low, high) = scale(&found.bins);
    let plot = WIDTH - LABEL - 90.0;
    let at = |value: f64| LABEL + (value - low) / (high - low) * plot;
    let height = BAR * found.bins.len() as f64 + 26.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"relation-chart\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">",
        escape(&format!("{title}. {}", found.sentence.replace('`', "")))
    );
    for (i, bin) in found.bins.iter().enumerate() {
        let y = BAR * i as f64;
        let short: String = bin.group.chars().take(24).collect();
        let (from, to) = (at(bin.rate.min(0.0)), at(bin.rate.max(0.0)));
        let middle = y + BAR / 2.0;
        let _ = write!(
            svg,
            "<text class=\"heat-name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"relation-bar\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\"><title>{}: {}</title></rect>\
             <line class=\"relation-interval\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\"/>\
             <text class=\"heat-name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LABEL - 8.0,
            middle + 4.0,
            escape(&short),
            y + 4.0,
            (to - from).max(0.5),
            BAR - 8.0,
            escape(&bin.group),
            escape(&figure(bin.rate)),
            at(bin.low),
            at(bin.high),
            at(bin.high.max(0.0)) + 6.0,
            middle + 4.0,
            escape(&figure(bin.rate))
        );
    }
    let (x, foot) = (at(overall), BAR * found.bins.len() as f64);
    let _ = write!(
        svg,
        "<line class=\"relation-all\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{foot}\"/>\
         <text class=\"heat-name\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">all rows: {}</text></svg>",
        foot + 18.0,
        escape(&figure(overall))
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_start_at_zero_on_either_side() {
        let bin =
            |group: &str, rate: f64| GroupRow { group: group.into(), rows: 9, rate, low: rate - 1.0, high: rate + 1.0 };
        let bins = [bin("a", -2.0), bin("<b>", 3.0)];
        assert_eq!(scale(&bins), (-3.0, 4.0));
        let svg = mini(&bins);
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(!svg.contains("style"));
        assert_eq!(scale(&[]), (0.0, 1.0));
        assert!(power_bar(2.0).contains("width=\"80.0\""));
    }
}
