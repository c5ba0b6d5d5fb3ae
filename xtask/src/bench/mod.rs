//! `cargo xtask bench`: figures with the goals that the product holds itself to.

mod http;
mod pages;
mod site_size;

use crate::command::target_dir;
use anyhow::{Result, bail};
use serde_json::json;
use std::fs;

/// One measured figure.
pub struct Row {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    /// What the product holds itself to, in words, and whether the figure keeps it.
    pub goal: Option<(String, bool)>,
}

impl Row {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, goal: None }
    }

    /// The goal is a value that the figure must not pass.
    pub fn at_most(mut self, limit: f64) -> Self {
        self.goal = Some((format!("at most {limit} {}", self.unit), self.value <= limit));
        self
    }
}

type Measure = fn() -> Result<Vec<Row>>;

const PARTS: [(&str, Measure); 2] = [("site", site_size::measure), ("pages", pages::measure)];

/// Runs the parts named, or all, prints a table of each and writes it to `<target>/bench/NAME.json`.
pub fn bench(names: &[String]) -> Result<()> {
    let names: Vec<&String> = names.iter().filter(|name| *name != "quick").collect();
    if let Some(unknown) = names.iter().find(|name| PARTS.iter().all(|(part, _)| name.as_str() != *part)) {
        bail!("there is no measurement '{unknown}'. There are: {}", PARTS.map(|(part, _)| part).join(", "));
    }
    let folder = target_dir()?.join("bench");
    fs::create_dir_all(&folder)?;
    for (part, measure) in PARTS {
        if !names.is_empty() && !names.iter().any(|name| *name == part) {
            continue;
        }
        let rows = measure()?;
        print(part, &rows);
        let rows: Vec<_> = rows.iter().map(as_json).collect();
        fs::write(folder.join(format!("{part}.json")), serde_json::to_string_pretty(&rows)?)?;
    }
    eprintln!("Written to {}", folder.display());
    Ok(())
}

fn as_json(row: &Row) -> serde_json::Value {
    json!({
        "name": row.name, "value": row.value, "unit": row.unit,
        "peer": null, "peer_value": null, "ratio": null,
        "goal": row.goal.as_ref().map(|(goal, _)| goal),
        "holds": row.goal.as_ref().map(|(_, holds)| holds),
    })
}

fn print(part: &str, rows: &[Row]) {
    println!("\n{part}");
    for row in rows {
        let goal = match &row.goal {
            Some((goal, true)) => format!("{goal}: holds"),
            Some((goal, false)) => format!("{goal}: MISSED"),
            None => String::new(),
        };
        println!("  {:<44} {:>12} {:<8} {goal}", row.name, figure(row.value), row.unit);
    }
}

/// Three significant figures, or whole numbers from 100 on.
fn figure(value: f64) -> String {
    if value == 0.0 || value.abs() >= 100.0 {
        return format!("{value:.0}");
    }
    let digits = (2.0 - value.abs().log10().floor()).max(0.0) as usize;
    format!("{value:.digits$}")
}
