//! The table's state in the address: what is searched, filtered, sorted and shown.

use crate::{format::encode, hooks::query_pairs};
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use trainyard_types::experiments::{Field, RunQuery, ViewSettings};

/// Parameters of the address that a view is made of.
const NAMES: [&str; 6] = ["q", "sort", "state", "filter", "columns", "archived"];

/// What the address asks for.
pub(super) fn use_run_query() -> Memo<RunQuery> {
    let search = use_location().search;
    Memo::new(move |_| search.with(|search| read(search)))
}

fn read(search: &str) -> RunQuery {
    let pairs = query_pairs(search);
    let text = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone()).unwrap_or_default();
    let number = |name: &str, default: u64| text(name).parse().unwrap_or(default);
    RunQuery {
        q: text("q"),
        sort: text("sort"),
        state: text("state"),
        filter: text("filter"),
        columns: text("columns"),
        archived: text("archived") == "true",
        pins: true,
        page: number("page", 1).max(1),
        per_page: number("per_page", 50).clamp(1, 500),
    }
}

/// What of it a saved view brings back.
pub(super) fn settings(query: &RunQuery) -> ViewSettings {
    ViewSettings {
        q: query.q.clone(),
        sort: query.sort.clone(),
        state: query.state.clone(),
        filter: query.filter.clone(),
        columns: query.columns.clone(),
        archived: query.archived,
    }
}

/// The changes of the address that show a view.
pub(super) fn changes(view: &ViewSettings) -> Vec<(&'static str, Option<String>)> {
    let archived = if view.archived { "true".to_owned() } else { String::new() };
    let values = [&view.q, &view.sort, &view.state, &view.filter, &view.columns, &archived];
    let mut changes: Vec<_> = NAMES.into_iter().zip(values.map(|value| Some(value.clone()))).collect();
    changes.push(("page", None));
    changes
}

/// Whether all runs are shown: no search, filter or state.
pub(super) fn is_whole(query: &RunQuery) -> bool {
    query.q.is_empty() && query.filter.is_empty() && query.state.is_empty() && !query.archived
}

/// The REST address of the same table as a file.
pub(super) fn download(project: &str, query: &RunQuery, format: &str) -> String {
    let mut address = format!("/api/v1/projects/{}/runs/table?format={format}&per_page=500", encode(project));
    for (name, value) in changes(&settings(query)) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            address.push_str(&format!("&{name}={}", encode(&value)));
        }
    }
    address
}

/// A list of columns as the address has it.
pub(super) fn written(fields: &[Field]) -> String {
    fields.iter().map(Field::to_string).collect::<Vec<_>>().join(",")
}

/// Hidden fields that keep the rest of the view where a plain form sends one parameter.
#[component]
pub(super) fn Kept(query: Memo<RunQuery>, without: &'static str) -> impl IntoView {
    move || {
        let kept = changes(&query.with(settings));
        kept.into_iter()
            .filter(|(name, value)| *name != without && value.as_ref().is_some_and(|value| !value.is_empty()))
            .map(|(name, value)| view! { <input type="hidden" name=name value=value.unwrap_or_default()/> })
            .collect_view()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::address_with;

    #[test]
    fn a_view_and_the_address_say_the_same() {
        let view = ViewSettings {
            q: "a b".into(),
            sort: "-metrics.`x,y`".into(),
            filter: "params.p = 'it''s & all'".into(),
            columns: "name,metrics.`x,y`".into(),
            archived: true,
            ..ViewSettings::default()
        };
        let address = address_with("/p/demo/runs", "state=failed&page=7", &changes(&view));
        assert!(!address.contains("page=") && !address.contains("state="), "{address}");
        let query = read(address.split_once('?').map_or("", |(_, search)| search));
        assert_eq!(settings(&query), view);
        assert!(!is_whole(&query));
        let file = download("demo", &query, "csv");
        assert!(file.contains("&filter=params.p%20%3D%20%27it%27%27s%20%26%20all%27"), "{file}");
        assert!(file.ends_with("&archived=true") && !file.contains("&state="), "{file}");
    }
}
