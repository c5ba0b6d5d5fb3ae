//! The runs' curves of one metric on one drawing.

use super::plot::{self, Line, Look};
use crate::{
    api::experiments::CurvesShown,
    browser,
    components::*,
    format::{count, measure, run_series},
    hooks::{use_query_param, use_set_query},
    pages::{
        figure::{printed, table_csv},
        run::draw,
    },
};
use leptos::prelude::*;
use trainyard_types::{
    evaluation::ChartTable,
    experiments::{ComparedCurve, metric_title, split_part},
    run::MetricSeries,
};

/// Rows of the table beneath the drawing.
const ROWS: usize = 24;

/// `runs` is the address's list: it decides the runs' numbers.
#[component]
pub(super) fn Curves(shown: CurvesShown, runs: Memo<String>) -> impl IntoView {
    let set_query = use_set_query();
    let [smooth, x, y] = ["smooth", "x", "y"].map(use_query_param);
    // Follows the slider at once; the address follows when it is let go.
    let weight = RwSignal::new(smooth.get_untracked().parse::<f64>().unwrap_or(0.0).clamp(0.0, 0.99));
    let look = Memo::new(move |_| Look { smooth: weight.get(), log_x: x.get() == "log", log_y: y.get() == "log" });
    let CurvesShown { key, keys, curves } = shown;
    if key.is_empty() {
        return ().into_any();
    }
    let order: Vec<String> = runs.get_untracked().split(',').map(str::to_owned).collect();
    let title = metric_title(&key);
    let lines: Vec<Line> = curves.iter().map(|curve| line(curve, &order)).collect();
    let words = plot::summary(&title, &lines);
    let series: Vec<MetricSeries> = curves.into_iter().map(|curve| as_series(curve, &key)).collect();
    // Families count in their own steps.
    let step = if key.contains('/') { draw::step_word(split_part(&key).1) } else { "epoch or round" };
    let lines = StoredValue::new(lines);
    let (told, name) = (StoredValue::new(words.clone()), StoredValue::new(key.replace('/', "-")));
    let drawing = move || lines.with_value(|lines| told.with_value(|told| plot::svg(lines, look.get(), step, told)));
    let numbers = StoredValue::new(chart_table(&series, step, usize::MAX));
    let save_svg = move |_| {
        browser::save(&format!("{}.svg", name.get_value()), "image/svg+xml", &printed(&untrack(drawing)));
    };
    let save_png = move |_| browser::save_png(&format!("{}.png", name.get_value()), &printed(&untrack(drawing)));
    let save_csv =
        move |_| browser::save(&format!("{}.csv", name.get_value()), "text/csv", &numbers.with_value(table_csv));
    let options = keys
        .into_iter()
        .map(|each| {
            let (chosen, title) = (each == key, metric_title(&each));
            view! { <option value=each selected=chosen>{title}</option> }
        })
        .collect_view();
    let choose = {
        let set_query = set_query.clone();
        move |event: leptos::ev::Event| set_query(&[("curve", Some(event_target_value(&event)))])
    };
    let let_go = {
        let set_query = set_query.clone();
        move |event: leptos::ev::Event| {
            let value = event_target_value(&event);
            set_query(&[("smooth", Some(value).filter(|value| value != "0"))]);
        }
    };
    let axis = move |name: &'static str| {
        let set_query = set_query.clone();
        move |log: bool| set_query(&[(name, log.then(|| "log".to_owned()))])
    };
    let (log_x, log_y) = (axis("x"), axis("y"));
    let small = chart_table(&series, step, ROWS);
    let head = small.columns.into_iter().map(|name| view! { <th scope="col" class="num">{name}</th> }).collect_view();
    let rows = small
        .rows
        .into_iter()
        .map(|row| {
            let cells = row.into_iter().map(|cell| view! { <td class="num">{cell}</td> }).collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <Section title="Curves" lead="A line's number is its run's, from the list above. The faint line is what was measured, where the other is smoothed.">
            <div class="plot-tools needs-script">
                <label class="field">
                    <span class="field-label">"Metric"</span>
                    <select on:change=choose>{options}</select>
                </label>
                <label class="field">
                    <span class="field-label">{move || format!("Smoothing {:.2}", weight.get())}</span>
                    <input type="range" min="0" max="0.99" step="0.01" prop:value=move || weight.get().to_string() value=weight.get_untracked().to_string()
                        on:input=move |ev| weight.set(event_target_value(&ev).parse().unwrap_or(0.0)) on:change=let_go/>
                </label>
                <CheckField name="log-x" label="Logarithmic steps" checked=look.get_untracked().log_x on_value=Callback::new(log_x)/>
                <CheckField name="log-y" label="Logarithmic values" checked=look.get_untracked().log_y on_value=Callback::new(log_y)/>
            </div>
            <figure class="figure curve-figure wide-curve">
                <figcaption><span class="figure-title">{title}</span></figcaption>
                <div inner_html=drawing></div>
                <p class="figure-summary">{words}</p>
                <div class="figure-foot">
                    <details class="figure-table">
                        <summary>"Table"</summary>
                        <div class="table-wrap" tabindex="0" role="region" aria-label="Values of the curves">
                            <table class="table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>
                        </div>
                    </details>
                    <button type="button" class="button quiet small needs-script" on:click=save_svg>"SVG"</button>
                    <button type="button" class="button quiet small needs-script" on:click=save_png>"PNG"</button>
                    <button type="button" class="button quiet small needs-script" on:click=save_csv>"CSV"</button>
                </div>
            </figure>
        </Section>
    }
    .into_any()
}

fn line(curve: &ComparedCurve, order: &[String]) -> Line {
    let id = curve.run.to_string();
    Line {
        at: order.iter().position(|known| *known == id).unwrap_or_default(),
        name: curve.name.clone(),
        series: run_series(&curve.run),
        steps: curve.steps.clone(),
        values: curve.values.clone(),
    }
}

/// A curve as the table of a run's page takes it, with the run's name for its part.
fn as_series(curve: ComparedCurve, key: &str) -> MetricSeries {
    MetricSeries { key: key.to_owned(), part: curve.name, steps: curve.steps, values: curve.values }
}

/// The measured values by step, about `most` rows.
fn chart_table(series: &[MetricSeries], step: &str, most: usize) -> ChartTable {
    let columns = std::iter::once(step.to_owned()).chain(series.iter().map(|curve| curve.part.clone())).collect();
    let whole = most == usize::MAX;
    let rows = draw::table(series, most)
        .into_iter()
        .map(|(at, values)| {
            let number = |value: Option<f64>| match value {
                Some(value) if whole => value.to_string(),
                Some(value) => measure(value),
                None => String::new(),
            };
            let at = if whole { at.to_string() } else { count(at) };
            std::iter::once(at).chain(values.into_iter().map(number)).collect()
        })
        .collect();
    ChartTable { columns, rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_column_for_each_run() {
        let curve = |name: &str, values: &[f64]| MetricSeries {
            key: "valid.loss".into(),
            part: name.into(),
            steps: (1..=values.len() as u64).collect(),
            values: values.into(),
        };
        let table = chart_table(&[curve("a,b", &[0.5, 0.25]), curve("c", &[1.0])], "epoch", usize::MAX);
        assert_eq!(table_csv(&table), "epoch,\"a,b\",c\n1,0.5,1\n2,0.25,\n");
    }
}
