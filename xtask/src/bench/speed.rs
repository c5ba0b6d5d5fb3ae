//! How fast our nets train and predict, beside nets of the same shape of other programs, on one core in the same run.

use super::{Row, peer};
use crate::command::{cargo, root, step, succeed, target_dir};
use anyhow::{Context, Result};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const SKLEARN: &str = "scikit-learn==1.9.1";
const ONNXRUNTIME: [&str; 3] = ["onnxruntime==1.32.0", "onnx==1.23.2", "numpy==2.4.6"];
/// Rows, columns and epochs.
const SHAPE: [&str; 3] = ["16384", "32", "8"];
/// The shape that the goal for one row is set for: 14 columns.
const NARROW: [&str; 3] = ["2048", "14", "1"];
/// Many rows, so that scoring after each epoch counts for little.
const LARGE: [&str; 3] = ["65536", "32", "4"];
/// Hidden layers, neurons of each, and rows of a step.
const RECIPE: [&str; 3] = ["3", "256", "256"];
/// Operations for a row of 32-256-256-2 in a step: two for each weight, forth, back to the weights and back to the inputs of
/// all layers but the first.
const OPERATIONS: f64 = 2.0 * (3 * (32 * 256 + 256 * 256 + 256 * 2) - 32 * 256) as f64;
/// RealMLP as a plain net.
const PLAIN: [&str; 3] = ["realmlp.embeddings=0", "realmlp.dropout=0", "realmlp.label_smoothing=0"];

#[derive(Deserialize)]
struct Figures {
    /// Rows a second.
    train: f64,
    /// Microseconds.
    one_row: f64,
    /// Rows a second in batches of 1,024.
    batch: f64,
    /// Operations on floats that the core gets through, thousand millions a second; the peers do not measure it.
    #[serde(default)]
    peak: f64,
}

#[derive(Deserialize)]
struct Trained {
    train: f64,
    version: String,
}

#[derive(Deserialize)]
struct Answered {
    one_row: f64,
    batch: f64,
}

/// RealMLP against `MLPClassifier`, both with three layers of 256 neurons, in batches of 256: RealMLP embeds each column
/// in four numbers besides, and scores train and validation rows after each epoch; the peer does neither. Then plain nets.
pub fn measure() -> Result<Vec<Row>> {
    let (program, python) = (ours()?, peer::python("venv", &[SKLEARN])?);
    let both = |shape: [&str; 3]| -> Result<(Figures, Figures)> {
        let mut own = Command::new(&program);
        Ok((run(own.args(shape))?, run(script(&python, "speed.py").args(shape).args(RECIPE))?))
    };
    let (ours, peer) = both(SHAPE)?;
    let (narrow, narrow_peer) = both(NARROW)?;
    let mut rows = vec![
        Row::new("training, one core", ours.train, "rows/s").against(SKLEARN, peer.train).at_least_of_peer(1.0),
        Row::new("one row of 32 columns, p50", ours.one_row, "µs").against(SKLEARN, peer.one_row),
        Row::new("one row of 14 columns, p50", narrow.one_row, "µs")
            .against(SKLEARN, narrow_peer.one_row)
            .at_most(10.0),
        Row::new("batch of 1,024, one core", ours.batch, "rows/s").against(SKLEARN, peer.batch).at_least_of_peer(1.0),
    ];
    rows.extend(training(&program, &python)?);
    rows.extend(answering(&program)?);
    Ok(rows)
}

/// A plain net of two layers of 256 neurons on 32 columns, against scikit-learn's and PyTorch's.
fn training(program: &Path, python: &Path) -> Result<Vec<Row>> {
    let torch = peer::torch();
    let mut rows = Vec::new();
    for size in ["256", "1024"] {
        let name = format!("training 32-256-256-2, batch {size}");
        let batch = format!("realmlp.batch_size={size}");
        let set = ["realmlp.layers=2", "realmlp.width=256", &batch];
        let ours: Figures = run(Command::new(program).args(LARGE).args(PLAIN).args(set))?;
        let shape = ["2", "256", size];
        let peer: Figures = run(script(python, "speed.py").args(LARGE).args(shape))?;
        let own = Row::new(&name, ours.train, "rows/s");
        let share = |rows_a_second: f64| rows_a_second * OPERATIONS / (ours.peak * 1e9);
        let shared = Row::new(format!("{name}, share of the core's peak"), share(ours.train), "");
        rows.push(shared.against(SKLEARN, share(peer.train)));
        rows.push(own.clone().against(SKLEARN, peer.train).at_least_of_peer(2.5));
        match &torch {
            Ok(torch) => {
                let found: Trained = run(script(torch, "speed_torch.py").args(LARGE).args(shape))?;
                let peer = format!("torch {}", found.version);
                rows.push(own.against(&peer, found.train).at_least_of_peer(1.0));
            }
            Err(why) => rows.push(Row::skipped(&format!("{name}, beside PyTorch"), why)),
        }
    }
    Ok(rows)
}

/// A plain net of three layers of 256 neurons on 14 columns, against onnxruntime. Ours takes raw columns in, with names and
/// missing values; the peer takes a matrix of floats.
fn answering(program: &Path) -> Result<Vec<Row>> {
    let python = peer::python("onnx-speed", &ONNXRUNTIME)?;
    let ours: Figures = run(Command::new(program).args(NARROW).args(PLAIN))?;
    let peer: Answered = run(script(&python, "speed_onnx.py").args(["14", "3", "256"]))?;
    let name = "14-256-256-256-2";
    let peer_name = ONNXRUNTIME[0];
    Ok(vec![
        Row::new(format!("{name}: one row, p50"), ours.one_row, "µs").against(peer_name, peer.one_row).at_most(10.0),
        Row::new(format!("{name}: batch of 1,024"), ours.batch, "rows/s")
            .against(peer_name, peer.batch)
            .at_least_of_peer(1.0),
    ])
}

fn ours() -> Result<PathBuf> {
    step("Building the bench", "tens of minutes cold", || {
        let mut command = cargo()?;
        // With the server's package, so that both resolve the same features and share what is compiled.
        command.args(["build", "--release", "--locked", "--package", "trainyard", "--package", "trainyard-learn"]);
        succeed(command.args(["--example", "speed"]))
    })?;
    Ok(target_dir()?.join("release/examples/speed"))
}

/// A script of this folder.
fn script(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(root().join("xtask/src/bench").join(name));
    command
}

/// Runs on one core.
fn run<T: DeserializeOwned>(command: &Command) -> Result<T> {
    serde_json::from_slice(&peer::pinned(command)?).with_context(|| format!("{command:?} printed no figures"))
}
