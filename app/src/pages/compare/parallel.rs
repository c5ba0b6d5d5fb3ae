//! Parallel coordinates: an axis for each parameter that differs and one for a metric, a line for each run.

use super::plot::{HEIGHT, WIDTH, colour, dash};
use crate::{
    browser,
    components::*,
    format::{escape, measure, plain, run_series},
    hooks::{use_query_param, use_set_query},
    pages::figure::printed,
};
use leptos::prelude::*;
use std::fmt::Write;
use trainyard_types::{
    experiments::{ComparedMetric, ComparedParam},
    run::RunSummary,
};

/// Axes of parameters at most: more can't be told apart.
const MOST_AXES: usize = 7;
/// Labels of an axis of words at most, and letters of one.
const MOST_LABELS: usize = 8;
const LABEL: usize = 16;
const TOP: f64 = 34.0;
const BOTTOM: f64 = HEIGHT - 26.0;
const SIDE: f64 = 70.0;

pub(super) fn section(runs: &[RunSummary], params: &[ComparedParam], metrics: &[ComparedMetric]) -> AnyView {
    let differing: Vec<&ComparedParam> = params.iter().filter(|param| param.differs).collect();
    let metrics: Vec<ComparedMetric> = metrics.iter().filter(|metric| metric.differs).cloned().collect();
    if differing.is_empty() || metrics.is_empty() {
        return ().into_any();
    }
    let axes: Vec<Axis> = differing.iter().take(MOST_AXES).map(|param| Axis::of_param(param)).collect();
    let left_out = differing.len().saturating_sub(MOST_AXES);
    let lines: Vec<(u8, String)> = runs.iter().map(|run| (run_series(&run.id), run.name.clone())).collect();
    let metric = use_query_param("metric");
    let set_query = use_set_query();
    // One whose direction is known says most.
    let usual = metrics.iter().find(|metric| metric.higher_is_better.is_some()).unwrap_or(&metrics[0]).key.clone();
    let chosen = Memo::new(move |_| Some(metric.get()).filter(|key| !key.is_empty()).unwrap_or_else(|| usual.clone()));
    let options = metrics
        .iter()
        .map(|metric| {
            let (key, title) = (metric.key.clone(), metric.title.clone());
            let is = chosen.get_untracked() == key;
            view! { <option value=key selected=is>{title}</option> }
        })
        .collect_view();
    let all = StoredValue::new((axes, lines, metrics));
    let drawing = move || {
        all.with_value(|(axes, lines, metrics)| {
            let key = chosen.get();
            let metric = metrics.iter().find(|metric| metric.key == key).unwrap_or(&metrics[0]);
            let mut axes = axes.clone();
            axes.push(Axis::of_metric(metric));
            svg(&axes, lines)
        })
    };
    let save = move |_| browser::save("parallel-coordinates.svg", "image/svg+xml", &printed(&untrack(drawing)));
    let lead = match left_out {
        0 => "Each line is a run, with its number at the right; it passes each axis at the run's value.".to_owned(),
        n => {
            format!("Each line is a run, with its number at the right. {n} more parameters differ: the table has them.")
        }
    };
    let choose = move |event: leptos::ev::Event| set_query(&[("metric", Some(event_target_value(&event)))]);
    view! {
        <Section title="Parallel coordinates" lead>
            <div class="plot-tools needs-script">
                <label class="field"><span class="field-label">"Metric at the right"</span><select on:change=choose>{options}</select></label>
            </div>
            <figure class="figure wide-curve parallel">
                <div inner_html=drawing></div>
                <div class="figure-foot">
                    <span class="muted">"The tables above hold the same values."</span>
                    <button type="button" class="button quiet small needs-script" on:click=save>"SVG"</button>
                </div>
            </figure>
        </Section>
    }
    .into_any()
}

/// One axis: where each run passes it, and what is written beside it.
#[derive(Clone, Debug, PartialEq)]
struct Axis {
    title: String,
    /// One for each run, 0 (below) to 1; none where the run lacks the value.
    places: Vec<Option<f64>>,
    labels: Vec<(f64, String)>,
}

impl Axis {
    /// Numbers where all values are some; otherwise words, in order.
    fn of_param(param: &ComparedParam) -> Self {
        let numbers: Vec<Option<f64>> =
            param.values.iter().map(|value| value.as_ref().and_then(|v| v.trim().parse().ok())).collect();
        let numeric = param.values.iter().zip(&numbers).all(|(value, number)| value.is_none() == number.is_none());
        if numeric {
            return Self::of_numbers(&param.key, &numbers, plain);
        }
        let mut words: Vec<&String> = param.values.iter().flatten().collect();
        words.sort();
        words.dedup();
        let place = |word: &String| {
            let at = words.iter().position(|known| *known == word).unwrap_or_default();
            (at as f64 + 0.5) / words.len() as f64
        };
        let labels = words.iter().take(MOST_LABELS).map(|word| (place(word), shortened(word))).collect();
        let places = param.values.iter().map(|value| value.as_ref().map(place)).collect();
        Self { title: param.key.clone(), places, labels }
    }

