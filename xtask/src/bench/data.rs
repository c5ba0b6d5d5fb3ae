//! How fast tables are read, described and checked, beside the usual Python tools, in the same run on all cores.

use super::Row;
use crate::command::{cargo, find, root, step, succeed, target_dir};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const PYARROW: &str = "pyarrow==26.0.1";
const YDATA: &str = "ydata-profiling==4.18.0";
const EXPECTATIONS: &str = "great_expectations==1.24.1";
const ROWS: &str = "1000000";
/// Ours runs as often as the peers; the fastest counts.
const TIMES: usize = 3;

#[derive(Deserialize)]
struct Figures {
    seconds: f64,
    #[serde(default)]
    peak_mib: f64,
}

/// A table of a million rows and ten columns: CSV to Parquet with zstd (as the peer does it, and with profile and content
/// hashes), the profile of the Parquet file, and ten checks on it.
pub fn measure() -> Result<Vec<Row>> {
    // ydata-profiling still asks setuptools for its resources.
    let (program, python) = (tables()?, python_with("venv-data", &["setuptools<81", PYARROW, YDATA, EXPECTATIONS])?);
    let folder = target_dir()?.join("bench/data");
    fs::create_dir_all(&folder)?;
    let (csv, parquet) = (folder.join("table.csv"), folder.join("table.parquet"));
    succeed(Command::new(&program).args(["generate", ROWS]).arg(&csv))?;
    let own = |arguments: &[&Path], mode: &str| -> Result<Figures> {
        let runs = (0..TIMES).map(|_| run(Command::new(&program).arg(mode).args(arguments)));
        let runs = runs.collect::<Result<Vec<_>>>()?;
        runs.into_iter().min_by(|a, b| a.seconds.total_cmp(&b.seconds)).context("nothing was run")
    };
    let peer = |mode: &str, path: &Path| -> Result<f64> {
        Ok(run(Command::new(&python).arg(root().join("xtask/src/bench/data.py")).arg(mode).arg(path))?.seconds)
    };
    let million = 1e6;
    let store = own(&[&csv, &parquet], "store")?;
    let arrow = million / peer("ingest", &csv)?;
    let ingest = own(&[&csv, &parquet], "ingest")?;
    let profile = own(&[&parquet], "profile")?;
    let checks = own(&[&parquet], "checks")?;
    Ok(vec![
        Row::new("CSV to Parquet", million / store.seconds, "rows/s").against(PYARROW, arrow).at_least_of_peer(3.0),
        Row::new("the same with profile and hashes", million / ingest.seconds, "rows/s").against(PYARROW, arrow),
        Row::new("its most memory", ingest.peak_mib, "MiB"),
        Row::new("profile", million / profile.seconds, "rows/s")
            .against(YDATA, million / peer("profile", &parquet)?)
            .at_least_of_peer(50.0),
        Row::new("profile", profile.seconds, "s").at_most(1.0),
        Row::new("ten checks", million / checks.seconds, "rows/s")
            .against(EXPECTATIONS, million / peer("checks", &parquet)?)
            .at_least_of_peer(1.0),
    ])
}

/// Our side, which also makes the table; of the development build where that is what is measured.
pub fn tables() -> Result<PathBuf> {
    let (profile, folder) = match std::env::var_os("TRAINYARD_PROGRAM") {
        Some(_) => ("dev", "debug"),
        None => ("release", "release"),
    };
    step("Building the bench", "3 min cold", || {
        let package = ["build", "--locked", "--profile", profile, "--package", "trainyard-data", "--example", "tables"];
        succeed(cargo()?.args(package))
    })?;
    Ok(target_dir()?.join(folder).join("examples/tables"))
}

/// A Python that has these packages, in an environment of its own.
pub fn python_with(environment: &str, packages: &[&str]) -> Result<PathBuf> {
    let home = target_dir()?.join("bench").join(environment);
    let python = home.join("bin/python");
    let check = "import sys; from importlib.metadata import version; \
                 assert all(version(n) == v for n, v in (p.split('==') for p in sys.argv[1:] if '==' in p))";
    let ready = |python: &PathBuf| {
        Command::new(python).args(["-c", check]).args(packages).output().is_ok_and(|answer| answer.status.success())
    };
    if !ready(&python) {
        let system =
            find(&["python3"]).context("Python 3 is not here. Install it: apt install python3 python3-venv")?;
        step(&format!("Installing {}", packages.join(", ")), "2 min", || {
            succeed(Command::new(system).args(["-m", "venv"]).arg(&home))?;
            succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))
        })?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<Figures> {
    let answer = command.output().with_context(|| format!("can't start {command:?}"))?;
    if !answer.status.success() {
        bail!("{command:?} ended with {}: {}", answer.status, String::from_utf8_lossy(&answer.stderr));
    }
    let text = String::from_utf8_lossy(&answer.stdout);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).with_context(|| format!("{command:?} printed no figures"))
}
