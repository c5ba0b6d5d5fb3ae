//! Python peers in a virtual environment of their own.

use crate::command::{find, output, step, succeed, target_dir};
use anyhow::{Context, Result};
use std::{path::PathBuf, process::Command};

/// The environment's Python, with these packages (`name==version`) installed.
pub fn python(packages: &[&str]) -> Result<PathBuf> {
    let home = target_dir()?.join("bench-venv");
    let python = home.join("bin/python");
    if !python.exists() {
        let system = find(&["python3"]).context("python3 is not here; the peers need it")?;
        succeed(Command::new(system).args(["-m", "venv"]).arg(&home))?;
    }
    let installed = output(Command::new(&python).args(["-m", "pip", "freeze"]))?;
    if packages.iter().any(|package| !installed.contains(package)) {
        step("Installing the peers", "1 min", || {
            succeed(
                Command::new(&python)
                    .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                    .args(packages),
            )
        })?;
    }
    Ok(python)
}