    fn of_metric(metric: &ComparedMetric) -> Self {
        let numbers: Vec<Option<f64>> =
            metric.values.iter().map(|value| value.as_ref().and_then(|value| value.number)).collect();
        Self::of_numbers(&metric.title, &numbers, measure)
    }

    fn of_numbers(title: &str, numbers: &[Option<f64>], words: impl Fn(f64) -> String) -> Self {
        let finite = || numbers.iter().flatten().copied().filter(|number| number.is_finite());
        let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let place = |number: f64| if high > low { (number - low) / (high - low) } else { 0.5 };
        let places = numbers.iter().map(|number| number.filter(|n| n.is_finite()).map(place)).collect();
        let labels = match (finite().count(), high > low) {
            (0, _) => Vec::new(),
            (_, false) => vec![(0.5, words(low))],
            _ => vec![(0.0, words(low)), (0.5, words((low + high) / 2.0)), (1.0, words(high))],
        };
        Self { title: title.to_owned(), places, labels }
    }
}

fn shortened(word: &str) -> String {
    match word.chars().count() > LABEL {
        true => word.chars().take(LABEL - 1).chain(std::iter::once('…')).collect(),
        false => word.to_owned(),
    }
}

/// The drawing; a line breaks where its run lacks the value.
fn svg(axes: &[Axis], lines: &[(u8, String)]) -> String {
    let step = (WIDTH - 2.0 * SIDE) / (axes.len().max(2) - 1) as f64;
    let x = |axis: usize| SIDE + axis as f64 * step;
    let y = |place: f64| BOTTOM - place * (BOTTOM - TOP);
    let titles: Vec<&str> = axes.iter().map(|axis| axis.title.as_str()).collect();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" class=\"curve\" role=\"img\" aria-label=\"{}\">",
        escape(&format!("{} runs by {}.", lines.len(), titles.join(", ")))
    );
    for (at, (series, name)) in lines.iter().enumerate() {
        let mut path = String::new();
        let mut pen_up = true;
        let mut end = None;
        for (axis, Axis { places, .. }) in axes.iter().enumerate() {
            let Some(place) = places.get(at).copied().flatten() else {
                pen_up = true;
                continue;
            };
            let _ = write!(path, "{}{:.1} {:.1}", if pen_up { 'M' } else { 'L' }, x(axis), y(place));
            pen_up = false;
            end = Some((x(axis), y(place)));
        }
        let _ = write!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke-dasharray=\"{}\"><title>{}</title></path>",
            colour(*series),
            dash(at),
            escape(&format!("{} {name}", at + 1))
        );
        if let Some((x, y)) = end {
            let _ = write!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{}\" class=\"curve-name\">{}</text>",
                x + 8.0,
                y - 5.0,
                colour(*series),
                at + 1
            );
        }
    }
    for (at, axis) in axes.iter().enumerate() {
        let x = x(at);
        // Long names of neighbours would meet: every second one stands higher.
        let title = TOP - if at % 2 == 0 { 22.0 } else { 10.0 };
        let _ = write!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{BOTTOM}\" stroke=\"var(--chart-axis, #8b929b)\"/><text x=\"{x:.1}\" y=\"{title:.1}\" text-anchor=\"middle\" class=\"curve-name\" fill=\"var(--chart-text, #3b4350)\">{}</text>",
            escape(&shortened(&axis.title))
        );
        for (place, label) in &axis.labels {
            let _ = write!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"var(--chart-text, #3b4350)\">{}</text>",
                x - 6.0,
                y(*place) + 4.0,
                escape(label)
            );
        }
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(values: &[Option<&str>]) -> ComparedParam {
        ComparedParam {
            key: "p".into(),
            values: values.iter().map(|value| value.map(str::to_owned)).collect(),
            differs: true,
        }
    }

    #[test]
    fn numbers_are_placed_by_size_and_words_in_order() {
        let axis = Axis::of_param(&param(&[Some("10"), Some("20"), None, Some("15")]));
        assert_eq!(axis.places, [Some(0.0), Some(1.0), None, Some(0.5)]);
        let axis = Axis::of_param(&param(&[Some("b"), Some("10"), Some("b")]));
        assert_eq!(axis.places, [Some(0.75), Some(0.25), Some(0.75)]);
        let one = Axis::of_param(&param(&[Some("3"), None]));
        assert_eq!((one.places[0], one.labels.len()), (Some(0.5), 1));
    }

    #[test]
    fn the_drawing_escapes_names_and_has_no_style() {
        let axes = [Axis::of_param(&param(&[Some("<b>"), None])), Axis::of_param(&param(&[Some("1"), Some("2")]))];
        let drawn = svg(&axes, &[(1, "<i>".into()), (9, "two".into())]);
        assert!(
            !drawn.contains("<b>") && !drawn.contains("<i>") && !drawn.contains("style=") && !drawn.contains("NaN")
        );
        assert_eq!(drawn.matches("<path").count(), 2);
    }
}
