//! The drawing of one metric's curves as SVG text. Text, so that the server sends it, the browser redraws it and a
//! person saves it, all from the same function.

use super::{
    scale::Axis,
    series::{SYSTEM, best, lower_is_better, nearest, split_key},
};
use crate::{
    format::{escape, measure},
    pages::figure::metric_title,
};
use std::fmt::Write;
use trainyard_types::run::MetricSeries;

/// Size of the drawing in its own units.
pub const WIDTH: f64 = 460.0;
pub const HEIGHT: f64 = 212.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 372.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 174.0;

/// Colour and dash of a part's curve: never by colour alone.
fn stroke(part: &str) -> (&'static str, &'static str) {
    match part {
        "train" => ("var(--series-1, #1f5fbf)", ""),
        _ => ("var(--series-2, #c2570c)", "6 3"),
    }
}

pub fn part_title(part: &str) -> &str {
    match part {
        "valid" => "validation",
        other => other,
    }
}

/// What one step is in the family's words.
pub fn step_word(key: &str) -> &'static str {
    match split_key(key).0 {
        "trees" | "boosting" => "round",
        "forest" => "tree",
        SYSTEM => "second",
        _ => "epoch",
    }
}

/// Where the curves of one key lie.
#[derive(Clone, Debug)]
pub struct Geometry {
    pub x: Axis,
    pub y: Axis,
}

impl Geometry {
    /// Axes over all points, or over the zoomed steps only.
    pub fn of(parts: &[MetricSeries], zoom: Option<(f64, f64)>) -> Self {
        let first = parts.iter().filter_map(|p| p.steps.first()).min().copied().unwrap_or(0) as f64;
        let last = parts.iter().filter_map(|p| p.steps.last()).max().copied().unwrap_or(1) as f64;
        let (low, high) = zoom.unwrap_or((first.min(last), last.max(first + 1.0)));
        let seen = parts.iter().flat_map(|p| {
            p.steps.iter().zip(&p.values).filter(move |(s, _)| (low..=high).contains(&(**s as f64))).map(|(_, v)| *v)
        });
        let mut x = Axis::exact(low, high, LEFT, RIGHT, 6);
        // Steps are whole: a tick between two of them would say nothing.
        x.ticks.retain(|t| (t - t.round()).abs() < 1e-9);
        Self { x, y: Axis::around(seen, BOTTOM, TOP, 4) }
    }

    /// The step under a place that lies a share of the drawing's width from its left edge.
    pub fn step_at(&self, share: f64) -> f64 {
        self.x.value(share * WIDTH).clamp(self.x.low, self.x.high)
    }
}

/// The chart: grid, axes with units, one line a part with its name and last value at its end.
pub fn svg(key: &str, parts: &[MetricSeries], zoom: Option<(f64, f64)>) -> String {
    let g = Geometry::of(parts, zoom);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" class=\"curve\" role=\"img\" aria-label=\"{}\">",
        escape(&summary(key, parts))
    );
    for tick in &g.y.ticks {
        let y = g.y.at(*tick);
        let _ = write!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"var(--chart-grid, #e3e6ea)\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"var(--chart-text, #3b4350)\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            g.y.label(*tick)
        );
    }
    let _ = write!(
        out,
        "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{BOTTOM}\" y2=\"{BOTTOM}\" stroke=\"var(--chart-axis, #8b929b)\"/>"
    );
    for tick in &g.x.ticks {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"var(--chart-text, #3b4350)\">{}</text>",
            g.x.at(*tick),
            BOTTOM + 17.0,
            g.x.label(*tick)
        );
    }
    let _ = write!(
        out,
        "<text x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"var(--chart-text, #3b4350)\">{}</text>",
        BOTTOM + 33.0,
        step_word(key)
    );
    let mut labels: Vec<(f64, &MetricSeries)> = Vec::new();
    for part in parts {
        let (colour, dash) = stroke(&part.part);
        let _ = write!(
            out,
            "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke-dasharray=\"{dash}\"/>",
            path(part, &g)
        );
        if let Some((_, value)) = nearest(part, g.x.high) {
            labels.push((g.y.at(value).clamp(TOP, BOTTOM), part));
        }
    }
    for (y, part) in apart(labels) {
        let (colour, _) = stroke(&part.part);
        let value = nearest(part, g.x.high).map_or(String::new(), |(_, v)| measure(v));
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{y:.1}\" fill=\"{colour}\" class=\"curve-name\">{}</text><text x=\"{:.1}\" y=\"{:.1}\" fill=\"var(--chart-text, #3b4350)\">{value}</text>",
            RIGHT + 8.0,
            escape(part_title(&part.part)),
            RIGHT + 8.0,
            y + 15.0,
        );
    }
    out.push_str("</svg>");
    out
}

