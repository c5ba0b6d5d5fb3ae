//! Some rows of a version, a page at a time.

use crate::{components::*, format::count};
use leptos::prelude::*;
use trainyard_types::dataset::RowsView;

/// Rows that one page shows.
pub const PER_PAGE: u64 = 50;

/// The rows as stored. The page stands in the address.
pub fn table(view: RowsView) -> AnyView {
    let page = view.offset / PER_PAGE + 1;
    let numeric: Vec<bool> = view.columns.iter().map(|c| c.kind.is_numeric()).collect();
    let heads = view
        .columns
        .iter()
        .map(|c| {
            let class = if c.kind.is_numeric() { "num" } else { "" };
            view! { <th scope="col" class=class>{c.name.clone()}<span class="kind">{c.kind.as_str()}</span></th> }
        })
        .collect_view();
    let rows = view
        .rows
        .into_iter()
        .enumerate()
        .map(|(i, row)| {
            let cells = row
                .into_iter()
                .enumerate()
                .map(|(c, value)| {
                    let class = if numeric.get(c).copied().unwrap_or(false) { "num" } else { "" };
                    match value {
                        Some(text) => view! { <td class=class title=long(&text)>{text.clone()}</td> }.into_any(),
                        None => view! { <td class=class><span class="missing-value">"missing"</span></td> }.into_any(),
                    }
                })
                .collect_view();
            view! { <tr><th scope="row" class="num row-number">{count(view.offset + i as u64 + 1)}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="table-wrap preview" tabindex="0" role="region" aria-label="Rows">
            <table class="table">
                <thead><tr><th scope="col" class="num">"Row"</th>{heads}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <Pager total=view.total page per_page=PER_PAGE noun="rows"/>
    }
    .into_any()
}

/// Texts that a cell cuts off can be read whole by pointing at them.
fn long(text: &str) -> Option<String> {
    (text.chars().count() > 32).then(|| text.to_owned())
}
