//! The rows whose labels look wrong, a page at a time, and what is decided about them.

use super::{
    Of,
    decide::{AskLabel, Decider, choices, chosen},
};
use crate::{
    api::datasets::dataset_rows,
    components::*,
    format::{count, counted, encode, measure, percent},
    hooks::{may, use_address, use_page_query, use_query_param},
};
use leptos::prelude::*;
use std::collections::BTreeSet;
use trainyard_types::{
    Action as Doing, Page,
    labels::{LabelDecision, LabelFinding, LabelReviewView, LabelSummary, UNDECIDED},
    run::Task,
};

pub(super) fn list(
    of: Of,
    review: LabelReviewView,
    summary: LabelSummary,
    page: Page<LabelFinding>,
    reload: Callback<()>,
) -> AnyView {
    if summary.found == 0 {
        return view! { <Note tone=Tone::Ok>"Nothing to decide: no label looks wrong to a model that did not see it."</Note> }.into_any();
    }
    let decider = Decider::new(&of, review.id, reload);
    let editable = may(Doing::Write) && review.applied.is_none() && !of.deleted;
    let selected: RwSignal<BTreeSet<u32>> = RwSignal::default();
    let opened: RwSignal<Option<u64>> = RwSignal::new(None);
    let numbers = summary.task == Task::Regression;
    let ranks: Vec<u32> = page.items.iter().map(|finding| finding.rank).collect();
    let (total, at, per_page) = (page.total, page.page, page.per_page);
    let classes = StoredValue::new(summary.classes.clone());
    let rows = page
        .items
        .into_iter()
        .map(|finding| row(finding, &summary, decider, editable, selected, opened))
        .collect_view();
    let mut heads = Vec::new();
    if editable {
        heads.push(Column::text("Choose"));
    }
    heads.extend([
        Column::number("Rank").sorted("rank"),
        Column::number("Row").sorted("row"),
        Column::text("Given"),
        Column::text(if numbers { "Expected" } else { "Suggested" }),
        Column::number(if numbers { "Robust z" } else { "Quality score" }).sorted("score").term("label_quality"),
        Column::text("The row"),
        Column::text("Decision"),
    ]);
    view! {
        <Tools of=of.clone() review=review.clone()/>
        {editable.then(|| view! { <Bulk ranks classes decider selected/> })}
        {if total == 0 {
            view! { <p class="muted">"No row matches. Choose another decision, or show all pairs."</p> }.into_any()
        } else {
            view! { <div class="label-list"><DataTable caption="Likely wrong labels" columns=heads>{rows}</DataTable></div> }.into_any()
        }}
        <Pager total page=at per_page noun="rows"/>
        <AskLabel decider/>
        <WholeRow of opened/>
    }
    .into_any()
}

/// Filters and downloads.
#[component]
fn Tools(of: Of, review: LabelReviewView) -> impl IntoView {
    let address = use_address();
    let query = use_page_query();
    let (given, suggested) = (use_query_param("given"), use_query_param("suggested"));
    let mut states = vec![("", "All"), (UNDECIDED, "Undecided")];
    states.extend(LabelDecision::ALL.map(|decision| (decision.as_str(), decision.title())));
    let chips = states
        .into_iter()
        .map(|(value, label)| {
            let current = move || (query.with(|q| q.state == value)).then_some("true");
            let href = move || address(&[("state", Some(value.to_owned())), ("page", None)]);
            view! { <a class="chip" href=href aria-current=current data-noscroll="true">{label}</a> }
        })
        .collect_view();
    let pair = move || {
        (!given.get().is_empty() || !suggested.get().is_empty()).then(|| {
            let text = format!("{} that look like {} · show all pairs", given.get(), suggested.get());
            let href = move || address(&[("given", None), ("suggested", None), ("page", None)]);
            view! { <a class="chip" href=href aria-current="true" data-noscroll="true">{text}</a> }
        })
    };
    let base = format!("/api/v1/projects/{}/label-reviews/{}/findings", of.project, review.id);
    let download = move |kind: &str| {
        format!(
            "{base}?format={kind}&state={}&given={}&suggested={}&per_page=500",
            encode(&query.with(|q| q.state.clone())),
            encode(&given.get()),
            encode(&suggested.get())
        )
    };
    let (csv, json) = (download.clone(), download);
    view! {
        <div class="list-tools">
            <div class="chips" role="group" aria-label="Filter by decision">{chips}</div>
            {pair}
            <span class="downloads">
                <Icon glyph=Glyph::Download/>
                <a rel="external" download="" href=move || csv("csv")>"CSV"</a>
                <a rel="external" download="" href=move || json("json")>"JSON"</a>
            </span>
        </div>
    }
}

