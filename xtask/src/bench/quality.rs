//! How good our models are on well-known tables, beside LightGBM and scikit-learn on the same rows of the same splits.
//! A cell is one model on one split; each is kept as soon as it is measured.

use super::{Row, cells::Cells, data::python_with, program};
use crate::command::{root, succeed, target_dir};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Names a folder of well-known data sets.
const DATA_SETS: &str = "TRAINYARD_DATA_SETS";
const PACKAGES: [&str; 5] =
    ["lightgbm==4.7.0", "scikit-learn==1.9.1", "pandas==2.3.3", "pyarrow==26.0.1", "numpy==2.4.6"];
/// Holds the Otto table; installed without what it depends on.
const OTTO: &str = "PDPbox==0.3.0";
const LIGHTGBM: &str = "lightgbm 4.7.0, same splits";
const FAMILIES: [&str; 5] = ["trees", "boosting", "realmlp", "tabm", "auto"];
const SEEDS: u32 = 3;

/// A table, and the published mean test score of tuned LightGBM on splits of the same shares (TabR's repository, 15 seeds).
struct Table {
    name: &'static str,
    target: &'static str,
    task: &'static str,
    metric: &'static str,
    /// Divides the metric: published scores are of standardised targets.
    unit: f64,
    published: f64,
}

const TABLES: [Table; 4] = [
    Table {
        name: "california",
        target: "MedHouseVal",
        task: "regression",
        metric: "rmse",
        unit: 1.0,
        published: 0.4352,
    },
    Table { name: "adult", target: "income", task: "classification", metric: "accuracy", unit: 1.0, published: 0.8713 },
    Table { name: "diamonds", target: "price", task: "regression", metric: "rmse", unit: 3989.4, published: 0.1359 },
    Table { name: "otto", target: "target", task: "classification", metric: "accuracy", unit: 1.0, published: 0.8302 },
];

impl Table {
    fn smaller_is_better(&self) -> bool {
        self.task == "regression"
    }
}

/// Mean test scores over three splits and seeds, of each family, and of whichever is best on the validation rows.
pub fn measure(cells: &mut Cells) -> Result<Vec<Row>> {
    let Some(sets) = env::var_os(DATA_SETS).map(PathBuf::from) else {
        let why = format!("{DATA_SETS} does not name the folder of the data sets");
        return Ok(TABLES.map(|table| Row::skipped(table.name, &why)).to_vec());
    };
    let program = program()?;
    let python = python_with("venv-quality", &PACKAGES)?;
    succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--no-deps", OTTO]))?;
    let folder = target_dir()?.join("bench/quality");
    fs::create_dir_all(&folder)?;
    let mut rows = Vec::new();
    for table in &TABLES {
        let mut scores: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut best = Vec::new();
        for seed in 0..SEEDS {
            let file = folder.join(format!("{}-{seed}.csv", table.name));
            if !file.exists() {
                let mut make = Command::new(&python);
                make.arg(script()).args(["table", table.name, &seed.to_string()]).arg(&sets).arg(&file);
                succeed(&mut make)?;
            }
            let mut kept: Option<(f64, f64)> = None;
            for family in FAMILIES {
                let name = format!("{} {family} {seed}", table.name);
                let found = cells.get(&name, || ours(&program, &file, table, family, seed))?;
                let [test, valid] = [0, 1].map(|i| found.get(i).and_then(|row| row.value).unwrap_or(f64::NAN));
                scores.entry(family.to_owned()).or_default().push(test);
                let better = |old: f64| if table.smaller_is_better() { valid < old } else { valid > old };
                if kept.is_none_or(|(_, old)| better(old)) {
                    kept = Some((test, valid));
                }
            }
            best.extend(kept.map(|(test, _)| test));
            let name = format!("{} peers {seed}", table.name);
            for row in cells.get(&name, || peers(&python, &file, table, seed))? {
                scores.entry(row.name).or_default().extend(row.value);
            }
        }
        rows.extend(summarised(table, &scores, &best));
    }
    Ok(rows)
}

fn script() -> PathBuf {
    root().join("xtask/src/bench/quality.py")
}

#[derive(Deserialize)]
struct Told {
    metrics: BTreeMap<String, BTreeMap<String, Option<f64>>>,
}

/// The score on the test rows, and on the validation rows.
fn ours(program: &Path, file: &Path, table: &Table, family: &str, seed: u32) -> Result<Vec<Row>> {
    let mut train = Command::new(program);
    train.args(["train", "--json", "--device", "cpu", "--split-column", "part", "--target", table.target]);
    train.args(["--family", family, "--seed", &seed.to_string(), "--data"]).arg(file);
    // The recipe, whatever the time; TabM ends by its patience.
    let epochs = match family {
        "realmlp" => Some("256"),
        "tabm" => Some("200"),
        _ => None,
    };
    if let Some(epochs) = epochs {
        train.args(["--epochs", epochs]);
    }
    let answer = train.arg("--out").arg(file.with_extension(family)).output()?;
    if !answer.status.success() {
        bail!("{train:?} ended with {}: {}", answer.status, String::from_utf8_lossy(&answer.stderr));
    }
    let told: Told = serde_json::from_slice(&answer.stdout).context("the program printed no figures")?;
    ["test", "valid"]
        .into_iter()
        .map(|part| {
            let value = told.metrics.get(part).and_then(|m| m.get(table.metric).copied().flatten());
            let value = value.with_context(|| format!("there is no {} of the part {part}", table.metric))?;
            Ok(Row::new(format!("{} {family}, {part}", table.name), value / table.unit, table.metric))
        })
        .collect()
}

fn peers(python: &Path, file: &Path, table: &Table, seed: u32) -> Result<Vec<Row>> {
    let mut command = Command::new(python);
    command.arg(script()).arg("peers").arg(file).args([table.target, table.task, &seed.to_string()]);
    let answer = command.output()?;
    if !answer.status.success() {
        bail!("{command:?} ended with {}: {}", answer.status, String::from_utf8_lossy(&answer.stderr));
    }
    let told: BTreeMap<String, BTreeMap<String, f64>> =
        serde_json::from_slice(&answer.stdout).context("the peers printed no figures")?;
    told.into_iter()
        .map(|(peer, metrics)| {
            let value = metrics.get(table.metric).with_context(|| format!("{peer} has no {}", table.metric))?;
            Ok(Row::new(peer, value / table.unit, table.metric))
        })
        .collect()
}

fn summarised(table: &Table, scores: &BTreeMap<String, Vec<f64>>, best: &[f64]) -> Vec<Row> {
    let peer = scores.get("lightgbm").map_or(f64::NAN, |scores| mean(scores));
    let row = |name: &str, scores: &[f64]| {
        let name = format!("{} {}: {name} (± {:.4})", table.name, table.metric, deviation(scores));
        Row::new(name, mean(scores), "").against(LIGHTGBM, peer)
    };
    let mut rows: Vec<Row> =
        scores.iter().filter(|(name, _)| *name != "lightgbm").map(|(name, scores)| row(name, scores)).collect();
    let mut own = row("best on validation", best);
    let sign = if table.smaller_is_better() { "at most" } else { "at least" };
    own.goal = Some(format!("{sign} {} (tuned LightGBM, published)", table.published));
    own.holds = own
        .value
        .map(|value| if table.smaller_is_better() { value <= table.published } else { value >= table.published });
    rows.push(own);
    rows
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Of a sample.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len().max(2) - 1) as f64).sqrt()
}
