//! `cargo xtask run`: from a fresh clone to the page.

use crate::{
    command::{cargo, duration, root, step, succeed, target_dir},
    preflight, site,
};
use anyhow::{Context, Result, bail};
use std::{path::PathBuf, process::Command, time::Instant};

/// Builds the release and hands over to it.
pub fn run(arguments: &[String]) -> Result<()> {
    let start = Instant::now();
    let (port, rest) = parse(arguments)?;
    preflight::port(port)?;
    let program = build_release()?;
    eprintln!("==> Ready after {}; starting the server", duration(start.elapsed().as_secs_f64()));
    let mut command = Command::new(&program);
    command.current_dir(root()).arg("serve").arg("--demo").arg("--bind").arg(format!("127.0.0.1:{port}")).args(rest);
    replace(command)
}

/// The browser's part and the release binary that holds it.
pub fn build_release() -> Result<PathBuf> {
    let target = target_dir()?;
    preflight::check()?;
    if !target.join("release/trainyard").exists() {
        eprintln!("A first build takes 30 to 40 minutes on two cores; later ones take seconds.");
    }
    let site = site::build()?;
    step("Compiling the server", "35 min cold, seconds warm", || {
        succeed(
            cargo()?.args(["build", "--locked", "--release", "--package", "trainyard"]).env("TRAINYARD_SITE", &site),
        )
    })?;
    Ok(target.join("release/trainyard"))
}

fn parse(arguments: &[String]) -> Result<(u16, Vec<String>)> {
    let mut port = 3000;
    let mut rest = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--port" => {
                let text = arguments.next().context("--port needs a number")?;
                port = text.parse().with_context(|| format!("'{text}' is no port"))?;
            }
            "--" => rest.extend(arguments.by_ref().cloned()),
            other => bail!(
                "'{other}' is not known here. Flags of the server stand after --, as in: cargo xtask run -- --data-dir DIR"
            ),
        }
    }
    Ok((port, rest))
}

/// Becomes the server, so that signals reach it as they come.
#[cfg(unix)]
fn replace(mut command: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).context("can't start the server")
}

#[cfg(not(unix))]
fn replace(mut command: Command) -> Result<()> {
    succeed(&mut command)
}
