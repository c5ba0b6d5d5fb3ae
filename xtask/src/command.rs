//! Running other programs, and where their output goes.

use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// The workspace's folder.
pub fn root() -> PathBuf {
    // Asked at run time: a target directory that two checkouts share holds one xtask for both.
    let manifest = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&manifest).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Cargo's target directory: this program lies in `<target>/<profile>/`.
pub fn target_dir() -> Result<PathBuf> {
    let program = std::env::current_exe().context("can't tell where this program lies")?;
    let folder = program.ancestors().nth(2).context("this program lies in no target directory")?;
    Ok(folder.to_path_buf())
}

/// Cargo, in the workspace, with the target directory that this program was built in.
pub fn cargo() -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).env("CARGO_TARGET_DIR", target_dir()?);
    // What cargo tells a program that it runs would change the fingerprints of what that program builds.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    Ok(command)
}

/// Says what begins and how long it may take, runs it, and says how long it took.
pub fn step<T>(what: &str, expected: &str, action: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("==> {what} ({expected})");
    let start = Instant::now();
    let outcome = action().with_context(|| format!("{what} failed"))?;
    eprintln!("    done in {}", duration(start.elapsed().as_secs_f64()));
    Ok(outcome)
}

/// `73.4` becomes `1 min 13 s`.
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:.0} s", (seconds / 60.0) as u64, (seconds % 60.0).floor())
    }
}

/// Runs the command with its output shown, and fails if it does.
pub fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("can't start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs the command and gives its standard output; its standard error is part of the error if it fails.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("can't start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}: {}", shown(command), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first of these programs that is on the path.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names
        .iter()
        .find_map(|name| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()))
}

fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args().take(6) {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}
