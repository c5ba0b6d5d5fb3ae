//! The drawing of several runs' curves as SVG text, so that the server sends it, the browser redraws it and a person saves
//! it, all from the same function.

use super::smooth::smoothed;
use crate::{
    format::{escape, measure, plain},
    pages::run::scale::Axis,
};
use std::fmt::Write;

pub(super) const WIDTH: f64 = 720.0;
pub(super) const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 276.0;
/// Distance of the numbers at the lines' ends.
const GAP: f64 = 14.0;

/// Series colours as the theme has them, and as they are on paper.
const COLOURS: [&str; 8] = [
    "var(--series-1, #1f5fbf)",
    "var(--series-2, #c2570c)",
    "var(--series-3, #0b7a53)",
    "var(--series-4, #5b2f91)",
    "var(--series-5, #c43e8c)",
    "var(--series-6, #2b86a8)",
    "var(--series-7, #7a6a00)",
    "var(--series-8, #333a45)",
];
const DASHES: [&str; 8] = ["", "6 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2 1 2", "1 2", "14 3 4 3"];

/// A run's colour on every page, from its series' number, 1 to 8.
pub(super) fn colour(series: u8) -> &'static str {
    COLOURS[usize::from(series.clamp(1, 8)) - 1]
}

/// The dash of the run at this place of the comparison: two runs of one colour differ in it.
pub(super) fn dash(at: usize) -> &'static str {
    DASHES[at % DASHES.len()]
}

/// One run's curve.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Place of the run in the comparison, from 0.
    pub at: usize,
    pub name: String,
    /// Number of the run's colour, 1 to 8.
    pub series: u8,
    pub steps: Vec<u64>,
    pub values: Vec<f64>,
}

/// How the curves are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Look {
    /// Weight of what came before, 0 to below 1.
    pub smooth: f64,
    pub log_x: bool,
    pub log_y: bool,
}

/// An axis that may be logarithmic.
struct Scale {
    /// Over the values, or over their decimal logarithms.
    axis: Axis,
    log: bool,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>, log: bool, from: f64, to: f64, count: usize, exact: bool) -> Self {
        let values = values.filter_map(|value| prepared(value, log));
        let axis = if exact {
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
            let (low, high) = if low < high {
                (low, high)
            } else if low == high {
                (low, low + 1.0)
            } else {
                (0.0, 1.0)
            };
            Axis::exact(low, high, from, to, count)
        } else {
            Axis::around(values, from, to, count)
        };
        Self { axis, log }
    }

    /// The place of a value; none where a logarithm has none.
    fn at(&self, value: f64) -> Option<f64> {
        prepared(value, self.log).map(|value| self.axis.at(value))
    }

    /// Places and labels of the grid.
    fn ticks(&self) -> Vec<(f64, String)> {
        if !self.log {
            return self.axis.ticks.iter().map(|tick| (self.axis.at(*tick), self.axis.label(*tick))).collect();
        }
        let (low, high) = (self.axis.low.floor() as i32, self.axis.high.ceil() as i32);
        let within = |steps: &[f64], every: usize| -> Vec<f64> {
            (low..=high)
                .step_by(every)
                .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)))
                .filter(|value| (self.axis.low - 1e-9..=self.axis.high + 1e-9).contains(&value.log10()))
                .collect()
        };
        let mut values = within(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 1);
        for (steps, every) in [(&[1.0, 2.0, 5.0][..], 1), (&[1.0][..], 1), (&[1.0][..], 2), (&[1.0][..], 5)] {
            if values.len() > 8 {
                values = within(steps, every);
            }
        }
        values.into_iter().filter_map(|value| Some((self.at(value)?, plain(value)))).collect()
    }
}

fn prepared(value: f64, log: bool) -> Option<f64> {
    let value = if log { value.log10() } else { value };
    value.is_finite().then_some(value)
}

/// The chart: grid, axes, a faint line for what was measured where the other is smoothed, and each run's number at the end
/// of its line.
pub(super) fn svg(lines: &[Line], look: Look, step: &str, summary: &str) -> String {
    let steps = lines.iter().flat_map(|line| &line.steps).map(|step| *step as f64);
    let values = lines.iter().flat_map(|line| &line.values).copied();
    let x = Scale::of(steps, look.log_x, LEFT, RIGHT, 8, true);
    let y = Scale::of(values, look.log_y, BOTTOM, TOP, 5, false);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" class=\"curve\" role=\"img\" aria-label=\"{}\">",
        escape(summary)
    );
    for (place, label) in y.ticks() {
        let _ = write!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{place:.1}\" y2=\"{place:.1}\" stroke=\"var(--chart-grid, #e3e6ea)\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"var(--chart-text, #3b4350)\">{label}</text>",
            LEFT - 8.0,
            place + 4.0,
        );
    }
    let _ = write!(
        out,
        "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{BOTTOM}\" y2=\"{BOTTOM}\" stroke=\"var(--chart-axis, #8b929b)\"/>"
    );
    for (place, label) in x.ticks() {
        // Steps are whole: a tick between two of them would say nothing.
        if label.contains('.') {
            continue;
        }
        let _ = write!(
            out,
            "<text x=\"{place:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"var(--chart-text, #3b4350)\">{label}</text>",
            BOTTOM + 17.0
        );
    }
    let _ = write!(
        out,
        "<text x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"var(--chart-text, #3b4350)\">{}</text>",
        BOTTOM + 35.0,
        escape(step)
    );
    let mut ends = Vec::new();
    for line in lines {
        let drawn = smoothed(&line.values, look.smooth);
        let (colour, dash) = (colour(line.series), dash(line.at));
        if look.smooth > 0.0 {
            let (path, _) = path(&line.steps, &line.values, &x, &y);
            let _ = write!(
                out,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1\" opacity=\"0.25\"/>"
            );
        }
        let (path, end) = path(&line.steps, &drawn, &x, &y);
        let _ = write!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke-dasharray=\"{dash}\"><title>{}</title></path>",
            escape(&format!("{} {}", line.at + 1, line.name))
        );
        ends.extend(end.map(|(x, y)| (x, y, line)));
    }
    for (x, y, line) in apart(ends) {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{y:.1}\" fill=\"{}\" class=\"curve-name\">{}</text>",
            x + 6.0,
            colour(line.series),
            line.at + 1
        );
    }
    out.push_str("</svg>");
    out
}

