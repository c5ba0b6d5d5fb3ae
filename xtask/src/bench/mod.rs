//! `cargo xtask bench`: figures with the goals that the product holds itself to.

mod big;
mod cells;
mod data;
mod export;
mod flights;
mod http;
mod pages;
mod peer;
mod quality;
mod site_size;
mod speed;

use crate::{command::target_dir, run};
use anyhow::{Result, bail};
use cells::Cells;
use serde::{Deserialize, Serialize};
use std::{fs, path::PathBuf};

/// One measured figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    /// None where it was skipped.
    pub value: Option<f64>,
    pub unit: String,
    /// Another program, and its figure from the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_value: Option<f64>,
    /// Ours divided by the peer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// What the product holds itself to, in words, and whether the figure keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// Why there is no figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

impl Row {
    pub fn new(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self {
            name: name.into(),
            value: Some(value),
            unit: unit.to_owned(),
            peer: None,
            peer_value: None,
            ratio: None,
            goal: None,
            holds: None,
            skipped: None,
        }
    }

    pub fn skipped(name: &str, why: &str) -> Self {
        Self { value: None, skipped: Some(why.to_owned()), ..Self::new(name, 0.0, "") }
    }

    pub fn against(mut self, peer: &str, value: f64) -> Self {
        self.peer = Some(peer.to_owned());
        self.peer_value = Some(value);
        self.ratio = self.value.map(|own| own / value);
        self
    }

    /// The goal is a multiple of the peer's figure.
    pub fn at_least_of_peer(mut self, times: f64) -> Self {
        self.goal = Some(format!("at least {times} x the peer"));
        self.holds = Some(self.ratio.is_some_and(|ratio| ratio >= times));
        self
    }

    /// The goal is a value that the figure must not pass.
    pub fn at_most(mut self, limit: f64) -> Self {
        self.goal = Some(format!("at most {limit} {}", self.unit));
        self.holds = Some(self.value.is_some_and(|value| value <= limit));
        self
    }
}

/// The program that is measured: the release, or the one that `TRAINYARD_PROGRAM` names.
fn program() -> Result<PathBuf> {
    match std::env::var_os("TRAINYARD_PROGRAM") {
        Some(program) => Ok(fs::canonicalize(program)?),
        None => run::build_release(),
    }
}

type Measure = fn(&mut Cells) -> Result<Vec<Row>>;

const PARTS: [(&str, Measure); 7] = [
    ("site", |cells| cells.get("site", site_size::measure)),
    ("pages", |cells| cells.get("pages", pages::measure)),
    ("speed", |cells| cells.get("speed", speed::measure)),
    ("export", |cells| cells.get("export", export::measure)),
    ("data", |cells| Ok([cells.get("tables", data::measure)?, flights::measure(cells)?].concat())),
    ("quality", quality::measure),
    ("big", big::measure),
];

/// What takes longer than the rest together.
const LONG: [&str; 2] = ["quality", "big"];

/// Runs the parts named, prints a table of each and writes it to `<target>/bench/NAME.json`. `full` runs all, and goes on
/// where an earlier full run was cut off; `quick`, or no name, all but the tables
/// larger than memory and the models' quality, which goes on as well when it is asked for by name.
pub fn bench(names: &[String]) -> Result<()> {
    let (mut wanted, mut resume): (Vec<&str>, bool) = (Vec::new(), false);
    for name in names {
        match name.as_str() {
            "full" => {
                wanted.extend(PARTS.map(|(part, _)| part));
                resume = true;
            }
            "quick" => wanted.extend(PARTS.map(|(part, _)| part).iter().filter(|part| !LONG.contains(part))),
            name if PARTS.iter().any(|(part, _)| name == *part) => wanted.push(name),
            unknown => bail!(
                "there is no measurement '{unknown}'. There are: {}, and quick and full",
                PARTS.map(|(part, _)| part).join(", ")
            ),
        }
    }
    if wanted.is_empty() {
        wanted.extend(PARTS.map(|(part, _)| part).iter().filter(|part| !LONG.contains(part)));
    }
    let folder = target_dir()?.join("bench");
    fs::create_dir_all(&folder)?;
    let mut open = Vec::new();
    for (part, measure) in PARTS {
        if !wanted.contains(&part) {
            continue;
        }
        let mut cells = Cells::open(&folder.join(format!("{part}.cells.json")), resume || part == "quality")?;
        let rows = measure(&mut cells)?;
        print(part, &rows);
        fs::write(folder.join(format!("{part}.json")), serde_json::to_string_pretty(&rows)?)?;
        open.push(cells);
    }
    open.into_iter().for_each(Cells::done);
    eprintln!("Written to {}", folder.display());
    Ok(())
}

fn print(part: &str, rows: &[Row]) {
    println!("\n{part}");
    for row in rows {
        let Some(value) = row.value else {
            println!("  {:<44} SKIPPED {}", row.name, row.skipped.as_deref().unwrap_or_default());
            continue;
        };
        let goal = match (&row.goal, row.holds) {
            (Some(goal), Some(true)) => format!("{goal}: holds"),
            (Some(goal), _) => format!("{goal}: MISSED"),
            _ => String::new(),
        };
        println!("  {:<44} {:>12} {:<8} {goal}", row.name, figure(value), row.unit);
        if let (Some(peer), Some(value), Some(ratio)) = (&row.peer, row.peer_value, row.ratio) {
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
