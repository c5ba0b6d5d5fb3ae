//! The table itself: heads that sort, pinned runs on top, a row for each run.

use super::{
    bulk::Acts,
    cells::{dataset, family, metric, score, spark, state, tags},
};
use crate::{
    components::*,
    format::{duration, run_series},
    hooks::use_address,
};
use leptos::prelude::*;
use leptos_router::components::A;
use std::collections::BTreeSet;
use trainyard_types::{
    RunId,
    experiments::{Attribute, Field, MarkRun, RunColumn, RunQuery, RunRow, RunTable},
};

pub(super) fn table(table: RunTable, query: &RunQuery, project: &str, acts: Acts) -> AnyView {
    let RunTable { columns, baseline, pinned, page } = table;
    let order: Vec<RunId> = pinned.iter().chain(&page.items).map(|row| row.run.id).collect();
    let order = StoredValue::new(order);
    let heads = columns.iter().map(|column| head(column, query)).collect_view();
    let make = |row: &RunRow| run_row(row, &columns, baseline.as_ref(), project, acts, order);
    let above = pinned.iter().map(make).collect_view();
    let below = page.items.iter().map(make).collect_view();
    let all = move |event| {
        let chosen = event_target_checked(&event);
        acts.selected.update(|selected| {
            if chosen {
                selected.extend(order.get_value());
            } else {
                *selected = BTreeSet::new();
            }
        });
    };
    let every =
        move || acts.selected.with(|selected| order.with_value(|all| all.iter().all(|run| selected.contains(run))));
    view! {
        <div class="table-wrap run-table" tabindex="0" role="region" aria-label="Runs">
            <table class="table" role="table">
                <caption class="visually-hidden">"Runs"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader"><span class="visually-hidden">"Choose"</span><input type="checkbox" class="needs-script" aria-label="Choose all runs of this page" prop:checked=every on:change=all/></th>
                        {heads}
                        <th scope="col" role="columnheader">"Mark"</th>
                    </tr>
                </thead>
                {(!pinned.is_empty()).then(|| view! { <tbody role="rowgroup" class="pinned" aria-label="Pinned runs">{above}</tbody> })}
                <tbody role="rowgroup">{below}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn is_numeric(field: &Field) -> bool {
    match field {
        Field::Attribute(attribute) => attribute.is_number() && *attribute != Attribute::Created,
        Field::Metric { .. } => true,
        Field::Param { .. } | Field::Tag { .. } => false,
    }
}

fn head(column: &RunColumn, query: &RunQuery) -> AnyView {
    let class = if is_numeric(&column.field) { "num" } else { "" };
    let title = column.title.clone();
    let full = column.field.to_string();
    if !column.field.is_value() {
        return view! { <th scope="col" role="columnheader" class=class>{title}</th> }.into_any();
    }
    let direction = match query.sort.strip_prefix('-') {
        Some(name) if name == full => Some("descending"),
        None if query.sort == full => Some("ascending"),
        _ => None,
    };
    let address = use_address();
    let next = if direction == Some("descending") { full.clone() } else { format!("-{full}") };
    let href = move || address(&[("sort", Some(next.clone())), ("page", None)]);
    view! {
        <th scope="col" role="columnheader" class=class aria-sort=direction>
            <a class="sort" href=href title=full data-noscroll="true">
                {title}
                {direction.map(|direction| match direction {
                    "ascending" => view! { <Icon glyph=Glyph::ArrowUp/> },
                    _ => view! { <Icon glyph=Glyph::ArrowDown/> },
                })}
            </a>
        </th>
    }
    .into_any()
}

fn run_row(
    row: &RunRow,
    columns: &[RunColumn],
    baseline: Option<&RunRow>,
    project: &str,
    acts: Acts,
    order: StoredValue<Vec<RunId>>,
) -> AnyView {
    let (id, name) = (row.run.id, row.run.name.clone());
    // The baseline is not measured against itself.
    let baseline = baseline.filter(|base| base.run.id != id);
    let cells = columns.iter().enumerate().map(|(at, column)| cell(row, at, column, baseline, project)).collect_view();
    let choose = move |event: leptos::ev::MouseEvent| {
        let (chosen, shift) = (event_target_checked(&event), event.shift_key());
        order.with_value(|order| acts.choose(id, chosen, shift, order));
    };
    let (pinned, baseline) = (row.pinned, row.baseline);
    let pin = move |_| acts.mark(id, MarkRun { pinned: Some(!pinned), baseline: None });
    let base = move |_| acts.mark(id, MarkRun { pinned: None, baseline: Some(!baseline) });
    let pressed = |is: bool| if is { "true" } else { "false" };
    let class = if baseline { "baseline" } else { "" };
    view! {
        <tr role="row" class=class>
            <td role="cell" data-label="Choose">
                <input type="checkbox" class="needs-script" aria-label=format!("Choose {name}") prop:checked=move || acts.selected.with(|s| s.contains(&id)) on:click=choose/>
            </td>
            {cells}
            <td role="cell" data-label="Mark">
                <span class="marks needs-script">
                    <button type="button" class="button quiet small" aria-pressed=pressed(pinned) aria-label=format!("Pin {name}") title="Pin on top" on:click=pin><Icon glyph=Glyph::Pin/></button>
                    <button type="button" class="button quiet small" aria-pressed=pressed(baseline) aria-label=format!("Measure others against {name}") title="Baseline: measure others against it" on:click=base><Icon glyph=Glyph::Flag/></button>
                </span>
            </td>
        </tr>
    }
    .into_any()
}

fn cell(row: &RunRow, at: usize, column: &RunColumn, baseline: Option<&RunRow>, project: &str) -> AnyView {
    let value = row.values.get(at).and_then(Option::as_ref);
    let label = column.title.clone();
    let Field::Attribute(attribute) = column.field else {
        let base = baseline.and_then(|base| base.values.get(at)).and_then(Option::as_ref);
        return match (&column.field, value) {
            (Field::Metric { .. }, Some(value)) => {
                let content = metric(value, base, column.higher_is_better);
                view! { <Cell label numeric=true>{content}</Cell> }.into_any()
            }
            (_, Some(value)) => {
                let text = value.text.clone().unwrap_or_default();
                view! { <Cell label>{text}</Cell> }.into_any()
            }
            (_, None) => view! { <Cell label>""</Cell> }.into_any(),
        };
    };
    let run = &row.run;
    match attribute {
        Attribute::Name => {
            let href = format!("/p/{project}/runs/{}", run.id);
            let mark = format!("run-mark series-{}", run_series(&run.id));
            let (pinned, is_base, name) = (row.pinned, row.baseline, run.name.clone());
            view! {
                <Cell label main=true>
                    <svg class=mark viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" rx="2"></rect></svg>
                    <A href=href>{name}</A>
                    {is_base.then(|| view! { " " <Badge tone=Tone::Accent glyph=Glyph::Flag text="Baseline"/> })}
                    {pinned.then(|| view! { <span class="visually-hidden">" (pinned)"</span> })}
                </Cell>
            }
            .into_any()
        }
        Attribute::State => {
            let content = state(run);
            view! { <Cell label>{content}</Cell> }.into_any()
        }
        Attribute::Dataset => {
            let content = dataset(run, project);
            view! { <Cell label>{content}</Cell> }.into_any()
        }
        Attribute::Version => {
            let content = run.dataset_version;
            view! { <Cell label numeric=true>{content}</Cell> }.into_any()
        }
        Attribute::Target => {
            let target = run.target.clone();
            view! { <Cell label><code>{target}</code></Cell> }.into_any()
        }
        Attribute::Task => {
            let content = run.task.map(|task| task.as_str());
            view! { <Cell label>{content}</Cell> }.into_any()
        }
        Attribute::Family => {
            let content = run.family.title();
            view! { <Cell label>{content}</Cell> }.into_any()
        }
        Attribute::Model => {
            let content = family(run);
            view! { <Cell label>{content}</Cell> }.into_any()
        }
        Attribute::Score => {
            let base = baseline.and_then(|base| base.run.score.as_ref());
            let content = run.score.as_ref().map(|metric| score(metric, base));
            view! { <Cell label numeric=true>{content}</Cell> }.into_any()
        }
        Attribute::Curve => {
            let content = row.curve.as_ref().map(spark);
            view! { <Cell label>{content}</Cell> }.into_any()
        }
        Attribute::Verdict => {
            let fit = run.verdict.as_deref().and_then(fit_from_name);
            view! { <Cell label>{fit.map(|fit| view! { <FitBadge fit/> })}</Cell> }.into_any()
        }
        Attribute::Device => {
            let text = value.and_then(|value| value.text.clone());
            view! { <Cell label>{text}</Cell> }.into_any()
        }
        Attribute::Seconds => {
            let content = run.seconds.map(duration);
            view! { <Cell label numeric=true>{content}</Cell> }.into_any()
        }
        Attribute::CreatedBy => {
            let content = run.created_by.clone();
            view! { <Cell label>{content}</Cell> }.into_any()
        }
        Attribute::Created => {
            let at = run.created_at;
            view! { <Cell label><RelativeTime at/></Cell> }.into_any()
        }
        Attribute::Tags => {
            let content = tags(&row.tags);
            view! { <Cell label>{content}</Cell> }.into_any()
        }
        Attribute::Id => {
            let id = run.id.short();
            view! { <Cell label><code>{id}</code></Cell> }.into_any()
        }
    }
}
