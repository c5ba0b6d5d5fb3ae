//! The columns of a version: what they hold at a glance, and one of them in full.

use super::minis::{bars, mean, mini, share, value};
use crate::{
    components::Words,
    format::{count, measure},
    hooks::{use_address, use_query_param},
};
use leptos::prelude::*;
use trainyard_types::dataset::{ColumnProfile, Profile, Severity};

/// Columns shown on one page of the table.
const PER_PAGE: usize = 100;

/// Columns by name, a hundred at a time. Which column is open and which page is shown stand in the address.
#[component]
pub fn ProfileTable(profile: Profile) -> impl IntoView {
    let rows = profile.rows;
    let total = profile.columns.len();
    let profile = StoredValue::new(profile);
    let address = use_address();
    let open = use_query_param("column");
    let search = use_query_param("find");
    let page = use_query_param("page");

    let shown = move || {
        let wanted = search.get().to_lowercase();
        profile.with_value(|p| {
            p.columns
                .iter()
                .filter(|c| wanted.is_empty() || c.name.to_lowercase().contains(&wanted))
                .cloned()
                .collect::<Vec<_>>()
        })
    };
    let table = move || {
        let all = shown();
        let found = all.len();
        let pages = found.div_ceil(PER_PAGE).max(1);
        let at = page.get().parse::<usize>().unwrap_or(1).clamp(1, pages);
        let body = all
            .into_iter()
            .skip((at - 1) * PER_PAGE)
            .take(PER_PAGE)
            .map(|c| row(c, rows, &profile, address, open))
            .collect_view();
        let to = move |n: usize| address(&[("page", Some(n.to_string()))]);
        let turn = (pages > 1).then(|| view! {
            <nav class="profile-pages" aria-label="Columns">
                {(at > 1).then(|| view! { <a href=to(at - 1)>"Earlier columns"</a> })}
                <span>{format!("Columns {} to {} of {}", count(((at - 1) * PER_PAGE + 1) as u64), count((at * PER_PAGE).min(found) as u64), count(found as u64))}</span>
                {(at < pages).then(|| view! { <a href=to(at + 1)>"Further columns"</a> })}
            </nav>
        });
        view! {
            <div class="table-wrap" tabindex="0" role="region" aria-label="Columns">
                <table class="table profile">
                    <thead>
                        <tr>
                            <th scope="col">"Column"</th>
                            <th scope="col">"Type"</th>
                            <th scope="col">"Missing"</th>
                            <th scope="col" class="num">"Distinct"</th>
                            <th scope="col">"Values"</th>
                            <th scope="col" class="num">"Min"</th>
                            <th scope="col" class="num">"Mean"</th>
                            <th scope="col" class="num">"Max"</th>
                        </tr>
                    </thead>
                    <tbody>{body}</tbody>
                </table>
            </div>
            {(found == 0).then(|| view! { <p class="muted">"No column has that in its name."</p> })}
            {turn}
        }
    };
    let panel = move || {
        let name = open.get();
        profile.with_value(|p| p.columns.iter().find(|c| c.name == name).cloned()).map(|column| {
            let warnings = profile.with_value(|p| {
                p.warnings.iter().filter(|w| w.column == column.name).map(|w| w.message.clone()).collect()
            });
            view! { <ColumnPanel column rows warnings close=address(&[("column", None)]) /> }
        })
    };
    view! {
        <div class="profile-split" class:open=move || !open.get().is_empty()>
            <div class="profile-main">
                {(total > 12).then(|| view! { <ColumnSearch /> })}
                {table}
            </div>
            {panel}
        </div>
    }
}

/// Finds columns by name as one types; without script it is a form.
#[component]
fn ColumnSearch() -> impl IntoView {
    let find = use_query_param("find");
    let set = crate::hooks::use_set_query();
    view! {
        <form method="get" class="profile-search" role="search">
            <label>
                <span class="visually-hidden">"Find a column"</span>
                <input
                    type="search"
                    name="find"
                    placeholder="Find a column"
                    prop:value=find
                    value=find.get_untracked()
                    on:input=move |event| set(&[("find", Some(event_target_value(&event))), ("page", None)])
                />
            </label>
        </form>
    }
}

fn row(
    column: ColumnProfile,
    rows: u64,
    profile: &StoredValue<Profile>,
    address: impl Fn(&[(&str, Option<String>)]) -> String + Copy + Send + Sync + 'static,
    open: Memo<String>,
) -> AnyView {
    let worst = profile
        .with_value(|p| p.warnings.iter().filter(|w| w.column == column.name).max_by_key(|w| w.severity).cloned());
    let flag = worst.map(|w| {
        let (class, word) = match w.severity {
            Severity::Critical => ("flag critical", "Critical"),
            Severity::Warning => ("flag warning", "Warning"),
            Severity::Info => ("flag info", "Note"),
        };
        view! { <span class=class title=w.message.replace('`', "")>{word}</span> }
    });
    let drawing = mini(&column).map(|(svg, words)| {
        view! {
            <span class="mini" inner_html=svg></span>
            <span class="visually-hidden">{words}</span>
        }
    });
    let (min, mean, max) = column.numeric.as_ref().map_or_else(Default::default, |n| {
        (value(column.kind, n.min), mean(column.kind, n), value(column.kind, n.max))
    });
    let name = column.name.clone();
    let is_open = {
        let name = name.clone();
        move || open.with(|o| *o == name)
    };
    let href = {
        let name = name.clone();
        move || address(&[("column", Some(name.clone()))])
    };
    let current = is_open.clone();
    view! {
        <tr class:selected=is_open>
            <th scope="row" class="profile-name">
                <a href=href data-noscroll="true" aria-current=move || current().then_some("true")>{name}</a>
                {flag}
            </th>
            <td><span class="kind">{column.kind.as_str()}</span></td>
            <td class="missing">{missing_bar(column.missing, rows)}</td>
            <td class="num">{count(column.distinct)}</td>
            <td>{drawing}</td>
            <td class="num">{min}</td>
            <td class="num">{mean}</td>
            <td class="num">{max}</td>
        </tr>
    }
    .into_any()
}

