//! What a review found as a whole: a sentence, figures, and which labels are taken for which.

use crate::{
    components::*,
    format::{count, duration, percent},
    hooks::use_address,
};
use leptos::prelude::*;
use trainyard_types::{
    labels::{LabelReviewView, LabelSummary},
    run::Task,
};

/// More classes than this are listed by pair instead of drawn as a matrix.
const MOST_CLASSES: usize = 10;
/// Pairs that such a list has.
const MOST_PAIRS: usize = 20;

pub(super) fn summary(summary: &LabelSummary, review: &LabelReviewView) -> AnyView {
    let decided = review.decided;
    let ways = format!(
        "{} right, {} corrected, {} left out",
        count(decided.right),
        count(decided.suggestion + decided.set),
        count(decided.leave_out)
    );
    let listed =
        (summary.kept < summary.found).then(|| format!("the {} most suspicious are listed", count(summary.kept)));
    let unused = (summary.unused > 0).then(|| format!("{} without a label or group", count(summary.unused)));
    let judged_note = unused.unwrap_or_else(|| format!("in {}", duration(summary.seconds)));
    let (found, judged, share) = (count(summary.found), count(summary.rows), percent(summary.noise));
    let (sentence, listed) = (summary.sentence.clone(), listed.unwrap_or_default());
    let decided = count(decided.total());
    let noise = if summary.task == Task::Regression { "Share found" } else { "Estimated share of wrong labels" };
    view! {
        <p class="verdict-sentence"><Words text=sentence/></p>
        <Stats>
            <StatTile label=noise value=share/>
            <StatTile label="Likely wrong" value=found note=listed/>
            <StatTile label="Decided" value=decided note=ways/>
            <StatTile label="Judged rows" value=judged note=judged_note/>
        </Stats>
        {(summary.task != Task::Regression && summary.found > 0).then(|| pairs(summary))}
    }
    .into_any()
}

fn pairs(summary: &LabelSummary) -> AnyView {
    if summary.classes.len() > MOST_CLASSES { listed(summary) } else { matrix(summary) }
}

/// A link that filters the list by a pair.
#[component]
fn Filter(given: String, suggested: String, text: String) -> impl IntoView {
    let address = use_address();
    let label = format!("Show the {text} labelled {given} that look like {suggested}");
    let href =
        move || address(&[("given", Some(given.clone())), ("suggested", Some(suggested.clone())), ("page", None)]);
    view! { <a href=href aria-label=label data-noscroll="true">{text}</a> }
}

fn matrix(summary: &LabelSummary) -> AnyView {
    let classes = &summary.classes;
    let found = |given: &str, suggested: &str| {
        summary
            .pairs
            .iter()
            .find(|pair| pair.given == given && pair.suggested == suggested)
            .map_or(0, |pair| pair.found)
    };
    let heads = classes.iter().map(|class| view! { <th scope="col" class="num">{class.clone()}</th> }).collect_view();
    let rows = classes
        .iter()
        .enumerate()
        .map(|(i, given)| {
            let cells = classes
                .iter()
                .enumerate()
                .map(|(j, suggested)| {
                    let estimated = summary.joint.get(i * classes.len() + j).copied().unwrap_or(0.0);
                    let listed = found(given, suggested);
                    let link = (listed > 0).then(|| {
                        let text = format!("{} found", count(listed));
                        view! { <small><Filter given=given.clone() suggested=suggested.clone() text/></small> }
                    });
                    let class = if i == j { "num label-same" } else { "num" };
                    view! { <td class=class>{count(estimated.round().max(0.0) as u64)}{link}</td> }
                })
                .collect_view();
            view! { <tr><th scope="row">{given.clone()}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <h3>"Given label against likely label"</h3>
        <p class="muted">"Rows of each given label, by the label that they are estimated to have. Those found of a pair are listed below."</p>
        <div class="table-wrap label-matrix" tabindex="0" role="region" aria-label="Given label against likely label">
            <table class="table plain">
                <thead><tr><th scope="col">"Given"</th>{heads}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn listed(summary: &LabelSummary) -> AnyView {
    let place = |class: &str| summary.classes.iter().position(|known| known == class);
    let rows = summary
        .pairs
        .iter()
        .take(MOST_PAIRS)
        .map(|pair| {
            let at = place(&pair.given).zip(place(&pair.suggested)).map(|(i, j)| i * summary.classes.len() + j);
            let estimated = at.and_then(|at| summary.joint.get(at)).copied().unwrap_or(0.0).round().max(0.0) as u64;
            let (given, suggested, found) = (pair.given.clone(), pair.suggested.clone(), count(pair.found));
            let (one, other) = (given.clone(), suggested.clone());
            view! {
                <Row>
                    <Cell label="Given" main=true>{one}</Cell>
                    <Cell label="Likely">{other}</Cell>
                    <Cell label="Estimated rows" numeric=true>{count(estimated)}</Cell>
                    <Cell label="Found" numeric=true><Filter given suggested text=found/></Cell>
                </Row>
            }
        })
        .collect_view();
    let heads =
        vec![Column::text("Given"), Column::text("Likely"), Column::number("Estimated rows"), Column::number("Found")];
    view! { <h3>"Labels taken for each other"</h3><DataTable caption="Labels taken for each other" columns=heads>{rows}</DataTable> }
        .into_any()
}
