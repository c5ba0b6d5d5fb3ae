//! `cargo xtask bench`: figures with the goals that the product holds itself to.

mod data;
mod export;
mod http;
mod pages;
mod peer;
mod site_size;
mod speed;

use crate::command::target_dir;
use anyhow::{Result, bail};
use serde_json::json;
use std::fs;

/// One measured figure.
pub struct Row {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    /// Another program's figure from the same run, and its name.
    pub peer: Option<(&'static str, f64)>,
    /// What the product holds itself to, in words, and whether the figure keeps it.
    pub goal: Option<(String, bool)>,
}

impl Row {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, peer: None, goal: None }
    }

    pub fn against(mut self, peer: &'static str, value: f64) -> Self {
        self.peer = Some((peer, value));
        self
    }

    /// Ours divided by the peer's.
    fn ratio(&self) -> Option<f64> {
        self.peer.map(|(_, value)| self.value / value)
    }

    /// The goal is a multiple of the peer's figure.
    pub fn at_least_of_peer(mut self, times: f64) -> Self {
        let holds = self.ratio().is_some_and(|ratio| ratio >= times);
        self.goal = Some((format!("at least {times} x the peer"), holds));
        self
    }

    /// The goal is a value that the figure must not pass.
    pub fn at_most(mut self, limit: f64) -> Self {
        self.goal = Some((format!("at most {limit} {}", self.unit), self.value <= limit));
        self
    }
}

type Measure = fn() -> Result<Vec<Row>>;

const PARTS: [(&str, Measure); 5] = [
    ("site", site_size::measure),
    ("pages", pages::measure),
    ("speed", speed::measure),
    ("export", export::measure),
    ("data", data::measure),
];

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
        "peer": row.peer.map(|(peer, _)| peer), "peer_value": row.peer.map(|(_, value)| value), "ratio": row.ratio(),
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
        if let (Some((peer, value)), Some(ratio)) = (row.peer, row.ratio()) {
            println!("  {:<44} {:>12} {:<8} ratio {}", format!("  {peer}"), figure(value), row.unit, figure(ratio));
        }
    }
}

/// Three significant figures, or whole numbers from 100 on.
fn figure(value: f64) -> String {
    if value == 0.0 || value.abs() >= 100.0 {
        return format!("{value:.0}");
    }
    if value.abs() < 1e-3 {
        return format!("{value:.2e}");
    }
    let digits = (2.0 - value.abs().log10().floor()).max(0.0) as usize;
    format!("{value:.digits$}")
}
