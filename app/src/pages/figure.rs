//! Charts that the server drew: the drawing with its finding as heading, its sentence, its numbers as a table, and
//! files to take away.

use crate::browser;
use leptos::prelude::*;
use trainyard_types::{
    evaluation::{Chart, ChartTable},
    glossary,
};

/// A metric as a page names it: the glossary's word, or its own with spaces; with a capital first letter.
pub fn metric_title(name: &str) -> String {
    capital(&glossary::title(name))
}

/// The text with a capital first letter.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// A drawing for paper or a slide: the theme's variables become the light colours that stand beside them.
pub fn printed(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len());
    let mut rest = svg;
    while let Some(at) = rest.find("var(--") {
        out.push_str(&rest[..at]);
        let inner = &rest[at + 4..];
        let Some(end) = inner.find(')') else { break };
        let fallback = inner[..end].split_once(',').map_or("currentColor", |(_, fallback)| fallback.trim());
        out.push_str(fallback);
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    // The page sets the type of its own drawings by class; a file has to say it.
    if out.contains("font-family") {
        out
    } else {
        out.replacen("<svg ", "<svg font-family=\"system-ui, sans-serif\" font-size=\"12\" ", 1)
    }
}

/// The table as CSV; what a spreadsheet would take for a formula is quoted by an apostrophe.
pub fn table_csv(table: &ChartTable) -> String {
    let line = |cells: &[String]| cells.iter().map(|cell| csv_cell(cell)).collect::<Vec<_>>().join(",");
    let mut out = line(&table.columns);
    for row in &table.rows {
        out.push('\n');
        out.push_str(&line(row));
    }
    out.push('\n');
    out
}

fn csv_cell(cell: &str) -> String {
    let cell =
        if cell.starts_with(['=', '+', '@', '\t', '\r']) || (cell.starts_with('-') && cell.parse::<f64>().is_err()) {
            format!("'{cell}")
        } else {
            cell.to_owned()
        };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

/// One chart with everything that belongs to it.
#[component]
pub fn ChartFigure(chart: Chart) -> impl IntoView {
    let Chart { id, title, summary, svg, table } = chart;
    let has_table = !table.columns.is_empty();
    let drawing = StoredValue::new(svg.clone());
    let numbers = StoredValue::new(table.clone());
    let name = StoredValue::new(id);
    let save_svg = move |_| {
        browser::save(&format!("{}.svg", name.get_value()), "image/svg+xml", &drawing.with_value(|svg| printed(svg)))
    };
    let save_png =
        move |_| browser::save_png(&format!("{}.png", name.get_value()), &drawing.with_value(|svg| printed(svg)));
    let save_csv =
        move |_| browser::save(&format!("{}.csv", name.get_value()), "text/csv", &numbers.with_value(table_csv));
    let numeric: Vec<bool> = (0..table.columns.len())
        .map(|i| table.rows.iter().all(|row| row.get(i).is_none_or(|cell| looks_numeric(cell))))
        .collect();
    let class = move |i: usize| if numeric.get(i).copied().unwrap_or(false) { "num" } else { "" };
    let heads = table
        .columns
        .iter()
        .enumerate()
        .map(|(i, c)| view! { <th scope="col" class=class(i)>{c.clone()}</th> })
        .collect_view();
    let rows = table
        .rows
        .iter()
        .map(|row| {
            let cells =
                row.iter().enumerate().map(|(i, cell)| view! { <td class=class(i)>{cell.clone()}</td> }).collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <figure class="figure">
            <figcaption><span class="figure-title">{title}</span></figcaption>
            <div class="figure-plot" inner_html=svg></div>
            <p class="figure-summary">{summary}</p>
            <div class="figure-foot">
                {has_table.then(|| view! {
                    <details class="figure-table">
                        <summary>"Table"</summary>
                        <div class="table-wrap" tabindex="0">
                            <table class="table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>
                        </div>
                    </details>
                })}
                <button type="button" class="button quiet small needs-script" on:click=save_svg>"SVG"</button>
                <button type="button" class="button quiet small needs-script" on:click=save_png>"PNG"</button>
                {has_table.then(|| view! { <button type="button" class="button quiet small needs-script" on:click=save_csv>"CSV"</button> })}
            </div>
        </figure>
    }
    .into_any()
}

fn looks_numeric(cell: &str) -> bool {
    let cell = cell.replace([',', '%', '\u{a0}', ' '], "");
    cell.is_empty() || cell == "–" || cell.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_drawing_has_colours_of_its_own() {
        let svg = "<svg a=\"var(--series-1, #1f5fbf)\" b=\"var(--text)\"></svg>";
        assert_eq!(
            printed(svg),
            "<svg font-family=\"system-ui, sans-serif\" font-size=\"12\" a=\"#1f5fbf\" b=\"currentColor\"></svg>"
        );
    }

    #[test]
    fn no_cell_becomes_a_formula() {
        let table = ChartTable {
            columns: vec!["a".into(), "b,c".into()],
            rows: vec![vec!["=1+1".into(), "-0.5".into()], vec!["-x".into(), "say \"hi\"".into()]],
        };
        assert_eq!(table_csv(&table), "a,\"b,c\"\n'=1+1,-0.5\n'-x,\"say \"\"hi\"\"\"\n");
    }
}
