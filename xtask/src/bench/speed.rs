//! Training and prediction speed against scikit-learn's MLP of the same shape.

use super::{Row, peer};
use crate::command::{cargo, output, step};
use anyhow::{Context, Result};
use serde_json::Value;
use std::process::Command;

const SCRIPT: &str = include_str!("mlp_peer.py");
const PEER: &str = "scikit-learn 1.9.1 MLPClassifier";

/// Rows a second while training, time of a one-row prediction, and rows a second in a batch.
pub fn measure() -> Result<Vec<Row>> {
    let python = peer::python(&["scikit-learn==1.9.1"])?;
    let ours = step("Compiling and running ours", "1 min after `cargo xtask run`", || {
        output(cargo()?.args([
            "run",
            "--quiet",
            "--locked",
            "--release",
            "--package",
            "trainyard-learn",
            "--example",
            "speed",
        ]))
    })?;
    let ours: Value = serde_json::from_str(ours.trim()).context("our measurement printed no JSON")?;
    let theirs = step("Running scikit-learn", "half a minute", || output(Command::new(python).args(["-c", SCRIPT])))?;
    let theirs: Value = serde_json::from_str(theirs.trim()).context("the peer printed no JSON")?;
    let number = |of: &Value, name: &str| of[name].as_f64().with_context(|| format!("'{name}' is missing"));
    Ok(vec![
        Row::new("RealMLP training, 32-256x3-2, batch 256", number(&ours, "train")?, "rows/s").over_peer(
            PEER,
            number(&theirs, "train")?,
            1.0,
        ),
        Row::new("one-row prediction in process, p50", number(&ours, "one_row")?, "µs").at_most(50.0),
        Row::new("scikit-learn's one-row prediction, p50", number(&theirs, "one_row")?, "µs"),
        Row::new("batch prediction, one thread", number(&ours, "batch")?, "rows/s").over_peer(
            PEER,
            number(&theirs, "batch")?,
            1.0,
        ),
    ])
}
