//! How fast our net trains and predicts, beside scikit-learn's net of the same shape, on one core in the same run.

use super::{Row, peer};
use crate::command::{cargo, root, step, succeed, target_dir};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::{path::PathBuf, process::Command};

const PEER: &str = "scikit-learn==1.9.1";
/// Rows, columns and epochs.
const SHAPE: [&str; 3] = ["16384", "32", "8"];
/// The shape that the goal for one row is set for: 14 columns.
const NARROW: [&str; 3] = ["2048", "14", "1"];

#[derive(Deserialize)]
struct Figures {
    /// Rows a second.
    train: f64,
    /// Microseconds.
    one_row: f64,
    /// Rows a second in batches of 1,024.
    batch: f64,
}

/// RealMLP against `MLPClassifier`, both with three layers of 256 neurons, in batches of 256. RealMLP embeds each column
/// in four numbers besides, and scores train and validation rows after each epoch; the peer does neither.
pub fn measure() -> Result<Vec<Row>> {
    let (program, python) = (ours()?, peer::python("venv", &[PEER])?);
    let both = |shape: [&str; 3]| -> Result<(Figures, Figures)> {
        let script = root().join("xtask/src/bench/speed.py");
        Ok((run(Command::new(&program).args(shape))?, run(Command::new(&python).arg(script).args(shape))?))
    };
    let (ours, peer) = both(SHAPE)?;
    let (narrow, narrow_peer) = both(NARROW)?;
    Ok(vec![
        Row::new("training, one core", ours.train, "rows/s").against(PEER, peer.train).at_least_of_peer(1.0),
        Row::new("one row of 32 columns, p50", ours.one_row, "µs").against(PEER, peer.one_row),
        Row::new("one row of 14 columns, p50", narrow.one_row, "µs").against(PEER, narrow_peer.one_row).at_most(10.0),
        Row::new("batch of 1,024, one core", ours.batch, "rows/s").against(PEER, peer.batch).at_least_of_peer(1.0),
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

/// Runs on one core.
fn run(command: &Command) -> Result<Figures> {
    serde_json::from_slice(&peer::pinned(command)?).with_context(|| format!("{command:?} printed no figures"))
}