/// Moves the numbers at the ends of lines so far apart that none covers another.
fn apart(mut ends: Vec<(f64, f64, &Line)>) -> Vec<(f64, f64, &Line)> {
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    for end in &mut ends {
        end.1 += 4.0;
    }
    for i in 1..ends.len() {
        ends[i].1 = ends[i].1.max(ends[i - 1].1 + GAP);
    }
    let over = ends.last().map_or(0.0, |end| (end.1 - BOTTOM).max(0.0));
    for end in &mut ends {
        end.1 -= over;
    }
    ends
}

/// The line, and where it ends.
fn path(steps: &[u64], values: &[f64], x: &Scale, y: &Scale) -> (String, Option<(f64, f64)>) {
    let mut out = String::new();
    let mut last = None;
    let mut pen_up = true;
    for (step, value) in steps.iter().zip(values) {
        let Some((x, y)) = x.at(*step as f64).zip(y.at(*value)) else {
            pen_up = true;
            continue;
        };
        let _ = write!(out, "{}{x:.1} {y:.1}", if pen_up { 'M' } else { 'L' });
        pen_up = false;
        last = Some((x, y));
    }
    // A single point has no length; a dot of a line shows it.
    if steps.len() == 1 && !out.is_empty() {
        out.push_str("h2");
    }
    (out, last)
}

/// One sentence for a reader who can't see the chart: who ends where.
pub(super) fn summary(title: &str, lines: &[Line]) -> String {
    let ends: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            let end = line.values.iter().rev().find(|value| value.is_finite())?;
            Some(format!("{} {} at {}", line.at + 1, line.name, measure(*end)))
        })
        .collect();
    match ends.is_empty() {
        true => format!("{title}: no values."),
        false => format!("{title} at the end: {}.", ends.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: usize, values: &[f64]) -> Line {
        let steps = (1..=values.len() as u64).collect();
        Line { at, name: format!("<run {at}>"), series: 1, steps, values: values.to_vec() }
    }

    #[test]
    fn lines_differ_without_colour_and_names_are_escaped() {
        let lines = [line(0, &[0.9, 0.5, 0.3]), line(1, &[0.8, f64::NAN, 0.4])];
        let drawn = svg(&lines, Look { smooth: 0.5, ..Look::default() }, "epoch", &summary("Loss", &lines));
        assert!(!drawn.contains("NaN") && !drawn.contains("inf") && !drawn.contains("style="), "{drawn}");
        assert!(!drawn.contains("<run") && drawn.contains("&lt;run 0&gt;"));
        assert!(drawn.contains("stroke-dasharray=\"\"") && drawn.contains("stroke-dasharray=\"6 3\""));
        assert_eq!(drawn.matches("opacity=\"0.25\"").count(), 2, "what was measured stays visible");
        assert!(drawn.contains(">1</text>") && drawn.contains(">2</text>"));
    }

    #[test]
    fn logarithms_leave_out_what_has_none() {
        let lines = [line(0, &[100.0, 10.0, 0.0, -1.0, 1.0])];
        let drawn = svg(&lines, Look { log_y: true, log_x: true, smooth: 0.0 }, "epoch", "x");
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        let scale = Scale::of([1.0, 1000.0].into_iter(), true, 0.0, 300.0, 5, true);
        assert!((scale.at(10.0).unwrap_or_default() - 100.0).abs() < 1e-9);
        assert_eq!(scale.at(0.0), None);
        let labels: Vec<String> = scale.ticks().into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["1", "10", "100", "1,000"]);
        let narrow = Scale::of([0.2, 0.4].into_iter(), true, 0.0, 300.0, 5, true);
        assert!(narrow.ticks().len() >= 2);
        assert!(svg(&[], Look { log_y: true, ..Look::default() }, "epoch", "x").ends_with("</svg>"));
    }

    #[test]
    fn numbers_at_the_ends_do_not_cover_each_other() {
        let lines: Vec<Line> = (0..5).map(|at| line(at, &[1.0, 0.5])).collect();
        let ends = apart(lines.iter().map(|line| (0.0, 200.0, line)).collect());
        assert!(ends.windows(2).all(|pair| pair[1].1 - pair[0].1 >= GAP));
        assert!(ends.iter().all(|end| end.1 <= BOTTOM));
    }
}
