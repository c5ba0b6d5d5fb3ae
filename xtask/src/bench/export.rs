//! Exported models in onnxruntime: whether it answers as `infer` does, and how fast each is, on one core in the same run.

use super::{Row, peer};
use crate::{
    command::{cargo, root, step, succeed, target_dir},
    run::build_release,
};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const PEER: &str = "onnxruntime==1.32.0";
/// Names a folder of well-known data sets.
const DATA_SETS: &str = "TRAINYARD_DATA_SETS";
const SETS: [(&str, &str, &str); 2] =
    [("adult", "adult_train.csv", "income"), ("california", "california_housing.parquet", "MedHouseVal")];
const FAMILIES: [&str; 8] = ["linear", "realmlp", "tabm", "fttransformer", "trees", "boosting", "forest", "auto"];
/// Answers may differ by this much: probabilities, or values in standard deviations.
const TOLERANCE: f64 = 1e-5;

#[derive(Deserialize)]
struct Told {
    name: String,
    difference: f64,
    /// The same of a predictor that was written from the description of the model file.
    described: Option<f64>,
    one_row: Option<f64>,
    batch: Option<f64>,
}

/// Generated models of every family, and trained ones where `TRAINYARD_DATA_SETS` names the folder of the data.
pub fn measure() -> Result<Vec<Row>> {
    let program = build_release()?;
    step("Building the bench", "minutes", || {
        let mut command = cargo()?;
        command.args(["build", "--release", "--locked", "--package", "trainyard", "--package", "trainyard-export"]);
        succeed(command.args(["--package", "trainyard-data", "--example", "cases", "--example", "ask"]))
    })?;
    let examples = target_dir()?.join("release/examples");
    let folder = target_dir()?.join("bench/export");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    for seed in ["1", "2"] {
        succeed(Command::new(examples.join("cases")).arg(&folder).args(["500", seed]))?;
    }
    let python = peer::python("onnx", &[PEER, "numpy==2.4.6"])?;
    let cases = ask(&python, &files(&folder)?)?;
    let worst = cases.iter().max_by(|a, b| a.difference.total_cmp(&b.difference)).context("there were no cases")?;
    let name = format!("greatest difference, {} generated models", cases.len());
    let described = cases.iter().filter_map(|case| case.described).fold(0.0, f64::max);
    let mut rows = vec![
        Row::new(name, worst.difference, "").at_most(TOLERANCE),
        Row::new("greatest difference, from the description", described, "").at_most(TOLERANCE),
    ];
    let Some(data) = env::var_os(DATA_SETS).map(PathBuf::from) else {
        eprintln!("SKIPPED adult, california: {DATA_SETS} does not name their folder");
        return Ok(rows);
    };
    for (set, file, target) in SETS {
        let file = data.join(file);
        if !file.exists() {
            eprintln!("SKIPPED {set}: {} is not there", file.display());
            continue;
        }
        for family in FAMILIES {
            rows.extend(trained(&program, &examples, &python, &folder, [set, family, target], &file)?);
        }
    }
    Ok(rows)
}

/// Trains, exports, and asks both.
fn trained(
    program: &Path,
    examples: &Path,
    python: &Path,
    folder: &Path,
    [set, family, target]: [&str; 3],
    data: &Path,
) -> Result<Vec<Row>> {
    let name = format!("{set}, {family}");
    let model = folder.join(format!("{set}-{family}"));
    let case = model.with_extension("json");
    step(&format!("Training {name}"), "1 min", || {
        let mut train = Command::new(program);
        train.args(["train", "--json", "--family", family, "--target", target, "--device", "cpu", "--data"]).arg(data);
        if train.arg("--out").arg(&model).output()?.status.success() { Ok(()) } else { bail!("the training failed") }
    })?;
    let graph = model.with_extension("onnx");
    succeed(Command::new(program).args(["export", "--format", "onnx", "--model"]).arg(&model).arg("--out").arg(graph))?;
    let file = model.join("model.safetensors");
    let answer = peer::pinned(Command::new(examples.join("ask")).arg(&name).arg(file).arg(data).arg("5000"))?;
    fs::write(&case, &answer)?;
    let ours: Ours = serde_json::from_slice(&answer).context("the bench printed no figures")?;
    let told = ask(python, &[case])?.pop().context("onnxruntime printed nothing")?;
    let (Some(one_row), Some(batch)) = (told.one_row, told.batch) else { bail!("onnxruntime printed no times") };
    Ok(vec![
        Row::new(format!("{}: greatest difference", told.name), told.difference, "").at_most(TOLERANCE),
        Row::new(format!("{name}: one row, p50"), ours.one_row, "µs").against(PEER, one_row),
        Row::new(format!("{name}: batch of 1,024"), ours.batch, "rows/s").against(PEER, batch).at_least_of_peer(1.0),
    ])
}

#[derive(Deserialize)]
struct Ours {
    one_row: f64,
    batch: f64,
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    Ok(files)
}

fn ask(python: &Path, cases: &[PathBuf]) -> Result<Vec<Told>> {
    let script = root().join("xtask/src/bench/export.py");
    let answer = peer::pinned(Command::new(python).arg(script).args(cases))?;
    let text = String::from_utf8(answer)?;
    text.lines().map(|line| serde_json::from_str(line).context("the peer printed no figures")).collect()
}
