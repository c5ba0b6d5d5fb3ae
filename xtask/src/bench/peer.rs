//! Programs to measure against: Python packages in environments of their own, and one core for everybody.

use crate::command::{find, step, succeed, target_dir};
use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Debian's PyTorch multiplies with the machine's BLAS, of which the plain one is ten times as slow: no peer to be beside.
const HAS_TORCH: &str =
    "import torch; assert torch.backends.mkl.is_available() or 'openblas' in open('/proc/self/maps').read()";

/// A Python that has these packages (`name==version`), in an environment called `home`.
pub fn python(home: &str, packages: &[&str]) -> Result<PathBuf> {
    let home = target_dir()?.join("bench").join(home);
    let python = home.join("bin/python");
    let check = format!(
        "from importlib.metadata import version; assert all(version(p.split('==')[0]) == p.split('==')[1] for p in {packages:?})"
    );
    if !Command::new(&python).args(["-c", &check]).output().is_ok_and(|answer| answer.status.success()) {
        let system =
            find(&["python3"]).context("Python 3 is not here. Install it: apt install python3 python3-venv")?;
        step(&format!("Installing {}", packages.join(", ")), "1 min", || {
            succeed(Command::new(system).args(["-m", "venv"]).arg(&home))?;
            succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))
        })?;
    }
    Ok(python)
}

/// A Python that has PyTorch: the system's (Debian's python3-torch), or one in an environment of its own from PyTorch's index of
/// builds for the CPU. What PyPI has for this platform may bring gigabytes of CUDA along.
///
/// # Errors
/// How to get one.
pub fn torch() -> Result<PathBuf, String> {
    let has = |python: &Path| {
        Command::new(python).args(["-c", HAS_TORCH]).output().is_ok_and(|answer| answer.status.success())
    };
    let none = || {
        "PyTorch with a fast matrix product is not here. Install it: apt install python3-torch libopenblas0".to_owned()
    };
    let home = target_dir().map_err(|error| error.to_string())?.join("bench/torch");
    let own = home.join("bin/python");
    if has(&own) {
        return Ok(own);
    }
    let system = find(&["python3"]).ok_or_else(none)?;
    // Debian's package is for Debian's Python, which another one may stand before.
    if let Some(python) = [system.as_path(), Path::new("/usr/bin/python3")].into_iter().find(|python| has(python)) {
        return Ok(python.to_owned());
    }
    let index = ["--index-url", "https://download.pytorch.org/whl/cpu", "--retries", "0", "--timeout", "15"];
    let _ = step("Installing PyTorch for the CPU", "1 min", || {
        succeed(Command::new(&system).args(["-m", "venv"]).arg(&home))?;
        succeed(Command::new(&own).args(["-m", "pip", "install", "--quiet"]).args(index).arg("torch"))
    });
    if has(&own) { Ok(own) } else { Err(none()) }
}

/// What a program prints that runs on one core.
pub fn pinned(command: &Command) -> Result<Vec<u8>> {
    let Some(taskset) = find(&["taskset"]) else {
        bail!("taskset is not here, so that no program can be kept to one core. Install util-linux");
    };
    let mut pinned = Command::new(taskset);
    pinned.args(["-c", "0"]).arg(command.get_program()).args(command.get_args());
    pinned.envs([
        ("RAYON_NUM_THREADS", "1"),
        ("OMP_NUM_THREADS", "1"),
        ("OPENBLAS_NUM_THREADS", "1"),
        ("MKL_NUM_THREADS", "1"),
    ]);
    let answer = pinned.output().with_context(|| format!("can't start {command:?}"))?;
    if !answer.status.success() {
        bail!("{command:?} ended with {}: {}", answer.status, String::from_utf8_lossy(&answer.stderr));
    }
    Ok(answer.stdout)
}