/// One choice for all rows that are marked.
#[component]
fn Bulk(
    ranks: Vec<u32>,
    classes: StoredValue<Vec<String>>,
    decider: Decider,
    selected: RwSignal<BTreeSet<u32>>,
) -> impl IntoView {
    let here = StoredValue::new(ranks);
    let all = move |event| {
        let marked = event_target_checked(&event);
        selected.set(if marked { here.get_value().into_iter().collect() } else { BTreeSet::new() });
    };
    let choose = move |event: leptos::ev::Event| {
        let choice = event_target_value(&event);
        // The choice is an act, not a state.
        event_target::<web_sys::HtmlSelectElement>(&event).set_value("-");
        if choice != "-" {
            let choice = choice.strip_prefix("do-").unwrap_or_default().to_owned();
            decider.choose(selected.get_untracked().into_iter().collect(), &choice);
        }
    };
    let options = move || {
        let all = classes.with_value(|classes| choices(classes, None));
        all.into_iter()
            .map(|(value, text)| view! { <option value=format!("do-{value}")>{text}</option> })
            .collect_view()
    };
    let words = move || match selected.with(BTreeSet::len) {
        0 => "None chosen".to_owned(),
        n => format!("{} chosen", counted(n as u64, "row", "rows")),
    };
    view! {
        <div class="label-bulk needs-script">
            <label class="check"><input type="checkbox" prop:checked=move || selected.with(|s| !s.is_empty() && s.len() == here.with_value(Vec::len)) on:change=all/><span>"All on this page"</span></label>
            <span class="muted" role="status">{words}</span>
            <select aria-label="Decide about the chosen rows" disabled=move || selected.with(BTreeSet::is_empty) || decider.pending().get() on:change=choose>
                <option value="-">"Decide about the chosen rows"</option>
                {options}
            </select>
        </div>
    }
}

fn row(
    finding: LabelFinding,
    summary: &LabelSummary,
    decider: Decider,
    editable: bool,
    selected: RwSignal<BTreeSet<u32>>,
    opened: RwSignal<Option<u64>>,
) -> AnyView {
    let (rank, number) = (finding.rank, finding.row);
    let mark = move |event| {
        let marked = event_target_checked(&event);
        selected.update(|s| {
            if marked {
                s.insert(rank)
            } else {
                s.remove(&rank)
            };
        });
    };
    let now = chosen(&finding);
    let decision = if editable {
        let options = choices(&summary.classes, Some(&finding))
            .into_iter()
            .map(|(value, text)| {
                let is = value == now;
                view! { <option value=value selected=is prop:selected=is>{text}</option> }
            })
            .collect_view();
        let label = format!("Decision about row {}", count(number));
        let choose = move |event: leptos::ev::Event| {
            let choice = event_target_value(&event);
            // What is shown is what was kept, also where the choice is refused.
            event_target::<web_sys::HtmlSelectElement>(&event).set_value(&now);
            decider.choose(vec![rank], &choice);
        };
        view! {
            <select class="needs-script" aria-label=label disabled=move || decider.pending().get() on:change=choose>{options}</select>
        }
        .into_any()
    } else {
        let text = match (finding.decision, &finding.label) {
            (None, _) => "Undecided".to_owned(),
            (Some(LabelDecision::Set), Some(label)) => format!("Set to {label}"),
            (Some(decision), _) => decision.title().to_owned(),
        };
        view! { <span>{text}</span> }.into_any()
    };
    let by = finding.decided_by.clone().map(|by| view! { <small class="muted block">{format!("by {by}")}</small> });
    let share = |p: Option<f64>| p.map(|p| view! { <small class="muted">{format!(" {}", percent(p))}</small> });
    // In the order of importance.
    let values: Vec<String> = summary
        .columns
        .iter()
        .filter_map(|column| {
            let value = finding.values.get(column)?;
            Some(format!("{column} {}", value.as_deref().unwrap_or("missing")))
        })
        .collect();
    let label = format!("Show row {} whole", count(number));
    let open = move |_| opened.set(Some(number));
    view! {
        <Row>
            {editable.then(|| view! {
                <Cell label="Choose">
                    <input type="checkbox" class="needs-script" aria-label=format!("Choose row {}", count(number)) prop:checked=move || selected.with(|s| s.contains(&rank)) on:change=mark/>
                </Cell>
            })}
            <Cell label="Rank" numeric=true>{count(u64::from(rank))}</Cell>
            <Cell label="Row" numeric=true><button type="button" class="button quiet small" aria-label=label on:click=open>{count(number)}</button></Cell>
            <Cell label="Given">{finding.given.clone()}{share(finding.given_probability)}</Cell>
            <Cell label="Suggested">{finding.suggested.clone()}{share(finding.suggested_probability)}</Cell>
            <Cell label="Score" numeric=true>{measure(finding.score)}</Cell>
            <Cell label="The row"><span class="label-values">{values.join(" · ")}</span></Cell>
            <Cell label="Decision">{decision}{by}</Cell>
        </Row>
    }
    .into_any()
}

/// All values of a row, once it is opened.
#[component]
fn WholeRow(of: Of, opened: RwSignal<Option<u64>>) -> impl IntoView {
    let open = RwSignal::new(false);
    let fetch = Action::new(move |row: &u64| dataset_rows(of.project.clone(), of.version, row.saturating_sub(1), 1));
    Effect::new(move |_| {
        if let Some(row) = opened.get() {
            open.set(true);
            fetch.dispatch(row);
        }
    });
    Effect::new(move |_| {
        if !open.get() {
            opened.set(None);
        }
    });
    let shown = move || match fetch.value().get() {
        _ if fetch.pending().get() => view! { <Skeleton lines=8/> }.into_any(),
        Some(Ok(found)) => {
            let values = found.rows.into_iter().next().unwrap_or_default();
            let items = found
                .columns
                .into_iter()
                .zip(values)
                .map(|(column, value)| {
                    let value = value.map_or_else(
                        || view! { <span class="missing-value">"missing"</span> }.into_any(),
                        |text| text.into_any(),
                    );
                    (column.name, value)
                })
                .collect();
            view! { <p class="muted">{format!("Row {}", count(found.offset + 1))}</p><Facts items/> }.into_any()
        }
        Some(Err(error)) => view! { <Note tone=Tone::Critical>{error.0.message}</Note> }.into_any(),
        None => ().into_any(),
    };
    view! { <Dialog open title="The whole row">{shown}</Dialog> }
}