/// Moves the labels at the ends of lines so far apart that none covers another.
fn apart(mut labels: Vec<(f64, &MetricSeries)>) -> Vec<(f64, &MetricSeries)> {
    const GAP: f64 = 34.0;
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    for i in 1..labels.len() {
        labels[i].0 = labels[i].0.max(labels[i - 1].0 + GAP);
    }
    let over = labels.last().map_or(0.0, |l| (l.0 - (BOTTOM - 8.0)).max(0.0));
    for label in &mut labels {
        label.0 = (label.0 - over).max(TOP + 6.0);
    }
    labels
}

fn path(part: &MetricSeries, g: &Geometry) -> String {
    let mut out = String::new();
    let mut pen_up = true;
    for (step, value) in part.steps.iter().zip(&part.values) {
        let x = *step as f64;
        if !value.is_finite() || x < g.x.low || x > g.x.high {
            pen_up = true;
            continue;
        }
        let _ = write!(out, "{}{:.1} {:.1}", if pen_up { 'M' } else { 'L' }, g.x.at(x), g.y.at(*value));
        pen_up = false;
    }
    // A single point has no length; a dot of a line shows it.
    if part.steps.len() == 1 && !out.is_empty() {
        out.push_str("h2");
    }
    out
}

/// The chart's heading: the finding where there is one.
pub fn finding(key: &str, parts: &[MetricSeries], running: bool) -> String {
    let (family, metric) = split_key(key);
    let name = metric_title(metric);
    if family == SYSTEM {
        return used(&name, parts);
    }
    let word = step_word(key);
    let Some(valid) = parts.iter().find(|p| p.part != "train").or_else(|| parts.first()) else {
        return name;
    };
    let (Some((at, value)), Some(last)) = (best(valid), valid.steps.last()) else { return name };
    let who = if valid.part == "train" { "Train" } else { "Validation" };
    let lower = lower_is_better(metric);
    let name = lower_case(&name);
    if running {
        let verb = if lower { "lowest" } else { "highest" };
        return format!("{who} {name}: {verb} {} so far, at {word} {at}", measure(value));
    }
    // "Stopped" needs a tail: at least a tenth of the steps without anything better.
    if *last > at && (*last - at) * 10 >= *last {
        let verb = if lower { "falling" } else { "rising" };
        format!("{who} {name} stopped {verb} at {word} {at} ({})", measure(value))
    } else {
        let verb = if lower { "fell" } else { "rose" };
        format!("{who} {name} {verb} to {} by {word} {at}", measure(value))
    }
}

/// What the process took: there is no better or worse.
fn used(name: &str, parts: &[MetricSeries]) -> String {
    let mut values: Vec<f64> = parts.iter().flat_map(|p| p.values.iter().copied()).filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    match (values.get(values.len() / 2), values.last()) {
        (Some(median), Some(most)) => format!("{name}: mostly {}, {} at most", measure(*median), measure(*most)),
        _ => name.to_owned(),
    }
}

fn lower_case(title: &str) -> String {
    // "ROC AUC", "RMSE" and "R²" keep their capitals.
    if title.chars().nth(1).is_some_and(char::is_lowercase) { title.to_lowercase() } else { title.to_owned() }
}

