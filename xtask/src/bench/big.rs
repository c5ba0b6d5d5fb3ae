//! A table larger than memory: described, checked, imported and trained on under a limit of 2 GB.

use super::{Row, cells::Cells, program};
use crate::command::{find, output, root, step, succeed, target_dir};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const LIMIT_MIB: f64 = 2048.0;
/// What training is told to keep to.
const TRAINING_MIB: f64 = 1024.0;
/// Rows of about 81 bytes that make a gigabyte (10⁹ bytes) of CSV.
const ROWS_A_GB: f64 = 12_300_000.0;
/// What Parquet files and what is set aside take besides the CSV, compared with it.
const BESIDES: f64 = 1.5;

/// What the bench reads of a trained model's result.
#[derive(Deserialize)]
struct Trained {
    rows_per_second: f64,
}

#[derive(Deserialize)]
struct Figures {
    seconds: f64,
    peak_mib: f64,
    code: i32,
    limit: String,
}

/// 62 million rows of ten columns, 5 GB of CSV; `TRAINYARD_BENCH_GB` makes it another size.
pub fn measure(cells: &mut Cells) -> Result<Vec<Row>> {
    let gigabytes = match std::env::var("TRAINYARD_BENCH_GB") {
        Ok(text) => text.parse::<f64>().ok().filter(|size| (0.01..=100.0).contains(size)).with_context(|| {
            format!("TRAINYARD_BENCH_GB is '{text}'; it has to be a number of gigabytes from 0.01 to 100")
        })?,
        Err(_) => 5.04,
    };
    let rows = (gigabytes * ROWS_A_GB) as u64;
    let folder = target_dir()?.join("bench/big");
    fs::create_dir_all(&folder)?;
    let csv = table(&folder, rows, gigabytes)?;
    let program = program()?;
    let python =
        find(&["python3"]).context("Python 3 is not here, which measures memory. Install it: apt install python3")?;
    let scratch = folder.join("scratch");
    let mut run = |name: &str, most: f64, arguments: &[&str]| -> Result<Vec<Row>> {
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch)?;
        let what = format!("{name}, {rows} rows");
        let made = cells.get(&what, || {
            let mut command = Command::new(&python);
            command.arg(root().join("xtask/src/bench/limited.py")).arg((LIMIT_MIB as u64 * (1 << 20)).to_string());
            command.arg(&program).args(arguments).env("TMPDIR", &scratch).env("RUST_LOG", "warn").current_dir(&scratch);
            let figures: Figures = serde_json::from_str(&output(&mut command)?).context("no figures were printed")?;
            if figures.code != 0 {
                bail!("{name} ended with {}: its messages are above", figures.code);
            }
            let kept = format!("{what}: most memory ({})", figures.limit);
            let mut found = vec![
                Row::new(what.clone(), rows as f64 / figures.seconds, "rows/s"),
                Row::new(format!("{what}: time"), figures.seconds, "s"),
                Row::new(kept, figures.peak_mib, "MiB").at_most(most),
            ];
            if let Ok(result) = fs::read(scratch.join("model/result.json")) {
                let trained: Trained = serde_json::from_slice(&result).context("the training's result is no result")?;
                found.push(Row::new(format!("{what}: while fitting"), trained.rows_per_second, "train rows/s"));
            }
            Ok(found)
        });
        let _ = fs::remove_dir_all(&scratch);
        made
    };
    let (file, suite) = (csv.to_string_lossy(), root().join("xtask/src/bench/big.json"));
    let suite = suite.to_string_lossy();
    let mut found = run("profile", LIMIT_MIB, &["data", "profile", "--minimal", "--data", &file])?;
    found.extend(run("ten checks", LIMIT_MIB, &["data", "check", "--data", &file, "--suite", &suite])?);
    found.extend(run("import", LIMIT_MIB, &["dataset", "import", "--data-dir", "data", "--name", "Big", &file])?);
    let limit = format!("{TRAINING_MIB:.0}M");
    for family in ["realmlp", "trees"] {
        let arguments: [&str; 9] =
            ["train", "--data", &file, "--target", "score", "--family", family, "--budget", "60"];
        let rest: [&str; 6] = ["--device", "cpu", "--memory-limit", &limit, "--out", "model"];
        found.extend(run(&format!("training {family}"), TRAINING_MIB, &[&arguments[..], &rest[..]].concat())?);
    }
    Ok(found)
}

/// The table, made once: generated again only where it is not there.
fn table(folder: &Path, rows: u64, gigabytes: f64) -> Result<PathBuf> {
    let csv = folder.join(format!("table-{rows}.csv"));
    let here = csv.exists();
    let free = free_bytes(folder)?;
    let needed = gigabytes * 1e9 * if here { BESIDES } else { 1.0 + BESIDES };
    eprintln!("    {:.1} GB are free in {}, {:.1} GB are needed", free / 1e9, folder.display(), needed / 1e9);
    if free < needed {
        bail!("the disk has too little room. Free some, or set TRAINYARD_BENCH_GB to a smaller size");
    }
    if !here {
        let generator = super::data::tables()?;
        step(&format!("Writing {rows} rows"), "a minute for 5 GB", || {
            let part = csv.with_extension("part");
            succeed(Command::new(&generator).args(["generate", &rows.to_string()]).arg(&part))?;
            Ok(fs::rename(&part, &csv)?)
        })?;
    }
    Ok(csv)
}

fn free_bytes(folder: &Path) -> Result<f64> {
    let text = output(Command::new("df").args(["--output=avail", "-B1"]).arg(folder))?;
    let line = text.lines().last().unwrap_or_default().trim();
    line.parse().with_context(|| format!("df printed '{line}' for the free space"))
}
