//! Where versions came from and what was made of them, drawn from left to right.

use crate::{
    components::*,
    format::{counted, escape},
};
use leptos::prelude::*;
use std::{collections::HashMap, fmt::Write};
use trainyard_types::catalog::{Lineage, LineageKind, LineageNode};

const WIDTH: f64 = 200.0;
const HEIGHT: f64 = 44.0;
const GAP_X: f64 = 64.0;
const GAP_Y: f64 = 14.0;
const HEAD: f64 = 24.0;
/// Characters of a node's lines that fit its box.
const FITS: usize = 27;

/// The drawing, and the same as a list.
pub fn graph(project: &str, lineage: Lineage) -> AnyView {
    let drawing = draw(project, &lineage);
    let list = lineage
        .nodes
        .iter()
        .map(|node| {
            let from: Vec<&str> = lineage
                .edges
                .iter()
                .filter(|edge| edge.to == node.id)
                .filter_map(|edge| lineage.nodes.iter().find(|n| n.id == edge.from))
                .map(|n| n.title.as_str())
                .collect();
            let href = (!node.path.is_empty()).then(|| format!("/p/{project}/{}", node.path));
            let (kind, title, detail) = (one(node.kind), node.title.clone(), node.detail.clone());
            let from = from.join(", ");
            view! {
                <Row>
                    <Cell label="Kind">{kind}</Cell>
                    <Cell label="Name" main=true>{match href {
                        Some(href) => view! { <a href=href>{title}</a> }.into_any(),
                        None => title.into_any(),
                    }}</Cell>
                    <Cell label="State">{detail}</Cell>
                    <Cell label="Made from">{from}</Cell>
                </Row>
            }
        })
        .collect_view();
    let heads = vec![Column::text("Kind"), Column::text("Name"), Column::text("State"), Column::text("Made from")];
    let left_out = (lineage.left_out > 0).then(|| {
        view! { <p class="muted">{format!("{} not drawn.", counted(lineage.left_out, "further version or run is", "further versions and runs are"))}</p> }
    });
    view! {
        <div class="lineage" tabindex="0" role="region" aria-label="Lineage" inner_html=drawing></div>
        {left_out}
        <details class="as-table">
            <summary>"As a table"</summary>
            <DataTable caption="Lineage" columns=heads>{list}</DataTable>
        </details>
    }
    .into_any()
}

fn one(kind: LineageKind) -> &'static str {
    match kind {
        LineageKind::Source => "Source",
        LineageKind::Pipeline | LineageKind::Reader => "Pipeline run",
        LineageKind::Version | LineageKind::Written => "Version",
        LineageKind::Run => "Run",
        LineageKind::Model => "Model",
        LineageKind::Endpoint => "Endpoint",
    }
}

fn draw(project: &str, lineage: &Lineage) -> String {
    let mut places: HashMap<&str, (f64, f64)> = HashMap::new();
    let (mut x, mut tallest) = (0.0, 0.0_f64);
    let mut heads = Vec::new();
    for kind in LineageKind::ALL {
        let nodes: Vec<&LineageNode> = lineage.nodes.iter().filter(|node| node.kind == kind).collect();
        if nodes.is_empty() {
            continue;
        }
        heads.push((x, kind.title()));
        for (i, node) in nodes.iter().enumerate() {
            let y = HEAD + i as f64 * (HEIGHT + GAP_Y);
            places.insert(&node.id, (x, y));
            tallest = tallest.max(y + HEIGHT);
        }
        x += WIDTH + GAP_X;
    }
    let (width, height) = ((x - GAP_X).max(WIDTH) + 2.0, tallest + 2.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-1 -1 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"group\" aria-label=\"Lineage graph; the table below says the same\">"
    );
    for (x, title) in heads {
        let _ = write!(out, "<text class=\"lineage-head\" x=\"{x}\" y=\"12\">{title}</text>");
    }
    for edge in &lineage.edges {
        let (Some(&(x1, y1)), Some(&(x2, y2))) = (places.get(edge.from.as_str()), places.get(edge.to.as_str())) else {
            continue;
        };
        let path = if x1 == x2 {
            // One version after the other: straight down.
            format!("M{} {} V{}", x1 + WIDTH / 2.0, y1.min(y2) + HEIGHT, y1.max(y2))
        } else {
            let (from, to) = ((x1 + WIDTH, y1 + HEIGHT / 2.0), (x2, y2 + HEIGHT / 2.0));
            let middle = (from.0 + to.0) / 2.0;
            format!("M{} {} C{middle} {} {middle} {} {} {}", from.0, from.1, from.1, to.1, to.0, to.1)
        };
        let _ = write!(out, "<path class=\"lineage-edge\" d=\"{path}\"/>");
    }
    for node in &lineage.nodes {
        let Some(&(x, y)) = places.get(node.id.as_str()) else { continue };
        let mut body = format!("<title>{}</title>", escape(&format!("{} {}", node.title, node.detail)));
        let _ = write!(body, "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>");
        let one_line = node.detail.is_empty();
        let title_y = if one_line { y + 27.0 } else { y + 19.0 };
        let _ = write!(
            body,
            "<text class=\"lineage-title\" x=\"{}\" y=\"{title_y}\">{}</text>",
            x + 10.0,
            escape(&cut(&node.title))
        );
        if !one_line {
            let detail = escape(&cut(&node.detail));
            let _ =
                write!(body, "<text class=\"lineage-detail\" x=\"{}\" y=\"{}\">{detail}</text>", x + 10.0, y + 35.0);
        }
        let kind = format!("{:?}", node.kind).to_lowercase();
        if node.path.is_empty() {
            let _ = write!(out, "<g class=\"lineage-node {kind}\">{body}</g>");
        } else {
            let href = escape(&format!("/p/{project}/{}", node.path));
            let _ = write!(out, "<a href=\"{href}\" class=\"lineage-node {kind}\">{body}</a>");
        }
    }
    out.push_str("</svg>");
    out
}

fn cut(text: &str) -> String {
    if text.chars().count() <= FITS {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(FITS - 1).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use trainyard_types::catalog::LineageEdge;

    #[test]
    fn names_are_escaped_and_edges_lead_somewhere() {
        let node = |id: &str, kind, title: &str| LineageNode {
            id: id.into(),
            kind,
            title: title.into(),
            detail: String::new(),
            path: String::new(),
        };
        let lineage = Lineage {
            nodes: vec![node("a", LineageKind::Source, "<b>.csv"), node("b", LineageKind::Version, "B")],
            edges: vec![
                LineageEdge { from: "a".into(), to: "b".into() },
                LineageEdge { from: "a".into(), to: "gone".into() },
            ],
            left_out: 0,
        };
        let svg = draw("p", &lineage);
        assert!(svg.contains("&lt;b&gt;.csv") && !svg.contains("<b>") && !svg.contains("style="));
        assert_eq!(svg.matches("<path").count(), 1);
    }
}