/// One sentence for a reader who can't see the chart.
pub fn summary(key: &str, parts: &[MetricSeries]) -> String {
    let (family, metric) = split_key(key);
    let mut out = metric_title(metric);
    if !family.is_empty() {
        let _ = write!(out, " of {family}");
    }
    let _ = write!(out, " by {}.", step_word(key));
    for part in parts {
        if let (Some(first), Some(last), Some((at, value))) = (part.values.first(), part.values.last(), best(part)) {
            let _ = write!(
                out,
                " {} from {} to {}, best {} at {at}.",
                part_title(&part.part),
                measure(*first),
                measure(*last),
                measure(value)
            );
        }
    }
    out
}

/// Step and value of each part, at most `most` steps spread evenly, the last one included.
pub fn table(parts: &[MetricSeries], most: usize) -> Vec<(u64, Vec<Option<f64>>)> {
    let mut steps: Vec<u64> = parts.iter().flat_map(|p| p.steps.iter().copied()).collect();
    steps.sort_unstable();
    steps.dedup();
    let every = steps.len().div_ceil(most.max(1)).max(1);
    let last = steps.len().saturating_sub(1);
    steps
        .iter()
        .enumerate()
        .filter(|(i, _)| i.is_multiple_of(every) || *i == last)
        .map(|(_, step)| {
            let values = parts.iter().map(|p| p.steps.binary_search(step).ok().and_then(|i| p.values.get(i).copied()));
            (*step, values.collect())
        })
        .collect()
}

/// All points as CSV.
pub fn csv(key: &str, parts: &[MetricSeries]) -> String {
    let mut out = step_word(key).to_owned();
    for part in parts {
        let _ = write!(out, ",{}", part.part);
    }
    out.push('\n');
    for (step, values) in table(parts, usize::MAX) {
        let _ = write!(out, "{step}");
        for value in values {
            let _ = write!(out, ",{}", value.map_or(String::new(), |v| v.to_string()));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(part: &str, values: &[f64]) -> MetricSeries {
        MetricSeries {
            key: "realmlp/log_loss".into(),
            part: part.into(),
            steps: (1..=values.len() as u64).collect(),
            values: values.into(),
        }
    }

    #[test]
    fn the_heading_says_where_it_stopped() {
        let parts = [curve("train", &[0.9, 0.5, 0.3, 0.2]), curve("valid", &[0.9, 0.6, 0.7, 0.8])];
        assert_eq!(
            finding("realmlp/log_loss", &parts, false),
            "Validation log loss stopped falling at epoch 2 (0.600)"
        );
        let parts = [curve("valid", &[0.9, 0.6, 0.5])];
        assert_eq!(finding("realmlp/log_loss", &parts, false), "Validation log loss fell to 0.500 by epoch 3");
    }

    #[test]
    fn values_that_are_no_numbers_break_the_line_and_nothing_else() {
        let parts = [curve("train", &[0.9, f64::NAN, f64::INFINITY, 0.2])];
        let drawn = svg("realmlp/log_loss", &parts, None);
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        assert_eq!(drawn.matches(" d=\"M").count(), 1);
        assert!(svg("loss", &[], None).ends_with("</svg>"));
    }

    #[test]
    fn the_drawing_has_no_style_attribute_and_escapes_names() {
        let mut part = curve("train", &[0.5, 0.4]);
        part.part = "<b>".into();
        let drawn = svg("a<b/loss", &[part], Some((1.0, 2.0)));
        assert!(!drawn.contains("style=") && !drawn.contains("<b>"));
    }

    #[test]
    fn tables_are_thinned_and_csv_is_whole() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let parts = [curve("train", &values)];
        let rows = table(&parts, 20);
        assert!(rows.len() <= 21 && rows.last().map(|r| r.0) == Some(100));
        assert_eq!(csv("realmlp/log_loss", &parts).lines().count(), 101);
    }
}
