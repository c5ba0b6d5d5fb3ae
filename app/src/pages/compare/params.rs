//! Parameters side by side, those that differ first.

use super::heads;
use crate::{
    components::*,
    format::{count, counted},
    hooks::{use_address, use_query_param},
};
use leptos::prelude::*;
use trainyard_types::{experiments::ComparedParam, run::RunSummary};

pub(super) fn section(runs: &[RunSummary], params: &[ComparedParam]) -> AnyView {
    let address = use_address();
    let shown = use_query_param("params");
    let all = move || shown.get() == "all";
    let differing = params.iter().filter(|param| param.differs).count();
    let same = params.len() - differing;
    let lead = match differing {
        0 => "All parameters are the same.".to_owned(),
        n => format!("{} between these runs.", counted(n as u64, "parameter differs", "parameters differ")),
    };
    let toggle = move || {
        let (text, value) = match all() {
            true => ("Only differences".to_owned(), None),
            false => (format!("Show the {} that are the same", count(same as u64)), Some("all".to_owned())),
        };
        let href = address(&[("params", value)]);
        (same > 0).then(|| view! { <a class="button small" href=href data-noscroll="true">{text}</a> })
    };
    let head = heads(runs, "Parameter");
    let rows = params
        .iter()
        .map(|param| {
            let differs = param.differs;
            let cells = param
                .values
                .iter()
                .map(|value| match value {
                    Some(text) => view! { <td class="num">{text.clone()}</td> }.into_any(),
                    None => view! { <td class="num muted">"–"</td> }.into_any(),
                })
                .collect_view();
            let key = param.key.clone();
            let word = differs.then(|| view! { " " <Badge text="differs"/> });
            view! { <tr hidden={move || !differs && !all()}><th scope="row"><code>{key}</code>{word}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <Section title="Parameters" lead>
            <div class="button-row">{toggle}</div>
            <div class="table-wrap" tabindex="0" role="region" aria-label="Parameters side by side">
                <table class="table plain">{head}<tbody>{rows}</tbody></table>
            </div>
        </Section>
    }
    .into_any()
}