fn missing_bar(missing: u64, rows: u64) -> AnyView {
    if missing == 0 {
        return view! { <span class="muted">"none"</span> }.into_any();
    }
    let width = missing as f64 / rows.max(1) as f64 * 56.0;
    view! {
        <svg class="share" viewBox="0 0 56 8" aria-hidden="true">
            <rect class="share-all" width="56" height="8" rx="2" />
            <rect class="share-part" width=format!("{:.1}", width.max(1.0)) height="8" rx="2" />
        </svg>
        <span class="num">{share(missing, rows)}</span>
    }
    .into_any()
}

/// One column in full.
#[component]
fn ColumnPanel(column: ColumnProfile, rows: u64, warnings: Vec<String>, close: String) -> impl IntoView {
    let kind = column.kind;
    let drawing = match &column.numeric {
        Some(n) if n.histogram.len() > 1 => {
            Some((bars(&n.histogram, 320.0, 96.0, 2.0), value(kind, n.min), value(kind, n.max)))
        }
        _ => None,
    }
    .map(|(svg, low, high)| {
        view! {
            <div class="panel-histogram" inner_html=svg></div>
            <div class="panel-ends"><span>{low}</span><span>{high}</span></div>
        }
    });
    let facts = column.numeric.as_ref().map(|n| {
        let mut facts = vec![("Mean", mean(kind, n))];
        if kind.is_numeric() {
            facts.push(("Standard deviation", measure(n.std)));
            facts.push(("Zeros", format!("{} ({})", count(n.zeros), share(n.zeros, rows))));
            facts.push(("Negative", format!("{} ({})", count(n.negative), share(n.negative, rows))));
        }
        facts
    });
    let facts = facts
        .unwrap_or_default()
        .into_iter()
        .map(|(name, text)| view! { <div><dt>{name}</dt><dd>{text}</dd></div> })
        .collect_view();
    let quantiles = column.numeric.as_ref().map(|n| {
        let heads = ["Min", "5 %", "25 %", "50 %", "75 %", "95 %", "Max"];
        let values = [n.min, n.quantiles[0], n.quantiles[1], n.quantiles[2], n.quantiles[3], n.quantiles[4], n.max];
        let rows = heads
            .into_iter()
            .zip(values)
            .map(|(head, v)| view! { <tr><th scope="row">{head}</th><td class="num">{value(kind, v)}</td></tr> })
            .collect_view();
        let drawn = n.sample.map(|sample| {
            let text = format!("Estimated, as is the histogram, from {} values drawn at random.", count(sample));
            view! { <p class="muted">{text}</p> }
        });
        view! {
            <h3>"Quantiles"</h3>
            {drawn}
            <table class="table compact"><tbody>{rows}</tbody></table>
        }
    });
    let most = column.top.first().map_or(1, |t| t.count).max(1);
    let top = (!column.top.is_empty()).then(|| {
        let rows = column
            .top
            .iter()
            .map(|t| {
                let width = format!("{:.1}", (t.count as f64 / most as f64 * 80.0).max(1.0));
                let text = if t.value.is_empty() { "(empty text)".to_owned() } else { t.value.clone() };
                view! {
                    <tr>
                        <th scope="row" class="top-value">{text}</th>
                        <td><svg class="share" viewBox="0 0 80 8" aria-hidden="true"><rect class="share-top" width=width height="8" rx="2" /></svg></td>
                        <td class="num">{count(t.count)}</td>
                        <td class="num">{share(t.count, rows)}</td>
                    </tr>
                }
            })
            .collect_view();
        view! {
            <h3>"Most frequent values"</h3>
            <table class="table compact"><tbody>{rows}</tbody></table>
        }
    });
    let warnings = warnings.into_iter().map(|w| view! { <p class="panel-warning"><Words text=w/></p> }).collect_view();
    view! {
        <aside class="panel" aria-label=format!("Column {}", column.name)>
            <header>
                <h2>{column.name.clone()}</h2>
                <a href=close class="button quiet small" data-noscroll="true">"Close"</a>
            </header>
            {warnings}
            {drawing}
            <dl class="facts">
                <div><dt>"Type"</dt><dd>{kind.as_str()}</dd></div>
                <div><dt>"Missing"</dt><dd>{format!("{} ({})", count(column.missing), share(column.missing, rows))}</dd></div>
                <div><dt>"Distinct"</dt><dd>{count(column.distinct)}</dd></div>
                {facts}
            </dl>
            {quantiles}
            {top}
        </aside>
    }
    .into_any()
}
