//! A pipeline's steps, drawn from left to right.

use super::step_look;
use crate::format::{count, escape};
use leptos::prelude::*;
use std::{collections::HashMap, fmt::Write};
use trainyard_types::pipeline::{Pipeline, StepReport, layers};
use wasm_bindgen::JsCast;

const WIDTH: f64 = 168.0;
const HEIGHT: f64 = 44.0;
const GAP_X: f64 = 48.0;
const GAP_Y: f64 = 14.0;
/// Characters of a line that fit a box.
const FITS: usize = 22;

/// The drawing; with reports, each step's state is in it.
pub(super) fn drawing(document: &Pipeline, reports: &[StepReport]) -> AnyView {
    let svg = draw(document, reports, Marks::default());
    view! { <div class="lineage" tabindex="0" role="region" aria-label="Steps" inner_html=svg></div> }.into_any()
}

/// The drawing with one step chosen; a click on a step says which. The list of steps beside it does the same by keyboard.
pub(super) fn clickable(document: &Pipeline, chosen: &str, faulty: &[String], on_step: Callback<String>) -> AnyView {
    let svg = draw(document, &[], Marks { chosen, faulty });
    let press = move |event: leptos::ev::MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let node = target.and_then(|target| target.closest("[data-step]").ok().flatten());
        if let Some(step) = node.and_then(|node| node.get_attribute("data-step")) {
            on_step.run(step);
        }
    };
    view! { <div class="lineage clickable" tabindex="0" role="region" aria-label="Drawing of the steps" on:click=press inner_html=svg></div> }
        .into_any()
}

/// What stands out in a drawing.
#[derive(Clone, Copy, Default)]
struct Marks<'a> {
    chosen: &'a str,
    faulty: &'a [String],
}

fn draw(document: &Pipeline, reports: &[StepReport], marks: Marks<'_>) -> String {
    let layers = layers(document);
    let tallest = layers.iter().map(Vec::len).max().unwrap_or(0);
    let place = |n: usize| n as f64 * (HEIGHT + GAP_Y);
    let (width, height) = (layers.len() as f64 * (WIDTH + GAP_X) - GAP_X + 2.0, place(tallest) - GAP_Y + 2.0);
    let mut places: HashMap<&str, (f64, f64)> = HashMap::new();
    for (column, layer) in layers.iter().enumerate() {
        // Each column stands in the middle.
        let top = (place(tallest) - place(layer.len())) / 2.0;
        for (row, &i) in layer.iter().enumerate() {
            places.insert(document.steps[i].id.as_str(), (column as f64 * (WIDTH + GAP_X), top + place(row)));
        }
    }
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-1 -1 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"The steps and what they take from each other; the table below says the same\">"
    );
    for step in &document.steps {
        let Some(&(x2, y2)) = places.get(step.id.as_str()) else { continue };
        for from in step.needs() {
            let Some(&(x1, y1)) = places.get(from.as_str()) else { continue };
            let (from, to) = ((x1 + WIDTH, y1 + HEIGHT / 2.0), (x2, y2 + HEIGHT / 2.0));
            let middle = (from.0 + to.0) / 2.0;
            let path = format!("M{} {} C{middle} {} {middle} {} {} {}", from.0, from.1, from.1, to.1, to.0, to.1);
            let _ = write!(out, "<path class=\"lineage-edge\" d=\"{path}\"/>");
        }
    }
    for step in &document.steps {
        let Some(&(x, y)) = places.get(step.id.as_str()) else { continue };
        let report = reports.iter().find(|report| report.id == step.id);
        let state = report.map_or("plain", |report| report.state.as_str());
        let chosen = if marks.chosen == step.id.as_str() { " chosen" } else { "" };
        let faulty = if marks.faulty.iter().any(|id| id == step.id.as_str()) { " step-failed" } else { "" };
        let detail = match report {
            None => step.kind.replace('_', " "),
            Some(report) => {
                let rows = report.rows.map(|rows| format!(", {} rows", count(rows))).unwrap_or_default();
                format!("{}{rows}", step_look(report.state).2)
            }
        };
        let _ = write!(
            out,
            "<g class=\"lineage-node step-{state}{chosen}{faulty}\" data-step=\"{0}\"><title>{0}: {1}</title>\
             <rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\
             <text class=\"lineage-title\" x=\"{2}\" y=\"{3}\">{4}</text>\
             <text class=\"lineage-detail\" x=\"{2}\" y=\"{5}\">{6}</text></g>",
            escape(step.id.as_str()),
            escape(&detail),
            x + 10.0,
            y + 19.0,
            escape(&cut(step.id.as_str())),
            y + 35.0,
            escape(&cut(&detail)),
        );
    }
    out.push_str("</svg>");
    out
}

fn cut(text: &str) -> String {
    if text.chars().count() <= FITS {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(FITS - 1).collect();
    short.push('…');
    short
}
